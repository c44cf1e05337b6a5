/* SPDX-License-Identifier: Apache-2.0
 * What a simulation begins with: the assets of the book, so that a draft may name them, and the
 * drafts, published before everything else. */
#include "engine/simulate_parts.h"

#include "base/limits.h"
#include "base/text.h"
#include "engine/walk.h"
#include "wire/document.h"

#define ARENA_MAX ((size_t)1 << 32)

/* --- assets
 * -------------------------------------------------------------------------------------*/

static enum mete_code assets_find(struct simulate *x, struct arena *a, struct walk_keys *keys)
{
    struct key from = key_of(KEY_ASSET_NUMBER);
    struct key until = key_prefix_end(from);
    return walk_keys(x->e, a, key_bytes(&from), key_bytes(&until), ASSETS_MAX, keys, x->err);
}

enum mete_code simulate_lead(struct simulate *x, uint64_t *lead)
{
    struct arena a;
    struct walk_keys keys;
    arena_init(&a, ARENA_MAX);
    enum mete_code code = assets_find(x, &a, &keys);
    *lead = keys.count + x->q->document_count;
    arena_clear(&a);
    return code;
}

static enum mete_code assets_define(struct simulate *x, mete_time at)
{
    struct arena a;
    struct walk_keys keys;
    arena_init(&a, ARENA_MAX);
    enum mete_code code = assets_find(x, &a, &keys);
    for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
        struct asset asset;
        struct mete_err why;
        bool applied;
        METE_ASSERT(view_asset_number(engine_view(x->e), key_read_u32(keys.key[i], 1), &asset) ==
                    VIEW_FOUND);
        const struct event event = {.type = EVENT_ASSET_DEFINED,
                                    .id = TEXT("asset"),
                                    .occurred_at = at,
                                    .asset = {text_of(asset.code), asset.scale}};
        code = simulate_step(x, &event, at, &applied, &why);
    }
    arena_clear(&a);
    return code;
}

/* --- drafts
 * -------------------------------------------------------------------------------------*/

static enum mete_code document_read(struct simulate *x, struct text document, struct policy *p)
{
    struct json *doc;
    enum mete_code code = json_parse(x->a, document, &doc, x->err);
    if (code != METE_OK) {
        return code;
    }
    return document_is_manifest(doc) ? manifest_read(x->a, doc, "", p, x->err)
                                     : policy_document_read(x->a, doc, "", p, x->err);
}

/** Notes the draft with the versions that its id has in the book. */
static enum mete_code draft_note(struct simulate *x, size_t index, const struct policy *p)
{
    struct draft *d = &x->draft[index];
    uint32_t number;
    d->id = p->id;
    if (text_starts(p->id, "mete:")) {
        return mete_fail(
            x->err, METE_PARTY_RESERVED, "/id",
            "%.*s cannot be drafted: ids that begin with mete: are mete's own, and the "
            "contract of a campaign follows from its events",
            (int)p->id.len, p->id.p);
    }
    for (size_t i = 0; i < index; i++) {
        if (text_eq(x->draft[i].id, d->id)) {
            return mete_fail(x->err, METE_USAGE, "", "two drafts have the id %.*s", (int)p->id.len,
                             p->id.p);
        }
    }
    (void)view_policy(engine_view(x->e), x->a, d->id, &number, &d->version, &d->version_count);
    return METE_OK;
}

static enum mete_code draft_publish(struct simulate *x, size_t index, mete_time at)
{
    struct policy *p = arena_alloc(x->a, sizeof *p);
    bool applied = false;
    enum mete_code code = document_read(x, x->q->document[index], p);
    code = code == METE_OK ? draft_note(x, index, p) : code;
    if (code != METE_OK) {
        return code;
    }
    const struct event event = {.type = EVENT_POLICY_PUBLISHED,
                                .id = TEXT("draft"),
                                .occurred_at = at,
                                .policy = {p, x->q->from}};
    code = simulate_step(x, &event, at, &applied, x->err);
    return code == METE_OK && !applied ? x->err->code : code;
}

enum mete_code simulate_drafts(struct simulate *x, mete_time at)
{
    x->draft = arena_array(x->a, x->q->document_count, sizeof *x->draft);
    enum mete_code code = assets_define(x, at);
    for (size_t i = 0; i < x->q->document_count && code == METE_OK; i++) {
        code = draft_publish(x, i, at);
    }
    return code;
}

bool simulate_replaced(struct simulate *x, struct event *event)
{
    mete_time from = x->q->from.set ? x->q->from.at : TIME_ALWAYS;
    for (size_t i = 0; i < x->q->document_count; i++) {
        struct draft *d = &x->draft[i];
        if (!text_eq(d->id, event->policy.policy->id)) {
            continue;
        }
        METE_ASSERT(d->seen < d->version_count);
        mete_time in_force = d->version[d->seen++].from;
        if (in_force == TIME_ALWAYS) {
            event->policy.effective_from = (struct when){true, TIME_MIN}; /* it is not first here */
        }
        return in_force >= from;
    }
    return false;
}
