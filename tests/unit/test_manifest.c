/* SPDX-License-Identifier: Apache-2.0
 * .fair manifests of every generation as policies: the published examples with their golden splits,
 * hand-made fixtures, signatures, and each refusal with its place.
 * covers: F-001 F-004 F-005 F-012 F-014 */
#include "wire_case.h"

#include "base/encode.h"
#include "core/condition.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

/** A manifest and the policy made of it. */
struct manifest {
    struct doc doc;
    struct arena arena;
    struct policy p;
    enum mete_code code;
    struct mete_err err;
};

static void manifest_make(struct manifest *m, struct text json)
{
    memset(m, 0, sizeof *m);
    doc_read(&m->doc, json);
    assert_int_equal(m->doc.code, METE_OK);
    arena_init(&m->arena, (size_t)64 << 20);
    m->code = manifest_read(&m->arena, m->doc.root, "/at", &m->p, &m->err);
}

static void manifest_clear(struct manifest *m)
{
    doc_clear(&m->doc);
    arena_clear(&m->arena);
}

static void manifest_parse(struct manifest *m, const char *json)
{
    char *copy = quoted(json);
    manifest_make(m, text_of(copy));
    free(copy);
}

static void manifest_load(struct manifest *m, const char *folder, const char *name)
{
    char path[512];
    char file[128];
    struct buf bytes = {0};
    snprintf(file, sizeof file, "%s.fair.json", name);
    read_path(data_path(path, sizeof path, folder, file), &bytes);
    manifest_make(m, buf_text(&bytes));
    if (m->code != METE_OK)
        fail_msg("%s: %s at '%s': %s", name, mete_code_name(m->code), m->err.pointer, m->err.text);
    assert_int_equal(m->p.kind, POLICY_WEIGHTS);
    assert_int_equal(m->p.rounding, ROUNDING_LARGEST);
    buf_clear(&bytes);
}

#define EXAMPLES "../../examples/fair"
#define FIXTURES "manifests"

static mete_time at(const char *time)
{
    mete_time t = 0;
    assert_int_equal(time_parse_date(text_of(time), false, &t), TIME_OK);
    return t;
}

/* The share's weight at a moment in parts of 10,000. */
static uint64_t weight_at(const struct policy *p, uint32_t share, const char *time, uint64_t active)
{
    uint32_t entry = 0;
    u128 weight = policy_weight_at(p, share, at(time), active, &entry) * 10000;
    assert_true(weight % p->den == 0);
    return (uint64_t)(weight / p->den);
}

/* What the manifest alone makes active for a sale. */
static uint64_t active_at(const struct policy *p, const char *time, i128 net, i128 quantity)
{
    struct condition_facts facts = {.occurred_at = at(time), .net = net, .quantity = quantity};
    return condition_active(p, &facts);
}

static uint64_t condition_bit(const struct policy *p, const char *name)
{
    for (uint32_t i = 0; i < p->condition_count; i++) {
        if (text_is(p->condition[i], name))
            return UINT64_C(1) << i;
    }
    fail_msg("no condition %s", name);
    return 0;
}

/* The published examples */

static void test_published_music_and_opensource_split_as_written(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, EXAMPLES, "music");
    assert_string_equal(manifest_generation(m.doc.root), "0.1");
    assert_true(document_is_manifest(m.doc.root));
    assert_text(m.p.id, "urn:fair:music-001");
    assert_text(m.p.title, "Original Track");
    assert_text(m.p.owner, "did:ethr:0xComposerWallet");
    assert_int_equal(m.p.share_count, 2);
    assert_text(m.p.share[0].payee, "did:ethr:0xComposerWallet");
    assert_text(m.p.share[0].role, "composition");
    assert_int_equal(weight_at(&m.p, 0, "2025-05-01", 0), 6000);
    assert_int_equal(weight_at(&m.p, 1, "2025-05-01", 0), 4000);
    manifest_clear(&m);
    manifest_load(&m, EXAMPLES, "opensource");
    assert_text(m.p.share[1].payee, "github:contributor123");
    assert_int_equal(weight_at(&m.p, 0, "2025-05-01", 0), 7000);
    manifest_clear(&m);
}

static void test_published_collaboration_refers_to_another_manifest(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, EXAMPLES, "collaboration");
    assert_int_equal(m.p.share_count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(m.p.share[i].is_policy, i == 3);
    assert_text(m.p.share[3].payee, "urn:fair:track-001");
    assert_int_equal(weight_at(&m.p, 3, "2025-05-01", 0), 2000);
    manifest_clear(&m);
}

static void test_published_music_temporal_changes_after_recoupment(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, EXAMPLES, "music-temporal");
    assert_string_equal(manifest_generation(m.doc.root), "0.2");
    assert_true(m.p.has_recoup);
    assert_text(m.p.recoup_money.amount, "5000");
    assert_text(m.p.recoup_money.currency, "USD");
    assert_text(m.p.default_condition, "pre-recoup");
    m.p.recoup_amount = 500000;
    uint64_t before = active_at(&m.p, "2025-05-01", 499999, 0);
    uint64_t after = active_at(&m.p, "2025-05-01", 500000, 0);
    assert_int_equal(weight_at(&m.p, 0, "2025-05-01", before), 5000);
    assert_int_equal(weight_at(&m.p, 1, "2025-05-01", before), 5000);
    assert_int_equal(weight_at(&m.p, 0, "2025-05-01", after), 2000);
    assert_int_equal(weight_at(&m.p, 1, "2025-05-01", after), 8000);
    assert_int_equal(weight_at(&m.p, 1, "2025-03-31", after), 0); /* before any entry: base */
    manifest_clear(&m);
}

