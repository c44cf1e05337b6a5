/* SPDX-License-Identifier: Apache-2.0
 * covers: M-080
 * Raw content, data tier 3: by which names it is found, where in an event, and what is left of
 * bytes that must be kept without it. */
#include "wire_case.h"

#include "wire/tier.h"

static void test_names(void **state)
{
    static const char *const raw[] = {"clickstream",    "Click_Streams",     "rawClickstream",
                                      "click_events",   "session_trace",     "sessionTraces",
                                      "creative-asset", "creativeAssets",    "full_creative",
                                      "session replay", "interaction_traces"};
    static const char *const other[] = {"",
                                        "s",
                                        "click",
                                        "clicks",
                                        "creative",
                                        "creative_id",
                                        "session",
                                        "trace",
                                        "clickstreamer",
                                        "session_trace_id",
                                        "a_name_that_is_longer_than_any_of_the_list"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(raw); i++) {
        if (!tier3_named(text_of(raw[i])))
            fail_msg("%s is not found", raw[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        if (tier3_named(text_of(other[i])))
            fail_msg("%s is found", other[i]);
    }
}

/* Where the first of it stands in an event of `type` with this payload; "" when there is none. */
static void found_at(const char *type, const char *payload, const char *wanted)
{
    struct wire w;
    struct envelope_options o = options_now();
    struct buf json = {0};
    buf_printf(
        &json,
        "{'event_id':'e1','event_type':'%s','occurred_at':'2025-01-31T11:00:00Z','payload':%s}",
        type, payload);
    buf_put_u8(&json, 0);
    char *text = quoted((const char *)json.p);
    wire_read_bytes(&w, text_of(text), &o);
    assert_int_equal(w.code, METE_OK);
    assert_string_equal(w.e.event.tier3 != NULL ? w.e.event.tier3 : "", wanted);
    wire_clear(&w);
    free(text);
    buf_clear(&json);
}

#define KPI  "'impressions':1,'clicks':1,'conversions':0,'spend_minor':1,'currency':'usd'"
#define DEEP "{" KPI ",'more':[{'n':1},{'clickEvents':[]}],'clickstream':[1]}"

static void test_places(void **state)
{
    (void)state;
    found_at("kpi.reported", "{" KPI "}", "");
    found_at("kpi.reported", "{" KPI ",'clickstream':[1]}", "/payload/clickstream");
    found_at("kpi.reported", "{" KPI ",'clickstream':null}", "");
    found_at("kpi.reported", "{" KPI ",'session_trace':{}}", "/payload/session_trace");
    found_at("kpi.reported", DEEP, "/payload/more/1/clickEvents");
    found_at("campaign.paused", "{'full_creative':'x'}", "/payload/full_creative");
    found_at("campaign.paused", "{'segment':'clickstream'}", "");
    found_at("usage.reported",
             "{'platform_id':'p','provider':'q','window_start':'2025-01-01T00:00:00Z',"
             "'window_end':'2025-01-02T00:00:00Z','calls':1,'clickstream':[1]}",
             "");
}

static void without(const char *from, const char *wanted)
{
    struct arena a;
    struct buf out = {0};
    char *body = quoted(from);
    char *rest = wanted != NULL ? quoted(wanted) : NULL;
    arena_init(&a, (size_t)1 << 20);
    assert_int_equal(tier3_without(&a, text_of(body), &out), wanted != NULL);
    if (wanted != NULL) {
        assert_int_equal(out.len, strlen(rest));
        assert_memory_equal(out.p, rest, out.len);
    }
    free(rest);
    free(body);
    buf_clear(&out);
    arena_clear(&a);
}

static void test_taken_out(void **state)
{
    (void)state;
    without(" {'a': 1.50,'clickstream' : [ {'x':1}, 2 ] , 'b':'c'}\n",
            " {'a': 1.50,'clickstream' : null , 'b':'c'}\n");
    without("[{'click\\u0073tream':'secret'},{'n':{'CreativeAsset':{'clickstream':1}}}]",
            "[{'click\\u0073tream':null},{'n':{'CreativeAsset':null}}]");
    without("{'clickstream':null}", "{'clickstream':null}");
    without("{'session_trace':7}", "{'session_trace':null}");
    without("{'clickstream':[1}", NULL);
    without("", NULL);
}

static void test_mentioned(void **state)
{
    struct buf far = {0};
    (void)state;
    assert_true(tier3_mentioned(TEXT("{\"clickstream\":")));
    assert_true(tier3_mentioned(TEXT("<Click-Stream>")));
    assert_true(tier3_mentioned(TEXT("{\"\\u0063lick_stream\":")));
    assert_true(tier3_mentioned(TEXT("{\"\\u0043lick\\u005fstream\":")));
    assert_false(tier3_mentioned(TEXT("{\"click\":1,\"clicks\":2}")));
    assert_false(tier3_mentioned(TEXT("\\u00")));
    assert_false(tier3_mentioned(TEXT("")));
    for (int i = 0; i < 1000; i++)
        buf_put_str(&far, "abcdefg");
    assert_false(tier3_mentioned(buf_text(&far)));
    buf_put_str(&far, "sessionTrace");
    assert_true(tier3_mentioned(buf_text(&far)));
    buf_clear(&far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_taken_out),
        cmocka_unit_test(test_mentioned),
    };
    return cmocka_run_group_tests_name("tier", tests, NULL, NULL);
}
