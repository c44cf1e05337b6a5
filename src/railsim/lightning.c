/* SPDX-License-Identifier: Apache-2.0
 * Payments of invoices. An invoice is paid once: the payee declines a second payment, and every
 * node refuses a hash that it has paid or is paying. Only invoices of the simulator can be
 * reached. */
#include "railsim/lightning.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <string.h>

#define ROW                                                                                        \
    "SELECT id, uuid, hash, pr, preimage, status, reason, amount_msat, fee_msat, "                 \
    "created_us, completed_us FROM ln_payment WHERE node = ?1 "

static void row_read(sqlite3_stmt *q, struct arena *a, struct ln_payment *p)
{
    *p = (struct ln_payment){.id = state_int(q, 0),
                             .uuid = state_text(a, q, 1),
                             .hash = state_text(a, q, 2),
                             .pr = state_text(a, q, 3),
                             .preimage = state_text(a, q, 4),
                             .status = state_text(a, q, 5),
                             .reason = state_text(a, q, 6),
                             .amount_msat = state_int(q, 7),
                             .fee_msat = state_int(q, 8),
                             .created_us = state_int(q, 9),
                             .completed_us = state_int(q, 10)};
}

sqlite3_stmt *ln_rows(struct sim *s, const char *node, const char *where, struct text value)
{
    if (where == NULL) {
        return state_ask(s, ROW "ORDER BY id DESC LIMIT 1000", "s", node);
    }
    if (strcmp(where, "uuid") == 0) {
        return state_ask(s, ROW "AND uuid = ?2", "st", node, value);
    }
    return state_ask(s, ROW "AND hash = ?2 ORDER BY id", "st", node, value);
}

bool ln_row_next(struct sim *s, sqlite3_stmt *q, struct arena *a, struct ln_payment *p)
{
    if (!state_next(s, q)) {
        return false;
    }
    row_read(q, a, p);
    return true;
}

static int weight(struct text status)
{
    return text_is(status, "complete") ? 3 : text_is(status, "pending") ? 2 : 1;
}

bool ln_find(struct sim *s, struct arena *a, const char *node, const char *where, struct text value,
             struct ln_payment *p)
{
    struct ln_payment row;
    int best = 0;
    sqlite3_stmt *q = ln_rows(s, node, where, value);
    while (ln_row_next(s, q, a, &row)) {
        if (weight(row.status) >= best) {
            best = weight(row.status);
            *p = row;
        }
    }
    return best > 0;
}

void ln_node_id(const struct sim *s, const char *node, char out[67])
{
    uint8_t key[SECP_COMPRESSED_LEN];
    struct hash own = state_secret(s, node, 0);
    const uint8_t *secret = strcmp(node, "payee") == 0 ? s->node_secret : own.b;
    METE_ASSERT(secp_public_compressed(key, secret));
    hex_encode(out, (struct bytes){key, sizeof key});
}

static void uuid_make(struct sim *s, char out[37])
{
    struct hash h = state_secret(s, "uuid", state_count(s, "uuid"));
    const uint8_t *b = h.b;
    (void)snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-4%x%02x-a%x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15u, b[7], b[8] & 15u, b[9], b[10],
                   b[11], b[12], b[13], b[14], b[15]);
}

/** The payment and its invoice become paid, and the money has moved. */
static void complete(struct sim *s, const struct ln_payment *p, const char *node, int64_t now_us)
{
    struct arena a;
    arena_init(&a, (size_t)1 << 16);
    sqlite3_stmt *q = state_ask(s,
                                "SELECT id, name, preimage FROM invoice WHERE hash = ? ORDER "
                                "BY pr = ? DESC LIMIT 1",
                                "tt", p->hash, p->pr);
    METE_ASSERT(state_next(s, q));
    int64_t invoice = state_int(q, 0);
    struct text name = state_text(&a, q, 1);
    struct text preimage = state_text(&a, q, 2);
    state_end(q);
    state_do(s, "UPDATE invoice SET paid_us = ? WHERE id = ?", "ii", now_us, invoice);
    state_do(s,
             "UPDATE ln_payment SET status = 'complete', preimage = ?, completed_us = ? WHERE id "
             "= ?",
             "tii", preimage, now_us, p->id);
    const struct movement m = {.rail = node,
                               .kind = "paid",
                               .reference = p->uuid,
                               .anchor = p->hash,
                               .destination = name,
                               .amount = p->amount_msat,
                               .currency = "msat",
                               .at_us = now_us};
    state_moved(s, &m);
    arena_clear(&a);
}

static void fail(struct sim *s, int64_t id, const char *reason, int64_t now_us)
{
    state_do(s,
             "UPDATE ln_payment SET status = 'failed', reason = ?, completed_us = ?, fee_msat = 0 "
             "WHERE id = ?",
             "sii", reason, now_us, id);
}

/** What no other payment of this hash has got, or will get. */
static bool payee_takes(struct sim *s, struct text hash, int64_t own)
{
    return state_number(s, 0,
                        "SELECT (SELECT count(*) FROM invoice WHERE hash = ?1 AND paid_us IS NOT "
                        "NULL) + (SELECT count(*) FROM ln_payment WHERE hash = ?1 AND status = "
                        "'pending' AND id <> ?2)",
                        "ti", hash, own) == 0;
}

