/* SPDX-License-Identifier: Apache-2.0
 * The registry: policies and .fair manifests, published and read back. An ETag is the hash of the
 * document as the log has it; If-Match publishes only on top of the version that it names. */
#include "http/desk.h"
#include "http/message_signature.h"
#include "http/query_args.h"
#include "http/reply.h"
#include "http/routes.h"
#include "http/submission.h"

#include "base/text.h"
#include "render/render.h"

#include <string.h>

#define PAGE_DEFAULT 100u
#define PAGE_MAX     1000u

static struct text etag_of(struct exchange *x, const struct hash *hash)
{
    char hex[65];
    hash_hex(hash, hex);
    return arena_printf(&x->arena, "\"%s\"", hex);
}

static void version_members(struct exchange *x, struct json_writer *w, const struct publication *p)
{
    publication_members(w, p);
    jw_text(w, "etag", etag_of(x, &p->hash));
}

/* --- POST /v1/manifests ------------------------------------------------------------------------*/

static struct text document_id(struct exchange *x)
{
    struct json *doc = NULL;
    struct mete_err unused;
    if (json_parse(&x->arena, buf_text(&x->body), &doc, &unused) != METE_OK) {
        return (struct text){0}; /* policy_submit says what is wrong with it */
    }
    const struct json *id = json_get(doc, "id");
    return id != NULL && id->type == JSON_STRING ? id->text : (struct text){0};
}

