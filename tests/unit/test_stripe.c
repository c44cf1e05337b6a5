/* SPDX-License-Identifier: Apache-2.0
 * covers: F-046 M-070 M-071
 * The Stripe rail: amounts, forms, objects, the signature of its webhooks by published vectors, and
 * what each answer of a scripted Stripe proves. */
#include "json_doc.h"
#include "web_script.h"

#include <unistd.h>

#include "base/i128.h"
#include "crypto/hash.h"
#include "rails/stripe/stripe.h"
#include "rails/stripe/stripe_parts.h"

#define HOUR  (3600 * TIME_SECOND_US)
#define BEGAN ((mete_time)1738323296000000)
#define ID    "po_0123456789abcdef0123456789abcdef"

/* --- amounts -----------------------------------------------------------------------------------*/

static void check_amount(const char *code, i128 amount, int64_t units, enum stripe_kind kind)
{
    const struct asset *asset = asset_builtin(text_of(code));
    int64_t got = -1;
    i128 back = -1;
    assert_non_null(asset);
    const char *why = stripe_units(asset, amount, kind, &got);
    if (units < 0) {
        if (why == NULL) {
            fail_msg("%s was carried as %lld", code, (long long)got);
        }
        return;
    }
    if (why != NULL) {
        fail_msg("%s: %s", code, why);
    }
    assert_int_equal(got, units);
    assert_true(stripe_units_back(asset, got, &back) && back == amount);
}

static void test_amounts(void **state)
{
    (void)state;
    check_amount("USD", 84750, 84750, STRIPE_TRANSFER);
    check_amount("JPY", 500, 500, STRIPE_TRANSFER);
    check_amount("KRW", 1, 1, STRIPE_PAYOUT);
    check_amount("MGA", 500, 5, STRIPE_TRANSFER); /* two decimals in ISO 4217, none at Stripe */
    check_amount("MGA", 501, -1, STRIPE_TRANSFER);
    check_amount("ISK", 12, 1200, STRIPE_TRANSFER); /* none in ISO 4217, two at Stripe */
    check_amount("UGX", 7, 700, STRIPE_TRANSFER);
    check_amount("KWD", 1230, 1230, STRIPE_TRANSFER);
    check_amount("KWD", 1234, -1, STRIPE_TRANSFER);
    check_amount("HUF", 1050, 1050, STRIPE_TRANSFER);
    check_amount("HUF", 1050, -1, STRIPE_PAYOUT);
    check_amount("TWD", 1100, 1100, STRIPE_PAYOUT);
    check_amount("USD", 0, -1, STRIPE_TRANSFER);
    check_amount("USD", 999999999999, 999999999999, STRIPE_TRANSFER);
    check_amount("USD", (i128)1000000000000, -1, STRIPE_TRANSFER);
    check_amount("ISK", 10000000000, -1, STRIPE_TRANSFER);
    check_amount("USD", (i128)u128_pow10(30), -1, STRIPE_TRANSFER);
    check_amount("BTC", 100, -1, STRIPE_TRANSFER);
    check_amount("SAT", 100, -1, STRIPE_TRANSFER);
    check_amount("USDC", 1000000, -1, STRIPE_TRANSFER);
    const struct asset other = {.number = 1000, .scale = 3, .code = "USD"};
    int64_t units;
    assert_non_null(stripe_units(&other, 1000, STRIPE_TRANSFER, &units));
    i128 back;
    assert_false(stripe_units_back(asset_builtin(TEXT("ISK")), 150, &back));
}

static void test_forms(void **state)
{
    struct buf form = {0};
    (void)state;
    stripe_form_put(&form, "amount", TEXT("5"));
    stripe_form_put(&form, "metadata[book]", TEXT("a b&c=d%\xc3\xa9"));
    assert_int_equal(form.len, strlen("amount=5&metadata[book]=a%20b%26c%3Dd%25%C3%A9"));
    assert_memory_equal(form.p, "amount=5&metadata[book]=a%20b%26c%3Dd%25%C3%A9", form.len);
    buf_clear(&form);
    assert_true(stripe_account_valid(TEXT("acct_1A2b")));
    assert_false(stripe_account_valid(TEXT("acct_")));
    assert_false(stripe_account_valid(TEXT("acct_1/2")));
    assert_false(stripe_account_valid(TEXT("ba_1")));
}

