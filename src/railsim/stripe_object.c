/* SPDX-License-Identifier: Apache-2.0
 * Objects of Stripe in the state, as the API shows them, in lists, and the funds of accounts with
 * their balance transactions. */
#include "railsim/stripe.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define PLATFORM_FUNDS 100000000000 /* minor units of every currency at the beginning */
#define LIST_MAX       100

#define COLUMNS                                                                                    \
    "seq, id, kind, account, created_s, currency, amount, destination, grp, description, "         \
    "status, metadata, parent, taken, method, failure, arrival_s"

static void object_read(sqlite3_stmt *q, struct arena *a, struct stripe_object *o)
{
    *o = (struct stripe_object){.seq = state_int(q, 0),
                                .id = state_text(a, q, 1),
                                .kind = state_text(a, q, 2),
                                .account = state_text(a, q, 3),
                                .created_s = state_int(q, 4),
                                .currency = state_text(a, q, 5),
                                .amount = state_int(q, 6),
                                .destination = state_text(a, q, 7),
                                .group = state_text(a, q, 8),
                                .description = state_text(a, q, 9),
                                .status = state_text(a, q, 10),
                                .metadata = state_text(a, q, 11),
                                .parent = state_text(a, q, 12),
                                .taken = state_int(q, 13),
                                .method = state_text(a, q, 14),
                                .failure = state_text(a, q, 15),
                                .arrival_s = state_int(q, 16)};
}

void stripe_object_add(struct sim *s, struct arena *a, const char *prefix, struct stripe_object *o)
{
    char id[ID_MAX];
    state_id(s, prefix, id);
    o->id = arena_text(a, text_of(id));
    o->account = o->account.p != NULL ? o->account : TEXT("");
    o->metadata = o->metadata.p != NULL ? o->metadata : TEXT("{}");
    state_do(s,
             "INSERT INTO stripe_object(id, kind, account, created_s, currency, amount, "
             "destination, grp, description, status, metadata, parent, taken, method, arrival_s) "
             "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
             "tttititttttt"
             "iti",
             o->id, o->kind, o->account, o->created_s, o->currency, o->amount, o->destination,
             o->group, o->description, o->status, o->metadata, o->parent, o->taken, o->method,
             o->arrival_s);
    o->seq = state_last_row(s);
}

bool stripe_object_find(struct sim *s, struct arena *a, const char *kind, struct text account,
                        struct text id, struct stripe_object *o)
{
    sqlite3_stmt *q = state_ask(
        s, "SELECT " COLUMNS " FROM stripe_object WHERE kind = ? AND account = ? AND id = ?", "stt",
        kind, account.p != NULL ? account : TEXT(""), id);
    if (!state_next(s, q)) {
        return false;
    }
    object_read(q, a, o);
    state_end(q);
    return true;
}

/* --- as the API shows them ---------------------------------------------------------------------*/

static void text_or_null(struct json_writer *w, const char *key, struct text t)
{
    if (t.len == 0) {
        jw_null(w, key);
    } else {
        jw_text(w, key, t);
    }
}

/** An id that follows from another one: its balance transaction, its payment. */
static struct text sibling(struct arena *a, const char *prefix, struct text id)
{
    const char *bar = memchr(id.p, '_', id.len);
    METE_ASSERT(bar != NULL);
    return arena_printf(a, "%s%s", prefix, bar);
}

static void begin(struct json_writer *w, const char *key, const struct stripe_object *o)
{
    jw_object(w, key);
    jw_text(w, "id", o->id);
    jw_text(w, "object", o->kind);
    jw_int(w, "amount", o->amount);
    jw_int(w, "created", o->created_s);
    jw_text(w, "currency", o->currency);
}

static void reversal_write(struct arena *a, struct json_writer *w, const char *key,
                           const struct stripe_object *o)
{
    begin(w, key, o);
    jw_text(w, "balance_transaction", sibling(a, "txn", o->id));
    jw_text(w, "destination_payment_refund", sibling(a, "pyr", o->id));
    jw_raw(w, "metadata", o->metadata);
    jw_null(w, "source_refund");
    jw_text(w, "transfer", o->parent);
    jw_end_object(w);
}

static void reversals_write(struct sim *s, struct arena *a, struct json_writer *w,
                            const struct stripe_object *o)
{
    struct stripe_object r;
    int64_t count = 0;
    sqlite3_stmt *q = state_ask(s,
                                "SELECT " COLUMNS " FROM stripe_object WHERE kind = "
                                "'transfer_reversal' AND parent = ? ORDER BY seq DESC",
                                "t", o->id);
    jw_object(w, "reversals");
    jw_str(w, "object", "list");
    jw_array(w, "data");
    while (state_next(s, q)) {
        object_read(q, a, &r);
        if (count++ < 10) {
            reversal_write(a, w, NULL, &r);
        }
    }
    jw_end_array(w);
    jw_bool(w, "has_more", count > 10);
    jw_int(w, "total_count", count);
    jw_text(w, "url", arena_printf(a, "/v1/transfers/%.*s/reversals", (int)o->id.len, o->id.p));
    jw_end_object(w);
}

