/* SPDX-License-Identifier: Apache-2.0
 * The store on a PostgreSQL server, for the files beside this one. One connection a store, one
 * transaction a group. What a group writes is kept until its commit is known to have arrived, so
 * that a transaction which the server gave up, or a connection that broke, can be played again. */
#ifndef METE_STORE_POSTGRES_POSTGRES_H
#define METE_STORE_POSTGRES_POSTGRES_H

#include "base/buf.h"
#include "store/port.h"

#include <libpq-fe.h>

/* --- connect.c: connections --------------------------------------------------------------------*/

struct pg_conn {
    PGconn *c;       /* NULL: none yet */
    const char *url; /* with the password: shown to nobody; whoever owns the connection owns it */
};

/** Connects, or connects again. METE_STORE_FAILED when the server cannot be reached now. */
enum mete_code pg_connect(struct pg_conn *conn, struct mete_err *err);
void pg_disconnect(struct pg_conn *conn);
bool pg_is_connected(const struct pg_conn *conn);

/* --- finder.c: a database that was lost --------------------------------------------------------*/

struct pg_finder;

struct pg_finder *pg_finder_start(const char *url);
/** Waits for a connection attempt that is under way. `f` may be NULL. */
void pg_finder_stop(struct pg_finder *f);
/** A new connection, which is looked for from now on until it is found: at most `wait_ms` are
 *  waited for it. METE_STORE_FAILED: not yet, and why. */
enum mete_code pg_finder_take(struct pg_finder *f, struct pg_conn *conn, int64_t wait_ms,
                              struct mete_err *err);

/* What became of a statement, and what comes next. */
enum pg_outcome {
    PG_DONE,
    PG_FINAL, /* doing it again would fail again */
    PG_AGAIN, /* the server gave the transaction up (40001, 40P01): it can be played again */
    PG_LOST   /* the connection broke or will */
};
/** Of a statement that failed: never PG_DONE. */
enum pg_outcome pg_outcome_of(const struct pg_conn *conn, const PGresult *r);
/** True when the server said this SQLSTATE. */
bool pg_said(const PGresult *r, const char *sqlstate);
/** Fills err from a failed result (NULL: from the connection). Returns its code. */
enum mete_code pg_fail(const struct pg_conn *conn, const PGresult *r, struct mete_err *err,
                       const char *what);
bool pg_ok(const PGresult *r);

/* --- query.c: parameters and columns -----------------------------------------------------------*/

#define PG_PARAMS_MAX 16

/** Parameters of one statement, all binary, copied. */
struct pg_params {
    int count;
    Oid type[PG_PARAMS_MAX];
    size_t at[PG_PARAMS_MAX];  /* in `data` */
    int length[PG_PARAMS_MAX]; /* -1: null */
    struct buf data;
};
void pg_put_int(struct pg_params *p, int64_t v);
void pg_put_bytes(struct pg_params *p, struct bytes b);
void pg_put_hash(struct pg_params *p, const struct hash *h);
void pg_put_text(struct pg_params *p, struct text t);
void pg_put_null(struct pg_params *p);
void pg_params_clear(struct pg_params *p);

/** One statement on a connection, by the protocol's unnamed statement: nothing is left behind on
 *  the server, so that a pooler may give each transaction another one. Columns come binary. */
PGresult *pg_send(struct pg_conn *conn, const char *sql, const struct pg_params *p);

int64_t pg_int(const PGresult *r, int row, int column);
bool pg_bool(const PGresult *r, int row, int column);
struct bytes pg_bytes(const PGresult *r, int row, int column);
struct text pg_text(const PGresult *r, int row, int column);
bool pg_hash(const PGresult *r, int row, int column, struct hash *out);
/** Rows that a statement has changed. */
uint64_t pg_changed(PGresult *r);

/* --- group.c: the transaction of a group -------------------------------------------------------*/

/* Tables that rows are copied into, in the order in which a group sends them. */
enum pg_table { PG_EVENT, PG_PAGE, PG_NODE, PG_BLOCK, PG_SEALED, PG_TABLES };

/** One step of a group: rows for a table, or a statement. */
struct pg_step {
    const char *sql; /* NULL: rows */
    enum pg_table table;
    struct buf rows;
    struct pg_params params;
    bool ran;      /* in this transaction or in one that was given up */
    uint64_t gave; /* rows that it gave or changed then */
};

/** Where a queued event stands: rows of which step, from which byte. */
struct pg_place {
    size_t chunk;
    size_t at;
};

struct pg_log;
/** The parameters of a statement about the log's book: its number is the first. */
struct pg_params pg_of_book(const struct pg_log *l);

