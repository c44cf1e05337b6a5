/* SPDX-License-Identifier: Apache-2.0
 * What must not stand in the log: private values become commitments, e-mail addresses elsewhere are
 * refused. */
#include "payload_cases.h"
#include "wire_case.h"

#include "crypto/hash.h"

#define HEAD        "'event_id':'e1','event_type':'revenue.received','occurred_at':'2025-01-31T11:00:00Z'"
#define EVENT(more) "{" HEAD "," more ",'payload':{" AMOUNT "," TARGET "}}"

/* Private values */

struct private_case {
    const char *type;
    const char *payload;
    const char *pointer;
    const char *value;
    const char *party;
};

#define REVERSED "revenue.reversed", "{'reverses':'e0',"

static const struct private_case private_cases[] = {
    {"party.registered", "{'party':'p','display_name':'a@b.example'}", "/payload/display_name",
     "a@b.example", "p"},
    {"party.destination_set", "{'party':'p','rail':'ln','destination':'a@b.example'}",
     "/payload/destination", "a@b.example", "p"},
    {"party.destination_set", "{'party':'p','rail':'ln','destination':{'z':1,'a':'x'}}",
     "/payload/destination", "{'a':'x','z':1}", "p"},
    {"key.registered", "{'key_id':'k','alg':'hmac-sha256','secret':'0123456789abcdef','party':'q'}",
     "/payload/secret", "0123456789abcdef", "q"},
    {"key.revoked", "{'key_id':'k','secret':'s'}", "/payload/secret", "s", ""},
    {REVERSED "'reason':'a@b.example'}", "/payload/reason", "a@b.example", ""},
    {REVERSED "'note':'n'}", "/payload/note", "n", ""},
    {REVERSED "'notes':['n']}", "/payload/notes", "['n']", ""},
    {REVERSED "'message':null}", "/payload/message", "null", ""},
    {"allocation.disputed", "{'allocation_id':'a','reason':'why'}", "/payload/reason", "why", ""},
    {"policy.published",
     "{'manifest':{'id':'m','contributors':[{'actor':{'id':'p','name':'A. Person'},'weight':1}]}}",
     "/payload/manifest/contributors/0/actor/name", "A. Person", "p"},
    {"policy.published",
     "{'manifest':{'id':'m','contributors':[{'id':'p','weight':1,'notes':'a@b.example'}]}}",
     "/payload/manifest/contributors/0/notes", "a@b.example", "p"},
    {"policy.published",
     "{'manifest':{'fair':'1.0','id':'m','attribution':[{'did':'p','share':1,'name':'N'}]}}",
     "/payload/manifest/attribution/0/name", "N", "p"},
};

static void assert_private(const struct private_case *c)
{
    struct wire w;
    wire_payload(&w, c->type, c->payload);
    assert_outcome(&w, METE_OK, "", c->payload);
    assert_int_equal(w.e.private_count, 1);
    struct private_value *v = &w.e.private_value[0];
    char *value = quoted(c->value);
    assert_string_equal(v->pointer, c->pointer);
    assert_text(bytes_text(v->value), value);
    assert_text(v->party, c->party);
    wire_commit(&w);
    assert_int_equal(w.code, METE_OK);
    struct hash expected = commitment(v->salt, text_bytes(text_of(value)));
    char text[7 + 65] = "commit:";
    hash_hex(&expected, text + 7);
    assert_true(hash_eq(&expected, &v->commitment));
    assert_text(v->node->text, text);
    assert_non_null(memmem(w.canonical.p, w.canonical.len, text, strlen(text)));
    if (strlen(value) > 4) /* short ones may stand in a commitment by chance */
        assert_null(memmem(w.canonical.p, w.canonical.len, value, strlen(value)));
    if (w.e.event.type == EVENT_KEY_REGISTERED)
        assert_text(w.e.event.key.key, text);
    assert_canonical_again(&w, c->payload);
    free(value);
    wire_clear(&w);
}

static void test_private_values_become_commitments(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(private_cases); i++)
        assert_private(&private_cases[i]);
}

static void test_the_ip_is_private_in_every_event(void **state)
{
    (void)state;
    struct wire w;
    wire_read(&w, EVENT("'source':{'ip':'203.0.113.7'}"));
    assert_int_equal(w.e.private_count, 1);
    assert_string_equal(w.e.private_value[0].pointer, "/source/ip");
    wire_commit(&w);
    assert_null(memmem(w.canonical.p, w.canonical.len, "203.0.113.7", 11));
    assert_canonical_again(&w, "ip");
    wire_clear(&w);
}

/* Private members in any order between others, with an address in an open one behind them. */
static void test_addresses_are_found_between_private_values(void **state)
{
    (void)state;
    struct wire w;
    wire_payload(&w, "revenue.reversed",
                 "{'note':'a@b.example','reverses':'e0','message':{'x':'c@d.example'},"
                 "'other':'e@f.example'}");
    assert_outcome(&w, METE_PII_EMAIL, "/payload/other", "open");
    wire_clear(&w);
    wire_payload(&w, "policy.published",
                 "{'manifest':{'id':'m','contributors':[{'note':'a@b.example','id':'p','weight':1,"
                 "'actor':{'name':'c@d.example'},'notes':'x'},{'id':'q','name':'g@h.example'},"
                 "{'id':'r','metadata':{'mail':'e@f.example'}}]}}");
    assert_outcome(&w, METE_PII_EMAIL, "/payload/manifest/contributors/2/metadata/mail",
                   "manifest");
    wire_clear(&w);
}

