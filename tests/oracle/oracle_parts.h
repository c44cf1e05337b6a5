/* SPDX-License-Identifier: Apache-2.0
 * What the oracle remembers. Private to the oracle's files. */
#ifndef METE_TESTS_ORACLE_ORACLE_PARTS_H
#define METE_TESTS_ORACLE_ORACLE_PARTS_H

#include "oracle/frac.h"
#include "oracle/oracle.h"

#define VERSIONS_MAX 800
#define LIST_MAX     600 /* contributions of an item, lines of a group */
#define NOBODY       (PARTIES + POLICIES)
#define PAYEES       (PARTIES + POLICIES + 1)
#define DEPTH_MAX    16

/* Something of an original that a reversal takes back by itself: a line, or a carry split as a
 * whole, whose shares are taken back exactly. What a policy below a carry split was divided into
 * hangs below that carry split's unit. */
struct unit {
    bool carry;
    int parent; /* a carry unit, or NONE */
    int parent_share;
    int party; /* of a line */
    i128 total;
    i128 left;
    int policy; /* carry: whose entitlements, and the shares of each payee */
    int share_count;
    int payee[PARTIES + 1];
    struct fraction weight[PARTIES + 1];
    int rest_party;
};

struct split_node {
    int policy;
    i128 input;
};

struct lot {
    struct oracle_group shown;
    struct unit *unit;
    int unit_count;
    struct split_node *node;
    int node_count;
    i128 reversed;
    uint64_t quantity;
    bool inexact; /* a policy below a carry split */
};

enum waits_for { FOR_NOTHING, FOR_POLICY, FOR_EVENT, FOR_CYCLE };

struct stored {
    struct script_event event;
    bool waiting;
    enum waits_for waits_for;
    int waits_id;
    uint32_t above; /* policies that contain the one it waits for, on the way to it */
    enum mete_code wait_code;
    bool held; /* its money stands in suspense */
    struct lot *lot;
    int lot_count;
};

struct policy_version {
    mete_time from;
    struct script_policy policy;
};

struct fees_version {
    mete_time from;
    struct script_fees fees;
};

struct entitlement {
    i128 whole;
    struct fraction rest; /* 0 <= rest < 1 */
    i128 credited;
};

struct contribution {
    int party;
    int role;
    uint64_t weight;
};

struct switch_row {
    int policy;
    int condition;
    mete_time at;
    bool active;
};

struct usage_row {
    int party;
    mete_time start;
    uint64_t calls;
    uint64_t bytes;
    int batch;
};

/* Costs in units of 10^-24: exact for every scale used here. */
struct metered_row {
    bool open;
    int policy;
    int asset;
    int customer; /* NONE: no customer */
    int32_t day;
    i128 cost;
};

#define METER_DIGITS 24

/* A list of waiting events that is due. */
struct queued {
    enum waits_for what;
    int id;
    int limit;
};

struct oracle {
    uint64_t *seen;
    i128 balance[PARTIES][ASSETS];
    struct policy_version *version[POLICIES];
    int version_count[POLICIES];
    struct policy_version roles[VERSIONS_MAX];
    int roles_count;
    struct fees_version fees[VERSIONS_MAX];
    int fees_count;
    bool child[POLICIES][POLICIES];
    struct contribution item[ITEMS][LIST_MAX];
    int item_count[ITEMS];
    struct usage_row *usage;
    int usage_count;
    struct metered_row *metered;
    int metered_count;
    i128 meter_rest[POLICIES][ASSETS][PARTIES + 1];
    struct switch_row *change; /* of conditions, in log order */
    int change_count;
    i128 net[POLICIES][ASSETS];
    uint64_t quantity[POLICIES];
    struct entitlement entitlement[POLICIES][ASSETS][PAYEES];
    int asset_rank[ASSETS]; /* numbers of the assets; 0: unknown to the book */
    int mentioned[PARTIES]; /* order of first mention; 0: never */
    int mention_count;
    int asset_count;
    int rest_party;
    struct stored **stored;
    int stored_count;
    int *booked;
    int booked_count;
    struct queued *queue;
    int queue_count;
    bool tainted;
};

