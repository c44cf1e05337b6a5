/* SPDX-License-Identifier: Apache-2.0
 * Requests that are made here: for another request (MCP), or by mete itself (the facilitator). They
 * go the way of every request, so whatever holds for those holds for these. */
#include "http/desk.h"
#include "http/routes.h"

#include "base/text.h"

#include <string.h>

const struct route *desk_route(const char *operation)
{
    size_t i = 0;
    while (i < ROUTES_COUNT && strcmp(ROUTES[i].operation, operation) != 0) {
        i++;
    }
    METE_ASSERT(i < ROUTES_COUNT);
    return &ROUTES[i];
}

void desk_request_init(struct exchange *x, const char *operation)
{
    const struct route *r = desk_route(operation);
    exchange_init(x);
    x->method = text_of(r->method);
    x->path = text_of(r->path);
}

void desk_own_init(struct desk *d, struct exchange *x, const char *operation,
                   const char *request_id)
{
    desk_request_init(x, operation);
    x->who = arena_alloc(&x->arena, sizeof *x->who);
    *x->who = (struct principal){
        .book = d->o.book, .scopes = SCOPES_ALL, .signatures = authority_signatures(d->authority)};
    (void)text_copy(x->request_id, sizeof x->request_id, text_of(request_id));
}

void desk_own_ask(struct desk *d, struct exchange *x, void (*ended)(struct exchange *x))
{
    x->ended = ended;
    x->received = x->body.len;
    desk_ask(d, x);
}
