/* SPDX-License-Identifier: Apache-2.0
 * covers: F-001
 * The keeper with a store of files: groups, several books, a full queue, and a disk that is full
 * (RLIMIT_FSIZE). Invariant: who is told METE_OK finds its event after a restart, who is told
 * anything else does not. */
#include "http/keeper.h"

#include "base/text.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKS 64

static char dir[64];
static char store[128];
static struct keeper *keeper;

struct job {
    struct work work; /* first: it leads back */
    char event[2400];
    const char *note; /* kept beside the log, without an event; may be NULL */
    bool opened;
    enum submit_status status;
    enum mete_code code;
    uint64_t size; /* of the log, as a reading found it */
    unsigned turn; /* of those that ran */
    sem_t *gate;   /* to wait for before it runs; may be NULL */
    sem_t over;
};

static unsigned turns; /* of the keeper's thread */

static void job_run(struct work *w, struct engine *e, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    struct submit_result r;
    (void)err;
    while (j->gate != NULL && sem_wait(j->gate) != 0) {
    }
    j->opened = e != NULL;
    j->turn = ++turns;
    if (e != NULL && j->note != NULL) {
        struct mete_err unused;
        assert_int_equal(book_meta_set(engine_book(e), "note", text_of(j->note), &unused),
                         STORE_OK);
    } else if (e != NULL && w->writes) {
        engine_submit(e, text_of(j->event), NULL, &r);
        j->status = r.status;
    } else if (e != NULL) {
        j->size = book_size(engine_book(e));
        keeper_look(keeper, NULL);
    }
}

static void job_done(struct work *w, enum mete_code code, const struct mete_err *err)
{
    struct job *j = (struct job *)w;
    assert_true(code == METE_OK || err->code == code);
    j->code = code;
    sem_post(&j->over);
}

/** An event of some 2 KiB, so that a small file is soon full. */
static struct job *job_new(const char *book, const char *id, bool writes)
{
    struct job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    j->work = (struct work){
        .book = book, .writes = writes, .create_book = true, .run = job_run, .done = job_done};
    snprintf(j->event, sizeof j->event,
             "{\"event_id\":\"%s\",\"event_type\":\"party.registered\","
             "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"party\":\"did:%s\","
             "\"display_name\":\"%0*d\"}}",
             id, id, 180, 0);
    assert_int_equal(sem_init(&j->over, 0, 0), 0);
    return j;
}

static void job_wait(struct job *j)
{
    while (sem_wait(&j->over) != 0) {
    }
}

static void job_free(struct job *j)
{
    sem_destroy(&j->over);
    free(j);
}

