/* SPDX-License-Identifier: Apache-2.0
 * Prefixes of the IANA special-purpose registries. IPv4 is public but for the list; IPv6 is not
 * public but for 2000::/3 without the list, so that what is assigned later stays shut. */
#include "wire/public_address.h"

#include <string.h>

struct prefix {
    uint8_t bytes[16];
    unsigned bits;
};

static const struct prefix V4_SHUT[] = {
    {{0}, 8},                 /* this network, RFC 791 */
    {{10}, 8},                /* private, RFC 1918 */
    {{100, 64}, 10},          /* shared by a carrier's customers, RFC 6598 */
    {{127}, 8},               /* loopback, RFC 1122 */
    {{168, 63, 129, 16}, 32}, /* the host's services in Azure */
    {{169, 254}, 16},         /* link-local, RFC 3927; .169.254 is the clouds' metadata */
    {{172, 16}, 12},          /* private */
    {{192, 0, 0}, 24},        /* protocol assignments, RFC 6890 */
    {{192, 0, 2}, 24},        /* documentation, RFC 5737 */
    {{192, 31, 196}, 24},     /* AS112, RFC 7535 */
    {{192, 52, 193}, 24},     /* AMT, RFC 7450 */
    {{192, 88, 99}, 24},      /* 6to4 relays, RFC 7526 */
    {{192, 168}, 16},         /* private */
    {{192, 175, 48}, 24},     /* AS112, RFC 7534 */
    {{198, 18}, 15},          /* benchmarking, RFC 2544 */
    {{198, 51, 100}, 24},     /* documentation */
    {{203, 0, 113}, 24},      /* documentation */
    {{224}, 4},               /* multicast, RFC 5771 */
    {{240}, 4},               /* reserved, RFC 1112, and broadcast */
};

static const struct prefix V6_OPEN = {{0x20}, 3};                  /* global unicast, RFC 4291 */
static const struct prefix V6_NAT64 = {{0, 0x64, 0xff, 0x9b}, 96}; /* RFC 6052 */
static const struct prefix V6_SHUT[] = {
    {{0x20, 0x01}, 23},                   /* protocol assignments, Teredo, RFC 2928 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation, RFC 3849 */
    {{0x20, 0x02}, 16},                   /* 6to4, RFC 3056 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80}, 48}, /* AS112, RFC 7534 */
    {{0x3f, 0xff}, 20},                   /* documentation, RFC 9637 */
};

static bool is_within(const uint8_t *address, const struct prefix *p)
{
    size_t whole = p->bits / 8;
    unsigned rest = p->bits % 8;
    return memcmp(address, p->bytes, whole) == 0 &&
           (rest == 0 || (address[whole] ^ p->bytes[whole]) >> (8 - rest) == 0);
}

static bool is_listed(const uint8_t *address, const struct prefix *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_within(address, &list[i])) {
            return true;
        }
    }
    return false;
}

static bool v4_is_public(const uint8_t *address)
{
    return !is_listed(address, V4_SHUT, ARRAY_LEN(V4_SHUT));
}

bool address_is_public(struct bytes address)
{
    if (address.len == 4) {
        return v4_is_public(address.p);
    }
    if (address.len != 16) {
        return false;
    }
    if (is_within(address.p, &V6_NAT64)) {
        return v4_is_public(address.p + 12);
    }
    return is_within(address.p, &V6_OPEN) && !is_listed(address.p, V6_SHUT, ARRAY_LEN(V6_SHUT));
}
