/* SPDX-License-Identifier: Apache-2.0
 * Writing what is discovered: what a server advertises, items of a catalogue, and version 1's words
 * for it. */
#include "wire/x402/catalogue.h"

#include "base/text.h"
#include "wire/url.h"

#define SCHEMA_HEAD                                                                                \
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","           \
    "\"properties\":{\"input\":{\"type\":\"object\",\"properties\":{\"type\":"                     \
    "{\"type\":\"string\",\"const\":\"http\"},\"method\":{\"type\":\"string\",\"enum\":"
#define OUTPUT_SCHEMA                                                                              \
    ",\"output\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"},"             \
    "\"example\":{}},\"required\":[\"type\"]}"

static bool has_body(struct text method)
{
    return text_is(method, "POST") || text_is(method, "PUT") || text_is(method, "PATCH");
}

static void text_unless_empty(struct json_writer *w, const char *key, struct text value)
{
    if (value.len > 0) {
        jw_text(w, key, value);
    }
}

static void raw_or(struct json_writer *w, const char *key, struct text json, const char *other)
{
    jw_raw(w, key, json.len > 0 ? json : text_of(other));
}

static void info_put(struct json_writer *w, const struct x402_http_input *in)
{
    bool is_body = has_body(in->method);
    jw_object(w, "info");
    jw_object(w, "input");
    jw_str(w, "type", "http");
    jw_text(w, "method", in->method);
    if (is_body) {
        jw_text(w, "bodyType", in->body_type.len > 0 ? in->body_type : TEXT("json"));
    }
    raw_or(w, is_body ? "body" : "queryParams", in->example, "{}");
    jw_end_object(w);
    if (in->output_example.len > 0) {
        jw_object(w, "output");
        jw_str(w, "type", "json");
        jw_raw(w, "example", in->output_example);
        jw_end_object(w);
    }
    jw_end_object(w);
}

static void schema_put(struct buf *out, const struct x402_http_input *in)
{
    bool is_body = has_body(in->method);
    buf_put_str(out, SCHEMA_HEAD);
    buf_put_str(out, is_body ? "[\"POST\",\"PUT\",\"PATCH\"]},\"bodyType\":{\"type\":\"string\","
                               "\"enum\":[\"json\",\"form-data\",\"text\"]},\"body\":"
                             : "[\"GET\",\"HEAD\",\"DELETE\"]},\"queryParams\":");
    buf_put_text(out, in->schema.len > 0 ? in->schema : TEXT("{\"type\":\"object\"}"));
    buf_put_str(out, is_body ? "},\"required\":[\"type\",\"method\",\"bodyType\",\"body\"]"
                             : "},\"required\":[\"type\",\"method\"]");
    buf_put_str(out, ",\"additionalProperties\":false}");
    buf_put_str(out, in->output_example.len > 0 ? OUTPUT_SCHEMA : "");
    buf_put_str(out, "},\"required\":[\"input\"]}");
}

void x402_bazaar_write(struct buf *out, const struct x402_http_input *in)
{
    struct json_writer w;
    struct buf schema = {0};
    schema_put(&schema, in);
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    info_put(&w, in);
    jw_raw(&w, "schema", buf_text(&schema));
    text_unless_empty(&w, "routeTemplate", in->route_template);
    jw_end_object(&w);
    buf_clear(&schema);
}

void x402_output_schema_write(struct buf *out, const struct x402_http_input *in)
{
    bool is_body = has_body(in->method);
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_object(&w, "input");
    jw_str(&w, "type", "http");
    jw_text(&w, "method", in->method);
    jw_bool(&w, "discoverable", true);
    if (is_body) {
        jw_text(&w, "bodyType", in->body_type.len > 0 ? in->body_type : TEXT("json"));
    }
    if (in->example.len > 0) {
        jw_raw(&w, is_body ? "bodyFields" : "queryParams", in->example);
    }
    jw_end_object(&w);
    if (in->output_example.len > 0) {
        jw_raw(&w, "output", in->output_example);
    }
    jw_end_object(&w);
}

/* The first of these members that is an object; NULL: none is. */
static const struct json *object_of(const struct json *j, const char *const *names)
{
    for (; *names != NULL; names++) {
        const struct json *m = json_get(j, *names);
        if (m != NULL && m->type == JSON_OBJECT) {
            return m;
        }
    }
    return NULL;
}

static bool contains(struct text t, const char *part)
{
    struct text p = text_of(part);
    for (size_t i = 0; i + p.len <= t.len; i++) {
        if (host_eq((struct text){t.p + i, p.len}, p)) {
            return true;
        }
    }
    return false;
}

static const char *v1_body_type(const struct json *input)
{
    const struct json *j = json_get(input, "bodyType");
    if (j == NULL) {
        j = json_get(input, "body_type");
    }
    struct text t = j != NULL && j->type == JSON_STRING ? j->text : TEXT("");
    if (contains(t, "form") || contains(t, "multipart")) {
        return "form-data";
    }
    return contains(t, "text") || contains(t, "plain") ? "text" : "json";
}

