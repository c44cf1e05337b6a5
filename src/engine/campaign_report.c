/* SPDX-License-Identifier: Apache-2.0
 * The report of a campaign: finds the decisions about it by their list, hands each to who counts
 * it, and lets them add up. Costs by what the campaign has, not by the log. */
#include "engine/campaign_parts.h"

#include "base/limits.h"
#include "base/text.h"
#include "engine/campaigns.h"
#include "store/hash_seed.h"
#include "wire/json.h"

#include <string.h>

#define ARENA_MAX      ((size_t)4 << 30)
#define MEMORY_MAX     ((size_t)1 << 30)
#define QUOTA_DECIMALS 6u
#define SUM_MAX        ((i128)1 << 126)

/* --- quotas ------------------------------------------------------------------------------------*/

struct quota quota_of(i128 num, i128 den)
{
    return den > 0 ? (struct quota){true, num, den} : (struct quota){0};
}

/** |num| / den, rounded half up to 1 / scale: whole and *part / scale. */
static u128 quota_split(const struct quota *q, u128 scale, u128 *part)
{
    METE_ASSERT(q->set && q->den > 0);
    u128 num = q->num < 0 ? (u128)0 - (u128)q->num : (u128)q->num;
    u128 den = (u128)q->den;
    u128 rest;
    u128 whole = num / den;
    *part = u128_mul_div(num % den, scale, den, &rest);
    *part += rest >= den - rest ? 1 : 0;
    if (*part == scale) {
        *part = 0;
        whole++;
    }
    return whole;
}

void quota_decimal(const struct quota *q, char out[QUOTA_TEXT_MAX])
{
    u128 scale = u128_pow10(QUOTA_DECIMALS);
    u128 part;
    size_t at = 0;
    u128 whole = quota_split(q, scale, &part);
    if (q->num < 0 && (whole != 0 || part != 0)) {
        out[at++] = '-';
    }
    at += u128_format(whole, out + at);
    out[at++] = '.';
    for (u128 unit = scale / 10; unit > 0; unit /= 10) {
        out[at++] = (char)('0' + (int)(part / unit % 10));
    }
    out[at] = '\0';
}

i128 quota_round(const struct quota *q)
{
    u128 part;
    u128 whole = quota_split(q, 1, &part);
    return q->num < 0 ? -(i128)whole : (i128)whole;
}

/* --- rows --------------------------------------------------------------------------------------*/

void row_begin(struct gather *g, unsigned kind)
{
    buf_reset(&g->key);
    buf_put_u8(&g->key, (uint8_t)kind);
}

void row_key_text(struct gather *g, struct text t)
{
    buf_put_sized(&g->key, t);
}

void row_key_number(struct gather *g, uint64_t n)
{
    buf_put_varint(&g->key, n);
}

void row_append(struct gather *g, struct row_list *list, void *row)
{
    if (list->count == list->cap) {
        list->cap = list->cap == 0 ? 8 : list->cap * 2;
        void **more = arena_array(g->a, list->cap, sizeof *more);
        if (list->count > 0) {
            memcpy(more, list->row, list->count * sizeof *more);
        }
        list->row = more;
    }
    list->row[list->count++] = row;
}

void *row_obtain(struct gather *g, struct row_list *list, size_t size, bool *made)
{
    bool is_new = false;
    void **slot = map_put(&g->row, buf_bytes(&g->key), &is_new);
    if (is_new) {
        *slot = arena_alloc(g->a, size);
        if (list != NULL) {
            row_append(g, list, *slot);
        }
    }
    if (made != NULL) {
        *made = is_new;
    }
    return *slot;
}

void *row_find(struct gather *g)
{
    void **slot = map_get(&g->row, buf_bytes(&g->key));
    return slot != NULL ? *slot : NULL;
}

/* --- values ------------------------------------------------------------------------------------*/

void sum_to(i128 *to, i128 v)
{
    i128 sum;
    *to = !i128_add(*to, v, &sum) || sum > SUM_MAX ? SUM_MAX : sum < -SUM_MAX ? -SUM_MAX : sum;
}

struct text fact_text(struct gather *g, const struct fact *f, const char *member)
{
    const struct json *j = json_get(f->payload, member);
    return j != NULL && j->type == JSON_STRING ? arena_text(g->a, j->text) : (struct text){0};
}

struct text fact_raw(struct gather *g, const struct fact *f, const char *member)
{
    const struct json *j = json_get(f->payload, member);
    return j != NULL ? arena_text(g->a, j->raw) : (struct text){0};
}

bool fact_money(struct gather *g, const struct money *m, struct asset *asset, i128 *amount)
{
    bool read = view_asset(g->v, m->currency, asset) == VIEW_FOUND &&
                amount_parse(m->amount, m->is_minor ? 0 : asset->scale, amount) == METE_OK;
    g->out->left_out += read ? 0 : 1;
    return read;
}

int32_t month_of(mete_time t)
{
    char day[11];
    time_format_day(time_day(t), day);
    int32_t year =
        (day[0] - '0') * 1000 + (day[1] - '0') * 100 + (day[2] - '0') * 10 + day[3] - '0';
    return year * 12 + (day[5] - '0') * 10 + (day[6] - '0') - 1;
}

