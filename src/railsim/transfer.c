/* SPDX-License-Identifier: Apache-2.0
 * Stripe's transfers, reversals, payouts, balance, accounts: what their calls do. Accounts are not
 * made: every acct_ exists, but those whose id says "missing" do not, and those that say
 * "restricted" may not receive transfers. */
#include "railsim/stripe.h"

#include "base/text.h"

#include <string.h>

#define PAYOUT_S 2 /* until a payout is paid, by the simulator's clock */

static enum stripe_fate refuse(struct call *c, const struct stripe_error *e)
{
    stripe_fail(c, e);
    return STRIPE_KEPT;
}

static bool contains(struct text t, const char *word)
{
    return t.len > 0 && memmem(t.p, t.len, word, strlen(word)) != NULL;
}

static bool currency_ok(struct call *c, struct text currency)
{
    const struct stripe_error e = {400, "invalid_request_error", NULL, "currency",
                                   "Invalid currency: it is three lower-case letters."};
    bool ok = currency.len == 3;
    for (size_t i = 0; ok && i < 3; i++) {
        ok = (currency.p[i] | 0x20) >= 'a' && (currency.p[i] | 0x20) <= 'z';
    }
    if (!ok) {
        stripe_fail(c, &e);
    }
    return ok;
}

static struct text lower(struct arena *a, struct text t)
{
    char *out = arena_alloc(a, t.len + 1);
    for (size_t i = 0; i < t.len; i++) {
        out[i] = (char)(t.p[i] >= 'A' && t.p[i] <= 'Z' ? t.p[i] + 32 : t.p[i]);
    }
    return (struct text){out, t.len};
}

static void answer_object(struct call *c, const struct stripe_object *o)
{
    struct json_writer w;
    call_json(c, 200, &w);
    stripe_object_write(c->s, &c->arena, &w, NULL, o);
}

static void missing(struct call *c, const char *what, struct text id)
{
    struct text said = arena_printf(&c->arena, "No such %s: '%.*s'", what, (int)id.len, id.p);
    const struct stripe_error e = {404, "invalid_request_error", "resource_missing", "id", said.p};
    stripe_fail(c, &e);
}

/** Refused by name; true: answered. */
static bool refused_by_name(struct call *c, enum fault_kind fault)
{
    if (!fault_take(c, fault)) {
        return false;
    }
    const struct stripe_error e = {400, "invalid_request_error",
                                   c->fault.text[0] != '\0' ? c->fault.text : "account_invalid",
                                   NULL, "The request was refused."};
    stripe_fail(c, &e);
    return true;
}

static bool funds_suffice(struct call *c, struct text account, struct text currency, int64_t amount)
{
    const struct stripe_error e = {400, "invalid_request_error", "balance_insufficient", NULL,
                                   "You have insufficient available funds in your Stripe "
                                   "account."};
    if (stripe_funds(c->s, account, currency) >= amount) {
        return true;
    }
    stripe_fail(c, &e);
    return false;
}

/* --- transfers ---------------------------------------------------------------------------------*/

static bool destination_takes(struct call *c, struct text destination)
{
    struct stripe_error e = {400, "invalid_request_error", "resource_missing", "destination", NULL};
    if (!text_starts(destination, "acct_") || contains(destination, "missing")) {
        e.message = arena_printf(&c->arena, "No such destination: '%.*s'", (int)destination.len,
                                 destination.p)
                        .p;
    } else if (contains(destination, "restricted")) {
        e.code = "insufficient_capabilities_for_transfer";
        e.message = "Your destination account needs to have at least one of the following "
                    "capabilities enabled: transfers, crypto_transfers, legacy_payments";
    }
    if (e.message != NULL) {
        stripe_fail(c, &e);
    }
    return e.message == NULL;
}

