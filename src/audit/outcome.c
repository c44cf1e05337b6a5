/* SPDX-License-Identifier: Apache-2.0
 * One event, its decision, and what must have been decided. After a difference the audit goes on
 * with what the book says, so that later differences are their own. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/compare.h"
#include "audit/dispute.h"
#include "audit/exchange.h"
#include "audit/member.h"
#include "audit/reversal.h"
#include "audit/split.h"
#include "base/limits.h"
#include "base/text.h"

static const struct {
    const char *type;
    enum event_kind kind;
} kinds[] = {
    {"revenue.received", EVENT_REVENUE},
    {"revenue.reversed", EVENT_REVERSAL},
    {"usage.reported", EVENT_USAGE},
    {"usage.metered", EVENT_COST},
    {"metering.closed", EVENT_METERING},
    {"cycle.closed", EVENT_CYCLE},
    {"policy.published", EVENT_POLICY},
    {"contribution.recorded", EVENT_CONTRIBUTION},
    {"condition.changed", EVENT_CONDITION},
    {"fees.scheduled", EVENT_FEES},
    {"asset.defined", EVENT_ASSET},
    {"book.configured", EVENT_BOOK},
    {"allocation.disputed", EVENT_DISPUTED},
    {"allocation.evidence_added", EVENT_EVIDENCE},
    {"allocation.escalated", EVENT_ESCALATED},
    {"allocation.overridden", EVENT_OVERRIDDEN},
    {"allocation.upheld", EVENT_UPHELD},
    {"allocation.cleared_through", EVENT_CLEARING},
    {"wallet.transferred", EVENT_TRANSFER},
    {"app.registered", EVENT_APP},
    {"app.economic_terms_set", EVENT_TERMS},
    {"app.royalty_enabled", EVENT_TERMS},
    {"app.royalty_disabled", EVENT_TERMS},
    {"attribution.assigned", EVENT_ATTRIBUTION},
    {"attribution.updated", EVENT_ATTRIBUTION},
    {"revenue.invoice_paid", EVENT_INVOICE},
    {"revenue.refund_issued", EVENT_REFUND},
    {"revenue.chargeback", EVENT_REFUND},
    {"revenue.subscription_cancelled", EVENT_NO_MONEY},
    {"kpi.reported", EVENT_NO_MONEY},
    {"creative.generated", EVENT_NO_MONEY},
    {"creative.launched", EVENT_NO_MONEY},
    {"settlement.initiated", EVENT_SETTLEMENT},
    {"settlement.paid", EVENT_SETTLEMENT},
    {"settlement.failed", EVENT_SETTLEMENT},
    {"allocation.created", EVENT_GRANT},
    {"allocation.deployed", EVENT_GRANT},
    {"spend.authorized", EVENT_GRANT},
    {"spend.executed", EVENT_GRANT},
    {"spend.refunded", EVENT_GRANT},
    {"campaign.created", EVENT_CAMPAIGN},
    {"campaign.updated", EVENT_CAMPAIGN},
    {"campaign.opened_for_funding", EVENT_CAMPAIGN},
    {"campaign.funding_closed", EVENT_CAMPAIGN},
    {"campaign.activated", EVENT_CAMPAIGN},
    {"campaign.paused", EVENT_CAMPAIGN},
    {"campaign.resumed", EVENT_CAMPAIGN},
    {"campaign.completed", EVENT_CAMPAIGN},
    {"campaign.cancelled", EVENT_CAMPAIGN},
    {"round.created", EVENT_ROUND},
    {"round.approved", EVENT_ROUND},
    {"round.opened", EVENT_ROUND},
    {"round.closed", EVENT_ROUND},
    {"round.cancelled", EVENT_ROUND},
    {"commitment.created", EVENT_COMMITMENT},
    {"commitment.confirmed", EVENT_COMMITMENT},
    {"commitment.cancelled", EVENT_COMMITMENT},
    {"party.registered", EVENT_NO_MONEY},
    {"party.destination_set", EVENT_DESTINATION},
    {"payout.batch_opened", EVENT_PAYOUT},
    {"payout.batch_closed", EVENT_PAYOUT},
    {"payout.transfer_queued", EVENT_PAYOUT},
    {"payout.transfer_sending", EVENT_PAYOUT},
    {"payout.transfer_sent", EVENT_PAYOUT},
    {"payout.transfer_unknown", EVENT_PAYOUT},
    {"payout.transfer_paid", EVENT_PAYOUT},
    {"payout.transfer_failed", EVENT_PAYOUT},
    {"payout.transfer_failed_permanent", EVENT_PAYOUT},
    {"payout.transfer_returned", EVENT_PAYOUT},
    {"payout.transfer_cancelled", EVENT_PAYOUT},
    {"payout.hold_placed", EVENT_PAYOUT},
    {"payout.hold_released", EVENT_PAYOUT},
    {"x402.reserved", EVENT_PAYMENT},
    {"x402.released", EVENT_PAYMENT},
    {"x402.settling", EVENT_PAYMENT},
    {"x402.replaced", EVENT_PAYMENT},
    {"x402.settled", EVENT_PAYMENT_SETTLED},
    {"x402.failed", EVENT_PAYMENT},
    {"x402.confirmed", EVENT_PAYMENT},
    {"x402.undone", EVENT_PAYMENT_UNDONE},
    {"x402.policy_set", EVENT_PAYMENT_POLICY},
    {"x402.listed", EVENT_NO_MONEY},
    {"x402.unlisted", EVENT_NO_MONEY},
    {"key.registered", EVENT_NO_MONEY},
    {"key.revoked", EVENT_NO_MONEY},
    {"fx.rate_set", EVENT_RATE},
    {"fx.converted", EVENT_CONVERSION},
};

enum event_kind outcome_kind(struct text event_type)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (text_is(event_type, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    return EVENT_UNKNOWN;
}

struct moment outcome_moment(struct audit *a, const struct json *event, uint64_t seq,
                             mete_time booked_at)
{
    struct moment m = {.book = &a->book, .arena = &a->decision, .seq = seq};
    m.booked_at = booked_at;
    m.event = event;
    m.event_id = member_text(event, "event_id");
    m.payload = json_get(event, "payload");
    m.occurred_at = member_time(event, "occurred_at", false, booked_at);
    const struct json *given = json_get(m.payload, "conditions");
    if (given == NULL || given->type != JSON_ARRAY) {
        return m;
    }
    struct text *list = arena_array(m.arena, given->count, sizeof list[0]);
    for (const struct json *j = given->child; j != NULL; j = j->next) {
        list[m.given_count++] = member_literal(j);
    }
    m.given = list;
    return m;
}

static struct reversing reversing(struct audit *a)
{
    return (struct reversing){.journal = &a->journal, .carry = &a->carry};
}

static void judge_revenue(struct moment *m, struct want *w)
{
    struct text policy = member_text(m->payload, "policy");
    if (policy.len > 0) {
        split_judge(m, w, policy);
    }
}

static struct reversal_of reversal_of(struct audit *a, const struct moment *m)
{
    struct reversal_of of;
    of.record = refund_target(a, m, &of.wait);
    return of;
}

static void judge_reversal(struct audit *a, struct moment *m, struct want *w)
{
    struct reversing r = reversing(a);
    struct reversal_of of = reversal_of(a, m);
    reversal_judge(&r, m, w, &of);
    if (of.record != NULL && of.record->invoice != NULL &&
        of.record->invoice->refund_count >= REFUNDS_MAX) {
        want_waits(m, w, WAIT_ANY_CODE, m->event_id);
    }
}

void outcome_judge(struct audit *a, struct moment *m, enum event_kind kind, struct want *w)
{
    if (kind == EVENT_REVENUE) {
        judge_revenue(m, w);
    } else if (kind == EVENT_CYCLE) {
        cycle_judge(&a->usage, m, w);
    } else if (kind == EVENT_METERING) {
        metering_judge(&a->usage, m, w);
    } else if (kind == EVENT_REVERSAL || kind == EVENT_REFUND) {
        judge_reversal(a, m, w);
    } else if (kind == EVENT_ATTRIBUTION) {
        attribution_judge(a, m, w);
    } else if (kind == EVENT_INVOICE) {
        invoice_judge(a, m, w);
    } else if (kind == EVENT_PAYMENT_SETTLED || kind == EVENT_PAYMENT_UNDONE) {
        x402_judge(a, m, w);
    }
}

static bool revenue_amounts(struct moment *m, struct asset **asset, i128 *gross, i128 *fee)
{
    const struct json *given = json_get(m->payload, "fee");
    struct asset *fee_asset;
    *fee = 0;
    if (!book_money(m->book, json_get(m->payload, "amount"), asset, gross)) {
        report_difference(m->book->report, "its amount cannot be read");
        return false;
    }
    if (given != NULL &&
        (!book_money(m->book, given, &fee_asset, fee) || fee_asset != *asset || *fee > *gross)) {
        report_difference(m->book->report, "its fee cannot be read, or is more than its amount");
        return false;
    }
    return true;
}

static void split_revenue(struct audit *a, struct moment *m, struct want *w)
{
    struct asset *asset;
    i128 gross, fee;
    if (!revenue_amounts(m, &asset, &gross, &fee)) {
        return;
    }
    struct want_group *g = want_group(m, w, FOUND_REVENUE, asset, gross);
    g->quantity = member_u64(m->payload, "quantity", 0);
    g->has_clears_at = true;
    g->clears_at = want_clears_at(m);
    i128 net = split_charges(m, g, json_get(m->payload, "fee") != NULL, fee);
    if (json_get(m->payload, "policy") != NULL) {
        split_policy(m, &a->carry, g, member_text(m->payload, "policy"), net);
    } else if (json_get(m->payload, "content_item_id") != NULL) {
        split_content(m, g, member_text(m->payload, "content_item_id"), net);
    } else {
        split_party(m, g, member_text(m->payload, "party"), net);
    }
}

static void split_reversal(struct audit *a, struct moment *m, struct want *w)
{
    struct reversing r = reversing(a);
    struct reversal_of of = reversal_of(a, m);
    i128 taken = reversal_split(&r, m, w, &of);
    if (of.record != NULL) {
        invoice_refunded(a, of.record, taken);
    }
}

static void compute(struct audit *a, struct moment *m, enum event_kind kind, struct want *w,
                    bool anew)
{
    if (kind == EVENT_REVENUE) {
        split_revenue(a, m, w);
    } else if (kind == EVENT_CYCLE) {
        cycle_split(&a->usage, &a->carry, m, w);
    } else if (kind == EVENT_METERING) {
        metering_split(&a->usage, &a->carry, m, w);
    } else if (kind == EVENT_REVERSAL || kind == EVENT_REFUND) {
        split_reversal(a, m, w);
    } else if (kind == EVENT_INVOICE) {
        invoice_split(a, m, w);
    } else if (kind == EVENT_TRANSFER) {
        transfer_take(&a->ledger, m, w);
    } else if (kind == EVENT_CONVERSION) {
        conversion_take(&a->ledger, m, w);
    } else if (kind == EVENT_SETTLEMENT) {
        settlement_take(a, m, w);
    } else if (kind == EVENT_PAYOUT) {
        payout_take(a, m, w);
    } else if (kind == EVENT_PAYMENT_SETTLED || kind == EVENT_PAYMENT_UNDONE) {
        x402_book_lines(a, m, w, anew);
    } else if (kind == EVENT_DESTINATION) {
        payout_place_take(a, m);
    } else if (kind == EVENT_CLEARING) {
        clearing_take(m);
    } else if (kind >= EVENT_DISPUTED && kind <= EVENT_UPHELD) {
        dispute_take(&a->journal, &a->ledger, m, w,
                     (enum dispute_event)(SAID_DISPUTED + (kind - EVENT_DISPUTED)));
    }
}

/* The gross of what cannot be split yet stands in suspense. */
static void suspend(struct moment *m, enum event_kind kind, struct want *w)
{
    struct asset *asset;
    i128 gross;
    const char *key = kind == EVENT_CYCLE ? "pool" : "amount";
    bool known = false;
    if (kind == EVENT_INVOICE) {
        known = invoice_gross(m, &asset, &gross);
    } else if (kind == EVENT_REVENUE || kind == EVENT_CYCLE || kind == EVENT_PAYMENT_SETTLED) {
        known = book_money(m->book, json_get(m->payload, key), &asset, &gross);
    }
    if (!known || gross == 0) {
        return;
    }
    struct want_group *g = want_group(m, w, FOUND_SUSPENSE, asset, gross);
    want_own_line(m, g, FOUND_SUSPENDED, OWN_SUSPENSE, gross);
}

