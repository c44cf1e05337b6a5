/* SPDX-License-Identifier: Apache-2.0
 * The invoices of a campaign and what was taken back of them: money by month, customers, rates, and
 * whether the campaign has paid back what was spent on it. */
#include "engine/campaign_parts.h"

#include "base/text.h"
#include "core/refunds.h"
#include "core/work.h"

#include <stdlib.h>

/* --- gathering ---------------------------------------------------------------------------------*/

static struct sale *sale_obtain(struct gather *g, uint64_t seq)
{
    row_begin(g, ROW_SALE);
    row_key_number(g, seq);
    return row_obtain(g, &g->sale, sizeof(struct sale), NULL);
}

static struct sale **sale_at(struct gather *g, uint64_t seq, uint32_t page)
{
    row_begin(g, ROW_PLACE);
    row_key_number(g, seq);
    row_key_number(g, page);
    return row_obtain(g, NULL, sizeof(struct sale *), NULL);
}

static void sale_lines(struct sale *s, const struct group *group)
{
    s->gross = group->gross;
    for (uint32_t i = 0; i < group->line_count; i++) {
        const struct line *l = &group->line[i];
        if (l->kind == LINE_FEE) {
            METE_ASSERT(i == s->fee_lines);
            s->fee_lines++;
            s->fees += l->amount;
        } else if (i == s->fee_lines) {
            METE_ASSERT(l->node == 0);
            s->creator += l->amount;
        } else {
            s->pool += l->amount;
        }
    }
}

static void sale_booked(struct gather *g, const struct fact *f, const struct group *group)
{
    struct sale *s = sale_obtain(g, f->item->event_seq);
    struct text kind = f->event.invoice.kind;
    *s = (struct sale){.is_ours = true,
                       .at = f->head.occurred_at,
                       .kind = text_is(kind, "subscription") ? SALE_SUBSCRIPTION
                               : text_is(kind, "one_time")   ? SALE_ONE_TIME
                                                             : SALE_UNSAID};
    s->by = brought_obtain(g, f->event.app_id, f->event.correlation.user_id);
    s->subscription_id = fact_text(g, f, "stripe_subscription_id");
    sale_lines(s, group);
    *sale_at(g, f->item->seq, f->item->page) = s;
}

static void taken_add(struct gather *g, struct sale *s, const struct group *reversal, mete_time at,
                      bool is_chargeback)
{
    struct taken *t = arena_alloc(g->a, sizeof *t);
    *t = (struct taken){.at = at, .is_chargeback = is_chargeback, .gross = -reversal->gross};
    for (uint32_t i = 0; i < reversal->line_count; i++) {
        const struct line *l = &reversal->line[i];
        if (l->share == s->fee_lines) {
            t->creator -= l->amount;
        } else if (l->share > s->fee_lines) {
            t->pool -= l->amount;
        }
    }
    t->next = s->taken;
    s->taken = t;
}

/** What had been taken back of an invoice before it was booked anew: the same again. */
static void taken_again(struct gather *g, struct sale *s, uint64_t invoice, size_t which,
                        const struct group *reversal)
{
    struct refund_note *note;
    struct event event;
    size_t count;
    mete_time recorded;
    if (view_refunds(g->v, &g->item, invoice, &note, &count) != VIEW_FOUND || which >= count ||
        g->v->event(g->v->ctx, note[which].seq, &g->item, &event, &recorded) != VIEW_FOUND) {
        g->code =
            mete_fail(g->err, METE_STORE_CORRUPT, "", "a refund that was booked is not there");
        return;
    }
    if (event.occurred_at <= g->q->at) {
        taken_add(g, s, reversal, event.occurred_at, event.type == EVENT_CHARGEBACK);
        g->last = event.occurred_at > g->last ? event.occurred_at : g->last;
    }
}

static bool is_ours(const struct gather *g, const struct group *group)
{
    return group->node[0].policy == g->out->number;
}

void invoice_take(struct gather *g, const struct fact *f)
{
    const struct decision *d = &f->item->decision;
    size_t again = 0;
    for (uint32_t i = 0; i < d->group_count && g->code == METE_OK; i++) {
        const struct group *group = &d->group[i];
        bool here = group->target_seq == f->item->seq && group->target_page == f->item->page;
        if (group->kind == GROUP_REVENUE && group->node_count > 0 && is_ours(g, group)) {
            sale_booked(g, f, group);
        } else if (group->kind == GROUP_REVENUE) {
            sale_obtain(g, f->item->event_seq)->is_ours = false;
        } else if (group->kind == GROUP_REVERSAL && here) {
            struct sale *s = sale_obtain(g, f->item->event_seq);
            if (s->is_ours) {
                taken_again(g, s, f->item->event_seq, again, group);
            }
            again++;
        }
    }
}

void refund_take(struct gather *g, const struct fact *f)
{
    const struct decision *d = &f->item->decision;
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *group = &d->group[i];
        if (group->kind != GROUP_REVERSAL) {
            continue;
        }
        struct sale *s = *sale_at(g, group->target_seq, group->target_page);
        if (s != NULL && s->is_ours) {
            taken_add(g, s, group, f->head.occurred_at, f->event.type == EVENT_CHARGEBACK);
        }
    }
}

