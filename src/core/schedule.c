/* SPDX-License-Identifier: Apache-2.0
 * The calendar of schedules. Days are whole days of UTC, weeks those of ISO 8601. */
#include "core/schedule.h"

#include "base/i128.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define SCHEDULES_FORMAT 1
#define MINUTE_US        (60 * TIME_SECOND_US)
#define EPOCH_WEEKDAY    3 /* 1970-01-01 was a Thursday; Monday is 0 */

static const char *const NAMES[EVERY_COUNT] = {"day", "week", "month", "demand"};

const char *schedule_every_name(uint8_t every)
{
    METE_ASSERT(every < EVERY_COUNT);
    return NAMES[every];
}

/* --- in state ----------------------------------------------------------------------------------*/

void schedules_pack(struct buf *out, const struct schedule *s, size_t count)
{
    buf_put_u8(out, SCHEDULES_FORMAT);
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_sized(out, s[i].id);
        buf_put_u8(out, s[i].every);
        buf_put_u8(out, s[i].on);
        buf_put_varint(out, s[i].at_min);
        buf_put_zigzag(out, s[i].since);
        buf_put_varint(out, s[i].asset);
        buf_put_sized(out, s[i].rail);
        buf_put_zigzag(out, s[i].minimum);
        buf_put_zigzag(out, s[i].maximum);
        buf_put_zigzag(out, s[i].fee);
        buf_put_varint(out, s[i].fee_cap_bps);
    }
}

static void schedule_read(struct reader *r, struct arena *a, struct schedule *s)
{
    s->id = arena_text(a, read_sized(r));
    s->every = read_u8(r);
    s->on = read_u8(r);
    s->at_min = (uint32_t)read_varint(r);
    s->since = (mete_time)read_zigzag(r);
    s->asset = (uint32_t)read_varint(r);
    s->rail = arena_text(a, read_sized(r));
    s->minimum = read_zigzag(r);
    s->maximum = read_zigzag(r);
    s->fee = read_zigzag(r);
    s->fee_cap_bps = (uint32_t)read_varint(r);
    r->failed |= s->every >= EVERY_COUNT;
}

bool schedules_unpack(struct arena *a, struct bytes packed, struct schedule **out, size_t *count)
{
    struct reader r = reader_of(packed);
    r.failed |= read_u8(&r) != SCHEDULES_FORMAT;
    *count = (size_t)read_varint(&r);
    if (r.failed || *count > packed.len) {
        return false;
    }
    *out = arena_array(a, *count, sizeof **out);
    for (size_t i = 0; i < *count && !r.failed; i++) {
        schedule_read(&r, a, &(*out)[i]);
    }
    return reader_done(&r);
}

enum view_result view_schedules(const struct view *v, struct arena *a, struct schedule **out,
                                size_t *count)
{
    struct key key = key_of(KEY_SCHEDULES);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    *count = 0;
    METE_ASSERT(found != VIEW_FOUND || schedules_unpack(a, value, out, count));
    return found;
}

enum view_result view_schedule(const struct view *v, struct arena *a, struct text id,
                               struct schedule *out)
{
    struct schedule *all;
    size_t count;
    enum view_result found = view_schedules(v, a, &all, &count);
    for (size_t i = 0; i < count; i++) {
        if (text_eq(all[i].id, id)) {
            *out = all[i];
            return VIEW_FOUND;
        }
    }
    return found == VIEW_MISSING ? VIEW_MISSING : VIEW_ABSENT;
}

/* --- the calendar ------------------------------------------------------------------------------*/

/** Year, month and day as time_format_day writes them. */
static void date_read(int32_t day, int *year, int *month, int *mday)
{
    char text[11];
    time_format_day(day, text);
    *year = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0';
    *month = (text[5] - '0') * 10 + text[6] - '0';
    *mday = (text[8] - '0') * 10 + text[9] - '0';
}

