/* SPDX-License-Identifier: Apache-2.0
 * What a route answered, as the result of a tool or the content of a resource. */
#ifndef METE_HTTP_MCP_ANSWER_H
#define METE_HTTP_MCP_ANSWER_H

#include "http/mcp/message.h"

/** What `from` has been answered becomes the result in `x`: its JSON as structuredContent, or, when
 *  it is a problem, that problem's words. */
void mcp_answer_tool(struct exchange *x, const struct mcp_message *m, const struct exchange *from);
void mcp_answer_resource(struct exchange *x, const struct mcp_message *m,
                         const struct exchange *from, struct text uri);
/** A tool was called with something that it does not take. */
void mcp_answer_argument(struct exchange *x, const struct mcp_message *m, const char *pointer,
                         const char *fmt, ...) METE_PRINTF(4, 5);

#endif
