/* SPDX-License-Identifier: Apache-2.0
 * What was seen is told to the book, and what the book answers decides how a payment goes on. The
 * book may know more: another process looks after the same payments. */
#include "http/facilitator/watch_parts.h"

#include "base/text.h"
#include "wire/evm/fees.h"
#include "wire/evm/hex.h"

/* --- what the book answers ---------------------------------------------------------------------*/

/** Once for each thing that goes wrong. */
static void complain(struct item *i, enum mete_code code, const char *why)
{
    if (i->complained != code) {
        i->complained = code;
        desk_say(i->w->d, "x402: payment %s is not booked yet: %s", i->id, why);
    }
}

/** It is decided: whoever waits is told, and it is followed from here on, or not any more. */
static void decided(struct item *i, enum stage stage, int64_t pause_us)
{
    struct arena a;
    arena_init(&a, ITEM_ARENA);
    const struct text transaction = item_hash_text(&a, &i->settled_by);
    const struct text reason = arena_text(&a, i->reason);
    i->missing = 0;
    struct watch_waiter *waiters = item_leave(i, stage, pause_us);
    waiters_tell(waiters, reason.len > 0 ? WATCH_FAILED : WATCH_SETTLED, transaction, reason);
    arena_clear(&a);
}

/** Back to its bytes: they are sent again. Whoever asks waits from here on, and is not told what
 *  became of it before. */
static void sent_again(struct item *i)
{
    pthread_mutex_lock(&i->w->lock);
    i->stage = STAGE_SENT;
    i->reason = (struct text){0};
    i->begun_us = steady_now();
    pthread_mutex_unlock(&i->w->lock);
    i->must_send = true;
    i->missing = 0;
    i->looks = 0;
    i->is_searched = false;
    i->has_stranger = false;
    i->replaced_us = i->begun_us;
    item_rest(i, STAGE_SENT, 0);
}

/** Of those that follow a payment the one counts that the book has heard it from. */
static void count(struct item *i, const struct x402_step_result *r, uint64_t *number)
{
    if (r->status != X402_STEP_TAKEN) {
        return;
    }
    pthread_mutex_lock(&i->w->lock);
    ++*number;
    if (number == &i->w->stats.settled) {
        histogram_add(&i->w->settle_time, steady_now() - i->begun_us);
    }
    pthread_mutex_unlock(&i->w->lock);
}

/** The step was taken, or had been. */
static void moved(struct item *i, const struct x402_step_result *result)
{
    struct watch_stats *stats = &i->w->stats;
    i->complained = METE_OK;
    switch (i->saying) {
    case SAYING_SETTLED:
        count(i, result, &stats->settled);
        decided(i, STAGE_MINED, LATER_US);
        break;
    case SAYING_FAILED:
        count(i, result, &stats->failed);
        decided(i, STAGE_LOST, LATER_US);
        break;
    case SAYING_REPLACE:
        count(i, result, &stats->replaced);
        i->must_send = item_take(i, &result->now);
        item_rest(i, STAGE_SENT, i->must_send ? 0 : LATER_US);
        break;
    case SAYING_UNDONE:
        count(i, result, &stats->undone);
        sent_again(i);
        break;
    case SAYING_CONFIRMED:
        if (i->stage == STAGE_MINED) {
            count(i, result, &stats->confirmed);
        }
        item_rest(i, STAGE_OVER, 0);
        break;
    }
}

/** Another process has seen another outcome: whoever asks is told that one. */
static void outcome_change(struct item *i, const struct x402_status *now)
{
    pthread_mutex_lock(&i->w->lock);
    item_outcome_take(i, now);
    pthread_mutex_unlock(&i->w->lock);
}

/** It was not. Whatever another process has done meanwhile is taken over. */
static void not_moved(struct item *i, enum mete_code code, const struct x402_step_result *result)
{
    const struct x402_status *now = &result->now;
    const enum x402_state state = now->state;
    const bool is_decided =
        state == X402_SETTLED || state == X402_CONFIRMED || state == X402_FAILED;
    if (i->stage == STAGE_SENT && is_decided) {
        item_outcome_take(i, now);
        decided(i,
                state == X402_SETTLED  ? STAGE_MINED
                : state == X402_FAILED ? STAGE_LOST
                                       : STAGE_OVER,
                LATER_US);
    } else if (i->stage != STAGE_SENT && state == X402_SETTLING && item_take(i, now)) {
        sent_again(i);
    } else if (i->saying == SAYING_REPLACE && state == X402_SETTLING &&
               now->transaction_count > i->count && item_take(i, now)) {
        item_rest(i, STAGE_SENT, 0);                               /* another process was quicker */
    } else if (i->stage == STAGE_MINED && state == X402_SETTLED) { /* in another block */
        outcome_change(i, now);
        item_rest(i, STAGE_MINED, LATER_US);
    } else if (i->stage != STAGE_SENT && is_decided) {
        outcome_change(i, now);
        item_rest(i, STAGE_OVER, 0);
    } else {
        complain(i, code, result->err.text);
        item_rest(i, i->stage, LATER_US);
    }
}

