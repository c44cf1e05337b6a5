/* SPDX-License-Identifier: Apache-2.0
 * Absolute http and https URLs that somebody else wrote (RFC 3986), taken apart and nothing more.
 * Stricter than browsers: what two readers could read differently is refused. */
#ifndef METE_WIRE_URL_H
#define METE_WIRE_URL_H

#include "base/buf.h"
#include "base/types.h"

#define URL_LEN_MAX  2048 /* bytes */
#define HOST_LEN_MAX 253  /* bytes */
#define URL_KEY_MIN  6    /* characters of a URL that may be a key, or of one */

/** All texts point into what was read. */
struct url {
    bool is_https;
    bool has_port;
    bool has_query;
    uint16_t port;        /* 1..65535; 443 or 80 when none was written */
    struct text host;     /* a name or an IPv4 address; an IPv6 address with its brackets */
    struct text path;     /* "" or from the first '/' on */
    struct text query;    /* after the '?' */
    struct text fragment; /* after the '#'; never sent */
};

/** Takes a URL apart.
 *  Refuses: longer than URL_LEN_MAX; other schemes; a user name or password; bytes that RFC 3986
 * does not allow, thus also white space, backslash and everything outside ASCII; '%' without two
 *           hexadecimal digits; a host that is neither a host name nor an address in brackets;
 * ports outside 1..65535. Returns: NULL, or what is wrong as the end of a sentence. */
const char *url_read(struct text in, struct url *out) METE_MUST_CHECK;

/** True for dotted labels of letters, digits and '-', each of 1 to 63 bytes and not beginning or
 *  ending with '-', 253 bytes at most (RFC 1123). An IPv4 address looks the same: host_is_domain.
 */
bool host_is_name(struct text host);

/** host_is_name with at least two labels of which the last begins with a letter: a name of the
 * public DNS, never an address in any of its spellings (127.1, 0x7f.1, 2130706433). */
bool host_is_domain(struct text host);

/** host_is_domain below the top-level name "onion" (RFC 7686). */
bool host_is_onion(struct text host);

/** "localhost", "[::1]", or an address 127.x.y.z in full: what is sent there stays in this machine.
 *  127.0.0.1.example.org is anybody's, and short spellings (127.1) are not looked into. */
bool host_is_loopback(struct text host);

/** ASCII letters of either case are the same. */
bool host_eq(struct text a, struct text b);

/** Makes of said[0..len-1], words of the server that was asked by `url`, what may be shown: each
 *  run of URL_KEY_MIN characters or more that `url` has in its user and password, its path, query
 *  or fragment, in letters of either case, becomes so many '*', for it may be a key, or of one.
 *  The host stays. `url` need not be a good one. Takes len times the URL's length. */
void url_hide(char *said, size_t len, const char *url);

/** Appends `value` with everything but unreserved characters as %XX. */
void url_put_escaped(struct buf *out, struct text value);
/** The same for a segment of a path, where ':' may stay: ids read as they are written. */
void url_put_segment(struct buf *out, struct text value);

#endif
