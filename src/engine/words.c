/* SPDX-License-Identifier: Apache-2.0
 * Amounts, fractions and moments in words. Nothing is rounded here: what does not end is written
 * as a fraction. */
#include "engine/words.h"

#include "base/i128.h"
#include "base/text.h"
#include "core/amount.h"
#include "store/hash_seed.h"

#include <string.h>

#define DECIMAL_PLACES_MAX 12u
#define NAMES_SIZE_MAX     ((size_t)32 << 20)
#define NAMES_ARENA_MAX    ((size_t)1 << 32)

/** Copies a decimal and puts a comma before every third digit of its whole part. */
static struct text grouped(struct arena *a, struct text plain)
{
    char out[AMOUNT_TEXT_MAX * 2];
    size_t len = 0;
    size_t sign = plain.len > 0 && plain.p[0] == '-' ? 1 : 0;
    size_t point = sign;
    while (point < plain.len && plain.p[point] != '.') {
        point++;
    }
    for (size_t i = 0; i < plain.len; i++) {
        bool comma = i > sign && i < point && (point - i) % 3 == 0;
        if (comma) {
            out[len++] = ',';
        }
        out[len++] = plain.p[i];
    }
    return arena_text(a, (struct text){out, len});
}

struct text words_plain(struct arena *a, i128 amount, const struct asset *asset)
{
    char text[AMOUNT_TEXT_MAX];
    size_t len = amount_format(amount, asset->scale, text);
    return arena_text(a, (struct text){text, len});
}

struct text words_amount(struct arena *a, i128 amount, const struct asset *asset)
{
    char text[AMOUNT_TEXT_MAX];
    size_t len = amount_format(amount, asset->scale, text);
    return grouped(a, (struct text){text, len});
}

struct text words_money(struct arena *a, i128 amount, const struct asset *asset)
{
    return arena_printf(a, "%s %s", words_amount(a, amount, asset).p, asset->code);
}

struct text words_i128(struct arena *a, i128 v)
{
    char text[I128_TEXT_MAX];
    size_t len = i128_format(v, text);
    return arena_text(a, (struct text){text, len});
}

/* --- fractions
 * ----------------------------------------------------------------------------------*/

struct text words_fraction(struct arena *a, u128 num, u128 den)
{
    METE_ASSERT(den > 0);
    u128 common = num == 0 ? den : u128_gcd(num, den);
    char top[I128_TEXT_MAX];
    char bottom[I128_TEXT_MAX];
    u128_format(num / common, top);
    u128_format(den / common, bottom);
    return den == common ? arena_printf(a, "%s", top) : arena_printf(a, "%s/%s", top, bottom);
}

struct text words_weight(struct arena *a, u128 num, u128 den)
{
    struct text fraction = words_fraction(a, num, den);
    if (num == 0 || num % den == 0 || den >= (u128)1 << 120) {
        return fraction;
    }
    char digits[DECIMAL_PLACES_MAX + 1];
    size_t places = 0;
    u128 whole_num = num * 100;
    u128 rest = whole_num % den;
    while (rest != 0 && places < DECIMAL_PLACES_MAX) {
        rest *= 10;
        digits[places++] = (char)('0' + (int)(rest / den));
        rest %= den;
    }
    digits[places] = 0;
    char whole[I128_TEXT_MAX];
    u128_format(whole_num / den, whole);
    return rest != 0 ? fraction
                     : arena_printf(a, "%s%s%s %% (%s)", whole, places > 0 ? "." : "", digits,
                                    fraction.p);
}

struct text words_percent(struct arena *a, uint32_t bps)
{
    if (bps % 100 == 0) {
        return arena_printf(a, "%u %%", bps / 100);
    }
    return bps % 10 == 0 ? arena_printf(a, "%u.%u %%", bps / 100, bps % 100 / 10)
                         : arena_printf(a, "%u.%02u %%", bps / 100, bps % 100);
}

/* --- moments
 * ------------------------------------------------------------------------------------*/

struct text words_time(struct arena *a, mete_time t)
{
    char text[TIME_TEXT_MAX];
    size_t len = time_format(t, text);
    return arena_text(a, (struct text){text, len});
}

struct text words_moment(struct arena *a, mete_time t)
{
    bool ends_day = t > TIME_MIN && t < TIME_MAX && (t + 1) % TIME_DAY_US == 0;
    if (t >= TIME_MIN && t <= TIME_MAX && (t % TIME_DAY_US == 0 || ends_day)) {
        return words_day(a, time_day(t));
    }
    return words_time(a, t);
}

struct text words_from(struct arena *a, mete_time from)
{
    return from == TIME_ALWAYS ? TEXT("the beginning") : words_moment(a, from);
}

struct text words_day(struct arena *a, int32_t day)
{
    char text[11];
    if (day > time_day(TIME_MAX)) {
        return TEXT("never");
    }
    time_format_day(day, text);
    return arena_text(a, text_of(text));
}

/* --- names
 * --------------------------------------------------------------------------------------*/

void names_init(struct names *n, const struct view *view)
{
    n->view = view;
    map_init(&n->party, sizeof(struct text), hash_seed());
    map_init(&n->asset, sizeof(struct asset *), hash_seed());
    arena_init(&n->arena, NAMES_ARENA_MAX);
    arena_init(&n->assets, NAMES_ARENA_MAX);
}

void names_clear(struct names *n)
{
    map_clear(&n->party);
    map_clear(&n->asset);
    arena_clear(&n->arena);
    arena_clear(&n->assets);
}

struct text names_party(struct names *n, uint32_t number)
{
    bool made = false;
    struct bytes key = {(const uint8_t *)&number, sizeof number};
    struct text *slot = map_put(&n->party, key, &made);
    if (made) {
        struct text id;
        *slot = TEXT("?");
        if (view_party_id(n->view, number, &id) == VIEW_FOUND) {
            *slot = arena_text(&n->arena, id);
        }
    }
    return *slot;
}

const struct asset *names_asset(struct names *n, uint32_t number)
{
    const struct asset *builtin = asset_builtin_number(number);
    if (builtin != NULL) {
        return builtin;
    }
    bool made = false;
    struct bytes key = {(const uint8_t *)&number, sizeof number};
    struct asset **slot = map_put(&n->asset, key, &made);
    if (made) {
        *slot = arena_alloc(&n->assets, sizeof **slot);
        if (view_asset_number(n->view, number, *slot) != VIEW_FOUND) {
            **slot = (struct asset){.number = number, .code = "?"};
        }
    }
    return *slot;
}

void names_trim(struct names *n)
{
    if (n->arena.size > NAMES_SIZE_MAX) {
        map_reset(&n->party);
        arena_reset(&n->arena);
    }
}
