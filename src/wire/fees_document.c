/* SPDX-License-Identifier: Apache-2.0
 * Fee schedules as they are written: {"effective_from"?, "fees": [...]}. What the numbers may be is
 * core's business (fee_schedule_check); here each member must be known, since a typo moves money.
 */
#include <string.h>

#include "base/limits.h"
#include "wire/document_parts.h"

static enum mete_code field_bps(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    (void)f;
    int64_t v = 0;
    enum mete_code code = form_integer(in, j, 0, 10000, &v);
    if (code == METE_NUMBER_RANGE) {
        return form_fail(in, j, METE_FEES_INVALID, "expected 0 to 10000 basis points");
    }
    if (code == METE_OK) {
        *(uint32_t *)out = (uint32_t)v;
    }
    return code;
}

static enum mete_code field_fixed(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    (void)f;
    struct fee *fee = out;
    fee->is_fixed = true;
    return form_money(in, j, true, &fee->fixed);
}

static const struct field child_fields[] = {
    {TEXT("label"), field_line, true, offsetof(struct fee_child, label), 1, LABEL_LEN_MAX, NULL},
    {TEXT("share_bps"), field_bps, true, offsetof(struct fee_child, share_bps), 0, 0, NULL},
    {TEXT("payee"), field_party, true, offsetof(struct fee_child, payee), 0, 0, NULL}};
FORM_STRICT(child_form, child_fields);

static enum mete_code field_children(const struct form_in *in, const struct field *f,
                                     const struct json *j, void *out)
{
    (void)f;
    struct fee *fee = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    fee->child = arena_array(in->arena, j->count, sizeof *fee->child);
    for (const struct json *c = j->child; c != NULL && code == METE_OK; c = c->next) {
        code = form_read(in, &child_form, c, &fee->child[fee->child_count++]);
    }
    return code;
}

static const struct field fee_fields[] = {
    {TEXT("label"), field_line, true, offsetof(struct fee, label), 1, LABEL_LEN_MAX, NULL},
    {TEXT("bps"), field_bps, false, offsetof(struct fee, bps), 0, 0, NULL},
    {TEXT("fixed"), field_fixed, false, 0, 0, 0, NULL},
    {TEXT("payee"), field_party, true, offsetof(struct fee, payee), 0, 0, NULL},
    {TEXT("children"), field_children, false, 0, 0, 0, NULL}};
FORM_STRICT(fee_form, fee_fields);

static enum mete_code fee_read(const struct form_in *in, const struct json *j, struct fee *fee)
{
    enum mete_code code = form_read(in, &fee_form, j, fee);
    if (code != METE_OK) {
        return code;
    }
    if ((json_get(j, "bps") != NULL) == fee->is_fixed) {
        return form_fail(in, j, METE_FEES_INVALID, "a fee has either bps or fixed");
    }
    return METE_OK;
}

static enum mete_code field_fees(const struct form_in *in, const struct field *f,
                                 const struct json *j, void *out)
{
    (void)f;
    struct fee_schedule *s = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    s->fee = arena_array(in->arena, j->count, sizeof *s->fee);
    for (const struct json *fee = j->child; fee != NULL && code == METE_OK; fee = fee->next) {
        code = fee_read(in, fee, &s->fee[s->fee_count++]);
    }
    return code;
}

/* When it begins to hold is read by whoever publishes the schedule. */
static enum mete_code field_effective(const struct form_in *in, const struct field *f,
                                      const struct json *j, void *out)
{
    struct when unused;
    (void)out;
    return field_when_start(in, f, j, &unused);
}

static const struct field schedule_fields[] = {
    {TEXT("effective_from"), field_effective, false, 0, 0, 0, NULL},
    {TEXT("fees"), field_fees, true, 0, 0, 0, NULL}};
FORM_STRICT(schedule_form, schedule_fields);

enum mete_code fees_document_read(struct arena *a, const struct json *payload, const char *at,
                                  struct fee_schedule *s, struct mete_err *err)
{
    const struct form_in in = {a, payload, at, err};
    memset(s, 0, sizeof *s);
    enum mete_code code = form_read(&in, &schedule_form, payload, s);
    if (code != METE_OK) {
        return code;
    }
    struct mete_err inner = {0};
    code = fee_schedule_check(s, &inner);
    if (code != METE_OK && err != NULL) {
        *err = inner;
        form_prefix(&in, inner.pointer);
    }
    return code;
}
