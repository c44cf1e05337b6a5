/* SPDX-License-Identifier: Apache-2.0
 * One HTTP attempt by libcurl. Redirections are not libcurl's: a payment goes to the origin that
 * asked for it, and nowhere else. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "wire/public_address.h"
#include "wire/url.h"
#include "wire/x402/payload.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- addresses ---------------------------------------------------------------------------------*/

static bool is_loopback(const struct curl_sockaddr *address)
{
    if (address->family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&address->addr;
        return (ntohl(in4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address->addr;
    return address->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static bool is_public(const struct curl_sockaddr *address)
{
    struct bytes raw = {0};
    if (address->family == AF_INET) {
        const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)&address->addr;
        raw = (struct bytes){(const uint8_t *)&in4->sin_addr, sizeof in4->sin_addr};
    } else if (address->family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address->addr;
        raw = (struct bytes){(const uint8_t *)&in6->sin6_addr, sizeof in6->sin6_addr};
    }
    return address_is_public(raw);
}

static curl_socket_t socket_open(const struct curl_sockaddr *address)
{
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/** libcurl is about to connect to exactly this address. */
static curl_socket_t socket_public(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct pay_answer *flags = arg;
    (void)purpose;
    if (!is_public(address)) {
        flags->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    flags->is_allowed = true;
    return socket_open(address);
}

/** http is for this machine, whatever the resolver thinks that localhost is. */
static curl_socket_t socket_here(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct pay_answer *flags = arg;
    (void)purpose;
    if (!is_loopback(address)) {
        flags->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    flags->is_allowed = true;
    return socket_open(address);
}

static bool is_here(struct text host)
{
    return text_is(host, "[::1]") || host_eq(host, TEXT("localhost")) ||
           (text_starts(host, "127.") && !host_is_domain(host));
}

const char *url_refused(const struct mete_client *c, const char *url)
{
    struct url u;
    const char *wrong = url_read(text_of(url), &u);
    if (wrong != NULL) {
        return wrong;
    }
    return u.is_https || c->o.allow_http || is_here(u.host)
               ? NULL
               : "it is not https, and not of this machine";
}

bool origin_eq(const char *a, const char *b)
{
    struct url x;
    struct url y;
    return url_read(text_of(a), &x) == NULL && url_read(text_of(b), &y) == NULL &&
           x.is_https == y.is_https && x.port == y.port && host_eq(x.host, y.host);
}

void handle_set(const struct mete_client *c, CURL *easy, const char *url, struct pay_answer *flags)
{
    const bool is_http = strncasecmp(url, "http:", 5) == 0;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, c->o.proxy != NULL ? c->o.proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs holds up nobody */
    curl_easy_setopt(easy, CURLOPT_USERAGENT, c->o.user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)c->o.connect_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, flags->why);
    if (c->o.ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, c->o.ca_file);
    }
    if (c->o.proxy == NULL && (c->o.public_only || (is_http && !c->o.allow_http))) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                         c->o.public_only ? socket_public : socket_here);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, flags);
    }
}

/* --- what comes --------------------------------------------------------------------------------*/

static size_t header_take(char *p, size_t size, size_t count, void *arg)
{
    struct mete_client_request *r = arg;
    struct pay_answer *a = &r->answer;
    const size_t len = size * count;
    if (text_starts((struct text){p, len}, "HTTP/")) {
        buf_reset(&a->header); /* after a 1xx */
        a->has_head = false;
    }
    /* ends with an empty line: libcurl takes a head that was cut off for a whole one */
    a->has_head = a->has_head || len <= 2;
    if (a->header.len + len > PAY_HEADER_MAX) {
        a->is_too_large = true;
        return 0;
    }
    buf_put(&a->header, p, len);
    return len;
}

static bool caller_take(struct mete_client_request *r, const char *p, size_t len)
{
    struct pay_answer *a = &r->answer;
    if (!a->has_begun) {
        a->has_begun = true;
        if (!r->take(r->user, 0, NULL, 0)) {
            return false;
        }
    }
    const bool goes_on = len == 0 || r->take(r->user, a->streamed, p, len);
    a->streamed += len;
    return goes_on;
}

static long left_ms(const struct mete_client_request *r)
{
    const mete_time left = (r->until - pay_tick()) / 1000;
    return left > 1 ? (long)left : 1;
}

/** What is wanted has begun to come: it may take as long as it likes, but for the request's own
 *  bound, while something comes. */
static void go_on(struct mete_client_request *r)
{
    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, r->until == TIME_NEVER ? 0L : left_ms(r));
}

