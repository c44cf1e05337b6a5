/* SPDX-License-Identifier: Apache-2.0
 * Errors, arena, buffers, wide integers, texts, time and text encodings. Expected values come from
 * the RFCs or from arithmetic done another way here; random tests print their seed. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/i128.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"
#include "mete/error.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 200000

static void seed_rng(struct rng *r)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(r, seed);
}

/* A value with a random number of bits, so that every magnitude comes up. */
static u128 random_u128(struct rng *r)
{
    u128 v = (u128)rng_next(r) << 64 | rng_next(r);
    uint64_t shift = rng_below(r, 129);
    return shift == 128 ? 0 : v >> shift;
}

/* True when `broken` ends in an abort, as a broken METE_ASSERT must. */
static bool aborts(void (*broken)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        broken();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void assert_text(struct text t, const char *expected)
{
    if (!text_is(t, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)t.len, t.p, expected);
    }
}

/* Errors */

static void test_every_code_is_found_by_its_name(void **state)
{
    (void)state;
    enum mete_code code;
    enum mete_code previous = METE_OK;
    size_t i = 0;
    for (; mete_code_at(i, &code); i++) {
        const char *name = mete_code_name(code);
        enum mete_code found;
        assert_true(mete_code_of(name, strlen(name), &found));
        assert_int_equal(found, code);
        assert_true(i == 0 || code > previous); /* the numbers are unique and only grow */
        assert_true(mete_code_status(code) >= 200 && mete_code_status(code) < 600);
        assert_true(strlen(mete_code_meaning(code)) > 0);
        assert_true(code == METE_OK || strlen(mete_code_remediation(code)) > 0);
        previous = code;
    }
    assert_true(i > 60);
    assert_false(mete_code_of("weight_above_on", 15, &code));
    assert_false(mete_code_of("", 0, &code));
}

static void test_code_attributes_are_those_of_the_table(void **state)
{
    (void)state;
    assert_string_equal(mete_code_name(METE_WEIGHT_ABOVE_ONE), "weight_above_one");
    assert_int_equal(mete_code_status(METE_CONFLICT), 409);
    assert_true(mete_code_retryable(METE_TIME_FUTURE));
    assert_false(mete_code_retryable(METE_TIME_RANGE));
    assert_string_equal(mete_code_remediation(METE_TIME_RANGE), "Correct the time.");
}

static void test_a_number_outside_the_table_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(mete_code_name((enum mete_code)19), "unknown");
    assert_string_equal(mete_code_name((enum mete_code)100000), "unknown");
    assert_string_equal(mete_code_name((enum mete_code) - 1), "unknown");
    assert_int_equal(mete_code_status((enum mete_code)19), 500);
}

static void test_fail_formats_and_keeps_the_pointer(void **state)
{
    (void)state;
    struct mete_err err;
    assert_int_equal(mete_fail(&err, METE_TIME_ORDER, "/payload/end", "ends %d before", 7),
                     METE_TIME_ORDER);
    assert_int_equal(err.code, METE_TIME_ORDER);
    assert_string_equal(err.pointer, "/payload/end");
    assert_string_equal(err.text, "ends 7 before");
    /* Rewording an error in place: both arguments come from the error itself. */
    assert_int_equal(mete_fail(&err, METE_FILE, err.pointer, "at %s: %s", err.pointer, err.text),
                     METE_FILE);
    assert_string_equal(err.pointer, "/payload/end");
    assert_string_equal(err.text, "at /payload/end: ends 7 before");
    assert_int_equal(mete_fail(&err, METE_FILE, NULL, "%s", ""), METE_FILE);
    assert_string_equal(err.pointer, "");
    assert_string_equal(err.text, "");
    assert_int_equal(mete_fail(NULL, METE_LIMIT, "/", "x"), METE_LIMIT);
}

