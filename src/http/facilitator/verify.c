/* SPDX-License-Identifier: Apache-2.0
 * POST /verify. A payment that is found valid is not held for anybody, unless the request says
 * "reserve": true. */
#include "base/encode.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "engine/x402.h"
#include "http/facilitator/facilitator.h"
#include "http/reply.h"
#include "http/routes.h"
#include "wire/x402/header.h"

static void answer(struct judging *j, unsigned status, struct text extra)
{
    const struct x402_case *c = &j->c;
    const struct x402_verified v = {
        .is_valid = c->reason == X402_REASON_NONE,
        .payer = c->payer,
        .reason = text_of(x402_reason_text(c->reason)),
        .message = c->message.len > 0 ? c->message : text_of(x402_reason_message(c->reason)),
        .extra = extra};
    reply_body(j->x, status, TYPE_JSON, (struct text){0});
    x402_verified_write(&j->x->out, &v);
    j->x->code = c->reason == X402_REASON_NONE ? NULL : x402_reason_text(c->reason);
    facilitator_count(j->d->facilitator, ACT_VERIFY, c->reason);
    desk_stream_done(j->d, j->x);
}

/* --- holding it --------------------------------------------------------------------------------*/

/** The first result of a step: why it was refused, or X402_REASON_NONE. */
static enum x402_reason step_reason(const struct json *root)
{
    const struct json *results = json_get(root, "results");
    const struct json *first = results != NULL ? results->child : NULL;
    const struct json *status = json_get(first, "status");
    const struct json *code = json_get(first, "code");
    if (status != NULL && text_is(status->text, "taken")) {
        return X402_REASON_NONE;
    }
    if (code != NULL && text_is(code->text, mete_code_name(METE_PAYMENT_RESERVED))) {
        return X402_REASON_PAYMENT_RESERVED;
    }
    return first == NULL ? X402_REASON_UNEXPECTED_VERIFY : X402_REASON_EVM_NONCE_USED;
}

struct holding {
    struct judging *j;
    char token[X402_RESERVATION_LEN + 1];
};

static void held(struct journal_ask *ask, const struct json *root)
{
    struct holding *h = ask->ctx;
    struct judging *j = h->j;
    struct text extra = {0};
    j->c.reason = step_reason(root);
    if (j->c.reason == X402_REASON_NONE) {
        extra = arena_printf(&j->x->arena, "{\"reservation\":\"%s\"}", h->token);
    }
    answer(j, 200, extra);
}

static void until_write(struct json_writer *w, uint64_t until_s)
{
    char at[TIME_TEXT_MAX];
    const uint64_t last = (uint64_t)(TIME_MAX / TIME_SECOND_US);
    time_format((mete_time)(until_s < last ? until_s : last) * TIME_SECOND_US, at);
    jw_str(w, "until", at);
}

static void hold(struct judging *j)
{
    const struct x402_case *c = &j->c;
    struct holding *h = arena_alloc(&j->x->arena, sizeof *h);
    uint8_t random[X402_RESERVATION_LEN / 2];
    struct json_writer w;
    struct journal_ask *ask = journal_new(j->d, "stepX402", j->x->request_id);
    random_bytes(random, sizeof random);
    h->j = j;
    hex_encode(h->token, (struct bytes){random, sizeof random});
    ask->ctx = h;
    ask->done = held;
    jw_init(&w, &ask->inner.body, false);
    jw_object(&w, NULL);
    jw_array(&w, "steps");
    jw_object(&w, NULL);
    jw_str(&w, "step", "reserve");
    jw_str(&w, "network", c->net->id);
    jw_text(&w, "asset", c->asset);
    jw_text(&w, "from", c->from);
    jw_text(&w, "nonce", c->nonce);
    jw_str(&w, "reservation", h->token);
    until_write(&w, c->until_s);
    jw_end_object(&w);
    jw_end_array(&w);
    jw_end_object(&w);
    journal_go(ask);
}

static void judged(struct judging *j)
{
    if (j->c.reason == X402_REASON_NONE && j->in.reserve) {
        hold(j);
    } else {
        answer(j, 200, (struct text){0});
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
