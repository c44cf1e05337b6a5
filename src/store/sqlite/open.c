/* SPDX-License-Identifier: Apache-2.0
 * Opening store and book, and the transaction of a group. A writer holds the lock file for as long
 * as the store is open; a reader holds one snapshot for as long as it has a book open. */
#include "base/text.h"
#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOK_ID_MAX (INT64_C(1) << 22)

static const char SQL_SETUP_WRITER[] = "pragma page_size = 16384;"
                                       "pragma journal_mode = wal;"
                                       "pragma synchronous = full;"
                                       "pragma foreign_keys = on;"
                                       "pragma trusted_schema = off;"
                                       "pragma temp_store = memory;"
                                       "pragma cache_size = -8192;";
static const char SQL_SETUP_READER[] = "pragma query_only = on;"
                                       "pragma trusted_schema = off;"
                                       "pragma temp_store = memory;"
                                       "pragma cache_size = -8192;";
static const char SQL_BOOKS[] = "select name from book order by book_id";
static const char SQL_BOOK_FIND[] = "select book_id from book where name = ?1";
static const char SQL_BOOK_ADD[] =
    "insert into book (name, created_at) values (?1, ?2) returning book_id";
static const char SQL_STATE_ADD[] =
    "insert into book_state (book_id, flushed_seq, flushed_page, quarantine_last) "
    "values (?1, 0, 0, 0)";
static const char SQL_STATE_GET[] =
    "select flushed_seq, flushed_page from book_state where book_id = ?1";
static const char SQL_STATE_SET[] =
    "update book_state set flushed_seq = ?2, flushed_page = ?3 where book_id = ?1";
static const char SQL_EVENT_LAST[] =
    "select key, recorded_at from event where key >= ?1 and key < ?2 order by key desc limit 1";
static const char SQL_PAGE_LAST[] =
    "select key from page where key >= ?1 and key < ?2 order by key desc limit 1";

static const char SQL_VERSION[] = "pragma data_version";

#define NUMBER_MASK ((int64_t)((UINT64_C(1) << LOG_SIZE_BITS) - 1))

/* --- the store ---------------------------------------------------------------------------------*/

static void store_free(void *store)
{
    struct sqlite_store *s = store;
    sqlite_checkpointer_stop(s->checkpointer);
    if (s->db != NULL) {
        METE_ASSERT(sqlite3_close(s->db) == SQLITE_OK);
    }
    sqlite_unlock(s->lock_fd);
    free(s);
}

static enum mete_code check_file(const char *path, const struct store_options *o,
                                 struct mete_err *err)
{
    struct stat st;
    bool missing = stat(path, &st) != 0 || st.st_size == 0;
    if (missing && (o->read_only || !o->create)) {
        return mete_fail(err, METE_STORE_MISSING, NULL, "there is no store %.200s", path);
    }
    return METE_OK;
}

/** A new store is its owner's alone: what was refused stands in it as it was sent. SQLite gives
 *  the files beside it the same mode. */
static enum mete_code make_file(const char *path, struct mete_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return mete_fail(err, METE_FILE, NULL, "%.150s: %s", path, strerror(errno));
    }
    close(fd);
    return METE_OK;
}

static enum mete_code setup(struct sqlite_store *s, struct mete_err *err)
{
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_WAIT_MS);
    if (sqlite_exec(s->db, s->read_only ? SQL_SETUP_READER : SQL_SETUP_WRITER, err) != STORE_OK) {
        return err->code;
    }
    if (!s->read_only) {
        sqlite_checkpointer_watch(s);
    }
    return sqlite_migrate(s, err);
}

/** A reader that may write nothing beside the store, or shall not, cannot share memory with others.
 *  When no write-ahead log lies there either, nobody writes: the file is read as one that never
 *  changes. */
static bool is_still(const char *path, bool untouched)
{
    char name[4096];
    struct stat st;
    int n = snprintf(name, sizeof name, "%s-wal", path);
    if (n < 0 || (size_t)n >= sizeof name || stat(name, &st) == 0) {
        return false;
    }
    if (untouched) {
        return true;
    }
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    memcpy(name, slash == NULL ? "." : path, slash == NULL ? 2 : len);
    name[slash == NULL ? 1 : len] = '\0';
    return access(name, W_OK) != 0;
}

/** "file:" and the path, characters that mean something in a URI as %XX. */
static void still_uri(const char *path, struct buf *out)
{
    buf_put_str(out, "file:");
    for (const char *p = path; *p != '\0'; p++) {
        if (strchr("%?#", *p) != NULL) {
            buf_printf(out, "%%%02X", (unsigned char)*p);
        } else {
            buf_put_u8(out, (uint8_t)*p);
        }
    }
    buf_put(out, "?immutable=1", sizeof "?immutable=1");
}

