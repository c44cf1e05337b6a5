/* SPDX-License-Identifier: Apache-2.0
 * The edges, and what can be asked of any machine. Edges stand as the source draws them; those it
 * does not draw say why. */
#include "core/machine.h"

#include "base/text.h"

#include <string.h>

#define NAME(machine, symbol, name) name,
#define EDGE(machine, from, event, guard, to)                                                      \
    {                                                                                              \
        machine##_##from, event, GUARD_##guard, machine##_##to                                     \
    }

static const char *const campaign_states[] = {CAMPAIGN_STATES(NAME)};
static const char *const round_states[] = {ROUND_STATES(NAME)};
static const char *const commitment_states[] = {COMMITMENT_STATES(NAME)};
static const char *const grant_states[] = {GRANT_STATES(NAME)};
static const char *const royalty_states[] = {ROYALTY_STATES(NAME)};
static const char *const settlement_states[] = {SETTLEMENT_STATES(NAME)};
static const char *const batch_states[] = {BATCH_STATES(NAME)};
static const char *const transfer_states[] = {TRANSFER_STATES(NAME)};
static const char *const x402_states[] = {X402_STATES(NAME)};

static const struct edge campaign_edges[] = {
    EDGE(CAMPAIGN, NONE, EVENT_CAMPAIGN_CREATED, ALWAYS, DRAFT),
    /* not drawn: terms change only before funding opens (§3 A) */
    EDGE(CAMPAIGN, DRAFT, EVENT_CAMPAIGN_UPDATED, ALWAYS, DRAFT),
    EDGE(CAMPAIGN, DRAFT, EVENT_CAMPAIGN_OPENED_FOR_FUNDING, OFFERING, OPEN_FOR_FUNDING),
    EDGE(CAMPAIGN, DRAFT, EVENT_CAMPAIGN_ACTIVATED, SELF_FUNDED, ACTIVE),
    EDGE(CAMPAIGN, OPEN_FOR_FUNDING, EVENT_CAMPAIGN_FUNDING_CLOSED, RAISED, FUNDED),
    EDGE(CAMPAIGN, FUNDED, EVENT_CAMPAIGN_ACTIVATED, ALWAYS, ACTIVE),
    EDGE(CAMPAIGN, ACTIVE, EVENT_CAMPAIGN_PAUSED, ALWAYS, PAUSED),
    EDGE(CAMPAIGN, PAUSED, EVENT_CAMPAIGN_RESUMED, ALWAYS, ACTIVE),
    EDGE(CAMPAIGN, ACTIVE, EVENT_CAMPAIGN_COMPLETED, REASON, COMPLETED),
    EDGE(CAMPAIGN, PAUSED, EVENT_CAMPAIGN_COMPLETED, REASON, COMPLETED),
    EDGE(CAMPAIGN, DRAFT, EVENT_CAMPAIGN_CANCELLED, ALWAYS, CANCELLED),
    EDGE(CAMPAIGN, OPEN_FOR_FUNDING, EVENT_CAMPAIGN_CANCELLED, ALWAYS, CANCELLED),
    EDGE(CAMPAIGN, COMPLETED, EVENT_DERIVED, ALWAYS, CLOSED),
};

static const struct edge round_edges[] = {
    EDGE(ROUND, NONE, EVENT_ROUND_CREATED, UNMODERATED, DRAFT),
    /* both steps of the drawing at once: 4.c 1 */
    EDGE(ROUND, NONE, EVENT_ROUND_CREATED, MODERATED, PENDING_APPROVAL),
    EDGE(ROUND, DRAFT, EVENT_ROUND_CREATED, MODERATED, PENDING_APPROVAL),
    EDGE(ROUND, PENDING_APPROVAL, EVENT_ROUND_APPROVED, ALWAYS, APPROVED),
    EDGE(ROUND, APPROVED, EVENT_ROUND_OPENED, ALWAYS, OPEN),
    EDGE(ROUND, OPEN, EVENT_ROUND_CLOSED, ALWAYS, CLOSED),
    EDGE(ROUND, OPEN, EVENT_ROUND_CANCELLED, ALWAYS, CANCELLED),
};

static const struct edge commitment_edges[] = {
    EDGE(COMMITMENT, NONE, EVENT_COMMITMENT_CREATED, ALWAYS, CREATED),
    EDGE(COMMITMENT, CREATED, EVENT_COMMITMENT_CONFIRMED, ALWAYS, CONFIRMED),
    EDGE(COMMITMENT, CREATED, EVENT_COMMITMENT_CANCELLED, ALWAYS, CANCELLED),
};

