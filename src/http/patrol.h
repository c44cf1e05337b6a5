/* SPDX-License-Identifier: Apache-2.0
 * A thread that looks after something now and then: its rests, its end, and its jobs for the thread
 * of the keeper, which it waits for. What it looks after is its owner's. */
#ifndef METE_HTTP_PATROL_H
#define METE_HTTP_PATROL_H

#include "http/keeper.h"

#include <pthread.h>

struct patrol {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* waits by the steady clock */
    bool runs;
    bool stopping; /* under the lock */
    bool news;     /* the same: somebody has work for it */
};

/** Without its thread: what a patrol may be asked is there from now on. */
void patrol_init(struct patrol *p);
void patrol_start(struct patrol *p, void *(*run)(void *arg), void *arg);
/** Ends its rest, and waits until its thread has ended. */
void patrol_stop(struct patrol *p);
void patrol_free(struct patrol *p);

bool patrol_is_stopping(struct patrol *p);
/** False: it is to stop. */
bool patrol_rest(struct patrol *p, int64_t ms);
/** The same, and news end it, too: *news says whether there were any. */
bool patrol_rest_for_news(struct patrol *p, int64_t ms, bool *news);
/** There is news. Any thread. */
void patrol_wake(struct patrol *p);

/* What is done on the keeper's thread. First in a struct of what it is about. */
struct patrol_job {
    struct work work; /* first: it leads back; `done` is the patrol's */
    struct patrol *patrol;
    bool over;
    enum mete_code code; /* of its run, else of its group */
    struct mete_err err;
};

/** Has it run, and waits until its group is durable. False: too much is waiting already. */
bool patrol_do(struct patrol *p, struct keeper *k, struct patrol_job *j) METE_MUST_CHECK;

#endif
