/* SPDX-License-Identifier: Apache-2.0
 * A connection is suspended while its request is being worked on, so no thread ever waits for a
 * book. libmicrohttpd's epoll loop stalls beyond some 128 busy connections a thread, so there is a
 * thread for every 120 (design section 5). */
#include "http/server.h"

#include "base/text.h"
#include "http/certificate.h"
#include "http/link.h"
#include "http/outflow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define THREAD_CONNECTIONS 120u
#define CONNECTIONS_MAX    1024u
#define HEADER_MEMORY      ((size_t)16 << 10) /* a connection; zeroed for every request */
#define IDLE_S             30u
#define REQUEST_S          60u
#define MEMORY_MAX         ((size_t)256 << 20)
#define BODY_FREE          ((size_t)64 << 10) /* of each body: not counted, so small ones always fit */

struct server {
    struct MHD_Daemon *daemon;
    struct server_options o;
    struct links *links;
    MHD_socket listen_fd;
    uint16_t port;
    _Atomic bool draining;
    _Atomic size_t held; /* bytes of all bodies beyond BODY_FREE of each */
};

enum stage { STAGE_READING, STAGE_WORKING, STAGE_DONE };

/* What libmicrohttpd remembers for a request. The exchange is first, so that it leads back. */
struct request {
    struct exchange x;
    struct server *s;
    struct MHD_Connection *connection;
    struct link *link;
    size_t limit;    /* of its body */
    size_t declared; /* Content-Length; 0: unknown or none */
    size_t held;     /* counted in s->held for this body */
    size_t dropped;  /* bytes of the body that were thrown away */
    enum mete_code turned_away;
    enum stage stage; /* written by server_done under `lock` */
    bool suspended;
    bool sent;
    pthread_mutex_t lock;
};

/* --- collecting a request ----------------------------------------------------------------------*/

struct pairs {
    struct request *r;
    struct pair *pair;
    size_t *count;
    bool decode;
    bool bad;
};

/** "Content-Length : 5" is no header to one reader and a length to another, and a return in a value
 *  ends a line for some: nothing of the kind is guessed at (RFC 9112, 5.1; RFC 9110, 5.5). */
static bool is_plain_header(const struct pair *p)
{
    bool plain = p->name.len > 0;
    for (size_t i = 0; i < p->name.len; i++) {
        char c = p->name.p[i];
        plain = plain && c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
    }
    for (size_t i = 0; i < p->value.len; i++) {
        unsigned char c = (unsigned char)p->value.p[i];
        plain = plain && (c >= ' ' || c == '\t') && c != 0x7f;
    }
    return plain;
}

static enum MHD_Result pair_add(void *arg, enum MHD_ValueKind kind, const char *name,
                                size_t name_len, const char *value, size_t value_len)
{
    struct pairs *p = arg;
    struct pair got = {{name, name_len}, {value != NULL ? value : "", value_len}};
    (void)kind;
    if (*p->count == EXCHANGE_PAIRS_MAX || (!p->decode && !is_plain_header(&got))) {
        p->bad = true;
        return MHD_NO;
    }
    if (p->decode && (!percent_decode(&p->r->x.arena, got.name, true, &got.name) ||
                      !percent_decode(&p->r->x.arena, got.value, true, &got.value))) {
        p->bad = true;
        return MHD_NO;
    }
    p->pair[(*p->count)++] = got;
    return MHD_YES;
}

static void turn_away(struct request *r, enum mete_code why)
{
    if (r->turned_away == METE_OK) {
        r->turned_away = why;
    }
}

