/* SPDX-License-Identifier: Apache-2.0
 * One row an edge. A campaign that the clock has completed is judged as COMPLETED by who asks. */
#include "audit/machines.h"

#include <string.h>

#include "base/text.h"

static const struct {
    enum machine_name machine;
    const char *event;
    const char *from, *to;
    unsigned needs;
} edges[] = {
    {CAMPAIGN_MACHINE, "campaign.created", STATE_NEW, "DRAFT", 0},
    {CAMPAIGN_MACHINE, "campaign.updated", "DRAFT", "DRAFT", 0},
    {CAMPAIGN_MACHINE, "campaign.opened_for_funding", "DRAFT", "OPEN_FOR_FUNDING", IF_OFFERING},
    {CAMPAIGN_MACHINE, "campaign.funding_closed", "OPEN_FOR_FUNDING", "FUNDED", IF_RAISED},
    {CAMPAIGN_MACHINE, "campaign.activated", "FUNDED", "ACTIVE", 0},
    {CAMPAIGN_MACHINE, "campaign.activated", "DRAFT", "ACTIVE", IF_SELF_FUNDED},
    {CAMPAIGN_MACHINE, "campaign.paused", "ACTIVE", "PAUSED", 0},
    {CAMPAIGN_MACHINE, "campaign.resumed", "PAUSED", "ACTIVE", 0},
    {CAMPAIGN_MACHINE, "campaign.completed", "ACTIVE", "COMPLETED", IF_REASON},
    {CAMPAIGN_MACHINE, "campaign.completed", "PAUSED", "COMPLETED", IF_REASON},
    {CAMPAIGN_MACHINE, "campaign.cancelled", "DRAFT", "CANCELLED", 0},
    {CAMPAIGN_MACHINE, "campaign.cancelled", "OPEN_FOR_FUNDING", "CANCELLED", 0},
    {ROUND_MACHINE, "round.created", STATE_NEW, "ROUND_DRAFT", IF_UNMODERATED},
    {ROUND_MACHINE, "round.created", STATE_NEW, "PENDING_APPROVAL", IF_MODERATED},
    {ROUND_MACHINE, "round.created", "ROUND_DRAFT", "PENDING_APPROVAL", IF_MODERATED},
    {ROUND_MACHINE, "round.approved", "PENDING_APPROVAL", "APPROVED", 0},
    {ROUND_MACHINE, "round.opened", "APPROVED", "OPEN", 0},
    {ROUND_MACHINE, "round.closed", "OPEN", "CLOSED", 0},
    {ROUND_MACHINE, "round.cancelled", "OPEN", "CANCELLED", 0},
    {COMMITMENT_MACHINE, "commitment.created", STATE_NEW, "CREATED", 0},
    {COMMITMENT_MACHINE, "commitment.confirmed", "CREATED", "CONFIRMED", 0},
    {COMMITMENT_MACHINE, "commitment.cancelled", "CREATED", "CANCELLED", 0},
    {GRANT_MACHINE, "allocation.created", STATE_NEW, "CREATED", 0},
    {GRANT_MACHINE, "allocation.deployed", "CREATED", "DEPLOYED", 0},
    {GRANT_MACHINE, "spend.authorized", "DEPLOYED", "DEPLOYED", 0},
    {GRANT_MACHINE, "spend.executed", "DEPLOYED", "DEPLOYED", 0},
    {GRANT_MACHINE, "spend.refunded", "DEPLOYED", "DEPLOYED", 0},
    {ROYALTY_MACHINE, "app.royalty_enabled", "OFF", "ON", 0},
    {ROYALTY_MACHINE, "app.royalty_enabled", "ON", "ON", 0},
    {ROYALTY_MACHINE, "app.royalty_disabled", "OFF", "OFF", 0},
    {ROYALTY_MACHINE, "app.royalty_disabled", "ON", "OFF", IF_FORCED},
    {SETTLEMENT_MACHINE, "settlement.initiated", STATE_NEW, "INITIATED", 0},
    {SETTLEMENT_MACHINE, "settlement.paid", "INITIATED", "PAID", 0},
    {SETTLEMENT_MACHINE, "settlement.failed", "INITIATED", "FAILED", 0},
};

bool machine_allows(enum machine_name machine, const char *from, struct text event_type,
                    unsigned holds, const char **to)
{
    bool leads = false;
    *to = from;
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i].machine != machine || !text_is(event_type, edges[i].event)) {
            continue;
        }
        bool fits = (edges[i].needs & ~holds) == 0;
        if (fits && strcmp(edges[i].from, from) == 0) {
            *to = edges[i].to;
            return true;
        }
        if (!leads && (fits || edges[i].needs != IF_UNMODERATED)) {
            *to = edges[i].to;
            leads = true;
        }
    }
    return false;
}
