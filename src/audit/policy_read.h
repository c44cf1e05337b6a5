/* SPDX-License-Identifier: Apache-2.0
 * Policies, .fair manifests of every generation and fee schedules, read from the JSON of the event
 * that published them. Weights stay the exact fractions that were written. */
#ifndef METE_AUDIT_POLICY_READ_H
#define METE_AUDIT_POLICY_READ_H

#include "audit/decision_read.h"
#include "audit/fraction.h"
#include "base/arena.h"
#include "base/time.h"
#include "wire/json.h"

enum rules_kind { RULES_WEIGHTS, RULES_ROLES, RULES_USAGE, RULES_SINGLE, RULES_CONTRACT };

/** A weight that holds inside a window while all its conditions are active. */
struct rules_entry {
    uint64_t version;
    mete_time from, until; /* both included */
    struct text *condition;
    uint32_t condition_count;
    struct frac weight;
};

struct rules_share {
    bool is_policy;
    bool held; /* attested, but not countersigned */
    struct text payee;
    struct frac weight; /* base weight */
    struct rules_entry *entry;
    uint32_t entry_count;
};

struct rules_role {
    struct text role;
    uint32_t bps;
};

struct rules_tier {
    struct text provider;
    struct frac factor;
};

enum rules_compare { IS_BELOW, IS_AT_MOST, IS_AT_LEAST, IS_ABOVE };

struct rules_threshold {
    struct text name;
    enum rules_compare compare;
    struct frac quantity;
};

struct rules_period {
    struct text name;
    struct text also; /* a second name of the same period, or empty */
    mete_time from, until;
};

/** One version of a policy. */
struct rules {
    struct text id;
    uint32_t version; /* of this id, from 1 */
    mete_time from;   /* in force from here on; TIME_ALWAYS */
    enum rules_kind kind;
    enum rounding_kind rounding;
    bool divides_excess; /* .fair 1.x: weights above 1 together are divided by their sum */
    bool is_temporal;
    struct frac sum; /* of the base weights as written */
    struct rules_share *share;
    uint32_t share_count;
    struct rules_role *role;
    uint32_t role_count;
    struct frac calls_weight, kib_weight;
    struct rules_tier *tier;
    uint32_t tier_count;
    struct rules_threshold *threshold;
    uint32_t threshold_count;
    struct rules_period *period;
    uint32_t period_count;
    bool has_recoup;
    struct text recoup_currency;
    struct frac recoup_amount; /* in major units */
    struct text default_condition;
};

/** Reads payload.policy or payload.manifest of a policy.published; what it needs is copied into
 *  `keep`. NULL when all is well, else why it should have been refused. */
const char *rules_read(struct arena *keep, const struct json *payload, struct rules *out);

struct charge_child {
    struct text payee;
    uint32_t share_bps;
};

struct charge {
    struct text label;
    bool is_fixed;
    uint32_t bps;
    struct text currency; /* fixed */
    struct frac fixed;    /* in major units */
    struct text payee;
    struct charge_child *child;
    uint32_t child_count;
};

/** One version of the fees of the book, or of an app. */
struct schedule {
    uint32_t version;
    mete_time from;
    struct charge *charge;
    uint32_t charge_count;
};

/** Reads the payload of fees.scheduled; as above. */
const char *schedule_read(struct arena *keep, const struct json *payload, struct schedule *out);

#endif
