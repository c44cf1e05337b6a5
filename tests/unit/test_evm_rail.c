/* SPDX-License-Identifier: Apache-2.0
 * The parts of the EVM rail that need no node: batches as bytes, nonces of a lane, the table of
 * networks, amounts and fees. The rail against a node is tests/rails/test_evm.py.
 * covers: F-047 V-091 */
#include "evm_case.h"

#include "base/text.h"
#include "rails/evm/evm_parts.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LANE_CHAIN 1
#define LANE_KEY   "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"

static const struct evm_address TOKEN = {{0x11, 0x22}};

/* --- batches -----------------------------------------------------------------------------------*/

static void batch_of(struct buf *out, size_t count)
{
    struct batch_payment p[BATCH_PAYMENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        p[i] = (struct batch_payment){{{0xaa, (uint8_t)i}}, u256_of(((u128)1 << 95) + i)};
    }
    call_put_batch(out, &TOKEN, p, count);
}

static void test_batch_there_and_back(void **state)
{
    (void)state;
    static const size_t COUNTS[] = {0, 1, 2, 255, 256};
    for (size_t n = 0; n < ARRAY_LEN(COUNTS); n++) {
        struct buf b = {0};
        struct evm_address token;
        struct batch_payment one;
        size_t count = 999;
        batch_of(&b, COUNTS[n]);
        assert_true(batch_call_read(buf_bytes(&b), &token, &count));
        assert_int_equal(count, COUNTS[n]);
        assert_true(evm_address_eq(&token, &TOKEN));
        for (size_t i = 0; i < count; i++) {
            assert_true(batch_call_at(buf_bytes(&b), i, &one));
            assert_int_equal(one.to.b[1], (uint8_t)i);
            assert_true(u256_eq(one.amount, u256_of(((u128)1 << 95) + i)));
        }
        assert_false(batch_call_at(buf_bytes(&b), count, &one));
        buf_clear(&b);
    }
}

static void test_batch_that_is_none(void **state)
{
    (void)state;
    struct buf b = {0};
    struct evm_address token;
    size_t count;
    batch_of(&b, 3);
    for (size_t len = 0; len < b.len; len++) {
        assert_false(batch_call_read((struct bytes){b.p, len}, &token, &count));
    }
    b.p[0] ^= 1; /* another function */
    assert_false(batch_call_read(buf_bytes(&b), &token, &count));
    b.p[0] ^= 1;
    b.p[4] = 1; /* more than an address */
    assert_false(batch_call_read(buf_bytes(&b), &token, &count));
    b.p[4] = 0;
    b.p[4 + 3 * ABI_WORD - 1] = 4; /* says four, has three */
    assert_false(batch_call_read(buf_bytes(&b), &token, &count));
    buf_clear(&b);
}

static struct evm_log batched_log(const uint8_t data[2 * ABI_WORD])
{
    struct evm_log log = {.topic_count = 3, .data = {data, 2 * (size_t)ABI_WORD}};
    log.topics[0] = EVM_TOPIC_BATCHED;
    log.topics[1].b[31] = 7;
    log.topics[2].b[31] = 8;
    return log;
}

static void test_batch_log(void **state)
{
    (void)state;
    uint8_t data[2 * ABI_WORD] = {[31] = 3, [32] = 0x80, [63] = 5};
    struct evm_address token, from;
    struct u256 unpaid;
    struct evm_log log = batched_log(data);
    assert_true(log_batched(&log, &token, &from, &unpaid));
    assert_true(token.b[19] == 7 && from.b[19] == 8);
    for (size_t i = 0; i < BATCH_PAYMENTS_MAX; i++) {
        assert_int_equal(batch_bit(unpaid, i), i == 0 || i == 2 || i == 255);
    }
    log.topic_count = 2;
    assert_false(log_batched(&log, &token, &from, &unpaid));
    log = batched_log(data);
    log.topics[0] = EVM_TOPIC_TRANSFER;
    assert_false(log_batched(&log, &token, &from, &unpaid));
    log = batched_log(data);
    log.data.len -= 1;
    assert_false(log_batched(&log, &token, &from, &unpaid));
    log = batched_log(data);
    log.topics[1].b[0] = 1;
    assert_false(log_batched(&log, &token, &from, &unpaid));
}

