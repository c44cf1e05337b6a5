/* SPDX-License-Identifier: Apache-2.0
 * What a gate has earned: a file that is only added to, a line of JSON a payment, and now and then
 * one for how often each route was asked. Lines of payments are written before the answer leaves.
 * Any thread. */
#ifndef METE_GATE_STATS_H
#define METE_GATE_STATS_H

#include "base/buf.h"
#include "base/time.h"
#include "base/u256.h"
#include "gate/config.h"
#include "gate/meters.h"

struct stats;

/** `path` NULL: nothing is kept. METE_FILE. */
enum mete_code stats_open(struct stats **out, const char *path,
                          struct mete_err *err) METE_MUST_CHECK;
/** Writes what was counted and not yet said. */
void stats_close(struct stats *s);

/** `r` NULL: it is on no route. */
void stats_count(struct stats *s, const struct gate_route *r, enum gate_outcome outcome);

struct stats_payment {
    const struct gate_route *route;
    const struct gate_offer *offer;
    struct text amount; /* in the smallest unit */
    struct text payer;
    struct text transaction;
    const char *request_id;
    bool was_served; /* false: not yet, and perhaps never */
};
void stats_paid(struct stats *s, const struct stats_payment *p);
/** A payment that was noted as not served is now: when it is settled up-front, or brought again. */
void stats_served(struct stats *s, const struct stats_payment *p);
/** Has the counts written when they are old enough. */
void stats_flush(struct stats *s, bool now);

/* Reading such a file again. */

enum stats_by { STATS_BY_ROUTE = 1u, STATS_BY_DAY = 2u };

struct stats_row {
    struct text route, day, network, asset; /* empty: not asked for, or no payment */
    struct text symbol;
    int64_t decimals; /* -1: not known */
    uint64_t requests, asked, paid, failed, free;
    uint64_t unserved;   /* of the paid ones, to the end of the file */
    struct u256 revenue; /* of one asset on one network: rows never add up different ones */
};
struct stats_report {
    struct stats_row *row;
    size_t count;
    uint64_t broken; /* lines that could not be read: the last one after a crash */
};
/** Sums the file's text up; rows in the order of their texts, in `a`. `from` and `until` by the
 *  day. */
void stats_report(struct arena *a, struct text file, unsigned by, mete_time from, mete_time until,
                  struct stats_report *out);

#endif