static void test_fail_cuts_what_is_too_long(void **state)
{
    (void)state;
    struct mete_err err;
    char longer[1000];
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(mete_fail(&err, METE_LIMIT, longer, "%s", longer), METE_LIMIT);
    assert_int_equal(strlen(err.pointer), sizeof(err.pointer) - 1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* Characters of two, three and four bytes, moved so that the cut falls at each of their bytes. */
static void test_fail_never_cuts_within_a_character(void **state)
{
    (void)state;
    static const char *const CHARACTERS[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8e\xb5"};
    for (size_t c = 0; c < ARRAY_LEN(CHARACTERS); c++) {
        size_t width = strlen(CHARACTERS[c]);
        for (size_t shift = 0; shift < width; shift++) {
            struct mete_err err;
            char longer[401] = "aaa";
            for (size_t i = shift; i + width < sizeof(longer); i += width) {
                memcpy(longer + i, CHARACTERS[c], width);
            }
            assert_int_equal(mete_fail(&err, METE_LIMIT, longer, "%s", longer), METE_LIMIT);
            assert_true(text_is_utf8(text_of(err.pointer)) && text_is_utf8(text_of(err.text)));
            size_t pointer_max = sizeof(err.pointer) - 1;
            size_t text_max = sizeof(err.text) - 1;
            assert_int_equal(strlen(err.pointer), pointer_max - (pointer_max - shift) % width);
            assert_int_equal(strlen(err.text), text_max - (text_max - shift) % width);
        }
    }
}

/* Arena */

static void test_arena_gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 24);
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            uint8_t *p = arena_alloc(&a, size);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(p[i], 0);
            }
            memset(p, 0xff, size); /* so that the second round finds used memory */
        }
        arena_reset(&a);
        assert_int_equal(a.size, 0);
    }
    arena_clear(&a);
    assert_null(a.chunk);
}

static void test_arena_objects_do_not_overlap(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 24);
    uint8_t *objects[600];
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        objects[i] = arena_array(&a, i, 3);
        memset(objects[i], (int)(i & 0xff), 3 * i);
    }
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        for (size_t k = 0; k < 3 * i; k++) {
            assert_int_equal(objects[i][k], i & 0xff);
        }
    }
    assert_ptr_not_equal(arena_alloc(&a, 0), arena_alloc(&a, 0));
    arena_clear(&a);
}

static void test_arena_copies_and_formats_text(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct text t = arena_text(&a, (struct text){"abcdef", 3});
    assert_text(t, "abc");
    assert_int_equal(t.p[3], '\0');
    assert_text(arena_text(&a, (struct text){NULL, 0}), "");
    assert_text(arena_printf(&a, "%s-%d", "x", 42), "x-42");
    /* Around the size up to which no second pass is needed. */
    for (int len = 250; len < 260; len++) {
        struct text wide = arena_printf(&a, "%*d", len, 7);
        assert_int_equal(wide.len, len);
        assert_int_equal(wide.p[len - 1], '7');
        assert_int_equal(wide.p[len], '\0');
    }
    arena_clear(&a);
}

static void arena_overrun(void)
{
    struct arena a;
    arena_init(&a, 100);
    arena_alloc(&a, 60);
    arena_alloc(&a, 41);
}

static void arena_array_overflow(void)
{
    struct arena a;
    arena_init(&a, SIZE_MAX);
    arena_array(&a, SIZE_MAX / 2, 3);
}

static void test_arena_aborts_past_its_bound(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100);
    arena_alloc(&a, 60);
    arena_alloc(&a, 40);
    assert_int_equal(a.size, 100);
    arena_clear(&a);
    assert_true(aborts(arena_overrun));
    assert_true(aborts(arena_array_overflow));
}

/* Buffers and varints */

