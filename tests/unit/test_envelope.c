/* SPDX-License-Identifier: Apache-2.0
 * The envelope: every refusal with its place and the id that could be read, CloudEvents, options,
 * canonical bytes. Payloads: test_payload.c; private values: test_private.c.
 * covers: M-004 M-020 */
#include "payload_cases.h"
#include "wire_case.h"

#include "wire/envelope_parts.h"

#define HEAD         "'event_id':'e1','event_type':'revenue.received','occurred_at':'2025-01-31T11:00:00Z'"
#define MONEY_POLICY "{" AMOUNT "," TARGET "}"
#define GOOD         "'payload':" MONEY_POLICY
#define EVENT(more)  "{" HEAD "," more "," GOOD "}"

struct envelope_case {
    const char *json;
    enum mete_code code;
    const char *pointer;
    const char *id;
};

static const struct envelope_case envelope_cases[] = {
    {"{" HEAD "," GOOD "}", METE_OK, "", "e1"},
    /* the bytes */
    {"", METE_JSON_SYNTAX, "", ""},
    {"[]", METE_MEMBER_TYPE, "", ""},
    {"7", METE_MEMBER_TYPE, "", ""},
    {"{'event_id':'e9','a':1,'a':2}", METE_JSON_DUPLICATE_KEY, "/a", "e9"},
    {"{'a':{'event_id':'no'},'event_id' : 'e9','b':}", METE_JSON_SYNTAX, "/b", "e9"},
    {"{'event_id':7,'b':}", METE_JSON_SYNTAX, "/b", ""},
    {"{'event_id':'a\\nb','b':}", METE_JSON_SYNTAX, "/b", ""},
    {"{'b':['event_id':'e9']}", METE_JSON_SYNTAX, "/b", ""},
    /* the id */
    {"{'event_type':'revenue.received'}", METE_MEMBER_MISSING, "/event_id", ""},
    {"{'event_id':7}", METE_MEMBER_TYPE, "/event_id", ""},
    {"{'event_id':''}", METE_TEXT_LENGTH, "/event_id", ""},
    {"{'event_id':'" ID_200 "'}", METE_MEMBER_MISSING, "/event_type", ID_200},
    {"{'event_id':'" ID_200 "x'}", METE_TEXT_LENGTH, "/event_id", ID_200},
    {"{'event_id':'any \\n id'}", METE_MEMBER_MISSING, "/event_type", "any \n id"},
    /* the type */
    {"{'event_id':'e1','event_type':7}", METE_MEMBER_TYPE, "/event_type", "e1"},
    {"{'event_id':'e1','event_type':'revenue.recieved'}", METE_TYPE_UNKNOWN, "/event_type", "e1"},
    {"{'event_id':'e1','event_type':''}", METE_TYPE_UNKNOWN, "/event_type", "e1"},
    {"{'event_id':'e1','event_type':'payout.batch_opened'}", METE_TYPE_RESERVED, "/event_type",
     "e1"},
    {"{'event_id':'e1','event_type':'ledger.accrued'}", METE_TYPE_RESERVED, "/event_type", "e1"},
    /* the versions */
    {EVENT("'schema_version':'1'"), METE_OK, "", "e1"},
    {EVENT("'schema_version':'1.0'"), METE_OK, "", "e1"},
    {EVENT("'schema_version':'1.12'"), METE_OK, "", "e1"},
    {EVENT("'schema_version':'2.0'"), METE_SCHEMA_VERSION, "/schema_version", "e1"},
    {EVENT("'schema_version':'1.'"), METE_SCHEMA_VERSION, "/schema_version", "e1"},
    {EVENT("'schema_version':'2'"), METE_SCHEMA_VERSION, "/schema_version", "e1"},
    {EVENT("'schema_version':'1x0'"), METE_SCHEMA_VERSION, "/schema_version", "e1"},
    {EVENT("'schema_version':'10'"), METE_SCHEMA_VERSION, "/schema_version", "e1"},
    {EVENT("'schema_version':''"), METE_SCHEMA_VERSION, "/schema_version", "e1"},
    {EVENT("'schema_version':1"), METE_MEMBER_TYPE, "/schema_version", "e1"},
    {EVENT("'event_version':1"), METE_OK, "", "e1"},
    {EVENT("'event_version':2"), METE_SCHEMA_VERSION, "/event_version", "e1"},
    {EVENT("'event_version':1.5"), METE_SCHEMA_VERSION, "/event_version", "e1"},
    {EVENT("'event_version':'1'"), METE_MEMBER_TYPE, "/event_version", "e1"},
    /* the time */
    {"{'event_id':'e1','event_type':'revenue.received'," GOOD "}", METE_MEMBER_MISSING,
     "/occurred_at", "e1"},
    {"{'event_id':'e1','event_type':'revenue.received','occurred_at':7}", METE_MEMBER_TYPE,
     "/occurred_at", "e1"},
    {"{'event_id':'e1','event_type':'revenue.received','occurred_at':'2025-01-31'}",
     METE_TIME_INVALID, "/occurred_at", "e1"},
    {"{'event_id':'e1','event_type':'revenue.received','occurred_at':'1969-01-01T00:00:00Z'}",
     METE_TIME_RANGE, "/occurred_at", "e1"},
    {"{'event_id':'e1','event_type':'revenue.received','occurred_at':'2025-01-31T11:39:56Z'," GOOD
     "}",
     METE_OK, "", "e1"},
    {"{'event_id':'e1','event_type':'revenue.received','occurred_at':'2025-01-31T11:39:57Z'," GOOD
     "}",
     METE_TIME_FUTURE, "/occurred_at", "e1"},
    /* source, actor, correlation */
    {EVENT("'source':{'producer':'control_plane','service':'payment','app_id':'a','environment':"
           "'prod','request_id':'r','ip':'203.0.113.7','more':1}"),
     METE_OK, "", "e1"},
    {EVENT("'source':{}"), METE_OK, "", "e1"},
    {EVENT("'source':'billing'"), METE_MEMBER_TYPE, "/source", "e1"},
    {EVENT("'source':{'producer':'me'}"), METE_MEMBER_VALUE, "/source/producer", "e1"},
    {EVENT("'source':{'service':'me'}"), METE_MEMBER_VALUE, "/source/service", "e1"},
    {EVENT("'source':{'environment':'test'}"), METE_MEMBER_VALUE, "/source/environment", "e1"},
    {EVENT("'source':{'environment':'production'}"), METE_OK, "", "e1"},
    {EVENT("'source':{'app_id':7}"), METE_MEMBER_TYPE, "/source/app_id", "e1"},
    {EVENT("'source':{'request_id':7}"), METE_MEMBER_TYPE, "/source/request_id", "e1"},
    {EVENT("'source':{'ip':7}"), METE_MEMBER_TYPE, "/source/ip", "e1"},
    {EVENT("'source':{'app_id':'x" ID_200 "'}"), METE_TEXT_LENGTH, "/source/app_id", "e1"},
    {EVENT("'actor':{'actor_type':'user','actor_id':'u'}"), METE_OK, "", "e1"},
    {EVENT("'actor':{'actor_type':'robot'}"), METE_MEMBER_VALUE, "/actor/actor_type", "e1"},
    {EVENT("'actor':{'actor_id':[]}"), METE_MEMBER_TYPE, "/actor/actor_id", "e1"},
    {EVENT("'actor':null"), METE_MEMBER_TYPE, "/actor", "e1"},
    {EVENT("'correlation':{'campaign_id':'c','user_id':'u','other':7}"), METE_OK, "", "e1"},
    {EVENT("'correlation':{'round_id':7}"), METE_MEMBER_TYPE, "/correlation/round_id", "e1"},
    {EVENT("'correlation':{'commitment_id':7}"), METE_MEMBER_TYPE, "/correlation/commitment_id",
     "e1"},
    {EVENT("'correlation':{'allocation_id':7}"), METE_MEMBER_TYPE, "/correlation/allocation_id",
     "e1"},
    {EVENT("'correlation':{'transaction_id':7}"), METE_MEMBER_TYPE, "/correlation/transaction_id",
     "e1"},
    {EVENT("'correlation':[]"), METE_MEMBER_TYPE, "/correlation", "e1"},
    /* the signature */
    {EVENT("'signature':{'key_id':'k','alg':'ed25519','value':'AAAA'}"), METE_OK, "", "e1"},
    {EVENT("'signature':'AAAA'"), METE_MEMBER_TYPE, "/signature", "e1"},
    {EVENT("'signature':{'alg':'ed25519','value':'AAAA'}"), METE_MEMBER_MISSING,
     "/signature/key_id", "e1"},
    {EVENT("'signature':{'key_id':'k','value':'AAAA'}"), METE_MEMBER_MISSING, "/signature/alg",
     "e1"},
    {EVENT("'signature':{'key_id':'k','alg':'rs256','value':'A'}"), METE_MEMBER_VALUE,
     "/signature/alg", "e1"},
    {EVENT("'signature':{'key_id':'k','alg':'ed25519'}"), METE_MEMBER_MISSING, "/signature/value",
     "e1"},
    /* who says it */
    {EVENT("'source':{'producer':'runtime','service':'runtime_shell'}"), METE_OK, "", "e1"},
    {"{'event_id':'e1','event_type':'asset.defined','occurred_at':'2025-01-31T11:00:00Z',"
     "'source':{'producer':'runtime'},'payload':{}}",
     METE_PRODUCER_FORBIDDEN, "/source/producer", "e1"},
    /* the payload */
    {"{" HEAD "}", METE_MEMBER_MISSING, "/payload", "e1"},
    {"{" HEAD ",'payload':[]}", METE_MEMBER_TYPE, "/payload", "e1"},
    {"{" HEAD ",'payload':{" AMOUNT "," TARGET ",'note':'ask a.b@example.com'}}", METE_PII_EMAIL,
     "/payload/note", "e1"},
    {"{" HEAD ",'payload':{" AMOUNT "," TARGET ",'x':[{'y':'a\\u0040example.com'}]}}",
     METE_PII_EMAIL, "/payload/x/0/y", "e1"},
    {"{" HEAD ",'payload':{" AMOUNT "," TARGET ",'a@example.com':1}}", METE_PII_EMAIL,
     "/payload/a@example.com", "e1"},
    /* what is unknown stays */
    {EVENT("'tags':['a'],'subject':'s'"), METE_OK, "", "e1"},
};

