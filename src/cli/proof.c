/* SPDX-License-Identifier: Apache-2.0
 * Proofs in JSON. Hashes are 64 hexadecimal digits. */
#include "cli/proof.h"

#include "base/encode.h"
#include "base/i128.h"
#include "base/text.h"
#include "render/render.h"

#include <string.h>

/* --- writing -----------------------------------------------------------------------------------*/

void proof_json(struct json_writer *w, const struct proof *p)
{
    if (p->kind == PROOF_INCLUSION) {
        inclusion_json(w, &p->inclusion, p->event_id, p->checkpoint);
    } else {
        consistency_json(w, &p->consistency, p->checkpoint);
    }
}

/* --- reading -----------------------------------------------------------------------------------*/

struct reading {
    const struct json *doc;
    struct mete_err *err;
    enum mete_code code;
};

static const struct json *member(struct reading *r, const char *key, enum json_type type)
{
    char pointer[64] = "";
    const struct json *j = json_get(r->doc, key);
    json_pointer_add(pointer, sizeof pointer, text_of(key));
    if (r->code == METE_OK && j == NULL) {
        r->code = mete_fail(r->err, METE_MEMBER_MISSING, pointer, "a proof needs \"%s\"", key);
    } else if (r->code == METE_OK && j->type != type) {
        r->code = mete_fail(r->err, METE_MEMBER_TYPE, pointer, "\"%s\" has the wrong type", key);
    }
    return r->code == METE_OK ? j : NULL;
}

static void bad(struct reading *r, const char *key, const char *what)
{
    char pointer[64] = "";
    json_pointer_add(pointer, sizeof pointer, text_of(key));
    r->code = mete_fail(r->err, METE_MEMBER_VALUE, pointer, "\"%s\" is no %s", key, what);
}

static void take_hash(struct reading *r, const char *key, struct hash *out)
{
    const struct json *j = member(r, key, JSON_STRING);
    if (j != NULL && (j->text.len != 64 || !hex_decode(out->b, sizeof out->b, j->text))) {
        bad(r, key, "hash of 64 hexadecimal digits");
    }
}

static void take_size(struct reading *r, const char *key, uint64_t *out)
{
    const struct json *j = member(r, key, JSON_NUMBER);
    int64_t n = 0;
    if (j != NULL && !json_int(j, 0, INT64_MAX, &n)) {
        bad(r, key, "number of entries");
    }
    *out = (uint64_t)n;
}

static void take_path(struct reading *r, struct hash *path, size_t *count)
{
    const struct json *list = member(r, "path", JSON_ARRAY);
    *count = 0;
    for (const struct json *j = list != NULL ? list->child : NULL; j != NULL; j = j->next) {
        bool fine = j->type == JSON_STRING && j->text.len == 64 && *count < MERKLE_PROOF_MAX &&
                    hex_decode(path[*count].b, sizeof path->b, j->text);
        if (!fine) {
            bad(r, "path", "list of at most 64 hashes");
            return;
        }
        ++*count;
    }
}

static void take_inclusion(struct reading *r, struct log_inclusion *x)
{
    *x = (struct log_inclusion){0};
    take_size(r, "seq", &x->seq);
    take_size(r, "size", &x->size);
    take_hash(r, "event_sha256", &x->event);
    take_hash(r, "decision_sha256", &x->decision);
    take_hash(r, "leaf", &x->leaf);
    take_path(r, x->path, &x->path_count);
    take_hash(r, "root", &x->root);
    const struct json *at = member(r, "recorded_at", JSON_STRING);
    if (at != NULL && time_parse(at->text, &x->recorded_at) != TIME_OK) {
        bad(r, "recorded_at", "RFC 3339 time");
    }
}

static void take_consistency(struct reading *r, struct log_consistency *x)
{
    *x = (struct log_consistency){0};
    take_size(r, "first", &x->first);
    take_size(r, "second", &x->second);
    take_hash(r, "first_root", &x->first_root);
    take_path(r, x->path, &x->path_count);
    take_hash(r, "second_root", &x->second_root);
}

enum mete_code proof_read(struct arena *a, struct text json, struct proof *out,
                          struct mete_err *err)
{
    struct json *doc = NULL;
    enum mete_code code = json_parse(a, json, &doc, err);
    if (code != METE_OK) {
        return code;
    }
    struct reading r = {doc, err, METE_OK};
    const struct json *kind = member(&r, "kind", JSON_STRING);
    const struct json *note = json_get(doc, "checkpoint");
    *out = (struct proof){.kind = PROOF_INCLUSION};
    if (kind != NULL && text_is(kind->text, "inclusion")) {
        take_inclusion(&r, &out->inclusion);
        const struct json *id = json_get(doc, "event_id");
        out->event_id = id != NULL && id->type == JSON_STRING ? id->text : (struct text){0};
    } else if (kind != NULL && text_is(kind->text, "consistency")) {
        out->kind = PROOF_CONSISTENCY;
        take_consistency(&r, &out->consistency);
    } else if (kind != NULL) {
        bad(&r, "kind", "kind of proof: inclusion or consistency");
    }
    out->checkpoint = note != NULL && note->type == JSON_STRING ? note->text : (struct text){0};
    return r.code;
}

/* --- judging -----------------------------------------------------------------------------------*/

bool proof_holds(const struct proof *p)
{
    return p->kind == PROOF_INCLUSION ? log_inclusion_holds(&p->inclusion)
                                      : log_consistency_holds(&p->consistency);
}

uint64_t proof_size(const struct proof *p)
{
    return p->kind == PROOF_INCLUSION ? p->inclusion.size : p->consistency.second;
}

struct hash proof_root(const struct proof *p)
{
    return p->kind == PROOF_INCLUSION ? p->inclusion.root : p->consistency.second_root;
}

struct text note_origin(struct text note)
{
    size_t len = 0;
    while (len < note.len && note.p[len] != '\n') {
        len++;
    }
    return (struct text){note.p, len};
}
