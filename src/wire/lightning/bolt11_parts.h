/* SPDX-License-Identifier: Apache-2.0
 * What reading and writing an invoice share: names of networks, units of amounts, types of fields.
 */
#ifndef METE_WIRE_LIGHTNING_BOLT11_PARTS_H
#define METE_WIRE_LIGHTNING_BOLT11_PARTS_H

#include "wire/lightning/bolt11.h"

#define BOLT11_TIMESTAMP_LEN 7   /* symbols, 35 bits */
#define BOLT11_SIGNATURE_LEN 104 /* symbols: r, s and the recovery id in 65 bytes */
#define BOLT11_HASH_LEN      52  /* symbols of 32 bytes */
#define BOLT11_KEY_LEN       53  /* symbols of 33 bytes */

enum bolt11_field {
    BOLT11_PAYMENT_HASH = 1,
    BOLT11_ROUTE = 3,
    BOLT11_FEATURES = 5,
    BOLT11_EXPIRY = 6,
    BOLT11_DESCRIPTION = 13,
    BOLT11_PAYMENT_SECRET = 16,
    BOLT11_PAYEE = 19,
    BOLT11_DESCRIPTION_HASH = 23,
    BOLT11_CLTV = 24,
    BOLT11_METADATA = 27,
};

/** After "ln". Longest first where one begins like another. */
struct bolt11_prefix {
    const char *text;
    enum bolt11_network network;
};
#define BOLT11_PREFIX_COUNT 4
extern const struct bolt11_prefix bolt11_prefixes[BOLT11_PREFIX_COUNT];

/** Units of amounts, in tenths of a millisatoshi; largest first. */
struct bolt11_unit {
    char letter; /* '\0': none, whole bitcoin */
    uint64_t tenths;
};
#define BOLT11_UNIT_COUNT 5
extern const struct bolt11_unit bolt11_units[BOLT11_UNIT_COUNT];

/** SHA-256 of the prefix and the packed symbols. */
struct hash bolt11_signed_hash(struct text prefix, struct bytes symbols);

#endif
