/* SPDX-License-Identifier: Apache-2.0
 * The table of routes, and finding a request's row in it. A row says everything that happens before
 * a handler runs: who may, how large, on which thread. */
#ifndef METE_HTTP_ROUTER_H
#define METE_HTTP_ROUTER_H

#include "http/authority.h"
#include "http/exchange.h"

struct desk;
struct engine;

/* Groups of routes that --roles switches. */
enum role {
    ROLE_DISTRIBUTIONS = 1,
    ROLE_WALLET = 2,
    ROLE_MANIFESTS = 4,
    ROLE_DASHBOARD = 8,
    ROLE_FACILITATOR = 16,
    ROLE_WORKER = 32,
    ROLE_ALL = 63 /* also of routes that every role has */
};

/* Where a handler runs. */
enum place {
    PLACE_HERE,  /* on the connection's thread: no book */
    PLACE_BOOK,  /* on the keeper's thread, reading what is durable */
    PLACE_READ,  /* there when that is short, else PLACE_APART: the handler is called again */
    PLACE_WRITE, /* on the keeper's thread, in a group: answers when that is durable */
    PLACE_APART, /* on a worker's thread with a snapshot of the book: long readings */
    PLACE_ASIDE, /* on a worker's thread: long, and of no book */
    PLACE_LATER  /* on the connection's thread: no book; the handler ends the request itself
                    (desk_stream_done), then or later */
};

/* What else a row says of its route. */
enum route_flag {
    ROUTE_REAL = 1,      /* it cannot be rehearsed: dry_run is refused */
    ROUTE_ENDLESS = 2,   /* a body of events may go on for ever (http/intake.h) */
    ROUTE_DOCUMENT = 4,  /* the body is a policy, which another service may judge */
    ROUTE_REPORT = 8,    /* of apps about themselves: may wait, has a rate of its own */
    ROUTE_OF_SITE = 16,  /* pages of other sites may not ask (Origin) */
    ROUTE_NO_BOOK = 64,  /* its handler answers for a book that is not there, too: `e` is NULL */
    ROUTE_OF_AGENTS = 32 /* refusals are in the form of RFC 0006 */
};

/** Fills in the answer. `e` is the book of the request's key; NULL where the place has
 *  none. */
typedef void route_handler(struct desk *desk, struct engine *e, struct exchange *x);

struct route {
    const char *method;
    const char *path;      /* "/v1/parties/{id}/balance"; "{name*}" at its end takes in slashes */
    const char *operation; /* operationId in the OpenAPI document */
    unsigned roles;
    enum scope scope; /* SCOPE_NONE: anybody */
    enum place place;
    size_t body_max;        /* bytes; 0: takes no body */
    route_handler *prepare; /* before the thread changes; may answer already; may be NULL */
    route_handler *handle;
    unsigned flags; /* of enum route_flag */
};

/** Does the row of the request say so? False without a row. */
bool route_is(const struct exchange *x, enum route_flag flag);

/** The i-th row, NULL past the end. */
const struct route *route_at(size_t i);

enum route_found {
    ROUTE_FOUND,
    ROUTE_NONE,   /* no such path */
    ROUTE_METHOD, /* the path, but not with this method: *allow lists those, HEAD and OPTIONS too */
    ROUTE_BROKEN  /* the path cannot be decoded */
};

/** Finds the row for x->method and x->path among those of `roles`, and fills x->route, x->param.
 *  HEAD finds the row of GET. */
enum route_found route_find(struct exchange *x, unsigned roles, struct text *allow);

#endif