static const struct edge grant_edges[] = {
    EDGE(GRANT, NONE, EVENT_SPEND_GRANT_CREATED, ALWAYS, CREATED),
    EDGE(GRANT, CREATED, EVENT_SPEND_GRANT_DEPLOYED, ALWAYS, DEPLOYED),
    EDGE(GRANT, DEPLOYED, EVENT_SPEND_AUTHORIZED, ALWAYS, DEPLOYED),
    EDGE(GRANT, DEPLOYED, EVENT_SPEND_EXECUTED, ALWAYS, DEPLOYED),
    EDGE(GRANT, DEPLOYED, EVENT_SPEND_REFUNDED, ALWAYS, DEPLOYED),
};

static const struct edge royalty_edges[] = {
    EDGE(ROYALTY, OFF, EVENT_ROYALTY_ENABLED, ALWAYS, ON),
    EDGE(ROYALTY, ON, EVENT_ROYALTY_ENABLED, ALWAYS, ON),
    EDGE(ROYALTY, OFF, EVENT_CAMPAIGN_FUNDING_CLOSED, ALWAYS, ON),
    EDGE(ROYALTY, ON, EVENT_CAMPAIGN_FUNDING_CLOSED, ALWAYS, ON),
    EDGE(ROYALTY, OFF, EVENT_ROYALTY_DISABLED, ALWAYS, OFF),
    EDGE(ROYALTY, ON, EVENT_ROYALTY_DISABLED, FORCED, OFF),
};

static const struct edge settlement_edges[] = {
    EDGE(SETTLEMENT, NONE, EVENT_SETTLEMENT_INITIATED, ALWAYS, INITIATED),
    EDGE(SETTLEMENT, INITIATED, EVENT_SETTLEMENT_PAID, ALWAYS, PAID),
    EDGE(SETTLEMENT, INITIATED, EVENT_SETTLEMENT_FAILED, ALWAYS, FAILED),
};

static const struct edge batch_edges[] = {
    EDGE(BATCH, NONE, EVENT_PAYOUT_BATCH_OPENED, ALWAYS, OPEN),
    EDGE(BATCH, OPEN, EVENT_PAYOUT_BATCH_CLOSED, ALWAYS, CLOSED),
};

