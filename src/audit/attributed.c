/* SPDX-License-Identifier: Apache-2.0
 * Which campaign brought a user: the newest attribution that had come by then, and before the first
 * one that, or the correction that took its place. */
#include "audit/audit.h"

#include "audit/member.h"
#include "base/limits.h"
#include "base/text.h"
#include "mete/error.h"

struct text user_key(struct arena *a, struct text app, struct text user)
{
    return arena_printf(a, "%.*s\x1f%.*s", (int)app.len, app.len > 0 ? app.p : "", (int)user.len,
                        user.len > 0 ? user.p : "");
}

struct app_user *user_obtain(struct economy *e, struct text app, struct text user)
{
    bool made;
    struct text key = user_key(e->keep, app, user);
    struct app_user **slot = map_put(&e->user_of, text_bytes(key), &made);
    if (made) {
        *slot = arena_alloc(e->keep, sizeof **slot);
    }
    return *slot;
}

static const struct attributed *held_at(const struct app_user *u, mete_time at)
{
    const struct attributed *held = u->count > 0 ? &u->attributed[0] : NULL;
    for (uint32_t i = 1; i < u->count; i++) {
        if (u->attributed[i].from <= at || u->attributed[i].from == u->attributed[0].from) {
            held = &u->attributed[i];
        }
    }
    return held;
}

struct campaign *attributed_to(const struct app_user *u, mete_time at)
{
    const struct attributed *held = held_at(u, at);
    return held != NULL ? held->campaign : NULL;
}

static struct text told(const struct moment *m, const char *key)
{
    struct text t = member_text(m->payload, key);
    return t.len > 0 ? t : event_about(m, key);
}

void attribution_judge(struct audit *a, struct moment *m, struct want *w)
{
    struct text id = told(m, "campaign_id");
    struct app_user *u = user_obtain(&a->economy, event_app(m), told(m, "user_id"));
    if (campaign_known(&a->economy, id) == NULL) {
        want_waits_on(m, w, METE_CAMPAIGN_UNKNOWN, LIST_CAMPAIGN, id);
    } else if (u->count >= ATTRIBUTIONS_MAX) {
        want_waits(m, w, WAIT_ANY_CODE, id);
    }
}

/* A correction takes the place of the one that held, from its beginning on. */
static mete_time starts_at(const struct moment *m, const struct app_user *u)
{
    const struct attributed *held = held_at(u, m->occurred_at);
    bool corrects = text_is(event_kind_of(m), "attribution.updated") && held != NULL;
    return member_time(m->payload, "effective_from", false, corrects ? held->from : m->occurred_at);
}

void attribution_take(struct audit *a, struct moment *m, bool released)
{
    struct economy *e = &a->economy;
    struct text app = event_app(m), user = told(m, "user_id");
    struct app_user *u = user_obtain(e, app, user);
    struct campaign *c = campaign_known(e, told(m, "campaign_id"));
    if (text_is(event_kind_of(m), "attribution.updated") && a->book.corrections_off && !released) {
        event_forbidden(m, "this book allows no corrections");
    }
    if (c == NULL) {
        return; /* said when it was judged */
    }
    struct attributed one = {starts_at(m, u), m->seq, c};
    u->attributed =
        arena_grow(e->keep, u->attributed, u->count, &u->capacity, sizeof u->attributed[0]);
    uint32_t at = u->count++;
    while (at > 0 &&
           (u->attributed[at - 1].from > one.from ||
            (u->attributed[at - 1].from == one.from && u->attributed[at - 1].seq > one.seq))) {
        u->attributed[at] = u->attributed[at - 1];
        at--;
    }
    u->attributed[at] = one;
    waiting_open(a, LIST_USER, user_key(m->arena, app, user));
    for (uint32_t i = 0; i < u->invoice_count; i++) {
        waiting_again(a, u->invoice[i]);
    }
}
