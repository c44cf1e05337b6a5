/* SPDX-License-Identifier: Apache-2.0
 * What parties have. */
#include "http/desk.h"
#include "http/own.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "http/query_args.h"
#include "render/render.h"

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

/* --- what everybody has ------------------------------------------------------------------------*/

struct listing {
    struct exchange *x;
    struct json_writer w;
    uint64_t left; /* rows of this page */
    struct text last;
    bool more;
};

static bool row_write(void *arg, const struct party_row *row)
{
    struct listing *l = arg;
    if (l->left == 0 && !text_eq(row->party, l->last)) {
        l->more = true; /* a party's accounts stay on one page */
        return false;
    }
    l->left -= l->left > 0;
    l->last = arena_text(&l->x->arena, row->party);
    party_json(&l->w, row);
    return true;
}

void parties_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct listing l = {.x = x, .left = PAGE_DEFAULT};
    struct parties_query q = {.at = engine_now(e),
                              .asset = exchange_query(x, "asset"),
                              .kind = exchange_query(x, "kind"),
                              .after = exchange_query(x, "after")};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &l.left) || !arg_time(x, "as_of", true, &q.at)) {
        return;
    }
    reply_json(x, 200, &l.w);
    jw_object(&l.w, NULL);
    jw_time(&l.w, "as_of", q.at);
    jw_array(&l.w, "parties");
    if (parties_list(e, &q, row_write, &l, NULL, NULL, NULL, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&l.w);
    jw_text_or_null(&l.w, "next", l.more ? l.last : (struct text){0});
    jw_end_object(&l.w);
}

/* --- one party's balance -----------------------------------------------------------------------*/

static bool balance_write(void *arg, const struct party_row *row)
{
    balance_json(arg, row);
    return true;
}

void party_balance_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct parties_query q = {
        .at = engine_now(e), .party = x->param[0], .asset = exchange_query(x, "asset")};
    (void)d;
    if (!arg_time(x, "as_of", true, &q.at) || !arg_own_party(x, x->param[0])) {
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "party", x->param[0]);
    jw_time(&w, "as_of", q.at);
    jw_array(&w, "balances");
    if (parties_list(e, &q, balance_write, &w, NULL, NULL, NULL, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

/* --- why ---------------------------------------------------------------------------------------*/

void explain_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    struct mete_err err;
    struct explain_node *root;
    mete_time at = engine_now(e);
    (void)d;
    if (!arg_time(x, "as_of", true, &at)) {
        return;
    }
    enum mete_code code = explain_id(e, x->param[0], at, &x->arena, &root, &err);
    bool bound = x->who->party.len > 0; /* what is another's answers like what is not there */
    if (bound && (code == METE_NOT_FOUND ||
                  (code == METE_OK && !own_explanation(x->who, x->param[0], root)))) {
        reply_fail(x, METE_NOT_FOUND, NULL,
                   "a key that is bound to a party explains its own lines, and what it has");
        return;
    }
    if (code != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    explain_json(&w, root);
}
