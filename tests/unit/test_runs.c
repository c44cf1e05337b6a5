/* SPDX-License-Identifier: Apache-2.0
 * The log-structured state against a naive dictionary: random writes across flushes, merges and
 * reopening, with blocks kept by a port in memory; and its parts one by one. */
#include "base/map.h"
#include "base/rng.h"
#include "base/text.h"
#include "store/state/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a port that keeps everything in memory ----------------------------------------------------*/

struct fake {
    struct buf *block;
    size_t blocks;
    struct segment_row *segment;
    size_t segments;
    struct merge_row merge[STATE_LEVELS_MAX];
    bool merging[STATE_LEVELS_MAX];
    struct state_load *load;
};

static int segment_cmp(const void *a, const void *b)
{
    const struct segment_row *x = a;
    const struct segment_row *y = b;
    if (x->run != y->run) {
        return x->run < y->run ? -1 : 1;
    }
    return bytes_cmp((struct bytes){x->first.b, x->first.len},
                     (struct bytes){y->first.b, y->first.len});
}

static enum mete_code fake_load(void *ctx, struct state_load *load, struct mete_err *err)
{
    struct fake *f = ctx;
    if (f->segments > 0) {
        qsort(f->segment, f->segments, sizeof *f->segment, segment_cmp);
    }
    for (size_t i = 0; i < f->segments; i++) {
        if (!load->segment(load->arg, &f->segment[i])) {
            return mete_fail(err, METE_STORE_CORRUPT, NULL, "segment");
        }
    }
    for (size_t i = 0; i < STATE_LEVELS_MAX; i++) {
        if (f->merging[i] && !load->merge(load->arg, &f->merge[i])) {
            return mete_fail(err, METE_STORE_CORRUPT, NULL, "merge");
        }
    }
    load->next_block = f->blocks;
    return METE_OK;
}

static enum mete_code fake_block_write(void *ctx, uint64_t id, struct bytes data,
                                       struct mete_err *err)
{
    struct fake *f = ctx;
    (void)err;
    if (id >= f->blocks) {
        f->block = realloc(f->block, (id + 1) * sizeof *f->block);
        assert_non_null(f->block);
        memset(f->block + f->blocks, 0, (id + 1 - f->blocks) * sizeof *f->block);
        f->blocks = id + 1;
    }
    assert_int_equal(f->block[id].len, 0); /* written once */
    buf_put(&f->block[id], data.p, data.len);
    return METE_OK;
}

static enum mete_code fake_block_read(void *ctx, uint64_t id, struct bytes *data,
                                      struct mete_err *err)
{
    struct fake *f = ctx;
    if (id >= f->blocks || f->block[id].len == 0) {
        return mete_fail(err, METE_STORE_CORRUPT, NULL, "block %llu is missing",
                         (unsigned long long)id);
    }
    *data = buf_bytes(&f->block[id]);
    return METE_OK;
}

static enum mete_code fake_segment_add(void *ctx, const struct segment_row *row,
                                       struct mete_err *err)
{
    struct fake *f = ctx;
    (void)err;
    f->segment = realloc(f->segment, (f->segments + 1) * sizeof *f->segment);
    assert_non_null(f->segment);
    f->segment[f->segments++] = *row;
    return METE_OK;
}

static enum mete_code fake_segment_drop(void *ctx, const struct segment_row *row,
                                        struct mete_err *err)
{
    struct fake *f = ctx;
    (void)err;
    size_t i = 0;
    while (i < f->segments && f->segment[i].id != row->id) {
        i++;
    }
    assert_true(i < f->segments);
    for (uint32_t k = 0; k <= f->segment[i].blocks; k++) {
        buf_clear(&f->block[f->segment[i].first_block + k]);
    }
    f->segment[i] = f->segment[--f->segments];
    return METE_OK;
}

static enum mete_code fake_merge_save(void *ctx, const struct merge_row *row, struct mete_err *err)
{
    struct fake *f = ctx;
    (void)err;
    f->merge[row->level] = *row;
    f->merging[row->level] = true;
    return METE_OK;
}

