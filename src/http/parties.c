/* SPDX-License-Identifier: Apache-2.0
 * What parties have. */
#include "http/desk.h"
#include "http/own.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "engine/query.h"
#include "http/query_args.h"

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

/* --- one account -------------------------------------------------------------------------------*/

static void account_members(struct json_writer *w, struct arena *a, const struct party_row *row)
{
    const struct balance *b = &row->balance;
    jw_text(w, "asset", arena_printf(a, "%s/%u", row->asset.code, row->asset.scale));
    jw_i128(w, "pending", b->pending);
    jw_i128(w, "disputed", b->disputed);
    jw_i128(w, "cleared", b->cleared);
    jw_i128(w, "debt", b->debt);
    jw_i128(w, "paid", b->paid);
}

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
    jw_object(&l->w, NULL);
    jw_text(&l->w, "party", row->party);
    if (row->kind.len > 0) {
        jw_text(&l->w, "kind", row->kind);
    } else {
        jw_null(&l->w, "kind");
    }
    account_members(&l->w, &l->x->arena, row);
    jw_end_object(&l->w);
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
    jw_array(&l.w, "parties");
    if (parties_list(e, &q, row_write, &l, NULL, NULL, NULL, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&l.w);
    if (l.more) {
        jw_text(&l.w, "next", l.last);
    } else {
        jw_null(&l.w, "next");
    }
    jw_end_object(&l.w);
}

/* --- one party's balance -----------------------------------------------------------------------*/

static bool balance_write(void *arg, const struct party_row *row)
{
    struct listing *l = arg;
    jw_object(&l->w, NULL);
    account_members(&l->w, &l->x->arena, row);
    jw_end_object(&l->w);
    return true;
}

void party_balance_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    char at[TIME_TEXT_MAX];
    struct listing l = {.x = x};
    struct parties_query q = {.at = engine_now(e), .party = x->param[0]};
    (void)d;
    if (!arg_time(x, "as_of", true, &q.at) || !arg_own_party(x, x->param[0])) {
        return;
    }
    time_format(q.at, at);
    reply_json(x, 200, &l.w);
    jw_object(&l.w, NULL);
    jw_text(&l.w, "party", x->param[0]);
    jw_str(&l.w, "as_of", at);
    jw_array(&l.w, "balances");
    if (parties_list(e, &q, balance_write, &l, NULL, NULL, NULL, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&l.w);
    jw_end_object(&l.w);
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
    if (explain_id(e, x->param[0], at, &x->arena, &root, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    if (!own_explanation(x->who, x->param[0], root)) {
        reply_fail(x, METE_NOT_FOUND, NULL,
                   "a key that is bound to a party explains its own lines, and what it has");
        return;
    }
    reply_json(x, 200, &w);
    explain_json(&w, NULL, root);
}
