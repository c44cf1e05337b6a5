/* SPDX-License-Identifier: Apache-2.0
 * A price is its digits without the point, and the number of places behind it. */
#include "wire/x402/price.h"

#include <string.h>

#include "base/text.h"
#include "wire/url.h"

#define PERCENT_PLACES 2
#define WHOLE          10000 /* 100 % with its two places */

static struct text trimmed(struct text t)
{
    while (t.len > 0 && (t.p[0] == ' ' || t.p[0] == '\t')) {
        t = (struct text){t.p + 1, t.len - 1};
    }
    while (t.len > 0 && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t')) {
        t.len--;
    }
    return t;
}

/* How many characters from the start are digits with at most one point between digits. */
static size_t number_len(struct text t)
{
    size_t len = 0;
    bool has_point = false;
    while (len < t.len) {
        bool is_point = t.p[len] == '.' && !has_point && len > 0 && len + 1 < t.len &&
                        char_is_digit(t.p[len + 1]);
        if (!char_is_digit(t.p[len]) && !is_point) {
            break;
        }
        has_point |= is_point;
        len++;
    }
    return len;
}

static bool is_symbol(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        bool is_later = char_is_digit(t.p[i]) || t.p[i] == '.';
        if (!char_is_letter(t.p[i]) && !(i > 0 && is_later)) {
            return false;
        }
    }
    return t.len > 0;
}

static size_t places_of(struct text number)
{
    const char *point = memchr(number.p, '.', number.len);
    return point == NULL ? 0 : number.len - (size_t)(point - number.p) - 1;
}

static bool price_parse(struct text t, struct x402_price *out)
{
    bool has_dollar = t.len > 0 && t.p[0] == '$';
    struct text rest = has_dollar ? trimmed((struct text){t.p + 1, t.len - 1}) : t;
    size_t len = number_len(rest);
    struct x402_price p = {X402_PRICE_DOLLARS, {rest.p, len}, TEXT("")};
    if (len == 0) {
        return false;
    }
    struct text tail = {rest.p + len, rest.len - len};
    if (text_is(tail, "%")) {
        p.kind = X402_PRICE_PERCENT;
        *out = p;
        return !has_dollar && places_of(p.number) <= PERCENT_PLACES;
    }
    if (tail.len > 0) {
        p.symbol = trimmed(tail);
        bool is_usd = host_eq(p.symbol, TEXT("USD"));
        if (p.symbol.len == tail.len || !is_symbol(p.symbol) || (has_dollar && !is_usd)) {
            return false;
        }
        p.kind = is_usd ? X402_PRICE_DOLLARS : X402_PRICE_SYMBOL;
    } else if (!has_dollar) {
        p.kind = X402_PRICE_ATOMIC;
        if (places_of(p.number) > 0) {
            return false;
        }
    }
    if (p.kind != X402_PRICE_SYMBOL) {
        p.symbol = TEXT("");
    }
    *out = p;
    return true;
}

enum mete_code x402_price_read(struct text t, struct x402_price *out, struct mete_err *err)
{
    struct x402_price p;
    if (t.len >= X402_PRICE_TEXT_MAX || !price_parse(trimmed(t), &p)) {
        return mete_fail(err, METE_X402_PRICE, "",
                         "a price is written $0.01, or 0.01 USDC, or as a whole number of the "
                         "asset's smallest units");
    }
    *out = p;
    return METE_OK;
}

