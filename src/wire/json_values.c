/* SPDX-License-Identifier: Apache-2.0
 * Moments, hashes and assets as JSON. */
#include "wire/json_values.h"

#include "base/text.h"
#include "core/amount.h"

#include <string.h>

void jw_text_or_null(struct json_writer *w, const char *key, struct text value)
{
    if (value.len > 0) {
        jw_text(w, key, value);
    } else {
        jw_null(w, key);
    }
}

void jw_time(struct json_writer *w, const char *key, mete_time t)
{
    char text[TIME_TEXT_MAX];
    if (t == TIME_ALWAYS || t == TIME_NEVER) {
        jw_null(w, key);
        return;
    }
    time_format(t, text);
    jw_str(w, key, text);
}

void jw_hash(struct json_writer *w, const char *key, const struct hash *h)
{
    char hex[65];
    hash_hex(h, hex);
    jw_str(w, key, hex);
}

void jw_hashes(struct json_writer *w, const char *key, const struct hash *h, size_t count)
{
    jw_array(w, key);
    for (size_t i = 0; i < count; i++) {
        jw_hash(w, NULL, &h[i]);
    }
    jw_end_array(w);
}

void jw_money_said(struct json_writer *w, const char *key, struct text amount, struct text currency)
{
    jw_object(w, key);
    jw_text(w, "amount", amount);
    jw_text(w, "currency", currency);
    jw_end_object(w);
}

void jw_money(struct json_writer *w, const char *key, i128 amount, const struct asset *asset)
{
    char digits[AMOUNT_TEXT_MAX];
    size_t len = amount_format(amount, asset->scale, digits);
    jw_money_said(w, key, (struct text){digits, len}, text_of(asset->code));
}

void jw_asset(struct json_writer *w, const struct asset *asset)
{
    char label[ASSET_CODE_LEN_MAX + 4]; /* in millions of rows: without printf */
    size_t len = strlen(asset->code);
    memcpy(label, asset->code, len);
    label[len++] = '/';
    if (asset->scale >= 10) {
        label[len++] = (char)('0' + asset->scale / 10);
    }
    label[len++] = (char)('0' + asset->scale % 10);
    jw_text(w, "asset", (struct text){label, len});
}
