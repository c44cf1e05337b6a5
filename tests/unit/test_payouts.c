/* SPDX-License-Identifier: Apache-2.0
 * covers: F-058
 * Payouts of a whole book: the plan, queueing it page by page and again, and what falls due. */
#include "base/text.h"
#include "engine/numbers.h"
#include "engine/own_event.h"
#include "engine/payout_claim.h"
#include "engine/payout_step.h"
#include "engine/payouts.h"
#include "engine/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PARTIES 25

static struct engine *e;
static struct arena arena;
static unsigned told;

/** `id` NULL: one of its own. */
METE_PRINTF(4, 0)
static void tell(enum submit_status wanted, const char *id, const char *type, const char *payload,
                 va_list args)
{
    const struct submit_options o = {.own = true};
    struct submit_result r;
    struct buf b = {0};
    char text[1000];
    char own[32];
    (void)vsnprintf(text, sizeof text, payload, args);
    snprintf(own, sizeof own, "%s%u", strcmp(type, "payout.batch_opened") == 0 ? "batch-" : "e",
             told++);
    buf_printf(&b,
               "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{%s}}",
               id != NULL ? id : own, type, text);
    engine_submit(e, buf_text(&b), &o, &r);
    if (r.status != wanted) {
        fail_msg("%s is %s: %s", type, submit_status_name(r.status), r.err.text);
    }
    buf_clear(&b);
}

METE_PRINTF(3, 4)
static void say(enum submit_status wanted, const char *type, const char *payload, ...)
{
    va_list args;
    va_start(args, payload);
    tell(wanted, NULL, type, payload, args);
    va_end(args);
}

METE_PRINTF(3, 4) static void named(const char *id, const char *type, const char *payload, ...)
{
    va_list args;
    va_start(args, payload);
    tell(SUBMIT_APPLIED, id, type, payload, args);
    va_end(args);
}

static void commit(void)
{
    struct mete_err err;
    assert_int_equal(engine_commit(e, &err), METE_OK);
}

/* Parties p0 to p24 have 1.00 to 25.00; every fifth has no destination, p7 is held. */
static int set_up(void **state)
{
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    (void)state;
    told = 0;
    arena_init(&arena, (size_t)1 << 28);
    if (engine_open(&e, &o, &err) != METE_OK) {
        return -1;
    }
    say(SUBMIT_APPLIED, "book.configured",
        "\"clear_after_days\":0,\"payout_minimum\":{\"amount\":\"2.00\",\"currency\":\"USD\"}");
    for (unsigned i = 0; i < PARTIES; i++) {
        say(SUBMIT_APPLIED, "revenue.received",
            "\"party\":\"p%u\",\"amount\":{\"amount\":\"%u.00\",\"currency\":\"USD\"}", i, i + 1);
        if (i % 5 != 4) {
            say(SUBMIT_APPLIED, "party.destination_set",
                "\"party\":\"p%u\",\"rail\":\"stripe\",\"destination\":\"acct_%u\"", i, i);
        }
    }
    say(SUBMIT_APPLIED, "payout.hold_placed", "\"party\":\"p7\",\"reason\":\"asked\"");
    commit();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(e);
    arena_clear(&arena);
    return 0;
}

static struct payout_query stripe(void)
{
    return (struct payout_query){.asset = TEXT("USD"), .rail = TEXT("stripe"), .at = engine_now(e)};
}

struct plan {
    unsigned paid, below, missing, held;
    i128 amount;
};

static bool plan_add(void *arg, const struct payout_row *row)
{
    struct plan *p = arg;
    p->paid += row->code == METE_OK;
    p->below += row->code == METE_BELOW_MINIMUM;
    p->missing += row->code == METE_DESTINATION_MISSING;
    p->held += row->code == METE_PARTY_HELD;
    p->amount += row->code == METE_OK ? row->amount : 0;
    return true;
}

static struct plan plan_now(void)
{
    struct plan p = {0};
    struct mete_err err;
    const struct payout_query q = stripe();
    assert_int_equal(payout_plan(e, &q, plan_add, &p, &err), METE_OK);
    return p;
}

