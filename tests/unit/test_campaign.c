/* SPDX-License-Identifier: Apache-2.0
 * covers: M-050 M-051 M-052 M-053 M-054 M-055 M-056 M-057 M-058 M-060 M-061 M-062 M-063 M-065
 * covers: M-017 M-079
 * The money of campaigns by hand: the source's example, the cap to the cent, refunds, attributions
 * that come late or are corrected, and what an app's revenue is when there is no campaign. */
#include "core/campaign.h"
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

static int set_up(void **state)
{
    (void)state;
    world_open(&w);
    told = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_check(&w);
    world_close(&w);
    return 0;
}

/** An event of app1 at a moment that goes on by a second each time. */
METE_PRINTF(3, 4)
static enum decided say(const char *type, const char *correlation, const char *payload, ...)
{
    char text[2000];
    char event[4000];
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    unsigned at = told++;
    snprintf(event, sizeof event,
             "{\"event_id\":\"s%u\",\"event_type\":\"%s\",\"occurred_at\":\"2025-01-01T%02u:%02u:%"
             "02uZ\","
             "\"source\":{\"app_id\":\"app1\"},\"correlation\":{%s},\"payload\":{%s}}",
             at, type, at / 3600, at / 60 % 60, at % 60, correlation, text);
    return world_submit(&w, 0, event);
}

#define APPLIED(...) assert_int_equal(say(__VA_ARGS__), DECIDED_APPLIED)
#define REFUSED(...) assert_int_equal(say(__VA_ARGS__), DECIDED_REFUSED)
#define WAITS(...)   assert_int_equal(say(__VA_ARGS__), DECIDED_WAITING)

#define CAMPAIGN "\"campaign_id\":\"c1\""
#define USER     "\"user_id\":\"u1\""
#define INVESTED "\"investor_id\":\"%s\",\"amount_minor\":%d,\"currency\":\"USD\""
#define INVOICE  "\"gross_amount_cents\":%d,\"currency\":\"usd\",\"stripe_payment_intent_id\":\"%s\""
#define REFUND   "\"refund_amount_cents\":%d,\"currency\":\"usd\",\"stripe_payment_intent_id\":\"%s\""
#define SPENT                                                                                      \
    "\"amount_minor\":%d,\"currency\":\"USD\",\"platform\":\"META\",\"window_start\":"             \
    "\"2025-01-01T00:00:00Z\",\"window_end\":\"2025-01-02T00:00:00Z\""
#define ASSIGNED "\"user_id\":\"u1\",\"campaign_id\":\"%s\""

static void fees(void)
{
    APPLIED("fees.scheduled", "",
            "\"fees\":[{\"label\":\"marketplace_fee\",\"bps\":300,"
            "\"payee\":\"platform\"}]");
    APPLIED("book.configured", "", "\"clear_after_days\":0");
}

static void created(const char *contract)
{
    APPLIED("campaign.created", CAMPAIGN,
            "\"creator\":\"did:creator\",\"currency\":\"USD\",\"contract\":{%s}", contract);
}

/** An offering of 20,000.00 at 20 %, cap 1.4 times, raised by two. */
static void offering(void)
{
    fees();
    created("\"raise_amount\":\"20000.00\",\"revenue_share_bps\":2000,\"cap_multiple\":\"1.4\","
            "\"duration_days\":180");
    APPLIED("campaign.opened_for_funding", CAMPAIGN, " ");
    APPLIED("commitment.created", CAMPAIGN ",\"commitment_id\":\"k1\"", INVESTED, "did:i1",
            1500000);
    APPLIED("commitment.created", CAMPAIGN ",\"commitment_id\":\"k2\"", INVESTED, "did:i2", 500000);
    APPLIED("commitment.confirmed", "\"commitment_id\":\"k1\"", " ");
    REFUSED("campaign.funding_closed", CAMPAIGN, " ");
    assert_int_equal(w.err.code, METE_STATE_FORBIDS);
    APPLIED("commitment.confirmed", "\"commitment_id\":\"k2\"", " ");
    APPLIED("campaign.funding_closed", CAMPAIGN, " ");
    APPLIED("campaign.activated", CAMPAIGN, " ");
}

