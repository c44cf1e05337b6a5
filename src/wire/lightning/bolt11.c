/* SPDX-License-Identifier: Apache-2.0
 * The tables of BOLT 11, and whether an invoice may be paid. Each refusal names what was agreed and
 * what the invoice says. */
#include "wire/lightning/bolt11.h"

#include "base/text.h"
#include "wire/bech32.h"
#include "wire/lightning/bolt11_parts.h"

#include <inttypes.h>
#include <string.h>

const struct bolt11_prefix bolt11_prefixes[BOLT11_PREFIX_COUNT] = {
    {"bcrt", BOLT11_REGTEST},
    {"tbs", BOLT11_SIGNET},
    {"bc", BOLT11_BITCOIN},
    {"tb", BOLT11_TESTNET},
};

const struct bolt11_unit bolt11_units[BOLT11_UNIT_COUNT] = {
    {'\0', 1000000000000}, {'m', 1000000000}, {'u', 1000000}, {'n', 1000}, {'p', 1},
};

static const char *const NETWORKS[] = {
    [BOLT11_BITCOIN] = "bitcoin",
    [BOLT11_TESTNET] = "testnet",
    [BOLT11_SIGNET] = "signet",
    [BOLT11_REGTEST] = "regtest",
};

const char *bolt11_network_name(enum bolt11_network network)
{
    METE_ASSERT((size_t)network < ARRAY_LEN(NETWORKS));
    return NETWORKS[network];
}

bool bolt11_network_of(struct text name, enum bolt11_network *out)
{
    for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++) {
        if (text_is(name, NETWORKS[i])) {
            *out = (enum bolt11_network)i;
            return true;
        }
    }
    return false;
}

struct hash bolt11_signed_hash(struct text prefix, struct bytes symbols)
{
    struct buf b = {0};
    buf_put_text(&b, prefix);
    symbols_pack(&b, symbols);
    struct hash h = sha256(buf_bytes(&b));
    buf_clear(&b);
    return h;
}

bool bolt11_has_feature(const struct bolt11 *i, unsigned bit)
{
    size_t symbol = bit / 5;
    return symbol < i->features.len &&
           (i->features.p[i->features.len - 1 - symbol] >> bit % 5 & 1) != 0;
}

int64_t bolt11_expires_at(const struct bolt11 *i)
{
    uint64_t room = (uint64_t)(INT64_MAX - i->timestamp_s);
    return i->expiry_s > room ? INT64_MAX : i->timestamp_s + (int64_t)i->expiry_s;
}

static enum mete_code check_amount(const struct bolt11 *i, const struct bolt11_terms *t,
                                   struct mete_err *err)
{
    if (i->network != t->network) {
        return mete_fail(err, METE_INVOICE_REFUSED, "", "it is for %s, we pay on %s",
                         bolt11_network_name(i->network), bolt11_network_name(t->network));
    }
    if (!i->has_amount) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "it leaves the amount open, %" PRIu64 " msat were asked for",
                         t->amount_msat);
    }
    if (i->amount_msat != t->amount_msat) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "it asks for %" PRIu64 " msat, %" PRIu64 " msat were agreed",
                         i->amount_msat, t->amount_msat);
    }
    return METE_OK;
}

static enum mete_code check_single(const struct bolt11 *i, struct mete_err *err)
{
    const struct {
        const char *what;
        uint32_t count;
    } fields[] = {
        {"payment hash (p)", i->hash_count},
        {"payment secret (s)", i->secret_count},
        {"description hash (h)", i->description_hash_count},
        {"payee (n)", i->payee_count},
    };
    for (size_t k = 0; k < ARRAY_LEN(fields); k++) {
        if (fields[k].count > 1) {
            return mete_fail(err, METE_INVOICE_REFUSED, "",
                             "it has %" PRIu32 " fields of %s: nodes disagree which one counts",
                             fields[k].count, fields[k].what);
        }
    }
    return METE_OK;
}

static enum mete_code check_description(const struct bolt11 *i, const struct bolt11_terms *t,
                                        struct mete_err *err)
{
    if (t->takes_any_description) {
        return METE_OK;
    }
    if (!i->has_description_hash) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "it does not commit to the metadata (no field h, LUD-06)");
    }
    struct hash h = sha256(t->metadata);
    if (!hash_eq(&h, &i->description_hash)) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "it commits to other metadata than was answered (field h, LUD-06)");
    }
    return METE_OK;
}

/* now_s and margin_s cannot overflow: nobody's clock is near the end of 63 bits. */
static enum mete_code check_time(const struct bolt11 *i, const struct bolt11_terms *t,
                                 struct mete_err *err)
{
    METE_ASSERT(t->now_s >= 0 && t->now_s <= INT64_MAX - (int64_t)UINT32_MAX);
    int64_t left = bolt11_expires_at(i) - t->now_s;
    if (left < (int64_t)t->margin_s) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "%" PRId64 " seconds are left until it expires, %" PRIu32 " are needed",
                         left > 0 ? left : 0, t->margin_s);
    }
    if (i->cltv > BOLT11_CLTV_MAX) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "it would lock the money for %" PRIu64 " blocks, at most %d are allowed",
                         i->cltv, BOLT11_CLTV_MAX);
    }
    return METE_OK;
}

static enum mete_code check_payee(const struct bolt11 *i, const struct bolt11_terms *t,
                                  struct mete_err *err)
{
    if (t->own_node != NULL && memcmp(i->payee, t->own_node, SECP_COMPRESSED_LEN) == 0) {
        return mete_fail(err, METE_INVOICE_REFUSED, "", "it would pay our own node");
    }
    if (t->expected_payee != NULL &&
        memcmp(i->payee, t->expected_payee, SECP_COMPRESSED_LEN) != 0) {
        return mete_fail(err, METE_INVOICE_REFUSED, "",
                         "it is signed by another node than this destination's");
    }
    return METE_OK;
}

enum mete_code bolt11_check_payout(const struct bolt11 *i, const struct bolt11_terms *t,
                                   struct mete_err *err)
{
    enum mete_code code = check_amount(i, t, err);
    if (code == METE_OK) {
        code = check_single(i, err);
    }
    if (code == METE_OK) {
        code = check_description(i, t, err);
    }
    if (code == METE_OK) {
        code = check_time(i, t, err);
    }
    return code == METE_OK ? check_payee(i, t, err) : code;
}
