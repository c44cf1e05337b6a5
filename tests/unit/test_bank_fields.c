/* SPDX-License-Identifier: Apache-2.0
 * What stands in one field of a bank file: account numbers, ids, letters, amounts, days. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/i128.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/bank/calendar.h"
#include "wire/bank/field.h"
#include "wire/bank/iban.h"

static bool iban_ok(const char *s)
{
    struct iban out = {{0}};
    struct mete_err err = {0};
    enum mete_code code = iban_parse(text_of(s), "/iban", &out, &err);
    if (code != METE_OK) {
        assert_int_equal(code, METE_IBAN_INVALID);
        assert_string_equal(err.pointer, "/iban");
        assert_true(err.text[0] != '\0' && out.text[0] == '\0');
    }
    return code == METE_OK;
}

/* The examples that banks print for their countries. */
static void test_ibans_of_many_countries_are_read(void **state)
{
    static const char *const good[] = {
        "AD1200012030200359100100",
        "AE070331234567890123456",
        "AL47212110090000000235698741",
        "AT611904300234573201",
        "AZ21NABZ00000000137010001944",
        "BA391290079401028494",
        "BE68539007547034",
        "BG80BNBG96611020345678",
        "BH67BMAG00001299123456",
        "BR1800360305000010009795493C1",
        "BY13NBRB3600900000002Z00AB00",
        "CH9300762011623852957",
        "CR05015202001026284066",
        "CY17002001280000001200527600",
        "CZ6508000000192000145399",
        "DE89370400440532013000",
        "DK5000400440116243",
        "DO28BAGR00000001212453611324",
        "EE382200221020145685",
        "ES9121000418450200051332",
        "FI2112345600000785",
        "FO6264600001631634",
        "FR1420041010050500013M02606",
        "GB29NWBK60161331926819",
        "GE29NB0000000101904917",
        "GI75NWBK000000007099453",
        "GL8964710001000206",
        "NL91ABNA0417164300",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!iban_ok(good[i])) {
            fail_msg("%s", good[i]);
        }
    }
}

/* Mod 97 sees each wrong character and each exchange of two neighbours. */
static void test_every_wrong_character_of_an_iban_is_found(void **state)
{
    static const char good[] = "DE89370400440532013000";
    size_t tried = 0;
    (void)state;
    for (size_t i = 0; i < sizeof good - 1; i++) {
        for (char c = '0'; c <= 'Z'; c++) {
            char bad[sizeof good];
            memcpy(bad, good, sizeof good);
            bad[i] = c;
            if (c != good[i]) {
                assert_false(iban_ok(bad));
                tried++;
            }
        }
        if (i > 0 && good[i] != good[i - 1]) {
            char bad[sizeof good];
            memcpy(bad, good, sizeof good);
            bad[i] = good[i - 1];
            bad[i - 1] = good[i];
            assert_false(iban_ok(bad));
            tried++;
        }
    }
    print_message("# %zu wrong IBANs refused\n", tried);
}

static void test_ibans_are_read_as_people_write_them_and_printed_plain(void **state)
{
    struct iban out;
    char paper[IBAN_PAPER_MAX];
    (void)state;
    assert_int_equal(iban_parse(TEXT("de89 3704 0044 0532 0130 00"), "", &out, NULL), METE_OK);
    assert_string_equal(out.text, "DE89370400440532013000");
    assert_int_equal(iban_paper(&out, paper), 27);
    assert_string_equal(paper, "DE89 3704 0044 0532 0130 00");
    assert_false(iban_ok(" DE89370400440532013000"));
    assert_false(iban_ok("DE89370400440532013000 "));
    assert_false(iban_ok("DE89  370400440532013000"));
    assert_false(iban_ok("DE89-3704-0044-0532-0130-00"));
    assert_false(iban_ok(""));
    assert_false(iban_ok("DE8"));
    assert_false(iban_ok("DE893704004405320130000")); /* one too many */
    assert_false(iban_ok("ZZ89370400440532013000"));  /* no such country */
    assert_false(iban_ok("DE893704004405320130000000000000000000000000000"));
}

