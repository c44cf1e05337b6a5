/* SPDX-License-Identifier: Apache-2.0
 * Solana's names are those of its clusters, their references the first 32 characters of the hash of
 * the first block (CAIP-30). */
#include "wire/x402/network.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "wire/evm/address.h"

#define REFERENCE_MAX 32 /* CAIP-2 */

static const struct cluster {
    const char *name;
    const char *caip2;
    bool is_test;
} CLUSTERS[] = {
    {"solana", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", false},
    {"solana-devnet", "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1", true},
    {"solana-testnet", "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z", true},
};

static const struct cluster *cluster_named(struct text name)
{
    for (size_t i = 0; i < ARRAY_LEN(CLUSTERS); i++) {
        if (text_is(name, CLUSTERS[i].name)) {
            return &CLUSTERS[i];
        }
    }
    return NULL;
}

static const struct cluster *cluster_at(struct text caip2)
{
    for (size_t i = 0; i < ARRAY_LEN(CLUSTERS); i++) {
        if (text_is(caip2, CLUSTERS[i].caip2)) {
            return &CLUSTERS[i];
        }
    }
    return NULL;
}

static const struct network *v1_chain(struct text name)
{
    const struct network *n = evm_network_by_name(name);
    return n != NULL && n->is_x402_v1 ? n : NULL;
}

/* Plain digits of 1..X402_CHAIN_ID_MAX. */
static bool chain_id_parse(struct text t, uint64_t *out)
{
    uint64_t v = 0;
    if (t.len == 0 || t.len > 16 || t.p[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        v = v * 10 + (uint64_t)(t.p[i] - '0');
    }
    if (v > X402_CHAIN_ID_MAX) {
        return false;
    }
    *out = v;
    return true;
}

static bool is_among(struct text t, size_t min, size_t max, bool takes_capitals)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.p[i];
        bool is_small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        bool is_more = (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_small && !(takes_capitals && is_more)) {
            return false;
        }
    }
    return t.len >= min && t.len <= max;
}

/* CAIP-2: [-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32} */
static bool caip2_parse(struct text written, struct x402_network *out)
{
    size_t colon = 0;
    while (colon < written.len && written.p[colon] != ':') {
        colon++;
    }
    if (colon == written.len) {
        return false;
    }
    struct text space = {written.p, colon};
    struct text reference = {written.p + colon + 1, written.len - colon - 1};
    if (!is_among(space, 3, 8, false) || !is_among(reference, 1, REFERENCE_MAX, true)) {
        return false;
    }
    struct x402_network n = {X402_FAMILY_OTHER, 0, reference, false};
    if (text_is(space, "eip155")) {
        n.family = X402_FAMILY_EVM;
        if (!chain_id_parse(reference, &n.chain_id)) {
            return false;
        }
        const struct network *known = evm_network_by_id(n.chain_id);
        n.is_test = known != NULL && known->is_test;
    } else if (text_is(space, "solana")) {
        const struct cluster *known = cluster_at(written);
        n.family = X402_FAMILY_SVM;
        n.is_test = known != NULL && known->is_test;
    }
    *out = n;
    return true;
}

bool x402_network_parse(struct text written, int version, struct x402_network *out)
{
    if (version == 2) {
        return caip2_parse(written, out);
    }
    const struct network *chain = v1_chain(written);
    const struct cluster *cluster = cluster_named(written);
    if (chain != NULL) {
        *out = (struct x402_network){X402_FAMILY_EVM, chain->chain_id, TEXT(""), chain->is_test};
        return true;
    }
    return cluster != NULL && caip2_parse(text_of(cluster->caip2), out);
}

bool x402_network_of_v1(struct text name, char out[X402_NETWORK_MAX])
{
    const struct network *chain = v1_chain(name);
    const struct cluster *cluster = cluster_named(name);
    if (chain != NULL) {
        x402_network_write(chain->chain_id, out);
        return true;
    }
    return cluster != NULL && text_copy(out, X402_NETWORK_MAX, text_of(cluster->caip2));
}

const char *x402_network_v1_name(struct text caip2)
{
    struct x402_network n;
    const struct cluster *cluster = cluster_at(caip2);
    if (cluster != NULL) {
        return cluster->name;
    }
    if (!caip2_parse(caip2, &n) || n.family != X402_FAMILY_EVM) {
        return NULL;
    }
    const struct network *chain = evm_network_by_id(n.chain_id);
    return chain != NULL && chain->is_x402_v1 ? chain->name : NULL;
}

void x402_network_write(uint64_t chain_id, char out[X402_NETWORK_MAX])
{
    int len = snprintf(out, X402_NETWORK_MAX, "eip155:%" PRIu64, chain_id);
    METE_ASSERT(len > 0 && len < X402_NETWORK_MAX);
}

bool x402_network_resolve(struct text setting, char out[X402_NETWORK_MAX])
{
    struct x402_network n;
    uint64_t chain_id;
    if (caip2_parse(setting, &n)) {
        return text_copy(out, X402_NETWORK_MAX, setting);
    }
    const struct network *known = evm_network_by_name(setting);
    if (known != NULL || chain_id_parse(setting, &chain_id)) {
        x402_network_write(known != NULL ? known->chain_id : chain_id, out);
        return true;
    }
    return x402_network_of_v1(setting, out);
}

enum mete_code x402_pay_to_check(struct text pay_to, struct text network, struct mete_err *err)
{
    struct evm_address unused;
    const bool is_evm = network.len > 0 ? text_starts(network, "eip155:")
                                        : text_starts(pay_to, "0x") || text_starts(pay_to, "0X");
    return is_evm ? evm_address_parse(pay_to, EVM_CHECKSUM_OPTIONAL, &unused, err) : METE_OK;
}
