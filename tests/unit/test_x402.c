/* SPDX-License-Identifier: Apache-2.0
 * covers: V-049 V-054 V-081
 * Payments by x402 by hand: who may reserve and settle, what is asked twice, account nonces, money
 * that is split, waits, is paid at once and taken back, policies of resources, and what is listed.
 */
#include "x402_case.h"

#include "engine/internal.h"
#include "engine/query.h"
#include "engine/verify.h"
#include "engine/x402_list.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW ((mete_time)1735689600 * TIME_SECOND_US) /* 2025-01-01 */

static struct engine *e;
static struct arena arena;
static struct x402_step_result r;

METE_PRINTF(4, 5)
static void say(enum submit_status wanted, const char *at, const char *id, const char *fmt, ...)
{
    const struct submit_options own = {.own = true, .no_quarantine = true};
    struct submit_result result;
    char rest[1200], event[1600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(rest, sizeof rest, fmt, args);
    va_end(args);
    snprintf(event, sizeof event, "{'event_id':'%s','occurred_at':'%s','event_type':%s}", id, at,
             rest);
    for (char *c = event; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    engine_submit(e, text_of(event), &own, &result);
    if (result.status != wanted) {
        fail_msg("%s: %s: %s", event, submit_status_name(result.status), result.err.text);
    }
}

static void say_now(const char *id, const char *rest)
{
    say(SUBMIT_APPLIED, "2025-01-01T00:00:00Z", id, "%s", rest);
}

static int set_up(void **state)
{
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .now = NOW,
                                     .salt_seed = 1};
    (void)state;
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    arena_init(&arena, (size_t)1 << 30);
    say_now("begin", "'party.registered','payload':{'party':'somebody'}");
    return 0;
}

static int tear_down(void **state)
{
    struct verify_report report = {0};
    struct mete_err err = {0};
    (void)state;
    assert_int_equal(engine_commit(e, &err), METE_OK);
    if (state_verify(e, &report, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    arena_clear(&arena);
    engine_close(e);
    return 0;
}

static enum x402_step_status take_by(const struct x402_signer *signer, struct x402_step s)
{
    struct mete_err err;
    if (x402_steps_take(e, signer, &s, 1, &arena, &r, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return r.status;
}

static enum x402_step_status take(struct x402_step s)
{
    return take_by(&case_signer, s);
}

static void taken(struct x402_step s)
{
    if (take(s) != X402_STEP_TAKEN) {
        fail_msg("%d: %s", r.status, r.err.text);
    }
}

static void known(struct x402_step s)
{
    assert_int_equal(take(s), X402_STEP_KNOWN);
}

static void refused(enum mete_code code, struct x402_step s)
{
    assert_int_equal(take(s), X402_STEP_REFUSED);
    assert_int_equal(r.err.code, code);
}

static struct x402_step of(enum x402_step_kind kind, unsigned n)
{
    return case_step(&arena, kind, n, "10000");
}

static struct x402_step with(struct x402_step s, const char *token)
{
    s.reservation = text_of(token);
    return s;
}

static struct x402_step fee(struct x402_step s, const char *fee_max)
{
    s.call.fee_max = text_of(fee_max);
    return s;
}

/* What the chain says of the payment's newest transaction. */
static struct x402_step mined(enum x402_step_kind kind, unsigned n, uint64_t block)
{
    struct x402_status now;
    struct mete_err err;
    struct x402_step s = of(kind, n);
    char id[X402_ID_LEN + 1];
    x402_id(&s.name, id);
    assert_int_equal(x402_find(e, text_of(id), &arena, &now, &err), METE_OK);
    s.transaction = now.transaction_count > 0 ? now.transactions[0] : (struct text){0};
    s.block = block;
    s.block_time = NOW - TIME_SECOND_US;
    s.gas_used = 60000;
    s.gas_price = TEXT("2000000000");
    s.reason =
        kind == X402_STEP_FAILED ? TEXT("invalid_exact_evm_transaction_failed") : (struct text){0};
    return s;
}

/* The same, of one that has failed. */
static struct x402_step lost(enum x402_step_kind kind, unsigned n, uint64_t block)
{
    struct x402_step s = mined(kind, n, block);
    s.reason = TEXT("invalid_exact_evm_transaction_failed");
    return s;
}

static struct balance balance_then(const char *party, mete_time at)
{
    struct asset asset;
    struct balance b = {0};
    uint32_t number;
    const struct view *v = engine_view(e);
    if (view_party(v, text_of(party), &number) == VIEW_FOUND &&
        view_asset(v, TEXT("USDC-base-sepolia"), &asset) == VIEW_FOUND) {
        assert_int_not_equal(balance_at(v, &arena, number, asset.number, at, &b), VIEW_MISSING);
    }
    return b;
}

static struct balance balance(const char *party)
{
    return balance_then(party, NOW + 30 * TIME_DAY_US);
}

static void has(const char *party, i128 cleared, i128 paid)
{
    struct balance b = balance(party);
    assert_int_equal((int64_t)b.cleared, (int64_t)cleared);
    assert_int_equal((int64_t)b.pending, 0);
    assert_int_equal((int64_t)b.debt, 0);
    assert_int_equal((int64_t)b.paid, (int64_t)paid);
}

/* --- reservations ------------------------------------------------------------------------------*/

static void one_of_two_servers_is_served(void **state)
{
    (void)state;
    taken(with(of(X402_STEP_RESERVE, 1), "a"));
    assert_true(r.now.is_reserved);
    known(with(of(X402_STEP_RESERVE, 1), "a"));
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_RESERVE, 1), "b"));
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_SETTLE, 1), "b"));
    refused(METE_PAYMENT_RESERVED, of(X402_STEP_SETTLE, 1));
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_RELEASE, 1), "b"));
    taken(with(of(X402_STEP_SETTLE, 1), "a"));
    known(with(of(X402_STEP_SETTLE, 1), "a"));
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_SETTLE, 1), "b"));
    refused(METE_PAYMENT_RESERVED, of(X402_STEP_SETTLE, 1));
    refused(METE_PAYMENT_STATE, with(of(X402_STEP_RESERVE, 1), "a"));
    refused(METE_PAYMENT_STATE, with(of(X402_STEP_RELEASE, 1), "a"));
}

