/* SPDX-License-Identifier: Apache-2.0
 * Is it there, is it ready, which one is it. */
#include "http/desk.h"
#include "http/reply.h"
#include "http/roles.h"
#include "http/routes.h"

void health_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    const char *name;
    (void)e;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "status", "ok");
    jw_bool(&w, "open",
            authority_is_open(d->authority, x->began_at)); /* nobody is asked for a key */
    jw_array(&w, "roles");
    for (size_t i = 0; (name = roles_name(d->o.roles, i)) != NULL; i++) {
        jw_str(&w, NULL, name);
    }
    jw_end_array(&w);
    jw_int(&w, "uptime_s", (desk_now() - d->started_at) / 1000000);
    jw_end_object(&w);
}

/** Reached only when the keeper has opened the book. */
void ready_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    if (d->state != DESK_READY) {
        reply_fail(x, METE_OVERLOADED, NULL, "the server is shutting down");
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "status", "ready");
    if (authority_is_open_to(d->authority,
                             x)) { /* else how much happens is the book's own affair */
        jw_int(&w, "log_size", (int64_t)book_size(engine_book(e)));
    }
    jw_end_object(&w);
}

void version_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    (void)d;
    (void)e;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "name", "mete");
    jw_str(&w, "version", METE_VERSION);
    jw_end_object(&w);
}
