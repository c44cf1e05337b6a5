/* SPDX-License-Identifier: Apache-2.0
 * Spreads the tables of a prepared database over a Citus cluster: what leads with book_id by
 * book_id, all in one co-location group, so that a book is on one machine; the rest everywhere.
 * Invariant: a table is distributed after all that it refers to, and what was done is found and
 * left alone, so that a broken run is run again. Triggers go: the rights of the role hold. */
#include "base/text.h"
#include "store/postgres/postgres.h"
#include "store/postgres/prepare.h"

static const char SQL_CITUS[] =
    "select cast(count(*) as bigint) from pg_extension where extname = 'citus'";
/* 'h': by hash; 'n' and 't': everywhere. Anything else is a table that Citus only knows of. */
static const char SQL_PLACED[] =
    "select cast(c.relname as text), cast(p.partmethod as text), cast(p.repmodel as text) "
    "from pg_dist_partition p, pg_class c "
    "where c.oid = p.logicalrelid and c.relnamespace = cast('mete' as regnamespace)";
static const char SQL_AT_WORK[] =
    "select owner from mete.lease where owner <> '' and expires_at > clock_timestamp() "
    "order by book_id limit 1";

enum place { PLACE_LOCAL, PLACE_EVERYWHERE, PLACE_BY_BOOK };

#define GUARD(name, table) "drop trigger if exists " name " on mete." table
#define PLAIN(table, column)                                                                       \
    "alter table mete." table " alter column " column " set storage external"

/* In the order in which they refer to one another. The first by book begins the group. */
static const struct {
    const char *name;
    enum place place;
    const char *before[3]; /* said once, while it is still an ordinary table */
} tables[] = {
    {"book", PLACE_EVERYWHERE, {NULL}},
    {"schema_migrations", PLACE_EVERYWHERE, {NULL}},
    {"api_key", PLACE_EVERYWHERE, {GUARD("only_ended", "api_key"), GUARD("ends_once", "api_key")}},
    {"lease", PLACE_BY_BOOK, {NULL}},
    {"book_state", PLACE_BY_BOOK, {NULL}},
    {"event",
     PLACE_BY_BOOK,
     {GUARD("append_only", "event"), PLAIN("event", "event"), PLAIN("event", "decision")}},
    {"page", PLACE_BY_BOOK, {GUARD("append_only", "page"), PLAIN("page", "decision")}},
    {"tree_node", PLACE_BY_BOOK, {GUARD("append_only", "tree_node")}},
    {"checkpoint", PLACE_BY_BOOK, {GUARD("append_only", "checkpoint")}},
    {"sealed", PLACE_BY_BOOK, {GUARD("only_erased", "sealed")}},
    {"quarantine", PLACE_BY_BOOK, {NULL}},
    {"meta", PLACE_BY_BOOK, {NULL}},
    {"segment", PLACE_BY_BOOK, {NULL}},
    {"block", PLACE_BY_BOOK, {PLAIN("block", "data")}},
    {"merge", PLACE_BY_BOOK, {NULL}},
    {"inbox", PLACE_BY_BOOK, {NULL}},
    {"answer", PLACE_BY_BOOK, {NULL}},
    {"kpi", PLACE_BY_BOOK, {NULL}},
    {"insight", PLACE_BY_BOOK, {NULL}},
};

#define FIRST_BY_BOOK "lease"

struct run {
    struct pg_conn conn;
    enum place now[ARRAY_LEN(tables)];
    bool dry;
    struct buf *sql;
};

/* --- what is there -----------------------------------------------------------------------------*/

static enum mete_code extension_check(struct run *run, struct mete_err *err)
{
    PGresult *r = pg_send(&run->conn, SQL_CITUS, NULL);
    enum mete_code code = METE_OK;
    if (!pg_ok(r)) {
        code = pg_fail(&run->conn, r, err, "the extensions");
    } else if (pg_int(r, 0, 0) == 0) {
        code = mete_fail(err, METE_STORE_FAILED, NULL,
                         "this database has no Citus: its superuser says create extension citus; "
                         "on one server of PostgreSQL nothing has to be distributed");
    }
    PQclear(r);
    return code;
}

