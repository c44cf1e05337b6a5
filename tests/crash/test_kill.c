/* SPDX-License-Identifier: Apache-2.0
 * SIGKILL at random moments. First `mete ingest` (its path in METE), then the engine alone with a
 * cache so small that runs are written and merged all the time. After every kill: the log is a
 * beginning of the stream, what was acknowledged is in it, groups are there whole or not at all,
 * and every balance is that of an undisturbed book of the same length. In the end the same head.
 * METE_TEST_SEED; `test_kill 1000` kills so often (the engine half as often again).
 * covers: V-054 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "property/flow.h"
#include "remains.h"
#include "store/book.h"

#define FLOW_COUNT  4
#define FLOW_EVENTS 1000
#define BEGAN_S     1780000000 /* the first event, in seconds of 1970 */
#define LEAVES      5000       /* below one policy: its revenues need two pages */
#define CACHE       ((size_t)256 << 10)

struct place {
    char directory[200];
    char file[220];
    char stream[220];
};

struct tally {
    int before;       /* nothing of this run was there */
    int between;      /* some was */
    int after;        /* all was there before the signal came */
    int inside;       /* engine: between the call of commit and its return */
    int opening;      /* before it wrote anything */
    int half;         /* pages of a group without its end were in the write-ahead log */
    int merging;      /* a merge of runs had begun */
    int idle;         /* none of these */
    int acknowledged; /* runs that had said something before they died */
    uint64_t sent;
    uint64_t survived;
};

static struct flow stream; /* all of it is accepted */
static struct rng rng;
static int kills = 26;
static int audits; /* of stores after their kills */

/* --- the stream
 * ---------------------------------------------------------------------------------*/

static void stream_add(const char *json, struct scene *s)
{
    struct gen_item item = {0};
    buf_put_str(&item.json, json);
    for (size_t i = 0; i < item.json.len; i++) {
        if (item.json.p[i] == '\'')
            item.json.p[i] = '"';
    }
    enum submit_status status = scene_submit(s, buf_text(&item.json));
    if (status == SUBMIT_APPLIED || status == SUBMIT_WAITING)
        flow_add(&stream, &item);
    buf_clear(&item.json);
}

static void add_policy(struct scene *s, const char *id, const char *payee, int shares)
{
    struct buf b = {0};
    buf_printf(&b,
               "{'event_id':'%s','event_type':'policy.published','occurred_at':"
               "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'%s','kind':'weights','shares':[",
               id, id);
    for (int i = 0; i < shares; i++)
        buf_printf(&b, "%s{'%s':'%s%d','weight':'1/%d'}", i > 0 ? "," : "",
                   shares == 2 ? "policy" : "party", payee, i, shares);
    buf_put_str(&b, "]}}}");
    buf_put_u8(&b, 0);
    stream_add((const char *)b.p, s);
    buf_clear(&b);
}

/* Revenues that wait for a nest of policies, and some that come after it: large decisions. */
static void add_large(struct scene *s)
{
    for (int i = 0; i < 40; i++) {
        char json[300];
        if (i == 20) {
            add_policy(s, "nest0", "leaf0-", LEAVES / 2);
            add_policy(s, "nest1", "leaf1-", LEAVES / 2);
            add_policy(s, "large", "nest", 2);
        }
        snprintf(json, sizeof json,
                 "{'event_id':'large-%d','event_type':'revenue.received','occurred_at':"
                 "'2025-01-02T00:00:00Z','payload':{'policy':'large','amount':{'amount':'%d.37',"
                 "'currency':'USD'}}}",
                 i, 1000 + i);
        stream_add(json, s);
    }
}

/* No transfers: whether they are covered depends on the clock. */
static void stream_build(uint64_t seed)
{
    struct scene s;
    scene_open(&s);
    for (int k = 0; k < FLOW_COUNT; k++) {
        struct flow f;
        flow_make_from(&f, (seed + (uint64_t)k) * 4 + 1, FLOW_EVENTS, 1 + k * 1000000);
        for (size_t i = 0; i < f.count; i++)
            stream_add(f.item[i].json, &s);
        if (k == FLOW_COUNT / 2)
            add_large(&s);
        flow_free(&f);
    }
    scene_close(&s);
    printf("# a stream of %zu events\n", stream.count);
}

