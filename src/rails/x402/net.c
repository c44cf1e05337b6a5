/* SPDX-License-Identifier: Apache-2.0
 * Networks from a document of JSON, or from the few words of the environment. Nothing here asks a
 * node.
 */
#include "rails/x402/net.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/amount.h"
#include "crypto/hash.h"
#include "rails/evm/network.h"
#include "rails/settings.h"
#include "wire/evm/fees.h"
#include "wire/json.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIRMATIONS     12u
#define CONFIRMATIONS_MAX 100000
#define GAS               500000u
#define FEE_GWEI          500u
#define POINTER_MAX       128
#define CODE_DIGITS_MIN   14 /* hexadecimal ones of a token's address in its code */

/** One entry being read. */
struct entry {
    struct net *net;
    const struct json *json;
    char at[POINTER_MAX]; /* its pointer */
    const struct nets_options *said;
    struct mete_err *err;
};

static const char *where_of(const struct nets_options *o)
{
    return o->file != NULL ? o->file : "networks";
}

/** What was said by the environment is called as it is there. */
static enum mete_code wrong(const struct entry *in, const char *member, const char *wanted)
{
    char at[2 * POINTER_MAX];
    if (in->said->file == NULL) {
        return mete_fail(in->err, METE_USAGE, "", "%s: %s",
                         strcmp(member, "rpc") == 0 ? "RPC_URL" : "NETWORK", wanted);
    }
    (void)snprintf(at, sizeof at, "%s%s%s", in->at, member[0] != '\0' ? "/" : "", member);
    return mete_fail(in->err, METE_USAGE, at, "%s: %s: %s", where_of(in->said), at, wanted);
}

static const struct json *text_member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING && m->text.len > 0 ? m : NULL;
}

/* --- nodes -------------------------------------------------------------------------------------*/

/** NULL, or what is wrong with it. */
static const char *url_add(struct net *n, struct text t, bool any_http)
{
    struct url url;
    const char *why = url_read(t, &url);
    if (why == NULL && !url.is_https && !any_http && !host_is_loopback(url.host)) {
        why = "it is not https: a node elsewhere could be anybody (or say \"allow_http\": true)";
    }
    if (why == NULL && n->url_count == LINE_NODES_MAX) {
        why = "it is one node too many";
    }
    if (why == NULL) {
        n->allow_http = n->allow_http || !url.is_https;
        n->url[n->url_count] = strndup(t.p, t.len);
        METE_ASSERT(n->url[n->url_count] != NULL);
        n->url_count++;
    }
    return why;
}

static enum mete_code urls_read(const struct entry *in)
{
    const struct json *rpc = json_get(in->json, "rpc");
    const bool any_http = json_is_true(json_get(in->json, "allow_http"));
    const struct json *j = rpc != NULL && rpc->type == JSON_ARRAY ? rpc->child : rpc;
    for (; j != NULL; j = j == rpc ? NULL : j->next) {
        const char *why =
            j->type == JSON_STRING ? url_add(in->net, j->text, any_http) : "it is no text";
        if (why != NULL) { /* the URL may hold a key: it is not shown */
            char what[200];
            (void)snprintf(what, sizeof what, "the URL of a node: %s", why);
            return wrong(in, "rpc", what);
        }
    }
    return in->net->url_count > 0 ? METE_OK : wrong(in, "rpc", "say the URLs of its nodes");
}

/* --- tokens ------------------------------------------------------------------------------------*/

static void token_add(struct net *n, const struct net_token *t)
{
    for (size_t i = 0; i < n->token_count; i++) {
        if (evm_address_eq(&n->token[i].address, &t->address)) {
            n->token[i] = *t; /* the settings know better than the table */
            return;
        }
    }
    METE_ASSERT(n->token_count < NET_TOKENS_MAX);
    n->token[n->token_count++] = *t;
}

