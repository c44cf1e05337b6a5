/* SPDX-License-Identifier: Apache-2.0
 * Signed heads and proofs, from the hashes that the store keeps. */
#include "engine/log.h"

#include "crypto/sign.h"
#include "engine/internal.h"

#include <string.h>

/* --- hashes of the tree ------------------------------------------------------------------------*/

struct reading {
    struct book *book;
    struct mete_err *err;
};

static bool tree_read(void *ctx, unsigned level, uint64_t index, struct hash *out)
{
    struct reading *r = ctx;
    return book_tree_hash(r->book, level, index, out, r->err) == STORE_OK;
}

static enum mete_code unreadable(struct mete_err *err)
{
    return mete_fail(err, METE_STORE_CORRUPT, "", "a hash of the log's tree is not there");
}

static enum mete_code not_there(struct mete_err *err, uint64_t wanted, uint64_t size)
{
    return mete_fail(err, METE_NOT_FOUND, "", "entry %llu is not among the first %llu",
                     (unsigned long long)wanted, (unsigned long long)size);
}

/* --- checkpoints -------------------------------------------------------------------------------*/

/** C2SP signed-note: a key name has no white space and no plus sign. */
static bool is_plain(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch != 0 && strchr("._~:/-", ch) != NULL);
}

struct text log_origin(struct arena *a, const struct engine *e)
{
    struct buf name = {0};
    buf_put_str(&name, "mete/");
    for (const char *p = engine_book_name(e); *p != 0; p++) {
        if (is_plain(*p)) {
            buf_put_u8(&name, (uint8_t)*p);
        } else {
            buf_printf(&name, "%%%02X", (unsigned)(uint8_t)*p);
        }
    }
    struct text out = arena_text(a, buf_text(&name));
    buf_clear(&name);
    return out;
}

enum mete_code log_checkpoint(struct engine *e, struct arena *a, uint64_t size,
                              struct checkpoint *out, struct mete_err *err)
{
    struct reading r = {e->book, err};
    uint64_t all = book_head(e->book).size;
    if (!e->has_keys) {
        return mete_fail(err, METE_SEAL_KEY, "", "this book has no key to sign with");
    }
    if (size > all) {
        return not_there(err, size, all);
    }
    *out = (struct checkpoint){.size = size, .signed_at = engine_now(e)};
    if (!merkle_root_at(tree_read, &r, size, &out->root)) {
        return unreadable(err);
    }
    struct buf note = {0};
    checkpoint_write(&note, log_origin(a, e), size, &out->root, e->log_seed);
    out->note = arena_text(a, buf_text(&note));
    buf_clear(&note);
    return METE_OK;
}

struct text log_note(struct engine *e, struct arena *a, uint64_t size)
{
    struct checkpoint c;
    struct mete_err unused;
    return log_checkpoint(e, a, size, &c, &unused) == METE_OK ? c.note : (struct text){0};
}

enum mete_code log_checkpoint_keep(struct engine *e, const struct checkpoint *c,
                                   struct mete_err *err)
{
    if (book_checkpoint_add(e->book, c, err) != STORE_OK || book_commit(e->book, err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    return METE_OK;
}

/* --- proofs ------------------------------------------------------------------------------------*/

enum mete_code log_prove_inclusion(struct engine *e, uint64_t seq, uint64_t size,
                                   struct log_inclusion *out, struct mete_err *err)
{
    struct reading r = {e->book, err};
    struct log_row row;
    uint64_t all = book_head(e->book).size;
    if (size > all) {
        return not_there(err, size, all);
    }
    if (seq == 0 || seq > size) {
        return not_there(err, seq, size);
    }
    if (book_row(e->book, seq, &row, err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    *out = (struct log_inclusion){.seq = seq,
                                  .size = size,
                                  .recorded_at = row.recorded_at,
                                  .event = sha256(row.event),
                                  .decision = sha256(row.decision),
                                  .leaf = row.leaf};
    if (!merkle_root_at(tree_read, &r, size, &out->root) ||
        !merkle_inclusion(tree_read, &r, seq - 1, size, out->path, &out->path_count)) {
        return unreadable(err);
    }
    return METE_OK;
}

bool log_inclusion_holds(const struct log_inclusion *p)
{
    struct hash leaf = merkle_leaf(&p->event, &p->decision, p->recorded_at);
    return p->seq > 0 && p->seq <= p->size && hash_eq(&leaf, &p->leaf) &&
           merkle_inclusion_verify(&p->leaf, p->seq - 1, p->size, p->path, p->path_count, &p->root);
}

enum mete_code log_prove_consistency(struct engine *e, uint64_t first, uint64_t second,
                                     struct log_consistency *out, struct mete_err *err)
{
    struct reading r = {e->book, err};
    uint64_t all = book_head(e->book).size;
    if (second > all) {
        return not_there(err, second, all);
    }
    if (first == 0 || first > second) {
        return not_there(err, first, second);
    }
    *out = (struct log_consistency){.first = first, .second = second};
    if (!merkle_root_at(tree_read, &r, first, &out->first_root) ||
        !merkle_root_at(tree_read, &r, second, &out->second_root) ||
        !merkle_consistency(tree_read, &r, first, second, out->path, &out->path_count)) {
        return unreadable(err);
    }
    return METE_OK;
}

bool log_consistency_holds(const struct log_consistency *p)
{
    return merkle_consistency_verify(p->first, p->second, &p->first_root, &p->second_root, p->path,
                                     p->path_count);
}
