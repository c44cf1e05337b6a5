/* SPDX-License-Identifier: Apache-2.0
 * One request to the usage server, and what its answer means. libcurl, and nothing of the spool.
 * A report is acknowledged only by an answer that names it. */
#ifndef METE_CLIENT_POST_H
#define METE_CLIENT_POST_H

#include "base/types.h"
#include "mete/tracker.h"

enum post_result {
    POST_ACKNOWLEDGED,
    POST_REFUSED,     /* the server read it and will never take it */
    POST_PUT_OFF,     /* any other answer */
    POST_UNREACHABLE, /* no connection */
    POST_BROKEN,      /* a connection, but no whole answer */
    POST_STOPPED
};

struct post_answer {
    enum post_result result;
    bool duplicate;
    unsigned retry_after_s; /* 0: not said */
    char error[METE_TRACKER_ERROR_MAX];
};

struct post_options {
    const char *url;
    const char *api_key; /* may be NULL */
    unsigned timeout_ms;
    int wake;                /* readable: `pump` is called. It must take away why */
    bool (*pump)(void *ctx); /* false: break off */
    void *ctx;
};

struct post;

/** NULL: no memory. `o` is copied, its texts are not. */
struct post *post_open(const struct post_options *o);
void post_close(struct post *p);
/** `name` is what an acknowledging answer must have in it. */
void post_send(struct post *p, struct text body, const char *name, struct post_answer *out);

#endif
