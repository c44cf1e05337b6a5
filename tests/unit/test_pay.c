/* SPDX-License-Identifier: Apache-2.0
 * The paying client's parts by themselves: limits, allow-lists, offers, the history as two
 * processes see it. covers: V-007 V-009 V-010 V-011 */
#include "base/text.h"
#include "client/pay_sign.h"
#include "wire/x402/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN  "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
#define PAY_TO "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
#define OFFER(amount, more)                                                                        \
    "{\"scheme\":\"exact\",\"network\":\"eip155:8453\",\"amount\":\"" amount                       \
    "\",\"asset\":\"" TOKEN "\",\"payTo\":\"" PAY_TO "\",\"maxTimeoutSeconds\":60,"                \
    "\"extra\":{\"name\":\"USD Coin\",\"version\":\"2\"" more "}}"

static char why[METE_CLIENT_ERROR_MAX];

/* --- limits ------------------------------------------------------------------------------------*/

static struct u256 units(uint64_t v)
{
    return u256_of(v);
}

static void test_a_limit_is_exact(void **state)
{
    (void)state;
    struct pay_limit l;
    assert_true(pay_limit_read(&l, "max", "$0.05", why));
    const struct u256 cent5 = units(UINT64_C(50000000000000000));
    assert_true(u256_eq(l.worth, cent5));
    assert_true(pay_limit_allows(&l, units(0), cent5, "USDC"));
    assert_true(pay_limit_allows(&l, cent5, units(0), "USDC"));
    assert_false(pay_limit_allows(&l, units(1), cent5, "USDC"));
    assert_false(pay_limit_allows(&l, U256_MAX, units(1), "USDC")); /* nothing wraps around */
    assert_true(pay_limit_read(&l, "max", NULL, why));
    assert_true(pay_limit_allows(&l, U256_MAX, U256_MAX, "USDC"));
}

static void test_a_limit_of_a_symbol_is_for_that_symbol(void **state)
{
    (void)state;
    struct pay_limit l;
    assert_true(pay_limit_read(&l, "max", "0.05 usdc", why));
    assert_true(pay_limit_allows(&l, units(0), units(1), "USDC"));
    assert_false(pay_limit_allows(&l, units(0), units(1), "USDT0"));
    assert_false(pay_limit_allows(&l, units(0), units(1), ""));
}

static void test_what_is_no_limit_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",     "0.05", "50000",  "50%",   "-$1",
                                      "$1e3", "$",    "$0.1.2", "1 2 3", "$0.0000000000000000001"};
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct pay_limit l;
        why[0] = '\0';
        if (pay_limit_read(&l, "max", BAD[i], why) || strstr(why, "max") == NULL) {
            fail_msg("'%s' is taken for a limit", BAD[i]);
        }
    }
}

/* --- rules -------------------------------------------------------------------------------------*/

static void test_options_that_are_wrong_are_named(void **state)
{
    (void)state;
    static const char *const BAD[] = {"nowhere", NULL};
    static const char *const BAD_DECIMALS[] = {"eip155:1/" PAY_TO "/19/X", NULL};
    static const char *const NO_DECIMALS[] = {"eip155:1/" PAY_TO, NULL};
    static const char *const BAD_NODE[] = {"eip155:1", NULL};
    const struct mete_client_options list[] = {
        {.networks = BAD},       {.schemes = BAD},  {.recipients = BAD},  {.assets = BAD_DECIMALS},
        {.assets = NO_DECIMALS}, {.rpc = BAD_NODE}, {.max_per_day = "5"}, {.select = 7}};
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        struct pay_rules r;
        why[0] = '\0';
        assert_int_equal(pay_rules_read(&r, &list[i], why), METE_CLIENT_USAGE);
        assert_true(why[0] != '\0');
        pay_rules_clear(&r);
    }
}