static int32_t weekday(int32_t day)
{
    return ((day % 7) + 7 + EPOCH_WEEKDAY) % 7;
}

/** ISO 8601: a week belongs to the year of its Thursday. */
static void week_name(int32_t monday, char out[PERIOD_NAME_MAX])
{
    int year, month, mday;
    int32_t thursday = monday + 3;
    int32_t new_year;
    char first[11];
    date_read(thursday, &year, &month, &mday);
    snprintf(first, sizeof first, "%04u-01-01", (unsigned)year % 10000);
    METE_ASSERT(time_parse_day(text_of(first), &new_year));
    snprintf(out, PERIOD_NAME_MAX, "%04u-W%02u", (unsigned)year % 10000,
             (unsigned)(thursday - new_year) / 7 % 54 + 1);
}

/** The period that the day falls into. */
static void period_of(const struct schedule *s, int32_t day, struct period *out)
{
    char date[11];
    time_format_day(day, date);
    int32_t from = day;
    if (s->every == EVERY_WEEK) {
        from = day - weekday(day);
        week_name(from, out->name);
        out->from = time_of_day(from);
        out->until = time_of_day(from + 7);
    } else {
        bool month = s->every == EVERY_MONTH;
        snprintf(out->name, sizeof out->name, "%.*s", month ? 7 : 10, date);
        METE_ASSERT(time_parse_period(text_of(out->name), &out->from, &out->until));
    }
    mete_time days = s->on > 1 ? (s->on - 1) * TIME_DAY_US : 0;
    out->due = schedule_on_demand(s) ? out->from : out->until + days + s->at_min * MINUTE_US;
}

bool schedule_on_demand(const struct schedule *s)
{
    return s->every == EVERY_DEMAND;
}

bool schedule_is_due(const struct schedule *s, const struct period *p, mete_time t)
{
    return !schedule_on_demand(s) && p->due >= s->since && p->due <= t;
}

void schedule_period(const struct schedule *s, mete_time t, struct period *out)
{
    int32_t day = time_day(t);
    period_of(s, day, out);
    while (out->due > t && out->from > TIME_DAY_US) {
        period_of(s, time_day(out->from - 1), out);
    }
}

/** "2026-W48" as the first moment of its Monday. */
static bool week_parse(struct text name, int32_t *monday)
{
    char first[11];
    int32_t day;
    if (name.len != 8 || memcmp(name.p + 4, "-W", 2) != 0 || name.p[6] < '0' || name.p[6] > '5' ||
        name.p[7] < '0' || name.p[7] > '9') {
        return false;
    }
    snprintf(first, sizeof first, "%.4s-01-04", name.p); /* is always in the first week */
    if (!time_parse_day(text_of(first), &day)) {
        return false;
    }
    int32_t week = (name.p[6] - '0') * 10 + name.p[7] - '0';
    *monday = day - weekday(day) + (week - 1) * 7;
    return true;
}

bool schedule_period_named(const struct schedule *s, struct text name, struct period *out)
{
    mete_time from = 0;
    mete_time until;
    int32_t day = 0;
    bool read =
        s->every == EVERY_WEEK ? week_parse(name, &day) : time_parse_period(name, &from, &until);
    if (!read) {
        return false;
    }
    period_of(s, s->every == EVERY_WEEK ? day : time_day(from), out);
    return text_is(name, out->name);
}

/* --- who is paid -------------------------------------------------------------------------------*/

struct payout_bounds schedule_bounds(const struct schedule *s)
{
    return (struct payout_bounds){
        .minimum = s->minimum, .fee = s->fee, .fee_cap_bps = s->fee_cap_bps};
}

enum mete_code bounds_judge(const struct payout_bounds *b, i128 amount)
{
    if (amount < b->minimum) {
        return METE_BELOW_MINIMUM;
    }
    bool above = b->fee_cap_bps > 0 && b->fee > amount_bps(amount, b->fee_cap_bps);
    return above ? METE_FEE_ABOVE_CAP : METE_OK;
}
