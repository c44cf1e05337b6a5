/* SPDX-License-Identifier: Apache-2.0
 * What only a store in a database can suffer: transactions that the server gives up, connections
 * that break, COMMITs without an answer, leases that others take. Runs beside
 * tests/pg/with_postgres. covers: F-027 */
#include "store/api_key.h"
#include "store/inbox.h"
#include "store_fixture.h"

#include <pthread.h>
#include <time.h>

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    const struct store_options o = {.create = true, .now = FIXTURE_TIME, .lease_ms = 600};
    assert_non_null(f);
    fixture_open_with(f, "postgres:", &o);
    *state = f;
    return 0;
}

static void sleep_ms(unsigned ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/** The database's own count of events. */
static unsigned events(void)
{
    char count[64];
    unsigned n = 0;
    database_run("SUPER", "select count(*) from mete.event", count);
    for (const char *p = count; *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (unsigned)(*p - '0');
    }
    return n;
}

/** The same rows in memory have this digest. */
static struct hash digest_of(unsigned rows)
{
    struct fixture memory;
    fixture_open(&memory, "memory:", 0);
    fixture_append(&memory, rows, 100);
    struct hash h = fixture_digest(memory.book);
    fixture_close(&memory);
    return h;
}

static void is_as_in_memory(struct fixture *f, unsigned rows)
{
    struct hash want = digest_of(rows);
    struct hash have = fixture_digest(f->book);
    assert_true(hash_eq(&want, &have));
    fixture_reopen(f);
    have = fixture_digest(f->book);
    assert_true(hash_eq(&want, &have));
    assert_int_equal(events(), rows);
}

/* --- transactions that are given up ------------------------------------------------------------*/

/** From now on the server refuses `times` groups with this SQLSTATE: while rows are copied, or at
 *  COMMIT. A sequence is not rolled back, so it counts the attempts. */
static void refuse_groups(const char *sqlstate, unsigned times, bool at_commit)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "create sequence mete.attempts; grant usage on mete.attempts to mete_app; "
        "create function mete.fail() returns trigger language plpgsql as $$ begin "
        "if nextval('mete.attempts') <= %u then raise exception 'not now' using errcode = '%s'; "
        "end if; return null; end $$; "
        "create constraint trigger fail after update on mete.lease %s "
        "for each row when (new.commits > old.commits) execute function mete.fail()",
        times, sqlstate, at_commit ? "deferrable initially deferred" : "");
    database_run("SUPER", sql, NULL);
}

static void given_up(struct fixture *f, const char *sqlstate, bool at_commit)
{
    fixture_append(f, 250, 100);
    refuse_groups(sqlstate, 5, at_commit);
    fixture_append(f, 250, 50);
    database_run("SUPER", "drop trigger fail on mete.lease", NULL);
    char attempts[64];
    database_run("SUPER", "select last_value from mete.attempts", attempts);
    assert_string_equal(attempts, "10"); /* five groups, and five refusals */
    is_as_in_memory(f, 500);
}

static void test_serialization_failures_are_played_again(void **state)
{
    given_up(*state, "40001", false);
}

static void test_serialization_failures_at_commit_are_played_again(void **state)
{
    given_up(*state, "40001", true);
}

static void test_deadlocks_are_played_again(void **state)
{
    given_up(*state, "40P01", true);
}

static void test_other_failures_are_not(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    fixture_append(f, 100, 100);
    refuse_groups("23514", 1, true);
    struct model kept = f->model;
    fixture_queue(f);
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_FAILED);
    f->model = kept;
    fixture_check_rows(f);
    fixture_append(f, 100, 10);
    is_as_in_memory(f, 200);
}

static void test_what_never_succeeds_ends(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    refuse_groups("40001", 1000, true);
    fixture_queue(f);
    f->model.size--;
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    database_run("SUPER", "drop trigger fail on mete.lease", NULL);
    fixture_append(f, 10, 10);
    is_as_in_memory(f, 10);
}

/* --- connections that break --------------------------------------------------------------------*/

