/* SPDX-License-Identifier: Apache-2.0
 * Connections, and what their failures mean. No password leaves this file: an address that cannot
 * be read is never repeated, and what libpq says is searched for it. */
#include "store/postgres/postgres.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void no_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

/** Overwrites every place where the password stands in `text`. */
static void hide(char *text, const char *secret)
{
    size_t len = secret == NULL ? 0 : strlen(secret);
    for (char *at = text; len > 0 && (at = strstr(at, secret)) != NULL; at += len) {
        memset(at, '*', len);
    }
}

/** The first line of what libpq says, without the password. */
static void words_of(const struct pg_conn *conn, const char *message, char out[160])
{
    size_t len = strcspn(message, "\n");
    (void)text_copy(out, 160, (struct text){message, len});
    hide(out, conn->c != NULL ? PQpass(conn->c) : NULL);
}

/** Said before and after an address: what stands before can be said otherwise there. */
static PGconn *open_address(const char *url)
{
    static const char *const name[] = {
        "connect_timeout",  "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "dbname",           "client_encoding",  NULL};
    const char *const value[] = {"5", "10", "5", "3", "20000", "mete", url, "UTF8", NULL};
    return PQconnectdbParams(name, value, 1);
}

/** libpq repeats pieces of an address that it cannot read, and the password is one of them. */
static bool address_is_readable(const char *url)
{
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);
    PQconninfoFree(parsed);
    return parsed != NULL;
}

enum mete_code pg_connect(struct pg_conn *conn, struct mete_err *err)
{
    pg_disconnect(conn);
    if (!address_is_readable(conn->url)) {
        return mete_fail(err, METE_USAGE, NULL,
                         "this is no address of a database: postgres://USER@HOST:PORT/DATABASE, "
                         "with %%XX for whatever means something in it");
    }
    conn->c = open_address(conn->url);
    if (PQstatus(conn->c) != CONNECTION_OK) {
        enum mete_code code = pg_fail(conn, NULL, err, "the database");
        pg_disconnect(conn);
        return code;
    }
    PQsetNoticeReceiver(conn->c, no_notice, NULL);
    return METE_OK;
}

void pg_disconnect(struct pg_conn *conn)
{
    PQfinish(conn->c);
    conn->c = NULL;
}

bool pg_is_connected(const struct pg_conn *conn)
{
    return conn->c != NULL && PQstatus(conn->c) == CONNECTION_OK;
}

bool pg_ok(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK || s == PGRES_COPY_IN;
}

static const char *state_of(const PGresult *r)
{
    const char *s = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return s == NULL ? "" : s;
}

bool pg_said(const PGresult *r, const char *sqlstate)
{
    return strcmp(state_of(r), sqlstate) == 0;
}

static bool is_one_of(const char *state, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strncmp(state, *list, strlen(*list)) == 0) {
            return true;
        }
    }
    return false;
}

enum pg_outcome pg_outcome_of(const struct pg_conn *conn, const PGresult *r)
{
    static const char *const again[] = {"40001", "40P01", NULL};
    /* shutdown, crash, starting up, idle for too long, a standby, the connection itself, and a
     * statement of which the server does not know whether it is complete */
    static const char *const lost[] = {"57P01", "57P02", "57P03", "25P03",
                                       "25006", "08",    "40003", NULL};
    const char *state = state_of(r);
    if (is_one_of(state, again)) {
        return PG_AGAIN;
    }
    /* Without a state it was not the server that spoke but libpq, which may call a connection sound
     * until it has read what the server said before it went. */
    bool by_libpq = state[0] == '\0';
    return !pg_is_connected(conn) || by_libpq || is_one_of(state, lost) ? PG_LOST : PG_FINAL;
}

enum mete_code pg_fail(const struct pg_conn *conn, const PGresult *r, struct mete_err *err,
                       const char *what)
{
    static const char *const damaged[] = {"XX001", "XX002", NULL};
    char words[160];
    const char *message = r != NULL ? PQresultErrorMessage(r) : "";
    if (message[0] == '\0') {
        message = conn->c != NULL ? PQerrorMessage(conn->c) : "no connection";
    }
    words_of(conn, message, words);
    return mete_fail(err, is_one_of(state_of(r), damaged) ? METE_STORE_CORRUPT : METE_STORE_FAILED,
                     NULL, "%s: %s", what, words);
}
