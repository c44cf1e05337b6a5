/* SPDX-License-Identifier: Apache-2.0
 * Typed data (EIP-712) and texts (EIP-191): every vector by the general encoder from its list of
 * fields, those of tokens and Permit2 by their own functions too; the payloads of x402. */
#include "evm_case.h"

#include "crypto/keccak.h"
#include "wire/evm/permits.h"

static void assert_hash_hex(struct hash h, const char *hex)
{
    char actual[65];
    hash_hex(&h, actual);
    assert_string_equal(actual, hex);
}

static void test_type_hashes(void **state)
{
    (void)state;
    static const struct {
        const struct evm_struct *s;
        const char *hash;
    } ROWS[] = {
        {&EVM_TRANSFER_WITH_AUTHORIZATION,
         "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267"},
        {&EVM_RECEIVE_WITH_AUTHORIZATION,
         "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8"},
        {&EVM_CANCEL_AUTHORIZATION,
         "158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429"},
        {&EVM_PERMIT, "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9"},
        {&EVM_PERMIT2_EXACT, "ebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7"},
        {&EVM_PERMIT2_UPTO, "51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee"},
    };
    struct buf type = {0};
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        assert_hash_hex(evm_struct_type_hash(ROWS[i].s), ROWS[i].hash);
        buf_reset(&type); /* what is kept is what its text gives */
        evm_struct_put_type(ROWS[i].s, &type);
        assert_hash_hex(keccak256(buf_bytes(&type)), ROWS[i].hash);
    }
    buf_reset(&type);
    evm_struct_put_type(&EVM_PERMIT2_UPTO, &type);
    assert_text(buf_text(&type),
                "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 "
                "nonce,uint256 deadline,Witness witness)TokenPermissions(address token,uint256 "
                "amount)Witness(address to,address facilitator,uint256 validAfter)");
    buf_clear(&type);
}

static void test_known_domains(void **state)
{
    (void)state;
    struct evm_domain base = {
        .name = TEXT("USD Coin"),
        .version = TEXT("2"),
        .chain_id = u256_of(8453),
        .contract = hex_address(TEXT("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")),
    };
    assert_hash_hex(evm_domain_separator(&base),
                    "02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f");
    struct evm_domain sepolia = {
        .name = TEXT("USDC"),
        .version = TEXT("2"),
        .chain_id = u256_of(84532),
        .contract = hex_address(TEXT("0x036CbD53842c5426634e7929541eC2318f3dCF7e")),
    };
    assert_hash_hex(evm_domain_separator(&sepolia),
                    "71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818");
}

/* A structure from "types" of a vector, and its values. */

static const struct evm_struct *struct_of(struct arena *a, const struct json *types,
                                          struct text name);

static enum evm_kind kind_of(const struct json *types, struct text type)
{
    if (json_get_text(types, type) != NULL)
        return EVM_KIND_STRUCT;
    if (text_starts(type, "uint"))
        return EVM_KIND_UINT;
    return text_is(type, "address")   ? EVM_KIND_ADDRESS
           : text_is(type, "bool")    ? EVM_KIND_BOOL
           : text_is(type, "bytes32") ? EVM_KIND_BYTES32
           : text_is(type, "bytes")   ? EVM_KIND_BYTES
                                      : EVM_KIND_STRING;
}

/* The same name gives the same object: what it refers to is written once. */
static struct {
    const struct json *types;
    struct text name;
    struct evm_struct s;
} known[16];
static size_t known_count;

static const struct evm_struct *struct_of(struct arena *a, const struct json *types,
                                          struct text name)
{
    for (size_t i = 0; i < known_count; i++)
        if (known[i].types == types && text_eq(known[i].name, name))
            return &known[i].s;
    const struct json *fields = json_get_text(types, name);
    struct evm_field *f = arena_array(a, fields->count, sizeof *f);
    size_t i = 0;
    for (const struct json *j = fields->child; j != NULL; j = j->next, i++) {
        struct text type = member(j, "type");
        f[i].is_array = type.len > 2 && type.p[type.len - 1] == ']';
        type.len -= f[i].is_array ? 2 : 0;
        f[i].type = arena_text(a, type).p;
        f[i].name = arena_text(a, member(j, "name")).p;
        f[i].kind = kind_of(types, type);
        f[i].of = f[i].kind == EVM_KIND_STRUCT ? struct_of(a, types, type) : NULL;
    }
    assert_true(known_count < ARRAY_LEN(known));
    known[known_count].types = types;
    known[known_count].name = name;
    known[known_count].s = (struct evm_struct){arena_text(a, name).p, f, fields->count, NULL};
    return &known[known_count++].s;
}

