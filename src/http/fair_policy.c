/* SPDX-License-Identifier: Apache-2.0
 * GET /.well-known/fair-policy.json: what a book takes and when it pays, before anybody deals with
 * it. All of it comes from the book's own events. */
#include "http/base_url.h"
#include "http/desk.h"
#include "http/reply.h"
#include "http/routes.h"

#include "base/encode.h"
#include "base/text.h"
#include "core/view.h"
#include "crypto/sign.h"
#include "engine/log.h"
#include "wire/document.h"
#include "wire/json_values.h"

#include <string.h>

#define DOCUMENT_VERSION "1.0.0"

/* Told when this server answers them. */
static const struct {
    const char *name;
    const char *path;
} ENDPOINTS[] = {
    {"openapi", "/openapi.json"},
    {"documentation", "/llms.txt"},
    {"events", "/v1/events"},
    {"usage", "/usage"},
    {"revenue", "/revenue/distribute"},
    {"manifests", "/v1/manifests"},
    {"validate", "/validate"},
    {"balance", "/v1/parties/{id}/balance"},
    {"statements", "/v1/statements"},
    {"explain", "/v1/explain/{id}"},
    {"checkpoint", "/v1/log/checkpoint"},
    {"inclusion", "/v1/log/inclusion/{event_id}"},
    {"consistency", "/v1/log/consistency"},
};

struct policy_page {
    struct engine *e;
    struct exchange *x;
    const struct view *view;
    struct json_writer w;
    bool failed; /* something that must be there is not */
};

static void party_member(struct policy_page *p, const char *name, uint32_t number)
{
    struct text id = {0};
    p->failed |= view_party_id(p->view, number, &id) != VIEW_FOUND;
    jw_text(&p->w, name, id);
}

static void money_member(struct policy_page *p, const char *name, uint32_t number, i128 amount)
{
    struct asset asset = {0};
    p->failed |= view_asset_number(p->view, number, &asset) != VIEW_FOUND;
    jw_object(&p->w, name);
    jw_i128(&p->w, "amount", amount);
    jw_asset(&p->w, &asset);
    jw_end_object(&p->w);
}

/* --- fees --------------------------------------------------------------------------------------*/

static void fee_write(struct policy_page *p, const struct fee *fee)
{
    jw_object(&p->w, NULL);
    jw_text(&p->w, "label", fee->label);
    if (fee->is_fixed) {
        money_member(p, "fixed", fee->fixed_asset, fee->fixed_amount);
    } else {
        jw_int(&p->w, "rateBps", fee->bps);
    }
    party_member(p, "recipient", fee->number);
    jw_array(&p->w, "children");
    for (uint32_t i = 0; i < fee->child_count; i++) {
        jw_object(&p->w, NULL);
        jw_text(&p->w, "label", fee->child[i].label);
        jw_int(&p->w, "shareBps", fee->child[i].share_bps);
        party_member(p, "recipient", fee->child[i].number);
        jw_end_object(&p->w);
    }
    jw_end_array(&p->w);
    jw_end_object(&p->w);
}

/** The schedule in force now; an empty list when there is none. */
static void fees_write(struct policy_page *p)
{
    struct version *versions = NULL;
    size_t count = 0;
    struct fee_schedule s = {0};
    p->failed |= view_fees(p->view, &p->x->arena, &versions, &count) == VIEW_MISSING;
    const struct version *now = version_at(versions, count, engine_now(p->e));
    if (now != NULL) {
        p->failed |= view_fees_version(p->view, &p->x->arena, now->number, &s) != VIEW_FOUND;
    }
    jw_array(&p->w, "fees");
    for (uint32_t i = 0; i < s.fee_count; i++) {
        fee_write(p, &s.fee[i]);
    }
    jw_end_array(&p->w);
    jw_int(&p->w, "fees_version", now != NULL ? now->number : 0);
    jw_time(&p->w, "fees_since", now != NULL ? now->from : TIME_ALWAYS);
}

/* --- terms -------------------------------------------------------------------------------------*/