static void cut_all(void)
{
    database_run("SUPER",
                 "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                 "where usename = 'mete_app'",
                 NULL);
}

static void test_a_cut_between_groups(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 5; i++) {
        fixture_append(f, 40, 20);
        cut_all();
    }
    fixture_check_rows(f); /* reading notices it first */
    cut_all();
    fixture_append(f, 50, 25);
    is_as_in_memory(f, 250);
}

static void test_a_cut_in_the_midst_of_a_group(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    fixture_append(f, 100, 100);
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned row = 0; row < 10; row++) {
            fixture_queue(f);
        }
        struct hash root;
        /* sends what is queued: the transaction is open when it is cut */
        assert_int_equal(book_tree_hash(f->book, 0, 0, &root, &err), STORE_OK);
        const struct quarantined q = {.body = TEXT("x"), .code = METE_CONFLICT};
        assert_int_equal(book_quarantine_add(f->book, &q, 10, &err), STORE_OK);
        assert_int_equal(book_quarantine_remove(f->book, i + 1, &err), STORE_OK);
        fixture_queue(f);
        cut_all();
        assert_int_equal(book_commit(f->book, &err), STORE_OK);
    }
    is_as_in_memory(f, 155);
}

static void test_a_snapshot_that_is_cut_says_so(void **state)
{
    struct fixture *f = *state;
    struct store *reader;
    struct book *book;
    struct log_row row;
    struct mete_err err;
    const struct store_options o = {.read_only = true};
    fixture_append(f, 100, 100);
    assert_int_equal(store_open(&reader, f->url, &o, &err), METE_OK);
    assert_int_equal(book_open(&book, reader, TEXT("main"), false, &err), METE_OK);
    fixture_append(f, 100, 100);
    assert_int_equal(book_size(book), 100);
    assert_int_equal(book_row(book, 100, &row, &err), STORE_OK);
    cut_all();
    assert_int_equal(book_row(book, 100, &row, &err), STORE_FAILED);
    book_close(book);
    assert_int_equal(book_open(&book, reader, TEXT("main"), false, &err), METE_OK);
    assert_int_equal(book_size(book), 200);
    book_close(book);
    store_close(reader);
}

/* A reader that rests between two looks sees each time what the writer has committed. */
static void test_a_reader_goes_on_with_the_book(void **state)
{
    struct fixture *f = *state;
    struct store *s;
    struct book *reader;
    struct mete_err err;
    fixture_close(f);
    const struct store_options small = {.create = true,
                                        .cache_size = (size_t)64 << 10,
                                        .strict_cache = true,
                                        .now = FIXTURE_TIME,
                                        .lease_ms = 600};
    fixture_open_with(f, "postgres:", &small);
    const struct store_options o = {
        .read_only = true, .cache_size = (size_t)64 << 10, .strict_cache = true};
    fixture_append(f, 10, 10);
    assert_int_equal(store_open(&s, f->url, &o, &err), METE_OK);
    assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
    for (unsigned i = 0; i < 60; i++) {
        assert_true(book_rest(reader));
        if (i % 7 == 3) {
            cut_all();
        }
        if (i % 5 != 4) {
            fixture_append(f, 1 + i * 4, 50);
            fixture_page(f, book_size(f->book), 1);
            assert_int_equal(book_commit(f->book, &err), STORE_OK);
        }
        enum mete_code code = book_wake(reader, &err);
        if (code != METE_OK) { /* it was cut while it rested */
            book_close(reader);
            assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
        }
        struct hash want = fixture_digest(f->book);
        struct hash have = fixture_digest(reader);
        assert_true(hash_eq(&want, &have));
    }
    const struct state_stats *t = book_stats(f->book);
    print_message("# %llu flushes, %llu merges\n", (unsigned long long)t->flushes,
                  (unsigned long long)t->merges_done);
    assert_true(t->flushes > 3);
    book_close(reader);
    store_close(s);
}

/* --- COMMITs without an answer, and a database that went back
 * -----------------------------------*/

/** A standby took the server's place that lacks the last groups: back to `commits`, so many events.
 */
