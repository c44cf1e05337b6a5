/* SPDX-License-Identifier: Apache-2.0
 * What tests of payments by x402 share: a book in memory, a signer whose transactions are hashes of
 * what they carry, and steps that are filled in from a number. */
#ifndef METE_TESTS_X402_CASE_H
#define METE_TESTS_X402_CASE_H

#include "base/limits.h"
#include "base/text.h"
#include "core/balance.h"
#include "crypto/hash.h"
#include "engine/engine.h"
#include "engine/x402.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X402_CASE_NETWORK  "eip155:84532"
#define X402_CASE_ASSET    "0x036cbd53842c5426634e7929541ec2318f3dcf7e"
#define X402_CASE_TO       "0x209693bc6afc0c5328ba36faf03c514ef312287c"
#define X402_CASE_TO_MIXED "0x209693Bc6afc0C5328bA36FaF03C514EF312287C" /* as wallets show it */
#define X402_CASE_ACCOUNT  "0x00000000000000000000000000000000000000aa"

static bool case_account(void *ctx, struct text network, struct text *out)
{
    *out = text_of(ctx != NULL ? ctx : X402_CASE_ACCOUNT);
    return text_is(network, X402_CASE_NETWORK);
}

/* The bytes say what was asked, so equal calls are equal transactions. */
static bool case_sign(void *ctx, struct arena *a, const struct x402_signing *s, struct text *raw,
                      struct text *transaction)
{
    char hex[65];
    struct text said = arena_printf(a, "%s %llu %.*s %.*s %.*s %s", s->network,
                                    (unsigned long long)s->account_nonce, (int)s->to.len, s->to.p,
                                    (int)s->data.len, s->data.p, (int)s->fee_max.len, s->fee_max.p,
                                    ctx != NULL ? (const char *)ctx : "");
    struct hash h = sha256(text_bytes(said));
    hash_hex(&h, hex);
    *transaction = arena_printf(a, "0x%s", hex);
    *raw = arena_printf(a, "0x02%s", hex);
    return true;
}

static const struct x402_signer case_signer = {NULL, case_account, case_sign};

/** A payment by its number: who pays, and which authorization. */
__attribute__((unused)) static struct x402_name case_name(struct arena *a, unsigned n)
{
    return (struct x402_name){.network = TEXT(X402_CASE_NETWORK),
                              .asset = TEXT(X402_CASE_ASSET),
                              .from = arena_printf(a, "0x%040x", n % 7 + 1),
                              .nonce = arena_printf(a, "0x%064x", n)};
}

__attribute__((unused)) static struct x402_step case_step(struct arena *a, enum x402_step_kind kind,
                                                          unsigned n, const char *value)
{
    struct text said = arena_printf(a, "request %u %s", n, value);
    return (struct x402_step){
        .kind = kind,
        .name = case_name(a, n),
        .until = (mete_time)1735689600 * TIME_SECOND_US + 3600 * TIME_SECOND_US,
        .request = sha256(text_bytes(said)),
        .scheme = TEXT("exact"),
        .to = TEXT(X402_CASE_TO),
        .value = text_of(value),
        .resource = TEXT("https://api.example.org/weather"),
        .code = TEXT("USDC-base-sepolia"),
        .scale = 6,
        .call = {.to = TEXT(X402_CASE_ASSET),
                 .data = arena_printf(a, "0xe3ee160e%04x", n),
                 .gas = 90000,
                 .fee_max = TEXT("1000000000"),
                 .tip_max = TEXT("1000000")},
    };
}

#endif
