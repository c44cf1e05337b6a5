/* SPDX-License-Identifier: Apache-2.0
 * POST /webhooks/payments/{provider}/settled: what a payment provider tells, by its signature over
 * the raw body. The money of `paid` enters as revenue like any other (engine/payment.h). */
#include "base/text.h"
#include "engine/payment.h"
#include "http/desk.h"
#include "http/mapping.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/webhook_secret.h"
#include "render/render.h"
#include "wire/stripe/stripe.h"
#include "wire/webhook.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_S INT64_C(259200) /* 72 h: what is older is no delivery, but a replay */
#define AHEAD_S  INT64_C(300)

/* --- who signs ---------------------------------------------------------------------------------*/

static bool provider_valid(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return t.len > 0 && t.len <= PAYMENT_PROVIDER_MAX;
}

/** Standard Webhooks signs its headers, the other two ways the body alone. */
static bool headers_are_signed(const struct exchange *x)
{
    return exchange_header(x, "webhook-signature").len > 0;
}

/** A header of Standard Webhooks; empty when anybody may have written it. */
static struct text signed_header(const struct exchange *x, const char *name)
{
    return headers_are_signed(x) ? exchange_header(x, name) : (struct text){0};
}

/** By whichever of the three ways the request was signed. */
static enum webhook_verdict verdict_by(const struct exchange *x, struct text secret)
{
    static const char *const plain[] = {"X-Webhook-Signature", "X-Signature",
                                        "X-Hub-Signature-256"};
    const struct bytes body = buf_bytes(&x->body);
    const struct webhook_headers h = {exchange_header(x, "webhook-id"),
                                      exchange_header(x, "webhook-timestamp"),
                                      exchange_header(x, "webhook-signature")};
    int64_t now = x->began_at / TIME_SECOND_US;
    int64_t at;
    if (headers_are_signed(x)) {
        return webhook_standard_check(&h, body, secret, now, WINDOW_S, &at);
    }
    struct text stripe = exchange_header(x, "Stripe-Signature");
    if (stripe.len > 0) {
        return stripe_signature_check(stripe, body, secret, now, WINDOW_S);
    }
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        struct text header = exchange_header(x, plain[i]);
        if (header.len > 0) {
            return webhook_plain_check(header, body, secret);
        }
    }
    return WEBHOOK_HEADER;
}

/** False: the answer says why not. */
static bool signature_good(const struct desk *d, struct exchange *x, struct text provider)
{
    const char *folder = d->o.payment_secrets;
    const struct webhook_door door = {
        folder == NULL || !provider_valid(provider)
            ? NULL
            : arena_printf(&x->arena, "%s/%.*s", folder, (int)provider.len, provider.p).p,
        "no secret of this provider is set up here, or others may read its file", "72 h",
        verdict_by};
    return webhook_is_signed(x, &door);
}

/* --- what is said ------------------------------------------------------------------------------*/

static const char *const EVENT[] = {"event_id", "eventId", NULL};
static const char *const PAYMENT[] = {"payment_id", "paymentId", "payment_hash", "paymentHash",
                                      "invoice_id", "invoiceId", "id",           NULL};
static const char *const STATUS[] = {"status", "state", NULL};
static const char *const SOURCE[] = {"source_type", "sourceType", "source", NULL};
static const char *const AT[] = {"occurred_at", "occurredAt", "settled_at",
                                 "settledAt",   "created_at", NULL};
static const char *const OFFER[] = {"offer", "offer_id", "offerId", "offerSlug", NULL};
static const char *const CHANNEL[] = {"channel", "channel_id", "channelId", NULL};

static bool text_in(struct exchange *x, const struct json *body, const char *const *names,
                    struct text *out)
{
    const struct json *number = json_get(body, names[0]);
    if (number != NULL && number->type == JSON_NUMBER) { /* of a moment: seconds */
        *out = number->text;
        return true;
    }
    return body_text(x, body, names, out);
}

/** The moment that the body says, else that of a header that is signed with it. */
static bool moment_read(struct exchange *x, const struct json *body, mete_time *out)
{
    struct text said;
    int64_t seconds;
    const struct json *stamp = json_get(body, "timestamp");
    if (!text_in(x, body, AT, &said)) {
        return false;
    }
    if (said.len == 0 && stamp != NULL) {
        said = stamp->text;
    }
    if (said.len == 0) {
        said = signed_header(x, "webhook-timestamp");
    }
    if (said.len == 0) {
        reply_fail(x, METE_REQUEST_INVALID, "/occurred_at",
                   "occurred_at is missing: without it nobody can see how old this is, and "
                   "webhook-timestamp counts only when webhook-signature covers it");
        return false;
    }
    if (webhook_seconds(said, &seconds)) {
        *out = seconds * TIME_SECOND_US;
    } else if (time_parse(said, out) != TIME_OK) {
        reply_fail(x, METE_TIME_INVALID, "/occurred_at",
                   "expected an RFC 3339 time such as 2025-01-31T12:00:00Z, or seconds");
        return false;
    }
    if (*out < x->began_at - WINDOW_S * TIME_SECOND_US ||
        *out > x->began_at + AHEAD_S * TIME_SECOND_US) {
        reply_fail(x, METE_WEBHOOK_STALE, "/occurred_at",
                   "it happened more than 72 h ago, or it "
                   "is in the future");
        return false;
    }
    return true;
}