/* What a rail has done is a fact: a payment is booked in whatever state it is heard of. */
static const struct edge transfer_edges[] = {
    EDGE(TRANSFER, NONE, EVENT_PAYOUT_TRANSFER_QUEUED, ALWAYS, QUEUED),
    EDGE(TRANSFER, QUEUED, EVENT_PAYOUT_TRANSFER_SENDING, NEW_ATTEMPT, SENDING),
    EDGE(TRANSFER, FAILED, EVENT_PAYOUT_TRANSFER_SENDING, NEW_ATTEMPT, SENDING),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_SENDING, SAME_ANCHOR, SENDING),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_SENDING, SAME_ANCHOR, SENDING),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_SENDING, SAME_ANCHOR, SENDING),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_SENT, ALWAYS, SENT),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_SENT, ALWAYS, SENT),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_SENT, ALWAYS, SENT),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_UNKNOWN, ALWAYS, UNKNOWN),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_UNKNOWN, ALWAYS, UNKNOWN),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_UNKNOWN, ALWAYS, UNKNOWN),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, SENDING),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, SENT),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, UNKNOWN),
    EDGE(TRANSFER, FAILED, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, FAILED, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, PAID),
    EDGE(TRANSFER, PAID, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, PAID, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, PAID),
    EDGE(TRANSFER, FAILED_PERMANENT, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, FAILED_PERMANENT, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, PAID),
    EDGE(TRANSFER, CANCELLED, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, CANCELLED, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, PAID),
    EDGE(TRANSFER, RETURNED, EVENT_PAYOUT_TRANSFER_PAID, LAST_ATTEMPT, PAID),
    EDGE(TRANSFER, RETURNED, EVENT_PAYOUT_TRANSFER_PAID, EARLIER_ATTEMPT, PAID),
    /* it could not be prepared: an attempt that never had an anchor */
    EDGE(TRANSFER, QUEUED, EVENT_PAYOUT_TRANSFER_FAILED, NEW_ATTEMPT, FAILED),
    EDGE(TRANSFER, FAILED, EVENT_PAYOUT_TRANSFER_FAILED, NEW_ATTEMPT, FAILED),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_FAILED, UNPAID, FAILED),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_FAILED, PAID_BEFORE, PAID),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_FAILED, CAME_BACK, RETURNED),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_FAILED, UNPAID, FAILED),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_FAILED, PAID_BEFORE, PAID),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_FAILED, CAME_BACK, RETURNED),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_FAILED, UNPAID, FAILED),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_FAILED, PAID_BEFORE, PAID),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_FAILED, CAME_BACK, RETURNED),
    EDGE(TRANSFER, QUEUED, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT, ALWAYS, FAILED_PERMANENT),
    EDGE(TRANSFER, FAILED, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT, ALWAYS, FAILED_PERMANENT),
    EDGE(TRANSFER, PAID, EVENT_PAYOUT_TRANSFER_RETURNED, PAID_BEFORE, PAID),
    EDGE(TRANSFER, PAID, EVENT_PAYOUT_TRANSFER_RETURNED, CAME_BACK, RETURNED),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_RETURNED, CAME_BACK, RETURNED),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_RETURNED, PAID_BEFORE, PAID),
    EDGE(TRANSFER, SENT, EVENT_PAYOUT_TRANSFER_RETURNED, EARLIER_ATTEMPT, SENT),
    EDGE(TRANSFER, SENDING, EVENT_PAYOUT_TRANSFER_RETURNED, EARLIER_ATTEMPT, SENDING),
    EDGE(TRANSFER, UNKNOWN, EVENT_PAYOUT_TRANSFER_RETURNED, EARLIER_ATTEMPT, UNKNOWN),
    EDGE(TRANSFER, QUEUED, EVENT_PAYOUT_TRANSFER_CANCELLED, ALWAYS, CANCELLED),
    EDGE(TRANSFER, FAILED, EVENT_PAYOUT_TRANSFER_CANCELLED, ALWAYS, CANCELLED),
};

static const struct edge x402_edges[] = {
    EDGE(X402, NONE, EVENT_X402_RESERVED, ALWAYS, RESERVED),
    EDGE(X402, RELEASED, EVENT_X402_RESERVED, ALWAYS, RESERVED),
    EDGE(X402, RESERVED, EVENT_X402_RESERVED, EXPIRED, RESERVED),
    EDGE(X402, RESERVED, EVENT_X402_RELEASED, RESERVATION, RELEASED),
    EDGE(X402, NONE, EVENT_X402_SETTLING, ALWAYS, SETTLING),
    EDGE(X402, RELEASED, EVENT_X402_SETTLING, ALWAYS, SETTLING),
    EDGE(X402, RESERVED, EVENT_X402_SETTLING, EXPIRED, SETTLING),
    EDGE(X402, RESERVED, EVENT_X402_SETTLING, RESERVATION, SETTLING),
    EDGE(X402, SETTLING, EVENT_X402_REPLACED, ON_CHAIN, SETTLING),
    EDGE(X402, SETTLING, EVENT_X402_SETTLED, ALWAYS, SETTLED),
    EDGE(X402, SETTLING, EVENT_X402_FAILED, ON_CHAIN, FAILED),
    EDGE(X402, SETTLED, EVENT_X402_CONFIRMED, ON_CHAIN, CONFIRMED),
    EDGE(X402, SETTLED, EVENT_X402_UNDONE, ON_CHAIN, SETTLING),
    EDGE(X402, FAILED, EVENT_X402_CONFIRMED, NOT_FINAL, FAILED),
    EDGE(X402, FAILED, EVENT_X402_UNDONE, NOT_FINAL, SETTLING),
};

#define MACHINE(name, derived)                                                                     \
    {                                                                                              \
#name, name##_states, ARRAY_LEN(name##_states), name##_edges, ARRAY_LEN(name##_edges),     \
            derived                                                                                \
    }

static const struct machine machines[MACHINE_COUNT] = {
    [MACHINE_CAMPAIGN] = MACHINE(campaign, "settlements finalised"),
    [MACHINE_ROUND] = MACHINE(round, NULL),
    [MACHINE_COMMITMENT] = MACHINE(commitment, NULL),
    [MACHINE_GRANT] = MACHINE(grant, NULL),
    [MACHINE_ROYALTY] = MACHINE(royalty, NULL),
    [MACHINE_SETTLEMENT] = MACHINE(settlement, NULL),
    [MACHINE_BATCH] = MACHINE(batch, NULL),
    [MACHINE_TRANSFER] = MACHINE(transfer, NULL),
    [MACHINE_X402] = MACHINE(x402, NULL),
};