static void test_buf_keeps_what_is_put(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_bytes(&b).len, 0);
    buf_put(&b, NULL, 0);
    buf_put_str(&b, "ab");
    buf_put_text(&b, TEXT("cd"));
    buf_put_u8(&b, 'e');
    buf_printf(&b, "%d", 12);
    assert_text(buf_text(&b), "abcde12");
    buf_printf(&b, "%*d", 5000, 3);
    assert_int_equal(b.len, 5007);
    assert_int_equal(b.p[5006], '3');
    for (int len = 0; len < 300; len++) {
        buf_reset(&b);
        buf_printf(&b, "%*s", len, "");
        assert_int_equal(b.len, len);
        assert_true(len == 0 || b.p[len - 1] == ' ');
    }
    buf_reset(&b);
    for (int i = 0; i < 100000; i++) {
        buf_put_u8(&b, (uint8_t)i);
    }
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(b.p[i], i & 0xff);
    }
    buf_clear(&b);
    assert_null(b.p);
}

static void test_big_endian_order_is_numeric_order(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_put_be16(&b, 0x0102);
    buf_put_be32(&b, 0x03040506);
    buf_put_be64(&b, UINT64_C(0x0708090a0b0c0d0e));
    for (uint8_t i = 0; i < 14; i++) {
        assert_int_equal(b.p[i], i + 1);
    }
    struct reader r = reader_of(buf_bytes(&b));
    assert_int_equal(read_be16(&r), 0x0102);
    assert_int_equal(read_be32(&r), 0x03040506);
    assert_int_equal(read_be64(&r), UINT64_C(0x0708090a0b0c0d0e));
    assert_true(reader_done(&r));
    buf_clear(&b);
}

static void assert_varint(uint64_t v, struct text expected)
{
    struct buf b = {0};
    buf_put_varint(&b, v);
    assert_true(text_eq(buf_text(&b), expected));
    buf_put_varint128(&b, v);
    assert_int_equal(b.len, 2 * expected.len);
    struct reader r = reader_of(buf_bytes(&b));
    assert_int_equal(read_varint(&r), v);
    assert_true(read_varint128(&r) == v);
    assert_true(reader_done(&r));
    buf_clear(&b);
}

