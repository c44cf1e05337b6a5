/* SPDX-License-Identifier: Apache-2.0
 * Both dictionaries against a plain array as a model, with random calls whose seed is printed, and
 * what their header promises about order, memory and the life of values. */
#include "base/map.h"
#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 3000

static void seed_rng(struct rng *r)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(r, seed);
}

/* Key number i: its bytes differ in length, share prefixes and hold zeros; number 0 is empty. */
static struct bytes key_of(unsigned i, uint8_t out[64])
{
    static const char FILL[] = "party:\0:with:a:long:common:prefix:";
    if (i == 0) {
        return (struct bytes){NULL, 0};
    }
    size_t len = i % 7 * 5;
    memcpy(out, FILL, len);
    for (; i > 0; i >>= 8) {
        out[len++] = (uint8_t)i;
    }
    return (struct bytes){out, len};
}

/* The hash table */

static void test_a_new_value_is_zero_and_stays_until_cleared(void **state)
{
    (void)state;
    struct map m;
    bool made = false;
    map_init(&m, sizeof(uint64_t), 1);
    assert_null(map_get(&m, text_bytes(TEXT("a"))));
    uint64_t *v = map_put(&m, text_bytes(TEXT("a")), &made);
    assert_true(made && *v == 0);
    *v = 7;
    v = map_put(&m, text_bytes(TEXT("a")), &made);
    assert_true(!made && *v == 7);
    assert_ptr_equal(map_put(&m, text_bytes(TEXT("a")), NULL), v);
    assert_ptr_equal(map_get(&m, text_bytes(TEXT("a"))), v);
    assert_null(map_get(&m, text_bytes(TEXT("b"))));
    assert_null(map_get(&m, text_bytes(TEXT("a\0"))));
    assert_int_equal(m.count, 1);
    map_clear(&m);
    assert_int_equal(m.count, 0);
    assert_null(map_get(&m, text_bytes(TEXT("a"))));
    v = map_put(&m, text_bytes(TEXT("a")), &made);
    assert_true(made && *v == 0);
    map_clear(&m);
}

static void test_map_copies_its_keys(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, 1, 1);
    char key[] = "abc";
    map_put(&m, text_bytes(text_of(key)), NULL);
    key[0] = 'x';
    assert_null(map_get(&m, text_bytes(text_of(key))));
    assert_non_null(map_get(&m, text_bytes(TEXT("abc"))));
    map_clear(&m);
}

static void test_map_agrees_with_an_array(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    static uint64_t model[KEYS]; /* 0: absent */
    memset(model, 0, sizeof(model));
    struct map m;
    map_init(&m, sizeof(uint64_t), rng_next(&r));
    size_t count = 0;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[64];
        unsigned k = (unsigned)rng_below(&r, 1 + i % KEYS);
        struct bytes key = key_of(k, bytes);
        uint64_t *v = map_get(&m, key);
        assert_int_equal(v == NULL ? 0 : *v, model[k]);
        if (rng_below(&r, 4) == 0) {
            bool made;
            v = map_put(&m, key, &made);
            assert_int_equal(made, model[k] == 0);
            count += made;
            model[k] = *v = i + 1;
        }
        assert_int_equal(m.count, count);
    }
    assert_true(count > KEYS / 2);
    map_clear(&m);
}

static void test_map_next_visits_every_key_once(void **state)
{
    (void)state;
    struct map m;
    struct bytes key;
    void *value;
    map_init(&m, sizeof(unsigned), 3);
    size_t i = 0;
    assert_false(map_next(&m, &i, &key, &value));
    for (unsigned k = 0; k < KEYS; k++) {
        uint8_t bytes[64];
        *(unsigned *)map_put(&m, key_of(k, bytes), NULL) = k;
    }
    static bool seen[KEYS];
    memset(seen, 0, sizeof(seen));
    size_t count = 0;
    for (i = 0; map_next(&m, &i, &key, &value); count++) {
        uint8_t bytes[64];
        unsigned k = *(unsigned *)value;
        assert_true(k < KEYS && !seen[k]);
        assert_int_equal(bytes_cmp(key, key_of(k, bytes)), 0);
        seen[k] = true;
    }
    assert_int_equal(count, KEYS);
    map_clear(&m);
}

static void check_alignment(size_t value_size, size_t align)
{
    struct map m;
    map_init(&m, value_size, 5);
    for (unsigned k = 0; k < 500; k++) {
        uint8_t bytes[64];
        uint8_t *v = map_put(&m, key_of(k, bytes), NULL);
        assert_int_equal((uintptr_t)v % align, 0);
        for (size_t i = 0; i < value_size; i++) {
            assert_int_equal(v[i], 0);
        }
        memset(v, 0xff, value_size);
    }
    assert_int_equal(m.count, 500);
    for (unsigned k = 0; k < 500; k++) {
        uint8_t bytes[64];
        assert_non_null(map_get(&m, key_of(k, bytes)));
    }
    map_clear(&m);
}

