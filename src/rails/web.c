/* SPDX-License-Identifier: Apache-2.0
 * libcurl, one handle a web. Invariant: WEB_NOT_SENT is only said when libcurl had not begun to
 * write the request, so that a payment may be made anew. */
#include "rails/web_curl.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "wire/public_address.h"
#include "wire/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000u
#define TOTAL_MS   30000u
#define ANSWER_MAX ((size_t)1 << 20)
#define USER_AGENT "mete/" METE_VERSION

struct web {
    struct web_options o;
    CURL *curl;
    struct curl_slist *connect_to;
    struct web_answer *out; /* of the call at work */
    bool has_head;          /* all header lines have come */
    bool is_first_line;
    bool has_line; /* and here it is */
    bool is_too_large;
    bool is_refused; /* an address of the host was not allowed ... */
    bool is_allowed; /* ... but another one was */
};

static const char *kept(const char *s)
{
    char *copy = s != NULL ? strdup(s) : NULL;
    METE_ASSERT(s == NULL || copy != NULL);
    return copy;
}

void web_open(struct web **out, const struct web_options *o)
{
    struct web *w = calloc(1, sizeof *w);
    METE_ASSERT(w != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    w->o = *o;
    w->o.ca_file = kept(o->ca_file);
    w->o.pinned = kept(o->pinned);
    w->o.proxy = kept(o->proxy);
    w->o.connect_to = kept(o->connect_to);
    if (o->connect_to != NULL) {
        char line[sizeof "::" + HOST_LEN_MAX + sizeof ":65535"];
        snprintf(line, sizeof line, "::%s", o->connect_to);
        w->connect_to = curl_slist_append(NULL, line);
    }
    w->o.user_agent = kept(o->user_agent);
    w->o.answer_max = o->answer_max != 0 ? o->answer_max : ANSWER_MAX;
    w->curl = curl_easy_init();
    METE_ASSERT(w->curl != NULL);
    *out = w;
}

void web_close(struct web *w)
{
    if (w == NULL) {
        return;
    }
    const char *const texts[] = {w->o.ca_file, w->o.pinned, w->o.proxy, w->o.connect_to,
                                 w->o.user_agent};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free((void *)(uintptr_t)texts[i]);
    }
    curl_slist_free_all(w->connect_to);
    curl_easy_cleanup(w->curl);
    free(w);
}

void web_answer_clear(struct web_answer *a)
{
    secret_wipe(a->body.p, a->body.cap);
    buf_clear(&a->body);
}

/* --- what comes --------------------------------------------------------------------------------*/

static size_t body_take(char *p, size_t size, size_t count, void *arg)
{
    struct web *w = arg;
    size_t len = size * count;
    if (w->out->body.len + len > w->o.answer_max) {
        w->is_too_large = true;
        return 0;
    }
    const char *end = w->is_first_line ? memchr(p, '\n', len) : NULL;
    if (end != NULL) { /* nothing behind it is read, and the transfer ends */
        buf_put(&w->out->body, p, (size_t)(end - p));
        w->has_line = true;
        return 0;
    }
    buf_put(&w->out->body, p, len);
    return len;
}

static void header_keep(char *to, size_t size, struct text value)
{
    while (value.len > 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
        value = (struct text){value.p + 1, value.len - 1};
    }
    while (value.len > 0 && (unsigned char)value.p[value.len - 1] <= ' ') {
        value.len--;
    }
    (void)text_copy(to, size, value);
}

static size_t header_take(char *p, size_t size, size_t count, void *arg)
{
    struct web *w = arg;
    size_t len = size * count;
    const char *colon = memchr(p, ':', len);
    /* ends with an empty line: libcurl takes a head that was cut off for a whole one */
    w->has_head = (w->has_head && !text_starts((struct text){p, len}, "HTTP/")) || len <= 2;
    if (colon != NULL) {
        const struct text name = {p, (size_t)(colon - p)};
        const struct text value = {colon + 1, len - name.len - 1};
        if (host_eq(name, TEXT("content-type"))) {
            header_keep(w->out->content_type, sizeof w->out->content_type, value);
        } else if (host_eq(name, TEXT("request-id"))) {
            header_keep(w->out->request_id, sizeof w->out->request_id, value);
        } else if (host_eq(name, TEXT("idempotent-replayed"))) {
            char said[8];
            header_keep(said, sizeof said, value);
            w->out->is_replayed = host_eq(text_of(said), TEXT("true"));
        }
    }
    return len;
}

