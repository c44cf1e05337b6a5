/* SPDX-License-Identifier: Apache-2.0
 * revenue.invoice_paid: whose it is, how it is split between a creator and investors, what refunds
 * find it by, and booking it anew when an attribution says that it is somebody else's. */
#include <string.h>

#include "audit/audit.h"
#include "audit/machines.h"
#include "audit/member.h"
#include "audit/reversal.h"
#include "audit/split.h"
#include "base/limits.h"
#include "base/text.h"
#include "mete/error.h"

#define BPS_ONE 10000u

bool invoice_gross(const struct moment *m, struct asset **asset, i128 *gross)
{
    static const char *const minor[] = {"gross_amount_cents", NULL};
    return event_amount(m, minor, asset, gross) && *asset != NULL;
}

/* --- whose it is -------------------------------------------------------------------------------*/

struct target {
    struct campaign *campaign;
    struct text owner;
    bool unknown; /* the campaign that it names has not been created */
};

static struct target find_target(struct audit *a, struct text app, struct text user,
                                 struct text said, mete_time at)
{
    struct target t = {.campaign = NULL};
    struct app **owner = map_get(&a->economy.app_of, text_bytes(app));
    if (user.len > 0) {
        t.campaign = attributed_to(user_obtain(&a->economy, app, user), at);
    }
    if (t.campaign == NULL && said.len > 0) {
        t.campaign = campaign_known(&a->economy, said);
        t.unknown = t.campaign == NULL;
    }
    if (t.campaign == NULL && !t.unknown && owner != NULL && !a->book.attribution_required) {
        t.owner = (*owner)->owner;
    }
    return t;
}

static struct target target_of(struct audit *a, const struct moment *m)
{
    return find_target(a, event_app(m), event_about(m, "user_id"), event_about(m, "campaign_id"),
                       m->occurred_at);
}

void invoice_judge(struct audit *a, struct moment *m, struct want *w)
{
    struct text app = event_app(m), user = event_about(m, "user_id");
    struct target t = target_of(a, m);
    struct asset *asset;
    i128 gross;
    uint32_t code = 0;
    if (t.unknown) {
        code = METE_CAMPAIGN_UNKNOWN;
        want_waits_on(m, w, code, LIST_CAMPAIGN, event_about(m, "campaign_id"));
    } else if (t.campaign == NULL && t.owner.len == 0) {
        code = METE_UNATTRIBUTED;
        want_waits_on(m, w, code, LIST_APP, app);
    } else if (t.campaign != NULL && invoice_gross(m, &asset, &gross) && gross > 0 &&
               asset != t.campaign->asset) {
        code = METE_CAMPAIGN_CURRENCY;
        want_waits_on(m, w, code, LIST_CAMPAIGN, t.campaign->id);
    }
    if (code != 0 && user.len > 0) {
        want_waits_on(m, w, code, LIST_USER, user_key(m->arena, app, user));
    }
}

/* --- the split ---------------------------------------------------------------------------------*/

static const struct frac *of_ten_thousand(struct moment *m, uint64_t bps)
{
    struct frac *f = arena_alloc(m->arena, sizeof *f);
    METE_ASSERT(frac_of_u128(f, bps, BPS_ONE));
    return f;
}

static i128 floor_of(i128 amount, const struct frac *weight)
{
    struct frac whole = frac_int(amount);
    i128 floor = 0;
    METE_ASSERT(frac_mul(&whole, &whole, weight) && frac_floor(&whole, &floor));
    return floor;
}

static void allocation(struct moment *m, struct want_group *g, struct want_line line)
{
    struct want_line *l = want_line(m, g, FOUND_ALLOCATION, line.name, line.amount);
    l->node = line.node;
    l->share = line.share;
    l->entry = 0;
    l->weight = line.weight;
    l->floor = line.floor;
    l->has_floor = true;
}

static void creators(struct moment *m, struct want_group *g, struct text party, uint64_t bps,
                     i128 net, i128 amount)
{
    const struct frac *weight = of_ten_thousand(m, bps);
    allocation(m, g,
               (struct want_line){.name = party,
                                  .amount = amount,
                                  .share = 0,
                                  .weight = weight,
                                  .floor = floor_of(net, weight)});
}

static void investors(struct moment *m, struct want_group *g, const struct campaign *c,
                      const struct contract *k, i128 pool, i128 floor)
{
    uint32_t node = want_node(m, g,
                              (struct want_node){.parent = 0,
                                                 .share = 1,
                                                 .policy = c->policy,
                                                 .version = k->version,
                                                 .rounding = BY_LARGEST,
                                                 .weight = of_ten_thousand(m, c->share_bps),
                                                 .input = pool,
                                                 .floor = floor});
    struct piece *piece = arena_array(m->arena, k->count, sizeof piece[0]);
    struct frac *weight = arena_array(m->arena, k->count, sizeof weight[0]);
    for (uint32_t i = 0; i < k->count; i++) {
        METE_ASSERT(frac_of_u128(&weight[i], (u128)k->invested[i].amount, (u128)k->sum));
        piece[i].weight = &weight[i];
    }
    if (!pieces_divide(m->arena, pool, piece, k->count)) {
        report_difference(m->book->report, "the pool cannot be divided");
        return;
    }
    for (uint32_t i = 0; i < k->count; i++) {
        allocation(m, g,
                   (struct want_line){.name = k->invested[i].party,
                                      .amount = piece[i].amount,
                                      .node = node,
                                      .share = i,
                                      .weight = &weight[i],
                                      .floor = piece[i].floor});
    }
}

