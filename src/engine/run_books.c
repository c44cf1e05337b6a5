/* SPDX-License-Identifier: Apache-2.0
 * Adding up the log. Disputes are the exceptions: their lines leave what is pending when they are
 * opened, and the state they are in at the end says where the money stands. */
#include "engine/run_books.h"
#include "store/hash_seed.h"

#include <stdlib.h>
#include <string.h>

#define BOOKS_ARENA_MAX ((size_t)16 << 30)

struct run_books *run_books_new(void)
{
    struct run_books *b = calloc(1, sizeof *b);
    METE_ASSERT(b != NULL);
    arena_init(&b->arena, BOOKS_ARENA_MAX);
    map_init(&b->account, sizeof(struct run_account), hash_seed());
    map_init(&b->reversed, sizeof(struct run_reversed), hash_seed());
    map_init(&b->dispute, sizeof(struct run_dispute), hash_seed());
    map_init(&b->waiting, sizeof(struct run_waiting), hash_seed());
    return b;
}

void run_books_free(struct run_books *b)
{
    if (b != NULL) {
        map_clear(&b->account);
        map_clear(&b->reversed);
        map_clear(&b->dispute);
        map_clear(&b->waiting);
        arena_clear(&b->arena);
        free(b);
    }
}

/* --- accounts ----------------------------------------------------------------------------------*/

static struct run_account *account_of(struct run_books *b, uint32_t party, uint32_t asset)
{
    const uint32_t key[2] = {party, asset};
    struct run_account *a =
        map_put(&b->account, (struct bytes){(const uint8_t *)key, sizeof key}, NULL);
    a->party = party;
    a->asset = asset;
    return a;
}

static mete_time due_of(const struct group *g, const struct line *l)
{
    return l->held ? TIME_NEVER : g->clears_at;
}

static enum mete_code group_add(struct run_books *b, const struct walk_item *item,
                                const struct group *g, mete_time at, struct mete_err *err)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *l = &g->line[i];
        struct run_account *a = account_of(b, l->party, g->asset);
        sum += l->amount;
        a->net += l->amount;
        if (l->kind == LINE_ALLOCATION && due_of(g, l) > at) {
            a->pending += l->amount;
        }
    }
    if (g->gross != 0) {
        account_of(b, g->source, g->asset)->net -= g->gross;
    }
    if (sum != g->gross) {
        return mete_fail(err, METE_PROOF_FAILED, "",
                         "the lines of entry %llu do not sum to what came in",
                         (unsigned long long)item->seq);
    }
    return METE_OK;
}

/* --- reversals ---------------------------------------------------------------------------------*/

struct place {
    uint64_t seq;
    uint32_t page;
    uint32_t group;
    uint32_t line;
    uint32_t zero; /* no padding: the bytes are a key */
};

static struct bytes place_bytes(const struct place *p)
{
    return (struct bytes){(const uint8_t *)p, sizeof *p};
}

static void reversal_add(struct run_books *b, const struct group *g)
{
    const struct place place = {g->target_seq, g->target_page, g->target_group, 0, 0};
    struct run_reversed *r = map_put(&b->reversed, place_bytes(&place), NULL);
    for (uint32_t i = 0; i < g->line_count; i++) {
        uint32_t line = g->line[i].share;
        if (line == FEE_PAYLOAD) {
            continue; /* of a carry split as a whole: no line of the original */
        }
        if (line >= r->line_count) {
            i128 *more = arena_array(&b->arena, (size_t)line * 2 + 8, sizeof *more);
            for (uint32_t k = 0; k < r->line_count; k++) {
                more[k] = r->line[k];
            }
            r->line = more;
            r->line_count = line * 2 + 8;
        }
        r->line[line] -= g->line[i].amount;
    }
}

i128 run_books_reversed(const struct run_books *b, uint64_t seq, uint32_t page, uint32_t group,
                        uint32_t line)
{
    const struct place place = {seq, page, group, 0, 0};
    if (b->reversed.count == 0) {
        return 0;
    }
    const struct run_reversed *r = map_get(&b->reversed, place_bytes(&place));
    return r != NULL && line < r->line_count ? r->line[line] : 0;
}