static struct text peer_text(struct arena *a, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[NI_MAXHOST];
    if (info == NULL || info->client_addr == NULL ||
        getnameinfo(info->client_addr,
                    info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : sizeof(struct sockaddr_in),
                    text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0) {
        return (struct text){0};
    }
    return arena_text(a, text_of(text));
}

/** Whether the client showed a certificate of server_options.client_ca; its subject goes into the
 *  exchange. The handshake lets the others in, so that they can be told why they are sent away. */
static bool certificate_holds(struct request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned flaws = 0;
    unsigned count = 0;
    char subject[512];
    size_t len = sizeof subject;
    gnutls_x509_crt_t certificate;
    if (info == NULL || gnutls_certificate_verify_peers2(info->tls_session, &flaws) != 0 ||
        flaws != 0) {
        return false;
    }
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(info->tls_session, &count);
    if (count == 0 || gnutls_x509_crt_init(&certificate) != 0) {
        return false;
    }
    if (gnutls_x509_crt_import(certificate, chain, GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_dn(certificate, subject, &len) == 0) {
        r->x.client_certificate = arena_text(&r->x.arena, (struct text){subject, len});
    }
    gnutls_x509_crt_deinit(certificate);
    return true;
}

/** "http://host/path" names the same as "/path" (RFC 9112 has servers take both). */
static struct text path_of(const char *url)
{
    struct text scheme = {url, strcspn(url, ":/?#")};
    if (url[0] == '/' || strncmp(url + scheme.len, "://", 3) != 0) {
        return text_of(url);
    }
    const char *path = strchr(url + scheme.len + 3, '/');
    return path != NULL ? text_of(path) : TEXT("/");
}

static bool name_is(struct text got, const char *wanted)
{
    return got.len == strlen(wanted) && strncasecmp(got.p, wanted, got.len) == 0;
}

/** A body in an encoding that is not known here ends nowhere. */
static bool coding_known(const struct request *r)
{
    struct text coding = exchange_header(&r->x, "Transfer-Encoding");
    return coding.p == NULL || name_is(coding, "chunked");
}

static unsigned headers_count(const struct exchange *x, const char *name)
{
    unsigned count = 0;
    for (size_t i = 0; i < x->header_count; i++) {
        count += name_is(x->header[i].name, name);
    }
    return count;
}

/** A length that could be read in two ways is how requests are smuggled past a proxy. */
static void length_read(struct request *r)
{
    unsigned lengths = headers_count(&r->x, "Content-Length");
    struct text coding = exchange_header(&r->x, "Transfer-Encoding");
    struct text length = exchange_header(&r->x, "Content-Length");
    if (lengths + (coding.p != NULL) > 1 || !coding_known(r)) {
        turn_away(r, METE_REQUEST_INVALID);
        return;
    }
    for (size_t i = 0; i < length.len; i++) {
        if (length.p[i] < '0' || length.p[i] > '9' || i == 18) {
            turn_away(r, METE_BODY_TOO_LARGE);
            return;
        }
        r->declared = r->declared * 10 + (size_t)(length.p[i] - '0');
    }
    if (r->declared > r->limit) {
        turn_away(r, METE_BODY_TOO_LARGE);
    }
}

static void request_head(struct request *r, const char *method, const char *url)
{
    struct exchange *x = &r->x;
    x->method = text_of(method);
    x->path = path_of(url);
    x->peer = peer_text(&x->arena, r->connection);
    x->is_tls = r->s->o.certificate != NULL;
    struct pairs headers = {r, x->header, &x->header_count, false, false};
    struct pairs query = {r, x->query, &x->query_count, true, false};
    MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, pair_add, &headers);
    MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, pair_add, &query);
    if (r->s->o.client_ca != NULL && !certificate_holds(r)) {
        turn_away(r, METE_UNAUTHORIZED);
    }
    if (headers.bad || query.bad || headers_count(x, "Host") > 1) {
        turn_away(r, METE_REQUEST_INVALID);
    }
    r->limit = r->s->o.body_max;
    if (r->turned_away == METE_OK && r->s->o.limit != NULL) {
        size_t own = r->s->o.limit(r->s->o.ctx, x);
        r->limit = own < r->limit ? own : r->limit;
    }
    length_read(r);
}

/** Is it of use to read a body only to throw it away? It lets a client see the answer that would
 *  else be lost when the connection breaks under its sending. */