int sqlite_open_db(const char *path, bool read_only, bool untouched, sqlite3 **db)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!read_only || !is_still(path, untouched)) {
        return sqlite3_open_v2(path, db, flags, NULL);
    }
    struct buf uri = {0};
    still_uri(path, &uri);
    int opened = sqlite3_open_v2((const char *)uri.p, db, flags | SQLITE_OPEN_URI, NULL);
    buf_clear(&uri);
    return opened;
}

static enum mete_code store_open_file(void **out, const char *path, const struct store_options *o,
                                      struct mete_err *err)
{
    enum mete_code code = check_file(path, o, err);
    if (code != METE_OK) {
        return code;
    }
    struct sqlite_store *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->lock_fd = -1;
    s->read_only = o->read_only;
    s->now = o->now;
    if (!s->read_only && ((code = sqlite_lock(path, &s->lock_fd, err)) != METE_OK ||
                          (code = make_file(path, err)) != METE_OK)) {
        store_free(s);
        return code;
    }
    if (sqlite_open_db(path, s->read_only, o->untouched, &s->db) != SQLITE_OK) {
        code = mete_fail(err, METE_FILE, NULL, "%.150s: %s", path,
                         s->db != NULL ? sqlite3_errmsg(s->db) : "no memory");
    } else {
        code = setup(s, err);
    }
    if (code != METE_OK) {
        store_free(s);
        return code;
    }
    *out = s;
    return METE_OK;
}

static enum store_result store_names(void *store, struct arena *a, struct text **names,
                                     size_t *count, struct mete_err *err)
{
    struct sqlite_store *s = store;
    sqlite3_stmt *q = sqlite_prepare(s->db, SQL_BOOKS, err);
    if (q == NULL) {
        return STORE_FAILED;
    }
    size_t cap = 8;
    int step;
    *count = 0;
    *names = arena_array(a, cap, sizeof **names);
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        if (*count + 1 == cap) { /* the last place ends the list */
            struct text *more = arena_array(a, cap * 2, sizeof *more);
            memcpy(more, *names, *count * sizeof *more);
            *names = more;
            cap *= 2;
        }
        (*names)[(*count)++] = arena_text(a, sqlite_column_text_of(q, 0));
    }
    sqlite3_finalize(q);
    if (step != SQLITE_DONE) {
        (void)sqlite_fail(s->db, err, "read");
        return STORE_FAILED;
    }
    return STORE_OK;
}

/* --- a book ------------------------------------------------------------------------------------*/

static void log_free(void *log)
{
    struct sqlite_log *l = log;
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        sqlite3_finalize(l->kept[i]);
    }
    if (l->store->read_only && --l->store->snapshots == 0) {
        sqlite3_exec(l->store->db, "commit", NULL, NULL, NULL);
    }
    buf_clear(&l->row);
    buf_clear(&l->block);
    free(l);
}

/** *id stays 0 when there is no such book. */
static enum mete_code book_find(struct sqlite_store *s, struct text name, int64_t *id,
                                struct mete_err *err)
{
    sqlite3_stmt *q = sqlite_prepare(s->db, SQL_BOOK_FIND, err);
    if (q == NULL) {
        return err->code;
    }
    sqlite_bind_text_of(q, 1, name);
    int step = sqlite3_step(q);
    *id = step == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    enum mete_code code = METE_OK;
    if (step != SQLITE_ROW && step != SQLITE_DONE) {
        code = sqlite_fail(s->db, err, "read");
    }
    sqlite3_finalize(q);
    return code;
}

