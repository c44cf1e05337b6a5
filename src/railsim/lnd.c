/* SPDX-License-Identifier: Apache-2.0
 * LND's REST: a macaroon in hexadecimal, streams of JSON lines, numbers of 64 bits as strings,
 * errors of gRPC. A hash that was tried is AlreadyExists unless it has failed. */
#include "railsim/lightning.h"

#include "base/encode.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define NODE "lnd"

enum grpc_code { GRPC_UNKNOWN = 2, GRPC_DEADLINE = 4, GRPC_NOT_FOUND = 5, GRPC_EXISTS = 6 };

static unsigned http_of(enum grpc_code code)
{
    return code == GRPC_DEADLINE    ? 504
           : code == GRPC_NOT_FOUND ? 404
           : code == GRPC_EXISTS    ? 409
                                    : 500;
}

static void error_members(struct json_writer *w, enum grpc_code code, const char *message)
{
    jw_int(w, "code", (int64_t)code);
    jw_str(w, "message", message);
    jw_array(w, "details");
    jw_end_array(w);
}

static void plain_error(struct call *c, enum grpc_code code, const char *message)
{
    struct json_writer w;
    call_json(c, http_of(code), &w);
    jw_object(&w, NULL);
    error_members(&w, code, message);
    jw_end_object(&w);
}

/** Of a call that streams. */
static void stream_error(struct call *c, enum grpc_code code, const char *message)
{
    struct json_writer w;
    call_json(c, http_of(code), &w);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    error_members(&w, code, message);
    jw_end_object(&w);
    jw_end_object(&w);
    buf_put_str(&c->out, "\n");
}

static bool allowed(struct call *c)
{
    char want[401];
    struct text secret = text_of(c->s->o.secret);
    struct text given = call_header(c, "Grpc-Metadata-macaroon");
    METE_ASSERT(secret.len <= 200);
    hex_encode(want, text_bytes(secret));
    if (text_is(given, want)) {
        return true;
    }
    plain_error(c, GRPC_UNKNOWN,
                given.p == NULL ? "expected 1 macaroon, got 0"
                                : "verification failed: signature mismatch after "
                                  "caveat verification");
    return false;
}

/* --- payments ----------------------------------------------------------------------------------*/

static const char *status_of(const struct ln_payment *p)
{
    return text_is(p->status, "complete")  ? "SUCCEEDED"
           : text_is(p->status, "pending") ? "IN_FLIGHT"
                                           : "FAILED";
}

static const char *failure_of(const struct ln_payment *p)
{
    return !text_is(p->status, "failed")    ? "FAILURE_REASON_NONE"
           : text_is(p->reason, "declined") ? "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS"
                                            : "FAILURE_REASON_NO_ROUTE";
}

static void payment_write(struct json_writer *w, const char *key, const struct ln_payment *p)
{
    bool done = text_is(p->status, "complete");
    int64_t fee_msat = done ? p->fee_msat : 0;
    jw_object(w, key);
    jw_text(w, "payment_hash", p->hash);
    jw_i128(w, "value", p->amount_msat / 1000);
    jw_i128(w, "creation_date", p->created_us / TIME_SECOND_US);
    jw_i128(w, "fee", fee_msat / 1000);
    jw_str(w, "payment_preimage",
           done ? p->preimage.p
                : "0000000000000000000000000000000000000000000000000000000000000000");
    jw_i128(w, "value_sat", p->amount_msat / 1000);
    jw_i128(w, "value_msat", p->amount_msat);
    jw_text(w, "payment_request", p->pr);
    jw_str(w, "status", status_of(p));
    jw_i128(w, "fee_sat", fee_msat / 1000);
    jw_i128(w, "fee_msat", fee_msat);
    jw_i128(w, "creation_time_ns", (i128)p->created_us * 1000);
    jw_array(w, "htlcs");
    jw_end_array(w);
    jw_i128(w, "payment_index", p->id);
    jw_str(w, "failure_reason", failure_of(p));
    jw_end_object(w);
}

static void line_put(struct buf *out, const struct ln_payment *p)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    payment_write(&w, "result", p);
    jw_end_object(&w);
    buf_put_str(out, "\n");
}

bool lnd_follow(struct sim *s, const char *hash, bool *told, struct buf *out)
{
    struct arena a;
    struct ln_payment p;
    arena_init(&a, (size_t)16 << 20);
    METE_ASSERT(ln_find(s, &a, NODE, "hash", text_of(hash), &p));
    bool pending = text_is(p.status, "pending");
    if (!pending || !*told) {
        line_put(out, &p);
        *told = true;
    }
    arena_clear(&a);
    return pending;
}

/** Answers with the payment, and goes on until it has ended. */
static void payment_stream(struct call *c, const struct ln_payment *p)
{
    struct json_writer w;
    bool quiet = text_is(call_arg(c, "no_inflight_updates"), "true");
    struct ln_payment first = *p;
    call_json(c, 200, &w);
    first.status = TEXT("pending");
    if (!quiet) {
        line_put(&c->out, &first);
    }
    if (!text_is(p->status, "pending")) {
        line_put(&c->out, p);
        return;
    }
    (void)snprintf(c->follow, sizeof c->follow, "%.*s", (int)p->hash.len, p->hash.p);
}

