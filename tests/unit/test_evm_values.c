/* SPDX-License-Identifier: Apache-2.0
 * RLP, addresses and signatures of EVM chains: published vectors, what is refused, round trips. */
#include "evm_case.h"

#include "wire/evm/rlp.h"
#include "wire/evm/signature.h"

/* RLP. */

/* `in` is "0x.." or an array of such. */
static void put_value(struct buf *out, const struct json *in, struct arena *a)
{
    if (in->type == JSON_STRING) {
        rlp_put_bytes(out, hex_bytes(a, in->text));
        return;
    }
    size_t start = rlp_list_begin(out);
    for (const struct json *j = in->child; j != NULL; j = j->next)
        put_value(out, j, a);
    rlp_list_end(out, start);
}

/* Reads all of `in` and writes it again: false when something is malformed anywhere. */
static bool copy_items(struct bytes in, struct buf *out, unsigned depth)
{
    struct rlp_item item;
    while (in.len > 0) {
        if (depth > 64 || !rlp_next(&in, &item))
            return false;
        size_t start = rlp_list_begin(out);
        if (!item.is_list)
            rlp_put_bytes(out, item.body);
        else if (copy_items(item.body, out, depth + 1))
            rlp_list_end(out, start);
        else
            return false;
    }
    return true;
}

static bool copy_whole(struct bytes in, struct buf *out)
{
    struct rlp_item item;
    return rlp_whole(in, &item) && copy_items(in, out, 0);
}

static void test_rlp_vectors(void **state)
{
    (void)state;
    struct vectors v;
    struct buf out = {0};
    struct arena a;
    arena_init(&a, 1 << 24);
    const struct json *root = vectors_read(&v, "evm", "rlp.json");
    size_t valid = 0, invalid = 0;
    for (const struct json *j = json_get(root, "valid")->child; j != NULL; j = j->next, valid++) {
        struct bytes want = hex_bytes(&a, member(j, "out"));
        buf_reset(&out);
        put_value(&out, json_get(j, "in_hex"), &a);
        assert_bytes(buf_bytes(&out), want, "encoded");
        buf_reset(&out);
        assert_true(copy_whole(want, &out));
        assert_bytes(buf_bytes(&out), want, "read and encoded again");
    }
    for (const struct json *j = json_get(root, "invalid")->child; j != NULL;
         j = j->next, invalid++) {
        buf_reset(&out);
        if (copy_whole(hex_bytes(&a, member(j, "input")), &out))
            fail_msg("%.*s was read", (int)member(j, "name").len, member(j, "name").p);
    }
    assert_int_equal(valid, 28);
    assert_int_equal(invalid, 25);
    arena_clear(&a);
    buf_clear(&out);
    vectors_clear(&v);
}

static void test_rlp_integers(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        bool is_u64;
        bool is_u256;
    } ROWS[] = {
        {"0x80", true, true},
        {"0x00", false, false}, /* a zero is the empty string */
        {"0x01", true, true},
        {"0x7f", true, true},
        {"0x8180", true, true},
        {"0x820080", false, false}, /* a leading zero */
        {"0x88ffffffffffffffff", true, true},
        {"0x89010000000000000000", false, true},
        {"0xa0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false, true},
        {"0xa101ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false, false},
        {"0xc0", false, false},
    };
    struct arena a;
    struct buf out = {0};
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct bytes in = hex_bytes(&a, text_of(ROWS[i].hex)), rest = in;
        uint64_t small;
        struct u256 large;
        assert_int_equal(rlp_next_u64(&rest, &small), ROWS[i].is_u64);
        assert_int_equal(rest.len, ROWS[i].is_u64 ? 0 : in.len);
        rest = in;
        assert_int_equal(rlp_next_u256(&rest, &large), ROWS[i].is_u256);
        assert_int_equal(rest.len, ROWS[i].is_u256 ? 0 : in.len);
        buf_reset(&out);
        if (ROWS[i].is_u256) {
            rlp_put_u256(&out, large);
            assert_bytes(buf_bytes(&out), in, ROWS[i].hex);
        }
        buf_reset(&out);
        if (ROWS[i].is_u64) {
            rlp_put_u64(&out, small);
            assert_bytes(buf_bytes(&out), in, ROWS[i].hex);
        }
    }
    buf_clear(&out);
    arena_clear(&a);
}

