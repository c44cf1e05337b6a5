/* SPDX-License-Identifier: Apache-2.0
 * Core Lightning over clnrest: a rune, POST /v1/METHOD, 201 for success, 500 with code and message
 * for errors of the method. xpay refuses what was paid, pay repeats its success. */
#include "railsim/lightning.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#define NODE "cln"

static void rpc_error(struct call *c, unsigned status, int64_t code, const char *message)
{
    struct json_writer w;
    call_json(c, status, &w);
    jw_object(&w, NULL);
    jw_int(&w, "code", code);
    jw_str(&w, "message", message);
    jw_end_object(&w);
}

static bool allowed(struct call *c)
{
    struct text rune = call_header(c, "Rune");
    if (text_is(rune, c->s->o.secret)) {
        return true;
    }
    if (rune.p == NULL) {
        rpc_error(c, 403, 1501, "Not authorized: Missing rune");
    } else {
        rpc_error(c, 401, 1501, "Not authorized: Rune is not authorized");
    }
    return false;
}

/* --- xpay, pay ---------------------------------------------------------------------------------*/

static bool is_xpay(const struct call *c)
{
    return text_is(c->path, "/cln/v1/xpay");
}

static void paid(struct call *c, const struct ln_payment *p)
{
    struct json_writer w;
    call_json(c, 201, &w);
    jw_object(&w, NULL);
    jw_text(&w, "payment_preimage", p->preimage);
    if (is_xpay(c)) {
        jw_int(&w, "failed_parts", 0);
        jw_int(&w, "successful_parts", 1);
    } else {
        char payee[67];
        ln_node_id(c->s, "payee", payee);
        jw_str(&w, "destination", payee);
        jw_text(&w, "payment_hash", p->hash);
        jw_int(&w, "created_at", p->created_us / TIME_SECOND_US);
        jw_int(&w, "parts", 1);
        jw_str(&w, "status", "complete");
    }
    jw_int(&w, "amount_msat", p->amount_msat);
    jw_int(&w, "amount_sent_msat", p->amount_msat + p->fee_msat);
    jw_end_object(&w);
}

static void failed(struct call *c, const struct ln_payment *p)
{
    if (text_is(p->reason, "declined")) {
        rpc_error(c, 500, 203,
                  "Destination said it doesn't know invoice: incorrect_or_unknown_payment_details");
    } else if (text_is(p->reason, "fee")) {
        rpc_error(c, 500, 206, "Could not find route within the maximum fee");
    } else {
        rpc_error(c, 500, 205, "We could not find a usable set of paths.");
    }
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
        failed(c, &p);
    }
}

static int64_t fee_limit(const struct call *c)
{
    int64_t n;
    return call_number(call_arg(c, "maxfee"), &n) ? n : -1;
}

static void pay(struct call *c)
{
    struct ln_payment p;
    struct bolt11 invoice;
    struct mete_err err = {.text = ""};
    struct text pr = call_arg(c, is_xpay(c) ? "invstring" : "bolt11");
    const struct ln_order o = {.node = NODE,
                               .pr = pr,
                               .fee_base_msat = 1000,
                               .fee_ppm = 500,
                               .fee_max_msat = fee_limit(c)};
    if (!allowed(c)) {
        return;
    }
    if (pr.p == NULL) {
        rpc_error(c, 500, -32602, "missing required parameter: invstring");
        return;
    }
    switch (ln_pay(c, &o, &p, &invoice, &err)) {
    case LN_PAID:
        paid(c, &p);
        break;
    case LN_ALREADY:
        if (is_xpay(c)) {
            rpc_error(c, 500, 219, "Already paid this invoice successfully");
        } else {
            paid(c, &p);
        }
        break;
    case LN_PENDING:
        rpc_error(c, 500, is_xpay(c) ? -3 : 200,
                  "Unexpected injectpaymentonion error 200: payment is still in progress");
        break;
    case LN_HELD:
        c->waits_for = p.uuid;
        c->wait = pay_wait;
        break;
    case LN_LATE:
        rpc_error(c, 500, 210, "Timed out after 60 seconds, payment is still in progress");
        break;
    case LN_EXPIRED:
        rpc_error(c, 500, 207, "Invoice expired");
        break;
    case LN_INVALID:
        rpc_error(c, 500, -32602, err.text);
        break;
    case LN_NO_ROUTE:
    case LN_DECLINED:
    case LN_FEE:
        failed(c, &p);
        break;
    }
}

/* --- looking up --------------------------------------------------------------------------------*/

static void row_write(struct call *c, struct json_writer *w, const struct ln_payment *p)
{
    char payee[67];
    bool done = text_is(p->status, "complete");
    ln_node_id(c->s, "payee", payee);
    jw_object(w, NULL);
    jw_int(w, "created_index", p->id);
    jw_text(w, "bolt11", p->pr);
    jw_str(w, "destination", payee);
    jw_text(w, "payment_hash", p->hash);
    jw_text(w, "status", p->status);
    jw_int(w, "created_at", p->created_us / TIME_SECOND_US);
    /* beyond what a number of JavaScript holds, as the real ones are */
    jw_raw(w, "groupid",
           arena_printf(&c->arena, "%llu", 9007199254740993ull + (unsigned long long)p->id));
    if (done) {
        jw_int(w, "completed_at", p->completed_us / TIME_SECOND_US);
        jw_text(w, "preimage", p->preimage);
    }
    jw_int(w, "amount_msat", p->amount_msat);
    jw_int(w, "amount_sent_msat",
           p->amount_msat + (text_is(p->status, "failed") ? 0 : p->fee_msat));
    jw_end_object(w);
}

