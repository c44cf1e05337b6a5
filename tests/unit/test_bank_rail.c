/* SPDX-License-Identifier: Apache-2.0
 * covers: F-048
 * The bank rail: destinations, ids, groups of payments in one file, and putting it out: in a folder
 * with a stop after each step, and at a scripted server. */
#include "json_doc.h"
#include "web_script.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "crypto/hash.h"
#include "rails/bank/bank.h"
#include "rails/bank/bank_parts.h"
#include "wire/bank/report.h"

#define BEGAN    ((mete_time)1738323296000000) /* Friday 2025-01-31T11:34:56Z */
#define PAYMENTS 3
#define NL       "{\"name\":\"A\xc3\xa9 & B\",\"iban\":\"NL91 ABNA 0417 1643 00\",\"bic\":\"ABNANL2A\"}"
#define DE       "DE89370400440532013000, Some One"

/* --- ids and destinations ----------------------------------------------------------------------*/

static void test_ids(void **state)
{
    char e2e[BANK_E2E_LEN + 1];
    char id[BANK_E2E_LEN + 1];
    char ach[BANK_ACH_LEN + 1];
    uint32_t attempt = 0;
    struct mete_err err;
    (void)state;
    for (uint32_t n = 1; n <= 35; n++) {
        assert_true(bank_e2e_make(e2e, TEXT("po_0123456789abcdef0123456789abcdef"), n));
        assert_int_equal(strlen(e2e), 35);
        assert_int_equal(bank_id_check(text_of(e2e), "", &err), METE_OK);
        assert_true(bank_e2e_read(text_of(e2e), id, &attempt));
        assert_int_equal(attempt, n);
        assert_string_equal(id, "po_0123456789abcdef0123456789abcdef");
    }
    assert_true(bank_e2e_make(e2e, TEXT("po_0123456789abcdef0123456789abcdef"), 1));
    assert_string_equal(e2e, "po10123456789abcdef0123456789abcdef");
    bank_ach_make(ach, e2e);
    assert_string_equal(ach, "10123456789ABCD");
    assert_false(bank_e2e_make(e2e, TEXT("po_0123456789abcdef0123456789abcdef"), 36));
    assert_false(bank_e2e_make(e2e, TEXT("po_0123456789abcdef0123456789abcdef"), 0));
    assert_false(bank_e2e_make(e2e, TEXT("po_0123456789abcdef0123456789abcdeg"), 1));
    static const char *const foreign[] = {"", "NOTPROVIDED", "po_0123456789abcdef0123456789abcdef",
                                          "po10123456789ABCDEF0123456789abcdef",
                                          "po10123456789abcdef0123456789abcde"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        assert_false(bank_e2e_read(text_of(foreign[i]), id, &attempt));
    }
}

static void test_destinations(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"name\":\"A\"}",
        "{\"iban\":\"NL91ABNA0417164300\"}",
        "{\"name\":\"A\",\"iban\":\"NL92ABNA0417164300\"}",
        "{\"name\":\"A\",\"iban\":\"NL91ABNA0417164300\",\"bic\":\"X\"}",
        "NL91ABNA0417164300",
        "NL91ABNA0417164300,",
        "NL91ABNA0417164301, A"};
    struct arena a;
    struct payee p;
    struct mete_err err;
    (void)state;
    arena_init(&a, (size_t)1 << 20);
    assert_int_equal(payee_read(text_of(NL), false, &p, &a, &err), METE_OK);
    assert_string_equal(p.iban.text, "NL91ABNA0417164300");
    assert_string_equal(p.name, "A\xc3\xa9 & B");
    assert_string_equal(p.bic.text, "ABNANL2A");
    assert_int_equal(payee_read(text_of(DE), false, &p, &a, &err), METE_OK);
    assert_string_equal(p.name, "Some One");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_not_equal(payee_read(text_of(bad[i]), false, &p, &a, &err), METE_OK);
        assert_null(strstr(err.text, "NL9"));
    }
    const struct text ach = TEXT("{\"name\":\"A\",\"routing\":\"021000021\",\"account\":\"12-3\","
                                 "\"type\":\"savings\"}");
    assert_int_equal(payee_read(ach, true, &p, &a, &err), METE_OK);
    assert_true(p.savings);
    assert_string_equal(p.account, "12-3");
    assert_int_not_equal(payee_read(text_of(DE), true, &p, &a, &err), METE_OK);
    arena_clear(&a);
}

