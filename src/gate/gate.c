/* SPDX-License-Identifier: Apache-2.0
 * Putting a gate together, its log, and what its administrator may ask. */
#include "gate/gate.h"
#include "store/wall.h"

#include "base/text.h"
#include "gate/deal.h"
#include "gate/door.h"
#include "http/reply.h"
#include "store/steady.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UPSTREAM_MS    60000u
#define FACILITATOR_MS 90000u
#define PAYMENTS_MAX   200000 /* remembered */
#define REPLAYS_MAX    20000
#define REPLAY_BYTES   ((size_t)64 << 20)
#define BODY_MAX       ((size_t)64 << 20) /* is thrown away, so that a client sees what it costs */
#define LOOK_MS        20
#define FLUSH_MS       1000 /* for the last answers' bytes */
#define OPTIONS_MAX    ((size_t)1 << 20)

int64_t gate_clock(void)
{
    return wall_now() / TIME_SECOND_US;
}

struct menu *gate_menu(struct gate *g)
{
    pthread_mutex_lock(&g->menu_lock);
    struct menu *m = g->menu;
    menu_hold(m);
    pthread_mutex_unlock(&g->menu_lock);
    return m;
}

static void menu_set(struct gate *g, struct menu *m)
{
    pthread_mutex_lock(&g->menu_lock);
    struct menu *before = g->menu;
    g->menu = m;
    pthread_mutex_unlock(&g->menu_lock);
    menu_drop(before);
}

/* --- the log -----------------------------------------------------------------------------------*/

static void line_begin(struct json_writer *w, struct buf *line, const char *level)
{
    char at[TIME_TEXT_MAX];
    time_format(wall_now(), at);
    jw_init(w, line, false);
    jw_object(w, NULL);
    jw_str(w, "at", at);
    jw_str(w, "level", level);
}

static void line_end(struct gate *g, struct json_writer *w, struct buf *line)
{
    jw_end_object(w);
    buf_put_u8(line, '\n');
    lines_put(g->lines, buf_text(line));
    buf_clear(line);
}

void gate_note(struct gate *g, const char *level, const char *what, const char *name,
               struct text value)
{
    struct buf line = {0};
    struct json_writer w;
    if (g->lines == NULL) {
        return;
    }
    line_begin(&w, &line, level);
    jw_str(&w, "event", what);
    if (name != NULL) {
        jw_text(&w, name, value);
    }
    line_end(g, &w, &line);
}

bool gate_say(struct gate *g, const char *level, const char *what, const char *why)
{
    gate_note(g, level, what, why != NULL ? "why" : NULL, text_of(why));
    return g->lines != NULL;
}

static void line_write(struct gate *g, const struct exchange *x, const struct tale *t, bool sent,
                       int64_t us)
{
    struct buf line = {0};
    struct json_writer w;
    line_begin(&w, &line, x->status >= 500 ? "ERROR" : "INFO");
    jw_str(&w, "request_id", x->request_id);
    jw_text(&w, "method", x->method);
    if (t != NULL && t->route != NULL) { /* paths may name people: the route as it was written */
        jw_text(&w, "route", t->route->label);
    }
    jw_int(&w, "status", x->status);
    jw_str(&w, "outcome", t != NULL ? gate_outcome_word(t->outcome) : "invalid");
    if (t != NULL && t->upstream_status != 0) {
        jw_int(&w, "upstream_status", t->upstream_status);
    }
    if (t != NULL && t->reason != NULL) {
        jw_str(&w, "reason", t->reason);
    }
    if (t != NULL && t->payer.len > 0) {
        jw_text(&w, "payer", t->payer);
    }
    if (t != NULL && t->transaction.len > 0) {
        jw_text(&w, "transaction", t->transaction);
    }
    jw_text(&w, "peer", x->peer);
    jw_int(&w, "bytes_in", (int64_t)x->received);
    jw_int(&w, "bytes_out", (int64_t)(x->out.len + x->streamed));
    jw_int(&w, "us", us);
    jw_bool(&w, "sent", sent);
    line_end(g, &w, &line);
}