static const char *v1_method(const struct json *input)
{
    static const char *const NAMES[] = {"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"};
    const struct json *j = json_get(input, "method");
    for (size_t i = 0; j != NULL && j->type == JSON_STRING && i < ARRAY_LEN(NAMES); i++) {
        if (host_eq(j->text, text_of(NAMES[i]))) {
            return NAMES[i];
        }
    }
    return NULL;
}

static void v1_input_put(struct json_writer *w, const struct json *input, const char *method)
{
    static const char *const BODY[] = {"bodyFields", "body_fields", "bodyParams", "body",
                                       "data",       "properties",  NULL};
    static const char *const QUERY[] = {"queryParams", "query_params", "query", "params", NULL};
    static const char *const HEADERS[] = {"headerFields", "header_fields", "headers", NULL};
    const struct json *body = object_of(input, BODY);
    const struct json *query = object_of(input, QUERY);
    const struct json *headers = object_of(input, HEADERS);
    jw_object(w, "input");
    jw_str(w, "type", "http");
    jw_str(w, "method", method);
    if (has_body(text_of(method))) {
        jw_str(w, "bodyType", v1_body_type(input));
        raw_or(w, "body", body != NULL ? body->raw : TEXT(""), "{}");
    }
    if (query != NULL) {
        jw_raw(w, "queryParams", query->raw);
    }
    if (headers != NULL) {
        jw_raw(w, "headers", headers->raw);
    }
    jw_end_object(w);
}

struct text x402_v1_info(struct arena *a, const struct json *output_schema)
{
    const struct json *input = json_get(output_schema, "input");
    const struct json *output = json_get(output_schema, "output");
    const struct json *type = json_get(input, "type");
    const struct json *listed = json_get(input, "discoverable");
    const char *method = v1_method(input);
    bool is_http = type != NULL && type->type == JSON_STRING && text_is(type->text, "http");
    if (!is_http || method == NULL || (listed != NULL && listed->type == JSON_FALSE)) {
        return TEXT("");
    }
    struct json_writer w;
    struct buf info = {0};
    jw_init(&w, &info, false);
    jw_object(&w, NULL);
    v1_input_put(&w, input, method);
    if (output != NULL && output->type != JSON_NULL) {
        jw_object(&w, "output");
        jw_str(&w, "type", "json");
        jw_raw(&w, "example", output->raw);
        jw_end_object(&w);
    }
    jw_end_object(&w);
    struct text out = arena_text(a, buf_text(&info));
    buf_clear(&info);
    return out;
}

void x402_item_write(struct json_writer *w, const struct x402_item *i)
{
    const struct x402_resource *r = &i->resource;
    jw_object(w, NULL);
    jw_text(w, "resource", r->url);
    jw_str(w, "type", i->is_mcp ? "mcp" : "http");
    jw_int(w, "x402Version", i->version);
    raw_or(w, "accepts", i->accepts, "[]");
    jw_text(w, "lastUpdated", i->updated);
    text_unless_empty(w, "description", r->description);
    text_unless_empty(w, "mimeType", r->mime_type);
    text_unless_empty(w, "serviceName", r->service_name);
    if (r->tag_count > 0) {
        jw_array(w, "tags");
        for (size_t k = 0; k < r->tag_count; k++) {
            jw_text(w, NULL, r->tags[k]);
        }
        jw_end_array(w);
    }
    text_unless_empty(w, "iconUrl", r->icon_url);
    if (i->extensions.len > 0) {
        jw_raw(w, "extensions", i->extensions);
    }
    jw_end_object(w);
}

static void items_put(struct json_writer *w, const char *key, const struct x402_page *p)
{
    jw_int(w, "x402Version", 2);
    jw_array(w, key);
    for (size_t i = 0; i < p->count; i++) {
        x402_item_write(w, &p->items[i]);
    }
    jw_end_array(w);
}

void x402_resources_write(struct buf *out, const struct x402_page *p)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    items_put(&w, "items", p);
    jw_object(&w, "pagination");
    jw_int(&w, "limit", (int64_t)p->limit);
    jw_int(&w, "offset", (int64_t)p->offset);
    jw_int(&w, "total", (int64_t)p->total);
    jw_end_object(&w);
    jw_end_object(&w);
}

void x402_search_write(struct buf *out, const struct x402_page *p)
{
    struct json_writer w;
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    items_put(&w, "resources", p);
    if (p->is_partial) {
        jw_bool(&w, "partialResults", true);
    }
    jw_object(&w, "pagination");
    jw_int(&w, "limit", (int64_t)p->limit);
    if (p->cursor.len > 0) {
        jw_text(&w, "cursor", p->cursor);
    } else {
        jw_null(&w, "cursor");
    }
    jw_end_object(&w);
    jw_end_object(&w);
}
