/* SPDX-License-Identifier: Apache-2.0
 * `payout_schedules` of book.configured: the list replaces the one before. A schedule that was
 * there keeps the moment from which its periods are run. */
#include "core/payout_work.h"
#include "core/schedule.h"

#include "base/text.h"

#include <stdio.h>

struct taking {
    struct work *w;
    const struct event_schedule *in;
    size_t index;
    struct schedule *out;
};

static enum decided refuse(const struct taking *t, const char *member, const char *why)
{
    char at[64];
    snprintf(at, sizeof at, "/payload/payout_schedules/%zu/%s", t->index, member);
    return work_refuse(t->w, METE_MEMBER_VALUE, at, "%s", why);
}

static bool clock_parse(struct text t, uint32_t *minutes)
{
    *minutes = 0;
    if (t.len == 0) {
        return true;
    }
    for (size_t i = 0; i < 5; i++) {
        if (t.len != 5 || (i == 2 ? t.p[i] != ':' : t.p[i] < '0' || t.p[i] > '9')) {
            return false;
        }
    }
    uint32_t hour = (uint32_t)(t.p[0] - '0') * 10 + (uint32_t)(t.p[1] - '0');
    uint32_t minute = (uint32_t)(t.p[3] - '0') * 10 + (uint32_t)(t.p[4] - '0');
    *minutes = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

static enum decided days_take(const struct taking *t)
{
    const struct event_schedule *e = t->in;
    struct schedule *s = t->out;
    while (s->every < EVERY_COUNT && !text_is(e->every, schedule_every_name(s->every))) {
        s->every++;
    }
    s->on = (uint8_t)e->on;
    if (e->on > 0 && s->every != EVERY_MONTH && (s->every != EVERY_WEEK || e->on > 7)) {
        return refuse(t, "on", "the day of the month, or of the week from 1, Monday, to 7");
    }
    return clock_parse(e->at, &s->at_min) ? DECIDED_APPLIED
                                          : refuse(t, "at", "a time of the day in UTC, as 09:30");
}

static enum decided amount_take(const struct taking *t, struct text given, const char *member,
                                i128 *amount)
{
    char at[64];
    struct asset unused;
    const struct money m = {.amount = given, .currency = t->in->asset};
    snprintf(at, sizeof at, "/payload/payout_schedules/%zu/%s", t->index, member);
    return given.len == 0 ? DECIDED_APPLIED : work_money(t->w, &m, at, &unused, amount);
}

static enum decided money_take(const struct taking *t)
{
    const struct event_schedule *e = t->in;
    struct schedule *s = t->out;
    struct asset asset = {0};
    enum view_result found = view_asset(t->w->view, e->asset, &asset);
    t->w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return t->w->missing ? DECIDED_NEEDS
                             : refuse(t, "asset", "define the asset before it is paid out");
    }
    s->asset = asset.number;
    s->fee_cap_bps = (uint32_t)e->fee_cap_bps;
    enum decided fine = amount_take(t, e->minimum, "minimum", &s->minimum);
    fine = fine == DECIDED_APPLIED ? amount_take(t, e->maximum, "maximum", &s->maximum) : fine;
    fine = fine == DECIDED_APPLIED ? amount_take(t, e->fee, "fee", &s->fee) : fine;
    if (fine == DECIDED_APPLIED && s->maximum > 0 && !schedule_on_demand(s)) {
        return refuse(t, "maximum", "bounds what a party asks for: only with every demand");
    }
    return fine;
}

static mete_time since_of(const struct schedule *before, size_t count, struct text id,
                          mete_time now)
{
    for (size_t i = 0; i < count; i++) {
        if (text_eq(before[i].id, id)) {
            return before[i].since;
        }
    }
    return now;
}

static enum decided schedule_take(const struct taking *t, const struct schedule *earlier)
{
    const struct event_schedule *e = t->in;
    *t->out = (struct schedule){.id = e->id, .rail = e->rail};
    for (size_t i = 0; i < t->index; i++) {
        if (text_eq(earlier[i].id, e->id)) {
            return refuse(t, "id", "another schedule has this id");
        }
    }
    for (size_t i = 0; i < e->id.len; i++) {
        if (e->id.p[i] == '/') {
            return refuse(t, "id", "no slash: the batch of a period is named ID/PERIOD");
        }
    }
    enum decided fine = days_take(t);
    return fine == DECIDED_APPLIED ? money_take(t) : fine;
}

enum decided decide_schedules(struct work *w)
{
    const struct event_book *e = &w->event->book;
    struct schedule *before = NULL;
    size_t count = 0;
    if (!e->has_schedules) {
        return DECIDED_APPLIED;
    }
    w->missing |= view_schedules(w->view, w->a, &before, &count) == VIEW_MISSING;
    struct schedule *all = arena_array(w->a, e->schedule_count, sizeof *all);
    for (size_t i = 0; i < e->schedule_count; i++) {
        const struct taking t = {w, &e->schedule[i], i, &all[i]};
        enum decided fine = schedule_take(&t, all);
        if (fine != DECIDED_APPLIED) {
            return fine;
        }
        all[i].since = since_of(before, count, all[i].id, w->now);
    }
    struct buf value = {0};
    schedules_pack(&value, all, e->schedule_count);
    work_set(w, key_of(KEY_SCHEDULES), &value);
    buf_clear(&value);
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}
