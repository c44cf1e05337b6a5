/* SPDX-License-Identifier: Apache-2.0
 * Where a campaign stands and what it has: terms, steps of its machine, rounds and commitments,
 * spend, settlements. */
#include "engine/campaign_parts.h"

#include "base/text.h"
#include "core/balance.h"
#include "engine/campaigns.h"

#include <stdlib.h>

struct promise {
    struct report_round *round;
    struct report_party *investor;
    i128 amount;
    enum commitment_state state;
};

struct grant_row {
    struct asset asset;
    i128 amount;
    bool is_deployed;
};

struct settlement_row {
    i128 amount;
    enum settlement_state state;
};

/* --- terms and steps ---------------------------------------------------------------------------*/

static void variant_take(struct gather *g, const struct fact *f)
{
    struct campaign_report *out = g->out;
    const struct json *contract = json_get(f->payload, "contract");
    struct report_variant *v = arena_alloc(g->a, sizeof *v);
    v->event_id = arena_text(g->a, f->head.event_id);
    v->occurred_at = f->head.occurred_at;
    v->contract = contract != NULL ? arena_text(g->a, contract->raw) : TEXT("null");
    row_append(g, &out->variants, v);
    const struct json *purpose = json_get(contract, "purpose");
    const struct json *rules = json_get(contract, "attribution_rules");
    out->purpose = purpose != NULL ? arena_text(g->a, purpose->text) : out->purpose;
    out->attribution_rules = rules != NULL ? arena_text(g->a, rules->raw) : out->attribution_rules;
    if (f->event.type == EVENT_CAMPAIGN_CREATED) {
        out->created_at = f->head.occurred_at;
    }
}

static void step_add(struct gather *g, struct text event_id, mete_time at, enum campaign_state to,
                     const char *type)
{
    struct report_step *s = arena_alloc(g->a, sizeof *s);
    *s = (struct report_step){arena_text(g->a, event_id), type, at, to};
    row_append(g, &g->out->steps, s);
    g->out->state = to;
    g->out->since = at;
}

/** The log holds steps that were allowed only: which guards let them through does not matter. */
static void step_take(struct gather *g, const struct fact *f)
{
    enum guard unused;
    const struct machine *m = machine_of(MACHINE_CAMPAIGN);
    const struct edge *e = machine_step(m, (uint8_t)g->out->state, f->event.type, ~0u, &unused);
    if (e != NULL) {
        step_add(g, f->head.event_id, f->head.occurred_at, (enum campaign_state)e->to,
                 event_type_name(f->event.type));
    }
    if (f->event.type == EVENT_CAMPAIGN_CREATED || f->event.type == EVENT_CAMPAIGN_UPDATED) {
        variant_take(g, f);
    }
}

/** The steps that no event tells of. */
static void steps_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    const struct campaign *c = &out->campaign;
    const char *name = event_type_name(EVENT_CAMPAIGN_COMPLETED);
    bool runs = out->state == CAMPAIGN_ACTIVE || out->state == CAMPAIGN_PAUSED;
    bool closed = false;
    if (runs && c->reason == COMPLETION_CAP && c->completed_at <= g->q->at) {
        step_add(g, (struct text){0}, c->completed_at, CAMPAIGN_COMPLETED, name);
    } else if (runs && campaign_ends_at(c) <= g->q->at) {
        step_add(g, (struct text){0}, campaign_ends_at(c), CAMPAIGN_COMPLETED, name);
    }
    if (out->state == CAMPAIGN_COMPLETED &&
        campaign_is_closed(g->v, &g->item, out->number, c, g->q->at, &closed) != VIEW_MISSING &&
        closed) {
        out->state = CAMPAIGN_CLOSED;
    }
}

/* --- funding -----------------------------------------------------------------------------------*/

static struct report_round *round_obtain(struct gather *g, struct text id)
{
    bool made;
    row_begin(g, ROW_ROUND);
    row_key_text(g, id);
    struct report_round *r = row_obtain(g, &g->out->rounds, sizeof *r, &made);
    if (made) {
        r->round_id = arena_text(g->a, id);
    }
    return r;
}

static void round_take(struct gather *g, const struct fact *f)
{
    enum guard unused;
    struct report_round *r = round_obtain(g, f->event.correlation.round_id);
    bool moderated = f->event.type == EVENT_ROUND_CREATED && f->event.round.requires_moderation;
    const struct edge *e =
        machine_step(machine_of(MACHINE_ROUND), (uint8_t)r->state, f->event.type,
                     GUARD_BIT(moderated ? GUARD_MODERATED : GUARD_UNMODERATED), &unused);
    r->state = e != NULL ? (enum round_state)e->to : r->state;
}