/** Circle's, where the table has it. Play money has a name of its own. */
static void tokens_known(struct net *n, const struct network *known)
{
    struct net_token t = {.scale = known->usdc_decimals};
    if (known->usdc == NULL) {
        return;
    }
    METE_ASSERT(evm_address_parse(text_of(known->usdc), EVM_CHECKSUM_NEEDED, &t.address, NULL) ==
                METE_OK);
    int len = snprintf(t.code, sizeof t.code, "USDC%s%s", known->is_test ? "-" : "",
                       known->is_test ? known->name : "");
    METE_ASSERT(len > 0 && (size_t)len < sizeof t.code);
    token_add(n, &t);
}

static enum mete_code token_read(const struct entry *in, const struct json *j)
{
    struct net_token t = {.is_listed = true};
    int64_t decimals;
    const struct json *address = text_member(j, "address");
    const struct json *code = text_member(j, "code");
    if (address == NULL ||
        evm_address_parse(address->text, EVM_CHECKSUM_OPTIONAL, &t.address, NULL) != METE_OK) {
        return wrong(in, "assets", "each has an address: 0x and 40 hexadecimal digits");
    }
    if (code == NULL || !asset_code_valid(code->text) ||
        !text_copy(t.code, sizeof t.code, code->text)) {
        return wrong(in, "assets", "each has a code: 1 to 24 of A-Z a-z 0-9 . - _ :");
    }
    if (!json_int(json_get(j, "decimals"), 0, SCALE_MAX, &decimals)) {
        return wrong(in, "assets", "each has decimals: 0 to 30");
    }
    if (in->net->token_count == NET_TOKENS_MAX) {
        return wrong(in, "assets", "these are too many");
    }
    t.scale = (uint8_t)decimals;
    token_add(in->net, &t);
    return METE_OK;
}

static enum mete_code tokens_read(const struct entry *in)
{
    const struct json *list = json_get(in->json, "assets");
    const struct json *any = json_get(in->json, "any_asset");
    enum mete_code code = METE_OK;
    if (list != NULL && list->type != JSON_ARRAY) {
        return wrong(in, "assets", "a list of {\"address\", \"code\", \"decimals\"}");
    }
    for (const struct json *j = list != NULL ? list->child : NULL; code == METE_OK && j != NULL;
         j = j->next) {
        code = token_read(in, j);
    }
    /* who lists tokens means those alone */
    in->net->takes_any = any != NULL ? json_is_true(any) : list == NULL;
    return code;
}

static enum mete_code factories_read(const struct entry *in)
{
    struct net *n = in->net;
    const struct json *list = json_get(in->json, "factories");
    for (const struct json *j = list != NULL ? list->child : NULL; j != NULL; j = j->next) {
        if (n->factory_count == NET_FACTORIES_MAX || j->type != JSON_STRING ||
            evm_address_parse(j->text, EVM_CHECKSUM_OPTIONAL, &n->factory[n->factory_count],
                              NULL) != METE_OK) {
            return wrong(in, "factories", "at most 16 addresses of factories of wallets");
        }
        n->factory_count++;
    }
    return METE_OK;
}

/* --- one entry ---------------------------------------------------------------------------------*/

static enum mete_code bounds_read(const struct entry *in)
{
    struct net *n = in->net;
    int64_t deep = n->confirmations;
    int64_t gas = GAS;
    i128 wei = (i128)(FEE_GWEI * EVM_GWEI);
    const struct json *j = json_get(in->json, "confirmations");
    if (j != NULL && !json_int(j, 1, CONFIRMATIONS_MAX, &deep)) {
        return wrong(in, "confirmations", "a number of blocks, 1 or more");
    }
    j = json_get(in->json, "gas_max");
    if (j != NULL && !json_int(j, 21000, EVM_GAS_MAX, &gas)) {
        return wrong(in, "gas_max", "gas of one settlement, 21000 to 16777216");
    }
    j = json_get(in->json, "fee_max_gwei");
    if (j != NULL && (j->type != JSON_STRING || amount_parse(j->text, 9, &wei) != METE_OK ||
                      wei == 0 || (u128)wei > EVM_FEE_MAX_GWEI * EVM_GWEI)) {
        return wrong(in, "fee_max_gwei",
                     "a text such as \"0.5\", at most \"1000000\": the most that a gas may cost");
    }
    j = json_get(in->json, "simulate");
    n->confirmations = (uint32_t)deep;
    n->gas_max = (uint64_t)gas;
    n->fee_max = (u128)wei;
    n->simulates = j == NULL || json_is_true(j);
    return METE_OK;
}

