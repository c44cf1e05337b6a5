/* SPDX-License-Identifier: Apache-2.0
 * One transaction says everything: a credit and the balance that it makes, or that it was refused
 * for good. Invariant: a wallet's balance is the sum of its credits, and a payout has one at most,
 * even if its worker were wrong. */
#include "rails/ledger/ledger.h"

#include "base/text.h"
#include "wire/json.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WALLET_MAX  200u
#define BALANCE_MAX (INT64_C(1) << 62)
#define BUSY_MS     5000

struct rail {
    char *file;
    sqlite3 *db; /* NULL: not opened yet */
};

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS credit ("
    " anchor TEXT PRIMARY KEY, transfer TEXT NOT NULL, wallet TEXT NOT NULL, asset TEXT NOT NULL,"
    " amount INTEGER NOT NULL CHECK (amount > 0), refused INTEGER NOT NULL, at TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE UNIQUE INDEX IF NOT EXISTS one_credit ON credit (transfer) WHERE refused = 0;"
    "CREATE TABLE IF NOT EXISTS wallet ("
    " wallet TEXT NOT NULL, asset TEXT NOT NULL, balance INTEGER NOT NULL CHECK (balance >= 0),"
    " PRIMARY KEY (wallet, asset)) WITHOUT ROWID;";

/* --- the file ----------------------------------------------------------------------------------*/

/** A new file is its owner's alone: whose money it is is nobody else's business. SQLite gives the
 *  files beside it the same mode. One that is there is not opened: closing it would drop the locks
 *  that this process has. */
static void file_make(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    } /* else sqlite3_open finds out why */
}

static bool db_open(struct rail *r)
{
    if (r->db != NULL) {
        return true;
    }
    file_make(r->file);
    int code = sqlite3_open(r->file, &r->db);
    code = code == SQLITE_OK ? sqlite3_busy_timeout(r->db, BUSY_MS) : code;
    code =
        code == SQLITE_OK ? sqlite3_exec(r->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) : code;
    code =
        code == SQLITE_OK ? sqlite3_exec(r->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL) : code;
    code = code == SQLITE_OK ? sqlite3_exec(r->db, SCHEMA, NULL, NULL, NULL) : code;
    if (code != SQLITE_OK) {
        sqlite3_close(r->db);
        r->db = NULL;
    }
    return code == SQLITE_OK;
}

static bool run(struct rail *r, const char *sql)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static sqlite3_stmt *statement(struct rail *r, const char *sql)
{
    sqlite3_stmt *s = NULL;
    return sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) == SQLITE_OK ? s : NULL;
}

static void bind(sqlite3_stmt *s, int at, struct text t)
{
    (void)sqlite3_bind_text(s, at, t.p, (int)t.len, SQLITE_STATIC);
}

enum found { FOUND_NOTHING, FOUND_CREDIT, FOUND_REFUSAL, FOUND_FAILED };

static enum found credit_find(struct rail *r, struct text anchor)
{
    sqlite3_stmt *s = statement(r, "SELECT refused FROM credit WHERE anchor = ?");
    enum found f = FOUND_FAILED;
    if (s != NULL) {
        bind(s, 1, anchor);
        int code = sqlite3_step(s);
        f = code == SQLITE_DONE             ? FOUND_NOTHING
            : code != SQLITE_ROW            ? FOUND_FAILED
            : sqlite3_column_int(s, 0) != 0 ? FOUND_REFUSAL
                                            : FOUND_CREDIT;
        (void)sqlite3_finalize(s);
    }
    return f;
}

/* --- bytes -------------------------------------------------------------------------------------*/

static bool wallet_fits(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.p[i] < ' ' || t.p[i] == 0x7f) {
            return false;
        }
    }
    return t.len > 0 && t.len <= WALLET_MAX;
}

static void one_prepare(struct rail_payment *p, struct arena *a)
{
    struct buf body = {0};
    struct json_writer w;
    if (!wallet_fits(p->destination)) {
        rail_say(p, RAIL_REJECTED, "a wallet has a name of 1 to %u characters", WALLET_MAX);
        (void)snprintf(p->report.remediation, sizeof p->report.remediation,
                       "Set a destination that is the name of a wallet.");
        return;
    }
    if (p->amount >= BALANCE_MAX) {
        rail_say(p, RAIL_REJECTED, "no wallet of the internal ledger holds as much");
        return;
    }
    jw_init(&w, &body, false);
    jw_object(&w, NULL);
    jw_text(&w, "wallet", p->destination);
    jw_str(&w, "asset", p->asset.code);
    jw_i128(&w, "amount", p->amount);
    jw_end_object(&w);
    p->anchor =
        arena_printf(a, "%.*s/%" PRIu32, (int)p->transfer_id.len, p->transfer_id.p, p->attempt);
    p->body[p->body_count++] = arena_text(a, buf_text(&body));
    buf_clear(&body);
    rail_say(p, RAIL_ACCEPTED, "ready");
}

struct credit {
    struct text wallet, asset;
    int64_t amount;
};

