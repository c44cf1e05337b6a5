/* SPDX-License-Identifier: Apache-2.0
 * The way to the nodes of one network for many askers at once: JSON-RPC over few connections that
 * stay open. One thread does all of it. While requests are under way the next ones gather, and go
 * out together in one POST; so the more ask, the less each costs. When its answer is too long, or
 * none, they go once more, each by itself: what a stranger's contract makes a node say harms nobody
 * else. No answer is taken from a node that has not said that it is of the right network. Knows no
 * chain: what is asked is the asker's.
 */
#ifndef METE_RAILS_LINE_H
#define METE_RAILS_LINE_H

#include "mete/error.h"
#include "wire/evm/rpc.h"

#define LINE_NODES_MAX 8

struct line_options {
    const char *url[LINE_NODES_MAX]; /* may hold a key: never shown */
    size_t url_count;
    bool allow_http;
    unsigned total_ms;  /* of one POST; 0: 10,000 */
    unsigned posts_max; /* at once; 0: 4 */
    unsigned batch_max; /* requests in one POST, at least 8; 0: 48 */
    /** The request by which a node says which network it is of, and whether that is the right one.
     *  It goes first in every POST. */
    const char *hello;
    bool (*is_right)(void *ctx, const struct json *result);
    void *ctx;
};

struct line;

/** Some requests that belong together: they go out in one POST, and their answers come together.
 * The asker's, until `done` was called. */
struct line_ask {
    struct line_ask *next; /* of the line */
    size_t count;          /* requests that `write` writes: 1 to 7 below batch_max */
    /** Writes exactly `count` requests. Called again when another node has to be asked. */
    void (*write)(struct line_ask *q, struct rpc_batch *b);
    /** METE_OK: answers[0..count-1], each of which may be an error of the node's, until it returns.
     *  Else METE_CHAIN_UNREACHABLE, METE_CHAIN_OTHER, METE_RPC_ANSWER and why in *err: all nodes
     *  failed, and whether one of them received the requests is not known. May ask again. */
    void (*done)(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                 const struct mete_err *err);
    unsigned tried; /* of the line, as the next: nodes that failed */
    bool is_alone;  /* goes in a POST of its own */
};

/** Copies the options and connects to nothing. */
void line_open(struct line **out, const struct line_options *o);
/** Every ask that waits is done, with METE_CHAIN_UNREACHABLE. `l` may be NULL. */
void line_close(struct line *l);
/** Any thread; never blocks. `write` and `done` are called on the line's thread. */
void line_put(struct line *l, struct line_ask *q);

struct line_stats {
    uint64_t asks, requests, posts; /* posts: also the failed ones */
    uint64_t failed_posts;
    uint64_t post_us; /* that all of them took */
    unsigned waiting; /* asks that are not done */
    uint64_t nodes_failed[LINE_NODES_MAX];
};
void line_stats(struct line *l, struct line_stats *out);

#endif
