/* SPDX-License-Identifier: Apache-2.0
 * The terms of campaigns, where they stand, and their contracts: a version is made when a campaign
 * becomes active, and for each commitment that is confirmed while it runs. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/machines.h"
#include "audit/member.h"
#include "base/limits.h"
#include "base/text.h"

/* --- what all of the economy shares ------------------------------------------------------------*/

void economy_init(struct economy *e, struct arena *keep)
{
    memset(e, 0, sizeof *e);
    e->keep = keep;
    map_init(&e->campaign_of, sizeof(struct campaign *), 51);
    map_init(&e->round_of, sizeof(struct round *), 52);
    map_init(&e->commitment_of, sizeof(struct commitment *), 53);
    map_init(&e->grant_of, sizeof(struct grant *), 54);
    map_init(&e->app_of, sizeof(struct app *), 55);
    map_init(&e->settlement_of, sizeof(struct settlement *), 58);
    map_init(&e->user_of, sizeof(struct app_user *), 56);
    map_init(&e->payment_of, sizeof(uint64_t), 57);
}

void economy_clear(struct economy *e)
{
    map_clear(&e->campaign_of);
    map_clear(&e->round_of);
    map_clear(&e->commitment_of);
    map_clear(&e->grant_of);
    map_clear(&e->app_of);
    map_clear(&e->settlement_of);
    map_clear(&e->user_of);
    map_clear(&e->payment_of);
}

struct text event_kind_of(const struct moment *m)
{
    return member_text(m->event, "event_type");
}

struct text event_about(const struct moment *m, const char *key)
{
    return member_text(json_get(m->event, "correlation"), key);
}

struct text event_app(const struct moment *m)
{
    return member_text(json_get(m->event, "source"), "app_id");
}

void event_forbidden(const struct moment *m, const char *fmt, ...)
{
    char why[400];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    report_difference(m->book->report, "the book took it although %s", why);
}

/* The currency of minor units: three small letters are as good as capitals. */
static struct asset *minor_currency(const struct moment *m)
{
    struct text code = member_text(m->payload, "currency");
    char upper[3];
    if (code.len == 3 && code.p[0] >= 'a' && code.p[0] <= 'z') {
        for (size_t i = 0; i < 3; i++) {
            char c = code.p[i];
            upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        }
        code = (struct text){upper, 3};
    }
    return book_asset(m->book, code);
}

bool event_amount(const struct moment *m, const char *const *minor, struct asset **asset,
                  i128 *amount)
{
    const struct json *money = json_get(m->payload, "amount");
    const char *given = NULL;
    struct frac units;
    *asset = NULL;
    if (money != NULL) {
        return book_money(m->book, money, asset, amount);
    }
    for (; *minor != NULL; minor++) {
        given = json_get(m->payload, *minor) != NULL ? *minor : given;
    }
    *asset = minor_currency(m);
    return given != NULL && *asset != NULL && member_frac(m->payload, given, &units) &&
           big_bits(&units.den) == 1 && frac_floor(&units, amount) && *amount >= 0;
}

/* --- terms -------------------------------------------------------------------------------------*/

struct campaign *campaign_known(const struct economy *e, struct text id)
{
    struct campaign **slot = map_get(&e->campaign_of, text_bytes(id));
    return slot != NULL ? *slot : NULL;
}

static struct campaign *campaign_make(struct economy *e, const struct moment *m, struct text id)
{
    bool made;
    struct campaign **slot = map_put(&e->campaign_of, text_bytes(id), &made);
    if (!made) {
        return *slot;
    }
    struct campaign *c = *slot = arena_alloc(e->keep, sizeof *c);
    *c = (struct campaign){.state = STATE_NEW,
                           .id = arena_text(e->keep, id),
                           .app = arena_text(e->keep, event_app(m)),
                           .raise = NO_AMOUNT,
                           .cap_amount = NO_AMOUNT,
                           .activated_at = TIME_NEVER,
                           .completed_at = TIME_NEVER,
                           .reason = ""};
    c->policy = arena_printf(e->keep, CAMPAIGN_POLICY "%.*s", (int)id.len, id.len > 0 ? id.p : "");
    book_mention(m->book, c->policy);
    return c;
}

