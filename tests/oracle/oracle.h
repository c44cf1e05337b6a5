/* SPDX-License-Identifier: Apache-2.0
 * A second reading of the specification: what every event of a script must do to the books, with
 * plain arrays, plain fractions and linear searches. It shares no code with src/core and was
 * written from spec/events.md, design section 3 and doc/decisions alone. Knows no disputes, no
 * clearing days and no pages. */
#ifndef METE_TESTS_ORACLE_ORACLE_H
#define METE_TESTS_ORACLE_ORACLE_H

#include "mete/error.h"
#include "oracle/script.h"

enum oracle_status { O_APPLIED, O_DUPLICATE, O_WAITING, O_REFUSED, O_CONFLICT };

enum oracle_line_kind { L_FEE, L_ALLOCATION, L_REST, L_CARRY, L_TRANSFER };

#define PATH_MAX_LEN 48

struct oracle_line {
    enum oracle_line_kind kind;
    int party;
    i128 amount;
    char path[PATH_MAX_LEN]; /* fees and allocations: the end of the allocation id */
    int policy;              /* allocations: whose share it is; NONE outside policies */
    bool author;             /* roles: of a contribution as author */
};

/** One revenue, reversal or transfer: its lines sum to gross. */
struct oracle_group {
    int asset;
    i128 gross;
    struct oracle_line *line;
    int line_count;
};

struct oracle_outcome {
    enum oracle_status status;
    enum mete_code code; /* refused, waiting: why */
    const int *booked;   /* ids of events booked in this step, this one included, in order */
    int booked_count;
};

/* How often something special happened; a run in which one never did proves too little. */
#define ORACLE_SEEN(X)                                                                             \
    X(TIE_BROKEN, "equal remainders, decided by listed order")                                     \
    X(REMAINDER_GIVEN, "a unit given to a largest remainder")                                      \
    X(REST_REMAINDER, "a unit given to the implicit last share")                                   \
    X(WEIGHTS_ZERO, "all weights zero")                                                            \
    X(WEIGHTS_BELOW_ONE, "weights below one")                                                      \
    X(NESTED, "a share split again")                                                               \
    X(NESTED_DEEP, "a share split again, four levels down or more")                                \
    X(NESTED_ZERO, "a nested policy that was given nothing")                                       \
    X(PARTY_TWICE, "one party listed twice in one policy")                                         \
    X(CARRY_CREDITED, "carry: a unit credited from earlier events")                                \
    X(CARRY_HELD, "carry: less credited than largest remainder would")                             \
    X(CARRY_NESTED, "carry inside another split, or a split inside carry")                         \
    X(CARRY_REVERSED, "carry: a reversal changed a floor")                                         \
    X(CARRY_NEGATIVE, "carry: the account carry went down")                                        \
    X(AUTHOR_REST, "roles: rounding left something to the first author")                           \
    X(NO_AUTHOR, "roles: nobody to take what is left")                                             \
    X(NO_CONTRIBUTION, "roles: an item without contributions")                                     \
    X(ROLE_WITHOUT_SHARE, "roles: a contribution whose role has no share")                         \
    X(ROLES_REPLACED, "roles: a published policy instead of the built-in one")                     \
    X(FEE_CAPPED, "a fee took what was left instead of all it asked for")                          \
    X(FEE_OTHER_ASSET, "a fixed fee of another asset")                                             \
    X(FEE_CHILDREN, "a fee with children")                                                         \
    X(FEE_PAYLOAD, "a fee of the payload")                                                         \
    X(FEE_LATER_VERSION, "a fee schedule after the first")                                         \
    X(NET_ZERO, "fees took everything")                                                            \
    X(TEMPORAL_ENTRY, "a temporal entry chosen")                                                   \
    X(TEMPORAL_TIE, "two temporal entries of one version")                                         \
    X(TEMPORAL_BASE, "no temporal entry held: the base weight")                                    \
    X(COND_PAYLOAD, "condition: from the payload")                                                 \
    X(COND_SWITCHED_ON, "condition: switched on")                                                  \
    X(COND_SWITCHED_OFF, "condition: a computed one switched off")                                 \
    X(COND_SWITCHED_AFTER, "condition: a change dated after the event")                            \
    X(COND_SWITCHED_LATE, "condition: a change that came later and is dated earlier")              \
    X(COND_SIBLING_OFF, "condition: the default, with another of its family switched off")         \
    X(COND_POST_RECOUP, "condition: recouped")                                                     \
    X(COND_EXACTLY, "condition: a sum exactly at its threshold")                                   \
    X(COND_TICKETS, "condition: ticket threshold reached")                                         \
    X(COND_PERIOD, "condition: inside a sales period")                                             \
    X(COND_DEFAULT, "condition: the default")                                                      \
    X(UNRECOUPED, "a reversal took a policy below its threshold again")                            \
    X(VERSION_LATER, "a later policy version in force")                                            \
    X(VERSION_EARLIER, "an earlier version in force although a later one exists")                  \
    X(VERSION_TIE, "two versions in force from the same moment")                                   \
    X(VERSION_NOT_YET, "a policy known, but not in force yet")                                     \
    X(WAIT_ROOT, "waiting for the policy that was named")                                          \
    X(WAIT_NESTED, "waiting for a nested policy")                                                  \
    X(WAIT_ABOVE_ONE, "waiting because weights exceed one")                                        \
    X(WAIT_KIND, "waiting because a policy is of a kind that splits no revenue")                   \
    X(WAIT_AGAIN, "released, and waiting for something else")                                      \
    X(RELEASED, "booked after waiting")                                                            \
    X(RELEASED_BY_PARENT, "booked after a policy above the one to blame changed")                  \
    X(RELEASED_BY_CONDITION, "booked after a condition changed")                                   \
    X(RELEASED_REVERSAL, "a reversal booked right after its original")                             \
    X(CYCLE_NO_USAGE, "cycle without usage")                                                       \
    X(CYCLE_RELEASED, "cycle booked at a later cycle")                                             \
    X(CYCLE_TICK, "cycle with an empty pool")                                                      \
    X(USAGE_TIE, "providers with equal remainders")                                                \
    X(USAGE_AGAIN, "a batch of usage reported again")                                              \
    X(USAGE_CARRY, "usage with carry")                                                             \
    X(METER_REST, "metered costs below one minor unit carried to the next day")                    \
    X(METER_EMPTY, "a day closed without a whole minor unit")                                      \
    X(METER_SEVERAL, "a day closed with several revenues")                                         \
    X(REVERSAL_FULL, "a whole reversal")                                                           \
    X(REVERSAL_PARTIAL, "a partial reversal")                                                      \
    X(REVERSAL_END, "partial reversals that ended exactly at zero")                                \
    X(REVERSAL_NESTED, "a whole reversal of a split below a carry split")                          \
    X(REVERSAL_WAITS, "a reversal that waits for its original")                                    \
    X(TRANSFERRED, "a transfer applied")                                                           \
    X(BIG_AMOUNT, "an amount beyond 64 bits")

