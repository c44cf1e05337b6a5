/* SPDX-License-Identifier: Apache-2.0
 * The front desk: what every request goes through, in one place and one order, before and after
 * its handler. Owns the server, the keeper, the workers and the keys. */
#ifndef METE_HTTP_DESK_H
#define METE_HTTP_DESK_H

#include "http/answers.h"
#include "http/authority.h"
#include "http/keeper.h"
#include "http/peers.h"
#include "http/relay.h"
#include "http/router.h"
#include "http/server.h"

/* Of a line about a request: ERROR when the server failed, WARNING when the request was refused,
 * INFO when it was answered, DEBUG when it came. */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

struct payout_keys;
struct payout_leases;
struct payout_worker;
struct worker_rail;
struct x402_signer;
struct facilitator;
struct custom_metrics;
struct nets;

struct desk_options {
    struct server_options server; /* handle, log and ctx are the desk's */
    const char *store;
    const char *book;
    bool create; /* make a missing store and book */
    unsigned roles;
    const char *payment_secrets;       /* a folder: see http/webhook_secret.h; NULL: none */
    const char *stripe_webhook_secret; /* a file of the same kind; NULL: none */
    const char *admin_key;             /* NULL: none */
    unsigned rate;                     /* as in struct authority_options */
    unsigned burst;                    /* 0: twice the rate */
    unsigned replay_window_s;          /* as there */
    unsigned streams;                  /* live ones at once; 0: half of the connections */
    unsigned streams_per_key;          /* of them, and of long answers, for one key; 0: a quarter */
    unsigned heartbeat_s;              /* of live streams; 0: 15 */
    unsigned workers;                  /* threads for long readings; 0: 2 */
    size_t cache_size;                 /* of the books; 0: 64 MiB */
    unsigned insights_days;            /* that points and insight events are kept; 0: for ever */
    unsigned insights_rate;            /* of them, rows a second for each app; 0: no bound */
    unsigned clear_hours;              /* between watermarks of clearing; 0: none */
    const char *mcp_origins;        /* sites whose pages may ask /mcp, beside its own; NULL: none */
    const struct worker_rail *rail; /* open ones; with the role worker payouts go over them */
    size_t rails;
    struct payout_keys *payout_keys; /* that open destinations; NULL: none */
    struct nets *nets;               /* of x402, the desk's from here on; NULL: none */
    bool facilitator_public;         /* nobody has to show it a key */
    unsigned facilitator_rate;       /* a minute, of one asker and of one payer; 0: no bound */
    bool refuses_repeats;            /* it tells one request alone that a payment is settled */
    unsigned settle_wait_s;          /* 0: 60 */
    unsigned replace_after_s;        /* 0: 30 */
    struct custom_metrics *metrics;  /* of the operator's own, the desk's from here on; or NULL */
    bool loopback;
    struct peers_options peers;
    bool log;                 /* a JSON line for each request, on stderr */
    enum log_level log_level; /* the least that is written */
};

enum desk_state { DESK_READY, DESK_DRAINING };

struct desk {
    struct desk_options o;
    struct server *server;
    struct keeper *keeper;
    struct relay *relay; /* NULL: no other process can have the store */
    char node[STORE_NODE_MAX];
    struct authority *authority;
    struct idempotency *idempotency;
    struct snapshots *snapshots;
    struct workers *workers;
    struct workers *errands; /* what waits for other services */
    struct streams *streams;
    struct intakes *intakes;
    struct insights *insights;
    struct pumps *pumps;
    struct log_pages *log_pages; /* NULL: nobody can follow a log yet */
    struct peers *peers;
    struct lines *lines;                   /* to stderr */
    struct refresh *refresh;               /* NULL: no registry to look at */
    struct payout_leases *leases;          /* the keeper's thread uses them */
    struct follow *follow;                 /* NULL: nobody to follow or to tell */
    struct payday *payday;                 /* NULL: without the role worker */
    struct clerk *clerk;                   /* NULL: no watermarks are said */
    struct facilitator *facilitator;       /* of x402; always there */
    const struct x402_signer *x402_signer; /* used on the keeper's thread; NULL: nobody signs */
    struct payout_worker *payouts; /* NULL: no rail is open, or another process has the role */
    mete_time started_at;
    _Atomic enum desk_state state;
    _Atomic bool log; /* a line for each request */
    _Atomic enum log_level log_level;
    _Atomic unsigned busy; /* requests that are not answered yet */
    _Atomic size_t weight; /* of the bodies that are at work; see admit() */
    struct answers *answers;
};

enum mete_code desk_open(struct desk **out, const struct desk_options *o,
                         struct mete_err *err) METE_MUST_CHECK;
/** Takes over what can change while it runs: rate, burst, log, both keys. Any thread. */
void desk_adjust(struct desk *d, const struct desk_options *o);
/** Lets nobody in any more. */
void desk_quiesce(struct desk *d);
/** After that: nobody is owed an answer. */
bool desk_is_drained(const struct desk *d);
void desk_close(struct desk *d);
/** Answers one complete request: the server_handle. */
void desk_handle(void *desk, struct exchange *x, enum mete_code turned_away);
/** Answers a request that another one makes, for x->who, who was let in with that one. It goes the
 *  way of every request, without the server: x->ended is called when its answer stands in it,
 * perhaps before this returns. */
void desk_ask(struct desk *d, struct exchange *x);
/** The row of an operation of the OpenAPI document, which has to be there. */
const struct route *desk_route(const char *operation);
/** Begins a request for desk_ask to the row of an operation: initialises `x`, says method and path
 *  (of which "{name}" is the caller's to fill). Who asks, id and body are missing. */
void desk_request_init(struct exchange *x, const char *operation);
/** The same in mete's own name, which has every scope, about the book of the settings: the body,
 *  by desk_own_ask, is all that is missing. */
void desk_own_init(struct desk *d, struct exchange *x, const char *operation,
                   const char *request_id);
/** Asks it, when its body stands in x->body. `ended` as in struct exchange. */
void desk_own_ask(struct desk *d, struct exchange *x, void (*ended)(struct exchange *x));
/** The largest body that its route takes: the server_limit. */
size_t desk_limit(void *desk, struct exchange *x);

/** Looks at a head before its body is read: the server_begin. */
void desk_begin(void *desk, struct exchange *x, size_t declared);

/* For bodies that are taken as they come (http/intake.h). */

/** A piece of one: it has its route, and x->ended is called when it has its answer. */
void desk_piece_put(struct desk *d, struct exchange *x);
/** Little enough waits for the books that what is not urgent may be added. */
bool desk_has_room(const struct desk *d);
/** The answer stands in `x`. */
void desk_stream_done(struct desk *d, struct exchange *x);
/** The same, and there is nobody who could get it: `x` stays the server's. */
void desk_stream_gone(struct desk *d, struct exchange *x);

mete_time desk_now(void);

/** A line for the operator: "mete: ...". Never blocks. */
void desk_say(struct desk *d, const char *fmt, ...) METE_PRINTF(2, 3);
/** Waits a moment until what was said is written. */
void desk_flush(struct desk *d);

#endif