void lightning_tick(struct sim *s)
{
    struct arena a;
    int64_t now_us = sim_now(s);
    if (state_number(s, 0,
                     "SELECT count(*) FROM ln_payment WHERE status = 'pending' AND "
                     "settle_us <= ?",
                     "i", now_us) == 0) {
        return;
    }
    arena_init(&a, (size_t)64 << 20);
    sqlite3_stmt *q = state_ask(s,
                                "SELECT id, uuid, hash, pr, preimage, status, reason, "
                                "amount_msat, fee_msat, created_us, completed_us, node, fails "
                                "FROM ln_payment WHERE status = 'pending' AND settle_us <= ? "
                                "ORDER BY settle_us, id",
                                "i", now_us);
    while (state_next(s, q)) {
        struct ln_payment p;
        row_read(q, &a, &p);
        if (state_int(q, 12) != 0) {
            fail(s, p.id, "no_route", now_us);
        } else {
            complete(s, &p, state_text(&a, q, 11).p, now_us);
        }
    }
    arena_clear(&a);
}

/** The fee that the route takes. */
static int64_t fee_of(const struct ln_order *o, uint64_t amount_msat)
{
    return o->fee_base_msat + (int64_t)((u128)amount_msat * (u128)o->fee_ppm / 1000000);
}

static void row_add(struct call *c, const struct ln_order *o, const struct bolt11 *invoice,
                    struct ln_payment *p)
{
    char uuid[37], hash[65];
    uuid_make(c->s, uuid);
    hash_hex(&invoice->payment_hash, hash);
    *p = (struct ln_payment){.uuid = arena_text(&c->arena, text_of(uuid)),
                             .hash = arena_text(&c->arena, text_of(hash)),
                             .pr = o->pr,
                             .status = TEXT("pending"),
                             .amount_msat = (int64_t)invoice->amount_msat,
                             .fee_msat = fee_of(o, invoice->amount_msat),
                             .created_us = c->now_us};
    state_do(c->s,
             "INSERT INTO ln_payment(node, uuid, hash, pr, amount_msat, fee_msat, status, "
             "created_us) VALUES(?,?,?,?,?,?,'pending',?)",
             "stttiii", o->node, p->uuid, p->hash, p->pr, p->amount_msat, p->fee_msat,
             p->created_us);
    p->id = state_last_row(c->s);
}

static enum ln_end hold(struct call *c, const struct ln_payment *p, bool fails, enum ln_end end)
{
    state_do(c->s, "UPDATE ln_payment SET settle_us = ?, fails = ? WHERE id = ?", "iii",
             c->now_us + c->fault.s * TIME_SECOND_US, (int64_t)fails, p->id);
    return end;
}

static enum ln_end attempt(struct call *c, const struct ln_order *o, const struct ln_payment *p)
{
    bool known =
        state_number(c->s, 0, "SELECT count(*) FROM invoice WHERE hash = ?", "t", p->hash) > 0;
    if (!known) {
        fail(c->s, p->id, "no_route", c->now_us);
        return LN_NO_ROUTE;
    }
    if (o->fee_max_msat >= 0 && p->fee_msat > o->fee_max_msat) {
        fail(c->s, p->id, "fee", c->now_us);
        return LN_FEE;
    }
    if (!payee_takes(c->s, p->hash, p->id)) {
        fail(c->s, p->id, "declined", c->now_us);
        return LN_DECLINED;
    }
    if (fault_take(c, FAULT_NO_ROUTE)) {
        fail(c->s, p->id, "no_route", c->now_us);
        return LN_NO_ROUTE;
    }
    if (fault_take(c, FAULT_HELD)) {
        return hold(c, p, false, LN_HELD);
    }
    if (fault_take(c, FAULT_HELD_FAILS)) {
        return hold(c, p, true, LN_HELD);
    }
    if (fault_take(c, FAULT_LATE_SUCCESS)) {
        return hold(c, p, false, LN_LATE);
    }
    complete(c->s, p, o->node, c->now_us);
    return LN_PAID;
}

enum ln_end ln_pay(struct call *c, const struct ln_order *o, struct ln_payment *p,
                   struct bolt11 *invoice, struct mete_err *err)
{
    char hash[65];
    *p = (struct ln_payment){0};
    if (bolt11_read(&c->arena, o->pr, invoice, err) != METE_OK) {
        return LN_INVALID;
    }
    if (invoice->network != c->s->o.network || !invoice->has_amount) {
        (void)mete_fail(err, METE_INVOICE_INVALID, NULL, "%s",
                        invoice->has_amount ? "the invoice is of another network"
                                            : "the invoice has no amount");
        return LN_INVALID;
    }
    hash_hex(&invoice->payment_hash, hash);
    if (ln_find(c->s, &c->arena, o->node, "hash", arena_text(&c->arena, text_of(hash)), p) &&
        !text_is(p->status, "failed")) {
        return text_is(p->status, "complete") ? LN_ALREADY : LN_PENDING;
    }
    if (bolt11_expires_at(invoice) <= c->now_us / TIME_SECOND_US) {
        p->hash = arena_text(&c->arena, text_of(hash));
        return LN_EXPIRED;
    }
    row_add(c, o, invoice, p);
    enum ln_end end = attempt(c, o, p);
    METE_ASSERT(ln_find(c->s, &c->arena, o->node, "uuid", p->uuid, p));
    return end;
}
