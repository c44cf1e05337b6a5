/* SPDX-License-Identifier: Apache-2.0
 * What holds for every stream: nothing is lost or made, the same log gives the same bytes, what is
 * sent again changes nothing, what goes back goes back exactly. Random streams print their seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "property/flow.h"

#define STREAMS 8
#define EVENTS  900

static void assert_same(struct hash a, struct hash b)
{
    assert_memory_equal(a.b, b.b, sizeof a.b);
}

/* --- conservation
 * -------------------------------------------------------------------------------*/

static void test_every_event_and_asset_balances(void **state)
{
    uint64_t seed = test_seed(1000);
    size_t pages = 0;
    (void)state;
    for (uint64_t k = 0; k < STREAMS; k++) {
        struct flow st;
        struct scene s;
        flow_make(&st, seed + k, EVENTS, true);
        scene_open(&s);
        for (size_t i = 0; i < st.count; i++) {
            enum submit_status status = scene_submit(&s, flow_text(&st, i));
            if (status != SUBMIT_APPLIED && status != SUBMIT_WAITING)
                continue;
            assert_true(scene_pages_balanced(&s, s.last.seq));
            pages += 1 + book_page_count(engine_book(s.engine), s.last.seq);
            assert_true(i % 16 != 0 || scene_balanced(&s));
        }
        assert_true(scene_balanced(&s));
        scene_close(&s);
        flow_free(&st);
    }
    printf("# %zu pages of decisions balance\n", pages);
    assert_true(pages > STREAMS * EVENTS / 2);
}

/* --- replay
 * -------------------------------------------------------------------------------------*/

struct log_copy {
    struct buf event, signature, decision;
    mete_time recorded_at;
};

static void log_read(struct scene *s, uint64_t seq, struct log_copy *c)
{
    struct log_row row;
    struct mete_err err;
    assert_int_equal(book_row(engine_book(s->engine), seq, &row, &err), STORE_OK);
    buf_reset(&c->event);
    buf_reset(&c->decision);
    buf_put(&c->event, row.event.p, row.event.len);
    buf_put(&c->decision, row.decision.p, row.decision.len);
    c->recorded_at = row.recorded_at;
}

static void assert_page(struct scene *a, struct scene *b, uint64_t seq, uint32_t page)
{
    struct mete_err err;
    struct bytes packed;
    mete_time at;
    struct buf copy = {0};
    assert_int_equal(book_page(engine_book(a->engine), seq, page, &packed, &at, &err), STORE_OK);
    buf_put(&copy, packed.p, packed.len);
    assert_int_equal(book_page(engine_book(b->engine), seq, page, &packed, &at, &err), STORE_OK);
    assert_int_equal(packed.len, copy.len);
    assert_memory_equal(packed.p, copy.p, copy.len);
    buf_clear(&copy);
}

static void assert_same_log(struct scene *a, struct scene *b)
{
    struct log_copy x = {0};
    struct log_copy y = {0};
    uint64_t size = book_head(engine_book(a->engine)).size;
    assert_int_equal(book_head(engine_book(b->engine)).size, size);
    for (uint64_t seq = 1; seq <= size; seq++) {
        log_read(a, seq, &x);
        log_read(b, seq, &y);
        assert_int_equal(x.decision.len, y.decision.len);
        assert_memory_equal(x.decision.p, y.decision.p, x.decision.len);
        uint32_t pages = book_page_count(engine_book(a->engine), seq);
        assert_int_equal(book_page_count(engine_book(b->engine), seq), pages);
        for (uint32_t page = 1; page <= pages; page++)
            assert_page(a, b, seq, page);
    }
    buf_clear(&x.event);
    buf_clear(&x.decision);
    buf_clear(&y.event);
    buf_clear(&y.decision);
}

/* The stored events alone, into another book. */
static void replay(struct scene *from, struct scene *to)
{
    struct log_copy c = {0};
    struct submit_result r;
    uint64_t size = book_head(engine_book(from->engine)).size;
    for (uint64_t seq = 1; seq <= size; seq++) {
        log_read(from, seq, &c);
        const struct submit_options o = {.stored = true, .recorded_at = c.recorded_at};
        engine_submit(to->engine, buf_text(&c.event), &o, &r);
        if (r.status != SUBMIT_APPLIED && r.status != SUBMIT_WAITING)
            fail_msg("replay of %llu: %s %s", (unsigned long long)seq, submit_status_name(r.status),
                     r.err.text);
    }
    buf_clear(&c.event);
    buf_clear(&c.decision);
}

static void test_same_log_gives_same_decisions(void **state)
{
    uint64_t seed = test_seed(2000);
    (void)state;
    for (uint64_t k = 0; k < STREAMS; k++) {
        struct flow st;
        struct scene first, again, replayed;
        flow_make(&st, seed + k, EVENTS, true);
        scene_open(&first);
        scene_open(&again);
        scene_open(&replayed);
        flow_send(&st, &first);
        flow_send(&st, &again);
        replay(&first, &replayed);
        assert_same_log(&first, &again);
        assert_same_log(&first, &replayed);
        assert_same(scene_root(&first), scene_root(&again));
        assert_same(scene_root(&first), scene_root(&replayed));
        assert_same(scene_state(&first), scene_state(&again));
        assert_same(scene_state(&first), scene_state(&replayed));
        scene_close(&first);
        scene_close(&again);
        scene_close(&replayed);
        flow_free(&st);
    }
}

