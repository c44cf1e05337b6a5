/* SPDX-License-Identifier: Apache-2.0
 * What others would do with the same work, and what the machine can do at all:
 *   bench_peers sql CONNINFO EVENTS CONNECTIONS   a transaction for each event, as a service would
 *   bench_peers bulk CONNINFO EVENTS GROUP        the best bulk SQL: unnest, ON CONFLICT
 *   bench_peers log DIR EVENTS GROUP              bytes to a growing file, fdatasync for each group
 *   bench_peers preallocated DIR EVENTS GROUP     the same into a file of zeros
 *   bench_peers sqlite DIR EVENTS GROUP           packed rows and both indexes as B-trees
 *   bench_peers runs DIR EVENTS GROUP             packed rows, both indexes as sorted blocks
 * Events are those of workload.h; making them is not in the time. Prints `stretch N RATE` lines. */
#include "workload.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STRETCH  500000u
#define LEGS     6u
#define DECISION 130u /* bytes of a packed decision with five shares and a fee, about */
#define ENTRY    24u  /* bytes of an index entry in a sorted block, about */

struct load {
    struct workload w;
    const char *where;
    uint64_t events;
    unsigned width; /* group, or connections */
    struct buf text;
    size_t *end;
    uint64_t first;
    uint64_t stop;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_peers: %s: %s\n", what, why);
    exit(1);
}

static struct bytes event_bytes(const struct load *l, uint64_t i)
{
    size_t at = (size_t)(i - l->first);
    size_t begin = at == 0 ? 0 : l->end[at - 1];
    return (struct bytes){l->text.p + begin, l->end[at] - begin};
}

/** Accounts and amounts of the six credits. */
static void legs(const struct load *l, uint64_t i, int64_t account[LEGS], int64_t amount[LEGS])
{
    static const unsigned WEIGHT[] = {40, 25, 20, 10, 5};
    uint64_t gross = workload_gross(i);
    uint64_t fee = gross * 2 / 100;
    uint64_t left = gross - fee;
    account[0] = WORKLOAD_PARTIES + 7;
    amount[0] = (int64_t)fee;
    for (unsigned s = 0; s < LEGS - 1; s++) {
        account[s + 1] = workload_party(&l->w, i, s);
        amount[s + 1] = (int64_t)((gross - fee) * WEIGHT[s] / 100);
        left -= (uint64_t)amount[s + 1];
    }
    amount[1] += (int64_t)left;
}

/** In ascending order, so that two transactions never wait for one another in a circle. */
static void legs_sort(int64_t account[LEGS], int64_t amount[LEGS])
{
    for (unsigned i = 1; i < LEGS; i++) {
        for (unsigned k = i; k > 0 && account[k - 1] > account[k]; k--) {
            int64_t a = account[k];
            int64_t m = amount[k];
            account[k] = account[k - 1];
            amount[k] = amount[k - 1];
            account[k - 1] = a;
            amount[k - 1] = m;
        }
    }
}

/* --- PostgreSQL --------------------------------------------------------------------------------*/

static PGconn *pg_open(const char *conninfo)
{
    PGconn *c = PQconnectdb(conninfo);
    if (PQstatus(c) != CONNECTION_OK) {
        die("PostgreSQL", PQerrorMessage(c));
    }
    return c;
}

static void pg_check(PGconn *c, PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK) {
        die("PostgreSQL", PQerrorMessage(c));
    }
    PQclear(r);
}

static void pg_tables(const char *conninfo)
{
    PGconn *c = pg_open(conninfo);
    pg_check(c, PQexec(c, "drop table if exists event, posting, balance;"
                          "create table event (seq bigserial primary key, id uuid unique not null,"
                          " body bytea not null, hash bytea not null);"
                          "create table posting (seq bigint not null, leg smallint not null,"
                          " account bigint not null, amount bigint not null,"
                          " primary key (seq, leg));"
                          "create index on posting (account, seq);"
                          "create table balance (account bigint primary key,"
                          " amount bigint not null)"));
    PQfinish(c);
}

