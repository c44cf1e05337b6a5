/* SPDX-License-Identifier: Apache-2.0
 * What the codecs of EVM chains cost, in processor time: hashes, typed data, signatures,
 * transactions. One line each: what, nanoseconds. Recovering a signer is the bound of verifying. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "crypto/keccak.h"
#include "wire/evm/permits.h"
#include "wire/evm/tx.h"

#define LONG_SIZE ((size_t)16 << 20)

static uint8_t *zeros; /* LONG_SIZE */
static const uint8_t SECRET[SECP_SECRET_LEN] = {1, 2, 3};
static struct evm_authorization authorization;
static struct evm_signature signature;
static struct hash digest;
static struct buf raw;
static struct arena arena;

static void require(bool is_true)
{
    if (!is_true) {
        fprintf(stderr, "bench_evm: a call failed\n");
        exit(1);
    }
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void hash_long(size_t i)
{
    zeros[0] = (uint8_t)i;
    digest = keccak256((struct bytes){zeros, LONG_SIZE});
}

static void hash_block(size_t i)
{
    digest.b[0] = (uint8_t)i;
    digest = keccak256((struct bytes){digest.b, sizeof(digest.b)});
}

static void typed_digest(size_t i)
{
    struct evm_domain domain = {
        .name = TEXT("USD Coin"), .version = TEXT("2"), .chain_id = u256_of(8453)};
    authorization.nonce.b[0] = (uint8_t)i;
    struct hash separator = evm_domain_separator(&domain);
    struct hash structure = evm_transfer_hash(&authorization);
    digest = evm_typed_digest(&separator, &structure);
}

static void sign(size_t i)
{
    digest.b[0] = (uint8_t)i;
    require(evm_sign(&signature, SECRET, &digest));
}

static void recover(size_t i)
{
    struct evm_address who;
    (void)i;
    require(evm_recover(&signature, &digest, &who, NULL) == METE_OK);
}

static void tx_decode(size_t i)
{
    struct evm_tx tx;
    (void)i;
    require(evm_tx_decode(&arena, buf_bytes(&raw), &tx, NULL) == METE_OK);
    arena_reset(&arena);
}

static void tx_write(void)
{
    struct evm_tx tx = {.type = EVM_TX_FEE_MARKET, .chain_id = 8453, .data = {zeros, 292}};
    require(evm_tx_sign(&tx, SECRET));
    evm_tx_put(&tx, &raw);
    arena_init(&arena, EVM_TX_ARENA_MAX(raw.len));
}

int main(void)
{
    static const struct {
        const char *what;
        void (*run)(size_t i);
        size_t count;
    } ROWS[] = {
        {"keccak256 of 16 MiB", hash_long, 3},
        {"keccak256 of 32 bytes", hash_block, 300000},
        {"EIP-3009 digest with its domain", typed_digest, 50000},
        {"sign", sign, 3000},
        {"recover the signer", recover, 5000},
        {"read a transferWithAuthorization transaction", tx_decode, 200000},
    };
    zeros = calloc(LONG_SIZE, 1);
    require(zeros != NULL);
    tx_write();
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        double begin = now_ns();
        for (size_t k = 0; k < ROWS[i].count; k++) {
            ROWS[i].run(k);
        }
        printf("%-46s %12.0f\n", ROWS[i].what, (now_ns() - begin) / (double)ROWS[i].count);
    }
    free(zeros);
    buf_clear(&raw);
    arena_clear(&arena);
    return 0;
}
