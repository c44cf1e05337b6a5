/* SPDX-License-Identifier: Apache-2.0
 * The transaction of a group. Steps are kept until the commit has arrived: when the server gives
 * the transaction up or the connection breaks, they are played again under the same lease. Whether
 * a COMMIT without an answer arrived is read from the book's counter of commits. */
#include "store/postgres/postgres.h"

#include "base/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Queued bytes of a table that are sent while the group goes on: the server works beside us. */
#define SEND_AT    ((size_t)512 << 10)
#define FLUSH_EACH 16u /* events, between two looks whether the connection takes more */
#define TRIES_MAX  12u
#define BACKOFF_MS 3u
/* The wait for the end of a transaction whose COMMIT had no answer. */
#define RESOLVE_MS       10000u
#define RESOLVE_QUICK_MS 2000u
#define LATE_MAX         8u /* losses that a new connection heals at once, when patience is over */

/* The formats of COPY's binary form: a head, rows of (number of fields, each with its length), and
 * an end. */
static const uint8_t copy_head[19] = "PGCOPY\n\377\r\n";
static const uint8_t copy_end[] = {0xff, 0xff};

static const struct {
    const char *sql;
    uint16_t fields;
} copies[PG_TABLES] = {
    [PG_EVENT] = {"copy mete.event (book_id, seq, recorded_at, leaf, decision, signature, event) "
                  "from stdin (format binary)",
                  7},
    [PG_PAGE] = {"copy mete.page (book_id, number, seq, page, after_seq, recorded_at, sha256, "
                 "decision) from stdin (format binary)",
                 8},
    [PG_NODE] = {"copy mete.tree_node (book_id, level, number, hash) from stdin (format binary)",
                 4},
    [PG_BLOCK] = {"copy mete.block (book_id, number, data) from stdin (format binary)", 3},
    [PG_SEALED] = {"copy mete.sealed (book_id, seq, pointer, party, commitment, sealed) "
                   "from stdin (format binary)",
                   6},
};

static const char COMMIT_UNKNOWN_TAKEN[] =
    "another process has taken the book over during a commit: it is not known whether it arrived";

static const char SQL_RESOLVE[] =
    "select token, commits from mete.lease where book_id = $1 for update";

/* --- queueing ----------------------------------------------------------------------------------*/

void pg_group_open(struct pg_log *l)
{
    struct pg_group *g = &l->store->group;
    METE_ASSERT(g->log == NULL || g->log == l);
    g->log = l;
}

static struct pg_step *step_push(struct pg_group *g)
{
    if (g->count == g->cap) {
        g->cap = g->cap == 0 ? 16 : g->cap * 2;
        g->step = realloc(g->step, g->cap * sizeof *g->step);
        METE_ASSERT(g->step != NULL);
    }
    struct pg_step *step = &g->step[g->count++];
    *step = (struct pg_step){0};
    return step;
}

static void chunk_note(struct pg_group *g, size_t step)
{
    if (g->chunk_count == g->chunk_cap) {
        g->chunk_cap = g->chunk_cap == 0 ? 16 : g->chunk_cap * 2;
        g->chunk = realloc(g->chunk, g->chunk_cap * sizeof *g->chunk);
        METE_ASSERT(g->chunk != NULL);
    }
    g->chunk[g->chunk_count++] = step;
}

/** Makes a step of the queued rows of a table. */
static void table_seal(struct pg_group *g, enum pg_table table)
{
    if (g->pending[table].len == 0) {
        return;
    }
    struct pg_step *step = step_push(g);
    step->table = table;
    step->rows = g->pending[table];
    g->pending[table] = (struct buf){0};
    if (table == PG_EVENT) {
        chunk_note(g, g->count - 1);
    }
}

/** Makes steps of all queued rows: what follows comes after them. */
static void pending_seal(struct pg_group *g)
{
    for (size_t t = 0; t < PG_TABLES; t++) {
        table_seal(g, (enum pg_table)t);
    }
}

struct buf *pg_row_begin(struct pg_log *l, enum pg_table table)
{
    pg_group_open(l);
    struct buf *b = &l->store->group.pending[table];
    buf_put_be16(b, copies[table].fields);
    return b;
}

void pg_field_int(struct buf *b, int64_t v)
{
    buf_put_be32(b, sizeof v);
    buf_put_be64(b, (uint64_t)v);
}

