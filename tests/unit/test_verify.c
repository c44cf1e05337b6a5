/* SPDX-License-Identifier: Apache-2.0
 * The book's own check must see every kind of damage: keys of state that were changed, added or
 * lost, private values that are not what the log committed to. A book in memory is filled, found
 * sound, damaged in one place, and must be found unsound. */
#include "engine/verify.h"

#include "base/text.h"
#include "engine/run_books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define EVENT(id, type, payload)                                                                   \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type                                              \
    "\",\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":" payload "}"

static const char *const EVENTS[] = {
    EVENT("w", "revenue.received",
          "{\"policy\":\"urn:p\",\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}"),
    EVENT("p", "policy.published",
          "{\"policy\":{\"id\":\"urn:p\",\"kind\":\"weights\",\"rounding\":\"carry\",\"shares\":["
          "{\"party\":\"a\",\"weight\":\"1/3\"},{\"party\":\"b\",\"weight\":\"2/3\"}]}}"),
    EVENT("r", "revenue.received",
          "{\"policy\":\"urn:p\",\"amount\":{\"amount\":\"5.00\",\"currency\":\"USD\"}}"),
    EVENT("x", "revenue.reversed",
          "{\"reverses\":\"r\",\"amount\":{\"amount\":\"2.00\",\"currency\":\"USD\"}}"),
    EVENT("d", "allocation.disputed", "{\"allocation_id\":\"w/1\",\"reason\":\"why\"}"),
    EVENT("n", "party.registered", "{\"party\":\"a\",\"display_name\":\"Alice\"}"),
};

static struct engine *book_filled(void)
{
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    struct engine *e = NULL;
    struct mete_err err;
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    for (size_t i = 0; i < ARRAY_LEN(EVENTS); i++) {
        struct submit_result r;
        engine_submit(e, text_of(EVENTS[i]), NULL, &r);
        assert_int_equal(r.status, i == 0 ? SUBMIT_WAITING : SUBMIT_APPLIED);
    }
    assert_int_equal(engine_commit(e, &err), METE_OK);
    return e;
}

static void is_sound(struct engine *e)
{
    struct verify_report report;
    struct mete_err err = {.text = ""};
    if (book_verify(e, &report, &err) != METE_OK) {
        fail_msg("a sound book is refused: %s", err.text);
    }
    assert_int_equal(report.log.rows, ARRAY_LEN(EVENTS));
    assert_int_equal(report.decisions, ARRAY_LEN(EVENTS) + 1); /* one was released */
    assert_int_equal(report.sealed, 2); /* a name, and the reason of a dispute */
    assert_int_equal(report.erased, 0);
    assert_true(report.state_keys > 20);
}

/** The damage must be found, and its message must name `what`. */
static void is_unsound(struct engine *e, const char *what)
{
    struct verify_report report;
    struct mete_err err = {.text = ""};
    assert_int_equal(book_verify(e, &report, &err), METE_PROOF_FAILED);
    if (strstr(err.text, what) == NULL) {
        fail_msg("\"%s\" does not speak of \"%s\"", err.text, what);
    }
    engine_close(e);
}

static void test_a_sound_book(void **state)
{
    (void)state;
    struct engine *e = book_filled();
    is_sound(e);
    engine_close(e);
}

/* --- state -------------------------------------------------------------------------------------*/

struct first_key {
    struct key key;
    bool found;
};

static bool first_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    struct first_key *f = arg;
    assert_true(key.len <= sizeof f->key.b);
    memcpy(f->key.b, key.p, key.len);
    f->key.len = key.len;
    f->found = true;
    return false;
}

static struct first_key first_of(struct engine *e, uint8_t class_byte)
{
    struct first_key f = {.found = false};
    struct key from = key_of((enum key_class)class_byte);
    struct key until = key_prefix_end(from);
    struct mete_err err;
    assert_int_equal(
        book_scan_state(engine_book(e), key_bytes(&from), key_bytes(&until), first_visit, &f, &err),
        STORE_OK);
    return f;
}

static void class_damaged(uint8_t class_byte, bool is_sums, const char *what)
{
    const i128 one[STATE_SUMS] = {1, 0, 0, 0};
    const struct bytes other = {(const uint8_t *)"?", 1};
    struct engine *e = book_filled();
    struct first_key f = first_of(e, class_byte);
    if (!f.found) {
        engine_close(e);
        return;
    }
    if (is_sums) {
        book_add(engine_book(e), key_bytes(&f.key), one);
    } else {
        book_set(engine_book(e), key_bytes(&f.key), other);
    }
    is_unsound(e, what);
    if (!is_sums) {
        e = book_filled();
        f = first_of(e, class_byte);
        book_remove(engine_book(e), key_bytes(&f.key));
        is_unsound(e, what);
    }
}

