/* SPDX-License-Identifier: Apache-2.0
 * URLs that somebody else wrote: their pieces, and what is refused because two readers could take
 * it for two places. */
#include "json_doc.h"

#include "wire/url.h"

static void test_pieces_of_a_url(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool is_https;
        uint16_t port;
        const char *host, *path, *query, *fragment;
    } ROWS[] = {
        {"https://example.com", true, 443, "example.com", "", "", ""},
        {"https://example.com/", true, 443, "example.com", "/", "", ""},
        {"HTTPS://Example.COM/A%20b", true, 443, "Example.COM", "/A%20b", "", ""},
        {"http://a.example:8080/x/y?q=1&r=/?@:#f/?@:", false, 8080, "a.example", "/x/y",
         "q=1&r=/?@:", "f/?@:"},
        {"https://example.com?x=1", true, 443, "example.com", "", "x=1", ""},
        {"https://example.com?", true, 443, "example.com", "", "", ""},
        {"https://example.com#f?x/y", true, 443, "example.com", "", "", "f?x/y"},
        {"http://127.0.0.1:1/", false, 1, "127.0.0.1", "/", "", ""},
        {"http://[::1]:65535/", false, 65535, "[::1]", "/", "", ""},
        {"http://[2001:db8::1]/", false, 80, "[2001:db8::1]", "/", "", ""},
        {"http://localhost", false, 80, "localhost", "", "", ""},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        struct url u;
        const char *flaw = url_read(text_of(ROWS[k].in), &u);
        if (flaw != NULL) {
            fail_msg("%s: %s", ROWS[k].in, flaw);
        }
        assert_int_equal(u.is_https, ROWS[k].is_https);
        assert_int_equal(u.port, ROWS[k].port);
        assert_int_equal(u.has_query, strchr(ROWS[k].in, '?') != NULL && k != 6);
        assert_text(u.host, ROWS[k].host);
        assert_text(u.path, ROWS[k].path);
        assert_text(u.query, ROWS[k].query);
        assert_text(u.fragment, ROWS[k].fragment);
    }
}

static void test_what_could_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *in, *flaw;
    } ROWS[] = {
        {"", "it begins neither with https:// nor with http://"},
        {"ftp://example.com/", "it begins neither with https:// nor with http://"},
        {"https:/example.com/", "it begins neither with https:// nor with http://"},
        {"//example.com/", "it begins neither with https:// nor with http://"},
        {" https://example.com/", "it begins neither with https:// nor with http://"},
        {"https://", "its host is no host name"},
        {"https:///path", "its host is no host name"},
        {"https://user@example.com/", "it has a user name"},
        {"https://user:pw@example.com/", "it has a user name"},
        {"https://example.com:443@evil.example/", "it has a user name"},
        {"https://example.com\\@evil.example/", "it has a user name"},
        {"https://example.com\\.evil.example/", "its host is no host name"},
        {"https://example.com%2f.evil.example/", "its host is no host name"},
        {"https://exa mple.com/", "its host is no host name"},
        {"https://exa_mple.com/", "its host is no host name"},
        {"https://-example.com/", "its host is no host name"},
        {"https://example-.com/", "its host is no host name"},
        {"https://.example.com/", "its host is no host name"},
        {"https://example..com/", "its host is no host name"},
        {"https://example.com./", "its host is no host name"},
        {"https://b\xc3\xbc"
         "cher.example/",
         "its host is no host name"},
        {"https://[::1/", "its host is no host name"},
        {"https://::1/", "its host is no host name"},
        {"https://[::1%25lo]/", "its host is no host name"},
        {"https://[::1]x/", "its host is no host name"},
        {"https://example.com:/", "its port is not a number from 1 to 65535"},
        {"https://example.com:0/", "its port is not a number from 1 to 65535"},
        {"https://example.com:65536/", "its port is not a number from 1 to 65535"},
        {"https://example.com:+80/", "its port is not a number from 1 to 65535"},
        {"https://example.com/a b", "it has a character that must be escaped"},
        {"https://example.com/a\tb", "it has a character that must be escaped"},
        {"https://example.com/a\r\nHost: x", "it has a character that must be escaped"},
        {"https://example.com/a\\b", "it has a character that must be escaped"},
        {"https://example.com/%", "it has a character that must be escaped"},
        {"https://example.com/%4", "it has a character that must be escaped"},
        {"https://example.com/%4g", "it has a character that must be escaped"},
        {"https://example.com/?a=\"b\"", "it has a character that must be escaped"},
        {"https://example.com/?a=[1]", "it has a character that must be escaped"},
        {"https://example.com/#a#b", "it has a character that must be escaped"},
        {"https://example.com/\xc3\xa9", "it has a character that must be escaped"},
        {"https://example.com/\x7f", "it has a character that must be escaped"},
    };
    struct url u;
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        const char *flaw = url_read(text_of(ROWS[k].in), &u);
        if (flaw == NULL || strcmp(flaw, ROWS[k].flaw) != 0) {
            fail_msg("%s: %s", ROWS[k].in, flaw == NULL ? "accepted" : flaw);
        }
    }
    assert_non_null(url_read((struct text){"https://example.com/a\0b", 23}, &u));
    char longest[URL_LEN_MAX + 1];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "https://a.b/", 12);
    assert_null(url_read((struct text){longest, URL_LEN_MAX}, &u));
    assert_string_equal(url_read((struct text){longest, URL_LEN_MAX + 1}, &u),
                        "it is longer than 2048 bytes");
}

