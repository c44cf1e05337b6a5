/* SPDX-License-Identifier: Apache-2.0
 * Texts, UTF-8, hashing, time and text encodings of bytes. The calendar is compared with one that
 * counts day by day, UTF-8 with the number of valid sequences that RFC 3629 allows. */
#include "base/encode.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void seed_rng(struct rng *r)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(r, seed);
}

/* Texts */

static void test_texts_compare_by_unsigned_bytes(void **state)
{
    (void)state;
    assert_true(text_eq(TEXT("ab"), TEXT("ab")));
    assert_false(text_eq(TEXT("ab"), TEXT("abc")));
    assert_false(text_eq(TEXT("ab"), TEXT("ac")));
    assert_true(text_eq(TEXT(""), text_of(NULL)));
    assert_true(text_is(TEXT("a"), "a") && !text_is(TEXT("a"), "ab") && !text_is(TEXT("a"), ""));
    assert_true(text_starts(TEXT("did:key"), "did:") && text_starts(TEXT(""), ""));
    assert_false(text_starts(TEXT("di"), "did:"));
    assert_true(text_cmp(TEXT("a"), TEXT("b")) < 0 && text_cmp(TEXT("b"), TEXT("a")) > 0);
    assert_true(text_cmp(TEXT("a"), TEXT("ab")) < 0 && text_cmp(TEXT("ab"), TEXT("a")) > 0);
    assert_true(text_cmp(TEXT("\xff"), TEXT("a")) > 0);
    assert_true(text_cmp(TEXT(""), text_of(NULL)) == 0);
    assert_true(bytes_cmp(text_bytes(TEXT("a\0b")), text_bytes(TEXT("a\0c"))) < 0);
}

static void test_text_copy_ends_with_nul_and_tells_when_it_cut(void **state)
{
    (void)state;
    char out[4] = "xxx";
    assert_true(text_copy(out, sizeof(out), TEXT("abc")));
    assert_string_equal(out, "abc");
    assert_false(text_copy(out, sizeof(out), TEXT("wxyz")));
    assert_string_equal(out, "wxy");
    assert_true(text_copy(out, 1, text_of(NULL)));
    assert_string_equal(out, "");
}

static size_t utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)((0xf00u >> len & 0xff) | c);
    return len;
}

static void test_every_code_point_but_surrogates_is_utf8(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x1fffff; c++) {
        char out[4];
        size_t len = utf8_put(c, out);
        bool valid = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        if (text_is_utf8((struct text){out, len}) != valid) {
            fail_msg("U+%04X", c);
        }
        if (len > 1 && text_is_utf8((struct text){out, len - 1})) {
            fail_msg("U+%04X without its last byte", c);
        }
    }
}

/* With a = 128, b = 1920 and c = 61440 characters of 1, 2 and 3 bytes there are aa + b texts of
 * two bytes and aaa + 2ab + c of three. Together with the test above this leaves no room for an
 * overlong form or a stray byte. */
