/* SPDX-License-Identifier: Apache-2.0
 * Invoices: the 26 examples of BOLT 11 field by field, each rule of its reader, round trips, and
 * that no changed character makes an invoice for other money. */
#include "json_doc.h"

#include "base/encode.h"
#include "base/rng.h"
#include "crypto/secp256k1.h"
#include "wire/bech32.h"
#include "wire/lightning/bolt11_parts.h"

#define SIGNER "e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734"

/** The examples, read once. */
static struct doc vectors;

static int load(void **state)
{
    (void)state;
    char path[512];
    struct buf bytes = {0};
    read_path(data_path(path, sizeof path, "bolt11", "vectors.json"), &bytes);
    doc_read(&vectors, buf_text(&bytes));
    assert_int_equal(vectors.code, METE_OK);
    buf_clear(&bytes);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    doc_clear(&vectors);
    return 0;
}

/** An invoice and the memory of its texts. */
struct invoice {
    struct arena arena;
    struct bolt11 i;
    enum mete_code code;
    struct mete_err err;
};

static void invoice_read(struct invoice *v, struct text in)
{
    memset(v, 0, sizeof *v);
    arena_init(&v->arena, BOLT11_ARENA_MAX);
    v->code = bolt11_read(&v->arena, in, &v->i, &v->err);
    assert_int_equal(v->code, v->err.code);
    assert_true(v->code == METE_OK || v->code == METE_INVOICE_INVALID);
}

static void invoice_clear(struct invoice *v)
{
    arena_clear(&v->arena);
}

static void of_hex(uint8_t *out, size_t len, struct text hex)
{
    assert_true(hex_decode(out, len, hex));
}

static struct text member(const struct json *row, const char *key)
{
    const struct json *j = json_get(row, key);
    return j == NULL ? (struct text){NULL, 0} : j->text;
}

static void assert_hex(const uint8_t *p, size_t len, struct text hex, const char *what)
{
    uint8_t expected[128];
    assert_true(len <= sizeof expected && hex.len == 2 * len);
    of_hex(expected, len, hex);
    if (memcmp(p, expected, len) != 0) {
        fail_msg("%s differs", what);
    }
}

static void assert_number(const struct json *row, const char *key, uint64_t actual)
{
    int64_t v = -1;
    assert_true(json_int(json_get(row, key), 0, INT64_MAX, &v));
    if ((uint64_t)v != actual) {
        fail_msg("%s is %llu", key, (unsigned long long)actual);
    }
}

/* The examples */

static void assert_features(const struct json *row, const struct bolt11 *i)
{
    const struct json *expected = json_get(row, "feature_bits")->child;
    for (unsigned bit = 0; bit < 5200; bit++) {
        int64_t next = -1;
        bool is_expected = expected != NULL && json_int(expected, 0, 5200, &next) && next == bit;
        assert_int_equal(bolt11_has_feature(i, bit), is_expected);
        expected = is_expected ? expected->next : expected;
    }
    assert_null(expected);
}

static void assert_description(const struct json *row, const struct bolt11 *i)
{
    assert_int_equal(i->has_description, json_get(row, "description") != NULL);
    assert_int_equal(i->has_description_hash, json_get(row, "description_hash") != NULL);
    assert_true(text_eq(i->description, member(row, "description")));
    if (i->has_description_hash) {
        assert_hex(i->description_hash.b, SHA256_LEN, member(row, "description_hash"), "h");
        struct hash h = sha256(text_bytes(member(row, "description_preimage")));
        assert_true(json_get(row, "description_preimage") == NULL ||
                    hash_eq(&h, &i->description_hash));
    }
    assert_int_equal(i->has_metadata, json_get(row, "metadata") != NULL);
    if (i->has_metadata) {
        assert_hex(i->metadata.p, i->metadata.len, member(row, "metadata"), "m");
    }
}

static void assert_amount(const struct json *row, const struct bolt11 *i)
{
    const struct json *amount = json_get(row, "amount_msat");
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)i->amount_msat);
    assert_int_equal(i->has_amount, amount->type == JSON_STRING);
    assert_text(i->has_amount ? amount->text : TEXT("0"), text);
    assert_text(member(row, "network"), bolt11_network_name(i->network));
}

