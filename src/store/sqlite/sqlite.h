/* SPDX-License-Identifier: Apache-2.0
 * The embedded store, for the files beside this one: one connection, one transaction a group, one
 * writer a file.
 */
#ifndef METE_STORE_SQLITE_SQLITE_H
#define METE_STORE_SQLITE_SQLITE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "store/port.h"

#define SQLITE_APPLICATION_ID 0x6d657465 /* "mete" */
#define SQLITE_PAGE_SIZE      16384

/* Another connection copies the write-ahead log back, or backs up. */
#define BUSY_WAIT_MS 10000

struct sqlite_store {
    sqlite3 *db;
    struct sqlite_checkpointer *checkpointer; /* NULL until it is needed */
    int lock_fd;                              /* -1: not the writer */
    bool read_only;
    bool in_group;      /* a transaction is open */
    unsigned snapshots; /* read-only books open */
    mete_time now;
};

/* Statements that are kept prepared. */
enum sqlite_kept {
    KEPT_EVENT_ADD,
    KEPT_EVENT_GET,
    KEPT_EVENT_AT,
    KEPT_PAGE_ADD,
    KEPT_PAGE_GET,
    KEPT_PAGE_COUNT,
    KEPT_NODE_ADD,
    KEPT_BLOCK_ADD,
    KEPT_BLOCK_GET,
    KEPT_SEAL_ADD,
    KEPT_QUARANTINE_ADD,
    KEPT_QUARANTINE_AGAIN,
    KEPT_QUARANTINE_TRIM,
    KEPT_KPI_FIND,
    KEPT_KPI_PUT,
    KEPT_KPI_REMOVE,
    KEPT_INSIGHT_FIND,
    KEPT_INSIGHT_PUT,
    KEPT_INSIGHT_REMOVE,
    KEPT_VERSION,
    KEPT_SHAPE,
    KEPT_COUNT
};

struct sqlite_log {
    struct sqlite_store *store;
    int64_t book_id;
    sqlite3_stmt *kept[KEPT_COUNT];
    struct buf row;   /* bytes of the last row or page that was read */
    struct buf block; /* of the last block */
    bool erased;      /* the group erases sealed values */
    int64_t version;  /* of the file, as this connection counts it, at the last snapshot */
    bool quarantine_known;
    int64_t quarantine_rows;
};

/** The row key of a number of this book. */
int64_t sqlite_key(const struct sqlite_log *l, uint64_t number);

/** Fills err from what the connection says last: METE_STORE_CORRUPT, METE_STORE_BUSY,
 *  METE_STORE_FULL or METE_STORE_FAILED. Returns its code. */
enum mete_code sqlite_fail(sqlite3 *db, struct mete_err *err, const char *what);

/** A statement of the log, prepared at its first use and reset; NULL with err filled. */
sqlite3_stmt *sqlite_use(struct sqlite_log *l, enum sqlite_kept which, const char *sql,
                         struct mete_err *err);
/** A statement for one use: finalize it. */
sqlite3_stmt *sqlite_prepare(sqlite3 *db, const char *sql, struct mete_err *err);

void sqlite_bind_bytes(sqlite3_stmt *s, int at, struct bytes b);
void sqlite_bind_text_of(sqlite3_stmt *s, int at, struct text t);
struct bytes sqlite_column_bytes(sqlite3_stmt *s, int column);
struct text sqlite_column_text_of(sqlite3_stmt *s, int column);
bool sqlite_column_hash(sqlite3_stmt *s, int column, struct hash *out);

/** Runs a statement that gives no rows, and resets it. */
enum store_result sqlite_run(struct sqlite_log *l, sqlite3_stmt *s, struct mete_err *err);
/** The same for one without parameters. */
enum store_result sqlite_exec(sqlite3 *db, const char *sql, struct mete_err *err);

/** Opens the group's transaction when it is not open yet. */
enum store_result sqlite_begin(struct sqlite_log *l, struct mete_err *err);

/* open.c */
/** An SQLite result; *db is to be closed whatever it is. `untouched`: see struct store_options. */
int sqlite_open_db(const char *path, bool read_only, bool untouched, sqlite3 **db);

/** What is behind PRAGMA quick_check or integrity_check: the first flaw, "" when there is none. */
void sqlite_structure(sqlite3 *db, const char *pragma, char flaw[200]);

/* lock.c */
/** Takes the writer's lock beside `path`. METE_STORE_BUSY names who has it. */
enum mete_code sqlite_lock(const char *path, int *fd, struct mete_err *err);
void sqlite_unlock(int fd);

