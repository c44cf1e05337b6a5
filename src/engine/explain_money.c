/* SPDX-License-Identifier: Apache-2.0
 * Where the money of a booking came from and what was taken off it before it was shared. */
#include "engine/explain_parts.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/amount.h"
#include "core/campaign.h"

/* --- finding the booking
 * ------------------------------------------------------------------------*/

enum mete_code explain_load(struct explain *x, uint64_t seq, struct explain_subject *s)
{
    struct decision unused;
    uint64_t booked_seq;
    uint32_t booked_page;
    struct envelope *envelope = arena_alloc(x->a, sizeof *envelope);
    *s = (struct explain_subject){.line = EXPLAIN_ALL};
    enum mete_code code =
        engine_decision(x->e, seq, x->a, &unused, &booked_seq, &booked_page, x->err);
    if (code == METE_OK) {
        code = walk_one(x->e, x->a, booked_seq, booked_page, &s->item, x->err);
    }
    if (code == METE_OK) {
        code = engine_event(x->e, seq, x->a, envelope, &s->event_recorded, x->err);
    }
    s->event = envelope->event;
    s->item.event_seq = seq;
    return code;
}

/* --- because
 * ------------------------------------------------------------------------------------*/

static struct text revenue_words(struct explain *x, const struct explain_subject *s)
{
    const struct event_revenue *r = &s->event.revenue;
    struct text out =
        s->g == NULL ? arena_printf(x->a, "revenue %.*s of %.*s %.*s", (int)s->event.id.len,
                                    s->event.id.p, (int)r->amount.amount.len, r->amount.amount.p,
                                    (int)r->amount.currency.len, r->amount.currency.p)
                     : arena_printf(x->a, "revenue %.*s of %s", (int)s->event.id.len, s->event.id.p,
                                    words_money(x->a, s->g->gross, s->asset).p);
    out = arena_printf(x->a, "%s on %s", out.p, words_moment(x->a, s->event.occurred_at).p);
    if (r->source.len > 0) {
        out = arena_printf(x->a, "%s, from %.*s%s%.*s%s", out.p, (int)r->source.len, r->source.p,
                           r->source_ref.len > 0 ? " (" : "", (int)r->source_ref.len,
                           r->source_ref.p == NULL ? "" : r->source_ref.p,
                           r->source_ref.len > 0 ? ")" : "");
    }
    return out;
}

static struct text metering_words(struct explain *x, const struct explain_subject *s)
{
    struct text day = words_day(x->a, s->event.metering.day);
    struct text customer = s->g != NULL && s->g->customer != 0
                               ? names_party(&x->names, s->g->customer)
                               : TEXT("nobody in particular");
    const char *gross = s->g != NULL ? words_money(x->a, s->g->gross, s->asset).p : "nothing";
    return arena_printf(x->a, "metered use up to %s by %.*s, closed by %.*s: %s in whole units",
                        day.p, (int)customer.len, customer.p, (int)s->event.id.len, s->event.id.p,
                        gross);
}

static struct text cycle_words(struct explain *x, const struct explain_subject *s)
{
    const struct event_cycle *c = &s->event.cycle;
    return arena_printf(x->a, "the pool of %.*s %.*s for use from %s to %s, closed by %.*s on %s",
                        (int)c->pool.amount.len, c->pool.amount.p, (int)c->pool.currency.len,
                        c->pool.currency.p, words_moment(x->a, c->window_start).p,
                        words_moment(x->a, c->window_end).p, (int)s->event.id.len, s->event.id.p,
                        words_moment(x->a, s->event.occurred_at).p);
}

static struct text invoice_words(struct explain *x, const struct explain_subject *s)
{
    const struct event *e = &s->event;
    struct text user = e->correlation.user_id;
    struct text out = s->g == NULL
                          ? arena_printf(x->a, "invoice %.*s", (int)e->id.len, e->id.p)
                          : arena_printf(x->a, "invoice %.*s of %s", (int)e->id.len, e->id.p,
                                         words_money(x->a, s->g->gross, s->asset).p);
    out = arena_printf(x->a, "%s on %s", out.p, words_moment(x->a, e->occurred_at).p);
    if (user.len > 0) {
        out = arena_printf(x->a, "%s, paid by user %.*s", out.p, (int)user.len, user.p);
    }
    return e->app_id.len == 0
               ? out
               : arena_printf(x->a, "%s %s app %.*s", out.p, user.len > 0 ? "of" : "for",
                              (int)e->app_id.len, e->app_id.p);
}

