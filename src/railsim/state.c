/* SPDX-License-Identifier: Apache-2.0
 * What the simulator remembers, in one SQLite file. A state that cannot be kept any more ends the
 * program: a double that forgets what it has paid would be worse than none. */
#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "railsim/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value);"
    "CREATE TABLE IF NOT EXISTS counted(kind TEXT PRIMARY KEY, n INTEGER);"
    "CREATE TABLE IF NOT EXISTS moved(seq INTEGER PRIMARY KEY, at_us, rail, kind, reference,"
    " anchor, destination, amount, currency);"
    "CREATE TABLE IF NOT EXISTS fault_script(seq INTEGER PRIMARY KEY, kind, place, times, skip, ms,"
    " s, text);"
    "CREATE TABLE IF NOT EXISTS fault_fired(name TEXT PRIMARY KEY, n INTEGER);"
    "CREATE TABLE IF NOT EXISTS lnurl_user(name TEXT PRIMARY KEY, min_msat, max_msat, comment_max);"
    "CREATE TABLE IF NOT EXISTS invoice(id INTEGER PRIMARY KEY, name, pr, hash, preimage,"
    " amount_msat, expires_s, comment, paid_us);"
    "CREATE INDEX IF NOT EXISTS invoice_hash ON invoice(hash);"
    "CREATE TABLE IF NOT EXISTS ln_payment(id INTEGER PRIMARY KEY, node, uuid, hash, pr, preimage,"
    " amount_msat, fee_msat, status, reason, created_us, completed_us, settle_us, fails);"
    "CREATE INDEX IF NOT EXISTS ln_payment_hash ON ln_payment(node, hash);"
    "CREATE TABLE IF NOT EXISTS stripe_object(seq INTEGER PRIMARY KEY, id TEXT UNIQUE, kind,"
    " account, created_s, currency, amount, destination, grp, description, status, metadata,"
    " parent, taken, method, failure, due_us, next, arrival_s);"
    "CREATE TABLE IF NOT EXISTS stripe_key(account, key, hash, status, answer, created_us,"
    " PRIMARY KEY(account, key));"
    "CREATE TABLE IF NOT EXISTS stripe_funds(account, currency, amount,"
    " PRIMARY KEY(account, currency));"
    "CREATE TABLE IF NOT EXISTS webhook(seq INTEGER PRIMARY KEY, id, type, account, body, due_us,"
    " tries, sent, waits, twice, created_us);"
    "CREATE TABLE IF NOT EXISTS bank_file(seq INTEGER PRIMARY KEY, name, kind, message, hash,"
    " at_us);"
    "CREATE TABLE IF NOT EXISTS bank_payment(seq INTEGER PRIMARY KEY, file, message, block,"
    " end_to_end, creditor, account, debtor, amount, currency, status, reason, due_us, next,"
    " reference, after_s, return_reason);"
    "CREATE TABLE IF NOT EXISTS bank_entry(seq INTEGER PRIMARY KEY, payment, credit, amount,"
    " currency, account, reason, day, statement);"
    "CREATE TABLE IF NOT EXISTS bank_report(seq INTEGER PRIMARY KEY, name, type, body, written);"
    /* what each tick looks for, and what calls ask for, without reading whole tables */
    "CREATE INDEX IF NOT EXISTS moved_anchor ON moved(anchor);"
    "CREATE INDEX IF NOT EXISTS ln_due ON ln_payment(settle_us) WHERE status = 'pending';"
    "CREATE INDEX IF NOT EXISTS stripe_due ON stripe_object(due_us) WHERE due_us IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS stripe_list ON stripe_object(kind, account, seq);"
    "CREATE INDEX IF NOT EXISTS stripe_parent ON stripe_object(parent);"
    "CREATE INDEX IF NOT EXISTS webhook_due ON webhook(seq) WHERE sent <= twice;"
    "CREATE INDEX IF NOT EXISTS webhook_sent ON webhook(seq) WHERE sent > 0;"
    "CREATE INDEX IF NOT EXISTS bank_due ON bank_payment(due_us) WHERE next IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS bank_of_file ON bank_payment(file);"
    "CREATE INDEX IF NOT EXISTS bank_name ON bank_file(name);"
    "CREATE INDEX IF NOT EXISTS bank_message ON bank_file(message);"
    "CREATE INDEX IF NOT EXISTS bank_open ON bank_entry(seq) WHERE statement IS NULL;"
    "CREATE INDEX IF NOT EXISTS bank_unwritten ON bank_report(seq) WHERE written = 0;";

static _Noreturn void state_lost(struct sim *s, const char *sql)
{
    (void)fprintf(stderr, "mete rail-sim: the state cannot be kept: %s (%.60s)\n",
                  sqlite3_errmsg(s->db), sql);
    _exit(1);
}

static void args_bind(sqlite3_stmt *q, const char *kinds, va_list args)
{
    for (int i = 0; kinds[i] != '\0'; i++) {
        struct text t;
        switch (kinds[i]) {
        case 'i':
            (void)sqlite3_bind_int64(q, i + 1, va_arg(args, int64_t));
            break;
        case 's':
            (void)sqlite3_bind_text(q, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        case 't':
            t = va_arg(args, struct text);
            (void)sqlite3_bind_text(q, i + 1, t.p, (int)t.len, SQLITE_TRANSIENT);
            break;
        default:
            METE_ASSERT(kinds[i] == 'n');
        }
    }
}

static sqlite3_stmt *prepare(struct sim *s, const char *sql, const char *kinds, va_list args)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK) {
        state_lost(s, sql);
    }
    args_bind(q, kinds, args);
    return q;
}

