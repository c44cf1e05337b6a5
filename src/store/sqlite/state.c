/* SPDX-License-Identifier: Apache-2.0
 * Where the state keeps its segments and blocks. Blocks are numbered in order of writing and each
 * fills one database page, so writing them never touches an old one. */
#include "store/sqlite/sqlite.h"

#include <string.h>

static const char SQL_SEGMENTS[] =
    "select key, run_id, level, oldest, newest, first_block, blocks, items, size, first_key, "
    "last_key from segment where key >= ?1 and key < ?2 order by run_id, first_key";
static const char SQL_SEGMENT_ADD[] =
    "insert into segment (key, run_id, level, oldest, newest, first_block, blocks, items, size, "
    "first_key, last_key) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char SQL_SEGMENT_DROP[] = "delete from segment where key = ?1";
static const char SQL_BLOCK_ADD[] = "insert into block (key, data) values (?1, ?2)";
static const char SQL_BLOCK_GET[] = "select data from block where key = ?1";
static const char SQL_BLOCK_DROP[] = "delete from block where key >= ?1 and key < ?2";
static const char SQL_BLOCK_LAST[] = "select max(key) from block where key >= ?1 and key < ?2";
static const char SQL_MERGES[] =
    "select level, run_id, oldest, newest, position from merge where book_id = ?1 order by level";
static const char SQL_MERGE_SAVE[] =
    "insert into merge (book_id, level, run_id, oldest, newest, position) "
    "values (?1, ?2, ?3, ?4, ?5, ?6) "
    "on conflict (book_id, level) do update set position = excluded.position";
static const char SQL_MERGE_DROP[] = "delete from merge where book_id = ?1 and level = ?2";

static const char SQL_SHAPE[] =
    "select count(*), max(key), sum(key & ?3), sum(first_block), sum(items), sum(size) "
    "from segment where key >= ?1 and key < ?2";

#define NUMBER_MASK ((int64_t)((UINT64_C(1) << LOG_SIZE_BITS) - 1))

static bool bound_read(sqlite3_stmt *s, int column, struct bound *out)
{
    struct bytes b = sqlite_column_bytes(s, column);
    if (b.len > sizeof out->b) {
        return false;
    }
    out->len = (uint16_t)b.len;
    if (b.len > 0) {
        memcpy(out->b, b.p, b.len);
    }
    return true;
}

static void bind_bound(sqlite3_stmt *s, int at, const struct bound *b)
{
    sqlite_bind_bytes(s, at, (struct bytes){b->b, b->len});
}

static enum mete_code damaged(struct mete_err *err)
{
    return mete_fail(err, METE_STORE_CORRUPT, NULL, "the list of runs is damaged");
}

static void bind_book_range(const struct sqlite_log *l, sqlite3_stmt *s)
{
    sqlite3_bind_int64(s, 1, sqlite_key(l, 0));
    sqlite3_bind_int64(s, 2, (l->book_id + 1) << LOG_SIZE_BITS);
}

static bool segment_read(sqlite3_stmt *s, struct segment_row *out)
{
    *out = (struct segment_row){.id = (uint64_t)(sqlite3_column_int64(s, 0) & NUMBER_MASK),
                                .run = (uint64_t)sqlite3_column_int64(s, 1),
                                .level = (uint32_t)sqlite3_column_int64(s, 2),
                                .oldest = (uint64_t)sqlite3_column_int64(s, 3),
                                .newest = (uint64_t)sqlite3_column_int64(s, 4),
                                .first_block = (uint64_t)sqlite3_column_int64(s, 5),
                                .blocks = (uint32_t)sqlite3_column_int64(s, 6),
                                .items = (uint64_t)sqlite3_column_int64(s, 7),
                                .size = (uint64_t)sqlite3_column_int64(s, 8)};
    return bound_read(s, 9, &out->first) && bound_read(s, 10, &out->last);
}

