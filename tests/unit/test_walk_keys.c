/* SPDX-License-Identifier: Apache-2.0
 * Walks over keys of the state: each key of a range once and in order, however many pages that
 * takes, while the visitor reads the book; they end where he says. */
#include "engine/walk.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PARTIES 3000u /* more than three pages */

static struct engine *e;

static int set_up(void **state)
{
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    (void)state;
    assert_int_equal(engine_open(&e, &o, &err), METE_OK);
    for (unsigned i = 0; i < PARTIES; i++) {
        struct buf b = {0};
        struct submit_result r;
        buf_printf(&b,
                   "{\"event_id\":\"e%u\",\"event_type\":\"revenue.received\",\"occurred_at\":"
                   "\"2025-01-01T00:00:00Z\",\"payload\":{\"party\":\"p%u\",\"amount\":{\"amount\":"
                   "\"%u\",\"currency\":\"JPY\"}}}",
                   i, i, i + 1);
        engine_submit(e, buf_text(&b), NULL, &r);
        buf_clear(&b);
        if (r.status != SUBMIT_APPLIED) {
            return -1;
        }
    }
    return engine_commit(e, &err) == METE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(e);
    return 0;
}

struct seen {
    unsigned count;
    uint32_t last;
    i128 sum;
    unsigned stop_at;    /* 0: never */
    enum mete_code code; /* of the visit that stops */
};

static enum mete_code account_see(void *arg, const struct walk_key *k, bool *go_on)
{
    struct seen *s = arg;
    uint32_t party = key_read_u32(k->key, 1);
    struct text id;
    assert_true(party > s->last);
    assert_int_equal(view_party_id(engine_view(e), party, &id), VIEW_FOUND);
    s->last = party;
    s->sum += k->sums[1] - k->sums[0] + k->sums[3] - k->sums[2];
    s->count++;
    *go_on = s->count != s->stop_at;
    return *go_on ? METE_OK : s->code;
}

static enum mete_code walk(struct seen *s, uint32_t first, uint32_t end)
{
    struct mete_err err;
    struct key from = key_u32(KEY_ACCOUNT, first);
    struct key until = end == 0 ? key_prefix_end(key_of(KEY_ACCOUNT)) : key_u32(KEY_ACCOUNT, end);
    return walk_each_key(e, &from, &until, account_see, s, &err);
}

static void every_key_is_seen_once_and_in_order(void **state)
{
    struct seen s = {0};
    (void)state;
    assert_int_equal(walk(&s, PARTY_FIRST, 0), METE_OK);
    assert_int_equal(s.count, PARTIES);
    assert_true(s.sum == (i128)PARTIES * (PARTIES + 1) / 2);
}

static void a_range_has_its_begin_and_not_its_end(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 300; n++) {
        struct seen s = {0};
        assert_int_equal(walk(&s, PARTY_FIRST + 7, PARTY_FIRST + 7 + n), METE_OK);
        assert_int_equal(s.count, n);
        assert_true(n == 0 || s.last == PARTY_FIRST + 7 + n - 1);
    }
}

static void it_ends_where_the_visitor_says(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 300; n++) {
        struct seen s = {.stop_at = n};
        struct seen failing = {.stop_at = n, .code = METE_STORE_CORRUPT};
        assert_int_equal(walk(&s, PARTY_FIRST, 0), METE_OK);
        assert_int_equal(s.count, n);
        assert_int_equal(walk(&failing, PARTY_FIRST, 0), METE_STORE_CORRUPT);
        assert_int_equal(failing.count, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_key_is_seen_once_and_in_order),
                                       cmocka_unit_test(a_range_has_its_begin_and_not_its_end),
                                       cmocka_unit_test(it_ends_where_the_visitor_says)};
    return cmocka_run_group_tests_name("walk_keys", tests, set_up, tear_down);
}
