/* SPDX-License-Identifier: Apache-2.0
 * Usage: what was reported and shared out by cycles, and what was metered and is booked by the day
 * exactly, the part below one minor unit waiting for the next close. */
#ifndef METE_AUDIT_USAGE_H
#define METE_AUDIT_USAGE_H

#include "audit/carry.h"
#include "audit/want.h"
#include "base/map.h"

struct usage_report {
    struct text provider;
    uint64_t calls, bytes;
};

struct usage {
    struct arena *keep;
    struct omap reports;   /* window_start, seq -> struct usage_report */
    struct map batches;    /* platform, batch: reported */
    struct map meters;     /* policy, currency, customer -> struct meter * */
    struct map metered_of; /* policy -> struct meter_list * */
};

void usage_init(struct usage *u, struct arena *keep);
void usage_clear(struct usage *u);

/** False when the platform has reported the batch before: the report adds nothing. */
bool usage_take_report(struct usage *u, const struct moment *m);
void usage_take_cost(struct usage *u, const struct moment *m);

/** Why a cycle cannot be booked now. */
void cycle_judge(struct usage *u, struct moment *m, struct want *w);
void cycle_split(struct usage *u, struct carry *c, struct moment *m, struct want *w);
/** Why a day's metered costs cannot be booked now; nothing open waits for nothing. */
void metering_judge(struct usage *u, struct moment *m, struct want *w);
void metering_split(struct usage *u, struct carry *c, struct moment *m, struct want *w);

#endif
