/* SPDX-License-Identifier: Apache-2.0
 * What the events have told so far: names and their numbers, assets, policies, fees, conditions,
 * contributions. No money: that is ledger.h. */
#ifndef METE_AUDIT_BOOK_H
#define METE_AUDIT_BOOK_H

#include "audit/decision_read.h"
#include "audit/policy_read.h"
#include "audit/report.h"
#include "base/arena.h"
#include "base/map.h"
#include "base/time.h"

struct asset {
    struct text code;
    uint32_t scale;
    uint32_t number; /* learnt from the first decision that uses it; 0: not yet */
    uint32_t own;    /* the number that it must have when the book defined it, else 0 */
};

/** Ids in the order in which decisions named them. */
struct names {
    uint32_t first; /* number of id[0] */
    uint32_t count;
    uint32_t capacity;
    struct text *id;
    struct map index; /* id -> uint32_t number */
};

/** condition.changed, in log order. */
struct switched {
    struct text condition;
    mete_time from;
    bool active;
};

struct cumulated {
    struct asset *asset;
    i128 amount;
    bool exported;
};

/** Everything known under one policy id, published or not. */
struct book_policy {
    struct text id;
    struct rules **version;
    uint32_t version_count, version_capacity;
    struct switched *switched;
    uint32_t switched_count, switched_capacity;
    struct cumulated *net; /* what the policy has split, by asset */
    uint32_t net_count, net_capacity;
    i128 quantity;
    bool quantity_exported;
};

struct contribution {
    struct text party;
    struct text role;
    uint64_t weight;
};

struct content_item {
    struct contribution *contribution;
    uint32_t count, capacity;
};

struct book {
    struct arena keep; /* lives as long as the audit */
    struct report *report;
    struct names parties;
    struct names policies;
    struct map asset_of;  /* code -> struct asset * */
    struct map policy_of; /* id -> struct book_policy * */
    struct map item_of;   /* content item id -> struct content_item * */
    struct map mentioned; /* ids that documents told, and that later decisions may name */
    struct map rate_of;   /* "base/quote" -> what exchange.c holds of it */
    uint32_t assets_defined;
    struct schedule **schedule;
    uint32_t schedule_count, schedule_capacity;
    struct rules **roles; /* versions of all roles policies, in publication order */
    uint32_t roles_count, roles_capacity;
    uint64_t clear_after_days;
    uint64_t dispute_days;
    mete_time cleared_through;  /* the latest watermark; 0: none */
    uint64_t cool_off_hours;    /* of a changed destination */
    struct asset *payout_asset; /* of payout_minimum; NULL: the defaults */
    i128 payout_minimum;
    struct text unallocated; /* party, or empty */
    bool attribution_required;
    bool corrections_off;
    bool keeps_raw; /* data tier 3 */
};

void book_init(struct book *b, struct report *report);
void book_clear(struct book *b);

/* Names. */
/** Takes in the names of a decision; false when their numbers do not follow. */
bool names_take(struct book *b, struct names *names, const struct found_names *found);
/** The number of an id, or 0. */
uint32_t names_number(const struct names *names, struct text id);
/** The id of a number: also "mete:..." for parties below 16; empty when there is none. */
struct text names_id(const struct names *names, uint32_t number);

void book_mention(struct book *b, struct text id);
bool book_is_mentioned(const struct book *b, struct text id);

/* Assets. */
/** NULL when the book does not know the code. */
struct asset *book_asset(struct book *b, struct text code);
/** The asset behind a number in a decision, or NULL. */
struct asset *book_asset_numbered(struct book *b, uint32_t number);
/** Ties a number to a code, once and for all; false when that contradicts what was seen. */
bool asset_learn(struct book *b, struct asset *asset, uint32_t number);
/** "USD/2", as the export writes assets. */
struct asset *book_asset_named(struct book *b, struct text code_and_scale);
void asset_format(const struct asset *a, char out[64]);
/** An amount in major units as minor ones; false when it has more digits than the asset. */
bool asset_minor(const struct asset *a, const struct frac *major, i128 *minor) METE_MUST_CHECK;
/** {"amount", "currency"}; *asset NULL when the currency is unknown. */
bool book_money(struct book *b, const struct json *money, struct asset **asset,
                i128 *minor) METE_MUST_CHECK;

/* Policies. */
/** Made when absent. */
struct book_policy *book_policy(struct book *b, struct text id);
/** The version in force at `at`, or NULL. */
const struct rules *policy_at(const struct book_policy *p, mete_time at);
const struct rules *roles_at(const struct book *b, mete_time at);
const struct schedule *schedule_at(const struct book *b, mete_time at);
i128 policy_net(const struct book_policy *p, const struct asset *asset);
void policy_add_net(struct book *b, struct book_policy *p, struct asset *asset, i128 amount);

/* What registering events do. */
void book_configure(struct book *b, const struct json *payload);
void book_define_asset(struct book *b, const struct json *payload);
void book_publish(struct book *b, const struct json *payload, mete_time occurred_at);
/** A contract is a policy: no revenue can name it. */
void book_contract(struct book *b, struct text id, mete_time from);
void book_schedule(struct book *b, const struct json *payload, mete_time occurred_at);
void book_contribute(struct book *b, const struct json *payload);
void book_switch(struct book *b, const struct json *payload, mete_time occurred_at);

const struct content_item *book_item(const struct book *b, struct text id);

#endif
