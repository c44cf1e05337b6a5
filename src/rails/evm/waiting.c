/* SPDX-License-Identifier: Apache-2.0
 * What is in no block: it waits for its turn, its fee is raised, a hole before it is filled, or it
 * is to be sent again. Every replacement pays the same payee the same amount at the same nonce.
 * Nothing is sent here: what is new goes into a body, and out when that is committed. */
#include "base/text.h"
#include "rails/evm/look.h"

/** A hole is filled when who made it has had time to come back: a claim lasts as long. */
#define HOLE_AFTER_US (60 * TIME_SECOND_US)
#define COIN_GAS      21000

/** A body's transactions on their way to one that takes its place. */
struct body_parts {
    const struct evm_tx *tx[EVM_FILLS_MAX + 1];
    size_t count;
};

static struct evm_trace *last_of(const struct evm_look *l)
{
    return l->trace[l->count - 1];
}

static bool is_of_lane(const struct evm_probe *x, const struct evm_sent *s)
{
    return evm_address_eq(&s->sender, lane_address(x->rail->lane));
}

/** Adds a further body; false when there is none, or no room. */
static bool replace(struct evm_look *l, const char *why)
{
    const struct evm_trace *last = last_of(l);
    if (l->count == RAIL_BODIES_MAX || last->replacement.len == 0) {
        return false;
    }
    l->p->body[l->p->body_count++] = last->replacement;
    rail_say(l->p, RAIL_REPLACE, "%s", why);
    return true;
}

/* --- a higher fee ------------------------------------------------------------------------------*/

/** Which transaction of a body has the nonce: a fill by its place, fill_count is the payment's.
 *  Above it: none. */
static size_t place_of(const struct evm_sent *s, uint64_t nonce)
{
    for (size_t i = 0; i < s->fill_count; i++) {
        if (s->fill[i].tx.nonce == nonce) {
            return i;
        }
    }
    return s->fill_count + (s->tx.nonce != nonce);
}

static const struct evm_tx *tx_at(const struct evm_sent *s, size_t place)
{
    return place < s->fill_count ? &s->fill[place].tx : &s->tx;
}

/** The body that takes the place of the last one, of which the transaction at `place` is the next
 *  that the chain takes; what stood before it is on the chain. Made once for all payments in it. */
static void raise_fee(struct evm_probe *x, struct evm_trace *t, size_t place)
{
    struct evm_tx tx = *tx_at(&t->sent, place);
    struct body_parts parts = {.tx = {&tx}, .count = 1};
    t->is_replaced = true;
    if (tx.type != EVM_TX_FEE_MARKET || !is_of_lane(x, &t->sent) ||
        !evm_fees_raise(&x->fees, x->rail->fee_max, &tx)) {
        return;
    }
    lane_sign(x->rail->lane, &tx);
    while (place++ < t->sent.fill_count) {
        parts.tx[parts.count++] = tx_at(&t->sent, place);
    }
    t->replacement = evm_body(x->arena, parts.tx, parts.count);
}

static bool is_due(const struct evm_probe *x, const struct evm_look *l)
{
    const struct rail_payment *p = l->p;
    return p->sending_at != 0 &&
           p->now - p->sending_at >= x->rail->replace_after * (mete_time)l->count;
}

static bool is_cheap(const struct evm_probe *x, const struct evm_tx *tx)
{
    return u256_cmp(tx->fee_max, u256_of(x->fees.base)) < 0;
}

/** What of it is next in the chain has a fee that was too low, or for too long. `waits`: the node
 *  has the payment. */
static bool is_raised(struct evm_probe *x, struct evm_look *l, bool waits)
{
    struct evm_trace *last = last_of(l);
    const size_t place = place_of(&last->sent, l->latest);
    if (place > last->sent.fill_count) {
        return false;
    }
    const bool is_known = place < last->sent.fill_count ? l->pending > l->latest : waits;
    if (is_known ? !is_due(x, l) : !is_cheap(x, tx_at(&last->sent, place))) {
        return false;
    }
    if (!last->is_replaced) {
        raise_fee(x, last, place);
    }
    return replace(l, "its fee is raised");
}