static void test_published_software_vesting_follows_the_years(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        uint64_t founder, investor;
    } years[] = {{"2024-12-31", 0, 0},       {"2025-01-01", 2500, 7500}, {"2025-12-31", 2500, 7500},
                 {"2026-07-01", 3750, 6250}, {"2027-07-01", 5000, 5000}, {"2028-01-01", 6250, 3750},
                 {"2040-01-01", 6250, 3750}};
    struct manifest m;
    manifest_load(&m, EXAMPLES, "software-vesting");
    for (size_t i = 0; i < ARRAY_LEN(years); i++) {
        assert_int_equal(weight_at(&m.p, 0, years[i].time, 0), years[i].founder);
        assert_int_equal(weight_at(&m.p, 1, years[i].time, 0), years[i].investor);
    }
    assert_int_equal(m.p.period_count + m.p.threshold_count + m.p.condition_count, 0);
    manifest_clear(&m);
}

static void test_published_event_milestone_follows_sales_and_tickets(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        i128 tickets;
        uint64_t weight[3];
    } sales[] = {{"2025-02-01", 499, {7000, 2500, 500}},
                 {"2025-02-01", 500, {6500, 3000, 500}},
                 {"2025-07-01", 999, {6000, 3500, 500}},
                 {"2025-07-01", 1000, {5500, 4000, 500}},
                 {"2025-08-15", 1000, {0, 0, 0}}};
    struct manifest m;
    manifest_load(&m, EXAMPLES, "event-milestone");
    assert_int_equal(m.p.entry_count, 10);
    assert_int_equal(m.p.threshold_count, 4);
    assert_int_equal(m.p.period_count, 3); /* standard stands for standard-sales too */
    for (size_t i = 0; i < ARRAY_LEN(sales); i++) {
        uint64_t active = active_at(&m.p, sales[i].time, 0, sales[i].tickets);
        for (uint32_t share = 0; share < 3; share++)
            assert_int_equal(weight_at(&m.p, share, sales[i].time, active), sales[i].weight[share]);
    }
    manifest_clear(&m);
}

/* The generations */

#define ONE(more)      "{'id':'m','contributors':[{'id':'a'," more "}]}"
#define SPLIT(more)    ONE("'temporal_splits':[{" more "}]")
#define METADATA(more) "{'id':'m','contributors':[{'id':'a','weight':1}],'metadata':{" more "}}"
#define FAIR_1_0(list) "{'fair':'1.0','id':'m','attribution':[" list "]}"
#define FAIR_1_1(list) "{'fair':'1.1','id':'m','attribution':[" list "]}"

/* Found by the fuzzer: a pointer that was too long ended within a character. */
static void test_a_pointer_that_is_too_long_ends_with_a_character(void **state)
{
    (void)state;
    static const char letter[] = "\xe1\xb8\xb6"; /* three bytes, and all three remainders */
    for (size_t ahead = 0; ahead < 3; ahead++) {
        struct manifest m;
        char name[400] = "";
        char json[800];
        memset(name, 'x', ahead);
        for (size_t len = ahead; len + 3 < 250; len += 3) {
            memcpy(name + len, letter, sizeof letter);
        }
        snprintf(json, sizeof json,
                 "{\"id\":\"u\",\"contributors\":[{\"id\":\"a\",\"weight\":\"1\","
                 "\"%s\":1E6450685726720}]}",
                 name);
        manifest_parse(&m, json);
        assert_int_not_equal(m.code, METE_OK);
        assert_true(strlen(m.err.pointer) > 180);
        assert_true(text_is_utf8(text_of(m.err.pointer)));
        manifest_clear(&m);
    }
}

static void test_generation_0_1_reads_ids_refs_and_weights_in_strings(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, FIXTURES, "v0_1");
    assert_string_equal(manifest_generation(m.doc.root), "0.1");
    assert_int_equal(m.p.sum_rule, SUM_AT_MOST_ONE);
    assert_true(m.p.share[2].is_policy);
    assert_text(m.p.share[2].payee, "urn:fair:track:sample-v1.0.0");
    assert_int_equal(weight_at(&m.p, 1, "2025-01-01", 0), 2000);
    assert_int_equal(m.p.signature, 0);
    manifest_clear(&m);
}

