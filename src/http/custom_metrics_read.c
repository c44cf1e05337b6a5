/* SPDX-License-Identifier: Apache-2.0
 * The file that names an operator's metrics. What is not understood is refused, with its place. */
#include "core/event_type.h"
#include "http/custom_metrics_parts.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEN_MAX  48
#define LABEL_LEN_MAX 32

/** One entry being read. */
struct entry {
    struct custom_metric *metric;
    const struct json *json;
    char at[CUSTOM_NAME_MAX]; /* its pointer */
    struct mete_err *err;
};

static enum mete_code wrong(const struct entry *in, const char *member, const char *wanted)
{
    char at[2 * CUSTOM_NAME_MAX];
    (void)snprintf(at, sizeof at, "%s/%s", in->at, member);
    return mete_fail(in->err, METE_USAGE, at, "custom metrics: %s: %s", at, wanted);
}

static struct text text_of_member(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

/** a-z, then a-z 0-9 _: what Prometheus takes without quotes. */
static bool is_name(struct text t, size_t max)
{
    for (size_t i = 0; i < t.len; i++) {
        const bool is_letter = t.p[i] >= 'a' && t.p[i] <= 'z';
        if (!is_letter && (i == 0 || !((t.p[i] >= '0' && t.p[i] <= '9') || t.p[i] == '_'))) {
            return false;
        }
    }
    return t.len > 0 && t.len <= max;
}

static bool pointer_take(struct text t, char out[CUSTOM_POINTER_MAX])
{
    return t.len > 1 && t.p[0] == '/' && memchr(t.p, '~', t.len) == NULL &&
           memchr(t.p, '\0', t.len) == NULL && text_copy(out, CUSTOM_POINTER_MAX, t);
}

static enum mete_code name_read(const struct entry *in, const struct custom_metrics *all)
{
    const struct text name = text_of_member(in->json, "name");
    if (!is_name(name, NAME_LEN_MAX)) {
        return wrong(in, "name",
                     "1 to 48 of a-z 0-9 _, a letter first: sold is mete_custom_sold_total");
    }
    if (text_is(name, "skipped")) {
        return wrong(in, "name", "not skipped: that is what the others have left out");
    }
    (void)snprintf(in->metric->name, sizeof in->metric->name, "mete_custom_%.*s_total",
                   (int)name.len, name.p);
    for (size_t i = 0; i < all->count; i++) {
        if (&all->metric[i] != in->metric && strcmp(all->metric[i].name, in->metric->name) == 0) {
            return wrong(in, "name", "it is there twice");
        }
    }
    return METE_OK;
}

static enum mete_code help_read(const struct entry *in)
{
    const struct text help = text_of_member(in->json, "help");
    for (size_t i = 0; i < help.len; i++) {
        if ((uint8_t)help.p[i] < ' ' || help.p[i] == '\\') {
            return wrong(in, "help", "one line, without backslashes");
        }
    }
    return help.len > 0 && text_copy(in->metric->help, sizeof in->metric->help, help)
               ? METE_OK
               : wrong(in, "help", "what it counts, at most 159 bytes");
}

static bool event_is_known(const struct custom_metric *m)
{
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++) {
        const struct text name = text_of(event_type_name((enum event_type)i));
        if (m->is_family ? text_starts(name, m->event) : text_is(name, m->event)) {
            return true;
        }
    }
    return false;
}

/** "usage.metered", or "usage.*". */
static enum mete_code event_read(const struct entry *in)
{
    struct custom_metric *m = in->metric;
    struct text name = text_of_member(in->json, "event");
    if (name.len > 2 && name.p[name.len - 1] == '*' && name.p[name.len - 2] == '.') {
        m->is_family = true;
        name.len--;
    }
    return name.len > 0 && text_copy(m->event, sizeof m->event, name) && event_is_known(m)
               ? METE_OK
               : wrong(in, "event",
                       "a type such as usage.metered, or usage.* for a family; mete events list "
                       "shows all");
}

static enum mete_code value_read(const struct entry *in)
{
    const struct json *j = json_get(in->json, "value");
    return j == NULL || (j->type == JSON_STRING && pointer_take(j->text, in->metric->value))
               ? METE_OK
               : wrong(in, "value",
                       "what is summed, a JSON pointer into the event such as "
                       "/payload/amount/amount; without it events are counted");
}

