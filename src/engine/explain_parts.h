/* SPDX-License-Identifier: Apache-2.0
 * What the files that explain share: building the tree, and its sections. Private to src/engine. */
#ifndef METE_ENGINE_EXPLAIN_PARTS_H
#define METE_ENGINE_EXPLAIN_PARTS_H

#include "core/payout.h"
#include "engine/query.h"
#include "engine/walk.h"
#include "engine/words.h"

#define EXPLAIN_LIST_MAX 50u /* children of one kind that are written out */

struct explain {
    struct engine *e;
    const struct view *view;
    struct arena *a;
    mete_time at;
    struct names names;
    struct mete_err *err;
};

/* One revenue inside the decision that booked it, and the line that is asked about. */
struct explain_subject {
    struct walk_item item;
    struct event event;       /* the event that was decided */
    mete_time event_recorded; /* when that event came: before item.recorded_at when it waited */
    const struct group *g;
    uint32_t group;
    uint32_t line;             /* UINT32_MAX: all lines */
    const struct asset *asset; /* of g */
};

#define EXPLAIN_ALL UINT32_MAX

/* --- building
 * -----------------------------------------------------------------------------------*/

struct explain_node *explain_add(struct explain *x, struct explain_node *parent, const char *label,
                                 const char *fmt, ...) METE_PRINTF(4, 5);
void explain_amount(struct explain_node *n, i128 amount, const struct asset *asset);
void explain_fact(struct explain *x, struct explain_node *n, const char *name, struct text value);
void explain_fact_i128(struct explain *x, struct explain_node *n, const char *name, i128 value);
void explain_fact_ratio(struct explain *x, struct explain_node *n, const char *name, u128 num,
                        u128 den);
/** "and 12 more ..." when a list was cut. */
void explain_rest(struct explain *x, struct explain_node *parent, uint64_t rest, const char *what);

/* --- arithmetic in words
 * ------------------------------------------------------------------------*/

/** input * weight / den, exactly: floor and what is left of one unit. */
struct explain_product {
    i128 floor;
    u128 rem; /* over den */
    u128 den;
};
struct explain_product explain_multiply(i128 input, u128 weight, u128 den);
/** "588.00 exactly", or "3.33 and 1/3 of 0.01". */
struct text explain_exact(struct explain *x, const struct explain_product *p,
                          const struct asset *asset);
void explain_fact_product(struct explain *x, struct explain_node *n,
                          const struct explain_product *p);

/* --- sections
 * -----------------------------------------------------------------------------------*/

/** Finds what booked an event. *booked false: it still waits, or it is no revenue. */
enum mete_code explain_load(struct explain *x, uint64_t seq, struct explain_subject *s);
/** The event, when it was recorded, where it stands in the log, and whether it waited. */
enum mete_code explain_because(struct explain *x, struct explain_node *parent,
                               const struct explain_subject *s);
/** The payload's fee and the schedule's, and what is left to share. */
enum mete_code explain_fees(struct explain *x, struct explain_node *parent,
                            const struct explain_subject *s);
/** The policies, from the root down; only the way to s->line unless that is EXPLAIN_ALL. */
enum mete_code explain_split(struct explain *x, struct explain_node *parent,
                             const struct explain_subject *s);
/** The same of an invoice, which a campaign's contract divides (explain_contract.c). */
bool explain_is_contract(const struct group *g);
enum mete_code explain_contract(struct explain *x, struct explain_node *parent,
                                const struct explain_subject *s);
/** Whose revenue an invoice is, and who says so. */
enum mete_code explain_whose(struct explain *x, struct explain_node *parent,
                             const struct explain_subject *s);
/** True when the decision took back what was booked before, and booked it anew. */
bool explain_is_rebooking(const struct walk_item *item);
/** The bookings that this one took the place of, the last one first. */
enum mete_code explain_rebooked(struct explain *x, struct explain_node *parent,
                                const struct explain_subject *s);
/** The one before it, in `x->a`. *known false: nothing was left of it, and there were others. */
enum mete_code explain_former(struct explain *x, const struct walk_item *item,
                              struct walk_item *former, bool *known);
/** What a carry policy has credited to the line's party so far, and what is carried. */
enum mete_code explain_carry(struct explain *x, struct explain_node *parent,
                             const struct explain_subject *s);
/** What was given back since. *left is what still stands of the line (of the gross: EXPLAIN_ALL).
 */
enum mete_code explain_reversals(struct explain *x, struct explain_node *parent,
                                 const struct explain_subject *s, i128 *left);
/** Pending, disputed, cleared, and what it is worth now. */
void explain_state(struct explain *x, struct explain_node *parent, const struct explain_subject *s,
                   struct text id, i128 left);

enum mete_code explain_line(struct explain *x, struct text id, struct explain_subject *s,
                            struct explain_node **out);
enum mete_code explain_event(struct explain *x, uint64_t seq, struct explain_node **out);
enum mete_code explain_party(struct explain *x, uint32_t party, struct text id,
                             struct explain_node **out);
/** A payment by x402, when what is asked for is its id or the hash of one of its transactions. */
enum mete_code explain_x402(struct explain *x, struct text asked, bool *known,
                            struct explain_node **out) METE_MUST_CHECK;
enum mete_code explain_payout(struct explain *x, uint64_t number, const struct transfer *t,
                              struct text id, struct explain_node **out);
/** What is on its way out and what was paid out, when there is any. */
void explain_leaving(struct explain *x, struct explain_node *account, const struct balance *b,
                     const struct asset *asset);
/** Why nothing is paid out to a party, when that is so. */
void explain_hold(struct explain *x, struct explain_node *parent, uint32_t party);

#endif
