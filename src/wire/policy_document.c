/* SPDX-License-Identifier: Apache-2.0
 * Policy documents of mete's own: roles, usage, weights, single. One table a kind, so that a member
 * of another kind is as unknown as a misspelt one. How many shares there may be is policy_compile's
 * business. Manifests are read by manifest.c. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/document_parts.h"

enum mete_code document_hash(const struct json *doc, struct hash *out, struct mete_err *err)
{
    struct buf canonical = {0};
    enum mete_code code = json_canonical(doc, &canonical, err);
    if (code == METE_OK) {
        *out = sha256(buf_bytes(&canonical));
    }
    buf_clear(&canonical);
    return code;
}

enum mete_code document_finish(const struct form_in *in, struct policy *p)
{
    struct mete_err inner = {0};
    enum mete_code code = document_hash(in->root, &p->hash, &inner);
    if (code == METE_OK) {
        code = policy_compile(in->arena, p, &inner);
    }
    if (code != METE_OK && in->err != NULL) {
        *in->err = inner;
        form_prefix(in, inner.pointer);
    }
    return code;
}

bool document_is_manifest(const struct json *doc)
{
    return json_get(doc, "kind") == NULL &&
           (json_get(doc, "contributors") != NULL || json_get(doc, "attribution") != NULL ||
            json_get(doc, "fair") != NULL);
}

#define AT(member) offsetof(struct policy, member)

static enum mete_code field_rounding(const struct form_in *in, const struct field *f,
                                     const struct json *j, void *out)
{
    struct text name;
    enum mete_code code = field_choice(in, f, j, &name);
    if (code != METE_OK) {
        return code;
    }
    *(enum rounding *)out = text_is(name, "author")  ? ROUNDING_AUTHOR
                            : text_is(name, "carry") ? ROUNDING_CARRY
                                                     : ROUNDING_LARGEST;
    return METE_OK;
}

static const char *const roundings[] = {"largest", "carry", NULL};
static const char *const roles_roundings[] = {"author", NULL};

/* `kind` has been read when its table was chosen. */
#define COMMON_FIELDS(roundings)                                                                   \
    {TEXT("id"), field_id, true, AT(id), 0, 0, NULL}, {TEXT("kind"), NULL, true, 0, 0, 0, NULL},   \
        {TEXT("title"), field_line, false, AT(title), 0, LABEL_LEN_MAX, NULL},                     \
    {                                                                                              \
        TEXT("rounding"), field_rounding, false, AT(rounding), 0, 0, roundings                     \
    }

/* roles */

static enum mete_code role_read(const struct form_in *in, const struct json *j,
                                struct role_share *role)
{
    int64_t bps = 0;
    if (j->key.len == 0 || j->key.len > LABEL_LEN_MAX || !text_is_line(j->key)) {
        return form_fail(in, j, METE_TEXT_LENGTH, "a role has 1 to %d printable bytes",
                         LABEL_LEN_MAX);
    }
    enum mete_code code = form_integer(in, j, 0, 10000, &bps);
    if (code == METE_NUMBER_RANGE) {
        return form_fail(in, j, METE_WEIGHT_INVALID, "expected 0 to 10000 basis points");
    }
    role->role = j->key;
    role->bps = (uint32_t)bps;
    return code;
}

static enum mete_code field_roles(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    struct policy *p = out;
    enum mete_code code = form_type(in, j, JSON_OBJECT);
    if (code != METE_OK) {
        return code;
    }
    p->role = arena_array(in->arena, j->count, sizeof *p->role);
    for (const struct json *m = j->child; m != NULL && code == METE_OK; m = m->next) {
        code = role_read(in, m, &p->role[p->role_count++]);
    }
    return code;
}

static const struct field roles_fields[] = {COMMON_FIELDS(roles_roundings),
                                            {TEXT("shares_bps"), field_roles, true, 0, 0, 0, NULL}};
FORM_STRICT(roles_form, roles_fields);

/* usage */

static enum mete_code tier_read(const struct form_in *in, const struct json *j, struct tier *tier)
{
    enum mete_code code = party_judge(j->key);
    if (code != METE_OK) {
        return form_fail(in, j, code, "a tier is named after a provider's party id");
    }
    tier->provider = j->key;
    return form_ratio(in, j, &tier->factor);
}

static enum mete_code field_tiers(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    struct policy *p = out;
    enum mete_code code = form_type(in, j, JSON_OBJECT);
    if (code != METE_OK) {
        return code;
    }
    p->tier = arena_array(in->arena, j->count, sizeof *p->tier);
    for (const struct json *m = j->child; m != NULL && code == METE_OK; m = m->next) {
        code = tier_read(in, m, &p->tier[p->tier_count++]);
    }
    return code;
}

