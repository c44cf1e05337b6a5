/* SPDX-License-Identifier: Apache-2.0
 * covers: M-055 M-056 M-060 M-061 M-063 M-064
 * Why an invoice gave whom what: the book is tests/data/query/campaign.ndjson, the source's example
 * with its cap. With the names of streams (NDJSON) as arguments, of each: every event, line and
 * party of it is explained with the numbers that are booked, and a simulation without a draft, a
 * replay and the book itself agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "query/check.h"

#define ARENA_MAX ((size_t)4 << 30)

static struct engine *book;
static struct arena arena;

/* --- books -------------------------------------------------------------------------------------*/

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
    METE_ASSERT(engine_open(&e, &o, &err) == METE_OK);
    return e;
}

static void file_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    METE_ASSERT(f != NULL);
    for (size_t got = 1; got > 0;) {
        buf_reserve(out, 65536);
        got = fread(out->p + out->len, 1, 65536, f);
        out->len += got;
    }
    fclose(f);
}

/** Each line an event; `stored`: as a log has it. Returns how many were refused. */
static size_t lines_submit(struct engine *e, struct text lines, bool stored)
{
    struct mete_err err;
    size_t refused = 0;
    while (lines.len > 0) {
        const char *end = memchr(lines.p, '\n', lines.len);
        size_t len = end != NULL ? (size_t)(end - lines.p) : lines.len;
        struct submit_result r;
        const struct submit_options o = {.stored = stored};
        engine_submit(e, (struct text){lines.p, len}, &o, &r);
        refused += r.status == SUBMIT_REFUSED;
        len += len < lines.len;
        lines = (struct text){lines.p + len, lines.len - len};
    }
    METE_ASSERT(engine_commit(e, &err) == METE_OK);
    return refused;
}

static int open_book(void **state)
{
    char path[1024];
    struct buf json = {0};
    (void)state;
    book = memory_book();
    arena_init(&arena, ARENA_MAX);
    snprintf(path, sizeof path, "%s/query/campaign.ndjson", getenv("METE_TEST_DATA"));
    file_read(path, &json);
    assert_int_equal(lines_submit(book, buf_text(&json), false), 0);
    buf_clear(&json);
    return 0;
}

static int close_book(void **state)
{
    (void)state;
    engine_close(book);
    arena_clear(&arena);
    return 0;
}

/* --- explanations ------------------------------------------------------------------------------*/

static struct explain_node *explanation(const char *id)
{
    struct explain_node *n;
    struct mete_err err;
    mete_time at;
    assert_int_equal(time_parse(TEXT("2025-06-01T00:00:00Z"), &at), TIME_OK);
    if (explain_id(book, text_of(id), at, &arena, &n, &err) != METE_OK) {
        fail_msg("%s: %s", id, err.text);
    }
    return n;
}

static void golden(const char *id, const char *name)
{
    struct buf wanted = {0};
    struct buf got = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/../golden/explain_%s.txt", getenv("METE_TEST_DATA"), name);
    explain_text(&got, explanation(id));
    if (getenv("METE_GOLDEN_WRITE") != NULL) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(got.p, 1, got.len, f), got.len);
        fclose(f);
    }
    file_read(path, &wanted);
    buf_put_u8(&got, 0);
    buf_put_u8(&wanted, 0);
    assert_string_equal((char *)got.p, (char *)wanted.p);
    buf_clear(&wanted);
    buf_clear(&got);
}

static void explanations_are_the_golden_ones(void **state)
{
    (void)state;
    golden("s13", "campaign");            /* 100.00: 6.00, 94.00, 18.80, 75.20 */
    golden("s13/2.1", "campaign_share");  /* of an investor */
    golden("s14", "campaign_anew");       /* refunded, then found to be the campaign's */
    golden("s14/1", "campaign_former");   /* what the owner had of it before that */
    golden("s18", "campaign_cap");        /* 28,000.00 to the cent */
    golden("s19", "campaign_after");      /* nothing accrues any more */
    golden("s16", "campaign_attributed"); /* what booked an invoice anew */
    golden("s21", "campaign_self");       /* another one, which funds itself */
}

static void value_is(const struct explain_node *n, const char *name, const char *wanted)
{
    char copy[256];
    assert_non_null(n);
    assert_true(text_copy(copy, sizeof copy, explain_value(n, name)));
    assert_string_equal(copy, wanted);
}

static void explanations_have_exact_members(void **state)
{
    (void)state;
    const struct explain_node *n = explanation("s18");
    value_is(explain_find(n, "campaign"), "campaign_id", "c1");
    value_is(explain_find(n, "campaign"), "event_id", "s12");
    value_is(explain_find(n, "fees"), "gross", "14873000");
    value_is(explain_find(n, "fees"), "shareable", "13980620");
    value_is(explain_find(n, "version"), "revenue_share_bps", "2000");
    value_is(explain_find(n, "version"), "cap", "2800000");
    const struct explain_node *pool = explain_find(n, "pool");
    value_is(pool, "floor", "2796124");
    value_is(pool, "cap_took", "1576");
    assert_true(pool->amount == 2794548);
    value_is(explain_find(pool, "accrued"), "before", "5452");
    value_is(explain_find(pool, "accrued"), "after", "2800000");
    value_is(explain_find(pool, "share"), "weight", "3/4");
    n = explanation("s14");
    value_is(explain_find(n, "rebooked"), "event_id", "s16");
    value_is(explain_find(n, "rebooked"), "former_seq", "14");
    assert_true(explain_find(explanation("s14/r2.1"), "state")->amount == 6768);
    assert_true(explain_find(explanation("s14/1"), "state")->amount == 0);
}

