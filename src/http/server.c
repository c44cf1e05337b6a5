/* SPDX-License-Identifier: Apache-2.0
 * A connection is suspended while its request is being worked on, so no thread ever waits for a
 * book. libmicrohttpd's epoll loop stalls beyond some 128 busy connections a thread, so there is a
 * thread for every 120 (design section 5). */
#include "http/server.h"

#include "base/text.h"
#include "http/certificate.h"
#include "http/early.h"
#include "http/link.h"
#include "http/listener.h"
#include "http/outflow.h"
#include "http/sink.h"

#include <arpa/inet.h>
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
/* TLS 1.2 and 1.3; no ciphers without forward secrecy or authenticated encryption (RFC 9325). */
#define TLS_PRIORITIES                                                                             \
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"    \
    "+CHACHA20-POLY1305"
#define LINK_MARGIN_S 10u /* its link cuts a body that rests; libmicrohttpd only if that failed */
#define BODY_FREE     ((size_t)64 << 10) /* of each body: not counted, so small ones always fit */

struct server {
    struct MHD_Daemon *daemon;
    struct server_options o;
    struct links *links;
    struct certificates *certificates; /* NULL: plain text */
    MHD_socket listen_fd;
    bool quiesced; /* the socket is ours to close, but not before the daemon has stopped */
    uint16_t port;
    _Atomic bool draining;
    _Atomic size_t held; /* bytes of all bodies beyond BODY_FREE of each */
};

enum stage {
    STAGE_READING,
    STAGE_WORKING,
    STAGE_DONE,
    STAGE_OVER /* answered before its body had ended */
};

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
    enum stage stage; /* of one with a sink, or that is WORKING, under `lock` */
    bool began;       /* its body, into a sink */
    bool woken;       /* the sink had room again before the connection was suspended */
    bool suspended;
    bool sent;
    bool sent_early;
    struct early_to early; /* when it has a sink, or was answered at its head */
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
}

static struct early_to early_of(const struct request *r)
{
    struct early_to to = {-1, NULL};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    METE_ASSERT(info != NULL);
    to.fd = info->connect_fd;
    if (r->x.is_tls) {
        info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        METE_ASSERT(info != NULL);
        to.session = info->tls_session;
    }
    return to;
}

/** Whoever takes the body as it comes says so here. */
static void body_offer(struct request *r)
{
    const struct server_options *o = &r->s->o;
    bool unknown = exchange_header(&r->x, "Transfer-Encoding").p != NULL;
    if (r->turned_away == METE_OK && o->begin != NULL && (unknown || r->declared > 0)) {
        r->early = early_of(r);
        o->begin(o->ctx, &r->x, unknown ? SERVER_LENGTH_UNKNOWN : r->declared);
    }
    if (r->turned_away == METE_OK && r->x.sink == NULL && r->declared > r->limit) {
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
    body_offer(r);
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
    if (r == NULL) {
        return NULL;
    }
    exchange_init(&r->x);
    r->x.target = arena_text(&r->x.arena, text_of(uri));
    r->s = ctx;
    r->connection = connection;
    r->link = link_of(connection);
    link_move(r->s->links, r->link, LINK_READING, 0);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

/** Counts `size` bytes as this body's. False: all bodies together are too large already. */
static bool body_hold(struct request *r, size_t size)
{
    size_t held = size > BODY_FREE ? size - BODY_FREE : 0;
    size_t others = atomic_fetch_add(&r->s->held, held - r->held) - r->held;
    if (others + held > r->s->o.memory_max && held > r->held) {
        atomic_fetch_sub(&r->s->held, held - r->held);
        return false;
    }
    r->held = held;
    return true;
}

/** Makes room in the body for `more` bytes. */
static bool body_grow(struct request *r, size_t more)
{
    struct buf *body = &r->x.body;
    size_t cap = body->cap * 2 > body->len + more ? body->cap * 2 : body->len + more;
    size_t known = r->declared >= body->len + more ? r->declared : cap;
    cap = cap < known ? cap : known;
    if (!body_hold(r, cap)) {
        return false;
    }
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
    if (r->began) {
        MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, r->s->o.idle_s);
    }
    if (r->turned_away != METE_OK || r->s->draining) {
        MHD_add_response_header(response, "Connection", "close");
    }
    enum MHD_Result queued = MHD_queue_response(r->connection, x->status, response);
    MHD_destroy_response(response);
    r->sent = queued == MHD_YES;
    return queued;
}

/** Under the lock. What the client still sends is thrown away: a connection that is closed upon
 *  bytes that nobody read would take the answer with it. */
static void answer_early(struct request *r)
{
    r->stage = STAGE_OVER;
    r->sent_early = early_answer(&r->early, &r->x);
    link_move(r->s->links, r->link, LINK_OVER, 0);
}

void server_done(struct exchange *x)
{
    struct request *r = (struct request *)x;
    pthread_mutex_lock(&r->lock);
    METE_ASSERT(r->stage == STAGE_WORKING || r->stage == STAGE_READING);
    if (r->stage == STAGE_READING && r->began) {
        answer_early(r);
    } else {
        r->stage = STAGE_DONE;
    }
    bool resume = r->suspended;
    r->suspended = false;
    struct MHD_Connection *connection = r->connection;
    pthread_mutex_unlock(&r->lock);
    if (resume) {
        MHD_resume_connection(connection); /* from here on `r` may be gone */
    }
}

/* --- bodies without a known end ----------------------------------------------------------------*/

/** The head was read, and it was answered, or has a sink. libmicrohttpd's own clock is for idle
 *  connections; this one may be still for as long as its link lets it. */
static enum MHD_Result flow_begin(struct request *r)
{
    if (r->x.sink == NULL) {
        turn_away(r, METE_OVERLOADED);
        if (exchange_header(&r->x, "Expect").p != NULL) {
            return send_answer(r); /* the body was not begun */
        }
        pthread_mutex_lock(&r->lock);
        answer_early(r);
        pthread_mutex_unlock(&r->lock);
        return MHD_YES;
    }
    pthread_mutex_lock(&r->lock);
    r->began = true;
    pthread_mutex_unlock(&r->lock);
    MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                              r->s->o.request_s + LINK_MARGIN_S);
    link_move(r->s->links, r->link, LINK_FLOWING, 0);
    return MHD_YES;
}

