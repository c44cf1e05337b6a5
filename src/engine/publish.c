/* SPDX-License-Identifier: Apache-2.0
 * Publishing a document is an event like any other. What is added here: its id follows from the
 * document, and publishing again what is the newest version already changes nothing. */
#include "engine/internal.h"
#include "engine/publication.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/document.h"
#include "wire/json.h"

#include <string.h>

#define PUBLISH_ARENA_MAX ((size_t)1 << 32)

struct publish {
    struct engine *e;
    struct arena a;
    struct text document;
    const struct json *doc;
    struct text policy; /* its id; empty when it has none */
    struct text event_id;
    bool id_given;
    struct when from;
    mete_time occurred_at;
};

/** "mete:policy:<id>:<first 16 hex of the document's hash>": the same document is the same event.
 */
static struct text id_of_document(struct publish *p)
{
    char hex[65];
    struct hash h = sha256(text_bytes(p->document));
    hash_hex(&h, hex);
    struct text id = p->policy.len > 0 ? p->policy : TEXT("?");
    return arena_printf(&p->a, "mete:policy:%.*s:%.16s", (int)(id.len < 150 ? id.len : 150), id.p,
                        hex);
}

static void event_submit(struct publish *p, struct submit_result *r)
{
    struct buf event = {0};
    char time[TIME_TEXT_MAX];
    time_format(p->occurred_at, time);
    buf_put_str(&event, "{\"event_id\":");
    json_put_string(&event, p->event_id);
    buf_printf(&event, ",\"event_type\":\"policy.published\",\"occurred_at\":\"%s\",\"payload\":{",
               time);
    if (p->from.set) {
        time_format(p->from.at, time);
        buf_printf(&event, "\"effective_from\":\"%s\",", time);
    }
    buf_put_str(&event, document_is_manifest(p->doc) ? "\"manifest\":" : "\"policy\":");
    buf_put_text(&event, p->doc->raw);
    buf_put_str(&event, "}}");
    engine_submit(p->e, buf_text(&event), NULL, r);
    buf_clear(&event);
}

/* --- what is published already
 * --------------------------------------------------------------------*/

struct newest {
    struct hash hash;
    mete_time from;
    bool repeats; /* an earlier version was made from the same document */
};

static bool version_hash(struct publish *p, uint32_t number, uint32_t version, struct hash *out)
{
    const struct policy *policy;
    if (view_policy_version(&p->e->view, &p->a, number, version, &policy) != VIEW_FOUND) {
        return false;
    }
    *out = policy->hash;
    return true;
}

/** The newest version of the policy; false when there is none. */
static bool newest_find(struct publish *p, struct newest *out)
{
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t number;
    (void)view_policy(&p->e->view, &p->a, p->policy, &number, &versions, &count);
    if (count == 0 || !version_hash(p, number, versions[count - 1].number, &out->hash)) {
        return false;
    }
    out->from = versions[count - 1].from;
    out->repeats = false;
    for (size_t i = 0; i + 1 < count && !out->repeats; i++) {
        struct hash earlier;
        out->repeats =
            version_hash(p, number, versions[i].number, &earlier) && hash_eq(&earlier, &out->hash);
    }
    return true;
}

/** The publication that stands at `seq`. */
static bool publication_read(struct publish *p, uint64_t seq, struct event *out)
{
    struct envelope envelope;
    mete_time unused;
    struct mete_err err;
    if (engine_event(p->e, seq, &p->a, &envelope, &unused, &err) != METE_OK) {
        return false;
    }
    *out = envelope.event;
    return out->type == EVENT_POLICY_PUBLISHED;
}

/** The last entry that published a document of this hash; 0: none. */
static uint64_t publication_find(struct publish *p, const struct hash *hash)
{
    uint64_t seq = 0;
    p->e->failed |= publication_seek(p->e, hash, &seq, &p->e->err) != METE_OK;
    return seq;
}