static void test_every_refusal_of_the_envelope_names_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(envelope_cases); i++) {
        const struct envelope_case *c = &envelope_cases[i];
        struct wire w;
        wire_read(&w, c->json);
        assert_outcome(&w, c->code, c->pointer, c->json);
        assert_text(w.e.id, c->id);
        wire_clear(&w);
    }
}

static void test_canonical_bytes_leave_out_the_signature_and_no_default(void **state)
{
    (void)state;
    struct wire w;
    wire_read(&w, "{ 'payload': {" TARGET ",'amount':{'currency':'USD','amount':1500.00}},"
                  "'signature':{'key_id':'k','alg':'hmac-sha256','value':'AbC_'}," HEAD "}");
    assert_int_equal(w.code, METE_OK);
    assert_true(w.e.is_signed);
    assert_text(w.e.key_id, "k");
    assert_text(w.e.alg, "hmac-sha256");
    assert_text(w.e.signature, "AbC_");
    char *raw = quoted("{'key_id':'k','alg':'hmac-sha256','value':'AbC_'}");
    assert_text(w.e.signature_raw, raw);
    free(raw);
    wire_commit(&w);
    char *expected =
        quoted("{'event_id':'e1','event_type':'revenue.received','occurred_at':"
               "'2025-01-31T11:00:00Z','payload':{'amount':{'amount':1500,'currency':'USD'},"
               "'policy':'urn:p'}}");
    assert_text(buf_text(&w.canonical), expected);
    free(expected);
    wire_clear(&w);
}

