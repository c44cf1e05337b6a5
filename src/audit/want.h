/* SPDX-License-Identifier: Apache-2.0
 * What a decision must say, as the auditor computed it: compared with what the export says by
 * compare.h. Lives in an arena of one decision. */
#ifndef METE_AUDIT_WANT_H
#define METE_AUDIT_WANT_H

#include "audit/book.h"
#include "audit/decision_read.h"
#include "audit/fraction.h"
#include "base/arena.h"

#define ANY_U32       (UINT32_MAX - 1) /* this number is not prescribed */
#define WAIT_ANY_CODE UINT32_MAX       /* it waits, for a reason that no rule names */

struct want_node {
    uint32_t parent; /* index among the wanted nodes, NONE_U32 at the root */
    uint32_t share;
    struct text policy; /* empty: number 0 */
    uint32_t version;
    uint8_t rounding;          /* 0: not prescribed */
    const struct frac *weight; /* in its parent; NULL at the root */
    i128 input;
    i128 floor; /* of the exact share, before rounding added to it */
    bool counted;
};

struct want_line {
    uint8_t kind;
    struct text name;          /* of the party; empty when `party` is one of mete's own */
    uint32_t party;            /* 0: never named */
    uint32_t node;             /* NONE_U32, ANY_U32 */
    uint32_t share;            /* NONE_U32: the payload's fee; ANY_U32 */
    uint32_t share_too;        /* another number that is as good; ANY_U32: none */
    uint32_t entry;            /* ANY_U32 */
    const struct frac *weight; /* over the node's denominator; NULL: not prescribed */
    bool has_left;             /* reversal: `left` must stand as weight */
    i128 left;
    i128 amount;
    i128 floor; /* ditto; extra = amount - floor */
    bool has_floor;
    bool optional; /* may be absent: its amount is 0 */
    bool held;
    bool held_open; /* held or not is not prescribed */
};

struct want_group {
    uint8_t kind;
    uint64_t source_seq;
    struct asset *asset;
    i128 gross;
    uint32_t source;
    uint32_t fee_version;
    uint64_t quantity;
    struct text customer;
    bool has_clears_at;
    mete_time clears_at;
    uint64_t target_seq;
    uint32_t target_page, target_group;
    i128 den;
    i128 accrued;
    struct want_node *node;
    uint32_t node_count, node_capacity;
    struct want_line *line;
    uint32_t line_count, line_capacity;
};

/* What an event stands on a list for. */
enum wait_list {
    LIST_POLICY, /* a policy, or by its id the original of a reversal */
    LIST_CAMPAIGN,
    LIST_APP,
    LIST_USER, /* "app\x1fuser" */
    LIST_PAYMENT
};

struct want_wait {
    uint32_t code; /* of include/mete/error.h, or WAIT_ANY_CODE */
    enum wait_list list;
    struct text on;
};

struct want {
    struct want_wait *wait; /* any of these is right; none: it is applied */
    uint32_t wait_count, wait_capacity;
    struct want_group *group;
    uint32_t group_count, group_capacity;
    bool unjudged; /* nothing is known about this decision */
};

/** What computing needs to know about the event. */
struct moment {
    struct book *book;
    struct arena *arena; /* of the decision */
    struct text event_id;
    const struct json *event;
    const struct json *payload;
    uint64_t seq;             /* of the event */
    uint64_t source_seq;      /* 0, or `seq` when the money comes out of suspense */
    mete_time occurred_at;    /* of the event */
    mete_time booked_at;      /* recorded_at of the decision */
    const struct text *given; /* conditions of the payload */
    uint32_t given_count;
};

void want_waits(struct moment *m, struct want *w, uint32_t code, struct text on);
void want_waits_on(struct moment *m, struct want *w, uint32_t code, enum wait_list list,
                   struct text on);
struct want_group *want_group(struct moment *m, struct want *w, enum found_group_kind kind,
                              struct asset *asset, i128 gross);
/** Its index. */
uint32_t want_node(struct moment *m, struct want_group *g, struct want_node node);
struct want_line *want_line(struct moment *m, struct want_group *g, enum found_line_kind kind,
                            struct text party, i128 amount);
/** As want_line, for one of mete's own parties. */
struct want_line *want_own_line(struct moment *m, struct want_group *g, enum found_line_kind kind,
                                enum own_party party, i128 amount);
/** Where the book wants unallocated money; nothing when it is 0. */
struct want_line *want_unallocated(struct moment *m, struct want_group *g, uint32_t node,
                                   i128 amount);
/** max(occurred_at, booked_at) and the book's days. */
mete_time want_clears_at(const struct moment *m);

#endif