static void transfer_do(struct call *c, struct stripe_object *o)
{
    o->created_s = c->now_us / TIME_SECOND_US;
    stripe_object_add(c->s, &c->arena, "tr_", o);
    stripe_funds_add(c->s, &c->arena, o, "transfer", TEXT(""), -o->amount);
    stripe_funds_add(c->s, &c->arena, o, "payment", o->destination, o->amount);
    const struct movement m = {.rail = "stripe",
                               .kind = "paid",
                               .reference = o->id,
                               .anchor = o->group.p != NULL ? o->group : TEXT(""),
                               .destination = o->destination,
                               .amount = o->amount,
                               .currency = o->currency.p,
                               .at_us = c->now_us};
    state_moved(c->s, &m);
    stripe_event(c->s, c, "transfer.created", o);
}

static enum stripe_fate transfer_create(struct call *c)
{
    static const char *const known[] = {"amount",         "currency",           "destination",
                                        "description",    "metadata",           "source_type",
                                        "transfer_group", "source_transaction", NULL};
    struct stripe_object o = {.kind = TEXT("transfer")};
    if (!stripe_known(c, known) || !stripe_needs(c, "currency", &o.currency) ||
        !stripe_needs(c, "destination", &o.destination) || !stripe_amount(c, "amount", &o.amount) ||
        !currency_ok(c, o.currency) || refused_by_name(c, FAULT_REFUSED_UNKEPT)) {
        return STRIPE_NOT_KEPT;
    }
    o.currency = arena_text(&c->arena, lower(&c->arena, o.currency));
    o.group = call_arg(c, "transfer_group");
    o.description = call_arg(c, "description");
    o.metadata = stripe_metadata(c);
    if (destination_takes(c, o.destination) && !refused_by_name(c, FAULT_REFUSED) &&
        funds_suffice(c, TEXT(""), o.currency, o.amount)) {
        transfer_do(c, &o);
        answer_object(c, &o);
    }
    return STRIPE_KEPT;
}

static enum stripe_fate transfer_list(struct call *c)
{
    static const char *const known[] = {
        "created",       "destination",    "limit", "starting_after",
        "ending_before", "transfer_group", NULL};
    if (stripe_known(c, known)) {
        stripe_list(c, "transfer", "/v1/transfers");
    }
    return STRIPE_NOT_KEPT;
}

static bool found(struct call *c, const char *kind, struct stripe_object *o)
{
    if (stripe_object_find(c->s, &c->arena, kind, stripe_account(c), c->part[0], o)) {
        return true;
    }
    missing(c, kind, c->part[0]);
    return false;
}

static enum stripe_fate transfer_get(struct call *c)
{
    struct stripe_object o;
    if (found(c, "transfer", &o)) {
        answer_object(c, &o);
    }
    return STRIPE_NOT_KEPT;
}

static void reversal_do(struct call *c, struct stripe_object *t, struct stripe_object *r)
{
    r->created_s = c->now_us / TIME_SECOND_US;
    stripe_object_add(c->s, &c->arena, "trr_", r);
    state_do(c->s, "UPDATE stripe_object SET taken = taken + ? WHERE seq = ?", "ii", r->amount,
             t->seq);
    t->taken += r->amount;
    stripe_funds_add(c->s, &c->arena, r, "transfer_refund", TEXT(""), r->amount);
    stripe_funds_add(c->s, &c->arena, r, "payment_refund", t->destination, -r->amount);
    const struct movement m = {.rail = "stripe",
                               .kind = "reversed",
                               .reference = t->id,
                               .anchor = t->group.p != NULL ? t->group : TEXT(""),
                               .destination = t->destination,
                               .amount = r->amount,
                               .currency = t->currency.p,
                               .at_us = c->now_us};
    state_moved(c->s, &m);
    stripe_event(c->s, c, "transfer.reversed", t);
}

