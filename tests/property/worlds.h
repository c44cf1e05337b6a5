/* SPDX-License-Identifier: Apache-2.0
 * What tests share that live through random worlds: how many, from which seed, what went wrong in
 * one, and whether all that should happen did. */
#ifndef METE_TESTS_WORLDS_H
#define METE_TESTS_WORLDS_H

#include "base/types.h"

struct worlds {
    uint64_t seed; /* of the first; each further one adds one */
    uint64_t runs; /* worlds */
    uint64_t steps;
};

/** METE_TEST_SEED, and over it the options --seed N, --runs N and --steps N; `unless` for the rest.
 */
struct worlds worlds_asked(int argc, char **argv, struct worlds unless);

/** The first thing that is wrong in a world is said; from then on *fine is false. */
METE_PRINTF(2, 3) void world_wrong(bool *fine, const char *fmt, ...);

/** Something that should happen, and how often it did. */
struct world_fact {
    uint64_t count;
    const char *what;
};
/** Prints them. False when one of them never happened. */
bool world_facts(const struct world_fact *facts, size_t count);
/** How many worlds the auditor saw. False when there is one (METE_AUDIT), and it saw none. */
bool world_audits(uint64_t count);

#endif