static void test_generation_0_2_reads_windows_conditions_and_metadata(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, FIXTURES, "v0_2");
    assert_string_equal(manifest_generation(m.doc.root), "0.2");
    const struct policy *p = &m.p;
    assert_int_equal(p->entry_count, 3);
    assert_int_equal(p->share[1].entry_first, 2);
    assert_int_equal(p->share[1].entry_count, 1);
    assert_true(p->entry[0].from == at("2025-01-01"));
    assert_true(p->entry[0].until == at("2025-02-01") - 1);
    assert_true(p->entry[1].from == TIME_ALWAYS && p->entry[1].until == TIME_NEVER);
    assert_int_equal(p->entry[1].conditions, 0);
    assert_text(p->entry[0].description, "first\nmonth");
    assert_true(p->entry[0].ratio.num == 1 && p->entry[0].ratio.den == 3);
    assert_int_equal(p->entry[2].version, 7);
    assert_true(p->entry[2].conditions ==
                (condition_bit(p, "standard-sales") | condition_bit(p, "tickets-under-100")));
    assert_int_equal(p->threshold[0].op, THRESHOLD_LT);
    assert_int_equal(p->threshold[1].op, THRESHOLD_GE);
    assert_int_equal(p->threshold[1].quantity, 100);
    assert_int_equal(p->period_count, 3);
    assert_true(p->period[0].from == at("2025-01-01") &&
                p->period[0].until == at("2025-02-01") - 1);
    assert_true(UINT64_C(1) << p->period[0].condition == condition_bit(p, "early-bird"));
    assert_true(UINT64_C(1) << p->period[1].condition == condition_bit(p, "standard"));
    assert_true(UINT64_C(1) << p->period[2].condition == condition_bit(p, "standard-sales"));
    assert_true(p->period[2].until == TIME_NEVER);
    assert_text(p->recoup_money.amount, "5000.00");
    assert_true(policy_is_temporal(p));
    manifest_clear(&m);
}

static void test_generations_0_3_to_0_4_read_flat_contributors(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, FIXTURES, "v0_3");
    assert_string_equal(manifest_generation(m.doc.root), "0.3");
    assert_int_equal(m.p.share_count, 3); /* listed twice: two shares */
    assert_text(m.p.share[2].payee, "artist-456");
    assert_text(m.p.share[2].role, "writer");
    assert_int_equal(weight_at(&m.p, 0, "2025-01-01", 0), 6000);
    manifest_clear(&m);
    manifest_load(&m, FIXTURES, "runtime_module");
    assert_string_equal(manifest_generation(m.doc.root), "0.2.0");
    assert_int_equal(weight_at(&m.p, 1, "2025-01-01", 0), 3000);
    manifest_clear(&m);
    manifest_load(&m, FIXTURES, "v0_4");
    assert_string_equal(manifest_generation(m.doc.root), "0.4.0");
    assert_text(m.p.id, "cid:bafyreigh2akiscaildc");
    assert_false(m.p.share[0].held);
    assert_true(m.p.share[1].held);
    assert_false(m.p.share[2].held);
    manifest_clear(&m);
    manifest_load(&m, FIXTURES, "cross_org");
    assert_int_equal(weight_at(&m.p, 0, "2025-01-01", 0), 6000);
    assert_int_equal(m.p.owner.len, 0);
    manifest_clear(&m);
}

static void test_generations_1_0_and_1_1_read_attribution_and_signature(void **state)
{
    (void)state;
    struct manifest m;
    manifest_load(&m, FIXTURES, "v1_0_signed");
    assert_string_equal(manifest_generation(m.doc.root), "1.0");
    assert_int_equal(m.p.sum_rule, SUM_AT_MOST_1_0001);
    assert_int_equal(m.p.signature, 1);
    assert_text(m.p.share[1].payee, "did:imajin:b");
    assert_int_equal(weight_at(&m.p, 0, "2025-01-01", 0), 6000);
    manifest_clear(&m);
    manifest_load(&m, FIXTURES, "v1_1_signed");
    assert_string_equal(manifest_generation(m.doc.root), "1.1");
    assert_int_equal(m.p.sum_rule, SUM_ONE_MILLIONTH);
    assert_int_equal(m.p.signature, 1);
    assert_int_equal(m.p.share_count, 3); /* the splits of distribution have no effect */
    manifest_clear(&m);
}

static void test_the_generation_shows_in_any_of_its_marks(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *generation;
        bool manifest;
    } cases[] = {
        {"{'fair':'1.1'}", "1.1", true},
        {"{'fair':'1.0'}", "1.0", true},
        {"{'attribution':[]}", "1.0", true},
        {"{'id':'cid:x','contributors':[]}", "0.4.0", true},
        {"{'version':'0.4.1','contributors':[]}", "0.4.0", true},
        {"{'contentChain':{},'contributors':[]}", "0.4.0", true},
        {"{'contributors':[{'attestation':{}}]}", "0.4.0", true},
        {"{'type':'runtime-module','contributors':[]}", "0.2.0", true},
        {"{'contributors':[{'id':'a'}]}", "0.3", true},
        {"{'contributors':[{'actor':{}}]}", "0.1", true},
        {"{'contributors':[{'actor':{}}],'updated_at':'x'}", "0.2", true},
        {"{'contributors':[{'actor':{}}],'metadata':{}}", "0.2", true},
        {"{'contributors':[{'actor':{},'temporal_splits':[]}]}", "0.2", true},
        {"{'kind':'weights','contributors':[]}", "0.3", false},
        {"{'id':'p'}", "1.0", false},
        {"7", "1.0", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct doc d;
        char *copy = quoted(cases[i].json);
        doc_read(&d, text_of(copy));
        assert_string_equal(manifest_generation(d.root), cases[i].generation);
        size_t known = 0;
        while (manifest_generation_at(known) != NULL &&
               strcmp(manifest_generation_at(known), cases[i].generation) != 0) {
            known++;
        }
        assert_non_null(manifest_generation_at(known));
        assert_int_equal(document_is_manifest(d.root), cases[i].manifest);
        doc_clear(&d);
        free(copy);
    }
}

