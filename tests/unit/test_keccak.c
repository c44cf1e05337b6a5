/* SPDX-License-Identifier: Apache-2.0
 * Keccak-256 against vectors of other implementations, in one piece and in every cut. */
#include "json_doc.h"

#include "base/encode.h"
#include "crypto/keccak.h"

static void assert_hash(struct hash h, const char *hex)
{
    char actual[65];
    hash_hex(&h, actual);
    assert_string_equal(actual, hex);
}

static void test_published_vectors(void **state)
{
    (void)state;
    char path[1024];
    struct buf file = {0};
    struct doc d;
    read_path(data_path(path, sizeof path, "keccak256", "vectors.json"), &file);
    doc_read(&d, buf_text(&file));
    assert_int_equal(d.code, METE_OK);
    size_t count = 0;
    const struct json *v = json_get(d.root, "vectors")->child;
    for (; v != NULL; v = v->next, count++) {
        struct text hex = json_get(v, "input")->text;
        uint8_t in[400];
        size_t len = (hex.len - 2) / 2;
        assert_true(len <= sizeof in && hex_decode(in, len, (struct text){hex.p + 2, hex.len - 2}));
        char want[65];
        assert_true(
            text_copy(want, sizeof want, (struct text){json_get(v, "hash")->text.p + 2, 64}));
        assert_hash(keccak256((struct bytes){in, len}), want);
    }
    assert_int_equal(count, 63);
    doc_clear(&d);
    buf_clear(&file);
}

static void test_padding_is_the_first_one(void **state)
{
    (void)state;
    assert_hash(keccak256((struct bytes){NULL, 0}),
                "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
}

/* Hashes by @noble/hashes 1.8.0 (viem 2.49.3). */
static void test_long_inputs(void **state)
{
    (void)state;
    size_t size = (size_t)8 << 20;
    uint8_t *p = malloc(size);
    assert_non_null(p);
    memset(p, 0x61, 1000000);
    assert_hash(keccak256((struct bytes){p, 1000000}),
                "fadae6b49f129bbb812be8407b7b2894f34aecf6dbd1f9b0f0c7e9853098fc96");
    for (size_t i = 0; i < 65537; i++)
        p[i] = (uint8_t)(i * 7 + 3);
    assert_hash(keccak256((struct bytes){p, 65537}),
                "18e8a94b949785608bfc88a4b2623a39cc5a6ba2c2754d8a94f78415e79b9c8f");
    memset(p, 0, size);
    assert_hash(keccak256((struct bytes){p, size}),
                "408cb5554b2cff0ee969ad69c706c18cc0737077efa2b1dbd41b8cf1698b6514");
    free(p);
}

/* Every length up to three blocks, cut in two at every place: the pieces do not matter. */
static void test_every_cut_is_the_same(void **state)
{
    (void)state;
    uint8_t p[3 * KECCAK256_RATE + 1];
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (uint8_t)(i * 131 + 17);
    size_t count = 0;
    for (size_t len = 0; len <= sizeof p; len++) {
        struct hash whole = keccak256((struct bytes){p, len});
        for (size_t cut = 0; cut <= len; cut++, count++) {
            struct keccak k;
            keccak_init(&k);
            keccak_add(&k, (struct bytes){p, cut});
            keccak_add(&k, (struct bytes){p + cut, len - cut});
            struct hash pieces = keccak_end(&k);
            assert_true(hash_eq(&pieces, &whole));
        }
    }
    print_message("# %zu cuts\n", count);
    struct bytes parts[] = {{p, 5}, {NULL, 0}, {p + 5, 200}, {p + 205, 3}};
    struct hash a = keccak256_parts(parts, ARRAY_LEN(parts)), b = keccak256((struct bytes){p, 208});
    assert_true(hash_eq(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_padding_is_the_first_one),
        cmocka_unit_test(test_long_inputs),
        cmocka_unit_test(test_every_cut_is_the_same),
    };
    return cmocka_run_group_tests_name("keccak", tests, NULL, NULL);
}
