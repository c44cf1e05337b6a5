/* SPDX-License-Identifier: Apache-2.0
 * Reading the reference rates of the European Central Bank. The file is of our own making, in the
 * form that the ECB publishes. */
#include "wire/bank/ecb.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gesmes:Envelope "                                \
    "xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" "                                       \
    "xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">"                                \
    "<gesmes:subject>Reference rates</gesmes:subject><Cube>"
#define TAIL "</Cube></gesmes:Envelope>"

static struct arena a;
static struct ecb_rate *rate;
static size_t count;
static struct mete_err err;

static enum mete_code read_text(const char *xml)
{
    arena_reset(&a);
    return ecb_rates_read(&a, text_bytes(text_of(xml)), 7u, &rate, &count, &err);
}

static void is(size_t i, const char *day, const char *currency, const char *value)
{
    assert_true(text_is(rate[i].day, day) && text_is(rate[i].currency, currency) &&
                text_is(rate[i].rate, value));
}

static void test_days_come_oldest_first(void **state)
{
    char at[TIME_TEXT_MAX];
    (void)state;
    assert_int_equal(read_text(HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1.0845'/>"
                                    "<Cube currency='JPY' rate='163.12'/></Cube>"
                                    "<Cube time='2026-11-19'><Cube rate='1.0840' currency='USD'/>"
                                    "</Cube>" TAIL),
                     METE_OK);
    assert_int_equal(count, 3);
    is(0, "2026-11-19", "USD", "1.0840");
    is(1, "2026-11-20", "JPY", "163.12");
    is(2, "2026-11-20", "USD", "1.0845");
    time_format(rate[0].as_of, at);
    assert_string_equal(at, "2026-11-19T15:00:00Z");
}

static void test_one_bad_rate_refuses_the_file(void **state)
{
    static const char *const bad[] = {
        HEAD "<Cube currency='USD' rate='1.08'/>" TAIL,
        HEAD "<Cube time='2026-13-20'><Cube currency='USD' rate='1.08'/></Cube>" TAIL,
        HEAD "<Cube time='yesterday'/>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='0'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='-1'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1/3'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1e5'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='US' rate='1'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'><Cube currency='usd' rate='1'/></Cube>" TAIL,
        HEAD "<Cube time='2026-11-20'/>" TAIL,
        "<!DOCTYPE a><a/>",
        HEAD "<Cube time='2026-11-20'>",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(read_text(bad[i]), METE_BANK_FILE);
        assert_int_equal(count, 0);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_come_oldest_first),
        cmocka_unit_test(test_one_bad_rate_refuses_the_file),
    };
    arena_init(&a, (size_t)1 << 24);
    int failed = cmocka_run_group_tests_name("ecb", tests, NULL, NULL);
    arena_clear(&a);
    return failed;
}
