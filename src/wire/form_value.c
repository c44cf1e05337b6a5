/* SPDX-License-Identifier: Apache-2.0
 * Numbers, money and moments in JSON. A JSON number counts by its RFC 8785 form, because that is
 * what the log keeps: whatever is accepted here reads the same when it comes back from there. */
#include <stdio.h>
#include <string.h>

#include "base/jsnum.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/asset.h"
#include "wire/form.h"

/* Digits, with at most one point between digits. */
static bool is_plain_decimal(struct text t)
{
    size_t points = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == '.' && i > 0 && i + 1 < t.len) {
            points++;
        } else if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
    }
    return t.len > 0 && points <= 1;
}

/* A decimal that a string may hold is told from one that only a number has. */
static enum mete_code number_decimal(const struct form_in *in, const struct json *j,
                                     enum mete_code code, struct text *out)
{
    char form[JSNUM_TEXT_MAX];
    size_t len = 0;
    switch (jsnum_format(j->text, form, &len)) {
    case JSNUM_INEXACT:
        return form_fail(in, j, METE_NUMBER_INEXACT,
                         "this number has more digits than JSON readers keep; send it as a string");
    case JSNUM_RANGE:
        return form_fail(in, j, METE_NUMBER_RANGE,
                         "this number is larger than JSON readers can hold; send it as a string");
    case JSNUM_EXACT:
        break;
    }
    struct text decimal = {form, len};
    if (!is_plain_decimal(j->text) || !is_plain_decimal(decimal)) {
        return form_fail(in, j, code,
                         "expected digits with at most one point, without sign and "
                         "exponent; very small or large values go into a string");
    }
    *out = text_eq(decimal, j->text) ? j->text : arena_text(in->arena, decimal);
    return METE_OK;
}

enum mete_code form_decimal(const struct form_in *in, const struct json *j, enum mete_code code,
                            struct text *out)
{
    if (j->type == JSON_NUMBER) {
        return number_decimal(in, j, code, out);
    }
    if (j->type != JSON_STRING) {
        return form_fail(in, j, METE_MEMBER_TYPE, "expected a decimal in a string, or a number");
    }
    if (!is_plain_decimal(j->text)) {
        return form_fail(in, j, code,
                         "expected digits with at most one point, without sign and exponent");
    }
    *out = j->text;
    return METE_OK;
}

enum mete_code form_ratio(const struct form_in *in, const struct json *j, struct ratio *out)
{
    struct text t = j->text;
    if (j->type == JSON_NUMBER) {
        enum mete_code code = number_decimal(in, j, METE_WEIGHT_INVALID, &t);
        if (code != METE_OK) {
            return code;
        }
    } else if (j->type != JSON_STRING) {
        return form_fail(in, j, METE_MEMBER_TYPE,
                         "expected a number, or a string with a decimal "
                         "or a fraction");
    }
    if (!ratio_parse(t, out)) {
        return form_fail(in, j, METE_WEIGHT_INVALID,
                         "expected a decimal such as 0.25 or a fraction such as \"1/3\"");
    }
    return METE_OK;
}

enum mete_code form_integer(const struct form_in *in, const struct json *j, int64_t min,
                            int64_t max, int64_t *out)
{
    if (json_int(j, min, max, out)) {
        return METE_OK;
    }
    bool integer = j->type == JSON_NUMBER;
    for (size_t i = 0; integer && i < j->text.len; i++) {
        integer = j->text.p[i] == '-' || (j->text.p[i] >= '0' && j->text.p[i] <= '9');
    }
    if (!integer) {
        return form_fail(in, j, METE_MEMBER_TYPE, "expected an integer");
    }
    return form_fail(in, j, METE_NUMBER_RANGE, "expected an integer from %lld to %lld",
                     (long long)min, (long long)max);
}

enum mete_code form_time(const struct form_in *in, const struct json *j, bool dates,
                         bool end_of_day, mete_time *out)
{
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    enum time_parse parsed =
        dates ? time_parse_date(j->text, end_of_day, out) : time_parse(j->text, out);
    switch (parsed) {
    case TIME_OK:
        return METE_OK;
    case TIME_INVALID:
        return form_fail(in, j, METE_TIME_INVALID,
                         "expected an RFC 3339 time such as "
                         "2025-01-31T12:00:00Z%s",
                         dates ? ", or a day such as 2025-01-31" : "");
    case TIME_RANGE:
        return form_fail(in, j, METE_TIME_RANGE, "expected a time from 1970 to 9999");
    }
    METE_ASSERT(false);
}

