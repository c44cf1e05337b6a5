/* SPDX-License-Identifier: Apache-2.0
 * What a client says of itself is looked at before it gets into an answer. */
#include "http/base_url.h"

#include <string.h>

#define HOST_MAX 255

struct text base_url(const struct desk *d, struct exchange *x)
{
    static const char plain[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-[]";
    const char *scheme = x->is_tls || !d->o.loopback ? "https" : "http";
    struct text host = exchange_header(x, "Host");
    size_t good = 0;
    while (good < host.len && memchr(plain, host.p[good], sizeof plain - 1) != NULL) {
        good++;
    }
    return host.len > 0 && host.len <= HOST_MAX && good == host.len
               ? arena_printf(&x->arena, "%s://%.*s", scheme, (int)host.len, host.p)
               : arena_printf(&x->arena, "%s://127.0.0.1:%u", scheme, server_port(d->server));
}

bool path_is_answered(const struct desk *d, const char *path)
{
    const struct route *r;
    for (size_t i = 0; (r = route_at(i)) != NULL; i++) {
        if ((r->roles & d->o.roles) != 0 && strcmp(r->path, path) == 0) {
            return true;
        }
    }
    return false;
}
