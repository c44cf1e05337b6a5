/* SPDX-License-Identifier: Apache-2.0
 * app.economic_terms_set, app.royalty_enabled, app.royalty_disabled: the fees of one app's revenue.
 * An app that has none of its own has the book's. A royalty once enabled holds for good, unless a
 * supervisor forces it off. Source: economic-protocol.md §5.0; requirements.md 4.c 6. */
#include "core/economy.h"

#include "base/text.h"

#define MARKETPLACE_FEE TEXT("marketplace_fee")
#define ROYALTY_FEE     TEXT("offering_royalty_fee")
#define ROYALTY_BPS     300
#define BPS_UNCHANGED   (-1)
#define TERMS_FORMAT    1
#define TERMS_MAX       10000u

struct terms {
    uint8_t royalty; /* enum royalty_state */
    struct version *version;
    size_t count;
};

/* --- in and out --------------------------------------------------------------------------------*/

static enum view_result terms_view(const struct view *v, struct arena *a, struct text app_id,
                                   struct terms *t)
{
    struct key key = key_text(KEY_TERMS, app_id);
    struct bytes value;
    *t = (struct terms){.royalty = ROYALTY_OFF};
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    METE_ASSERT(read_u8(&r) == TERMS_FORMAT);
    t->royalty = read_u8(&r);
    uint32_t unused;
    METE_ASSERT(versions_unpack(a, text_bytes(read_sized(&r)), &unused, &t->version, &t->count));
    METE_ASSERT(reader_done(&r) && t->royalty < ROYALTY_STATE_COUNT);
    return VIEW_FOUND;
}

static bool terms_load(struct work *w, struct text app_id, struct terms *t)
{
    bool there = terms_view(w->view, w->a, app_id, t) != VIEW_MISSING;
    w->missing |= !there;
    return there;
}

enum view_result view_app_fees(const struct view *v, struct arena *a, struct text app_id,
                               struct version **versions, size_t *count)
{
    struct terms t;
    enum view_result found = terms_view(v, a, app_id, &t);
    *versions = t.version;
    *count = t.count;
    return found;
}

static void terms_put(struct work *w, struct text app_id, const struct terms *t,
                      struct version next)
{
    struct version *more = arena_array(w->a, t->count + 1, sizeof *more);
    struct buf versions = {0};
    struct buf value = {0};
    for (size_t i = 0; i < t->count; i++) {
        more[i] = t->version[i];
    }
    more[t->count] = next;
    versions_pack(&versions, 0, more, t->count + 1);
    buf_put_u8(&value, TERMS_FORMAT);
    buf_put_u8(&value, t->royalty);
    buf_put_sized(&value, buf_text(&versions));
    work_set(w, key_text(KEY_TERMS, app_id), &value);
    buf_clear(&versions);
    buf_clear(&value);
}

static struct key schedules_key(void)
{
    return key_u32(KEY_COUNTER, 2);
}

/* --- a schedule of its own ---------------------------------------------------------------------*/

/** What holds for the app at a moment: its own schedule, else the book's. Number 0: none. */
static bool schedule_at(struct work *w, const struct terms *t, mete_time at,
                        struct fee_schedule *out, uint32_t *number)
{
    struct version *versions = NULL;
    size_t count = 0;
    const struct version *v = version_at(t->version, t->count, at);
    *out = (struct fee_schedule){0};
    *number = 0;
    if (v == NULL) {
        w->missing |= view_fees(w->view, w->a, &versions, &count) == VIEW_MISSING;
        v = version_at(versions, count, at);
    }
    if (v == NULL) {
        return !w->missing;
    }
    *number = v->number;
    bool found = view_fees_version(w->view, w->a, v->number, out) == VIEW_FOUND;
    w->missing |= !found;
    return found;
}

static struct fee *fee_named(const struct fee_schedule *s, struct text label)
{
    for (uint32_t i = 0; i < s->fee_count; i++) {
        if (text_eq(s->fee[i].label, label)) {
            return &s->fee[i];
        }
    }
    return NULL;
}

