/* SPDX-License-Identifier: Apache-2.0
 * Event types: names both ways, who may say them, which pairs commute.
 * covers: M-005 M-030 M-031 M-032 M-033 M-034 M-035 M-036 M-037 M-038 M-093 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/event_type.h"

static void test_every_type_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        enum event_type type = EVENT_TYPE_COUNT;
        const char *name = event_type_name((enum event_type)i);
        assert_true(event_type_of(text_of(name), &type));
        assert_int_equal(type, i);
        char other[64];
        size_t len = strlen(name);
        for (size_t at = 0; at < len; at++) {
            snprintf(other, sizeof other, "%s", name);
            other[at] ^= 1;
            assert_false(event_type_of(text_of(other), &type));
            bool prefix = event_type_of((struct text){name, at}, &type);
            assert_true(!prefix || strlen(event_type_name(type)) == at); /* transfer_failed */
        }
        snprintf(other, sizeof other, "%sx", name);
        assert_false(event_type_of(text_of(other), &type));
    }
}

struct allowed {
    enum event_type type;
    const char *who; /* v, g, p, i, s: the services; c: no service; r: the runtime */
};

static void test_producers_may_say_what_the_table_says(void **state)
{
    (void)state;
    static const struct allowed rules[] = {
        {EVENT_BOOK_CONFIGURED, "vgpisc"}, {EVENT_REVENUE_RECEIVED, "vgpiscr"},
        {EVENT_ATTRIBUTION_ASSIGNED, "r"}, {EVENT_CAMPAIGN_CREATED, "v"},
        {EVENT_KPI_REPORTED, "vr"},        {EVENT_ROUND_CREATED, "g"},
        {EVENT_COMMITMENT_CONFIRMED, "p"}, {EVENT_INVOICE_PAID, "pr"},
        {EVENT_LEDGER_ACCRUED, ""}};
    static const struct {
        char letter;
        const char *name;
    } services[] = {{'v', "validationengine"}, {'g', "governance"},    {'p', "payment"},
                    {'i', "insights"},         {'s', "runtime_shell"}, {'c', ""}};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        enum event_type type = rules[i].type;
        for (size_t k = 0; k < ARRAY_LEN(services); k++) {
            bool may = event_type_allows(type, TEXT("control_plane"), text_of(services[k].name));
            if (may != (strchr(rules[i].who, services[k].letter) != NULL))
                fail_msg("%s by %s", event_type_name(type), services[k].name);
        }
        bool runtime = event_type_allows(type, TEXT("runtime"), TEXT("runtime_shell"));
        assert_int_equal(runtime, strchr(rules[i].who, 'r') != NULL);
        assert_int_equal(event_type_allows(type, TEXT(""), TEXT("")), type != EVENT_LEDGER_ACCRUED);
        assert_false(event_type_allows(type, TEXT("stranger"), TEXT("payment")));
    }
}

static void test_pairs_of_types_commute_both_ways_or_not(void **state)
{
    (void)state;
    for (unsigned a = 0; a < EVENT_TYPE_COUNT; a++) {
        for (unsigned b = 0; b < EVENT_TYPE_COUNT; b++) {
            enum commutes there = event_types_commute((enum event_type)a, (enum event_type)b);
            enum commutes back = event_types_commute((enum event_type)b, (enum event_type)a);
            assert_int_equal(there, back);
            bool handled = event_type_status((enum event_type)a) == TYPE_HANDLED &&
                           event_type_status((enum event_type)b) == TYPE_HANDLED;
            if (!handled)
                assert_int_equal(there, COMMUTE_NEVER);
        }
    }
}