/* --- places and books
 * ---------------------------------------------------------------------------*/

static void place_make(struct place *p)
{
    const char *parent = getenv("TMPDIR");
    snprintf(p->directory, sizeof p->directory, "%s/mete-kill-XXXXXX",
             parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(p->directory));
    snprintf(p->file, sizeof p->file, "%s/m.db", p->directory);
    snprintf(p->stream, sizeof p->stream, "%s/s.ndjson", p->directory);
    FILE *f = fopen(p->stream, "w");
    assert_non_null(f);
    for (size_t i = 0; i < stream.count; i++) {
        for (size_t k = 0; k < stream.item[i].len; k++) { /* one line an event */
            char c = stream.item[i].json[k];
            assert_int_not_equal(fputc(c == '\n' || c == '\r' ? ' ' : c, f), EOF);
        }
        assert_int_not_equal(fputc('\n', f), EOF);
    }
    assert_int_equal(fclose(f), 0);
}

static void place_remove(const struct place *p)
{
    static const char *const endings[] = {"m.db",      "m.db-wal",     "m.db-shm", "m.db.key",
                                          "m.db.lock", "m.db-journal", "s.ndjson"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s", p->directory, endings[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(p->directory), 0);
}

/* False when there is no such book yet. */
static bool place_open(const struct place *p, struct scene *s)
{
    struct mete_err err = {0};
    const struct engine_options o = {.store = p->file,
                                     .book = "main",
                                     .read_only = true,
                                     .cache_size = CACHE,
                                     .strict_cache = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    memset(s, 0, sizeof *s);
    enum mete_code code = engine_open(&s->engine, &o, &err);
    if (code == METE_STORE_MISSING)
        return false;
    if (code != METE_OK)
        fail_msg("%s cannot be opened: %s", p->file, err.text);
    arena_init(&s->arena, (size_t)1 << 30);
    return true;
}

/* Every event at its own second, so that an auditor finds no time that goes back. */
static enum submit_status stream_submit(struct scene *s, size_t i)
{
    const struct submit_options o = {.recorded_at =
                                         (BEGAN_S + (mete_time)i) * (mete_time)TIME_SECOND_US};
    engine_submit(s->engine, flow_text(&stream, i), &o, &s->last);
    return s->last.status;
}

/* A book that nothing happens to, as long as the one that is killed. */
static struct scene calm;
static size_t calm_size;

static void calm_reach(size_t size)
{
    assert_true(size >= calm_size);
    for (; calm_size < size; calm_size++)
        assert_int_not_equal(stream_submit(&calm, calm_size), SUBMIT_FAILED);
}

static struct text event_id_of(struct text json)
{
    static const char mark[] = "\"event_id\"";
    struct text id = {0};
    for (size_t i = 0; i + sizeof mark < json.len; i++) {
        if (memcmp(json.p + i, mark, sizeof mark - 1) != 0)
            continue;
        i += sizeof mark - 1;
        while (json.p[i] != '"')
            i++;
        id.p = json.p + i + 1;
        while (id.p[id.len] != '"')
            id.len++;
        return id;
    }
    return id;
}

/* What stands after a kill: a beginning of the stream, and nothing half of anything. */
static uint64_t survivors(const struct place *p, uint64_t at_least)
{
    struct scene s;
    struct log_row row;
    struct mete_err err;
    struct buf found = {0};
    struct buf expected = {0};
    if (!place_open(p, &s)) {
        assert_int_equal(at_least, 0);
        return 0;
    }
    uint64_t size = book_head(engine_book(s.engine)).size;
    assert_true(size >= at_least && size <= stream.count);
    for (uint64_t seq = 1; seq <= size; seq++) {
        assert_int_equal(book_row(engine_book(s.engine), seq, &row, &err), STORE_OK);
        assert_true(text_eq(row.event_id, event_id_of(flow_text(&stream, seq - 1))));
    }
    assert_true(scene_balanced(&s));
    calm_reach(size);
    scene_balances(&s, &found);
    scene_balances(&calm, &expected);
    assert_true(text_eq(buf_text(&found), buf_text(&expected)));
    buf_clear(&found);
    buf_clear(&expected);
    scene_close(&s);
    return size;
}

static void pause_us(long us)
{
    const struct timespec t = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&t, NULL);
}

/* Where it was, by what it left; `inside`: in a commit, as it said itself. */
static void count_remains(struct tally *t, const struct place *p, bool ended, bool wrote,
                          bool inside)
{
    struct remains r;
    remains_look(p->file, &r);
    t->half += r.half_group && !ended;
    t->merging += r.merging && !ended;
    t->opening += !wrote && !ended;
    t->idle += !ended && wrote && !r.half_group && !r.merging && !inside;
}

static void count_run(struct tally *t, uint64_t before, uint64_t size, bool ended)
{
    if (ended)
        t->after++;
    else if (size == before)
        t->before++;
    else
        t->between++;
    t->survived += size - before;
}

/* --- mete ingest
 * --------------------------------------------------------------------------------*/

/* Its standard error is a terminal, so that it tells how far it has come. */
static pid_t ingest_start(const struct place *p, const char *group, int *terminal)
{
    int other;
    assert_int_equal(openpty(terminal, &other, NULL, NULL, NULL), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        (void)dup2(nothing, STDOUT_FILENO);
        (void)dup2(other, STDERR_FILENO);
        close(*terminal);
        execl(getenv("METE"), "mete", "ingest", "--store", p->file, "--group", group, p->stream,
              (char *)NULL);
        _exit(127);
    }
    close(other);
    return child;
}

/* "\r1234 events, ..." : the last number before " events". */
static uint64_t acknowledged(const struct buf *said)
{
    uint64_t last = 0;
    uint64_t number = 0;
    for (size_t i = 0; i < said->len; i++) {
        uint8_t c = said->p[i];
        if (c >= '0' && c <= '9') {
            number = number * 10 + (uint64_t)(c - '0');
        } else {
            if (c == ' ' && said->len - i > 8 && memcmp(said->p + i, " events,", 8) == 0)
                last = number;
            number = 0;
        }
    }
    return last;
}

static void listen_for(int terminal, long us, struct buf *said)
{
    struct pollfd in = {terminal, POLLIN, 0};
    for (; us > 0; us -= 2000) {
        char b[512];
        if (poll(&in, 1, 2) <= 0)
            continue;
        ssize_t n = read(terminal, b, sizeof b);
        if (n <= 0) {
            pause_us(2000);
            continue;
        }
        buf_put(said, b, (size_t)n);
    }
}

static bool reap(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFEXITED(status);
}

static off_t written(const struct place *p)
{
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "%s-wal", p->file);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Mostly until the first commit of this run begins, then for a moment more. */
static void ingest_wait(const struct place *p, int terminal, long more, struct buf *said)
{
    off_t at = written(p);
    if (rng_below(&rng, 5) == 0) {
        listen_for(terminal, (long)rng_below(&rng, 100000), said);
        return;
    }
    for (int i = 0; i < 2000 && written(p) == at; i++)
        listen_for(terminal, 2000, said);
    listen_for(terminal, (long)rng_below(&rng, (uint64_t)more), said);
}

static uint64_t ingest_kill(const struct place *p, int round, uint64_t before, struct tally *t)
{
    static const char *const groups[] = {"1", "7", "64", "512", "4096"};
    struct buf said = {0};
    off_t at = written(p);
    int terminal;
    int which = round % (int)ARRAY_LEN(groups);
    pid_t child = ingest_start(p, groups[which], &terminal);
    ingest_wait(p, terminal, which < 2 ? 1200000 : 30000, &said);
    (void)kill(child, SIGKILL);
    bool ended = reap(child);
    count_remains(t, p, ended, written(p) != at, false);
    listen_for(terminal, 2000, &said);
    uint64_t ack = acknowledged(&said);
    uint64_t size = survivors(p, ack > before ? ack : before);
    t->acknowledged += ack > 0;
    t->sent += stream.count - before;
    count_run(t, before, size, ended);
    buf_clear(&said);
    close(terminal);
    return size;
}

static void command(const char *what, const struct place *p)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        (void)dup2(nothing, STDOUT_FILENO);
        execl(getenv("METE"), "mete", what, "--quiet", "--store", p->file,
              strcmp(what, "ingest") == 0 ? p->stream : (char *)NULL, (char *)NULL);
        _exit(127);
    }
    assert_true(reap(child));
}