/* --- a stage -----------------------------------------------------------------------------------*/

struct stage {
    struct rail *rail;
    struct arena arena;
    char folder[32];
    struct rail_payment payment[PAYMENTS];
    struct rail_payment *p[PAYMENTS];
    char id[PAYMENTS][36];
};

static void payment_make(struct stage *s, size_t i, const char *destination)
{
    snprintf(s->id[i], sizeof s->id[i], "po_%032zx", i + 1);
    s->payment[i] = (struct rail_payment){.book = TEXT("main"),
                                          .transfer_id = text_of(s->id[i]),
                                          .batch_id = TEXT("weekly/2025-W05"),
                                          .party = TEXT("did:a"),
                                          .attempt = 1,
                                          .asset = *asset_builtin(TEXT("EUR")),
                                          .amount = (i128)(1000 + i),
                                          .fee_max = -1,
                                          .destination = text_of(destination),
                                          .now = BEGAN};
    s->p[i] = &s->payment[i];
}

static void stage_open(struct stage *s, const struct script_setting *more)
{
    struct script_setting all[24] = {{"debtor", "Mete Ltd"}, {"iban", "DE89370400440532013000"}};
    const struct rail_config c = {script_get, all};
    struct mete_err err;
    size_t n = 2;
    memset(s, 0, sizeof *s);
    script_clear();
    snprintf(s->folder, sizeof s->folder, "/tmp/mete-bank-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    bool url = false;
    for (; more != NULL && more->name != NULL; more++) {
        all[n++] = *more;
        url |= strcmp(more->name, "url") == 0;
    }
    if (!url) {
        all[n++] = (struct script_setting){"folder", s->folder};
    }
    if (BANK_RAIL.open(&s->rail, &c, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    arena_init(&s->arena, (size_t)64 << 20);
    for (size_t i = 0; i < PAYMENTS; i++) {
        payment_make(s, i, i % 2 == 0 ? NL : DE);
    }
}

static void folder_remove(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[600];
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            folder_remove(path);
            (void)remove(path);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    (void)rmdir(folder);
}

static void stage_close(struct stage *s)
{
    BANK_RAIL.close(s->rail);
    arena_clear(&s->arena);
    folder_remove(s->folder);
    assert_int_equal(script.asked_count, script.answers);
}

typedef void rail_call(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

static void call(struct stage *s, rail_call *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memset(&s->payment[i].report, 0, sizeof s->payment[i].report);
    }
    f(s->rail, s->p, count, &s->arena);
    for (size_t i = 0; i < count; i++) {
        assert_null(strstr(s->payment[i].report.reason, "NL91"));
        assert_null(strstr(s->payment[i].report.reason, "Some One"));
    }
}

static void expect(const struct stage *s, size_t count, enum rail_outcome want)
{
    for (size_t i = 0; i < count; i++) {
        if (s->payment[i].report.outcome != want) {
            fail_msg("payment %zu: %s (%s), not %s", i,
                     rail_outcome_name(s->payment[i].report.outcome), s->payment[i].report.reason,
                     rail_outcome_name(want));
        }
    }
}

static void prepared(struct stage *s)
{
    call(s, BANK_RAIL.prepare, PAYMENTS);
    expect(s, PAYMENTS, RAIL_ACCEPTED);
    for (size_t i = 0; i < PAYMENTS; i++) {
        s->payment[i].sending_at = BEGAN;
        s->payment[i].destination = (struct text){0};
    }
}

static const char *out_path(const struct stage *s, const char *below, const char *end)
{
    static char path[200];
    snprintf(path, sizeof path, "%s%s/%.*s%s", s->folder, below, 35, s->payment[0].anchor.p, end);
    return path;
}

static bool stands(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static void check_same(const char *path, struct text want)
{
    struct buf got = {0};
    read_path(path, &got);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.p, want.p, want.len);
    buf_clear(&got);
}

/** What is remembered of a file names nobody: its digest, and when. */
static void check_mark(const char *path, struct text file)
{
    struct buf got = {0};
    char hex[65];
    const struct hash h = sha256(text_bytes(file));
    hash_hex(&h, hex);
    read_path(path, &got);
    assert_in_range(got.len, 65, 100);
    assert_memory_equal(got.p, hex, 64);
    buf_clear(&got);
}

/* --- preparing ---------------------------------------------------------------------------------*/

static void test_prepare(void **state)
{
    struct stage s;
    struct pain001_seen seen;
    struct mete_err err;
    (void)state;
    stage_open(&s, NULL);
    prepared(&s);
    assert_int_equal(pain001_check(text_bytes(s.payment[0].body[0]), false, 7u, &seen, &err),
                     METE_OK);
    assert_int_equal(seen.count, PAYMENTS);
    assert_true(seen.sum_e5 == (i128)(1000 + 1001 + 1002) * 1000);
    assert_int_equal(seen.version, PAIN001_09);
    assert_int_equal(seen.execution_day, 20122); /* Friday, and one banking day: Monday */
    for (size_t i = 0; i < PAYMENTS; i++) {
        char e2e[36];
        assert_true(bank_e2e_make(e2e, text_of(s.id[i]), 1));
        assert_int_equal(s.payment[i].anchor.len, 35 + 1 + 35);
        assert_memory_equal(s.payment[i].anchor.p, seen.id, 35);
        assert_memory_equal(s.payment[i].anchor.p + 36, e2e, 35);
        assert_true(text_is(s.payment[i].group, seen.id));
        assert_int_equal(text_starts(s.payment[i].body[0], "file "), i > 0);
    }
    /* The same payments are the same message; another attempt of one is another. */
    char first[36];
    memcpy(first, seen.id, sizeof first);
    for (size_t i = 0; i < PAYMENTS; i++) {
        payment_make(&s, i, DE);
    }
    call(&s, BANK_RAIL.prepare, PAYMENTS);
    assert_memory_equal(s.payment[0].anchor.p, first, 35);
    s.payment[2].attempt = 2;
    call(&s, BANK_RAIL.prepare, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    assert_memory_not_equal(s.payment[0].anchor.p, first, 35);
    stage_close(&s);
}

/** Who cannot be paid is left out, and the others are one file. */
static void test_prepare_some(void **state)
{
    static const char *const bad[] = {"DE89370400440532013001, Some One", "{}", "a@b.example"};
    struct stage s;
    struct pain001_seen seen;
    (void)state;
    stage_open(&s, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        payment_make(&s, 0, bad[i]);
        call(&s, BANK_RAIL.prepare, PAYMENTS);
        assert_int_equal(s.payment[0].report.outcome, RAIL_REJECTED);
        assert_true(s.payment[0].report.remediation[0] != '\0');
        assert_int_equal(s.payment[1].report.outcome, RAIL_ACCEPTED);
        assert_int_equal(pain001_check(text_bytes(s.payment[1].body[0]), false, 7u, &seen, NULL),
                         METE_OK);
        assert_int_equal(seen.count, 2);
    }
    payment_make(&s, 0, DE);
    s.payment[0].asset = *asset_builtin(TEXT("USD")); /* SEPA is euro alone */
    s.payment[1].amount = (i128)100000000000;         /* and 999,999,999.99 at most */
    call(&s, BANK_RAIL.prepare, PAYMENTS);
    assert_int_equal(s.payment[0].report.outcome, RAIL_REJECTED);
    assert_int_equal(s.payment[1].report.outcome, RAIL_REJECTED);
    assert_int_equal(s.payment[2].report.outcome, RAIL_ACCEPTED);
    stage_close(&s);
    static const struct script_setting other[] = {
        {"scheme", "other"}, {"format", "pain.001.001.03"}, {NULL, NULL}};
    stage_open(&s, other);
    s.payment[0].asset = *asset_builtin(TEXT("USD"));
    s.payment[1].asset = *asset_builtin(TEXT("JPY"));
    call(&s, BANK_RAIL.prepare, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    assert_int_equal(pain001_check(text_bytes(s.payment[0].body[0]), false, 7u, &seen, NULL),
                     METE_OK);
    assert_int_equal(seen.version, PAIN001_03);
    stage_close(&s);
}

/* --- putting it out ----------------------------------------------------------------------------*/

static void test_folder(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, NULL);
    prepared(&s);
    const struct text file = s.payment[0].body[0];
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ABSENT);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    check_same(out_path(&s, "", ".xml"), file);
    check_mark(out_path(&s, "/.mete-sent", ".xml"), file);
    /* Killed before the step was said: whoever comes next finds it, and sends nothing else. */
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    struct stat before;
    struct stat after;
    assert_int_equal(stat(out_path(&s, "", ".xml"), &before), 0);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    assert_int_equal(stat(out_path(&s, "", ".xml"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    /* Fetched by the bank: it is not put there once more. */
    assert_int_equal(unlink(out_path(&s, "", ".xml")), 0);
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    assert_false(stands(out_path(&s, "", ".xml")));
    /* One of the group alone, without the bytes. */
    s.p[0] = &s.payment[1];
    memset(&s.payment[1].report, 0, sizeof s.payment[1].report);
    BANK_RAIL.probe(s.rail, s.p, 1, &s.arena);
    assert_int_equal(s.payment[1].report.outcome, RAIL_ACCEPTED);
    BANK_RAIL.send(s.rail, s.p, 1, &s.arena);
    assert_int_equal(s.payment[1].report.outcome, RAIL_UNKNOWN);
    stage_close(&s);
}

/** Killed between the link and the mark; and a foreign file under the name. */
static void test_folder_stops(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, NULL);
    prepared(&s);
    call(&s, BANK_RAIL.send, PAYMENTS);
    assert_int_equal(unlink(out_path(&s, "/.mete-sent", ".xml")), 0);
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    assert_true(stands(out_path(&s, "/.mete-sent", ".xml"))); /* the mark is made good */
    assert_int_equal(unlink(out_path(&s, "/.mete-sent", ".xml")), 0);
    assert_int_equal(unlink(out_path(&s, "", ".xml")), 0);
    FILE *f = fopen(out_path(&s, "", ".xml"), "w");
    fputs("something else", f);
    fclose(f);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    check_same(out_path(&s, "", ".xml"), TEXT("something else"));
    folder_remove(s.folder);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    stage_close(&s);
}

/** A file that does not have the hash which the others have committed is not sent. */
static void test_other_bytes(void **state)
{
    struct stage s;
    (void)state;
    stage_open(&s, NULL);
    prepared(&s);
    s.payment[0].body[0].len--;
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    assert_false(stands(out_path(&s, "", ".xml")));
    stage_close(&s);
}

static void test_url(void **state)
{
    static const struct script_setting settings[] = {{"url", "http://127.0.0.1:9/in/"},
                                                     {NULL, NULL}};
    static const struct {
        struct script_answer put;
        enum rail_outcome want;
    } cases[] = {{{WEB_ANSWERED, 201, "", false, 0}, RAIL_ACCEPTED},
                 {{WEB_ANSWERED, 204, "", false, 0}, RAIL_ACCEPTED},
                 {{WEB_ANSWERED, 500, "", false, 0}, RAIL_UNKNOWN},
                 {{WEB_ANSWERED, 401, "", false, 0}, RAIL_UNKNOWN},
                 {{WEB_BROKEN, 0, "", false, 0}, RAIL_UNKNOWN},
                 {{WEB_NOT_SENT, 0, "", false, 0}, RAIL_UNKNOWN}};
    struct stage s;
    char url[100];
    char file[8192];
    (void)state;
    stage_open(&s, settings);
    prepared(&s);
    snprintf(file, sizeof file, "%.*s", (int)s.payment[0].body[0].len, s.payment[0].body[0].p);
    snprintf(url, sizeof url, "http://127.0.0.1:9/in/%.35s.xml", s.payment[0].anchor.p);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        script_add(cases[i].put);
        call(&s, BANK_RAIL.send, PAYMENTS);
        expect(&s, PAYMENTS, cases[i].want);
        assert_string_equal(script.asked[i].method, "PUT");
        assert_string_equal(script.asked[i].url, url);
        assert_string_equal(script.asked[i].body, file);
        assert_true(script_has_header(i, "If-None-Match: *"));
    }
    script_say(412, "");
    script_say(200, file);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    script_say(412, "");
    script_say(200, "another");
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    script_say(404, "");
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ABSENT);
    script_say(405, ""); /* it shows no files: put there again, it has the name already */
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ABSENT);
    script_say(409, "");
    script_say(405, "");
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    script_say(503, "");
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    stage_close(&s);
}

/* --- NACHA -------------------------------------------------------------------------------------*/

#define ACH "{\"name\":\"Some One\",\"routing\":\"021000021\",\"account\":\"123456789\"}"

static bool entry_count(void *arg, const struct nacha_record *r)
{
    unsigned *n = arg;
    (*n)++;
    return r->kind == NACHA_PLAIN && r->code == 22;
}

#define NACHA                                                                                      \
    {"format", "nacha"}, {"routing", "021000021"}, {"origin", "1234567890"},                       \
        {"company_id", "1234567890"},                                                              \
    {                                                                                              \
        "bank_name", "A BANK"                                                                      \
    }

static void ach_prepared(struct stage *s)
{
    for (size_t i = 0; i < PAYMENTS; i++) {
        payment_make(s, i, ACH);
        s->payment[i].asset = *asset_builtin(TEXT("USD"));
    }
    prepared(s);
}

static void test_nacha(void **state)
{
    static const struct script_setting settings[] = {NACHA, {NULL, NULL}};
    struct stage s;
    unsigned n = 0;
    struct mete_err err;
    (void)state;
    stage_open(&s, settings);
    ach_prepared(&s);
    if (nacha_read(text_bytes(s.payment[0].body[0]), entry_count, &n, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(n, PAYMENTS);
    assert_int_equal(s.payment[0].anchor.len, 35 + 1 + 35 + 1 + 15);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    check_same(out_path(&s, "", ".ach"), s.payment[0].body[0]);
    /* Monday 3 February it is executed; on Friday the 7th nobody has said anything. */
    for (size_t i = 0; i < PAYMENTS; i++) {
        s.payment[i].now = BEGAN + 6 * TIME_DAY_US;
    }
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    for (size_t i = 0; i < PAYMENTS; i++) {
        s.payment[i].now = BEGAN + 7 * TIME_DAY_US;
    }
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_PAID);
    assert_true(text_starts(s.payment[0].report.proof, "presumed"));
    /* Killed while it was put out, and perhaps fetched: nobody puts it there again by himself. */
    assert_false(stands(out_path(&s, "/.mete-sent", ".ach.begun")));
    assert_int_equal(rename(out_path(&s, "", ".ach"), arena_printf(&s.arena, "%s/x", s.folder).p),
                     0);
    assert_int_equal(unlink(out_path(&s, "/.mete-sent", ".ach")), 0);
    fclose(fopen(out_path(&s, "/.mete-sent", ".ach.begun"), "w"));
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    assert_false(stands(out_path(&s, "", ".ach")));
    assert_int_equal(unlink(out_path(&s, "/.mete-sent", ".ach.begun")), 0);
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED); /* it is out since today, Friday: silence means nothing */
    assert_true(stands(out_path(&s, "", ".ach")));
    check_mark(out_path(&s, "/.mete-sent", ".ach"), s.payment[0].body[0]);
    for (size_t i = 0; i < PAYMENTS; i++) { /* Monday the 10th, and three banking days */
        s.payment[i].now = BEGAN + 13 * TIME_DAY_US;
    }
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    for (size_t i = 0; i < PAYMENTS; i++) {
        s.payment[i].now = BEGAN + 14 * TIME_DAY_US;
    }
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_PAID);
    payment_make(&s, 0, ACH); /* euro by ACH; too much; no such account */
    payment_make(&s, 1, ACH);
    payment_make(&s, 2, "{\"name\":\"A\",\"routing\":\"021000022\",\"account\":\"1\"}");
    s.payment[1].asset = *asset_builtin(TEXT("USD"));
    s.payment[1].amount = (i128)10000000000;
    call(&s, BANK_RAIL.prepare, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_REJECTED);
    stage_close(&s);
}

/* Another worker does all of it, and the bank fetches the file, in the middle of this one's. */
static struct {
    struct stage *other;
    const char *end; /* of the name that is being made; NULL: nobody comes between */
    unsigned came;
    unsigned fetched;
} between;

static void bank_fetch(const struct stage *s)
{
    between.fetched += unlink(out_path(s, "", ".ach")) == 0;
}

/** In the place of libc's. */
int link(const char *from, const char *to)
{
    const char *end = between.end;
    size_t len = end != NULL ? strlen(end) : 0;
    if (end != NULL && strlen(to) > len && strcmp(to + strlen(to) - len, end) == 0) {
        between.end = NULL;
        between.came++;
        call(between.other, BANK_RAIL.send, PAYMENTS);
        bank_fetch(between.other);
    }
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/** Two workers with the same bytes, at the same time: the bank gets one file. */
static void test_nacha_two_workers(void **state)
{
    static const struct script_setting settings[] = {NACHA, {NULL, NULL}};
    static const char *const ENDS[] = {".begun", ".ach"};
    struct stage s;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++) {
        stage_open(&s, settings);
        ach_prepared(&s);
        struct stage other = s;
        for (size_t k = 0; k < PAYMENTS; k++) {
            other.p[k] = &other.payment[k];
        }
        memset(&between, 0, sizeof between);
        between.other = &other;
        between.end = ENDS[i];
        call(&s, BANK_RAIL.send, PAYMENTS);
        bank_fetch(&s);
        assert_int_equal(between.came, 1);
        assert_int_equal(between.fetched, 1);
        call(&s, BANK_RAIL.probe, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_ACCEPTED);
        call(&s, BANK_RAIL.send, PAYMENTS);
        bank_fetch(&s);
        assert_int_equal(between.fetched, 1);
        other.arena = (struct arena){0};
        stage_close(&s);
    }
}

/** A server that may have handed the file on: whoever does not know that it has not, sends none. */
static void test_nacha_url(void **state)
{
    char marks[] = "/tmp/mete-marks-XXXXXX";
    assert_non_null(mkdtemp(marks));
    const struct script_setting settings[] = {
        NACHA, {"url", "http://127.0.0.1:9/in"}, {"marks", marks}, {NULL, NULL}};
    struct script_setting bare[] = {
        NACHA, {"debtor", "Mete Inc"}, {"url", "http://127.0.0.1:9/in"}, {NULL, NULL}};
    const struct rail_config c = {script_get, bare};
    struct rail *r = NULL;
    struct mete_err err;
    assert_int_equal(BANK_RAIL.open(&r, &c, &err), METE_USAGE);
    assert_non_null(strstr(err.text, "[bank] marks: "));
    static const struct script_answer lost[] = {{WEB_BROKEN, 0, "", false, 0},
                                                {WEB_ANSWERED, 500, "", false, 0},
                                                {WEB_ANSWERED, 504, "", false, 0}};
    struct stage s;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        stage_open(&s, settings);
        ach_prepared(&s);
        const char *begun =
            arena_printf(&s.arena, "%s/%.35s.ach.begun", marks, s.payment[0].anchor.p).p;
        call(&s, BANK_RAIL.probe, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_ABSENT); /* nobody has begun it */
        script_add(lost[i]);
        call(&s, BANK_RAIL.send, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_UNKNOWN);
        assert_true(stands(begun));
        script_say(404, "");
        call(&s, BANK_RAIL.probe, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_UNKNOWN);
        script_say(405, "");
        call(&s, BANK_RAIL.probe, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_UNKNOWN);
        script_say(404, "");
        call(&s, BANK_RAIL.send, PAYMENTS); /* a worker that slept asks, and puts nothing there */
        expect(&s, PAYMENTS, RAIL_UNKNOWN);
        assert_int_equal(unlink(begun), 0); /* the bank has said that it has none */
        call(&s, BANK_RAIL.probe, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_ABSENT);
        script_say(201, "");
        call(&s, BANK_RAIL.send, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_ACCEPTED);
        call(&s, BANK_RAIL.probe, PAYMENTS); /* wherever the server has it now */
        expect(&s, PAYMENTS, RAIL_ACCEPTED);
        call(&s, BANK_RAIL.send, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_ACCEPTED);
        stage_close(&s);
        folder_remove(marks);
        assert_int_equal(mkdir(marks, 0700), 0);
    }
    folder_remove(marks);
}