static struct campaign campaign_now(void)
{
    struct campaign c;
    uint32_t number;
    struct version *versions;
    size_t count;
    assert_int_equal(
        view_policy(&w.view, &w.arena, TEXT("mete:campaign:c1"), &number, &versions, &count),
        VIEW_FOUND);
    assert_int_equal(view_campaign(&w.view, &w.arena, number, &c), VIEW_FOUND);
    return c;
}

static i128 net(const char *party)
{
    return world_net(&w, party, "USD");
}

/* --- the source's example ----------------------------------------------------------------------*/

static void without_royalty_three_of_a_hundred(void **state)
{
    (void)state;
    fees();
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    assert_int_equal(net("platform"), 300);
    assert_int_equal(net("did:owner"), 9700);
}

static void with_royalty_six_and_the_pool_is_of_what_is_shareable(void **state)
{
    (void)state;
    offering();
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    assert_int_equal(net("platform"), 600);
    assert_int_equal(net("did:creator"), 7520);
    assert_int_equal(net("did:i1"), 1410);
    assert_int_equal(net("did:i2"), 470);
}

static void who_funds_himself_keeps_the_rest(void **state)
{
    (void)state;
    fees();
    created("\"revenue_share_bps\":2000");
    REFUSED("campaign.opened_for_funding", CAMPAIGN, " ");
    APPLIED("campaign.activated", CAMPAIGN, " ");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    assert_int_equal(net("platform"), 300);
    assert_int_equal(net("did:creator"), 9700);
}

/* --- the cap -----------------------------------------------------------------------------------*/

static void the_cap_is_reached_exactly_and_nothing_accrues_after(void **state)
{
    (void)state;
    offering();
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 14893000, "a"); /* 27,998.84 to the pool */
    assert_int_equal(net("did:i1") + net("did:i2"), 2799884);
    assert_int_equal(campaign_now().state, CAMPAIGN_ACTIVE);
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "b");
    assert_int_equal(net("did:i1") + net("did:i2"), 2800000);
    assert_int_equal(net("did:i1"), 2100000);
    struct campaign c = campaign_now();
    assert_int_equal(c.state, CAMPAIGN_COMPLETED);
    assert_int_equal(c.reason, COMPLETION_CAP);
    i128 before = net("did:creator");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "c");
    assert_int_equal(net("did:creator") - before, 9400);
    assert_int_equal(net("did:i1") + net("did:i2"), 2800000);
    REFUSED("campaign.completed", CAMPAIGN, "\"reason\":\"off_ramp\",\"off_ramp\":\"x\"");
    APPLIED("revenue.refund_issued", "", REFUND, 10000, "b");
    assert_int_equal(campaign_now().state, CAMPAIGN_COMPLETED);
    assert_int_equal(net("did:i1") + net("did:i2"), 2799884);
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "d");
    assert_int_equal(net("did:i1") + net("did:i2"), 2799884);
}

static void the_lower_of_two_caps_holds(void **state)
{
    struct campaign c = {.raise = 2000000, .cap_amount = 2500000, .cap_multiple = {7, 5}};
    i128 cap;
    (void)state;
    assert_true(campaign_cap(&c, 0, &cap));
    assert_int_equal(cap, 2500000);
    c.cap_amount = 2900000;
    assert_true(campaign_cap(&c, 0, &cap));
    assert_int_equal(cap, 2800000);
    c.raise = -1;
    assert_true(campaign_cap(&c, 1000001, &cap));
    assert_int_equal(cap, 1400001);
    c.cap_multiple.num = 0;
    c.cap_amount = -1;
    assert_false(campaign_cap(&c, 1, &cap));
}

