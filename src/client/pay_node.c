/* SPDX-License-Identifier: Apache-2.0
 * Questions to a node of the chain: whether the nonce of a payment is used, as of which time, and
 * which nonce a permit of the payer needs. A node that does not answer changes nothing. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "wire/evm/hex.h"
#include "wire/evm/rpc.h"

#include <stdlib.h>
#include <string.h>

#define NODE_ANSWER_MAX ((size_t)64 << 10)
#define NODE_MS         10000L
#define ABI_NONCES      UINT32_C(0x7ecebe00) /* nonces(address) -> uint256, EIP-2612 */
#define ABI_BITMAP      UINT32_C(0x4fe02b44) /* nonceBitmap(address,uint256) -> uint256, Permit2 */

static bool address_of(const char *text, struct evm_address *out)
{
    return x402_address_read(text_of(text), out);
}

/** Which contract is asked, and what. */
static bool used_put(const struct pay_entry *e, struct buf *data, struct evm_address *to)
{
    struct evm_address payer;
    if (!address_of(e->payer, &payer)) {
        return false;
    }
    if (e->is_permit2) {
        struct u256 nonce;
        uint8_t word[U256_LEN] = {0};
        uint8_t raw[U256_LEN];
        if (!u256_parse(text_of(e->nonce), &nonce)) {
            return false;
        }
        u256_to_be(nonce, raw);
        memcpy(word + 1, raw, U256_LEN - 1); /* nonce >> 8: the place of its word */
        call_put_of(data, ABI_BITMAP, &payer);
        buf_put(data, word, sizeof word);
        *to = EVM_PERMIT2;
        return true;
    }
    struct hash nonce;
    if (!evm_hex_read_fixed(nonce.b, sizeof nonce.b, text_of(e->nonce))) {
        return false;
    }
    call_put_state(data, &payer, &nonce);
    return address_of(e->asset, to);
}

static bool question_put(struct mete_client_request *r, enum pay_question question)
{
    struct buf data = {0};
    struct evm_address to;
    struct rpc_batch b;
    const struct rpc_block latest = {.tag = RPC_LATEST};
    bool fine = true;
    if (question == ASK_USED) {
        fine = used_put(r->entry, &data, &to);
    } else {
        to = r->offers.offer[r->pick].terms.asset;
        call_put_of(&data, ABI_NONCES, pay_key_address(r->client->key));
    }
    const struct rpc_call call = {.to = &to, .data = buf_bytes(&data)};
    buf_reset(&r->node_body);
    rpc_batch_begin(&b, &r->node_body, 1);
    (void)rpc_request_call(&b, "eth_call", &call, latest);
    if (question == ASK_USED) { /* a node may hang behind: what it has not seen proves nothing */
        (void)rpc_request_begin(&b, "eth_getBlockByNumber");
        jw_block(&b.w, NULL, latest);
        jw_bool(&b.w, NULL, false);
        rpc_request_end(&b);
    }
    rpc_batch_end(&b);
    buf_clear(&data);
    return fine;
}

static size_t answer_take(char *p, size_t size, size_t count, void *arg)
{
    struct mete_client_request *r = arg;
    const size_t len = size * count;
    if (r->node_answer.len + len > NODE_ANSWER_MAX) {
        return 0;
    }
    buf_put(&r->node_answer, p, len);
    return len;
}

static bool chain_id_of(const struct mete_client_request *r, enum pay_question question,
                        uint64_t *out)
{
    struct x402_network n;
    if (question == ASK_NONCE) {
        *out = r->offers.offer[r->pick].terms.chain_id;
        return true;
    }
    if (!x402_network_parse(text_of(r->entry->network), 2, &n)) {
        return false;
    }
    *out = n.chain_id;
    return true;
}

