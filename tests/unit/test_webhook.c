/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures of webhooks: the vectors of Standard Webhooks, and a plain HMAC by the vectors of RFC
 * 4231. */
#include "json_doc.h"

#include "wire/webhook.h"

static struct text text_or_none(const struct json *j)
{
    return j != NULL && (j->type == JSON_STRING || j->type == JSON_NUMBER) ? j->text
                                                                           : (struct text){0};
}

static void check_vector(const struct json *v)
{
    const struct webhook_headers h = {text_or_none(json_get(v, "id")),
                                      text_or_none(json_get(v, "timestamp")),
                                      text_or_none(json_get(v, "signature_header"))};
    int64_t now;
    int64_t at;
    const struct text reason = text_or_none(json_get(v, "reason"));
    assert_true(json_int(json_get(v, "now"), 0, INT64_MAX, &now));
    enum webhook_verdict want =
        reason.len == 0                ? WEBHOOK_GOOD
        : text_is(reason, "signature") ? WEBHOOK_SIGNATURE
        : text_is(reason, "timestamp_too_old") || text_is(reason, "timestamp_too_new")
            ? WEBHOOK_STALE
            : WEBHOOK_HEADER;
    enum webhook_verdict got =
        webhook_standard_check(&h, text_bytes(text_or_none(json_get(v, "body"))),
                               json_get(v, "secret")->text, now, 300, &at);
    if (got != want) {
        fail_msg("%.*s: %d, not %d", (int)json_get(v, "name")->text.len,
                 json_get(v, "name")->text.p, got, want);
    }
}

static void test_standard(void **state)
{
    struct buf text = {0};
    struct doc d;
    char path[600];
    unsigned count = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/webhooks/vectors.json", getenv("METE_TEST_DATA"));
    read_path(path, &text);
    doc_read(&d, buf_text(&text));
    for (const struct json *v = json_get(d.root, "symmetric")->child; v != NULL; v = v->next) {
        check_vector(v);
        count++;
    }
    assert_int_equal(count, 26);
    doc_clear(&d);
    buf_clear(&text);
}

static void test_plain(void **state)
{
    /* RFC 4231, test case 2. */
    static const char sum[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    const struct bytes body = text_bytes(TEXT("what do ya want for nothing?"));
    char text[80];
    (void)state;
    assert_int_equal(webhook_plain_check(text_of(sum), body, TEXT("Jefe")), WEBHOOK_GOOD);
    snprintf(text, sizeof text, "sha256=%s", sum);
    assert_int_equal(webhook_plain_check(text_of(text), body, TEXT("Jefe")), WEBHOOK_GOOD);
    text[7] ^= 1;
    assert_int_equal(webhook_plain_check(text_of(text), body, TEXT("Jefe")), WEBHOOK_SIGNATURE);
    assert_int_equal(webhook_plain_check(text_of(sum), body, TEXT("Jeff")), WEBHOOK_SIGNATURE);
    assert_int_equal(webhook_plain_check((struct text){sum, sizeof sum - 3}, body, TEXT("Jefe")),
                     WEBHOOK_SIGNATURE);
    assert_int_equal(webhook_plain_check(text_of(sum), body, (struct text){0}), WEBHOOK_HEADER);
    assert_int_equal(webhook_plain_check((struct text){0}, body, TEXT("Jefe")), WEBHOOK_HEADER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_standard),
                                       cmocka_unit_test(test_plain)};
    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
