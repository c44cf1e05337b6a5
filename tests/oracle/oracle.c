/* SPDX-License-Identifier: Apache-2.0
 * The oracle's events: what each is refused or waits for, what it books, what it lets go on. */
#include "oracle/oracle.h"

#include <string.h>

#include "base/text.h"
#include "core/asset.h"
#include "oracle/oracle_parts.h"

const char *const oracle_seen_text[SEEN_COUNT] = {
#define X(symbol, text) [SEEN_##symbol] = (text),
    ORACLE_SEEN(X)
#undef X
};

struct oracle *oracle_new(uint64_t *seen)
{
    struct oracle *o = calloc(1, sizeof *o);
    METE_ASSERT(o != NULL);
    o->seen = seen;
    o->rest_party = UNALLOCATED;
    for (int i = 0; i < ASSETS; i++) {
        const struct asset *a = asset_builtin(text_of(script_asset[i]));
        o->asset_rank[i] = a != NULL ? (int)a->number : 0;
    }
    return o;
}

static void stored_free(struct stored *s)
{
    for (int i = 0; i < s->lot_count; i++) {
        free(s->lot[i].shown.line);
        free(s->lot[i].unit);
        free(s->lot[i].node);
    }
    free(s->lot);
    free(s);
}

void oracle_free(struct oracle *o)
{
    for (int i = 0; i < o->stored_count; i++)
        stored_free(o->stored[i]);
    for (int i = 0; i < POLICIES; i++)
        free(o->version[i]);
    free(o->stored);
    free(o->usage);
    free(o->metered);
    free(o->change);
    free(o->booked);
    free(o->queue);
    free(o);
}

struct stored *oracle_find(const struct oracle *o, int id)
{
    for (int i = 0; i < o->stored_count; i++) {
        if (o->stored[i]->event.id == id)
            return o->stored[i];
    }
    return NULL;
}

void oracle_mention(struct oracle *o, int party)
{
    if (o->mentioned[party] == 0)
        o->mentioned[party] = ++o->mention_count;
}

/* --- one event
 * ----------------------------------------------------------------------------------*/

static void booked_note(struct oracle *o, struct stored *s)
{
    o->booked = realloc(o->booked, sizeof *o->booked * (size_t)(o->booked_count + 1));
    o->booked[o->booked_count++] = s->event.id;
}

static struct outcome attempt(struct oracle *o, struct stored *s)
{
    const struct script_event *e = &s->event;
    switch (e->kind) {
    case EV_POLICY:
        return oracle_policy(o, e);
    case EV_FEES:
        return oracle_schedule(o, e);
    case EV_BOOK:
        o->rest_party = e->party;
        oracle_mention(o, e->party);
        return outcome_applied();
    case EV_ASSET:
        return oracle_asset(o, e);
    case EV_PARTY:
        oracle_mention(o, e->party);
        return outcome_applied();
    case EV_CONTRIBUTION:
        return oracle_contribution(o, e);
    case EV_USAGE:
        return oracle_usage(o, e);
    case EV_METERED:
        return oracle_metered(o, e);
    case EV_METERING:
        return oracle_metering(o, s);
    case EV_CYCLE:
        return oracle_cycle(o, s);
    case EV_CONDITION:
        return oracle_condition(o, e);
    case EV_REVENUE:
        return oracle_revenue(o, s);
    case EV_REVERSAL:
        return oracle_reversal(o, s);
    case EV_TRANSFER:
        return oracle_transfer(o, s);
    case EV_KINDS:
        break;
    }
    METE_ASSERT(false);
}

static void wait_note(struct oracle *o, struct stored *s, struct outcome out)
{
    const struct script_event *e = &s->event;
    bool money = e->kind == EV_REVENUE || e->kind == EV_CYCLE;
    s->waiting = true;
    s->waits_for = out.waits_for;
    s->waits_id = out.waits_id;
    s->above = out.above;
    s->wait_code = out.code;
    if (money && !s->held) {
        o->balance[CLEARING][e->asset] -= e->amount;
        o->balance[SUSPENSE][e->asset] += e->amount;
        s->held = true;
    }
}

/* What comes now may let others go on: those of the log's first `limit` events. */
static void queue_add(struct oracle *o, enum waits_for what, int id, int limit)
{
    o->queue = realloc(o->queue, sizeof *o->queue * (size_t)(o->queue_count + 1));
    o->queue[o->queue_count++] = (struct queued){what, id, limit};
}

static void now_booked(struct oracle *o, struct stored *s)
{
    s->waiting = false;
    booked_note(o, s);
    queue_add(o, FOR_EVENT, s->event.id, o->stored_count);
}

static void retry(struct oracle *o, struct stored *s, enum waits_for what, int id)
{
    enum waits_for before = s->waits_for;
    int before_id = s->waits_id;
    enum script_kind by = o->stored[o->stored_count - 1]->event.kind;
    struct outcome out = attempt(o, s);
    if (out.status != O_APPLIED) {
        if (out.status == O_REFUSED) /* it stands in the log: it waits for good */
            out = outcome_waits(out.code, FOR_NOTHING, NONE);
        wait_note(o, s, out);
        if (out.waits_for != before || out.waits_id != before_id)
            oracle_see(o, SEEN_WAIT_AGAIN);
        return;
    }
    if (what == FOR_POLICY && id != before_id)
        oracle_see(o, SEEN_RELEASED_BY_PARENT);
    oracle_see(o, what == FOR_EVENT    ? SEEN_RELEASED_REVERSAL
                  : what == FOR_CYCLE  ? SEEN_CYCLE_RELEASED
                  : by == EV_CONDITION ? SEEN_RELEASED_BY_CONDITION
                                       : SEEN_RELEASED);
    now_booked(o, s);
}

