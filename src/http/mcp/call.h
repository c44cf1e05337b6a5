/* SPDX-License-Identifier: Apache-2.0
 * A tool call is a request to the tool's route: the same scopes, the same bounds, the same answer.
 * This makes that request, has the desk answer it, and says what it answered. */
#ifndef METE_HTTP_MCP_CALL_H
#define METE_HTTP_MCP_CALL_H

#include "http/desk.h"
#include "http/mcp/message.h"
#include "http/mcp/table.h"

/** May the key of `x` use it? Who may not is not told that it is there. */
bool mcp_tool_is_shown(const struct desk *d, const struct exchange *x, const struct mcp_tool *t);
bool mcp_resource_is_shown(const struct desk *d, const struct exchange *x,
                           const struct mcp_resource *r);

/** The URI of what belongs to `id`, in the arena. */
struct text mcp_resource_uri(struct exchange *x, const struct mcp_resource *r, struct text id);

/** tools/call. Ends `x`, perhaps on another thread. */
void mcp_tool_call(struct desk *d, struct exchange *x, const struct mcp_message *m);
/** resources/read. The same. */
void mcp_resource_read(struct desk *d, struct exchange *x, const struct mcp_message *m);

#endif