static void terms_write(struct policy_page *p)
{
    struct book_config book;
    const char *generation;
    p->failed |= view_book(p->view, &book) == VIEW_MISSING;
    jw_object(&p->w, "clearing");
    jw_int(&p->w, "clear_after_days", book.clear_after_days);
    jw_int(&p->w, "dispute_auto_clear_days", book.dispute_auto_clear_days);
    jw_end_object(&p->w);
    jw_object(&p->w, "settlement");
    if (book.has_payout_minimum) {
        money_member(p, "minimum", book.payout_asset, book.payout_minimum);
    } else {
        jw_null(&p->w, "minimum");
    }
    jw_end_object(&p->w);
    jw_object(&p->w, "attribution");
    jw_bool(&p->w, "required", book.attribution_required);
    party_member(p, "unallocated", book.unallocated);
    jw_array(&p->w, "manifest_formats");
    for (size_t i = 0; (generation = manifest_generation_at(i)) != NULL; i++) {
        jw_str(&p->w, NULL, generation);
    }
    jw_end_array(&p->w);
    jw_end_object(&p->w);
}

/* --- the log -----------------------------------------------------------------------------------*/

/** The key in the form that readers of signed notes take: C2SP signed-note, "name+id+key". */
static struct text verifier_of(struct arena *a, struct text origin,
                               const uint8_t key[ED25519_PUBLIC_LEN])
{
    uint8_t typed[1 + ED25519_PUBLIC_LEN] = {1}; /* Ed25519 */
    char text[BASE64_TEXT_MAX(sizeof typed)];
    char id[2 * 4 + 1];
    memcpy(typed + 1, key, ED25519_PUBLIC_LEN);
    const struct bytes parts[] = {
        text_bytes(origin), text_bytes(TEXT("\n")), {typed, sizeof typed}};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    hex_encode(id, (struct bytes){h.b, 4});
    (void)base64_encode(text, (struct bytes){typed, sizeof typed});
    return arena_printf(a, "%.*s+%s+%s", (int)origin.len, origin.p, id, text);
}

static void log_write(struct policy_page *p)
{
    uint8_t key[ED25519_PUBLIC_LEN];
    char did[DID_KEY_TEXT_MAX];
    struct text origin = log_origin(&p->x->arena, p->e);
    ed25519_public(key, engine_log_seed(p->e));
    did_key_format(did, key);
    jw_object(&p->w, "log");
    jw_text(&p->w, "origin", origin);
    jw_str(&p->w, "key", did);
    jw_text(&p->w, "verifier", verifier_of(&p->x->arena, origin, key));
    jw_str(&p->w, "prefix", "/v1/log"); /* C2SP tlog-tiles: of checkpoint and tile/... */
    jw_end_object(&p->w);
}

static void endpoints_write(struct policy_page *p, const struct desk *d)
{
    jw_object(&p->w, "endpoints");
    for (size_t i = 0; i < ARRAY_LEN(ENDPOINTS); i++) {
        if (path_is_answered(d, ENDPOINTS[i].path)) {
            jw_str(&p->w, ENDPOINTS[i].name, ENDPOINTS[i].path);
        }
    }
    jw_end_object(&p->w);
}

void fair_policy_get(struct desk *d, struct engine *e, struct exchange *x)
{
    struct policy_page p = {.e = e, .x = x, .view = engine_view(e)};
    reply_json(x, 200, &p.w);
    jw_object(&p.w, NULL);
    jw_str(&p.w, "version", DOCUMENT_VERSION);
    jw_text(&p.w, "node", base_url(d, x));
    jw_str(&p.w, "software", "mete " METE_VERSION);
    jw_str(&p.w, "book", engine_book_name(e));
    fees_write(&p);
    terms_write(&p);
    log_write(&p);
    endpoints_write(&p, d);
    jw_end_object(&p.w);
    if (p.failed) {
        reply_fail(x, METE_STORE_FAILED, NULL, "the terms of the book cannot be read");
        return;
    }
    reply_header(x, "Cache-Control", TEXT("private, max-age=300"));
    reply_header(x, "Vary", TEXT("Authorization, X-API-Key"));
}
