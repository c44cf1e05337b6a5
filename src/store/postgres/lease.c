/* SPDX-License-Identifier: Apache-2.0
 * Who writes a book. A lease is a row with a token that only grows. Its holder confirms it with
 * every commit, and between commits from a thread of its own; when it is not confirmed in time,
 * another process takes it, and what the old one still tries finds another token. All times are
 * those of the database: now(), the beginning of the transaction, where rows are changed, for Citus
 * takes no volatile function there; so a lease is never longer than its holder believes. */
#include "store/postgres/postgres.h"

#include "base/text.h"
#include "store/steady.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEASES_MAX 4096u
#define LOOK_MS    50u
#define LOST_MAX   5u    /* connections that break while it is taken */
#define WAIT_MS    30000 /* for a row that is free, and locked by who cannot be ended */
#define RENEWED_MS 100   /* an expiry this much later than it was is another one */
#define SHARE_OF   3u    /* of its time, after which a lease is confirmed */

/** How long a lease is sure for its holder. The rest is for clocks that do not run alike, and for
 *  the time between a statement's beginning and its effect. */
static int64_t sure_ms(unsigned lease_ms)
{
    return lease_ms - lease_ms / 6;
}

/* Operators get exactly the types that they are made for: for others one of the same name that
 * somebody put into the schema `public` could fit better. */
static const char SQL_TAKE_BEGIN[] = "begin; set local lock_timeout = 1000";
static const char SQL_TAKE[] =
    "update mete.lease set token = token + 1, owner = $2, "
    "expires_at = now() + cast($3 as double precision) * interval '1 millisecond' "
    "where book_id = $1 and (expires_at <= now() or owner = $2) "
    "returning token, commits";
/* Its holder is just committing: not frozen, perhaps slow. */
static const char SQL_TAKE_IF_FREE[] =
    "update mete.lease set token = token + 1, owner = $2, "
    "expires_at = now() + cast($3 as double precision) * interval '1 millisecond' "
    "where book_id = $1 and (expires_at <= now() or owner = $2) and book_id in "
    "(select book_id from mete.lease where book_id = $1 for update skip locked) "
    "returning token, commits";
static const char SQL_LOOK[] =
    "select token, owner, "
    "cast(extract(epoch from (expires_at - clock_timestamp()) * cast(1000 as double precision)) "
    "as bigint) "
    "from mete.lease where book_id = $1";
static const char SQL_COUNTED[] = "select token, commits from mete.lease where book_id = $1";
/* Of a process that stopped in the midst of a transaction: what it wrote is not visible, but others
 * would wait for it. One whose server is at work for it, or that says something now and then, is
 * slow and lives: ended again and again, its group would never be done. Not every database of the
 * family has this; there its own bounds must do. */
static const char SQL_END_SESSION[] =
    "select cast(count(pg_terminate_backend(pid)) as bigint) from pg_stat_activity "
    "where datname = current_database() and application_name = $1 and pid <> pg_backend_pid() "
    "and wait_event_type = 'Client' and state_change < clock_timestamp() - "
    "cast($2 as double precision) * interval '1 millisecond'";
/* A standby that was promoted may lack the last commits, and with them who has the book. */
static const char SQL_RENEW[] =
    "update mete.lease set expires_at = now() + cast($3 as double precision) * "
    "interval '1 millisecond' "
    "where book_id = $1 and token = $2 and commits >= $4 and owner = $5";
/* Who is just committing confirms by that; what was given back in the meantime stays so. */
static const char SQL_RENEW_IF_FREE[] =
    "update mete.lease set expires_at = now() + cast($3 as double precision) * "
    "interval '1 millisecond' "
    "where book_id = $1 and token = $2 and commits >= $4 and owner = $5 and book_id in "
    "(select book_id from mete.lease where book_id = $1 and token = $2 for update skip locked)";
static const char SQL_RELEASE[] = "update mete.lease set owner = '', expires_at = now() "
                                  "where book_id = $1 and token = $2";

struct held {
    int64_t book_id;
    int64_t token;
    int64_t commits; /* of the book, as far as this process knows; -1: as before */
    int64_t sure_until_ms;
};

struct pg_renewer {
    char *url;
    struct pg_conn conn;
    const char *node; /* the store's */
    unsigned lease_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct held held[LEASES_MAX];
    size_t count;
    bool stop;
};

