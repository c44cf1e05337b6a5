/* SPDX-License-Identifier: Apache-2.0
 * A split policy, one version of it. `wire` fills names and fractions from a document; core
 * compiles it: one common denominator, names replaced by the book's numbers; and packs it. */
#ifndef METE_CORE_POLICY_H
#define METE_CORE_POLICY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "base/types.h"
#include "core/amount.h"
#include "core/ratio.h"
#include "crypto/hash.h"
#include "mete/error.h"

enum policy_kind {
    POLICY_WEIGHTS = 1,
    POLICY_ROLES = 2,
    POLICY_USAGE = 3,
    POLICY_SINGLE = 4,
    POLICY_CONTRACT = 5 /* of a campaign: made from its events, never published */
};
enum rounding { ROUNDING_LARGEST = 1, ROUNDING_AUTHOR = 2, ROUNDING_CARRY = 3 };

/** How the sum of the weights is judged (.fair generations differ). */
enum sum_rule {
    SUM_AT_MOST_ONE = 1,    /* 0.x and policy documents: above 1 is refused */
    SUM_AT_MOST_1_0001 = 2, /* .fair 1.0: up to 1.0001; above 1, shares are divided by their sum */
    SUM_ONE_MILLIONTH = 3   /* .fair 1.1: 1 within 0.000001; above 1 as before */
};

/** A temporal entry of a share: holds inside its window while all its conditions are active. */
struct split_entry {
    uint32_t version;
    mete_time from;      /* inclusive; TIME_ALWAYS when absent */
    mete_time until;     /* inclusive; TIME_NEVER when absent */
    uint64_t conditions; /* bit i: policy.condition[i] must be active */
    struct ratio ratio;  /* as written */
    u128 weight;         /* over policy.den, once compiled */
    struct text description;
};

struct share {
    bool is_policy;     /* the payee is another policy, split again */
    bool held;          /* a share that its subject has not countersigned: stays pending */
    struct text payee;  /* party id or policy id; empty in an unpacked policy */
    uint32_t number;    /* party or policy number, once compiled */
    struct text role;   /* may be empty */
    struct ratio ratio; /* base weight as written */
    u128 weight;        /* over policy.den, once compiled */
    uint32_t entry_first;
    uint32_t entry_count; /* policy.entry[entry_first ...] */
};

struct role_share {
    struct text role;
    uint32_t bps;
};

struct tier {
    struct text provider; /* empty in an unpacked policy */
    uint32_t number;
    struct ratio factor;
};

enum threshold_op { THRESHOLD_LT = 1, THRESHOLD_LE = 2, THRESHOLD_GE = 3, THRESHOLD_GT = 4 };

/** Active while the cumulative `quantity` compares so. */
struct threshold {
    uint32_t condition; /* index into policy.condition */
    enum threshold_op op;
    uint64_t quantity;
};

/** Active while occurred_at lies inside, both ends included. */
struct sales_period {
    uint32_t condition;
    mete_time from;
    mete_time until;
};

/** POLICY_CONTRACT: the pool that its shares (investors, by what they confirmed) divide. */
struct contract {
    uint32_t creator;   /* party */
    uint32_t share_bps; /* of what is shareable */
    uint32_t asset;
    bool has_cap;
    i128 cap; /* the pool stops there; minor units */
};

struct policy {
    struct text id;
    enum policy_kind kind;
    enum rounding rounding;
    enum sum_rule sum_rule;
    struct text title;
    struct hash hash; /* SHA-256 of the document's RFC 8785 bytes as they stand in the log */
    u128 den;         /* common denominator of all weights; 1 when there are none */
    struct share *share;
    uint32_t share_count;
    struct split_entry *entry;
    uint32_t entry_count;
    struct text *condition; /* every name that entries, thresholds or periods use */
    uint32_t condition_count;
    struct role_share *role; /* POLICY_ROLES, in listed order; sums to at most 10000 */
    uint32_t role_count;
    struct contract contract;
    struct ratio calls_weight; /* POLICY_USAGE */
    struct ratio kib_weight;
    struct tier *tier;
    uint32_t tier_count;
    struct threshold *threshold;
    uint32_t threshold_count;
    struct sales_period *period;
    uint32_t period_count;
    bool has_recoup;
    struct money recoup_money;     /* as written */
    uint32_t recoup_asset;         /* once compiled */
    i128 recoup_amount;            /* minor units, once compiled */
    struct text default_condition; /* empty when absent */
    /* manifests only, kept for federation and display */
    struct text owner;  /* created_by or owner; may be empty */
    uint32_t signature; /* 0 none, 1 verified with did:key, 2 present but its key is unknown here */
};

/** Turns fractions into weights over one denominator and judges their sums. Does not look up
 *  names. Weights that depend on conditions are judged when an event meets them. A sum above 1 but
 *  inside its generation's tolerance: weights are taken over their sum, den is that sum.
 *  Errors: METE_WEIGHT_ABOVE_ONE, METE_WEIGHT_SUM, METE_WEIGHT_RANGE, METE_WEIGHT_INVALID (temporal
 *  policies: one weight above 1), METE_POLICY_INVALID, METE_SHARES_LIMIT; err->pointer is relative
 *  to the document ("/shares/2/weight"). */
enum mete_code policy_compile(struct arena *a, struct policy *p,
                              struct mete_err *err) METE_MUST_CHECK;

/** What holds for one share at a moment: *entry is 0 for the base weight, else 1 + the index of the
 *  entry inside the share. Rule: window holds `at`, all conditions active, highest version, later
 *  in the list on a tie; none: base. Source: .fair 0.2 "Temporal splits"; spec/events.md. */
u128 policy_weight_at(const struct policy *p, uint32_t share, mete_time at, uint64_t active,
                      uint32_t *entry);

/** True when some share has temporal entries. */
bool policy_is_temporal(const struct policy *p);

/** The packed form of a compiled policy (numbers, not names), and back; see doc/format.md. */
void policy_pack(struct buf *out, const struct policy *p);
/** Texts point into `packed`. What was only written is not kept: payees' names, recoup_money, and
 *  the fractions of shares and entries, which read 0/1. False when the bytes are damaged. */
bool policy_unpack(struct arena *a, struct bytes packed, struct policy *p) METE_MUST_CHECK;

/** Only what stands in front of the shares: kind, rounding, sum rule, hash, id, title, owner,
 *  signature, den. Needs no memory. */
bool policy_unpack_head(struct bytes packed, struct policy *p) METE_MUST_CHECK;

/* Names of what a policy is made of. */
const char *policy_kind_name(enum policy_kind kind);
const char *rounding_name(enum rounding rounding);
const char *policy_signature_name(uint32_t signature);

#endif
