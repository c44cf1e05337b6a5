/* SPDX-License-Identifier: Apache-2.0
 * The settings of the bank rail. */
#include "rails/settings.h"
#include "rails/secret_file.h"

#include "base/text.h"
#include "rails/bank/bank_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TOKEN_MAX     4096u
#define DAYS_MAX      30u
#define PRESUMED_DAYS 3u

static enum mete_code wanted(struct mete_err *err, const char *name, const char *what)
{
    return mete_fail(err, METE_USAGE, NULL, "[bank] %s: %s", name, what);
}

/** A copy of a setting; METE_USAGE when it is not set. */
static enum mete_code text_need(const struct rail_config *c, const char *name, char **out,
                                struct mete_err *err)
{
    const char *value = c->get(c->ctx, name);
    if (value == NULL || value[0] == '\0') {
        return wanted(err, name, "is not set");
    }
    *out = strdup(value);
    METE_ASSERT(*out != NULL);
    return METE_OK;
}

static enum mete_code days_read(const struct rail_config *c, const char *name, unsigned otherwise,
                                unsigned *out, struct mete_err *err)
{
    const char *value = c->get(c->ctx, name);
    unsigned v = 0;
    *out = otherwise;
    if (value == NULL) {
        return METE_OK;
    }
    for (const char *p = value; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || (v = v * 10 + (unsigned)(*p - '0')) > DAYS_MAX) {
            return wanted(err, name, "is a number of banking days, 0 to 30");
        }
    }
    *out = v;
    return value[0] != '\0' ? METE_OK : wanted(err, name, "is empty");
}

/** One of two words; the first when it is not set. */
static enum mete_code choice_read(const struct rail_config *c, const char *name,
                                  const char *const words[2], bool *second, struct mete_err *err)
{
    const char *value = c->get(c->ctx, name);
    *second = value != NULL && strcmp(value, words[1]) == 0;
    return *second || value == NULL || strcmp(value, words[0]) == 0
               ? METE_OK
               : mete_fail(err, METE_USAGE, NULL, "[bank] %s is %s or %s", name, words[0],
                           words[1]);
}

static enum mete_code format_read(struct bank_settings *s, const struct rail_config *c,
                                  struct mete_err *err)
{
    static const char *const names[] = {
        [BANK_PAIN001_03] = "pain.001.001.03",
        [BANK_PAIN001_09] = "pain.001.001.09",
        [BANK_NACHA] = "nacha",
    };
    const char *value = c->get(c->ctx, "format");
    s->format = BANK_PAIN001_09;
    for (size_t i = 0; value != NULL && i <= ARRAY_LEN(names); i++) {
        if (i == ARRAY_LEN(names)) {
            return wanted(err, "format", "is pain.001.001.09, pain.001.001.03 or nacha");
        }
        if (strcmp(value, names[i]) == 0) {
            s->format = (enum bank_format)i;
            break;
        }
    }
    return METE_OK;
}

static enum mete_code iban_settings_read(struct bank_settings *s, const struct rail_config *c,
                                         struct mete_err *err)
{
    static const char *const schemes[2] = {"sepa", "other"};
    static const char *const letters[2] = {"basic", "unicode"};
    const char *iban = c->get(c->ctx, "iban");
    const char *bic = c->get(c->ctx, "bic");
    bool other = false;
    enum mete_code code = choice_read(c, "scheme", schemes, &other, err);
    s->sepa = !other;
    code = code == METE_OK ? choice_read(c, "letters", letters, &s->unicode, err) : code;
    code = code == METE_OK ? text_need(c, "debtor", &s->debtor, err) : code;
    if (code == METE_OK && iban == NULL) {
        return wanted(err, "iban", "is not set: the account that pays");
    }
    if (code == METE_OK && iban_parse(text_of(iban), "", &s->iban, NULL) != METE_OK) {
        return wanted(err, "iban", "is not an IBAN");
    }
    if (code == METE_OK && bic != NULL && bic_parse(text_of(bic), "", &s->bic, NULL) != METE_OK) {
        return wanted(err, "bic", "is not a BIC: 8 or 11 characters");
    }
    return code;
}

