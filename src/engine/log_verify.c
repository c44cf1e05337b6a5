/* SPDX-License-Identifier: Apache-2.0
 * The stored log against itself: leaves from rows, subtrees from leaves, head and checkpoints from
 * subtrees. Works in batches, because a store may not be read inside its own scan. */
#include "engine/log.h"

#include "base/text.h"
#include "crypto/sign.h"
#include "engine/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS       4096u
#define VERIFY_ARENA_MAX ((size_t)4 << 30)

/* A subtree that the rows of a batch completed. */
struct subtree {
    unsigned level;
    uint64_t index;
    struct hash hash;
};

struct verify {
    struct engine *e;
    struct mete_err *err;
    enum mete_code code;
    struct merkle tree;
    uint64_t rows_in_batch;
    struct buf subtrees;      /* struct subtree */
    struct buf paged;         /* uint64_t: rows whose decision has further pages */
    struct arena arena;       /* of one row */
    struct arena keep;        /* as long as the check */
    struct checkpoint *check; /* by size */
    size_t check_count, check_cap, check_done;
    uint8_t public_key[ED25519_PUBLIC_LEN];
    struct text origin;
};

METE_PRINTF(2, 3)
static bool wrong(struct verify *v, const char *fmt, ...)
{
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v->code = mete_fail(v->err, METE_PROOF_FAILED, "", "%s", text);
    return false;
}

/* --- checkpoints -------------------------------------------------------------------------------*/

static bool checkpoint_gather(void *arg, const struct checkpoint *c)
{
    struct verify *v = arg;
    if (v->check_count == v->check_cap) {
        v->check_cap = v->check_cap == 0 ? 16 : v->check_cap * 2;
        v->check = reallocarray(v->check, v->check_cap, sizeof *v->check);
        METE_ASSERT(v->check != NULL);
    }
    v->check[v->check_count] = *c;
    v->check[v->check_count++].note = arena_text(&v->keep, c->note);
    return true;
}

static int checkpoint_cmp(const void *a, const void *b)
{
    const struct checkpoint *x = a;
    const struct checkpoint *y = b;
    return (x->size > y->size) - (x->size < y->size);
}

static bool checkpoints_load(struct verify *v)
{
    if (book_checkpoints(v->e->book, checkpoint_gather, v, v->err) == STORE_FAILED) {
        v->code = METE_STORE_FAILED;
        return false;
    }
    if (v->check_count > 0) {
        qsort(v->check, v->check_count, sizeof *v->check, checkpoint_cmp);
    }
    return true;
}

/** Those that speak of as many entries as were read so far. */
static bool checkpoints_compare(struct verify *v)
{
    for (; v->check_done < v->check_count && v->check[v->check_done].size == v->tree.size;
         v->check_done++) {
        const struct checkpoint *c = &v->check[v->check_done];
        struct hash root = merkle_root(&v->tree);
        struct hash signed_root;
        uint64_t signed_size;
        unsigned long long size = c->size;
        if (!hash_eq(&root, &c->root)) {
            return wrong(v, "the checkpoint of size %llu has another root than the rows", size);
        }
        if (!v->e->has_keys) {
            continue; /* the roots agree; who signed them cannot be told without the key */
        }
        if (!checkpoint_verify(c->note, v->origin, v->public_key, &signed_size, &signed_root) ||
            signed_size != c->size || !hash_eq(&signed_root, &root)) {
            return wrong(v, "the signature of the checkpoint of size %llu does not hold", size);
        }
    }
    return true;
}

/* --- rows --------------------------------------------------------------------------------------*/

static void subtree_note(void *ctx, unsigned level, uint64_t index, const struct hash *h)
{
    struct verify *v = ctx;
    struct subtree s;
    memset(&s, 0, sizeof s);
    s.level = level;
    s.index = index;
    s.hash = *h;
    buf_put(&v->subtrees, &s, sizeof s);
}

static bool row_visit(void *arg, const struct log_row *row)
{
    struct verify *v = arg;
    struct hash event = sha256(row->event);
    struct hash decision = sha256(row->decision);
    struct hash leaf = merkle_leaf(&event, &decision, row->recorded_at);
    struct decision d;
    unsigned long long seq = row->seq;
    if (row->seq != v->tree.size + 1) {
        return wrong(v, "entry %llu of the log is missing", (unsigned long long)v->tree.size + 1);
    }
    if (!hash_eq(&leaf, &row->leaf)) {
        return wrong(v, "the leaf of entry %llu is not what its bytes hash to", seq);
    }
    arena_reset(&v->arena);
    if (!decision_unpack(&v->arena, row->decision, &d)) {
        return wrong(v, "the decision of entry %llu cannot be read", seq);
    }
    if (d.pages > 1) {
        buf_put(&v->paged, &row->seq, sizeof row->seq);
    }
    merkle_append(&v->tree, &leaf, subtree_note, v);
    return checkpoints_compare(v) && ++v->rows_in_batch < BATCH_ROWS;
}

