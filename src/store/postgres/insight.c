/* SPDX-License-Identifier: Apache-2.0
 * Points and insights. However many rows are meant, it is one statement: they travel as one JSON
 * array, texts in hexadecimal, so that neither encoding nor zero bytes are the database's to judge.
 */
#include "store/postgres/postgres.h"

#include "base/map.h"
#include "base/text.h"
#include "store/hash_seed.h"

#include <inttypes.h>
#include <stdlib.h>

#define POINTS                                                                                     \
    "json_to_recordset(cast($2 as json)) as j (app text, metric text, bucket text, env text, "     \
    "tags text, t bigint, v text, unit text, sent_at bigint, received_at bigint)"
#define POINT_NAME                                                                                 \
    "decode(j.app, 'hex'), decode(j.metric, 'hex'), decode(j.bucket, 'hex'), "                     \
    "decode(j.env, 'hex'), decode(j.tags, 'hex'), j.t"
#define POINTS_MEANT "(select " POINT_NAME " from " POINTS ")"
#define INSIGHTS                                                                                   \
    "json_to_recordset(cast($2 as json)) as j (kind bigint, app text, env text, id text, "         \
    "t bigint, type text, severity text, message text, data text, sha256 text, "                   \
    "received_at bigint)"
#define INSIGHT_NAME   "j.kind, decode(j.app, 'hex'), decode(j.env, 'hex'), decode(j.id, 'hex')"
#define INSIGHTS_MEANT "(select " INSIGHT_NAME " from " INSIGHTS ")"

static const char SQL_KPI_FIND[] =
    "select app, metric, bucket, env, tags, t, v, unit, sent_at, received_at from mete.kpi "
    "where book_id = $1 and (app, metric, bucket, env, tags, t) in " POINTS_MEANT;
static const char SQL_KPI_PUT[] =
    "insert into mete.kpi (book_id, app, metric, bucket, env, tags, t, v, unit, sent_at, "
    "received_at) select cast($1 as bigint), " POINT_NAME ", decode(j.v, 'hex'), "
    "decode(j.unit, 'hex'), j.sent_at, j.received_at from " POINTS " "
    "on conflict (book_id, app, metric, bucket, env, tags, t) do update set v = excluded.v, "
    "unit = excluded.unit, sent_at = excluded.sent_at, received_at = excluded.received_at";
static const char SQL_KPI_REMOVE[] = "delete from mete.kpi where book_id = $1 and (app, metric, "
                                     "bucket, env, tags, t) in " POINTS_MEANT;
static const char SQL_KPI_SCAN[] =
    "select app, metric, bucket, env, tags, t, v, unit, sent_at, received_at from mete.kpi "
    "where book_id = $1 and (app, metric, bucket, env, tags, t) >= ($2, $3, $4, $5, $6, $7) and "
    "(app, metric, bucket, env, tags, t) < ($8, $9, $10, $11, $12, $13) "
    "order by app, metric, bucket, env, tags, t limit $14";
static const char SQL_INSIGHT_FIND[] =
    "select kind, app, t, env, id, sha256, received_at from mete.insight "
    "where book_id = $1 and (kind, app, env, id) in " INSIGHTS_MEANT;
static const char SQL_INSIGHT_PUT[] =
    "insert into mete.insight (book_id, kind, app, env, id, t, type, severity, message, data, "
    "sha256, received_at) select cast($1 as bigint), " INSIGHT_NAME ", j.t, "
    "decode(j.type, 'hex'), decode(j.severity, 'hex'), decode(j.message, 'hex'), "
    "decode(j.data, 'hex'), decode(j.sha256, 'hex'), j.received_at from " INSIGHTS " "
    "on conflict (book_id, kind, app, env, id) do update set t = excluded.t, "
    "type = excluded.type, severity = excluded.severity, message = excluded.message, "
    "data = excluded.data, sha256 = excluded.sha256, received_at = excluded.received_at";
static const char SQL_INSIGHT_REMOVE[] =
    "delete from mete.insight where book_id = $1 and (kind, app, env, id) in " INSIGHTS_MEANT;
static const char SQL_INSIGHT_SCAN[] =
    "select kind, app, env, id, t, type, severity, message, data, sha256, received_at "
    "from mete.insight where book_id = $1 and (kind, app, t, env, id) >= ($2, $3, $4, $5, $6) and "
    "(kind, app, t, env, id) < ($7, $8, $9, $10, $11) order by kind, app, t, env, id limit $12";

