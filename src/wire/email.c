/* SPDX-License-Identifier: Apache-2.0
 * Finding e-mail addresses in texts that are to stay for ever. It errs on the side of finding one:
 * a refused event can be sent again, a logged one cannot be unsaid. */
#include <string.h>

#include "base/text.h"
#include "wire/envelope.h"

static bool is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static bool is_high(char c)
{
    return ((unsigned char)c & 0x80) != 0;
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || is_high(c);
}

/* RFC 5322 section 3.2.3 atext, the dot, and what RFC 6531 adds. */
static bool is_local(char c)
{
    return is_word(c) || (c != '\0' && strchr(".!#$%&'*+/=?^_`{|}~-", c) != NULL);
}

/* What separates the words of a text. */
static bool is_break(char c)
{
    return (unsigned char)c <= ' ' || strchr("\"<>()[],;", c) != NULL;
}

/* The top-level domain tells an address from "package@1.2.3". */
static bool is_top_level(struct text t)
{
    if (text_starts(t, "xn--")) {
        return t.len > 4;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (!is_letter(t.p[i]) && !is_high(t.p[i])) {
            return false;
        }
    }
    return t.len >= 2;
}

/* What follows the @: labels with a dot between them. */
static bool is_domain(struct text t)
{
    size_t len = 0;
    while (len < t.len && (is_word(t.p[len]) || t.p[len] == '-' || t.p[len] == '.')) {
        len++;
    }
    while (len > 0 && !is_word(t.p[len - 1])) {
        len--;
    }
    size_t dot = len;
    while (dot > 0 && t.p[dot - 1] != '.') {
        dot--;
    }
    return dot >= 2 && is_word(t.p[0]) && is_top_level((struct text){t.p + dot, len - dot});
}

/* The part before the @ ends in something a mailbox name ends in: not "/@name" as in a path. */
static bool is_mailbox_end(char c)
{
    return is_word(c) || (is_local(c) && c != '/' && c != '.');
}

bool text_has_email(struct text t)
{
    if (t.len == 0 || memchr(t.p, '@', t.len) == NULL) {
        return false;
    }
    size_t word = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (is_break(t.p[i])) {
            word = i + 1;
        }
        if (t.p[i] != '@' || i == word || !is_mailbox_end(t.p[i - 1])) {
            continue;
        }
        struct text before = {t.p + word, i - word};
        if (text_starts(before, "did:") || text_starts(before, "urn:")) {
            continue;
        }
        if (is_domain((struct text){t.p + i + 1, t.len - i - 1})) {
            return true;
        }
    }
    return false;
}