static void test_varints_have_the_bytes_of_leb128(void **state)
{
    (void)state;
    assert_varint(0, TEXT("\0"));
    assert_varint(1, TEXT("\x01"));
    assert_varint(127, TEXT("\x7f"));
    assert_varint(128, TEXT("\x80\x01"));
    assert_varint(624485, TEXT("\xe5\x8e\x26"));
    assert_varint(UINT64_MAX, TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

static void test_varints_and_zigzag_round_trip(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    struct buf b = {0};
    for (int i = 0; i < ROUNDS; i++) {
        u128 v = i == 0 ? ~(u128)0 : random_u128(&r);
        i128 s = i == 0 ? I128_MIN : (i128)random_u128(&r);
        buf_reset(&b);
        buf_put_varint128(&b, v);
        buf_put_zigzag(&b, s);
        buf_put_zigzag(&b, -(i128)((u128)s >> 1));
        buf_put_varint(&b, (uint64_t)v);
        struct reader in = reader_of(buf_bytes(&b));
        assert_true(read_varint128(&in) == v);
        assert_true(read_zigzag(&in) == s);
        assert_true(read_zigzag(&in) == -(i128)((u128)s >> 1));
        assert_true(read_varint(&in) == (uint64_t)v);
        assert_true(reader_done(&in));
    }
    buf_clear(&b);
}

static void test_zigzag_counts_from_zero_outwards(void **state)
{
    (void)state;
    static const int VALUES[] = {0, -1, 1, -2, 2, -64, 64};
    static const uint8_t FIRST[] = {0, 1, 2, 3, 4, 127, 0x80};
    for (size_t i = 0; i < ARRAY_LEN(VALUES); i++) {
        struct buf b = {0};
        buf_put_zigzag(&b, VALUES[i]);
        assert_int_equal(b.p[0], FIRST[i]);
        buf_clear(&b);
    }
}

static bool varint_is_refused(struct text t, bool wide)
{
    struct reader r = reader_of(text_bytes(t));
    bool zero = wide ? read_varint128(&r) == 0 : read_varint(&r) == 0;
    assert_true(!r.failed || zero);
    /* After a failure everything is zero, even when bytes are left. */
    assert_true(!r.failed || (read_u8(&r) == 0 && !reader_done(&r)));
    return r.failed;
}

static void test_varints_that_are_not_the_shortest_are_refused(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        assert_true(varint_is_refused(TEXT("\x80\x00"), wide));
        assert_true(varint_is_refused(TEXT("\xff\x00"), wide));
        assert_true(varint_is_refused(TEXT("\xe5\x8e\x80\x00"), wide));
        assert_true(varint_is_refused(TEXT("\x80"), wide));
        assert_true(varint_is_refused(TEXT("\xff\xff"), wide));
        assert_true(varint_is_refused(TEXT(""), wide));
        assert_false(varint_is_refused(TEXT("\x80\x01"), wide));
        assert_false(varint_is_refused(TEXT("\x00"), wide));
    }
}

static void test_varints_past_their_type_are_refused(void **state)
{
    (void)state;
    assert_true(varint_is_refused(TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false));
    assert_true(varint_is_refused(TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01"), false));
    assert_false(varint_is_refused(TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), true));
    char wide[20];
    memset(wide, 0xff, sizeof(wide));
    wide[18] = 3;
    assert_false(varint_is_refused((struct text){wide, 19}, true));
    wide[18] = 4;
    assert_true(varint_is_refused((struct text){wide, 19}, true));
    wide[18] = (char)0x83;
    wide[19] = 1;
    assert_true(varint_is_refused((struct text){wide, 20}, true));
}

static void test_reader_fails_at_the_end_and_stays_failed(void **state)
{
    (void)state;
    static const uint8_t DATA[] = {3, 'a', 'b', 'c', 2, 'd'};
    struct reader r = reader_of((struct bytes){DATA, sizeof(DATA)});
    assert_text(read_sized(&r), "abc");
    assert_int_equal(read_sized(&r).len, 0);
    assert_true(r.failed);
    assert_int_equal(read_bytes(&r, 1).len, 0);
    assert_int_equal(read_be16(&r), 0);
    assert_false(reader_done(&r));
    r = reader_of((struct bytes){DATA, 3});
    assert_int_equal(read_be32(&r), 0);
    assert_true(r.failed);
    r = reader_of((struct bytes){NULL, 0});
    assert_int_equal(read_bytes(&r, 0).len, 0);
    assert_true(reader_done(&r));
    assert_int_equal(read_u8(&r), 0);
    assert_true(r.failed);
    r = reader_of((struct bytes){DATA, sizeof(DATA)});
    assert_int_equal(read_bytes(&r, SIZE_MAX).len, 0);
    assert_true(r.failed);
}

/* Wide integers */

static void assert_i128_text(i128 v, const char *expected)
{
    char out[I128_TEXT_MAX];
    size_t len = i128_format(v, out);
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

static void test_i128_format_writes_every_magnitude(void **state)
{
    (void)state;
    assert_i128_text(0, "0");
    assert_i128_text(-1, "-1");
    assert_i128_text(I128_MAX, "170141183460469231731687303715884105727");
    assert_i128_text(I128_MIN, "-170141183460469231731687303715884105728");
    assert_i128_text((i128)1 << 64, "18446744073709551616");
    char out[I128_TEXT_MAX];
    assert_int_equal(u128_format(~(u128)0, out), 39);
    assert_string_equal(out, "340282366920938463463374607431768211455");
    char power[41] = "1";
    for (unsigned e = 0; e <= 38; e++) {
        assert_i128_text((i128)u128_pow10(e), power);
        memset(power, '9', e);
        power[e] = '\0';
        assert_i128_text((i128)u128_pow10(e) - 1, e == 0 ? "0" : power);
        memset(power, '0', e + 1);
        power[0] = '1';
        power[e + 1] = '0';
        power[e + 2] = '\0';
    }
}

static void test_u128_text_round_trips(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < ROUNDS; i++) {
        u128 v = random_u128(&r);
        u128 back = ~v;
        char out[I128_TEXT_MAX];
        size_t len = u128_format(v, out);
        assert_true(u128_parse((struct text){out, len}, &back));
        assert_true(back == v);
        assert_true(len == 1 || out[0] != '0');
    }
}

static void test_u128_parse_refuses_all_but_digits_in_range(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "1a",
        "a",
        "12345678901234567890x",
        "340282366920938463463374607431768211456", /* 2^128 */
        "340282366920938463463374607431768211460",
        "3402823669209384634633746074317682114550",
        "999999999999999999999999999999999999999",
    };
    u128 v = 77;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(u128_parse(text_of(BAD[i]), &v));
        assert_true(v == 77);
    }
    assert_true(u128_parse(TEXT("340282366920938463463374607431768211455"), &v));
    assert_true(v == ~(u128)0);
    assert_true(u128_parse(TEXT("0000000000000000000000000000000000000000000000012"), &v));
    assert_true(v == 12);
}

