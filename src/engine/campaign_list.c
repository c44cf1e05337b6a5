/* SPDX-License-Identifier: Apache-2.0
 * Listing campaigns from a cursor on, and gathering what was made for one of them. */
#include "engine/campaign_list.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/funding.h"
#include "engine/walk.h"

#include <stdio.h>

#define ROW_ARENA_MAX ((size_t)1 << 30)

static enum mete_code broken(const struct engine *e, struct mete_err *err)
{
    return engine_sound(e, mete_fail(err, METE_STORE_CORRUPT, "", "a campaign lacks a part"), err);
}

bool campaign_state_known(struct text name)
{
    const struct machine *m = machine_of(MACHINE_CAMPAIGN);
    for (unsigned i = CAMPAIGN_DRAFT; i < m->state_count; i++) {
        if (text_is(name, m->state[i])) {
            return true;
        }
    }
    return false;
}

/** Whether the party has promised money to the campaign. */
static enum view_result has_commitment(const struct view *v, struct arena *a, uint32_t campaign,
                                       uint32_t party, bool *has)
{
    struct made *made;
    size_t count;
    enum view_result found = view_made(v, a, campaign, &made, &count);
    *has = false;
    for (size_t i = 0; i < count && !*has && found != VIEW_MISSING; i++) {
        struct commitment c;
        if (made[i].kind == MACHINE_COMMITMENT) {
            found = view_commitment(v, made[i].id, &c);
            *has = found == VIEW_FOUND && c.investor == party;
        }
    }
    return found;
}

static enum view_result has_part(const struct view *v, struct arena *a,
                                 const struct campaign_row *row, uint32_t party, bool *has)
{
    *has = row->campaign.creator == party;
    return *has ? VIEW_FOUND : has_commitment(v, a, row->number, party, has);
}

/* --- many --------------------------------------------------------------------------------------*/

struct list {
    struct engine *e;
    const struct campaigns_query *q;
    campaigns_visit *visit;
    void *arg;
    struct arena a; /* of one row */
    uint32_t party; /* 0: all */
    uint64_t left;
    uint32_t last; /* number that was handed out or passed over */
    bool full;
    struct mete_err *err;
};

static enum mete_code row_load(struct list *l, uint32_t number, struct campaign_row *row,
                               bool *fits)
{
    const struct view *v = engine_view(l->e);
    *fits = true;
    if (campaign_at(v, &l->a, number, l->q->at, row) != VIEW_FOUND ||
        (l->party != 0 && has_part(v, &l->a, row, l->party, fits) == VIEW_MISSING)) {
        return broken(l->e, l->err);
    }
    const char *state = machine_of(MACHINE_CAMPAIGN)->state[row->state];
    *fits = *fits && (l->q->state.len == 0 || text_is(l->q->state, state)) &&
            (l->q->app_id.len == 0 || text_eq(l->q->app_id, row->campaign.app_id));
    return METE_OK;
}

static enum mete_code one_visit(struct list *l, uint32_t number)
{
    struct campaign_row row;
    bool fits;
    arena_reset(&l->a);
    enum mete_code code = row_load(l, number, &row, &fits);
    if (code != METE_OK) {
        return code;
    }
    if (fits && l->left == 0) {
        l->full = true;
        return METE_OK;
    }
    l->last = number;
    if (fits) {
        l->left--;
        l->full = !l->visit(l->arg, &row);
    }
    return METE_OK;
}

static enum mete_code key_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct list *l = arg;
    enum mete_code code = one_visit(l, key_read_u32(k->key, 1));
    *go_on = !l->full;
    return code;
}

static enum mete_code walk(struct list *l)
{
    const struct key from = key_u32(KEY_CAMPAIGN, l->last + 1);
    const struct key until = key_prefix_end(key_of(KEY_CAMPAIGN));
    return walk_each_key(l->e, &from, &until, key_visit, l, l->err);
}

static bool cursor_read(struct text t, uint32_t *out)
{
    u128 value = 0;
    bool fine = t.len == 0 || (u128_parse(t, &value) && value < UINT32_MAX);
    *out = (uint32_t)value;
    return fine;
}

enum mete_code campaigns_list(struct engine *e, const struct campaigns_query *q,
                              campaigns_visit *visit, void *arg, char next[CAMPAIGN_CURSOR_MAX],
                              struct mete_err *err)
{
    struct list l = {.e = e, .q = q, .visit = visit, .arg = arg, .left = q->limit, .err = err};
    next[0] = '\0';
    if (!cursor_read(q->after, &l.last)) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL, "this cursor was never handed out");
    }
    if (q->state.len > 0 && !campaign_state_known(q->state)) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL,
                         "state is that of a campaign: DRAFT, OPEN_FOR_FUNDING, FUNDED, ACTIVE, "
                         "PAUSED, COMPLETED, CANCELLED or CLOSED");
    }
    if (q->party.len > 0 && view_party(engine_view(e), q->party, &l.party) != VIEW_FOUND) {
        return engine_sound(e, METE_OK, err);
    }
    arena_init(&l.a, ROW_ARENA_MAX);
    enum mete_code code = engine_sound(e, walk(&l), err);
    if (code == METE_OK && l.full) {
        snprintf(next, CAMPAIGN_CURSOR_MAX, "%u", l.last);
    }
    arena_clear(&l.a);
    return code;
}

/* --- one ---------------------------------------------------------------------------------------*/

