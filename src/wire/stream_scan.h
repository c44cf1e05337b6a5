/* SPDX-License-Identifier: Apache-2.0
 * Finds where a JSON object or array ends, many bytes at a time and in as many pieces as they come.
 * It counts brackets outside strings and judges nothing else. Private to stream*.c. */
#ifndef METE_WIRE_STREAM_SCAN_H
#define METE_WIRE_STREAM_SCAN_H

#include "base/types.h"

/** Between two calls. A zeroed one is before the first bracket. */
struct scan {
    uint64_t depth;
    uint64_t lines; /* line breaks passed */
    bool in_string;
    bool escaped;  /* the byte before was a backslash inside a string */
    bool new_line; /* the byte before was a line break */
};

enum scan_result {
    SCAN_MORE,  /* all bytes were passed, the value goes on */
    SCAN_END,   /* stopped after the bracket that closes the value */
    SCAN_RESYNC /* stopped before a '{' that begins a line: another value */
};

/** Passes bytes from `p`; *used is how many. The first byte of a value is passed by its caller's
 *  setting depth to 1. A string ends at the latest with its line: JSON has no line breaks inside
 *  strings, and a quote that was lost must not turn the rest of the stream inside out. */
enum scan_result scan_value(struct scan *s, const uint8_t *p, size_t len, size_t *used);

#endif
