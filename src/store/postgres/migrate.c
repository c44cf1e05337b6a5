/* SPDX-License-Identifier: Apache-2.0
 * Schema versions: forward only, one transaction each, checked against what was applied; by the
 * role that owns the tables. Then the rights of the role that only runs the program. */
#include "base/text.h"
#include "crypto/hash.h"
#include "store/migrations/migration.h"
#include "store/postgres/postgres.h"
#include "store/postgres/prepare.h"

#include <string.h>

static const char SQL_APPLIED[] =
    "select version, name, sha256 from mete.schema_migrations order by version";
static const char SQL_FIRST[] = "create schema mete; "
                                "create table mete.schema_migrations ("
                                "version bigint primary key, " /* 1, 2, ... */
                                "name text not null, "         /* its folder */
                                "sha256 text not null, "       /* of its text, in hexadecimal */
                                "applied_at bigint not null"   /* time */
                                ")";
static const char SQL_NOTE[] = "insert into mete.schema_migrations (version, name, sha256, "
                               "applied_at) values ($1, $2, $3, $4)";
/* Changing rights or triggers of one table twice at once is an error: one after the other. */
static const char SQL_ALONE[] =
    "begin; select version from mete.schema_migrations where version = 1 for update";
/* What has triggers, as far as these are allowed: Citus has none on distributed tables. */
static const char SQL_GUARDED[] =
    "select cast(count(*) as bigint) from pg_extension where extname = 'citus'";
static const char SQL_VERSION[] = "select version()";

/* What the program needs: no more than to append to what is append-only. */
static const struct {
    const char *table;
    const char *rights;
} grants[] = {
    {"schema_migrations", "select"},
    {"book", "select, insert"},
    {"book_state", "select, insert, update"},
    {"lease", "select, insert, update"},
    {"event", "select, insert"},
    {"page", "select, insert"},
    {"tree_node", "select, insert"},
    {"checkpoint", "select, insert"},
    {"sealed", "select, insert, delete"},
    {"quarantine", "select, insert, update, delete"},
    {"meta", "select, insert, update"},
    {"segment", "select, insert, delete"},
    {"block", "select, insert, delete"},
    {"merge", "select, insert, update, delete"},
    {"inbox", "select, insert, update, delete"}, /* update: to lock a row */
    {"answer", "select, insert, delete"},
    {"api_key", "select, insert, update (revoked_at)"},
    {"kpi", "select, insert, update, delete"},
    {"insight", "select, insert, update, delete"},
};

static void sql_sha256(const struct migration *m, char hex[65])
{
    struct hash h = sha256(text_bytes(text_of(m->sql)));
    hash_hex(&h, hex);
}

/** Compares one applied migration with ours. */
static enum mete_code check_applied(int64_t version, struct text sha256, struct mete_err *err)
{
    char hex[65];
    if (version < 1 || (uint64_t)version > migrations_postgres_count) {
        return mete_fail(err, METE_STORE_NEWER, NULL,
                         "the store has schema version %lld, this program knows %zu",
                         (long long)version, migrations_postgres_count);
    }
    sql_sha256(&migrations_postgres[version - 1], hex);
    if (!text_is(sha256, hex)) {
        return mete_fail(err, METE_STORE_CORRUPT, NULL,
                         "schema version %lld of the store is not the one that was released",
                         (long long)version);
    }
    return METE_OK;
}

static enum mete_code applied_failed(const struct pg_conn *conn, const PGresult *r,
                                     struct mete_err *err)
{
    if (pg_said(r, "42P01") || pg_said(r, "3F000")) {
        return METE_OK; /* no such table or schema: nothing was applied */
    }
    if (pg_said(r, "42501")) {
        return mete_fail(err, METE_STORE_FAILED, NULL,
                         "this role may not use the store: its owner says mete store prepare "
                         "--role, with this role's name");
    }
    return pg_fail(conn, r, err, "the schema");
}

/** *version: the last one that was applied; 0: none. */
static enum mete_code read_applied(struct pg_conn *conn, int64_t *version, struct mete_err *err)
{
    PGresult *r = pg_send(conn, SQL_APPLIED, NULL);
    enum mete_code code = METE_OK;
    *version = 0;
    if (!pg_ok(r)) {
        code = applied_failed(conn, r, err);
        PQclear(r);
        return code;
    }
    for (int i = 0; code == METE_OK && i < PQntuples(r); i++) {
        int64_t found = pg_int(r, i, 0);
        code = check_applied(found, pg_text(r, i, 2), err);
        if (code == METE_OK && found != *version + 1) {
            code = mete_fail(err, METE_STORE_CORRUPT, NULL, "schema version %lld is missing",
                             (long long)*version + 1);
        }
        *version = found;
    }
    PQclear(r);
    return code;
}

/** Runs SQL of any number of statements, without parameters. */
static bool exec(struct pg_conn *conn, const char *sql, PGresult **failed)
{
    PGresult *r = PQexec(conn->c, sql);
    if (pg_ok(r)) {
        PQclear(r);
        return true;
    }
    PQclear(*failed);
    *failed = r;
    return false;
}

static bool note_applied(struct pg_conn *conn, const struct migration *m, mete_time now,
                         PGresult **failed)
{
    char hex[65];
    struct pg_params p = {0};
    sql_sha256(m, hex);
    pg_put_int(&p, m->version);
    pg_put_text(&p, text_of(m->name));
    pg_put_text(&p, text_of(hex));
    pg_put_int(&p, now);
    PGresult *r = pg_send(conn, SQL_NOTE, &p);
    pg_params_clear(&p);
    if (pg_ok(r)) {
        PQclear(r);
        return true;
    }
    PQclear(*failed);
    *failed = r;
    return false;
}

