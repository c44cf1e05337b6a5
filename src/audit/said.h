/* SPDX-License-Identifier: Apache-2.0
 * One row of what the export says to follow from the events, and each way in which it may differ.
 */
#ifndef METE_AUDIT_SAID_H
#define METE_AUDIT_SAID_H

#include "audit/audit.h"

/** One row and whose it is. */
struct said {
    struct audit *a;
    const struct json *line;
    const char *kind;
    struct text id;
};

/** What the row is about, by its member `id`; NULL, and a difference, when no event told of it. */
void *said_find(struct audit *a, const struct map *map, const struct json *line, const char *kind,
                const char *id, struct said *s);
void said_once(const struct said *s, bool *exported);

/* A difference unless the member is `want`. */
void said_text(const struct said *s, const char *member, struct text want);
/** NO_AMOUNT: the member must not be there. */
void said_amount(const struct said *s, const char *member, i128 want);
void said_number(const struct said *s, const char *member, uint64_t want);
/** TIME_NEVER: the member must not be there. */
void said_moment(const struct said *s, const char *member, mete_time want);
void said_asset(const struct said *s, const struct asset *want);

#endif