static enum stripe_fate reversal_create(struct call *c)
{
    static const char *const known[] = {"amount", "description", "metadata",
                                        "refund_application_fee", NULL};
    const struct stripe_error much = {400, "invalid_request_error", NULL, "amount",
                                      "Reversal amount is greater than what is left of the "
                                      "transfer."};
    struct stripe_object t;
    if (!stripe_known(c, known)) {
        return STRIPE_NOT_KEPT;
    }
    if (!found(c, "transfer", &t)) {
        return STRIPE_KEPT;
    }
    struct stripe_object r = {.kind = TEXT("transfer_reversal"),
                              .currency = t.currency,
                              .parent = t.id,
                              .amount = t.amount - t.taken,
                              .metadata = stripe_metadata(c)};
    if (call_arg(c, "amount").p != NULL && !stripe_amount(c, "amount", &r.amount)) {
        return STRIPE_NOT_KEPT;
    }
    if (r.amount < 1 || r.amount > t.amount - t.taken) {
        return refuse(c, &much);
    }
    if (funds_suffice(c, t.destination, t.currency, r.amount)) {
        reversal_do(c, &t, &r);
        answer_object(c, &r);
    }
    return STRIPE_KEPT;
}

/* --- payouts -----------------------------------------------------------------------------------*/

static void payout_moved(struct sim *s, const struct stripe_object *o, const char *kind)
{
    const struct movement m = {.rail = "stripe",
                               .kind = kind,
                               .reference = o->id,
                               .anchor = TEXT(""),
                               .destination = o->account,
                               .amount = o->amount,
                               .currency = o->currency.p,
                               .at_us = sim_now(s)};
    state_moved(s, &m);
}

static void payout_do(struct call *c, struct stripe_object *o)
{
    o->created_s = c->now_us / TIME_SECOND_US;
    o->arrival_s = o->created_s + 2 * 86400;
    stripe_object_add(c->s, &c->arena, "po_", o);
    int64_t fails_s = fault_take(c, FAULT_LATE_FAILURE) ? c->fault.s : 0;
    state_do(c->s, "UPDATE stripe_object SET due_us = ?, next = ? WHERE seq = ?", "isi",
             c->now_us + PAYOUT_S * TIME_SECOND_US, fails_s > 0 ? "paid, failed" : "paid", o->seq);
    /* when it will fail, it does so this long after it was paid; the row of taken is free here */
    state_do(c->s, "UPDATE stripe_object SET taken = ? WHERE seq = ?", "ii", fails_s, o->seq);
    stripe_funds_add(c->s, &c->arena, o, "payout", o->account, -o->amount);
    stripe_event(c->s, c, "payout.created", o);
}

static enum stripe_fate payout_create(struct call *c)
{
    static const char *const known[] = {
        "amount", "currency",      "description", "destination",          "metadata",
        "method", "payout_method", "source_type", "statement_descriptor", NULL};
    struct stripe_object o = {.kind = TEXT("payout"), .status = TEXT("pending")};
    if (!stripe_known(c, known) || !stripe_needs(c, "currency", &o.currency) ||
        !stripe_amount(c, "amount", &o.amount) || !currency_ok(c, o.currency)) {
        return STRIPE_NOT_KEPT;
    }
    o.account = stripe_account(c);
    o.account = o.account.p != NULL ? o.account : TEXT("");
    o.currency = arena_text(&c->arena, lower(&c->arena, o.currency));
    o.destination = call_arg(c, "destination");
    o.description = call_arg(c, "description");
    o.method = text_is(call_arg(c, "method"), "instant") ? TEXT("instant") : TEXT("standard");
    o.metadata = stripe_metadata(c);
    if (refused_by_name(c, FAULT_REFUSED_UNKEPT)) {
        return STRIPE_NOT_KEPT;
    }
    if (!refused_by_name(c, FAULT_REFUSED) && funds_suffice(c, o.account, o.currency, o.amount)) {
        payout_do(c, &o);
        answer_object(c, &o);
    }
    return STRIPE_KEPT;
}