struct param {
    const char *value[8];
    int length[8];
    int format[8];
    int64_t number[8];
    int count;
};

static void param_int(struct param *p, int64_t v)
{
    p->number[p->count] = (int64_t)htobe64((uint64_t)v);
    p->value[p->count] = (const char *)&p->number[p->count];
    p->length[p->count] = 8;
    p->format[p->count++] = 1;
}

static void param_bytes(struct param *p, const void *b, size_t len)
{
    p->value[p->count] = b;
    p->length[p->count] = (int)len;
    p->format[p->count++] = 1;
}

static PGresult *prepared_run(PGconn *c, const char *name, const struct param *p)
{
    return PQexecPrepared(c, name, p->count, p->value, p->length, p->format, 1);
}

static void service_prepare(PGconn *c)
{
    pg_check(c, PQprepare(c, "event",
                          "insert into event (id, body, hash) values ($1::uuid, $2::bytea,"
                          " $3::bytea) on conflict (id) do nothing returning seq",
                          0, NULL));
    pg_check(c, PQprepare(c, "posting",
                          "insert into posting (seq, leg, account, amount) values ($1::bigint,"
                          " $2::bigint, $3::bigint, $4::bigint)",
                          0, NULL));
    pg_check(c, PQprepare(c, "balance",
                          "insert into balance (account, amount) values ($1::bigint, $2::bigint)"
                          " on conflict (account) do update set amount = balance.amount +"
                          " excluded.amount",
                          0, NULL));
}

static void service_event(const struct load *l, PGconn *c, uint64_t i)
{
    uint8_t id[16];
    int64_t account[LEGS];
    int64_t amount[LEGS];
    struct bytes body = event_bytes(l, i);
    struct hash h = hmac_sha256(text_bytes(text_of(WORKLOAD_SECRET)), body);
    struct param p = {0};
    workload_id(&l->w, i, id);
    legs(l, i, account, amount);
    legs_sort(account, amount);
    pg_check(c, PQexec(c, "begin"));
    param_bytes(&p, id, sizeof id);
    param_bytes(&p, body.p, body.len);
    param_bytes(&p, h.b, sizeof h.b);
    PGresult *r = prepared_run(c, "event", &p);
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
        die("PostgreSQL", PQerrorMessage(c));
    }
    int64_t seq;
    memcpy(&seq, PQgetvalue(r, 0, 0), sizeof seq);
    seq = (int64_t)be64toh((uint64_t)seq);
    PQclear(r);
    for (unsigned leg = 0; leg < LEGS; leg++) {
        p = (struct param){0};
        param_int(&p, seq);
        param_int(&p, leg);
        param_int(&p, account[leg]);
        param_int(&p, amount[leg]);
        pg_check(c, prepared_run(c, "posting", &p));
        p = (struct param){0};
        param_int(&p, account[leg]);
        param_int(&p, amount[leg]);
        pg_check(c, prepared_run(c, "balance", &p));
    }
    pg_check(c, PQexec(c, "commit"));
}

struct service {
    const struct load *l;
    unsigned at;
    pthread_t thread;
};

static void *service_run(void *arg)
{
    const struct service *s = arg;
    PGconn *c = pg_open(s->l->where);
    service_prepare(c);
    for (uint64_t i = s->l->first + s->at; i < s->l->stop; i += s->l->width) {
        service_event(s->l, c, i);
    }
    PQfinish(c);
    return NULL;
}

static void sql_stretch(struct load *l)
{
    struct service s[64];
    for (unsigned i = 0; i < l->width; i++) {
        s[i] = (struct service){.l = l, .at = i};
        if (pthread_create(&s[i].thread, NULL, service_run, &s[i]) != 0) {
            die("thread", strerror(errno));
        }
    }
    for (unsigned i = 0; i < l->width; i++) {
        pthread_join(s[i].thread, NULL);
    }
}

