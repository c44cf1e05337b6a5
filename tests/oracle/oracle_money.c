/* SPDX-License-Identifier: Apache-2.0
 * Money that comes: revenues, cycles, metered days; and transfers. */
#include "oracle/oracle_parts.h"

#include <string.h>

/* --- booking
 * ------------------------------------------------------------------------------------*/

/* A lot of the event `s`; the one before it must not be pointed to any more. */
void deciding_begin(struct deciding *d, struct oracle *o, struct stored *s, int asset, i128 gross)
{
    s->lot = realloc(s->lot, sizeof *s->lot * (size_t)(s->lot_count + 1));
    struct lot *lot = &s->lot[s->lot_count++];
    memset(lot, 0, sizeof *lot);
    lot->shown.asset = asset;
    lot->shown.gross = gross;
    *d = (struct deciding){.o = o, .e = &s->event, .lot = lot, .parent = NONE, .blame = NONE};
    if (gross >> 64 != 0)
        oracle_see(o, SEEN_BIG_AMOUNT);
}

void lot_drop(struct stored *s)
{
    struct lot *lot = &s->lot[--s->lot_count];
    free(lot->shown.line);
    free(lot->unit);
    free(lot->node);
}

void lot_apply(struct oracle *o, const struct lot *lot, int source)
{
    i128 sum = 0;
    for (int i = 0; i < lot->shown.line_count; i++) {
        const struct oracle_line *l = &lot->shown.line[i];
        o->balance[l->party][lot->shown.asset] += l->amount;
        sum += l->amount;
    }
    METE_ASSERT(sum == lot->shown.gross);
    o->balance[source][lot->shown.asset] -= sum;
}

void oracle_book(struct deciding *d, int source)
{
    oracle_rest(d);
    lot_apply(d->o, d->lot, source);
}

/* A quantity counts once for a policy, however often it is in the tree. */
bool first_of_policy(const struct lot *lot, int node)
{
    for (int i = 0; i < node; i++) {
        if (lot->node[i].policy == lot->node[node].policy)
            return false;
    }
    return true;
}

/* Sums that conditions read, once the whole event is booked. */
static void sums_add(struct oracle *o, struct stored *s)
{
    for (int i = 0; i < s->lot_count; i++) {
        struct lot *lot = &s->lot[i];
        for (int k = 0; k < lot->node_count; k++) {
            o->net[lot->node[k].policy][lot->shown.asset] += lot->node[k].input;
            if (first_of_policy(lot, k))
                o->quantity[lot->node[k].policy] += lot->quantity;
        }
    }
}

/* --- revenues
 * -----------------------------------------------------------------------------------*/

static int source_of(const struct stored *s)
{
    return s->held ? SUSPENSE : CLEARING;
}

struct outcome oracle_revenue(struct oracle *o, struct stored *s)
{
    const struct script_event *e = &s->event;
    struct deciding d;
    if (o->asset_rank[e->asset] == 0)
        return outcome_refused(METE_CURRENCY_UNKNOWN);
    if (e->fee != NONE && e->fee > e->amount)
        return outcome_refused(METE_FEE_EXCEEDS);
    deciding_begin(&d, o, s, e->asset, e->amount);
    if (e->target == TO_POLICY && !oracle_can_split(&d, e->policy_id, 1)) {
        oracle_see(o, d.code == METE_WEIGHTS_EXCEED_ONE ? SEEN_WAIT_ABOVE_ONE
                      : d.code == METE_POLICY_KIND      ? SEEN_WAIT_KIND
                      : d.blame == e->policy_id         ? SEEN_WAIT_ROOT
                                                        : SEEN_WAIT_NESTED);
        lot_drop(s);
        return outcome_blames(&d);
    }
    i128 left = oracle_fees(&d, e->amount);
    d.lot->quantity = e->quantity;
    if (e->target == TO_POLICY)
        oracle_split(&d, e->policy_id, left, "", 1);
    if (e->target == TO_ITEM)
        oracle_split_roles(&d, left);
    if (e->target == TO_PARTY) {
        lot_line(d.lot, L_ALLOCATION, e->party, left, "1");
        lot_unit(&d, e->party, left);
        oracle_mention(o, e->party);
    }
    oracle_book(&d, source_of(s));
    sums_add(o, s);
    return outcome_applied();
}

struct outcome oracle_cycle(struct oracle *o, struct stored *s)
{
    const struct script_event *e = &s->event;
    struct deciding d;
    if (o->asset_rank[e->asset] == 0)
        return outcome_refused(METE_CURRENCY_UNKNOWN);
    const struct policy_version *v =
        version_in_force(o, o->version[e->policy_id], o->version_count[e->policy_id], e->at);
    if (v == NULL)
        return outcome_waits(METE_POLICY_UNKNOWN, FOR_POLICY, e->policy_id);
    if (v->policy.kind != P_USAGE) /* a command; once it is in the log it can only wait */
        return s->waiting ? outcome_waits(METE_POLICY_KIND, FOR_POLICY, e->policy_id)
                          : outcome_refused(METE_POLICY_KIND);
    if (e->amount == 0) {
        oracle_see(o, SEEN_CYCLE_TICK);
        return outcome_applied();
    }
    deciding_begin(&d, o, s, e->asset, e->amount);
    i128 left = oracle_fees(&d, e->amount);
    if (!oracle_split_usage(&d, &v->policy, left)) {
        oracle_see(o, SEEN_CYCLE_NO_USAGE);
        lot_drop(s);
        return outcome_waits(METE_USAGE_NONE, FOR_CYCLE, e->policy_id);
    }
    oracle_book(&d, source_of(s));
    sums_add(o, s);
    return outcome_applied();
}

