/* SPDX-License-Identifier: Apache-2.0
 * Finding phone numbers. A text is cut into runs of digits with what people write between them; a
 * run is judged by its shape, or, near a word such as "call", by its length alone. */
#include <string.h>

#include "base/text.h"
#include "wire/pii_parts.h"

#define GROUPS_MAX       16
#define DIGITS_MIN       7  /* of a subscriber's number */
#define DIGITS_MAX       15 /* ITU-T E.164 */
#define PLUS_DIGITS_MIN  8
#define TRUNK_DIGITS_MIN 9
#define TRUNK_DIGITS_MAX 13

/* What stands between two groups of digits. */
enum gap { GAP_NONE, GAP_SPACE, GAP_DASH, GAP_DOT, GAP_SLASH, GAP_OPEN, GAP_CLOSE };

struct group {
    const char *digit;
    size_t len;
    enum gap before;
};

struct run {
    struct group group[GROUPS_MAX];
    size_t count;
    bool plus; /* a + stands before it */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '_';
}

/* The length of a separator at `i`, and which it is; 0: none. Of those beyond ASCII: U+00A0,
 * U+2010..U+2015 (dashes), U+2009 and U+202F (narrow spaces). */
static size_t gap_at(struct text t, size_t i, enum gap *gap)
{
    static const char kinds[] = " \t-./()";
    static const enum gap gaps[] = {GAP_SPACE, GAP_SPACE, GAP_DASH, GAP_DOT,
                                    GAP_SLASH, GAP_OPEN,  GAP_CLOSE};
    const char *kind = t.p[i] != '\0' ? strchr(kinds, t.p[i]) : NULL;
    if (kind != NULL) {
        *gap = gaps[kind - kinds];
        return 1;
    }
    struct text rest = {t.p + i, t.len - i};
    if (text_starts(rest, "\xc2\xa0")) {
        *gap = GAP_SPACE;
        return 2;
    }
    if (text_starts(rest, "\xe2\x80\x89") || text_starts(rest, "\xe2\x80\xaf")) {
        *gap = GAP_SPACE;
        return 3;
    }
    if (text_starts(rest, "\xe2\x80") && rest.len > 2 && (uint8_t)rest.p[2] >= 0x90 &&
        (uint8_t)rest.p[2] <= 0x95) {
        *gap = GAP_DASH;
        return 3;
    }
    return 0;
}

/* Separators up to the next digit: at most two, such as ") "; *gap is the one that says most. */
static size_t gaps_pass(struct text t, size_t i, enum gap *gap)
{
    size_t at = i;
    *gap = GAP_NONE;
    for (int n = 0; n < 3 && at < t.len; n++) {
        enum gap one = GAP_NONE;
        size_t len = gap_at(t, at, &one);
        if (len == 0) {
            break;
        }
        *gap = *gap == GAP_NONE || *gap == GAP_SPACE ? one : *gap;
        at += len;
    }
    return at < t.len && is_digit(t.p[at]) ? at : i;
}

/* Reads groups from a digit on; returns where they end. */
static size_t run_read(struct text t, size_t i, struct run *r)
{
    enum gap gap = i > 0 && t.p[i - 1] == '(' ? GAP_OPEN : GAP_NONE;
    r->count = 0;
    for (;;) {
        size_t end = i;
        while (end < t.len && is_digit(t.p[end])) {
            end++;
        }
        r->group[r->count++] = (struct group){t.p + i, end - i, gap};
        size_t next = gaps_pass(t, end, &gap);
        if (next == end || r->count == GROUPS_MAX) {
            return end;
        }
        i = next;
    }
}

static size_t digits_of(const struct group *g, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += g[i].len;
    }
    return sum;
}

/* "2025-01-31", "31.01.2025", "1/31/2025", "2025-01-31 12" */
static bool is_date(const struct group *g, size_t count)
{
    if (count < 3 || g[1].before == GAP_SPACE || g[1].before != g[2].before) {
        return false;
    }
    bool year_first = g[0].len == 4 && g[1].len <= 2 && g[2].len <= 2;
    bool year_last = g[0].len <= 2 && g[1].len <= 2 && g[2].len == 4;
    char century = year_first ? g[0].digit[0] : g[2].digit[0];
    return (year_first || year_last) && (century == '1' || century == '2');
}