/* checkpoint.c */
/** Sees to it that the write-ahead log does not grow for ever. */
void sqlite_checkpointer_watch(struct sqlite_store *s);
/** After a commit that erased something: empties the write-ahead log as soon as nobody reads from
 * it. Does not wait for that. */
void sqlite_checkpointer_empty(struct sqlite_store *s);
/** What is still to be emptied is waited for, for 10 s at most. NULL: nothing. */
void sqlite_checkpointer_stop(struct sqlite_checkpointer *c);

/* migrate.c */
/** Brings an empty or older store up to date (not when read-only); METE_STORE_NEWER and
 *  METE_STORE_CORRUPT when it is not one of ours as we left it. */
enum mete_code sqlite_migrate(struct sqlite_store *s, struct mete_err *err);

/* The ports of the other files; see store/port.h. */
extern const struct state_port sqlite_state_port;

enum store_result sqlite_append(void *log, const struct log_row *row, struct mete_err *err);
enum store_result sqlite_append_page(void *log, const struct page_row *row, struct mete_err *err);
enum store_result sqlite_row(void *log, uint64_t seq, struct log_row *out, struct mete_err *err);
enum store_result sqlite_recorded_at(void *log, uint64_t seq, mete_time *out, struct mete_err *err);
enum store_result sqlite_page(void *log, uint64_t seq, uint32_t page, struct page_row *out,
                              struct mete_err *err);
enum store_result sqlite_page_count(void *log, uint64_t seq, uint32_t *count, struct mete_err *err);
enum store_result sqlite_scan(void *log, uint64_t from, uint64_t until, log_visit *visit, void *arg,
                              struct mete_err *err);
enum store_result sqlite_scan_pages(void *log, uint64_t number, page_visit *visit, void *arg,
                                    struct mete_err *err);
enum store_result sqlite_node_put(void *log, unsigned level, uint64_t index, const struct hash *h,
                                  struct mete_err *err);
enum store_result sqlite_nodes(void *log, unsigned level, uint64_t first, unsigned count,
                               struct hash *out, struct mete_err *err);
enum store_result sqlite_checkpoint_add(void *log, const struct checkpoint *c,
                                        struct mete_err *err);
enum store_result sqlite_checkpoints(void *log, checkpoint_visit *visit, void *arg,
                                     struct mete_err *err);
enum store_result sqlite_seal_add(void *log, const struct sealed_value *v, struct mete_err *err);
enum store_result sqlite_seals(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                               void *arg, struct mete_err *err);
enum store_result sqlite_seal_erase(void *log, struct text party, uint64_t *count,
                                    struct mete_err *err);
enum store_result sqlite_quarantine_add(void *log, const struct quarantined *q, uint64_t max,
                                        struct mete_err *err);
enum store_result sqlite_quarantine_count(void *log, uint64_t *count, struct mete_err *err);
enum store_result sqlite_quarantine_remove(void *log, uint64_t id, struct mete_err *err);
enum store_result sqlite_quarantine(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                    struct mete_err *err);
enum store_result sqlite_meta_get(void *log, const char *name, struct arena *a, struct text *value,
                                  struct mete_err *err);
enum store_result sqlite_meta_set(void *log, const char *name, struct text value,
                                  struct mete_err *err);
enum store_result sqlite_metas(void *log, meta_visit *visit, void *arg, struct mete_err *err);

enum store_result sqlite_kpi_find(void *log, const struct kpi_point *want, size_t count,
                                  struct arena *a, struct kpi_point *found, struct mete_err *err);
enum store_result sqlite_kpi_put(void *log, const struct kpi_point *p, size_t count,
                                 struct mete_err *err);
enum store_result sqlite_kpi_remove(void *log, const struct kpi_point *p, size_t count,
                                    struct mete_err *err);
enum store_result sqlite_kpi_scan(void *log, const struct kpi_point *from,
                                  const struct kpi_point *until, size_t limit, kpi_visit *visit,
                                  void *arg, struct mete_err *err);
enum store_result sqlite_insight_find(void *log, const struct insight *want, size_t count,
                                      struct insight *found, struct mete_err *err);
enum store_result sqlite_insight_put(void *log, const struct insight *i, size_t count,
                                     struct mete_err *err);
enum store_result sqlite_insight_remove(void *log, const struct insight *i, size_t count,
                                        struct mete_err *err);
enum store_result sqlite_insight_scan(void *log, const struct insight *from,
                                      const struct insight *until, size_t limit,
                                      insight_visit *visit, void *arg, struct mete_err *err);

#endif