/** What did not leave this machine, or was not let in, may be put there again; what stands there is
 *  out. */
static void test_nacha_url_proven(void **state)
{
    char marks[] = "/tmp/mete-marks-XXXXXX";
    assert_non_null(mkdtemp(marks));
    const struct script_setting settings[] = {
        NACHA, {"url", "http://127.0.0.1:9/in"}, {"marks", marks}, {NULL, NULL}};
    static const struct script_answer none[] = {{WEB_NOT_SENT, 0, "", false, 0},
                                                {WEB_REFUSED, 0, "", false, 0},
                                                {WEB_ANSWERED, 401, "", false, 0},
                                                {WEB_ANSWERED, 403, "", false, 0}};
    struct stage s;
    (void)state;
    stage_open(&s, settings);
    ach_prepared(&s);
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        script_add(none[i]);
        call(&s, BANK_RAIL.send, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_UNKNOWN);
        call(&s, BANK_RAIL.probe, PAYMENTS);
        expect(&s, PAYMENTS, RAIL_ABSENT);
    }
    script_add((struct script_answer){WEB_BROKEN, 0, "", false, 0});
    call(&s, BANK_RAIL.send, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_UNKNOWN);
    char *file = strndup(s.payment[0].body[0].p, s.payment[0].body[0].len);
    script_say(200, file);
    call(&s, BANK_RAIL.probe, PAYMENTS);
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    call(&s, BANK_RAIL.probe, PAYMENTS); /* and is known to be out from then on */
    expect(&s, PAYMENTS, RAIL_ACCEPTED);
    free(file);
    stage_close(&s);
    folder_remove(marks);
}

