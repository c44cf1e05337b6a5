/* SPDX-License-Identifier: Apache-2.0
 * Destinations that only the worker opens: sealing, opening, new keys, and what the server can
 * still do with them.
 * */
#include "base/text.h"
#include "engine/destination.h"
#include "engine/payout_destination.h"
#include "engine/payout_keys.h"
#include "engine/sealed.h"
#include "engine/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mete-keys-XXXXXX";
static char store[64], key_file[64], keys[64];
static struct arena arena;
static struct mete_err err;
static unsigned told;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(store, sizeof store, "%s/book.db", folder);
    snprintf(key_file, sizeof key_file, "%s/book.db.key", folder);
    snprintf(keys, sizeof keys, "%s/worker", folder);
    arena_init(&arena, (size_t)1 << 26);
    return 0;
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    arena_clear(&arena);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct engine *opened(void)
{
    struct engine *e;
    bool is_new = access(store, F_OK) != 0;
    const struct engine_options o = {
        .store = store, .book = "main", .create_store = is_new, .create_book = is_new};
    if (engine_open(&e, &o, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return e;
}

static enum submit_status set(struct engine *e, const char *id, const char *party,
                              const char *destination)
{
    struct submit_result r;
    struct buf b = {0};
    buf_printf(&b,
               "{\"event_id\":\"%s\",\"event_type\":\"party.destination_set\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{\"party\":\"%s\",\"rail\":\"lightning\","
               "\"destination\":%s}}",
               id, party, destination);
    engine_submit(e, buf_text(&b), NULL, &r);
    buf_clear(&b);
    assert_int_equal(engine_commit(e, &err), METE_OK);
    told++;
    return r.status;
}

static struct text claimed(struct engine *e, const char *party)
{
    uint32_t number = 0;
    struct text out;
    assert_int_equal(view_party(engine_view(e), text_of(party), &number), VIEW_FOUND);
    assert_int_equal(payout_destination_read(e, number, TEXT("lightning"), &arena, &out, &err),
                     METE_OK);
    return out;
}

static void opens(struct payout_keys *k, struct text sealed, const char *wanted)
{
    struct text out;
    if (payout_keys_open(k, sealed, &arena, &out, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(text_is(out, wanted));
}

static void stays_closed(struct payout_keys *k, struct text sealed)
{
    struct text out;
    assert_int_equal(payout_keys_open(k, sealed, &arena, &out, &err), METE_SEAL_KEY);
    assert_int_equal(out.len, 0);
}

static void verified(struct engine *e)
{
    struct verify_report r;
    if (book_verify(e, &r, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
}

static void announce(void)
{
    uint8_t public_key[BOX_KEY_LEN];
    if (payout_keys_add(keys, public_key, &err) != METE_OK ||
        payout_key_announce(key_file, public_key, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
}

static struct payout_keys *keys_of(const char *path)
{
    struct payout_keys *k;
    if (payout_keys_read(&k, path, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return k;
}

static void test_only_the_worker_opens(void **state)
{
    struct engine *e = opened();
    (void)state;
    assert_int_equal(set(e, "d0", "a", "\"alice@example.org\""), SUBMIT_APPLIED);
    assert_true(text_is(claimed(e, "a"), "alice@example.org")); /* no worker's key yet */
    engine_close(e);
    announce();
    e = opened();
    assert_int_equal(set(e, "d1", "b", "\"bob@example.org\""), SUBMIT_APPLIED);
    assert_int_equal(set(e, "d2", "c", "{\"iban\":\"DE89370400440532013000\"}"), SUBMIT_APPLIED);
    struct payout_keys *k = keys_of(keys);
    struct text sealed = claimed(e, "b");
    assert_true(text_starts(sealed, "box:"));
    assert_null(memmem(sealed.p, sealed.len, "bob", 3));
    opens(k, sealed, "bob@example.org");
    opens(k, claimed(e, "c"), "{\"iban\":\"DE89370400440532013000\"}");
    opens(k, claimed(e, "a"), "alice@example.org");
    stays_closed(NULL, sealed);
    verified(e);
    assert_int_equal(set(e, "d1", "b", "\"bob@example.org\""), SUBMIT_DUPLICATE);
    assert_int_equal(set(e, "d1", "b", "\"eve@example.org\""), SUBMIT_CONFLICT);
    payout_keys_free(k);
    engine_close(e);
}

static void test_a_new_key_and_what_was_sealed_before(void **state)
{
    uint64_t count = 0, left = 0;
    char old[64];
    struct engine *e = opened();
    (void)state;
    assert_int_equal(set(e, "d0", "a", "\"alice@example.org\""), SUBMIT_APPLIED);
    engine_close(e);
    announce();
    snprintf(old, sizeof old, "%s/old", folder);
    e = opened();
    assert_int_equal(set(e, "d1", "b", "\"bob@example.org\""), SUBMIT_APPLIED);
    const struct text before = claimed(e, "b");
    engine_close(e);
    assert_int_equal(link(keys, old), 0); /* what it held then: replaced, not written over */
    announce();
    struct payout_keys *k = keys_of(keys);
    struct payout_keys *k_old = keys_of(old);
    assert_int_equal(payout_keys_count(k), 2);
    assert_int_equal(payout_keys_count(k_old), 1);
    opens(k, before, "bob@example.org");
    e = opened();
    assert_int_equal(payout_keys_reseal(e, NULL, &count, &left, &err), METE_OK);
    assert_int_equal(count, 1); /* alice's, whom the server can open; bob's needs the old secret */
    assert_int_equal(left, 1);
    assert_int_equal(payout_keys_reseal(e, k, &count, &left, &err), METE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(left, 0);
    assert_int_equal(engine_commit(e, &err), METE_OK);
    opens(k, claimed(e, "a"), "alice@example.org");
    opens(k, claimed(e, "b"), "bob@example.org");
    stays_closed(k_old, claimed(e, "a"));
    stays_closed(k_old, claimed(e, "b"));
    assert_int_equal(payout_keys_reseal(e, k, &count, &left, &err), METE_OK);
    assert_int_equal(count, 0);
    verified(e);
    assert_int_equal(set(e, "d1", "b", "\"bob@example.org\""), SUBMIT_DUPLICATE);
    payout_keys_free(k);
    payout_keys_free(k_old);
    engine_close(e);
}

static void test_files_that_are_none(void **state)
{
    struct payout_keys *k;
    uint8_t public_key[BOX_KEY_LEN];
    (void)state;
    assert_int_equal(payout_keys_read(&k, keys, &err), METE_NOT_FOUND);
    FILE *f = fopen(keys, "w");
    assert_non_null(f);
    fputs("nothing of the kind\n", f);
    fclose(f);
    chmod(keys, 0600);
    assert_int_equal(payout_keys_read(&k, keys, &err), METE_SEAL_KEY);
    assert_int_equal(payout_keys_add(keys, public_key, &err), METE_SEAL_KEY); /* not lost */
    unlink(keys);
    assert_int_equal(payout_keys_add(keys, public_key, &err), METE_OK);
    struct stat is;
    assert_int_equal(stat(keys, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0600);
    chmod(keys, 0640);
    assert_int_equal(payout_keys_read(&k, keys, &err), METE_SEAL_KEY);
    assert_non_null(strstr(err.text, "chmod 600"));
    chmod(keys, 0600);
    for (unsigned i = 1; i < PAYOUT_KEYS_MAX + 3; i++) {
        assert_int_equal(payout_keys_add(keys, public_key, &err), METE_OK);
    }
    k = keys_of(keys);
    assert_int_equal(payout_keys_count(k), PAYOUT_KEYS_MAX);
    uint8_t newest[BOX_KEY_LEN];
    payout_keys_public(k, newest);
    assert_memory_equal(newest, public_key, BOX_KEY_LEN);
    payout_keys_free(k);
}

static void test_a_damaged_box(void **state)
{
    struct text out;
    (void)state;
    struct engine *e = opened();
    engine_close(e);
    announce();
    e = opened();
    assert_int_equal(set(e, "d1", "b", "\"bob@example.org\""), SUBMIT_APPLIED);
    const struct text sealed = claimed(e, "b");
    struct payout_keys *k = keys_of(keys);
    unsigned closed = 0;
    for (size_t i = 69; i < sealed.len; i += 7) {
        char *copy = arena_alloc(&arena, sealed.len);
        memcpy(copy, sealed.p, sealed.len);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        closed += payout_keys_open(k, (struct text){copy, sealed.len}, &arena, &out, &err) ==
                  METE_SEAL_KEY;
    }
    assert_int_equal(closed, (sealed.len - 69 + 6) / 7);
    stays_closed(k, (struct text){sealed.p, sealed.len - 4});
    payout_keys_free(k);
    engine_close(e);
}

static void test_masks(void **state)
{
    static const char *const cases[][2] = {
        {"alice@example.org", "a\xe2\x80\xa6"
                              "e@example.org"},
        {"al@example.org", "a\xe2\x80\xa6@example.org"},
        {"@example.org", "\xe2\x80\xa6@example.org"},
        {"DE89370400440532013000", "\xe2\x80\xa6"
                                   "3000"},
        {"acct_1", "a\xe2\x80\xa6"
                   "1"},
        {"{\"iban\":\"DE89\"}", ""},
        {"", ""},
        {"\xc3\xa9@example.org", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text masked = destination_mask(&arena, text_of(cases[i][0]));
        assert_true(text_is(masked, cases[i][1]));
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_only_the_worker_opens),
        CASE(test_a_new_key_and_what_was_sealed_before),
        CASE(test_files_that_are_none),
        CASE(test_a_damaged_box),
        CASE(test_masks),
    };
    return cmocka_run_group_tests_name("payout_keys", tests, NULL, NULL);
}
