/* SPDX-License-Identifier: Apache-2.0
 * covers: F-001
 * Following a log that grows: each reader gets every row once and in order, in pieces of any size,
 * wherever it begins, however little memory there is for pages, with what follows from rows or
 * without; and a page is read for all of them.
 */
#include "http/log_pages.h"

#include "base/rng.h"
#include "base/text.h"
#include "engine/engine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS     1500u
#define READERS  8u
#define MEMORY   ((size_t)256 << 10)
#define LARGE    ((size_t)300 << 10)
#define PIECE    9000u
#define PATIENCE 120 /* seconds; only so that it ends */

static char dir[64];
static char store[128];
static struct engine *writer;
static uint64_t made;
static uint64_t seed = 20250101;

static int set_up(void **state)
{
    struct mete_err err;
    const char *given = getenv("METE_TEST_SEED");
    (void)state;
    seed = given != NULL ? strtoull(given, NULL, 10) : seed;
    snprintf(dir, sizeof dir, "/tmp/mete-pages-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(store, sizeof store, "%s/s.db", dir);
    const struct engine_options o = {
        .store = store, .book = "main", .create_store = true, .create_book = true, .salt_seed = 1};
    made = 0;
    assert_int_equal(engine_open(&writer, &o, &err), METE_OK);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"", "-wal", "-shm", "-journal", ".key", ".lock"};
    char path[256];
    (void)state;
    engine_close(writer);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s%s", store, files[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}

static void write_group(struct log_pages *p, uint64_t rows)
{
    struct mete_err err;
    for (uint64_t i = 0; i < rows; i++) {
        char event[256];
        struct submit_result r;
        made++;
        snprintf(event, sizeof event,
                 "{\"event_id\":\"e%llu\",\"event_type\":\"party.registered\","
                 "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"party\":\"did:%llu\"}}",
                 (unsigned long long)made, (unsigned long long)made);
        engine_submit(writer, text_of(event), NULL, &r);
        assert_int_equal(r.status, SUBMIT_APPLIED);
    }
    assert_int_equal(engine_commit(writer, &err), METE_OK);
    log_pages_news(p, "main");
}

/* --- a row: its number, and as many dots as follow from that -----------------------------------*/

static size_t dots_of(uint64_t seq)
{
    return seq % 97 == 0 ? LARGE : (size_t)(seq * 7919 % 900);
}

static bool has_more(uint64_t seq)
{
    return seq % 5 == 0;
}

static bool render(struct buf *out, const struct log_row *row)
{
    buf_printf(out, "<%llu", (unsigned long long)row->seq);
    for (size_t i = 0; i < dots_of(row->seq); i++) {
        buf_put_u8(out, '.');
    }
    buf_put_u8(out, '>');
    return has_more(row->seq);
}

/** What follows from some rows: their number in brackets. Its first letter is '['. */
static bool follow_up(void *ctx, struct buf *out, const char *book, uint64_t seq)
{
    assert_ptr_equal(ctx, dir);
    assert_string_equal(book, "main");
    buf_printf(out, "[%llu]", (unsigned long long)seq);
    return true;
}

/** The only mark is "own": behind the row itself. */
static size_t resume(struct text row, const char *mark)
{
    assert_string_equal(mark, "own");
    const char *end = memchr(row.p, '>', row.len);
    assert_non_null(end);
    return (size_t)(end + 1 - row.p);
}

/** What comes next of the rows from `seq` on. */
struct expected {
    uint64_t seq;
    size_t at;
    char head[24];
    size_t head_len;
    bool own_only;
};

static void expect_row(struct expected *e, uint64_t seq)
{
    e->seq = seq;
    e->at = 0;
    e->head_len = (size_t)snprintf(e->head, sizeof e->head, "<%llu", (unsigned long long)seq);
}

static char expect_next(struct expected *e)
{
    size_t at = e->at++;
    if (at < e->head_len) {
        return e->head[at];
    }
    at -= e->head_len;
    if (at < dots_of(e->seq)) {
        return '.';
    }
    at -= dots_of(e->seq);
    char tail[32];
    size_t len = (size_t)snprintf(tail, sizeof tail, ">[%llu]", (unsigned long long)e->seq);
    len = has_more(e->seq) && !e->own_only ? len : 1;
    if (at + 1 == len) {
        expect_row(e, e->seq + 1);
    }
    return tail[at];
}

/** Of the row before, only what follows from it is still to come. */
static void expect_rest(struct expected *e)
{
    expect_row(e, e->seq - 1);
    e->at = e->head_len + dots_of(e->seq) + 1;
}

/* --- a reader ----------------------------------------------------------------------------------*/

struct follower {
    struct source source;
    struct log_reader reader;
    struct log_pages *pages;
    struct expected expected;
    struct rng rng;
    unsigned number;
    bool comes_and_goes;
    uint64_t until;
    unsigned joined;
    const char *flaw;
};

/** Until source_wake was called since the last time. */
static bool wait_woken(struct source *s)
{
    const struct timespec step = {.tv_nsec = 200000};
    for (unsigned i = 0; i < PATIENCE * 5000; i++) {
        pthread_mutex_lock(&s->lock);
        bool woken = s->woken;
        s->woken = false;
        pthread_mutex_unlock(&s->lock);
        if (woken) {
            return true;
        }
        nanosleep(&step, NULL);
    }
    return false;
}

static void join(struct follower *f, uint64_t after)
{
    f->joined++;
    expect_row(&f->expected, after + 1);
    struct log_wish wish = {.after = after, .own_only = f->expected.own_only};
    if (after > 0 && has_more(after) && f->joined % 2 == 0) {
        (void)text_copy(wish.mark, sizeof wish.mark, TEXT("own"));
        if (!f->expected.own_only) {
            expect_rest(&f->expected);
        }
    }
    log_reader_join(f->pages, &f->reader, TEXT("main"), &wish, &f->source);
}

static void check(struct follower *f, const uint8_t *piece, long len)
{
    for (long i = 0; i < len && f->flaw == NULL; i++) {
        if ((char)piece[i] != expect_next(&f->expected)) {
            f->flaw = "another character than what comes next";
        }
    }
    if (len > 0 && log_reader_between(&f->reader) != (f->expected.at == 0)) {
        f->flaw = "between two rows, or not";
    }
}

static void *follow(void *arg)
{
    struct follower *f = arg;
    uint8_t piece[PIECE];
    join(f, rng_below(&f->rng, 50));
    while (f->flaw == NULL && f->expected.seq <= f->until) {
        long got = log_reader_read(&f->reader, piece, 1 + (size_t)rng_below(&f->rng, PIECE));
        if (got < 0) {
            f->flaw = "it broke";
        } else if (got == 0 && !wait_woken(&f->source)) {
            f->flaw = "nobody woke it";
        }
        check(f, piece, got);
        if (f->comes_and_goes && rng_below(&f->rng, 50) == 0) {
            uint64_t whole = f->expected.seq - 1;
            log_reader_leave(&f->reader);
            join(f, whole);
        }
    }
    log_reader_leave(&f->reader);
    return NULL;
}

static void follower_init(struct follower *f, struct log_pages *p, unsigned number)
{
    *f = (struct follower){.pages = p, .number = number, .until = ROWS};
    source_init(&f->source, NULL, NULL);
    rng_seed(&f->rng, seed + number);
    f->expected.own_only = number % 4 == 0;
}

static struct log_pages *pages_start(size_t memory_max)
{
    struct log_pages *p;
    struct mete_err err;
    const struct log_pages_options o = {.store = store,
                                        .render = render,
                                        .follow = follow_up,
                                        .resume = resume,
                                        .ctx = dir,
                                        .memory_max = memory_max};
    assert_int_equal(log_pages_start(&p, &o, &err), METE_OK);
    return p;
}

/* --- tests -------------------------------------------------------------------------------------*/

static void everybody_gets_every_row_once(void **state)
{
    struct log_pages *p = pages_start(MEMORY);
    struct log_pages_stats stats;
    static struct follower f[READERS];
    pthread_t thread[READERS];
    struct rng rng;
    size_t most = 0;
    unsigned joined = 0;
    (void)state;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    write_group(p, 100);
    for (unsigned i = 0; i < READERS; i++) {
        follower_init(&f[i], p, i);
        f[i].comes_and_goes = i % 2 == 0;
        assert_int_equal(pthread_create(&thread[i], NULL, follow, &f[i]), 0);
    }
    while (made < ROWS) {
        uint64_t rows = 1 + rng_below(&rng, 40);
        write_group(p, rows < ROWS - made ? rows : ROWS - made);
        log_pages_stats(p, &stats);
        most = stats.memory > most ? stats.memory : most;
    }
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(thread[i], NULL);
        joined += f[i].joined;
        if (f[i].flaw != NULL) {
            fail_msg("reader %u at row %llu: %s", i, (unsigned long long)f[i].expected.seq,
                     f[i].flaw);
        }
    }
    log_pages_stats(p, &stats);
    print_message("# %u rows, %u readers who came %u times; %llu pages were read, at most %zu KiB "
                  "of them in memory\n",
                  ROWS, READERS, joined, (unsigned long long)stats.loads, most >> 10);
    assert_true(joined > 3 * READERS);
    /* those that readers wait for come on top, a page each at most; a page ends with a large row */
    assert_true(most < MEMORY + (READERS + 1) * 2 * (LARGE + ((size_t)128 << 10)));
    assert_int_equal(stats.memory, 0); /* the last one has left */
    log_pages_stop(p);
    log_pages_free(p);
}

