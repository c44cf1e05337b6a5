/* SPDX-License-Identifier: Apache-2.0
 * covers: M-040 M-041 M-042 M-043
 * Every state of every machine, with every event type and every guard: the edges are those of the
 * drawings below, and no others. */
#include "core/machine.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct drawn {
    enum machine_kind machine;
    const char *from;
    const char *event; /* NULL: derived */
    enum guard guard;
    const char *to;
};

/* economic-protocol.md §4.1 and §4.2; what it does not draw is marked. */
static const struct drawn drawing[] = {
    {MACHINE_CAMPAIGN, "[*]", "campaign.created", GUARD_ALWAYS, "DRAFT"},
    {MACHINE_CAMPAIGN, "DRAFT", "campaign.opened_for_funding", GUARD_OFFERING, "OPEN_FOR_FUNDING"},
    {MACHINE_CAMPAIGN, "DRAFT", "campaign.activated", GUARD_SELF_FUNDED, "ACTIVE"},
    {MACHINE_CAMPAIGN, "OPEN_FOR_FUNDING", "campaign.funding_closed", GUARD_RAISED, "FUNDED"},
    {MACHINE_CAMPAIGN, "FUNDED", "campaign.activated", GUARD_ALWAYS, "ACTIVE"},
    {MACHINE_CAMPAIGN, "ACTIVE", "campaign.paused", GUARD_ALWAYS, "PAUSED"},
    {MACHINE_CAMPAIGN, "PAUSED", "campaign.resumed", GUARD_ALWAYS, "ACTIVE"},
    {MACHINE_CAMPAIGN, "ACTIVE", "campaign.completed", GUARD_REASON, "COMPLETED"},
    {MACHINE_CAMPAIGN, "PAUSED", "campaign.completed", GUARD_REASON, "COMPLETED"},
    {MACHINE_CAMPAIGN, "DRAFT", "campaign.cancelled", GUARD_ALWAYS, "CANCELLED"},
    {MACHINE_CAMPAIGN, "OPEN_FOR_FUNDING", "campaign.cancelled", GUARD_ALWAYS, "CANCELLED"},
    {MACHINE_CAMPAIGN, "COMPLETED", NULL, GUARD_ALWAYS, "CLOSED"},
    {MACHINE_CAMPAIGN, "DRAFT", "campaign.updated", GUARD_ALWAYS, "DRAFT"}, /* §3 A */
    {MACHINE_ROUND, "[*]", "round.created", GUARD_UNMODERATED, "ROUND_DRAFT"},
    {MACHINE_ROUND, "[*]", "round.created", GUARD_MODERATED, "PENDING_APPROVAL"}, /* both at once */
    {MACHINE_ROUND, "ROUND_DRAFT", "round.created", GUARD_MODERATED, "PENDING_APPROVAL"},
    {MACHINE_ROUND, "PENDING_APPROVAL", "round.approved", GUARD_ALWAYS, "APPROVED"},
    {MACHINE_ROUND, "APPROVED", "round.opened", GUARD_ALWAYS, "OPEN"},
    {MACHINE_ROUND, "OPEN", "round.closed", GUARD_ALWAYS, "CLOSED"},
    {MACHINE_ROUND, "OPEN", "round.cancelled", GUARD_ALWAYS, "CANCELLED"},
    /* not drawn: §1 "Commitment", §3 C, D, H, I */
    {MACHINE_COMMITMENT, "[*]", "commitment.created", GUARD_ALWAYS, "CREATED"},
    {MACHINE_COMMITMENT, "CREATED", "commitment.confirmed", GUARD_ALWAYS, "CONFIRMED"},
    {MACHINE_COMMITMENT, "CREATED", "commitment.cancelled", GUARD_ALWAYS, "CANCELLED"},
    {MACHINE_GRANT, "[*]", "allocation.created", GUARD_ALWAYS, "CREATED"},
    {MACHINE_GRANT, "CREATED", "allocation.deployed", GUARD_ALWAYS, "DEPLOYED"},
    {MACHINE_GRANT, "DEPLOYED", "spend.authorized", GUARD_ALWAYS, "DEPLOYED"},
    {MACHINE_GRANT, "DEPLOYED", "spend.executed", GUARD_ALWAYS, "DEPLOYED"},
    {MACHINE_GRANT, "DEPLOYED", "spend.refunded", GUARD_ALWAYS, "DEPLOYED"},
    {MACHINE_ROYALTY, "OFF", "app.royalty_enabled", GUARD_ALWAYS, "ON"},
    {MACHINE_ROYALTY, "ON", "app.royalty_enabled", GUARD_ALWAYS, "ON"},
    {MACHINE_ROYALTY, "OFF", "campaign.funding_closed", GUARD_ALWAYS, "ON"},
    {MACHINE_ROYALTY, "ON", "campaign.funding_closed", GUARD_ALWAYS, "ON"},
    {MACHINE_ROYALTY, "OFF", "app.royalty_disabled", GUARD_ALWAYS, "OFF"},
    {MACHINE_ROYALTY, "ON", "app.royalty_disabled", GUARD_FORCED, "OFF"},
    {MACHINE_SETTLEMENT, "[*]", "settlement.initiated", GUARD_ALWAYS, "INITIATED"},
    {MACHINE_SETTLEMENT, "INITIATED", "settlement.paid", GUARD_ALWAYS, "PAID"},
    {MACHINE_SETTLEMENT, "INITIATED", "settlement.failed", GUARD_ALWAYS, "FAILED"},
    /* 0014-payouts.md */
    {MACHINE_BATCH, "[*]", "payout.batch_opened", GUARD_ALWAYS, "open"},
    {MACHINE_BATCH, "open", "payout.batch_closed", GUARD_ALWAYS, "closed"},
    {MACHINE_TRANSFER, "[*]", "payout.transfer_queued", GUARD_ALWAYS, "queued"},
    {MACHINE_TRANSFER, "queued", "payout.transfer_sending", GUARD_NEW_ATTEMPT, "sending"},
    {MACHINE_TRANSFER, "failed", "payout.transfer_sending", GUARD_NEW_ATTEMPT, "sending"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_sending", GUARD_SAME_ANCHOR, "sending"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_sending", GUARD_SAME_ANCHOR, "sending"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_sending", GUARD_SAME_ANCHOR, "sending"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_sent", GUARD_ALWAYS, "sent"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_sent", GUARD_ALWAYS, "sent"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_sent", GUARD_ALWAYS, "sent"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_unknown", GUARD_ALWAYS, "unknown"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_unknown", GUARD_ALWAYS, "unknown"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_unknown", GUARD_ALWAYS, "unknown"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "sending"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "sent"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "unknown"},
    {MACHINE_TRANSFER, "failed", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "failed", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "paid", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "paid", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "failed_permanent", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "failed_permanent", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "cancelled", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "cancelled", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "returned", "payout.transfer_paid", GUARD_LAST_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "returned", "payout.transfer_paid", GUARD_EARLIER_ATTEMPT, "paid"},
    {MACHINE_TRANSFER, "queued", "payout.transfer_failed", GUARD_NEW_ATTEMPT, "failed"},
    {MACHINE_TRANSFER, "failed", "payout.transfer_failed", GUARD_NEW_ATTEMPT, "failed"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_failed", GUARD_UNPAID, "failed"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_failed", GUARD_PAID_BEFORE, "paid"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_failed", GUARD_CAME_BACK, "returned"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_failed", GUARD_UNPAID, "failed"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_failed", GUARD_PAID_BEFORE, "paid"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_failed", GUARD_CAME_BACK, "returned"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_failed", GUARD_UNPAID, "failed"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_failed", GUARD_PAID_BEFORE, "paid"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_failed", GUARD_CAME_BACK, "returned"},
    {MACHINE_TRANSFER, "queued", "payout.transfer_failed_permanent", GUARD_ALWAYS,
     "failed_permanent"},
    {MACHINE_TRANSFER, "failed", "payout.transfer_failed_permanent", GUARD_ALWAYS,
     "failed_permanent"},
    {MACHINE_TRANSFER, "paid", "payout.transfer_returned", GUARD_PAID_BEFORE, "paid"},
    {MACHINE_TRANSFER, "paid", "payout.transfer_returned", GUARD_CAME_BACK, "returned"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_returned", GUARD_CAME_BACK, "returned"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_returned", GUARD_PAID_BEFORE, "paid"},
    {MACHINE_TRANSFER, "sent", "payout.transfer_returned", GUARD_EARLIER_ATTEMPT, "sent"},
    {MACHINE_TRANSFER, "sending", "payout.transfer_returned", GUARD_EARLIER_ATTEMPT, "sending"},
    {MACHINE_TRANSFER, "unknown", "payout.transfer_returned", GUARD_EARLIER_ATTEMPT, "unknown"},
    {MACHINE_TRANSFER, "queued", "payout.transfer_cancelled", GUARD_ALWAYS, "cancelled"},
    {MACHINE_TRANSFER, "failed", "payout.transfer_cancelled", GUARD_ALWAYS, "cancelled"},
    /* 0015-x402.md */
    {MACHINE_X402, "[*]", "x402.reserved", GUARD_ALWAYS, "reserved"},
    {MACHINE_X402, "released", "x402.reserved", GUARD_ALWAYS, "reserved"},
    {MACHINE_X402, "reserved", "x402.reserved", GUARD_EXPIRED, "reserved"},
    {MACHINE_X402, "reserved", "x402.released", GUARD_RESERVATION, "released"},
    {MACHINE_X402, "[*]", "x402.settling", GUARD_ALWAYS, "settling"},
    {MACHINE_X402, "released", "x402.settling", GUARD_ALWAYS, "settling"},
    {MACHINE_X402, "reserved", "x402.settling", GUARD_EXPIRED, "settling"},
    {MACHINE_X402, "reserved", "x402.settling", GUARD_RESERVATION, "settling"},
    {MACHINE_X402, "settling", "x402.replaced", GUARD_ON_CHAIN, "settling"},
    {MACHINE_X402, "settling", "x402.settled", GUARD_ALWAYS, "settled"},
    {MACHINE_X402, "settling", "x402.failed", GUARD_ON_CHAIN, "failed"},
    {MACHINE_X402, "settled", "x402.confirmed", GUARD_ON_CHAIN, "confirmed"},
    {MACHINE_X402, "settled", "x402.undone", GUARD_ON_CHAIN, "settling"},
    {MACHINE_X402, "failed", "x402.confirmed", GUARD_NOT_FINAL, "failed"},
    {MACHINE_X402, "failed", "x402.undone", GUARD_NOT_FINAL, "settling"},
};

static const struct drawn *drawn_find(enum machine_kind kind, const char *from, int event,
                                      unsigned held, bool *barred)
{
    *barred = false;
    for (size_t i = 0; i < ARRAY_LEN(drawing); i++) {
        const struct drawn *d = &drawing[i];
        const char *name = event == EVENT_DERIVED ? NULL : event_type_name((enum event_type)event);
        bool same = d->event == NULL ? name == NULL : name != NULL && strcmp(name, d->event) == 0;
        if (d->machine != kind || strcmp(d->from, from) != 0 || !same) {
            continue;
        }
        if (d->guard == GUARD_ALWAYS || (held & GUARD_BIT(d->guard)) != 0) {
            return d;
        }
        *barred = true;
    }
    return NULL;
}

static void every_pair_is_as_drawn(void **state)
{
    unsigned pairs = 0;
    unsigned edges = 0;
    (void)state;
    for (int kind = 0; kind < MACHINE_COUNT; kind++) {
        const struct machine *m = machine_of((enum machine_kind)kind);
        for (uint8_t from = 0; from < m->state_count; from++) {
            for (int event = 0; event <= EVENT_DERIVED; event++) {
                pairs++;
                for (unsigned guard = 0; guard < GUARD_COUNT; guard++) {
                    enum guard why;
                    bool barred;
                    const struct drawn *d = drawn_find((enum machine_kind)kind, m->state[from],
                                                       event, GUARD_BIT(guard), &barred);
                    const struct edge *e =
                        machine_step(m, from, (enum event_type)event, GUARD_BIT(guard), &why);
                    if ((d == NULL) != (e == NULL)) {
                        fail_msg("%s: %s, %d, guard %u: %s", m->name, m->state[from], event, guard,
                                 d == NULL ? "is not drawn" : "is missing");
                    }
                    if (e != NULL) {
                        assert_string_equal(m->state[e->to], d->to);
                        edges += guard == GUARD_ALWAYS || e->guard != GUARD_ALWAYS;
                    } else {
                        assert_int_equal(why != GUARD_ALWAYS, barred);
                    }
                }
            }
        }
    }
    print_message("# %u pairs of a state and an event, under %u guards each: %u edges\n", pairs,
                  (unsigned)GUARD_COUNT, edges);
    assert_int_equal(edges, ARRAY_LEN(drawing));
}

static void a_refusal_names_what_is_allowed(void **state)
{
    struct buf b = {0};
    (void)state;
    machine_allowed(machine_of(MACHINE_CAMPAIGN), CAMPAIGN_ACTIVE, &b);
    assert_true(text_is(buf_text(&b), "campaign.paused, campaign.completed"));
    buf_reset(&b);
    machine_allowed(machine_of(MACHINE_CAMPAIGN), CAMPAIGN_COMPLETED, &b);
    assert_true(text_is(buf_text(&b), "nothing"));
    buf_reset(&b);
    machine_allowed(machine_of(MACHINE_ROUND), ROUND_NONE, &b);
    assert_true(text_is(buf_text(&b), "round.created"));
    buf_clear(&b);
}

static void a_picture_has_every_edge(void **state)
{
    (void)state;
    for (int kind = 0; kind < MACHINE_COUNT; kind++) {
        struct buf b = {0};
        const struct machine *m = machine_of((enum machine_kind)kind);
        machine_dot(m, &b);
        buf_put_u8(&b, 0);
        unsigned arrows = 0;
        for (const char *at = strstr((char *)b.p, " -> "); at != NULL;
             at = strstr(at + 1, " -> ")) {
            arrows++;
        }
        assert_int_equal(arrows, m->edge_count);
        buf_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_is_as_drawn),
                                       cmocka_unit_test(a_refusal_names_what_is_allowed),
                                       cmocka_unit_test(a_picture_has_every_edge)};
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
