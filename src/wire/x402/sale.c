/* SPDX-License-Identifier: Apache-2.0
 * A token that x402 knows needs no more than its symbol; another one its address, its EIP-712
 * domain, and its decimals when the price is not in its smallest units. */
#include "wire/x402/sale.h"

#include "base/text.h"
#include "wire/x402/price.h"

struct token {
    struct text address;
    struct text symbol;
    struct text name;
    struct text version;
    bool has_decimals;
    unsigned decimals;
    bool is_permit2;
};

static enum mete_code address_check(struct text t, const char *what, struct mete_err *err)
{
    struct evm_address address;
    struct mete_err why;
    enum mete_code code = evm_address_parse(t, EVM_CHECKSUM_OPTIONAL, &address, &why);
    if (code != METE_OK) {
        return mete_fail(err, code, "", "%s: %s", what, why.text);
    }
    return evm_address_is_zero(&address)
               ? mete_fail(err, METE_ADDRESS_INVALID, "", "%s is the address that nobody has", what)
               : METE_OK;
}

static enum mete_code token_known(const struct x402_sale *s, const struct network_token *known,
                                  struct token *out, struct mete_err *err)
{
    if (s->has_decimals && s->decimals != known->decimals) {
        return mete_fail(err, METE_MEMBER_VALUE, "", "%s has %u decimals: leave them out",
                         known->symbol, (unsigned)known->decimals);
    }
    out->address = text_of(known->address);
    out->symbol = text_of(known->symbol);
    out->name = s->name.len > 0 ? s->name : text_of(known->name);
    out->version = s->version.len > 0 ? s->version : text_of(known->version);
    out->has_decimals = true;
    out->decimals = known->decimals;
    out->is_permit2 = out->is_permit2 || (s->method.len == 0 && known->method != TOKEN_EIP3009);
    return METE_OK;
}

static enum mete_code token_check(const struct token *t, struct text asset, struct mete_err *err)
{
    enum mete_code code = address_check(t->address, "asset", err);
    if (code != METE_OK && !text_starts(asset, "0x")) {
        return mete_fail(err, METE_MEMBER_VALUE, "",
                         "no asset of this name is known on this network: give its address");
    }
    if (code == METE_OK && !t->is_permit2 && (t->name.len == 0 || t->version.len == 0)) {
        return mete_fail(err, METE_MEMBER_MISSING, "",
                         "the EIP-712 domain of this asset is not known here: give its name and "
                         "version, or have it paid by Permit2");
    }
    return code;
}

static enum mete_code token_read(const struct x402_sale *s, uint64_t chain_id, struct token *out,
                                 struct mete_err *err)
{
    struct network_token known;
    struct text asset = s->asset.len > 0 ? s->asset : TEXT("USDC");
    bool is_known = network_token_find(chain_id, asset, &known) ||
                    (s->asset.len == 0 && network_token_at(chain_id, 0, &known));
    *out = (struct token){.address = asset,
                          .name = s->name,
                          .version = s->version,
                          .has_decimals = s->has_decimals,
                          .decimals = s->has_decimals ? s->decimals : 0,
                          .is_permit2 = text_is(s->method, "permit2") || s->is_upto};
    enum mete_code code = is_known ? token_known(s, &known, out, err) : METE_OK;
    return code == METE_OK ? token_check(out, asset, err) : code;
}

static struct text extra_write(struct arena *a, const struct token *token, bool is_upfront)
{
    struct buf out = {0};
    struct json_writer w;
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    if (token->name.len > 0) {
        jw_text(&w, "name", token->name);
    }
    if (token->version.len > 0) {
        jw_text(&w, "version", token->version);
    }
    if (token->is_permit2) {
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

static enum mete_code amount_read(const struct x402_sale *s, const struct token *token,
                                  struct u256 *out, struct mete_err *err)
{
    struct x402_price price;
    struct mete_err why;
    enum mete_code code = x402_price_read(s->price, &price, &why);
    if (code == METE_OK && price.kind != X402_PRICE_ATOMIC && !token->has_decimals) {
        return mete_fail(err, METE_MEMBER_MISSING, "",
                         "this asset is not a known one: give its decimals, or a price in its "
                         "smallest units");
    }
    code = code == METE_OK ? x402_price_units(&price, token->symbol, token->decimals, out, &why)
                           : code;
    if (code != METE_OK) {
        return mete_fail(err, code, "", "price: %s", why.text);
    }
    return u256_is_zero(*out) ? mete_fail(err, METE_X402_PRICE, "", "a price is above zero")
                              : METE_OK;
}

static enum mete_code sale_check(const struct x402_sale *s, struct mete_err *err)
{
    if (s->pay_to.len == 0 || s->network.len == 0 || s->price.len == 0) {
        return mete_fail(err, METE_MEMBER_MISSING, "", "an offer has network, price and pay_to");
    }
    if (s->timeout_s > X402_TIMEOUT_MAX_S) {
        return mete_fail(err, METE_NUMBER_RANGE, "", "an offer may be paid for %u seconds at most",
                         (unsigned)X402_TIMEOUT_MAX_S);
    }
    if (s->has_decimals && s->decimals > X402_DECIMALS_MAX) {
        return mete_fail(err, METE_NUMBER_RANGE, "", "an asset has %u decimals at most",
                         (unsigned)X402_DECIMALS_MAX);
    }
    if (s->is_upfront && s->is_upto) {
        return mete_fail(err, METE_MEMBER_VALUE, "",
                         "upto is settled when it is known how much: it cannot be upfront");
    }
    return address_check(s->pay_to, "pay_to", err);
}

enum mete_code x402_sale_read(struct arena *a, const struct x402_sale *s, struct x402_sold *out,
                              struct mete_err *err)
{
    char network[X402_NETWORK_MAX];
    struct x402_network n;
    struct token token = {0};
    struct u256 amount = {0};
    enum mete_code code = sale_check(s, err);
    if (code == METE_OK &&
        (!x402_network_resolve(s->network, network) ||
         !x402_network_parse(text_of(network), 2, &n) || n.family != X402_FAMILY_EVM)) {
        return mete_fail(err, METE_X402_NETWORK, "", "no network of EVM chains has this name");
    }
    code = code == METE_OK ? token_read(s, n.chain_id, &token, err) : code;
    code = code == METE_OK ? amount_read(s, &token, &amount, err) : code;
    if (code != METE_OK) {
        return code;
    }
    uint64_t timeout_s = s->timeout_s != 0 ? s->timeout_s : X402_SALE_TIMEOUT_S;
    *out = (struct x402_sold){
        .symbol = token.symbol,
        .has_decimals = token.has_decimals,
        .decimals = token.decimals,
        .offer = {.scheme = s->is_upto ? TEXT(X402_SCHEME_UPTO) : TEXT(X402_SCHEME_EXACT),
                  .network = arena_text(a, text_of(network)),
                  .amount = amount,
                  .asset = arena_text(a, token.address),
                  .pay_to = arena_text(a, s->pay_to),
                  .timeout_s = (uint32_t)timeout_s,
                  .extra = extra_write(a, &token, s->is_upfront)}};
    return METE_OK;
}
