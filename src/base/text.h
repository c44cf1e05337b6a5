/* SPDX-License-Identifier: Apache-2.0
 * Comparing and measuring texts and bytes. */
#ifndef METE_BASE_TEXT_H
#define METE_BASE_TEXT_H

#include "base/types.h"

/** The text of a NUL-terminated string (NULL gives the empty text). */
struct text text_of(const char *s);

bool text_eq(struct text a, struct text b);
bool text_is(struct text a, const char *literal);
bool text_starts(struct text a, const char *prefix);

/** Byte order, shorter first on a common prefix: negative, zero or positive. */
int text_cmp(struct text a, struct text b);
int bytes_cmp(struct bytes a, struct bytes b);

/** The bytes of a text, and back. Nothing is copied. */
struct bytes text_bytes(struct text t);
struct text bytes_text(struct bytes b);

/** Copies at most `size - 1` bytes and ends `out` with NUL; returns false when it had to cut. */
bool text_copy(char *out, size_t size, struct text t);

/** True when `t` is valid UTF-8 without surrogates and without overlong forms (RFC 3629). */
bool text_is_utf8(struct text t);

/** Of ASCII alone, whatever the locale. */
bool char_is_letter(char c);
bool char_is_digit(char c);

/** 64-bit hash for in-memory tables (seeded; never stored, never sent). */
uint64_t bytes_hash(struct bytes b, uint64_t seed);

#endif
