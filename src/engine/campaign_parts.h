/* SPDX-License-Identifier: Apache-2.0
 * What the files of the campaign report share while it is gathered. Private to src/engine. */
#ifndef METE_ENGINE_CAMPAIGN_PARTS_H
#define METE_ENGINE_CAMPAIGN_PARTS_H

#include "base/map.h"
#include "engine/campaign_report.h"
#include "engine/walk.h"

/** Somebody who was attributed to the campaign, or paid an invoice of it. */
struct brought {
    struct text app_id;
    struct text user_id; /* empty: of all invoices of the app that name nobody */
    mete_time first;     /* invoice; TIME_NEVER: none */
    uint64_t invoices;
    i128 gross;
    i128 net;
    struct subscription *subscription;
};

/** What an attribution said besides. */
struct came_by {
    struct text channel;
    struct text ad_id;
};

enum sale_kind { SALE_UNSAID, SALE_SUBSCRIPTION, SALE_ONE_TIME };

/** Taken back of a sale. Amounts >= 0. */
struct taken {
    mete_time at;
    bool is_chargeback;
    i128 gross;
    i128 pool;
    i128 creator;
    struct taken *next;
};

/** An invoice of more than nothing. */
struct sale {
    bool is_ours; /* booked for this campaign now */
    mete_time at;
    enum sale_kind kind;
    struct text subscription_id;
    struct brought *by;
    i128 gross;
    i128 fees;
    i128 pool;
    i128 creator;
    uint32_t fee_lines; /* the creator's line comes behind them, then those of the pool */
    struct taken *taken;
};

struct snapshot;
struct promise;

enum row_kind {
    ROW_ROUND,
    ROW_PROMISE,
    ROW_INVESTOR,
    ROW_GRANT,
    ROW_SPEND,
    ROW_SPEND_TOTAL,
    ROW_SETTLEMENT,
    ROW_SNAPSHOT,
    ROW_WHOLE, /* one for each scope of kpi.c */
    ROW_KPI = ROW_WHOLE + 8,
    ROW_CREATIVE = ROW_KPI + 8,
    ROW_AD,
    ROW_TRIAL,
    ROW_CHANNEL,
    ROW_CAME_BY,
    ROW_USER,
    ROW_SUBSCRIPTION,
    ROW_SUBSCRIPTION_ID,
    ROW_SALE,
    ROW_PLACE,
    ROW_MONTH,
    ROW_PAID_IN,
    ROW_WAITS
};

struct gather {
    struct engine *e;
    const struct view *v;
    const struct campaign_report_query *q;
    struct campaign_report *out;
    struct arena *a;
    struct arena item; /* of one decision */
    struct map row;    /* kind and key -> a row in `a` */
    struct buf key;    /* of the row that is looked for */
    struct row_list promise;
    struct row_list investor;
    struct row_list settlement;
    struct row_list snapshot;
    struct row_list user;
    struct row_list sale;
    struct row_list cancelled; /* struct ending: cancellations that name no user */
    mete_time last;            /* moment of the latest fact that counted */
    enum mete_code code;
    struct mete_err *err;
};

/** A decision about the campaign. */
struct fact {
    const struct walk_item *item;
    struct walk_head head;
    struct event event;
    const struct json *payload;
};

/* --- rows: campaign_report.c -------------------------------------------------------------------*/

/** Begins the key of a row. Then key_put and row_obtain or row_find. */
void row_begin(struct gather *g, unsigned kind);
void row_key_text(struct gather *g, struct text t);
void row_key_number(struct gather *g, uint64_t n);
/** The row of that key; `size` zeroed bytes, at the end of `list` (may be NULL), when it is new. */
void *row_obtain(struct gather *g, struct row_list *list, size_t size, bool *made);
void *row_find(struct gather *g);
void row_append(struct gather *g, struct row_list *list, void *row);

/** *to += v, stopping at the end of the range. */
void sum_to(i128 *to, i128 v);
struct quota quota_of(i128 num, i128 den);
/** Text of a member of the payload, in the report's arena; empty when it is not there. */
struct text fact_text(struct gather *g, const struct fact *f, const char *member);
/** Its raw JSON. */
struct text fact_raw(struct gather *g, const struct fact *f, const char *member);
/** False: the book does not know the currency, so the amount cannot be read. */
bool fact_money(struct gather *g, const struct money *m, struct asset *asset, i128 *amount);
/** year * 12 + month - 1 */
int32_t month_of(mete_time t);

/* --- campaign_facts.c --------------------------------------------------------------------------*/

void facts_take(struct gather *g, const struct fact *f);
/** State, rounds, spend and parties, once all was taken. */
void facts_finish(struct gather *g);

/* --- campaign_kpi.c ----------------------------------------------------------------------------*/

void kpi_take(struct gather *g, const struct fact *f);
void creative_take(struct gather *g, const struct fact *f);
/** Those who came through an ad, to the creatives that it showed. */
void creative_followed(struct gather *g, struct text ad_id, const struct brought *u);
void kpi_finish(struct gather *g);

/* --- campaign_sales.c --------------------------------------------------------------------------*/

void invoice_take(struct gather *g, const struct fact *f);
void refund_take(struct gather *g, const struct fact *f);
/** Money, months, customers, rates, payback. After facts_finish. */
void sales_finish(struct gather *g);

/* --- campaign_users.c --------------------------------------------------------------------------*/

struct brought *brought_obtain(struct gather *g, struct text app_id, struct text user_id);
void brought_take(struct gather *g, const struct fact *f);
void followed_add(struct report_followed *to, const struct brought *u);
/** Channels, and what creatives brought. After sales_finish. */
void users_finish(struct gather *g);

/* --- campaign_churn.c --------------------------------------------------------------------------*/

/** An invoice of a subscription; `id` may be empty. */
void subscription_paid(struct gather *g, struct brought *u, struct text id, mete_time at);
/** A cancellation among the decisions about the campaign. */
void cancellation_take(struct gather *g, const struct fact *f);
void churn_finish(struct gather *g);

#endif
