/* SPDX-License-Identifier: Apache-2.0
 * Questions about a stored book: parties, statements, explanations, reports, exports, simulations.
 * The books are tests/data/query/book.ndjson and the examples.
 * covers: F-015 F-016 F-060 R-027 R-029 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/export_parts.h"
#include "query/check.h"

#define ARENA_MAX ((size_t)4 << 30)

struct book_test {
    struct engine *e;
    struct arena a;
    struct mete_err err;
};

static struct book_test the; /* the book of tests/data/query */

/* --- books
 * --------------------------------------------------------------------------------------*/

static struct engine *memory_book(void)
{
    struct engine *e = NULL;
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 7};
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    return e;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot read %s", path);
    }
    for (size_t got = 1; got > 0;) {
        buf_reserve(out, 65536);
        got = fread(out->p + out->len, 1, 65536, f);
        out->len += got;
    }
    fclose(f);
}

static void data_file(const char *name, struct buf *out)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", getenv("METE_TEST_DATA"), name);
    read_file(path, out);
}

struct source {
    struct text json;
};

static long source_read(void *ctx, void *buf, size_t size)
{
    struct source *s = ctx;
    size_t n = s->json.len < size ? s->json.len : size;
    if (n > 0) {
        memcpy(buf, s->json.p, n);
    }
    s->json.p += n;
    s->json.len -= n;
    return (long)n;
}

static struct ingest_counts ingest(struct engine *e, struct text json)
{
    struct source s = {json};
    struct mete_err err;
    struct ingest_counts n = {0};
    const struct ingest in = {.read = source_read, .read_ctx = &s};
    assert_int_equal(ingest_stream(e, &in, &n, &err), METE_OK);
    return n;
}

static void send(struct engine *e, enum submit_status wanted, const char *fmt, ...)
    METE_PRINTF(3, 4);