static void assert_signature(const struct json *row, const struct bolt11 *i)
{
    struct hash h = {0};
    struct buf data = {0};
    struct text hex = member(row, "signed_data");
    buf_reserve(&data, hex.len);
    of_hex(data.p, hex.len / 2, hex);
    data.len = hex.len / 2;
    h = sha256(buf_bytes(&data));
    buf_clear(&data);
    assert_true(hash_eq(&h, &i->signed_hash));
    assert_hex(i->signed_hash.b, SHA256_LEN, member(row, "signing_hash"), "signing hash");
    assert_hex(i->signature.rs, SECP_RS_LEN, member(row, "signature_rs"), "signature");
    assert_number(row, "recovery_flag", i->signature.recovery);
    assert_int_equal(secp_low_s(i->signature.rs), !json_is_true(json_get(row, "high_s")));
    assert_hex(i->payee, SECP_COMPRESSED_LEN, member(row, "payee"), "payee");
    assert_int_equal(i->has_payee, json_is_true(json_get(row, "payee_field_present")));
}

static void test_every_field_of_the_valid_examples(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct json *row = json_get(vectors.root, "valid")->child; row != NULL;
         row = row->next, count++) {
        struct invoice v;
        invoice_read(&v, member(row, "invoice"));
        print_message("# %.*s %s\n", (int)member(row, "name").len, member(row, "name").p,
                      v.err.text);
        assert_int_equal(v.code, METE_OK);
        assert_amount(row, &v.i);
        assert_number(row, "timestamp", (uint64_t)v.i.timestamp_s);
        assert_number(row, "expiry", v.i.expiry_s);
        assert_number(row, "min_final_cltv_expiry_delta", v.i.cltv);
        assert_number(row, "route_hint_count", v.i.route_hint_count);
        assert_hex(v.i.payment_hash.b, SHA256_LEN, member(row, "payment_hash"), "p");
        assert_hex(v.i.payment_secret, BOLT11_SECRET_LEN, member(row, "payment_secret"), "s");
        assert_description(row, &v.i);
        assert_features(row, &v.i);
        assert_signature(row, &v.i);
        assert_int_equal(v.i.hash_count, 1);
        assert_int_equal(v.i.secret_count, 1);
        invoice_clear(&v);
    }
    assert_int_equal(count, 16);
}

static void test_the_invalid_examples_are_refused_for_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        const char *text;
    } REASONS[] = {
        {"unknown_required_feature", "it requires feature 100, which is unknown here"},
        {"bech32_checksum", "its checksum does not fit: a character was changed or lost"},
        {"bech32_no_separator", "it has no separator '1'"},
        {"bech32_mixed_case", "it mixes upper and lower case"},
        {"signature_not_recoverable", "no key can be recovered from its signature"},
        {"too_short", "it is too short for a time and a signature"},
        {"amount_multiplier", "its amount has an unknown multiplier"},
        {"sub_millisatoshi", "its amount has a part of a millisatoshi"},
        {"missing_payment_secret", "it has no payment secret (s)"},
        {"high_s_with_n", "its signature is not canonical (high s) though it names a payee"},
    };
    size_t count = 0;
    for (const struct json *row = json_get(vectors.root, "invalid")->child; row != NULL;
         row = row->next, count++) {
        struct invoice v;
        invoice_read(&v, member(row, "input"));
        assert_int_equal(v.code, METE_INVOICE_INVALID);
        assert_text(member(row, "reason"), REASONS[count].reason);
        assert_string_equal(v.err.text, REASONS[count].text);
        invoice_clear(&v);
    }
    assert_int_equal(count, ARRAY_LEN(REASONS));
}

/* Who signs the same content with the same key writes the same invoice: the four examples whose
 * fields come in the order of bolt11_write. */
static void test_writing_gives_the_examples_again(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN];
    size_t same = 0;
    of_hex(secret, sizeof secret, TEXT(SIGNER));
    for (const struct json *row = json_get(vectors.root, "valid")->child; row != NULL;
         row = row->next) {
        struct invoice v, again;
        struct buf out = {0};
        invoice_read(&v, member(row, "invoice"));
        assert_true(bolt11_write(&out, &v.i, secret));
        same += text_eq(buf_text(&out), member(row, "invoice"));
        invoice_read(&again, buf_text(&out));
        assert_int_equal(again.code, METE_OK);
        assert_amount(row, &again.i);
        assert_description(row, &again.i);
        assert_features(row, &again.i);
        assert_true(hash_eq(&again.i.payment_hash, &v.i.payment_hash));
        assert_number(row, "timestamp", (uint64_t)again.i.timestamp_s);
        assert_number(row, "expiry", again.i.expiry_s);
        assert_number(row, "min_final_cltv_expiry_delta", again.i.cltv);
        buf_clear(&out);
        invoice_clear(&v);
        invoice_clear(&again);
    }
    assert_int_equal(same, 4);
}

