/* SPDX-License-Identifier: Apache-2.0
 * Reading the key, and signing with it. */
#include "client/pay_key.h"

#include "base/encode.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_TEXT_MAX 128 /* bytes of a file */

struct pay_key {
    uint8_t *secret; /* sodium_malloc; no access but while it signs */
    struct evm_address address;
};

static bool digits_read(uint8_t *secret, const char *text, size_t len)
{
    while (len > 0 && (unsigned char)text[len - 1] <= ' ') {
        len--;
    }
    struct text digits = {text, len};
    if (text_starts(digits, "0x")) {
        digits = (struct text){text + 2, len - 2};
    }
    return digits.len == 2 * SECP_SECRET_LEN && hex_decode(secret, SECP_SECRET_LEN, digits);
}

static enum mete_client_error file_read(uint8_t *secret, const char *path, char *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "%s: %s", path, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return METE_CLIENT_KEY;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        (void)close(fd);
        snprintf(why, METE_CLIENT_ERROR_MAX, "others may read %s: chmod 600 it", path);
        return METE_CLIENT_KEY;
    }
    char *text = sodium_malloc(KEY_TEXT_MAX);
    METE_ASSERT(text != NULL);
    ssize_t len = read(fd, text, KEY_TEXT_MAX);
    (void)close(fd);
    const bool fine = len > 0 && digits_read(secret, text, (size_t)len);
    sodium_free(text);
    if (!fine) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "%s holds no private key", path);
    }
    return fine ? METE_CLIENT_OK : METE_CLIENT_KEY;
}

/** The environment is memory like any other, and lands in cores and /proc: so its copy goes. */
static enum mete_client_error variable_read(uint8_t *secret, const char *name, char *why)
{
    char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        snprintf(why, METE_CLIENT_ERROR_MAX, "the variable %s is not set", name);
        return METE_CLIENT_KEY;
    }
    const bool fine = digits_read(secret, value, strlen(value));
    sodium_memzero(value, strlen(value));
    (void)unsetenv(name);
    if (!fine) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "the variable %s holds no private key", name);
    }
    return fine ? METE_CLIENT_OK : METE_CLIENT_KEY;
}

static enum mete_client_error secret_take(uint8_t *secret, const struct mete_client_options *o,
                                          char *why)
{
    if (o->key != NULL) {
        memcpy(secret, o->key, METE_CLIENT_KEY_LEN);
        sodium_memzero(o->key, METE_CLIENT_KEY_LEN);
        return METE_CLIENT_OK;
    }
    return o->key_file != NULL ? file_read(secret, o->key_file, why)
                               : variable_read(secret, o->key_env, why);
}

enum mete_client_error pay_key_open(const struct mete_client_options *o, struct pay_key **out,
                                    char *why)
{
    *out = NULL;
    if (o->key == NULL && o->key_file == NULL && o->key_env == NULL) {
        return METE_CLIENT_OK;
    }
    struct pay_key *k = sodium_init() >= 0 ? calloc(1, sizeof *k) : NULL;
    if (k != NULL) {
        k->secret = sodium_malloc(SECP_SECRET_LEN);
    }
    if (k == NULL || k->secret == NULL) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "no guarded memory for the key");
        free(k);
        return METE_CLIENT_MEMORY;
    }
    enum mete_client_error error = secret_take(k->secret, o, why);
    if (error == METE_CLIENT_OK && !evm_address_of_secret(k->secret, &k->address)) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "the key is none of the curve");
        error = METE_CLIENT_KEY;
    }
    if (error != METE_CLIENT_OK) {
        pay_key_close(k);
        return error;
    }
    METE_ASSERT(sodium_mprotect_noaccess(k->secret) == 0);
    *out = k;
    return METE_CLIENT_OK;
}

void pay_key_close(struct pay_key *k)
{
    if (k != NULL) {
        sodium_free(k->secret); /* wipes it */
        free(k);
    }
}

const struct evm_address *pay_key_address(const struct pay_key *k)
{
    return &k->address;
}

void pay_key_sign(struct pay_key *k, const struct hash *hash, uint8_t out[EVM_SIGNATURE_LEN])
{
    struct evm_signature s;
    METE_ASSERT(sodium_mprotect_readonly(k->secret) == 0);
    METE_ASSERT(evm_sign(&s, k->secret, hash));
    METE_ASSERT(sodium_mprotect_noaccess(k->secret) == 0);
    evm_signature_write(&s, out);
}
