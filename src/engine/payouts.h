/* SPDX-License-Identifier: Apache-2.0
 * Payouts of a book: who would be paid, queueing them, what a worker has to look at, and how they
 * stand. What each step does to the money is decided in core (doc/decisions/0014-payouts.md). */
#ifndef METE_ENGINE_PAYOUTS_H
#define METE_ENGINE_PAYOUTS_H

#include "core/payout.h"
#include "core/schedule.h"
#include "engine/engine.h"

#define TRANSFER_ID_LEN 35u /* what a bank's EndToEndId takes (ISO 20022 Max35Text) */

/** "po_" and the first half of SHA-256 over book, batch and party, in hexadecimal: the same however
 *  often a batch is begun again. */
void transfer_id_make(char out[TRANSFER_ID_LEN + 1], struct text book, struct text batch_id,
                      struct text party);

/* --- who is paid: payout_plan.c
 * ----------------------------------------------------------------*/

/* An account, by the book's numbers, behind which a page goes on: a party has one an asset. All
 * zero: before the first. */
struct payout_place {
    uint32_t party;
    uint32_t asset;
};

/** Who is paid by a batch over one rail in one asset. */
struct payout_query {
    struct text asset; /* a code */
    struct text rail;
    mete_time at;      /* balances and holds of this moment; the end of a day is the cheapest */
    struct text party; /* this one alone; "" all */
    struct text after; /* the parties behind this one, in the order the log named them; "" all */
    struct payout_place behind;         /* the accounts behind this one; not with the two above */
    const struct payout_bounds *bounds; /* are kept too; NULL: the book's alone */
    i128 most;                          /* of each payout; 0: all that has cleared */
    struct text actor;                  /* of the events that queue; "" nobody */
};

/** The last microsecond before the day of `t` began: what a batch without a cut-off of its own
 * takes. */
mete_time payout_cutoff(mete_time t);

struct payout_row {
    struct text party;
    i128 amount; /* what would be paid */
    i128 disputed;
    i128 debt;
    enum mete_code code; /* METE_OK: it would be paid; else why not */
};

/** False: enough. */
typedef bool payout_visit(void *arg, const struct payout_row *row);

/** Every party with something in the asset that is not pending, paid or left out. Changes nothing,
 *  needs memory for one batch of accounts. METE_CURRENCY_UNKNOWN, METE_NOT_FOUND (`party`,
 *  `after`). */
enum mete_code payout_plan(struct engine *e, const struct payout_query *q, payout_visit *visit,
                           void *arg, struct mete_err *err) METE_MUST_CHECK;

/** A sentence: what becomes of the row, and when not now, why and what mends it. In `a`. */
struct text payout_row_words(struct arena *a, const struct payout_row *row,
                             const struct asset *asset);

/* What a plan comes to. */
struct payout_tally {
    uint64_t paid, left_out; /* parties */
    i128 amount;             /* of those that are paid */
    i128 carried;            /* cleared, and left for the next time */
};
void payout_tally_add(struct payout_tally *t, const struct payout_row *row);

struct payout_batch_progress {
    uint64_t queued; /* transfers of this step */
    uint64_t known;  /* had been queued before */
    uint64_t left_out;
    bool is_done;
    struct payout_place behind; /* go on there */
};

/** Looks at the next `max` accounts behind `q->behind`, and queues those that an open batch pays:
 *  events in the open group, not committed. Doing it again queues nothing twice. */
enum mete_code payout_queue(struct engine *e, struct text batch_id, const struct payout_query *q,
                            size_t max, struct payout_batch_progress *done,
                            struct mete_err *err) METE_MUST_CHECK;

/* --- periods of schedules: payout_period.c
 * ------------------------------------------------------*/

/* A period of a schedule, as the batch that it is or will be. */
struct payout_period {
    struct schedule schedule; /* as it stands: a batch that is open keeps to its own bounds */
    struct period period;
    struct asset asset;
    bool on_demand;
    struct text batch_id;
    mete_time cutoff_at;
    mete_time plan_at; /* of what is planned: now on demand, else the cut-off */
    struct payout_bounds bounds;
};

/** The period of that name; "": the newest that is due. METE_SCHEDULE_UNKNOWN,
 *  METE_REQUEST_INVALID. */
