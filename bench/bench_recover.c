/* SPDX-License-Identifier: Apache-2.0
 * How many signatures a core can be asked for their signer: libsecp256k1 and nothing else. What a
 * verification without a node is held against. Prints one JSON object. */
#include "crypto/secp256k1.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEYS   64
#define ROUNDS 400

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
    struct secp_signature signature[KEYS];
    struct hash hash[KEYS];
    uint8_t key[SECP_UNCOMPRESSED_LEN];
    size_t good = 0;
    for (size_t i = 0; i < KEYS; i++) {
        uint8_t secret[SECP_SECRET_LEN] = {0};
        secret[31] = (uint8_t)(i + 1);
        hash[i] = sha256((struct bytes){secret, sizeof secret});
        METE_ASSERT(secp_sign(&signature[i], secret, &hash[i]));
    }
    const double began = cpu_s();
    for (size_t i = 0; i < (size_t)KEYS * ROUNDS; i++) {
        good += secp_recover_uncompressed(key, &signature[i % KEYS], &hash[i % KEYS]);
    }
    const double took = cpu_s() - began;
    METE_ASSERT(good == (size_t)KEYS * ROUNDS);
    printf("{\"recovers_per_core_s\":%.0f,\"us\":%.2f}\n", (double)good / took,
           took * 1e6 / (double)good);
    return 0;
}
