/* SPDX-License-Identifier: Apache-2.0
 * Payloads of every type: which are read, every refusal with its place, defaults, and that what the
 * log keeps reads the same again. The cases stand in payload_cases.h.
 * covers: M-002 M-010 M-011 M-012 M-013 M-014 M-015 M-016 M-020 */
#include "payload_cases_economy.h"
#include "wire_case.h"

#include "base/rng.h"

#define MONEY_POLICY "{" AMOUNT "," TARGET "}"
#define HEAD         "'event_id':'e1','event_type':'revenue.received','occurred_at':'2025-01-31T11:00:00Z'"

#define CASES (ARRAY_LEN(payload_cases) + ARRAY_LEN(economy_cases))

static const struct payload_case *case_at(size_t i)
{
    size_t first = ARRAY_LEN(payload_cases);
    return i < first ? &payload_cases[i] : &economy_cases[i - first];
}

static void test_every_refusal_of_a_payload_names_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct payload_case *c = case_at(i);
        struct wire w;
        wire_payload(&w, c->type, c->payload);
        assert_outcome(&w, c->code, c->pointer, c->payload);
        wire_clear(&w);
    }
}

/* Each handled type has at least one payload that is read and one that is not. */
static void test_the_cases_cover_every_handled_type(void **state)
{
    (void)state;
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        unsigned read = 0;
        for (size_t i = 0; i < CASES; i++) {
            if (strcmp(case_at(i)->type, event_type_name((enum event_type)type)) == 0)
                read += case_at(i)->code == METE_OK;
        }
        bool handled = event_type_status((enum event_type)type) == TYPE_HANDLED;
        if (handled != (read > 0))
            fail_msg("%s: %u cases", event_type_name((enum event_type)type), read);
    }
}

/* Reverses the members of every object below `j`. */
static void members_reverse(struct json *j)
{
    struct json *reversed = NULL;
    struct json *first = j->child;
    for (struct json *m = j->child; m != NULL; m = m->next)
        members_reverse(m);
    if (j->type != JSON_OBJECT)
        return;
    for (struct json *m = j->child; m != NULL;) {
        struct json *next = m->next;
        m->next = reversed;
        reversed = m;
        m = next;
    }
    j->child = reversed;
    j->last = first;
}

static void assert_order_is_free(const char *json)
{
    struct wire w, other;
    struct envelope_options o = options_now();
    wire_read(&w, json);
    wire_read(&other, json);
    members_reverse(other.e.tree);
    struct json *tree = other.e.tree;
    other.code = envelope_read_tree(&other.arena, tree, &o, &other.e, &other.err);
    assert_outcome(&other, METE_OK, "", json);
    wire_commit(&w);
    wire_commit(&other);
    if (!text_eq(buf_text(&w.canonical), buf_text(&other.canonical)))
        fail_msg("%s: the order of members shows", json);
    wire_clear(&w);
    wire_clear(&other);
}

static void test_what_the_log_keeps_reads_the_same_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        const struct payload_case *c = case_at(i);
        struct wire w;
        if (c->code != METE_OK)
            continue;
        wire_payload(&w, c->type, c->payload);
        wire_commit(&w);
        assert_outcome(&w, METE_OK, "", c->payload);
        assert_canonical_again(&w, c->payload);
        wire_clear(&w);
        char *json = event_around(c->type, c->payload);
        assert_order_is_free(json);
        free(json);
    }
}