/* An independent look at all of it; without the program there is none. */
static void audit(const struct place *p)
{
    if (getenv("METE") != NULL) {
        command("audit", p);
        audits++;
    }
}

static void print_tally(const char *what, const struct tally *t)
{
    printf("# %s: %d kills before the first commit of their run, %d later, %d after its end; %d "
           "inside a commit; %d runs had acknowledged something; %llu of %llu events of these runs "
           "survived\n",
           what, t->before, t->between, t->after, t->inside, t->acknowledged,
           (unsigned long long)t->survived, (unsigned long long)t->sent);
    printf("# %s, by what was left: %d while opening, %d with half a group in the write-ahead log, "
           "%d in the midst of a merge, %d between\n",
           what, t->opening, t->half, t->merging, t->idle);
    printf("# %d stores audited so far\n", audits);
}

static void calm_begin(void)
{
    scene_open(&calm);
    calm_size = 0;
}

static void test_ingest_killed(void **state)
{
    struct place p;
    struct tally t = {0};
    uint64_t size = 0;
    (void)state;
    if (getenv("METE") == NULL)
        skip();
    place_make(&p);
    calm_begin();
    command("init", &p);
    for (int i = 0; i < kills; i++) {
        if (size == stream.count) { /* another book */
            audit(&p);
            scene_close(&calm);
            place_remove(&p);
            place_make(&p);
            calm_begin();
            command("init", &p);
            size = 0;
        }
        size = ingest_kill(&p, i, size, &t);
    }
    command("ingest", &p);
    assert_int_equal(survivors(&p, stream.count), stream.count);
    audit(&p);
    print_tally("mete ingest", &t);
    assert_true(t.before + t.between + t.after == kills && t.between > 0);
    scene_close(&calm);
    place_remove(&p);
}

