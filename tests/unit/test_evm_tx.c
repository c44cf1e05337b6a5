/* SPDX-License-Identifier: Apache-2.0
 * Transactions of EVM chains: vectors of viem, written, signed, read and written again byte by
 * byte; random ones; every byte changed; what is refused and where. */
#include "evm_case.h"

#include "wire/evm/rlp.h"
#include "wire/evm/tx.h"

static uint64_t count_of(const struct json *j, const char *key)
{
    uint64_t v = 0;
    assert_true(u256_to_u64(decimal(member(j, key)), &v));
    return v;
}

static struct u256 wei_of(const struct json *j, const char *key)
{
    return json_get(j, key) == NULL ? u256_of(0) : decimal(member(j, key));
}

static void read_access(struct arena *a, const struct json *list, struct evm_tx *tx)
{
    tx->access_count = list == NULL ? 0 : list->count;
    struct evm_access *access = arena_array(a, tx->access_count, sizeof *access);
    size_t i = 0;
    for (const struct json *j = list == NULL ? NULL : list->child; j != NULL; j = j->next, i++) {
        const struct json *keys = json_get(j, "storageKeys");
        struct hash *slots = arena_array(a, keys->count, sizeof *slots);
        access[i].address = hex_address(member(j, "address"));
        access[i].slots = slots;
        for (const struct json *k = keys->child; k != NULL; k = k->next)
            slots[access[i].slot_count++] = hex_hash(k->text);
    }
    tx->access = access;
}

static void read_delegations(struct arena *a, const struct json *list, struct evm_tx *tx)
{
    tx->delegation_count = list == NULL ? 0 : list->count;
    struct evm_delegation *d = arena_array(a, tx->delegation_count, sizeof *d);
    size_t i = 0;
    for (const struct json *j = list == NULL ? NULL : list->child; j != NULL; j = j->next, i++) {
        struct hash r = hex_hash(member(j, "r")), s = hex_hash(member(j, "s"));
        struct evm_address signer, want = hex_address(member(j, "signer"));
        int64_t parity = 0;
        d[i].chain_id = decimal(member(j, "chainId"));
        d[i].address = hex_address(member(j, "address"));
        d[i].nonce = count_of(j, "nonce");
        assert_hashes(evm_delegation_hash(&d[i]), hex_hash(member(j, "hash")), "delegation");
        assert_true(json_int(json_get(j, "yParity"), 0, 1, &parity));
        assert_int_equal(evm_signature_join(u256_from_be(r.b), u256_from_be(s.b), (uint8_t)parity,
                                            &d[i].signature, NULL),
                         METE_OK);
        assert_int_equal(evm_delegation_signer(&d[i], &signer, NULL), METE_OK);
        assert_true(evm_address_eq(&signer, &want));
    }
    tx->delegations = d;
}

static struct evm_tx read_fields(struct arena *a, const struct json *f)
{
    struct evm_tx tx = {.type = EVM_TX_FEE_MARKET};
    const struct json *type = json_get(f, "type"), *to = json_get(f, "to");
    if (type != NULL && text_is(type->text, "legacy"))
        tx.type = EVM_TX_LEGACY;
    if (type != NULL && text_is(type->text, "eip7702"))
        tx.type = EVM_TX_SET_CODE;
    tx.chain_id = count_of(f, "chainId");
    tx.nonce = count_of(f, "nonce");
    tx.tip_max = wei_of(f, "maxPriorityFeePerGas");
    tx.fee_max = wei_of(f, tx.type == EVM_TX_LEGACY ? "gasPrice" : "maxFeePerGas");
    tx.gas = count_of(f, "gas");
    tx.is_create = to->type == JSON_NULL;
    if (!tx.is_create)
        tx.to = hex_address(to->text);
    tx.value = wei_of(f, "value");
    tx.data = hex_bytes(a, member(f, "data"));
    read_access(a, json_get(f, "accessList"), &tx);
    read_delegations(a, json_get(f, "authorizationList"), &tx);
    return tx;
}