static void days_end_by_themselves(void **state)
{
    struct campaign c = {.state = CAMPAIGN_PAUSED,
                         .is_offering = true,
                         .activated_at = 1000,
                         .duration_days = 2,
                         .completed_at = TIME_NEVER};
    (void)state;
    assert_int_equal(campaign_state_at(&c, 1000 + 2 * TIME_DAY_US - 1), CAMPAIGN_PAUSED);
    assert_true(campaign_accrues(&c, 1000 + 2 * TIME_DAY_US - 1));
    assert_int_equal(campaign_state_at(&c, 1000 + 2 * TIME_DAY_US), CAMPAIGN_COMPLETED);
    assert_false(campaign_accrues(&c, 1000 + 2 * TIME_DAY_US));
    assert_true(campaign_accrues(&c, 1000));
    assert_false(campaign_accrues(&c, 999));
}

/* Whether an invoice from before the activation comes in before or after it: it is the creator's.
 */
static void what_was_paid_before_the_activation_is_the_creators(void **state)
{
    (void)state;
    offering();
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    assert_int_equal(world_submit(&w, 0,
                                  "{\"event_id\":\"late\",\"event_type\":\"revenue.invoice_paid\","
                                  "\"occurred_at\":\"2024-12-31T00:00:00Z\",\"source\":{\"app_id\":"
                                  "\"app1\"},\"correlation\":{\"user_id\":\"u1\"},\"payload\":{"
                                  "\"gross_amount_cents\":10000,\"currency\":\"usd\"}}"),
                     DECIDED_APPLIED);
    assert_int_equal(net("did:i1") + net("did:i2"), 0);
    assert_int_equal(net("did:creator"), 9700); /* no royalty yet either */
}

/* --- taking back -------------------------------------------------------------------------------*/

static void refunds_take_back_in_proportion_and_all_in_the_end(void **state)
{
    (void)state;
    offering();
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    APPLIED("revenue.refund_issued", "", REFUND, 5000, "pi");
    assert_int_equal(net("platform"), 300);
    assert_int_equal(net("did:creator"), 3760);
    assert_int_equal(net("did:i1"), 705);
    assert_int_equal(net("did:i2"), 235);
    REFUSED("revenue.refund_issued", "", REFUND, 5001, "pi");
    APPLIED("revenue.chargeback", "", "\"stripe_payment_intent_id\":\"pi\"");
    assert_int_equal(net("platform") + net("did:creator") + net("did:i1") + net("did:i2"), 0);
    assert_int_equal(net("did:i1"), 0);
    REFUSED("revenue.chargeback", "", "\"stripe_payment_intent_id\":\"pi\"");
}

static void a_refund_waits_for_its_invoice(void **state)
{
    (void)state;
    offering();
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    WAITS("revenue.refund_issued", "", REFUND, 5000, "pi");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    assert_int_equal(net("did:i1"), 705);
}

/* --- whose it is -------------------------------------------------------------------------------*/