/** One event, single quotes for double ones. */
static void send(struct engine *e, enum submit_status wanted, const char *fmt, ...)
{
    static char json[1 << 20];
    struct submit_result r;
    struct mete_err err;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(json, sizeof json, fmt, args);
    va_end(args);
    assert_true(n > 0 && (size_t)n < sizeof json);
    for (char *p = json; *p != 0; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    engine_submit(e, text_of(json), NULL, &r);
    if (r.status != wanted) {
        fail_msg("%s: %s at %s", submit_status_name(r.status), r.err.text, r.err.pointer);
    }
    assert_int_equal(engine_commit(e, &err), METE_OK);
}

static void revenue(struct engine *e, const char *id, const char *day, const char *amount,
                    const char *policy)
{
    send(e, SUBMIT_APPLIED,
         "{'event_id':'%s','event_type':'revenue.received','occurred_at':'%sT00:00:00Z',"
         "'payload':{'policy':'%s','amount':{'amount':'%s','currency':'USD'}}}",
         id, day, policy, amount);
}

static int open_book(void **state)
{
    (void)state;
    struct buf json = {0};
    the.e = memory_book();
    arena_init(&the.a, ARENA_MAX);
    data_file("query/book.ndjson", &json);
    struct ingest_counts n = ingest(the.e, buf_text(&json));
    assert_int_equal(n.applied, 32);
    assert_int_equal(n.waiting, 2);
    buf_clear(&json);
    return 0;
}

static int close_book(void **state)
{
    (void)state;
    engine_close(the.e);
    arena_clear(&the.a);
    return 0;
}

static void test_all_answers_agree(void **state)
{
    (void)state;
    assert_true(check_all(the.e));
}

static void policies_publish(struct engine *e, const char *folder, const char *const *name)
{
    const struct when first = {0};
    for (; *name != NULL; name++) {
        struct buf doc = {0};
        struct submit_result r;
        char path[256];
        snprintf(path, sizeof path, "../../examples/%s/%s.fair.json", folder, *name);
        data_file(path, &doc);
        policy_submit(e, buf_text(&doc), TEXT(""), first, 0, &r);
        assert_int_equal(r.status, SUBMIT_APPLIED);
        buf_clear(&doc);
    }
}

static void test_answers_agree_on_the_examples(void **state)
{
    (void)state;
    static const char *const FAIR[] = {"collaboration",
                                       "event-milestone",
                                       "music-temporal",
                                       "music",
                                       "opensource",
                                       "software-vesting",
                                       NULL};
    static const char *const MADE[] = {"stripe-cli", "track-001", NULL};
    static const struct {
        const char *preset;
        const char *stream;
    } BOOK[] = {{"fair", "cli-usage"},
                {"fair", "streaming"},
                {"fair", "tickets"},
                {"agents", "agents"},
                {"providers", "providers"}};
    for (size_t i = 0; i < ARRAY_LEN(BOOK); i++) {
        struct engine *e = memory_book();
        struct buf json = {0};
        struct mete_err err;
        char path[256];
        assert_int_equal(preset_submit(e, BOOK[i].preset, &err), METE_OK);
        if (strcmp(BOOK[i].preset, "fair") == 0) {
            policies_publish(e, "fair", FAIR);
            policies_publish(e, "manifests", MADE);
        }
        snprintf(path, sizeof path, "../../examples/streams/%s.ndjson", BOOK[i].stream);
        data_file(path, &json);
        struct ingest_counts n = ingest(e, buf_text(&json));
        assert_true(n.applied > 40 && n.refused == 0);
        assert_true(check_all(e));
        buf_clear(&json);
        engine_close(e);
    }
}

/* --- parties
 * ------------------------------------------------------------------------------------*/

static bool count_row(void *arg, const struct party_row *row)
{
    (void)row;
    return ++*(unsigned *)arg < 3;
}

static mete_time moment(const char *text)
{
    mete_time t = 0;
    assert_int_equal(time_parse(text_of(text), &t), TIME_OK);
    return t;
}

static void test_parties_clear_with_the_clock(void **state)
{
    (void)state;
    struct party_total *total;
    size_t count = 0;
    struct parties_query q = {.at = moment("2025-06-09T09:59:59.999999Z"), .asset = TEXT("USD")};
    assert_int_equal(parties_list(the.e, &q, NULL, NULL, &the.a, &total, &count, &the.err),
                     METE_OK);
    assert_int_equal(count, 1);
    assert_true(total[0].balance.pending == 6272 && total[0].balance.cleared == 163651);
    q.at++;
    assert_int_equal(parties_list(the.e, &q, NULL, NULL, &the.a, &total, &count, &the.err),
                     METE_OK);
    assert_true(total[0].balance.pending == 0 && total[0].balance.cleared == 169923);
}

static void test_parties_by_kind_and_until_enough(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    unsigned seen = 0;
    const struct parties_query all = {.at = TIME_MAX};
    const struct parties_query agents = {.at = TIME_MAX, .kind = TEXT("agent")};
    for (unsigned i = 0; i < 5; i++) {
        send(e, SUBMIT_APPLIED,
             "{'event_id':'p%u','event_type':'party.registered',"
             "'occurred_at':'2025-01-01T00:00:00Z','payload':{'party':'x%u','kind':'%s'}}",
             i, i, i == 2 ? "agent" : "human");
        send(e, SUBMIT_APPLIED,
             "{'event_id':'r%u','event_type':'revenue.received',"
             "'occurred_at':'2025-01-01T00:00:00Z','payload':{'party':'x%u',"
             "'amount':{'amount':'1.00','currency':'USD'}}}",
             i, i);
    }
    assert_int_equal(parties_list(e, &all, count_row, &seen, NULL, NULL, NULL, &the.err), METE_OK);
    assert_int_equal(seen, 3);
    seen = 0;
    assert_int_equal(parties_list(e, &agents, count_row, &seen, NULL, NULL, NULL, &the.err),
                     METE_OK);
    assert_int_equal(seen, 1);
    const struct parties_query unknown = {.at = TIME_MAX, .asset = TEXT("XYZ")};
    assert_int_equal(parties_list(e, &unknown, NULL, NULL, NULL, NULL, NULL, &the.err),
                     METE_CURRENCY_UNKNOWN);
    engine_close(e);
}

/* --- statements
 * ---------------------------------------------------------------------------------*/

struct lines {
    char text[4096];
    i128 opening, closing;
    unsigned accounts;
};

static void lines_open(void *ctx, const struct statement_account *a)
{
    struct lines *l = ctx;
    l->opening = a->opening;
    l->accounts++;
}

static void lines_line(void *ctx, const struct statement_line *line)
{
    struct lines *l = ctx;
    size_t len = strlen(l->text);
    snprintf(l->text + len, sizeof l->text - len, "%.*s %s %.*s %lld %s;", (int)line->event_id.len,
             line->event_id.p, line->what, (int)line->id.len, line->id.p == NULL ? "" : line->id.p,
             (long long)line->amount, line->state);
}

static void lines_close(void *ctx, const struct statement_account *a)
{
    ((struct lines *)ctx)->closing = a->closing;
}

static struct statement_query query_of(const char *party)
{
    return (struct statement_query){.party = text_of(party),
                                    .from = TIME_ALWAYS,
                                    .until = TIME_NEVER,
                                    .at = moment("2025-06-03T00:00:00Z")};
}

static struct lines statement(const struct statement_query *q, struct statement_pages *pages)
{
    struct lines l = {.accounts = 0};
    const struct statement_sink sink = {&l, lines_open, lines_line, lines_close};
    assert_int_equal(statement_read(the.e, q, &sink, pages, &the.err), METE_OK);
    return l;
}

static void test_a_statement_names_its_lines(void **state)
{
    (void)state;
    struct statement_pages pages;
    struct statement_query q = query_of("did:ethr:0xVenue");
    struct lines l = statement(&q, &pages);
    assert_string_equal(l.text, "t1 share t1/2 36750 upheld;"
                                "t2 share t2/2 857 cleared;"
                                "r1 reversal of a share t1/2 -245 cleared;"
                                "r2 reversal of a share t1/2 -857 cleared;"
                                "d3 dispute upheld t1/2 -35648 cleared;"
                                "t3 share t3/2 784 pending;");
    assert_true(l.opening == 0 && l.closing == 1641);
    assert_string_equal(pages.next, "");
    q = query_of("mete:suspense");
    l = statement(&q, &pages);
    assert_int_equal(l.accounts, 2); /* EUR, USD */
    assert_non_null(strstr(l.text, "wait-1 waiting wait-1/s 700 cleared;"));
    assert_non_null(strstr(l.text, "late-1 decided after waiting  -2000 cleared;"));
    q = query_of("did:ethr:0xB");
    l = statement(&q, &pages);
    assert_non_null(strstr(l.text, "w1 transfer out  -550 cleared;"));
}

static void test_a_statement_of_some_days(void **state)
{
    (void)state;
    struct statement_pages pages;
    struct statement_query q = query_of("did:ethr:0xVenue");
    q.from = moment("2025-03-05T14:00:00Z");  /* r2's own moment: included */
    q.until = moment("2025-06-02T10:00:00Z"); /* t3's: no longer */
    struct lines l = statement(&q, &pages);
    assert_true(l.opening == 37362 && l.closing == 857);
    assert_string_equal(l.text, "r2 reversal of a share t1/2 -857 cleared;"
                                "d3 dispute upheld t1/2 -35648 cleared;");
    q.from = moment("2025-06-01T00:00:00Z");
    q.until = TIME_NEVER;
    l = statement(&q, &pages);
    assert_true(l.opening == 857 && l.closing == 1641);
    q.from = moment("2026-01-01T00:00:00Z");
    l = statement(&q, &pages);
    assert_true(l.opening == 1641 && l.closing == 1641 && l.text[0] == 0);
}

static void test_the_newest_and_the_last_page(void **state)
{
    (void)state;
    struct statement_pages pages;
    struct statement_query q = query_of("did:ethr:0xVenue");
    q.newest = 2;
    struct lines l = statement(&q, &pages);
    assert_true(l.opening == 36505 && l.closing == 1641);
    q.newest = 0;
    q.limit = 2;
    l = statement(&q, &pages);
    assert_true(l.closing == 37607 && pages.next[0] != 0);
    char last[STATEMENT_CURSOR_MAX];
    memcpy(last, pages.last, sizeof last);
    q.after = text_of(last);
    l = statement(&q, &pages);
    assert_true(l.opening == 36505 && l.closing == 1641 && pages.next[0] == 0);
}

struct stopping {
    _Atomic bool stop;
    unsigned lines;
};

static void stopping_line(void *ctx, const struct statement_line *line)
{
    struct stopping *s = ctx;
    (void)line;
    s->stop = ++s->lines == 2;
}

static void stopping_account(void *ctx, const struct statement_account *account)
{
    (void)ctx;
    (void)account;
}

static void test_a_statement_stops_when_nobody_reads_it(void **state)
{
    (void)state;
    struct stopping s = {.stop = false};
    struct statement_pages pages;
    struct statement_query q = query_of("did:ethr:0xVenue");
    const struct statement_sink sink = {&s, stopping_account, stopping_line, stopping_account};
    assert_true(statement(&q, &pages).closing != 0);
    q.stop = &s.stop;
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_OK);
    assert_int_equal(s.lines, 2);
}