int64_t pg_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t); /* a machine that slept must notice */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pg_sleep_ms(unsigned ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* --- the thread that confirms ------------------------------------------------------------------*/

static void confirmed(struct pg_renewer *r, const struct held *now)
{
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        struct held *h = &r->held[i];
        if (h->book_id == now->book_id && h->token == now->token) {
            h->sure_until_ms = now->sure_until_ms;
            h->commits = now->commits >= 0 ? now->commits : h->commits;
        }
    }
    pthread_mutex_unlock(&r->lock);
}

static struct pg_params renew_params(const struct pg_renewer *r, const struct held *h)
{
    struct pg_params p = {0};
    pg_put_int(&p, h->book_id);
    pg_put_int(&p, h->token);
    pg_put_int(&p, r->lease_ms);
    pg_put_int(&p, h->commits);
    pg_put_text(&p, text_of(r->node));
    return p;
}

static void renew(struct pg_renewer *r, const struct held *h)
{
    struct mete_err err;
    if (!pg_is_connected(&r->conn) && pg_connect(&r->conn, &err) != METE_OK) {
        return;
    }
    int64_t asked_ms = pg_now_ms();
    struct pg_params p = renew_params(r, h);
    PGresult *result = pg_send(&r->conn, SQL_RENEW_IF_FREE, &p);
    if (pg_ok(result) && pg_changed(result) == 1) {
        struct held now = *h;
        now.commits = -1;
        now.sure_until_ms = asked_ms + sure_ms(r->lease_ms);
        confirmed(r, &now);
    }
    PQclear(result);
    pg_params_clear(&p);
}

static void wait_a_while(struct pg_renewer *r)
{
    const struct timespec until = steady_after(r->lease_ms / SHARE_OF);
    while (!r->stop && pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0) {
    }
}

