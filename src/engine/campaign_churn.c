/* SPDX-License-Identifier: Apache-2.0
 * Subscriptions of a campaign, and the months in which they were active. Cancellations are found by
 * their user, so that they count whether they came before the attribution or after it. */
#include "engine/campaign_parts.h"

#include "base/text.h"

#include <stdlib.h>

struct turn {
    mete_time at;
    bool ends;
};

struct subscription {
    struct text id; /* empty: none was said */
    struct row_list turn;
    struct subscription *next;    /* of its user */
    struct subscription *same_id; /* of other users */
};

/* A cancellation that names no user. */
struct ending {
    struct text id;
    mete_time at;
};

/* Months as they are counted; `first` is the month of churn[0]. */
struct tally {
    struct report_churn *churn;
    int32_t first;
    int32_t last;
};

/* --- gathering ---------------------------------------------------------------------------------*/

static void turn_add(struct gather *g, struct subscription *s, mete_time at, bool ends)
{
    struct turn *t = arena_alloc(g->a, sizeof *t);
    *t = (struct turn){at, ends};
    row_append(g, &s->turn, t);
    g->last = at > g->last ? at : g->last;
}

static struct subscription **by_id(struct gather *g, struct text id)
{
    row_begin(g, ROW_SUBSCRIPTION_ID);
    row_key_text(g, id);
    return row_obtain(g, NULL, sizeof(struct subscription *), NULL);
}

void subscription_paid(struct gather *g, struct brought *u, struct text id, mete_time at)
{
    bool made;
    if (u->user_id.len == 0 && id.len == 0) {
        return; /* nobody can say which one ends */
    }
    row_begin(g, ROW_SUBSCRIPTION);
    row_key_text(g, u->app_id);
    row_key_text(g, u->user_id);
    row_key_text(g, id);
    struct subscription *s = row_obtain(g, NULL, sizeof *s, &made);
    if (made) {
        s->id = id;
        s->next = u->subscription;
        u->subscription = s;
        if (id.len > 0) {
            struct subscription **head = by_id(g, id);
            s->same_id = *head;
            *head = s;
        }
    }
    turn_add(g, s, at, false);
}

void cancellation_take(struct gather *g, const struct fact *f)
{
    if (f->event.correlation.user_id.len > 0) {
        return; /* found by its user */
    }
    struct ending *e = arena_alloc(g->a, sizeof *e);
    e->id = fact_text(g, f, "stripe_subscription_id");
    e->at = f->head.occurred_at;
    row_append(g, &g->cancelled, e);
}

static void endings_of_nobody(struct gather *g)
{
    for (size_t i = 0; i < g->cancelled.count; i++) {
        const struct ending *e = g->cancelled.row[i];
        struct subscription *s = e->id.len > 0 ? *by_id(g, e->id) : NULL;
        for (; s != NULL; s = s->same_id) {
            turn_add(g, s, e->at, true);
        }
    }
}

struct of_user {
    struct gather *g;
    struct brought *user;
};

static bool ending_visit(void *arg, const struct walk_item *item)
{
    const struct of_user *o = arg;
    struct gather *g = o->g;
    struct fact f = {.item = item};
    arena_reset(&g->item);
    g->code = walk_head_of(&g->item, item->bytes, &f.head, g->err);
    if (g->code != METE_OK || f.head.occurred_at > g->q->at) {
        return g->code == METE_OK;
    }
    f.payload = json_get(f.head.tree, "payload");
    struct text id = fact_text(g, &f, "stripe_subscription_id");
    for (struct subscription *s = o->user->subscription; s != NULL; s = s->next) {
        if (id.len == 0 || s->id.len == 0 || text_eq(id, s->id)) {
            turn_add(g, s, f.head.occurred_at, true);
        }
    }
    return true;
}

static void endings_of_user(struct gather *g, struct brought *u)
{
    struct of_user o = {g, u};
    struct walk_range range = {.from = key_about_user(u->app_id, u->user_id),
                               .seq_at = KEY_ABOUT_SEQ_AT};
    range.until = key_prefix_end(range.from);
    const struct walk_places places = {&range, 1};
    enum mete_code code = walk_at(g->e, &places, ending_visit, &o, g->err);
    g->code = g->code == METE_OK ? code : g->code;
}

/* --- months ------------------------------------------------------------------------------------*/

/** What begins and ends at one moment began first. */
static int turn_cmp(const void *x, const void *y)
{
    const struct turn *a = *(void *const *)x;
    const struct turn *b = *(void *const *)y;
    return a->at != b->at ? (a->at > b->at) - (a->at < b->at) : a->ends - b->ends;
}

static void active_add(struct tally *t, int32_t from, int32_t until)
{
    for (int32_t m = from; m <= until; m++) {
        t->churn[m - t->first].active++;
    }
}

/** Each month counts a subscription once, however often it began and ended in it. */
static void subscription_count(struct tally *t, struct subscription *s)
{
    bool active = false;
    int32_t counted = t->first - 1; /* active up to this month */
    int32_t begun = t->first - 1;
    int32_t ended = t->first - 1;
    int32_t from = 0;
    qsort(s->turn.row, s->turn.count, sizeof *s->turn.row, turn_cmp);
    for (size_t i = 0; i < s->turn.count; i++) {
        const struct turn *turn = s->turn.row[i];
        int32_t month = month_of(turn->at);
        if (turn->ends == !active) {
            continue;
        }
        active = !turn->ends;
        if (active) {
            t->churn[month - t->first].begun += month != begun;
            begun = month;
            from = month > counted ? month : counted + 1;
            continue;
        }
        active_add(t, from, month);
        counted = month;
        t->churn[month - t->first].cancelled += month != ended;
        ended = month;
    }
    if (active) {
        active_add(t, from, t->last);
    }
}

static void tally_give(struct gather *g, const struct tally *t)
{
    for (int32_t m = t->first; m <= t->last; m++) {
        struct report_churn *c = &t->churn[m - t->first];
        c->month = m;
        c->churn = quota_of((i128)c->cancelled, (i128)c->active);
        row_append(g, &g->out->churn, c);
    }
}

/** The month of the first subscription; INT32_MAX: there is none. */
static int32_t first_month(const struct gather *g)
{
    int32_t first = INT32_MAX;
    for (size_t i = 0; i < g->user.count; i++) {
        const struct brought *u = g->user.row[i];
        for (const struct subscription *s = u->subscription; s != NULL; s = s->next) {
            for (size_t k = 0; k < s->turn.count; k++) {
                const struct turn *turn = s->turn.row[k];
                int32_t month = month_of(turn->at);
                first = !turn->ends && month < first ? month : first;
            }
        }
    }
    return first;
}

void churn_finish(struct gather *g)
{
    for (size_t i = 0; i < g->user.count && g->code == METE_OK; i++) {
        struct brought *u = g->user.row[i];
        if (u->subscription != NULL && u->user_id.len > 0) {
            endings_of_user(g, u);
        }
    }
    endings_of_nobody(g);
    struct tally t = {.first = first_month(g)};
    if (t.first == INT32_MAX || g->code != METE_OK) {
        return;
    }
    t.last = month_of(g->last);
    t.churn = arena_array(g->a, (size_t)(t.last - t.first + 1), sizeof *t.churn);
    for (size_t i = 0; i < g->user.count; i++) {
        const struct brought *u = g->user.row[i];
        for (struct subscription *s = u->subscription; s != NULL; s = s->next) {
            subscription_count(&t, s);
        }
    }
    tally_give(g, &t);
}