static size_t body_take(char *p, size_t size, size_t count, void *arg)
{
    struct mete_client_request *r = arg;
    struct pay_answer *a = &r->answer;
    const size_t len = size * count;
    const size_t kept_max = r->client->o.answer_max;
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    const bool is_price = status == STATUS_PRICE && !r->client->o.no_pay;
    if (a->body.len == 0 && !a->is_streamed) {
        const bool is_last = flow_is_last(r, (unsigned)status);
        a->is_streamed = r->take != NULL && is_last;
        if (is_last) {
            go_on(r);
        }
    }
    if (a->is_streamed) {
        a->is_stopped = !caller_take(r, p, len);
        return a->is_stopped ? 0 : len;
    }
    if (a->body.len + len > (is_price && PAY_PRICE_MAX < kept_max ? PAY_PRICE_MAX : kept_max)) {
        a->is_too_large = true;
        return 0;
    }
    buf_put(&a->body, p, len);
    return len;
}

void answer_reset(struct pay_answer *a)
{
    const struct buf header = a->header;
    const struct buf body = a->body;
    *a = (struct pay_answer){.header = header, .body = body};
    buf_reset(&a->header);
    buf_reset(&a->body);
}

void answer_clear(struct pay_answer *a)
{
    buf_clear(&a->header);
    buf_clear(&a->body);
}

/** The value of a header line of that name, trimmed; false for another line. */
static bool line_value(struct text line, struct text name, struct text *out)
{
    if (line.len <= name.len || line.p[name.len] != ':' ||
        !host_eq((struct text){line.p, name.len}, name)) {
        return false;
    }
    struct text v = {line.p + name.len + 1, line.len - name.len - 1};
    while (v.len > 0 && (v.p[0] == ' ' || v.p[0] == '\t')) {
        v = (struct text){v.p + 1, v.len - 1};
    }
    while (v.len > 0 && (unsigned char)v.p[v.len - 1] <= ' ') {
        v.len--;
    }
    *out = v;
    return true;
}

bool answer_header(const struct pay_answer *a, const char *name, char **out)
{
    const char *at = (const char *)a->header.p;
    size_t left = a->header.len;
    struct text found = {0};
    bool is_there = false;
    bool is_clear = true;
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        const size_t len = end != NULL ? (size_t)(end - at) + 1 : left;
        struct text value;
        if (line_value((struct text){at, len}, text_of(name), &value)) {
            is_clear = is_clear && (!is_there || text_eq(found, value));
            is_there = true;
            found = value;
        }
        at += len;
        left -= len;
    }
    if (!is_there || !is_clear) {
        return false;
    }
    *out = strndup(found.p, found.len);
    return *out != NULL;
}

/** libcurl sends a request again by itself when a connection that was kept turns out to be dead:
 *  that is noticed, and not allowed to what must not be done twice. */
static int about_to_send(void *arg, char *to_ip, char *from_ip, int to_port, int from_port)
{
    struct mete_client_request *r = arg;
    (void)to_ip;
    (void)from_ip;
    (void)to_port;
    (void)from_port;
    return r->answer.begun++ == 0 || r->carries || flow_may_repeat(r) ? CURL_PREREQFUNC_OK
                                                                      : CURL_PREREQFUNC_ABORT;
}

/* --- the attempt -------------------------------------------------------------------------------*/