/* Reads `raw`, which is expected to be a transaction, and writes it again. */
static struct evm_tx decoded(struct arena *a, struct bytes raw)
{
    struct evm_tx tx;
    struct mete_err err = {0};
    if (evm_tx_decode(a, raw, &tx, &err) != METE_OK)
        fail_msg("%s: %s", err.pointer, err.text);
    struct buf again = {0};
    evm_tx_put(&tx, &again);
    assert_bytes(buf_bytes(&again), raw, "read and written again");
    buf_clear(&again);
    return tx;
}

static void check_vector(struct arena *a, const struct json *v)
{
    struct evm_tx tx = read_fields(a, json_get(v, "fields")), back;
    struct evm_address from = hex_address(member(v, "from")), signer;
    struct bytes raw = hex_bytes(a, member(v, "raw"));
    struct buf b = {0};
    evm_tx_put_unsigned(&tx, &b);
    assert_bytes(buf_bytes(&b), hex_bytes(a, member(v, "unsigned")), "unsigned");
    assert_hashes(evm_tx_signing_hash(&tx), hex_hash(member(v, "signing_hash")), "signing hash");
    assert_true(evm_tx_sign(&tx, hex_bytes(a, member(v, "private_key")).p));
    buf_reset(&b);
    evm_tx_put(&tx, &b);
    assert_bytes(buf_bytes(&b), raw, "signed");
    assert_hashes(evm_tx_id(raw), hex_hash(member(v, "hash")), "id");
    back = decoded(a, raw);
    assert_int_equal(back.type, tx.type);
    assert_true(back.chain_id == tx.chain_id && back.nonce == tx.nonce && back.gas == tx.gas);
    assert_true(u256_eq(back.value, tx.value) && u256_eq(back.fee_max, tx.fee_max));
    assert_int_equal(evm_tx_sender(&back, &signer, NULL), METE_OK);
    assert_true(evm_address_eq(&signer, &from));
    buf_clear(&b);
}

static void check_file(const char *file, size_t want)
{
    struct vectors v;
    struct arena a;
    size_t count = 0;
    arena_init(&a, 1 << 22);
    const struct json *root = vectors_read(&v, "evm", file);
    const struct json *j = json_get(root, "transactions")->child;
    for (; j != NULL; j = j->next, count++)
        check_vector(&a, j);
    assert_int_equal(count, want);
    arena_clear(&a);
    vectors_clear(&v);
}

static void test_published_fee_market_vectors(void **state)
{
    (void)state;
    check_file("eip1559.json", 10);
}

static void test_vectors_of_three_types(void **state)
{
    (void)state;
    check_file("transactions.json", 90);
}

/* Random transactions. */

static struct evm_address random_address(struct rng *r)
{
    struct evm_address a;
    random_fill(r, a.b, sizeof a.b);
    return a;
}

static void random_access(struct rng *r, struct arena *a, struct evm_tx *tx)
{
    tx->access_count = rng_below(r, 4);
    struct evm_access *access = arena_array(a, tx->access_count, sizeof *access);
    for (size_t i = 0; i < tx->access_count; i++) {
        access[i].address = random_address(r);
        access[i].slot_count = rng_below(r, 4);
        struct hash *slots = arena_array(a, access[i].slot_count, sizeof *slots);
        for (size_t k = 0; k < access[i].slot_count; k++)
            random_fill(r, slots[k].b, 32);
        access[i].slots = slots;
    }
    tx->access = access;
}

static void random_delegations(struct rng *r, struct arena *a, struct evm_tx *tx)
{
    tx->delegation_count = 1 + rng_below(r, 3);
    struct evm_delegation *d = arena_array(a, tx->delegation_count, sizeof *d);
    for (size_t i = 0; i < tx->delegation_count; i++) {
        uint8_t secret[32];
        random_secret(r, secret);
        d[i].chain_id = random_u256(r);
        d[i].address = random_address(r);
        d[i].nonce = rng_next(r) >> rng_below(r, 64) >> 1;
        assert_true(evm_delegation_sign(&d[i], secret));
    }
    tx->delegations = d;
}