static void the_plan_says_who_is_left_out_and_why(void **state)
{
    (void)state;
    struct plan p = plan_now();
    assert_int_equal(p.paid, 17);
    assert_int_equal(p.below, 2); /* 1.00, and 2.00 which does not exceed 2.00 */
    assert_int_equal(p.missing, 5);
    assert_int_equal(p.held, 1);
    assert_int_equal(p.amount, 32500 - 300 - 7500 - 800);
}

static struct payout_batch_progress queue(const char *batch, struct payout_place behind, size_t max)
{
    struct payout_batch_progress done;
    struct mete_err err;
    struct payout_query q = stripe();
    q.behind = behind;
    assert_int_equal(payout_queue(e, text_of(batch), &q, max, &done, &err), METE_OK);
    commit();
    return done;
}

/** Pages of four, as often as asked, each from the beginning. */
static void queue_all(const char *batch, uint64_t *queued, uint64_t *known)
{
    struct payout_batch_progress done = {0};
    *queued = *known = 0;
    while (!done.is_done) {
        done = queue(batch, done.behind, 4);
        *queued += done.queued;
        *known += done.known;
    }
}

static void a_batch_is_queued_once_however_often_it_is_begun(void **state)
{
    (void)state;
    char batch[32];
    uint64_t queued, known;
    snprintf(batch, sizeof batch, "batch-%u", told);
    say(SUBMIT_APPLIED, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\"");
    commit();
    assert_int_equal(queue(batch, (struct payout_place){0}, 4).queued,
                     2); /* p0 and p1 stay below; then it is killed */
    queue_all(batch, &queued, &known);
    assert_int_equal(queued, 15);
    queue_all(batch, &queued, &known);
    assert_int_equal(queued, 0);
    assert_int_equal(plan_now().paid, 0);
    say(SUBMIT_APPLIED, "revenue.received",
        "\"party\":\"p10\",\"amount\":{\"amount\":\"3.00\",\"currency\":\"USD\"}");
    queue_all(batch, &queued, &known);
    assert_int_equal(queued, 0);
    assert_int_equal(known, 1); /* p10, which has more by now: that is for the next batch */
    assert_int_equal(engine_counts_of(e)->outcome[SUBMIT_CONFLICT], 0);
}

/** Revenue of every party in an asset more. */
static void earn_too(const char *code)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        say(SUBMIT_APPLIED, "revenue.received",
            "\"party\":\"p%u\",\"amount\":{\"amount\":\"7\",\"currency\":\"%s\"}", i, code);
    }
}

/* Pages end anywhere between the accounts of a party, of which only one is in the batch's asset. */
static void wherever_pages_end_nobody_is_passed_over(void **state)
{
    static const char *const assets[] = {"USD", "EUR", "JPY"};
    for (size_t max = 1; max <= 7; max++) {
        uint64_t all = 0;
        assert_int_equal(max == 1 ? 0 : tear_down(state) + set_up(state), 0);
        earn_too("EUR");
        earn_too("JPY");
        for (size_t i = 0; i < ARRAY_LEN(assets); i++) {
            char batch[32];
            struct payout_batch_progress done = {0};
            struct mete_err err;
            struct payout_query q = stripe();
            q.asset = text_of(assets[i]);
            snprintf(batch, sizeof batch, "batch-%u", told);
            say(SUBMIT_APPLIED, "payout.batch_opened", "\"asset\":\"%s\",\"rail\":\"stripe\"",
                assets[i]);
            commit();
            while (!done.is_done) {
                q.behind = done.behind;
                assert_int_equal(payout_queue(e, text_of(batch), &q, max, &done, &err), METE_OK);
                commit();
                all += done.queued;
            }
        }
        assert_int_equal(all, 17 + 19 + 19);
    }
}

struct paging {
    size_t left;
    unsigned seen, paid;
    char last[32];
};

static bool page_add(void *arg, const struct payout_row *row)
{
    struct paging *p = arg;
    p->seen++;
    p->paid += row->code == METE_OK;
    assert_true(text_copy(p->last, sizeof p->last, row->party));
    return --p->left > 0;
}

