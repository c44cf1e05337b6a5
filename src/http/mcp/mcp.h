/* SPDX-License-Identifier: Apache-2.0
 * What the desk asks of /mcp before it asks who asks. */
#ifndef METE_HTTP_MCP_MCP_H
#define METE_HTTP_MCP_MCP_H

#include "http/desk.h"

/** May the page ask that this request comes from, if it comes from one? */
bool mcp_origin_may(const struct desk *d, const struct exchange *x);

#endif
