/* SPDX-License-Identifier: Apache-2.0
 * phoenixd by its HTTP API, with its full password. It takes no cap on fees but has a fixed price,
 * and answers 200 to a payment that failed, was paid before or is on its way: only the look-up by
 * hash tells. An amount is never sent along: it would take the place of the invoice's.
 * Source: phoenixd 0.8, Api.kt. */
#include "rails/lightning/parts.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "wire/url.h"

#include <stdio.h>

/* What its trampoline node takes: 4 sat and 0.4 % (phoenix.acinq.co/server). */
#define FEE_BASE_MSAT UINT64_C(4000)
#define FEE_PPM       UINT64_C(4000)
#define PASSWORD_MAX  200

static const char *auth(struct buf *out, struct text content)
{
    char plain[PASSWORD_MAX + 1] = ":"; /* the user's name is empty */
    char encoded[BASE64_TEXT_MAX(sizeof plain)];
    while (content.len > 0 && (uint8_t)content.p[content.len - 1] <= ' ') {
        content.len--;
    }
    if (content.len == 0 || content.len >= PASSWORD_MAX) {
        return "it has no password in it: http-password of phoenix.conf";
    }
    (void)text_copy(plain + 1, sizeof plain - 1, content);
    (void)base64_encode(encoded, (struct bytes){(const uint8_t *)plain, content.len + 1});
    buf_put_str(out, "Authorization: Basic ");
    buf_put_str(out, encoded);
    secret_wipe(plain, sizeof plain);
    secret_wipe(encoded, sizeof encoded);
    return NULL;
}

static void info(struct rail *r, struct node_info *out)
{
    const struct node_question q = {.method = "GET", .path = TEXT("/getinfo")};
    const struct json *j = node_ask(r, &q, out->words);
    if (j != NULL && r->answer.status != 200) {
        node_refused(r, node_string(j, "message"), out->words);
        return;
    }
    node_info_key(out, node_string(j, "nodeId"));
    node_info_network(out, node_string(j, "chain"));
    out->is_synced = out->is_known; /* its payments are in its own database */
}

static bool fee_needed(struct rail *r, const struct node_payment *p, uint64_t *msat,
                       char words[RAIL_TEXT_MAX])
{
    (void)r;
    (void)words;
    *msat = FEE_BASE_MSAT + (uint64_t)((u128)p->i.amount_msat * FEE_PPM / 1000000);
    return true;
}

static void pay(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    struct buf form = {0};
    const struct node_question q = {.method = "POST",
                                    .path = TEXT("/payinvoice"),
                                    .form = &form,
                                    .total_ms = (p->pay_s + 10) * 1000};
    buf_put_str(&form, "invoice=");
    url_put_escaped(&form, p->invoice);
    const struct json *j = node_ask(r, &q, out->words);
    buf_clear(&form);
    if (j != NULL) { /* its fee has lost what is below a satoshi, so this is not yet the report */
        lightning_words(out->words, sizeof out->words, node_string(j, "reason"), NULL);
    }
}

static void row_read(const struct node_payment *p, const struct json *row, struct node_answer *out)
{
    const struct json *completed = json_get(row, "completedAt");
    if (!text_is(node_string(row, "paymentHash"), p->hash)) {
        snprintf(out->words, sizeof out->words, "the node answers about another payment");
    } else if (node_string(row, "preimage").len > 0) {
        node_proof(p, node_string(row, "preimage"), out);
        out->has_fee = node_number(row, "fees", &out->fee_msat);
    } else if (completed == NULL || completed->type == JSON_NULL) {
        out->state = NODE_PENDING;
    } else if (json_is_true(json_get(row, "isPaid"))) {
        node_proof(p, TEXT(""), out);
    } else {
        out->state = NODE_FAILED;
    }
}

static void look(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    const struct text path = arena_printf(&r->work, "/payments/outgoingbyhash/%s", p->hash);
    const struct node_question q = {.method = "GET", .path = path};
    const struct json *j = node_ask(r, &q, out->words);
    if (j != NULL && r->answer.status == 200) {
        row_read(p, j, out);
    } else if (r->answer.outcome == WEB_ANSWERED && r->answer.status == 404 &&
               text_is(buf_text(&r->answer.body), "Not found")) {
        out->state = NODE_ABSENT; /* of an endpoint that it does not have it says something else */
    } else if (j != NULL) {
        node_refused(r, node_string(j, "message"), out->words);
    }
}

const struct node_kind node_phoenixd = {
    .name = "phoenixd",
    .key_setting = "password_file",
    .auth = auth,
    .info = info,
    .fee_needed = fee_needed,
    .pay = pay,
    .look = look,
};
