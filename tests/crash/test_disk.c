/* SPDX-License-Identifier: Apache-2.0
 * The engine on a disk that fails: errors while writing, syncing, reading; a full disk; power cuts
 * that lose, tear and reorder what was on its way, also after another fault. After each: the log is
 * a beginning of the stream, what was acknowledged is in it, a group is there whole or not at all,
 * every balance is that of an undisturbed book; and the program goes on, or says what is wrong. In
 * the end the same head. METE_TEST_SEED, METE_TEST_FAULTS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "fault_disk.h"
#include "property/flow.h"

#define FLOWS       4
#define FLOW_EVENTS 900
#define CACHE       ((size_t)256 << 10) /* small: runs are written and merged all the time */

struct tally {
    int armed, fired, at_opening, reopened, went_on, unknown;
};

struct life {
    char directory[200];
    char file[220];
    struct scene s;
    bool is_open;
    uint64_t at;    /* the next of the stream */
    uint64_t acked; /* events of groups that were acknowledged */
    uint64_t asked; /* events, with the group whose commit failed last: it may be there */
    struct tally tally[DISK_FAULTS];
    struct disk_loss loss;
    enum disk_fault fault;
};

static struct flow stream; /* all of it is accepted */
static struct rng rng;
static int faults = 84;
static struct scene calm; /* a book that nothing happens to, as long as the other */
static uint64_t calm_size;
static struct mete_err said[DISK_FAULTS]; /* a message of each kind */

static void stream_build(uint64_t seed)
{
    struct scene s;
    scene_open(&s);
    for (uint64_t k = 0; k < FLOWS; k++) {
        struct flow f;
        flow_make_from(&f, (seed + k) * 4 + 1, FLOW_EVENTS, 1 + (int)k * 1000000);
        for (size_t i = 0; i < f.count; i++) {
            struct gen_item item = {0};
            enum submit_status status = scene_submit(&s, flow_text(&f, i));
            buf_put_text(&item.json, flow_text(&f, i));
            if (status == SUBMIT_APPLIED || status == SUBMIT_WAITING) {
                flow_add(&stream, &item);
            }
            buf_clear(&item.json);
        }
        flow_free(&f);
    }
    scene_close(&s);
    printf("# a stream of %zu events\n", stream.count);
}

/* --- a book's life -----------------------------------------------------------------------------*/

static void life_begin(struct life *l)
{
    const char *parent = getenv("TMPDIR");
    snprintf(l->directory, sizeof l->directory, "%s/mete-disk-XXXXXX",
             parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(l->directory));
    snprintf(l->file, sizeof l->file, "%s/m.db", l->directory);
    l->at = l->acked = l->asked = 0;
    scene_open(&calm);
    calm_size = 0;
}

static void life_end(struct life *l)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".key", ".lock", "-journal"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[300];
        snprintf(path, sizeof path, "%s%s", l->file, endings[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(l->directory), 0);
    scene_close(&calm);
    fault_disk_forget();
}

static void remember(struct life *l, const struct mete_err *err)
{
    assert_true(err->code != METE_OK && err->text[0] != '\0');
    said[l->fault] = *err;
}

static enum mete_code life_try(struct life *l, bool read_only, struct mete_err *err)
{
    struct engine_options o = {.store = l->file,
                               .book = "main",
                               .create_store = !read_only,
                               .read_only = read_only,
                               .cache_size = CACHE,
                               .strict_cache = true,
                               .clock = CLOCK_EVENT,
                               .salt_seed = 1};
    memset(&l->s, 0, sizeof l->s);
    enum mete_code code = engine_open(&l->s.engine, &o, err);
    if (code == METE_STORE_MISSING && !read_only) {
        o.create_book = true;
        code = engine_open(&l->s.engine, &o, err);
    }
    if (code == METE_OK) {
        arena_init(&l->s.arena, (size_t)1 << 30);
        l->is_open = true;
    }
    return code;
}

static void life_close(struct life *l)
{
    if (l->is_open) {
        scene_close(&l->s);
        l->is_open = false;
    }
}