static void go_back(const char *commits, unsigned size)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "set session_replication_role = replica; delete from mete.event where seq > %u; "
             "update mete.lease set commits = %s",
             size, commits);
    database_run("SUPER", sql, NULL);
    cut_all();
}

static void test_no_hole_where_a_standby_lacks_a_group(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    char commits[64];
    fixture_append(f, 20, 10);
    database_run("SUPER", "select commits from mete.lease", commits);
    struct model kept = f->model;
    fixture_append(f, 10, 10);
    go_back(commits, 20);
    fixture_queue(f);
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_FAILED);
    assert_non_null(strstr(err.text, "lacks"));
    f->model = kept;
    fixture_check_rows(f); /* as the database has it now, and can be written */
    fixture_append(f, 10, 5);
    is_as_in_memory(f, 30);
}

static void test_a_commit_nobody_knew_of_is_not_taken_for_the_next(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    fixture_append(f, 20, 10);
    /* as if one more had arrived without an answer, and nobody could say so in time */
    database_run("SUPER", "update mete.lease set commits = commits + 1", NULL);
    struct model kept = f->model;
    fixture_queue(f);
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    f->model = kept;
    fixture_append(f, 10, 10);
    is_as_in_memory(f, 30);
}

/* What was found out in a transaction that broke holds in the one that takes its place, or the
 * group is given up: a request that was withdrawn in between is not decided. */
static void test_a_claim_is_made_again(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    const struct inbox_id id = {{1, 2, 3}};
    fixture_append(f, 10, 10);
    struct model kept = f->model;
    for (unsigned withdrawn = 0; withdrawn < 2; withdrawn++) {
        database_run("SUPER",
                     "delete from mete.answer; insert into mete.inbox values (1, "
                     "'\\x01020300000000000000000000000000', clock_timestamp(), 1, 'n', '')",
                     NULL);
        assert_int_equal(book_inbox_claim(f->book, &id, &err), STORE_OK);
        fixture_queue(f);
        cut_all();
        if (withdrawn) {
            database_run("SUPER", "delete from mete.inbox", NULL);
        }
        const struct inbox_item answer = {.id = id, .node = TEXT("n")};
        assert_int_equal(book_inbox_answer(f->book, &answer, &err), STORE_OK);
        assert_int_equal(book_commit(f->book, &err), withdrawn ? STORE_FAILED : STORE_OK);
        kept = withdrawn ? kept : f->model;
    }
    f->model = kept;
    is_as_in_memory(f, 11);
}

/** Another writer may have begun with less than what a reader that rested has in memory. */
static void test_a_reader_begins_anew_with_another_writer(void **state)
{
    struct fixture *f = *state;
    struct store *s;
    struct book *reader;
    struct mete_err err;
    char commits[64];
    const struct store_options o = {.read_only = true};
    fixture_append(f, 20, 10);
    database_run("SUPER", "select commits from mete.lease", commits);
    struct model kept = f->model;
    fixture_append(f, 10, 10);
    assert_int_equal(store_open(&s, f->url, &o, &err), METE_OK);
    assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
    assert_true(book_rest(reader));
    book_close(f->book);
    go_back(commits, 20);
    f->model = kept;
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
    fixture_append(f, 10, 10); /* as many groups and events as before, but others */
    enum mete_code code = book_wake(reader, &err);
    code = code == METE_OK ? code : book_wake(reader, &err); /* it was cut */
    book_close(reader);
    assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
    assert_int_equal(book_size(reader), 30);
    book_close(reader);
    store_close(s);
    assert_int_equal(code, METE_STORE_FAILED);
}

/* --- leases ------------------------------------------------------------------------------------*/

