/* SPDX-License-Identifier: Apache-2.0
 * Finding a rate, and multiplying by it. Source of the crossing: the ECB sets all its rates against
 * the euro, and a cross rate is the quotient of two of them. */
#include "core/fx.h"

#include "base/i128.h"
#include "base/text.h"

#define VALUE_LIMIT ((u128)1 << 120)

struct key key_rate(struct text base, struct text quote)
{
    struct key key = key_text(KEY_RATE, base);
    key_add_u8(&key, '/');
    for (size_t i = 0; i < quote.len; i++) {
        key_add_u8(&key, (uint8_t)quote.p[i]);
    }
    return key;
}

enum view_result view_rate(const struct view *v, struct text base, struct text quote,
                           struct rate *out)
{
    struct bytes value;
    const struct key key = key_rate(base, quote);
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    *out = (struct rate){.text = read_sized(&r), .provider = read_sized(&r)};
    out->as_of = (mete_time)read_zigzag(&r);
    out->seq = read_varint(&r);
    METE_ASSERT(!r.failed);
    return ratio_parse(out->text, &out->value) && out->value.num > 0 ? VIEW_FOUND : VIEW_ABSENT;
}

/** a / b in lowest terms; false when it does not fit. */
static bool quotient(struct ratio a, struct ratio b, struct ratio *out)
{
    u128 g = u128_gcd(a.num, b.num);
    u128 h = u128_gcd(a.den, b.den);
    return !__builtin_mul_overflow(a.num / g, b.den / h, &out->num) &&
           !__builtin_mul_overflow(a.den / h, b.num / g, &out->den) && out->num < VALUE_LIMIT &&
           out->den < VALUE_LIMIT;
}

/* --- finding -----------------------------------------------------------------------------------*/

struct search {
    const struct view *v;
    mete_time now;
    bool is_missing; /* the view lacks something */
    bool is_old;     /* there was one */
};

static bool rate_take(struct search *s, struct text base, struct text quote, struct rate *out)
{
    enum view_result found = view_rate(s->v, base, quote, out);
    s->is_missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return false;
    }
    bool fresh = s->now - out->as_of <= RATE_AGE_MAX;
    s->is_old |= !fresh;
    return fresh;
}

static bool direct_take(struct search *s, struct text from, struct text to, struct fx *out)
{
    struct rate r;
    if (rate_take(s, from, to, &r)) {
        *out = (struct fx){r.value, r.seq, r.seq};
        return true;
    }
    if (rate_take(s, to, from, &r)) {
        *out = (struct fx){{r.value.den, r.value.num}, r.seq, r.seq};
        return true;
    }
    return false;
}

static bool crossed_take(struct search *s, struct text from, struct text to, struct fx *out)
{
    static const struct text over[] = {{"EUR", 3}, {"USD", 3}};
    for (size_t i = 0; i < ARRAY_LEN(over); i++) {
        struct rate first, second;
        if (rate_take(s, over[i], from, &first) && rate_take(s, over[i], to, &second) &&
            quotient(second.value, first.value, &out->value)) {
            out->from_seq = first.seq;
            out->to_seq = second.seq;
            return true;
        }
    }
    return false;
}

enum mete_code fx_find(const struct view *v, mete_time now, struct text from, struct text to,
                       struct fx *out)
{
    struct search s = {.v = v, .now = now};
    if (direct_take(&s, from, to, out) || crossed_take(&s, from, to, out)) {
        return s.is_missing ? METE_STORE_FAILED : METE_OK;
    }
    return s.is_missing ? METE_STORE_FAILED : s.is_old ? METE_RATE_OLD : METE_RATE_MISSING;
}

/* --- computing ---------------------------------------------------------------------------------*/

bool fx_amount(const struct fx *x, i128 amount, const struct asset *from, const struct asset *to,
               i128 *out)
{
    bool up = to->scale >= from->scale;
    const u128 ten = u128_pow10(up ? to->scale - from->scale : from->scale - to->scale);
    const struct ratio by = up ? (struct ratio){1, ten} : (struct ratio){ten, 1};
    struct ratio r;
    u128 rest;
    if (!quotient(x->value, by, &r)) {
        return false;
    }
    const struct u256 product = u256_mul((u128)amount, r.num);
    if (product.hi >= r.den) {
        return false;
    }
    u128 made = u256_div(product, r.den, &rest);
    *out = (i128)made;
    return made < VALUE_LIMIT;
}
