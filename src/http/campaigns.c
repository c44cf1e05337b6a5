/* SPDX-License-Identifier: Apache-2.0
 * Campaigns as they stand now. A key that is bound to a party sees those that it created or
 * promised money to, and nobody else's commitments. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

static bool row_write(void *arg, const struct campaign_row *row)
{
    campaign_json(arg, row);
    return true;
}

void campaigns_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    char next[CAMPAIGN_CURSOR_MAX];
    struct campaigns_query q = {.at = engine_now(e),
                                .state = exchange_query(x, "state"),
                                .app_id = exchange_query(x, "app"),
                                .party = x->who->party,
                                .after = exchange_query(x, "after"),
                                .limit = PAGE_DEFAULT};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &q.limit)) {
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_time(&w, "as_of", q.at);
    jw_array(&w, "campaigns");
    if (campaigns_list(e, &q, row_write, &w, next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_text_or_null(&w, "next", text_of(next));
    jw_end_object(&w);
}

void campaign_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct campaign_whole c;
    (void)d;
    if (campaign_find(e, x->param[0], x->who->party, engine_now(e), &x->arena, &c, &err) !=
        METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    campaign_whole_json(&w, &c);
}