static enum mete_code fake_merge_drop(void *ctx, uint32_t level, struct mete_err *err)
{
    struct fake *f = ctx;
    (void)err;
    f->merging[level] = false;
    return METE_OK;
}

static const struct state_port fake_port = {
    fake_load,         fake_block_write, fake_block_read, fake_segment_add,
    fake_segment_drop, fake_merge_save,  fake_merge_drop, NULL};

static size_t fake_bytes(const struct fake *f)
{
    size_t sum = 0;
    for (size_t i = 0; i < f->blocks; i++) {
        sum += f->block[i].len;
    }
    return sum;
}

static void fake_clear(struct fake *f)
{
    for (size_t i = 0; i < f->blocks; i++) {
        buf_clear(&f->block[i]);
    }
    free(f->block);
    free(f->segment);
    memset(f, 0, sizeof *f);
}

/* --- the naive model ---------------------------------------------------------------------------*/

struct fact {
    bool there;
    uint8_t *value;
    size_t len;
    i128 sums[STATE_SUMS];
};

static void model_clear(struct omap *model)
{
    for (struct omap_node *n = omap_seek(model, (struct bytes){0}); n != NULL; n = omap_next(n)) {
        free(((struct fact *)omap_value(n))->value);
    }
    omap_clear(model);
}

static void model_set(struct omap *model, struct bytes key, struct bytes value)
{
    struct fact *f = omap_put(model, key, NULL);
    free(f->value);
    f->value = malloc(value.len + 1);
    assert_non_null(f->value);
    if (value.len > 0) {
        memcpy(f->value, value.p, value.len);
    }
    f->len = value.len;
    f->there = true;
}

static void model_add(struct omap *model, struct bytes key, const i128 sums[STATE_SUMS])
{
    struct fact *f = omap_put(model, key, NULL);
    for (unsigned i = 0; i < STATE_SUMS; i++) {
        f->sums[i] += sums[i];
    }
    f->there = true;
}

static void model_remove(struct omap *model, struct bytes key)
{
    struct fact *f = omap_put(model, key, NULL);
    memset(f->sums, 0, sizeof f->sums);
    f->there = false;
}

/* --- one world: a state and the model of it ----------------------------------------------------*/

struct world {
    struct fake fake;
    struct state state;
    struct omap model;
    struct rng rng;
    size_t memory;
    uint64_t keys; /* how many different ones a class has */
    uint32_t segment_blocks;
    unsigned reopened_amid_merge;
};

static void world_open(struct world *w, uint64_t seed, size_t memory, uint64_t keys,
                       uint32_t segment_blocks)
{
    memset(w, 0, sizeof *w);
    w->memory = memory;
    w->keys = keys;
    w->segment_blocks = segment_blocks;
    rng_seed(&w->rng, seed);
    omap_init(&w->model, sizeof(struct fact), seed);
    state_init(&w->state, &fake_port, &w->fake, memory, true);
    w->state.segment_blocks = w->segment_blocks;
}

static void world_close(struct world *w)
{
    state_clear(&w->state);
    fake_clear(&w->fake);
    model_clear(&w->model);
}

static struct key random_key(struct world *w, bool *sums)
{
    static const uint8_t classes[] = {KEY_POLICY,  KEY_ENTRY,   KEY_PARTY_NUMBER, KEY_WAITING,
                                      KEY_ACCOUNT, KEY_PENDING, KEY_USAGE,        KEY_EVENT_ID};
    uint8_t class = classes[rng_below(&w->rng, ARRAY_LEN(classes))];
    uint64_t number = rng_below(&w->rng, w->keys);
    struct key k = key_of(class);
    *sums = key_is_sums(class);
    key_add_u32(&k, (uint32_t)(number * UINT64_C(2654435761)));
    if (number % 3 == 0) {
        key_add_u64(&k, number * number);
    }
    if (number % 17 == 0) { /* up to the longest */
        while (k.len < 40 + number % (STATE_KEY_MAX - 40) + 1) {
            key_add_u8(&k, (uint8_t)number);
        }
    }
    return k;
}