/* 97, 98 and 02 have twins that leave the same rest: 00, 01 and 99. They are never given. */
static void test_check_digits_below_02_and_above_98_are_refused(void **state)
{
    unsigned twins = 0;
    (void)state;
    for (unsigned n = 0; n < 400; n++) {
        char bban[24];
        struct iban made;
        snprintf(bban, sizeof bban, "%018u", n);
        assert_int_equal(iban_make(TEXT("DE"), text_of(bban), &made, NULL), METE_OK);
        assert_true(iban_ok(made.text));
        const char *twin = memcmp(made.text + 2, "97", 2) == 0   ? "00"
                           : memcmp(made.text + 2, "98", 2) == 0 ? "01"
                           : memcmp(made.text + 2, "02", 2) == 0 ? "99"
                                                                 : NULL;
        if (twin != NULL) {
            memcpy(made.text + 2, twin, 2);
            assert_false(iban_ok(made.text));
            twins++;
        }
    }
    assert_true(twins >= 6);
}

static void test_the_table_of_countries_is_in_order_and_within_bounds(void **state)
{
    char country[3], before[3] = "";
    size_t i = 0, len = 0;
    (void)state;
    for (; (len = iban_country_at(i, country)) != 0; i++) {
        assert_true(len >= 15 && len <= IBAN_LEN_MAX);
        assert_true(strcmp(before, country) < 0);
        memcpy(before, country, 3);
    }
    assert_int_equal(i, 89);
}

static void test_make_refuses_what_cannot_be_an_account(void **state)
{
    struct iban out = {"same"};
    (void)state;
    assert_int_equal(iban_make(TEXT("DE"), TEXT("37040044"), &out, NULL), METE_IBAN_INVALID);
    assert_int_equal(iban_make(TEXT("de"), TEXT("370400440532013000"), &out, NULL),
                     METE_IBAN_INVALID);
    assert_int_equal(iban_make(TEXT("D"), TEXT("370400440532013000"), &out, NULL),
                     METE_IBAN_INVALID);
    assert_int_equal(iban_make(TEXT("GB"), TEXT("123460161331926819"), &out, NULL),
                     METE_IBAN_INVALID);
    assert_string_equal(out.text, "same");
}

static enum mete_code bic_of(const char *s)
{
    struct bic out;
    return bic_parse(text_of(s), "/bic", &out, NULL);
}

static void test_bics(void **state)
{
    struct bic out;
    (void)state;
    assert_int_equal(bic_parse(TEXT("deutdeff"), "", &out, NULL), METE_OK);
    assert_string_equal(out.text, "DEUTDEFF");
    assert_int_equal(bic_parse(TEXT("DEUTDEFF500"), "", &out, NULL), METE_OK);
    assert_string_equal(out.text, "DEUTDEFF500");
    static const char *const bad[] = {
        "",         "DEUTDEF",  "DEUTDEFF5", "DEUTDEFF50", "DEUTDEFF5000", "DEU1DEFF",
        "DEUTD3FF", "DEUTDE0F", "DEUTDE1F",  "DEUTDEFO",   "DEUT DEF",     "DEUTDEFF5-0"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(bic_of(bad[i]), METE_BIC_INVALID);
    }
}