static void transfer_write(struct sim *s, struct arena *a, struct json_writer *w, const char *key,
                           const struct stripe_object *o)
{
    begin(w, key, o);
    jw_int(w, "amount_reversed", o->taken);
    jw_text(w, "balance_transaction", sibling(a, "txn", o->id));
    text_or_null(w, "description", o->description);
    jw_text(w, "destination", o->destination);
    jw_text(w, "destination_payment", sibling(a, "py", o->id));
    jw_bool(w, "livemode", false);
    jw_raw(w, "metadata", o->metadata);
    reversals_write(s, a, w, o);
    jw_bool(w, "reversed", o->taken == o->amount);
    jw_null(w, "source_transaction");
    jw_str(w, "source_type", "card");
    text_or_null(w, "transfer_group", o->group);
    jw_end_object(w);
}

static void payout_write(struct arena *a, struct json_writer *w, const char *key,
                         const struct stripe_object *o)
{
    bool failed = text_is(o->status, "failed");
    begin(w, key, o);
    jw_int(w, "arrival_date", o->arrival_s);
    jw_bool(w, "automatic", false);
    jw_text(w, "balance_transaction", sibling(a, "txn", o->id));
    text_or_null(w, "description", o->description);
    text_or_null(w, "destination", o->destination);
    if (failed) {
        jw_text(w, "failure_balance_transaction", sibling(a, "txn_f", o->id));
    } else {
        jw_null(w, "failure_balance_transaction");
    }
    text_or_null(w, "failure_code", o->failure);
    jw_str(w, "failure_message", failed ? "The bank could not process this payout." : NULL);
    jw_bool(w, "livemode", false);
    jw_raw(w, "metadata", o->metadata);
    jw_text(w, "method", o->method);
    jw_null(w, "original_payout");
    jw_str(w, "reconciliation_status", "not_applicable");
    jw_null(w, "reversed_by");
    jw_str(w, "source_type", "card");
    jw_null(w, "statement_descriptor");
    jw_text(w, "status", o->status);
    jw_str(w, "type", "bank_account");
    jw_end_object(w);
}

static void transaction_write(struct json_writer *w, const char *key, const struct stripe_object *o)
{
    begin(w, key, o);
    jw_int(w, "available_on", o->created_s);
    jw_null(w, "description");
    jw_null(w, "exchange_rate");
    jw_int(w, "fee", 0);
    jw_array(w, "fee_details");
    jw_end_array(w);
    jw_int(w, "net", o->amount);
    jw_text(w, "reporting_category", o->status);
    jw_text(w, "source", o->parent);
    jw_str(w, "status", "available");
    jw_text(w, "type", o->status);
    jw_end_object(w);
}

void stripe_object_write(struct sim *s, struct arena *a, struct json_writer *w, const char *key,
                         const struct stripe_object *o)
{
    if (text_is(o->kind, "transfer")) {
        transfer_write(s, a, w, key, o);
    } else if (text_is(o->kind, "payout")) {
        payout_write(a, w, key, o);
    } else if (text_is(o->kind, "transfer_reversal")) {
        reversal_write(a, w, key, o);
    } else {
        transaction_write(w, key, o);
    }
}

struct text stripe_metadata(struct call *c)
{
    struct json_writer w;
    struct buf b = {0};
    jw_init(&w, &b, false);
    jw_object(&w, NULL);
    for (size_t i = 0; i < c->arg_count; i++) {
        struct text n = c->arg[i].name;
        if (text_starts(n, "metadata[") && n.len > 10 && n.p[n.len - 1] == ']') {
            jw_text(&w, arena_text(&c->arena, (struct text){n.p + 9, n.len - 10}).p,
                    c->arg[i].value);
        }
    }
    jw_end_object(&w);
    struct text t = arena_text(&c->arena, buf_text(&b));
    buf_clear(&b);
    return t;
}

/* --- lists -------------------------------------------------------------------------------------*/

static bool created_fits(const struct call *c, int64_t created_s)
{
    int64_t n;
    return (!call_number(call_arg(c, "created[gt]"), &n) || created_s > n) &&
           (!call_number(call_arg(c, "created[gte]"), &n) || created_s >= n) &&
           (!call_number(call_arg(c, "created[lt]"), &n) || created_s < n) &&
           (!call_number(call_arg(c, "created[lte]"), &n) || created_s <= n) &&
           (!call_number(call_arg(c, "created"), &n) || created_s == n);
}

