/* SPDX-License-Identifier: Apache-2.0
 * What is in no block: it waits for its turn, its fee is raised, a hole before it is filled, or it
 * is to be sent again. Every replacement pays the same payee the same amount at the same nonce. */
#include "base/text.h"
#include "rails/evm/look.h"

/** A hole is filled when who made it has had time to come back: a claim lasts as long. */
#define HOLE_AFTER_US (60 * TIME_SECOND_US)
#define COIN_GAS      21000

/* --- a higher fee ------------------------------------------------------------------------------*/

/** The body that takes the place of the last one; made once for all payments in it. */
static bool replacement_make(struct evm_probe *x, struct evm_trace *t)
{
    if (!t->is_replaced) {
        struct evm_tx tx = t->sent.tx;
        t->is_replaced = true;
        if (tx.type == EVM_TX_FEE_MARKET &&
            evm_address_eq(&t->sent.sender, lane_address(x->rail->lane)) &&
            evm_fees_raise(x->rail, &x->fees, &tx)) {
            lane_sign(x->rail->lane, &tx);
            t->replacement = evm_body(x->arena, &tx);
        }
    }
    return t->replacement.len > 0;
}

static bool is_due(const struct evm_probe *x, const struct evm_look *l)
{
    const struct rail_payment *p = l->p;
    return p->sending_at != 0 &&
           p->now - p->sending_at >= x->rail->replace_after * (mete_time)l->count;
}

static bool is_cheap(const struct evm_probe *x, const struct evm_look *l)
{
    const struct u256 max = l->trace[l->count - 1]->sent.tx.fee_max;
    return u256_cmp(max, u256_of(x->fees.base)) < 0;
}

/** False when there is no room for another body, or under the cap. */
static bool replace(struct evm_probe *x, struct evm_look *l)
{
    struct evm_trace *last = l->trace[l->count - 1];
    if (l->count == RAIL_BODIES_MAX || !replacement_make(x, last)) {
        return false;
    }
    l->p->body[l->p->body_count++] = last->replacement;
    rail_say(l->p, RAIL_REPLACE, "its fee is raised");
    return true;
}

/* --- holes -------------------------------------------------------------------------------------*/

/** Uses a nonce that nobody has, so that what comes after it can go on: nothing, paid to oneself.
 */
static void hole_fill(struct evm_probe *x, uint64_t nonce)
{
    struct evm_tx tx = {.nonce = nonce, .gas = COIN_GAS, .to = *lane_address(x->rail->lane)};
    evm_own_send(x->rail, &x->fees, &tx);
}

/** Whether what is missing before it may be filled now. */
static bool has_hole(const struct evm_probe *x, const struct evm_look *l)
{
    const struct rail *r = x->rail;
    const mete_time now = l->p->now;
    return l->pending < l->trace[0]->sent.tx.nonce && l->p->sending_at != 0 &&
           now - l->p->sending_at > HOLE_AFTER_US && now - r->first_now > HOLE_AFTER_US &&
           evm_address_eq(&l->trace[0]->sent.sender, lane_address(r->lane)) &&
           lane_is_free(r->lane, l->pending, now);
}

/* --- the answer --------------------------------------------------------------------------------*/

void evm_judge_waiting(struct evm_probe *x, struct evm_look *l, bool is_known)
{
    const uint64_t nonce = l->trace[0]->sent.tx.nonce;
    const bool is_next = l->latest == nonce;
    if (is_next && (is_known ? is_due(x, l) : is_cheap(x, l)) && replace(x, l)) {
        return;
    }
    if (!is_known) {
        rail_say(l->p, RAIL_ABSENT, "the node does not know it");
    } else if (has_hole(x, l)) {
        hole_fill(x, l->pending);
        rail_say(l->p, RAIL_ACCEPTED, "nonce %llu before it was nobody's, and is used up now",
                 (unsigned long long)l->pending);
    } else if (is_next) {
        rail_say(l->p, RAIL_ACCEPTED, "it waits to be put into a block");
    } else {
        rail_say(l->p, RAIL_ACCEPTED, "it waits for %llu transactions before it",
                 (unsigned long long)(nonce - l->latest));
    }
}
