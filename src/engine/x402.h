/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402 as the book knows them: reserved, settled once, followed until they are final
 * (doc/decisions/0015-x402.md). Steps are taken where the book is written; what is asked can be
 * asked of any snapshot. Who signs is the caller's; nothing here knows a chain or a node. */
#ifndef METE_ENGINE_X402_H
#define METE_ENGINE_X402_H

#include "base/arena.h"
#include "core/x402.h"
#include "crypto/hash.h"
#include "engine/engine.h"

#define X402_ID_LEN          45 /* "x402-" and 40 hexadecimal digits */
#define X402_RESERVATION_LEN 32 /* hexadecimal digits of a reservation's token, 16 random bytes */

/** What makes a payment one: see the decision record. Lower case where addresses are. */
struct x402_name {
    struct text network; /* CAIP-2: "eip155:8453" */
    struct text asset;
    struct text from;
    struct text nonce;
};

/** The payment's id, with NUL. */
void x402_id(const struct x402_name *name, char out[X402_ID_LEN + 1]);

/* --- what a payment has become -----------------------------------------------------------------*/

/* enum x402_state stands in core/machine.h: X402_NONE, X402_RESERVED, ... */

struct x402_status {
    enum x402_state state; /* a reservation that has run out is X402_NONE */
    bool is_reserved;      /* state is X402_RESERVED and it has not run out */
    struct x402_name name;
    struct hash request; /* from X402_SETTLING on: what was asked */
    struct text scheme, to, value, resource, policy, asset_code, signer;
    uint8_t asset_scale;
    uint64_t account_nonce;
    mete_time until;           /* when the authorization ends */
    mete_time begun_at;        /* recorded_at of x402.settling; 0 */
    struct text *transactions; /* hashes, the newest first */
    struct text *raws;         /* their signed bytes, "0x..." */
    size_t transaction_count;
    struct text settled_by; /* the hash that was mined; "" */
    uint64_t block;         /* that it is in */
    struct text reason;     /* of X402_FAILED */
    bool cancels;           /* the newest transaction cancels */
};

/** METE_NOT_FOUND: nobody has heard of it. Texts are in `a`. */
enum mete_code x402_find(struct engine *e, struct text id, struct arena *a, struct x402_status *out,
                         struct mete_err *err) METE_MUST_CHECK;
/** By the hash of any of its transactions. */
enum mete_code x402_find_transaction(struct engine *e, struct text transaction, struct arena *a,
                                     struct x402_status *out, struct mete_err *err) METE_MUST_CHECK;
/** Ids of payments that are settling, or settled or failed and not confirmed, in the order of ids,
 *  after `after` (""), at most `max`. */
enum mete_code x402_open_ids(struct engine *e, struct text after, size_t max, struct arena *a,
                             struct text **ids, size_t *count,
                             struct mete_err *err) METE_MUST_CHECK;

/* --- steps, on the thread that writes the book
 * ---------------------------------------------------*/

/** What an account signs next. The bytes that come back are "0x..." in `a`. */
struct x402_signing {
    const char *network;
    uint64_t account_nonce;
    struct text to;   /* contract, "0x..." */
    struct text data; /* of the call, "0x..." */
    uint64_t gas;
    struct text fee_max, tip_max; /* wei, decimal; tip "" : a legacy transaction */
};
struct x402_signer {
    void *ctx;
    /** The account of a network, lower case; false: this process cannot sign for it. */
    bool (*account)(void *ctx, struct text network, struct text *out);
    bool (*sign)(void *ctx, struct arena *a, const struct x402_signing *s, struct text *raw,
                 struct text *transaction);
};

enum x402_step_kind {
    X402_STEP_RESERVE,
    X402_STEP_RELEASE,
    X402_STEP_SETTLE,
    X402_STEP_REPLACE,
    X402_STEP_SETTLED,
    X402_STEP_FAILED,
    X402_STEP_CONFIRMED,
    X402_STEP_UNDONE,
};

struct x402_step {
    enum x402_step_kind kind;
    struct text id; /* of what is known already; else `name` says */
    struct x402_name name;
    struct text reservation; /* the token: RESERVE (drawn by the caller), RELEASE, SETTLE ("") */
    mete_time until;         /* RESERVE, SETTLE */
    /* SETTLE */
    struct hash request;
    struct text scheme, to, value, resource, policy;
    struct text code; /* of the asset, and how many decimals it has */
    uint8_t scale;
    /* No settings name the asset: `scale` is what it says of itself, asked when something moves. So
     * the book's scale holds once it has the code, and a value of "0" does not define one. */
    bool is_unlisted;
    uint64_t counted; /* what a node counts as the account's next nonce */
    /* SETTLE, REPLACE: `account_nonce` is filled in here. SETTLE with value "0": nothing is signed,
     * the payment is settled at once. REPLACE with `cancels`: an empty transfer to the account. */
    struct x402_signing call;
    bool cancels;
    /* REPLACE: the one that is replaced, "" the newest, whichever that is. SETTLED, FAILED;
     * CONFIRMED, UNDONE: what is final or undone, with the reason of a failure */
    struct text transaction, reason;
    uint64_t block;
    mete_time block_time;
    uint64_t gas_used;
    struct text gas_price; /* wei, decimal */
};

enum x402_step_status {
    X402_STEP_TAKEN,
    X402_STEP_KNOWN,   /* it had happened: the same again */
    X402_STEP_REFUSED, /* err says why: METE_PAYMENT_RESERVED, METE_PAYMENT_OTHERWISE,
                          METE_PAYMENT_STATE, METE_NO_SIGNER ... */
};

struct x402_step_result {
    enum x402_step_status status;
    struct x402_status now; /* the payment after it; also of what was refused, when it is known */
    struct mete_err err;
};

/** Takes the steps, each by itself. After a failure of the book (METE_STORE...) none is. */
enum mete_code x402_steps_take(struct engine *e, const struct x402_signer *signer,
                               const struct x402_step *step, size_t count, struct arena *a,
                               struct x402_step_result *result,
                               struct mete_err *err) METE_MUST_CHECK;

/** Whether nothing of an asset that no settings name can be settled: the book has to know its code.
 *  METE_MEMBER_VALUE: it does not, in the words by which a step is refused; METE_STORE... */
enum mete_code x402_nothing_check(struct engine *e, struct text code,
                                  struct mete_err *err) METE_MUST_CHECK;

#endif
