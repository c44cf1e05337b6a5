/* SPDX-License-Identifier: Apache-2.0
 * covers: M-003
 * HTTP Message Signatures: the published example of RFC 9421, appendix B.2.6, its key B.1.4, and
 * the same request with anything changed. */
#include "http/message_signature.h"

#include "base/encode.h"
#include "base/rng.h"
#include "base/text.h"
#include "crypto/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INPUT                                                                                      \
    "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")"  \
    ";created=1618884473;keyid=\"test-key-ed25519\""
#define VALUE                                                                                      \
    "sig-b26=:"                                                                                    \
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
#define DIGEST                                                                                     \
    "sha-512=:WZDPaVn/"                                                                            \
    "7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:"
#define BASE                                                                                       \
    "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"                                                    \
    "\"@method\": POST\n"                                                                          \
    "\"@path\": /foo\n"                                                                            \
    "\"@authority\": example.com\n"                                                                \
    "\"content-type\": application/json\n"                                                         \
    "\"content-length\": 18\n"                                                                     \
    "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" "      \
    "\"content-length\");created=1618884473;keyid=\"test-key-ed25519\""

static const char PUBLIC_KEY[] = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";

static void header(struct exchange *x, const char *name, const char *value)
{
    x->header[x->header_count++] = (struct pair){text_of(name), text_of(value)};
}

/** The test-request of RFC 9421, B.2. */
static void request(struct exchange *x, const char *input, const char *value)
{
    exchange_init(x);
    x->method = TEXT("POST");
    x->path = TEXT("/foo");
    x->target = TEXT("/foo?param=Value&Pet=dog");
    header(x, "Host", "example.com");
    header(x, "Date", "Tue, 20 Apr 2021 02:07:55 GMT");
    header(x, "Content-Type", "application/json");
    header(x, "Content-Digest", DIGEST);
    header(x, "Content-Length", "18");
    header(x, "Signature-Input", input);
    header(x, "Signature", value);
    buf_put_str(&x->body, "{\"hello\": \"world\"}");
}

static bool holds(const struct message_signature *m)
{
    uint8_t key[ED25519_PUBLIC_LEN];
    size_t len;
    assert_true(base64_decode(key, sizeof key, &len, text_of(PUBLIC_KEY)));
    return m->len == ED25519_SIGNATURE_LEN && ed25519_verify(m->value, key, text_bytes(m->base));
}

static void the_published_example(void **state)
{
    struct exchange x;
    (void)state;
    request(&x, INPUT, VALUE);
    const struct message_signatures *all = message_signatures_read(&x);
    assert_non_null(all);
    assert_null(all->broken); /* its digest fits too */
    assert_int_equal(all->count, 1);
    const struct message_signature *m = &all->one[0];
    assert_true(text_is(m->key_id, "test-key-ed25519"));
    assert_int_equal(m->created, INT64_C(1618884473) * TIME_SECOND_US);
    assert_int_equal(m->expires, TIME_NEVER);
    assert_int_equal(m->alg.len, 0);
    assert_int_equal(m->base.len, strlen(BASE));
    assert_memory_equal(m->base.p, BASE, strlen(BASE));
    assert_true(holds(m));
    assert_string_equal(m->lacks, "@query or @target-uri"); /* mete asks for more than it has */
    exchange_clear(&x);
}

/* The base is made of what is there, not of what is said of it. */
static void another_request_has_another_base(void **state)
{
    (void)state;
    for (int what = 0; what < 5; what++) {
        struct exchange x;
        request(&x, INPUT, VALUE);
        x.method = what == 0 ? TEXT("PUT") : x.method;
        x.path = what == 1 ? TEXT("/Foo") : x.path;
        x.header[0].value = what == 2 ? TEXT("example.org") : x.header[0].value;
        x.header[2].value = what == 3 ? TEXT("text/json") : x.header[2].value;
        if (what == 4) {
            header(&x, "date", "twice");
        }
        const struct message_signatures *all = message_signatures_read(&x);
        assert_int_equal(all->count, 1);
        assert_false(holds(&all->one[0]));
        exchange_clear(&x);
    }
}

struct spelling {
    const char *input;
    const char *params; /* of the base; NULL: it is not usable */
};

