/* SPDX-License-Identifier: Apache-2.0
 * Settlements as they stand: the state from the book, what was said from the events in the log. */
#include "engine/settlements.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/campaign.h"
#include "engine/walk.h"

#include <stdio.h>

#define ROW_ARENA_MAX ((size_t)256 << 20)

const char *settlement_state_name(enum settlement_state state)
{
    return machine_of(MACHINE_SETTLEMENT)->state[state];
}

bool settlement_state_of(struct text name, enum settlement_state *out)
{
    for (unsigned i = SETTLEMENT_INITIATED; i < SETTLEMENT_STATE_COUNT; i++) {
        if (text_is(name, settlement_state_name((enum settlement_state)i))) {
            *out = (enum settlement_state)i;
            return true;
        }
    }
    return false;
}

/* --- one ---------------------------------------------------------------------------------------*/

static struct text said(const struct json *object, const char *member)
{
    const struct json *j = json_get(object, member);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

static enum mete_code step_read(struct engine *e, uint64_t seq, struct arena *a,
                                struct settlement_row *row, struct mete_err *err)
{
    struct settlement_step *step = &row->step[row->step_count++];
    struct envelope envelope;
    mete_time recorded_at;
    enum mete_code code = engine_event(e, seq, a, &envelope, &recorded_at, err);
    if (code != METE_OK) {
        return code;
    }
    const struct json *payload = json_get(envelope.tree, "payload");
    enum event_type type = envelope.event.type;
    *step =
        (struct settlement_step){.state = type == EVENT_SETTLEMENT_INITIATED ? SETTLEMENT_INITIATED
                                          : type == EVENT_SETTLEMENT_PAID    ? SETTLEMENT_PAID
                                                                             : SETTLEMENT_FAILED,
                                 .seq = seq,
                                 .event_id = arena_text(a, envelope.event.id),
                                 .occurred_at = envelope.event.occurred_at,
                                 .recorded_at = recorded_at,
                                 .provider = arena_text(a, said(payload, "provider")),
                                 .provider_ref = arena_text(a, said(payload, "provider_ref")),
                                 .failure_reason = arena_text(a, said(payload, "failure_reason")),
                                 .reason = arena_text(a, said(payload, "reason")),
                                 .actor = arena_text(a, envelope.event.actor_id)};
    if (type == EVENT_SETTLEMENT_INITIATED) {
        row->batch_id = arena_text(a, said(payload, "batch_id"));
    }
    return METE_OK;
}

static enum mete_code names_read(struct engine *e, const struct settlement *s, struct arena *a,
                                 struct settlement_row *row, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct text id;
    if (view_party_id(v, s->party, &id) != VIEW_FOUND ||
        view_asset_number(v, s->asset, &row->asset) != VIEW_FOUND) {
        return engine_sound(e, mete_fail(err, METE_STORE_CORRUPT, "", "a settlement names nobody"),
                            err);
    }
    row->beneficiary = arena_text(a, id);
    if (s->campaign != 0) {
        if (view_policy_id(v, s->campaign, &id) != VIEW_FOUND) {
            return engine_sound(
                e, mete_fail(err, METE_STORE_CORRUPT, "", "a settlement names no campaign"), err);
        }
        const size_t prefix = sizeof CAMPAIGN_POLICY_PREFIX - 1;
        row->campaign_id = arena_text(a, (struct text){id.p + prefix, id.len - prefix});
    }
    return METE_OK;
}

static enum mete_code row_read(struct engine *e, struct text id, const struct settlement *s,
                               struct arena *a, struct settlement_row *row, struct mete_err *err)
{
    const uint64_t seq[SETTLEMENT_STEPS] = {s->begun, s->ended};
    *row = (struct settlement_row){
        .id = arena_text(a, id), .state = (enum settlement_state)s->state, .amount = s->amount};
    enum mete_code code = names_read(e, s, a, row, err);
    for (size_t i = 0; i < SETTLEMENT_STEPS && seq[i] != 0 && code == METE_OK; i++) {
        code = step_read(e, seq[i], a, row, err);
    }
    return code;
}

enum mete_code settlement_find(struct engine *e, struct text id, struct arena *a,
                               struct settlement_row *row, struct mete_err *err)
{
    struct settlement s;
    if (id.len == 0 || id.len > SETTLEMENT_ID_MAX ||
        view_settlement(engine_view(e), id, &s) != VIEW_FOUND) {
        return engine_sound(
            e, mete_fail(err, METE_NOT_FOUND, NULL, "no settlement of this book has this id"), err);
    }
    return row_read(e, id, &s, a, row, err);
}

/* --- many --------------------------------------------------------------------------------------*/

struct list {
    struct engine *e;
    settlements_visit *visit;
    void *arg;
    struct arena a;             /* of one row */
    uint32_t party;             /* 0: all */
    uint32_t campaign;          /* 0: all */
    struct text batch;          /* empty: all */
    enum settlement_state only; /* NONE: all */
    uint64_t left;
    uint64_t last; /* seq that was handed out or passed over */
    bool full;
    struct mete_err *err;
};

static bool fits(const struct list *l, const struct settlement *s)
{
    return (l->party == 0 || s->party == l->party) &&
           (l->campaign == 0 || s->campaign == l->campaign) &&
           (l->only == SETTLEMENT_NONE || s->state == l->only);
}

static enum mete_code one_visit(struct list *l, const struct made *m)
{
    struct settlement s;
    struct settlement_row row;
    if (view_settlement(engine_view(l->e), m->id, &s) != VIEW_FOUND) {
        return engine_sound(
            l->e, mete_fail(l->err, METE_STORE_CORRUPT, "", "a settlement is missing"), l->err);
    }
    arena_reset(&l->a);
    bool fit = fits(l, &s);
    enum mete_code code = fit ? row_read(l->e, m->id, &s, &l->a, &row, l->err) : METE_OK;
    if (code != METE_OK) {
        return code;
    }
    if (!fit || (l->batch.len > 0 && !text_eq(l->batch, row.batch_id))) {
        l->last = m->seq;
    } else if (l->left == 0) {
        l->full = true;
    } else {
        l->left--;
        l->last = m->seq;
        l->full = !l->visit(l->arg, &row);
    }
    return METE_OK;
}

static enum mete_code key_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct list *l = arg;
    const struct made m = made_read(k->key, k->value);
    enum mete_code code = one_visit(l, &m);
    *go_on = !l->full;
    return code;
}