void pg_field_bytes(struct buf *b, struct bytes v)
{
    METE_ASSERT(v.len <= INT32_MAX);
    buf_put_be32(b, (uint32_t)v.len);
    buf_put(b, v.p, v.len);
}

void pg_field_null(struct buf *b)
{
    buf_put_be32(b, UINT32_MAX);
}

bool pg_is_pending(const struct pg_log *l, enum pg_table table)
{
    const struct pg_group *g = &l->store->group;
    if (g->log != l || g->pending[table].len > 0) {
        return g->log == l;
    }
    for (size_t i = g->sent; i < g->count; i++) {
        if (g->step[i].sql == NULL && g->step[i].table == table) {
            return true;
        }
    }
    return false;
}

void pg_event_note(struct pg_log *l, uint64_t seq)
{
    struct pg_group *g = &l->store->group;
    pg_group_open(l);
    if (g->event_count == 0) {
        g->first_event = seq;
    }
    METE_ASSERT(seq == g->first_event + g->event_count);
    if (g->event_count == g->event_cap) {
        g->event_cap = g->event_cap == 0 ? 512 : g->event_cap * 2;
        g->event = realloc(g->event, g->event_cap * sizeof *g->event);
        METE_ASSERT(g->event != NULL);
    }
    g->event[g->event_count++] = (struct pg_place){g->chunk_count, g->pending[PG_EVENT].len};
}

struct bytes pg_queued_event(const struct pg_log *l, uint64_t seq)
{
    const struct pg_group *g = &l->store->group;
    if (g->log != l || seq < g->first_event || seq - g->first_event >= g->event_count) {
        return (struct bytes){0};
    }
    struct pg_place at = g->event[seq - g->first_event];
    const struct buf *rows =
        at.chunk < g->chunk_count ? &g->step[g->chunk[at.chunk]].rows : &g->pending[PG_EVENT];
    return (struct bytes){rows->p + at.at, rows->len - at.at};
}

/* --- playing -----------------------------------------------------------------------------------*/

/** Hands rows, all or none of them, to the connection, which goes on sending them while we do
 *  something else. NULL: they are under way, and rows_land reads the answer; else the failure. */
static PGresult *rows_start(struct pg_conn *conn, const struct pg_step *step)
{
    PGresult *r = PQexec(conn->c, copies[step->table].sql);
    if (PQresultStatus(r) != PGRES_COPY_IN) {
        return r;
    }
    bool put = PQsetnonblocking(conn->c, 1) == 0 && step->rows.len <= INT_MAX &&
               PQputCopyData(conn->c, (const char *)copy_head, sizeof copy_head) == 1 &&
               PQputCopyData(conn->c, (const char *)step->rows.p, (int)step->rows.len) == 1 &&
               PQputCopyData(conn->c, (const char *)copy_end, sizeof copy_end) == 1 &&
               PQputCopyEnd(conn->c, NULL) == 1;
    if (!put) {
        return r; /* the connection broke: no answer of this kind is a good one */
    }
    PQclear(r);
    (void)PQflush(conn->c);
    return NULL;
}

/** Waits for the answer to rows_start. */
static PGresult *rows_land(struct pg_conn *conn)
{
    (void)PQsetnonblocking(conn->c, 0);
    PGresult *r = PQgetResult(conn->c);
    for (PGresult *more; (more = PQgetResult(conn->c)) != NULL;) {
        PQclear(more);
    }
    return r;
}

/** Opens the transaction, locks the lease and finds our token in it. */
static enum pg_outcome begin(struct pg_log *l, struct mete_err *err)
{
    struct pg_store *s = l->store;
    struct buf sql = {0};
    if (!pg_is_connected(&s->conn)) {
        (void)pg_fail(&s->conn, NULL, err, "the database");
        return PG_LOST;
    }
    s->group.asked_ms = pg_now_ms();
    pg_lease_begin_sql(l, &sql);
    PGresult *r = PQexec(s->conn.c, (const char *)sql.p);
    buf_clear(&sql);
    enum pg_outcome o = PG_DONE;
    if (!pg_ok(r)) {
        o = pg_outcome_of(&s->conn, r);
        (void)pg_fail(&s->conn, r, err, "begin");
    } else if (pg_changed(r) != 1) {
        pg_lease_refused(l, err);
        o = PG_FINAL;
    }
    PQclear(r);
    s->group.begun = true; /* at least to be rolled back */
    s->group.sent = 0;
    return o;
}