static void test_only_so_many_short_byte_strings_are_utf8(void **state)
{
    (void)state;
    size_t two = 0, three = 0;
    for (uint32_t v = 0; v < 1u << 24; v++) {
        char s[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        three += text_is_utf8((struct text){s, 3});
        two += v < 1u << 16 && text_is_utf8((struct text){s + 1, 2});
    }
    assert_int_equal(two, 128 * 128 + 1920);
    assert_int_equal(three, 128 * 128 * 128 + 2 * 128 * 1920 + 61440);
}

/* Second byte: 48 for F0, 64 for F1 to F3, 16 for F4; then two of the six chosen bytes, twice. */
static void test_only_so_many_four_byte_strings_are_utf8(void **state)
{
    (void)state;
    static const char LAST[] = {0, 0x7f, (char)0x80, (char)0xbf, (char)0xc0, (char)0xff};
    size_t count = 0;
    for (unsigned v = 0; v < 16 * 256 * 36; v++) {
        char s[4] = {(char)(0xf0 + v / 36 / 256), (char)(v / 36), LAST[v / 6 % 6], LAST[v % 6]};
        count += text_is_utf8((struct text){s, 4});
    }
    assert_int_equal(count, (48 + 3 * 64 + 16) * 4);
}

static void test_a_bad_byte_is_found_at_every_place_among_ascii(void **state)
{
    (void)state;
    char s[80];
    for (size_t len = 1; len <= sizeof(s); len++) {
        memset(s, 'a', sizeof(s));
        assert_true(text_is_utf8((struct text){s, len}));
        for (size_t i = 0; i < len; i++) {
            s[i] = (char)0x80;
            assert_false(text_is_utf8((struct text){s, len}));
            s[i] = 'a';
        }
    }
    assert_true(text_is_utf8(text_of(NULL)));
}

static void test_hash_sees_every_bit_length_and_seed(void **state)
{
    (void)state;
    uint8_t key[80] = {0};
    for (size_t len = 0; len <= sizeof(key); len++) {
        struct bytes b = {key, len};
        uint64_t base = bytes_hash(b, 1);
        assert_int_equal(base, bytes_hash(b, 1));
        assert_int_not_equal(base, bytes_hash(b, 2));
        assert_true(len == 0 || base != bytes_hash((struct bytes){key, len - 1}, 1));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            key[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(base, bytes_hash(b, 1));
            key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* Two halves that would be each other's factor if both were hidden by the same seed: such keys
 * collide whatever the seed is, so that one need not know it. */
static void test_hash_of_swapped_halves_depends_on_the_seed(void **state)
{
    (void)state;
    const uint64_t difference = UINT64_C(0x243f6a8885a308d3) ^ UINT64_C(0x13198a2e03707345);
    uint64_t one[2] = {UINT64_C(0x6576742d30303030), UINT64_C(0x2d31313131323232)};
    uint64_t two[2] = {one[1] ^ difference, one[0] ^ difference};
    struct bytes a = {(const uint8_t *)one, sizeof one}, b = {(const uint8_t *)two, sizeof two};
    for (uint64_t seed = 1; seed < 1000; seed++) {
        assert_int_not_equal(bytes_hash(a, seed), bytes_hash(b, seed));
        assert_int_not_equal(bytes_hash(a, ~(seed << 40)), bytes_hash(b, ~(seed << 40)));
    }
}

/* Sequential ids are what producers send: their hashes must fill the low bits evenly. */
static void test_hash_spreads_sequential_keys(void **state)
{
    (void)state;
    enum { BUCKETS = 1024, KEYS = 64 * BUCKETS };
    static unsigned count[BUCKETS];
    memset(count, 0, sizeof(count));
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        int len = snprintf(key, sizeof(key), "evt_%012d", i);
        count[bytes_hash((struct bytes){(uint8_t *)key, (size_t)len}, 9) % BUCKETS]++;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        assert_in_range(count[i], 16, 128); /* 64 expected, 8 is one standard deviation */
    }
}

/* Time */

static void assert_time(const char *s, mete_time expected)
{
    mete_time t = -1;
    if (time_parse(text_of(s), &t) != TIME_OK || t != expected) {
        fail_msg("%s read as %lld", s, (long long)t);
    }
}

static void test_times_are_read_with_offset_and_fraction(void **state)
{
    (void)state;
    assert_time("1970-01-01T00:00:00Z", 0);
    assert_time("1970-01-01T00:00:00.000001Z", 1);
    assert_time("1970-01-01T00:00:00.1Z", 100000);
    assert_time("1970-01-01T00:00:00.123456789Z", 123456);
    assert_time("1985-04-12T23:20:50.52Z", 482196050520000);   /* RFC 3339 section 5.8 */
    assert_time("1996-12-19T16:39:57-08:00", 851042397000000); /* RFC 3339 section 5.8 */
    assert_time("1996-12-20T00:39:57Z", 851042397000000);
    assert_time("2025-01-31T12:00:00.00025z", 1738324800000250);
    assert_time("2025-01-31t14:30:00.00025+02:30", 1738324800000250);
    assert_time("2025-01-31T12:00:00.00025-00:00", 1738324800000250);
    assert_time("2000-02-29T12:00:00Z", 951825600000000);
    assert_time("2024-02-29T00:00:00Z", 1709164800000000);
}

static void test_second_60_is_the_last_microsecond_of_its_minute(void **state)
{
    (void)state;
    assert_time("1990-12-31T23:59:60Z", 662687999999999); /* RFC 3339 section 5.8 */
    assert_time("1990-12-31T15:59:60.5-08:00", 662687999999999);
    assert_time("9999-12-31T23:59:60Z", TIME_MAX);
}

static void test_times_at_the_borders_are_in_and_beyond_them_out(void **state)
{
    (void)state;
    static const char *const OUT[] = {
        "1969-12-31T23:59:59.999999Z",    "1970-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:00-00:01",      "9999-12-31T24:00:00Z",      "0000-02-29T00:00:00Z",
        "1900-03-01T00:00:00.999999999Z",
    };
    assert_time("1969-12-31T23:59:00-00:01", 0);
    assert_time("9999-12-31T23:59:59.9999999Z", TIME_MAX);
    assert_time("9999-12-31T23:59:59+23:59", TIME_MAX - 86340 * TIME_SECOND_US - 999999);
    for (size_t i = 0; i < ARRAY_LEN(OUT); i++) {
        mete_time t = 42;
        enum time_parse expected = strstr(OUT[i], "T24") != NULL ? TIME_INVALID : TIME_RANGE;
        assert_int_equal(time_parse(text_of(OUT[i]), &t), expected);
        assert_int_equal(t, 42);
    }
}

static void test_what_is_not_rfc_3339_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "2025",
        "2025-01-31",
        "2025-01-31T12:00:00",
        "2025-01-31 12:00:00Z",
        "2025-01-31T12:00Z",
        "2025-01-31T12:00:00.Z",
        "2025-01-31T12:00:00.1234567890Z",
        "2025-01-31T12:00:00,5Z",
        "2025-01-31T12:00:00Zx",
        "2025-01-31T12:00:00Z ",
        " 2025-01-31T12:00:00Z",
        "2025-1-31T12:00:00Z",
        "25-01-31T12:00:00Z",
        "2025-01-31T12:00:00+0200",
        "2025-01-31T12:00:00+02",
        "2025-01-31T12:00:00+24:00",
        "2025-01-31T12:00:00+02:60",
        "2025-01-31T24:00:00Z",
        "2025-01-31T12:60:00Z",
        "2025-01-31T12:00:61Z",
        "2025-00-31T12:00:00Z",
        "2025-13-31T12:00:00Z",
        "2025-01-00T12:00:00Z",
        "2025-01-32T12:00:00Z",
        "2025-04-31T12:00:00Z",
        "2025-02-29T12:00:00Z",
        "2100-02-29T12:00:00Z",
        "+025-01-31T12:00:00Z",
        "-025-01-31T12:00:00Z",
        "2025-01-31T12:00:00ZZ",
        "2025-01-31T-1:00:00Z",
        "20250131T120000Z",
        "2025-W05-5T12:00:00Z",
        "2025-01-31T12:00:0:Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        mete_time t = 42;
        if (time_parse(text_of(BAD[i]), &t) != TIME_INVALID || t != 42) {
            fail_msg("\"%s\" was read", BAD[i]);
        }
    }
    mete_time t;
    assert_int_equal(time_parse((struct text){"2025-01-31T12:00:00Z", 19}, &t), TIME_INVALID);
    assert_int_equal(time_parse(TEXT("2025-01-31T12:00:00Z\0"), &t), TIME_INVALID);
}

static void assert_time_text(mete_time t, const char *expected)
{
    char out[TIME_TEXT_MAX];
    size_t len = time_format(t, out);
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

static void test_times_are_written_with_no_more_fraction_than_needed(void **state)
{
    (void)state;
    assert_time_text(0, "1970-01-01T00:00:00Z");
    assert_time_text(1, "1970-01-01T00:00:00.000001Z");
    assert_time_text(1000, "1970-01-01T00:00:00.001Z");
    assert_time_text(120000, "1970-01-01T00:00:00.120Z");
    assert_time_text(1738324800000250, "2025-01-31T12:00:00.000250Z");
    assert_time_text(TIME_MAX, "9999-12-31T23:59:59.999999Z");
    assert_time_text(TIME_NEVER, "never");
    assert_time_text(TIME_ALWAYS, "always");
    /* Out of the range of inputs, but the end of the period 9999 is such a moment. */
    assert_time_text(TIME_MAX + 1, "10000-01-01T00:00:00Z");
    assert_time_text(-1, "1969-12-31T23:59:59.999999Z");
    assert_time_text(TIME_ALWAYS + 1, "-290308-12-21T19:59:05.224193Z");
    assert_time_text(TIME_NEVER - 1, "294247-01-10T04:00:54.775806Z");
}

static void test_time_text_round_trips(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < 200000; i++) {
        mete_time t = (mete_time)rng_below(&r, (uint64_t)TIME_MAX + 1);
        mete_time back = -1;
        t -= i % 3 == 0 ? t % 1000000 : i % 3 == 1 ? t % 1000 : 0;
        char out[TIME_TEXT_MAX];
        size_t len = time_format(t, out);
        assert_int_equal(time_parse((struct text){out, len}, &back), TIME_OK);
        assert_int_equal(back, t);
    }
}

static void test_every_day_until_9999_is_the_one_counted(void **state)
{
    (void)state;
    int32_t day = 0;
    for (int year = 1970; year <= 9999; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const int days[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        for (int month = 1; month <= 12; month++) {
            for (int d = 1; d <= days[month - 1]; d++, day++) {
                char expected[40], out[11];
                int32_t back = -1;
                snprintf(expected, sizeof(expected), "%04d-%02d-%02d", year, month, d);
                time_format_day(day, out);
                if (strcmp(out, expected) != 0 || !time_parse_day(text_of(expected), &back) ||
                    back != day) {
                    fail_msg("day %d, %s, was written %s and read %d", day, expected, out, back);
                }
            }
        }
    }
    assert_int_equal(time_of_day(day), TIME_MAX + 1);
}

static void test_day_numbers_round_down(void **state)
{
    (void)state;
    assert_true(time_of_seconds(0) == 0 &&
                time_of_seconds(1735689600) == 1735689600 * TIME_SECOND_US);
    assert_int_equal(time_of_seconds(UINT64_MAX), TIME_MAX / TIME_SECOND_US * TIME_SECOND_US);
    assert_int_equal(time_day(0), 0);
    assert_int_equal(time_day(TIME_DAY_US - 1), 0);
    assert_int_equal(time_day(TIME_DAY_US), 1);
    assert_int_equal(time_day(-1), -1);
    assert_int_equal(time_day(-TIME_DAY_US), -1);
    assert_int_equal(time_of_day(1), TIME_DAY_US);
    assert_int_equal(time_day(time_of_day(20119)), 20119);
    assert_int_equal(time_of_day(INT32_MAX), TIME_NEVER);
    assert_int_equal(time_of_day(INT32_MIN), TIME_ALWAYS);
    assert_int_equal(time_day(TIME_NEVER), 106751991);
}

static void test_days_alone_are_strict(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",           "2025-02-29", "2025-1-01",   "2025-01-1",
        "2025/01/01", "20250101",   "2025-01-01T", "2025-01-01 ",
        "1969-12-31", "2025-00-01", "2025-01-00",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        int32_t day = 42;
        if (time_parse_day(text_of(BAD[i]), &day) || day != 42) {
            fail_msg("\"%s\" was read", BAD[i]);
        }
    }
}

static void test_a_date_stands_for_its_first_or_last_microsecond(void **state)
{
    (void)state;
    mete_time t = 42;
    assert_int_equal(time_parse_date(TEXT("2024-02-29"), false, &t), TIME_OK);
    assert_int_equal(t, 1709164800000000);
    assert_int_equal(time_parse_date(TEXT("2024-02-29"), true, &t), TIME_OK);
    assert_int_equal(t, 1709164800000000 + TIME_DAY_US - 1);
    assert_int_equal(time_parse_date(TEXT("9999-12-31"), true, &t), TIME_OK);
    assert_int_equal(t, TIME_MAX);
    assert_int_equal(time_parse_date(TEXT("2024-02-29T00:00:01Z"), true, &t), TIME_OK);
    assert_int_equal(t, 1709164801000000);
    assert_int_equal(time_parse_date(TEXT("1969-12-31"), true, &t), TIME_RANGE);
    assert_int_equal(time_parse_date(TEXT("1969-12-31T00:00:00Z"), true, &t), TIME_RANGE);
    assert_int_equal(time_parse_date(TEXT("2024-02-30"), false, &t), TIME_INVALID);
    assert_int_equal(time_parse_date(TEXT("2024"), false, &t), TIME_INVALID);
    assert_int_equal(t, 1709164801000000);
}

static void assert_period(const char *s, const char *first, const char *after)
{
    mete_time from, until, expected;
    if (!time_parse_period(text_of(s), &from, &until)) {
        fail_msg("%s was not read", s);
    }
    assert_int_equal(time_parse_date(text_of(first), false, &expected), TIME_OK);
    assert_int_equal(from, expected);
    if (strcmp(after, "10000-01-01") == 0) {
        expected = TIME_MAX + 1;
    } else {
        assert_int_equal(time_parse_date(text_of(after), false, &expected), TIME_OK);
    }
    assert_int_equal(until, expected);
}

static void test_periods_end_where_the_next_begins(void **state)
{
    (void)state;
    assert_period("2025", "2025-01-01", "2026-01-01");
    assert_period("1970", "1970-01-01", "1971-01-01");
    assert_period("9999", "9999-01-01", "10000-01-01");
    assert_period("2025-03", "2025-03-01", "2025-04-01");
    assert_period("2024-02", "2024-02-01", "2024-03-01");
    assert_period("2025-12", "2025-12-01", "2026-01-01");
    assert_period("2025-Q1", "2025-01-01", "2025-04-01");
    assert_period("2025-Q2", "2025-04-01", "2025-07-01");
    assert_period("2025-Q3", "2025-07-01", "2025-10-01");
    assert_period("2025-Q4", "2025-10-01", "2026-01-01");
    assert_period("9999-Q4", "9999-10-01", "10000-01-01");
    assert_period("2025-03-14", "2025-03-14", "2025-03-15");
    assert_period("2024-02-29", "2024-02-29", "2024-03-01");
    assert_period("2025-12-31", "2025-12-31", "2026-01-01");
}

static void test_what_is_no_period_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",           "25",         "202",           "20255",       "2025-",
        "2025-0",     "2025-00",    "2025-13",       "2025-3",      "2025-Q0",
        "2025-Q5",    "2025-Q",     "2025-Q11",      "2025-q1",     "2025Q1",
        "2025-02-29", "2025-04-31", "2025-03-00",    "2025-03-14T", "2025-03-1",
        "2025-03-",   "1969",       "1969-12-31",    " 2025",       "2025 ",
        "-2025",      "2025-Q1-01", "2025-03-14-15",
    };
    mete_time from = 1, until = 2;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        if (time_parse_period(text_of(BAD[i]), &from, &until) || from != 1 || until != 2) {
            fail_msg("\"%s\" was read", BAD[i]);
        }
    }
}