/** All that is there now, on one thread. */
static void read_all(struct follower *f)
{
    uint8_t piece[PIECE];
    while (f->expected.seq <= made) {
        long got = log_reader_read(&f->reader, piece, sizeof piece);
        assert_true(got >= 0);
        check(f, piece, got);
        assert_true(got > 0 || wait_woken(&f->source));
        assert_null(f->flaw);
    }
    assert_int_equal(log_reader_read(&f->reader, piece, sizeof piece), 0);
}

static void a_page_is_read_for_all(void **state)
{
    enum { COUNT = 60, GROUPS = 40 };
    struct log_pages *p = pages_start(0);
    struct log_pages_stats before;
    struct log_pages_stats after;
    static struct follower f[COUNT];
    (void)state;
    write_group(p, 10);
    for (unsigned i = 0; i < COUNT; i++) {
        follower_init(&f[i], p, i);
        join(&f[i], i % 10);
        read_all(&f[i]);
    }
    log_pages_stats(p, &before);
    for (unsigned g = 0; g < GROUPS; g++) {
        write_group(p, 3);
        for (unsigned i = 0; i < COUNT; i++) {
            read_all(&f[i]);
        }
    }
    log_pages_stats(p, &after);
    print_message("# %u groups for %u readers: the store was read %llu times\n", GROUPS, COUNT,
                  (unsigned long long)(after.loads - before.loads));
    assert_int_equal(after.rows - before.rows, GROUPS * 3);
    assert_true(after.loads - before.loads <= GROUPS * 2);
    for (unsigned i = 0; i < COUNT; i++) {
        log_reader_leave(&f[i].reader);
    }
    log_pages_stop(p);
    log_pages_free(p);
}

