/* SPDX-License-Identifier: Apache-2.0
 * Periods of schedules as batches: which one is meant, what its batch is called and pays, whether
 * it is due. Opening them is payout_batch.c's. */
#include "engine/payout_parts.h"

#include "base/text.h"

static enum mete_code period_take(const struct schedule *s, struct text name, mete_time now,
                                  struct period *p, struct mete_err *err)
{
    static const char *const examples[EVERY_COUNT] = {[EVERY_DAY] = "2026-11-30",
                                                      [EVERY_WEEK] = "2026-W48",
                                                      [EVERY_MONTH] = "2026-11",
                                                      [EVERY_DEMAND] = "2026-11-30"};
    if (name.len == 0) {
        schedule_period(s, now, p);
        return METE_OK;
    }
    return schedule_period_named(s, name, p)
               ? METE_OK
               : mete_fail(err, METE_REQUEST_INVALID, "/period",
                           "%.*s runs every %s, so its periods are named like %s", (int)s->id.len,
                           s->id.p, schedule_every_name(s->every), examples[s->every]);
}

static enum mete_code period_fill(struct engine *e, struct text name, struct arena *a,
                                  struct payout_period *out, struct mete_err *err)
{
    mete_time now = engine_now(e);
    const struct schedule *s = &out->schedule;
    struct period *p = &out->period;
    enum mete_code code = period_take(s, name, now, p, err);
    if (code != METE_OK) {
        return code;
    }
    if (view_asset_number(engine_view(e), s->asset, &out->asset) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_FAILED, "", "the schedule's asset cannot be read");
    }
    out->on_demand = schedule_on_demand(s);
    out->batch_id = arena_printf(a, "%.*s/%s", (int)s->id.len, s->id.p, p->name);
    out->cutoff_at = p->until - 1;
    out->plan_at = out->on_demand ? now : out->cutoff_at;
    out->bounds = schedule_bounds(s);
    return METE_OK;
}

enum mete_code payout_period_find(struct engine *e, struct text schedule, struct text name,
                                  struct arena *a, struct payout_period *out, struct mete_err *err)
{
    enum view_result found = view_schedule(engine_view(e), a, schedule, &out->schedule);
    enum mete_code code = found == VIEW_FOUND ? period_fill(e, name, a, out, err)
                                              : mete_fail(err, METE_SCHEDULE_UNKNOWN, "/schedule",
                                                          "there is no schedule \"%.*s\"",
                                                          (int)schedule.len, schedule.p);
    return engine_sound(e, code, err);
}

enum mete_code payout_period_due(struct engine *e, struct arena *a, bool *due,
                                 struct payout_period *out, struct mete_err *err)
{
    struct schedule *s = NULL;
    size_t count;
    enum mete_code code = METE_OK;
    *due = false;
    if (view_schedules(engine_view(e), a, &s, &count) == VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "the schedules cannot be read");
    }
    for (size_t i = 0; i < count && code == METE_OK && !*due; i++) {
        out->schedule = s[i];
        code = period_fill(e, (struct text){0}, a, out, err);
        *due = code == METE_OK && schedule_is_due(&s[i], &out->period, engine_now(e)) &&
               engine_seq_of(e, out->batch_id) == 0;
    }
    return code;
}

struct payout_query payout_period_query(const struct payout_period *p)
{
    return (struct payout_query){.asset = text_of(p->asset.code),
                                 .rail = p->schedule.rail,
                                 .at = p->plan_at,
                                 .bounds = &p->bounds};
}
