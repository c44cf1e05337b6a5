/* SPDX-License-Identifier: Apache-2.0
 * IBAN, BIC and routing numbers, character by character. The table of countries is the only place
 * that knows lengths; it states the classes of characters (n digit, a capital, c either). */
#include "wire/bank/iban.h"

#include "base/text.h"

#include <string.h>

/* SWIFT IBAN registry (ISO 13616), structure of the account number without country and check
 * digits. Adjacent runs of one class are joined. */
static const struct country {
    char code[3];
    char bban[16];
} COUNTRIES[] = {
    {"AD", "n8c12"},    {"AE", "n19"},      {"AL", "n8c16"},    {"AT", "n16"},
    {"AZ", "a4c20"},    {"BA", "n16"},      {"BE", "n12"},      {"BG", "a4n6c8"},
    {"BH", "a4c14"},    {"BI", "n23"},      {"BR", "n23a1c1"},  {"BY", "c4n4c16"},
    {"CH", "n5c12"},    {"CR", "n18"},      {"CY", "n8c16"},    {"CZ", "n20"},
    {"DE", "n18"},      {"DJ", "n23"},      {"DK", "n14"},      {"DO", "c4n20"},
    {"EE", "n16"},      {"EG", "n25"},      {"ES", "n20"},      {"FI", "n14"},
    {"FK", "a2n12"},    {"FO", "n14"},      {"FR", "n10c11n2"}, {"GB", "a4n14"},
    {"GE", "a2n16"},    {"GI", "a4c15"},    {"GL", "n14"},      {"GR", "n7c16"},
    {"GT", "c24"},      {"HN", "a4n20"},    {"HR", "n17"},      {"HU", "n24"},
    {"IE", "a4n14"},    {"IL", "n19"},      {"IQ", "a4n15"},    {"IS", "n22"},
    {"IT", "a1n10c12"}, {"JO", "a4n4c18"},  {"KW", "a4c22"},    {"KZ", "n3c13"},
    {"LB", "n4c20"},    {"LC", "a4c24"},    {"LI", "n5c12"},    {"LT", "n16"},
    {"LU", "n3c13"},    {"LV", "a4c13"},    {"LY", "n21"},      {"MC", "n10c11n2"},
    {"MD", "c20"},      {"ME", "n18"},      {"MK", "n3c10n2"},  {"MN", "n16"},
    {"MR", "n23"},      {"MT", "a4n5c18"},  {"MU", "a4n19a3"},  {"NI", "a4n20"},
    {"NL", "a4n10"},    {"NO", "n11"},      {"OM", "n3c16"},    {"PK", "a4c16"},
    {"PL", "n24"},      {"PS", "a4c21"},    {"PT", "n21"},      {"QA", "a4c21"},
    {"RO", "a4c16"},    {"RS", "n18"},      {"RU", "n14c15"},   {"SA", "n2c18"},
    {"SC", "a4n20a3"},  {"SD", "n14"},      {"SE", "n20"},      {"SI", "n15"},
    {"SK", "n20"},      {"SM", "a1n10c12"}, {"SO", "n19"},      {"ST", "n21"},
    {"SV", "a4n20"},    {"TL", "n19"},      {"TN", "n20"},      {"TR", "n6c16"},
    {"UA", "n6c19"},    {"VA", "n18"},      {"VG", "a4n16"},    {"XK", "n16"},
    {"YE", "a4n4c18"},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static char capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_of_class(char c, char class)
{
    return class == 'n' ? is_digit(c) : class == 'a' ? is_capital(c) : is_digit(c) || is_capital(c);
}

/* Takes one run ("n12") off a structure; returns how many characters it asks for. */
static unsigned run_take(const char **structure, char *class)
{
    const char *p = *structure;
    unsigned count = 0;
    *class = *p++;
    while (is_digit(*p)) {
        count = 10 * count + (unsigned)(*p - '0');
        p++;
    }
    *structure = p;
    return count;
}

static size_t bban_length(const char *structure)
{
    size_t len = 0;
    char class;
    while (*structure != '\0') {
        len += run_take(&structure, &class);
    }
    return len;
}

static bool bban_fits(const char *structure, const char *bban)
{
    char class;
    while (*structure != '\0') {
        for (unsigned left = run_take(&structure, &class); left > 0; left--) {
            if (!is_of_class(*bban++, class)) {
                return false;
            }
        }
    }
    return true;
}

static const struct country *country_of(const char *code)
{
    for (size_t i = 0; i < ARRAY_LEN(COUNTRIES); i++) {
        if (memcmp(COUNTRIES[i].code, code, 2) == 0) {
            return &COUNTRIES[i];
        }
    }
    return NULL;
}

/* ISO 7064, MOD 97-10: letters stand for 10 to 35, digit by digit from the left. */
static unsigned mod97(unsigned rest, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned v = is_digit(p[i]) ? (unsigned)(p[i] - '0') : (unsigned)(p[i] - 'A') + 10;
        rest = (rest * (v < 10 ? 10 : 100) + v) % 97;
    }
    return rest;
}