static bool body_read(const struct rail_payment *p, struct arena *a, struct credit *out)
{
    struct json *tree = NULL;
    struct mete_err err;
    u128 amount;
    if (p->body_count == 0 || json_parse(a, p->body[p->body_count - 1], &tree, &err) != METE_OK) {
        return false;
    }
    const struct json *wallet = json_get(tree, "wallet");
    const struct json *asset = json_get(tree, "asset");
    const struct json *number = json_get(tree, "amount");
    if (wallet == NULL || asset == NULL || number == NULL || !u128_parse(number->text, &amount) ||
        amount >= (u128)BALANCE_MAX) {
        return false;
    }
    *out = (struct credit){wallet->text, asset->text, (int64_t)amount};
    return true;
}

/* --- crediting ---------------------------------------------------------------------------------*/

/** False: the balance would be too large, or the store failed: *failed. */
static bool balance_add(struct rail *r, const struct credit *c, bool *failed)
{
    sqlite3_stmt *s =
        statement(r, "INSERT INTO wallet VALUES (?, ?, ?) ON CONFLICT (wallet, asset) DO UPDATE"
                     " SET balance = balance + excluded.balance"
                     " WHERE balance <= 4611686018427387904 - excluded.balance");
    *failed = s == NULL;
    if (s == NULL) {
        return false;
    }
    bind(s, 1, c->wallet);
    bind(s, 2, c->asset);
    (void)sqlite3_bind_int64(s, 3, c->amount);
    *failed = sqlite3_step(s) != SQLITE_DONE;
    bool added = !*failed && sqlite3_changes(r->db) == 1;
    (void)sqlite3_finalize(s);
    return added;
}

static bool credit_add(struct rail *r, const struct rail_payment *p, const struct credit *c,
                       bool refused)
{
    char at[TIME_TEXT_MAX];
    sqlite3_stmt *s = statement(r, "INSERT INTO credit VALUES (?, ?, ?, ?, ?, ?, ?)");
    if (s == NULL) {
        return false;
    }
    time_format(p->now, at);
    bind(s, 1, p->anchor);
    bind(s, 2, p->transfer_id);
    bind(s, 3, c->wallet);
    bind(s, 4, c->asset);
    (void)sqlite3_bind_int64(s, 5, c->amount);
    (void)sqlite3_bind_int(s, 6, refused);
    bind(s, 7, text_of(at));
    bool fine = sqlite3_step(s) == SQLITE_DONE;
    (void)sqlite3_finalize(s);
    return fine;
}

/** In a transaction. What it comes to, unless that cannot be committed. */
static enum found credit_make(struct rail *r, const struct rail_payment *p, const struct credit *c)
{
    bool failed = false;
    enum found f = credit_find(r, p->anchor);
    if (f != FOUND_NOTHING) {
        return f;
    }
    bool added = balance_add(r, c, &failed);
    return failed || !credit_add(r, p, c, !added) ? FOUND_FAILED
           : added                                ? FOUND_CREDIT
                                                  : FOUND_REFUSAL;
}

static void found_say(struct rail_payment *p, enum found f, struct arena *a)
{
    switch (f) {
    case FOUND_CREDIT:
        rail_say(p, RAIL_PAID, "credited");
        p->report.reference = arena_text(a, p->anchor);
        break;
    case FOUND_REFUSAL:
        rail_say(p, RAIL_REJECTED, "the wallet cannot hold as much");
        break;
    case FOUND_NOTHING:
        rail_say(p, RAIL_ABSENT, "not credited");
        break;
    case FOUND_FAILED:
        rail_say(p, RAIL_UNKNOWN, "the file of the internal ledger cannot be used now");
        break;
    }
}

static void one_send(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct credit c;
    enum found f = FOUND_FAILED;
    if (body_read(p, a, &c) && db_open(r) && run(r, "BEGIN IMMEDIATE")) {
        f = credit_make(r, p, &c);
        bool keeps = f != FOUND_FAILED && run(r, "COMMIT");
        if (!keeps) { /* as if nothing had been: what a COMMIT did that failed, a probe finds */
            (void)run(r, "ROLLBACK");
            f = FOUND_FAILED;
        }
    }
    found_say(p, f, a);
}

/* --- the port ----------------------------------------------------------------------------------*/

static enum mete_code ledger_open(struct rail **out, const struct rail_config *config,
                                  struct mete_err *err)
{
    const char *file = config->get(config->ctx, "file");
    if (file == NULL || file[0] == '\0') {
        return mete_fail(err, METE_USAGE, "",
                         "[internal_ledger] file is not set: the file that the wallets stand in");
    }
    struct rail *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    r->file = strdup(file);
    METE_ASSERT(r->file != NULL);
    *out = r;
    return METE_OK;
}

static void ledger_close(struct rail *r)
{
    sqlite3_close(r->db);
    free(r->file);
    free(r);
}

static void ledger_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        if (db_open(r)) {
            one_prepare(p[i], a);
        } else {
            rail_say(p[i], RAIL_TRANSIENT, "the file of the internal ledger cannot be opened");
        }
    }
}

static void ledger_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        one_send(r, p[i], a);
    }
}

static void ledger_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        found_say(p[i], db_open(r) ? credit_find(r, p[i]->anchor) : FOUND_FAILED, a);
    }
}

static const char *const OTHER_NAMES[] = {"internal", "ledger", NULL};

const struct rail_kind rail_internal_ledger = {.name = "internal_ledger",
                                               .alias = OTHER_NAMES,
                                               .batch_max = 100,
                                               .open = ledger_open,
                                               .close = ledger_close,
                                               .prepare = ledger_prepare,
                                               .send = ledger_send,
                                               .probe = ledger_probe};
