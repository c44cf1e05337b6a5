/* SPDX-License-Identifier: Apache-2.0
 * event_types_commute() tells which neighbours in the log may change places. Every pair of types
 * that may is tried in a book where both have something to do, and at random places of random
 * streams; all balances are the same at the end. Pairs that may not are not so without reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "property/commute_cases.h"
#include "property/flow.h"

#define VARIANTS 5

static const char *const commute_name[] = {"never",         "always",
                                           "unconditional", "unrelated",
                                           "below the cap", "below the cap and unrelated"};
#define COMMUTE_COUNT 6

/* --- every pair
 * ---------------------------------------------------------------------------------*/

struct pair {
    struct buf first;
    struct buf second;
    int amount;
};

static bool went_in(struct scene *s, const struct buf *json)
{
    enum submit_status status = scene_send(s, "%.*s", (int)json->len, (const char *)json->p);
    return status == SUBMIT_APPLIED || status == SUBMIT_WAITING;
}

/* Both went in. */
static bool in_order(const struct buf *a, const struct buf *b, int amount, struct buf *balances)
{
    struct scene s;
    scene_open(&s);
    commute_before(&s, amount);
    bool fine = went_in(&s, a);
    fine &= went_in(&s, b);
    commute_after(&s, amount);
    assert_true(scene_balanced(&s));
    scene_balances(&s, balances);
    scene_close(&s);
    return fine;
}

/* 1: both went in, and every balance is the same; -1: one is not; 0: one did not go in. */
static int try_pair(const struct buf *a, const struct buf *b, int amount)
{
    struct buf one = {0};
    struct buf other = {0};
    bool fine = in_order(a, b, amount, &one);
    fine &= in_order(b, a, amount, &other);
    int result = !text_eq(buf_text(&one), buf_text(&other)) ? -1 : fine ? 1 : 0;
    if (result < 0 && getenv("METE_TEST_SHOW") != NULL)
        fprintf(stderr, "%.*s\n%.*s\n--- one\n%.*s--- other\n%.*s", (int)a->len, (char *)a->p,
                (int)b->len, (char *)b->p, (int)one.len, (char *)one.p, (int)other.len,
                (char *)other.p);
    buf_clear(&one);
    buf_clear(&other);
    return result;
}

/* Those that have something to do in this book; the economic protocol's change places in
 * test_campaigns.c. */
static bool handled(enum event_type t)
{
    return event_type_status(t) == TYPE_HANDLED && t < EVENT_CAMPAIGN_CREATED;
}

/* Over all variants: how many pairs went in, and whether some balance differed. */
static int try_types(enum event_type a, enum event_type b, int other_set, int amount, bool *differs)
{
    struct buf x = {0};
    struct buf y = {0};
    int fired = 0;
    for (int v = 0; v < VARIANTS; v++) {
        for (int w = 0; w < VARIANTS; w++) {
            if (!commute_event(&x, a, 0, 0, v, amount) ||
                !commute_event(&y, b, other_set, 1, w, amount + 1))
                continue;
            int result = try_pair(&x, &y, amount);
            *differs |= result < 0;
            fired += result > 0;
        }
    }
    buf_clear(&x);
    buf_clear(&y);
    return fired;
}

static void test_every_declared_pair(void **state)
{
    uint64_t seed = test_seed(8000);
    size_t pairs[COMMUTE_COUNT] = {0};
    size_t fired[COMMUTE_COUNT] = {0};
    struct rng r;
    (void)state;
    rng_seed(&r, seed);
    for (unsigned a = 0; a < EVENT_TYPE_COUNT; a++) {
        for (unsigned b = 0; b <= a; b++) {
            enum commutes c = event_types_commute((enum event_type)a, (enum event_type)b);
            assert_int_equal(c, event_types_commute((enum event_type)b, (enum event_type)a));
            if (c == COMMUTE_NEVER || !handled((enum event_type)a) || !handled((enum event_type)b))
                continue;
            bool differs = false;
            int amount = 20 + (int)rng_below(&r, 60);
            int count = 0;
            if (c != COMMUTE_UNRELATED)
                count += try_types((enum event_type)a, (enum event_type)b, 0, amount, &differs);
            count += try_types((enum event_type)a, (enum event_type)b, 1, amount, &differs);
            if (differs || count == 0)
                fail_msg("%s and %s (%s): %s", event_type_name((enum event_type)a),
                         event_type_name((enum event_type)b), commute_name[c],
                         differs ? "balances differ" : "no pair went in");
            pairs[c]++;
            fired[c] += (size_t)count;
        }
    }
    for (int c = COMMUTE_ALWAYS; c <= COMMUTE_UNRELATED; c++)
        printf("# %s: %zu pairs of types, swapped %zu times\n", commute_name[c], pairs[c],
               fired[c]);
}

