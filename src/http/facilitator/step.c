/* SPDX-License-Identifier: Apache-2.0
 * A step is a request like any other, made for the facilitator itself: so it finds the process that
 * has the book by the same way. A look is read here, as the book stands at the last commit. */
#include "http/facilitator/step.h"

#include "base/text.h"
#include "http/workers.h"
#include "http/x402_door.h"

#include <stdlib.h>
#include <string.h>

/* --- steps -------------------------------------------------------------------------------------*/

struct step_ask {
    struct exchange inner; /* first: it leads back; the answer stands in it */
    step_done *done;
    void *ctx;
};

static void step_read(struct exchange *inner, struct x402_step_result *out)
{
    struct json *root = NULL;
    struct mete_err err;
    const struct json *results = NULL;
    *out = (struct x402_step_result){.status = X402_STEP_REFUSED};
    if (json_parse(&inner->arena, buf_text(&inner->out), &root, &err) == METE_OK) {
        results = json_get(root, "results");
    }
    if (inner->status != 200 || results == NULL || results->child == NULL ||
        !x402_result_read(results->child, &inner->arena, out)) {
        const struct json *detail = json_get(root, "detail");
        const bool is_refused = inner->status >= 400 && inner->status < 500; /* else none knows */
        *out = (struct x402_step_result){.status = X402_STEP_REFUSED}; /* half of one is none */
        (void)mete_fail(&out->err, is_refused ? METE_REQUEST_INVALID : METE_OVERLOADED, "",
                        "the book: %.*s", detail != NULL ? (int)detail->text.len : 14,
                        detail != NULL ? detail->text.p : "no answer came");
    }
}

static void step_ended(struct exchange *inner)
{
    struct step_ask *s = (struct step_ask *)inner;
    struct x402_step_result *result = arena_alloc(&inner->arena, sizeof *result);
    step_read(inner, result);
    s->done(s->ctx, result->status == X402_STEP_REFUSED ? result->err.code : METE_OK, result);
    exchange_clear(inner);
    free(s);
}

void step_say(struct desk *d, const struct x402_step *step, const char *request_id, step_done *done,
              void *ctx)
{
    struct json_writer w;
    struct step_ask *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->done = done;
    s->ctx = ctx;
    desk_own_init(d, &s->inner, "stepPayments", request_id);
    jw_init(&w, &s->inner.body, false);
    jw_object(&w, NULL);
    jw_array(&w, "steps");
    x402_step_write(&w, step);
    jw_end_array(&w);
    jw_end_object(&w);
    desk_own_ask(d, &s->inner, step_ended);
}

/* --- looks -------------------------------------------------------------------------------------*/

struct status_look;
typedef enum mete_code look_read(struct status_look *l, struct engine *e);

struct status_look {
    struct work work; /* first: it leads back */
    struct desk *d;
    look_read *read;
    char id[X402_ID_LEN + 1]; /* of a payment, or the code of an asset */
    struct arena *a;
    struct x402_status status;
    struct mete_err err;
    enum mete_code code;
    bool is_apart;
    status_done *done;
    void *ctx;
};

static void look_run(struct work *w, struct engine *e, const struct mete_err *why)
{
    struct status_look *l = (struct status_look *)w;
    if (e == NULL) {
        l->err = *why;
        l->code = why->code;
    } else {
        l->code = l->read(l, e);
    }
}

static void look_end(struct status_look *l)
{
    l->done(l->ctx, l->code, &l->status, &l->err);
    free(l);
}

static void look_put(struct status_look *l)
{
    const bool was_taken =
        l->is_apart ? workers_put(l->d->workers, &l->work) : keeper_put(l->d->keeper, &l->work);
    if (!was_taken) {
        l->code = mete_fail(&l->err, METE_OVERLOADED, "", "too much is waiting already");
        look_end(l);
    }
}

static void look_over(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct status_look *l = (struct status_look *)w;
    if (code != METE_OK && l->code == METE_OK) {
        l->code = code;
        l->err = *err;
    }
    if (l->code == METE_STORE_BUSY && !l->is_apart) { /* another process writes the book */
        l->is_apart = true;
        look_put(l);
    } else {
        look_end(l);
    }
}

static void look_begin(struct desk *d, const char *id, struct status_look what)
{
    struct status_look *l = malloc(sizeof *l);
    METE_ASSERT(l != NULL);
    *l = what;
    l->work = (struct work){.book = d->o.book, .run = look_run, .done = look_over};
    l->d = d;
    l->is_apart = d->relay != NULL && relay_is_away(d->relay, d->o.book);
    METE_ASSERT(text_copy(l->id, sizeof l->id, text_of(id)));
    look_put(l);
}

static enum mete_code payment_read(struct status_look *l, struct engine *e)
{
    return x402_find(e, text_of(l->id), l->a, &l->status, &l->err);
}

static enum mete_code nothing_read(struct status_look *l, struct engine *e)
{
    return x402_nothing_check(e, text_of(l->id), &l->err);
}

void status_ask(struct desk *d, const char *id, struct arena *a, status_done *done, void *ctx)
{
    look_begin(d, id, (struct status_look){.read = payment_read, .a = a, .done = done, .ctx = ctx});
}

void nothing_ask(struct desk *d, const char *code, status_done *done, void *ctx)
{
    look_begin(d, code, (struct status_look){.read = nothing_read, .done = done, .ctx = ctx});
}
