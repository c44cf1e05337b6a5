/* SPDX-License-Identifier: Apache-2.0
 * A simulation in progress. Private to src/engine. */
#ifndef METE_ENGINE_SIMULATE_PARTS_H
#define METE_ENGINE_SIMULATE_PARTS_H

#include "engine/query.h"
#include "engine/shadow.h"
#include "engine/words.h"

/* A draft, and the versions that its id really has: publications come in their order. */
struct draft {
    struct text id;
    struct version *version;
    size_t version_count;
    size_t seen;
};

struct simulate {
    struct engine *e;
    const struct simulate_query *q;
    struct shadow shadow;
    struct draft *draft;
    struct arena *a;    /* of the answer */
    struct arena parse; /* of one event */
    struct arena work;  /* of one decision */
    struct buf packed;
    struct map moved;   /* party, asset -> i128: transfers that were not covered */
    struct map settled; /* id -> struct event_transfer: settlements that were not */
    struct buf key;
    struct simulation *out;
    enum mete_code code;
    struct mete_err *err;
};

/** Decides an event as the next entry of the shadow. *applied is false when it was refused: why. */
enum mete_code simulate_step(struct simulate *x, const struct event *event, mete_time at,
                             bool *applied, struct mete_err *why) METE_MUST_CHECK;

/** Entries that come before the log: assets that the book defines, then the drafts. */
enum mete_code simulate_lead(struct simulate *x, uint64_t *lead) METE_MUST_CHECK;
enum mete_code simulate_drafts(struct simulate *x, mete_time at) METE_MUST_CHECK;
/** True when a publication gives way to a draft. Makes explicit since when it is in force. */
bool simulate_replaced(struct simulate *x, struct event *event);

/** Compares the accounts of the book with those of the shadow. */
enum mete_code simulate_compare(struct simulate *x) METE_MUST_CHECK;
/** A transfer as the fact that it is: it moves money that the shadow's party has not. */
void simulate_move(struct simulate *x, const struct event_transfer *t);

#endif