/** A lease lasts from when the database stamped it: at the beginning of a group, not at its end. */
static void test_a_long_group_makes_no_longer_lease(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    fixture_append(f, 10, 10);
    const struct quarantined q = {.body = TEXT("x"), .code = METE_CONFLICT};
    assert_int_equal(book_quarantine_add(f->book, &q, 10, &err), STORE_OK); /* begins */
    database_run("SUPER", "revoke update on mete.lease from mete_app", NULL);
    sleep_ms(400);
    assert_int_equal(book_commit(f->book, &err), STORE_OK);
    sleep_ms(300); /* nobody could confirm it since */
    enum mete_code held = book_held(f->book, &err);
    database_run("SUPER", "grant update on mete.lease to mete_app", NULL);
    assert_int_equal(held, METE_STORE_FAILED);
    assert_int_equal(book_held(f->book, &err), METE_OK);
}

/** Makes the lease look as if its holder had died. */
static void expire(void)
{
    database_run("SUPER", "update mete.lease set expires_at = clock_timestamp() - interval '1 h'",
                 NULL);
}

static void second_open(struct store **s, struct fixture *f, bool no_wait)
{
    struct mete_err err;
    const struct store_options o = {.no_wait = no_wait, .lease_ms = 600};
    assert_int_equal(store_open(s, f->url, &o, &err), METE_OK);
}

static void test_a_live_lease_is_respected(void **state)
{
    struct fixture *f = *state;
    struct store *other;
    struct book *book;
    struct mete_err err;
    fixture_append(f, 10, 10);
    second_open(&other, f, true);
    assert_int_equal(book_open(&book, other, TEXT("main"), false, &err), METE_STORE_BUSY);
    sleep_ms(1500); /* it is confirmed all the time, although nothing is written */
    assert_int_equal(book_open(&book, other, TEXT("main"), false, &err), METE_STORE_BUSY);
    store_close(other);
    second_open(&other, f, false);
    assert_int_equal(book_open(&book, other, TEXT("main"), false, &err), METE_STORE_BUSY);
    assert_int_equal(book_held(f->book, &err), METE_OK);
    book_close(f->book);
    assert_int_equal(book_open(&book, other, TEXT("main"), false, &err), METE_OK);
    book_close(book);
    store_close(other);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
}

/** By a store that has no other: there is nothing to give back either. */
static void test_a_lease_whose_commit_failed_is_not_held(void **state)
{
    struct fixture *f = *state;
    struct store *other;
    struct book *book;
    struct mete_err err;
    fixture_append(f, 10, 10);
    book_close(f->book);
    database_run("SUPER",
                 "create function public.no() returns trigger language plpgsql as "
                 "$$ begin raise exception 'no' using errcode = 'serialization_failure'; end $$; "
                 "create constraint trigger no after update on mete.lease "
                 "deferrable initially deferred for each row execute function public.no()",
                 NULL);
    second_open(&other, f, true);
    assert_int_equal(book_open(&book, other, TEXT("main"), false, &err), METE_STORE_BUSY);
    store_close(other);
    database_run("SUPER", "drop trigger no on mete.lease; drop function public.no()", NULL);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
    fixture_append(f, 10, 10);
    is_as_in_memory(f, 20);
}

/** The first holder goes on as if nothing had happened: it is fenced off. */
static void taken_over(struct fixture *f, bool in_group)
{
    struct store *other;
    struct book *book;
    struct mete_err err;
    fixture_append(f, 30, 10);
    struct model kept = f->model;
    if (in_group) { /* its transaction is open, and its rows stand in the new one's way */
        fixture_queue(f);
        const struct quarantined q = {.body = TEXT("x"), .code = METE_CONFLICT};
        assert_int_equal(book_quarantine_add(f->book, &q, 10, &err), STORE_OK);
    }
    second_open(&other, f, true);
    enum mete_code code = METE_STORE_BUSY;
    for (unsigned i = 0; i < 200 && code == METE_STORE_BUSY; i++) {
        expire(); /* again and again: the holder's thread confirms it */
        code = book_open(&book, other, TEXT("main"), false, &err);
    }
    assert_int_equal(code, METE_OK);
    f->model = kept;
    struct fixture second = {.store = other, .book = book, .model = f->model};
    rng_seed(&second.rng, 1);
    fixture_append(&second, 20, 20);
    fixture_queue(f);
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_BUSY);
    assert_int_equal(book_held(f->book, &err), METE_STORE_BUSY);
    fixture_append(&second, 20, 20);
    fixture_check_rows(&second);
    f->model = second.model;
    book_close(f->book);
    book_close(book);
    store_close(other);
    buf_clear(&second.event);
    buf_clear(&second.packed);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
    is_as_in_memory(f, 70);
}