sqlite3_stmt *state_ask(struct sim *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    sqlite3_stmt *q = prepare(s, sql, kinds, args);
    va_end(args);
    return q;
}

bool state_next(struct sim *s, sqlite3_stmt *q)
{
    int got = sqlite3_step(q);
    if (got == SQLITE_ROW) {
        return true;
    }
    if (got != SQLITE_DONE) {
        state_lost(s, sqlite3_sql(q));
    }
    (void)sqlite3_finalize(q);
    return false;
}

void state_end(sqlite3_stmt *q)
{
    (void)sqlite3_finalize(q);
}

void state_do(struct sim *s, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    sqlite3_stmt *q = prepare(s, sql, kinds, args);
    va_end(args);
    if (state_next(s, q)) {
        state_end(q);
    }
}

int64_t state_number(struct sim *s, int64_t none, const char *sql, const char *kinds, ...)
{
    va_list args;
    va_start(args, kinds);
    sqlite3_stmt *q = prepare(s, sql, kinds, args);
    va_end(args);
    if (!state_next(s, q)) {
        return none;
    }
    int64_t found = sqlite3_column_type(q, 0) == SQLITE_NULL ? none : state_int(q, 0);
    state_end(q);
    return found;
}

int64_t state_int(sqlite3_stmt *q, int column)
{
    return sqlite3_column_int64(q, column);
}

struct text state_text(struct arena *a, sqlite3_stmt *q, int column)
{
    const char *p = (const char *)sqlite3_column_text(q, column);
    if (p == NULL) {
        return (struct text){0};
    }
    return arena_text(a, (struct text){p, (size_t)sqlite3_column_bytes(q, column)});
}

int64_t state_last_row(struct sim *s)
{
    return sqlite3_last_insert_rowid(s->db);
}

int64_t state_count(struct sim *s, const char *kind)
{
    return state_number(s, 0,
                        "INSERT INTO counted VALUES(?1, 1) ON CONFLICT(kind) DO UPDATE SET n = n + "
                        "1 RETURNING n",
                        "s", kind);
}

struct hash state_secret(const struct sim *s, const char *kind, int64_t n)
{
    struct buf b = {0};
    buf_printf(&b, "%s %lld", kind, (long long)n);
    struct hash h =
        hmac_sha256((struct bytes){s->node_secret, sizeof s->node_secret}, buf_bytes(&b));
    buf_clear(&b);
    return h;
}

void state_id(struct sim *s, const char *prefix, char out[ID_MAX])
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
    struct hash h = state_secret(s, prefix, state_count(s, prefix));
    size_t len = strlen(prefix);
    METE_ASSERT(len + 25 <= ID_MAX);
    memcpy(out, prefix, len);
    for (size_t i = 0; i < 24; i++) {
        out[len + i] = letters[h.b[i] % (sizeof letters - 1)];
    }
    out[len + 24] = '\0';
}

void state_moved(struct sim *s, const struct movement *m)
{
    state_do(s,
             "INSERT INTO moved(at_us, rail, kind, reference, anchor, destination, amount, "
             "currency) VALUES(?,?,?,?,?,?,?,?)",
             "isstttis", m->at_us, m->rail, m->kind, m->reference, m->anchor, m->destination,
             m->amount, m->currency);
}

/** The key of the payee: it follows from the seed, so that a seed gives the same invoices. */
static void node_key_find(struct sim *s)
{
    struct text hex;
    struct arena a;
    arena_init(&a, 4096);
    sqlite3_stmt *q = state_ask(s, "SELECT value FROM meta WHERE key = 'node_key'", "");
    if (state_next(s, q)) {
        hex = state_text(&a, q, 0);
        state_end(q);
        METE_ASSERT(hex_decode(s->node_secret, sizeof s->node_secret, hex));
    } else {
        char text[65];
        struct text seed = arena_printf(&a, "mete rail-sim %llu", (unsigned long long)s->o.seed);
        struct hash h = sha256(text_bytes(seed));
        memcpy(s->node_secret, h.b, sizeof s->node_secret);
        METE_ASSERT(secp_secret_ok(s->node_secret));
        hash_hex(&h, text);
        state_do(s, "INSERT INTO meta VALUES('node_key', ?)", "s", text);
    }
    arena_clear(&a);
}

enum mete_code state_open(struct sim *s, struct mete_err *err)
{
    const char *path = s->o.state != NULL ? s->o.state : ":memory:";
    char *why = NULL;
    if (sqlite3_open(path, &s->db) != SQLITE_OK || sqlite3_busy_timeout(s->db, 0) != SQLITE_OK ||
        sqlite3_exec(
            s->db,
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            NULL, NULL, &why) != SQLITE_OK ||
        sqlite3_exec(s->db, SCHEMA, NULL, NULL, &why) != SQLITE_OK) {
        enum mete_code code = mete_fail(err, METE_SIM_STATE, NULL, "%.150s: %.80s", path,
                                        why != NULL ? why : sqlite3_errmsg(s->db));
        sqlite3_free(why);
        state_close(s);
        return code;
    }
    node_key_find(s);
    s->clock_us = state_number(s, 0, "SELECT value FROM meta WHERE key = 'clock_us'", "");
    int64_t starts = state_count(s, "start");
    rng_seed(&s->rng, s->o.seed + (uint64_t)starts - 1);
    return METE_OK;
}

void state_close(struct sim *s)
{
    (void)sqlite3_close(s->db);
    s->db = NULL;
}
