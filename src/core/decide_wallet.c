/* SPDX-License-Identifier: Apache-2.0
 * wallet.transferred: cleared money moves from one party to another. */
#include "core/balance.h"
#include "core/work.h"

#include "base/text.h"

enum decided decide_transfer(struct work *w)
{
    const struct event_transfer *e = &w->event->transfer;
    struct asset asset;
    struct balance have = {0};
    i128 amount = 0;
    enum decided fine = work_money(w, &e->amount, "/payload/amount", &asset, &amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (amount == 0) {
        return work_refuse(w, METE_AMOUNT_ZERO, "/payload/amount/amount",
                           "a transfer must be above zero");
    }
    if (text_eq(e->from, e->to)) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/to", "from and to are the same party");
    }
    struct arena scratch;
    arena_init(&scratch, (size_t)1 << 30);
    const uint32_t party[2] = {work_party(w, e->from), work_party(w, e->to)};
    w->missing |=
        balance_at(w->view, &scratch, party[0], asset.number, w->now, &have) == VIEW_MISSING;
    arena_clear(&scratch);
    if (have.cleared < amount) {
        return work_refuse(w, METE_INSUFFICIENT_FUNDS, "/payload/amount/amount",
                           "the party has less cleared %s than that", asset.code);
    }
    struct group *g = work_group(w, GROUP_TRANSFER, asset.number);
    for (size_t i = 0; i < 2; i++) {
        struct line *line = group_line(w->a, g);
        line->kind = LINE_TRANSFER;
        line->party = party[i];
        line->amount = i == 0 ? -amount : amount;
    }
    return DECIDED_APPLIED;
}