static void what_is_released_is_free(void **state)
{
    (void)state;
    refused(METE_NOT_FOUND, with(of(X402_STEP_RELEASE, 2), "a"));
    taken(with(of(X402_STEP_RESERVE, 2), "a"));
    taken(with(of(X402_STEP_RELEASE, 2), "a"));
    known(with(of(X402_STEP_RELEASE, 2), "a"));
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_SETTLE, 2), "a"));
    taken(with(of(X402_STEP_RESERVE, 2), "b"));
    refused(METE_PAYMENT_RESERVED, of(X402_STEP_SETTLE, 2));
    taken(with(of(X402_STEP_RELEASE, 2), "b"));
    taken(of(X402_STEP_SETTLE, 2));
}

static void a_reservation_runs_out(void **state)
{
    struct x402_step s = with(of(X402_STEP_RESERVE, 3), "a");
    (void)state;
    s.until = NOW + TIME_SECOND_US;
    taken(s);
    s.name = case_name(&arena, 4);
    taken(s);
    say(SUBMIT_APPLIED, "2025-01-01T00:00:02Z", "later",
        "'party.registered','payload':{'party':'somebody'}");
    struct x402_step other = with(of(X402_STEP_RESERVE, 3), "b");
    other.until = NOW + TIME_SECOND_US;
    taken(other);
    assert_int_equal(r.now.state, X402_NONE);
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_SETTLE, 3), "a"));
    taken(with(of(X402_STEP_SETTLE, 3), "b"));
    taken(of(X402_STEP_SETTLE, 4));
    refused(METE_PAYMENT_RESERVED, with(of(X402_STEP_SETTLE, 4), "a"));
}

/* --- settling ----------------------------------------------------------------------------------*/

static void what_is_asked_again_is_answered_again(void **state)
{
    (void)state;
    taken(of(X402_STEP_SETTLE, 10));
    assert_int_equal(r.now.state, X402_SETTLING);
    assert_int_equal(r.now.transaction_count, 1);
    assert_true(text_starts(r.now.raws[0], "0x02"));
    known(of(X402_STEP_SETTLE, 10));
    refused(METE_PAYMENT_OTHERWISE, case_step(&arena, X402_STEP_SETTLE, 10, "9999"));
    taken(mined(X402_STEP_SETTLED, 10, 5));
    known(of(X402_STEP_SETTLE, 10));
    assert_int_equal(r.now.state, X402_SETTLED);
    known(mined(X402_STEP_SETTLED, 10, 5));
    refused(METE_PAYMENT_STATE, mined(X402_STEP_SETTLED, 10, 6));
    refused(METE_PAYMENT_STATE, mined(X402_STEP_FAILED, 10, 5));
    refused(METE_PAYMENT_STATE, mined(X402_STEP_CONFIRMED, 10, 6));
    taken(mined(X402_STEP_CONFIRMED, 10, 5));
    known(mined(X402_STEP_CONFIRMED, 10, 5));
    refused(METE_PAYMENT_STATE, mined(X402_STEP_UNDONE, 10, 5));
    refused(METE_PAYMENT_OTHERWISE, case_step(&arena, X402_STEP_SETTLE, 10, "9999"));
}

static void account_nonces_are_given_in_order(void **state)
{
    struct x402_step s = of(X402_STEP_SETTLE, 20);
    (void)state;
    s.counted = 7;
    taken(s);
    assert_int_equal(r.now.account_nonce, 7);
    s = of(X402_STEP_SETTLE, 21);
    s.counted = 7;
    taken(s);
    assert_int_equal(r.now.account_nonce, 8);
    s = of(X402_STEP_SETTLE, 22);
    s.counted = 12;
    taken(s);
    assert_int_equal(r.now.account_nonce, 12);
    taken(of(X402_STEP_SETTLE, 23));
    assert_int_equal(r.now.account_nonce, 13);
}

static void without_a_signer_nothing_is_journalled(void **state)
{
    struct x402_step s = of(X402_STEP_SETTLE, 30);
    (void)state;
    assert_int_equal(take_by(NULL, s), X402_STEP_REFUSED);
    assert_int_equal(r.err.code, METE_NO_SIGNER);
    s.name.network = TEXT("eip155:1");
    refused(METE_NO_SIGNER, s);
    refused(METE_NOT_FOUND, of(X402_STEP_CONFIRMED, 30));
    taken(of(X402_STEP_SETTLE, 30));
    assert_int_equal(r.now.account_nonce, 0);
}