/** The hash that is asked for; p is NULL for all. */
static struct text hash_wanted(struct call *c)
{
    char hex[65];
    struct bolt11 i;
    struct mete_err err;
    struct text pr = call_arg(c, "invstring");
    pr = pr.p != NULL ? pr : call_arg(c, "bolt11");
    if (pr.p == NULL) {
        return call_arg(c, "payment_hash");
    }
    if (bolt11_read(&c->arena, pr, &i, &err) != METE_OK) {
        return TEXT("");
    }
    hash_hex(&i.payment_hash, hex);
    return arena_text(&c->arena, text_of(hex));
}

static void list(struct call *c)
{
    struct ln_payment p;
    struct json_writer w;
    struct text status = call_arg(c, "status");
    bool sends = text_is(c->path, "/cln/v1/listsendpays");
    if (!allowed(c)) {
        return;
    }
    struct text hash = hash_wanted(c);
    call_json(c, 201, &w);
    jw_object(&w, NULL);
    jw_array(&w, sends ? "payments" : "pays");
    sqlite3_stmt *q = ln_rows(c->s, NODE, hash.p != NULL ? "hash" : NULL, hash);
    while (ln_row_next(c->s, q, &c->arena, &p)) {
        if (status.p == NULL || text_eq(status, p.status)) {
            row_write(c, &w, &p);
        }
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

static void wait_send(struct call *c)
{
    struct ln_payment p;
    struct json_writer w;
    int64_t timeout_s = 3600;
    if (!allowed(c)) {
        return;
    }
    (void)call_number(call_arg(c, "timeout"), &timeout_s);
    if (!ln_find(c->s, &c->arena, NODE, "hash", call_arg(c, "payment_hash"), &p)) {
        rpc_error(c, 500, 208, "Never attempted payment with this payment_hash");
    } else if (text_is(p.status, "complete")) {
        call_json(c, 201, &w);
        row_write(c, &w, &p);
    } else if (text_is(p.status, "failed")) {
        rpc_error(c, 500, 204, "failed: WIRE_TEMPORARY_CHANNEL_FAILURE");
    } else if (timeout_s == 0) {
        rpc_error(c, 500, 200, "Timed out while waiting");
    } else {
        c->wait = wait_send;
    }
}

/* --- other methods -----------------------------------------------------------------------------*/

static void decode(struct call *c)
{
    char hash[65], payee[67];
    struct bolt11 i;
    struct mete_err err;
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    if (bolt11_read(&c->arena, call_arg(c, "string"), &i, &err) != METE_OK) {
        rpc_error(c, 500, -32602, err.text);
        return;
    }
    hash_hex(&i.payment_hash, hash);
    hex_encode(payee, (struct bytes){i.payee, sizeof i.payee});
    call_json(c, 201, &w);
    jw_object(&w, NULL);
    jw_str(&w, "type", "bolt11 invoice");
    jw_bool(&w, "valid", true);
    jw_str(&w, "currency",
           i.network == BOLT11_BITCOIN   ? "bc"
           : i.network == BOLT11_TESTNET ? "tb"
           : i.network == BOLT11_SIGNET  ? "tbs"
                                         : "bcrt");
    jw_int(&w, "created_at", i.timestamp_s);
    jw_int(&w, "expiry", (int64_t)i.expiry_s);
    jw_str(&w, "payee", payee);
    if (i.has_amount) {
        jw_int(&w, "amount_msat", (int64_t)i.amount_msat);
    }
    jw_str(&w, "payment_hash", hash);
    if (i.has_description_hash) {
        hash_hex(&i.description_hash, hash);
        jw_str(&w, "description_hash", hash);
    }
    jw_int(&w, "min_final_cltv_expiry", (int64_t)i.cltv);
    jw_end_object(&w);
}

static void get_info(struct call *c)
{
    char id[67];
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    ln_node_id(c->s, NODE, id);
    call_json(c, 201, &w);
    jw_object(&w, NULL);
    jw_str(&w, "id", id);
    jw_str(&w, "alias", "railsim");
    jw_int(&w, "num_peers", 1);
    jw_int(&w, "num_active_channels", 1);
    jw_int(&w, "blockheight", 800000);
    jw_str(&w, "version", "v26.06.6-railsim");
    jw_str(&w, "network", bolt11_network_name(c->s->o.network));
    jw_end_object(&w);
}

static void unknown(struct call *c)
{
    if (allowed(c)) {
        rpc_error(c, 404, -32601, "Unknown command");
    }
}

#define PAYS (DOES_ANSWER | DOES_CHANGE | DOES_PAY | DOES_LATE)

const struct route cln_routes[] = {
    {"POST", "/cln/v1/xpay", "cln.pay", PAYS, pay},
    {"POST", "/cln/v1/pay", "cln.pay", PAYS, pay},
    {"POST", "/cln/v1/listpays", "cln.look", DOES_ANSWER, list},
    {"POST", "/cln/v1/listsendpays", "cln.look", DOES_ANSWER, list},
    {"POST", "/cln/v1/waitsendpay", "cln.wait", DOES_ANSWER, wait_send},
    {"POST", "/cln/v1/decode", "cln.decode", DOES_ANSWER, decode},
    {"POST", "/cln/v1/getinfo", "cln.info", DOES_ANSWER, get_info},
    {"POST", "/cln/v1/*", "cln.unknown", DOES_ANSWER, unknown},
    {NULL, NULL, NULL, 0, NULL}};
