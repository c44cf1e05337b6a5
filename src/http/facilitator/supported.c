/* SPDX-License-Identifier: Apache-2.0
 * GET /supported: every scheme on every network in every version, one row each. It asks nobody, so
 * that servers that ask at their start always get an answer. GET /health: is the facilitator well,
 * as far as that can be said without a node. */
#include "base/text.h"
#include "http/facilitator/facilitator.h"
#include "http/reply.h"
#include "http/routes.h"

struct listing {
    struct arena *a;
    struct x402_supported out;
};

static void kind_add(struct listing *l, const struct net *n, const struct x402_scheme *s,
                     int version)
{
    struct buf extra = {0};
    if (s->kind_extra != NULL) {
        s->kind_extra(n, &extra);
    }
    l->out.kinds[l->out.kind_count++] =
        (struct x402_kind){.version = version,
                           .scheme = text_of(s->name),
                           .network = text_of(version == 1 ? n->v1_name : n->id),
                           .extra = arena_text(l->a, buf_text(&extra))};
    buf_clear(&extra);
}

/** What needs the account of a network is offered where there is one. */
static void net_add(struct listing *l, const struct net *n)
{
    for (size_t i = 0; X402_SCHEMES[i] != NULL; i++) {
        const struct x402_scheme *s = X402_SCHEMES[i];
        if (s->family != n->family || (s->kind_extra != NULL && n->account == NULL)) {
            continue;
        }
        kind_add(l, n, s, 2);
        if (s->has_v1 && n->v1_name != NULL) {
            kind_add(l, n, s, 1);
        }
    }
}

/** How many kinds there can be. */
static size_t kinds_max(const struct nets *n)
{
    size_t schemes = 0;
    while (X402_SCHEMES[schemes] != NULL) {
        schemes++;
    }
    return n->count * schemes * 2 + 1; /* in two versions */
}

static bool is_listed(const struct listing *l, struct text address)
{
    for (size_t i = 0; i < l->out.signer_count; i++) {
        if (text_eq(l->out.signers[i].address, address)) {
            return true;
        }
    }
    return false;
}

static void signer_add(struct listing *l, const struct net *n)
{
    char text[EVM_ADDRESS_TEXT_LEN + 1];
    if (n->account == NULL) {
        return;
    }
    evm_address_format(evm_signer_address(n->account), text);
    if (!is_listed(l, text_of(text))) {
        l->out.signers[l->out.signer_count++] = (struct x402_supported_signer){
            .pattern = TEXT("eip155:*"), .address = arena_text(l->a, text_of(text))};
    }
}

void x402_supported_get(struct desk *d, struct engine *e, struct exchange *x)
{
    static struct text extensions[] = {{"bazaar", 6}, {"eip2612GasSponsoring", 20}};
    const struct nets *nets = facilitator_nets(d->facilitator);
    struct listing l = {.a = &x->arena};
    (void)e;
    l.out.kinds = arena_array(l.a, kinds_max(nets), sizeof *l.out.kinds);
    l.out.signers = arena_array(l.a, nets->count + 1, sizeof *l.out.signers);
    l.out.extensions = extensions;
    l.out.extension_count = ARRAY_LEN(extensions);
    for (size_t i = 0; i < nets->count; i++) {
        net_add(&l, &nets->net[i]);
        signer_add(&l, &nets->net[i]);
    }
    reply_body(x, 200, TYPE_JSON, (struct text){0});
    x402_supported_write(&x->out, &l.out);
}

/* --- GET /health -------------------------------------------------------------------------------*/

/** "ok": every network has an account; "verifies_only": one has none; "none": there is no network.
 */
static const char *settlement_of(const struct nets *nets)
{
    const char *out = nets->count > 0 ? "ok" : "none";
    for (size_t i = 0; i < nets->count; i++) {
        out = nets->net[i].account != NULL ? out : "verifies_only";
    }
    return out;
}

/** Reached only when the keeper has opened the book. */
void x402_health_get(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct nets *nets = facilitator_nets(d->facilitator);
    struct json_writer w;
    (void)e;
    if (d->state != DESK_READY) {
        reply_fail(x, METE_OVERLOADED, NULL, "the server is shutting down");
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "status", "ok");
    if (nets->count > 0) {
        jw_str(&w, "network", nets->net[0].id);
    } else {
        jw_null(&w, "network");
    }
    jw_array(&w, "networks");
    for (size_t i = 0; i < nets->count; i++) {
        jw_str(&w, NULL, nets->net[i].id);
    }
    jw_end_array(&w);
    jw_str(&w, "database", "ok");
    jw_str(&w, "settlement", settlement_of(nets));
    jw_end_object(&w);
}