/* --- lanes -------------------------------------------------------------------------------------*/

static struct lane *lane_make(void)
{
    char path[] = "/tmp/mete-lane-XXXXXX";
    struct lane *l = NULL;
    struct mete_err err;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, LANE_KEY, sizeof LANE_KEY - 1) == sizeof LANE_KEY - 1);
    close(fd);
    assert_int_equal(lane_open(&l, LANE_CHAIN, path, &err), METE_OK);
    assert_int_equal(chmod(path, 0640), 0);
    struct lane *other = NULL;
    assert_int_equal(lane_open(&other, LANE_CHAIN, path, &err), METE_USAGE);
    unlink(path);
    return l;
}

static void test_lane_key(void **state)
{
    (void)state;
    char text[EVM_ADDRESS_TEXT_LEN + 1];
    struct lane *l = lane_make();
    struct evm_tx tx = {
        .type = EVM_TX_FEE_MARKET, .chain_id = 1, .to = TOKEN, .gas = 21000, .fee_max = {0, 1}};
    struct evm_address sender;
    evm_address_format(lane_address(l), text);
    assert_string_equal(text, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
    lane_sign(l, &tx);
    assert_int_equal(evm_tx_sender(&tx, &sender, NULL), METE_OK);
    assert_true(evm_address_eq(&sender, lane_address(l)));
    lane_close(l);
    lane_close(NULL);
}

static void test_lane_nonces(void **state)
{
    (void)state;
    struct lane *l = lane_make();
    const struct text a = TEXT("a"), b = TEXT("b"), c = TEXT("c");
    const mete_time now = TIME_DAY_US;
    assert_int_equal(lane_offer(l, 5, a, 0, now), 5);
    assert_int_equal(lane_offer(l, 5, a, 0, now), 5); /* it heard nothing */
    assert_int_equal(lane_offer(l, 5, b, 0, now), 6);
    assert_false(lane_is_free(l, 5, now));
    lane_use(l, LANE_CHAIN, lane_address(l), 5);
    lane_use(l, LANE_CHAIN, &TOKEN, 7); /* another account's */
    lane_use(l, LANE_CHAIN + 1, lane_address(l), 7);
    assert_int_equal(lane_offer(l, 5, a, 0, now), 7); /* an attempt that comes after */
    assert_int_equal(lane_offer(l, 5, b, 1, now), 8); /* 6 is somebody's */
    assert_int_equal(lane_offer(l, 5, c, 0, now), 9);
    assert_true(lane_is_free(l, 10, now));
    /* Offered, never used: 7, 8 and 9, but not 6. */
    const mete_time later = now + LANE_OFFER_US + 1;
    assert_true(lane_is_free(l, 7, later) && !lane_is_free(l, 6, later));
    assert_true(lane_is_left(l, 7, later) && !lane_is_left(l, 7, now));
    assert_false(lane_is_left(l, 6, later) || lane_is_left(l, 10, later)); /* used; never offered */
    assert_int_equal(lane_offer(l, 5, TEXT("d"), 0, later), 7);
    lane_forget(l, LANE_CHAIN, &TOKEN, 100);
    lane_forget(l, LANE_CHAIN + 1, lane_address(l), 100);
    assert_false(lane_is_free(l, 6, later));
    lane_forget(l, LANE_CHAIN, lane_address(l), 7);
    assert_true(lane_is_free(l, 6, now)); /* the chain has it: nobody asks any more */
    assert_false(lane_is_free(l, 7, later));
    lane_close(l);
}

static void test_lane_passes_over(void **state)
{
    (void)state;
    struct lane *l = lane_make();
    uint64_t last = 0;
    for (uint32_t taken = 0; taken < 8; taken++) {
        uint64_t got = lane_offer(l, 100, TEXT("a"), taken, TIME_DAY_US);
        assert_true(taken == 0 ? got == 100 : got > last);
        last = got;
    }
    assert_true(last >= 150); /* eight questions pass over fifty nonces that were taken */
    assert_true(lane_offer(l, 100, TEXT("a"), 1000000, TIME_DAY_US) < 3000);
    lane_close(l);
}

/* --- bodies ------------------------------------------------------------------------------------*/

static struct evm_tx signed_tx(struct lane *l, uint64_t nonce, struct evm_address to)
{
    struct evm_tx tx = {.type = EVM_TX_FEE_MARKET,
                        .chain_id = 1,
                        .nonce = nonce,
                        .gas = 21000,
                        .fee_max = u256_of(9),
                        .to = to};
    lane_sign(l, &tx);
    return tx;
}

/** Whether a body of these is read. */
static bool body_reads(const struct evm_tx *const *tx, size_t count, struct evm_sent *out)
{
    static struct arena a;
    arena_clear(&a);
    arena_init(&a, 2 * EVM_SENT_ARENA_MAX);
    return evm_sent_read(&a, 1, evm_body(&a, tx, count), out);
}

static void test_bodies(void **state)
{
    (void)state;
    struct lane *l = lane_make();
    const struct evm_address me = *lane_address(l);
    const struct evm_tx pay = signed_tx(l, 9, TOKEN), hole = signed_tx(l, 7, me),
                        other = signed_tx(l, 8, me), behind = signed_tx(l, 10, me),
                        gift = signed_tx(l, 7, TOKEN);
    struct evm_tx rich = signed_tx(l, 7, me);
    struct evm_sent s;
    rich.value = u256_of(1);
    lane_sign(l, &rich);
    assert_true(body_reads((const struct evm_tx *[]){&pay}, 1, &s));
    assert_true(s.fill_count == 0 && s.tx.nonce == 9 && evm_address_eq(&s.sender, &me));
    assert_true(body_reads((const struct evm_tx *[]){&hole, &other, &pay}, 3, &s));
    assert_true(s.fill_count == 2 && s.fill[0].tx.nonce == 7 && s.fill[1].tx.nonce == 8);
    assert_true(s.tx.nonce == 9 && evm_address_eq(&s.tx.to, &TOKEN));
    /* What stands before the payment moves nothing, and is of its account. */
    assert_false(body_reads((const struct evm_tx *[]){&behind, &pay}, 2, &s));
    assert_false(body_reads((const struct evm_tx *[]){&gift, &pay}, 2, &s));
    assert_false(body_reads((const struct evm_tx *[]){&rich, &pay}, 2, &s));
    const struct evm_tx *row[EVM_FILLS_MAX + 2];
    for (size_t i = 0; i <= EVM_FILLS_MAX; i++) {
        row[i] = &hole;
    }
    row[EVM_FILLS_MAX] = row[EVM_FILLS_MAX + 1] = &pay;
    assert_true(body_reads(row, EVM_FILLS_MAX + 1, &s));
    row[EVM_FILLS_MAX] = &hole;
    assert_false(body_reads(row, EVM_FILLS_MAX + 2, &s));
    lane_close(l);
}

static void test_body_that_is_none(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", ",", "0x", ",0x", "0x,", "0x00,0x00", "x", "0xzz"};
    struct arena a;
    struct evm_sent s;
    arena_init(&a, EVM_SENT_ARENA_MAX);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(evm_sent_read(&a, 1, text_of(BAD[i]), &s));
    }
    arena_clear(&a);
}

