/* SPDX-License-Identifier: Apache-2.0
 * phoenixd: HTTP Basic with any user name, forms in, JSON out. A payment that failed, was made
 * before, or is in flight answers 200 with a reason. */
#include "railsim/lightning.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <string.h>

#define NODE "phoenixd"

static bool allowed(struct call *c)
{
    uint8_t plain[200];
    size_t len = 0;
    struct text given = call_header(c, "Authorization");
    if (text_starts(given, "Basic ") &&
        base64_decode(plain, sizeof plain, &len, (struct text){given.p + 6, given.len - 6})) {
        const uint8_t *colon = memchr(plain, ':', len);
        size_t at = colon != NULL ? (size_t)(colon - plain) + 1 : len;
        if (text_is((struct text){(const char *)plain + at, len - at}, c->s->o.secret)) {
            return true;
        }
    }
    call_plain(c, 401,
               "Invalid authentication (use basic auth with the http password set in "
               "phoenix.conf)");
    call_add_header(c, "WWW-Authenticate", TEXT("Basic realm=\"phoenixd\""));
    return false;
}

static void reason(struct call *c, struct text hash, const char *why)
{
    struct json_writer w;
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "paymentHash", hash);
    jw_str(&w, "reason", why);
    jw_end_object(&w);
}

static const char *reason_of(enum ln_end end)
{
    switch (end) {
    case LN_ALREADY:
        return "this invoice has already been paid";
    case LN_PENDING:
        return "another payment is in progress for that invoice";
    case LN_LATE:
        return "one or more payment attempts have failed with an unknown error";
    case LN_EXPIRED:
        return "the invoice has expired";
    case LN_DECLINED:
        return "recipient rejected the payment";
    case LN_FEE:
    case LN_NO_ROUTE:
        return "no available route";
    case LN_PAID:
    case LN_HELD:
    case LN_INVALID:
        break;
    }
    return "unknown";
}

static void paid(struct call *c, const struct ln_payment *p)
{
    struct json_writer w;
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_int(&w, "recipientAmountSat", p->amount_msat / 1000);
    jw_int(&w, "routingFeeSat", p->fee_msat / 1000);
    jw_text(&w, "paymentId", p->uuid);
    jw_text(&w, "paymentHash", p->hash);
    jw_text(&w, "paymentPreimage", p->preimage);
    jw_end_object(&w);
}

static void pay_wait(struct call *c)
{
    struct ln_payment p;
    METE_ASSERT(ln_find(c->s, &c->arena, NODE, "uuid", c->waits_for, &p));
    if (text_is(p.status, "pending")) {
        c->wait = pay_wait;
    } else if (text_is(p.status, "complete")) {
        paid(c, &p);
    } else {
        reason(c, p.hash, reason_of(LN_NO_ROUTE));
    }
}

static void pay_invoice(struct call *c)
{
    struct ln_payment p;
    struct bolt11 invoice;
    struct mete_err err;
    const struct ln_order o = {.node = NODE,
                               .pr = call_arg(c, "invoice"),
                               .fee_base_msat = 4000,
                               .fee_ppm = 4000,
                               .fee_max_msat = -1};
    if (!allowed(c)) {
        return;
    }
    if (o.pr.p == NULL) {
        call_plain(c, 400, "Missing invoice parameter");
        return;
    }
    enum ln_end end = ln_pay(c, &o, &p, &invoice, &err);
    if (end == LN_PAID) {
        paid(c, &p);
    } else if (end == LN_INVALID) {
        call_plain(c, 400, "Invalid invoice parameter");
    } else if (end == LN_HELD) {
        c->waits_for = p.uuid; /* the real one answers when the payment has ended, too */
        c->wait = pay_wait;
    } else {
        reason(c, p.hash, reason_of(end));
    }
}

