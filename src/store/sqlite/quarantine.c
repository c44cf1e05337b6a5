/* SPDX-License-Identifier: Apache-2.0
 * Refused events. Their number is bounded, a body is kept once, and its SHA-256 is kept with it, so
 * that a body that was changed in the file is not taken for what was sent. */
#include "base/text.h"
#include "store/sqlite/sqlite.h"

static const char SQL_ADD[] =
    "insert into quarantine (key, book_id, received_at, event_id, code, pointer, message, body, "
    "cut, attempts, sha256) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10)";
static const char SQL_AGAIN[] =
    "update quarantine set attempts = attempts + 1 where book_id = ?1 and sha256 = ?2";
static const char SQL_TRIM[] = "delete from quarantine where key in (select key from quarantine "
                               "where key >= ?1 and key < ?2 order by key limit ?3)";
static const char SQL_NEXT[] = "update book_state set quarantine_last = quarantine_last + 1 "
                               "where book_id = ?1 returning quarantine_last";
static const char SQL_COUNT[] = "select count(*) from quarantine where key >= ?1 and key < ?2";
static const char SQL_REMOVE[] = "delete from quarantine where key = ?1";
static const char SQL_LIST[] =
    "select key, received_at, event_id, code, pointer, message, body, cut, attempts, sha256 "
    "from quarantine where key > ?1 and key < ?2 order by key";

#define NUMBER_MASK ((int64_t)((UINT64_C(1) << LOG_SIZE_BITS) - 1))

/** A number that the statement gives; it is finalized. */
static enum store_result number_of(struct sqlite_log *l, sqlite3_stmt *s, int64_t *out,
                                   struct mete_err *err)
{
    enum store_result r = STORE_OK;
    if (sqlite3_step(s) == SQLITE_ROW) {
        *out = sqlite3_column_int64(s, 0);
    } else {
        (void)sqlite_fail(l->store->db, err, "quarantine");
        r = STORE_FAILED;
    }
    sqlite3_finalize(s);
    return r;
}

static enum store_result next_id(struct sqlite_log *l, int64_t *id, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_NEXT, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    return number_of(l, s, id, err);
}

static enum store_result count_rows(struct sqlite_log *l, struct mete_err *err)
{
    if (l->quarantine_known) {
        return STORE_OK;
    }
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_COUNT, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, 0));
    sqlite3_bind_int64(s, 2, (l->book_id + 1) << LOG_SIZE_BITS);
    enum store_result r = number_of(l, s, &l->quarantine_rows, err);
    l->quarantine_known = r == STORE_OK;
    return r;
}

enum store_result sqlite_quarantine_count(void *log, uint64_t *count, struct mete_err *err)
{
    struct sqlite_log *l = log;
    enum store_result r = count_rows(l, err);
    *count = r == STORE_OK ? (uint64_t)l->quarantine_rows : 0;
    return r;
}

/** Counts one more attempt of a body that is here already. */
static enum store_result again(struct sqlite_log *l, const struct hash *body, bool *known,
                               struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_use(l, KEPT_QUARANTINE_AGAIN, SQL_AGAIN, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite_bind_bytes(s, 2, (struct bytes){body->b, sizeof body->b});
    enum store_result r = sqlite_run(l, s, err);
    *known = r == STORE_OK && sqlite3_changes64(l->store->db) > 0;
    return r;
}

static enum store_result insert(struct sqlite_log *l, const struct quarantined *q,
                                const struct hash *body, struct mete_err *err)
{
    int64_t id;
    sqlite3_stmt *s = sqlite_use(l, KEPT_QUARANTINE_ADD, SQL_ADD, err);
    if (s == NULL || next_id(l, &id, err) != STORE_OK) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, (uint64_t)id));
    sqlite3_bind_int64(s, 2, l->book_id);
    sqlite3_bind_int64(s, 3, q->received_at);
    sqlite_bind_text_of(s, 4, q->event_id);
    sqlite3_bind_int64(s, 5, (int64_t)q->code);
    sqlite_bind_text_of(s, 6, q->pointer);
    sqlite_bind_text_of(s, 7, q->message);
    sqlite_bind_bytes(s, 8, text_bytes(q->body));
    sqlite3_bind_int64(s, 9, q->cut ? 1 : 0);
    sqlite_bind_bytes(s, 10, (struct bytes){body->b, sizeof body->b});
    enum store_result r = sqlite_run(l, s, err);
    l->quarantine_rows += r == STORE_OK;
    return r;
}