/** A one-dimensional array in PostgreSQL's binary form. */
static void array_begin(struct buf *b, uint32_t type, size_t count)
{
    buf_reset(b);
    buf_put_be32(b, 1);
    buf_put_be32(b, 0);
    buf_put_be32(b, type);
    buf_put_be32(b, (uint32_t)count);
    buf_put_be32(b, 1);
}

static void array_put(struct buf *b, const void *p, size_t len)
{
    buf_put_be32(b, (uint32_t)len);
    buf_put(b, p, len);
}

static void array_put_int(struct buf *b, int64_t v)
{
    buf_put_be32(b, 8);
    buf_put_be64(b, (uint64_t)v);
}

#define OID_BYTEA 17u
#define OID_INT8  20u
#define OID_UUID  2950u

struct bulk {
    PGconn *c;
    int64_t seq;
    struct buf id, body, hash, seq_a, pseq, leg, account, amount;
};

static const char BULK_EVENTS[] =
    "insert into event (seq, id, body, hash) select * from unnest($1::bigint[], $2::uuid[],"
    " $3::bytea[], $4::bytea[]) on conflict (id) do nothing";
static const char BULK_POSTINGS[] =
    "with p as (insert into posting (seq, leg, account, amount) select * from unnest($1::bigint[],"
    " $2::bigint[], $3::bigint[], $4::bigint[]) returning account, amount)"
    " insert into balance (account, amount) select account, sum(amount) from p group by account"
    " order by account on conflict (account) do update set amount = balance.amount +"
    " excluded.amount";

static void bulk_fill(const struct load *l, struct bulk *b, uint64_t first, uint64_t stop)
{
    size_t count = (size_t)(stop - first);
    array_begin(&b->seq_a, OID_INT8, count);
    array_begin(&b->id, OID_UUID, count);
    array_begin(&b->body, OID_BYTEA, count);
    array_begin(&b->hash, OID_BYTEA, count);
    array_begin(&b->pseq, OID_INT8, count * LEGS);
    array_begin(&b->leg, OID_INT8, count * LEGS);
    array_begin(&b->account, OID_INT8, count * LEGS);
    array_begin(&b->amount, OID_INT8, count * LEGS);
    for (uint64_t i = first; i < stop; i++) {
        uint8_t id[16];
        int64_t account[LEGS];
        int64_t amount[LEGS];
        struct bytes body = event_bytes(l, i);
        struct hash h = hmac_sha256(text_bytes(text_of(WORKLOAD_SECRET)), body);
        workload_id(&l->w, i, id);
        legs(l, i, account, amount);
        b->seq++;
        array_put_int(&b->seq_a, b->seq);
        array_put(&b->id, id, sizeof id);
        array_put(&b->body, body.p, body.len);
        array_put(&b->hash, h.b, sizeof h.b);
        for (unsigned leg = 0; leg < LEGS; leg++) {
            array_put_int(&b->pseq, b->seq);
            array_put_int(&b->leg, leg);
            array_put_int(&b->account, account[leg]);
            array_put_int(&b->amount, amount[leg]);
        }
    }
}

static void bulk_send(struct bulk *b, const char *sql, struct buf *const part[4])
{
    const char *value[4];
    int length[4];
    const int format[4] = {1, 1, 1, 1};
    for (int i = 0; i < 4; i++) {
        value[i] = (const char *)part[i]->p;
        length[i] = (int)part[i]->len;
    }
    pg_check(b->c, PQexecParams(b->c, sql, 4, NULL, value, length, format, 1));
}

static void bulk_stretch(struct load *l)
{
    struct bulk b = {.c = pg_open(l->where), .seq = (int64_t)l->first};
    for (uint64_t i = l->first; i < l->stop; i += l->width) {
        uint64_t stop = i + l->width < l->stop ? i + l->width : l->stop;
        bulk_fill(l, &b, i, stop);
        pg_check(b.c, PQexec(b.c, "begin"));
        bulk_send(&b, BULK_EVENTS, (struct buf *const[4]){&b.seq_a, &b.id, &b.body, &b.hash});
        bulk_send(&b, BULK_POSTINGS,
                  (struct buf *const[4]){&b.pseq, &b.leg, &b.account, &b.amount});
        pg_check(b.c, PQexec(b.c, "commit"));
    }
    PQfinish(b.c);
    struct buf *const all[] = {&b.id,   &b.body, &b.hash,    &b.seq_a,
                               &b.pseq, &b.leg,  &b.account, &b.amount};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        buf_clear(all[i]);
    }
}