static enum mete_code account_read(const struct entry *in)
{
    const struct json *own = text_member(in->json, "key_file");
    char *file = own != NULL                  ? strndup(own->text.p, own->text.len)
                 : in->said->key_file != NULL ? strdup(in->said->key_file)
                                              : NULL;
    enum mete_code code = METE_OK;
    if (file != NULL) {
        code = evm_signer_open(&in->net->account, file, in->err);
    } else if (in->said->private_key != NULL) {
        code = evm_signer_of_text(&in->net->account, text_of(in->said->private_key), "PRIVATE_KEY",
                                  in->err);
    }
    free(file);
    if (code == METE_NOT_FOUND) { /* a file, and no id */
        in->err->code = code = METE_FILE;
    }
    return code;
}

static const char *const MEMBERS[] = {"network",      "rpc",       "allow_http", "assets",
                                      "any_asset",    "factories", "key_file",   "confirmations",
                                      "fee_max_gwei", "gas_max",   "simulate"};

static enum mete_code members_known(const struct entry *in)
{
    for (const struct json *j = in->json->child; j != NULL; j = j->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(MEMBERS) && !text_is(j->key, MEMBERS[i])) {
            i++;
        }
        if (i == ARRAY_LEN(MEMBERS)) {
            char name[POINTER_MAX];
            (void)snprintf(name, sizeof name, "%.*s", (int)j->key.len, j->key.p);
            return wrong(in, name, "nobody knows this member (see mete.conf(5))");
        }
    }
    return METE_OK;
}

static enum mete_code name_read(const struct entry *in, const struct nets *all)
{
    struct net *n = in->net;
    struct x402_network said;
    const struct json *name = text_member(in->json, "network");
    if (name == NULL || !x402_network_resolve(name->text, n->id) ||
        !x402_network_parse(text_of(n->id), 2, &said) || said.family != X402_FAMILY_EVM) {
        char what[200];
        (void)snprintf(what, sizeof what,
                       "a name such as base or base-sepolia, or eip155: and a chain id%s%.*s",
                       name != NULL ? ", not " : "", name != NULL ? (int)name->text.len : 0,
                       name != NULL ? name->text.p : "");
        return wrong(in, "network", what);
    }
    for (size_t i = 0; i < all->count; i++) {
        if (&all->net[i] != n && strcmp(all->net[i].id, n->id) == 0) {
            return wrong(in, "network", "it is listed twice");
        }
    }
    const struct network *known = network_by_id(said.chain_id);
    n->family = said.family;
    n->chain_id = said.chain_id;
    n->v1_name = x402_network_v1_name(text_of(n->id));
    n->is_test = said.is_test || (known != NULL && known->is_test);
    n->confirmations = known != NULL ? known->confirmations : CONFIRMATIONS;
    if (known != NULL) {
        tokens_known(n, known);
    }
    return METE_OK;
}

static enum mete_code entry_read(struct nets *all, struct entry *in)
{
    enum mete_code code =
        in->json->type == JSON_OBJECT ? members_known(in) : wrong(in, "", "each is an object");
    code = code == METE_OK ? name_read(in, all) : code;
    code = code == METE_OK ? urls_read(in) : code;
    code = code == METE_OK ? bounds_read(in) : code;
    code = code == METE_OK ? tokens_read(in) : code;
    code = code == METE_OK ? factories_read(in) : code;
    return code == METE_OK ? account_read(in) : code;
}

/* --- the document, and the environment ---------------------------------------------------------*/

/** Whatever is wrong with the document as a whole. */
static enum mete_code form_say(const struct nets_options *o, enum mete_code code, const char *wrong,
                               struct mete_err *err)
{
    return mete_fail(err, code, code == METE_USAGE ? "/networks" : "",
                     "%s: %s; it has to be {\"networks\": [{\"network\": \"base\", \"rpc\": "
                     "[\"https://...\"]}]}",
                     where_of(o), wrong);
}