static const char *code_name(uint32_t code)
{
    return code == WAIT_ANY_CODE ? "for a reason without a rule"
                                 : mete_code_name((enum mete_code)code);
}

static void judge_wait_code(struct audit *a, const struct want *w, uint32_t code)
{
    for (uint32_t i = 0; i < w->wait_count; i++) {
        if (w->wait[i].code == code || w->wait[i].code == WAIT_ANY_CODE) {
            return;
        }
    }
    if (w->wait_count > 0) {
        report_difference(a->report, "it should wait: %s, the book says %s",
                          code_name(w->wait[0].code), code_name(code));
    } else {
        report_difference(a->report, "it can be booked, the book lets it wait: %s",
                          code_name(code));
    }
}

/* Nothing may move. */
static void expect_nothing(struct audit *a, const struct open_decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        if (d->group[i].gross != 0) {
            report_difference(a->report, "no money should move");
        }
    }
}

static void take_waiting(struct audit *a, struct moment *m, struct open_decision *d,
                         enum event_kind kind, struct want *w)
{
    uint32_t code = d->found.wait_code;
    struct record *record = journal_at(&a->journal, m->seq);
    if (!w->unjudged) {
        judge_wait_code(a, w, code);
    }
    if (d->waiter == NULL) {
        suspend(m, kind, w);
    }
    if (!d->damaged) {
        compare_decision(m, w, d->group, d->group_count);
    }
    if (d->waiter != NULL) {
        if (w->wait_count > 0 && w->wait[0].code == WAIT_ANY_CODE &&
            code != METE_ORIGINAL_UNKNOWN) {
            w->wait_count = 0; /* nothing that may come lets it be booked */
        }
        waiting_refresh(a, d->waiter, w);
    } else {
        (void)waiting_add(a, m->seq, d->event, kind, w);
    }
    if (record != NULL) {
        record->accepted_waiting = true;
        record->wait_code = (enum mete_code)code;
    }
}

