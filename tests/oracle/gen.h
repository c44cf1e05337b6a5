/* SPDX-License-Identifier: Apache-2.0
 * Random streams: every kind of event, sizes bounded so that the oracle's plain fractions hold,
 * values chosen to hit ties, zeros and boundaries. The same seed gives the same stream as long as
 * the oracle answers the same. */
#ifndef METE_TESTS_ORACLE_GEN_H
#define METE_TESTS_ORACLE_GEN_H

#include "oracle/oracle.h"

struct gen {
    struct rng rng;
    mete_time now;
    int next_id;
    struct script_event **sent; /* every script event, in order of first sending */
    int sent_count;
    uint32_t share[EV_KINDS]; /* how often each kind comes */
    uint32_t repeats;         /* percent of repeats, conflicts and broken ones together */
    bool transfers;
    bool plain;         /* no condition is computed from what came before */
    bool no_deep_carry; /* no policy below a carry split */
};

struct gen_item {
    const struct script_event *event; /* NULL: broken */
    bool fresh;                       /* not one that was sent before */
    enum mete_code broken;            /* what it is refused for */
    struct buf json;
};

void gen_begin(struct gen *g, uint64_t seed);
void gen_end(struct gen *g);
/** The next event of the stream; item->json is filled anew. `o` tells what could be reversed. */
void gen_next(struct gen *g, const struct oracle *o, struct gen_item *item);

/** How many kinds of broken events there are, and one of them. */
enum mete_code gen_broken(struct buf *out, size_t which, int id, mete_time at);
size_t gen_broken_count(void);

#endif
