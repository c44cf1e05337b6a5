/* SPDX-License-Identifier: Apache-2.0
 * What the files of the worker share. Private to worker*.c. */
#ifndef METE_ENGINE_WORKER_PARTS_H
#define METE_ENGINE_WORKER_PARTS_H

#include "base/arena.h"
#include "core/event_type.h"
#include "core/machine.h"
#include "core/payout.h"
#include "engine/worker.h"
#include "wire/json.h"

/* One claimed payout. */
struct job {
    struct rail_payment p;
    const struct worker_rail *rail;
    enum transfer_state state; /* as it was claimed */
    uint32_t attempts;         /* as claimed */
    uint32_t looks;            /* at the attempt in p */
    enum { DESTINATION_NONE, DESTINATION_OPEN, DESTINATION_SHUT } destination;
    uint32_t anchors_taken;
};

struct job_list {
    struct job **job;
    size_t count;
};

/* What the book answered to a step. */
enum said {
    SAID_TAKEN,   /* it is booked, now or before */
    SAID_REFUSED, /* and `code` says why */
    SAID_UNHEARD  /* no answer: nobody knows */
};

/* One step to say. */
struct say {
    struct job *job;
    enum event_type type;
    bool unprepared;
    bool has_body;     /* of sending: the last one of the payment */
    bool is_new;       /* of sending: it makes the attempt */
    struct text words; /* what stands in `reason` instead of the rail's; "" the rail's */
    bool bare;         /* the rail's words were refused: go without them */
    enum said said;
    enum mete_code code;
};

struct worker {
    struct worker_options o;
    struct text book;
    struct arena arena; /* of one round; holds secrets */
    struct buf ask;
    struct buf answer;
    unsigned failures; /* rounds, one after the other */
    bool cut;          /* the port is gone: nothing new in this round */
    mete_time now;
    mete_time lease_until;
    struct worker_round *round;
    struct worker_counts counts;
};

/* worker_claim.c */

/** Claims, and reads the answer. False: w->round says why. */
bool worker_claim(struct worker *w, struct job_list *out) METE_MUST_CHECK;
/** An order of qsort: by rail, then what may have been sent before what is new, then by group. */
int worker_job_order(const void *a, const void *b);
/** The destination of a claimed payout as rails need it, opened, in the arena; "" when there is
 *  none, or it is sealed to a key that is not here: then w->round says so. */
void worker_destination(struct worker *w, const struct json *claimed, struct job *job);

/* worker.c */

/** What is not begun by now is left to whoever claims it next: the port is gone, or the lease. */
bool worker_is_late(struct worker *w);
/** Puts groups together. */
void worker_group(struct job_list jobs);

/* worker_say.c */

/** Says `count` steps in one request, in their order; each of them has its answer then. */
void worker_say(struct worker *w, struct say *s, size_t count, bool whole);
/** Appends `t` as text that any reader takes: what is no UTF-8, and control characters, become
 *  "?". */
void worker_text_clean(struct buf *out, struct text t);

/* worker_steps.c */

/** Sees the jobs of one rail through; they are of that rail, groups together. */
void worker_prepare(struct worker *w, struct job_list jobs);
void worker_probe(struct worker *w, struct job_list jobs);

#endif