/* --- networks, amounts, fees -------------------------------------------------------------------*/

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t id;
    } ASKED[] = {{"ethereum", 1},
                 {"base", 8453},
                 {"base-sepolia", 84532},
                 {"arbitrum", 42161},
                 {"optimism", 10},
                 {"polygon", 137},
                 {"bsc", 56},
                 {"bsc-testnet", 97},
                 {"avalanche", 43114},
                 {"avalanche-fuji", 43113}};
    for (size_t i = 0; i < ARRAY_LEN(ASKED); i++) {
        assert_int_equal(network_by_name(text_of(ASKED[i].name))->chain_id, ASKED[i].id);
    }
    const struct network *n;
    size_t count = 0;
    for (; (n = network_at(count)) != NULL; count++) {
        struct evm_address usdc;
        assert_ptr_equal(network_by_id(n->chain_id), n);
        assert_ptr_equal(network_by_name(text_of(n->name)), n);
        assert_true(asset_builtin(text_of(n->coin)) != NULL && n->confirmations > 0);
        assert_int_equal(asset_builtin(text_of(n->coin))->scale, EVM_COIN_DECIMALS);
        assert_true(n->usdc == NULL || (n->usdc_decimals == 6 &&
                                        evm_address_parse(text_of(n->usdc), EVM_CHECKSUM_NEEDED,
                                                          &usdc, NULL) == METE_OK));
    }
    assert_int_equal(count, 14);
    assert_null(network_by_name(TEXT("mumbai")));
    assert_null(network_by_id(80001));
}

