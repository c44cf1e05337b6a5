/* SPDX-License-Identifier: Apache-2.0
 * Judging is by whitelist: what is not understood to the last member is not paid. */
#include "client/pay_offer.h"

#include "base/text.h"
#include "client/pay_history.h"
#include "wire/x402/price.h"

#include <stdio.h>
#include <string.h>

#define FLAW_MAX 256 /* of an arena, for what is said of a malformed offer */

static const char *const REFUSALS[] = {
    [METE_CLIENT_OFFER_FINE] = "",
    [METE_CLIENT_OFFER_MALFORMED] = "malformed",
    [METE_CLIENT_OFFER_SCHEME] = "scheme",
    [METE_CLIENT_OFFER_FLOW] = "payment flow",
    [METE_CLIENT_OFFER_NETWORK] = "network",
    [METE_CLIENT_OFFER_ASSET] = "asset",
    [METE_CLIENT_OFFER_ADDRESS] = "address",
    [METE_CLIENT_OFFER_RECIPIENT] = "recipient",
    [METE_CLIENT_OFFER_DOMAIN] = "extra.name or extra.version is missing",
    [METE_CLIENT_OFFER_BUDGET] = "above the limit of a request",
};

const char *mete_client_refusal_name(enum mete_client_refusal refusal)
{
    return (size_t)refusal < ARRAY_LEN(REFUSALS) ? REFUSALS[refusal] : "unknown";
}

/* --- reading -----------------------------------------------------------------------------------*/

static const char *shown(struct arena *a, struct text t)
{
    return arena_text(a, t).p;
}

static void offer_show(struct pay_offers *o, struct pay_offer *p)
{
    char caip2[X402_NETWORK_MAX];
    struct x402_network n;
    struct text network = p->r.network;
    struct text description = p->r.description;
    const struct json *said = json_get(o->resource, "description");
    if (x402_network_parse(network, o->version, &n) && n.family == X402_FAMILY_EVM) {
        x402_network_write(n.chain_id, caip2);
        network = text_of(caip2);
    }
    if (said != NULL && said->type == JSON_STRING) {
        description = said->text;
    }
    p->shown = (struct mete_client_offer){
        .version = o->version,
        .scheme = shown(&o->arena, p->r.scheme),
        .network = shown(&o->arena, network),
        .asset = shown(&o->arena, p->r.asset),
        .pay_to = shown(&o->arena, p->r.pay_to),
        .amount = shown(&o->arena, p->r.amount_text),
        .symbol = "",
        .description = shown(&o->arena, description),
        .timeout_s = p->r.timeout_s,
        .is_upfront = x402_requirements_flow(&p->r) == X402_FLOW_UPFRONT,
    };
}

static void offers_take(struct pay_offers *o, const struct json *list)
{
    o->offer = arena_array(&o->arena, list->count, sizeof *o->offer);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        struct pay_offer *p = &o->offer[o->count++];
        struct mete_err err;
        if (x402_requirements_read(&o->arena, j, o->version, "", &p->r, &err) == METE_OK) {
            offer_show(o, p);
        } else {
            p->flaw = arena_printf(&o->arena, "malformed%s%.60s: %.120s",
                                   err.pointer[0] != '\0' ? " at " : "", err.pointer, err.text)
                          .p;
            p->shown = (struct mete_client_offer){.version = o->version,
                                                  .scheme = "",
                                                  .network = "",
                                                  .asset = "",
                                                  .pay_to = "",
                                                  .amount = "",
                                                  .symbol = "",
                                                  .description = "",
                                                  .refusal = METE_CLIENT_OFFER_MALFORMED};
        }
    }
}

static enum mete_client_error invalid(char *why, const char *text)
{
    snprintf(why, METE_CLIENT_ERROR_MAX, "the 402 cannot be paid: %s", text);
    return METE_CLIENT_REQUIRED_INVALID;
}