static void revenue_of_nobody_waits_for_an_owner(void **state)
{
    (void)state;
    fees();
    WAITS("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    assert_int_equal(net("did:owner"), 9700);
}

static void revenue_of_nobody_waits_for_its_user(void **state)
{
    (void)state;
    offering();
    WAITS("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    assert_int_equal(net("did:i1"), 1410);
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    assert_int_equal(net("did:owner"), 0);
}

static void an_attribution_waits_for_its_campaign(void **state)
{
    (void)state;
    fees();
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    WAITS("attribution.assigned", "", ASSIGNED, "c1");
    assert_int_equal(net("did:owner"), 9700);
    created("\"purpose\":\"ads\"");
    assert_int_equal(net("did:owner"), 0);
    assert_int_equal(net("did:creator"), 9700);
}

/** The same as when the attribution comes first, to the cent, partial refunds included. */
static void a_late_attribution_books_anew(void **state)
{
    const i128 amount[] = {10001, 3333, 9999};
    i128 wanted[4];
    for (int late = 0; late < 2; late++) {
        if (late == 1) {
            assert_int_equal(tear_down(state), 0);
            set_up(state);
        }
        offering();
        APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
        if (late == 0) {
            APPLIED("attribution.assigned", "", ASSIGNED, "c1");
        }
        for (int i = 0; i < 3; i++) {
            char payment[8];
            snprintf(payment, sizeof payment, "p%d", i);
            APPLIED("revenue.invoice_paid", USER, INVOICE, (int)amount[i], payment);
            APPLIED("revenue.refund_issued", "", REFUND, (int)amount[i] / 7, payment);
            APPLIED("revenue.refund_issued", "", REFUND, (int)amount[i] / 3, payment);
        }
        if (late == 1) {
            assert_true(net("did:owner") > 0);
            APPLIED("attribution.assigned", "", ASSIGNED, "c1");
        }
        const i128 now[4] = {net("platform"), net("did:creator"), net("did:i1"), net("did:i2")};
        for (int i = 0; i < 4 && late == 1; i++) {
            assert_int_equal(now[i], wanted[i]);
        }
        memcpy(wanted, now, sizeof now);
        assert_int_equal(net("did:owner"), 0);
    }
}

static void a_correction_moves_what_was_booked(void **state)
{
    (void)state;
    offering();
    APPLIED("campaign.created", "\"campaign_id\":\"c2\"",
            "\"creator\":\"did:other\",\"currency\":\"USD\"");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    APPLIED("attribution.updated", "", ASSIGNED, "c2");
    assert_int_equal(net("did:i1") + net("did:creator"), 0);
    assert_int_equal(net("did:other"), 9400);
    APPLIED("revenue.refund_issued", "", REFUND, 10000, "pi");
    assert_int_equal(net("did:other"), 0);
    APPLIED("book.configured", "", "\"attribution_corrections\":false");
    REFUSED("attribution.updated", "", ASSIGNED, "c1");
    assert_int_equal(w.err.code, METE_CORRECTIONS_OFF);
}

/* --- terms of an app ---------------------------------------------------------------------------*/

static void a_royalty_holds_for_good_unless_it_is_forced(void **state)
{
    (void)state;
    fees();
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    APPLIED("app.royalty_disabled", "", " ");
    APPLIED("app.royalty_enabled", "", " ");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "a");
    assert_int_equal(net("platform"), 600);
    REFUSED("app.royalty_disabled", "", " ");
    REFUSED("app.economic_terms_set", "", "\"marketplace_fee_bps\":300,\"royalty_fee_bps\":0");
    APPLIED("app.economic_terms_set", "", "\"marketplace_fee_bps\":250");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "b");
    assert_int_equal(net("platform"), 600 + 550);
    APPLIED("app.royalty_disabled", "", "\"force\":true,\"reason\":\"a court said so\"");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "c");
    assert_int_equal(net("platform"), 600 + 550 + 250);
}

static void only_confirmed_money_counts(void **state)
{
    (void)state;
    offering();
    REFUSED("commitment.created", CAMPAIGN ",\"commitment_id\":\"k3\"", INVESTED, "did:i3", 1);
    REFUSED("commitment.confirmed", "\"commitment_id\":\"k1\"", " ");
    REFUSED("commitment.confirmed", "\"commitment_id\":\"nobody\"", " ");
    assert_int_equal(w.err.code, METE_COMMITMENT_UNKNOWN);
}

/** What the contract has split so far: the net of all revenue that has not gone back. */
static i128 split_so_far(void)
{
    i128 sums[STATE_SUMS] = {0};
    uint32_t number;
    struct version *versions;
    size_t count;
    struct asset usd;
    assert_int_equal(
        view_policy(&w.view, &w.arena, TEXT("mete:campaign:c1"), &number, &versions, &count),
        VIEW_FOUND);
    assert_int_equal(view_asset(&w.view, TEXT("USD"), &usd), VIEW_FOUND);
    struct key key = key_u32x2(KEY_NET, number, usd.number);
    (void)w.view.sums(w.view.ctx, key_bytes(&key), sums);
    return sums[0];
}