static void test_assets_by_default_and_by_name(void **state)
{
    (void)state;
    static const char *const OWN[] = {"base/" PAY_TO "/4/OWN", NULL};
    static const char *const SYMBOL[] = {"EURC", NULL};
    struct mete_err err;
    struct evm_address usdc, own;
    struct pay_asset found;
    struct pay_rules r;
    size_t rank;
    assert_int_equal(evm_address_parse(TEXT(TOKEN), EVM_CHECKSUM_NEEDED, &usdc, &err), METE_OK);
    assert_int_equal(evm_address_parse(TEXT(PAY_TO), EVM_CHECKSUM_NEEDED, &own, &err), METE_OK);
    const struct mete_client_options none = {0}, with_own = {.assets = OWN},
                                     euro = {.assets = SYMBOL};
    assert_int_equal(pay_rules_read(&r, &none, why), METE_CLIENT_OK);
    assert_true(pay_asset_find(&r, 8453, &usdc, &found, &rank));
    assert_string_equal(found.symbol, "USDC");
    assert_int_equal(found.decimals, 6);
    assert_false(pay_asset_find(&r, 1, &usdc, &found, &rank)); /* on another chain it is another */
    assert_false(pay_asset_find(&r, 8453, &own, &found, &rank));
    pay_rules_clear(&r);
    assert_int_equal(pay_rules_read(&r, &with_own, why), METE_CLIENT_OK);
    assert_true(pay_asset_find(&r, 8453, &own, &found, &rank) && found.decimals == 4);
    assert_true(pay_asset_find(&r, 8453, &usdc, &found, &rank));
    assert_false(pay_asset_find(&r, 137, &own, &found, &rank));
    pay_rules_clear(&r);
    assert_int_equal(pay_rules_read(&r, &euro, why), METE_CLIENT_OK);
    assert_false(pay_asset_find(&r, 8453, &usdc, &found, &rank));
    pay_rules_clear(&r);
}

/* --- offers ------------------------------------------------------------------------------------*/

static int pick_of(const char *offers, const struct mete_client_options *o)
{
    struct pay_offers read;
    struct pay_rules r;
    struct buf json = {0};
    struct buf header = {0};
    enum mete_client_error error;
    buf_printf(&json, "{\"x402Version\":2,\"accepts\":[%s]}", offers);
    x402_header_write(&header, buf_text(&json));
    buf_put_u8(&header, 0);
    assert_int_equal(pay_rules_read(&r, o, why), METE_CLIENT_OK);
    assert_int_equal(pay_offers_read(&read, (const char *)header.p, TEXT(""), why), METE_CLIENT_OK);
    pay_offers_judge(&read, &r, &r.request);
    const int pick = pay_offers_choose(&read, &r, &error, why);
    pay_offers_clear(&read);
    pay_rules_clear(&r);
    buf_clear(&json);
    buf_clear(&header);
    return pick;
}

static int last_one(void *ctx, const struct mete_client_offer *offers, size_t count)
{
    assert_string_equal(offers[0].network, "eip155:8453");
    *(size_t *)ctx = count;
    return (int)count - 1;
}

static int out_of_range(void *ctx, const struct mete_client_offer *offers, size_t count)
{
    (void)ctx;
    (void)offers;
    return (int)count;
}

static void test_choosing(void **state)
{
    (void)state;
    size_t seen = 0;
    const struct mete_client_options cheapest = {0}, first = {.select = METE_CLIENT_FIRST},
                                     own = {.choose = last_one, .choose_ctx = &seen},
                                     wild = {.choose = out_of_range};
    const char *two = OFFER("200", "") "," OFFER("100", "") "," OFFER("100", "");
    assert_int_equal(pick_of(two, &cheapest), 1);
    assert_int_equal(pick_of(two, &first), 0);
    assert_int_equal(pick_of(two, &own), 2);
    assert_int_equal(seen, 3);
    assert_int_equal(pick_of(two, &wild), -1);
    assert_int_equal(pick_of(OFFER("100", "") "," OFFER("2000000", ""), &own), -1); /* too much */
    const char *flows = OFFER("1", ",\"paymentFlow\":\"upfront\"") "," OFFER("2", "") "," OFFER(
        "1", ",\"paymentFlow\":\"x\"");
    assert_int_equal(pick_of(flows, &cheapest), 1);
    assert_int_equal(pick_of(OFFER("1", ",\"paymentFlow\":\"upfront\""), &cheapest), 0);
    assert_int_equal(pick_of(OFFER("1", ",\"paymentFlow\":\"escrow\""), &cheapest), -1);
}

