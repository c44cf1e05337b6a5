/* SPDX-License-Identifier: Apache-2.0
 * A file examined by a connection of its own that only reads. */
#include "store/examine.h"

#include "base/text.h"
#include "store/migrations/migration.h"
#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <string.h>

#define HEADER_LEN 20
#define WAL_FORMAT 2 /* bytes 18 and 19 of the file: how it is written, how it is read */

static const char SQL_SCHEMA[] = "select coalesce(max(version), 0) from schema_migrations";
static const char SQL_KEYS[] = "select count(*) from api_key where (revoked_at is null or "
                               "revoked_at > ?1) and (expires_at is null or expires_at > ?1)";
static const char SQL_CHECK[] = "pragma quick_check(1)";

static bool header_is_wal(const char *path)
{
    uint8_t head[HEADER_LEN] = {0};
    FILE *f = fopen(path, "rb");
    bool read = f != NULL && fread(head, 1, sizeof head, f) == sizeof head;
    if (f != NULL) {
        fclose(f);
    }
    return read && head[18] == WAL_FORMAT && head[19] == WAL_FORMAT;
}

static enum mete_code number(sqlite3 *db, const char *sql, mete_time now, uint64_t *out,
                             struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(db, sql, err);
    if (s == NULL) {
        return err->code;
    }
    if (sqlite3_bind_parameter_count(s) > 0) {
        sqlite3_bind_int64(s, 1, now);
    }
    enum mete_code code = METE_OK;
    if (sqlite3_step(s) == SQLITE_ROW) {
        *out = (uint64_t)sqlite3_column_int64(s, 0);
    } else {
        code = sqlite_fail(db, err, "read");
    }
    sqlite3_finalize(s);
    return code;
}

/** The pages of the file: each is used once, each tree and its order are sound. */
void sqlite_structure(sqlite3 *db, const char *pragma, char flaw[200])
{
    struct mete_err err;
    sqlite3_stmt *s = sqlite_prepare(db, pragma, &err);
    int step = s != NULL ? sqlite3_step(s) : SQLITE_ERROR;
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
    text = text != NULL ? text : sqlite3_errmsg(db);
    const char *line = strrchr(text, '\n'); /* the one before says which database */
    text = line != NULL ? line + 1 : text;
    (void)snprintf(flaw, 200, "%s", strcmp(text, "ok") == 0 ? "" : text);
    sqlite3_finalize(s);
}

static enum mete_code db_examine(sqlite3 *db, mete_time now, struct store_report *out,
                                 struct mete_err *err)
{
    struct sqlite_store as_is = {.db = db, .read_only = true};
    uint64_t schema = 0;
    sqlite3_busy_timeout(db, BUSY_WAIT_MS);
    sqlite_structure(db, SQL_CHECK, out->flaw);
    enum mete_code code = sqlite_migrate(&as_is, err);
    struct mete_err unused;
    if (number(db, SQL_SCHEMA, now, &schema, &unused) == METE_OK) {
        out->schema = (unsigned)schema;
    }
    if (code == METE_STORE_FAILED && out->schema > 0 && out->schema < out->schema_known) {
        return METE_OK; /* an older one; what it lacks comes with the next writer */
    }
    return code == METE_OK ? number(db, SQL_KEYS, now, &out->keys, err) : code;
}

enum mete_code store_examine(const char *url, mete_time now, struct store_report *out,
                             struct mete_err *err)
{
    const char *path = store_file(url);
    sqlite3 *db = NULL;
    *out = (struct store_report){.schema_known = (unsigned)migrations_sqlite_count};
    if (path == NULL) {
        return METE_OK;
    }
    out->is_file = true;
    out->is_wal = header_is_wal(path);
    enum mete_code code = METE_OK;
    if (sqlite_open_db(path, true, true, &db) != SQLITE_OK) {
        code = mete_fail(err, METE_STORE_MISSING, NULL, "%.150s: %s", path,
                         db != NULL ? sqlite3_errmsg(db) : "no memory");
    } else {
        code = db_examine(db, now, out, err);
    }
    METE_ASSERT(sqlite3_close(db) == SQLITE_OK);
    return code;
}