size_t iban_country_at(size_t i, char country[3])
{
    if (i >= ARRAY_LEN(COUNTRIES)) {
        return 0;
    }
    memcpy(country, COUNTRIES[i].code, 3);
    return 4 + bban_length(COUNTRIES[i].bban);
}

/* Everything but the check digits. */
static enum mete_code form_check(const char *p, size_t len, const char *pointer,
                                 struct mete_err *err)
{
    if (len < 5 || !is_capital(p[0]) || !is_capital(p[1]) || !is_digit(p[2]) || !is_digit(p[3])) {
        return mete_fail(err, METE_IBAN_INVALID, pointer,
                         "An IBAN begins with two letters of a country and two check digits.");
    }
    const struct country *c = country_of(p);
    if (c == NULL) {
        return mete_fail(err, METE_IBAN_INVALID, pointer,
                         "The country %.2s has no IBANs in the SWIFT registry.", p);
    }
    if (len != 4 + bban_length(c->bban)) {
        return mete_fail(err, METE_IBAN_INVALID, pointer,
                         "An IBAN of %s has %zu characters, this one %zu.", c->code,
                         4 + bban_length(c->bban), len);
    }
    if (!bban_fits(c->bban, p + 4)) {
        return mete_fail(err, METE_IBAN_INVALID, pointer,
                         "An IBAN of %s has letters and digits in other places.", c->code);
    }
    return METE_OK;
}

static enum mete_code iban_check(const char *p, size_t len, const char *pointer,
                                 struct mete_err *err)
{
    enum mete_code code = form_check(p, len, pointer, err);
    if (code != METE_OK) {
        return code;
    }
    /* 00, 01 and 99 leave the same rest as 97, 98 and 02, which are the ones ISO 13616 gives */
    unsigned digits = (unsigned)(p[2] - '0') * 10 + (unsigned)(p[3] - '0');
    if (digits < 2 || digits > 98 || mod97(mod97(0, p + 4, len - 4), p, 4) != 1) {
        return mete_fail(err, METE_IBAN_INVALID, pointer,
                         "The check digits %.2s do not fit the rest: a character is wrong.", p + 2);
    }
    return METE_OK;
}

/* Copies without spaces, in capitals; false when that does not fit or a space stands at an end. */
static bool iban_compact(struct text t, char out[IBAN_LEN_MAX + 1], size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] == ' ') {
            if (i == 0 || i + 1 == t.len || t.p[i - 1] == ' ') {
                return false;
            }
            continue;
        }
        if (*len == IBAN_LEN_MAX || t.p[i] == '\0') {
            return false;
        }
        out[(*len)++] = capital(t.p[i]);
    }
    out[*len] = '\0';
    return true;
}

