/* SPDX-License-Identifier: Apache-2.0
 * Payouts by hand: what leaves a party, what a rail's answers make of it, late, twice, or wrong,
 * and who is not paid out to. Money is conserved after each test. */
#include "core/payout.h"
#include "world.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;
static unsigned told;

static int tear_down(void **state)
{
    (void)state;
    world_check(&w);
    world_close(&w);
    return 0;
}

/** An event with an id of its own, `hours` after the first of January. */
METE_PRINTF(4, 5)
static enum decided say(const char *id, unsigned hours, const char *type, const char *payload, ...)
{
    char text[2000];
    char event[4000];
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    snprintf(
        event, sizeof event,
        "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"occurred_at\":\"2025-01-%02uT%02u:00:%02uZ\","
        "\"payload\":{%s}}",
        id, type, 1 + hours / 24, hours % 24, told % 60, text);
    told++;
    return world_submit(&w, 0, event);
}

static const char *next_id(void)
{
    static char id[16];
    snprintf(id, sizeof id, "e%u", told);
    return id;
}

#define APPLIED(...) assert_int_equal(say(next_id(), __VA_ARGS__), DECIDED_APPLIED)
#define REFUSED(expected, ...)                                                                     \
    do {                                                                                           \
        assert_int_equal(say(next_id(), __VA_ARGS__), DECIDED_REFUSED);                            \
        assert_int_equal(w.err.code, expected);                                                    \
    } while (0)

#define STEP(name, more)    0, "payout.transfer_" name, "\"transfer_id\":\"t1\"" more
#define ATTEMPT(n)          ",\"attempt\":" #n
#define ANCHORED(n, anchor) ATTEMPT(n) ",\"anchor\":\"" anchor "\""
#define USD(amount)         "{\"amount\":\"" amount "\",\"currency\":\"USD\"}"
#define REASON              ",\"reason\":\"r\""
#define UNPREPARED          REASON ",\"unprepared\":true"
#define DESTINATION(hours, at)                                                                     \
    hours, "party.destination_set",                                                                \
        "\"party\":\"did:a\",\"rail\":\"stripe\",\"destination\":\"" at "\""

/* Of a party, or of one of mete's own. */
static i128 net(const char *party)
{
    return world_net(&w, party, "USD");
}

/** 100.00 of did:a, cleared; a batch b1 over Stripe. */
static int set_up(void **state)
{
    (void)state;
    told = 0;
    world_open(&w);
    APPLIED(0, "book.configured", "\"clear_after_days\":0");
    APPLIED(0, "revenue.received", "\"party\":\"did:a\",\"amount\":" USD("100.00"));
    APPLIED(DESTINATION(0, "acct_1"));
    assert_int_equal(say("b1", 0, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\""),
                     DECIDED_APPLIED);
    return 0;
}

static enum decided queued(const char *id, unsigned hours, const char *amount)
{
    return say(id, hours, "payout.transfer_queued",
               "\"batch_id\":\"b1\",\"party\":\"did:a\",\"amount\":{\"amount\":\"%s\",\"currency\":"
               "\"USD\"}",
               amount);
}

static void queue(void)
{
    assert_int_equal(queued("t1", 0, "60.00"), DECIDED_APPLIED);
    assert_int_equal(net("did:a"), 4000);
    assert_int_equal(net("mete:payout"), 6000);
}

static struct transfer transfer_now(void)
{
    struct transfer t = {0};
    struct key key = key_event_id(TEXT("t1"));
    struct bytes value;
    assert_int_equal(w.view.get(w.view.ctx, key_bytes(&key), &value), VIEW_FOUND);
    struct reader r = reader_of(value);
    assert_int_equal(view_transfer(&w.view, read_varint(&r), &t), VIEW_FOUND);
    return t;
}

/* enum batch_sum, of b1 */
static i128 batch_sum(enum batch_sum which)
{
    i128 sums[STATE_SUMS] = {0};
    struct key key = key_batch_number(transfer_now().batch);
    key.b[0] = KEY_BATCH_SUMS;
    assert_int_equal(w.view.sums(w.view.ctx, key_bytes(&key), sums), VIEW_FOUND);
    return sums[which];
}

static bool count_row(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)key;
    (void)value;
    (void)sums;
    ++*(unsigned *)arg;
    return true;
}