/* --- disputes ----------------------------------------------------------------------------------*/

static enum mete_code dispute_begin(struct run_books *b, struct engine *e,
                                    const struct place *place, struct run_dispute *d,
                                    struct mete_err *err)
{
    struct arena a;
    struct walk_item original;
    arena_init(&a, BOOKS_ARENA_MAX);
    enum mete_code code = walk_one(e, &a, place->seq, place->page, &original, err);
    if (code == METE_OK) {
        const struct group *g = &original.decision.group[place->group];
        const struct line *l = &g->line[place->line];
        d->party = l->party;
        d->asset = g->asset;
        d->due = due_of(g, l);
        d->amount = l->amount;
        d->left =
            l->amount - run_books_reversed(b, place->seq, place->page, place->group, place->line);
    }
    arena_clear(&a);
    return code;
}

/** A dispute's record was written: the last one holds. */
static enum mete_code dispute_add(struct run_books *b, struct engine *e, const struct put *put,
                                  struct mete_err *err)
{
    struct place place = {key_read_u64(put->key, 1), key_read_u32(put->key, 9),
                          key_read_u32(put->key, 13), key_read_u32(put->key, 17), 0};
    bool made;
    struct run_dispute *d = map_put(&b->dispute, place_bytes(&place), &made);
    if (!dispute_unpack(put->value, &d->dispute)) {
        return mete_fail(err, METE_STORE_CORRUPT, "", "the record of a dispute cannot be read");
    }
    return made ? dispute_begin(b, e, &place, d, err) : METE_OK;
}

struct dispute run_books_dispute(const struct run_books *b, uint64_t seq, uint32_t page,
                                 uint32_t group, uint32_t line)
{
    const struct place place = {seq, page, group, line, 0};
    const struct run_dispute *d =
        b->dispute.count == 0 ? NULL : map_get(&b->dispute, place_bytes(&place));
    return d != NULL ? d->dispute : (struct dispute){.state = DISPUTE_NONE};
}

void run_books_settle(struct run_books *b, mete_time at)
{
    struct bytes key;
    void *value;
    for (size_t i = 0; map_next(&b->dispute, &i, &key, &value);) {
        const struct run_dispute *d = value;
        struct place place;
        METE_ASSERT(key.len == sizeof place);
        memcpy(&place, key.p, sizeof place);
        struct run_account *a = account_of(b, d->party, d->asset);
        if (d->due > at) {
            a->pending -= d->left;
        }
        if (allocation_state_at(d->due, &d->dispute, at) == ALLOCATION_DISPUTED) {
            a->disputed +=
                d->amount - run_books_reversed(b, place.seq, place.page, place.group, place.line);
        }
    }
}

/* --- one decision ------------------------------------------------------------------------------*/

static void wait_add(struct run_books *b, const struct walk_item *item)
{
    const struct decision *d = &item->decision;
    const struct bytes key = {(const uint8_t *)&item->event_seq, sizeof item->event_seq};
    if (d->wait_code == 0 && (d->about == 0 || b->waiting.count == 0)) {
        return; /* it never waited */
    }
    struct run_waiting *w = map_put(&b->waiting, key, NULL);
    w->seq = item->event_seq;
    w->code = (enum mete_code)d->wait_code;
    w->pointer = decision_wait_pointer(d);
}

enum mete_code run_books_add(struct run_books *b, struct engine *e, const struct walk_item *item,
                             mete_time at, struct mete_err *err)
{
    const struct decision *d = &item->decision;
    enum mete_code code = METE_OK;
    wait_add(b, item);
    for (uint32_t i = 0; i < d->group_count && code == METE_OK; i++) {
        code = group_add(b, item, &d->group[i], at, err);
        if (d->group[i].kind == GROUP_REVERSAL) {
            reversal_add(b, &d->group[i]);
        }
    }
    for (uint32_t i = 0; i < d->put_count && code == METE_OK; i++) {
        const struct put *put = &d->put[i];
        if (put->op == PUT_SET && put->key.len > 0 && put->key.p[0] == KEY_DISPUTE) {
            code = dispute_add(b, e, put, err);
        }
    }
    return code;
}