/** A step that is played again must give what it gave at first: others rest on that. */
static enum pg_outcome step_compare(struct pg_step *step, PGresult *r, struct mete_err *err)
{
    uint64_t gave = pg_changed(r);
    bool same = !step->ran || gave == step->gave;
    step->ran = true;
    step->gave = gave;
    if (!same) {
        (void)mete_fail(err, METE_STORE_FAILED, NULL,
                        "what the group rests on has changed; nothing was written");
    }
    return same ? PG_DONE : PG_FINAL;
}

/** Counts a step that has its answer, or says why it is none. Keeps the answer of the last step in
 *  *last, when that is wanted. */
static enum pg_outcome step_note(struct pg_log *l, PGresult *r, PGresult **last,
                                 struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    enum pg_outcome o = PG_DONE;
    if (pg_ok(r)) {
        o = step_compare(&g->step[g->sent++], r, err);
    } else {
        o = pg_outcome_of(&l->store->conn, r);
        (void)pg_fail(&l->store->conn, r, err, "write");
    }
    if (o == PG_DONE && last != NULL && g->sent == g->count) {
        *last = r;
    } else {
        PQclear(r);
    }
    return o;
}

static enum pg_outcome land(struct pg_log *l, struct mete_err *err)
{
    l->store->group.flying = false;
    return step_note(l, rows_land(&l->store->conn), NULL, err);
}

/** Sends a step; after rows, the answer is still to come (`flying`). */
static enum pg_outcome step_send(struct pg_log *l, PGresult **last, struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    struct pg_conn *conn = &l->store->conn;
    const struct pg_step *step = &g->step[g->sent];
    if (step->sql != NULL) {
        return step_note(l, pg_send(conn, step->sql, &step->params), last, err);
    }
    PGresult *r = rows_start(conn, step);
    g->flying = r == NULL;
    return g->flying ? PG_DONE : step_note(l, r, NULL, err);
}

/** Sends the steps that the transaction lacks; *last: what the last of them gave. The answer to the
 *  last rows may still be to come. */
static enum pg_outcome play_on(struct pg_log *l, PGresult **last, struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    enum pg_outcome o = g->begun ? PG_DONE : begin(l, err);
    while (o == PG_DONE && g->sent + g->flying < g->count) {
        o = g->flying ? land(l, err) : PG_DONE;
        if (o == PG_DONE) {
            o = step_send(l, last, err);
        }
    }
    return o;
}

/** The same, and every step has its answer. */
static enum pg_outcome play(struct pg_log *l, PGresult **last, struct mete_err *err)
{
    enum pg_outcome o = play_on(l, last, err);
    return o == PG_DONE && l->store->group.flying ? land(l, err) : o;
}

/* --- when it fails -----------------------------------------------------------------------------*/

struct tries {
    unsigned count;
    unsigned late;
    int64_t until_ms; /* 0: nothing was lost yet */
};

static void transaction_end(struct pg_store *s)
{
    if (s->group.begun && pg_is_connected(&s->conn)) {
        (void)PQsetnonblocking(s->conn.c, 0); /* rows may be under way */
        PQclear(PQexec(s->conn.c, "rollback"));
    }
    s->group.begun = false;
    s->group.flying = false;
    s->group.sent = 0;
}

/** Once at least, and again as long as there is time. */
static bool reconnect(struct pg_store *s, const struct tries *t, struct mete_err *err)
{
    unsigned pause_ms = 20;
    for (;;) {
        if (pg_connect(&s->conn, err) == METE_OK) {
            return true;
        }
        if (pg_now_ms() >= t->until_ms) {
            return false;
        }
        pg_sleep_ms(pause_ms);
        pause_ms = pause_ms < 640 ? pause_ms * 2 : pause_ms;
    }
}

/** The finder's: it is not waited for while the database is known to be away. */
static bool find(struct pg_store *s, const struct tries *t, struct mete_err *err)
{
    int64_t left_ms = t->until_ms - pg_now_ms();
    left_ms = left_ms > (int64_t)s->patience_ms / 4 ? left_ms : (int64_t)s->patience_ms / 4;
    s->away = pg_finder_take(s->finder, &s->conn, s->away ? 0 : left_ms, err) != METE_OK;
    return !s->away;
}

bool pg_is_there(struct pg_store *s, struct mete_err *err)
{
    const struct tries at_once = {0};
    return !s->away || find(s, &at_once, err);
}