static void test_a_key_changed_or_lost_in_every_class(void **state)
{
    (void)state;
    size_t seen = 0;
#define X(symbol, byte, is_sums, what)                                                             \
    {                                                                                              \
        struct engine *e = book_filled();                                                          \
        seen += first_of(e, (byte)).found;                                                         \
        engine_close(e);                                                                           \
        class_damaged((byte), (is_sums), (what));                                                  \
    }
    KEY_CLASSES(X)
#undef X
    assert_true(seen >= 15); /* classes that this book has keys of */
}

static void test_a_key_too_many_in_every_class(void **state)
{
    (void)state;
    const i128 one[STATE_SUMS] = {1, 0, 0, 0};
    const struct bytes value = {(const uint8_t *)"?", 1};
#define X(symbol, byte, is_sums, what)                                                             \
    {                                                                                              \
        struct engine *e = book_filled();                                                          \
        struct key key = key_of((enum key_class)(byte));                                           \
        for (int i = 0; i < 5; i++) {                                                              \
            key_add_u32(&key, 0xfffffff0u);                                                        \
        }                                                                                          \
        if (is_sums) {                                                                             \
            book_add(engine_book(e), key_bytes(&key), one);                                        \
        } else {                                                                                   \
            book_set(engine_book(e), key_bytes(&key), value);                                      \
        }                                                                                          \
        is_unsound(e, what);                                                                       \
    }
    KEY_CLASSES(X)
#undef X
}

/* --- private values ----------------------------------------------------------------------------*/

static void seal_damaged(uint64_t seq, const char *pointer, const char *what)
{
    struct engine *e = book_filled();
    struct mete_err err;
    uint8_t bytes[SEAL_OVERHEAD + SALT_LEN + 3] = {1};
    const struct sealed_value v = {.seq = seq,
                                   .pointer = text_of(pointer),
                                   .party = TEXT("a"),
                                   .sealed = {bytes, sizeof bytes}};
    assert_int_equal(book_seal_add(engine_book(e), &v, &err), STORE_OK);
    is_unsound(e, what);
}

static void test_sealed_values_that_are_not_the_log_s(void **state)
{
    (void)state;
    seal_damaged(6, "/event_id", "stands for no commitment");
    seal_damaged(6, "/payload/nothing", "stands for no commitment");
    seal_damaged(1, "/payload/policy", "belong to no event");
    seal_damaged(99, "/payload", "belong to no event");
}

static void test_a_sealed_value_replaced(void **state)
{
    (void)state;
    struct engine *e = book_filled();
    struct mete_err err;
    uint64_t count;
    assert_int_equal(book_seal_erase(engine_book(e), TEXT("a"), &count, &err), STORE_OK);
    assert_int_equal(count, 1);
    uint8_t bytes[SEAL_OVERHEAD + SALT_LEN + 3] = {1};
    const struct sealed_value v = {.seq = 6,
                                   .pointer = TEXT("/payload/display_name"),
                                   .party = TEXT("a"),
                                   .sealed = {bytes, sizeof bytes}};
    assert_int_equal(book_seal_add(engine_book(e), &v, &err), STORE_OK);
    is_unsound(e, "does not open");
    /* sealed with the right key, but another value */
    e = book_filled();
    assert_int_equal(book_seal_erase(engine_book(e), TEXT("a"), &count, &err), STORE_OK);
    struct buf context = {0};
    struct buf sealed = {0};
    const uint8_t nonce[SEAL_NONCE_LEN] = {7};
    buf_put_be64(&context, 6);
    buf_put_str(&context, "/payload/display_name");
    seal(&sealed, engine_seal_key(e), nonce, buf_bytes(&context),
         text_bytes(TEXT("0123456789abcdefMallory")));
    const struct sealed_value other = {.seq = 6,
                                       .pointer = TEXT("/payload/display_name"),
                                       .party = TEXT("a"),
                                       .sealed = buf_bytes(&sealed)};
    assert_int_equal(book_seal_add(engine_book(e), &other, &err), STORE_OK);
    is_unsound(e, "is not what the log committed to");
    buf_clear(&context);
    buf_clear(&sealed);
}

static void test_an_erased_value_is_no_damage(void **state)
{
    (void)state;
    struct engine *e = book_filled();
    struct mete_err err;
    struct verify_report report;
    uint64_t count;
    assert_int_equal(book_seal_erase(engine_book(e), TEXT("a"), &count, &err), STORE_OK);
    assert_int_equal(book_verify(e, &report, &err), METE_OK);
    assert_int_equal(report.sealed, 1);
    assert_int_equal(report.erased, 1);
    engine_close(e);
}