static struct report_party *investor_obtain(struct gather *g, struct text party)
{
    bool made;
    row_begin(g, ROW_INVESTOR);
    row_key_text(g, party);
    struct report_party *p = row_obtain(g, &g->investor, sizeof *p, &made);
    if (made) {
        p->party = arena_text(g->a, party);
    }
    return p;
}

static struct promise *promise_obtain(struct gather *g, const struct fact *f)
{
    row_begin(g, ROW_PROMISE);
    row_key_text(g, f->event.correlation.commitment_id);
    return row_obtain(g, &g->promise, sizeof(struct promise), NULL);
}

static void commitment_take(struct gather *g, const struct fact *f)
{
    struct asset asset;
    struct promise *p = promise_obtain(g, f);
    if (f->event.type == EVENT_COMMITMENT_CREATED) {
        if (fact_money(g, &f->event.commitment.amount, &asset, &p->amount)) {
            p->round = round_obtain(g, f->event.correlation.round_id);
            p->investor = investor_obtain(g, f->event.commitment.investor);
            p->state = COMMITMENT_CREATED;
        }
    } else {
        p->state = f->event.type == EVENT_COMMITMENT_CONFIRMED ? COMMITMENT_CONFIRMED
                                                               : COMMITMENT_CANCELLED;
    }
}

static void promises_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    for (size_t i = 0; i < g->promise.count; i++) {
        const struct promise *p = g->promise.row[i];
        if (p->round == NULL) {
            continue; /* confirmed before `at`, and promised later */
        }
        p->round->commitments++;
        if (p->state == COMMITMENT_CANCELLED) {
            sum_to(&p->round->cancelled, p->amount);
            continue;
        }
        sum_to(&p->round->intended, p->amount);
        sum_to(&out->intended, p->amount);
        if (p->state == COMMITMENT_CONFIRMED) {
            sum_to(&p->round->confirmed, p->amount);
            sum_to(&p->investor->confirmed, p->amount);
            sum_to(&out->confirmed, p->amount);
        }
    }
}

/* --- spend -------------------------------------------------------------------------------------*/

static struct report_spend *spend_obtain(struct gather *g, const struct text *platform,
                                         const struct asset *asset)
{
    bool made;
    row_begin(g, platform != NULL ? ROW_SPEND : ROW_SPEND_TOTAL);
    row_key_text(g, platform != NULL ? *platform : (struct text){0});
    row_key_number(g, asset->number);
    struct report_spend *s =
        row_obtain(g, platform != NULL ? &g->out->spend : &g->out->spend_total, sizeof *s, &made);
    if (made) {
        s->platform = platform != NULL ? *platform : (struct text){0};
        s->asset = *asset;
    }
    return s;
}

static struct grant_row *grant_obtain(struct gather *g, const struct fact *f)
{
    row_begin(g, ROW_GRANT);
    row_key_text(g, f->event.correlation.allocation_id);
    return row_obtain(g, NULL, sizeof(struct grant_row), NULL);
}

static void grant_take(struct gather *g, const struct fact *f)
{
    struct grant_row *grant = grant_obtain(g, f);
    if (f->event.type == EVENT_SPEND_GRANT_DEPLOYED) {
        if (!grant->is_deployed && grant->amount > 0) {
            sum_to(&spend_obtain(g, NULL, &grant->asset)->deployed, grant->amount);
        }
        grant->is_deployed = true;
    } else if (fact_money(g, &f->event.grant.amount, &grant->asset, &grant->amount)) {
        sum_to(&spend_obtain(g, NULL, &grant->asset)->granted, grant->amount);
    }
}

static void spend_add(struct report_spend *s, const struct event *e, i128 amount)
{
    bool of_grant = e->correlation.allocation_id.len > 0;
    if (e->type == EVENT_SPEND_AUTHORIZED) {
        sum_to(&s->authorized, amount);
        return;
    }
    bool back = e->type == EVENT_SPEND_REFUNDED;
    sum_to(back ? &s->refunded : &s->executed, amount);
    if (of_grant) {
        sum_to(&s->of_grants, back ? -amount : amount);
    }
}

static void spend_take(struct gather *g, const struct fact *f)
{
    struct asset asset;
    i128 amount;
    struct text platform = fact_text(g, f, "platform");
    if (fact_money(g, &f->event.spend.amount, &asset, &amount)) {
        spend_add(spend_obtain(g, &platform, &asset), &f->event, amount);
        spend_add(spend_obtain(g, NULL, &asset), &f->event, amount);
    }
}

static int spend_cmp(const void *x, const void *y)
{
    const struct report_spend *a = *(void *const *)x;
    const struct report_spend *b = *(void *const *)y;
    int order = text_cmp(a->platform, b->platform);
    return order != 0 ? order : text_cmp(text_of(a->asset.code), text_of(b->asset.code));
}