static unsigned outbox_rows(void)
{
    unsigned rows = 0;
    struct key from = key_of(KEY_OUTBOX);
    struct key until = key_prefix_end(from);
    assert_int_equal(w.view.scan(w.view.ctx, key_bytes(&from), key_bytes(&until), count_row, &rows),
                     VIEW_FOUND);
    return rows;
}

/* --- the straight way --------------------------------------------------------------------------*/

static void paid_once(void **state)
{
    (void)state;
    queue();
    assert_int_equal(outbox_rows(), 1);
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("sent", ATTEMPT(1)));
    APPLIED(STEP("paid", ATTEMPT(1) ",\"fee\":" USD("0.25")));
    assert_int_equal(net("mete:payout"), 0);
    assert_int_equal(net("did:a"), 4000);
    assert_int_equal(net("mete:rail_fees"), -25);
    assert_int_equal(transfer_now().state, TRANSFER_PAID);
    assert_int_equal(outbox_rows(), 0);
    REFUSED(METE_STATE_FORBIDS, STEP("paid", ATTEMPT(1)));
    REFUSED(METE_STATE_FORBIDS, STEP("failed", ATTEMPT(1) REASON));
    REFUSED(METE_STATE_FORBIDS, STEP("cancelled", REASON));
    APPLIED(0, "payout.batch_closed", "\"batch_id\":\"b1\"");
    REFUSED(METE_STATE_FORBIDS, 0, "payout.batch_closed", "\"batch_id\":\"b1\"");
}

