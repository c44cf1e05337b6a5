/* SPDX-License-Identifier: Apache-2.0
 * What makes the weights of a 0.x manifest change: temporal_splits, and the metadata from which
 * conditions are computed. Which of them holds at a moment is core's business.
 * Source: .fair 0.2, "Temporal splits"; spec "Policies". */
#include <string.h>

#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/document_parts.h"

/* Conditions are numbered in the order in which the document first names them. */
static enum mete_code condition_number(const struct form_in *in, const struct json *place,
                                       struct text name, struct policy *p, uint32_t *number)
{
    for (uint32_t i = 0; i < p->condition_count; i++) {
        if (text_eq(p->condition[i], name)) {
            *number = i;
            return METE_OK;
        }
    }
    if (p->condition_count == CONDITIONS_MAX) {
        return form_fail(in, place, METE_SHARES_LIMIT, "a policy has at most %d conditions",
                         CONDITIONS_MAX);
    }
    p->condition[p->condition_count] = name;
    *number = p->condition_count++;
    return METE_OK;
}

/* temporal_splits */

static enum mete_code field_version(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    int64_t v = 0;
    enum mete_code code = form_integer(in, j, f->min, f->max, &v);
    if (code == METE_OK) {
        *(uint32_t *)out = (uint32_t)v;
    }
    return code;
}

/* A bound of a window: a day alone is its first or, with `min` set, its last microsecond. */
static enum mete_code field_bound(const struct form_in *in, const struct field *f,
                                  const struct json *j, void *out)
{
    return form_time(in, j, true, f->min != 0, out);
}

#define ENTRY_AT(member) offsetof(struct split_entry, member)

static const struct field entry_fields[] = {
    {TEXT("version"), field_version, true, ENTRY_AT(version), 0, UINT32_MAX, NULL},
    {TEXT("effective_from"), field_bound, false, ENTRY_AT(from), 0, 0, NULL},
    {TEXT("effective_until"), field_bound, false, ENTRY_AT(until), 1, 0, NULL},
    {TEXT("conditions"), NULL, false, 0, 0, 0, NULL},
    {TEXT("description"), field_shown, false, ENTRY_AT(description), 0, 5 * LABEL_LEN_MAX, NULL},
    {TEXT("weight"), field_ratio, true, ENTRY_AT(ratio), 0, 0, NULL}};
static const struct form entry_form = {entry_fields, ARRAY_LEN(entry_fields), false, true};

static enum mete_code entry_conditions(const struct form_in *in, const struct json *list,
                                       struct policy *p, struct split_entry *entry)
{
    if (list == NULL || list->type == JSON_NULL) {
        return METE_OK;
    }
    enum mete_code code = form_type(in, list, JSON_ARRAY);
    if (code == METE_OK && list->count > CONDITIONS_MAX) {
        return form_fail(in, list, METE_SHARES_LIMIT, "at most %d conditions", CONDITIONS_MAX);
    }
    if (code != METE_OK) {
        return code;
    }
    for (const struct json *c = list->child; c != NULL && code == METE_OK; c = c->next) {
        struct text name;
        uint32_t number = 0;
        code = form_line(in, c, 1, LABEL_LEN_MAX, &name);
        if (code == METE_OK) {
            code = condition_number(in, c, name, p, &number);
        }
        entry->conditions |= UINT64_C(1) << number;
    }
    return code;
}

static enum mete_code entry_read(const struct form_in *in, const struct json *j, struct policy *p,
                                 struct split_entry *entry)
{
    entry->from = TIME_ALWAYS;
    entry->until = TIME_NEVER;
    enum mete_code code = form_read(in, &entry_form, j, entry);
    if (code != METE_OK) {
        return code;
    }
    if (entry->until < entry->from) {
        return form_fail(in, json_get(j, "effective_until"), METE_TIME_ORDER,
                         "this is before effective_from");
    }
    return entry_conditions(in, json_get(j, "conditions"), p, entry);
}

static const struct json *splits_of(const struct json *contributor)
{
    const struct json *splits = json_get(contributor, "temporal_splits");
    return splits != NULL && splits->type != JSON_NULL ? splits : NULL;
}