static void test_defaults_are_taken_when_members_are_absent(void **state)
{
    (void)state;
    struct wire w;
    wire_payload(&w, "revenue.received", MONEY_POLICY);
    const struct event *e = &w.e.event;
    assert_int_equal(e->type, EVENT_REVENUE_RECEIVED);
    assert_int_equal(e->producer.len + e->service.len + e->app_id.len + e->actor_id.len, 0);
    assert_int_equal(e->revenue.target, TARGET_POLICY);
    assert_text(e->revenue.target_id, "urn:p");
    assert_text(e->revenue.amount.amount, "1.50");
    assert_text(e->revenue.amount.currency, "USD");
    assert_false(e->revenue.has_fee || e->revenue.period_start.set || e->revenue.period_end.set);
    assert_int_equal(e->revenue.quantity + e->revenue.condition_count, 0);
    assert_false(w.e.is_signed);
    wire_clear(&w);
    wire_payload(&w, "book.configured", "{}");
    assert_int_equal(w.e.event.book.clear_after_days, -1);
    assert_int_equal(w.e.event.book.dispute_auto_clear_days, -1);
    assert_int_equal(w.e.event.book.attribution_required, -1);
    assert_false(w.e.event.book.has_payout_minimum);
    wire_clear(&w);
    wire_payload(&w, "usage.metered", "{'policy':'p','endpoint':'x','cost':" MONEY "}");
    assert_int_equal(w.e.event.metered.calls, 1);
    wire_clear(&w);
    wire_payload(&w, "policy.published", "{'policy':{'id':'p','kind':'usage'}}");
    const struct policy *p = w.e.event.policy.policy;
    assert_true(p->calls_weight.num == 1 && p->calls_weight.den == 1);
    assert_true(p->kib_weight.num == 0 && p->kib_weight.den == 1);
    assert_int_equal(p->rounding, ROUNDING_LARGEST);
    assert_false(w.e.event.policy.effective_from.set);
    wire_clear(&w);
}

static void test_members_reach_the_event(void **state)
{
    (void)state;
    struct wire w;
    wire_read(&w,
              "{" HEAD ",'source':{'producer':'control_plane','service':'payment','app_id':'a'},"
              "'actor':{'actor_id':'u'},'payload':{'amount':{'amount':10,'currency':'USD/2'},"
              "'content_item_id':'c','fee':{'amount':'0.5','currency':'USD'},'source':'s',"
              "'source_ref':'r','period':{'start':'2025-01-01','end':'2025-01-01'},"
              "'conditions':['x','y'],'quantity':9}}");
    assert_outcome(&w, METE_OK, "", "all members");
    const struct event *e = &w.e.event;
    assert_text(e->id, "e1");
    assert_text(e->producer, "control_plane");
    assert_text(e->service, "payment");
    assert_text(e->app_id, "a");
    assert_text(e->actor_id, "u");
    assert_true(e->occurred_at == NOW - (mete_time)2096 * TIME_SECOND_US);
    assert_text(e->revenue.amount.amount, "10");
    assert_text(e->revenue.amount.currency, "USD");
    assert_int_equal(e->revenue.target, TARGET_CONTENT);
    assert_true(e->revenue.has_fee);
    assert_text(e->revenue.fee.amount, "0.5");
    assert_text(e->revenue.source, "s");
    assert_text(e->revenue.source_ref, "r");
    assert_true(e->revenue.period_end.at - e->revenue.period_start.at == TIME_DAY_US - 1);
    assert_int_equal(e->revenue.condition_count, 2);
    assert_text(e->revenue.condition[1], "y");
    assert_int_equal(e->revenue.quantity, 9);
    wire_clear(&w);
    wire_payload(&w, "fees.scheduled",
                 "{'fees':[{'label':'f','bps':200,'payee':'p','children':[{'label':'c','share_bps':"
                 "2500,'payee':'q'}]},{'label':'g','fixed':" MONEY ",'payee':'r'}],"
                 "'effective_from':'2025-01-01'}");
    const struct fee_schedule *s = &w.e.event.fees.schedule;
    assert_int_equal(s->fee_count, 2);
    assert_int_equal(s->fee[0].bps, 200);
    assert_int_equal(s->fee[0].child_count, 1);
    assert_text(s->fee[0].child[0].payee, "q");
    assert_int_equal(s->fee[0].child[0].share_bps, 2500);
    assert_true(s->fee[1].is_fixed);
    assert_text(s->fee[1].fixed.amount, "1.50");
    assert_true(w.e.event.fees.effective_from.set);
    wire_clear(&w);
}

static void assert_money(const struct wire *w, const char *payload, const struct money *m,
                         const char *amount, const char *currency)
{
    assert_outcome(w, METE_OK, "", payload);
    assert_text(m->amount, amount);
    assert_text(m->currency, currency);
}

