/* SPDX-License-Identifier: Apache-2.0
 * Finding published documents again. A note says where a document's hash was published; it is a
 * hint that is checked against the log, which alone is right. */
#include "engine/publication.h"

#include "base/i128.h"
#include "base/text.h"
#include "engine/sealed.h"
#include "engine/walk.h"
#include "wire/json.h"

#include <string.h>

#define ROWS_AT_ONCE 4096u
#define SCAN_MAX     ((size_t)1 << 32) /* bytes of the arena that one row is read into */
#define NAME_MAX_LEN 96

/* --- by hash -----------------------------------------------------------------------------------*/

static void note_name(const struct hash *hash, char name[NAME_MAX_LEN])
{
    static const char prefix[] = "publication:";
    memcpy(name, prefix, sizeof prefix);
    hash_hex(hash, name + sizeof prefix - 1);
}

struct search {
    struct arena a; /* of one row */
    struct hash hash;
    uint64_t seq; /* the last that was found */
};

static bool search_visit(void *arg, const struct log_row *row)
{
    static const char TYPE[] = "\"policy.published\"";
    struct search *s = arg;
    struct envelope envelope;
    struct mete_err err;
    const struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    if (memmem(row->event.p, row->event.len, TYPE, sizeof TYPE - 1) == NULL) {
        return true;
    }
    arena_reset(&s->a);
    struct text json = arena_text(&s->a, bytes_text(row->event));
    if (envelope_read(&s->a, json, &stored, &envelope, &err) == METE_OK &&
        envelope.event.type == EVENT_POLICY_PUBLISHED &&
        hash_eq(&envelope.event.policy.policy->hash, &s->hash)) {
        s->seq = row->seq;
    }
    return true;
}

/** What a note says, if the entry is such a publication; notes outlive a restored backup. */
static enum mete_code noted(struct engine *e, struct search *s, struct mete_err *err)
{
    struct text value;
    u128 seq = 0;
    char name[NAME_MAX_LEN];
    note_name(&s->hash, name);
    enum store_result r = book_meta_get(engine_book(e), name, &s->a, &value, err);
    if (r == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    if (r != STORE_OK || !u128_parse(value, &seq) || seq == 0 || seq > book_size(engine_book(e))) {
        return METE_OK;
    }
    return walk_rows(e, (uint64_t)seq, (uint64_t)seq + 1, search_visit, s, err);
}

enum mete_code publication_seek(struct engine *e, const struct hash *hash, uint64_t *seq,
                                struct mete_err *err)
{
    struct search s = {.hash = *hash};
    arena_init(&s.a, SCAN_MAX);
    enum mete_code code = noted(e, &s, err);
    for (uint64_t until = book_size(engine_book(e)) + 1;
         until > 1 && s.seq == 0 && code == METE_OK;) {
        uint64_t from = until > ROWS_AT_ONCE ? until - ROWS_AT_ONCE : 1;
        code = walk_rows(e, from, until, search_visit, &s, err);
        until = from;
    }
    arena_clear(&s.a);
    *seq = s.seq;
    return code;
}

enum mete_code publication_note(struct engine *e, const struct hash *hash, uint64_t seq,
                                struct mete_err *err)
{
    char name[NAME_MAX_LEN];
    char digits[I128_TEXT_MAX];
    struct text value = {digits, 0};
    note_name(hash, name);
    value.len = u128_format(seq, digits);
    return book_meta_set(engine_book(e), name, value, err) == STORE_FAILED ? METE_STORE_FAILED
                                                                           : METE_OK;
}

/* --- by id -------------------------------------------------------------------------------------*/

enum mete_code publication_version(struct engine *e, struct arena *a, struct text id,
                                   uint32_t version, struct publication *out, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct version *versions = NULL;
    size_t count = 0;
    uint32_t number = 0;
    (void)view_policy(v, a, id, &number, &versions, &count);
    if (count == 0 || version > count) {
        enum mete_code none = mete_fail(err, METE_NOT_FOUND, NULL,
                                        count == 0 ? "no policy of this id was published"
                                                   : "the policy has no such version");
        return engine_sound(e, none, err);
    }
    const struct version *chosen = &versions[version == 0 ? count - 1 : version - 1];
    *out = (struct publication){
        .number = chosen->number, .count = (uint32_t)count, .from = chosen->from};
    if (view_policy_version(v, a, number, chosen->number, &out->policy) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_CORRUPT, NULL, "a version of the policy cannot be read");
    }
    out->hash = out->policy->hash;
    return METE_OK;
}

/* --- the document ------------------------------------------------------------------------------*/

struct opening {
    const struct engine *e;
    struct arena *a;
    struct json *tree;
};

/** Puts a private value back in its place. One that does not open stays a commitment. */
static bool value_open(void *arg, const struct sealed_value *v)
{
    struct opening *o = arg;
    struct buf plain = {0};
    struct json *place = (struct json *)(uintptr_t)sealed_place(o->tree, v->pointer);
    if (place != NULL && place->type == JSON_STRING && sealed_open(o->e, v, &plain)) {
        struct text value = {(const char *)plain.p + SALT_LEN, plain.len - SALT_LEN};
        place->text = arena_text(o->a, value);
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return true;
}

enum mete_code publication_document(struct engine *e, struct arena *a, struct publication *p,
                                    struct mete_err *err)
{
    struct log_row row;
    struct opening o = {.e = e, .a = a};
    struct buf out = {0};
    enum mete_code code = publication_seek(e, &p->hash, &p->seq, err);
    if (code != METE_OK) {
        return code;
    }
    if (p->seq == 0 || book_row(engine_book(e), p->seq, &row, err) != STORE_OK) {
        return mete_fail(err, METE_STORE_CORRUPT, NULL, "no entry of the log published this");
    }
    code = json_parse(a, arena_text(a, bytes_text(row.event)), &o.tree, err);
    if (code == METE_OK &&
        book_seals(engine_book(e), p->seq, (struct text){0}, value_open, &o, err) == STORE_FAILED) {
        code = METE_STORE_FAILED;
    }
    if (code == METE_OK) {
        const struct json *payload = json_get(o.tree, "payload");
        const struct json *manifest = json_get(payload, "manifest");
        p->is_manifest = manifest != NULL;
        code = json_canonical(manifest != NULL ? manifest : json_get(payload, "policy"), &out, err);
        p->document = arena_text(a, buf_text(&out));
    }
    buf_clear(&out);
    return code;
}