static const struct {
    const char *label;
    const char *refusal;
} guards[GUARD_COUNT] = {
#define X(symbol, label, refusal) [GUARD_##symbol] = {label, refusal},
    GUARDS(X)
#undef X
};

const struct machine *machine_of(enum machine_kind kind)
{
    METE_ASSERT((unsigned)kind < MACHINE_COUNT);
    return &machines[kind];
}

const char *guard_refusal(enum guard guard)
{
    METE_ASSERT((unsigned)guard < GUARD_COUNT);
    return guards[guard].refusal;
}

const struct edge *machine_step(const struct machine *m, uint8_t from, enum event_type event,
                                unsigned held, enum guard *barred)
{
    METE_ASSERT(from < m->state_count);
    *barred = GUARD_ALWAYS;
    for (uint8_t i = 0; i < m->edge_count; i++) {
        const struct edge *e = &m->edge[i];
        if (e->from != from || e->event != event) {
            continue;
        }
        if (e->guard == GUARD_ALWAYS || (held & GUARD_BIT(e->guard)) != 0) {
            return e;
        }
        *barred = (enum guard)e->guard;
    }
    return NULL;
}

void machine_allowed(const struct machine *m, uint8_t from, struct buf *out)
{
    uint8_t last = EVENT_DERIVED;
    for (uint8_t i = 0; i < m->edge_count; i++) {
        const struct edge *e = &m->edge[i];
        if (e->from == from && e->event != EVENT_DERIVED && e->event != last) {
            buf_printf(out, "%s%s", last == EVENT_DERIVED ? "" : ", ",
                       event_type_name((enum event_type)e->event));
            last = e->event;
        }
    }
    if (last == EVENT_DERIVED) {
        buf_put_str(out, "nothing");
    }
}

/* --- the picture -------------------------------------------------------------------------------*/

static bool is_end(const struct machine *m, uint8_t state)
{
    for (uint8_t i = 0; i < m->edge_count; i++) {
        if (m->edge[i].from == state) {
            return false;
        }
    }
    return true;
}

static void edge_dot(const struct machine *m, const struct edge *e, struct buf *out)
{
    const char *guard = guards[e->guard].label;
    buf_printf(out, "    \"%s\" -> \"%s\" [label=\"%s", m->state[e->from], m->state[e->to],
               e->event == EVENT_DERIVED ? m->derived : event_type_name((enum event_type)e->event));
    buf_printf(out, guard[0] != '\0' ? "\\n(%s)\"];\n" : "%s\"];\n", guard);
}

void machine_dot(const struct machine *m, struct buf *out)
{
    buf_printf(out, "digraph %s {\n    rankdir=TB;\n    node [shape=box, style=rounded];\n",
               m->name);
    for (uint8_t s = 0; s < m->state_count; s++) {
        bool is_start = strcmp(m->state[s], "[*]") == 0;
        buf_printf(out, "    \"%s\"%s;\n", m->state[s],
                   is_start       ? " [shape=point]"
                   : is_end(m, s) ? " [peripheries=2]"
                                  : "");
    }
    for (uint8_t i = 0; i < m->edge_count; i++) {
        edge_dot(m, &m->edge[i], out);
    }
    buf_put_str(out, "}\n");
}

static void edge_mermaid(const struct machine *m, const struct edge *e, struct buf *out)
{
    const char *guard = guards[e->guard].label;
    buf_printf(out, "  %s --> %s: %s", m->state[e->from], m->state[e->to],
               e->event == EVENT_DERIVED ? m->derived : event_type_name((enum event_type)e->event));
    buf_printf(out, guard[0] != '\0' ? " (%s)\n" : "%s\n", guard);
}

void machine_mermaid(const struct machine *m, struct buf *out)
{
    buf_put_str(out, "stateDiagram-v2\n");
    for (uint8_t i = 0; i < m->edge_count; i++) {
        edge_mermaid(m, &m->edge[i], out);
    }
    for (uint8_t s = 0; s < m->state_count; s++) {
        if (is_end(m, s)) {
            buf_printf(out, "  %s --> [*]\n", m->state[s]);
        }
    }
}
