/* SPDX-License-Identifier: Apache-2.0
 * Reading what a payment says about its resource. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/form.h"
#include "wire/url.h"
#include "wire/x402/catalogue.h"
#include "wire/x402/schema.h"

/* Appended to every pointer of an error. */
#define AT_EXTENSION "/extensions/bazaar"
#define AT_INPUT     AT_EXTENSION "/info/input"

static const char *const METHODS[] = {"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH", NULL};
static const char *const BODY_METHODS[] = {"POST", "PUT", "PATCH", NULL};
static const char *const BODY_TYPES[] = {"json", "form-data", "text", NULL};
static const char *const TRANSPORTS[] = {"streamable-http", "sse", NULL};

static bool is_one_of(const struct json *j, const char *const *list)
{
    for (; j != NULL && j->type == JSON_STRING && *list != NULL; list++) {
        if (text_is(j->text, *list)) {
            return true;
        }
    }
    return false;
}

static bool is_text(const struct json *j, const char *literal)
{
    return j != NULL && j->type == JSON_STRING && text_is(j->text, literal);
}

static bool is_object(const struct json *j)
{
    return j != NULL && j->type == JSON_OBJECT;
}

static bool reject(struct mete_err *err, const char *at, const char *why)
{
    (void)mete_fail(err, METE_MEMBER_VALUE, at, "%s", why);
    return false;
}

static bool http_take(const struct json *input, struct x402_discovered *out, struct mete_err *err)
{
    const struct json *method = json_get(input, "method");
    const struct json *body_type = json_get(input, "bodyType");
    if (method != NULL && !is_one_of(method, METHODS)) {
        return reject(err, AT_INPUT "/method",
                      "the method has to be GET, HEAD, DELETE, POST, PUT or PATCH");
    }
    if (body_type != NULL && !is_one_of(body_type, BODY_TYPES)) {
        return reject(err, AT_INPUT "/bodyType", "bodyType has to be json, form-data or text");
    }
    if (body_type != NULL && method != NULL && !is_one_of(method, BODY_METHODS)) {
        return reject(err, AT_INPUT "/bodyType", "bodyType goes with POST, PUT and PATCH alone");
    }
    out->method = method != NULL ? method->text : TEXT("");
    return true;
}

static bool mcp_take(const struct json *input, struct x402_discovered *out, struct mete_err *err)
{
    const struct json *name = json_get(input, "toolName");
    const struct json *transport = json_get(input, "transport");
    if (name == NULL) {
        name = json_get(input, "tool"); /* as the specification called it before */
    }
    bool is_name = name != NULL && name->type == JSON_STRING && name->text.len > 0 &&
                   name->text.len <= X402_TOOL_NAME_MAX && text_is_line(name->text);
    if (!is_name) {
        return reject(err, AT_INPUT "/toolName", "a tool needs its name, in one line");
    }
    if (!is_object(json_get(input, "inputSchema"))) {
        return reject(err, AT_INPUT "/inputSchema", "a tool needs its inputSchema, an object");
    }
    if (transport != NULL && !is_one_of(transport, TRANSPORTS)) {
        return reject(err, AT_INPUT "/transport", "transport has to be streamable-http or sse");
    }
    out->is_mcp = true;
    out->tool_name = name->text;
    return true;
}

static bool input_take(const struct json *info, struct x402_discovered *out, struct mete_err *err)
{
    const struct json *input = json_get(info, "input");
    const struct json *type = json_get(input, "type");
    if (!is_object(input)) {
        return reject(err, AT_EXTENSION "/info", "info needs an object input");
    }
    if (is_text(type, "http")) {
        return http_take(input, out, err);
    }
    return is_text(type, "mcp") ? mcp_take(input, out, err)
                                : reject(err, AT_INPUT "/type", "type has to be http or mcp");
}

/* A text member that may be there; of another type it is dropped. */
static struct text text_take(const struct json *j, const char *name, unsigned flag,
                             unsigned *dropped)
{
    const struct json *m = json_get(j, name);
    if (m == NULL || m->type == JSON_NULL) {
        return TEXT("");
    }
    if (m->type != JSON_STRING) {
        *dropped |= flag;
        return TEXT("");
    }
    return m->text;
}

static void resource_take(const struct json *j, struct x402_discovered *out)
{
    unsigned *d = &out->dropped;
    struct x402_resource r = {.json = j};
    r.url = text_take(j, "url", 0, d);
    r.description = text_take(j, "description", X402_DROPPED_DESCRIPTION, d);
    r.mime_type = text_take(j, "mimeType", X402_DROPPED_MIME_TYPE, d);
    r.service_name = text_take(j, "serviceName", X402_DROPPED_SERVICE_NAME, d);
    r.icon_url = text_take(j, "iconUrl", X402_DROPPED_ICON_URL, d);
    *d |= x402_metadata_clean(&r);
    const struct json *tags = json_get(j, "tags");
    bool is_list = tags != NULL && tags->type == JSON_ARRAY;
    if (tags != NULL && tags->type != JSON_NULL && !is_list) {
        *d |= X402_DROPPED_TAGS;
    }
    for (const struct json *t = is_list ? tags->child : NULL; t != NULL; t = t->next) {
        if (t->type != JSON_STRING || !x402_tag_add(&r, t->text)) {
            *d |= X402_DROPPED_TAGS;
        }
    }
    out->resource = r;
}