/** False: enough was tried; err says what was wrong. */
static bool recover(struct pg_store *s, enum pg_outcome o, struct tries *t, struct mete_err *err)
{
    if (o == PG_FINAL) {
        return false;
    }
    transaction_end(s);
    unsigned round = t->count < 6 ? t->count : 6;
    if (o == PG_AGAIN) {
        pg_sleep_ms(BACKOFF_MS << round);
        return ++t->count < TRIES_MAX;
    }
    int64_t now = pg_now_ms();
    t->until_ms = t->until_ms == 0 ? now + s->patience_ms : t->until_ms;
    pg_disconnect(&s->conn);
    if (now >= t->until_ms && ++t->late > LATE_MAX) {
        return false;
    }
    return s->finder != NULL ? find(s, t, err) : reconnect(s, t, err);
}

/** Plays until the transaction has every step; with `wait` until every step has its answer. */
static enum store_result settle(struct pg_log *l, PGresult **last, bool wait, struct mete_err *err)
{
    struct tries t = {0};
    enum pg_outcome o;
    while ((o = wait ? play(l, last, err) : play_on(l, last, err)) != PG_DONE) {
        if (!recover(l->store, o, &t, err)) {
            return STORE_FAILED;
        }
    }
    return STORE_OK;
}

enum store_result pg_row_end(struct pg_log *l, enum pg_table table, struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    if (g->pending[table].len >= SEND_AT) {
        table_seal(g, table);
        return settle(l, NULL, false, err);
    }
    if (g->flying && g->event_count % FLUSH_EACH == 0) {
        (void)PQflush(l->store->conn.c); /* what is wrong with it is found when it lands */
    }
    return STORE_OK;
}

/* --- statements --------------------------------------------------------------------------------*/

enum store_result pg_step_add(struct pg_log *l, const char *sql, struct pg_params *p,
                              struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    (void)err;
    pg_group_open(l);
    pending_seal(g);
    struct pg_step *step = step_push(g);
    step->sql = sql;
    step->params = *p;
    *p = (struct pg_params){0};
    return STORE_OK;
}

PGresult *pg_step_run(struct pg_log *l, const char *sql, struct pg_params *p, struct mete_err *err)
{
    PGresult *r = NULL;
    if (pg_step_add(l, sql, p, err) != STORE_OK || settle(l, &r, true, err) != STORE_OK) {
        PQclear(r);
        return NULL;
    }
    return r;
}

PGresult *pg_query(struct pg_store *s, const char *sql, struct pg_params *p, struct mete_err *err)
{
    struct tries t = {0};
    struct pg_log *group = s->group.begun ? s->group.log : NULL;
    PGresult *r = NULL;
    if (s->group.flying && settle(s->group.log, NULL, true, err) != STORE_OK) {
        pg_params_clear(p);
        return NULL;
    }
    for (;;) {
        r = pg_send(&s->conn, sql, p);
        if (pg_ok(r)) {
            break;
        }
        enum pg_outcome o = pg_outcome_of(&s->conn, r);
        (void)pg_fail(&s->conn, r, err, "read");
        PQclear(r);
        r = NULL;
        bool gone = s->snapshots > 0 || !recover(s, o, &t, err); /* a snapshot has no second time */
        if (gone || (group != NULL && settle(group, NULL, true, err) != STORE_OK)) {
            break;
        }
    }
    pg_params_clear(p);
    return r;
}

PGresult *pg_query_settled(struct pg_log *l, const char *sql, struct pg_params *p,
                           struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    if (g->log == l) {
        pending_seal(g);
        if (g->count > 0 && settle(l, NULL, true, err) != STORE_OK) {
            pg_params_clear(p);
            return NULL;
        }
    }
    return pg_query(l->store, sql, p, err);
}

/* --- the end of a group ------------------------------------------------------------------------*/

static void group_end(struct pg_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        buf_clear(&g->step[i].rows);
        pg_params_clear(&g->step[i].params);
    }
    for (size_t t = 0; t < PG_TABLES; t++) {
        buf_reset(&g->pending[t]);
    }
    g->count = 0;
    g->sent = 0;
    g->chunk_count = 0;
    g->event_count = 0;
    g->begun = false;
    g->flying = false;
    g->log = NULL;
}

