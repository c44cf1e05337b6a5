/* SPDX-License-Identifier: Apache-2.0
 * Events, pages and tree nodes as rows. They are written by COPY only, and read in batches whose
 * bytes are bounded before they are asked for. */
#include "base/text.h"
#include "store/postgres/postgres.h"

#include <string.h>

#define BATCH_BYTES (INT64_C(4) << 20) /* of a batch; one row may have more */

static const char SQL_EVENT_GET[] = "select seq, recorded_at, leaf, decision, signature, event "
                                    "from mete.event where book_id = $1 and seq = $2";
static const char SQL_EVENT_SIZES[] =
    "select cast(octet_length(decision) + octet_length(event) as bigint) from mete.event "
    "where book_id = $1 and seq >= $2 and seq < $3 order by seq limit 512";
static const char SQL_EVENT_SCAN[] =
    "select seq, recorded_at, leaf, decision, signature, event from mete.event "
    "where book_id = $1 and seq >= $2 and seq < $3 order by seq";
static const char SQL_EVENT_AT[] =
    "select recorded_at from mete.event where book_id = $1 and seq = $2";
static const char SQL_EVENT_LEAVES[] =
    "select leaf from mete.event where book_id = $1 and seq >= $2 and seq < $3 order by seq";
static const char SQL_PAGE_GET[] =
    "select number, seq, page, after_seq, recorded_at, sha256, decision from mete.page "
    "where book_id = $1 and seq = $2 and page = $3";
static const char SQL_PAGE_SIZES[] =
    "select cast(octet_length(decision) as bigint) from mete.page "
    "where book_id = $1 and number >= $2 order by number limit 512";
static const char SQL_PAGE_SCAN[] =
    "select number, seq, page, after_seq, recorded_at, sha256, decision from mete.page "
    "where book_id = $1 and number >= $2 and number < $3 order by number";
static const char SQL_PAGE_COUNT[] =
    "select cast(count(*) as bigint) from mete.page where book_id = $1 and seq = $2";
static const char SQL_NODES[] = "select hash from mete.tree_node where book_id = $1 and "
                                "number >= $2 and number < $3 and level = $4 order by number";

static enum store_result corrupt(struct mete_err *err, const char *what, uint64_t number)
{
    (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "%s %llu is damaged", what,
                    (unsigned long long)number);
    return STORE_FAILED;
}

/** The book, and up to two numbers. */
static struct pg_params numbers(const struct pg_log *l, uint64_t a, uint64_t b, int count)
{
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)a);
    if (count > 1) {
        pg_put_int(&p, (int64_t)b);
    }
    return p;
}

/* --- events ------------------------------------------------------------------------------------*/

enum store_result pg_append(void *log, const struct log_row *row, struct mete_err *err)
{
    struct pg_log *l = log;
    pg_event_note(l, row->seq);
    struct buf *b = pg_row_begin(l, PG_EVENT);
    pg_field_int(b, l->book_id);
    pg_field_int(b, (int64_t)row->seq);
    pg_field_int(b, row->recorded_at);
    pg_field_bytes(b, (struct bytes){row->leaf.b, sizeof row->leaf.b});
    pg_field_bytes(b, row->decision);
    if (row->signature.len > 0) {
        pg_field_bytes(b, row->signature);
    } else {
        pg_field_null(b);
    }
    pg_field_bytes(b, row->event);
    return pg_row_end(l, PG_EVENT, err);
}

static bool row_read(const PGresult *r, int i, struct log_row *out)
{
    *out = (struct log_row){.seq = (uint64_t)pg_int(r, i, 0),
                            .recorded_at = pg_int(r, i, 1),
                            .decision = pg_bytes(r, i, 3),
                            .signature = pg_bytes(r, i, 4),
                            .event = pg_bytes(r, i, 5)};
    return pg_hash(r, i, 2, &out->leaf);
}

static struct bytes field(struct reader *r)
{
    uint32_t len = read_be32(r);
    return len == UINT32_MAX ? (struct bytes){0} : read_bytes(r, len);
}

/** Reads a queued row; its bytes are the group's. */
static void queued_read(struct bytes queued, struct log_row *out)
{
    struct reader r = reader_of(queued);
    (void)read_be16(&r); /* fields */
    (void)field(&r);     /* the book */
    struct reader number = reader_of(field(&r));
    *out = (struct log_row){.seq = read_be64(&number)};
    number = reader_of(field(&r));
    out->recorded_at = (mete_time)read_be64(&number);
    memcpy(out->leaf.b, field(&r).p, sizeof out->leaf.b);
    out->decision = field(&r);
    out->signature = field(&r);
    out->event = field(&r);
    METE_ASSERT(!r.failed);
}

/** Moves bytes into the log's own buffer, which has room for them. */
static struct bytes keep(struct buf *room, struct bytes b)
{
    struct bytes kept = {room->p + room->len, b.len};
    buf_put(room, b.p, b.len);
    return kept;
}