/* --- money -------------------------------------------------------------------------------------*/

static void sale_add(struct report_money *m, const struct sale *s)
{
    i128 shareable = s->gross - s->fees;
    m->invoices++;
    sum_to(&m->gross, s->gross);
    sum_to(&m->fees, s->fees);
    sum_to(&m->shareable, shareable);
    sum_to(&m->pool, s->pool);
    sum_to(&m->creator, s->creator);
    sum_to(&m->net, s->gross);
    sum_to(&m->net_shareable, shareable);
    sum_to(&m->net_pool, s->pool);
    sum_to(&m->net_creator, s->creator);
}

static void taken_from(struct report_money *m, const struct taken *t)
{
    m->refunds += t->is_chargeback ? 0 : 1;
    m->chargebacks += t->is_chargeback ? 1 : 0;
    sum_to(t->is_chargeback ? &m->charged_back : &m->refunded, t->gross);
    sum_to(&m->net, -t->gross);
    sum_to(&m->net_shareable, -(t->pool + t->creator));
    sum_to(&m->net_pool, -t->pool);
    sum_to(&m->net_creator, -t->creator);
}

static struct report_month *month_obtain(struct gather *g, mete_time at)
{
    bool made;
    int32_t month = month_of(at);
    row_begin(g, ROW_MONTH);
    row_key_number(g, (uint64_t)month);
    struct report_month *m = row_obtain(g, &g->out->months, sizeof *m, &made);
    m->month = month;
    return m;
}

static void sale_finish(struct gather *g, const struct sale *s)
{
    struct campaign_report *out = g->out;
    struct report_money *kind = s->kind == SALE_SUBSCRIPTION ? &out->subscription
                                : s->kind == SALE_ONE_TIME   ? &out->one_time
                                                             : &out->unsaid;
    bool refunded = false;
    bool charged_back = false;
    sale_add(&out->money, s);
    sale_add(kind, s);
    sale_add(&month_obtain(g, s->at)->money, s);
    sum_to(&s->by->gross, s->gross);
    sum_to(&s->by->net, s->gross);
    s->by->first = s->by->invoices == 0 || s->at < s->by->first ? s->at : s->by->first;
    s->by->invoices++;
    out->without_user += s->by->user_id.len == 0;
    for (const struct taken *t = s->taken; t != NULL; t = t->next) {
        taken_from(&out->money, t);
        taken_from(kind, t);
        taken_from(&month_obtain(g, t->at)->money, t);
        sum_to(&s->by->net, -t->gross);
        refunded |= !t->is_chargeback;
        charged_back |= t->is_chargeback;
    }
    out->refunded_invoices += refunded;
    out->disputed_invoices += charged_back;
    if (s->kind == SALE_SUBSCRIPTION) {
        subscription_paid(g, s->by, s->subscription_id, s->at);
    }
}

/* --- customers ---------------------------------------------------------------------------------*/

/** A user counts once a month. */
static void customer_in_month(struct gather *g, const struct sale *s)
{
    bool made;
    struct report_month *m = month_obtain(g, s->at);
    if (s->by->user_id.len == 0) {
        return;
    }
    row_begin(g, ROW_PAID_IN);
    row_key_number(g, (uint64_t)m->month);
    row_key_text(g, s->by->app_id);
    row_key_text(g, s->by->user_id);
    (void)row_obtain(g, NULL, 1, &made);
    if (made && month_of(s->by->first) == m->month) {
        m->new_customers++;
    } else if (made) {
        m->repeat_customers++;
    }
}

static void customers_finish(struct gather *g)
{
    for (size_t i = 0; i < g->sale.count; i++) {
        const struct sale *s = g->sale.row[i];
        if (s->is_ours) {
            customer_in_month(g, s);
        }
    }
    for (size_t i = 0; i < g->user.count; i++) {
        const struct brought *u = g->user.row[i];
        g->out->customers += u->user_id.len > 0 && u->invoices > 0;
        g->out->repeat += u->user_id.len > 0 && u->invoices > 1;
    }
}

/* --- payback -----------------------------------------------------------------------------------*/

struct earned {
    mete_time at;
    i128 amount;
};

static int earned_cmp(const void *x, const void *y)
{
    const struct earned *a = x;
    const struct earned *b = y;
    return (a->at > b->at) - (a->at < b->at);
}

static struct earned *earned_list(struct gather *g, size_t *count)
{
    size_t most =
        (size_t)(g->out->money.invoices + g->out->money.refunds + g->out->money.chargebacks);
    struct earned *list = arena_array(g->a, most + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < g->sale.count; i++) {
        const struct sale *s = g->sale.row[i];
        if (!s->is_ours) {
            continue;
        }
        list[(*count)++] = (struct earned){s->at, s->gross - s->fees};
        for (const struct taken *t = s->taken; t != NULL; t = t->next) {
            list[(*count)++] = (struct earned){t->at, -(t->pool + t->creator)};
        }
    }
    METE_ASSERT(*count <= most);
    if (*count > 0) {
        qsort(list, *count, sizeof *list, earned_cmp);
    }
    return list;
}

