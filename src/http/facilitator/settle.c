/* SPDX-License-Identifier: Apache-2.0
 * POST /settle. First what is known: who repeats a settlement gets the first answer. Then judged
 * with a trial on a node, committed, sent and watched until it is mined, or has taken too long. A
 * settlement that may yet happen is never called failed: it is pending, with its transaction. */
#include "base/text.h"
#include "http/facilitator/catalog.h"
#include "http/facilitator/facilitator.h"
#include "http/facilitator/step.h"
#include "http/facilitator/watch.h"
#include "http/reply.h"
#include "http/routes.h"
#include "store/steady.h"

#include <string.h>

/* Where one request is told alone: what was begun earlier than this was told before the program was
 * started again. */
#define REPEAT_US (300 * TIME_SECOND_US)

/** One request to settle. In the arena of its exchange. */
struct settling {
    struct judging j; /* first: it leads back */
    struct watch_waiter waiter;
    char id[X402_ID_LEN + 1];
    struct hash request;
    bool is_judged;
    bool has_begun;          /* it is this request that began its settling */
    struct text transaction; /* as far as it is known */
};

/* --- the answer --------------------------------------------------------------------------------*/

static void end(struct settling *s, unsigned status, struct text reason)
{
    const struct x402_case *c = &s->j.c;
    struct exchange *x = s->j.x;
    const bool has_charge = c->scheme != NULL && c->scheme->has_charge;
    const struct x402_settled out = {
        .success = reason.len == 0,
        .transaction = s->transaction,
        .network = s->j.in.payload.network,
        .payer = c->payer,
        .amount =
            has_charge && reason.len == 0 ? u256_text(&x->arena, c->charge) : (struct text){0},
        .reason = reason,
        .message = reason.len == 0      ? (struct text){0}
                   : c->message.len > 0 ? c->message
                                        : text_of(x402_reason_message(x402_reason_of(reason)))};
    reply_body(x, status, TYPE_JSON, (struct text){0});
    x402_settled_write(&x->out, &out);
    if (s->id[0] != '\0') { /* from a request to its transaction, and to what the book has of it */
        x->note[x->note_count++] = (struct pair){TEXT("payment"), text_of(s->id)};
        x->note[x->note_count++] = (struct pair){TEXT("transaction"), s->transaction};
    }
    if (s->has_begun && s->j.in.policy.len > 0 && !principal_may(x->who, SCOPE_REVENUE_WRITE)) {
        x->note[x->note_count++] =
            (struct pair){TEXT("policy"), TEXT("left out: it takes a key with revenue:write")};
    }
    if (out.success) {
        catalog_take(facilitator_catalog(s->j.d->facilitator), &s->j,
                     s->has_begun && s->transaction.len > 0);
    }
    x->code = reason.len > 0 ? arena_text(&x->arena, reason).p : NULL;
    judging_note(&s->j);
    facilitator_count(s->j.d->facilitator, ACT_SETTLE,
                      reason.len > 0 && c->reason == X402_REASON_NONE ? x402_reason_of(reason)
                                                                      : c->reason);
    desk_stream_done(s->j.d, x);
}

static void refuse(struct settling *s, enum x402_reason reason)
{
    s->j.c.reason = reason;
    end(s, reason == X402_REASON_RATE_LIMITED ? 429 : 200, text_of(x402_reason_text(reason)));
}

/** It is settled. When the settings say that a payment is settled for one request alone, all others
 *  are refused; who has its reservation is that one. */
static void succeed(struct settling *s, mete_time begun_at)
{
    struct facilitator *f = s->j.d->facilitator;
    const bool is_holder = s->j.in.reservation.len > 0;
    const bool is_old = begun_at != 0 && desk_now() - begun_at > REPEAT_US;
    if (is_holder || facilitator_tells(f, text_of(s->id), is_old)) {
        end(s, 200, (struct text){0});
    } else {
        refuse(s, X402_REASON_DUPLICATE_SETTLEMENT);
    }
}