/* Text encodings */

static void test_hex_is_lower_case_and_reads_either(void **state)
{
    (void)state;
    char out[20];
    uint8_t back[4] = {9, 9, 9, 9};
    hex_encode(out, (struct bytes){(const uint8_t *)"\x00\x9f\xAb\xff", 4});
    assert_string_equal(out, "009fabff");
    hex_encode(out, (struct bytes){NULL, 0});
    assert_string_equal(out, "");
    static const char *const BAD[] = {"",         "009fab",   "009fabf",  "009fabff00",
                                      "009fabfg", "0 9fabff", "/09fabff", ":09fabff",
                                      "@09fabff", "`09fabff", "009fabfG", "009fabff0"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(hex_decode(back, 4, text_of(BAD[i])));
        assert_memory_equal(back, "\x09\x09\x09\x09", 4);
    }
    assert_true(hex_decode(back, 4, TEXT("009FaBfF")));
    assert_memory_equal(back, "\x00\x9f\xab\xff", 4);
    assert_true(hex_decode(back, 0, TEXT("")));
}

static void assert_base64(const char *plain, const char *standard, const char *url)
{
    char out[BASE64_TEXT_MAX(64)];
    uint8_t back[64];
    size_t len = 0;
    struct bytes in = text_bytes(text_of(plain));
    assert_int_equal(base64_encode(out, in), strlen(standard));
    assert_string_equal(out, standard);
    assert_int_equal(base64url_encode(out, in), strlen(url));
    assert_string_equal(out, url);
    assert_true(base64_decode(back, sizeof(back), &len, text_of(standard)));
    assert_true(bytes_cmp((struct bytes){back, len}, in) == 0);
    assert_true(base64url_decode(back, sizeof(back), &len, text_of(url)));
    assert_true(bytes_cmp((struct bytes){back, len}, in) == 0);
}