static void a_replacement_keeps_the_nonce(void **state)
{
    struct x402_status now;
    struct mete_err err;
    struct text ids[1], *open = ids;
    size_t count;
    (void)state;
    taken(of(X402_STEP_SETTLE, 40));
    struct text first = r.now.transactions[0];
    known(of(X402_STEP_REPLACE, 40)); /* the same bytes */
    taken(fee(of(X402_STEP_REPLACE, 40), "2000000000"));
    assert_int_equal(r.now.transaction_count, 2);
    assert_int_equal(r.now.account_nonce, 0);
    assert_true(text_eq(r.now.transactions[1], first));
    known(fee(of(X402_STEP_REPLACE, 40), "2000000000"));
    struct x402_step cancel = fee(of(X402_STEP_REPLACE, 40), "3000000000");
    cancel.cancels = true;
    taken(cancel);
    assert_true(r.now.cancels);
    assert_int_equal(x402_find_transaction(e, first, &arena, &now, &err), METE_OK);
    assert_int_equal(now.transaction_count, 3);
    assert_int_equal(x402_open_ids(e, (struct text){0}, 10, &arena, &open, &count, &err), METE_OK);
    assert_int_equal(count, 1);
    struct x402_step s = mined(X402_STEP_SETTLED, 40, 9);
    s.transaction = first; /* the oldest one was mined */
    taken(s);
    assert_true(text_eq(r.now.settled_by, first));
    refused(METE_PAYMENT_STATE, fee(of(X402_STEP_REPLACE, 40), "4000000000"));
    taken(of(X402_STEP_CONFIRMED, 40));
    assert_int_equal(x402_open_ids(e, (struct text){0}, 10, &arena, &open, &count, &err), METE_OK);
    assert_int_equal(count, 0);
}

static void a_stranger_may_settle_several_but_not_with_mine(void **state)
{
    (void)state;
    taken(of(X402_STEP_SETTLE, 50));
    taken(of(X402_STEP_SETTLE, 51));
    struct text mine = r.now.transactions[0];
    struct x402_step s = mined(X402_STEP_SETTLED, 50, 3);
    s.transaction = mine;
    refused(METE_TRANSACTION_USED, s);
    s.transaction = TEXT("0x5717a9e7");
    taken(s);
    s = mined(X402_STEP_SETTLED, 51, 3);
    s.transaction = TEXT("0x5717a9e7");
    taken(s);
}

/* --- money -------------------------------------------------------------------------------------*/

static const char *const MINE = X402_CASE_NETWORK ":" X402_CASE_TO;

static void policy_of_the_resource(void)
{
    say_now("split",
            "'policy.published','payload':{'policy':{'id':'urn:weather','kind':'weights','shares':"
            "[{'party':'ann','weight':'0.75'},{'party':'bob','weight':'0.25'}]}}");
    say_now("row", "'x402.policy_set','payload':{'pay_to':'" X402_CASE_TO
                   "','resource':'https://api.example.org/*','policy':'urn:weather'}");
}

static void without_a_policy_it_is_paid_at_once(void **state)
{
    (void)state;
    say_now("fees", "'fees.scheduled','payload':{'fees':[{'label':'f','bps':200,'payee':'fund'}]}");
    taken(of(X402_STEP_SETTLE, 60));
    taken(mined(X402_STEP_SETTLED, 60, 5));
    has(MINE, 0, 10000);
    assert_int_equal((int64_t)balance_then(MINE, NOW).pending, 0); /* nothing of it has to clear */
    assert_int_equal((int64_t)balance("fund").cleared, 0);
    taken(mined(X402_STEP_UNDONE, 60, 5));
    has(MINE, 0, 0);
    known(mined(X402_STEP_UNDONE, 60, 5));
    taken(mined(X402_STEP_SETTLED, 60, 6));
    has(MINE, 0, 10000);
    refused(METE_PAYMENT_STATE, mined(X402_STEP_UNDONE, 60, 5)); /* of the block before */
}

static void with_a_policy_it_is_split_and_taken_back(void **state)
{
    (void)state;
    policy_of_the_resource();
    say_now("fees", "'fees.scheduled','payload':{'fees':[{'label':'f','bps':200,'payee':'fund'}]}");
    taken(of(X402_STEP_SETTLE, 70));
    assert_true(text_is(r.now.policy, "urn:weather"));
    say_now("none", "'x402.policy_set','payload':{'pay_to':'" X402_CASE_TO
                    "','resource':'https://api.example.org/*','policy':null}");
    taken(mined(X402_STEP_SETTLED, 70, 5));
    has("ann", 7350, 0);
    has("bob", 2450, 0);
    has("fund", 200, 0);
    has(MINE, 0, 0);
    taken(mined(X402_STEP_UNDONE, 70, 5));
    has("ann", 0, 0);
    has("bob", 0, 0);
    has("fund", 0, 0);
    taken(mined(X402_STEP_FAILED, 70, 6));
    assert_true(text_is(r.now.reason, "invalid_exact_evm_transaction_failed"));
    has("ann", 0, 0);
    taken(mined(X402_STEP_UNDONE, 70, 6));
    taken(mined(X402_STEP_SETTLED, 70, 7));
    has("ann", 7350, 0);
}

/* The block goes away after somebody has spent his share: he owes it, the others have nothing, and
 * what is settled again recovers it. */
static void what_was_spent_is_owed(void **state)
{
    (void)state;
    say_now("conf", "'book.configured','payload':{'clear_after_days':0}");
    policy_of_the_resource();
    taken(of(X402_STEP_SETTLE, 75));
    taken(mined(X402_STEP_SETTLED, 75, 5));
    say_now("spent", "'wallet.transferred','payload':{'from':'ann','to':'carl',"
                     "'amount':{'amount':'0.005','currency':'USDC-base-sepolia'}}");
    taken(mined(X402_STEP_UNDONE, 75, 5));
    assert_int_equal((int64_t)balance("ann").cleared, 0);
    assert_int_equal((int64_t)balance("ann").debt, 5000);
    has("bob", 0, 0);
    has("carl", 5000, 0);
    taken(of(X402_STEP_SETTLE, 76)); /* another payment pays 7500 of hers */
    taken(mined(X402_STEP_SETTLED, 76, 6));
    has("ann", 2500, 0);
    taken(mined(X402_STEP_SETTLED, 75, 7));
    has("ann", 10000, 0);
    has("bob", 5000, 0);
    has("carl", 5000, 0);
}

