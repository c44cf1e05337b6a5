/* SPDX-License-Identifier: Apache-2.0
 * The usage tracker: a program records its API calls and what they cost; they are reported to
 * POST /usage of a mete server. No function waits for disk or network beyond what it says, none
 * makes the program fail: what goes wrong is counted. Every function takes a NULL tracker.
 * mete-tracker(3) says more. */
#ifndef METE_TRACKER_H
#define METE_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define METE_TRACKER_URL_DEFAULT "https://distribution.fair.io/usage"
#define METE_TRACKER_TEXT_MAX    200 /* bytes of an id, an endpoint or a wallet */
#define METE_TRACKER_ERROR_MAX   160

struct mete_tracker;

/* When calls in the spool are made to survive a power failure. A call that was written survives the
 * death of its program in every case; a report is always synced before its calls are removed. */
enum mete_tracker_sync {
    METE_TRACKER_SYNC_SECOND, /* at most a second after they were written */
    METE_TRACKER_SYNC_EACH,   /* with each write */
    METE_TRACKER_SYNC_NEVER,  /* when they are made into a report */
};

/* All zero but cli_id is fine. The texts are copied. */
struct mete_tracker_options {
    const char *cli_id;  /* the manifest that costs belong to; required */
    const char *url;     /* else METE_USAGE_URL, DISTRIBUTION_SERVICE_URL "/usage", default */
    const char *api_key; /* else METE_API_KEY; never written to disk */
    const char *customer_wallet; /* else CUSTOMER_WALLET_ID; else none */
    const char *spool;           /* folder; else METE_SPOOL, else one of cli_id in the state home */
    unsigned interval_s;         /* between reports; 0: 3600 */
    unsigned retry_min_ms;       /* first delay after a failure; it doubles. 0: 1000 */
    unsigned retry_max_ms;       /* largest delay; 0: 900000 */
    unsigned timeout_ms;         /* of one request; 0: 30000 */
    unsigned close_wait_ms;      /* what mete_tracker_close waits for the disk at most; 0: 250 */
    size_t memory_max;           /* bytes of calls that are not written yet; 0: 1 MiB */
    uint64_t disk_max;           /* bytes of the spool; further calls are dropped; 0: 64 MiB */
    enum mete_tracker_sync sync;
};

struct mete_tracker_call {
    const char *endpoint;
    const char *cost;            /* of all `calls` together: "0.0001", at most 18 decimals */
    const char *currency;        /* NULL: USD */
    const char *customer_wallet; /* NULL: that of the tracker */
    const char *policy;          /* manifest that this cost belongs to; NULL: cli_id */
    uint64_t calls;              /* 0: 1 */
    int64_t at_us;               /* microseconds since 1970, UTC; 0: now */
};

struct mete_tracker_stats {
    uint64_t recorded;       /* calls that were taken */
    uint64_t invalid;        /* calls that cannot be reported: a bad cost, a bad text */
    uint64_t dropped_memory; /* no room in memory */
    uint64_t dropped_disk;   /* no room in the spool, or it cannot be written */
    uint64_t written;        /* lines in the spool, by this tracker */
    uint64_t torn;           /* lines that a crash had cut, found and left out */
    uint64_t attempts;       /* requests */
    uint64_t retries;        /* of them after a failure */
    uint64_t unreachable;    /* no connection */
    uint64_t broken;         /* connected, but no complete answer */
    uint64_t put_off;        /* answers that say: later */
    uint64_t acknowledged;   /* reports that the server has; also of other processes */
    uint64_t duplicates;     /* of them those that it had already */
    uint64_t refused;        /* reports that it will never take; kept beside the others */
    uint64_t disk_errors;
    uint64_t spool_bytes; /* when it was last looked at */
    uint64_t spool_reports;
    char last_error[METE_TRACKER_ERROR_MAX]; /* "" when there was none; no secrets */
};

/** Starts a thread that does all the work. NULL: no cli_id, or no memory. */
struct mete_tracker *mete_tracker_open(const struct mete_tracker_options *options);

/** Takes one call; it only copies. False: it was counted as invalid or dropped. */
bool mete_tracker_record(struct mete_tracker *t, const struct mete_tracker_call *call);
/** The same for one call now, with what the options say. */
bool mete_track_call(struct mete_tracker *t, const char *endpoint, const char *cost);

/** Asks for a report now, and waits at most `wait_ms` (0: not at all) until the spool has no report
 *  left that the server has not acknowledged or refused. True: so it is. */
bool mete_tracker_report(struct mete_tracker *t, unsigned wait_ms);
/** Waits at most `wait_ms` until all calls recorded so far are written. True: they are. */
bool mete_tracker_flush(struct mete_tracker *t, unsigned wait_ms);

/** All zero for NULL. */
void mete_tracker_stats(struct mete_tracker *t, struct mete_tracker_stats *out);

/** Breaks a request off, writes what is in memory, frees the tracker. Waits close_wait_ms at most;
 *  what the server has not acknowledged stays in the spool for the next time. */
void mete_tracker_close(struct mete_tracker *t);

#ifdef __cplusplus
}
#endif

#endif