/* --- webhooks ----------------------------------------------------------------------------------*/

static void test_signature_vectors(void **state)
{
    struct buf text = {0};
    struct doc d;
    unsigned count = 0;
    char path[600];
    (void)state;
    snprintf(path, sizeof path, "%s/webhooks/stripe.json", getenv("METE_TEST_DATA"));
    read_path(path, &text);
    doc_read(&d, buf_text(&text));
    assert_int_equal(d.code, METE_OK);
    for (const struct json *v = json_get(d.root, "vectors")->child; v != NULL; v = v->next) {
        int64_t now;
        int64_t tolerance;
        assert_true(json_int(json_get(v, "now"), 0, INT64_MAX, &now));
        assert_true(json_int(json_get(v, "tolerance_seconds"), 0, INT64_MAX, &tolerance));
        enum webhook_verdict got = stripe_signature_check(
            json_get(v, "header")->text, text_bytes(json_get(v, "payload")->text),
            json_get(v, "secret")->text, now, tolerance);
        const struct json *reason = json_get(v, "reason");
        enum webhook_verdict want = reason == NULL                       ? WEBHOOK_GOOD
                                    : text_is(reason->text, "timestamp") ? WEBHOOK_STALE
                                    : text_is(reason->text, "signature") ? WEBHOOK_SIGNATURE
                                                                         : WEBHOOK_HEADER;
        if (got != want) {
            fail_msg("%.*s: %d, not %d", (int)json_get(v, "name")->text.len,
                     json_get(v, "name")->text.p, got, want);
        }
        count++;
    }
    assert_int_equal(count, 6);
    doc_clear(&d);
    buf_clear(&text);
}

static void test_signature_headers(void **state)
{
    static const char *const broken[] = {"",          "t=1",           "v1=00",      "t=,v1=00",
                                         "t=x,v1=00", "t=1,t=1,v1=00", "t=-1,v1=00", "t 1,v1 00"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_int_equal(
            stripe_signature_check(text_of(broken[i]), (struct bytes){0}, TEXT("whsec_x"), 1, 300),
            WEBHOOK_HEADER);
    }
    assert_int_equal(
        stripe_signature_check(TEXT("t=1,v1=00"), (struct bytes){0}, TEXT("whsec_x"), 1, 300),
        WEBHOOK_SIGNATURE);
    assert_int_equal(
        stripe_signature_check(TEXT("t=1,v1=00"), (struct bytes){0}, (struct text){0}, 1, 300),
        WEBHOOK_HEADER);
    /* What fits under another scheme's name is not counted. */
    const struct hash h = hmac_sha256(text_bytes(TEXT("whsec_x")), text_bytes(TEXT("1.")));
    char hex[65];
    char header[200];
    hash_hex(&h, hex);
    snprintf(header, sizeof header, "t=1,v1=00,v0=%s", hex);
    assert_int_equal(
        stripe_signature_check(text_of(header), (struct bytes){0}, TEXT("whsec_x"), 1, 300),
        WEBHOOK_SIGNATURE);
}

