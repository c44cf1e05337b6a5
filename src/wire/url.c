/* SPDX-License-Identifier: Apache-2.0
 * URLs by the grammar of RFC 3986, read once from left to right. */
#include "wire/url.h"

#include "base/i128.h"
#include "base/text.h"

#include <string.h>

#define LABEL_MAX 63

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

static bool is_unreserved(char c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr("-._~", c) != NULL);
}

/* RFC 3986: pchar, '/', '?', and the '#' that the caller has cut at. */
static bool is_allowed(char c)
{
    return is_unreserved(c) || (c != '\0' && strchr("!$&'()*+,;=:@/?%", c) != NULL);
}

static bool is_clean(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (!is_allowed(t.p[i])) {
            return false;
        }
        if (t.p[i] == '%' && (t.len - i < 3 || !is_hex(t.p[i + 1]) || !is_hex(t.p[i + 2]))) {
            return false;
        }
    }
    return true;
}

bool host_eq(struct text a, struct text b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

static bool is_label(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if (!is_letter(t.p[i]) && !is_digit(t.p[i]) && t.p[i] != '-') {
            return false;
        }
    }
    return t.len >= 1 && t.len <= LABEL_MAX && t.p[0] != '-' && t.p[t.len - 1] != '-';
}

/* Cuts the part before the next `c` off `rest`; all of it when there is none. */
static struct text cut(struct text *rest, char c, bool *found)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->p, c, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->p);
    struct text part = {rest->p, len};
    size_t skip = len + (at != NULL);
    *rest = (struct text){rest->p + skip, rest->len - skip};
    *found = at != NULL;
    return part;
}

bool host_is_name(struct text host)
{
    bool more = host.len > 0 && host.len <= HOST_LEN_MAX;
    bool is_good = more;
    while (is_good && more) {
        is_good = is_label(cut(&host, '.', &more));
    }
    return is_good;
}

static struct text last_label(struct text host)
{
    const char *dot = host.len == 0 ? NULL : memrchr(host.p, '.', host.len);
    size_t skip = dot == NULL ? 0 : (size_t)(dot - host.p) + 1;
    return (struct text){host.p + skip, host.len - skip};
}

bool host_is_domain(struct text host)
{
    return host_is_name(host) && memchr(host.p, '.', host.len) != NULL &&
           is_letter(last_label(host).p[0]);
}

bool host_is_onion(struct text host)
{
    return host_is_domain(host) && host_eq(last_label(host), TEXT("onion"));
}

/** A decimal number up to 255 as addresses are written: no zero before it. */
static bool is_octet(struct text t)
{
    u128 value = 0;
    return t.len >= 1 && t.len <= 3 && (t.len == 1 || t.p[0] != '0') && u128_parse(t, &value) &&
           value <= UINT8_MAX;
}

bool host_is_loopback(struct text host)
{
    bool more = true;
    unsigned octets = 1;
    if (host_eq(host, TEXT("localhost")) || text_is(host, "[::1]")) {
        return true;
    }
    if (!text_eq(cut(&host, '.', &more), TEXT("127"))) {
        return false;
    }
    while (more) {
        if (!is_octet(cut(&host, '.', &more))) {
            return false;
        }
        octets++;
    }
    return octets == 4;
}

/* What stands in brackets is judged as an address when it is one: here only its characters are. */
static bool is_bracketed(struct text t)
{
    if (t.len < 4 || t.p[0] != '[' || t.p[t.len - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i < t.len - 1; i++) {
        if (!is_hex(t.p[i]) && t.p[i] != ':' && t.p[i] != '.') {
            return false;
        }
    }
    return true;
}

static bool read_port(struct text t, struct url *out)
{
    u128 port = 0;
    if (t.len > 5 || !u128_parse(t, &port) || port == 0 || port > UINT16_MAX) {
        return false;
    }
    out->port = (uint16_t)port;
    return true;
}

static const char *read_authority(struct text t, struct url *out)
{
    if (t.len > 0 && memchr(t.p, '@', t.len) != NULL) {
        return "it has a user name";
    }
    const char *colon = t.len == 0 ? NULL : memrchr(t.p, ':', t.len);
    const char *bracket = t.len == 0 ? NULL : memrchr(t.p, ']', t.len);
    out->host = t;
    out->has_port = colon != NULL && (bracket == NULL || bracket < colon);
    if (out->has_port) {
        out->host.len = (size_t)(colon - t.p);
        if (!read_port((struct text){colon + 1, t.len - out->host.len - 1}, out)) {
            return "its port is not a number from 1 to 65535";
        }
    }
    return host_is_name(out->host) || is_bracketed(out->host) ? NULL : "its host is no host name";
}

static bool cut_scheme(struct text *rest, const char *scheme)
{
    size_t len = strlen(scheme);
    if (rest->len < len || !host_eq((struct text){rest->p, len}, text_of(scheme))) {
        return false;
    }
    *rest = (struct text){rest->p + len, rest->len - len};
    return true;
}

const char *url_read(struct text in, struct url *out)
{
    memset(out, 0, sizeof(*out));
    if (in.len > URL_LEN_MAX) {
        return "it is longer than 2048 bytes";
    }
    out->is_https = cut_scheme(&in, "https://");
    if (!out->is_https && !cut_scheme(&in, "http://")) {
        return "it begins neither with https:// nor with http://";
    }
    out->port = out->is_https ? 443 : 80;
    bool found;
    struct text rest = cut(&in, '#', &found);
    out->fragment = in;
    out->path = cut(&rest, '?', &out->has_query);
    out->query = rest;
    struct text authority = cut(&out->path, '/', &found);
    if (found) { /* the path begins with its '/' */
        out->path = (struct text){out->path.p - 1, out->path.len + 1};
    }
    if (!is_clean(out->path) || !is_clean(out->query) || !is_clean(out->fragment)) {
        return "it has a character that must be escaped";
    }
    return read_authority(authority, out);
}

/** The longest run of characters at `at` that `secret` has anywhere. */
static size_t run_of(struct text at, struct text secret)
{
    size_t longest = 0;
    for (size_t k = 0; k < secret.len; k++) {
        size_t n = 0;
        while (n < at.len && k + n < secret.len && lower(at.p[n]) == lower(secret.p[k + n])) {
            n++;
        }
        longest = n > longest ? n : longest;
    }
    return longest;
}

static void hide(char *said, size_t len, struct text secret)
{
    for (size_t i = 0; i < len;) {
        const size_t n = run_of((struct text){said + i, len - i}, secret);
        if (n >= URL_KEY_MIN) {
            memset(said + i, '*', n);
        }
        i += n >= URL_KEY_MIN ? n : 1;
    }
}

void url_hide(char *said, size_t len, const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *authority = scheme != NULL ? scheme + 3 : url;
    const size_t authority_len = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', authority_len);
    hide(said, len, text_of(authority + authority_len));
    if (at != NULL) {
        hide(said, len, (struct text){authority, (size_t)(at - authority)});
    }
}

/** `plain`: a character that stays, beside the unreserved ones. */
static void put_escaped(struct buf *out, struct text value, char plain)
{
    for (size_t i = 0; i < value.len; i++) {
        if (is_unreserved(value.p[i]) || value.p[i] == plain) {
            buf_put_u8(out, (uint8_t)value.p[i]);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(uint8_t)value.p[i]);
        }
    }
}

void url_put_escaped(struct buf *out, struct text value)
{
    put_escaped(out, value, '~'); /* unreserved as it is */
}

void url_put_segment(struct buf *out, struct text value)
{
    put_escaped(out, value, ':');
}
