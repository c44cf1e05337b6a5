/* SPDX-License-Identifier: Apache-2.0
 * What the files of the rail share: its settings, assets and amounts, fees, and the transaction
 * that a body holds. */
#ifndef METE_RAILS_EVM_PARTS_H
#define METE_RAILS_EVM_PARTS_H

#include "rails/evm/chain.h"
#include "rails/evm/lane.h"
#include "rails/evm/network.h"
#include "rails/rail.h"
#include "wire/evm/batch.h"
#include "wire/evm/fees.h"
#include "wire/evm/hex.h"

#define EVM_TOKENS_MAX    16
#define EVM_COIN_DECIMALS 18
#define EVM_GAS_ONE_MAX   UINT64_C(1000000) /* of one payment by itself */
#define EVM_PAYMENTS_MAX  200               /* of one call */
#define EVM_FILLS_MAX     16u               /* of one body */

struct evm_token {
    char code[ASSET_CODE_LEN_MAX + 1];
    uint8_t decimals;
    bool is_coin;               /* what gas is paid in; no address */
    struct evm_address address; /* of the token's contract */
};

struct rail {
    struct chain *chain;
    struct lane *lane;
    struct evm_token token[EVM_TOKENS_MAX];
    size_t token_count;
    enum evm_checksum checksum;
    uint32_t confirmations; /* blocks, the payment's own among them */
    u128 fee_max;           /* wei a gas, tip and all */
    mete_time replace_after;
    bool has_batch;
    struct evm_address batch;
    size_t batch_size;
    mete_time first_now; /* of the first probe: what is older is not this process's doing */
};

/** Reads the settings into `r`; opens key and chain. */
enum mete_code evm_settings_read(struct rail *r, const struct rail_config *config,
                                 struct mete_err *err) METE_MUST_CHECK;

/* --- assets and amounts ------------------------------------------------------------------------*/

/** The token that an asset is, or NULL. */
struct evm_token *evm_token_of(struct rail *r, const struct asset *asset);
const struct evm_token *evm_token_at(const struct rail *r, const struct evm_address *address);
/** Minor units of an asset as units of its token; false when they do not divide, or are too many.
 */
bool evm_amount_of(const struct asset *asset, const struct evm_token *t, i128 amount,
                   struct u256 *out) METE_MUST_CHECK;
/** And back, rounded down, or up: *is_exact tells. False when they are too many. */
bool evm_amount_back(const struct asset *asset, const struct evm_token *t, struct u256 units,
                     bool up, i128 *out, bool *is_exact) METE_MUST_CHECK;

/* --- fees --------------------------------------------------------------------------------------*/

/** What is asked for fees: the latest block, and the tip that the node thinks right. */
struct evm_fee_asks {
    size_t block;
    size_t tip;
};
struct evm_fee_asks evm_fees_ask(struct chain_round *round);
/** False when the node did not say. */
bool evm_fees_answer(const struct rail *r, const struct chain_round *round,
                     struct evm_fee_asks asks, struct evm_block *latest,
                     struct evm_fees *out) METE_MUST_CHECK;

/* --- bodies ------------------------------------------------------------------------------------*/

/** A transaction that moves nothing, so that a nonce is used. */
struct evm_fill {
    struct bytes raw;
    struct evm_tx tx;
};

/** A body, taken apart: "0x" and the payment's transaction. Before it, each with a comma behind,
 *  there may be transactions of the same account to itself that use up nonces which nobody has and
 *  which the payment waits behind. All of them are sent, in their order. */
struct evm_sent {
    struct text body; /* as it stands in the payment */
    struct evm_fill *fill;
    size_t fill_count;
    struct bytes raw; /* of the payment's transaction, as all that follows */
    struct evm_tx tx;
    struct hash id;
    struct evm_address sender;
};
/** What evm_sent_read takes from its arena at most. */
#define EVM_SENT_ARENA_MAX                                                                         \
    (EVM_TX_ARENA_MAX(EVM_TX_SIZE_MAX) + EVM_TX_SIZE_MAX + (EVM_FILLS_MAX + 1) * (size_t)8192)
/** False when the body is none of this chain. Memory from `a`. */
bool evm_sent_read(struct arena *a, uint64_t chain_id, struct text body,
                   struct evm_sent *out) METE_MUST_CHECK;
/** Its nonces are committed, whatever a node has said to it. */
void evm_lane_use(struct lane *l, const struct evm_sent *s);

/** What one payment of a transaction pays. */
struct evm_paid {
    const struct evm_token *token;
    bool is_batch;
    size_t index;       /* in its batch */
    size_t batch_count; /* payments of the transaction */
    struct evm_address to;
    struct u256 amount;
};
/** Reads the payment that `anchor` names out of its transaction; false when the two do not fit. */
bool evm_paid_read(const struct rail *r, const struct evm_sent *s, struct text anchor,
                   struct evm_paid *out) METE_MUST_CHECK;

/** "eip155:CHAIN:SENDER:NONCE", and "#index" when it is not 0. */
struct text evm_anchor(struct arena *a, uint64_t chain_id, const struct evm_address *sender,
                       uint64_t nonce, size_t index);
/** Fills in anchor and body of a signed transaction. */
void evm_body_set(struct arena *a, struct rail_payment *p, const struct evm_tx *tx,
                  const struct evm_address *sender, size_t index);
/** The body of transactions that are signed: the last is the payment's. */
struct text evm_body(struct arena *a, const struct evm_tx *const *tx, size_t count);

/* --- the three calls ---------------------------------------------------------------------------*/

void evm_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
void evm_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);
void evm_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

#endif