static void test_an_empty_countersignature_is_none(void **state)
{
    (void)state;
    struct manifest m;
    manifest_parse(&m, ONE("'weight':1,'attestation':{'subjectSignature':''}"));
    assert_int_equal(m.code, METE_OK);
    assert_true(m.p.share[0].held);
    manifest_clear(&m);
    manifest_parse(&m, ONE("'weight':1,'attestation':null"));
    assert_false(m.p.share[0].held);
    manifest_clear(&m);
}

static void test_thresholds_compare_in_four_ways(void **state)
{
    (void)state;
    static const char *const signs[] = {"<", "<=", ">=", ">"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        struct manifest m;
        char json[256];
        snprintf(json, sizeof json,
                 METADATA("'ticket_thresholds':[{'name':'a','condition':'%s  5'}]"), signs[i]);
        manifest_parse(&m, json);
        assert_int_equal(m.code, METE_OK);
        assert_int_equal(m.p.threshold[0].op, i + 1);
        assert_int_equal(m.p.threshold[0].quantity, 5);
        manifest_clear(&m);
    }
}

/* The hash is that of the canonical document. */
static void test_the_hash_is_over_canonical_bytes(void **state)
{
    (void)state;
    struct manifest m, same;
    manifest_parse(&m, "{'id':'m','contributors':[{'id':'a','weight':1.0}]}");
    manifest_parse(&same, "{ 'contributors': [ { 'weight': 1, 'id': 'a' } ], 'id': 'm' }");
    struct hash expected =
        sha256(text_bytes(TEXT("{\"contributors\":[{\"id\":\"a\",\"weight\":1}],\"id\":\"m\"}")));
    assert_true(hash_eq(&m.p.hash, &expected));
    assert_true(hash_eq(&same.p.hash, &expected));
    manifest_clear(&m);
    manifest_clear(&same);
}

/* Refusals */

struct refusal {
    const char *json;
    enum mete_code code;
    const char *pointer;
};

