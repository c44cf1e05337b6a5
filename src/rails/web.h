/* SPDX-License-Identifier: Apache-2.0
 * One HTTP request of a worker by libcurl, and what is proven when it fails: that nothing was sent,
 * or nothing at all. No redirects, no proxy of the environment, no cookies, bounded size and time.
 */
#ifndef METE_RAILS_WEB_H
#define METE_RAILS_WEB_H

#include "base/buf.h"
#include "base/types.h"
#include "mete/error.h"

#define WEB_HEADERS_MAX 16
#define WEB_ERROR_MAX   200

enum web_outcome {
    WEB_ANSWERED, /* a whole answer, whatever its status */
    WEB_NOT_SENT, /* proven: no byte of the request left (no such host, no connection, no TLS) */
    WEB_REFUSED,  /* it was not tried: the URL, or an address of its host, is not allowed */
    WEB_BROKEN,   /* it may have been received: no whole answer in time, or one too large */
};

struct web_options {
    unsigned connect_ms; /* 0: 5,000 */
    unsigned total_ms;   /* 0: 30,000 */
    size_t answer_max;   /* bytes; 0: 1 MiB */
    bool public_only;    /* the host was chosen by somebody else: only addresses of the public
                            Internet (wire/public_address.h), looked at as it connects; port 443
                            (80 for http) unless any_port */
    bool any_port;
    bool allow_http;     /* else https alone */
    bool keep_alive;     /* connections may be used again: for requests that may be repeated, since
                            libcurl repeats one that finds its connection dead */
    const char *ca_file; /* PEM, instead of the system's; NULL */
    const char *pinned;  /* PEM of the server's own certificate, no name checked: a node that
                            signs its own; NULL */
    const char *proxy;   /* "socks5h://127.0.0.1:9050" for onion hosts; NULL: none */
    const char *connect_to; /* "127.0.0.1:8443": where every host is, whatever its name and port;
                               NULL. For tests */
    const char *user_agent; /* NULL: "mete/VERSION" */
};

struct web;

/** Copies the options, their texts too. One thread at a time uses it. */
void web_open(struct web **out, const struct web_options *o);
void web_close(struct web *w);

struct web_request {
    const char *method; /* "GET", "POST", ... */
    const char *url;
    const char *header[WEB_HEADERS_MAX]; /* "Name: value"; NULL ends them */
    struct bytes body;                   /* sent when the method is not GET */
    unsigned total_ms;                   /* 0: as the options say */
    bool is_first_line; /* of a stream that goes on: its first line is the whole answer */
};

struct web_answer {
    enum web_outcome outcome;
    unsigned status;
    struct buf body; /* the caller's: reused by web_do, freed by web_answer_clear */
    char content_type[80];
    char request_id[80];    /* header request-id (Stripe) */
    bool is_replayed;       /* header idempotent-replayed: true (Stripe) */
    unsigned retry_after_s; /* 0: not said */
    /* When it was not answered: why. Names no host and no URL where the host is somebody else's
     * (public_only, proxy). */
    char error[WEB_ERROR_MAX];
};

/** Asks, waits, and fills in the answer. Blocks for total_ms at most. */
void web_do(struct web *w, const struct web_request *q, struct web_answer *out);
void web_answer_clear(struct web_answer *a);

#endif
