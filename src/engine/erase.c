/* SPDX-License-Identifier: Apache-2.0
 * Erasing what is private about a party. */
#include "engine/erase.h"

#include "base/text.h"
#include "engine/internal.h"

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
    uint64_t *id;
    size_t count, cap;
};

static bool naming_visit(void *arg, const struct quarantined *q)
{
    struct naming *n = arg;
    if (q->body.len == 0 || memmem(q->body.p, q->body.len, n->party.p, n->party.len) == NULL) {
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

static enum mete_code find(struct engine *e, struct text party, struct erased *out,
                           struct naming *naming, struct mete_err *err)
{
    uint32_t unused;
    *out = (struct erased){0};
    *naming = (struct naming){.party = party};
    if (party.len == 0) {
        return mete_fail(err, METE_NOT_FOUND, "", "a party has a name");
    }
    if (book_seals(e->book, 0, party, count_visit, &out->values, err) == STORE_FAILED ||
        book_quarantine(e->book, 0, naming_visit, naming, err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    out->quarantined = naming->count;
    if (out->values + out->quarantined == 0 && view_party(&e->view, party, &unused) != VIEW_FOUND) {
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
    free(naming.id);
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
    if (code == METE_OK && out->values + out->quarantined > 0) {
        code = erase(e, party, &naming, out, err);
    }
    free(naming.id);
    return code;
}
