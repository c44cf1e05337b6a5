/* SPDX-License-Identifier: Apache-2.0
 * Posts events to a running server over many connections and prints the rate and the latencies:
 * bench_http_post PORT EVENTS CONNECTIONS BATCH [hot] [unsigned] [run=N] [setup].
 * The events of a stretch are made before its clock starts, so that the client costs little more
 * than its write() and read(). Every answer is read; an event that was not applied ends it. */
#include "workload.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STRETCH     500000u
#define ANSWER_MAX  (1u << 20)
#define CONNECTIONS 1024u
#define HEAD_MAX    200u

struct connection {
    int fd;
    bool busy;
    struct buf request; /* head and body; sent up to `sent` */
    size_t sent;
    size_t count; /* events in it */
    char *answer;
    size_t got;
    int64_t began_ns;
};

struct load {
    struct workload w;
    uint16_t port;
    uint64_t events;
    unsigned connections;
    unsigned batch;
    struct connection *c;
    int epoll;
    struct buf text; /* of the stretch */
    size_t *end;     /* of each event of it */
    uint64_t first;  /* event of the stretch */
    uint64_t next;   /* event to be sent */
    uint64_t stop;
    uint64_t answered;
    int64_t *latency_ns;
    size_t latencies;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_http_post: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        die("connect");
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void stretch_make(struct load *l)
{
    buf_reset(&l->text);
    for (uint64_t i = l->first; i < l->stop; i++) {
        workload_event(&l->w, i, &l->text);
        l->end[i - l->first] = l->text.len;
    }
}

static void watch(struct load *l, struct connection *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0) {
        die("epoll");
    }
}

static void request_send(struct load *l, struct connection *c)
{
    while (c->sent < c->request.len) {
        ssize_t n = send(c->fd, c->request.p + c->sent, c->request.len - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(l, c, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0) {
            die("send");
        }
        c->sent += (size_t)n;
    }
    watch(l, c, EPOLLIN);
}

static void request_begin(struct load *l, struct connection *c)
{
    uint64_t left = l->stop - l->next;
    c->busy = left > 0;
    if (!c->busy) {
        return;
    }
    size_t at = (size_t)(l->next - l->first);
    c->count = left < l->batch ? (size_t)left : l->batch;
    size_t begin = at == 0 ? 0 : l->end[at - 1];
    size_t len = l->end[at + c->count - 1] - begin;
    l->next += c->count;
    buf_reset(&c->request);
    buf_printf(&c->request,
               "POST /v1/events HTTP/1.1\r\nHost: b\r\nContent-Type: application/x-ndjson\r\n"
               "Content-Length: %zu\r\n\r\n",
               len);
    buf_put(&c->request, l->text.p + begin, len);
    c->sent = 0;
    c->got = 0;
    c->began_ns = now_ns();
    request_send(l, c);
}

static size_t applied_in(const char *answer)
{
    size_t n = 0;
    for (const char *p = answer; (p = strstr(p, "\"applied\"")) != NULL; p++) {
        n++;
    }
    return n;
}

/** True when the whole answer is there. */
static bool answer_is_whole(const struct connection *c)
{
    const char *head_end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "Content-Length:");
    if (head_end == NULL || length == NULL || length > head_end) {
        return false;
    }
    return c->got >= (size_t)(head_end - c->answer) + 4 + strtoul(length + 15, NULL, 10);
}

static void answer_read(struct load *l, struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (n <= 0) {
        die("the server went away");
    }
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    if (!answer_is_whole(c)) {
        return;
    }
    l->latency_ns[l->latencies++] = now_ns() - c->began_ns;
    if (applied_in(c->answer) != c->count) {
        fprintf(stderr, "bench_http_post: not applied:\n%.2000s\n", c->answer);
        exit(1);
    }
    l->answered += c->count;
    request_begin(l, c);
}

static void stretch_send(struct load *l)
{
    for (unsigned i = 0; i < l->connections; i++) {
        request_begin(l, &l->c[i]);
    }
    while (l->answered < l->stop) {
        struct epoll_event ready[64];
        int n = epoll_wait(l->epoll, ready, 64, 30000);
        if (n <= 0) {
            die("a stall of 30 seconds");
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
    size_t at = (size_t)(part * (double)(l->latencies - 1));
    return (double)l->latency_ns[at] / 1e6;
}

static void run(struct load *l)
{
    int64_t total_ns = 0;
    while (l->first < l->events) {
        l->stop = l->first + STRETCH < l->events ? l->first + STRETCH : l->events;
        l->next = l->first;
        stretch_make(l);
        int64_t began = now_ns();
        stretch_send(l);
        int64_t took = now_ns() - began;
        total_ns += took;
        printf("stretch %llu %.0f\n", (unsigned long long)l->stop,
               (double)(l->stop - l->first) * 1e9 / (double)took);
        fflush(stdout);
        l->first = l->stop;
    }
    qsort(l->latency_ns, l->latencies, sizeof *l->latency_ns, by_value);
    printf("rate %.0f p50 %.3f p99 %.3f max %.3f bytes %zu\n",
           (double)l->events * 1e9 / (double)total_ns, latency_ms(l, 0.5), latency_ms(l, 0.99),
           latency_ms(l, 1), l->text.len / (size_t)(l->stop - (l->events - 1) / STRETCH * STRETCH));
}

static void connections_open(struct load *l)
{
    l->epoll = epoll_create1(0);
    l->c = calloc(l->connections, sizeof *l->c);
    for (unsigned i = 0; i < l->connections; i++) {
        struct connection *c = &l->c[i];
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        c->fd = connect_to(l->port);
        c->answer = malloc(ANSWER_MAX);
        if (c->answer == NULL || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0) {
            die("connections");
        }
    }
}

static void arguments(struct load *l, int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: bench_http_post PORT EVENTS CONNECTIONS BATCH [hot] [unsigned] "
                        "[run=N] [setup]\n");
        exit(2);
    }
    l->port = (uint16_t)strtoul(argv[1], NULL, 10);
    l->events = strtoull(argv[2], NULL, 10);
    l->connections = (unsigned)strtoul(argv[3], NULL, 10);
    l->batch = (unsigned)strtoul(argv[4], NULL, 10);
    l->w.at = ((mete_time)time(NULL) - 60) * TIME_SECOND_US;
    for (int i = 5; i < argc; i++) {
        l->w.hot |= strcmp(argv[i], "hot") == 0;
        l->w.unsigned_ |= strcmp(argv[i], "unsigned") == 0;
        l->w.run = strncmp(argv[i], "run=", 4) == 0 ? strtoull(argv[i] + 4, NULL, 10) : l->w.run;
    }
}

int main(int argc, char **argv)
{
    struct load l = {0};
    arguments(&l, argc, argv);
    if (strcmp(argv[argc - 1], "setup") == 0) {
        workload_setup(&l.w, &l.text);
        fwrite(l.text.p, 1, l.text.len, stdout);
        return 0;
    }
    l.end = calloc(STRETCH, sizeof *l.end);
    l.latency_ns = calloc(l.events / l.batch + l.events / STRETCH + 1, sizeof *l.latency_ns);
    if (l.end == NULL || l.latency_ns == NULL || l.connections > CONNECTIONS || l.batch == 0) {
        die("sizes");
    }
    connections_open(&l);
    run(&l);
    return 0;
}
