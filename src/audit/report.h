/* SPDX-License-Identifier: Apache-2.0
 * What the auditor says: every difference with its line and event, then one summary. The first
 * difference is the one to look at; those after it may be its consequences. */
#ifndef METE_AUDIT_REPORT_H
#define METE_AUDIT_REPORT_H

#include <stdio.h>

#include "base/buf.h"
#include "base/types.h"

#define REPORT_COUNTED_MAX 1000 /* differences after which reading on is of no use */
#define REPORT_SHOWN_MAX   50

struct report {
    FILE *out;
    bool json;
    bool quiet;
    uint64_t line;     /* of the export, of what is being judged */
    struct text event; /* id of the event that is being judged; empty outside events */
    uint64_t count;
    struct buf shown; /* --json: the array's elements */
};

/** What was recomputed, for the summary. */
struct audit_totals {
    uint64_t events;
    uint64_t decisions; /* pages of releases included */
    uint64_t waiting;
    uint64_t lines; /* postings */
    uint64_t balances;
    char root[65];
};

void report_init(struct report *r, FILE *out, bool json, bool quiet);
/** One difference between what must be and what the export says; the sentence has no full stop. */
void report_difference(struct report *r, const char *fmt, ...) METE_PRINTF(2, 3);
bool report_full(const struct report *r);
void report_summary(struct report *r, const struct audit_totals *totals);
void report_clear(struct report *r);

#endif
