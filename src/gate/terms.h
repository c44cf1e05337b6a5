/* SPDX-License-Identifier: Apache-2.0
 * How something is paid, as an administrator writes it: to whom, where, in what, how much. Members
 * that are absent come from what stands around them. Private to src/gate. */
#ifndef METE_GATE_TERMS_H
#define METE_GATE_TERMS_H

#include "gate/config.h"
#include "wire/form.h"

struct gate_terms {
    struct text pay_to;
    struct text network;
    struct text asset;  /* a symbol, or an address */
    struct text price;  /* "$0.01", "0.01 USDC", "10000" */
    struct text scheme; /* "exact", "upto" */
    struct text method; /* "eip3009", "permit2"; empty: what the token takes */
    struct text name;   /* of the token's EIP-712 domain, when it is not a known one */
    struct text version;
    uint64_t decimals; /* of such a token; DECIMALS_UNKNOWN: not said */
    uint64_t timeout_s;
};

#define GATE_DECIMALS_UNKNOWN UINT64_MAX

/* The rows of a form. `prefix` leads from `type` to its struct gate_terms. */
#define GATE_TERMS_ROW(name, type, member, read, min, max)                                         \
    {                                                                                              \
        TEXT(name), read, false, offsetof(type, member), min, max, NULL                            \
    }
#define GATE_TERMS_ROWS(type, prefix)                                                              \
    GATE_TERMS_ROW("pay_to", type, prefix.pay_to, field_line, 1, 128),                             \
        GATE_TERMS_ROW("network", type, prefix.network, field_line, 1, 64),                        \
        GATE_TERMS_ROW("asset", type, prefix.asset, field_line, 1, 128),                           \
        GATE_TERMS_ROW("price", type, prefix.price, field_line, 1, 80),                            \
        GATE_TERMS_ROW("max_timeout_s", type, prefix.timeout_s, field_u64, 1, X402_TIMEOUT_MAX_S)

struct gate_terms gate_terms_default(void);
/** Reads an item of "accepts" over what `t` has. */
enum mete_code gate_terms_read(const struct form_in *in, const struct json *j,
                               struct gate_terms *t) METE_MUST_CHECK;
/** What `t` means; `at` is the place for errors. */
enum mete_code gate_terms_offer(const struct form_in *in, const struct json *at,
                                const struct gate_terms *t, bool is_upfront,
                                struct gate_offer *out) METE_MUST_CHECK;

#endif
