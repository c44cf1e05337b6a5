/* SPDX-License-Identifier: Apache-2.0
 * campaign.*: the terms of a campaign and where it stands. What its money does is
 * split_contract.c's; the edges are machine.c's. */
#include "core/economy.h"

#include "base/limits.h"
#include "base/text.h"

/* --- shared ------------------------------------------------------------------------------------*/

enum decided campaign_named(struct work *w, uint32_t *number)
{
    struct text id = w->event->correlation.campaign_id;
    struct version *versions = NULL;
    size_t count = 0;
    if (id.len == 0) {
        return work_refuse(w, METE_MEMBER_MISSING, "/correlation/campaign_id",
                           "%s says which campaign it is about", event_type_name(w->event->type));
    }
    if (id.len > CAMPAIGN_ID_LEN_MAX) {
        return work_refuse(w, METE_TEXT_LENGTH, "/correlation/campaign_id",
                           "a campaign's id has at most %zu bytes", CAMPAIGN_ID_LEN_MAX);
    }
    *number = work_policy(w, campaign_policy_id(w->a, id), &versions, &count);
    return DECIDED_APPLIED;
}

enum decided campaign_load(struct work *w, uint32_t *number, struct campaign *c)
{
    enum decided fine = campaign_named(w, number);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    switch (view_campaign(w->view, w->a, *number, c)) {
    case VIEW_FOUND:
        return DECIDED_APPLIED;
    case VIEW_MISSING:
        w->missing = true;
        return DECIDED_NEEDS;
    case VIEW_ABSENT:
        break;
    }
    struct text id = w->event->correlation.campaign_id;
    return work_refuse(w, METE_CAMPAIGN_UNKNOWN, "/correlation/campaign_id",
                       "campaign \"%.*s\" has not been created", (int)id.len, id.p);
}

void campaign_put(struct work *w, uint32_t number, const struct campaign *c)
{
    struct buf value = {0};
    campaign_pack(&value, c);
    work_set(w, key_u32(KEY_CAMPAIGN, number), &value);
    buf_clear(&value);
}

enum decided work_step(struct work *w, enum machine_kind kind, struct text id, uint8_t from,
                       enum event_type event, unsigned guards, uint8_t *to)
{
    enum guard barred;
    const struct machine *m = machine_of(kind);
    const struct edge *e = machine_step(m, from, event, guards, &barred);
    if (e != NULL) {
        *to = e->to;
        return DECIDED_APPLIED;
    }
    if (barred != GUARD_ALWAYS) {
        return work_refuse(w, METE_STATE_FORBIDS, "/event_type", "%s \"%.*s\" stays %s: %s",
                           m->name, (int)id.len, id.p, m->state[from], guard_refusal(barred));
    }
    struct buf allowed = {0};
    machine_allowed(m, from, &allowed);
    enum decided refused = work_refuse(
        w, METE_STATE_FORBIDS, "/event_type",
        "%s \"%.*s\" is %s, which %s does not change; %.*s does", m->name, (int)id.len, id.p,
        m->state[from], event_type_name(event), (int)buf_text(&allowed).len, buf_text(&allowed).p);
    buf_clear(&allowed);
    return refused;
}

/* --- terms -------------------------------------------------------------------------------------*/

static enum decided decimal_take(struct work *w, struct text amount, const char *pointer,
                                 const struct asset *asset, i128 *out)
{
    if (amount.len == 0) {
        return DECIDED_APPLIED;
    }
    enum mete_code code = amount_parse(amount, asset->scale, out);
    return code == METE_OK
               ? DECIDED_APPLIED
               : work_refuse(w, code, pointer, "\"%.*s\" is no amount of %s, which has %u decimals",
                             (int)(amount.len < 60 ? amount.len : 60), amount.p, asset->code,
                             asset->scale);
}

static enum decided asset_take(struct work *w, struct text currency, struct asset *asset)
{
    switch (view_asset(w->view, currency, asset)) {
    case VIEW_FOUND:
        return DECIDED_APPLIED;
    case VIEW_MISSING:
        w->missing = true;
        return DECIDED_NEEDS;
    case VIEW_ABSENT:
        break;
    }
    return work_refuse(w, METE_CURRENCY_UNKNOWN, "/payload/currency",
                       "currency \"%.*s\" is not known here",
                       (int)(currency.len < 40 ? currency.len : 40), currency.p);
}

