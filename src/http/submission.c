/* SPDX-License-Identifier: Apache-2.0
 * Events on their way into the book, whatever route they came by. */
#include "http/submission.h"

#include "base/limits.h"
#include "base/text.h"
#include "engine/own_event.h"
#include "engine/publication.h"
#include "http/desk.h"
#include "http/limits.h"
#include "http/message_signature.h"
#include "http/own.h"
#include "http/registry.h"
#include "http/reply.h"
#include "http/signature.h"
#include "render/render.h"

#include <string.h>

#define DRAFT_ARENA_MAX ((size_t)1 << 30)
#define EXPECT_AHEAD    2u /* events whose ids are looked for in memory beforehand */

/* --- what a key may say ------------------------------------------------------------------------*/

static enum mete_code producer_check(const struct principal *who, const struct event *event,
                                     struct mete_err *err)
{
    if (who->producer.len > 0 && event->producer.len > 0 &&
        !text_eq(who->producer, event->producer)) {
        return mete_fail(err, METE_PRODUCER_FORBIDDEN, "/source/producer",
                         "this key speaks for %.*s", (int)who->producer.len, who->producer.p);
    }
    if (who->service.len > 0 && event->service.len > 0 && !text_eq(who->service, event->service)) {
        return mete_fail(err, METE_PRODUCER_FORBIDDEN, "/source/service",
                         "this key speaks for the service %.*s", (int)who->service.len,
                         who->service.p);
    }
    struct text service = who->service.len > 0 ? who->service : event->service;
    if (who->producer.len > 0 && !event_type_allows(event->type, who->producer, service)) {
        return mete_fail(err, METE_PRODUCER_FORBIDDEN, "/event_type",
                         "this key's producer may not send %s", event_type_name(event->type));
    }
    return METE_OK;
}

/* Every type names the scope that it needs; a key that is bound to a producer says no more. */
enum mete_code submission_may(const struct principal *who, const struct event *event,
                              struct mete_err *err)
{
    enum scope needed;
    const char *name = event_type_scope(event->type);
    if (scope_of(text_of(name), &needed) && !principal_may(who, needed)) {
        return mete_fail(err, METE_FORBIDDEN, "/event_type", "%s needs the scope %s",
                         event_type_name(event->type), name);
    }
    if (event_type_forces(event->type) && event->terms.force && !principal_may(who, SCOPE_ADMIN)) {
        return mete_fail(err, METE_FORBIDDEN, "/payload/force",
                         "a supervisor forces this: a key with the scope admin");
    }
    enum mete_code code = producer_check(who, event, err);
    return code == METE_OK ? own_may(who, event, err) : code;
}

enum mete_code submission_allowed(struct engine *e, const struct principal *who,
                                  const struct envelope *envelope,
                                  const struct submission_item *item, struct mete_err *err)
{
    const struct event *event = &envelope->event;
    const struct signed_event s = {.envelope = envelope,
                                   .producer =
                                       who->producer.len > 0 ? who->producer : event->producer,
                                   .of_party = who->party.len > 0,
                                   .message = item != NULL ? item->message : (struct text){0},
                                   .verdict = item != NULL ? &item->verdict : NULL,
                                   .request = who->request};
    bool speaks_of_share =
        event->type >= EVENT_ALLOCATION_DISPUTED && event->type <= EVENT_ALLOCATION_UPHELD;
    if (speaks_of_share && !own_allocation(e, who, event->allocation.allocation_id)) {
        return mete_fail(err, METE_ALLOCATION_UNKNOWN, "/payload/allocation_id",
                         "there is no such allocation");
    }
    enum mete_code within = limits_check(e, who, event, err);
    if (within != METE_OK) {
        return within;
    }
    return signature_check(who->signatures, e, &s, err);
}

/* --- gathering ---------------------------------------------------------------------------------*/

static void submission_release(struct exchange *x)
{
    const struct submission *s = x->work;
    for (size_t i = 0; i < s->count; i++) {
        prepared_free(s->item[i].prepared);
    }
    for (size_t i = 0; i < s->before_count; i++) {
        prepared_free(s->before[i].prepared);
    }
}

struct submission *submission_of(const struct exchange *x)
{
    return x->release == submission_release ? x->work : NULL;
}

struct submission *submission_new(struct exchange *x)
{
    x->work = arena_alloc(&x->arena, sizeof(struct submission));
    x->release = submission_release;
    x->who->request = message_signatures_read(x);
    return x->work;
}

static struct submission_item *item_add(struct exchange *x)
{
    struct submission *s = x->work;
    if (s->count == s->cap) {
        size_t cap = s->cap == 0 ? 16 : s->cap * 2;
        struct submission_item *more = arena_array(&x->arena, cap, sizeof *more);
        if (s->count > 0) {
            memcpy(more, s->item, s->count * sizeof *more);
        }
        s->item = more;
        s->cap = cap;
    }
    s->item[s->count].prepared = prepared_new();
    return &s->item[s->count++];
}