static void test_values_are_aligned_as_their_size_needs(void **state)
{
    (void)state;
    check_alignment(0, 1);
    check_alignment(1, 1);
    check_alignment(12, 4);
    check_alignment(24, 8);
    check_alignment(16, 16);
    check_alignment(48, 16);
}

static void test_map_reset_forgets_but_keeps_its_table(void **state)
{
    (void)state;
    struct map m;
    uint8_t bytes[64];
    map_init(&m, 16, 8);
    for (unsigned k = 0; k < KEYS; k++) {
        memset(map_put(&m, key_of(k, bytes), NULL), 0xff, 16);
    }
    size_t slots = m.slot_count;
    size_t memory = map_memory(&m);
    map_reset(&m);
    assert_int_equal(m.count, 0);
    assert_int_equal(m.slot_count, slots);
    assert_true(map_memory(&m) < memory && map_memory(&m) >= slots * 16);
    for (unsigned k = 0; k < KEYS; k++) {
        assert_null(map_get(&m, key_of(k, bytes)));
    }
    bool made;
    uint64_t *v = map_put(&m, key_of(9, bytes), &made);
    assert_true(made && v[0] == 0 && v[1] == 0);
    map_clear(&m);
    assert_int_equal(map_memory(&m), 0);
    map_reset(&m); /* of an empty map */
    map_clear(&m);
}

static void test_map_reuses_its_memory_after_a_reset(void **state)
{
    (void)state;
    struct map m;
    uint8_t bytes[64];
    size_t memory = 0;
    map_init(&m, 16, 8);
    for (int round = 0; round < 20; round++) {
        for (unsigned k = 0; k < 100; k++) {
            map_put(&m, key_of(k, bytes), NULL);
        }
        /* By then one chunk holds all the keys. */
        memory = round < 3 ? map_memory(&m) : memory;
        assert_int_equal(map_memory(&m), memory);
        map_reset(&m);
    }
    map_clear(&m);
}

/* Who knows the seed can make keys with equal hashes: eight bytes that make one factor of the
 * first multiplication zero, so that the next eight do not matter. They must still be two keys. */
static void test_keys_with_equal_hashes_stay_apart(void **state)
{
    (void)state;
    const uint64_t seed = 99;
    uint64_t first = seed << 23 ^ UINT64_C(0x13198a2e03707345);
    uint8_t a[20] = {0}, b[20] = {0};
    memcpy(a, &first, sizeof(first));
    memcpy(b, &first, sizeof(first));
    b[12] = 1;
    struct bytes key_a = {a, sizeof(a)}, key_b = {b, sizeof(b)};
    assert_int_equal(bytes_hash(key_a, seed), bytes_hash(key_b, seed));
    struct map m;
    map_init(&m, sizeof(int), seed);
    *(int *)map_put(&m, key_a, NULL) = 1;
    assert_null(map_get(&m, key_b));
    *(int *)map_put(&m, key_b, NULL) = 2;
    assert_int_equal(*(int *)map_get(&m, key_a), 1);
    assert_int_equal(*(int *)map_get(&m, key_b), 2);
    assert_int_equal(m.count, 2);
    map_clear(&m);
}

/* A slot of 16 bytes at a load of 3/8 to 3/4, and an entry of 8 (value) + 4 + 20 (key) bytes. */
static void test_many_entries_cost_little_and_are_all_found(void **state)
{
    (void)state;
    enum { MANY = 400000 };
    struct map m;
    char key[32];
    map_init(&m, sizeof(uint64_t), 77);
    for (uint64_t i = 0; i < MANY; i++) {
        int len = snprintf(key, sizeof(key), "evt_%016llx", (unsigned long long)i);
        bool made;
        uint64_t *v = map_put(&m, (struct bytes){(uint8_t *)key, (size_t)len}, &made);
        assert_true(made);
        *v = i;
    }
    for (uint64_t i = 0; i < MANY; i++) {
        int len = snprintf(key, sizeof(key), "evt_%016llx", (unsigned long long)i);
        uint64_t *v = map_get(&m, (struct bytes){(uint8_t *)key, (size_t)len});
        assert_true(v != NULL && *v == i);
    }
    assert_in_range(map_memory(&m), (size_t)MANY * (32 + 16), (size_t)MANY * (32 + 48));
    map_clear(&m);
}

