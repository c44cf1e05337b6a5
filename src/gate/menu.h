/* SPDX-License-Identifier: Apache-2.0
 * What a gate asks for right now: the routes of its configuration, without the ways to pay that its
 * facilitator does not take. Never changed once it is made; a new one replaces it. */
#ifndef METE_GATE_MENU_H
#define METE_GATE_MENU_H

#include "gate/config.h"
#include "wire/x402/facilitator.h"

#include <stdatomic.h>

struct menu_offer {
    const struct gate_offer *of;
    struct x402_offer offer; /* with what the facilitator adds to extra */
    bool has_v1;
    bool has_v2;
    struct text json;          /* of version 2 */
    const struct json *parsed; /* the same */
};

struct menu_route {
    struct menu_offer *offer;
    size_t count;
    struct x402_offer *v1, *v2; /* those that each version can say, side by side */
    size_t v1_count, v2_count;
    struct text extensions; /* of version 2; empty: none */
    const struct json *extensions_json;
};

struct menu {
    _Atomic unsigned holders;
    struct gate_config *config; /* held */
    struct menu_route *route;   /* as config->route; a route without offers cannot be sold now */
    struct arena arena;
};

/** Called for each way to pay that is left out. */
typedef void menu_note(void *ctx, const struct gate_route *route, const struct gate_offer *offer,
                       const char *why);

/** `supported`: NULL: nothing is known yet, and nothing can be sold. The caller holds it. */
struct menu *menu_new(struct gate_config *config, const struct x402_supported *supported,
                      menu_note *note, void *ctx);
void menu_hold(struct menu *m);
void menu_drop(struct menu *m);

/** Fills in what a 402 for this route and this URL says. `p` points into the menu and its texts. */
void menu_priced(const struct menu *m, const struct gate_route *r, struct text url,
                 struct text error, int version, struct x402_priced *p);
const struct menu_route *menu_route_of(const struct menu *m, const struct gate_route *r);

#endif
