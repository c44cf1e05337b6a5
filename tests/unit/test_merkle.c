/* SPDX-License-Identifier: Apache-2.0
 * The Merkle log against published roots, exhaustively up to 70 leaves, and signed checkpoints.
 * The roots are those of the eight-leaf reference tree of the Certificate Transparency project. */
#include "crypto/merkle.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LEAVES 70

static const char *const ref_input[8] = {"",
                                         "00",
                                         "10",
                                         "2021",
                                         "3031",
                                         "40414243",
                                         "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f"};
static const char *const ref_root[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

/* Every complete subtree of a small tree, as a store would hold them. */
struct nodes {
    struct hash at[8][128];
    bool known[8][128];
    unsigned told; /* subtrees completed so far */
};

static void on_complete(void *ctx, unsigned level, uint64_t index, const struct hash *h)
{
    struct nodes *n = ctx;
    assert_true(level < 8 && index < 128);
    assert_false(n->known[level][index]);
    n->at[level][index] = *h;
    n->known[level][index] = true;
    n->told++;
}

static bool on_read(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
    struct nodes *n = ctx;
    if (level >= 8 || index >= 128 || !n->known[level][index]) {
        return false;
    }
    *out = n->at[level][index];
    return true;
}

static struct hash leaf_of(const uint8_t *data, size_t len)
{
    static const uint8_t zero = 0;
    const struct bytes parts[] = {{&zero, 1}, {data, len}};
    return sha256_parts(parts, 2);
}

static struct hash number_leaf(unsigned i)
{
    uint8_t data[4] = {(uint8_t)i, (uint8_t)(i >> 8), 7, 9};
    return leaf_of(data, sizeof data);
}

/* RFC 9162 section 2.1.1, word for word: the slow definition that the fast one must meet. */
static struct hash naive_root(const struct hash *leaf, size_t n)
{
    if (n == 0) {
        return sha256((struct bytes){0});
    }
    if (n == 1) {
        return leaf[0];
    }
    size_t k = 1;
    while (k * 2 < n) {
        k *= 2;
    }
    struct hash left = naive_root(leaf, k);
    struct hash right = naive_root(leaf + k, n - k);
    return merkle_node(&left, &right);
}

struct grown {
    struct nodes nodes;
    struct hash leaf[LEAVES];
    struct hash root[LEAVES + 1];
};

static void grow(struct grown *g)
{
    static struct merkle m;
    memset(g, 0, sizeof *g);
    memset(&m, 0, sizeof m);
    g->root[0] = merkle_root(&m);
    for (unsigned i = 0; i < LEAVES; i++) {
        g->leaf[i] = number_leaf(i);
        merkle_append(&m, &g->leaf[i], on_complete, &g->nodes);
        g->root[i + 1] = merkle_root(&m);
    }
}

static void test_reference_roots(void **state)
{
    (void)state;
    struct merkle m = {0};
    for (size_t i = 0; i <= 8; i++) {
        char hex[65];
        struct hash root = merkle_root(&m);
        hash_hex(&root, hex);
        assert_string_equal(hex, ref_root[i]);
        if (i < 8) {
            uint8_t data[16];
            size_t len = strlen(ref_input[i]) / 2;
            assert_true(hex_decode(data, len, text_of(ref_input[i])));
            struct hash leaf = leaf_of(data, len);
            merkle_append(&m, &leaf, NULL, NULL);
        }
    }
}

static void test_leaf_is_domain_separated(void **state)
{
    (void)state;
    uint8_t in[1 + 32 + 32 + 8] = {0};
    struct hash event = number_leaf(1);
    struct hash decision = number_leaf(2);
    memcpy(in + 1, event.b, 32);
    memcpy(in + 33, decision.b, 32);
    in[72] = 0x01;
    in[71] = 0x02;
    struct hash want = sha256((struct bytes){in, sizeof in});
    struct hash have = merkle_leaf(&event, &decision, 0x0201);
    assert_true(hash_eq(&want, &have));
}

static void test_roots_equal_the_definition(void **state)
{
    (void)state;
    static struct grown g;
    grow(&g);
    for (unsigned n = 0; n <= LEAVES; n++) {
        struct hash want = naive_root(g.leaf, n);
        struct hash at;
        assert_true(merkle_root_at(on_read, &g.nodes, n, &at));
        assert_true(hash_eq(&want, &g.root[n]));
        assert_true(hash_eq(&want, &at));
    }
    /* 70 leaves complete 70 + 35 + 17 + 8 + 4 + 2 + 1 subtrees. */
    assert_int_equal(g.nodes.told, 137);
}

/* Shortened, lengthened and bent in each hash, a path must not verify. */
static void refuse_bent_inclusion(const struct grown *g, unsigned index, unsigned size,
                                  struct hash *path, size_t count)
{
    const struct hash *root = &g->root[size];
    for (size_t i = 0; i < count; i++) {
        path[i].b[i % 32] ^= (uint8_t)(1u << (i % 8));
        assert_false(merkle_inclusion_verify(&g->leaf[index], index, size, path, count, root));
        path[i].b[i % 32] ^= (uint8_t)(1u << (i % 8));
    }
    if (count > 0) {
        assert_false(merkle_inclusion_verify(&g->leaf[index], index, size, path, count - 1, root));
    }
    path[count] = g->leaf[index];
    assert_false(merkle_inclusion_verify(&g->leaf[index], index, size, path, count + 1, root));
}

static void test_every_inclusion_up_to_70(void **state)
{
    (void)state;
    static struct grown g;
    grow(&g);
    unsigned proofs = 0;
    for (unsigned size = 1; size <= LEAVES; size++) {
        for (unsigned index = 0; index < size; index++) {
            struct hash path[MERKLE_PROOF_MAX];
            size_t count = 99;
            assert_true(merkle_inclusion(on_read, &g.nodes, index, size, path, &count));
            assert_true(
                merkle_inclusion_verify(&g.leaf[index], index, size, path, count, &g.root[size]));
            for (unsigned other = 0; other < LEAVES; other++) {
                assert_true(other == index || !merkle_inclusion_verify(&g.leaf[index], other, size,
                                                                       path, count, &g.root[size]));
                assert_true(other == size || !merkle_inclusion_verify(&g.leaf[index], index, size,
                                                                      path, count, &g.root[other]));
            }
            refuse_bent_inclusion(&g, index, size, path, count);
            proofs++;
        }
    }
    assert_int_equal(proofs, LEAVES * (LEAVES + 1) / 2);
}

static void refuse_bent_consistency(const struct grown *g, unsigned first, unsigned second,
                                    struct hash *path, size_t count)
{
    const struct hash *a = &g->root[first];
    const struct hash *b = &g->root[second];
    for (size_t i = 0; i < count; i++) {
        path[i].b[(7 * i) % 32] ^= 0x10;
        assert_false(merkle_consistency_verify(first, second, a, b, path, count));
        path[i].b[(7 * i) % 32] ^= 0x10;
    }
    if (count > 0) {
        assert_false(merkle_consistency_verify(first, second, a, b, path, count - 1));
        struct hash bent = *a;
        bent.b[31] ^= 1;
        assert_false(merkle_consistency_verify(first, second, &bent, b, path, count));
    }
    path[count] = *a;
    assert_false(merkle_consistency_verify(first, second, a, b, path, count + 1));
}

static void test_every_consistency_up_to_70(void **state)
{
    (void)state;
    static struct grown g;
    grow(&g);
    for (unsigned second = 0; second <= LEAVES; second++) {
        for (unsigned first = 0; first <= second; first++) {
            struct hash path[MERKLE_PROOF_MAX];
            size_t count = 99;
            assert_true(merkle_consistency(on_read, &g.nodes, first, second, path, &count));
            assert_true(merkle_consistency_verify(first, second, &g.root[first], &g.root[second],
                                                  path, count));
            for (unsigned other = 1; other <= second && first != 0 && first != second; other++) {
                bool holds = merkle_consistency_verify(other, second, &g.root[first],
                                                       &g.root[second], path, count);
                assert_true(holds == (other == first));
            }
            refuse_bent_consistency(&g, first, second, path, count);
        }
    }
}

static void test_positions_outside_are_refused(void **state)
{
    (void)state;
    static struct grown g;
    grow(&g);
    struct hash path[MERKLE_PROOF_MAX];
    size_t count = 0;
    assert_false(merkle_inclusion(on_read, &g.nodes, 5, 5, path, &count));
    assert_false(merkle_consistency(on_read, &g.nodes, 6, 5, path, &count));
    assert_false(merkle_inclusion_verify(&g.leaf[0], 1, 1, path, 0, &g.root[1]));
    assert_false(merkle_consistency_verify(3, 2, &g.root[3], &g.root[2], path, 0));
    assert_false(merkle_consistency_verify(3, 7, &g.root[3], &g.root[7], NULL, 0));
    /* A store that cannot read ends the proof. */
    assert_false(merkle_inclusion(on_read, &g.nodes, 0, 90, path, &count));
    assert_false(merkle_consistency(on_read, &g.nodes, 3, 90, path, &count));
    struct hash root;
    assert_false(merkle_root_at(on_read, &g.nodes, 90, &root));
}

/* --- checkpoints -------------------------------------------------------------------------------*/

struct signer {
    uint8_t seed[32];
    uint8_t public_key[32];
};

static struct signer signer_of(uint8_t byte)
{
    struct signer s;
    memset(s.seed, byte, sizeof s.seed);
    ed25519_public(s.public_key, s.seed);
    return s;
}

static void test_checkpoint_round_trip(void **state)
{
    (void)state;
    struct signer s = signer_of(7);
    struct hash root = number_leaf(3);
    struct buf note = {0};
    buf_put_str(&note, "before"); /* it appends: what stands before is not signed */
    size_t begin = note.len;
    checkpoint_write(&note, TEXT("mete.example/main"), 123456789, &root, s.seed);
    struct text t = {(const char *)note.p + begin, note.len - begin};

    char root_text[64];
    base64_encode(root_text, (struct bytes){root.b, 32});
    struct buf head = {0};
    buf_printf(&head, "mete.example/main\n123456789\n%s\n\n\xe2\x80\x94 mete.example/main ",
               root_text);
    assert_true(t.len > head.len && memcmp(t.p, head.p, head.len) == 0);
    assert_true(t.p[t.len - 1] == '\n');

    uint64_t size = 0;
    struct hash read;
    assert_true(checkpoint_verify(t, TEXT("mete.example/main"), s.public_key, &size, &read));
    assert_int_equal(size, 123456789);
    assert_true(hash_eq(&read, &root));
    buf_clear(&head);
    buf_clear(&note);
}

static void test_checkpoint_refuses_every_flipped_byte(void **state)
{
    (void)state;
    struct signer s = signer_of(8);
    struct hash root = number_leaf(4);
    struct buf note = {0};
    checkpoint_write(&note, TEXT("mete.example/main"), 42, &root, s.seed);
    for (size_t i = 0; i < note.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            uint64_t size = 77;
            struct hash read;
            note.p[i] ^= (uint8_t)(1u << bit);
            assert_false(checkpoint_verify(buf_text(&note), TEXT("mete.example/main"), s.public_key,
                                           &size, &read));
            assert_int_equal(size, 77);
            note.p[i] ^= (uint8_t)(1u << bit);
        }
        struct text cut = {(const char *)note.p, i};
        uint64_t size = 0;
        struct hash read;
        assert_false(checkpoint_verify(cut, TEXT("mete.example/main"), s.public_key, &size, &read));
    }
    buf_clear(&note);
}