/* Where groups end is nothing that the log could tell. */
static void test_groups_do_not_show(void **state)
{
    uint64_t seed = test_seed(2500);
    struct rng r;
    (void)state;
    rng_seed(&r, seed);
    for (uint64_t k = 0; k < STREAMS; k++) {
        struct flow st;
        struct scene one, many;
        flow_make(&st, seed + k, EVENTS, true);
        scene_open(&one);
        scene_open(&many);
        flow_send(&st, &one);
        for (size_t i = 0; i < st.count; i++) {
            scene_submit(&many, flow_text(&st, i));
            if (rng_below(&r, 10) == 0)
                scene_commit(&many);
        }
        assert_same(scene_root(&one), scene_root(&many));
        assert_same(scene_state(&one), scene_state(&many));
        scene_close(&one);
        scene_close(&many);
        flow_free(&st);
    }
}

/* A group that is thrown away leaves nothing behind. */
static void test_rollback_leaves_nothing(void **state)
{
    uint64_t seed = test_seed(2600);
    struct rng r;
    (void)state;
    rng_seed(&r, seed);
    for (uint64_t k = 0; k < STREAMS; k++) {
        struct flow st;
        struct scene calm, torn;
        flow_make(&st, seed + k, EVENTS, true);
        scene_open(&calm);
        scene_open(&torn);
        flow_send(&st, &calm);
        for (size_t i = 0; i < st.count;) {
            size_t group = 1 + rng_below(&r, 40);
            bool lost = rng_below(&r, 3) == 0;
            for (size_t g = 0; g < group && i + g < st.count; g++)
                scene_submit(&torn, flow_text(&st, i + g));
            if (lost) {
                engine_rollback(torn.engine);
                continue;
            }
            scene_commit(&torn);
            i += group;
        }
        assert_same(scene_root(&calm), scene_root(&torn));
        assert_same(scene_state(&calm), scene_state(&torn));
        scene_close(&calm);
        scene_close(&torn);
        flow_free(&st);
    }
}

/* --- sent again
 * ---------------------------------------------------------------------------------*/

/* Another fact under the same id: a member more, or another second. */
static void changed_text(struct buf *out, struct text json, bool longer)
{
    static const char mark[] = "\"occurred_at\"";
    buf_reset(out);
    if (longer)
        buf_put_str(out, "{\"x_note\":1,");
    buf_put(out, json.p + longer, json.len - longer);
    uint8_t *at = memmem(out->p, out->len, mark, sizeof mark - 1);
    assert_non_null(at);
    uint8_t *second = (uint8_t *)memchr(at, 'Z', 60) - 1;
    *second = *second == '9' ? '0' : (uint8_t)(*second + 1);
}

static void test_sent_again_changes_nothing(void **state)
{
    uint64_t seed = test_seed(3000);
    size_t again = 0;
    size_t conflicts = 0;
    struct buf changed = {0};
    (void)state;
    for (uint64_t k = 0; k < STREAMS; k++) {
        struct flow st;
        struct scene s;
        flow_make(&st, seed + k, EVENTS, false);
        bool *stands = calloc(st.count, 1);
        assert_non_null(stands);
        scene_open(&s);
        for (size_t i = 0; i < st.count; i++) {
            enum submit_status status = scene_submit(&s, flow_text(&st, i));
            stands[i] = status == SUBMIT_APPLIED || status == SUBMIT_WAITING;
        }
        scene_commit(&s);
        struct hash root = scene_root(&s);
        struct hash everything = scene_state(&s);
        for (size_t i = 0; i < st.count; i++) {
            if (!stands[i])
                continue;
            assert_int_equal(scene_submit(&s, flow_text(&st, i)), SUBMIT_DUPLICATE);
            changed_text(&changed, flow_text(&st, i), i % 2 == 0);
            assert_int_equal(scene_submit(&s, buf_text(&changed)), SUBMIT_CONFLICT);
            assert_int_equal(s.last.err.code, METE_CONFLICT);
            again++;
            conflicts++;
        }
        scene_commit(&s);
        assert_same(root, scene_root(&s));
        assert_same(everything, scene_state(&s));
        scene_close(&s);
        free(stands);
        flow_free(&st);
    }
    buf_clear(&changed);
    printf("# %zu duplicates, %zu conflicts\n", again, conflicts);
    assert_true(again > STREAMS * EVENTS / 2);
}