static void test_statements_refuse(void **state)
{
    (void)state;
    struct lines l = {.accounts = 0};
    const struct statement_sink sink = {&l, lines_open, lines_line, lines_close};
    struct statement_pages pages;
    struct statement_query q = query_of("nobody");
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_NOT_FOUND);
    q = query_of("mete:clearing");
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_MEMBER_VALUE);
    q = query_of("did:ethr:0xVenue");
    q.asset = TEXT("XYZ");
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_CURRENCY_UNKNOWN);
    q.asset = TEXT("");
    q.after = TEXT("AAAA");
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_MEMBER_VALUE);
    q.after = TEXT("not base64!");
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_MEMBER_VALUE);
    struct statement_query other = query_of("did:ethr:0xVoice");
    other.limit = 1;
    (void)statement(&other, &pages);
    char foreign[STATEMENT_CURSOR_MAX];
    memcpy(foreign, pages.next, sizeof foreign);
    q.after = text_of(foreign);
    assert_int_equal(statement_read(the.e, &q, &sink, &pages, &the.err), METE_MEMBER_VALUE);
}

/* --- explanations
 * -------------------------------------------------------------------------------*/

static struct explain_node *explanation(struct engine *e, const char *id)
{
    struct explain_node *n = NULL;
    enum mete_code code =
        explain_id(e, text_of(id), moment("2025-06-03T00:00:00Z"), &the.a, &n, &the.err);
    if (code != METE_OK) {
        fail_msg("%s: %s", id, the.err.text);
    }
    return n;
}