/* --- gathering ---------------------------------------------------------------------------------*/

static void fact_take(struct gather *g, const struct fact *f)
{
    switch ((int)f->event.type) {
    case EVENT_INVOICE_PAID:
        invoice_take(g, f);
        break;
    case EVENT_REFUND_ISSUED:
    case EVENT_CHARGEBACK:
    case EVENT_REVENUE_REVERSED:
        refund_take(g, f);
        break;
    case EVENT_ATTRIBUTION_ASSIGNED:
    case EVENT_ATTRIBUTION_UPDATED:
        brought_take(g, f);
        break;
    case EVENT_SUBSCRIPTION_CANCELLED:
        cancellation_take(g, f);
        break;
    case EVENT_KPI_REPORTED:
        kpi_take(g, f);
        break;
    case EVENT_CREATIVE_GENERATED:
    case EVENT_CREATIVE_LAUNCHED:
        creative_take(g, f);
        break;
    default:
        facts_take(g, f);
        break;
    }
}

static enum mete_code memory_check(struct gather *g)
{
    size_t most = g->q->memory_max != 0 ? g->q->memory_max : MEMORY_MAX;
    return g->a->size + map_memory(&g->row) <= most
               ? METE_OK
               : mete_fail(g->err, METE_LIMIT, "",
                           "the campaign has more than can be reported at once; ask for an earlier "
                           "moment");
}

static bool about_visit(void *arg, const struct walk_item *item)
{
    struct gather *g = arg;
    struct fact f = {.item = item};
    mete_time recorded;
    arena_reset(&g->item);
    g->code = walk_head_of(&g->item, item->bytes, &f.head, g->err);
    if (g->code != METE_OK || f.head.occurred_at > g->q->at) {
        return g->code == METE_OK;
    }
    if (g->v->event(g->v->ctx, item->event_seq, &g->item, &f.event, &recorded) != VIEW_FOUND) {
        g->code = mete_fail(g->err, METE_STORE_FAILED, "", "an event of the log cannot be read");
        return false;
    }
    f.payload = json_get(f.head.tree, "payload");
    g->last = f.head.occurred_at > g->last ? f.head.occurred_at : g->last;
    fact_take(g, &f);
    g->code = g->code == METE_OK ? memory_check(g) : g->code;
    return g->code == METE_OK;
}

static enum mete_code campaign_find(struct gather *g)
{
    struct version *versions;
    size_t count;
    struct campaign_report *out = g->out;
    struct text id = g->q->campaign_id;
    bool found = id.len > 0 && id.len <= CAMPAIGN_ID_LEN_MAX;
    found = found && view_policy(g->v, g->a, campaign_policy_id(g->a, id), &out->number, &versions,
                                 &count) == VIEW_FOUND;
    found = found && view_campaign(g->v, g->a, out->number, &out->campaign) == VIEW_FOUND;
    found = found && view_asset_number(g->v, out->campaign.asset, &out->asset) == VIEW_FOUND;
    return found ? METE_OK
                 : mete_fail(g->err, METE_NOT_FOUND, "", "no campaign %.*s in this book",
                             (int)(id.len < 200 ? id.len : 200), id.len > 0 ? id.p : "");
}

static enum mete_code gather_all(struct gather *g)
{
    struct walk_range range = {.from = key_about_campaign(g->q->campaign_id),
                               .seq_at = KEY_ABOUT_SEQ_AT};
    range.until = key_prefix_end(range.from);
    const struct walk_places places = {&range, 1};
    enum mete_code code = walk_at(g->e, &places, about_visit, g, g->err);
    return code == METE_OK ? g->code : code;
}

static void finish(struct gather *g)
{
    facts_finish(g);
    kpi_finish(g);
    sales_finish(g);
    users_finish(g);
    churn_finish(g);
}

enum mete_code campaign_report_make(struct engine *e, const struct campaign_report_query *q,
                                    struct campaign_report *out, struct mete_err *err)
{
    struct gather g = {.e = e,
                       .v = engine_view(e),
                       .q = q,
                       .out = out,
                       .a = &out->a,
                       .last = TIME_ALWAYS,
                       .err = err};
    *out = (struct campaign_report){
        .at = q->at, .created_at = TIME_NEVER, .paid_back_at = TIME_NEVER, .elapsed_days = -1};
    arena_init(&out->a, ARENA_MAX);
    arena_init(&g.item, ARENA_MAX);
    map_init(&g.row, sizeof(void *), hash_seed());
    enum mete_code code = campaign_find(&g);
    code = code == METE_OK ? gather_all(&g) : code;
    if (code == METE_OK && out->steps.count == 0) {
        code = mete_fail(err, METE_NOT_FOUND, "", "campaign %.*s was not created by then",
                         (int)q->campaign_id.len, q->campaign_id.p);
    }
    if (code == METE_OK) {
        finish(&g);
        code = g.code;
    }
    map_clear(&g.row);
    buf_clear(&g.key);
    arena_clear(&g.item);
    return engine_sound(e, code, err);
}

void campaign_report_clear(struct campaign_report *r)
{
    arena_clear(&r->a);
}