static void everything_is_explained(void **state)
{
    (void)state;
    assert_true(check_all(book));
}

/* --- what has left -----------------------------------------------------------------------------*/

/** Single quotes for double ones. */
static void said(struct engine *e, const char *type, int second, const char *payload)
{
    char json[600];
    struct submit_result r;
    const struct submit_options own = {.own = true};
    snprintf(json, sizeof json,
             "{'event_id':'x%d','event_type':'%s','occurred_at':'2025-02-01T00:00:%02dZ',"
             "'payload':%s}",
             second, type, second, payload);
    for (char *p = json; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    engine_submit(e, text_of(json), &own, &r);
    if (r.status != SUBMIT_APPLIED) {
        fail_msg("%s: %s", type, r.err.text);
    }
}

static i128 then_of(const struct simulation *s, const char *party)
{
    for (size_t i = 0; i < s->row_count; i++) {
        if (text_is(s->row[i].party, party)) {
            return s->row[i].then;
        }
    }
    return 0;
}

static void settlements_stay_facts(void **state)
{
#define INITIATED(id, amount)                                                                      \
    "{'settlement_id':'" id "','beneficiary_id':'did:a','amount':{'amount':'" amount               \
    "','currency':'USD'}}"
    struct engine *e = memory_book();
    struct simulation s;
    struct mete_err err;
    const struct text draft = TEXT("{\"id\":\"urn:s\",\"kind\":\"single\",\"party\":\"did:b\"}");
    struct simulate_query q = {.document = &draft, .document_count = 0};
    (void)state;
    said(e, "book.configured", 1, "{'clear_after_days':0}");
    said(e, "policy.published", 2, "{'policy':{'id':'urn:s','kind':'single','party':'did:a'}}");
    said(e, "revenue.received", 3,
         "{'policy':'urn:s','amount':{'amount':'10.00','currency':'USD'}}");
    said(e, "settlement.initiated", 4, INITIATED("one", "3.00"));
    said(e, "settlement.paid", 5, "{'settlement_id':'one'}");
    said(e, "settlement.initiated", 6, INITIATED("two", "2.00"));
    said(e, "settlement.failed", 7, "{'settlement_id':'two'}");
    said(e, "settlement.initiated", 8, INITIATED("three", "1.00"));
    assert_int_equal(engine_commit(e, &err), METE_OK);
    assert_int_equal(simulate_run(e, &q, &arena, &s, &err), METE_OK);
    assert_int_equal(s.changed + s.uncovered + s.refused_count, 0);
    q.document_count = 1;
    assert_int_equal(simulate_run(e, &q, &arena, &s, &err), METE_OK);
    assert_int_equal(s.refused_count, 0);
    assert_int_equal(s.uncovered, 3);
    assert_true(then_of(&s, "did:b") == 1000);
    assert_true(then_of(&s, "did:a") == -400); /* 3.00 arrived, 1.00 is on its way */
    assert_true(then_of(&s, "mete:payout") == 100);
    assert_true(check_all(e));
    engine_close(e);
#undef INITIATED
}

/* --- streams -----------------------------------------------------------------------------------*/

static bool stream_check(const char *path)
{
    struct buf json = {0};
    struct buf log = {0};
    file_read(path, &json);
    struct engine *e = memory_book();
    struct engine *again = memory_book();
    (void)lines_submit(e, buf_text(&json), false);
    check_log(e, &log);
    size_t refused = lines_submit(again, buf_text(&log), true);
    struct log_head head = book_head(engine_book(e));
    struct log_head twice = book_head(engine_book(again));
    bool same = refused == 0 && head.size == twice.size && hash_eq(&head.root, &twice.root);
    bool fine = same && check_explanations(e) && check_simulation(e);
    printf("%s - %s: %llu events%s\n", fine ? "ok" : "not ok", path, (unsigned long long)head.size,
           same ? "" : ", another head when replayed");
    engine_close(e);
    engine_close(again);
    buf_clear(&json);
    buf_clear(&log);
    return fine;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explanations_are_the_golden_ones),
        cmocka_unit_test(explanations_have_exact_members),
        cmocka_unit_test(everything_is_explained),
        cmocka_unit_test(settlements_stay_facts),
    };
    bool fine = true;
    for (int i = 1; i < argc; i++) {
        fine &= stream_check(argv[i]);
    }
    if (argc > 1) {
        return fine ? 0 : 1;
    }
    return cmocka_run_group_tests(tests, open_book, close_book);
}
