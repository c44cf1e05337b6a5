/* SPDX-License-Identifier: Apache-2.0
 * CloudEvents 1.0 in structured JSON mode, renamed into our envelope:
 *   id -> event_id, type -> event_type, time -> occurred_at, data -> payload, source -> ce_source.
 * subject and extension attributes stay as they are; specversion is dropped, so that what the log
 * keeps is an envelope like any other and is not mapped twice. */
#include "base/text.h"
#include "wire/envelope_parts.h"

static const struct {
    struct text from;
    struct text to;
} renames[] = {{TEXT("id"), TEXT("event_id")},
               {TEXT("type"), TEXT("event_type")},
               {TEXT("time"), TEXT("occurred_at")},
               {TEXT("data"), TEXT("payload")},
               {TEXT("source"), TEXT("ce_source")}};

/* "application/json", "application/cloudevents+json; charset=utf-8" */
static bool is_json_type(struct text t)
{
    size_t len = 0;
    while (len < t.len && t.p[len] != ';' && t.p[len] != ' ') {
        len++;
    }
    struct text type = {t.p, len};
    return text_is(type, "application/json") || text_is(type, "text/json") ||
           (len > 5 && text_is((struct text){t.p + len - 5, 5}, "+json"));
}

static enum mete_code check_attributes(const struct form_in *in, const struct json *tree)
{
    const struct json *version = json_get(tree, "specversion");
    const struct json *source = json_get(tree, "source");
    const struct json *media = json_get(tree, "datacontenttype");
    const struct json *binary = json_get(tree, "data_base64");
    if (version->type != JSON_STRING || !text_is(version->text, "1.0")) {
        return form_fail(in, version, METE_SCHEMA_VERSION, "expected CloudEvents specversion 1.0");
    }
    if (source != NULL && source->type != JSON_STRING) {
        return form_fail(in, source, METE_MEMBER_TYPE,
                         "the source of a CloudEvent is a string (a URI reference)");
    }
    if (media != NULL && (media->type != JSON_STRING || !is_json_type(media->text))) {
        return form_fail(in, media, METE_MEMBER_VALUE, "the data of an event is JSON");
    }
    if (binary != NULL) {
        return form_fail(in, binary, METE_MEMBER_VALUE, "send the payload as JSON in data");
    }
    return METE_OK;
}

static enum mete_code member_rename(const struct form_in *in, struct json *tree, struct text from,
                                    struct text to)
{
    for (struct json *m = tree->child; m != NULL; m = m->next) {
        if (!text_eq(m->key, from)) {
            continue;
        }
        const struct json *taken = json_get_text(tree, to);
        if (taken != NULL) {
            return form_fail(in, taken, METE_JSON_DUPLICATE_KEY,
                             "a CloudEvent has this as its attribute \"%.*s\"; keep one of the two",
                             (int)from.len, from.p);
        }
        m->key = to;
        return METE_OK;
    }
    return METE_OK;
}

enum mete_code cloudevent_map(const struct form_in *in, struct json *tree)
{
    enum mete_code code = check_attributes(in, tree);
    for (size_t i = 0; i < ARRAY_LEN(renames) && code == METE_OK; i++) {
        code = member_rename(in, tree, renames[i].from, renames[i].to);
    }
    if (code == METE_OK) {
        form_remove(tree, "specversion");
    }
    return code;
}
