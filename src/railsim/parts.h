/* SPDX-License-Identifier: Apache-2.0
 * What the doubles share: the simulator, one call of it, and the row of a route. Everything that a
 * handler does happens under the simulator's lock and in one transaction of its state. */
#ifndef METE_RAILSIM_PARTS_H
#define METE_RAILSIM_PARTS_H

#include "base/arena.h"
#include "base/rng.h"
#include "base/time.h"
#include "railsim/fault.h"
#include "railsim/railsim.h"
#include "wire/json.h"

#include <microhttpd.h>
#include <pthread.h>
#include <sqlite3.h>
#include <time.h>

#define CALL_BODY_MAX    ((size_t)16 << 20)
#define CALL_PARTS_MAX   3
#define CALL_ARGS_MAX    200
#define CALL_HEADERS_MAX 8
#define ID_MAX           48 /* bytes of an id that the simulator makes, with its NUL */

struct MHD_Daemon;

struct sim {
    struct sim_options o;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;  /* of all that follows */
    pthread_cond_t ending; /* somebody who waits shall look again */
    bool is_ending;
    unsigned let_go; /* counts how often all that hang were let go */
    sqlite3 *db;
    int64_t clock_us; /* added to the machine's clock */
    struct rng rng;
    uint8_t node_secret[32]; /* of the payee of all invoices */
    struct running *running; /* idempotency keys of calls that hang (stripe_keys.c) */
    pthread_t worker;
};

struct pair_text {
    struct text name;
    struct text value;
};

struct route;

/** One request with its answer. Texts live in its arena. */
struct call {
    struct sim *s;
    struct MHD_Connection *connection;
    struct arena arena;
    struct text method;
    struct text path;
    const struct route *route;
    struct text part[CALL_PARTS_MAX]; /* what stood for each * of the route, decoded */
    struct buf body;
    bool too_large;
    struct pair_text arg[CALL_ARGS_MAX]; /* of the query, then of a form's body */
    size_t arg_count;
    struct json *json; /* the body, when it is JSON; else NULL */
    int64_t now_us;
    struct fault fault; /* that this call meets; FAULT_NONE: none */

    unsigned status;
    const char *type;
    struct pair_text header[CALL_HEADERS_MAX];
    size_t header_count;
    struct buf out;
    char follow[65]; /* hash of a payment of LND: the answer goes on until it has ended */
    bool cut;        /* the connection ends without an answer */
    /* Set by a handler that waits for something: it is called again, in a transaction of its own,
     * until it no longer sets it. `waits_for` is its own note of what it waits for. */
    void (*wait)(struct call *c);
    struct text waits_for;
};

struct route {
    const char *method;
    const char *pattern; /* segments; * stands for one */
    const char *name;    /* by which faults find it */
    unsigned does;       /* flags of fault.h: which faults fit */
    void (*handle)(struct call *c);
};

/* --- call.c: what was asked, and the answer ----------------------------------------------------*/

void call_read(struct call *c);
/** Path and arguments are UTF-8: answers repeat them. */
bool call_is_text(const struct call *c);
/** The first argument of that name: of the query or form, or a string, number or boolean member of
 *  the JSON body. p is NULL without one. */
struct text call_arg(const struct call *c, const char *name);
/** Digits alone, or false. */
bool call_number(struct text t, int64_t *out);
struct text call_header(const struct call *c, const char *name);
/** http://HOST of this call, by its Host header. */
struct text call_base(struct call *c);
void call_add_header(struct call *c, const char *name, struct text value);
/** Begins an answer of JSON in c->out. */
void call_json(struct call *c, unsigned status, struct json_writer *w);
void call_plain(struct call *c, unsigned status, const char *text);

/* --- state.c -----------------------------------------------------------------------------------*/

enum mete_code state_open(struct sim *s, struct mete_err *err) METE_MUST_CHECK;
void state_close(struct sim *s);
/** `kinds`, one letter an argument: s char *, t struct text, i int64_t, n nothing (NULL). */
void state_do(struct sim *s, const char *sql, const char *kinds, ...);
/** A query; go through its rows with state_next, or end it with state_end. */
sqlite3_stmt *state_ask(struct sim *s, const char *sql, const char *kinds, ...) METE_MUST_CHECK;
bool state_next(struct sim *s, sqlite3_stmt *q) METE_MUST_CHECK; /* false: it was ended */
void state_end(sqlite3_stmt *q);
int64_t state_int(sqlite3_stmt *q, int column);
/** In the arena; p is NULL for NULL. */
struct text state_text(struct arena *a, sqlite3_stmt *q, int column);
/** The first column of the first row, else `none`. */
int64_t state_number(struct sim *s, int64_t none, const char *sql, const char *kinds, ...);
int64_t state_last_row(struct sim *s);

/** A number that was never given before, of that kind. */
int64_t state_count(struct sim *s, const char *kind);
/** prefix and 24 letters and digits that follow from `kind` and its count. */
void state_id(struct sim *s, const char *prefix, char out[ID_MAX]);
/** 32 bytes that follow from the node's key, `kind` and `n`. */
struct hash state_secret(const struct sim *s, const char *kind, int64_t n);

/** What really moved. Amounts are integers in the smallest unit (millisatoshi on Lightning). */
struct movement {
    const char *rail; /* "phoenixd", "stripe", ... */
    const char *kind; /* "paid", "returned", "reversed" */
    struct text reference;
    struct text anchor;
    struct text destination;
    int64_t amount;
    const char *currency;
    int64_t at_us;
};
void state_moved(struct sim *s, const struct movement *m);

/* --- sim.c -------------------------------------------------------------------------------------*/

int64_t sim_now(const struct sim *s); /* microseconds, moved by the simulator's clock */
/** The moment in so many milliseconds, for waiting on `ending`. */
struct timespec sim_after(uint32_t ms);
/** Sleeps, without the lock. False: the simulator ends. */
bool sim_rest(struct sim *s, uint32_t ms) METE_MUST_CHECK;
/** What has become due by now is done. Under the lock. */
void sim_tick(struct sim *s);

/* --- the doubles -------------------------------------------------------------------------------*/

extern const struct route lnurl_routes[], phoenixd_routes[], cln_routes[], lnd_routes[],
    lnbits_routes[], stripe_routes[], webhook_routes[], bank_routes[], ecb_routes[];
extern const struct route *const sim_routes[]; /* tables that end with a NULL method */
const struct route *route_of(struct call *c, bool *path_known);

void lightning_tick(struct sim *s);
void stripe_tick(struct sim *s);
void bank_tick(struct sim *s);
/** Sends what is due, without the lock. */
void webhook_deliver(struct sim *s);
/** Takes files out of the bank's folder, and puts reports there. Under the lock. */
void bank_folder_tick(struct sim *s);

/** The next bytes of an answer that goes on: false at its end. Called with the lock. */
bool lnd_follow(struct sim *s, const char *hash, bool *told, struct buf *out);

/** Calls with a key of idempotency that are at work: false when this one is already. */
bool stripe_key_begin(struct call *c);
void stripe_key_end(struct call *c);

#endif