static void waited(struct watch_waiter *w, enum watch_outcome outcome, struct text transaction,
                   struct text reason)
{
    struct settling *s = (struct settling *)(void *)((char *)w - offsetof(struct settling, waiter));
    if (transaction.len > 0) {
        s->transaction = arena_text(&s->j.x->arena, transaction);
    }
    switch (outcome) {
    case WATCH_SETTLED:
        succeed(s, 0);
        break;
    case WATCH_FAILED:
        end(s, 200, arena_text(&s->j.x->arena, reason));
        break;
    case WATCH_PENDING:
        if (w->refusal[0] != '\0') {
            s->j.c.message = arena_printf(&s->j.x->arena,
                                          "The transaction is committed and sent again and again; "
                                          "a node says: %s",
                                          w->refusal);
        }
        refuse(s, X402_REASON_SETTLEMENT_PENDING);
        break;
    }
}

/** Waits for a payment that is settling: as long as the operator says. */
static void wait_for(struct settling *s, const struct x402_status *now)
{
    struct facilitator *f = s->j.d->facilitator;
    s->transaction = now->transaction_count > 0 ? arena_text(&s->j.x->arena, now->transactions[0])
                                                : (struct text){0};
    s->waiter = (struct watch_waiter){
        .until_us = steady_now() + (int64_t)facilitator_wait_s(f) * 1000000, .done = waited};
    watch_add(facilitator_watch(f), s->id, now, &s->waiter);
}

/** What was the first answer, or will be. */
static void answer_known(struct settling *s, const struct x402_status *now)
{
    s->transaction = arena_text(&s->j.x->arena, now->settled_by);
    if (!hash_eq(&now->request, &s->request)) {
        s->transaction = (struct text){0};
        refuse(s, X402_REASON_PAYMENT_SETTLED_OTHERWISE);
    } else if (now->state == X402_SETTLED || now->state == X402_CONFIRMED) {
        succeed(s, now->begun_at);
    } else if (now->state == X402_FAILED) {
        end(s, 200, arena_text(&s->j.x->arena, now->reason));
    } else {
        wait_for(s, now);
    }
}

/** The book gave no answer: what was asked of it may have been done or not, so this is no decision.
 *  Who asks again gets one. */
static void no_answer(struct settling *s, const char *why)
{
    s->j.c.message = arena_printf(&s->j.x->arena, "%s", why);
    s->j.c.reason = X402_REASON_UNEXPECTED_SETTLE;
    reply_header(s->j.x, "Retry-After", TEXT("1"));
    end(s, 503, text_of(x402_reason_text(s->j.c.reason)));
}

/* --- committing --------------------------------------------------------------------------------*/

static void committed(void *ctx, enum mete_code code, const struct x402_step_result *r)
{
    struct settling *s = ctx;
    s->has_begun = code == METE_OK && r->status == X402_STEP_TAKEN;
    if (code == METE_OK) {
        answer_known(s, &r->now);
    } else if (code == METE_PAYMENT_RESERVED) {
        refuse(s, X402_REASON_PAYMENT_RESERVED);
    } else if (code == METE_PAYMENT_OTHERWISE) {
        refuse(s, X402_REASON_PAYMENT_SETTLED_OTHERWISE);
    } else if (code == METE_OVERLOADED) {
        no_answer(s, r->err.text);
    } else {
        s->j.c.message = arena_printf(&s->j.x->arena, "%s", r->err.text);
        refuse(s, X402_REASON_UNEXPECTED_SETTLE);
    }
}

static struct x402_step step_of(struct settling *s)
{
    const struct x402_case *c = &s->j.c;
    struct arena *a = &s->j.x->arena;
    return (struct x402_step){.kind = X402_STEP_SETTLE,
                              .name = {text_of(c->net->id), c->asset, c->from, c->nonce},
                              .reservation = s->j.in.reservation,
                              .until = time_of_seconds(c->until_s),
                              .request = s->request,
                              .scheme = text_of(c->scheme->name),
                              .to = c->to,
                              .value = u256_text(a, c->charge),
                              .resource = judging_resource(&s->j.in),
                              .policy = principal_may(s->j.x->who, SCOPE_REVENUE_WRITE)
                                            ? s->j.in.policy
                                            : (struct text){0},
                              .code = text_of(c->code),
                              .scale = c->decimals,
                              .is_unlisted = c->is_unlisted,
                              .counted = c->counted,
                              .call = {.network = c->net->id,
                                       .to = c->call_to,
                                       .data = c->call_data,
                                       .gas = c->gas,
                                       .fee_max = u256_text(a, c->fee_max),
                                       .tip_max = u256_text(a, c->tip_max)}};
}

