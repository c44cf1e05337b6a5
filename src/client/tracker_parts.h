/* SPDX-License-Identifier: Apache-2.0
 * What the two sides of a tracker share: the calls of the program, which only copy under a lock
 * that is held for as long as a copy takes, and the thread that does everything that may take long.
 */
#ifndef METE_CLIENT_TRACKER_PARTS_H
#define METE_CLIENT_TRACKER_PARTS_H

#include "base/rng.h"
#include "client/post.h"
#include "client/spool.h"
#include "mete/tracker.h"

#include <pthread.h>
#include <sys/types.h>

struct mete_tracker {
    /* never changes after open */
    struct mete_tracker_options o; /* all defaults filled in; its texts are owned */
    pid_t owner;                   /* a child of fork() has no thread: it must not touch the lock */
    int wake;                      /* eventfd of the thread */
    pthread_t thread;
    struct mete_tracker *next; /* under the lock of the list of all trackers */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    char *pending; /* lines that the thread has not taken yet; memory_max bytes */
    size_t pending_len;
    uint64_t pending_calls;
    uint64_t settled;       /* calls of `recorded` that were written or dropped */
    uint64_t report_wanted; /* how often a report was asked for */
    uint64_t report_done;   /* the last of them that is complete */
    bool stopping;
    bool finished;  /* the thread touches nothing any more */
    bool abandoned; /* the thread frees the tracker */
    bool joined;    /* exit() has waited for the thread */
    struct mete_tracker_stats stats;

    /* the thread's alone; only spool.fd is closed by a child of fork() */
    struct spool spool;
    struct post *post;
    struct rng rng;
    char *taken; /* what was pending; memory_max bytes */
    size_t taken_from;
    size_t taken_len;
    uint64_t taken_calls;
    uint64_t report_seen;  /* the last request that a turn began with */
    uint64_t report_begun; /* the last one whose calls are all in reports */
    unsigned failures;     /* in a row */
    mete_time look_at;
    mete_time send_at;
    mete_time sync_at;
    mete_time append_at; /* after a failure; 0: at once */
};

/** Copies and completes. False: no cli_id, or no memory. */
bool options_complete(struct mete_tracker_options *out, const struct mete_tracker_options *given);
void options_clear(struct mete_tracker_options *o);

/** The thread. */
void *tracker_work(void *tracker);
void tracker_free(struct mete_tracker *t);
/** Lets the thread look up. Never blocks. */
void tracker_wake(struct mete_tracker *t);
/** Once libcurl is ready: from now on exit() stops all trackers before libcurl's own end. */
void trackers_stop_at_exit(void);

mete_time tracker_now(void);

#endif