static void test_a_number_that_readers_would_change_is_refused(void **state)
{
    (void)state;
    struct wire w;
    wire_read(&w, EVENT("'note':{'n':[1,12345678901234567890]}"));
    assert_int_equal(w.code, METE_OK);
    wire_commit(&w);
    assert_outcome(&w, METE_NUMBER_INEXACT, "/note/n/1", "inexact");
    assert_int_equal(w.canonical.len, 0);
    wire_clear(&w);
}

/* CloudEvents */

#define CLOUD_HEAD "'specversion':'1.0','id':'e1','type':'revenue.received'"

static void test_a_cloud_event_is_the_same_event(void **state)
{
    (void)state;
    struct wire w, same;
    wire_read(&w,
              "{" CLOUD_HEAD ",'source':'/billing','time':'2025-01-31T11:00:00Z',"
              "'datacontenttype':'application/json; charset=utf-8','subject':'s','data':{" AMOUNT
              "," TARGET "}}");
    wire_read(&same, "{" HEAD ",'ce_source':'/billing','subject':'s','datacontenttype':"
                     "'application/json; charset=utf-8'," GOOD "}");
    assert_outcome(&w, METE_OK, "", "cloud event");
    assert_text(w.e.id, "e1");
    wire_commit(&w);
    wire_commit(&same);
    assert_true(text_eq(buf_text(&w.canonical), buf_text(&same.canonical)));
    assert_canonical_again(&w, "cloud event");
    wire_clear(&w);
    wire_clear(&same);
}

