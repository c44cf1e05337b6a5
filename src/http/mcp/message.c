/* SPDX-License-Identifier: Apache-2.0
 * Reading goes by the protocol's own order: syntax, then the form of a message, then its era, then
 * whether headers and body say the same. An error that cannot name its request has no id: the
 * protocol's schema wants it so, where JSON-RPC has null. */
#include "http/mcp/message.h"

#include "base/encode.h"
#include "base/text.h"
#include "http/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define META_SERVER       "io.modelcontextprotocol/serverInfo"
#define SAID_MAX          100 /* bytes of what the client sent that an error repeats */

static const char *const VERSIONS[] = {MCP_MODERN, MCP_LEGACY, "2025-06-18"};

bool mcp_version_is_legacy(struct text version)
{
    for (size_t i = 1; i < ARRAY_LEN(VERSIONS); i++) {
        if (text_is(version, VERSIONS[i])) {
            return true;
        }
    }
    return false;
}

/* --- answers -----------------------------------------------------------------------------------*/

void mcp_versions(struct json_writer *w, const char *key)
{
    jw_array(w, key);
    for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++) {
        jw_str(w, NULL, VERSIONS[i]);
    }
    jw_end_array(w);
}

void mcp_server_info(struct json_writer *w, const char *key)
{
    jw_object(w, key);
    jw_str(w, "name", "mete");
    jw_str(w, "title", "mete: what everybody is owed, and why");
    jw_str(w, "version", METE_VERSION);
    jw_end_object(w);
}

static void head_write(struct exchange *x, const struct mcp_message *m, unsigned status,
                       struct json_writer *w)
{
    reply_json(x, status, w);
    jw_object(w, NULL);
    jw_str(w, "jsonrpc", "2.0");
    if (m->id != NULL) {
        jw_raw(w, "id", m->id->raw);
    }
}

void mcp_result_begin(struct exchange *x, const struct mcp_message *m, struct json_writer *w)
{
    head_write(x, m, 200, w);
    jw_object(w, "result");
    if (m->modern) {
        jw_str(w, "resultType", "complete");
    }
}

void mcp_result_ttl(const struct mcp_message *m, struct json_writer *w, unsigned ttl_s)
{
    if (m->modern) {
        jw_int(w, "ttlMs", (int64_t)ttl_s * 1000);
        jw_str(w, "cacheScope", "private");
    }
}

void mcp_result_end_with(const struct mcp_message *m, struct json_writer *w, const char *key,
                         struct text value)
{
    if (m->modern || key != NULL) {
        jw_object(w, "_meta");
        if (key != NULL) {
            jw_raw(w, key, value);
        }
        if (m->modern) {
            mcp_server_info(w, META_SERVER);
        }
        jw_end_object(w);
    }
    jw_end_object(w);
    jw_end_object(w);
}

void mcp_result_end(const struct mcp_message *m, struct json_writer *w)
{
    mcp_result_end_with(m, w, NULL, (struct text){0});
}

/** What cannot be taken at all is an error of HTTP too. Clients of the legacy era read the body of
 * a 200 alone; of the modern era they find out by it with what they speak. */
static unsigned status_of(const struct mcp_message *m, enum mcp_code code)
{
    switch (code) {
    case MCP_PARSE_ERROR:
    case MCP_INVALID_REQUEST:
    case MCP_HEADER_MISMATCH:
    case MCP_UNSUPPORTED_VERSION:
        return 400;
    case MCP_METHOD_NOT_FOUND:
        return m->modern ? 404 : 200;
    case MCP_INVALID_PARAMS:
    case MCP_RESOURCE_NOT_FOUND:
        break;
    }
    return 200;
}

void mcp_error_data(struct exchange *x, const struct mcp_message *m, enum mcp_code code,
                    struct text message, struct text data)
{
    struct json_writer w;
    head_write(x, m, status_of(m, code), &w);
    jw_object(&w, "error");
    jw_int(&w, "code", code);
    jw_text(&w, "message", message);
    if (data.len > 0) {
        jw_raw(&w, "data", data);
    }
    jw_end_object(&w);
    jw_end_object(&w);
}

void mcp_error(struct exchange *x, const struct mcp_message *m, enum mcp_code code, const char *fmt,
               ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct text message = text_of(text);
    while (!text_is_utf8(message)) { /* cut in the midst of a character */
        message.len--;
    }
    mcp_error_data(x, m, code, message, (struct text){0});
}

/* --- the form of a message ---------------------------------------------------------------------*/

static int shown(struct text t)
{
    return (int)(t.len < SAID_MAX ? t.len : SAID_MAX);
}

static bool id_is_good(const struct json *id)
{
    int64_t unused;
    return id->type == JSON_STRING || json_int(id, INT64_MIN, INT64_MAX, &unused);
}

static enum mcp_kind broken(struct exchange *x, const struct mcp_message *m, enum mcp_code code,
                            const char *why)
{
    mcp_error(x, m, code, "%s", why);
    return MCP_BROKEN;
}

