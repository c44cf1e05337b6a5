/* SPDX-License-Identifier: Apache-2.0
 * The packed decisions of doc/format.md, read back by the auditor itself. */
#ifndef METE_AUDIT_DECISION_READ_H
#define METE_AUDIT_DECISION_READ_H

#include "base/arena.h"
#include "base/time.h"
#include "base/types.h"
#include "crypto/hash.h"

#define NONE_U32 UINT32_MAX

/* The numbers of doc/format.md. */
enum found_group_kind {
    FOUND_REVENUE = 1,
    FOUND_REVERSAL = 2,
    FOUND_SUSPENSE = 3,
    FOUND_TRANSFER = 4,
    FOUND_UPHELD = 5,
    FOUND_MORE = 6
};
enum found_line_kind {
    FOUND_FEE = 1,
    FOUND_ALLOCATION = 2,
    FOUND_UNALLOCATED = 3,
    FOUND_CARRY = 4,
    FOUND_SUSPENDED = 5,
    FOUND_MOVED = 6
};
enum rounding_kind {
    BY_LARGEST = 1,
    BY_AUTHOR = 2,
    BY_CARRY = 3,
    BY_CONTRACT = 254,
    BY_ROLE_POT = 255
};
enum own_party {
    OWN_CLEARING = 1,
    OWN_UNALLOCATED = 2,
    OWN_CARRY = 3,
    OWN_SUSPENSE = 4,
    OWN_PAYOUT = 5,
    OWN_RAIL_FEES = 6,
    OWN_EXCHANGE = 7
};
#define PARTY_FIRST 16u

struct found_node {
    uint32_t policy;
    uint32_t version;
    uint32_t parent; /* NONE_U32 at the root */
    uint32_t share;
    uint8_t rounding;
    uint64_t conditions;
    u128 weight, den;
    i128 input, extra;
    uint8_t counted;
};

struct found_line {
    uint8_t kind;
    uint8_t flags;
    uint32_t party;
    uint32_t node;  /* NONE_U32: none */
    uint32_t share; /* NONE_U32: the payload's fee */
    uint32_t entry;
    u128 weight;
    i128 amount, extra;
};
#define FLAG_HELD 1u

struct found_group {
    uint8_t kind;
    uint64_t source_seq;
    uint32_t asset;
    i128 gross;
    uint32_t source;
    uint32_t fee_version;
    uint64_t quantity;
    uint32_t customer;
    mete_time clears_at;
    uint64_t target_seq;
    uint32_t target_page, target_group;
    u128 den;
    struct found_node *node;
    uint32_t node_count;
    i128 accrued; /* root BY_CONTRACT: what investors had accrued before */
    struct found_line *line;
    uint32_t line_count;
};

struct found_names {
    uint32_t first;
    uint32_t count;
    struct text *id;
};

struct found_decision {
    uint64_t rules_version;
    uint32_t wait_code;
    uint64_t about;
    uint32_t pages;
    struct hash rest; /* pages > 1 */
    struct found_names parties;
    struct found_names policies;
    struct found_group *group;
    uint32_t group_count;
    struct bytes groups; /* the groups as packed, their count included */
};

/** Everything lives in `a` or points into `packed`. NULL when all is well, else what is wrong. */
const char *decision_read(struct arena *a, struct bytes packed, struct found_decision *out);
/** The groups alone, as `found_decision.groups` holds them. */
const char *decision_read_groups(struct arena *a, struct bytes packed, struct found_group **group,
                                 uint32_t *count);

#endif