static struct evm_tx random_tx(struct rng *r, struct arena *a)
{
    static const enum evm_tx_type TYPES[] = {EVM_TX_LEGACY, EVM_TX_FEE_MARKET, EVM_TX_SET_CODE};
    struct evm_tx tx = {.type = TYPES[rng_below(r, 3)]};
    tx.chain_id = 1 + (rng_next(r) >> rng_below(r, 63)) % EVM_CHAIN_ID_MAX;
    tx.nonce = rng_next(r) >> rng_below(r, 64) >> 1;
    tx.gas = rng_next(r) >> rng_below(r, 64);
    tx.fee_max = random_u256(r);
    tx.value = random_u256(r);
    tx.is_create = tx.type != EVM_TX_SET_CODE && rng_below(r, 5) == 0;
    if (!tx.is_create)
        tx.to = random_address(r);
    size_t len = rng_below(r, rng_below(r, 2) == 0 ? 3 : 700);
    uint8_t *data = arena_alloc(a, len);
    random_fill(r, data, len);
    tx.data = (struct bytes){data, len};
    if (tx.type != EVM_TX_LEGACY) {
        tx.tip_max = random_u256(r);
        random_access(r, a, &tx);
    }
    if (tx.type == EVM_TX_SET_CODE)
        random_delegations(r, a, &tx);
    return tx;
}

/* Signed by us, sent, read: the same bytes and the same sender. A changed byte is refused, or it is
 * another transaction in its one form, with another id and, but by the miracle of a collision, of
 * another sender. */
static void test_random_transactions(void **state)
{
    (void)state;
    struct rng r;
    struct arena a;
    struct buf raw = {0}, again = {0};
    size_t read = 0, refused = 0, short_r = 0;
    chance(&r, "transactions");
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < 1500; i++) {
        uint8_t secret[32];
        struct evm_address own, signer;
        random_secret(&r, secret);
        struct evm_tx tx = random_tx(&r, &a), back;
        assert_true(evm_tx_sign(&tx, secret) && evm_address_of_secret(secret, &own));
        buf_reset(&raw);
        evm_tx_put(&tx, &raw);
        back = decoded(&a, buf_bytes(&raw));
        assert_int_equal(evm_tx_sender(&back, &signer, NULL), METE_OK);
        assert_true(evm_address_eq(&signer, &own));
        short_r += u256_size(evm_signature_r(&tx.signature)) < 32 ||
                   u256_size(evm_signature_s(&tx.signature)) < 32;
        size_t at = rng_below(&r, raw.len);
        raw.p[at] = (uint8_t)(raw.p[at] ^ (1u << rng_below(&r, 8)));
        if (evm_tx_decode(&a, buf_bytes(&raw), &back, NULL) == METE_OK) {
            buf_reset(&again);
            evm_tx_put(&back, &again);
            assert_bytes(buf_bytes(&again), buf_bytes(&raw), "changed");
            assert_true(evm_tx_sender(&back, &signer, NULL) != METE_OK ||
                        !evm_address_eq(&signer, &own));
            read++;
        } else {
            refused++;
        }
        struct mete_err err = {0};
        size_t cut = rng_below(&r, raw.len);
        assert_int_equal(evm_tx_decode(&a, (struct bytes){raw.p, cut}, &back, &err),
                         METE_CHAIN_ENCODING);
        arena_reset(&a);
    }
    print_message("# 1500 transactions, senders recovered; %zu with a short r or s; "
                  "a bit changed: %zu read, %zu refused; 1500 cuts refused\n",
                  short_r, read, refused);
    assert_true(short_r > 0 && read > 0 && refused > 0);
    buf_clear(&raw), buf_clear(&again);
    arena_clear(&a);
}