static void golden(const char *id, const char *file)
{
    struct buf wanted = {0};
    struct buf got = {0};
    char path[256];
    snprintf(path, sizeof path, "../golden/%s", file);
    data_file(path, &wanted);
    explain_text(&got, explanation(the.e, id));
    buf_put_u8(&got, 0);
    buf_put_u8(&wanted, 0);
    assert_string_equal((char *)got.p, (char *)wanted.p);
    buf_clear(&wanted);
    buf_clear(&got);
}

static void test_explanations_are_the_golden_ones(void **state)
{
    (void)state;
    golden("t1/3.3", "explain_nested.txt"); /* nested, temporal, partly refunded twice */
    golden("t1/2", "explain_disputed.txt"); /* by a temporal entry, upheld */
    golden("c2/1", "explain_carry.txt");    /* carried, reversed */
    golden("p1", "explain_roles.txt");      /* a whole event, by role, with a payload fee */
    golden("late-1", "explain_waited.txt"); /* it waited */
    golden("did:ethr:0xA", "explain_party.txt");
}

static void value_is(const struct explain_node *n, const char *name, const char *wanted)
{
    struct text got = explain_value(n, name);
    char copy[256];
    assert_true(text_copy(copy, sizeof copy, got));
    assert_string_equal(copy, wanted);
}

static void test_explanations_have_exact_members(void **state)
{
    (void)state;
    const struct explain_node *n = explanation(the.e, "t1/3.3");
    const struct explain_node *band = explain_find(n, "share");
    value_is(band, "weight", "2/5");
    value_is(band, "floor", "58800");
    value_is(band, "remainder", "2/5");
    value_is(band, "extra", "1");
    const struct explain_node *voice = explain_find(explain_find(band, "policy"), "share");
    value_is(voice, "weight", "4/7");
    value_is(voice, "input", "58801");
    value_is(voice, "party", "did:ethr:0xVoice");
    value_is(voice, "path", "3.3");
    const struct explain_node *back = explain_find(n, "reversed");
    value_is(back, "event_id", "r1");
    value_is(back, "gross", "1000");
    value_is(back, "line_left", "33601");
    value_is(back, "gross_left", "150001");
    assert_true(explain_find(n, "state")->amount == 32593);
    const struct explain_node *carry = explain_find(explanation(the.e, "c2/1"), "carry");
    value_is(carry, "carried_fraction", "2/3");
    value_is(explain_find(carry, "carry_now"), "entitled", "1208");
    value_is(explain_find(carry, "carry_then"), "entitled_before", "326");
    value_is(explain_find(carry, "carry_then"), "credited_before", "326");
    value_is(explain_find(carry, "carry_then"), "entitled", "653");
}

static void test_explain_knows_what_is_not_there(void **state)
{
    (void)state;
    static const char *const NOTHING[] = {"nope", "t1/9", "t1/", "/1", "nope/1", "t1/f1.9", ""};
    struct explain_node *n;
    for (size_t i = 0; i < ARRAY_LEN(NOTHING); i++) {
        assert_int_equal(explain_id(the.e, text_of(NOTHING[i]), 0, &the.a, &n, &the.err),
                         METE_NOT_FOUND);
    }
}

static void test_event_ids_with_slashes(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    send(e, SUBMIT_APPLIED,
         "{'event_id':'a/1','event_type':'revenue.received',"
         "'occurred_at':'2025-01-01T00:00:00Z','payload':{'party':'x',"
         "'amount':{'amount':'1.00','currency':'USD'}}}");
    assert_string_equal(explanation(e, "a/1")->label, "event");
    assert_string_equal(explanation(e, "a/1/1")->label, "allocation");
    engine_close(e);
}

/* --- reports
 * ------------------------------------------------------------------------------------*/

static const struct report_row *report_row(const struct report *r, const char *name)
{
    for (size_t i = 0; i < r->row_count; i++) {
        if (text_is(r->row[i].name, name)) {
            return &r->row[i];
        }
    }
    fail_msg("no row %s", name);
    return NULL;
}

static void report_of(struct report *r, enum report_by by, const char *period, bool recorded)
{
    struct report_query q = {.by = by, .recorded = recorded};
    assert_true(time_parse_period(text_of(period), &q.from, &q.until));
    assert_int_equal(report_make(the.e, &q, &the.a, r, &the.err), METE_OK);
}

