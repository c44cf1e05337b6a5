/* SPDX-License-Identifier: Apache-2.0
 * Follows the events of a running server on many connections at once until each got so many, and
 * prints how many arrived a second, and how long after their recording on the first connection:
 * bench_streams PORT STREAMS EVENTS [AFTER]. Somebody else posts meanwhile (bench_http_post). */
#include "base/text.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK  (256u << 10)
#define MARK   "\ndata: {\"seq\":" /* once in each event: its text has no line breaks */
#define STAMP  "\"recorded_at\":\""
#define STALLS 120000 /* ms */

struct stream {
    int fd;
    size_t matched; /* characters of MARK that were seen last */
    uint64_t events;
};

struct load {
    uint16_t port;
    unsigned streams;
    uint64_t events;
    uint64_t after;
    struct stream *s;
    int epoll;
    unsigned over; /* streams that got all */
    uint64_t bytes;
    int64_t began_us;
    int64_t *latency_us;
    size_t latencies;
};

static int64_t now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_streams: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void stream_open(struct load *l, struct stream *s)
{
    char request[256];
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(l->port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int len = snprintf(request, sizeof request,
                       "GET /v1/events?after=%llu HTTP/1.0\r\nHost: localhost\r\n" /* no chunks */
                       "Accept: text/event-stream\r\n\r\n",
                       (unsigned long long)l->after);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        send(s->fd, request, (size_t)len, MSG_NOSIGNAL) != len ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &e) != 0) {
        die("a stream");
    }
}

/** MARK begins with its only line break, so a match never begins within another. */
static uint64_t count(struct stream *s, const char *p, size_t len)
{
    uint64_t found = 0;
    for (size_t i = 0; i < len; i++) {
        if (s->matched == 0) {
            const char *at = memchr(p + i, MARK[0], len - i);
            if (at == NULL) {
                break;
            }
            i = (size_t)(at - p);
        }
        s->matched = p[i] == MARK[s->matched] ? s->matched + 1 : p[i] == MARK[0];
        if (s->matched == sizeof MARK - 1) {
            s->matched = 0;
            found++;
        }
    }
    return found;
}

static void latencies(struct load *l, const char *p, size_t len)
{
    int64_t now = now_us(CLOCK_REALTIME);
    const char *at;
    while ((at = memmem(p, len, STAMP, sizeof STAMP - 1)) != NULL) {
        at += sizeof STAMP - 1;
        len -= (size_t)(at - p);
        p = at;
        const char *end = memchr(p, '"', len);
        mete_time then;
        if (end != NULL && l->latencies < l->events &&
            time_parse((struct text){p, (size_t)(end - p)}, &then) == TIME_OK) {
            l->latency_us[l->latencies++] = now - then;
        }
    }
}

static void stream_read(struct load *l, struct stream *s)
{
    static char block[BLOCK];
    ssize_t n = recv(s->fd, block, sizeof block, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (n <= 0) {
        die("the server ended a stream");
    }
    uint64_t got = count(s, block, (size_t)n);
    l->bytes += (uint64_t)n;
    if (got > 0 && l->began_us == 0) {
        l->began_us = now_us(CLOCK_MONOTONIC);
    }
    if (s == l->s) {
        latencies(l, block, (size_t)n);
    }
    l->over += s->events < l->events && s->events + got >= l->events;
    s->events += got;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report(struct load *l)
{
    double seconds = (double)(now_us(CLOCK_MONOTONIC) - l->began_us) / 1e6;
    qsort(l->latency_us, l->latencies, sizeof *l->latency_us, by_value);
    size_t last = l->latencies > 0 ? l->latencies - 1 : 0;
    printf("streams %u events %llu seconds %.2f each/s %.0f delivered/s %.0f MiB/s %.1f "
           "p50 ms %.1f p99 ms %.1f\n",
           l->streams, (unsigned long long)l->events, seconds, (double)l->events / seconds,
           (double)l->events * l->streams / seconds, (double)l->bytes / seconds / 1048576,
           (double)l->latency_us[last / 2] / 1000,
           (double)l->latency_us[(size_t)(0.99 * (double)last)] / 1000);
}

int main(int argc, char **argv)
{
    struct load l = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: bench_streams PORT STREAMS EVENTS [AFTER]\n");
        return 2;
    }
    l.port = (uint16_t)strtoul(argv[1], NULL, 10);
    l.streams = (unsigned)strtoul(argv[2], NULL, 10);
    l.events = strtoull(argv[3], NULL, 10);
    l.after = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;
    l.s = calloc(l.streams, sizeof *l.s);
    l.latency_us = calloc(l.events, sizeof *l.latency_us);
    l.epoll = epoll_create1(0);
    if (l.s == NULL || l.latency_us == NULL || l.epoll < 0) {
        die("sizes");
    }
    for (unsigned i = 0; i < l.streams; i++) {
        stream_open(&l, &l.s[i]);
    }
    fprintf(stderr, "open\n");
    while (l.over < l.streams) {
        struct epoll_event ready[128];
        int n = epoll_wait(l.epoll, ready, 128, STALLS);
        if (n <= 0) {
            die("a stall");
        }
        for (int i = 0; i < n; i++) {
            stream_read(&l, ready[i].data.ptr);
        }
    }
    report(&l);
    return 0;
}