enum mete_code iban_parse(struct text t, const char *pointer, struct iban *out,
                          struct mete_err *err)
{
    struct iban made;
    size_t len = 0;
    if (!iban_compact(t, made.text, &len)) {
        return mete_fail(err, METE_IBAN_INVALID, pointer,
                         "An IBAN has at most %d letters and digits, and single spaces between.",
                         IBAN_LEN_MAX);
    }
    enum mete_code code = iban_check(made.text, len, pointer, err);
    if (code == METE_OK) {
        *out = made;
    }
    return code;
}

enum mete_code iban_make(struct text country, struct text bban, struct iban *out,
                         struct mete_err *err)
{
    struct iban made;
    if (country.len != 2 || bban.len > IBAN_LEN_MAX - 4) {
        return mete_fail(err, METE_IBAN_INVALID, "", "Two letters, then at most %d characters.",
                         IBAN_LEN_MAX - 4);
    }
    memcpy(made.text, country.p, 2);
    memcpy(made.text + 2, "00", 2);
    if (bban.len > 0) {
        memcpy(made.text + 4, bban.p, bban.len);
    }
    size_t len = 4 + bban.len;
    made.text[len] = '\0';
    enum mete_code code = form_check(made.text, len, "", err);
    if (code != METE_OK) {
        return code;
    }
    unsigned digits = 98 - mod97(mod97(0, made.text + 4, bban.len), made.text, 4);
    made.text[2] = (char)('0' + digits / 10);
    made.text[3] = (char)('0' + digits % 10);
    *out = made;
    return METE_OK;
}

size_t iban_paper(const struct iban *iban, char out[IBAN_PAPER_MAX])
{
    size_t len = 0;
    for (size_t i = 0; iban->text[i] != '\0'; i++) {
        if (i > 0 && i % 4 == 0) {
            out[len++] = ' ';
        }
        out[len++] = iban->text[i];
    }
    out[len] = '\0';
    return len;
}

/* BICIdentifier: [A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})? */
static bool bic_fits(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_of_class(p[i], i < 6 ? 'a' : 'c')) {
            return false;
        }
    }
    return p[6] != '0' && p[6] != '1' && p[7] != 'O';
}

enum mete_code bic_parse(struct text t, const char *pointer, struct bic *out, struct mete_err *err)
{
    struct bic made = {{0}};
    if (t.len != 8 && t.len != BIC_LEN_MAX) {
        return mete_fail(err, METE_BIC_INVALID, pointer, "A BIC has 8 or 11 characters, not %zu.",
                         t.len);
    }
    for (size_t i = 0; i < t.len; i++) {
        made.text[i] = capital(t.p[i]);
    }
    if (!bic_fits(made.text, t.len)) {
        return mete_fail(err, METE_BIC_INVALID, pointer,
                         "A BIC is six letters (bank and country), then letters and digits.");
    }
    *out = made;
    return METE_OK;
}

static unsigned routing_sum(const char *p, size_t len)
{
    static const unsigned weight[3] = {3, 7, 1};
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += weight[i % 3] * (unsigned)(p[i] - '0');
    }
    return sum;
}

char routing_check_digit(const char *bank)
{
    return (char)('0' + (10 - routing_sum(bank, ROUTING_BANK_LEN) % 10) % 10);
}

enum mete_code routing_parse(struct text t, const char *pointer, struct routing *out,
                             struct mete_err *err)
{
    bool digits = t.len == ROUTING_LEN;
    for (size_t i = 0; digits && i < t.len; i++) {
        digits = is_digit(t.p[i]);
    }
    if (!digits || memcmp(t.p, "000000000", ROUTING_LEN) == 0) {
        return mete_fail(err, METE_ROUTING_INVALID, pointer, "A routing number is nine digits.");
    }
    if (routing_sum(t.p, ROUTING_LEN) % 10 != 0) {
        return mete_fail(err, METE_ROUTING_INVALID, pointer,
                         "The ninth digit is not the check digit of the eight before it.");
    }
    memcpy(out->text, t.p, ROUTING_LEN);
    out->text[ROUTING_LEN] = '\0';
    return METE_OK;
}