/* --- the history -------------------------------------------------------------------------------*/

static char path[64];

static struct pay_entry *entry(const char *id, const char *amount, bool has_id)
{
    struct pay_entry *e = calloc(1, sizeof *e);
    assert_non_null(e);
    memset(e->id, id[0], ENTRY_ID_LEN);
    memset(e->key.b, id[0], sizeof e->key.b);
    e->at = TIME_DAY_US * 20000;
    e->valid_until_s = 20000 * INT64_C(86400) + 60;
    e->decimals = 6;
    e->version = 2;
    e->has_id = has_id;
    snprintf(e->host, sizeof e->host, "shop");
    snprintf(e->amount, sizeof e->amount, "%s", amount);
    snprintf(e->reason, sizeof e->reason, "a \"word\"");
    e->url = strdup("http://shop/x?y");
    e->header = strdup("e30=");
    return e;
}

static int history_make(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/mete-test-pay-%d", (int)getpid());
    (void)unlink(path);
    return 0;
}

static int history_remove(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static struct history *opened(void)
{
    struct history *h = history_open(path, why);
    assert_non_null(h);
    assert_true(history_lock(h));
    return h;
}

static struct u256 day_of(struct history *h)
{
    struct pay_sums s;
    history_sums(h, 20000, "shop", &s);
    assert_true(u256_eq(s.host, s.day));
    return s.day;
}

static void test_one_of_two_works_on_a_payment(void **state)
{
    (void)state;
    bool is_busy;
    struct history *a = opened();
    struct pay_entry *e = history_add(a, entry("1", "10000", false));
    assert_non_null(e);
    const struct hash key = e->key;
    history_unlock(a);
    struct history *b = opened();
    assert_null(history_claim(b, &key, e->at, false, &is_busy));
    assert_true(is_busy);
    history_unlock(b);
    assert_true(history_lock(a));
    history_release(a, e);
    history_unlock(a);
    assert_true(history_lock(b));
    struct pay_entry *mine = history_claim(b, &key, 0, false, &is_busy);
    assert_non_null(mine);
    assert_string_equal(mine->header, "e30=");
    mine->state = METE_CLIENT_STATE_PAID;
    history_change(b, mine, TIME_DAY_US);
    history_release(b, mine);
    assert_null(history_claim(b, &key, 0, false, &is_busy)); /* it is over */
    assert_false(is_busy);
    history_unlock(b);
    assert_true(history_lock(a));
    assert_null(history_claim(a, &key, 0, false, &is_busy)); /* and the other knows */
    history_unlock(a);
    history_close(a);
    history_close(b);
}

static void test_a_claim_ends_with_its_process(void **state)
{
    (void)state;
    bool is_busy;
    struct history *a = opened();
    const struct pay_entry *e = history_add(a, entry("1", "10000", false));
    const struct hash key = e->key;
    history_unlock(a);
    history_close(a); /* as when it dies: nothing is written */
    struct history *b = opened();
    assert_non_null(history_claim(b, &key, 0, false, &is_busy));
    history_unlock(b);
    history_close(b);
}

static void test_sums_are_of_what_may_have_moved(void **state)
{
    (void)state;
    struct history *a = opened();
    struct history *b;
    struct pay_entry *one = history_add(a, entry("1", "10000", false));
    struct pay_entry *two = history_add(a, entry("2", "5", true));
    assert_true(one != NULL && two != NULL);
    const struct u256 both = units(UINT64_C(10005000000000000));
    assert_true(u256_eq(day_of(a), both));
    one->state = METE_CLIENT_STATE_UNPAID;
    history_change(a, one, 1);
    assert_true(u256_eq(day_of(a), both)); /* a signature cannot be taken back */
    one->state = METE_CLIENT_STATE_LAPSED;
    history_change(a, one, 2);
    assert_true(u256_eq(day_of(a), units(UINT64_C(5000000000000))));
    two->state = METE_CLIENT_STATE_PAID;
    history_change(a, two, 3);
    history_unlock(a);
    history_close(a);
    b = opened(); /* the same from the file */
    assert_true(u256_eq(day_of(b), units(UINT64_C(5000000000000))));
    struct pay_sums s;
    history_sums(b, 20001, "shop", &s);
    assert_true(u256_is_zero(s.day) && !u256_is_zero(s.total));
    history_sums(b, 20000, "other", &s);
    assert_true(u256_is_zero(s.host) && !u256_is_zero(s.day));
    history_unlock(b);
    history_close(b);
}

static void test_every_cut_of_the_file_is_survived(void **state)
{
    (void)state;
    struct history *h = opened();
    struct pay_entry *e = history_add(h, entry("1", "10000", true));
    assert_non_null(e);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    const off_t first = st.st_size;
    e->state = METE_CLIENT_STATE_PAID;
    history_change(h, e, 1);
    history_unlock(h);
    history_close(h);
    assert_int_equal(stat(path, &st), 0);
    for (off_t len = st.st_size; len >= 0; len--) {
        bool is_busy;
        assert_int_equal(truncate(path, len), 0);
        struct history *again = opened();
        struct pay_entry *found = history_claim(again, &(struct hash){{'1'}}, 0, false, &is_busy);
        assert_null(found);
        struct hash key;
        memset(key.b, '1', sizeof key.b);
        found = history_claim(again, &key, 0, false, &is_busy);
        assert_int_equal(found != NULL, len >= first);
        if (found != NULL) {
            assert_int_equal(found->state == METE_CLIENT_STATE_PAID, len == st.st_size);
        }
        assert_non_null(history_add(again, entry("2", "1", false))); /* and it goes on behind it */
        history_unlock(again);
        history_close(again);
        again = opened();
        memset(key.b, '2', sizeof key.b);
        assert_non_null(history_claim(again, &key, 0, false, &is_busy));
        history_unlock(again);
        history_close(again);
    }
}

static void test_a_broken_line_stops_all(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"v\":1}\n", f);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
    assert_null(history_open(path, why));
    assert_non_null(strstr(why, "byte 0"));
    assert_int_equal(chmod(path, 0640), 0);
    assert_null(history_open(path, why));
    assert_non_null(strstr(why, "chmod 600"));
}

