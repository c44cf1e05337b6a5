/* SPDX-License-Identifier: Apache-2.0
 * What became of a booking: reversals, disputes, clearing, and what a carry policy still holds for
 * its payee. */
#include "engine/explain_parts.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/carry.h"
#include "core/dispute.h"
#include "core/work.h"
#include "engine/lines.h"
#include "engine/trace.h"

#define CARRY_ENTRIES_MAX 200000u /* of an account that are added up for one explanation */
#define ARENA_MAX         ((size_t)4 << 30)

/* --- reversals
 * ----------------------------------------------------------------------------------*/

/** "its part of what was left, 588.00/1,500.00, of 10.00 = 3.92 exactly": the plain proportion,
 * when that is what it was. */
static struct text proportion(struct explain *x, const struct explain_subject *s,
                              const struct trace_hit *h)
{
    const struct asset *asset = s->asset;
    if (h->den == 0 || h->line < 0) {
        return TEXT("");
    }
    struct explain_product p = explain_multiply(h->gross, h->line_left, h->den);
    i128 over = h->line - p.floor;
    if (over != 0 && over != 1) {
        return TEXT("");
    }
    return arena_printf(x->a, ": its part of what was left, %s/%s, of %s = %s%s",
                        words_amount(x->a, (i128)h->line_left, asset).p,
                        words_amount(x->a, (i128)h->den, asset).p,
                        words_amount(x->a, h->gross, asset).p, explain_exact(x, &p, asset).p,
                        over == 1    ? "; rounded up, as one that loses most by rounding down"
                        : p.rem != 0 ? "; rounded down"
                                     : "");
}

static bool in_carry(const struct explain_subject *s)
{
    uint32_t i = s->g->line[s->line].node;
    while (i != NODE_NONE && s->g->node[i].rounding != ROUNDING_CARRY) {
        i = s->g->node[i].parent;
    }
    return i != NODE_NONE;
}

/** An invoice that is booked anew takes back what stood of it, and what had been refunded again. */
static bool is_own(const struct explain_subject *s, const struct trace_hit *h)
{
    return text_eq(h->event_id, s->event.id);
}

static const char *by_words(struct explain *x, const struct explain_subject *s,
                            const struct trace_hit *h)
{
    if (is_own(s, h)) {
        return h->seq == s->item.seq && h->page == s->item.page
                   ? "taken back again, as it had been refunded before it was booked here"
                   : arena_printf(x->a, "booked anew with log entry %llu",
                                  (unsigned long long)h->seq)
                         .p;
    }
    return arena_printf(x->a, "reversed by %.*s on %s", (int)h->event_id.len, h->event_id.p,
                        words_moment(x->a, h->occurred_at).p)
        .p;
}

static void line_reversal(struct explain *x, struct explain_node *parent,
                          const struct explain_subject *s, const struct trace_hit *h)
{
    bool carry = in_carry(s);
    const char *back = words_amount(x->a, h->line, s->asset).p;
    struct explain_node *n = explain_add(
        x, parent, "reversed", "%s: %s of the revenue went back, %s of it from here%s",
        by_words(x, s, h), words_money(x->a, h->gross, s->asset).p, back,
        carry ? "; its exact part comes off what the party is entitled to, and whole units of the "
                "difference are given back"
              : proportion(x, s, h).p);
    explain_amount(n, -h->line, s->asset);
    explain_fact(x, n, "event_id", h->event_id);
    explain_fact_i128(x, n, "gross", h->gross);
    explain_fact_i128(x, n, "seq", (i128)h->seq);
    if (!carry) {
        explain_fact_i128(x, n, "line_left", (i128)h->line_left);
        explain_fact_i128(x, n, "gross_left", (i128)h->den);
    }
}

static void gross_reversal(struct explain *x, struct explain_node *parent,
                           const struct explain_subject *s, const struct trace_hit *h)
{
    struct explain_node *n = explain_add(
        x, parent, "reversed", "%s: %s went back, of %s that was left", by_words(x, s, h),
        words_money(x->a, h->gross, s->asset).p, words_money(x->a, (i128)h->den, s->asset).p);
    explain_amount(n, -h->gross, s->asset);
    explain_fact(x, n, "event_id", h->event_id);
    explain_fact_i128(x, n, "seq", (i128)h->seq);
    explain_fact_i128(x, n, "gross_left", (i128)h->den);
}

