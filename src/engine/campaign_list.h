/* SPDX-License-Identifier: Apache-2.0
 * Campaigns for showing: page by page, and one with all that was made for it. */
#ifndef METE_ENGINE_CAMPAIGN_LIST_H
#define METE_ENGINE_CAMPAIGN_LIST_H

#include "engine/campaigns.h"
#include "engine/engine.h"

#define CAMPAIGN_CURSOR_MAX 16

struct campaigns_query {
    mete_time at;
    struct text state;  /* "ACTIVE" ..., at that moment; empty: all */
    struct text app_id; /* empty: all */
    struct text party;  /* those that it created, or promised money to; empty: all */
    struct text after;  /* a cursor; empty: from the first */
    uint64_t limit;     /* rows */
};

/** Return false to stop. A row lives until the visit returns. */
typedef bool campaigns_visit(void *arg, const struct campaign_row *row);
/** In the order of their first mention. *next is the cursor of what follows, "" at the end.
 *  METE_REQUEST_INVALID for a cursor that is none, or a state that there is not. */
enum mete_code campaigns_list(struct engine *e, const struct campaigns_query *q,
                              campaigns_visit *visit, void *arg, char next[CAMPAIGN_CURSOR_MAX],
                              struct mete_err *err) METE_MUST_CHECK;
/** True when this is the name of a state that a campaign can have. */
bool campaign_state_known(struct text name);

/* --- one ---------------------------------------------------------------------------------------*/

struct campaign_round {
    struct text id;
    const char *state;
};

struct campaign_commitment {
    struct text id;
    struct text investor;
    i128 amount; /* of the campaign's asset */
    const char *state;
};

struct campaign_grant {
    struct text id;
    const char *state;
    struct asset asset;
    i128 amount;
    i128 authorized;
    i128 executed;
    i128 refunded;
};

struct campaign_version {
    uint32_t number;
    mete_time from; /* TIME_ALWAYS: from the beginning */
    uint32_t share_bps;
    bool has_cap;
    i128 cap;
    i128 invested;
    uint32_t shares; /* commitments that share the pool */
};

struct campaign_whole {
    struct campaign_row row;
    struct campaign_round *round;
    size_t round_count;
    struct campaign_commitment *commitment;
    size_t commitment_count;
    struct campaign_grant *grant;
    size_t grant_count;
    struct campaign_version *version; /* of its contract; none before it became active */
    size_t version_count;
};

/** METE_NOT_FOUND: there is no such campaign, or `party`, when not empty, has no part in it. With
 *  `party` only its own commitments, and grants only when it is the creator. All in `a`. */
enum mete_code campaign_find(struct engine *e, struct text id, struct text party, mete_time at,
                             struct arena *a, struct campaign_whole *out,
                             struct mete_err *err) METE_MUST_CHECK;

#endif
