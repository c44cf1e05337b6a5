/* SPDX-License-Identifier: Apache-2.0
 * Fetching and asking. A registry that gives no answer holds nobody up: events of a policy that is
 * not known wait in the log, and the next one asks again. */
#include "http/federation.h"

#include "base/limits.h"
#include "base/text.h"
#include "http/desk.h"
#include "http/registry.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/submission.h"

#define FETCH_US (10 * TIME_SECOND_US)

/* --- which policies an event names -------------------------------------------------------------*/

static struct text policy_of(const struct event *e)
{
    if (e->type == EVENT_USAGE_METERED) {
        return e->metered.policy;
    }
    if (e->type == EVENT_METERING_CLOSED) {
        return e->metering.policy;
    }
    if (e->type == EVENT_CYCLE_CLOSED) {
        return e->cycle.policy;
    }
    if (e->type == EVENT_REVENUE_RECEIVED && e->revenue.target == TARGET_POLICY) {
        return e->revenue.target_id;
    }
    return (struct text){0};
}

typedef void policy_visit(void *arg, struct text id);

static void nested_visit(const struct policy *p, policy_visit *visit, void *arg)
{
    for (uint32_t i = 0; i < p->share_count; i++) {
        if (p->share[i].is_policy) {
            visit(arg, p->share[i].payee);
        }
    }
}

static void policies_visit(const struct submission *s, policy_visit *visit, void *arg)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct mete_err *unused;
        if (prepared_code(s->item[i].prepared, &unused) != METE_OK) {
            continue;
        }
        const struct event *event = &prepared_envelope(s->item[i].prepared)->event;
        if (event->type == EVENT_POLICY_PUBLISHED) {
            nested_visit(event->policy.policy, visit, arg);
        } else if (policy_of(event).len > 0) {
            visit(arg, policy_of(event));
        }
    }
}

/* --- manifests ---------------------------------------------------------------------------------*/

static void want_visit(void *arg, struct text id)
{
    registry_want(arg, id);
}

/** What is nested comes before what contains it, and what is older before what is newer. */
static void manifests_fetch(struct desk *d, struct engine *e, struct exchange *x)
{
    struct registry_fetch *f = arena_alloc(&x->arena, sizeof *f);
    *f = (struct registry_fetch){.peers = d->peers,
                                 .e = e,
                                 .a = &x->arena,
                                 .book = text_of(x->who->book),
                                 .until = desk_now() + FETCH_US};
    policies_visit(submission_of(x), want_visit, f);
    (void)!registry_fetch(f); /* without an answer the events wait */
    submission_before_room(x, f->drafts);
    while (f->drafts > 0) {
        submission_before(x, &f->draft[--f->drafts]);
    }
}

struct unknown {
    struct desk *d;
    struct text book;
    bool any;
};

static void unknown_visit(void *arg, struct text id)
{
    struct unknown *u = arg;
    u->any = u->any || peers_policy(u->d->peers, u->book, id, desk_now()) == POLICY_UNASKED;
}

/* --- judgement ---------------------------------------------------------------------------------*/

static bool judgement_read(struct exchange *x, struct text answer)
{
    struct json *j = NULL;
    struct mete_err unused;
    if (answer.len > EVENT_SIZE_MAX || json_parse(&x->arena, answer, &j, &unused) != METE_OK ||
        json_get(j, "valid") == NULL) {
        reply_fail(x, METE_UPSTREAM, NULL, "the validation service gave an answer of another kind");
        return false;
    }
    if (json_is_true(json_get(j, "valid"))) {
        return true;
    }
    const struct json *errors = json_get(j, "errors");
    const struct json *first = errors != NULL ? errors->child : NULL;
    const struct json *pointer = json_get(first, "pointer");
    const struct json *message = json_get(first, "message");
    reply_fail(x, METE_POLICY_INVALID,
               pointer != NULL ? arena_text(&x->arena, pointer->text).p : NULL,
               "the validation service: %s",
               message != NULL ? arena_text(&x->arena, message->text).p : "not valid");
    return false;
}

static void document_judge(struct desk *d, struct engine *e, struct exchange *x)
{
    struct buf out = {0};
    struct mete_err err;
    unsigned status = 0;
    const char *service = peers_options_of(d->peers)->validation;
    (void)e;
    enum mete_code code =
        peers_call(d->peers, service, TEXT(""), arena_text(&x->arena, buf_text(&x->body)), &out,
                   &status, &err);
    if (code != METE_OK) {
        reply_problem(x, &err);
    } else if (status != 200) {
        reply_fail(x, METE_UPSTREAM, NULL, "the validation service answers with status %u", status);
    } else {
        (void)judgement_read(x, arena_text(&x->arena, buf_text(&out)));
    }
    buf_clear(&out);
}

route_handler *federation_errand(struct desk *d, struct exchange *x)
{
    const struct peers_options *o = peers_options_of(d->peers);
    const struct submission *s = submission_of(x);
    if (route_is(x, ROUTE_DOCUMENT) && o->validation != NULL) {
        return document_judge;
    }
    if (s == NULL || o->registry == NULL || (d->o.roles & ROLE_MANIFESTS) != 0) {
        return NULL;
    }
    struct unknown u = {.d = d, .book = text_of(x->who->book)};
    policies_visit(s, unknown_visit, &u);
    return u.any ? manifests_fetch : NULL;
}
