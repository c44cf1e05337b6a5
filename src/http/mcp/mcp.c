/* SPDX-License-Identifier: Apache-2.0
 * POST /mcp: the methods of the protocol. The server is stateless: no session is made, none is
 * asked for, and nothing is sent but answers; so GET and DELETE are not answered (405). */
#include "http/mcp/mcp.h"
#include "http/accept.h"
#include "http/desk.h"
#include "http/mcp/call.h"
#include "http/mcp/message.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"

#include <strings.h>

#define LIST_TTL_S     60u /* tools and resources of a key */
#define DISCOVER_TTL_S 3600u

static const char INSTRUCTIONS[] =
    "mete pays everybody who had a part in what was earned. Amounts are strings of digits in the "
    "smallest unit of their asset: \"1250\" of USD/2 is 12.50 dollars. Shares are pending until "
    "they clear and can be disputed only while they are pending. A tool that changes something "
    "takes idempotency_key, with which it can be sent again and is done once; where it has "
    "dry_run, "
    "that keeps nothing.";

/* --- the browser's doors -----------------------------------------------------------------------*/

/** Origins, separated by commas or spaces. */
static bool is_listed(struct text list, struct text origin)
{
    for (size_t i = 0; i <= list.len;) {
        size_t len = 0;
        while (i + len < list.len && list.p[i + len] != ',' && list.p[i + len] != ' ') {
            len++;
        }
        if (len > 0 && text_eq((struct text){list.p + i, len}, origin)) {
            return true;
        }
        i += len + 1;
    }
    return false;
}

/** A page may ask for its own site alone. A name of somebody else that leads to this machine is
 *  another origin than this server's name (DNS rebinding). Programs send no Origin. */
bool mcp_origin_may(const struct desk *d, const struct exchange *x)
{
    struct text origin = exchange_header(x, "Origin");
    struct text host = exchange_header(x, "Host");
    size_t scheme = text_starts(origin, "https://") ? 8 : text_starts(origin, "http://") ? 7 : 0;
    struct text site = {origin.p + scheme, origin.len - scheme};
    return origin.p == NULL || (scheme > 0 && text_eq(site, host)) ||
           is_listed(text_of(d->o.mcp_origins), origin);
}

/** Who says nothing means it; what a browser sends without asking first says something else. */
static bool type_is_json(struct text type)
{
    size_t len = 0;
    if (type.p == NULL) {
        return true;
    }
    while (len < type.len && type.p[len] != ';' && type.p[len] != ' ') {
        len++;
    }
    return len == sizeof TYPE_JSON - 1 && strncasecmp(type.p, TYPE_JSON, len) == 0;
}

void mcp_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)e;
    (void)d;
    if (!type_is_json(exchange_header(x, "Content-Type"))) {
        reply_fail(x, METE_MEDIA_TYPE, NULL, "the body is application/json");
    } else if (accept_quality(x, TYPE_JSON) == 0) {
        reply_fail(x, METE_NOT_ACCEPTABLE, NULL,
                   "answers are application/json: Accept has to list it");
    }
}

/* --- methods -----------------------------------------------------------------------------------*/

static void capabilities_write(struct json_writer *w)
{
    jw_object(w, "capabilities");
    jw_object(w, "tools");
    jw_end_object(w);
    jw_object(w, "resources");
    jw_end_object(w);
    jw_end_object(w);
}

static bool is_object(const struct json *j)
{
    return j != NULL && j->type == JSON_OBJECT;
}

/** No session begins by it: what was agreed is said again in each request's header, or does not
 *  matter. */
static void initialize(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct json_writer w;
    struct text asked = mcp_param(m, "protocolVersion");
    (void)d;
    if (asked.len == 0 || !is_object(json_get(m->params, "capabilities")) ||
        !is_object(json_get(m->params, "clientInfo"))) {
        mcp_error(x, m, MCP_INVALID_PARAMS,
                  "initialize needs protocolVersion, capabilities and clientInfo");
        return;
    }
    mcp_result_begin(x, m, &w);
    jw_text(&w, "protocolVersion", mcp_version_is_legacy(asked) ? asked : text_of(MCP_LEGACY));
    capabilities_write(&w);
    mcp_server_info(&w, "serverInfo");
    jw_str(&w, "instructions", INSTRUCTIONS);
    mcp_result_end(m, &w);
}

static void discover(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct json_writer w;
    (void)d;
    mcp_result_begin(x, m, &w);
    mcp_result_ttl(m, &w, DISCOVER_TTL_S);
    mcp_versions(&w, "supportedVersions");
    capabilities_write(&w);
    jw_str(&w, "instructions", INSTRUCTIONS);
    mcp_result_end(m, &w);
}