/* What the memory of a reader is bounded by, for the densest lists that can be written. */
static void test_memory_is_in_proportion(void **state)
{
    (void)state;
    struct evm_access access[400] = {0};
    struct evm_delegation delegations[400] = {0};
    uint8_t secret[32] = {1};
    for (size_t i = 0; i < ARRAY_LEN(delegations); i++) {
        assert_int_equal(
            evm_signature_join(u256_of(1), u256_of(1), 0, &delegations[i].signature, NULL),
            METE_OK);
    }
    struct evm_tx tx = {.type = EVM_TX_SET_CODE,
                        .chain_id = 1,
                        .access = access,
                        .access_count = ARRAY_LEN(access),
                        .delegations = delegations,
                        .delegation_count = ARRAY_LEN(delegations)};
    assert_true(evm_tx_sign(&tx, secret));
    struct buf raw = {0};
    struct arena a;
    evm_tx_put(&tx, &raw);
    arena_init(&a, EVM_TX_ARENA_MAX(raw.len)); /* stops the program when it is passed */
    (void)decoded(&a, buf_bytes(&raw));
    assert_int_equal(a.size, 400 * (sizeof(struct evm_access) + sizeof(struct evm_delegation)));
    arena_clear(&a);
    buf_clear(&raw);
}

/* Lists of many small items that promise many large ones take nothing. */
static void test_false_promises_take_no_memory(void **state)
{
    (void)state;
    static const uint8_t TO_NOBODY[20] = {1};
    for (unsigned kind = 0; kind < 3; kind++) {
        struct buf raw = {0};
        struct arena a;
        struct evm_tx tx;
        struct mete_err err = {0};
        buf_put_u8(&raw, kind == 2 ? 4 : 2);
        size_t list = rlp_list_begin(&raw);
        rlp_put_u64(&raw, 1);
        for (unsigned i = 0; i < 4; i++)
            rlp_put_u64(&raw, 0);
        rlp_put_bytes(&raw, (struct bytes){TO_NOBODY, sizeof TO_NOBODY});
        rlp_put_u64(&raw, 0);
        rlp_put_u64(&raw, 0);
        size_t access = rlp_list_begin(&raw), entry = raw.len, slots = raw.len;
        if (kind == 2)
            rlp_list_end(&raw, access), access = rlp_list_begin(&raw);
        if (kind == 1) {
            rlp_put_bytes(&raw, (struct bytes){TO_NOBODY, sizeof TO_NOBODY});
            slots = rlp_list_begin(&raw);
        }
        for (unsigned i = 0; i < 50000; i++)
            rlp_put_u64(&raw, 0);
        if (kind == 1)
            rlp_list_end(&raw, slots), rlp_list_end(&raw, entry);
        rlp_list_end(&raw, access);
        rlp_list_end(&raw, list);
        arena_init(&a, 1000); /* stops the program when it is passed */
        assert_int_equal(evm_tx_decode(&a, buf_bytes(&raw), &tx, &err), METE_CHAIN_ENCODING);
        assert_string_equal(err.pointer, kind == 2 ? "/authorizationList" : "/accessList");
        arena_clear(&a);
        buf_clear(&raw);
    }
}

/* What is refused. */

struct refusal {
    const char *what;
    const char *pointer;
    enum mete_code code;
    const char *fields[14]; /* items as hexadecimal RLP, NULL-terminated */
};

#define TO       "0x940101010101010101010101010101010101010101"
#define HALF     "0xa07fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
#define OVERHALF "0xa07fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"
#define REST     "0x80", "0x80", "0xc0", "0x80", "0x01", "0x01"
#define ENCODING METE_CHAIN_ENCODING

static enum mete_code decode_fields(const char *const *fields, int type, struct arena *a,
                                    struct mete_err *err)
{
    struct buf b = {0};
    struct evm_tx tx;
    if (type != 0)
        buf_put_u8(&b, (uint8_t)type);
    size_t list = rlp_list_begin(&b);
    for (; *fields != NULL; fields++) {
        struct bytes item = hex_bytes(a, text_of(*fields));
        buf_put(&b, item.p, item.len);
    }
    rlp_list_end(&b, list);
    enum mete_code code = evm_tx_decode(a, buf_bytes(&b), &tx, err);
    buf_clear(&b);
    return code;
}

static void check_refusals(const struct refusal *rows, size_t count, int type)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        struct mete_err err = {0};
        enum mete_code code = decode_fields(rows[i].fields, type, &a, &err);
        if (code != rows[i].code || strcmp(err.pointer, rows[i].pointer) != 0)
            fail_msg("%s: %s at '%s': %s", rows[i].what, mete_code_name(code), err.pointer,
                     err.text);
    }
    arena_clear(&a);
}

