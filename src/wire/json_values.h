/* SPDX-License-Identifier: Apache-2.0
 * What mete's answers are made of, as JSON: moments, hashes, assets. What is not there is null. The
 * auditor has no part in this: it knows nothing of core. */
#ifndef METE_WIRE_JSON_VALUES_H
#define METE_WIRE_JSON_VALUES_H

#include "base/time.h"
#include "core/asset.h"
#include "crypto/hash.h"
#include "wire/json.h"

/** Null when it is empty. */
void jw_text_or_null(struct json_writer *w, const char *key, struct text value);
/** RFC 3339; null for TIME_ALWAYS and TIME_NEVER, which are no moments. */
void jw_time(struct json_writer *w, const char *key, mete_time t);
/** 64 hexadecimal digits. */
void jw_hash(struct json_writer *w, const char *key, const struct hash *h);
void jw_hashes(struct json_writer *w, const char *key, const struct hash *h, size_t count);
/** {"amount": "12.50", "currency": "USD"}: of minor units, or as somebody wrote it. */
void jw_money(struct json_writer *w, const char *key, i128 amount, const struct asset *asset);
void jw_money_said(struct json_writer *w, const char *key, struct text amount,
                   struct text currency);
/** "asset": "USD/2". */
void jw_asset(struct json_writer *w, const struct asset *asset);

#endif