/* Spaces and unknown things: RFC 8941's serialization counts, not how it was typed. */
static void spellings(void **state)
{
    static const struct spelling spelled[] = {
        {"a=(  \"@method\"   \"@path\" );created=1;  keyid=\"k\"",
         "(\"@method\" \"@path\");created=1;keyid=\"k\""},
        {"a=();created=0", "();created=0"},
        {"b=(\"@method\");created=1, a=(\"@path\");alg=\"ed25519\";created=2;nonce=\"n\";tag=\"t\"",
         "(\"@path\");alg=\"ed25519\";created=2;nonce=\"n\";tag=\"t\""},
        {"a=(\"@query\" \"@target-uri\" \"@request-target\" \"@scheme\")",
         "(\"@query\" \"@target-uri\" \"@request-target\" \"@scheme\")"},
        {"a=(\"@status\");created=1", NULL},
        {"a=(\"x-none\");created=1", NULL},
        {"a=(\"@method\";req);created=1", NULL},
        {"a=(\"@method\" \"@method\");created=1", NULL},
        {"a=(\"@method\"\"@path\");created=1", NULL},
        {"a=(\"@method\");created=1.5", NULL},
        {"a=(\"@method\");created=99999999999999999999", NULL},
        {"a=(\"@method\");created=-1", NULL},
        {"a=(\"@method\");created=\"1\"", NULL},
        {"a=(\"@method\");created", NULL},
        {"a=(\"@method\");other=1", NULL},
        {"a=(\"@meth\\\\od\")", NULL},
        {"a=(\"@method\"", NULL},
        {"a=\"@method\"", NULL},
        {"A=(\"@method\")", NULL},
        {"", NULL},
        {"=", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spelled); i++) {
        struct exchange x;
        request(&x, spelled[i].input, "a=:AAAA:");
        const struct message_signatures *all = message_signatures_read(&x);
        assert_non_null(all);
        if (spelled[i].params == NULL) {
            assert_int_equal(all->count, 0);
            assert_non_null(all->broken);
        } else {
            assert_int_equal(all->count, 1);
            struct text base = all->one[0].base;
            size_t len = strlen(spelled[i].params);
            assert_true(base.len > len);
            assert_memory_equal(base.p + base.len - len, spelled[i].params, len);
        }
        exchange_clear(&x);
    }
}

/* RFC 9421, 2.2: what the derived components of the example are. */
static void derived(void **state)
{
    static const char wanted[] = "\"@query\": ?param=Value&Pet=dog\n"
                                 "\"@target-uri\": http://example.com/foo?param=Value&Pet=dog\n"
                                 "\"@request-target\": /foo?param=Value&Pet=dog\n"
                                 "\"@scheme\": http\n";
    struct exchange x;
    (void)state;
    request(&x, "a=(\"@query\" \"@target-uri\" \"@request-target\" \"@scheme\")", "a=:AAAA:");
    x.header[0].value = TEXT("EXAMPLE.com:80"); /* 4.2.3 of RFC 9110 */
    const struct message_signatures *all = message_signatures_read(&x);
    assert_int_equal(all->count, 1);
    assert_memory_equal(all->one[0].base.p, wanted, strlen(wanted));
    struct text other = all->one[0].other;
    assert_non_null(memmem(other.p, other.len, "https://example.com:80/foo", 26));
    exchange_clear(&x);
}

/* Any byte of the two fields changed: never a signature that holds, but for the same meaning. */
static void anything_changed(void **state)
{
    struct rng rng;
    const char *given = getenv("METE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20250131;
    unsigned held = 0;
    (void)state;
    print_message("# seed %llu (METE_TEST_SEED)\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (int i = 0; i < 20000; i++) {
        char input[] = INPUT;
        char value[] = VALUE;
        char *field = rng_below(&rng, 2) == 0 ? input : value;
        size_t at = (size_t)rng_below(&rng, strlen(field));
        char was = field[at];
        field[at] = "()\";,=:?*aZ09 \t\\"[rng_below(&rng, 16)];
        struct exchange x;
        request(&x, input, value);
        const struct message_signatures *all = message_signatures_read(&x);
        for (size_t k = 0; k < all->count; k++) {
            bool same = strcmp(input, INPUT) == 0 && strcmp(value, VALUE) == 0;
            held += holds(&all->one[k]) && same;
            assert_true(same || !holds(&all->one[k]) || was == ' ');
        }
        exchange_clear(&x);
    }
    assert_true(held > 0); /* now and then nothing was changed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example), cmocka_unit_test(another_request_has_another_base),
        cmocka_unit_test(spellings), cmocka_unit_test(derived), cmocka_unit_test(anything_changed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