/* A tree that was built has no bytes of its own to look through first. */
static void test_addresses_are_found_in_built_trees(void **state)
{
    (void)state;
    struct wire w;
    struct envelope_options o = options_now();
    wire_payload(&w, "key.revoked", "{'key_id':'k'}");
    assert_int_equal(w.code, METE_OK);
    struct json *payload = w.e.tree->last;
    assert_text(payload->key, "payload");
    payload->raw = (struct text){0};
    json_set(payload, TEXT("note"), json_new_string(&w.arena, TEXT("a@b.example")));
    struct json *tree = w.e.tree;
    w.code = envelope_read_tree(&w.arena, tree, &o, &w.e, &w.err);
    assert_outcome(&w, METE_PII_EMAIL, "/payload/note", "built");
    wire_clear(&w);
}

static bool salt_never(void *ctx, const char *pointer, uint8_t salt[SALT_LEN])
{
    (void)salt;
    *(const char **)ctx = pointer;
    return false;
}

static void test_an_erased_value_is_left_alone(void **state)
{
    (void)state;
    struct wire w;
    const char *asked = NULL;
    wire_payload(&w, "party.registered", "{'party':'p','display_name':'A. Person'}");
    envelope_commit(&w.arena, &w.e, salt_never, &asked);
    assert_string_equal(asked, "/payload/display_name");
    assert_text(w.e.private_value[0].node->text, "A. Person");
    wire_clear(&w);
}

static void test_the_hash_of_a_policy_is_over_what_the_log_keeps(void **state)
{
    (void)state;
    struct wire w;
    wire_payload(&w, "policy.published",
                 "{'manifest':{'id':'m','contributors':[{'actor':{'id':'p','name':'N'},"
                 "'weight':1}]}}");
    struct hash before = w.e.event.policy.policy->hash;
    wire_commit(&w);
    struct buf document = {0};
    const struct json *manifest = json_get(json_get(w.e.tree, "payload"), "manifest");
    assert_int_equal(json_canonical(manifest, &document, NULL), METE_OK);
    struct hash expected = sha256(buf_bytes(&document));
    assert_true(hash_eq(&expected, &w.e.event.policy.policy->hash));
    assert_false(hash_eq(&expected, &before));
    buf_clear(&document);
    wire_clear(&w);
}

static void test_too_many_private_values_are_refused(void **state)
{
    (void)state;
    struct buf json = {0};
    struct wire w;
    struct envelope_options o = options_now();
    buf_put_str(&json, "{\"event_id\":\"e\",\"event_type\":\"policy.published\",\"occurred_at\":"
                       "\"2025-01-31T11:00:00Z\",\"payload\":{\"manifest\":{\"id\":\"m\","
                       "\"fair\":\"1.0\",\"attribution\":[{\"did\":\"p\",\"share\":1}],"
                       "\"contributors\":[{\"name\":1}");
    for (unsigned i = 0; i < 4 * SHARES_MAX; i++)
        buf_put_str(&json, ",{\"name\":1}");
    buf_put_str(&json, "]}}}");
    wire_read_bytes(&w, buf_text(&json), &o);
    assert_outcome(&w, METE_SHARES_LIMIT, "/payload/manifest/contributors/16000/name", "privates");
    wire_clear(&w);
    buf_clear(&json);
}

/* The e-mail detector */

static void test_addresses_are_told_from_what_only_looks_like_one(void **state)
{
    (void)state;
    static const char *const addresses[] = {"a@b.de",
                                            "first.last+tag@sub.example.com",
                                            "mailto:a@example.org",
                                            "<a@example.org>",
                                            "see a@example.org, please",
                                            "J\xc3\xbcrgen@b\xc3\xbcro.example",
                                            "a@xn--bro-hoa.xn--p1ai",
                                            "git@github.com:x/y",
                                            "a@b@c.de",
                                            "A_B-C@EXAMPLE.COM.",
                                            "did:x:1 and a@b.de",
                                            "https://user@host.example/path"};
    static const char *const others[] = {"",
                                         "@",
                                         "a@",
                                         "@b.de",
                                         "a@b",
                                         "a @b.de",
                                         "a@b.d",
                                         "a@b.1",
                                         "left-pad@1.2.3",
                                         "sha256:ab@c",
                                         "did:web:x@b.de",
                                         "urn:fair:x@b.de",
                                         "https://medium.com/@user.name/x",
                                         "a@.de",
                                         "a@-b.de.",
                                         "@@@",
                                         "did:plc:abc@example.com",
                                         "user at example.com",
                                         "a@b..."};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        if (!text_has_email(text_of(addresses[i])))
            fail_msg("'%s' is an address", addresses[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (text_has_email(text_of(others[i])))
            fail_msg("'%s' is no address", others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_values_become_commitments),
        cmocka_unit_test(test_the_ip_is_private_in_every_event),
        cmocka_unit_test(test_addresses_are_found_between_private_values),
        cmocka_unit_test(test_addresses_are_found_in_built_trees),
        cmocka_unit_test(test_an_erased_value_is_left_alone),
        cmocka_unit_test(test_the_hash_of_a_policy_is_over_what_the_log_keeps),
        cmocka_unit_test(test_too_many_private_values_are_refused),
        cmocka_unit_test(test_addresses_are_told_from_what_only_looks_like_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