static void test_a_file_that_is_taken_away_stops_all(void **state)
{
    (void)state;
    struct history *h = opened();
    assert_non_null(history_add(h, entry("1", "1", false)));
    history_unlock(h);
    assert_int_equal(truncate(path, 3), 0);
    assert_false(history_lock(h));
    assert_int_equal(unlink(path), 0);
    assert_false(history_lock(h));
    assert_non_null(strstr(history_why(h), "removed"));
    history_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_limit_is_exact),
        cmocka_unit_test(test_a_limit_of_a_symbol_is_for_that_symbol),
        cmocka_unit_test(test_what_is_no_limit_is_refused),
        cmocka_unit_test(test_options_that_are_wrong_are_named),
        cmocka_unit_test(test_assets_by_default_and_by_name),
        cmocka_unit_test(test_choosing),
        cmocka_unit_test_setup_teardown(test_one_of_two_works_on_a_payment, history_make,
                                        history_remove),
        cmocka_unit_test_setup_teardown(test_a_claim_ends_with_its_process, history_make,
                                        history_remove),
        cmocka_unit_test_setup_teardown(test_sums_are_of_what_may_have_moved, history_make,
                                        history_remove),
        cmocka_unit_test_setup_teardown(test_every_cut_of_the_file_is_survived, history_make,
                                        history_remove),
        cmocka_unit_test_setup_teardown(test_a_broken_line_stops_all, history_make, history_remove),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_taken_away_stops_all, history_make,
                                        history_remove)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