/* What policies have split so far. */
static void raise_totals(struct audit *a, const struct open_decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct found_group *g = &d->group[i];
        struct asset *asset = book_asset_numbered(&a->book, g->asset);
        for (uint32_t k = 0; asset != NULL && k < g->node_count; k++) {
            const struct found_node *n = &g->node[k];
            if (g->kind != FOUND_REVENUE || n->counted == 0 || n->policy == 0) {
                continue;
            }
            struct book_policy *p = book_policy(&a->book, names_id(&a->book.policies, n->policy));
            policy_add_net(&a->book, p, asset, n->input);
            if (node_is_first(g, k)) {
                p->quantity = i128_plus(p->quantity, (i128)g->quantity);
            }
        }
    }
}

static bool brings_money(enum event_kind kind)
{
    return kind == EVENT_REVENUE || kind == EVENT_CYCLE || kind == EVENT_METERING ||
           kind == EVENT_INVOICE || kind == EVENT_PAYMENT_SETTLED;
}

static void keep_booking(struct audit *a, const struct moment *m, struct open_decision *d,
                         enum event_kind kind)
{
    struct record *record = journal_at(&a->journal, m->seq);
    bool rebook = d->waiter != NULL && d->waiter->rebook;
    if (d->waiter != NULL) {
        d->waiter->booked = !rebook;
    }
    if (record == NULL) {
        return;
    }
    record->accepted_waiting = false;
    if (!brings_money(kind)) {
        return;
    }
    raise_totals(a, d);
    if (d->group_count > 0 && !d->damaged && !rebook) {
        record->booking =
            booking_keep(&a->journal, d->seq, d->page, d->packed, d->page_count, d->group_count);
    }
}