enum mete_code payout_period_find(struct engine *e, struct text schedule, struct text name,
                                  struct arena *a, struct payout_period *out,
                                  struct mete_err *err) METE_MUST_CHECK;
/** The first that the clock has made due and that is not there: the newest of its schedule. One
 *  that came due before its schedule was made is left alone. */
enum mete_code payout_period_due(struct engine *e, struct arena *a, bool *due,
                                 struct payout_period *out, struct mete_err *err) METE_MUST_CHECK;
/** Whom it pays; points into `p`. */
struct payout_query payout_period_query(const struct payout_period *p);

/* --- batches: payout_batch.c
 * -------------------------------------------------------------------*/

/** A period of a schedule, or a batch of one's own. */
struct batch_request {
    struct text schedule;
    struct text period;   /* "": the newest that is due */
    struct text batch_id; /* these three without a schedule; with one, "" */
    struct text asset;
    struct text rail;
    struct when cutoff; /* not set: payout_cutoff of now */
    struct text actor;  /* who asked; may be "" */
};

/** Opens it, unless it is there: then *is_new is false. The event is in the open group. `batch_id`
 *  in `a`. METE_SCHEDULE_UNKNOWN, METE_REQUEST_INVALID, METE_CONFLICT, METE_CURRENCY_UNKNOWN. */
enum mete_code payout_batch_open(struct engine *e, const struct batch_request *q, struct arena *a,
                                 struct text *batch_id, bool *is_new,
                                 struct mete_err *err) METE_MUST_CHECK;

struct batch_row {
    uint64_t number;
    struct text id; /* in the arena, as all texts */
    struct text schedule;
    struct text period;
    struct batch batch;
    struct asset asset;
    mete_time opened_at;
    i128 sums[STATE_SUMS];             /* enum batch_sum */
    i128 count[TRANSFER_STATE_COUNT];  /* of transfers in each state */
    i128 amount[TRANSFER_STATE_COUNT]; /* theirs */
};

/** "queueing" while payouts are added, "under way" while one is not at rest, "done". */
const char *batch_status(const struct batch_row *row);

/** METE_BATCH_UNKNOWN. */
enum mete_code payout_batch_find(struct engine *e, struct text id, struct arena *a,
                                 struct batch_row *row, struct mete_err *err) METE_MUST_CHECK;

typedef bool batch_visit(void *arg, const struct batch_row *row);
/** Batches behind the number `after`, oldest first, at most `limit`; *next is where the next page
 *  begins, 0: there is none. */
enum mete_code payout_batches_list(struct engine *e, uint64_t after, size_t limit,
                                   batch_visit *visit, void *arg, uint64_t *next,
                                   struct mete_err *err) METE_MUST_CHECK;

/** One page of a batch that is open: queues, and closes it after the last account. A batch on
 *  demand is filled by those who ask; it is closed when its period is over. *waits: nothing is to
 *  be done now. */
struct page_of {
    struct payout_place behind;
    size_t max; /* accounts */
    struct payout_batch_progress *done;
    bool *waits;
};
enum mete_code payout_batch_step(struct engine *e, struct text batch_id, const struct page_of *page,
                                 struct mete_err *err) METE_MUST_CHECK;

/** Opens what payout_period_due finds, until there is nothing. */
enum mete_code payout_schedules_run(struct engine *e, struct mete_err *err) METE_MUST_CHECK;

/* --- the clerk: payout_clerk.c
 * -----------------------------------------------------------------*/

/** Where the filling of a book's open batches stands. All zero: from the beginning, which costs
 *  time and nothing else. */
struct payout_clerk {
    uint64_t settled; /* batches up to this number are closed */
    uint64_t batch;   /* that is being filled; 0: none */
    struct payout_place behind;
};

/** *due: a period is to be opened, or a batch filled or closed. Changes nothing. */
enum mete_code payout_clerk_look(struct engine *e, struct payout_clerk *clerk, bool *due,
                                 struct mete_err *err) METE_MUST_CHECK;
/** Opens the periods that are due, or fills one page of `max` accounts. After a failure, here or
 *  of the commit, the clerk begins again, all zero. */
enum mete_code payout_clerk_step(struct engine *e, struct payout_clerk *clerk, size_t max,
                                 struct payout_batch_progress *done,
                                 struct mete_err *err) METE_MUST_CHECK;

/* --- what people do: payout_act.c
 * --------------------------------------------------------------*/

