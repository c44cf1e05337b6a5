/* SPDX-License-Identifier: Apache-2.0
 * A book that exists only while a simulation runs: core's state in hash tables, the packed
 * decisions, and nothing of the events, which are read from the real book when one is decided anew.
 * No log, no hashes, no commits. Its sequence numbers are the real ones plus `lead`. Private to
 * src/engine. */
#ifndef METE_ENGINE_SHADOW_H
#define METE_ENGINE_SHADOW_H

#include "base/map.h"
#include "core/decide.h"
#include "engine/engine.h"

struct shadow_row {
    const uint8_t *decision; /* NULL: left out or refused */
    uint32_t len;
    mete_time recorded_at;
};

struct shadow_chunk;

struct shadow {
    struct engine *source;
    uint64_t lead; /* entries of its own before the first of the real log */
    struct view view;
    struct state_sink sink;
    struct map value;    /* PUT keys -> struct shadow_value */
    struct map sums;     /* ADD keys -> i128[STATE_SUMS] */
    struct omap ordered; /* keys of scanned classes -> struct shadow_item */
    struct map page;     /* seq, page -> struct shadow_row */
    struct shadow_row *row;
    size_t row_count, row_cap;
    struct shadow_chunk *chunk;
    bool entries;         /* account entries are kept: from the first time that somebody asks */
    struct arena scratch; /* of entries that are made afterwards */
    struct buf id_value;
    bool failed; /* the real book could not be read: err */
    struct mete_err err;
};

void shadow_init(struct shadow *s, struct engine *source, uint64_t lead);
void shadow_clear(struct shadow *s);

/** Notes the outcome of the next entry; `decided` false: nothing stands there. */
void shadow_row_add(struct shadow *s, bool decided, struct bytes packed, mete_time recorded_at);
void shadow_page_add(struct shadow *s, uint64_t seq, uint32_t page, struct bytes packed,
                     mete_time recorded_at);

/** Visits the accounts, in no order. */
bool shadow_account_next(const struct shadow *s, size_t *i, uint32_t *party, uint32_t *asset,
                         const i128 **sums);

#endif