static void take_booked(struct audit *a, struct moment *m, struct open_decision *d,
                        enum event_kind kind, struct want *w)
{
    if (d->waiter != NULL && !d->due) {
        report_difference(a->report,
                          "it was decided anew, although what it waits for has not come");
    }
    if (w->unjudged) {
        expect_nothing(a, d);
    } else if (w->wait_count > 0) {
        report_difference(a->report, "it must wait (%s), the book says it is booked",
                          code_name(w->wait[0].code));
    } else if (kind == EVENT_UNKNOWN && d->group_count > 0) {
        report_difference(a->report,
                          "it moves money, and this auditor does not know events of its type");
    } else if (!d->damaged) {
        if (d->waiter != NULL && d->waiter->rebook) {
            invoice_anew(a, m, d, w);
        } else {
            compute(a, m, kind, w, d->waiter != NULL);
        }
        compare_decision(m, w, d->group, d->group_count);
    }
    keep_booking(a, m, d, kind);
}

/* When an allocation becomes clear; what is taken back stops being due on the same day. */
static void take_due(struct audit *a, const struct moment *m, const struct found_group *g)
{
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct found_line *l = &g->line[i];
        if (l->kind == FOUND_ALLOCATION) {
            ledger_due(&a->ledger, l->party, g->asset, l->amount, g->clears_at, m->booked_at,
                       (l->flags & FLAG_HELD) != 0);
        }
    }
}

