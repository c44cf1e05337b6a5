/* SPDX-License-Identifier: Apache-2.0
 * An image of a file by VACUUM INTO: one snapshot, rebuilt page by page, so that damage and what
 * was erased do not come along. Readers of a write-ahead log hold up nobody. */
#include "store/save.h"

#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char SQL_INTO[] = "vacuum into ?1";
static const char SQL_CHECK[] = "pragma integrity_check(1)";
static const char SQL_SETTLE[] = "pragma journal_mode = delete";
static const char SQL_APPLICATION[] = "pragma application_id";

/** Another program's file would make an image as well, of something else. */
static enum mete_code check_ours(sqlite3 *db, const char *file, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(db, SQL_APPLICATION, err);
    if (s == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    if (sqlite3_step(s) != SQLITE_ROW) {
        code = sqlite_fail(db, err, "the image");
    } else if (sqlite3_column_int(s, 0) != SQLITE_APPLICATION_ID) {
        code = mete_fail(err, METE_STORE_CORRUPT, NULL, "%.200s is no store of mete", file);
    }
    sqlite3_finalize(s);
    return code;
}

static enum mete_code vacuum_into(sqlite3 *db, const char *path, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(db, SQL_INTO, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite_bind_text_of(s, 1, (struct text){path, strlen(path)});
    enum mete_code code =
        sqlite3_step(s) == SQLITE_DONE ? METE_OK : sqlite_fail(db, err, "the image");
    sqlite3_finalize(s);
    return code;
}

enum mete_code store_save(const char *file, const char *path, struct mete_err *err)
{
    struct stat st;
    sqlite3 *db = NULL;
    if (stat(file, &st) != 0 || st.st_size == 0) {
        return mete_fail(err, METE_STORE_MISSING, NULL, "there is no store %.200s", file);
    }
    enum mete_code code = METE_OK;
    if (sqlite_open_db(file, true, false, &db) != SQLITE_OK) {
        code = mete_fail(err, METE_FILE, NULL, "%.150s: %s", file,
                         db != NULL ? sqlite3_errmsg(db) : "no memory");
    } else {
        sqlite3_busy_timeout(db, BUSY_WAIT_MS);
        code = check_ours(db, file, err);
        code = code == METE_OK ? vacuum_into(db, path, err) : code;
    }
    METE_ASSERT(sqlite3_close(db) == SQLITE_OK);
    return code;
}

enum mete_code store_settle(const char *path, struct mete_err *err)
{
    sqlite3 *db = NULL;
    enum mete_code code = METE_OK;
    if (sqlite_open_db(path, false, false, &db) != SQLITE_OK) {
        code = mete_fail(err, METE_FILE, NULL, "%.150s: %s", path,
                         db != NULL ? sqlite3_errmsg(db) : "no memory");
    } else if (sqlite_exec(db, SQL_SETTLE, err) != STORE_OK) {
        code = err->code;
    }
    METE_ASSERT(sqlite3_close(db) == SQLITE_OK);
    return code;
}

enum mete_code store_check(const char *path, struct mete_err *err)
{
    char flaw[200] = "";
    sqlite3 *db = NULL;
    if (sqlite_open_db(path, true, true, &db) == SQLITE_OK) {
        sqlite_structure(db, SQL_CHECK, flaw);
    } else {
        (void)snprintf(flaw, sizeof flaw, "%s", db != NULL ? sqlite3_errmsg(db) : "no memory");
    }
    METE_ASSERT(sqlite3_close(db) == SQLITE_OK);
    return flaw[0] == '\0' ? METE_OK
                           : mete_fail(err, METE_STORE_CORRUPT, NULL, "%.150s: %s", path, flaw);
}

enum mete_code store_claim(const char *path, int *fd, struct mete_err *err)
{
    return sqlite_lock(path, fd, err);
}
