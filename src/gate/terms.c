/* SPDX-License-Identifier: Apache-2.0
 * A token that x402 knows needs no more than its symbol; another one its address, its EIP-712
 * domain, and its decimals when the price is not in its smallest units. */
#include "gate/terms.h"

#include "base/text.h"
#include "wire/x402/price.h"

#include <string.h>

static const char *const SCHEMES[] = {X402_SCHEME_EXACT, X402_SCHEME_UPTO, NULL};
static const char *const METHODS[] = {"eip3009", "permit2", NULL};

#define CHOICE(name, member, list)                                                                 \
    {                                                                                              \
        TEXT(name), field_choice, false, offsetof(struct gate_terms, member), 0, 0, list           \
    }
#define OFFER_ROW(name, member, read, min, max)                                                    \
    {                                                                                              \
        TEXT(name), read, false, offsetof(struct gate_terms, member), min, max, NULL               \
    }

static const struct field terms_fields[] = {
    OFFER_ROW("pay_to", pay_to, field_line, 1, 128),
    OFFER_ROW("network", network, field_line, 1, 64),
    OFFER_ROW("asset", asset, field_line, 1, 128),
    OFFER_ROW("price", price, field_line, 1, 80),
    OFFER_ROW("max_timeout_s", timeout_s, field_u64, 1, X402_TIMEOUT_MAX_S),
    CHOICE("scheme", scheme, SCHEMES),
    CHOICE("method", method, METHODS),
    OFFER_ROW("name", name, field_line, 1, 128),
    OFFER_ROW("version", version, field_line, 1, 32),
    OFFER_ROW("decimals", decimals, field_u64, 0, X402_DECIMALS_MAX),
};
FORM_STRICT(terms_form, terms_fields);

struct gate_terms gate_terms_default(void)
{
    return (struct gate_terms){.scheme = TEXT(X402_SCHEME_EXACT),
                               .decimals = GATE_DECIMALS_UNKNOWN,
                               .timeout_s = GATE_TIMEOUT_S};
}

enum mete_code gate_terms_read(const struct form_in *in, const struct json *j, struct gate_terms *t)
{
    return form_read(in, &terms_form, j, t);
}

/* --- tokens ------------------------------------------------------------------------------------*/

struct token {
    struct text address;
    struct text symbol;
    struct text name;
    struct text version;
    uint64_t decimals;
    bool is_permit2;
};

static enum mete_code address_check(const struct form_in *in, const struct json *at, struct text t,
                                    const char *what)
{
    struct evm_address address;
    struct mete_err err;
    enum mete_code code = evm_address_parse(t, EVM_CHECKSUM_OPTIONAL, &address, &err);
    if (code != METE_OK) {
        return form_fail(in, at, code, "%s: %s", what, err.text);
    }
    if (evm_address_is_zero(&address)) {
        return form_fail(in, at, METE_ADDRESS_INVALID, "%s is the address that nobody has", what);
    }
    return METE_OK;
}