static const struct refusal refusals[] = {
    {"{'contributors':[]}", METE_MEMBER_MISSING, "/at/id"},
    {"{'id':'m'}", METE_MEMBER_MISSING, "/at/contributors"},
    {"{'id':'','contributors':[]}", METE_TEXT_LENGTH, "/at/id"},
    {"{'id':7,'contributors':[]}", METE_MEMBER_TYPE, "/at/id"},
    {"{'id':'m','title':7,'contributors':[]}", METE_MEMBER_TYPE, "/at/title"},
    {"{'id':'m','contributors':[]}", METE_POLICY_INVALID, "/at/contributors"},
    {"{'id':'m','contributors':{}}", METE_MEMBER_TYPE, "/at/contributors"},
    {"{'id':'m','contributors':[7]}", METE_MEMBER_TYPE, "/at/contributors/0"},
    {"{'fair':'2.0','id':'m','attribution':[]}", METE_SCHEMA_VERSION, "/at/fair"},
    {"{'fair':'1.2','id':'m','attribution':[]}", METE_SCHEMA_VERSION, "/at/fair"},
    {"{'fair':'2.0','id':'m','contributors':[{'id':'a','weight':1}]}", METE_SCHEMA_VERSION,
     "/at/fair"},
    {"{'fair':1.0,'id':'m','attribution':[]}", METE_MEMBER_TYPE, "/at/fair"},
    {"{'id':'m','contributors':[{'weight':1}]}", METE_MEMBER_MISSING, "/at/contributors/0/id"},
    {"{'id':'m','contributors':[{'actor':{},'weight':1}]}", METE_MEMBER_MISSING,
     "/at/contributors/0/actor/id"},
    {"{'id':'m','contributors':[{'actor':'a','weight':1}]}", METE_MEMBER_TYPE,
     "/at/contributors/0/actor"},
    {"{'id':'m','contributors':[{'actor':{'id':'a','ref':'b'},'weight':1}]}", METE_MEMBER_VALUE,
     "/at/contributors/0/actor/ref"},
    {"{'id':'m','contributors':[{'actor':{'id':'a'},'id':'b','weight':1}]}", METE_MEMBER_VALUE,
     "/at/contributors/0/id"},
    {"{'id':'m','contributors':[{'id':'a b','weight':1}]}", METE_PARTY_INVALID,
     "/at/contributors/0/id"},
    {"{'id':'m','contributors':[{'id':'mete:a','weight':1}]}", METE_PARTY_RESERVED,
     "/at/contributors/0/id"},
    {"{'id':'m','contributors':[{'actor':{'ref':'a b'},'weight':1}]}", METE_MEMBER_VALUE,
     "/at/contributors/0/actor/ref"},
    {ONE("'weight':'a'"), METE_WEIGHT_INVALID, "/at/contributors/0/weight"},
    {ONE("'weight':-0.5"), METE_WEIGHT_INVALID, "/at/contributors/0/weight"},
    {ONE("'weight':5e-1"), METE_WEIGHT_INVALID, "/at/contributors/0/weight"},
    {ONE("'weight':true"), METE_MEMBER_TYPE, "/at/contributors/0/weight"},
    {ONE("'weight':1,'role':7"), METE_MEMBER_TYPE, "/at/contributors/0/role"},
    {ONE("'weight':1,'attestation':7"), METE_MEMBER_TYPE, "/at/contributors/0/attestation"},
    {ONE("'weight':0.123456789012345678"), METE_NUMBER_INEXACT, "/at/contributors/0/weight"},
    {"{'id':'m','contributors':[{'id':'a','weight':0.6},{'id':'b','weight':0.6}]}",
     METE_WEIGHT_ABOVE_ONE, "/at/contributors"},
    {ONE("'temporal_splits':{}"), METE_MEMBER_TYPE, "/at/contributors/0/temporal_splits"},
    {ONE("'temporal_splits':[7]"), METE_MEMBER_TYPE, "/at/contributors/0/temporal_splits/0"},
    {SPLIT("'weight':1"), METE_MEMBER_MISSING, "/at/contributors/0/temporal_splits/0/version"},
    {SPLIT("'version':1"), METE_MEMBER_MISSING, "/at/contributors/0/temporal_splits/0/weight"},
    {SPLIT("'version':-1,'weight':1"), METE_NUMBER_RANGE,
     "/at/contributors/0/temporal_splits/0/version"},
    {SPLIT("'version':1,'weight':1,'effective_from':'soon'"), METE_TIME_INVALID,
     "/at/contributors/0/temporal_splits/0/effective_from"},
    {SPLIT("'version':1,'weight':1,'effective_from':'2025-02-01','effective_until':'2025-01-31'"),
     METE_TIME_ORDER, "/at/contributors/0/temporal_splits/0/effective_until"},
    {SPLIT("'version':1,'weight':1,'conditions':'a'"), METE_MEMBER_TYPE,
     "/at/contributors/0/temporal_splits/0/conditions"},
    {SPLIT("'version':1,'weight':1,'conditions':['']"), METE_TEXT_LENGTH,
     "/at/contributors/0/temporal_splits/0/conditions/0"},
    {"{'id':'m','contributors':[{'id':'a','weight':1}],'metadata':7}", METE_MEMBER_TYPE,
     "/at/metadata"},
    {METADATA("'recoup_threshold':5"), METE_MEMBER_TYPE, "/at/metadata/recoup_threshold"},
    {METADATA("'recoup_threshold':{'currency':'USD'}"), METE_MEMBER_MISSING,
     "/at/metadata/recoup_threshold/amount"},
    {METADATA("'default_condition':7"), METE_MEMBER_TYPE, "/at/metadata/default_condition"},
    {METADATA("'ticket_thresholds':{}"), METE_MEMBER_TYPE, "/at/metadata/ticket_thresholds"},
    {METADATA("'ticket_thresholds':[{'name':'a'}]"), METE_MEMBER_MISSING,
     "/at/metadata/ticket_thresholds/0/condition"},
    {METADATA("'ticket_thresholds':[{'name':'a','condition':'= 5'}]"), METE_MEMBER_VALUE,
     "/at/metadata/ticket_thresholds/0/condition"},
    {METADATA("'ticket_thresholds':[{'name':'a','condition':'< 5.5'}]"), METE_MEMBER_VALUE,
     "/at/metadata/ticket_thresholds/0/condition"},
    {METADATA("'ticket_thresholds':[{'name':'a','condition':'<'}]"), METE_MEMBER_VALUE,
     "/at/metadata/ticket_thresholds/0/condition"},
    {METADATA("'ticket_sales_periods':[]"), METE_MEMBER_TYPE, "/at/metadata/ticket_sales_periods"},
    {METADATA("'ticket_sales_periods':{'a':7}"), METE_MEMBER_TYPE,
     "/at/metadata/ticket_sales_periods/a"},
    {METADATA("'ticket_sales_periods':{'a':{'start':'2025-02-01','end':'2025-01-31'}}"),
     METE_TIME_ORDER, "/at/metadata/ticket_sales_periods/a/end"},
    {METADATA("'ticket_sales_periods':{'':{}}"), METE_TEXT_LENGTH,
     "/at/metadata/ticket_sales_periods/"},
    {"{'fair':'1.0','id':'m'}", METE_MEMBER_MISSING, "/at/attribution"},
    {FAIR_1_0(""), METE_POLICY_INVALID, "/at/attribution"},
    {FAIR_1_0("{'share':1}"), METE_MEMBER_MISSING, "/at/attribution/0/did"},
    {FAIR_1_0("{'did':'a'}"), METE_MEMBER_MISSING, "/at/attribution/0/share"},
    {FAIR_1_0("{'did':'a','share':'x'}"), METE_WEIGHT_INVALID, "/at/attribution/0/share"},
    {FAIR_1_0("{'did':'a','share':0.6},{'did':'b','share':0.4002}"), METE_WEIGHT_ABOVE_ONE,
     "/at/attribution"},
    {FAIR_1_1("{'did':'a','share':0.6},{'did':'b','share':0.39}"), METE_WEIGHT_SUM,
     "/at/attribution"},
    {FAIR_1_1("{'did':'a','share':0.6},{'did':'b','share':0.41}"), METE_WEIGHT_SUM,
     "/at/attribution"},
};