static void test_event(void **state)
{
    struct doc d;
    struct stripe_event e;
    struct stripe_object o;
    (void)state;
    doc_read(&d, TEXT("{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"transfer.reversed\","
                      "\"created\":7,\"livemode\":false,\"data\":{\"object\":{\"id\":\"tr_1\","
                      "\"object\":\"transfer\",\"amount\":100,\"amount_reversed\":40,"
                      "\"currency\":\"usd\",\"livemode\":false,\"destination\":{\"id\":\"acct_1\"},"
                      "\"metadata\":{\"mete_transfer\":\"" ID "\",\"mete_attempt\":\"2\","
                      "\"book\":\"main\"}}}}"));
    assert_true(stripe_event_read(d.root, &e));
    assert_true(text_is(e.type, "transfer.reversed") && e.created == 7 && !e.live);
    assert_true(stripe_object_read(e.object, &o));
    assert_true(o.kind == STRIPE_TRANSFER && o.reversed == 40 && o.mete_attempt == 2);
    assert_true(text_is(o.destination, "acct_1") && text_is(o.mete_id, ID));
    doc_clear(&d);
    doc_read(&d, TEXT("{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"x\",\"created\":7,"
                      "\"data\":{\"object\":{}}}"));
    assert_false(stripe_event_read(d.root, &e)); /* live or test is not said */
    doc_clear(&d);
}

/* --- the rail ----------------------------------------------------------------------------------*/

struct stage {
    struct rail *rail;
    struct arena arena;
    struct rail_payment payment;
    const char *file;
};

