/* SPDX-License-Identifier: Apache-2.0
 * The folder in which calls wait, shared by any number of processes. A file goes through these
 * states, and belongs to whoever holds its flock:
 *
 *   ID.new -> ID.calls (lines are appended) -> ID.sealed (never again) -> ID.N.report (a body)
 *   -> gone, or ID.N.refused
 *
 * A step is durable before what it came from is removed, and making it again gives the same bytes
 * under the same name: so a crash anywhere loses nothing, and repeats at most what the server knows
 * by its report_id. */
#ifndef METE_CLIENT_SPOOL_H
#define METE_CLIENT_SPOOL_H

#include "client/call_line.h"
#include "mete/tracker.h"

#include <limits.h>

#define SPOOL_ID_LEN      32u
#define SPOOL_NAME_MAX    64u
#define SPOOL_FILE_MAX    ((size_t)512 << 10) /* of calls; its body stays below the server's 4 MiB */
#define SPOOL_BODY_MAX    ((size_t)4 << 20)
#define SPOOL_REFUSED_MAX 16u
#define SPOOL_NEW_S       3600 /* a .new file of this age was left behind */
#define SPOOL_CLOCK_S     60 /* a file that was begun later than so far ahead is due: clocks move */

struct spool {
    const char *path; /* of its folder; lives longer */
    struct text cli_id;
    mete_time interval;
    uint64_t size_max;
    int folder; /* -1: not open yet */

    _Atomic int fd; /* of the file that calls are appended to, locked; -1: none */
    char id[SPOOL_ID_LEN + 1];
    mete_time begun;
    size_t size;
    bool dirty; /* written, not synced */

    uint64_t torn;
    uint64_t bytes;   /* of all files */
    uint64_t reports; /* to be sent; like bytes, as of the last look and what was made since */
};

void spool_init(struct spool *s, const char *path, struct text cli_id);
/** Closes; files stay. */
void spool_close(struct spool *s);

/** Appends whole lines. SPOOL_FULL: they cannot be kept. SPOOL_FAILED: perhaps later. */
enum spool_append { SPOOL_KEPT, SPOOL_FULL, SPOOL_FAILED };
enum spool_append spool_append(struct spool *s, struct text lines, mete_time now);
/** What was appended survives a power failure. */
bool spool_sync(struct spool *s);
/** Seals the open file, if there is one, and makes reports of it. False: later. */
bool spool_seal(struct spool *s);

/** Looks at the folder: counts, makes reports of calls whose processes are gone (old ones, or
 *  `all`), cleans up. False: the folder cannot be read. */
bool spool_look(struct spool *s, bool all, mete_time now);

/** The names of all reports. *count of them; free(*out). False: no memory, or no folder. */
bool spool_list(struct spool *s, char (**out)[SPOOL_NAME_MAX], size_t *count);

/** A report that is claimed: nobody else sends it. */
struct spool_report {
    int fd;
    const char *name;
    char *body;
    size_t len;
};
enum spool_claim { SPOOL_CLAIMED, SPOOL_GONE, SPOOL_BUSY };
enum spool_claim spool_claim(struct spool *s, const char *name, struct spool_report *out);
enum spool_outcome { SPOOL_ACKNOWLEDGED, SPOOL_REFUSED, SPOOL_LATER };
/** Ends the claim. */
bool spool_finish(struct spool *s, struct spool_report *r, enum spool_outcome how);

/** When anybody may next ask the server, for all processes of this folder; 0: now. */
mete_time spool_not_before(struct spool *s, mete_time now, mete_time longest);
void spool_set_not_before(struct spool *s, mete_time at); /* 0: now */

#endif