static const struct json *object_at(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_OBJECT ? m : NULL;
}

static enum mete_client_error required_take(struct pay_offers *o, const struct json *j,
                                            int64_t wanted, char *why)
{
    int64_t version;
    const struct json *list = json_get(j, "accepts");
    const struct json *error = json_get(j, "error");
    if (!json_int(json_get(j, "x402Version"), wanted, wanted, &version)) {
        return invalid(why, wanted == 2 ? "PAYMENT-REQUIRED is not of x402Version 2"
                                        : "there is no PAYMENT-REQUIRED, and the body is not of "
                                          "x402Version 1");
    }
    if (list == NULL || list->type != JSON_ARRAY || list->count == 0 ||
        list->count > X402_ACCEPTS_MAX) {
        return invalid(why, "accepts is no list of 1 to 64 offers");
    }
    o->version = (int)version;
    o->error = error != NULL && error->type == JSON_STRING ? error->text : TEXT("");
    o->resource = version == 2 ? object_at(j, "resource") : NULL;
    o->extensions = version == 2 ? object_at(j, "extensions") : NULL;
    offers_take(o, list);
    return METE_CLIENT_OK;
}

enum mete_client_error pay_offers_read(struct pay_offers *out, const char *header, struct text body,
                                       char *why)
{
    struct json *j;
    struct mete_err err = {0};
    const struct text value = header != NULL ? text_of(header) : body;
    *out = (struct pay_offers){0};
    arena_init(&out->arena, X402_ARENA_MAX(value.len < X402_BODY_MAX ? value.len : X402_BODY_MAX) +
                                X402_ACCEPTS_MAX * (sizeof(struct pay_offer) + FLAW_MAX) +
                                16 * value.len);
    enum mete_code code = header != NULL ? x402_header_read(&out->arena, value, &j, &err)
                                         : x402_body_read(&out->arena, value, &j, &err);
    if (code == METE_OK) {
        return required_take(out, j, header != NULL ? 2 : 1, why);
    }
    snprintf(why, METE_CLIENT_ERROR_MAX, "the 402 cannot be paid: %s%.200s",
             header != NULL ? ""
                            : "there is no PAYMENT-REQUIRED, and the body is none of version 1: ",
             err.text);
    return METE_CLIENT_REQUIRED_INVALID;
}

void pay_offers_clear(struct pay_offers *o)
{
    arena_clear(&o->arena);
}

/* --- judging -----------------------------------------------------------------------------------*/

static bool listed(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return count == 0;
}

static enum mete_client_refusal terms_judge(struct pay_offer *p)
{
    struct x402_network n;
    if (!x402_network_parse(p->r.network, p->r.version, &n) || !pay_scheme_serves(n.family)) {
        return METE_CLIENT_OFFER_NETWORK;
    }
    p->scheme = pay_scheme_find(p->r.scheme, n.family);
    return p->scheme != NULL ? p->scheme->read(p) : METE_CLIENT_OFFER_SCHEME;
}

static enum mete_client_refusal recipient_judge(const struct pay_offer *p,
                                                const struct pay_rules *rules)
{
    bool is_listed = rules->recipient_count == 0;
    for (size_t i = 0; i < rules->recipient_count; i++) {
        is_listed = is_listed || evm_address_eq(&rules->recipients[i], &p->terms.pay_to);
    }
    return is_listed && !evm_address_is_zero(&p->terms.pay_to) ? METE_CLIENT_OFFER_FINE
                                                               : METE_CLIENT_OFFER_RECIPIENT;
}