/* What was refunded meanwhile is not taken back once more. */
static void what_was_refunded_is_undone_once(void **state)
{
    char id[X402_ID_LEN + 1];
    struct x402_name name = case_name(&arena, 77);
    (void)state;
    x402_id(&name, id);
    policy_of_the_resource();
    taken(of(X402_STEP_SETTLE, 77));
    taken(mined(X402_STEP_SETTLED, 77, 5));
    say(SUBMIT_APPLIED, "2025-01-01T00:00:00Z", "back",
        "'revenue.reversed','payload':{'reverses':'%s.2.settled','amount':{'amount':"
        "'0.004','currency':'USDC-base-sepolia'},'reason':'late'}",
        id);
    has("ann", 4500, 0);
    has("bob", 1500, 0);
    taken(mined(X402_STEP_UNDONE, 77, 5));
    has("ann", 0, 0);
    has("bob", 0, 0);
    taken(mined(X402_STEP_SETTLED, 77, 6));
    has("ann", 7500, 0);
    has("bob", 2500, 0);
}

static bool is_open(unsigned n)
{
    struct text *open;
    size_t count;
    struct mete_err err;
    struct x402_name name = case_name(&arena, n);
    char id[X402_ID_LEN + 1];
    bool found = false;
    x402_id(&name, id);
    assert_int_equal(x402_open_ids(e, (struct text){0}, 10, &arena, &open, &count, &err), METE_OK);
    for (size_t i = 0; i < count; i++) {
        found |= text_is(open[i], id);
    }
    return found;
}

static void a_failure_is_followed_until_it_is_final(void **state)
{
    (void)state;
    taken(of(X402_STEP_SETTLE, 90));
    refused(METE_PAYMENT_STATE, lost(X402_STEP_CONFIRMED, 90, 5));
    taken(mined(X402_STEP_FAILED, 90, 5));
    assert_true(is_open(90));
    refused(METE_PAYMENT_STATE, mined(X402_STEP_CONFIRMED, 90, 5)); /* who saw it settled */
    taken(lost(X402_STEP_UNDONE, 90, 5));
    taken(mined(X402_STEP_SETTLED, 90, 6));
    refused(METE_PAYMENT_STATE, lost(X402_STEP_UNDONE, 90, 6)); /* who saw it fail */
    refused(METE_PAYMENT_STATE, lost(X402_STEP_CONFIRMED, 90, 6));
    taken(mined(X402_STEP_UNDONE, 90, 6));
    taken(mined(X402_STEP_FAILED, 90, 7));
    taken(lost(X402_STEP_CONFIRMED, 90, 7));
    assert_int_equal(r.now.state, X402_FAILED);
    assert_false(is_open(90));
    known(lost(X402_STEP_CONFIRMED, 90, 7));
    known(mined(X402_STEP_FAILED, 90, 7));
    refused(METE_PAYMENT_STATE, lost(X402_STEP_UNDONE, 90, 7));
}

static void a_transaction_is_replaced_once(void **state)
{
    struct x402_step s = of(X402_STEP_REPLACE, 91);
    (void)state;
    taken(of(X402_STEP_SETTLE, 91));
    s.transaction = r.now.transactions[0];
    s.call.fee_max = TEXT("3000000000");
    taken(s);
    assert_int_equal(r.now.transaction_count, 2);
    s.call.fee_max = TEXT("3000000001"); /* by another process, which has not heard of it */
    refused(METE_PAYMENT_STATE, s);
    assert_int_equal(r.now.transaction_count, 2);
    s.transaction = r.now.transactions[0];
    taken(s);
}

static void an_unknown_policy_waits_and_the_state_does_not(void **state)
{
    struct x402_step s = of(X402_STEP_SETTLE, 80);
    (void)state;
    s.policy = TEXT("urn:weather");
    taken(s);
    taken(mined(X402_STEP_SETTLED, 80, 5));
    assert_int_equal(r.now.state, X402_SETTLED);
    taken(mined(X402_STEP_UNDONE, 80, 5));
    assert_int_equal(r.now.state, X402_SETTLING);
    taken(mined(X402_STEP_SETTLED, 80, 6));
    taken(mined(X402_STEP_CONFIRMED, 80, 6));
    has("ann", 0, 0);
    policy_of_the_resource();
    has("ann", 7500, 0);
    has("bob", 2500, 0);
    assert_int_equal((int64_t)balance("mete:suspense").cleared, 0);
}

static void no_value_settles_at_once(void **state)
{
    struct text ids[1], *open = ids;
    struct mete_err err;
    size_t count;
    struct x402_step s = case_step(&arena, X402_STEP_SETTLE, 90, "0");
    (void)state;
    assert_int_equal(take_by(NULL, s), X402_STEP_TAKEN);
    assert_int_equal(r.now.state, X402_SETTLED);
    assert_int_equal(r.now.transaction_count, 0);
    known(s);
    assert_int_equal(x402_open_ids(e, (struct text){0}, 10, &arena, &open, &count, &err), METE_OK);
    assert_int_equal(count, 0);
    has(MINE, 0, 0);
    s.kind = X402_STEP_UNDONE;
    refused(METE_STATE_FORBIDS, s);
}

/** Anybody may make a token and pay himself as much of it as he likes. */
static void worthless_millions_do_not_fill_the_sums(void **state)
{
    char most[AMOUNT_TEXT_MAX];
    const char *const beyond[] = {
        "79228162514264337593543950336", /* 2^96 */
        "1329227995784915872903807060280344576", "340282366920938463463374607431768211456",
        "115792089237316195423570985008687907853269984665640564039457584007913129639935"};
    (void)state;
    amount_format(((i128)1 << 96) - 1, 0, most);
    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        refused(METE_AMOUNT_RANGE, case_step(&arena, X402_STEP_SETTLE, 95, beyond[i]));
        assert_non_null(strstr(r.err.text, "2^96"));
    }
    for (unsigned n = 0; n < 300; n++) {
        taken(case_step(&arena, X402_STEP_SETTLE, 1000 + n, most));
        taken(mined(X402_STEP_SETTLED, 1000 + n, 5));
    }
}