static void what_was_split_once_goes_back_once(void **state)
{
    (void)state;
    offering();
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    assert_int_equal(split_so_far(), 9400);
    APPLIED("revenue.refund_issued", "", REFUND, 5000, "pi");
    assert_int_equal(split_so_far(), 4700);
    APPLIED("revenue.refund_issued", "", REFUND, 5000, "pi");
    assert_int_equal(split_so_far(), 0);
}

/** Of one cent the first who promised has it, though his money came last and while it ran. */
static void investors_stand_in_the_order_of_their_promises(void **state)
{
    (void)state;
    fees();
    created("\"raise_amount\":\"1\",\"revenue_share_bps\":10000");
    APPLIED("campaign.opened_for_funding", CAMPAIGN, " ");
    APPLIED("commitment.created", CAMPAIGN ",\"commitment_id\":\"k1\"", INVESTED, "did:i1", 100);
    APPLIED("commitment.created", CAMPAIGN ",\"commitment_id\":\"k2\"", INVESTED, "did:i2", 100);
    APPLIED("commitment.confirmed", "\"commitment_id\":\"k2\"", " ");
    APPLIED("campaign.funding_closed", CAMPAIGN, " ");
    APPLIED("campaign.activated", CAMPAIGN, " ");
    APPLIED("commitment.confirmed", "\"commitment_id\":\"k1\"", " ");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 1, "pi");
    assert_int_equal(net("did:i1"), 1);
    assert_int_equal(net("did:i2"), 0);
}

static void another_currency_books_what_waited_for_it(void **state)
{
    (void)state;
    fees();
    created("\"purpose\":\"ads\"");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    WAITS("revenue.invoice_paid", USER, "\"gross_amount_cents\":10000,\"currency\":\"eur\"");
    assert_int_equal(w.last.wait_code, METE_CAMPAIGN_CURRENCY);
    APPLIED("campaign.updated", CAMPAIGN, "\"currency\":\"EUR\"");
    assert_int_equal(world_net(&w, "did:creator", "EUR"), 9700);
}

static void a_round_takes_commitments_to_its_own_campaign(void **state)
{
    (void)state;
    created("\"raise_amount\":\"1\"");
    APPLIED("campaign.created", "\"campaign_id\":\"c2\"",
            "\"creator\":\"did:other\",\"contract\":{\"raise_amount\":\"1\"}");
    APPLIED("campaign.opened_for_funding", CAMPAIGN, " ");
    APPLIED("campaign.opened_for_funding", "\"campaign_id\":\"c2\"", " ");
    APPLIED("round.created", CAMPAIGN ",\"round_id\":\"r1\"", "\"requires_moderation\":true");
    APPLIED("round.approved", "\"round_id\":\"r1\"", " ");
    APPLIED("round.opened", "\"round_id\":\"r1\"", " ");
    REFUSED("commitment.created",
            "\"campaign_id\":\"c2\",\"round_id\":\"r1\",\"commitment_id\":\"k1\"", INVESTED,
            "did:i1", 1);
    assert_int_equal(w.err.code, METE_MEMBER_VALUE);
    APPLIED("commitment.created", CAMPAIGN ",\"round_id\":\"r1\",\"commitment_id\":\"k1\"",
            INVESTED, "did:i1", 1);
}

/** Also of revenue that came before anybody spoke of the user. */
static void a_late_attribution_can_be_corrected(void **state)
{
    (void)state;
    offering();
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    APPLIED("campaign.created", "\"campaign_id\":\"c2\"",
            "\"creator\":\"did:other\",\"currency\":\"USD\"");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    assert_int_equal(net("did:creator"), 7520);
    APPLIED("attribution.updated", "", ASSIGNED, "c2");
    assert_int_equal(net("did:creator") + net("did:i1"), 0);
    assert_int_equal(net("did:other"), 9400);
}

