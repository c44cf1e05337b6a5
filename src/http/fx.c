/* SPDX-License-Identifier: Apache-2.0
 * Rates of exchange: those that hold, taking over published ones, and what a conversion would come
 * to. The conversion itself is an event, fx.converted. */
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

static bool row_write(void *arg, const struct rate_row *row)
{
    exchange_rate_json(arg, row);
    return true;
}

void rates_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    (void)d;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "rates");
    if (rates_list(e, exchange_query(x, "base"), exchange_query(x, "quote"), row_write, &w, &err) !=
        METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

void rates_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct rates_imported done;
    struct mete_err err;
    struct json_writer w;
    (void)d;
    if (rates_import(e, buf_bytes(&x->body), &done, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "day", done.day);
    jw_int(&w, "set", (int64_t)done.set);
    jw_int(&w, "known", (int64_t)done.known);
    jw_int(&w, "unknown", (int64_t)done.unknown);
    jw_end_object(&w);
}

void quote_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct rates_quote q = {0};
    struct mete_err err;
    struct json_writer w;
    (void)d;
    if (rates_quote(e, &x->arena, exchange_query(x, "amount"), exchange_query(x, "from"),
                    exchange_query(x, "to"), &q, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    quote_json(&w, &q);
}
