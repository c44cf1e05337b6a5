/* SPDX-License-Identifier: Apache-2.0
 * Money that left, by hand: recording a settlement, and reading what was recorded. A settlement is
 * settlement.initiated and at most one of settlement.paid and settlement.failed; whatever a call
 * adds to it is of one commit. */
#ifndef METE_ENGINE_SETTLEMENTS_H
#define METE_ENGINE_SETTLEMENTS_H

#include "core/funding.h"
#include "engine/engine.h"

#define SETTLEMENT_STEPS      2
#define SETTLEMENT_ID_MAX     160
#define SETTLEMENT_CURSOR_MAX 24

/* --- recording ---------------------------------------------------------------------------------*/

/** What may be left out is empty. */
struct settlement_request {
    struct text settlement_id; /* else made of provider, provider_ref and beneficiary */
    struct text beneficiary;   /* this and the next: may be left out once it was initiated */
    struct text amount;        /* JSON of a Money */
    struct text campaign_id;
    struct text batch_id; /* of those that were sent together */
    struct text provider;
    struct text provider_ref;
    enum settlement_state outcome; /* INITIATED, PAID, FAILED */
    struct text failure_reason;
    struct text reason;
    struct text actor; /* who says so: the id of a key */
    struct when occurred_at;
};

struct settlement_recorded {
    struct text id;       /* in the arena of the call */
    bool is_new;          /* there was none of this id */
    bool moved;           /* else all of it stood in the log already */
    struct log_head head; /* of the log, before the commit */
};

/** Adds to the group at hand: settlement.initiated when there is no such settlement, and the event
 *  of the outcome. Said again, it is left as it is. Nothing is added unless all of it is; pointers
 * of errors are into the request. METE_INSUFFICIENT_FUNDS says what is payable; METE_STATE_FORBIDS;
 *  METE_CONFLICT: what is recorded says something else. */
enum mete_code settlement_record(struct engine *e, const struct settlement_request *q,
                                 struct arena *a, struct settlement_recorded *out,
                                 struct mete_err *err) METE_MUST_CHECK;
/** The event that a request would add first, for who asks for signatures. In `a`. */
struct text settlement_event_id(struct arena *a, const struct settlement_request *q);

/* --- reading -----------------------------------------------------------------------------------*/

/** What an event said; texts may be empty. */
struct settlement_step {
    enum settlement_state state; /* that it led to */
    uint64_t seq;
    struct text event_id;
    mete_time occurred_at;
    mete_time recorded_at;
    struct text provider;
    struct text provider_ref;
    struct text failure_reason;
    struct text reason;
    struct text actor;
};

struct settlement_row {
    struct text id;
    enum settlement_state state;
    struct text beneficiary;
    struct asset asset;
    i128 amount;
    struct text campaign_id; /* may be empty */
    struct text batch_id;    /* may be empty */
    struct settlement_step step[SETTLEMENT_STEPS];
    size_t step_count;
};

/** METE_NOT_FOUND. Texts in `a`. */
enum mete_code settlement_find(struct engine *e, struct text id, struct arena *a,
                               struct settlement_row *row, struct mete_err *err) METE_MUST_CHECK;

struct settlements_query {
    struct text party;    /* whose; empty: all */
    struct text campaign; /* of this one alone; empty: all */
    struct text batch;    /* of this one alone; empty: all */
    struct text state;    /* "PAID" ...; empty: all */
    struct text after;    /* a cursor; empty: from the first */
    uint64_t limit;       /* rows */
};

/** Return false to stop. A row lives until the visit returns. */
typedef bool settlements_visit(void *arg, const struct settlement_row *row);
/** In the order in which they were initiated. *next is the cursor of what follows, "" at the end.
 *  METE_REQUEST_INVALID for a cursor that is none, or a state that there is not. */
enum mete_code settlements_list(struct engine *e, const struct settlements_query *q,
                                settlements_visit *visit, void *arg,
                                char next[SETTLEMENT_CURSOR_MAX],
                                struct mete_err *err) METE_MUST_CHECK;

/** "INITIATED" ...; false when there is none of this name. */
bool settlement_state_of(struct text name, enum settlement_state *out) METE_MUST_CHECK;
const char *settlement_state_name(enum settlement_state state);

#endif