static void test_rlp_kinds_are_told_apart(void **state)
{
    (void)state;
    static const uint8_t IN[] = {0x82, 'h', 'i', 0xc2, 0x01, 0x80};
    struct bytes rest = {IN, sizeof IN}, body;
    struct rlp_item item;
    uint8_t two[2];
    size_t count = 9;
    assert_false(rlp_whole(rest, &item));
    assert_false(rlp_next_list(&rest, &body));
    assert_false(rlp_next_fixed(&rest, two, 1));
    assert_int_equal(rest.len, sizeof IN);
    assert_true(rlp_count(rest, &count) && count == 2);
    assert_true(rlp_next_fixed(&rest, two, 2) && memcmp(two, "hi", 2) == 0);
    assert_false(rlp_next_string(&rest, &body));
    assert_true(rlp_next_list(&rest, &body) && body.len == 2);
    assert_true(rlp_count(body, &count) && count == 2);
    assert_false(rlp_next(&rest, &item));
    assert_false(rlp_count((struct bytes){IN, 2}, &count));
}

/* The lengths around which the form of a head changes, as strings and as lists. */
static void test_rlp_heads(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        size_t head;
    } ROWS[] = {{0, 1}, {2, 1}, {55, 1}, {56, 2}, {255, 2}, {256, 3}, {65535, 3}, {65536, 4}};
    struct buf string = {0}, list = {0}, again = {0};
    uint8_t *p = calloc(65536, 1);
    assert_non_null(p);
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct bytes in = {p, ROWS[i].len};
        buf_reset(&string), buf_reset(&list), buf_reset(&again);
        rlp_put_bytes(&string, in);
        assert_int_equal(string.len, ROWS[i].head + ROWS[i].len);
        size_t start = rlp_list_begin(&list);
        buf_put(&list, in.p, in.len); /* zero bytes are items of one byte */
        rlp_list_end(&list, start);
        assert_int_equal(list.len, ROWS[i].head + ROWS[i].len);
        struct bytes body, rest = buf_bytes(&string);
        assert_true(rlp_next_string(&rest, &body) && body.len == in.len && rest.len == 0);
        assert_true(copy_whole(buf_bytes(&list), &again));
        assert_bytes(buf_bytes(&again), buf_bytes(&list), "list");
    }
    free(p);
    buf_clear(&string), buf_clear(&list), buf_clear(&again);
}

/* A random tree of strings and lists. */
static void put_random(struct buf *out, struct rng *r, unsigned depth)
{
    if (depth > 5 || rng_below(r, 3) == 0) {
        uint8_t p[300];
        size_t len = rng_below(r, rng_below(r, 4) == 0 ? sizeof p : 4);
        random_fill(r, p, len);
        rlp_put_bytes(out, (struct bytes){p, len});
        return;
    }
    size_t start = rlp_list_begin(out);
    for (uint64_t i = rng_below(r, 8); i > 0; i--)
        put_random(out, r, depth + 1);
    rlp_list_end(out, start);
}

/* What is read again is the same, and whatever single byte is changed: what is still read is
 * canonical, so that it encodes to the very bytes. */
static void test_rlp_random_trees(void **state)
{
    (void)state;
    struct rng r;
    struct buf out = {0}, again = {0};
    size_t read = 0, refused = 0, cut_count = 0;
    chance(&r, "rlp");
    for (size_t i = 0; i < 3000; i++) {
        buf_reset(&out), buf_reset(&again);
        put_random(&out, &r, 0);
        assert_true(copy_whole(buf_bytes(&out), &again));
        assert_bytes(buf_bytes(&again), buf_bytes(&out), "tree");
        size_t cut = rng_below(&r, out.len);
        buf_reset(&again);
        assert_false(copy_whole((struct bytes){out.p, cut}, &again));
        cut_count++;
        out.p[rng_below(&r, out.len)] = (uint8_t)rng_next(&r);
        buf_reset(&again);
        if (copy_whole(buf_bytes(&out), &again)) {
            assert_bytes(buf_bytes(&again), buf_bytes(&out), "changed tree");
            read++;
        } else {
            refused++;
        }
    }
    print_message("# 3000 trees, %zu cuts refused; changed: %zu read, %zu refused\n", cut_count,
                  read, refused);
    assert_true(read > 100 && refused > 100);
    buf_clear(&out), buf_clear(&again);
}

/* Addresses. */

static void assert_address_refused(const char *t, enum evm_checksum policy, enum mete_code code)
{
    struct evm_address a;
    struct mete_err err = {0};
    memset(&a, 7, sizeof a);
    enum mete_code got = evm_address_parse(text_of(t), policy, &a, &err);
    if (got != code || err.code != code || err.text[0] == '\0' || a.b[0] != 7)
        fail_msg("'%s': %s", t, mete_code_name(got));
}