static bool is_blank(struct text t)
{
    size_t i = 0;
    while (i < t.len && strchr(" \t\r\n", t.p[i]) != NULL && t.p[i] != '\0') {
        i++;
    }
    return i == t.len;
}

static enum mete_code list_find(struct arena *a, const struct nets_options *o, struct text document,
                                const struct json **list, struct mete_err *err)
{
    struct json *root = NULL;
    struct mete_err why;
    if (is_blank(document)) {
        return form_say(o, METE_USAGE, "it is empty", err);
    }
    enum mete_code code = json_parse(a, document, &root, &why);
    if (code != METE_OK) {
        return form_say(o, code, why.text, err);
    }
    *list = json_get(root, "networks");
    if (*list == NULL || (*list)->type != JSON_ARRAY) {
        return form_say(o, METE_USAGE, "it has no list of networks", err);
    }
    return (*list)->count <= NETS_MAX
               ? METE_OK
               : mete_fail(err, METE_USAGE, "/networks",
                           "%s: more than %u networks: run several servers", where_of(o), NETS_MAX);
}

static enum mete_code document_read(struct nets *n, struct text document,
                                    const struct nets_options *o, struct mete_err *err)
{
    struct arena a;
    const struct json *list = NULL;
    arena_init(&a, JSON_ARENA_MAX(NET_FILE_MAX) + NET_FILE_MAX);
    enum mete_code code = list_find(&a, o, document, &list, err);
    for (const struct json *j = code == METE_OK ? list->child : NULL; code == METE_OK && j != NULL;
         j = j->next) {
        struct entry in = {.net = &n->net[n->count], .json = j, .said = o, .err = err};
        (void)snprintf(in.at, sizeof in.at, "/networks/%zu", n->count);
        n->count++;
        code = entry_read(n, &in);
    }
    arena_clear(&a);
    return code;
}

/** The words of the environment as the document that says the same. */
static void document_of_words(const struct nets_options *o, struct buf *out)
{
    struct json_writer w;
    const char *at = o->rpc_url != NULL ? o->rpc_url : "";
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_array(&w, "networks");
    jw_object(&w, NULL);
    jw_str(&w, "network", o->network != NULL ? o->network : o->chain_id);
    jw_array(&w, "rpc");
    while (*at != '\0') {
        size_t len = strcspn(at, ", ");
        if (len > 0) {
            jw_text(&w, NULL, (struct text){at, len});
        }
        at += len + (at[len] != '\0');
    }
    jw_end_array(&w);
    jw_end_object(&w);
    jw_end_array(&w);
    jw_end_object(&w);
}

/** CHAIN_ID beside NETWORK: both have to mean the same. */
static enum mete_code chain_check(const struct nets *n, const struct nets_options *o,
                                  struct mete_err *err)
{
    char id[X402_NETWORK_MAX];
    if (o->chain_id == NULL) {
        return METE_OK;
    }
    if (!x402_network_resolve(text_of(o->chain_id), id) || strcmp(id, n->net[0].id) != 0) {
        return mete_fail(err, METE_USAGE, "", "CHAIN_ID is %s, but the network %s is %s",
                         o->chain_id, o->network, n->net[0].id);
    }
    return METE_OK;
}

/** What is said beside a file is not used: it may repeat what stands there, and not contradict. */
static enum mete_code word_check(const struct nets *n, const struct nets_options *o,
                                 const char *name, const char *said, struct mete_err *err)
{
    char id[X402_NETWORK_MAX];
    if (said == NULL ||
        (x402_network_resolve(text_of(said), id) && nets_find_id(n, text_of(id)) != NULL)) {
        return METE_OK;
    }
    return mete_fail(err, METE_USAGE, "",
                     "%s is %.60s, which is no network of %s: take away the one, or add it to the "
                     "other",
                     name, said, where_of(o));
}

static enum mete_code words_check(const struct nets *n, const struct nets_options *o,
                                  struct mete_err *err)
{
    enum mete_code code = word_check(n, o, "NETWORK", o->network, err);
    return code == METE_OK ? word_check(n, o, "CHAIN_ID", o->chain_id, err) : code;
}

