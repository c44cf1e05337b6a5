/* SPDX-License-Identifier: Apache-2.0
 * Erasing sealed values of a party. */
#include "engine/erase.h"

#include "engine/internal.h"

static bool count_visit(void *arg, const struct sealed_value *v)
{
    (void)v;
    ++*(uint64_t *)arg;
    return true;
}

enum mete_code party_sealed_count(struct engine *e, struct text party, uint64_t *count,
                                  struct mete_err *err)
{
    uint32_t unused;
    *count = 0;
    if (book_seals(e->book, 0, party, count_visit, count, err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    if (*count == 0 && view_party(&e->view, party, &unused) != VIEW_FOUND) {
        return mete_fail(err, METE_NOT_FOUND, "", "the log names no party \"%.*s\"", (int)party.len,
                         party.p);
    }
    return METE_OK;
}

enum mete_code party_erase(struct engine *e, struct text party, uint64_t *count,
                           struct mete_err *err)
{
    enum mete_code code = party_sealed_count(e, party, count, err);
    if (code != METE_OK || *count == 0) {
        return code;
    }
    if (book_seal_erase(e->book, party, count, err) == STORE_FAILED ||
        book_commit(e->book, err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    return METE_OK;
}