enum mete_code explain_reversals(struct explain *x, struct explain_node *parent,
                                 const struct explain_subject *s, i128 *left)
{
    bool whole = s->line == EXPLAIN_ALL;
    struct trace_hit *hit;
    struct reversed reversed;
    uint64_t count = 0;
    enum mete_code code = trace_reversals(x->e, x->a, &s->item, s->group, s->line, &hit, x->err);
    if (code != METE_OK) {
        return code;
    }
    (void)reversed_load(x->view, x->a, s->item.seq, s->item.page, s->group, s->g, &reversed);
    *left = whole ? s->g->gross - reversed.gross : s->g->line[s->line].amount;
    for (; hit != NULL; hit = hit->next) {
        *left -= whole ? 0 : hit->line;
        if (!whole && hit->line == 0) {
            continue;
        }
        if (count++ < EXPLAIN_LIST_MAX) {
            (whole ? gross_reversal : line_reversal)(x, parent, s, hit);
        }
    }
    explain_rest(x, parent, count > EXPLAIN_LIST_MAX ? count - EXPLAIN_LIST_MAX : 0, "reversals");
    return METE_OK;
}

/* --- state
 * --------------------------------------------------------------------------------------*/

static struct text by_event(struct explain *x, struct text id, mete_time at)
{
    struct text event = trace_dispute_event(x->e, x->a, id, at);
    return event.len == 0 ? TEXT("") : arena_printf(x->a, " by %.*s", (int)event.len, event.p);
}

static void dispute_explain(struct explain *x, struct explain_node *parent, struct text id,
                            const struct dispute *d)
{
    if (d->state == DISPUTE_NONE) {
        return;
    }
    struct explain_node *n =
        explain_add(x, parent, "dispute", "disputed on %s%s", words_moment(x->a, d->opened_at).p,
                    by_event(x, id, d->opened_at).p);
    explain_fact(x, n, "opened_at", words_time(x->a, d->opened_at));
    const char *changed = words_moment(x->a, d->changed_at).p;
    const char *event = by_event(x, id, d->changed_at).p;
    struct text owner = names_party(&x->names, d->owner);
    switch (d->state) {
    case DISPUTE_NONE:
        break;
    case DISPUTE_DISPUTED:
        if (d->auto_clear_at == TIME_NEVER) {
            explain_add(x, parent, "dispute",
                        "it does not clear by itself: nobody has countersigned the share");
            break;
        }
        n = explain_add(x, parent, "dispute", "nobody having decided, it clears by itself after %s",
                        words_moment(x->a, d->auto_clear_at).p);
        explain_fact(x, n, "auto_clear_at", words_time(x->a, d->auto_clear_at));
        break;
    case DISPUTE_ESCALATED:
        explain_add(x, parent, "dispute", "escalated on %s%s: it waits for a decision", changed,
                    event);
        break;
    case DISPUTE_OVERRIDDEN:
        explain_add(x, parent, "dispute", "overridden on %s%s: cleared", changed, event);
        break;
    case DISPUTE_UPHELD:
        n = explain_add(x, parent, "dispute", "upheld on %s%s: it went to %.*s", changed, event,
                        (int)owner.len, owner.p);
        explain_fact(x, n, "owner", owner);
        break;
    }
}

static struct text clearing_words(struct explain *x, const struct line *line, mete_time clears_at,
                                  const struct dispute *d, enum allocation_state state)
{
    if (line->kind != LINE_ALLOCATION) {
        return TEXT("it is no allocation and needs no clearing");
    }
    switch (state) {
    case ALLOCATION_UPHELD:
        return TEXT("it went to another party");
    case ALLOCATION_DISPUTED:
        return TEXT("held back while the dispute lasts");
    case ALLOCATION_PENDING:
    case ALLOCATION_CLEARED:
        break;
    }
    if (d->state != DISPUTE_NONE) {
        return TEXT("the dispute is over");
    }
    if (line->held && state == ALLOCATION_PENDING) {
        return TEXT("it waits to be countersigned");
    }
    return arena_printf(x->a, "%s %s", clears_at > x->at ? "clears on" : "since",
                        words_moment(x->a, clears_at).p);
}

