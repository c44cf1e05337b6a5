/* SPDX-License-Identifier: Apache-2.0
 * Asking a registry. One that is a mete tells with ?meta=true which versions there are and since
 * when they hold; of any other only the newest document is known. */
#include "http/registry.h"

#include "base/limits.h"
#include "base/text.h"
#include "engine/publication.h"
#include "http/desk.h"
#include "wire/document.h"
#include "wire/url.h"

#include <stdio.h>
#include <string.h>

#define HISTORY_MAX  8u /* versions of one policy that are fetched, the newest ones */
#define DOCUMENT_ID  16 /* hex digits of a document's hash in its event's id */
#define NOTE_MAX     96
#define FETCH_MEMORY ((size_t)1 << 28)

/* --- what to ask for ---------------------------------------------------------------------------*/

void registry_want_newer(struct registry_fetch *f, struct text id, struct text etag)
{
    for (size_t i = 0; i < f->count; i++) {
        if (text_eq(f->want[i].id, id)) {
            return;
        }
    }
    if (f->count < REGISTRY_FETCH_MAX) {
        f->want[f->count].id = arena_text(f->a, id);
        f->want[f->count++].etag = etag;
    }
}

void registry_want(struct registry_fetch *f, struct text id)
{
    struct mete_err unused;
    struct publication p;
    if (peers_policy(f->peers, f->book, id, desk_now()) != POLICY_UNASKED) {
        return;
    }
    if (f->e != NULL && publication_version(f->e, f->a, id, 0, &p, &unused) == METE_OK) {
        peers_policy_note(f->peers, f->book, id, POLICY_HERE, desk_now());
        return;
    }
    registry_want_newer(f, id, (struct text){0});
}

void registry_want_nested(struct registry_fetch *f, const struct policy *p)
{
    for (uint32_t i = 0; i < p->share_count; i++) {
        struct text id = p->share[i].payee;
        if (p->share[i].is_policy && id.len == 0 && /* one that the book has names it by number */
            view_policy_id(engine_view(f->e), p->share[i].number, &id) != VIEW_FOUND) {
            continue;
        }
        if (p->share[i].is_policy) {
            registry_want(f, arena_text(f->a, id));
        }
    }
}

/* --- one policy --------------------------------------------------------------------------------*/

/* A version at the registry. */
struct version_there {
    uint64_t number; /* 0: the registry does not say */
    struct text etag;
    struct text from; /* as it stands in JSON, or empty */
};

struct asking {
    struct registry_fetch *f;
    struct text id;
    struct text known; /* etag */
    unsigned taken;
    uint64_t oldest; /* number of the last that was taken; 0: not known */
};

static enum mete_code get(struct asking *q, const char *query, struct text known,
                          struct peers_answer *answer)
{
    struct buf path = {0};
    struct registry_fetch *f = q->f;
    buf_put_str(&path, "/v1/manifests/");
    url_put_segment(&path, q->id);
    buf_put_str(&path, query);
    buf_reset(&answer->body);
    enum mete_code code = peers_get(f->peers, peers_options_of(f->peers)->registry, buf_text(&path),
                                    known, answer, &f->err);
    buf_clear(&path);
    return code;
}

/** The document as an event, if it is the policy that was asked for. */
static bool document_take(struct asking *q, struct text document, const struct version_there *v)
{
    struct registry_fetch *f = q->f;
    struct arena *a = f->a;
    struct json *doc = NULL;
    struct policy policy;
    struct mete_err unused;
    char hex[65];
    if (f->drafts == REGISTRY_DRAFTS_MAX || document.len > EVENT_SIZE_MAX ||
        json_parse(a, document, &doc, &unused) != METE_OK) {
        return false;
    }
    bool manifest = document_is_manifest(doc);
    enum mete_code code = manifest ? manifest_read(a, doc, "", &policy, &unused)
                                   : policy_document_read(a, doc, "", &policy, &unused);
    if (code != METE_OK || !text_eq(policy.id, q->id)) {
        return false;
    }
    struct hash h = sha256(text_bytes(document));
    hash_hex(&h, hex);
    struct draft *d = &f->draft[f->drafts++];
    *d = (struct draft){.type = EVENT_POLICY_PUBLISHED,
                        .event_id = arena_printf(a, "mete:policy:%.*s:%.*s",
                                                 (int)(q->id.len < 150 ? q->id.len : 150), q->id.p,
                                                 DOCUMENT_ID, hex),
                        .registry_id = q->id,
                        .registry_etag = v->etag};
    if (v->number > 1) { /* the same document may come back as a later version */
        d->event_id = arena_printf(a, "%.*s:%llu", (int)d->event_id.len, d->event_id.p,
                                   (unsigned long long)v->number);
    }
    d->payload =
        arena_printf(a, "{%s%.*s%s\"%s\":%.*s}", v->from.len > 0 ? "\"effective_from\":" : "",
                     (int)v->from.len, v->from.p, v->from.len > 0 ? "," : "",
                     manifest ? "manifest" : "policy", (int)document.len, document.p);
    q->taken++;
    q->oldest = v->number;
    registry_want_nested(f, &policy);
    return true;
}