void door_log(void *ctx, const struct exchange *x, bool sent)
{
    struct gate *g = ctx;
    const struct tale *t = x->work;
    enum gate_outcome outcome = t != NULL ? t->outcome : GATE_INVALID;
    int64_t us = steady_now() - x->began_clock;
    atomic_fetch_add(&g->meters.outcome[outcome], 1);
    stats_count(g->stats, t != NULL ? t->route : NULL, outcome);
    histogram_add(&g->meters.request, us);
    if (outcome == GATE_ASKED) {
        histogram_add(&g->meters.unpaid, us);
    }
    if (g->lines != NULL) {
        line_write(g, x, t, sent, us);
    }
    if (t != NULL) {
        menu_drop(t->menu);
    }
}

/* --- the facilitator ---------------------------------------------------------------------------*/

struct curl_slist *gate_ask(struct gate *g, CURL *c, const char *path, const struct buf *body,
                            const char *request_id)
{
    struct buf text = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Accept: application/json");
    buf_printf(&text, "X-Request-Id: %s", request_id);
    buf_put_u8(&text, 0);
    headers = curl_slist_append(headers, (const char *)text.p);
    buf_reset(&text);
    buf_put_str(&text, "Authorization: Bearer ");
    pthread_mutex_lock(&g->menu_lock);
    bool has_key = g->key.len > 0;
    buf_put_text(&text, buf_text(&g->key));
    pthread_mutex_unlock(&g->menu_lock);
    buf_put_u8(&text, 0);
    headers = has_key ? curl_slist_append(headers, (const char *)text.p) : headers;
    if (body != NULL) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, (const char *)body->p);
    }
    buf_reset(&text);
    buf_put_text(&text, g->facilitator);
    buf_put_str(&text, path);
    buf_put_u8(&text, 0);
    curl_easy_setopt(c, CURLOPT_URL, (const char *)text.p);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)g->o.facilitator_ms);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "mete-gate/" METE_VERSION);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    buf_clear(&text);
    return headers;
}

/* --- what is sold ------------------------------------------------------------------------------*/

static void offer_note(void *ctx, const struct gate_route *route, const struct gate_offer *offer,
                       const char *why)
{
    struct buf what = {0};
    buf_printf(&what, "%.*s: %.*s on %.*s is left out: %s", (int)route->label.len, route->label.p,
               (int)offer->offer.scheme.len, offer->offer.scheme.p, (int)offer->offer.network.len,
               offer->offer.network.p, why);
    gate_note(ctx, "WARNING", "offer_left_out", "offer", buf_text(&what));
    buf_clear(&what);
}

static bool menu_make(struct gate *g, struct gate_config *config, struct text supported)
{
    struct arena a;
    struct x402_supported s;
    arena_init(&a, X402_ARENA_MAX(supported.len));
    bool good = supported.len == 0 || x402_supported_read(&a, supported, &s, NULL) == METE_OK;
    if (good) {
        menu_set(g, menu_new(config, supported.len > 0 ? &s : NULL, offer_note, g));
    }
    arena_clear(&a);
    return good;
}

bool gate_menu_supported(struct gate *g, struct text answer)
{
    pthread_mutex_lock(&g->making_lock);
    struct menu *m = gate_menu(g);
    bool good = answer.len > 0 && menu_make(g, m->config, answer);
    menu_drop(m);
    if (good) {
        buf_reset(&g->supported);
        buf_put_text(&g->supported, answer);
    }
    pthread_mutex_unlock(&g->making_lock);
    return good;
}

static void key_set(struct gate *g, const char *key)
{
    pthread_mutex_lock(&g->menu_lock);
    buf_reset(&g->key);
    buf_put_text(&g->key, text_of(key));
    pthread_mutex_unlock(&g->menu_lock);
}

