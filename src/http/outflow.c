/* SPDX-License-Identifier: Apache-2.0
 * Between a source and a connection. Invariant: source.waiting is set only while the connection is
 * suspended, and a suspended connection is not freed; so whoever finds it may resume it. */
#include "http/outflow.h"

#include "http/source.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BLOCK ((size_t)8 << 10)
#define SEND_BUFFER                                                                                \
    (128 << 10) /* of the system, for each: not read yet, it is memory all the same */

struct outflow {
    struct source *source;
    struct exchange *x;
    struct outflow_to to;
};

void source_init(struct source *s, long (*read)(struct source *, uint8_t *, size_t),
                 void (*close)(struct source *))
{
    *s = (struct source){.read = read, .close = close};
    METE_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
}

void source_wake(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    struct MHD_Connection *waiting = s->waiting;
    s->waiting = NULL;
    s->woken = true;
    if (waiting != NULL) {
        MHD_resume_connection(waiting);
    }
    pthread_mutex_unlock(&s->lock);
}

/** False: it was woken since it was last read. */
static bool suspend(struct source *s, struct MHD_Connection *connection)
{
    pthread_mutex_lock(&s->lock);
    bool waits = !s->woken;
    s->woken = false;
    if (waits) {
        s->waiting = connection;
        MHD_suspend_connection(connection);
    }
    pthread_mutex_unlock(&s->lock);
    return waits;
}

static ssize_t block_read(void *arg, uint64_t at, char *to, size_t size)
{
    struct outflow *f = arg;
    long got;
    (void)at;
    link_stream(f->to.links, f->to.link, 0);
    do {
        got = f->source->read(f->source, (uint8_t *)to, size);
    } while (got == 0 && !suspend(f->source, f->to.connection));
    if (got > 0) {
        f->x->streamed += (uint64_t)got;
        link_stream(f->to.links, f->to.link, (size_t)got);
        return got;
    }
    return got == 0            ? 0
           : got == SOURCE_END ? MHD_CONTENT_READER_END_OF_STREAM
                               : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void outflow_free(void *arg)
{
    struct outflow *f = arg;
    pthread_mutex_lock(&f->source->lock); /* who wakes it may be at it just now */
    METE_ASSERT(f->source->waiting == NULL);
    pthread_mutex_unlock(&f->source->lock);
    f->source->close(f->source);
    free(f);
}

/** A client whose machine is gone sends no end: the system is to find out in the time that a client
 *  has for taking a block. */
static void socket_bound(const struct outflow_to *to)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(to->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    unsigned patience_ms = links_request_s(to->links) * 1000;
    int room = SEND_BUFFER;
    METE_ASSERT(info != NULL);
    (void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms,
                     sizeof patience_ms);
    (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

struct MHD_Response *outflow_response(struct exchange *x, const struct outflow_to *to)
{
    struct outflow *f = calloc(1, sizeof *f);
    METE_ASSERT(f != NULL);
    *f = (struct outflow){x->source, x, *to};
    struct MHD_Response *r = MHD_create_response_from_callback(
        x->has_source_size ? x->source_size : MHD_SIZE_UNKNOWN, BLOCK, block_read, f, outflow_free);
    if (r == NULL) {
        free(f);
        return NULL;
    }
    x->source = NULL;
    socket_bound(to);
    return r;
}
