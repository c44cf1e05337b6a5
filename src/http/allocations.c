/* SPDX-License-Identifier: Apache-2.0
 * Shares of revenues, one by one, and what supervisors do with them. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/own.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u
#define LOOK_MAX     1000000u /* some seconds' work */

/* --- GET /v1/allocations -----------------------------------------------------------------------*/

static bool row_write(void *arg, const struct allocation_row *row)
{
    allocation_json(arg, row);
    return true;
}

static bool state_known(struct exchange *x, struct text state)
{
    static const char *const known[] = {"pending", "disputed", "cleared", "upheld"};
    for (size_t i = 0; i < ARRAY_LEN(known) && state.len > 0; i++) {
        if (text_is(state, known[i])) {
            return true;
        }
    }
    if (state.len > 0) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "state is pending, disputed, cleared or upheld");
    }
    return state.len == 0;
}

void allocations_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct json_writer w;
    char next[ALLOCATION_CURSOR_MAX];
    struct allocations_query q = {.at = engine_now(e),
                                  .party = exchange_query(x, "party"),
                                  .event_id = exchange_query(x, "event"),
                                  .policy = exchange_query(x, "policy"),
                                  .state = exchange_query(x, "state"),
                                  .after = exchange_query(x, "after"),
                                  .limit = PAGE_DEFAULT,
                                  .look_max = LOOK_MAX};
    (void)d;
    if (!arg_number(x, "limit", 1, PAGE_MAX, &q.limit) || !arg_time(x, "as_of", true, &q.at) ||
        !state_known(x, q.state)) {
        return;
    }
    if (x->who->party.len > 0 && q.party.len == 0) {
        q.party = x->who->party; /* a bound key sees its own */
    }
    if (q.party.len > 0 && !arg_own_party(x, q.party)) {
        return;
    }
    if (q.event_id.len > 0 && !own_event(e, x->who, q.event_id)) {
        reply_fail(x, METE_NOT_FOUND, NULL, "no event of this book has this id");
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "allocations");
    if (allocations_list(e, &q, row_write, &w, next, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    jw_end_array(&w);
    /* the page may be short, even empty: the search goes on */
    jw_text_or_null(&w, "next", text_of(next));
    jw_end_object(&w);
}

/* --- POST /v1/allocations/{id}/... -------------------------------------------------------------*/

static const struct body_member MEMBERS[] = {{"allocation_id", {"allocation_id", "allocationId"}},
                                             {"reallocate_to", {"reallocate_to", "reallocateTo"}},
                                             {NULL, {NULL}}};

static enum event_type type_of_route(const struct route *r)
{
    static const struct {
        const char *name;
        enum event_type type;
    } acts[] = {{"dispute", EVENT_ALLOCATION_DISPUTED},
                {"evidence", EVENT_ALLOCATION_EVIDENCE_ADDED},
                {"escalate", EVENT_ALLOCATION_ESCALATED},
                {"override", EVENT_ALLOCATION_OVERRIDDEN},
                {"uphold", EVENT_ALLOCATION_UPHELD}};
    const char *name = strrchr(r->path, '/') + 1;
    size_t i = 0;
    while (strcmp(acts[i].name, name) != 0) {
        i++;
        METE_ASSERT(i < ARRAY_LEN(acts));
    }
    return acts[i].type;
}

void allocation_act_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    (void)d;
    (void)e;
    if (body == NULL) {
        return;
    }
    enum event_type type = type_of_route(x->route);
    const struct body_plan plan = {.type = type,
                                   .member = MEMBERS,
                                   .kind = event_type_name(type),
                                   .about = x->param[0],
                                   .said = "allocation_id",
                                   .said_text = x->param[0],
                                   .is_act = true};
    submission_new(x);
    (void)body_draft(x, body, &plan);
}