/** The next member; the first begins the object, the first object the array. */
static void put_name(struct buf *b, const char *name)
{
    uint8_t last = b->len > 0 ? b->p[b->len - 1] : 0;
    const char *before = last == 0 ? "[{" : last == '}' ? ",{" : ",";
    buf_printf(b, "%s\"%s\":", before, name);
}

static void put_hex(struct buf *b, const char *name, struct bytes in)
{
    static const char digits[] = "0123456789abcdef";
    put_name(b, name);
    buf_put_u8(b, '"');
    for (size_t i = 0; i < in.len; i++) {
        buf_put_u8(b, (uint8_t)digits[in.p[i] >> 4]);
        buf_put_u8(b, (uint8_t)digits[in.p[i] & 15]);
    }
    buf_put_u8(b, '"');
}

static void put_number(struct buf *b, const char *name, int64_t v)
{
    put_name(b, name);
    buf_printf(b, "%" PRId64, v);
}

/** The parameters of a statement about rows: book and JSON. */
static struct pg_params params_of(const struct pg_log *l, struct buf *json)
{
    struct pg_params p = pg_of_book(l);
    buf_put_u8(json, ']');
    pg_put_text(&p, buf_text(json));
    buf_clear(json);
    return p;
}

/* --- which of those asked for a row is ---------------------------------------------------------*/

/* The places of a name among those asked for, found by its bytes: place 1 more than its index, the
 * one before it of the same name in `before`. */
struct names {
    struct map place;
    struct buf name;
    size_t *before;
};

static struct names names_new(size_t count)
{
    struct names n = {.before = calloc(count, sizeof *n.before)};
    METE_ASSERT(n.before != NULL);
    map_init(&n.place, sizeof(size_t), hash_seed());
    return n;
}

static void names_free(struct names *n)
{
    map_clear(&n->place);
    buf_clear(&n->name);
    free(n->before);
}

/** n->name is the name of what is asked for at `i`. */
static void names_add(struct names *n, size_t i)
{
    size_t *place = map_put(&n->place, buf_bytes(&n->name), NULL);
    n->before[i] = *place;
    *place = i + 1;
}

/** The last place of n->name; 0: nobody asked for it. */
static size_t names_last(const struct names *n)
{
    const size_t *place = map_get(&n->place, buf_bytes(&n->name));
    return place != NULL ? *place : 0;
}

/* --- points ------------------------------------------------------------------------------------*/

static struct pg_params points_pack(const struct pg_log *l, const struct kpi_point *p, size_t count)
{
    struct buf b = {0};
    for (size_t i = 0; i < count; i++) {
        put_hex(&b, "app", text_bytes(p[i].app));
        put_hex(&b, "metric", text_bytes(p[i].metric));
        put_hex(&b, "bucket", text_bytes(p[i].bucket));
        put_hex(&b, "env", text_bytes(p[i].env));
        put_hex(&b, "tags", text_bytes(p[i].tags));
        put_number(&b, "t", p[i].t);
        put_hex(&b, "v", text_bytes(p[i].v));
        put_hex(&b, "unit", text_bytes(p[i].unit));
        put_number(&b, "sent_at", p[i].sent_at);
        put_number(&b, "received_at", p[i].received_at);
        buf_put_u8(&b, '}');
    }
    return params_of(l, &b);
}

static void read_point(const PGresult *r, int row, struct kpi_point *p)
{
    *p = (struct kpi_point){.app = bytes_text(pg_bytes(r, row, 0)),
                            .metric = bytes_text(pg_bytes(r, row, 1)),
                            .bucket = bytes_text(pg_bytes(r, row, 2)),
                            .env = bytes_text(pg_bytes(r, row, 3)),
                            .tags = bytes_text(pg_bytes(r, row, 4)),
                            .t = pg_int(r, row, 5),
                            .v = bytes_text(pg_bytes(r, row, 6)),
                            .unit = bytes_text(pg_bytes(r, row, 7)),
                            .sent_at = pg_int(r, row, 8),
                            .received_at = pg_int(r, row, 9)};
}

static void point_name(struct buf *b, const struct kpi_point *p)
{
    buf_reset(b);
    buf_put_sized(b, p->app);
    buf_put_sized(b, p->metric);
    buf_put_sized(b, p->bucket);
    buf_put_sized(b, p->env);
    buf_put_sized(b, p->tags);
    buf_put_zigzag(b, p->t);
}