static void test_a_report_of_a_month(void **state)
{
    (void)state;
    struct report r;
    report_of(&r, REPORT_SOURCE, "2025-03", false);
    assert_true(report_row(&r, "ticket_sales")->gross == 153501);
    assert_true(report_row(&r, "ticket_sales")->reversed == 4500);
    assert_true(report_row(&r, "streaming")->gross == 6000); /* music_streams among them */
    assert_true(report_row(&r, "api_calls")->gross == 10100);
    assert_int_equal(report_row(&r, "api_calls")->count, 2);
    assert_int_equal(r.usage_count, 2);
    assert_true(r.usage[0].calls == 300 && r.usage[0].latency_ms_sum == 2100);
    assert_int_equal(r.waiting_count, 1);
    assert_true(text_is(r.waiting[0].policy, "urn:never") && r.waiting[0].amount == 700);
    report_of(&r, REPORT_SOURCE, "2025-Q2", false);
    assert_int_equal(r.row_count, 1);
    assert_true(report_row(&r, "ticket_sales")->gross == 8000);
    assert_int_equal(r.usage_count, 0);
    report_of(&r, REPORT_POLICY, "2024", false);
    assert_int_equal(r.row_count, 0);
}

static void test_the_year_to_date(void **state)
{
    (void)state;
    struct report r;
    report_of(&r, REPORT_PARTY, "2025-06", false);
    const struct report_row *voice = report_row(&r, "did:ethr:0xVoice");
    assert_true(voice->gross == 1792 && voice->year_to_date == 35169);
    assert_true(report_row(&r, "did:ethr:0xLate")->gross == 0);
    assert_true(report_row(&r, "did:ethr:0xLate")->year_to_date == 1960);
    report_of(&r, REPORT_PARTY, "2026-01", false);
    assert_int_equal(r.row_count, 0);
}

static void test_roles_and_recorded_time(void **state)
{
    (void)state;
    struct report r;
    report_of(&r, REPORT_ROLE, "2025", false);
    assert_true(report_row(&r, "vocals")->allocated == 36177);
    assert_true(report_row(&r, "vocals")->reversed == 1008);
    assert_true(report_row(&r, "author")->allocated == 85);
    report_of(&r, REPORT_POLICY, "2025-03-09", true); /* late-1 was booked then ... */
    assert_true(report_row(&r, "urn:late")->gross == 2000);
    report_of(&r, REPORT_POLICY, "2025-03-08", false); /* ... and occurred here */
    assert_true(report_row(&r, "urn:late")->gross == 2000);
    report_of(&r, REPORT_POLICY, "2025-03-09", false);
    assert_int_equal(r.row_count, 0);
}

/* --- exports
 * ------------------------------------------------------------------------------------*/

static void test_names_can_be_turned_back(void **state)
{
    (void)state;
    struct buf out = {0};
    export_put_escaped(&out, TEXT("did:web:a-b%20\xc3\xa9/x"), '%', "._-@+~");
    buf_put_u8(&out, ' ');
    export_put_escaped(&out, TEXT("did:web:a-b"), '-', "");
    buf_put_u8(&out, 0);
    assert_string_equal((char *)out.p, "did%3Aweb%3Aa-b%2520%C3%A9%2Fx did-3Aweb-3Aa-2Db");
    buf_clear(&out);
}

static bool stop_at_once(void *ctx, struct buf *out)
{
    ++*(unsigned *)ctx;
    buf_reset(out);
    return false;
}

static void test_an_export_stops_when_nobody_takes_it(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    for (unsigned i = 0; i < 1000; i++) {
        send(e, SUBMIT_APPLIED,
             "{'event_id':'e%u','event_type':'revenue.received',"
             "'occurred_at':'2025-01-01T00:00:00Z','payload':{'party':'x',"
             "'amount':{'amount':'1.00','currency':'USD'}}}",
             i);
    }
    enum mete_code (*const FORMAT[])(struct engine *, const struct export_query *, struct buf *,
                                     struct mete_err *) = {export_csv, export_hledger,
                                                           export_beancount, export_audit};
    for (size_t i = 0; i < ARRAY_LEN(FORMAT); i++) {
        unsigned calls = 0;
        struct buf out = {0};
        const struct export_query q = {
            .from = TIME_ALWAYS, .until = TIME_NEVER, .flush = stop_at_once, .ctx = &calls};
        assert_int_equal(FORMAT[i](e, &q, &out, &the.err), METE_FILE);
        assert_int_equal(calls, 1);
        buf_clear(&out);
    }
    engine_close(e);
}

/* --- simulations
 * --------------------------------------------------------------------------------*/

static const char BAND[] = "{\"id\":\"urn:band:seven\",\"kind\":\"weights\",\"shares\":["
                           "{\"party\":\"did:ethr:0xBass\",\"weight\":\"1/2\"},"
                           "{\"party\":\"did:ethr:0xVoice\",\"weight\":\"1/4\"}]}";

