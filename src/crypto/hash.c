/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 by OpenSSL's providers. Fetching an algorithm and making a context cost more than
 * hashing an event, so the algorithm is fetched once a process and the context made once a thread.
 * A failure of libcrypto here means no memory or a broken installation: never bad input. */
#include "crypto/hash.h"

#include "base/encode.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* only frees the context when its thread ends */
static EVP_MD *algorithm;         /* lives as long as the process */
static _Thread_local EVP_MD_CTX *context;

static void context_free(void *p)
{
    EVP_MD_CTX_free(p);
}

static void prepare(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    METE_ASSERT(algorithm != NULL);
    METE_ASSERT(pthread_key_create(&context_key, context_free) == 0);
}

static EVP_MD_CTX *context_get(void)
{
    if (context == NULL) {
        METE_ASSERT(pthread_once(&once, prepare) == 0);
        context = EVP_MD_CTX_new();
        METE_ASSERT(context != NULL);
        METE_ASSERT(pthread_setspecific(context_key, context) == 0);
    }
    return context;
}

struct hash sha256_parts(const struct bytes *parts, size_t count)
{
    struct hash h;
    EVP_MD_CTX *c = context_get();
    METE_ASSERT(EVP_DigestInit_ex2(c, algorithm, NULL) == 1);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            METE_ASSERT(EVP_DigestUpdate(c, parts[i].p, parts[i].len) == 1);
        }
    }
    METE_ASSERT(EVP_DigestFinal_ex(c, h.b, NULL) == 1);
    return h;
}

struct hash sha256(struct bytes in)
{
    return sha256_parts(&in, 1);
}

struct hashing {
    EVP_MD_CTX *context;
};

struct hashing *hashing_new(void)
{
    struct hashing *h = malloc(sizeof *h);
    METE_ASSERT(h != NULL);
    METE_ASSERT(pthread_once(&once, prepare) == 0);
    h->context = EVP_MD_CTX_new();
    METE_ASSERT(h->context != NULL && EVP_DigestInit_ex2(h->context, algorithm, NULL) == 1);
    return h;
}

void hashing_add(struct hashing *h, struct bytes in)
{
    METE_ASSERT(in.len == 0 || EVP_DigestUpdate(h->context, in.p, in.len) == 1);
}

struct hash hashing_end(struct hashing *h)
{
    struct hash out;
    METE_ASSERT(EVP_DigestFinal_ex(h->context, out.b, NULL) == 1);
    EVP_MD_CTX_free(h->context);
    free(h);
    return out;
}

struct hash hmac_sha256(struct bytes key, struct bytes in)
{
    (void)context_get(); /* prepares `algorithm` */
    METE_ASSERT(key.len <= INT_MAX);
    /* OpenSSL takes a NULL key for "as before". */
    const void *key_bytes = key.len > 0 ? (const void *)key.p : "";
    struct hash h;
    unsigned len = 0;
    METE_ASSERT(HMAC(algorithm, key_bytes, (int)key.len, in.p, in.len, h.b, &len) != NULL);
    METE_ASSERT(len == sizeof(h.b));
    return h;
}

void sha512(uint8_t out[SHA512_LEN], struct bytes in)
{
    METE_ASSERT(EVP_Digest(in.p, in.len, out, NULL, EVP_sha512(), NULL) == 1);
}

bool hash_eq(const struct hash *a, const struct hash *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void hash_hex(const struct hash *h, char out[65])
{
    hex_encode(out, (struct bytes){h->b, sizeof(h->b)});
}

bool crypto_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.p, b.p, a.len) == 0);
}
