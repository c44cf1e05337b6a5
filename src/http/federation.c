/* SPDX-License-Identifier: Apache-2.0
 * Fetching and asking. A registry that gives no answer holds nobody up: events of a policy that is
 * not known wait in the log, and the next one asks again. */
#include "http/federation.h"

#include "base/limits.h"
#include "base/text.h"
#include "engine/publication.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/submission.h"
#include "wire/document.h"

#define FETCH_MAX   32u /* manifests for one request, nested ones included */
#define FETCH_US    (10 * TIME_SECOND_US)
#define DOCUMENT_ID 16 /* hex digits of a document's hash in its event's id */

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

struct fetch {
    struct desk *d;
    struct engine *e; /* NULL: the book has nothing yet */
    struct exchange *x;
    mete_time until;
    struct text id[FETCH_MAX];
    struct draft draft[FETCH_MAX];
    size_t count;
    size_t drafts;
};

static void fetch_want(void *arg, struct text id)
{
    struct fetch *f = arg;
    struct mete_err unused;
    struct publication p;
    struct text book = text_of(f->x->who->book);
    for (size_t i = 0; i < f->count; i++) {
        if (text_eq(f->id[i], id)) {
            return;
        }
    }
    if (f->count == FETCH_MAX ||
        peers_policy(f->d->peers, book, id, desk_now()) != POLICY_UNASKED) {
        return;
    }
    if (f->e != NULL && publication_version(f->e, &f->x->arena, id, 0, &p, &unused) == METE_OK) {
        peers_policy_note(f->d->peers, book, id, POLICY_HERE, desk_now());
        return;
    }
    f->id[f->count++] = arena_text(&f->x->arena, id);
}

/** The document as an event, if it is the policy that was asked for. */
static bool document_take(struct fetch *f, struct text id, struct text document)
{
    struct arena *a = &f->x->arena;
    struct json *doc = NULL;
    struct policy policy;
    struct mete_err unused;
    char hex[65];
    if (document.len > EVENT_SIZE_MAX || json_parse(a, document, &doc, &unused) != METE_OK) {
        return false;
    }
    bool manifest = document_is_manifest(doc);
    enum mete_code code = manifest ? manifest_read(a, doc, "", &policy, &unused)
                                   : policy_document_read(a, doc, "", &policy, &unused);
    if (code != METE_OK || !text_eq(policy.id, id)) {
        return false;
    }
    struct hash h = sha256(text_bytes(document));
    hash_hex(&h, hex);
    f->draft[f->drafts++] = (struct draft){
        .type = EVENT_POLICY_PUBLISHED,
        .event_id = arena_printf(a, "mete:policy:%.*s:%.*s", (int)(id.len < 150 ? id.len : 150),
                                 id.p, DOCUMENT_ID, hex),
        .payload = arena_printf(a, "{\"%s\":%.*s}", manifest ? "manifest" : "policy",
                                (int)document.len, document.p)};
    nested_visit(&policy, fetch_want, f);
    return true;
}

/** False: the registry gives no answer, and need not be asked for the others. */
static bool fetch_one(struct fetch *f, struct text id)
{
    struct buf path = {0};
    struct buf out = {0};
    struct mete_err unused;
    unsigned status = 0;
    const char *registry = peers_options_of(f->d->peers)->registry;
    buf_put_str(&path, "/v1/manifests/");
    peers_path_segment(&path, id);
    enum mete_code code = peers_call(f->d->peers, registry, buf_text(&path), (struct text){0}, &out,
                                     &status, &unused);
    bool taken = code == METE_OK && status == 200 &&
                 document_take(f, id, arena_text(&f->x->arena, buf_text(&out)));
    if (!taken) {
        peers_policy_note(f->d->peers, text_of(f->x->who->book), id, POLICY_NOWHERE, desk_now());
    }
    buf_clear(&path);
    buf_clear(&out);
    return code == METE_OK;
}

/** What is nested comes before what contains it. */
static void manifests_fetch(struct desk *d, struct engine *e, struct exchange *x)
{
    struct fetch *f = arena_alloc(&x->arena, sizeof *f);
    *f = (struct fetch){.d = d, .e = e, .x = x, .until = desk_now() + FETCH_US};
    policies_visit(submission_of(x), fetch_want, f);
    for (size_t i = 0; i < f->count && desk_now() < f->until && fetch_one(f, f->id[i]); i++) {
    }
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
    if (x->route->handle == manifest_post && o->validation != NULL) {
        return document_judge;
    }
    if (s == NULL || o->registry == NULL || (d->o.roles & ROLE_MANIFESTS) != 0) {
        return NULL;
    }
    struct unknown u = {.d = d, .book = text_of(x->who->book)};
    policies_visit(s, unknown_visit, &u);
    return u.any ? manifests_fetch : NULL;
}
