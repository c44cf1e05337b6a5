/* SPDX-License-Identifier: Apache-2.0
 * .fair manifests of every generation, normalised to a policy of weights:
 *   0.1, 0.2   contributors[].actor {id, name} or {ref: another manifest}, weight, temporal_splits
 *   0.3        contributors[].id flat;  0.2.0: runtime modules;  0.4.0: attestations, cid: ids
 *   1.0, 1.1   attribution[] {did, role, share}
 * An entry is read by its own shape, so mixed documents work; the generation decides the sum rule.
 * Manifests may carry anything: other members are kept in the log and have no effect. That includes
 * pricing, fees, distribution and settlement: mete takes the book's fee schedule. Title, dates and
 * the like are not demanded, since published manifests leave them out.
 * Source: .fair SPEC 0.1 to 0.4, the imajin-ai format 1.0 and 1.1. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/document_parts.h"

static const struct json *present(const struct json *obj, const char *name)
{
    const struct json *j = json_get(obj, name);
    return j != NULL && j->type != JSON_NULL ? j : NULL;
}

static bool member_is(const struct json *obj, const char *name, const char *value)
{
    const struct json *j = json_get(obj, name);
    return j != NULL && j->type == JSON_STRING && text_is(j->text, value);
}

static bool member_starts(const struct json *obj, const char *name, const char *prefix)
{
    const struct json *j = json_get(obj, name);
    return j != NULL && j->type == JSON_STRING && text_starts(j->text, prefix);
}

static bool any_entry_has(const struct json *list, const char *name)
{
    if (list == NULL || list->type != JSON_ARRAY) {
        return false;
    }
    for (const struct json *e = list->child; e != NULL; e = e->next) {
        if (present(e, name) != NULL) {
            return true;
        }
    }
    return false;
}

const char *manifest_generation_at(size_t i)
{
    static const char *const all[] = {"0.1", "0.2", "0.2.0", "0.3", "0.4.0", "1.0", "1.1"};
    return i < ARRAY_LEN(all) ? all[i] : NULL;
}

const char *manifest_generation(const struct json *doc)
{
    const struct json *contributors = json_get(doc, "contributors");
    if (member_is(doc, "fair", "1.1")) {
        return "1.1";
    }
    if (member_is(doc, "fair", "1.0") || contributors == NULL) {
        return "1.0";
    }
    if (any_entry_has(contributors, "attestation") || present(doc, "contentChain") != NULL ||
        member_starts(doc, "id", "cid:") || member_starts(doc, "version", "0.4")) {
        return "0.4.0";
    }
    if (member_is(doc, "type", "runtime-module")) {
        return "0.2.0";
    }
    if (!any_entry_has(contributors, "actor")) {
        return "0.3";
    }
    if (any_entry_has(contributors, "temporal_splits") || present(doc, "metadata") != NULL ||
        present(doc, "updated_at") != NULL) {
        return "0.2";
    }
    return "0.1";
}

/* One contributor. Nulls count as absent: their writers leave them behind. */

#define SHARE_AT(member) offsetof(struct share, member)

static enum mete_code set_payee(const struct form_in *in, const struct json *j, bool is_policy,
                                struct share *s)
{
    if (s->payee.len > 0) {
        return form_fail(in, j, METE_MEMBER_VALUE,
                         "an entry names its payee once: by id, by ref or by did");
    }
    s->is_policy = is_policy;
    return is_policy ? form_id(in, j, &s->payee) : form_party(in, j, &s->payee);
}

static enum mete_code field_payee(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    return set_payee(in, j, false, out);
}

/* The payee is another manifest, whose own policy splits the share again. */
static enum mete_code field_ref(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    return set_payee(in, j, true, out);
}

static const struct field actor_fields[] = {{TEXT("id"), field_payee, false, 0, 0, 0, NULL},
                                            {TEXT("ref"), field_ref, false, 0, 0, 0, NULL}};
static const struct form actor_form = {actor_fields, ARRAY_LEN(actor_fields), false, true};

/* 0.4: a share counts only when its subject has signed too; until then it is held. What the two
 * signatures cover is not specified, so their presence is what is looked at. */
static enum mete_code field_attestation(const struct form_in *in, const struct field *f,
                                        const struct json *j, void *out)
{
    (void)f;
    struct share *s = out;
    enum mete_code code = form_type(in, j, JSON_OBJECT);
    const struct json *signature = json_get(j, "subjectSignature");
    s->held = signature == NULL || signature->type != JSON_STRING || signature->text.len == 0;
    return code;
}

static const struct field contributor_fields[] = {
    {TEXT("actor"), field_form, false, 0, 0, 0, &actor_form},
    {TEXT("id"), field_payee, false, 0, 0, 0, NULL},
    {TEXT("role"), field_line, false, SHARE_AT(role), 0, LABEL_LEN_MAX, NULL},
    {TEXT("weight"), field_ratio, false, SHARE_AT(ratio), 0, 0, NULL},
    {TEXT("attestation"), field_attestation, false, 0, 0, 0, NULL}};
static const struct form contributor_form = {contributor_fields, ARRAY_LEN(contributor_fields),
                                             false, true};

static const struct field attribution_fields[] = {
    {TEXT("did"), field_payee, true, 0, 0, 0, NULL},
    {TEXT("role"), field_line, false, SHARE_AT(role), 0, LABEL_LEN_MAX, NULL},
    {TEXT("share"), field_ratio, true, SHARE_AT(ratio), 0, 0, NULL},
    {TEXT("attestation"), field_attestation, false, 0, 0, 0, NULL}};