/* --- mete run against the accounts -------------------------------------------------------------*/

static void test_a_run_that_differs_from_the_accounts_is_refused(void **state)
{
    (void)state;
    const i128 one[STATE_SUMS] = {0, 1, 0, 0};
    struct engine *e = book_filled();
    struct run_result r;
    struct mete_err err;
    run_result_init(&r);
    assert_int_equal(run_result_read(&r, e, TIME_ALWAYS, &err), METE_OK);
    assert_int_equal(r.party_count, 2);
    assert_int_equal(r.total_count, 1);
    run_result_clear(&r);
    struct first_key account = first_of(e, KEY_ACCOUNT);
    book_add(engine_book(e), key_bytes(&account.key), one);
    run_result_init(&r);
    assert_int_equal(run_result_read(&r, e, TIME_ALWAYS, &err), METE_PROOF_FAILED);
    run_result_clear(&r);
    engine_close(e);
}

/* The lines of a decision must sum to what came in. */
static void test_a_group_that_does_not_balance_is_refused(void **state)
{
    (void)state;
    struct mete_err err;
    struct line line[2] = {{.kind = LINE_ALLOCATION, .party = 16, .node = NODE_NONE, .amount = 60},
                           {.kind = LINE_ALLOCATION, .party = 17, .node = NODE_NONE, .amount = 40}};
    struct group g = {.kind = GROUP_REVENUE,
                      .asset = 1,
                      .gross = 100,
                      .source = PARTY_CLEARING,
                      .line = line,
                      .line_count = 2};
    const struct walk_item item = {
        .seq = 1, .event_seq = 1, .decision = {.pages = 1, .group = &g, .group_count = 1}};
    struct run_books *b = run_books_new();
    assert_int_equal(run_books_add(b, NULL, &item, 0, &err), METE_OK);
    g.gross = 101;
    assert_int_equal(run_books_add(b, NULL, &item, 0, &err), METE_PROOF_FAILED);
    run_books_free(b);
}

/* --- proofs ------------------------------------------------------------------------------------*/

static void test_proofs_hold_and_break(void **state)
{
    (void)state;
    struct engine *e = book_filled();
    struct mete_err err;
    struct log_inclusion p;
    struct log_consistency c;
    uint64_t size = ARRAY_LEN(EVENTS);
    for (uint64_t n = 1; n <= size; n++) {
        for (uint64_t seq = 1; seq <= n; seq++) {
            assert_int_equal(log_prove_inclusion(e, seq, n, &p, &err), METE_OK);
            assert_true(log_inclusion_holds(&p));
            p.recorded_at++;
            assert_false(log_inclusion_holds(&p));
            p.recorded_at--;
            p.leaf.b[0] ^= 1;
            assert_false(log_inclusion_holds(&p));
            p.leaf.b[0] ^= 1;
            p.root.b[31] ^= 1;
            assert_false(log_inclusion_holds(&p));
        }
        assert_int_equal(log_prove_consistency(e, n, size, &c, &err), METE_OK);
        assert_true(log_consistency_holds(&c));
        c.second_root.b[0] ^= 1;
        assert_false(log_consistency_holds(&c));
    }
    assert_int_equal(log_prove_inclusion(e, 0, size, &p, &err), METE_NOT_FOUND);
    assert_int_equal(log_prove_inclusion(e, size + 1, size + 1, &p, &err), METE_NOT_FOUND);
    assert_int_equal(log_prove_inclusion(e, 3, 2, &p, &err), METE_NOT_FOUND);
    assert_int_equal(log_prove_consistency(e, 0, 2, &c, &err), METE_NOT_FOUND);
    assert_int_equal(log_prove_consistency(e, 2, size + 1, &c, &err), METE_NOT_FOUND);
    engine_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sound_book),
        cmocka_unit_test(test_a_key_changed_or_lost_in_every_class),
        cmocka_unit_test(test_a_key_too_many_in_every_class),
        cmocka_unit_test(test_sealed_values_that_are_not_the_log_s),
        cmocka_unit_test(test_a_sealed_value_replaced),
        cmocka_unit_test(test_an_erased_value_is_no_damage),
        cmocka_unit_test(test_a_run_that_differs_from_the_accounts_is_refused),
        cmocka_unit_test(test_a_group_that_does_not_balance_is_refused),
        cmocka_unit_test(test_proofs_hold_and_break)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
