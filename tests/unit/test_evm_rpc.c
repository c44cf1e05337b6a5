/* SPDX-License-Identifier: Apache-2.0
 * JSON-RPC as values: requests byte by byte, answers in any order, everything that a node can get
 * wrong, receipts and blocks as nodes write them. Single quotes stand for double ones. */
#include "evm_case.h"

#include "wire/evm/rpc.h"

struct answers {
    struct arena arena;
    struct buf text;
    struct rpc_answer a[4];
    enum mete_code code;
    struct mete_err err;
};

static struct text quoted(struct buf *b, const char *s)
{
    buf_reset(b);
    for (; *s != '\0'; s++)
        buf_put_u8(b, (uint8_t)(*s == '\'' ? '"' : *s));
    return buf_text(b);
}

static void answers_read(struct answers *x, const char *s, uint64_t first_id, size_t count)
{
    memset(x, 0, sizeof *x);
    struct text t = quoted(&x->text, s);
    arena_init(&x->arena, JSON_ARENA_MAX(t.len) + RPC_RECEIPT_ARENA_MAX(t.len));
    x->code = rpc_answers_read(&x->arena, t, first_id, x->a, count, &x->err);
}

static void answers_clear(struct answers *x)
{
    arena_clear(&x->arena);
    buf_clear(&x->text);
}

static void test_requests(void **state)
{
    (void)state;
    struct buf out = {0}, want = {0};
    struct rpc_batch b;
    struct evm_address from = {{1}}, to = {{2}};
    static const uint8_t DATA[] = {0xa9, 0x05, 0x00};
    rpc_batch_begin(&b, &out, 7);
    assert_int_equal(rpc_request_plain(&b, "eth_chainId"), 0);
    struct rpc_call call = {.from = &from, .to = &to, .data = {DATA, sizeof DATA}};
    assert_int_equal(rpc_request_call(&b, "eth_call", &call, (struct rpc_block){RPC_LATEST, 0}), 1);
    call = (struct rpc_call){.value = u256_of(16), .gas = 21000};
    assert_int_equal(
        rpc_request_call(&b, "eth_estimateGas", &call, (struct rpc_block){RPC_NUMBER, 255}), 2);
    assert_int_equal(rpc_request_begin(&b, "eth_getCode"), 3);
    jw_address(&b.w, NULL, &to);
    jw_block(&b.w, NULL, (struct rpc_block){RPC_FINALIZED, 0});
    rpc_request_end(&b);
    rpc_batch_end(&b);
    struct text t = quoted(
        &want, "[{'jsonrpc':'2.0','id':7,'method':'eth_chainId','params':[]},"
               "{'jsonrpc':'2.0','id':8,'method':'eth_call','params':["
               "{'from':'0x0100000000000000000000000000000000000000',"
               "'to':'0x0200000000000000000000000000000000000000','data':'0xa90500'},'latest']},"
               "{'jsonrpc':'2.0','id':9,'method':'eth_estimateGas','params':["
               "{'value':'0x10','gas':'0x5208','data':'0x'},'0xff']},"
               "{'jsonrpc':'2.0','id':10,'method':'eth_getCode','params':["
               "'0x0200000000000000000000000000000000000000','finalized']}]");
    if (!text_eq(buf_text(&out), t))
        fail_msg("%.*s", (int)out.len, (const char *)out.p);
    buf_clear(&out);
    buf_clear(&want);
}

#define OK(id, result)   "{'jsonrpc':'2.0','id':" id ",'result':" result "}"
#define BAD(id, members) "{'jsonrpc':'2.0','id':" id ",'error':{" members "}}"

