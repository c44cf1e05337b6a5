/* SPDX-License-Identifier: Apache-2.0
 * Writing what a server asks for. Members stand in the order of the official packages. */
#include "base/text.h"
#include "wire/evm/rpc.h"
#include "wire/x402/member.h"
#include "wire/x402/requirements.h"

static void put_unless_empty(struct json_writer *w, const char *key, struct text value)
{
    if (value.len > 0) {
        jw_text(w, key, value);
    }
}

static struct text or_empty_object(struct text json)
{
    return json.len > 0 ? json : TEXT("{}");
}

static void resource_put(struct json_writer *w, const struct x402_resource *r)
{
    jw_object(w, "resource");
    jw_text(w, "url", r->url);
    put_unless_empty(w, "description", r->description);
    put_unless_empty(w, "mimeType", r->mime_type);
    put_unless_empty(w, "serviceName", r->service_name);
    if (r->tag_count > 0) {
        jw_array(w, "tags");
        for (size_t i = 0; i < r->tag_count; i++) {
            jw_text(w, NULL, r->tags[i]);
        }
        jw_end_array(w);
    }
    put_unless_empty(w, "iconUrl", r->icon_url);
    jw_end_object(w);
}

static void offer_put_v2(struct json_writer *w, const struct x402_offer *o)
{
    jw_object(w, NULL);
    jw_text(w, "scheme", o->scheme);
    jw_text(w, "network", o->network);
    jw_u256(w, "amount", o->amount);
    jw_text(w, "asset", o->asset);
    jw_text(w, "payTo", o->pay_to);
    jw_int(w, "maxTimeoutSeconds", o->timeout_s);
    jw_raw(w, "extra", or_empty_object(o->extra));
    jw_end_object(w);
}

static void offer_put_v1(struct json_writer *w, const struct x402_priced *p,
                         const struct x402_offer *o)
{
    const char *network = x402_network_v1_name(o->network);
    METE_ASSERT(network != NULL);
    jw_object(w, NULL);
    jw_text(w, "scheme", o->scheme);
    jw_str(w, "network", network);
    jw_u256(w, "maxAmountRequired", o->amount);
    jw_text(w, "resource", p->resource.url);
    jw_text(w, "description", p->resource.description);
    jw_text(w, "mimeType", p->resource.mime_type);
    jw_text(w, "payTo", o->pay_to);
    jw_int(w, "maxTimeoutSeconds", o->timeout_s);
    jw_text(w, "asset", o->asset);
    if (p->output_schema.len > 0) { /* clients of version 1 refuse a null here */
        jw_raw(w, "outputSchema", p->output_schema);
    }
    jw_raw(w, "extra", or_empty_object(o->extra));
    jw_end_object(w);
}

void x402_offer_write_v2(struct buf *out, const struct x402_offer *o)
{
    struct json_writer w;
    jw_init(&w, out, false);
    offer_put_v2(&w, o);
}

void x402_offer_write_v1(struct buf *out, const struct x402_priced *p, const struct x402_offer *o)
{
    struct json_writer w;
    jw_init(&w, out, false);
    offer_put_v1(&w, p, o);
}

/* extra is the server's own: what cannot be read in it says nothing. */
static bool extra_is_plain(struct text extra)
{
    struct arena a;
    struct json *j;
    if (extra.len == 0) {
        return true;
    }
    arena_init(&a, X402_ARENA_MAX(extra.len));
    bool is_plain = false;
    if (json_parse(&a, extra, &j, NULL) == METE_OK) {
        struct x402_requirements r = {.extra = j};
        struct text method = x402_requirements_extra(&r, "assetTransferMethod");
        is_plain = x402_requirements_flow(&r) == X402_FLOW_AUTHORIZATION &&
                   (method.len == 0 || text_is(method, "eip3009"));
    }
    arena_clear(&a);
    return is_plain;
}

bool x402_offer_has_v1(const struct x402_offer *o)
{
    return text_is(o->scheme, X402_SCHEME_EXACT) && x402_network_v1_name(o->network) != NULL &&
           extra_is_plain(o->extra);
}

void x402_required_write_v2(struct buf *out, const struct x402_priced *p)
{
    METE_ASSERT(p->offer_count > 0);
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_int(&w, "x402Version", 2);
    put_unless_empty(&w, "error", p->error);
    resource_put(&w, &p->resource);
    jw_array(&w, "accepts");
    for (size_t i = 0; i < p->offer_count; i++) {
        offer_put_v2(&w, &p->offers[i]);
    }
    jw_end_array(&w);
    if (p->extensions.len > 0) {
        jw_raw(&w, "extensions", p->extensions);
    }
    jw_end_object(&w);
}

static size_t v1_count(const struct x402_priced *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->offer_count; i++) {
        count += x402_offer_has_v1(&p->offers[i]);
    }
    return count;
}

void x402_required_write_v1(struct buf *out, const struct x402_priced *p)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    if (v1_count(p) > 0) {
        jw_int(&w, "x402Version", 1);
        put_unless_empty(&w, "error", p->error);
        jw_array(&w, "accepts");
        for (size_t i = 0; i < p->offer_count; i++) {
            if (x402_offer_has_v1(&p->offers[i])) {
                offer_put_v1(&w, p, &p->offers[i]);
            }
        }
        jw_end_array(&w);
    }
    jw_end_object(&w);
}