static void *renew_all(void *arg)
{
    struct pg_renewer *r = arg;
    pthread_mutex_lock(&r->lock);
    for (wait_a_while(r); !r->stop; wait_a_while(r)) {
        for (size_t i = 0; i < r->count && !r->stop; i++) {
            struct held h = r->held[i];
            pthread_mutex_unlock(&r->lock);
            renew(r, &h);
            pthread_mutex_lock(&r->lock);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static struct pg_renewer *renewer_start(const struct pg_store *s)
{
    struct pg_renewer *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    r->url = strdup(s->conn.url);
    METE_ASSERT(r->url != NULL);
    r->conn.url = r->url;
    r->lease_ms = s->lease_ms;
    r->node = s->node;
    METE_ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
    steady_cond_init(&r->changed);
    METE_ASSERT(pthread_create(&r->thread, NULL, renew_all, r) == 0);
    return r;
}

void pg_renewer_stop(struct pg_renewer *r)
{
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    pg_disconnect(&r->conn);
    free(r->url);
    free(r);
}

static void held_add(struct pg_log *l, int64_t until_ms)
{
    struct pg_store *s = l->store;
    if (s->renewer == NULL) {
        s->renewer = renewer_start(s);
    }
    struct pg_renewer *r = s->renewer;
    pthread_mutex_lock(&r->lock);
    METE_ASSERT(r->count < LEASES_MAX);
    r->held[r->count++] = (struct held){l->book_id, l->token, l->commits, until_ms};
    pthread_mutex_unlock(&r->lock);
}

/** What the database must have from now on. */
static void held_count(struct pg_log *l)
{
    struct pg_renewer *r = l->store->renewer;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        if (r->held[i].book_id == l->book_id) {
            r->held[i].commits = l->commits;
        }
    }
    pthread_mutex_unlock(&r->lock);
}

static void held_remove(struct pg_log *l)
{
    struct pg_renewer *r = l->store->renewer;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        if (r->held[i].book_id == l->book_id) {
            r->held[i] = r->held[--r->count];
            break;
        }
    }
    pthread_mutex_unlock(&r->lock);
}

/* --- taking ------------------------------------------------------------------------------------*/

/** What the row of a lease says. */
struct seen {
    int64_t token;
    int64_t left_ms;
    int64_t at_ms;
    char owner[STORE_NODE_MAX];
};

static enum mete_code look(struct pg_log *l, struct seen *out, struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    out->at_ms = pg_now_ms();
    PGresult *r = pg_query(l->store, SQL_LOOK, &p, err);
    if (r == NULL) {
        return err->code;
    }
    enum mete_code code = METE_OK;
    if (PQntuples(r) == 1) {
        out->token = pg_int(r, 0, 0);
        (void)text_copy(out->owner, sizeof out->owner, pg_text(r, 0, 1));
        out->left_ms = pg_int(r, 0, 2);
    } else {
        code = mete_fail(err, METE_STORE_CORRUPT, NULL, "the book has no row for its lease");
    }
    PQclear(r);
    return code;
}

static void session_name(int64_t book_id, int64_t token, struct buf *out)
{
    buf_printf(out, "mete/%lld/%lld", (long long)book_id, (long long)token);
}

/** Ends what is left of the last holder's transaction. False: nothing is, or it is at work. */
static bool session_end(struct pg_log *l, int64_t token)
{
    struct buf name = {0};
    struct pg_params p = {0};
    session_name(l->book_id, token, &name);
    pg_put_text(&p, buf_text(&name));
    pg_put_int(&p, l->store->lease_ms);
    PGresult *r = pg_send(&l->store->conn, SQL_END_SESSION, &p);
    bool ended = pg_ok(r) && pg_int(r, 0, 0) > 0;
    PQclear(r);
    pg_params_clear(&p);
    buf_clear(&name);
    return ended;
}

/** *taken: the row was free, and is ours. A failure that may pass is none. With `wait`, who has it
 *  locked is about to end. */
static enum mete_code take_once(struct pg_log *l, bool wait, bool *taken, struct mete_err *err)
{
    struct pg_store *s = l->store;
    struct pg_params p = {0};
    int64_t asked_ms = pg_now_ms();
    pg_put_int(&p, l->book_id);
    pg_put_text(&p, text_of(s->node));
    pg_put_int(&p, s->lease_ms);
    PQclear(PQexec(s->conn.c, SQL_TAKE_BEGIN));
    PGresult *r = pg_send(&s->conn, wait ? SQL_TAKE : SQL_TAKE_IF_FREE, &p);
    pg_params_clear(&p);
    enum mete_code code = METE_OK;
    *taken = pg_ok(r) && PQntuples(r) == 1;
    int64_t token = *taken ? pg_int(r, 0, 0) : 0;
    int64_t commits = *taken ? pg_int(r, 0, 1) : 0;
    if (!pg_ok(r) && !pg_said(r, "55P03") && pg_outcome_of(&s->conn, r) == PG_FINAL) {
        code = pg_fail(&s->conn, r, err, "lease");
    }
    PQclear(r);
    r = PQexec(s->conn.c, *taken ? "commit" : "rollback");
    *taken = *taken && pg_ok(r); /* if it arrived all the same, it is taken from ourselves next */
    PQclear(r);
    if (*taken) {
        l->token = token;
        l->commits = commits;
        held_add(l, asked_ms + sure_ms(s->lease_ms));
    }
    return code;
}

static enum mete_code busy(const struct seen *seen, struct mete_err *err)
{
    return mete_fail(err, METE_STORE_BUSY, NULL,
                     "the book is being written by another process (%s)", seen->owner);
}

enum mete_code pg_lease_take(struct pg_log *l, struct mete_err *err)
{
    struct seen first = {0};
    struct seen now;
    bool taken = false;
    unsigned lost = 0;
    for (;;) {
        enum mete_code code = look(l, &now, err);
        if (code != METE_OK) {
            return code;
        }
        bool free = now.left_ms <= 0 || strcmp(now.owner, l->store->node) == 0;
        bool ended = free && now.owner[0] != '\0' && session_end(l, now.token);
        code = free ? take_once(l, ended, &taken, err) : METE_OK;
        if (code != METE_OK || taken) {
            return code;
        }
        if (!pg_is_connected(&l->store->conn) && lost++ < LOST_MAX) {
            continue; /* nobody said no */
        }
        if (first.at_ms == 0) {
            first = now;
        }
        /* whoever lives confirms it long before it expires */
        int64_t expected_ms = first.left_ms - (now.at_ms - first.at_ms);
        bool lives = !free && (now.token != first.token || now.left_ms > expected_ms + RENEWED_MS);
        if (l->store->no_wait || lives || now.at_ms - first.at_ms > WAIT_MS) {
            return busy(&now, err);
        }
        pg_sleep_ms(LOOK_MS);
    }
}

void pg_lease_release(struct pg_log *l)
{
    struct pg_store *s = l->store;
    if (l->token == 0) {
        return;
    }
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, l->token);
    PQclear(pg_send(&s->conn, SQL_RELEASE, &p)); /* if it fails, it expires */
    pg_params_clear(&p);
    held_remove(l);
    l->token = 0;
}

