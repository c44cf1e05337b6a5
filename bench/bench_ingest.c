/* SPDX-License-Identifier: Apache-2.0
 * Ingests standard input into a new SQLite store (argv[1]) and prints the rate of every 500,000
 * durable events, the memory then, and the time to open the book again. */
#include "base/text.h"
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEP 500000u

struct meter {
    uint64_t next;
    uint64_t last_ns;
};

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static long rss_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

static long read_stdin(void *ctx, void *buf, size_t size)
{
    (void)ctx;
    return read(STDIN_FILENO, buf, size);
}

static void tell(void *ctx, const struct submit_result *r, const struct ingest_counts *c)
{
    struct meter *m = ctx;
    if (r != NULL || c->applied < m->next) {
        return; /* NULL: a group has just become durable */
    }
    uint64_t now = now_ns();
    printf("%10llu %8llu events/s %6ld MiB\n", (unsigned long long)c->applied,
           (unsigned long long)(STEP * 1000000000ull / (now - m->last_ns)), rss_mib());
    fflush(stdout);
    m->last_ns = now;
    m->next += STEP;
}

static int open_again(const char *path)
{
    struct mete_err err;
    struct engine *e;
    struct stat st;
    const struct engine_options o = {.store = path, .read_only = true};
    uint64_t start = now_ns();
    if (engine_open(&e, &o, &err) != METE_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    uint64_t size = book_size(engine_book(e));
    printf("open: %llu us\n", (unsigned long long)((now_ns() - start) / 1000));
    if (stat(path, &st) == 0 && size > 0) {
        printf("size: %llu bytes, %llu per event\n", (unsigned long long)st.st_size,
               (unsigned long long)st.st_size / size);
    }
    engine_close(e);
    return 0;
}

int main(int argc, char **argv)
{
    struct mete_err err;
    struct engine *e;
    struct ingest_counts counts = {0};
    struct meter m = {STEP, now_ns()};
    if (argc < 2) {
        fprintf(stderr, "usage: bench_ingest STORE <events\n");
        return 2;
    }
    const struct engine_options o = {.store = argv[1], .create_store = true, .create_book = true};
    const struct ingest in = {.read = read_stdin, .tell = tell, .tell_ctx = &m};
    if (engine_open(&e, &o, &err) != METE_OK || ingest_stream(e, &in, &counts, &err) != METE_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    uint64_t start = now_ns();
    engine_close(e);
    printf("close: %llu us\n", (unsigned long long)((now_ns() - start) / 1000));
    return open_again(argv[1]);
}
