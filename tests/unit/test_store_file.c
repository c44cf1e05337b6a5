/* SPDX-License-Identifier: Apache-2.0
 * What only a store in a file can do or suffer: ends without a close, other processes, readers
 * beside the writer, foreign hands in the database, damage, a full disk. */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static sqlite3 *second_connection(const struct fixture *f)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture_path(f), &db), SQLITE_OK);
    return db;
}

static void run_sql(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    int result = sqlite3_exec(db, sql, NULL, NULL, &why);
    if (result != SQLITE_OK) {
        fail_msg("%s: %s", sql, why);
    }
}

static void close_files(struct fixture *f)
{
    book_close(f->book);
    store_close(f->store);
    f->book = NULL;
    f->store = NULL;
}

static void open_files(struct fixture *f)
{
    struct mete_err err;
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
}

/* --- ends without a close ----------------------------------------------------------------------*/

/* The same life in memory: what the state has to be. */
static struct hash digest_of(unsigned events)
{
    struct fixture memory;
    fixture_open(&memory, "memory:", 0);
    fixture_append(&memory, events, 100);
    struct hash h = fixture_digest(memory.book);
    fixture_close(&memory);
    return h;
}

/* A child writes groups of 100 and some rows more, and is gone. */
static void write_and_vanish(struct fixture *f, unsigned events, unsigned uncommitted)
{
    close_files(f);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        open_files(f);
        fixture_append(f, events, 100);
        for (unsigned i = 0; i < uncommitted; i++) {
            fixture_queue(f);
        }
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    open_files(f);
}

static void test_the_tail_of_the_log_brings_the_buffer_back(void **state)
{
    struct fixture *f = *state;
    write_and_vanish(f, 1300, 17);
    const struct state_stats *t = book_stats(f->book);
    print_message("# %llu rows applied again\n", (unsigned long long)t->rebuilt_rows);
    assert_int_equal(t->rebuilt_rows, 1300);
    assert_int_equal(book_size(f->book), 1300);
    struct hash want = digest_of(1300);
    struct hash have = fixture_digest(f->book);
    assert_true(hash_eq(&want, &have));
    fixture_reopen(f); /* closing properly leaves nothing to do again */
    assert_int_equal(book_stats(f->book)->rebuilt_rows, 0);
    have = fixture_digest(f->book);
    assert_true(hash_eq(&want, &have));
}

static void test_vanishing_amid_flushes_and_merges(void **state)
{
    struct fixture *f = *state;
    unsigned total = 0;
    f->options.cache_size = (size_t)48 << 10;
    for (unsigned i = 0; i < 12; i++) {
        unsigned more = 100 + 37 * i;
        write_and_vanish(f, more, i);
        total += more;
        struct hash want = digest_of(total);
        struct hash have = fixture_digest(f->book);
        assert_true(hash_eq(&want, &have));
        assert_true(book_stats(f->book)->rebuilt_rows < total);
    }
    assert_true(book_stats(f->book)->levels >= 2);
}

/* --- readers -----------------------------------------------------------------------------------*/

static void test_a_reader_keeps_its_snapshot(void **state)
{
    struct fixture *f = *state;
    struct store *s;
    struct book *reader;
    struct mete_err err;
    struct store_options o = {
        .read_only = true, .cache_size = (size_t)32 << 10, .strict_cache = true};
    f->options.cache_size = (size_t)32 << 10; /* so that runs are merged away under the reader */
    fixture_reopen(f);
    fixture_append(f, 900, 100);
    struct hash before = fixture_digest(f->book);
    assert_int_equal(store_open(&s, f->url, &o, &err), METE_OK);
    assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
    struct hash seen = fixture_digest(reader);
    assert_true(hash_eq(&before, &seen));
    fixture_append(f, 900, 100);
    fixture_side(f, 5);
    assert_int_equal(book_commit(f->book, &err), STORE_OK);
    assert_true(book_stats(f->book)->segments_dropped > 0);
    struct hash after = fixture_digest(f->book);
    assert_false(hash_eq(&before, &after));
    seen = fixture_digest(reader);
    assert_true(hash_eq(&before, &seen));
    assert_int_equal(book_size(reader), 900);
    struct log_row row;
    assert_int_equal(book_row(reader, 901, &row, &err), STORE_NONE);
    book_close(reader);
    assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
    seen = fixture_digest(reader);
    assert_true(hash_eq(&after, &seen));
    book_close(reader);
    store_close(s);
    assert_int_equal(book_stats(f->book)->rebuilt_rows, 0);
}

