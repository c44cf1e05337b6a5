/* SPDX-License-Identifier: Apache-2.0
 * The tools and resources of /mcp: operations of the OpenAPI document under other names. The rows
 * stand in tools.json; table.py makes the tables of them and of the document when mete is built. */
#ifndef METE_HTTP_MCP_TABLE_H
#define METE_HTTP_MCP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Whose keys see a tool, beside its route's scope. */
enum mcp_audience {
    MCP_FOR_ANY,
    MCP_FOR_PARTY, /* bound to a party */
    MCP_FOR_BOOK   /* not bound */
};

/* Where an argument goes. */
enum mcp_place {
    MCP_IN_PATH,
    MCP_IN_QUERY,
    MCP_IN_BODY,     /* a member of the body */
    MCP_IN_DOCUMENT, /* the whole body */
    MCP_IN_KEY,      /* the header Idempotency-Key */
    MCP_IN_OWN       /* no argument: the key's party, in the path */
};

enum mcp_type { MCP_STRING, MCP_INTEGER, MCP_BOOLEAN, MCP_ANY };

struct mcp_argument {
    const char *name;
    const char *target; /* its name in the route */
    enum mcp_place place;
    enum mcp_type type;
    bool required;
};

struct mcp_tool {
    const char *name;
    const char *operation; /* of a row of ROUTES */
    enum mcp_audience audience;
    const struct mcp_argument *argument;
    size_t argument_count;
    const char *definition; /* JSON, as tools/list shows it */
};

struct mcp_resource {
    const char *uri; /* begins it; the rest is `parameter`, percent-encoded */
    const char *operation;
    const char *parameter; /* in the path or the query of the route */
    const char *name;
    const char *title;
    const char *definition; /* JSON, as resources/templates/list shows it */
};

extern const struct mcp_tool MCP_TOOLS[];
extern const size_t MCP_TOOLS_COUNT;
extern const struct mcp_resource MCP_RESOURCES[];
extern const size_t MCP_RESOURCES_COUNT;

#endif
