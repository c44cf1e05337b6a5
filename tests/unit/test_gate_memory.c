/* SPDX-License-Identifier: Apache-2.0
 * What a gate remembers of payments (once.h) and of answers (replay.h): that each is given to one,
 * and that the bounds hold when everybody brings new ones. */
#include "base/text.h"
#include "gate/once.h"
#include "gate/replay.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct hash number(unsigned n)
{
    struct hash h = {0};
    h.b[0] = (uint8_t)(n >> 8);
    h.b[1] = (uint8_t)n;
    return h;
}

static enum once_state begin(struct once *o, unsigned key, unsigned payload, int64_t now,
                             struct once_note *note)
{
    const struct hash k = number(key);
    const struct hash p = number(payload);
    return once_begin(o, &k, &p, now, note);
}

static void a_payment_is_given_to_one(void **state)
{
    struct once *o = once_open(8);
    struct once_note note = {.transaction = "0xab", .reservation = "r", .amount = "7"};
    const struct hash k = number(1);
    (void)state;
    assert_int_equal(begin(o, 1, 1, 100, &(struct once_note){0}), ONCE_NEW);
    assert_int_equal(begin(o, 1, 1, 100, &(struct once_note){0}), ONCE_SERVING);
    once_forget(o, &k);
    assert_int_equal(begin(o, 1, 1, 100, &(struct once_note){0}), ONCE_NEW);
    once_pending(o, &k, 200, &note);
    /* pending: for the same payload alone, and for one at a time */
    assert_int_equal(begin(o, 1, 2, 100, &(struct once_note){0}), ONCE_SERVING);
    struct once_note got;
    assert_int_equal(begin(o, 1, 1, 100, &got), ONCE_PENDING);
    assert_string_equal(got.transaction, "0xab");
    assert_string_equal(got.reservation, "r");
    assert_string_equal(got.amount, "7");
    assert_int_equal(begin(o, 1, 1, 100, &got), ONCE_SERVING);
    once_served(o, &k, 200, &note);
    assert_int_equal(begin(o, 1, 1, 199, &got), ONCE_SERVED);
    assert_string_equal(got.transaction, "0xab");
    once_close(o);
}

static void what_is_served_now_is_never_forgotten(void **state)
{
    struct once *o = once_open(8);
    const struct once_note note = {0};
    struct once_note got;
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(begin(o, i, i, 100, &got), ONCE_NEW);
    }
    assert_int_equal(begin(o, 8, 8, 100, &got), ONCE_FULL);
    assert_int_equal(begin(o, 3, 3, 100, &got), ONCE_SERVING);
    struct hash k = number(5);
    once_served(o, &k, 900, &note);
    k = number(2);
    once_served(o, &k, 500, &note);
    /* room is made by the one that ends first, although it has not run out */
    assert_int_equal(begin(o, 8, 8, 100, &got), ONCE_NEW);
    assert_int_equal(once_count(o), 8);
    assert_int_equal(begin(o, 5, 5, 100, &got), ONCE_SERVED);
    /* and by time */
    assert_int_equal(begin(o, 9, 9, 901, &got), ONCE_NEW);
    assert_int_equal(begin(o, 10, 10, 901, &got), ONCE_FULL);
    assert_int_equal(begin(o, 5, 5, 901, &got), ONCE_FULL); /* it had run out, and made room */
    once_close(o);
}

/** Files grow to `size` bytes and no further, as on a full disk. */
static void disk_ends_at(off_t size)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size >= 0 ? (rlim_t)size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static off_t size_of(const char *path)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

static struct once *kept_in(size_t count_max, const char *path)
{
    struct once *o = once_open(count_max);
    struct mete_err err;
    assert_int_equal(once_keep_in(o, path, 100, &err), METE_OK);
    return o;
}

static void served(struct once *o, unsigned key, int64_t until)
{
    const struct once_note note = {.transaction = "0xab"};
    const struct hash k = number(key);
    assert_int_equal(begin(o, key, key, 100, &(struct once_note){0}), ONCE_NEW);
    once_served(o, &k, until, &note);
}

static enum once_state state_of(struct once *o, unsigned key)
{
    return begin(o, key, key, 100, &(struct once_note){0});
}