static void test_answers_in_any_order(void **state)
{
    (void)state;
    struct answers x;
    struct bytes revert;
    answers_read(
        &x,
        " [" BAD("12", "'code':3,'message':'execution reverted','data':'0x08c379a0'") "," OK(
            "10", "'0x0'") "," BAD("13",
                                   "'code':-32000,'message':'nonce too low'") "," OK("11",
                                                                                     "null") "] ",
        10, 4);
    assert_int_equal(x.code, METE_OK);
    assert_text(x.a[0].result->text, "0x0");
    assert_true(!x.a[0].is_error && x.a[1].result->type == JSON_NULL && x.a[2].is_error);
    assert_true(x.a[2].error_code == 3 && x.a[2].result == NULL && x.a[3].error_code == -32000);
    assert_text(x.a[3].error_text, "nonce too low");
    assert_true(rpc_revert_data(&x.arena, &x.a[2], &revert) && revert.len == 4);
    assert_int_equal(abi_selector(revert), 0x08c379a0);
    assert_false(rpc_revert_data(&x.arena, &x.a[3], &revert));
    assert_false(rpc_revert_data(&x.arena, &x.a[0], &revert));
    answers_clear(&x);
    answers_read(&x, "[]", 10, 0);
    assert_int_equal(x.code, METE_OK);
    answers_clear(&x);
}

static void test_answers_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* of a batch of two, ids 1 and 2 */
        const char *pointer;
        const char *says;
    } ROWS[] = {
        {"", "", "byte"},
        {"<html>502</html>", "", "byte"},
        {"[" OK("1", "'0x0'"), "", "byte"},
        {"{}", "", "is an array"},
        {"null", "", "is an array"},
        {OK("1", "'0x0'"), "", "is an array"},
        {BAD("null", "'code':-32005,'message':'limit exceeded'"), "/error",
         "-32005 limit exceeded"},
        {"[]", "", "0 answers to 2"},
        {"[" OK("1", "'0x0'") "]", "", "1 answers to 2"},
        {"[" OK("1", "'0x0'") "," OK("1", "'0x0'") "]", "/1", "before"},
        {"[" OK("1", "'0x0'") "," OK("2", "'0x0'") "," OK("2", "'0x0'") "]", "/2", "before"},
        {"[" OK("1", "'0x0'") "," OK("3", "'0x0'") "]", "/1", "this id"},
        {"[" OK("0", "'0x0'") "," OK("2", "'0x0'") "]", "/0", "this id"},
        {"[" OK("'1'", "'0x0'") "," OK("2", "'0x0'") "]", "/0", "this id"},
        {"[" OK("1.0", "'0x0'") "," OK("2", "'0x0'") "]", "/0", "this id"},
        {"[" OK("null", "'0x0'") "," OK("2", "'0x0'") "]", "/0", "this id"},
        {"[" OK("1", "'0x0'") ",{'jsonrpc':'2.0','result':1}]", "/1", "this id"},
        {"[" OK("1", "'0x0'") ",{'id':2,'result':1}]", "/1", "2.0"},
        {"[" OK("1", "'0x0'") ",{'jsonrpc':2.0,'id':2,'result':1}]", "/1", "2.0"},
        {"[" OK("1", "'0x0'") ",{'jsonrpc':'1.0','id':2,'result':1}]", "/1", "2.0"},
        {"[" OK("1", "'0x0'") ",null]", "/1", "2.0"},
        {"[" OK("1", "'0x0'") ",{'jsonrpc':'2.0','id':2}]", "/1", "either"},
        {"[" OK("1", "'0x0'") ",{'jsonrpc':'2.0','id':2,'result':1,'error':null}]", "/1", "either"},
        {"[" OK("1", "'0x0'") ",{'jsonrpc':'2.0','id':2,'error':null}]", "/1", "code and"},
        {"[" OK("1", "'0x0'") "," BAD("2", "'code':'3','message':'m'") "]", "/1", "code and"},
        {"[" OK("1", "'0x0'") "," BAD("2", "'code':3") "]", "/1", "code and"},
        {"[" OK("1", "'0x0'") "," BAD("2", "'code':3,'message':null") "]", "/1", "code and"},
        {"[{'jsonrpc':'2.0','id':1,'id':1,'result':1}," OK("2", "1") "]", "/0/id", "byte"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct answers x;
        answers_read(&x, ROWS[i].text, 1, 2);
        if (x.code != METE_RPC_ANSWER || strcmp(x.err.pointer, ROWS[i].pointer) != 0 ||
            strstr(x.err.text, ROWS[i].says) == NULL)
            fail_msg("%s: %s at '%s': %s", ROWS[i].text, mete_code_name(x.code), x.err.pointer,
                     x.err.text);
        answers_clear(&x);
    }
}