/* The newest attribution that has come by then, also one that comes at that very moment. */
static void an_attribution_holds_from_its_moment_on(void **state)
{
    (void)state;
    fees();
    created("\"revenue_share_bps\":2000");
    APPLIED("campaign.created", "\"campaign_id\":\"c2\"",
            "\"creator\":\"did:other\",\"currency\":\"USD\"");
    APPLIED("attribution.assigned", "", ASSIGNED, "c1");
    APPLIED("attribution.assigned", "", ASSIGNED ",\"effective_from\":\"2025-01-01T00:00:%02uZ\"",
            "c2", told + 2);
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "before");
    assert_int_equal(net("did:creator"), 9700);
    assert_int_equal(net("did:other"), 0);
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "then");
    assert_int_equal(net("did:creator"), 9700);
    assert_int_equal(net("did:other"), 9700);
}

/* What was not spent after all may be spent again, and no more. */
static void a_refund_of_spend_is_budget_again(void **state)
{
    (void)state;
    const char *grant = "\"campaign_id\":\"c1\",\"allocation_id\":\"a1\"";
    fees();
    created("\"revenue_share_bps\":2000");
    APPLIED("allocation.created", grant, "\"amount_minor\":100,\"currency\":\"USD\"");
    APPLIED("allocation.deployed", grant, " ");
    APPLIED("spend.authorized", grant, SPENT, 100);
    REFUSED("spend.authorized", grant, SPENT, 1);
    assert_int_equal(w.err.code, METE_BUDGET_EXCEEDED);
    APPLIED("spend.executed", grant, SPENT, 100);
    APPLIED("spend.refunded", grant, SPENT, 30);
    REFUSED("spend.authorized", grant, SPENT, 31);
    APPLIED("spend.authorized", grant, SPENT, 30);
}

/* --- settlements -------------------------------------------------------------------------------*/

#define SETTLED                                                                                    \
    "\"settlement_id\":\"%s\",\"beneficiary_id\":\"did:owner\",\"amount\":{\"amount\":\"%s\","     \
    "\"currency\":\"USD\"}"

static void earned(unsigned clear_after_days)
{
    fees();
    APPLIED("book.configured", "", "\"clear_after_days\":%u", clear_after_days);
    APPLIED("app.registered", "", "\"app_id\":\"app1\",\"owner\":\"did:owner\"");
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pi");
    assert_int_equal(net("did:owner"), 9700);
}

/* All that has cleared may leave, not a cent more, and once. */
static void a_settlement_takes_what_has_cleared(void **state)
{
    (void)state;
    earned(0);
    REFUSED("settlement.initiated", "", SETTLED, "s1", "97.01");
    assert_int_equal(w.err.code, METE_INSUFFICIENT_FUNDS);
    REFUSED("settlement.paid", "", "\"settlement_id\":\"s1\"");
    assert_int_equal(w.err.code, METE_STATE_FORBIDS);
    APPLIED("settlement.initiated", "", SETTLED, "s1", "97.00");
    assert_int_equal(net("did:owner"), 0);
    REFUSED("settlement.initiated", "", SETTLED, "s1", "97.00");
    assert_int_equal(w.err.code, METE_STATE_FORBIDS);
    REFUSED("settlement.initiated", "", SETTLED, "s2", "0.01");
    APPLIED("settlement.paid", "", "\"settlement_id\":\"s1\"");
    assert_int_equal(net("did:owner"), 0);
    REFUSED("settlement.failed", "", "\"settlement_id\":\"s1\"");
}

/* What failed is the party's again, to the cent, and can be tried under another id. */
static void a_settlement_that_failed_gives_back(void **state)
{
    (void)state;
    earned(0);
    APPLIED("settlement.initiated", "", SETTLED, "s1", "50.00");
    assert_int_equal(net("did:owner"), 4700);
    APPLIED("settlement.failed", "", "\"settlement_id\":\"s1\"");
    assert_int_equal(net("did:owner"), 9700);
    REFUSED("settlement.initiated", "", SETTLED, "s1", "50.00");
    APPLIED("settlement.initiated", "", SETTLED, "s2", "97.00");
}

