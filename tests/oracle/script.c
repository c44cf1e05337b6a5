/* SPDX-License-Identifier: Apache-2.0
 * Writes a script event as JSON. How a value is written (a number or a string, a decimal or a
 * fraction) follows from the event's id, so that the same event always has the same canonical
 * bytes. */
#include "oracle/script.h"

#include <stdio.h>
#include <string.h>

#include "base/i128.h"

const char *const script_condition[CONDITIONS] = {
    "pre-recoup", "post-recoup", "tickets-under-500", "tickets-500-plus",
    "early-bird", "standard",    "standard-sales",    "promo",
    "gold",       "pre-release", "post-release"};
const char *const script_role[ROLES] = {"author", "editor", "distributor", "curator", "translator"};
const char *const script_asset[ASSETS] = {"USD", "JPY", "SAT", "USDC", "ETH",
                                          "KWD", "BTC", "PTS", "GEM",  "NOWHERE"};
const int script_scale[ASSETS] = {2, 0, 0, 6, 18, 3, 8, 0, 24, 2};

const char *const script_kind_name[EV_KINDS] = {
    "policy.published", "fees.scheduled",        "book.configured",   "asset.defined",
    "party.registered", "contribution.recorded", "usage.reported",    "usage.metered",
    "metering.closed",  "cycle.closed",          "condition.changed", "revenue.received",
    "revenue.reversed", "wallet.transferred"};

void script_party_name(int party, char out[32])
{
    static const char *const fixed[] = {"external:fee", "mete:clearing", "mete:unallocated",
                                        "mete:carry", "mete:suspense"};
    if (party >= ORDINARY)
        snprintf(out, 32, "%s", fixed[party - ORDINARY]);
    else if (party % 3 == 0)
        snprintf(out, 32, "did:ethr:0x%02dA", party);
    else
        snprintf(out, 32, "p%d", party);
}

void script_policy_name(int policy, char out[32])
{
    snprintf(out, 32, policy % 2 == 0 ? "urn:fair:track:s%d" : "urn:p-%d", policy);
}

void script_event_name(int id, char out[32])
{
    snprintf(out, 32, id % 4 == 0 ? "e/%d" : "ev-%d", id);
}

/* --- values
 * -------------------------------------------------------------------------------------*/

static void put_i128(struct buf *b, i128 v)
{
    char digits[I128_TEXT_MAX];
    buf_put(b, digits, i128_format(v, digits));
}

/* v / 10^scale, without zeros at the end of the fraction unless `full`. */
static void put_decimal(struct buf *b, i128 v, int scale, bool full)
{
    char digits[I128_TEXT_MAX];
    int len = (int)i128_format(v, digits);
    char fraction[40];
    for (int i = 0; i < scale; i++) {
        int at = len - scale + i;
        fraction[i] = at >= 0 ? digits[at] : '0';
    }
    int used = scale;
    while (!full && used > 0 && fraction[used - 1] == '0')
        used--;
    if (len > scale)
        buf_put(b, digits, (size_t)(len - scale));
    else
        buf_put_u8(b, '0');
    if (used > 0) {
        buf_put_u8(b, '.');
        buf_put(b, fraction, (size_t)used);
    }
}

static void put_money(struct buf *b, const char *name, i128 v, int scale, int asset, int form)
{
    buf_printf(b, "\"%s\":{\"amount\":", name);
    bool number = form % 5 == 0 && scale <= 6 && v < (i128)100000000000000; /* kept exactly */
    if (!number)
        buf_put_u8(b, '"');
    put_decimal(b, v, scale, !number && form % 2 == 0);
    if (!number)
        buf_put_u8(b, '"');
    buf_printf(b, ",\"currency\":\"%s\"}", script_asset[asset]);
}