static void strangers_tokens_leave_room_for_assets(void **state)
{
    struct x402_step s = of(X402_STEP_SETTLE, 96);
    (void)state;
    s.code = TEXT("84532:0x036cbd53");
    for (unsigned n = 0; n < X402_ASSETS_MAX - 1; n++) {
        char id[16];
        snprintf(id, sizeof id, "T%u", n);
        say(SUBMIT_APPLIED, "2025-01-01T00:00:00Z", id,
            "'asset.defined','payload':{'code':'%s','scale':6}", id);
    }
    taken(s);
    s = of(X402_STEP_SETTLE, 97);
    refused(METE_LIMIT, s);
    assert_non_null(strstr(r.err.text, "asset.defined"));
    say_now("last", "'asset.defined','payload':{'code':'USDC-base-sepolia','scale':6}");
    taken(s);
}

static void tokens_of_any_decimals_are_booked_in_their_smallest_units(void **state)
{
    static const uint8_t scales[] = {0, 1, 6, 18, 30};
    static const char *const values[] = {"1", "1234567", "1000000000000000000000"};
    struct x402_revenue_query q = {.by = X402_BY_NETWORK, .all_days = true};
    struct x402_revenue sums;
    struct mete_err err;
    unsigned n = 200;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
        i128 sum = 0, value;
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            struct x402_step s = case_step(&arena, X402_STEP_SETTLE, ++n, values[k]);
            s.code = arena_printf(&arena, "T%u", scales[i]);
            s.scale = scales[i];
            taken(s);
            assert_int_equal(r.now.asset_scale, scales[i]);
            taken(mined(X402_STEP_SETTLED, n, 5));
            assert_true(text_is(r.now.value, values[k]));
            assert_int_equal(amount_parse(text_of(values[k]), 0, &value), METE_OK);
            sum += value;
        }
        assert_int_equal(x402_revenue(e, &q, &arena, &sums, &err), METE_OK);
        assert_int_equal(sums.row_count, i + 1);
        assert_true(sums.row[i].value == sum && sums.row[i].asset.scale == scales[i]);
    }
    struct x402_step s = of(X402_STEP_SETTLE, 250);
    s.code = TEXT("T6");
    s.scale = 18;
    refused(METE_MEMBER_VALUE, s);
    assert_non_null(strstr(r.err.text, "other decimals"));
    s.code = TEXT("T255");
    s.scale = 255;
    refused(METE_NUMBER_RANGE, s);
    assert_non_null(strstr(r.err.text, "30"));
    s.scale = 6;
    s.value = TEXT("1.5");
    refused(METE_AMOUNT_SCALE, s);
    s.value = TEXT("-1");
    refused(METE_AMOUNT_INVALID, s);
}

/** Its scale is what it says of itself, and it is asked only when something moves. */
static void a_token_that_no_settings_name_is_defined_by_what_moves(void **state)
{
    struct x402_step none = case_step(&arena, X402_STEP_SETTLE, 260, "0");
    struct x402_step s = case_step(&arena, X402_STEP_SETTLE, 261, "1000001");
    struct asset asset;
    (void)state;
    none.is_unlisted = s.is_unlisted = true;
    none.code = s.code = TEXT("84532:0x036cbd53");
    none.scale = 0;
    s.scale = 6;
    refused(METE_MEMBER_VALUE, none);
    assert_non_null(strstr(r.err.text, "assets"));
    assert_int_equal(view_asset(engine_view(e), s.code, &asset), VIEW_ABSENT);
    taken(s);
    assert_int_equal(r.now.asset_scale, 6);
    taken(none);
    assert_int_equal(r.now.state, X402_SETTLED);
    assert_int_equal(r.now.asset_scale, 6);
    s = case_step(&arena, X402_STEP_SETTLE, 262, "2"); /* it says something else now */
    s.is_unlisted = true;
    s.code = none.code;
    s.scale = 18;
    taken(s);
    assert_int_equal(r.now.asset_scale, 6);
    none = case_step(&arena, X402_STEP_SETTLE, 263, "0"); /* one of the settings has its scale */
    none.code = TEXT("LISTED");
    none.scale = 7;
    taken(none);
    assert_int_equal(r.now.asset_scale, 7);
}

/* --- policies of resources ---------------------------------------------------------------------*/

static const char *policy_at(const char *to, const char *resource, const char *network)
{
    static char name[64];
    struct text policy = {0};
    name[0] = '\0';
    if (view_x402_policy(engine_view(e), &arena, text_of(to), text_of(resource), text_of(network),
                         &policy) == VIEW_FOUND) {
        text_copy(name, sizeof name, policy);
    }
    return name;
}

#define ROW(id, resource, more)                                                                    \
    say_now(id, "'x402.policy_set','payload':{'pay_to':'0xAA','resource':'" resource "'," more "}")