static void test_refused_ones_leave_the_rest_unharmed(void **state)
{
    uint64_t seed = test_seed(4000);
    size_t refused = 0;
    struct buf broken = {0};
    (void)state;
    for (uint64_t k = 0; k < STREAMS; k++) {
        struct flow st;
        struct scene clean, dirty;
        flow_make(&st, seed + k, EVENTS, false);
        scene_open(&clean);
        scene_open(&dirty);
        flow_send(&st, &clean);
        for (size_t i = 0; i < st.count; i++) {
            buf_reset(&broken);
            size_t which = (i + k) % gen_broken_count();
            enum mete_code code = gen_broken(&broken, which, (int)i, TIME_DAY_US);
            assert_int_equal(scene_submit(&dirty, buf_text(&broken)), SUBMIT_REFUSED);
            assert_int_equal(dirty.last.err.code, code);
            scene_submit(&dirty, flow_text(&st, i));
            refused++;
        }
        assert_same(scene_root(&clean), scene_root(&dirty));
        assert_same(scene_state(&clean), scene_state(&dirty));
        scene_close(&clean);
        scene_close(&dirty);
        flow_free(&st);
    }
    buf_clear(&broken);
    printf("# %zu refused, each kind of mistake\n", refused);
}

/* --- rounding
 * -----------------------------------------------------------------------------------*/

#define SHARES_TRIED 7

struct split_case {
    int count;
    int weight[SHARES_TRIED]; /* over den */
    int den;
    long long amount;
};

/* What each share got, in the order given by `place`. */
static void split_in_order(const struct split_case *c, const int *place, long long *got)
{
    struct scene s;
    struct buf b = {0};
    scene_open(&s);
    buf_put_str(&b, "{'event_id':'p','event_type':'policy.published','occurred_at':"
                    "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'p','kind':'weights',"
                    "'shares':[");
    for (int i = 0; i < c->count; i++)
        buf_printf(&b, "%s{'party':'q%d','weight':'%d/%d'}", i > 0 ? "," : "", place[i],
                   c->weight[place[i]], c->den);
    buf_put_str(&b, "]}}}");
    scene_apply(&s, "%.*s", (int)b.len, (const char *)b.p);
    scene_apply(&s,
                "{'event_id':'r','event_type':'revenue.received','occurred_at':"
                "'2025-01-01T00:00:00Z','payload':{'policy':'p','amount':{'amount':'%lld',"
                "'currency':'SAT'}}}",
                c->amount);
    for (int i = 0; i < c->count; i++) {
        char party[16];
        snprintf(party, sizeof party, "q%d", i);
        got[i] = (long long)scene_net(&s, party, "SAT");
    }
    buf_clear(&b);
    scene_close(&s);
}

static void case_make(struct split_case *c, struct rng *r, int *place)
{
    c->count = 2 + (int)rng_below(r, SHARES_TRIED - 1);
    c->den = c->count + (int)rng_below(r, 40);
    c->amount = 1 + (long long)rng_below(r, 500);
    int left = c->den;
    for (int i = 0; i < c->count; i++) {
        c->weight[i] = (int)rng_below(r, (uint64_t)(left / (c->count - i)) + 1);
        left -= c->weight[i];
        place[i] = i;
    }
    for (int i = c->count; i > 1; i--) {
        int k = (int)rng_below(r, (uint64_t)i);
        int other = place[i - 1];
        place[i - 1] = place[k];
        place[k] = other;
    }
}

/* True when another share, or what nobody gets, has the same remainder. */
static bool remainder_ties(const struct split_case *c, int share)
{
    long long remainder = c->amount * c->weight[share] % c->den;
    int rest = c->den;
    for (int i = 0; i < c->count; i++) {
        rest -= c->weight[i];
        if (i != share && c->amount * c->weight[i] % c->den == remainder)
            return true;
    }
    return c->amount * rest % c->den == remainder;
}

/* Shares listed in another order get the same; those whose remainders tie may exchange a unit. */
static void test_listed_order_only_breaks_ties(void **state)
{
    uint64_t seed = test_seed(4500);
    struct rng r;
    int moved = 0;
    (void)state;
    rng_seed(&r, seed);
    for (int k = 0; k < 1500; k++) {
        const int in_order[SHARES_TRIED] = {0, 1, 2, 3, 4, 5, 6};
        struct split_case c;
        int place[SHARES_TRIED];
        long long one[SHARES_TRIED], other[SHARES_TRIED];
        case_make(&c, &r, place);
        split_in_order(&c, in_order, one);
        split_in_order(&c, place, other);
        for (int i = 0; i < c.count; i++) {
            bool tie = remainder_ties(&c, i);
            moved += one[i] != other[i];
            if (one[i] != other[i] && !tie)
                fail_msg("share %d of weight %d/%d of %lld: %lld or %lld", i, c.weight[i], c.den,
                         c.amount, one[i], other[i]);
            if (tie)
                assert_true(one[i] - other[i] <= 1 && other[i] - one[i] <= 1);
        }
    }
    printf("# ties moved a unit %d times\n", moved);
    assert_true(moved > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_and_asset_balances),
        cmocka_unit_test(test_same_log_gives_same_decisions),
        cmocka_unit_test(test_groups_do_not_show),
        cmocka_unit_test(test_rollback_leaves_nothing),
        cmocka_unit_test(test_sent_again_changes_nothing),
        cmocka_unit_test(test_refused_ones_leave_the_rest_unharmed),
        cmocka_unit_test(test_listed_order_only_breaks_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