static void test_a_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct store *s;
    struct book *reader;
    struct mete_err err;
    struct store_options o = {.read_only = true};
    fixture_append(f, 10, 10);
    assert_int_equal(store_open(&s, f->url, &o, &err), METE_OK);
    assert_int_equal(book_open(&reader, s, TEXT("other"), true, &err), METE_STORE_MISSING);
    assert_int_equal(book_open(&reader, s, TEXT("main"), false, &err), METE_OK);
    struct log_row row = fixture_bare_row(f, 11);
    assert_int_equal(book_append(reader, &row, &err), STORE_FAILED);
    assert_int_equal(book_append_page(reader, 1, 1, row.decision, 0, &err), STORE_FAILED);
    assert_int_equal(book_meta_set(reader, "n", TEXT("v"), &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_FAILED);
    book_close(reader);
    store_close(s);
}

/* Nobody writes any more: a reader still opens the file. */
static void test_a_reader_alone(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    fixture_append(f, 700, 100);
    struct hash before = fixture_digest(f->book);
    close_files(f);
    f->options.read_only = true;
    open_files(f);
    struct hash seen = fixture_digest(f->book);
    assert_true(hash_eq(&before, &seen));
    close_files(f);
    f->options.read_only = false;
    open_files(f);
    struct log_row row;
    assert_int_equal(book_row(f->book, 700, &row, &err), STORE_OK);
}

/* --- one writer --------------------------------------------------------------------------------*/

static void test_a_second_writer_is_told_who_writes(void **state)
{
    struct fixture *f = *state;
    struct store *s;
    struct mete_err err;
    char pid[32];
    assert_int_equal(store_open(&s, f->url, &f->options, &err), METE_STORE_BUSY);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(store_open(&s, f->url, &f->options, &err) == METE_STORE_BUSY &&
                      strstr(err.text, pid) != NULL
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_reopen(f); /* whoever closes lets the next one in */
}

/* --- what is not ours --------------------------------------------------------------------------*/

static enum mete_code open_code(const struct fixture *f, struct mete_err *err)
{
    struct store *s = NULL;
    enum mete_code code = store_open(&s, f->url, &f->options, err);
    if (code == METE_OK) {
        store_close(s);
    }
    return code;
}

static void test_missing_files_and_folders(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    struct fixture other = *f;
    other.options.create = false;
    snprintf(other.url, sizeof other.url, "sqlite:%s/none.db", f->dir);
    assert_int_equal(open_code(&other, &err), METE_STORE_MISSING);
    other.options.read_only = true;
    assert_int_equal(open_code(&other, &err), METE_STORE_MISSING);
    other.options = f->options;
    snprintf(other.url, sizeof other.url, "%s/none/none.db", f->dir);
    assert_int_equal(open_code(&other, &err), METE_FILE);
    assert_non_null(strstr(err.text, "none.db"));
}

static void test_newer_and_changed_schemas_are_refused(void **state)
{
    struct fixture *f = *state;
    struct mete_err err;
    close_files(f);
    sqlite3 *db = second_connection(f);
    run_sql(db, "insert into schema_migrations values (1000, 'future', 'x', 0)");
    assert_int_equal(open_code(f, &err), METE_STORE_NEWER);
    assert_non_null(strstr(err.text, "1000"));
    run_sql(db, "delete from schema_migrations where version = 1000");
    assert_int_equal(open_code(f, &err), METE_OK);
    run_sql(db, "update schema_migrations set sha256 = replace(sha256, 'a', 'b')");
    assert_int_equal(open_code(f, &err), METE_STORE_CORRUPT);
    run_sql(db, "delete from schema_migrations");
    assert_int_not_equal(open_code(f, &err), METE_OK);
    run_sql(db, "pragma application_id = 7");
    assert_int_equal(open_code(f, &err), METE_FILE);
    sqlite3_close(db);
    FILE *file = fopen(fixture_path(f), "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 5000; i++) {
        fputs("not a database ", file);
    }
    fclose(file);
    assert_int_equal(open_code(f, &err), METE_STORE_CORRUPT);
    fixture_remove_files(f);
    assert_int_equal(mkdir(f->dir, 0700), 0);
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), true, &err), METE_OK);
}

/* --- foreign hands -----------------------------------------------------------------------------*/

static void refuse_sql(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    int result = sqlite3_exec(db, sql, NULL, NULL, &why);
    if (result != SQLITE_CONSTRAINT || why == NULL) {
        fail_msg("not refused: %s", sql);
    }
    assert_true(strstr(why, "append-only") != NULL || strstr(why, "erased") != NULL);
    sqlite3_free(why);
}

