/* SPDX-License-Identifier: Apache-2.0
 * Reading what may be paid, and asking it. */
#include "client/pay_rules.h"

#include "base/text.h"
#include "client/pay_history.h"
#include "client/pay_scheme.h"
#include "wire/evm/network.h"
#include "wire/url.h"
#include "wire/x402/network.h"
#include "wire/x402/price.h"

#include <stdio.h>
#include <string.h>

#define RULES_SIZE_MAX ((size_t)4 << 20)
#define VALIDITY_S     3600u

/* --- limits ------------------------------------------------------------------------------------*/

bool pay_limit_read(struct pay_limit *out, const char *name, const char *text, char *why)
{
    struct x402_price p;
    struct mete_err err;
    struct pay_limit l = {.is_set = true};
    if (text == NULL) {
        *out = (struct pay_limit){0};
        return true;
    }
    if (x402_price_read(text_of(text), &p, &err) != METE_OK ||
        (p.kind != X402_PRICE_DOLLARS && p.kind != X402_PRICE_SYMBOL) ||
        x402_price_units(&p, p.symbol, ENTRY_SCALE, &l.worth, &err) != METE_OK ||
        !text_copy(l.symbol, sizeof l.symbol, p.symbol) ||
        !text_copy(l.text, sizeof l.text, text_of(text))) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "%s is written $0.05, or 0.05 USDC, not '%.60s'", name,
                 text);
        return false;
    }
    *out = l;
    return true;
}

bool pay_limit_allows(const struct pay_limit *l, struct u256 before, struct u256 worth,
                      const char *symbol)
{
    struct u256 sum;
    struct u256 left;
    if (!l->is_set) {
        return true;
    }
    if (l->symbol[0] != '\0' && !host_eq(text_of(l->symbol), text_of(symbol))) {
        return false;
    }
    return u256_add(before, worth, &sum) && u256_sub(l->worth, sum, &left);
}

static bool limits_read(struct pay_rules *r, const struct mete_client_options *o, char *why)
{
    const char *max = o->max_amount != NULL ? o->max_amount : METE_CLIENT_MAX_DEFAULT;
    return pay_limit_read(&r->request, "max_amount (--max-amount)", max, why) &&
           pay_limit_read(&r->host, "max_per_host (--max-per-host)", o->max_per_host, why) &&
           pay_limit_read(&r->day, "max_per_day (--max-per-day)", o->max_per_day, why) &&
           pay_limit_read(&r->total, "max_total (--max-total)", o->max_total, why);
}

/* --- lists -------------------------------------------------------------------------------------*/

static size_t list_len(const char *const *list)
{
    size_t n = 0;
    while (list != NULL && n < PAY_LIST_MAX && list[n] != NULL) {
        n++;
    }
    return n;
}

/** The text up to the next `end`, which is taken off. */
static struct text part(struct text *rest, char end)
{
    const char *at = rest->len > 0 ? memchr(rest->p, end, rest->len) : NULL;
    const size_t len = at != NULL ? (size_t)(at - rest->p) : rest->len;
    const struct text out = {rest->p, len};
    const size_t skip = at != NULL ? len + 1 : len;
    *rest = (struct text){rest->p + skip, rest->len - skip};
    return out;
}

static bool chain_of(struct text setting, uint64_t *chain_id)
{
    char caip2[X402_NETWORK_MAX];
    struct x402_network n;
    if (!x402_network_resolve(setting, caip2) || !x402_network_parse(text_of(caip2), 2, &n) ||
        n.family != X402_FAMILY_EVM) {
        return false;
    }
    *chain_id = n.chain_id;
    return true;
}

static bool networks_read(struct pay_rules *r, const char *const *list, char *why)
{
    const size_t count = list_len(list);
    r->networks = arena_array(&r->arena, count + 1, sizeof *r->networks);
    for (size_t i = 0; i < count; i++) {
        char caip2[X402_NETWORK_MAX];
        if (!x402_network_resolve(text_of(list[i]), caip2)) {
            snprintf(why, METE_CLIENT_ERROR_MAX,
                     "'%.60s' is no network: write base, or eip155:8453", list[i]);
            return false;
        }
        r->networks[r->network_count++] = arena_text(&r->arena, text_of(caip2)).p;
    }
    return true;
}

