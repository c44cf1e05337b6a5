/* SPDX-License-Identifier: Apache-2.0
 * The path of a request in one spelling, so that no other spelling of a paid one is free: what the
 * upstream gets is written anew from what was matched, and what two readers could read differently
 * is refused. */
#ifndef METE_GATE_PATH_H
#define METE_GATE_PATH_H

#include "base/arena.h"
#include "base/types.h"

#define GATE_PATH_MAX 4096 /* bytes as sent */

/** One path. Texts are in the arena, each with a NUL behind it. */
struct gate_path {
    struct text clean; /* what the upstream is asked for: no dot segments, no empty segments, and
                          nothing escaped that need not be */
    struct text key;   /* what patterns are compared with: decoded, in small letters, no slash at
                          the end */
    struct text cut;   /* key as a reader sees it who takes parameters off a segment (";x=1"), ends
                          the path at an escaped '?' or '#', or drops dots and spaces at the end of
                          a name; often the same text as key */
};

/** Takes the path of a request target, without its query.
 *  Refuses: what does not begin with '/', is longer than GATE_PATH_MAX, has a broken escape, is no
 *  UTF-8 when it is decoded, has control characters, a backslash, an escaped slash, or is escaped
 *  twice; dot segments that lead above the root; forms of '/', '\' and '.' from other scripts.
 *  Returns: NULL, or what is wrong as the end of a sentence. */
const char *gate_path_read(struct arena *a, struct text raw, struct gate_path *out) METE_MUST_CHECK;

/** What comes out of matching patterns as well: `in` decoded in small letters, for what an
 *  administrator wrote. In the arena. */
struct text gate_path_fold(struct arena *a, struct text in);

#endif
