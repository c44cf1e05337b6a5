/* SPDX-License-Identifier: Apache-2.0
 * Presets are only sets of events, written into the log like any other; and publishing a document
 * is an event too. */
#include "engine/internal.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/document.h"
#include "wire/json.h"

#include <string.h>

#define EPOCH "1970-01-01T00:00:00Z"
#define EVENT(id, type, payload)                                                                   \
    "{\"event_id\":\"" id "\",\"event_type\":\"" type "\",\"occurred_at\":\"" EPOCH                \
    "\",\"payload\":" payload "}"
#define EVENTS_MAX 4

static const struct preset {
    const char *name;
    const char *event[EVENTS_MAX];
} PRESETS[] = {
    {"fair",
     {EVENT("preset:fair:book", "book.configured", "{\"clear_after_days\":0}"),
      EVENT("preset:fair:fees", "fees.scheduled",
            "{\"fees\":[{\"label\":\"infrastructure\",\"bps\":200,"
            "\"payee\":\"did:fair:foundation\",\"children\":[{"
            "\"label\":\"infrastructure_pattern_attribution\",\"share_bps\":2500,"
            "\"payee\":\"did:ethr:0xWeR1Protocol\"}]}]}")}},
    {"agents",
     {EVENT("preset:agents:book", "book.configured",
            "{\"clear_after_days\":7,\"dispute_auto_clear_days\":14,"
            "\"payout_minimum\":{\"amount\":\"500\",\"currency\":\"SAT\"}}")}},
    {"providers",
     {EVENT("preset:providers:book", "book.configured", "{\"clear_after_days\":0}"),
      EVENT("preset:providers:usage", "policy.published",
            "{\"policy\":{\"id\":\"urn:mete:usage\",\"kind\":\"usage\"}}")}},
    {"economy",
     {EVENT("preset:economy:book", "book.configured", "{\"clear_after_days\":0}"),
      EVENT("preset:economy:fees", "fees.scheduled",
            "{\"fees\":[{\"label\":\"marketplace_fee\",\"bps\":300,\"payee\":\"platform\"}]}")}},
};

const char *preset_name_at(size_t i)
{
    return i < ARRAY_LEN(PRESETS) ? PRESETS[i].name : NULL;
}

enum mete_code preset_submit(struct engine *e, const char *name, struct mete_err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(PRESETS); i++) {
        if (strcmp(PRESETS[i].name, name) != 0) {
            continue;
        }
        for (size_t k = 0; k < EVENTS_MAX && PRESETS[i].event[k] != NULL; k++) {
            struct submit_result r;
            engine_submit(e, text_of(PRESETS[i].event[k]), NULL, &r);
            if (r.status == SUBMIT_REFUSED || r.status == SUBMIT_FAILED ||
                r.status == SUBMIT_CONFLICT) {
                *err = r.err;
                return r.err.code;
            }
        }
        return METE_OK;
    }
    return mete_fail(err, METE_USAGE, "", "there is no preset \"%s\"", name);
}

/** "mete:policy:<id>:<first 16 hex of the document's hash>": the same document is the same event.
 */
static void policy_event_id(struct buf *out, struct text id, struct text document)
{
    char hex[65];
    struct hash h = sha256(text_bytes(document));
    hash_hex(&h, hex);
    buf_put_str(out, "mete:policy:");
    buf_put_text(out, (struct text){id.p, id.len < 150 ? id.len : 150});
    buf_put_u8(out, ':');
    buf_put(out, hex, 16);
}

static void policy_event(struct buf *out, struct text document, bool manifest, struct text event_id,
                         struct when from, mete_time occurred_at)
{
    char time[TIME_TEXT_MAX];
    time_format(occurred_at, time);
    buf_put_str(out, "{\"event_id\":");
    json_put_string(out, event_id);
    buf_printf(out, ",\"event_type\":\"policy.published\",\"occurred_at\":\"%s\",\"payload\":{",
               time);
    if (from.set) {
        time_format(from.at, time);
        buf_printf(out, "\"effective_from\":\"%s\",", time);
    }
    buf_put_str(out, manifest ? "\"manifest\":" : "\"policy\":");
    buf_put_text(out, document);
    buf_put_str(out, "}}");
}

void policy_submit(struct engine *e, struct text document, struct text event_id, struct when from,
                   mete_time occurred_at, struct submit_result *r)
{
    struct arena a;
    struct json *doc = NULL;
    arena_init(&a, (size_t)1 << 30);
    *r = (struct submit_result){.status = SUBMIT_REFUSED};
    if (json_parse(&a, document, &doc, &r->err) == METE_OK) {
        struct buf event = {0};
        struct buf id = {0};
        const struct json *name = json_get(doc, "id");
        if (event_id.len == 0) {
            policy_event_id(&id, name != NULL ? name->text : TEXT("?"), document);
            event_id = buf_text(&id);
        }
        policy_event(&event, doc->raw, document_is_manifest(doc), event_id, from, occurred_at);
        engine_submit(e, buf_text(&event), NULL, r);
        buf_clear(&event);
        buf_clear(&id);
    }
    arena_clear(&a);
}