static const struct field usage_fields[] = {
    COMMON_FIELDS(roundings),
    {TEXT("calls_weight"), field_ratio, false, AT(calls_weight), 0, 0, NULL},
    {TEXT("kib_weight"), field_ratio, false, AT(kib_weight), 0, 0, NULL},
    {TEXT("tiers"), field_tiers, false, 0, 0, 0, NULL}};
FORM_STRICT(usage_form, usage_fields);

/* weights */

static enum mete_code field_nested(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    (void)f;
    struct share *s = out;
    if (s->payee.len > 0) {
        return form_fail(in, j, METE_MEMBER_VALUE, "a share has either a party or a policy");
    }
    s->is_policy = true;
    return form_id(in, j, &s->payee);
}

static const struct field share_fields[] = {
    {TEXT("party"), field_party, false, offsetof(struct share, payee), 0, 0, NULL},
    {TEXT("policy"), field_nested, false, 0, 0, 0, NULL},
    {TEXT("weight"), field_ratio, true, offsetof(struct share, ratio), 0, 0, NULL},
    {TEXT("role"), field_line, false, offsetof(struct share, role), 0, LABEL_LEN_MAX, NULL}};
FORM_STRICT(share_form, share_fields);

static enum mete_code field_shares(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    (void)f;
    struct policy *p = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    p->share = arena_array(in->arena, j->count, sizeof *p->share);
    for (const struct json *e = j->child; e != NULL && code == METE_OK; e = e->next) {
        struct share *s = &p->share[p->share_count++];
        code = form_read(in, &share_form, e, s);
        if (code == METE_OK && s->payee.len == 0) {
            code = form_missing(in, e, TEXT("party"));
        }
    }
    return code;
}

static const struct field weights_fields[] = {COMMON_FIELDS(roundings),
                                              {TEXT("shares"), field_shares, true, 0, 0, 0, NULL}};
FORM_STRICT(weights_form, weights_fields);

/* single */

static enum mete_code field_single(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    (void)f;
    struct policy *p = out;
    p->share = arena_array(in->arena, 1, sizeof *p->share);
    p->share_count = 1;
    p->share->ratio = (struct ratio){1, 1};
    return form_party(in, j, &p->share->payee);
}

static const struct field single_fields[] = {COMMON_FIELDS(roundings),
                                             {TEXT("party"), field_single, true, 0, 0, 0, NULL}};
FORM_STRICT(single_form, single_fields);

static const struct {
    const char *name;
    enum policy_kind kind;
    enum rounding rounding;
    const struct form *form;
} kinds[] = {{"roles", POLICY_ROLES, ROUNDING_AUTHOR, &roles_form},
             {"usage", POLICY_USAGE, ROUNDING_LARGEST, &usage_form},
             {"weights", POLICY_WEIGHTS, ROUNDING_LARGEST, &weights_form},
             {"single", POLICY_SINGLE, ROUNDING_LARGEST, &single_form}};

static enum mete_code choose_kind(const struct form_in *in, struct policy *p,
                                  const struct form **form)
{
    enum mete_code code = form_type(in, in->root, JSON_OBJECT);
    if (code != METE_OK) {
        return code;
    }
    const struct json *kind = json_get(in->root, "kind");
    if (kind == NULL) {
        return form_missing(in, in->root, TEXT("kind"));
    }
    code = form_type(in, kind, JSON_STRING);
    if (code != METE_OK) {
        return code;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (text_is(kind->text, kinds[i].name)) {
            p->kind = kinds[i].kind;
            p->rounding = kinds[i].rounding;
            *form = kinds[i].form;
            return METE_OK;
        }
    }
    if (text_is(kind->text, "contract")) {
        return form_fail(in, kind, METE_POLICY_KIND,
                         "a contract is made of campaign.* events; nobody writes one");
    }
    return form_fail(in, kind, METE_MEMBER_VALUE, "expected roles, usage, weights or single");
}

enum mete_code policy_document_read(struct arena *a, const struct json *doc, const char *at,
                                    struct policy *p, struct mete_err *err)
{
    const struct form_in in = {a, doc, at, err};
    const struct form *form = NULL;
    memset(p, 0, sizeof *p);
    p->sum_rule = SUM_AT_MOST_ONE;
    p->den = 1;
    p->calls_weight = (struct ratio){1, 1};
    p->kib_weight = (struct ratio){0, 1};
    enum mete_code code = choose_kind(&in, p, &form);
    if (code == METE_OK) {
        code = form_read(&in, form, doc, p);
    }
    return code == METE_OK ? document_finish(&in, p) : code;
}