bool pay_node_ask(struct mete_client_request *r, enum pay_question question)
{
    uint64_t chain_id;
    const char *url =
        chain_id_of(r, question, &chain_id) ? pay_node_find(&r->client->rules, chain_id) : NULL;
    if (url == NULL || !question_put(r, question)) {
        return false;
    }
    r->node = curl_easy_init();
    r->node_header = curl_slist_append(NULL, "Content-Type: application/json");
    if (r->node == NULL || r->node_header == NULL) {
        pay_node_stop(r);
        return false;
    }
    r->question = question;
    r->is_node_asked = r->is_node_asked || question == ASK_USED;
    buf_reset(&r->node_answer);
    handle_set(r->client, r->node, url, &r->answer);
    /* nodes are named by whoever runs this, and may be anywhere */
    curl_easy_setopt(r->node, CURLOPT_OPENSOCKETFUNCTION, NULL);
    curl_easy_setopt(r->node, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(r->node, CURLOPT_HTTPHEADER, r->node_header);
    curl_easy_setopt(r->node, CURLOPT_TIMEOUT_MS, NODE_MS);
    curl_easy_setopt(r->node, CURLOPT_POST, 1L);
    curl_easy_setopt(r->node, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->node_body.len);
    curl_easy_setopt(r->node, CURLOPT_POSTFIELDS, (const char *)r->node_body.p);
    curl_easy_setopt(r->node, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(r->node, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->node, CURLOPT_PRIVATE, r);
    r->step = STEP_NODE;
    if (curl_multi_add_handle(r->client->multi, r->node) != CURLM_OK) {
        pay_node_stop(r);
        return false;
    }
    return true;
}

void pay_node_stop(struct mete_client_request *r)
{
    if (r->node != NULL) {
        (void)curl_multi_remove_handle(r->client->multi, r->node);
        curl_easy_cleanup(r->node);
        r->node = NULL;
    }
    curl_slist_free_all(r->node_header);
    r->node_header = NULL;
}

/** The word that the node answered, and with ASK_USED the time of its last block, 0 when it did not
 *  tell. False: it did not answer. */
static bool answers_read(const struct mete_client_request *r, struct u256 *out, uint64_t *time_s)
{
    struct arena a;
    struct rpc_answer answer[2];
    struct evm_block block;
    struct bytes raw;
    struct mete_err err;
    const struct text input = buf_text(&r->node_answer);
    const size_t count = r->question == ASK_USED ? 2 : 1;
    arena_init(&a, JSON_ARENA_MAX(input.len) + 2 * input.len + 4096);
    const bool fine = rpc_answers_read(&a, input, 1, answer, count, &err) == METE_OK &&
                      !answer[0].is_error && rpc_data(&a, answer[0].result, &raw) &&
                      raw.len == U256_LEN;
    *time_s = 0;
    if (fine) {
        *out = u256_from_be(raw.p);
    }
    if (fine && count == 2 && !answer[1].is_error &&
        rpc_block_read(answer[1].result, &block, &err) == METE_OK) {
        *time_s = block.time;
    }
    arena_clear(&a);
    return fine;
}

static bool is_used(const struct pay_entry *e, struct u256 word)
{
    struct u256 nonce;
    uint8_t bits[U256_LEN];
    uint8_t raw[U256_LEN];
    if (!e->is_permit2) {
        return !u256_is_zero(word);
    }
    METE_ASSERT(u256_parse(text_of(e->nonce), &nonce));
    u256_to_be(nonce, raw);
    u256_to_be(word, bits);
    const unsigned bit = raw[U256_LEN - 1];
    return (bits[U256_LEN - 1 - bit / 8] >> (bit % 8) & 1) != 0;
}

void pay_node_ended(struct mete_client_request *r, CURLcode code)
{
    struct u256 word = {0};
    uint64_t time_s = 0;
    const bool is_known = code == CURLE_OK && answers_read(r, &word, &time_s);
    pay_node_stop(r);
    if (r->question == ASK_NONCE) {
        r->has_permit = is_known;
        r->permit_nonce = word;
        judge_sign(r);
    } else {
        paid_told(r, is_known, is_known && is_used(r->entry, word), time_s);
    }
}
