/* SPDX-License-Identifier: Apache-2.0
 * The members of an offer, and what they mean together: wire/x402/sale.h. */
#include "gate/terms.h"

#include "base/text.h"
#include "wire/x402/price.h"
#include "wire/x402/sale.h"

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
                               .timeout_s = X402_SALE_TIMEOUT_S};
}

enum mete_code gate_terms_read(const struct form_in *in, const struct json *j, struct gate_terms *t)
{
    return form_read(in, &terms_form, j, t);
}

enum mete_code gate_terms_offer(const struct form_in *in, const struct json *at,
                                const struct gate_terms *t, bool is_upfront, struct gate_offer *out)
{
    struct x402_sold sold;
    struct mete_err err;
    bool is_upto = text_is(t->scheme, X402_SCHEME_UPTO);
    bool has_decimals = t->decimals != GATE_DECIMALS_UNKNOWN;
    const struct x402_sale sale = {.pay_to = t->pay_to,
                                   .network = t->network,
                                   .asset = t->asset,
                                   .price = t->price,
                                   .method = t->method,
                                   .name = t->name,
                                   .version = t->version,
                                   .has_decimals = has_decimals,
                                   .decimals = has_decimals ? (unsigned)t->decimals : 0,
                                   .timeout_s = t->timeout_s,
                                   .is_upto = is_upto,
                                   .is_upfront = is_upfront};
    if (t->pay_to.len == 0 || t->network.len == 0 || t->price.len == 0) {
        return form_fail(in, at, METE_MEMBER_MISSING,
                         "pay_to, network and price stand here, in the route, or at the top");
    }
    enum mete_code code = x402_sale_read(in->arena, &sale, &sold, &err);
    if (code != METE_OK) {
        return form_fail(in, at, code, "%s", err.text);
    }
    *out = (struct gate_offer){.offer = sold.offer,
                               .symbol = sold.symbol,
                               .decimals = sold.decimals,
                               .has_decimals = sold.has_decimals,
                               .is_upto = is_upto};
    return METE_OK;
}