static void keeper_up(unsigned queue_max)
{
    const struct keeper_options o = {
        .store = store, .create_store = true, .books_max = 2, .queue_max = queue_max};
    struct mete_err err;
    if (keeper_start(&keeper, &o, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
}

static void keeper_down(void)
{
    keeper_stop(keeper);
    keeper_free(keeper);
    keeper = NULL;
}

static uint64_t size_of(const char *book)
{
    struct job *j = job_new(book, "", false);
    assert_true(keeper_put(keeper, &j->work));
    job_wait(j);
    assert_true(j->opened);
    uint64_t size = j->size;
    job_free(j);
    return size;
}

/** What is known of a book without opening it. */
static struct book_numbers known_of(const char *book)
{
    struct book_numbers numbers = {0};
    const char *name = "";
    size_t i = 0;
    while (known_books_at(keeper_known_books(keeper), i++, &name, &numbers) &&
           strcmp(name, book) != 0) {
    }
    assert_string_equal(name, book);
    return numbers;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/mete-keeper-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(store, sizeof store, "%s/k.db", dir);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"", "-wal", "-shm", "-journal", ".key"};
    char path[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s%s", store, files[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}

/** Until the keeper has taken all that was put. */
static void queue_wait(void)
{
    struct keeper_stats stats;
    do {
        usleep(1000);
        keeper_stats(keeper, &stats);
    } while (stats.queued > 0);
}

/** Works behind a gate, so that all of them are of one round. */
static void put_together(struct job *job[], unsigned count, const char *const *book, unsigned books,
                         const char *prefix)
{
    sem_t gate;
    char id[64];
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    struct job *first = job_new(book[0], "", false);
    first->gate = &gate;
    assert_true(keeper_put(keeper, &first->work));
    queue_wait();
    for (unsigned i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%s-%u", prefix, i);
        job[i] = job_new(book[i % books], id, true);
        assert_true(keeper_put(keeper, &job[i]->work));
    }
    sem_post(&gate);
    job_wait(first);
    job_free(first);
    for (unsigned i = 0; i < count; i++) {
        job_wait(job[i]);
    }
    sem_destroy(&gate);
}

/* Three books where two may be open: one group each, whatever the order. */
static void books_have_their_own_groups(void **state)
{
    static const char *const books[] = {"main", "second", "third"};
    struct job *job[WORKS];
    struct keeper_stats stats;
    (void)state;
    keeper_up(0);
    put_together(job, WORKS, books, 3, "a");
    for (unsigned i = 0; i < WORKS; i++) {
        assert_int_equal(job[i]->code, METE_OK);
        assert_int_equal(job[i]->status, SUBMIT_APPLIED);
        job_free(job[i]);
    }
    keeper_stats(keeper, &stats);
    assert_int_equal(stats.writes, WORKS);
    assert_int_equal(stats.groups, 3);
    assert_int_equal(stats.failed_groups, 0);
    assert_int_equal(stats.books, 2);
    assert_int_equal(atomic_load(&stats.group_size->sum), WORKS);
    assert_int_equal(histogram_count(stats.group_size), 3);
    for (unsigned i = 0; i < 3; i++) { /* the first of them is closed, and looked at again */
        assert_int_equal(size_of(books[i]), i == 0 ? 22 : 21);
        assert_int_equal(known_of(books[i]).counts.outcome[SUBMIT_APPLIED], i == 0 ? 22 : 21);
        assert_int_equal(known_of(books[i]).size, i == 0 ? 22 : 21);
    }
    assert_int_equal(known_of("main").counts.outcome[SUBMIT_APPLIED], 22); /* closed now */
    keeper_down();
    keeper_up(0);
    assert_int_equal(size_of("main") + size_of("second") + size_of("third"), WORKS);
    assert_int_equal(size_of("main"), 22);
    keeper_down();
}

/* Of one round: first what may not wait, as one group, then the rest, as another. */
static void what_may_wait_comes_after_the_rest(void **state)
{
    struct job *job[8];
    struct keeper_stats stats;
    sem_t gate;
    char id[16];
    (void)state;
    keeper_up(0);
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    struct job *first = job_new("main", "", false);
    first->gate = &gate;
    assert_true(keeper_put(keeper, &first->work));
    queue_wait();
    for (unsigned i = 0; i < ARRAY_LEN(job); i++) {
        snprintf(id, sizeof id, "w-%u", i);
        job[i] = job_new("main", id, true);
        job[i]->work.may_wait = i % 2 == 0;
        assert_true(keeper_put(keeper, &job[i]->work));
    }
    sem_post(&gate);
    job_wait(first);
    for (unsigned i = 0; i < ARRAY_LEN(job); i++) {
        job_wait(job[i]);
        assert_int_equal(job[i]->status, SUBMIT_APPLIED);
        assert_int_equal(job[i]->turn - first->turn, i % 2 == 0 ? 5 + i / 2 : 1 + i / 2);
        job_free(job[i]);
    }
    job_free(first);
    sem_destroy(&gate);
    keeper_stats(keeper, &stats);
    assert_int_equal(stats.groups, 2);
    keeper_down();
}

/* The whole group is told, nothing of it stays, and the book goes on when there is room again. */
static void full_disk_fails_the_whole_group(void **state)
{
    static const char *const books[] = {"main"};
    struct job *job[WORKS];
    struct keeper_stats stats;
    struct rlimit old;
    struct stat st;
    char path[256];
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    keeper_up(0);
    put_together(job, 8, books, 1, "before");
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(job[i]->code, METE_OK);
        job_free(job[i]);
    }
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    snprintf(path, sizeof path, "%s-wal", store);
    assert_int_equal(stat(path, &st), 0);
    struct rlimit full = {.rlim_cur = (rlim_t)st.st_size + 2000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    put_together(job, WORKS, books, 1, "during");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    for (unsigned i = 0; i < WORKS; i++) {
        assert_int_equal(job[i]->code, METE_STORE_FULL);
        assert_true(mete_code_status(job[i]->code) >= 500);
        job_free(job[i]);
    }
    keeper_stats(keeper, &stats);
    assert_int_equal(stats.failed_groups, 1);
    assert_int_equal(stats.books, 0); /* it is opened anew */
    assert_int_equal(known_of("main").counts.outcome[SUBMIT_APPLIED], 8);
    assert_int_equal(size_of("main"), 8);
    put_together(job, WORKS, books, 1, "during");
    for (unsigned i = 0; i < WORKS; i++) {
        assert_int_equal(job[i]->code, METE_OK);
        assert_int_equal(job[i]->status, SUBMIT_APPLIED);
        job_free(job[i]);
    }
    keeper_down();
    keeper_up(0);
    assert_int_equal(size_of("main"), 8 + WORKS);
    keeper_down();
}

/* Nothing happens to what found no room; a stopped keeper takes nothing. */
/** A key file that cannot be written is not there afterwards, and the next attempt makes it. */
static void key_file_is_whole_or_absent(void **state)
{
    struct store *s;
    struct engine *e;
    struct mete_err err;
    struct rlimit old;
    char path[256];
    const struct store_options so = {.create = true};
    struct engine_options o = {.store = store, .book = "main", .create_book = true};
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(store_open(&s, store, &so, &err), METE_OK);
    o.in_store = s;
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    engine_close(e);
    o.create_book = false;
    snprintf(path, sizeof path, "%s.key", store);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (rlim_t room = 0; room < 200; room += 40) {
        struct rlimit full = {.rlim_cur = room, .rlim_max = old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        enum mete_code code = engine_open(&e, &o, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(code, METE_FILE);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    engine_close(e);
    store_close(s);
}

static void full_queue_says_no(void **state)
{
    sem_t gate;
    struct job *job[6];
    (void)state;
    keeper_up(4);
    assert_int_equal(sem_init(&gate, 0, 0), 0);
    struct job *first = job_new("main", "first", true);
    first->gate = &gate;
    assert_true(keeper_put(keeper, &first->work));
    queue_wait();
    for (unsigned i = 0; i < 6; i++) {
        char id[16];
        snprintf(id, sizeof id, "q-%u", i);
        job[i] = job_new("main", id, true);
        assert_int_equal(keeper_put(keeper, &job[i]->work), i < 4);
    }
    struct keeper_stats stats;
    keeper_stats(keeper, &stats);
    assert_int_equal(stats.queued, 4);
    assert_true(stats.round_us > 0); /* it is at the first one */
    sem_post(&gate);
    job_wait(first);
    for (unsigned i = 0; i < 4; i++) {
        job_wait(job[i]);
        assert_int_equal(job[i]->code, METE_OK);
    }
    assert_int_equal(size_of("main"), 5);
    keeper_stop(keeper);
    assert_false(keeper_put(keeper, &job[5]->work));
    keeper_free(keeper);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(sem_trywait(&job[i]->over), -1);
        job_free(job[i]);
    }
    job_free(first);
    sem_destroy(&gate);
}

/* A rehearsal is decided like any other event, and nothing of it stays; also among many. */
static void rehearsals_leave_nothing(void **state)
{
    (void)state;
    keeper_up(0);
    for (unsigned i = 0; i < 700; i++) { /* more than the store leaves unwritten before one */
        char id[32];
        snprintf(id, sizeof id, "r-%u", i / 2 + (i % 2) * 100000);
        struct job *j = job_new("main", id, true);
        j->work.alone = i % 2 == 1;
        assert_true(keeper_put(keeper, &j->work));
        job_wait(j);
        assert_int_equal(j->code, METE_OK);
        assert_int_equal(j->status, SUBMIT_APPLIED);
        job_free(j);
    }
    assert_int_equal(size_of("main"), 350);
    assert_int_equal(known_of("main").counts.outcome[SUBMIT_APPLIED], 350);
    keeper_down();
}

static void a_book_that_is_not_there(void **state)
{
    (void)state;
    keeper_up(0);
    struct job *j = job_new("nobody", "x", true);
    j->work.create_book = false;
    assert_true(keeper_put(keeper, &j->work));
    job_wait(j);
    assert_false(j->opened);
    assert_int_equal(j->code, METE_OK); /* `run` was told why, and has said so */
    job_free(j);
    keeper_down();
}

static bool note_is(const char *book, const char *wanted)
{
    struct engine *e;
    struct mete_err err;
    struct arena a;
    struct text value = {0};
    const struct engine_options o = {.store = store, .book = book, .read_only = true};
    arena_init(&a, 1 << 20);
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    bool same = book_meta_get(engine_book(e), "note", &a, &value, &err) == STORE_OK &&
                text_is(value, wanted);
    engine_close(e);
    arena_clear(&a);
    return same;
}

/** A group without an event is a group: durable at its end, and in nobody's way after it. */
static void notes_without_events_are_durable(void **state)
{
    (void)state;
    keeper_up(0);
    struct job *a = job_new("a", "e1", true);
    struct job *b = job_new("b", "e2", true);
    a->note = "kept";
    assert_true(keeper_put(keeper, &a->work));
    job_wait(a);
    assert_int_equal(a->code, METE_OK);
    assert_true(note_is("a", "kept"));
    assert_true(keeper_put(keeper, &b->work));
    job_wait(b);
    assert_int_equal(b->status, SUBMIT_APPLIED);
    job_free(a);
    job_free(b);
    keeper_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(books_have_their_own_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_wait_comes_after_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_disk_fails_the_whole_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(key_file_is_whole_or_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_queue_says_no, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rehearsals_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_book_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notes_without_events_are_durable, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
