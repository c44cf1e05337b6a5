/* SPDX-License-Identifier: Apache-2.0
 * The port to a scheme of x402: reading a payment, judging it, and the call that settles it. A
 * scheme does no I/O: it says which questions a node is to be asked, as JSON-RPC requests, and
 * hears the answers; whoever drives it brings them over a line (rails/line.h). Adding a scheme is a
 * file that fills a struct x402_scheme and one line in the list of schemes.c; what is the same for
 * all chains of a kind (here: EVM) is shared beside it. The steps: doc/x402.md. */
#ifndef METE_RAILS_X402_SCHEME_H
#define METE_RAILS_X402_SCHEME_H

#include "base/arena.h"
#include "base/time.h"
#include "rails/x402/net.h"
#include "wire/x402/facilitator.h"
#include "wire/x402/reason.h"

#define CASE_ASKS_MAX    16  /* questions of one round */
#define CASE_MARGIN_S    6   /* a payment must hold so many seconds longer */
#define CASE_MESSAGE_MAX 300 /* bytes of what a node said */

struct x402_scheme;
struct evm_case;

/** One payment before the judge. Texts live in `arena`, or where the request does. */
struct x402_case {
    struct arena *arena;
    const struct net *net;
    const struct x402_scheme *scheme;
    const struct x402_request *in;
    uint64_t now_s; /* seconds since 1970 */
    bool settles;   /* it is about to be settled, else only judged */
    bool simulates; /* the settlement is tried on a node */

    /* What the scheme has read: filled as far as it was readable. */
    struct text payer; /* as the payment writes it, "" before it was read */
    struct text asset; /* lower case: what names the payment */
    struct text from;
    struct text to;
    struct text nonce;
    char code[ASSET_CODE_LEN_MAX + 1]; /* what the asset is booked as */
    bool is_unlisted;                  /* the settings do not name it, so its ... */
    uint8_t decimals;                  /* ... are asked when it is settled and something moves */
    struct u256 charge;                /* what moves */
    uint64_t until_s;                  /* after that the payment cannot be settled */
    bool is_payers;                    /* by its own key, so that nobody else made it up */
    struct evm_case *evm;              /* of chains of that kind */

    /* What it found. */
    enum x402_reason reason; /* X402_REASON_NONE: valid */
    struct text message;     /* what a node said, for people; or "" */

    /* When it settles and is valid: the transaction, but for its nonce. */
    struct text call_to;   /* "0x..." */
    struct text call_data; /* "0x..." */
    uint64_t gas;
    struct u256 fee_max;
    struct u256 tip_max;
    uint64_t counted;  /* what the node counts as the account's next nonce */
    struct u256 coins; /* what the account has for gas, in the smallest unit, when ... */
    bool has_coins;    /* ... the node has said so */
};

struct x402_scheme {
    const char *name;
    enum x402_family family;
    bool has_v1;
    bool has_charge; /* what moves is less than was signed: answers to /settle say how much */
    /** Appends the members of extra in GET /supported, as a JSON object; NULL: none. A scheme that
     *  has it is offered only on networks with an account. */
    void (*kind_extra)(const struct net *n, struct buf *out);
    /** Reads the payment and judges what needs no node. False: c->reason says why not. */
    bool (*read)(struct x402_case *c);
    /** How many questions the round at hand has; 0: none are needed, the payment is valid. */
    size_t (*plan)(struct x402_case *c);
    /** Writes exactly so many. May be called again, when another node is asked. */
    void (*ask)(struct x402_case *c, struct rpc_batch *b);
    /** Takes the answers. True: it is decided, in c->reason; else a further round is planned. */
    bool (*hear)(struct x402_case *c, const struct rpc_answer *answers);
};

/** The list, which NULL ends: all that schemes.c has. A program may be linked with its own. */
extern const struct x402_scheme *const X402_SCHEMES[];
/** NULL: none of this name for networks of this kind. */
const struct x402_scheme *x402_scheme_find(struct text name, enum x402_family family);

/** What is asked of a mined settlement. */
struct x402_mined {
    bool is_ok;    /* it was not reverted */
    bool has_paid; /* and moved exactly what it was for */
};
/** Looks for the token's own word that `value` went from `from` to `to`, in a receipt. */
struct x402_mined x402_mined_of(const struct evm_receipt *r, const struct evm_address *asset,
                                const struct evm_address *from, const struct evm_address *to,
                                struct u256 value);

#endif
