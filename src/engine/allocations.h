/* SPDX-License-Identifier: Apache-2.0
 * The shares of revenues, line by line, in the order of the log. */
#ifndef METE_ENGINE_ALLOCATIONS_H
#define METE_ENGINE_ALLOCATIONS_H

#include "engine/engine.h"

#define ALLOCATION_CURSOR_MAX 96

struct allocations_query {
    mete_time at;         /* the clock that clears */
    struct text party;    /* who got it; empty: all */
    struct text event_id; /* empty: all */
    struct text policy;   /* the one that named the share, or the first one; empty: all */
    struct text state;    /* "pending" ...; empty: all */
    struct text after;    /* a cursor; empty: from the beginning */
    uint64_t limit;       /* rows */
    uint64_t look_max;    /* entries of the log that this call reads where no index leads; 0: any */
};

/* Where a share stands in the log. */
struct allocation_place {
    uint64_t seq;
    uint32_t page;
    uint32_t group;
    uint32_t line;
};

struct allocation_row {
    struct allocation_place at;
    struct text id;
    struct text event_id;
    struct text party;
    i128 amount;
    i128 reversed; /* of it, so far */
    struct asset asset;
    struct text role;        /* may be empty */
    struct text policy;      /* whose share it is; empty: the event named the party */
    struct text root_policy; /* the first one that was split */
    uint32_t policy_version; /* of `policy`; 0: none */
    const char *state;
    mete_time clears_at;
    mete_time booked_at;
    struct text held_by; /* another party, once a dispute was upheld; else empty */
};

typedef bool allocations_visit(void *arg, const struct allocation_row *row);

/** *next is the cursor of what follows, "" at the end: before it a page is full, unless look_max
 *  entries had too few that fit. METE_REQUEST_INVALID for a
 *  broken cursor; METE_NOT_FOUND for a party or an event that the log does not name. */
enum mete_code allocations_list(struct engine *e, const struct allocations_query *q,
                                allocations_visit *visit, void *arg,
                                char next[ALLOCATION_CURSOR_MAX],
                                struct mete_err *err) METE_MUST_CHECK;

/* --- for lists of shares that are found by other ways ------------------------------------------*/

struct walk_item;
struct walk_head;

/** The share that is a line of a decision, as it stands at `now`. Texts in `a`, and in `head`. */
struct allocation_row allocation_row_make(struct engine *e, struct arena *a, mete_time now,
                                          const struct walk_item *item,
                                          const struct walk_head *head, uint32_t group,
                                          uint32_t line);
bool allocation_cursor_read(struct text t, struct allocation_place *out) METE_MUST_CHECK;
void allocation_cursor_write(const struct allocation_place *p, char out[ALLOCATION_CURSOR_MAX]);

#endif
