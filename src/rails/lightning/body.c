/* SPDX-License-Identifier: Apache-2.0
 * What an attempt is committed with, as JSON: the invoice, what it may cost, and through which node
 * it goes, so that no other one is ever asked. The destination is not in it. */
#include "rails/lightning/parts.h"

#include "base/encode.h"
#include "base/text.h"
#include "wire/json_values.h"

#include <stdio.h>

mete_time lightning_expires_at(const struct bolt11 *i)
{
    const int64_t s = bolt11_expires_at(i);
    return s >= TIME_MAX / TIME_SECOND_US ? TIME_MAX : s * TIME_SECOND_US;
}

void lightning_body_write(struct buf *out, const struct rail *r, const struct node_payment *p,
                          const struct node_info *info, mete_time now, bool is_new)
{
    struct json_writer w;
    char payee[LIGHTNING_KEY_HEX];
    hex_encode(payee, (struct bytes){p->i.payee, sizeof p->i.payee});
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_text(&w, "invoice", p->invoice);
    jw_str(&w, "payee", payee);
    jw_i128(&w, "amount_msat", p->i.amount_msat);
    jw_i128(&w, "fee_max_msat", p->fee_max_msat);
    jw_int(&w, "max_delay_blocks", p->max_delay);
    jw_int(&w, "pay_timeout_s", p->pay_s);
    jw_bool(&w, "is_new", is_new);
    jw_time(&w, "resolved_at", now);
    jw_time(&w, "expires_at", lightning_expires_at(&p->i));
    jw_str(&w, "node", r->s.node->name);
    jw_str(&w, "node_url", r->s.url);
    jw_str(&w, "node_key", info->key);
    jw_end_object(&w);
}

static bool terms_read(const struct json *j, struct node_payment *out)
{
    uint64_t delay = 0, seconds = 0;
    if (!node_number(j, "fee_max_msat", &out->fee_max_msat) ||
        !node_number(j, "max_delay_blocks", &delay) || delay > BOLT11_CLTV_MAX ||
        !node_number(j, "pay_timeout_s", &seconds) || seconds > LIGHTNING_PAY_S_MAX) {
        return false;
    }
    out->max_delay = (unsigned)delay;
    out->pay_s = (unsigned)seconds;
    return true;
}

bool lightning_body_read(struct rail *r, const struct rail_payment *p, struct lightning_body *out,
                         char words[RAIL_TEXT_MAX])
{
    struct json *j = NULL;
    struct mete_err err = {0};
    *out = (struct lightning_body){0};
    if (p->body_count == 0 ||
        json_parse(&r->work, p->body[p->body_count - 1], &j, &err) != METE_OK) {
        snprintf(words, RAIL_TEXT_MAX, "what was committed cannot be read: %.200s", err.text);
        return false;
    }
    out->pay.invoice = node_string(j, "invoice");
    out->node = node_string(j, "node");
    out->node_url = node_string(j, "node_url");
    out->node_key = node_string(j, "node_key");
    out->is_new = json_is_true(json_get(j, "is_new"));
    if (bolt11_read(&r->work, out->pay.invoice, &out->pay.i, &err) != METE_OK ||
        !terms_read(j, &out->pay)) {
        snprintf(words, RAIL_TEXT_MAX, "what was committed is no invoice of this rail: %.200s",
                 err.text);
        return false;
    }
    hash_hex(&out->pay.i.payment_hash, out->pay.hash);
    out->expires_at = lightning_expires_at(&out->pay.i);
    if (!text_is(p->anchor, out->pay.hash)) {
        snprintf(words, RAIL_TEXT_MAX, "the anchor is not the payment hash of what was committed");
        return false;
    }
    return true;
}
