/* SPDX-License-Identifier: Apache-2.0
 * Money to be divided: a pool by the usage of a window, or a revenue by its manifest. */
#include "http/desk.h"
#include "http/mapping.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/text.h"

/* A pool: cycle.closed. */
static const struct body_member CYCLE[] = {
    {"policy", {"policy", "policyId", "policy_id"}},
    {"window_start", {"window_start", "windowStart", "from"}},
    {"window_end", {"window_end", "windowEnd", "to"}},
    {NULL, {NULL}}};

/* A revenue: revenue.received. Its money and source may stand together in `revenue`. */
static const struct body_member REVENUE[] = {
    {"policy", {"policy", "manifestId", "manifest_id", "policyId"}},
    {"content_item_id", {"content_item_id", "contentItemId"}},
    {"source_ref", {"source_ref", "sourceRef"}},
    {"amount", {"amount", "revenue"}},
    {NULL, {NULL}}};

/** The members of `revenue` that the payload has beside the amount: source. */
static struct text revenue_source(struct exchange *x, const struct json *body)
{
    const struct json *source = json_get(json_get(body, "revenue"), "source");
    if (source == NULL || json_get(body, "source") != NULL) {
        return (struct text){0};
    }
    return arena_printf(&x->arena, "\"source\":%.*s,", (int)source->raw.len, source->raw.p);
}

void distribute_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct json *body = body_object(x);
    (void)d;
    (void)e;
    if (body == NULL) {
        return;
    }
    const struct body_plan cycle = {.type = EVENT_CYCLE_CLOSED, .member = CYCLE, .kind = "cycle"};
    /* two payments of the same amount have the same body: who sends two keys sends two payments */
    const struct body_plan revenue = {.type = EVENT_REVENUE_RECEIVED,
                                      .member = REVENUE,
                                      .kind = "revenue",
                                      .about = exchange_header(x, "Idempotency-Key"),
                                      .first = revenue_source(x, body)};
    submission_new(x);
    (void)body_draft(x, body, json_get(body, "pool") != NULL ? &cycle : &revenue);
}