static void put_weight(struct buf *b, struct fraction w, int form)
{
    i128 den = w.den;
    i128 num = w.num;
    int scale = 0;
    while (den != 1 && scale < 9) { /* to tenths, when it goes */
        if (den % 10 == 0)
            den /= 10;
        else if (den % 2 == 0 || den % 5 == 0) {
            num *= den % 2 == 0 ? 5 : 2;
            den /= den % 2 == 0 ? 2 : 5;
        } else
            break;
        scale++;
    }
    if (den != 1 || form % 3 == 0) {
        buf_put_u8(b, '"');
        put_i128(b, w.num);
        buf_put_u8(b, '/');
        put_i128(b, w.den);
        buf_put_u8(b, '"');
        return;
    }
    if (form % 3 == 1)
        buf_put_u8(b, '"');
    put_decimal(b, num, scale, form % 3 == 1);
    if (form % 3 == 1)
        buf_put_u8(b, '"');
}

static void put_time(struct buf *b, const char *name, mete_time t)
{
    char text[TIME_TEXT_MAX];
    time_format(t, text);
    buf_printf(b, "\"%s\":\"%s\"", name, text);
}

static void put_party(struct buf *b, const char *name, int party)
{
    char text[32];
    script_party_name(party, text);
    buf_printf(b, "\"%s\":\"%s\"", name, text);
}

static void put_policy_id(struct buf *b, const char *name, int policy)
{
    char text[32];
    script_policy_name(policy, text);
    buf_printf(b, "\"%s\":\"%s\"", name, text);
}

static void put_conditions(struct buf *b, uint32_t conditions)
{
    bool first = true;
    buf_put_str(b, "\"conditions\":[");
    for (int i = 0; i < CONDITIONS; i++) {
        if ((conditions >> i & 1) == 0)
            continue;
        buf_printf(b, "%s\"%s\"", first ? "" : ",", script_condition[i]);
        first = false;
    }
    buf_put_str(b, "]");
}

/* --- policies
 * -----------------------------------------------------------------------------------*/

static void put_entries(struct buf *b, const struct script_share *s, int form)
{
    buf_put_str(b, ",\"temporal_splits\":[");
    for (int i = 0; i < s->entry_count; i++) {
        const struct script_entry *e = &s->entry[i];
        buf_printf(b, "%s{\"version\":%u,", i > 0 ? "," : "", e->version);
        if (e->from != TIME_ALWAYS) {
            put_time(b, "effective_from", e->from);
            buf_put_u8(b, ',');
        }
        if (e->until != TIME_NEVER) {
            put_time(b, "effective_until", e->until);
            buf_put_u8(b, ',');
        }
        if (e->conditions != 0) {
            put_conditions(b, e->conditions);
            buf_put_u8(b, ',');
        }
        buf_put_str(b, "\"weight\":");
        put_weight(b, e->weight, form + i);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, ']');
}

static void put_contributors(struct buf *b, const struct script_policy *p, int form)
{
    buf_put_str(b, "\"contributors\":[");
    for (int i = 0; i < p->share_count; i++) {
        const struct script_share *s = &p->share[i];
        buf_printf(b, "%s{\"actor\":{", i > 0 ? "," : "");
        if (s->is_policy)
            put_policy_id(b, "ref", s->payee);
        else
            put_party(b, "id", s->payee);
        buf_put_str(b, "},\"role\":\"artist\",\"weight\":");
        put_weight(b, s->weight, form + i);
        if (s->entry_count > 0)
            put_entries(b, s, form);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, ']');
}

static void put_thresholds(struct buf *b, const struct script_policy *p)
{
    static const char *const sign[] = {"<", "<=", ">=", ">"};
    buf_put_str(b, ",\"ticket_thresholds\":[");
    for (int i = 0; i < p->threshold_count; i++) {
        const struct script_threshold *t = &p->threshold[i];
        buf_printf(b, "%s{\"name\":\"%s\",\"condition\":\"%s %llu\"}", i > 0 ? "," : "",
                   script_condition[t->condition], sign[t->op], (unsigned long long)t->quantity);
    }
    buf_put_u8(b, ']');
}