enum oracle_seen {
#define X(symbol, text) SEEN_##symbol,
    ORACLE_SEEN(X)
#undef X
        SEEN_COUNT
};

extern const char *const oracle_seen_text[SEEN_COUNT];

struct oracle;

/** `seen` (SEEN_COUNT counters) outlives the oracle and is added to. */
struct oracle *oracle_new(uint64_t *seen);
void oracle_free(struct oracle *o);
void oracle_submit(struct oracle *o, const struct script_event *e, struct oracle_outcome *out);

/** True when the event stands in the log. */
bool oracle_has(const struct oracle *o, int id);
bool oracle_knows(const struct oracle *o, int asset);
/** Net balance: pending, disputed and cleared together, debts taken off. */
i128 oracle_balance(const struct oracle *o, int party, int asset);
/** What a policy has split so far, and its quantity. */
i128 oracle_net(const struct oracle *o, int policy, int asset);
uint64_t oracle_quantity(const struct oracle *o, int policy);
/** Groups of an event that is booked; their count. */
int oracle_groups(const struct oracle *o, int id, const struct oracle_group **groups);
/** What is left to reverse of an event's first group, and in which asset. */
i128 oracle_left(const struct oracle *o, int id, int *asset);
/** True once a part of a split below a carry split was reversed: from there on this oracle does not
 *  follow the engine's rule. */
bool oracle_tainted(const struct oracle *o);
/** True when a partial reversal of this event would do so. */
bool oracle_inexact(const struct oracle *o, int id);
/** True once something of this event was reversed. */
bool oracle_touched(const struct oracle *o, int id);
bool oracle_waits(const struct oracle *o, int id);
/** A party's exact entitlement under a carry policy, and what was credited of it. */
struct fraction oracle_entitlement(const struct oracle *o, int policy, int asset, int party,
                                   i128 *credited);

#endif
