/* SPDX-License-Identifier: Apache-2.0
 * The log for those who want to prove something: the signed head, and the ways through the tree, as
 * `mete log proof` writes them, so that `mete log verify` reads them. */
#include "http/desk.h"
#include "http/own.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "engine/log.h"

static void hash_member(struct json_writer *w, const char *name, const struct hash *h)
{
    char hex[65];
    hash_hex(h, hex);
    jw_str(w, name, hex);
}

static void path_member(struct json_writer *w, const struct hash *path, size_t count)
{
    jw_array(w, "path");
    for (size_t i = 0; i < count; i++) {
        hash_member(w, NULL, &path[i]);
    }
    jw_end_array(w);
}

/** What signs the root of a proof; null where the key file is not. */
static void note_member(struct json_writer *w, struct engine *e, struct arena *a, uint64_t size)
{
    struct checkpoint c;
    struct mete_err unused;
    if (log_checkpoint(e, a, size, &c, &unused) == METE_OK) {
        jw_text(w, "checkpoint", c.note);
    } else {
        jw_null(w, "checkpoint");
    }
}

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
    char at[TIME_TEXT_MAX];
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
    time_format(p.recorded_at, at);
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "kind", "inclusion");
    jw_int(&w, "seq", (int64_t)p.seq);
    jw_int(&w, "size", (int64_t)p.size);
    jw_text(&w, "event_id", x->param[0]);
    jw_str(&w, "recorded_at", at);
    hash_member(&w, "event_sha256", &p.event);
    hash_member(&w, "decision_sha256", &p.decision);
    hash_member(&w, "leaf", &p.leaf);
    path_member(&w, p.path, p.path_count);
    hash_member(&w, "root", &p.root);
    note_member(&w, e, &x->arena, size);
    jw_end_object(&w);
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
    jw_object(&w, NULL);
    jw_str(&w, "kind", "consistency");
    jw_int(&w, "first", (int64_t)p.first);
    jw_int(&w, "second", (int64_t)p.second);
    hash_member(&w, "first_root", &p.first_root);
    path_member(&w, p.path, p.path_count);
    hash_member(&w, "second_root", &p.second_root);
    note_member(&w, e, &x->arena, second);
    jw_end_object(&w);
}