/* Routing numbers that their banks publish. */
static void test_routing_numbers(void **state)
{
    static const char *const good[] = {"021000021", "011401533", "091000019",
                                       "121042882", "231380104", "026009593"};
    struct routing out;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(routing_parse(text_of(good[i]), "", &out, NULL), METE_OK);
        assert_string_equal(out.text, good[i]);
        assert_int_equal(routing_check_digit(good[i]), good[i][8]);
        for (size_t at = 0; at < 9; at++) {
            char bad[10];
            memcpy(bad, good[i], 10);
            bad[at] = bad[at] == '9' ? '0' : (char)(bad[at] + 1);
            assert_int_equal(routing_parse(text_of(bad), "/r", &out, NULL), METE_ROUTING_INVALID);
        }
    }
    assert_int_equal(routing_parse(TEXT("000000000"), "", &out, NULL), METE_ROUTING_INVALID);
    assert_int_equal(routing_parse(TEXT("02100002"), "", &out, NULL), METE_ROUTING_INVALID);
    assert_int_equal(routing_parse(TEXT("0210000210"), "", &out, NULL), METE_ROUTING_INVALID);
    assert_int_equal(routing_parse(TEXT("02100002a"), "", &out, NULL), METE_ROUTING_INVALID);
}

static void test_ids_are_carried_unchanged_or_refused(void **state)
{
    static const char *const good[] = {
        "a",   "P-2025.01/17",  "01JGXYZ",
        "a b", "(a)+b:c?d,e'f", "12345678901234567890123456789012345"};
    static const char *const bad[] = {
        "",    "/a",  "a/",   "a//b",     " a",   "a ",  "a_b",
        "a&b", "a<b", "a\"b", "\xc3\xa9", "a\nb", "a;b", "123456789012345678901234567890123456"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(bank_id_check(text_of(good[i]), "/id", NULL), METE_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct mete_err err;
        assert_int_equal(bank_id_check(text_of(bad[i]), "/id", &err), METE_BANK_FIELD);
        assert_string_equal(err.pointer, "/id");
    }
}

static void test_letters_are_transliterated_not_dropped(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"Jörg Müßig", "Jorg Mussig"},
        {"Ærøskøbing A/S", "AEroskobing A/S"},
        {"Łódź & Żywiec", "Lodz + Zywiec"},
        {"Þór Ægisson", "THor AEgisson"},
        {"Señor Núñez_1", "Senor Nunez-1"},
        {"Ștefan Țepeș", "Stefan Tepes"},
        {"Γιώργος Παπαδόπουλος", "Giorgos Papadopoylos"},
        {"Иван Щукин", "Ivan SHTukin"},
        {"e\xcc\x81t\xc3\xa9", "ete"},
        {"“50 €” – x…", "'50 EUR' - x..."},
        {"a\tb\r\nc", "a b  c"},
        {" \xc2\xa0 trimmed  ", "trimmed"},
        {"鈴木 Ltd", "?? Ltd"},
        {"<\"a\"@b;c>", "('a'(at)b,c)"},
    };
    struct buf b = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&b);
        buf_put_str(&b, "|");
        assert_int_equal(bank_letters_put(&b, text_of(rows[i].in), 70, "/n", NULL), METE_OK);
        buf_put_u8(&b, 0);
        assert_string_equal((const char *)b.p + 1, rows[i].out);
        assert_true(bank_basic((struct text){(const char *)b.p, b.len - 1}) == false); /* '|' */
        assert_true(bank_basic(text_of(rows[i].out)));
    }
    buf_clear(&b);
}

/* Every character of the tables becomes basic ones, at least one. */
static void test_every_character_becomes_basic_ones(void **state)
{
    struct buf b = {0};
    (void)state;
    for (uint32_t c = 0xa0; c < 0x3000; c++) {
        char utf8[8];
        size_t n = 0;
        utf8[n++] = 'x';
        if (c < 0x800) {
            utf8[n++] = (char)(0xc0 | c >> 6);
        } else {
            utf8[n++] = (char)(0xe0 | c >> 12);
            utf8[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        }
        utf8[n++] = (char)(0x80 | (c & 0x3f));
        utf8[n++] = 'y';
        buf_reset(&b);
        assert_int_equal(bank_letters_put(&b, (struct text){utf8, n}, 70, "", NULL), METE_OK);
        assert_true(bank_basic(buf_text(&b)));
        assert_true(b.len >= 3 || (c >= 0x300 && c <= 0x36f));
    }
    buf_clear(&b);
}

static void test_letters_refuse_what_cannot_be_written(void **state)
{
    static const char *const bad[] = {"",     "鈴木",  "---",       "a\x01b",
                                      "\xff", "a\x7f", "a\xc2\x85", "12345678901"};
    struct buf b = {0};
    (void)state;
    buf_put_str(&b, "kept");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct mete_err err;
        assert_int_equal(bank_letters_put(&b, text_of(bad[i]), 10, "/name", &err), METE_BANK_FIELD);
        assert_string_equal(err.pointer, "/name");
        assert_int_equal(b.len, 4);
    }
    /* ten after, though eleven bytes before; eleven after, though ten before */
    assert_int_equal(bank_letters_put(&b, TEXT("Jörg Müller"), 11, "", NULL), METE_OK);
    assert_int_equal(bank_letters_put(&b, TEXT("Straßenb."), 9, "", NULL), METE_BANK_FIELD);
    buf_clear(&b);
}

