/* SPDX-License-Identifier: Apache-2.0
 * Rates of exchange, and what conversions would come to. */
#include "render/render.h"

static void rate_members(struct json_writer *w, struct text base, struct text quote,
                         const struct rate *r)
{
    jw_text(w, "base", base);
    jw_text(w, "quote", quote);
    jw_text(w, "rate", r->text);
    jw_text(w, "provider", r->provider);
    jw_time(w, "as_of", r->as_of);
    jw_int(w, "seq", (int64_t)r->seq);
}

void exchange_rate_json(struct json_writer *w, const struct rate_row *row)
{
    jw_object(w, NULL);
    rate_members(w, row->base, row->quote, &row->rate);
    jw_bool(w, "is_old", row->is_old);
    jw_end_object(w);
    jw_spill(w);
}

void quote_json(struct json_writer *w, const struct rates_quote *q)
{
    char value[RATIO_TEXT_MAX];
    ratio_format(q->fx.value, value);
    jw_object(w, NULL);
    jw_money(w, "amount", q->amount, &q->from);
    jw_money(w, "converted", q->made, &q->to);
    jw_str(w, "rate", value);
    jw_array(w, "rates");
    jw_object(w, NULL);
    rate_members(w, q->first_base, q->first_quote, &q->first);
    jw_end_object(w);
    if (q->second.seq != q->first.seq) {
        jw_object(w, NULL);
        rate_members(w, q->second_base, q->second_quote, &q->second);
        jw_end_object(w);
    }
    jw_end_array(w);
    jw_end_object(w);
}
