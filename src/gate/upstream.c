/* SPDX-License-Identifier: Apache-2.0
 * What the upstream is asked, and what comes back. libcurl cuts chunks and lengths; which headers
 * go on is decided here: none that is of one connection alone (RFC 9110, 7.6.1), none by which a
 * request could be another one for the upstream than for the gate. */
#include "base/text.h"
#include "gate/deal.h"
#include "http/query_args.h"
#include "wire/url.h"
#include "wire/x402/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS  10000L
#define BUFFER_SIZE (64L << 10)
#define HEAD_OWN    ((size_t)8 << 10) /* for what the gate adds to a head */
#define HEAD_PAIR   80                /* that a header takes beside its text */

/** A name of a header as CGI has it: everything but letters and digits is one sign there. So
 *  X_Original_URL is X-Original-URL to many servers. */
static char sign_of(char c)
{
    bool is_digit = c >= '0' && c <= '9';
    bool is_small = c >= 'a' && c <= 'z';
    bool is_large = c >= 'A' && c <= 'Z';
    return is_large ? (char)(c - 'A' + 'a') : is_digit || is_small ? c : '-';
}

static bool name_is(struct text name, const char *wanted)
{
    for (size_t i = 0; i < name.len; i++) {
        if (wanted[i] == '\0' || sign_of(name.p[i]) != sign_of(wanted[i])) {
            return false;
        }
    }
    return wanted[name.len] == '\0';
}

static bool name_in(struct text name, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (name_is(name, list[i])) {
            return true;
        }
    }
    return false;
}

