/* SPDX-License-Identifier: Apache-2.0
 * Posts prepared bodies, a line each of a file, over and over, on connections that are kept open:
 * bench_load PORT PATH FILE CONNECTIONS SECONDS [want=TEXT] [refuse=TEXT] [warm=SECONDS]
 *            [once=yes] [cpu=NAME:PID]...
 * Prints one object: answers, errors and how many of them a second, latencies in milliseconds, and
 * the processor time of itself and of the given processes in cores. An answer that is not 200,
 * lacks TEXT or has what is refused is an error. once=yes sends each body no more than once, and
 * measures until they are used up if that is sooner. Costs little more than its send() and recv(),
 * so that what it measures has the rest of the machine; the same program is the bare loop to an RPC
 * node. */
#include "base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX  (1u << 20)
#define WATCHED_MAX 8u
#define SECOND_NS   INT64_C(1000000000)

struct connection {
    int fd;
    size_t body; /* which of the requests it sends */
    size_t sent;
    char *answer;
    size_t got;
    int64_t began_ns;
};

struct watched {
    char name[32];
    unsigned pid;
    double began_s; /* processor time before the clock started */
};

struct load {
    uint16_t port;
    unsigned connections;
    int64_t length_ns;
    int64_t warm_ns;
    const char *want;
    const char *refuse;
    struct buf *requests; /* head and body of each line */
    size_t count;
    size_t next;
    bool once; /* no body is sent a second time */
    struct connection *c;
    int epoll;
    bool counting; /* not yet while it warms up */
    uint64_t answers;
    uint64_t errors;
    char first_error[300];
    int64_t *latency_ns;
    size_t latencies_cap;
    struct watched watched[WATCHED_MAX];
    unsigned watched_count;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/** Fields 14 and 15 of /proc/PID/stat, after the name in brackets. */
static double processor_seconds(unsigned pid)
{
    char path[64];
    char line[1024] = "";
    (void)snprintf(path, sizeof path, "/proc/%u/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL) {
        die(path);
    }
    (void)fclose(f);
    char *p = strrchr(line, ')');
    for (unsigned field = 2; p != NULL && field < 14; field++) {
        p = strchr(p + 1, ' ');
    }
    if (p == NULL) {
        die(path);
    }
    char *rest;
    double ticks = (double)strtoull(p, &rest, 10);
    ticks += (double)strtoull(rest, NULL, 10);
    return ticks / (double)sysconf(_SC_CLK_TCK);
}

static double own_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void connection_open(struct load *l, struct connection *c)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(l->port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int one = 1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0) {
        die("connect");
    }
}

static void watch(struct load *l, struct connection *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0) {
        die("epoll");
    }
}

static void failed(struct load *l, const char *what)
{
    if (l->errors++ == 0) {
        (void)snprintf(l->first_error, sizeof l->first_error, "%s", what);
    }
}

static void request_send(struct load *l, struct connection *c);

static bool used_up(const struct load *l)
{
    return l->once && l->next == l->count;
}

static void request_begin(struct load *l, struct connection *c)
{
    if (used_up(l)) {
        return;
    }
    c->body = l->next++ % l->count;
    c->sent = 0;
    c->got = 0;
    c->began_ns = now_ns();
    request_send(l, c);
}

static void connection_again(struct load *l, struct connection *c, const char *why)
{
    failed(l, why);
    (void)close(c->fd);
    connection_open(l, c);
    request_begin(l, c);
}