static i128 random_sum(struct rng *r)
{
    i128 v = (i128)(int64_t)rng_below(r, 1000) - 500;
    if (rng_below(r, 50) == 0) {
        v *= (i128)1 << rng_below(r, 100);
    }
    return rng_below(r, 3) == 0 ? 0 : v;
}

static void random_write(struct world *w)
{
    static uint8_t value[70000];
    bool sums;
    struct key key = random_key(w, &sums);
    struct bytes k = key_bytes(&key);
    if (rng_below(&w->rng, 5) == 0) {
        state_remove(&w->state, k);
        model_remove(&w->model, k);
    } else if (sums) {
        i128 more[STATE_SUMS];
        for (unsigned i = 0; i < STATE_SUMS; i++) {
            more[i] = random_sum(&w->rng);
        }
        state_add(&w->state, k, more);
        model_add(&w->model, k, more);
    } else {
        uint64_t kind = rng_below(&w->rng, 2000);
        size_t len = (size_t)rng_below(&w->rng, kind == 0 ? sizeof value : kind < 40 ? 6000 : 90);
        memset(value, (int)rng_below(&w->rng, 256), len);
        state_set(&w->state, k, (struct bytes){value, len});
        model_set(&w->model, k, (struct bytes){value, len});
    }
}

static void check_key(struct world *w, struct bytes key)
{
    struct mete_err err;
    struct lookup found;
    assert_int_equal(state_get(&w->state, key, &found, &err), METE_OK);
    struct fact *f = omap_get(&w->model, key);
    bool there = found.any && found.op != ITEM_DELETE;
    assert_true(there == (f != NULL && f->there));
    if (there && key_is_sums(key.p[0])) {
        assert_true(memcmp(found.sums, f->sums, sizeof f->sums) == 0);
    } else if (there) {
        assert_int_equal(found.value->len, f->len);
        assert_true(f->len == 0 || memcmp(found.value->p, f->value, f->len) == 0);
    }
}

struct scan_check {
    struct omap_node *at;
    size_t seen;
};

static bool check_item(void *arg, const struct item *item)
{
    struct scan_check *c = arg;
    while (c->at != NULL && !((struct fact *)omap_value(c->at))->there) {
        c->at = omap_next(c->at);
    }
    assert_non_null(c->at);
    struct fact *f = omap_value(c->at);
    struct bytes key = omap_key(c->at);
    assert_int_equal(bytes_cmp(key, item->key), 0);
    if (key_is_sums(key.p[0])) {
        i128 sums[STATE_SUMS];
        assert_true(sums_unpack(item->value, sums));
        assert_true(memcmp(sums, f->sums, sizeof sums) == 0);
    } else {
        assert_int_equal(item->value.len, f->len);
        assert_true(f->len == 0 || memcmp(item->value.p, f->value, f->len) == 0);
    }
    c->at = omap_next(c->at);
    c->seen++;
    return true;
}

/* The whole range, or from one key to another. */
static size_t check_range(struct world *w, struct bytes from, struct bytes until)
{
    struct mete_err err;
    struct scan_check c = {omap_seek(&w->model, from), 0};
    assert_int_equal(state_scan(&w->state, from, until, check_item, &c, &err), METE_OK);
    for (; c.at != NULL; c.at = omap_next(c.at)) {
        if (until.len > 0 && bytes_cmp(omap_key(c.at), until) >= 0) {
            break;
        }
        assert_false(((struct fact *)omap_value(c.at))->there);
    }
    return c.seen;
}

static void check_some(struct world *w)
{
    bool sums;
    for (unsigned i = 0; i < 20; i++) {
        struct key key = random_key(w, &sums);
        check_key(w, key_bytes(&key));
        check_key(w, key_bytes(&key));
    }
    struct key a = random_key(w, &sums);
    struct key b = random_key(w, &sums);
    bool swap = bytes_cmp(key_bytes(&a), key_bytes(&b)) > 0;
    check_range(w, key_bytes(swap ? &b : &a), key_bytes(swap ? &a : &b));
}