static void test_the_database_refuses_changes(void **state)
{
    static const char *const refused[] = {
        "update event set recorded_at = recorded_at + 1",
        "update event set event = x'00' where key & 1",
        "update event set decision = x'00'",
        "update event set leaf = x'00'",
        "update event set key = key + 1000000",
        "delete from event",
        "delete from event where key & 1",
        "update page set decision = x'00'",
        "update page set sha256 = x'00'",
        "delete from page",
        "insert or replace into page select * from page",
        "update tree_node set hash = x'00'",
        "delete from tree_node",
        "insert or replace into tree_node select key, x'00' from tree_node",
        "update checkpoint set note = 'x'",
        "update checkpoint set size = 0",
        "delete from checkpoint",
        "insert or replace into checkpoint select * from checkpoint",
        "update sealed set sealed = x'00'",
        "update sealed set party = 'x'",
    };
    struct fixture *f = *state;
    fixture_append(f, 300, 100);
    fixture_page(f, 300, 1);
    fixture_side(f, 1);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    struct hash before = fixture_digest(f->book);
    sqlite3 *db = second_connection(f);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        refuse_sql(db, refused[i]);
    }
    fixture_reopen(f);
    struct hash after = fixture_digest(f->book);
    assert_true(hash_eq(&before, &after));
    fixture_check_rows(f);
    run_sql(db, "delete from sealed"); /* erasing is allowed */
    sqlite3_close(db);
}

/* --- damage ------------------------------------------------------------------------------------*/

static bool pass_row(void *arg, const struct log_row *row)
{
    (void)arg;
    (void)row;
    return true;
}

static bool pass_key(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)arg;
    (void)key;
    (void)value;
    (void)sums;
    return true;
}

static bool pass_refused(void *arg, const struct quarantined *q)
{
    (void)arg;
    (void)q;
    return true;
}

static void test_damaged_events_are_found(void **state)
{
    static const char *const damage[] = {
        "update event set event = cast(event || 'x' as blob) where key & 1023 = 30",
        "update event set recorded_at = recorded_at + 1 where key & 1023 = 30",
        "update event set decision = cast(decision || 'x' as blob) where key & 1023 = 30",
        "update event set leaf = randomblob(32) where key & 1023 = 30",
        "update event set leaf = x'' where key & 1023 = 30",
        "delete from event where key & 1023 = 30",
    };
    struct fixture *f = *state;
    fixture_append(f, 100, 100);
    sqlite3 *db = second_connection(f);
    run_sql(db, "drop trigger event_no_update; drop trigger event_no_delete;"
                "create table kept as select * from event where key & 1023 = 30");
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        struct mete_err err = {0};
        struct log_row row;
        run_sql(db, damage[i]);
        assert_int_equal(book_row(f->book, 30, &row, &err), STORE_FAILED);
        assert_int_equal(err.code, METE_STORE_CORRUPT);
        err.code = METE_OK;
        assert_int_equal(book_scan_log(f->book, 1, 101, pass_row, NULL, &err), STORE_FAILED);
        assert_int_equal(err.code, METE_STORE_CORRUPT);
        assert_int_equal(book_scan_log(f->book, 31, 101, pass_row, NULL, &err), STORE_OK);
        /* The tail of the log is read at opening. */
        close_files(f);
        assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
        assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err),
                         METE_STORE_CORRUPT);
        run_sql(db,
                "delete from event where key & 1023 = 30; insert into event select * from kept");
        assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
        assert_int_equal(book_row(f->book, 30, &row, &err), STORE_OK);
    }
    sqlite3_close(db);
}

static void test_damaged_blocks_are_found(void **state)
{
    struct fixture *f = *state;
    struct mete_err err = {0};
    fixture_append(f, 2000, 100);
    fixture_reopen(f); /* flushes */
    sqlite3 *db = second_connection(f);
    run_sql(db, "update block set data = cast(zeroblob(40) || substr(data, 41) as blob) "
                "where key = (select min(key) from block)");
    fixture_reopen(f);
    assert_int_equal(
        book_scan_state(f->book, (struct bytes){0}, (struct bytes){0}, pass_key, NULL, &err),
        STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_CORRUPT);
    run_sql(db, "update block set data = cast(substr(data, 1, 40) || zeroblob(9) || "
                "substr(data, 50) as blob)");
    fixture_reopen(f);
    for (uint32_t party = 16; party < 316; party++) {
        i128 sums[STATE_SUMS];
        struct key key = key_account(party, 1);
        err.code = METE_OK;
        assert_int_equal(book_sums(f->book, key_bytes(&key), sums, &err), STORE_FAILED);
        assert_int_equal(err.code, METE_STORE_CORRUPT);
    }
    run_sql(db, "delete from block");
    fixture_reopen(f);
    struct key key = key_account(16, 1);
    i128 sums[STATE_SUMS];
    assert_int_equal(book_sums(f->book, key_bytes(&key), sums, &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_CORRUPT);
    run_sql(db, "update segment set first_key = last_key, last_key = first_key");
    close_files(f);
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    run_sql(db, "update segment set last_key = x''");
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_STORE_CORRUPT);
    f->book = NULL;
    sqlite3_close(db);
}

