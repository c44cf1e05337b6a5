/* SPDX-License-Identifier: Apache-2.0
 * Discovery: what a payment says about the resource that it pays for (extension "bazaar", in
 * version 1 outputSchema.input), and the items of a catalogue. A client echoes all of it, so
 * nothing here is trusted: what breaks a rule is left out and named, the rest stays. */
#ifndef METE_WIRE_X402_DISCOVERY_H
#define METE_WIRE_X402_DISCOVERY_H

#include "wire/x402/payload.h"
#include "wire/x402/requirements.h"

#define X402_EXTENSION_BAZAAR    "bazaar"
#define X402_ROUTE_TEMPLATE_MAX  2048
#define X402_TOOL_NAME_MAX       256
#define X402_DISCOVERED_TEXT_MAX 4096 /* description, MIME type */

/** Fields that were left out because they break a rule: a set of bits. */
enum x402_dropped {
    X402_DROPPED_SERVICE_NAME = 1u << 0,
    X402_DROPPED_TAGS = 1u << 1, /* one of them, or all */
    X402_DROPPED_ICON_URL = 1u << 2,
    X402_DROPPED_ROUTE_TEMPLATE = 1u << 3,
    X402_DROPPED_DESCRIPTION = 1u << 4,
    X402_DROPPED_MIME_TYPE = 1u << 5,
};
/** Appends the names of such fields, with commas: "serviceName, tags". */
void x402_dropped_write(struct buf *out, unsigned dropped);

/** Leaves out of `r` what may not be shown: a service name or tag that is not 1 to 32 printable
 *  ASCII characters, tags twice (case aside) and beyond the fifth, an icon that is no http(s) URL
 * to a host with a name. Returns a set of x402_dropped. */
unsigned x402_metadata_clean(struct x402_resource *r);

/** Whether a route template may stand for a path: '/' first, letters, digits and _/:.-~% after it,
 *  and neither ".." nor "://" in it, however often it was percent-encoded. */
bool x402_route_template_ok(struct text t);

enum x402_discovery {
    X402_DISCOVERY_NONE, /* the payment says nothing about discovery */
    X402_DISCOVERY_FOUND,
    X402_DISCOVERY_REJECTED /* it does, and breaks a rule */
};

/** What a payment says about its resource. */
struct x402_discovered {
    int version;
    bool is_mcp;
    struct text url;       /* origin and route template, or origin and path; of MCP as it is */
    struct text method;    /* of HTTP, in capitals */
    struct text tool_name; /* of MCP: with url the identity of the item */
    struct text route_template;
    struct x402_resource resource; /* cleaned; its url is what the client echoed */
    struct text info;              /* {"input":...,"output":...} as JSON */
    struct text extension;         /* {"info":...,"schema":...} as JSON */
    unsigned dropped;              /* a set of x402_dropped */
};

/** Reads it out of a payment and the requirements that it meets.
 *  Refuses: info that its own schema does not allow (schema.h); other types than http and mcp,
 *           unknown methods, body types and transports; a tool without a name or an input schema; a
 *           resource that is no URL.
 *  Returns: X402_DISCOVERY_REJECTED with err filled: its text is the rejectedReason. */
enum x402_discovery x402_discovery_read(struct arena *a, const struct x402_payload *p,
                                        const struct x402_requirements *r,
                                        struct x402_discovered *out,
                                        struct mete_err *err) METE_MUST_CHECK;

/** How an HTTP resource is called, for a server that advertises itself. JSON as text; empty: left
 *  out. */
struct x402_http_input {
    struct text method;         /* in capitals */
    struct text body_type;      /* "json", "form-data", "text"; of POST, PUT, PATCH */
    struct text example;        /* of the query's parameters, or of the body: an object */
    struct text schema;         /* of the same */
    struct text output_example; /* any JSON */
    struct text route_template; /* "/users/:id" */
};
/** Appends what stands under "bazaar": {"info":...,"schema":...}, with routeTemplate. */
void x402_bazaar_write(struct buf *out, const struct x402_http_input *in);
/** Appends the outputSchema of version 1 for the same. */
void x402_output_schema_write(struct buf *out, const struct x402_http_input *in);

/** An item of a catalogue, as it is stored and shown. */
struct x402_item {
    bool is_mcp;
    int version;
    struct x402_resource resource; /* url is the item's own */
    struct text accepts;           /* JSON: an array of requirements */
    struct text extensions;        /* JSON: an object, or empty */
    struct text updated;           /* RFC 3339 */
};
/** Writes one into a list: `w` stands in an array. */
void x402_item_write(struct json_writer *w, const struct x402_item *i);

/** Appends the whole of GET /discovery/resources and /discovery/search for a page of items. */
struct x402_page {
    const struct x402_item *items;
    size_t count;
    uint64_t limit;
    uint64_t offset;    /* resources */
    uint64_t total;     /* resources */
    struct text cursor; /* search: where to go on; empty: this was the last page */
    bool is_partial;    /* search: there is more than was looked at */
};
void x402_resources_write(struct buf *out, const struct x402_page *p);
void x402_search_write(struct buf *out, const struct x402_page *p);

#endif