static void spend_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    if (out->spend.count > 0) {
        qsort(out->spend.row, out->spend.count, sizeof *out->spend.row, spend_cmp);
    }
    if (out->spend_total.count > 0) {
        qsort(out->spend_total.row, out->spend_total.count, sizeof *out->spend_total.row,
              spend_cmp);
    }
    for (size_t i = 0; i < out->spend_total.count; i++) {
        const struct report_spend *s = out->spend_total.row[i];
        if (s->asset.number == out->asset.number) {
            out->net_spend = s->executed - s->refunded;
        }
    }
}

/* --- settlements and parties -------------------------------------------------------------------*/

static void settlement_take(struct gather *g, const struct fact *f)
{
    struct asset asset;
    row_begin(g, ROW_SETTLEMENT);
    row_key_text(g, f->event.settlement.settlement_id);
    struct settlement_row *s = row_obtain(g, &g->settlement, sizeof *s, NULL);
    if (f->event.type == EVENT_SETTLEMENT_PAID) {
        s->state = SETTLEMENT_PAID;
    } else if (f->event.type == EVENT_SETTLEMENT_FAILED) {
        s->state = SETTLEMENT_FAILED;
    } else if (fact_money(g, &f->event.settlement.amount, &asset, &s->amount)) {
        /* one in another currency is of something else that these parties have */
        s->state = asset.number == g->out->asset.number ? SETTLEMENT_INITIATED : SETTLEMENT_NONE;
        s->amount = s->state == SETTLEMENT_NONE ? 0 : s->amount;
    }
}

static void settlements_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    for (size_t i = 0; i < g->settlement.count; i++) {
        const struct settlement_row *s = g->settlement.row[i];
        struct report_settled *to = s->state == SETTLEMENT_PAID     ? &out->paid
                                    : s->state == SETTLEMENT_FAILED ? &out->failed
                                                                    : &out->initiated;
        if (s->amount > 0) {
            to->count++;
            sum_to(&to->amount, s->amount);
        }
    }
}

static void party_add(struct gather *g, struct report_party *p)
{
    uint32_t number;
    struct balance b;
    arena_reset(&g->item);
    if (view_party(g->v, p->party, &number) == VIEW_FOUND &&
        balance_at(g->v, &g->item, number, g->out->asset.number, g->q->at, &b) != VIEW_MISSING) {
        p->payable = b.pending + b.disputed + b.cleared;
        p->paid = b.paid;
    }
    row_append(g, &g->out->parties, p);
}

static void parties_finish(struct gather *g)
{
    struct text id;
    if (view_party_id(g->v, g->out->campaign.creator, &id) == VIEW_FOUND) {
        struct report_party *creator = arena_alloc(g->a, sizeof *creator);
        g->out->creator = creator->party = arena_text(g->a, id);
        creator->is_creator = true;
        party_add(g, creator);
    }
    for (size_t i = 0; i < g->investor.count; i++) {
        struct report_party *p = g->investor.row[i];
        if (p->confirmed > 0) {
            party_add(g, p);
        }
    }
}

/* --- all ---------------------------------------------------------------------------------------*/

void facts_take(struct gather *g, const struct fact *f)
{
    switch ((int)f->event.type) {
    case EVENT_ROUND_CREATED:
    case EVENT_ROUND_APPROVED:
    case EVENT_ROUND_OPENED:
    case EVENT_ROUND_CLOSED:
    case EVENT_ROUND_CANCELLED:
        round_take(g, f);
        break;
    case EVENT_COMMITMENT_CREATED:
    case EVENT_COMMITMENT_CONFIRMED:
    case EVENT_COMMITMENT_CANCELLED:
        commitment_take(g, f);
        break;
    case EVENT_SPEND_GRANT_CREATED:
    case EVENT_SPEND_GRANT_DEPLOYED:
        grant_take(g, f);
        break;
    case EVENT_SPEND_AUTHORIZED:
    case EVENT_SPEND_EXECUTED:
    case EVENT_SPEND_REFUNDED:
        spend_take(g, f);
        break;
    case EVENT_SETTLEMENT_INITIATED:
    case EVENT_SETTLEMENT_PAID:
    case EVENT_SETTLEMENT_FAILED:
        settlement_take(g, f);
        break;
    default:
        step_take(g, f);
        break;
    }
}

static void elapsed_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    mete_time activated = out->campaign.activated_at;
    bool is_over = out->state == CAMPAIGN_COMPLETED || out->state == CAMPAIGN_CLOSED;
    mete_time end = is_over ? out->since : g->q->at;
    if (activated <= g->q->at) {
        out->elapsed_days = (end > activated ? end - activated : 0) / TIME_DAY_US;
    }
}

void facts_finish(struct gather *g)
{
    steps_finish(g);
    elapsed_finish(g);
    promises_finish(g);
    spend_finish(g);
    settlements_finish(g);
    parties_finish(g);
    g->out->has_cap = campaign_cap(&g->out->campaign, g->out->confirmed, &g->out->cap);
}