/** Ends a loop over rows: `ok` false when one could not be used. */
static enum mete_code load_end(struct sqlite_log *l, sqlite3_stmt *s, int step, bool ok,
                               struct mete_err *err)
{
    enum mete_code code = METE_OK;
    if (!ok) {
        code = damaged(err);
    } else if (step != SQLITE_DONE) {
        code = sqlite_fail(l->store->db, err, "read");
    }
    sqlite3_finalize(s);
    return code;
}

static enum mete_code load_segments(struct sqlite_log *l, struct state_load *load,
                                    struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_SEGMENTS, err);
    if (s == NULL) {
        return err->code;
    }
    bind_book_range(l, s);
    bool ok = true;
    int step = SQLITE_DONE;
    while (ok && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct segment_row row;
        ok = segment_read(s, &row) && load->segment(load->arg, &row);
    }
    return load_end(l, s, step, ok, err);
}

static enum mete_code load_merges(struct sqlite_log *l, struct state_load *load,
                                  struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_MERGES, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    bool ok = true;
    int step = SQLITE_DONE;
    while (ok && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct merge_row row = {.level = (uint32_t)sqlite3_column_int64(s, 0),
                                .run = (uint64_t)sqlite3_column_int64(s, 1),
                                .oldest = (uint64_t)sqlite3_column_int64(s, 2),
                                .newest = (uint64_t)sqlite3_column_int64(s, 3)};
        ok = bound_read(s, 4, &row.position) && load->merge(load->arg, &row);
    }
    return load_end(l, s, step, ok, err);
}

static enum mete_code load(void *ctx, struct state_load *load, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    enum mete_code code = load_segments(l, load, err);
    if (code == METE_OK) {
        code = load_merges(l, load, err);
    }
    sqlite3_stmt *s = code == METE_OK ? sqlite_prepare(l->store->db, SQL_BLOCK_LAST, err) : NULL;
    if (s == NULL) {
        return code == METE_OK ? err->code : code;
    }
    bind_book_range(l, s);
    if (sqlite3_step(s) != SQLITE_ROW) {
        code = sqlite_fail(l->store->db, err, "read");
    } else if (sqlite3_column_type(s, 0) != SQLITE_NULL) {
        load->next_block = (uint64_t)(sqlite3_column_int64(s, 0) & NUMBER_MASK) + 1;
    }
    sqlite3_finalize(s);
    return code;
}

static enum mete_code result_code(enum store_result r, const struct mete_err *err)
{
    return r == STORE_OK ? METE_OK : err->code;
}

static enum mete_code block_write(void *ctx, uint64_t id, struct bytes data, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    sqlite3_stmt *s = sqlite_use(l, KEPT_BLOCK_ADD, SQL_BLOCK_ADD, err);
    if (s == NULL || sqlite_begin(l, err) != STORE_OK) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, id));
    sqlite_bind_bytes(s, 2, data);
    return result_code(sqlite_run(l, s, err), err);
}

static enum mete_code block_read(void *ctx, uint64_t id, struct bytes *data, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    sqlite3_stmt *s = sqlite_use(l, KEPT_BLOCK_GET, SQL_BLOCK_GET, err);
    if (s == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    sqlite3_bind_int64(s, 1, sqlite_key(l, id));
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        struct bytes b = sqlite_column_bytes(s, 0);
        buf_reset(&l->block);
        buf_put(&l->block, b.p, b.len);
        *data = buf_bytes(&l->block);
    } else if (step == SQLITE_DONE) {
        code = mete_fail(err, METE_STORE_CORRUPT, NULL, "block %llu of the state is missing",
                         (unsigned long long)id);
    } else {
        code = sqlite_fail(l->store->db, err, "read");
    }
    sqlite3_reset(s);
    return code;
}

