/* SPDX-License-Identifier: Apache-2.0
 * Campaigns, rounds, commitments, spend grants, the terms of apps, attributions and invoices, as
 * the events of the economic protocol tell of them. Derived from its documents and decision 0008.
 */
#ifndef METE_AUDIT_ECONOMY_H
#define METE_AUDIT_ECONOMY_H

#include "audit/book.h"
#include "audit/fraction.h"
#include "audit/journal.h"
#include "audit/want.h"

struct audit;
struct waiter;
struct open_decision;

#define CAMPAIGN_POLICY    "mete:campaign:"
#define APP_SCHEDULE_FIRST ((uint32_t)1 << 30)
#define NO_AMOUNT          ((i128)-1)

/** A confirmed commitment. */
struct invested {
    struct text party;
    i128 amount;
    uint64_t created; /* seq of commitment.created */
};

/** One version of a campaign's contract. */
struct contract {
    uint32_t version;
    mete_time from;
    bool has_cap;
    i128 cap;
    struct invested *invested;
    uint32_t count;
    i128 sum;
};

struct campaign {
    struct text id, policy, app;
    const char *state; /* STATE_NEW: nobody has created it */
    bool is_offering;
    struct text creator;
    struct asset *asset;
    uint64_t share_bps;
    i128 raise, cap_amount; /* NO_AMOUNT: none */
    bool has_multiple;
    struct frac multiple;
    uint64_t days; /* 0: none */
    struct text *off_ramp;
    uint32_t off_ramp_count;
    mete_time activated_at, completed_at; /* TIME_NEVER: not yet */
    const char *reason;
    struct invested *invested; /* in the order of creation */
    uint32_t invested_count, invested_capacity;
    struct contract *contract;
    uint32_t contract_count, contract_capacity;
    i128 confirmed, accrued, creators, reversed;
    bool exported;
    uint32_t invested_exported;
};

struct round {
    const char *state;
    struct campaign *campaign;
    bool exported;
};

struct commitment {
    const char *state;
    struct campaign *campaign;
    struct text investor;
    i128 amount;
    uint64_t created;
    bool exported;
};

struct grant {
    const char *state;
    struct campaign *campaign;
    struct asset *asset;
    i128 amount, authorized, refunded;
    bool exported;
};

/** Money that leaves, from a party to the world outside. */
struct settlement {
    const char *state;
    struct text party;
    struct asset *asset;
    i128 amount;
    bool exported;
};

struct app {
    struct text id, owner;
    const char *royalty;
    struct schedule **terms;
    uint32_t terms_count, terms_capacity;
    bool exported;
    uint32_t terms_exported;
};

struct attributed {
    mete_time from;
    uint64_t seq;
    struct campaign *campaign;
};

struct invoice {
    struct text app, user, said; /* the campaign that the envelope names */
    mete_time occurred_at;
    struct campaign *campaign; /* NULL: the app's owner's */
    struct asset *asset;
    i128 gross;
    uint32_t fee_version;
    i128 *refund; /* what was taken back, in order */
    uint32_t refund_count, refund_capacity;
};

/** A user of an app. */
struct app_user {
    struct attributed *attributed; /* by time, then by seq */
    uint32_t count, capacity;
    struct waiter **invoice; /* those that are booked, by seq */
    uint32_t invoice_count, invoice_capacity;
};

struct economy {
    struct arena *keep;
    struct map campaign_of, round_of, commitment_of, grant_of, app_of,
        settlement_of;          /* id -> pointer */
    struct map user_of;         /* app, user -> pointer */
    struct map payment_of;      /* reference -> uint64_t seq of its invoice */
    struct schedule **schedule; /* of all apps, numbered from APP_SCHEDULE_FIRST */
    uint32_t schedule_count, schedule_capacity;
};

void economy_init(struct economy *e, struct arena *keep);
void economy_clear(struct economy *e);

/* Members of the envelope. */
struct text event_kind_of(const struct moment *m);
struct text event_about(const struct moment *m, const char *key); /* correlation */
struct text event_app(const struct moment *m);
/** `amount` as Money, else the last of `minor` that is there, with `currency`. *asset NULL: the
 *  currency is unknown. False when there is no such amount. */
bool event_amount(const struct moment *m, const char *const *minor, struct asset **asset,
                  i128 *amount) METE_MUST_CHECK;
void event_forbidden(const struct moment *m, const char *fmt, ...) METE_PRINTF(2, 3);

/* raw_content.c */
/** True when a member of `value`, at any depth, is of data tier 3 and holds something. */
bool holds_raw_content(const struct json *value);
bool is_of_economy(struct text event_type);

/* campaigns.c */
struct campaign *campaign_known(const struct economy *e, struct text id); /* NULL: not created */
void campaign_take(struct audit *a, struct moment *m);
const char *campaign_state_then(const struct campaign *c, mete_time at);
void contract_make(struct audit *a, struct campaign *c, mete_time at);

/* funding.c */
void round_take(struct audit *a, struct moment *m);
void commitment_take(struct audit *a, struct moment *m);
void grant_take(struct audit *a, struct moment *m);

/* settlements.c */
/** Judges that its machine allows it and that the money is there; wants its group. */
void settlement_take(struct audit *a, struct moment *m, struct want *w);

/* terms.c */
struct app *app_obtain(struct economy *e, struct text id);
void terms_take(struct audit *a, struct moment *m);
void terms_royalty(struct audit *a, struct moment *m, struct text app);
/** The fees of an app's revenue of a moment; NULL: none. */
const struct schedule *terms_at(struct audit *a, struct text app, mete_time at);
const struct schedule *terms_numbered(struct audit *a, uint32_t number);

/* attributed.c */
struct app_user *user_obtain(struct economy *e, struct text app, struct text user);
struct text user_key(struct arena *a, struct text app, struct text user);
struct campaign *attributed_to(const struct app_user *u, mete_time at);
void attribution_judge(struct audit *a, struct moment *m, struct want *w);
void attribution_take(struct audit *a, struct moment *m, bool released);

/* invoices.c */
void invoice_judge(struct audit *a, struct moment *m, struct want *w);
void invoice_split(struct audit *a, struct moment *m, struct want *w);
/** The money of an invoice that waits. */
bool invoice_gross(const struct moment *m, struct asset **asset, i128 *gross) METE_MUST_CHECK;
/** Remembers an invoice that was booked as the decision says, and opens who waits for it. */
void invoice_booked(struct audit *a, struct moment *m, const struct open_decision *d);
/** Whether an invoice that is booked belongs to another campaign now. */
bool invoice_moved(struct audit *a, uint64_t seq);
/** Books it anew: what is left goes back, the whole comes again, and so do its refunds. */
void invoice_anew(struct audit *a, struct moment *m, struct open_decision *d, struct want *w);
/** The event that a refund or a chargeback takes back; NULL: unknown, `wait` says what it waits
 *  for. */
struct record *refund_target(struct audit *a, const struct moment *m, struct want_wait *wait);
void invoice_refunded(struct audit *a, struct record *r, i128 amount);
/** A campaign's sums, as the book's groups say. */
void campaign_earned(struct audit *a, const struct found_group *g);
void campaign_gave_back(struct audit *a, const struct found_group *origin,
                        const struct found_group *g);

#endif
