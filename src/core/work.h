/* SPDX-License-Identifier: Apache-2.0
 * A decision in the making, shared by the files that decide. Private to core.
 * Every helper that reads may find the view lacking: it sets `missing`, hands back something
 * harmless, and the caller goes on or returns DECIDED_NEEDS; nothing of such an attempt is kept. */
#ifndef METE_CORE_WORK_H
#define METE_CORE_WORK_H

#include "base/limits.h"
#include "base/map.h"
#include "core/carry.h"
#include "core/decide.h"

#define WAIT_WAY_MAX (POLICY_DEPTH_MAX + 1)

struct work {
    struct arena *a;
    const struct decide_in *in;
    const struct view *view;
    const struct event *event;
    struct decision *out;
    struct mete_err *err;
    struct book_config book;
    mete_time now;       /* recorded_at */
    uint64_t log_size;   /* the newest event there is: releases reach up to it, without it */
    bool missing;        /* the view lacked something */
    bool released;       /* an event that waited: its money comes out of suspense */
    uint32_t stays;      /* puts, the first ones, that hold even while the event waits */
    uint32_t page;       /* released: the page its booking goes to */
    uint32_t wait_code;  /* set by work_wait */
    struct key wait_key; /* what it waits for; without the seq */
    char wait_pointer[64];
    /* The policy it waits for and those above it, up to the root: none when it is not a split that
     * waits. */
    uint32_t wait_way[WAIT_WAY_MAX];
    uint32_t wait_way_count;
    struct key about[2]; /* whom this decision is about, as far as it is on their lists */
    uint32_t about_count;
    bool waits_for_user;  /* for an attribution, on the list `wait_user`, beside wait_key */
    struct key wait_user; /* without the seq */
    uint32_t money_asset; /* what came in, known before it is clear who gets it */
    i128 money;
    struct release_item *release; /* releases that this decision opens */
    uint32_t release_count, release_cap;
    uint32_t party_cap, policy_cap, group_cap, put_cap;
    struct map party;               /* new party id -> number */
    struct in_force *root_in_force; /* policies as this event finds them (split.c): */
    struct map in_force;            /* by number, those below the root */
    size_t entries;                 /* temporal entries and condition changes of all of them */
    struct fee_schedule fees;       /* the one in force, once fees_known; version 0: none */
    uint32_t fees_version;
    bool fees_known;
    struct omap residue; /* residue key -> struct residue, changed by this decision; in key order */
};

/** Everything under a WAITING prefix with a seq above `cursor` and up to `limit` is to be decided
 *  anew, in order; for a policy, what waits below it as well. */
struct release_item {
    struct key key;
    uint64_t cursor;
    uint64_t limit;
};

/* Kinds of waiting: the byte after the class in a WAITING key. */
enum waiting {
    WAIT_POLICY = 1,
    WAIT_EVENT = 2, /* an event, or what a refund calls it by */
    WAIT_CYCLE = 3,
    WAIT_STUCK = 4,
    WAIT_APP = 5 /* its owner; invoices wait under KEY_WAIT_USER as well */
};

void work_begin(struct work *w, struct arena *a, const struct decide_in *in, struct decision *out,
                struct mete_err *err);
void work_end(struct work *w); /* gives back what is not in the arena */

/** Refuses: fills err, returns DECIDED_REFUSED. */
enum decided work_refuse(struct work *w, enum mete_code code, const char *pointer, const char *fmt,
                         ...) METE_PRINTF(4, 5);
/** Waits for `key` (class WAITING, kind, id): returns DECIDED_WAITING. */
enum decided work_wait(struct work *w, enum mete_code code, struct key key, const char *pointer);

struct key wait_policy_key(uint32_t policy);
struct key wait_event_key(struct text event_id);
struct key wait_cycle_key(uint32_t policy);
/** Under it, by seq, what waits for a policy below this one. A version of this one may do without
 *  that. */
struct key wait_below_key(uint32_t policy);
/** Where the way of an event is: its wait_way, packed. Policy 0 is none. */
struct key wait_way_key(uint64_t seq);

/** The number of a party, naming it when it is new. */
uint32_t work_party(struct work *w, struct text id);
/** The number of a policy id, naming it when it is new; its versions (in the arena). */
uint32_t work_policy(struct work *w, struct text id, struct version **versions, size_t *count);

void work_set(struct work *w, struct key key, const struct buf *value);
void work_add(struct work *w, struct key key, i128 a, i128 b, i128 c, i128 d);
void work_remove(struct work *w, struct key key);

/* Sums are added to blindly and must never leave 128 bits. Amounts below SUM_LARGE cannot bring
 * that about: 2^44 of them are 2^124. Before larger ones the sums are looked at. Money that comes
 * in stops earlier than money that moves on, so that what is there does not get stuck. */
#define SUM_LARGE    ((i128)1 << 80)
#define SUM_LIMIT    ((i128)1 << 124)
#define SUM_LIMIT_IN ((i128)1 << 123)

/** True when the sums under `key` have room for `more` below `limit`. */
bool work_sums_fit(struct work *w, struct key key, i128 more, i128 limit);

struct group *work_group(struct work *w, enum group_kind kind, uint32_t asset);
struct line *group_line(struct arena *a, struct group *g);
/** A line of a transfer: the party gets `amount`, or gives it when it is below zero. */
void group_move(struct work *w, struct group *g, uint32_t party, i128 amount);
struct node *group_node(struct arena *a, struct group *g, uint32_t *index);