static void test_add_overflow_leaves_output_untouched(void **state)
{
    (void)state;
    i128 v = 5;
    assert_false(i128_add(I128_MAX, 1, &v));
    assert_false(i128_add(I128_MIN, -1, &v));
    assert_false(i128_sub(I128_MIN, 1, &v));
    assert_false(i128_sub(0, I128_MIN, &v));
    assert_true(v == 5);
    assert_true(i128_add(I128_MAX, I128_MIN, &v) && v == -1);
    assert_true(i128_sub(-1, I128_MIN, &v) && v == I128_MAX);
    struct u256 most = {~(u128)0, ~(u128)0};
    struct u256 sum = {1, 2};
    assert_false(u256_add(most, (struct u256){0, 1}, &sum));
    assert_false(u256_add(most, most, &sum));
    assert_true(sum.hi == 1 && sum.lo == 2);
    assert_true(u256_add((struct u256){0, ~(u128)0}, (struct u256){4, 1}, &sum));
    assert_true(sum.hi == 5 && sum.lo == 0);
}

static void test_u256_cmp_orders_by_high_then_low(void **state)
{
    (void)state;
    struct u256 a = {1, 0}, b = {0, ~(u128)0}, c = {1, 1};
    assert_true(u256_cmp(a, b) > 0 && u256_cmp(b, a) < 0);
    assert_true(u256_cmp(a, c) < 0 && u256_cmp(c, a) > 0);
    assert_true(u256_cmp(a, a) == 0);
}

/* The product by adding shifted copies: nothing in common with the code under test. */
static struct u256 slow_mul(u128 a, u128 b)
{
    struct u256 sum = {0, 0};
    for (unsigned bit = 0; bit < 128; bit++) {
        if ((b >> bit & 1) == 0) {
            continue;
        }
        struct u256 shifted = {bit == 0 ? 0 : a >> (128 - bit), a << bit};
        assert_true(u256_add(sum, shifted, &sum));
    }
    return sum;
}

static void test_u256_mul_agrees_with_shifting_and_adding(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < 20000; i++) {
        u128 a = i == 0 ? ~(u128)0 : random_u128(&r);
        u128 b = i == 0 ? ~(u128)0 : random_u128(&r);
        assert_true(u256_cmp(u256_mul(a, b), slow_mul(a, b)) == 0);
    }
}

/* quotient * d + rest = n with rest < d has exactly one solution. */
static void assert_division(struct u256 n, u128 d, u128 quotient, u128 rest)
{
    struct u256 back;
    assert_true(rest < d);
    assert_true(u256_add(u256_mul(quotient, d), (struct u256){0, rest}, &back));
    assert_true(u256_cmp(back, n) == 0);
}

