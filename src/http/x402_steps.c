/* SPDX-License-Identifier: Apache-2.0
 * The journal's door: what a facilitator does with payments by x402 is said here, and goes to the
 * process that has the book, which also signs (doc/decisions/0015-x402.md). Signed bytes leave by
 * this door alone. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/x402_door.h"

#include "base/text.h"

/* x->work between the two halves. */
struct stepping {
    struct x402_step *step;
    struct x402_step_result *result;
    size_t count;
};

void x402_steps_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    const struct json *list = json_get(body, "steps");
    struct stepping *s = arena_alloc(&x->arena, sizeof *s);
    struct mete_err err;
    (void)d;
    (void)e;
    if (body == NULL) {
        return;
    }
    if (list == NULL || list->type != JSON_ARRAY || list->count == 0 ||
        list->count > X402_STEPS_MAX) {
        reply_fail(x, METE_REQUEST_INVALID, "/steps", "steps is a list of 1 to %u steps",
                   X402_STEPS_MAX);
        return;
    }
    *s = (struct stepping){0};
    s->step = arena_array(&x->arena, list->count, sizeof *s->step);
    s->result = arena_array(&x->arena, list->count, sizeof *s->result);
    for (const struct json *j = list->child; j != NULL; j = j->next) {
        if (x402_step_read(j, s->count, &s->step[s->count], &err) != METE_OK) {
            reply_problem(x, &err);
            return;
        }
        s->count++;
    }
    x->work = s;
}

void x402_steps_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct stepping *s = x->work;
    struct json_writer w;
    struct mete_err err;
    if (x402_steps_take(e, d->x402_signer, s->step, s->count, &x->arena, s->result, &err) !=
        METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "results");
    for (size_t i = 0; i < s->count; i++) {
        x402_result_write(&w, &s->result[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    jw_spill(&w);
}
