/* SPDX-License-Identifier: Apache-2.0
 * secp256k1: keys and signatures against published values, both halves of s, and that a signature
 * of which a bit was changed is never the same signer's. */
#include "base/encode.h"
#include "base/rng.h"
#include "base/text.h"
#include "crypto/secp256k1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static void of_hex(uint8_t *out, const char *hex)
{
    assert_true(hex_decode(out, strlen(hex) / 2, text_of(hex)));
}

static void assert_hex(const uint8_t *p, size_t len, const char *expected)
{
    char hex[140];
    hex_encode(hex, (struct bytes){p, len});
    assert_string_equal(hex, expected);
}

/* order - s of the second half of rs */
static void negate_s(uint8_t rs[SECP_RS_LEN])
{
    uint8_t order[32];
    of_hex(order, ORDER);
    int borrow = 0;
    for (size_t i = 32; i-- > 0;) {
        int digit = order[i] - rs[32 + i] - borrow;
        borrow = digit < 0;
        rs[32 + i] = (uint8_t)(digit & 0xff);
    }
    assert_int_equal(borrow, 0);
}

/* Source: SEC 2, 2.4.1 (the base point), and BOLT 11 (its example key). */
static void test_public_keys_are_the_published_ones(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN] = {0};
    uint8_t compressed[SECP_COMPRESSED_LEN], uncompressed[SECP_UNCOMPRESSED_LEN];
    secret[31] = 1;
    assert_true(secp_public_compressed(compressed, secret));
    assert_hex(compressed, sizeof(compressed),
               "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    assert_true(secp_public_uncompressed(uncompressed, secret));
    assert_hex(uncompressed, sizeof(uncompressed),
               "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
               "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
    of_hex(secret, "e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734");
    assert_true(secp_public_compressed(compressed, secret));
    assert_hex(compressed, sizeof(compressed),
               "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad");
}

static void test_private_keys_are_between_zero_and_the_order(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN] = {0};
    uint8_t key[SECP_COMPRESSED_LEN] = {7};
    uint8_t zeros[SECP_COMPRESSED_LEN] = {0};
    struct secp_signature signature;
    struct hash h = sha256(text_bytes(TEXT("x")));
    assert_false(secp_secret_ok(secret));
    assert_false(secp_public_compressed(key, secret));
    assert_memory_equal(key, zeros, sizeof(key));
    assert_false(secp_sign(&signature, secret, &h));
    of_hex(secret, ORDER);
    assert_false(secp_secret_ok(secret));
    assert_false(secp_sign(&signature, secret, &h));
    secret[31]--;
    assert_true(secp_secret_ok(secret));
    assert_true(secp_public_compressed(key, secret));
}

static void test_points_are_read_in_two_forms_only(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN] = {0};
    uint8_t shorter[SECP_COMPRESSED_LEN], longer[SECP_UNCOMPRESSED_LEN];
    uint8_t again[SECP_UNCOMPRESSED_LEN];
    secret[31] = 5;
    assert_true(secp_public_compressed(shorter, secret));
    assert_true(secp_public_uncompressed(longer, secret));
    assert_true(secp_public_ok((struct bytes){shorter, sizeof(shorter)}));
    assert_true(secp_public_ok((struct bytes){longer, sizeof(longer)}));
    assert_true(secp_uncompress(again, (struct bytes){shorter, sizeof(shorter)}));
    assert_memory_equal(again, longer, sizeof(again));
    assert_true(secp_uncompress(again, (struct bytes){longer, sizeof(longer)}));
    assert_memory_equal(again, longer, sizeof(again));

    assert_false(secp_public_ok((struct bytes){NULL, 0}));
    assert_false(secp_public_ok((struct bytes){shorter, sizeof(shorter) - 1}));
    assert_false(secp_public_ok((struct bytes){longer, sizeof(longer) - 1}));
    assert_false(secp_public_ok((struct bytes){longer, SECP_COMPRESSED_LEN}));
    uint8_t hybrid[SECP_UNCOMPRESSED_LEN];
    memcpy(hybrid, longer, sizeof(hybrid));
    hybrid[0] = (uint8_t)(6 + (hybrid[64] & 1));
    assert_false(secp_public_ok((struct bytes){hybrid, sizeof(hybrid)}));
    longer[64] ^= 1;
    assert_false(secp_public_ok((struct bytes){longer, sizeof(longer)}));
    assert_false(secp_uncompress(again, (struct bytes){longer, sizeof(longer)}));
    memset(shorter + 1, 0xff, 32);
    assert_false(secp_public_ok((struct bytes){shorter, sizeof(shorter)}));
}

/* The hash, r, s and recovery id of BOLT 11's donation example, which its authors signed by
 * RFC 6979 with the key above. */