/* Changes */

static bool is_same_money(const struct bolt11 *a, const struct bolt11 *b)
{
    return a->network == b->network && a->has_amount == b->has_amount &&
           a->amount_msat == b->amount_msat && hash_eq(&a->payment_hash, &b->payment_hash);
}

static void assert_never_accepted(struct text good, const char *bad, size_t *accepted)
{
    struct invoice v;
    invoice_read(&v, (struct text){bad, good.len});
    *accepted += v.code == METE_OK;
    invoice_clear(&v);
}

static void test_no_changed_character_is_accepted(void **state)
{
    (void)state;
    static const char ALPHABET[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    size_t tried = 0, accepted = 0;
    for (const struct json *row = json_get(vectors.root, "valid")->child; row != NULL;
         row = row->next) {
        struct text good = member(row, "invoice");
        char *bad = malloc(good.len);
        assert_non_null(bad);
        memcpy(bad, good.p, good.len);
        for (size_t k = 0; k < good.len; k++) {
            for (unsigned bit = 0; bit < 8; bit++, tried++) {
                bad[k] = (char)(good.p[k] ^ (char)(1u << bit));
                assert_never_accepted(good, bad, &accepted);
            }
            for (size_t c = 0; c < 32; c++) {
                bad[k] = ALPHABET[c];
                if (bad[k] != good.p[k] && (bad[k] | 0x20) != (good.p[k] | 0x20)) {
                    assert_never_accepted(good, bad, &accepted);
                    tried++;
                }
            }
            bad[k] = good.p[k];
        }
        free(bad);
    }
    print_message("# %zu changed invoices, %zu accepted\n", tried, accepted);
    assert_int_equal(accepted, 0);
    assert_true(tried > 100000);
}

/* Somebody who repairs the checksum after the change: then the signature names another payee, or
 * none; or, of the recovery id beside a named payee alone, everything stays as it was. */
struct changes {
    size_t tried;
    size_t others; /* read, of another payee */
    size_t same;   /* read, of the same payee and money */
};

static void change_symbol(const struct invoice *good, struct text bad, struct changes *c)
{
    struct invoice v;
    invoice_read(&v, bad);
    c->tried++;
    if (v.code == METE_OK) {
        bool is_same = memcmp(good->i.payee, v.i.payee, SECP_COMPRESSED_LEN) == 0;
        assert_true(!is_same || is_same_money(&good->i, &v.i));
        c->others += !is_same;
        c->same += is_same;
    }
    invoice_clear(&v);
}

static void change_symbols(struct text good, struct changes *c)
{
    struct invoice v;
    struct bech32 b;
    struct arena a;
    arena_init(&a, 1 << 16);
    invoice_read(&v, good);
    assert_int_equal(v.code, METE_OK);
    assert_int_equal(bech32_decode(&a, good, &b), BECH32_OK);
    uint8_t *symbols = arena_array(&a, b.symbols.len, 1);
    memcpy(symbols, b.symbols.p, b.symbols.len);
    for (size_t k = 0; k < b.symbols.len * 5; k++) {
        struct buf bad = {0};
        symbols[k / 5] ^= (uint8_t)(1u << k % 5);
        bech32_encode(&bad, b.prefix, (struct bytes){symbols, b.symbols.len});
        symbols[k / 5] ^= (uint8_t)(1u << k % 5);
        change_symbol(&v, buf_text(&bad), c);
        buf_clear(&bad);
    }
    invoice_clear(&v);
    arena_clear(&a);
}

static void test_a_repaired_checksum_gives_another_payee_or_none(void **state)
{
    (void)state;
    struct changes c = {0};
    for (const struct json *row = json_get(vectors.root, "valid")->child; row != NULL;
         row = row->next) {
        change_symbols(member(row, "invoice"), &c);
    }
    print_message("# %zu repaired invoices: %zu of another payee, %zu of the same\n", c.tried,
                  c.others, c.same);
    assert_true(c.tried > 20000 && c.others > 1000);
    assert_int_equal(c.same, 0);
}

/* Beside a named payee the recovery id is not looked at: 8 bits. */
static void test_a_named_payee_covers_all_but_the_recovery_id(void **state)
{
    (void)state;
    uint8_t secret[SECP_SECRET_LEN];
    struct invoice v;
    struct buf out = {0};
    struct changes c = {0};
    of_hex(secret, sizeof secret, TEXT(SIGNER));
    invoice_read(&v, member(json_get(vectors.root, "valid")->child, "invoice"));
    v.i.has_payee = true;
    assert_true(bolt11_write(&out, &v.i, secret));
    change_symbols(buf_text(&out), &c);
    print_message("# %zu repaired invoices: %zu of another payee, %zu of the same\n", c.tried,
                  c.others, c.same);
    assert_int_equal(c.same, 8);
    assert_true(c.others < 10); /* where n itself turned into another field */
    buf_clear(&out);
    invoice_clear(&v);
}

/* Invoices by hand */

static void put_field(struct buf *symbols, uint8_t type, struct bytes content)
{
    buf_put_u8(symbols, type);
    buf_put_u8(symbols, (uint8_t)(content.len >> 5));
    buf_put_u8(symbols, (uint8_t)(content.len & 31));
    buf_put(symbols, content.p, content.len);
}

static void put_zeros(struct buf *symbols, uint8_t type, size_t len)
{
    static const uint8_t ZEROS[1023];
    put_field(symbols, type, (struct bytes){ZEROS, len});
}

/* p, s and d, and whatever is in `more`. */
static void by_hand(struct invoice *v, const char *prefix, const struct buf *more)
{
    uint8_t secret[SECP_SECRET_LEN];
    struct buf symbols = {0}, out = {0};
    struct secp_signature signature;
    static const uint8_t TIME[BOLT11_TIMESTAMP_LEN] = {1, 12, 18, 31, 28, 25, 2};
    of_hex(secret, sizeof secret, TEXT(SIGNER));
    buf_put(&symbols, TIME, sizeof TIME);
    put_zeros(&symbols, 16, 52);
    put_zeros(&symbols, 1, 52);
    put_zeros(&symbols, 13, 8);
    buf_put(&symbols, more->p, more->len);
    struct hash h = bolt11_signed_hash(text_of(prefix), buf_bytes(&symbols));
    assert_true(secp_sign(&signature, secret, &h));
    uint8_t last[SECP_RS_LEN + 1];
    memcpy(last, signature.rs, SECP_RS_LEN);
    last[SECP_RS_LEN] = signature.recovery;
    symbols_of_bytes(&symbols, (struct bytes){last, sizeof last});
    bech32_encode(&out, text_of(prefix), buf_bytes(&symbols));
    invoice_read(v, buf_text(&out));
    buf_clear(&symbols);
    buf_clear(&out);
}

static void test_amounts_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        uint64_t msat; /* 0: refused */
        enum bolt11_network network;
    } ROWS[] = {
        {"lnbc1", 100000000000, BOLT11_BITCOIN},
        {"lnbc21000000", 2100000000000000000, BOLT11_BITCOIN},
        {"lnbc184467440", 18446744000000000000u, BOLT11_BITCOIN},
        {"lnbc184467441", 0, BOLT11_BITCOIN},
        {"lnbc184467440737095516150p", 18446744073709551615u, BOLT11_BITCOIN},
        {"lnbc184467440737095516160p", 0, BOLT11_BITCOIN},
        {"lntb1m", 100000000, BOLT11_TESTNET},
        {"lntbs1u", 100000, BOLT11_SIGNET},
        {"lnbcrt1n", 100, BOLT11_REGTEST},
        {"lnbc10p", 1, BOLT11_BITCOIN},
        {"lnbc1000000000000p", 100000000000, BOLT11_BITCOIN},
        {"lnbc1p", 0, BOLT11_BITCOIN},
        {"lnbc15p", 0, BOLT11_BITCOIN},
        {"lnbc0", 0, BOLT11_BITCOIN},
        {"lnbc01", 0, BOLT11_BITCOIN},
        {"lnbc00u", 0, BOLT11_BITCOIN},
        {"lnbcm", 0, BOLT11_BITCOIN},
        {"lnbc1mm", 0, BOLT11_BITCOIN},
        {"lnbc1.5m", 0, BOLT11_BITCOIN},
        {"lnbc-1m", 0, BOLT11_BITCOIN},
        {"lnbc1000000000000000000000000000000000000000000m", 0, BOLT11_BITCOIN},
        {"lnbcrtx", 0, BOLT11_REGTEST},
        {"lnltc1m", 0, BOLT11_BITCOIN},
        {"ln", 0, BOLT11_BITCOIN},
        {"bc1m", 0, BOLT11_BITCOIN},
        {"l", 0, BOLT11_BITCOIN},
    };
    struct buf none = {0};
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct invoice v;
        by_hand(&v, ROWS[k].prefix, &none);
        print_message("# %s %s\n", ROWS[k].prefix, v.err.text);
        assert_int_equal(v.code == METE_OK, ROWS[k].msat != 0);
        if (v.code == METE_OK) {
            assert_true(v.i.has_amount && v.i.amount_msat == ROWS[k].msat);
            assert_int_equal(v.i.network, ROWS[k].network);
        }
        invoice_clear(&v);
    }
}