static enum store_result book_insert(struct sqlite_store *s, struct text name, int64_t *id,
                                     struct mete_err *err)
{
    sqlite3_stmt *q = sqlite_prepare(s->db, SQL_BOOK_ADD, err);
    if (q == NULL) {
        return STORE_FAILED;
    }
    sqlite_bind_text_of(q, 1, name);
    sqlite3_bind_int64(q, 2, s->now);
    bool ok = sqlite3_step(q) == SQLITE_ROW;
    *id = ok ? sqlite3_column_int64(q, 0) : 0;
    ok = ok && sqlite3_step(q) == SQLITE_DONE;
    if (!ok) {
        (void)sqlite_fail(s->db, err, "write");
    }
    sqlite3_finalize(q);
    q = ok ? sqlite_prepare(s->db, SQL_STATE_ADD, err) : NULL;
    if (q == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(q, 1, *id);
    ok = sqlite3_step(q) == SQLITE_DONE;
    if (!ok) {
        (void)sqlite_fail(s->db, err, "write");
    }
    sqlite3_finalize(q);
    return ok ? STORE_OK : STORE_FAILED;
}

static enum mete_code book_create(struct sqlite_store *s, struct text name, int64_t *id,
                                  struct mete_err *err)
{
    if (sqlite_exec(s->db, "begin immediate", err) != STORE_OK) {
        return err->code;
    }
    if (book_insert(s, name, id, err) == STORE_OK && *id < BOOK_ID_MAX &&
        sqlite_exec(s->db, "commit", err) == STORE_OK) {
        return METE_OK;
    }
    enum mete_code code = err->code;
    sqlite3_exec(s->db, "rollback", NULL, NULL, NULL);
    return code;
}

static enum mete_code log_open(void **log, void *store, struct text name, bool create,
                               struct mete_err *err)
{
    struct sqlite_store *s = store;
    int64_t id = 0;
    if (s->read_only && s->snapshots == 0 && sqlite_exec(s->db, "begin", err) != STORE_OK) {
        return err->code;
    }
    enum mete_code code = book_find(s, name, &id, err);
    if (code == METE_OK && id != 0 && create) {
        code = mete_fail(err, METE_STORE_EXISTS, NULL, "the book exists already");
    } else if (code == METE_OK && id == 0 && (!create || s->read_only)) {
        code = mete_fail(err, METE_STORE_MISSING, NULL, "there is no such book in this store");
    } else if (code == METE_OK && create) {
        code = book_create(s, name, &id, err);
    }
    if (code != METE_OK) {
        if (s->read_only && s->snapshots == 0) {
            sqlite3_exec(s->db, "commit", NULL, NULL, NULL);
        }
        return code;
    }
    struct sqlite_log *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL);
    l->store = s;
    l->book_id = id;
    s->snapshots += s->read_only;
    *log = l;
    return METE_OK;
}

/** Up to two numbers of the first row that a statement about this book's keys gives. */
static enum store_result last_of(struct sqlite_log *l, const char *sql, int64_t out[2],
                                 struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(l->store->db, sql, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, 0));
    sqlite3_bind_int64(s, 2, (l->book_id + 1) << LOG_SIZE_BITS);
    enum store_result r = STORE_OK;
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        out[0] = sqlite3_column_int64(s, 0);
        out[1] = sqlite3_column_count(s) > 1 ? sqlite3_column_int64(s, 1) : 0;
    } else if (step != SQLITE_DONE) {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_finalize(s);
    return r;
}

static enum store_result flushed_get(struct sqlite_log *l, struct log_found *out,
                                     struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_STATE_GET, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    enum store_result r = STORE_OK;
    if (sqlite3_step(s) == SQLITE_ROW) {
        out->flushed_size = (uint64_t)sqlite3_column_int64(s, 0);
        out->flushed_pages = (uint64_t)sqlite3_column_int64(s, 1);
    } else {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_finalize(s);
    return r;
}

static enum store_result find(void *log, struct log_found *out, struct mete_err *err)
{
    struct sqlite_log *l = log;
    int64_t event[2] = {0, 0};
    int64_t page[2] = {0, 0};
    *out = (struct log_found){0};
    if (last_of(l, SQL_EVENT_LAST, event, err) != STORE_OK ||
        last_of(l, SQL_PAGE_LAST, page, err) != STORE_OK || flushed_get(l, out, err) != STORE_OK) {
        return STORE_FAILED;
    }
    out->size = (uint64_t)(event[0] & NUMBER_MASK);
    out->recorded_at = event[1];
    out->pages = (uint64_t)(page[0] & NUMBER_MASK);
    if (out->flushed_size > out->size || out->flushed_pages > out->pages) {
        (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "the log is shorter than what follows it");
        return STORE_FAILED;
    }
    return STORE_OK;
}

static enum store_result flushed(void *log, uint64_t size, uint64_t pages, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_STATE_SET, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite3_bind_int64(s, 2, (int64_t)size);
    sqlite3_bind_int64(s, 3, (int64_t)pages);
    enum store_result r = sqlite_begin(l, err);
    if (r == STORE_OK) {
        r = sqlite_run(l, s, err);
    }
    sqlite3_finalize(s);
    return r;
}

/* --- groups ------------------------------------------------------------------------------------*/

/** After an erasure: what was deleted shall not stand in the write-ahead log either. */
static void erased_end(struct sqlite_log *l, bool committed)
{
    if (!l->erased) {
        return;
    }
    l->erased = false;
    sqlite3_exec(l->store->db, "pragma secure_delete = off", NULL, NULL, NULL);
    if (committed) {
        sqlite_checkpointer_empty(l->store);
    }
}

static void rollback(void *log)
{
    struct sqlite_log *l = log;
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        sqlite3_reset(l->kept[i]);
    }
    if (l->store->in_group) {
        sqlite3_exec(l->store->db, "rollback", NULL, NULL, NULL);
        l->store->in_group = false;
    }
    l->quarantine_known = false;
    erased_end(l, false);
}

