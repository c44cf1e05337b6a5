/* SPDX-License-Identifier: Apache-2.0
 * One message of the Model Context Protocol: JSON-RPC 2.0 as it stands in the body of a request,
 * and the headers that go with it. Two eras: "modern" (2026-07-28), where each request says its
 * version, and "legacy" (2025-06-18, 2025-11-25), which begins with initialize. No session in
 * either: every request stands alone. */
#ifndef METE_HTTP_MCP_MESSAGE_H
#define METE_HTTP_MCP_MESSAGE_H

#include "http/exchange.h"
#include "wire/json.h"

#define MCP_MODERN "2026-07-28"
#define MCP_LEGACY "2025-11-25" /* what a client of an unknown version is offered */

/* JSON-RPC 2.0, and of the protocol's own range. */
enum mcp_code {
    MCP_PARSE_ERROR = -32700,
    MCP_INVALID_REQUEST = -32600,
    MCP_METHOD_NOT_FOUND = -32601,
    MCP_INVALID_PARAMS = -32602,
    MCP_HEADER_MISMATCH = -32020,
    MCP_UNSUPPORTED_VERSION = -32022,
    MCP_RESOURCE_NOT_FOUND = -32002, /* legacy alone */
};

enum mcp_kind {
    MCP_REQUEST,
    MCP_NOTIFICATION, /* or an answer to a request that nobody sent: nothing is said back */
    MCP_BROKEN        /* the answer stands in the exchange */
};

struct mcp_message {
    const struct json *id; /* NULL: none that could be read */
    struct text method;
    const struct json *params; /* an object; NULL: none */
    bool modern;
};

/** Reads the body of `x` and checks what its headers say of it. */
enum mcp_kind mcp_message_read(struct exchange *x, struct mcp_message *m);
/** Is it a version of the legacy era that this server speaks? */
bool mcp_version_is_legacy(struct text version);

/** A member of the params that is a string; empty: it is none. */
struct text mcp_param(const struct mcp_message *m, const char *name);

/* --- answers -----------------------------------------------------------------------------------*/

/** Begins {"jsonrpc", "id", "result": {: write the members of the result, then mcp_result_end. */
void mcp_result_begin(struct exchange *x, const struct mcp_message *m, struct json_writer *w);
void mcp_result_end(const struct mcp_message *m, struct json_writer *w);
/** The same, with one member more in its _meta, a JSON value. */
void mcp_result_end_with(const struct mcp_message *m, struct json_writer *w, const char *key,
                         struct text value);
/** Of a result that may be kept for `ttl_s`, by this client alone. Modern results say so. */
void mcp_result_ttl(const struct mcp_message *m, struct json_writer *w, unsigned ttl_s);
/** Name and version of this server, as a member. */
void mcp_server_info(struct json_writer *w, const char *key);
/** The versions of both eras, as an array. */
void mcp_versions(struct json_writer *w, const char *key);

void mcp_error(struct exchange *x, const struct mcp_message *m, enum mcp_code code, const char *fmt,
               ...) METE_PRINTF(4, 5);
/** The same with `data`, a JSON value. */
void mcp_error_data(struct exchange *x, const struct mcp_message *m, enum mcp_code code,
                    struct text message, struct text data);

#endif