static enum store_result trim(struct sqlite_log *l, uint64_t max, struct mete_err *err)
{
    int64_t over = max > INT64_MAX ? 0 : l->quarantine_rows - (int64_t)max;
    if (over <= 0) {
        return STORE_OK;
    }
    sqlite3_stmt *s = sqlite_use(l, KEPT_QUARANTINE_TRIM, SQL_TRIM, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, 0));
    sqlite3_bind_int64(s, 2, (l->book_id + 1) << LOG_SIZE_BITS);
    sqlite3_bind_int64(s, 3, over);
    enum store_result r = sqlite_run(l, s, err);
    l->quarantine_rows -= r == STORE_OK ? sqlite3_changes64(l->store->db) : 0;
    return r;
}

enum store_result sqlite_quarantine_add(void *log, const struct quarantined *q, uint64_t max,
                                        struct mete_err *err)
{
    struct sqlite_log *l = log;
    struct hash body = sha256(text_bytes(q->body));
    bool known;
    if (sqlite_begin(l, err) != STORE_OK || count_rows(l, err) != STORE_OK ||
        again(l, &body, &known, err) != STORE_OK) {
        return STORE_FAILED;
    }
    if (known) {
        return STORE_OK;
    }
    enum store_result r = insert(l, q, &body, err);
    return r == STORE_OK ? trim(l, max, err) : r;
}

enum store_result sqlite_quarantine_remove(void *log, uint64_t id, struct mete_err *err)
{
    struct sqlite_log *l = log;
    if (id == 0 || id > (uint64_t)NUMBER_MASK) {
        return STORE_NONE;
    }
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_REMOVE, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, id));
    enum store_result r = sqlite_begin(l, err);
    if (r == STORE_OK) {
        r = sqlite_run(l, s, err);
    }
    sqlite3_finalize(s);
    l->quarantine_known = false;
    return r == STORE_OK && sqlite3_changes64(l->store->db) == 0 ? STORE_NONE : r;
}

/** False when the body is not the one that was kept. */
static bool row_read(sqlite3_stmt *s, struct quarantined *q)
{
    struct hash kept;
    *q = (struct quarantined){.id = (uint64_t)(sqlite3_column_int64(s, 0) & NUMBER_MASK),
                              .received_at = sqlite3_column_int64(s, 1),
                              .event_id = sqlite_column_text_of(s, 2),
                              .code = (enum mete_code)sqlite3_column_int(s, 3),
                              .pointer = sqlite_column_text_of(s, 4),
                              .message = sqlite_column_text_of(s, 5),
                              .body = sqlite_column_text_of(s, 6),
                              .cut = sqlite3_column_int(s, 7) != 0,
                              .attempts = (uint32_t)sqlite3_column_int64(s, 8)};
    struct hash body = sha256(text_bytes(q->body));
    return sqlite_column_hash(s, 9, &kept) && hash_eq(&kept, &body);
}

enum store_result sqlite_quarantine(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                    struct mete_err *err)
{
    struct sqlite_log *l = log;
    if (after > (uint64_t)NUMBER_MASK) {
        return STORE_OK;
    }
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_LIST, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, after));
    sqlite3_bind_int64(s, 2, (l->book_id + 1) << LOG_SIZE_BITS);
    enum store_result r = STORE_OK;
    bool go_on = true;
    int step = SQLITE_DONE;
    while (go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct quarantined q;
        if (row_read(s, &q)) {
            go_on = visit(arg, &q);
            continue;
        }
        (void)mete_fail(err, METE_STORE_CORRUPT, NULL,
                        "the body of quarantined event %llu is not what was kept",
                        (unsigned long long)q.id);
        r = STORE_FAILED;
        go_on = false;
    }
    if (r == STORE_OK && step != SQLITE_ROW && step != SQLITE_DONE) {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_finalize(s);
    return r;
}