/* One event being decided. */
struct deciding {
    struct oracle *o;
    const struct script_event *e;
    struct lot *lot;
    i128 outside; /* what nobody gets, so far */
    int parent;   /* the carry unit that is being split, and which share of it */
    int parent_share;
    enum mete_code code; /* why it cannot be booked now, and which policy is to blame */
    int blame;
    uint32_t above; /* those on the way to it */
};

/* What became of one attempt to decide an event. */
struct outcome {
    enum oracle_status status;
    enum mete_code code;
    enum waits_for waits_for;
    int waits_id;
    uint32_t above;
};

static inline struct outcome outcome_applied(void)
{
    return (struct outcome){O_APPLIED, METE_OK, FOR_NOTHING, NONE, 0};
}

static inline struct outcome outcome_refused(enum mete_code code)
{
    return (struct outcome){O_REFUSED, code, FOR_NOTHING, NONE, 0};
}

static inline struct outcome outcome_waits(enum mete_code code, enum waits_for what, int id)
{
    return (struct outcome){O_WAITING, code, what, id, 0};
}

static inline struct outcome outcome_blames(const struct deciding *d)
{
    return (struct outcome){O_WAITING, d->code, FOR_POLICY, d->blame, d->above};
}

struct stored *oracle_find(const struct oracle *o, int id);
struct outcome oracle_policy(struct oracle *o, const struct script_event *e);
struct outcome oracle_schedule(struct oracle *o, const struct script_event *e);
struct outcome oracle_asset(struct oracle *o, const struct script_event *e);
struct outcome oracle_condition(struct oracle *o, const struct script_event *e);
struct outcome oracle_contribution(struct oracle *o, const struct script_event *e);
struct outcome oracle_usage(struct oracle *o, const struct script_event *e);
struct outcome oracle_metered(struct oracle *o, const struct script_event *e);
struct outcome oracle_revenue(struct oracle *o, struct stored *s);
struct outcome oracle_cycle(struct oracle *o, struct stored *s);
struct outcome oracle_metering(struct oracle *o, struct stored *s);
struct outcome oracle_transfer(struct oracle *o, struct stored *s);
struct outcome oracle_reversal(struct oracle *o, struct stored *s);

bool is_revenue(enum script_kind kind);
i128 power_of_ten(int n);
/** A new lot of the event `s`: nothing may point to its earlier ones any more. */
void deciding_begin(struct deciding *d, struct oracle *o, struct stored *s, int asset, i128 gross);
void lot_drop(struct stored *s);
/** True when no earlier node of the lot is of the same policy. */
bool first_of_policy(const struct lot *lot, int node);
void lot_apply(struct oracle *o, const struct lot *lot, int source);

void oracle_see(struct oracle *o, enum oracle_seen what);
void oracle_mention(struct oracle *o, int party);

struct oracle_line *lot_line(struct lot *lot, enum oracle_line_kind kind, int party, i128 amount,
                             const char *path);
struct unit *lot_unit(struct deciding *d, int party, i128 amount);

/** Largest remainders of `amount` over weights (their sum at most 1); part[count] is the rest. */
void oracle_apportion(struct oracle *o, i128 amount, const struct fraction *weight, int count,
                      i128 *part);
/** Adds to an entitlement. */
void entitlement_add(struct entitlement *e, i128 amount, struct fraction weight);
/** Credits what of it is whole; for a nested policy never less than nothing. */
i128 entitlement_credit(struct entitlement *e, bool nested);

const struct policy_version *version_in_force(struct oracle *o, const struct policy_version *v,
                                              int count, mete_time at);
struct fraction weight_at(struct oracle *o, const struct script_share *s, mete_time at,
                          uint32_t active);
uint32_t conditions_active(struct deciding *d, const struct script_policy *p);

/** Takes the fees off and returns what is left. */
i128 oracle_fees(struct deciding *d, i128 gross);
/** True when a tree of policies can be split for this event; else d->code and d->blame. */
bool oracle_can_split(struct deciding *d, int policy, int depth);
void oracle_split(struct deciding *d, int policy, i128 amount, const char *path, int depth);
void oracle_split_roles(struct deciding *d, i128 amount);
/** False: nobody used anything in the window. */
bool oracle_split_usage(struct deciding *d, const struct script_policy *p, i128 amount);
/** The line of what nobody gets. */
void oracle_rest(struct deciding *d);
/** Ends a lot: that line, and the balances. `source` pays. */
void oracle_book(struct deciding *d, int source);

#endif
