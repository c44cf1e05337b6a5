/* SPDX-License-Identifier: Apache-2.0
 * wallet.transferred: cleared money moves from one party to another. fx.converted: a party gives
 * cleared money of one asset to mete:exchange, and gets what it is worth in another, by the rates
 * that stand in the book. */
#include "core/balance.h"
#include "core/fx.h"
#include "core/work.h"

#include "base/text.h"

/** The party has that much cleared now. */
static enum decided funds_check(struct work *w, uint32_t party, const struct asset *asset,
                                i128 amount)
{
    struct balance have = {0};
    struct arena scratch;
    arena_init(&scratch, (size_t)1 << 30);
    w->missing |=
        balance_at(w->view, &scratch, party, asset->number, w->now, &have) == VIEW_MISSING;
    arena_clear(&scratch);
    return have.cleared >= amount
               ? DECIDED_APPLIED
               : work_refuse(w, METE_INSUFFICIENT_FUNDS, "/payload/amount/amount",
                             "the party has less cleared %s than that", asset->code);
}

enum decided decide_transfer(struct work *w)
{
    const struct event_transfer *e = &w->event->transfer;
    struct asset asset;
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
    uint32_t from = work_party(w, e->from);
    uint32_t to = work_party(w, e->to);
    fine = funds_check(w, from, &asset, amount);
    if (fine == DECIDED_APPLIED) {
        struct group *g = work_group(w, GROUP_TRANSFER, asset.number);
        group_move(w, g, from, -amount);
        group_move(w, g, to, amount);
    }
    return fine;
}

/* --- conversions -------------------------------------------------------------------------------*/

struct conversion {
    struct asset from, to;
    i128 amount;
    struct fx fx;
    i128 made;
};

static enum decided assets_take(struct work *w, struct conversion *c)
{
    const struct event_conversion *e = &w->event->conversion;
    enum decided fine = work_money(w, &e->amount, "/payload/amount", &c->from, &c->amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    enum view_result found = view_asset(w->view, e->to, &c->to);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_ABSENT) {
        return work_refuse(w, METE_CURRENCY_UNKNOWN, "/payload/to",
                           "this currency is not known here");
    }
    return found == VIEW_FOUND && c->to.number == c->from.number
               ? work_refuse(w, METE_MEMBER_VALUE, "/payload/to", "it is %s already", c->from.code)
               : DECIDED_APPLIED;
}

/** Not less than the party wants. */
static enum decided least_check(struct work *w, const struct conversion *c)
{
    const struct event_conversion *e = &w->event->conversion;
    struct asset asset;
    i128 least = 0;
    if (!e->has_at_least) {
        return DECIDED_APPLIED;
    }
    enum decided fine = work_money(w, &e->at_least, "/payload/at_least", &asset, &least);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (asset.number != c->to.number) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/at_least/currency",
                           "at_least is in another currency than %s", c->to.code);
    }
    char made[AMOUNT_TEXT_MAX];
    amount_format(c->made, c->to.scale, made);
    return c->made >= least ? DECIDED_APPLIED
                            : work_refuse(w, METE_RATE_WORSE, "/payload/at_least",
                                          "it would come to %s %s", made, c->to.code);
}

static enum decided rate_apply(struct work *w, struct conversion *c)
{
    enum mete_code code =
        fx_find(w->view, w->now, text_of(c->from.code), text_of(c->to.code), &c->fx);
    w->missing |= code == METE_STORE_FAILED;
    if (w->missing) {
        return DECIDED_NEEDS;
    }
    if (code != METE_OK) {
        return work_refuse(w, code, "/payload/to", "from %s to %s: %s", c->from.code, c->to.code,
                           code == METE_RATE_OLD ? "the rate is over 7 days old"
                                                 : "no rate is recorded, nor over EUR or USD");
    }
    if (!fx_amount(&c->fx, c->amount, &c->from, &c->to, &c->made)) {
        return work_refuse(w, METE_AMOUNT_RANGE, "/payload/amount/amount",
                           "in %s this is more than an account holds", c->to.code);
    }
    return c->made > 0 ? least_check(w, c)
                       : work_refuse(w, METE_AMOUNT_ZERO, "/payload/amount/amount",
                                     "in %s this comes to nothing", c->to.code);
}

enum decided decide_conversion(struct work *w)
{
    struct conversion c = {0};
    enum decided fine = assets_take(w, &c);
    fine = fine == DECIDED_APPLIED ? rate_apply(w, &c) : fine;
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    uint32_t party = work_party(w, w->event->conversion.party);
    fine = funds_check(w, party, &c.from, c.amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    struct group *given = work_group(w, GROUP_TRANSFER, c.from.number);
    given->target_seq = c.fx.from_seq;
    group_move(w, given, party, -c.amount);
    group_move(w, given, PARTY_EXCHANGE, c.amount);
    struct group *got = work_group(w, GROUP_TRANSFER, c.to.number);
    got->target_seq = c.fx.to_seq;
    group_move(w, got, PARTY_EXCHANGE, -c.made);
    group_move(w, got, party, c.made);
    return DECIDED_APPLIED;
}