static void test_who_lost_the_lease_is_fenced_off(void **state)
{
    taken_over(*state, false);
}

static void test_an_open_transaction_does_not_stop_the_next(void **state)
{
    taken_over(*state, true);
}

/** Nothing is written that would be refused: its lease is not confirmed any more. */
static void test_an_idle_holder_of_an_older_database_notices(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    char commits[64];
    fixture_append(f, 20, 10);
    database_run("SUPER", "select commits from mete.lease", commits);
    struct model kept = f->model;
    fixture_append(f, 10, 10);
    go_back(commits, 20);
    sleep_ms(900);
    assert_int_equal(book_held(f->book, &err), METE_STORE_BUSY);
    f->model = kept;
    book_close(f->book);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
    fixture_check_rows(f);
    fixture_append(f, 10, 10);
    is_as_in_memory(f, 30);
}

static void test_an_idle_holder_notices(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    fixture_append(f, 10, 10);
    database_run("SUPER", "update mete.lease set token = token + 1, owner = 'somebody else'", NULL);
    sleep_ms(1000);
    assert_int_equal(book_held(f->book, &err), METE_STORE_BUSY);
}

/** Databases of one server share its list of sessions: those of this one alone are ended. */
static void test_sessions_of_other_databases_are_let_alone(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    char token[64];
    char name[80];
    fixture_append(f, 10, 10);
    database_run("SUPER", "select token from mete.lease", token);
    snprintf(name, sizeof name, "mete/1/%s", token);
    (void)database_try("SUPER", "create database elsewhere", NULL);
    const char *const key[] = {"dbname", "dbname", "user", "application_name", NULL};
    const char *const value[] = {database_url("SUPER"), "elsewhere", "mete_app", name, NULL};
    PGconn *other = PQconnectdbParams(key, value, 1);
    assert_int_equal(PQstatus(other), CONNECTION_OK);
    book_close(f->book);
    database_run("SUPER", "update mete.lease set owner = 'one that died'", NULL);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
    PGresult *r = PQexec(other, "select 1");
    assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
    PQclear(r);
    PQfinish(other);
}

/** What others may put into `public` takes the place of nothing that a statement says. */
static void test_operators_of_others_are_not_used(void **state)
{
    struct fixture *f = *state;
    static const char *const operators[][2] = {{"bigint", "interval"}, {"numeric", "integer"}};
    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        char sql[512];
        snprintf(sql, sizeof sql,
                 "create or replace function public.trap(%s, %s) returns interval "
                 "language plpgsql as $$ begin raise exception 'trapped'; end $$; "
                 "create operator public.* (leftarg = %s, rightarg = %s, function = public.trap)",
                 operators[i][0], operators[i][1], operators[i][0], operators[i][1]);
        database_run("SUPER", sql, NULL);
    }
    fixture_append(f, 10, 10);
    fixture_reopen(f);
    sleep_ms(700); /* it is confirmed */
    struct mete_err err;
    enum mete_code held = book_held(f->book, &err);
    fixture_append(f, 10, 10);
    is_as_in_memory(f, 20);
    database_run("SUPER",
                 "drop function public.trap(bigint, interval) cascade; "
                 "drop function public.trap(numeric, integer) cascade",
                 NULL);
    assert_int_equal(held, METE_OK);
}

/* --- making books ------------------------------------------------------------------------------*/

struct maker {
    pthread_t thread;
    const char *url;
    unsigned made;
    unsigned existed;
};

static void *make_books(void *arg)
{
    struct maker *m = arg;
    struct mete_err err;
    for (unsigned i = 0; i < 12; i++) {
        struct store *s;
        struct book *b;
        char name[32];
        const struct store_options o = {.no_wait = true};
        snprintf(name, sizeof name, "book %u", i);
        assert_int_equal(store_open(&s, m->url, &o, &err), METE_OK);
        enum mete_code code = book_open(&b, s, text_of(name), true, &err);
        m->made += code == METE_OK;
        m->existed += code == METE_STORE_EXISTS;
        if (code == METE_OK) {
            book_close(b);
        }
        store_close(s);
    }
    return NULL;
}

