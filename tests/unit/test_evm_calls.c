/* SPDX-License-Identifier: Apache-2.0
 * The ABI and the calls by it: vectors of viem both ways, selectors and topics by their texts,
 * bounds of every reader, random bytes. */
#include "evm_case.h"

#include "crypto/keccak.h"
#include "wire/evm/calls.h"

static void test_selectors_are_hashes_of_texts(void **state)
{
    (void)state;
#define PERMIT2     "((address,uint256),uint256,uint256)"
#define APPROVAL    "(uint256,uint256,bytes32,bytes32,uint8)"
#define PERMIT_3009 "(address,address,uint256,uint256,uint256,bytes32,"
    static const struct {
        uint32_t selector;
        const char *text;
    } ROWS[] = {
        {ABI_NAME, "name()"},
        {ABI_SYMBOL, "symbol()"},
        {ABI_VERSION, "version()"},
        {ABI_DECIMALS, "decimals()"},
        {ABI_DOMAIN_SEPARATOR, "DOMAIN_SEPARATOR()"},
        {ABI_PAUSED, "paused()"},
        {ABI_PERMIT2, "PERMIT2()"},
        {ABI_BALANCE_OF, "balanceOf(address)"},
        {ABI_ALLOWANCE, "allowance(address,address)"},
        {ABI_IS_BLACKLISTED, "isBlacklisted(address)"},
        {ABI_TRANSFER, "transfer(address,uint256)"},
        {ABI_APPROVE, "approve(address,uint256)"},
        {ABI_TRANSFER_3009, "transferWithAuthorization" PERMIT_3009 "uint8,bytes32,bytes32)"},
        {ABI_TRANSFER_3009_BYTES, "transferWithAuthorization" PERMIT_3009 "bytes)"},
        {ABI_RECEIVE_3009, "receiveWithAuthorization" PERMIT_3009 "uint8,bytes32,bytes32)"},
        {ABI_CANCEL_3009, "cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)"},
        {ABI_STATE_3009, "authorizationState(address,bytes32)"},
        {ABI_AGGREGATE3, "aggregate3((address,bool,bytes)[])"},
        {ABI_IS_VALID_SIGNATURE, "isValidSignature(bytes32,bytes)"},
        {ABI_DISPERSE_TOKEN, "disperseToken(address,address[],uint256[])"},
        {ABI_SETTLE_EXACT, "settle(" PERMIT2 ",address,(address,uint256),bytes)"},
        {ABI_SETTLE_UPTO, "settle(" PERMIT2 ",uint256,address,(address,address,uint256),bytes)"},
        {ABI_SETTLE_EXACT_PERMIT,
         "settleWithPermit(" APPROVAL "," PERMIT2 ",address,(address,uint256),bytes)"},
        {ABI_SETTLE_UPTO_PERMIT, "settleWithPermit(" APPROVAL "," PERMIT2
                                 ",uint256,address,(address,address,uint256),bytes)"},
        {ABI_INVALID_NONCE, "InvalidNonce()"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct hash h = keccak256(text_bytes(text_of(ROWS[i].text)));
        if (abi_selector((struct bytes){h.b, 4}) != ROWS[i].selector)
            fail_msg("%s", ROWS[i].text);
    }
    assert_hashes(keccak256(text_bytes(TEXT("Transfer(address,address,uint256)"))),
                  EVM_TOPIC_TRANSFER, "Transfer");
    assert_hashes(keccak256(text_bytes(TEXT("AuthorizationUsed(address,bytes32)"))),
                  EVM_TOPIC_AUTHORIZATION_USED, "AuthorizationUsed");
}

/* Vectors: each kind has a writer, or a reader, of its own. */

struct row {
    struct arena *a;
    const struct json *args;
    struct bytes data; /* what viem wrote */
    struct buf out;    /* what we write */
};

static struct text item(const struct json *array, size_t i)
{
    const struct json *j = array->child;
    for (; i > 0; i--)
        j = j->next;
    return j->text;
}

static struct evm_authorization authorization_of(const struct json *args)
{
    const struct json *m = json_get(args, "authorization");
    return (struct evm_authorization){
        .from = hex_address(member(m, "from")),
        .to = hex_address(member(m, "to")),
        .value = decimal(member(m, "value")),
        .valid_after = decimal(member(m, "validAfter")),
        .valid_before = decimal(member(m, "validBefore")),
        .nonce = hex_hash(member(m, "nonce")),
    };
}

static struct evm_signature signature_of(struct row *r)
{
    struct evm_signature s;
    struct bytes raw = hex_bytes(r->a, member(r->args, "signature"));
    assert_int_equal(evm_signature_read(raw, EVM_V_27_28, &s, NULL), METE_OK);
    return s;
}

static void row_of(struct row *r, uint32_t selector)
{
    struct evm_address who = hex_address(item(r->args, 0));
    call_put_of(&r->out, selector, &who);
}

static void row_balance(struct row *r)
{
    row_of(r, ABI_BALANCE_OF);
}

static void row_blacklisted(struct row *r)
{
    row_of(r, ABI_IS_BLACKLISTED);
}

static void row_allowance(struct row *r)
{
    struct evm_address a = hex_address(item(r->args, 0)), b = hex_address(item(r->args, 1));
    call_put_between(&r->out, ABI_ALLOWANCE, &a, &b);
}

static void row_amount(struct row *r, uint32_t selector)
{
    struct evm_address who = hex_address(item(r->args, 0));
    call_put_amount(&r->out, selector, &who, decimal(item(r->args, 1)));
}

static void row_transfer(struct row *r)
{
    row_amount(r, ABI_TRANSFER);
}

static void row_approve(struct row *r)
{
    row_amount(r, ABI_APPROVE);
}

static void row_authorization(struct row *r, uint32_t selector)
{
    struct evm_authorization a = authorization_of(r->args);
    struct evm_signature s = signature_of(r);
    call_put_authorization(&r->out, selector, &a, &s);
}

static void row_transfer_3009(struct row *r)
{
    row_authorization(r, ABI_TRANSFER_3009);
}

static void row_receive_3009(struct row *r)
{
    row_authorization(r, ABI_RECEIVE_3009);
}

static void row_transfer_bytes(struct row *r)
{
    struct evm_authorization a = authorization_of(r->args);
    call_put_authorization_bytes(&r->out, &a, hex_bytes(r->a, member(r->args, "signature")));
}

static void row_cancel(struct row *r)
{
    struct evm_authorization a = authorization_of(r->args);
    struct evm_signature s = signature_of(r);
    call_put_cancel(&r->out, &a.from, &a.nonce, &s);
}

static void row_state(struct row *r)
{
    struct evm_authorization a = authorization_of(r->args);
    call_put_state(&r->out, &a.from, &a.nonce);
}

static void row_is_valid(struct row *r)
{
    struct hash h = hex_hash(item(r->args, 0));
    call_put_is_valid(&r->out, &h, hex_bytes(r->a, item(r->args, 1)));
}

static void row_disperse(struct row *r)
{
    const struct json *to = json_get(r->args, "to"), *amounts = json_get(r->args, "amounts");
    struct evm_address token = hex_address(member(r->args, "token")), who[8];
    struct u256 amount[8];
    size_t count = to->count;
    assert_true(count <= ARRAY_LEN(who));
    for (size_t i = 0; i < count; i++) {
        who[i] = hex_address(item(to, i));
        amount[i] = decimal(item(amounts, i));
    }
    call_put_disperse(&r->out, &token, who, amount, count);
}

static void row_multicall(struct row *r)
{
    struct multicall calls[20];
    size_t count = 0;
    for (const struct json *j = r->args->child; j != NULL; j = j->next, count++) {
        assert_true(count < ARRAY_LEN(calls));
        calls[count].target = hex_address(member(j, "target"));
        calls[count].may_fail = json_is_true(json_get(j, "allowFailure"));
        calls[count].data = hex_bytes(r->a, member(j, "callData"));
    }
    call_put_multicall(&r->out, calls, count);
}

static void row_multicall_answer(struct row *r)
{
    struct multicall_answer answers[21];
    size_t count = r->args->count, i = 0;
    struct mete_err err = {0};
    assert_true(count < ARRAY_LEN(answers));
    assert_int_equal(multicall_read(r->data, answers, count, &err), METE_OK);
    for (const struct json *j = r->args->child; j != NULL; j = j->next, i++) {
        assert_int_equal(answers[i].is_ok, json_is_true(json_get(j, "success")));
        assert_bytes(answers[i].data, hex_bytes(r->a, member(j, "returnData")), "returned");
    }
    assert_int_equal(multicall_read(r->data, answers, count + 1, &err), METE_CHAIN_ENCODING);
    assert_non_null(strstr(err.text, "answered"));
}

static void row_settle(struct row *r, bool has_facilitator, bool has_approval)
{
    struct evm_permit2 p = {
        .token = hex_address(member(r->args, "token")),
        .amount = decimal(member(r->args, "amount")),
        .spender = hex_address(member(r->args, "spender")),
        .nonce = decimal(member(r->args, "nonce")),
        .deadline = decimal(member(r->args, "deadline")),
        .to = hex_address(member(r->args, "to")),
        .valid_after = decimal(member(r->args, "validAfter")),
        .has_facilitator = has_facilitator,
        .facilitator = hex_address(member(r->args, "facilitator")),
    };
    struct evm_permit approval = {
        .value = decimal(member(r->args, "approved")),
        .deadline = decimal(member(r->args, "approvedUntil")),
    };
    struct x402_settlement s = {
        .permit = &p,
        .signature = hex_bytes(r->a, member(r->args, "signature")),
        .owner = hex_address(member(r->args, "owner")),
        .charge = decimal(member(r->args, "charge")),
        .approval = has_approval ? &approval : NULL,
    };
    struct bytes by = hex_bytes(r->a, member(r->args, "approvedBy"));
    assert_int_equal(evm_signature_read(by, EVM_V_27_28, &s.approval_by, NULL), METE_OK);
    call_put_settle(&r->out, &s);
}

static void row_settle_exact(struct row *r)
{
    row_settle(r, false, false);
}

static void row_settle_upto(struct row *r)
{
    row_settle(r, true, false);
}

static void row_settle_exact_permit(struct row *r)
{
    row_settle(r, false, true);
}

static void row_settle_upto_permit(struct row *r)
{
    row_settle(r, true, true);
}

static void row_6492(struct row *r)
{
    struct eip6492 parts;
    struct evm_address factory = hex_address(member(r->args, "address"));
    assert_true(eip6492_is(r->data));
    assert_int_equal(eip6492_read(r->data, &parts, NULL), METE_OK);
    assert_true(evm_address_eq(&parts.factory, &factory));
    assert_bytes(parts.factory_call, hex_bytes(r->a, member(r->args, "data")), "factory call");
    assert_bytes(parts.signature, hex_bytes(r->a, member(r->args, "signature")), "signature");
    uint8_t *copy = arena_alloc(r->a, r->data.len);
    memcpy(copy, r->data.p, r->data.len);
    for (size_t i = r->data.len - 32; i < r->data.len; i++) {
        copy[i] ^= 1;
        assert_false(eip6492_is((struct bytes){copy, r->data.len}));
        copy[i] ^= 1;
    }
    for (size_t cut = 0; cut < r->data.len; cut++)
        assert_int_equal(eip6492_read((struct bytes){r->data.p, cut}, &parts, NULL),
                         METE_CHAIN_ENCODING);
}

static void row_text(struct row *r)
{
    struct text t;
    assert_true(abi_answer_text(r->data, &t));
    assert_true(text_eq(t, item(r->args, 0)));
    for (size_t cut = 0; cut < r->data.len; cut++)
        assert_false(abi_answer_text((struct bytes){r->data.p, cut}, &t));
}

static void row_number(struct row *r)
{
    struct u256 v;
    assert_true(abi_answer_u256(r->data, &v) && u256_eq(v, decimal(item(r->args, 0))));
    assert_false(abi_answer_u256((struct bytes){r->data.p, r->data.len - 1}, &v));
}

static void row_address(struct row *r)
{
    struct evm_address a, want = hex_address(item(r->args, 0));
    assert_true(abi_answer_address(r->data, &a) && evm_address_eq(&a, &want));
    assert_false(abi_answer_address((struct bytes){r->data.p, 0}, &a));
}

static void row_hash(struct row *r)
{
    struct hash h;
    assert_true(abi_answer_hash(r->data, &h));
    assert_hashes(h, hex_hash(item(r->args, 0)), "hash");
}

static void row_bool(struct row *r)
{
    bool v = false;
    assert_true(abi_answer_bool(r->data, &v) && v == json_is_true(r->args->child));
    assert_int_equal(call_is_done(r->data), v);
}

static void row_revert(struct row *r)
{
    struct text t;
    assert_true(abi_revert_text(r->data, &t));
    assert_true(text_eq(t, item(r->args, 0)));
}

static struct evm_log log_of(struct row *r)
{
    struct evm_log log = {.data = r->data};
    for (const struct json *j = json_get(r->args, "topics")->child; j != NULL; j = j->next)
        log.topics[log.topic_count++] = hex_hash(j->text);
    return log;
}

static void row_log_transfer(struct row *r)
{
    struct evm_log log = log_of(r);
    struct erc20_transfer t;
    struct evm_address from = hex_address(member(r->args, "from")), who;
    struct evm_address to = hex_address(member(r->args, "to"));
    struct hash nonce;
    assert_true(log_transfer(&log, &t) && u256_eq(t.amount, decimal(member(r->args, "amount"))));
    assert_true(evm_address_eq(&t.from, &from) && evm_address_eq(&t.to, &to));
    assert_false(log_authorization_used(&log, &who, &nonce));
    log.topics[1].b[11] = 1; /* no address */
    assert_false(log_transfer(&log, &t));
    log = log_of(r);
    log.topic_count = 4; /* of an ERC-721 token */
    assert_false(log_transfer(&log, &t));
    log = log_of(r);
    log.data.len -= 1;
    assert_false(log_transfer(&log, &t));
}

static void row_log_used(struct row *r)
{
    struct evm_log log = log_of(r);
    struct evm_address who, want = hex_address(member(r->args, "authorizer"));
    struct hash nonce;
    struct erc20_transfer t;
    assert_true(log_authorization_used(&log, &who, &nonce) && evm_address_eq(&who, &want));
    assert_hashes(nonce, hex_hash(member(r->args, "nonce")), "nonce");
    assert_false(log_transfer(&log, &t));
    log.topic_count = 2;
    assert_false(log_authorization_used(&log, &who, &nonce));
}

static void row_plain(struct row *r, uint32_t selector)
{
    abi_put_selector(&r->out, selector);
}

static void row_name(struct row *r)
{
    row_plain(r, ABI_NAME);
}

static const struct {
    const char *kind;
    void (*run)(struct row *r);
    bool is_read; /* nothing is written */
} KINDS[] = {
    {"transfer", row_transfer, false},
    {"approve", row_approve, false},
    {"balanceOf", row_balance, false},
    {"isBlacklisted", row_blacklisted, false},
    {"allowance", row_allowance, false},
    {"transferWithAuthorization", row_transfer_3009, false},
    {"transferWithAuthorizationBytes", row_transfer_bytes, false},
    {"receiveWithAuthorization", row_receive_3009, false},
    {"cancelAuthorization", row_cancel, false},
    {"authorizationState", row_state, false},
    {"isValidSignature", row_is_valid, false},
    {"disperseToken", row_disperse, false},
    {"aggregate3", row_multicall, false},
    {"settleExact", row_settle_exact, false},
    {"settleUpto", row_settle_upto, false},
    {"settleExactPermit", row_settle_exact_permit, false},
    {"settleUptoPermit", row_settle_upto_permit, false},
    {"name", row_name, false},
    {"aggregate3Answer", row_multicall_answer, true},
    {"eip6492", row_6492, true},
    {"textAnswer", row_text, true},
    {"numberAnswer", row_number, true},
    {"addressAnswer", row_address, true},
    {"hashAnswer", row_hash, true},
    {"boolAnswer", row_bool, true},
    {"revert", row_revert, true},
    {"logTransfer", row_log_transfer, true},
    {"logAuthorizationUsed", row_log_used, true},
};

static bool check_row(struct row *r, struct text kind)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (!text_is(kind, KINDS[i].kind))
            continue;
        buf_reset(&r->out);
        KINDS[i].run(r);
        if (!KINDS[i].is_read)
            assert_bytes(buf_bytes(&r->out), r->data, KINDS[i].kind);
        return true;
    }
    return false;
}

