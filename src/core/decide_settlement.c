/* SPDX-License-Identifier: Apache-2.0
 * settlement.*: money leaves. What is initiated leaves the party's cleared balance and stands in
 * mete:payout until it is paid, or has failed and is the party's again. */
#include "core/balance.h"
#include "core/economy.h"

#include "base/text.h"

struct settlement {
    uint8_t state;
    uint32_t party;
    uint32_t asset;
    i128 amount;
};

static enum view_result settlement_get(struct work *w, struct text id, struct settlement *out)
{
    struct key key = key_text(KEY_SETTLEMENT, id);
    struct bytes value;
    *out = (struct settlement){.state = SETTLEMENT_NONE};
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        struct reader r = reader_of(value);
        out->state = read_u8(&r);
        out->party = (uint32_t)read_varint(&r);
        out->asset = (uint32_t)read_varint(&r);
        out->amount = read_zigzag(&r);
        METE_ASSERT(reader_done(&r) && out->state < SETTLEMENT_STATE_COUNT);
    }
    return found;
}

static void settlement_put(struct work *w, struct text id, const struct settlement *s)
{
    struct buf value = {0};
    buf_put_u8(&value, s->state);
    buf_put_varint(&value, s->party);
    buf_put_varint(&value, s->asset);
    buf_put_zigzag(&value, s->amount);
    work_set(w, key_text(KEY_SETTLEMENT, id), &value);
    buf_clear(&value);
}

static void move(struct work *w, const struct settlement *s, uint32_t from, uint32_t to)
{
    struct group *g = work_group(w, GROUP_TRANSFER, s->asset);
    const uint32_t party[2] = {from, to};
    for (size_t i = 0; i < 2; i++) {
        struct line *line = group_line(w->a, g);
        line->kind = LINE_TRANSFER;
        line->party = party[i];
        line->amount = i == 0 ? -s->amount : s->amount;
    }
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
    w->missing |= balance_at(w->view, &scratch, s->party, s->asset, w->now, &have) == VIEW_MISSING;
    arena_clear(&scratch);
    if (have.cleared < s->amount) {
        char text[AMOUNT_TEXT_MAX];
        amount_format(have.cleared, asset.scale, text);
        return work_refuse(w, METE_INSUFFICIENT_FUNDS, "/payload/amount/amount",
                           "the party has %s %s to be paid, which is less", text, asset.code);
    }
    move(w, s, s->party, PARTY_PAYOUT);
    return DECIDED_APPLIED;
}

enum decided decide_settlement(struct work *w)
{
    struct text id = w->event->settlement.settlement_id;
    struct settlement s;
    (void)settlement_get(w, id, &s);
    enum decided fine = work_step(w, MACHINE_SETTLEMENT, id, s.state, w->event->type, 0, &s.state);
    if (fine == DECIDED_APPLIED && w->event->type == EVENT_SETTLEMENT_INITIATED) {
        fine = settlement_begin(w, &s);
    } else if (fine == DECIDED_APPLIED && w->event->type == EVENT_SETTLEMENT_PAID) {
        move(w, &s, PARTY_PAYOUT, PARTY_CLEARING);
        work_add(w, key_u32x2(KEY_PAID, s.party, s.asset), s.amount, 0, 0, 0);
    } else if (fine == DECIDED_APPLIED) {
        move(w, &s, PARTY_PAYOUT, s.party);
    }
    if (fine == DECIDED_APPLIED) {
        settlement_put(w, id, &s);
        about_campaign(w, w->event->correlation.campaign_id);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}
