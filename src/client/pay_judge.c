/* SPDX-License-Identifier: Apache-2.0
 * From a price to a signed payment, or to the reason why there is none. The budget is looked at and
 * the payment written down under one lock of the history: no other process comes between. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "client/pay_sign.h"
#include "wire/url.h"
#include "wire/x402/price.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What would be paid, before there is a payment. */
static void offer_note(struct mete_client_request *r)
{
    const struct pay_offer *p = &r->offers.offer[r->pick];
    struct mete_client_payment *out = &r->result.payment;
    char number[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    *out = (struct mete_client_payment){.decimals = p->shown.decimals, .version = p->shown.version};
    (void)text_copy(out->scheme, sizeof out->scheme, text_of(p->shown.scheme));
    (void)text_copy(out->network, sizeof out->network, text_of(p->shown.network));
    (void)text_copy(out->asset, sizeof out->asset, text_of(p->shown.asset));
    (void)text_copy(out->symbol, sizeof out->symbol, text_of(p->shown.symbol));
    (void)text_copy(out->pay_to, sizeof out->pay_to, text_of(p->shown.pay_to));
    (void)text_copy(out->amount, sizeof out->amount, text_of(p->shown.amount));
    (void)x402_price_format(p->r.amount, p->shown.decimals, 0, number);
    snprintf(out->price, sizeof out->price, "%.60s %.15s", number, p->shown.symbol);
}

/** An address in its one spelling; a name as it is. */
static void host_spell(struct text host, char out[ENTRY_HOST_MAX])
{
    struct in_addr v4;
    struct in6_addr v6;
    char number[INET6_ADDRSTRLEN];
    (void)text_copy(out, ENTRY_HOST_MAX, host);
    if (out[0] == '[') {
        out[host.len - 1] = '\0';
        if (inet_pton(AF_INET6, out + 1, &v6) == 1 &&
            inet_ntop(AF_INET6, &v6, number, sizeof number) != NULL) {
            snprintf(out, ENTRY_HOST_MAX, "[%s]", number);
        } else {
            out[host.len - 1] = ']';
        }
    } else if (inet_aton(out, &v4) != 0 && inet_ntop(AF_INET, &v4, number, sizeof number) != NULL) {
        (void)text_copy(out, ENTRY_HOST_MAX, text_of(number));
    }
}

/** Host and port: what a budget is counted for. */
static void host_of(const char *url, char out[ENTRY_HOST_MAX])
{
    struct url u = {0};
    const char *wrong = url_read(text_of(url), &u);
    METE_ASSERT(wrong == NULL);
    host_spell(u.host, out);
    for (char *p = out; *p != '\0'; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
    }
    if (u.port != (u.is_https ? 443 : 80)) {
        const size_t len = strlen(out);
        snprintf(out + len, ENTRY_HOST_MAX - len, ":%u", u.port);
    }
}

/** Which limit stands in the way of one more payment; NULL: none. Locked. The host that was asked
 *  answers for those that it leads to. */
static const struct pay_limit *over(struct mete_client_request *r, mete_time now)
{
    const struct pay_rules *rules = &r->client->rules;
    const struct pay_offer *p = &r->offers.offer[r->pick];
    const char *symbol = p->shown.symbol;
    char host[ENTRY_HOST_MAX];
    struct pay_sums sums = {0};
    struct pay_sums asked = {0};
    if (r->client->history != NULL) {
        host_of(r->url_now, host);
        history_sums(r->client->history, time_day(now), host, &sums);
        host_of(r->url, host);
        history_sums(r->client->history, time_day(now), host, &asked);
    }
    return !pay_limit_allows(&rules->host, sums.host, p->worth, symbol)     ? &rules->host
           : !pay_limit_allows(&rules->host, asked.host, p->worth, symbol)  ? &rules->host
           : !pay_limit_allows(&rules->day, sums.day, p->worth, symbol)     ? &rules->day
           : !pay_limit_allows(&rules->total, sums.total, p->worth, symbol) ? &rules->total
                                                                            : NULL;
}

static void over_budget(struct mete_client_request *r, const struct pay_limit *limit)
{
    const struct pay_rules *rules = &r->client->rules;
    offer_note(r);
    flow_finish(r, METE_CLIENT_OVER_BUDGET, "%s more would be above %s for %s",
                r->result.payment.price, limit->text,
                limit == &rules->host  ? "a host and day"
                : limit == &rules->day ? "a day"
                                       : "all payments");
}

/* --- signing -----------------------------------------------------------------------------------*/

static struct pay_entry *entry_make(struct mete_client_request *r, mete_time now)
{
    struct mete_client *c = r->client;
    const struct pay_signing signing = {.offers = &r->offers,
                                        .pick = r->pick,
                                        .now = now,
                                        .validity_max_s = c->rules.validity_max_s,
                                        .identifier = r->id,
                                        .has_permit = r->has_permit,
                                        .permit_nonce = r->permit_nonce};
    struct pay_entry *e = calloc(1, sizeof *e);
    METE_ASSERT(e != NULL);
    e->key = r->key;
    e->asked = r->asked;
    e->has_id = r->id != NULL;
    e->has_asked = e->has_id;
    (void)text_copy(e->method, sizeof e->method, text_of(r->is_get ? "GET" : r->method));
    host_of(r->url_now, e->host);
    host_of(r->url, e->asked_host);
    if (strcmp(e->host, e->asked_host) == 0) {
        e->asked_host[0] = '\0';
    }
    e->url = strdup(r->url_now);
    METE_ASSERT(e->url != NULL);
    if (!pay_sign(c->key, &signing, e)) {
        entry_free(e);
        return NULL;
    }
    return e;
}

/** Locked. METE_CLIENT_OK: r->entry is there, and durable. */
static enum mete_client_error entry_add(struct mete_client_request *r, mete_time now, char *why)
{
    struct mete_client *c = r->client;
    struct pay_entry *e = entry_make(r, now);
    if (e == NULL) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "the payment would be larger than a header may be");
        return METE_CLIENT_REQUIRED_INVALID;
    }
    r->entry = history_add(c->history, e);
    if (r->entry == NULL) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "%s", history_why(c->history));
        return METE_CLIENT_HISTORY;
    }
    r->result.signatures++;
    return METE_CLIENT_OK;
}