static enum mete_code token_read(const struct form_in *in, const struct json *at,
                                 const struct gate_terms *t, uint64_t chain_id, struct token *out)
{
    struct network_token known;
    struct text asset = t->asset.len > 0 ? t->asset : TEXT("USDC");
    bool is_known = network_token_find(chain_id, asset, &known) ||
                    (t->asset.len == 0 && network_token_at(chain_id, 0, &known));
    *out = (struct token){.address = asset,
                          .name = t->name,
                          .version = t->version,
                          .decimals = t->decimals,
                          .is_permit2 = text_is(t->method, "permit2")};
    if (is_known) {
        out->address = text_of(known.address);
        out->symbol = text_of(known.symbol);
        out->name = t->name.len > 0 ? t->name : text_of(known.name);
        out->version = t->version.len > 0 ? t->version : text_of(known.version);
        out->decimals = t->decimals != GATE_DECIMALS_UNKNOWN ? t->decimals : known.decimals;
        out->is_permit2 = out->is_permit2 || (t->method.len == 0 && known.method != TOKEN_EIP3009);
    }
    out->is_permit2 = out->is_permit2 || text_is(t->scheme, X402_SCHEME_UPTO);
    enum mete_code code = address_check(in, at, out->address, "asset");
    if (code != METE_OK && !text_starts(asset, "0x")) {
        return form_fail(in, at, METE_MEMBER_VALUE,
                         "no asset of this name is known on this network: give its address");
    }
    if (code == METE_OK && !out->is_permit2 && (out->name.len == 0 || out->version.len == 0)) {
        return form_fail(
            in, at, METE_MEMBER_MISSING,
            "the EIP-712 domain of this asset is not known here: give its name and version, "
            "or \"method\": \"permit2\"");
    }
    return code;
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

static enum mete_code amount_read(const struct form_in *in, const struct json *at,
                                  const struct gate_terms *t, const struct token *token,
                                  struct u256 *out)
{
    struct x402_price price;
    struct mete_err err;
    enum mete_code code = x402_price_read(t->price, &price, &err);
    if (code == METE_OK && price.kind != X402_PRICE_ATOMIC &&
        token->decimals == GATE_DECIMALS_UNKNOWN) {
        return form_fail(in, at, METE_MEMBER_MISSING,
                         "this asset is not a known one: give its decimals, or a price in its "
                         "smallest units");
    }
    unsigned decimals = token->decimals != GATE_DECIMALS_UNKNOWN ? (unsigned)token->decimals : 0;
    code = code == METE_OK ? x402_price_units(&price, token->symbol, decimals, out, &err) : code;
    if (code != METE_OK) {
        return form_fail(in, at, code, "price: %s", err.text);
    }
    return u256_is_zero(*out) ? form_fail(in, at, METE_X402_PRICE,
                                          "a price is above zero; what is free stands in \"free\"")
                              : METE_OK;
}

enum mete_code gate_terms_offer(const struct form_in *in, const struct json *at,
                                const struct gate_terms *t, bool is_upfront, struct gate_offer *out)
{
    char network[X402_NETWORK_MAX];
    struct x402_network n;
    struct token token;
    if (t->pay_to.len == 0 || t->network.len == 0 || t->price.len == 0) {
        return form_fail(in, at, METE_MEMBER_MISSING,
                         "pay_to, network and price stand here, in the route, or at the top");
    }
    if (!x402_network_resolve(t->network, network) ||
        !x402_network_parse(text_of(network), 2, &n) || n.family != X402_FAMILY_EVM) {
        return form_fail(in, at, METE_X402_NETWORK, "no network of EVM chains has this name");
    }
    enum mete_code code = address_check(in, at, t->pay_to, "pay_to");
    code = code == METE_OK ? token_read(in, at, t, n.chain_id, &token) : code;
    struct u256 amount = {0};
    code = code == METE_OK ? amount_read(in, at, t, &token, &amount) : code;
    if (code != METE_OK) {
        return code;
    }
    if (is_upfront && text_is(t->scheme, X402_SCHEME_UPTO)) {
        return form_fail(in, at, METE_MEMBER_VALUE,
                         "upto is settled when it is known how much: it cannot be upfront");
    }
    *out = (struct gate_offer){
        .offer = {.scheme = t->scheme,
                  .network = arena_text(in->arena, text_of(network)),
                  .amount = amount,
                  .asset = token.address,
                  .pay_to = t->pay_to,
                  .timeout_s = (uint32_t)t->timeout_s,
                  .extra = extra_write(in->arena, &token, is_upfront)},
        .symbol = token.symbol,
        .decimals = token.decimals != GATE_DECIMALS_UNKNOWN ? (unsigned)token.decimals : 0,
        .has_decimals = token.decimals != GATE_DECIMALS_UNKNOWN,
        .is_upto = text_is(t->scheme, X402_SCHEME_UPTO)};
    return METE_OK;
}