static void test_vectors(void **state)
{
    (void)state;
    struct vectors v;
    struct arena a;
    struct row r = {.a = &a};
    size_t count = 0, left = 0;
    arena_init(&a, 1 << 22);
    const struct json *root = vectors_read(&v, "evm", "calls.json");
    for (const struct json *j = json_get(root, "calls")->child; j != NULL; j = j->next, count++) {
        r.args = json_get(j, "args");
        r.data = hex_bytes(&a, member(j, "data"));
        left += !check_row(&r, member(j, "kind"));
    }
    assert_int_equal(count, 142);
    assert_int_equal(left, 6); /* calls without arguments: their selectors are looked at above */
    buf_clear(&r.out);
    arena_clear(&a);
    vectors_clear(&v);
}

/* Bounds. */

static void put_words(struct buf *b, const uint64_t *words, size_t count)
{
    buf_reset(b);
    for (size_t i = 0; i < count; i++)
        abi_put_u64(b, words[i]);
}

static void test_readers_stay_inside(void **state)
{
    (void)state;
    struct buf b = {0};
    struct bytes out = {NULL, 77}, elements;
    size_t count = 7;
    uint64_t number = 7;
    bool flag = false;
    /* offset 64 leads to the length 32 with its word after it */
    put_words(&b, (const uint64_t[]){64, 2, 32, UINT64_MAX}, 4);
    assert_true(abi_bytes(buf_bytes(&b), 0, &out) && out.p == b.p + 96 && out.len == 32);
    assert_false(abi_bytes((struct bytes){b.p, 127}, 0, &out));
    assert_false(abi_u64((struct bytes){b.p, 127}, 3, &number));
    assert_true(abi_u64(buf_bytes(&b), 3, &number) && number == UINT64_MAX);
    assert_false(abi_u64(buf_bytes(&b), 4, &number) || abi_u64(buf_bytes(&b), SIZE_MAX, &number));
    assert_false(abi_bool(buf_bytes(&b), 1, &flag));
    /* offsets behind the end, lengths past it, and both as large as they can be */
    static const uint64_t BAD[][4] = {{128, 0, 0, 0},         {129, 0, 0, 0},
                                      {UINT64_MAX, 0, 0, 0},  {64, 0, 33, 0},
                                      {64, 0, UINT64_MAX, 0}, {64, 0, UINT64_MAX - 31, 0},
                                      {97, 0, 0, 0}};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        put_words(&b, BAD[i], 4);
        if (abi_bytes(buf_bytes(&b), 0, &out) || abi_array(buf_bytes(&b), 0, 1, &elements, &count))
            fail_msg("row %zu was read", i);
    }
    put_words(&b, (const uint64_t[]){128, 129, 0, 0}, 4);
    assert_true(abi_tuple(buf_bytes(&b), 0, &out) && out.len == 0);
    assert_false(abi_tuple(buf_bytes(&b), 1, &out));
    /* an offset of more than 64 bits */
    put_words(&b, (const uint64_t[]){64, 0, 0, 0}, 4);
    assert_true(abi_bytes(buf_bytes(&b), 0, &out) && out.len == 0);
    b.p[0] = 1;
    assert_false(abi_bytes(buf_bytes(&b), 0, &out));
    /* padding */
    put_words(&b, (const uint64_t[]){32, 31, 0}, 3);
    assert_true(abi_bytes(buf_bytes(&b), 0, &out) && out.len == 31);
    b.p[95] = 1;
    assert_false(abi_bytes(buf_bytes(&b), 0, &out));
    buf_clear(&b);
}

