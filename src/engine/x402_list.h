/* SPDX-License-Identifier: Apache-2.0
 * Lists of payments by x402, what they add up to, and what is listed for discovery. All of it can
 * be asked of any snapshot. */
#ifndef METE_ENGINE_X402_LIST_H
#define METE_ENGINE_X402_LIST_H

#include "engine/x402.h"

/* --- payments: x402_list.c ---------------------------------------------------------------------*/

struct x402_query {
    struct text state; /* "settled"; "": any. The same for the texts below */
    struct text resource, from, to, network;
    mete_time since, until; /* when settling began, else when it was heard of; 0, TIME_NEVER: any */
    uint64_t after;         /* *next of the page before; 0: the first */
    size_t limit;
};

struct x402_listed_payment {
    uint64_t number;
    mete_time changed_at;
    struct x402_status status; /* without signed bytes */
};

/** Return false to stop. The row lives until the visit returns. */
typedef bool x402_visit(void *arg, const struct x402_listed_payment *row);
/** In the order in which they were heard of. *next is where the next page begins; 0: there is none.
 *  METE_REQUEST_INVALID for a state that is none. */
enum mete_code x402_list(struct engine *e, const struct x402_query *q, x402_visit *visit, void *arg,
                         uint64_t *next, struct mete_err *err) METE_MUST_CHECK;

/* --- what they add up to: x402_revenue.c -------------------------------------------------------*/

enum x402_by { X402_BY_DAY, X402_BY_RESOURCE, X402_BY_NETWORK };
bool x402_by_of(struct text name, enum x402_by *out) METE_MUST_CHECK; /* "day", ... */

struct x402_revenue_query {
    enum x402_by by;
    int32_t from_day, until_day;   /* both included */
    bool all_days;                 /* never mind these two */
    struct text resource, network; /* "": any */
};

struct x402_revenue_row {
    int32_t day;          /* X402_BY_DAY */
    struct text resource; /* X402_BY_RESOURCE */
    struct text network;  /* "" when it is summed over */
    struct asset asset;
    i128 settlements, value, failures;
    i128 payers; /* that were different ones; -1: several sums are in it, and nobody knows */
};
struct x402_gas_row {
    struct text network;
    i128 transactions, used, cost; /* cost in the network's smallest unit */
};
struct x402_revenue {
    struct x402_revenue_row *row; /* in the order of day, resource, network and asset */
    size_t row_count;
    i128 settlements, failures;
    struct x402_gas_row *gas;
    size_t gas_count;
};
/** Costs by days and resources, whatever was paid. All in `a`. */
enum mete_code x402_revenue(struct engine *e, const struct x402_revenue_query *q, struct arena *a,
                            struct x402_revenue *out, struct mete_err *err) METE_MUST_CHECK;

/** What is known of one resource; all zero when nobody has paid for it. */
struct x402_resource_stats {
    mete_time last_settled_at; /* 0: never */
    uint32_t days;             /* on which something was settled */
    i128 settlements, failures;
    i128 payers;                  /* of the network and asset that had the most */
    struct x402_revenue_row *row; /* a network and an asset each */
    size_t row_count;
};
enum mete_code x402_resource_stats(struct engine *e, struct text resource, struct arena *a,
                                   struct x402_resource_stats *out,
                                   struct mete_err *err) METE_MUST_CHECK;

/* --- policies of resources: x402_policy.c ------------------------------------------------------*/

struct x402_policy_row {
    struct text pay_to, resource, network, policy;
};
/** All rows, those of a pay_to by resource and network. In `a`. */
enum mete_code x402_policies(struct engine *e, struct arena *a, struct x402_policy_row **row,
                             size_t *count, struct mete_err *err) METE_MUST_CHECK;

/** Sets a row, or takes it away when its policy is empty, into the open group. */
enum mete_code x402_policy_set(struct engine *e, const struct x402_policy_row *row,
                               struct mete_err *err) METE_MUST_CHECK;

/* --- discovery: x402_listing.c -----------------------------------------------------------------*/

/** What is offered. JSON as it stands, "" when there is none. */
struct x402_entry {
    struct text resource, tool;
    struct text type;       /* "http", "mcp" */
    int version;            /* of x402: 1 or 2 */
    struct text accepts;    /* JSON array */
    struct text metadata;   /* JSON object */
    struct text extensions; /* JSON object */
    bool seen;              /* in a payment; else registered */
};

/** Lists it, or what differs from what is listed. *changed false: nothing does, or a registered one
 *  stands there and this was only seen. */
enum mete_code x402_offer_put(struct engine *e, const struct x402_entry *o, bool *changed,
                              struct mete_err *err) METE_MUST_CHECK;

struct x402_offers_query {
    struct text type;     /* "": any */
    struct text merchant; /* a pay_to; "": any */
    struct text words;    /* all of them, in resource or metadata, whatever their case; "": any */
    uint64_t after;
    size_t limit;
};
struct x402_listed {
    uint64_t number;
    struct x402_entry offer;
    mete_time listed_at, updated_at;
};
typedef bool x402_offer_visit(void *arg, const struct x402_listed *row);
/** In the order in which they were listed first; *next as in x402_list. */
enum mete_code x402_offers(struct engine *e, const struct x402_offers_query *q,
                           x402_offer_visit *visit, void *arg, uint64_t *next,
                           struct mete_err *err) METE_MUST_CHECK;

#endif