static void maintain(struct world *w)
{
    struct mete_err err;
    if (state_full(&w->state)) {
        assert_int_equal(state_flush(&w->state, &err), METE_OK);
    }
    assert_int_equal(state_merge_slice(&w->state, &err), METE_OK);
}

static void reopen(struct world *w)
{
    struct mete_err err;
    assert_int_equal(state_flush(&w->state, &err), METE_OK);
    struct state_stats stats = w->state.stats;
    for (size_t i = 0; i < STATE_LEVELS_MAX; i++) {
        w->reopened_amid_merge += w->fake.merging[i];
    }
    state_clear(&w->state);
    state_init(&w->state, &fake_port, &w->fake, w->memory, true);
    w->state.segment_blocks = w->segment_blocks;
    w->state.stats = stats;
    assert_int_equal(state_load(&w->state, &err), METE_OK);
}

static void random_life(struct world *w, unsigned writes)
{
    for (unsigned i = 0; i < writes; i++) {
        random_write(w);
        if (rng_below(&w->rng, 20) == 0) {
            maintain(w);
        }
        if (rng_below(&w->rng, 200) == 0) {
            check_some(w);
        }
        if (rng_below(&w->rng, 1500) == 0) {
            reopen(w);
        }
        if (rng_below(&w->rng, 20000) == 0) {
            check_range(w, (struct bytes){0}, (struct bytes){0});
        }
    }
    check_range(w, (struct bytes){0}, (struct bytes){0});
    reopen(w);
    check_range(w, (struct bytes){0}, (struct bytes){0});
}

static void print_stats(const struct state_stats *t)
{
    print_message("# flushes %llu merges %llu/%llu in %llu out %llu dropped %llu segments +%llu "
                  "-%llu now %zu in %zu runs, %u levels, bloom %llu asked %llu passed %llu false, "
                  "gets %llu, point hits %llu, cache hits %llu, blocks read %llu\n",
                  (unsigned long long)t->flushes, (unsigned long long)t->merges_done,
                  (unsigned long long)t->merges_started, (unsigned long long)t->merged_in,
                  (unsigned long long)t->merged_out, (unsigned long long)t->dropped,
                  (unsigned long long)t->segments_written, (unsigned long long)t->segments_dropped,
                  t->segments, t->runs, t->levels, (unsigned long long)t->bloom_asked,
                  (unsigned long long)t->bloom_passed, (unsigned long long)t->bloom_false,
                  (unsigned long long)t->gets, (unsigned long long)t->point_hits,
                  (unsigned long long)t->cache_hits, (unsigned long long)t->blocks_read);
}

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

static void test_random_writes_equal_the_model(void **state)
{
    (void)state;
    struct world w;
    unsigned amid = 0;
    for (unsigned i = 0; i < 4; i++) {
        world_open(&w, seed_of(i), (size_t)64 << 10, i < 2 ? 700 : 20000, 2 + i);
        random_life(&w, 60000);
        const struct state_stats *t = state_stats_now(&w.state);
        print_stats(t);
        assert_true(t->flushes > 30);
        assert_true(t->merges_done >= 5);
        assert_true(t->levels >= 2);
        assert_true(t->dropped > 0);
        assert_true(t->segments_dropped > 0);
        assert_true(t->bloom_asked > t->bloom_passed);
        assert_true(t->point_hits > 0);
        assert_true(t->run_bytes == fake_bytes(&w.fake));
        amid += w.reopened_amid_merge;
        world_close(&w);
    }
    print_message("# reopened %u times amid a merge\n", amid);
    assert_true(amid > 0);
}