static void test_checkpoint_refuses_other_names_and_keys(void **state)
{
    (void)state;
    struct signer s = signer_of(9);
    struct signer other = signer_of(10);
    struct hash root = number_leaf(5);
    struct buf note = {0};
    uint64_t size = 0;
    struct hash read;
    checkpoint_write(&note, TEXT("a/b"), 0, &root, s.seed);
    assert_true(checkpoint_verify(buf_text(&note), TEXT("a/b"), s.public_key, &size, &read));
    assert_false(checkpoint_verify(buf_text(&note), TEXT("a/c"), s.public_key, &size, &read));
    assert_false(checkpoint_verify(buf_text(&note), TEXT("a/b"), other.public_key, &size, &read));
    assert_false(checkpoint_verify((struct text){0}, TEXT("a/b"), s.public_key, &size, &read));
    buf_clear(&note);
}

/* signed-note: unknown signatures are ignored, malformed lines are not. */
static void test_checkpoint_ignores_witnesses(void **state)
{
    (void)state;
    struct signer s = signer_of(11);
    struct hash root = number_leaf(6);
    struct buf note = {0};
    uint64_t size = 0;
    struct hash read;
    checkpoint_write(&note, TEXT("a/b"), 9, &root, s.seed);
    buf_put_str(&note, "\xe2\x80\x94 witness.example AAAAAAAA\n");
    assert_true(checkpoint_verify(buf_text(&note), TEXT("a/b"), s.public_key, &size, &read));
    buf_put_str(&note, "not a signature\n");
    assert_false(checkpoint_verify(buf_text(&note), TEXT("a/b"), s.public_key, &size, &read));
    buf_clear(&note);
}