/** "eip155:8453/0xADDRESS/6/SYMBOL"; decimals and symbol may be left out of those that are known.
 */
static bool asset_read(struct text t, struct pay_asset *out)
{
    struct mete_err err;
    struct network_token token;
    struct text rest = t;
    const struct text network = part(&rest, '/');
    const struct text address = part(&rest, '/');
    const struct text decimals = part(&rest, '/');
    struct pay_asset a = {0};
    struct u256 places = {0};
    uint64_t number = 0;
    if (address.len == 0) {
        *out = a;
        return t.len > 0 && memchr(t.p, ':', t.len) == NULL &&
               text_copy(out->symbol, sizeof out->symbol, t);
    }
    if (!chain_of(network, &a.chain_id) ||
        evm_address_parse(address, EVM_CHECKSUM_OPTIONAL, &a.address, &err) != METE_OK) {
        return false;
    }
    if (decimals.len == 0 && network_token_find(a.chain_id, address, &token)) {
        number = token.decimals;
        rest = text_of(token.symbol);
    } else if (!u256_parse(decimals, &places) || !u256_to_u64(places, &number)) {
        return false;
    }
    a.decimals = (unsigned)number;
    *out = a;
    return number <= ENTRY_SCALE && text_copy(out->symbol, sizeof out->symbol, rest);
}

static bool assets_read(struct pay_rules *r, const char *const *list, char *why)
{
    const size_t count = list_len(list);
    r->assets = arena_array(&r->arena, count + 1, sizeof *r->assets);
    for (size_t i = 0; i < count; i++) {
        if (!asset_read(text_of(list[i]), &r->assets[i])) {
            snprintf(why, METE_CLIENT_ERROR_MAX,
                     "'%.80s' is no asset: write USDC, or eip155:8453/0xADDRESS/DECIMALS/SYMBOL "
                     "with at most %u decimals",
                     list[i], ENTRY_SCALE);
            return false;
        }
        r->has_symbols = r->has_symbols || r->assets[i].chain_id == 0;
        r->asset_count++;
    }
    return true;
}

static bool schemes_read(struct pay_rules *r, const char *const *list, char *why)
{
    const size_t count = list_len(list);
    r->schemes = arena_array(&r->arena, count + 1, sizeof *r->schemes);
    for (size_t i = 0; i < count; i++) {
        if (!pay_scheme_is_known(text_of(list[i]))) {
            char names[METE_CLIENT_TEXT_MAX];
            pay_scheme_names(names, sizeof names);
            snprintf(why, METE_CLIENT_ERROR_MAX, "'%.40s' is no scheme: %s", list[i], names);
            return false;
        }
        r->schemes[r->scheme_count++] = arena_text(&r->arena, text_of(list[i])).p;
    }
    return true;
}

static bool recipients_read(struct pay_rules *r, const char *const *list, char *why)
{
    const size_t count = list_len(list);
    struct mete_err err;
    r->recipients = arena_array(&r->arena, count + 1, sizeof *r->recipients);
    for (size_t i = 0; i < count; i++) {
        if (evm_address_parse(text_of(list[i]), EVM_CHECKSUM_OPTIONAL, &r->recipients[i], &err) !=
            METE_OK) {
            snprintf(why, METE_CLIENT_ERROR_MAX, "the recipient '%.60s': %.200s", list[i],
                     err.text);
            return false;
        }
        r->recipient_count++;
    }
    return true;
}