static enum mete_code scaled(i128 amount, unsigned scale, unsigned decimals, i128 *out)
{
    return bank_amount_scale(amount, scale, decimals, "/amount", out, NULL);
}

static void test_amounts_of_any_scale_become_exact_units(void **state)
{
    i128 v = -7;
    (void)state;
    assert_int_equal(scaled(12345, 2, 2, &v), METE_OK);
    assert_true(v == 12345000);
    assert_int_equal(scaled(7, 0, 2, &v), METE_OK);
    assert_true(v == 700000);
    assert_int_equal(scaled((i128)5 * (i128)u128_pow10(16), 18, 2, &v), METE_OK);
    assert_true(v == 5000);
    assert_int_equal(scaled((i128)u128_pow10(18) - 1, 2, 2, &v), METE_OK);
    v = -7;
    assert_int_equal(scaled((i128)u128_pow10(18), 2, 2, &v), METE_BANK_AMOUNT);
    assert_int_equal(scaled((i128)u128_pow10(16), 0, 2, &v), METE_BANK_AMOUNT); /* with .00: 19 */
    assert_int_equal(scaled(0, 2, 2, &v), METE_BANK_AMOUNT);
    assert_int_equal(scaled(-1, 2, 2, &v), METE_BANK_AMOUNT);
    assert_int_equal(scaled(1, 3, 2, &v), METE_BANK_AMOUNT);
    assert_int_equal(scaled(1, 31, 2, &v), METE_BANK_AMOUNT);
    assert_int_equal(scaled(((i128)1 << 120), 2, 2, &v), METE_BANK_AMOUNT);
    /* times 10^5 this is a little above 2^128 */
    assert_int_equal(scaled((i128)(~(u128)0 / 100000 + 1), 0, 5, &v), METE_BANK_AMOUNT);
    assert_true(v == -7);
}

static void test_decimals_are_read_and_written(void **state)
{
    static const struct {
        const char *in;
        unsigned least;
        const char *out;
    } rows[] = {{"1500", 2, "1500.00"},
                {"0.01", 2, "0.01"},
                {"12.5", 0, "12.5"},
                {"12.50000", 2, "12.50"},
                {"0.00001", 2, "0.00001"},
                {"7", 0, "7"},
                {"007.10", 1, "7.1"},
                {"9999999999999.99999", 5, "9999999999999.99999"},
                {"999999999999999999", 0, "999999999999999999"}};
    static const char *const bad[] = {"",
                                      ".",
                                      ".5",
                                      "5.",
                                      "-1",
                                      "+1",
                                      "1e3",
                                      "1,5",
                                      "1.2.3",
                                      "0.000001",
                                      " 1",
                                      "1 ",
                                      "NaN",
                                      "1234567890123456789",
                                      "99999999999999.99999"};
    struct buf b = {0};
    i128 v = 0;
    unsigned decimals = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&b);
        assert_true(bank_decimal_parse(text_of(rows[i].in), false, &v, &decimals));
        bank_decimal_put(&b, v, rows[i].least);
        buf_put_u8(&b, 0);
        assert_string_equal((const char *)b.p, rows[i].out);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (bank_decimal_parse(text_of(bad[i]), false, &v, &decimals)) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_true(bank_decimal_parse(TEXT("-3.25"), true, &v, &decimals));
    assert_true(v == -325000 && decimals == 2);
    assert_int_equal(bank_currency_decimals(TEXT("EUR")), 2);
    assert_int_equal(bank_currency_decimals(TEXT("JPY")), 0);
    assert_int_equal(bank_currency_decimals(TEXT("BHD")), 3);
    assert_false(bank_currency_valid(TEXT("EU")));
    assert_false(bank_currency_valid(TEXT("eur")));
    buf_clear(&b);
}

