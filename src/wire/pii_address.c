/* SPDX-License-Identifier: Apache-2.0
 * Finding IP addresses, both versions. What only looks like one, version numbers above all, is told
 * by what stands before it. */
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "wire/pii_parts.h"

#define V4_LEN_MIN 7 /* 1.2.3.4 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static bool is_hex(char c)
{
    char lower = (char)(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_';
}

/* A library's verdict over a part of a text. */
static bool is_address(int family, struct text t)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (t.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, t.p, t.len);
    copy[t.len] = '\0';
    return inet_pton(family, copy, address) == 1;
}

/* "version 1.2.3.4", "Chrome/120.0.0.0", "section 4.2.1.3" */
static bool is_numbering(struct text t, size_t start)
{
    static const struct text words[] = {
        TEXT("version"),  TEXT("ver"),      TEXT("v"),       TEXT("build"),  TEXT("release"),
        TEXT("rev"),      TEXT("revision"), TEXT("section"), TEXT("clause"), TEXT("chapter"),
        TEXT("firmware"), TEXT("sdk"),      TEXT("article"), TEXT("item"),   TEXT("step")};
    size_t end = start;
    if (end > 1 && t.p[end - 1] == '/' && is_word(t.p[end - 2])) {
        return true;
    }
    while (end > 0 && strchr(" .:=\"'", t.p[end - 1]) != NULL) {
        end--;
    }
    size_t from = end;
    while (from > 0 && is_letter(t.p[from - 1])) {
        from--;
    }
    return word_is_among((struct text){t.p + from, end - from}, words, ARRAY_LEN(words));
}

/* A dot that ends a sentence belongs to no address. */
static size_t dots_trim(struct text t, size_t start, size_t end)
{
    while (end > start && t.p[end - 1] == '.') {
        end--;
    }
    return end;
}

static bool has_v4(struct text t, bool is_version)
{
    for (size_t i = 0; i + V4_LEN_MIN <= t.len;) {
        size_t end = i;
        while (end < t.len && (is_digit(t.p[end]) || t.p[end] == '.')) {
            end++;
        }
        size_t stop = dots_trim(t, i, end);
        bool alone = (i == 0 || !is_word(t.p[i - 1])) && (end == t.len || !is_word(t.p[end]));
        if (stop > i && alone && is_address(AF_INET, (struct text){t.p + i, stop - i}) &&
            !is_version && !is_numbering(t, i)) {
            return true;
        }
        i = end > i ? end : i + 1;
    }
    return false;
}

/* A group of three digits or more, and a decimal one somewhere: "a::b" is a name of a program. */
static bool is_likely_v6(struct text t)
{
    size_t group = 0;
    size_t longest = 0;
    size_t colons = 0;
    bool decimal = false;
    for (size_t i = 0; i < t.len; i++) {
        group = is_hex(t.p[i]) ? group + 1 : 0;
        longest = group > longest ? group : longest;
        decimal |= is_digit(t.p[i]);
        colons += t.p[i] == ':';
    }
    return colons >= 2 && decimal && longest >= 3;
}

static bool has_v6(struct text t)
{
    for (size_t i = 0; i < t.len;) {
        size_t end = i;
        while (end < t.len && (is_hex(t.p[end]) || t.p[end] == ':' || t.p[end] == '.')) {
            end++;
        }
        size_t stop = dots_trim(t, i, end);
        bool alone = (i == 0 || !is_word(t.p[i - 1])) && (end == t.len || !is_word(t.p[end]));
        struct text part = {t.p + i, stop - i};
        if (alone && is_likely_v6(part) && is_address(AF_INET6, part)) {
            return true;
        }
        i = end > i ? end : i + 1;
    }
    return false;
}

bool text_has_ip(struct text t, enum text_role role)
{
    return has_v4(t, role == ROLE_VERSION) || has_v6(t);
}
