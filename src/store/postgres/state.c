/* SPDX-License-Identifier: Apache-2.0
 * Where the state keeps its segments and blocks. Blocks are copied in like events; they are
 * numbered in order of writing, so an index over them only grows at its end. */
#include "store/postgres/postgres.h"

#include <string.h>

static const char SQL_SEGMENTS[] =
    "select number, run_id, level, oldest, newest, first_block, blocks, items, size, first_key, "
    "last_key from mete.segment where book_id = $1 order by run_id, first_key";
static const char SQL_SEGMENT_ADD[] =
    "insert into mete.segment (book_id, number, run_id, level, oldest, newest, first_block, "
    "blocks, items, size, first_key, last_key) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
static const char SQL_SEGMENT_DROP[] =
    "delete from mete.segment where book_id = $1 and number = $2";
static const char SQL_BLOCK_GET[] =
    "select data from mete.block where book_id = $1 and number = $2";
static const char SQL_BLOCK_DROP[] =
    "delete from mete.block where book_id = $1 and number >= $2 and number < $3";
static const char SQL_BLOCK_LAST[] =
    "select number from mete.block where book_id = $1 order by number desc limit 1";
static const char SQL_MERGES[] = "select level, run_id, oldest, newest, position from mete.merge "
                                 "where book_id = $1 order by level";
static const char SQL_MERGE_SAVE[] =
    "insert into mete.merge (book_id, level, run_id, oldest, newest, position) "
    "values ($1, $2, $3, $4, $5, $6) "
    "on conflict (book_id, level) do update set position = excluded.position";
static const char SQL_SHAPE[] =
    "select cast(count(*) as bigint), cast(coalesce(max(number), 0) as bigint), "
    "cast(coalesce(sum(number), 0) as text), cast(coalesce(sum(first_block), 0) as text), "
    "cast(coalesce(sum(items), 0) as text), cast(coalesce(sum(size), 0) as text) "
    "from mete.segment where book_id = $1";
static const char SQL_MERGE_DROP[] = "delete from mete.merge where book_id = $1 and level = $2";

static enum mete_code result_code(enum store_result r, const struct mete_err *err)
{
    return r == STORE_OK ? METE_OK : err->code;
}

/* --- loading -----------------------------------------------------------------------------------*/

static bool bound_read(const PGresult *r, int row, int column, struct bound *out)
{
    struct bytes b = pg_bytes(r, row, column);
    if (b.len > sizeof out->b) {
        return false;
    }
    out->len = (uint16_t)b.len;
    memcpy(out->b, b.p, b.len);
    return true;
}

static bool segment_read(const PGresult *r, int i, struct segment_row *out)
{
    *out = (struct segment_row){.id = (uint64_t)pg_int(r, i, 0),
                                .run = (uint64_t)pg_int(r, i, 1),
                                .level = (uint32_t)pg_int(r, i, 2),
                                .oldest = (uint64_t)pg_int(r, i, 3),
                                .newest = (uint64_t)pg_int(r, i, 4),
                                .first_block = (uint64_t)pg_int(r, i, 5),
                                .blocks = (uint32_t)pg_int(r, i, 6),
                                .items = (uint64_t)pg_int(r, i, 7),
                                .size = (uint64_t)pg_int(r, i, 8)};
    return bound_read(r, i, 9, &out->first) && bound_read(r, i, 10, &out->last);
}

static bool merge_read(const PGresult *r, int i, struct merge_row *out)
{
    *out = (struct merge_row){.level = (uint32_t)pg_int(r, i, 0),
                              .run = (uint64_t)pg_int(r, i, 1),
                              .oldest = (uint64_t)pg_int(r, i, 2),
                              .newest = (uint64_t)pg_int(r, i, 3)};
    return bound_read(r, i, 4, &out->position);
}

static enum mete_code damaged(struct mete_err *err)
{
    return mete_fail(err, METE_STORE_CORRUPT, NULL, "the list of runs is damaged");
}

static enum mete_code load_segments(struct pg_log *l, struct state_load *load, struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_SEGMENTS, &p, err);
    if (r == NULL) {
        return err->code;
    }
    bool ok = true;
    for (int i = 0; ok && i < PQntuples(r); i++) {
        struct segment_row row;
        ok = segment_read(r, i, &row) && load->segment(load->arg, &row);
    }
    PQclear(r);
    return ok ? METE_OK : damaged(err);
}

static enum mete_code load_merges(struct pg_log *l, struct state_load *load, struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_MERGES, &p, err);
    if (r == NULL) {
        return err->code;
    }
    bool ok = true;
    for (int i = 0; ok && i < PQntuples(r); i++) {
        struct merge_row row;
        ok = merge_read(r, i, &row) && load->merge(load->arg, &row);
    }
    PQclear(r);
    return ok ? METE_OK : damaged(err);
}