static struct evm_value *values_of(struct arena *a, const struct evm_struct *s,
                                   const struct json *message);

static struct evm_value value_of(struct arena *a, const struct evm_field *f, const struct json *j)
{
    if (f->is_array) {
        struct evm_field element = *f;
        struct evm_value *items = arena_array(a, j->count, sizeof *items);
        size_t i = 0;
        element.is_array = false;
        for (const struct json *e = j->child; e != NULL; e = e->next)
            items[i++] = value_of(a, &element, e);
        return (struct evm_value){.items = items, .item_count = i};
    }
    switch (f->kind) {
    case EVM_KIND_ADDRESS:
        return (struct evm_value){.address = hex_address(j->text)};
    case EVM_KIND_UINT:
        return (struct evm_value){.number = decimal(j->text)};
    case EVM_KIND_BOOL:
        return (struct evm_value){.flag = json_is_true(j)};
    case EVM_KIND_BYTES32:
        return (struct evm_value){.word = hex_hash(j->text)};
    case EVM_KIND_BYTES:
        return (struct evm_value){.bytes = hex_bytes(a, j->text)};
    case EVM_KIND_STRUCT:
        return (struct evm_value){.items = values_of(a, f->of, j)};
    case EVM_KIND_STRING:
        break;
    }
    return (struct evm_value){.bytes = text_bytes(j->text)};
}

static struct evm_value *values_of(struct arena *a, const struct evm_struct *s,
                                   const struct json *message)
{
    struct evm_value *values = arena_array(a, s->field_count, sizeof *values);
    for (size_t i = 0; i < s->field_count; i++)
        values[i] = value_of(a, &s->fields[i], json_get(message, s->fields[i].name));
    return values;
}

/* The functions for what is signed often. */

static struct evm_authorization authorization_of(const struct json *m)
{
    return (struct evm_authorization){
        .from = hex_address(member(m, "from")),
        .to = hex_address(member(m, "to")),
        .value = decimal(member(m, "value")),
        .valid_after = decimal(member(m, "validAfter")),
        .valid_before = decimal(member(m, "validBefore")),
        .nonce = hex_hash(member(m, "nonce")),
    };
}

static struct hash permit2_of(const struct json *m)
{
    const struct json *permitted = json_get(m, "permitted"), *witness = json_get(m, "witness");
    struct evm_permit2 p = {
        .token = hex_address(member(permitted, "token")),
        .amount = decimal(member(permitted, "amount")),
        .spender = hex_address(member(m, "spender")),
        .nonce = decimal(member(m, "nonce")),
        .deadline = decimal(member(m, "deadline")),
        .to = hex_address(member(witness, "to")),
        .valid_after = decimal(member(witness, "validAfter")),
        .has_facilitator = json_get(witness, "facilitator") != NULL,
    };
    if (p.has_facilitator)
        p.facilitator = hex_address(member(witness, "facilitator"));
    return evm_permit2_hash(&p);
}

/* False when there is no function for this structure. */
static bool own_hash(struct text type, const struct json *m, struct hash *out)
{
    if (text_is(type, "TransferWithAuthorization") || text_is(type, "ReceiveWithAuthorization")) {
        struct evm_authorization a = authorization_of(m);
        *out = text_starts(type, "T") ? evm_transfer_hash(&a) : evm_receive_hash(&a);
    } else if (text_is(type, "CancelAuthorization")) {
        struct evm_address who = hex_address(member(m, "authorizer"));
        struct hash nonce = hex_hash(member(m, "nonce"));
        *out = evm_cancel_hash(&who, &nonce);
    } else if (text_is(type, "Permit")) {
        struct evm_permit p = {
            .owner = hex_address(member(m, "owner")),
            .spender = hex_address(member(m, "spender")),
            .value = decimal(member(m, "value")),
            .nonce = decimal(member(m, "nonce")),
            .deadline = decimal(member(m, "deadline")),
        };
        *out = evm_permit_hash(&p);
    } else if (text_is(type, "PermitWitnessTransferFrom")) {
        *out = permit2_of(m);
    } else {
        return false;
    }
    return true;
}

