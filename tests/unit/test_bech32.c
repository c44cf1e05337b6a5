/* SPDX-License-Identifier: Apache-2.0
 * Bech32 against the strings of BIP 173 and BIP 350, the padding of symbols, and that no change of
 * one or two characters goes unseen. */
#include "json_doc.h"

#include "base/rng.h"
#include "wire/bech32.h"

static enum bech32_flaw decode(struct arena *a, const char *in, struct bech32 *out)
{
    arena_clear(a);
    arena_init(a, 1 << 16);
    return bech32_decode(a, text_of(in), out);
}

/* Source: BIP 173, "Test vectors"; the last is beyond its limit of 90 characters, which has no
 * place here. */
static void test_strings_of_bip_173_are_read_and_written(void **state)
{
    (void)state;
    static const char *const VALID[] = {
        "A12UEL5L",
        "a12uel5l",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tg"
        "s",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247"
        "j",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        "?1ezyfcl",
        "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pv"
        "x",
    };
    struct arena a = {0};
    struct bech32 b;
    for (size_t i = 0; i < ARRAY_LEN(VALID); i++) {
        struct buf again = {0};
        assert_int_equal(decode(&a, VALID[i], &b), BECH32_OK);
        bech32_encode(&again, b.prefix, b.symbols);
        buf_put_u8(&again, 0);
        assert_int_equal(strcasecmp((const char *)again.p, VALID[i]), 0);
        buf_clear(&again);
    }
    assert_int_equal(decode(&a, VALID[3], &b), BECH32_OK);
    assert_text(b.prefix, "abcdef");
    assert_int_equal(b.symbols.len, 32);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(b.symbols.p[i], i);
    }
    arena_clear(&a);
}

static void test_each_flaw_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        enum bech32_flaw flaw;
    } ROWS[] = {
        {"\x20"
         "1nwldj5",
         BECH32_CHARACTER},
        {"\x7f"
         "1axkwrx",
         BECH32_CHARACTER},
        {"\x80"
         "1eym55h",
         BECH32_CHARACTER},
        {"", BECH32_NO_SEPARATOR},
        {"pzry9x0s0muk", BECH32_NO_SEPARATOR},
        {"1pzry9x0s0muk", BECH32_NO_PREFIX},
        {"10a06t8", BECH32_NO_PREFIX},
        {"1qzzfhee", BECH32_NO_PREFIX},
        {"x1b4n0q5v", BECH32_CHARACTER},
        {"li1dgmt3", BECH32_TOO_SHORT},
        {"a1", BECH32_TOO_SHORT},
        {"de1lg7wt\xff", BECH32_CHARACTER},
        {"A1G7SGD8", BECH32_CHECKSUM},
        {"A12uEL5L", BECH32_MIXED_CASE},
        {"a12UEL5L", BECH32_MIXED_CASE},
        {"A1LQFN3A", BECH32_IS_M}, /* BIP 350 */
        {"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", BECH32_IS_M},
    };
    struct arena a = {0};
    struct bech32 b;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        enum bech32_flaw flaw = decode(&a, ROWS[i].in, &b);
        if (flaw != ROWS[i].flaw) {
            fail_msg("'%s': flaw %d (%s)", ROWS[i].in, (int)flaw, bech32_flaw_text(flaw));
        }
        assert_true(strlen(bech32_flaw_text(flaw)) > 10);
    }
    assert_string_equal(bech32_flaw_text(BECH32_OK), "");
    arena_clear(&a);
}