/** What is written into a file without a name is gone with this process: nobody may be told that it
 *  is durable. */
static bool has_moved(struct sqlite_log *l, struct mete_err *err)
{
    int moved = 0;
    int asked = sqlite3_file_control(l->store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (asked != SQLITE_OK || moved == 0) {
        return false;
    }
    (void)mete_fail(err, METE_STORE_FAILED, NULL,
                    "%.200s was removed, renamed or replaced while this process had it open: put "
                    "it back and start this process again",
                    sqlite3_db_filename(l->store->db, "main"));
    return true;
}

static enum store_result commit(void *log, struct mete_err *err)
{
    struct sqlite_log *l = log;
    if (!l->store->in_group) {
        return STORE_OK;
    }
    if (has_moved(l, err)) {
        return STORE_FAILED;
    }
    if (sqlite_exec(l->store->db, "commit", err) != STORE_OK) {
        return STORE_FAILED;
    }
    l->store->in_group = false;
    erased_end(l, true);
    return STORE_OK;
}

/* --- a reader's snapshots ----------------------------------------------------------------------*/

static enum store_result version_read(struct sqlite_log *l, int64_t *out, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_use(l, KEPT_VERSION, SQL_VERSION, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    enum store_result r = STORE_OK;
    if (sqlite3_step(s) == SQLITE_ROW) {
        *out = sqlite3_column_int64(s, 0);
    } else {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_reset(s);
    return r;
}

/** A snapshot that is held keeps the write-ahead log from ever starting anew. */
static void rest(void *log)
{
    struct sqlite_log *l = log;
    struct mete_err unused;
    METE_ASSERT(l->store->read_only && l->store->snapshots == 1);
    if (version_read(l, &l->version, &unused) != STORE_OK) {
        l->version = -1; /* no version: moved, whatever it will be */
    }
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        sqlite3_reset(l->kept[i]);
    }
    sqlite3_exec(l->store->db, "commit", NULL, NULL, NULL);
}

static enum store_result wake(void *log, bool *moved, struct mete_err *err)
{
    struct sqlite_log *l = log;
    int64_t version;
    if (sqlite_exec(l->store->db, "begin", err) != STORE_OK ||
        version_read(l, &version, err) != STORE_OK) {
        return STORE_FAILED;
    }
    *moved = version != l->version;
    return STORE_OK;
}

static const struct log_port sqlite_log_port = {
    .find = find,
    .close = log_free,
    .append = sqlite_append,
    .append_page = sqlite_append_page,
    .commit = commit,
    .rollback = rollback,
    .row = sqlite_row,
    .recorded_at = sqlite_recorded_at,
    .page = sqlite_page,
    .page_count = sqlite_page_count,
    .scan = sqlite_scan,
    .scan_pages = sqlite_scan_pages,
    .node_put = sqlite_node_put,
    .nodes = sqlite_nodes,
    .state = &sqlite_state_port,
    .flushed = flushed,
    .rest = rest,
    .wake = wake,
    .checkpoint_add = sqlite_checkpoint_add,
    .checkpoints = sqlite_checkpoints,
    .seal_add = sqlite_seal_add,
    .seals = sqlite_seals,
    .seal_erase = sqlite_seal_erase,
    .quarantine_add = sqlite_quarantine_add,
    .quarantine_remove = sqlite_quarantine_remove,
    .quarantine = sqlite_quarantine,
    .quarantine_count = sqlite_quarantine_count,
    .meta_get = sqlite_meta_get,
    .meta_set = sqlite_meta_set,
    .metas = sqlite_metas,
    .kpi_find = sqlite_kpi_find,
    .kpi_put = sqlite_kpi_put,
    .kpi_remove = sqlite_kpi_remove,
    .kpi_scan = sqlite_kpi_scan,
    .insight_find = sqlite_insight_find,
    .insight_put = sqlite_insight_put,
    .insight_remove = sqlite_insight_remove,
    .insight_scan = sqlite_insight_scan,
};

const struct store_port sqlite_store_port = {
    .open = store_open_file,
    .close = store_free,
    .books = store_names,
    .book_open = log_open,
    .log = &sqlite_log_port,
    .keys = &sqlite_api_keys,
    .is_file = true,
};