/* --- a bare log --------------------------------------------------------------------------------*/

static int log_fd = -1;

static void log_open(const struct load *l, bool preallocated)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/bare.log", l->where);
    log_fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (log_fd < 0) {
        die(path, strerror(errno));
    }
    if (preallocated) {
        static const uint8_t zero[1u << 20];
        for (uint64_t left = l->events * 1100 / sizeof zero + 1; left > 0; left--) {
            (void)!write(log_fd, zero, sizeof zero);
        }
        if (fsync(log_fd) != 0 || lseek(log_fd, 0, SEEK_SET) != 0) {
            die(path, strerror(errno));
        }
    }
}

static void log_stretch(struct load *l)
{
    for (uint64_t i = l->first; i < l->stop; i += l->width) {
        uint64_t last = (i + l->width < l->stop ? i + l->width : l->stop) - 1;
        struct bytes from = event_bytes(l, i);
        struct bytes to = event_bytes(l, last);
        size_t len = (size_t)(to.p + to.len - from.p);
        if (write(log_fd, from.p, len) != (ssize_t)len || fdatasync(log_fd) != 0) {
            die("log", strerror(errno));
        }
    }
}

/* --- a bare SQLite loop ------------------------------------------------------------------------*/

static sqlite3 *db;
static bool as_runs;

static void db_do(const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        die(sql, why);
    }
}

static void db_open(const struct load *l)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/bare.db", l->where);
    (void)unlink(path);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        die(path, sqlite3_errmsg(db));
    }
    db_do("pragma page_size=16384; pragma journal_mode=wal; pragma synchronous=full;"
          "pragma cache_size=-65536; pragma wal_autocheckpoint=2000;"
          "create table event (seq integer primary key, recorded_at integer not null,"
          " event blob not null, decision blob not null, leaf blob not null);");
    db_do(as_runs ? "create table block (key integer primary key, data blob not null);"
                  : "create table event_id (id blob primary key, seq integer not null) without "
                    "rowid; create table account (account integer, seq integer, leg integer,"
                    " primary key (account, seq, leg)) without rowid;");
}

static sqlite3_stmt *db_statement(const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
        die(sql, sqlite3_errmsg(db));
    }
    return s;
}

static void db_step(sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE) {
        die("SQLite", sqlite3_errmsg(db));
    }
    sqlite3_reset(s);
}

struct statements {
    sqlite3_stmt *event, *id, *account, *block;
};

static void row_put(const struct load *l, const struct statements *s, uint64_t i)
{
    uint8_t decision[DECISION];
    struct bytes body = event_bytes(l, i);
    struct hash h = sha256(body);
    memset(decision, (int)(i & 0xff), sizeof decision);
    sqlite3_bind_int64(s->event, 1, (sqlite3_int64)i + 1);
    sqlite3_bind_int64(s->event, 2, (sqlite3_int64)i);
    sqlite3_bind_blob(s->event, 3, body.p, (int)body.len, SQLITE_STATIC);
    sqlite3_bind_blob(s->event, 4, decision, sizeof decision, SQLITE_STATIC);
    sqlite3_bind_blob(s->event, 5, h.b, sizeof h.b, SQLITE_STATIC);
    db_step(s->event);
}

