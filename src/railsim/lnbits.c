/* SPDX-License-Identifier: Apache-2.0
 * LNbits: a wallet's admin key, one row a payment hash. A second call on a hash that is known
 * answers with the row, and one that is still in flight is created and pending, not an error. */
#include "railsim/lightning.h"

#include "base/text.h"

#define NODE "lnbits"

static void detail(struct call *c, unsigned status, const char *text, bool failed)
{
    struct json_writer w;
    call_json(c, status, &w);
    jw_object(&w, NULL);
    jw_str(&w, "detail", text);
    if (failed) {
        jw_str(&w, "status", "failed");
    }
    jw_end_object(&w);
}

static bool allowed(struct call *c)
{
    struct text key = call_header(c, "X-Api-Key");
    key = key.p != NULL ? key : call_arg(c, "api-key");
    if (text_is(key, c->s->o.secret)) {
        return true;
    }
    detail(c, key.p == NULL ? 401 : 404, key.p == NULL ? "Missing key." : "Wallet not found.",
           false);
    return false;
}

static const char *status_of(const struct ln_payment *p)
{
    return text_is(p->status, "complete") ? "success" : p->status.p;
}

static void payment_write(struct json_writer *w, const char *key, const struct ln_payment *p)
{
    char when[TIME_TEXT_MAX];
    (void)time_format(p->created_us, when);
    jw_object(w, key);
    jw_text(w, "checking_id", p->hash);
    jw_text(w, "payment_hash", p->hash);
    jw_str(w, "wallet_id", "railsim");
    jw_int(w, "amount", -p->amount_msat);
    jw_int(w, "fee", text_is(p->status, "complete") ? -p->fee_msat : 0);
    jw_text(w, "bolt11", p->pr);
    jw_str(w, "memo", "");
    jw_str(w, "status", status_of(p));
    jw_bool(w, "pending", text_is(p->status, "pending"));
    jw_str(w, "preimage", text_is(p->status, "complete") ? p->preimage.p : NULL);
    jw_str(w, "time", when);
    jw_end_object(w);
}

static void created(struct call *c, const struct ln_payment *p)
{
    struct json_writer w;
    call_json(c, 201, &w);
    payment_write(&w, NULL, p);
}

static void pay(struct call *c)
{
    struct ln_payment p;
    struct bolt11 invoice;
    struct mete_err err = {.text = ""};
    const struct ln_order o = {.node = NODE,
                               .pr = call_arg(c, "bolt11"),
                               .fee_base_msat = 1000,
                               .fee_ppm = 500,
                               .fee_max_msat = -1};
    if (!allowed(c)) {
        return;
    }
    if (!text_is(call_arg(c, "out"), "true")) {
        detail(c, 400, "this double pays alone: out is true", false);
        return;
    }
    switch (ln_pay(c, &o, &p, &invoice, &err)) {
    case LN_PAID:
    case LN_ALREADY:
    case LN_PENDING:
    case LN_HELD:
    case LN_LATE: /* one row, and what it says; nothing of it sounds like a failure */
        created(c, &p);
        break;
    case LN_EXPIRED:
        detail(c, 520, "Invoice is expired.", true);
        break;
    case LN_INVALID:
        detail(c, 400, "Bolt11 decoding error.", true);
        break;
    case LN_NO_ROUTE:
    case LN_DECLINED:
    case LN_FEE:
        detail(c, 520, "Payment failed: no route.", true);
        break;
    }
}

static void payment_get(struct call *c)
{
    struct ln_payment p;
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    if (!ln_find(c->s, &c->arena, NODE, "hash", c->part[0], &p)) {
        detail(c, 404, "Payment does not exist.", false);
        return;
    }
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "paid", text_is(p.status, "complete"));
    jw_str(&w, "status", status_of(&p));
    jw_str(&w, "preimage", text_is(p.status, "complete") ? p.preimage.p : NULL);
    payment_write(&w, "details", &p);
    jw_end_object(&w);
}

static void payments_list(struct call *c)
{
    struct ln_payment p;
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    call_json(c, 200, &w);
    jw_array(&w, NULL);
    sqlite3_stmt *q = ln_rows(c->s, NODE, NULL, (struct text){0});
    while (ln_row_next(c->s, q, &c->arena, &p)) {
        payment_write(&w, NULL, &p);
    }
    jw_end_array(&w);
}

static void wallet(struct call *c)
{
    struct json_writer w;
    if (!allowed(c)) {
        return;
    }
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "name", "railsim");
    jw_int(&w, "balance", 10000000000000);
    jw_str(&w, "id", "5f1d0c7a2b9e4e6f8a31c0de5f1d0c7a");
    jw_end_object(&w);
}

/** What the wallet must have beside the amount: 1 %, and 2 sat at least. */
static void fee_reserve(struct call *c)
{
    struct bolt11 invoice;
    struct mete_err err;
    struct json_writer w;
    if (bolt11_read(&c->arena, call_arg(c, "invoice"), &invoice, &err) != METE_OK) {
        detail(c, 400, "Bolt11 decoding error.", false);
        return;
    }
    uint64_t msat = invoice.amount_msat / 100;
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_int(&w, "fee_reserve", msat > 2000 ? (int64_t)msat : 2000);
    jw_end_object(&w);
}

const struct route lnbits_routes[] = {
    {"POST", "/lnbits/api/v1/payments", "lnbits.pay", DOES_ANSWER | DOES_CHANGE | DOES_PAY, pay},
    {"GET", "/lnbits/api/v1/payments", "lnbits.list", DOES_ANSWER, payments_list},
    {"GET", "/lnbits/api/v1/payments/fee-reserve", "lnbits.reserve", DOES_ANSWER, fee_reserve},
    {"GET", "/lnbits/api/v1/payments/*", "lnbits.look", DOES_ANSWER, payment_get},
    {"GET", "/lnbits/api/v1/wallet", "lnbits.wallet", DOES_ANSWER, wallet},
    {NULL, NULL, NULL, 0, NULL}};
