/* SPDX-License-Identifier: Apache-2.0
 * Opening store and book. A writer holds the lease of each book that it has open; a reader holds
 * one snapshot for as long as it has a book open. */
#include "base/text.h"
#include "store/postgres/postgres.h"
#include "store/postgres/prepare.h"

#include <stdlib.h>
#include <string.h>

#define BOOK_ID_MAX  (INT64_C(1) << 22)
#define CREATE_TRIES 20u
/* As long as a server takes to come back after a crash or a promotion. */
#define PATIENCE_MS 60000u

static const char SQL_BOOKS[] = "select name from mete.book order by book_id";
static const char SQL_BOOK_FIND[] = "select book_id from mete.book where name = $1";
static const char SQL_BOOK_ADD[] =
    "insert into mete.book (book_id, name, created_at) "
    "select coalesce(max(book_id), 0) + 1, $1, $2 from mete.book returning book_id";
static const char SQL_STATE_ADD[] =
    "insert into mete.book_state (book_id, flushed_seq, flushed_page, quarantine_last) "
    "values ($1, 0, 0, 0)";
static const char SQL_LEASE_ADD[] =
    "insert into mete.lease (book_id, token, owner, expires_at, commits) "
    "values ($1, 0, '', clock_timestamp(), 0)";
static const char SQL_STATE_GET[] =
    "select flushed_seq, flushed_page from mete.book_state where book_id = $1";
static const char SQL_STATE_SET[] =
    "update mete.book_state set flushed_seq = $2, flushed_page = $3 where book_id = $1";
static const char SQL_EVENT_LAST[] =
    "select seq, recorded_at from mete.event where book_id = $1 order by seq desc limit 1";
static const char SQL_PAGE_LAST[] =
    "select number from mete.page where book_id = $1 order by number desc limit 1";
static const char SQL_COMMITS[] = "select token, commits from mete.lease where book_id = $1";
static const char SQL_SNAPSHOT[] = "begin isolation level repeatable read read only";

/* --- the store ---------------------------------------------------------------------------------*/

static void store_free(void *store)
{
    struct pg_store *s = store;
    pg_renewer_stop(s->renewer);
    pg_finder_stop(s->finder);
    pg_disconnect(&s->conn);
    pg_group_free(&s->group);
    free(s->url);
    free(s);
}

static enum mete_code store_open_url(void **out, const char *url, const struct store_options *o,
                                     struct mete_err *err)
{
    struct pg_store *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->url = strdup(url);
    METE_ASSERT(s->url != NULL);
    s->conn.url = s->url;
    s->read_only = o->read_only;
    s->no_wait = o->no_wait;
    s->patience_ms = o->patience_ms != 0 ? o->patience_ms : PATIENCE_MS;
    s->lease_ms = o->lease_ms != 0 ? o->lease_ms : PG_LEASE_MS;
    s->now = o->now;
    if (o->node != NULL) {
        (void)text_copy(s->node, sizeof s->node, text_of(o->node));
    } else {
        store_node_name(s->node);
    }
    enum mete_code code = pg_connect(&s->conn, err);
    if (code == METE_OK) {
        code = pg_migrate(&s->conn, o->create && !o->read_only, o->now, err);
    }
    if (code == METE_OK && o->patience_ms != 0) {
        s->finder = pg_finder_start(s->url);
    }
    if (code != METE_OK) {
        store_free(s);
        return code;
    }
    *out = s;
    return METE_OK;
}

