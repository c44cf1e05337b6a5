/* SPDX-License-Identifier: Apache-2.0
 * From a connection to a call and back, through libmicrohttpd with a thread a connection, so that
 * a connection may hang. Faults of the transport strike here: before a call is done, after it, and
 * while its answer is sent. */
#include "railsim/server.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALL_ARENA_MAX ((size_t)512 << 20)
#define IDLE_S         60u
#define HUGE_BYTES     ((uint64_t)64 << 20)
#define DRIP_STEPS     20u
#define WAIT_MS        20u

/* --- answers that are not sent as they are -----------------------------------------------------*/

/* What is sent piece by piece, after its call is gone. */
struct piece {
    struct sim *s;
    enum fault_kind kind;
    struct buf body;
    uint32_t ms;
    char follow[65];
    bool told; /* that the payment is in flight */
    bool over; /* its end was written */
};

static void piece_free(void *ctx)
{
    struct piece *p = ctx;
    buf_clear(&p->body);
    free(p);
}

static ssize_t piece_copy(const struct piece *p, uint64_t at, char *out, size_t max)
{
    size_t left = p->body.len - (size_t)at;
    size_t n = left < max ? left : max;
    memcpy(out, p->body.p + at, n);
    return (ssize_t)n;
}

static ssize_t cut_read(void *ctx, uint64_t at, char *out, size_t max)
{
    const struct piece *p = ctx;
    uint64_t half = p->body.len / 2;
    if (at >= half) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return piece_copy(p, at, out, max < half - at ? max : (size_t)(half - at));
}

static ssize_t drip_read(void *ctx, uint64_t at, char *out, size_t max)
{
    const struct piece *p = ctx;
    size_t step = p->body.len / DRIP_STEPS + 1;
    if (!sim_rest(p->s, p->ms / DRIP_STEPS)) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return piece_copy(p, at, out, max < step ? max : step);
}

static ssize_t huge_read(void *ctx, uint64_t at, char *out, size_t max)
{
    (void)ctx;
    memset(out, 'a', max);
    if (at == 0 && max > 1) {
        memcpy(out, "[\"", 2);
    }
    return (ssize_t)max;
}