static void one_anchor_one_attempt(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    REFUSED(METE_STATE_FORBIDS, STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("unknown", ATTEMPT(1)));
    REFUSED(METE_STATE_FORBIDS, STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    REFUSED(METE_ANCHOR_USED, STEP("sending", ANCHORED(2, "key-1")));
    REFUSED(METE_MEMBER_VALUE, STEP("sending", ANCHORED(3, "key-3")));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
}

static void four_attempts_and_then_it_is_over(void **state)
{
    (void)state;
    static const char *const anchor[] = {"k1", "k2", "k3", "k4"};
    queue();
    for (unsigned i = 0; i < ARRAY_LEN(anchor); i++) {
        APPLIED(0, "payout.transfer_sending",
                "\"transfer_id\":\"t1\",\"attempt\":%u,\"anchor\":\"%s\"", i + 1, anchor[i]);
        APPLIED(0, "payout.transfer_failed",
                "\"transfer_id\":\"t1\",\"attempt\":%u,\"reason\":\"no route\"", i + 1);
    }
    assert_int_equal(net("did:a"), 4000);
    REFUSED(METE_STATE_FORBIDS, STEP("sending", ANCHORED(5, "k5")));
    APPLIED(STEP("failed_permanent", REASON));
    assert_int_equal(net("did:a"), 10000);
    assert_int_equal(net("mete:payout"), 0);
    assert_int_equal(outbox_rows(), 0);
    assert_int_equal(queued("t2", 0, "1.00"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_PARTY_HELD);
}

static struct attempt attempt_now(uint32_t number)
{
    struct attempt t = {0};
    struct key id = key_event_id(TEXT("t1"));
    struct bytes value;
    assert_int_equal(w.view.get(w.view.ctx, key_bytes(&id), &value), VIEW_FOUND);
    struct reader r = reader_of(value);
    struct key key = key_attempt(read_varint(&r), number);
    assert_int_equal(w.view.get(w.view.ctx, key_bytes(&key), &value), VIEW_FOUND);
    assert_true(attempt_unpack(value, &t));
    return t;
}

/* A host that is away: it counts, so that it ends. */
static void what_cannot_be_prepared_ends_too(void **state)
{
    (void)state;
    queue();
    REFUSED(METE_MEMBER_VALUE, STEP("failed", ATTEMPT(2) UNPREPARED));
    REFUSED(METE_MEMBER_VALUE, STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("failed", ATTEMPT(1) UNPREPARED));
    assert_int_equal(transfer_now().state, TRANSFER_FAILED);
    assert_int_equal(transfer_now().attempts, 1);
    assert_int_equal(attempt_now(1).outcome, ATTEMPT_UNMADE);
    REFUSED(METE_STATE_FORBIDS, STEP("failed", ATTEMPT(1) REASON));
    REFUSED(METE_STATE_FORBIDS, STEP("paid", ATTEMPT(1)));
    REFUSED(METE_STATE_FORBIDS, STEP("returned", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    REFUSED(METE_MEMBER_VALUE, STEP("failed", ATTEMPT(2) UNPREPARED)); /* by who slept */
    REFUSED(METE_STATE_FORBIDS, STEP("failed", ATTEMPT(3) UNPREPARED));
    APPLIED(STEP("failed", ATTEMPT(2) REASON));
    APPLIED(STEP("failed", ATTEMPT(3) UNPREPARED));
    APPLIED(STEP("failed", ATTEMPT(4) UNPREPARED));
    REFUSED(METE_STATE_FORBIDS, STEP("failed", ATTEMPT(5) UNPREPARED));
    REFUSED(METE_STATE_FORBIDS, STEP("sending", ANCHORED(5, "key-5")));
    assert_int_equal(net("mete:payout"), 6000);
    APPLIED(STEP("failed_permanent", REASON));
    assert_int_equal(net("did:a"), 10000);
}

/* Where a worker that comes later finds what was sent. */
static void bodies_are_remembered(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1") ",\"body\":\"b1\",\"party\":\"did:a\""));
    uint64_t made = attempt_now(1).made;
    assert_int_equal(attempt_now(1).body_count, 1);
    assert_true(attempt_now(1).body[0] == made && made > 0);
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    assert_int_equal(attempt_now(1).body_count, 1);
    assert_int_equal(transfer_now().looks, 1);
    for (unsigned i = 1; i < ATTEMPT_BODIES_MAX; i++)
        APPLIED(STEP("sending", ANCHORED(1, "key-1") ",\"body\":\"b2\""));
    assert_int_equal(attempt_now(1).body_count, ATTEMPT_BODIES_MAX);
    assert_true(attempt_now(1).body[1] == made + 2);
    REFUSED(METE_MEMBER_VALUE, STEP("sending", ANCHORED(1, "key-1") ",\"body\":\"b17\""));
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    assert_int_equal(attempt_now(1).made, made);
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    REFUSED(METE_MEMBER_VALUE, STEP("sending", ANCHORED(2, "key-2") ",\"party\":\"did:b\""));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    assert_int_equal(attempt_now(2).body_count, 0);
}

static void a_rail_says_when_to_look_again(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("unknown", ATTEMPT(1) ",\"retry_at\":\"2025-01-09T00:00:00Z\""));
    mete_time due = transfer_now().due;
    APPLIED(STEP("sent", ATTEMPT(1)));
    assert_true(transfer_now().due < due);
}

/* --- what rails do -----------------------------------------------------------------------------*/

/* It said "failed", and it had paid: the money put aside covers it. */
static void a_late_success_is_booked(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("paid", ATTEMPT(1)));
    assert_int_equal(transfer_now().state, TRANSFER_PAID);
    assert_int_equal(net("did:a"), 4000);
    assert_int_equal(net("mete:payout"), 0);
}

/* ... after it was given back: the party owes it. */
static void a_success_after_the_end_is_owed(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("failed_permanent", REASON));
    assert_int_equal(net("did:a"), 10000);
    APPLIED(STEP("paid", ATTEMPT(1)));
    assert_int_equal(net("did:a"), 4000);
    assert_int_equal(net("mete:payout"), 0);
}

/* Both attempts paid: seen, booked, owed by the party; the other attempt is still followed. */
static void paid_twice_is_seen(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    assert_int_equal(transfer_now().state, TRANSFER_SENDING);
    assert_int_equal(outbox_rows(), 1);
    assert_int_equal(net("did:a"), 4000);
    APPLIED(STEP("paid", ATTEMPT(2)));
    assert_int_equal(net("did:a"), -2000);
    assert_int_equal(transfer_now().paid, 12000);
    assert_int_equal(outbox_rows(), 0);
}

static void the_second_fails_after_the_first_paid(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("failed", ATTEMPT(2) REASON));
    assert_int_equal(transfer_now().state, TRANSFER_PAID);
    assert_int_equal(net("did:a"), 4000);
    assert_int_equal(net("mete:payout"), 0);
    assert_int_equal(outbox_rows(), 0);
}

static void a_wrong_amount_is_evened_out(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("paid", ATTEMPT(1) ",\"amount\":" USD("59.00")));
    assert_int_equal(net("did:a"), 4100);
    assert_int_equal(net("mete:payout"), 0);
}

