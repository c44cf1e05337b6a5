/* SPDX-License-Identifier: Apache-2.0
 * The parts of the store one by one: blocks, filters, the buffer's order, cached answers, sums, and
 * the event_id of canonical bytes. Together they are tested in test_runs.c and test_store.c. */
#include "base/rng.h"
#include "base/text.h"
#include "store/event_id.h"
#include "store/state/block.h"
#include "store/state/bloom.h"
#include "store/state/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed_of(unsigned i)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = UINT64_C(20260101) + i;
    if (given != NULL) {
        seed = 0;
        for (; *given >= '0' && *given <= '9'; given++) {
            seed = seed * 10 + (uint64_t)(*given - '0');
        }
    }
    print_message("# METE_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* --- blocks and filters ------------------------------------------------------------------------*/

static void fill_block(struct block_writer *bw, struct rng *r, unsigned *count)
{
    uint8_t value[200];
    uint64_t number = 0;
    *count = 0;
    for (;;) {
        number += 1 + rng_below(r, 1000);
        struct key k = key_of(KEY_POLICY);
        key_add_u64(&k, number);
        size_t len = (size_t)rng_below(r, sizeof value);
        memset(value, (int)number, len);
        struct item item = {key_bytes(&k), ITEM_PUT, {value, len}};
        if (block_writer_full(bw, &item)) {
            break;
        }
        block_writer_add(bw, &item);
        (*count)++;
    }
    block_writer_finish(bw);
}

static void test_block_round_trip_and_seek(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, seed_of(13));
    struct block_writer bw = {0};
    unsigned count;
    fill_block(&bw, &r, &count);
    assert_true(bw.out.len <= BLOCK_SIZE_MAX);
    assert_true(bw.out.len > BLOCK_SIZE_MAX - 300);
    struct block_reader br;
    struct bytes block = buf_bytes(&bw.out);
    unsigned seen = 0;
    for (block_reader_first(&br, block); br.valid; block_reader_next(&br)) {
        struct key k = key_of(KEY_POLICY);
        uint64_t number = key_read_u64(br.item.key, 1);
        struct block_reader at;
        key_add_u64(&k, number);
        block_reader_seek(&at, block, key_bytes(&k));
        assert_true(at.valid && bytes_cmp(at.item.key, br.item.key) == 0);
        assert_int_equal(at.item.value.len, br.item.value.len);
        k = key_of(KEY_POLICY);
        key_add_u64(&k, number - 1);
        block_reader_seek(&at, block, key_bytes(&k));
        assert_true(at.valid && key_read_u64(at.item.key, 1) >= number - 1);
        seen++;
    }
    assert_false(br.damaged);
    assert_int_equal(seen, count);
    struct key last = key_of(KEY_PARTY_NUMBER);
    block_reader_seek(&br, block, key_bytes(&last));
    assert_false(br.valid || br.damaged);
    block_writer_clear(&bw);
}

/* Bent bytes may give wrong items (the checksum is for that) but never a read outside. */
static void test_block_reader_survives_bent_bytes(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, seed_of(14));
    struct block_writer bw = {0};
    unsigned count;
    fill_block(&bw, &r, &count);
    unsigned damaged = 0;
    for (unsigned i = 0; i < 20000; i++) {
        size_t at = (size_t)rng_below(&r, bw.out.len);
        if (i % 4 == 0) { /* the tail has what counts */
            at = bw.out.len - 1 - (size_t)rng_below(&r, 64);
        }
        uint8_t old = bw.out.p[at];
        bw.out.p[at] = (uint8_t)rng_next(&r);
        uint8_t *copy = malloc(bw.out.len);
        assert_non_null(copy);
        memcpy(copy, bw.out.p, bw.out.len);
        struct block_reader br;
        struct key k = key_of(KEY_POLICY);
        key_add_u64(&k, rng_below(&r, 100000));
        block_reader_seek(&br, (struct bytes){copy, bw.out.len}, key_bytes(&k));
        while (br.valid) {
            block_reader_next(&br);
        }
        damaged += br.damaged;
        free(copy);
        bw.out.p[at] = old;
    }
    assert_true(damaged > 0);
    struct block_reader br;
    for (size_t len = 0; len < 12; len++) {
        static const uint8_t zeros[12];
        block_reader_first(&br, (struct bytes){zeros, len});
        assert_true(br.damaged && !br.valid);
    }
    block_writer_clear(&bw);
}