static void a_log_that_cannot_be_read_is_told(void **state)
{
    struct log_pages *p = pages_start(0);
    struct follower f[2]; /* the second comes while the first is still there */
    uint8_t piece[64];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        follower_init(&f[i], p, 0);
        const struct log_wish wish = {.after = 0};
        log_reader_join(p, &f[i].reader, TEXT("another"), &wish, &f[i].source);
        assert_int_equal(log_reader_read(&f[i].reader, piece, sizeof piece), 0);
        assert_true(wait_woken(&f[i].source));
        assert_int_equal(log_reader_read(&f[i].reader, piece, sizeof piece), SOURCE_BROKEN);
    }
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        log_reader_leave(&f[i].reader);
    }
    log_pages_stop(p);
    log_pages_free(p);
}

static void a_log_alone_can_be_opened(void **state)
{
    struct store *s;
    struct book *b;
    struct mete_err err;
    const struct store_options o = {.read_only = true};
    struct log_pages *p = pages_start(0);
    (void)state;
    write_group(p, 5);
    assert_int_equal(store_open(&s, store, &o, &err), METE_OK);
    assert_int_equal(book_open_log(&b, s, TEXT("none"), &err), METE_STORE_MISSING);
    assert_int_equal(book_open_log(&b, s, TEXT("main"), &err), METE_OK);
    write_group(p, 5);
    assert_int_equal(book_size(b), 5); /* a snapshot */
    book_close(b);
    assert_int_equal(book_open_log(&b, s, TEXT("main"), &err), METE_OK);
    assert_int_equal(book_size(b), 10);
    assert_int_equal(book_seq_at(b, TIME_MAX), 11);
    book_close(b);
    store_close(s);
    log_pages_stop(p);
    log_pages_free(p);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(everybody_gets_every_row_once),
        WITH_STORE(a_page_is_read_for_all),
        WITH_STORE(a_log_that_cannot_be_read_is_told),
        WITH_STORE(a_log_alone_can_be_opened),
    };
    return cmocka_run_group_tests_name("log_pages", tests, NULL, NULL);
}
