/* SPDX-License-Identifier: Apache-2.0
 * Is the first object of a stream an event or an ingest body? Private to stream*.c. */
#ifndef METE_WIRE_STREAM_PARTS_H
#define METE_WIRE_STREAM_PARTS_H

#include "base/arena.h"
#include "base/types.h"

struct sniff {
    struct text app_id; /* of appId and env, when they are strings before the events */
    struct text environment;
    size_t events_at; /* just after the bracket that opens the events */
    uint64_t lines;   /* line breaks before that */
};

enum sniffed { SNIFF_UNDECIDED, SNIFF_EVENT, SNIFF_BODY };

/** Looks at the beginning of an object. The answer, once there is one, does not change when more of
 *  the object is seen. Texts of *out live in `a` or point into `t`. */
enum sniffed stream_sniff(struct arena *a, struct text t, struct sniff *out);

#endif
