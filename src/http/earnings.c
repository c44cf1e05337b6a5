/* SPDX-License-Identifier: Apache-2.0
 * What a party has earned: GET /api/agents/me/earnings for agents, who are whom their key is bound
 * to, with answers and errors in the shape of RFC 0006; the same by party for whoever may ask. */
#include "engine/earnings.h"
#include "http/desk.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#define LINES_DEFAULT 50u
#define LINES_MAX     1000u

/** The entity tag of what does not change with the clock alone. */
static struct text tag_of(struct exchange *x, struct text data)
{
    char hex[65];
    const struct hash h = sha256(text_bytes(data));
    hash_hex(&h, hex);
    return arena_printf(&x->arena, "\"%.32s\"", hex);
}

static struct text data_write(struct exchange *x, const struct earnings *earnings)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    earnings_members(&w, earnings);
    jw_end_object(&w);
    struct text data = arena_text(&x->arena, buf_text(&out));
    buf_clear(&out);
    return data;
}

static void earnings_reply(struct exchange *x, const struct earnings *earnings)
{
    struct json_writer w;
    struct text data = data_write(x, earnings);
    struct text tag = tag_of(x, data);
    struct text known = exchange_header(x, "If-None-Match");
    if (known.p != NULL && etag_is_listed(known, tag)) {
        reply_body(x, 304, TYPE_JSON, (struct text){0});
    } else {
        reply_json(x, 200, &w);
        jw_object(&w, NULL);
        jw_raw(&w, "data", data);
        jw_object(&w, "meta");
        jw_text(&w, "party", earnings->party);
        jw_time(&w, "as_of", earnings->at);
        jw_str(&w, "request_id", x->request_id);
        jw_end_object(&w);
        jw_end_object(&w);
    }
    reply_header(x, "ETag", tag);
    reply_header(x, "Cache-Control", TEXT("private, no-cache"));
}

static void earnings_answer(struct engine *e, struct exchange *x, struct text party)
{
    struct mete_err err;
    struct earnings earnings;
    uint64_t lines = LINES_DEFAULT;
    struct earnings_query q = {
        .party = party, .asset = exchange_query(x, "asset"), .at = engine_now(e)};
    if (!arg_number(x, "limit", 0, LINES_MAX, &lines) || !arg_time(x, "as_of", true, &q.at)) {
        return;
    }
    q.lines = (uint32_t)lines;
    if (earnings_read(e, &q, &x->arena, &earnings, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    earnings_reply(x, &earnings);
}

void my_earnings_get(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    if (x->who->party.len == 0) {
        reply_fail(x, METE_PROFILE_NOT_FOUND, NULL, "this key is bound to no party");
        return;
    }
    earnings_answer(e, x, x->who->party);
}

void earnings_get(struct desk *d, struct engine *e, struct exchange *x)
{
    uint32_t unused;
    (void)d;
    if (!arg_own_party(x, x->param[0])) {
        return;
    }
    if (x->who->party.len == 0 && view_party(engine_view(e), x->param[0], &unused) != VIEW_FOUND) {
        reply_fail(x, METE_NOT_FOUND, NULL, "the log does not name this party");
        return;
    }
    earnings_answer(e, x, x->param[0]);
}
