/* SPDX-License-Identifier: Apache-2.0
 * Names in bodies, and ids for events that come without one. */
#include "http/mapping.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "http/reply.h"

#define ID_HEX 32

const struct json *body_object(struct exchange *x)
{
    struct json *body = NULL;
    struct mete_err err;
    if (json_parse(&x->arena, buf_text(&x->body), &body, &err) != METE_OK) {
        reply_fail(x, METE_REQUEST_INVALID, err.pointer, "%s", err.text);
        return NULL;
    }
    if (body->type != JSON_OBJECT) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "the body is one JSON object");
        return NULL;
    }
    return body;
}

const struct json *body_stranger(const struct json *in, const char *const *names)
{
    for (const struct json *j = in->child; j != NULL; j = j->next) {
        size_t i = 0;
        while (names[i] != NULL && !text_is(j->key, names[i])) {
            i++;
        }
        if (names[i] == NULL) {
            return j;
        }
    }
    return NULL;
}

bool body_is_known(struct exchange *x, const struct json *body, const char *const *names)
{
    const struct json *j = body_stranger(body, names);
    char pointer[64] = "";
    if (j != NULL) {
        json_pointer_add(pointer, sizeof pointer, j->key);
        reply_fail(x, METE_MEMBER_UNKNOWN, pointer, "there is no such member here");
    }
    return j == NULL;
}

bool body_text(struct exchange *x, const struct json *body, const char *const *names,
               struct text *out)
{
    *out = (struct text){0};
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct json *j = json_get(body, names[i]);
        if (j == NULL || j->type == JSON_NULL) {
            continue;
        }
        if (j->type != JSON_STRING || j->text.len == 0 || j->text.len > EVENT_ID_LEN_MAX) {
            char pointer[64] = "";
            json_pointer_add(pointer, sizeof pointer, text_of(names[i]));
            reply_fail(x, METE_REQUEST_INVALID, pointer, "%s is a string of 1 to %d bytes",
                       names[i], EVENT_ID_LEN_MAX);
            return false;
        }
        *out = j->text;
        return true;
    }
    return true;
}

struct text body_id(struct exchange *x, const struct json *body, const char *kind,
                    struct text about)
{
    struct buf canonical = {0};
    struct mete_err unused;
    char hex[65];
    if (json_canonical(body, &canonical, &unused) != METE_OK) {
        buf_put_text(&canonical, body->raw); /* refused later, for the number that it holds */
    }
    const struct bytes parts[] = {
        text_bytes(about), {(const uint8_t *)"", 1}, buf_bytes(&canonical)};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    hash_hex(&h, hex);
    buf_clear(&canonical);
    return arena_printf(&x->arena, "%s:%.*s", kind, ID_HEX, hex);
}

/* --- payloads ----------------------------------------------------------------------------------*/

static const char *const ID_NAMES[] = {"event_id", "id", NULL};
static const char *const ABOUT_EVENT[] = {"event_id", "id", "occurred_at"};

/** The member of the payload that a member of the body becomes. */
static struct text payload_name(const struct body_member *member, struct text name)
{
    for (const struct body_member *m = member; m->to != NULL; m++) {
        for (size_t i = 0; i < ARRAY_LEN(m->from) && m->from[i] != NULL; i++) {
            if (text_is(name, m->from[i])) {
                return text_of(m->to);
            }
        }
    }
    return name;
}

static bool is_about_event(struct text name)
{
    for (size_t i = 0; i < ARRAY_LEN(ABOUT_EVENT); i++) {
        if (text_is(name, ABOUT_EVENT[i])) {
            return true;
        }
    }
    return false;
}

/** Two names of one thing are an error of the client, which json_parse of the event will find as a
 *  duplicate member; said here it has the client's words. */