struct pg_group {
    struct pg_log *log; /* whose group is open; NULL: none */
    bool begun;         /* a transaction is open */
    int64_t asked_ms;   /* when it was asked to open */
    struct buf pending[PG_TABLES];
    struct pg_step *step;
    size_t count;
    size_t cap;
    size_t sent;   /* steps that the open transaction has */
    bool flying;   /* the rows of the next step were sent, their answer was not read */
    size_t *chunk; /* steps that hold events */
    size_t chunk_count;
    size_t chunk_cap;
    struct pg_place *event; /* queued events, from first_event on */
    size_t event_count;
    size_t event_cap;
    uint64_t first_event;
};

struct pg_store {
    char *url;
    struct pg_conn conn;
    struct pg_renewer *renewer; /* NULL: no lease was taken yet */
    struct pg_finder *finder;   /* NULL: its owner may wait for the database (patience_ms) */
    bool away;                  /* the database was lost, and not found in time */
    char node[STORE_NODE_MAX];  /* how this process calls itself in a lease */
    bool read_only;
    bool no_wait; /* a lease that somebody has is not waited for */
    unsigned patience_ms;
    unsigned lease_ms;
    unsigned snapshots; /* read-only books open */
    mete_time now;
    struct pg_group group;
};

struct pg_log {
    struct pg_store *store;
    int64_t book_id;
    int64_t token;     /* of the lease; 0: none */
    int64_t commits;   /* of the book, ours included */
    int64_t writer;    /* of a reader that rests: the token of who wrote the book then */
    PGresult *row;     /* the last row or page that was read */
    PGresult *block;   /* the last block */
    struct buf copied; /* a queued row that was read */
    bool quarantine_known;
    int64_t quarantine_rows;
};

/** Opens the log's group when it is not open yet. */
void pg_group_open(struct pg_log *l);
/** Room for a row of a table: put the fields, then call pg_row_end. */
struct buf *pg_row_begin(struct pg_log *l, enum pg_table table);
enum store_result pg_row_end(struct pg_log *l, enum pg_table table, struct mete_err *err);
/** Fields of a row in COPY's binary form. */
void pg_field_int(struct buf *b, int64_t v);
void pg_field_bytes(struct buf *b, struct bytes v);
void pg_field_null(struct buf *b);

/** Queues a statement that gives nothing back; takes the parameters. */
enum store_result pg_step_add(struct pg_log *l, const char *sql, struct pg_params *p,
                              struct mete_err *err);
/** Runs a statement in the group now, after all that is queued, and takes the parameters. NULL
 *  with err filled. */
PGresult *pg_step_run(struct pg_log *l, const char *sql, struct pg_params *p, struct mete_err *err);
/** Reads outside of the log's group, or in it when it is open on the server, but does not send what
 *  is queued: for rows that are not among it. Takes the parameters. NULL with err filled. */
PGresult *pg_query(struct pg_store *s, const char *sql, struct pg_params *p, struct mete_err *err);
/** Reads what is queued as well. */
PGresult *pg_query_settled(struct pg_log *l, const char *sql, struct pg_params *p,
                           struct mete_err *err);
/** True when rows of this table are queued and not sent. */
bool pg_is_pending(const struct pg_log *l, enum pg_table table);
/** Notes that the row that is put next is this event's. */
void pg_event_note(struct pg_log *l, uint64_t seq);
/** A queued event in COPY's binary form; empty: it is not queued. */
struct bytes pg_queued_event(const struct pg_log *l, uint64_t seq);

/** False: the database was lost a while ago, and is not found yet; err says why. */
bool pg_is_there(struct pg_store *s, struct mete_err *err);
enum store_result pg_commit(struct pg_log *l, struct mete_err *err);
void pg_rollback(struct pg_log *l);
void pg_group_free(struct pg_group *g);

/* --- lease.c: who writes a book ----------------------------------------------------------------*/

#define PG_LEASE_MS 3000

/** Takes the lease. METE_STORE_BUSY names who has it. */
enum mete_code pg_lease_take(struct pg_log *l, struct mete_err *err);
void pg_lease_release(struct pg_log *l);
/** The text that opens a transaction of the lease's holder: begin, bounds, and the statement that
 *  locks the lease and finds the token in it, or changes no row. */