static unsigned false_hits(unsigned bits)
{
    enum { KEYS = 20000 };
    size_t size = bloom_size(KEYS, bits);
    uint8_t *filter = calloc(1, size);
    assert_non_null(filter);
    assert_int_equal(size % BLOOM_LINE, 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct key k = key_u32(KEY_ACCOUNT, i * 2);
        bloom_add(filter, size, bloom_hash(key_bytes(&k)));
    }
    unsigned wrong = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct key k = key_u32(KEY_ACCOUNT, i * 2);
        assert_true(bloom_may_have(filter, size, bloom_hash(key_bytes(&k))));
        k = key_u32(KEY_ACCOUNT, i * 2 + 1);
        wrong += bloom_may_have(filter, size, bloom_hash(key_bytes(&k)));
    }
    free(filter);
    print_message("# %u of %u false hits with %u bits a key\n", wrong, KEYS, bits);
    return wrong;
}

static void test_bloom_never_forgets_and_seldom_errs(void **state)
{
    (void)state;
    assert_true(false_hits(BLOOM_BITS_FEW) < 20000 / 50);
    assert_true(false_hits(BLOOM_BITS_MANY) < 20000 / 300);
    assert_int_equal(bloom_size(0, 10), 0);
    assert_false(bloom_may_have(NULL, 0, 7));
}

/* The hash is part of the stored format: it may never change. */
static void test_bloom_hash_is_what_it_was(void **state)
{
    (void)state;
    struct key k = key_event_id(TEXT("evt-1"));
    print_message("# %016llx\n", (unsigned long long)bloom_hash(key_bytes(&k)));
    assert_true(bloom_hash(key_bytes(&k)) == UINT64_C(0x1d56279ff0e48353));
}

/* --- the buffer's order and the point cache ----------------------------------------------------*/

/* Keys that agree in their first bytes are told apart by the rest, whatever order they came in. */
static void test_keys_with_a_common_beginning_are_sorted(void **state)
{
    (void)state;
    enum { KEYS = 3000 };
    static bool seen[KEYS];
    struct memtable m;
    struct rng r;
    rng_seed(&r, seed_of(17));
    memtable_init(&m, 3);
    memset(seen, 0, sizeof seen);
    for (unsigned left = KEYS; left > 0;) {
        uint32_t n = (uint32_t)rng_below(&r, KEYS);
        if (!seen[n]) {
            struct key k = key_text(KEY_PARTY, TEXT("did:ethr:0x"));
            key_add_u32(&k, n);
            memtable_set(&m, key_bytes(&k), (struct bytes){0});
            seen[n] = true;
            left--;
        }
    }
    struct mem_cursor c;
    uint32_t n = 0;
    for (mem_cursor_seek(&c, &m, (struct bytes){0}); c.valid; mem_cursor_next(&c)) {
        assert_int_equal(key_read_u32(c.item.key, 12), n);
        n++;
    }
    assert_int_equal(n, KEYS);
    memtable_clear(&m);
}

