/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402 as JSON. Values are in the token's smallest units; addresses and transactions
 * are public on their chain. */
#include "render/x402.h"

#include "base/text.h"

static const char *state_name(const struct x402_status *p)
{
    return p->state == X402_NONE ? "none" : machine_of(MACHINE_X402)->state[p->state];
}

static void begun_members(struct json_writer *w, const struct x402_status *p)
{
    bool begun = p->state >= X402_SETTLING;
    jw_text_or_null(w, "scheme", p->scheme);
    jw_text_or_null(w, "to", p->to);
    jw_text_or_null(w, "value", p->value);
    jw_text_or_null(w, "resource", p->resource);
    jw_text_or_null(w, "policy", p->policy);
    if (begun) {
        jw_hash(w, "request", &p->request);
        jw_time(w, "begun_at", p->begun_at);
    } else {
        jw_null(w, "request");
        jw_null(w, "begun_at");
    }
    jw_text_or_null(w, "code", p->asset_code);
    jw_int(w, "scale", p->asset_scale);
    jw_text_or_null(w, "signer", p->signer);
    if (p->signer.len > 0) {
        jw_int(w, "account_nonce", (int64_t)p->account_nonce);
    } else {
        jw_null(w, "account_nonce");
    }
}

static void transactions_members(struct json_writer *w, const struct x402_status *p, bool with_raws)
{
    jw_array(w, "transactions");
    for (size_t i = 0; i < p->transaction_count; i++) {
        jw_text(w, NULL, p->transactions[i]);
    }
    jw_end_array(w);
    if (with_raws) {
        jw_array(w, "raws");
        for (size_t i = 0; i < p->transaction_count; i++) {
            jw_text(w, NULL, p->raws[i]);
        }
        jw_end_array(w);
    }
    jw_bool(w, "cancels", p->cancels);
}

void x402_payment_json(struct json_writer *w, const char *key, const struct x402_status *p,
                       bool with_raws)
{
    char id[X402_ID_LEN + 1];
    x402_id(&p->name, id);
    jw_object(w, key);
    jw_str(w, "payment", id);
    jw_str(w, "state", state_name(p));
    jw_bool(w, "is_reserved", p->is_reserved);
    jw_text(w, "network", p->name.network);
    jw_text(w, "asset", p->name.asset);
    jw_text(w, "from", p->name.from);
    jw_text(w, "nonce", p->name.nonce);
    jw_time(w, "until", p->until);
    begun_members(w, p);
    transactions_members(w, p, with_raws);
    jw_text_or_null(w, "settled_by", p->settled_by);
    jw_int(w, "block", (int64_t)p->block);
    jw_text_or_null(w, "reason", p->reason);
    jw_end_object(w);
    jw_spill(w);
}

void x402_row_json(struct json_writer *w, const struct x402_revenue_query *q,
                   const struct x402_revenue_row *row)
{
    char day[11];
    jw_object(w, NULL);
    if (q->by == X402_BY_DAY) {
        time_format_day(row->day, day);
        jw_str(w, "day", day);
    } else {
        jw_null(w, "day");
    }
    jw_text_or_null(w, "resource", q->by == X402_BY_RESOURCE ? row->resource : q->resource);
    jw_text(w, "network", row->network);
    jw_asset(w, &row->asset);
    jw_i128(w, "settlements", row->settlements);
    jw_i128(w, "value_minor", row->value);
    jw_i128(w, "failures", row->failures);
    if (row->payers >= 0) {
        jw_i128(w, "payers", row->payers);
    } else {
        jw_null(w, "payers");
    }
    jw_end_object(w);
    jw_spill(w);
}

int x402_success_bps(const struct x402_revenue *r)
{
    i128 ended = r->settlements + r->failures;
    return ended > 0 ? (int)(r->settlements * 10000 / ended) : -1;
}

void x402_revenue_json(struct json_writer *w, const struct x402_revenue_query *q,
                       const struct x402_revenue *r)
{
    int bps = x402_success_bps(r);
    jw_object(w, NULL);
    jw_array(w, "rows");
    for (size_t i = 0; i < r->row_count; i++) {
        x402_row_json(w, q, &r->row[i]);
    }
    jw_end_array(w);
    jw_i128(w, "settlements", r->settlements);
    jw_i128(w, "failures", r->failures);
    if (bps >= 0) {
        jw_int(w, "success_bps", bps);
    } else {
        jw_null(w, "success_bps");
    }
    jw_array(w, "gas");
    for (size_t i = 0; i < r->gas_count; i++) {
        jw_object(w, NULL);
        jw_text(w, "network", r->gas[i].network);
        jw_i128(w, "transactions", r->gas[i].transactions);
        jw_i128(w, "gas_used", r->gas[i].used);
        jw_i128(w, "cost", r->gas[i].cost);
        jw_end_object(w);
    }
    jw_end_array(w);
    jw_end_object(w);
    jw_spill(w);
}

void x402_policy_json(struct json_writer *w, const struct x402_policy_row *row)
{
    jw_object(w, NULL);
    jw_text(w, "pay_to", row->pay_to);
    jw_text(w, "resource", row->resource);
    jw_text_or_null(w, "network", row->network);
    jw_text(w, "policy", row->policy);
    jw_end_object(w);
    jw_spill(w);
}