static void test_amounts(void **state)
{
    (void)state;
    static const struct {
        uint8_t scale, decimals;
        int64_t amount;
        bool ok;
        uint64_t units;
    } ROWS[] = {{6, 6, 123, true, 123},
                {2, 6, 123, true, 1230000},
                {8, 6, 12300, true, 123},
                {8, 6, 12301, false, 0},
                {0, 18, 2, true, UINT64_C(2000000000000000000)},
                {18, 0, 1, false, 0},
                {6, 6, -1, false, 0}};
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        const struct asset asset = {.scale = ROWS[i].scale};
        const struct evm_token token = {.decimals = ROWS[i].decimals};
        struct u256 units;
        i128 back = 0;
        bool is_exact;
        assert_int_equal(evm_amount_of(&asset, &token, ROWS[i].amount, &units), ROWS[i].ok);
        if (ROWS[i].ok) {
            assert_true(u256_eq(units, u256_of(ROWS[i].units)));
            assert_true(evm_amount_back(&asset, &token, units, false, &back, &is_exact));
            assert_true(is_exact && back == ROWS[i].amount);
        }
    }
    const struct asset cents = {.scale = 2};
    const struct evm_token token = {.decimals = 6};
    struct u256 units;
    i128 back = 0;
    bool is_exact;
    assert_true(evm_amount_back(&cents, &token, u256_of(10001), false, &back, &is_exact));
    assert_true(back == 1 && !is_exact);
    assert_true(evm_amount_back(&cents, &token, u256_of(10001), true, &back, &is_exact));
    assert_true(back == 2 && !is_exact);
    assert_false(evm_amount_back(&cents, &token, U256_MAX, false, &back, &is_exact));
    const struct evm_token fine = {.decimals = 77};
    assert_false(evm_amount_of(&cents, &fine, I128_MAX, &units));
}

static void test_fees(void **state)
{
    (void)state;
    const u128 cap = 100 * EVM_GWEI;
    struct evm_fees f = evm_fees_of(u256_of(10 * EVM_GWEI), u256_of(EVM_GWEI), cap);
    assert_true(f.max == 21 * EVM_GWEI && f.tip == EVM_GWEI && f.base == 10 * EVM_GWEI);
    struct evm_tx tx = {.tip_max = u256_of(f.tip), .fee_max = u256_of(f.max)};
    assert_true(evm_fees_raise(&f, cap, &tx));
    assert_true(8 * tx.fee_max.lo >= 9 * f.max && 8 * tx.tip_max.lo >= 9 * f.tip);
    f = evm_fees_of(u256_of(60 * EVM_GWEI), u256_of(3 * EVM_GWEI),
                    cap); /* the cap is below twice the base */
    assert_true(f.max == 100 * EVM_GWEI);
    assert_true(evm_fees_raise(&f, cap, &tx));
    assert_true(tx.fee_max.lo == 100 * EVM_GWEI && tx.tip_max.lo == 3 * EVM_GWEI);
    assert_false(evm_fees_raise(&f, cap, &tx)); /* nothing is left under the cap */
    f = evm_fees_of(U256_MAX, U256_MAX, cap);
    assert_true(f.max == cap && f.tip == cap);
    assert_true(evm_gas_room(100) == 120 && evm_gas_room(UINT64_MAX - 1) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_there_and_back),
        cmocka_unit_test(test_batch_that_is_none),
        cmocka_unit_test(test_batch_log),
        cmocka_unit_test(test_lane_key),
        cmocka_unit_test(test_lane_nonces),
        cmocka_unit_test(test_lane_passes_over),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_body_that_is_none),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_fees),
    };
    return cmocka_run_group_tests_name("evm_rail", tests, NULL, NULL);
}