/** Runs a statement of one use, with its parameters bound. */
static enum mete_code run_once(struct sqlite_log *l, sqlite3_stmt *s, struct mete_err *err)
{
    enum store_result r = sqlite_begin(l, err);
    if (r == STORE_OK) {
        r = sqlite_run(l, s, err);
    }
    sqlite3_finalize(s);
    return result_code(r, err);
}

static enum mete_code segment_add(void *ctx, const struct segment_row *row, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_SEGMENT_ADD, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, row->id));
    sqlite3_bind_int64(s, 2, (int64_t)row->run);
    sqlite3_bind_int64(s, 3, row->level);
    sqlite3_bind_int64(s, 4, (int64_t)row->oldest);
    sqlite3_bind_int64(s, 5, (int64_t)row->newest);
    sqlite3_bind_int64(s, 6, (int64_t)row->first_block);
    sqlite3_bind_int64(s, 7, row->blocks);
    sqlite3_bind_int64(s, 8, (int64_t)row->items);
    sqlite3_bind_int64(s, 9, (int64_t)row->size);
    bind_bound(s, 10, &row->first);
    bind_bound(s, 11, &row->last);
    return run_once(l, s, err);
}

static enum mete_code segment_drop(void *ctx, const struct segment_row *row, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_SEGMENT_DROP, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, row->id));
    enum mete_code code = run_once(l, s, err);
    s = code == METE_OK ? sqlite_prepare(l->store->db, SQL_BLOCK_DROP, err) : NULL;
    if (s == NULL) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, sqlite_key(l, row->first_block));
    sqlite3_bind_int64(s, 2, sqlite_key(l, row->first_block + row->blocks + 1));
    return run_once(l, s, err);
}

static enum mete_code merge_save(void *ctx, const struct merge_row *row, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_MERGE_SAVE, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite3_bind_int64(s, 2, row->level);
    sqlite3_bind_int64(s, 3, (int64_t)row->run);
    sqlite3_bind_int64(s, 4, (int64_t)row->oldest);
    sqlite3_bind_int64(s, 5, (int64_t)row->newest);
    bind_bound(s, 6, &row->position);
    return run_once(l, s, err);
}

static enum mete_code merge_drop(void *ctx, uint32_t level, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    sqlite3_stmt *s = sqlite_prepare(l->store->db, SQL_MERGE_DROP, err);
    if (s == NULL) {
        return err->code;
    }
    sqlite3_bind_int64(s, 1, l->book_id);
    sqlite3_bind_int64(s, 2, level);
    return run_once(l, s, err);
}

static enum mete_code segments_shape(struct sqlite_log *l, struct buf *out, struct mete_err *err)
{
    sqlite3_stmt *s = sqlite_use(l, KEPT_SHAPE, SQL_SHAPE, err);
    if (s == NULL) {
        return err->code;
    }
    bind_book_range(l, s);
    sqlite3_bind_int64(s, 3, NUMBER_MASK);
    enum mete_code code = METE_OK;
    if (sqlite3_step(s) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            buf_put_be64(out, (uint64_t)sqlite3_column_int64(s, i));
        }
    } else {
        code = sqlite_fail(l->store->db, err, "read");
    }
    sqlite3_reset(s);
    return code;
}

/** Numbers of segments only rise, and segments never change. */
static enum mete_code shape(void *ctx, struct hash *out, struct mete_err *err)
{
    struct sqlite_log *l = ctx;
    struct buf seen = {0};
    struct state_load load = {.arg = &seen, .merge = merge_row_shape};
    enum mete_code code = segments_shape(l, &seen, err);
    code = code == METE_OK ? load_merges(l, &load, err) : code;
    *out = sha256(buf_bytes(&seen));
    buf_clear(&seen);
    return code;
}

const struct state_port sqlite_state_port = {.load = load,
                                             .block_write = block_write,
                                             .block_read = block_read,
                                             .segment_add = segment_add,
                                             .segment_drop = segment_drop,
                                             .merge_save = merge_save,
                                             .merge_drop = merge_drop,
                                             .shape = shape};
