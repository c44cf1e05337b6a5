/* SPDX-License-Identifier: Apache-2.0
 * The request inside: it lives in the arena of the request that asked for the tool, is the desk's
 * from desk_ask on, and comes back when its answer stands in it, on whatever thread that is. */
#include "http/mcp/call.h"

#include "base/text.h"
#include "http/mcp/answer.h"
#include "http/own.h"
#include "http/reply.h"
#include "wire/url.h"

#include <string.h>

struct call {
    struct exchange inner; /* first: it leads back */
    struct desk *d;
    struct exchange *outer;
    struct mcp_message message;
    struct text uri; /* of a resource; p NULL: it is a tool */
};

/* --- who sees what -----------------------------------------------------------------------------*/

static bool route_is_open(const struct desk *d, const struct exchange *x, const char *operation)
{
    const struct route *r = desk_route(operation);
    return (r->roles & d->o.roles) != 0 && principal_may(x->who, r->scope);
}

bool mcp_tool_is_shown(const struct desk *d, const struct exchange *x, const struct mcp_tool *t)
{
    bool bound = x->who->party.len > 0;
    bool fits = t->audience == MCP_FOR_ANY || (t->audience == MCP_FOR_PARTY) == bound;
    return fits && route_is_open(d, x, t->operation);
}

bool mcp_resource_is_shown(const struct desk *d, const struct exchange *x,
                           const struct mcp_resource *r)
{
    return route_is_open(d, x, r->operation);
}

/* --- the request inside ------------------------------------------------------------------------*/

static void call_ended(struct exchange *inner)
{
    struct call *c = (struct call *)inner;
    if (c->uri.p != NULL) {
        mcp_answer_resource(c->outer, &c->message, inner, c->uri);
    } else {
        mcp_answer_tool(c->outer, &c->message, inner);
    }
    if (reply_is_secret(inner)) {
        reply_secret(c->outer);
    }
    exchange_clear(inner);
    desk_stream_done(c->d, c->outer);
}

static struct call *call_new(struct desk *d, struct exchange *x, const struct mcp_message *m,
                             const char *operation)
{
    struct call *c = arena_alloc(&x->arena, sizeof *c);
    *c = (struct call){.d = d, .outer = x, .message = *m};
    desk_request_init(&c->inner, operation);
    c->inner.peer = x->peer;
    c->inner.is_tls = x->is_tls;
    c->inner.who = arena_alloc(&x->arena, sizeof *c->inner.who);
    *c->inner.who = *x->who;
    c->inner.who->limit = 0; /* the request that asks has paid for both */
    c->inner.ended = call_ended;
    memcpy(c->inner.request_id, x->request_id, sizeof x->request_id);
    return c;
}

/** The request comes to an end before the desk saw what it asks for. */
static void call_drop(struct call *c)
{
    exchange_clear(&c->inner);
    desk_stream_done(c->d, c->outer);
}

/** Puts a value in the place of "{name}" in the path. */
static void path_fill(struct exchange *x, const char *name, struct text value)
{
    struct text mark = arena_printf(&x->arena, "{%s}", name);
    const char *at = memmem(x->path.p, x->path.len, mark.p, mark.len);
    struct buf out = {0};
    METE_ASSERT(at != NULL);
    size_t before = (size_t)(at - x->path.p);
    buf_put_text(&out, (struct text){x->path.p, before});
    url_put_segment(&out, value);
    buf_put_text(&out, (struct text){at + mark.len, x->path.len - before - mark.len});
    x->path = arena_text(&x->arena, buf_text(&out));
    buf_clear(&out);
}

static void pair_add(struct pair *list, size_t *count, const char *name, struct text value)
{
    METE_ASSERT(*count < EXCHANGE_PAIRS_MAX);
    list[(*count)++] = (struct pair){text_of(name), value};
}

/* --- arguments ---------------------------------------------------------------------------------*/

static bool type_fits(const struct json *j, enum mcp_type type)
{
    int64_t unused;
    switch (type) {
    case MCP_STRING:
        return j->type == JSON_STRING;
    case MCP_INTEGER:
        return json_int(j, INT64_MIN, INT64_MAX, &unused);
    case MCP_BOOLEAN:
        return j->type == JSON_TRUE || j->type == JSON_FALSE;
    case MCP_ANY:
        return true;
    }
    return false;
}

static const char *type_name(enum mcp_type type)
{
    static const char *const names[] = {"a string", "an integer", "true or false", "a value"};
    return names[type];
}

static void body_member_put(struct exchange *x, const char *name, const struct json *j)
{
    buf_put_u8(&x->body, x->body.len == 0 ? '{' : ',');
    json_put_string(&x->body, text_of(name));
    buf_put_u8(&x->body, ':');
    buf_put_text(&x->body, j->raw);
}

/** An argument, which is there and of its type, goes where it belongs. False: it cannot. */
static bool argument_put(struct exchange *x, const struct mcp_argument *a, const struct json *j)
{
    struct text value = j->type == JSON_STRING ? j->text : j->raw;
    switch (a->place) {
    case MCP_IN_PATH:
        path_fill(x, a->target, value);
        return value.len > 0; /* else it would be another path */
    case MCP_IN_QUERY:
        if (j->type != JSON_FALSE) {
            pair_add(x->query, &x->query_count, a->target, value);
        }
        return true;
    case MCP_IN_BODY:
        body_member_put(x, a->target, j);
        return true;
    case MCP_IN_DOCUMENT:
        buf_put_text(&x->body, value);
        return true;
    case MCP_IN_KEY:
        pair_add(x->header, &x->header_count, "Idempotency-Key", value);
        return value.len > 0;
    case MCP_IN_OWN:
        break;
    }
    return false;
}

