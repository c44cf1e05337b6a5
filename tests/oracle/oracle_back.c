/* SPDX-License-Identifier: Apache-2.0
 * Money that goes back: reversals, whole and partial, of lines and of carry splits. */
#include "oracle/oracle_parts.h"

static i128 unit_take(struct oracle *o, struct lot *to, const struct lot *original, int unit,
                      i128 amount);

/* What was given to a policy below a carry split goes back as it was given: only as a whole. */
static i128 nested_take(struct oracle *o, struct lot *to, const struct lot *original, int unit,
                        int share, struct entitlement *e)
{
    i128 posted = 0;
    for (int i = 0; i < original->unit_count; i++) {
        const struct unit *u = &original->unit[i];
        if (u->parent == unit && u->parent_share == share)
            posted += unit_take(o, to, original, i, u->total);
    }
    e->credited += posted;
    return posted;
}

static i128 carry_take(struct oracle *o, struct lot *to, const struct lot *original, int unit,
                       i128 amount)
{
    const struct unit *u = &original->unit[unit];
    i128 posted = 0;
    for (int i = 0; i < u->share_count; i++) {
        int payee = u->payee[i];
        struct entitlement *e = &o->entitlement[u->policy][original->shown.asset][payee];
        entitlement_add(e, -amount, u->weight[i]);
        if (payee >= PARTIES && payee < NOBODY) {
            posted += nested_take(o, to, original, unit, i, e);
            continue;
        }
        i128 credit = entitlement_credit(e, false);
        int party = payee != NOBODY ? payee : u->rest_party != NONE ? u->rest_party : o->rest_party;
        lot_line(to, payee == NOBODY ? L_REST : L_ALLOCATION, party, credit, "");
        posted += credit;
    }
    lot_line(to, L_CARRY, CARRIED, -amount - posted, "");
    if (posted != 0)
        oracle_see(o, SEEN_CARRY_REVERSED);
    return -amount;
}

static i128 unit_take(struct oracle *o, struct lot *to, const struct lot *original, int unit,
                      i128 amount)
{
    if (original->unit[unit].carry)
        return carry_take(o, to, original, unit, amount);
    lot_line(to, L_ALLOCATION, original->unit[unit].party, -amount, "");
    return -amount;
}

/* The change of floor(x * reversed / gross). */
static i128 lowered(i128 x, const struct lot *lot, i128 more)
{
    struct fraction before =
        frac_mul((struct fraction){x, 1}, frac(lot->reversed, lot->shown.gross));
    struct fraction after =
        frac_mul((struct fraction){x, 1}, frac(lot->reversed + more, lot->shown.gross));
    return frac_floor(after) - frac_floor(before);
}

static void sums_lower(struct oracle *o, const struct lot *lot, i128 amount)
{
    for (int i = 0; i < lot->node_count; i++) {
        int policy = lot->node[i].policy;
        i128 *net = &o->net[policy][lot->shown.asset];
        i128 less = lowered(lot->node[i].input, lot, amount);
        const struct policy_version *v = o->version[policy];
        for (int k = 0; k < o->version_count[policy]; k++) {
            const struct script_policy *p = &v[k].policy;
            if (p->has_recoup && p->recoup_asset == lot->shown.asset && *net >= p->recoup_amount &&
                *net - less < p->recoup_amount)
                oracle_see(o, SEEN_UNRECOUPED);
        }
        *net -= less;
        if (first_of_policy(lot, i))
            o->quantity[policy] -= (uint64_t)lowered((i128)lot->quantity, lot, amount);
    }
}

static void lot_reverse(struct oracle *o, struct stored *s, struct lot *original, i128 amount)
{
    struct deciding d;
    struct fraction weight[LIST_MAX];
    i128 part[LIST_MAX + 1];
    i128 left = original->shown.gross - original->reversed;
    METE_ASSERT(original->unit_count <= LIST_MAX);
    if (original->inexact && amount != original->shown.gross)
        o->tainted = true;
    if (original->inexact)
        oracle_see(o, SEEN_REVERSAL_NESTED);
    deciding_begin(&d, o, s, original->shown.asset, -amount);
    for (int i = 0; i < original->unit_count; i++)
        weight[i] = original->unit[i].parent == NONE ? frac(original->unit[i].left, left)
                                                     : (struct fraction){0, 1};
    oracle_apportion(o, amount, weight, original->unit_count, part);
    for (int i = 0; i < original->unit_count; i++) {
        original->unit[i].left -= part[i];
        if (original->unit[i].parent == NONE && part[i] > 0)
            unit_take(o, d.lot, original, i, part[i]);
    }
    lot_apply(o, d.lot, CLEARING);
    sums_lower(o, original, amount);
    original->reversed += amount;
    oracle_see(o, amount == original->shown.gross               ? SEEN_REVERSAL_FULL
                  : original->reversed == original->shown.gross ? SEEN_REVERSAL_END
                                                                : SEEN_REVERSAL_PARTIAL);
}

bool is_revenue(enum script_kind kind)
{
    return kind == EV_REVENUE || kind == EV_CYCLE || kind == EV_METERING;
}

static i128 lot_left(const struct lot *lot)
{
    return lot->shown.gross - lot->reversed;
}

/* Everything that is left, in every currency. */
static struct outcome reverse_all(struct oracle *o, struct stored *s, struct stored *original)
{
    bool any = false;
    for (int i = 0; i < original->lot_count; i++) {
        i128 left = lot_left(&original->lot[i]);
        if (left == 0)
            continue;
        lot_reverse(o, s, &original->lot[i], left);
        any = true;
    }
    return any ? outcome_applied() : outcome_refused(METE_REVERSAL_EXCEEDS);
}

/* Of an event that booked several revenues of the currency, each gives back its part. */
static struct outcome reverse_amount(struct oracle *o, struct stored *s, struct stored *original)
{
    const struct script_event *e = &s->event;
    struct fraction weight[LIST_MAX];
    i128 part[LIST_MAX + 1];
    i128 all = 0;
    bool known = false;
    for (int i = 0; i < original->lot_count; i++) {
        bool same = original->lot[i].shown.asset == e->asset;
        known |= same;
        all += same ? lot_left(&original->lot[i]) : 0;
    }
    if (!known)
        return outcome_refused(METE_REVERSAL_CURRENCY);
    if (e->amount > all)
        return outcome_refused(METE_REVERSAL_EXCEEDS);
    for (int i = 0; i < original->lot_count; i++) {
        bool same = original->lot[i].shown.asset == e->asset;
        weight[i] = same ? frac(lot_left(&original->lot[i]), all) : (struct fraction){0, 1};
    }
    oracle_apportion(o, e->amount, weight, original->lot_count, part);
    for (int i = 0; i < original->lot_count; i++) {
        if (part[i] > 0)
            lot_reverse(o, s, &original->lot[i], part[i]);
    }
    return outcome_applied();
}

struct outcome oracle_reversal(struct oracle *o, struct stored *s)
{
    const struct script_event *e = &s->event;
    struct stored *original = oracle_find(o, e->original);
    if (original == NULL || original->waiting) {
        oracle_see(o, SEEN_REVERSAL_WAITS);
        return outcome_waits(METE_ORIGINAL_UNKNOWN, FOR_EVENT, e->original);
    }
    if (!is_revenue(original->event.kind) || original->lot_count == 0)
        return outcome_refused(METE_ORIGINAL_KIND);
    return e->whole ? reverse_all(o, s, original) : reverse_amount(o, s, original);
}