static enum store_result store_names(void *store, struct arena *a, struct text **names,
                                     size_t *count, struct mete_err *err)
{
    PGresult *r = pg_query(store, SQL_BOOKS, &(struct pg_params){0}, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    *count = (size_t)PQntuples(r);
    *names = arena_array(a, *count + 1, sizeof **names); /* the last place ends the list */
    for (size_t i = 0; i < *count; i++) {
        (*names)[i] = arena_text(a, pg_text(r, (int)i, 0));
    }
    PQclear(r);
    return STORE_OK;
}

/* --- making a book -----------------------------------------------------------------------------*/

/** *id stays 0 when there is no such book. */
static enum mete_code book_find(struct pg_store *s, struct text name, int64_t *id,
                                struct mete_err *err)
{
    struct pg_params p = {0};
    pg_put_text(&p, name);
    PGresult *r = pg_query(s, SQL_BOOK_FIND, &p, err);
    if (r == NULL) {
        return err->code;
    }
    *id = PQntuples(r) == 1 ? pg_int(r, 0, 0) : 0;
    PQclear(r);
    return METE_OK;
}

static PGresult *book_insert(struct pg_store *s, struct text name, int64_t *id)
{
    static const char *const rows[] = {SQL_STATE_ADD, SQL_LEASE_ADD};
    struct pg_params p = {0};
    pg_put_text(&p, name);
    pg_put_int(&p, s->now);
    PGresult *r = pg_send(&s->conn, SQL_BOOK_ADD, &p);
    pg_params_clear(&p);
    *id = pg_ok(r) && PQntuples(r) == 1 ? pg_int(r, 0, 0) : 0;
    for (size_t i = 0; i < ARRAY_LEN(rows) && pg_ok(r); i++) {
        PQclear(r);
        pg_put_int(&p, *id);
        r = pg_send(&s->conn, rows[i], &p);
        pg_params_clear(&p);
    }
    return r;
}

/** Two processes may make books, even the same book, at once: one of them tries again. */
static enum mete_code book_create(struct pg_store *s, struct text name, int64_t *id,
                                  struct mete_err *err)
{
    enum mete_code code = METE_OK;
    for (unsigned tries = 0; tries < CREATE_TRIES; tries++) {
        code = book_find(s, name, id, err);
        if (code != METE_OK || *id != 0) {
            return code != METE_OK
                       ? code
                       : mete_fail(err, METE_STORE_EXISTS, NULL, "the book exists already");
        }
        PQclear(PQexec(s->conn.c, "begin"));
        PGresult *r = book_insert(s, name, id);
        bool fine = pg_ok(r) && *id < BOOK_ID_MAX;
        bool again = pg_said(r, "23505") || pg_outcome_of(&s->conn, r) != PG_FINAL;
        code = fine ? METE_OK : pg_fail(&s->conn, r, err, "making a book");
        PQclear(r);
        r = PQexec(s->conn.c, fine ? "commit" : "rollback");
        if (fine && !pg_ok(r)) {
            code = pg_fail(&s->conn, r, err, "making a book");
            again = pg_outcome_of(&s->conn, r) == PG_AGAIN;
        }
        PQclear(r);
        if (code == METE_OK || !again) {
            return code;
        }
        pg_sleep_ms(5u * tries);
    }
    return code;
}

/* --- opening a book ----------------------------------------------------------------------------*/

static void snapshot_end(struct pg_store *s)
{
    if (s->read_only && s->snapshots == 0 && pg_is_connected(&s->conn)) {
        PQclear(PQexec(s->conn.c, "commit"));
    }
}

static void log_free(void *log)
{
    struct pg_log *l = log;
    pg_rollback(l);
    pg_lease_release(l);
    if (l->store->read_only && l->store->snapshots > 0) { /* else it rests */
        l->store->snapshots--;
        snapshot_end(l->store);
    }
    PQclear(l->row);
    PQclear(l->block);
    buf_clear(&l->copied);
    free(l);
}

/** The server may have closed a connection that rested: once more, on a new one. */
static enum mete_code snapshot_begin(struct pg_store *s, struct mete_err *err)
{
    enum mete_code code = METE_STORE_FAILED;
    if (!s->read_only || s->snapshots > 0) {
        return METE_OK;
    }
    for (unsigned tries = 0; code != METE_OK && tries < 2; tries++) {
        code = pg_is_connected(&s->conn) ? METE_OK : pg_connect(&s->conn, err);
        if (code != METE_OK) {
            return code;
        }
        PGresult *r = PQexec(s->conn.c, SQL_SNAPSHOT);
        code = pg_ok(r) ? METE_OK : pg_fail(&s->conn, r, err, "read");
        PQclear(r);
        if (code != METE_OK) {
            pg_disconnect(&s->conn);
        }
    }
    return code;
}

static enum mete_code book_id_get(struct pg_store *s, struct text name, bool create, int64_t *id,
                                  struct mete_err *err)
{
    if (name.len > 0 && memchr(name.p, 0, name.len) != NULL) {
        return mete_fail(err, METE_TEXT_LENGTH, NULL, "the name of a book has no zero byte");
    }
    if (create && !s->read_only) {
        return book_create(s, name, id, err);
    }
    enum mete_code code = book_find(s, name, id, err);
    if (code == METE_OK && *id == 0) {
        code = mete_fail(err, METE_STORE_MISSING, NULL, "there is no such book in this store");
    }
    return code;
}

static enum mete_code log_open(void **log, void *store, struct text name, bool create,
                               struct mete_err *err)
{
    struct pg_store *s = store;
    int64_t id = 0;
    enum mete_code code = snapshot_begin(s, err);
    if (code != METE_OK) {
        return code;
    }
    s->snapshots += s->read_only; /* it has no second time */
    code = book_id_get(s, name, create, &id, err);
    if (code != METE_OK) {
        s->snapshots -= s->read_only;
        snapshot_end(s);
        return code;
    }
    struct pg_log *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL);
    l->store = s;
    l->book_id = id;
    code = s->read_only ? METE_OK : pg_lease_take(l, err);
    if (code != METE_OK) {
        log_free(l);
        return code;
    }
    *log = l;
    return METE_OK;
}

/* --- what is there -----------------------------------------------------------------------------*/

