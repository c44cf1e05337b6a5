/* SPDX-License-Identifier: Apache-2.0
 * The socket side: libmicrohttpd, and nothing of mete. Collects requests, hands each complete one
 * to `handle`, and sends the answer when exchange_done was called. Everything is bounded. */
#ifndef METE_HTTP_SERVER_H
#define METE_HTTP_SERVER_H

#include "http/certificate.h"
#include "http/exchange.h"

struct server;

/** Called on one of the server's threads when a request is complete, and told why when it was
 *  turned away before (code METE_OK: it was not). Must not block. It answers by server_done: before
 *  it returns, or later, from any thread; exactly once. */
typedef void server_handle(void *ctx, struct exchange *x, enum mete_code turned_away);
/** How large a body this head may have, before any of it is read: at most body_max counts. */
typedef size_t server_limit(void *ctx, struct exchange *x);
/** Called with a head that is good, before its body is read; `declared`: the body's length,
 *  SERVER_LENGTH_UNKNOWN: nobody knows. May set x->sink, which then takes the body, however long;
 * or answer at once (server_done), and the body is not read; or leave it alone. */
typedef void server_begin(void *ctx, struct exchange *x, size_t declared);
#define SERVER_LENGTH_UNKNOWN SIZE_MAX
/** Called after the answer was sent, or the client had gone. */
typedef void server_log(void *ctx, const struct exchange *x, bool sent);

struct server_options {
    const char *listen;       /* "HOST:PORT"; HOST may be [::1]; PORT 0: any free one */
    unsigned connections_max; /* 0: 1024; further ones wait in the system's queue */
    unsigned per_address_max; /* connections of one client address; 0: no bound */
    size_t body_max;          /* bytes; larger bodies are turned away unread */
    unsigned idle_s;          /* a connection without a byte for so long is closed; 0: 30 */
    unsigned request_s;       /* a request must be complete after so long, however its bytes drip,
                                 and an answer taken, with more time for a long one; 0: 60 */
    size_t memory_max;        /* bytes of all bodies together, without the first 64 KiB of each;
                                 who comes on top is turned away, METE_OVERLOADED; 0: 256 MiB */
    size_t header_memory;     /* bytes for the head of a request and of its answer; 0: 16 KiB */
    const char *certificate;  /* PEM texts; NULL: plain text */
    const char *certificate_key;
    const char *client_ca; /* clients must show a certificate of it; NULL: no */
    server_handle *handle;
    server_limit *limit; /* may be NULL */
    server_begin *begin; /* may be NULL */
    server_log *log;     /* may be NULL */
    void *ctx;
};

/** Connections that a server with these options has at most. */
unsigned server_connections_max(const struct server_options *o);
/** METE_USAGE for a bad address or certificate, METE_LISTEN when it cannot listen. */
enum mete_code server_start(struct server **out, const struct server_options *o,
                            struct mete_err *err) METE_MUST_CHECK;
/** Other certificates for connections that come from now on, of a server that speaks TLS; client
 *  authorities when, and only when, it had some. METE_USAGE, and those before stay. */
enum mete_code server_certificate(struct server *s, const struct certificate_texts *t,
                                  struct mete_err *err) METE_MUST_CHECK;
uint16_t server_port(const struct server *s);
/** No further connections; those that are open get their answers, and are closed after them. */
void server_quiesce(struct server *s);
/** Connections that are at a request, or have bytes of one waiting. */
unsigned server_busy(const struct server *s);

struct server_stats {
    unsigned connections, connections_max; /* open now */
    uint64_t cut;                          /* connections that took too long, or idled in a crowd */
    size_t body_bytes, body_bytes_max;     /* of bodies, beyond the first 64 KiB of each */
};
void server_stats(const struct server *s, struct server_stats *out);
/** Closes all connections and frees the server. Every exchange must be done by then. */
void server_stop(struct server *s);

/** The answer stands in `x`: it may be sent now. `x` is the server's again. When its body has not
 *  ended it is sent all the same, and what still comes is thrown away. */
void server_done(struct exchange *x);

/** The socket of its connection; open until the exchange is answered, and until the source of its
 *  answer is closed. To look at, never to read from. */
int server_socket(const struct exchange *x);

/* For an exchange with a sink, while it has no answer. */

/** Its sink has room again. Any thread. */
void server_go_on(struct exchange *x);
/** Counts `size` bytes as those that its body needs now. False: the bodies of all requests need too
 *  much already. By its sink alone, in take. */
bool server_hold(struct exchange *x, size_t size) METE_MUST_CHECK;

#endif
