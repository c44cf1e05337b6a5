/* SPDX-License-Identifier: Apache-2.0
 * What a gate asks for which paths: the file that an administrator writes, read strictly. Nothing
 * is asked of a facilitator here. */
#ifndef METE_GATE_CONFIG_H
#define METE_GATE_CONFIG_H

#include "gate/pattern.h"
#include "wire/x402/discovery.h"

#include <stdatomic.h>

#define GATE_CONFIG_MAX  (1u << 20) /* bytes of the file */
#define GATE_ROUTES_MAX  4096
#define GATE_METHODS_MAX 16
#define GATE_OFFERS_MAX  16 /* of one route */

enum gate_identifier { GATE_IDENTIFIER_NONE, GATE_IDENTIFIER_OPTIONAL, GATE_IDENTIFIER_REQUIRED };

/** One way to pay for a route. */
struct gate_offer {
    struct x402_offer offer; /* its extra is as configured: without what a facilitator adds */
    struct text symbol;      /* of the token; empty: not known */
    unsigned decimals;
    bool has_decimals;
    bool is_upto;
};

struct gate_route {
    struct gate_pattern pattern;
    struct text label; /* as it was written: names the route in reports and metrics */
    struct text method[GATE_METHODS_MAX];
    size_t method_count; /* 0: every one but OPTIONS */
    struct gate_offer *offer;
    size_t offer_count;
    struct x402_resource resource; /* without its url */
    struct text policy;            /* whose revenue it is; empty: the facilitator decides */
    bool is_upfront;
    enum gate_identifier identifier;
    struct text discovery;     /* the object of "bazaar"; empty: not advertised */
    struct text output_schema; /* the same for version 1 */
};

struct gate_config {
    _Atomic unsigned holders;
    struct text upstream;
    struct text facilitator;
    struct text listen;
    struct text admin;
    struct text stats;
    struct text state;
    struct text public_url; /* without a slash at the end; empty: what the client called us */
    struct text host;       /* of requests to the upstream; empty: as the client sent it */
    struct text cors;       /* an origin or "*"; empty: the upstream answers browsers */
    bool trusts_forwarded;  /* X-Forwarded-* of who asks are kept: there is a proxy before us */
    bool has_paywall;       /* browsers get a page */
    struct gate_pattern *free;
    size_t free_count;
    struct gate_route *route;
    size_t route_count;
    struct arena arena; /* everything above */
};

/** Reads the file's text. The caller holds it.
 *  Errors: those of json_parse; METE_MEMBER_*, METE_X402_PRICE, METE_X402_NETWORK,
 *          METE_ADDRESS_INVALID, METE_ADDRESS_CHECKSUM; err->pointer is the place. */
enum mete_code gate_config_read(struct text text, struct gate_config **out,
                                struct mete_err *err) METE_MUST_CHECK;
void gate_config_hold(struct gate_config *c);
void gate_config_drop(struct gate_config *c); /* NULL: nothing */

/** What is asked for a path: the first route that fits pattern and method, unless a free pattern
 *  fits. *out NULL: it is free. A path that has two readings is free only when both are; false when
 *  they have two prices. */
bool gate_config_find(const struct gate_config *c, const struct gate_path *path, struct text method,
                      const struct gate_route **out) METE_MUST_CHECK;

#endif