static void said(void *ctx, enum mete_code code, const struct x402_step_result *result)
{
    if (code == METE_OK) {
        moved(ctx, result);
    } else {
        not_moved(ctx, code, result);
    }
}

/* --- steps -------------------------------------------------------------------------------------*/

/* What is said is written in an arena of its own: what the book refuses is said again, for as long
 * as it takes, and must not add up in the item's. */

static void say(struct item *i, enum saying saying, struct x402_step *step)
{
    i->saying = saying;
    step->id = text_of(i->id);
    step_say(i->w->d, step, i->id, said, i);
}

void item_say_settled(struct item *i, const struct evm_receipt *r, const struct evm_block *head)
{
    struct arena a;
    arena_init(&a, ITEM_ARENA);
    struct x402_step s = {.kind = X402_STEP_SETTLED,
                          .transaction = item_hash_text(&a, &r->tx),
                          .block = r->block_number,
                          .block_time =
                              head->number == r->block_number ? time_of_seconds(head->time) : 0,
                          .gas_used = r->gas_used,
                          .gas_price = u256_text(&a, r->gas_price)};
    i->settled_by = r->tx;
    i->block = r->block_number;
    i->reason = (struct text){0}; /* of a failure that the book never heard of */
    say(i, SAYING_SETTLED, &s);
    arena_clear(&a);
}

void item_say_failed(struct item *i, const char *reason)
{
    struct arena a;
    arena_init(&a, ITEM_ARENA);
    struct x402_step s = {.kind = X402_STEP_FAILED,
                          .transaction = item_hash_text(&a, &i->settled_by),
                          .reason = text_of(reason),
                          .block = i->block};
    i->reason = s.reason;
    say(i, SAYING_FAILED, &s);
    arena_clear(&a);
}

/** Of that outcome alone: another process may have seen another one meanwhile. */
static void say_of_outcome(struct item *i, enum saying saying, enum x402_step_kind kind)
{
    struct arena a;
    arena_init(&a, ITEM_ARENA);
    struct x402_step s = {.kind = kind,
                          .transaction = item_hash_text(&a, &i->settled_by),
                          .reason = i->stage == STAGE_LOST ? i->reason : (struct text){0}};
    say(i, saying, &s);
    arena_clear(&a);
}

void item_say_confirmed(struct item *i)
{
    say_of_outcome(i, SAYING_CONFIRMED, X402_STEP_CONFIRMED);
}

void item_say_undone(struct item *i)
{
    say_of_outcome(i, SAYING_UNDONE, X402_STEP_UNDONE);
}

/* --- a higher fee ------------------------------------------------------------------------------*/

static void replacement_say(struct item *i, struct arena *a, const struct evm_tx *tx)
{
    char to[EVM_ADDRESS_TEXT_LEN + 1];
    evm_address_format(&tx->to, to);
    struct x402_step s = {.kind = X402_STEP_REPLACE,
                          .transaction = item_hash_text(a, &i->hash[0]),
                          .cancels = i->cancels || i->until < desk_now(),
                          .call = {.network = i->net->id,
                                   .to = text_of(to),
                                   .data = evm_hex(a, tx->data),
                                   .gas = tx->gas,
                                   .fee_max = u256_text(a, tx->fee_max),
                                   .tip_max = u256_text(a, tx->tip_max)}};
    say(i, SAYING_REPLACE, &s);
}

bool item_say_replaced(struct item *i)
{
    struct arena a;
    struct evm_tx tx;
    const struct evm_fees now = evm_fees_of(i->base, u256_of(0), i->net->fee_max);
    arena_init(&a, ITEM_ARENA);
    const bool may = i->count < BODIES && evm_tx_decode(&a, i->raw[0], &tx, NULL) == METE_OK &&
                     evm_fees_raise(&now, i->net->fee_max, &tx);
    if (may) {
        replacement_say(i, &a, &tx);
    }
    arena_clear(&a);
    return may;
}