static void test_damage_beside_the_log_is_found(void **state)
{
    struct fixture *f = *state;
    struct mete_err err = {0};
    struct bytes packed;
    mete_time at;
    fixture_append(f, 600, 100);
    fixture_page(f, 600, 1);
    fixture_side(f, 1);
    assert_int_equal(book_commit(f->book, &err), STORE_OK);
    sqlite3 *db = second_connection(f);
    run_sql(db, "update quarantine set body = x'414243'");
    assert_int_equal(book_quarantine(f->book, 0, pass_refused, NULL, &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_CORRUPT);
    run_sql(
        db,
        "drop trigger page_no_update; update page set decision = cast(decision || 'x' as blob)");
    err.code = METE_OK;
    assert_int_equal(book_page(f->book, 600, 1, &packed, &at, &err), STORE_FAILED);
    assert_int_equal(err.code, METE_STORE_CORRUPT);
    run_sql(db, "drop trigger tree_node_no_delete; delete from tree_node where key & 7 = 0");
    close_files(f);
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    err.code = METE_OK;
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_STORE_CORRUPT);
    f->book = NULL;
    sqlite3_close(db);
}

/* --- failing writes ----------------------------------------------------------------------------*/

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* No file may grow: a group cannot be committed, and nothing of it is left. */
static void test_a_failed_commit_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct mete_err err = {0};
    signal(SIGXFSZ, SIG_IGN);
    fixture_append(f, 600, 100);
    fixture_side(f, 1);
    assert_int_equal(book_commit(f->book, &err), STORE_OK);
    struct hash before = fixture_digest(f->book);
    struct model kept = f->model;
    for (unsigned i = 0; i < 200; i++) {
        fixture_queue(f);
    }
    fixture_side(f, 2);
    limit_files(4096);
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    assert_true(err.code == METE_STORE_FULL && err.text[0] != '\0');
    limit_files(RLIM_INFINITY);
    f->model = kept;
    struct hash after = fixture_digest(f->book);
    assert_true(hash_eq(&before, &after));
    fixture_append(f, 200, 50);
    fixture_check_rows(f);
    struct hash now = fixture_digest(f->book);
    fixture_reopen(f);
    after = fixture_digest(f->book);
    assert_true(hash_eq(&now, &after));
}

/* A group with a failed write cannot be committed by oversight. */
static void test_a_group_with_a_failed_write_is_refused(void **state)
{
    struct fixture *f = *state;
    struct mete_err err = {0};
    fixture_append(f, 20, 20);
    struct hash before = fixture_digest(f->book);
    struct model kept = f->model;
    fixture_queue(f);
    const struct sealed_value v = {
        .seq = 21, .pointer = TEXT("/p"), .sealed = text_bytes(TEXT("s"))};
    assert_int_equal(book_seal_add(f->book, &v, &err), STORE_OK);
    assert_int_equal(book_seal_add(f->book, &v, &err), STORE_FAILED); /* there already */
    assert_int_equal(book_commit(f->book, &err), STORE_FAILED);
    f->model = kept;
    struct hash after = fixture_digest(f->book);
    assert_true(hash_eq(&before, &after));
    fixture_append(f, 5, 5);
    fixture_check_rows(f);
}

/* --- erasure -----------------------------------------------------------------------------------*/