static struct simulation *simulated(const char *document, const char *from)
{
    const struct text doc = text_of(document);
    struct simulation *s = arena_alloc(&the.a, sizeof *s);
    struct simulate_query q = {.document = &doc, .document_count = 1};
    if (from != NULL) {
        q.from = (struct when){true, moment(from)};
    }
    if (simulate_run(the.e, &q, &the.a, s, &the.err) != METE_OK) {
        fail_msg("%s", the.err.text);
    }
    return s;
}

static const struct simulate_row *simulate_row(const struct simulation *s, const char *party,
                                               const char *asset)
{
    for (size_t i = 0; i < s->row_count; i++) {
        if (text_is(s->row[i].party, party) && strcmp(s->row[i].asset.code, asset) == 0) {
            return &s->row[i];
        }
    }
    fail_msg("no row %s", party);
    return NULL;
}

/** The book as if BAND had stood in it from the start and nothing else of that id. */
static struct engine *book_with_band(void)
{
    struct engine *e = memory_book();
    struct buf json = {0};
    struct buf changed = {0};
    char line[1024];
    int n = snprintf(line, sizeof line,
                     "{\"event_id\":\"band\",\"event_type\":\"policy.published\","
                     "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":%s}}\n",
                     BAND);
    buf_put(&changed, line, (size_t)n);
    data_file("query/book.ndjson", &json);
    for (size_t at = 0; at < json.len;) {
        const uint8_t *end = memchr(json.p + at, '\n', json.len - at);
        size_t len = (size_t)(end - (json.p + at)) + 1;
        if (memmem(json.p + at, len, "\"pub-band-", 10) == NULL) {
            buf_put(&changed, json.p + at, len);
        }
        at += len;
    }
    struct ingest_counts counts = ingest(e, buf_text(&changed));
    assert_int_equal(counts.applied, 31);
    buf_clear(&json);
    buf_clear(&changed);
    return e;
}

struct comparing {
    const struct simulation *s;
    unsigned rows;
};

static bool compare_row(void *arg, const struct party_row *row)
{
    struct comparing *c = arg;
    char party[256];
    assert_true(text_copy(party, sizeof party, row->party));
    const struct simulate_row *r = simulate_row(c->s, party, row->asset.code);
    const struct balance *b = &row->balance;
    if (r->then != b->pending + b->disputed + b->cleared - b->debt) {
        fail_msg("%s: simulated %lld", party, (long long)r->then);
    }
    c->rows++;
    return true;
}

static void test_a_draft_gives_what_a_fresh_book_has(void **state)
{
    (void)state;
    struct engine *fresh = book_with_band();
    const struct parties_query q = {.at = TIME_MAX};
    struct comparing c = {.s = simulated(BAND, NULL)};
    assert_int_equal(c.s->left_out, 2);
    assert_int_equal(c.s->events, 34);
    assert_int_equal(c.s->changed, 4); /* bass, voice, drums, unallocated */
    assert_int_equal(parties_list(fresh, &q, compare_row, &c, NULL, NULL, NULL, &the.err), METE_OK);
    assert_int_equal(c.rows, 20);
    assert_true(simulate_row(c.s, "did:ethr:0xDrums", "USD")->then == 0);
    engine_close(fresh);
}

static void test_a_draft_from_a_moment_on(void **state)
{
    (void)state;
    const struct simulation *s = simulated(BAND, "2025-05-01T00:00:00Z");
    assert_int_equal(s->left_out, 0);
    assert_true(simulate_row(s, "did:ethr:0xDrums", "USD")->then == 8344); /* without t3 */
    s = simulated(BAND, "2025-02-01T00:00:00Z"); /* version 2 is in force from this very moment */
    assert_int_equal(s->left_out, 1);
    assert_true(simulate_row(s, "did:ethr:0xDrums", "USD")->then == 0);
}

static void test_the_same_document_changes_nothing(void **state)
{
    (void)state;
    const struct simulation *s =
        simulated("{\"id\":\"urn:late\",\"kind\":\"single\",\"party\":\"did:ethr:0xLate\"}", NULL);
    assert_int_equal(s->left_out, 1);
    assert_int_equal(s->changed, 0);
    assert_int_equal(s->refused_count, 0);
}

