/* SPDX-License-Identifier: Apache-2.0
 * Rounds, commitments and spend grants. Only confirmed commitments count, and they stand in the
 * order in which they were created. */
#include <string.h>

#include "audit/audit.h"
#include "audit/machines.h"
#include "audit/member.h"
#include "base/text.h"

static const char *const amount_minor[] = {"amount_minor", NULL};

/* The campaign that the envelope names; a difference when there is none. */
static struct campaign *named_campaign(struct audit *a, const struct moment *m)
{
    struct text id = event_about(m, "campaign_id");
    struct campaign *c = campaign_known(&a->economy, id);
    if (c == NULL) {
        event_forbidden(m, "there is no campaign %.*s", (int)id.len, id.len > 0 ? id.p : "");
    }
    return c;
}

static void step(const struct moment *m, enum machine_name machine, const char **state,
                 unsigned holds)
{
    const char *from = *state;
    if (!machine_allows(machine, from, event_kind_of(m), holds, state)) {
        event_forbidden(m, "the state is %s", from[0] != '\0' ? from : "new");
    }
}

/* --- rounds ------------------------------------------------------------------------------------*/

void round_take(struct audit *a, struct moment *m)
{
    bool made;
    struct text id = event_about(m, "round_id");
    struct round **slot = map_put(&a->economy.round_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(a->economy.keep, sizeof **slot);
        (*slot)->state = STATE_NEW;
        (*slot)->campaign = named_campaign(a, m);
    } else if (event_about(m, "campaign_id").len > 0 && named_campaign(a, m) != (*slot)->campaign) {
        event_forbidden(m, "the round is of another campaign");
    }
    bool moderated = json_is_true(json_get(m->payload, "requires_moderation"));
    step(m, ROUND_MACHINE, &(*slot)->state, moderated ? IF_MODERATED : IF_UNMODERATED);
}

/* --- commitments -------------------------------------------------------------------------------*/

static struct campaign *commitment_campaign(struct audit *a, const struct moment *m)
{
    struct text id = event_about(m, "round_id");
    struct round **round = map_get(&a->economy.round_of, text_bytes(id));
    if (id.len > 0 && (round == NULL || strcmp((*round)->state, "OPEN") != 0)) {
        event_forbidden(m, "its round is not open");
    }
    if (event_about(m, "campaign_id").len > 0 || round == NULL) {
        struct campaign *c = named_campaign(a, m);
        if (round != NULL && c != (*round)->campaign) {
            event_forbidden(m, "its round is of another campaign");
        }
        return c;
    }
    return (*round)->campaign;
}

static void commitment_create(struct audit *a, struct moment *m, struct commitment *c)
{
    struct asset *asset;
    c->campaign = commitment_campaign(a, m);
    c->investor = member_keep(a->economy.keep, m->payload, "investor_id");
    c->created = m->seq;
    if (!event_amount(m, amount_minor, &asset, &c->amount) || c->amount <= 0) {
        event_forbidden(m, "its amount is none");
    } else if (c->campaign != NULL && asset != c->campaign->asset) {
        event_forbidden(m, "the campaign has another currency");
    }
    if (c->campaign != NULL && strcmp(c->campaign->state, "OPEN_FOR_FUNDING") != 0) {
        event_forbidden(m, "the campaign is %s", c->campaign->state);
    }
}

static void insert_invested(struct economy *e, struct campaign *c, struct invested one)
{
    c->invested = arena_grow(e->keep, c->invested, c->invested_count, &c->invested_capacity,
                             sizeof c->invested[0]);
    uint32_t at = c->invested_count++;
    while (at > 0 && c->invested[at - 1].created > one.created) {
        c->invested[at] = c->invested[at - 1];
        at--;
    }
    c->invested[at] = one;
}

static void commitment_confirm(struct audit *a, struct moment *m, const struct commitment *k)
{
    struct campaign *c = k->campaign;
    if (c == NULL) {
        return; /* said when it was created */
    }
    const char *state = campaign_state_then(c, m->occurred_at);
    if (strcmp(state, "CANCELLED") == 0 || strcmp(state, "COMPLETED") == 0) {
        event_forbidden(m, "the campaign is %s", state);
    }
    insert_invested(&a->economy, c, (struct invested){k->investor, k->amount, k->created});
    c->confirmed = i128_plus(c->confirmed, k->amount);
    if (strcmp(state, "ACTIVE") == 0 || strcmp(state, "PAUSED") == 0) {
        contract_make(a, c, m->occurred_at);
    }
}

void commitment_take(struct audit *a, struct moment *m)
{
    bool made;
    struct text id = event_about(m, "commitment_id");
    struct text type = event_kind_of(m);
    struct commitment **slot = map_put(&a->economy.commitment_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(a->economy.keep, sizeof **slot);
        (*slot)->state = STATE_NEW;
    }
    step(m, COMMITMENT_MACHINE, &(*slot)->state, 0);
    if (text_is(type, "commitment.created")) {
        commitment_create(a, m, *slot);
    } else if (text_is(type, "commitment.confirmed")) {
        commitment_confirm(a, m, *slot);
    }
}

/* --- spend grants ------------------------------------------------------------------------------*/

static void grant_spend(struct moment *m, struct grant *g)
{
    struct asset *asset;
    struct text type = event_kind_of(m);
    i128 amount;
    if (!event_amount(m, amount_minor, &asset, &amount) || asset != g->asset) {
        event_forbidden(m, "its amount is none of the grant's");
        return;
    }
    if (text_is(type, "spend.refunded")) {
        g->refunded = i128_plus(g->refunded, amount);
    } else if (text_is(type, "spend.authorized")) {
        g->authorized = i128_plus(g->authorized, amount);
        if (g->authorized > i128_plus(g->amount, g->refunded)) {
            event_forbidden(m, "the grant has less left");
        }
    }
}

void grant_take(struct audit *a, struct moment *m)
{
    bool made;
    struct text id = event_about(m, "allocation_id");
    struct text type = event_kind_of(m);
    if (id.len == 0 && text_starts(type, "spend.")) {
        return; /* a fact for reports */
    }
    struct grant **slot = map_put(&a->economy.grant_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(a->economy.keep, sizeof **slot);
        (*slot)->state = STATE_NEW;
    }
    step(m, GRANT_MACHINE, &(*slot)->state, 0);
    if (text_starts(type, "spend.")) {
        grant_spend(m, *slot);
    } else if (text_is(type, "allocation.created")) {
        (*slot)->campaign = named_campaign(a, m);
        if (!event_amount(m, amount_minor, &(*slot)->asset, &(*slot)->amount)) {
            event_forbidden(m, "its amount is none");
        }
    }
}
