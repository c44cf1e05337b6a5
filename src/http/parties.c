/* SPDX-License-Identifier: Apache-2.0
 * What parties have. */
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "engine/query.h"

static void balance_write(struct json_writer *w, const struct party_row *row)
{
    jw_object(w, NULL);
    jw_text(w, "party", row->party);
    jw_end_object(w);
}

static bool row_write(void *arg, const struct party_row *row)
{
    balance_write(arg, row);
    return true;
}

void parties_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    struct mete_err err;
    const struct parties_query q = {.at = engine_now(e)};
    (void)d;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "parties");
    if (parties_list(e, &q, row_write, &w, &x->arena, NULL, NULL, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    jw_end_object(&w);
}

void party_balance_get(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    (void)e;
    reply_fail(x, METE_NOT_FOUND, NULL, "soon");
}

void explain_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    struct mete_err err;
    struct explain_node *root;
    (void)d;
    if (explain_id(e, x->param[0], engine_now(e), &x->arena, &root, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    explain_json(&w, NULL, root);
}
