/* SPDX-License-Identifier: Apache-2.0
 * Small helpers over libpq, so that the other files read like their SQL. */
#include "store/postgres/postgres.h"

#include <stdlib.h>
#include <string.h>

/* Of the server's catalog; they never change. */
#define OID_BYTEA 17
#define OID_INT8  20
#define OID_TEXT  25

/** The next parameter, whose bytes follow in `data`. */
static void put_head(struct pg_params *p, Oid type, size_t len)
{
    METE_ASSERT(p->count < PG_PARAMS_MAX && len <= INT32_MAX);
    p->type[p->count] = type;
    p->at[p->count] = p->data.len;
    p->length[p->count] = (int)len;
    p->count++;
}

static void put(struct pg_params *p, Oid type, struct bytes b)
{
    put_head(p, type, b.len);
    buf_put(&p->data, b.p, b.len);
}

void pg_put_int(struct pg_params *p, int64_t v)
{
    put_head(p, OID_INT8, sizeof v);
    buf_put_be64(&p->data, (uint64_t)v);
}

void pg_put_bytes(struct pg_params *p, struct bytes b)
{
    put(p, OID_BYTEA, b);
}

void pg_put_hash(struct pg_params *p, const struct hash *h)
{
    put(p, OID_BYTEA, (struct bytes){h->b, sizeof h->b});
}

void pg_put_text(struct pg_params *p, struct text t)
{
    put(p, OID_TEXT, (struct bytes){(const uint8_t *)t.p, t.len});
}

void pg_put_null(struct pg_params *p)
{
    put(p, 0, (struct bytes){0});
    p->length[p->count - 1] = -1;
}

struct pg_params pg_of_book(const struct pg_log *l)
{
    struct pg_params p = {0};
    pg_put_int(&p, l->book_id);
    return p;
}

void pg_params_clear(struct pg_params *p)
{
    buf_clear(&p->data);
    p->count = 0;
}

PGresult *pg_send(struct pg_conn *conn, const char *sql, const struct pg_params *p)
{
    static const struct pg_params none;
    const char *value[PG_PARAMS_MAX];
    int format[PG_PARAMS_MAX];
    if (conn->c == NULL) {
        return NULL;
    }
    p = p != NULL ? p : &none;
    for (int i = 0; i < p->count; i++) {
        const char *data = p->data.p != NULL ? (const char *)p->data.p : "";
        value[i] = p->length[i] < 0 ? NULL : data + p->at[i];
        format[i] = 1;
    }
    return PQexecParams(conn->c, sql, p->count, p->type, value, p->length, format, 1);
}

static uint64_t be_of(const uint8_t *p, int len)
{
    uint64_t v = 0;
    for (int i = 0; i < len; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

/* bigint always: what counts and sums give is cast in the SQL. */
int64_t pg_int(const PGresult *r, int row, int column)
{
    METE_ASSERT(PQgetlength(r, row, column) == 8);
    return (int64_t)be_of((const uint8_t *)PQgetvalue(r, row, column), 8);
}

bool pg_bool(const PGresult *r, int row, int column)
{
    METE_ASSERT(PQgetlength(r, row, column) == 1);
    return PQgetvalue(r, row, column)[0] != 0;
}

struct bytes pg_bytes(const PGresult *r, int row, int column)
{
    return (struct bytes){(const uint8_t *)PQgetvalue(r, row, column),
                          (size_t)PQgetlength(r, row, column)};
}

struct text pg_text(const PGresult *r, int row, int column)
{
    return (struct text){PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

bool pg_hash(const PGresult *r, int row, int column, struct hash *out)
{
    struct bytes b = pg_bytes(r, row, column);
    if (b.len != sizeof out->b) {
        return false;
    }
    memcpy(out->b, b.p, sizeof out->b);
    return true;
}

uint64_t pg_changed(PGresult *r)
{
    uint64_t n = 0;
    for (const char *p = PQcmdTuples(r); *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
    }
    return n;
}