enum mete_code nets_open(struct nets **out, const struct nets_options *o, struct mete_err *err)
{
    struct buf document = {0};
    struct nets *n = calloc(1, sizeof *n);
    METE_ASSERT(n != NULL);
    *out = n;
    enum mete_code code = METE_OK;
    if (o->file != NULL) {
        code = document_read(n, o->document, o, err);
        code = code == METE_OK ? words_check(n, o, err) : code;
    } else if (o->network != NULL || o->rpc_url != NULL) {
        document_of_words(o, &document);
        code = document_read(n, buf_text(&document), o, err);
        code = code == METE_OK ? chain_check(n, o, err) : code;
    }
    buf_clear(&document);
    return code;
}

void nets_close(struct nets *n)
{
    for (size_t i = 0; n != NULL && i < n->count; i++) {
        line_close(n->net[i].line);
        evm_signer_close(n->net[i].account);
        for (size_t k = 0; k < n->net[i].url_count; k++) {
            free(n->net[i].url[k]);
        }
    }
    free(n);
}

/* --- lines -------------------------------------------------------------------------------------*/

static bool chain_is_right(void *ctx, const struct json *result)
{
    const struct net *n = ctx;
    uint64_t id = 0;
    return rpc_u64(result, &id) && id == n->chain_id;
}

void nets_connect(struct nets *n)
{
    for (size_t i = 0; i < n->count; i++) {
        struct net *net = &n->net[i];
        struct line_options o = {.url_count = net->url_count,
                                 .allow_http = net->allow_http,
                                 .hello = "eth_chainId",
                                 .is_right = chain_is_right,
                                 .ctx = net};
        for (size_t k = 0; k < net->url_count; k++) {
            o.url[k] = net->url[k];
        }
        line_open(&net->line, &o);
    }
}

/* --- looking up --------------------------------------------------------------------------------*/

const struct net *nets_find_id(const struct nets *n, struct text caip2)
{
    for (size_t i = 0; i < n->count; i++) {
        if (text_is(caip2, n->net[i].id)) {
            return &n->net[i];
        }
    }
    return NULL;
}

const struct net *nets_find(const struct nets *n, struct text written, int version)
{
    for (size_t i = 0; i < n->count; i++) {
        const char *name = version == 1 ? n->net[i].v1_name : n->net[i].id;
        if (name != NULL && text_is(written, name)) {
            return &n->net[i];
        }
    }
    return NULL;
}

const struct net_token *net_token(const struct net *n, const struct evm_address *address)
{
    for (size_t i = 0; i < n->token_count; i++) {
        if (evm_address_eq(&n->token[i].address, address)) {
            return &n->token[i];
        }
    }
    return NULL;
}

bool net_takes(const struct net *n, const struct evm_address *token)
{
    const struct net_token *t = net_token(n, token);
    return n->takes_any || (t != NULL && t->is_listed);
}

/** So many digits that nobody can make a token whose address begins like another one's; of chains
 *  whose number leaves no room for them, of a hash of both. */
void net_asset_code(const struct net *n, const struct evm_address *token,
                    char out[ASSET_CODE_LEN_MAX + 1])
{
    char digits[2 * SHA256_LEN + 1] = "";
    const struct net_token *known = net_token(n, token);
    if (known != NULL) {
        memcpy(out, known->code, sizeof known->code);
        return;
    }
    hex_encode(digits, (struct bytes){token->b, sizeof token->b});
    int head = snprintf(out, ASSET_CODE_LEN_MAX + 1, "%llu:", (unsigned long long)n->chain_id);
    if (head > ASSET_CODE_LEN_MAX - CODE_DIGITS_MIN) {
        const struct bytes parts[] = {text_bytes(text_of(n->id)), {token->b, sizeof token->b}};
        const struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
        hex_encode(digits, (struct bytes){h.b, sizeof h.b});
        head = snprintf(out, ASSET_CODE_LEN_MAX + 1, "x402:");
    }
    METE_ASSERT(head > 0);
    (void)snprintf(out + head, (size_t)(ASSET_CODE_LEN_MAX + 1 - head), "%s", digits);
}
