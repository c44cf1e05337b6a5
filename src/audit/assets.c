/* SPDX-License-Identifier: Apache-2.0
 * The assets that every book knows (ISO 4217 and the coins of the event catalog) and those that it
 * defines. Which number stands for a code is learnt from the decisions and must never change. */
#include "audit/book.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"

#define OWN_FIRST 1000u

/* Three letters each. Source: ISO 4217, list one, with the minor units given there. */
static const char two_decimals[] = "AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBMDBNDBOBBOVBRLBSDBTN"
                                   "BWPBYNBZDCADCDFCHECHFCHWCNYCOPCOU"
                                   "CRCCUCCUPCVECZKDKKDOPDZDEGPERNETBEUREURFJDFKPGBPGELGHSGIPGMDGTQ"
                                   "GYDHKDHNLHRKHTGHUFIDRILSINRIRRJMD"
                                   "KESKGSKHRKPWKYDKZTLAKLBPLKRLRDLSLMADMDLMGAMKDMMKMNTMOPMRUMURMVR"
                                   "MWKMXNMXVMYRMZNNADNGNNIONOKNPRNZD"
                                   "PABPENPGKPHPPKRPLNQARRONRSDRUBSARSBDSCRSDGSEKSGDSHPSLESLLSOSSRD"
                                   "SSPSTNSVCSYPSZLTHBTJSTMTTOPTRYTTD"
                                   "TWDTZSUAHUSDUSNUYUUZSVEDVESWSTXADXCDXCGYERZARZMWZWGZWL";
static const char no_decimals[] = "BIFCLPDJFGNFISKJPYKMFKRWPYGRWFUGXUYIVNDVUVXAFXOFXPF";
static const char three_decimals[] = "BHDIQDJODKWDLYDOMRTND";
static const char four_decimals[] = "CLFUYW";

static const struct {
    const char *code;
    uint32_t scale;
} coins[] = {
    {"SAT", 0},  {"MSAT", 0},  {"BTC", 8}, {"USDC", 6}, {"USDT", 6}, {"EURC", 6},
    {"ETH", 18}, {"AVAX", 18}, {"SOL", 9}, {"POL", 18}, {"BNB", 18},
};

static bool is_listed(const char *list, struct text code)
{
    for (const char *p = list; *p != '\0'; p += 3) {
        if (memcmp(p, code.p, 3) == 0) {
            return true;
        }
    }
    return false;
}

static bool known_scale(struct text code, uint32_t *scale)
{
    static const char *const lists[] = {no_decimals, NULL, two_decimals, three_decimals,
                                        four_decimals};
    for (size_t i = 0; i < ARRAY_LEN(coins); i++) {
        if (text_is(code, coins[i].code)) {
            *scale = coins[i].scale;
            return true;
        }
    }
    for (uint32_t i = 0; code.len == 3 && i < ARRAY_LEN(lists); i++) {
        if (lists[i] != NULL && is_listed(lists[i], code)) {
            *scale = i;
            return true;
        }
    }
    return false;
}

static struct asset *add(struct book *b, struct text code, uint32_t scale)
{
    struct asset *a = arena_alloc(&b->keep, sizeof *a);
    a->code = arena_text(&b->keep, code);
    a->scale = scale;
    *(struct asset **)map_put(&b->asset_of, text_bytes(code), NULL) = a;
    return a;
}

struct asset *book_asset(struct book *b, struct text code)
{
    struct asset **known = map_get(&b->asset_of, text_bytes(code));
    if (known != NULL) {
        return *known;
    }
    uint32_t scale;
    return known_scale(code, &scale) ? add(b, code, scale) : NULL;
}

struct asset *book_asset_numbered(struct book *b, uint32_t number)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (number != 0 && map_next(&b->asset_of, &i, &key, &value)) {
        struct asset *a = *(struct asset **)value;
        if (a->number == number) {
            return a;
        }
    }
    return NULL;
}

bool asset_learn(struct book *b, struct asset *asset, uint32_t number)
{
    if (asset->number == number) {
        return true;
    }
    bool own = number >= OWN_FIRST;
    if (asset->number != 0 || number == 0 || own != (asset->own != 0) ||
        (own && number != asset->own) || book_asset_numbered(b, number) != NULL) {
        return false;
    }
    asset->number = number;
    return true;
}

void asset_format(const struct asset *a, char out[64])
{
    (void)snprintf(out, 64, "%.*s/%" PRIu32, (int)(a->code.len < 50 ? a->code.len : 50), a->code.p,
                   a->scale);
}

struct asset *book_asset_named(struct book *b, struct text code_and_scale)
{
    struct text code = code_and_scale;
    while (code.len > 0 && code.p[code.len - 1] != '/') {
        code.len--;
    }
    if (code.len == 0) {
        return NULL;
    }
    struct text scale = {code.p + code.len, code_and_scale.len - code.len};
    code.len--;
    struct asset *a = book_asset(b, code);
    u128 v;
    return a != NULL && u128_parse(scale, &v) && v == a->scale ? a : NULL;
}

bool asset_minor(const struct asset *a, const struct frac *major, i128 *minor)
{
    struct frac ten, f;
    struct big power, one;
    big_pow10(&power, a->scale);
    big_set(&one, 1);
    return frac_of(&ten, &power, &one) && frac_mul(&f, major, &ten) && big_bits(&f.den) == 1 &&
           frac_floor(&f, minor);
}

bool book_money(struct book *b, const struct json *money, struct asset **asset, i128 *minor)
{
    struct frac amount;
    *asset = book_asset(b, member_text(money, "currency"));
    return *asset != NULL && member_frac(money, "amount", &amount) && !amount.negative &&
           asset_minor(*asset, &amount, minor);
}

void book_define_asset(struct book *b, const struct json *payload)
{
    struct text code = member_text(payload, "code");
    uint64_t scale = member_u64(payload, "scale", SCALE_MAX + 1);
    struct asset *a = book_asset(b, code);
    if (code.len == 0 || scale > SCALE_MAX) {
        report_difference(b->report, "the asset cannot be read");
        return;
    }
    if (a != NULL && a->scale == scale) {
        return; /* said once more */
    }
    if (a != NULL) {
        report_difference(b->report, "the asset %.*s is defined again with another scale",
                          (int)code.len, code.p);
        return;
    }
    add(b, code, (uint32_t)scale)->own = OWN_FIRST + b->assets_defined++;
}