static void the_longest_row_that_fits_holds(void **state)
{
    (void)state;
    ROW("1", "*", "'policy':'all'");
    ROW("2", "https://a.org/*", "'policy':'site'");
    ROW("3", "https://a.org/x*", "'policy':'begins'");
    ROW("4", "https://a.org/x", "'policy':'exact'");
    ROW("5", "https://a.org/x", "'policy':'there','network':'eip155:1'");
    assert_string_equal(policy_at("0xaa", "https://b.org/", "eip155:1"), "all");
    assert_string_equal(policy_at("0xaa", "", "eip155:1"), "all");
    assert_string_equal(policy_at("0xaa", "https://a.org/y", "eip155:1"), "site");
    assert_string_equal(policy_at("0xaa", "https://a.org/xy", "eip155:1"), "begins");
    assert_string_equal(policy_at("0xaa", "https://a.org/x", "eip155:1"), "there");
    assert_string_equal(policy_at("0xaa", "https://a.org/x", "eip155:2"), "exact");
    assert_string_equal(policy_at("0xbb", "https://a.org/x", "eip155:2"), "");
    ROW("6", "https://a.org/x", "'policy':null");
    assert_string_equal(policy_at("0xaa", "https://a.org/x", "eip155:2"), "begins");
    assert_string_equal(policy_at("0xaa", "https://a.org/x", "eip155:1"), "there");
    say(SUBMIT_REFUSED, "2025-01-01T00:00:00Z", "7", "%s",
        "'x402.policy_set','payload':{'pay_to':'0xaa','resource':'https://a.org/x','policy':null}");
    say(SUBMIT_REFUSED, "2025-01-01T00:00:00Z", "8", "%s",
        "'x402.policy_set','payload':{'pay_to':'0xaa','resource':'a*b','policy':'p'}");
}

/* --- lists, sums, explanations -----------------------------------------------------------------*/

static bool count_payment(void *arg, const struct x402_listed_payment *row)
{
    (void)row;
    ++*(size_t *)arg;
    return true;
}

