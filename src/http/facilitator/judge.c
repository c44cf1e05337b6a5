/* SPDX-License-Identifier: Apache-2.0
 * Drives one payment through its scheme: what the scheme asks goes out on the network's line, and
 * the answers come back to it, until it has decided. */
#include "base/limits.h"
#include "base/text.h"
#include "core/x402.h"
#include "http/facilitator/facilitator.h"
#include "http/facilitator/rate.h"
#include "http/reply.h"
#include "wire/form.h"

#include <arpa/inet.h>
#include <string.h>

static uint64_t now_s(void)
{
    return (uint64_t)(desk_now() / TIME_SECOND_US);
}

static bool refuse(struct judging *j, enum x402_reason reason)
{
    j->c.reason = reason;
    return false;
}

struct text judging_resource(const struct x402_request *in)
{
    const struct json *url = json_get(in->payload.resource, "url");
    return url != NULL && url->type == JSON_STRING ? url->text : in->requirements.resource;
}

/** The book keeps what was paid for. What it could not keep is refused now: when it is settled is
 *  too late for a server that has served. */
static bool resource_fits(struct x402_case *c)
{
    const struct text r = judging_resource(c->in);
    if (r.len <= X402_RESOURCE_LEN_MAX && text_is_line(r)) {
        return true;
    }
    c->message =
        arena_printf(c->arena, "the resource has at most %d bytes, and no control characters",
                     X402_RESOURCE_LEN_MAX);
    return false;
}

/** The same of the value, which no dollar comes near. */
static bool value_fits(struct x402_case *c)
{
    i128 value;
    if (u256_to_i128(c->charge, &value) && value < (i128)1 << X402_VALUE_BITS_MAX) {
        return true;
    }
    c->reason = X402_REASON_INVALID_REQUIREMENTS;
    c->message = arena_printf(c->arena, "a payment is less than 2^%d of the token's smallest units",
                              X402_VALUE_BITS_MAX);
    return false;
}

bool judging_scheme_read(struct judging *j)
{
    return j->c.scheme->read(&j->c) && value_fits(&j->c);
}

bool judging_read(struct judging *j, bool *is_malformed)
{
    struct mete_err err;
    struct x402_case *c = &j->c;
    struct exchange *x = j->x;
    *is_malformed = false;
    *c = (struct x402_case){.arena = &x->arena, .in = &j->in, .settles = !j->is_verify};
    if (x402_request_read(&x->arena, buf_text(&x->body), &j->in, &err) != METE_OK) {
        c->message = arena_printf(&x->arena, "%s%s%s", err.pointer,
                                  err.pointer[0] != '\0' ? ": " : "", err.text);
        *is_malformed = true;
        return refuse(j, x402_reason_of_error(&err));
    }
    const struct x402_requirements *r = &j->in.requirements;
    c->net = nets_find(facilitator_nets(j->d->facilitator), r->network, r->version);
    if (c->net == NULL) {
        return refuse(j, X402_REASON_INVALID_NETWORK);
    }
    c->scheme = x402_scheme_find(r->scheme, c->net->family);
    if (c->scheme == NULL || (r->version == 1 && !c->scheme->has_v1)) {
        return refuse(j, X402_REASON_UNSUPPORTED_SCHEME);
    }
    if (!resource_fits(c)) {
        return refuse(j, X402_REASON_INVALID_PAYLOAD);
    }
    c->simulates = c->net->simulates;
    c->now_s = now_s();
    return true;
}

void judging_note(struct judging *j)
{
    const enum x402_reason reason = j->c.reason;
    const bool is_ours = reason == X402_REASON_NODE_UNAVAILABLE ||
                         reason == X402_REASON_UNEXPECTED_VERIFY ||
                         reason == X402_REASON_UNEXPECTED_SETTLE;
    if (is_ours && j->c.message.len > 0) {
        j->x->why = arena_text(&j->x->arena, j->c.message).p;
    }
}

/* --- how often ---------------------------------------------------------------------------------*/

/** An address of IPv6 without what whoever has it chooses freely: its first 64 bits. */
static struct text address_of(struct arena *a, struct text peer)
{
    struct in6_addr six;
    const char *text = arena_text(a, peer).p;
    if (memchr(text, ':', peer.len) == NULL || inet_pton(AF_INET6, text, &six) != 1 ||
        IN6_IS_ADDR_V4MAPPED(&six)) {
        return peer;
    }
    char *first = arena_alloc(a, sizeof six.s6_addr / 2);
    memcpy(first, six.s6_addr, sizeof six.s6_addr / 2);
    return (struct text){first, sizeof six.s6_addr / 2};
}

/** A key is counted by its name, who shows none by the address. */
static bool may_ask(struct rate *r, struct exchange *x, int64_t now, unsigned *wait_s)
{
    return x->who->key_id.len > 0 ? rate_take(r, 'k', x->who->key_id, now, wait_s)
                                  : rate_take(r, 'a', address_of(&x->arena, x->peer), now, wait_s);
}

/** Only what the payer's own key has signed counts as the payer's: else anybody could keep somebody
 *  from paying by asking in that one's name. */
static bool may_pay(struct rate *r, const struct x402_case *c, int64_t now, unsigned *wait_s)
{
    return !c->is_payers || rate_take(r, 'p', c->from, now, wait_s);
}

bool judging_is_early(struct judging *j)
{
    struct rate *r = facilitator_rate(j->d->facilitator);
    struct exchange *x = j->x;
    unsigned wait_s = 0;
    const int64_t now = x->began_clock;
    if (r == NULL || (may_ask(r, x, now, &wait_s) && may_pay(r, &j->c, now, &wait_s))) {
        return false;
    }
    j->c.reason = X402_REASON_RATE_LIMITED;
    reply_header(x, "Retry-After", arena_printf(&x->arena, "%u", wait_s));
    return true;
}

/* --- rounds ------------------------------------------------------------------------------------*/

static void round_write(struct line_ask *q, struct rpc_batch *b)
{
    struct judging *j = (struct judging *)q;
    j->c.scheme->ask(&j->c, b);
}

static void round_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                       const struct mete_err *err)
{
    struct judging *j = (struct judging *)q;
    if (code != METE_OK) {
        j->c.reason = X402_REASON_NODE_UNAVAILABLE;
        j->c.message = arena_printf(&j->x->arena, "%s", err->text);
        j->then(j);
    } else if (j->c.scheme->hear(&j->c, answers)) {
        j->then(j);
    } else {
        judging_rounds(j);
    }
}

void judging_rounds(struct judging *j)
{
    j->ask = (struct line_ask){
        .count = j->c.scheme->plan(&j->c), .write = round_write, .done = round_done};
    if (j->ask.count == 0) {
        j->then(j);
    } else {
        line_put(j->c.net->line, &j->ask);
    }
}

void judging_go(struct judging *j)
{
    const bool is_good = judging_scheme_read(j);
    if (!judging_is_early(j) && is_good) {
        judging_rounds(j);
    } else {
        j->then(j);
    }
}
