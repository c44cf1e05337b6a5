/* SPDX-License-Identifier: Apache-2.0
 * From the lines of a spool file to the bodies of POST /usage: one for each customer wallet, calls
 * of the same endpoint, policy, currency and hour added up. The same lines always give the same
 * bytes, so that a report made again is the same report. No I/O but the stream that is written. */
#ifndef METE_CLIENT_REPORT_H
#define METE_CLIENT_REPORT_H

#include "client/call_line.h"

#include <stdio.h>

struct report {
    struct text cli_id;
    mete_time begun;
    struct call *call; /* sorted and added up; in memory of its own */
    size_t count;
    uint64_t torn; /* lines that were left out */
};

enum report_read { REPORT_OK, REPORT_NO_HEAD, REPORT_NO_MEMORY };

/** Reads a whole spool file. Texts point into `file`. Clear it afterwards in every case. */
enum report_read report_read(struct report *r, struct text file);
void report_clear(struct report *r);

/** The end of the run of calls of one wallet that begins at `from`. */
size_t report_run(const struct report *r, size_t from);
/** The body with the calls from..until-1. The caller looks for errors of `out`. */
void report_write(const struct report *r, size_t from, size_t until, const char *report_id,
                  FILE *out);

#endif