static void test_every_refusal_names_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct manifest m;
        manifest_parse(&m, refusals[i].json);
        if (m.code != refusals[i].code || strcmp(m.err.pointer, refusals[i].pointer) != 0)
            fail_msg("%s\n  found %s at '%s': %s", refusals[i].json, mete_code_name(m.code),
                     m.err.pointer, m.err.text);
        assert_true(m.err.text[0] != '\0');
        assert_int_equal(m.err.code, m.code);
        manifest_clear(&m);
    }
}

static const char *const accepted[] = {
    "{'id':'m','contributors':[{'id':'a'}]}", /* no weight: all of it stays unallocated */
    "{'id':'m','contributors':[{'id':'a','weight':null,'role':null,'actor':null}],'title':null}",
    "{'id':'m','contributors':[{'id':'a','weight':0.5},{'id':'a','weight':0.5}]}",
    "{'fair':'0.3','id':'m','contributors':[{'id':'a','weight':1}]}",
    "{'id':'m','created_by':'Ryan V','contributors':[{'id':'a','weight':1}]}",
    "{'id':'m','whatever':{'else':[1]},'contributors':[{'id':'a','weight':1,'x':2}]}",
    FAIR_1_0("{'did':'a','share':0.6},{'did':'b','share':0.4001}"),
    FAIR_1_0("{'did':'a','share':0.5}"),
    FAIR_1_1("{'did':'a','share':0.6},{'did':'b','share':0.4000005}"),
    FAIR_1_1("{'did':'a','share':0.6},{'did':'b','share':0.3999995}"),
    FAIR_1_1("{'did':'a','share':'1/3'},{'did':'b','share':'2/3'}"),
};

static void test_what_manifests_may_be_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        struct manifest m;
        manifest_parse(&m, accepted[i]);
        if (m.code != METE_OK)
            fail_msg("%s: %s at '%s'", accepted[i], mete_code_name(m.code), m.err.pointer);
        manifest_clear(&m);
    }
}

/* `#` in an item stands for its number. */
static void list_of(struct buf *out, const char *before, size_t count, const char *item,
                    const char *after)
{
    const char *number = strchr(item, '#');
    buf_reset(out);
    buf_put_str(out, before);
    for (size_t i = 0; i < count; i++) {
        buf_put_str(out, i == 0 ? "" : ",");
        buf_put(out, item, (size_t)(number - item));
        buf_printf(out, "%zu%s", i, number + 1);
    }
    buf_put_str(out, after);
    buf_put_u8(out, '\0');
}

static void test_limits_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        const char *item;
        const char *after;
        size_t most;
        const char *pointer;
    } limits[] = {
        {"{'id':'m','contributors':[", "{'id':'a#','weight':0}", "]}", SHARES_MAX,
         "/at/contributors"},
        {"{'fair':'1.0','id':'m','attribution':[", "{'did':'a#','share':0}", "]}", SHARES_MAX,
         "/at/attribution"},
        {"{'id':'m','contributors':[{'id':'a','temporal_splits':[", "{'version':#,'weight':0}",
         "]}]}", ENTRIES_MAX, "/at/contributors"},
        {"{'id':'m','contributors':[{'id':'a','weight':1}],'metadata':{'ticket_sales_periods':{",
         "'p#':{}", "}}}", CONDITIONS_MAX, "/at/metadata/ticket_sales_periods"},
        {"{'id':'m','contributors':[{'id':'a','weight':1}],'metadata':{'ticket_thresholds':[",
         "{'name':'p#','condition':'<5'}", "]}}", CONDITIONS_MAX, "/at/metadata/ticket_thresholds"},
        {"{'id':'m','contributors':[{'id':'a','temporal_splits':[{'version':1,'weight':1,"
         "'conditions':[",
         "'c#'", "]}]}]}", CONDITIONS_MAX, "/at/contributors/0/temporal_splits/0/conditions"},
    };
    struct buf json = {0};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct manifest m;
        list_of(&json, limits[i].before, limits[i].most, limits[i].item, limits[i].after);
        manifest_parse(&m, (const char *)json.p);
        if (m.code != METE_OK)
            fail_msg("%s: %s at '%s'", limits[i].before, mete_code_name(m.code), m.err.pointer);
        manifest_clear(&m);
        list_of(&json, limits[i].before, limits[i].most + 1, limits[i].item, limits[i].after);
        manifest_parse(&m, (const char *)json.p);
        assert_int_equal(m.code, METE_SHARES_LIMIT);
        assert_string_equal(m.err.pointer, limits[i].pointer);
        manifest_clear(&m);
    }
    buf_clear(&json);
}

