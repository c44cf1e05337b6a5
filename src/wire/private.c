/* SPDX-License-Identifier: Apache-2.0
 * Which members are private, and their replacement by commitments. Nothing else in wire knows the
 * list; whoever adds a member with personal text adds it here. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/document_parts.h"
#include "wire/envelope_parts.h"

/* An entry of a manifest has four at most. */
#define PRIVATE_MAX (4u * SHARES_MAX)

struct collector {
    const struct form_in *in;
    struct envelope *envelope;
    size_t cap;
};

static const char *const party_members[] = {"display_name", NULL};
static const char *const destination_members[] = {"destination", NULL};
static const char *const sending_members[] = {"body", NULL};
static const char *const key_members[] = {"secret", NULL};
static const char *const free_text_members[] = {"reason",  "note",     "notes",
                                                "message", "evidence", NULL};
static const char *const economy_members[] = {"purpose", "reason", "note", "payment_ref", NULL};
static const char *const actor_members[] = {"name", NULL};
static const char *const contributor_members[] = {"name", "notes", "note", NULL};

static const char *const *payload_members(enum event_type type)
{
    if (type == EVENT_PARTY_REGISTERED) {
        return party_members;
    }
    if (type == EVENT_PARTY_DESTINATION_SET) {
        return destination_members;
    }
    if (type == EVENT_PAYOUT_TRANSFER_SENDING) {
        return sending_members;
    }
    if (type == EVENT_KEY_REGISTERED || type == EVENT_KEY_REVOKED) {
        return key_members;
    }
    if (type == EVENT_REVENUE_REVERSED ||
        (type >= EVENT_ALLOCATION_DISPUTED && type <= EVENT_ALLOCATION_UPHELD)) {
        return free_text_members;
    }
    if (type == EVENT_CAMPAIGN_COMPLETED) {
        return NULL; /* its reason is a choice */
    }
    if (type >= EVENT_CAMPAIGN_CREATED && type <= EVENT_ROYALTY_DISABLED) {
        return economy_members;
    }
    return NULL;
}

static bool is_member_of(struct text name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (text_is(name, *list)) {
            return true;
        }
    }
    return false;
}

static struct private_value *slot_new(struct collector *c)
{
    struct envelope *e = c->envelope;
    if (e->private_count == c->cap) {
        size_t cap = c->cap == 0 ? 4 : 2 * c->cap;
        struct private_value *more = arena_array(c->in->arena, cap, sizeof *more);
        if (c->cap > 0) {
            memcpy(more, e->private_value, c->cap * sizeof *more);
        }
        e->private_value = more;
        c->cap = cap;
    }
    return &e->private_value[e->private_count++];
}

static enum mete_code value_bytes(struct collector *c, struct json *node, struct bytes *out)
{
    if (node->type == JSON_STRING) {
        *out = text_bytes(node->text);
        return METE_OK;
    }
    struct buf canonical = {0};
    enum mete_code code = json_canonical(node, &canonical, NULL);
    if (code == METE_OK) {
        *out = text_bytes(arena_text(c->in->arena, buf_text(&canonical)));
    } else {
        form_fail(c->in, node, code,
                  "a number in here cannot be kept exactly; send it as a string");
    }
    buf_clear(&canonical);
    return code;
}

/* `at` is the pointer of the object around `node`. */
static enum mete_code add(struct collector *c, struct json *node, const char *at, struct text party)
{
    if (c->envelope->private_count == PRIVATE_MAX) {
        return form_fail(c->in, node, METE_SHARES_LIMIT, "an event has at most %u private values",
                         PRIVATE_MAX);
    }
    struct private_value *v = slot_new(c);
    v->node = node;
    v->party = party;
    snprintf(v->pointer, sizeof v->pointer, "%s", at);
    json_pointer_add(v->pointer, sizeof v->pointer, node->key);
    return value_bytes(c, node, &v->value);
}

static enum mete_code add_members(struct collector *c, struct json *object, const char *at,
                                  const char *const *list, struct text party)
{
    enum mete_code code = METE_OK;
    if (object->type != JSON_OBJECT) {
        return code;
    }
    for (struct json *m = object->child; m != NULL && code == METE_OK; m = m->next) {
        if (is_member_of(m->key, list)) {
            code = add(c, m, at, party);
        }
    }
    return code;
}