static void what_comes_back_is_the_partys_again(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    REFUSED(METE_MEMBER_VALUE, STEP("returned", ",\"amount\":" USD("60.01") REASON));
    APPLIED(STEP("returned", ",\"amount\":" USD("58.50") REASON));
    assert_int_equal(net("did:a"), 9850);
    assert_int_equal(queued("t2", 0, "1.00"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_PARTY_HELD);
}

/* A bank tells of the return first, of the payment later: nothing more is booked. */
static void back_before_it_was_said_to_be_paid(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("sent", ATTEMPT(1)));
    APPLIED(STEP("returned", REASON));
    assert_int_equal(net("did:a"), 10000);
    REFUSED(METE_STATE_FORBIDS, STEP("paid", ATTEMPT(1)));
    REFUSED(METE_STATE_FORBIDS, STEP("returned", REASON));
    assert_int_equal(net("did:a"), 10000);
    assert_int_equal(transfer_now().paid, 6000);
    assert_int_equal(transfer_now().returned, 6000);
    assert_int_equal(outbox_rows(), 0);
}

/* The first attempt had paid; what came back is the second, which nobody had said to be paid. */
static void a_second_attempt_comes_back_after_the_first_paid(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("sent", ATTEMPT(2)));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("returned", ATTEMPT(2) REASON));
    assert_int_equal(transfer_now().state, TRANSFER_PAID);
    assert_int_equal(net("did:a"), 4000);
    assert_int_equal(net("mete:payout"), 0);
}

/* Paid twice, and both come back, the first while the second is still on its way. */
static void each_attempt_comes_back_once(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("returned", ATTEMPT(1) REASON));
    assert_int_equal(transfer_now().state, TRANSFER_SENDING);
    assert_int_equal(net("did:a"), 10000);
    APPLIED(STEP("paid", ATTEMPT(2)));
    assert_int_equal(net("did:a"), 4000);
    REFUSED(METE_STATE_FORBIDS, STEP("returned", ATTEMPT(1) REASON));
    APPLIED(STEP("returned", REASON));
    REFUSED(METE_STATE_FORBIDS, STEP("returned", REASON));
    assert_int_equal(net("did:a"), 10000);
}

/* Paid 60.00 and then 59.00: what comes back of one is no money of the other. */
static void a_return_is_of_its_attempt(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("paid", ATTEMPT(2) ",\"amount\":" USD("59.00")));
    assert_int_equal(net("did:a"), -1900);
    assert_true(attempt_now(1).paid == 6000 && attempt_now(2).paid == 5900);
    REFUSED(METE_MEMBER_VALUE, STEP("returned", ATTEMPT(1) ",\"amount\":" USD("60.01") REASON));
    REFUSED(METE_MEMBER_VALUE, STEP("returned", ATTEMPT(2) ",\"amount\":" USD("59.01") REASON));
    APPLIED(STEP("returned", ATTEMPT(1) REASON));
    assert_int_equal(net("did:a"), 4100);
    assert_true(attempt_now(1).returned == 6000 && attempt_now(2).returned == 0);
    APPLIED(STEP("returned", ATTEMPT(2) REASON));
    assert_int_equal(net("did:a"), 10000);
    assert_true(attempt_now(1).returned == 6000 && attempt_now(2).returned == 5900);
    assert_int_equal(transfer_now().paid, 11900);
    assert_int_equal(transfer_now().returned, 11900);
}

/* The first came back in part; the second, on its way meanwhile, comes back whole. */
static void a_part_of_one_comes_back_and_then_all_of_the_next(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("returned", ATTEMPT(1) ",\"amount\":" USD("20.00") REASON));
    APPLIED(STEP("sent", ATTEMPT(2)));
    REFUSED(METE_STATE_FORBIDS, STEP("returned", ATTEMPT(1) ",\"amount\":" USD("40.00") REASON));
    APPLIED(STEP("paid", ATTEMPT(2) ",\"amount\":" USD("30.00")));
    assert_int_equal(net("did:a"), 3000);
    REFUSED(METE_MEMBER_VALUE, STEP("returned", ",\"amount\":" USD("30.01") REASON));
    APPLIED(STEP("returned", REASON));
    assert_int_equal(net("did:a"), 6000);
    assert_true(attempt_now(1).paid == 6000 && attempt_now(1).returned == 2000);
    assert_true(attempt_now(2).paid == 3000 && attempt_now(2).returned == 3000);
}