/* The group whose commit failed last is there as a whole or not at all. */
static void life_count(struct life *l)
{
    uint64_t size = book_head(engine_book(l->s.engine)).size;
    if (size != l->acked && size != l->asked) {
        fail_msg("%llu events are there: %llu were acknowledged, %llu asked for",
                 (unsigned long long)size, (unsigned long long)l->acked,
                 (unsigned long long)l->asked);
    }
    l->tally[l->fault].unknown += size != l->acked;
    l->at = l->acked = l->asked = size;
}

static void life_open(struct life *l)
{
    struct mete_err err = {0};
    if (life_try(l, false, &err) != METE_OK) {
        remember(l, &err);
        l->tally[l->fault].at_opening++;
        fault_disk_clear();
        if (life_try(l, false, &err) != METE_OK) {
            fail_msg("not opened after a %s: %s", DISK_FAULT_NAME[l->fault], err.text);
        }
    }
    life_count(l);
}

/* --- what stands -------------------------------------------------------------------------------*/

static void log_is_a_beginning(struct scene *s, uint64_t size)
{
    struct log_row row;
    struct log_row expected;
    struct mete_err err;
    for (uint64_t seq = 1; seq <= size; seq++) {
        assert_int_equal(book_row(engine_book(s->engine), seq, &row, &err), STORE_OK);
        assert_int_equal(book_row(engine_book(calm.engine), seq, &expected, &err), STORE_OK);
        assert_memory_equal(row.leaf.b, expected.leaf.b, sizeof row.leaf.b);
    }
}

static void life_verify(struct life *l)
{
    struct buf found = {0};
    struct buf expected = {0};
    struct mete_err err = {0};
    if (life_try(l, true, &err) != METE_OK) {
        fail_msg("cannot be read: %s", err.text);
    }
    uint64_t size = book_head(engine_book(l->s.engine)).size;
    assert_true(size == l->acked || size == l->asked);
    for (; calm_size < size; calm_size++) {
        assert_int_not_equal(scene_submit(&calm, flow_text(&stream, calm_size)), SUBMIT_FAILED);
    }
    log_is_a_beginning(&l->s, size);
    assert_true(scene_balanced(&l->s));
    if (size == calm_size) {
        scene_balances(&l->s, &found);
        scene_balances(&calm, &expected);
        assert_true(text_eq(buf_text(&found), buf_text(&expected)));
    }
    buf_clear(&found);
    buf_clear(&expected);
    life_close(l);
}

/* --- sending -----------------------------------------------------------------------------------*/

static bool group_send(struct life *l, uint64_t count, struct mete_err *err)
{
    for (uint64_t i = 0; i < count && l->at < stream.count; i++, l->at++) {
        if (scene_submit(&l->s, flow_text(&stream, l->at)) == SUBMIT_FAILED) {
            *err = l->s.last.err;
            return false;
        }
    }
    l->asked = l->at;
    return engine_commit(l->s.engine, err) == METE_OK;
}

/* The same again in the same process; when it cannot go on, it is opened anew. */
static void recover(struct life *l, const struct mete_err *err)
{
    struct mete_err again = {0};
    remember(l, err);
    engine_rollback(l->s.engine);
    if (l->fault == DISK_POWER_CUT) {
        life_close(l);
        fault_disk_power_on(&rng, &l->loss);
        life_open(l);
        return;
    }
    fault_disk_clear();
    l->at = l->acked;
    if (group_send(l, 1, &again)) {
        l->acked = l->at;
        l->tally[l->fault].went_on++;
        return;
    }
    assert_true(again.text[0] != '\0');
    life_close(l);
    l->tally[l->fault].reopened++;
    life_open(l);
}

static bool step(struct life *l)
{
    static const uint64_t groups[] = {1, 3, 20, 150};
    struct mete_err err = {0};
    if (group_send(l, 1 + rng_below(&rng, groups[rng_below(&rng, ARRAY_LEN(groups))]), &err)) {
        l->acked = l->at;
        return true;
    }
    recover(l, &err);
    return false;
}