static void stage_open(struct stage *s, const char *pays)
{
    struct mete_err err;
    memset(s, 0, sizeof *s);
    script_clear();
    s->file = script_file("sk_test_abc\n");
    const struct script_setting settings[] = {
        {"key_file", s->file}, {"url", "http://127.0.0.1:1/"}, {"pays", pays}, {NULL, NULL}};
    const struct rail_config c = {script_get, (void *)(uintptr_t)settings};
    if (STRIPE_RAIL.open(&s->rail, &c, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    arena_init(&s->arena, (size_t)16 << 20);
    s->payment = (struct rail_payment){.book = TEXT("main"),
                                       .transfer_id = TEXT(ID),
                                       .batch_id = TEXT("weekly/2025-01"),
                                       .party = TEXT("did:a"),
                                       .attempt = 1,
                                       .asset = *asset_builtin(TEXT("USD")),
                                       .amount = 84750,
                                       .fee_max = -1,
                                       .destination = TEXT("acct_1A2b"),
                                       .now = BEGAN};
}

static void stage_close(struct stage *s)
{
    STRIPE_RAIL.close(s->rail);
    arena_clear(&s->arena);
    unlink(s->file);
    assert_int_equal(script.asked_count, script.answers); /* the whole script was used */
}

typedef void rail_call(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

static enum rail_outcome call(struct stage *s, rail_call *f)
{
    struct rail_payment *p = &s->payment;
    memset(&p->report, 0, sizeof p->report);
    f(s->rail, &p, 1, &s->arena);
    assert_null(strstr(p->report.reason, "acct_"));
    assert_null(strstr(p->report.reason, "sk_test"));
    return p->report.outcome;
}

static void stage_prepared(struct stage *s, const char *pays)
{
    stage_open(s, pays);
    assert_int_equal(call(s, STRIPE_RAIL.prepare), RAIL_ACCEPTED);
    s->payment.sending_at = BEGAN;
    s->payment.destination = (struct text){0}; /* the bytes are enough from here on */
}

#define TRANSFER(id, amount, currency, live, attempt, book)                                        \
    "{\"id\":\"" id "\",\"object\":\"transfer\",\"amount\":" amount ",\"amount_reversed\":0,"      \
    "\"currency\":\"" currency "\",\"livemode\":" live ",\"destination\":\"acct_1A2b\","           \
    "\"balance_transaction\":\"txn_1\",\"metadata\":{\"mete_transfer\":\"" ID "\","                \
    "\"mete_attempt\":\"" attempt "\",\"book\":\"" book "\"}}"
#define GOOD       TRANSFER("tr_1", "84750", "usd", "false", "1", "main")
#define LIST(rows) "{\"object\":\"list\",\"has_more\":false,\"data\":[" rows "]}"
#define ERROR(type, code)                                                                          \
    "{\"error\":{\"type\":\"" type "\",\"code\":\"" code "\",\"message\":\"for acct_1A2b\"}}"

static void test_prepare(void **state)
{
    struct stage s;
    struct stripe_request q;
    (void)state;
    stage_open(&s, NULL);
    assert_int_equal(call(&s, STRIPE_RAIL.prepare), RAIL_ACCEPTED);
    assert_true(text_is(s.payment.anchor, ID "-1"));
    assert_true(text_is(
        s.payment.body[0],
        "POST /v1/transfers\nIdempotency-Key: " ID "-1\nStripe-Version: 2026-10-28.endive\n\n"
        "amount=84750&currency=usd&destination=acct_1A2b&transfer_group=" ID
        "&metadata[mete_transfer]=" ID "&metadata[mete_attempt]=1&metadata[book]=main"));
    assert_true(stripe_request_read(s.payment.body[0], &q) && text_is(q.path, "/v1/transfers"));
    s.payment.attempt = 2;
    s.payment.anchors_taken = 1;
    assert_int_equal(call(&s, STRIPE_RAIL.prepare), RAIL_ACCEPTED);
    assert_true(text_is(s.payment.anchor, ID "-2.1"));
    s.payment.destination = TEXT("someone@example.org");
    assert_int_equal(call(&s, STRIPE_RAIL.prepare), RAIL_REJECTED);
    assert_true(s.payment.report.remediation[0] != '\0');
    s.payment.destination = TEXT("acct_1");
    s.payment.asset = *asset_builtin(TEXT("SAT"));
    assert_int_equal(call(&s, STRIPE_RAIL.prepare), RAIL_REJECTED);
    stage_close(&s);
}

static void test_send_paid(void **state)
{
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    script_say(200, GOOD);
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
    assert_false(s.payment.report.has_amount);
    assert_true(text_is(s.payment.report.reference, "tr_1"));
    assert_true(text_is(s.payment.report.proof, "tr_1 txn_1"));
    assert_string_equal(script.asked[0].method, "POST");
    assert_string_equal(script.asked[0].url, "http://127.0.0.1:1/v1/transfers");
    assert_true(script_has_header(0, "Idempotency-Key: " ID "-1"));
    assert_true(script_has_header(0, "Stripe-Version: 2026-10-28.endive"));
    assert_true(script_has_header(0, "Authorization: Bearer sk_test_abc"));
    assert_true(script_has_header(0, "Content-Type: application/x-www-form-urlencoded"));
    assert_true(strstr(script.asked[0].body, "amount=84750&currency=usd") != NULL);
    /* Another worker sends the same bytes: Stripe repeats itself. */
    script_add((struct script_answer){WEB_ANSWERED, 200, GOOD, true, 0});
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
    assert_true(strstr(s.payment.report.reason, "repeats") != NULL);
    assert_string_equal(script.asked[0].body, script.asked[1].body);
    /* What arrived is another amount, or cannot be ours. */
    script_say(200, TRANSFER("tr_1", "84000", "usd", "false", "1", "main"));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
    assert_true(s.payment.report.has_amount && s.payment.report.amount == 84000);
    script_say(200, TRANSFER("tr_1", "84750", "eur", "false", "1", "main"));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    script_say(200, TRANSFER("tr_1", "84750", "usd", "true", "1", "main"));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    script_say(200, "<html>");
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    stage_close(&s);
}

static void test_send_unclear(void **state)
{
    static const struct {
        struct script_answer answer;
        mete_time retry_at;
    } cases[] = {
        {{WEB_BROKEN, 0, NULL, false, 0}, 0},
        {{WEB_NOT_SENT, 0, NULL, false, 0}, 0}, /* an earlier call may have sent it */
        {{WEB_ANSWERED, 500, ERROR("api_error", ""), false, 0}, 0},
        {{WEB_ANSWERED, 503, "bad gateway", false, 30}, BEGAN + 30 * TIME_SECOND_US},
        {{WEB_ANSWERED, 409, ERROR("invalid_request_error", "idempotency_key_in_use"), false, 0},
         BEGAN + 5 * TIME_SECOND_US},
        {{WEB_ANSWERED, 429, ERROR("rate_limit_error", "rate_limit"), false, 7},
         BEGAN + 7 * TIME_SECOND_US},
        {{WEB_ANSWERED, 401, ERROR("authentication_error", ""), false, 0}, 0},
        {{WEB_ANSWERED, 403, ERROR("permission_error", ""), false, 0}, 0},
        {{WEB_ANSWERED, 404, ERROR("invalid_request_error", ""), false, 0}, 0},
        {{WEB_ANSWERED, 400, ERROR("idempotency_error", ""), false, 0}, 0},
        {{WEB_ANSWERED, 400, "no JSON", false, 0}, 0},
        {{WEB_ANSWERED, 302, "", false, 0}, 0},
    };
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        script_add(cases[i].answer);
        if (call(&s, STRIPE_RAIL.send) != RAIL_UNKNOWN ||
            s.payment.report.retry_at != cases[i].retry_at) {
            fail_msg("case %zu: %s %s", i, rail_outcome_name(s.payment.report.outcome),
                     s.payment.report.reason);
        }
    }
    stage_close(&s);
}

static void test_send_refused(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum rail_outcome want;
    } cases[] = {
        {400, ERROR("invalid_request_error", "balance_insufficient"), RAIL_TRANSIENT},
        {400, ERROR("invalid_request_error", "parameter_invalid_integer"), RAIL_TRANSIENT},
        {402, ERROR("card_error", "card_declined"), RAIL_TRANSIENT},
        {400, ERROR("invalid_request_error", "resource_missing"), RAIL_REJECTED},
        {404, ERROR("invalid_request_error", "resource_missing"), RAIL_REJECTED},
        {403, ERROR("invalid_request_error", "account_invalid"), RAIL_REJECTED},
        {400, ERROR("invalid_request_error", "insufficient_capabilities_for_transfer"),
         RAIL_REJECTED},
    };
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct script_answer kept = {WEB_ANSWERED, cases[i].status, cases[i].body, true, 0};
        /* Stripe keeps the refusal under the key: whoever sends these bytes gets it again. */
        script_say(cases[i].status, cases[i].body);
        script_add(kept);
        script_say(200, LIST(""));
        if (call(&s, STRIPE_RAIL.send) != cases[i].want) {
            fail_msg("case %zu: %s %s", i, rail_outcome_name(s.payment.report.outcome),
                     s.payment.report.reason);
        }
        assert_int_equal(cases[i].want == RAIL_REJECTED, s.payment.report.remediation[0] != '\0');
        const size_t n = script.asked_count;
        assert_string_equal(script.asked[n - 3].method, "POST");
        assert_string_equal(script.asked[n - 3].body, script.asked[n - 2].body);
        assert_string_equal(script.asked[n - 3].headers, script.asked[n - 2].headers);
        /* So it does already when another worker was refused before. */
        script_add(kept);
        script_say(200, LIST(""));
        assert_int_equal(call(&s, STRIPE_RAIL.send), cases[i].want);
        /* It was paid by an earlier call after all. */
        script_add(kept);
        script_say(200, LIST(GOOD));
        assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
        /* Nobody can say whether it was. */
        script_add(kept);
        script_add((struct script_answer){WEB_BROKEN, 0, NULL, false, 0});
        assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    }
    stage_close(&s);
}

