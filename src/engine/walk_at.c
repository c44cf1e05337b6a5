/* SPDX-License-Identifier: Apache-2.0
 * Decisions at places that an index names: ranges of its keys, merged in the order of the log. */
#include "engine/walk.h"

#define BATCH     64u /* keys read of a range at once */
#define ARENA_MAX ((size_t)4 << 30)

struct spot {
    uint64_t seq;
    uint32_t page;
};

/* One range, some of its places read ahead. */
struct source {
    struct walk_range *range;
    struct spot at[BATCH];
    size_t count;
    size_t next;
    bool more; /* of its keys may be there */
};

static bool spot_take(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct source *s = arg;
    (void)value;
    (void)sums;
    s->at[s->count++] =
        (struct spot){key_read_u64(key, s->range->seq_at), key_read_u32(key, s->range->seq_at + 8)};
    if (s->count == BATCH) {
        s->range->from = walk_key_after(key);
        s->more = true;
    }
    return s->count < BATCH;
}

/** False: it is at its end, or the store failed. */
static bool source_fill(struct engine *e, struct source *s, struct mete_err *err,
                        enum mete_code *code)
{
    if (s->next == s->count && s->more) {
        s->count = s->next = 0;
        s->more = false;
        if (book_scan_state(engine_book(e), key_bytes(&s->range->from), key_bytes(&s->range->until),
                            spot_take, s, err) == STORE_FAILED) {
            *code = METE_STORE_FAILED;
        }
    }
    return *code == METE_OK && s->next < s->count;
}

/** The source that has the first place; NULL: none has any. */
static struct source *source_first(struct engine *e, struct source *source, size_t count,
                                   struct mete_err *err, enum mete_code *code)
{
    struct source *first = NULL;
    for (size_t i = 0; i < count; i++) {
        struct source *s = &source[i];
        if (!source_fill(e, s, err, code)) {
            continue;
        }
        const struct spot a = s->at[s->next];
        const struct spot b = first != NULL ? first->at[first->next] : a;
        if (first == NULL || a.seq < b.seq || (a.seq == b.seq && a.page < b.page)) {
            first = s;
        }
    }
    return *code == METE_OK ? first : NULL;
}

enum mete_code walk_at(struct engine *e, const struct walk_places *places, walk_visit *visit,
                       void *arg, struct mete_err *err)
{
    struct arena sources;
    struct arena a; /* of one decision */
    enum mete_code code = METE_OK;
    struct spot done = {0, 0}; /* up to this page of this entry */
    arena_init(&sources, ARENA_MAX);
    arena_init(&a, ARENA_MAX);
    struct source *source = arena_array(&sources, places->count, sizeof *source);
    for (size_t i = 0; i < places->count; i++) {
        source[i] = (struct source){.range = &places->range[i], .more = true};
    }
    struct source *s;
    while (code == METE_OK && (s = source_first(e, source, places->count, err, &code)) != NULL) {
        struct walk_item item;
        const struct spot at = s->at[s->next++];
        if (at.seq == done.seq && at.page <= done.page) {
            continue;
        }
        arena_reset(&a);
        code = walk_one(e, &a, at.seq, at.page, &item, err);
        if (code == METE_OK) {
            done = (struct spot){item.seq, item.page + item.decision.pages - 1};
            if (!visit(arg, &item)) {
                break;
            }
        }
    }
    arena_clear(&a);
    arena_clear(&sources);
    return code;
}
