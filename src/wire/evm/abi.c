/* SPDX-License-Identifier: Apache-2.0
 * Words of 32 bytes. Readers look at the length before they look at a byte, and never add what came
 * from outside without having bounded it first. */
#include "wire/evm/abi.h"

#include "base/text.h"

#include <string.h>

#define REVERT_TEXT UINT32_C(0x08c379a0) /* Error(string) */

static const uint8_t ZEROS[ABI_WORD];

static size_t padding(size_t len)
{
    return (ABI_WORD - len % ABI_WORD) % ABI_WORD;
}

void abi_put_selector(struct buf *out, uint32_t selector)
{
    buf_put_be32(out, selector);
}

void abi_put_u256(struct buf *out, struct u256 v)
{
    uint8_t word[ABI_WORD];
    u256_to_be(v, word);
    buf_put(out, word, sizeof(word));
}

void abi_put_u64(struct buf *out, uint64_t v)
{
    abi_put_u256(out, u256_of(v));
}

void abi_put_bool(struct buf *out, bool v)
{
    abi_put_u64(out, v);
}

void abi_put_address(struct buf *out, const struct evm_address *a)
{
    buf_put(out, ZEROS, ABI_WORD - sizeof(a->b));
    buf_put(out, a->b, sizeof(a->b));
}

void abi_put_hash(struct buf *out, const struct hash *h)
{
    buf_put(out, h->b, sizeof(h->b));
}

void abi_put_bytes(struct buf *out, struct bytes in)
{
    abi_put_u64(out, in.len);
    if (in.len > 0) {
        buf_put(out, in.p, in.len);
    }
    buf_put(out, ZEROS, padding(in.len));
}

size_t abi_bytes_size(size_t len)
{
    return ABI_WORD + len + padding(len);
}

static const uint8_t *word_at(struct bytes in, size_t slot)
{
    return slot < in.len / ABI_WORD ? in.p + slot * ABI_WORD : NULL;
}

bool abi_hash(struct bytes in, size_t slot, struct hash *out)
{
    const uint8_t *word = word_at(in, slot);
    if (word == NULL) {
        return false;
    }
    memcpy(out->b, word, sizeof(out->b));
    return true;
}

bool abi_u256(struct bytes in, size_t slot, struct u256 *out)
{
    const uint8_t *word = word_at(in, slot);
    if (word == NULL) {
        return false;
    }
    *out = u256_from_be(word);
    return true;
}

bool abi_u64(struct bytes in, size_t slot, uint64_t *out)
{
    struct u256 v;
    return abi_u256(in, slot, &v) && u256_to_u64(v, out);
}

bool abi_bool(struct bytes in, size_t slot, bool *out)
{
    uint64_t v = 0;
    if (!abi_u64(in, slot, &v) || v > 1) {
        return false;
    }
    *out = v == 1;
    return true;
}

bool abi_address(struct bytes in, size_t slot, struct evm_address *out)
{
    const uint8_t *word = word_at(in, slot);
    const size_t zeros = ABI_WORD - sizeof(out->b);
    if (word == NULL || memcmp(word, ZEROS, zeros) != 0) {
        return false;
    }
    memcpy(out->b, word + zeros, sizeof(out->b));
    return true;
}

bool abi_tuple(struct bytes in, size_t slot, struct bytes *out)
{
    uint64_t offset = 0;
    if (!abi_u64(in, slot, &offset) || offset > in.len) {
        return false;
    }
    *out = (struct bytes){in.p + offset, in.len - (size_t)offset};
    return true;
}

bool abi_bytes(struct bytes in, size_t slot, struct bytes *out)
{
    struct bytes tail;
    uint64_t len = 0;
    if (!abi_tuple(in, slot, &tail) || !abi_u64(tail, 0, &len)) {
        return false;
    }
    const uint8_t *p = tail.p + ABI_WORD;
    size_t left = tail.len - ABI_WORD;
    if (len > left || padding((size_t)len) > left - (size_t)len ||
        memcmp(p + len, ZEROS, padding((size_t)len)) != 0) {
        return false;
    }
    *out = (struct bytes){p, (size_t)len};
    return true;
}

bool abi_text(struct bytes in, size_t slot, struct text *out)
{
    struct bytes b;
    if (!abi_bytes(in, slot, &b) || !text_is_utf8(bytes_text(b))) {
        return false;
    }
    *out = bytes_text(b);
    return true;
}

bool abi_array(struct bytes in, size_t slot, size_t words, struct bytes *elements, size_t *count)
{
    METE_ASSERT(words > 0);
    struct bytes tail;
    uint64_t n = 0;
    if (!abi_tuple(in, slot, &tail) || !abi_u64(tail, 0, &n) ||
        n > (tail.len - ABI_WORD) / (words * ABI_WORD)) {
        return false;
    }
    *elements = (struct bytes){tail.p + ABI_WORD, tail.len - ABI_WORD};
    *count = (size_t)n;
    return true;
}

bool abi_answer_u256(struct bytes in, struct u256 *out)
{
    return in.len == ABI_WORD && abi_u256(in, 0, out);
}

bool abi_answer_bool(struct bytes in, bool *out)
{
    return in.len == ABI_WORD && abi_bool(in, 0, out);
}

bool abi_answer_address(struct bytes in, struct evm_address *out)
{
    return in.len == ABI_WORD && abi_address(in, 0, out);
}

bool abi_answer_hash(struct bytes in, struct hash *out)
{
    return in.len == ABI_WORD && abi_hash(in, 0, out);
}

bool abi_answer_text(struct bytes in, struct text *out)
{
    uint64_t offset = 0;
    struct text t;
    if (!abi_u64(in, 0, &offset) || offset != ABI_WORD || !abi_text(in, 0, &t) ||
        in.len != ABI_WORD + abi_bytes_size(t.len)) {
        return false;
    }
    *out = t;
    return true;
}

uint32_t abi_selector(struct bytes in)
{
    struct reader r = reader_of(in);
    return read_be32(&r); /* 0 past the end */
}

bool abi_revert_text(struct bytes in, struct text *out)
{
    return abi_selector(in) == REVERT_TEXT &&
           abi_answer_text((struct bytes){in.p + ABI_SELECTOR, in.len - ABI_SELECTOR}, out);
}