/* "+" and 8 to 15 digits, the first of them not 0, as far as they go together. */
static bool is_international(const struct run *r)
{
    size_t digits = 0;
    if (r->group[0].digit[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < r->count; i++) {
        digits += r->group[i].len;
        if (digits >= PLUS_DIGITS_MIN && digits <= DIGITS_MAX) {
            return true;
        }
    }
    return false;
}

/* 555-234-5678, (555) 234-5678, 1.555.234.5678: neither area nor exchange begins with 0 or 1. */
static bool is_north_american(const struct group *g, size_t count)
{
    if (count == 4 && g[0].len == 1 && g[0].digit[0] == '1') {
        g++;
        count--;
    }
    return count == 3 && g[0].len == 3 && g[1].len == 3 && g[2].len == 4 && g[0].digit[0] >= '2' &&
           g[1].digit[0] >= '2' && (g[1].before == g[2].before || g[1].before == GAP_CLOSE);
}

/* (030) 1234567, (0)171 1234567, (22) 1234-5678 */
static bool is_area_in_brackets(const struct group *g, size_t count)
{
    size_t digits = digits_of(g, count);
    return count >= 2 && g[0].before == GAP_OPEN && g[1].before == GAP_CLOSE && g[0].len <= 5 &&
           digits >= PLUS_DIGITS_MIN && digits <= TRUNK_DIGITS_MAX;
}

/* 030 1234567, 0171/1234567, 01 23 45 67 89; 0049 30 1234567 */
static bool is_trunk(const struct group *g, size_t count)
{
    size_t digits = digits_of(g, count);
    bool abroad = g[0].len >= 3 && memcmp(g[0].digit, "00", 2) == 0 && g[0].digit[2] != '0';
    if (count < 2 || g[0].digit[0] != '0' || g[0].len < 2 || (g[0].digit[1] == '0' && !abroad)) {
        return false;
    }
    for (size_t i = 1; i < count; i++) {
        if (g[i].len < 2 || g[i].before == GAP_DOT) {
            return false;
        }
    }
    return digits >= TRUNK_DIGITS_MIN && digits <= TRUNK_DIGITS_MAX + (abroad ? 2u : 0u);
}

/* A number may stand among others, with a space between them. */
static bool has_shape(const struct run *r)
{
    for (size_t from = 0; from < r->count; from++) {
        if (from > 0 && r->group[from].before != GAP_SPACE && r->group[from].before != GAP_OPEN) {
            continue;
        }
        for (size_t to = from + 1; to <= r->count; to++) {
            const struct group *g = &r->group[from];
            size_t count = to - from;
            bool ends = to == r->count || r->group[to].before == GAP_SPACE ||
                        r->group[to].before == GAP_OPEN;
            if (ends && !is_date(g, count) &&
                (is_north_american(g, count) || is_area_in_brackets(g, count) ||
                 is_trunk(g, count))) {
                return true;
            }
        }
    }
    return false;
}

/* Near a word that says so, what is no date and no amount with a point. */
static bool is_long(const struct run *r)
{
    size_t from = is_date(r->group, r->count) ? 3 : 0;
    if (from >= r->count || (r->count == 2 && r->group[1].before == GAP_DOT)) {
        return false;
    }
    size_t digits = digits_of(r->group + from, r->count - from);
    return digits >= DIGITS_MIN && digits <= DIGITS_MAX;
}

static const struct text phone_words[] = {
    TEXT("phone"),     TEXT("phones"),   TEXT("telephone"), TEXT("tel"),  TEXT("mobile"),
    TEXT("cell"),      TEXT("whatsapp"), TEXT("sms"),       TEXT("call"), TEXT("fax"),
    TEXT("cellphone"), TEXT("handy"),    TEXT("msisdn"),    TEXT("dial")};

static bool is_same_word(struct text t, struct text word)
{
    size_t i = 0;
    while (i < t.len && i < word.len && (t.p[i] | 0x20) == word.p[i]) {
        i++;
    }
    return i == t.len && i == word.len;
}

bool word_is_among(struct text t, const struct text *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_word(t, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_phone_word(struct text t)
{
    return word_is_among(t, phone_words, ARRAY_LEN(phone_words));
}

/* Is one of the words of the text, which end where `ends_word` says, one of those? */
static bool has_phone_word(struct text t, bool underscore_ends)
{
    size_t start = 0;
    for (size_t i = 0; i <= t.len; i++) {
        bool inside = i < t.len && (is_letter(t.p[i]) || is_digit(t.p[i]) ||
                                    (t.p[i] == '_' && !underscore_ends));
        if (inside) {
            continue;
        }
        if (is_phone_word((struct text){t.p + start, i - start})) {
            return true;
        }
        start = i + 1;
    }
    return false;
}

/* Does something longer begin before it? A + begins a number by itself. */
static bool is_begun_before(struct text t, size_t start, bool plus)
{
    if (start == 0) {
        return false;
    }
    char c = t.p[start - 1];
    bool hyphen = c == '-' && start > 1 && is_word(t.p[start - 2]);
    return is_word(c) || (!plus && (hyphen || (c != '\0' && strchr("#@=&%$./:~", c) != NULL)));
}

/* Does it go on: a word, a clock's minutes, thousands behind a comma? */
static bool goes_on_behind(struct text t, size_t end)
{
    if (end == t.len) {
        return false;
    }
    char c = t.p[end];
    bool digit_next = end + 1 < t.len && is_digit(t.p[end + 1]);
    return is_word(c) || c == '%' || c == '@' || ((c == ':' || c == ',') && digit_next);
}

/* "tel:030...", "phone:555..." */
static bool is_after_phone_word(struct text t, size_t start)
{
    size_t end = start;
    while (end > 0 && strchr(":=/ +", t.p[end - 1]) != NULL) {
        end--;
    }
    size_t from = end;
    while (from > 0 && is_letter(t.p[from - 1])) {
        from--;
    }
    return is_phone_word((struct text){t.p + from, end - from});
}

static bool run_is_phone(struct text t, size_t start, size_t end, const struct run *r,
                         enum text_role role, bool near_word)
{
    if (is_after_phone_word(t, start) && is_long(r)) {
        return true;
    }
    if (is_begun_before(t, start - (r->plus ? 1 : 0), r->plus) || goes_on_behind(t, end)) {
        return false;
    }
    if (r->plus && is_international(r)) {
        return true;
    }
    return role != ROLE_ID && (has_shape(r) || ((near_word || role == ROLE_PHONE) && is_long(r)));
}

bool text_has_phone(struct text t, enum text_role role)
{
    struct run r;
    bool near_word = role != ROLE_ID && has_phone_word(t, false);
    for (size_t i = 0; i < t.len;) {
        if (!is_digit(t.p[i])) {
            i++;
            continue;
        }
        size_t end = run_read(t, i, &r);
        size_t start = r.group[0].before == GAP_OPEN ? i - 1 : i;
        r.plus = start > 0 && t.p[start - 1] == '+';
        if (run_is_phone(t, start, end, &r, role, near_word)) {
            return true;
        }
        i = end;
    }
    return false;
}

static bool ends_in(struct text t, struct text end)
{
    return t.len >= end.len && memcmp(t.p + t.len - end.len, end.p, end.len) == 0;
}

enum text_role text_role_of(struct text name)
{
    static const struct text ids[] = {TEXT("_id"),   TEXT("_ids"), TEXT("_ref"), TEXT("_key"),
                                      TEXT("_hash"), TEXT("Id"),   TEXT("Ids")};
    static const struct text versions[] = {TEXT("version"), TEXT("Version"), TEXT("build"),
                                           TEXT("release"), TEXT("sdk")};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        if (ends_in(name, ids[i])) {
            return ROLE_ID;
        }
    }
    if (text_is(name, "id") || text_is(name, "ids")) {
        return ROLE_ID;
    }
    if (has_phone_word(name, true)) {
        return ROLE_PHONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (ends_in(name, versions[i])) {
            return ROLE_VERSION;
        }
    }
    return ROLE_TEXT;
}
