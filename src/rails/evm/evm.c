/* SPDX-License-Identifier: Apache-2.0
 * The kind, and its settings: section [evm]. */
#include "rails/evm/evm.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "rails/evm/evm_parts.h"
#include "rails/secret_file.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIRMATIONS_MAX 100000
#define FEE_GWEI          "500"
#define REPLACE_AFTER_S   "180"
#define REPLACE_AFTER_MAX 86400
#define BATCH_SIZE        "100"
#define TIMEOUT_S         "20"
#define TIMEOUT_MAX       300
#define CONFIRMATIONS     "12" /* of a network that mete does not know */
#define LIST_MAX          4096

struct reading {
    const struct rail_config *config;
    struct mete_err *err;
    char room[LIST_MAX]; /* of the list that is taken apart now */
};

static const char *get(const struct reading *in, const char *name, const char *otherwise)
{
    const char *v = in->config->get(in->config->ctx, name);
    return v != NULL && v[0] != '\0' ? v : otherwise;
}

static enum mete_code number(const struct reading *in, const char *name, const char *otherwise,
                             u128 max, uint64_t *out)
{
    const char *text = get(in, name, otherwise);
    u128 v = 0;
    if (!u128_parse(text_of(text), &v) || v == 0 || v > max) {
        char most[I128_TEXT_MAX];
        u128_format(max, most);
        return mete_fail(in->err, METE_USAGE, "", "[evm] %s = %s: a whole number from 1 to %s",
                         name, text, most);
    }
    *out = (uint64_t)v;
    return METE_OK;
}

/** The next word of a list: words stand apart by white space or commas. NULL at the end. */
static char *word_next(char **at)
{
    char *word = *at + strspn(*at, " \t\n,");
    size_t len = strcspn(word, " \t\n,");
    *at = word + len + (word[len] != '\0');
    word[len] = '\0';
    return len > 0 ? word : NULL;
}

static enum mete_code list(struct reading *in, const char *name, const char *text, char **out)
{
    if (!text_copy(in->room, sizeof in->room, text_of(text))) {
        return mete_fail(in->err, METE_USAGE, "", "[evm] %s is longer than %d bytes", name,
                         LIST_MAX - 1);
    }
    *out = in->room;
    return METE_OK;
}

/** The same from a file, when a setting names one: there are keys in them then. */
static enum mete_code list_of_file(struct reading *in, const char *name, char **out)
{
    struct secret_file file;
    struct mete_err wrong;
    if (secret_file_read(&file, get(in, name, ""), sizeof in->room - 1, &wrong) != METE_OK) {
        return mete_fail(in->err, METE_USAGE, "", "[evm] %s: %s", name, wrong.text);
    }
    memcpy(in->room, file.text, file.len + 1);
    *out = in->room;
    secret_file_clear(&file);
    return METE_OK;
}

/* --- chain and nodes ---------------------------------------------------------------------------*/

static enum mete_code urls_read(struct reading *in, struct chain_options *o)
{
    char *at;
    enum mete_code code = get(in, "rpc_url_file", NULL) != NULL
                              ? list_of_file(in, "rpc_url_file", &at)
                              : list(in, "rpc_url", get(in, "rpc_url", ""), &at);
    const bool any_http = text_is(text_of(get(in, "allow_http", "no")), "yes");
    for (char *word; code == METE_OK && (word = word_next(&at)) != NULL;) {
        struct url url;
        const char *wrong = url_read(text_of(word), &url);
        if (wrong == NULL && !url.is_https && !any_http && !host_is_loopback(url.host)) {
            wrong = "is not https: a node elsewhere could be anybody (or say allow_http = yes)";
        }
        if (wrong == NULL && o->url_count == CHAIN_NODES_MAX) {
            wrong = "is one too many: eight are enough";
        }
        if (wrong != NULL) { /* the URL itself may hold a key */
            return mete_fail(in->err, METE_USAGE, "", "[evm] rpc_url: number %zu %s",
                             o->url_count + 1, wrong);
        }
        o->allow_http = o->allow_http || !url.is_https;
        o->url[o->url_count++] = word;
    }
    return code != METE_OK || o->url_count > 0
               ? code
               : mete_fail(in->err, METE_USAGE, "",
                           "[evm] rpc_url is missing: the URL of a node, or several");
}