static enum stripe_fate payout_list(struct call *c)
{
    static const char *const known[] = {"created", "arrival_date",   "destination",   "status",
                                        "limit",   "starting_after", "ending_before", NULL};
    if (stripe_known(c, known)) {
        stripe_list(c, "payout", "/v1/payouts");
    }
    return STRIPE_NOT_KEPT;
}

static enum stripe_fate payout_get(struct call *c)
{
    struct stripe_object o;
    if (found(c, "payout", &o)) {
        answer_object(c, &o);
    }
    return STRIPE_NOT_KEPT;
}

static enum stripe_fate payout_cancel(struct call *c)
{
    const struct stripe_error late = {400, "invalid_request_error", "payouts_not_allowed", NULL,
                                      "Payouts can be canceled while they are pending only."};
    struct stripe_object o;
    if (!found(c, "payout", &o)) {
        return STRIPE_KEPT;
    }
    if (!text_is(o.status, "pending")) {
        return refuse(c, &late);
    }
    o.status = TEXT("canceled");
    state_do(c->s, "UPDATE stripe_object SET status = 'canceled', due_us = NULL WHERE seq = ?", "i",
             o.seq);
    stripe_funds_add(c->s, &c->arena, &o, "payout_cancel", o.account, o.amount);
    stripe_event(c->s, c, "payout.canceled", &o);
    answer_object(c, &o);
    return STRIPE_KEPT;
}

/** A payout takes its next step. */
static void payout_step(struct sim *s, struct arena *a, int64_t seq, bool fails)
{
    struct stripe_object o;
    struct text id = {0}, account = {0};
    sqlite3_stmt *q = state_ask(s, "SELECT id, account FROM stripe_object WHERE seq = ?", "i", seq);
    METE_ASSERT(state_next(s, q));
    id = state_text(a, q, 0);
    account = state_text(a, q, 1);
    state_end(q);
    METE_ASSERT(stripe_object_find(s, a, "payout", account, id, &o));
    if (text_is(o.status, "pending")) {
        o.status = TEXT("paid");
        state_do(s,
                 "UPDATE stripe_object SET status = 'paid', due_us = CASE WHEN ?1 THEN due_us + "
                 "taken * 1000000 END WHERE seq = ?2",
                 "ii", (int64_t)fails, seq);
        payout_moved(s, &o, "paid");
        stripe_event(s, NULL, "payout.paid", &o);
        return;
    }
    o.status = TEXT("failed");
    o.failure = TEXT("account_closed");
    state_do(s,
             "UPDATE stripe_object SET status = 'failed', failure = 'account_closed', due_us = "
             "NULL WHERE seq = ?",
             "i", seq);
    stripe_funds_add(s, a, &o, "payout_failure", o.account, o.amount);
    payout_moved(s, &o, "returned");
    stripe_event(s, NULL, "payout.failed", &o);
}

void stripe_tick(struct sim *s)
{
    struct arena a;
    int64_t now_us = sim_now(s);
    arena_init(&a, (size_t)64 << 20);
    for (;;) {
        sqlite3_stmt *q = state_ask(s,
                                    "SELECT seq, next = 'paid, failed' FROM stripe_object WHERE "
                                    "due_us <= ? ORDER BY due_us, seq LIMIT 1",
                                    "i", now_us);
        if (!state_next(s, q)) {
            break;
        }
        int64_t seq = state_int(q, 0);
        bool fails = state_int(q, 1) != 0;
        state_end(q);
        payout_step(s, &a, seq, fails);
    }
    arena_clear(&a);
}

/* --- balance and accounts ----------------------------------------------------------------------*/

static enum stripe_fate balance_get(struct call *c)
{
    struct json_writer w;
    call_json(c, 200, &w);
    stripe_funds_write(c, &w);
    return STRIPE_NOT_KEPT;
}

