/* SPDX-License-Identifier: Apache-2.0
 * round.* and commitment.*: who may invest, who wants to, and whose money has come. Only confirmed
 * money counts. */
#include "core/economy.h"

#include "base/limits.h"
#include "base/text.h"

void made_put(struct work *w, uint32_t campaign, enum machine_kind kind, struct text id)
{
    struct buf value = {0};
    made_pack(&value, kind, id);
    work_set(w, made_key(campaign, w->in->seq), &value);
    buf_clear(&value);
}

/* --- rounds ------------------------------------------------------------------------------------*/

static enum decided id_given(struct work *w, struct text id, const char *pointer)
{
    return id.len > 0 ? DECIDED_APPLIED
                      : work_refuse(w, METE_MEMBER_MISSING, pointer, "%s names what it is about",
                                    event_type_name(w->event->type));
}

static enum view_result round_get(struct work *w, struct text id, struct round *out)
{
    enum view_result found = view_round(w->view, id, out);
    w->missing |= found == VIEW_MISSING;
    return found;
}

static void round_put(struct work *w, struct text id, const struct round *round)
{
    struct buf value = {0};
    round_pack(&value, round);
    work_set(w, key_text(KEY_ROUND, id), &value);
    buf_clear(&value);
}

/** A round is of one campaign, which must be there when the round comes. */
static enum decided round_campaign(struct work *w, struct round *round, bool is_new)
{
    struct campaign c;
    uint32_t number = 0;
    if (!is_new && w->event->correlation.campaign_id.len == 0) {
        return DECIDED_APPLIED;
    }
    enum decided fine = campaign_load(w, &number, &c);
    if (fine == DECIDED_APPLIED && !is_new && number != round->campaign) {
        return work_refuse(w, METE_MEMBER_VALUE, "/correlation/campaign_id",
                           "the round is of another campaign");
    }
    round->campaign = number;
    return fine;
}