/* Removing everything and merging gives the space back. */
static void test_removed_keys_vanish_at_the_bottom(void **state)
{
    (void)state;
    struct world w;
    struct mete_err err;
    world_open(&w, seed_of(9), (size_t)64 << 10, 3000, 0);
    for (unsigned i = 0; i < 30000; i++) {
        random_write(&w);
        maintain(&w);
    }
    size_t before = fake_bytes(&w.fake);
    for (struct omap_node *n = omap_seek(&w.model, (struct bytes){0}); n != NULL;
         n = omap_next(n)) {
        state_remove(&w.state, omap_key(n));
        ((struct fact *)omap_value(n))->there = false;
    }
    assert_int_equal(check_range(&w, (struct bytes){0}, (struct bytes){0}), 0);
    /* Tiny flushes drive the merges up the levels until the removals meet what they remove. */
    struct key counter = key_of(KEY_COUNTER);
    const i128 one[STATE_SUMS] = {1, 0, 0, 0};
    for (unsigned i = 0; i < 4200; i++) {
        assert_int_equal(state_flush(&w.state, &err), METE_OK);
        state_add(&w.state, key_bytes(&counter), one);
        model_add(&w.model, key_bytes(&counter), one);
        w.state.growth += 10000;
        assert_int_equal(state_merge_slice(&w.state, &err), METE_OK);
    }
    print_message("# %zu bytes before, %zu after\n", before, fake_bytes(&w.fake));
    assert_true(fake_bytes(&w.fake) < before / 20);
    assert_int_equal(check_range(&w, (struct bytes){0}, (struct bytes){0}), 1);
    world_close(&w);
}

/* The caches never hold more than they may, whatever the size of the runs. */
static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct world w;
    const size_t memory = (size_t)1 << 20;
    world_open(&w, seed_of(10), memory, 1000000, 0);
    size_t most = 0;
    for (unsigned i = 0; i < 300000; i++) {
        random_write(&w);
        if (i % 50 == 0) {
            maintain(&w);
        }
        if (i % 1000 == 0) {
            bool sums;
            for (unsigned k = 0; k < 100; k++) {
                struct key key = random_key(&w, &sums);
                check_key(&w, key_bytes(&key));
            }
            size_t now = state_stats_now(&w.state)->memory;
            most = now > most ? now : most;
        }
    }
    const struct state_stats *t = state_stats_now(&w.state);
    print_stats(t);
    print_message("# %llu bytes in runs, at most %zu in memory\n", (unsigned long long)t->run_bytes,
                  most);
    assert_true(t->run_bytes > 10 * memory);
    /* Builders of segments (a megabyte and its copy, for each level that merges) come on top. */
    assert_true(most < memory + t->levels * (size_t)(3 << 20));
    world_close(&w);
}

/* --- damage ------------------------------------------------------------------------------------*/

/* Asks for `count` event ids that nobody wrote; how many blocks that read. */
static uint64_t absent_ids_read(struct world *w, unsigned count)
{
    struct mete_err err;
    struct lookup found;
    uint64_t before = w->state.stats.blocks_read;
    for (unsigned i = 0; i < count; i++) {
        struct key k = key_of(KEY_EVENT_ID);
        key_add_u64(&k, rng_next(&w->rng));
        assert_int_equal(state_get(&w->state, key_bytes(&k), &found, &err), METE_OK);
        assert_false(found.any);
    }
    return w->state.stats.blocks_read - before;
}

static void write_ids(struct world *w, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct key k = key_of(KEY_EVENT_ID);
        key_add_u64(&k, rng_next(&w->rng));
        state_set(&w->state, key_bytes(&k), (struct bytes){(const uint8_t *)"seq", 3});
        maintain(w);
    }
}

/* The filters of all runs stay in memory though the cache is small, so an id that is not there
 * costs no read but where a filter errs. A strict cache has to read: the same question shows it. */