static enum MHD_Result flow_drop(struct request *r, size_t size)
{
    r->dropped += size;
    return r->dropped <= r->s->o.body_max ? MHD_YES : MHD_NO;
}

/** Suspends its connection, or not. libmicrohttpd hands on all the chunks that it has read, also
 *  when the connection was suspended at the first of them. */
static void flow_rest(struct request *r, bool rest)
{
    pthread_mutex_lock(&r->lock);
    bool was = r->suspended;
    r->suspended = rest && !r->woken && r->stage == STAGE_READING;
    r->woken = false;
    if (r->suspended && !was) {
        link_move(r->s->links, r->link, LINK_WORKING, 0);
        MHD_suspend_connection(r->connection);
    } else if (was && !r->suspended) {
        MHD_resume_connection(r->connection);
    }
    pthread_mutex_unlock(&r->lock);
}

static enum MHD_Result flow_take(struct request *r, const char *data, size_t size)
{
    struct exchange *x = &r->x;
    x->received += size;
    pthread_mutex_lock(&r->lock);
    bool over = r->stage == STAGE_OVER;
    if (!over) {
        link_move(r->s->links, r->link, LINK_FLOWING, 0);
    }
    pthread_mutex_unlock(&r->lock);
    if (over) {
        return flow_drop(r, size);
    }
    bool more = x->sink->take(x->sink, (struct bytes){(const uint8_t *)data, size});
    flow_rest(r, !more);
    return MHD_YES;
}

void server_go_on(struct exchange *x)
{
    struct request *r = (struct request *)x;
    pthread_mutex_lock(&r->lock);
    bool resume = r->suspended && r->stage == STAGE_READING;
    r->woken = !resume;
    if (resume) {
        r->suspended = false;
        link_move(r->s->links, r->link, LINK_FLOWING, 0);
        MHD_resume_connection(r->connection); /* in one with the change: see flow_rest */
    }
    pthread_mutex_unlock(&r->lock);
}

int server_socket(const struct exchange *x)
{
    const struct request *r = (const struct request *)x;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    METE_ASSERT(info != NULL);
    return info->connect_fd;
}

bool server_hold(struct exchange *x, size_t size)
{
    return body_hold((struct request *)x, size);
}

/* --- requests ----------------------------------------------------------------------------------*/

/** The answer, when it is there; else the connection sleeps until it is. */
static enum MHD_Result request_wait(struct request *r)
{
    pthread_mutex_lock(&r->lock);
    bool done = r->stage == STAGE_DONE;
    if (!done && !r->suspended) { /* a body may end while nobody reads on */
        MHD_suspend_connection(r->connection);
    }
    r->suspended = !done;
    pthread_mutex_unlock(&r->lock);
    return done ? send_answer(r) : MHD_YES;
}

