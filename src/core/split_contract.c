/* SPDX-License-Identifier: Apache-2.0
 * A campaign's revenue. The pool of its investors is floored on what is shareable and stops at the
 * cap; the creator has the rest; investors share the pool by what they confirmed, largest
 * remainder. Source: economic-protocol.md §5; design §3 "Campaigns". */
#include "core/economy.h"

#include "core/apportion.h"

#define BPS_ONE       10000u
#define SHARE_CREATOR 0u
#define SHARE_POOL    1u

static struct node *contract_node(struct work *w, struct group *g, uint32_t number,
                                  uint32_t version, i128 input)
{
    uint32_t index;
    struct node *n = group_node(w->a, g, &index);
    METE_ASSERT(index == 0);
    n->policy = number;
    n->version = version;
    n->rounding = NODE_CONTRACT;
    n->den = BPS_ONE;
    n->input = input;
    return n;
}

static void creator_line(struct work *w, struct group *g, uint32_t party, uint32_t bps, i128 input,
                         i128 amount)
{
    struct line *line = group_line(w->a, g);
    line->kind = LINE_ALLOCATION;
    line->node = 0;
    line->share = SHARE_CREATOR;
    line->party = party;
    line->weight = bps;
    line->amount = amount;
    line->extra = amount - apportion_floor(input, bps, BPS_ONE);
}

static void pool_lines(struct work *w, struct group *g, const struct policy *p, i128 pool,
                       i128 floor)
{
    uint32_t index;
    struct node *n = group_node(w->a, g, &index);
    const struct node *root = &g->node[0];
    n->policy = root->policy;
    n->version = root->version;
    n->parent = 0;
    n->share = SHARE_POOL;
    n->rounding = ROUNDING_LARGEST;
    n->weight = p->contract.share_bps;
    n->den = p->den;
    n->input = pool;
    n->extra = pool - floor;
    n->counted = false; /* its policy has counted all of it */
    u128 *weight = arena_array(w->a, p->share_count, sizeof *weight);
    i128 *part = arena_array(w->a, p->share_count, sizeof *part);
    uint8_t *extra = arena_array(w->a, p->share_count, sizeof *extra);
    i128 rest = 0;
    for (uint32_t i = 0; i < p->share_count; i++) {
        weight[i] = p->share[i].weight;
    }
    apportion_largest(w->a, pool, weight, p->share_count, p->den, part, extra, &rest);
    METE_ASSERT(rest == 0);
    for (uint32_t i = 0; i < p->share_count; i++) {
        struct line *line = group_line(w->a, g);
        line->kind = LINE_ALLOCATION;
        line->node = index;
        line->share = i;
        line->party = p->share[i].number;
        line->weight = weight[i];
        line->amount = part[i];
        line->extra = extra[i];
    }
}

/** The cap is met: nothing accrues from the next revenue on. */
static void cap_reached(struct work *w, uint32_t number, const struct campaign *c)
{
    struct campaign done = *c;
    done.state = CAMPAIGN_COMPLETED;
    done.reason = COMPLETION_CAP;
    done.completed_at = w->event->occurred_at;
    campaign_put(w, number, &done);
}

/** The first revenue from behind the end of its days tells that they have ended. */
static void end_met(struct work *w, uint32_t number, const struct campaign *c, mete_time at)
{
    bool over = campaign_state_at(c, at) == CAMPAIGN_COMPLETED && c->state != CAMPAIGN_COMPLETED;
    if (over && !c->end_told) {
        struct campaign told = *c;
        told.end_told = true;
        campaign_put(w, number, &told);
    }
}

/** The contract in force, when investors earn from this revenue; NULL when all of it is the
 *  creator's. */
static const struct policy *contract_in_force(struct work *w, uint32_t number,
                                              const struct campaign *c, mete_time at, i128 accrued,
                                              uint32_t *version)
{
    struct version *versions = NULL;
    const struct policy *p = NULL;
    size_t count = 0;
    uint32_t same;
    if (!campaign_accrues(c, at)) {
        return NULL;
    }
    struct text id = campaign_policy_id(w->a, c->id);
    w->missing |= view_policy(w->view, w->a, id, &same, &versions, &count) == VIEW_MISSING;
    const struct version *v = version_at(versions, count, at);
    if (v == NULL) {
        return NULL;
    }
    *version = v->number;
    if (view_policy_version(w->view, w->a, number, v->number, &p) != VIEW_FOUND) {
        w->missing = true;
        return NULL;
    }
    bool has_room = !p->contract.has_cap || accrued < p->contract.cap;
    return has_room && p->share_count > 0 ? p : NULL;
}

enum decided split_by_contract(struct work *w, struct group *g, uint32_t number,
                               const struct campaign *c, i128 net, mete_time at)
{
    i128 sums[STATE_SUMS];
    uint32_t version = 0;
    w->missing |= view_campaign_sums(w->view, number, sums) == VIEW_MISSING;
    i128 accrued = sums[CAMPAIGN_ACCRUED];
    const struct policy *p = contract_in_force(w, number, c, at, accrued, &version);
    i128 pool = 0;
    contract_node(w, g, number, version, net);
    g->accrued = accrued;
    end_met(w, number, c, at);
    if (p == NULL) {
        creator_line(w, g, c->creator, BPS_ONE, net, net);
    } else {
        i128 floor = amount_bps(net, p->contract.share_bps);
        i128 room = p->contract.has_cap ? p->contract.cap - accrued : floor;
        pool = floor < room ? floor : room;
        creator_line(w, g, p->contract.creator, BPS_ONE - p->contract.share_bps, net, net - pool);
        pool_lines(w, g, p, pool, floor);
        if (p->contract.has_cap && pool == room) {
            cap_reached(w, number, c);
        }
    }
    work_add(w, key_u32(KEY_CAMPAIGN_SUMS, number), 0, pool, net - pool, 0);
    about_campaign(w, c->id);
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}

void split_to_owner(struct work *w, struct group *g, uint32_t owner, i128 net)
{
    contract_node(w, g, 0, 0, net);
    creator_line(w, g, owner, BPS_ONE, net, net);
}

void contract_reversed(struct work *w, const struct group *original, const struct group *reversal)
{
    i128 pool = 0;
    i128 creator = 0;
    if (original->node_count == 0 || original->node[0].rounding != NODE_CONTRACT ||
        original->node[0].policy == 0) {
        return;
    }
    for (uint32_t i = 0; i < reversal->line_count; i++) {
        uint32_t node = original->line[reversal->line[i].share].node;
        if (node == NODE_NONE) {
            continue; /* a fee */
        }
        *(node == 0 ? &creator : &pool) += reversal->line[i].amount;
    }
    work_add(w, key_u32(KEY_CAMPAIGN_SUMS, original->node[0].policy), 0, pool, creator,
             -reversal->gross);
    about_campaign_number(w, original->node[0].policy);
}