static bool worth_reading(const struct request *r)
{
    return exchange_header(&r->x, "Expect").p == NULL && coding_known(r) &&
           r->declared <= 2 * r->s->o.body_max;
}

static struct link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    METE_ASSERT(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

static void *request_new(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct request *r = calloc(1, sizeof *r);
    (void)uri;
    if (r == NULL) {
        return NULL;
    }
    exchange_init(&r->x);
    r->s = ctx;
    r->connection = connection;
    r->link = link_of(connection);
    link_move(r->s->links, r->link, LINK_READING, 0);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

/** Makes room in the body for `more` bytes. False: all bodies together are too large already. */
static bool body_grow(struct request *r, size_t more)
{
    struct buf *body = &r->x.body;
    size_t cap = body->cap * 2 > body->len + more ? body->cap * 2 : body->len + more;
    size_t known = r->declared >= body->len + more ? r->declared : cap;
    cap = cap < known ? cap : known;
    size_t held = cap > BODY_FREE ? cap - BODY_FREE : 0;
    size_t others = atomic_fetch_add(&r->s->held, held - r->held) - r->held;
    if (others + held > r->s->o.memory_max) {
        atomic_fetch_sub(&r->s->held, held - r->held);
        return false;
    }
    r->held = held;
    uint8_t *p = realloc(body->p, cap);
    METE_ASSERT(p != NULL);
    body->p = p;
    body->cap = cap;
    return true;
}

static void body_drop(struct request *r)
{
    buf_clear(&r->x.body);
    atomic_fetch_sub(&r->s->held, r->held);
    r->held = 0;
}

/** False: enough was thrown away; the connection may as well be cut. */
static bool request_take(struct request *r, const char *data, size_t size)
{
    struct buf *body = &r->x.body;
    r->x.received += size;
    if (r->turned_away == METE_OK && body->len + size > r->limit) {
        turn_away(r, METE_BODY_TOO_LARGE);
    } else if (r->turned_away == METE_OK && body->cap - body->len < size && !body_grow(r, size)) {
        turn_away(r, METE_OVERLOADED);
    }
    if (r->turned_away == METE_OK) {
        buf_put(body, data, size);
        return true;
    }
    body_drop(r);
    r->dropped += size;
    return r->dropped <= r->s->o.body_max;
}

/* --- answering ---------------------------------------------------------------------------------*/

static struct MHD_Response *response_new(struct request *r)
{
    const struct outflow_to to = {r->connection, r->s->links, r->link};
    struct exchange *x = &r->x;
    link_move(r->s->links, r->link, LINK_ANSWERING, x->out.len);
    if (x->source != NULL) {
        return outflow_response(x, &to);
    }
    return MHD_create_response_from_buffer(x->out.len, x->out.p, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_answer(struct request *r)
{
    struct exchange *x = &r->x;
    body_drop(r);
    METE_ASSERT(x->status >= 200 && x->status < 600);
    struct MHD_Response *response = response_new(r);
    if (response == NULL) {
        return MHD_NO;
    }
    if (x->type != NULL) {
        MHD_add_response_header(response, "Content-Type", x->type);
    }
    for (size_t i = 0; i < x->reply_count; i++) {
        MHD_add_response_header(response, x->reply[i].name.p, x->reply[i].value.p);
    }
    if (r->turned_away != METE_OK || r->s->draining) {
        MHD_add_response_header(response, "Connection", "close");
    }
    enum MHD_Result queued = MHD_queue_response(r->connection, x->status, response);
    MHD_destroy_response(response);
    r->sent = queued == MHD_YES;
    return queued;
}

void server_done(struct exchange *x)
{
    struct request *r = (struct request *)x;
    pthread_mutex_lock(&r->lock);
    METE_ASSERT(r->stage == STAGE_WORKING);
    r->stage = STAGE_DONE;
    bool resume = r->suspended;
    struct MHD_Connection *connection = r->connection;
    pthread_mutex_unlock(&r->lock);
    if (resume) {
        MHD_resume_connection(connection); /* from here on `r` may be gone */
    }
}

/** Hands the request over; suspends its connection unless the answer is there already. */
static enum MHD_Result request_work(struct request *r)
{
    r->stage = STAGE_WORKING;
    link_move(r->s->links, r->link, LINK_WORKING, 0);
    r->s->o.handle(r->s->o.ctx, &r->x, r->turned_away);
    pthread_mutex_lock(&r->lock);
    bool done = r->stage == STAGE_DONE;
    if (!done) {
        r->suspended = true;
        MHD_suspend_connection(r->connection);
    }
    pthread_mutex_unlock(&r->lock);
    return done ? send_answer(r) : MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    struct request *r = *state;
    (void)version;
    (void)connection;
    (void)ctx;
    if (r == NULL) {
        return MHD_NO;
    }
    if (r->x.path.p == NULL) { /* the first call: the head alone */
        request_head(r, method, url);
        return r->turned_away == METE_OK || worth_reading(r) ? MHD_YES : request_work(r);
    }
    if (*size > 0) {
        size_t got = *size;
        *size = 0;
        return request_take(r, data, got) ? MHD_YES : MHD_NO;
    }
    if (r->stage == STAGE_READING) {
        return request_work(r);
    }
    return r->stage == STAGE_DONE ? send_answer(r) : MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct server *s = ctx;
    struct request *r = *state;
    (void)connection;
    if (r == NULL) {
        return;
    }
    if (s->o.log != NULL && r->x.status != 0) {
        s->o.log(s->o.ctx, &r->x, r->sent && how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    }
    body_drop(r);
    link_move(s->links, r->link, LINK_IDLE, 0);
    pthread_mutex_destroy(&r->lock);
    exchange_clear(&r->x);
    free(r);
    *state = NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what)
{
    struct server *s = ctx;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        link_close(s->links, *state);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    METE_ASSERT(info != NULL);
    *state = link_open(s->links, info->connect_fd);
}

/* --- listening ---------------------------------------------------------------------------------*/

/** Segments are decoded after routing: "%2F" in an id is no slash. */
static size_t no_unescape(void *ctx, struct MHD_Connection *connection, char *s)
{
    (void)ctx;
    (void)connection;
    return strlen(s);
}

/** Splits "HOST:PORT" at its last colon. */
static enum mete_code listen_address(const char *listen, char host[256], char port[8],
                                     struct mete_err *err)
{
    const char *colon = strrchr(listen, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - listen);
    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    if (colon == NULL || len >= 256 || strlen(colon + 1) > 5 || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        return mete_fail(err, METE_USAGE, NULL, "%.100s is not HOST:PORT", listen);
    }
    memcpy(host, listen, len);
    host[len] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    return METE_OK;
}

static int socket_listen(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static enum mete_code socket_open(struct server *s, struct mete_err *err)
{
    char host[256];
    char port[8];
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    enum mete_code code = listen_address(s->o.listen, host, port, err);
    if (code != METE_OK) {
        return code;
    }
    int why = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
    if (why != 0) {
        return mete_fail(err, METE_USAGE, NULL, "%.100s: %s", s->o.listen, gai_strerror(why));
    }
    s->listen_fd = socket_listen(found);
    freeaddrinfo(found);
    if (s->listen_fd < 0) {
        return mete_fail(err, METE_FILE, NULL, "cannot listen on %.100s: %s", s->o.listen,
                         strerror(errno));
    }
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    METE_ASSERT(getsockname(s->listen_fd, (struct sockaddr *)&bound, &len) == 0);
    s->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                : ((struct sockaddr_in *)&bound)->sin_port);
    return METE_OK;
}

/** libmicrohttpd takes any text for authorities, and would then turn everybody away. */
static enum mete_code authorities_check(const char *pem, struct mete_err *err)
{
    const gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    int read = gnutls_x509_crt_list_import2(&list, &count, &text, GNUTLS_X509_FMT_PEM, 0);
    for (unsigned i = 0; read >= 0 && i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    return read >= 0 && count > 0
               ? METE_OK
               : mete_fail(err, METE_USAGE, NULL,
                           "the file of client authorities holds no PEM certificate");
}

static enum mete_code daemon_start(struct server *s, struct mete_err *err)
{
    const struct server_options *o = &s->o;
    unsigned threads = (o->connections_max + THREAD_CONNECTIONS - 1) / THREAD_CONNECTIONS;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem more[12];
    size_t n = 0;
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL};
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL};
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, o->connections_max, NULL};
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s, NULL};
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_MEMORY, NULL};
    more[n++] =
        (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address_max, NULL};
    if (threads > 1) {
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, threads, NULL};
    }
    if (o->certificate != NULL) {
        flags |= MHD_USE_TLS;
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
                                            (void *)(uintptr_t)certificate_retrieve};
        if (o->client_ca != NULL) {
            more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                                (void *)(uintptr_t)o->client_ca};
        }
    }
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, more, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, s, MHD_OPTION_URI_LOG_CALLBACK, request_new, s, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, s, MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL, MHD_OPTION_END);
    return s->daemon != NULL ? METE_OK
                             : mete_fail(err, METE_USAGE, NULL,
                                         "the HTTP server did not start: see its certificate");
}