/* Both paid. One comes back: the payment of the other stands, until it comes back too. */
static void it_is_paid_as_long_as_one_payment_stands(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("paid", ATTEMPT(2)));
    assert_int_equal(batch_sum(BATCH_PAID), 12000);
    APPLIED(STEP("returned", ATTEMPT(2) ",\"amount\":" USD("58.50") REASON));
    assert_int_equal(transfer_now().state, TRANSFER_PAID);
    assert_int_equal(batch_sum(BATCH_PAID), 6150);
    APPLIED(STEP("returned", REASON));
    assert_int_equal(transfer_now().state, TRANSFER_RETURNED);
    assert_int_equal(batch_sum(BATCH_PAID), 150);
    assert_int_equal(batch_sum(BATCH_RESTING), 1);
    REFUSED(METE_STATE_FORBIDS, STEP("returned", REASON));
}

/* What the first had paid is the party's again, and the second fails: nobody is paid, and nothing
 * is left that could be sent. */
static void a_failure_after_a_return_leaves_it_returned(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("returned", ATTEMPT(1) REASON));
    APPLIED(STEP("failed", ATTEMPT(2) REASON));
    assert_int_equal(transfer_now().state, TRANSFER_RETURNED);
    assert_int_equal(batch_sum(BATCH_PAID), 0);
    assert_int_equal(net("did:a"), 10000);
    REFUSED(METE_STATE_FORBIDS, STEP("sending", ANCHORED(3, "key-3")));
    assert_int_equal(outbox_rows(), 0);
}

/* ... or comes back as well, before anybody said that it was paid. */
static void a_return_after_a_return_leaves_it_returned(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(STEP("failed", ATTEMPT(1) REASON));
    APPLIED(STEP("sending", ANCHORED(2, "key-2")));
    APPLIED(STEP("sent", ATTEMPT(2)));
    APPLIED(STEP("paid", ATTEMPT(1)));
    APPLIED(STEP("returned", ATTEMPT(1) REASON));
    assert_int_equal(transfer_now().state, TRANSFER_SENT);
    APPLIED(STEP("returned", REASON));
    assert_int_equal(transfer_now().state, TRANSFER_RETURNED);
    assert_int_equal(net("did:a"), 10000);
    assert_int_equal(batch_sum(BATCH_PAID), 0);
}

/* Nobody knows, again and again: it is looked at ever more rarely, and lets others through. */
static void looks_grow_rare(void **state)
{
    (void)state;
    mete_time waited = 0;
    queue();
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    for (unsigned i = 0; i < 13; i++) {
        APPLIED(0, "payout.transfer_unknown", "\"transfer_id\":\"t1\",\"attempt\":1");
        mete_time wait =
            transfer_now().due - (mete_time)(1735689600 + (told - 1) % 60) * TIME_SECOND_US;
        assert_true(wait >= 2 * waited || wait == (mete_time)3600 * TIME_SECOND_US);
        assert_true(i > 0 || wait == 5 * TIME_SECOND_US);
        waited = wait;
    }
    assert_int_equal(waited, (mete_time)3600 * TIME_SECOND_US);
}

/* Queued to one place, which is changed before it is sent: the new one has to cool off first. */
static void what_is_queued_waits_for_a_changed_destination(void **state)
{
    (void)state;
    queue();
    APPLIED(DESTINATION(1, "acct_2"));
    REFUSED(METE_DESTINATION_COOLING, 2, "payout.transfer_sending",
            "\"transfer_id\":\"t1\"" ANCHORED(1, "key-1"));
    APPLIED(26, "payout.transfer_sending", "\"transfer_id\":\"t1\"" ANCHORED(1, "key-1"));
}

static void what_is_queued_is_not_sent_while_held(void **state)
{
    (void)state;
    queue();
    APPLIED(0, "payout.hold_placed", "\"party\":\"did:a\"" REASON);
    REFUSED(METE_PARTY_HELD, STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(0, "payout.hold_released", "\"party\":\"did:a\"" REASON);
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
    APPLIED(0, "payout.hold_placed", "\"party\":\"did:a\"" REASON);
    APPLIED(STEP("sending", ANCHORED(1, "key-1")));
}

static void nothing_was_sent_so_it_can_be_cancelled(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("cancelled", REASON));
    assert_int_equal(net("did:a"), 10000);
    REFUSED(METE_STATE_FORBIDS, STEP("sending", ANCHORED(1, "key-1")));
    assert_int_equal(outbox_rows(), 0);
}