/** Money as {"amount","currency"}, as satoshi, or as two members side by side. */
static void money_put(struct json_writer *w, const struct json *body, const char *name,
                      const char *const sats[2])
{
    const struct json *j = json_get(body, name);
    const struct json *currency = json_get(body, "currency");
    for (size_t i = 0; i < 2; i++) {
        const struct json *s = json_get(body, sats[i]);
        if (s != NULL && (s->type == JSON_NUMBER || s->type == JSON_STRING)) {
            jw_object(w, name);
            jw_text(w, "amount", s->text);
            jw_str(w, "currency", "SAT");
            jw_end_object(w);
            return;
        }
    }
    if (j != NULL && (j->type == JSON_STRING || j->type == JSON_NUMBER) && currency != NULL) {
        jw_object(w, name);
        jw_text(w, "amount", j->text);
        jw_raw(w, "currency", currency->raw);
        jw_end_object(w);
    } else if (j != NULL && j->type != JSON_NULL) {
        jw_raw(w, name, j->raw);
    }
}

static bool targets_put(struct exchange *x, struct json_writer *w, const struct json *body)
{
    static const struct {
        const char *to;
        const char *const from[4];
    } targets[] = {{"content_item_id", {"content_item_id", "contentItemId", NULL}},
                   {"policy", {"policy", NULL}},
                   {"party", {"party", NULL}}};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct text value;
        if (!body_text(x, body, targets[i].from, &value)) {
            return false;
        }
        if (value.len > 0) {
            jw_text(w, targets[i].to, value);
        }
    }
    return true;
}

static bool payload_write(struct exchange *x, const struct json *body, struct payment_notice *n)
{
    static const char *const amount_sats[2] = {"amount_sats", "amountSats"};
    static const char *const fee_sats[2] = {"fee_sats", "feeSats"};
    struct text source;
    struct text offer;
    struct text channel;
    struct json_writer w;
    struct buf out = {0};
    if (!body_text(x, body, SOURCE, &source) || !body_text(x, body, OFFER, &offer) ||
        !body_text(x, body, CHANNEL, &channel)) {
        return false;
    }
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    money_put(&w, body, "amount", amount_sats);
    money_put(&w, body, "fee", fee_sats);
    bool fine = targets_put(x, &w, body);
    jw_text(&w, "source", source.len > 0 ? source : TEXT("offer_purchase"));
    jw_text(&w, "source_ref", n->payment_id);
    jw_text(&w, "provider", n->provider);
    if (offer.len > 0) {
        jw_text(&w, "offer", offer);
    }
    if (channel.len > 0) {
        jw_text(&w, "channel", channel);
    }
    jw_end_object(&w);
    n->payload = arena_text(&x->arena, buf_text(&out));
    buf_clear(&out);
    return fine;
}

static bool state_read(struct exchange *x, const struct json *body, struct payment_notice *n)
{
    struct text status;
    if (!body_text(x, body, STATUS, &status)) {
        return false;
    }
    if (status.len == 0 || text_is(status, "settled")) {
        n->state = PAYMENT_PAID;
        return true;
    }
    if (payment_state_of(status, &n->state)) {
        return true;
    }
    reply_fail(x, METE_REQUEST_INVALID, "/status",
               "status is pending, paid (or settled), consumed, expired or failed");
    return false;
}

static bool notice_read(struct exchange *x, const struct json *body, struct payment_notice *n)
{
    if (!body_text(x, body, EVENT, &n->event_id) || !body_text(x, body, PAYMENT, &n->payment_id)) {
        return false;
    }
    if (n->event_id.len == 0) {
        n->event_id = signed_header(x, "webhook-id");
    }
    if (n->event_id.len == 0 || n->payment_id.len == 0 || n->payment_id.len > PAYMENT_ID_MAX ||
        n->event_id.len > PAYMENT_ID_MAX) {
        reply_fail(
            x, METE_REQUEST_INVALID, n->event_id.len == 0 ? "/event_id" : "/payment_id",
            "event_id (or webhook-id that webhook-signature covers) and payment_id say which "
            "event of which payment this is, in 1 to %u bytes each",
            PAYMENT_ID_MAX);
        return false;
    }
    return state_read(x, body, n) && moment_read(x, body, &n->occurred_at) &&
           (n->state != PAYMENT_PAID || payload_write(x, body, n));
}

void payment_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct payment_notice *n = arena_alloc(&x->arena, sizeof *n);
    (void)e;
    n->provider = x->param[0];
    if (!signature_good(d, x, n->provider)) {
        return;
    }
    const struct json *body = body_object(x);
    if (body != NULL && notice_read(x, body, n)) {
        x->work = n;
    }
}

void payment_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct payment_notice *n = x->work;
    struct payment_told told;
    struct mete_err err;
    struct json_writer w;
    (void)d;
    if (payment_take(e, n, &x->arena, &told, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "provider", n->provider);
    jw_text(&w, "payment_id", n->payment_id);
    jw_str(&w, "state", payment_state_name(told.state));
    jw_str(&w, "status",
           told.is_duplicate                      ? "duplicate"
           : told.result.status == SUBMIT_WAITING ? "waiting"
                                                  : "applied");
    if (told.result.event_id.len > 0) {
        jw_text(&w, "event_id", told.result.event_id);
    }
    jw_end_object(&w);
}