/* A message of any length is cut between characters. */
static void test_long_refusals(void **state)
{
    (void)state;
    for (size_t len = 0; len < 300; len++) {
        struct buf b = {0};
        struct answers x;
        buf_put_str(&b, "{'jsonrpc':'2.0','id':null,'error':{'code':1,'message':'");
        for (size_t i = 0; i < len; i++)
            buf_put_str(&b, "é");
        buf_put_str(&b, "'}}");
        buf_put_u8(&b, '\0');
        answers_read(&x, (const char *)b.p, 1, 2);
        assert_int_equal(x.code, METE_RPC_ANSWER);
        assert_true(text_is_utf8(text_of(x.err.text)));
        assert_true(strlen(x.err.text) > (len < 100 ? 2 * len : 200));
        answers_clear(&x);
        buf_clear(&b);
    }
}

static void test_what_errors_mean(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t code;
        bool is_known, is_revert;
    } ROWS[] = {
        {"already known", -32000, true, false},
        {"AlreadyKnown", -32010, true, false},
        {"Known transaction", -32000, true, false},
        {"known transaction: 0x12", -32000, true, false},
        {"transaction already imported", -32000, true, false},
        {"err: Already Known", -32000, true, false},
        {"unknown transaction type", -32000, false, false},
        {"Unknown account", -32000, false, false},
        {"nonce too low", -32000, false, false},
        {"", -32000, false, false},
        {"execution reverted: no", -32000, false, true},
        {"", 3, false, true},
        {"out of gas", -32000, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        const struct rpc_answer a = {
            .is_error = true, .error_code = ROWS[i].code, .error_text = text_of(ROWS[i].text)};
        assert_int_equal(rpc_is_known(&a), ROWS[i].is_known);
        assert_int_equal(rpc_is_revert(&a), ROWS[i].is_revert);
    }
    assert_false(rpc_is_known(&(struct rpc_answer){0}) || rpc_is_revert(&(struct rpc_answer){0}));
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is_u64;
        bool is_u256;
        bool is_data;
    } ROWS[] = {
        {"'0x0'", true, true, false},
        {"'0x1f'", true, true, true},
        {"'0xffffffffffffffff'", true, true, true},
        {"'0x10000000000000000'", false, true, false},
        {"'0x'", false, false, true},
        {"'0x00'", false, false, true},
        {"'0xABcd'", true, true, true},
        {"'0xzz'", false, false, false},
        {"'1f'", false, false, false},
        {"''", false, false, false},
        {"31", false, false, false},
        {"null", false, false, false},
        {"['0x1f']", false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct buf b = {0};
        struct doc d;
        uint64_t small = 0;
        struct u256 large;
        struct bytes data;
        doc_read(&d, quoted(&b, ROWS[i].json));
        assert_int_equal(d.code, METE_OK);
        if (rpc_u64(d.root, &small) != ROWS[i].is_u64 ||
            rpc_u256(d.root, &large) != ROWS[i].is_u256 ||
            rpc_data(&d.arena, d.root, &data) != ROWS[i].is_data)
            fail_msg("%s", ROWS[i].json);
        doc_clear(&d);
        buf_clear(&b);
    }
    struct hash h;
    struct evm_address a;
    assert_false(rpc_hash(NULL, &h) || rpc_address(NULL, &a));
}

#define TX "'transactionHash':'0x1111111111111111111111111111111111111111111111111111111111111111',"
#define BLOCK                                                                                      \
    "'blockNumber':'0x10','blockHash':"                                                            \
    "'0x2222222222222222222222222222222222222222222222222222222222222222',"
#define GAS  "'gasUsed':'0x5208','effectiveGasPrice':'0x3b9aca07',"
#define FROM "'from':'0xe1309e1fcf3277d9d2b000000000000000000001',"
#define LOG                                                                                        \
    "{'address':'0x036cbd53842c5426634e7929541ec2318f3dcf7e','topics':["                           \
    "'0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',"                        \
    "'0x0000000000000000000000001000000000000000000000000000000000000001',"                        \
    "'0x0000000000000000000000002000000000000000000000000000000000000002'],"                       \
    "'data':'0x0000000000000000000000000000000000000000000000000000000000002710',"                 \
    "'logIndex':'0x0','removed':false}"