static void take_amount(const struct moment *m, const struct campaign *c, const char *key,
                        i128 *amount)
{
    const struct json *contract = json_get(m->payload, "contract");
    struct frac major;
    if (json_get(contract, key) == NULL) {
        return;
    }
    if (!member_frac(contract, key, &major) || c->asset == NULL ||
        !asset_minor(c->asset, &major, amount)) {
        event_forbidden(m, "its %s is no amount", key);
    }
}

static void take_off_ramps(struct economy *e, const struct json *contract, struct campaign *c)
{
    const struct json *list = json_get(contract, "off_ramps");
    if (list == NULL || list->type != JSON_ARRAY) {
        return;
    }
    c->off_ramp = arena_array(e->keep, list->count, sizeof c->off_ramp[0]);
    c->off_ramp_count = 0;
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        c->off_ramp[c->off_ramp_count++] = arena_text(e->keep, member_literal(j));
    }
}

static void take_creator(struct economy *e, const struct moment *m, struct campaign *c)
{
    struct text creator = member_text(m->payload, "creator");
    if (creator.len == 0 && c->creator.len == 0) {
        creator = member_text(m->payload, "created_by_user_id");
    }
    if (creator.len == 0 && c->creator.len == 0) {
        creator = member_text(json_get(m->event, "actor"), "actor_id");
    }
    if (creator.len > 0) {
        c->creator = arena_text(e->keep, creator);
    }
}

/* What is given replaces what held. */
static void take_terms(struct economy *e, const struct moment *m, struct campaign *c)
{
    const struct json *contract = json_get(m->payload, "contract");
    struct text funding = member_text(m->payload, "funding_mode");
    if (json_get(m->payload, "currency") != NULL) {
        c->asset = minor_currency(m);
    } else if (c->asset == NULL) {
        c->asset = book_asset(m->book, TEXT("USD"));
    }
    take_amount(m, c, "raise_amount", &c->raise);
    take_amount(m, c, "cap_amount", &c->cap_amount);
    c->share_bps = member_u64(contract, "revenue_share_bps", c->share_bps);
    c->days = member_u64(contract, "duration_days", c->days);
    c->has_multiple |= json_get(contract, "cap_multiple") != NULL;
    if (json_get(contract, "cap_multiple") != NULL &&
        !member_frac(contract, "cap_multiple", &c->multiple)) {
        event_forbidden(m, "its cap_multiple cannot be read");
    }
    take_off_ramps(e, contract, c);
    if (funding.len > 0) {
        c->is_offering = text_is(funding, "offering");
    } else if (json_get(contract, "raise_amount") != NULL) {
        c->is_offering = true;
    }
    take_creator(e, m, c);
}

/* --- contracts ---------------------------------------------------------------------------------*/

/* The lower of both caps: the multiple is of the raise, else of what was confirmed. */
static bool cap_of(const struct campaign *c, i128 sum, i128 *cap)
{
    const i128 most = ((i128)1 << AMOUNT_BITS_MAX) - 1;
    struct frac base = frac_int(c->raise != NO_AMOUNT ? c->raise : sum);
    i128 multiple;
    *cap = c->cap_amount;
    if (c->has_multiple) {
        bool fits = frac_mul(&base, &base, &c->multiple) && frac_floor(&base, &multiple);
        multiple = fits && multiple < most ? multiple : most;
        *cap = *cap == NO_AMOUNT || multiple < *cap ? multiple : *cap;
    }
    return *cap != NO_AMOUNT;
}