static void ping(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct json_writer w;
    (void)d;
    mcp_result_begin(x, m, &w);
    mcp_result_end(m, &w);
}

/** Lists are one page, so no cursor is one of ours. False: the answer says so. */
static bool cursor_is_none(struct exchange *x, const struct mcp_message *m)
{
    const struct json *cursor = json_get(m->params, "cursor");
    if (cursor == NULL) {
        return true;
    }
    mcp_error(x, m, MCP_INVALID_PARAMS, "that cursor was not given by this server");
    return false;
}

static void tools_list(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct json_writer w;
    if (!cursor_is_none(x, m)) {
        return;
    }
    mcp_result_begin(x, m, &w);
    mcp_result_ttl(m, &w, LIST_TTL_S);
    jw_array(&w, "tools");
    for (size_t i = 0; i < MCP_TOOLS_COUNT; i++) {
        if (mcp_tool_is_shown(d, x, &MCP_TOOLS[i])) {
            jw_raw(&w, NULL, text_of(MCP_TOOLS[i].definition));
        }
    }
    jw_end_array(&w);
    mcp_result_end(m, &w);
}

static void templates_list(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct json_writer w;
    if (!cursor_is_none(x, m)) {
        return;
    }
    mcp_result_begin(x, m, &w);
    mcp_result_ttl(m, &w, LIST_TTL_S);
    jw_array(&w, "resourceTemplates");
    for (size_t i = 0; i < MCP_RESOURCES_COUNT; i++) {
        if (mcp_resource_is_shown(d, x, &MCP_RESOURCES[i])) {
            jw_raw(&w, NULL, text_of(MCP_RESOURCES[i].definition));
        }
    }
    jw_end_array(&w);
    mcp_result_end(m, &w);
}

/** Of a key that is bound to a party: what there is of that party. Others have too many to list. */
static void resources_list(struct desk *d, struct exchange *x, const struct mcp_message *m)
{
    struct json_writer w;
    struct text party = x->who->party;
    if (!cursor_is_none(x, m)) {
        return;
    }
    mcp_result_begin(x, m, &w);
    mcp_result_ttl(m, &w, LIST_TTL_S);
    jw_array(&w, "resources");
    for (size_t i = 0; i < MCP_RESOURCES_COUNT && party.len > 0; i++) {
        const struct mcp_resource *r = &MCP_RESOURCES[i];
        if (!mcp_resource_is_shown(d, x, r)) {
            continue;
        }
        jw_object(&w, NULL);
        jw_text(&w, "uri", mcp_resource_uri(x, r, party));
        jw_str(&w, "name", r->name);
        jw_str(&w, "title", r->title);
        jw_str(&w, "mimeType", TYPE_JSON);
        jw_end_object(&w);
    }
    jw_end_array(&w);
    mcp_result_end(m, &w);
}

/* --- a message ---------------------------------------------------------------------------------*/

typedef void method_handler(struct desk *d, struct exchange *x, const struct mcp_message *m);

enum era { ERA_BOTH, ERA_MODERN, ERA_LEGACY };

static const struct method {
    const char *name;
    enum era era;
    bool later; /* it ends the request by itself */
    method_handler *handle;
} METHODS[] = {
    {"initialize", ERA_LEGACY, false, initialize},
    {"ping", ERA_LEGACY, false, ping},
    {"server/discover", ERA_MODERN, false, discover},
    {"tools/list", ERA_BOTH, false, tools_list},
    {"tools/call", ERA_BOTH, true, mcp_tool_call},
    {"resources/list", ERA_BOTH, false, resources_list},
    {"resources/templates/list", ERA_BOTH, false, templates_list},
    {"resources/read", ERA_BOTH, true, mcp_resource_read},
};

static const struct method *method_find(const struct mcp_message *m)
{
    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++) {
        const struct method *t = &METHODS[i];
        if (text_is(m->method, t->name) &&
            (t->era == ERA_BOTH || (t->era == ERA_MODERN) == m->modern)) {
            return t;
        }
    }
    return NULL;
}

void mcp_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mcp_message m;
    const struct method *t = NULL;
    (void)e;
    switch (mcp_message_read(x, &m)) {
    case MCP_BROKEN:
        break;
    case MCP_NOTIFICATION:
        reply_body(x, 202, NULL, (struct text){0});
        break;
    case MCP_REQUEST:
        t = method_find(&m);
        if (t == NULL) {
            mcp_error(x, &m, MCP_METHOD_NOT_FOUND, "Method not found: %.*s",
                      (int)(m.method.len < 100 ? m.method.len : 100), m.method.p);
        } else {
            t->handle(d, x, &m);
        }
        break;
    }
    if (t == NULL || !t->later) {
        desk_stream_done(d, x);
    }
}