/** Another process may have begun the same named request since this one asked for the price. */
static bool is_taken(struct mete_client_request *r)
{
    bool is_busy = false;
    if (r->id == NULL) {
        return false;
    }
    struct pay_entry *e = history_claim(r->client->history, &r->key, pay_now(), false, &is_busy);
    if (e != NULL) {
        history_release(r->client->history, e);
    }
    return e != NULL || is_busy;
}

void judge_sign(struct mete_client_request *r)
{
    struct mete_client *c = r->client;
    char why[METE_CLIENT_ERROR_MAX] = "";
    if (!history_lock(c->history)) {
        flow_finish(r, METE_CLIENT_HISTORY, "%s", history_why(c->history));
        return;
    }
    const mete_time now = pay_now(); /* one day for what is judged and what is written */
    const struct pay_limit *limit = over(r, now);
    const bool is_busy = limit == NULL && is_taken(r);
    enum mete_client_error error = METE_CLIENT_OK;
    if (limit == NULL && !is_busy) {
        error = entry_add(r, now, why);
    }
    history_unlock(c->history);
    if (limit != NULL) {
        over_budget(r, limit);
    } else if (is_busy) {
        flow_finish(r, METE_CLIENT_BUSY, "another process makes the request with the id %s", r->id);
    } else if (error != METE_CLIENT_OK) {
        flow_finish(r, error, "%s", why);
    } else {
        paid_note(r, METE_CLIENT_STATE_SENT, METE_CLIENT_MONEY_UNKNOWN);
        r->carries = true;
        r->failures = 0;
        flow_send(r);
    }
}

/* --- the price ---------------------------------------------------------------------------------*/

static void would_pay(struct mete_client_request *r)
{
    struct mete_client *c = r->client;
    if (c->history != NULL && !history_lock(c->history)) {
        flow_finish(r, METE_CLIENT_HISTORY, "%s", history_why(c->history));
        return;
    }
    const struct pay_limit *limit = over(r, pay_now());
    if (c->history != NULL) {
        history_unlock(c->history);
    }
    if (limit != NULL) {
        over_budget(r, limit);
        return;
    }
    offer_note(r);
    flow_finish(r, METE_CLIENT_DRY_RUN, "%s on %s would be paid to %s", r->result.payment.price,
                r->result.payment.network, r->result.payment.pay_to);
}

static bool offers_take(struct mete_client_request *r)
{
    char why[METE_CLIENT_ERROR_MAX] = "";
    char *header = NULL;
    enum mete_client_error error = METE_CLIENT_OK;
    if (r->has_offers) {
        pay_offers_clear(&r->offers);
    }
    (void)answer_header(&r->answer, X402_HEADER_REQUIRED, &header);
    error = pay_offers_read(&r->offers, header, buf_text(&r->answer.body), why);
    free(header);
    r->has_offers = true;
    if (error == METE_CLIENT_OK) {
        pay_offers_judge(&r->offers, &r->client->rules, &r->limit);
        const int pick = pay_offers_choose(&r->offers, &r->client->rules, &error, why);
        r->pick = pick >= 0 ? (size_t)pick : 0;
    }
    if (error != METE_CLIENT_OK) {
        const bool is_limit = error == METE_CLIENT_OVER_BUDGET;
        flow_finish(r, error, "%s%s%s", why, is_limit ? ", " : "", is_limit ? r->limit.text : "");
    }
    return error == METE_CLIENT_OK;
}

void judge_required(struct mete_client_request *r)
{
    const struct mete_client *c = r->client;
    METE_ASSERT(r->entry == NULL && r->result.signatures == 0);
    if (c->o.no_pay) {
        flow_finish(r, METE_CLIENT_NO_PAY, "paying is turned off");
    } else if (!offers_take(r)) {
        return;
    } else if (c->o.dry_run) {
        would_pay(r);
    } else if (c->key == NULL || c->history == NULL) {
        offer_note(r);
        flow_finish(r, METE_CLIENT_KEY, "%s is asked for, and there is no key to pay with",
                    r->result.payment.price);
    } else if (!pay_permit_is_wanted(&r->offers, r->pick) || !pay_node_ask(r, ASK_NONCE)) {
        judge_sign(r);
    }
}
