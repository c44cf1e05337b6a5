/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a request to the front desk of a server without a socket: "METHOD PATH?QUERY", lines
 * of headers, an empty line, the body. Whatever comes, there is one answer, it is no failure of
 * ours, and an answer that says it is JSON is. This file takes the place of http/server.c. */
#include "base/text.h"
#include "http/desk.h"
#include "http/sink.h"
#include "wire/json.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUTS_OF_A_STORE 5000 /* then a new one, so that it stays small */
#define ARENA_MAX         ((size_t)1 << 30)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
    sem_t answered;
    sem_t room; /* the sink wants more */
};

static struct server the_server;
static struct desk *desk;
static char dir[64];
static unsigned inputs;

/* --- in place of the server --------------------------------------------------------------------*/

enum mete_code server_start(struct server **out, const struct server_options *o,
                            struct mete_err *err)
{
    (void)o;
    (void)err;
    METE_ASSERT(sem_init(&the_server.answered, 0, 0) == 0);
    METE_ASSERT(sem_init(&the_server.room, 0, 0) == 0);
    *out = &the_server;
    return METE_OK;
}

void server_stop(struct server *s)
{
    if (s != NULL) {
        sem_destroy(&s->answered);
        sem_destroy(&s->room);
    }
}

void server_done(struct exchange *x)
{
    METE_ASSERT(x->status != 0);
    sem_post(&the_server.answered);
}

void server_go_on(struct exchange *x)
{
    (void)x;
    sem_post(&the_server.room);
}

bool server_hold(struct exchange *x, size_t size)
{
    return size <= x->received;
}

unsigned server_connections_max(const struct server_options *o)
{
    return o->connections_max != 0 ? o->connections_max : 16;
}

uint16_t server_port(const struct server *s)
{
    (void)s;
    return 1;
}

void server_stats(const struct server *s, struct server_stats *out)
{
    (void)s;
    *out = (struct server_stats){.connections = 1};
}

unsigned server_busy(const struct server *s)
{
    (void)s;
    return 0;
}

void server_quiesce(struct server *s)
{
    (void)s;
}

/* --- the desk ----------------------------------------------------------------------------------*/

static const char *file_in(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", dir, name);
    return out;
}

static void desk_down(void)
{
    static const char *const files[] = {"f.db", "f.db-wal", "f.db-shm", "f.db.key", "f.db-journal"};
    char path[128];
    if (desk == NULL) {
        return;
    }
    desk_close(desk);
    desk = NULL;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        unlink(file_in(path, files[i]));
    }
    rmdir(dir);
}

static void desk_up(void)
{
    char path[128];
    struct mete_err err;
    snprintf(dir, sizeof dir, "%s/mete-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    METE_ASSERT(mkdtemp(dir) != NULL);
    const struct desk_options o = {.store = file_in(path, "f.db"),
                                   .book = "main",
                                   .create = true,
                                   .loopback = true,
                                   .workers = 1,
                                   .cache_size = (size_t)4 << 20};
    METE_ASSERT(desk_open(&desk, &o, &err) == METE_OK);
    if (inputs == 0) {
        atexit(desk_down);
    }
}

/* --- a request ---------------------------------------------------------------------------------*/

/** Takes what comes before `end` off the front; all of it when there is none. */
static struct text take(struct text *rest, char end)
{
    const char *at = rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
    struct text got = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->len};
    size_t used = at != NULL ? got.len + 1 : got.len;
    rest->p += used;
    rest->len -= used;
    return got;
}

/** libmicrohttpd hands on no zero bytes: they end a text. */
static struct text kept(struct exchange *x, struct text t)
{
    const char *zero = t.len > 0 ? memchr(t.p, '\0', t.len) : NULL;
    t.len = zero != NULL ? (size_t)(zero - t.p) : t.len;
    return arena_text(&x->arena, t);
}