/** Up to two numbers of the first row that a statement about this book gives; zeros: none. */
static enum store_result numbers_of(struct pg_log *l, const char *sql, int64_t out[2],
                                    struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query_settled(l, sql, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    for (int i = 0; i < 2; i++) {
        out[i] = PQntuples(r) > 0 && i < PQnfields(r) ? pg_int(r, 0, i) : 0;
    }
    PQclear(r);
    return STORE_OK;
}

static enum store_result find(void *log, struct log_found *out, struct mete_err *err)
{
    struct pg_log *l = log;
    int64_t event[2];
    int64_t page[2];
    int64_t flushed[2];
    *out = (struct log_found){0};
    if (pg_lease_check(l, err) != STORE_OK || pg_lease_follow(l, err) != STORE_OK ||
        numbers_of(l, SQL_EVENT_LAST, event, err) != STORE_OK ||
        numbers_of(l, SQL_PAGE_LAST, page, err) != STORE_OK ||
        numbers_of(l, SQL_STATE_GET, flushed, err) != STORE_OK) {
        return STORE_FAILED;
    }
    out->size = (uint64_t)event[0];
    out->recorded_at = event[1];
    out->pages = (uint64_t)page[0];
    out->flushed_size = (uint64_t)flushed[0];
    out->flushed_pages = (uint64_t)flushed[1];
    if (out->flushed_size > out->size || out->flushed_pages > out->pages) {
        (void)mete_fail(err, METE_STORE_CORRUPT, NULL, "the log is shorter than what follows it");
        return STORE_FAILED;
    }
    return STORE_OK;
}

static enum store_result flushed(void *log, uint64_t size, uint64_t pages, struct mete_err *err)
{
    struct pg_log *l = log;
    struct pg_params p = pg_of_book(l);
    pg_put_int(&p, (int64_t)size);
    pg_put_int(&p, (int64_t)pages);
    return pg_step_add(l, SQL_STATE_SET, &p, err);
}

static enum store_result commit(void *log, struct mete_err *err)
{
    return pg_commit(log, err);
}

static void rollback(void *log)
{
    pg_rollback(log);
}

/* --- a reader's snapshots ----------------------------------------------------------------------*/

static enum store_result commits_read(struct pg_log *l, int64_t *writer, int64_t *commits,
                                      struct mete_err *err)
{
    struct pg_params p = pg_of_book(l);
    PGresult *r = pg_query(l->store, SQL_COMMITS, &p, err);
    if (r == NULL) {
        return STORE_FAILED;
    }
    bool there = PQntuples(r) == 1;
    *writer = there ? pg_int(r, 0, 0) : -1;
    *commits = there ? pg_int(r, 0, 1) : -1;
    PQclear(r);
    return STORE_OK;
}

static void rest(void *log)
{
    struct pg_log *l = log;
    struct mete_err unused;
    METE_ASSERT(l->store->read_only && l->store->snapshots == 1);
    if (commits_read(l, &l->writer, &l->commits, &unused) != STORE_OK) {
        l->writer = -1; /* no such number: moved, whatever it will be */
    }
    l->store->snapshots = 0;
    snapshot_end(l->store);
}

static enum store_result wake(void *log, bool *moved, struct mete_err *err)
{
    struct pg_log *l = log;
    int64_t writer;
    int64_t commits;
    enum mete_code code = snapshot_begin(l->store, err);
    l->store->snapshots = 1;
    if (code != METE_OK || commits_read(l, &writer, &commits, err) != STORE_OK) {
        return STORE_FAILED;
    }
    if (writer != l->writer) { /* perhaps of a database that lacks what was read here */
        (void)mete_fail(err, METE_STORE_FAILED, NULL, "the book has another writer: open it anew");
        return STORE_FAILED;
    }
    *moved = commits != l->commits;
    return STORE_OK;
}

static const struct log_port pg_log_port = {
    .find = find,
    .close = log_free,
    .held = pg_lease_check,
    .append = pg_append,
    .append_page = pg_append_page,
    .commit = commit,
    .rollback = rollback,
    .row = pg_row,
    .recorded_at = pg_recorded_at,
    .page = pg_page,
    .page_count = pg_page_count,
    .scan = pg_scan,
    .scan_pages = pg_scan_pages,
    .node_put = pg_node_put,
    .nodes = pg_nodes,
    .state = &pg_state_port,
    .flushed = flushed,
    .rest = rest,
    .wake = wake,
    .checkpoint_add = pg_checkpoint_add,
    .checkpoints = pg_checkpoints,
    .seal_add = pg_seal_add,
    .seals = pg_seals,
    .seal_erase = pg_seal_erase,
    .quarantine_add = pg_quarantine_add,
    .quarantine_remove = pg_quarantine_remove,
    .quarantine = pg_quarantine,
    .quarantine_count = pg_quarantine_count,
    .meta_get = pg_meta_get,
    .meta_set = pg_meta_set,
    .metas = pg_metas,
    .kpi_find = pg_kpi_find,
    .kpi_put = pg_kpi_put,
    .kpi_remove = pg_kpi_remove,
    .kpi_scan = pg_kpi_scan,
    .insight_find = pg_insight_find,
    .insight_put = pg_insight_put,
    .insight_remove = pg_insight_remove,
    .insight_scan = pg_insight_scan,
    .inbox_claim = pg_inbox_claim,
    .inbox_answer = pg_inbox_answer,
};

const struct store_port postgres_store_port = {
    .open = store_open_url,
    .close = store_free,
    .books = store_names,
    .book_open = log_open,
    .log = &pg_log_port,
    .keys = &postgres_api_keys,
    .is_remote = true,
    .prepare = postgres_prepare,
    .distribute = postgres_distribute,
};