/** METE_STORE_BUSY: another process is doing the same. It is noted first: of two at once the second
 *  waits there, and has touched nothing. */
static enum mete_code apply_one(struct pg_conn *conn, const struct migration *m, mete_time now,
                                struct mete_err *err)
{
    PGresult *failed = NULL;
    enum mete_code code = METE_OK;
    bool done = exec(conn, "begin", &failed) &&
                (m->version > 1 || exec(conn, SQL_FIRST, &failed)) &&
                note_applied(conn, m, now, &failed) && exec(conn, m->sql, &failed) &&
                exec(conn, "commit", &failed);
    if (!done && pg_said(failed, "42501")) {
        code = mete_fail(err, METE_STORE_MISSING, NULL,
                         "this role may not make the tables: their owner says mete store prepare");
    } else if (!done && (pg_said(failed, "42P06") || pg_said(failed, "42P07") ||
                         pg_said(failed, "42710") || pg_said(failed, "23505"))) {
        code = mete_fail(err, METE_STORE_BUSY, NULL, "another process is making the tables");
    } else if (!done) {
        code = pg_fail(conn, failed, err, "the schema");
    }
    PQclear(failed);
    if (!done) {
        PQclear(PQexec(conn->c, "rollback"));
    }
    return code;
}

static bool has_triggers(struct pg_conn *conn)
{
    PGresult *citus = pg_send(conn, SQL_GUARDED, NULL);
    PGresult *version = pg_send(conn, SQL_VERSION, NULL);
    bool has = pg_ok(citus) && pg_int(citus, 0, 0) == 0 && pg_ok(version) &&
               text_starts(pg_text(version, 0, 0), "PostgreSQL");
    PQclear(citus);
    PQclear(version);
    return has;
}

static enum mete_code guard(struct pg_conn *conn, struct mete_err *err)
{
    PGresult *failed = NULL;
    enum mete_code code = METE_OK;
    if (has_triggers(conn) &&
        !(exec(conn, SQL_ALONE, &failed) && exec(conn, postgres_guard, &failed) &&
          exec(conn, "commit", &failed))) {
        code = pg_fail(conn, failed, err, "the triggers");
        PQclear(PQexec(conn->c, "rollback"));
    }
    PQclear(failed);
    return code;
}

static enum mete_code apply_missing(struct pg_conn *conn, int64_t version, mete_time now,
                                    struct mete_err *err)
{
    enum mete_code code = METE_OK;
    for (size_t i = (size_t)version; code == METE_OK && i < migrations_postgres_count; i++) {
        code = apply_one(conn, &migrations_postgres[i], now, err);
    }
    return code == METE_OK ? guard(conn, err) : code;
}

enum mete_code pg_migrate(struct pg_conn *conn, bool make, mete_time now, struct mete_err *err)
{
    int64_t version;
    enum mete_code code = METE_OK;
    for (unsigned tries = 0; tries < 50; tries++) {
        code = read_applied(conn, &version, err);
        if (code != METE_OK || (uint64_t)version == migrations_postgres_count) {
            return code;
        }
        if (version == 0 && !make) {
            return mete_fail(err, METE_STORE_MISSING, NULL, "this database holds no store");
        }
        if (!make) {
            return mete_fail(err, METE_STORE_FAILED, NULL,
                             "the store is older: its owner says mete store prepare");
        }
        code = apply_missing(conn, version, now, err);
        if (code != METE_STORE_BUSY) {
            return code;
        }
        pg_sleep_ms(100);
    }
    return code;
}

/* --- rights ------------------------------------------------------------------------------------*/

static enum mete_code grant_all(struct pg_conn *conn, const char *role, struct mete_err *err)
{
    struct buf sql = {0};
    buf_printf(&sql, "%s; grant usage on schema mete to %s", SQL_ALONE, role);
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        buf_printf(&sql, "; revoke all on mete.%s from %s; grant %s on mete.%s to %s",
                   grants[i].table, role, grants[i].rights, grants[i].table, role);
    }
    buf_put(&sql, "; commit", sizeof "; commit");
    PGresult *failed = NULL;
    enum mete_code code = METE_OK;
    if (!exec(conn, (const char *)sql.p, &failed)) {
        code = pg_fail(conn, failed, err, "the rights");
        PQclear(PQexec(conn->c, "rollback"));
    }
    PQclear(failed);
    buf_clear(&sql);
    return code;
}

static enum mete_code grant_to(struct pg_conn *conn, const char *role, struct mete_err *err)
{
    char *quoted = PQescapeIdentifier(conn->c, role, strlen(role));
    if (quoted == NULL) {
        return mete_fail(err, METE_USAGE, NULL, "this is no name of a role");
    }
    if (strcmp(role, PQuser(conn->c)) == 0) {
        PQfreemem(quoted);
        return mete_fail(err, METE_USAGE, NULL,
                         "%.60s owns the tables: give another role, which will only append", role);
    }
    enum mete_code code = grant_all(conn, quoted, err);
    PQfreemem(quoted);
    return code;
}

enum mete_code postgres_prepare(const char *url, const char *role, mete_time now,
                                struct mete_err *err)
{
    struct pg_conn conn = {.url = url};
    enum mete_code code = pg_connect(&conn, err);
    code = code == METE_OK ? pg_migrate(&conn, true, now, err) : code;
    code = code == METE_OK ? guard(&conn, err) : code;
    if (code == METE_OK && role != NULL) {
        code = grant_to(&conn, role, err);
    }
    pg_disconnect(&conn);
    return code;
}