static void test_keys_larger_than_a_chunk_are_kept(void **state)
{
    (void)state;
    struct map m;
    size_t size = (size_t)3 << 20;
    uint8_t *big = calloc(size, 1);
    assert_non_null(big);
    map_init(&m, 8, 1);
    map_put(&m, (struct bytes){big, size}, NULL);
    big[size - 1] = 1;
    map_put(&m, (struct bytes){big, size}, NULL);
    map_put(&m, text_bytes(TEXT("small")), NULL);
    assert_int_equal(m.count, 3);
    assert_true(map_memory(&m) > 2 * size);
    assert_non_null(map_get(&m, (struct bytes){big, size}));
    assert_null(map_get(&m, (struct bytes){big, size - 1}));
    free(big);
    map_clear(&m);
}

/* The ordered list */

static unsigned first_present(const uint64_t *model, const unsigned *order, unsigned rank)
{
    while (rank < KEYS && model[order[rank]] == 0) {
        rank++;
    }
    return rank;
}

static int by_key(const void *a, const void *b)
{
    uint8_t left[64], right[64];
    return bytes_cmp(key_of(*(const unsigned *)a, left), key_of(*(const unsigned *)b, right));
}

/* order[rank] is the key of that rank. */
static void sort_keys(unsigned order[KEYS])
{
    for (unsigned i = 0; i < KEYS; i++) {
        order[i] = i;
    }
    qsort(order, KEYS, sizeof(*order), by_key);
}

static void check_walk(const struct omap *m, const uint64_t *model, const unsigned *order)
{
    size_t count = 0;
    unsigned rank = 0;
    for (struct omap_node *n = omap_seek(m, (struct bytes){NULL, 0}); n != NULL; n = omap_next(n)) {
        uint8_t bytes[64];
        rank = first_present(model, order, rank);
        assert_true(rank < KEYS);
        assert_int_equal(bytes_cmp(omap_key(n), key_of(order[rank], bytes)), 0);
        assert_int_equal(*(uint64_t *)omap_value(n), model[order[rank]]);
        rank++;
        count++;
    }
    assert_int_equal(first_present(model, order, rank), KEYS);
    assert_int_equal(count, m->count);
}

static void check_seek(const struct omap *m, const uint64_t *model, const unsigned *order,
                       unsigned from)
{
    uint8_t bytes[64];
    struct omap_node *n = omap_seek(m, key_of(order[from], bytes));
    unsigned rank = first_present(model, order, from);
    assert_int_equal(n == NULL, rank == KEYS);
    if (n != NULL) {
        assert_int_equal(bytes_cmp(omap_key(n), key_of(order[rank], bytes)), 0);
    }
}

static void omap_step(struct omap *m, uint64_t *model, struct rng *r, uint64_t mark)
{
    uint8_t bytes[64];
    unsigned k = (unsigned)rng_below(r, KEYS);
    struct bytes key = key_of(k, bytes);
    uint64_t *v = omap_get(m, key);
    assert_int_equal(v == NULL ? 0 : *v, model[k]);
    if (rng_below(r, 2) == 0) {
        bool made;
        uint64_t *put = omap_put(m, key, &made);
        assert_int_equal(made, model[k] == 0);
        assert_int_equal(*put, model[k]); /* zero when new */
        assert_true(made || put == v);
        model[k] = *put = mark;
    } else if (rng_below(r, 3) > 0) {
        assert_int_equal(omap_remove(m, key), model[k] != 0);
        model[k] = 0;
    }
}

static void test_omap_agrees_with_a_sorted_array(void **state)
{
    (void)state;
    struct rng r;
    seed_rng(&r);
    static unsigned order[KEYS];
    static uint64_t model[KEYS];
    sort_keys(order);
    memset(model, 0, sizeof(model));
    struct omap m;
    omap_init(&m, sizeof(uint64_t), rng_next(&r));
    for (uint64_t i = 1; i <= 100000; i++) {
        omap_step(&m, model, &r, i);
        if (i % 10 == 0) {
            check_seek(&m, model, order, (unsigned)rng_below(&r, KEYS));
        }
        if (i % 5000 == 0) {
            check_walk(&m, model, order);
        }
    }
    assert_true(m.count > KEYS / 4);
    omap_clear(&m);
    assert_int_equal(m.count, 0);
    assert_null(omap_seek(&m, (struct bytes){NULL, 0}));
}

static void test_an_empty_omap_answers_nothing(void **state)
{
    (void)state;
    struct omap m;
    omap_init(&m, 8, 1);
    assert_null(omap_get(&m, text_bytes(TEXT("a"))));
    assert_null(omap_seek(&m, text_bytes(TEXT(""))));
    assert_false(omap_remove(&m, text_bytes(TEXT("a"))));
    assert_int_equal(m.memory, 0);
    omap_clear(&m);
}