/* The group that a reversal takes back: of this very decision, or of what was booked before. */
static const struct found_group *origin_of(struct audit *a, const struct open_decision *d,
                                           const struct found_group *g)
{
    if (g->target_seq == d->seq && g->target_page == d->page) {
        return g->target_group < d->group_count ? &d->group[g->target_group] : NULL;
    }
    if (d->from == NULL || g->target_group >= d->from->group_count) {
        return NULL;
    }
    return &booking_open(&a->decision, d->from)[g->target_group];
}

static void take_due_back(struct audit *a, const struct moment *m, const struct open_decision *d,
                          const struct found_group *g)
{
    const struct found_group *origin = origin_of(a, d, g);
    if (origin == NULL) {
        return;
    }
    campaign_gave_back(a, origin, g);
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct found_line *l = &g->line[i];
        if (l->kind != FOUND_ALLOCATION || l->share >= origin->line_count) {
            continue;
        }
        const struct found_line *from = &origin->line[l->share];
        ledger_due(&a->ledger, l->party, g->asset, l->amount, origin->clears_at, m->booked_at,
                   (from->flags & FLAG_HELD) != 0);
    }
}

static void post(struct audit *a, struct moment *m, const struct open_decision *d)
{
    for (uint32_t i = 0; i < d->page_count; i++) {
        compare_balance(m, d->pages[i].group, d->pages[i].group_count);
        ledger_post(&a->ledger, d->pages[i].group, d->pages[i].group_count, d->booked_at);
    }
    for (uint32_t i = 0; i < d->group_count; i++) {
        if (d->group[i].kind == FOUND_REVENUE) {
            take_due(a, m, &d->group[i]);
            campaign_earned(a, &d->group[i]);
        } else if (d->group[i].kind == FOUND_REVERSAL) {
            take_due_back(a, m, d, &d->group[i]);
        }
    }
}

static void register_policy(struct audit *a, const struct moment *m)
{
    book_publish(&a->book, m->payload, m->occurred_at);
    const struct json *doc = json_get(m->payload, "manifest");
    if (doc == NULL) {
        doc = json_get(m->payload, "policy");
    }
    waiting_open_policy(a, member_text(doc, "id"));
}

/* What the event told, for those after it. */
static void take_facts(struct audit *a, struct moment *m, enum event_kind kind)
{
    if (kind == EVENT_POLICY) {
        register_policy(a, m);
    } else if (kind == EVENT_CONDITION) {
        book_switch(&a->book, m->payload, m->occurred_at);
        waiting_open_policy(a, member_text(m->payload, "policy"));
    } else if (kind == EVENT_CYCLE) {
        waiting_open_cycle(a, member_text(m->payload, "policy"), m->seq);
    } else if (kind == EVENT_FEES) {
        book_schedule(&a->book, m->payload, m->occurred_at);
    } else if (kind == EVENT_CONTRIBUTION) {
        book_contribute(&a->book, m->payload);
    } else if (kind == EVENT_USAGE) {
        if (usage_take_report(&a->usage, m)) {
            book_mention(&a->book, member_text(m->payload, "provider"));
        }
    } else if (kind == EVENT_COST) {
        usage_take_cost(&a->usage, m);
        book_mention(&a->book, member_text(m->payload, "customer_wallet"));
    } else if (kind == EVENT_BOOK) {
        book_configure(&a->book, m->payload);
    } else if (kind == EVENT_ASSET) {
        book_define_asset(&a->book, m->payload);
    } else if (kind == EVENT_RATE) {
        rate_note(m);
    } else if (kind == EVENT_PAYMENT_POLICY) {
        x402_policy_take(a, m);
    } else if (kind >= EVENT_PAYMENT && kind <= EVENT_PAYMENT_UNDONE) {
        x402_take(a, m);
    }
}