static void test_fee_market_refusals(void **state)
{
    (void)state;
    static const struct refusal ROWS[] = {
        {"good", "", METE_OK, {"0x01", "0x80", "0x80", "0x80", "0x80", TO, REST}},
        {"s at half",
         "",
         METE_OK,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0", "0x80", "0x01",
          HALF}},
        {"s above half",
         "/yParity",
         METE_CHAIN_SIGNATURE,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0", "0x80", "0x01",
          OVERHALF}},
        {"no chain", "/chainId", ENCODING, {"0x80", "0x80", "0x80", "0x80", "0x80", TO, REST}},
        {"chain with a zero before it",
         "/chainId",
         ENCODING,
         {"0x820001", "0x80", "0x80", "0x80", "0x80", TO, REST}},
        {"chain too large",
         "/chainId",
         ENCODING,
         {"0x88ffffffffffffffff", "0x80", "0x80", "0x80", "0x80", TO, REST}},
        {"nonce is a list", "/nonce", ENCODING, {"0x01", "0xc0", "0x80", "0x80", "0x80", TO, REST}},
        {"last nonce",
         "/nonce",
         ENCODING,
         {"0x01", "0x88ffffffffffffffff", "0x80", "0x80", "0x80", TO, REST}},
        {"tip of 33 bytes",
         "/maxPriorityFeePerGas",
         ENCODING,
         {"0x01", "0x80", "0xa1010000000000000000000000000000000000000000000000000000000000000000",
          "0x80", "0x80", TO, REST}},
        {"fee with zeros",
         "/maxFeePerGas",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x00", "0x80", TO, REST}},
        {"gas past 64 bits",
         "/gas",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x89010000000000000000", TO, REST}},
        {"address of 19 bytes",
         "/to",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", "0x9301010101010101010101010101010101010101",
          REST}},
        {"value is a list",
         "/value",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0xc0", "0x80", "0xc0", "0x80", "0x01",
          "0x01"}},
        {"data is a list",
         "/input",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0xc0", "0xc0", "0x80", "0x01",
          "0x01"}},
        {"access is a string",
         "/accessList",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0x80", "0x80", "0x01",
          "0x01"}},
        {"access of an empty entry",
         "/accessList",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc1c0", "0x80", "0x01",
          "0x01"}},
        {"access with a slot of 1 byte",
         "/accessList",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80",
          "0xd8d7940101010101010101010101010101010101010101c101", "0x80", "0x01", "0x01"}},
        {"access with more in an entry",
         "/accessList",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80",
          "0xd8d7940101010101010101010101010101010101010101c080", "0x80", "0x01", "0x01"}},
        {"parity of 2",
         "/yParity",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0", "0x02", "0x01",
          "0x01"}},
        {"r of zero",
         "/yParity",
         METE_CHAIN_SIGNATURE,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0", "0x80", "0x80",
          "0x01"}},
        {"s with zeros",
         "/s",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0", "0x80", "0x01",
          "0x820001"}},
        {"no signature",
         "/yParity",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0"}},
        {"one field more",
         "",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", "0x80", TO, REST, "0x80"}},
    };
    check_refusals(ROWS, ARRAY_LEN(ROWS), 2);
}