static void put_periods(struct buf *b, const struct script_policy *p)
{
    buf_put_str(b, ",\"ticket_sales_periods\":{");
    for (int i = 0; i < p->period_count; i++) {
        const struct script_period *s = &p->period[i];
        buf_printf(b, "%s\"%s\":{", i > 0 ? "," : "",
                   s->condition == EARLY_BIRD ? "early_bird" : "standard");
        put_time(b, "start", s->from);
        buf_put_u8(b, ',');
        put_time(b, "end", s->until);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, '}');
}

static void put_manifest(struct buf *b, const struct script_policy *p, int form)
{
    buf_put_str(b, "\"manifest\":{");
    put_policy_id(b, "id", p->id);
    buf_put_str(b, ",\"title\":\"A work\",");
    put_contributors(b, p, form);
    buf_put_str(b, ",\"created_by\":\"p1\",\"created_at\":\"2025-01-01T00:00:00Z\","
                   "\"metadata\":{\"vesting_schedule\":{}");
    if (p->has_recoup) {
        buf_put_u8(b, ',');
        put_money(b, "recoup_threshold", p->recoup_amount, script_scale[p->recoup_asset],
                  p->recoup_asset, form);
    }
    if (p->default_condition != NONE)
        buf_printf(b, ",\"default_condition\":\"%s\"", script_condition[p->default_condition]);
    if (p->threshold_count > 0)
        put_thresholds(b, p);
    if (p->period_count > 0)
        put_periods(b, p);
    buf_put_str(b, "}}");
}

static void put_shares(struct buf *b, const struct script_policy *p, int form)
{
    buf_put_str(b, ",\"shares\":[");
    for (int i = 0; i < p->share_count; i++) {
        const struct script_share *s = &p->share[i];
        buf_put_str(b, i > 0 ? ",{" : "{");
        if (s->is_policy)
            put_policy_id(b, "policy", s->payee);
        else
            put_party(b, "party", s->payee);
        buf_put_str(b, ",\"weight\":");
        put_weight(b, s->weight, form + i);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, ']');
}

static void put_usage_policy(struct buf *b, const struct script_policy *p, int form)
{
    if (p->calls_weight.den != 0) {
        buf_put_str(b, ",\"calls_weight\":");
        put_weight(b, p->calls_weight, form);
    }
    if (p->kib_weight.den != 0) {
        buf_put_str(b, ",\"kib_weight\":");
        put_weight(b, p->kib_weight, form);
    }
    buf_put_str(b, ",\"tiers\":{");
    for (int i = 0; i < p->tier_count; i++) {
        char name[32];
        script_party_name(p->tier_party[i], name);
        buf_printf(b, "%s\"%s\":", i > 0 ? "," : "", name);
        put_weight(b, p->tier[i], form);
    }
    buf_put_u8(b, '}');
}

static void put_policy(struct buf *b, const struct script_policy *p, int form)
{
    static const char *const kind[] = {"weights", "", "single", "roles", "usage"};
    if (p->kind == P_MANIFEST) {
        put_manifest(b, p, form);
        return;
    }
    buf_put_str(b, "\"policy\":{");
    put_policy_id(b, "id", p->id);
    buf_printf(b, ",\"kind\":\"%s\"", kind[p->kind]);
    if (p->carry)
        buf_put_str(b, ",\"rounding\":\"carry\"");
    if (p->kind == P_WEIGHTS)
        put_shares(b, p, form);
    if (p->kind == P_USAGE)
        put_usage_policy(b, p, form);
    if (p->kind == P_SINGLE) {
        buf_put_u8(b, ',');
        put_party(b, "party", p->share[0].payee);
    }
    if (p->kind == P_ROLES) {
        buf_put_str(b, ",\"shares_bps\":{");
        for (int i = 0; i < p->role_count; i++)
            buf_printf(b, "%s\"%s\":%u", i > 0 ? "," : "", script_role[p->role[i]], p->role_bps[i]);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, '}');
}