enum store_result pg_kpi_find(void *log, const struct kpi_point *want, size_t count,
                              struct arena *a, struct kpi_point *found, struct mete_err *err)
{
    if (count == 0) {
        return STORE_OK;
    }
    struct names names = names_new(count);
    for (size_t i = 0; i < count; i++) {
        found[i] = (struct kpi_point){0};
        point_name(&names.name, &want[i]);
        names_add(&names, i);
    }
    struct pg_params params = points_pack(log, want, count);
    PGresult *r = pg_query_settled(log, SQL_KPI_FIND, &params, err);
    for (int row = 0; r != NULL && row < PQntuples(r); row++) {
        struct kpi_point p;
        read_point(r, row, &p);
        point_name(&names.name, &p);
        for (size_t at = names_last(&names); at != 0; at = names.before[at - 1]) {
            found[at - 1] = want[at - 1];
            found[at - 1].v = arena_text(a, p.v);
            found[at - 1].unit = arena_text(a, p.unit);
            found[at - 1].sent_at = p.sent_at;
            found[at - 1].received_at = p.received_at;
        }
    }
    names_free(&names);
    enum store_result result = r != NULL ? STORE_OK : STORE_FAILED;
    PQclear(r);
    return result;
}

enum store_result pg_kpi_put(void *log, const struct kpi_point *p, size_t count,
                             struct mete_err *err)
{
    if (count == 0) {
        return STORE_OK;
    }
    struct pg_params params = points_pack(log, p, count);
    return pg_step_add(log, SQL_KPI_PUT, &params, err);
}

enum store_result pg_kpi_remove(void *log, const struct kpi_point *p, size_t count,
                                struct mete_err *err)
{
    if (count == 0) {
        return STORE_OK;
    }
    struct pg_params params = points_pack(log, p, count);
    return pg_step_add(log, SQL_KPI_REMOVE, &params, err);
}

static void put_point(struct pg_params *params, const struct kpi_point *p)
{
    pg_put_bytes(params, text_bytes(p->app));
    pg_put_bytes(params, text_bytes(p->metric));
    pg_put_bytes(params, text_bytes(p->bucket));
    pg_put_bytes(params, text_bytes(p->env));
    pg_put_bytes(params, text_bytes(p->tags));
    pg_put_int(params, p->t);
}

enum store_result pg_kpi_scan(void *log, const struct kpi_point *from,
                              const struct kpi_point *until, size_t limit, kpi_visit *visit,
                              void *arg, struct mete_err *err)
{
    struct pg_params params = pg_of_book(log);
    put_point(&params, from);
    put_point(&params, until);
    pg_put_int(&params, limit < INT32_MAX ? (int64_t)limit : INT32_MAX);
    PGresult *r = pg_query_settled(log, SQL_KPI_SCAN, &params, err);
    bool go_on = r != NULL;
    for (int row = 0; go_on && row < PQntuples(r); row++) {
        struct kpi_point p;
        read_point(r, row, &p);
        go_on = visit(arg, &p);
    }
    enum store_result result = r != NULL ? STORE_OK : STORE_FAILED;
    PQclear(r);
    return result;
}

/* --- insights ----------------------------------------------------------------------------------*/

static struct pg_params insights_pack(const struct pg_log *l, const struct insight *in,
                                      size_t count)
{
    struct buf b = {0};
    for (size_t i = 0; i < count; i++) {
        put_number(&b, "kind", (int64_t)in[i].kind);
        put_hex(&b, "app", text_bytes(in[i].app));
        put_hex(&b, "env", text_bytes(in[i].env));
        put_hex(&b, "id", text_bytes(in[i].id));
        put_number(&b, "t", in[i].t);
        put_hex(&b, "type", text_bytes(in[i].type));
        put_hex(&b, "severity", text_bytes(in[i].severity));
        put_hex(&b, "message", text_bytes(in[i].message));
        put_hex(&b, "data", text_bytes(in[i].data));
        put_hex(&b, "sha256", (struct bytes){in[i].sha256.b, sizeof in[i].sha256.b});
        put_number(&b, "received_at", in[i].received_at);
        buf_put_u8(&b, '}');
    }
    return params_of(l, &b);
}

static enum store_result damaged(struct mete_err *err)
{
    (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "a hash in the store is damaged");
    return STORE_FAILED;
}

static void insight_name(struct buf *b, const struct insight *i)
{
    buf_reset(b);
    buf_put_varint(b, (uint64_t)i->kind);
    buf_put_sized(b, i->app);
    buf_put_sized(b, i->env);
    buf_put_sized(b, i->id);
}

