/* SPDX-License-Identifier: Apache-2.0
 * covers: M-001 M-040 M-041 M-057 M-061 M-063 M-080
 * The auditor on the economic protocol: a book that breaks one rule, and adds up all the same, is
 * found out where it does. */
#include "lies.h"
#include "scenes.h"

/* What the first difference says. */
static const char *const first_word[CAMPAIGN_LIES] = {
    [POOL_OF_GROSS] = "event a: the amount split at a node should be 1880, the book says 2000",
    [ROYALTY_FORGOTTEN] = "event a: the version of the fees should be 1073741824, the book says 1",
    [INVESTORS_BY_CONFIRMED] = "event a: line 4 should be allocation of 1410 to i1, the book says "
                               "allocation of 470 to i2",
    [CAP_OVERRUN] = "event c: the amount split at a node should be 368, the book says 369",
    [EARNS_AFTER_CAP] = "event d: node 0 should be split by version 0",
    [REFUND_OF_CREATOR_ALONE] = "event back: line 1 should be fee of -150 to platform",
    [REBOOKING_MISSING] = "event b: it belongs to another campaign now, but was not booked anew",
    [REBOOKED_UNDER_BOOK_FEES] = "event b: the version of the fees should be 1073741824",
    [REBOOKED_WITHOUT_REFUND] = "event b: 3 groups of lines should be there, the book has 2",
    [LATE_ATTRIBUTION_IGNORED] = "event c: what investors had accrued before should be 2632",
    [UNKNOWN_CAMPAIGN_BOOKED] = "event w: it must wait (campaign_unknown)",
    [RELEASE_MISSING] = "event w: what it waited for has come, but it was not decided anew",
    [ACTIVE_TWICE] = "event lie: the book took it although the campaign is ACTIVE",
    [CLOSED_BEFORE_RAISED] = "event closed: the book took it although the campaign is OPEN_FOR_",
    [PLEDGED_AFTER_FUNDING] = "event lie: the book took it although the campaign is ACTIVE",
    [ROUND_NOT_OPEN] = "event pledge1: the book took it although its round is not open",
    [ROUND_OF_ANOTHER] = "event lie: the book took it although its round is of another campaign",
    [CONFIRMED_TWICE] = "event lie: the book took it although the state is CONFIRMED",
    [CORRECTED_THOUGH_OFF] = "event lie: the book took it although this book allows no correc",
    [RAW_THOUGH_OFF] = "event lie: the book took it although this book keeps no raw content",
    [ROYALTY_OFF_UNFORCED] = "event lie: the book took it although a royalty holds for good",
    [SPENT_BEYOND_GRANT] = "event authorized: the book took it although the grant has less left",
    [UPDATED_WHILE_ACTIVE] = "event lie: the book took it although the campaign is ACTIVE",
    [SETTLED_TWICE] = "event lie: the book took it although the settlement has another state",
    [SETTLED_BEYOND_BALANCE] = "event s1: the book took it although no more than 28960 is cleared",
    [COMPLETED_BY_CAP_FROM_OUTSIDE] = "event lie: the book took it although the campaign is ACTIVE",
    [ROW_OF_STATE] = "campaign c1: state should be COMPLETED, the book says ACTIVE",
    [ROW_OF_ACCRUED] = "campaign c1: accrued should be 3000",
    [ROW_OF_TERMS] = "terms of app1: royalty should be ON, the book says OFF",
    [ROW_OF_INVESTMENT] = "an investment of c1 is missing",
    [ROW_MISSING] = "commitment k1 is missing",
};

static void tell(struct scene *s, int which)
{
    enum campaign_lie lie = (enum campaign_lie)which;
    scene_campaign(s, lie);
}

int main(void)
{
    const struct lies all = {"audit_campaign", tell, first_word, CAMPAIGN_LIES};
    return lies_run(&all);
}