static void test_receipt(void **state)
{
    (void)state;
    struct answers x;
    struct evm_receipt r;
    struct erc20_transfer t;
    answers_read(&x,
                 "[" OK("1", "{" TX BLOCK GAS FROM "'status':'0x1','type':'0x2','to':null,"
                             "'logsBloom':'0x00','logs':[" LOG "]}") "]",
                 1, 1);
    assert_int_equal(x.code, METE_OK);
    if (rpc_receipt_read(&x.arena, x.a[0].result, &r, &x.err) != METE_OK)
        fail_msg("%s", x.err.text);
    assert_true(r.is_ok && r.block_number == 16 && r.gas_used == 21000 && r.log_count == 1);
    struct hash other = r.tx;
    other.b[31] ^= 1;
    assert_false(rpc_receipt_of(&x.arena, &x.a[0], &other, &r));
    assert_true(rpc_receipt_of(&x.arena, &x.a[0], &r.tx, &r) && r.block_number == 16);
    assert_false(rpc_receipt_of(&x.arena, &(struct rpc_answer){.is_error = true}, &r.tx, &r));
    assert_true(u256_eq(r.gas_price, u256_of(1000000007)) && r.tx.b[0] == 0x11);
    assert_true(r.block.b[31] == 0x22 && r.from.b[19] == 1);
    struct evm_address usdc = hex_address(TEXT("0x036CbD53842c5426634e7929541eC2318f3dCF7e"));
    assert_true(evm_address_eq(&r.logs[0].address, &usdc));
    assert_true(log_transfer(&r.logs[0], &t) && u256_eq(t.amount, u256_of(10000)));
    assert_true(t.from.b[0] == 0x10 && t.to.b[0] == 0x20 && t.to.b[19] == 2);
    answers_clear(&x);
}

static void test_receipts_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *result;
        const char *pointer;
    } ROWS[] = {
        {"null", "/transactionHash"},
        {"{" BLOCK GAS FROM "'status':'0x1','logs':[]}", "/transactionHash"},
        {"{" TX BLOCK GAS FROM "'logs':[]}", "/status"},
        {"{" TX BLOCK GAS FROM "'status':'0x2','logs':[]}", "/status"},
        {"{" TX BLOCK GAS FROM "'status':1,'logs':[]}", "/status"},
        {"{" TX GAS FROM "'status':'0x1','logs':[]}", "/blockNumber"},
        {"{" TX GAS FROM "'blockNumber':'0x1','blockHash':null,'status':'0x1','logs':[]}",
         "/blockHash"},
        {"{" TX BLOCK FROM "'status':'0x1','logs':[]}", "/gasUsed"},
        {"{" TX BLOCK FROM "'gasUsed':'0x1','status':'0x1','logs':[]}", "/effectiveGasPrice"},
        {"{" TX BLOCK GAS "'status':'0x1','logs':[]}", "/from"},
        {"{" TX BLOCK GAS FROM "'status':'0x1'}", "/logs"},
        {"{" TX BLOCK GAS FROM "'status':'0x1','logs':{}}", "/logs"},
        {"{" TX BLOCK GAS FROM "'status':'0x1','logs':[0,0,0]}", "/logs"},
        {"{" TX BLOCK GAS FROM "'status':'0x1','logs':[" LOG ",{'address':'0x00'}]}", "/logs/1"},
        {"{" TX BLOCK GAS FROM "'status':'0x1','logs':[" LOG ",null]}", "/logs/1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct answers x;
        struct evm_receipt r;
        struct buf b = {0};
        buf_printf(&b, "[{'jsonrpc':'2.0','id':1,'result':%s}]", ROWS[i].result);
        buf_put_u8(&b, '\0');
        answers_read(&x, (const char *)b.p, 1, 1);
        assert_int_equal(x.code, METE_OK);
        enum mete_code code = rpc_receipt_read(&x.arena, x.a[0].result, &r, &x.err);
        if (code != METE_RPC_ANSWER || strcmp(x.err.pointer, ROWS[i].pointer) != 0)
            fail_msg("%s: %s at '%s'", ROWS[i].result, mete_code_name(code), x.err.pointer);
        answers_clear(&x);
        buf_clear(&b);
    }
}