static void what_is_pending_is_not_settled(void **state)
{
    (void)state;
    earned(7);
    REFUSED("settlement.initiated", "", SETTLED, "s1", "0.01");
    assert_int_equal(w.err.code, METE_INSUFFICIENT_FUNDS);
}

/* A refund behind a settlement is a debt, and what is earned later pays it. */
static void a_refund_behind_a_settlement_is_recovered(void **state)
{
    (void)state;
    earned(0);
    APPLIED("settlement.initiated", "", SETTLED, "s1", "97.00");
    APPLIED("settlement.paid", "", "\"settlement_id\":\"s1\"");
    APPLIED("revenue.refund_issued", "", REFUND, 5000, "pi");
    assert_int_equal(net("did:owner"), -4850);
    APPLIED("revenue.invoice_paid", USER, INVOICE, 10000, "pj");
    assert_int_equal(net("did:owner"), 4850);
    REFUSED("settlement.initiated", "", SETTLED, "s2", "48.51");
    APPLIED("settlement.initiated", "", SETTLED, "s2", "48.50");
}

/* Each form of an amount is refused where it stands. */
static void a_refused_amount_names_its_own_member(void **state)
{
    static const struct {
        const char *amount;
        const char *pointer;
    } cases[] = {
        {"\"amount_minor\":100,\"currency\":\"QQQ\"", "/payload/currency"},
        {"\"amount\":{\"amount\":\"1.00\",\"currency\":\"QQQ\"}", "/payload/amount/currency"},
        {"\"amount\":{\"amount\":\"1.001\",\"currency\":\"USD\"}", "/payload/amount/amount"},
    };
    (void)state;
    fees();
    created("\"raise_amount\":\"20000.00\"");
    APPLIED("campaign.opened_for_funding", CAMPAIGN, " ");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        REFUSED("commitment.created", CAMPAIGN ",\"commitment_id\":\"k1\"",
                "\"investor_id\":\"did:i1\",%s", cases[i].amount);
        assert_string_equal(w.err.pointer, cases[i].pointer);
    }
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ONE(without_royalty_three_of_a_hundred),
        ONE(with_royalty_six_and_the_pool_is_of_what_is_shareable),
        ONE(who_funds_himself_keeps_the_rest),
        ONE(the_cap_is_reached_exactly_and_nothing_accrues_after),
        ONE(the_lower_of_two_caps_holds),
        ONE(days_end_by_themselves),
        ONE(what_was_paid_before_the_activation_is_the_creators),
        ONE(a_refused_amount_names_its_own_member),
        ONE(refunds_take_back_in_proportion_and_all_in_the_end),
        ONE(a_refund_waits_for_its_invoice),
        ONE(revenue_of_nobody_waits_for_an_owner),
        ONE(revenue_of_nobody_waits_for_its_user),
        ONE(an_attribution_waits_for_its_campaign),
        ONE(a_late_attribution_books_anew),
        ONE(a_correction_moves_what_was_booked),
        ONE(a_royalty_holds_for_good_unless_it_is_forced),
        ONE(only_confirmed_money_counts),
        ONE(what_was_split_once_goes_back_once),
        ONE(investors_stand_in_the_order_of_their_promises),
        ONE(a_late_attribution_can_be_corrected),
        ONE(an_attribution_holds_from_its_moment_on),
        ONE(a_settlement_takes_what_has_cleared),
        ONE(a_settlement_that_failed_gives_back),
        ONE(what_is_pending_is_not_settled),
        ONE(a_refund_behind_a_settlement_is_recovered),
        ONE(a_refund_of_spend_is_budget_again),
        ONE(another_currency_books_what_waited_for_it),
        ONE(a_round_takes_commitments_to_its_own_campaign),
    };
    return cmocka_run_group_tests_name("campaign", tests, NULL, NULL);
}
