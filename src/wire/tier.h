/* SPDX-License-Identifier: Apache-2.0
 * Members of data tier 3: raw content, which a book keeps only when it was told to. Nobody else
 * knows their names. Source: economic-protocol.md §6; decision 0012. */
#ifndef METE_WIRE_TIER_H
#define METE_WIRE_TIER_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/event_type.h"
#include "wire/json.h"

/** True for the name of such a member, however it is spelled: "clickstream", "sessionTraces". */
bool tier3_named(struct text member);

/** The JSON pointer, into the envelope and in `a`, of the first such member of a payload that holds
 *  something; NULL: there is none, or the type is not of the economic protocol. */
const char *tier3_pointer(struct arena *a, enum event_type type, const struct json *payload);

/** True when the bytes, JSON or not, may name such a member; false: they do not. */
bool tier3_mentioned(struct text body);

/** Appends `body` with null for the value of each such member, at any depth; everything else stays
 *  as it came. False, and nothing appended, when it is no JSON: then nobody knows what is raw. */
bool tier3_without(struct arena *a, struct text body, struct buf *out) METE_MUST_CHECK;

#endif