/** libcurl is about to connect to exactly this address. */
static curl_socket_t socket_make(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct web *w = arg;
    struct bytes raw = {0};
    (void)purpose;
    if (address->family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&address->addr;
        raw = (struct bytes){(const uint8_t *)&in4->sin_addr, sizeof in4->sin_addr};
    } else if (address->family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address->addr;
        raw = (struct bytes){(const uint8_t *)&in6->sin6_addr, sizeof in6->sin6_addr};
    }
    if (w->o.public_only && w->o.proxy == NULL && !address_is_public(raw)) {
        w->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    w->is_allowed = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- the call ----------------------------------------------------------------------------------*/

/** NULL: it may be asked; else why not. */
static const char *url_refused(const struct web *w, const char *text)
{
    struct url url;
    const char *wrong = url_read(text_of(text), &url);
    if (wrong != NULL) {
        return wrong;
    }
    if (!url.is_https && !w->o.allow_http) {
        return "is not https";
    }
    if (w->o.public_only && !w->o.any_port && url.port != (url.is_https ? 443 : 80)) {
        return "has a port of its own";
    }
    return NULL;
}

void web_curl_set(CURL *c, const struct web_options *o)
{
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, o->allow_http ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_PROXY, o->proxy != NULL ? o->proxy : "");
    curl_easy_setopt(c, CURLOPT_NOPROXY, ""); /* else the environment could lead around the proxy */
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, o->user_agent != NULL ? o->user_agent : USER_AGENT);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(o->connect_ms != 0 ? o->connect_ms : CONNECT_MS));
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(o->total_ms != 0 ? o->total_ms : TOTAL_MS));
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, o->keep_alive ? 0L : 1L);
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, o->keep_alive ? 0L : 1L);
    if (o->pinned != NULL) { /* this one certificate, whatever name it bears */
        curl_easy_setopt(c, CURLOPT_CAINFO, o->pinned);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (o->ca_file != NULL) {
        curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
    }
}

static void options_set(struct web *w, const struct web_request *q, struct curl_slist *headers)
{
    CURL *c = w->curl;
    curl_easy_reset(c);
    web_curl_set(c, &w->o);
    curl_easy_setopt(c, CURLOPT_URL, q->url);
    if (q->total_ms != 0) {
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)q->total_ms);
    }
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    if (strcmp(q->method, "GET") != 0) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body.len > 0 ? (const char *)q->body.p : "");
    }
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, w);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_take);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, w);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, socket_make);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, w);
    curl_easy_setopt(c, CURLOPT_CONNECT_TO, w->connect_to);
}

static void ended(struct web *w, CURLcode code, const char *why)
{
    struct web_answer *out = w->out;
    long status = 0;
    long sent = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(w->curl, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(w->curl, CURLINFO_RETRY_AFTER, &wait);
    out->status = status > 0 ? (unsigned)status : 0;
    out->retry_after_s = wait > 0 && wait < 86400 ? (unsigned)wait : 0;
    if ((code == CURLE_OK && w->has_head) || w->has_line) {
        out->outcome = WEB_ANSWERED;
        return;
    }
    const bool is_refused = w->is_refused && !w->is_allowed;
    const bool is_others = w->o.public_only || w->o.proxy != NULL; /* libcurl names its host */
    out->outcome = sent > 0 ? WEB_BROKEN : is_refused ? WEB_REFUSED : WEB_NOT_SENT;
    snprintf(out->error, sizeof out->error, "%s",
             w->is_too_large                ? "the answer is too long"
             : out->outcome == WEB_REFUSED  ? "its host is not on the public Internet"
             : code == CURLE_OK             ? "the answer was cut off in its head"
             : why[0] != '\0' && !is_others ? why
                                            : curl_easy_strerror(code));
}

void web_do(struct web *w, const struct web_request *q, struct web_answer *out)
{
    char why[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    const struct buf body = out->body;
    *out = (struct web_answer){.body = body};
    buf_reset(&out->body);
    w->out = out;
    w->has_head = false;
    w->is_first_line = q->is_first_line;
    w->has_line = false;
    w->is_too_large = false;
    w->is_refused = false;
    w->is_allowed = false;
    const char *refused = url_refused(w, q->url);
    if (refused != NULL) {
        out->outcome = WEB_REFUSED;
        snprintf(out->error, sizeof out->error, "its URL %s", refused);
        curl_slist_free_all(headers);
        return;
    }
    for (size_t i = 0; i < WEB_HEADERS_MAX && q->header[i] != NULL; i++) {
        headers = curl_slist_append(headers, q->header[i]);
    }
    METE_ASSERT(headers != NULL);
    options_set(w, q, headers);
    curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, why);
    CURLcode code = curl_easy_perform(w->curl);
    ended(w, code, why);
    curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    w->out = NULL;
}