/* "USD", or "USD/2" where 2 is what mete knows to be the scale of USD. */
enum mete_code field_currency(const struct form_in *in, const struct field *f, const struct json *j,
                              void *out)
{
    (void)f;
    enum mete_code code = form_type(in, j, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    struct text name = j->text;
    const char *slash = name.len > 0 ? memchr(name.p, '/', name.len) : NULL;
    if (slash != NULL) {
        name.len = (size_t)(slash - name.p);
        const struct asset *asset = asset_builtin(name);
        struct text scale = {slash + 1, j->text.len - name.len - 1};
        char digits[8];
        if (asset != NULL) {
            snprintf(digits, sizeof digits, "%u", (unsigned)asset->scale);
        }
        if (asset == NULL || !text_is(scale, digits)) {
            return form_fail(in, j, METE_CURRENCY_UNKNOWN,
                             "the part after the slash is not the scale of a currency that mete "
                             "knows from the start; leave it out");
        }
    }
    if (!asset_code_valid(name)) {
        return form_fail(in, j, METE_CURRENCY_UNKNOWN, "expected a currency code such as USD");
    }
    *(struct text *)out = name;
    return METE_OK;
}

enum mete_code field_decimal(const struct form_in *in, const struct field *f, const struct json *j,
                             void *out)
{
    (void)f;
    return form_decimal(in, j, METE_AMOUNT_INVALID, out);
}

static const struct field money_fields[] = {
    {TEXT("amount"), field_decimal, true, offsetof(struct money, amount), 0, 0, NULL},
    {TEXT("currency"), field_currency, true, offsetof(struct money, currency), 0, 0, NULL}};
FORM(money_form, money_fields);
FORM_STRICT(money_form_strict, money_fields);

enum mete_code form_money(const struct form_in *in, const struct json *j, bool strict,
                          struct money *out)
{
    return form_read(in, strict ? &money_form_strict : &money_form, j, out);
}

/* Readers for tables. */

enum mete_code field_money(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    (void)f;
    return form_money(in, j, false, out);
}

enum mete_code field_ratio(const struct form_in *in, const struct field *f, const struct json *j,
                           void *out)
{
    (void)f;
    return form_ratio(in, j, out);
}

enum mete_code field_u64(const struct form_in *in, const struct field *f, const struct json *j,
                         void *out)
{
    int64_t v = 0;
    METE_ASSERT(f->min >= 0);
    enum mete_code code = form_integer(in, j, f->min, f->max, &v);
    if (code == METE_OK) {
        *(uint64_t *)out = (uint64_t)v;
    }
    return code;
}

enum mete_code field_i32(const struct form_in *in, const struct field *f, const struct json *j,
                         void *out)
{
    int64_t v = 0;
    METE_ASSERT(f->min >= INT32_MIN && f->max <= INT32_MAX);
    enum mete_code code = form_integer(in, j, f->min, f->max, &v);
    if (code == METE_OK) {
        *(int32_t *)out = (int32_t)v;
    }
    return code;
}

enum mete_code field_u8(const struct form_in *in, const struct field *f, const struct json *j,
                        void *out)
{
    int64_t v = 0;
    METE_ASSERT(f->min >= 0 && f->max <= UINT8_MAX);
    enum mete_code code = form_integer(in, j, f->min, f->max, &v);
    if (code == METE_OK) {
        *(uint8_t *)out = (uint8_t)v;
    }
    return code;
}

static enum mete_code form_bool(const struct form_in *in, const struct json *j, bool *out)
{
    if (j->type != JSON_TRUE && j->type != JSON_FALSE) {
        return form_fail(in, j, METE_MEMBER_TYPE, "expected true or false");
    }
    *out = j->type == JSON_TRUE;
    return METE_OK;
}

enum mete_code field_bool(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    (void)f;
    return form_bool(in, j, out);
}

enum mete_code field_flag(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    (void)f;
    bool v = false;
    enum mete_code code = form_bool(in, j, &v);
    if (code == METE_OK) {
        *(int8_t *)out = v ? 1 : 0;
    }
    return code;
}

enum mete_code field_time(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    (void)f;
    return form_time(in, j, false, false, out);
}

static enum mete_code when_read(const struct form_in *in, const struct json *j, bool dates,
                                bool end_of_day, struct when *out)
{
    enum mete_code code = form_time(in, j, dates, end_of_day, &out->at);
    out->set = code == METE_OK;
    return code;
}

enum mete_code field_when(const struct form_in *in, const struct field *f, const struct json *j,
                          void *out)
{
    (void)f;
    return when_read(in, j, false, false, out);
}

enum mete_code field_when_start(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    return when_read(in, j, true, false, out);
}

enum mete_code field_when_end(const struct form_in *in, const struct field *f, const struct json *j,
                              void *out)
{
    (void)f;
    return when_read(in, j, true, true, out);
}