static void put_fees(struct buf *b, const struct script_fees *s, int form)
{
    buf_put_str(b, "\"fees\":[");
    for (int i = 0; i < s->count; i++) {
        const struct script_fee *f = &s->fee[i];
        buf_printf(b, "%s{\"label\":\"fee%d\",", i > 0 ? "," : "", i);
        if (f->fixed)
            put_money(b, "fixed", f->amount, script_scale[f->asset], f->asset, form);
        else
            buf_printf(b, "\"bps\":%u", f->bps);
        buf_put_u8(b, ',');
        put_party(b, "payee", f->payee);
        buf_put_str(b, ",\"children\":[");
        for (int k = 0; k < f->child_count; k++) {
            buf_printf(b, "%s{\"label\":\"c%d\",\"share_bps\":%u,", k > 0 ? "," : "", k,
                       f->child[k].bps);
            put_party(b, "payee", f->child[k].payee);
            buf_put_u8(b, '}');
        }
        buf_put_str(b, "]}");
    }
    buf_put_u8(b, ']');
}

/* --- payloads
 * -----------------------------------------------------------------------------------*/

static void put_revenue(struct buf *b, const struct script_event *e)
{
    int scale = script_scale[e->asset];
    put_money(b, "amount", e->amount, scale, e->asset, e->id);
    buf_put_u8(b, ',');
    if (e->target == TO_POLICY)
        put_policy_id(b, "policy", e->policy_id);
    else if (e->target == TO_PARTY)
        put_party(b, "party", e->party);
    else
        buf_printf(b, "\"content_item_id\":\"item-%d\"", e->item);
    if (e->fee != NONE) {
        buf_put_u8(b, ',');
        put_money(b, "fee", e->fee, scale, e->asset, e->id + 1);
    }
    if (e->conditions != 0) {
        buf_put_u8(b, ',');
        put_conditions(b, e->conditions);
    }
    if (e->quantity != 0)
        buf_printf(b, ",\"quantity\":%llu", (unsigned long long)e->quantity);
}

static void put_reversal(struct buf *b, const struct script_event *e)
{
    char original[32];
    script_event_name(e->original, original);
    buf_printf(b, "\"reverses\":\"%s\"", original);
    if (!e->whole) {
        buf_put_u8(b, ',');
        put_money(b, "amount", e->amount, script_scale[e->asset], e->asset, e->id);
    }
}

static void put_usage(struct buf *b, const struct script_event *e)
{
    put_party(b, "provider", e->party);
    buf_put_str(b, ",\"platform_id\":\"flow\",");
    put_time(b, "window_start", e->window_start);
    buf_put_u8(b, ',');
    put_time(b, "window_end", e->window_end);
    buf_printf(b, ",\"calls\":%llu,\"bytes\":%llu,\"latency_ms_sum\":%d",
               (unsigned long long)e->calls, (unsigned long long)e->bytes, e->id % 100);
    if (e->batch != NONE)
        buf_printf(b, ",\"batch_id\":\"b-%d\"", e->batch);
}

static void put_metered(struct buf *b, const struct script_event *e)
{
    put_policy_id(b, "policy", e->policy_id);
    buf_put_str(b, ",\"endpoint\":\"/v1/x\",");
    put_money(b, "cost", e->amount, 18, e->asset, e->id);
    if (e->party != NONE) {
        buf_put_u8(b, ',');
        put_party(b, "customer_wallet", e->party);
    }
    if (e->window_start != e->at) {
        buf_put_u8(b, ',');
        put_time(b, "at", e->window_start);
    }
}

static void put_close(struct buf *b, const struct script_event *e)
{
    put_policy_id(b, "policy", e->policy_id);
    buf_put_u8(b, ',');
    if (e->kind == EV_METERING) {
        char day[11];
        time_format_day(e->day, day);
        buf_printf(b, "\"day\":\"%s\"", day);
        return;
    }
    put_time(b, "window_start", e->window_start);
    buf_put_u8(b, ',');
    put_time(b, "window_end", e->window_end);
    buf_put_u8(b, ',');
    put_money(b, "pool", e->amount, script_scale[e->asset], e->asset, e->id);
}