static void test_domains_are_no_addresses(void **state)
{
    (void)state;
    static const char *const DOMAINS[] = {
        "a.b",     "example.com", "EXAMPLE.com", "1.2.3.com", "xn--bcher-kva.example",
        "a-b.c-d", "x.onion",     "1.xn--p1ai"};
    static const char *const OTHERS[] = {"",       "localhost",  "127.0.0.1", "127.1", "0x7f.0.0.1",
                                         "1.0x7f", "2130706433", "0177.1",    "a.1b",  "a..b",
                                         ".a.b",   "a.b.",       "a_b.c",     "[::1]", "::1",
                                         "a b.c",  "a.-b",       "a.b-"};
    for (size_t k = 0; k < ARRAY_LEN(DOMAINS); k++) {
        assert_true(host_is_domain(text_of(DOMAINS[k])));
    }
    for (size_t k = 0; k < ARRAY_LEN(OTHERS); k++) {
        if (host_is_domain(text_of(OTHERS[k]))) {
            fail_msg("%s is no domain", OTHERS[k]);
        }
    }
    char host[260];
    memset(host, 'a', sizeof host);
    for (size_t k = 63; k < sizeof host; k += 64) {
        host[k] = '.';
    }
    assert_true(host_is_name((struct text){host, HOST_LEN_MAX}));
    assert_false(host_is_name((struct text){host, HOST_LEN_MAX + 1}));
    assert_true(host_is_name((struct text){host, 63}));
    host[63] = 'a';
    assert_false(host_is_name((struct text){host, 64}));
    assert_true(host_is_onion(TEXT("abc.ONION")));
    assert_false(host_is_onion(TEXT("onion")));
    assert_false(host_is_onion(TEXT("abc.onion.com")));
    assert_false(host_is_onion(TEXT("abc.notonion")));
    assert_true(host_eq(TEXT("a-Z.9"), TEXT("A-z.9")));
    assert_false(host_eq(TEXT("a"), TEXT("b")));
    assert_false(host_eq(TEXT("@"), TEXT("`")));
    assert_false(host_eq(TEXT("a"), TEXT("aa")));
}

