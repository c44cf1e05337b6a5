/* SPDX-License-Identifier: Apache-2.0
 * How ECMAScript writes a number: the only form RFC 8785 allows. This is the one file where binary
 * floating point appears, and no amount ever passes through it. */
#ifndef METE_BASE_JSNUM_H
#define METE_BASE_JSNUM_H

#include "base/types.h"

#define JSNUM_TEXT_MAX 32

enum jsnum { JSNUM_EXACT, JSNUM_INEXACT, JSNUM_RANGE };

/** Writes the RFC 8785 form of the JSON number literal `t` (already valid JSON grammar).
 *  JSNUM_INEXACT when the exact decimal value of `t` differs from what was written (more digits
 *  than a double keeps), JSNUM_RANGE when it is beyond a double. *len is the length of `out`.
 *  Source: RFC 8785 section 3.2.2.3; ECMA-262 Number::toString. */
enum jsnum jsnum_format(struct text t, char out[JSNUM_TEXT_MAX], size_t *len) METE_MUST_CHECK;

#endif