/* Room for all entries, or an error. */
static enum mete_code entries_begin(const struct form_in *in, const struct json *contributors,
                                    struct policy *p)
{
    size_t count = 0;
    for (const struct json *c = contributors->child; c != NULL; c = c->next) {
        const struct json *splits = splits_of(c);
        if (splits == NULL) {
            continue;
        }
        enum mete_code code = form_type(in, splits, JSON_ARRAY);
        if (code != METE_OK) {
            return code;
        }
        count += splits->count;
    }
    p->entry = arena_array(in->arena, count, sizeof *p->entry);
    return METE_OK;
}

static enum mete_code entries_read(const struct form_in *in, const struct json *contributors,
                                   struct policy *p)
{
    enum mete_code code = entries_begin(in, contributors, p);
    struct share *s = p->share;
    for (const struct json *c = contributors->child; c != NULL && code == METE_OK; c = c->next) {
        const struct json *splits = splits_of(c);
        s->entry_first = p->entry_count;
        if (splits != NULL) {
            for (const struct json *e = splits->child; e != NULL && code == METE_OK; e = e->next) {
                code = entry_read(in, e, p, &p->entry[p->entry_count++]);
            }
        }
        s->entry_count = p->entry_count - s->entry_first;
        s++;
    }
    return code;
}

/* metadata */

static enum mete_code recoup_read(const struct form_in *in, const struct json *metadata,
                                  struct policy *p)
{
    const struct json *j = json_get(metadata, "recoup_threshold");
    if (j == NULL || j->type == JSON_NULL) {
        return METE_OK;
    }
    p->has_recoup = true;
    return form_money(in, j, false, &p->recoup_money);
}

/* "< 500", ">=500" */
static bool comparison_parse(struct text t, struct threshold *out)
{
    static const struct {
        const char *sign;
        enum threshold_op op;
    } signs[] = {
        {"<=", THRESHOLD_LE}, {">=", THRESHOLD_GE}, {"<", THRESHOLD_LT}, {">", THRESHOLD_GT}};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (!text_starts(t, signs[i].sign)) {
            continue;
        }
        size_t at = strlen(signs[i].sign);
        while (at < t.len && t.p[at] == ' ') {
            at++;
        }
        u128 quantity = 0;
        if (!u128_parse((struct text){t.p + at, t.len - at}, &quantity) ||
            quantity > (u128)FORM_INTEGER_MAX) {
            return false;
        }
        out->op = signs[i].op;
        out->quantity = (uint64_t)quantity;
        return true;
    }
    return false;
}

struct threshold_text {
    struct text name;
    struct text comparison;
};

static const struct field threshold_fields[] = {
    {TEXT("name"), field_line, true, offsetof(struct threshold_text, name), 1, LABEL_LEN_MAX, NULL},
    {TEXT("condition"), field_line, true, offsetof(struct threshold_text, comparison), 1,
     LABEL_LEN_MAX, NULL}};
FORM(threshold_form, threshold_fields);

static enum mete_code threshold_read(const struct form_in *in, const struct json *j,
                                     struct policy *p, struct threshold *out)
{
    struct threshold_text t = {0};
    enum mete_code code = form_read(in, &threshold_form, j, &t);
    if (code != METE_OK) {
        return code;
    }
    if (!comparison_parse(t.comparison, out)) {
        return form_fail(in, json_get(j, "condition"), METE_MEMBER_VALUE,
                         "expected a comparison such as \"< 500\" or \">= 500\"");
    }
    return condition_number(in, j, t.name, p, &out->condition);
}

static enum mete_code thresholds_read(const struct form_in *in, const struct json *metadata,
                                      struct policy *p)
{
    const struct json *list = json_get(metadata, "ticket_thresholds");
    if (list == NULL || list->type == JSON_NULL) {
        return METE_OK;
    }
    enum mete_code code = form_type(in, list, JSON_ARRAY);
    if (code == METE_OK && list->count > CONDITIONS_MAX) {
        return form_fail(in, list, METE_SHARES_LIMIT, "at most %d thresholds", CONDITIONS_MAX);
    }
    if (code != METE_OK) {
        return code;
    }
    p->threshold = arena_array(in->arena, list->count, sizeof *p->threshold);
    for (const struct json *j = list->child; j != NULL && code == METE_OK; j = j->next) {
        code = threshold_read(in, j, p, &p->threshold[p->threshold_count++]);
    }
    return code;
}

