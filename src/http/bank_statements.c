/* SPDX-License-Identifier: Apache-2.0
 * POST /v1/bank/statements: what a bank sends back, as `mete bank import` takes it. */
#include "engine/bank_import.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"
#include "render/render.h"

static bool row_write(void *arg, const struct bank_import_row *row)
{
    bank_import_row_json(arg, row);
    return true;
}

void bank_statements_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct bank_import_counts counts;
    struct mete_err err;
    struct json_writer w;
    (void)d;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "records");
    if (bank_import(e, buf_bytes(&x->body), row_write, &w, &counts, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    bank_import_counts_json(&w, &counts);
    jw_end_object(&w);
}