/** Whether a list of names with commas has this one. */
static bool list_has(struct text list, struct text name)
{
    for (size_t at = 0; at < list.len;) {
        size_t end = at;
        while (end < list.len && list.p[end] != ',') {
            end++;
        }
        struct text one = {list.p + at, end - at};
        while (one.len > 0 && (one.p[0] == ' ' || one.p[0] == '\t')) {
            one = (struct text){one.p + 1, one.len - 1};
        }
        while (one.len > 0 && (one.p[one.len - 1] == ' ' || one.p[one.len - 1] == '\t')) {
            one.len--;
        }
        if (host_eq(one, name)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

static const char *const HOP_BY_HOP[] = {
    "Connection", "Keep-Alive",       "Proxy-Authenticate", "Proxy-Authorization",
    "TE",         "Trailer",          "Transfer-Encoding",  "Upgrade",
    "Expect",     "Proxy-Connection", "Content-Length",     "HTTP2-Settings",
    NULL};
/* The gate's own, and such as make another path or another method of a request. */
static const char *const OWN[] = {"Host",
                                  "X-Request-Id",
                                  "X-Forwarded-For",
                                  "X-Forwarded-Host",
                                  "X-Forwarded-Proto",
                                  "X-Forwarded-Port",
                                  "Forwarded",
                                  "X-HTTP-Method-Override",
                                  "X-HTTP-Method",
                                  "X-Method-Override",
                                  "X-Original-URL",
                                  "X-Original-URI",
                                  "X-Original-Path",
                                  "X-Original-Method",
                                  "X-Rewrite-URL",
                                  "X-Override-URL",
                                  "X-Envoy-Original-Path",
                                  "X-Forwarded-Prefix",
                                  "X-Forwarded-Path",
                                  "X-Forwarded-Uri",
                                  "X-Forwarded-Method",
                                  "X-Payment-Payer",
                                  "X-Payment-Amount",
                                  X402_HEADER_OVERRIDES,
                                  NULL};
static const char *const PAYMENT[] = {X402_HEADER_SIGNATURE, X402_HEADER_V1_PAYMENT, NULL};
static const char *const ANSWERED[] = {X402_HEADER_REQUIRED, X402_HEADER_RESPONSE,
                                       X402_HEADER_V1_RESPONSE, X402_HEADER_EXTENSIONS, NULL};

static void header_add(struct deal *d, const char *name, struct text value)
{
    struct buf line = {0};
    /* libcurl sends a header without a value when a semicolon stands for the colon */
    buf_printf(&line, value.len > 0 ? "%s: " : "%s;", name);
    buf_put_text(&line, value);
    buf_put_u8(&line, 0);
    d->headers = curl_slist_append(d->headers, (const char *)line.p);
    METE_ASSERT(d->headers != NULL);
    buf_clear(&line);
}

static void forwarded_add(struct deal *d, const struct exchange *x)
{
    bool trusted = d->menu->config->trusts_forwarded;
    struct text before = trusted ? exchange_header(x, "X-Forwarded-For") : (struct text){0};
    struct text host = trusted ? exchange_header(x, "X-Forwarded-Host") : (struct text){0};
    struct text proto = trusted ? exchange_header(x, "X-Forwarded-Proto") : (struct text){0};
    struct text all = before.len > 0 ? arena_printf(&d->arena, "%.*s, %.*s", (int)before.len,
                                                    before.p, (int)x->peer.len, x->peer.p)
                                     : x->peer;
    host = host.len > 0 ? host : exchange_header(x, "Host");
    header_add(d, "X-Forwarded-For", all);
    if (host.len > 0) {
        header_add(d, "X-Forwarded-Host", host);
    }
    header_add(d, "X-Forwarded-Proto",
               proto.len > 0 ? proto : text_of(x->is_tls ? "https" : "http"));
}

/** Whether the request names it as one of its own connection. */
static bool is_of_connection(const struct exchange *x, struct text name)
{
    for (size_t i = 0; i < x->header_count; i++) {
        if (name_is(x->header[i].name, "Connection") && list_has(x->header[i].value, name)) {
            return true;
        }
    }
    return false;
}

static bool goes_on(const struct deal *d, const struct exchange *x, struct text name)
{
    return !name_in(name, HOP_BY_HOP) && !name_in(name, OWN) && !is_of_connection(x, name) &&
           !(d->route != NULL && name_in(name, PAYMENT));
}

/** What is left for the head of an answer: the server holds both heads in one piece of memory. */
static size_t head_room(const struct exchange *x)
{
    size_t taken = x->target.len + HEAD_OWN;
    for (size_t i = 0; i < x->header_count; i++) {
        taken += x->header[i].name.len + x->header[i].value.len + HEAD_PAIR;
    }
    return taken < GATE_HEADER_MEMORY ? GATE_HEADER_MEMORY - taken : 0;
}

void upstream_headers(struct deal *d, const struct exchange *x)
{
    static const char *const NOT_BY_ITSELF[] = {"Accept", "User-Agent", "Content-Type"};
    struct text own = d->menu->config->host;
    struct text host = own.len == 0               ? exchange_header(x, "Host")
                       : text_is(own, "upstream") ? d->g->upstream_host
                                                  : own;
    d->head_max = head_room(x);
    for (size_t i = 0; i < x->header_count; i++) {
        if (goes_on(d, x, x->header[i].name)) {
            header_add(d, arena_text(&d->arena, x->header[i].name).p, x->header[i].value);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(NOT_BY_ITSELF); i++) { /* what libcurl would add */
        if (exchange_header(x, NOT_BY_ITSELF[i]).p == NULL) {
            struct text line = arena_printf(&d->arena, "%s:", NOT_BY_ITSELF[i]);
            d->headers = curl_slist_append(d->headers, line.p);
        }
    }
    d->headers = curl_slist_append(d->headers, "Expect:");
    if (host.len > 0) {
        header_add(d, "Host", host);
    }
    header_add(d, "X-Request-Id", text_of(d->request_id));
    forwarded_add(d, x);
}

/* --- what comes back ---------------------------------------------------------------------------*/

static struct text trimmed(struct text t)
{
    while (t.len > 0 && (t.p[0] == ' ' || t.p[0] == '\t')) {
        t = (struct text){t.p + 1, t.len - 1};
    }
    while (t.len > 0 && (unsigned char)t.p[t.len - 1] <= ' ') {
        t.len--;
    }
    return t;
}

static void head_begin(struct deal *d)
{
    d->head_count = 0;
    d->head_len = 0;
    d->has_size = false;
    d->overrides = d->hop = (struct text){0};
}

/** Names that the head's own Connection takes for this connection alone. */
static void head_own_drop(struct deal *d)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->head_count; i++) {
        if (!list_has(d->hop, d->head[i].name)) {
            d->head[kept++] = d->head[i];
        }
    }
    d->head_count = kept;
}

static void head_end(struct deal *d)
{
    long status = 0;
    curl_easy_getinfo(d->upstream.curl, CURLINFO_RESPONSE_CODE, &status);
    head_own_drop(d);
    if (status >= 200) { /* what is below says only that more comes */
        d->status = (unsigned)status;
        d->head_done = true;
    }
}

static void head_line(struct deal *d, struct text name, struct text value)
{
    if (host_eq(name, TEXT("Content-Length"))) {
        d->has_size = text_number(value, 0, INT64_MAX, &d->size);
    } else if (host_eq(name, TEXT(X402_HEADER_OVERRIDES))) {
        d->overrides = arena_text(&d->arena, value);
    }
    if (name_in(name, HOP_BY_HOP) || host_eq(name, TEXT(X402_HEADER_OVERRIDES)) ||
        (d->route != NULL && name_in(name, ANSWERED))) {
        return;
    }
    if (d->head_count == DEAL_HEADERS_MAX) {
        d->head_full = true;
        return;
    }
    d->head[d->head_count++] =
        (struct pair){arena_text(&d->arena, name), arena_text(&d->arena, value)};
}

static size_t header_take(char *p, size_t size, size_t count, void *arg)
{
    struct deal *d = arg;
    size_t len = size * count;
    struct text line = {p, len};
    const char *colon = memchr(p, ':', len);
    if (d->head_done) {
        return len; /* trailers */
    }
    if (text_starts(line, "HTTP/")) {
        head_begin(d);
    } else if (trimmed(line).len == 0) {
        head_end(d);
    } else if (colon != NULL) {
        struct text name = {p, (size_t)(colon - p)};
        struct text value = trimmed((struct text){colon + 1, len - name.len - 1});
        if (host_eq(name, TEXT("Connection"))) {
            d->hop = arena_printf(&d->arena, "%.*s,%.*s", (int)d->hop.len, d->hop.p, (int)value.len,
                                  value.p);
        } else {
            head_line(d, name, value);
        }
    }
    d->head_len += len;
    d->head_full = d->head_full || d->head_len > d->head_max;
    return d->head_full ? 0 : len; /* a part of it may not be passed on: it could be any */
}

static size_t body_take(char *p, size_t size, size_t count, void *arg)
{
    struct deal *d = arg;
    size_t len = size * count;
    pthread_mutex_lock(&d->lock);
    bool room = pipe_len(&d->down) < DEAL_WINDOW;
    if (room) {
        pipe_put(&d->down, p, len);
    }
    d->down_waits = !room;
    bool wake = room && d->is_source && !d->is_closed;
    if (wake) { /* under the lock: nobody may wake it once it is closed */
        source_wake(&d->source);
    }
    pthread_mutex_unlock(&d->lock);
    return room ? len : CURL_WRITEFUNC_PAUSE;
}

static size_t body_give(char *to, size_t size, size_t count, void *arg)
{
    struct deal *d = arg;
    pthread_mutex_lock(&d->lock);
    size_t len = pipe_take(&d->up, to, size * count);
    bool waits = len == 0 && !d->up_ended;
    d->up_waits = waits;
    if (d->up_full && pipe_len(&d->up) <= DEAL_WINDOW / 2 && d->x != NULL) {
        d->up_full = false;
        server_go_on(d->x);
    }
    bool left = d->has_left;
    pthread_mutex_unlock(&d->lock);
    return left ? CURL_READFUNC_ABORT : waits ? CURL_READFUNC_PAUSE : len;
}

/* --- asking ------------------------------------------------------------------------------------*/

static void body_set(struct deal *d, CURL *c)
{
    if (!d->has_body && (text_is(d->method, "GET") || text_is(d->method, "HEAD") ||
                         text_is(d->method, "OPTIONS") || text_is(d->method, "DELETE"))) {
        return;
    }
    if (!d->has_sink) { /* whole: libcurl may send it again on another connection */
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)pipe_len(&d->up));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, d->has_body ? (const char *)d->up.b.p : "");
        return;
    }
    curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c, CURLOPT_READFUNCTION, body_give);
    curl_easy_setopt(c, CURLOPT_READDATA, d);
    if (d->body_size != SERVER_LENGTH_UNKNOWN) {
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)d->body_size);
    }
}

