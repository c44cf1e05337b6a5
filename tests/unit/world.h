/* SPDX-License-Identifier: Apache-2.0
 * A book in a few lines, for testing core without a store: a sorted dictionary, a list of packed
 * decisions, and the view over them. recorded_at is what the test says. */
#ifndef METE_TEST_WORLD_H
#define METE_TEST_WORLD_H

#include "base/map.h"
#include "core/decide.h"
#include "wire/envelope.h"

#define WORLD_EVENTS_MAX 4096

struct world_row {
    char *json;
    mete_time recorded_at;
    struct bytes *page;
    uint32_t pages;
};

struct world {
    struct omap state; /* key -> struct world_value */
    struct world_row row[WORLD_EVENTS_MAX + 1];
    uint64_t size;
    struct view view;  /* a test may replace it by one that lacks things: they are tried again */
    struct view plain; /* what it was when the world was opened */
    struct arena arena;
    struct state_sink sink;
    struct mete_err err;  /* of the last refusal */
    struct decision last; /* of the last event, in `arena` until the next */
};

void world_open(struct world *w);
void world_close(struct world *w);
/** Decides and applies one event given as JSON; recorded_at 0 means occurred_at. Asserts that the
 *  JSON is a valid envelope. Releases are run. */
enum decided world_submit(struct world *w, mete_time recorded_at, const char *json);
/** printf variant, for events with parameters. */
enum decided world_submitf(struct world *w, const char *fmt, ...) METE_PRINTF(2, 3);
/** "88200/58800" of the last event's allocation lines, fees as f..., unallocated u..., carry c...
 */
const char *world_lines(struct world *w);
/** Lines of the page that booked the event at `seq` (released ones). */
const char *world_booked(struct world *w, uint64_t seq);
/** Net of a party in an asset ("USD"), fees included. */
i128 world_net(struct world *w, const char *party, const char *asset);
/** pending/disputed/cleared/debt at a moment, as "1/2/3/4". */
const char *world_balance(struct world *w, const char *party, const char *asset, const char *at);
/** Asserts that all accounts of every asset sum to zero. */
void world_check(struct world *w);

#endif
