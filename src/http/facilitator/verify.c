/* SPDX-License-Identifier: Apache-2.0
 * POST /verify. A payment that is found valid is not held for anybody, unless the request says
 * "reserve": true. */
#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "http/facilitator/catalog.h"
#include "http/facilitator/facilitator.h"
#include "http/facilitator/step.h"
#include "http/reply.h"
#include "http/routes.h"

static void answer(struct judging *j, unsigned status, struct text extra)
{
    const struct x402_case *c = &j->c;
    const struct x402_verified v = {.is_valid = c->reason == X402_REASON_NONE,
                                    .payer = c->payer,
                                    .reason = text_of(x402_reason_text(c->reason)),
                                    .message = c->reason == X402_REASON_NONE ? (struct text){0}
                                               : c->message.len > 0
                                                   ? c->message
                                                   : text_of(x402_reason_message(c->reason)),
                                    .extra = extra};
    reply_body(j->x, status, TYPE_JSON, (struct text){0});
    x402_verified_write(&j->x->out, &v);
    if (extra.len > 0) { /* it tells a secret */
        reply_header(j->x, "Cache-Control", TEXT("no-store"));
    }
    if (v.is_valid) {
        catalog_take(facilitator_catalog(j->d->facilitator), j, false);
    }
    j->x->code = c->reason == X402_REASON_NONE ? NULL : x402_reason_text(c->reason);
    judging_note(j);
    facilitator_count(j->d->facilitator, ACT_VERIFY, c->reason);
    desk_stream_done(j->d, j->x);
}

/** The book gave no answer. Who asks again gets one. */
static void no_decision(struct judging *j)
{
    reply_header(j->x, "Retry-After", TEXT("1"));
    answer(j, 503, (struct text){0});
}

/* --- holding it --------------------------------------------------------------------------------*/

struct holding {
    struct judging *j;
    char token[X402_RESERVATION_LEN + 1];
};

static enum x402_reason reason_of(enum mete_code code)
{
    return code == METE_OK                 ? X402_REASON_NONE
           : code == METE_PAYMENT_RESERVED ? X402_REASON_PAYMENT_RESERVED
           : code == METE_PAYMENT_OTHERWISE
               ? X402_REASON_DUPLICATE_SETTLEMENT /* it is settled, or about to be */
               : X402_REASON_UNEXPECTED_VERIFY;
}

static void held(void *ctx, enum mete_code code, const struct x402_step_result *result)
{
    const struct holding *h = ctx;
    struct judging *j = h->j;
    struct text extra = {0};
    j->c.reason = reason_of(code);
    if (code == METE_OK) {
        extra = arena_printf(&j->x->arena, "{\"reservation\":\"%s\"}", h->token);
    } else {
        j->c.message = arena_printf(&j->x->arena, "%s", result->err.text);
    }
    if (code == METE_OVERLOADED) { /* nobody knows whether it is held */
        no_decision(j);
    } else {
        answer(j, 200, extra);
    }
}

static void hold(struct judging *j)
{
    const struct x402_case *c = &j->c;
    struct holding *h = arena_alloc(&j->x->arena, sizeof *h);
    uint8_t random[X402_RESERVATION_LEN / 2];
    random_bytes(random, sizeof random);
    h->j = j;
    hex_encode(h->token, (struct bytes){random, sizeof random});
    const struct x402_step step = {.kind = X402_STEP_RESERVE,
                                   .name = {text_of(c->net->id), c->asset, c->from, c->nonce},
                                   .reservation = text_of(h->token),
                                   .until = time_of_seconds(c->until_s)};
    step_say(j->d, &step, j->x->request_id, held, h);
}

static void valid(struct judging *j)
{
    if (j->in.reserve) {
        hold(j);
    } else {
        answer(j, 200, (struct text){0});
    }
}

/* --- all of it ---------------------------------------------------------------------------------*/

/** Nothing is asked, in a token that no settings name: what the book knows of it decides. */
static void nothing_looked(void *ctx, enum mete_code code, const struct x402_status *unused,
                           const struct mete_err *err)
{
    struct judging *j = ctx;
    (void)unused;
    if (code == METE_OK) {
        valid(j);
        return;
    }
    j->c.reason = X402_REASON_UNEXPECTED_VERIFY;
    j->c.message = arena_printf(&j->x->arena, "%s", err->text);
    if (code == METE_MEMBER_VALUE) {
        answer(j, 200, (struct text){0});
    } else {
        no_decision(j);
    }
}

static void judged(struct judging *j)
{
    const struct x402_case *c = &j->c;
    if (c->reason != X402_REASON_NONE) {
        answer(j, c->reason == X402_REASON_RATE_LIMITED ? 429 : 200, (struct text){0});
    } else if (c->is_unlisted && u256_is_zero(c->charge)) {
        nothing_ask(j->d, c->code, nothing_looked, j);
    } else {
        valid(j);
    }
}

void x402_verify_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct judging *j = arena_alloc(&x->arena, sizeof *j);
    bool is_malformed;
    (void)e;
    if (!facilitator_may(d->facilitator, x)) {
        desk_stream_done(d, x);
        return;
    }
    *j = (struct judging){.d = d, .x = x, .is_verify = true, .then = judged};
    if (judging_read(j, &is_malformed)) {
        judging_go(j);
    } else {
        answer(j, is_malformed ? 400 : 200, (struct text){0});
    }
}