unsigned server_connections_max(const struct server_options *o)
{
    return o->connections_max != 0 ? o->connections_max : CONNECTIONS_MAX;
}

enum mete_code server_start(struct server **out, const struct server_options *o,
                            struct mete_err *err)
{
    struct server *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->o = *o;
    s->listen_fd = -1;
    s->o.connections_max = server_connections_max(o);
    s->o.idle_s = o->idle_s != 0 ? o->idle_s : IDLE_S;
    s->o.request_s = o->request_s != 0 ? o->request_s : REQUEST_S;
    s->o.memory_max = o->memory_max != 0 ? o->memory_max : MEMORY_MAX;
    const struct links_options lo = {.request_s = s->o.request_s,
                                     .connections_max = s->o.connections_max};
    enum mete_code code = o->client_ca != NULL ? authorities_check(o->client_ca, err) : METE_OK;
    if (code == METE_OK && o->certificate != NULL) {
        code = certificate_set(o->certificate, o->certificate_key, err);
    }
    code = code == METE_OK ? socket_open(s, err) : code;
    if (code == METE_OK) {
        s->links = links_open(&lo);
        *out = s; /* the first request may come before daemon_start returns */
        code = daemon_start(s, err);
    }
    if (code != METE_OK) {
        links_close(s->links);
        if (s->listen_fd >= 0) {
            close(s->listen_fd);
        }
        free(s);
        *out = NULL;
        return code;
    }
    return METE_OK;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

unsigned server_busy(const struct server *s)
{
    return links_busy(s->links);
}

void server_stats(const struct server *s, struct server_stats *out)
{
    *out = (struct server_stats){.connections = links_count(s->links),
                                 .connections_max = s->o.connections_max,
                                 .cut = links_cut(s->links),
                                 .body_bytes = s->held,
                                 .body_bytes_max = s->o.memory_max};
}

void server_quiesce(struct server *s)
{
    s->draining = true;
    if (s->listen_fd >= 0) {
        MHD_socket fd = MHD_quiesce_daemon(s->daemon);
        if (fd != MHD_INVALID_SOCKET) {
            close(fd);
        }
        s->listen_fd = -1;
    }
}

enum mete_code server_certificate(struct server *s, const char *chain, const char *key,
                                  struct mete_err *err)
{
    METE_ASSERT(s->o.certificate != NULL); /* a server that speaks plain text goes on so */
    return certificate_set(chain, key, err);
}

void server_stop(struct server *s)
{
    if (s != NULL) {
        MHD_stop_daemon(s->daemon); /* closes the listening socket unless it was quiesced */
        links_close(s->links);
        if (s->o.certificate != NULL) {
            certificate_clear();
        }
        free(s);
    }
}
