/* SPDX-License-Identifier: Apache-2.0
 * The whole state of one audit. Lines go in through audit_take, in their order; the report has
 * every difference when audit_end returns. */
#ifndef METE_AUDIT_AUDIT_H
#define METE_AUDIT_AUDIT_H

#include "audit/book.h"
#include "audit/carry.h"
#include "audit/economy.h"
#include "audit/export_read.h"
#include "audit/journal.h"
#include "audit/ledger.h"
#include "audit/log.h"
#include "audit/payout.h"
#include "audit/report.h"
#include "audit/usage.h"
#include "audit/want.h"
#include "audit/x402.h"

enum event_kind {
    EVENT_NO_MONEY, /* known, books nothing */
    EVENT_UNKNOWN,
    EVENT_BOOK,
    EVENT_ASSET,
    EVENT_FEES,
    EVENT_POLICY,
    EVENT_CONTRIBUTION,
    EVENT_CONDITION,
    EVENT_USAGE,
    EVENT_COST,
    EVENT_REVENUE,
    EVENT_CYCLE,
    EVENT_METERING,
    EVENT_REVERSAL,
    EVENT_CLEARING,
    EVENT_DISPUTED,
    EVENT_EVIDENCE,
    EVENT_ESCALATED,
    EVENT_OVERRIDDEN,
    EVENT_UPHELD,
    EVENT_TRANSFER,
    EVENT_APP,
    EVENT_CAMPAIGN,
    EVENT_ROUND,
    EVENT_COMMITMENT,
    EVENT_GRANT,
    EVENT_TERMS,
    EVENT_ATTRIBUTION,
    EVENT_INVOICE,
    EVENT_SETTLEMENT,
    EVENT_PAYOUT,
    EVENT_DESTINATION,
    EVENT_PAYMENT, /* by x402, what moves no money */
    EVENT_PAYMENT_SETTLED,
    EVENT_PAYMENT_UNDONE,
    EVENT_PAYMENT_POLICY,
    EVENT_RATE,
    EVENT_CONVERSION,
    EVENT_REFUND /* of an invoice, or a chargeback */
};

/** An event that was accepted and could not be booked yet. */
struct waiter {
    uint64_t seq;
    struct text raw; /* its canonical bytes */
    enum event_kind kind;
    struct want_wait *wait; /* what it waited for when it was last judged */
    uint32_t wait_count;
    bool booked;
    bool rebook; /* an invoice that is booked, and may have to be booked anew */
};

/** A list of events that wait for one thing, by seq; may hold some that no longer do. */
struct waiters {
    struct waiter **waiter;
    uint32_t count, capacity;
};

struct waiting {
    struct waiter **waiter; /* by seq */
    uint32_t count, capacity;
    struct map originals;  /* ids of events whose reversals came first */
    struct map list_of;    /* list, what it is for -> struct waiters */
    struct waiter **queue; /* to be decided anew before the next event, in this order */
    uint32_t queue_first, queue_count, queue_capacity;
    uint32_t insert_at; /* where those come that the decision under way lets try again */
};

/** A decision whose pages are being gathered. */
struct open_decision {
    uint64_t line; /* of the export */
    uint64_t seq;  /* where it is stored */
    uint32_t page;
    mete_time booked_at;
    uint32_t pages_due;          /* further pages to come */
    struct found_decision found; /* its first page */
    struct found_group *group;   /* all pages joined */
    uint32_t group_count;
    bool damaged;         /* its pages do not fit together */
    struct bytes *packed; /* groups of each page */
    struct found_decision *pages;
    uint32_t page_count, packed_capacity, pages_capacity;
    struct buf rest; /* pages 1.. as stored, for their hash */
    const struct json *event;
    struct booking *from;  /* what the event takes back, as it was booked before */
    struct waiter *waiter; /* the page of a release: who is decided anew */
    bool due;              /* something happened that lets it try again */
};

struct export_head {
    bool seen;
    uint64_t size;
    struct text root;
    mete_time at;
    struct text origin;
    bool has_key;
    uint8_t key[32];
};

struct audit {
    struct report *report;
    struct book book;
    struct journal journal;
    struct ledger ledger;
    struct carry carry;
    struct usage usage;
    struct economy economy;
    struct payouts payouts;
    struct x402_book x402;
    struct log log;
    struct waiting waiting;
    struct export_head head;
    struct arena decision; /* of the decision under way */
    struct open_decision open;
    bool is_open;
    mete_time recorded_at; /* the latest so far */
    uint32_t page;         /* of the event under way, last one read */
    struct buf canonical;
    bool ended;
    uint64_t parties_exported;
    uint64_t quarantined; /* last id */
    uint64_t lines;       /* read so far */
    uint64_t decisions;
    uint64_t balances;
};

void audit_init(struct audit *a, struct report *report);
void audit_take(struct audit *a, const struct export_line *line);
/** What can only be judged when all was read. */
void audit_end(struct audit *a, struct audit_totals *totals);
void audit_clear(struct audit *a);

/** The exit status of the program. */
enum audit_status { AUDIT_HOLDS = 0, AUDIT_UNREADABLE = 2, AUDIT_DIFFERS = 3 };

/** A whole export, from `in` to its report on `out`. */
enum audit_status audit_run(FILE *in, FILE *out, bool json, bool quiet);

/* chronicle.c: events and pages */
void chronicle_event(struct audit *a, const struct export_line *line);
void chronicle_page(struct audit *a, const struct export_line *line);
/** Before the next event, and before any other line: nothing may be left undone. */
void chronicle_settle(struct audit *a);

/* outcome.c: what an event means */
enum event_kind outcome_kind(struct text event_type);
struct moment outcome_moment(struct audit *a, const struct json *event, uint64_t seq,
                             mete_time booked_at);
/** Why it must wait, if it must. */
void outcome_judge(struct audit *a, struct moment *m, enum event_kind kind, struct want *w);
/** Judges a complete decision, books it, and registers what the event told. */
void outcome_take(struct audit *a, struct open_decision *d);

/* waiting.c */
struct waiter *waiting_add(struct audit *a, uint64_t seq, const struct json *event,
                           enum event_kind kind, const struct want *w);
void waiting_refresh(struct audit *a, struct waiter *waiter, const struct want *w);
/** Queues those that an event of this kind lets try again. */
void waiting_open_policy(struct audit *a, struct text policy);
void waiting_open_cycle(struct audit *a, struct text policy, uint64_t before_seq);
void waiting_open_original(struct audit *a, struct text event_id);
/** Queues those on a list of the economy, by seq. */
void waiting_open(struct audit *a, enum wait_list list, struct text on);
/** An invoice that is booked, and queueing it to be booked anew if it has moved. */
struct waiter *waiting_rebook(struct audit *a, uint64_t seq, struct text raw);
void waiting_again(struct audit *a, struct waiter *invoice);
/** The waiter that a release decides anew; those before it in the queue must still wait. Not `due`:
 *  nothing happened that lets it be booked. NULL: it does not wait. */
struct waiter *waiting_next(struct audit *a, uint64_t about, bool *due);
void waiting_settle(struct audit *a);

/* state_check.c: the rows after the events */
void state_check(struct audit *a, const struct export_line *line);
void state_check_missing(struct audit *a);
/** state_economy.c: the rows of the economy; false when the line is of another kind. */
bool state_check_economy(struct audit *a, const struct export_line *line);
void state_missing_economy(struct audit *a);

#endif