enum mete_code gate_reload(struct gate *g, const struct gate_options *o, struct mete_err *err)
{
    if ((o->certificate != NULL) != (g->o.certificate != NULL)) {
        return mete_fail(err, METE_USAGE, NULL, "to speak TLS or not takes a restart");
    }
    if (o->certificate != NULL) {
        const struct certificate_texts t = {o->certificate, o->certificate_key, NULL};
        enum mete_code code = server_certificate(g->front, &t, err);
        if (code != METE_OK) {
            return code;
        }
    }
    key_set(g, o->facilitator_key);
    pthread_mutex_lock(&g->making_lock);
    METE_ASSERT(menu_make(g, o->config, buf_text(&g->supported)));
    pthread_mutex_unlock(&g->making_lock);
    gate_config_drop(o->config);
    g->meters.is_stale = false;
    return METE_OK;
}

bool gate_refuse(struct gate *g, const char *why)
{
    g->meters.is_stale = true;
    return gate_say(g, "ERROR", "configuration_refused", why);
}

/* --- the administrator -------------------------------------------------------------------------*/

static struct meters_more more_of(struct gate *g)
{
    struct menu *m = gate_menu(g);
    struct meters_more more = {
        .payments = once_count(g->once), .requests = g->deals, .routes = m->config->route_count};
    for (size_t i = 0; i < m->config->route_count; i++) {
        more.routes_closed += m->route[i].count == 0;
    }
    menu_drop(m);
    return more;
}

void door_admin(void *ctx, struct exchange *x, enum mete_code turned_away)
{
    struct gate *g = ctx;
    if (turned_away != METE_OK) {
        gate_problem(x, (unsigned)mete_code_status(turned_away), mete_code_name(turned_away),
                     mete_code_meaning(turned_away));
    } else if (text_is(x->path, "/metrics")) {
        struct exposition e = {.out = &x->out};
        x->status = 200;
        x->type = TYPE_EXPOSITION;
        const struct meters_more more = more_of(g);
        meters_write(&g->meters, &e, &more);
    } else if (text_is(x->path, "/healthz")) {
        reply_body(x, 200, TYPE_TEXT, TEXT("ok\n"));
    } else if (text_is(x->path, "/readyz")) {
        bool ready = more_of(g).routes_closed == 0;
        reply_body(x, ready ? 200 : 503, TYPE_TEXT,
                   ready ? TEXT("ok\n") : TEXT("routes are not sold: see the log\n"));
    } else {
        gate_problem(x, 404, "route_unknown", "There are /metrics, /healthz and /readyz.");
    }
    server_done(x);
}

/* --- life --------------------------------------------------------------------------------------*/

static const char *kept(struct arena *a, const char *s)
{
    return s != NULL ? arena_text(a, text_of(s)).p : NULL;
}

static void options_keep(struct gate *g, const struct gate_options *o)
{
    struct arena *a = &g->arena;
    arena_init(a, OPTIONS_MAX);
    g->o = *o;
    key_set(g, o->facilitator_key);
    g->o.facilitator_key = NULL;
    g->o.listen = kept(a, o->listen);
    g->o.upstream_ms = o->upstream_ms != 0 ? o->upstream_ms : UPSTREAM_MS;
    g->o.facilitator_ms = o->facilitator_ms != 0 ? o->facilitator_ms : FACILITATOR_MS;
    g->upstream = arena_text(a, text_of(o->upstream));
    g->facilitator = arena_text(a, text_of(o->facilitator));
    while (g->upstream.len > 0 && g->upstream.p[g->upstream.len - 1] == '/') {
        g->upstream.len--;
    }
    while (g->facilitator.len > 0 && g->facilitator.p[g->facilitator.len - 1] == '/') {
        g->facilitator.len--;
    }
    size_t from = text_starts(g->upstream, "https://") ? 8 : 7;
    size_t to = from;
    while (to < g->upstream.len && g->upstream.p[to] != '/') {
        to++;
    }
    g->upstream_host = (struct text){g->upstream.p + from, to - from};
}