static void test_each_rule_of_a_reader(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint8_t len;
        uint8_t content[8];
        const char *text; /* of the refusal; NULL: accepted */
    } ROWS[] = {
        {13, 2, {31, 28}, "its description is not UTF-8"},
        {13, 2, {12, 1}, "a field is not filled up with zero bits"},
        {13, 3, {12, 0, 0}, "a field is not filled up with zero bits"},
        {13, 2, {12, 4}, NULL},
        {27, 2, {31, 29}, "a field is not filled up with zero bits"},
        {27, 2, {31, 28}, NULL},
        {6, 2, {0, 1}, "a number (x or c) begins with zeros"},
        {6, 2, {1, 0}, NULL},
        {6, 0, {0}, NULL},
        {24, 1, {0}, "a number (x or c) begins with zeros"},
        {24, 1, {9}, NULL},
        {5, 2, {0, 8}, "its features begin with zeros"},
        {5, 1, {1}, "it requires feature 0, which is unknown here"},
        {5, 1, {2}, NULL},
        {5, 2, {8, 0}, NULL}, /* 8 */
        {5, 7, {1, 0, 0, 16, 8, 0}, "it requires feature 30, which is unknown here"},
        {5, 4, {2, 0, 0, 0}, "a feature lacks one that it needs (16 needs 14, 14 needs 8)"},
        {5, 3, {16, 0, 0}, "a feature lacks one that it needs (16 needs 14, 14 needs 8)"},
        {5, 4, {2, 16, 8, 0}, NULL}, /* 16, 14, 8 */
        {5, 4, {4, 16, 8, 0}, NULL}, /* 17 */
        {5, 4, {4, 0, 8, 0}, "a feature lacks one that it needs (16 needs 14, 14 needs 8)"},
        {23, 51, {0}, NULL},
        {19, 52, {0}, NULL},
        {19, 53, {0}, "its payee (n) is no public key"},
        {23, 52, {0}, "it has both a description (d) and the hash of one (h)"},
        {3, 82, {0}, NULL},
        {3, 80, {0}, "a route hint (r) is not made of entries of 51 bytes"},
        {3, 0, {0}, "a route hint (r) is not made of entries of 51 bytes"},
        {9, 5, {31, 31, 31, 31, 31}, NULL},
        {2, 3, {1, 2, 3}, NULL},
        {0, 0, {0}, NULL},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct buf more = {0};
        struct invoice v;
        uint8_t content[128] = {0};
        memcpy(content, ROWS[k].content, sizeof ROWS[k].content);
        put_field(&more, ROWS[k].type, (struct bytes){content, ROWS[k].len});
        by_hand(&v, "lnbc1m", &more);
        const char *expected = ROWS[k].text == NULL ? "" : ROWS[k].text;
        if (strcmp(v.err.text, expected) != 0) {
            fail_msg("row %zu: '%s', expected '%s'", k, v.err.text, expected);
        }
        assert_int_equal(v.code == METE_OK, ROWS[k].text == NULL);
        assert_int_equal(v.code == METE_OK && ROWS[k].type == 3, v.i.route_hint_count == 1);
        invoice_clear(&v);
        buf_clear(&more);
    }
}