static void test_conditions_are_counted_over_the_whole_manifest(void **state)
{
    (void)state;
    struct buf json = {0};
    struct manifest m;
    list_of(&json, "{'id':'m','contributors':[", CONDITIONS_MAX + 1,
            "{'id':'a','temporal_splits':[{'version':1,'weight':0,'conditions':['c#']}]}", "]}");
    manifest_parse(&m, (const char *)json.p);
    assert_int_equal(m.code, METE_SHARES_LIMIT);
    assert_string_equal(m.err.pointer, "/at/contributors/64/temporal_splits/0/conditions/0");
    manifest_clear(&m);
    buf_clear(&json);
}

/* Signatures */

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define DID  "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"

static void sign(struct manifest *m)
{
    uint8_t seed[ED25519_SEED_LEN];
    assert_true(hex_decode(seed, sizeof seed, TEXT(SEED)));
    assert_int_equal(
        manifest_sign(&m->arena, m->doc.root, seed, (mete_time)1767323045000000, &m->err), METE_OK);
}

static enum mete_code read_again(struct manifest *m)
{
    return manifest_read(&m->arena, m->doc.root, "/at", &m->p, &m->err);
}

/* Signing anew gives the very bytes that another implementation made. */
static void test_signing_equals_the_vectors(void **state)
{
    (void)state;
    static const char *const names[] = {"v1_0_signed", "v1_1_signed"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct manifest m;
        struct buf before = {0}, after = {0};
        manifest_load(&m, FIXTURES, names[i]);
        assert_int_equal(json_canonical(m.doc.root, &before, NULL), METE_OK);
        sign(&m);
        assert_int_equal(json_canonical(m.doc.root, &after, NULL), METE_OK);
        assert_true(text_eq(buf_text(&before), buf_text(&after)));
        assert_int_equal(read_again(&m), METE_OK);
        assert_int_equal(m.p.signature, 1);
        buf_clear(&before);
        buf_clear(&after);
        manifest_clear(&m);
    }
}

static void test_only_1_x_manifests_are_signed(void **state)
{
    (void)state;
    struct manifest m;
    uint8_t seed[ED25519_SEED_LEN] = {0};
    manifest_load(&m, FIXTURES, "v0_3");
    assert_int_equal(manifest_sign(&m.arena, m.doc.root, seed, 0, &m.err), METE_POLICY_INVALID);
    assert_null(json_get(m.doc.root, "signature"));
    manifest_clear(&m);
}

/* Every byte changed, one after the other: what still reads as a manifest is refused by its
 * signature, but for what the signature does not cover and what canonical bytes do not show. */
static void test_tampering_with_any_byte_is_noticed(void **state)
{
    (void)state;
    struct manifest m;
    struct buf json = {0};
    manifest_parse(&m, "{'fair':'1.0','id':'m','attribution':[{'did':'a','share':1,'role':'r'}]}");
    sign(&m);
    assert_int_equal(json_canonical(m.doc.root, &json, NULL), METE_OK);
    size_t noticed = 0;
    for (size_t i = 0; i < json.len; i++) {
        struct doc d;
        struct arena a;
        struct policy p;
        json.p[i] ^= 1;
        doc_read(&d, buf_text(&json));
        arena_init(&a, 1 << 20);
        if (d.code == METE_OK) {
            enum mete_code code = manifest_read(&a, d.root, "", &p, NULL);
            const struct json *signature = json_get(d.root, "signature");
            noticed += code == METE_SIGNATURE_INVALID;
            if (code == METE_OK && signature != NULL && p.signature == 1)
                fail_msg("byte %zu may be changed: %.*s", i, (int)json.len, json.p);
        }
        json.p[i] ^= 1;
        arena_clear(&a);
        doc_clear(&d);
    }
    assert_true(noticed > 128); /* the digits of the signature alone */
    buf_clear(&json);
    manifest_clear(&m);
}

struct signature_case {
    const char *signature;
    enum mete_code code;
    const char *pointer;
    uint32_t state;
};