static void check_division(struct u256 n, u128 d)
{
    u128 rest;
    n.hi = d == 0 ? 0 : n.hi % d;
    d = d == 0 ? 1 : d;
    u128 quotient = u256_div(n, d, &rest);
    assert_division(n, d, quotient, rest);
}

static void check_mul_div(u128 a, u128 b, u128 d)
{
    struct u256 product = u256_mul(a, b);
    u128 rest;
    if (d > product.hi) {
        u128 quotient = u128_mul_div(a, b, d, &rest);
        assert_division(product, d, quotient, rest);
    }
}

static void test_u256_div_multiplies_back_to_its_input(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < 5 * ROUNDS; i++) {
        check_division((struct u256){random_u128(&r), random_u128(&r)}, random_u128(&r));
        check_mul_div(random_u128(&r), random_u128(&r), random_u128(&r));
    }
}

/* Limbs of all zeros, all ones and their neighbours are where a guessed quotient is corrected. */
static void test_u256_div_is_exact_at_limb_borders(void **state)
{
    (void)state;
    static const uint64_t LIMBS[] = {0,
                                     1,
                                     2,
                                     UINT64_MAX,
                                     UINT64_MAX - 1,
                                     (uint64_t)1 << 63,
                                     ((uint64_t)1 << 63) - 1,
                                     ((uint64_t)1 << 63) + 1};
    u128 values[ARRAY_LEN(LIMBS) * ARRAY_LEN(LIMBS)];
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        values[i] = (u128)LIMBS[i / ARRAY_LEN(LIMBS)] << 64 | LIMBS[i % ARRAY_LEN(LIMBS)];
    }
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            for (size_t d = 0; d < ARRAY_LEN(values); d++) {
                check_division((struct u256){values[i], values[k]}, values[d]);
                check_mul_div(values[i], values[k], values[d]);
            }
        }
    }
}

static void divide_by_zero(void)
{
    u128 rest;
    u256_div((struct u256){0, 1}, 0, &rest);
}

static void divide_too_large(void)
{
    u128 rest;
    u256_div((struct u256){5, 0}, 5, &rest);
}

static void mul_div_by_zero(void)
{
    u128 rest;
    u128_mul_div(1, 1, 0, &rest);
}

static void test_division_aborts_without_a_quotient(void **state)
{
    (void)state;
    assert_true(aborts(divide_by_zero));
    assert_true(aborts(divide_too_large));
    assert_true(aborts(mul_div_by_zero));
}

static void test_gcd_divides_and_lcm_is_bounded(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    assert_true(u128_gcd(0, 0) == 0 && u128_gcd(0, 7) == 7 && u128_gcd(7, 0) == 7);
    for (int i = 0; i < 20000; i++) {
        uint64_t a = rng_below(&r, 1000) + 1;
        u128 b = random_u128(&r) >> 20 | 1;
        u128 g = u128_gcd(a * b, a * 77);
        assert_true(a * b % g == 0 && (u128)a * 77 % g == 0 && g % a == 0);
        assert_true(u128_gcd(b, b / g + 1) == u128_gcd(b / g + 1, b));
    }
    u128 power = (u128)1 << 100;
    assert_true(u128_gcd(3 * power, 5 * power) == power);
    u128 v = 3;
    assert_true(u128_lcm(4, 6, &v) && v == 12);
    assert_true(u128_lcm(0, 6, &v) && v == 0);
    assert_true(u128_lcm((u128)1 << 120, 1024, &v) && v == (u128)1 << 120);
    v = 9;
    assert_false(u128_lcm((u128)1 << 119, 3, &v)); /* between 2^120 and 2^128 */
    assert_false(u128_lcm(((u128)1 << 120) - 1, ((u128)1 << 120) - 2, &v));
    assert_true(v == 9);
}

