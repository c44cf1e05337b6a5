/* SPDX-License-Identifier: Apache-2.0
 * An offer as a program writes it, made into one of the protocol. */
#include "client/server_parts.h"

#include "base/text.h"
#include "wire/x402/price.h"

#define TIMEOUT_S 60u

struct token {
    struct text address;
    struct text symbol;
    struct text name;
    struct text version;
    unsigned decimals;
    bool is_permit2;
};

static enum mete_code address_check(struct text t, const char *what, struct mete_err *err)
{
    struct evm_address address;
    enum mete_code code = evm_address_parse(t, EVM_CHECKSUM_OPTIONAL, &address, err);
    if (code == METE_OK && evm_address_is_zero(&address)) {
        return mete_fail(err, METE_ADDRESS_INVALID, NULL, "%s is the address that nobody has",
                         what);
    }
    return code;
}

static enum mete_code token_read(const struct mete_x402_offer *o, uint64_t chain_id,
                                 struct token *out, struct mete_err *err)
{
    struct network_token known;
    struct text asset = o->asset != NULL ? text_of(o->asset) : TEXT("USDC");
    *out = (struct token){.address = asset,
                          .name = text_of(o->name),
                          .version = text_of(o->version),
                          .decimals = o->decimals,
                          .is_permit2 = o->is_permit2 || o->is_upto};
    if (network_token_find(chain_id, asset, &known) ||
        (o->asset == NULL && network_token_at(chain_id, 0, &known))) {
        out->address = text_of(known.address);
        out->symbol = text_of(known.symbol);
        out->name = o->name != NULL ? out->name : text_of(known.name);
        out->version = o->version != NULL ? out->version : text_of(known.version);
        out->decimals = known.decimals;
        out->is_permit2 = out->is_permit2 || known.method != TOKEN_EIP3009;
    }
    enum mete_code code = address_check(out->address, "asset", err);
    if (code == METE_OK && !out->is_permit2 && (out->name.len == 0 || out->version.len == 0)) {
        return mete_fail(err, METE_MEMBER_MISSING, NULL,
                         "the EIP-712 domain of this asset is not known here: give its name and "
                         "version, or is_permit2");
    }
    return code;
}

static struct text extra_write(struct arena *a, const struct token *t, bool is_upfront)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    if (t->name.len > 0) {
        jw_text(&w, "name", t->name);
    }
    if (t->version.len > 0) {
        jw_text(&w, "version", t->version);
    }
    if (t->is_permit2) {
        jw_str(&w, "assetTransferMethod", "permit2");
    }
    if (is_upfront) {
        jw_str(&w, "paymentFlow", "upfront");
    }
    jw_end_object(&w);
    struct text extra = arena_text(a, buf_text(&out));
    buf_clear(&out);
    return extra;
}

static enum mete_code amount_read(const struct mete_x402_offer *o, const struct token *t,
                                  struct u256 *out, struct mete_err *err)
{
    struct x402_price price;
    enum mete_code code = x402_price_read(text_of(o->price), &price, err);
    if (code == METE_OK && price.kind != X402_PRICE_ATOMIC && t->symbol.len == 0 &&
        t->decimals == 0) {
        return mete_fail(err, METE_MEMBER_MISSING, NULL,
                         "this asset is not a known one: give its decimals, or a price in its "
                         "smallest units");
    }
    code = code == METE_OK ? x402_price_units(&price, t->symbol, t->decimals, out, err) : code;
    if (code == METE_OK && u256_is_zero(*out)) {
        return mete_fail(err, METE_X402_PRICE, NULL, "a price is above zero");
    }
    return code;
}

enum mete_code server_offer_read(struct arena *a, const struct mete_x402_offer *o,
                                 struct server_offer *out, struct mete_err *err)
{
    char network[X402_NETWORK_MAX];
    struct x402_network n;
    struct token token = {0};
    struct u256 amount = {0};
    if (o->network == NULL || o->price == NULL || o->pay_to == NULL) {
        return mete_fail(err, METE_MEMBER_MISSING, NULL, "an offer has network, price and pay_to");
    }
    if (!x402_network_resolve(text_of(o->network), network) ||
        !x402_network_parse(text_of(network), 2, &n) || n.family != X402_FAMILY_EVM) {
        return mete_fail(err, METE_X402_NETWORK, NULL, "no network of EVM chains has this name");
    }
    enum mete_code code = address_check(text_of(o->pay_to), "pay_to", err);
    code = code == METE_OK ? token_read(o, n.chain_id, &token, err) : code;
    code = code == METE_OK ? amount_read(o, &token, &amount, err) : code;
    if (code != METE_OK) {
        return code;
    }
    *out = (struct server_offer){
        .is_upto = o->is_upto,
        .offer = {.scheme = o->is_upto ? TEXT(X402_SCHEME_UPTO) : TEXT(X402_SCHEME_EXACT),
                  .network = arena_text(a, text_of(network)),
                  .amount = amount,
                  .asset = arena_text(a, token.address),
                  .pay_to = arena_text(a, text_of(o->pay_to)),
                  .timeout_s = o->timeout_s != 0 ? o->timeout_s : TIMEOUT_S,
                  .extra = extra_write(a, &token, o->is_upfront)}};
    return METE_OK;
}