/* All open costs of one currency and customer up to the day; false when there are none. */
static bool metered_take(struct oracle *o, const struct script_event *e, int asset, int customer,
                         i128 *cost)
{
    bool any = false;
    *cost = 0;
    for (int i = 0; i < o->metered_count; i++) {
        struct metered_row *m = &o->metered[i];
        if (!m->open || m->policy != e->policy_id || m->asset != asset || m->customer != customer ||
            m->day > e->day)
            continue;
        m->open = false;
        any = true;
        *cost = exact_add(*cost, m->cost);
    }
    return any;
}

static void metered_book(struct oracle *o, struct stored *s, int asset, int customer)
{
    const struct script_event *e = &s->event;
    struct deciding d;
    i128 cost;
    if (!metered_take(o, e, asset, customer, &cost))
        return;
    i128 *rest = &o->meter_rest[e->policy_id][asset][customer == NONE ? PARTIES : customer];
    i128 minor = power_of_ten(METER_DIGITS - script_scale[asset]);
    i128 total = exact_add(cost, *rest);
    if (*rest != 0)
        oracle_see(o, SEEN_METER_REST);
    *rest = total % minor;
    if (total / minor == 0) {
        oracle_see(o, SEEN_METER_EMPTY);
        return;
    }
    deciding_begin(&d, o, s, asset, total / minor);
    i128 left = oracle_fees(&d, d.lot->shown.gross);
    oracle_split(&d, e->policy_id, left, "", 1);
    oracle_book(&d, source_of(s));
}

static void metered_customers(struct oracle *o, struct stored *s, int asset)
{
    metered_book(o, s, asset, NONE);
    for (int rank = 1; rank <= o->mention_count; rank++) {
        for (int i = 0; i < PARTIES; i++) {
            if (o->mentioned[i] == rank)
                metered_book(o, s, asset, i);
        }
    }
}

static i128 metered_sum(const struct oracle *o, const struct script_event *e, int asset,
                        int customer)
{
    i128 sum = o->meter_rest[e->policy_id][asset][customer == NONE ? PARTIES : customer];
    for (int i = 0; i < o->metered_count; i++) {
        const struct metered_row *m = &o->metered[i];
        if (m->open && m->policy == e->policy_id && m->day <= e->day && m->asset == asset &&
            m->customer == customer)
            sum = exact_add(sum, m->cost);
    }
    return sum;
}

/* Closing needs the policy; whole minor units need all that it contains. */
static bool metering_can(struct deciding *d)
{
    struct oracle *o = d->o;
    bool whole = false;
    for (int i = 0; i < o->metered_count; i++) {
        const struct metered_row *m = &o->metered[i];
        if (!m->open || m->policy != d->e->policy_id || m->day > d->e->day)
            continue;
        whole |= metered_sum(o, d->e, m->asset, m->customer) >=
                 power_of_ten(METER_DIGITS - script_scale[m->asset]);
    }
    if (whole)
        return oracle_can_split(d, d->e->policy_id, 1);
    int policy = d->e->policy_id;
    d->code = METE_POLICY_UNKNOWN;
    d->blame = policy;
    return version_in_force(o, o->version[policy], o->version_count[policy], d->e->at) != NULL;
}

struct outcome oracle_metering(struct oracle *o, struct stored *s)
{
    struct deciding d = {.o = o, .e = &s->event, .parent = NONE};
    if (!metering_can(&d))
        return outcome_blames(&d);
    for (int number = 1; number < 2000; number++) {
        for (int i = 0; i < ASSETS; i++) {
            if (o->asset_rank[i] == number)
                metered_customers(o, s, i);
        }
    }
    if (s->lot_count > 1)
        oracle_see(o, SEEN_METER_SEVERAL);
    sums_add(o, s);
    return outcome_applied();
}

struct outcome oracle_transfer(struct oracle *o, struct stored *s)
{
    const struct script_event *e = &s->event;
    struct deciding d;
    if (o->asset_rank[e->asset] == 0)
        return outcome_refused(METE_CURRENCY_UNKNOWN);
    if (o->balance[e->party][e->asset] < e->amount)
        return outcome_refused(METE_INSUFFICIENT_FUNDS);
    deciding_begin(&d, o, s, e->asset, 0);
    lot_line(d.lot, L_TRANSFER, e->party, -e->amount, "");
    lot_line(d.lot, L_TRANSFER, e->party_to, e->amount, "");
    oracle_mention(o, e->party_to);
    lot_apply(o, d.lot, CLEARING);
    oracle_see(o, SEEN_TRANSFERRED);
    return outcome_applied();
}
