/* SPDX-License-Identifier: Apache-2.0
 * A kind counts when exactly version, scheme and network are listed: what is not listed would be
 * refused when it is paid, after somebody has signed for it. */
#include "gate/menu.h"

#include "base/text.h"
#include "wire/x402/exact.h"
#include "wire/x402/identifier.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)256 << 20)

static struct text kept(struct arena *a, struct buf *b)
{
    struct text t = arena_text(a, buf_text(b));
    buf_clear(b);
    return t;
}

/** The configured extra and the facilitator's address, for a scheme whose payer names it. */
static struct text extra_with(struct menu *m, struct text own, struct text address)
{
    struct buf out = {0};
    METE_ASSERT(own.len >= 2 && own.p[own.len - 1] == '}');
    buf_put(&out, own.p, own.len - 1);
    buf_put_str(&out, own.len > 2 ? ",\"facilitatorAddress\":" : "\"facilitatorAddress\":");
    json_put_string(&out, address);
    buf_put_u8(&out, '}');
    return kept(&m->arena, &out);
}

static struct text facilitator_address(struct menu *m, const struct x402_kind *kind)
{
    struct json *extra;
    struct mete_err err;
    if (kind->extra.len == 0 || json_parse(&m->arena, kind->extra, &extra, &err) != METE_OK) {
        return (struct text){0};
    }
    const struct json *address = json_get(extra, "facilitatorAddress");
    return address != NULL && address->type == JSON_STRING ? address->text : (struct text){0};
}

/** NULL, or why this way to pay is left out. */
static const char *offer_add(struct menu *m, struct menu_offer *o, const struct x402_supported *s)
{
    const char *v1_name = x402_network_v1_name(o->offer.network);
    const struct x402_kind *v2 = x402_supported_find(s, 2, o->offer.scheme, o->offer.network);
    o->has_v2 = v2 != NULL;
    o->has_v1 = x402_offer_has_v1(&o->offer) && v1_name != NULL &&
                x402_supported_find(s, 1, o->offer.scheme, text_of(v1_name)) != NULL;
    if (!o->has_v1 && !o->has_v2) {
        return "the facilitator does not take this scheme on this network";
    }
    if (o->of->is_upto) {
        struct text address = facilitator_address(m, v2);
        if (address.len == 0) {
            return "the facilitator does not say which address its payers have to name";
        }
        o->offer.extra = extra_with(m, o->offer.extra, address);
    }
    struct buf out = {0};
    struct json *parsed;
    x402_offer_write_v2(&out, &o->offer);
    o->json = kept(&m->arena, &out);
    METE_ASSERT(json_parse(&m->arena, o->json, &parsed, NULL) == METE_OK);
    o->parsed = parsed;
    return NULL;
}

static bool knows_extension(const struct x402_supported *s, const char *name)
{
    for (size_t i = 0; i < s->extension_count; i++) {
        if (text_is(s->extensions[i], name)) {
            return true;
        }
    }
    return false;
}

static bool has_permit2(const struct menu_route *r)
{
    for (size_t i = 0; i < r->v2_count; i++) {
        if (memmem(r->v2[i].extra.p, r->v2[i].extra.len, "permit2", 7) != NULL) {
            return true;
        }
    }
    return false;
}

static void extensions_add(struct menu *m, const struct gate_route *r, struct menu_route *out,
                           const struct x402_supported *s)
{
    struct buf b = {0};
    const char *before = "{";
    if (r->discovery.len > 0) {
        buf_printf(&b, "%s\"" X402_EXTENSION_BAZAAR "\":", before);
        buf_put_text(&b, r->discovery);
        before = ",";
    }
    if (r->identifier != GATE_IDENTIFIER_NONE) {
        buf_printf(&b, "%s\"" X402_EXTENSION_IDENTIFIER "\":", before);
        x402_identifier_advertise(&b, r->identifier == GATE_IDENTIFIER_REQUIRED);
        before = ",";
    }
    if (has_permit2(out) && knows_extension(s, X402_EXTENSION_EIP2612)) {
        buf_printf(&b, "%s\"" X402_EXTENSION_EIP2612 "\":", before);
        x402_eip2612_advertise(&b);
        before = ",";
    }
    if (b.len > 0) {
        struct json *parsed;
        buf_put_u8(&b, '}');
        out->extensions = kept(&m->arena, &b);
        METE_ASSERT(json_parse(&m->arena, out->extensions, &parsed, NULL) == METE_OK);
        out->extensions_json = parsed;
    }
}

static void route_add(struct menu *m, const struct gate_route *r, struct menu_route *out,
                      const struct x402_supported *s, menu_note *note, void *ctx)
{
    out->offer = arena_array(&m->arena, r->offer_count, sizeof *out->offer);
    out->v1 = arena_array(&m->arena, r->offer_count, sizeof *out->v1);
    out->v2 = arena_array(&m->arena, r->offer_count, sizeof *out->v2);
    for (size_t i = 0; s != NULL && i < r->offer_count; i++) {
        struct menu_offer o = {.of = &r->offer[i], .offer = r->offer[i].offer};
        const char *why = offer_add(m, &o, s);
        if (why != NULL) {
            note(ctx, r, &r->offer[i], why);
            continue;
        }
        out->offer[out->count++] = o;
        if (o.has_v1) {
            out->v1[out->v1_count++] = o.offer;
        }
        if (o.has_v2) {
            out->v2[out->v2_count++] = o.offer;
        }
    }
    if (s != NULL) {
        extensions_add(m, r, out, s);
    }
}

struct menu *menu_new(struct gate_config *config, const struct x402_supported *supported,
                      menu_note *note, void *ctx)
{
    struct menu *m = calloc(1, sizeof *m);
    METE_ASSERT(m != NULL);
    m->holders = 1;
    m->config = config;
    gate_config_hold(config);
    arena_init(&m->arena, ARENA_MAX);
    m->route = arena_array(&m->arena, config->route_count + 1, sizeof *m->route);
    for (size_t i = 0; i < config->route_count; i++) {
        route_add(m, &config->route[i], &m->route[i], supported, note, ctx);
    }
    return m;
}

void menu_hold(struct menu *m)
{
    atomic_fetch_add(&m->holders, 1);
}

void menu_drop(struct menu *m)
{
    if (m != NULL && atomic_fetch_sub(&m->holders, 1) == 1) {
        gate_config_drop(m->config);
        arena_clear(&m->arena);
        free(m);
    }
}

const struct menu_route *menu_route_of(const struct menu *m, const struct gate_route *r)
{
    return &m->route[r - m->config->route];
}

void menu_priced(const struct menu *m, const struct gate_route *r, struct text url,
                 struct text error, int version, struct x402_priced *p)
{
    const struct menu_route *mr = menu_route_of(m, r);
    *p = (struct x402_priced){.resource = r->resource,
                              .offers = version == 1 ? mr->v1 : mr->v2,
                              .offer_count = version == 1 ? mr->v1_count : mr->v2_count,
                              .error = error,
                              .extensions = mr->extensions,
                              .output_schema = r->output_schema};
    p->resource.url = url;
}
