/* SPDX-License-Identifier: Apache-2.0
 * The quarantine's operations, each durable when it returns. */
#include "engine/quarantine.h"

#include "engine/internal.h"

enum mete_code quarantine_list(struct engine *e, uint64_t after, quarantine_visit *visit, void *arg,
                               struct mete_err *err)
{
    return book_quarantine(e->book, after, visit, arg, err) == STORE_FAILED ? METE_STORE_FAILED
                                                                            : METE_OK;
}

struct wanted {
    uint64_t id;
    struct arena *a;
    struct quarantined *out;
    bool found;
};

static bool wanted_visit(void *arg, const struct quarantined *q)
{
    struct wanted *w = arg;
    if (q->id == w->id) {
        *w->out = *q;
        w->out->event_id = arena_text(w->a, q->event_id);
        w->out->pointer = arena_text(w->a, q->pointer);
        w->out->message = arena_text(w->a, q->message);
        w->out->body = arena_text(w->a, q->body);
        w->found = true;
    }
    return false;
}

enum mete_code quarantine_get(struct engine *e, uint64_t id, struct arena *a,
                              struct quarantined *out, struct mete_err *err)
{
    struct wanted w = {.id = id, .a = a, .out = out};
    if (id > 0 && book_quarantine(e->book, id - 1, wanted_visit, &w, err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    return w.found ? METE_OK
                   : mete_fail(err, METE_NOT_FOUND, "", "the quarantine has no row %llu",
                               (unsigned long long)id);
}

static enum mete_code row_remove(struct engine *e, uint64_t id, struct mete_err *err)
{
    if (book_quarantine_remove(e->book, id, err) == STORE_FAILED ||
        book_commit(e->book, err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    return METE_OK;
}

/** Event and removal are one commit: the row is either in the log or still in the quarantine. */
static enum mete_code submit_again(struct engine *e, const struct quarantined *q,
                                   struct submit_result *r, struct mete_err *err)
{
    const struct submit_options o = {.no_quarantine = true};
    engine_submit(e, q->body, &o, r);
    switch (r->status) {
    case SUBMIT_FAILED:
        *err = r->err;
        engine_rollback(e);
        return r->err.code;
    case SUBMIT_REFUSED:
    case SUBMIT_CONFLICT:
        return METE_OK;
    case SUBMIT_APPLIED:
    case SUBMIT_WAITING:
    case SUBMIT_DUPLICATE:
        break;
    }
    if (r->status == SUBMIT_DUPLICATE) { /* nothing of it is queued */
        return row_remove(e, q->id, err);
    }
    if (book_quarantine_remove(e->book, q->id, err) == STORE_FAILED) {
        engine_rollback(e);
        return METE_STORE_FAILED;
    }
    return engine_commit(e, err);
}

enum mete_code quarantine_replay(struct engine *e, uint64_t id, struct submit_result *r,
                                 struct mete_err *err)
{
    struct arena a;
    struct quarantined q;
    arena_init(&a, (size_t)64 << 20);
    enum mete_code code = quarantine_get(e, id, &a, &q, err);
    if (code == METE_OK && q.cut) {
        code = mete_fail(err, METE_EVENT_TOO_LARGE, "",
                         "row %llu was cut when it came and cannot be sent again",
                         (unsigned long long)id);
    }
    code = code == METE_OK ? submit_again(e, &q, r, err) : code;
    arena_clear(&a);
    return code;
}

enum mete_code quarantine_drop(struct engine *e, uint64_t id, struct mete_err *err)
{
    struct arena a;
    struct quarantined q;
    arena_init(&a, (size_t)64 << 20);
    enum mete_code code = quarantine_get(e, id, &a, &q, err);
    arena_clear(&a);
    return code == METE_OK ? row_remove(e, id, err) : code;
}
