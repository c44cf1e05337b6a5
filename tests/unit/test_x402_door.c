/* SPDX-License-Identifier: Apache-2.0
 * covers: V-053
 * Steps and results between a facilitator and the book: what one side writes the other reads,
 * member by member, and what is no step is told by its place. */
#include "x402_case.h"

#include "http/x402_door.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1 << 28);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

static struct json *parsed(const struct buf *b)
{
    struct json *j;
    struct mete_err err;
    if (json_parse(&arena, arena_text(&arena, buf_text(b)), &j, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    return j;
}

static void same(struct text a, struct text b)
{
    if (!text_eq(a, b)) {
        fail_msg("\"%.*s\" is not \"%.*s\"", (int)a.len, a.p, (int)b.len, b.p);
    }
}

static struct x402_step full_step(enum x402_step_kind kind)
{
    struct x402_step s = case_step(&arena, kind, 5, "10000");
    s.id = TEXT("x402-0000000000000000000000000000000000000000");
    s.reservation = TEXT("token");
    s.policy = TEXT("urn:p");
    s.counted = 77;
    s.cancels = true;
    s.transaction = TEXT("0xabc");
    s.reason = TEXT("a reason");
    s.block = UINT64_C(1) << 52;
    s.block_time = s.until;
    s.gas_used = 21000;
    s.gas_price = TEXT("123456789012345678");
    return s;
}

static void each_step_arrives_as_it_was_said(void **state)
{
    (void)state;
    for (int kind = 0; kind <= X402_STEP_UNDONE; kind++) {
        const struct x402_step s = full_step((enum x402_step_kind)kind);
        struct x402_step r;
        struct mete_err err;
        struct json_writer w;
        struct buf out = {0};
        jw_init(&w, &out, false);
        x402_step_write(&w, &s);
        if (x402_step_read(parsed(&out), 0, &r, &err) != METE_OK) {
            fail_msg("%s: %s", err.pointer, err.text);
        }
        assert_int_equal(r.kind, s.kind);
        assert_true(hash_eq(&r.request, &s.request));
        assert_true(r.until == s.until && r.block_time == s.block_time && r.block == s.block);
        assert_true(r.counted == s.counted && r.gas_used == s.gas_used && r.cancels);
        assert_true(r.scale == s.scale && r.call.gas == s.call.gas);
        const struct text *const pairs[][2] = {
            {&s.id, &r.id},
            {&s.name.network, &r.name.network},
            {&s.name.asset, &r.name.asset},
            {&s.name.from, &r.name.from},
            {&s.name.nonce, &r.name.nonce},
            {&s.reservation, &r.reservation},
            {&s.scheme, &r.scheme},
            {&s.to, &r.to},
            {&s.value, &r.value},
            {&s.resource, &r.resource},
            {&s.policy, &r.policy},
            {&s.code, &r.code},
            {&s.call.to, &r.call.to},
            {&s.call.data, &r.call.data},
            {&s.call.fee_max, &r.call.fee_max},
            {&s.call.tip_max, &r.call.tip_max},
            {&s.transaction, &r.transaction},
            {&s.reason, &r.reason},
            {&s.gas_price, &r.gas_price},
        };
        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
            same(*pairs[i][0], *pairs[i][1]);
        }
        buf_clear(&out);
    }
}

static void a_result_arrives_with_its_payment(void **state)
{
    struct text hashes[] = {TEXT("0x2"), TEXT("0x1")};
    struct text raws[] = {TEXT("0x022"), TEXT("0x021")};
    const struct x402_step s = full_step(X402_STEP_SETTLE);
    struct x402_step_result r = {.status = X402_STEP_REFUSED};
    struct x402_step_result got;
    struct json_writer w;
    struct buf out = {0};
    (void)state;
    r.now = (struct x402_status){.state = X402_SETTLED,
                                 .name = s.name,
                                 .request = s.request,
                                 .scheme = s.scheme,
                                 .to = s.to,
                                 .value = s.value,
                                 .resource = s.resource,
                                 .policy = s.policy,
                                 .asset_code = s.code,
                                 .signer = TEXT(X402_CASE_ACCOUNT),
                                 .asset_scale = 6,
                                 .account_nonce = 9,
                                 .until = s.until,
                                 .begun_at = s.until,
                                 .transactions = hashes,
                                 .raws = raws,
                                 .transaction_count = 2,
                                 .settled_by = hashes[1],
                                 .block = 12,
                                 .reason = TEXT("why"),
                                 .cancels = true};
    (void)mete_fail(&r.err, METE_PAYMENT_OTHERWISE, "", "another request");
    jw_init(&w, &out, false);
    x402_result_write(&w, &r);
    assert_true(x402_result_read(parsed(&out), &arena, &got));
    assert_int_equal(got.status, X402_STEP_REFUSED);
    assert_int_equal(got.err.code, METE_PAYMENT_OTHERWISE);
    assert_string_equal(got.err.text, "another request");
    assert_int_equal(got.now.state, X402_SETTLED);
    assert_true(hash_eq(&got.now.request, &s.request) && got.now.cancels);
    assert_true(got.now.until == s.until && got.now.begun_at == s.until);
    assert_true(got.now.account_nonce == 9 && got.now.block == 12 && got.now.asset_scale == 6);
    assert_int_equal(got.now.transaction_count, 2);
    for (size_t i = 0; i < 2; i++) {
        same(got.now.transactions[i], hashes[i]);
        same(got.now.raws[i], raws[i]);
    }
    same(got.now.settled_by, hashes[1]);
    same(got.now.signer, r.now.signer);
    same(got.now.asset_code, s.code);
    same(got.now.policy, s.policy);
    same(got.now.reason, r.now.reason);
    buf_clear(&out);
}

static void what_is_no_step_is_told(void **state)
{
    static const struct {
        const char *json, *pointer;
    } wrong[] = {{"[]", "/steps/3"},
                 {"{}", "/steps/3/step"},
                 {"{\"step\":\"pay\"}", "/steps/3/step"},
                 {"{\"step\":\"release\"}", "/steps/3"},
                 {"{\"step\":\"release\",\"id\":\"x\",\"also\":1}", "/steps/3/also"},
                 {"{\"step\":\"release\",\"id\":1}", "/steps/3/id"},
                 {"{\"step\":\"settle\",\"id\":\"x\",\"until\":\"soon\"}", "/steps/3/until"},
                 {"{\"step\":\"settle\",\"id\":\"x\",\"request\":\"ab\"}", "/steps/3/request"},
                 {"{\"step\":\"settle\",\"id\":\"x\",\"scale\":31}", "/steps/3/scale"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct x402_step s;
        struct mete_err err = {0};
        struct json *j;
        assert_int_equal(json_parse(&arena, text_of(wrong[i].json), &j, NULL), METE_OK);
        assert_int_equal(x402_step_read(j, 3, &s, &err), METE_REQUEST_INVALID);
        assert_string_equal(err.pointer, wrong[i].pointer);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_step_arrives_as_it_was_said),
        TEST(a_result_arrives_with_its_payment),
        TEST(what_is_no_step_is_told),
    };
    return cmocka_run_group_tests_name("x402_door", tests, NULL, NULL);
}