static void test_books_made_at_once(void **state)
{
    struct fixture *f = *state;
    struct maker maker[4] = {{0}};
    unsigned made = 0;
    unsigned existed = 0;
    char count[64];
    for (size_t i = 0; i < ARRAY_LEN(maker); i++) {
        maker[i].url = f->url;
        assert_int_equal(pthread_create(&maker[i].thread, NULL, make_books, &maker[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(maker); i++) {
        pthread_join(maker[i].thread, NULL);
        made += maker[i].made;
        existed += maker[i].existed;
    }
    assert_int_equal(made, 12);
    assert_int_equal(existed, 36);
    database_run("SUPER", "select count(*) || ' ' || max(book_id) from mete.book", count);
    assert_string_equal(count, "13 13");
}

static void *prepare_it(void *arg)
{
    struct mete_err err;
    enum mete_code *code = arg;
    *code = store_prepare(database_url("OWNER"), NULL, 1, &err);
    return NULL;
}

static void test_tables_made_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t thread[4];
    enum mete_code code[4];
    book_close(f->book);
    store_close(f->store);
    database_run("SUPER", "drop schema mete cascade", NULL);
    for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, prepare_it, &code[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(code[i], METE_OK);
    }
    database_clear();
    struct mete_err err;
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), true, &err), METE_OK);
}

/** Another process makes the newest version of the tables, slowly. */
static void *update_slowly(void *arg)
{
    (void)arg;
    database_run("OWNER",
                 "begin; "
                 "insert into mete.schema_migrations select * from public.kept; "
                 "alter table mete.api_key add column limits text not null default ''; "
                 "select pg_sleep(1); commit",
                 NULL);
    return NULL;
}

static void test_tables_updated_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t other;
    char locked[64] = "";
    struct mete_err err;
    book_close(f->book);
    store_close(f->store);
    database_run("OWNER", /* the version before 4 */
                 "create table public.kept as select * from mete.schema_migrations "
                 "where version = 4; "
                 "delete from mete.schema_migrations where version = 4; "
                 "alter table mete.api_key drop column limits",
                 NULL);
    assert_int_equal(pthread_create(&other, NULL, update_slowly, NULL), 0);
    while (strcmp(locked, "true") != 0) { /* it is at work, or through */
        sleep_ms(5);
        database_run("SUPER",
                     "select cast(count(*) > 0 or exists (select from mete.schema_migrations "
                     "where version = 4) as text) from pg_locks where "
                     "mode = 'AccessExclusiveLock' and relation = 'mete.api_key'::regclass",
                     locked);
    }
    if (store_prepare(database_url("OWNER"), NULL, 1, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    pthread_join(other, NULL);
    database_run("OWNER", "drop table public.kept", NULL);
    database_clear();
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), true, &err), METE_OK);
}

/* --- keys of users -----------------------------------------------------------------------------*/

static bool is_ended(void *arg, const struct api_key *key)
{
    *(mete_time *)arg = key->revoked_at;
    return true;
}

/** A key that is copied after its end is never in force at the copy, not even for a moment. */
static void test_a_key_that_ended_is_added_so(void **state)
{
    struct fixture *f = *state;
    char file[400];
    snprintf(file, sizeof file, "/tmp/mete-keys-%d.db", (int)getpid());
    const char *const url[] = {f->url, file};
    const struct api_key key = {.key_id = TEXT("key_1"),
                                .book = TEXT("main"),
                                .expires_at = TIME_NEVER,
                                .revoked_at = FIXTURE_TIME};
    for (size_t i = 0; i < ARRAY_LEN(url); i++) {
        struct api_keys *k;
        struct store *s;
        struct mete_err err;
        mete_time ended = 0;
        const struct store_options o = {.create = true};
        assert_int_equal(store_open(&s, url[i], &o, &err), METE_OK);
        store_close(s);
        assert_int_equal(api_keys_open(&k, url[i], true, &err), METE_OK);
        assert_int_equal(api_keys_add(k, &key, &err), METE_OK);
        assert_int_equal(api_keys_read(k, is_ended, &ended, &err), METE_OK);
        api_keys_close(k);
        assert_int_equal(ended, FIXTURE_TIME);
    }
    for (size_t i = 0; i < 4; i++) {
        static const char *const suffix[] = {"", "-wal", "-shm", ".lock"};
        char name[420];
        snprintf(name, sizeof name, "%s%s", file, suffix[i]);
        (void)unlink(name);
    }
}

