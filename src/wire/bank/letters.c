/* SPDX-License-Identifier: Apache-2.0
 * Letters of Europe in the basic characters of banks: one table for each block of Unicode, accents
 * taken off, Greek and Cyrillic by sound. What no table has becomes '?'; nothing is dropped. */
#include "base/text.h"
#include "wire/bank/field.h"

#include <string.h>

/* 0x20 to 0x7E: the basic characters stand for themselves. */
static const char ASCII[][5] = {
    " ",    ".", "'", "-", "S", "o/o", "+", "'", "(", ")", ".", "+", ",", "-", ".", "/",
    "0",    "1", "2", "3", "4", "5",   "6", "7", "8", "9", ":", ",", "(", "-", ")", "?",
    "(at)", "A", "B", "C", "D", "E",   "F", "G", "H", "I", "J", "K", "L", "M", "N", "O",
    "P",    "Q", "R", "S", "T", "U",   "V", "W", "X", "Y", "Z", "(", "/", ")", "'", "-",
    "'",    "a", "b", "c", "d", "e",   "f", "g", "h", "i", "j", "k", "l", "m", "n", "o",
    "p",    "q", "r", "s", "t", "u",   "v", "w", "x", "y", "z", "(", "/", ")", "-",
};

/* U+00A0 to U+017F */
static const char LATIN[][5] = {
    " ", "?",  "c",  "GBP", "?", "JPY", "/",  "?", "'", "(C)", "a", "'", "?",   "-",   "(R)", "-",
    ".", "+-", "2",  "3",   "'", "u",   "?",  ".", ",", "1",   "o", "'", "1/4", "1/2", "3/4", "?",
    "A", "A",  "A",  "A",   "A", "A",   "AE", "C", "E", "E",   "E", "E", "I",   "I",   "I",   "I",
    "D", "N",  "O",  "O",   "O", "O",   "O",  "x", "O", "U",   "U", "U", "U",   "Y",   "TH",  "ss",
    "a", "a",  "a",  "a",   "a", "a",   "ae", "c", "e", "e",   "e", "e", "i",   "i",   "i",   "i",
    "d", "n",  "o",  "o",   "o", "o",   "o",  ":", "o", "u",   "u", "u", "u",   "y",   "th",  "y",
    "A", "a",  "A",  "a",   "A", "a",   "C",  "c", "C", "c",   "C", "c", "C",   "c",   "D",   "d",
    "D", "d",  "E",  "e",   "E", "e",   "E",  "e", "E", "e",   "E", "e", "G",   "g",   "G",   "g",
    "G", "g",  "G",  "g",   "H", "h",   "H",  "h", "I", "i",   "I", "i", "I",   "i",   "I",   "i",
    "I", "i",  "IJ", "ij",  "J", "j",   "K",  "k", "k", "L",   "l", "L", "l",   "L",   "l",   "L",
    "l", "L",  "l",  "N",   "n", "N",   "n",  "N", "n", "'n",  "N", "n", "O",   "o",   "O",   "o",
    "O", "o",  "OE", "oe",  "R", "r",   "R",  "r", "R", "r",   "S", "s", "S",   "s",   "S",   "s",
    "S", "s",  "T",  "t",   "T", "t",   "T",  "t", "U", "u",   "U", "u", "U",   "u",   "U",   "u",
    "U", "u",  "U",  "u",   "W", "w",   "Y",  "y", "Y", "Z",   "z", "Z", "z",   "Z",   "z",   "s",
};

/* U+0386 to U+03CE */
static const char GREEK[][5] = {
    "A", "?", "E", "I",  "I",  "?",  "O",  "?", "Y", "O", "i", "A", "V", "G", "D",
    "E", "Z", "I", "TH", "I",  "K",  "L",  "M", "N", "X", "O", "P", "R", "?", "S",
    "T", "Y", "F", "CH", "PS", "O",  "I",  "Y", "a", "e", "i", "i", "y", "a", "v",
    "g", "d", "e", "z",  "i",  "th", "i",  "k", "l", "m", "n", "x", "o", "p", "r",
    "s", "s", "t", "y",  "f",  "ch", "ps", "o", "i", "y", "o", "y", "o",
};

/* U+0400 to U+045F */
static const char CYRILLIC[][5] = {
    "E", "E", "DJ", "G", "YE", "DZ", "I",  "YI", "J",  "LJ",  "NJ", "C", "K", "I", "U",  "DZ",
    "A", "B", "V",  "G", "D",  "E",  "ZH", "Z",  "I",  "Y",   "K",  "L", "M", "N", "O",  "P",
    "R", "S", "T",  "U", "F",  "H",  "TS", "CH", "SH", "SHT", "A",  "Y", "Y", "E", "YU", "YA",
    "a", "b", "v",  "g", "d",  "e",  "zh", "z",  "i",  "y",   "k",  "l", "m", "n", "o",  "p",
    "r", "s", "t",  "u", "f",  "h",  "ts", "ch", "sh", "sht", "a",  "y", "y", "e", "yu", "ya",
    "e", "e", "dj", "g", "ye", "dz", "i",  "yi", "j",  "lj",  "nj", "c", "k", "i", "u",  "dz",
};