static enum mete_code ach_settings_read(struct bank_settings *s, const struct rail_config *c,
                                        struct mete_err *err)
{
    static const char *const classes[2] = {"ppd", "ccd"};
    static const char *const ends[2] = {"lf", "crlf"};
    const char *routing = c->get(c->ctx, "routing");
    enum mete_code code = choice_read(c, "class", classes, &s->business, err);
    code = code == METE_OK ? choice_read(c, "line_end", ends, &s->crlf, err) : code;
    code = code == METE_OK ? text_need(c, "debtor", &s->debtor, err) : code;
    code = code == METE_OK ? text_need(c, "company_id", &s->company_id, err) : code;
    code = code == METE_OK ? text_need(c, "origin", &s->origin, err) : code;
    code = code == METE_OK ? text_need(c, "bank_name", &s->destination_name, err) : code;
    code = code == METE_OK ? days_read(c, "presumed_days", PRESUMED_DAYS, &s->presumed, err) : code;
    if (code != METE_OK) {
        return code;
    }
    return routing != NULL && routing_parse(text_of(routing), "", &s->destination, NULL) == METE_OK
               ? METE_OK
               : wanted(err, "routing", "is the routing number of the bank: nine digits");
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *copy(const char *text)
{
    char *out = strdup(text);
    METE_ASSERT(out != NULL);
    return out;
}

static enum mete_code folder_read(struct rail *r, const char *folder, struct mete_err *err)
{
    struct buf marks = {0};
    if (!is_folder(folder)) {
        return wanted(err, "folder", "there is no such folder");
    }
    r->folder = copy(folder);
    buf_printf(&marks, "%s/.mete-sent", folder);
    buf_put_u8(&marks, '\0');
    r->marks = copy((const char *)marks.p);
    buf_clear(&marks);
    return METE_OK;
}

static enum mete_code url_settings_read(struct rail *r, const struct rail_config *c,
                                        const char *url, struct mete_err *err)
{
    const char *token = c->get(c->ctx, "token_file");
    const char *marks = c->get(c->ctx, "marks");
    struct secret_file secret = {0};
    struct mete_err wrong;
    if (rail_url_check("[bank] url", url, err) != METE_OK) {
        return METE_USAGE;
    }
    r->url = rail_url_base(url);
    if (token != NULL && secret_file_line(&secret, token, TOKEN_MAX, &wrong) != METE_OK) {
        return wanted(err, "token_file", wrong.text);
    }
    r->token = secret.text;
    if (r->s.format != BANK_NACHA) {
        return METE_OK;
    }
    if (marks == NULL || !is_folder(marks) || !bank_marks_make(marks)) {
        return wanted(
            err, "marks",
            "nacha by url wants a folder of all workers' that remembers what was put out: "
            "banks do not know such a file again");
    }
    r->marks = copy(marks);
    return METE_OK;
}

static enum mete_code place_read(struct rail *r, const struct rail_config *c, struct mete_err *err)
{
    const char *folder = c->get(c->ctx, "folder");
    const char *url = c->get(c->ctx, "url");
    if ((folder != NULL) == (url != NULL)) {
        return wanted(err, "folder", "either folder or url says where files are put");
    }
    return folder != NULL ? folder_read(r, folder, err) : url_settings_read(r, c, url, err);
}

enum mete_code bank_settings_read(struct rail *r, const struct rail_config *c, struct mete_err *err)
{
    struct bank_settings *s = &r->s;
    enum mete_code code = format_read(s, c, err);
    code = code == METE_OK ? days_read(c, "execution_days", 1, &s->days, err) : code;
    if (code == METE_OK) {
        code =
            s->format == BANK_NACHA ? ach_settings_read(s, c, err) : iban_settings_read(s, c, err);
    }
    return code == METE_OK ? place_read(r, c, err) : code;
}