static void test_no_change_of_one_or_two_characters_goes_unseen(void **state)
{
    (void)state;
    static const char ALPHABET[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const char *good = "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w";
    size_t len = strlen(good), changes = 0;
    char *bad = strdup(good);
    struct arena a = {0};
    struct bech32 b;
    for (size_t i = 6; i < len; i++) {
        for (size_t j = i; j < len; j++) {
            for (size_t c = 0; c < 32; c += j == i ? 1 : 7) {
                memcpy(bad, good, len);
                bad[i] = ALPHABET[c];
                bad[j] = ALPHABET[(c + 5 * (j - i)) % 32];
                if (memcmp(bad, good, len) != 0) {
                    assert_int_equal(decode(&a, bad, &b), BECH32_CHECKSUM);
                    changes++;
                }
            }
        }
    }
    print_message("# %zu changed strings, none accepted\n", changes);
    assert_true(changes > 5000);
    free(bad);
    arena_clear(&a);
}

static void test_bytes_come_back_from_symbols(void **state)
{
    (void)state;
    const uint64_t seed = 173;
    struct rng rng;
    rng_seed(&rng, seed);
    print_message("# seed %llu\n", (unsigned long long)seed);
    for (size_t len = 0; len <= 70; len++) {
        uint8_t in[70];
        struct buf symbols = {0}, back = {0}, packed = {0};
        for (size_t i = 0; i < len; i++) {
            in[i] = (uint8_t)rng_next(&rng);
        }
        symbols_of_bytes(&symbols, (struct bytes){in, len});
        assert_int_equal(symbols.len, (len * 8 + 4) / 5);
        assert_true(symbols_to_bytes(&back, buf_bytes(&symbols)));
        assert_int_equal(bytes_cmp(buf_bytes(&back), (struct bytes){in, len}), 0);
        symbols_pack(&packed, buf_bytes(&symbols));
        assert_int_equal(packed.len, (symbols.len * 5 + 7) / 8);
        assert_true(len == 0 || memcmp(packed.p, in, len) == 0);
        buf_clear(&symbols);
        buf_clear(&back);
        buf_clear(&packed);
    }
}

static void test_padding_is_zero_and_shorter_than_a_symbol(void **state)
{
    (void)state;
    static const struct {
        uint8_t symbols[5];
        size_t len;
        bool is_good;
    } ROWS[] = {
        {{0}, 0, true},
        {{0}, 1, false},
        {{31, 28}, 2, true},
        {{31, 29}, 2, false},
        {{31, 30}, 2, false},
        {{31, 28, 0}, 3, false},
        {{31, 31, 31, 16}, 4, true},
        {{31, 31, 31, 17}, 4, false},
        {{31, 31, 31, 24}, 4, false},
        {{31, 31, 31, 31, 30}, 5, true},
        {{31, 31, 31, 31, 31}, 5, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct buf out = {0};
        buf_put_str(&out, "kept");
        bool is_good = symbols_to_bytes(&out, (struct bytes){ROWS[i].symbols, ROWS[i].len});
        assert_int_equal(is_good, ROWS[i].is_good);
        assert_int_equal(out.len, 4 + (is_good ? ROWS[i].len * 5 / 8 : 0));
        assert_memory_equal(out.p, "kept", 4);
        buf_clear(&out);
    }
}

static void test_numbers_have_64_bits(void **state)
{
    (void)state;
    uint8_t s[14];
    uint64_t v = 7;
    memset(s, 31, sizeof(s));
    assert_true(symbols_number((struct bytes){s, 0}, &v));
    assert_int_equal(v, 0);
    assert_true(symbols_number((struct bytes){s, 12}, &v));
    assert_true(v == ((uint64_t)1 << 60) - 1);
    assert_false(symbols_number((struct bytes){s, 13}, &v));
    s[0] = 15;
    assert_true(symbols_number((struct bytes){s, 13}, &v));
    assert_true(v == UINT64_MAX);
    assert_false(symbols_number((struct bytes){s, 14}, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_of_bip_173_are_read_and_written),
        cmocka_unit_test(test_each_flaw_is_named),
        cmocka_unit_test(test_no_change_of_one_or_two_characters_goes_unseen),
        cmocka_unit_test(test_bytes_come_back_from_symbols),
        cmocka_unit_test(test_padding_is_zero_and_shorter_than_a_symbol),
        cmocka_unit_test(test_numbers_have_64_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
