/* SPDX-License-Identifier: Apache-2.0
 * What can be owed: a code and how many decimals it has. ISO 4217 and the common tokens are known
 * from the start; a book may define more (asset.defined). */
#ifndef METE_CORE_ASSET_H
#define METE_CORE_ASSET_H

#include "base/types.h"

#define ASSET_CODE_LEN_MAX  24
#define ASSET_DEFINED_FIRST 1000u /* numbers of assets that a book defines */

struct asset {
    uint32_t number; /* permanent, inside a book */
    uint8_t scale;   /* decimals, 0..30 */
    char code[ASSET_CODE_LEN_MAX + 1];
};

/** The built-in asset of a code such as "USD" (exact case), or NULL.
 *  Source: ISO 4217 list one (minor units), and design section 3 for the tokens. */
const struct asset *asset_builtin(struct text code);
const struct asset *asset_builtin_number(uint32_t number);
/** The i-th built-in asset, NULL past the end. */
const struct asset *asset_builtin_at(size_t i);

/** A code that asset.defined may introduce: 1 to 24 of A-Z a-z 0-9 . - _ : */
bool asset_code_valid(struct text code);

#endif