/** The quarantine is there for mending what a writer of the book got wrong. Who only reads, or
 *  speaks for himself alone, is told; he cannot fill it. `who` NULL: mete itself. */
static bool is_worth_keeping(const struct principal *who)
{
    static const enum scope writes[] = {SCOPE_REVENUE_WRITE, SCOPE_POLICY_WRITE, SCOPE_PAYOUT_WRITE,
                                        SCOPE_DISPUTE_WRITE, SCOPE_ADMIN};
    bool any = false;
    for (size_t i = 0; who != NULL && i < ARRAY_LEN(writes); i++) {
        any = any || principal_may(who, writes[i]);
    }
    return who == NULL || (any && who->party.len == 0);
}

static struct submit_options kept_options(const struct principal *who,
                                          const struct submit_options *o)
{
    struct submit_options out = *o;
    out.no_quarantine = out.no_quarantine || !is_worth_keeping(who);
    if (who != NULL) {
        out.forced_by = who->key_id.len > 0 ? who->key_id : TEXT("local");
    }
    return out;
}

/** `who` NULL: mete itself. */
static void item_prepare(const struct principal *who, struct prepared *p, struct text event,
                         const struct submit_options *o)
{
    const struct mete_err *why;
    struct mete_err err;
    const struct submit_options kept = kept_options(who, o);
    engine_prepare(NULL, p, event, &kept);
    if (who != NULL && prepared_code(p, &why) == METE_OK &&
        submission_may(who, &prepared_envelope(p)->event, &err) != METE_OK) {
        prepared_refuse(p, &err);
    }
}

void submission_text(struct exchange *x, struct text event, const struct submit_options *o)
{
    struct submission_item *item = item_add(x);
    const struct envelope *env = prepared_envelope(item->prepared);
    item_prepare(x->who, item->prepared, event, o);
    if (!env->is_signed) {
        return;
    }
    item->message = prepared_signed(item->prepared);
    if (item->message.p == NULL) { /* private values have been replaced in what is prepared */
        item->message = signature_message(&x->arena, event, o);
    }
    signature_try(x->who->signatures, x->who->book, env, item->message, &item->verdict);
}

void submission_broken(struct exchange *x, struct text body, const struct mete_err *why,
                       const struct submit_options *o)
{
    const struct submit_options kept = kept_options(x->who, o);
    engine_prepare_broken(item_add(x)->prepared, body, why, &kept);
}

struct text draft_event(struct arena *a, const struct draft *d, mete_time occurred_at)
{
    struct buf event = {0};
    char at[TIME_TEXT_MAX];
    time_format(occurred_at, at);
    buf_put_str(&event, "{\"event_id\":");
    json_put_string(&event, d->event_id);
    buf_printf(&event, ",\"event_type\":\"%s\",\"occurred_at\":\"%s\"", event_type_name(d->type),
               at);
    if (d->actor.len > 0) {
        buf_put_str(&event, ",\"actor\":{\"actor_type\":\"user\",\"actor_id\":");
        json_put_string(&event, d->actor);
        buf_put_u8(&event, '}');
    }
    buf_put_str(&event, ",\"payload\":");
    buf_put_text(&event, d->payload);
    buf_put_u8(&event, '}');
    struct text text = arena_text(a, buf_text(&event));
    buf_clear(&event);
    return text;
}

static void draft_prepare(const struct principal *who, struct prepared *p, const struct draft *d,
                          mete_time occurred_at)
{
    struct arena a;
    const struct submit_options o = {.no_quarantine = d->no_quarantine};
    arena_init(&a, DRAFT_ARENA_MAX);
    item_prepare(who, p, draft_event(&a, d, occurred_at), &o);
    arena_clear(&a);
}

static void draft_keep(struct exchange *x, const struct principal *who,
                       struct submission_item *item, const struct draft *d)
{
    struct draft *kept = arena_alloc(&x->arena, sizeof *kept);
    *kept = *d;
    item->draft = kept;
    draft_prepare(who, item->prepared, d, d->occurred_at.set ? d->occurred_at.at : desk_now());
}

void submission_draft(struct exchange *x, const struct draft *d)
{
    draft_keep(x, x->who, item_add(x), d);
}

void submission_before_room(struct exchange *x, size_t count)
{
    struct submission *s = x->work;
    METE_ASSERT(s->before == NULL);
    s->before = arena_array(&x->arena, count, sizeof *s->before);
}

void submission_before(struct exchange *x, const struct draft *d)
{
    struct submission *s = x->work;
    struct submission_item *item = &s->before[s->before_count++];
    item->prepared = prepared_new();
    draft_keep(x, NULL, item, d);
}

/* --- submitting --------------------------------------------------------------------------------*/

/** Who sends a request again means the same event: its moment and who did it are then those of the
 *  first time. */