static void test_random_numbers_repeat_and_stay_in_bounds(void **state)
{
    (void)state;
    struct rng a, b;
    rng_seed(&a, 0);
    rng_seed(&b, 0);
    /* The first outputs of xoshiro256** whose state splitmix64 filled from 0. */
    assert_int_equal(rng_next(&a), UINT64_C(0x99ec5f36cb75f2b4));
    assert_int_equal(rng_next(&a), UINT64_C(0xbf6e1f784956452a));
    for (int i = 2; i < 999; i++) {
        rng_next(&a);
    }
    assert_int_equal(rng_next(&a), UINT64_C(0x7aac8c483a2edd2f)); /* the thousandth */
    for (int i = 0; i < 1000; i++) {
        rng_next(&b);
    }
    size_t seen[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t v = rng_below(&a, 7);
        assert_int_equal(v, rng_below(&b, 7));
        assert_true(v < 7);
        seen[v]++;
    }
    for (size_t i = 0; i < 7; i++) {
        assert_in_range(seen[i], 9500, 10500);
    }
    assert_int_equal(rng_below(&a, 1), 0);
}

static void test_a_text_with_half_a_character_is_mended(void **state)
{
    struct mete_err err;
    (void)state;
    (void)mete_fail(&err, METE_USAGE, "", "no \"%.*s\" here", 5, "\xe2\x82\xac\xe2\x82\xac");
    assert_string_equal(err.text, "no \"\xe2\x82\xac??\" here");
    (void)mete_fail(&err, METE_USAGE, "", "\xff\xc3\xa9%.*s", 1, "\xf0\x9f\x98\x80");
    assert_string_equal(err.text, "?\xc3\xa9?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_is_found_by_its_name),
        cmocka_unit_test(test_a_text_with_half_a_character_is_mended),
        cmocka_unit_test(test_code_attributes_are_those_of_the_table),
        cmocka_unit_test(test_a_number_outside_the_table_is_unknown),
        cmocka_unit_test(test_fail_formats_and_keeps_the_pointer),
        cmocka_unit_test(test_fail_cuts_what_is_too_long),
        cmocka_unit_test(test_fail_never_cuts_within_a_character),
        cmocka_unit_test(test_arena_gives_zeroed_aligned_memory),
        cmocka_unit_test(test_arena_objects_do_not_overlap),
        cmocka_unit_test(test_arena_copies_and_formats_text),
        cmocka_unit_test(test_arena_aborts_past_its_bound),
        cmocka_unit_test(test_buf_keeps_what_is_put),
        cmocka_unit_test(test_big_endian_order_is_numeric_order),
        cmocka_unit_test(test_varints_have_the_bytes_of_leb128),
        cmocka_unit_test(test_varints_and_zigzag_round_trip),
        cmocka_unit_test(test_zigzag_counts_from_zero_outwards),
        cmocka_unit_test(test_varints_that_are_not_the_shortest_are_refused),
        cmocka_unit_test(test_varints_past_their_type_are_refused),
        cmocka_unit_test(test_reader_fails_at_the_end_and_stays_failed),
        cmocka_unit_test(test_i128_format_writes_every_magnitude),
        cmocka_unit_test(test_u128_text_round_trips),
        cmocka_unit_test(test_u128_parse_refuses_all_but_digits_in_range),
        cmocka_unit_test(test_add_overflow_leaves_output_untouched),
        cmocka_unit_test(test_u256_cmp_orders_by_high_then_low),
        cmocka_unit_test(test_u256_mul_agrees_with_shifting_and_adding),
        cmocka_unit_test(test_u256_div_multiplies_back_to_its_input),
        cmocka_unit_test(test_u256_div_is_exact_at_limb_borders),
        cmocka_unit_test(test_division_aborts_without_a_quotient),
        cmocka_unit_test(test_gcd_divides_and_lcm_is_bounded),
        cmocka_unit_test(test_random_numbers_repeat_and_stay_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
