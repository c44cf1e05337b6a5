/* SPDX-License-Identifier: Apache-2.0
 * What core may see of a book: its state and its earlier decisions, through functions that the
 * engine provides. A view never does I/O on core's behalf while deciding: what is not loaded comes
 * back as VIEW_MISSING, the view has then noted the key, and the decision is tried again. */
#ifndef METE_CORE_VIEW_H
#define METE_CORE_VIEW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/types.h"
#include "core/asset.h"
#include "core/event.h"
#include "core/fees.h"
#include "core/key.h"
#include "core/policy.h"

enum view_result { VIEW_FOUND, VIEW_ABSENT, VIEW_MISSING };

/** Visits one key of a range in order; return false to stop. For sums `value` is empty. */
typedef bool view_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums);

struct view {
    void *ctx;
    /** The value of a PUT key; valid until the state changes. */
    enum view_result (*get)(void *ctx, struct bytes key, struct bytes *value);
    /** The sums of an ADD key; zeros when absent. */
    enum view_result (*sums)(void *ctx, struct bytes key, i128 sums[STATE_SUMS]);
    /** Keys in [from, until), in order. VIEW_MISSING when the range is not loaded. */
    enum view_result (*scan)(void *ctx, struct bytes from, struct bytes until, view_visit *visit,
                             void *arg);
    /** The packed decision at (seq, page); valid until the next call. */
    enum view_result (*decision)(void *ctx, uint64_t seq, uint32_t page, struct bytes *packed);
    /** The event at seq, parsed again into `a`, and when it was recorded. */
    enum view_result (*event)(void *ctx, uint64_t seq, struct arena *a, struct event *event,
                              mete_time *recorded_at);
    /** The first seq that may have been recorded at or after `t` (1 when unknown). */
    uint64_t (*seq_at)(void *ctx, mete_time t);
    struct policy_cache *policies; /* unpacked versions, shared between decisions; may be NULL */
};

/** Book configuration with its defaults: no fees, 7 and 14 days. */
struct book_config {
    int32_t clear_after_days;
    int32_t dispute_auto_clear_days;
    int32_t clear_after_days_max; /* the largest ever in force: bounds the search for due lines */
    int32_t cool_off_hours;       /* a destination that took the place of another waits so long */
    bool has_payout_minimum;
    uint32_t payout_asset;
    i128 payout_minimum;
    uint32_t unallocated; /* party number that holds what nobody gets */
    bool attribution_required;
    bool attribution_corrections;
    bool tier3; /* raw content is kept: data tier 3 */
    uint32_t rules_version;
    struct text environment; /* points into state */
};

#define RULES_VERSION  1u
#define COOL_OFF_HOURS 24 /* unless the book says otherwise */

/* Parties that mete itself is, with their permanent numbers. */
#define PARTY_CLEARING    1u  /* mete:clearing: the world outside; its debits are money that came */
#define PARTY_UNALLOCATED 2u  /* mete:unallocated */
#define PARTY_CARRY       3u  /* mete:carry */
#define PARTY_SUSPENSE    4u  /* mete:suspense: come, but not decided yet */
#define PARTY_PAYOUT      5u  /* mete:payout: on its way out */
#define PARTY_RAIL_FEES   6u  /* mete:rail_fees: what rails took for paying out */
#define PARTY_EXCHANGE    7u  /* mete:exchange: the other side of conversions, in each asset */
#define PARTY_FIRST       16u /* the first party that the log names */

const char *party_system_name(uint32_t number); /* NULL for other numbers */

/** Defaults when the book was never configured; VIEW_ABSENT then. */
enum view_result view_book(const struct view *v, struct book_config *out);
void book_config_pack(struct buf *out, const struct book_config *c);

/** parties, policies, fee schedules, events that wait for another event */
enum counter { COUNTER_PARTIES, COUNTER_POLICIES, COUNTER_FEES, COUNTER_WAITING };
enum view_result view_counter(const struct view *v, enum counter which, i128 *out);

enum view_result view_party(const struct view *v, struct text id, uint32_t *number);
/** The id of a party number; system parties included. */
enum view_result view_party_id(const struct view *v, uint32_t number, struct text *id);
enum view_result view_asset(const struct view *v, struct text code, struct asset *out);
void asset_pack(struct buf *out, const struct asset *asset);
enum view_result view_asset_number(const struct view *v, uint32_t number, struct asset *out);

struct version {
    uint32_t number; /* 1, 2, ... */
    mete_time from;  /* TIME_ALWAYS for a first version without effective_from */
};

/** All versions of a policy, oldest first, in `a`. A policy that was named but never published has
 *  a number and no versions. No policy has the empty id or one of more than PARTY_ID_LEN_MAX
 *  bytes, whoever asks for it. */
enum view_result view_policy(const struct view *v, struct arena *a, struct text id,
                             uint32_t *number, struct version **versions, size_t *count);
/** What stands at ROLES_VERSIONS_ID: which version of which policy, by KEY_POLICY_VERSION of 0. */
enum view_result view_roles_versions(const struct view *v, struct arena *a,
                                     struct version **versions, size_t *count);
enum view_result view_policy_id(const struct view *v, uint32_t number, struct text *id);
/** The unpacked policy; lives in the view's cache or, without one, in `a`. */
enum view_result view_policy_version(const struct view *v, struct arena *a, uint32_t number,
                                     uint32_t version, const struct policy **out);
enum view_result view_fees(const struct view *v, struct arena *a, struct version **versions,
                           size_t *count);
enum view_result view_fees_version(const struct view *v, struct arena *a, uint32_t version,
                                   struct fee_schedule *out);

/** The version in force at a moment: the latest `from` that has come, the higher number on a tie;
 *  NULL when none has. */
const struct version *version_at(const struct version *versions, size_t count, mete_time at);

void versions_pack(struct buf *out, uint32_t number, const struct version *versions, size_t count);
bool versions_unpack(struct arena *a, struct bytes in, uint32_t *number, struct version **versions,
                     size_t *count) METE_MUST_CHECK;

/* A cache of unpacked policies. The engine empties it between events once it holds `size_max`
 * bytes (policy_cache_full), so that a decision's policies stay where they are. */
struct policy_cache *policy_cache_new(size_t size_max);
void policy_cache_free(struct policy_cache *c);
void policy_cache_forget(struct policy_cache *c);
bool policy_cache_full(const struct policy_cache *c);

#endif