/** A stream that goes on until a payment has ended. */
static ssize_t follow_read(void *ctx, uint64_t at, char *out, size_t max)
{
    struct piece *p = ctx;
    while (at >= p->body.len && !p->over) {
        pthread_mutex_lock(&p->s->lock);
        sim_tick(p->s);
        p->over = p->s->is_ending || !lnd_follow(p->s, p->follow, &p->told, &p->body);
        pthread_mutex_unlock(&p->s->lock);
        if (at >= p->body.len && !p->over && !sim_rest(p->s, WAIT_MS)) {
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    return at < p->body.len ? piece_copy(p, at, out, max) : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *response_of_piece(struct call *c, uint64_t size,
                                              MHD_ContentReaderCallback read)
{
    struct piece *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    *p = (struct piece){.s = c->s, .kind = c->fault.kind, .ms = c->fault.ms, .told = true};
    memcpy(p->follow, c->follow, sizeof p->follow);
    buf_put(&p->body, c->out.p, c->out.len);
    return MHD_create_response_from_callback(size, 4096, read, p, piece_free);
}

static struct MHD_Response *response_new(struct call *c)
{
    bool fired = c->fault.fired;
    if (fired && c->fault.kind == FAULT_CUT_MIDDLE) {
        return response_of_piece(c, c->out.len, cut_read);
    }
    if (fired && c->fault.kind == FAULT_SLOW_BODY) {
        return response_of_piece(c, c->out.len, drip_read);
    }
    if (fired && c->fault.kind == FAULT_HUGE_BODY) {
        return response_of_piece(c, HUGE_BYTES, huge_read);
    }
    if (c->follow[0] != '\0') {
        return response_of_piece(c, MHD_SIZE_UNKNOWN, follow_read);
    }
    return MHD_create_response_from_buffer(c->out.len, c->out.p, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result call_send(struct call *c)
{
    struct MHD_Response *response = c->cut ? NULL : response_new(c);
    if (response == NULL) {
        return MHD_NO;
    }
    if (c->type != NULL) {
        MHD_add_response_header(response, "Content-Type", c->type);
    }
    for (size_t i = 0; i < c->header_count; i++) {
        MHD_add_response_header(response, c->header[i].name.p, c->header[i].value.p);
    }
    enum MHD_Result queued = MHD_queue_response(c->connection, c->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* --- faults around a call ----------------------------------------------------------------------*/

/** Hangs, with the lock given back meanwhile. False: the simulator ends. */
static bool hang(struct call *c)
{
    struct sim *s = c->s;
    struct timespec until = sim_after(c->fault.ms);
    unsigned was = s->let_go;
    int got = 0;
    while (!s->is_ending && s->let_go == was && got == 0) {
        got = pthread_cond_timedwait(&s->ending, &s->lock, &until);
    }
    return !s->is_ending;
}

/** True: the call is over and nothing was done. */
static bool over_before(struct call *c)
{
    if (fault_take(c, FAULT_TIMEOUT_BEFORE)) {
        (void)hang(c);
        c->cut = true;
    } else if (fault_take(c, FAULT_CUT_REQUEST)) {
        c->cut = true;
    } else if (fault_take(c, FAULT_TOO_MANY)) {
        bool json = (c->route->does & DOES_OWN_ERRORS) != 0;
        call_plain(c, 429,
                   json ? "{\"error\":{\"code\":\"rate_limit\",\"message\":\"Too many requests\","
                          "\"type\":\"invalid_request_error\"}}"
                        : "Too Many Requests\n");
        c->type = json ? "application/json" : c->type;
        call_add_header(c, "Retry-After", arena_printf(&c->arena, "%lld", (long long)c->fault.s));
    } else if (fault_take(c, FAULT_REDIRECT)) {
        call_plain(c, 302, "");
        call_add_header(c, "Location",
                        text_of(c->fault.text[0] != '\0' ? c->fault.text : "http://127.0.0.1:9/"));
    } else if ((c->route->does & DOES_OWN_ERRORS) == 0 && fault_take(c, FAULT_ERROR_BEFORE)) {
        call_plain(c, 500, "Internal Server Error\n");
    } else if (fault_take(c, FAULT_DONE_LATE)) {
        c->cut = !hang(c);
        return c->cut;
    } else {
        return false;
    }
    return true;
}

static void garbage(struct call *c)
{
    buf_reset(&c->out);
    for (unsigned i = 0; i < 200; i++) {
        buf_put_u8(&c->out, (uint8_t)rng_below(&c->s->rng, 256));
    }
}

static void fail_after(struct call *c)
{
    if (fault_take(c, FAULT_TIMEOUT_AFTER)) {
        (void)hang(c);
        c->cut = true;
    } else if (fault_take(c, FAULT_CUT_BEFORE)) {
        c->cut = true;
    } else if ((c->route->does & DOES_OWN_ERRORS) == 0 && fault_take(c, FAULT_ERROR_AFTER)) {
        call_plain(c, 500, "Internal Server Error\n");
        c->follow[0] = '\0';
    } else if (fault_take(c, FAULT_GARBAGE_BODY)) {
        garbage(c);
        c->follow[0] = '\0';
    } else if (c->out.len >= 2 && c->follow[0] == '\0') {
        (void)(fault_take(c, FAULT_CUT_MIDDLE) || fault_take(c, FAULT_SLOW_BODY) ||
               fault_take(c, FAULT_HUGE_BODY));
    }
}

/** Runs the handler, and goes on with it while it waits. False: the simulator ends. */
static bool call_handle(struct call *c)
{
    void (*next)(struct call * c) = c->route->handle;
    for (;;) {
        c->now_us = sim_now(c->s);
        c->wait = NULL;
        state_do(c->s, "BEGIN", "");
        next(c);
        state_do(c->s, "COMMIT", "");
        next = c->wait;
        if (next == NULL) {
            return true;
        }
        pthread_mutex_unlock(&c->s->lock);
        bool goes_on = sim_rest(c->s, WAIT_MS);
        pthread_mutex_lock(&c->s->lock);
        if (!goes_on) {
            return false;
        }
        sim_tick(c->s);
    }
}

static void call_do(struct call *c)
{
    if (!stripe_key_begin(c)) {
        return;
    }
    if (!over_before(c)) {
        c->cut = !call_handle(c);
        fail_after(c);
    }
    stripe_key_end(c);
}

static void call_answer(struct call *c)
{
    bool path_known = false;
    call_read(c);
    c->route = c->too_large ? NULL : route_of(c, &path_known);
    if (c->route == NULL) {
        call_plain(c,
                   c->too_large ? 413
                   : path_known ? 405
                                : 404,
                   c->too_large ? "too large\n" : "no such route; see GET /sim\n");
        return;
    }
    if (!call_is_text(c)) {
        call_plain(c, 400, "path and arguments are UTF-8\n");
        return;
    }
    pthread_mutex_lock(&c->s->lock);
    if (c->s->is_ending) {
        c->cut = true;
    } else {
        sim_tick(c->s);
        c->now_us = sim_now(c->s);
        fault_pick(c);
        call_do(c);
    }
    pthread_mutex_unlock(&c->s->lock);
}

/* --- libmicrohttpd -----------------------------------------------------------------------------*/

static struct call *call_new(struct sim *s, struct MHD_Connection *connection, const char *url,
                             const char *method)
{
    struct call *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    c->s = s;
    c->connection = connection;
    c->status = 500;
    arena_init(&c->arena, CALL_ARENA_MAX);
    c->path = arena_text(&c->arena, text_of(url));
    c->method = arena_text(&c->arena, text_of(method));
    return c;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct call *c = *state;
    (void)version;
    if (c == NULL) {
        *state = call_new(ctx, connection, url, method);
        return MHD_YES;
    }
    if (*size > 0) {
        c->too_large = c->too_large || c->body.len + *size > CALL_BODY_MAX;
        if (!c->too_large) {
            buf_put(&c->body, data, *size);
        }
        *size = 0;
        return MHD_YES;
    }
    call_answer(c);
    return call_send(c);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct call *c = *state;
    (void)ctx;
    (void)connection;
    (void)how;
    if (c != NULL) {
        buf_clear(&c->body);
        buf_clear(&c->out);
        arena_clear(&c->arena);
        free(c);
        *state = NULL;
    }
}

bool server_open(struct sim *s)
{
    struct MHD_OptionItem more[8];
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC;
    size_t n = 0;
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, s->o.listen_fd, NULL};
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL};
    if (s->o.certificate != NULL) {
        flags |= MHD_USE_TLS;
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                            (void *)(uintptr_t)s->o.certificate};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
                                            (void *)(uintptr_t)s->o.certificate_key};
    }
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, more,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_END);
    return s->daemon != NULL;
}

void server_close(struct sim *s)
{
    MHD_stop_daemon(s->daemon);
}