static int64_t fee_limit(const struct call *c)
{
    int64_t n;
    if (call_number(call_arg(c, "fee_limit_msat"), &n)) {
        return n;
    }
    return call_number(call_arg(c, "fee_limit_sat"), &n) ? n * 1000 : 0;
}

static void send_payment(struct call *c)
{
    struct ln_payment p;
    struct bolt11 invoice;
    struct mete_err err = {.text = ""};
    const struct ln_order o = {.node = NODE,
                               .pr = call_arg(c, "payment_request"),
                               .fee_base_msat = 1000,
                               .fee_ppm = 500,
                               .fee_max_msat = fee_limit(c)};
    if (!allowed(c)) {
        return;
    }
    switch (ln_pay(c, &o, &p, &invoice, &err)) {
    case LN_ALREADY:
        stream_error(c, GRPC_EXISTS, "invoice is already paid");
        break;
    case LN_PENDING:
        stream_error(c, GRPC_EXISTS, "payment is in transition");
        break;
    case LN_LATE:
        stream_error(c, GRPC_DEADLINE, "context deadline exceeded");
        break;
    case LN_EXPIRED:
        stream_error(c, GRPC_UNKNOWN, "invoice expired");
        break;
    case LN_INVALID:
        stream_error(c, GRPC_UNKNOWN, err.text);
        break;
    case LN_PAID:
    case LN_HELD:
    case LN_NO_ROUTE:
    case LN_DECLINED:
    case LN_FEE:
        payment_stream(c, &p);
        break;
    }
}

/** The hash in hexadecimal, of base64 in either alphabet. */
static bool hash_of(struct call *c, struct text t, struct text *hash)
{
    uint8_t bytes[32];
    char hex[65];
    size_t len = 0;
    char *plain = arena_alloc(&c->arena, t.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < t.len && t.p[i] != '='; i++) {
        plain[n++] = t.p[i] == '+' ? '-' : t.p[i] == '/' ? '_' : t.p[i];
    }
    if (!base64url_decode(bytes, sizeof bytes, &len, (struct text){plain, n}) || len != 32) {
        return false;
    }
    hex_encode(hex, (struct bytes){bytes, len});
    *hash = arena_text(&c->arena, text_of(hex));
    return true;
}

static void track(struct call *c)
{
    struct ln_payment p;
    struct text hash;
    if (!allowed(c)) {
        return;
    }
    if (!hash_of(c, c->part[0], &hash)) {
        stream_error(c, GRPC_UNKNOWN, "invalid hash length");
    } else if (!ln_find(c->s, &c->arena, NODE, "hash", hash, &p)) {
        stream_error(c, GRPC_NOT_FOUND, "payment isn't initiated");
    } else if (text_is(p.status, "pending")) {
        payment_stream(c, &p);
    } else {
        struct json_writer w;
        call_json(c, 200, &w);
        line_put(&c->out, &p);
    }
}

static void payments_list(struct call *c)
{
    struct ln_payment p;
    struct json_writer w;
    int64_t last = 0, first = 0;
    bool all = text_is(call_arg(c, "include_incomplete"), "true");
    if (!allowed(c)) {
        return;
    }
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "payments");
    sqlite3_stmt *q = ln_rows(c->s, NODE, NULL, (struct text){0});
    while (ln_row_next(c->s, q, &c->arena, &p)) {
        if (all || text_is(p.status, "complete")) {
            payment_write(&w, NULL, &p);
            last = last == 0 ? p.id : last;
            first = p.id;
        }
    }
    jw_end_array(&w);
    jw_i128(&w, "first_index_offset", first);
    jw_i128(&w, "last_index_offset", last);
    jw_i128(&w, "total_num_payments", 0);
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
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "version", "0.20.0-beta-railsim");
    jw_str(&w, "identity_pubkey", id);
    jw_str(&w, "alias", "railsim");
    jw_bool(&w, "synced_to_chain", true);
    jw_bool(&w, "synced_to_graph", true);
    jw_int(&w, "block_height", 800000);
    jw_array(&w, "chains");
    jw_object(&w, NULL);
    jw_str(&w, "chain", "bitcoin");
    jw_str(&w, "network",
           c->s->o.network == BOLT11_BITCOIN ? "mainnet" : bolt11_network_name(c->s->o.network));
    jw_end_object(&w);
    jw_end_array(&w);
    jw_end_object(&w);
}

const struct route lnd_routes[] = {
    {"POST", "/lnd/v2/router/send", "lnd.pay", DOES_ANSWER | DOES_CHANGE | DOES_PAY | DOES_LATE,
     send_payment},
    {"GET", "/lnd/v2/router/track/*", "lnd.look", DOES_ANSWER, track},
    {"GET", "/lnd/v1/payments", "lnd.list", DOES_ANSWER, payments_list},
    {"GET", "/lnd/v1/getinfo", "lnd.info", DOES_ANSWER, get_info},
    {NULL, NULL, NULL, 0, NULL}};