enum decided decide_round(struct work *w)
{
    struct text id = w->event->correlation.round_id;
    struct round round;
    enum decided fine = id_given(w, id, "/correlation/round_id");
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    enum event_type type = w->event->type;
    enum view_result there = round_get(w, id, &round);
    if (there == VIEW_ABSENT && type != EVENT_ROUND_CREATED) {
        return work_refuse(w, METE_ROUND_UNKNOWN, "/correlation/round_id",
                           "round \"%.*s\" has not been created", (int)id.len, id.p);
    }
    bool moderated = type == EVENT_ROUND_CREATED && w->event->round.requires_moderation;
    fine = work_step(w, MACHINE_ROUND, id, round.state, type,
                     GUARD_BIT(moderated ? GUARD_MODERATED : GUARD_UNMODERATED), &round.state);
    fine = fine == DECIDED_APPLIED ? round_campaign(w, &round, there == VIEW_ABSENT) : fine;
    if (fine == DECIDED_APPLIED) {
        round_put(w, id, &round);
        about_campaign_number(w, round.campaign);
    }
    if (fine == DECIDED_APPLIED && there == VIEW_ABSENT) {
        made_put(w, round.campaign, MACHINE_ROUND, id);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

/* --- commitments -------------------------------------------------------------------------------*/

static enum view_result commitment_get(struct work *w, struct text id, struct commitment *out)
{
    enum view_result found = view_commitment(w->view, id, out);
    w->missing |= found == VIEW_MISSING;
    return found;
}

static void commitment_put(struct work *w, struct text id, const struct commitment *c)
{
    struct buf value = {0};
    commitment_pack(&value, c);
    work_set(w, key_text(KEY_COMMITMENT, id), &value);
    buf_clear(&value);
}

/** The campaign of a new commitment: its own word, else its round's. Both must be open. */
static enum decided commitment_campaign(struct work *w, uint32_t *number, struct campaign *c)
{
    const struct correlation *about = &w->event->correlation;
    struct round round = {.state = ROUND_OPEN};
    if (about->round_id.len > 0 && round_get(w, about->round_id, &round) == VIEW_ABSENT) {
        return work_refuse(w, METE_ROUND_UNKNOWN, "/correlation/round_id",
                           "round \"%.*s\" has not been created", (int)about->round_id.len,
                           about->round_id.p);
    }
    if (round.state != ROUND_OPEN) {
        return work_refuse(w, METE_STATE_FORBIDS, "/correlation/round_id",
                           "round \"%.*s\" is %s: commitments come while it is OPEN",
                           (int)about->round_id.len, about->round_id.p,
                           machine_of(MACHINE_ROUND)->state[round.state]);
    }
    if (about->campaign_id.len > 0 || about->round_id.len == 0) {
        enum decided fine = campaign_load(w, number, c);
        if (fine == DECIDED_APPLIED && about->round_id.len > 0 && *number != round.campaign) {
            return work_refuse(w, METE_MEMBER_VALUE, "/correlation/campaign_id",
                               "the round is of another campaign");
        }
        return fine;
    }
    *number = round.campaign;
    w->missing |= view_campaign(w->view, w->a, *number, c) != VIEW_FOUND;
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}

static enum decided commitment_amount(struct work *w, const struct campaign *c, i128 *amount)
{
    struct asset asset;
    enum decided fine =
        work_money(w, &w->event->commitment.amount, "/payload/amount_minor", &asset, amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (asset.number != c->asset) {
        return work_refuse(w, METE_CAMPAIGN_CURRENCY, "/payload/currency",
                           "the campaign raises another currency than %s", asset.code);
    }
    return *amount > 0 ? DECIDED_APPLIED
                       : work_refuse(w, METE_AMOUNT_ZERO, "/payload/amount_minor",
                                     "a commitment must be above zero");
}

static enum decided commitment_created(struct work *w, struct text id, struct commitment *c)
{
    struct campaign campaign;
    enum decided fine = commitment_campaign(w, &c->campaign, &campaign);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (campaign.state != CAMPAIGN_OPEN_FOR_FUNDING) {
        return work_refuse(w, METE_STATE_FORBIDS, "/correlation/campaign_id",
                           "campaign \"%.*s\" is %s: commitments come while it is OPEN_FOR_FUNDING",
                           (int)campaign.id.len, campaign.id.p,
                           machine_of(MACHINE_CAMPAIGN)->state[campaign.state]);
    }
    fine = commitment_amount(w, &campaign, &c->amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    c->investor = work_party(w, w->event->commitment.investor);
    c->created = w->in->seq;
    commitment_put(w, id, c);
    made_put(w, c->campaign, MACHINE_COMMITMENT, id);
    return DECIDED_APPLIED;
}

/** The money has come. Behind the funding it still earns its part, from now on. */
static enum decided commitment_confirmed(struct work *w, struct text id, const struct commitment *c)
{
    struct campaign campaign;
    w->missing |= view_campaign(w->view, w->a, c->campaign, &campaign) != VIEW_FOUND;
    if (w->missing) {
        return DECIDED_NEEDS;
    }
    enum campaign_state state = campaign_state_at(&campaign, w->event->occurred_at);
    if (state == CAMPAIGN_CANCELLED || state == CAMPAIGN_COMPLETED) {
        return work_refuse(w, METE_STATE_FORBIDS, "/correlation/commitment_id",
                           "campaign \"%.*s\" is %s: give the money back", (int)campaign.id.len,
                           campaign.id.p, machine_of(MACHINE_CAMPAIGN)->state[state]);
    }
    struct key key = key_u32(KEY_INVESTMENT, c->campaign);
    key_add_u64(&key, c->created);
    struct buf value = {0};
    buf_put_varint(&value, c->investor);
    buf_put_zigzag(&value, c->amount);
    work_set(w, key, &value);
    buf_clear(&value);
    work_add(w, key_u32(KEY_CAMPAIGN_SUMS, c->campaign), c->amount, 0, 0, 0);
    commitment_put(w, id, c);
    const struct investment more = {c->investor, c->amount, c->created};
    return state == CAMPAIGN_ACTIVE || state == CAMPAIGN_PAUSED
               ? contract_publish(w, c->campaign, &campaign, &more)
               : DECIDED_APPLIED;
}

enum decided decide_commitment(struct work *w)
{
    struct text id = w->event->correlation.commitment_id;
    struct commitment c;
    enum decided fine = id_given(w, id, "/correlation/commitment_id");
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    enum event_type type = w->event->type;
    if (commitment_get(w, id, &c) == VIEW_ABSENT && type != EVENT_COMMITMENT_CREATED) {
        return work_refuse(w, METE_COMMITMENT_UNKNOWN, "/correlation/commitment_id",
                           "commitment \"%.*s\" has not been created", (int)id.len, id.p);
    }
    fine = work_step(w, MACHINE_COMMITMENT, id, c.state, type, 0, &c.state);
    if (fine != DECIDED_APPLIED) {
        return w->missing ? DECIDED_NEEDS : fine;
    }
    if (type == EVENT_COMMITMENT_CREATED) {
        fine = commitment_created(w, id, &c);
    } else if (type == EVENT_COMMITMENT_CONFIRMED) {
        fine = commitment_confirmed(w, id, &c);
    } else {
        commitment_put(w, id, &c);
    }
    if (fine == DECIDED_APPLIED) {
        about_campaign_number(w, c.campaign);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

/* --- spend grants ------------------------------------------------------------------------------*/

static enum view_result grant_get(struct work *w, struct text id, struct grant *out)
{
    enum view_result found = view_grant(w->view, id, out);
    w->missing |= found == VIEW_MISSING;
    return found;
}

static void grant_put(struct work *w, struct text id, const struct grant *g)
{
    struct buf value = {0};
    grant_pack(&value, g);
    work_set(w, key_text(KEY_GRANT, id), &value);
    buf_clear(&value);
}

static enum decided spend_amount(struct work *w, const struct money *money, uint32_t wanted,
                                 struct asset *asset, i128 *amount)
{
    enum decided fine = work_money(w, money, "/payload/amount_minor", asset, amount);
    if (fine == DECIDED_APPLIED && wanted != 0 && asset->number != wanted) {
        return work_refuse(w, METE_CAMPAIGN_CURRENCY, "/payload/currency",
                           "the grant is in another currency than %s", asset->code);
    }
    return fine;
}

/** Authorizing needs what the grant has left; what was spent has been spent. */
static enum decided spend_noted(struct work *w, struct text id, const struct grant *g)
{
    struct asset asset;
    i128 amount = 0;
    i128 sums[STATE_SUMS] = {0};
    struct key key = grant_sums_key(id);
    enum decided fine = spend_amount(w, &w->event->spend.amount, g->asset, &asset, &amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&key), sums) == VIEW_MISSING;
    i128 left = g->amount - sums[GRANT_AUTHORIZED] + sums[GRANT_REFUNDED];
    if (w->event->type == EVENT_SPEND_AUTHORIZED && amount > left) {
        char text[AMOUNT_TEXT_MAX];
        amount_format(left, asset.scale, text);
        return work_refuse(w, METE_BUDGET_EXCEEDED, "/payload/amount_minor",
                           "%s %s are left of this grant", text, asset.code);
    }
    work_add(w, key, w->event->type == EVENT_SPEND_AUTHORIZED ? amount : 0,
             w->event->type == EVENT_SPEND_EXECUTED ? amount : 0,
             w->event->type == EVENT_SPEND_REFUNDED ? amount : 0, 0);
    return DECIDED_APPLIED;
}

enum decided decide_grant(struct work *w)
{
    struct text id = w->event->correlation.allocation_id;
    struct grant g;
    struct asset asset;
    enum event_type type = w->event->type;
    bool is_spend = type != EVENT_SPEND_GRANT_CREATED && type != EVENT_SPEND_GRANT_DEPLOYED;
    if (is_spend && id.len == 0) { /* out of no grant: a fact for the reports */
        about_campaign(w, w->event->correlation.campaign_id);
        return DECIDED_APPLIED;
    }
    enum decided fine = id_given(w, id, "/correlation/allocation_id");
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (grant_get(w, id, &g) == VIEW_ABSENT && type != EVENT_SPEND_GRANT_CREATED) {
        return work_refuse(w, METE_GRANT_UNKNOWN, "/correlation/allocation_id",
                           "spend grant \"%.*s\" has not been created", (int)id.len, id.p);
    }
    fine = work_step(w, MACHINE_GRANT, id, g.state, type, 0, &g.state);
    if (fine != DECIDED_APPLIED) {
        return w->missing ? DECIDED_NEEDS : fine;
    }
    if (type == EVENT_SPEND_GRANT_CREATED) {
        struct campaign campaign;
        fine = campaign_load(w, &g.campaign, &campaign);
        fine = fine == DECIDED_APPLIED
                   ? spend_amount(w, &w->event->grant.amount, 0, &asset, &g.amount)
                   : fine;
        g.asset = fine == DECIDED_APPLIED ? asset.number : 0;
        if (fine == DECIDED_APPLIED) {
            made_put(w, g.campaign, MACHINE_GRANT, id);
        }
    } else if (type != EVENT_SPEND_GRANT_DEPLOYED) {
        fine = spend_noted(w, id, &g);
    }
    if (fine == DECIDED_APPLIED) {
        grant_put(w, id, &g);
        about_campaign_number(w, g.campaign);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

/* --- facts that move nothing -------------------------------------------------------------------*/

enum decided decide_fact(struct work *w)
{
    const struct event *e = w->event;
    about_campaign(w, e->correlation.campaign_id);
    if (e->type == EVENT_SUBSCRIPTION_CANCELLED) {
        about_user(w, e->app_id, e->correlation.user_id);
    }
    return DECIDED_APPLIED;
}