/** A refusal that Stripe does not keep ends nothing: a worker that sleeps with the same bytes may
 *  still be heard. */
static void test_refused_and_not_kept(void **state)
{
    static const char *const codes[] = {
        ERROR("invalid_request_error", "balance_insufficient"),
        ERROR("invalid_request_error", "parameter_invalid_integer"),
        ERROR("invalid_request_error", "resource_missing"),
        ERROR("invalid_request_error", "insufficient_capabilities_for_transfer")};
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        script_say(400, codes[i]);
        script_say(400, codes[i]);
        assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
        assert_true(strstr(s.payment.report.reason, "Stripe answered 400") != NULL);
        /* The other worker was heard between the two. */
        script_say(400, codes[i]);
        script_add((struct script_answer){WEB_ANSWERED, 200, GOOD, true, 0});
        assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
        script_say(400, codes[i]);
        script_add((struct script_answer){WEB_BROKEN, 0, NULL, false, 0});
        assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    }
    /* When nobody can send it any more, it is over. */
    s.payment.now = BEGAN + STRIPE_DEAD_US;
    script_say(200, LIST(""));
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_TRANSIENT);
    stage_close(&s);
}

static void test_stored_failure(void **state)
{
    const struct script_answer kept = {WEB_ANSWERED, 500, ERROR("api_error", ""), true, 0};
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    script_add(kept);
    script_say(200, LIST(""));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN); /* too soon */
    assert_true(s.payment.report.retry_at == BEGAN + STRIPE_SETTLED_US);
    s.payment.now = BEGAN + STRIPE_SETTLED_US;
    script_add(kept);
    script_say(200, LIST(""));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_TRANSIENT);
    script_add(kept);
    script_say(200, LIST(GOOD));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
    script_add(kept);
    script_say(500, "");
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    stage_close(&s);
}

