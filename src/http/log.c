/* SPDX-License-Identifier: Apache-2.0
 * The log for those who want to prove something: the signed head, and the ways through the tree, as
 * `mete log proof` writes them, so that `mete log verify` reads them. */
#include "http/desk.h"
#include "http/own.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "render/render.h"

/** The signed note itself, as witnesses of C2SP logs read it. */
void log_checkpoint_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct checkpoint c;
    uint64_t size = book_size(engine_book(e));
    (void)d;
    if (!arg_number(x, "size", 0, size, &size)) {
        return;
    }
    if (log_checkpoint(e, &x->arena, size, &c, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_body(x, 200, TYPE_TEXT, c.note);
}

/** Of the event in the path; ?size= chooses the head that it leads to. */
void log_inclusion_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct log_inclusion p;
    uint64_t size = book_size(engine_book(e));
    uint64_t seq = engine_seq_of(e, x->param[0]);
    (void)d;
    if (seq == 0 || !own_event(e, x->who, x->param[0])) {
        reply_fail(x, METE_NOT_FOUND, NULL, "no event of this book has this id");
        return;
    }
    if (!arg_number(x, "size", 1, size, &size)) {
        return;
    }
    if (log_prove_inclusion(e, seq, size, &p, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    inclusion_json(&w, &p, x->param[0], log_note(e, &x->arena, size));
}

/** ?first= and ?second= are sizes; second is the whole log when it is absent. */
void log_consistency_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    struct log_consistency p;
    uint64_t size = book_size(engine_book(e));
    uint64_t first = 0;
    uint64_t second = size;
    (void)d;
    if (!arg_number(x, "first", 1, size, &first) || !arg_number(x, "second", 1, size, &second)) {
        return;
    }
    if (log_prove_consistency(e, first, second, &p, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    consistency_json(&w, &p, log_note(e, &x->arena, second));
}
