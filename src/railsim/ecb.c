/* SPDX-License-Identifier: Apache-2.0
 * The ECB's daily reference rates: made up, but of plausible size, the same for a day and a seed,
 * and dated the last day that was published: TARGET days, in the afternoon. */
#include "railsim/parts.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/bank/calendar.h"

#define PUBLISHED_US ((int64_t)15 * 3600 * TIME_SECOND_US) /* 16:00 CET */

struct rate {
    const char *currency;
    int64_t base; /* a euro in it, in units of 10^-decimals */
    unsigned decimals;
};

static const struct rate RATES[] = {
    {"USD", 11000, 4},  {"JPY", 16000, 2},  {"BGN", 19558, 4},  {"CZK", 25000, 3},
    {"DKK", 74600, 4},  {"GBP", 85000, 5},  {"HUF", 40000, 2},  {"PLN", 43000, 4},
    {"RON", 50000, 4},  {"SEK", 112000, 4}, {"CHF", 9500, 4},   {"ISK", 14500, 2},
    {"NOK", 117000, 4}, {"TRY", 400000, 4}, {"AUD", 17000, 4},  {"BRL", 60000, 4},
    {"CAD", 15500, 4},  {"CNY", 80000, 4},  {"HKD", 86000, 4},  {"IDR", 1800000, 2},
    {"ILS", 40000, 4},  {"INR", 950000, 4}, {"KRW", 155000, 2}, {"MXN", 210000, 4},
    {"MYR", 48000, 4},  {"NZD", 18500, 4},  {"PHP", 63000, 3},  {"SGD", 14600, 4},
    {"THB", 37000, 3},  {"ZAR", 200000, 4}};

/** Up to 3 of a hundred away from the base. */
static int64_t rate_on(const struct sim *s, const struct rate *r, int32_t day)
{
    struct hash h = state_secret(s, r->currency, day);
    int64_t off = ((int64_t)h.b[0] * 256 + h.b[1]) % 601 - 300; /* of ten thousand */
    /* a peg is a peg */
    return text_is(text_of(r->currency), "BGN") ? r->base : r->base + r->base * off / 10000;
}

static void rate_put(struct buf *out, int64_t value, unsigned decimals)
{
    int64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++) {
        unit *= 10;
    }
    buf_printf(out, "%lld.%0*lld", (long long)(value / unit), (int)decimals,
               (long long)(value % unit));
}

/** The last day that is published at a moment. */
static int32_t day_published(int64_t now_us)
{
    int32_t day = time_day(now_us - PUBLISHED_US);
    while (calendar_target(day) != day) {
        day--;
    }
    return day;
}

static void daily(struct call *c)
{
    char day_text[11];
    int32_t day = day_published(c->now_us);
    time_format_day(day, day_text);
    call_plain(c, 200, "");
    c->type = "text/xml";
    buf_printf(&c->out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" "
               "xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">\n"
               "\t<gesmes:subject>Reference rates</gesmes:subject>\n"
               "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n"
               "\t</gesmes:Sender>\n\t<Cube>\n\t\t<Cube time='%s'>\n",
               day_text);
    for (size_t i = 0; i < ARRAY_LEN(RATES); i++) {
        buf_printf(&c->out, "\t\t\t<Cube currency='%s' rate='", RATES[i].currency);
        rate_put(&c->out, rate_on(c->s, &RATES[i], day), RATES[i].decimals);
        buf_put_str(&c->out, "'/>\n");
    }
    buf_put_str(&c->out, "\t\t</Cube>\n\t</Cube>\n</gesmes:Envelope>\n");
}

const struct route ecb_routes[] = {
    {"GET", "/ecb/stats/eurofxref/eurofxref-daily.xml", "ecb.rates", DOES_ANSWER, daily},
    {NULL, NULL, NULL, 0, NULL}};