static void test_the_point_cache_is_bounded(void **state)
{
    (void)state;
    struct point_cache p;
    struct buf value = {0};
    unsigned hits = 0;
    buf_put_str(&value, "a value of some length that is the same for all of them");
    point_cache_init(&p, (size_t)64 << 10);
    for (uint32_t i = 0; i < 20000; i++) {
        struct key k = key_u32(KEY_POLICY, i);
        const struct lookup l = {.any = true, .final = true, .op = ITEM_PUT, .value = &value};
        point_cache_put(&p, key_bytes(&k), bloom_hash(key_bytes(&k)), &l);
        assert_true(p.size <= p.size_max);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        struct buf room = {0};
        struct key k = key_u32(KEY_POLICY, i);
        struct lookup l = {.value = &room};
        uint64_t hash = bloom_hash(key_bytes(&k));
        if (point_cache_get(&p, key_bytes(&k), hash, &l)) {
            assert_true(l.any && text_eq(buf_text(&room), buf_text(&value)));
            point_cache_drop(&p, key_bytes(&k), hash);
            assert_false(point_cache_get(&p, key_bytes(&k), hash, &l));
            hits++;
        }
        buf_clear(&room);
    }
    assert_true(hits > 100);
    assert_int_equal(p.size, 0);
    buf_reserve(&value, 2000);
    memset(value.p, 'v', 2000);
    value.len = 2000;
    for (uint32_t i = 0; i < 2000; i++) {
        struct key k = key_u32(KEY_POLICY, i);
        const struct lookup l = {.any = true, .final = true, .op = ITEM_PUT, .value = &value};
        point_cache_put(&p, key_bytes(&k), bloom_hash(key_bytes(&k)), &l);
        assert_true(p.size <= p.size_max);
    }
    assert_true(p.size > p.size_max / 2);
    point_cache_clear(&p);
    buf_clear(&value);
}

/* --- sums --------------------------------------------------------------------------------------*/

static void test_sums_pack_round_trip(void **state)
{
    (void)state;
    static const i128 extremes[] = {0, 1, -1, 63, -64, 64, INT64_MAX, INT64_MIN};
    i128 sums[STATE_SUMS];
    i128 back[STATE_SUMS];
    uint8_t packed[SUMS_PACKED_MAX];
    struct rng r;
    rng_seed(&r, seed_of(15));
    for (unsigned i = 0; i < 20000; i++) {
        for (unsigned k = 0; k < STATE_SUMS; k++) {
            sums[k] = extremes[rng_below(&r, ARRAY_LEN(extremes))];
            if (rng_below(&r, 3) == 0) {
                sums[k] = (i128)((u128)rng_next(&r) << 64 | rng_next(&r)) >> rng_below(&r, 127);
            }
        }
        size_t len = sums_pack(sums, packed);
        assert_true(len <= SUMS_PACKED_MAX);
        assert_true(sums_unpack((struct bytes){packed, len}, back));
        assert_true(memcmp(sums, back, sizeof sums) == 0);
        assert_false(sums_unpack((struct bytes){packed, len - 1}, back));
    }
    packed[0] = 0x10;
    assert_false(sums_unpack((struct bytes){packed, 1}, back));
}

static void test_value_may_come_from_the_buffer_itself(void **state)
{
    (void)state;
    struct memtable m;
    struct mem_found found;
    uint8_t big[9000];
    memset(big, 7, sizeof big);
    struct key k = key_u32(KEY_POLICY, 1);
    memtable_init(&m, 1);
    for (size_t len = 10; len < sizeof big; len += 700) {
        memtable_set(&m, key_bytes(&k), (struct bytes){big, len});
        assert_true(memtable_get(&m, key_bytes(&k), &found));
        assert_int_equal(found.value.len, len);
        memtable_set(&m, key_bytes(&k), (struct bytes){found.value.p + 3, len - 3});
        assert_true(memtable_get(&m, key_bytes(&k), &found));
        assert_int_equal(found.value.len, len - 3);
        assert_true(memcmp(found.value.p, big, len - 3) == 0);
    }
    size_t memory = m.memory;
    for (unsigned i = 0; i < 1000; i++) { /* no more room is taken by the same sizes again */
        memtable_set(&m, key_bytes(&k), (struct bytes){big, 5 + i % 3000});
    }
    assert_int_equal(m.memory, memory);
    memtable_clear(&m);
}

