/* SPDX-License-Identifier: Apache-2.0
 * Events, pages and tree nodes as rows. Every insert is at the end of its table. */
#include "base/text.h"
#include "store/sqlite/sqlite.h"

#include <string.h>

static const char SQL_EVENT_ADD[] =
    "insert into event (key, recorded_at, leaf, decision, signature, event) "
    "values (?1, ?2, ?3, ?4, ?5, ?6)";
static const char SQL_EVENT_GET[] =
    "select key, recorded_at, leaf, decision, signature, event from event where key = ?1";
static const char SQL_EVENT_SCAN[] =
    "select key, recorded_at, leaf, decision, signature, event from event "
    "where key >= ?1 and key < ?2 order by key";
static const char SQL_EVENT_AT[] = "select recorded_at from event where key = ?1";
static const char SQL_EVENT_LEAVES[] =
    "select leaf from event where key >= ?1 and key < ?2 order by key";
static const char SQL_PAGE_ADD[] =
    "insert into page (key, event_key, page, after_seq, recorded_at, sha256, decision) "
    "values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
static const char SQL_PAGE_GET[] =
    "select key, event_key, page, after_seq, recorded_at, sha256, decision from page "
    "where event_key = ?1 and page = ?2";
static const char SQL_PAGE_SCAN[] =
    "select key, event_key, page, after_seq, recorded_at, sha256, decision from page "
    "where key >= ?1 and key < ?2 order by key";
static const char SQL_PAGE_COUNT[] = "select count(*) from page where event_key = ?1";
static const char SQL_NODE_ADD[] = "insert into tree_node (key, hash) values (?1, ?2)";
static const char SQL_NODES[] =
    "select hash from tree_node where key >= ?1 and key < ?2 order by key";

#define NUMBER_MASK ((int64_t)((UINT64_C(1) << LOG_SIZE_BITS) - 1))
/* tree_node: level / 8 << 36 | index. Level 8 has at most 2^32 nodes. */
#define NODE_INDEX_BITS 36

static enum store_result corrupt(struct mete_err *err, const char *what, uint64_t number)
{
    (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "%s %llu is damaged", what,
                    (unsigned long long)number);
    return STORE_FAILED;
}

/* --- events ------------------------------------------------------------------------------------*/

enum store_result sqlite_append(void *log, const struct log_row *row, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_EVENT_ADD, SQL_EVENT_ADD, err);
    if (s == NULL || sqlite_begin(l, err) != STORE_OK) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, row->seq));
    sqlite3_bind_int64(s, 2, row->recorded_at);
    sqlite_bind_bytes(s, 3, (struct bytes){row->leaf.b, sizeof row->leaf.b});
    sqlite_bind_bytes(s, 4, row->decision);
    if (row->signature.len > 0) {
        sqlite_bind_bytes(s, 5, row->signature);
    } else {
        sqlite3_bind_null(s, 5);
    }
    sqlite_bind_bytes(s, 6, row->event);
    return sqlite_run(l, s, err);
}

/** The row that a statement stands on; its bytes are the statement's. */
static bool row_read(sqlite3_stmt *s, struct log_row *out)
{
    *out = (struct log_row){.seq = (uint64_t)(sqlite3_column_int64(s, 0) & NUMBER_MASK),
                            .recorded_at = sqlite3_column_int64(s, 1),
                            .decision = sqlite_column_bytes(s, 3),
                            .signature = sqlite_column_bytes(s, 4),
                            .event = sqlite_column_bytes(s, 5)};
    return sqlite_column_hash(s, 2, &out->leaf);
}

/** Moves bytes into the log's own buffer, which has room for them. */
static struct bytes keep(struct buf *room, struct bytes b)
{
    struct bytes kept = {room->p + room->len, b.len};
    buf_put(room, b.p, b.len);
    return kept;
}

enum store_result sqlite_row(void *log, uint64_t seq, struct log_row *out, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_EVENT_GET, SQL_EVENT_GET, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    enum store_result r = STORE_OK;
    sqlite3_bind_int64(s, 1, sqlite_key(l, seq));
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW && row_read(s, out)) {
        buf_reset(&l->row);
        buf_reserve(&l->row, out->event.len + out->signature.len + out->decision.len);
        out->event = keep(&l->row, out->event);
        out->signature = keep(&l->row, out->signature);
        out->decision = keep(&l->row, out->decision);
    } else if (step == SQLITE_ROW || step == SQLITE_DONE) {
        r = corrupt(err, "event", seq); /* seq is within the log: it has to be there */
    } else {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_reset(s);
    return r;
}

enum store_result sqlite_recorded_at(void *log, uint64_t seq, mete_time *out, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_EVENT_AT, SQL_EVENT_AT, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, seq));
    bool found = sqlite3_step(s) == SQLITE_ROW;
    *out = found ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return found ? STORE_OK : corrupt(err, "event", seq);
}

/** Finalizes after a loop of steps that ended with `step`, or that a visitor stopped. */
static enum store_result scan_end(struct sqlite_log *l, sqlite3_stmt *s, int step,
                                  struct mete_err *err)
{
    enum store_result r = STORE_OK;
    if (step != SQLITE_ROW && step != SQLITE_DONE) {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_finalize(s);
    return r;
}

enum store_result sqlite_scan(void *log, uint64_t from, uint64_t until, log_visit *visit, void *arg,
                              struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_EVENT_SCAN, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, from));
    sqlite3_bind_int64(s, 2, sqlite_key(l, until));
    uint64_t seq = from;
    bool go_on = true;
    int step = SQLITE_DONE;
    for (; go_on && (step = sqlite3_step(s)) == SQLITE_ROW; seq++) {
        struct log_row row;
        if (!row_read(s, &row) || row.seq != seq) {
            sqlite3_finalize(s);
            return corrupt(err, "event", seq);
        }
        go_on = visit(arg, &row);
    }
    enum store_result r = scan_end(l, s, step, err);
    return r == STORE_OK && go_on && seq != until ? corrupt(err, "event", seq) : r;
}

