/* SPDX-License-Identifier: Apache-2.0
 * Ids and amounts of bank files. Letters have their table in letters.c. */
#include "wire/bank/field.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/amount.h"
#include "core/asset.h"

#include <string.h>

static bool is_basic(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || (c != '\0' && strchr("/-?:().,'+ ", c) != NULL);
}

bool bank_basic(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (!is_basic(t.p[i])) {
            return false;
        }
    }
    return true;
}

static bool has_double_slash(struct text t)
{
    for (size_t i = 1; i < t.len; i++) {
        if (t.p[i - 1] == '/' && t.p[i] == '/') {
            return true;
        }
    }
    return false;
}

static bool is_end(char c)
{
    return c != '/' && c != ' ';
}

enum mete_code bank_id_check(struct text id, const char *pointer, struct mete_err *err)
{
    if (id.len == 0 || id.len > BANK_ID_MAX) {
        return mete_fail(err, METE_BANK_FIELD, pointer, "An id has 1 to %d characters, not %zu.",
                         BANK_ID_MAX, id.len);
    }
    if (!bank_basic(id)) {
        return mete_fail(err, METE_BANK_FIELD, pointer,
                         "An id has only a-z A-Z 0-9 / - ? : ( ) . , ' + and spaces.");
    }
    if (!is_end(id.p[0]) || !is_end(id.p[id.len - 1]) || has_double_slash(id)) {
        return mete_fail(err, METE_BANK_FIELD, pointer,
                         "An id neither begins nor ends with '/' or a space, nor contains '//'.");
    }
    return METE_OK;
}

enum mete_code bank_amount_scale(i128 amount, unsigned scale, unsigned decimals,
                                 const char *pointer, i128 *out, struct mete_err *err)
{
    if (amount <= 0 || !amount_in_range(amount) || scale > 30) {
        return mete_fail(err, METE_BANK_AMOUNT, pointer, "The amount must be above zero.");
    }
    u128 fine = scale > decimals ? u128_pow10(scale - decimals) : 1;
    if ((u128)amount % fine != 0) {
        return mete_fail(err, METE_BANK_AMOUNT, pointer,
                         "The amount has more than the %u decimals of its currency.", decimals);
    }
    /* `kept` has min(scale, decimals) decimals */
    u128 kept = (u128)amount / fine;
    unsigned kept_scale = scale > decimals ? decimals : scale;
    if (kept >= u128_pow10(BANK_DIGITS_MAX) ||
        kept * u128_pow10(decimals - kept_scale) >= u128_pow10(BANK_DIGITS_MAX)) {
        return mete_fail(err, METE_BANK_AMOUNT, pointer, "An amount has at most %d digits.",
                         BANK_DIGITS_MAX);
    }
    *out = (i128)(kept * u128_pow10(BANK_DECIMALS_MAX - kept_scale));
    return METE_OK;
}

bool bank_decimal_parse(struct text t, bool sign, i128 *e5, unsigned *decimals)
{
    size_t i = 0, digits = 0, after = 0;
    i128 v = 0;
    bool minus = sign && t.len > 0 && t.p[0] == '-', point = false;
    for (i = minus; i < t.len; i++) {
        if (t.p[i] == '.' && !point && digits > 0) {
            point = true;
        } else if (t.p[i] >= '0' && t.p[i] <= '9') {
            v = v * 10 + (t.p[i] - '0');
            digits++;
            after += point;
        } else {
            return false;
        }
        if (digits > BANK_DIGITS_MAX || after > BANK_DECIMALS_MAX) {
            return false;
        }
    }
    if (digits == 0 || (point && after == 0)) {
        return false;
    }
    v *= (i128)u128_pow10(BANK_DECIMALS_MAX - (unsigned)after);
    *e5 = minus ? -v : v;
    *decimals = (unsigned)after;
    return true;
}

void bank_decimal_put(struct buf *out, i128 e5, unsigned decimals)
{
    char text[AMOUNT_TEXT_MAX];
    size_t len = amount_format(e5, BANK_DECIMALS_MAX, text);
    size_t least = len - (BANK_DECIMALS_MAX - decimals);
    while (len > least && text[len - 1] == '0') {
        len--;
    }
    if (text[len - 1] == '.') {
        len--;
    }
    buf_put(out, text, len);
}

bool bank_currency_valid(struct text code)
{
    for (size_t i = 0; i < code.len; i++) {
        if (code.p[i] < 'A' || code.p[i] > 'Z') {
            return false;
        }
    }
    return code.len == BANK_CURRENCY_LEN;
}

unsigned bank_currency_decimals(struct text code)
{
    const struct asset *a = asset_builtin(code);
    return a == NULL || a->scale > BANK_DECIMALS_MAX ? BANK_DECIMALS_MAX : a->scale;
}