struct payout_act {
    struct text id;     /* of a payout, or */
    struct text party;  /* a party: for holds */
    struct text reason; /* it stands in the log */
    struct text actor;
};

/** While nothing of it can be at a rail. */
enum mete_code payout_cancel(struct engine *e, const struct payout_act *act,
                             struct mete_err *err) METE_MUST_CHECK;
enum mete_code payout_hold(struct engine *e, const struct payout_act *act,
                           struct mete_err *err) METE_MUST_CHECK;
/** Ends the hold of a party, or of the party of a payout. */
enum mete_code payout_release(struct engine *e, const struct payout_act *act,
                              struct mete_err *err) METE_MUST_CHECK;

struct payout_ask {
    struct text party;
    struct text schedule; /* on demand */
    struct text amount;   /* a decimal; "": all, up to the schedule's maximum */
    struct text actor;
    /** May whoever asks have so much? NULL: yes. */
    enum mete_code (*allow)(const void *ctx, const struct asset *asset, i128 amount,
                            struct mete_err *err);
    const void *ctx;
};
/** A party asks for what has cleared: queues it, once in a period. `id` in `a`. METE_PAYOUT_LIMIT
 *  and what payout_plan says. */
enum mete_code payout_request(struct engine *e, const struct payout_ask *ask, struct arena *a,
                              struct text *id, bool *is_new, struct mete_err *err) METE_MUST_CHECK;

struct payout_due {
    uint64_t number;
    struct text transfer_id; /* in the arena, as all texts */
    struct text batch_id;
    struct text party;
    struct text rail;
    struct asset asset;
    struct transfer transfer;
    mete_time queued_at;
};

/* --- one payout whole: payout_show.c
 * -----------------------------------------------------------*/

struct payout_line {
    struct text source; /* "music_streaming"; "": of none */
    const char *what;   /* "earned", "reversed" ... */
    i128 amount;
    uint64_t count; /* postings */
};

struct payout_moment {
    uint64_t seq;
    mete_time recorded_at;
    const char *event_type;
    uint32_t attempt; /* 0: the step has none */
    struct text reason;
    struct text reference;
    struct text remediation;
};

struct payout_whole {
    struct payout_due due;
    mete_time queued_at;
    enum hold_kind hold; /* of its party, now */
    struct text masked;  /* the destination as far as it may be shown; "" */
    struct payout_line *line;
    size_t line_count; /* their sum is the amount */
    struct payout_moment *step;
    size_t step_count;
};

/** A payout with its lines and steps, in `a`. METE_TRANSFER_UNKNOWN. */
enum mete_code payout_show(struct engine *e, struct text id, struct arena *a,
                           struct payout_whole *out, struct mete_err *err) METE_MUST_CHECK;
/** What the party or its supervisor has to do; "" nothing. */
struct text payout_remediation(const struct payout_whole *p);
/** Steps of a payout, oldest first: its attempts and how it ended. */
enum mete_code payout_steps(struct engine *e, struct text id, struct arena *a,
                            struct payout_moment **step, size_t *count,
                            struct mete_err *err) METE_MUST_CHECK;

struct payouts_query {
    struct text party; /* "": all */
    struct text batch; /* "": all */
    struct text state; /* "": all */
    uint64_t after;    /* *next of the page before; 0: the first */
    size_t limit;
};

typedef bool payouts_visit(void *arg, const struct payout_due *row);
/** Oldest first, those of a batch by party; *next is where the next page begins, 0: there is none.
 * METE_REQUEST_INVALID for a state that is none, METE_BATCH_UNKNOWN. */
enum mete_code payouts_list(struct engine *e, const struct payouts_query *q, payouts_visit *visit,
                            void *arg, uint64_t *next, struct mete_err *err) METE_MUST_CHECK;

/* --- what a worker looks at: payouts.c
 * ---------------------------------------------------------*/

/** One transfer by its number, which has to be one. */
enum mete_code payout_read(struct engine *e, struct arena *a, uint64_t number,
                           struct payout_due *row, struct mete_err *err) METE_MUST_CHECK;

/** One transfer by its id. METE_TRANSFER_UNKNOWN. */
enum mete_code payout_find(struct engine *e, struct text transfer_id, struct arena *a,
                           struct payout_due *row, struct mete_err *err) METE_MUST_CHECK;

#endif