static void draft_recall(struct engine *e, const struct principal *who,
                         const struct submission_item *item)
{
    struct draft again = *item->draft;
    struct arena a;
    mete_time at;
    struct text actor;
    arena_init(&a, ENVELOPE_ARENA_MAX(EVENT_SIZE_MAX));
    if (own_event_recall(e, again.event_id, &a, &at, &actor)) {
        again.actor = again.actor.len > 0 ? actor : again.actor;
        draft_prepare(who, item->prepared, &again,
                      again.occurred_at.set ? again.occurred_at.at : at);
    }
    arena_clear(&a);
}

static void item_run(struct engine *e, const struct principal *who, struct submission_item *item)
{
    if (item->draft != NULL && (!item->draft->occurred_at.set || item->draft->actor.len > 0)) {
        draft_recall(e, who, item);
    }
    const struct mete_err *why;
    struct mete_err err;
    const struct envelope *envelope = prepared_envelope(item->prepared);
    if (who != NULL && prepared_code(item->prepared, &why) == METE_OK &&
        submission_allowed(e, who, envelope, item, &err) != METE_OK) {
        prepared_refuse(item->prepared, &err);
    }
    engine_submit_prepared(e, item->prepared, &item->result);
    if (item->result.status == SUBMIT_APPLIED && envelope->event.type == EVENT_POLICY_PUBLISHED) {
        (void)!publication_note(e, &envelope->event.policy.policy->hash, item->result.seq, &err);
    }
    if (item->draft != NULL && item->draft->registry_id.len > 0) {
        registry_note(e, item->draft->registry_id, item->draft->registry_etag);
    }
    if (who != NULL) {
        signature_note(who->signatures, e, envelope->event.type);
    }
}

const struct submit_result *submission_run(struct engine *e, struct exchange *x, size_t i)
{
    struct submission *s = x->work;
    METE_ASSERT(i < s->count);
    if (i + EXPECT_AHEAD < s->count) {
        engine_expect(e, s->item[i + EXPECT_AHEAD].prepared);
    }
    while (s->before_done < s->before_count) {
        item_run(e, NULL, &s->before[s->before_done++]);
    }
    item_run(e, x->who, &s->item[i]);
    return &s->item[i].result;
}

/* --- answering ---------------------------------------------------------------------------------*/

void submission_result_write(struct json_writer *w, const struct submit_result *r)
{
    jw_object(w, NULL);
    outcome_members(w, r);
    jw_end_object(w);
}

void submission_log_write(struct json_writer *w, struct engine *e)
{
    struct log_head head = book_head(engine_book(e));
    log_head_json(w, &head);
}

/** The name that the body has for a member of the payload; NULL: none of those it may have. */
static const char *name_in_body(const struct draft *d, struct text member)
{
    for (const struct body_member *m = d->member; m != NULL && m->to != NULL; m++) {
        if (!text_is(member, m->to)) {
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(m->from) && m->from[i] != NULL; i++) {
            if (json_get(d->body, m->from[i]) != NULL) {
                return m->from[i];
            }
        }
    }
    return NULL;
}

/** "/payload/party/x" of the event to "/agentProfileId/x" of the body. */
static void pointer_translate(const struct draft *d, struct mete_err *err)
{
    static const char prefix[] = "/payload/";
    char out[sizeof err->pointer];
    if (d->body == NULL || strncmp(err->pointer, prefix, sizeof prefix - 1) != 0) {
        return;
    }
    const char *member = err->pointer + sizeof prefix - 1;
    struct text name = {member, strcspn(member, "/")};
    struct text rest = text_of(member + name.len);
    const char *own = name_in_body(d, name);
    out[0] = '\0';
    json_pointer_add(out, sizeof out, own != NULL ? text_of(own) : name);
    size_t len = strlen(out);
    (void)text_copy(out + len, sizeof out - len, rest);
    memcpy(err->pointer, out, sizeof out);
}

bool submission_answer(struct engine *e, struct exchange *x, unsigned status)
{
    (void)submission_run(e, x, 0);
    return submission_reply(e, x, 0, status);
}

bool submission_reply(struct engine *e, struct exchange *x, size_t i, unsigned status)
{
    const struct submission *s = x->work;
    struct submit_result r = s->item[i].result;
    struct json_writer w;
    if (r.status != SUBMIT_APPLIED && r.status != SUBMIT_DUPLICATE && r.status != SUBMIT_WAITING) {
        pointer_translate(s->item[i].draft, &r.err);
        reply_problem(x, &r.err);
        return false;
    }
    reply_json(x, r.status == SUBMIT_DUPLICATE ? 200 : status, &w);
    jw_object(&w, NULL);
    outcome_members(&w, &r);
    jw_int(&w, "seq", (int64_t)r.seq);
    submission_log_write(&w, e);
    jw_end_object(&w);
    return true;
}