void contract_make(struct audit *a, struct campaign *c, mete_time at)
{
    struct economy *e = &a->economy;
    c->contract = arena_grow(e->keep, c->contract, c->contract_count, &c->contract_capacity,
                             sizeof c->contract[0]);
    struct contract *k = &c->contract[c->contract_count++];
    *k = (struct contract){.version = c->contract_count,
                           .from = c->contract_count == 1 ? TIME_ALWAYS : at,
                           .count = c->invested_count};
    k->invested = arena_array(e->keep, k->count, sizeof k->invested[0]);
    for (uint32_t i = 0; i < k->count; i++) {
        k->invested[i] = c->invested[i];
        k->sum = i128_plus(k->sum, c->invested[i].amount);
    }
    k->has_cap = cap_of(c, k->sum, &k->cap);
    book_contract(&a->book, c->policy, k->from);
}

/* --- where it stands ---------------------------------------------------------------------------*/

const char *campaign_state_then(const struct campaign *c, mete_time at)
{
    bool runs = strcmp(c->state, "ACTIVE") == 0 || strcmp(c->state, "PAUSED") == 0;
    bool ends = c->days != 0 && c->activated_at != TIME_NEVER;
    if (runs && ends && at >= c->activated_at + (mete_time)c->days * TIME_DAY_US) {
        return "COMPLETED";
    }
    return c->state;
}

/* From outside: an off-ramp, one of those agreed on if any were, or the end of days that nobody
 * counts. */
static bool completion_holds(const struct campaign *c, const struct moment *m)
{
    struct text reason = member_text(m->payload, "reason");
    struct text ramp = member_text(m->payload, "off_ramp");
    if (text_is(reason, "duration_ended")) {
        return c->days == 0;
    }
    bool holds = text_is(reason, "off_ramp") && c->off_ramp_count == 0;
    for (uint32_t i = 0; i < c->off_ramp_count; i++) {
        holds |= text_is(reason, "off_ramp") && text_eq(c->off_ramp[i], ramp);
    }
    return holds;
}

static unsigned conditions(const struct campaign *c, const struct moment *m)
{
    unsigned holds = c->is_offering ? IF_OFFERING : IF_SELF_FUNDED;
    holds |= c->confirmed > 0 && c->confirmed >= c->raise ? IF_RAISED : 0;
    return holds | (completion_holds(c, m) ? IF_REASON : 0);
}

static void enter(struct audit *a, struct moment *m, struct campaign *c)
{
    struct text type = event_kind_of(m);
    if (text_is(type, "campaign.created") || text_is(type, "campaign.updated")) {
        const struct asset *before = c->asset;
        take_terms(&a->economy, m, c);
        if (c->asset != before) { /* the new one, or another currency: both are waited for */
            waiting_open(a, LIST_CAMPAIGN, c->id);
        }
    } else if (text_is(type, "campaign.activated")) {
        c->activated_at = m->occurred_at;
        contract_make(a, c, m->occurred_at);
    } else if (text_is(type, "campaign.funding_closed")) {
        terms_royalty(a, m, c->app);
    } else if (text_is(type, "campaign.completed")) {
        bool ramp = text_is(member_text(m->payload, "reason"), "off_ramp");
        c->completed_at = m->occurred_at;
        c->reason = ramp ? "off_ramp" : "duration_ended";
    }
}

void campaign_take(struct audit *a, struct moment *m)
{
    struct text id = event_about(m, "campaign_id");
    struct text type = event_kind_of(m);
    struct campaign *c = campaign_known(&a->economy, id);
    if (c == NULL && !text_is(type, "campaign.created")) {
        event_forbidden(m, "there is no campaign %.*s", (int)id.len, id.len > 0 ? id.p : "");
        return;
    }
    c = campaign_make(&a->economy, m, id);
    const char *from = campaign_state_then(c, m->occurred_at);
    const char *to;
    if (!machine_allows(CAMPAIGN_MACHINE, from, type, conditions(c, m), &to)) {
        event_forbidden(m, "the campaign is %s", from[0] != '\0' ? from : "new");
    }
    c->state = to;
    enter(a, m, c);
}
