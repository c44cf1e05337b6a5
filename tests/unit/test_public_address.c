/* SPDX-License-Identifier: Apache-2.0
 * Which addresses count as the Internet's: every row of the IANA special-purpose registries of IPv4
 * and IPv6 by its first and last address, and the neighbours just outside. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/public_address.h"

static bool is_public(const char *text)
{
    uint8_t b[16];
    if (strchr(text, ':') == NULL) {
        assert_int_equal(inet_pton(AF_INET, text, b), 1);
        return address_is_public((struct bytes){b, 4});
    }
    assert_int_equal(inet_pton(AF_INET6, text, b), 1);
    return address_is_public((struct bytes){b, 16});
}

static void check(const char *const *list, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        if (is_public(list[i]) != expected) {
            fail_msg("%s should%s be public", list[i], expected ? "" : " not");
        }
    }
}

static void test_special_addresses_of_ipv4_are_shut(void **state)
{
    (void)state;
    static const char *const SHUT[] = {
        "0.0.0.0",         "0.255.255.255",   "10.0.0.0",        "10.255.255.255",
        "100.64.0.0",      "100.100.100.200", "100.127.255.255", "127.0.0.0",
        "127.0.0.1",       "127.255.255.255", "168.63.129.16",   "169.254.0.0",
        "169.254.169.254", "169.254.255.255", "172.16.0.0",      "172.31.255.255",
        "192.0.0.0",       "192.0.0.9",       "192.0.0.10",      "192.0.0.170",
        "192.0.0.192",     "192.0.0.255",     "192.0.2.0",       "192.0.2.255",
        "192.31.196.0",    "192.31.196.255",  "192.52.193.0",    "192.52.193.255",
        "192.88.99.0",     "192.88.99.255",   "192.168.0.0",     "192.168.255.255",
        "192.175.48.0",    "192.175.48.255",  "198.18.0.0",      "198.19.255.255",
        "198.51.100.0",    "198.51.100.255",  "203.0.113.0",     "203.0.113.255",
        "224.0.0.0",       "239.255.255.255", "240.0.0.0",       "255.255.255.254",
        "255.255.255.255",
    };
    check(SHUT, sizeof SHUT / sizeof *SHUT, false);
}

static void test_their_neighbours_are_open(void **state)
{
    (void)state;
    static const char *const OPEN[] = {
        "1.0.0.0",         "9.255.255.255",  "11.0.0.0",       "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",      "168.63.129.15",  "168.63.129.17",   "169.253.255.255",
        "169.255.0.0",     "172.15.255.255", "172.32.0.0",     "191.255.255.255", "192.0.1.0",
        "192.0.1.255",     "192.0.3.0",      "192.31.195.255", "192.31.197.0",    "192.52.192.255",
        "192.52.194.0",    "192.88.98.255",  "192.88.100.0",   "192.167.255.255", "192.169.0.0",
        "192.175.47.255",  "192.175.49.0",   "198.17.255.255", "198.20.0.0",      "198.51.99.255",
        "198.51.101.0",    "203.0.112.255",  "203.0.114.0",    "223.255.255.255", "8.8.8.8",
    };
    check(OPEN, sizeof OPEN / sizeof *OPEN, true);
}

static void test_special_addresses_of_ipv6_are_shut(void **state)
{
    (void)state;
    static const char *const SHUT[] = {
        "::",
        "::1",
        "::2",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:0.0.0.0",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:255.255.255.255",
        "::ffff:0:8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::",
        "64:ff9b:0:0:0:1:808:808",
        "64:ff9b:1::",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "100::",
        "100::ffff:ffff:ffff:ffff",
        "100:0:0:1::",
        "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:1::1",
        "2001:1::2",
        "2001:1::3",
        "2001:2::",
        "2001:2:0:ffff:ffff:ffff:ffff:ffff",
        "2001:3::",
        "2001:4:112::",
        "2001:10::",
        "2001:20::",
        "2001:30::",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002::",
        "2002:a00:1::1",
        "2002:808:808::1",
        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8000::",
        "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
        "3fff::",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "4000::",
        "5f00::",
        "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fc00::",
        "fd00:ec2::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe00::1",
        "fe80::",
        "fe80::1",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::1",
        "ff00::",
        "ff02::1",
        "ff0e::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    check(SHUT, sizeof SHUT / sizeof *SHUT, false);
}

static void test_unicast_addresses_of_ipv6_are_open(void **state)
{
    (void)state;
    static const char *const OPEN[] = {
        "2000::",
        "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::1",
        "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8001::",
        "2606:4700:4700::1111",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
        "64:ff9b::8.8.8.8",
    };
    check(OPEN, sizeof OPEN / sizeof *OPEN, true);
}

static void test_other_lengths_are_shut(void **state)
{
    (void)state;
    static const uint8_t EIGHTS[32] = {8, 8, 8, 8};
    for (size_t len = 0; len <= sizeof(EIGHTS); len++) {
        assert_int_equal(address_is_public((struct bytes){EIGHTS, len}), len == 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_addresses_of_ipv4_are_shut),
        cmocka_unit_test(test_their_neighbours_are_open),
        cmocka_unit_test(test_special_addresses_of_ipv6_are_shut),
        cmocka_unit_test(test_unicast_addresses_of_ipv6_are_open),
        cmocka_unit_test(test_other_lengths_are_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