static enum mete_code chain_find(const struct reading *in, uint64_t *id,
                                 const struct network **network)
{
    const char *name = get(in, "network", NULL);
    *network = name != NULL ? network_by_name(text_of(name)) : NULL;
    if (name != NULL && *network == NULL && get(in, "chain_id", NULL) == NULL) {
        return mete_fail(in->err, METE_USAGE, "",
                         "[evm] network = %s is not known: say chain_id, or base, ethereum, "
                         "arbitrum, optimism, polygon, bsc, avalanche, or a test net of theirs",
                         name);
    }
    if (get(in, "chain_id", NULL) == NULL) {
        *id = *network != NULL ? (*network)->chain_id : 0;
        return *id != 0 ? METE_OK
                        : mete_fail(in->err, METE_USAGE, "",
                                    "[evm] network is missing: base, ethereum, ...");
    }
    enum mete_code code = number(in, "chain_id", "", EVM_CHAIN_ID_MAX, id);
    if (code == METE_OK && *network != NULL && (*network)->chain_id != *id) {
        return mete_fail(in->err, METE_USAGE, "", "[evm] network = %s has chain_id %llu, not %llu",
                         name, (unsigned long long)(*network)->chain_id, (unsigned long long)*id);
    }
    *network = network_by_id(*id);
    return code;
}

/* --- tokens ------------------------------------------------------------------------------------*/

static enum mete_code token_refuse(const struct reading *in, const char *word)
{
    return mete_fail(in->err, METE_USAGE, "",
                     "[evm] tokens: %s: write CODE=ADDRESS/DECIMALS, the address with the capitals "
                     "of its checksum, or CODE=coin",
                     word);
}

static void token_add(struct rail *r, const struct evm_token *t)
{
    for (size_t i = 0; i < r->token_count; i++) {
        if (text_eq(text_of(r->token[i].code), text_of(t->code))) {
            r->token[i] = *t;
            return;
        }
    }
    r->token[r->token_count++] = *t;
}

static bool token_read(char *word, struct evm_token *t)
{
    char *equals = strchr(word, '=');
    u128 decimals = 0;
    if (equals == NULL || !asset_code_valid((struct text){word, (size_t)(equals - word)}) ||
        !text_copy(t->code, sizeof t->code, (struct text){word, (size_t)(equals - word)})) {
        return false;
    }
    if (strcmp(equals + 1, "coin") == 0) {
        t->is_coin = true;
        t->decimals = EVM_COIN_DECIMALS;
        return true;
    }
    char *slash = strchr(equals, '/');
    if (slash == NULL || !u128_parse(text_of(slash + 1), &decimals) || decimals > 77) {
        return false;
    }
    t->decimals = (uint8_t)decimals;
    return evm_address_parse((struct text){equals + 1, (size_t)(slash - equals) - 1},
                             EVM_CHECKSUM_NEEDED, &t->address, NULL) == METE_OK;
}

static void tokens_known(struct rail *r, const struct network *n)
{
    struct evm_token t = {.is_coin = true, .decimals = EVM_COIN_DECIMALS};
    (void)text_copy(t.code, sizeof t.code, text_of(n->coin));
    token_add(r, &t);
    if (n->usdc != NULL) {
        t = (struct evm_token){.code = "USDC", .decimals = n->usdc_decimals};
        METE_ASSERT(evm_address_parse(text_of(n->usdc), EVM_CHECKSUM_NEEDED, &t.address, NULL) ==
                    METE_OK);
        token_add(r, &t);
    }
}

static enum mete_code tokens_read(struct rail *r, struct reading *in, const struct network *n)
{
    char *at;
    if (n != NULL) {
        tokens_known(r, n);
    }
    enum mete_code code = list(in, "tokens", get(in, "tokens", ""), &at);
    for (char *word; code == METE_OK && (word = word_next(&at)) != NULL;) {
        struct evm_token t = {0};
        if (r->token_count == EVM_TOKENS_MAX || !token_read(word, &t)) {
            return token_refuse(in, word);
        }
        token_add(r, &t);
    }
    return code != METE_OK || r->token_count > 0
               ? code
               : mete_fail(in->err, METE_USAGE, "",
                           "[evm] tokens is missing: mete knows none of this chain");
}

/* --- the rest ----------------------------------------------------------------------------------*/