static void test_transfers_stay_facts(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    send(e, SUBMIT_APPLIED,
         "{'event_id':'b','event_type':'book.configured','occurred_at':'2025-01-01T00:00:00Z',"
         "'payload':{'clear_after_days':0}}");
    send(e, SUBMIT_APPLIED,
         "{'event_id':'p','event_type':'policy.published','occurred_at':'2025-01-01T00:00:00Z',"
         "'payload':{'policy':{'id':'urn:p','kind':'single','party':'x'}}}");
    revenue(e, "e1", "2025-01-02", "10.00", "urn:p");
    for (unsigned i = 0; i < 2; i++) { /* x to y, y to z: neither has it under the draft */
        send(e, SUBMIT_APPLIED,
             "{'event_id':'w%u','event_type':'wallet.transferred',"
             "'occurred_at':'2025-01-03T00:00:00Z','payload':{'from':'%s','to':'%s',"
             "'amount':{'amount':'4.00','currency':'USD'}}}",
             i, i == 0 ? "x" : "y", i == 0 ? "y" : "z");
    }
    struct engine *kept = the.e;
    the.e = e;
    const struct simulation *s =
        simulated("{\"id\":\"urn:p\",\"kind\":\"single\",\"party\":\"q\"}", NULL);
    the.e = kept;
    assert_int_equal(s->uncovered, 2);
    assert_int_equal(s->refused_count, 0);
    assert_true(simulate_row(s, "x", "USD")->now == 600);
    assert_true(simulate_row(s, "x", "USD")->then == -400);
    assert_true(simulate_row(s, "y", "USD")->then == 0);
    assert_true(simulate_row(s, "z", "USD")->then == 400);
    assert_true(simulate_row(s, "q", "USD")->then == 1000);
    engine_close(e);
}

static void test_pending_money_covers_no_transfer(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    for (unsigned i = 0; i < 2; i++) {
        send(e, SUBMIT_APPLIED,
             "{'event_id':'p%u','event_type':'policy.published',"
             "'occurred_at':'2025-01-01T00:00:00Z','payload':{'policy':{'id':'urn:%u',"
             "'kind':'single','party':'x'}}}",
             i, i);
    }
    revenue(e, "cleared", "2025-01-02", "10.00", "urn:0");
    revenue(e, "pending", "2025-01-19", "10.00", "urn:1");
    send(e, SUBMIT_APPLIED,
         "{'event_id':'w','event_type':'wallet.transferred','occurred_at':'2025-01-20T00:00:00Z',"
         "'payload':{'from':'x','to':'y','amount':{'amount':'10.00','currency':'USD'}}}");
    struct engine *kept = the.e;
    the.e = e;
    const struct simulation *s =
        simulated("{\"id\":\"urn:0\",\"kind\":\"single\",\"party\":\"q\"}", NULL);
    assert_int_equal(s->uncovered, 1);
    assert_true(simulate_row(s, "x", "USD")->then == 0);
    s = simulated("{\"id\":\"urn:1\",\"kind\":\"single\",\"party\":\"q\"}", NULL);
    assert_int_equal(s->uncovered, 0);
    the.e = kept;
    engine_close(e);
}

static void test_versions_before_a_draft_stay_in_force(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    send(e, SUBMIT_APPLIED,
         "{'event_id':'p','event_type':'policy.published','occurred_at':'2025-02-01T00:00:00Z',"
         "'payload':{'policy':{'id':'urn:p','kind':'single','party':'x'}}}");
    revenue(e, "before", "2025-01-15", "10.00", "urn:p"); /* a first version is always in force */
    struct engine *kept = the.e;
    the.e = e;
    const struct simulation *s =
        simulated("{\"id\":\"urn:p\",\"kind\":\"single\",\"party\":\"q\"}", "2025-06-01T00:00:00Z");
    the.e = kept;
    assert_int_equal(s->changed, 0);
    assert_int_equal(s->left_out, 0);
    engine_close(e);
}

static void test_what_a_draft_makes_impossible_is_listed(void **state)
{
    (void)state;
    const struct simulation *s = simulated(
        "{\"id\":\"urn:fair:festival\",\"kind\":\"single\",\"party\":\"did:ethr:0xVenue\"}", NULL);
    assert_int_equal(s->refused_count, 3); /* disputes of t1/3.2 and t1/2, which are not there */
    assert_true(text_is(s->refused[0].event_id, "d1"));
    assert_int_equal(s->refused[0].why.code, METE_ALLOCATION_UNKNOWN);
}

static void test_drafts_are_judged(void **state)
{
    (void)state;
    struct simulation s;
    const struct text doc[] = {
        TEXT("{\"id\":\"urn:p\",\"kind\":\"weights\",\"shares\":[{\"party\":\"x\","
             "\"weight\":\"3/2\"}]}"),
        TEXT("{\"id\":\"urn:p\",\"kind\":\"single\",\"party\":\"x\"}"),
        TEXT("{\"id\":\"urn:p\",\"kind\":\"single\",\"party\":\"y\"}"),
        TEXT("{"),
        TEXT("{\"id\":\"mete:campaign:c1\",\"kind\":\"single\",\"party\":\"x\"}"),
        TEXT("{\"id\":\"urn:p\",\"kind\":\"contract\"}"),
    };
    struct simulate_query q = {.document = doc, .document_count = 1};
    assert_int_equal(simulate_run(the.e, &q, &the.a, &s, &the.err), METE_WEIGHT_ABOVE_ONE);
    assert_string_equal(the.err.pointer, "/shares");
    q = (struct simulate_query){.document = doc + 1, .document_count = 2};
    assert_int_equal(simulate_run(the.e, &q, &the.a, &s, &the.err), METE_USAGE);
    q = (struct simulate_query){.document = doc + 3, .document_count = 1};
    assert_int_equal(simulate_run(the.e, &q, &the.a, &s, &the.err), METE_JSON_SYNTAX);
    q = (struct simulate_query){.document = doc + 4, .document_count = 1};
    assert_int_equal(simulate_run(the.e, &q, &the.a, &s, &the.err), METE_PARTY_RESERVED);
    assert_string_equal(the.err.pointer, "/id");
    q = (struct simulate_query){.document = doc + 5, .document_count = 1};
    assert_int_equal(simulate_run(the.e, &q, &the.a, &s, &the.err), METE_POLICY_KIND);
    assert_string_equal(the.err.pointer, "/kind");
}