/* Origin in its one form, then `path`. */
static bool url_put(struct buf *out, struct text text, struct text path)
{
    struct url u;
    if (url_read(text, &u) != NULL) {
        return false;
    }
    buf_put_str(out, u.is_https ? "https://" : "http://");
    for (size_t i = 0; i < u.host.len; i++) {
        char c = u.host.p[i];
        buf_put_u8(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
    if (u.port != (u.is_https ? 443 : 80)) {
        buf_printf(out, ":%u", u.port);
    }
    buf_put_text(out, path.len > 0 ? path : u.path);
    if (path.len == 0 && u.path.len == 0) {
        buf_put_u8(out, '/');
    }
    return true;
}

/* What names the item: a tool is named by the URL as its server writes it. */
static bool identity_take(struct arena *a, struct x402_discovered *out, struct mete_err *err)
{
    struct text url = out->resource.url;
    struct buf canonical = {0};
    bool is_line = url.len > 0 && url.len <= X402_TEXT_MAX && text_is_line(url);
    bool ok = is_line && (out->is_mcp || url_put(&canonical, url, out->route_template));
    out->url = out->is_mcp ? url : arena_text(a, buf_text(&canonical));
    buf_clear(&canonical);
    return ok || reject(err, "/resource/url", "the resource needs an absolute http or https URL");
}

static bool v2_take(const struct json *bazaar, struct x402_discovered *out, struct mete_err *err)
{
    const struct json *info = json_get(bazaar, "info");
    const struct json *schema = json_get(bazaar, "schema");
    if (!is_object(info) || !is_object(schema)) {
        return reject(err, AT_EXTENSION, "bazaar needs the objects info and schema");
    }
    if (x402_schema_check(schema, info, err) != METE_OK) {
        char pointer[2 * sizeof err->pointer];
        if (err != NULL) {
            bool is_schema = err->code == METE_X402_SCHEMA;
            (void)snprintf(pointer, sizeof pointer, AT_EXTENSION "/%s%s",
                           is_schema ? "schema" : "info", err->pointer);
            mete_err_place(err, pointer);
        }
        return false;
    }
    struct text template =
        text_take(bazaar, "routeTemplate", X402_DROPPED_ROUTE_TEMPLATE, &out->dropped);
    if (template.len > 0 && !x402_route_template_ok(template)) {
        out->dropped |= X402_DROPPED_ROUTE_TEMPLATE;
        template = TEXT("");
    }
    out->route_template = template;
    out->info = info->raw;
    out->extension = bazaar->raw;
    return input_take(info, out, err);
}

static enum x402_discovery v1_take(struct arena *a, const struct x402_requirements *r,
                                   struct x402_discovered *out)
{
    const struct json *input = json_get(r->output_schema, "input");
    out->info = x402_v1_info(a, r->output_schema);
    if (out->info.len == 0) {
        return X402_DISCOVERY_NONE;
    }
    struct buf extension = {0};
    buf_put_str(&extension, "{\"info\":");
    buf_put_text(&extension, out->info);
    buf_put_str(&extension, ",\"schema\":{\"$schema\":"
                            "\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\","
                            "\"properties\":{\"input\":{\"type\":\"object\"},\"output\":{\"type\":"
                            "\"object\"}},\"required\":[\"input\"]}}");
    out->extension = arena_text(a, buf_text(&extension));
    buf_clear(&extension);
    for (size_t i = 0; METHODS[i] != NULL; i++) {
        if (host_eq(json_get(input, "method")->text, text_of(METHODS[i]))) {
            out->method = text_of(METHODS[i]);
        }
    }
    struct x402_resource resource = {
        .url = r->resource, .description = r->description, .mime_type = r->mime_type};
    out->dropped = x402_metadata_clean(&resource);
    out->resource = resource;
    return X402_DISCOVERY_FOUND;
}

enum x402_discovery x402_discovery_read(struct arena *a, const struct x402_payload *p,
                                        const struct x402_requirements *r,
                                        struct x402_discovered *out, struct mete_err *err)
{
    struct x402_discovered d = {.version = p->version};
    const struct json *bazaar = json_get(p->extensions, X402_EXTENSION_BAZAAR);
    if (p->version == 1) {
        if (v1_take(a, r, &d) == X402_DISCOVERY_NONE) {
            return X402_DISCOVERY_NONE;
        }
    } else {
        if (bazaar == NULL || bazaar->type == JSON_NULL) {
            return X402_DISCOVERY_NONE;
        }
        resource_take(p->resource, &d);
        if (!v2_take(bazaar, &d, err)) {
            return X402_DISCOVERY_REJECTED;
        }
    }
    if (!identity_take(a, &d, err)) {
        return X402_DISCOVERY_REJECTED;
    }
    *out = d;
    return X402_DISCOVERY_FOUND;
}