static void test_signing_gives_the_signature_of_bolt_11(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN], key[SECP_COMPRESSED_LEN];
    struct hash h;
    struct secp_signature signature;
    of_hex(secret, "e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734");
    of_hex(h.b, "6daf4d488be41ce7cbb487cab1ef2975e5efcea879b20d421f0ef86b07cbb987");
    assert_true(secp_sign(&signature, secret, &h));
    assert_hex(signature.rs, sizeof(signature.rs),
               "8d3ce9e28357337f62da0162d9454df827f83cfe499aeb1c1db349d4d8112742"
               "5e434ca29929406c23bba1ae8ac6ca32880b38d4bf6ff874024cac34ba9625f1");
    assert_int_equal(signature.recovery, 1);
    assert_true(secp_recover(key, &signature, &h));
    assert_hex(key, sizeof(key),
               "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad");
}

static void test_the_upper_half_of_s_recovers_and_does_not_verify(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 11);
    for (int round = 0; round < 50; round++) {
        uint8_t secret[SECP_SECRET_LEN], own[SECP_COMPRESSED_LEN], key[SECP_COMPRESSED_LEN];
        struct hash h;
        struct secp_signature signature;
        for (size_t i = 0; i < sizeof(secret); i++) {
            secret[i] = (uint8_t)rng_next(&rng);
            h.b[i] = (uint8_t)rng_next(&rng);
        }
        assert_true(secp_public_compressed(own, secret));
        assert_true(secp_sign(&signature, secret, &h));
        assert_true(secp_low_s(signature.rs));
        assert_true(secp_verify(signature.rs, (struct bytes){own, sizeof(own)}, &h));
        negate_s(signature.rs);
        signature.recovery ^= 1;
        assert_false(secp_low_s(signature.rs));
        assert_false(secp_verify(signature.rs, (struct bytes){own, sizeof(own)}, &h));
        assert_true(secp_recover(key, &signature, &h));
        assert_memory_equal(key, own, sizeof(key));
    }
}

static void test_every_flipped_bit_is_another_signer_or_none(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN] = {0}, own[SECP_COMPRESSED_LEN], key[SECP_COMPRESSED_LEN];
    struct hash h = sha256(text_bytes(TEXT("an invoice")));
    struct secp_signature signature;
    secret[0] = 9;
    assert_true(secp_public_compressed(own, secret));
    assert_true(secp_sign(&signature, secret, &h));
    for (size_t bit = 0; bit < (SECP_RS_LEN + SHA256_LEN) * 8; bit++) {
        struct secp_signature s = signature;
        struct hash g = h;
        uint8_t *byte = bit / 8 < SECP_RS_LEN ? &s.rs[bit / 8] : &g.b[bit / 8 - SECP_RS_LEN];
        *byte ^= (uint8_t)(1u << bit % 8);
        assert_false(secp_verify(s.rs, (struct bytes){own, sizeof(own)}, &g));
        assert_false(secp_recover(key, &s, &g) && memcmp(key, own, sizeof(own)) == 0);
    }
    for (unsigned recovery = 0; recovery < 256; recovery++) {
        struct secp_signature s = signature;
        s.recovery = (uint8_t)recovery;
        bool is_own = secp_recover(key, &s, &h) && memcmp(key, own, sizeof(own)) == 0;
        assert_int_equal(is_own, recovery == signature.recovery);
    }
}

static void test_r_and_s_out_of_range_are_refused(void **state)
{
    (void)state;
    uint8_t key[SECP_COMPRESSED_LEN], own[SECP_COMPRESSED_LEN], secret[SECP_SECRET_LEN] = {3};
    struct hash h = sha256(text_bytes(TEXT("an invoice")));
    struct secp_signature signature;
    assert_true(secp_public_compressed(own, secret));
    assert_true(secp_sign(&signature, secret, &h));
    for (size_t half = 0; half < 2; half++) {
        struct secp_signature s = signature;
        memset(s.rs + 32 * half, 0, 32);
        assert_false(secp_recover(key, &s, &h));
        assert_false(secp_verify(s.rs, (struct bytes){own, sizeof(own)}, &h));
        assert_false(secp_low_s(s.rs));
        of_hex(s.rs + 32 * half, ORDER);
        assert_false(secp_recover(key, &s, &h));
        assert_false(secp_verify(s.rs, (struct bytes){own, sizeof(own)}, &h));
        assert_false(secp_low_s(s.rs));
    }
    struct secp_signature s = signature;
    of_hex(s.rs + 32, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
    assert_true(secp_low_s(s.rs));
    s.rs[63]++;
    assert_false(secp_low_s(s.rs));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_keys_are_the_published_ones),
        cmocka_unit_test(test_private_keys_are_between_zero_and_the_order),
        cmocka_unit_test(test_points_are_read_in_two_forms_only),
        cmocka_unit_test(test_signing_gives_the_signature_of_bolt_11),
        cmocka_unit_test(test_the_upper_half_of_s_recovers_and_does_not_verify),
        cmocka_unit_test(test_every_flipped_bit_is_another_signer_or_none),
        cmocka_unit_test(test_r_and_s_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