static void failed(void *ctx, const char *why)
{
    assert_true(why[0] != '\0');
    ++*(unsigned *)ctx;
}

static void a_full_disk_takes_nothing_away(void **state)
{
    char folder[] = "/tmp/mete-once-XXXXXX";
    char path[64];
    char beside[64];
    unsigned failures = 0;
    struct mete_err err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state", folder);
    snprintf(beside, sizeof beside, "%s/state.new", folder);
    signal(SIGXFSZ, SIG_IGN);

    struct once *o = kept_in(8, path);
    once_on_failure(o, failed, &failures);
    served(o, 1, 900);
    disk_ends_at(size_of(path) + 20);
    served(o, 2, 900); /* is cut */
    served(o, 3, 900);
    assert_int_equal(failures, 1);
    disk_ends_at(-1);
    served(o, 4, 900); /* and with it those that did not fit */
    assert_int_equal(failures, 1);
    disk_ends_at(size_of(path) + 20);
    served(o, 5, 900);
    assert_int_equal(failures, 2);
    disk_ends_at(-1);
    once_close(o);

    o = once_open(8);
    disk_ends_at(100);
    assert_int_equal(once_keep_in(o, path, 100, &err), METE_FILE);
    disk_ends_at(-1);
    once_close(o);
    assert_int_equal(access(beside, F_OK), -1);

    o = kept_in(8, path);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(state_of(o, i), ONCE_SERVED);
    }
    once_close(o);
    unlink(path);
    rmdir(folder);
}

static void what_was_forgotten_is_not_written_anew(void **state)
{
    char path[] = "/tmp/mete-once-XXXXXX";
    const struct once_note note = {.reservation = "r"};
    const struct hash k = number(1);
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    signal(SIGXFSZ, SIG_IGN);
    struct once *o = kept_in(8, path);
    assert_int_equal(state_of(o, 1), ONCE_NEW);
    once_settling(o, &k, 900, &note);
    disk_ends_at(size_of(path) + 20);
    served(o, 2, 900); /* is cut */
    disk_ends_at(-1);
    once_forget(o, &k); /* all is written anew */
    once_close(o);
    o = kept_in(8, path);
    assert_int_equal(state_of(o, 1), ONCE_NEW);
    assert_int_equal(state_of(o, 2), ONCE_SERVED);
    once_forget(o, &k);
    once_close(o);
    unlink(path);
}

static void the_newest_are_kept(void **state)
{
    char path[] = "/tmp/mete-once-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    struct once *o = kept_in(8, path);
    for (unsigned i = 0; i < 6; i++) {
        served(o, i, 900 + i);
    }
    once_close(o);
    FILE *f = fopen(path, "a"); /* as no gate writes it */
    assert_non_null(f);
    fprintf(f,
            "{\"state\":\"pending\",\"key\":\"%064d\",\"payload\":\"%064d\",\"until\":900,"
            "\"amount\":\"12x\"}\n",
            1, 1);
    fclose(f);
    o = kept_in(4, path); /* has room for fewer than the one before */
    for (unsigned i = 2; i < 6; i++) {
        assert_int_equal(state_of(o, i), ONCE_SERVED);
    }
    assert_int_equal(once_count(o), 4);
    once_close(o);
    unlink(path);
}

static void refused(const char *path)
{
    struct once *o = once_open(8);
    struct mete_err err;
    assert_int_equal(once_keep_in(o, path, 100, &err), METE_FILE);
    assert_non_null(strstr(err.text, "another gate writes it"));
    once_close(o);
}

static void a_file_is_for_one_gate(void **state)
{
    char path[] = "/tmp/mete-once-XXXXXX";
    const struct once_note note = {0};
    const struct hash k = number(7);
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    struct once *o = kept_in(8, path);
    refused(path);
    served(o, 1, 900);
    off_t most = 0;
    bool was_anew = false; /* it is written anew when it has grown */
    for (unsigned i = 0; i < 12000; i++) {
        assert_int_equal(begin(o, 7, 7, 100, &(struct once_note){0}),
                         i == 0 ? ONCE_NEW : ONCE_PENDING);
        once_pending(o, &k, 900, &note);
        was_anew = was_anew || size_of(path) < most;
        most = size_of(path);
    }
    assert_true(was_anew);
    refused(path);
    once_close(o);
    o = kept_in(8, path);
    assert_int_equal(state_of(o, 1), ONCE_SERVED);
    assert_int_equal(state_of(o, 7), ONCE_PENDING);
    once_pending(o, &k, 900, &note);
    once_close(o);
    unlink(path);
}

