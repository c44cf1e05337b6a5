/* SPDX-License-Identifier: Apache-2.0
 * attribution.assigned and .updated: which campaign brought a user. A user's revenue of a moment
 * belongs to the newest attribution that had come by then, and before the first one to that: the
 * order in which they arrive does not matter. What was booked otherwise is booked anew. */
#include "core/economy.h"

#include "base/limits.h"
#include "base/text.h"

#include <string.h>

struct attributed_list {
    struct attributed *item;
    size_t count;
};

/* --- keys --------------------------------------------------------------------------------------*/

/** SHA-256 over the app and the user. */
static void hashed_add(struct key *key, struct text app_id, struct text user_id)
{
    struct key hashed = key_batch(app_id, user_id);
    for (size_t i = 1; i < hashed.len; i++) {
        key_add_u8(key, hashed.b[i]);
    }
}

struct key attribution_key(enum key_class class, struct text app_id, struct text user_id)
{
    struct key key = key_of(class);
    hashed_add(&key, app_id, user_id);
    return key;
}

struct key wait_app_key(struct text app_id)
{
    struct key key = key_of(KEY_WAITING);
    key_add_u8(&key, WAIT_APP);
    hashed_add(&key, app_id, (struct text){0});
    return key;
}

struct key wait_user_key(struct text app_id, struct text user_id)
{
    return attribution_key(KEY_WAIT_USER, app_id, user_id);
}

/* --- in and out --------------------------------------------------------------------------------*/

static enum view_result list_view(const struct view *v, struct arena *a, struct key key,
                                  struct attributed_list *l)
{
    struct bytes value;
    *l = (struct attributed_list){0};
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    l->count = read_varint(&r);
    l->item = arena_array(a, l->count + 1, sizeof *l->item);
    for (size_t i = 0; i < l->count; i++) {
        l->item[i].from = (mete_time)read_zigzag(&r);
        l->item[i].seq = read_varint(&r);
        l->item[i].campaign = (uint32_t)read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

static void list_load(struct work *w, struct key key, struct attributed_list *l)
{
    w->missing |= list_view(w->view, w->a, key, l) == VIEW_MISSING;
}

static void list_put(struct work *w, struct key key, const struct attributed_list *l)
{
    struct buf value = {0};
    buf_put_varint(&value, l->count);
    for (size_t i = 0; i < l->count; i++) {
        buf_put_zigzag(&value, l->item[i].from);
        buf_put_varint(&value, l->item[i].seq);
        buf_put_varint(&value, l->item[i].campaign);
    }
    work_set(w, key, &value);
    buf_clear(&value);
}

static bool is_before(const struct attributed *a, const struct attributed *b)
{
    return a->from != b->from ? a->from < b->from : a->seq < b->seq;
}

static void list_insert(struct work *w, struct attributed_list *l, struct attributed one)
{
    struct attributed *more = arena_array(w->a, l->count + 1, sizeof *more);
    size_t at = 0;
    while (at < l->count && is_before(&l->item[at], &one)) {
        more[at] = l->item[at];
        at++;
    }
    more[at] = one;
    for (size_t i = at; i < l->count; i++) {
        more[i + 1] = l->item[i];
    }
    l->item = more;
    l->count++;
}

/** The last that has come; before the first, the first or what took its place. NULL: there is none.
 */
static const struct attributed *list_at(const struct attributed_list *l, mete_time at)
{
    size_t i = l->count;
    while (i > 1 && l->item[i - 1].from > at && l->item[i - 1].from != l->item[0].from) {
        i--;
    }
    return l->count == 0 ? NULL : &l->item[i - 1];
}

enum view_result view_attribution(const struct view *v, struct arena *a, struct text app_id,
                                  struct text user_id, mete_time at, struct attributed *out)
{
    struct attributed_list l;
    enum view_result found = list_view(v, a, attribution_key(KEY_ATTRIBUTION, app_id, user_id), &l);
    const struct attributed *one = found == VIEW_FOUND ? list_at(&l, at) : NULL;
    *out = one != NULL ? *one : (struct attributed){0};
    return found == VIEW_MISSING ? VIEW_MISSING : one != NULL ? VIEW_FOUND : VIEW_ABSENT;
}

uint32_t attribution_at(struct work *w, struct text app_id, struct text user_id, mete_time at)
{
    struct attributed_list l;
    list_load(w, attribution_key(KEY_ATTRIBUTION, app_id, user_id), &l);
    const struct attributed *one = list_at(&l, at);
    return one != NULL ? one->campaign : 0;
}

/* --- the events --------------------------------------------------------------------------------*/

/** A correction takes the place of the attribution that held, from its beginning on; the other
 *  starts at its own moment. */
static mete_time starts_at(const struct work *w, const struct attributed_list *l)
{
    const struct event *e = w->event;
    if (e->attribution.effective_from.set) {
        return e->attribution.effective_from.at;
    }
    const struct attributed *held =
        e->type == EVENT_ATTRIBUTION_UPDATED ? list_at(l, e->occurred_at) : NULL;
    return held != NULL ? held->from : e->occurred_at;
}

/** The campaign by its id; the event waits for one that has not been created. */
static enum decided attributed_campaign(struct work *w, uint32_t *number)
{
    struct version *versions = NULL;
    struct campaign unused;
    size_t count = 0;
    struct text id = w->event->attribution.campaign_id;
    if (id.len > CAMPAIGN_ID_LEN_MAX) {
        return work_refuse(w, METE_TEXT_LENGTH, "/payload/campaign_id",
                           "a campaign's id has at most %zu bytes", CAMPAIGN_ID_LEN_MAX);
    }
    *number = work_policy(w, campaign_policy_id(w->a, id), &versions, &count);
    enum view_result found = view_campaign(w->view, w->a, *number, &unused);
    w->missing |= found == VIEW_MISSING;
    return found == VIEW_ABSENT ? work_wait(w, METE_CAMPAIGN_UNKNOWN, wait_policy_key(*number),
                                            "/payload/campaign_id")
                                : DECIDED_APPLIED;
}

enum decided decide_attribution(struct work *w)
{
    const struct event *e = w->event;
    struct attributed_list l;
    struct attributed one = {.seq = w->in->seq};
    if (e->type == EVENT_ATTRIBUTION_UPDATED && !w->book.attribution_corrections && !w->released) {
        return work_refuse(w, METE_CORRECTIONS_OFF, "/event_type",
                           "this book keeps the first attribution of a user");
    }
    enum decided fine = attributed_campaign(w, &one.campaign);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    struct text user = e->attribution.user_id;
    struct key key = attribution_key(KEY_ATTRIBUTION, e->app_id, user);
    list_load(w, key, &l);
    if (l.count >= ATTRIBUTIONS_MAX) {
        return work_refuse(w, METE_LIMIT, "/payload/user_id", "a user has at most %d attributions",
                           ATTRIBUTIONS_MAX);
    }
    one.from = starts_at(w, &l);
    list_insert(w, &l, one);
    list_put(w, key, &l);
    about_campaign(w, e->attribution.campaign_id);
    work_release(w, wait_user_key(e->app_id, user));
    work_release(w, attribution_key(KEY_USER_REVENUE, e->app_id, user));
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}
