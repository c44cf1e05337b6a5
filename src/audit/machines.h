/* SPDX-License-Identifier: Apache-2.0
 * The state machines of the economic protocol as its documents draw them, once more: a table of the
 * auditor's own, by the names that the documents use. */
#ifndef METE_AUDIT_MACHINES_H
#define METE_AUDIT_MACHINES_H

#include "base/types.h"

enum machine_name {
    CAMPAIGN_MACHINE,
    ROUND_MACHINE,
    COMMITMENT_MACHINE,
    GRANT_MACHINE,
    ROYALTY_MACHINE,
    SETTLEMENT_MACHINE
};

#define STATE_NEW "" /* of what does not exist yet */

/* What an edge may ask for. */
enum machine_condition {
    IF_OFFERING = 1,
    IF_SELF_FUNDED = 2,
    IF_RAISED = 4,
    IF_MODERATED = 8,
    IF_UNMODERATED = 16,
    IF_REASON = 32,
    IF_FORCED = 64
};

/** Whether `event_type` may change `from` when the conditions in `holds` hold. *to is where it
 * leads in any case: what the book says is gone on with. */
bool machine_allows(enum machine_name machine, const char *from, struct text event_type,
                    unsigned holds, const char **to);

#endif