static bool file_has(const char *path, const char *what)
{
    FILE *file = fopen(path, "rb");
    struct buf b = {0};
    char part[4096];
    size_t n;
    while (file != NULL && (n = fread(part, 1, sizeof part, file)) > 0) {
        buf_put(&b, part, n);
    }
    bool found = b.len > 0 && memmem(b.p, b.len, what, strlen(what)) != NULL;
    buf_clear(&b);
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static bool store_has(const struct fixture *f, const char *what)
{
    char wal[300];
    snprintf(wal, sizeof wal, "%s-wal", fixture_path(f));
    return file_has(fixture_path(f), what) || file_has(wal, what);
}

static void test_erased_values_are_gone_from_the_file(void **state)
{
    struct fixture *f = *state;
    static char big[40000];
    struct sealed_value v = {.pointer = TEXT("/payload/destination"), .party = TEXT("did:x:erase")};
    memset(big, 'z', sizeof big);
    memcpy(big + 30000, "the-large-secret", 16);
    for (v.seq = 1; v.seq <= 300; v.seq++) {
        v.sealed = v.seq == 150 ? (struct bytes){(uint8_t *)big, sizeof big}
                                : text_bytes(TEXT("the-small-secret"));
        assert_int_equal(book_seal_add(f->book, &v, NULL), STORE_OK);
    }
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_true(store_has(f, "the-small-secret") && store_has(f, "the-large-secret"));
    uint64_t count;
    assert_int_equal(book_seal_erase(f->book, TEXT("did:x:erase"), &count, NULL), STORE_OK);
    assert_int_equal(count, 300);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_false(store_has(f, "the-small-secret") || store_has(f, "the-large-secret"));
}

/* Somebody reads old rows: the writer goes on, and what was erased is gone when he has ended. */
static void test_erased_values_are_gone_when_nobody_reads_them(void **state)
{
    struct fixture *f = *state;
    const struct timespec pause = {.tv_nsec = 10000000};
    const struct sealed_value v = {.seq = 1,
                                   .pointer = TEXT("/payload/destination"),
                                   .party = TEXT("did:x:erase"),
                                   .sealed = text_bytes(TEXT("the-small-secret"))};
    assert_int_equal(book_seal_add(f->book, &v, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    sqlite3 *reader = second_connection(f);
    run_sql(reader, "begin; select count(*) from sealed");
    uint64_t count;
    assert_int_equal(book_seal_erase(f->book, TEXT("did:x:erase"), &count, NULL), STORE_OK);
    assert_int_equal(book_commit(f->book, NULL), STORE_OK);
    assert_true(store_has(f, "the-small-secret"));
    fixture_append(f, 50, 50); /* with more to write behind it */
    run_sql(reader, "commit");
    unsigned waited = 0;
    while (store_has(f, "the-small-secret") && waited++ < 3000) {
        nanosleep(&pause, NULL);
    }
    assert_false(store_has(f, "the-small-secret"));
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
}

/* --- the write-ahead log -----------------------------------------------------------------------*/

static void test_the_write_ahead_log_does_not_grow_for_ever(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char wal[300];
    static uint8_t filler[60000];
    off_t most = 0;
    snprintf(wal, sizeof wal, "%s-wal", fixture_path(f));
    for (uint64_t seq = 1; seq <= 6000; seq++) { /* 360 MB through a log of at most 128 MiB */
        struct log_row row = fixture_bare_row(f, seq);
        row.decision = (struct bytes){filler, sizeof filler};
        assert_int_equal(book_append(f->book, &row, NULL), STORE_OK);
        if (seq % 100 == 0) {
            assert_int_equal(book_commit(f->book, NULL), STORE_OK);
            assert_int_equal(stat(wal, &st), 0);
            most = st.st_size > most ? st.st_size : most;
        }
    }
    print_message("# the write-ahead log had at most %lld bytes\n", (long long)most);
    assert_true(most > 0 && most < (off_t)144 << 20);
}

static int setup(void **state)
{
    return fixture_setup(state, "sqlite:", 0);
}

#define IN_FILE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FILE(test_the_tail_of_the_log_brings_the_buffer_back),
        IN_FILE(test_vanishing_amid_flushes_and_merges),
        IN_FILE(test_a_reader_keeps_its_snapshot),
        IN_FILE(test_a_reader_cannot_write),
        IN_FILE(test_a_reader_alone),
        IN_FILE(test_a_second_writer_is_told_who_writes),
        IN_FILE(test_missing_files_and_folders),
        IN_FILE(test_newer_and_changed_schemas_are_refused),
        IN_FILE(test_the_database_refuses_changes),
        IN_FILE(test_damaged_events_are_found),
        IN_FILE(test_damaged_blocks_are_found),
        IN_FILE(test_damage_beside_the_log_is_found),
        IN_FILE(test_a_failed_commit_leaves_nothing),
        IN_FILE(test_a_group_with_a_failed_write_is_refused),
        IN_FILE(test_erased_values_are_gone_from_the_file),
        IN_FILE(test_erased_values_are_gone_when_nobody_reads_them),
        IN_FILE(test_the_write_ahead_log_does_not_grow_for_ever),
    };
    return cmocka_run_group_tests_name("store_file", tests, NULL, NULL);
}
