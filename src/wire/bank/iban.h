/* SPDX-License-Identifier: Apache-2.0
 * Numbers of bank accounts and banks: IBAN (ISO 13616), BIC (ISO 9362), routing numbers (ABA).
 * What a struct here holds has passed every check of its kind; nothing here knows whether the
 * account exists. */
#ifndef METE_WIRE_BANK_IBAN_H
#define METE_WIRE_BANK_IBAN_H

#include "base/types.h"
#include "mete/error.h"

#define IBAN_LEN_MAX     34
#define IBAN_PAPER_MAX   (IBAN_LEN_MAX + IBAN_LEN_MAX / 4 + 1)
#define BIC_LEN_MAX      11
#define ROUTING_LEN      9
#define ROUTING_BANK_LEN 8 /* without the check digit */

/** Upper case, without spaces; NUL-terminated. An empty one stands for "none" where that is
 *  allowed. */
struct iban {
    char text[IBAN_LEN_MAX + 1];
};

/** 8 or 11 characters, upper case; NUL-terminated. */
struct bic {
    char text[BIC_LEN_MAX + 1];
};

/** Nine digits; NUL-terminated. */
struct routing {
    char text[ROUTING_LEN + 1];
};

/** Reads an IBAN as people write it: either case, single spaces between characters. Checks the
 *  country, its length, the classes of its characters and the check digits (02 to 98).
 *  Errors: METE_IBAN_INVALID at `pointer`; *out is untouched then. The account number is never
 *  part of the message.
 *  Source: ISO 13616; SWIFT IBAN registry. */
enum mete_code iban_parse(struct text t, const char *pointer, struct iban *out,
                          struct mete_err *err) METE_MUST_CHECK;

/** Gives country (two letters) and account number their check digits, then checks as iban_parse.
 *  Errors: METE_IBAN_INVALID. */
enum mete_code iban_make(struct text country, struct text bban, struct iban *out,
                         struct mete_err *err) METE_MUST_CHECK;

/** In groups of four, as printed on paper; returns the length. */
size_t iban_paper(const struct iban *iban, char out[IBAN_PAPER_MAX]);

/** The length of the IBANs of the i-th country of the registry for i = 0, 1, ...; its code goes
 *  to `country`. 0 past the end. */
size_t iban_country_at(size_t i, char country[3]);

/** Reads a BIC: either case, no spaces; bank (6 letters with country), place, branch.
 *  Errors: METE_BIC_INVALID at `pointer`; *out is untouched then.
 *  Source: ISO 9362; the pattern of BICIdentifier in pain.001.001.03, the narrower of the two. */
enum mete_code bic_parse(struct text t, const char *pointer, struct bic *out,
                         struct mete_err *err) METE_MUST_CHECK;

/** Reads a routing number: nine digits, weights 3 7 1 sum to a multiple of 10, not all zeros.
 *  Errors: METE_ROUTING_INVALID at `pointer`; *out is untouched then. */
enum mete_code routing_parse(struct text t, const char *pointer, struct routing *out,
                             struct mete_err *err) METE_MUST_CHECK;

/** The ninth digit of eight: 10 - sum mod 10. `bank` is eight digits. */
char routing_check_digit(const char *bank);

#endif
