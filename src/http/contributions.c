/* SPDX-License-Identifier: Apache-2.0
 * Who made what, as a platform tells it. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/routes.h"

static const struct body_member MEMBERS[] = {
    {"content_item_id", {"content_item_id", "contentItemId"}},
    {"party", {"party", "agent_profile_id", "agentProfileId", "contributor"}},
    {NULL, {NULL}}};

void contribution_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    (void)d;
    (void)e;
    if (body != NULL) {
        const struct body_plan plan = {
            .type = EVENT_CONTRIBUTION_RECORDED, .member = MEMBERS, .kind = "contribution"};
        submission_new(x);
        (void)body_draft(x, body, &plan);
    }
}

void created_post(struct desk *d, struct engine *e, struct exchange *x)
{
    (void)d;
    (void)submission_answer(e, x, 201);
}