/** Sets a fee to so many basis points; 0 takes it out, a new one comes last. */
static void fee_set(struct work *w, struct fee_schedule *s, struct text label, int32_t bps)
{
    struct fee *own = fee_named(s, label);
    const struct fee *platform = fee_named(s, MARKETPLACE_FEE);
    if (bps == BPS_UNCHANGED || (own == NULL && bps == 0)) {
        return;
    }
    struct fee *all = arena_array(w->a, s->fee_count + 1, sizeof *all);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->fee_count; i++) {
        if (&s->fee[i] != own || bps != 0) {
            all[count++] = s->fee[i];
            all[count - 1].bps = &s->fee[i] == own ? (uint32_t)bps : s->fee[i].bps;
            all[count - 1].is_fixed = &s->fee[i] != own && s->fee[i].is_fixed;
        }
    }
    if (own == NULL) {
        all[count++] = (struct fee){.label = label,
                                    .bps = (uint32_t)bps,
                                    .number = platform != NULL ? platform->number
                                                               : work_party(w, TEXT("platform"))};
    }
    *s = (struct fee_schedule){all, count};
}

static enum decided terms_change(struct work *w, struct text app_id, int32_t marketplace_bps,
                                 int32_t royalty_bps, const struct when *from)
{
    struct terms t;
    struct fee_schedule schedule;
    uint32_t unused;
    i128 made[STATE_SUMS] = {0};
    enum event_type means = royalty_bps == 0 ? EVENT_ROYALTY_DISABLED : EVENT_ROYALTY_ENABLED;
    unsigned held = w->event->type != EVENT_CAMPAIGN_FUNDING_CLOSED && w->event->terms.force
                        ? GUARD_BIT(GUARD_FORCED)
                        : 0;
    mete_time at = from != NULL && from->set ? from->at : w->event->occurred_at;
    if (!terms_load(w, app_id, &t) || !schedule_at(w, &t, at, &schedule, &unused)) {
        return DECIDED_NEEDS;
    }
    if (t.count >= TERMS_MAX) {
        return work_refuse(w, METE_LIMIT, "/source/app_id",
                           "an app has at most %u changes of terms", TERMS_MAX);
    }
    if (royalty_bps != BPS_UNCHANGED) {
        enum decided fine =
            work_step(w, MACHINE_ROYALTY, app_id, t.royalty, means, held, &t.royalty);
        if (fine != DECIDED_APPLIED) {
            return fine;
        }
    }
    struct key counter = schedules_key();
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&counter), made) == VIEW_MISSING;
    const struct version next = {APP_SCHEDULE_FIRST + (uint32_t)made[0], at};
    fee_set(w, &schedule, MARKETPLACE_FEE, marketplace_bps);
    fee_set(w, &schedule, ROYALTY_FEE, royalty_bps);
    struct buf packed = {0};
    fee_schedule_pack(&packed, &schedule);
    work_set(w, key_u32(KEY_FEES_VERSION, next.number), &packed);
    buf_clear(&packed);
    work_add(w, counter, 1, 0, 0, 0);
    terms_put(w, app_id, &t, next);
    return DECIDED_APPLIED;
}

enum decided terms_royalty_on(struct work *w, struct text app_id)
{
    struct terms t;
    if (app_id.len == 0) {
        return DECIDED_APPLIED; /* of no app: there is no revenue to take it from */
    }
    if (!terms_load(w, app_id, &t)) {
        return DECIDED_NEEDS;
    }
    return t.royalty == ROYALTY_ON ? DECIDED_APPLIED
                                   : terms_change(w, app_id, BPS_UNCHANGED, ROYALTY_BPS, NULL);
}

enum decided decide_terms(struct work *w)
{
    const struct event_terms *e = &w->event->terms;
    struct text app_id = w->event->app_id;
    if (app_id.len == 0) {
        return work_refuse(w, METE_MEMBER_MISSING, "/source/app_id",
                           "%s says which app it is about", event_type_name(w->event->type));
    }
    if (w->event->type == EVENT_TERMS_SET) {
        return terms_change(w, app_id, e->marketplace_bps, e->royalty_bps, &e->effective_from);
    }
    bool on = w->event->type == EVENT_ROYALTY_ENABLED;
    int32_t bps = e->royalty_bps > 0 ? e->royalty_bps : ROYALTY_BPS;
    return terms_change(w, app_id, BPS_UNCHANGED, on ? bps : 0, &e->effective_from);
}

enum decided terms_find(struct work *w, struct text app_id)
{
    struct terms t;
    if (app_id.len == 0) {
        return DECIDED_APPLIED;
    }
    if (!terms_load(w, app_id, &t)) {
        return DECIDED_NEEDS;
    }
    if (t.count == 0) {
        return DECIDED_APPLIED;
    }
    if (!schedule_at(w, &t, w->event->occurred_at, &w->fees, &w->fees_version)) {
        return DECIDED_NEEDS;
    }
    w->fees_known = true;
    return DECIDED_APPLIED;
}
