/* SPDX-License-Identifier: Apache-2.0
 * The few types and macros that every file uses. No I/O, no allocation. */
#ifndef METE_BASE_TYPES_H
#define METE_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __SIZEOF_INT128__
#error "mete needs a compiler with 128-bit integers (64-bit gcc or clang)"
#endif

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

/** Characters that somebody else owns; not NUL-terminated. `p` may be NULL when `len` is 0. */
struct text {
    const char *p;
    size_t len;
};

/** Bytes that somebody else owns. `p` may be NULL when `len` is 0. */
struct bytes {
    const uint8_t *p;
    size_t len;
};

#define METE_MUST_CHECK        __attribute__((warn_unused_result))
#define METE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/** A broken invariant is our bug: say where, and stop before anything wrong is committed.
 *  Stays on in release builds. */
_Noreturn void mete_assert_failed(const char *what, const char *file, int line);
#define METE_ASSERT(cond) ((cond) ? (void)0 : mete_assert_failed(#cond, __FILE__, __LINE__))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/** A text from a string literal. */
#define TEXT(lit) ((struct text){(lit), sizeof(lit) - 1})

#endif
