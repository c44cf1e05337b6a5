/* SPDX-License-Identifier: Apache-2.0
 * What may stand in one field of a bank file: ids, names, amounts. Amounts are counted in units of
 * 10^-5 here, the finest that ISO 20022 knows, so that any of them add up exactly. */
#ifndef METE_WIRE_BANK_FIELD_H
#define METE_WIRE_BANK_FIELD_H

#include "base/buf.h"
#include "base/types.h"
#include "mete/error.h"

#define BANK_ID_MAX        35
#define BANK_NAME_MAX      70 /* the SEPA rule books; the schema has 140 */
#define BANK_TOWN_MAX      35
#define BANK_NOTE_MAX      140 /* Ustrd */
#define BANK_CURRENCY_LEN  3
#define BANK_DECIMALS_MAX  5
#define BANK_DIGITS_MAX    18 /* of an amount or a sum, decimals counted */
#define BANK_UNIT          100000
#define SEPA_AMOUNT_MAX_E5 ((i128)99999999999 * 1000) /* 999,999,999.99 */

/** True when every byte is of a-z A-Z 0-9 / - ? : ( ) . , ' + or a space.
 *  Source: SEPA basic Latin character set. */
bool bank_basic(struct text t);

/** An id that goes through every bank unchanged: 1 to 35 basic characters, no space at an end, no
 *  '/' at an end and no '//'. Ids are never transliterated: they must come back as they went.
 *  Errors: METE_BANK_FIELD at `pointer`. */
enum mete_code bank_id_check(struct text id, const char *pointer,
                             struct mete_err *err) METE_MUST_CHECK;

/** Appends UTF-8 text in basic characters, without spaces at its ends: every character becomes one
 *  or more others ('?' when none is near), white space a space; only a combining mark vanishes into
 *  its letter.
 *  Errors: METE_BANK_FIELD at `pointer` when it is not UTF-8, has a control character, is longer
 *  than `max` afterwards, or has neither letter nor digit left. *out is untouched then. */
enum mete_code bank_letters_put(struct buf *out, struct text t, size_t max, const char *pointer,
                                struct mete_err *err) METE_MUST_CHECK;

/** `amount` minor units of `scale` decimals in units of 10^-5.
 *  Errors: METE_BANK_AMOUNT at `pointer` when it is not above zero, has decimals finer than
 *  `decimals` (0..5), or needs more than 18 digits. *out is untouched then. */
enum mete_code bank_amount_scale(i128 amount, unsigned scale, unsigned decimals,
                                 const char *pointer, i128 *out,
                                 struct mete_err *err) METE_MUST_CHECK;

/** Reads "1500", "0.01", "12.50000": digits with at most one point followed by 1 to 5 digits, at
 *  most 18 digits in all, a minus only when `sign`. False on anything else. *decimals is how many
 *  stood after the point. */
bool bank_decimal_parse(struct text t, bool sign, i128 *e5, unsigned *decimals) METE_MUST_CHECK;

/** Appends units of 10^-5 with at least `decimals` decimals, and more only when they are not
 *  zeros. */
void bank_decimal_put(struct buf *out, i128 e5, unsigned decimals);

/** How many decimals a currency has: those of ISO 4217; 5 for one that is not known. */
unsigned bank_currency_decimals(struct text code);

/** Three capitals. */
bool bank_currency_valid(struct text code);

#endif