static bool subtrees_compare(struct verify *v)
{
    for (size_t at = 0; at < v->subtrees.len; at += sizeof(struct subtree)) {
        struct subtree s;
        struct hash stored;
        memcpy(&s, v->subtrees.p + at, sizeof s);
        if (book_tree_hash(v->e->book, s.level, s.index, &stored, v->err) != STORE_OK ||
            !hash_eq(&stored, &s.hash)) {
            return wrong(v, "hash %llu of level %u of the tree is not that of the rows",
                         (unsigned long long)s.index, s.level);
        }
    }
    return true;
}

/** Page 0 is in the leaf, and holds the hash of the decision's further pages. */
static bool pages_compare(struct verify *v, uint64_t seq)
{
    struct log_row row;
    struct decision d;
    struct buf rest = {0};
    arena_reset(&v->arena);
    bool fine = book_row(v->e->book, seq, &row, v->err) == STORE_OK;
    fine = fine && decision_unpack(&v->arena,
                                   text_bytes(arena_text(&v->arena, bytes_text(row.decision))), &d);
    for (uint32_t page = 1; fine && page < d.pages; page++) {
        struct bytes packed;
        mete_time at;
        fine = book_page(v->e->book, seq, page, &packed, &at, v->err) == STORE_OK;
        buf_put(&rest, fine ? packed.p : NULL, fine ? packed.len : 0);
    }
    struct hash h = sha256(buf_bytes(&rest));
    fine = fine && hash_eq(&h, &d.rest);
    buf_clear(&rest);
    return fine || wrong(v, "the further pages of entry %llu are not what its first page says",
                         (unsigned long long)seq);
}

static bool batch_compare(struct verify *v)
{
    bool fine = subtrees_compare(v);
    for (size_t at = 0; fine && at < v->paged.len; at += sizeof(uint64_t)) {
        uint64_t seq;
        memcpy(&seq, v->paged.p + at, sizeof seq);
        fine = pages_compare(v, seq);
    }
    buf_reset(&v->subtrees);
    buf_reset(&v->paged);
    return fine;
}

static void rows_verify(struct verify *v, uint64_t size)
{
    while (v->code == METE_OK && v->tree.size < size) {
        uint64_t before = v->tree.size;
        v->rows_in_batch = 0;
        if (book_scan_log(v->e->book, before + 1, size + 1, row_visit, v, v->err) == STORE_FAILED) {
            v->code = METE_STORE_FAILED;
        } else if (v->code == METE_OK && v->tree.size == before) {
            (void)wrong(v, "entry %llu of the log is missing", (unsigned long long)before + 1);
        } else if (v->code == METE_OK) {
            (void)batch_compare(v);
        }
    }
}

enum mete_code log_verify(struct engine *e, struct log_verdict *out, struct mete_err *err)
{
    struct verify v = {.e = e, .err = err, .code = METE_OK};
    struct log_head head = book_head(e->book);
    arena_init(&v.arena, VERIFY_ARENA_MAX);
    arena_init(&v.keep, VERIFY_ARENA_MAX);
    v.origin = log_origin(&v.keep, e);
    ed25519_public(v.public_key, e->log_seed);
    if (checkpoints_load(&v) && checkpoints_compare(&v)) {
        rows_verify(&v, head.size);
    }
    struct hash root = merkle_root(&v.tree);
    if (v.code == METE_OK && !hash_eq(&root, &head.root)) {
        (void)wrong(&v, "the head is not what the rows hash to");
    }
    if (v.code == METE_OK && v.check_done < v.check_count) {
        (void)wrong(&v, "a checkpoint speaks of %llu entries, the log has %llu",
                    (unsigned long long)v.check[v.check_done].size, (unsigned long long)head.size);
    }
    *out = (struct log_verdict){v.tree.size, v.check_done, e->has_keys, root};
    buf_clear(&v.subtrees);
    buf_clear(&v.paged);
    arena_clear(&v.arena);
    arena_clear(&v.keep);
    free(v.check);
    return v.code;
}
