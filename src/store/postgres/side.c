/* SPDX-License-Identifier: Apache-2.0
 * What stands beside the log: checkpoints, sealed values and named values. */
#include "base/text.h"
#include "store/postgres/postgres.h"

static const char SQL_CHECKPOINT_ADD[] =
    "insert into mete.checkpoint (book_id, number, size, root, signed_at, note) "
    "select cast($1 as bigint), coalesce(max(number), 0) + 1, cast($2 as bigint), "
    "cast($3 as bytea), cast($4 as bigint), cast($5 as text) "
    "from mete.checkpoint where book_id = $1";
static const char SQL_CHECKPOINTS[] = "select size, root, signed_at, note from mete.checkpoint "
                                      "where book_id = $1 order by number";
static const char SQL_SEALS_OF_EVENT[] =
    "select seq, pointer, party, commitment, sealed from mete.sealed "
    "where book_id = $1 and seq = $2 order by seq, pointer";
static const char SQL_SEALS_OF_PARTY[] =
    "select seq, pointer, party, commitment, sealed from mete.sealed "
    "where book_id = $1 and party = $2 and (seq > $3 or (seq = $3 and pointer > $4)) "
    "order by seq, pointer limit 512";
static const char SQL_SEALS[] = "select seq, pointer, party, commitment, sealed from mete.sealed "
                                "where book_id = $1 and (seq > $2 or (seq = $2 and pointer > $3)) "
                                "order by seq, pointer limit 512";
static const char SQL_SEAL_ERASE[] = "delete from mete.sealed where book_id = $1 and party = $2";
static const char SQL_META_GET[] = "select value from mete.meta where book_id = $1 and name = $2";
static const char SQL_METAS[] =
    "select name, value from mete.meta where book_id = $1 order by name";
static const char SQL_META_SET[] =
    "insert into mete.meta (book_id, name, value) values ($1, $2, $3) "
    "on conflict (book_id, name) do update set value = excluded.value";

static enum store_result damaged(struct mete_err *err)
{
    (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "a hash in the store is damaged");
    return STORE_FAILED;
}

/* --- checkpoints -------------------------------------------------------------------------------*/

enum store_result pg_checkpoint_add(void *log, const struct checkpoint *c, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)c->size);
    pg_put_hash(&p, &c->root);
    pg_put_int(&p, c->signed_at);
    pg_put_text(&p, c->note);
    return pg_step_add(l, SQL_CHECKPOINT_ADD, &p, err);
}

enum store_result pg_checkpoints(void *log, checkpoint_visit *visit, void *arg,
                                 struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_CHECKPOINTS, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool ok = true;
    bool go_on = true;
    for (int i = 0; ok && go_on && i < PQntuples(r); i++) {
        struct checkpoint c = {.size = (uint64_t)pg_int(r, i, 0),
                               .signed_at = pg_int(r, i, 2),
                               .note = pg_text(r, i, 3)};
        ok = pg_hash(r, i, 1, &c.root);
        go_on = ok && visit(arg, &c);
    }
    PQclear(r);
    return ok ? STORE_OK : damaged(err);
}

/* --- sealed values -----------------------------------------------------------------------------*/

enum store_result pg_seal_add(void *log, const struct sealed_value *v, struct mete_err *err)
{
    struct pg_log *l = log;
    struct buf *b = pg_row_begin(l, PG_SEALED);
    pg_field_int(b, l->book_id);
    pg_field_int(b, (int64_t)v->seq);
    pg_field_bytes(b, text_bytes(v->pointer));
    pg_field_bytes(b, text_bytes(v->party));
    pg_field_bytes(b, (struct bytes){v->commitment.b, sizeof v->commitment.b});
    pg_field_bytes(b, v->sealed);
    return pg_row_end(l, PG_SEALED, err);
}

/** Where a list goes on: after this row. */
struct place {
    uint64_t seq;
    struct buf pointer;
};

