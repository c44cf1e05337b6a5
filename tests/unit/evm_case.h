/* SPDX-License-Identifier: Apache-2.0
 * What the tests of EVM codecs share: vector files, their hexadecimal members, repeatable chance.
 */
#ifndef METE_TESTS_EVM_CASE_H
#define METE_TESTS_EVM_CASE_H

#include "json_doc.h"

#include "base/encode.h"
#include "base/rng.h"
#include "base/u256.h"
#include "wire/evm/address.h"

struct vectors {
    struct doc doc;
    struct buf file;
};

static inline const struct json *vectors_read(struct vectors *v, const char *folder,
                                              const char *file)
{
    char path[1024];
    memset(v, 0, sizeof *v);
    read_path(data_path(path, sizeof path, folder, file), &v->file);
    doc_read(&v->doc, buf_text(&v->file));
    assert_int_equal(v->doc.code, METE_OK);
    return v->doc.root;
}

static inline void vectors_clear(struct vectors *v)
{
    doc_clear(&v->doc);
    buf_clear(&v->file);
}

static inline struct text member(const struct json *j, const char *key)
{
    const struct json *m = json_get(j, key);
    if (m == NULL)
        fail_msg("no member %s", key);
    return m->text;
}

/* The bytes of "0x.." in `a`. */
static inline struct bytes hex_bytes(struct arena *a, struct text hex)
{
    assert_true(hex.len >= 2 && hex.p[0] == '0' && hex.p[1] == 'x');
    size_t len = (hex.len - 2) / 2;
    uint8_t *p = arena_alloc(a, len + 1);
    assert_true(hex_decode(p, len, (struct text){hex.p + 2, hex.len - 2}));
    return (struct bytes){p, len};
}

static inline struct hash hex_hash(struct text hex)
{
    struct hash h = {{0}};
    assert_true(hex.len == 66 && hex_decode(h.b, 32, (struct text){hex.p + 2, 64}));
    return h;
}

static inline struct evm_address hex_address(struct text hex)
{
    struct evm_address a;
    struct mete_err err;
    if (evm_address_parse(hex, EVM_CHECKSUM_OPTIONAL, &a, &err) != METE_OK)
        fail_msg("%.*s: %s", (int)hex.len, hex.p, err.text);
    return a;
}

static inline struct u256 decimal(struct text t)
{
    struct u256 v;
    if (!u256_parse(t, &v))
        fail_msg("'%.*s' is no number", (int)t.len, t.p);
    return v;
}

static inline void assert_bytes(struct bytes actual, struct bytes expected, const char *what)
{
    if (actual.len == expected.len &&
        (actual.len == 0 || memcmp(actual.p, expected.p, actual.len) == 0))
        return;
    size_t at = 0;
    while (at < actual.len && at < expected.len && actual.p[at] == expected.p[at])
        at++;
    fail_msg("%s: %zu bytes, not %zu; they differ at %zu", what, actual.len, expected.len, at);
}

static inline void assert_hashes(struct hash actual, struct hash expected, const char *what)
{
    assert_bytes((struct bytes){actual.b, 32}, (struct bytes){expected.b, 32}, what);
}

static inline struct bytes address_bytes(const struct evm_address *a)
{
    return (struct bytes){a->b, EVM_ADDRESS_LEN};
}

/* Seeds `r` from METE_TEST_SEED, or with a fixed number, and says so. */
static inline void chance(struct rng *r, const char *what)
{
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = 20261121;
    if (given != NULL)
        seed = bytes_hash(text_bytes(text_of(given)), 0);
    print_message("# %s: seed %llu%s\n", what, (unsigned long long)seed,
                  given != NULL ? " (of METE_TEST_SEED)" : "");
    rng_seed(r, seed);
}

static inline void random_fill(struct rng *r, uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)rng_next(r);
}

/* Of every size from 0 to 32 bytes. */
static inline struct u256 random_u256(struct rng *r)
{
    uint8_t b[U256_LEN] = {0};
    size_t size = rng_below(r, U256_LEN + 1);
    random_fill(r, b + U256_LEN - size, size);
    return u256_from_be(b);
}

static inline void random_secret(struct rng *r, uint8_t secret[SECP_SECRET_LEN])
{
    do
        random_fill(r, secret, SECP_SECRET_LEN);
    while (!secp_secret_ok(secret));
}

#endif