static bool names_differ(struct exchange *x, const struct json *body,
                         const struct body_member *member)
{
    for (const struct json *a = body->child; a != NULL; a = a->next) {
        for (const struct json *b = a->next; b != NULL; b = b->next) {
            struct text name = payload_name(member, a->key);
            if (text_eq(name, payload_name(member, b->key))) {
                reply_fail(x, METE_REQUEST_INVALID, NULL, "%.*s and %.*s are the same: keep one",
                           (int)a->key.len, a->key.p, (int)b->key.len, b->key.p);
                return false;
            }
        }
    }
    return true;
}

static bool is_said(const struct body_plan *plan, const struct json *j)
{
    return plan->said != NULL && text_is(payload_name(plan->member, j->key), plan->said);
}

/** What the route says stands in the body too, if at all as the same. */
static bool said_holds(struct exchange *x, const struct json *body, const struct body_plan *plan)
{
    for (const struct json *j = body->child; j != NULL; j = j->next) {
        if (is_said(plan, j) && j->type != JSON_NULL &&
            (j->type != JSON_STRING || !text_eq(j->text, plan->said_text))) {
            char pointer[64] = "";
            json_pointer_add(pointer, sizeof pointer, j->key);
            reply_fail(x, METE_REQUEST_INVALID, pointer,
                       "this request is about %.*s: leave the member out, or say the same",
                       (int)(plan->said_text.len < 200 ? plan->said_text.len : 200),
                       plan->said_text.p);
            return false;
        }
    }
    return true;
}

static struct text payload_of(struct exchange *x, const struct json *body,
                              const struct body_plan *plan)
{
    struct buf out = {0};
    buf_put_u8(&out, '{');
    buf_put_text(&out, plan->first);
    if (plan->said != NULL) {
        buf_printf(&out, "\"%s\":", plan->said);
        json_put_string(&out, plan->said_text);
        buf_put_u8(&out, ',');
    }
    for (const struct json *j = body->child; j != NULL; j = j->next) {
        if (is_about_event(j->key) || j->type == JSON_NULL || is_said(plan, j)) {
            continue;
        }
        json_put_string(&out, payload_name(plan->member, j->key));
        buf_put_u8(&out, ':');
        buf_put_text(&out, j->raw);
        buf_put_u8(&out, ',');
    }
    if (out.p[out.len - 1] == ',') {
        out.len--;
    }
    buf_put_u8(&out, '}');
    struct text payload = arena_text(&x->arena, buf_text(&out));
    buf_clear(&out);
    return payload;
}

static bool when_read(struct exchange *x, const struct json *body, struct when *out)
{
    const struct json *j = json_get(body, "occurred_at");
    *out = (struct when){.set = j != NULL && j->type != JSON_NULL};
    if (out->set && (j->type != JSON_STRING || time_parse(j->text, &out->at) != TIME_OK)) {
        reply_fail(x, METE_TIME_INVALID, "/occurred_at",
                   "expected an RFC 3339 time such as 2025-01-31T12:00:00Z");
        return false;
    }
    return true;
}

bool body_draft(struct exchange *x, const struct json *body, const struct body_plan *plan)
{
    struct draft d = {.type = plan->type,
                      .body = body,
                      .member = plan->member,
                      .no_quarantine = plan->no_quarantine,
                      .actor = plan->is_act ? x->who->key_id : (struct text){0}};
    if (body->type != JSON_OBJECT || body->count > EXCHANGE_PAIRS_MAX) {
        reply_fail(x, METE_REQUEST_INVALID, NULL, "expected an object of at most %d members",
                   EXCHANGE_PAIRS_MAX);
        return false;
    }
    if (!names_differ(x, body, plan->member) || !said_holds(x, body, plan) ||
        !body_text(x, body, ID_NAMES, &d.event_id) || !when_read(x, body, &d.occurred_at)) {
        return false;
    }
    if (plan->event_id.len > 0) {
        d.event_id = plan->event_id;
    } else if (d.event_id.len == 0) {
        d.event_id = body_id(x, body, plan->kind, plan->about);
    }
    d.payload = payload_of(x, body, plan);
    submission_draft(x, &d);
    return true;
}