static bool filter_fits(const struct call *c, const char *name, struct text value)
{
    struct text want = call_arg(c, name);
    return want.p == NULL || text_eq(want, value);
}

static bool object_fits(const struct call *c, const struct stripe_object *o)
{
    bool txn = text_is(o->kind, "balance_transaction");
    return created_fits(c, o->created_s) && filter_fits(c, "destination", o->destination) &&
           filter_fits(c, "transfer_group", o->group) && filter_fits(c, "status", o->status) &&
           (!txn || (filter_fits(c, "type", o->status) && filter_fits(c, "source", o->parent)));
}

static int64_t seq_of(struct call *c, struct text id, int64_t none)
{
    return id.len == 0
               ? none
               : state_number(c->s, none, "SELECT seq FROM stripe_object WHERE id = ?", "t", id);
}

void stripe_list(struct call *c, const char *kind, const char *url)
{
    struct json_writer w;
    struct stripe_object o;
    int64_t limit = 10, count = 0;
    struct text account = stripe_account(c);
    (void)call_number(call_arg(c, "limit"), &limit);
    limit = limit < 1 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
    sqlite3_stmt *q = state_ask(
        c->s,
        "SELECT " COLUMNS " FROM stripe_object WHERE kind = ? AND account = ? AND seq < ? AND "
        "seq > ? ORDER BY seq DESC",
        "stii", kind, account.p != NULL ? account : TEXT(""),
        seq_of(c, call_arg(c, "starting_after"), INT64_MAX),
        seq_of(c, call_arg(c, "ending_before"), 0));
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "object", "list");
    jw_array(&w, "data");
    while (state_next(c->s, q)) {
        object_read(q, &c->arena, &o);
        if (object_fits(c, &o) && count++ < limit) {
            stripe_object_write(c->s, &c->arena, &w, NULL, &o);
        }
    }
    jw_end_array(&w);
    jw_bool(&w, "has_more", count > limit);
    jw_str(&w, "url", url);
    jw_end_object(&w);
}

/* --- funds -------------------------------------------------------------------------------------*/

int64_t stripe_funds(struct sim *s, struct text account, struct text currency)
{
    struct text of = account.p != NULL ? account : TEXT("");
    return state_number(s, of.len == 0 ? PLATFORM_FUNDS : 0,
                        "SELECT amount FROM stripe_funds WHERE account = ? AND currency = ?", "tt",
                        of, currency);
}

void stripe_funds_add(struct sim *s, struct arena *a, const struct stripe_object *source,
                      const char *type, struct text account, int64_t amount)
{
    struct text of = account.p != NULL ? account : TEXT("");
    struct stripe_object t = {.kind = TEXT("balance_transaction"),
                              .account = of,
                              .created_s = sim_now(s) / TIME_SECOND_US,
                              .currency = source->currency,
                              .amount = amount,
                              .status = text_of(type),
                              .parent = source->id};
    int64_t now = stripe_funds(s, of, source->currency) + amount;
    state_do(s, "INSERT OR REPLACE INTO stripe_funds VALUES(?,?,?)", "tti", of, source->currency,
             now);
    stripe_object_add(s, a, "txn_", &t);
    struct text id = strstr(type, "failure") != NULL ? sibling(a, "txn_f", source->id)
                                                     : sibling(a, "txn", source->id);
    if (of.len > 0 && text_is(source->kind, "transfer")) {
        return; /* the payment at the destination has a transaction of its own */
    }
    state_do(s, "UPDATE OR IGNORE stripe_object SET id = ? WHERE seq = ?", "ti", id, t.seq);
}

static void funds_array(struct call *c, struct json_writer *w, const char *key, bool filled)
{
    struct text account = stripe_account(c);
    struct text of = account.p != NULL ? account : TEXT("");
    int64_t rows = 0;
    jw_array(w, key);
    sqlite3_stmt *q = state_ask(c->s,
                                "SELECT currency, amount FROM stripe_funds WHERE account = ? "
                                "ORDER BY currency",
                                "t", of);
    while (state_next(c->s, q)) {
        jw_object(w, NULL);
        jw_int(w, "amount", filled ? state_int(q, 1) : 0);
        jw_text(w, "currency", state_text(&c->arena, q, 0));
        jw_end_object(w);
        rows++;
    }
    if (rows == 0) {
        jw_object(w, NULL);
        jw_int(w, "amount", filled && of.len == 0 ? PLATFORM_FUNDS : 0);
        jw_str(w, "currency", "usd");
        jw_end_object(w);
    }
    jw_end_array(w);
}

void stripe_funds_write(struct call *c, struct json_writer *w)
{
    jw_object(w, NULL);
    jw_str(w, "object", "balance");
    funds_array(c, w, "available", true);
    jw_bool(w, "livemode", false);
    funds_array(c, w, "pending", false);
    jw_end_object(w);
}
