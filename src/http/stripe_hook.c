/* SPDX-License-Identifier: Apache-2.0
 * POST /webhooks/stripe: what Stripe tells of transfers and payouts that mete made. Delivery is at
 * least once and in any order; each fact is booked once, and what comes too early is answered with
 * an error, so that Stripe brings it again. */
#include "base/text.h"
#include "engine/payout_fact.h"
#include "http/desk.h"
#include "http/mapping.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/webhook_secret.h"
#include "store/store.h"
#include "wire/stripe/stripe.h"

#define TOLERANCE_S INT64_C(300)
#define RAIL        TEXT("stripe")

/* x->work between the two halves. */
struct hook {
    struct stripe_event event;
    struct stripe_object object;
    bool is_ours; /* a transfer or payout with our metadata */
};

static enum webhook_verdict verdict_by(const struct exchange *x, struct text secret)
{
    return stripe_signature_check(exchange_header(x, "Stripe-Signature"), buf_bytes(&x->body),
                                  secret, x->began_at / TIME_SECOND_US, TOLERANCE_S);
}

void stripe_hook_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct hook *h = arena_alloc(&x->arena, sizeof *h);
    const struct webhook_door door = {d->o.stripe_webhook_secret,
                                      "[stripe] webhook_key_file is not set, or others may read it",
                                      "5 minutes", verdict_by};
    (void)e;
    if (!webhook_is_signed(x, &door)) {
        return;
    }
    const struct json *body = body_object(x);
    if (body == NULL) {
        return;
    }
    if (!stripe_event_read(body, &h->event)) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "this is not an event of Stripe");
        return;
    }
    h->is_ours = stripe_object_read(h->event.object, &h->object) && h->object.mete_id.len > 0 &&
                 h->object.mete_attempt > 0 && h->object.mete_book.len > 0;
    if (h->is_ours) { /* the secret speaks for the whole account, so for all books that pay by it */
        x->who->book = arena_text(&x->arena, h->object.mete_book).p;
    }
    x->work = h;
}

/* --- facts -------------------------------------------------------------------------------------*/

static bool transfer_fact(const struct stripe_object *o, const struct asset *asset,
                          struct payout_fact *f)
{
    bool back = o->reversed > 0;
    f->kind = back ? FACT_RETURNED : FACT_PAID;
    f->reason = back ? TEXT("reversed at Stripe") : (struct text){0};
    f->has_amount = stripe_units_back(asset, back ? o->reversed : o->amount, &f->amount);
    return f->has_amount;
}

/** False: no news for the book. A payout that was paid and then failed is back. */
static bool payout_fact(const struct stripe_object *o, const struct asset *asset,
                        const struct attempt *attempt, struct arena *a, struct payout_fact *f)
{
    const char *remedy = stripe_failure_remedy(o->failure);
    bool failed = text_is(o->status, "failed");
    if (!failed && !text_is(o->status, "canceled") && !text_is(o->status, "paid")) {
        return false;
    }
    f->kind = text_is(o->status, "paid")         ? FACT_PAID
              : attempt->outcome == ATTEMPT_PAID ? FACT_RETURNED
                                                 : FACT_REJECTED;
    f->final = failed && remedy != NULL;
    f->reason = failed ? arena_printf(a, "Stripe's payout failed: %.*s", (int)o->failure.len,
                                      o->failure.p != NULL ? o->failure.p : "")
                       : TEXT("the payout was cancelled at Stripe");
    f->remediation = text_of(remedy);
    f->has_amount = f->kind == FACT_PAID && stripe_units_back(asset, o->amount, &f->amount);
    return true;
}

/** `reason`: p NULL for none. */
static void answer_why(struct exchange *x, const struct hook *h, const char *status,
                       struct text reason)
{
    struct json_writer w;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "event_id", h->event.id);
    jw_str(&w, "status", status);
    if (reason.p != NULL) {
        jw_text(&w, "reason", reason);
    }
    jw_end_object(&w);
}

static void answer(struct exchange *x, const struct hook *h, const char *status)
{
    answer_why(x, h, status, (struct text){0});
}

static void fact_book(struct engine *e, struct exchange *x, const struct hook *h,
                      const struct payout_fact *f)
{
    struct mete_err err;
    switch (payout_fact_take(e, engine_now(e), f, &x->arena, &err)) {
    case FACT_BOOKED:
        answer(x, h, "applied");
        break;
    case FACT_KNOWN:
        answer(x, h, "duplicate");
        break;
    case FACT_FOREIGN:
        answer(x, h, "ignored");
        break;
    case FACT_UNBOOKED: /* Stripe need not say it again: it lies where people see it */
        engine_refuse(e, buf_text(&x->body), &err);
        answer(x, h, "quarantined");
        break;
    case FACT_REFUSED:
    case FACT_FAILED:
        reply_problem(x, &err);
        break;
    }
}

/** Another installation may pay by the same account: its books are not here, and Stripe need not
 *  bring this again. Not so when nobody can tell. */
static void foreign_book(struct desk *d, struct exchange *x, const struct hook *h)
{
    struct text *name;
    size_t count;
    struct mete_err err;
    const struct text book = h->object.mete_book;
    if (store_books_at(d->o.store, &x->arena, &name, &count, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (text_eq(name[i], book)) { /* made just now */
            reply_fail(x, METE_STORE_FAILED, NULL, "the book could not be opened");
            return;
        }
    }
    desk_say(d, "%.*s of Stripe is about book %.*s, which is not here: ignored",
             (int)h->event.id.len, h->event.id.p, (int)book.len, book.p);
    answer_why(x, h, "ignored",
               arena_printf(&x->arena, "there is no book %.*s here", (int)book.len, book.p));
}

void stripe_hook_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct hook *h = x->work;
    const struct stripe_object *o = &h->object;
    struct payout_due row;
    struct attempt attempt;
    struct mete_err err;
    if (!h->is_ours) {
        answer(x, h, "ignored");
        return;
    }
    if (e == NULL) {
        foreign_book(d, x, h);
        return;
    }
    if (!payout_attempt_find(e, o->mete_id, o->mete_attempt, &x->arena, &row, &attempt, &err)) {
        if (err.code == METE_STORE_FAILED) {
            reply_problem(x, &err);
            return;
        }
        answer(x, h, "ignored");
        return;
    }
    struct payout_fact f = {.transfer_id = o->mete_id,
                            .attempt = o->mete_attempt,
                            .rail = RAIL,
                            .reference = o->id,
                            .proof = arena_printf(&x->arena, "%.*s %.*s", (int)o->id.len, o->id.p,
                                                  (int)o->balance.len, o->balance.p)};
    bool news = o->kind == STRIPE_TRANSFER ? transfer_fact(o, &row.asset, &f)
                                           : payout_fact(o, &row.asset, &attempt, &x->arena, &f);
    if (news) {
        fact_book(e, x, h, &f);
    } else {
        answer(x, h, "ignored");
    }
}
