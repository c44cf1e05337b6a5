/* SPDX-License-Identifier: Apache-2.0
 * What stands beside the log: checkpoints, sealed values and named values. */
#include "base/text.h"
#include "store/sqlite/sqlite.h"

static const char SQL_CHECKPOINT_ADD[] =
    "insert into checkpoint (book_id, size, root, signed_at, note) values (?1, ?2, ?3, ?4, ?5)";
static const char SQL_CHECKPOINTS[] =
    "select size, root, signed_at, note from checkpoint where book_id = ?1 order by checkpoint_id";
static const char SQL_SEAL_ADD[] =
    "insert into sealed (book_id, seq, pointer, party, commitment, sealed) "
    "values (?1, ?2, ?3, ?4, ?5, ?6)";
static const char SQL_SEALS_OF_EVENT[] =
    "select seq, pointer, party, commitment, sealed from sealed "
    "where book_id = ?1 and seq = ?2 order by seq, pointer";
static const char SQL_SEALS_OF_PARTY[] =
    "select seq, pointer, party, commitment, sealed from sealed "
    "where book_id = ?1 and party = ?2 order by seq, pointer";
static const char SQL_SEALS[] = "select seq, pointer, party, commitment, sealed from sealed "
                                "where book_id = ?1 order by seq, pointer";
static const char SQL_SEAL_ERASE[] = "delete from sealed where book_id = ?1 and party = ?2";
static const char SQL_META_GET[] = "select value from meta where book_id = ?1 and name = ?2";
static const char SQL_METAS[] = "select name, value from meta where book_id = ?1 order by name";
static const char SQL_META_SET[] =
    "insert into meta (book_id, name, value) values (?1, ?2, ?3) "
    "on conflict (book_id, name) do update set value = excluded.value";

/** Runs and finalizes. */
static enum store_result run_once(struct sqlite_log *l, sqlite3_stmt *s, struct mete_err *err)
{
    enum store_result r = sqlite_begin(l, err);
    if (r == STORE_OK) {
        r = sqlite_run(l, s, err);
    }
    sqlite3_finalize(s);
    return r;
}

static enum store_result scan_end(struct sqlite_log *l, sqlite3_stmt *s, int step, bool ok,
                                  struct mete_err *err)
{
    enum store_result r = STORE_OK;
    if (!ok) {
        (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "a hash in the store is damaged");
        r = STORE_FAILED;
    } else if (step != SQLITE_ROW && step != SQLITE_DONE) {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_finalize(s);
    return r;
}

enum store_result sqlite_checkpoint_add(void *log, const struct checkpoint *c, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_CHECKPOINT_ADD, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite3_bind_int64(s, 2, (int64_t)c->size);
    sqlite_bind_bytes(s, 3, (struct bytes){c->root.b, sizeof c->root.b});
    sqlite3_bind_int64(s, 4, c->signed_at);
    sqlite_bind_text_of(s, 5, c->note);
    return run_once(l, s, err);
}

enum store_result sqlite_checkpoints(void *log, checkpoint_visit *visit, void *arg,
                                     struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_CHECKPOINTS, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    bool ok = true;
    bool go_on = true;
    int step = SQLITE_DONE;
    while (ok && go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct checkpoint c = {.size = (uint64_t)sqlite3_column_int64(s, 0),
                               .signed_at = sqlite3_column_int64(s, 2),
                               .note = sqlite_column_text_of(s, 3)};
        ok = sqlite_column_hash(s, 1, &c.root);
        go_on = ok && visit(arg, &c);
    }
    return scan_end(l, s, step, ok, err);
}

enum store_result sqlite_seal_add(void *log, const struct sealed_value *v, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_SEAL_ADD, SQL_SEAL_ADD, err);
    if (s == NULL || sqlite_begin(l, err) != STORE_OK) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite3_bind_int64(s, 2, (int64_t)v->seq);
    sqlite_bind_text_of(s, 3, v->pointer);
    sqlite_bind_text_of(s, 4, v->party);
    sqlite_bind_bytes(s, 5, (struct bytes){v->commitment.b, sizeof v->commitment.b});
    sqlite_bind_bytes(s, 6, v->sealed);
    return sqlite_run(l, s, err);
}

enum store_result sqlite_seals(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                               void *arg, struct mete_err *err)
{
    struct sqlite_log *l = log;
    const char *sql = seq > 0 ? SQL_SEALS_OF_EVENT : party.len > 0 ? SQL_SEALS_OF_PARTY : SQL_SEALS;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, sql, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    if (seq > 0) {
        sqlite3_bind_int64(s, 2, (int64_t)seq);
    } else if (party.len > 0) {
        sqlite_bind_text_of(s, 2, party);
    }
    bool ok = true;
    bool go_on = true;
    int step = SQLITE_DONE;
    while (ok && go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct sealed_value v = {.seq = (uint64_t)sqlite3_column_int64(s, 0),
                                 .pointer = sqlite_column_text_of(s, 1),
                                 .party = sqlite_column_text_of(s, 2),
                                 .sealed = sqlite_column_bytes(s, 4)};
        ok = sqlite_column_hash(s, 3, &v.commitment);
        go_on = ok && visit(arg, &v);
    }
    return scan_end(l, s, step, ok, err);
}

/* Erased means gone from the file as well: freed pages are overwritten, and the write-ahead log is
 * cut off once the group is committed (open.c). */
enum store_result sqlite_seal_erase(void *log, struct text party, uint64_t *count,
                                    struct mete_err *err)
{
    struct sqlite_log *l = log;
    *count = 0;
    if (party.len == 0) {
        return STORE_OK;
    }
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_SEAL_ERASE, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite_bind_text_of(s, 2, party);
    l->erased = true;
    enum store_result r = sqlite_exec(l->store->db, "pragma secure_delete = on", err);
    if (r != STORE_OK) {
        sqlite3_finalize(s);
        return r;
    }
    r = run_once(l, s, err);
    *count = r == STORE_OK ? (uint64_t)sqlite3_changes64(l->store->db) : 0;
    return r;
}

enum store_result sqlite_meta_get(void *log, const char *name, struct arena *a, struct text *value,
                                  struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_META_GET, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite_bind_text_of(s, 2, text_of(name));
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        *value = arena_text(a, sqlite_column_text_of(s, 0));
    }
    enum store_result r = scan_end(l, s, step, true, err);
    return r == STORE_OK && step == SQLITE_DONE ? STORE_NONE : r;
}

enum store_result sqlite_meta_set(void *log, const char *name, struct text value,
                                  struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_META_SET, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite_bind_text_of(s, 2, text_of(name));
    sqlite_bind_text_of(s, 3, value);
    return run_once(l, s, err);
}

enum store_result sqlite_metas(void *log, meta_visit *visit, void *arg, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_METAS, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    bool go_on = true;
    int step = SQLITE_DONE;
    while (go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        go_on = visit(arg, sqlite_column_text_of(s, 0), sqlite_column_text_of(s, 1));
    }
    return scan_end(l, s, step, true, err);
}