static void test_flaws_of_cloud_events_are_named(void **state)
{
    (void)state;
    static const struct envelope_case cases[] = {
        {"{'specversion':'0.3','id':'e1'}", METE_SCHEMA_VERSION, "/specversion", "e1"},
        {"{'specversion':1,'id':'e1'}", METE_SCHEMA_VERSION, "/specversion", "e1"},
        {"{'specversion':'1.0'}", METE_MEMBER_MISSING, "/event_id", ""},
        {"{'specversion':'1.0','id':'e1'}", METE_MEMBER_MISSING, "/event_type", "e1"},
        {"{" CLOUD_HEAD "}", METE_MEMBER_MISSING, "/occurred_at", "e1"},
        {"{" CLOUD_HEAD ",'time':'2025-01-31T11:00:00Z'}", METE_MEMBER_MISSING, "/payload", "e1"},
        {"{" CLOUD_HEAD ",'event_id':'e2'}", METE_JSON_DUPLICATE_KEY, "/event_id", "e1"},
        {"{" CLOUD_HEAD ",'payload':{}}", METE_MEMBER_MISSING, "/occurred_at", "e1"},
        {"{" CLOUD_HEAD ",'payload':{},'data':{}}", METE_JSON_DUPLICATE_KEY, "/payload", "e1"},
        {"{" CLOUD_HEAD ",'source':{'producer':'runtime'}}", METE_MEMBER_TYPE, "/source", "e1"},
        {"{" CLOUD_HEAD ",'data_base64':'e30='}", METE_MEMBER_VALUE, "/data_base64", "e1"},
        {"{" CLOUD_HEAD ",'datacontenttype':'text/xml'}", METE_MEMBER_VALUE, "/datacontenttype",
         "e1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire w;
        wire_read(&w, cases[i].json);
        assert_outcome(&w, cases[i].code, cases[i].pointer, cases[i].json);
        assert_text(w.e.id, cases[i].id);
        wire_clear(&w);
    }
}

/* The table of producers is in test_event_type.c; here: whose fault it is. */
static void test_the_wrong_one_of_producer_and_service_is_named(void **state)
{
    (void)state;
    assert_string_equal(producer_flaw(EVENT_CAMPAIGN_CREATED, TEXT("runtime")), "producer");
    assert_string_equal(producer_flaw(EVENT_CAMPAIGN_CREATED, TEXT("control_plane")), "service");
    assert_string_equal(producer_flaw(EVENT_ATTRIBUTION_ASSIGNED, TEXT("control_plane")),
                        "producer");
}

/* Options */

static void test_an_event_stays_in_the_app_of_its_ingest_body(void **state)
{
    (void)state;
    struct envelope_options o = options_now();
    struct wire w;
    o.app_id = TEXT("a");
    o.environment = TEXT("production");
    wire_read_with(&w, EVENT("'source':{'app_id':'a','environment':'prod'}"), &o);
    assert_outcome(&w, METE_OK, "", "same app");
    wire_clear(&w);
    wire_read_with(&w, "{" HEAD "," GOOD "}", &o);
    assert_outcome(&w, METE_OK, "", "no app");
    wire_clear(&w);
    wire_read_with(&w, EVENT("'source':{'app_id':'b'}"), &o);
    assert_outcome(&w, METE_MEMBER_VALUE, "/source/app_id", "other app");
    wire_clear(&w);
    wire_read_with(&w, EVENT("'source':{'app_id':'a','environment':'dev'}"), &o);
    assert_outcome(&w, METE_MEMBER_VALUE, "/source/environment", "other environment");
    wire_clear(&w);
}

static void assert_stored_source(const char *json, const struct envelope_options *o,
                                 const char *source)
{
    struct wire w;
    wire_read_with(&w, json, o);
    assert_outcome(&w, METE_OK, "", json);
    wire_commit(&w);
    char *wanted = quoted(source);
    if (memmem(w.canonical.p, w.canonical.len, wanted, strlen(wanted)) == NULL)
        fail_msg("%s\n  expected %s\n  found    %.*s", json, wanted, (int)w.canonical.len,
                 (const char *)w.canonical.p);
    assert_true(text_is(w.e.event.app_id, "a"));
    assert_canonical_again(&w, json);
    free(wanted);
    wire_clear(&w);
}

static void test_what_an_ingest_body_says_stands_in_each_of_its_events(void **state)
{
    (void)state;
    struct envelope_options o = options_now();
    struct wire w;
    o.app_id = TEXT("a");
    assert_stored_source("{" HEAD "," GOOD "}", &o, "'source':{'app_id':'a'}");
    o.environment = TEXT("production");
    assert_stored_source("{" HEAD "," GOOD "}", &o, "'source':{'app_id':'a','environment':'prod'}");
    assert_stored_source(EVENT("'source':{'app_id':''}"), &o,
                         "'source':{'app_id':'a','environment':'prod'}");
    assert_stored_source(EVENT("'source':{'producer':'runtime','app_id':'a'}"), &o,
                         "'source':{'app_id':'a','environment':'prod','producer':'runtime'}");
    wire_read_with(&w, EVENT("'source':7"), &o);
    assert_outcome(&w, METE_MEMBER_TYPE, "/source", "no source");
    wire_clear(&w);
    wire_read_with(&w, EVENT("'signature':{'key_id':'k','alg':'ed25519','value':'x'}"), &o);
    assert_outcome(&w, METE_MEMBER_MISSING, "/source/app_id", "signed, of no app");
    wire_clear(&w);
    wire_read_with(&w,
                   EVENT("'source':{'app_id':'a'},'signature':{'key_id':'k','alg':'ed25519',"
                         "'value':'x'}"),
                   &o);
    assert_outcome(&w, METE_OK, "", "signed, of its app");
    wire_commit(&w);
    assert_null(memmem(w.canonical.p, w.canonical.len, "environment", 11));
    wire_clear(&w);
    o.environment = TEXT("moon");
    wire_read_with(&w, "{" HEAD "," GOOD "}", &o);
    assert_outcome(&w, METE_MEMBER_VALUE, "/source/environment", "no environment");
    wire_clear(&w);
}

static void test_without_a_clock_no_time_is_too_late(void **state)
{
    (void)state;
    struct envelope_options o = {.now = TIME_NEVER};
    struct wire w;
    static const char json[] = "{'event_id':'e1','event_type':'revenue.received','occurred_at':"
                               "'9999-12-31T23:59:59Z'," GOOD "}";
    wire_read_with(&w, json, &o);
    assert_outcome(&w, METE_OK, "", "no clock");
    wire_clear(&w);
    o = (struct envelope_options){.now = NOW, .stored = true};
    wire_read_with(&w, json, &o);
    assert_outcome(&w, METE_OK, "", "stored");
    wire_clear(&w);
}

static void test_what_is_stored_is_not_searched_for_addresses(void **state)
{
    (void)state;
    struct envelope_options o = {.now = NOW, .stored = true};
    struct wire w;
    wire_read_with(&w, "{" HEAD ",'payload':{" AMOUNT "," TARGET ",'note':'a@b.example'}}", &o);
    assert_outcome(&w, METE_OK, "", "stored");
    wire_clear(&w);
}

static void test_an_event_beyond_the_limit_is_refused_unread(void **state)
{
    (void)state;
    struct text big = {calloc(1, EVENT_SIZE_MAX + 1), EVENT_SIZE_MAX + 1};
    struct wire w;
    struct envelope_options o = options_now();
    wire_read_bytes(&w, big, &o);
    assert_outcome(&w, METE_EVENT_TOO_LARGE, "", "large");
    wire_clear(&w);
    free((void *)(uintptr_t)big.p);
}

/* The worst inputs stay inside the arena that ENVELOPE_ARENA_MAX promises. */
static void test_the_arena_bound_holds(void **state)
{
    (void)state;
    struct buf json = {0};
    struct envelope_options o = options_now();
    buf_put_str(&json, "{\"event_id\":\"e\",\"event_type\":\"policy.published\",\"occurred_at\":"
                       "\"2025-01-31T11:00:00Z\",\"payload\":{\"manifest\":{\"id\":\"m\","
                       "\"contributors\":[");
    for (unsigned i = 0; i < SHARES_MAX; i++) {
        buf_printf(&json,
                   "%s{\"id\":\"p\",\"weight\":0,\"name\":\"\",\"note\":1,\"notes\":2,"
                   "\"temporal_splits\":[",
                   i == 0 ? "" : ",");
        for (unsigned k = 0; k < 4; k++)
            buf_printf(&json, "%s{\"version\":1,\"weight\":0}", k == 0 ? "" : ",");
        buf_put_str(&json, "]}");
    }
    buf_put_str(&json, "]}}}");
    struct wire w;
    wire_read_bytes(&w, buf_text(&json), &o);
    assert_outcome(&w, METE_OK, "", "large manifest");
    assert_int_equal(w.e.private_count, 3 * SHARES_MAX);
    wire_commit(&w);
    assert_int_equal(w.code, METE_OK);
    wire_clear(&w);
    buf_clear(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal_of_the_envelope_names_its_place),
        cmocka_unit_test(test_canonical_bytes_leave_out_the_signature_and_no_default),
        cmocka_unit_test(test_a_number_that_readers_would_change_is_refused),
        cmocka_unit_test(test_a_cloud_event_is_the_same_event),
        cmocka_unit_test(test_flaws_of_cloud_events_are_named),
        cmocka_unit_test(test_the_wrong_one_of_producer_and_service_is_named),
        cmocka_unit_test(test_an_event_stays_in_the_app_of_its_ingest_body),
        cmocka_unit_test(test_what_an_ingest_body_says_stands_in_each_of_its_events),
        cmocka_unit_test(test_without_a_clock_no_time_is_too_late),
        cmocka_unit_test(test_what_is_stored_is_not_searched_for_addresses),
        cmocka_unit_test(test_an_event_beyond_the_limit_is_refused_unread),
        cmocka_unit_test(test_the_arena_bound_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