static void test_23_hours(void **state)
{
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    s.payment.now = BEGAN + 23 * HOUR - 1;
    script_say(200, GOOD);
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
    assert_string_equal(script.asked[0].method, "POST");
    /* From here on nothing but looking. */
    s.payment.now = BEGAN + 23 * HOUR;
    script_say(200, LIST(""));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_UNKNOWN);
    assert_true(s.payment.report.retry_at == BEGAN + 25 * HOUR);
    script_say(200, LIST(GOOD));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_PAID);
    s.payment.now = BEGAN + 25 * HOUR;
    script_say(200, LIST(""));
    assert_int_equal(call(&s, STRIPE_RAIL.send), RAIL_TRANSIENT);
    for (size_t i = 1; i < script.asked_count; i++) {
        assert_string_equal(script.asked[i].method, "GET");
    }
    stage_close(&s);
}

static void test_probe(void **state)
{
    struct stage s;
    (void)state;
    stage_prepared(&s, NULL);
    script_say(200, LIST(""));
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_ABSENT);
    assert_string_equal(script.asked[0].url,
                        "http://127.0.0.1:1/v1/transfers?transfer_group=" ID "&limit=100");
    /* Other attempts and other books are not this one. */
    script_say(200, LIST(TRANSFER("tr_1", "84750", "usd", "false", "2", "main") "," TRANSFER(
                        "tr_2", "84750", "usd", "false", "1", "other")));
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_ABSENT);
    /* It may stand on a later page. */
    script_say(200, "{\"object\":\"list\",\"has_more\":true,\"data\":[" TRANSFER(
                        "tr_9", "1", "usd", "false", "2", "main") "]}");
    script_say(200, LIST(GOOD));
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_PAID);
    assert_true(strstr(script.asked[3].url, "&starting_after=tr_9") != NULL);
    /* A list that is none proves nothing. */
    script_say(200, "{}");
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_UNKNOWN);
    script_say(200, LIST("{\"id\":\"tr_1\"}"));
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_UNKNOWN);
    script_add((struct script_answer){WEB_ANSWERED, 429, "", false, 9});
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_UNKNOWN);
    assert_true(s.payment.report.retry_at == BEGAN + 9 * TIME_SECOND_US);
    stage_close(&s);
}

#define PAYOUT(status, failure)                                                                    \
    "{\"id\":\"po_1\",\"object\":\"payout\",\"amount\":84750,\"currency\":\"usd\","                \
    "\"livemode\":false,\"status\":\"" status "\",\"failure_code\":" failure ","                   \
    "\"balance_transaction\":\"txn_1\",\"metadata\":{\"mete_transfer\":\"" ID "\","                \
    "\"mete_attempt\":\"1\",\"book\":\"main\"}}"