static void fault_arm(struct life *l, enum disk_fault fault)
{
    /* how many operations a few groups have of each kind, about */
    static const uint64_t within[DISK_FAULTS] = {120, 120, 120, 12, 40, 150};
    l->fault = fault;
    l->tally[fault].armed++;
    fault_disk_arm(fault, 1 + rng_below(&rng, within[fault]));
}

static void power_cut_now(struct life *l)
{
    l->fault = DISK_POWER_CUT;
    fault_disk_arm(DISK_POWER_CUT, 1 + rng_below(&rng, 4));
    while (l->at < stream.count && step(l)) {
    }
    if (!fault_disk_fired()) { /* the stream ended before it */
        fault_disk_clear();
    }
}

static void round_run(struct life *l, enum disk_fault fault)
{
    bool at_opening = rng_below(&rng, 5) == 0;
    if (at_opening) {
        life_close(l);
    }
    fault_arm(l, fault);
    if (at_opening && fault != DISK_POWER_CUT) {
        life_open(l);
    } else if (at_opening) {
        fault_disk_clear();
        life_open(l);
        fault_arm(l, fault);
    }
    for (int i = 0; i < 60 && l->at < stream.count && !fault_disk_fired(); i++) {
        (void)step(l);
    }
    bool happened = fault_disk_fired();
    l->tally[fault].fired += happened;
    fault_disk_clear();
    if (happened && fault != DISK_POWER_CUT && rng_below(&rng, 3) == 0) {
        power_cut_now(l); /* what the fault left behind meets a power cut */
    }
}

static void print_tallies(const struct life *l)
{
    for (int f = 0; f < DISK_FAULTS; f++) {
        const struct tally *t = &l->tally[f];
        printf("# %s: armed %d, fired %d; went on %d, opened anew %d, at opening %d; the group at "
               "hand was there after all %d; says: %s: %s\n",
               DISK_FAULT_NAME[f], t->armed, t->fired, t->went_on, t->reopened, t->at_opening,
               t->unknown, mete_code_name(said[f].code), said[f].text);
        assert_true(t->fired > 0);
    }
    printf("# power cuts: of the writes on their way %llu were kept, %llu lost, %llu torn\n",
           (unsigned long long)l->loss.kept, (unsigned long long)l->loss.lost,
           (unsigned long long)l->loss.torn);
    assert_true(l->loss.lost > 0 && l->loss.torn > 0);
}

static void same_head(struct life *l)
{
    life_close(l);
    life_verify(l);
    assert_int_equal(l->acked, stream.count);
    struct mete_err err = {0};
    assert_int_equal(life_try(l, true, &err), METE_OK);
    struct hash root = scene_root(&l->s);
    struct hash expected = scene_root(&calm);
    assert_memory_equal(root.b, expected.b, sizeof root.b);
    life_close(l);
}

static void test_faults(void **state)
{
    static struct life l;
    int books = 1;
    (void)state;
    life_begin(&l);
    life_open(&l);
    for (int i = 0; i < faults; i++) {
        if (l.at == stream.count) {
            same_head(&l);
            life_end(&l);
            life_begin(&l);
            life_open(&l);
            books++;
        }
        round_run(&l, (enum disk_fault)(i % DISK_FAULTS));
        if (rng_below(&rng, 3) == 0) {
            life_close(&l);
            life_verify(&l);
            life_open(&l);
        }
    }
    while (l.at < stream.count) {
        (void)step(&l);
    }
    same_head(&l);
    life_end(&l);
    printf("# %d books ended at the head of an undisturbed one\n", books);
    print_tallies(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults)};
    const char *given = getenv("METE_TEST_FAULTS");
    setvbuf(stdout, NULL, _IOLBF, 0);
    faults = given != NULL ? (int)strtoull(given, NULL, 10) : faults;
    uint64_t seed = test_seed(5);
    rng_seed(&rng, seed);
    fault_disk_install();
    stream_build(seed);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    flow_free(&stream);
    return failed;
}