/* --- who is paid -------------------------------------------------------------------------------*/

static void one_payout_a_batch(void **state)
{
    (void)state;
    queue();
    assert_int_equal(queued("t2", 0, "10.00"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_STATE_FORBIDS);
}

static void no_more_than_has_cleared(void **state)
{
    (void)state;
    assert_int_equal(queued("t1", 0, "100.01"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_INSUFFICIENT_FUNDS);
    assert_int_equal(queued("t1", 0, "100.00"), DECIDED_APPLIED);
}

/* Design §3: strictly more than the minimum. */
static void the_minimum_is_exceeded_or_it_waits(void **state)
{
    (void)state;
    APPLIED(0, "book.configured", "\"payout_minimum\":" USD("100.00"));
    assert_int_equal(queued("t1", 0, "100.00"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_BELOW_MINIMUM);
    APPLIED(0, "revenue.received", "\"party\":\"did:a\",\"amount\":" USD("0.01"));
    assert_int_equal(queued("t1", 0, "100.01"), DECIDED_APPLIED);
}

static void a_changed_destination_cools_off(void **state)
{
    (void)state;
    APPLIED(DESTINATION(1, "acct_2"));
    assert_int_equal(queued("t1", 2, "10.00"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_DESTINATION_COOLING);
    assert_int_equal(queued("t1", 26, "10.00"), DECIDED_APPLIED);
}

static void a_new_destination_ends_the_hold_of_a_failure(void **state)
{
    (void)state;
    queue();
    APPLIED(STEP("failed_permanent", REASON));
    assert_int_equal(queued("t2", 0, "10.00"), DECIDED_REFUSED);
    APPLIED(DESTINATION(1, "acct_2"));
    APPLIED(30, "payout.batch_closed", "\"batch_id\":\"b1\"");
    assert_int_equal(say("b2", 30, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"stripe\""),
                     DECIDED_APPLIED);
    APPLIED(30, "payout.transfer_queued",
            "\"batch_id\":\"b2\",\"party\":\"did:a\",\"amount\":" USD("100.00"));
}

/* The place itself, and what the log has instead of it, stay outside of state. */
static void state_knows_of_a_destination_what_deciding_asks(void **state)
{
    (void)state;
    uint32_t party;
    struct bytes value;
    assert_int_equal(view_party(&w.view, TEXT("did:a"), &party), VIEW_FOUND);
    struct key key = key_u32(KEY_DESTINATION, party);
    assert_int_equal(w.view.get(w.view.ctx, key_bytes(&key), &value), VIEW_FOUND);
    struct reader r = reader_of(value);
    assert_true(text_is(read_sized(&r), "stripe"));
    assert_true(read_zigzag(&r) == (int64_t)1735689602 * TIME_SECOND_US);
    assert_true(read_varint(&r) > 0);
    assert_true(reader_done(&r));
}

static void a_supervisors_hold_is_released_by_one(void **state)
{
    (void)state;
    APPLIED(0, "payout.hold_placed", "\"party\":\"did:a\"" REASON);
    APPLIED(DESTINATION(1, "acct_2"));
    assert_int_equal(queued("t1", 30, "10.00"), DECIDED_REFUSED);
    assert_int_equal(w.err.code, METE_PARTY_HELD);
    APPLIED(30, "payout.hold_released", "\"party\":\"did:a\"" REASON);
    REFUSED(METE_STATE_FORBIDS, 30, "payout.hold_released", "\"party\":\"did:a\"" REASON);
    assert_int_equal(queued("t1", 30, "10.00"), DECIDED_APPLIED);
}

static void without_a_destination_on_the_rail_nothing_leaves(void **state)
{
    (void)state;
    assert_int_equal(say("b2", 0, "payout.batch_opened", "\"asset\":\"USD\",\"rail\":\"bank\""),
                     DECIDED_APPLIED);
    REFUSED(METE_DESTINATION_MISSING, 0, "payout.transfer_queued",
            "\"batch_id\":\"b2\",\"party\":\"did:a\",\"amount\":" USD("1.00"));
    REFUSED(METE_BATCH_UNKNOWN, 0, "payout.transfer_queued",
            "\"batch_id\":\"b3\",\"party\":\"did:a\",\"amount\":" USD("1.00"));
    REFUSED(METE_TRANSFER_UNKNOWN, STEP("sent", ATTEMPT(1)));
}

static void batch_is(uint64_t number, bool is_closed)
{
    struct arena a;
    struct batch b;
    arena_init(&a, 1 << 20);
    assert_int_equal(view_batch(&w.view, &a, number, &b), VIEW_FOUND);
    assert_int_equal(b.is_closed, is_closed);
    assert_true(b.on_demand && text_is(b.rail, "stripe"));
    assert_true(b.bounds.minimum == 1000 && b.bounds.fee == 30 && b.bounds.fee_cap_bps == 250);
    arena_clear(&a);
}

static void a_batch_keeps_what_it_was_opened_for(void **state)
{
#define OPENED "\"asset\":\"USD\",\"rail\":\"stripe\""
    (void)state;
    assert_int_equal(say("b2", 0, "payout.batch_opened",
                         OPENED ",\"on_demand\":true,\"minimum\":\"10.00\",\"fee\":\"0.30\","
                                "\"fee_cap_bps\":250"),
                     DECIDED_APPLIED);
    uint64_t number = w.size;
    batch_is(number, false);
    REFUSED(METE_BELOW_MINIMUM, 0, "payout.transfer_queued",
            "\"batch_id\":\"b2\",\"party\":\"did:a\",\"amount\":" USD("9.99"));
    REFUSED(METE_FEE_ABOVE_CAP, 0, "payout.transfer_queued",
            "\"batch_id\":\"b2\",\"party\":\"did:a\",\"amount\":" USD("11.99"));
    APPLIED(0, "payout.transfer_queued",
            "\"batch_id\":\"b2\",\"party\":\"did:a\",\"amount\":" USD("12.00"));
    APPLIED(0, "payout.batch_closed", "\"batch_id\":\"b2\"");
    batch_is(number, true);
    REFUSED(METE_AMOUNT_SCALE, 0, "payout.batch_opened", OPENED ",\"minimum\":\"0.001\"");
    REFUSED(METE_AMOUNT_SCALE, 0, "payout.batch_opened", OPENED ",\"fee\":\"0.001\"");
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(paid_once),
        ONE(one_anchor_one_attempt),
        ONE(four_attempts_and_then_it_is_over),
        ONE(what_cannot_be_prepared_ends_too),
        ONE(bodies_are_remembered),
        ONE(a_rail_says_when_to_look_again),
        ONE(a_late_success_is_booked),
        ONE(a_success_after_the_end_is_owed),
        ONE(paid_twice_is_seen),
        ONE(the_second_fails_after_the_first_paid),
        ONE(a_wrong_amount_is_evened_out),
        ONE(what_comes_back_is_the_partys_again),
        ONE(back_before_it_was_said_to_be_paid),
        ONE(a_second_attempt_comes_back_after_the_first_paid),
        ONE(each_attempt_comes_back_once),
        ONE(a_return_is_of_its_attempt),
        ONE(a_part_of_one_comes_back_and_then_all_of_the_next),
        ONE(it_is_paid_as_long_as_one_payment_stands),
        ONE(a_failure_after_a_return_leaves_it_returned),
        ONE(a_return_after_a_return_leaves_it_returned),
        ONE(looks_grow_rare),
        ONE(what_is_queued_waits_for_a_changed_destination),
        ONE(what_is_queued_is_not_sent_while_held),
        ONE(nothing_was_sent_so_it_can_be_cancelled),
        ONE(one_payout_a_batch),
        ONE(no_more_than_has_cleared),
        ONE(the_minimum_is_exceeded_or_it_waits),
        ONE(a_changed_destination_cools_off),
        ONE(a_new_destination_ends_the_hold_of_a_failure),
        ONE(state_knows_of_a_destination_what_deciding_asks),
        ONE(a_supervisors_hold_is_released_by_one),
        ONE(without_a_destination_on_the_rail_nothing_leaves),
        ONE(a_batch_keeps_what_it_was_opened_for),
    };
    return cmocka_run_group_tests_name("payout", tests, NULL, NULL);
}
