/* SPDX-License-Identifier: Apache-2.0
 * The engine and the oracle side by side: one event goes into both, then everything both can say
 * is compared. */
#ifndef METE_TESTS_ORACLE_COMPARE_H
#define METE_TESTS_ORACLE_COMPARE_H

#include "engine/engine.h"
#include "oracle/gen.h"

struct compare {
    struct engine *engine;
    struct oracle *oracle;
    struct gen gen;
    struct gen_item item;
    struct arena arena;
    uint64_t seed;
    uint64_t step;
    uint64_t *kind_seen;   /* EV_KINDS counters: applied events by kind */
    uint64_t *status_seen; /* SUBMIT_FAILED counters: outcomes */
    uint64_t *code_seen;   /* 200 counters: codes of refused and waiting */
    bool quiet;            /* say nothing about differences */
};

void compare_begin(struct compare *c, uint64_t seed, uint64_t *seen);
void compare_end(struct compare *c);
/** Sends the next event to both; false, and everything printed, when they differ. */
bool compare_step(struct compare *c);

/** A new engine on "memory:" whose clock is that of the events. Aborts when it cannot. */
struct engine *compare_engine(void);
/** The sums of an account: credits less debits, pending included. */
i128 engine_net(struct engine *e, int party, int asset);

#endif