static bool query_read(struct exchange *x, struct text query)
{
    while (query.len > 0) {
        struct text value = take(&query, '&');
        struct text name = take(&value, '=');
        struct pair *p = &x->query[x->query_count];
        if (x->query_count == EXCHANGE_PAIRS_MAX ||
            !percent_decode(&x->arena, kept(x, name), true, &p->name) ||
            !percent_decode(&x->arena, kept(x, value), true, &p->value)) {
            return false;
        }
        x->query_count++;
    }
    return true;
}

static bool request_read(struct exchange *x, struct text in)
{
    struct text query = take(&in, '\n');
    x->method = kept(x, take(&query, ' '));
    x->target = kept(x, query);
    x->path = kept(x, take(&query, '?'));
    bool good = query_read(x, query);
    struct text line;
    while ((line = take(&in, '\n')).len > 0) {
        struct text name = take(&line, ':');
        if (x->header_count == EXCHANGE_PAIRS_MAX) {
            good = false;
        } else {
            x->header[x->header_count++] = (struct pair){kept(x, name), kept(x, line)};
        }
    }
    buf_put(&x->body, in.p, in.len);
    x->received = in.len;
    return good;
}

static void answer_check(const struct exchange *x)
{
    METE_ASSERT(x->status >= 200 && x->status < 600 && x->status != 500);
    METE_ASSERT(x->out.len == 0 || x->type != NULL);
    for (size_t i = 0; i < x->reply_count; i++) {
        METE_ASSERT(strpbrk(x->reply[i].value.p, "\r\n") == NULL);
    }
    if (x->type != NULL && strstr(x->type, "json") != NULL && strstr(x->type, "ndjson") == NULL &&
        x->out.len > 0) {
        struct arena a;
        struct json *doc = NULL;
        struct mete_err err;
        arena_init(&a, ARENA_MAX);
        METE_ASSERT(json_parse(&a, buf_text(&x->out), &doc, &err) == METE_OK);
        arena_clear(&a);
    }
}

static void await(sem_t *s)
{
    while (sem_wait(s) != 0) {
    }
}

/** A body without a known end, in parts of a few bytes. True: it was taken. */
static bool flow(struct exchange *x, bool whole)
{
    struct buf body = x->body;
    size_t part = 1 + body.len / 7;
    x->received = 0;
    x->body = (struct buf){0};
    desk_begin(desk, x, SERVER_LENGTH_UNKNOWN);
    bool taken = x->sink != NULL || x->status != 0;
    for (size_t at = 0; x->sink != NULL && at < body.len; at += part) {
        size_t len = body.len - at < part ? body.len - at : part;
        x->received += len;
        if (!x->sink->take(x->sink, (struct bytes){body.p + at, len})) {
            await(&the_server.room);
        }
    }
    if (x->sink != NULL && whole) {
        x->sink->end(x->sink);
        await(&the_server.answered);
    }
    if (x->sink != NULL) {
        x->sink->gone(x->sink);
        METE_ASSERT(x->status != 0);
        (void)sem_trywait(&the_server.answered); /* before it was whole */
    }
    if (!taken) {
        x->body = body;
        x->received = body.len;
        return false;
    }
    if (x->sink == NULL) {
        await(&the_server.answered);
    }
    buf_clear(&body);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exchange x;
    if (inputs % INPUTS_OF_A_STORE == 0) {
        desk_down();
        desk_up();
    }
    inputs++;
    exchange_init(&x);
    bool good = request_read(&x, (struct text){(const char *)data, size});
    enum mete_code away = good ? METE_OK : METE_REQUEST_INVALID;
    if (good && x.body.len > desk_limit(desk, &x)) {
        away = METE_BODY_TOO_LARGE;
    }
    if (!good || desk_limit(desk, &x) == 0 || !flow(&x, size % 5 != 0)) {
        desk_handle(desk, &x, away);
        await(&the_server.answered);
    }
    answer_check(&x);
    exchange_clear(&x);
    return 0;
}