/* Zeros after a key must not make it equal to the key without them. */
static void test_omap_orders_keys_that_differ_in_zeros(void **state)
{
    (void)state;
    struct omap m;
    omap_init(&m, 1, 4);
    static const uint8_t ZEROS[12] = {0};
    for (size_t len = sizeof(ZEROS) + 1; len-- > 0;) {
        bool made;
        omap_put(&m, (struct bytes){ZEROS, len}, &made);
        assert_true(made);
    }
    omap_put(&m, text_bytes(TEXT("\x01")), NULL);
    omap_put(&m, text_bytes(TEXT("\xff")), NULL);
    size_t len = 0;
    struct omap_node *n = omap_seek(&m, (struct bytes){NULL, 0});
    for (; n != NULL && len <= sizeof(ZEROS); n = omap_next(n)) {
        assert_int_equal(omap_key(n).len, len++);
    }
    assert_int_equal(omap_key(n).p[0], 0x01);
    assert_int_equal(omap_key(omap_next(n)).p[0], 0xff);
    assert_null(omap_next(omap_next(n)));
    assert_null(omap_seek(&m, text_bytes(TEXT("\xff\0"))));
    omap_clear(&m);
}

static void test_values_of_omap_stay_where_they_are(void **state)
{
    (void)state;
    struct omap m;
    uint8_t bytes[64];
    omap_init(&m, 32, 6);
    uint8_t *v = omap_put(&m, key_of(42, bytes), NULL);
    assert_int_equal((uintptr_t)v % 16, 0);
    v[31] = 9;
    for (unsigned k = 0; k < KEYS; k++) {
        assert_int_equal((uintptr_t)omap_put(&m, key_of(k, bytes), NULL) % 16, 0);
    }
    for (unsigned k = 43; k < KEYS; k++) {
        assert_true(omap_remove(&m, key_of(k, bytes)));
    }
    assert_ptr_equal(omap_get(&m, key_of(42, bytes)), v);
    assert_int_equal(v[31], 9);
    omap_clear(&m);
}

static size_t memory_of_keys(uint64_t seed)
{
    struct omap m;
    uint8_t bytes[64];
    omap_init(&m, 8, seed);
    for (unsigned k = 0; k < KEYS; k++) {
        omap_put(&m, key_of(k, bytes), NULL);
    }
    size_t memory = m.memory;
    omap_clear(&m);
    return memory;
}

/* The memory tells the heights of the towers: on average 4/3 pointers a node, and some 61 bytes
 * with its value and its key. */
static void test_tower_heights_depend_on_the_seed_alone(void **state)
{
    (void)state;
    assert_int_equal(memory_of_keys(1), memory_of_keys(1));
    assert_int_not_equal(memory_of_keys(1), memory_of_keys(2));
    assert_in_range(memory_of_keys(3), KEYS * 58, KEYS * 64);
}

static void test_omap_accounts_for_what_it_frees(void **state)
{
    (void)state;
    struct omap m;
    uint8_t bytes[64];
    omap_init(&m, 8, 1);
    omap_put(&m, key_of(1, bytes), NULL);
    omap_remove(&m, key_of(1, bytes));
    size_t head = m.memory;
    for (unsigned k = 0; k < KEYS; k++) {
        omap_put(&m, key_of(k, bytes), NULL);
    }
    assert_true(m.memory > head + KEYS * 40);
    for (unsigned k = 0; k < KEYS; k++) {
        assert_true(omap_remove(&m, key_of(k, bytes)));
        assert_false(omap_remove(&m, key_of(k, bytes)));
    }
    assert_int_equal(m.memory, head);
    assert_int_equal(m.count, 0);
    omap_clear(&m);
    assert_int_equal(m.memory, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_value_is_zero_and_stays_until_cleared),
        cmocka_unit_test(test_map_copies_its_keys),
        cmocka_unit_test(test_map_agrees_with_an_array),
        cmocka_unit_test(test_map_next_visits_every_key_once),
        cmocka_unit_test(test_values_are_aligned_as_their_size_needs),
        cmocka_unit_test(test_map_reset_forgets_but_keeps_its_table),
        cmocka_unit_test(test_map_reuses_its_memory_after_a_reset),
        cmocka_unit_test(test_keys_with_equal_hashes_stay_apart),
        cmocka_unit_test(test_many_entries_cost_little_and_are_all_found),
        cmocka_unit_test(test_keys_larger_than_a_chunk_are_kept),
        cmocka_unit_test(test_omap_agrees_with_a_sorted_array),
        cmocka_unit_test(test_an_empty_omap_answers_nothing),
        cmocka_unit_test(test_omap_orders_keys_that_differ_in_zeros),
        cmocka_unit_test(test_values_of_omap_stay_where_they_are),
        cmocka_unit_test(test_tower_heights_depend_on_the_seed_alone),
        cmocka_unit_test(test_omap_accounts_for_what_it_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