static void test_arrays_stay_inside(void **state)
{
    (void)state;
    struct buf b = {0};
    struct bytes elements;
    size_t count = 7;
    put_words(&b, (const uint64_t[]){32, 4, 1, 2, 3, 4}, 6);
    assert_true(abi_array(buf_bytes(&b), 0, 1, &elements, &count) && count == 4);
    assert_true(elements.p == b.p + 64 && elements.len == 128);
    assert_false(abi_array(buf_bytes(&b), 0, 2, &elements, &count));
    put_words(&b, (const uint64_t[]){32, 2, 1, 2, 3, 4}, 6);
    assert_true(abi_array(buf_bytes(&b), 0, 2, &elements, &count) && count == 2);
    put_words(&b, (const uint64_t[]){32, UINT64_MAX, 1, 2, 3, 4}, 6);
    assert_false(abi_array(buf_bytes(&b), 0, 1, &elements, &count));
    put_words(&b, (const uint64_t[]){32, UINT64_C(1) << 59, 1, 2, 3, 4}, 6);
    assert_false(abi_array(buf_bytes(&b), 0, 1, &elements, &count));
    assert_int_equal(count, 2);
    buf_clear(&b);
}

static void test_answers_are_exact(void **state)
{
    (void)state;
    struct buf b = {0};
    struct text t;
    bool flag = false;
    uint8_t magic[32] = {0x16, 0x26, 0xba, 0x7e};
    assert_true(eip1271_is_valid((struct bytes){magic, 32}));
    assert_false(eip1271_is_valid((struct bytes){magic, 4}) ||
                 eip1271_is_valid((struct bytes){NULL, 0}));
    magic[31] = 1;
    assert_false(eip1271_is_valid((struct bytes){magic, 32}));
    assert_true(call_is_done((struct bytes){NULL, 0}));
    put_words(&b, (const uint64_t[]){2}, 1);
    assert_false(call_is_done(buf_bytes(&b)) || abi_answer_bool(buf_bytes(&b), &flag));
    put_words(&b, (const uint64_t[]){1, 0}, 2);
    assert_false(call_is_done(buf_bytes(&b)));
    put_words(&b, (const uint64_t[]){32, 0}, 2);
    assert_true(abi_answer_text(buf_bytes(&b), &t) && t.len == 0);
    put_words(&b, (const uint64_t[]){32, 0, 0}, 3); /* a word more */
    assert_false(abi_answer_text(buf_bytes(&b), &t));
    put_words(&b, (const uint64_t[]){64, 0, 0}, 3); /* a gap */
    assert_false(abi_answer_text(buf_bytes(&b), &t));
    put_words(&b, (const uint64_t[]){0, 7}, 2); /* the offset is the length too */
    assert_false(abi_answer_text(buf_bytes(&b), &t));
    put_words(&b, (const uint64_t[]){32, 1, 0}, 3);
    b.p[64] = 0xff; /* no UTF-8 */
    assert_false(abi_answer_text(buf_bytes(&b), &t));
    b.p[64] = 'x';
    assert_true(abi_answer_text(buf_bytes(&b), &t) && t.len == 1);
    assert_false(abi_revert_text(buf_bytes(&b), &t));
    assert_false(abi_revert_text((struct bytes){b.p, 3}, &t));
    assert_int_equal(abi_selector((struct bytes){b.p, 3}), 0);
    buf_clear(&b);
}

