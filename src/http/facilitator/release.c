/* SPDX-License-Identifier: Apache-2.0
 * POST /release: who holds a payment lets it go, since what it was to pay for was not given. The
 * payer may use the same payment again. */
#include "base/text.h"
#include "http/facilitator/facilitator.h"
#include "http/facilitator/step.h"
#include "http/reply.h"
#include "http/routes.h"

/** What nobody held is as free as what was let go. */
static void answer(struct judging *j, enum mete_code code, const struct mete_err *err)
{
    struct json_writer w;
    if (code != METE_OK && code != METE_NOT_FOUND && code != METE_PAYMENT_STATE) {
        reply_problem(j->x, err);
    } else {
        reply_json(j->x, 200, &w);
        jw_object(&w, NULL);
        jw_bool(&w, "released", code == METE_OK);
        jw_end_object(&w);
    }
    desk_stream_done(j->d, j->x);
}

static void released(void *ctx, enum mete_code code, const struct x402_step_result *result)
{
    answer(ctx, code, &result->err);
}

static void refuse(struct judging *j, bool is_malformed)
{
    struct mete_err err;
    answer(j,
           mete_fail(&err, is_malformed ? METE_REQUEST_INVALID : METE_NOT_FOUND, "", "%s%s%.*s",
                     x402_reason_text(j->c.reason), j->c.message.len > 0 ? ": " : "",
                     (int)j->c.message.len, j->c.message.p != NULL ? j->c.message.p : ""),
           &err);
}

void x402_release_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct judging *j = arena_alloc(&x->arena, sizeof *j);
    bool is_malformed;
    (void)e;
    if (!facilitator_may(d->facilitator, x)) {
        desk_stream_done(d, x);
        return;
    }
    *j = (struct judging){.d = d, .x = x};
    /* that its time is over, or its amount wrong, does not matter any more */
    if (!judging_read(j, &is_malformed) || (!j->c.scheme->read(&j->c) && j->c.from.len == 0)) {
        refuse(j, is_malformed);
        return;
    }
    const struct x402_step step = {
        .kind = X402_STEP_RELEASE,
        .name = {text_of(j->c.net->id), j->c.asset, j->c.from, j->c.nonce},
        .reservation = j->in.reservation};
    step_say(d, &step, x->request_id, released, j);
}