void upstream_begin(struct deal *d)
{
    CURL *c = loop_handle(d->loop);
    d->upstream.curl = c;
    curl_easy_setopt(c, CURLOPT_URL, d->url.p);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
    body_set(d, c);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, d->method.p);
    if (text_is(d->method, "HEAD")) {
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, d->headers);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_take);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, d);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    loop_begin(d->loop, &d->upstream);
}

void upstream_resume(struct deal *d)
{
    if (d->upstream.curl == NULL || !d->upstream.is_running) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    bool down = d->down_waits && pipe_len(&d->down) <= DEAL_WINDOW / 2;
    bool up = d->up_waits && (pipe_len(&d->up) > 0 || d->up_ended || d->has_left);
    bool down_rests = d->down_waits && !down;
    bool up_rests = d->up_waits && !up;
    d->down_waits = down_rests;
    d->up_waits = up_rests;
    pthread_mutex_unlock(&d->lock);
    if (down || up) { /* not under the lock: it calls back */
        curl_easy_pause(d->upstream.curl, (down_rests ? CURLPAUSE_RECV : CURLPAUSE_RECV_CONT) |
                                              (up_rests ? CURLPAUSE_SEND : CURLPAUSE_SEND_CONT));
    }
}

bool upstream_is_whole(const struct deal *d)
{
    return d->upstream.has_ended && d->upstream.code == CURLE_OK;
}