/* What an event of the economy told, once it is booked: when it came, or out of waiting. */
static void take_economy(struct audit *a, struct moment *m, const struct open_decision *d,
                         enum event_kind kind)
{
    if (kind == EVENT_CAMPAIGN) {
        campaign_take(a, m);
    } else if (kind == EVENT_ROUND) {
        round_take(a, m);
    } else if (kind == EVENT_COMMITMENT) {
        commitment_take(a, m);
    } else if (kind == EVENT_GRANT) {
        grant_take(a, m);
    } else if (kind == EVENT_TERMS) {
        terms_take(a, m);
    } else if (kind == EVENT_APP) {
        struct app *app = app_obtain(&a->economy, member_text(m->payload, "app_id"));
        app->owner = member_keep(&a->book.keep, m->payload, "owner");
        waiting_open(a, LIST_APP, app->id);
    } else if (kind == EVENT_ATTRIBUTION) {
        attribution_take(a, m, d->waiter != NULL);
    } else if (kind == EVENT_INVOICE) {
        invoice_booked(a, m, d);
    }
}

/* What it takes back is booked elsewhere once it has been judged. */
static void note_origin(struct audit *a, const struct moment *m, struct open_decision *d,
                        enum event_kind kind)
{
    struct record *record = NULL;
    if (kind == EVENT_REVERSAL || kind == EVENT_REFUND) {
        record = reversal_of(a, m).record;
    } else if (kind == EVENT_PAYMENT_UNDONE) {
        record = x402_undone(a, m, d->waiter != NULL);
    } else if (d->waiter != NULL && d->waiter->rebook) {
        record = journal_at(&a->journal, m->seq);
    }
    d->from = record != NULL ? record->booking : NULL;
}

static bool was_in_suspense(const struct open_decision *d, enum event_kind kind)
{
    return d->waiter != NULL && !d->waiter->rebook &&
           (kind == EVENT_REVENUE || kind == EVENT_CYCLE || kind == EVENT_INVOICE ||
            kind == EVENT_PAYMENT_SETTLED);
}

void outcome_take(struct audit *a, struct open_decision *d)
{
    uint64_t seq = d->waiter != NULL ? d->waiter->seq : d->seq;
    struct moment m = outcome_moment(a, d->event, seq, d->booked_at);
    enum event_kind kind = outcome_kind(member_text(d->event, "event_type"));
    struct want w = {0};
    a->report->line = d->line;
    a->report->event = m.event_id;
    a->waiting.insert_at = a->waiting.queue_first;
    m.source_seq = was_in_suspense(d, kind) ? seq : 0;
    note_origin(a, &m, d, kind);
    if (d->waiter == NULL && !a->book.keeps_raw && is_of_economy(event_kind_of(&m)) &&
        holds_raw_content(m.payload)) {
        event_forbidden(&m, "this book keeps no raw content (tier3)");
    }
    if (d->waiter == NULL || !d->waiter->rebook) {
        outcome_judge(a, &m, kind, &w);
    }
    if (d->found.wait_code != 0) {
        take_waiting(a, &m, d, kind, &w);
    } else {
        take_booked(a, &m, d, kind, &w);
    }
    post(a, &m, d);
    if (d->waiter == NULL) {
        take_facts(a, &m, kind);
    }
    if (d->found.wait_code == 0) {
        take_economy(a, &m, d, kind);
    }
    if (d->found.wait_code == 0 && brings_money(kind)) {
        waiting_open_original(a, m.event_id);
    }
    a->decisions++;
}
