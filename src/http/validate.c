/* SPDX-License-Identifier: Apache-2.0
 * Is a document valid, and if not, all that is wrong with it. Touches no book. */
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include "render/render.h"

void validate_post(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    struct problem *problem = arena_array(&x->arena, PROBLEMS_MAX, sizeof *problem);
    size_t count = policy_problems(&x->arena, buf_text(&x->body), problem);
    (void)d;
    (void)e;
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_bool(&w, "valid", count == 0);
    problems_json(&w, "errors", problem, count, false);
    jw_end_object(&w);
}