struct gathering {
    const struct view *v;
    struct arena *a;
    uint32_t party; /* whose; 0: everybody's */
    struct campaign_whole *out;
};

static const char *state_name(enum machine_kind kind, uint8_t state)
{
    return machine_of(kind)->state[state];
}

static enum view_result round_take(struct gathering *g, struct text id)
{
    struct round r;
    enum view_result found = view_round(g->v, id, &r);
    g->out->round[g->out->round_count++] =
        (struct campaign_round){id, state_name(MACHINE_ROUND, r.state)};
    return found;
}

static enum view_result commitment_take(struct gathering *g, struct text id)
{
    struct commitment c;
    struct text investor;
    enum view_result found = view_commitment(g->v, id, &c);
    if (found != VIEW_FOUND || (g->party != 0 && c.investor != g->party)) {
        return found;
    }
    found = view_party_id(g->v, c.investor, &investor);
    if (found == VIEW_FOUND) {
        g->out->commitment[g->out->commitment_count++] = (struct campaign_commitment){
            id, arena_text(g->a, investor), c.amount, state_name(MACHINE_COMMITMENT, c.state)};
    }
    return found;
}

static enum view_result grant_take(struct gathering *g, struct text id)
{
    struct grant grant;
    i128 sums[STATE_SUMS] = {0};
    struct key key = grant_sums_key(id);
    if (g->party != 0 && g->party != g->out->row.campaign.creator) {
        return VIEW_FOUND;
    }
    enum view_result found = view_grant(g->v, id, &grant);
    struct campaign_grant *one = &g->out->grant[g->out->grant_count++];
    if (found != VIEW_FOUND || g->v->sums(g->v->ctx, key_bytes(&key), sums) == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    *one = (struct campaign_grant){.id = id,
                                   .state = state_name(MACHINE_GRANT, grant.state),
                                   .amount = grant.amount,
                                   .authorized = sums[GRANT_AUTHORIZED],
                                   .executed = sums[GRANT_EXECUTED],
                                   .refunded = sums[GRANT_REFUNDED]};
    return view_asset_number(g->v, grant.asset, &one->asset);
}

static enum view_result made_take(struct gathering *g)
{
    struct made *made;
    size_t count;
    enum view_result found = view_made(g->v, g->a, g->out->row.number, &made, &count);
    g->out->round = arena_array(g->a, count, sizeof *g->out->round);
    g->out->commitment = arena_array(g->a, count, sizeof *g->out->commitment);
    g->out->grant = arena_array(g->a, count, sizeof *g->out->grant);
    for (size_t i = 0; i < count && found != VIEW_MISSING; i++) {
        found = made[i].kind == MACHINE_ROUND        ? round_take(g, made[i].id)
                : made[i].kind == MACHINE_COMMITMENT ? commitment_take(g, made[i].id)
                                                     : grant_take(g, made[i].id);
        found = found == VIEW_FOUND ? found : VIEW_MISSING;
    }
    return found;
}

static enum view_result versions_take(struct gathering *g)
{
    const struct campaign *c = &g->out->row.campaign;
    struct version *version = NULL;
    size_t count = 0;
    uint32_t number;
    enum view_result found =
        view_policy(g->v, g->a, campaign_policy_id(g->a, c->id), &number, &version, &count);
    g->out->version = arena_array(g->a, count, sizeof *g->out->version);
    for (size_t i = 0; i < count && found == VIEW_FOUND; i++) {
        const struct policy *p;
        found = view_policy_version(g->v, g->a, number, version[i].number, &p);
        if (found == VIEW_FOUND) {
            g->out->version[g->out->version_count++] =
                (struct campaign_version){.number = version[i].number,
                                          .from = version[i].from,
                                          .share_bps = p->contract.share_bps,
                                          .has_cap = p->contract.has_cap,
                                          .cap = p->contract.cap,
                                          .invested = p->share_count == 0 ? 0 : (i128)p->den,
                                          .shares = p->share_count};
        }
    }
    return found;
}

static enum mete_code unknown(const struct engine *e, struct mete_err *err)
{
    return engine_sound(
        e, mete_fail(err, METE_NOT_FOUND, NULL, "no campaign of this book has this id"), err);
}

enum mete_code campaign_find(struct engine *e, struct text id, struct text party, mete_time at,
                             struct arena *a, struct campaign_whole *out, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct version *version;
    size_t count;
    uint32_t number;
    bool has = true;
    struct gathering g = {.v = v, .a = a, .out = out};
    *out = (struct campaign_whole){.round = NULL};
    if (id.len == 0 || id.len > CAMPAIGN_ID_LEN_MAX ||
        view_policy(v, a, campaign_policy_id(a, id), &number, &version, &count) != VIEW_FOUND ||
        (party.len > 0 && view_party(v, party, &g.party) != VIEW_FOUND)) {
        return unknown(e, err);
    }
    enum view_result found = campaign_at(v, a, number, at, &out->row);
    if (found == VIEW_FOUND && g.party != 0) {
        found = has_part(v, a, &out->row, g.party, &has);
    }
    if (found == VIEW_ABSENT || !has) {
        return unknown(e, err);
    }
    if (found != VIEW_FOUND || made_take(&g) == VIEW_MISSING || versions_take(&g) != VIEW_FOUND) {
        return broken(e, err);
    }
    return METE_OK;
}