static void test_base64_has_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    assert_base64("", "", "");
    assert_base64("f", "Zg==", "Zg");
    assert_base64("fo", "Zm8=", "Zm8");
    assert_base64("foo", "Zm9v", "Zm9v");
    assert_base64("foob", "Zm9vYg==", "Zm9vYg");
    assert_base64("fooba", "Zm9vYmE=", "Zm9vYmE");
    assert_base64("foobar", "Zm9vYmFy", "Zm9vYmFy");
    assert_base64("\x14\xfb\x9c\x03\xd9\x7e", "FPucA9l+", "FPucA9l-"); /* RFC 4648 section 9 */
    assert_base64("\xff\xef\xff", "/+//", "_-__");
}

static void test_base64_refuses_every_second_spelling(void **state)
{
    (void)state;
    static const char *const BAD[] = {"Zg=",    "Zg",   "Zh==", "Zi==", "Zk==",  "Zo==",     "Zm6=",
                                      "Zm9=",   "Z",    "Z===", "====", "=",     "Zg==Zg==", "Zm 9",
                                      "Zm9v\n", "Zm9-", "Zm9_", "Zg=v", "Zm8==", "Zm9v===="};
    static const char *const BAD_URL[] = {"Z",   "Zg==", "Zh",    "Zi",   "Zk",   "Zo",
                                          "Zm6", "Zm9",  "Zm9vY", "Zm9+", "Zm9/", "Zm 9"};
    uint8_t out[16] = {9};
    size_t len = 42;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        if (base64_decode(out, sizeof(out), &len, text_of(BAD[i]))) {
            fail_msg("\"%s\" was read", BAD[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(BAD_URL); i++) {
        if (base64url_decode(out, sizeof(out), &len, text_of(BAD_URL[i]))) {
            fail_msg("\"%s\" was read", BAD_URL[i]);
        }
    }
    assert_false(base64_decode(out, 2, &len, TEXT("Zm9v")));
    assert_false(base64url_decode(out, 0, &len, TEXT("Zg")));
    assert_true(out[0] == 9 && len == 42);
    assert_true(base64_decode(out, 3, &len, TEXT("Zm9v")) && len == 3);
}

static void test_base64_and_base58_round_trip(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    for (int i = 0; i < 20000; i++) {
        uint8_t in[128], back[128];
        char out[180];
        struct bytes b = {in, rng_below(&r, sizeof(in) + 1)};
        size_t zeros = rng_below(&r, 4);
        for (size_t k = 0; k < b.len; k++) {
            in[k] = k < zeros ? 0 : (uint8_t)rng_next(&r);
        }
        size_t len = 0;
        struct text t = {out, base64_encode(out, b)};
        assert_true(t.len < BASE64_TEXT_MAX(b.len) && out[t.len] == '\0');
        assert_true(base64_decode(back, b.len, &len, t));
        assert_true(bytes_cmp((struct bytes){back, len}, b) == 0);
        t.len = base64url_encode(out, b);
        assert_true(base64url_decode(back, b.len, &len, t));
        assert_true(bytes_cmp((struct bytes){back, len}, b) == 0);
        t.len = base58_encode(out, b);
        assert_true(t.len < sizeof(out) && out[t.len] == '\0');
        assert_true(base58_decode(back, b.len, &len, t));
        assert_true(bytes_cmp((struct bytes){back, len}, b) == 0);
        assert_true(b.len == 0 || !base58_decode(back, b.len - 1, &len, t));
    }
}

static void test_base58_holds_128_bytes_and_no_more(void **state)
{
    (void)state;
    uint8_t in[128], back[200];
    char out[180], ones[400];
    size_t len = 42;
    memset(in, 0xff, sizeof(in));
    assert_int_equal(base58_encode(out, (struct bytes){in, sizeof(in)}), 175);
    assert_true(base58_decode(back, sizeof(back), &len, text_of(out)));
    assert_int_equal(len, 128);
    assert_memory_equal(back, in, sizeof(in));
    memset(ones, '1', sizeof(ones));
    assert_true(base58_decode(back, sizeof(back), &len, (struct text){ones, 128}));
    assert_false(base58_decode(back, sizeof(back), &len, (struct text){ones, 129}));
    assert_false(base58_decode(back, sizeof(back), &len, (struct text){ones, 200}));
    memset(ones, 'z', sizeof(ones));
    assert_false(base58_decode(back, sizeof(back), &len, (struct text){ones, 179}));
    assert_false(base58_decode(back, sizeof(back), &len, (struct text){ones, 400}));
    assert_false(base58_decode(back, sizeof(back), &len, TEXT("2g\0")));
    assert_int_equal(len, 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_compare_by_unsigned_bytes),
        cmocka_unit_test(test_text_copy_ends_with_nul_and_tells_when_it_cut),
        cmocka_unit_test(test_every_code_point_but_surrogates_is_utf8),
        cmocka_unit_test(test_only_so_many_short_byte_strings_are_utf8),
        cmocka_unit_test(test_only_so_many_four_byte_strings_are_utf8),
        cmocka_unit_test(test_a_bad_byte_is_found_at_every_place_among_ascii),
        cmocka_unit_test(test_hash_sees_every_bit_length_and_seed),
        cmocka_unit_test(test_hash_of_swapped_halves_depends_on_the_seed),
        cmocka_unit_test(test_hash_spreads_sequential_keys),
        cmocka_unit_test(test_times_are_read_with_offset_and_fraction),
        cmocka_unit_test(test_second_60_is_the_last_microsecond_of_its_minute),
        cmocka_unit_test(test_times_at_the_borders_are_in_and_beyond_them_out),
        cmocka_unit_test(test_what_is_not_rfc_3339_is_refused),
        cmocka_unit_test(test_times_are_written_with_no_more_fraction_than_needed),
        cmocka_unit_test(test_time_text_round_trips),
        cmocka_unit_test(test_every_day_until_9999_is_the_one_counted),
        cmocka_unit_test(test_day_numbers_round_down),
        cmocka_unit_test(test_days_alone_are_strict),
        cmocka_unit_test(test_a_date_stands_for_its_first_or_last_microsecond),
        cmocka_unit_test(test_periods_end_where_the_next_begins),
        cmocka_unit_test(test_what_is_no_period_is_refused),
        cmocka_unit_test(test_hex_is_lower_case_and_reads_either),
        cmocka_unit_test(test_base64_has_the_vectors_of_rfc_4648),
        cmocka_unit_test(test_base64_refuses_every_second_spelling),
        cmocka_unit_test(test_base64_and_base58_round_trip),
        cmocka_unit_test(test_base58_holds_128_bytes_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