static enum mcp_kind form_read(struct exchange *x, const struct json *body, struct mcp_message *m)
{
    const struct json *id = json_get(body, "id");
    const struct json *version = json_get(body, "jsonrpc");
    const struct json *method = json_get(body, "method");
    if (body->type == JSON_ARRAY) {
        return broken(x, m, MCP_INVALID_REQUEST, "send each message alone: batches are not taken");
    }
    if (id != NULL && id_is_good(id)) {
        m->id = id;
    }
    if (version == NULL || version->type != JSON_STRING || !text_is(version->text, "2.0")) {
        return broken(x, m, MCP_INVALID_REQUEST, "no JSON-RPC message: jsonrpc is \"2.0\"");
    }
    if (id != NULL && m->id == NULL) {
        return broken(x, m, MCP_INVALID_REQUEST, "an id is a string or an integer");
    }
    if (method == NULL && (json_get(body, "result") != NULL || json_get(body, "error") != NULL)) {
        return MCP_NOTIFICATION;
    }
    if (method == NULL || method->type != JSON_STRING) {
        return broken(x, m, MCP_INVALID_REQUEST, "a message has a method, which is a string");
    }
    m->method = method->text;
    m->params = json_get(body, "params");
    return id == NULL ? MCP_NOTIFICATION : MCP_REQUEST;
}

/* --- headers and body --------------------------------------------------------------------------*/

/** A header's value as it was before it was made fit for a header. False: it cannot be decoded. */
static bool header_decode(struct exchange *x, struct text value, struct text *out)
{
    static const char begin[] = "=?base64?";
    static const char end[] = "?=";
    size_t around = sizeof begin + sizeof end - 2;
    *out = value;
    if (value.len < around || !text_starts(value, begin) ||
        memcmp(value.p + value.len - 2, end, 2) != 0) {
        return true;
    }
    struct text coded = {value.p + sizeof begin - 1, value.len - around};
    uint8_t *bytes = arena_alloc(&x->arena, coded.len + 1);
    if (!base64_decode(bytes, coded.len + 1, &out->len, coded)) {
        return false;
    }
    out->p = (const char *)bytes;
    return true;
}

static bool header_agrees(struct exchange *x, const struct mcp_message *m, const char *name,
                          struct text said)
{
    struct text value = exchange_header(x, name);
    struct text decoded = {0};
    if (value.p == NULL) {
        mcp_error(x, m, MCP_HEADER_MISMATCH, "the header %s is missing", name);
        return false;
    }
    if (!header_decode(x, value, &decoded) || !text_eq(decoded, said)) {
        mcp_error(x, m, MCP_HEADER_MISMATCH, "the header %s and the body say different things",
                  name);
        return false;
    }
    return true;
}

static bool names_something(const struct mcp_message *m, struct text *said)
{
    if (text_is(m->method, "tools/call") || text_is(m->method, "prompts/get")) {
        *said = mcp_param(m, "name");
        return true;
    }
    *said = mcp_param(m, "uri");
    return text_is(m->method, "resources/read");
}

static bool headers_agree(struct exchange *x, const struct mcp_message *m)
{
    struct text named;
    return header_agrees(x, m, "Mcp-Method", m->method) &&
           (!names_something(m, &named) || header_agrees(x, m, "Mcp-Name", named));
}

static void version_refuse(struct exchange *x, const struct mcp_message *m, struct text asked)
{
    struct buf data = {0};
    struct json_writer w;
    jw_init(&w, &data, false);
    jw_object(&w, NULL);
    mcp_versions(&w, "supported");
    jw_text(&w, "requested", asked);
    jw_end_object(&w);
    mcp_error_data(x, m, MCP_UNSUPPORTED_VERSION, TEXT("Unsupported protocol version"),
                   buf_text(&data));
    buf_clear(&data);
}

/** Each modern request says its version and what its client can do. */
static bool modern_check(struct exchange *x, const struct mcp_message *m, const struct json *meta)
{
    const struct json *version = json_get(meta, META_VERSION);
    const struct json *capabilities = json_get(meta, META_CAPABILITIES);
    if (version == NULL || version->type != JSON_STRING || capabilities == NULL ||
        capabilities->type != JSON_OBJECT) {
        mcp_error(x, m, MCP_INVALID_PARAMS,
                  "params._meta needs " META_VERSION " and " META_CAPABILITIES);
        x->status = 400;
        return false;
    }
    if (!header_agrees(x, m, "MCP-Protocol-Version", version->text)) {
        return false;
    }
    if (!text_is(version->text, MCP_MODERN)) {
        version_refuse(x, m, version->text);
        return false;
    }
    return headers_agree(x, m);
}

/** A request of the legacy era may say nothing of its version. */
static bool era_check(struct exchange *x, struct mcp_message *m)
{
    struct text header = exchange_header(x, "MCP-Protocol-Version");
    const struct json *meta = json_get(m->params, "_meta");
    m->modern = json_get(meta, META_VERSION) != NULL || text_is(header, MCP_MODERN);
    if (m->modern) {
        return modern_check(x, m, meta);
    }
    if (header.p != NULL && !mcp_version_is_legacy(header) && !text_is(m->method, "initialize")) {
        version_refuse(x, m, header);
        return false;
    }
    return true;
}

enum mcp_kind mcp_message_read(struct exchange *x, struct mcp_message *m)
{
    struct json *body;
    struct mete_err err;
    *m = (struct mcp_message){0};
    if (json_parse(&x->arena, buf_text(&x->body), &body, &err) != METE_OK) {
        mcp_error(x, m, MCP_PARSE_ERROR, "no JSON: %s", err.text);
        return MCP_BROKEN;
    }
    enum mcp_kind kind = form_read(x, body, m);
    if (kind != MCP_REQUEST) {
        return kind;
    }
    if (m->params != NULL && m->params->type != JSON_OBJECT) {
        mcp_error(x, m, MCP_INVALID_PARAMS, "params of %.*s is an object", shown(m->method),
                  m->method.p);
        return MCP_BROKEN;
    }
    return era_check(x, m) ? MCP_REQUEST : MCP_BROKEN;
}

struct text mcp_param(const struct mcp_message *m, const char *name)
{
    const struct json *j = json_get(m->params, name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}
