/* SPDX-License-Identifier: Apache-2.0
 * Events that follow from an entry of the log: ledger.accrued, ledger.adjusted, and the
 * campaign.completed that the cap or the clock caused. Nobody sends or stores them: they are read
 * out of the decisions of the entry, so that the same log has the same ones, with the same ids, in
 * the same places (doc/format.md, "Derived events"). */
#ifndef METE_ENGINE_DERIVED_H
#define METE_ENGINE_DERIVED_H

#include "engine/engine.h"

#define DERIVED_ID_MAX    37 /* a UUID in small letters, and a NUL */
#define DERIVED_PLACE_MAX 64

/** Where something stands in a feed: the entry itself is {seq, 0, 0}. */
struct derived_place {
    uint64_t seq;
    uint32_t
        page; /* of the entry's decisions: the first one of the decision that it is read from */
    uint32_t index; /* from 1, inside that decision */
};

struct derived_share {
    const char *kind; /* "creator", "investor", "platform" */
    struct text party;
    i128 amount; /* negative in ledger.adjusted */
};

/** Texts live until the visit returns. */
struct derived {
    struct derived_place place;
    mete_time recorded_at;
    char id[DERIVED_ID_MAX];
    enum event_type type;
    mete_time occurred_at;
    struct text caused_by; /* the event whose entry it stands in */
    struct text source;   /* the event that was decided: an invoice, a refund; maybe an older one */
    struct text reverses; /* the invoice; ledger.adjusted alone */
    struct text app_id;   /* what the source says it belongs to; may be empty */
    struct text user_id;
    struct text transaction_id;
    struct text campaign_id; /* empty: the revenue of no campaign */
    struct asset asset;
    i128 gross; /* what came in, or went back: not negative */
    i128 fees;  /* of it */
    struct derived_share *share;
    size_t share_count;
    const char *reason; /* campaign.completed alone */
};

typedef bool derived_visit(void *arg, const struct derived *d);

/** "12" for an entry, else "12.0.1". NUL-terminated; returns the length. */
size_t derived_place_format(struct derived_place p, char out[DERIVED_PLACE_MAX]);
/** What was written so; "12" is the end of the entry, after all that follows from it. */
bool derived_place_read(struct text t, uint64_t seq_max, struct derived_place *out) METE_MUST_CHECK;
/** The end of an entry. */
struct derived_place derived_place_end(uint64_t seq);

/** False: nothing follows from an entry with this decision. True: something may. `a` is used up. */
bool derived_possible(struct arena *a, struct bytes decision) METE_MUST_CHECK;
/** What follows from entry after.seq and stands after that place, in order; a visit that returns
 *  false ends it. The book may not be read inside a visit. */
enum mete_code derived_list(struct engine *e, struct derived_place after, derived_visit *visit,
                            void *arg, struct mete_err *err) METE_MUST_CHECK;

#endif