/** The hash under which a document without private values is published. */
static bool document_hash_of(struct publish *p, struct hash *out)
{
    struct policy policy;
    struct mete_err err;
    enum mete_code code = document_is_manifest(p->doc)
                              ? manifest_read(&p->a, p->doc, "", &policy, &err)
                              : policy_document_read(&p->a, p->doc, "", &policy, &err);
    *out = policy.hash;
    return code == METE_OK;
}

/** The entry, under whatever id, that made this document the newest version, in force as asked for;
 *  0: it is not. */
static uint64_t published_as(struct publish *p)
{
    struct hash mine;
    struct newest newest;
    if (!newest_find(p, &newest) || !document_hash_of(p, &mine) || !hash_eq(&newest.hash, &mine)) {
        return 0;
    }
    bool as_asked = p->from.set ? p->from.at == newest.from : newest.from <= p->occurred_at;
    return as_asked ? publication_find(p, &newest.hash) : 0;
}

/** The event, its id made from the document, stands at `seq`: does its document still hold? */
static void newest_judge(struct publish *p, uint64_t seq, const struct event *stands,
                         struct submit_result *r)
{
    struct newest newest;
    if (!newest_find(p, &newest)) {
        return; /* it made no version (yet): nothing came after it */
    }
    if (!hash_eq(&newest.hash, &stands->policy.policy->hash)) {
        r->status = SUBMIT_CONFLICT;
        (void)mete_fail(&r->err, METE_CONFLICT, "/event_id",
                        "entry %llu published this document, and another version came after it: "
                        "to go back to it give an event_id of its own",
                        (unsigned long long)seq);
    } else if (newest.repeats) {
        r->seq = publication_find(p, &newest.hash);
    }
}

/** The event stands in the log: sent again as of the moment at which it was, so that documents are
 *  compared and not clocks. */
static void again(struct publish *p, uint64_t seq, struct submit_result *r)
{
    struct event stands;
    bool known = publication_read(p, seq, &stands);
    if (known) {
        const struct when *was = &stands.policy.effective_from;
        bool in_force = was->set && was->at <= p->occurred_at;
        p->from = !p->from.set && in_force ? *was : p->from;
        p->occurred_at = stands.occurred_at;
    }
    event_submit(p, r);
    if (known && r->status == SUBMIT_DUPLICATE && !p->id_given) {
        newest_judge(p, seq, &stands, r);
    }
}

static void publish(struct publish *p, struct submit_result *r)
{
    uint64_t seq = engine_seq_of(p->e, p->event_id);
    if (seq != 0) {
        again(p, seq, r);
        return;
    }
    seq = p->id_given ? 0 : published_as(p);
    if (seq == 0 || p->e->failed) {
        event_submit(p, r);
        return;
    }
    arena_reset(&p->e->arena);
    *r = (struct submit_result){
        .status = SUBMIT_DUPLICATE, .seq = seq, .event_id = arena_text(&p->e->arena, p->event_id)};
}

void policy_submit(struct engine *e, struct text document, struct text event_id, struct when from,
                   mete_time occurred_at, struct submit_result *r)
{
    struct publish p = {.e = e,
                        .document = document,
                        .event_id = event_id,
                        .id_given = event_id.len > 0,
                        .from = from,
                        .occurred_at = occurred_at};
    struct json *doc = NULL;
    arena_init(&p.a, PUBLISH_ARENA_MAX);
    *r = (struct submit_result){.status = SUBMIT_REFUSED};
    if (json_parse(&p.a, document, &doc, &r->err) == METE_OK) {
        const struct json *name = json_get(doc, "id");
        p.doc = doc;
        p.policy = name != NULL && name->type == JSON_STRING ? name->text : (struct text){0};
        p.event_id = p.id_given ? event_id : id_of_document(&p);
        publish(&p, r);
    }
    arena_clear(&p.a);
}