/* Sums leave 64 bits, are taken away, begin anew; small and large ones meet. */
static void test_wide_sums_in_the_buffer(void **state)
{
    (void)state;
    struct memtable m;
    struct mem_found found;
    struct key k = key_account(20, 1);
    const i128 large[STATE_SUMS] = {(i128)1 << 100, -((i128)1 << 90), 3, 0};
    const i128 most[STATE_SUMS] = {INT64_MAX, INT64_MIN, 1, 0};
    const i128 one[STATE_SUMS] = {1, -1, 0, 0};
    memtable_init(&m, 1);
    memtable_add(&m, key_bytes(&k), most);
    memtable_add(&m, key_bytes(&k), one);
    assert_true(memtable_get(&m, key_bytes(&k), &found));
    assert_int_equal(found.op, ITEM_ADD);
    assert_true(found.sums[0] == (i128)INT64_MAX + 1 && found.sums[1] == (i128)INT64_MIN - 1);
    assert_true(found.sums[2] == 1 && found.sums[3] == 0);
    memtable_add(&m, key_bytes(&k), large);
    memtable_remove(&m, key_bytes(&k));
    assert_true(memtable_get(&m, key_bytes(&k), &found));
    assert_int_equal(found.op, ITEM_DELETE);
    memtable_add(&m, key_bytes(&k), one);
    assert_true(memtable_get(&m, key_bytes(&k), &found));
    assert_int_equal(found.op, ITEM_SUM);
    assert_true(found.sums[0] == 1 && found.sums[1] == -1 && found.sums[2] == 0);
    memtable_clear(&m);
}

/* --- event ids ---------------------------------------------------------------------------------*/

static void test_event_id_of_canonical_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *event;
        const char *id; /* NULL: refused */
    } cases[] = {
        {"{\"event_id\":\"e1\"}", "e1"},
        {"{\"a\":{\"event_id\":\"no\"},\"event_id\":\"yes\",\"z\":1}", "yes"},
        {"{\"a\":[\"event_id\",\"}\",{\"b\":[1,2]}],\"event_id\":\"x\"}", "x"},
        {"{\"a\":\"\\\"event_id\\\":\\\\\",\"event_id\":\"q\"}", "q"},
        {"{\"a\":-1.5e3,\"b\":null,\"event_id\":\"\"}", ""},
        {"{\"event_id\":\"a\\\"\\\\\\b\\f\\n\\r\\t\\u001f\\u0000z\"}", "a\"\\\b\f\n\r\t\x1f"},
        {"{\"event_id\":\"gr\xc3\xbc\xc3\x9f\"}", "gr\xc3\xbc\xc3\x9f"},
        {"{\"a\":1}", NULL},
        {"{\"a\":{\"event_id\":\"no\"}}", NULL},
        {"{\"event_id\":5}", NULL},
        {"{\"event_id\":\"x", NULL},
        {"{\"event_id\":\"x\\", NULL},
        {"{\"event_id\":\"\\u0100\"}", NULL},
        {"{\"event_id\":\"\\x\"}", NULL},
        {"{\"event_id\"", NULL},
        {"{\"a\":[1,2", NULL},
        {"{\"a\":1]", NULL},
        {"[]", NULL},
        {"", NULL},
        {"{}", NULL},
    };
    struct buf room = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text id = {0};
        size_t len = strlen(cases[i].event);
        char *exact = malloc(len + (len == 0));
        assert_non_null(exact);
        memcpy(exact, cases[i].event, len);
        bool found = event_id_of((struct bytes){(const uint8_t *)exact, len}, &room, &id);
        assert_true(found == (cases[i].id != NULL));
        if (found) {
            assert_true(strncmp(id.p, cases[i].id, strlen(cases[i].id)) == 0);
            assert_true(id.len == strlen(cases[i].id) || strchr(cases[i].event, '0') != NULL);
        }
        free(exact);
    }
    buf_clear(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_round_trip_and_seek),
        cmocka_unit_test(test_block_reader_survives_bent_bytes),
        cmocka_unit_test(test_bloom_never_forgets_and_seldom_errs),
        cmocka_unit_test(test_bloom_hash_is_what_it_was),
        cmocka_unit_test(test_keys_with_a_common_beginning_are_sorted),
        cmocka_unit_test(test_the_point_cache_is_bounded),
        cmocka_unit_test(test_sums_pack_round_trip),
        cmocka_unit_test(test_value_may_come_from_the_buffer_itself),
        cmocka_unit_test(test_wide_sums_in_the_buffer),
        cmocka_unit_test(test_event_id_of_canonical_bytes),
    };
    return cmocka_run_group_tests_name("state_parts", tests, NULL, NULL);
}
