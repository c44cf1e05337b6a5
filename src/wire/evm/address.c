/* SPDX-License-Identifier: Apache-2.0
 * EIP-55: a letter is a capital where the hash of the small letters has a digit of 8 and more. */
#include "wire/evm/address.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/keccak.h"

#include <string.h>

void evm_address_format(const struct evm_address *a, char out[EVM_ADDRESS_TEXT_LEN + 1])
{
    memcpy(out, "0x", 2);
    char *digits = out + 2;
    hex_encode(digits, (struct bytes){a->b, sizeof(a->b)});
    struct hash h = keccak256(text_bytes((struct text){digits, 2 * sizeof(a->b)}));
    for (size_t i = 0; i < 2 * sizeof(a->b); i++) {
        unsigned nibble = i % 2 == 0 ? h.b[i / 2] >> 4 : h.b[i / 2] & 15;
        if (digits[i] >= 'a' && nibble >= 8) {
            digits[i] = (char)(digits[i] - 'a' + 'A');
        }
    }
}

struct letters {
    bool small;
    bool capital;
};

static struct letters letters_of(struct text t)
{
    struct letters l = {false, false};
    for (size_t i = 0; i < t.len; i++) {
        l.small |= t.p[i] >= 'a' && t.p[i] <= 'f';
        l.capital |= t.p[i] >= 'A' && t.p[i] <= 'F';
    }
    return l;
}

enum mete_code evm_address_parse(struct text t, enum evm_checksum policy, struct evm_address *out,
                                 struct mete_err *err)
{
    struct evm_address a;
    if (t.len != EVM_ADDRESS_TEXT_LEN || !text_starts(t, "0x") ||
        !hex_decode(a.b, sizeof(a.b), (struct text){t.p + 2, t.len - 2})) {
        return mete_fail(err, METE_ADDRESS_INVALID, "",
                         "an address is 0x and 40 hexadecimal digits");
    }
    struct letters l = letters_of((struct text){t.p + 2, t.len - 2});
    bool has_checksum = l.small && l.capital;
    bool needs_one = policy == EVM_CHECKSUM_NEEDED && (l.small || l.capital);
    char proper[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(&a, proper);
    if ((has_checksum || needs_one) && !text_is(t, proper)) {
        return mete_fail(err, METE_ADDRESS_CHECKSUM, "",
                         has_checksum
                             ? "a digit is wrong: the capitals are those of no such address"
                             : "write the address with its checksum of capitals (EIP-55)");
    }
    *out = a;
    return METE_OK;
}

bool evm_address_eq(const struct evm_address *a, const struct evm_address *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool evm_address_is_zero(const struct evm_address *a)
{
    static const struct evm_address ZERO = {{0}};
    return evm_address_eq(a, &ZERO);
}

struct evm_address evm_address_of(const uint8_t key[SECP_UNCOMPRESSED_LEN])
{
    METE_ASSERT(key[0] == 4);
    struct hash h = keccak256((struct bytes){key + 1, SECP_UNCOMPRESSED_LEN - 1});
    struct evm_address a;
    memcpy(a.b, h.b + sizeof(h.b) - sizeof(a.b), sizeof(a.b));
    return a;
}

bool evm_address_of_secret(const uint8_t secret[SECP_SECRET_LEN], struct evm_address *out)
{
    uint8_t key[SECP_UNCOMPRESSED_LEN];
    if (!secp_public_uncompressed(key, secret)) {
        return false;
    }
    *out = evm_address_of(key);
    return true;
}