/* Random calls are written, a random bit of the answer is changed: what is read is inside. */
static void test_random_answers(void **state)
{
    (void)state;
    struct rng r;
    struct buf b = {0};
    size_t read = 0, refused = 0;
    chance(&r, "answers");
    for (size_t i = 0; i < 5000; i++) {
        uint8_t data[4][100];
        size_t count = rng_below(&r, 5), offset = count * ABI_WORD;
        struct multicall_answer want[4] = {0}, answers[4];
        buf_reset(&b);
        abi_put_u64(&b, ABI_WORD);
        abi_put_u64(&b, count);
        for (size_t k = 0; k < count; k++) {
            want[k] = (struct multicall_answer){rng_below(&r, 2) == 1,
                                                {data[k], rng_below(&r, sizeof data[k])}};
            random_fill(&r, data[k], want[k].data.len);
            abi_put_u64(&b, offset);
            offset += 2 * ABI_WORD + abi_bytes_size(want[k].data.len);
        }
        for (size_t k = 0; k < count; k++) {
            abi_put_bool(&b, want[k].is_ok);
            abi_put_u64(&b, 2 * ABI_WORD);
            abi_put_bytes(&b, want[k].data);
        }
        assert_int_equal(multicall_read(buf_bytes(&b), answers, count, NULL), METE_OK);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(answers[k].is_ok, want[k].is_ok);
            assert_bytes(answers[k].data, want[k].data, "answer");
        }
        b.p[rng_below(&r, b.len)] ^= (uint8_t)(1u << rng_below(&r, 8));
        size_t len = rng_below(&r, 8) == 0 ? rng_below(&r, b.len) : b.len;
        uint8_t *exact = malloc(len + 1); /* so that the address sanitizer sees a read past it */
        assert_non_null(exact);
        memcpy(exact, b.p, len);
        bool is_read = multicall_read((struct bytes){exact, len}, answers, count, NULL) == METE_OK;
        for (size_t k = 0; is_read && k < count; k++)
            assert_true(answers[k].data.p >= exact &&
                        answers[k].data.len <= (size_t)(exact + len - answers[k].data.p));
        *(is_read ? &read : &refused) += 1;
        free(exact);
    }
    print_message("# 5000 answers; changed: %zu read, %zu refused\n", read, refused);
    assert_true(read > 100 && refused > 100);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors_are_hashes_of_texts),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_readers_stay_inside),
        cmocka_unit_test(test_arrays_stay_inside),
        cmocka_unit_test(test_answers_are_exact),
        cmocka_unit_test(test_random_answers),
    };
    return cmocka_run_group_tests_name("evm_calls", tests, NULL, NULL);
}
