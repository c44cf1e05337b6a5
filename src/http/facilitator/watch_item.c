/* SPDX-License-Identifier: Apache-2.0
 * Items: a payment as the watch knows it, made of what the book has, and who waits for it. */
#include "http/facilitator/watch_parts.h"

#include "base/text.h"
#include "wire/evm/hex.h"
#include "wire/evm/tx.h"
#include "wire/x402/exact.h"

#include <stdlib.h>

/* --- who waits ---------------------------------------------------------------------------------*/

void waiters_tell(struct watch_waiter *list, enum watch_outcome outcome, struct text transaction,
                  struct text reason)
{
    while (list != NULL) {
        struct watch_waiter *next = list->next;
        list->done(list, outcome, transaction, reason);
        list = next;
    }
}

/* --- hashes ------------------------------------------------------------------------------------*/

struct text item_hash_text(struct arena *a, const struct hash *h)
{
    return item_hash_is_none(h) ? (struct text){0} : evm_hash_text(a, h);
}

bool item_hash_is_none(const struct hash *h)
{
    static const struct hash NONE;
    return hash_eq(h, &NONE);
}

/* --- what the book has -------------------------------------------------------------------------*/

static bool raw_take(struct item *i, struct text raw, size_t place)
{
    if (raw.len < 4 || !evm_hex_read(&i->arena, raw, &i->raw[place])) {
        return false;
    }
    i->hash[place] = evm_tx_id(i->raw[place]);
    return true;
}

bool item_take(struct item *i, const struct x402_status *s)
{
    if (s->transaction_count > BODIES) {
        return false;
    }
    for (size_t k = 0; k < s->transaction_count; k++) {
        if (!raw_take(i, s->raws[k], k)) {
            return false;
        }
    }
    i->count = s->transaction_count;
    i->cancels = s->cancels;
    i->replaced_us = steady_now();
    i->body_head = 0;
    return i->count > 0;
}

static bool is_own(const struct item *i, const struct hash *h)
{
    size_t k = 0;
    while (k < i->count && !hash_eq(&i->hash[k], h)) {
        k++;
    }
    return k < i->count;
}

void item_outcome_take(struct item *i, const struct x402_status *s)
{
    i->block = s->block;
    i->reason = arena_text(&i->arena, s->reason);
    if (!evm_hex_read_fixed(i->settled_by.b, sizeof i->settled_by.b, s->settled_by)) {
        i->settled_by = (struct hash){0};
    } else if (!is_own(i, &i->settled_by)) {
        i->has_stranger = true;
        i->stranger = i->settled_by;
    }
}

static bool item_fill(struct item *i, const struct x402_status *s)
{
    i->nonce = arena_text(&i->arena, s->name.nonce);
    i->account_nonce = s->account_nonce;
    i->until = s->until;
    return i->net != NULL && x402_address_read(s->name.asset, &i->asset) &&
           x402_address_read(s->name.from, &i->from) && x402_address_read(s->to, &i->to) &&
           x402_address_read(s->signer, &i->signer) && u256_parse(s->value, &i->value) &&
           item_take(i, s);
}

struct item *item_make(struct watch *w, const char *id, const struct x402_status *s)
{
    struct item *i = calloc(1, sizeof *i);
    METE_ASSERT(i != NULL);
    i->w = w;
    i->net = nets_find_id(w->nets, s->name.network);
    arena_init(&i->arena, ITEM_ARENA);
    (void)text_copy(i->id, sizeof i->id, text_of(id));
    i->begun_us = steady_now();
    i->stage = s->state == X402_SETTLED  ? STAGE_MINED
               : s->state == X402_FAILED ? STAGE_LOST
                                         : STAGE_SENT;
    i->must_send = i->stage == STAGE_SENT;
    if (!item_fill(i, s)) { /* of a network that the settings do not name any more */
        item_free(i);
        return NULL;
    }
    if (i->stage != STAGE_SENT) {
        item_outcome_take(i, s);
    }
    struct item **at = omap_put(&w->by_id, text_bytes(text_of(id)), NULL);
    *at = i;
    i->next = w->items;
    w->items = i;
    return i;
}

void item_free(struct item *i)
{
    arena_clear(&i->arena);
    free(i);
}

struct watch_waiter *item_leave(struct item *i, enum stage stage, int64_t pause_us)
{
    struct watch *w = i->w;
    pthread_mutex_lock(&w->lock);
    struct watch_waiter *waiters = stage != STAGE_SENT ? i->waiters : NULL;
    i->waiters = stage != STAGE_SENT ? NULL : i->waiters;
    i->stage = stage;
    i->is_busy = false;
    i->next_us = steady_now() + pause_us;
    w->busy--;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return waiters;
}

void item_rest(struct item *i, enum stage stage, int64_t pause_us)
{
    METE_ASSERT(item_leave(i, stage, pause_us) == NULL);
}
