/* SPDX-License-Identifier: Apache-2.0
 * Keys, on a connection of their own: whoever writes the books has the lock file, these rows need
 * no more than SQLite's own. */
#include "store/api_key_port.h"

#include "base/text.h"
#include "store/sqlite/sqlite.h"

#include <stdlib.h>

struct sqlite_keys {
    sqlite3 *db;
    int64_t version; /* of the data when it was last looked at */
};

static const char SQL_READ[] =
    "select key_id, book, sha256, scopes, party, producer, service, note, created_at, expires_at, "
    "revoked_at, limits from api_key order by created_at, key_id";
static const char SQL_ADD[] =
    "insert into api_key (key_id, book, sha256, scopes, party, producer, service, note, "
    "created_at, expires_at, revoked_at, limits) "
    "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
static const char SQL_REVOKE[] = "update api_key set revoked_at = ?2 where key_id = ?1 and "
                                 "(revoked_at is null or revoked_at > ?2)";
static const char SQL_FIND[] = "select 1 from api_key where key_id = ?1";

static void keys_close(void *keys)
{
    struct sqlite_keys *k = keys;
    if (k->db != NULL) {
        METE_ASSERT(sqlite3_close(k->db) == SQLITE_OK);
    }
    free(k);
}

static enum mete_code keys_open(void **out, const char *path, bool writing, struct mete_err *err)
{
    struct sqlite_keys *k = calloc(1, sizeof *k);
    METE_ASSERT(k != NULL);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (writing ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    enum mete_code code = METE_OK;
    if (sqlite3_open_v2(path, &k->db, flags, NULL) != SQLITE_OK) {
        code = mete_fail(err, METE_STORE_MISSING, NULL, "%.150s: %s", path,
                         k->db != NULL ? sqlite3_errmsg(k->db) : "no memory");
    } else {
        struct sqlite_store as_is = {.db = k->db, .read_only = true};
        sqlite3_busy_timeout(k->db, BUSY_WAIT_MS);
        code = sqlite_migrate(&as_is, err);
    }
    if (code == METE_OK && writing && sqlite_exec(k->db, "pragma synchronous = full", err)) {
        code = err->code;
    }
    if (code != METE_OK) {
        keys_close(k);
        return code;
    }
    *out = k;
    return METE_OK;
}

static mete_time time_column(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? TIME_NEVER
                                                         : sqlite3_column_int64(s, column);
}

static bool row_read(sqlite3_stmt *s, struct api_key *key)
{
    *key = (struct api_key){.key_id = sqlite_column_text_of(s, 0),
                            .book = sqlite_column_text_of(s, 1),
                            .scopes = (uint32_t)sqlite3_column_int64(s, 3),
                            .party = sqlite_column_text_of(s, 4),
                            .producer = sqlite_column_text_of(s, 5),
                            .service = sqlite_column_text_of(s, 6),
                            .note = sqlite_column_text_of(s, 7),
                            .created_at = sqlite3_column_int64(s, 8),
                            .expires_at = time_column(s, 9),
                            .revoked_at = time_column(s, 10),
                            .limits = sqlite_column_text_of(s, 11)};
    return sqlite_column_hash(s, 2, &key->sha256);
}

static enum mete_code keys_read(void *keys, api_key_visit *visit, void *arg, struct mete_err *err)
{
    struct sqlite_keys *k = keys;
    sqlite3_stmt *s = sqlite_prepare(k->db, SQL_READ, err);
    if (s == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        struct api_key key;
        if (!row_read(s, &key)) {
            code = mete_fail(err, METE_STORE_CORRUPT, NULL, "the row of a key is damaged");
            break;
        }
        if (!visit(arg, &key)) {
            break;
        }
    }
    if (code == METE_OK && step != SQLITE_DONE && step != SQLITE_ROW) {
        code = sqlite_fail(k->db, err, "read");
    }
    sqlite3_finalize(s);
    return code;
}

static enum mete_code keys_add(void *keys, const struct api_key *key, struct mete_err *err)
{
    struct sqlite_keys *k = keys;
    sqlite3_stmt *s = sqlite_prepare(k->db, SQL_ADD, err);
    if (s == NULL) {
        return err->code;
    }
    const struct text text[] = {key->party, key->producer, key->service, key->note};
    sqlite_bind_text_of(s, 1, key->key_id);
    sqlite_bind_text_of(s, 2, key->book);
    sqlite_bind_bytes(s, 3, (struct bytes){key->sha256.b, sizeof key->sha256.b});
    sqlite3_bind_int64(s, 4, key->scopes);
    for (int i = 0; i < (int)ARRAY_LEN(text); i++) {
        sqlite_bind_text_of(s, 5 + i, text[i]);
    }
    sqlite3_bind_int64(s, 9, key->created_at);
    if (key->expires_at != TIME_NEVER) {
        sqlite3_bind_int64(s, 10, key->expires_at);
    }
    if (key->revoked_at != TIME_NEVER) {
        sqlite3_bind_int64(s, 11, key->revoked_at);
    }
    sqlite_bind_text_of(s, 12, key->limits);
    enum mete_code code =
        sqlite3_step(s) == SQLITE_DONE ? METE_OK : sqlite_fail(k->db, err, "write");
    sqlite3_finalize(s);
    return code;
}

static enum mete_code key_find(struct sqlite_keys *k, struct text key_id, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(k->db, SQL_FIND, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite_bind_text_of(s, 1, key_id);
    int step = sqlite3_step(s);
    sqlite3_finalize(s);
    return step == SQLITE_ROW ? METE_OK
                              : mete_fail(err, METE_NOT_FOUND, NULL, "there is no key %.*s",
                                          (int)(key_id.len > 64 ? 64 : key_id.len), key_id.p);
}

static enum mete_code keys_revoke(void *keys, struct text key_id, mete_time at,
                                  struct mete_err *err)
{
    struct sqlite_keys *k = keys;
    enum mete_code code = key_find(k, key_id, err);
    sqlite3_stmt *s = code == METE_OK ? sqlite_prepare(k->db, SQL_REVOKE, err) : NULL;
    if (s == NULL) {
        return err->code;
    }
    sqlite_bind_text_of(s, 1, key_id);
    sqlite3_bind_int64(s, 2, at);
    code = sqlite3_step(s) == SQLITE_DONE ? METE_OK : sqlite_fail(k->db, err, "write");
    sqlite3_finalize(s);
    return code;
}

static bool keys_changed(void *keys)
{
    struct sqlite_keys *k = keys;
    struct mete_err err;
    sqlite3_stmt *s = sqlite_prepare(k->db, "pragma data_version", &err);
    int64_t version = -1;
    if (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
        version = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    bool changed = version != k->version;
    k->version = version;
    return changed;
}

const struct api_keys_port sqlite_api_keys = {keys_open, keys_close,  keys_read,
                                              keys_add,  keys_revoke, keys_changed};