static enum replay_state ask(struct replay *r, const char *id, unsigned request, int64_t now,
                             struct buf *answer)
{
    const struct hash h = number(request);
    buf_reset(answer);
    return replay_begin(r, text_of(id), &h, now, answer);
}

static void an_answer_is_for_its_request(void **state)
{
    struct replay *r = replay_open(4, 100);
    struct buf got = {0};
    struct buf answer = {0};
    (void)state;
    buf_put_str(&answer, "hello");
    assert_int_equal(ask(r, "a", 1, 10, &got), REPLAY_NEW);
    assert_int_equal(ask(r, "a", 1, 10, &got), REPLAY_RUNNING);
    assert_int_equal(ask(r, "a", 2, 10, &got), REPLAY_OTHER);
    replay_end(r, TEXT("a"), 10, &answer);
    assert_int_equal(ask(r, "a", 1, 11, &got), REPLAY_ANSWERED);
    assert_true(text_is(buf_text(&got), "hello"));
    assert_int_equal(ask(r, "a", 2, 11, &got), REPLAY_OTHER);
    assert_int_equal(ask(r, "a", 2, 11 + REPLAY_KEPT_S, &got), REPLAY_NEW);
    replay_end(r, TEXT("a"), 11, NULL);
    assert_int_equal(ask(r, "a", 3, 12, &got), REPLAY_NEW);
    buf_reset(&answer);
    replay_end(r, TEXT("a"), 12, &answer);
    assert_int_equal(ask(r, "a", 3, 13, &got), REPLAY_LOST);
    buf_clear(&answer);
    buf_clear(&got);
    replay_close(r);
}

static void answers_are_bounded(void **state)
{
    struct replay *r = replay_open(4, 100);
    struct buf got = {0};
    struct buf answer = {0};
    char id[8];
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        buf_put_u8(&answer, 'x');
    }
    for (unsigned i = 0; i < 20; i++) { /* two of them fit, by their bytes */
        snprintf(id, sizeof id, "i%u", i);
        assert_int_equal(ask(r, id, i, 10, &got), REPLAY_NEW);
        replay_end(r, text_of(id), 10, &answer);
    }
    assert_int_equal(ask(r, "i19", 19, 10, &got), REPLAY_ANSWERED);
    assert_int_equal(ask(r, "i18", 18, 10, &got), REPLAY_ANSWERED);
    assert_int_equal(ask(r, "i17", 17, 10, &got), REPLAY_NEW);
    assert_int_equal(ask(r, "j1", 1, 10, &got), REPLAY_NEW);
    assert_int_equal(ask(r, "j2", 1, 10, &got), REPLAY_NEW);
    assert_int_equal(ask(r, "j3", 1, 10, &got), REPLAY_NEW);
    assert_int_equal(ask(r, "j4", 1, 10, &got), REPLAY_FULL); /* what runs is not forgotten */
    assert_int_equal(ask(r, "i17", 17, 10, &got), REPLAY_RUNNING);
    replay_end(r, TEXT("i17"), 10, NULL);
    replay_end(r, TEXT("j1"), 10, NULL);
    replay_end(r, TEXT("j2"), 10, NULL);
    replay_end(r, TEXT("j3"), 10, NULL);
    buf_clear(&answer);
    buf_clear(&got);
    replay_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payment_is_given_to_one),
        cmocka_unit_test(what_is_served_now_is_never_forgotten),
        cmocka_unit_test(a_full_disk_takes_nothing_away),
        cmocka_unit_test(what_was_forgotten_is_not_written_anew),
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(a_file_is_for_one_gate),
        cmocka_unit_test(an_answer_is_for_its_request),
        cmocka_unit_test(answers_are_bounded),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