void explain_state(struct explain *x, struct explain_node *parent, const struct explain_subject *s,
                   struct text id, i128 left)
{
    const struct line *line = &s->g->line[s->line];
    const struct lines_spot spot = {s->group, s->line, line->amount};
    struct dispute d = {0};
    mete_time clears_at;
    const char *name = lines_state(x->view, &s->item, &spot, x->at, &clears_at);
    (void)dispute_of(x->view, s->item.seq, s->item.page, s->group, s->line, &d);
    enum allocation_state state = allocation_state_at(clears_at, &d, x->at);
    bool gone = d.state == DISPUTE_UPHELD;
    struct explain_node *n = explain_add(x, parent, "state", "on %s it is %s (%s); %s of it stands",
                                         words_moment(x->a, x->at).p, name,
                                         clearing_words(x, line, clears_at, &d, state).p,
                                         words_money(x->a, gone ? 0 : left, s->asset).p);
    explain_amount(n, gone ? 0 : left, s->asset);
    explain_fact(x, n, "state", text_of(name));
    explain_fact(x, n, "at", words_time(x->a, x->at));
    explain_fact(x, n, "clears_at", words_time(x->a, clears_at));
    dispute_explain(x, n, id, &d);
}

/* --- carry
 * --------------------------------------------------------------------------------------*/

struct carried {
    struct explain *x;
    const struct explain_subject *s;
    const struct node *node;
    uint32_t party;
    i128 credited; /* through the end of the log */
    i128 before;   /* up to and without this booking */
    u128 num, den; /* exact entitlement before this booking, while `exact` */
    i128 whole;
    bool exact;   /* no reversal came before it, and the fractions fit */
    bool seen;    /* the booking was met */
    uint32_t own; /* lines of the booking that the party has from the policy */
    uint64_t entries;
};

/** Adds input * weight / den to the exact entitlement. */
static void entitlement_add(struct carried *c, i128 input, u128 weight, u128 den)
{
    struct residue r = {c->whole, c->num, c->den};
    i128 credit = 0;
    if (!residue_credit(&r, input, weight, den, false, false, &credit)) {
        c->exact = false;
        return;
    }
    c->whole = r.whole + credit;
    c->num = r.num;
    c->den = r.den;
}

/** The carry policy's own node of a revenue line, or NULL. */
static const struct node *carry_node(const struct carried *c, const struct group *g,
                                     const struct line *l)
{
    const struct node *n =
        l->kind == LINE_ALLOCATION && l->node != NODE_NONE ? &g->node[l->node] : NULL;
    bool same = n != NULL && n->rounding == ROUNDING_CARRY && n->policy == c->node->policy;
    return same ? n : NULL;
}

/** What a reversal took back from lines of the policy, as far as it is this party's. */
static i128 reversal_credit(struct carried *c, const struct group *g, struct arena *a)
{
    struct walk_item original;
    i128 sum = 0;
    if (walk_one(c->x->e, a, g->target_seq, g->target_page, &original, c->x->err) != METE_OK) {
        return 0;
    }
    const struct group *og = &original.decision.group[g->target_group];
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *l = &g->line[i];
        if (l->share < og->line_count && og->line[l->share].party == c->party &&
            carry_node(c, og, &og->line[l->share]) != NULL) {
            sum += l->amount;
        }
    }
    c->exact = c->exact && (sum == 0 || c->seen);
    return sum;
}

static void item_credit(struct carried *c, const struct walk_item *item, struct arena *a)
{
    bool here = item->seq == c->s->item.seq && item->page == c->s->item.page;
    c->before = here ? c->credited : c->before;
    c->seen = c->seen || here;
    for (uint32_t i = 0; i < item->decision.group_count; i++) {
        const struct group *g = &item->decision.group[i];
        if (g->asset != c->s->g->asset) {
            continue;
        }
        if (g->kind == GROUP_REVERSAL) {
            c->credited += reversal_credit(c, g, a);
            continue;
        }
        for (uint32_t k = 0; k < g->line_count && g->kind == GROUP_REVENUE; k++) {
            const struct line *l = &g->line[k];
            const struct node *n = l->party == c->party ? carry_node(c, g, l) : NULL;
            c->credited += n != NULL ? l->amount : 0;
            c->own += n != NULL && here;
            if (n != NULL && !c->seen) {
                entitlement_add(c, n->input, l->weight, n->den);
            }
        }
    }
}

struct adding {
    struct carried *c;
    uint64_t seq; /* the decision that was added */
    uint32_t page;
    struct arena one;
};

