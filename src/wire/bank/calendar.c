/* SPDX-License-Identifier: Apache-2.0
 * Holidays by rule. The rules of today are applied to every year. */
#include "wire/bank/calendar.h"

#include "base/text.h"
#include "base/time.h"

#include <stdio.h>

struct date {
    int year, month, day;
};

static int two(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static struct date date_of(int32_t day)
{
    char t[11];
    time_format_day(day, t);
    return (struct date){two(t) * 100 + two(t + 2), two(t + 5), two(t + 8)};
}

static int32_t day_of(int year, int month, int day)
{
    char t[32];
    int32_t out = 0;
    snprintf(t, sizeof t, "%04d-%02d-%02d", year, month, day);
    METE_ASSERT(time_parse_day(text_of(t), &out));
    return out;
}

/* 0 Monday .. 6 Sunday; 1970-01-01 was a Thursday */
static int weekday(int32_t day)
{
    return (day + 3) % 7;
}

/* The n-th Monday (0) .. Sunday (6) of a month is a date from 7n-6 to 7n. */
static bool is_nth(struct date d, int32_t day, int month, int which, int nth)
{
    return d.month == month && weekday(day) == which && d.day > 7 * (nth - 1) && d.day <= 7 * nth;
}

static bool is_fixed(struct date d, int month, int day)
{
    return d.month == month && d.day == day;
}

static bool is_us_fixed(int32_t day)
{
    struct date d = date_of(day);
    return is_fixed(d, 1, 1) || is_fixed(d, 6, 19) || is_fixed(d, 7, 4) || is_fixed(d, 11, 11) ||
           is_fixed(d, 12, 25);
}

static bool is_us_holiday(int32_t day)
{
    struct date d = date_of(day);
    bool last_monday_of_may = d.month == 5 && weekday(day) == 0 && d.day > 24;
    bool kept_on_monday = weekday(day) == 0 && day > 0 && is_us_fixed(day - 1);
    return is_us_fixed(day) || kept_on_monday || last_monday_of_may || is_nth(d, day, 1, 0, 3) ||
           is_nth(d, day, 2, 0, 3) || is_nth(d, day, 9, 0, 1) || is_nth(d, day, 10, 0, 2) ||
           is_nth(d, day, 11, 3, 4);
}

/* Easter Sunday by the Gregorian computus (Meeus, Jones and Butcher). */
static int32_t easter(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    int l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int n = h + l - 7 * m + 114;
    return day_of(year, n / 31, n % 31 + 1);
}

static bool is_target_holiday(int32_t day)
{
    struct date d = date_of(day);
    int32_t sunday = easter(d.year);
    return is_fixed(d, 1, 1) || is_fixed(d, 5, 1) || is_fixed(d, 12, 25) || is_fixed(d, 12, 26) ||
           day == sunday - 2 || day == sunday + 1;
}

/* Never more than a week away; the last days of the year 9999 stay as they are. */
static int32_t next_open(int32_t day, bool (*closed)(int32_t day))
{
    int32_t end = time_day(TIME_MAX);
    METE_ASSERT(day >= 0 && day <= end);
    while (day < end && (weekday(day) > 4 || closed(day))) {
        day++;
    }
    return day;
}

int32_t calendar_us(int32_t day)
{
    return next_open(day, is_us_holiday);
}

int32_t calendar_target(int32_t day)
{
    return next_open(day, is_target_holiday);
}