static void index_put(const struct load *l, const struct statements *s, uint64_t i)
{
    uint8_t id[16];
    int64_t account[LEGS];
    int64_t amount[LEGS];
    workload_id(&l->w, i, id);
    legs(l, i, account, amount);
    sqlite3_bind_blob(s->id, 1, id, sizeof id, SQLITE_STATIC);
    sqlite3_bind_int64(s->id, 2, (sqlite3_int64)i + 1);
    db_step(s->id);
    for (unsigned leg = 0; leg < LEGS; leg++) {
        sqlite3_bind_int64(s->account, 1, account[leg]);
        sqlite3_bind_int64(s->account, 2, (sqlite3_int64)i + 1);
        sqlite3_bind_int64(s->account, 3, leg);
        db_step(s->account);
    }
}

static void block_put(const struct statements *s, size_t events)
{
    static uint8_t block[ENTRY * (LEGS + 1) * 16384u];
    sqlite3_bind_blob(s->block, 1, block, (int)(events * (LEGS + 1) * ENTRY), SQLITE_STATIC);
    db_step(s->block);
}

static void sqlite_stretch(struct load *l)
{
    struct statements s = {.event = db_statement("insert into event values (?,?,?,?,?)")};
    if (as_runs) {
        s.block = db_statement("insert into block (data) values (?)");
    } else {
        s.id = db_statement("insert into event_id values (?,?)");
        s.account = db_statement("insert into account values (?,?,?)");
    }
    for (uint64_t i = l->first; i < l->stop; i += l->width) {
        uint64_t stop = i + l->width < l->stop ? i + l->width : l->stop;
        db_do("begin immediate");
        for (uint64_t k = i; k < stop; k++) {
            row_put(l, &s, k);
            if (!as_runs) {
                index_put(l, &s, k);
            }
        }
        if (as_runs) {
            block_put(&s, (size_t)(stop - i));
        }
        db_do("commit");
    }
    sqlite3_finalize(s.event);
    sqlite3_finalize(s.id);
    sqlite3_finalize(s.account);
    sqlite3_finalize(s.block);
}

/* -----------------------------------------------------------------------------------------------*/

static void run(struct load *l, void (*stretch)(struct load *l))
{
    int64_t total = 0;
    for (; l->first < l->events; l->first = l->stop) {
        l->stop = l->first + STRETCH < l->events ? l->first + STRETCH : l->events;
        buf_reset(&l->text);
        for (uint64_t i = l->first; i < l->stop; i++) {
            workload_event(&l->w, i, &l->text);
            l->end[i - l->first] = l->text.len;
        }
        int64_t began = now_ns();
        stretch(l);
        int64_t took = now_ns() - began;
        total += took;
        printf("stretch %llu %.0f\n", (unsigned long long)l->stop,
               (double)(l->stop - l->first) * 1e9 / (double)took);
        fflush(stdout);
    }
    printf("rate %.0f\n", (double)l->events * 1e9 / (double)total);
}

int main(int argc, char **argv)
{
    struct load l = {.w = {.run = 99}};
    if (argc < 5) {
        fprintf(stderr, "usage: bench_peers sql|bulk CONNINFO EVENTS WIDTH [hot], or "
                        "log|preallocated|sqlite|runs DIR EVENTS GROUP [hot]\n");
        return 2;
    }
    const char *what = argv[1];
    l.where = argv[2];
    l.events = strtoull(argv[3], NULL, 10);
    l.width = (unsigned)strtoul(argv[4], NULL, 10);
    l.w.hot = argc > 5 && strcmp(argv[5], "hot") == 0;
    l.w.at = ((mete_time)time(NULL) - 60) * TIME_SECOND_US;
    l.end = calloc(STRETCH, sizeof *l.end);
    if (strcmp(what, "sql") == 0 || strcmp(what, "bulk") == 0) {
        pg_tables(l.where);
        run(&l, what[0] == 's' ? sql_stretch : bulk_stretch);
    } else if (strcmp(what, "log") == 0 || strcmp(what, "preallocated") == 0) {
        log_open(&l, what[0] == 'p');
        run(&l, log_stretch);
    } else {
        as_runs = strcmp(what, "runs") == 0;
        db_open(&l);
        run(&l, sqlite_stretch);
        sqlite3_close(db);
    }
    return 0;
}
