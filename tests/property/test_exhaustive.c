/* SPDX-License-Identifier: Apache-2.0
 * Every small split there is, through the whole engine: amounts 0 to 40, up to three shares over
 * denominators up to 7, both roundings, fees of 0, 300, 3334 and 10000 bps. The reference is
 * fractions written out. An amount of zero is refused; with carry all amounts go through one
 * policy, so that the cumulative floors are what is compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "oracle/scene.h"

#define AMOUNT_MAX 40
#define DEN_MAX    7
#define PARTS_MAX  3

struct split {
    int count;
    int weight[PARTS_MAX];
    int den;
    int bps;
    bool carry;
};

static size_t splits;
static size_t units;

/* --- reference
 * ----------------------------------------------------------------------------------*/

/* weights[count] is what is missing to one. */
static void weights_of(const struct split *c, int weights[PARTS_MAX + 1])
{
    int rest = c->den;
    for (int i = 0; i < c->count; i++) {
        weights[i] = c->weight[i];
        rest -= c->weight[i];
    }
    weights[c->count] = rest;
}

/* Floors, then a unit to whoever was cut most, the earlier one on a tie. */
static void reference_largest(const struct split *c, int net, int part[PARTS_MAX + 1])
{
    int weights[PARTS_MAX + 1];
    int cut[PARTS_MAX + 1];
    int given = 0;
    weights_of(c, weights);
    for (int i = 0; i <= c->count; i++) {
        part[i] = net * weights[i] / c->den;
        cut[i] = net * weights[i] % c->den;
        given += part[i];
    }
    for (; given < net; given++) {
        int most = 0;
        for (int i = 1; i <= c->count; i++)
            most = cut[i] > cut[most] ? i : most;
        part[most]++;
        cut[most] = -1;
    }
}

/* floor(sum of all nets so far * weight) */
static void reference_carry(const struct split *c, int sum, int part[PARTS_MAX + 1])
{
    int weights[PARTS_MAX + 1];
    weights_of(c, weights);
    for (int i = 0; i <= c->count; i++)
        part[i] = sum * weights[i] / c->den;
}

/* --- engine
 * -------------------------------------------------------------------------------------*/

static void publish(struct scene *s, const struct split *c, int number)
{
    struct buf b = {0};
    buf_printf(&b,
               "{'event_id':'p%d','event_type':'policy.published','occurred_at':"
               "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'p%d','kind':'weights',"
               "'rounding':'%s','shares':[",
               number, number, c->carry ? "carry" : "largest");
    for (int i = 0; i < c->count; i++)
        buf_printf(&b, "%s{'party':'q%d-%d','weight':'%d/%d'}", i > 0 ? "," : "", number, i,
                   c->weight[i], c->den);
    buf_put_str(&b, "]}}}");
    scene_apply(s, "%.*s", (int)b.len, (const char *)b.p);
    buf_clear(&b);
}

static i128 has(struct scene *s, int number, int share)
{
    char party[32];
    snprintf(party, sizeof party, "q%d-%d", number, share);
    return scene_net(s, party, "SAT");
}

/* Sums before and after one revenue, share by share; the last is nobody's. */
static void look(struct scene *s, const struct split *c, int number, i128 sums[PARTS_MAX + 1])
{
    for (int i = 0; i < c->count; i++)
        sums[i] = has(s, number, i);
    sums[c->count] = scene_net(s, "mete:unallocated", "SAT");
}

static void revenue(struct scene *s, int number, int amount)
{
    enum submit_status status =
        scene_send(s,
                   "{'event_id':'r%d-%d','event_type':'revenue.received','occurred_at':"
                   "'2025-01-02T00:00:00Z','payload':{'policy':'p%d','amount':{'amount':'%d',"
                   "'currency':'SAT'}}}",
                   number, amount, number, amount);
    assert_int_equal(status, amount == 0 ? SUBMIT_REFUSED : SUBMIT_APPLIED);
}

static void compare(const struct split *c, int number, int amount, const i128 *before,
                    const i128 *after, const int *expected)
{
    for (int i = 0; i <= c->count; i++) {
        i128 got = after[i] - (before != NULL ? before[i] : 0);
        if (got != expected[i])
            fail_msg("case %d (%d share(s) over %d, %d bps, %s), amount %d: share %d has %lld, "
                     "not %d",
                     number, c->count, c->den, c->bps, c->carry ? "carry" : "largest", amount, i,
                     (long long)got, expected[i]);
        units += (size_t)got;
    }
}

static int fee_of(const struct split *c, int amount)
{
    return amount * c->bps / 10000;
}

static void check_amounts(struct scene *s, const struct split *c, int number)
{
    i128 start[PARTS_MAX + 1], before[PARTS_MAX + 1], after[PARTS_MAX + 1];
    int part[PARTS_MAX + 1];
    int sum = 0;
    look(s, c, number, start);
    for (int amount = 0; amount <= AMOUNT_MAX; amount++) {
        i128 fees = scene_net(s, "house", "SAT");
        int net = amount - fee_of(c, amount);
        sum += net;
        look(s, c, number, before);
        revenue(s, number, amount);
        look(s, c, number, after);
        assert_true(scene_net(s, "house", "SAT") - fees == fee_of(c, amount));
        if (c->carry) {
            reference_carry(c, sum, part);
            compare(c, number, amount, start, after, part);
        } else {
            reference_largest(c, net, part);
            compare(c, number, amount, before, after, part);
        }
        splits++;
    }
}

/* --- all of them
 * --------------------------------------------------------------------------------*/

static void check_case(struct scene *s, struct split *c, int *number)
{
    for (int carry = 0; carry < 2; carry++) {
        c->carry = carry == 1;
        (*number)++;
        publish(s, c, *number);
        check_amounts(s, c, *number);
    }
}

static void each_weights(struct scene *s, struct split *c, int share, int left, int *number)
{
    if (share == c->count) {
        check_case(s, c, number);
        return;
    }
    for (c->weight[share] = 0; c->weight[share] <= left; c->weight[share]++)
        each_weights(s, c, share + 1, left - c->weight[share], number);
}

static void check_fee(int bps)
{
    struct scene s;
    int number = 0;
    scene_open(&s);
    scene_apply(&s,
                "{'event_id':'f','event_type':'fees.scheduled','occurred_at':"
                "'2025-01-01T00:00:00Z','payload':{'fees':[{'label':'f','bps':%d,'payee':"
                "'house'}]}}",
                bps);
    for (int den = 1; den <= DEN_MAX; den++) {
        for (int count = 1; count <= PARTS_MAX; count++) {
            struct split c = {.count = count, .den = den, .bps = bps};
            each_weights(&s, &c, 0, den, &number);
        }
        assert_true(scene_balanced(&s));
    }
    scene_close(&s);
}

static void test_every_small_split(void **state)
{
    static const int bps[] = {0, 300, 10000, 3334};
    (void)state;
    for (size_t i = 0; i < sizeof bps / sizeof bps[0]; i++)
        check_fee(bps[i]);
    printf("# %zu splits, %zu units\n", splits, units);
    assert_true(splits > 10000 && units > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_small_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
