/* SPDX-License-Identifier: Apache-2.0
 * What the gate says itself: 402, the page for browsers, the list of what is sold, problems. */
#include "base/text.h"
#include "gate/deal.h"
#include "gate/page.h"
#include "http/page.h"
#include "http/reply.h"
#include "wire/url.h"
#include "wire/x402/price.h"

#include <stdio.h>
#include <string.h>

#define EXPOSED X402_HEADER_REQUIRED ", " X402_HEADER_RESPONSE ", " X402_HEADER_V1_RESPONSE

const struct gate_config *config_of(const struct exchange *x)
{
    return ((const struct tale *)x->work)->menu->config;
}

void gate_problem(struct exchange *x, unsigned status, const char *code, const char *text)
{
    struct json_writer w;
    reply_json(x, status, &w);
    x->type = TYPE_PROBLEM;
    x->code = code;
    jw_object(&w, NULL);
    jw_str(&w, "type", "about:blank");
    jw_int(&w, "status", status);
    jw_str(&w, "code", code);
    jw_str(&w, "detail", text);
    jw_str(&w, "request_id", x->request_id);
    jw_end_object(&w);
    reply_header(x, "Cache-Control", TEXT("no-store"));
    reply_header(x, "X-Request-Id", text_of(x->request_id));
}

void gate_cors(struct exchange *x)
{
    struct text cors = config_of(x)->cors;
    reply_header(x, "Access-Control-Expose-Headers", TEXT(EXPOSED));
    if (cors.len > 0) {
        for (size_t i = 0; i < x->reply_count; i++) { /* one of the upstream's would be two */
            if (host_eq(x->reply[i].name, TEXT("Access-Control-Allow-Origin"))) {
                return;
            }
        }
        reply_header(x, "Access-Control-Allow-Origin", cors);
        if (!text_is(cors, "*")) {
            reply_header(x, "Vary", TEXT("Origin"));
        }
    }
}

struct text gate_base(const struct gate *g, struct exchange *x)
{
    const struct gate_config *config = config_of(x);
    bool trusted = config->trusts_forwarded;
    struct text host = trusted ? exchange_header(x, "X-Forwarded-Host") : (struct text){0};
    struct text proto = trusted ? exchange_header(x, "X-Forwarded-Proto") : (struct text){0};
    struct url url;
    if (config->public_url.len > 0) {
        return config->public_url;
    }
    host = host.len > 0 ? host : exchange_header(x, "Host");
    bool is_https = proto.len > 0 ? text_is(proto, "https") : x->is_tls;
    struct text base =
        arena_printf(&x->arena, "%s://%.*s", is_https ? "https" : "http", (int)host.len, host.p);
    if (host.len == 0 || url_read(base, &url) != NULL || url.path.len > 0 || url.has_query) {
        return arena_printf(&x->arena, "http://%s", g->o.listen);
    }
    return base;
}

/* --- 402 ---------------------------------------------------------------------------------------*/

static bool is_browser(const struct exchange *x)
{
    struct text accept = exchange_header(x, "Accept");
    struct text agent = exchange_header(x, "User-Agent");
    return accept.len > 0 && memmem(accept.p, accept.len, "text/html", 9) != NULL &&
           agent.len > 0 && memmem(agent.p, agent.len, "Mozilla", 7) != NULL;
}