static void queued_copy(struct pg_log *l, struct bytes queued, struct log_row *out)
{
    queued_read(queued, out);
    buf_reset(&l->copied);
    buf_reserve(&l->copied, out->event.len + out->signature.len + out->decision.len);
    out->event = keep(&l->copied, out->event);
    out->signature = keep(&l->copied, out->signature);
    out->decision = keep(&l->copied, out->decision);
}

enum store_result pg_row(void *log, uint64_t seq, struct log_row *out, struct mete_err *err)
{
    struct pg_log *l = log;
    struct bytes queued = pg_queued_event(l, seq);
    if (queued.len > 0) {
        queued_copy(l, queued, out);
        return STORE_OK;
    }
    struct pg_params p = numbers(l, seq, 0, 1);
    PQclear(l->row);
    l->row = pg_query(l->store, SQL_EVENT_GET, &p, err);
    if (l->row == NULL) {
        return STORE_FAILED;
    }
    /* seq is within the log: it has to be there */
    return PQntuples(l->row) == 1 && row_read(l->row, 0, out) ? STORE_OK
                                                              : corrupt(err, "event", seq);
}

enum store_result pg_recorded_at(void *log, uint64_t seq, mete_time *out, struct mete_err *err)
{
    struct pg_log *l = log;
    struct bytes queued = pg_queued_event(l, seq);
    if (queued.len > 0) {
        struct log_row row;
        queued_read(queued, &row);
        *out = row.recorded_at;
        return STORE_OK;
    }
    struct pg_params p = numbers(l, seq, 0, 1);
    PGresult *r = pg_query(l->store, SQL_EVENT_AT, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool found = PQntuples(r) == 1;
    *out = found ? pg_int(r, 0, 0) : 0;
    PQclear(r);
    return found ? STORE_OK : corrupt(err, "event", seq);
}

/** How many of the next rows make a batch: at least one, if there is one. */
static int batch_of(const PGresult *sizes)
{
    int64_t total = 0;
    int rows = 0;
    while (rows < PQntuples(sizes)) {
        total += pg_int(sizes, rows, 0);
        if (rows > 0 && total > BATCH_BYTES) {
            break;
        }
        rows++;
    }
    return rows;
}

/** *until: the end of the next batch. */
static enum store_result batch_end(struct pg_log *l, const char *sql, struct pg_params *p,
                                   uint64_t from, uint64_t *until, struct mete_err *err)
{
    PGresult *sizes = pg_query_settled(l, sql, p, err);
    if (sizes == NULL) {
        return STORE_FAILED;
    }
    *until = from + (uint64_t)batch_of(sizes);
    PQclear(sizes);
    return STORE_OK;
}

static enum store_result scan_batch(struct pg_log *l, uint64_t from, uint64_t until,
                                    log_visit *visit, void *arg, bool *go_on, struct mete_err *err)
{
    struct pg_params p = numbers(l, from, until, 2);
    PGresult *r = pg_query(l->store, SQL_EVENT_SCAN, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    enum store_result result = STORE_OK;
    for (int i = 0; result == STORE_OK && *go_on && from + (uint64_t)i < until; i++) {
        struct log_row row;
        uint64_t seq = from + (uint64_t)i;
        if (i >= PQntuples(r) || !row_read(r, i, &row) || row.seq != seq) {
            result = corrupt(err, "event", seq);
        } else {
            *go_on = visit(arg, &row);
        }
    }
    PQclear(r);
    return result;
}

enum store_result pg_scan(void *log, uint64_t from, uint64_t until, log_visit *visit, void *arg,
                          struct mete_err *err)
{
    struct pg_log *l = log;
    enum store_result r = STORE_OK;
    bool go_on = true;
    while (r == STORE_OK && go_on && from < until) {
        uint64_t end;
        struct pg_params p = numbers(l, from, until, 2);
        r = batch_end(l, SQL_EVENT_SIZES, &p, from, &end, err);
        if (r == STORE_OK && end == from) {
            r = corrupt(err, "event", from);
        }
        if (r == STORE_OK) {
            r = scan_batch(l, from, end, visit, arg, &go_on, err);
            from = end;
        }
    }
    return r;
}

/* --- pages -------------------------------------------------------------------------------------*/

enum store_result pg_append_page(void *log, const struct page_row *row, struct mete_err *err)
{
    struct pg_log *l = log;
    struct hash sum = sha256(row->packed);
    struct buf *b = pg_row_begin(l, PG_PAGE);
    pg_field_int(b, l->book_id);
    pg_field_int(b, (int64_t)row->number);
    pg_field_int(b, (int64_t)row->seq);
    pg_field_int(b, row->page);
    pg_field_int(b, (int64_t)row->after);
    pg_field_int(b, row->recorded_at);
    pg_field_bytes(b, (struct bytes){sum.b, sizeof sum.b});
    pg_field_bytes(b, row->packed);
    return pg_row_end(l, PG_PAGE, err);
}

static bool page_read(const PGresult *r, int i, struct page_row *out)
{
    struct hash stored;
    *out = (struct page_row){.number = (uint64_t)pg_int(r, i, 0),
                             .seq = (uint64_t)pg_int(r, i, 1),
                             .page = (uint32_t)pg_int(r, i, 2),
                             .after = (uint64_t)pg_int(r, i, 3),
                             .recorded_at = pg_int(r, i, 4),
                             .packed = pg_bytes(r, i, 6)};
    struct hash sum = sha256(out->packed);
    return pg_hash(r, i, 5, &stored) && hash_eq(&stored, &sum);
}

/** Reads pages: those that are queued are sent first, others need not be. */
static PGresult *page_query(struct pg_log *l, const char *sql, struct pg_params *p,
                            struct mete_err *err)
{
    return pg_is_pending(l, PG_PAGE) ? pg_query_settled(l, sql, p, err)
                                     : pg_query(l->store, sql, p, err);
}

enum store_result pg_page(void *log, uint64_t seq, uint32_t page, struct page_row *out,
                          struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = numbers(l, seq, page, 2);
    PQclear(l->row);
    l->row = page_query(l, SQL_PAGE_GET, &p, err);
    if (l->row == NULL) {
        return STORE_FAILED;
    }
    if (PQntuples(l->row) == 0) {
        return STORE_NONE;
    }
    return page_read(l->row, 0, out) ? STORE_OK
                                     : corrupt(err, "a page of the decision on event", seq);
}

enum store_result pg_page_count(void *log, uint64_t seq, uint32_t *count, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = numbers(l, seq, 0, 1);
    PGresult *r = page_query(l, SQL_PAGE_COUNT, &p, err);
    *count = r != NULL ? (uint32_t)pg_int(r, 0, 0) : 0;
    PQclear(r);
    return r != NULL ? STORE_OK : STORE_FAILED;
}

static enum store_result scan_pages_batch(struct pg_log *l, uint64_t from, uint64_t until,
                                          page_visit *visit, void *arg, bool *go_on,
                                          struct mete_err *err)
{
    struct pg_params p = numbers(l, from, until, 2);
    PGresult *r = pg_query(l->store, SQL_PAGE_SCAN, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    enum store_result result = STORE_OK;
    for (int i = 0; result == STORE_OK && *go_on && i < PQntuples(r); i++) {
        struct page_row row;
        if (page_read(r, i, &row)) {
            *go_on = visit(arg, &row);
        } else {
            result = corrupt(err, "a page of the decision on event", row.seq);
        }
    }
    PQclear(r);
    return result;
}

enum store_result pg_scan_pages(void *log, uint64_t number, page_visit *visit, void *arg,
                                struct mete_err *err)
{
    struct pg_log *l = log;
    enum store_result r = STORE_OK;
    bool go_on = true;
    for (uint64_t from = number; r == STORE_OK && go_on;) {
        uint64_t end;
        struct pg_params p = numbers(l, from, 0, 1);
        r = batch_end(l, SQL_PAGE_SIZES, &p, from, &end, err);
        if (r != STORE_OK || end == from) {
            break;
        }
        r = scan_pages_batch(l, from, end, visit, arg, &go_on, err);
        from = end;
    }
    return r;
}

/* --- the tree ----------------------------------------------------------------------------------*/

enum store_result pg_node_put(void *log, unsigned level, uint64_t index, const struct hash *h,
                              struct mete_err *err)
{
    struct pg_log *l = log;
    struct buf *b = pg_row_begin(l, PG_NODE);
    pg_field_int(b, l->book_id);
    pg_field_int(b, level);
    pg_field_int(b, (int64_t)index);
    pg_field_bytes(b, (struct bytes){h->b, sizeof h->b});
    return pg_row_end(l, PG_NODE, err);
}

enum store_result pg_nodes(void *log, unsigned level, uint64_t first, unsigned count,
                           struct hash *out, struct mete_err *err)
{
    struct pg_log *l = log;
    uint64_t number = level == 0 ? first + 1 : first;
    struct pg_params p = numbers(l, number, number + count, 2);
    if (level > 0) {
        pg_put_int(&p, level);
    }
    PGresult *r = pg_query_settled(l, level == 0 ? SQL_EVENT_LEAVES : SQL_NODES, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool whole = PQntuples(r) == (int)count;
    for (unsigned i = 0; whole && i < count; i++) {
        whole = pg_hash(r, (int)i, 0, &out[i]);
    }
    PQclear(r);
    return whole ? STORE_OK : corrupt(err, "the tree at leaf", first << level);
}