static enum mete_code batch_read(struct rail *r, const struct reading *in)
{
    uint64_t size = 0;
    const char *text = get(in, "batch_contract", NULL);
    enum mete_code code = number(in, "batch_size", BATCH_SIZE, EVM_PAYMENTS_MAX, &size);
    r->batch_size = (size_t)size;
    r->has_batch = text != NULL;
    if (code == METE_OK && text != NULL &&
        evm_address_parse(text_of(text), EVM_CHECKSUM_NEEDED, &r->batch, NULL) != METE_OK) {
        return mete_fail(in->err, METE_USAGE, "",
                         "[evm] batch_contract = %s is no address with its checksum", text);
    }
    return code;
}

static enum mete_code checksum_read(struct rail *r, const struct reading *in)
{
    const char *text = get(in, "checksum", "needed");
    r->checksum = strcmp(text, "needed") == 0 ? EVM_CHECKSUM_NEEDED : EVM_CHECKSUM_OPTIONAL;
    return r->checksum == EVM_CHECKSUM_NEEDED || strcmp(text, "optional") == 0
               ? METE_OK
               : mete_fail(in->err, METE_USAGE, "", "[evm] checksum = %s: needed or optional",
                           text);
}

static enum mete_code bounds_read(struct rail *r, const struct reading *in,
                                  const struct network *network)
{
    char usual[I128_TEXT_MAX] = CONFIRMATIONS;
    uint64_t deep = 0, gwei = 0, after = 0;
    if (network != NULL) {
        u128_format(network->confirmations, usual);
    }
    enum mete_code code = number(in, "confirmations", usual, CONFIRMATIONS_MAX, &deep);
    if (code == METE_OK) {
        code = number(in, "max_fee_gwei", FEE_GWEI, EVM_FEE_MAX_GWEI, &gwei);
    }
    if (code == METE_OK) {
        code = number(in, "replace_after_s", REPLACE_AFTER_S, REPLACE_AFTER_MAX, &after);
    }
    r->confirmations = (uint32_t)deep;
    r->fee_max = gwei * EVM_GWEI;
    r->replace_after = (mete_time)after * TIME_SECOND_US;
    return code;
}

static enum mete_code key_read(struct rail *r, uint64_t chain_id, const struct reading *in)
{
    const char *file = get(in, "key_file", NULL);
    struct mete_err wrong;
    if (file == NULL) {
        return mete_fail(in->err, METE_USAGE, "",
                         "[evm] key_file is missing: the file with the private key of the account "
                         "that pays");
    }
    return lane_open(&r->lane, chain_id, file, &wrong) == METE_OK
               ? METE_OK
               : mete_fail(in->err, METE_USAGE, "", "[evm] key_file: %s", wrong.text);
}

enum mete_code evm_settings_read(struct rail *r, const struct rail_config *config,
                                 struct mete_err *err)
{
    struct reading in = {.config = config, .err = err};
    struct chain_options o = {0};
    const struct network *network = NULL;
    uint64_t seconds = 0;
    enum mete_code code = chain_find(&in, &o.chain_id, &network);
    if (code == METE_OK) {
        code = bounds_read(r, &in, network);
    }
    if (code == METE_OK) {
        code = batch_read(r, &in);
    }
    if (code == METE_OK) {
        code = checksum_read(r, &in);
    }
    if (code == METE_OK) {
        code = tokens_read(r, &in, network);
    }
    if (code == METE_OK) {
        code = number(&in, "timeout_s", TIMEOUT_S, TIMEOUT_MAX, &seconds);
    }
    o.total_ms = (unsigned)seconds * 1000;
    if (code == METE_OK) {
        code = urls_read(&in, &o);
    }
    if (code == METE_OK) {
        code = key_read(r, o.chain_id, &in);
    }
    if (code == METE_OK) {
        chain_open(&r->chain, &o);
    }
    secret_wipe(in.room, sizeof in.room);
    return code;
}

static void evm_close(struct rail *r)
{
    if (r != NULL) {
        chain_close(r->chain);
        lane_close(r->lane);
        free(r);
    }
}

static enum mete_code evm_open(struct rail **out, const struct rail_config *config,
                               struct mete_err *err)
{
    struct rail *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    enum mete_code code = evm_settings_read(r, config, err);
    if (code != METE_OK) {
        evm_close(r);
        return code;
    }
    *out = r;
    return METE_OK;
}

static const char *const ALIASES[] = {"ethereum", "base", "usdc", "stablecoin", "erc20", NULL};

const struct rail_kind RAIL_EVM = {
    .name = "evm",
    .alias = ALIASES,
    .batch_max = EVM_PAYMENTS_MAX,
    .open = evm_open,
    .close = evm_close,
    .prepare = evm_prepare,
    .send = evm_send,
    .probe = evm_probe,
};