static struct text string_of(const struct json *object, const char *name)
{
    const struct json *j = json_get(object, name);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

/* An entry of contributors[] or attribution[], in the order of its members. */
static enum mete_code add_entry(struct collector *c, struct json *entry, const char *at)
{
    enum mete_code code = METE_OK;
    struct text party = string_of(json_get(entry, "actor"), "id");
    if (party.len == 0) {
        party = string_of(entry, "did");
    }
    if (party.len == 0) {
        party = string_of(entry, "id");
    }
    if (entry->type != JSON_OBJECT) {
        return code;
    }
    for (struct json *m = entry->child; m != NULL && code == METE_OK; m = m->next) {
        if (text_is(m->key, "actor")) {
            char actor[sizeof c->envelope->private_value->pointer];
            snprintf(actor, sizeof actor, "%.180s/actor", at);
            code = add_members(c, m, actor, actor_members, party);
        } else if (is_member_of(m->key, contributor_members)) {
            code = add(c, m, at, party);
        }
    }
    return code;
}

static enum mete_code add_manifest(struct collector *c, struct json *manifest)
{
    enum mete_code code = METE_OK;
    for (struct json *m = manifest->child; m != NULL && code == METE_OK; m = m->next) {
        bool attribution = text_is(m->key, "attribution");
        if (m->type != JSON_ARRAY || (!attribution && !text_is(m->key, "contributors"))) {
            continue;
        }
        size_t index = 0;
        for (struct json *e = m->child; e != NULL && code == METE_OK; e = e->next) {
            char at[64];
            snprintf(at, sizeof at, "/payload/manifest/%s/%zu",
                     attribution ? "attribution" : "contributors", index++);
            code = add_entry(c, e, at);
        }
    }
    return code;
}

static struct json *member_of(struct json *object, const char *name)
{
    if (object == NULL || object->type != JSON_OBJECT) {
        return NULL;
    }
    for (struct json *m = object->child; m != NULL; m = m->next) {
        if (text_is(m->key, name)) {
            return m;
        }
    }
    return NULL;
}

static enum mete_code collect_payload(struct collector *c)
{
    struct envelope *e = c->envelope;
    struct json *payload = member_of(e->tree, "payload");
    if (e->event.type == EVENT_POLICY_PUBLISHED) {
        struct json *manifest = member_of(payload, "manifest");
        return manifest != NULL ? add_manifest(c, manifest) : METE_OK;
    }
    const char *const *list = payload_members(e->event.type);
    if (list == NULL) {
        return METE_OK;
    }
    return add_members(c, payload, "/payload", list, string_of(payload, "party"));
}

enum mete_code private_collect(const struct form_in *in, struct envelope *e)
{
    struct collector c = {.in = in, .envelope = e};
    struct json *ip = member_of(member_of(e->tree, "source"), "ip");
    if (ip != NULL) {
        enum mete_code code = add(&c, ip, "/source", (struct text){0});
        if (code != METE_OK) {
            return code;
        }
    }
    return collect_payload(&c);
}

/* Replacing. */

static void value_replace(struct arena *a, struct private_value *v)
{
    char hex[2 * SHA256_LEN + 1];
    v->commitment = commitment(v->salt, v->value);
    hash_hex(&v->commitment, hex);
    v->node->type = JSON_STRING;
    v->node->text = arena_printf(a, "commit:%s", hex);
    v->node->raw = (struct text){0};
    v->node->child = v->node->last = NULL;
    v->node->count = 0;
}

/* What the event says about its private values, and the hash of a manifest that had some. */
static void event_refresh(struct envelope *e)
{
    struct event *event = &e->event;
    struct json *payload = member_of(e->tree, "payload");
    if (event->type == EVENT_KEY_REGISTERED && text_is(event->key.alg, "hmac-sha256")) {
        event->key.key = string_of(payload, "secret");
    } else if (event->type == EVENT_POLICY_PUBLISHED) {
        enum mete_code code =
            document_hash(json_get(payload, "manifest"), &event->policy.policy->hash, NULL);
        METE_ASSERT(code == METE_OK);
    }
}

void envelope_commit(struct arena *a, struct envelope *e, envelope_salt *salt, void *ctx)
{
    bool in_payload = false;
    for (size_t i = 0; i < e->private_count; i++) {
        struct private_value *v = &e->private_value[i];
        if (!salt(ctx, v->pointer, v->salt)) {
            continue;
        }
        value_replace(a, v);
        in_payload |= strncmp(v->pointer, "/payload/", 9) == 0;
    }
    if (in_payload) {
        event_refresh(e);
    }
}