static const struct mcp_argument *argument_find(const struct mcp_tool *t, struct text name)
{
    for (size_t i = 0; i < t->argument_count; i++) {
        if (t->argument[i].place != MCP_IN_OWN && text_is(name, t->argument[i].name)) {
            return &t->argument[i];
        }
    }
    return NULL;
}

static void argument_refuse(struct call *c, struct text name, const char *why)
{
    char pointer[192] = "/arguments";
    json_pointer_add(pointer, sizeof pointer, name);
    mcp_answer_argument(c->outer, &c->message, pointer, "%.*s: %s",
                        (int)(name.len < 100 ? name.len : 100), name.p, why);
}

static bool given_put(struct call *c, const struct mcp_tool *t, const struct json *given)
{
    for (const struct json *j = given != NULL ? given->child : NULL; j != NULL; j = j->next) {
        const struct mcp_argument *a = argument_find(t, j->key);
        if (a == NULL) {
            argument_refuse(c, j->key, "this tool has no such argument");
            return false;
        }
        if (j->type == JSON_NULL) { /* as if it were not there */
            continue;
        }
        if (!type_fits(j, a->type) || !argument_put(&c->inner, a, j)) {
            argument_refuse(c, j->key,
                            arena_printf(&c->outer->arena, "expected %s%s", type_name(a->type),
                                         a->type == MCP_STRING ? ", not empty" : "")
                                .p);
            return false;
        }
    }
    return true;
}

/** What has to be there, and what the key itself says. */
static bool rest_put(struct call *c, const struct mcp_tool *t, const struct json *given)
{
    for (size_t i = 0; i < t->argument_count; i++) {
        const struct mcp_argument *a = &t->argument[i];
        const struct json *j = json_get(given, a->name);
        if (a->place == MCP_IN_OWN) {
            path_fill(&c->inner, a->target, c->outer->who->party);
        } else if (a->required && (j == NULL || j->type == JSON_NULL)) {
            argument_refuse(c, text_of(a->name), "this argument is required");
            return false;
        }
    }
    return true;
}

/** An object of the members that were given; none for a route that takes no such body. */
static void body_end(struct exchange *x, const struct mcp_tool *t)
{
    bool members = false;
    for (size_t i = 0; i < t->argument_count; i++) {
        members = members || t->argument[i].place == MCP_IN_BODY;
    }
    if (members && x->body.len == 0) {
        buf_put_u8(&x->body, '{');
    }
    if (members) {
        buf_put_u8(&x->body, '}');
    }
    x->received = x->body.len;
}

/* --- tools/call --------------------------------------------------------------------------------*/

static const struct mcp_tool *tool_find(const struct desk *d, const struct exchange *x,
                                        struct text name)
{
    for (size_t i = 0; i < MCP_TOOLS_COUNT; i++) {
        if (text_is(name, MCP_TOOLS[i].name) && mcp_tool_is_shown(d, x, &MCP_TOOLS[i])) {
            return &MCP_TOOLS[i];
        }
    }
    return NULL;
}

void mcp_tool_call(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct text name = mcp_param(m, "name");
    const struct json *given = json_get(m->params, "arguments");
    const struct mcp_tool *t = tool_find(d, x, name);
    if (t == NULL || (given != NULL && given->type != JSON_OBJECT)) {
        mcp_error(x, m, MCP_INVALID_PARAMS,
                  t == NULL ? "Unknown tool: %.*s" : "%.*s: arguments is an object",
                  (int)(name.len < 100 ? name.len : 100), name.p != NULL ? name.p : "");
        desk_stream_done(d, x);
        return;
    }
    struct call *c = call_new(d, x, m, t->operation);
    if (!given_put(c, t, given) || !rest_put(c, t, given)) {
        call_drop(c);
        return;
    }
    body_end(&c->inner, t);
    desk_ask(d, &c->inner);
}

/* --- resources/read ----------------------------------------------------------------------------*/

static const struct mcp_resource *resource_find(const struct desk *d, struct exchange *x,
                                                struct text uri, struct text *rest)
{
    for (size_t i = 0; i < MCP_RESOURCES_COUNT; i++) {
        const struct mcp_resource *r = &MCP_RESOURCES[i];
        size_t len = strlen(r->uri);
        if (text_starts(uri, r->uri) && mcp_resource_is_shown(d, x, r)) {
            struct text coded = {uri.p + len, uri.len - len};
            bool good = coded.len > 0 && percent_decode(&x->arena, coded, false, rest);
            return good ? r : NULL;
        }
    }
    return NULL;
}

struct text mcp_resource_uri(struct exchange *x, const struct mcp_resource *r, struct text id)
{
    struct buf out = {0};
    buf_put_text(&out, text_of(r->uri));
    url_put_segment(&out, id);
    struct text uri = arena_text(&x->arena, buf_text(&out));
    buf_clear(&out);
    return uri;
}

void mcp_resource_read(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct text rest;
    struct text uri = mcp_param(m, "uri");
    const struct mcp_resource *r = resource_find(d, x, uri, &rest);
    if (r == NULL) {
        mcp_error(x, m, m->modern ? MCP_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND,
                  "Resource not found");
        desk_stream_done(d, x);
        return;
    }
    struct call *c = call_new(d, x, m, r->operation);
    c->uri = arena_text(&x->arena, uri);
    if (strchr(desk_route(r->operation)->path, '{') != NULL) {
        path_fill(&c->inner, r->parameter, rest);
    } else {
        pair_add(c->inner.query, &c->inner.query_count, r->parameter, rest);
    }
    desk_ask(d, &c->inner);
}