/* Rows are of one asset, so the party of the last one is where the next page begins. */
static void pages_of_a_plan_have_everybody(void **state)
{
    (void)state;
    earn_too("EUR");
    earn_too("JPY");
    for (size_t size = 1; size <= 7; size++) {
        struct mete_err err;
        struct paging p = {.last = ""};
        struct payout_query q = stripe();
        q.asset = TEXT("EUR");
        while (p.left == 0) {
            p.left = size;
            q.after = text_of(p.last);
            assert_int_equal(payout_plan(e, &q, page_add, &p, &err), METE_OK);
        }
        assert_int_equal(p.seen, PARTIES);
        assert_int_equal(p.paid, 19);
    }
}

/** What is due on the rail, whoever else has it. */
static size_t claim(mete_time now, size_t max, struct payout_claim **rows)
{
    const struct text rail = TEXT("stripe");
    const struct payout_claim_query q = {
        .now = now, .lease_until = now, .max = max, .rail = &rail, .rails = 1};
    struct payout_leases *leases = payout_leases_new();
    struct mete_err err;
    size_t count = 0;
    assert_int_equal(payouts_claim(e, leases, &q, &arena, rows, &count, &err), METE_OK);
    payout_leases_free(leases);
    return count;
}

static void what_is_due_comes_oldest_first(void **state)
{
    (void)state;
    struct payout_claim *rows;
    char batch[32];
    uint64_t queued, known;
    snprintf(batch, sizeof batch, "batch-%u", told);
    say(SUBMIT_APPLIED, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\"");
    commit();
    queue_all(batch, &queued, &known);
    mete_time now = engine_now(e);
    assert_int_equal(claim(now, 5, &rows), 5);
    for (size_t i = 0; i < 5; i++) {
        const struct payout_due *due = &rows[i].due;
        assert_int_equal(due->transfer_id.len, TRANSFER_ID_LEN);
        assert_true(text_eq(due->batch_id, text_of(batch)));
        assert_true(text_eq(due->rail, TEXT("stripe")));
        assert_true(i == 0 || due->transfer.due >= rows[i - 1].due.transfer.due);
    }
    assert_int_equal(claim(now - 1, 50, &rows), 0);
}

static void a_payout_is_found_by_its_id(void **state)
{
    (void)state;
    struct payout_due row;
    struct mete_err err;
    char batch[32], id[TRANSFER_ID_LEN + 1];
    uint64_t queued, known;
    snprintf(batch, sizeof batch, "batch-%u", told);
    say(SUBMIT_APPLIED, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\"");
    commit();
    queue_all(batch, &queued, &known);
    transfer_id_make(id, TEXT("main"), text_of(batch), TEXT("p12"));
    assert_int_equal(payout_find(e, text_of(id), &arena, &row, &err), METE_OK);
    assert_true(text_eq(row.party, TEXT("p12")));
    assert_int_equal(row.transfer.amount, 1300);
    assert_int_equal(payout_find(e, TEXT("e0"), &arena, &row, &err), METE_TRANSFER_UNKNOWN);
}

/* It is one and the same step, whoever says it. */
static void a_cancelled_payout_is_cancelled_for_its_worker_too(void **state)
{
    (void)state;
    struct mete_err err;
    struct submit_result r;
    char batch[32], id[TRANSFER_ID_LEN + 1];
    uint64_t queued, known;
    mete_time at;
    struct text actor;
    snprintf(batch, sizeof batch, "batch-%u", told);
    say(SUBMIT_APPLIED, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\"");
    commit();
    queue_all(batch, &queued, &known);
    transfer_id_make(id, TEXT("main"), text_of(batch), TEXT("p12"));
    struct payout_act act = {.id = text_of(id), .reason = TEXT("asked"), .actor = TEXT("key 1")};
    assert_int_equal(payout_cancel(e, &act, &err), METE_OK);
    const struct payout_step step = {.type = EVENT_PAYOUT_TRANSFER_CANCELLED,
                                     .transfer_id = text_of(id),
                                     .reason = TEXT("asked")};
    payout_steps_take(e, engine_now(e), &step, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_DUPLICATE);
    assert_true(own_event_recall(e, r.event_id, &arena, &at, &actor) && text_is(actor, "key 1"));
    act.reason = TEXT("asked again");
    assert_int_equal(payout_cancel(e, &act, &err), METE_OK);
    commit();
    assert_int_equal(plan_now().paid, 1);
    act.id = TEXT("po_none");
    assert_int_equal(payout_cancel(e, &act, &err), METE_TRANSFER_UNKNOWN);
    transfer_id_make(id, TEXT("main"), text_of(batch), TEXT("p13"));
    const struct payout_step sending = {.type = EVENT_PAYOUT_TRANSFER_SENDING,
                                        .transfer_id = text_of(id),
                                        .attempt = 1,
                                        .anchor = TEXT("a")};
    payout_steps_take(e, engine_now(e), &sending, 1, false, &arena, &r);
    assert_int_equal(r.status, SUBMIT_APPLIED);
    act.id = text_of(id);
    assert_int_equal(payout_cancel(e, &act, &err), METE_STATE_FORBIDS);
}

