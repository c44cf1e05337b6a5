/* SPDX-License-Identifier: Apache-2.0
 * Finding an attempt at Stripe again, and reading what became of it. Stripe has no search by
 * metadata that is up to date at once, so transfers are listed by transfer_group, payouts by the
 * time they were made, and metadata tells which is which. */
#include "rails/stripe/stripe_parts.h"

#include "base/text.h"
#include "wire/url.h"

#include <stdio.h>

#define PAGES_MAX    50u
#define PAGE_ROWS    100u
#define CLOCK_SKEW_S INT64_C(600) /* between Stripe's clock and ours */

/* --- what an object says -----------------------------------------------------------------------*/

static void payout_failed(struct rail_payment *p, const struct stripe_object *o)
{
    const char *remedy = stripe_failure_remedy(o->failure);
    if (remedy == NULL) {
        rail_say(p, RAIL_TRANSIENT, "Stripe's payout failed: %.*s", (int)o->failure.len,
                 o->failure.p);
        return;
    }
    rail_say(p, RAIL_REJECTED, "Stripe's payout failed: %.*s", (int)o->failure.len, o->failure.p);
    (void)snprintf(p->report.remediation, sizeof p->report.remediation, "%s", remedy);
}

static void payout_judge(struct rail_payment *p, const struct stripe_object *o)
{
    if (text_is(o->status, "paid")) {
        rail_say(p, RAIL_PAID, "%s", "");
    } else if (text_is(o->status, "pending") || text_is(o->status, "in_transit")) {
        rail_say(p, RAIL_ACCEPTED, "Stripe says %.*s", (int)o->status.len, o->status.p);
    } else if (text_is(o->status, "failed")) {
        payout_failed(p, o);
    } else if (text_is(o->status, "canceled")) {
        rail_say(p, RAIL_TRANSIENT, "the payout was cancelled at Stripe");
    } else {
        rail_say(p, RAIL_UNKNOWN, "Stripe gives a state that mete does not know");
    }
}

/** Only what is the same money may count for the attempt. */
static bool is_same(const struct rail *r, const struct rail_payment *p,
                    const struct stripe_object *o, const char **why)
{
    char code[ASSET_CODE_LEN_MAX + 1];
    size_t i = 0;
    for (; p->asset.code[i] != '\0'; i++) {
        char c = p->asset.code[i];
        code[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    code[i] = '\0';
    *why = o->kind != r->kind            ? "another kind of payment"
           : o->live != r->live          ? "a payment of the other mode (test or live)"
           : !text_is(o->currency, code) ? "another currency"
                                         : NULL;
    return *why == NULL;
}

void stripe_judge_object(const struct rail *r, struct rail_payment *p,
                         const struct stripe_object *o, struct arena *a)
{
    const char *why;
    i128 amount = 0;
    if (!is_same(r, p, o, &why) || !stripe_units_back(&p->asset, o->amount, &amount)) {
        rail_say(p, RAIL_UNKNOWN, "Stripe has %s under this payment's name: look there",
                 why != NULL ? why : "an amount that this currency does not have");
        return;
    }
    if (r->kind == STRIPE_PAYOUT) {
        payout_judge(p, o);
    } else {
        rail_say(p, RAIL_PAID, "%s", "");
    }
    p->report.has_amount = p->report.outcome == RAIL_PAID && amount != p->amount;
    p->report.amount = amount;
    p->report.reference = arena_text(a, o->id);
    if (p->report.outcome == RAIL_PAID) {
        p->report.proof = arena_printf(a, "%.*s %.*s", (int)o->id.len, o->id.p, (int)o->balance.len,
                                       o->balance.p);
    }
}

/* --- looking -----------------------------------------------------------------------------------*/

static struct text list_path(const struct rail *r, const struct rail_payment *p, struct text after,
                             struct arena *a)
{
    struct buf path = {0};
    if (r->kind == STRIPE_PAYOUT) {
        int64_t from = p->sending_at / TIME_SECOND_US - CLOCK_SKEW_S;
        buf_printf(&path, "/v1/payouts?created[gte]=%lld", (long long)(from > 0 ? from : 0));
    } else {
        buf_put_str(&path, "/v1/transfers?transfer_group=");
        url_put_escaped(&path, p->transfer_id);
    }
    buf_printf(&path, "&limit=%u", PAGE_ROWS);
    if (after.len > 0) {
        buf_put_str(&path, "&starting_after=");
        url_put_escaped(&path, after);
    }
    struct text out = arena_text(a, buf_text(&path));
    buf_clear(&path);
    return out;
}

static bool is_ours(const struct rail_payment *p, const struct stripe_object *o)
{
    return text_eq(o->mete_id, p->transfer_id) && text_eq(o->mete_book, p->book) &&
           o->mete_attempt == p->attempt;
}

static enum stripe_found untold(struct rail *r, struct rail_payment *p)
{
    const struct web_answer *w = &r->answer;
    if (w->outcome == WEB_ANSWERED) {
        rail_say(p, RAIL_UNKNOWN, "Stripe does not list its payments: it answered %u%s", w->status,
                 w->status == 401   ? "; the key is not good"
                 : w->status == 403 ? "; the key may not read them"
                                    : "");
    } else {
        rail_say(p, RAIL_UNKNOWN, "Stripe could not be asked: %s", w->error);
    }
    if (w->retry_after_s > 0) {
        p->report.retry_at = p->now + (mete_time)w->retry_after_s * TIME_SECOND_US;
    }
    return STRIPE_UNTOLD;
}

/** One page. *last: the id of its last object; empty when there is no further page. */
static enum stripe_found page_look(struct rail *r, struct rail_payment *p, struct arena *a,
                                   struct text *last)
{
    struct json *doc = NULL;
    const struct json *row = NULL;
    struct stripe_object o;
    struct mete_err unused;
    bool more = false;
    *last = (struct text){0};
    if (r->answer.outcome != WEB_ANSWERED || r->answer.status != 200 ||
        json_parse(a, arena_text(a, buf_text(&r->answer.body)), &doc, &unused) != METE_OK ||
        !stripe_list_read(doc, &row, &more)) {
        return untold(r, p);
    }
    for (; row != NULL; row = row->next) {
        if (!stripe_object_read(row, &o)) {
            return untold(r, p);
        }
        if (is_ours(p, &o)) {
            stripe_judge_object(r, p, &o, a);
            return STRIPE_FOUND;
        }
        *last = o.id;
    }
    if (!more) {
        *last = (struct text){0};
    }
    return STRIPE_NONE;
}

enum stripe_found stripe_look(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct stripe_request sent;
    struct text after = {0};
    if (p->body_count == 0 || !stripe_request_read(p->body[p->body_count - 1], &sent)) {
        rail_say(p, RAIL_UNKNOWN, "what was committed for Stripe cannot be read");
        return STRIPE_UNTOLD;
    }
    for (unsigned page = 0; page < PAGES_MAX; page++) {
        stripe_get(r, list_path(r, p, after, a), sent.account, a);
        enum stripe_found found = page_look(r, p, a, &after);
        if (found != STRIPE_NONE || after.len == 0) {
            return found;
        }
    }
    rail_say(p, RAIL_UNKNOWN, "Stripe lists more payments than are looked at");
    return STRIPE_UNTOLD;
}
