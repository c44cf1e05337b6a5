/* SPDX-License-Identifier: Apache-2.0
 * Disputes about shares, and what was said of each: the audit trail of supervisors. Reasons and
 * evidence stand beside the log, sealed; they are opened here for whoever may ask. */
#ifndef METE_ENGINE_DISPUTES_H
#define METE_ENGINE_DISPUTES_H

#include "core/dispute.h"
#include "engine/allocations.h"

struct dispute_row {
    struct allocation_row share;
    const char *state; /* "disputed", "escalated", "overridden", "upheld"; "lapsed": it cleared by
                          itself */
    i128 held;         /* of the share, kept back now */
    mete_time opened_at;
    mete_time clears_at; /* by itself, after this moment; TIME_NEVER: it does not */
    mete_time changed_at;
};

struct disputes_query {
    mete_time at;       /* the clock that clears */
    struct text party;  /* whose share; empty: all */
    struct text policy; /* as of allocations */
    struct text state;  /* one of the above, or "open": disputed or escalated; empty: all */
    struct text after;  /* a cursor; empty: from the first */
    uint64_t limit;     /* rows */
    uint64_t look_max;  /* disputes that this call looks at; 0: any */
};

/** Return false to stop. A row lives until the visit returns. */
typedef bool disputes_visit(void *arg, const struct dispute_row *row);

/** In the order in which the shares were booked. *next is the cursor of what follows, "" at the
 *  end; before it a page is full, unless look_max were looked at. METE_REQUEST_INVALID for a cursor
 *  or a state that is none; METE_NOT_FOUND for a party that the log does not name. */
enum mete_code disputes_list(struct engine *e, const struct disputes_query *q,
                             disputes_visit *visit, void *arg, char next[ALLOCATION_CURSOR_MAX],
                             struct mete_err *err) METE_MUST_CHECK;

bool dispute_state_known(struct text state) METE_MUST_CHECK;

/* What became of a share, one step an entry of the log. */
struct share_step {
    const char *state; /* "pending", "disputed", "evidence", "escalated", "overridden", "upheld",
                          "cleared" */
    mete_time at;
    struct text event_id; /* that said so; empty: the clock has, and no watermark yet */
    uint64_t seq;         /* of it; 0: none */
    struct text actor;    /* the key or person that did it; may be empty */
    struct text reason;   /* may be empty; `is_sealed`: it cannot be opened, or was erased */
    struct text evidence; /* JSON, or words; may be empty */
    bool is_sealed;
};

struct share_history {
    struct dispute_row row;
    bool is_disputed; /* it was, once; else of `row` only the share is filled in */
    struct share_step *step;
    size_t count;
};

/** One share by its id, with all that was said of it. All of it in `a`. METE_ALLOCATION_UNKNOWN. */
enum mete_code share_history(struct engine *e, struct text allocation_id, mete_time at,
                             struct arena *a, struct share_history *out,
                             struct mete_err *err) METE_MUST_CHECK;

#endif
