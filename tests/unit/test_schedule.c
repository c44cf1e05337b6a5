/* SPDX-License-Identifier: Apache-2.0
 * covers: F-044 R-021 M-070
 * Schedules: how the calendar is cut into periods, what they are named, when they are due, and whom
 * a period leaves to the next one. */
#include "core/schedule.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static mete_time at(const char *text)
{
    mete_time t;
    assert_int_equal(time_parse(text_of(text), &t), TIME_OK);
    return t;
}

static void expect(const struct schedule *s, const char *now, const char *name, const char *due)
{
    struct period p;
    struct period again;
    char text[TIME_TEXT_MAX];
    schedule_period(s, at(now), &p);
    assert_string_equal(p.name, name);
    time_format(p.due, text);
    assert_string_equal(text, due);
    assert_true(schedule_period_named(s, text_of(name), &again));
    assert_true(again.from == p.from && again.until == p.until && again.due == p.due);
    assert_true(p.until <= p.due || s->every == EVERY_DEMAND);
}

static void days(void **state)
{
    const struct schedule s = {.every = EVERY_DAY, .at_min = 570};
    (void)state;
    expect(&s, "2026-11-21T09:29:59.999999Z", "2026-11-19", "2026-11-20T09:30:00Z");
    expect(&s, "2026-11-21T09:30:00Z", "2026-11-20", "2026-11-21T09:30:00Z");
    expect(&s, "2028-03-01T09:30:00Z", "2028-02-29", "2028-03-01T09:30:00Z");
}

static void weeks(void **state)
{
    const struct schedule s = {.every = EVERY_WEEK, .on = 3};
    (void)state;
    expect(&s, "2026-11-18T00:00:00Z", "2026-W46", "2026-11-18T00:00:00Z");
    expect(&s, "2026-11-17T23:59:59Z", "2026-W45", "2026-11-11T00:00:00Z");
    /* ISO 8601: 2027-01-01 is a Friday, so it is in week 53 of 2026. */
    expect(&s, "2027-01-06T00:00:00Z", "2026-W53", "2027-01-06T00:00:00Z");
    expect(&s, "2025-01-08T12:00:00Z", "2025-W01", "2025-01-08T00:00:00Z");
}

static void months(void **state)
{
    const struct schedule s = {.every = EVERY_MONTH, .on = 5, .at_min = 60};
    (void)state;
    expect(&s, "2026-12-05T01:00:00Z", "2026-11", "2026-12-05T01:00:00Z");
    expect(&s, "2026-12-05T00:59:59Z", "2026-10", "2026-11-05T01:00:00Z");
    expect(&s, "2027-01-31T00:00:00Z", "2026-12", "2027-01-05T01:00:00Z");
}

static void on_demand_the_period_is_the_day(void **state)
{
    const struct schedule s = {.every = EVERY_DEMAND};
    (void)state;
    expect(&s, "2026-11-21T00:00:00Z", "2026-11-21", "2026-11-21T00:00:00Z");
    expect(&s, "2026-11-21T23:59:59Z", "2026-11-21", "2026-11-21T00:00:00Z");
}

static void names_of_other_kinds_are_none(void **state)
{
    const struct schedule day = {.every = EVERY_DAY};
    const struct schedule week = {.every = EVERY_WEEK};
    const struct schedule month = {.every = EVERY_MONTH};
    struct period p;
    (void)state;
    assert_false(schedule_period_named(&day, TEXT("2026-11"), &p));
    assert_false(schedule_period_named(&day, TEXT("2026-11-31"), &p));
    assert_false(schedule_period_named(&month, TEXT("2026-11-01"), &p));
    assert_false(schedule_period_named(&month, TEXT("2026-Q4"), &p));
    assert_false(schedule_period_named(&month, TEXT("2026"), &p));
    assert_false(schedule_period_named(&week, TEXT("2026-11"), &p));
    assert_false(schedule_period_named(&week, TEXT("2026-W54"), &p));
    assert_false(schedule_period_named(&week, TEXT("2025-W53"), &p));
    assert_false(schedule_period_named(&week, TEXT("2026-W00"), &p));
    assert_true(schedule_period_named(&week, TEXT("2026-W53"), &p));
}

static void what_is_small_is_carried_on(void **state)
{
    const struct schedule bounded = {.minimum = 1000, .fee = 30, .fee_cap_bps = 200};
    const struct payout_bounds s = schedule_bounds(&bounded);
    const struct payout_bounds free_of_bounds = {.fee = 30};
    (void)state;
    assert_int_equal(bounds_judge(&s, 999), METE_BELOW_MINIMUM);
    assert_int_equal(bounds_judge(&s, 1000), METE_FEE_ABOVE_CAP);
    assert_int_equal(bounds_judge(&s, 1499), METE_FEE_ABOVE_CAP);
    assert_int_equal(bounds_judge(&s, 1500), METE_OK);
    assert_int_equal(bounds_judge(&free_of_bounds, 1), METE_OK);
}

static void packed_and_back(void **state)
{
    const struct schedule s[] = {
        {.id = TEXT("monthly"),
         .every = EVERY_MONTH,
         .on = 28,
         .at_min = 1439,
         .since = 5,
         .asset = 17,
         .rail = TEXT("stripe"),
         .minimum = 1000,
         .fee = 25,
         .fee_cap_bps = 300},
        {.id = TEXT("pull"), .every = EVERY_DEMAND, .rail = TEXT("lightning"), .maximum = 9}};
    struct schedule *back;
    size_t count;
    struct buf b = {0};
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    schedules_pack(&b, s, 2);
    assert_true(schedules_unpack(&a, buf_bytes(&b), &back, &count));
    assert_int_equal(count, 2);
    assert_true(text_eq(back[0].id, s[0].id) && text_eq(back[1].rail, s[1].rail));
    assert_true(back[0].on == 28 && back[0].at_min == 1439 && back[0].since == 5 &&
                back[0].asset == 17 && back[0].minimum == 1000 && back[0].fee == 25 &&
                back[0].fee_cap_bps == 300 && back[1].maximum == 9);
    for (size_t cut = 0; cut < b.len; cut++) {
        assert_false(schedules_unpack(&a, (struct bytes){b.p, cut}, &back, &count));
    }
    buf_clear(&b);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(days),
                                       cmocka_unit_test(weeks),
                                       cmocka_unit_test(months),
                                       cmocka_unit_test(on_demand_the_period_is_the_day),
                                       cmocka_unit_test(names_of_other_kinds_are_none),
                                       cmocka_unit_test(what_is_small_is_carried_on),
                                       cmocka_unit_test(packed_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
