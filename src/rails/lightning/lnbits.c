/* SPDX-License-Identifier: Apache-2.0
 * A wallet at an LNbits, with its admin key. LNbits keeps the money: what it says of a payment is
 * what the wallet's balance says. It caps fees by its own reserve, which is asked before. A payment
 * to another wallet of the same LNbits never leaves it, and may come without a preimage.
 * Source: LNbits 1.x, core/services/payments.py, core/views/payment_api.py. */
#include "rails/lightning/parts.h"

#include "base/text.h"
#include "wire/url.h"

#include <stdio.h>
#include <string.h>

static const char *auth(struct buf *out, struct text content)
{
    while (content.len > 0 && (uint8_t)content.p[content.len - 1] <= ' ') {
        content.len--;
    }
    for (size_t i = 0; i < content.len; i++) {
        if (content.p[i] <= ' ' || content.p[i] > '~') {
            return "an admin key of LNbits has no such characters";
        }
    }
    buf_put_str(out, "X-Api-Key: ");
    buf_put_text(out, content);
    return content.len > 0 ? NULL : "the file has no admin key in it";
}

/** The answer with one of two statuses, or NULL with words. */
static struct json *ask(struct rail *r, const struct node_question *q, char words[RAIL_TEXT_MAX])
{
    struct json *j = node_ask(r, q, words);
    if (j != NULL && r->answer.status != 200 && r->answer.status != 201) {
        node_refused(r, node_string(j, "detail"), words);
        return NULL;
    }
    return j;
}

static void info(struct rail *r, struct node_info *out)
{
    const struct node_question q = {.method = "GET", .path = TEXT("/api/v1/wallet")};
    const struct json *j = ask(r, &q, out->words);
    out->is_known = json_get(j, "balance") != NULL;
    out->is_synced = out->is_known;
    if (node_string(j, "id").len > 0) { /* newer ones tell which wallet the key opens */
        node_info_key(out, node_string(j, "id"));
    }
}

static bool fee_needed(struct rail *r, const struct node_payment *p, uint64_t *msat,
                       char words[RAIL_TEXT_MAX])
{
    const struct text path = arena_printf(&r->work, "/api/v1/payments/fee-reserve?invoice=%.*s",
                                          (int)p->invoice.len, p->invoice.p);
    const struct node_question q = {.method = "GET", .path = path};
    const struct json *j = ask(r, &q, words);
    if (j != NULL && !node_number(j, "fee_reserve", msat)) {
        snprintf(words, RAIL_TEXT_MAX, "the node does not say what it keeps back for fees");
        return false;
    }
    return j != NULL;
}

static void pay(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    struct buf body = {0};
    struct json_writer w;
    const struct node_question q = {.method = "POST",
                                    .path = TEXT("/api/v1/payments"),
                                    .json = &body,
                                    .total_ms = (p->pay_s + 10) * 1000};
    jw_init(&w, &body, false);
    jw_object(&w, NULL);
    jw_bool(&w, "out", true);
    jw_text(&w, "bolt11", p->invoice);
    jw_end_object(&w);
    (void)ask(r, &q, out->words); /* 201 also means that it waits: look */
    buf_clear(&body);
}

/** What LNbits writes with the sign of the wallet: "-1234". */
static bool taken(const struct json *details, const char *key, uint64_t *out)
{
    int64_t n = 0;
    if (!json_int(json_get(details, key), -INT64_MAX, 0, &n)) {
        return false;
    }
    *out = (uint64_t)-n;
    return true;
}

static void paid(const struct node_payment *p, const struct json *j, const struct json *details,
                 struct node_answer *out)
{
    const struct text checking = node_string(details, "checking_id");
    node_proof(p, node_string(j, "preimage"), out);
    if (text_starts(checking, "internal_") &&
        text_is((struct text){checking.p + 9, checking.len - 9}, p->hash)) {
        out->state = NODE_PAID; /* inside one LNbits its own books are the payment */
    }
    out->has_fee = taken(details, "fee", &out->fee_msat);
    out->has_amount = taken(details, "amount", &out->amount_msat);
}

static void row_read(const struct node_payment *p, const struct json *j, struct node_answer *out)
{
    const struct json *details = json_get(j, "details");
    int64_t amount = 0;
    if (details == NULL || !text_is(node_string(details, "payment_hash"), p->hash)) {
        snprintf(out->words, sizeof out->words,
                 "the node shows no payment of this wallet under the hash: is the key that of "
                 "another wallet?");
    } else if (json_int(json_get(details, "amount"), 0, INT64_MAX, &amount)) {
        snprintf(out->words, sizeof out->words, "the invoice is one of this wallet itself");
    } else if (json_is_true(json_get(j, "paid"))) {
        paid(p, j, details, out);
    } else if (text_is(node_string(details, "status"), "failed")) {
        out->state = NODE_FAILED;
    } else {
        out->state = NODE_PENDING;
    }
}

static void look(struct rail *r, const struct node_payment *p, struct node_answer *out)
{
    const struct text path = arena_printf(&r->work, "/api/v1/payments/%s", p->hash);
    const struct node_question q = {.method = "GET", .path = path};
    const struct json *j = node_ask(r, &q, out->words);
    if (j != NULL && r->answer.status == 200) {
        row_read(p, j, out);
    } else if (j != NULL) {
        node_refused(r, node_string(j, "detail"), out->words);
        if (r->answer.status == 404 &&
            text_is(node_string(j, "detail"), "Payment does not exist.")) {
            out->state = NODE_ABSENT;
        }
    }
}

const struct node_kind node_lnbits = {
    .name = "lnbits",
    .key_setting = "key_file",
    .auth = auth,
    .info = info,
    .fee_needed = fee_needed,
    .pay = pay,
    .look = look,
};