/** What the registry says of a version, 0 the newest. v->number stays 0 when it does not. */
static enum mete_code meta_get(struct asking *q, uint64_t number, struct version_there *v)
{
    char query[64] = "?meta=true";
    struct json *j = NULL;
    struct mete_err unused;
    struct peers_answer answer = {.status = 0};
    int64_t n = 0;
    if (number > 0) {
        snprintf(query, sizeof query, "?meta=true&version=%llu", (unsigned long long)number);
    }
    *v = (struct version_there){.number = 0};
    enum mete_code code = get(q, query, (struct text){0}, &answer);
    struct text body = arena_text(q->f->a, buf_text(&answer.body));
    buf_clear(&answer.body);
    if (code != METE_OK || answer.status != 200 ||
        json_parse(q->f->a, body, &j, &unused) != METE_OK ||
        !json_int(json_get(j, "version"), 1, UINT32_MAX, &n)) {
        return code;
    }
    const struct json *etag = json_get(j, "etag");
    const struct json *from = json_get(j, "effective_from");
    v->number = (uint64_t)n;
    v->etag = etag != NULL && etag->type == JSON_STRING ? etag->text : (struct text){0};
    v->from = from != NULL && from->type == JSON_STRING ? from->raw : (struct text){0};
    return code;
}

/** Those before the newest, back to the one that is here. */
static enum mete_code history_get(struct asking *q, uint64_t number)
{
    enum mete_code code = METE_OK;
    struct peers_answer answer = {.status = 0};
    struct version_there v;
    bool more = true;
    for (; code == METE_OK && more && number > 0 && q->taken < HISTORY_MAX; number--) {
        char query[64];
        snprintf(query, sizeof query, "?version=%llu", (unsigned long long)number);
        code = meta_get(q, number, &v);
        more = code == METE_OK && v.number == number && !text_eq(v.etag, q->known);
        code = more ? get(q, query, (struct text){0}, &answer) : code;
        more = more && code == METE_OK && answer.status == 200 &&
               document_take(q, arena_text(q->f->a, buf_text(&answer.body)), &v);
    }
    buf_clear(&answer.body);
    return code;
}

/** Of a long history the oldest that is fetched into a book that has none holds from the beginning.
 */
static void oldest_free(struct asking *q)
{
    static const char from[] = "{\"effective_from\":";
    if (q->known.len > 0 || q->oldest <= 1) {
        return;
    }
    struct text *payload = &q->f->draft[q->f->drafts - 1].payload;
    const char *comma = text_starts(*payload, from) ? memchr(payload->p, ',', payload->len) : NULL;
    if (comma != NULL) {
        size_t skipped = (size_t)(comma - payload->p) + 1;
        *payload = arena_printf(q->f->a, "{%.*s", (int)(payload->len - skipped), comma + 1);
    }
}

/** *found: the registry has it. */
static enum mete_code policy_get(struct asking *q, bool *found)
{
    struct peers_answer answer = {.status = 0};
    struct version_there newest;
    enum mete_code code = get(q, "", q->known, &answer);
    struct text document = arena_text(q->f->a, buf_text(&answer.body));
    struct text etag = arena_text(q->f->a, text_of(answer.etag));
    buf_clear(&answer.body);
    *found = code == METE_OK && (answer.status == 200 || answer.status == 304);
    if (code != METE_OK || answer.status != 200) {
        return code;
    }
    code = meta_get(q, 0, &newest);
    if (code != METE_OK) {
        return code;
    }
    if (newest.number == 0 || !text_eq(newest.etag, etag)) {
        /* no mete; or a version came in between, which is found when this one is asked for again */
        newest = (struct version_there){.etag = etag};
    }
    *found = document_take(q, document, &newest);
    code = *found && newest.number > 1 ? history_get(q, newest.number - 1) : METE_OK;
    oldest_free(q);
    return code;
}

enum mete_code registry_fetch(struct registry_fetch *f)
{
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < f->count && code == METE_OK && desk_now() < f->until; i++) {
        struct asking q = {.f = f, .id = f->want[i].id, .known = f->want[i].etag};
        bool found = false;
        code = policy_get(&q, &found);
        if (!found && q.known.len == 0) {
            peers_policy_note(f->peers, f->book, q.id, POLICY_NOWHERE, desk_now());
        }
    }
    return code;
}

/* --- notes -------------------------------------------------------------------------------------*/

static void note_name(struct text id, char name[NOTE_MAX])
{
    static const char prefix[] = "registry:";
    struct hash h = sha256(text_bytes(id));
    memcpy(name, prefix, sizeof prefix);
    hash_hex(&h, name + sizeof prefix - 1);
}

/** The hash of the newest version, as hex; false: there is none. */
static bool newest_hex(struct engine *e, struct arena *a, struct text id, char hex[65])
{
    struct publication p;
    struct mete_err unused;
    if (publication_version(e, a, id, 0, &p, &unused) != METE_OK) {
        return false;
    }
    hash_hex(&p.hash, hex);
    return true;
}

void registry_note(struct engine *e, struct text id, struct text etag)
{
    char name[NOTE_MAX];
    char hex[65];
    struct arena a;
    struct mete_err unused;
    arena_init(&a, FETCH_MEMORY);
    if (newest_hex(e, &a, id, hex)) {
        note_name(id, name);
        struct text value = arena_printf(&a, "%s %.*s", hex, (int)etag.len, etag.p);
        /* a failure fails the group */
        (void)!book_meta_set(engine_book(e), name, value, &unused);
    }
    arena_clear(&a);
}

struct text registry_noted(struct engine *e, struct arena *a, struct text id)
{
    char name[NOTE_MAX];
    char hex[65];
    struct text value = {0};
    struct mete_err unused;
    note_name(id, name);
    if (book_meta_get(engine_book(e), name, a, &value, &unused) != STORE_OK || value.len < 65 ||
        !newest_hex(e, a, id, hex) || memcmp(hex, value.p, 64) != 0) {
        return (struct text){0};
    }
    return (struct text){value.p + 65, value.len - 65};
}
