/* SPDX-License-Identifier: Apache-2.0
 * Bitcoin in the units of its assets, exactly; and words of strangers, made harmless. */
#include "rails/lightning/parts.h"

#include "base/text.h"

#include <string.h>

#define WORD_MAX 40 /* characters: what is longer is no word but a key, a hash or an invoice */

uint64_t lightning_unit_msat(const struct asset *asset)
{
    const struct text code = text_of(asset->code);
    if (text_is(code, "SAT") && asset->scale == 0) {
        return 1000;
    }
    if (text_is(code, "MSAT") && asset->scale == 0) {
        return 1;
    }
    if (text_is(code, "BTC") && (asset->scale == 8 || asset->scale == 11)) {
        return asset->scale == 8 ? 1000 : 1;
    }
    return 0;
}

bool lightning_msat_of(const struct asset *asset, i128 amount, uint64_t *out)
{
    const uint64_t unit = lightning_unit_msat(asset);
    if (unit == 0 || amount <= 0 || amount > (i128)(LIGHTNING_MSAT_MAX / unit)) {
        return false;
    }
    *out = (uint64_t)amount * unit;
    return true;
}

i128 lightning_amount_of(const struct asset *asset, uint64_t msat)
{
    const uint64_t unit = lightning_unit_msat(asset);
    METE_ASSERT(unit > 0);
    return (i128)(msat / unit) + (msat % unit != 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool contains(struct text word, struct text part)
{
    for (size_t at = 0; part.len > 0 && at + part.len <= word.len; at++) {
        size_t i = 0;
        while (i < part.len && lower(word.p[at + i]) == lower(part.p[i])) {
            i++;
        }
        if (i == part.len) {
            return true;
        }
    }
    return false;
}

static bool is_private(struct text word, const struct text *hide)
{
    if (word.len > WORD_MAX || memchr(word.p, '@', word.len) != NULL) {
        return true;
    }
    for (; hide != NULL && hide->p != NULL; hide++) {
        if (contains(word, *hide)) {
            return true;
        }
    }
    return false;
}

/* Printable ASCII alone: words of others must not steer a terminal. */
static bool is_word_byte(char c)
{
    return c > ' ' && c < 0x7f;
}

void lightning_words(char *out, size_t size, struct text in, const struct text *hide)
{
    size_t len = 0;
    for (size_t at = 0; at < in.len;) {
        size_t end = at;
        while (end < in.len && is_word_byte(in.p[end])) {
            end++;
        }
        if (end == at) {
            at++;
            continue;
        }
        struct text word = {in.p + at, end - at};
        word = is_private(word, hide) ? TEXT("...") : word;
        if (len + (len > 0) + word.len >= size) {
            break;
        }
        if (len > 0) {
            out[len++] = ' ';
        }
        memcpy(out + len, word.p, word.len);
        len += word.len;
        at = end;
    }
    out[len] = '\0';
}