static void row_write(struct json_writer *w, const struct ln_payment *p)
{
    bool done = text_is(p->status, "complete");
    jw_object(w, NULL);
    jw_str(w, "type", "outgoing_payment");
    jw_str(w, "subType", "lightning");
    jw_text(w, "paymentId", p->uuid);
    jw_text(w, "paymentHash", p->hash);
    jw_str(w, "preimage", done ? p->preimage.p : NULL);
    jw_null(w, "txId");
    jw_bool(w, "isPaid", done);
    jw_int(w, "sent", (p->amount_msat + (done ? p->fee_msat : 0)) / 1000);
    jw_int(w, "fees", done ? p->fee_msat : 0);
    jw_text(w, "invoice", p->pr);
    if (text_is(p->status, "pending")) {
        jw_null(w, "completedAt");
    } else {
        jw_int(w, "completedAt", p->completed_us / 1000);
    }
    jw_int(w, "createdAt", p->created_us / 1000);
    jw_end_object(w);
}

static void outgoing(struct call *c, const char *where)
{
    struct ln_payment p;
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    if (!ln_find(c->s, &c->arena, NODE, where, c->part[0], &p)) {
        call_plain(c, 404, "Not found"); /* of an endpoint that it does not have: other words */
        return;
    }
    call_json(c, 200, &w);
    row_write(&w, &p);
}

static void outgoing_by_hash(struct call *c)
{
    outgoing(c, "hash");
}

static void outgoing_by_id(struct call *c)
{
    outgoing(c, "uuid");
}

static void outgoing_list(struct call *c)
{
    struct ln_payment p;
    struct json_writer w;
    bool all = text_is(call_arg(c, "all"), "true");
    if (!allowed(c)) {
        return;
    }
    call_json(c, 200, &w);
    jw_array(&w, NULL);
    sqlite3_stmt *q = ln_rows(c->s, NODE, NULL, (struct text){0});
    while (ln_row_next(c->s, q, &c->arena, &p)) {
        if (all || text_is(p.status, "complete")) {
            row_write(&w, &p);
        }
    }
    jw_end_array(&w);
}

static const char *chain_of(enum bolt11_network n)
{
    return n == BOLT11_BITCOIN ? "mainnet" : bolt11_network_name(n);
}

static void get_info(struct call *c)
{
    char id[67];
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    ln_node_id(c->s, NODE, id);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "nodeId", id);
    jw_array(&w, "channels");
    jw_end_array(&w);
    jw_str(&w, "chain", chain_of(c->s->o.network));
    jw_int(&w, "blockHeight", 800000);
    jw_str(&w, "version", "0.6.2-railsim");
    jw_end_object(&w);
}

static void get_balance(struct call *c)
{
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    int64_t spent = state_number(c->s, 0,
                                 "SELECT sum(amount_msat + fee_msat) FROM ln_payment WHERE node = "
                                 "?1 AND status <> 'failed'",
                                 "s", NODE);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_int(&w, "balanceSat", 10000000000 - spent / 1000);
    jw_int(&w, "feeCreditSat", 0);
    jw_end_object(&w);
}

const struct route phoenixd_routes[] = {
    {"POST", "/phoenixd/payinvoice", "phoenixd.pay",
     DOES_ANSWER | DOES_CHANGE | DOES_PAY | DOES_LATE, pay_invoice},
    {"GET", "/phoenixd/payments/outgoingbyhash/*", "phoenixd.look", DOES_ANSWER, outgoing_by_hash},
    {"GET", "/phoenixd/payments/outgoing/*", "phoenixd.look", DOES_ANSWER, outgoing_by_id},
    {"GET", "/phoenixd/payments/outgoing", "phoenixd.list", DOES_ANSWER, outgoing_list},
    {"GET", "/phoenixd/getinfo", "phoenixd.info", DOES_ANSWER, get_info},
    {"GET", "/phoenixd/getbalance", "phoenixd.balance", DOES_ANSWER, get_balance},
    {NULL, NULL, NULL, 0, NULL}};
