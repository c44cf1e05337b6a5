/* SPDX-License-Identifier: Apache-2.0
 * Memory that lives and dies together: one arena per event, request or loaded object.
 * Inputs are bounded before they reach an arena (base/limits.h), so running over `size_max`
 * is a broken invariant, not an error to handle. */
#ifndef METE_BASE_ARENA_H
#define METE_BASE_ARENA_H

#include "base/types.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; /* newest first */
    size_t size;               /* bytes handed out since the last reset */
    size_t size_max;           /* METE_ASSERT when exceeded */
};

/** Prepares an empty arena; allocates nothing yet. */
void arena_init(struct arena *a, size_t size_max);

/** `size` zeroed bytes, aligned to 16; never NULL. Freed by arena_reset or arena_clear. */
void *arena_alloc(struct arena *a, size_t size);

/** Like arena_alloc for `count` objects of `size` bytes; asserts on overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);

/** A copy of `t` inside the arena, followed by a NUL that `len` does not count. */
struct text arena_text(struct arena *a, struct text t);

/** printf into the arena. */
struct text arena_printf(struct arena *a, const char *fmt, ...) METE_PRINTF(2, 3);

/** Forgets everything but keeps the largest chunk for the next use. */
void arena_reset(struct arena *a);

/** arena_reset, and nothing that was in it can be read any more: for secrets. */
void arena_wipe(struct arena *a);

/** Gives all memory back. */
void arena_clear(struct arena *a);

#endif
