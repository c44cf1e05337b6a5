/* SPDX-License-Identifier: Apache-2.0
 * Payouts by what banks call them: the files that are under way by their message ids, all by the
 * short ids of NACHA entries. Each is one walk over the book's state, made when it is needed. */
#include "engine/bank_import_parts.h"

#include "base/map.h"
#include "base/text.h"
#include "core/key.h"
#include "engine/walk.h"
#include "rails/bank/bank.h"
#include "store/hash_seed.h"
#include "wire/bank/field.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ARENA ((size_t)64 << 20)

/* A payment of a file. */
struct member {
    char e2e[BANK_E2E_LEN + 1];
    i128 amount_e5;
    uint32_t next; /* 1 + its place in `member`; 0: the last of its file */
};

/* What an id of a NACHA entry stands for. */
struct short_id {
    char e2e[BANK_E2E_LEN + 1];
    bool is_several;
};

struct bank_index {
    bool has_groups, has_short;
    struct map group; /* message id -> uint32_t, first member */
    struct map ach;   /* -> struct short_id */
    struct member *member;
    size_t members, room;
};

struct bank_index *bank_index_new(void)
{
    struct bank_index *x = calloc(1, sizeof *x);
    METE_ASSERT(x != NULL);
    map_init(&x->group, sizeof(uint32_t), hash_seed());
    map_init(&x->ach, sizeof(struct short_id), hash_seed());
    return x;
}

void bank_index_free(struct bank_index *x)
{
    map_clear(&x->group);
    map_clear(&x->ach);
    free(x->member);
    free(x);
}

/* Something that is done with the number of each payout of a class of keys. */
struct numbering {
    struct bank_index *x;
    struct engine *e;
    size_t at; /* where in a key the number stands */
    enum mete_code (*f)(struct bank_index *x, struct engine *e, struct arena *a, uint64_t number,
                        struct mete_err *err);
    struct arena a; /* of one */
    struct mete_err *err;
};

static enum mete_code number_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct numbering *n = arg;
    (void)go_on;
    arena_reset(&n->a);
    return n->f(n->x, n->e, &n->a, key_read_u64(k->key, n->at), n->err);
}

static enum mete_code each_number(struct numbering *n, enum key_class class)
{
    const struct key from = key_of(class);
    const struct key until = key_prefix_end(from);
    arena_init(&n->a, PAGE_ARENA);
    enum mete_code code = walk_each_key(n->e, &from, &until, number_visit, n, n->err);
    arena_clear(&n->a);
    return code;
}

/* --- files under way ---------------------------------------------------------------------------*/

static void member_add(struct bank_index *x, struct text group, const struct payout_due *row)
{
    struct member m = {.next = 0};
    bool made;
    if (!bank_e2e_make(m.e2e, row->transfer_id, row->transfer.attempts) ||
        bank_amount_scale(row->transfer.amount, row->asset.scale, BANK_DECIMALS_MAX, "",
                          &m.amount_e5, NULL) != METE_OK) {
        return;
    }
    if (x->members == x->room) {
        x->room = x->room == 0 ? 256 : x->room * 2;
        x->member = reallocarray(x->member, x->room, sizeof *x->member);
        METE_ASSERT(x->member != NULL);
    }
    uint32_t *first = map_put(&x->group, text_bytes(group), &made);
    m.next = made ? 0 : *first;
    x->member[x->members++] = m;
    *first = (uint32_t)x->members;
}

static enum mete_code group_note(struct bank_index *x, struct engine *e, struct arena *a,
                                 uint64_t number, struct mete_err *err)
{
    struct payout_due row;
    struct attempt attempt;
    mete_time unused;
    struct mete_err none;
    enum mete_code code = payout_read(e, a, number, &row, err);
    if (code != METE_OK || !text_is(row.rail, BANK_RAIL.name) ||
        !payout_attempt_find(e, row.transfer_id, row.transfer.attempts, a, &row, &attempt, &none) ||
        attempt.outcome != ATTEMPT_OPEN) {
        return code;
    }
    struct envelope *event = arena_alloc(a, sizeof *event);
    code = engine_event(e, attempt.made, a, event, &unused, err);
    if (code == METE_OK) {
        const struct json *group = json_get(json_get(event->tree, "payload"), "group");
        if (group != NULL && group->type == JSON_STRING) {
            member_add(x, group->text, &row);
        }
    }
    return code;
}

enum mete_code bank_index_group(struct bank_index *x, struct engine *e, struct text message,
                                struct arena *a, struct text **e2e, i128 *sum_e5, size_t *count,
                                struct mete_err *err)
{
    enum mete_code code = METE_OK;
    *count = 0;
    *sum_e5 = 0;
    if (!x->has_groups) {
        struct numbering n = {.x = x, .e = e, .at = 9, .f = group_note, .err = err};
        code = each_number(&n, KEY_OUTBOX);
        x->has_groups = code == METE_OK;
    }
    const uint32_t *first = code == METE_OK ? map_get(&x->group, text_bytes(message)) : NULL;
    *e2e = arena_array(a, x->members + 1, sizeof **e2e);
    for (uint32_t i = first != NULL ? *first : 0; i != 0; i = x->member[i - 1].next) {
        (*e2e)[(*count)++] = arena_text(a, text_of(x->member[i - 1].e2e));
        *sum_e5 += x->member[i - 1].amount_e5;
    }
    return code;
}

/* --- short ids ---------------------------------------------------------------------------------*/

static enum mete_code short_note(struct bank_index *x, struct engine *e, struct arena *a,
                                 uint64_t number, struct mete_err *err)
{
    struct payout_due row;
    char ach[BANK_ACH_LEN + 1];
    enum mete_code code = payout_read(e, a, number, &row, err);
    for (uint32_t n = 1;
         code == METE_OK && text_is(row.rail, BANK_RAIL.name) && n <= row.transfer.attempts; n++) {
        struct short_id made_of = {{0}, false};
        bool made;
        if (bank_e2e_make(made_of.e2e, row.transfer_id, n)) {
            bank_ach_make(ach, made_of.e2e);
            struct short_id *at = map_put(&x->ach, text_bytes(text_of(ach)), &made);
            made_of.is_several = !made;
            *at = made_of;
        }
    }
    return code;
}

struct text bank_index_ach(struct bank_index *x, struct engine *e, struct text ach,
                           struct mete_err *err)
{
    err->code = METE_OK;
    if (!x->has_short) {
        struct numbering n = {.x = x, .e = e, .at = 1, .f = short_note, .err = err};
        x->has_short = each_number(&n, KEY_TRANSFER) == METE_OK;
    }
    const struct short_id *at = x->has_short ? map_get(&x->ach, text_bytes(ach)) : NULL;
    return at != NULL && !at->is_several ? text_of(at->e2e) : (struct text){0};
}