static enum mete_code entry_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct adding *a = arg;
    const struct explain *x = a->c->x;
    struct walk_item item;
    arena_reset(&a->one);
    enum mete_code code =
        walk_one(x->e, &a->one, key_read_u64(k->key, 9), key_read_u32(k->key, 17), &item, x->err);
    if (code == METE_OK && (item.seq != a->seq || item.page != a->page)) {
        a->seq = item.seq;
        a->page = item.page;
        item_credit(a->c, &item, &a->one);
    }
    *go_on = ++a->c->entries < CARRY_ENTRIES_MAX;
    return code;
}

static enum mete_code carried_add_up(struct carried *c)
{
    const struct key from = key_u32x2(KEY_ENTRY, c->party, c->s->g->asset);
    const struct key until = key_prefix_end(from);
    struct adding a = {.c = c};
    arena_init(&a.one, ARENA_MAX);
    enum mete_code code = walk_each_key(c->x->e, &from, &until, entry_visit, &a, c->x->err);
    arena_clear(&a.one);
    return code;
}

static struct residue residue_now(const struct carried *c)
{
    struct key key = residue_key(c->node->policy, c->s->g->asset, PAYEE_PARTY, c->party);
    struct bytes value;
    struct residue r = RESIDUE_ZERO;
    if (c->x->view->get(c->x->view->ctx, key_bytes(&key), &value) == VIEW_FOUND) {
        METE_ASSERT(residue_unpack(value, &r));
    }
    return r;
}

/** "66.66 and 2/3 of 0.01". */
static struct text mixed(struct explain *x, i128 whole, u128 num, u128 den,
                         const struct asset *asset)
{
    const struct explain_product p = {whole, num, den};
    return explain_exact(x, &p, asset);
}

static void before_explain(struct explain *x, struct explain_node *node, const struct carried *c)
{
    const struct line *l = &c->s->g->line[c->s->line];
    struct carried now = *c;
    const struct asset *asset = c->s->asset;
    entitlement_add(&now, c->node->input, l->weight, c->node->den);
    if (!now.exact) {
        return;
    }
    struct explain_node *n = explain_add(
        x, node, "carry_then",
        "entitled before this event: %s, credited %s; with this event: %s, so %s more is credited",
        mixed(x, c->whole, c->num, c->den, asset).p, words_amount(x->a, c->before, asset).p,
        mixed(x, now.whole, now.num, now.den, asset).p, words_amount(x->a, l->amount, asset).p);
    explain_fact_i128(x, n, "entitled_before", c->whole);
    explain_fact_ratio(x, n, "entitled_before_fraction", c->num, c->den);
    explain_fact_i128(x, n, "credited_before", c->before);
    explain_fact_i128(x, n, "entitled", now.whole);
    explain_fact_ratio(x, n, "entitled_fraction", now.num, now.den);
}

enum mete_code explain_carry(struct explain *x, struct explain_node *parent,
                             const struct explain_subject *s)
{
    const struct line *l = &s->g->line[s->line];
    if (l->kind != LINE_ALLOCATION || l->node == NODE_NONE ||
        s->g->node[l->node].rounding != ROUNDING_CARRY) {
        return METE_OK;
    }
    struct carried c = {
        .x = x, .s = s, .node = &s->g->node[l->node], .party = l->party, .den = 1, .exact = true};
    enum mete_code code = carried_add_up(&c);
    if (code != METE_OK) {
        return code;
    }
    struct residue r = residue_now(&c);
    struct text party = names_party(&x->names, l->party);
    struct explain_node *n =
        explain_add(x, parent, "carry", "carried for %.*s now: %s", (int)party.len, party.p,
                    mixed(x, r.whole, r.num, r.den, s->asset).p);
    explain_fact_i128(x, n, "carried", r.whole);
    explain_fact_ratio(x, n, "carried_fraction", r.num, r.den);
    if (c.entries >= CARRY_ENTRIES_MAX) {
        return METE_OK; /* too many to add up here */
    }
    struct explain_node *sum =
        explain_add(x, n, "carry_now", "credited so far under this policy: %s; entitled so far: %s",
                    words_amount(x->a, c.credited, s->asset).p,
                    mixed(x, c.credited + r.whole, r.num, r.den, s->asset).p);
    explain_fact_i128(x, sum, "credited", c.credited);
    explain_fact_i128(x, sum, "entitled", c.credited + r.whole);
    explain_fact_ratio(x, sum, "entitled_fraction", r.num, r.den);
    if (c.exact && c.seen && c.own == 1) {
        before_explain(x, n, &c);
    }
    return METE_OK;
}