static void plain_terms_take(const struct event_campaign *e, struct campaign *c)
{
    c->share_bps = e->share_bps >= 0 ? (uint32_t)e->share_bps : c->share_bps;
    c->duration_days = e->duration_days >= 0 ? (uint32_t)e->duration_days : c->duration_days;
    c->cap_multiple = e->cap_multiple.den != 0 ? e->cap_multiple : c->cap_multiple;
    if (e->has_off_ramps) {
        c->off_ramp = (struct text *)(uintptr_t)e->off_ramp;
        c->off_ramp_count = (uint32_t)e->off_ramp_count;
    }
    if (e->funding != FUNDING_UNSAID) {
        c->is_offering = e->funding == FUNDING_OFFERING;
    } else if (e->raise_amount.len > 0) {
        c->is_offering = true; /* who raises offers */
    }
}

/** Members that are given replace what held. */
static enum decided terms_take(struct work *w, struct campaign *c)
{
    const struct event_campaign *e = &w->event->campaign;
    struct asset asset;
    if (e->currency.len > 0) {
        enum decided fine = asset_take(w, e->currency, &asset);
        if (fine != DECIDED_APPLIED) {
            return fine;
        }
        if (c->asset != 0 && c->asset != asset.number && e->raise_amount.len == 0 &&
            c->raise >= 0) {
            return work_refuse(w, METE_CONTRACT_INVALID, "/payload/currency",
                               "with another currency say raise_amount and cap_amount again");
        }
        c->asset = asset.number;
    } else if (view_asset_number(w->view, c->asset, &asset) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    enum decided fine =
        decimal_take(w, e->raise_amount, "/payload/contract/raise_amount", &asset, &c->raise);
    if (fine == DECIDED_APPLIED) {
        fine =
            decimal_take(w, e->cap_amount, "/payload/contract/cap_amount", &asset, &c->cap_amount);
    }
    plain_terms_take(e, c);
    if (e->creator.len > 0) {
        c->creator = work_party(w, e->creator);
    }
    return fine;
}

enum decided decide_campaign_created(struct work *w)
{
    uint32_t number = 0;
    struct campaign c;
    enum decided fine = campaign_named(w, &number);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    struct text id = w->event->correlation.campaign_id;
    enum view_result there = view_campaign(w->view, w->a, number, &c);
    if (there == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (there == VIEW_ABSENT) {
        c = (struct campaign){.id = id,
                              .app_id = w->event->app_id,
                              .raise = -1,
                              .cap_amount = -1,
                              .cap_multiple = {0, 1},
                              .activated_at = TIME_NEVER,
                              .completed_at = TIME_NEVER};
    }
    fine = work_step(w, MACHINE_CAMPAIGN, id, c.state, w->event->type, 0, &c.state);
    fine = fine == DECIDED_APPLIED ? terms_take(w, &c) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    campaign_put(w, number, &c);
    about_campaign(w, c.id);
    work_release(w, wait_policy_key(number));
    return DECIDED_APPLIED;
}

enum decided decide_campaign_updated(struct work *w)
{
    uint32_t number = 0;
    struct campaign c;
    enum decided fine = campaign_load(w, &number, &c);
    if (fine == DECIDED_APPLIED) {
        fine = work_step(w, MACHINE_CAMPAIGN, c.id, c.state, w->event->type, 0, &c.state);
    }
    uint32_t before = c.asset;
    fine = fine == DECIDED_APPLIED ? terms_take(w, &c) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    campaign_put(w, number, &c);
    about_campaign(w, c.id);
    if (c.asset != before) { /* revenue in this currency has waited for it */
        work_release(w, wait_policy_key(number));
    }
    return DECIDED_APPLIED;
}

/* --- the contract as a policy ------------------------------------------------------------------*/

static void contract_shares(struct work *w, struct policy *p, const struct investment *list,
                            size_t count)
{
    p->share = arena_array(w->a, count, sizeof *p->share);
    p->share_count = (uint32_t)count;
    p->den = 0;
    for (size_t i = 0; i < count; i++) {
        p->share[i] = (struct share){
            .number = list[i].party, .ratio = {0, 1}, .weight = (u128)list[i].amount};
        p->den += (u128)list[i].amount;
    }
    p->den = p->den == 0 ? 1 : p->den;
}

/** One more, where it belongs by the order in which commitments were created. */
static struct investment *investment_insert(struct work *w, const struct investment *list,
                                            size_t count, const struct investment *more)
{
    struct investment *longer = arena_array(w->a, count + 1, sizeof *longer);
    size_t at = 0;
    while (at < count && list[at].created < more->created) {
        longer[at] = list[at];
        at++;
    }
    longer[at] = *more;
    for (; at < count; at++) {
        longer[at + 1] = list[at];
    }
    return longer;
}

enum decided contract_publish(struct work *w, uint32_t number, const struct campaign *c,
                              const struct investment *more)
{
    struct investment *list = NULL;
    struct version *versions = NULL;
    size_t count = 0;
    size_t version_count = 0;
    if (view_investments(w->view, w->a, number, &list, &count) == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (more != NULL) {
        list = investment_insert(w, list, count++, more);
    }
    struct policy p = {
        .id = campaign_policy_id(w->a, c->id),
        .kind = POLICY_CONTRACT,
        .rounding = ROUNDING_LARGEST,
        .sum_rule = SUM_AT_MOST_ONE,
        .contract = {.creator = c->creator, .share_bps = c->share_bps, .asset = c->asset}};
    contract_shares(w, &p, list, count);
    p.contract.has_cap = campaign_cap(c, p.share_count == 0 ? 0 : (i128)p.den, &p.contract.cap);
    p.contract.cap = p.contract.has_cap ? p.contract.cap : 0;
    (void)work_policy(w, p.id, &versions, &version_count);
    const struct when now = {true, w->event->occurred_at};
    const struct version next = version_count == 0
                                    ? (struct version){1, TIME_ALWAYS}
                                    : (struct version){(uint32_t)version_count + 1, now.at};
    struct buf packed = {0};
    policy_pack(&packed, &p);
    work_set(w, key_u32x2(KEY_POLICY_VERSION, number, next.number), &packed);
    buf_clear(&packed);
    versions_put(w, key_text(KEY_POLICY, p.id), number, versions, version_count, next);
    return DECIDED_APPLIED;
}

/* --- where it stands ---------------------------------------------------------------------------*/

static bool off_ramp_known(const struct campaign *c, struct text name)
{
    for (uint32_t i = 0; i < c->off_ramp_count; i++) {
        if (text_eq(c->off_ramp[i], name)) {
            return true;
        }
    }
    return false;
}

/** The cap and the clock complete a campaign by themselves: from outside an off-ramp does, one of
 *  those that were agreed on if any were, and the end of days that nobody has counted. */
static bool reason_holds(const struct campaign *c, const struct event *e)
{
    if (e->completion.reason == COMPLETION_DURATION) {
        return c->duration_days == 0;
    }
    return e->completion.reason == COMPLETION_OFF_RAMP &&
           (c->off_ramp_count == 0 || off_ramp_known(c, e->completion.off_ramp));
}

static unsigned guards_held(const struct work *w, const struct campaign *c, i128 confirmed)
{
    unsigned held = c->is_offering ? GUARD_BIT(GUARD_OFFERING) : GUARD_BIT(GUARD_SELF_FUNDED);
    if (confirmed > 0 && confirmed >= c->raise) {
        held |= GUARD_BIT(GUARD_RAISED);
    }
    if (w->event->type == EVENT_CAMPAIGN_COMPLETED && reason_holds(c, w->event)) {
        held |= GUARD_BIT(GUARD_REASON);
    }
    return held;
}

/** What a transition does besides. */
static enum decided campaign_entered(struct work *w, uint32_t number, struct campaign *c)
{
    enum event_type type = w->event->type;
    if (type == EVENT_CAMPAIGN_ACTIVATED) {
        c->activated_at = w->event->occurred_at;
        return contract_publish(w, number, c, NULL);
    }
    if (type == EVENT_CAMPAIGN_COMPLETED) {
        c->completed_at = w->event->occurred_at;
        c->reason = (uint8_t)w->event->completion.reason;
        c->off_ramp_taken = w->event->completion.off_ramp;
    }
    return type == EVENT_CAMPAIGN_FUNDING_CLOSED ? terms_royalty_on(w, c->app_id) : DECIDED_APPLIED;
}

enum decided decide_campaign_moved(struct work *w)
{
    uint32_t number = 0;
    struct campaign c;
    i128 sums[STATE_SUMS];
    enum decided fine = campaign_load(w, &number, &c);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    w->missing |= view_campaign_sums(w->view, number, sums) == VIEW_MISSING;
    fine =
        work_step(w, MACHINE_CAMPAIGN, c.id, (uint8_t)campaign_state_at(&c, w->event->occurred_at),
                  w->event->type, guards_held(w, &c, sums[CAMPAIGN_CONFIRMED]), &c.state);
    fine = fine == DECIDED_APPLIED ? campaign_entered(w, number, &c) : fine;
    if (fine == DECIDED_APPLIED) {
        campaign_put(w, number, &c);
        about_campaign(w, c.id);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}
