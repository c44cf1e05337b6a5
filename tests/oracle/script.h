/* SPDX-License-Identifier: Apache-2.0
 * A stream of events as a test means it: parties, policies, assets and conditions are small
 * numbers, amounts are whole minor units, weights are fractions. script.c writes it as JSON for the
 * engine; the oracle reads it as it is and never sees JSON. */
#ifndef METE_TESTS_ORACLE_SCRIPT_H
#define METE_TESTS_ORACLE_SCRIPT_H

#include "base/buf.h"
#include "base/rng.h"
#include "base/time.h"
#include "base/types.h"

#define ORDINARY   24 /* parties that events name */
#define PARTIES    29 /* and those that are always there, enum fixed_party */
#define POLICIES   24
#define ITEMS      6
#define CONDITIONS 11
#define ASSETS     10
#define ROLES      5
#define SHARES     8
#define ENTRIES    3
#define NONE       (-1)

enum fixed_party { EXTERNAL_FEE = ORDINARY, CLEARING, UNALLOCATED, CARRIED, SUSPENSE };

/* Conditions by name, in the order of script_condition[]. */
enum condition_name {
    PRE_RECOUP,
    POST_RECOUP,
    TICKETS_UNDER,
    TICKETS_OVER,
    EARLY_BIRD,
    STANDARD,
    STANDARD_SALES,
    PROMO,
    GOLD,
    PRE_RELEASE,
    POST_RELEASE
};

enum asset_name { USD, JPY, SAT, USDC, ETH, KWD, BTC, PTS, GEM, NOWHERE };

/* script_role[] */
enum role_name { AUTHOR, EDITOR, DISTRIBUTOR, CURATOR, TRANSLATOR };

extern const char *const script_condition[CONDITIONS];
extern const char *const script_role[ROLES];
/* PTS and GEM are defined by asset.defined, NOWHERE never is. */
extern const char *const script_asset[ASSETS];
extern const int script_scale[ASSETS];

struct fraction {
    i128 num;
    i128 den;
};

enum script_kind {
    EV_POLICY,
    EV_FEES,
    EV_BOOK,
    EV_ASSET,
    EV_PARTY,
    EV_CONTRIBUTION,
    EV_USAGE,
    EV_METERED,
    EV_METERING,
    EV_CYCLE,
    EV_CONDITION,
    EV_REVENUE,
    EV_REVERSAL,
    EV_TRANSFER,
    EV_KINDS
};

extern const char *const script_kind_name[EV_KINDS];

enum script_policy_kind { P_WEIGHTS, P_MANIFEST, P_SINGLE, P_ROLES, P_USAGE };

struct script_entry {
    uint32_t version;
    mete_time from;      /* TIME_ALWAYS: absent */
    mete_time until;     /* TIME_NEVER: absent */
    uint32_t conditions; /* bit per condition_name */
    struct fraction weight;
};

struct script_share {
    bool is_policy;
    int payee; /* party or policy */
    struct fraction weight;
    struct script_entry entry[ENTRIES];
    int entry_count;
};

enum script_op { OP_LT, OP_LE, OP_GE, OP_GT };

struct script_threshold {
    int condition;
    enum script_op op;
    uint64_t quantity;
};

struct script_period {
    int condition; /* EARLY_BIRD or STANDARD, written with an underscore */
    mete_time from;
    mete_time until;
};

struct script_policy {
    int id;
    enum script_policy_kind kind;
    bool carry;
    struct script_share share[SHARES]; /* P_SINGLE: share[0].payee */
    int share_count;
    bool has_recoup;
    int recoup_asset;
    i128 recoup_amount;
    struct script_threshold threshold[2];
    int threshold_count;
    struct script_period period[2];
    int period_count;
    int default_condition;
    int role[ROLES]; /* P_ROLES */
    uint32_t role_bps[ROLES];
    int role_count;
    struct fraction calls_weight; /* P_USAGE; den 0: absent */
    struct fraction kib_weight;
    int tier_party[4];
    struct fraction tier[4];
    int tier_count;
};

struct script_fee_child {
    uint32_t bps;
    int payee;
};

struct script_fee {
    bool fixed;
    uint32_t bps;
    int asset;
    i128 amount;
    int payee;
    struct script_fee_child child[3];
    int child_count;
};

struct script_fees {
    struct script_fee fee[4];
    int count;
};

enum script_target { TO_POLICY, TO_ITEM, TO_PARTY };

struct script_event {
    enum script_kind kind;
    int id;   /* event id */
    int body; /* same id and same body: same canonical bytes */
    mete_time at;
    mete_time effective_from; /* policy, fees: TIME_ALWAYS when absent */
    /* What each kind uses of these is plain from script.c. */
    struct script_policy policy;
    struct script_fees fees;
    int party;
    int party_to;
    int policy_id;
    int item;
    int role;
    int asset;
    int condition;
    bool active;
    i128 amount; /* minor units; EV_METERED: units of 10^-18 */
    i128 fee;    /* NONE: absent */
    enum script_target target;
    uint32_t conditions;
    uint64_t quantity;
    uint64_t weight;
    uint64_t calls;
    uint64_t bytes;
    int batch;              /* EV_USAGE; NONE: absent */
    mete_time window_start; /* EV_METERED: `at` */
    mete_time window_end;
    int32_t day;
    int original; /* EV_REVERSAL: event id */
    bool whole;   /* EV_REVERSAL: no amount */
    int scale;    /* EV_ASSET */
};

/** "p7", "external:fee" and the like; `out` has room for 32. */
void script_party_name(int party, char out[32]);
void script_policy_name(int policy, char out[32]);
void script_event_name(int id, char out[32]);

/** Appends the event as JSON. `loose` NULL: plain; else the same value in other clothes (white
 *  space, order of members), chosen by it. */
void script_write(struct buf *out, const struct script_event *e, struct rng *loose);

#endif