static void test_set_code_refusals(void **state)
{
    (void)state;
#define HEAD "0x01", "0x80", "0x80", "0x80", "0x80"
    static const struct refusal ROWS[] = {
        {"good",
         "",
         METE_OK,
         {HEAD, TO, "0x80", "0x80", "0xc0",
          "0xdbda80940101010101010101010101010101010101010101"
          "80800101",
          "0x80", "0x01", "0x01"}},
        {"no delegation",
         "/authorizationList",
         ENCODING,
         {HEAD, TO, "0x80", "0x80", "0xc0", "0xc0", "0x80", "0x01", "0x01"}},
        {"creates",
         "/to",
         ENCODING,
         {HEAD, "0x80", "0x80", "0x80", "0xc0",
          "0xdbda80940101010101010101010101010101010101010101"
          "80800101",
          "0x80", "0x01", "0x01"}},
        {"delegation by nobody",
         "/authorizationList",
         METE_CHAIN_SIGNATURE,
         {HEAD, TO, "0x80", "0x80", "0xc0",
          "0xdbda80940101010101010101010101010101010101010101"
          "80808001",
          "0x80", "0x01", "0x01"}},
        {"parity of a delegation",
         "/authorizationList",
         ENCODING,
         {HEAD, TO, "0x80", "0x80", "0xc0",
          "0xdbda80940101010101010101010101010101010101010101"
          "80020101",
          "0x80", "0x01", "0x01"}},
        {"delegations of nothing",
         "/authorizationList",
         ENCODING,
         {HEAD, TO, "0x80", "0x80", "0xc0", "0xc3c0c0c0", "0x80", "0x01", "0x01"}},
    };
    check_refusals(ROWS, ARRAY_LEN(ROWS), 4);
}

static void test_legacy_refusals(void **state)
{
    (void)state;
    static const struct refusal ROWS[] = {
        {"good", "", METE_OK, {"0x80", "0x80", "0x80", TO, "0x80", "0x80", "0x25", "0x01", "0x01"}},
        {"no chain id",
         "/v",
         ENCODING,
         {"0x80", "0x80", "0x80", TO, "0x80", "0x80", "0x1b", "0x01", "0x01"}},
        {"chain id 0",
         "/v",
         ENCODING,
         {"0x80", "0x80", "0x80", TO, "0x80", "0x80", "0x24", "0x01", "0x01"}},
        {"v past 64 bits",
         "/v",
         ENCODING,
         {"0x80", "0x80", "0x80", TO, "0x80", "0x80", "0x89010000000000000000", "0x01", "0x01"}},
        {"unsigned", "/r", ENCODING, {"0x80", "0x80", "0x80", TO, "0x80", "0x80", "0x25"}},
    };
    check_refusals(ROWS, ARRAY_LEN(ROWS), 0);
    static const struct refusal OTHER[] = {
        {"type 1",
         "",
         ENCODING,
         {"0x01", "0x80", "0x80", "0x80", TO, "0x80", "0x80", "0xc0", "0x80", "0x01", "0x01"}},
    };
    check_refusals(OTHER, 1, 1);
}

static void test_largest(void **state)
{
    (void)state;
    struct arena a;
    struct evm_tx tx = {.type = EVM_TX_LEGACY, .chain_id = EVM_CHAIN_ID_MAX};
    uint8_t secret[32] = {7};
    uint8_t *data = calloc(EVM_TX_SIZE_MAX, 1);
    struct buf raw = {0};
    struct mete_err err = {0};
    assert_non_null(data);
    arena_init(&a, 1 << 20);
    tx.data = (struct bytes){data, EVM_TX_SIZE_MAX - 200};
    assert_true(evm_tx_sign(&tx, secret));
    evm_tx_put(&tx, &raw);
    assert_true(decoded(&a, buf_bytes(&raw)).chain_id == EVM_CHAIN_ID_MAX);
    tx.data.len = EVM_TX_SIZE_MAX;
    buf_reset(&raw);
    evm_tx_put(&tx, &raw);
    assert_int_equal(evm_tx_decode(&a, buf_bytes(&raw), &tx, &err), METE_CHAIN_ENCODING);
    assert_non_null(strstr(err.text, "at most"));
    memset(secret, 0, sizeof secret);
    assert_false(evm_tx_sign(&tx, secret));
    assert_false(tx.is_signed);
    buf_clear(&raw);
    free(data);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_fee_market_vectors),
        cmocka_unit_test(test_vectors_of_three_types),
        cmocka_unit_test(test_random_transactions),
        cmocka_unit_test(test_memory_is_in_proportion),
        cmocka_unit_test(test_false_promises_take_no_memory),
        cmocka_unit_test(test_fee_market_refusals),
        cmocka_unit_test(test_set_code_refusals),
        cmocka_unit_test(test_legacy_refusals),
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests_name("evm_tx", tests, NULL, NULL);
}