/** Since when the sum has been at least what was spent; what occurs at one moment counts at once.
 */
static mete_time paid_back_since(const struct earned *list, size_t count, i128 spent)
{
    i128 sum = 0;
    mete_time since = TIME_NEVER;
    for (size_t i = 0; i < count; i++) {
        sum_to(&sum, list[i].amount);
        if (i + 1 < count && list[i + 1].at == list[i].at) {
            continue;
        }
        if (sum < spent) {
            since = TIME_NEVER;
        } else if (since == TIME_NEVER) {
            since = list[i].at;
        }
    }
    return since;
}

static void payback_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    size_t count;
    mete_time activated = out->campaign.activated_at;
    out->payback_from = activated <= g->q->at ? activated : out->created_at;
    out->payback_part = quota_of(out->money.net_shareable, out->net_spend);
    out->payback = PAYBACK_NO_SPEND;
    if (out->net_spend <= 0) {
        return;
    }
    const struct earned *list = earned_list(g, &count);
    out->paid_back_at = paid_back_since(list, count, out->net_spend);
    out->payback = out->paid_back_at == TIME_NEVER ? PAYBACK_NOT_YET : PAYBACK_REACHED;
    if (out->payback == PAYBACK_REACHED && out->paid_back_at > out->payback_from) {
        out->payback_days = (out->paid_back_at - out->payback_from) / TIME_DAY_US;
    }
}

const char *payback_name(enum payback p)
{
    static const char *const names[] = {[PAYBACK_NO_SPEND] = "no_spend",
                                        [PAYBACK_NOT_YET] = "not_yet",
                                        [PAYBACK_REACHED] = "reached"};
    return names[p];
}

/* --- what waits --------------------------------------------------------------------------------*/

static void wait_add(struct gather *g, const struct group *group)
{
    bool made;
    struct asset asset;
    if (group->kind != GROUP_SUSPENSE ||
        view_asset_number(g->v, group->asset, &asset) != VIEW_FOUND) {
        return;
    }
    row_begin(g, ROW_WAITS);
    row_key_number(g, asset.number);
    struct report_waits *w = row_obtain(g, &g->out->waiting, sizeof *w, &made);
    w->asset = asset;
    w->count++;
    sum_to(&w->amount, group->gross);
}

static void wait_take(struct gather *g, struct bytes key)
{
    struct walk_item item;
    struct walk_head head;
    arena_reset(&g->item);
    g->code = walk_one(g->e, &g->item, key_read_u64(key, key.len - 8), 0, &item, g->err);
    g->code = g->code == METE_OK ? walk_head_of(&g->item, item.bytes, &head, g->err) : g->code;
    bool counts =
        g->code == METE_OK && head.type == EVENT_INVOICE_PAID && head.occurred_at <= g->q->at;
    for (uint32_t i = 0; counts && i < item.decision.group_count; i++) {
        wait_add(g, &item.decision.group[i]);
    }
}

static enum mete_code wait_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct gather *g = arg;
    (void)go_on;
    wait_take(g, k->key);
    return g->code;
}

static void waiting_finish(struct gather *g)
{
    const struct key from = wait_policy_key(g->out->number);
    const struct key until = key_prefix_end(from);
    if (g->code == METE_OK) {
        g->code = walk_each_key(g->e, &from, &until, wait_visit, g, g->err);
    }
}

/* --- all ---------------------------------------------------------------------------------------*/

static int month_cmp(const void *x, const void *y)
{
    const struct report_month *a = *(void *const *)x;
    const struct report_month *b = *(void *const *)y;
    return (a->month > b->month) - (a->month < b->month);
}

static void rates_finish(struct campaign_report *out)
{
    i128 invoices = (i128)out->money.invoices;
    out->cac = quota_of(out->net_spend, (i128)out->customers);
    out->refund_rate = quota_of(out->money.refunded, out->money.gross);
    out->refund_count = quota_of((i128)out->refunded_invoices, invoices);
    out->chargeback_rate = quota_of(out->money.charged_back, out->money.gross);
    out->chargeback_count = quota_of((i128)out->disputed_invoices, invoices);
    out->progress = quota_of(out->money.net_pool, out->has_cap ? out->cap : 0);
    out->returned = quota_of(out->money.net_pool, out->confirmed);
}

void sales_finish(struct gather *g)
{
    struct campaign_report *out = g->out;
    for (size_t i = 0; i < g->sale.count; i++) {
        const struct sale *s = g->sale.row[i];
        if (s->is_ours) {
            sale_finish(g, s);
        }
    }
    customers_finish(g);
    payback_finish(g);
    rates_finish(out);
    waiting_finish(g);
    if (out->months.count > 1) {
        qsort(out->months.row, out->months.count, sizeof *out->months.row, month_cmp);
    }
}