/* --- addresses ---------------------------------------------------------------------------------*/

static void test_labels_show_no_password(void **state)
{
    static const char *const cases[][3] = {
        {"postgres://u:secret@h:5/d", "postgres://u@h:5/d", "d.key"},
        {"postgres://u:secret@h/d?sslmode=require", "postgres://u@h/d", "d.key"},
        {"postgresql://u@h/d", "postgresql://u@h/d", "d.key"},
        {"postgres://h/", "postgres://h/", "mete.key"},
        {"postgres:///d?host=/tmp&password=secret", "postgres:///d", "d.key"},
        {"postgres://u:sec?ret@h/d", "postgres://", "mete.key"},
        {"postgres://u:se@secret@h/d", "postgres://u@h/d", "d.key"},
        {"postgres://u@h/d?password=a@secret", "postgres://", "d.key"},
        {"sqlite:x/y.db", "sqlite:x/y.db", "x/y.db.key"},
        {"y.db", "y.db", "y.db.key"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf label = {0};
        struct buf key = {0};
        store_label(cases[i][0], &label);
        store_key_file(cases[i][0], &key);
        print_message("# %.*s\n", (int)label.len, (const char *)label.p);
        assert_true(text_is(buf_text(&label), cases[i][1]));
        assert_true(text_is(buf_text(&key), cases[i][2]));
        buf_clear(&label);
        buf_clear(&key);
    }
}

#define ON_DATABASE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DATABASE(test_serialization_failures_are_played_again),
        ON_DATABASE(test_serialization_failures_at_commit_are_played_again),
        ON_DATABASE(test_deadlocks_are_played_again),
        ON_DATABASE(test_other_failures_are_not),
        ON_DATABASE(test_what_never_succeeds_ends),
        ON_DATABASE(test_a_cut_between_groups),
        ON_DATABASE(test_a_cut_in_the_midst_of_a_group),
        ON_DATABASE(test_a_snapshot_that_is_cut_says_so),
        ON_DATABASE(test_a_reader_goes_on_with_the_book),
        ON_DATABASE(test_no_hole_where_a_standby_lacks_a_group),
        ON_DATABASE(test_a_commit_nobody_knew_of_is_not_taken_for_the_next),
        ON_DATABASE(test_a_claim_is_made_again),
        ON_DATABASE(test_a_reader_begins_anew_with_another_writer),
        ON_DATABASE(test_a_long_group_makes_no_longer_lease),
        ON_DATABASE(test_a_live_lease_is_respected),
        ON_DATABASE(test_a_lease_whose_commit_failed_is_not_held),
        ON_DATABASE(test_who_lost_the_lease_is_fenced_off),
        ON_DATABASE(test_an_open_transaction_does_not_stop_the_next),
        ON_DATABASE(test_an_idle_holder_of_an_older_database_notices),
        ON_DATABASE(test_an_idle_holder_notices),
        ON_DATABASE(test_sessions_of_other_databases_are_let_alone),
        ON_DATABASE(test_operators_of_others_are_not_used),
        ON_DATABASE(test_books_made_at_once),
        ON_DATABASE(test_tables_made_at_once),
        ON_DATABASE(test_tables_updated_at_once),
        ON_DATABASE(test_a_key_that_ended_is_added_so),
        cmocka_unit_test(test_labels_show_no_password),
    };
    return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}