/* --- holding -----------------------------------------------------------------------------------*/

void pg_lease_begin_sql(const struct pg_log *l, struct buf *out)
{
    unsigned ms = l->store->lease_ms;
    buf_printf(out, "begin; set local idle_in_transaction_session_timeout = %u; ", ms);
    buf_put_str(out, "set local application_name = '");
    session_name(l->book_id, l->token, out);
    buf_printf(
        out,
        "'; update mete.lease set commits = commits + 1, expires_at = now() + "
        "interval '%u milliseconds' where book_id = %lld and token = %lld and commits = %lld",
        ms, (long long)l->book_id, (long long)l->token, (long long)l->commits);
    buf_put_u8(out, 0);
}

enum mete_code pg_lease_lost(const struct pg_log *l, struct mete_err *err)
{
    const struct held h = {l->book_id, l->token, l->commits, 0};
    confirmed(l->store->renewer, &h);
    return mete_fail(err, METE_STORE_BUSY, NULL,
                     "another process has taken the book over; nothing was written");
}

static bool is_ours(const struct pg_log *l, const PGresult *r)
{
    return PQntuples(r) == 1 && pg_int(r, 0, 0) == l->token;
}

void pg_lease_refused(const struct pg_log *l, struct mete_err *err)
{
    struct pg_conn *conn = &l->store->conn;
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_send(conn, SQL_COUNTED, &p);
    pg_params_clear(&p);
    if (!pg_ok(r)) {
        (void)pg_fail(conn, r, err, "begin");
    } else if (!is_ours(l, r)) {
        (void)pg_lease_lost(l, err);
    } else {
        (void)mete_fail(err, METE_STORE_FAILED, NULL,
                        pg_int(r, 0, 1) < l->commits
                            ? "the database lacks groups that it had: a standby without them took "
                              "its place; nothing was written"
                            : "the database has a group of which nobody could say whether it "
                              "arrived; nothing was written");
    }
    PQclear(r);
}

enum store_result pg_lease_follow(struct pg_log *l, struct mete_err *err)
{
    if (l->token == 0) {
        return STORE_OK;
    }
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query(l->store, SQL_COUNTED, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool ours = is_ours(l, r);
    if (ours) {
        l->commits = pg_int(r, 0, 1);
        held_count(l);
    } else {
        (void)pg_lease_lost(l, err);
    }
    PQclear(r);
    return ours ? STORE_OK : STORE_FAILED;
}

void pg_lease_confirmed(struct pg_log *l, int64_t asked_ms)
{
    const struct held h = {l->book_id, l->token, l->commits,
                           asked_ms + sure_ms(l->store->lease_ms)};
    confirmed(l->store->renewer, &h);
}

bool pg_lease_is_sure(const struct pg_log *l)
{
    struct pg_renewer *r = l->store->renewer;
    bool sure = false;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++) {
        if (r->held[i].book_id == l->book_id && r->held[i].token == l->token) {
            sure = pg_now_ms() < r->held[i].sure_until_ms;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return sure;
}

enum store_result pg_lease_check(void *log, struct mete_err *err)
{
    struct pg_log *l = log;
    if (l->token == 0 || l->store->group.log == l) {
        return STORE_OK;
    }
    if (!pg_is_there(l->store, err)) {
        return STORE_FAILED;
    }
    if (pg_lease_is_sure(l)) {
        return STORE_OK;
    }
    const struct held h = {l->book_id, l->token, l->commits, 0};
    struct pg_params p = renew_params(l->store->renewer, &h);
    bool in_group = l->store->group.begun; /* of another book, which may roll it back */
    int64_t asked_ms = pg_now_ms();
    PGresult *r = pg_query(l->store, SQL_RENEW, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool ours = pg_changed(r) == 1;
    PQclear(r);
    if (!ours) {
        (void)pg_lease_lost(l, err);
        return STORE_FAILED;
    }
    if (!in_group) {
        pg_lease_confirmed(l, asked_ms);
    }
    return STORE_OK;
}