/* A union holds what was read: nothing of another form of amount is left in it. */
static void test_amounts_of_the_economic_protocol_reach_the_event(void **state)
{
    (void)state;
    struct wire w;
    static const char cents[] = "{'gross_amount_cents':150,'currency':'usd'}";
    wire_payload(&w, "revenue.invoice_paid", cents);
    assert_money(&w, cents, &w.e.event.invoice.gross, "150", "USD");
    assert_true(w.e.event.invoice.gross.is_minor);
    wire_clear(&w);
    static const char money[] = "{'amount':{'amount':'1.50','currency':'usdc'}}";
    wire_payload(&w, "revenue.invoice_paid", money);
    assert_money(&w, money, &w.e.event.invoice.gross, "1.50", "USDC");
    assert_false(w.e.event.invoice.gross.is_minor);
    wire_clear(&w);
    static const char own[] = "{'amount':{'amount':'1.50','currency':'points'}}";
    wire_payload(&w, "revenue.invoice_paid", own);
    assert_money(&w, own, &w.e.event.invoice.gross, "1.50", "points");
    wire_clear(&w);
    wire_payload(&w, "revenue.refund_issued", "{'reverses':'e9','currency':'usd'}");
    assert_int_equal(w.code, METE_OK);
    assert_false(w.e.event.reversal.has_amount);
    wire_clear(&w);
    wire_payload(&w, "revenue.chargeback",
                 "{'reverses':'e9','chargeback_amount_cents':0,'currency':'usd'}");
    assert_true(w.e.event.reversal.has_amount);
    wire_clear(&w);
    wire_payload(&w, "campaign.updated", "{}");
    const struct event_campaign *c = &w.e.event.campaign;
    assert_true(c->share_bps == -1 && c->duration_days == -1 && c->cap_multiple.den == 0);
    assert_int_equal(c->currency.len + c->raise_amount.len + c->cap_amount.len, 0);
    assert_int_equal(c->funding, FUNDING_UNSAID);
    assert_false(c->has_off_ramps);
    wire_clear(&w);
    wire_payload(&w, "campaign.created", "{'created_by_user_id':'u'}");
    assert_text(w.e.event.campaign.creator, "u");
    assert_text(w.e.event.campaign.currency, "USD");
    wire_clear(&w);
    wire_payload(&w, "app.royalty_enabled", "{}");
    assert_true(w.e.event.terms.royalty_bps == -1 && w.e.event.terms.marketplace_bps == -1);
    wire_clear(&w);
}

static void test_what_was_given_is_told_from_what_was_not(void **state)
{
    (void)state;
    struct wire w;
    wire_payload(&w, "revenue.reversed", "{'reverses':'e0'}");
    assert_false(w.e.event.reversal.has_amount);
    wire_clear(&w);
    wire_payload(&w, "revenue.reversed", "{'reverses':'e0'," AMOUNT "}");
    assert_true(w.e.event.reversal.has_amount);
    assert_text(w.e.event.reversal.amount.amount, "1.50");
    wire_clear(&w);
    wire_payload(&w, "book.configured",
                 "{'payout_minimum':" MONEY ",'attribution_required':false,'clear_after_days':0}");
    assert_true(w.e.event.book.has_payout_minimum);
    assert_int_equal(w.e.event.book.attribution_required, 0);
    assert_int_equal(w.e.event.book.clear_after_days, 0);
    wire_clear(&w);
    wire_payload(&w, "policy.published",
                 "{'policy':{'id':'p','kind':'weights','rounding':'carry','shares':[{'party':'a',"
                 "'weight':0.5},{'policy':'q','weight':0.5,'role':'r'}]}}");
    const struct policy *p = w.e.event.policy.policy;
    assert_int_equal(p->rounding, ROUNDING_CARRY);
    assert_false(p->share[0].is_policy);
    assert_true(p->share[1].is_policy);
    assert_text(p->share[1].role, "r");
    wire_clear(&w);
}