static enum mete_code labels_read(const struct entry *in)
{
    struct custom_metric *m = in->metric;
    const struct json *labels = json_get(in->json, "labels");
    if (labels != NULL && (labels->type != JSON_OBJECT || labels->count > CUSTOM_LABELS_MAX)) {
        return wrong(in, "labels", "at most 4: {\"currency\": \"/payload/amount/currency\"}");
    }
    for (const struct json *j = labels != NULL ? labels->child : NULL; j != NULL; j = j->next) {
        struct custom_label *l = &m->label[m->label_count++];
        if (!is_name(j->key, LABEL_LEN_MAX) || text_is(j->key, "book") || text_is(j->key, "le") ||
            !text_copy(l->name, sizeof l->name, j->key)) {
            return wrong(in, "labels", "a name has 1 to 32 of a-z 0-9 _, and is not book or le");
        }
        if (j->type != JSON_STRING || !pointer_take(j->text, l->pointer)) {
            return wrong(in, "labels",
                         "each is a JSON pointer into the event such as /payload/policy");
        }
    }
    return METE_OK;
}

static enum mete_code series_read(const struct entry *in)
{
    int64_t most = CUSTOM_SERIES;
    const struct json *j = json_get(in->json, "series_max");
    if (j != NULL && !json_int(j, 1, CUSTOM_SERIES_MAX, &most)) {
        return wrong(in, "series_max", "how many combinations of labels are told apart, 1 to 1000");
    }
    in->metric->series_max = (size_t)most;
    return METE_OK;
}

static enum mete_code members_known(const struct entry *in)
{
    static const char *const MEMBERS[] = {"name", "help", "event", "value", "labels", "series_max"};
    for (const struct json *j = in->json->child; j != NULL; j = j->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(MEMBERS) && !text_is(j->key, MEMBERS[i])) {
            i++;
        }
        if (i == ARRAY_LEN(MEMBERS)) {
            return wrong(in, "", "it may have name, help, event, value, labels and series_max");
        }
    }
    return METE_OK;
}

static enum mete_code metric_read(const struct entry *in, const struct custom_metrics *all)
{
    enum mete_code code =
        in->json->type == JSON_OBJECT ? members_known(in) : wrong(in, "", "each is an object");
    code = code == METE_OK ? name_read(in, all) : code;
    code = code == METE_OK ? help_read(in) : code;
    code = code == METE_OK ? event_read(in) : code;
    code = code == METE_OK ? value_read(in) : code;
    code = code == METE_OK ? labels_read(in) : code;
    return code == METE_OK ? series_read(in) : code;
}

static enum mete_code list_read(struct custom_metrics *m, const struct json *root,
                                struct mete_err *err)
{
    const struct json *list = json_get(root, "metrics");
    enum mete_code code = METE_OK;
    if (list == NULL || list->type != JSON_ARRAY || list->count > CUSTOM_METRICS_MAX ||
        root->count != 1) {
        return mete_fail(err, METE_USAGE, "",
                         "custom metrics: expected {\"metrics\": [...]} with at most 64");
    }
    for (const struct json *j = list->child; code == METE_OK && j != NULL; j = j->next) {
        struct entry in = {.metric = &m->metric[m->count], .json = j, .err = err};
        (void)snprintf(in.at, sizeof in.at, "/metrics/%zu", m->count);
        m->count++;
        omap_init(&in.metric->series, sizeof(struct custom_sum), m->count);
        code = metric_read(&in, m);
    }
    return code;
}

enum mete_code custom_metrics_read(struct custom_metrics **out, struct text document,
                                   struct mete_err *err)
{
    struct arena a;
    struct json *root;
    struct custom_metrics *m = calloc(1, sizeof *m);
    METE_ASSERT(m != NULL);
    pthread_mutex_init(&m->lock, NULL);
    arena_init(&a, JSON_ARENA_MAX(document.len));
    enum mete_code code = json_parse(&a, document, &root, err);
    code = code == METE_OK ? list_read(m, root, err) : code;
    arena_clear(&a);
    if (code != METE_OK) {
        custom_metrics_free(m);
        return code;
    }
    *out = m;
    return METE_OK;
}

void custom_metrics_free(struct custom_metrics *m)
{
    for (size_t i = 0; m != NULL && i < m->count; i++) {
        omap_clear(&m->metric[i].series);
    }
    if (m != NULL) {
        pthread_mutex_destroy(&m->lock);
    }
    free(m);
}