/* A reversal and the very event it reverses. */
static void test_reversal_before_its_original(void **state)
{
    static const enum event_type originals[] = {EVENT_REVENUE_RECEIVED, EVENT_CYCLE_CLOSED,
                                                EVENT_METERING_CLOSED};
    struct buf x = {0};
    struct buf back = {0};
    (void)state;
    buf_put_str(&back, "{'event_id':'x1','event_type':'revenue.reversed','occurred_at':"
                       "'2025-01-05T00:00:00Z','payload':{'reverses':'x0','amount':{'amount':"
                       "'3.21','currency':'USD'}}}");
    for (size_t i = 0; i < ARRAY_LEN(originals); i++) {
        int fired = 0;
        assert_int_not_equal(event_types_commute(originals[i], EVENT_REVENUE_REVERSED),
                             COMMUTE_NEVER);
        for (int v = 0; v < VARIANTS; v++) {
            if (!commute_event(&x, originals[i], 0, 0, v, 41))
                continue;
            int result = try_pair(&x, &back, 41);
            assert_true(result >= 0);
            fired += result;
        }
        assert_true(fired > 0);
    }
    buf_clear(&x);
    buf_clear(&back);
}

/* How many pairs of handled types that are declared `c` a book tells apart, both about one set. */
static size_t told_apart(enum commutes c, size_t *pairs)
{
    size_t shown = 0;
    for (unsigned a = 0; a < EVENT_TYPE_COUNT; a++) {
        for (unsigned b = 0; b <= a; b++) {
            if (event_types_commute((enum event_type)a, (enum event_type)b) != c ||
                !handled((enum event_type)a) || !handled((enum event_type)b))
                continue;
            bool differs = false;
            (void)try_types((enum event_type)a, (enum event_type)b, 0, 33, &differs);
            (*pairs)++;
            shown += differs;
        }
    }
    return shown;
}

/* Not vacuous: for many pairs that do not commute, or do only while they are about different
 * things, here is a book that tells the orders apart. */
static void test_never_has_reasons(void **state)
{
    size_t never = 0;
    size_t unrelated = 0;
    (void)state;
    size_t shown = told_apart(COMMUTE_NEVER, &never);
    size_t related = told_apart(COMMUTE_UNRELATED, &unrelated);
    printf("# %zu pairs of handled types never commute, %zu of them told apart; %zu only when "
           "unrelated, %zu of them told apart when related\n",
           never, shown, unrelated, related);
    assert_true(shown >= 8 && related >= 2);
}

/* --- random streams
 * -----------------------------------------------------------------------------*/

#define FLOWS 150
#define TAKEN 160

static const enum event_type type_of_kind[EV_KINDS] = {
    EVENT_POLICY_PUBLISHED, EVENT_FEES_SCHEDULED,     EVENT_BOOK_CONFIGURED,
    EVENT_ASSET_DEFINED,    EVENT_PARTY_REGISTERED,   EVENT_CONTRIBUTION_RECORDED,
    EVENT_USAGE_REPORTED,   EVENT_USAGE_METERED,      EVENT_METERING_CLOSED,
    EVENT_CYCLE_CLOSED,     EVENT_CONDITION_CHANGED,  EVENT_REVENUE_RECEIVED,
    EVENT_REVENUE_REVERSED, EVENT_WALLET_TRANSFERRED,
};

struct script_flow {
    struct flow flow;
    struct gen gen;
    struct oracle *oracle;
    uint64_t seen[SEEN_COUNT];
    const struct script_event *event[TAKEN + ORDINARY];
};

static void flow_take(struct script_flow *f, struct gen_item *item, const struct script_event *e)
{
    struct oracle_outcome out;
    oracle_submit(f->oracle, e, &out);
    f->event[f->flow.count] = e;
    flow_add(&f->flow, item);
}

/* All parties are named at the beginning: who is named first would show in cycles. */
static void parties_first(struct script_flow *f, struct script_event *party)
{
    for (int i = 0; i < ORDINARY; i++) {
        struct gen_item item = {.event = &party[i]};
        party[i] = (struct script_event){.kind = EV_PARTY, .id = 900000 + i, .party = i};
        script_write(&item.json, &party[i], NULL);
        flow_take(f, &item, &party[i]);
        buf_clear(&item.json);
    }
}