static void test_fields_that_are_cut_or_too_large(void **state)
{
    (void)state;
    static const uint8_t CUT[][4] = {{13}, {13, 0}, {13, 0, 1}, {13, 31, 31, 0}};
    for (size_t k = 0; k < ARRAY_LEN(CUT); k++) {
        struct invoice v;
        struct buf more = {0};
        buf_put(&more, CUT[k], k + 1);
        by_hand(&v, "lnbc", &more);
        assert_string_equal(v.err.text, "its last field is cut off");
        invoice_clear(&v);
        buf_clear(&more);
    }
    struct invoice v;
    struct buf more = {0};
    put_field(&more, 6,
              (struct bytes){
                  (const uint8_t *)"\x0f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f", 13});
    by_hand(&v, "lnbc", &more);
    assert_int_equal(v.code, METE_OK);
    assert_true(v.i.expiry_s == UINT64_MAX && bolt11_expires_at(&v.i) == INT64_MAX);
    invoice_clear(&v);
    more.p[3] = 16;
    by_hand(&v, "lnbc", &more);
    assert_string_equal(v.err.text, "a number (x or c) is beyond 64 bits");
    invoice_clear(&v);
    buf_reset(&more);
    while (more.len < 6800) {
        put_zeros(&more, 27, 0); /* each takes memory */
    }
    by_hand(&v, "lnbc", &more);
    assert_int_equal(v.code, METE_OK);
    invoice_clear(&v);
    buf_reset(&more);
    while (more.len < BOLT11_LEN_MAX) {
        put_zeros(&more, 2, 100);
    }
    by_hand(&v, "lnbc", &more);
    assert_string_equal(v.err.text, "it is longer than 7089 characters");
    invoice_clear(&v);
    buf_clear(&more);
}

