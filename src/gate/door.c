/* SPDX-License-Identifier: Apache-2.0
 * On the server's threads: which route a request is on, and whether a payment came with it that is
 * for one of our offers. What can be answered without asking anybody is answered here. */
#include "gate/door.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "gate/deal.h"
#include "http/reply.h"
#include "store/steady.h"
#include "wire/url.h"
#include "wire/x402/exact.h"
#include "wire/x402/identifier.h"
#include "wire/x402/match.h"

#include <string.h>
#include <strings.h>

#define SMALL_BODY ((size_t)64 << 10) /* comes whole */

/* --- the request -------------------------------------------------------------------------------*/

/** Its id: the client's own when it is a plain one, else a new one. */
static void id_set(struct exchange *x)
{
    uint8_t random[8];
    x->began_clock = steady_now();
    struct text given = exchange_header(x, "X-Request-Id");
    bool plain = given.len > 0 && given.len <= REQUEST_ID_MAX;
    for (size_t i = 0; i < given.len && plain; i++) {
        char c = given.p[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '_' || c == '.';
    }
    if (plain) {
        (void)text_copy(x->request_id, sizeof x->request_id, given);
        return;
    }
    random_bytes(random, sizeof random);
    memcpy(x->request_id, "req_", 5);
    hex_encode(x->request_id + 4, (struct bytes){random, sizeof random});
}

/** What holds from here on to its end, whatever is loaded meanwhile. */
static void tale_begin(struct gate *g, struct exchange *x)
{
    struct tale *t = arena_alloc(&x->arena, sizeof *t);
    *t = (struct tale){.menu = gate_menu(g), .outcome = GATE_INVALID};
    x->work = t;
}

static struct tale *tale_of(struct exchange *x, const struct gate_route *r, enum gate_outcome o)
{
    struct tale *t = x->work;
    t->route = r;
    t->outcome = o;
    return t;
}

static void turn_back(struct exchange *x, unsigned status, const char *code, const char *text)
{
    tale_of(x, NULL, GATE_INVALID);
    gate_problem(x, status, code, text);
    gate_cors(x);
    server_done(x);
}

static struct text query_of(const struct exchange *x)
{
    const char *mark = memchr(x->target.p, '?', x->target.len);
    return mark != NULL ? (struct text){mark, x->target.len - (size_t)(mark - x->target.p)}
                        : (struct text){0};
}

static bool query_is_plain(struct text q)
{
    for (size_t i = 0; i < q.len; i++) {
        unsigned char c = (unsigned char)q.p[i];
        if (c <= ' ' || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>') {
            return false;
        }
    }
    return true;
}

static struct text path_of(const struct exchange *x)
{
    const char *mark = memchr(x->path.p, '?', x->path.len);
    return mark != NULL ? (struct text){x->path.p, (size_t)(mark - x->path.p)} : x->path;
}

static bool is_upgrade(const struct exchange *x)
{
    return exchange_header(x, "Upgrade").len > 0;
}

static bool is_preflight(const struct exchange *x)
{
    return config_of(x)->cors.len > 0 && text_is(x->method, "OPTIONS") &&
           exchange_header(x, "Access-Control-Request-Method").len > 0;
}

static void preflight_answer(struct exchange *x)
{
    struct text method = exchange_header(x, "Access-Control-Request-Method");
    struct text headers = exchange_header(x, "Access-Control-Request-Headers");
    tale_of(x, NULL, GATE_FREE);
    x->status = 204;
    reply_header(x, "Access-Control-Allow-Methods", method);
    if (headers.len > 0) { /* the official clients ask for a header that only answers have */
        reply_header(x, "Access-Control-Allow-Headers", headers);
    }
    reply_header(x, "Access-Control-Max-Age", TEXT("600"));
    gate_cors(x);
    server_done(x);
}

/** RFC 9110, 5.6.2: a server that splits a line at other signs would find another path in it. */
static bool is_token(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.p[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == '\0' || (!is_alnum && strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return t.len > 0;
}

/** False: it is answered. */
static bool is_let_in(struct exchange *x, struct gate_path *path)
{
    const char *wrong = gate_path_read(&x->arena, path_of(x), path);
    if (!is_token(x->method)) {
        turn_back(x, 400, "request_invalid", "The method has a character that no method has.");
        return false;
    }
    if (host_eq(x->method, TEXT("CONNECT")) || host_eq(x->method, TEXT("TRACE"))) {
        turn_back(x, 405, "method_not_allowed", "This gate passes neither CONNECT nor TRACE on.");
        return false;
    }
    if (is_upgrade(x) && memchr("wW", exchange_header(x, "Upgrade").p[0], 2) != NULL) {
        turn_back(x, 501, "upgrade_refused",
                  "This gate does not pass WebSocket on: connect to the server behind it.");
        return false;
    }
    if (wrong != NULL || !query_is_plain(query_of(x))) {
        struct text text =
            arena_printf(&x->arena, "The %s.",
                         wrong != NULL ? "path" : "query has a character that has to be escaped");
        if (wrong != NULL) {
            text = arena_printf(&x->arena,
                                "The path %s: it could mean different things to this "
                                "gate and to the server behind it.",
                                wrong);
        }
        turn_back(x, 400, "path_refused", text.p);
        return false;
    }
    if (is_preflight(x)) {
        preflight_answer(x);
        return false;
    }
    return true;
}

/* --- the payment -------------------------------------------------------------------------------*/

/** What a request with a payment turned out to be. */
struct shown {
    struct x402_payload payload;
    struct x402_evm_payment evm;
    const struct menu_offer *offer;
    const char *refused; /* why not; NULL: it is for one of our offers */
};

static const struct menu_offer *offer_chosen(const struct menu_route *mr,
                                             const struct x402_payload *p)
{
    for (size_t i = 0; i < mr->count; i++) {
        const struct menu_offer *o = &mr->offer[i];
        const char *v1 = x402_network_v1_name(o->offer.network);
        bool fits = p->version == 2 ? o->has_v2 && x402_requirements_match(o->parsed, p->accepted)
                                    : o->has_v1 && text_eq(p->scheme, o->offer.scheme) &&
                                          v1 != NULL && text_is(p->network, v1);
        if (fits) {
            return o;
        }
    }
    return NULL;
}

static bool is_address(struct text offered, const struct evm_address *paid)
{
    struct evm_address a;
    return x402_address_read(offered, &a) && evm_address_eq(&a, paid);
}

/** Version 1 names no price, no payee and no token but those that are signed; by which method is
 * not named either. The token that EIP-3009 is for is in what is signed. */
static bool is_another_deal(const struct shown *s)
{
    const struct x402_offer *o = &s->offer->offer;
    const struct x402_evm_payment *e = &s->evm;
    if (s->payload.version != 1) {
        return false;
    }
    return e->method == X402_EIP3009 ? u256_cmp(e->authorization.value, o->amount) < 0 ||
                                           !is_address(o->pay_to, &e->authorization.to)
                                     : u256_cmp(e->permit2.amount, o->amount) < 0 ||
                                           !is_address(o->pay_to, &e->permit2.to) ||
                                           !is_address(o->asset, &e->permit2.token);
}

static void payment_read(struct deal *d, struct text header, struct shown *out)
{
    static const char *const NO_MATCH = "No matching payment requirements";
    const struct menu_route *mr = menu_route_of(d->menu, d->route);
    struct mete_err err;
    out->refused = NULL;
    header = arena_text(&d->arena, header);
    if (x402_payload_read_header(&d->arena, header, &out->payload, &err) != METE_OK) {
        out->refused = err.code == METE_X402_VERSION ? "invalid_x402_version" : "Payment required";
        return;
    }
    out->offer = offer_chosen(mr, &out->payload);
    if (out->offer == NULL) {
        out->refused = NO_MATCH;
        return;
    }
    if (!x402_extensions_match(mr->extensions_json, out->payload.extensions)) {
        out->refused = "extension_echo_mismatch";
    } else if (x402_evm_payment_read(&d->arena, &out->payload, "", &out->evm, &err) != METE_OK) {
        out->refused = "invalid_payload";
    } else if (is_another_deal(out)) {
        out->refused = NO_MATCH;
    }
}

/** Seconds; what does not fit is far away. */
static int64_t seconds_of(struct u256 v)
{
    uint64_t n = 0;
    return u256_to_u64(v, &n) && n < (uint64_t)1 << 40 ? (int64_t)n : (int64_t)1 << 40;
}

/** Network, asset, payer and nonce: what a chain takes once. */
static struct hash key_of(struct text network, const struct evm_address *asset,
                          const struct x402_evm_payment *p)
{
    bool is_permit2 = p->method == X402_PERMIT2;
    uint8_t nonce[U256_LEN];
    if (is_permit2) {
        u256_to_be(p->permit2.nonce, nonce);
    } else {
        memcpy(nonce, p->authorization.nonce.b, sizeof nonce);
    }
    /* Permit2 has one row of nonces for all tokens */
    const struct bytes parts[] = {text_bytes(network),
                                  is_permit2 ? (struct bytes){(const uint8_t *)"|permit2|", 9}
                                             : (struct bytes){asset->b, sizeof asset->b},
                                  {p->from.b, sizeof p->from.b},
                                  {nonce, sizeof nonce}};
    return sha256_parts(parts, ARRAY_LEN(parts));
}

static void payment_set(struct deal *d, const struct shown *s)
{
    struct evm_address asset = {0};
    struct payment *p = &d->pay;
    struct buf out = {0};
    p->is_paid = true;
    p->version = s->payload.version;
    p->payload = s->payload.json->raw;
    p->offer = s->offer;
    METE_ASSERT(x402_address_read(s->offer->offer.asset, &asset));
    p->key = key_of(s->offer->offer.network, &asset, &s->evm);
    p->until = seconds_of(s->evm.method == X402_PERMIT2 ? s->evm.permit2.deadline
                                                        : s->evm.authorization.valid_before);
    p->amount = u256_text(&d->arena, s->offer->offer.amount);
    char payer[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(&s->evm.from, payer);
    p->payer = arena_text(&d->arena, text_of(payer));
    p->settles_first = d->route->is_upfront;
    if (p->version == 2) {
        p->requirements = s->offer->json;
        return;
    }
    struct x402_priced priced;
    menu_priced(d->menu, d->route, p->url, (struct text){0}, 1, &priced);
    x402_offer_write_v1(&out, &priced, &s->offer->offer);
    p->requirements = arena_text(&d->arena, buf_text(&out));
    buf_clear(&out);
}

/* --- the same again ----------------------------------------------------------------------------*/

static void replayed(struct exchange *x, const struct buf *answer)
{
    struct reader r = reader_of(buf_bytes(answer));
    x->status = (unsigned)read_varint(&r);
    uint64_t count = read_varint(&r);
    for (uint64_t i = 0; i < count; i++) {
        struct text name = read_sized(&r);
        struct text value = read_sized(&r);
        if (!host_eq(name, TEXT("X-Request-Id"))) {
            reply_header(x, arena_text(&x->arena, name).p, value);
        }
    }
    buf_put_text(&x->out, read_sized(&r));
    METE_ASSERT(reader_done(&r));
    reply_header(x, "X-Request-Id", text_of(x->request_id));
}

/** What the id of a payment is bound to. */
static struct hash request_hash(const struct deal *d, struct text header)
{
    const struct bytes parts[] = {text_bytes(header),      {(const uint8_t *)"\n", 1},
                                  text_bytes(d->method),   {(const uint8_t *)"\n", 1},
                                  text_bytes(d->url),      {(const uint8_t *)"\n", 1},
                                  {d->up.b.p, d->up.b.len}};
    return sha256_parts(parts, ARRAY_LEN(parts));
}

static void repeat_answer(struct exchange *x, const struct gate_route *r, enum replay_state state,
                          const struct buf *answer)
{
    tale_of(x, r, state == REPLAY_ANSWERED ? GATE_REPEATED : GATE_REFUSED);
    switch (state) {
    case REPLAY_ANSWERED:
        replayed(x, answer);
        break;
    case REPLAY_RUNNING:
        gate_problem(x, 409, "payment_identifier_running",
                     "A request with this payment identifier is being answered; try again.");
        reply_header(x, "Retry-After", TEXT("1"));
        break;
    case REPLAY_LOST:
        gate_problem(x, 409, "payment_identifier_served",
                     "This was paid for and answered; the answer was too large to be kept.");
        break;
    case REPLAY_OTHER:
        gate_problem(x, 409, "payment_identifier_conflict",
                     "This payment identifier was used for another payment or request.");
        break;
    case REPLAY_NEW:
    case REPLAY_FULL:
        gate_problem(x, 503, "overloaded", "Too many payments at once; try again.");
        reply_header(x, "Retry-After", TEXT("1"));
        break;
    }
}

/** False: it is answered. */
static bool identifier_take(struct deal *d, struct exchange *x, const struct shown *s,
                            struct text header)
{
    struct mete_err err;
    struct text id = {0};
    struct buf answer = {0};
    if (d->route->identifier == GATE_IDENTIFIER_NONE) {
        return true;
    }
    bool is_good = x402_identifier_read(&s->payload, "", &id, &err) == METE_OK;
    if (!is_good || (id.len == 0 && d->route->identifier == GATE_IDENTIFIER_REQUIRED)) {
        tale_of(x, d->route, GATE_REFUSED);
        gate_problem(x, 400, "payment_identifier_invalid",
                     "A payment for this carries an id of 16 to 128 of A-Z a-z 0-9 _ - in its "
                     "extension payment-identifier.");
        gate_cors(x);
        return false;
    }
    if (id.len == 0) {
        return true;
    }
    const struct hash request = request_hash(d, header);
    enum replay_state state = replay_begin(d->g->replay, id, &request, gate_clock(), &answer);
    if (state == REPLAY_NEW) {
        d->pay.identifier = arena_text(&d->arena, id);
        return true;
    }
    repeat_answer(x, d->route, state, &answer);
    if (state != REPLAY_ANSWERED) { /* that has its own */
        gate_cors(x);
    }
    buf_clear(&answer);
    return false;
}

static void served_before(struct deal *d, struct exchange *x, const struct once_note *note)
{
    const struct x402_settled s = {.transaction = text_of(note->transaction),
                                   .network = d->pay.offer->offer.network,
                                   .reason = TEXT("duplicate_settlement"),
                                   .message = TEXT("This payment was taken for another request.")};
    struct buf header = {0};
    tale_of(x, d->route, GATE_REFUSED)->reason = "duplicate_settlement";
    gate_required(d->menu, d->route, x, d->pay.url, TEXT("duplicate_settlement"));
    x402_settled_write_header(&header, &s);
    gate_settled(x, buf_text(&header), d->pay.version);
    buf_clear(&header);
}

/** One request alone gets something for a payment. False: it is answered. */
static bool once_take(struct deal *d, struct exchange *x)
{
    struct once_note note;
    const struct hash payload = sha256(text_bytes(d->pay.payload));
    switch (once_begin(d->g->once, &d->pay.key, &payload, gate_clock(), &note)) {
    case ONCE_NEW:
        d->pay.is_begun = true;
        return true;
    case ONCE_PENDING: /* it was settled, perhaps: that is asked first */
        d->pay.is_begun = d->pay.settles_first = d->pay.is_pending = true;
        d->pay.is_told = note.is_told;
        d->pay.pending = arena_text(&d->arena, text_of(note.transaction));
        d->pay.reservation = arena_text(&d->arena, text_of(note.reservation));
        if (note.amount[0] != '\0') {
            struct x402_offer charged = d->pay.offer->offer;
            struct buf out = {0};
            METE_ASSERT(u256_parse(text_of(note.amount), &charged.amount));
            x402_offer_write_v2(&out, &charged);
            d->pay.requirements = arena_text(&d->arena, buf_text(&out));
            d->pay.amount = arena_text(&d->arena, text_of(note.amount));
            d->pay.is_overridden = true;
            buf_clear(&out);
        }
        return true;
    case ONCE_SERVING:
    case ONCE_SERVED:
        served_before(d, x, &note);
        return false;
    case ONCE_FULL:
        break;
    }
    tale_of(x, d->route, GATE_REFUSED);
    gate_problem(x, 503, "overloaded", "Too many payments at once; try again.");
    reply_header(x, "Retry-After", TEXT("1"));
    gate_cors(x);
    return false;
}

static bool is_under_way(const struct deal *d, struct text network, struct text asset,
                         const struct x402_evm_payment *p, struct once_note *note)
{
    struct evm_address address;
    if (!x402_address_read(asset, &address)) {
        return false;
    }
    const struct hash key = key_of(network, &address, p);
    enum once_state state = once_look(d->g->once, &key, gate_clock(), note);
    return state == ONCE_SERVING || state == ONCE_PENDING;
}

static struct text accepted_text(const struct x402_payload *p, const char *name)
{
    const struct json *m = p->accepted != NULL ? json_get(p->accepted, name) : NULL;
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

/** Whether a payment that is for none of our offers is for one that was ours: prices change while
 *  payments are under way. Of version 1 the asset is one that is still asked for. Sets the network
 *  and what is known of it. */
static bool was_ours(struct deal *d, const struct x402_payload *p, struct text *network,
                     struct once_note *note)
{
    const struct menu_route *mr = menu_route_of(d->menu, d->route);
    struct x402_evm_payment evm;
    struct mete_err err;
    if (p->json == NULL || x402_evm_payment_read(&d->arena, p, "", &evm, &err) != METE_OK) {
        return false;
    }
    if (p->version == 2) {
        *network = accepted_text(p, "network");
        return is_under_way(d, *network, accepted_text(p, "asset"), &evm, note);
    }
    for (size_t i = 0; i < mr->count; i++) {
        const struct x402_offer *o = &mr->offer[i].offer;
        const char *v1 = x402_network_v1_name(o->network);
        *network = p->network;
        if (v1 != NULL && text_is(p->network, v1) &&
            is_under_way(d, o->network, o->asset, &evm, note)) {
            return true;
        }
    }
    return false;
}

static void refuse(struct deal *d, struct exchange *x, const struct shown *s)
{
    struct once_note note;
    struct x402_settled settled = {0};
    if (was_ours(d, &s->payload, &settled.network, &note)) {
        settled.transaction = text_of(note.transaction);
        tale_of(x, d->route, GATE_PENDING)->reason = s->refused;
        gate_pending(x, &settled, s->payload.version);
    } else {
        tale_of(x, d->route, GATE_REFUSED)->reason = s->refused;
        gate_required(d->menu, d->route, x, d->pay.url, text_of(s->refused));
    }
}

/** False: it is answered. */
static bool payment_take(struct deal *d, struct exchange *x, struct text header)
{
    struct shown s = {0};
    payment_read(d, header, &s);
    if (s.refused != NULL) {
        refuse(d, x, &s);
        return false;
    }
    payment_set(d, &s);
    if (!identifier_take(d, x, &s, header)) {
        return false;
    }
    if (!once_take(d, x)) {
        pay_identifier_end(d);
        return false;
    }
    return true;
}

/* --- in ----------------------------------------------------------------------------------------*/

static struct text payment_header(const struct exchange *x)
{
    struct text v2 = exchange_header(x, X402_HEADER_SIGNATURE);
    return v2.len > 0 ? v2 : exchange_header(x, X402_HEADER_V1_PAYMENT);
}

/** What the gate has itself, free for everybody. */
static bool is_own(struct gate *g, struct exchange *x, const struct gate_path *path)
{
    const bool is_list = text_is(path->key, "/.well-known/x402");
    if (!is_list && !text_is(path->key, "/.well-known/x402-pay.js")) {
        return false;
    }
    tale_of(x, NULL, GATE_FREE);
    if (is_list) {
        gate_listing(x, gate_base(g, x));
    } else {
        gate_element(x);
    }
    server_done(x);
    return true;
}

/** NULL: it is answered in `x`, or will be. */
static struct deal *deal_of(struct gate *g, struct exchange *x)
{
    struct gate_path path;
    id_set(x);
    tale_begin(g, x);
    if (!is_let_in(x, &path)) {
        return NULL;
    }
    if (is_own(g, x, &path)) {
        return NULL;
    }
    const struct gate_route *route;
    if (!gate_config_find(config_of(x), &path, x->method, &route)) {
        turn_back(x, 400, "path_refused",
                  "The path could be read in two ways, and each has another price: leave out what "
                  "stands behind a ';', '?', '#' or '::' in a name, and dots and spaces at its "
                  "end.");
        return NULL;
    }
    struct text header = route != NULL ? payment_header(x) : (struct text){0};
    if (route != NULL && header.len == 0) {
        const struct menu *m = ((const struct tale *)x->work)->menu;
        struct text base = gate_base(g, x);
        struct text url = arena_printf(&x->arena, "%.*s%s", (int)base.len, base.p, path.clean.p);
        gate_required(m, route, x, url, TEXT("Payment required"));
        tale_of(x, route, x->status == 503 ? GATE_UNAVAILABLE : GATE_ASKED);
        server_done(x);
        return NULL;
    }
    struct deal *d = deal_new(g, x);
    struct text query = query_of(x);
    d->route = route;
    d->url = arena_printf(&d->arena, "%.*s%s%.*s", (int)g->upstream.len, g->upstream.p,
                          path.clean.p, (int)query.len, query.p);
    if (route != NULL) {
        struct text base = gate_base(g, x);
        d->pay.url = arena_printf(&d->arena, "%.*s%s", (int)base.len, base.p, path.clean.p);
        if (!payment_take(d, x, header)) {
            deal_give_up(d);
            server_done(x);
            return NULL;
        }
    }
    upstream_headers(d, x);
    return d;
}

void door_handle(void *ctx, struct exchange *x, enum mete_code turned_away)
{
    struct gate *g = ctx;
    if (turned_away != METE_OK) {
        id_set(x);
        tale_begin(g, x);
        turn_back(x, (unsigned)mete_code_status(turned_away), mete_code_name(turned_away),
                  mete_code_meaning(turned_away));
        return;
    }
    struct deal *d = deal_of(g, x);
    if (d != NULL) {
        deal_go(d);
    }
}

void door_begin(void *ctx, struct exchange *x, size_t declared)
{
    struct gate *g = ctx;
    if (declared != SERVER_LENGTH_UNKNOWN && declared <= SMALL_BODY) {
        return; /* it comes whole */
    }
    struct deal *d = deal_of(g, x);
    if (d != NULL) {
        d->body_size = declared;
        deal_sink(d, x);
        deal_go(d);
    }
}
