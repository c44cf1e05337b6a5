/* SPDX-License-Identifier: Apache-2.0
 * Invariant: the key is in memory of sodium_malloc alone, and in no text for longer than it takes
 * to read it. */
#include "rails/evm/signer.h"

#include "base/encode.h"
#include "base/text.h"
#include "rails/secret_file.h"

#include <sodium.h>
#include <stdlib.h>

#define KEY_LINE_MAX 128 /* bytes of the file's one line */

struct evm_signer {
    uint8_t *secret;
    struct evm_address address;
};

enum mete_code evm_signer_of_text(struct evm_signer **out, struct text digits, const char *name,
                                  struct mete_err *err)
{
    struct text t =
        text_starts(digits, "0x") ? (struct text){digits.p + 2, digits.len - 2} : digits;
    METE_ASSERT(sodium_init() >= 0);
    struct evm_signer *a = calloc(1, sizeof *a);
    METE_ASSERT(a != NULL);
    a->secret = sodium_malloc(SECP_SECRET_LEN);
    METE_ASSERT(a->secret != NULL);
    if (t.len != 2 * SECP_SECRET_LEN || !hex_decode(a->secret, SECP_SECRET_LEN, t) ||
        !evm_address_of_secret(a->secret, &a->address)) {
        evm_signer_close(a);
        return mete_fail(err, METE_USAGE, "",
                         "%s holds no private key: 64 hexadecimal digits are asked for", name);
    }
    METE_ASSERT(sodium_mprotect_noaccess(a->secret) == 0);
    *out = a;
    return METE_OK;
}

enum mete_code evm_signer_open(struct evm_signer **out, const char *file, struct mete_err *err)
{
    struct secret_file line;
    enum mete_code code = secret_file_line(&line, file, KEY_LINE_MAX, err);
    if (code != METE_OK) {
        return code;
    }
    code = evm_signer_of_text(out, (struct text){line.text, line.len}, file, err);
    secret_file_clear(&line);
    return code;
}

void evm_signer_close(struct evm_signer *a)
{
    if (a != NULL) {
        sodium_free(a->secret); /* wipes it */
        free(a);
    }
}

const struct evm_address *evm_signer_address(const struct evm_signer *a)
{
    return &a->address;
}

void evm_signer_sign(struct evm_signer *a, struct evm_tx *tx)
{
    METE_ASSERT(sodium_mprotect_readonly(a->secret) == 0);
    METE_ASSERT(evm_tx_sign(tx, a->secret));
    METE_ASSERT(sodium_mprotect_noaccess(a->secret) == 0);
}