static void test_a_payee_who_did_not_sign_is_refused(void **state)
{
    (void)state;
    uint8_t other[SECP_SECRET_LEN] = {1}, key[SECP_COMPRESSED_LEN];
    struct buf more = {0}, symbols = {0};
    struct invoice v;
    assert_true(secp_public_compressed(key, other));
    symbols_of_bytes(&symbols, (struct bytes){key, sizeof key});
    put_field(&more, 19, buf_bytes(&symbols));
    by_hand(&v, "lnbc", &more);
    assert_string_equal(v.err.text, "its signature is not that of its payee (n)");
    buf_clear(&more);
    buf_clear(&symbols);
    invoice_clear(&v);
}

/* Paying */

struct case_of_paying {
    struct invoice v;
    struct bolt11_terms t;
    uint8_t payee[SECP_COMPRESSED_LEN];
};

#define METADATA "[[\"text/plain\",\"for agent\"]]"

static void case_make(struct case_of_paying *c)
{
    uint8_t secret[SECP_SECRET_LEN];
    struct buf out = {0};
    of_hex(secret, sizeof secret, TEXT(SIGNER));
    struct bolt11 i = {.network = BOLT11_REGTEST,
                       .has_amount = true,
                       .has_description_hash = true,
                       .amount_msat = 12345000,
                       .timestamp_s = 1700000000,
                       .expiry_s = 600,
                       .cltv = 18};
    i.description_hash = sha256(text_bytes(TEXT(METADATA)));
    assert_true(bolt11_write(&out, &i, secret));
    invoice_read(&c->v, buf_text(&out));
    assert_int_equal(c->v.code, METE_OK);
    buf_clear(&out);
    memcpy(c->payee, c->v.i.payee, sizeof c->payee);
    c->t = (struct bolt11_terms){.network = BOLT11_REGTEST,
                                 .amount_msat = 12345000,
                                 .metadata = text_bytes(TEXT(METADATA)),
                                 .now_s = 1700000000,
                                 .margin_s = 30};
}

static void assert_refused(const struct case_of_paying *c, const char *text)
{
    struct mete_err err = {0};
    assert_int_equal(bolt11_check_payout(&c->v.i, &c->t, &err), METE_INVOICE_REFUSED);
    assert_int_equal(err.code, METE_INVOICE_REFUSED);
    assert_string_equal(err.text, text);
}