/* Logs that were taken back, with five topics, with a short one. */
static void test_logs_that_are_none(void **state)
{
    (void)state;
#define TOPIC "'0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'"
#define AT    "'address':'0x036cbd53842c5426634e7929541ec2318f3dcf7e',"
    static const struct {
        const char *log;
        bool is_read;
    } ROWS[] = {
        {"{" AT "'data':'0x','topics':[]}", true},
        {"{" AT "'data':'0x','topics':[" TOPIC "," TOPIC "," TOPIC "," TOPIC "]}", true},
        {"{" AT "'data':'0x','topics':[" TOPIC "," TOPIC "," TOPIC "," TOPIC "," TOPIC "]}", false},
        {"{" AT "'data':'0x','topics':[],'removed':true}", false},
        {"{" AT "'data':'0x','topics':['0xdd']}", false},
        {"{" AT "'data':'0x1','topics':[]}", false},
        {"{" AT "'data':'0x'}", false},
        {"{" AT "'topics':[]}", false},
        {"{'data':'0x','topics':[" TOPIC "]}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct answers x;
        struct evm_receipt r;
        struct buf b = {0};
        buf_printf(&b, "[{'jsonrpc':'2.0','id':1,'result':{%s%s%s%s'status':'0x0','logs':[%s]}}]",
                   TX, BLOCK, GAS, FROM, ROWS[i].log);
        buf_put_u8(&b, '\0');
        answers_read(&x, (const char *)b.p, 1, 1);
        assert_int_equal(x.code, METE_OK);
        enum mete_code code = rpc_receipt_read(&x.arena, x.a[0].result, &r, &x.err);
        if ((code == METE_OK) != ROWS[i].is_read)
            fail_msg("%s: %s", ROWS[i].log, mete_code_name(code));
        assert_true(code != METE_OK || !r.is_ok);
        assert_true(code == METE_OK || strcmp(x.err.pointer, "/logs/0") == 0);
        answers_clear(&x);
        buf_clear(&b);
    }
}

static void test_blocks(void **state)
{
    (void)state;
#define HASH   "'hash':'0x2222222222222222222222222222222222222222222222222222222222222222',"
#define PARENT "'parentHash':'0x3333333333333333333333333333333333333333333333333333333333333333',"
    static const struct {
        const char *json;
        const char *pointer; /* NULL: it is read */
    } ROWS[] = {
        {"{'number':'0x10'," HASH PARENT "'timestamp':'0x65','baseFeePerGas':'0x7','size':'0x1'}",
         NULL},
        {"{'number':'0x10'," HASH PARENT "'timestamp':'0x65'}", NULL},
        {"{'number':null," HASH PARENT "'timestamp':'0x65'}", "/number"},
        {"{'number':'0x10'," PARENT "'timestamp':'0x65'}", "/hash"},
        {"{'number':'0x10'," HASH "'timestamp':'0x65'}", "/parentHash"},
        {"{'number':'0x10'," HASH PARENT "'timestamp':101}", "/timestamp"},
        {"{'number':'0x10'," HASH PARENT "'timestamp':'0x65','baseFeePerGas':'7'}",
         "/baseFeePerGas"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct buf b = {0};
        struct doc d;
        struct evm_block block;
        doc_read(&d, quoted(&b, ROWS[i].json));
        enum mete_code code = rpc_block_read(d.root, &block, &d.err);
        assert_int_equal(code, ROWS[i].pointer == NULL ? METE_OK : METE_RPC_ANSWER);
        if (ROWS[i].pointer != NULL)
            assert_string_equal(d.err.pointer, ROWS[i].pointer);
        else
            assert_true(block.number == 16 && block.time == 101 && block.parent.b[0] == 0x33 &&
                        block.hash.b[0] == 0x22 && block.base_fee.lo == (i == 0 ? 7 : 0));
        doc_clear(&d);
        buf_clear(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_answers_in_any_order),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_long_refusals),
        cmocka_unit_test(test_what_errors_mean),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_receipt),
        cmocka_unit_test(test_receipts_that_are_none),
        cmocka_unit_test(test_logs_that_are_none),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests_name("evm_rpc", tests, NULL, NULL);
}
