/* SPDX-License-Identifier: Apache-2.0
 * A day is a Cube with a time, a rate a Cube within it with currency and rate. Source: the XML
 * files that the ECB publishes at its page on euro foreign exchange reference rates. */
#include "wire/bank/ecb.h"

#include "base/text.h"
#include "core/ratio.h"
#include "wire/bank/xml.h"

#include <stdlib.h>
#include <string.h>

#define PUBLISHED (15 * 3600 * TIME_SECOND_US)
#define CUBES_MAX 1000000u

struct reading {
    struct arena *a;
    struct text day;
    mete_time as_of;
    struct ecb_rate *rate;
    size_t count, cap;
};

static bool currency_is_good(struct text t)
{
    bool good = t.len == 3;
    for (size_t i = 0; i < t.len; i++) {
        good = good && t.p[i] >= 'A' && t.p[i] <= 'Z';
    }
    return good;
}

static bool day_open(struct reading *r, struct bank_xml *x, struct text day)
{
    char at[sizeof "2026-11-20T00:00:00Z"];
    if (day.len != 10 || !text_copy(at, sizeof at, arena_printf(r->a, "%.10sT00:00:00Z", day.p)) ||
        time_parse(text_of(at), &r->as_of) != TIME_OK) {
        return bank_xml_fail(x, METE_BANK_FILE, "\"%.*s\" is no day", (int)(day.len % 40), day.p);
    }
    r->as_of += PUBLISHED;
    r->day = arena_text(r->a, day);
    return true;
}

static struct ecb_rate *rate_new(struct reading *r)
{
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 64 : 2 * r->cap;
        struct ecb_rate *more = arena_array(r->a, cap, sizeof *more);
        if (r->count > 0) {
            memcpy(more, r->rate, r->count * sizeof *more);
        }
        r->rate = more;
        r->cap = cap;
    }
    return &r->rate[r->count++];
}

static bool rate_open(struct reading *r, struct bank_xml *x, struct text currency, struct text rate)
{
    struct ratio value;
    if (r->day.len == 0) {
        return bank_xml_fail(x, METE_BANK_FILE, "a rate stands outside of a day");
    }
    if (!currency_is_good(currency) || !ratio_parse(rate, &value) || value.num == 0 ||
        memchr(rate.p, '/', rate.len) != NULL || r->count == CUBES_MAX) {
        return bank_xml_fail(x, METE_BANK_FILE, "this is no rate of exchange");
    }
    *rate_new(r) =
        (struct ecb_rate){r->day, arena_text(r->a, currency), arena_text(r->a, rate), r->as_of};
    return true;
}

static bool on_open(void *ctx, struct bank_xml *x)
{
    struct reading *r = ctx;
    if (!text_is(bank_xml_name(x), "Cube")) {
        return true;
    }
    const struct text day = bank_xml_attribute_of(x, "time");
    const struct text currency = bank_xml_attribute_of(x, "currency");
    if (day.len > 0) {
        return day_open(r, x, day);
    }
    return currency.len == 0 || rate_open(r, x, currency, bank_xml_attribute_of(x, "rate"));
}

static bool on_close(void *ctx, struct bank_xml *x)
{
    (void)ctx;
    (void)x;
    return true;
}

static int by_day(const void *a, const void *b)
{
    const struct ecb_rate *x = a;
    const struct ecb_rate *y = b;
    int order = text_cmp(x->day, y->day);
    return order != 0 ? order : text_cmp(x->currency, y->currency);
}

enum mete_code ecb_rates_read(struct arena *a, struct bytes file, uint64_t salt,
                              struct ecb_rate **out, size_t *count, struct mete_err *err)
{
    struct reading r = {.a = a};
    const struct bank_xml_steps steps = {&r, on_open, on_close};
    struct bank_xml *x = bank_xml_new(&steps, salt, err);
    enum mete_code code = bank_xml_feed(x, file, true);
    bank_xml_free(x);
    if (code == METE_OK && r.count == 0) {
        code =
            mete_fail(err, METE_BANK_FILE, "",
                      "no rates of exchange stand in it; expected the ECB's eurofxref-daily.xml");
    }
    if (code == METE_OK) {
        qsort(r.rate, r.count, sizeof *r.rate, by_day);
    }
    *out = r.rate;
    *count = code == METE_OK ? r.count : 0;
    return code;
}