#define HEX_128 HEX_32 HEX_32 HEX_32 HEX_32
#define HEX_32  "00112233445566778899aabbccddeeff"
#define BASE_86                                                                                    \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void test_signatures_are_judged_by_their_form(void **state)
{
    (void)state;
    static const struct signature_case cases[] = {
        {"null", METE_OK, "", 0},
        {"{'algorithm':'ed25519','value':'" HEX_128 "','publicKeyRef':'did:web:x'}", METE_OK, "",
         2},
        {"{'alg':'ed25519','value':'" BASE_86 "','signer':'did:imajin:x'}", METE_OK, "", 2},
        {"'x'", METE_MEMBER_TYPE, "/at/signature", 0},
        {"{'alg':'ed25519','value':'" BASE_86 "'}", METE_MEMBER_MISSING, "/at/signature/signer", 0},
        {"{'value':'" BASE_86 "','signer':'d'}", METE_MEMBER_MISSING, "/at/signature/alg", 0},
        {"{'alg':'ed25519','signer':'d'}", METE_MEMBER_MISSING, "/at/signature/value", 0},
        {"{'algorithm':'rsa','value':'" HEX_128 "','publicKeyRef':'did:web:x'}",
         METE_SIGNATURE_INVALID, "/at/signature/algorithm", 0},
        {"{'algorithm':'ed25519','value':'" HEX_32 "','publicKeyRef':'did:web:x'}",
         METE_SIGNATURE_INVALID, "/at/signature/value", 0},
        {"{'alg':'ed25519','value':'AAAA','signer':'did:web:x'}", METE_SIGNATURE_INVALID,
         "/at/signature/value", 0},
        {"{'alg':'ed25519','value':'" HEX_128 "','signer':'did:web:x'}", METE_SIGNATURE_INVALID,
         "/at/signature/value", 0},
        {"{'alg':'ed25519','value':'" BASE_86 "','signer':'did:key:zQ3shokFTS3brHcDQrn'}",
         METE_SIGNATURE_INVALID, "/at/signature/signer", 0},
        {"{'alg':'ed25519','value':'" BASE_86 "','signer':'" DID "'}", METE_SIGNATURE_INVALID,
         "/at/signature/value", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct manifest m;
        char json[1024];
        snprintf(json, sizeof json,
                 "{'fair':'1.0','id':'m','attribution':[{'did':'a','share':1}],'signature':%s}",
                 cases[i].signature);
        manifest_parse(&m, json);
        if (m.code != cases[i].code || strcmp(m.err.pointer, cases[i].pointer) != 0)
            fail_msg("%s: %s at '%s'", cases[i].signature, mete_code_name(m.code), m.err.pointer);
        if (m.code == METE_OK)
            assert_int_equal(m.p.signature, cases[i].state);
        manifest_clear(&m);
    }
}

/* A published manifest keeps its standing when its private members are gone from the log. */
static void test_a_signed_manifest_survives_its_commitments(void **state)
{
    (void)state;
    struct buf file = {0}, event = {0};
    char path[512];
    struct envelope_options o = options_now();
    struct wire w;
    read_path(data_path(path, sizeof path, FIXTURES, "v1_0_signed.fair.json"), &file);
    buf_printf(&event,
               "{\"event_id\":\"e\",\"event_type\":\"policy.published\",\"occurred_at\":"
               "\"2025-01-31T11:00:00Z\",\"payload\":{\"manifest\":%.*s}}",
               (int)file.len, file.p);
    wire_read_bytes(&w, buf_text(&event), &o);
    assert_outcome(&w, METE_OK, "", "signed");
    assert_int_equal(w.e.event.policy.policy->signature, 1);
    assert_int_equal(w.e.private_count, 2);
    wire_commit(&w);
    assert_canonical_again(&w, "signed");
    wire_clear(&w);
    uint8_t *share = memmem(event.p, event.len, "0.6", 3);
    assert_non_null(share);
    share[2] = '5';
    wire_read_bytes(&w, buf_text(&event), &o);
    assert_outcome(&w, METE_SIGNATURE_INVALID, "/payload/manifest/signature/value", "tampered");
    wire_clear(&w);
    buf_clear(&file);
    buf_clear(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_music_and_opensource_split_as_written),
        cmocka_unit_test(test_published_collaboration_refers_to_another_manifest),
        cmocka_unit_test(test_published_music_temporal_changes_after_recoupment),
        cmocka_unit_test(test_published_software_vesting_follows_the_years),
        cmocka_unit_test(test_published_event_milestone_follows_sales_and_tickets),
        cmocka_unit_test(test_a_pointer_that_is_too_long_ends_with_a_character),
        cmocka_unit_test(test_generation_0_1_reads_ids_refs_and_weights_in_strings),
        cmocka_unit_test(test_generation_0_2_reads_windows_conditions_and_metadata),
        cmocka_unit_test(test_generations_0_3_to_0_4_read_flat_contributors),
        cmocka_unit_test(test_generations_1_0_and_1_1_read_attribution_and_signature),
        cmocka_unit_test(test_the_generation_shows_in_any_of_its_marks),
        cmocka_unit_test(test_an_empty_countersignature_is_none),
        cmocka_unit_test(test_thresholds_compare_in_four_ways),
        cmocka_unit_test(test_the_hash_is_over_canonical_bytes),
        cmocka_unit_test(test_every_refusal_names_its_place),
        cmocka_unit_test(test_what_manifests_may_be_is_accepted),
        cmocka_unit_test(test_limits_are_kept),
        cmocka_unit_test(test_conditions_are_counted_over_the_whole_manifest),
        cmocka_unit_test(test_signing_equals_the_vectors),
        cmocka_unit_test(test_only_1_x_manifests_are_signed),
        cmocka_unit_test(test_tampering_with_any_byte_is_noticed),
        cmocka_unit_test(test_signatures_are_judged_by_their_form),
        cmocka_unit_test(test_a_signed_manifest_survives_its_commitments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