static enum mete_code walk(struct list *l)
{
    const struct key from = made_key(0, l->last + 1);
    const struct key until = key_prefix_end(key_u32(KEY_MADE, 0));
    return walk_each_key(l->e, &from, &until, key_visit, l, l->err);
}

/** False: what is asked for names something that is not there, so that nothing fits. */
static bool filters_find(struct list *l, const struct settlements_query *q)
{
    const struct view *v = engine_view(l->e);
    struct version *versions;
    size_t count;
    bool there = q->party.len == 0 || view_party(v, q->party, &l->party) == VIEW_FOUND;
    if (there && q->campaign.len > 0) {
        there = q->campaign.len <= CAMPAIGN_ID_LEN_MAX &&
                view_policy(v, &l->a, campaign_policy_id(&l->a, q->campaign), &l->campaign,
                            &versions, &count) == VIEW_FOUND;
    }
    return there;
}

static bool cursor_read(struct text t, uint64_t *out)
{
    u128 value = 0;
    bool fine = t.len == 0 || (u128_parse(t, &value) && value < INT64_MAX);
    *out = (uint64_t)value;
    return fine;
}

enum mete_code settlements_list(struct engine *e, const struct settlements_query *q,
                                settlements_visit *visit, void *arg,
                                char next[SETTLEMENT_CURSOR_MAX], struct mete_err *err)
{
    struct list l = {
        .e = e, .visit = visit, .arg = arg, .batch = q->batch, .left = q->limit, .err = err};
    next[0] = '\0';
    if (!cursor_read(q->after, &l.last)) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL, "this cursor was never handed out");
    }
    if (q->state.len > 0 && !settlement_state_of(q->state, &l.only)) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL, "state is INITIATED, PAID or FAILED");
    }
    arena_init(&l.a, ROW_ARENA_MAX);
    enum mete_code code = filters_find(&l, q) ? walk(&l) : METE_OK;
    code = engine_sound(e, code, err);
    if (code == METE_OK && l.full) {
        snprintf(next, SETTLEMENT_CURSOR_MAX, "%llu", (unsigned long long)l.last);
    }
    arena_clear(&l.a);
    return code;
}
