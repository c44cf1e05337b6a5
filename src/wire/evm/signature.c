/* SPDX-License-Identifier: Apache-2.0
 * The rules of EIP-2 and of OpenZeppelin's and Circle's ECDSA readers around libsecp256k1. */
#include "wire/evm/signature.h"

#include <string.h>

static enum mete_code range_check(const struct evm_signature *s, struct mete_err *err)
{
    if (secp_low_s(s->rs)) {
        return METE_OK;
    }
    bool in_range = secp_secret_ok(s->rs) && secp_secret_ok(s->rs + 32);
    return mete_fail(err, METE_CHAIN_SIGNATURE, "",
                     in_range ? "s is in the upper half of the order"
                              : "r or s is zero or not below the order of the curve");
}

enum mete_code evm_signature_read(struct bytes in, enum evm_v_form form, struct evm_signature *out,
                                  struct mete_err *err)
{
    if (in.len != EVM_SIGNATURE_LEN) {
        return mete_fail(err, METE_CHAIN_SIGNATURE, "", "a signature has 65 bytes, this one %zu",
                         in.len);
    }
    struct evm_signature s;
    uint8_t v = in.p[SECP_RS_LEN];
    memcpy(s.rs, in.p, sizeof(s.rs));
    if (v == 27 || v == 28) {
        s.parity = (uint8_t)(v - 27);
    } else if (form == EVM_V_ANY && v <= 1) {
        s.parity = v;
    } else {
        return mete_fail(err, METE_CHAIN_SIGNATURE, "", "v is %u, and should be 27 or 28", v);
    }
    enum mete_code code = range_check(&s, err);
    if (code == METE_OK) {
        *out = s;
    }
    return code;
}

void evm_signature_write(const struct evm_signature *s, uint8_t out[EVM_SIGNATURE_LEN])
{
    METE_ASSERT(s->parity <= 1);
    memcpy(out, s->rs, sizeof(s->rs));
    out[SECP_RS_LEN] = (uint8_t)(27 + s->parity);
}

enum mete_code evm_signature_join(struct u256 r, struct u256 s, uint8_t parity,
                                  struct evm_signature *out, struct mete_err *err)
{
    struct evm_signature joined = {.parity = parity};
    if (parity > 1) {
        return mete_fail(err, METE_CHAIN_SIGNATURE, "", "yParity is %u, and should be 0 or 1",
                         parity);
    }
    u256_to_be(r, joined.rs);
    u256_to_be(s, joined.rs + U256_LEN);
    enum mete_code code = range_check(&joined, err);
    if (code == METE_OK) {
        *out = joined;
    }
    return code;
}

struct u256 evm_signature_r(const struct evm_signature *s)
{
    return u256_from_be(s->rs);
}

struct u256 evm_signature_s(const struct evm_signature *s)
{
    return u256_from_be(s->rs + U256_LEN);
}

bool evm_sign(struct evm_signature *out, const uint8_t secret[SECP_SECRET_LEN],
              const struct hash *hash)
{
    struct secp_signature signature;
    if (!secp_sign(&signature, secret, hash)) {
        return false;
    }
    /* 2 and 3 stand for an x past the order, one signature in 2^127: no chain can say it. */
    METE_ASSERT(signature.recovery <= 1);
    memcpy(out->rs, signature.rs, sizeof(out->rs));
    out->parity = signature.recovery;
    return true;
}

enum mete_code evm_recover(const struct evm_signature *s, const struct hash *hash,
                           struct evm_address *out, struct mete_err *err)
{
    struct secp_signature signature = {.recovery = s->parity};
    memcpy(signature.rs, s->rs, sizeof(signature.rs));
    uint8_t key[SECP_UNCOMPRESSED_LEN];
    if (!secp_recover_uncompressed(key, &signature, hash)) {
        return mete_fail(err, METE_CHAIN_SIGNATURE, "", "no key can have made this signature");
    }
    *out = evm_address_of(key);
    return METE_OK;
}