static enum stripe_fate transaction_list(struct call *c)
{
    static const char *const known[] = {"created",        "currency",      "payout",
                                        "source",         "type",          "limit",
                                        "starting_after", "ending_before", NULL};
    if (stripe_known(c, known)) {
        stripe_list(c, "balance_transaction", "/v1/balance_transactions");
    }
    return STRIPE_NOT_KEPT;
}

static enum stripe_fate transaction_get(struct call *c)
{
    struct stripe_object o;
    if (found(c, "balance_transaction", &o)) {
        answer_object(c, &o);
    }
    return STRIPE_NOT_KEPT;
}

static enum stripe_fate account_get(struct call *c)
{
    const struct stripe_error none = {403, "invalid_request_error", "account_invalid", NULL,
                                      "The provided key does not have access to this account (or "
                                      "that account does not exist)."};
    struct json_writer w;
    bool open = !contains(c->part[0], "restricted");
    if (!text_starts(c->part[0], "acct_") || contains(c->part[0], "missing")) {
        return refuse(c, &none);
    }
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "id", c->part[0]);
    jw_str(&w, "object", "account");
    jw_object(&w, "capabilities");
    jw_str(&w, "transfers", open ? "active" : "inactive");
    jw_end_object(&w);
    jw_bool(&w, "charges_enabled", open);
    jw_str(&w, "country", "US");
    jw_str(&w, "default_currency", "usd");
    jw_bool(&w, "details_submitted", open);
    jw_object(&w, "metadata");
    jw_end_object(&w);
    jw_bool(&w, "payouts_enabled", open);
    jw_raw(&w, "settings", TEXT("{\"payouts\":{\"schedule\":{\"interval\":\"manual\"}}}"));
    jw_str(&w, "type", "express");
    jw_end_object(&w);
    return STRIPE_NOT_KEPT;
}

#define HANDLER(name)                                                                              \
    static void on_##name(struct call *c)                                                          \
    {                                                                                              \
        stripe_run(c, name);                                                                       \
    }
HANDLER(transfer_create)
HANDLER(transfer_list)
HANDLER(transfer_get)
HANDLER(reversal_create)
HANDLER(payout_create)
HANDLER(payout_list)
HANDLER(payout_get)
HANDLER(payout_cancel)
HANDLER(balance_get)
HANDLER(transaction_list)
HANDLER(transaction_get)
HANDLER(account_get)

#define READS  (DOES_ANSWER | DOES_OWN_ERRORS)
#define ORDERS (READS | DOES_CHANGE | DOES_HOOK | DOES_ORDER)

const struct route stripe_routes[] = {
    {"POST", "/v1/transfers", "stripe.transfer.create", ORDERS, on_transfer_create},
    {"GET", "/v1/transfers", "stripe.transfer.list", READS, on_transfer_list},
    {"GET", "/v1/transfers/*", "stripe.transfer.get", READS, on_transfer_get},
    {"POST", "/v1/transfers/*/reversals", "stripe.reversal.create", ORDERS & ~DOES_ORDER,
     on_reversal_create},
    {"POST", "/v1/payouts", "stripe.payout.create", ORDERS | DOES_PAYOUT, on_payout_create},
    {"GET", "/v1/payouts", "stripe.payout.list", READS, on_payout_list},
    {"GET", "/v1/payouts/*", "stripe.payout.get", READS, on_payout_get},
    {"POST", "/v1/payouts/*/cancel", "stripe.payout.cancel", ORDERS & ~DOES_ORDER,
     on_payout_cancel},
    {"GET", "/v1/balance", "stripe.balance", READS, on_balance_get},
    {"GET", "/v1/balance_transactions", "stripe.transaction.list", READS, on_transaction_list},
    {"GET", "/v1/balance_transactions/*", "stripe.transaction.get", READS, on_transaction_get},
    {"GET", "/v1/accounts/*", "stripe.account.get", READS, on_account_get},
    {NULL, NULL, NULL, 0, NULL}};
