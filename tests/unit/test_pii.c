/* SPDX-License-Identifier: Apache-2.0
 * covers: M-020
 * Personal data in payloads: a corpus of labelled texts, each sent in an event; what is found that
 * is none, and what is not found, is printed. And where is looked, and where not. */
#include "wire_case.h"

#include <stdio.h>

#define KINDS     4
#define LINE_SIZE 512
#define CREATIVE                                                                                   \
    "'creative_id':'c1','format':'video','hook':'h','cta':'c','offer_framing':'o',"                \
    "'landing_page_type':'l'"

static const struct {
    const char *label;
    enum mete_code code;
} kinds[KINDS] = {
    {"none", METE_OK}, {"email", METE_PII_EMAIL}, {"phone", METE_PII_PHONE}, {"ip", METE_PII_IP}};

static unsigned kind_of(const char *label)
{
    unsigned kind = 0;
    while (kind < KINDS && strcmp(kinds[kind].label, label) != 0)
        kind++;
    if (kind == KINDS)
        fail_msg("no such label: %s", label);
    return kind;
}

/* {creative.generated, with `text` at its member}: what the door says. */
static enum mete_code verdict(const char *member, const char *text, char *pointer, size_t size)
{
    static const char head[] = "{\"event_id\":\"e1\",\"event_type\":\"creative.generated\","
                               "\"occurred_at\":\"2025-01-31T11:00:00Z\",\"payload\":{";
    static const char *const needed[] = {"creative_id", "format",        "hook",
                                         "cta",         "offer_framing", "landing_page_type"};
    struct buf json = {0};
    struct wire w;
    struct envelope_options o = options_now();
    buf_put_str(&json, head);
    json_put_string(&json, text_of(member));
    buf_put_u8(&json, ':');
    json_put_string(&json, text_of(text));
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (strcmp(needed[i], member) != 0)
            buf_printf(&json, ",\"%s\":\"x\"", needed[i]);
    }
    bool in_experiment = strcmp(member, "experiment_id") == 0;
    buf_put_str(&json, in_experiment ? ",\"variant_id\":\"v\"}}" : "}}");
    wire_read_bytes(&w, buf_text(&json), &o);
    enum mete_code code = w.code;
    snprintf(pointer, size, "%s", w.err.pointer);
    wire_clear(&w);
    buf_clear(&json);
    return code;
}

static void test_the_corpus(void **state)
{
    char path[512];
    char line[LINE_SIZE];
    unsigned seen[KINDS] = {0};
    unsigned wrong = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/pii/corpus.txt", getenv("METE_TEST_DATA"));
    FILE *corpus = fopen(path, "r");
    assert_non_null(corpus);
    while (fgets(line, sizeof line, corpus) != NULL) {
        char pointer[512];
        char wanted[128];
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        unsigned kind = kind_of(strsep(&rest, "|"));
        const char *member = strsep(&rest, "|");
        assert_non_null(rest);
        enum mete_code code = verdict(member, rest, pointer, sizeof pointer);
        seen[kind]++;
        if (code != kinds[kind].code) {
            print_message("# %s: %s: %s is %s\n", kind == 0 ? "false hit" : "miss", member, rest,
                          mete_code_name(code));
            wrong++;
        } else if (kind > 0) {
            snprintf(wanted, sizeof wanted, "/payload/%s", member);
            assert_string_equal(pointer, wanted);
        }
    }
    fclose(corpus);
    print_message("# corpus: %u harmless, %u e-mail, %u phone, %u IP; %u wrong\n", seen[0], seen[1],
                  seen[2], seen[3], wrong);
    assert_true(seen[0] + seen[1] + seen[2] + seen[3] >= 150);
    assert_int_equal(wrong, 0);
}

struct place {
    const char *json; /* of an event, without its id and time */
    enum mete_code code;
    const char *pointer;
};

static void test_where_is_looked(void **state)
{
    static const struct place places[] = {
        {"'event_type':'creative.launched','payload':{" CREATIVE
         ",'segment':{'x':'+49 30 901820'}}",
         METE_PII_PHONE, "/payload/segment/x"},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'more':[1,{'a':'192.0.2.1'}]}",
         METE_PII_IP, "/payload/more/1/a"},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'phone':15552345678}",
         METE_PII_PHONE, "/payload/phone"},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'phones':[15552345678]}",
         METE_PII_PHONE, "/payload/phones/0"},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'more':{'mobile':123456789}}",
         METE_OK, ""},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'clicks':15552345678}", METE_OK,
         ""},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'192.0.2.1':1}", METE_PII_IP,
         "/payload/192.0.2.1"},
        {"'event_type':'creative.launched','payload':{" CREATIVE ",'note':'call +49 30 901820'}",
         METE_OK, ""}, /* private: the log holds a commitment */
        {"'event_type':'campaign.paused','payload':{'reason':'a@example.com 192.0.2.1'}", METE_OK,
         ""},
        {"'event_type':'attribution.assigned','correlation':{'user_id':'a@example.com'},"
         "'payload':{'campaign_id':'c'}",
         METE_PII_EMAIL, "/correlation/user_id"},
        {"'event_type':'attribution.assigned','correlation':{'user_id':'+4930901820'},"
         "'payload':{'campaign_id':'c'}",
         METE_PII_PHONE, "/correlation/user_id"},
        {"'event_type':'attribution.assigned','source':{'ip':'192.0.2.1'},"
         "'payload':{'user_id':'u','campaign_id':'c'}",
         METE_OK, ""},
        /* elsewhere ids are anybody's */
        {"'event_type':'usage.reported','payload':{'platform_id':'192.0.2.1','provider':"
         "'+4930901820','window_start':'2025-01-01T00:00:00Z','window_end':'2025-01-02T00:00:00Z',"
         "'calls':1}",
         METE_OK, ""},
        {"'event_type':'party.registered','payload':{'party':'p','display_name':'+4930901820'}",
         METE_OK, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char json[1024];
        struct wire w;
        snprintf(json, sizeof json, "{'event_id':'e1','occurred_at':'2025-01-31T11:00:00Z',%s}",
                 places[i].json);
        wire_read(&w, json);
        assert_outcome(&w, places[i].code, places[i].pointer, json);
        wire_clear(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_corpus),
                                       cmocka_unit_test(test_where_is_looked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