static void test_address_vectors(void **state)
{
    (void)state;
    struct vectors v;
    const struct json *root = vectors_read(&v, "evm", "eip55.json");
    size_t valid = 0, invalid = 0;
    for (const struct json *j = json_get(root, "valid")->child; j != NULL; j = j->next, valid++) {
        struct evm_address a, b;
        char out[EVM_ADDRESS_TEXT_LEN + 1];
        struct text proper = member(j, "checksum"), lower = member(j, "lower");
        assert_int_equal(evm_address_parse(proper, EVM_CHECKSUM_NEEDED, &a, NULL), METE_OK);
        assert_int_equal(evm_address_parse(lower, EVM_CHECKSUM_OPTIONAL, &b, NULL), METE_OK);
        assert_true(evm_address_eq(&a, &b) && !evm_address_is_zero(&a));
        evm_address_format(&a, out);
        assert_text(proper, out);
        /* Small letters where the checksum has capitals carry none. */
        enum mete_code want = text_eq(lower, proper) ? METE_OK : METE_ADDRESS_CHECKSUM;
        assert_int_equal(evm_address_parse(lower, EVM_CHECKSUM_NEEDED, &b, NULL), want);
    }
    for (const struct json *j = json_get(root, "invalid")->child; j != NULL;
         j = j->next, invalid++) {
        char in[64];
        assert_true(text_copy(in, sizeof in, member(j, "input")));
        bool is_checksum = text_is(member(j, "reason"), "checksum");
        assert_address_refused(in, EVM_CHECKSUM_OPTIONAL,
                               is_checksum ? METE_ADDRESS_CHECKSUM : METE_ADDRESS_INVALID);
    }
    assert_int_equal(valid, 41);
    assert_int_equal(invalid, 7);
    vectors_clear(&v);
}

static void test_address_policies(void **state)
{
    (void)state;
    struct evm_address a;
    static const char UPPER[] = "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED";
    assert_int_equal(evm_address_parse(text_of(UPPER), EVM_CHECKSUM_OPTIONAL, &a, NULL), METE_OK);
    assert_address_refused(UPPER, EVM_CHECKSUM_NEEDED, METE_ADDRESS_CHECKSUM);
    assert_address_refused("0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", EVM_CHECKSUM_OPTIONAL,
                           METE_ADDRESS_INVALID);
    assert_address_refused("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe ", EVM_CHECKSUM_OPTIONAL,
                           METE_ADDRESS_INVALID);
    /* One letter of the other case. */
    assert_address_refused("0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", EVM_CHECKSUM_NEEDED,
                           METE_ADDRESS_CHECKSUM);
    /* Digits alone are no checksum and need none. */
    static const char ZERO[] = "0x0000000000000000000000000000000000000000";
    assert_int_equal(evm_address_parse(text_of(ZERO), EVM_CHECKSUM_NEEDED, &a, NULL), METE_OK);
    assert_true(evm_address_is_zero(&a));
    a.b[19] = 1;
    assert_false(evm_address_is_zero(&a));
}

/* Signatures. */

static void test_signature_vectors(void **state)
{
    (void)state;
    struct vectors v;
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct json *root = vectors_read(&v, "eip3009", "vectors.json");
    size_t valid = 0, invalid = 0;
    for (const struct json *j = json_get(root, "valid")->child; j != NULL; j = j->next, valid++) {
        struct evm_signature s, own;
        struct evm_address signer, want = hex_address(member(j, "address")), of_key;
        struct hash digest = hex_hash(member(j, "digest"));
        struct bytes raw = hex_bytes(&a, member(j, "signature"));
        struct bytes secret = hex_bytes(&a, member(j, "private_key"));
        uint8_t out[EVM_SIGNATURE_LEN];
        assert_int_equal(evm_signature_read(raw, EVM_V_27_28, &s, NULL), METE_OK);
        assert_int_equal(evm_recover(&s, &digest, &signer, NULL), METE_OK);
        assert_true(evm_address_eq(&signer, &want));
        assert_true(evm_sign(&own, secret.p, &digest));
        evm_signature_write(&own, out);
        assert_bytes((struct bytes){out, sizeof out}, raw, "signed by us");
        assert_true(evm_address_of_secret(secret.p, &of_key) && evm_address_eq(&of_key, &want));
        of_key = evm_address_of(hex_bytes(&a, member(j, "public_key")).p);
        assert_true(evm_address_eq(&of_key, &want));
    }
    for (const struct json *j = json_get(root, "invalid")->child; j != NULL;
         j = j->next, invalid++) {
        struct evm_signature s;
        struct evm_address signer, claimed = hex_address(member(j, "claimed_signer"));
        struct hash digest = hex_hash(member(j, "digest"));
        struct bytes raw = hex_bytes(&a, member(j, "signature"));
        bool is_taken = evm_signature_read(raw, EVM_V_27_28, &s, NULL) == METE_OK &&
                        evm_recover(&s, &digest, &signer, NULL) == METE_OK &&
                        evm_address_eq(&signer, &claimed);
        if (is_taken != text_is(member(j, "expected"), "accept"))
            fail_msg("%.*s", (int)member(j, "name").len, member(j, "name").p);
    }
    assert_int_equal(valid, 20);
    assert_int_equal(invalid, 10);
    arena_clear(&a);
    vectors_clear(&v);
}