/* A note with any first line, put together from the two specifications; signed as log.example. */
static void note_by_hand(struct buf *body, const struct signer *s, const char *origin,
                         const struct hash *root)
{
    struct buf named = {0};
    buf_put_str(&named, "log.example\n\x01");
    buf_put(&named, s->public_key, 32);
    struct hash id = sha256(buf_bytes(&named));
    char root_text[64];
    base64_encode(root_text, (struct bytes){root->b, 32});
    buf_printf(body, "%s\n5\n%s\n", origin, root_text);
    uint8_t blob[4 + 64];
    memcpy(blob, id.b, 4);
    ed25519_sign(blob + 4, s->seed, buf_bytes(body));
    char blob_text[BASE64_TEXT_MAX(68)];
    base64_encode(blob_text, (struct bytes){blob, sizeof blob});
    buf_printf(body, "\n\xe2\x80\x94 log.example %s\n", blob_text);
    buf_clear(&named);
}

static void test_checkpoint_key_id_and_signature(void **state)
{
    (void)state;
    struct signer s = signer_of(12);
    struct hash root = number_leaf(7);
    struct buf note = {0};
    struct buf body = {0};
    uint64_t size = 0;
    struct hash read;
    checkpoint_write(&note, TEXT("log.example"), 5, &root, s.seed);
    note_by_hand(&body, &s, "log.example", &root);
    assert_true(text_eq(buf_text(&note), buf_text(&body)));
    buf_reset(&body);
    note_by_hand(&body, &s, "other.example", &root);
    assert_false(
        checkpoint_verify(buf_text(&body), TEXT("log.example"), s.public_key, &size, &read));
    buf_clear(&note);
    buf_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_roots),
        cmocka_unit_test(test_leaf_is_domain_separated),
        cmocka_unit_test(test_roots_equal_the_definition),
        cmocka_unit_test(test_every_inclusion_up_to_70),
        cmocka_unit_test(test_every_consistency_up_to_70),
        cmocka_unit_test(test_positions_outside_are_refused),
        cmocka_unit_test(test_checkpoint_round_trip),
        cmocka_unit_test(test_checkpoint_refuses_every_flipped_byte),
        cmocka_unit_test(test_checkpoint_refuses_other_names_and_keys),
        cmocka_unit_test(test_checkpoint_ignores_witnesses),
        cmocka_unit_test(test_checkpoint_key_id_and_signature),
    };
    return cmocka_run_group_tests_name("merkle", tests, NULL, NULL);
}