static const struct field period_fields[] = {
    {TEXT("start"), field_bound, false, offsetof(struct sales_period, from), 0, 0, NULL},
    {TEXT("end"), field_bound, false, offsetof(struct sales_period, until), 1, 0, NULL}};
static const struct form period_form = {period_fields, ARRAY_LEN(period_fields), false, true};

/* early_bird -> early-bird */
static struct text hyphenated(struct arena *a, struct text name)
{
    char *p = arena_alloc(a, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        p[i] = name.p[i] == '_' ? '-' : name.p[i];
    }
    return (struct text){p, name.len};
}

static enum mete_code period_add(const struct form_in *in, const struct json *j, struct text name,
                                 struct policy *p, struct sales_period period)
{
    enum mete_code code = condition_number(in, j, name, p, &period.condition);
    if (code == METE_OK) {
        p->period[p->period_count++] = period;
    }
    return code;
}

/* "standard" is what the splits of the same manifests call "standard-sales". */
static enum mete_code period_read(const struct form_in *in, const struct json *j, struct policy *p)
{
    struct sales_period period = {.from = TIME_ALWAYS, .until = TIME_NEVER};
    if (j->key.len == 0 || j->key.len > LABEL_LEN_MAX || !text_is_line(j->key)) {
        return form_fail(in, j, METE_TEXT_LENGTH, "a period's name has 1 to %d printable bytes",
                         LABEL_LEN_MAX);
    }
    enum mete_code code = form_read(in, &period_form, j, &period);
    if (code != METE_OK) {
        return code;
    }
    if (period.until < period.from) {
        return form_fail(in, json_get(j, "end"), METE_TIME_ORDER, "this is before the start");
    }
    struct text name = hyphenated(in->arena, j->key);
    code = period_add(in, j, name, p, period);
    if (code == METE_OK && text_is(name, "standard")) {
        code = period_add(in, j, TEXT("standard-sales"), p, period);
    }
    return code;
}

static enum mete_code periods_read(const struct form_in *in, const struct json *metadata,
                                   struct policy *p)
{
    const struct json *periods = json_get(metadata, "ticket_sales_periods");
    if (periods == NULL || periods->type == JSON_NULL) {
        return METE_OK;
    }
    enum mete_code code = form_type(in, periods, JSON_OBJECT);
    if (code == METE_OK && periods->count > CONDITIONS_MAX) {
        return form_fail(in, periods, METE_SHARES_LIMIT, "at most %d periods", CONDITIONS_MAX);
    }
    if (code != METE_OK) {
        return code;
    }
    p->period = arena_array(in->arena, periods->count + 1, sizeof *p->period);
    for (const struct json *j = periods->child; j != NULL && code == METE_OK; j = j->next) {
        code = period_read(in, j, p);
    }
    return code;
}

static enum mete_code default_read(const struct form_in *in, const struct json *metadata,
                                   struct policy *p)
{
    const struct json *j = json_get(metadata, "default_condition");
    if (j == NULL || j->type == JSON_NULL) {
        return METE_OK;
    }
    return form_line(in, j, 1, LABEL_LEN_MAX, &p->default_condition);
}

enum mete_code manifest_conditions(const struct form_in *in, const struct json *contributors,
                                   struct policy *p)
{
    static enum mete_code (*const readers[])(const struct form_in *, const struct json *,
                                             struct policy *) = {recoup_read, thresholds_read,
                                                                 periods_read, default_read};
    p->condition = arena_array(in->arena, CONDITIONS_MAX, sizeof *p->condition);
    enum mete_code code = entries_read(in, contributors, p);
    const struct json *metadata = json_get(in->root, "metadata");
    if (code != METE_OK || metadata == NULL || metadata->type == JSON_NULL) {
        return code;
    }
    code = form_type(in, metadata, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(readers) && code == METE_OK; i++) {
        code = readers[i](in, metadata, p);
    }
    return code;
}