/* --- explaining --------------------------------------------------------------------------------*/

/** Appends what `id` means, on the second of January. */
static void explain(struct buf *out, const char *id)
{
    struct explain_node *n;
    struct mete_err err;
    mete_time at = (mete_time)1735776000 * TIME_SECOND_US;
    assert_int_equal(explain_id(e, text_of(id), at, &arena, &n, &err), METE_OK);
    explain_text(out, n);
    buf_put_str(out, "\n");
}

static void golden(const struct buf *got)
{
    static char wanted[8000];
    char path[512];
    snprintf(path, sizeof path, "%s/../golden/explain_payout.txt", getenv("METE_TEST_DATA"));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    wanted[fread(wanted, 1, sizeof wanted - 1, f)] = '\0';
    fclose(f);
    if (!text_eq(buf_text(got), text_of(wanted))) {
        (void)fwrite(got->p, 1, got->len, stderr);
        fail_msg("the explanations above are not those of %s", path);
    }
}

/* p10's first attempt fails, its second is on the way; p11's comes back; p12's is paid twice. */
static void payouts_are_explained(void **state)
{
    (void)state;
    static const char *const id[] = {"t0", "t1", "t2"};
    struct buf got = {0};
    unsigned told_first = told;
    say(SUBMIT_APPLIED, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\"");
    for (unsigned i = 0; i < 3; i++) {
        named(id[i], "payout.transfer_queued",
              "\"batch_id\":\"batch-%u\",\"party\":\"p1%u\",\"amount\":{\"amount\":\"%u.00\","
              "\"currency\":\"USD\"}",
              told_first, i, 3 + i);
        say(SUBMIT_APPLIED, "payout.transfer_sending",
            "\"transfer_id\":\"t%u\",\"attempt\":1,\"anchor\":\"a%u\"", i, i);
    }
    for (unsigned i = 0; i < 3; i += 2) {
        say(SUBMIT_APPLIED, "payout.transfer_failed",
            "\"transfer_id\":\"t%u\",\"attempt\":1,\"reason\":\"no route\"", i);
        say(SUBMIT_APPLIED, "payout.transfer_sending",
            "\"transfer_id\":\"t%u\",\"attempt\":2,\"anchor\":\"b%u\"", i, i);
    }
    say(SUBMIT_APPLIED, "payout.transfer_unknown", "\"transfer_id\":\"t0\",\"attempt\":2");
    say(SUBMIT_APPLIED, "payout.transfer_paid", "\"transfer_id\":\"t1\",\"attempt\":1");
    say(SUBMIT_APPLIED, "payout.transfer_returned",
        "\"transfer_id\":\"t1\",\"reason\":\"account closed\"");
    say(SUBMIT_APPLIED, "payout.transfer_paid", "\"transfer_id\":\"t2\",\"attempt\":2");
    say(SUBMIT_APPLIED, "payout.transfer_paid", "\"transfer_id\":\"t2\",\"attempt\":1");
    commit();
    explain(&got, "t0");
    explain(&got, "t1");
    explain(&got, "t2");
    explain(&got, "p10");
    explain(&got, "p11");
    golden(&got);
    buf_clear(&got);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(the_plan_says_who_is_left_out_and_why),
        ONE(a_batch_is_queued_once_however_often_it_is_begun),
        ONE(wherever_pages_end_nobody_is_passed_over),
        ONE(pages_of_a_plan_have_everybody),
        ONE(what_is_due_comes_oldest_first),
        ONE(a_payout_is_found_by_its_id),
        ONE(a_cancelled_payout_is_cancelled_for_its_worker_too),
        ONE(payouts_are_explained),
    };
    return cmocka_run_group_tests_name("payouts", tests, NULL, NULL);
}
