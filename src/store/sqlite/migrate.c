/* SPDX-License-Identifier: Apache-2.0
 * Schema versions: forward only, one transaction each, checked against what was applied. */
#include "base/text.h"
#include "crypto/hash.h"
#include "store/migrations/migration.h"
#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <string.h>

static void sql_sha256(const struct migration *m, char hex[65])
{
    struct hash h = sha256(text_bytes(text_of(m->sql)));
    hash_hex(&h, hex);
}

/** Compares one applied migration with ours. */
static enum mete_code check_applied(int version, const char *sha256, struct mete_err *err)
{
    char hex[65];
    if (version < 1 || (size_t)version > migrations_sqlite_count) {
        return mete_fail(err, METE_STORE_NEWER, NULL,
                         "the store has schema version %d, this program knows %zu", version,
                         migrations_sqlite_count);
    }
    sql_sha256(&migrations_sqlite[version - 1], hex);
    if (sha256 == NULL || strcmp(hex, sha256) != 0) {
        return mete_fail(err, METE_STORE_CORRUPT, NULL,
                         "schema version %d of the store is not the one that was released",
                         version);
    }
    return METE_OK;
}

/** *version: the last one that was applied. */
static enum mete_code read_applied(sqlite3 *db, int *version, struct mete_err *err)
{
    sqlite3_stmt *s =
        sqlite_prepare(db, "select version, sha256 from schema_migrations order by version", err);
    if (s == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    int step;
    *version = 0;
    while (code == METE_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        int found = sqlite3_column_int(s, 0);
        code = check_applied(found, (const char *)sqlite3_column_text(s, 1), err);
        if (code == METE_OK && found != *version + 1) {
            code = mete_fail(err, METE_STORE_CORRUPT, NULL, "schema version %d is missing",
                             *version + 1);
        }
        *version = found;
    }
    if (code == METE_OK && step != SQLITE_DONE) {
        code = sqlite_fail(db, err, "the schema");
    }
    sqlite3_finalize(s);
    return code;
}

static enum mete_code note_applied(struct sqlite_store *store, const struct migration *m,
                                   struct mete_err *err)
{
    char hex[65];
    sqlite3_stmt *s = sqlite_prepare(
        store->db,
        "insert into schema_migrations (version, name, sha256, applied_at) values (?1, ?2, ?3, ?4)",
        err);
    if (s == NULL) {
        return err->code;
    }
    sql_sha256(m, hex);
    sqlite3_bind_int(s, 1, m->version);
    sqlite_bind_text_of(s, 2, text_of(m->name));
    sqlite_bind_text_of(s, 3, text_of(hex));
    sqlite3_bind_int64(s, 4, store->now);
    enum mete_code code =
        sqlite3_step(s) == SQLITE_DONE ? METE_OK : sqlite_fail(store->db, err, "the schema");
    sqlite3_finalize(s);
    return code;
}

static enum mete_code apply_one(struct sqlite_store *store, const struct migration *m,
                                struct mete_err *err)
{
    if (sqlite_exec(store->db, "begin immediate", err) != STORE_OK) {
        return err->code;
    }
    char sql[64];
    enum mete_code code = METE_OK;
    snprintf(sql, sizeof sql, "pragma application_id = %d", SQLITE_APPLICATION_ID);
    if (sqlite_exec(store->db, sql, err) != STORE_OK ||
        sqlite_exec(store->db, m->sql, err) != STORE_OK) {
        code = err->code;
    }
    if (code == METE_OK) {
        code = note_applied(store, m, err);
    }
    if (code == METE_OK && sqlite_exec(store->db, "commit", err) == STORE_OK) {
        return METE_OK;
    }
    code = err->code;
    sqlite3_exec(store->db, "rollback", NULL, NULL, NULL);
    return code;
}

/** A number that a statement without parameters gives. */
static enum mete_code read_number(sqlite3 *db, const char *sql, int64_t *out, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(db, sql, err);
    if (s == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    if (sqlite3_step(s) == SQLITE_ROW) {
        *out = sqlite3_column_int64(s, 0);
    } else {
        code = sqlite_fail(db, err, "the store");
    }
    sqlite3_finalize(s);
    return code;
}

enum mete_code sqlite_migrate(struct sqlite_store *store, struct mete_err *err)
{
    int64_t tables;
    int64_t application;
    int version = 0;
    enum mete_code code =
        read_number(store->db, "select count(*) from sqlite_master", &tables, err);
    if (code == METE_OK) {
        code = read_number(store->db, "pragma application_id", &application, err);
    }
    if (code != METE_OK) {
        return code;
    }
    if (tables > 0 && application != SQLITE_APPLICATION_ID) {
        return mete_fail(err, METE_FILE, NULL, "this database is not a store of mete");
    }
    if (tables > 0 && (code = read_applied(store->db, &version, err)) != METE_OK) {
        return code;
    }
    if (store->read_only && (size_t)version < migrations_sqlite_count) {
        return version == 0 ? mete_fail(err, METE_STORE_MISSING, NULL, "the store is empty")
                            : mete_fail(err, METE_STORE_FAILED, NULL,
                                        "the store is older: open it once for writing");
    }
    for (size_t i = (size_t)version; code == METE_OK && i < migrations_sqlite_count; i++) {
        code = apply_one(store, &migrations_sqlite[i], err);
    }
    return code;
}