/* `count` times `item`, separated by commas, between the two ends. */
static void assert_limit(const char *type, const char *before, const char *item, const char *after,
                         size_t most, const char *pointer)
{
    for (size_t count = most; count <= most + 1; count++) {
        struct buf payload = {0};
        struct wire w;
        buf_put_str(&payload, before);
        for (size_t i = 0; i < count; i++)
            buf_printf(&payload, "%s%s", i == 0 ? "" : ",", item);
        buf_put_str(&payload, after);
        buf_put_u8(&payload, '\0');
        wire_payload(&w, type, (const char *)payload.p);
        bool fits = count == most;
        assert_outcome(&w, fits ? METE_OK : METE_SHARES_LIMIT, fits ? "" : pointer, before);
        wire_clear(&w);
        buf_clear(&payload);
    }
}

static void test_lists_have_limits(void **state)
{
    (void)state;
    assert_limit(REVENUE, "{" AMOUNT "," TARGET ",'conditions':[", "'c'", "]}", CONDITIONS_MAX,
                 "/payload/conditions");
    assert_limit("fees.scheduled", "{'fees':[", "{'label':'f','payee':'p','bps':1}", "]}", FEES_MAX,
                 "/payload/fees");
    assert_limit("fees.scheduled", "{'fees':[{'label':'f','payee':'p','bps':1,'children':[",
                 "{'label':'f','payee':'p','share_bps':1}", "]}]}", FEES_MAX,
                 "/payload/fees/0/children");
    assert_limit("policy.published", "{'policy':{'id':'p','kind':'weights','shares':[",
                 "{'party':'a','weight':0}", "]}}", SHARES_MAX, "/payload/policy/shares");
}

static void test_a_stored_destination_is_a_commitment(void **state)
{
    (void)state;
    struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    struct wire w;
    char *json = event_around("party.destination_set",
                              "{'party':'p','rail':'bank','destination':{'iban':'DE00'}}");
    wire_read_with(&w, json, &stored);
    assert_outcome(&w, METE_MEMBER_TYPE, "/payload/destination", "stored");
    wire_clear(&w);
    free(json);
}

static void test_the_public_key_is_normalised(void **state)
{
    (void)state;
    static const char *const keys[] = {ED_KEY, ED_DID, ED_KEY_UPPER,
                                       "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char payload[256];
        struct wire w;
        snprintf(payload, sizeof payload, "{'key_id':'k','alg':'ed25519','key':'%s'}", keys[i]);
        wire_payload(&w, "key.registered", payload);
        assert_outcome(&w, METE_OK, "", keys[i]);
        assert_text(w.e.event.key.key, ED_KEY);
        wire_clear(&w);
    }
}

/* Random damage: every input is read or refused with a code and words, and never anything else. */
static void test_damaged_events_are_read_or_refused(void **state)
{
    (void)state;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    struct rng rng;
    rng_seed(&rng, seed);
    print_message("# seed %llu\n", (unsigned long long)seed);
    struct envelope_options o = options_now();
    for (unsigned round = 0; round < 20000; round++) {
        const struct payload_case *c = case_at(rng_below(&rng, CASES));
        char *json = event_around(c->type, c->payload);
        char *bytes = quoted(json);
        size_t len = strlen(bytes);
        for (uint64_t hits = rng_below(&rng, 4); hits > 0; hits--)
            bytes[rng_below(&rng, len)] = "\"{}[],:@0a\\ \x80"[rng_below(&rng, 13)];
        struct wire w;
        wire_read_bytes(&w, (struct text){bytes, len}, &o);
        if (w.code == METE_OK)
            wire_commit(&w);
        else
            assert_true(w.err.text[0] != '\0');
        if (w.code == METE_OK)
            assert_canonical_again(&w, bytes);
        wire_clear(&w);
        free(json);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal_of_a_payload_names_its_place),
        cmocka_unit_test(test_the_cases_cover_every_handled_type),
        cmocka_unit_test(test_what_the_log_keeps_reads_the_same_again),
        cmocka_unit_test(test_defaults_are_taken_when_members_are_absent),
        cmocka_unit_test(test_members_reach_the_event),
        cmocka_unit_test(test_amounts_of_the_economic_protocol_reach_the_event),
        cmocka_unit_test(test_what_was_given_is_told_from_what_was_not),
        cmocka_unit_test(test_lists_have_limits),
        cmocka_unit_test(test_a_stored_destination_is_a_commitment),
        cmocka_unit_test(test_the_public_key_is_normalised),
        cmocka_unit_test(test_damaged_events_are_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