/* What is taken for this machine gets secrets in the clear. */
static void test_loopback_is_nobody_else(void **state)
{
    (void)state;
    static const char *const OWN[] = {"127.0.0.1", "127.255.255.255", "127.0.0.0", "127.1.2.3",
                                      "[::1]",     "localhost",       "LocalHost"};
    static const char *const OTHERS[] = {"",
                                         "127.0.0.1.example.org",
                                         "127.example.org",
                                         "127.",
                                         "127.0.0",
                                         "127.0.0.",
                                         "127.0.0.1.",
                                         "127.0.0.1.2",
                                         "127.0.0.256",
                                         "127.0.0.01",
                                         "127..0.1",
                                         "127.0.0.1a",
                                         "127.0.0.+1",
                                         "127.0.0.0001",
                                         "128.0.0.1",
                                         "12.7.0.1",
                                         "1127.0.0.1",
                                         "[::2]",
                                         "[::1",
                                         "::1",
                                         "[::1].org",
                                         "localhost.org",
                                         "localhost.",
                                         "notlocalhost",
                                         "0.0.0.0",
                                         "10.0.0.1",
                                         "127.0.0.1 ",
                                         "0x7f.0.0.1",
                                         "127.0.0.1:8402",
                                         "2130706433"};
    for (size_t k = 0; k < ARRAY_LEN(OWN); k++) {
        if (!host_is_loopback(text_of(OWN[k]))) {
            fail_msg("%s is this machine", OWN[k]);
        }
    }
    for (size_t k = 0; k < ARRAY_LEN(OTHERS); k++) {
        if (host_is_loopback(text_of(OTHERS[k]))) {
            fail_msg("%s may be another machine", OTHERS[k]);
        }
    }
}

static void test_segments_are_escaped(void **state)
{
    (void)state;
    struct buf out = {0};
    url_put_segment(&out, TEXT("did:a/b c%\xff-._~"));
    assert_true(text_is(buf_text(&out), "did:a%2Fb%20c%25%FF-._~"));
    buf_clear(&out);
}

static void test_values_are_escaped(void **state)
{
    (void)state;
    struct buf b = {0};
    url_put_escaped(&b, (struct text){"aZ09-._~ &=#%+/?\n\xc3\xa9\0", 20});
    assert_text(buf_text(&b), "aZ09-._~%20%26%3D%23%25%2B%2F%3F%0A%C3%A9%00");
    buf_clear(&b);
}

/* A server may repeat what it was asked by. */
static void test_what_a_server_repeats_is_hidden(void **state)
{
    (void)state;
    static const struct {
        const char *url, *said, *shown;
    } ROWS[] = {
        {"https://a.example/v2/SwordFish", "no key /v2/swordfish, a.example",
         "no key *************, a.example"},
        {"https://a.example/?key=swordfish", "swordfish swordf sword", "********* ****** sword"},
        {"https://a.example?swordfish", "sWORDFISh", "*********"},
        {"https://a.example/#swordfish", "ordfish", "*******"},
        {"https://caesar:swordfish@a.example", "caesar of a.example: swordfish",
         "****** of a.example: *********"},
        {"https://a.example:8545/v1/sword", "a.example:8545 v1 sword", "a.example:8545 v1 sword"},
        {"https://a.example/aaaaaabbbbbb", "xaaaaaabbbbbbbbbbbbx", "x******************x"},
        {"swordfish/haddock", "haddock swordfish", "******* swordfish"},
        {"", "swordfish", "swordfish"},
    };
    for (size_t k = 0; k < ARRAY_LEN(ROWS); k++) {
        char said[64];
        (void)text_copy(said, sizeof said, text_of(ROWS[k].said));
        url_hide(said, strlen(said), ROWS[k].url);
        assert_string_equal(said, ROWS[k].shown);
    }
    char part[] = "swordfish swordfish";
    url_hide(part, 12, "https://a.example/swordfish");
    assert_string_equal(part, "********* swordfish"); /* nothing behind `len`, nothing short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_a_url),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_domains_are_no_addresses),
        cmocka_unit_test(test_loopback_is_nobody_else),
        cmocka_unit_test(test_segments_are_escaped),
        cmocka_unit_test(test_values_are_escaped),
        cmocka_unit_test(test_what_a_server_repeats_is_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
