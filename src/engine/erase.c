/* SPDX-License-Identifier: Apache-2.0
 * Erasing what is private about a party. */
#include "engine/erase.h"

#include "base/limits.h"
#include "base/text.h"
#include "engine/insights.h"
#include "engine/internal.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

static bool count_visit(void *arg, const struct sealed_value *v)
{
    (void)v;
    ++*(uint64_t *)arg;
    return true;
}

/* Refused events that name a party. */
struct naming {
    struct text party;
    struct arena arena; /* of one event */
    uint64_t *id;
    size_t count, cap;
};

/** A member's name or a string of the tree is `wanted`, whole and unescaped. */
static bool tree_names(const struct json *j, struct text wanted)
{
    if (text_eq(j->key, wanted) || (j->type == JSON_STRING && text_eq(j->text, wanted))) {
        return true;
    }
    for (const struct json *child = j->child; child != NULL; child = child->next) {
        if (tree_names(child, wanted)) {
            return true;
        }
    }
    return false;
}

/** What is no JSON names it when it stands there in quotes, as JSON would write it. */
static bool bytes_name(struct text body, struct text wanted)
{
    struct buf quoted = {0};
    json_put_string(&quoted, wanted);
    bool found = memmem(body.p, body.len, quoted.p, quoted.len) != NULL;
    buf_clear(&quoted);
    return found;
}

static bool body_names(struct naming *n, struct text body)
{
    struct json *tree = NULL;
    struct mete_err err;
    arena_reset(&n->arena);
    if (body.len == 0) {
        return false;
    }
    return json_parse(&n->arena, body, &tree, &err) == METE_OK ? tree_names(tree, n->party)
                                                               : bytes_name(body, n->party);
}

static bool naming_visit(void *arg, const struct quarantined *q)
{
    struct naming *n = arg;
    if (!body_names(n, q->body)) {
        return true;
    }
    if (n->count == n->cap) {
        n->cap = n->cap == 0 ? 16 : n->cap * 2;
        n->id = reallocarray(n->id, n->cap, sizeof *n->id);
        METE_ASSERT(n->id != NULL);
    }
    n->id[n->count++] = q->id;
    return true;
}

static void naming_clear(struct naming *n)
{
    arena_clear(&n->arena);
    free(n->id);
}

static enum mete_code find(struct engine *e, struct text party, struct erased *out,
                           struct naming *naming, struct mete_err *err)
{
    uint32_t unused;
    *out = (struct erased){0};
    *naming = (struct naming){.party = party};
    arena_init(&naming->arena, JSON_ARENA_MAX(EVENT_SIZE_MAX));
    if (party.len == 0) {
        return mete_fail(err, METE_NOT_FOUND, "", "a party has a name");
    }
    if (book_seals(e->book, 0, party, count_visit, &out->values, err) == STORE_FAILED ||
        book_quarantine(e->book, 0, naming_visit, naming, err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    out->quarantined = naming->count;
    enum mete_code code = insights_naming(e, party, false, &out->insights, err);
    if (code != METE_OK) {
        return code;
    }
    if (out->values + out->quarantined + out->insights == 0 &&
        view_party(&e->view, party, &unused) != VIEW_FOUND) {
        return mete_fail(err, METE_NOT_FOUND, "", "the log names no party \"%.*s\"", (int)party.len,
                         party.p);
    }
    return METE_OK;
}

enum mete_code party_erasable(struct engine *e, struct text party, struct erased *out,
                              struct mete_err *err)
{
    struct naming naming;
    enum mete_code code = find(e, party, out, &naming, err);
    naming_clear(&naming);
    return code;
}

/** One commit: all of it is gone, or nothing. */
static enum mete_code erase(struct engine *e, struct text party, const struct naming *naming,
                            struct erased *out, struct mete_err *err)
{
    /* first, also when there are none: from here on the store overwrites what it deletes */
    bool fine = book_seal_erase(e->book, party, &out->values, err) != STORE_FAILED;
    for (size_t i = 0; fine && i < naming->count; i++) {
        fine = book_quarantine_remove(e->book, naming->id[i], err) != STORE_FAILED;
    }
    fine = fine && insights_naming(e, party, true, &out->insights, err) == METE_OK;
    if (!fine) {
        book_rollback(e->book);
        return METE_STORE_FAILED;
    }
    return book_commit(e->book, err) == STORE_OK ? METE_OK : METE_STORE_FAILED;
}

enum mete_code party_erase(struct engine *e, struct text party, struct erased *out,
                           struct mete_err *err)
{
    struct naming naming;
    enum mete_code code = find(e, party, out, &naming, err);
    if (code == METE_OK && out->values + out->quarantined + out->insights > 0) {
        code = erase(e, party, &naming, out, err);
    }
    naming_clear(&naming);
    return code;
}
