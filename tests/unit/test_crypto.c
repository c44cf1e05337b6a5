/* SPDX-License-Identifier: Apache-2.0
 * Hashes, signatures and sealed values against the vectors of their standards, and that every
 * flipped bit of a sealed value or a signature is noticed. */
#include "base/encode.h"
#include "base/text.h"
#include "crypto/box.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

#include "../data/didkey/vectors.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bytes of_hex(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;
    assert_true(hex_decode(out, len, text_of(hex)));
    return (struct bytes){out, len};
}

static void assert_hash(struct hash h, const char *expected)
{
    char hex[65];
    hash_hex(&h, hex);
    assert_string_equal(hex, expected);
}

/* Hashes */

static void test_sha256_has_the_vectors_of_fips_180(void **state)
{
    (void)state;
    assert_hash(sha256((struct bytes){NULL, 0}),
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash(sha256(text_bytes(TEXT("abc"))),
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash(
        sha256(text_bytes(TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_hash(
        sha256(text_bytes(TEXT("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                               "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"))),
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    uint8_t *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    assert_hash(sha256((struct bytes){million, 1000000}),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void test_parts_hash_like_their_concatenation(void **state)
{
    (void)state;
    uint8_t in[200];
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)(i * 7);
    }
    struct hash whole = sha256((struct bytes){in, sizeof(in)});
    for (size_t i = 0; i <= sizeof(in); i++) {
        struct bytes parts[] = {{in, i}, {NULL, 0}, {in + i, sizeof(in) - i}};
        struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
        assert_true(hash_eq(&h, &whole));
        h.b[i % SHA256_LEN] ^= 1;
        assert_false(hash_eq(&h, &whole));
    }
    assert_hash(sha256_parts(NULL, 0),
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* Source: RFC 4231 section 4; test case 5 truncates its output to 16 bytes. */
static void test_hmac_has_the_vectors_of_rfc_4231(void **state)
{
    (void)state;
    static const char *const KEYS[] = {"\x0b", "Jefe", "\xaa", NULL, "\x0c", "\xaa", "\xaa"};
    static const size_t KEY_LENS[] = {20, 4, 20, 25, 20, 131, 131};
    static const char *const OUT[] = {
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "a3b6167473100ee06e0c796c2955552b",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    };
    char fifty_dd[50], fifty_cd[50];
    memset(fifty_dd, 0xdd, sizeof(fifty_dd));
    memset(fifty_cd, 0xcd, sizeof(fifty_cd));
    const struct text data[] = {
        TEXT("Hi There"),
        TEXT("what do ya want for nothing?"),
        {fifty_dd, 50},
        {fifty_cd, 50},
        TEXT("Test With Truncation"),
        TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
        TEXT("This is a test using a larger than block-size key and a larger than block-size data. "
             "The key needs to be hashed before being used by the HMAC algorithm."),
    };
    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        uint8_t key[131];
        for (size_t k = 0; k < KEY_LENS[i]; k++) {
            key[k] = KEYS[i] == NULL ? (uint8_t)(k + 1) : (uint8_t)KEYS[i][i == 1 ? k : 0];
        }
        char hex[65];
        struct hash h = hmac_sha256((struct bytes){key, KEY_LENS[i]}, text_bytes(data[i]));
        hash_hex(&h, hex);
        assert_memory_equal(hex, OUT[i], strlen(OUT[i]));
    }
    assert_hash(hmac_sha256((struct bytes){NULL, 0}, (struct bytes){NULL, 0}),
                "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *hash_in_thread(void *arg)
{
    uint8_t *wrong = arg;
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t in[300];
        memset(in, (int)(i & 0xff), sizeof(in));
        struct hash once = sha256((struct bytes){in, sizeof(in)});
        struct bytes halves[] = {{in, 150}, {in + 150, 150}};
        struct hash twice = sha256_parts(halves, 2);
        *wrong |= !hash_eq(&once, &twice);
    }
    return NULL;
}

static void test_threads_hash_independently(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint8_t wrong[4] = {0};
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_in_thread, &wrong[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(wrong[i], 0);
    }
}

static void test_crypto_equal_compares_length_and_bytes(void **state)
{
    (void)state;
    struct bytes a = text_bytes(TEXT("secret"));
    assert_true(crypto_equal(a, text_bytes(TEXT("secret"))));
    assert_false(crypto_equal(a, text_bytes(TEXT("secres"))));
    assert_false(crypto_equal(a, text_bytes(TEXT("secre"))));
    assert_false(crypto_equal(a, (struct bytes){NULL, 0}));
    assert_true(crypto_equal((struct bytes){NULL, 0}, (struct bytes){NULL, 0}));
}

/* Signatures and did:key */

static void check_row(const struct did_row *row)
{
    uint8_t seed[32], expected_key[32], key[32], expected_signature[64], signature[64];
    uint8_t message_bytes[4096], parsed[32];
    char did[DID_KEY_TEXT_MAX];
    of_hex(row->seed, seed);
    of_hex(row->public_key, expected_key);
    of_hex(row->signature, expected_signature);
    struct bytes message = of_hex(row->message, message_bytes);
    ed25519_public(key, seed);
    assert_memory_equal(key, expected_key, sizeof(key));
    ed25519_sign(signature, seed, message);
    assert_memory_equal(signature, expected_signature, sizeof(signature));
    assert_true(ed25519_verify(signature, key, message));
    did_key_format(did, key);
    assert_string_equal(did, row->did);
    assert_true(did_key_parse(parsed, text_of(row->did)));
    assert_memory_equal(parsed, key, sizeof(key));
    memset(parsed, 0, sizeof(parsed));
    assert_true(did_key_parse(parsed, text_of(row->method)));
    assert_memory_equal(parsed, key, sizeof(key));
}

static void test_every_did_key_row_holds(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(DID_VALID), 10);
    for (size_t i = 0; i < ARRAY_LEN(DID_VALID); i++) {
        check_row(&DID_VALID[i]);
    }
}

/* Source: RFC 8032 section 7.1, TEST SHA(abc) */
static void test_rfc_8032_signature_of_a_hash_holds(void **state)
{
    (void)state;
    uint8_t seed[32], key[32], expected_key[32], signature[64], expected[64], message[64];
    of_hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", seed);
    of_hex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", expected_key);
    struct bytes m = of_hex("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                            message);
    of_hex("dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
           "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
           expected);
    ed25519_public(key, seed);
    assert_memory_equal(key, expected_key, sizeof(key));
    ed25519_sign(signature, seed, m);
    assert_memory_equal(signature, expected, sizeof(signature));
    assert_true(ed25519_verify(signature, key, m));
}

static void test_wrong_did_keys_are_refused(void **state)
{
    (void)state;
    uint8_t key[32];
    memset(key, 9, sizeof(key));
    for (size_t i = 0; i < ARRAY_LEN(DID_INVALID); i++) {
        if (did_key_parse(key, text_of(DID_INVALID[i]))) {
            fail_msg("\"%s\" was read", DID_INVALID[i]);
        }
    }
    char did[200];
    const struct did_row *row = &DID_VALID[0];
    static const char *const TAILS[] = {"#", "#key-1", " ", "?x=1", "/path", "1"};
    for (size_t i = 0; i < ARRAY_LEN(TAILS); i++) {
        snprintf(did, sizeof(did), "%s%s", row->did, TAILS[i]);
        assert_false(did_key_parse(key, text_of(did)));
    }
    snprintf(did, sizeof(did), "%s#%s", row->did, DID_VALID[1].did + 8);
    assert_false(did_key_parse(key, text_of(did))); /* the fragment is another key */
    snprintf(did, sizeof(did), "%s#%s", row->method, row->did + 8);
    assert_false(did_key_parse(key, text_of(did)));
    assert_false(did_key_parse(key, TEXT("did:key:z#z")));
    for (size_t i = 0; i < sizeof(key); i++) {
        assert_int_equal(key[i], 9);
    }
}

static void test_wrong_signatures_are_refused(void **state)
{
    (void)state;
    size_t short_count = 0;
    for (size_t i = 0; i < ARRAY_LEN(SIGNATURES_INVALID); i++) {
        const struct signature_row *row = &SIGNATURES_INVALID[i];
        uint8_t key[32], message_bytes[64], signature[64];
        of_hex(row->public_key, key);
        if (!hex_decode(signature, sizeof(signature), text_of(row->signature))) {
            short_count++; /* the reader of the hex is who refuses this one */
            continue;
        }
        struct bytes message = of_hex(row->message, message_bytes);
        if (ed25519_verify(signature, key, message)) {
            fail_msg("%s was accepted", row->name);
        }
    }
    assert_int_equal(short_count, 1);
    /* The neutral element as key and as R, with S = 0, would verify any message. */
    uint8_t neutral[32] = {1}, signature[64] = {1};
    assert_false(ed25519_verify(signature, neutral, text_bytes(TEXT("anything"))));
}

static void test_every_flipped_bit_of_a_signature_is_noticed(void **state)
{
    (void)state;
    uint8_t seed[32] = {7}, key[32], signature[64];
    struct bytes message = text_bytes(TEXT("{\"a\":1}"));
    ed25519_public(key, seed);
    ed25519_sign(signature, seed, message);
    for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(ed25519_verify(signature, key, message));
        signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(ed25519_verify(signature, key, message));
}

static void test_base58_has_the_vectors_of_bitcoin(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BASE58_VALID); i++) {
        uint8_t in[64], back[64];
        char out[180];
        size_t len = 0;
        struct bytes b = of_hex(BASE58_VALID[i].hex, in);
        assert_int_equal(base58_encode(out, b), strlen(BASE58_VALID[i].text));
        assert_string_equal(out, BASE58_VALID[i].text);
        assert_true(base58_decode(back, sizeof(back), &len, text_of(out)));
        assert_int_equal(bytes_cmp((struct bytes){back, len}, b), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(BASE58_INVALID); i++) {
        uint8_t back[64];
        size_t len;
        assert_false(base58_decode(back, sizeof(back), &len, text_of(BASE58_INVALID[i])));
    }
}

/* Sealed values */

static const uint8_t KEY[SEAL_KEY_LEN] = {1, 2, 3};
static const uint8_t NONCE[SEAL_NONCE_LEN] = {4, 5, 6};

/* Source: draft-irtf-cfrg-xchacha-03 appendix A.3.1 */
static void test_seal_has_the_vector_of_xchacha20_poly1305(void **state)
{
    (void)state;
    uint8_t key[32], nonce[24], aad_bytes[12], expected[200];
    of_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key);
    of_hex("404142434445464748494a4b4c4d4e4f5051525354555657", nonce);
    struct bytes aad = of_hex("50515253c0c1c2c3c4c5c6c7", aad_bytes);
    struct bytes sealed =
        of_hex("404142434445464748494a4b4c4d4e4f5051525354555657"
               "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
               "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
               "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
               "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
               expected);
    struct buf out = {0};
    seal(&out, key, nonce, aad,
         text_bytes(TEXT("Ladies and Gentlemen of the class of '99: If I could offer you only one "
                         "tip for the future, sunscreen would be it.")));
    assert_true(bytes_cmp(buf_bytes(&out), sealed) == 0);
    buf_clear(&out);
}

static void test_sealed_values_open_again(void **state)
{
    (void)state;
    uint8_t plain[300];
    for (size_t i = 0; i < sizeof(plain); i++) {
        plain[i] = (uint8_t)(i ^ 0x5a);
    }
    for (size_t len = 0; len <= sizeof(plain); len += 13) {
        struct buf sealed = {0}, out = {0};
        struct bytes in = {len > 0 ? plain : NULL, len};
        struct bytes context = {plain, len / 2};
        seal(&sealed, KEY, NONCE, context, in);
        assert_int_equal(sealed.len, len + SEAL_OVERHEAD);
        buf_put_str(&out, "kept");
        assert_true(seal_open(&out, KEY, context, buf_bytes(&sealed)));
        assert_int_equal(out.len, 4 + len);
        assert_memory_equal(out.p, "kept", 4);
        assert_true(bytes_cmp((struct bytes){out.p + 4, len}, in) == 0);
        buf_clear(&sealed);
        buf_clear(&out);
    }
}

static bool opens(const uint8_t key[SEAL_KEY_LEN], struct bytes context, struct bytes sealed)
{
    struct buf out = {0};
    buf_put_str(&out, "kept");
    bool opened = seal_open(&out, key, context, sealed);
    assert_true(opened || text_is(buf_text(&out), "kept"));
    buf_clear(&out);
    return opened;
}

/* Whether the value opens after each bit of `b` in turn was flipped. */
static bool some_flip_opens(uint8_t *b, size_t len, const uint8_t key[SEAL_KEY_LEN],
                            struct bytes context, struct bytes sealed)
{
    bool opened = false;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        opened |= opens(key, context, sealed);
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    return opened;
}

static void test_every_flipped_bit_of_a_sealed_value_is_noticed(void **state)
{
    (void)state;
    uint8_t key[SEAL_KEY_LEN];
    uint8_t context_bytes[] = "book/42";
    struct bytes context = {context_bytes, sizeof(context_bytes)};
    struct buf out = {0};
    memcpy(key, KEY, sizeof(key));
    seal(&out, KEY, NONCE, context, text_bytes(TEXT("somebody@example.org")));
    struct bytes sealed = buf_bytes(&out);
    assert_true(opens(key, context, sealed));
    assert_false(some_flip_opens(out.p, out.len, key, context, sealed));
    assert_false(some_flip_opens(key, sizeof(key), key, context, sealed));
    assert_false(some_flip_opens(context_bytes, context.len, key, context, sealed));
    for (size_t len = 0; len < sealed.len; len++) {
        assert_false(opens(key, context, (struct bytes){sealed.p, len}));
    }
    assert_false(opens(key, (struct bytes){NULL, 0}, sealed));
    buf_clear(&out);
}

/* Computed with another implementation of SHA-256; the log holds such hashes for good. */
static void test_commitments_never_change(void **state)
{
    (void)state;
    uint8_t salt[SALT_LEN];
    for (uint8_t i = 0; i < SALT_LEN; i++) {
        salt[i] = i;
    }
    assert_hash(commitment(salt, text_bytes(TEXT("secret@example.org"))),
                "de9a8c607ac4a6648287529d49a20ff2a5a00185dc296eca6e14ab2bc18aba51");
    assert_hash(commitment(salt, (struct bytes){NULL, 0}),
                "1192eb4f62cc023ea71b352f76a3bde56148a2b3ad973da1d1cc46e927b25666");
}

static void test_random_bytes_fill_the_whole_and_wiping_clears_it(void **state)
{
    (void)state;
    uint8_t seen[64] = {0};
    uint8_t some[64 + 1] = {0};
    for (int i = 0; i < 100; i++) {
        random_bytes(some, 64);
        for (size_t k = 0; k < sizeof(seen); k++) {
            seen[k] |= some[k];
        }
    }
    for (size_t k = 0; k < sizeof(seen); k++) {
        assert_int_equal(seen[k], 0xff); /* fails by chance once in 2^90 runs */
    }
    assert_int_equal(some[64], 0);
    some[64] = 1;
    secret_wipe(some, 64);
    for (size_t k = 0; k < 64; k++) {
        assert_int_equal(some[k], 0);
    }
    assert_int_equal(some[64], 1);
}

/* box_open is libsodium's crypto_box_seal_open, which knows nothing of how we close. */
static void test_boxes_are_those_of_libsodium_and_of_their_seed(void **state)
{
    (void)state;
    const struct bytes plain = {(const uint8_t *)"alice@example.org", 17};
    uint8_t secret[BOX_KEY_LEN], other[BOX_KEY_LEN], public_key[BOX_KEY_LEN];
    struct buf box = {0}, again = {0}, opened = {0};
    memset(secret, 1, sizeof secret);
    memset(other, 2, sizeof other);
    box_public(public_key, secret);
    box_seal(&box, public_key, other, plain);
    box_seal(&again, public_key, other, plain);
    assert_int_equal(box.len, plain.len + BOX_OVERHEAD);
    assert_int_equal(bytes_cmp(buf_bytes(&box), buf_bytes(&again)), 0);
    buf_reset(&again);
    box_seal(&again, public_key, secret, plain);
    assert_int_not_equal(bytes_cmp(buf_bytes(&box), buf_bytes(&again)), 0);
    assert_true(box_open(&opened, secret, buf_bytes(&box)));
    assert_int_equal(bytes_cmp(buf_bytes(&opened), plain), 0);
    assert_false(box_open(&opened, other, buf_bytes(&box)));
    for (size_t i = 0; i < 8 * box.len; i++) {
        box.p[i / 8] ^= (uint8_t)(1u << (i % 8));
        assert_false(box_open(&opened, secret, buf_bytes(&box)));
        box.p[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(opened.len, plain.len);
    buf_clear(&box);
    buf_clear(&again);
    buf_clear(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_has_the_vectors_of_fips_180),
        cmocka_unit_test(test_parts_hash_like_their_concatenation),
        cmocka_unit_test(test_hmac_has_the_vectors_of_rfc_4231),
        cmocka_unit_test(test_threads_hash_independently),
        cmocka_unit_test(test_crypto_equal_compares_length_and_bytes),
        cmocka_unit_test(test_every_did_key_row_holds),
        cmocka_unit_test(test_rfc_8032_signature_of_a_hash_holds),
        cmocka_unit_test(test_wrong_did_keys_are_refused),
        cmocka_unit_test(test_wrong_signatures_are_refused),
        cmocka_unit_test(test_every_flipped_bit_of_a_signature_is_noticed),
        cmocka_unit_test(test_base58_has_the_vectors_of_bitcoin),
        cmocka_unit_test(test_seal_has_the_vector_of_xchacha20_poly1305),
        cmocka_unit_test(test_sealed_values_open_again),
        cmocka_unit_test(test_every_flipped_bit_of_a_sealed_value_is_noticed),
        cmocka_unit_test(test_commitments_never_change),
        cmocka_unit_test(test_boxes_are_those_of_libsodium_and_of_their_seed),
        cmocka_unit_test(test_random_bytes_fill_the_whole_and_wiping_clears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