static void request_send(struct load *l, struct connection *c)
{
    const struct buf *r = &l->requests[c->body];
    bool waited = c->sent > 0;
    while (c->sent < r->len) {
        ssize_t n = send(c->fd, r->p + c->sent, r->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(l, c, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            connection_again(l, c, "the server closed a connection while it was written to");
            return;
        }
        c->sent += (size_t)n;
    }
    if (waited) {
        watch(l, c, EPOLLIN);
    }
}

/** The bytes of the whole answer, 0 while its head is not there. */
static size_t answer_size(const struct connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(c->answer, "\r\nContent-Length:");
    if (end == NULL) {
        return 0;
    }
    if (length == NULL || length > end) {
        fprintf(stderr, "bench_load: an answer without Content-Length:\n%.500s\n", c->answer);
        exit(1);
    }
    return (size_t)(end - c->answer) + 4 + strtoul(length + 17, NULL, 10);
}

static bool answer_is_right(const struct load *l, const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    return strncmp(answer + 8, " 200", 4) == 0 &&
           (l->want == NULL || strstr(body, l->want) != NULL) &&
           (l->refuse == NULL || strstr(body, l->refuse) == NULL);
}

static void answer_count(struct load *l, const struct connection *c)
{
    if (!l->counting) {
        return;
    }
    if (!answer_is_right(l, c->answer)) {
        failed(l, c->answer);
    }
    if (l->answers == l->latencies_cap) {
        l->latencies_cap = l->latencies_cap * 2 + 4096;
        l->latency_ns = realloc(l->latency_ns, l->latencies_cap * sizeof *l->latency_ns);
        if (l->latency_ns == NULL) {
            die("memory");
        }
    }
    l->latency_ns[l->answers++] = now_ns() - c->began_ns;
}

static void answer_read(struct load *l, struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (n <= 0) {
        connection_again(l, c, "the server closed a connection before it answered");
        return;
    }
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    size_t size = answer_size(c);
    if (c->got == ANSWER_MAX - 1 || (size > 0 && c->got > size)) {
        fprintf(stderr, "bench_load: more of an answer than there may be\n");
        exit(1);
    }
    if (size > 0 && c->got == size) {
        answer_count(l, c);
        request_begin(l, c);
    }
}

static void turn(struct load *l, int64_t until_ns)
{
    while (now_ns() < until_ns && !used_up(l)) {
        struct epoll_event ready[256];
        int n = epoll_wait(l->epoll, ready, 256, 10000);
        if (n <= 0) {
            die("no answer for ten seconds");
        }
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            if ((ready[i].events & EPOLLOUT) != 0) {
                request_send(l, c);
            }
            if ((ready[i].events & ~(uint32_t)EPOLLOUT) != 0) {
                answer_read(l, c);
            }
        }
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double latency_ms(const struct load *l, double part)
{
    return l->answers == 0 ? 0
                           : (double)l->latency_ns[(size_t)(part * (double)(l->answers - 1))] / 1e6;
}

static void report(struct load *l, double seconds, double own)
{
    qsort(l->latency_ns, l->answers, sizeof *l->latency_ns, by_value);
    printf("{\"connections\":%u,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
           "\"answers\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"cpu\":{\"loader\":%.3f",
           l->connections, (double)l->answers / seconds, latency_ms(l, 0.5), latency_ms(l, 0.99),
           latency_ms(l, 1), l->answers, l->errors, own / seconds);
    for (unsigned i = 0; i < l->watched_count; i++) {
        const struct watched *w = &l->watched[i];
        printf(",\"%s\":%.3f", w->name, (processor_seconds(w->pid) - w->began_s) / seconds);
    }
    printf("}}\n");
    if (l->errors > 0) {
        fprintf(stderr, "bench_load: the first error: %s\n", l->first_error);
    }
}

static void run(struct load *l)
{
    for (unsigned i = 0; i < l->connections; i++) {
        request_begin(l, &l->c[i]);
    }
    turn(l, now_ns() + l->warm_ns);
    l->counting = true;
    l->errors = 0;
    for (unsigned i = 0; i < l->watched_count; i++) {
        l->watched[i].began_s = processor_seconds(l->watched[i].pid);
    }
    double own = own_seconds();
    int64_t began = now_ns();
    turn(l, began + l->length_ns);
    report(l, (double)(now_ns() - began) / 1e9, own_seconds() - own);
}

static void bodies_read(struct load *l, const char *path, const char *file)
{
    FILE *f = fopen(file, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    if (f == NULL) {
        die(file);
    }
    while ((len = getline(&line, &cap, f)) > 1) {
        l->requests = realloc(l->requests, (l->count + 1) * sizeof *l->requests);
        if (l->requests == NULL) {
            die("memory");
        }
        struct buf *r = &l->requests[l->count++];
        *r = (struct buf){0};
        buf_printf(r,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   path, l->port, (size_t)len - 1);
        buf_put(r, line, (size_t)len - 1);
    }
    free(line);
    (void)fclose(f);
}

static void option(struct load *l, char *said)
{
    char *value = strchr(said, '=');
    char *colon = value == NULL ? NULL : strchr(value, ':');
    if (value == NULL) {
        fprintf(stderr, "bench_load: what is %s?\n", said);
        exit(2);
    }
    *value++ = '\0';
    if (strcmp(said, "want") == 0) {
        l->want = value;
    } else if (strcmp(said, "refuse") == 0) {
        l->refuse = value;
    } else if (strcmp(said, "once") == 0) {
        l->once = strcmp(value, "yes") == 0;
    } else if (strcmp(said, "warm") == 0) {
        l->warm_ns = (int64_t)(strtod(value, NULL) * 1e9);
    } else if (strcmp(said, "cpu") == 0 && colon != NULL && l->watched_count < WATCHED_MAX) {
        struct watched *w = &l->watched[l->watched_count++];
        (void)snprintf(w->name, sizeof w->name, "%.*s", (int)(colon - value), value);
        w->pid = (unsigned)strtoul(colon + 1, NULL, 10);
    } else {
        fprintf(stderr, "bench_load: what is %s=%s?\n", said, value);
        exit(2);
    }
}

static void connections_open(struct load *l)
{
    l->epoll = epoll_create1(0);
    l->c = calloc(l->connections, sizeof *l->c);
    if (l->c == NULL || l->epoll < 0) {
        die("connections");
    }
    for (unsigned i = 0; i < l->connections; i++) {
        l->c[i].answer = malloc(ANSWER_MAX);
        if (l->c[i].answer == NULL) {
            die("memory");
        }
        connection_open(l, &l->c[i]);
    }
}

static void load_close(struct load *l)
{
    for (unsigned i = 0; i < l->connections; i++) {
        (void)close(l->c[i].fd);
        free(l->c[i].answer);
    }
    for (size_t i = 0; i < l->count; i++) {
        buf_clear(&l->requests[i]);
    }
    free(l->c);
    free(l->requests);
    free(l->latency_ns);
    (void)close(l->epoll);
}

int main(int argc, char **argv)
{
    struct load l = {.warm_ns = SECOND_NS / 2};
    if (argc < 6) {
        fprintf(stderr, "usage: bench_load PORT PATH FILE CONNECTIONS SECONDS [want=TEXT] "
                        "[refuse=TEXT] [warm=SECONDS] [once=yes] [cpu=NAME:PID]...\n");
        return 2;
    }
    l.port = (uint16_t)strtoul(argv[1], NULL, 10);
    l.connections = (unsigned)strtoul(argv[4], NULL, 10);
    l.length_ns = (int64_t)(strtod(argv[5], NULL) * 1e9);
    for (int i = 6; i < argc; i++) {
        option(&l, argv[i]);
    }
    bodies_read(&l, argv[2], argv[3]);
    if (l.count == 0 || l.connections == 0) {
        fprintf(stderr, "bench_load: no bodies in %s, or no connections\n", argv[3]);
        return 2;
    }
    connections_open(&l);
    run(&l);
    load_close(&l);
    return l.errors > 0;
}