void pg_group_free(struct pg_group *g)
{
    group_end(g);
    for (size_t t = 0; t < PG_TABLES; t++) {
        buf_clear(&g->pending[t]);
    }
    free(g->step);
    free(g->chunk);
    free(g->event);
}

void pg_rollback(struct pg_log *l)
{
    struct pg_store *s = l->store;
    l->quarantine_known = false;
    if (s->group.log == l) {
        transaction_end(s);
        group_end(&s->group);
    }
}

/** Reads the counter under the lease's lock, which the old transaction has while it lives.
 * Committed like any write: after that, a synchronous standby has what was found here as well. */
static bool counter_read(struct pg_log *l, int64_t *token, int64_t *commits)
{
    struct pg_conn *conn = &l->store->conn;
    struct pg_params p = pg_of_book(l);
    struct buf begin_sql = {0};
    buf_printf(&begin_sql, "begin; set local statement_timeout = %u",
               l->store->patience_ms < RESOLVE_MS ? RESOLVE_QUICK_MS : RESOLVE_MS);
    buf_put_u8(&begin_sql, 0);
    PQclear(PQexec(conn->c, (const char *)begin_sql.p));
    buf_clear(&begin_sql);
    PGresult *r = pg_send(conn, SQL_RESOLVE, &p);
    pg_params_clear(&p);
    bool known = pg_ok(r) && PQntuples(r) == 1;
    if (known) {
        *token = pg_int(r, 0, 0);
        *commits = pg_int(r, 0, 1);
    }
    PQclear(r);
    r = PQexec(conn->c, known ? "commit" : "rollback");
    known = known && pg_ok(r) && strcmp(PQcmdStatus(r), "COMMIT") == 0;
    PQclear(r);
    return known;
}

/** The COMMIT had no answer: a new connection waits until the old transaction is over, and looks
 *  whether it counted. PG_DONE: it did; PG_AGAIN: it did not; PG_FINAL: nobody can say, or another
 *  process has the book. */
static enum pg_outcome resolve(struct pg_log *l, struct mete_err *err)
{
    struct pg_store *s = l->store;
    struct tries t = {0};
    for (int64_t until = pg_now_ms() + s->patience_ms; pg_now_ms() < until;) {
        int64_t token;
        int64_t commits;
        if (!recover(s, PG_LOST, &t, err)) {
            break;
        }
        if (!counter_read(l, &token, &commits)) {
            continue;
        }
        if (token == l->token && commits == l->commits + 1) {
            return PG_DONE;
        }
        if (token == l->token && commits == l->commits) {
            return PG_AGAIN;
        }
        if (token == l->token) {
            pg_lease_refused(l, err);
            return PG_FINAL;
        }
        (void)pg_lease_lost(l, err);
        if (commits > l->commits) { /* ours may be one of them */
            (void)mete_fail(err, METE_STORE_BUSY, NULL, "%s", COMMIT_UNKNOWN_TAKEN);
        }
        return PG_FINAL;
    }
    (void)mete_fail(err, METE_STORE_FAILED, NULL,
                    "the database was lost during a commit: it is not known whether it arrived");
    return PG_FINAL;
}

static enum pg_outcome commit_send(struct pg_log *l, struct mete_err *err)
{
    struct pg_conn *conn = &l->store->conn;
    PGresult *r = PQexec(conn->c, "commit");
    enum pg_outcome o = PG_DONE;
    if (!pg_ok(r)) {
        o = pg_outcome_of(conn, r);
        (void)pg_fail(conn, r, err, "commit");
    } else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) {
        (void)mete_fail(err, METE_STORE_FAILED, NULL, "the database rolled the group back");
        o = PG_FINAL;
    }
    PQclear(r);
    if (o == PG_LOST) {
        l->store->group.begun = false;
        o = resolve(l, err);
    }
    return o;
}

enum store_result pg_commit(struct pg_log *l, struct mete_err *err)
{
    struct pg_group *g = &l->store->group;
    struct tries t = {0};
    if (g->log != l) {
        return STORE_OK;
    }
    pending_seal(g);
    for (;;) {
        enum pg_outcome o = play(l, NULL, err);
        o = o == PG_DONE ? commit_send(l, err) : o;
        if (o == PG_DONE) {
            l->commits++;
            pg_lease_confirmed(l, g->asked_ms);
            group_end(g);
            return STORE_OK;
        }
        if (!recover(l->store, o, &t, err)) {
            return STORE_FAILED;
        }
    }
}
