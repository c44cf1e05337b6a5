/* SPDX-License-Identifier: Apache-2.0
 * What a token is booked as: by its name where one is known, else so that no other token is. */
#include "rails/x402/net.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct evm_address TOKEN = {{0x83, 0x35, 0x89, 0xfc, 0xd6, 0xed, 0xb6,
                                          0xe0, 0x8f, 0x4c, 0x7c, 0x32, 0xd4, 0xf7,
                                          0x1b, 0x54, 0xbd, 0xa0, 0x29, 0x13}};

static const char *code_of(uint64_t chain_id, const struct evm_address *token)
{
    static char code[ASSET_CODE_LEN_MAX + 1];
    struct net n = {.chain_id = chain_id};
    (void)snprintf(n.id, sizeof n.id, "eip155:%llu", (unsigned long long)chain_id);
    net_asset_code(&n, token, code);
    assert_true(asset_code_valid(text_of(code)));
    return code;
}

static void a_code_is_as_long_as_it_may_be(void **state)
{
    (void)state;
    assert_string_equal(code_of(1, &TOKEN), "1:833589fcd6edb6e08f4c7c");
    assert_string_equal(code_of(8453, &TOKEN), "8453:833589fcd6edb6e08f4");
    assert_string_equal(code_of(999999999, &TOKEN), "999999999:833589fcd6edb6");
}

static void the_number_of_the_chain_leaves_too_little_room(void **state)
{
    char first[ASSET_CODE_LEN_MAX + 1];
    struct evm_address near = TOKEN;
    (void)state;
    (void)snprintf(first, sizeof first, "%s", code_of(UINT64_MAX, &TOKEN));
    assert_memory_equal(first, "x402:", 5);
    assert_int_equal(strlen(first), ASSET_CODE_LEN_MAX);
    assert_string_not_equal(first, code_of(UINT64_MAX - 1, &TOKEN));
    near.b[19] ^= 1;
    assert_string_not_equal(first, code_of(UINT64_MAX, &near));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_as_long_as_it_may_be),
        cmocka_unit_test(the_number_of_the_chain_leaves_too_little_room),
    };
    return cmocka_run_group_tests_name("x402_net", tests, NULL, NULL);
}