static const struct form attribution_form = {attribution_fields, ARRAY_LEN(attribution_fields),
                                             false, true};

static enum mete_code shares_read(const struct form_in *in, const struct json *list,
                                  const struct form *form, struct policy *p)
{
    enum mete_code code = form_type(in, list, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    p->share = arena_array(in->arena, list->count, sizeof *p->share);
    for (const struct json *e = list->child; e != NULL && code == METE_OK; e = e->next) {
        struct share *s = &p->share[p->share_count++];
        s->ratio = (struct ratio){0, 1};
        code = form_read(in, form, e, s);
        if (code == METE_OK && s->payee.len == 0) {
            const struct json *actor = present(e, "actor");
            code = form_missing(in, actor != NULL ? actor : e, TEXT("id"));
        }
    }
    return code;
}

/* The document. Who owns it is for display and federation: free text there is no reason to refuse.
 */

static enum mete_code field_owner(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)in;
    (void)f;
    if (j->type == JSON_STRING && party_judge(j->text) == METE_OK) {
        *(struct text *)out = j->text;
    }
    return METE_OK;
}

static const struct field document_fields[] = {
    {TEXT("id"), field_id, true, offsetof(struct policy, id), 0, 0, NULL},
    {TEXT("title"), field_shown, false, offsetof(struct policy, title), 0, LABEL_LEN_MAX, NULL},
    {TEXT("created_by"), field_owner, false, offsetof(struct policy, owner), 0, 0, NULL},
    {TEXT("owner"), field_owner, false, offsetof(struct policy, owner), 0, 0, NULL}};
static const struct form document_form = {document_fields, ARRAY_LEN(document_fields), false, true};

static enum mete_code check_version(const struct form_in *in)
{
    const struct json *fair = present(in->root, "fair");
    if (fair == NULL || member_is(in->root, "fair", "1.0") || member_is(in->root, "fair", "1.1")) {
        return METE_OK;
    }
    if (fair->type != JSON_STRING) {
        return form_type(in, fair, JSON_STRING);
    }
    if (text_starts(fair->text, "0.") && present(in->root, "contributors") != NULL) {
        return METE_OK;
    }
    return form_fail(in, fair, METE_SCHEMA_VERSION, "this version reads .fair 0.1 to 1.1");
}

static enum mete_code read_entries(const struct form_in *in, const char *generation,
                                   struct policy *p)
{
    if (generation[0] == '0') {
        const struct json *list = json_get(in->root, "contributors");
        p->sum_rule = SUM_AT_MOST_ONE;
        enum mete_code code = shares_read(in, list, &contributor_form, p);
        return code != METE_OK ? code : manifest_conditions(in, list, p);
    }
    const struct json *list = present(in->root, "attribution");
    p->sum_rule = strcmp(generation, "1.1") == 0 ? SUM_ONE_MILLIONTH : SUM_AT_MOST_1_0001;
    if (list == NULL) {
        return form_missing(in, in->root,
                            present(in->root, "fair") != NULL ? TEXT("attribution")
                                                              : TEXT("contributors"));
    }
    return shares_read(in, list, &attribution_form, p);
}

/* policy_compile speaks of /shares/2/weight; the writer of a manifest calls it otherwise. */
static void pointer_translate(struct mete_err *err, const char *at, bool attribution)
{
    size_t len = strlen(at);
    const char *rest = err->pointer + len;
    if (strncmp(rest, "/shares", 7) != 0) {
        return;
    }
    char pointer[2 * sizeof err->pointer];
    char index[24] = "";
    size_t digits = rest[7] == '/' ? strspn(rest + 8, "0123456789") : 0;
    if (digits > 0 && digits < sizeof index - 1) {
        snprintf(index, sizeof index, "/%.*s", (int)digits, rest + 8);
    }
    const char *tail = rest + 7 + strlen(index);
    if (attribution && strcmp(tail, "/weight") == 0) {
        tail = "/share";
    }
    snprintf(pointer, sizeof pointer, "%s/%s%s%.100s", at,
             attribution ? "attribution" : "contributors", index, tail);
    mete_err_place(err, pointer);
}

enum mete_code manifest_read_as(struct arena *a, const struct json *doc, const char *at,
                                bool stored, struct policy *p, struct mete_err *err)
{
    const struct form_in in = {a, doc, at, err};
    memset(p, 0, sizeof *p);
    p->kind = POLICY_WEIGHTS;
    p->rounding = ROUNDING_LARGEST;
    p->den = 1;
    enum mete_code code = form_read(&in, &document_form, doc, p);
    if (code == METE_OK) {
        code = check_version(&in);
    }
    if (code != METE_OK) {
        return code;
    }
    const char *generation = manifest_generation(doc);
    bool attribution = generation[0] == '1';
    code = read_entries(&in, generation, p);
    if (code == METE_OK && attribution) {
        code = manifest_signature(&in, stored, &p->signature);
    }
    if (code != METE_OK) {
        return code;
    }
    code = document_finish(&in, p);
    if (code != METE_OK && err != NULL) {
        pointer_translate(err, at, attribution);
    }
    return code;
}

enum mete_code manifest_read(struct arena *a, const struct json *doc, const char *at,
                             struct policy *p, struct mete_err *err)
{
    return manifest_read_as(a, doc, at, false, p, err);
}