/* --- holes -------------------------------------------------------------------------------------*/

/** A transaction that uses a nonce that nobody has, so that what comes after it can go on: nothing,
 *  paid to oneself. */
static const struct evm_tx *fill_make(struct evm_probe *x, uint64_t nonce)
{
    struct evm_tx *tx = arena_alloc(&x->own, sizeof *tx);
    *tx = (struct evm_tx){.type = EVM_TX_FEE_MARKET,
                          .chain_id = chain_id(x->rail->chain),
                          .nonce = nonce,
                          .gas = COIN_GAS,
                          .to = *lane_address(x->rail->lane)};
    evm_fees_offer(&x->fees, tx);
    lane_sign(x->rail->lane, tx);
    return tx;
}

/** The last body with fills before it: from the hole on, as far as nonces are left over. */
static void fill(struct evm_probe *x, const struct evm_look *l, struct evm_trace *t)
{
    struct lane *lane = x->rail->lane;
    struct body_parts parts = {.count = 0};
    size_t kept;
    t->is_replaced = true;
    for (size_t i = 0; i < t->sent.fill_count; i++) {
        if (t->sent.fill[i].tx.nonce >= l->latest) {
            parts.tx[parts.count++] = &t->sent.fill[i].tx;
        }
    }
    kept = parts.count;
    for (uint64_t nonce = l->pending; nonce < t->sent.tx.nonce && parts.count < EVM_FILLS_MAX &&
                                      (nonce == l->pending || lane_is_left(lane, nonce, l->p->now));
         nonce++) {
        parts.tx[parts.count++] = fill_make(x, nonce);
        (void)lane_offer(lane, nonce, l->p->transfer_id, 0, l->p->now); /* to nobody else for now */
    }
    if (parts.count > kept) {
        parts.tx[parts.count++] = &t->sent.tx;
        t->replacement = evm_body(x->arena, parts.tx, parts.count);
    }
}

/** Whether what is missing before it is nobody's, and may be filled now. */
static bool is_nobodys(const struct evm_probe *x, const struct evm_look *l)
{
    const struct rail *r = x->rail;
    const mete_time now = l->p->now;
    return l->p->sending_at != 0 && now - l->p->sending_at > HOLE_AFTER_US &&
           now - r->first_now > HOLE_AFTER_US && is_of_lane(x, &l->trace[0]->sent) &&
           lane_is_free(r->lane, l->pending, now);
}

/** A hole before it: something is reported when it can be closed. */
static bool is_filled(struct evm_probe *x, struct evm_look *l)
{
    struct evm_trace *last = last_of(l);
    const size_t place = place_of(&last->sent, l->pending);
    if (l->pending >= last->sent.tx.nonce) {
        return false;
    }
    if (place < last->sent.fill_count) {
        rail_say(l->p, RAIL_ABSENT, "the node does not know what uses up nonce %llu before it",
                 (unsigned long long)l->pending);
        return true;
    }
    if (!last->is_replaced && is_nobodys(x, l)) {
        fill(x, l, last);
    }
    return replace(l, "a nonce before it was nobody's, and is used up");
}

/* --- the answer --------------------------------------------------------------------------------*/

void evm_judge_waiting(struct evm_probe *x, struct evm_look *l, bool is_known)
{
    const uint64_t nonce = l->trace[0]->sent.tx.nonce;
    if (is_raised(x, l, is_known) || is_filled(x, l)) {
        return;
    }
    if (!is_known) {
        rail_say(l->p, RAIL_ABSENT, "the node does not know it");
    } else if (l->latest == nonce) {
        rail_say(l->p, RAIL_ACCEPTED, "it waits to be put into a block");
    } else {
        rail_say(l->p, RAIL_ACCEPTED, "it waits for %llu transactions before it",
                 (unsigned long long)(nonce - l->latest));
    }
}