static struct pg_params seals_params(const struct pg_log *l, uint64_t seq, struct text party,
                                     const struct place *after)
{
    struct pg_params p = pg_of_book(l);
    if (seq > 0) {
        pg_put_int(&p, (int64_t)seq);
        return p;
    }
    if (party.len > 0) {
        pg_put_text(&p, party);
    }
    pg_put_int(&p, (int64_t)after->seq);
    pg_put_bytes(&p, buf_bytes(&after->pointer));
    return p;
}

/** Visits the rows of one answer; false: stop, because of the visitor or of damage. */
static bool seals_visit(const PGresult *r, sealed_visit *visit, void *arg, struct place *after,
                        bool *ok)
{
    for (int i = 0; i < PQntuples(r); i++) {
        struct sealed_value v = {.seq = (uint64_t)pg_int(r, i, 0),
                                 .pointer = bytes_text(pg_bytes(r, i, 1)),
                                 .party = pg_text(r, i, 2),
                                 .sealed = pg_bytes(r, i, 4)};
        after->seq = v.seq;
        buf_reset(&after->pointer);
        buf_put_text(&after->pointer, v.pointer);
        *ok = pg_hash(r, i, 3, &v.commitment);
        if (!*ok || !visit(arg, &v)) {
            return false;
        }
    }
    return true;
}

enum store_result pg_seals(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                           void *arg, struct mete_err *err)
{
    struct pg_log *l = log;
    const char *sql = seq > 0 ? SQL_SEALS_OF_EVENT : party.len > 0 ? SQL_SEALS_OF_PARTY : SQL_SEALS;
    struct place after = {0};
    bool ok = true;
    bool more = true;
    while (more) {
        struct pg_params p = seals_params(l, seq, party, &after);
        PGresult *r = pg_query_settled(l, sql, &p, err);
        if (r == NULL) {
            buf_clear(&after.pointer);
            return STORE_FAILED;
        }
        more = seals_visit(r, visit, arg, &after, &ok) && PQntuples(r) > 0 && seq == 0;
        PQclear(r);
    }
    buf_clear(&after.pointer);
    return ok ? STORE_OK : damaged(err);
}

/* The row is gone for every reader at once; the server's files lose it when it is vacuumed
 * (doc/scale.md). */
enum store_result pg_seal_erase(void *log, struct text party, uint64_t *count, struct mete_err *err)
{
    struct pg_log *l = log;
    *count = 0;
    if (party.len == 0) {
        return STORE_OK;
    }
    struct pg_params p = pg_of_book(l);
    pg_put_text(&p, party);
    PGresult *r = pg_step_run(l, SQL_SEAL_ERASE, &p, err);
    *count = r != NULL ? pg_changed(r) : 0;
    PQclear(r);
    return r != NULL ? STORE_OK : STORE_FAILED;
}

/* --- named values ------------------------------------------------------------------------------*/

enum store_result pg_meta_get(void *log, const char *name, struct arena *a, struct text *value,
                              struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    pg_put_text(&p, text_of(name));
    PGresult *r = pg_query_settled(l, SQL_META_GET, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool found = PQntuples(r) == 1;
    if (found) {
        *value = arena_text(a, pg_text(r, 0, 0));
    }
    PQclear(r);
    return found ? STORE_OK : STORE_NONE;
}

enum store_result pg_meta_set(void *log, const char *name, struct text value, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    pg_put_text(&p, text_of(name));
    pg_put_text(&p, value);
    return pg_step_add(l, SQL_META_SET, &p, err);
}

enum store_result pg_metas(void *log, meta_visit *visit, void *arg, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, SQL_METAS, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool go_on = true;
    for (int i = 0; go_on && i < PQntuples(r); i++) {
        go_on = visit(arg, pg_text(r, i, 0), pg_text(r, i, 1));
    }
    PQclear(r);
    return STORE_OK;
}