static void put_effective(struct buf *b, const struct script_event *e)
{
    if (e->effective_from != TIME_ALWAYS) {
        put_time(b, "effective_from", e->effective_from);
        buf_put_u8(b, ',');
    }
}

static void put_payload(struct buf *b, const struct script_event *e)
{
    switch (e->kind) {
    case EV_POLICY:
        put_effective(b, e);
        put_policy(b, &e->policy, e->id);
        break;
    case EV_FEES:
        put_effective(b, e);
        put_fees(b, &e->fees, e->id);
        break;
    case EV_BOOK:
        buf_printf(b, "\"clear_after_days\":%d,", (int)e->day);
        put_party(b, "unallocated", e->party);
        break;
    case EV_ASSET:
        buf_printf(b, "\"code\":\"%s\",\"scale\":%d", script_asset[e->asset], e->scale);
        break;
    case EV_PARTY:
        put_party(b, "party", e->party);
        buf_put_str(b, ",\"kind\":\"human\",\"display_name\":\"Some Body\"");
        break;
    case EV_CONTRIBUTION:
        buf_printf(b, "\"content_item_id\":\"item-%d\",\"role\":\"%s\",\"weight\":%llu,", e->item,
                   script_role[e->role], (unsigned long long)e->weight);
        put_party(b, "party", e->party);
        break;
    case EV_USAGE:
        put_usage(b, e);
        break;
    case EV_METERED:
        put_metered(b, e);
        break;
    case EV_METERING:
    case EV_CYCLE:
        put_close(b, e);
        break;
    case EV_CONDITION:
        put_policy_id(b, "policy", e->policy_id);
        buf_printf(b, ",\"condition\":\"%s\",\"active\":%s", script_condition[e->condition],
                   e->active ? "true" : "false");
        break;
    case EV_REVENUE:
        put_revenue(b, e);
        break;
    case EV_REVERSAL:
        put_reversal(b, e);
        break;
    case EV_TRANSFER:
        put_party(b, "from", e->party);
        buf_put_u8(b, ',');
        put_party(b, "to", e->party_to);
        buf_put_u8(b, ',');
        put_money(b, "amount", e->amount, script_scale[e->asset], e->asset, e->id);
        break;
    case EV_KINDS:
        METE_ASSERT(false);
    }
}

/* White space where JSON allows it. */
static void put_spaced(struct buf *out, struct text json, struct rng *r)
{
    static const char *const space[] = {"", " ", "\n", "\t  ", "\r\n"};
    bool string = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.p[i];
        if (c == '"') /* nothing here writes an escaped quote */
            string = !string;
        buf_put_u8(out, (uint8_t)c);
        if (!string && (c == ',' || c == ':' || c == '{' || c == '['))
            buf_put_str(out, space[rng_below(r, ARRAY_LEN(space))]);
    }
}

void script_write(struct buf *out, const struct script_event *e, struct rng *loose)
{
    struct buf payload = {0};
    struct buf head = {0};
    struct buf whole = {0};
    char id[32];
    put_payload(&payload, e);
    script_event_name(e->id, id);
    buf_printf(&head, "\"event_id\":\"%s\",\"event_type\":\"%s\",", id, script_kind_name[e->kind]);
    if (e->body % 2 == 1) /* another fact under the same id */
        buf_put_str(&head, "\"schema_version\":\"1.0\",");
    put_time(&head, "occurred_at", e->at);
    if (loose != NULL && rng_below(loose, 2) == 0)
        buf_printf(&whole, "{\"payload\":{%.*s},%.*s}", (int)payload.len, (const char *)payload.p,
                   (int)head.len, (const char *)head.p);
    else
        buf_printf(&whole, "{%.*s,\"payload\":{%.*s}}", (int)head.len, (const char *)head.p,
                   (int)payload.len, (const char *)payload.p);
    if (loose != NULL)
        put_spaced(out, buf_text(&whole), loose);
    else
        buf_put_text(out, buf_text(&whole));
    buf_clear(&payload);
    buf_clear(&head);
    buf_clear(&whole);
}
