/* SPDX-License-Identifier: Apache-2.0
 * The database of tests/pg/with_postgres: emptied for each fixture, made by its owner, used by the
 * role of the application. */
#ifndef METE_TESTS_STORE_DATABASE_H
#define METE_TESTS_STORE_DATABASE_H

#include "base/text.h"
#include "base/types.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <libpq-fe.h>

/** The address of the application's role ("APP"), the owner's ("OWNER") or a superuser's; NULL:
 *  there is no database beside this test. */
static inline const char *database_url(const char *who)
{
    char name[32];
    snprintf(name, sizeof name, "METE_PG_%s", who);
    return getenv(name);
}

static inline void database_no_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

/** Runs SQL, and copies the first value of its answer to `out` (which may be NULL). Returns the
 *  SQLSTATE, "" when all went well. */
static inline const char *database_try(const char *who, const char *sql, char out[64])
{
    static char state[8];
    PGconn *c = PQconnectdb(database_url(who));
    PQsetNoticeReceiver(c, database_no_notice, NULL);
    PGresult *r = PQexec(c, sql);
    const char *said = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    snprintf(state, sizeof state, "%s", said != NULL ? said : "");
    if (out != NULL) {
        snprintf(out, 64, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    }
    PQclear(r);
    PQfinish(c);
    return state;
}

static inline void database_run(const char *who, const char *sql, char out[64])
{
    const char *state = database_try(who, sql, out);
    if (state[0] != '\0') {
        fail_msg("%s: %s", sql, state);
    }
}

static inline void database_clear(void)
{
    struct mete_err err;
    database_run("SUPER", "drop schema if exists mete cascade", NULL);
    if (store_prepare(database_url("OWNER"), "mete_app", 1, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    struct buf said = {0};
    if (getenv("METE_PG_CITUS") != NULL &&
        store_distribute(database_url("OWNER"), false, &said, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    buf_clear(&said);
}

#endif
