/* SPDX-License-Identifier: Apache-2.0
 * Looks for a database that was lost, on a thread of its own, so that whoever cannot wait need not:
 * connecting may take seconds. Invariant: at most one connection is found and not taken. */
#include "store/postgres/postgres.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define PAUSE_FIRST_MS 10u
#define PAUSE_MS       250u

struct pg_finder {
    struct pg_conn conn; /* of the thread, while it looks */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool wanted;
    bool stop;
    int socket;          /* of a connection that is just being tried; -1: none */
    unsigned pause_ms;   /* before it tries again */
    PGconn *found;       /* NULL: not yet */
    struct mete_err why; /* it was not found when it was last tried */
};

static void wait_until(struct pg_finder *f, int64_t at_ms)
{
    const struct timespec t = steady_at(at_ms * 1000);
    (void)pthread_cond_timedwait(&f->changed, &f->lock, &t);
}

static void pause_a_while(struct pg_finder *f)
{
    int64_t until = steady_now() / 1000 + f->pause_ms;
    f->pause_ms = f->pause_ms * 2 < PAUSE_MS ? f->pause_ms * 2 : PAUSE_MS;
    while (!f->stop && steady_now() / 1000 < until) {
        wait_until(f, until);
    }
}

/** pg_finder_stop breaks it off by this. */
static void socket_note(struct pg_finder *f, int socket)
{
    pthread_mutex_lock(&f->lock);
    f->socket = socket;
    pthread_mutex_unlock(&f->lock);
}

/** A pooler lets everybody in: whether there is a database behind it, a statement tells. */
static bool connect_and_try(struct pg_finder *f, struct mete_err *why)
{
    if (pg_connect(&f->conn, why) != METE_OK) {
        return false;
    }
    socket_note(f, PQsocket(f->conn.c));
    PGresult *r = pg_send(&f->conn, "select 1", NULL);
    bool answers = pg_ok(r);
    if (!answers) {
        (void)pg_fail(&f->conn, r, why, "the database");
    }
    PQclear(r);
    socket_note(f, -1);
    if (!answers) {
        pg_disconnect(&f->conn);
    }
    return answers;
}

/** With the lock, which is free while it connects. */
static void try_once(struct pg_finder *f)
{
    struct mete_err why;
    pthread_mutex_unlock(&f->lock);
    bool found = connect_and_try(f, &why);
    pthread_mutex_lock(&f->lock);
    if (found) {
        f->found = f->conn.c;
        f->conn.c = NULL;
        f->wanted = false;
    } else {
        f->why = why;
    }
    pthread_cond_broadcast(&f->changed);
}

static void *find(void *arg)
{
    struct pg_finder *f = arg;
    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        if (!f->wanted) {
            pthread_cond_wait(&f->changed, &f->lock);
            continue;
        }
        try_once(f);
        if (f->wanted) {
            pause_a_while(f);
        }
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

struct pg_finder *pg_finder_start(const char *url)
{
    struct pg_finder *f = calloc(1, sizeof *f);
    METE_ASSERT(f != NULL);
    f->conn.url = url;
    f->socket = -1;
    (void)mete_fail(&f->why, METE_STORE_FAILED, NULL, "the database: no connection yet");
    METE_ASSERT(pthread_mutex_init(&f->lock, NULL) == 0);
    steady_cond_init(&f->changed);
    METE_ASSERT(pthread_create(&f->thread, NULL, find, f) == 0);
    return f;
}

void pg_finder_stop(struct pg_finder *f)
{
    if (f == NULL) {
        return;
    }
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    if (f->socket >= 0) {
        (void)shutdown(f->socket, SHUT_RDWR);
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    PQfinish(f->found);
    pg_disconnect(&f->conn);
    free(f);
}

enum mete_code pg_finder_take(struct pg_finder *f, struct pg_conn *conn, int64_t wait_ms,
                              struct mete_err *err)
{
    int64_t until = steady_now() / 1000 + wait_ms;
    pg_disconnect(conn);
    pthread_mutex_lock(&f->lock);
    if (!f->wanted && f->found == NULL) {
        f->wanted = true;
        f->pause_ms = PAUSE_FIRST_MS;
        pthread_cond_broadcast(&f->changed);
    }
    while (f->found == NULL && steady_now() / 1000 < until) {
        wait_until(f, until);
    }
    conn->c = f->found;
    f->found = NULL;
    enum mete_code code = conn->c != NULL ? METE_OK : f->why.code;
    if (code != METE_OK) {
        *err = f->why;
    }
    pthread_mutex_unlock(&f->lock);
    return code;
}
