/* SPDX-License-Identifier: Apache-2.0
 * What was decided about one event: which money moved to whom, why, and what the book remembers.
 * A decision is complete in itself: applying it needs no reading. Its packed form (doc/format.md)
 * is stored, hashed into the log, and recomputed by the auditor. */
#ifndef METE_CORE_DECISION_H
#define METE_CORE_DECISION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/time.h"
#include "base/types.h"
#include "core/key.h"
#include "core/policy.h"

enum group_kind {
    GROUP_REVENUE = 1,  /* money came in and was split */
    GROUP_REVERSAL = 2, /* some of a revenue went back */
    GROUP_SUSPENSE = 3, /* money came in and waits */
    GROUP_TRANSFER = 4, /* between two parties */
    GROUP_UPHELD = 5,   /* a dispute was upheld: one allocation changes hands */
    GROUP_MORE = 6      /* further lines of the last group of the page before */
};

enum line_kind {
    LINE_FEE = 1,
    LINE_ALLOCATION = 2,
    LINE_UNALLOCATED = 3,
    LINE_CARRY = 4,
    LINE_SUSPENSE = 5,
    LINE_TRANSFER = 6
};

#define NODE_NONE   UINT32_MAX
#define FEE_PAYLOAD UINT32_MAX /* line.share of the fee that came with the payload */
#define NODE_ROLE   255u       /* node.rounding of a role pot inside a roles policy */
#define NODE_CONTRACT                                                                              \
    254u /* node.rounding of a campaign: the pool is floored, the creator has                      \
            the rest; its weights are basis points */

/** One split: an amount that went into a policy (or a role's pot) and how it was divided. */
struct node {
    uint32_t policy; /* number; 0 for a single party */
    uint32_t version;
    uint32_t parent;     /* index of the node that gave the amount, NODE_NONE at the root */
    uint32_t share;      /* which share of the parent it is */
    uint8_t rounding;    /* enum rounding */
    uint64_t conditions; /* active ones, by index into the policy's list */
    u128 weight;         /* of this share in its parent, over the parent's den; 0 at the root */
    u128 den;            /* what the weights of its own shares are over */
    i128 input;          /* whole minor units divided here */
    i128 extra;          /* units that the parent's rounding added to it */
    bool counted;        /* adds to the policy's cumulative net: true in the first page it is in */
};

/** One posting to the account (party, group.asset), with its derivation. */
struct line {
    uint8_t kind; /* enum line_kind */
    bool held;    /* stays pending until it is countersigned */
    uint32_t party;
    uint32_t node;  /* NODE_NONE for fees, suspense, transfers, reversals */
    uint32_t share; /* allocation: index of the share (roles: of the contribution) in its policy;
                       fee: index in the schedule or FEE_PAYLOAD; reversal: line of the original */
    uint32_t entry; /* allocation: 0 base weight, else 1 + temporal entry; fee: 0, else 1 + child */
    u128 weight;    /* over node.den; reversal: what was left of the line before */
    i128 amount;    /* > 0 credits the party; reversals are negative */
    i128 extra;     /* units that rounding added beyond floor(input * weight / den) */
};

/** Lines that balance against one source account. */
struct group {
    uint8_t kind;        /* enum group_kind */
    uint64_t source_seq; /* the event whose money this is: 0 = the decided event itself */
    uint32_t asset;
    i128 gross;           /* sum of the lines; the source account is debited with it */
    uint32_t source;      /* party number of the source: PARTY_CLEARING or PARTY_SUSPENSE */
    uint32_t fee_version; /* 0: no schedule was in force */
    uint64_t quantity;
    uint32_t customer;   /* metering: party number of the customer, else 0 */
    mete_time clears_at; /* of its allocations */
    uint64_t target_seq; /* reversal, upheld: where the original was booked; transfer: of the
                            event that set the rate of a conversion, else 0 */
    uint32_t target_page;
    uint32_t target_group; /* counted over the whole decision */
    u128 den;              /* reversal: sum of what was left before */
    i128 accrued;          /* campaign: what its investors had accrued before */
    struct node *node;
    uint32_t node_count;
    struct line *line;
    uint32_t line_count;
};