/* --- large events
 * -------------------------------------------------------------------------------*/

static void publish_wide(struct engine *e, const char *id, unsigned shares, const char *last)
{
    struct buf doc = {0};
    struct submit_result r;
    const struct when first = {0};
    buf_printf(&doc, "{\"id\":\"%s\",\"kind\":\"weights\",\"shares\":[", id);
    for (unsigned i = 0; i < shares; i++) {
        buf_printf(&doc, "{\"party\":\"%s-%u\",\"weight\":\"1/5000\"},", id, i % 9);
    }
    buf_printf(&doc, "%s]}", last);
    policy_submit(e, buf_text(&doc), TEXT(""), first, moment("2025-01-01T00:00:00Z"), &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    assert_int_equal(engine_commit(e, &the.err), METE_OK);
    buf_clear(&doc);
}

static void test_decisions_of_several_pages(void **state)
{
    (void)state;
    struct engine *e = memory_book();
    struct explain_node *n;
    publish_wide(e, "urn:wide", 3000, "{\"policy\":\"urn:below\",\"weight\":\"2/5\"}");
    send(e, SUBMIT_WAITING,
         "{'event_id':'big','event_type':'revenue.received',"
         "'occurred_at':'2025-01-02T00:00:00Z','payload':{'policy':'urn:wide',"
         "'amount':{'amount':'12345.67','currency':'USD'}}}");
    publish_wide(e, "urn:below", 3500, "{\"party\":\"last\",\"weight\":\"3/10\"}");
    revenue(e, "again", "2025-01-04", "1000.00", "urn:wide");
    send(e, SUBMIT_APPLIED,
         "{'event_id':'back','event_type':'revenue.reversed',"
         "'occurred_at':'2025-01-05T00:00:00Z','payload':{'reverses':'big',"
         "'amount':{'amount':'345.67','currency':'USD'}}}");
    assert_true(check_all(e));
    assert_int_equal(explain_id(e, TEXT("big/3001.3501"), 0, &the.a, &n, &the.err), METE_OK);
    assert_true(n->amount == 148148);
    assert_non_null(explain_find(n, "waited"));
    assert_true(explain_find(n, "reversed")->amount == -4148);
    engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_answers_agree),
        cmocka_unit_test(test_answers_agree_on_the_examples),
        cmocka_unit_test(test_parties_clear_with_the_clock),
        cmocka_unit_test(test_parties_by_kind_and_until_enough),
        cmocka_unit_test(test_a_statement_names_its_lines),
        cmocka_unit_test(test_a_statement_of_some_days),
        cmocka_unit_test(test_the_newest_and_the_last_page),
        cmocka_unit_test(test_a_statement_stops_when_nobody_reads_it),
        cmocka_unit_test(test_statements_refuse),
        cmocka_unit_test(test_explanations_are_the_golden_ones),
        cmocka_unit_test(test_explanations_have_exact_members),
        cmocka_unit_test(test_explain_knows_what_is_not_there),
        cmocka_unit_test(test_event_ids_with_slashes),
        cmocka_unit_test(test_a_report_of_a_month),
        cmocka_unit_test(test_the_year_to_date),
        cmocka_unit_test(test_roles_and_recorded_time),
        cmocka_unit_test(test_names_can_be_turned_back),
        cmocka_unit_test(test_an_export_stops_when_nobody_takes_it),
        cmocka_unit_test(test_a_draft_gives_what_a_fresh_book_has),
        cmocka_unit_test(test_a_draft_from_a_moment_on),
        cmocka_unit_test(test_the_same_document_changes_nothing),
        cmocka_unit_test(test_transfers_stay_facts),
        cmocka_unit_test(test_pending_money_covers_no_transfer),
        cmocka_unit_test(test_versions_before_a_draft_stay_in_force),
        cmocka_unit_test(test_what_a_draft_makes_impossible_is_listed),
        cmocka_unit_test(test_drafts_are_judged),
        cmocka_unit_test(test_decisions_of_several_pages),
    };
    return cmocka_run_group_tests(tests, open_book, close_book);
}