static const struct letter {
    uint32_t point;
    char basic[5];
} LETTERS[] = {
    {0x0218, "S"},   {0x0219, "s"},    {0x021a, "T"}, {0x021b, "t"}, {0x0490, "G"}, {0x0491, "g"},
    {0x1e9e, "SS"},  {0x2002, " "},    {0x2003, " "}, {0x2009, " "}, {0x200b, " "}, {0x2010, "-"},
    {0x2011, "-"},   {0x2012, "-"},    {0x2013, "-"}, {0x2014, "-"}, {0x2015, "-"}, {0x2018, "'"},
    {0x2019, "'"},   {0x201a, "'"},    {0x201c, "'"}, {0x201d, "'"}, {0x201e, "'"}, {0x2022, "."},
    {0x2026, "..."}, {0x202f, " "},    {0x2032, "'"}, {0x2039, "'"}, {0x203a, "'"}, {0x20ac, "EUR"},
    {0x2116, "No."}, {0x2122, "(TM)"}, {0x2212, "-"}, {0x3000, " "},
};

static const char *basic_of(uint32_t c)
{
    if (c >= 0x20 && c - 0x20 < ARRAY_LEN(ASCII)) {
        return ASCII[c - 0x20];
    }
    if (c >= 0xa0 && c - 0xa0 < ARRAY_LEN(LATIN)) {
        return LATIN[c - 0xa0];
    }
    if (c >= 0x386 && c - 0x386 < ARRAY_LEN(GREEK)) {
        return GREEK[c - 0x386];
    }
    if (c >= 0x400 && c - 0x400 < ARRAY_LEN(CYRILLIC)) {
        return CYRILLIC[c - 0x400];
    }
    for (size_t i = 0; i < ARRAY_LEN(LETTERS); i++) {
        if (LETTERS[i].point == c) {
            return LETTERS[i].basic;
        }
    }
    return "?";
}

/* The next character of valid UTF-8; *p moves behind it. */
static uint32_t point_take(const char **p)
{
    const uint8_t *s = (const uint8_t *)*p;
    unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        c = c << 6 | (s[i] & 0x3fu);
    }
    *p += more + 1;
    return c;
}

static bool is_mark(uint32_t c)
{
    return c >= 0x300 && c <= 0x36f;
}

static bool is_white(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

/* False at a control character. */
static bool letters_append(struct buf *out, struct text t)
{
    for (const char *p = t.p, *end = t.p + t.len; p < end;) {
        uint32_t c = point_take(&p);
        if (is_white(c)) {
            c = ' ';
        }
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            return false;
        }
        if (!is_mark(c)) {
            buf_put_str(out, basic_of(c));
        }
    }
    return true;
}

/* Takes the spaces at both ends off what stands from `start` on. */
static void ends_trim(struct buf *out, size_t start)
{
    size_t spaces = 0;
    while (out->len > start && out->p[out->len - 1] == ' ') {
        out->len--;
    }
    while (start + spaces < out->len && out->p[start + spaces] == ' ') {
        spaces++;
    }
    if (spaces > 0) {
        memmove(out->p + start, out->p + start + spaces, out->len - start - spaces);
        out->len -= spaces;
    }
}

static bool has_letter(const struct buf *out, size_t start)
{
    for (size_t i = start; i < out->len; i++) {
        uint8_t c = out->p[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
            return true;
        }
    }
    return false;
}

enum mete_code bank_letters_put(struct buf *out, struct text t, size_t max, const char *pointer,
                                struct mete_err *err)
{
    size_t start = out->len;
    enum mete_code code = METE_OK;
    if (!text_is_utf8(t) || !letters_append(out, t)) {
        code =
            mete_fail(err, METE_BANK_FIELD, pointer, "Not UTF-8, or it has a control character.");
    } else {
        ends_trim(out, start);
        if (out->len - start > max) {
            code = mete_fail(err, METE_BANK_FIELD, pointer,
                             "In the letters of banks this has %zu characters; %zu is the most.",
                             out->len - start, max);
        } else if (!has_letter(out, start)) {
            code = mete_fail(err, METE_BANK_FIELD, pointer,
                             "Nothing of this can be written in the letters of banks.");
        }
    }
    if (code != METE_OK) {
        out->len = start;
    }
    return code;
}
