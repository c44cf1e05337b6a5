/* SPDX-License-Identifier: Apache-2.0
 * The readers of documents stop at the first flaw, as a door should. To see the others, the flaw is
 * noted, its place is mended with whatever the reader takes there, and the document is read again.
 * Sums and signatures of a mended document mean nothing and are not reported. */
#include "wire/policy_problems.h"

#include "base/i128.h"
#include "base/text.h"
#include "wire/document.h"

#include <string.h>

#define TRY_ARENA_MAX ((size_t)1 << 30)

struct mending {
    struct arena *a; /* of the tree and the answer */
    struct json *doc;
    bool is_manifest; /* as it came; mending must not make a document of another kind of it */
    struct mete_err err;
};

/* --- places ------------------------------------------------------------------------------------*/

struct place {
    struct json *parent; /* NULL: the document itself */
    struct json *node;   /* NULL: not there */
    struct text name;    /* in an object */
};

static struct json *item_at(const struct json *j, struct text name)
{
    u128 index = 0;
    if (j->type == JSON_ARRAY && !u128_parse(name, &index)) {
        return NULL;
    }
    for (struct json *k = j->child; k != NULL; k = k->next) {
        bool hit = j->type == JSON_ARRAY ? index-- == 0 : text_eq(k->key, name);
        if (hit) {
            return k;
        }
    }
    return NULL;
}

/** One token of a pointer, unescaped (RFC 6901), in `a`. */
static struct text token_take(struct arena *a, const char **p)
{
    struct buf b = {0};
    for (++*p; **p != 0 && **p != '/'; ++*p) {
        if (**p == '~' && (*p)[1] != 0) {
            buf_put_u8(&b, *++*p == '1' ? '/' : '~');
        } else {
            buf_put_u8(&b, (uint8_t) * *p);
        }
    }
    struct text out = arena_text(a, buf_text(&b));
    buf_clear(&b);
    return out;
}

static struct place place_find(struct mending *m, const char *pointer)
{
    struct place at = {.node = m->doc};
    while (*pointer == '/' && at.node != NULL) {
        at.parent = at.node;
        at.name = token_take(m->a, &pointer);
        at.node = item_at(at.parent, at.name);
    }
    return at;
}

/* --- mending -----------------------------------------------------------------------------------*/

/** Puts `with` where the place is, or takes it away (NULL). */
static void place_set(struct place *at, struct json *with)
{
    struct json **link = &at->parent->child;
    while (*link != NULL && *link != at->node) {
        link = &(*link)->next;
    }
    if (at->node != NULL && with != NULL) {
        with->key = at->node->key;
        with->next = at->node->next;
        *link = with;
    } else if (at->node != NULL) {
        *link = at->node->next;
        at->parent->count--;
    } else if (with != NULL) {
        with->key = at->name;
        with->next = NULL;
        *link = with;
        at->parent->count++;
    }
    at->node = with;
    at->parent->last = NULL;
    for (struct json *k = at->parent->child; k != NULL; k = k->next) {
        at->parent->last = k;
    }
}

/** What may please a reader, tried in this order. */
static struct json *candidate(struct mending *m, size_t i)
{
    static const char *const TEXTS[] = {"0", "1", "urn:x", "2025-01-01T00:00:00Z", "0.2"};
    static const enum json_type TYPES[] = {JSON_ARRAY, JSON_OBJECT, JSON_TRUE};
    if (i < ARRAY_LEN(TEXTS)) {
        return json_new_string(m->a, text_of(TEXTS[i]));
    }
    i -= ARRAY_LEN(TEXTS);
    if (i == 0) {
        return json_new_number(m->a, TEXT("1"));
    }
    return i <= ARRAY_LEN(TYPES) ? json_new(m->a, TYPES[i - 1]) : NULL;
}

static enum mete_code try_read(const struct mending *m, struct mete_err *err)
{
    struct arena scratch;
    struct policy p;
    arena_init(&scratch, TRY_ARENA_MAX);
    enum mete_code code = document_is_manifest(m->doc)
                              ? manifest_read(&scratch, m->doc, "", &p, err)
                              : policy_document_read(&scratch, m->doc, "", &p, err);
    arena_clear(&scratch);
    return code;
}

/** True when the reader now gets past `pointer`. */
static bool gets_past(struct mending *m, const char *pointer)
{
    struct mete_err err;
    return document_is_manifest(m->doc) == m->is_manifest &&
           (try_read(m, &err) == METE_OK || strcmp(err.pointer, pointer) != 0);
}

/** Makes the place of the last error one that the reader accepts. False: it cannot be done. */
static bool mend(struct mending *m)
{
    char pointer[sizeof m->err.pointer];
    memcpy(pointer, m->err.pointer, sizeof pointer);
    struct place at = place_find(m, pointer);
    if (at.parent == NULL) {
        return false;
    }
    struct json *was = at.node;
    if (was != NULL && at.parent->type == JSON_OBJECT) {
        place_set(&at, NULL);
        if (gets_past(m, pointer)) {
            return true;
        }
    }
    for (size_t i = 0; candidate(m, i) != NULL; i++) {
        place_set(&at, candidate(m, i));
        if (gets_past(m, pointer)) {
            return true;
        }
    }
    return false;
}

/* --- the list ----------------------------------------------------------------------------------*/

static bool means_nothing(enum mete_code code)
{
    return code == METE_WEIGHT_SUM || code == METE_SIGNATURE_INVALID;
}

static void note(struct mending *m, struct problem *out)
{
    *out = (struct problem){.code = m->err.code,
                            .pointer = arena_text(m->a, text_of(m->err.pointer)),
                            .message = arena_text(m->a, text_of(m->err.text))};
}

size_t policy_problems(struct arena *a, struct text json, struct problem out[PROBLEMS_MAX])
{
    struct mending m = {.a = a};
    size_t count = 0;
    if (json_parse(a, json, &m.doc, &m.err) != METE_OK) {
        note(&m, &out[0]);
        return 1;
    }
    m.is_manifest = document_is_manifest(m.doc);
    while (count < PROBLEMS_MAX && try_read(&m, &m.err) != METE_OK) {
        if (count > 0 && means_nothing(m.err.code)) {
            break;
        }
        note(&m, &out[count++]);
        if (!mend(&m)) {
            break;
        }
    }
    return count;
}
