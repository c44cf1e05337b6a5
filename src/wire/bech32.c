/* SPDX-License-Identifier: Apache-2.0
 * Bech32: a checksum over GF(32) that finds every error of up to four characters. The arithmetic is
 * that of BIP 173; its constant tells Bech32 from Bech32m. */
#include "wire/bech32.h"

#include <string.h>

#define CHECKSUM_BECH32  1u
#define CHECKSUM_BECH32M 0x2bc830a3u

static const char ALPHABET[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
static const uint32_t GENERATOR[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};

const char *bech32_flaw_text(enum bech32_flaw flaw)
{
    static const char *const TEXTS[] = {
        [BECH32_OK] = "",
        [BECH32_CHARACTER] = "it has a character that bech32 does not use",
        [BECH32_MIXED_CASE] = "it mixes upper and lower case",
        [BECH32_NO_SEPARATOR] = "it has no separator '1'",
        [BECH32_NO_PREFIX] = "it has nothing before its separator '1'",
        [BECH32_TOO_SHORT] = "it is too short",
        [BECH32_CHECKSUM] = "its checksum does not fit: a character was changed or lost",
        [BECH32_IS_M] = "it is written in bech32m, not in bech32",
    };
    METE_ASSERT((size_t)flaw < ARRAY_LEN(TEXTS));
    return TEXTS[flaw];
}

static uint32_t checksum_add(uint32_t c, uint8_t symbol)
{
    uint32_t top = c >> 25;
    c = (c & 0x1ffffff) << 5 ^ symbol;
    for (unsigned i = 0; i < ARRAY_LEN(GENERATOR); i++) {
        c ^= (top >> i & 1) != 0 ? GENERATOR[i] : 0;
    }
    return c;
}

static uint32_t checksum_of(struct text prefix, struct bytes symbols)
{
    uint32_t c = 1;
    for (size_t i = 0; i < prefix.len; i++) {
        c = checksum_add(c, (uint8_t)prefix.p[i] >> 5);
    }
    c = checksum_add(c, 0);
    for (size_t i = 0; i < prefix.len; i++) {
        c = checksum_add(c, (uint8_t)prefix.p[i] & 31);
    }
    for (size_t i = 0; i < symbols.len; i++) {
        c = checksum_add(c, symbols.p[i]);
    }
    return c;
}

/* A copy in lower case. */
static enum bech32_flaw lower(struct arena *a, struct text in, struct text *out)
{
    bool has_upper = false, has_lower = false;
    char *p = arena_alloc(a, in.len + 1);
    for (size_t i = 0; i < in.len; i++) {
        char c = in.p[i];
        if (c < '!' || c > '~') {
            return BECH32_CHARACTER;
        }
        bool is_upper = c >= 'A' && c <= 'Z';
        has_upper = has_upper || is_upper;
        has_lower = has_lower || (c >= 'a' && c <= 'z');
        p[i] = (char)(is_upper ? c | 0x20 : c);
    }
    *out = (struct text){p, in.len};
    return has_upper && has_lower ? BECH32_MIXED_CASE : BECH32_OK;
}

static enum bech32_flaw read_symbols(struct arena *a, struct text in, struct bytes *out)
{
    uint8_t *p = arena_alloc(a, in.len + 1);
    for (size_t i = 0; i < in.len; i++) {
        const char *c = memchr(ALPHABET, in.p[i], sizeof(ALPHABET) - 1);
        if (c == NULL) {
            return BECH32_CHARACTER;
        }
        p[i] = (uint8_t)(c - ALPHABET);
    }
    *out = (struct bytes){p, in.len};
    return BECH32_OK;
}

/* Cuts the checksum off. */
static enum bech32_flaw check(struct bech32 *b)
{
    if (b->symbols.len < BECH32_CHECKSUM_LEN) {
        return BECH32_TOO_SHORT;
    }
    uint32_t sum = checksum_of(b->prefix, b->symbols);
    if (sum != CHECKSUM_BECH32) {
        return sum == CHECKSUM_BECH32M ? BECH32_IS_M : BECH32_CHECKSUM;
    }
    b->symbols.len -= BECH32_CHECKSUM_LEN;
    return BECH32_OK;
}

enum bech32_flaw bech32_decode(struct arena *a, struct text in, struct bech32 *out)
{
    struct text all;
    memset(out, 0, sizeof(*out));
    enum bech32_flaw flaw = lower(a, in, &all);
    if (flaw != BECH32_OK) {
        return flaw;
    }
    const char *one = all.len == 0 ? NULL : memrchr(all.p, '1', all.len);
    if (one == NULL) {
        return BECH32_NO_SEPARATOR;
    }
    out->prefix = (struct text){all.p, (size_t)(one - all.p)};
    if (out->prefix.len == 0) {
        return BECH32_NO_PREFIX;
    }
    struct text rest = {one + 1, all.len - out->prefix.len - 1};
    flaw = read_symbols(a, rest, &out->symbols);
    return flaw == BECH32_OK ? check(out) : flaw;
}

void bech32_encode(struct buf *out, struct text prefix, struct bytes symbols)
{
    METE_ASSERT(prefix.len > 0);
    buf_put_text(out, prefix);
    buf_put_u8(out, '1');
    for (size_t i = 0; i < symbols.len; i++) {
        METE_ASSERT(symbols.p[i] < 32);
        buf_put_u8(out, (uint8_t)ALPHABET[symbols.p[i]]);
    }
    uint32_t sum = checksum_of(prefix, symbols);
    for (int i = 0; i < BECH32_CHECKSUM_LEN; i++) {
        sum = checksum_add(sum, 0);
    }
    sum ^= CHECKSUM_BECH32;
    for (int i = BECH32_CHECKSUM_LEN; i-- > 0;) {
        buf_put_u8(out, (uint8_t)ALPHABET[sum >> 5 * i & 31]);
    }
}

/* Moves groups of `from` bits into groups of `to` bits; returns the bits that are left, and how
 * many they are. */
static uint32_t regroup(struct buf *out, struct bytes in, unsigned from, unsigned to,
                        unsigned *left)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < in.len; i++) {
        METE_ASSERT(in.p[i] >> from == 0);
        bits = bits << from | in.p[i];
        count += from;
        while (count >= to) {
            count -= to;
            buf_put_u8(out, (uint8_t)(bits >> count));
            bits &= (1u << count) - 1;
        }
    }
    *left = count;
    return bits;
}

void symbols_of_bytes(struct buf *out, struct bytes in)
{
    unsigned left;
    uint32_t bits = regroup(out, in, 8, 5, &left);
    if (left > 0) {
        buf_put_u8(out, (uint8_t)(bits << (5 - left)));
    }
}

void symbols_pack(struct buf *out, struct bytes symbols)
{
    unsigned left;
    uint32_t bits = regroup(out, symbols, 5, 8, &left);
    if (left > 0) {
        buf_put_u8(out, (uint8_t)(bits << (8 - left)));
    }
}

bool symbols_to_bytes(struct buf *out, struct bytes symbols)
{
    size_t before = out->len;
    unsigned left;
    uint32_t bits = regroup(out, symbols, 5, 8, &left);
    if (left >= 5 || bits != 0) {
        out->len = before;
        return false;
    }
    return true;
}

bool symbols_number(struct bytes symbols, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < symbols.len; i++) {
        if (v >> 59 != 0) {
            return false;
        }
        v = v << 5 | symbols.p[i];
    }
    *out = v;
    return true;
}