static void test_pairs_that_decide_about_money(void **state)
{
    (void)state;
    static const struct {
        enum event_type a, b;
        enum commutes expected;
    } pairs[] = {
        {EVENT_REVENUE_RECEIVED, EVENT_REVENUE_RECEIVED, COMMUTE_UNCONDITIONAL},
        {EVENT_REVENUE_RECEIVED, EVENT_REVENUE_REVERSED, COMMUTE_UNCONDITIONAL},
        {EVENT_REVENUE_REVERSED, EVENT_REVENUE_REVERSED, COMMUTE_UNRELATED},
        {EVENT_REVENUE_RECEIVED, EVENT_POLICY_PUBLISHED, COMMUTE_NEVER},
        {EVENT_REVENUE_RECEIVED, EVENT_FEES_SCHEDULED, COMMUTE_NEVER},
        {EVENT_REVENUE_RECEIVED, EVENT_BOOK_CONFIGURED, COMMUTE_NEVER},
        {EVENT_REVENUE_RECEIVED, EVENT_CONDITION_CHANGED, COMMUTE_NEVER},
        {EVENT_REVENUE_RECEIVED, EVENT_CONTRIBUTION_RECORDED, COMMUTE_UNRELATED},
        {EVENT_REVENUE_RECEIVED, EVENT_WALLET_TRANSFERRED, COMMUTE_NEVER},
        {EVENT_REVENUE_RECEIVED, EVENT_ASSET_DEFINED, COMMUTE_UNRELATED},
        {EVENT_REVENUE_RECEIVED, EVENT_PARTY_REGISTERED, COMMUTE_ALWAYS},
        {EVENT_REVENUE_RECEIVED, EVENT_USAGE_REPORTED, COMMUTE_ALWAYS},
        {EVENT_REVENUE_RECEIVED, EVENT_ALLOCATION_UPHELD, COMMUTE_UNRELATED},
        {EVENT_REVENUE_RECEIVED, EVENT_FX_RATE_SET, COMMUTE_ALWAYS},
        {EVENT_POLICY_PUBLISHED, EVENT_POLICY_PUBLISHED, COMMUTE_NEVER},
        {EVENT_POLICY_PUBLISHED, EVENT_FEES_SCHEDULED, COMMUTE_NEVER},
        {EVENT_FEES_SCHEDULED, EVENT_FEES_SCHEDULED, COMMUTE_NEVER},
        {EVENT_FEES_SCHEDULED, EVENT_USAGE_METERED, COMMUTE_ALWAYS},
        {EVENT_CONTRIBUTION_RECORDED, EVENT_CONTRIBUTION_RECORDED, COMMUTE_UNRELATED},
        {EVENT_USAGE_REPORTED, EVENT_CYCLE_CLOSED, COMMUTE_NEVER},
        {EVENT_USAGE_REPORTED, EVENT_USAGE_REPORTED, COMMUTE_NEVER},
        {EVENT_USAGE_METERED, EVENT_USAGE_METERED, COMMUTE_ALWAYS},
        {EVENT_USAGE_METERED, EVENT_METERING_CLOSED, COMMUTE_UNRELATED},
        {EVENT_METERING_CLOSED, EVENT_METERING_CLOSED, COMMUTE_NEVER},
        {EVENT_CYCLE_CLOSED, EVENT_CYCLE_CLOSED, COMMUTE_UNCONDITIONAL},
        {EVENT_CYCLE_CLOSED, EVENT_REVENUE_RECEIVED, COMMUTE_UNCONDITIONAL},
        {EVENT_ALLOCATION_DISPUTED, EVENT_ALLOCATION_UPHELD, COMMUTE_UNRELATED},
        {EVENT_ALLOCATION_DISPUTED, EVENT_REVENUE_REVERSED, COMMUTE_UNRELATED},
        {EVENT_WALLET_TRANSFERRED, EVENT_WALLET_TRANSFERRED, COMMUTE_NEVER},
        {EVENT_KEY_REGISTERED, EVENT_REVENUE_RECEIVED, COMMUTE_UNRELATED},
        {EVENT_FX_RATE_SET, EVENT_FX_RATE_SET, COMMUTE_UNRELATED},
        {EVENT_BOOK_CONFIGURED, EVENT_BOOK_CONFIGURED, COMMUTE_NEVER},
        {EVENT_BOOK_CONFIGURED, EVENT_USAGE_METERED, COMMUTE_ALWAYS},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        if (event_types_commute(pairs[i].a, pairs[i].b) != pairs[i].expected)
            fail_msg("%s and %s", event_type_name(pairs[i].a), event_type_name(pairs[i].b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_found_by_its_name),
        cmocka_unit_test(test_producers_may_say_what_the_table_says),
        cmocka_unit_test(test_pairs_of_types_commute_both_ways_or_not),
        cmocka_unit_test(test_pairs_that_decide_about_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