static enum mete_client_refusal asset_judge(struct pay_offers *o, struct pay_offer *p,
                                            const struct pay_rules *rules,
                                            const struct pay_limit *limit)
{
    struct pay_asset asset;
    struct pay_entry amount = {0};
    if (!pay_asset_find(rules, p->terms.chain_id, &p->terms.asset, &asset, &p->asset_rank)) {
        return METE_CLIENT_OFFER_ASSET;
    }
    p->shown.symbol = shown(&o->arena, text_of(asset.symbol));
    p->shown.decimals = asset.decimals;
    amount.decimals = asset.decimals;
    if (recipient_judge(p, rules) != METE_CLIENT_OFFER_FINE) {
        return METE_CLIENT_OFFER_RECIPIENT;
    }
    if (!p->scheme->is_complete(p)) {
        return METE_CLIENT_OFFER_DOMAIN;
    }
    return text_copy(amount.amount, sizeof amount.amount, p->r.amount_text) &&
                   entry_worth(&amount, &p->worth) &&
                   pay_limit_allows(limit, u256_of(0), p->worth, asset.symbol)
               ? METE_CLIENT_OFFER_FINE
               : METE_CLIENT_OFFER_BUDGET;
}

static enum mete_client_refusal offer_judge(struct pay_offers *o, struct pay_offer *p,
                                            const struct pay_rules *rules,
                                            const struct pay_limit *limit)
{
    const enum x402_flow flow = x402_requirements_flow(&p->r);
    enum mete_client_refusal refusal = terms_judge(p);
    if (refusal == METE_CLIENT_OFFER_FINE &&
        !listed(rules->schemes, rules->scheme_count, p->shown.scheme)) {
        refusal = METE_CLIENT_OFFER_SCHEME;
    }
    if (refusal == METE_CLIENT_OFFER_FINE && flow != X402_FLOW_AUTHORIZATION &&
        flow != X402_FLOW_UPFRONT) {
        refusal = METE_CLIENT_OFFER_FLOW;
    }
    if (refusal == METE_CLIENT_OFFER_FINE &&
        !pay_network_find(rules, p->shown.network, p->terms.chain_id, &p->network_rank)) {
        refusal = METE_CLIENT_OFFER_NETWORK;
    }
    return refusal == METE_CLIENT_OFFER_FINE ? asset_judge(o, p, rules, limit) : refusal;
}

void pay_offers_judge(struct pay_offers *o, const struct pay_rules *rules,
                      const struct pay_limit *limit)
{
    for (size_t i = 0; i < o->count; i++) {
        if (o->offer[i].shown.refusal != METE_CLIENT_OFFER_MALFORMED) {
            o->offer[i].shown.refusal = offer_judge(o, &o->offer[i], rules, limit);
        }
    }
}

/* --- choosing ----------------------------------------------------------------------------------*/

static bool is_fine(const struct pay_offer *p)
{
    return p->shown.refusal == METE_CLIENT_OFFER_FINE;
}

/** Whether `a` goes before `b`, which stands before it in the list. */
static bool is_better(const struct pay_offer *a, const struct pay_offer *b,
                      enum mete_client_select select)
{
    struct u256 left;
    if (a->shown.is_upfront != b->shown.is_upfront) {
        return b->shown.is_upfront;
    }
    switch (select) {
    case METE_CLIENT_CHEAPEST:
        return !u256_sub(a->worth, b->worth, &left);
    case METE_CLIENT_PREFERRED:
        return a->network_rank != b->network_rank ? a->network_rank < b->network_rank
                                                  : a->asset_rank < b->asset_rank;
    case METE_CLIENT_FIRST:
        break;
    }
    return false;
}

static int best(const struct pay_offers *o, enum mete_client_select select)
{
    int pick = -1;
    for (size_t i = 0; i < o->count; i++) {
        if (is_fine(&o->offer[i]) &&
            (pick < 0 || is_better(&o->offer[i], &o->offer[pick], select))) {
            pick = (int)i;
        }
    }
    return pick;
}

static int asked(const struct pay_offers *o, const struct pay_rules *rules)
{
    struct mete_client_offer list[X402_ACCEPTS_MAX];
    for (size_t i = 0; i < o->count; i++) {
        list[i] = o->offer[i].shown;
    }
    const int pick = rules->choose(rules->choose_ctx, list, o->count);
    return pick >= 0 && (size_t)pick < o->count ? pick : -1;
}