static enum mete_code servers_start(struct gate *g, struct mete_err *err)
{
    const struct server_options front = {.listen = g->o.listen,
                                         .connections_max = g->o.connections_max,
                                         .body_max = BODY_MAX,
                                         .header_memory = GATE_HEADER_MEMORY,
                                         .certificate = g->o.certificate,
                                         .certificate_key = g->o.certificate_key,
                                         .handle = door_handle,
                                         .begin = door_begin,
                                         .log = door_log,
                                         .ctx = g};
    const struct server_options admin = {.listen = g->o.admin,
                                         .connections_max = 64,
                                         .body_max = 1024,
                                         .handle = door_admin,
                                         .ctx = g};
    enum mete_code code = server_start(&g->front, &front, err);
    if (code == METE_OK && g->o.admin != NULL) {
        code = server_start(&g->admin, &admin, err);
    }
    return code;
}

static void state_failed(void *ctx, const char *why)
{
    gate_note(ctx, "ERROR", "state_not_written", "why", text_of(why));
}

enum mete_code gate_start(struct gate **out, const struct gate_options *o, struct mete_err *err)
{
    struct gate *g = calloc(1, sizeof *g);
    METE_ASSERT(g != NULL && pthread_mutex_init(&g->menu_lock, NULL) == 0);
    METE_ASSERT(pthread_mutex_init(&g->making_lock, NULL) == 0);
    options_keep(g, o);
    meters_init(&g->meters);
    *out = g; /* the first request may come before this returns */
    g->once = once_open(PAYMENTS_MAX);
    g->replay = replay_open(REPLAYS_MAX, REPLAY_BYTES);
    METE_ASSERT(menu_make(g, o->config, (struct text){0}));
    gate_config_drop(o->config);
    g->lines = o->log_fd >= 0 ? lines_open(o->log_fd) : NULL;
    for (size_t i = 0; i < GATE_LOOPS; i++) {
        g->loop[i] = loop_open();
    }
    enum mete_code code = stats_open(&g->stats, o->stats, err);
    if (code == METE_OK && o->state != NULL) {
        once_on_failure(g->once, state_failed, g);
        code = once_keep_in(g->once, o->state, gate_clock(), err);
    }
    if (code == METE_OK) {
        gate_watch_open(g);
        code = servers_start(g, err);
    }
    if (code != METE_OK) {
        gate_stop(g, 0);
        *out = NULL;
    }
    return code;
}

uint16_t gate_port(const struct gate *g)
{
    return server_port(g->front);
}

uint16_t gate_admin_port(const struct gate *g)
{
    return g->admin != NULL ? server_port(g->admin) : 0;
}

/** Until no deal is left and every answer has left, too: a small one is over as a deal before its
 *  bytes are sent. */
static void wait_until(struct gate *g, int64_t until)
{
    const struct timespec look = {0, LOOK_MS * 1000000};
    while ((g->deals > 0 || server_busy(g->front) > 0) && steady_now() < until) {
        nanosleep(&look, NULL);
    }
}

static void settle_down(struct gate *g, unsigned ms)
{
    const struct timespec look = {0, LOOK_MS * 1000000};
    server_quiesce(g->front);
    wait_until(g, steady_now() + (int64_t)ms * 1000);
    g->is_stopping = true;
    while (g->deals > 0) { /* a facilitator may be at it, for as long as it is given */
        nanosleep(&look, NULL);
    }
    wait_until(g, steady_now() + (int64_t)FLUSH_MS * 1000);
}

void gate_stop(struct gate *g, unsigned ms)
{
    if (g->front != NULL) {
        settle_down(g, ms);
    }
    gate_watch_close(g);
    server_stop(g->front);
    server_stop(g->admin);
    for (size_t i = 0; i < GATE_LOOPS; i++) {
        loop_close(g->loop[i]);
    }
    stats_close(g->stats);
    once_close(g->once);
    replay_close(g->replay);
    menu_drop(g->menu);
    if (g->lines != NULL) {
        lines_close(g->lines);
    }
    pthread_mutex_destroy(&g->menu_lock);
    pthread_mutex_destroy(&g->making_lock);
    buf_clear(&g->supported);
    buf_clear(&g->key);
    arena_clear(&g->arena);
    free(g);
}
