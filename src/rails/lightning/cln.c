/* SPDX-License-Identifier: Apache-2.0
 * Core Lightning by clnrest, with a rune for getinfo, xpay and listpays. Success is status 201;
 * errors are {code, message}. An error of xpay proves nothing: 219 says that it was paid, -3 that
 * it is on its way. listpays knows. Source: docs.corelightning.org, measured on v26.06. */
#include "rails/lightning/parts.h"

#include "base/text.h"

#include <stdio.h>

static const char *auth(struct buf *out, struct text content)
{
    while (content.len > 0 && (uint8_t)content.p[content.len - 1] <= ' ') {
        content.len--;
    }
    for (size_t i = 0; i < content.len; i++) {
        if (content.p[i] <= ' ' || content.p[i] > '~') {
            return "a rune has no such characters; `lightning-cli createrune` prints one";
        }
    }
    buf_put_str(out, "Rune: ");
    buf_put_text(out, content);
    return content.len > 0 ? NULL : "the file has no rune in it";
}

/** The answer of a method, or NULL with words. */
static struct json *ask(struct rail *r, struct text path, struct buf *body, unsigned total_ms,
                        char words[RAIL_TEXT_MAX])
{
    const struct node_question q = {
        .method = "POST", .path = path, .json = body, .total_ms = total_ms};
    struct json *j = node_ask(r, &q, words);
    if (j != NULL && r->answer.status != 201 && r->answer.status != 200) {
        node_refused(r, node_string(j, "message"), words);
        return NULL;
    }
    return j;
}

static void info(struct rail *r, struct node_info *out)
{
    struct buf body = {0};
    buf_put_str(&body, "{}");
    const struct json *j = ask(r, TEXT("/v1/getinfo"), &body, 0, out->words);
    buf_clear(&body);
    node_info_key(out, node_string(j, "id"));
    node_info_network(out, node_string(j, "network"));
    out->is_synced = out->is_known && json_get(j, "warning_bitcoind_sync") == NULL &&
                     json_get(j, "warning_lightningd_sync") == NULL;
}

static void paid(const struct node_payment *p, const struct json *row, const char *preimage,
                 struct node_answer *out)
{
    uint64_t sent = 0;
    node_proof(p, node_string(row, preimage), out);
    out->has_amount = node_number(row, "amount_msat", &out->amount_msat);
    const uint64_t amount = out->has_amount ? out->amount_msat : p->i.amount_msat;
    out->has_fee = node_number(row, "amount_sent_msat", &sent) && sent >= amount;
    out->fee_msat = out->has_fee ? sent - amount : 0;
}

static void pay(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    struct buf body = {0};
    struct json_writer w;
    jw_init(&w, &body, false);
    jw_object(&w, NULL);
    jw_text(&w, "invstring", p->invoice);
    jw_int(&w, "maxfee", (int64_t)p->fee_max_msat);
    jw_int(&w, "retry_for", p->pay_s);
    jw_int(&w, "maxdelay", p->max_delay);
    jw_end_object(&w);
    const struct json *j = ask(r, TEXT("/v1/xpay"), &body, (p->pay_s + 10) * 1000, out->words);
    buf_clear(&body);
    if (j != NULL) {
        paid(p, j, "payment_preimage", out);
    }
}

/* Tries of one invoice are rows of their own: one that is complete says it all, one that is pending
 * forbids every other answer. */
static void rows_read(const struct node_payment *p, const struct json *rows,
                      struct node_answer *out)
{
    bool is_pending = false;
    out->state = rows->count == 0 ? NODE_ABSENT : NODE_FAILED;
    for (const struct json *row = rows->child; row != NULL; row = row->next) {
        const struct text status = node_string(row, "status");
        if (!text_is(node_string(row, "payment_hash"), p->hash)) {
            out->state = NODE_UNSURE;
            snprintf(out->words, sizeof out->words, "the node answers about another payment");
            return;
        }
        if (text_is(status, "complete")) {
            paid(p, row, "preimage", out);
            return;
        }
        is_pending = is_pending || !text_is(status, "failed");
    }
    if (is_pending) {
        out->state = NODE_PENDING;
    }
}

static void look(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    struct buf body = {0};
    buf_printf(&body, "{\"payment_hash\":\"%s\"}", p->hash);
    const struct json *j = ask(r, TEXT("/v1/listpays"), &body, 0, out->words);
    buf_clear(&body);
    const struct json *rows = json_get(j, "pays");
    if (rows != NULL && rows->type == JSON_ARRAY) {
        rows_read(p, rows, out);
    } else if (j != NULL) {
        snprintf(out->words, sizeof out->words, "the node's answer to listpays has no pays");
    }
}

const struct node_kind node_cln = {
    .name = "cln",
    .key_setting = "rune_file",
    .auth = auth,
    .info = info,
    .pay = pay,
    .look = look,
};