/* Everything that waited for the same is tried again in the order of the log; what waited for one
 * of those comes right after it. */
static void queue_run(struct oracle *o, int from)
{
    int until = o->queue_count;
    for (int at = from; at < until; at++) {
        struct queued q = o->queue[at];
        for (int i = 0; i < q.limit; i++) {
            struct stored *s = o->stored[i];
            bool below = q.what == FOR_POLICY && (s->above >> q.id & 1) != 0;
            if (!s->waiting || s->waits_for != q.what || (s->waits_id != q.id && !below))
                continue;
            retry(o, s, q.what, q.id);
            queue_run(o, until);
        }
    }
    o->queue_count = from;
}

static void accept(struct oracle *o, struct stored *s, struct outcome out)
{
    int before = o->stored_count;
    o->stored = realloc(o->stored, sizeof(struct stored *) * (size_t)(before + 1));
    o->stored[o->stored_count++] = s;
    if (out.status == O_WAITING)
        wait_note(o, s, out);
    if (s->event.kind == EV_POLICY)
        queue_add(o, FOR_POLICY, s->event.policy.id, before);
    if (s->event.kind == EV_CONDITION)
        queue_add(o, FOR_POLICY, s->event.policy_id, before);
    if (s->event.kind == EV_CYCLE)
        queue_add(o, FOR_CYCLE, s->event.policy_id, before);
    if (out.status == O_APPLIED)
        now_booked(o, s);
    queue_run(o, 0);
}

void oracle_submit(struct oracle *o, const struct script_event *e, struct oracle_outcome *out)
{
    struct stored *before = oracle_find(o, e->id);
    *out = (struct oracle_outcome){0};
    o->booked_count = 0;
    if (before != NULL) {
        bool same = before->event.body == e->body;
        out->status = same ? O_DUPLICATE : O_CONFLICT;
        out->code = same ? METE_OK : METE_CONFLICT;
        return;
    }
    struct stored *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->event = *e;
    struct outcome attempted = attempt(o, s);
    out->status = attempted.status;
    out->code = attempted.code;
    if (attempted.status == O_REFUSED)
        stored_free(s);
    else
        accept(o, s, attempted);
    out->booked = o->booked;
    out->booked_count = o->booked_count;
}

/* --- looking
 * ------------------------------------------------------------------------------------*/

bool oracle_has(const struct oracle *o, int id)
{
    return oracle_find(o, id) != NULL;
}

bool oracle_knows(const struct oracle *o, int asset)
{
    return o->asset_rank[asset] != 0;
}

i128 oracle_balance(const struct oracle *o, int party, int asset)
{
    return o->balance[party][asset];
}

i128 oracle_net(const struct oracle *o, int policy, int asset)
{
    return o->net[policy][asset];
}

uint64_t oracle_quantity(const struct oracle *o, int policy)
{
    return o->quantity[policy];
}

int oracle_groups(const struct oracle *o, int id, const struct oracle_group **groups)
{
    static struct oracle_group shown[ASSETS * (PARTIES + 1)];
    const struct stored *s = oracle_find(o, id);
    int count = s == NULL ? 0 : s->lot_count;
    METE_ASSERT(count <= (int)ARRAY_LEN(shown));
    for (int i = 0; i < count; i++)
        shown[i] = s->lot[i].shown;
    *groups = shown;
    return count;
}

i128 oracle_left(const struct oracle *o, int id, int *asset)
{
    const struct stored *s = oracle_find(o, id);
    if (s == NULL || s->lot_count == 0 || !is_revenue(s->event.kind))
        return 0;
    *asset = s->lot[0].shown.asset;
    return s->lot[0].shown.gross - s->lot[0].reversed;
}

bool oracle_inexact(const struct oracle *o, int id)
{
    const struct stored *s = oracle_find(o, id);
    for (int i = 0; s != NULL && i < s->lot_count; i++) {
        if (s->lot[i].inexact)
            return true;
    }
    return false;
}

bool oracle_tainted(const struct oracle *o)
{
    return o->tainted;
}

bool oracle_touched(const struct oracle *o, int id)
{
    const struct stored *s = oracle_find(o, id);
    for (int i = 0; s != NULL && i < s->lot_count; i++) {
        if (s->lot[i].reversed > 0)
            return true;
    }
    return false;
}

bool oracle_waits(const struct oracle *o, int id)
{
    const struct stored *s = oracle_find(o, id);
    return s != NULL && s->waiting;
}

struct fraction oracle_entitlement(const struct oracle *o, int policy, int asset, int party,
                                   i128 *credited)
{
    const struct entitlement *e = &o->entitlement[policy][asset][party];
    struct fraction rest = e->rest.den == 0 ? (struct fraction){0, 1} : e->rest;
    *credited = e->credited;
    return frac_add((struct fraction){e->whole, 1}, rest);
}