static struct evm_domain domain_of(const struct json *j)
{
    struct evm_domain d = {
        .name = member(j, "name"),
        .contract = hex_address(member(j, "verifyingContract")),
    };
    /* A number in one file, a text in the other: the literal is the same. */
    d.chain_id = decimal(member(j, "chainId"));
    if (json_get(j, "version") != NULL)
        d.version = member(j, "version");
    return d;
}

static void check_signer(struct arena *a, const struct json *v, const struct hash *digest)
{
    struct evm_signature s, own;
    struct evm_address signer, want = hex_address(member(v, "signer"));
    struct bytes raw = hex_bytes(a, member(v, "signature"));
    uint8_t out[EVM_SIGNATURE_LEN];
    assert_int_equal(evm_signature_read(raw, EVM_V_27_28, &s, NULL), METE_OK);
    assert_int_equal(evm_recover(&s, digest, &signer, NULL), METE_OK);
    assert_true(evm_address_eq(&signer, &want));
    assert_true(evm_sign(&own, hex_bytes(a, member(v, "private_key")).p, digest));
    evm_signature_write(&own, out);
    assert_bytes((struct bytes){out, sizeof out}, raw, "signed by us");
}

static void check_typed(struct arena *a, const struct json *v, size_t *own_count)
{
    struct text type = member(v, "primaryType");
    const struct json *message = json_get(v, "message");
    known_count = 0;
    const struct evm_struct *s = struct_of(a, json_get(v, "types"), type);
    struct hash structure = evm_struct_hash(s, values_of(a, s, message)), own;
    struct evm_domain domain = domain_of(json_get(v, "domain"));
    struct hash separator = evm_domain_separator(&domain);
    assert_hashes(structure, hex_hash(member(v, "structure")), "structure");
    assert_hashes(separator, hex_hash(member(v, "separator")), "separator");
    struct hash digest = evm_typed_digest(&separator, &structure);
    assert_hashes(digest, hex_hash(member(v, "digest")), "digest");
    if (own_hash(type, message, &own)) {
        assert_hashes(own, structure, "own function");
        *own_count += 1;
    }
    check_signer(a, v, &digest);
}

static void test_typed_vectors(void **state)
{
    (void)state;
    struct vectors v;
    struct arena a;
    size_t count = 0, own_count = 0, texts = 0;
    arena_init(&a, 1 << 22);
    const struct json *root = vectors_read(&v, "evm", "typed.json");
    for (const struct json *j = json_get(root, "typed")->child; j != NULL; j = j->next, count++)
        check_typed(&a, j, &own_count);
    for (const struct json *j = json_get(root, "personal")->child; j != NULL;
         j = j->next, texts++) {
        struct hash h = evm_personal_hash(hex_bytes(&a, member(j, "message")));
        assert_hashes(h, hex_hash(member(j, "hash")), "personal");
        check_signer(&a, j, &h);
    }
    assert_int_equal(count, 90);
    assert_int_equal(own_count, 60);
    assert_int_equal(texts, 15);
    arena_clear(&a);
    vectors_clear(&v);
}

static void test_authorization_vectors(void **state)
{
    (void)state;
    struct vectors v;
    const struct json *root = vectors_read(&v, "eip3009", "vectors.json");
    size_t count = 0;
    for (const struct json *j = json_get(root, "valid")->child; j != NULL; j = j->next, count++) {
        struct evm_domain domain = domain_of(json_get(j, "domain"));
        struct evm_authorization a = authorization_of(json_get(j, "message"));
        struct hash separator = evm_domain_separator(&domain), structure = evm_transfer_hash(&a);
        assert_hashes(separator, hex_hash(member(j, "domain_separator")), "separator");
        assert_hashes(structure, hex_hash(member(j, "struct_hash")), "structure");
        assert_hashes(evm_typed_digest(&separator, &structure), hex_hash(member(j, "digest")),
                      "digest");
    }
    assert_int_equal(count, 20);
    vectors_clear(&v);
}

