/* SPDX-License-Identifier: Apache-2.0
 * Whom a campaign brought, and through what. Whose a user is now, the book says: the events of one
 * campaign do not tell of a correction in favour of another. */
#include "engine/campaign_parts.h"

#include "base/text.h"

#include <stdlib.h>

struct brought *brought_obtain(struct gather *g, struct text app_id, struct text user_id)
{
    bool made;
    row_begin(g, ROW_USER);
    row_key_text(g, app_id);
    row_key_text(g, user_id);
    struct brought *u = row_obtain(g, &g->user, sizeof *u, &made);
    if (made) {
        u->app_id = arena_text(g->a, app_id);
        u->user_id = arena_text(g->a, user_id);
        u->first = TIME_NEVER;
    }
    return u;
}

static void came_by_key(struct gather *g, uint64_t seq)
{
    row_begin(g, ROW_CAME_BY);
    row_key_number(g, seq);
}

void brought_take(struct gather *g, const struct fact *f)
{
    (void)brought_obtain(g, f->event.app_id, f->event.attribution.user_id);
    came_by_key(g, f->item->event_seq);
    struct came_by *c = row_obtain(g, NULL, sizeof *c, NULL);
    c->channel = fact_text(g, f, "channel");
    c->ad_id = fact_text(g, f, "ad_id");
}

void followed_add(struct report_followed *to, const struct brought *u)
{
    to->users++;
    to->customers += u->invoices > 0;
    sum_to(&to->gross, u->gross);
    sum_to(&to->net, u->net);
}

static void channel_add(struct gather *g, struct text channel, const struct brought *u)
{
    bool made;
    row_begin(g, ROW_CHANNEL);
    row_key_text(g, channel);
    struct report_channel *c = row_obtain(g, &g->out->channels, sizeof *c, &made);
    c->channel = channel;
    followed_add(&c->followed, u);
}

/** True when the attribution that holds for the user is one of this campaign. */
static bool held_by_us(struct gather *g, const struct brought *u, struct attributed *held)
{
    arena_reset(&g->item);
    return view_attribution(g->v, &g->item, u->app_id, u->user_id, g->q->at, held) == VIEW_FOUND &&
           held->campaign == g->out->number;
}

static int channel_cmp(const void *x, const void *y)
{
    const struct report_channel *a = *(void *const *)x;
    const struct report_channel *b = *(void *const *)y;
    return text_cmp(a->channel, b->channel);
}

void users_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    for (size_t i = 0; i < g->user.count; i++) {
        const struct brought *u = g->user.row[i];
        struct attributed held;
        if (u->user_id.len == 0 || !held_by_us(g, u, &held)) {
            continue;
        }
        came_by_key(g, held.seq);
        const struct came_by *c = row_find(g);
        out->users++;
        channel_add(g, c != NULL ? c->channel : (struct text){0}, u);
        if (c != NULL && c->ad_id.len > 0) {
            creative_followed(g, c->ad_id, u);
        }
    }
    if (out->channels.count > 1) {
        qsort(out->channels.row, out->channels.count, sizeof *out->channels.row, channel_cmp);
    }
}