/* The contract of that moment, while investors earn at all. */
static const struct contract *contract_then(const struct campaign *c, mete_time at)
{
    const char *state = campaign_state_then(c, at);
    const struct contract *found = NULL;
    if (!c->is_offering || at < c->activated_at ||
        (strcmp(state, "ACTIVE") != 0 && strcmp(state, "PAUSED") != 0)) {
        return NULL;
    }
    for (uint32_t i = 0; i < c->contract_count; i++) {
        if (c->contract[i].from <= at && (found == NULL || c->contract[i].from >= found->from)) {
            found = &c->contract[i];
        }
    }
    return found;
}

static void root(struct moment *m, struct want_group *g, struct text policy, uint32_t version,
                 i128 net)
{
    (void)want_node(m, g,
                    (struct want_node){.parent = NONE_U32,
                                       .policy = policy,
                                       .version = version,
                                       .rounding = BY_CONTRACT,
                                       .input = net,
                                       .counted = true});
}

static void split_campaign(struct moment *m, struct want_group *g, struct campaign *c, i128 net)
{
    const struct contract *k = contract_then(c, m->occurred_at);
    root(m, g, c->policy, k != NULL ? k->version : 0, net);
    g->accrued = c->accrued;
    if (k == NULL || k->count == 0 || (k->has_cap && c->accrued >= k->cap)) {
        creators(m, g, c->creator, BPS_ONE, net, net);
        return;
    }
    i128 floor = floor_of(net, of_ten_thousand(m, c->share_bps));
    i128 room = k->has_cap ? k->cap - c->accrued : floor;
    i128 pool = floor < room ? floor : room;
    creators(m, g, c->creator, BPS_ONE - c->share_bps, net, net - pool);
    investors(m, g, c, k, pool, floor);
    if (k->has_cap && pool == room) {
        c->state = "COMPLETED";
        c->reason = "cap_reached";
        c->completed_at = m->occurred_at;
    }
}

static void split(struct moment *m, struct want *w, const struct target *t,
                  const struct schedule *fees, struct asset *asset, i128 gross)
{
    struct want_group *g = want_group(m, w, FOUND_REVENUE, asset, gross);
    g->has_clears_at = true;
    g->clears_at = want_clears_at(m);
    i128 net = split_schedule(m, g, fees, gross);
    if (t->campaign != NULL) {
        split_campaign(m, g, t->campaign, net);
        return;
    }
    root(m, g, (struct text){NULL, 0}, 0, net);
    creators(m, g, t->owner, BPS_ONE, net, net);
}

void invoice_split(struct audit *a, struct moment *m, struct want *w)
{
    struct target t = target_of(a, m);
    struct asset *asset;
    i128 gross;
    if (!invoice_gross(m, &asset, &gross)) {
        report_difference(m->book->report, "its amount cannot be read");
    } else if (gross > 0) { /* a trial costs nothing */
        split(m, w, &t, terms_at(a, event_app(m), m->occurred_at), asset, gross);
    }
}

/* --- what a campaign has -----------------------------------------------------------------------*/

static struct campaign *campaign_behind(struct audit *a, const struct found_group *g)
{
    if (g->node_count == 0 || g->node[0].rounding != BY_CONTRACT) {
        return NULL;
    }
    struct text id = names_id(&a->book.policies, g->node[0].policy);
    size_t skip = strlen(CAMPAIGN_POLICY);
    if (!text_starts(id, CAMPAIGN_POLICY)) {
        return NULL;
    }
    return campaign_known(&a->economy, (struct text){id.p + skip, id.len - skip});
}

static void add_line(struct campaign *c, uint32_t node, i128 amount)
{
    i128 *sum = node == 0 ? &c->creators : &c->accrued;
    *sum = node == NONE_U32 ? *sum : i128_plus(*sum, amount);
}

void campaign_earned(struct audit *a, const struct found_group *g)
{
    struct campaign *c = campaign_behind(a, g);
    for (uint32_t i = 0; c != NULL && i < g->line_count; i++) {
        add_line(c, g->line[i].node, g->line[i].amount);
    }
}

void campaign_gave_back(struct audit *a, const struct found_group *origin,
                        const struct found_group *g)
{
    struct campaign *c = campaign_behind(a, origin);
    if (c == NULL) {
        return;
    }
    for (uint32_t i = 0; i < g->line_count; i++) {
        if (g->line[i].share < origin->line_count) {
            add_line(c, origin->line[g->line[i].share].node, g->line[i].amount);
        }
    }
    c->reversed = i128_plus(c->reversed, -g->gross);
}

/* --- finding it again --------------------------------------------------------------------------*/