/* --- the engine
 * ---------------------------------------------------------------------------------*/

/* What a child tells before and after each commit. */
struct word {
    bool done;
    uint64_t size;
};

static void word_send(int to, bool done, uint64_t size)
{
    struct word w;
    memset(&w, 0, sizeof w);
    w.done = done;
    w.size = size;
    if (write(to, &w, sizeof w) != (ssize_t)sizeof w)
        _exit(3);
}

static _Noreturn void engine_child(const struct place *p, int to, uint64_t group_max, uint64_t seed)
{
    struct scene s;
    struct rng r;
    rng_seed(&r, seed);
    scene_open_store(&s, p->file, CACHE);
    engine_book(s.engine)->state.segment_blocks = 2; /* merges last over several groups */
    uint64_t left = 1 + rng_below(&r, group_max);
    for (size_t i = 0; i < stream.count; i++) {
        if (stream_submit(&s, i) == SUBMIT_FAILED)
            _exit(4);
        if (--left > 0 && i + 1 < stream.count)
            continue;
        left = 1 + rng_below(&r, group_max);
        if (engine_queued(s.engine) == 0)
            continue;
        uint64_t size = book_head(engine_book(s.engine)).size;
        word_send(to, false, size);
        scene_commit(&s);
        word_send(to, true, size);
    }
    scene_close(&s);
    _exit(0);
}

