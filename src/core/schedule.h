/* SPDX-License-Identifier: Apache-2.0
 * When payouts are due: schedules as a book keeps them, and the calendar (UTC) that cuts time into
 * their periods. A period is named once and for all: 2026-11-30, 2026-W48 or 2026-11. */
#ifndef METE_CORE_SCHEDULE_H
#define METE_CORE_SCHEDULE_H

#include "core/view.h"

enum schedule_every { EVERY_DAY, EVERY_WEEK, EVERY_MONTH, EVERY_DEMAND, EVERY_COUNT };

struct schedule {
    struct text id;
    uint8_t every; /* enum schedule_every */
    uint8_t on; /* day of the week (1: Monday) or of the month on which it is run; 0: the first */
    uint32_t at_min; /* minutes after midnight */
    mete_time since; /* what was due before is not caught up */
    uint32_t asset;
    struct text rail;
    i128 minimum;         /* to be reached; 0: the book's alone */
    i128 maximum;         /* of one request of EVERY_DEMAND; 0: none */
    i128 fee;             /* what the rail is expected to take for one transfer */
    uint32_t fee_cap_bps; /* of the amount, that the fee may be; 0: any */
};

/* What every payout of a batch keeps to, in minor units of its asset. */
struct payout_bounds {
    i128 minimum; /* these three as in struct schedule */
    i128 fee;
    uint32_t fee_cap_bps;
};

const char *schedule_every_name(uint8_t every);

void schedules_pack(struct buf *out, const struct schedule *s, size_t count);
bool schedules_unpack(struct arena *a, struct bytes packed, struct schedule **out,
                      size_t *count) METE_MUST_CHECK;
/** All of the book's; none: VIEW_ABSENT, 0. */
enum view_result view_schedules(const struct view *v, struct arena *a, struct schedule **out,
                                size_t *count);
/** The one of that id; VIEW_ABSENT. */
enum view_result view_schedule(const struct view *v, struct arena *a, struct text id,
                               struct schedule *out);

#define PERIOD_NAME_MAX 16

struct period {
    char name[PERIOD_NAME_MAX];
    mete_time from;
    mete_time until; /* exclusive; its last microsecond is the cut-off */
    mete_time due;   /* when it is run; on demand: when it begins */
};

/** Nothing is run by the clock: who asks is paid. */
bool schedule_on_demand(const struct schedule *s);
/** Has the clock made the period due by `t`, since there is the schedule? */
bool schedule_is_due(const struct schedule *s, const struct period *p, mete_time t);
/** The newest period that is due at `t`. */
void schedule_period(const struct schedule *s, mete_time t, struct period *out);
/** By its name. False: the schedule has none of that name. */
bool schedule_period_named(const struct schedule *s, struct text name,
                           struct period *out) METE_MUST_CHECK;

/** METE_OK, METE_BELOW_MINIMUM or METE_FEE_ABOVE_CAP: what is carried on to the next period. */
enum mete_code bounds_judge(const struct payout_bounds *b, i128 amount);
struct payout_bounds schedule_bounds(const struct schedule *s);

#endif