/* --- settings ----------------------------------------------------------------------------------*/

static void test_settings(void **state)
{
    static const struct script_setting wrong[][3] = {
        {{"iban", "DE89370400440532013001"}},
        {{"bic", "X"}},
        {{"format", "mt101"}},
        {{"scheme", "swift"}},
        {{"execution_days", "31"}},
        {{"execution_days", "x"}},
        {{"folder", "/nonexistent"}},
        {{"url", "http://example.org"}, {"folder", NULL}},
        {{"url", "https://example.org"}}, /* and the folder */
        {{"folder", NULL}},
        {{"debtor", NULL}},
        {{"format", "nacha"}, {"routing", "1"}},
        {{"url", "https://example.org"}, {"folder", NULL}, {"format", "nacha"}},
    };
    struct rail *r = NULL;
    struct mete_err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct script_setting all[8] = {{0}};
        size_t n = 0;
        for (size_t k = 0; k < 3 && wrong[i][k].name != NULL; k++) {
            all[n++] = wrong[i][k];
        }
        all[n++] = (struct script_setting){"debtor", "Mete Ltd"};
        all[n++] = (struct script_setting){"iban", "DE89370400440532013000"};
        all[n++] = (struct script_setting){"folder", "/tmp"};
        const struct rail_config c = {script_get, all};
        if (BANK_RAIL.open(&r, &c, &err) != METE_USAGE) {
            fail_msg("case %zu was taken", i);
        }
        assert_true(text_starts(text_of(err.text), "[bank]"));
    }
    assert_ptr_equal(rail_kind_of(TEXT("bank_transfer")), &BANK_RAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_destinations),
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_prepare_some),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_folder_stops),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_nacha),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_nacha_two_workers),
        cmocka_unit_test(test_nacha_url),
        cmocka_unit_test(test_nacha_url_proven),
    };
    return cmocka_run_group_tests_name("bank_rail", tests, NULL, NULL);
}
