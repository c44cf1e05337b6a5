/* SPDX-License-Identifier: Apache-2.0
 * The proleptic Gregorian calendar and RFC 3339 text. No clock, no time zone data, no leap second
 * table: a day has 86400 seconds, as in POSIX. */
#include "base/time.h"

#include <stdio.h>
#include <string.h>

#define YEAR_MIN    1970
#define YEAR_MAX    9999
#define DAY_SECONDS 86400

struct date {
    int64_t year;
    unsigned month; /* 1 .. 12 */
    unsigned day;   /* 1 .. 31 */
};

/* Days of the year before each month, for years without a leap day. */
static const uint16_t DAYS_BEFORE_MONTH[] = {0,   31,  59,  90,  120, 151, 181,
                                             212, 243, 273, 304, 334, 365};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month(int64_t year, unsigned month)
{
    unsigned days = (unsigned)DAYS_BEFORE_MONTH[month] - DAYS_BEFORE_MONTH[month - 1];
    return days + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January of `year`. */
static int64_t days_before_year(int64_t year)
{
    int64_t last = year - 1;
    int64_t leap_days = floor_div(last, 4) - floor_div(last, 100) + floor_div(last, 400);
    return 365 * (year - 1970) + leap_days - 477; /* 477 leap days from year 1 to 1969 */
}

static int64_t date_to_day(struct date d)
{
    int64_t before = DAYS_BEFORE_MONTH[d.month - 1] + (d.month > 2 && is_leap(d.year));
    return days_before_year(d.year) + before + d.day - 1;
}

static struct date date_of_day(int64_t day)
{
    /* 400 years have 146097 days; the estimate is off by one year at most. */
    int64_t year = 1970 + floor_div(day * 400, 146097);
    while (days_before_year(year) > day) {
        year--;
    }
    while (days_before_year(year + 1) <= day) {
        year++;
    }
    unsigned rest = (unsigned)(day - days_before_year(year));
    unsigned month = 1;
    while (rest >= days_of_month(year, month)) {
        rest -= days_of_month(year, month);
        month++;
    }
    return (struct date){year, month, rest + 1};
}

/* Exactly `count` digits at the head of `t`, which is shortened by them. */
static bool take_digits(struct text *t, size_t count, unsigned *out)
{
    if (t->len < count) {
        return false;
    }
    unsigned v = 0;
    for (size_t i = 0; i < count; i++) {
        if (t->p[i] < '0' || t->p[i] > '9') {
            return false;
        }
        v = v * 10 + (unsigned)(t->p[i] - '0');
    }
    *out = v;
    t->p += count;
    t->len -= count;
    return true;
}

static bool take_char(struct text *t, char c)
{
    if (t->len == 0 || *t->p != c) {
        return false;
    }
    t->p++;
    t->len--;
    return true;
}

static bool take_date(struct text *t, struct date *d)
{
    unsigned year;
    if (!take_digits(t, 4, &year) || !take_char(t, '-') || !take_digits(t, 2, &d->month) ||
        !take_char(t, '-') || !take_digits(t, 2, &d->day)) {
        return false;
    }
    d->year = year;
    return d->month >= 1 && d->month <= 12 && d->day >= 1 &&
           d->day <= days_of_month(d->year, d->month);
}

/* "hh:mm" as seconds. */
static bool take_hour_minute(struct text *t, int64_t *seconds)
{
    unsigned hour, minute;
    if (!take_digits(t, 2, &hour) || !take_char(t, ':') || !take_digits(t, 2, &minute)) {
        return false;
    }
    *seconds = (int64_t)hour * 3600 + (int64_t)minute * 60;
    return hour <= 23 && minute <= 59;
}

/* ".123456789" or nothing, as microseconds. */
static bool take_fraction(struct text *t, unsigned *us)
{
    *us = 0;
    if (!take_char(t, '.')) {
        return true;
    }
    size_t count = 0;
    unsigned digit;
    for (; count < 9 && take_digits(t, 1, &digit); count++) {
        *us = count < 6 ? *us * 10 + digit : *us;
    }
    for (size_t i = count; i < 6; i++) {
        *us *= 10;
    }
    return count > 0;
}

/* "Z" or "+hh:mm" or "-hh:mm", as seconds that local time is ahead of UTC. */
static bool take_offset(struct text *t, int64_t *seconds)
{
    *seconds = 0;
    if (take_char(t, 'Z') || take_char(t, 'z')) {
        return true;
    }
    bool west = take_char(t, '-');
    if (!west && !take_char(t, '+')) {
        return false;
    }
    if (!take_hour_minute(t, seconds)) {
        return false;
    }
    *seconds = west ? -*seconds : *seconds;
    return true;
}

/* "hh:mm:ss" with fraction, as microseconds of the day. */
static bool take_clock(struct text *t, int64_t *us)
{
    int64_t minutes;
    unsigned second, fraction;
    if (!take_hour_minute(t, &minutes) || !take_char(t, ':') || !take_digits(t, 2, &second) ||
        !take_fraction(t, &fraction) || second > 60) {
        return false;
    }
    /* The count has no place for a leap second: it reads as the moment before it ends. */
    int64_t in_minute = second == 60 ? 60 * TIME_SECOND_US - 1 : second * TIME_SECOND_US + fraction;
    *us = minutes * TIME_SECOND_US + in_minute;
    return true;
}

enum time_parse time_parse(struct text t, mete_time *out)
{
    struct date date;
    int64_t clock_us, ahead;
    if (!take_date(&t, &date) || (!take_char(&t, 'T') && !take_char(&t, 't')) ||
        !take_clock(&t, &clock_us) || !take_offset(&t, &ahead) || t.len != 0) {
        return TIME_INVALID;
    }
    mete_time moment = date_to_day(date) * TIME_DAY_US + clock_us - ahead * TIME_SECOND_US;
    if (moment < TIME_MIN || moment > TIME_MAX) {
        return TIME_RANGE;
    }
    *out = moment;
    return TIME_OK;
}

/* A date alone; its day number is that of `out`. */
static enum time_parse parse_date(struct text t, int32_t *day)
{
    struct date date;
    if (!take_date(&t, &date) || t.len != 0) {
        return TIME_INVALID;
    }
    if (date.year < YEAR_MIN) {
        return TIME_RANGE;
    }
    *day = (int32_t)date_to_day(date);
    return TIME_OK;
}

enum time_parse time_parse_date(struct text t, bool end_of_day, mete_time *out)
{
    int32_t day;
    enum time_parse result = parse_date(t, &day);
    if (result == TIME_OK) {
        *out = time_of_day(day) + (end_of_day ? TIME_DAY_US - 1 : 0);
    }
    return result == TIME_INVALID ? time_parse(t, out) : result;
}

bool time_parse_day(struct text t, int32_t *day)
{
    return parse_date(t, day) == TIME_OK;
}

mete_time time_of_seconds(uint64_t s)
{
    const uint64_t last = (uint64_t)(TIME_MAX / TIME_SECOND_US);
    return (mete_time)(s < last ? s : last) * TIME_SECOND_US;
}

int32_t time_day(mete_time t)
{
    return (int32_t)floor_div(t, TIME_DAY_US);
}

mete_time time_of_day(int32_t day)
{
    mete_time t;
    if (__builtin_mul_overflow((mete_time)day, TIME_DAY_US, &t)) {
        return day < 0 ? TIME_ALWAYS : TIME_NEVER;
    }
    return t;
}

static void put_two(char *out, unsigned v)
{
    out[0] = (char)('0' + v / 10 % 10);
    out[1] = (char)('0' + v % 10);
}

/* "YYYY-MM-DD"; years outside 0 .. 9999, which no input can have, take the digits they need. */
static char *put_date(char *p, struct date d)
{
    if (d.year >= 0 && d.year <= YEAR_MAX) {
        put_two(p, (unsigned)d.year / 100);
        put_two(p + 2, (unsigned)d.year);
        p += 4;
    } else {
        p += snprintf(p, 8, "%d", (int)d.year);
    }
    *p++ = '-';
    put_two(p, d.month);
    p[2] = '-';
    put_two(p + 3, d.day);
    return p + 5;
}

void time_format_day(int32_t day, char out[11])
{
    struct date d = date_of_day(day);
    METE_ASSERT(d.year >= 0 && d.year <= YEAR_MAX);
    *put_date(out, d) = '\0';
}

/* The fraction of `us` microseconds with its point: 0, 3 or 6 digits. */
static char *put_fraction(char *p, unsigned us)
{
    if (us == 0) {
        return p;
    }
    unsigned digits = us % 1000 == 0 ? 3 : 6;
    unsigned v = digits == 3 ? us / 1000 : us;
    *p = '.';
    for (unsigned i = digits; i > 0; i--) {
        p[i] = (char)('0' + v % 10);
        v /= 10;
    }
    return p + 1 + digits;
}

/* "hh:mm:ss" and the fraction. */
static char *put_clock(char *p, int64_t us_of_day)
{
    unsigned seconds = (unsigned)(us_of_day / TIME_SECOND_US);
    put_two(p, seconds / 3600);
    p[2] = ':';
    put_two(p + 3, seconds / 60 % 60);
    p[5] = ':';
    put_two(p + 6, seconds % 60);
    return put_fraction(p + 8, (unsigned)(us_of_day % TIME_SECOND_US));
}

size_t time_format(mete_time t, char out[TIME_TEXT_MAX])
{
    if (t == TIME_NEVER || t == TIME_ALWAYS) {
        struct text word = t == TIME_NEVER ? TEXT("never") : TEXT("always");
        memcpy(out, word.p, word.len + 1);
        return word.len;
    }
    int64_t day = floor_div(t, TIME_DAY_US);
    /* Not t - day * TIME_DAY_US: the product leaves 64 bits near TIME_ALWAYS. */
    int64_t us_of_day = t % TIME_DAY_US;
    char *p = put_date(out, date_of_day(day));
    *p++ = 'T';
    p = put_clock(p, us_of_day < 0 ? us_of_day + TIME_DAY_US : us_of_day);
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

/* One part of a year: its first day and the day after its last. */
struct span {
    int64_t first;
    int64_t after;
};

static struct span months_of(int64_t year, unsigned first, unsigned count)
{
    unsigned after = first + count; /* at most 13 */
    struct date from = {year, first, 1};
    struct date until = {year + (after > 12), after > 12 ? 1 : after, 1};
    return (struct span){date_to_day(from), date_to_day(until)};
}

/* What follows the year: "" or "-Qn" or "-mm" or "-mm-dd". */
static bool take_span(struct text rest, int64_t year, struct span *span)
{
    unsigned n, day;
    if (rest.len == 0) {
        *span = months_of(year, 1, 12);
        return true;
    }
    if (!take_char(&rest, '-')) {
        return false;
    }
    if (take_char(&rest, 'Q')) {
        if (!take_digits(&rest, 1, &n) || n < 1 || n > 4 || rest.len != 0) {
            return false;
        }
        *span = months_of(year, 3 * n - 2, 3);
        return true;
    }
    if (!take_digits(&rest, 2, &n) || n < 1 || n > 12) {
        return false;
    }
    *span = months_of(year, n, 1);
    if (rest.len == 0) {
        return true;
    }
    if (!take_char(&rest, '-') || !take_digits(&rest, 2, &day) || rest.len != 0 || day < 1 ||
        day > days_of_month(year, n)) {
        return false;
    }
    span->first += day - 1;
    span->after = span->first + 1;
    return true;
}

bool time_parse_period(struct text t, mete_time *from, mete_time *until)
{
    unsigned year;
    struct span span;
    if (!take_digits(&t, 4, &year) || year < YEAR_MIN || !take_span(t, year, &span)) {
        return false;
    }
    *from = span.first * TIME_DAY_US;
    *until = span.after * TIME_DAY_US;
    return true;
}