static void script_flow_make(struct script_flow *f, uint64_t seed, struct script_event *party)
{
    struct gen_item item = {0};
    memset(f, 0, sizeof *f);
    f->oracle = oracle_new(f->seen);
    gen_begin(&f->gen, seed);
    f->gen.repeats = 0;
    f->gen.plain = true;
    f->gen.no_deep_carry = true;
    f->gen.share[EV_TRANSFER] = 0;
    f->gen.share[EV_POLICY] += 4;
    parties_first(f, party);
    while (f->flow.count < ARRAY_LEN(f->event)) {
        gen_next(&f->gen, f->oracle, &item);
        flow_take(f, &item, item.event);
    }
    buf_clear(&item.json);
}

static bool related(const struct script_event *a, const struct script_event *b)
{
    if (a->kind == EV_ASSET || b->kind == EV_ASSET)
        return true; /* what names the asset is not looked for here */
    if (a->kind == EV_REVERSAL && b->kind == EV_REVERSAL)
        return a->original == b->original;
    if (a->kind == EV_CONTRIBUTION || b->kind == EV_CONTRIBUTION)
        return a->item == b->item;
    if (a->kind == EV_PARTY && b->kind == EV_PARTY)
        return a->party == b->party;
    return a->policy_id == b->policy_id;
}

static bool may_swap(const struct script_event *a, const struct script_event *b)
{
    enum commutes c = event_types_commute(type_of_kind[a->kind], type_of_kind[b->kind]);
    return c == COMMUTE_ALWAYS || c == COMMUTE_UNCONDITIONAL ||
           (c == COMMUTE_UNRELATED && !related(a, b));
}

static void balances_of(const struct script_flow *f, const bool *swap, struct buf *out)
{
    struct scene s;
    scene_open(&s);
    for (size_t i = 0; i < f->flow.count; i++) {
        size_t at = i;
        if (swap != NULL && swap[i])
            at = i + 1;
        else if (swap != NULL && i > 0 && swap[i - 1])
            at = i - 1;
        (void)scene_submit(&s, flow_text(&f->flow, at));
    }
    scene_balances(&s, out);
    scene_close(&s);
}

/* Many neighbours at once, none of them twice. */
static size_t choose_swaps(const struct script_flow *f, struct rng *r, bool *swap,
                           size_t kinds[EV_KINDS][EV_KINDS])
{
    size_t count = 0;
    for (size_t i = ORDINARY; i + 1 < f->flow.count; i++) {
        if (swap[i - 1] || rng_below(r, 3) == 0 || !may_swap(f->event[i], f->event[i + 1]))
            continue;
        swap[i] = true;
        kinds[f->event[i]->kind][f->event[i + 1]->kind]++;
        count++;
    }
    return count;
}

/* Names the swap that made the difference, when one alone does. */
static void swap_blamed(const struct script_flow *f, const bool *swap, const struct buf *balances,
                        uint64_t seed)
{
    for (size_t i = 0; i < f->flow.count; i++) {
        bool alone[TAKEN + ORDINARY] = {false};
        struct buf other = {0};
        if (!swap[i])
            continue;
        alone[i] = true;
        balances_of(f, alone, &other);
        if (!text_eq(buf_text(balances), buf_text(&other)))
            fail_msg("seed %llu: balances differ when these change places:\n%s\n%s",
                     (unsigned long long)seed, f->flow.item[i].json, f->flow.item[i + 1].json);
        buf_clear(&other);
    }
    fail_msg("seed %llu: balances differ", (unsigned long long)seed);
}

static void test_neighbours_in_random_streams(void **state)
{
    static size_t kinds[EV_KINDS][EV_KINDS];
    static struct script_event party[ORDINARY];
    static struct script_flow f;
    uint64_t seed = test_seed(9000);
    size_t swaps = 0;
    size_t different = 0;
    struct rng r;
    (void)state;
    rng_seed(&r, seed);
    for (uint64_t k = 0; k < FLOWS; k++) {
        bool swap[TAKEN + ORDINARY] = {false};
        struct buf one = {0};
        struct buf other = {0};
        script_flow_make(&f, seed + k, party);
        swaps += choose_swaps(&f, &r, swap, kinds);
        balances_of(&f, NULL, &one);
        balances_of(&f, swap, &other);
        if (!text_eq(buf_text(&one), buf_text(&other)))
            swap_blamed(&f, swap, &one, seed + k);
        buf_clear(&one);
        buf_clear(&other);
        gen_end(&f.gen);
        oracle_free(f.oracle);
        flow_free(&f.flow);
    }
    for (int a = 0; a < EV_KINDS; a++) {
        for (int b = 0; b < EV_KINDS; b++)
            different += kinds[a][b] > 0;
    }
    printf("# %zu swaps of %zu ordered pairs of kinds\n", swaps, different);
    assert_true(swaps > 1000 && different > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_declared_pair),
        cmocka_unit_test(test_reversal_before_its_original),
        cmocka_unit_test(test_never_has_reasons),
        cmocka_unit_test(test_neighbours_in_random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