/* number * 10^places, all of whose digits have to fit. */
static enum mete_code scaled(struct text number, size_t places, struct u256 *out,
                             struct mete_err *err)
{
    char digits[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    size_t len = 0, behind = 0;
    bool is_behind = false;
    for (size_t i = 0; i < number.len; i++) {
        bool is_needed = !is_behind || behind < places;
        if (number.p[i] == '.') {
            is_behind = true;
        } else if (is_needed && (len > 0 || number.p[i] != '0')) {
            digits[len++] = number.p[i];
        } else if (!is_needed && number.p[i] != '0') {
            return mete_fail(err, METE_AMOUNT_SCALE, "",
                             "%.*s has more than the %zu decimals of the asset", (int)number.len,
                             number.p, places);
        }
        behind += is_behind && number.p[i] != '.';
    }
    for (size_t i = behind; i < places && len > 0; i++) {
        digits[len++] = '0';
    }
    if (len == 0) {
        digits[len++] = '0';
    }
    if (!u256_parse((struct text){digits, len}, out)) {
        return mete_fail(err, METE_NUMBER_RANGE, "", "the price is beyond 256 bits");
    }
    return METE_OK;
}

enum mete_code x402_price_units(const struct x402_price *p, struct text symbol, unsigned decimals,
                                struct u256 *out, struct mete_err *err)
{
    METE_ASSERT(decimals <= X402_DECIMALS_MAX && p->number.len < X402_PRICE_TEXT_MAX);
    if (p->kind == X402_PRICE_PERCENT) {
        return mete_fail(err, METE_X402_PRICE, "", "a percentage is no price by itself");
    }
    if (p->kind == X402_PRICE_SYMBOL && !host_eq(p->symbol, symbol)) {
        return mete_fail(err, METE_X402_PRICE, "", "the price is in %.*s, the asset is %.*s",
                         (int)p->symbol.len, p->symbol.p, (int)symbol.len, symbol.p);
    }
    return scaled(p->number, p->kind == X402_PRICE_ATOMIC ? 0 : decimals, out, err);
}

/* floor(v * share / WHOLE), share at most WHOLE: v is taken apart so that nothing overflows. */
static struct u256 share_of(struct u256 v, uint64_t share)
{
    char text[U256_TEXT_MAX];
    size_t len = u256_format(v, text), tail = len < 4 ? len : 4;
    struct u256 head = u256_of(0), out;
    uint64_t rest = 0;
    for (size_t i = len - tail; i < len; i++) {
        rest = rest * 10 + (uint64_t)(text[i] - '0');
    }
    if (len > tail) {
        METE_ASSERT(u256_parse((struct text){text, len - tail}, &head));
    }
    METE_ASSERT(u256_mul_small(head, share, &out));
    METE_ASSERT(u256_add(out, u256_of(rest * share / WHOLE), &out));
    return out;
}

enum mete_code x402_price_charge(const struct x402_price *p, struct u256 agreed, struct text symbol,
                                 unsigned decimals, struct u256 *out, struct mete_err *err)
{
    struct u256 v, left;
    bool is_share = p->kind == X402_PRICE_PERCENT;
    enum mete_code code = is_share ? scaled(p->number, PERCENT_PLACES, &v, err)
                                   : x402_price_units(p, symbol, decimals, &v, err);
    if (code != METE_OK) {
        return code;
    }
    if (!u256_sub(is_share ? u256_of(WHOLE) : agreed, v, &left)) {
        return mete_fail(err, METE_NUMBER_RANGE, "", "more would be charged than was agreed");
    }
    uint64_t share = 0;
    *out = is_share && u256_to_u64(v, &share) ? share_of(agreed, share) : v;
    return METE_OK;
}

size_t x402_price_format(struct u256 units, unsigned decimals, unsigned places,
                         char out[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX])
{
    METE_ASSERT(decimals <= X402_DECIMALS_MAX && places <= decimals);
    char text[U256_TEXT_MAX];
    size_t len = u256_format(units, text), at = 0;
    size_t whole = len > decimals ? len - decimals : 0;
    memcpy(out, whole == 0 ? "0" : text, whole == 0 ? 1 : whole);
    at = whole == 0 ? 1 : whole;
    out[at++] = '.';
    for (size_t i = len; i < decimals; i++) {
        out[at++] = '0';
    }
    memcpy(out + at, text + whole, len - whole);
    at += len - whole;
    for (size_t shown = decimals; shown > places && out[at - 1] == '0'; shown--) {
        at--;
    }
    at -= out[at - 1] == '.';
    out[at] = '\0';
    return at;
}
