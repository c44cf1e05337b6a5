/* SPDX-License-Identifier: Apache-2.0
 * secp256k1 by libsecp256k1. Reading needs no context of its own; what touches a private key gets a
 * fresh one, blinded against side channels by a hash of that key: no randomness is asked for, no
 * state is shared between threads, nothing of the key outlives the call. */
#include "crypto/secp256k1.h"

#include "base/text.h"
#include "crypto/seal.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <string.h>

static const uint8_t HALF_ORDER[32] = {
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

static secp256k1_context *context_blinded(const uint8_t secret[SECP_SECRET_LEN])
{
    secp256k1_context *c = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    METE_ASSERT(c != NULL);
    struct bytes parts[] = {text_bytes(TEXT("mete-secp256k1-blinding-v1")),
                            {secret, SECP_SECRET_LEN}};
    struct hash seed = sha256_parts(parts, ARRAY_LEN(parts));
    METE_ASSERT(secp256k1_context_randomize(c, seed.b) == 1);
    secret_wipe(&seed, sizeof(seed));
    return c;
}

static void point_write(uint8_t *out, size_t len, const secp256k1_pubkey *point)
{
    size_t written = len;
    unsigned form =
        len == SECP_COMPRESSED_LEN ? SECP256K1_EC_COMPRESSED : SECP256K1_EC_UNCOMPRESSED;
    METE_ASSERT(
        secp256k1_ec_pubkey_serialize(secp256k1_context_static, out, &written, point, form) == 1);
    METE_ASSERT(written == len);
}

/* The library reads the hybrid form (06, 07) too: no protocol here has it. */
static bool point_read(secp256k1_pubkey *point, struct bytes key)
{
    bool is_compressed = key.len == SECP_COMPRESSED_LEN && (key.p[0] == 2 || key.p[0] == 3);
    bool is_uncompressed = key.len == SECP_UNCOMPRESSED_LEN && key.p[0] == 4;
    return (is_compressed || is_uncompressed) &&
           secp256k1_ec_pubkey_parse(secp256k1_context_static, point, key.p, key.len) == 1;
}

bool secp_secret_ok(const uint8_t secret[SECP_SECRET_LEN])
{
    return secp256k1_ec_seckey_verify(secp256k1_context_static, secret) == 1;
}

bool secp_public_ok(struct bytes key)
{
    secp256k1_pubkey point;
    return point_read(&point, key);
}

static bool public_write(uint8_t *out, size_t len, const uint8_t secret[SECP_SECRET_LEN])
{
    memset(out, 0, len);
    if (!secp_secret_ok(secret)) {
        return false;
    }
    secp256k1_context *c = context_blinded(secret);
    secp256k1_pubkey point;
    METE_ASSERT(secp256k1_ec_pubkey_create(c, &point, secret) == 1);
    secp256k1_context_destroy(c);
    point_write(out, len, &point);
    return true;
}

bool secp_public_compressed(uint8_t out[SECP_COMPRESSED_LEN], const uint8_t secret[SECP_SECRET_LEN])
{
    return public_write(out, SECP_COMPRESSED_LEN, secret);
}

bool secp_public_uncompressed(uint8_t out[SECP_UNCOMPRESSED_LEN],
                              const uint8_t secret[SECP_SECRET_LEN])
{
    return public_write(out, SECP_UNCOMPRESSED_LEN, secret);
}

bool secp_uncompress(uint8_t out[SECP_UNCOMPRESSED_LEN], struct bytes key)
{
    secp256k1_pubkey point;
    memset(out, 0, SECP_UNCOMPRESSED_LEN);
    if (!point_read(&point, key)) {
        return false;
    }
    point_write(out, SECP_UNCOMPRESSED_LEN, &point);
    return true;
}

bool secp_sign(struct secp_signature *out, const uint8_t secret[SECP_SECRET_LEN],
               const struct hash *hash)
{
    memset(out, 0, sizeof(*out));
    if (!secp_secret_ok(secret)) {
        return false;
    }
    secp256k1_context *c = context_blinded(secret);
    secp256k1_ecdsa_recoverable_signature signature;
    METE_ASSERT(secp256k1_ecdsa_sign_recoverable(c, &signature, hash->b, secret,
                                                 secp256k1_nonce_function_rfc6979, NULL) == 1);
    int recovery = -1;
    METE_ASSERT(secp256k1_ecdsa_recoverable_signature_serialize_compact(c, out->rs, &recovery,
                                                                        &signature) == 1);
    out->recovery = (uint8_t)recovery;
    /* A signature that a faulty machine got wrong can give the key away: it never leaves. */
    secp256k1_pubkey signer, own;
    METE_ASSERT(secp256k1_ecdsa_recover(c, &signer, &signature, hash->b) == 1);
    METE_ASSERT(secp256k1_ec_pubkey_create(c, &own, secret) == 1);
    METE_ASSERT(secp256k1_ec_pubkey_cmp(c, &signer, &own) == 0);
    secp256k1_context_destroy(c);
    return true;
}

static bool recovered_write(uint8_t *out, size_t len, const struct secp_signature *signature,
                            const struct hash *hash)
{
    memset(out, 0, len);
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey point;
    if (signature->recovery > 3 ||
        secp256k1_ecdsa_recoverable_signature_parse_compact(
            secp256k1_context_static, &parsed, signature->rs, signature->recovery) != 1 ||
        secp256k1_ecdsa_recover(secp256k1_context_static, &point, &parsed, hash->b) != 1) {
        return false;
    }
    point_write(out, len, &point);
    return true;
}

bool secp_recover(uint8_t out[SECP_COMPRESSED_LEN], const struct secp_signature *signature,
                  const struct hash *hash)
{
    return recovered_write(out, SECP_COMPRESSED_LEN, signature, hash);
}

bool secp_recover_uncompressed(uint8_t out[SECP_UNCOMPRESSED_LEN],
                               const struct secp_signature *signature, const struct hash *hash)
{
    return recovered_write(out, SECP_UNCOMPRESSED_LEN, signature, hash);
}

bool secp_low_s(const uint8_t rs[SECP_RS_LEN])
{
    /* r and s are in range exactly when they would be private keys */
    return secp_secret_ok(rs) && secp_secret_ok(rs + 32) &&
           memcmp(rs + 32, HALF_ORDER, sizeof(HALF_ORDER)) <= 0;
}

bool secp_verify(const uint8_t rs[SECP_RS_LEN], struct bytes key, const struct hash *hash)
{
    secp256k1_ecdsa_signature signature;
    secp256k1_pubkey point;
    return point_read(&point, key) &&
           secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &signature, rs) == 1 &&
           secp256k1_ecdsa_verify(secp256k1_context_static, &signature, hash->b, &point) == 1;
}