static void test_payouts(void **state)
{
    static const struct {
        const char *body;
        enum rail_outcome want;
    } cases[] = {{PAYOUT("pending", "null"), RAIL_ACCEPTED},
                 {PAYOUT("in_transit", "null"), RAIL_ACCEPTED},
                 {PAYOUT("paid", "null"), RAIL_PAID},
                 {PAYOUT("failed", "\"account_closed\""), RAIL_REJECTED},
                 {PAYOUT("failed", "\"could_not_process\""), RAIL_TRANSIENT},
                 {PAYOUT("canceled", "null"), RAIL_TRANSIENT},
                 {PAYOUT("something", "null"), RAIL_UNKNOWN},
                 {GOOD, RAIL_UNKNOWN}};
    struct stage s;
    (void)state;
    stage_prepared(&s, "payout");
    assert_true(text_starts(s.payment.body[0], "POST /v1/payouts\n"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        script_say(200, cases[i].body);
        if (call(&s, STRIPE_RAIL.send) != cases[i].want) {
            fail_msg("case %zu: %s", i, rail_outcome_name(s.payment.report.outcome));
        }
    }
    assert_true(script_has_header(0, "Stripe-Account: acct_1A2b"));
    script_say(200, LIST(PAYOUT("paid", "null")));
    assert_int_equal(call(&s, STRIPE_RAIL.probe), RAIL_PAID);
    size_t last = script.asked_count - 1;
    assert_string_equal(script.asked[last].url,
                        "http://127.0.0.1:1/v1/payouts?created[gte]=1738322696&limit=100");
    assert_true(script_has_header(last, "Stripe-Account: acct_1A2b"));
    stage_close(&s);
}

static void test_settings(void **state)
{
    const char *good = script_file("rk_live_1\n");
    const char *bad[] = {script_file(""), script_file("sk_live_1\nsk_live_2\n"),
                         script_file("pk_live_1\n"), "/nonexistent"};
    struct rail *r = NULL;
    struct mete_err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct script_setting s[] = {{"key_file", bad[i]}, {NULL, NULL}};
        const struct rail_config c = {script_get, (void *)(uintptr_t)s};
        assert_int_equal(STRIPE_RAIL.open(&r, &c, &err), METE_USAGE);
        assert_null(strstr(err.text, "live_1"));
    }
    static const struct script_setting wrong[] = {{"url", "http://example.org"},
                                                  {"url", "ftp://127.0.0.1"},
                                                  {"url", "https://a.example/?x"},
                                                  {"pays", "cash"},
                                                  {"payout_method", "slow"}};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const struct script_setting s[] = {{"key_file", good}, wrong[i], {NULL, NULL}};
        const struct rail_config c = {script_get, (void *)(uintptr_t)s};
        assert_int_equal(STRIPE_RAIL.open(&r, &c, &err), METE_USAGE);
    }
    const struct script_setting none[] = {{NULL, NULL}};
    const struct rail_config c = {script_get, (void *)(uintptr_t)none};
    assert_int_equal(STRIPE_RAIL.open(&r, &c, &err), METE_USAGE);
    assert_true(strstr(err.text, "key_file") != NULL);
    unlink(good);
    for (size_t i = 0; i < 3; i++) {
        unlink(bad[i]);
    }
    assert_ptr_equal(rail_kind_of(TEXT("stripe_direct_deposit")), &STRIPE_RAIL);
    assert_ptr_equal(rail_kind_of(TEXT("stripe")), &STRIPE_RAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_signature_vectors),
        cmocka_unit_test(test_signature_headers),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_send_paid),
        cmocka_unit_test(test_send_unclear),
        cmocka_unit_test(test_send_refused),
        cmocka_unit_test(test_refused_and_not_kept),
        cmocka_unit_test(test_stored_failure),
        cmocka_unit_test(test_23_hours),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_payouts),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests_name("stripe", tests, NULL, NULL);
}
