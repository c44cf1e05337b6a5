/* SPDX-License-Identifier: Apache-2.0
 * A party's lines, page by page. */
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#define LINES_DEFAULT 100u
#define LINES_MAX     1000u

static bool query_read(struct exchange *x, struct statement_query *q)
{
    q->party = exchange_query(x, "party");
    q->asset = exchange_query(x, "asset");
    q->after = exchange_query(x, "after");
    if (q->party.len == 0) {
        q->party = x->who->party; /* a key that is bound to one needs to name none */
    }
    if (q->party.len == 0) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "party says whose statement this is");
        return false;
    }
    return arg_own_party(x, q->party) && arg_time(x, "from", false, &q->from) &&
           arg_time(x, "to", true, &q->until) && arg_time(x, "as_of", true, &q->at) &&
           arg_number(x, "limit", 1, LINES_MAX, &q->limit);
}

void statement_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    struct statement_pages pages;
    struct mete_err err;
    struct statement_query q = {
        .from = TIME_ALWAYS, .until = TIME_NEVER, .at = engine_now(e), .limit = LINES_DEFAULT};
    (void)d;
    if (!query_read(x, &q)) {
        return;
    }
    reply_json(x, 200, &w);
    const struct statement_sink sink = statement_json_sink(&w);
    statement_json_begin(&w, &q);
    if (statement_read(e, &q, &sink, &pages, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    statement_json_end(&w, &pages);
}