/** Reads a payload amount: asset and minor units. `at` is the pointer of the Money object. */
enum decided work_money(struct work *w, const struct money *m, const char *at, struct asset *asset,
                        i128 *amount);

/** The residue of a payee under a policy with carry, as this decision has left it so far. */
struct residue *work_residue(struct work *w, struct key key);
struct key residue_key(uint32_t policy, uint32_t asset, uint32_t payee_kind, uint32_t payee);
enum payee_kind { PAYEE_PARTY = 0, PAYEE_POLICY = 1, PAYEE_NOBODY = 2 };

/** Opens the release of what waits for `key`, when something does. */
void work_release(struct work *w, struct key key);
/** Sets the queue of releases to w->release, followed by `items`: what a booking lets go on comes
 *  right after it. The queue therefore stays as short as releases nest, however much waits. */
void work_queue(struct work *w, const struct release_item *items, size_t count);

/** Appends a version to a list and sets it under `key`. */
void versions_put(struct work *w, struct key key, uint32_t number, const struct version *versions,
                  size_t count, struct version next);

/* --- splitting (split.c)
 * ------------------------------------------------------------------------*/

/** Takes the fees off `g->gross` (a payload fee first) and returns what is left. */
enum decided split_fees(struct work *w, struct group *g, i128 payload_fee, i128 *net);
/** Splits `net` by the policy's version in force at `at`. */
enum decided split_by_policy(struct work *w, struct group *g, uint32_t policy, i128 net,
                             mete_time at, const struct event_revenue *revenue);
enum decided split_single(struct work *w, struct group *g, struct text party, i128 net);
enum decided split_by_roles(struct work *w, struct group *g, struct text content_item, i128 net,
                            mete_time at);
struct usage_weight {
    uint32_t party;
    u128 weight;
};
#define USAGE_QUANTUM ((u128)1 << 60) /* with carry, the parts that usage is measured in */
enum decided split_by_usage(struct work *w, struct group *g, uint32_t policy, uint32_t version,
                            enum rounding rounding, const struct usage_weight *weight, size_t count,
                            i128 net);

/** A revenue group ready to be split: clears_at, source and asset set. */
struct group *work_revenue_group(struct work *w, uint32_t asset, i128 gross);

/* --- one function for each type
 * ------------------------------------------------------------------*/

enum decided decide_book(struct work *w);
enum decided decide_asset(struct work *w);
enum decided decide_app(struct work *w);
enum decided decide_fees(struct work *w);
enum decided decide_party(struct work *w);
enum decided decide_destination(struct work *w);
enum decided decide_key(struct work *w);
enum decided decide_key_revoked(struct work *w);
enum decided decide_policy(struct work *w);
enum decided decide_contribution(struct work *w);
enum decided decide_condition(struct work *w);
enum decided decide_rate(struct work *w);
enum decided decide_usage(struct work *w);
enum decided decide_cycle(struct work *w);
enum decided decide_metered(struct work *w);
enum decided decide_metering_close(struct work *w);
enum decided decide_revenue(struct work *w);
enum decided decide_reversal(struct work *w);
enum decided decide_dispute(struct work *w);
enum decided decide_clearing(struct work *w);
enum decided decide_transfer(struct work *w);
enum decided decide_conversion(struct work *w);
enum decided decide_campaign_created(struct work *w);
enum decided decide_campaign_updated(struct work *w);
enum decided decide_campaign_moved(struct work *w);
enum decided decide_round(struct work *w);
enum decided decide_commitment(struct work *w);
enum decided decide_grant(struct work *w);
enum decided decide_fact(struct work *w);
enum decided decide_attribution(struct work *w);
enum decided decide_invoice(struct work *w);
enum decided decide_terms(struct work *w);
enum decided decide_settlement(struct work *w);
enum decided decide_batch(struct work *w);
enum decided decide_queued(struct work *w);
enum decided decide_payout(struct work *w);
enum decided decide_hold(struct work *w);
enum decided decide_x402(struct work *w);
enum decided decide_x402_policy(struct work *w);
enum decided decide_x402_listing(struct work *w);

/** Decides by type; used by decide and by release. */
enum decided work_decide(struct work *w);
/** Writes what the decision leaves behind: residues, the waiting key and suspense of an event that
 *  waits. The releases it opens are in w->release. */
enum decided work_finish(struct work *w, enum decided outcome);
/** The first seq above `cursor` and up to `limit` that waits under `key` or below its policy; 0
 *  when there is none. */
uint64_t work_first_waiting(struct work *w, struct key key, uint64_t cursor, uint64_t limit);

/* --- originals (decide_reversal.c)
 * ----------------------------------------------------------------*/

/** The whole decision that booked the event at `seq`, pages joined. *found false: not booked yet.
 */
enum view_result original_load(struct work *w, uint64_t seq, struct decision *d,
                               uint64_t *booked_seq, uint32_t *booked_page, bool *found);

/** What is reversed of a group's lines so far. */
struct reversed {
    i128 gross;
    i128 *line; /* one a line */
    uint32_t line_count;
    i128 *node; /* one a node: of carry nodes and what hangs below them */
    uint32_t node_count;
};
enum view_result reversed_load(const struct view *v, struct arena *a, uint64_t seq, uint32_t page,
                               uint32_t group, const struct group *g, struct reversed *out);

#endif