/* --- pages -------------------------------------------------------------------------------------*/

enum store_result sqlite_append_page(void *log, const struct page_row *row, struct mete_err *err)
{
    struct sqlite_log *l = log;
    struct hash sum = sha256(row->packed);
    sqlite3_stmt *s = sqlite_use(l, KEPT_PAGE_ADD, SQL_PAGE_ADD, err);
    if (s == NULL || sqlite_begin(l, err) != STORE_OK) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, row->number));
    sqlite3_bind_int64(s, 2, sqlite_key(l, row->seq));
    sqlite3_bind_int64(s, 3, row->page);
    sqlite3_bind_int64(s, 4, (int64_t)row->after);
    sqlite3_bind_int64(s, 5, row->recorded_at);
    sqlite_bind_bytes(s, 6, (struct bytes){sum.b, sizeof sum.b});
    sqlite_bind_bytes(s, 7, row->packed);
    return sqlite_run(l, s, err);
}

static bool page_read(sqlite3_stmt *s, struct page_row *out)
{
    struct hash stored;
    *out = (struct page_row){.number = (uint64_t)(sqlite3_column_int64(s, 0) & NUMBER_MASK),
                             .seq = (uint64_t)(sqlite3_column_int64(s, 1) & NUMBER_MASK),
                             .page = (uint32_t)sqlite3_column_int64(s, 2),
                             .after = (uint64_t)sqlite3_column_int64(s, 3),
                             .recorded_at = sqlite3_column_int64(s, 4),
                             .packed = sqlite_column_bytes(s, 6)};
    struct hash sum = sha256(out->packed);
    return sqlite_column_hash(s, 5, &stored) && hash_eq(&stored, &sum);
}

enum store_result sqlite_page(void *log, uint64_t seq, uint32_t page, struct page_row *out,
                              struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_PAGE_GET, SQL_PAGE_GET, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    enum store_result r = STORE_NONE;
    sqlite3_bind_int64(s, 1, sqlite_key(l, seq));
    sqlite3_bind_int64(s, 2, page);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW && page_read(s, out)) {
        buf_reset(&l->row);
        buf_reserve(&l->row, out->packed.len);
        out->packed = keep(&l->row, out->packed);
        r = STORE_OK;
    } else if (step == SQLITE_ROW) {
        r = corrupt(err, "a page of the decision on event", seq);
    } else if (step != SQLITE_DONE) {
        (void)sqlite_fail(l->store->db, err, "read");
        r = STORE_FAILED;
    }
    sqlite3_reset(s);
    return r;
}

enum store_result sqlite_page_count(void *log, uint64_t seq, uint32_t *count, struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_PAGE_COUNT, SQL_PAGE_COUNT, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, seq));
    bool found = sqlite3_step(s) == SQLITE_ROW;
    *count = found ? (uint32_t)sqlite3_column_int64(s, 0) : 0;
    if (!found) {
        (void)sqlite_fail(l->store->db, err, "read");
    }
    sqlite3_reset(s);
    return found ? STORE_OK : STORE_FAILED;
}

enum store_result sqlite_scan_pages(void *log, uint64_t number, page_visit *visit, void *arg,
                                    struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_PAGE_SCAN, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, number));
    sqlite3_bind_int64(s, 2, (l->book_id + 1) << LOG_SIZE_BITS);
    bool go_on = true;
    int step = SQLITE_DONE;
    while (go_on && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct page_row row;
        if (!page_read(s, &row)) {
            sqlite3_finalize(s);
            return corrupt(err, "a page of the decision on event", row.seq);
        }
        go_on = visit(arg, &row);
    }
    return scan_end(l, s, step, err);
}

/* --- the tree ----------------------------------------------------------------------------------*/

static uint64_t node_number(unsigned level, uint64_t index)
{
    METE_ASSERT(index < UINT64_C(1) << NODE_INDEX_BITS);
    return (uint64_t)(level / 8) << NODE_INDEX_BITS | index;
}

enum store_result sqlite_node_put(void *log, unsigned level, uint64_t index, const struct hash *h,
                                  struct mete_err *err)
{
    struct sqlite_log *l = log;
    sqlite3_stmt *s = sqlite_use(l, KEPT_NODE_ADD, SQL_NODE_ADD, err);
    if (s == NULL || sqlite_begin(l, err) != STORE_OK) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, node_number(level, index)));
    sqlite_bind_bytes(s, 2, (struct bytes){h->b, sizeof h->b});
    return sqlite_run(l, s, err);
}

enum store_result sqlite_nodes(void *log, unsigned level, uint64_t first, unsigned count,
                               struct hash *out, struct mete_err *err)
{
    struct sqlite_log *l = log;
    uint64_t number = level == 0 ? first + 1 : node_number(level, first);
    sqlite3_stmt *s = sqlite_prepare(l->store->db, level == 0 ? SQL_EVENT_LEAVES : SQL_NODES, err);
    if (s == NULL) {
        return STORE_FAILED;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, number));
    sqlite3_bind_int64(s, 2, sqlite_key(l, number + count));
    unsigned n = 0;
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW && n < count &&
           sqlite_column_hash(s, 0, &out[n])) {
        n++;
    }
    enum store_result r = scan_end(l, s, step, err);
    return r == STORE_OK && n != count ? corrupt(err, "the tree at leaf", first << level) : r;
}