static struct text event_words(struct explain *x, const struct explain_subject *s)
{
    switch ((int)s->event.type) {
    case EVENT_REVENUE_RECEIVED:
        return revenue_words(x, s);
    case EVENT_METERING_CLOSED:
        return metering_words(x, s);
    case EVENT_CYCLE_CLOSED:
        return cycle_words(x, s);
    case EVENT_INVOICE_PAID:
        return invoice_words(x, s);
    default:
        return arena_printf(x->a, "%s %.*s on %s", event_type_name(s->event.type),
                            (int)s->event.id.len, s->event.id.p,
                            words_moment(x->a, s->event.occurred_at).p);
    }
}

/** The event whose coming released this one. */
static enum mete_code waited_explain(struct explain *x, struct explain_node *parent,
                                     const struct explain_subject *s)
{
    struct log_row row;
    struct walk_head head;
    if (book_row(engine_book(x->e), s->item.seq, &row, x->err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    struct bytes event = text_bytes(arena_text(x->a, bytes_text(row.event)));
    enum mete_code code = walk_head_of(x->a, event, &head, x->err);
    if (code != METE_OK) {
        return code;
    }
    struct explain_node *n = explain_add(
        x, parent, "waited", "it waited, and was booked when %s %.*s came: log entry %llu, page %u",
        event_type_name(head.type), (int)head.event_id.len, head.event_id.p,
        (unsigned long long)s->item.seq, s->item.page);
    explain_fact(x, n, "event_id", head.event_id);
    explain_fact_i128(x, n, "seq", (i128)s->item.seq);
    explain_fact_i128(x, n, "page", s->item.page);
    explain_fact(x, n, "recorded_at", words_time(x->a, s->item.recorded_at));
    return METE_OK;
}

enum mete_code explain_because(struct explain *x, struct explain_node *parent,
                               const struct explain_subject *s)
{
    struct log_row row;
    char leaf[65];
    if (book_row(engine_book(x->e), s->item.event_seq, &row, x->err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    hash_hex(&row.leaf, leaf);
    struct explain_node *n = explain_add(x, parent, "because", "because: %s", event_words(x, s).p);
    if (s->g != NULL) {
        explain_amount(n, s->g->gross, s->asset);
    }
    explain_fact(x, n, "event_id", s->event.id);
    explain_fact(x, n, "event_type", text_of(event_type_name(s->event.type)));
    explain_fact(x, n, "occurred_at", words_time(x->a, s->event.occurred_at));
    struct explain_node *log = explain_add(x, n, "log", "recorded %s as log entry %llu, leaf %s",
                                           words_time(x->a, s->event_recorded).p,
                                           (unsigned long long)s->item.event_seq, leaf);
    explain_fact(x, log, "recorded_at", words_time(x->a, s->event_recorded));
    explain_fact_i128(x, log, "seq", (i128)s->item.event_seq);
    explain_fact(x, log, "leaf", text_of(leaf));
    if (explain_is_rebooking(&s->item)) {
        return explain_rebooked(x, n, s);
    }
    bool waited = s->item.seq != s->item.event_seq || s->item.page != 0;
    return waited ? waited_explain(x, n, s) : METE_OK;
}

/* --- fees
 * ---------------------------------------------------------------------------------------*/

struct fees {
    const struct explain_subject *s;
    struct fee_schedule schedule;
    struct explain_node *node;
};

/** All that one fee took: its own rest and its children. */
static i128 fee_total(const struct group *g, uint32_t fee)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        if (g->line[i].kind == LINE_FEE && g->line[i].share == fee) {
            sum += g->line[i].amount;
        }
    }
    return sum;
}

/** "2 % of 1,500.00 = 30.00 exactly", or less when less was left. */
static struct text fee_sum(struct explain *x, const struct fees *f, const struct fee *fee,
                           i128 total)
{
    const struct asset *asset = f->s->asset;
    const char *taken = words_amount(x->a, total, asset).p;
    if (fee->is_fixed) {
        bool own = fee->fixed_asset == asset->number;
        return !own ? arena_printf(x->a, "fixed, but in another currency: %s", taken)
                    : arena_printf(x->a, "%s fixed%s%s",
                                   words_amount(x->a, fee->fixed_amount, asset).p,
                                   total < fee->fixed_amount ? "; only so much was left: " : "",
                                   total < fee->fixed_amount ? taken : "");
    }
    struct explain_product p = explain_multiply(f->s->g->gross, fee->bps, 10000);
    struct text words =
        arena_printf(x->a, "%s of %s = %s", words_percent(x->a, fee->bps).p,
                     words_amount(x->a, f->s->g->gross, asset).p, explain_exact(x, &p, asset).p);
    if (total < p.floor) {
        return arena_printf(x->a, "%s; only so much was left: %s", words.p, taken);
    }
    return p.rem == 0 ? words : arena_printf(x->a, "%s; rounded down to %s", words.p, taken);
}

static void child_explain(struct explain *x, struct explain_node *parent, const struct fees *f,
                          const struct line *line, i128 total)
{
    const struct fee_child *child = &f->schedule.fee[line->share].child[line->entry - 1];
    struct explain_product p = explain_multiply(total, child->share_bps, 10000);
    struct text party = names_party(&x->names, line->party);
    struct explain_node *n = explain_add(
        x, parent, "fee", "%.*s, to %.*s: %s of %s = %s%s", (int)child->label.len, child->label.p,
        (int)party.len, party.p, words_percent(x->a, child->share_bps).p,
        words_amount(x->a, total, f->s->asset).p, explain_exact(x, &p, f->s->asset).p,
        p.rem == 0 ? "" : "; rounded down");
    explain_amount(n, line->amount, f->s->asset);
    explain_fact(x, n, "fee", child->label);
    explain_fact(x, n, "party", party);
    explain_fact_ratio(x, n, "weight", child->share_bps, 10000);
    explain_fact_product(x, n, &p);
}

/** A fee of the schedule with its children; the line is the payee's own rest. */
static void fee_explain(struct explain *x, const struct fees *f, uint32_t line)
{
    const struct group *g = f->s->g;
    const struct line *own = &g->line[line];
    const struct fee *fee = &f->schedule.fee[own->share];
    i128 total = fee_total(g, own->share);
    struct text party = names_party(&x->names, own->party);
    struct explain_node *n =
        explain_add(x, f->node, "fee", "%.*s, to %.*s: %s", (int)fee->label.len, fee->label.p,
                    (int)party.len, party.p, fee_sum(x, f, fee, total).p);
    explain_amount(n, total, f->s->asset);
    explain_fact(x, n, "fee", fee->label);
    explain_fact(x, n, "party", party);
    explain_fact_i128(x, n, "bps", fee->bps);
    if (fee->child_count == 0) {
        return;
    }
    for (uint32_t i = line + 1; i < g->line_count && g->line[i].kind == LINE_FEE; i++) {
        if (g->line[i].share == own->share && g->line[i].entry != 0) {
            child_explain(x, n, f, &g->line[i], total);
        }
    }
    struct explain_node *rest =
        explain_add(x, n, "fee", "the rest of it, %s, stays with %.*s",
                    words_amount(x->a, own->amount, f->s->asset).p, (int)party.len, party.p);
    explain_amount(rest, own->amount, f->s->asset);
    explain_fact(x, rest, "party", party);
}

static void payload_fee_explain(struct explain *x, const struct fees *f, const struct line *line)
{
    struct text party = names_party(&x->names, line->party);
    struct explain_node *n =
        explain_add(x, f->node, "fee", "the payload's own fee, to %.*s: %s", (int)party.len,
                    party.p, words_money(x->a, line->amount, f->s->asset).p);
    explain_amount(n, line->amount, f->s->asset);
    explain_fact(x, n, "fee", TEXT("fee"));
    explain_fact(x, n, "party", party);
}

/** "fee schedule 2, in force from ...", or "the terms of app a, version 1, in force from ...". */
static struct text schedule_words(struct explain *x, const struct explain_subject *s)
{
    struct version *versions = NULL;
    size_t count = 0;
    size_t nth = 0;
    uint32_t version = s->g->fee_version;
    struct text app = s->event.app_id;
    bool own = version >= APP_SCHEDULE_FIRST;
    enum view_result found = own ? view_app_fees(x->view, x->a, app, &versions, &count)
                                 : view_fees(x->view, x->a, &versions, &count);
    count = found == VIEW_FOUND ? count : 0;
    while (nth < count && versions[nth].number != version) {
        nth++;
    }
    const char *from = words_from(x->a, nth < count ? versions[nth].from : TIME_ALWAYS).p;
    return own ? arena_printf(x->a, "the terms of app %.*s, version %zu, in force from %s",
                              (int)app.len, app.p, nth + 1, from)
               : arena_printf(x->a, "fee schedule %u, in force from %s", version, from);
}

static void fees_facts(struct explain *x, const struct fees *f, i128 fees)
{
    const struct group *g = f->s->g;
    explain_amount(f->node, fees, f->s->asset);
    explain_fact_i128(x, f->node, "schedule", g->fee_version);
    explain_fact_i128(x, f->node, "gross", g->gross);
    explain_fact_i128(x, f->node, "shareable", g->gross - fees);
}

static void fees_title(struct explain *x, struct explain_node *parent, struct fees *f, i128 fees)
{
    const struct group *g = f->s->g;
    const struct asset *asset = f->s->asset;
    const char *from =
        g->fee_version == 0 ? "no fee schedule was in force" : schedule_words(x, f->s).p;
    if (g->fee_version == 0 && fees == 0) {
        f->node = explain_add(x, parent, "fees", "%s: all of %s is to share", from,
                              words_money(x->a, g->gross, asset).p);
        fees_facts(x, f, fees);
        return;
    }
    f->node =
        explain_add(x, parent, "fees", "fees come first: %s of %s, which leaves %s to share (%s)",
                    words_amount(x->a, fees, asset).p, words_amount(x->a, g->gross, asset).p,
                    words_money(x->a, g->gross - fees, asset).p, from);
    fees_facts(x, f, fees);
}

/** Copied: labels point into what is unpacked, and state is read on. */
static enum mete_code schedule_load(struct explain *x, uint32_t version, struct fee_schedule *out)
{
    struct key key = key_u32(KEY_FEES_VERSION, version);
    struct bytes value = {0};
    bool found = x->view->get(x->view->ctx, key_bytes(&key), &value) == VIEW_FOUND;
    struct bytes copy = found ? text_bytes(arena_text(x->a, bytes_text(value))) : value;
    return found && fee_schedule_unpack(x->a, copy, out)
               ? METE_OK
               : mete_fail(x->err, METE_STORE_CORRUPT, "", "fee schedule %u cannot be read",
                           version);
}

enum mete_code explain_fees(struct explain *x, struct explain_node *parent,
                            const struct explain_subject *s)
{
    struct fees f = {.s = s};
    const struct group *g = s->g;
    i128 fees = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        fees += g->line[i].kind == LINE_FEE ? g->line[i].amount : 0;
    }
    enum mete_code code =
        g->fee_version == 0 ? METE_OK : schedule_load(x, g->fee_version, &f.schedule);
    if (code != METE_OK) {
        return code;
    }
    fees_title(x, parent, &f, fees);
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *l = &g->line[i];
        if (l->kind == LINE_FEE && l->share == FEE_PAYLOAD) {
            payload_fee_explain(x, &f, l);
        } else if (l->kind == LINE_FEE && l->entry == 0 && l->share < f.schedule.fee_count) {
            fee_explain(x, &f, i);
        }
    }
    return METE_OK;
}