static void is_next(int32_t (*next)(int32_t), const char *from, const char *to)
{
    int32_t day = 0;
    char out[11];
    assert_true(time_parse_day(text_of(from), &day));
    time_format_day(next(day), out);
    assert_string_equal(out, to);
}

static void test_days_on_which_banks_settle(void **state)
{
    static const char *const us[][2] = {
        {"2025-01-01", "2025-01-02"}, {"2021-05-24", "2021-05-24"},
        {"2025-01-18", "2025-01-21"}, /* weekend and King's day */
        {"2025-02-17", "2025-02-18"}, {"2025-05-24", "2025-05-27"},
        {"2025-05-19", "2025-05-19"}, {"2025-06-19", "2025-06-20"},
        {"2026-07-03", "2026-07-03"}, /* the 4th is a Saturday */
        {"2021-07-05", "2021-07-06"}, /* the 4th was a Sunday */
        {"2025-09-01", "2025-09-02"}, {"2025-10-13", "2025-10-14"},
        {"2025-11-11", "2025-11-12"}, {"2025-11-27", "2025-11-28"},
        {"2025-12-25", "2025-12-26"}, {"2025-03-14", "2025-03-14"},
        {"2022-12-31", "2023-01-03"}, /* Saturday; the 1st is a Sunday and kept on the 2nd */
    };
    static const char *const target[][2] = {
        {"2025-04-18", "2025-04-22"}, {"2024-03-29", "2024-04-02"}, {"2025-05-01", "2025-05-02"},
        {"2025-12-25", "2025-12-29"}, {"2026-01-01", "2026-01-02"}, {"2025-07-04", "2025-07-04"},
        {"2038-04-23", "2038-04-27"}, {"2000-04-21", "2000-04-25"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(us); i++) {
        is_next(calendar_us, us[i][0], us[i][1]);
    }
    for (size_t i = 0; i < ARRAY_LEN(target); i++) {
        is_next(calendar_target, target[i][0], target[i][1]);
    }
    assert_int_equal(calendar_us(time_day(TIME_MAX)), time_day(TIME_MAX));
    assert_int_equal(calendar_us(0), 1); /* 1970-01-01 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ibans_of_many_countries_are_read),
        cmocka_unit_test(test_every_wrong_character_of_an_iban_is_found),
        cmocka_unit_test(test_ibans_are_read_as_people_write_them_and_printed_plain),
        cmocka_unit_test(test_check_digits_below_02_and_above_98_are_refused),
        cmocka_unit_test(test_the_table_of_countries_is_in_order_and_within_bounds),
        cmocka_unit_test(test_make_refuses_what_cannot_be_an_account),
        cmocka_unit_test(test_bics),
        cmocka_unit_test(test_routing_numbers),
        cmocka_unit_test(test_ids_are_carried_unchanged_or_refused),
        cmocka_unit_test(test_letters_are_transliterated_not_dropped),
        cmocka_unit_test(test_every_character_becomes_basic_ones),
        cmocka_unit_test(test_letters_refuse_what_cannot_be_written),
        cmocka_unit_test(test_amounts_of_any_scale_become_exact_units),
        cmocka_unit_test(test_decimals_are_read_and_written),
        cmocka_unit_test(test_days_on_which_banks_settle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