static void test_filters_stay_in_memory(void **state)
{
    (void)state;
    struct world w;
    const unsigned asked = 20000;
    uint64_t read[2];
    for (unsigned strict = 0; strict < 2; strict++) {
        world_open(&w, seed_of(11), (size_t)128 << 10, 1, 0);
        w.state.cache.is_strict = strict == 1;
        write_ids(&w, 200000);
        (void)absent_ids_read(&w, asked);
        uint64_t erred = w.state.stats.bloom_false;
        read[strict] = absent_ids_read(&w, asked);
        erred = w.state.stats.bloom_false - erred;
        print_message("# %u absent ids, strict %u: %llu blocks read, filters erred %llu times\n",
                      asked, strict, (unsigned long long)read[strict], (unsigned long long)erred);
        assert_true(strict == 1 || read[strict] <= erred);
        world_close(&w);
    }
    assert_true(read[1] > asked / 2);
}

static bool some_get_is_corrupt(struct world *w)
{
    struct mete_err err;
    reopen(w);
    for (struct omap_node *n = omap_seek(&w->model, (struct bytes){0}); n != NULL;
         n = omap_next(n)) {
        struct lookup l;
        if (state_get(&w->state, omap_key(n), &l, &err) != METE_OK) {
            assert_int_equal(err.code, METE_STORE_CORRUPT);
            return true;
        }
    }
    return false;
}

static bool pass_item(void *arg, const struct item *item)
{
    (void)arg;
    (void)item;
    return true;
}

static void test_every_damaged_block_is_found(void **state)
{
    (void)state;
    struct world w;
    struct mete_err err;
    unsigned found_by_scan = 0;
    unsigned tried = 0;
    world_open(&w, seed_of(11), (size_t)64 << 10, 3000, 0);
    for (unsigned i = 0; i < 6000; i++) {
        random_write(&w);
    }
    assert_false(some_get_is_corrupt(&w));
    for (size_t id = 0; id < w.fake.blocks; id++) {
        struct buf *block = &w.fake.block[id];
        if (block->len == 0) {
            continue;
        }
        size_t at = (size_t)rng_below(&w.rng, block->len);
        uint8_t old = block->p[at];
        block->p[at] ^= (uint8_t)(1u << rng_below(&w.rng, 8));
        assert_true(some_get_is_corrupt(&w));
        found_by_scan += state_scan(&w.state, (struct bytes){0}, (struct bytes){0}, pass_item, NULL,
                                    &err) == METE_STORE_CORRUPT;
        block->p[at] = old;
        /* A whole block in another's place is damage too. */
        struct buf own = *block;
        size_t other = id + 1 < w.fake.blocks ? id + 1 : id - 1;
        *block = w.fake.block[other];
        assert_true(some_get_is_corrupt(&w));
        *block = own;
        tried++;
    }
    assert_false(some_get_is_corrupt(&w));
    assert_true(tried > 10);
    assert_true(found_by_scan + 1 >= tried); /* a scan needs no index block but the first */
    world_close(&w);
}

static void test_merging_a_damaged_block_fails(void **state)
{
    (void)state;
    struct world w;
    struct mete_err err = {0};
    world_open(&w, seed_of(12), (size_t)64 << 10, 3000, 0);
    for (unsigned i = 0; i < STATE_FAN_IN; i++) {
        for (unsigned k = 0; k < 500; k++) {
            random_write(&w);
        }
        assert_int_equal(state_flush(&w.state, &err), METE_OK);
    }
    size_t id = w.fake.segment[3].first_block;
    w.fake.block[id].p[5] ^= 4;
    enum mete_code code = METE_OK;
    for (unsigned i = 0; i < 100 && code == METE_OK; i++) {
        code = state_merge_slice(&w.state, &err);
    }
    assert_int_equal(code, METE_STORE_CORRUPT);
    assert_int_equal(err.code, METE_STORE_CORRUPT);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_writes_equal_the_model),
        cmocka_unit_test(test_removed_keys_vanish_at_the_bottom),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_filters_stay_in_memory),
        cmocka_unit_test(test_every_damaged_block_is_found),
        cmocka_unit_test(test_merging_a_damaged_block_fails),
    };
    return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
