/* SPDX-License-Identifier: Apache-2.0
 * The hand-made scenes. Every number in them was computed by hand; the arithmetic stands beside. */
#ifndef METE_TESTS_AUDIT_SCENES_H
#define METE_TESTS_AUDIT_SCENES_H

#include "scene.h"

struct scene_named {
    const char *name;
    void (*make)(struct scene *s);
};

extern const struct scene_named scenes[];
extern const size_t scene_count;

/* How the book of scene_campaign departs from the rules. */
enum campaign_lie {
    TOLD_RIGHT,
    POOL_OF_GROSS,          /* investors share the gross */
    ROYALTY_FORGOTTEN,      /* the book's fees, although the app has its own */
    INVESTORS_BY_CONFIRMED, /* in the order in which they were confirmed */
    CAP_OVERRUN,            /* by one unit */
    EARNS_AFTER_CAP,
    REFUND_OF_CREATOR_ALONE,
    REBOOKING_MISSING,
    REBOOKED_UNDER_BOOK_FEES,
    REBOOKED_WITHOUT_REFUND,
    LATE_ATTRIBUTION_IGNORED, /* by an invoice that comes after it */
    UNKNOWN_CAMPAIGN_BOOKED,  /* for the app's owner */
    RELEASE_MISSING,
    ACTIVE_TWICE,
    CLOSED_BEFORE_RAISED,
    PLEDGED_AFTER_FUNDING,
    ROUND_NOT_OPEN,
    ROUND_OF_ANOTHER,
    CONFIRMED_TWICE,
    CORRECTED_THOUGH_OFF,
    RAW_THOUGH_OFF,
    ROYALTY_OFF_UNFORCED,
    SPENT_BEYOND_GRANT,
    UPDATED_WHILE_ACTIVE,
    SETTLED_TWICE,
    SETTLED_BEYOND_BALANCE,
    COMPLETED_BY_CAP_FROM_OUTSIDE,
    ROW_OF_STATE,
    ROW_OF_ACCRUED,
    ROW_OF_TERMS,
    ROW_OF_INVESTMENT,
    ROW_MISSING,
    CAMPAIGN_LIES
};

void scene_campaign(struct scene *s, enum campaign_lie lie);

#endif