static void looked(void *ctx, enum mete_code code, const struct x402_status *now,
                   const struct mete_err *err);

static void judged(struct judging *j)
{
    struct settling *s = (struct settling *)j;
    s->is_judged = true;
    if (j->c.has_coins) {
        facilitator_coins_note(j->d->facilitator, j->c.net, j->c.coins);
    }
    if (j->c.reason != X402_REASON_NONE) {
        /* a copy of this request may have settled it meanwhile, so that it fails when tried */
        status_ask(j->d, s->id, j->c.arena, looked, s);
        return;
    }
    const struct x402_step step = step_of(s);
    step_say(j->d, &step, j->x->request_id, committed, s);
}

/* --- what is known -----------------------------------------------------------------------------*/

static void looked(void *ctx, enum mete_code code, const struct x402_status *now,
                   const struct mete_err *err)
{
    struct settling *s = ctx;
    const bool is_known = code == METE_OK && now->state != X402_NONE &&
                          now->state != X402_RELEASED && now->state != X402_RESERVED;
    if (is_known) { /* who may hear of it is the book's to say: it knows whose the payment is */
        const struct x402_step again = {.kind = X402_STEP_SETTLE,
                                        .name = now->name,
                                        .reservation = s->j.in.reservation,
                                        .request = s->request};
        step_say(s->j.d, &again, s->j.x->request_id, committed, s);
    } else if (code != METE_OK && code != METE_NOT_FOUND) {
        no_answer(s, err->text);
    } else if (s->is_judged || judging_is_early(&s->j) || s->j.c.reason != X402_REASON_NONE) {
        refuse(s, s->j.c.reason);
    } else {
        judging_rounds(&s->j);
    }
}

/** What is settled: payment and requirements, whatever stands beside them. */
static bool request_digest(struct settling *s)
{
    struct buf text = {0};
    struct mete_err err;
    const bool good = json_canonical(s->j.in.payload.json, &text, &err) == METE_OK &&
                      json_canonical(s->j.in.requirements.json, &text, &err) == METE_OK;
    s->request = sha256(buf_bytes(&text));
    buf_clear(&text);
    return good;
}

static void settle_begin(struct settling *s)
{
    struct x402_case *c = &s->j.c;
    const bool is_good = judging_scheme_read(&s->j);
    if (!is_good && c->from.len == 0) { /* it does not even name a payment */
        end(s, 400, text_of(x402_reason_text(c->reason)));
        return;
    }
    if (c->net->account == NULL) {
        c->message = TEXT("this facilitator has no account on the network: it only verifies");
        refuse(s, X402_REASON_INVALID_NETWORK);
        return;
    }
    if (!request_digest(s)) {
        refuse(s, X402_REASON_INVALID_PAYLOAD);
        return;
    }
    const struct x402_name name = {text_of(c->net->id), c->asset, c->from, c->nonce};
    x402_id(&name, s->id);
    status_ask(s->j.d, s->id, c->arena, looked, s);
}

void x402_settle_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct settling *s = arena_alloc(&x->arena, sizeof *s);
    bool is_malformed;
    (void)e;
    if (!facilitator_may(d->facilitator, x)) {
        desk_stream_done(d, x);
        return;
    }
    s->j = (struct judging){.d = d, .x = x, .then = judged};
    if (judging_read(&s->j, &is_malformed)) {
        settle_begin(s);
    } else {
        end(s, is_malformed ? 400 : 200, text_of(x402_reason_text(s->j.c.reason)));
    }
}