/* Reads what the child says until it is killed: after a number of words, and a moment. */
static void words_read(int from, pid_t child, struct word *asked, struct word *done)
{
    uint64_t words = 1 + rng_below(&rng, 60);
    struct word w;
    memset(asked, 0, sizeof *asked);
    memset(done, 0, sizeof *done);
    bool alive = true;
    while (read(from, &w, sizeof w) == (ssize_t)sizeof w) {
        *(w.done ? done : asked) = w;
        if (alive && --words == 0) {
            pause_us((long)rng_below(&rng, UINT64_C(1) << rng_below(&rng, 13)));
            (void)kill(child, SIGKILL);
            alive = false;
        }
    }
    if (alive)
        (void)kill(child, SIGKILL);
}

static uint64_t engine_kill(const struct place *p, uint64_t before, struct tally *t)
{
    static const uint64_t groups[] = {1, 8, 60, 400};
    struct word asked, done;
    int pipes[2];
    uint64_t seed = rng_next(&rng);
    uint64_t group = groups[rng_below(&rng, ARRAY_LEN(groups))];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        engine_child(p, pipes[1], group, seed);
    }
    close(pipes[1]);
    words_read(pipes[0], child, &asked, &done);
    close(pipes[0]);
    bool ended = reap(child);
    count_remains(t, p, ended, asked.size > 0, asked.size > done.size);
    uint64_t size = survivors(p, done.size);
    /* the group at hand is there as a whole, or nothing of it is */
    uint64_t floor = done.size > before ? done.size : before;
    assert_true(size == floor || size == asked.size);
    t->inside += !ended && asked.size > done.size;
    t->acknowledged += done.size > 0;
    t->sent += (asked.size > before ? asked.size : before) - before;
    count_run(t, before, size, ended);
    return size;
}

static struct hash root_of(const struct place *p)
{
    struct scene s;
    assert_true(place_open(p, &s));
    struct hash root = scene_root(&s);
    scene_close(&s);
    return root;
}

static void finish(const struct place *p)
{
    struct scene s;
    scene_open_store(&s, p->file, CACHE);
    for (size_t i = 0; i < stream.count; i++)
        assert_int_not_equal(stream_submit(&s, i), SUBMIT_FAILED);
    scene_commit(&s);
    scene_close(&s);
}

static void test_engine_killed(void **state)
{
    struct place p;
    struct tally t = {0};
    uint64_t size = 0;
    int books = 1;
    (void)state;
    place_make(&p);
    calm_begin();
    for (int i = 0; i < kills + kills / 2; i++) {
        if (size == stream.count) {
            struct hash root = root_of(&p);
            struct hash expected = scene_root(&calm);
            assert_memory_equal(root.b, expected.b, sizeof root.b);
            audit(&p);
            scene_close(&calm);
            place_remove(&p);
            place_make(&p);
            calm_begin();
            size = 0;
            books++;
        }
        size = engine_kill(&p, size, &t);
    }
    finish(&p);
    assert_int_equal(survivors(&p, stream.count), stream.count);
    struct hash root = root_of(&p);
    struct hash expected = scene_root(&calm);
    assert_memory_equal(root.b, expected.b, sizeof root.b);
    audit(&p);
    print_tally("engine", &t);
    printf("# %d books ended at the head of an undisturbed one\n", books);
    assert_true(t.inside > 0 && t.between > 0);
    scene_close(&calm);
    place_remove(&p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ingest_killed),
                                       cmocka_unit_test(test_engine_killed)};
    const char *given = argc > 1 ? argv[1] : getenv("METE_TEST_KILLS");
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    if (given != NULL)
        kills = (int)strtoull(given, NULL, 10);
    uint64_t seed = test_seed(11);
    rng_seed(&rng, seed);
    stream_build(seed);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    flow_free(&stream);
    return failed;
}
