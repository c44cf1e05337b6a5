/* SPDX-License-Identifier: Apache-2.0
 * Campaigns as they stand at a moment: what a book remembers of them, and what follows. */
#ifndef METE_ENGINE_CAMPAIGNS_H
#define METE_ENGINE_CAMPAIGNS_H

#include "core/campaign.h"

struct campaign_row {
    uint32_t number;
    struct campaign campaign;
    enum campaign_state state;
    struct asset asset;
    i128 confirmed;
    i128 accrued;  /* of the investors' pool, without what was reversed */
    i128 creators; /* the same of the creator */
    i128 reversed; /* gross that went back */
    bool has_cap;
    i128 cap;
    struct text creator;
};

/** One campaign, by its number; its texts in `a`. */
enum view_result campaign_at(const struct view *v, struct arena *a, uint32_t number, mete_time at,
                             struct campaign_row *row);

/** All campaigns of a view in which everything is there, in the order of their first mention; rows
 * and texts in `a`. */
enum view_result campaigns_at(const struct view *v, struct arena *a, mete_time at,
                              struct campaign_row **rows, size_t *count);

/** Whether a campaign that is completed is CLOSED: neither its creator nor one of its investors has
 *  something left to be paid. */
enum view_result campaign_is_closed(const struct view *v, struct arena *a, uint32_t number,
                                    const struct campaign *c, mete_time at, bool *closed);

#endif
