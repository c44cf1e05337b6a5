/* SPDX-License-Identifier: Apache-2.0
 * Small helpers over the SQLite API, so that the other files read like their SQL. */
#include "store/sqlite/sqlite.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

int64_t sqlite_key(const struct sqlite_log *l, uint64_t number)
{
    METE_ASSERT(number < UINT64_C(1) << LOG_SIZE_BITS);
    return l->book_id << LOG_SIZE_BITS | (int64_t)number;
}

static bool is_no_room(int why)
{
    return why == ENOSPC || why == EDQUOT || why == EFBIG;
}

/** No room on the disk, or no more of it for this user or this process. The write-ahead log is a
 *  file of its own, with an error of its own. */
static bool is_full(sqlite3 *db)
{
    int why = 0;
    sqlite3_file *log = NULL;
    if ((sqlite3_errcode(db) & 0xff) == SQLITE_FULL) {
        return true;
    }
    if (sqlite3_extended_errcode(db) != SQLITE_IOERR_WRITE &&
        sqlite3_extended_errcode(db) != SQLITE_IOERR_SHMSIZE) {
        return false;
    }
    if (is_no_room(sqlite3_system_errno(db))) {
        return true;
    }
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log == NULL || log->pMethods == NULL ||
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &why) != SQLITE_OK) {
        return false;
    }
    return is_no_room(why);
}

enum mete_code sqlite_fail(sqlite3 *db, struct mete_err *err, const char *what)
{
    int primary = sqlite3_errcode(db) & 0xff;
    enum mete_code code = METE_STORE_FAILED;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        code = METE_STORE_CORRUPT;
    } else if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
        code = METE_STORE_BUSY;
    } else if (is_full(db)) {
        code = METE_STORE_FULL;
    }
    return mete_fail(err, code, NULL, "%s: %s", what, sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, unsigned flags, struct mete_err *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, flags, &s, NULL) != SQLITE_OK) {
        (void)sqlite_fail(db, err, "prepare");
        return NULL;
    }
    return s;
}

sqlite3_stmt *sqlite_prepare(sqlite3 *db, const char *sql, struct mete_err *err)
{
    return prepare(db, sql, 0, err);
}

sqlite3_stmt *sqlite_use(struct sqlite_log *l, enum sqlite_kept which, const char *sql,
                         struct mete_err *err)
{
    if (l->kept[which] == NULL) {
        l->kept[which] = prepare(l->store->db, sql, SQLITE_PREPARE_PERSISTENT, err);
    }
    return l->kept[which];
}

/* Bound memory is the caller's and outlives the step. */
void sqlite_bind_bytes(sqlite3_stmt *s, int at, struct bytes b)
{
    METE_ASSERT(sqlite3_bind_blob64(s, at, b.len > 0 ? (const void *)b.p : "", b.len,
                                    SQLITE_STATIC) == SQLITE_OK);
}

void sqlite_bind_text_of(sqlite3_stmt *s, int at, struct text t)
{
    METE_ASSERT(sqlite3_bind_text64(s, at, t.len > 0 ? t.p : "", t.len, SQLITE_STATIC,
                                    SQLITE_UTF8) == SQLITE_OK);
}

struct bytes sqlite_column_bytes(sqlite3_stmt *s, int column)
{
    const void *p = sqlite3_column_blob(s, column);
    return (struct bytes){p, (size_t)sqlite3_column_bytes(s, column)};
}

struct text sqlite_column_text_of(sqlite3_stmt *s, int column)
{
    return bytes_text(sqlite_column_bytes(s, column));
}

bool sqlite_column_hash(sqlite3_stmt *s, int column, struct hash *out)
{
    struct bytes b = sqlite_column_bytes(s, column);
    if (b.len != sizeof out->b) {
        return false;
    }
    memcpy(out->b, b.p, sizeof out->b);
    return true;
}

enum store_result sqlite_run(struct sqlite_log *l, sqlite3_stmt *s, struct mete_err *err)
{
    enum store_result r = STORE_OK;
    if (sqlite3_step(s) != SQLITE_DONE) {
        (void)sqlite_fail(l->store->db, err, "write");
        r = STORE_FAILED;
    }
    sqlite3_reset(s);
    return r;
}

enum store_result sqlite_exec(sqlite3 *db, const char *sql, struct mete_err *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        (void)sqlite_fail(db, err, "the store");
        return STORE_FAILED;
    }
    return STORE_OK;
}

enum store_result sqlite_begin(struct sqlite_log *l, struct mete_err *err)
{
    if (l->store->in_group) {
        return STORE_OK;
    }
    enum store_result r = sqlite_exec(l->store->db, "begin immediate", err);
    l->store->in_group = r == STORE_OK;
    return r;
}