/** Why one is left, as the end of a sentence. */
static void refusal_tell(const struct pay_offer *p, char *out, size_t size)
{
    const struct mete_client_offer *s = &p->shown;
    char number[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    switch (s->refusal) {
    case METE_CLIENT_OFFER_NETWORK:
        snprintf(out, size, "its network is not allowed");
        break;
    case METE_CLIENT_OFFER_ASSET:
        snprintf(out, size, "the asset %.42s is not allowed", s->asset);
        break;
    case METE_CLIENT_OFFER_RECIPIENT:
        snprintf(out, size, "nobody may pay %.42s", s->pay_to);
        break;
    case METE_CLIENT_OFFER_BUDGET:
        (void)x402_price_format(p->r.amount, s->decimals, 0, number);
        snprintf(out, size, "%.60s %.15s is above the limit of a request", number, s->symbol);
        break;
    case METE_CLIENT_OFFER_MALFORMED:
        snprintf(out, size, "%s", p->flaw);
        break;
    case METE_CLIENT_OFFER_FINE:
    case METE_CLIENT_OFFER_SCHEME:
    case METE_CLIENT_OFFER_FLOW:
    case METE_CLIENT_OFFER_ADDRESS:
    case METE_CLIENT_OFFER_DOMAIN:
        snprintf(out, size, "%s", mete_client_refusal_name(s->refusal));
        break;
    }
}

/** "exact on eip155:1: its network is not allowed; upto on ...". */
static void refusals_tell(const struct pay_offers *o, char *why)
{
    size_t at = 0;
    for (size_t i = 0; i < o->count && at + 1 < METE_CLIENT_ERROR_MAX; i++) {
        const struct mete_client_offer *s = &o->offer[i].shown;
        char reason[200];
        char name[64];
        refusal_tell(&o->offer[i], reason, sizeof reason);
        if (s->refusal == METE_CLIENT_OFFER_MALFORMED) {
            snprintf(name, sizeof name, "offer %zu", i + 1);
        } else {
            snprintf(name, sizeof name, "%.20s on %.30s", s->scheme, s->network);
        }
        int len = snprintf(why + at, METE_CLIENT_ERROR_MAX - at, "%s%s: %s",
                           i > 0 ? "; " : "none of the offers can be paid: ", name, reason);
        at += len > 0 ? (size_t)len : 0;
    }
}

static enum mete_client_error refusal_error(const struct pay_offers *o, int pick)
{
    bool has_budget = false;
    bool has_domain_missing = false;
    for (size_t i = 0; i < o->count; i++) {
        const enum mete_client_refusal refusal = o->offer[i].shown.refusal;
        if (pick < 0 || (size_t)pick == i) {
            has_budget = has_budget || refusal == METE_CLIENT_OFFER_BUDGET;
            has_domain_missing = has_domain_missing || refusal == METE_CLIENT_OFFER_DOMAIN;
        }
    }
    return has_budget           ? METE_CLIENT_OVER_BUDGET
           : has_domain_missing ? METE_CLIENT_DOMAIN_MISSING
                                : METE_CLIENT_NO_OFFER;
}

int pay_offers_choose(const struct pay_offers *o, const struct pay_rules *rules,
                      enum mete_client_error *error, char *why)
{
    const int pick = rules->choose != NULL ? asked(o, rules) : best(o, rules->select);
    if (pick >= 0 && is_fine(&o->offer[pick])) {
        return pick;
    }
    if (pick < 0 && rules->choose != NULL) {
        *error = METE_CLIENT_NOT_CHOSEN;
        snprintf(why, METE_CLIENT_ERROR_MAX, "the selector chose none of %zu offers", o->count);
    } else {
        *error = refusal_error(o, pick);
        refusals_tell(o, why);
    }
    return -1;
}
