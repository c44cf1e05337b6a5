/* SPDX-License-Identifier: Apache-2.0
 * Keys, on a connection of their own. */
#include "store/api_key.h"
#include "store/api_key_port.h"

#include "base/text.h"
#include "store/postgres/postgres.h"

#include <stdlib.h>
#include <string.h>

struct pg_keys {
    char *url;
    struct pg_conn conn;
    struct hash version; /* of the data when it was last looked at */
};

static const char SQL_READ[] =
    "select key_id, book, sha256, scopes, party, producer, service, note, created_at, expires_at, "
    "revoked_at, limits from mete.api_key order by created_at, key_id";
static const char SQL_ADD[] =
    "insert into mete.api_key (key_id, book, sha256, scopes, party, producer, service, note, "
    "created_at, expires_at, revoked_at, limits) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, cast($10 as bigint), cast($11 as bigint), $12)";
static const char SQL_REVOKE[] = "update mete.api_key set revoked_at = $2 where key_id = $1 and "
                                 "(revoked_at is null or revoked_at > $2)";
static const char SQL_FIND[] = "select key_id from mete.api_key where key_id = $1";
/* Rows are added and ended, nothing else: these numbers tell. */
static const char SQL_VERSION[] =
    "select cast(count(*) as bigint), cast(count(revoked_at) as bigint), "
    "cast(coalesce(sum(created_at), 0) as text), cast(coalesce(sum(revoked_at), 0) as text) "
    "from mete.api_key";

static void keys_close(void *keys)
{
    struct pg_keys *k = keys;
    pg_disconnect(&k->conn);
    free(k->url);
    free(k);
}

static enum mete_code keys_open(void **out, const char *url, bool writing, struct mete_err *err)
{
    struct pg_keys *k = calloc(1, sizeof *k);
    (void)writing;
    METE_ASSERT(k != NULL);
    k->url = strdup(url);
    METE_ASSERT(k->url != NULL);
    k->conn.url = k->url;
    enum mete_code code = pg_connect(&k->conn, err);
    code = code == METE_OK ? pg_migrate(&k->conn, false, 0, err) : code;
    if (code != METE_OK) {
        keys_close(k);
        return code;
    }
    *out = k;
    return METE_OK;
}

/** One statement, which may be said twice: on a new connection when the old one broke. */
static PGresult *ask(struct pg_keys *k, const char *sql, const struct pg_params *p,
                     struct mete_err *err)
{
    for (unsigned tries = 0; tries < 3; tries++) {
        if (!pg_is_connected(&k->conn) && pg_connect(&k->conn, err) != METE_OK) {
            return NULL;
        }
        PGresult *r = pg_send(&k->conn, sql, p);
        if (pg_ok(r)) {
            return r;
        }
        enum pg_outcome o = pg_outcome_of(&k->conn, r);
        (void)pg_fail(&k->conn, r, err, "keys");
        PQclear(r);
        if (o == PG_FINAL) {
            return NULL;
        }
        if (o == PG_LOST) {
            pg_disconnect(&k->conn);
        }
    }
    return NULL;
}

static mete_time time_of(const PGresult *r, int row, int column)
{
    return PQgetisnull(r, row, column) ? TIME_NEVER : pg_int(r, row, column);
}

static bool row_read(const PGresult *r, int i, struct api_key *key)
{
    *key = (struct api_key){.key_id = pg_text(r, i, 0),
                            .book = pg_text(r, i, 1),
                            .scopes = (uint32_t)pg_int(r, i, 3),
                            .party = pg_text(r, i, 4),
                            .producer = pg_text(r, i, 5),
                            .service = pg_text(r, i, 6),
                            .note = pg_text(r, i, 7),
                            .created_at = pg_int(r, i, 8),
                            .expires_at = time_of(r, i, 9),
                            .revoked_at = time_of(r, i, 10),
                            .limits = pg_text(r, i, 11)};
    return pg_hash(r, i, 2, &key->sha256);
}

static enum mete_code keys_read(void *keys, api_key_visit *visit, void *arg, struct mete_err *err)
{
    PGresult *r = ask(keys, SQL_READ, NULL, err);
    if (r == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    for (int i = 0; i < PQntuples(r); i++) {
        struct api_key key;
        if (!row_read(r, i, &key)) {
            code = mete_fail(err, METE_STORE_CORRUPT, NULL, "the row of a key is damaged");
            break;
        }
        if (!visit(arg, &key)) {
            break;
        }
    }
    PQclear(r);
    return code;
}

/** Runs and forgets the parameters. */
static enum mete_code change(struct pg_keys *k, const char *sql, struct pg_params *p,
                             struct mete_err *err)
{
    PGresult *r = ask(k, sql, p, err);
    pg_params_clear(p);
    PQclear(r);
    return r != NULL ? METE_OK : err->code;
}

static void put_time(struct pg_params *p, mete_time t)
{
    if (t != TIME_NEVER) {
        pg_put_int(p, t);
    } else {
        pg_put_null(p);
    }
}

static enum mete_code keys_add(void *keys, const struct api_key *key, struct mete_err *err)
{
    const struct text text[] = {key->party, key->producer, key->service, key->note};
    struct pg_params p = {0};
    pg_put_text(&p, key->key_id);
    pg_put_text(&p, key->book);
    pg_put_hash(&p, &key->sha256);
    pg_put_int(&p, key->scopes);
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        pg_put_text(&p, text[i]);
    }
    pg_put_int(&p, key->created_at);
    put_time(&p, key->expires_at);
    put_time(&p, key->revoked_at);
    pg_put_text(&p, key->limits);
    return change(keys, SQL_ADD, &p, err);
}

static enum mete_code keys_revoke(void *keys, struct text key_id, mete_time at,
                                  struct mete_err *err)
{
    struct pg_params p = {0};
    pg_put_text(&p, key_id);
    PGresult *r = ask(keys, SQL_FIND, &p, err);
    if (r == NULL) {
        pg_params_clear(&p);
        return err->code;
    }
    bool found = PQntuples(r) == 1;
    PQclear(r);
    if (!found) {
        pg_params_clear(&p);
        return mete_fail(err, METE_NOT_FOUND, NULL, "there is no key %.*s",
                         (int)(key_id.len > 64 ? 64 : key_id.len), key_id.p);
    }
    pg_put_int(&p, at);
    return change(keys, SQL_REVOKE, &p, err);
}

static bool keys_changed(void *keys)
{
    struct pg_keys *k = keys;
    struct mete_err err;
    struct buf seen = {0};
    PGresult *r = ask(k, SQL_VERSION, NULL, &err);
    if (r == NULL) {
        return false; /* what is known stays in force until the database is back */
    }
    for (int i = 0; i < PQnfields(r); i++) {
        struct bytes b = pg_bytes(r, 0, i);
        buf_put_sized(&seen, bytes_text(b));
    }
    PQclear(r);
    struct hash version = sha256(buf_bytes(&seen));
    bool changed = !hash_eq(&version, &k->version);
    k->version = version;
    buf_clear(&seen);
    return changed;
}

const struct api_keys_port postgres_api_keys = {keys_open, keys_close,  keys_read,
                                                keys_add,  keys_revoke, keys_changed};
