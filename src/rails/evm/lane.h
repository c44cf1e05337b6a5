/* SPDX-License-Identifier: Apache-2.0
 * The account that pays on one chain, and the nonces of it that this process has given out. What a
 * nonce was used for is committed by others (a payout's anchor, a settlement's row): the lane
 * remembers only so much that it does not offer one twice, and that a nonce which was offered and
 * never committed is offered again, before it becomes a hole that all later transactions wait
 * behind. One thread at a time. */
#ifndef METE_RAILS_EVM_LANE_H
#define METE_RAILS_EVM_LANE_H

#include "base/time.h"
#include "wire/evm/tx.h"

/** What was offered and not committed within this time is offered again. Who commits it later is
 *  refused, if somebody else has. */
#define LANE_OFFER_US (30 * TIME_SECOND_US)

struct lane;

/** Opens the account by its key. Errors: those of evm_signer_open. */
enum mete_code lane_open(struct lane **out, uint64_t chain_id, const char *key_file,
                         struct mete_err *err) METE_MUST_CHECK;
/** Wipes the key. */
void lane_close(struct lane *l);
const struct evm_address *lane_address(const struct lane *l);
/** Signs with the lane's key, for its chain alone. */
void lane_sign(struct lane *l, struct evm_tx *tx);

/** A nonce for `owner` (a text that is the same when it asks again): the first from `pending` (the
 *  node's count with what waits) that nobody has. `taken`: how often the owner was told that what
 * it was offered is somebody else's. */
uint64_t lane_offer(struct lane *l, uint64_t pending, struct text owner, uint32_t taken,
                    mete_time now);
/** The nonce of `sender` is committed: never offered again. What another account, or the same one
 * on another chain, has committed changes nothing; so below. */
void lane_use(struct lane *l, uint64_t chain_id, const struct evm_address *sender, uint64_t nonce);
/** Nonces of `sender` below `count` are on the chain, deep enough: nothing needs to be remembered
 * of them. */
void lane_forget(struct lane *l, uint64_t chain_id, const struct evm_address *sender,
                 uint64_t count);
/** True when the lane knows of nobody who has the nonce, or might commit it yet. */
bool lane_is_free(const struct lane *l, uint64_t nonce, mete_time now);
/** True when the lane has offered it, and nobody has committed it in time. */
bool lane_is_left(const struct lane *l, uint64_t nonce, mete_time now);

#endif