static enum mete_code at_work_check(struct run *run, struct mete_err *err)
{
    PGresult *r = pg_send(&run->conn, SQL_AT_WORK, NULL);
    enum mete_code code = METE_OK;
    if (!pg_ok(r)) {
        code = pg_fail(&run->conn, r, err, "the leases");
    } else if (PQntuples(r) > 0) {
        struct text owner = pg_text(r, 0, 0);
        code = mete_fail(err, METE_STORE_BUSY, NULL,
                         "a process is at work on this database (%.*s): stop all of them first",
                         (int)owner.len, owner.p);
    }
    PQclear(r);
    return code;
}

static enum place place_read(const PGresult *r, int row)
{
    struct text method = pg_text(r, row, 1);
    bool everywhere = text_is(method, "n") && text_is(pg_text(r, row, 2), "t");
    return text_is(method, "h") ? PLACE_BY_BOOK : everywhere ? PLACE_EVERYWHERE : PLACE_LOCAL;
}

static enum mete_code places_read(struct run *run, struct mete_err *err)
{
    PGresult *r = pg_send(&run->conn, SQL_PLACED, NULL);
    enum mete_code code = pg_ok(r) ? METE_OK : pg_fail(&run->conn, r, err, "the placement");
    for (int row = 0; code == METE_OK && row < PQntuples(r); row++) {
        for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
            if (text_is(pg_text(r, row, 0), tables[i].name)) {
                run->now[i] = place_read(r, row);
            }
        }
    }
    for (size_t i = 0; code == METE_OK && i < ARRAY_LEN(tables); i++) {
        if (run->now[i] != PLACE_LOCAL && run->now[i] != tables[i].place) {
            code = mete_fail(err, METE_STORE_FAILED, NULL,
                             "mete.%s is distributed in another way than this program needs: say "
                             "undistribute_table('mete.%s') first",
                             tables[i].name, tables[i].name);
        }
    }
    PQclear(r);
    return code;
}

/* --- saying it ---------------------------------------------------------------------------------*/

static enum mete_code say(struct run *run, const char *sql, struct mete_err *err)
{
    PGresult *r = run->dry ? NULL : PQexec(run->conn.c, sql);
    enum mete_code code =
        run->dry || pg_ok(r) ? METE_OK : pg_fail(&run->conn, r, err, "distributing");
    PQclear(r);
    if (code == METE_OK) {
        buf_printf(run->sql, "%s;\n", sql);
    }
    return code;
}

static enum mete_code place_one(struct run *run, size_t i, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    struct buf sql = {0};
    for (size_t k = 0; code == METE_OK && k < ARRAY_LEN(tables[i].before); k++) {
        code = tables[i].before[k] != NULL ? say(run, tables[i].before[k], err) : METE_OK;
    }
    if (tables[i].place == PLACE_EVERYWHERE) {
        buf_printf(&sql, "select create_reference_table('mete.%s')", tables[i].name);
    } else {
        bool first = text_is(text_of(tables[i].name), FIRST_BY_BOOK);
        buf_printf(&sql,
                   "select create_distributed_table('mete.%s', 'book_id', colocate_with => '%s')",
                   tables[i].name, first ? "none" : "mete." FIRST_BY_BOOK);
    }
    buf_put_u8(&sql, 0);
    code = code == METE_OK ? say(run, (const char *)sql.p, err) : code;
    buf_clear(&sql);
    return code;
}

enum mete_code postgres_distribute(const char *url, bool dry, struct buf *sql, struct mete_err *err)
{
    struct run run = {.conn = {.url = url}, .dry = dry, .sql = sql};
    enum mete_code code = pg_connect(&run.conn, err);
    code = code == METE_OK ? extension_check(&run, err) : code;
    code = code == METE_OK ? pg_migrate(&run.conn, false, 0, err) : code;
    code = code == METE_OK ? places_read(&run, err) : code;
    code = code == METE_OK && !dry ? at_work_check(&run, err) : code;
    for (size_t i = 0; code == METE_OK && i < ARRAY_LEN(tables); i++) {
        code = run.now[i] == PLACE_LOCAL ? place_one(&run, i, err) : METE_OK;
    }
    pg_disconnect(&run.conn);
    return code;
}
