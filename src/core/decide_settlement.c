/* SPDX-License-Identifier: Apache-2.0
 * settlement.*: money leaves. What is initiated leaves the party's cleared balance and stands in
 * mete:payout until it is paid, or has failed and is the party's again. */
#include "core/balance.h"
#include "core/economy.h"

#include "base/text.h"

static void settlement_put(struct work *w, struct text id, const struct settlement *s)
{
    struct buf value = {0};
    settlement_pack(&value, s);
    work_set(w, key_text(KEY_SETTLEMENT, id), &value);
    buf_clear(&value);
}

static void move(struct work *w, const struct settlement *s, uint32_t from, uint32_t to)
{
    struct group *g = work_group(w, GROUP_TRANSFER, s->asset);
    group_move(w, g, from, -s->amount);
    group_move(w, g, to, s->amount);
}

static bool has_invested(const struct work *w, uint32_t campaign, uint32_t party)
{
    struct investment *list = NULL;
    size_t count = 0;
    bool found = view_investments(w->view, w->a, campaign, &list, &count) == VIEW_MISSING;
    for (size_t i = 0; i < count && !found; i++) {
        found = list[i].party == party;
    }
    return found;
}

/** A settlement that names a campaign is of somebody who earns from it. */
static enum decided settlement_campaign(struct work *w, struct settlement *s)
{
    struct campaign c;
    struct text id = w->event->correlation.campaign_id;
    if (id.len == 0) {
        return DECIDED_APPLIED;
    }
    enum decided fine = campaign_load(w, &s->campaign, &c);
    if (fine == DECIDED_APPLIED && c.creator != s->party &&
        !has_invested(w, s->campaign, s->party)) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/beneficiary_id",
                           "the party is neither creator nor investor of campaign \"%.*s\"",
                           (int)id.len, id.p);
    }
    return fine;
}

static enum decided not_payable(struct work *w, const struct balance *have,
                                const struct asset *asset)
{
    char cleared[AMOUNT_TEXT_MAX];
    char pending[AMOUNT_TEXT_MAX];
    amount_format(have->cleared, asset->scale, cleared);
    amount_format(have->pending + have->disputed, asset->scale, pending);
    return work_refuse(w, METE_INSUFFICIENT_FUNDS, "/payload/amount/amount",
                       "%s %s are payable to the party, which is less; %s %s more are pending or "
                       "disputed",
                       cleared, asset->code, pending, asset->code);
}

static enum decided settlement_begin(struct work *w, struct settlement *s)
{
    const struct event_settlement *e = &w->event->settlement;
    struct asset asset;
    struct balance have = {0};
    enum decided fine = work_money(w, &e->amount, "/payload/amount", &asset, &s->amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (s->amount == 0) {
        return work_refuse(w, METE_AMOUNT_ZERO, "/payload/amount/amount",
                           "a settlement must be above zero");
    }
    struct arena scratch;
    arena_init(&scratch, (size_t)1 << 30);
    s->asset = asset.number;
    s->party = work_party(w, e->party);
    s->begun = w->in->seq;
    w->missing |= balance_at(w->view, &scratch, s->party, s->asset, w->now, &have) == VIEW_MISSING;
    arena_clear(&scratch);
    fine = settlement_campaign(w, s);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (have.cleared < s->amount) {
        return not_payable(w, &have, &asset);
    }
    move(w, s, s->party, PARTY_PAYOUT);
    work_add(w, paid_key(s->party, s->asset), 0, s->amount, 0, 0);
    made_put(w, 0, MACHINE_SETTLEMENT, e->settlement_id);
    return DECIDED_APPLIED;
}

static void settlement_end(struct work *w, struct settlement *s)
{
    bool paid = w->event->type == EVENT_SETTLEMENT_PAID;
    move(w, s, PARTY_PAYOUT, paid ? PARTY_CLEARING : s->party);
    work_add(w, paid_key(s->party, s->asset), paid ? s->amount : 0, -s->amount, 0, 0);
    s->ended = w->in->seq;
}

enum decided decide_settlement(struct work *w)
{
    struct text id = w->event->settlement.settlement_id;
    struct settlement s;
    w->missing |= view_settlement(w->view, id, &s) == VIEW_MISSING;
    enum decided fine = work_step(w, MACHINE_SETTLEMENT, id, s.state, w->event->type, 0, &s.state);
    if (fine == DECIDED_APPLIED && w->event->type == EVENT_SETTLEMENT_INITIATED) {
        fine = settlement_begin(w, &s);
    } else if (fine == DECIDED_APPLIED) {
        settlement_end(w, &s);
    }
    if (fine == DECIDED_APPLIED) {
        settlement_put(w, id, &s);
    }
    if (fine == DECIDED_APPLIED && s.campaign != 0) {
        about_campaign_number(w, s.campaign);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}