/* The domain of a payment: the token's name and version are in the requirements, its chain in the
 * name of the network. */
static struct evm_domain payment_domain(const struct json *requirements)
{
    static const struct {
        const char *name;
        uint64_t id;
    } NETWORKS[] = {
        {"base", 8453},   {"base-sepolia", 84532}, {"avalanche", 43114}, {"avalanche-fuji", 43113},
        {"polygon", 137}, {"polygon-amoy", 80002}, {"ethereum", 1},      {"sepolia", 11155111},
        {"stable", 988},  {"monad", 143},          {"celo", 42220}};
    struct text network = member(requirements, "network");
    const struct json *extra = json_get(requirements, "extra");
    struct evm_domain d = {.name = member(extra, "name"),
                           .version = member(extra, "version"),
                           .contract = hex_address(member(requirements, "asset"))};
    if (text_starts(network, "eip155:"))
        d.chain_id = decimal((struct text){network.p + 7, network.len - 7});
    for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++)
        if (text_is(network, NETWORKS[i].name))
            d.chain_id = u256_of(NETWORKS[i].id);
    if (u256_is_zero(d.chain_id))
        fail_msg("network %.*s", (int)network.len, network.p);
    return d;
}

static void test_payloads_of_x402(void **state)
{
    (void)state;
    struct vectors v;
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct json *root = vectors_read(&v, "x402", "signed-payloads.json");
    size_t count = 0;
    for (const struct json *j = json_get(root, "vectors")->child; j != NULL; j = j->next, count++) {
        struct evm_domain d = payment_domain(json_get(j, "payment_requirements"));
        const struct json *payload = json_get(json_get(j, "payment_payload"), "payload");
        struct evm_authorization auth = authorization_of(json_get(payload, "authorization"));
        struct hash separator = evm_domain_separator(&d), structure = evm_transfer_hash(&auth);
        struct hash digest = evm_typed_digest(&separator, &structure);
        struct evm_signature s;
        struct evm_address signer, want = hex_address(member(j, "signer"));
        struct bytes raw = hex_bytes(&a, member(payload, "signature"));
        assert_int_equal(evm_signature_read(raw, EVM_V_27_28, &s, NULL), METE_OK);
        assert_int_equal(evm_recover(&s, &digest, &signer, NULL), METE_OK);
        assert_true(evm_address_eq(&signer, &want) && evm_address_eq(&signer, &auth.from));
    }
    print_message("# %zu payloads\n", count);
    assert_true(count >= 10);
    arena_clear(&a);
    vectors_clear(&v);
}

static void test_contracts_and_domains(void **state)
{
    (void)state;
    static const struct {
        const struct evm_address *a;
        const char *text;
    } ROWS[] = {
        {&EVM_PERMIT2, "0x000000000022D473030F116dDEE9F6B43aC78BA3"},
        {&EVM_X402_EXACT_PROXY, "0x402085c248EeA27D92E8b30b2C58ed07f9E20001"},
        {&EVM_X402_UPTO_PROXY, "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"},
        {&EVM_MULTICALL3, "0xcA11bde05977b3631167028862bE2a173976CA11"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char out[EVM_ADDRESS_TEXT_LEN + 1];
        evm_address_format(ROWS[i].a, out);
        assert_string_equal(out, ROWS[i].text);
    }
    struct evm_domain d = evm_permit2_domain(u256_of(1)), named = d;
    struct hash of_permit2 = evm_domain_separator(&d);
    /* An empty version is another domain than none. */
    named.version = TEXT("");
    struct hash other = evm_domain_separator(&named);
    assert_false(hash_eq(&of_permit2, &other));
    assert_hash_hex(of_permit2, "866a5aba21966af95d6c7ab78eb2b2fc913915c28be3b9aa07cc04ff903e3f28");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_hashes),      cmocka_unit_test(test_known_domains),
        cmocka_unit_test(test_typed_vectors),    cmocka_unit_test(test_authorization_vectors),
        cmocka_unit_test(test_payloads_of_x402), cmocka_unit_test(test_contracts_and_domains),
    };
    return cmocka_run_group_tests_name("evm_typed", tests, NULL, NULL);
}