static void assert_signature_refused(const uint8_t *raw, enum evm_v_form form, const char *because)
{
    struct evm_signature s;
    struct mete_err err = {0};
    enum mete_code code = evm_signature_read((struct bytes){raw, 65}, form, &s, &err);
    assert_int_equal(code, METE_CHAIN_SIGNATURE);
    if (strstr(err.text, because) == NULL)
        fail_msg("'%s' does not say '%s'", err.text, because);
}

static void test_signature_rules(void **state)
{
    (void)state;
    struct rng r;
    chance(&r, "signatures");
    uint8_t secret[32], raw[65], zero[32] = {0};
    struct hash h;
    random_secret(&r, secret);
    random_fill(&r, h.b, 32);
    struct evm_signature s, again;
    assert_false(evm_sign(&s, zero, &h));
    assert_true(evm_sign(&s, secret, &h));
    evm_signature_write(&s, raw);
    raw[64] = (uint8_t)(raw[64] - 27);
    assert_signature_refused(raw, EVM_V_27_28, "v is");
    assert_int_equal(evm_signature_read((struct bytes){raw, 65}, EVM_V_ANY, &again, NULL), METE_OK);
    assert_memory_equal(&again, &s, sizeof s);
    static const uint8_t VS[] = {2, 26, 29, 35, 255};
    for (size_t i = 0; i < ARRAY_LEN(VS); i++) {
        raw[64] = VS[i];
        assert_signature_refused(raw, EVM_V_ANY, "v is");
    }
    raw[64] = 27;
    memset(raw + 32, 0x7f, 32);
    raw[63] = 0;
    raw[32] = 0x80;
    assert_signature_refused(raw, EVM_V_27_28, "upper half");
    memset(raw + 32, 0, 32);
    assert_signature_refused(raw, EVM_V_27_28, "zero");
    assert_int_equal(
        evm_signature_join(evm_signature_r(&s), evm_signature_s(&s), s.parity, &again, NULL),
        METE_OK);
    assert_memory_equal(&again, &s, sizeof s);
    assert_int_equal(evm_signature_join(evm_signature_r(&s), evm_signature_s(&s), 2, &again, NULL),
                     METE_CHAIN_SIGNATURE);
    assert_int_equal(evm_signature_join(u256_of(0), u256_of(1), 0, &again, NULL),
                     METE_CHAIN_SIGNATURE);
    /* 5 is not the x of a point. */
    struct evm_address who;
    assert_int_equal(evm_signature_join(u256_of(5), u256_of(1), 0, &again, NULL), METE_OK);
    assert_int_equal(evm_recover(&again, &h, &who, NULL), METE_CHAIN_SIGNATURE);
}

static void test_signers_are_recovered(void **state)
{
    (void)state;
    struct rng r;
    chance(&r, "signers");
    for (size_t i = 0; i < 500; i++) {
        uint8_t secret[32], raw[65];
        struct hash h;
        struct evm_signature s;
        struct evm_address own, signer;
        random_secret(&r, secret);
        random_fill(&r, h.b, 32);
        assert_true(evm_sign(&s, secret, &h) && evm_address_of_secret(secret, &own));
        evm_signature_write(&s, raw);
        assert_int_equal(evm_signature_read((struct bytes){raw, 65}, EVM_V_27_28, &s, NULL),
                         METE_OK);
        assert_int_equal(evm_recover(&s, &h, &signer, NULL), METE_OK);
        assert_true(evm_address_eq(&own, &signer));
        h.b[rng_below(&r, 32)] ^= 1;
        assert_true(evm_recover(&s, &h, &signer, NULL) != METE_OK ||
                    !evm_address_eq(&own, &signer));
    }
    print_message("# 500 signers recovered\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rlp_vectors),
        cmocka_unit_test(test_rlp_integers),
        cmocka_unit_test(test_rlp_kinds_are_told_apart),
        cmocka_unit_test(test_rlp_heads),
        cmocka_unit_test(test_rlp_random_trees),
        cmocka_unit_test(test_address_vectors),
        cmocka_unit_test(test_address_policies),
        cmocka_unit_test(test_signature_vectors),
        cmocka_unit_test(test_signature_rules),
        cmocka_unit_test(test_signers_are_recovered),
    };
    return cmocka_run_group_tests_name("evm_values", tests, NULL, NULL);
}