static enum MHD_Result request_work(struct request *r)
{
    r->stage = STAGE_WORKING;
    link_move(r->s->links, r->link, LINK_WORKING, 0);
    r->s->o.handle(r->s->o.ctx, &r->x, r->turned_away);
    return request_wait(r);
}

/** The body is whole. */
static enum MHD_Result flow_end(struct request *r)
{
    pthread_mutex_lock(&r->lock);
    bool over = r->stage == STAGE_OVER;
    if (!over) {
        r->stage = STAGE_WORKING;
        link_move(r->s->links, r->link, LINK_WORKING, 0);
    }
    pthread_mutex_unlock(&r->lock);
    if (over) {
        return MHD_NO; /* it was answered */
    }
    r->x.sink->end(r->x.sink);
    return request_wait(r);
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
        if (r->x.sink != NULL || r->stage == STAGE_DONE) {
            return flow_begin(r);
        }
        return r->turned_away == METE_OK || worth_reading(r) ? MHD_YES : request_work(r);
    }
    if (*size > 0) {
        size_t got = *size;
        *size = 0;
        if (r->x.sink != NULL || r->stage == STAGE_OVER) {
            return flow_take(r, data, got);
        }
        return request_take(r, data, got) ? MHD_YES : MHD_NO;
    }
    if (r->stage == STAGE_READING || r->stage == STAGE_OVER) {
        return r->x.sink != NULL || r->stage == STAGE_OVER ? flow_end(r) : request_work(r);
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
    if (r->x.sink != NULL) {
        r->x.sink->gone(r->x.sink);
    }
    if (s->o.log != NULL && r->x.status != 0) {
        bool sent = r->sent && how == MHD_REQUEST_TERMINATED_COMPLETED_OK;
        s->o.log(s->o.ctx, &r->x, sent || r->sent_early);
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
    if (s->certificates != NULL) { /* its handshake comes after this */
        info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        METE_ASSERT(info != NULL);
        certificates_use(s->certificates, info->tls_session);
    }
}

/* --- listening ---------------------------------------------------------------------------------*/

/** Segments are decoded after routing: "%2F" in an id is no slash. */
static size_t no_unescape(void *ctx, struct MHD_Connection *connection, char *s)
{
    (void)ctx;
    (void)connection;
    return strlen(s);
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
    more[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                        (intptr_t)s->o.header_memory, NULL};
    more[n++] =
        (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->per_address_max, NULL};
    if (threads > 1) {
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, threads, NULL};
    }
    if (o->certificate != NULL) {
        flags |= MHD_USE_TLS;
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                            (void *)(uintptr_t)TLS_PRIORITIES};
        /* it wants some; each connection is then given its own by on_connection */
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                            (void *)(uintptr_t)o->certificate};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
                                            (void *)(uintptr_t)o->certificate_key};
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
    s->o.header_memory = o->header_memory != 0 ? o->header_memory : HEADER_MEMORY;
    s->o.memory_max = o->memory_max != 0 ? o->memory_max : MEMORY_MAX;
    const struct links_options lo = {.request_s = s->o.request_s,
                                     .connections_max = s->o.connections_max};
    enum mete_code code = METE_OK;
    if (o->certificate != NULL) {
        const struct certificate_texts t = {o->certificate, o->certificate_key, o->client_ca};
        s->certificates = certificates_new();
        code = certificates_set(s->certificates, &t, err);
    }
    code = code == METE_OK ? listener_open(s->o.listen, &s->listen_fd, &s->port, err) : code;
    if (code == METE_OK) {
        s->links = links_open(&lo);
        *out = s; /* the first request may come before daemon_start returns */
        code = daemon_start(s, err);
    }
    if (code != METE_OK) {
        links_close(s->links);
        certificates_free(s->certificates);
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
    if (!s->quiesced && MHD_quiesce_daemon(s->daemon) != MHD_INVALID_SOCKET) {
        s->quiesced = true;
        (void)shutdown(s->listen_fd, SHUT_RDWR); /* who connects now is told at once */
    }
}

enum mete_code server_certificate(struct server *s, const struct certificate_texts *t,
                                  struct mete_err *err)
{
    METE_ASSERT(s->certificates != NULL && (t->client_ca != NULL) == (s->o.client_ca != NULL));
    return certificates_set(s->certificates, t, err);
}

void server_stop(struct server *s)
{
    if (s != NULL) {
        MHD_stop_daemon(s->daemon); /* closes the listening socket unless it was quiesced */
        if (s->quiesced) {
            close(s->listen_fd);
        }
        links_close(s->links);
        certificates_free(s->certificates);
        free(s);
    }
}