static void assert_paid(const struct case_of_paying *c)
{
    struct mete_err err = {0};
    if (bolt11_check_payout(&c->v.i, &c->t, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
}

static void test_only_the_agreed_amount_on_the_own_network_is_paid(void **state)
{
    (void)state;
    struct case_of_paying c;
    case_make(&c);
    assert_paid(&c);
    c.t.network = BOLT11_BITCOIN;
    assert_refused(&c, "it is for regtest, we pay on bitcoin");
    c.t.network = BOLT11_REGTEST;
    c.t.amount_msat = 12344999;
    assert_refused(&c, "it asks for 12345000 msat, 12344999 msat were agreed");
    c.t.amount_msat = 12345001;
    assert_refused(&c, "it asks for 12345000 msat, 12345001 msat were agreed");
    c.t.amount_msat = 12345000;
    c.v.i.has_amount = false;
    assert_refused(&c, "it leaves the amount open, 12345000 msat were asked for");
    invoice_clear(&c.v);
}

static void test_only_what_commits_to_the_metadata_is_paid(void **state)
{
    (void)state;
    struct case_of_paying c;
    case_make(&c);
    c.t.metadata.len--;
    assert_refused(&c, "it commits to other metadata than was answered (field h, LUD-06)");
    c.t.takes_any_description = true;
    assert_paid(&c);
    c.v.i.has_description_hash = false;
    assert_paid(&c);
    c.t.takes_any_description = false;
    assert_refused(&c, "it does not commit to the metadata (no field h, LUD-06)");
    invoice_clear(&c.v);
}

static void test_only_what_lasts_long_enough_is_paid(void **state)
{
    (void)state;
    struct case_of_paying c;
    case_make(&c);
    c.t.now_s = 1700000570;
    assert_paid(&c);
    c.t.now_s = 1700000571;
    assert_refused(&c, "29 seconds are left until it expires, 30 are needed");
    c.t.now_s = 1800000000;
    assert_refused(&c, "0 seconds are left until it expires, 30 are needed");
    c.v.i.expiry_s = UINT64_MAX;
    assert_paid(&c);
    c.v.i.cltv = BOLT11_CLTV_MAX;
    assert_paid(&c);
    c.v.i.cltv = BOLT11_CLTV_MAX + 1;
    assert_refused(&c, "it would lock the money for 2017 blocks, at most 2016 are allowed");
    invoice_clear(&c.v);
}

static void test_only_the_right_payee_is_paid(void **state)
{
    (void)state;
    struct case_of_paying c;
    case_make(&c);
    c.t.expected_payee = c.payee;
    assert_paid(&c);
    c.t.own_node = c.payee;
    assert_refused(&c, "it would pay our own node");
    c.t.own_node = NULL;
    c.payee[32] ^= 1;
    assert_refused(&c, "it is signed by another node than this destination's");
    c.t.expected_payee = NULL;
    c.t.own_node = c.payee;
    assert_paid(&c);
    invoice_clear(&c.v);
}

static void test_fields_that_come_twice_are_not_paid(void **state)
{
    (void)state;
    static const uint8_t TYPES[] = {1, 16, 23, 19};
    static const char *const TEXTS[] = {
        "it has 2 fields of payment hash (p): nodes disagree which one counts",
        "it has 2 fields of payment secret (s): nodes disagree which one counts",
        "it has 2 fields of description hash (h): nodes disagree which one counts",
        "it has 2 fields of payee (n): nodes disagree which one counts",
    };
    for (size_t k = 0; k < 2; k++) {
        struct case_of_paying c;
        struct buf more = {0};
        case_make(&c);
        invoice_clear(&c.v);
        put_field(&more, TYPES[k], (struct bytes){(const uint8_t[52]){1}, 52});
        by_hand(&c.v, "lnbcrt123450n", &more);
        assert_int_equal(c.v.code, METE_OK);
        assert_int_equal(c.v.i.payment_hash.b[0] | c.v.i.payment_secret[0], 0); /* the first */
        assert_refused(&c, TEXTS[k]);
        buf_clear(&more);
        invoice_clear(&c.v);
    }
    struct case_of_paying c;
    case_make(&c);
    c.v.i.description_hash_count = 2;
    assert_refused(&c, TEXTS[2]);
    c.v.i.description_hash_count = 1;
    c.v.i.payee_count = 2;
    assert_refused(&c, TEXTS[3]);
    invoice_clear(&c.v);
}

/* Round trips */

static void random_bytes_of(struct rng *rng, uint8_t *out, size_t len)
{
    for (size_t k = 0; k < len; k++) {
        out[k] = (uint8_t)rng_next(rng);
    }
}

static void random_invoice(struct rng *rng, struct bolt11 *i, char *text, uint8_t *features)
{
    memset(i, 0, sizeof *i);
    i->network = (enum bolt11_network)rng_below(rng, 4);
    i->has_amount = rng_below(rng, 4) != 0;
    i->amount_msat = i->has_amount ? (rng_next(rng) >> rng_below(rng, 64)) | 1 : 0;
    i->has_description = rng_below(rng, 2) != 0;
    i->has_description_hash = !i->has_description;
    i->has_metadata = rng_below(rng, 2) != 0;
    i->has_payee = rng_below(rng, 2) != 0;
    i->timestamp_s = (int64_t)(rng_next(rng) >> 29);
    i->expiry_s = rng_next(rng) >> rng_below(rng, 64);
    i->cltv = rng_next(rng) >> rng_below(rng, 64);
    random_bytes_of(rng, i->payment_hash.b, SHA256_LEN);
    random_bytes_of(rng, i->payment_secret, BOLT11_SECRET_LEN);
    random_bytes_of(rng, i->description_hash.b, SHA256_LEN);
    memset(text, 'a' + (int)rng_below(rng, 26), BOLT11_FIELD_BYTES_MAX);
    i->description = (struct text){text, rng_below(rng, BOLT11_FIELD_BYTES_MAX + 1)};
    i->metadata = (struct bytes){(const uint8_t *)text, rng_below(rng, BOLT11_FIELD_BYTES_MAX + 1)};
    static const uint8_t MPP[] = {2, 16, 8, 0};
    memcpy(features, MPP, sizeof MPP);
    i->features = (struct bytes){features, rng_below(rng, 2) != 0 ? sizeof MPP : 0};
}

static void assert_same(const struct bolt11 *a, const struct bolt11 *b)
{
    assert_true(is_same_money(a, b));
    assert_int_equal(a->has_description, b->has_description);
    assert_int_equal(a->has_metadata, b->has_metadata);
    assert_int_equal(a->has_payee, b->has_payee);
    assert_true(a->timestamp_s == b->timestamp_s && a->expiry_s == b->expiry_s);
    assert_true(a->cltv == b->cltv);
    assert_memory_equal(a->payment_secret, b->payment_secret, BOLT11_SECRET_LEN);
    assert_true(!a->has_description || text_eq(a->description, b->description));
    assert_true(a->has_description || hash_eq(&a->description_hash, &b->description_hash));
    assert_true(!a->has_metadata || bytes_cmp(a->metadata, b->metadata) == 0);
    assert_int_equal(bytes_cmp(a->features, b->features), 0);
}

static void test_random_invoices_come_back(void **state)
{
    (void)state;
    const uint64_t seed = 11;
    struct rng rng;
    rng_seed(&rng, seed);
    print_message("# seed %llu, 1000 invoices\n", (unsigned long long)seed);
    for (int round = 0; round < 1000; round++) {
        struct bolt11 i;
        struct invoice v;
        char text[BOLT11_FIELD_BYTES_MAX];
        uint8_t features[4], secret[SECP_SECRET_LEN], payee[SECP_COMPRESSED_LEN];
        struct buf out = {0};
        random_invoice(&rng, &i, text, features);
        random_bytes_of(&rng, secret, sizeof secret);
        assert_true(bolt11_write(&out, &i, secret) && secp_public_compressed(payee, secret));
        invoice_read(&v, buf_text(&out));
        assert_string_equal(v.err.text, "");
        assert_same(&i, &v.i);
        assert_memory_equal(v.i.payee, payee, sizeof payee);
        invoice_clear(&v);
        buf_clear(&out);
    }
}

static void test_no_private_key_writes_no_invoice(void **state)
{
    (void)state;
    struct buf out = {0};
    uint8_t secret[SECP_SECRET_LEN] = {0};
    struct bolt11 i = {.has_description = true};
    assert_false(bolt11_write(&out, &i, secret));
    assert_int_equal(out.len, 0);
}

static void test_networks_have_names(void **state)
{
    (void)state;
    enum bolt11_network n;
    for (int k = BOLT11_BITCOIN; k <= BOLT11_REGTEST; k++) {
        assert_true(bolt11_network_of(text_of(bolt11_network_name((enum bolt11_network)k)), &n));
        assert_int_equal(n, k);
    }
    assert_false(bolt11_network_of(TEXT("mainnet"), &n));
    assert_false(bolt11_network_of(TEXT(""), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_the_valid_examples),
        cmocka_unit_test(test_the_invalid_examples_are_refused_for_their_reason),
        cmocka_unit_test(test_writing_gives_the_examples_again),
        cmocka_unit_test(test_no_changed_character_is_accepted),
        cmocka_unit_test(test_a_repaired_checksum_gives_another_payee_or_none),
        cmocka_unit_test(test_a_named_payee_covers_all_but_the_recovery_id),
        cmocka_unit_test(test_amounts_are_exact),
        cmocka_unit_test(test_each_rule_of_a_reader),
        cmocka_unit_test(test_fields_that_are_cut_or_too_large),
        cmocka_unit_test(test_a_payee_who_did_not_sign_is_refused),
        cmocka_unit_test(test_only_the_agreed_amount_on_the_own_network_is_paid),
        cmocka_unit_test(test_only_what_commits_to_the_metadata_is_paid),
        cmocka_unit_test(test_only_what_lasts_long_enough_is_paid),
        cmocka_unit_test(test_only_the_right_payee_is_paid),
        cmocka_unit_test(test_fields_that_come_twice_are_not_paid),
        cmocka_unit_test(test_random_invoices_come_back),
        cmocka_unit_test(test_no_private_key_writes_no_invoice),
        cmocka_unit_test(test_networks_have_names),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
