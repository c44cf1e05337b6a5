/* SPDX-License-Identifier: Apache-2.0
 * The postings of one account inside a decision, and what each of them is called. Private to
 * src/engine. */
#ifndef METE_ENGINE_LINES_H
#define METE_ENGINE_LINES_H

#include "base/limits.h"
#include "core/decision.h"
#include "engine/walk.h"

#define ASSETS_ALL  (ASSETS_MAX + 1024u) /* more than one party can have accounts */
#define LINE_SOURCE UINT32_MAX           /* spot.line of the posting to the group's source */

struct lines_cursor {
    const struct walk_item *item;
    uint32_t party;
    uint32_t asset;
    uint32_t group;
    uint32_t line;
};

struct lines_spot {
    uint32_t group;
    uint32_t line; /* or LINE_SOURCE */
    i128 amount;
};

struct lines_cursor lines_of(const struct walk_item *item, uint32_t party, uint32_t asset);
/** The next posting to that account; false at the end. */
bool lines_next(struct lines_cursor *c, struct lines_spot *out);

/** "share", "fee", "reversal of a share", "transfer in" ...; a literal. */
const char *lines_what(const struct walk_item *item, const struct lines_spot *s);
/* The original that reversals were last asked about: many lines in a row have the same one. */
struct lines_origin {
    struct engine *e;
    struct arena a;
    bool known;
    struct walk_item item;
    struct walk_head head;
};

void lines_origin_init(struct lines_origin *o, struct engine *e);
void lines_origin_clear(struct lines_origin *o);
/** Fills `item` and `head` with what stands at (seq, page); false: it cannot be read. */
bool lines_origin_load(struct lines_origin *o, uint64_t seq, uint32_t page) METE_MUST_CHECK;

/** The allocation or fee id; for a reversal that of the original's line. In `a`; empty when there
 *  is none. */
struct text lines_id(struct lines_origin *o, struct arena *a, const struct walk_item *item,
                     const struct walk_head *head, const struct lines_spot *s);
/** The state of a posting at a moment, and when it clears. */
const char *lines_state(const struct view *v, const struct walk_item *item,
                        const struct lines_spot *s, mete_time at, mete_time *clears_at);

/** The role of an allocation as its policy names it; empty when it has none. Lives in `a` or as
 *  long as the view's policies. */
struct text lines_role(const struct view *v, struct arena *a, const struct group *g, uint32_t line);
/** The policy that was split first: its id; "mete:roles" for the built-in roles, "" when the event
 *  named a single party. In `a`. */
struct text lines_root_policy(const struct view *v, struct arena *a, const struct group *g);

/** The number of a party, mete's own included. */
bool lines_party(const struct view *v, struct text id, uint32_t *number) METE_MUST_CHECK;

#endif
