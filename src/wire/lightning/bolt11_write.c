/* SPDX-License-Identifier: Apache-2.0
 * Writing an invoice. The order of the fields is that of BOLT 11's examples, so that the same
 * content and key give the same string as theirs. */
#include <string.h>

#include "base/i128.h"
#include "wire/bech32.h"
#include "wire/lightning/bolt11_parts.h"

static void put_prefix(struct buf *out, const struct bolt11 *i)
{
    buf_put_str(out, "ln");
    for (size_t k = 0; k < BOLT11_PREFIX_COUNT; k++) {
        if (bolt11_prefixes[k].network == i->network) {
            buf_put_str(out, bolt11_prefixes[k].text);
        }
    }
    if (!i->has_amount) {
        return;
    }
    METE_ASSERT(i->amount_msat > 0);
    u128 all = (u128)i->amount_msat * 10;
    size_t unit = 0;
    while (all % bolt11_units[unit].tenths != 0) {
        unit++; /* ends: the last one divides everything */
    }
    char count[I128_TEXT_MAX];
    (void)u128_format(all / bolt11_units[unit].tenths, count);
    const char letter[] = {bolt11_units[unit].letter, '\0'};
    buf_put_str(out, count);
    buf_put_str(out, letter);
}

static void put_number(struct buf *out, uint64_t v, unsigned len)
{
    while (len-- > 0) {
        buf_put_u8(out, (uint8_t)(v >> 5 * len & 31));
    }
}

static void put_field(struct buf *out, enum bolt11_field type, struct bytes symbols)
{
    METE_ASSERT(symbols.len < 1024);
    buf_put_u8(out, (uint8_t)type);
    put_number(out, symbols.len, 2);
    buf_put(out, symbols.p, symbols.len);
}

static void put_bytes(struct buf *out, enum bolt11_field type, struct bytes b)
{
    METE_ASSERT(b.len <= BOLT11_FIELD_BYTES_MAX);
    struct buf symbols = {0};
    symbols_of_bytes(&symbols, b);
    put_field(out, type, buf_bytes(&symbols));
    buf_clear(&symbols);
}

static void put_shortest(struct buf *out, enum bolt11_field type, uint64_t v)
{
    struct buf symbols = {0};
    unsigned len = 0;
    while (len < 13 && v >> 5 * len != 0) {
        len++;
    }
    put_number(&symbols, v, len);
    put_field(out, type, buf_bytes(&symbols));
    buf_clear(&symbols);
}

static void put_fields(struct buf *out, const struct bolt11 *i)
{
    METE_ASSERT(i->has_description != i->has_description_hash);
    put_bytes(out, BOLT11_PAYMENT_SECRET,
              (struct bytes){i->payment_secret, sizeof(i->payment_secret)});
    put_bytes(out, BOLT11_PAYMENT_HASH, (struct bytes){i->payment_hash.b, SHA256_LEN});
    if (i->has_description) {
        put_bytes(out, BOLT11_DESCRIPTION,
                  (struct bytes){(const uint8_t *)i->description.p, i->description.len});
    } else {
        put_bytes(out, BOLT11_DESCRIPTION_HASH, (struct bytes){i->description_hash.b, SHA256_LEN});
    }
    if (i->has_metadata) {
        put_bytes(out, BOLT11_METADATA, i->metadata);
    }
    if (i->expiry_s != BOLT11_EXPIRY_DEFAULT) {
        put_shortest(out, BOLT11_EXPIRY, i->expiry_s);
    }
    if (i->cltv != BOLT11_CLTV_DEFAULT) {
        put_shortest(out, BOLT11_CLTV, i->cltv);
    }
    if (i->features.len > 0) {
        METE_ASSERT(i->features.p[0] != 0);
        put_field(out, BOLT11_FEATURES, i->features);
    }
}

static void put_signature(struct buf *symbols, struct text prefix,
                          const uint8_t secret[SECP_SECRET_LEN])
{
    struct hash h = bolt11_signed_hash(prefix, buf_bytes(symbols));
    struct secp_signature signature;
    METE_ASSERT(secp_sign(&signature, secret, &h));
    uint8_t bytes[SECP_RS_LEN + 1];
    memcpy(bytes, signature.rs, SECP_RS_LEN);
    bytes[SECP_RS_LEN] = signature.recovery;
    symbols_of_bytes(symbols, (struct bytes){bytes, sizeof(bytes)});
}

bool bolt11_write(struct buf *out, const struct bolt11 *i, const uint8_t secret[SECP_SECRET_LEN])
{
    uint8_t payee[SECP_COMPRESSED_LEN];
    if (!secp_public_compressed(payee, secret)) {
        return false;
    }
    METE_ASSERT(i->timestamp_s >= 0 && i->timestamp_s >> 35 == 0);
    struct buf prefix = {0};
    struct buf symbols = {0};
    put_prefix(&prefix, i);
    put_number(&symbols, (uint64_t)i->timestamp_s, BOLT11_TIMESTAMP_LEN);
    put_fields(&symbols, i);
    if (i->has_payee) {
        put_bytes(&symbols, BOLT11_PAYEE, (struct bytes){payee, sizeof(payee)});
    }
    put_signature(&symbols, buf_text(&prefix), secret);
    bech32_encode(out, buf_text(&prefix), buf_bytes(&symbols));
    buf_clear(&prefix);
    buf_clear(&symbols);
    return true;
}
