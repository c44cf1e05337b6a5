/* SPDX-License-Identifier: Apache-2.0
 * What a book keeps beside its events: tree hashes and checkpoints, sealed values, quarantine and
 * small named values. All of it belongs to the store; this is the door. */
#include "store/book.h"
#include "store/inbox.h"

enum store_result book_tree_hash(struct book *b, unsigned level, uint64_t index, struct hash *out,
                                 struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? tree_hash(&b->tree, level, index, out, err) : STORE_FAILED;
}

enum store_result book_checkpoint_add(struct book *b, const struct checkpoint *c,
                                      struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->checkpoint_add(b->log, c, err));
}

enum store_result book_checkpoints(struct book *b, checkpoint_visit *visit, void *arg,
                                   struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->checkpoints(b->log, visit, arg, err)
                                      : STORE_FAILED;
}

enum store_result book_seal_add(struct book *b, const struct sealed_value *v, struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->seal_add(b->log, v, err));
}

enum store_result book_seals(struct book *b, uint64_t seq, struct text party, sealed_visit *visit,
                             void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->seals(b->log, seq, party, visit, arg, err)
                                      : STORE_FAILED;
}

enum store_result book_seal_erase(struct book *b, struct text party, uint64_t *count,
                                  struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->seal_erase(b->log, party, count, err));
}

enum store_result book_quarantine_add(struct book *b, const struct quarantined *q, uint64_t max,
                                      struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->quarantine_add(b->log, q, max, err));
}

enum store_result book_quarantine_remove(struct book *b, uint64_t id, struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->quarantine_remove(b->log, id, err));
}

enum store_result book_quarantine(struct book *b, uint64_t after, quarantine_visit *visit,
                                  void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->quarantine(b->log, after, visit, arg, err)
                                      : STORE_FAILED;
}

static bool quarantine_tick(void *arg, const struct quarantined *q)
{
    (void)q;
    ++*(uint64_t *)arg;
    return true;
}

enum store_result book_quarantine_count(struct book *b, uint64_t *count, struct mete_err *err)
{
    err = book_err(b, err);
    *count = 0;
    if (!book_usable(b, false, err)) {
        return STORE_FAILED;
    }
    return b->port->quarantine_count != NULL
               ? b->port->quarantine_count(b->log, count, err)
               : b->port->quarantine(b->log, 0, quarantine_tick, count, err);
}

enum store_result book_meta_get(struct book *b, const char *name, struct arena *a,
                                struct text *value, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->meta_get(b->log, name, a, value, err)
                                      : STORE_FAILED;
}

enum store_result book_meta_set(struct book *b, const char *name, struct text value,
                                struct mete_err *err)
{
    err = book_err(b, err);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->meta_set(b->log, name, value, err));
}

enum store_result book_metas(struct book *b, meta_visit *visit, void *arg, struct mete_err *err)
{
    err = book_err(b, err);
    return book_usable(b, false, err) ? b->port->metas(b->log, visit, arg, err) : STORE_FAILED;
}

enum store_result book_inbox_claim(struct book *b, const struct inbox_id *id, struct mete_err *err)
{
    err = book_err(b, err);
    METE_ASSERT(b->port->inbox_claim != NULL);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->inbox_claim(b->log, id, err));
}

enum store_result book_inbox_answer(struct book *b, const struct inbox_item *answer,
                                    struct mete_err *err)
{
    err = book_err(b, err);
    METE_ASSERT(b->port->inbox_answer != NULL);
    if (!book_usable(b, true, err)) {
        return STORE_FAILED;
    }
    return book_wrote(b, b->port->inbox_answer(b->log, answer, err));
}