void manifest_prepare(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    const struct event publication = {.type = EVENT_POLICY_PUBLISHED};
    struct text *id = arena_alloc(&x->arena, sizeof *id);
    (void)d;
    (void)e;
    if (submission_may(x->who, &publication, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    x->who->request = message_signatures_read(x);
    *id = document_id(x);
    x->work = id;
}

/** If-Match: the newest version is the one it names. If-None-Match "*": there is none. */
static bool precondition_holds(struct engine *e, struct exchange *x, struct text id)
{
    struct mete_err unused;
    struct publication newest;
    struct text match = exchange_header(x, "If-Match");
    struct text none = exchange_header(x, "If-None-Match");
    if (match.p == NULL && none.p == NULL) {
        return true;
    }
    bool exists = publication_version(e, &x->arena, id, 0, &newest, &unused) == METE_OK;
    struct text tag = exists ? etag_of(x, &newest.hash) : (struct text){0};
    bool holds = (match.p == NULL || (exists && etag_is_listed(match, tag))) &&
                 (none.p == NULL || !exists || !etag_is_listed(none, tag));
    if (!holds) {
        reply_fail(x, METE_PRECONDITION, NULL,
                   exists ? "the newest version has the ETag %.*s" : "no version was published yet",
                   (int)tag.len, tag.p);
    }
    return holds;
}

/** Into the document: "/payload/manifest/title" is its "/title". */
static void publish_problem(struct exchange *x, struct mete_err *err)
{
    static const char *const prefixes[] = {"/payload/manifest", "/payload/policy"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(err->pointer, prefixes[i], len) == 0) {
            memmove(err->pointer, err->pointer + len, strlen(err->pointer + len) + 1);
            break;
        }
    }
    reply_problem(x, err);
}

static void published_answer(struct engine *e, struct exchange *x, struct text id,
                             const struct submit_result *r)
{
    struct json_writer w;
    struct mete_err err;
    struct publication p;
    if (publication_version(e, &x->arena, id, 0, &p, &err) != METE_OK ||
        (r->status == SUBMIT_APPLIED && publication_note(e, &p.hash, r->seq, &err) != METE_OK)) {
        reply_problem(x, &err);
        return;
    }
    reply_json(x, r->status == SUBMIT_APPLIED ? 201 : 200, &w);
    jw_object(&w, NULL);
    jw_text(&w, "id", id);
    outcome_members(&w, r);
    version_members(x, &w, &p);
    submission_log_write(&w, e);
    jw_end_object(&w);
    reply_header(x, "ETag", etag_of(x, &p.hash));
}

/** What POST /v1/events asks of a policy.published: its producer, and a signature where the book
 * has a key of him, which is the request's. */
static bool may_publish(struct engine *e, struct exchange *x)
{
    struct mete_err err;
    const struct envelope plain = {.event = {.type = EVENT_POLICY_PUBLISHED}};
    if (submission_may(x->who, &plain.event, &err) == METE_OK &&
        submission_allowed(e, x->who, &plain, NULL, &err) == METE_OK) {
        return true;
    }
    err.pointer[0] = '\0'; /* the body is the document, not an event */
    reply_problem(x, &err);
    return false;
}

void manifest_post(struct desk *d, struct engine *e, struct exchange *x)
{
    const struct text *id = x->work;
    struct submit_result r;
    mete_time from = 0;
    (void)d;
    if (!may_publish(e, x) || !arg_time(x, "effective_from", false, &from) ||
        !precondition_holds(e, x, *id)) {
        return;
    }
    const struct when when = {.set = exchange_query(x, "effective_from").p != NULL, .at = from};
    policy_submit(e, buf_text(&x->body), exchange_query(x, "event_id"), when, engine_now(e), &r);
    if (r.status == SUBMIT_APPLIED || r.status == SUBMIT_DUPLICATE) {
        published_answer(e, x, *id, &r);
    } else {
        publish_problem(x, &r.err);
    }
}

/* --- GET /v1/manifests/{id} --------------------------------------------------------------------*/

/** The document itself; ?meta=true: what is known of it. */
void manifest_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct mete_err err;
    struct publication p;
    uint64_t version = 0;
    struct json_writer w;
    (void)d;
    if (!arg_number(x, "version", 1, UINT32_MAX, &version)) {
        return;
    }
    if (publication_version(e, &x->arena, x->param[0], (uint32_t)version, &p, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    }
    struct text etag = etag_of(x, &p.hash);
    struct text known = exchange_header(x, "If-None-Match");
    if (exchange_query_flag(x, "meta")) {
        reply_json(x, 200, &w);
        jw_object(&w, NULL);
        jw_text(&w, "id", x->param[0]);
        version_members(x, &w, &p);
        jw_end_object(&w);
    } else if (known.p != NULL && etag_is_listed(known, etag)) {
        reply_body(x, 304, TYPE_JSON, (struct text){0});
    } else if (publication_document(e, &x->arena, &p, &err) != METE_OK) {
        reply_problem(x, &err);
        return;
    } else {
        reply_body(x, 200, TYPE_JSON, p.document);
    }
    reply_header(x, "ETag", etag);
}

/* --- GET /v1/manifests -------------------------------------------------------------------------*/

void manifests_list_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct json_writer w;
    struct mete_err unused;
    struct text id;
    struct publication p;
    uint64_t after = 0;
    uint64_t limit = PAGE_DEFAULT;
    (void)d;
    if (!arg_number(x, "after", 0, UINT32_MAX - 1, &after) ||
        !arg_number(x, "limit", 1, PAGE_MAX, &limit)) {
        return;
    }
    reply_json(x, 200, &w);
    jw_object(&w, NULL);
    jw_array(&w, "manifests");
    uint32_t number = (uint32_t)after + 1;
    for (; limit > 0 && view_policy_id(engine_view(e), number, &id) == VIEW_FOUND; number++) {
        struct text kept = arena_text(&x->arena, id);
        if (publication_version(e, &x->arena, kept, 0, &p, &unused) == METE_OK) {
            limit--; /* those that were only named do not count */
            jw_object(&w, NULL);
            jw_text(&w, "id", kept);
            version_members(x, &w, &p);
            jw_end_object(&w);
        }
    }
    jw_end_array(&w);
    if (limit == 0 && view_policy_id(engine_view(e), number, &id) == VIEW_FOUND) {
        jw_int(&w, "next", number - 1);
    } else {
        jw_null(&w, "next");
    }
    jw_end_object(&w);
}