/** What a server of another origin is not told (as libcurl and browsers have it). */
static bool is_private(struct text line)
{
    struct text value;
    return line_value(line, TEXT("Authorization"), &value) ||
           line_value(line, TEXT("Cookie"), &value) ||
           line_value(line, TEXT("Proxy-Authorization"), &value);
}

static bool line_add(struct mete_client_request *r, const char *line)
{
    struct curl_slist *more = curl_slist_append(r->sent_header, line);
    r->sent_header = more != NULL ? more : r->sent_header;
    return more != NULL;
}

static bool payment_add(struct mete_client_request *r)
{
    char *line = NULL;
    const int len =
        asprintf(&line, "%s: %s", x402_payment_header(r->entry->version), r->entry->header);
    const bool fine = len > 0 && line_add(r, line);
    free(line);
    return fine;
}

static bool header_make(struct mete_client_request *r)
{
    const bool is_home = origin_eq(r->url, r->url_now);
    curl_slist_free_all(r->sent_header);
    r->sent_header = NULL;
    bool fine = line_add(r, "Expect:");
    for (const struct curl_slist *l = r->header; fine && l != NULL; l = l->next) {
        fine = (!is_home && is_private(text_of(l->data))) || line_add(r, l->data);
    }
    return fine && (!r->carries || payment_add(r));
}

static void method_set(struct mete_client_request *r)
{
    CURL *e = r->easy;
    const char *method = r->is_get ? "GET" : r->method;
    const bool has_body = !r->is_get && r->body.len > 0;
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_body || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
        strcmp(method, "PATCH") == 0) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(has_body ? r->body.len : 0));
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, has_body ? (const char *)r->body.p : "");
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
}

/** What is left for the head of this attempt, and for a body that is not what is wanted; ms. */
static long attempt_ms(const struct mete_client_request *r)
{
    const long left = r->until == TIME_NEVER ? LONG_MAX : left_ms(r);
    const long most = (long)r->client->o.attempt_ms;
    return left < most ? left : most;
}

bool transfer_begin(struct mete_client_request *r)
{
    struct mete_client *c = r->client;
    answer_reset(&r->answer);
    r->easy = curl_easy_init();
    if (r->easy == NULL || !header_make(r)) {
        return false;
    }
    handle_set(c, r->easy, r->url_now, &r->answer);
    method_set(r);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->sent_header);
    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, attempt_ms(r));
    curl_easy_setopt(r->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(r->easy, CURLOPT_LOW_SPEED_TIME, ((long)c->o.attempt_ms + 999) / 1000);
    curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, header_take);
    curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_PREREQFUNCTION, about_to_send);
    curl_easy_setopt(r->easy, CURLOPT_PREREQDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    r->step = STEP_TRANSFER;
    r->result.attempts++;
    return curl_multi_add_handle(c->multi, r->easy) == CURLM_OK;
}

void transfer_end(struct mete_client_request *r, CURLcode code)
{
    struct pay_answer *a = &r->answer;
    long status = 0;
    long sent = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(r->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &wait);
    a->is_sent = sent > 0 || a->begun > 1;
    a->status = a->has_head && status > 0 ? (unsigned)status : 0;
    a->retry_after_s = wait > 0 && wait < 86400 ? (unsigned)wait : wait > 0 ? 86400 : 0;
    a->is_answered = code == CURLE_OK && a->has_head;
    a->is_refused = a->is_refused && !a->is_allowed;
    /* libcurl's word for a line of the head that is longer than it takes */
    a->is_too_large = a->is_too_large || (code == CURLE_OUT_OF_MEMORY && !a->has_head);
    if (a->why[0] == '\0' && code != CURLE_OK) {
        (void)text_copy(a->why, sizeof a->why, text_of(curl_easy_strerror(code)));
    }
    transfer_stop(r);
}

void transfer_stop(struct mete_client_request *r)
{
    if (r->easy != NULL) {
        (void)curl_multi_remove_handle(r->client->multi, r->easy);
        curl_easy_cleanup(r->easy);
        r->easy = NULL;
    }
    curl_slist_free_all(r->sent_header);
    r->sent_header = NULL;
}