enum put_op { PUT_SET = 1, PUT_ADD = 2, PUT_DELETE = 3 };

struct put {
    uint8_t op;
    struct bytes key;
    struct bytes value;    /* PUT_SET */
    i128 sums[STATE_SUMS]; /* PUT_ADD */
};

struct decision {
    uint32_t rules_version;
    uint32_t wait_code; /* 0: applied; else the enum mete_code it waits for */
    uint32_t pages;     /* pages of this decision, this one included; 1 mostly. Page 0 only */
    struct hash rest;   /* pages > 1: SHA-256 over the packed pages 1.. in order */
    uint64_t about;     /* page of a release: seq of the event that was decided; else 0 */
    struct text *party; /* ids named for the first time, numbered in this order */
    uint32_t party_count;
    uint32_t party_first; /* number of party[0] */
    struct text *policy;  /* policy ids named for the first time */
    uint32_t policy_count;
    uint32_t policy_first;
    struct group *group;
    uint32_t group_count;
    struct put *put;
    uint32_t put_count;
};

/** The JSON pointer of what a waiting decision waits for; "" when it does not wait. A
 *  literal. */
const char *decision_wait_pointer(const struct decision *d);

void decision_pack(struct buf *out, const struct decision *d);
/** Everything lives in `a` or points into `packed`. False when the bytes are damaged. */
bool decision_unpack(struct arena *a, struct bytes packed, struct decision *d) METE_MUST_CHECK;

/** Cuts a decision of any size into pages of at most LEGS_MAX legs, each balanced: what is still to
 *  come stands in suspense. Writes them packed, page 0 first; returns how many. *sizes (in `a`)
 *  holds the length of each. */
uint32_t decision_pack_pages(struct arena *a, struct buf *out, struct decision *d, size_t **sizes);

/** Puts the lines of further pages back onto page 0 (in `a`), as if it had never been cut. */
void decision_join(struct arena *a, struct decision *page0, const struct decision *more,
                   uint32_t more_count);

/** Asserts that every group balances: lines sum to gross, allocations and fees of a revenue are
 *  not negative, amounts below 2^120. Called before anything is stored. */
void decision_check(const struct decision *d);

/** True for the node that counts the group's quantity for its policy: the first one, since ten
 *  tickets are ten however often a policy stands in the tree. `seen` gathers policies over the
 * nodes of one group, in order. */
bool node_has_quantity(const struct node *n, struct map *seen);

/** What applying does: one call per state change, in order. Blind: reads nothing.
 *  `seq`, `page`: where the decision is stored; `recorded_at`: when. `event_hash16` (may be NULL):
 *  the event id's key, added once. */
struct state_sink {
    void *ctx;
    void (*set)(void *ctx, struct bytes key, struct bytes value);
    void (*add)(void *ctx, struct bytes key, const i128 sums[STATE_SUMS]);
    void (*remove)(void *ctx, struct bytes key);
    bool wants_entries; /* false: nobody will ask for statements or pending sums (mete run) */
};
void decision_apply(const struct decision *d, uint64_t seq, uint32_t page, mete_time recorded_at,
                    const struct state_sink *sink);

/** The path of a line inside its event: "1", "2.3" (third share of the policy that is the second
 *  share), "f1", "f1.2" for fees, "u" for unallocated, "c" carry; groups after the first of an
 *  event that books several are prefixed "r2.". allocation id = event id + "/" + path.
 *  NUL-terminated; returns the length. */
#define PATH_TEXT_MAX 256
size_t line_path(const struct group *g, uint32_t group_index, uint32_t line,
                 char out[PATH_TEXT_MAX]);

#endif
