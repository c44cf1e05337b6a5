/* SPDX-License-Identifier: Apache-2.0
 * LND by REST, with a macaroon that may offchain:read, offchain:write and info:read. Paying and
 * tracking answer with streams of {"result": payment} or {"error": ...}; whole numbers are strings.
 * A payment of which a part is in flight is never FAILED. Source: LND's router.proto. */
#include "rails/lightning/parts.h"

#include "base/encode.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GRPC_NOT_FOUND 5

static bool is_hex(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        const char c = t.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return t.len % 2 == 0;
}

/* The file as LND writes it is binary; what people paste is its hexadecimal form. */
static const char *auth(struct buf *out, struct text content)
{
    char hex[2 * LIGHTNING_SECRET_MAX + 1];
    struct text trimmed = content;
    while (trimmed.len > 0 && (uint8_t)trimmed.p[trimmed.len - 1] <= ' ') {
        trimmed.len--;
    }
    buf_put_str(out, "Grpc-Metadata-macaroon: ");
    if (trimmed.len > 0 && is_hex(trimmed)) {
        buf_put_text(out, trimmed);
        return NULL;
    }
    if (content.p[0] != 0x02 || content.len > LIGHTNING_SECRET_MAX) {
        return "it is neither a macaroon of LND nor the hexadecimal form of one";
    }
    hex_encode(hex, text_bytes(content));
    buf_put_str(out, hex);
    memset(hex, 0, sizeof hex);
    return NULL;
}

static void info(struct rail *r, struct node_info *out)
{
    const struct node_question q = {.method = "GET", .path = TEXT("/v1/getinfo")};
    const struct json *j = node_ask(r, &q, out->words);
    const struct json *chains = json_get(j, "chains");
    if (j != NULL && r->answer.status != 200) {
        node_refused(r, node_string(j, "message"), out->words);
        return;
    }
    node_info_key(out, node_string(j, "identity_pubkey"));
    if (chains != NULL && chains->type == JSON_ARRAY && chains->child != NULL) {
        node_info_network(out, node_string(chains->child, "network"));
    }
    out->is_synced = out->is_known && json_is_true(json_get(j, "synced_to_chain"));
}

static void payment_read(const struct node_payment *p, const struct json *payment,
                         struct node_answer *out)
{
    const struct text status = node_string(payment, "status");
    if (!text_is(node_string(payment, "payment_hash"), p->hash)) {
        snprintf(out->words, sizeof out->words, "the node answers about another payment");
    } else if (text_is(status, "SUCCEEDED")) {
        node_proof(p, node_string(payment, "payment_preimage"), out);
        out->has_fee = node_number(payment, "fee_msat", &out->fee_msat);
        out->has_amount = node_number(payment, "value_msat", &out->amount_msat);
    } else if (text_is(status, "FAILED")) {
        out->state = NODE_FAILED;
        lightning_words(out->words, sizeof out->words, node_string(payment, "failure_reason"),
                        NULL);
    } else if (text_is(status, "IN_FLIGHT") || text_is(status, "INITIATED")) {
        out->state = NODE_PENDING;
    } else {
        snprintf(out->words, sizeof out->words,
                 "the node gives the payment no state that is known");
    }
}

/* Unknown paths of the gateway are "not found" in the same form: only LND's own words are proof. */
static void error_read(struct rail *r, const struct json *j, struct node_answer *out)
{
    const struct json *error = json_get(j, "error");
    error = error != NULL && error->type == JSON_OBJECT ? error : j;
    const struct text message = node_string(error, "message");
    int64_t code = 0;
    node_refused(r, message, out->words);
    if (json_int(json_get(error, "code"), 0, INT32_MAX, &code) && code == GRPC_NOT_FOUND &&
        text_is(message, "payment isn't initiated")) {
        out->state = NODE_ABSENT;
    }
}

static void stream_read(struct rail *r, const struct node_payment *p, const struct json *j,
                        struct node_answer *out)
{
    const struct json *result = json_get(j, "result");
    if (j != NULL && result != NULL && r->answer.status == 200) {
        payment_read(p, result, out);
    } else if (j != NULL) {
        error_read(r, j, out);
    }
}

static void pay(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    struct buf body = {0};
    struct json_writer w;
    const struct node_question q = {.method = "POST",
                                    .path = TEXT("/v2/router/send"),
                                    .json = &body,
                                    .total_ms = (p->pay_s + 10) * 1000,
                                    .is_first_line = true};
    jw_init(&w, &body, false);
    jw_object(&w, NULL);
    jw_text(&w, "payment_request", p->invoice);
    jw_int(&w, "timeout_seconds", p->pay_s);
    jw_i128(&w, "fee_limit_msat", p->fee_max_msat);
    jw_int(&w, "cltv_limit", p->max_delay);
    jw_int(&w, "max_parts", 16);
    jw_bool(&w, "no_inflight_updates", true); /* so the first line is the last word */
    jw_end_object(&w);
    stream_read(r, p, node_ask(r, &q, out->words), out);
    buf_clear(&body);
}

static void look(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    char hash[BASE64_TEXT_MAX(SHA256_LEN)];
    (void)base64url_encode(hash, (struct bytes){p->i.payment_hash.b, SHA256_LEN});
    /* 32 bytes leave one character of padding, which LND wants */
    const struct text path = arena_printf(&r->work, "/v2/router/track/%s=", hash);
    const struct node_question q = {.method = "GET", .path = path, .is_first_line = true};
    stream_read(r, p, node_ask(r, &q, out->words), out);
}

const struct node_kind node_lnd = {
    .name = "lnd",
    .key_setting = "macaroon_file",
    .auth = auth,
    .info = info,
    .pay = pay,
    .look = look,
};