/** "0.01 USDC", or smallest units of an asset that nobody knows. */
static struct text price_words(struct arena *a, const struct gate_offer *o)
{
    char price[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    size_t len = x402_price_format(o->offer.amount, o->decimals, o->decimals >= 2 ? 2 : 0, price);
    const char *before = o->is_upto ? "up to " : "";
    if (o->has_decimals && o->symbol.len > 0) {
        return arena_printf(a, "%s%.*s %.*s", before, (int)len, price, (int)o->symbol.len,
                            o->symbol.p);
    }
    return arena_printf(a, "%s%.*s of %.*s", before, (int)len, price, (int)o->offer.asset.len,
                        o->offer.asset.p);
}

static void page_write(const struct menu_route *mr, const struct gate_route *r, struct exchange *x,
                       struct text url, struct text json)
{
    struct buf safe = {0};
    struct text price = mr->count > 0 ? price_words(&x->arena, mr->offer[0].of) : TEXT("");
    for (size_t i = 0; i < json.len; i++) { /* nothing in it may end the script that it stands in */
        if (json.p[i] == '<' || json.p[i] == '>' || json.p[i] == '&') {
            buf_printf(&safe, "\\u%04x", (unsigned)json.p[i]);
        } else {
            buf_put_u8(&safe, (uint8_t)json.p[i]);
        }
    }
    const struct page_word words[] = {
        {"price", price, false},
        {"what", r->resource.description.len > 0 ? r->resource.description : url, false},
        {"url", url, false},
        {"required", buf_text(&safe), true}};
    buf_reset(&x->out);
    page_fill(&x->out, page_paywall, words, ARRAY_LEN(words));
    buf_clear(&safe);
    x->type = TYPE_HTML;
    reply_header(x, "Content-Security-Policy",
                 TEXT("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                      "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
                      "form-action 'none'; frame-ancestors 'none'; frame-src blob:; "
                      "media-src blob:"));
    reply_header(x, "X-Content-Type-Options", TEXT("nosniff"));
    reply_header(x, "Referrer-Policy", TEXT("no-referrer"));
}

void gate_required(const struct menu *m, const struct gate_route *r, struct exchange *x,
                   struct text url, struct text error)
{
    const struct menu_route *mr = menu_route_of(m, r);
    struct x402_priced p;
    struct buf json = {0};
    struct buf header = {0};
    if (mr->count == 0) {
        gate_problem(x, 503, "facilitator_unavailable",
                     "No payment can be taken for this now; try again later.");
        reply_header(x, "Retry-After", TEXT("5"));
        gate_cors(x);
        return;
    }
    /* as the official servers have it: who lacks the allowance is to approve, not to pay again */
    x->status = text_is(error, "permit2_allowance_required") ? 412 : 402;
    x->type = TYPE_JSON;
    buf_reset(&x->out);
    menu_priced(m, r, url, error, 1, &p);
    x402_required_write_v1(&x->out, &p);
    if (mr->v2_count > 0) {
        menu_priced(m, r, url, error, 2, &p);
        x402_required_write_v2(&json, &p);
        x402_header_write(&header, buf_text(&json));
        reply_header(x, X402_HEADER_REQUIRED, buf_text(&header));
        if (m->config->has_paywall && is_browser(x)) {
            page_write(mr, r, x, url, buf_text(&json));
        }
    }
    reply_header(x, "Cache-Control", TEXT("no-store"));
    reply_header(x, "Vary", TEXT("Accept, User-Agent"));
    reply_header(x, "X-Request-Id", text_of(x->request_id));
    gate_cors(x);
    buf_clear(&json);
    buf_clear(&header);
}

void gate_settled(struct exchange *x, struct text settled, int version)
{
    reply_header(x, X402_HEADER_RESPONSE, settled);
    if (version == 1) {
        reply_header(x, X402_HEADER_V1_RESPONSE, settled);
    }
}

/** No 402: nobody is to pay anew for what may be paid already. */
void gate_pending(struct exchange *x, const struct x402_settled *s, int version)
{
    struct x402_settled said = *s;
    struct buf header = {0};
    said.reason = TEXT("settlement_pending");
    said.message = TEXT("Ask again with the same payment; do not pay anew.");
    gate_problem(x, 503, "settlement_pending",
                 "The payment was sent and its end is not known yet. Ask again with the same "
                 "payment, and do not pay anew.");
    x402_settled_write_header(&header, &said);
    gate_settled(x, buf_text(&header), version);
    reply_header(x, "Retry-After", TEXT("2"));
    gate_cors(x);
    buf_clear(&header);
}

/* --- the list ----------------------------------------------------------------------------------*/

static void route_list(struct json_writer *w, const struct gate_route *r,
                       const struct menu_route *mr, struct text base, struct arena *a)
{
    jw_object(w, NULL);
    jw_text(w, r->pattern.is_regex ? "regex" : "path", r->label);
    if (!r->pattern.is_regex && memchr(r->label.p, '*', r->label.len) == NULL) {
        jw_text(w, "resource",
                arena_printf(a, "%.*s%.*s", (int)base.len, base.p, (int)r->label.len, r->label.p));
    }
    jw_array(w, "methods");
    for (size_t i = 0; i < r->method_count; i++) {
        jw_text(w, NULL, r->method[i]);
    }
    jw_end_array(w);
    if (r->resource.description.len > 0) {
        jw_text(w, "description", r->resource.description);
    }
    if (r->resource.mime_type.len > 0) {
        jw_text(w, "mimeType", r->resource.mime_type);
    }
    jw_text(w, "price", price_words(a, &r->offer[0]));
    jw_array(w, "accepts");
    for (size_t i = 0; i < mr->count; i++) {
        jw_raw(w, NULL, mr->offer[i].json);
    }
    jw_end_array(w);
    jw_end_object(w);
}

void gate_listing(struct exchange *x, struct text base)
{
    const struct menu *m = ((const struct tale *)x->work)->menu;
    struct json_writer w;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_int(&w, "x402Version", 2);
    jw_text(&w, "origin", base);
    jw_array(&w, "routes");
    for (size_t i = 0; i < m->config->route_count; i++) {
        route_list(&w, &m->config->route[i], &m->route[i], base, &x->arena);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    reply_header(x, "Cache-Control", TEXT("no-cache"));
    reply_header(x, "Access-Control-Allow-Origin", TEXT("*"));
}

void gate_element(struct exchange *x)
{
    reply_body(x, 200, "text/javascript; charset=utf-8", (struct text){0});
    buf_put_text(&x->out, page_pay);
    reply_header(x, "Cache-Control", TEXT("no-cache"));
    reply_header(x, "Access-Control-Allow-Origin", TEXT("*"));
    reply_header(x, "X-Content-Type-Options", TEXT("nosniff"));
}