/** A row of SQL_INSIGHT_FIND; false: its hash is damaged. */
static bool read_found(const PGresult *r, int row, struct insight *i)
{
    *i = (struct insight){.kind = (enum insight_kind)pg_int(r, row, 0),
                          .app = bytes_text(pg_bytes(r, row, 1)),
                          .t = pg_int(r, row, 2),
                          .env = bytes_text(pg_bytes(r, row, 3)),
                          .id = bytes_text(pg_bytes(r, row, 4)),
                          .received_at = pg_int(r, row, 6)};
    return pg_hash(r, row, 5, &i->sha256);
}

enum store_result pg_insight_find(void *log, const struct insight *want, size_t count,
                                  struct insight *found, struct mete_err *err)
{
    bool whole = true;
    if (count == 0) {
        return STORE_OK;
    }
    struct names names = names_new(count);
    for (size_t i = 0; i < count; i++) {
        found[i] = (struct insight){.received_at = TIME_NEVER};
        insight_name(&names.name, &want[i]);
        names_add(&names, i);
    }
    struct pg_params params = insights_pack(log, want, count);
    PGresult *r = pg_query_settled(log, SQL_INSIGHT_FIND, &params, err);
    for (int row = 0; r != NULL && whole && row < PQntuples(r); row++) {
        struct insight i;
        whole = read_found(r, row, &i);
        insight_name(&names.name, &i);
        for (size_t at = names_last(&names); at != 0; at = names.before[at - 1]) {
            found[at - 1].t = i.t;
            found[at - 1].sha256 = i.sha256;
            found[at - 1].received_at = i.received_at;
        }
    }
    names_free(&names);
    enum store_result result = r != NULL ? STORE_OK : STORE_FAILED;
    PQclear(r);
    return whole ? result : damaged(err);
}

enum store_result pg_insight_put(void *log, const struct insight *in, size_t count,
                                 struct mete_err *err)
{
    if (count == 0) {
        return STORE_OK;
    }
    struct pg_params params = insights_pack(log, in, count);
    return pg_step_add(log, SQL_INSIGHT_PUT, &params, err);
}

enum store_result pg_insight_remove(void *log, const struct insight *in, size_t count,
                                    struct mete_err *err)
{
    if (count == 0) {
        return STORE_OK;
    }
    struct pg_params params = insights_pack(log, in, count);
    return pg_step_add(log, SQL_INSIGHT_REMOVE, &params, err);
}

static void put_moment(struct pg_params *params, const struct insight *i)
{
    pg_put_int(params, (int64_t)i->kind);
    pg_put_bytes(params, text_bytes(i->app));
    pg_put_int(params, i->t);
    pg_put_bytes(params, text_bytes(i->env));
    pg_put_bytes(params, text_bytes(i->id));
}

static bool read_insight(const PGresult *r, int row, struct insight *i)
{
    *i = (struct insight){.kind = (enum insight_kind)pg_int(r, row, 0),
                          .app = bytes_text(pg_bytes(r, row, 1)),
                          .env = bytes_text(pg_bytes(r, row, 2)),
                          .id = bytes_text(pg_bytes(r, row, 3)),
                          .t = pg_int(r, row, 4),
                          .type = bytes_text(pg_bytes(r, row, 5)),
                          .severity = bytes_text(pg_bytes(r, row, 6)),
                          .message = bytes_text(pg_bytes(r, row, 7)),
                          .data = bytes_text(pg_bytes(r, row, 8)),
                          .received_at = pg_int(r, row, 10)};
    return pg_hash(r, row, 9, &i->sha256);
}

enum store_result pg_insight_scan(void *log, const struct insight *from,
                                  const struct insight *until, size_t limit, insight_visit *visit,
                                  void *arg, struct mete_err *err)
{
    struct pg_params params = pg_of_book(log);
    put_moment(&params, from);
    put_moment(&params, until);
    pg_put_int(&params, limit < INT32_MAX ? (int64_t)limit : INT32_MAX);
    PGresult *r = pg_query_settled(log, SQL_INSIGHT_SCAN, &params, err);
    bool whole = true;
    bool go_on = r != NULL;
    for (int row = 0; go_on && row < PQntuples(r); row++) {
        struct insight i;
        whole = read_insight(r, row, &i);
        go_on = whole && visit(arg, &i);
    }
    enum store_result result = r != NULL ? STORE_OK : STORE_FAILED;
    PQclear(r);
    return whole ? result : damaged(err);
}
