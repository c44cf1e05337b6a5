/* SPDX-License-Identifier: Apache-2.0
 * Reading members of payloads and policies. The book has already judged their form; here a member
 * that is absent or of another form gives the empty value, and who needs it says so. */
#ifndef METE_AUDIT_MEMBER_H
#define METE_AUDIT_MEMBER_H

#include "audit/fraction.h"
#include "base/arena.h"
#include "base/time.h"
#include "wire/json.h"

/** The string, or the empty text. */
struct text member_text(const struct json *object, const char *key);
/** The string, copied into `a`. */
struct text member_keep(struct arena *a, const struct json *object, const char *key);
/** An integer from 0 to 2^64-1; `otherwise` when absent or no such integer. */
uint64_t member_u64(const struct json *object, const char *key, uint64_t otherwise);
/** A number, or a string that holds one ("0.25", "1/3"). */
bool member_frac(const struct json *object, const char *key, struct frac *out) METE_MUST_CHECK;
/** A moment, or a day: its first moment or, with `end_of_day`, its last; `otherwise` when absent.
 */
mete_time member_time(const struct json *object, const char *key, bool end_of_day,
                      mete_time otherwise);
/** The literal of a number or the characters of a string; empty for anything else. */
struct text member_literal(const struct json *value);

/** Adds modulo 2^128: sums of damaged books may be anything, but are never undefined. */
static inline i128 i128_plus(i128 a, i128 b)
{
    return (i128)((u128)a + (u128)b);
}

/** Appending to an array in an arena: makes room for item `count`, doubling. */
void *arena_grow(struct arena *a, void *items, uint32_t count, uint32_t *capacity, size_t size);

#endif