static void remember_payment(struct audit *a, struct text reference, uint64_t seq)
{
    if (reference.len > 0) {
        uint64_t *slot = map_put(&a->economy.payment_of, text_bytes(reference), NULL);
        *slot = seq;
        waiting_open(a, LIST_PAYMENT, reference);
    }
}

static void remember_user(struct audit *a, struct moment *m, const struct invoice *i,
                          struct text raw)
{
    struct economy *e = &a->economy;
    if (i->user.len == 0) {
        return;
    }
    struct app_user *u = user_obtain(e, i->app, i->user);
    u->invoice = arena_grow(e->keep, u->invoice, u->invoice_count, &u->invoice_capacity,
                            sizeof(struct waiter *));
    uint32_t at = u->invoice_count++;
    struct waiter *again = waiting_rebook(a, m->seq, raw);
    while (at > 0 && u->invoice[at - 1]->seq > again->seq) {
        u->invoice[at] = u->invoice[at - 1];
        at--;
    }
    u->invoice[at] = again;
}

void invoice_booked(struct audit *a, struct moment *m, const struct open_decision *d)
{
    struct record *r = journal_at(&a->journal, m->seq);
    struct target t = target_of(a, m);
    struct economy *e = &a->economy;
    struct text intent = member_text(m->payload, "stripe_payment_intent_id");
    struct text transaction = event_about(m, "transaction_id");
    if (r == NULL || r->invoice != NULL) {
        return;
    }
    struct invoice *i = r->invoice = arena_alloc(e->keep, sizeof *i);
    *i = (struct invoice){.app = arena_text(e->keep, event_app(m)),
                          .user = arena_text(e->keep, event_about(m, "user_id")),
                          .said = arena_text(e->keep, event_about(m, "campaign_id")),
                          .occurred_at = m->occurred_at,
                          .campaign = t.campaign};
    if (!invoice_gross(m, &i->asset, &i->gross)) {
        i->gross = 0;
    }
    i->fee_version = d->group_count > 0 ? d->group[0].fee_version : 0;
    remember_user(a, m, i, d->event->raw);
    remember_payment(a, intent, m->seq);
    if (!text_eq(intent, transaction)) {
        remember_payment(a, transaction, m->seq);
    }
}

struct record *refund_target(struct audit *a, const struct moment *m, struct want_wait *wait)
{
    struct text id = member_text(m->payload, "reverses");
    bool native = text_is(event_kind_of(m), "revenue.reversed");
    uint64_t seq;
    *wait = (struct want_wait){METE_ORIGINAL_UNKNOWN, LIST_POLICY, id};
    if (native || id.len > 0) {
        return journal_find(&a->journal, id, &seq);
    }
    struct text reference = member_text(m->payload, "stripe_payment_intent_id");
    reference = reference.len > 0 ? reference : event_about(m, "transaction_id");
    *wait = (struct want_wait){METE_ORIGINAL_UNKNOWN, LIST_PAYMENT, reference};
    const uint64_t *found = map_get(&a->economy.payment_of, text_bytes(reference));
    return found != NULL ? journal_at(&a->journal, *found) : NULL;
}

void invoice_refunded(struct audit *a, struct record *r, i128 amount)
{
    struct invoice *i = r->invoice;
    if (i == NULL) {
        return;
    }
    i->refund = arena_grow(a->economy.keep, i->refund, i->refund_count, &i->refund_capacity,
                           sizeof i->refund[0]);
    i->refund[i->refund_count++] = amount;
}

/* --- anew --------------------------------------------------------------------------------------*/

bool invoice_moved(struct audit *a, uint64_t seq)
{
    const struct record *r = journal_at(&a->journal, seq);
    const struct invoice *i = r != NULL ? r->invoice : NULL;
    if (i == NULL || i->gross == 0) {
        return false;
    }
    struct target t = find_target(a, i->app, i->user, i->said, i->occurred_at);
    return t.campaign != NULL && t.campaign != i->campaign && t.campaign->asset == i->asset;
}

void invoice_anew(struct audit *a, struct moment *m, struct open_decision *d, struct want *w)
{
    struct record *r = journal_at(&a->journal, m->seq);
    struct reversing reversing = {&a->journal, &a->carry};
    if (r == NULL || r->booking == NULL || r->invoice == NULL || !invoice_moved(a, m->seq)) {
        report_difference(a->report, "it was booked anew, although it belongs where it was");
        w->unjudged = true;
        return;
    }
    struct invoice *i = r->invoice;
    struct target t = target_of(a, m);
    reversal_rest(&reversing, m, w, r->booking);
    uint32_t index = w->group_count;
    split(m, w, &t, terms_numbered(a, i->fee_version), i->asset, i->gross);
    i->campaign = t.campaign;
    if (d->damaged || index >= d->group_count || d->group[index].kind != FOUND_REVENUE) {
        report_difference(a->report, "the new booking is missing");
        return;
    }
    r->booking =
        booking_keep(&a->journal, d->seq, d->page, d->packed, d->page_count, d->group_count);
    for (uint32_t k = 0; k < i->refund_count; k++) {
        reversal_again(&reversing, m, w, r->booking, index, i->refund[k]);
    }
}