static enum mete_code load(void *ctx, struct state_load *load, struct mete_err *err)
{
    struct pg_log *l = ctx;
    enum mete_code code = load_segments(l, load, err);
    if (code == METE_OK) {
        code = load_merges(l, load, err);
    }
    if (code != METE_OK) {
        return code;
    }
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_BLOCK_LAST, &p, err);
    if (r == NULL) {
        return err->code;
    }
    if (PQntuples(r) > 0) {
        load->next_block = (uint64_t)pg_int(r, 0, 0) + 1;
    }
    PQclear(r);
    return METE_OK;
}

/* --- blocks ------------------------------------------------------------------------------------*/

static enum mete_code block_write(void *ctx, uint64_t id, struct bytes data, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct buf *b = pg_row_begin(l, PG_BLOCK);
    pg_field_int(b, l->book_id);
    pg_field_int(b, (int64_t)id);
    pg_field_bytes(b, data);
    return result_code(pg_row_end(l, PG_BLOCK, err), err);
}

static enum mete_code block_read(void *ctx, uint64_t id, struct bytes *data, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)id);
    PQclear(l->block);
    l->block = pg_is_pending(l, PG_BLOCK) ? pg_query_settled(l, SQL_BLOCK_GET, &p, err)
                                          : pg_query(l->store, SQL_BLOCK_GET, &p, err);
    if (l->block == NULL) {
        return err->code;
    }
    if (PQntuples(l->block) == 0) {
        return mete_fail(err, METE_STORE_CORRUPT, NULL, "block %llu of the state is missing",
                         (unsigned long long)id);
    }
    *data = pg_bytes(l->block, 0, 0);
    return METE_OK;
}

/* --- segments and merges -----------------------------------------------------------------------*/

static enum mete_code segment_add(void *ctx, const struct segment_row *row, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)row->id);
    pg_put_int(&p, (int64_t)row->run);
    pg_put_int(&p, row->level);
    pg_put_int(&p, (int64_t)row->oldest);
    pg_put_int(&p, (int64_t)row->newest);
    pg_put_int(&p, (int64_t)row->first_block);
    pg_put_int(&p, row->blocks);
    pg_put_int(&p, (int64_t)row->items);
    pg_put_int(&p, (int64_t)row->size);
    pg_put_bytes(&p, (struct bytes){row->first.b, row->first.len});
    pg_put_bytes(&p, (struct bytes){row->last.b, row->last.len});
    return result_code(pg_step_add(l, SQL_SEGMENT_ADD, &p, err), err);
}

static enum mete_code segment_drop(void *ctx, const struct segment_row *row, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)row->id);
    enum mete_code code = result_code(pg_step_add(l, SQL_SEGMENT_DROP, &p, err), err);
    if (code != METE_OK) {
        return code;
    }
    p = pg_of_book(l);
    pg_put_int(&p, (int64_t)row->first_block);
    pg_put_int(&p, (int64_t)(row->first_block + row->blocks + 1));
    return result_code(pg_step_add(l, SQL_BLOCK_DROP, &p, err), err);
}

static enum mete_code merge_save(void *ctx, const struct merge_row *row, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, row->level);
    pg_put_int(&p, (int64_t)row->run);
    pg_put_int(&p, (int64_t)row->oldest);
    pg_put_int(&p, (int64_t)row->newest);
    pg_put_bytes(&p, (struct bytes){row->position.b, row->position.len});
    return result_code(pg_step_add(l, SQL_MERGE_SAVE, &p, err), err);
}

static enum mete_code merge_drop(void *ctx, uint32_t level, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, level);
    return result_code(pg_step_add(l, SQL_MERGE_DROP, &p, err), err);
}

/** Numbers of segments only rise, and segments never change. */
static enum mete_code shape(void *ctx, struct hash *out, struct mete_err *err)
{
    struct pg_log *l = ctx;
    struct buf seen = {0};
    struct state_load load = {.arg = &seen, .merge = merge_row_shape};
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_SHAPE, &p, err);
    if (r == NULL) {
        return err->code;
    }
    for (int i = 0; i < PQnfields(r); i++) {
        buf_put_sized(&seen, pg_text(r, 0, i));
    }
    PQclear(r);
    enum mete_code code = load_merges(l, &load, err);
    *out = sha256(buf_bytes(&seen));
    buf_clear(&seen);
    return code;
}

const struct state_port pg_state_port = {.load = load,
                                         .block_write = block_write,
                                         .block_read = block_read,
                                         .segment_add = segment_add,
                                         .segment_drop = segment_drop,
                                         .merge_save = merge_save,
                                         .merge_drop = merge_drop,
                                         .shape = shape};
