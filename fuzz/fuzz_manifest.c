/* SPDX-License-Identifier: Apache-2.0
 * Any JSON as a document: a manifest, a policy document, a fee schedule. What is read keeps the
 * bounds that core relies on; a manifest of 1.x that is signed then verifies. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const struct policy *p, const struct share *s)
{
    METE_ASSERT(s->entry_first + s->entry_count <= p->entry_count);
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const struct split_entry *e = &p->entry[s->entry_first + i];
        METE_ASSERT(e->from <= e->until && e->weight <= p->den);
        METE_ASSERT(p->condition_count == 64 || e->conditions >> p->condition_count == 0);
    }
}

static void check_policy(const struct policy *p)
{
    METE_ASSERT(p->id.len > 0 && p->id.len <= PARTY_ID_LEN_MAX && p->den > 0);
    METE_ASSERT(p->share_count <= SHARES_MAX && p->entry_count <= ENTRIES_MAX);
    METE_ASSERT(p->condition_count <= CONDITIONS_MAX && p->tier_count <= SHARES_MAX);
    METE_ASSERT(p->kind >= POLICY_WEIGHTS && p->kind <= POLICY_SINGLE);
    for (uint32_t i = 0; i < p->share_count; i++) {
        const struct share *s = &p->share[i];
        METE_ASSERT(s->payee.len > 0 && s->payee.len <= PARTY_ID_LEN_MAX && s->ratio.den > 0);
        METE_ASSERT(text_is_utf8(s->payee) && text_is_utf8(s->role));
        check_entries(p, s);
    }
    for (uint32_t i = 0; i < p->threshold_count; i++)
        METE_ASSERT(p->threshold[i].condition < p->condition_count);
    for (uint32_t i = 0; i < p->period_count; i++)
        METE_ASSERT(p->period[i].condition < p->condition_count);
}

static void check_signing(struct arena *a, struct json *doc)
{
    static const uint8_t seed[32] = {1};
    struct policy p;
    struct mete_err err = {0};
    if (manifest_sign(a, doc, seed, 0, &err) != METE_OK)
        return;
    METE_ASSERT(manifest_read(a, doc, "", &p, &err) == METE_OK && p.signature == 1);
}

static void check_refused(enum mete_code code, const struct mete_err *err)
{
    METE_ASSERT(code != METE_OK && err->code == code && err->text[0] != '\0');
    METE_ASSERT(text_starts(text_of(err->pointer), "/at") && text_is_utf8(text_of(err->pointer)));
}

static void check_document(struct arena *a, struct json *doc)
{
    struct policy p;
    struct fee_schedule fees;
    struct mete_err err = {0};
    (void)document_is_manifest(doc);
    METE_ASSERT(strlen(manifest_generation(doc)) >= 3);
    enum mete_code code = policy_document_read(a, doc, "/at", &p, &err);
    if (code == METE_OK)
        check_policy(&p);
    else
        check_refused(code, &err);
    code = fees_document_read(a, doc, "/at", &fees, &err);
    if (code == METE_OK)
        METE_ASSERT(fees.fee_count <= FEES_MAX);
    else
        check_refused(code, &err);
    code = manifest_read(a, doc, "/at", &p, &err);
    if (code != METE_OK) {
        check_refused(code, &err);
        return;
    }
    check_policy(&p);
    if (manifest_generation(doc)[0] == '1')
        check_signing(a, doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct json *doc = NULL;
    arena_init(&a, 4 * JSON_ARENA_MAX(size) + ((size_t)64 << 20));
    if (json_parse(&a, (struct text){(const char *)data, size}, &doc, NULL) == METE_OK)
        check_document(&a, doc);
    arena_clear(&a);
    return 0;
}