void pg_lease_begin_sql(const struct pg_log *l, struct buf *out);
/** Another process has the book now. */
enum mete_code pg_lease_lost(const struct pg_log *l, struct mete_err *err);
/** Why that statement changed no row: the lease is another's, or its row is of another time. */
void pg_lease_refused(const struct pg_log *l, struct mete_err *err);
/** Before the log is read: the count of commits that goes with it. */
enum store_result pg_lease_follow(struct pg_log *l, struct mete_err *err);
/** The database has just confirmed the lease, asked at `asked_ms`. */
void pg_lease_confirmed(struct pg_log *l, int64_t asked_ms);
/** False: it could be another's by now. */
bool pg_lease_is_sure(const struct pg_log *l);
enum store_result pg_lease_check(void *log, struct mete_err *err);
void pg_renewer_stop(struct pg_renewer *r);
int64_t pg_now_ms(void);
void pg_sleep_ms(unsigned ms);

/* --- migrate.c ---------------------------------------------------------------------------------*/

/** As sqlite_migrate. With `make`, an empty or older schema is brought up to date. */
enum mete_code pg_migrate(struct pg_conn *conn, bool make, mete_time now, struct mete_err *err);

/* --- the ports of the other files; see store/port.h --------------------------------------------*/

extern const struct state_port pg_state_port;

enum store_result pg_append(void *log, const struct log_row *row, struct mete_err *err);
enum store_result pg_append_page(void *log, const struct page_row *row, struct mete_err *err);
enum store_result pg_row(void *log, uint64_t seq, struct log_row *out, struct mete_err *err);
enum store_result pg_recorded_at(void *log, uint64_t seq, mete_time *out, struct mete_err *err);
enum store_result pg_page(void *log, uint64_t seq, uint32_t page, struct page_row *out,
                          struct mete_err *err);
enum store_result pg_page_count(void *log, uint64_t seq, uint32_t *count, struct mete_err *err);
enum store_result pg_scan(void *log, uint64_t from, uint64_t until, log_visit *visit, void *arg,
                          struct mete_err *err);
enum store_result pg_scan_pages(void *log, uint64_t number, page_visit *visit, void *arg,
                                struct mete_err *err);
enum store_result pg_node_put(void *log, unsigned level, uint64_t index, const struct hash *h,
                              struct mete_err *err);
enum store_result pg_nodes(void *log, unsigned level, uint64_t first, unsigned count,
                           struct hash *out, struct mete_err *err);
enum store_result pg_checkpoint_add(void *log, const struct checkpoint *c, struct mete_err *err);
enum store_result pg_checkpoints(void *log, checkpoint_visit *visit, void *arg,
                                 struct mete_err *err);
enum store_result pg_seal_add(void *log, const struct sealed_value *v, struct mete_err *err);
enum store_result pg_seals(void *log, uint64_t seq, struct text party, sealed_visit *visit,
                           void *arg, struct mete_err *err);
enum store_result pg_seal_erase(void *log, struct text party, uint64_t *count,
                                struct mete_err *err);
enum store_result pg_quarantine_add(void *log, const struct quarantined *q, uint64_t max,
                                    struct mete_err *err);
enum store_result pg_quarantine_count(void *log, uint64_t *count, struct mete_err *err);
enum store_result pg_quarantine_remove(void *log, uint64_t id, struct mete_err *err);
enum store_result pg_quarantine(void *log, uint64_t after, quarantine_visit *visit, void *arg,
                                struct mete_err *err);
enum store_result pg_meta_get(void *log, const char *name, struct arena *a, struct text *value,
                              struct mete_err *err);
enum store_result pg_meta_set(void *log, const char *name, struct text value, struct mete_err *err);
enum store_result pg_metas(void *log, meta_visit *visit, void *arg, struct mete_err *err);
enum store_result pg_kpi_find(void *log, const struct kpi_point *want, size_t count,
                              struct arena *a, struct kpi_point *found, struct mete_err *err);
enum store_result pg_kpi_put(void *log, const struct kpi_point *p, size_t count,
                             struct mete_err *err);
enum store_result pg_kpi_remove(void *log, const struct kpi_point *p, size_t count,
                                struct mete_err *err);
enum store_result pg_kpi_scan(void *log, const struct kpi_point *from,
                              const struct kpi_point *until, size_t limit, kpi_visit *visit,
                              void *arg, struct mete_err *err);
enum store_result pg_insight_find(void *log, const struct insight *want, size_t count,
                                  struct insight *found, struct mete_err *err);
enum store_result pg_insight_put(void *log, const struct insight *i, size_t count,
                                 struct mete_err *err);
enum store_result pg_insight_remove(void *log, const struct insight *i, size_t count,
                                    struct mete_err *err);
enum store_result pg_insight_scan(void *log, const struct insight *from,
                                  const struct insight *until, size_t limit, insight_visit *visit,
                                  void *arg, struct mete_err *err);
enum store_result pg_inbox_claim(void *log, const struct inbox_id *id, struct mete_err *err);
enum store_result pg_inbox_answer(void *log, const struct inbox_item *answer, struct mete_err *err);

#endif