static size_t listed(struct x402_query q, uint64_t *next)
{
    struct mete_err err;
    size_t count = 0;
    q.until = q.until == 0 ? TIME_NEVER : q.until;
    q.limit = q.limit == 0 ? 100 : q.limit;
    if (x402_list(e, &q, count_payment, &count, next, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return count;
}

/* Five payments: two settled, one failed, one settling, one reserved. */
static void five_payments(void)
{
    taken(of(X402_STEP_SETTLE, 0));
    taken(mined(X402_STEP_SETTLED, 0, 5));
    taken(of(X402_STEP_SETTLE, 7)); /* the same payer */
    taken(mined(X402_STEP_SETTLED, 7, 5));
    taken(mined(X402_STEP_CONFIRMED, 7, 5));
    taken(of(X402_STEP_SETTLE, 1));
    taken(mined(X402_STEP_FAILED, 1, 6));
    struct x402_step other = of(X402_STEP_SETTLE, 2);
    other.resource = TEXT("https://api.example.org/other");
    taken(other);
    taken(with(of(X402_STEP_RESERVE, 3), "a"));
}

static void lists_by_what_is_asked(void **state)
{
    uint64_t next;
    (void)state;
    five_payments();
    struct x402_name first = case_name(&arena, 0);
    assert_int_equal(listed((struct x402_query){0}, &next), 5);
    assert_int_equal(next, 0);
    assert_int_equal(listed((struct x402_query){.limit = 2}, &next), 2);
    assert_int_equal(listed((struct x402_query){.after = next, .limit = 2}, &next), 2);
    assert_int_equal(listed((struct x402_query){.after = next, .limit = 2}, &next), 1);
    assert_int_equal(next, 0);
    assert_int_equal(listed((struct x402_query){.state = TEXT("failed")}, &next), 1);
    assert_int_equal(listed((struct x402_query){.from = first.from}, &next), 2);
    assert_int_equal(listed((struct x402_query){.to = TEXT(X402_CASE_TO_MIXED)}, &next), 4);
    assert_int_equal(
        listed((struct x402_query){.resource = TEXT("https://api.example.org/other")}, &next), 1);
    assert_int_equal(listed((struct x402_query){.network = TEXT("eip155:1")}, &next), 0);
    assert_int_equal(listed((struct x402_query){.since = NOW + 1}, &next), 0);
    assert_int_equal(listed((struct x402_query){.until = NOW}, &next), 5);
}

static void sums_say_what_was_settled(void **state)
{
    struct x402_revenue_query q = {.by = X402_BY_RESOURCE, .all_days = true};
    struct x402_resource_stats stats;
    struct x402_revenue sums;
    struct mete_err err;
    (void)state;
    five_payments();
    assert_int_equal(x402_revenue(e, &q, &arena, &sums, &err), METE_OK);
    assert_int_equal(sums.row_count, 1);
    assert_int_equal((int64_t)sums.row[0].settlements, 2);
    assert_int_equal((int64_t)sums.row[0].value, 20000);
    assert_int_equal((int64_t)sums.row[0].failures, 1);
    assert_int_equal((int64_t)sums.row[0].payers, 1);
    assert_true(text_is(sums.row[0].resource, "https://api.example.org/weather"));
    assert_int_equal(sums.gas_count, 1);
    assert_int_equal((int64_t)sums.gas[0].transactions, 3);
    assert_int_equal((int64_t)(sums.gas[0].cost / 1000000000), 3 * 60000 * 2);
    q = (struct x402_revenue_query){
        .by = X402_BY_DAY, .from_day = time_day(NOW), .until_day = time_day(NOW)};
    assert_int_equal(x402_revenue(e, &q, &arena, &sums, &err), METE_OK);
    assert_int_equal(sums.row_count, 0); /* the chain said: the day before */
    q.from_day--;
    assert_int_equal(x402_revenue(e, &q, &arena, &sums, &err), METE_OK);
    assert_int_equal(sums.row_count, 1);
    assert_int_equal(sums.row[0].day, time_day(NOW) - 1);
    assert_int_equal(
        x402_resource_stats(e, TEXT("https://api.example.org/weather"), &arena, &stats, &err),
        METE_OK);
    assert_int_equal(stats.days, 1);
    assert_int_equal((int64_t)stats.settlements, 2);
    assert_int_equal((int64_t)stats.payers, 1);
    assert_int_equal(stats.last_settled_at, NOW - TIME_SECOND_US);
}

/* Of the same payer, each the first one of its asset. */
static struct x402_step in_euros(enum x402_step_kind kind, unsigned n)
{
    struct x402_step s = kind == X402_STEP_SETTLE ? of(kind, n) : mined(kind, n, 5);
    s.code = TEXT("EURC-base-sepolia");
    return s;
}

static i128 payers_of(const char *code)
{
    const struct x402_revenue_query q = {.by = X402_BY_RESOURCE, .all_days = true};
    struct x402_revenue sums;
    struct mete_err err;
    assert_int_equal(x402_revenue(e, &q, &arena, &sums, &err), METE_OK);
    for (size_t i = 0; i < sums.row_count; i++) {
        if (strcmp(sums.row[i].asset.code, code) == 0) {
            return sums.row[i].payers;
        }
    }
    return -1;
}

static void payers_are_counted_where_they_paid(void **state)
{
    (void)state;
    taken(of(X402_STEP_SETTLE, 0));
    taken(mined(X402_STEP_SETTLED, 0, 5));
    taken(in_euros(X402_STEP_SETTLE, 7));
    taken(in_euros(X402_STEP_SETTLED, 7));
    assert_int_equal((int64_t)payers_of("USDC-base-sepolia"), 1);
    assert_int_equal((int64_t)payers_of("EURC-base-sepolia"), 1);
    taken(mined(X402_STEP_UNDONE, 0, 5));
    assert_int_equal((int64_t)payers_of("USDC-base-sepolia"), 0);
    assert_int_equal((int64_t)payers_of("EURC-base-sepolia"), 1);
    taken(in_euros(X402_STEP_UNDONE, 7));
    assert_int_equal((int64_t)payers_of("EURC-base-sepolia"), 0);
}

static void everything_is_explained(void **state)
{
    struct explain_node *node;
    struct mete_err err = {0};
    char id[X402_ID_LEN + 1];
    (void)state;
    five_payments();
    for (unsigned n = 0; n < 8; n++) {
        struct x402_name name = case_name(&arena, n);
        struct x402_status now;
        x402_id(&name, id);
        if (x402_find(e, text_of(id), &arena, &now, &err) != METE_OK) {
            continue;
        }
        if (explain_id(e, text_of(id), NOW, &arena, &node, &err) != METE_OK) {
            fail_msg("%s: %s", id, err.text);
        }
        assert_string_equal(node->label, "x402");
        assert_non_null(node->child);
    }
    struct x402_name name = case_name(&arena, 0);
    x402_id(&name, id);
    struct text event = arena_printf(&arena, "%s.2.settled", id);
    struct text line = arena_printf(&arena, "%s.2.settled/1", id);
    assert_int_equal(explain_id(e, event, NOW, &arena, &node, &err), METE_OK);
    assert_int_equal(explain_id(e, line, NOW, &arena, &node, &err), METE_OK);
}

static void open_account(void *ctx, const struct statement_account *account)
{
    (void)ctx;
    assert_int_equal((int64_t)account->opening, 0);
}

static void count_line(void *ctx, const struct statement_line *line)
{
    assert_true(line->event_id.len > 0);
    ++*(size_t *)ctx;
}

static void close_account(void *ctx, const struct statement_account *account)
{
    (void)ctx;
    assert_int_equal((int64_t)account->closing, 0);
}

/** What other readings make of a payment that is paid at once: two postings that come to nothing.
 */
static void every_reading_takes_it(void **state)
{
    enum mete_code (*const exports[])(struct engine *, const struct export_query *, struct buf *,
                                      struct mete_err *) = {export_csv, export_hledger,
                                                            export_beancount, export_audit};
    const struct export_query all = {.from = TIME_ALWAYS, .until = TIME_NEVER};
    const struct report_query by_source = {
        .by = REPORT_SOURCE, .from = TIME_ALWAYS, .until = TIME_NEVER};
    const struct statement_query of_payee = {
        .party = text_of(MINE), .from = TIME_ALWAYS, .until = TIME_NEVER, .at = NOW};
    size_t lines = 0;
    const struct statement_sink sink = {&lines, open_account, count_line, close_account};
    struct statement_pages pages;
    struct report report;
    struct mete_err err = {0};
    (void)state;
    policy_of_the_resource();
    five_payments();
    struct x402_step own = of(X402_STEP_SETTLE, 12);
    own.resource = TEXT("https://elsewhere.org/");
    taken(own);
    taken(mined(X402_STEP_SETTLED, 12, 8));
    for (size_t i = 0; i < ARRAY_LEN(exports); i++) {
        struct buf out = {0};
        if (exports[i](e, &all, &out, &err) != METE_OK) {
            fail_msg("%s", err.text);
        }
        assert_true(out.len > 500);
        buf_clear(&out);
    }
    assert_int_equal(report_make(e, &by_source, &arena, &report, &err), METE_OK);
    assert_true(report.row_count > 0);
    assert_int_equal(statement_read(e, &of_payee, &sink, &pages, &err), METE_OK);
    assert_int_equal(lines, 2);
}

/* --- discovery ---------------------------------------------------------------------------------*/

static bool count_offer(void *arg, const struct x402_listed *row)
{
    assert_true(row->offer.accepts.len > 0);
    ++*(size_t *)arg;
    return true;
}

static size_t offers(struct x402_offers_query q)
{
    struct mete_err err;
    uint64_t next;
    size_t count = 0;
    q.limit = 100;
    assert_int_equal(x402_offers(e, &q, count_offer, &count, &next, &err), METE_OK);
    return count;
}

static bool put(const char *resource, const char *about, bool seen)
{
    struct mete_err err = {0};
    bool changed;
    const struct x402_entry o = {
        .resource = text_of(resource),
        .type = TEXT("http"),
        .version = 2,
        .accepts = TEXT("[{\"scheme\": \"exact\", \"payTo\": \"0xAB\", \"amount\": \"1\"}]"),
        .metadata = arena_printf(&arena, "{\"description\": \"%s\"}", about),
        .seen = seen};
    if (x402_offer_put(e, &o, &changed, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return changed;
}

static void what_is_listed_is_found(void **state)
{
    (void)state;
    assert_true(put("https://a.org/1", "Weather of tomorrow", true));
    assert_false(put("https://a.org/1", "Weather of tomorrow", true));
    assert_true(put("https://a.org/1", "Weather of today", true));
    assert_true(put("https://a.org/1", "Weather", false));
    assert_false(put("https://a.org/1", "Weather of tomorrow", true)); /* it is registered */
    assert_true(put("https://a.org/2", "Stocks", true));
    assert_int_equal(offers((struct x402_offers_query){0}), 2);
    assert_int_equal(offers((struct x402_offers_query){.words = TEXT("WEATHER a.org")}), 1);
    assert_int_equal(offers((struct x402_offers_query){.words = TEXT("tomorrow")}), 0);
    assert_int_equal(offers((struct x402_offers_query){.merchant = TEXT("0xaB")}), 2);
    assert_int_equal(offers((struct x402_offers_query){.merchant = TEXT("0xac")}), 0);
    assert_int_equal(offers((struct x402_offers_query){.type = TEXT("mcp")}), 0);
    say_now("gone", "'x402.unlisted','payload':{'resource':'https://a.org/1'}");
    assert_int_equal(offers((struct x402_offers_query){.merchant = TEXT("0xab")}), 1);
    assert_true(put("https://a.org/1", "Weather", false));
    assert_int_equal(offers((struct x402_offers_query){.merchant = TEXT("0xab")}), 2);
    say_now("gone2", "'x402.unlisted','payload':{'resource':'https://a.org/2'}");
    assert_true(put("https://a.org/2", "Stocks", true)); /* as it was the first time */
    assert_int_equal(offers((struct x402_offers_query){.merchant = TEXT("0xab")}), 2);
    say(SUBMIT_REFUSED, "2025-01-01T00:00:00Z", "nothing", "%s",
        "'x402.unlisted','payload':{'resource':'https://a.org/3'}");
}

static void a_large_transaction_fits_and_a_larger_one_does_not(void **state)
{
    (void)state;
    char *data = arena_alloc(&arena, X402_RAW_LEN_MAX + 3);
    memset(data, 'a', X402_RAW_LEN_MAX + 2);
    data[X402_RAW_LEN_MAX + 2] = '\0';
    data[1] = 'x';
    data[0] = '0';
    for (int over = 0; over < 2; over++) {
        char id[] = X402_ID_PREFIX "0000000000000000000000000000000000000000";
        struct x402_name name = case_name(&arena, 100 + (unsigned)over);
        struct buf event = {0};
        x402_id(&name, id);
        buf_printf(
            &event,
            "{\"event_id\":\"big%d\",\"occurred_at\":\"2025-01-01T00:00:00Z\","
            "\"event_type\":\"x402.settling\",\"payload\":{\"payment\":\"%s\",\"network\":"
            "\"%.*s\",\"asset\":\"%.*s\",\"from\":\"%.*s\",\"nonce\":\"%.*s\",\"until\":"
            "\"2025-01-01T01:00:00Z\",\"scheme\":\"exact\",\"to\":\"0x1\",\"value\":\"1\","
            "\"amount\":{\"amount\":\"0.000001\",\"currency\":\"USDC\"},\"request\":\"%064d\","
            "\"signer\":\"0x2\",\"account_nonce\":%d,\"transaction\":\"0x%d\",\"raw\":\"",
            over, id, (int)name.network.len, name.network.p, (int)name.asset.len, name.asset.p,
            (int)name.from.len, name.from.p, (int)name.nonce.len, name.nonce.p, 0, over, over);
        buf_put(&event, data, X402_RAW_LEN_MAX + (size_t)(2 * over));
        buf_put_str(&event, "\"}}");
        const struct submit_options own = {.own = true, .no_quarantine = true};
        struct submit_result result;
        engine_submit(e, buf_text(&event), &own, &result);
        buf_clear(&event);
        assert_int_equal(result.status, over ? SUBMIT_REFUSED : SUBMIT_APPLIED);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_of_two_servers_is_served),
        TEST(what_is_released_is_free),
        TEST(a_reservation_runs_out),
        TEST(what_is_asked_again_is_answered_again),
        TEST(account_nonces_are_given_in_order),
        TEST(without_a_signer_nothing_is_journalled),
        TEST(a_replacement_keeps_the_nonce),
        TEST(a_stranger_may_settle_several_but_not_with_mine),
        TEST(without_a_policy_it_is_paid_at_once),
        TEST(with_a_policy_it_is_split_and_taken_back),
        TEST(what_was_spent_is_owed),
        TEST(what_was_refunded_is_undone_once),
        TEST(a_failure_is_followed_until_it_is_final),
        TEST(a_transaction_is_replaced_once),
        TEST(an_unknown_policy_waits_and_the_state_does_not),
        TEST(no_value_settles_at_once),
        TEST(worthless_millions_do_not_fill_the_sums),
        TEST(strangers_tokens_leave_room_for_assets),
        TEST(tokens_of_any_decimals_are_booked_in_their_smallest_units),
        TEST(a_token_that_no_settings_name_is_defined_by_what_moves),
        TEST(the_longest_row_that_fits_holds),
        TEST(lists_by_what_is_asked),
        TEST(sums_say_what_was_settled),
        TEST(payers_are_counted_where_they_paid),
        TEST(everything_is_explained),
        TEST(every_reading_takes_it),
        TEST(what_is_listed_is_found),
        TEST(a_large_transaction_fits_and_a_larger_one_does_not),
    };
    return cmocka_run_group_tests_name("x402", tests, NULL, NULL);
}
