/* SPDX-License-Identifier: Apache-2.0
 * JSON-RPC requests and values. Receipts and blocks are read in rpc_read.c. */
#include "wire/evm/rpc.h"

#include "base/text.h"
#include "wire/evm/hex.h"

void rpc_batch_begin(struct rpc_batch *b, struct buf *out, uint64_t first_id)
{
    METE_ASSERT(first_id <= INT64_MAX / 2);
    jw_init(&b->w, out, false);
    b->first_id = first_id;
    b->count = 0;
    jw_array(&b->w, NULL);
}

size_t rpc_request_begin(struct rpc_batch *b, const char *method)
{
    jw_object(&b->w, NULL);
    jw_str(&b->w, "jsonrpc", "2.0");
    jw_int(&b->w, "id", (int64_t)(b->first_id + b->count));
    jw_str(&b->w, "method", method);
    jw_array(&b->w, "params");
    return b->count++;
}

void rpc_request_end(struct rpc_batch *b)
{
    jw_end_array(&b->w);
    jw_end_object(&b->w);
}

size_t rpc_request_plain(struct rpc_batch *b, const char *method)
{
    size_t place = rpc_request_begin(b, method);
    rpc_request_end(b);
    return place;
}

void rpc_batch_end(struct rpc_batch *b)
{
    jw_end_array(&b->w);
}

void jw_quantity(struct json_writer *w, const char *key, struct u256 v)
{
    char text[U256_HEX_MAX];
    size_t len = u256_format_quantity(v, text);
    jw_text(w, key, (struct text){text, len});
}

void jw_u256(struct json_writer *w, const char *key, struct u256 v)
{
    char text[U256_TEXT_MAX];
    size_t len = u256_format(v, text);
    jw_text(w, key, (struct text){text, len});
}

void jw_data(struct json_writer *w, const char *key, struct bytes v)
{
    struct buf hex = {0};
    evm_hex_put(&hex, v);
    jw_text(w, key, buf_text(&hex));
    buf_clear(&hex);
}

void jw_address(struct json_writer *w, const char *key, const struct evm_address *a)
{
    jw_data(w, key, (struct bytes){a->b, sizeof(a->b)});
}

void jw_block(struct json_writer *w, const char *key, struct rpc_block block)
{
    static const char *const NAMES[] = {
        [RPC_LATEST] = "latest",
        [RPC_PENDING] = "pending",
        [RPC_SAFE] = "safe",
        [RPC_FINALIZED] = "finalized",
    };
    if (block.tag == RPC_NUMBER) {
        jw_quantity(w, key, u256_of(block.number));
    } else {
        METE_ASSERT((size_t)block.tag < ARRAY_LEN(NAMES));
        jw_str(w, key, NAMES[block.tag]);
    }
}

size_t rpc_request_call(struct rpc_batch *b, const char *method, const struct rpc_call *call,
                        struct rpc_block block)
{
    size_t place = rpc_request_begin(b, method);
    jw_object(&b->w, NULL);
    if (call->from != NULL) {
        jw_address(&b->w, "from", call->from);
    }
    if (call->to != NULL) {
        jw_address(&b->w, "to", call->to);
    }
    if (!u256_is_zero(call->value)) {
        jw_quantity(&b->w, "value", call->value);
    }
    if (call->gas > 0) {
        jw_quantity(&b->w, "gas", u256_of(call->gas));
    }
    jw_data(&b->w, "data", call->data);
    jw_end_object(&b->w);
    jw_block(&b->w, NULL, block);
    rpc_request_end(b);
    return place;
}

static bool is_string(const struct json *j)
{
    return j != NULL && j->type == JSON_STRING;
}

bool rpc_u256(const struct json *j, struct u256 *out)
{
    return is_string(j) && u256_parse_quantity(j->text, out);
}

bool rpc_u64(const struct json *j, uint64_t *out)
{
    struct u256 v;
    return rpc_u256(j, &v) && u256_to_u64(v, out);
}

bool rpc_address(const struct json *j, struct evm_address *out)
{
    return is_string(j) && evm_address_parse(j->text, EVM_CHECKSUM_OPTIONAL, out, NULL) == METE_OK;
}

bool rpc_hash(const struct json *j, struct hash *out)
{
    return is_string(j) && evm_hex_read_fixed(out->b, sizeof(out->b), j->text);
}

bool rpc_data(struct arena *a, const struct json *j, struct bytes *out)
{
    return is_string(j) && evm_hex_read(a, j->text, out);
}