/** "eip155:8453=https://node". */
static bool nodes_read(struct pay_rules *r, const char *const *list, char *why)
{
    const size_t count = list_len(list);
    r->nodes = arena_array(&r->arena, count + 1, sizeof *r->nodes);
    for (size_t i = 0; i < count; i++) {
        struct url url;
        struct text rest = text_of(list[i]);
        struct pay_node *n = &r->nodes[i];
        if (!chain_of(part(&rest, '='), &n->chain_id) || url_read(rest, &url) != NULL) {
            snprintf(why, METE_CLIENT_ERROR_MAX,
                     "a node is written NETWORK=URL, such as eip155:8453=https://node.example");
            return false;
        }
        n->url = arena_text(&r->arena, rest).p;
        r->node_count++;
    }
    return true;
}

enum mete_client_error pay_rules_read(struct pay_rules *out, const struct mete_client_options *o,
                                      char *why)
{
    *out = (struct pay_rules){.select = o->select, .choose = o->choose};
    out->choose_ctx = o->choose_ctx;
    out->validity_max_s = o->validity_max_s != 0 ? o->validity_max_s : VALIDITY_S;
    arena_init(&out->arena, RULES_SIZE_MAX);
    if ((size_t)o->select > METE_CLIENT_PREFERRED) {
        snprintf(why, METE_CLIENT_ERROR_MAX, "select is none of its values");
        return METE_CLIENT_USAGE;
    }
    return limits_read(out, o, why) && networks_read(out, o->networks, why) &&
                   assets_read(out, o->assets, why) && schemes_read(out, o->schemes, why) &&
                   recipients_read(out, o->recipients, why) && nodes_read(out, o->rpc, why)
               ? METE_CLIENT_OK
               : METE_CLIENT_USAGE;
}

void pay_rules_clear(struct pay_rules *r)
{
    arena_clear(&r->arena);
}

/* --- asking ------------------------------------------------------------------------------------*/

static bool symbol_listed(const struct pay_rules *r, const char *symbol, size_t *rank)
{
    for (size_t i = 0; i < r->asset_count; i++) {
        if (r->assets[i].chain_id == 0 && host_eq(text_of(r->assets[i].symbol), text_of(symbol))) {
            *rank = i;
            return true;
        }
    }
    *rank = r->asset_count;
    return false;
}

bool pay_asset_find(const struct pay_rules *r, uint64_t chain_id, const struct evm_address *a,
                    struct pay_asset *out, size_t *rank)
{
    char text[EVM_ADDRESS_TEXT_LEN + 1];
    struct network_token token;
    for (size_t i = 0; i < r->asset_count; i++) {
        if (r->assets[i].chain_id == chain_id && evm_address_eq(&r->assets[i].address, a)) {
            *out = r->assets[i];
            *rank = i;
            return true;
        }
    }
    evm_address_format(a, text);
    if (!network_token_find(chain_id, text_of(text), &token) || token.decimals > ENTRY_SCALE) {
        return false;
    }
    *out = (struct pay_asset){.chain_id = chain_id, .address = *a, .decimals = token.decimals};
    return text_copy(out->symbol, sizeof out->symbol, text_of(token.symbol)) &&
           (symbol_listed(r, out->symbol, rank) || !r->has_symbols);
}

bool pay_network_find(const struct pay_rules *r, const char *caip2, uint64_t chain_id, size_t *rank)
{
    for (size_t i = 0; i < r->network_count; i++) {
        if (strcmp(r->networks[i], caip2) == 0) {
            *rank = i;
            return true;
        }
    }
    *rank = r->network_count;
    if (r->network_count > 0) {
        return false;
    }
    struct network_token token;
    const struct network *n = evm_network_by_id(chain_id);
    bool is_known = n != NULL ? !n->is_retired : network_token_at(chain_id, 0, &token);
    for (size_t i = 0; i < r->asset_count; i++) {
        is_known = is_known || r->assets[i].chain_id == chain_id;
    }
    return is_known;
}

const char *pay_node_find(const struct pay_rules *r, uint64_t chain_id)
{
    for (size_t i = 0; i < r->node_count; i++) {
        if (r->nodes[i].chain_id == chain_id) {
            return r->nodes[i].url;
        }
    }
    return NULL;
}
