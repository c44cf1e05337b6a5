/* SPDX-License-Identifier: Apache-2.0
 * One call of probe: what the node says of the transactions that were committed. Private to the
 * files that probe. */
#ifndef METE_RAILS_EVM_LOOK_H
#define METE_RAILS_EVM_LOOK_H

#include "rails/evm/evm_parts.h"

/** One transaction, of one payment or many. */
struct evm_trace {
    struct evm_sent sent;
    size_t receipt_place, tx_place, block_place;
    bool has_receipt;
    struct evm_receipt receipt;
    struct u256 rollup_fee;  /* wei that a rollup took besides */
    bool is_deep;            /* as deep as the settings ask, by its number */
    bool is_canonical;       /* and its block is still the one of that number */
    bool waits;              /* the node has it and it is in no block */
    struct text replacement; /* the body that takes its place; "" */
    bool is_replaced;        /* a replacement was tried to make */
};

/** One payment. */
struct evm_look {
    struct rail_payment *p;
    struct evm_trace *trace[RAIL_BODIES_MAX]; /* as its bodies */
    size_t count;
    struct evm_paid paid;
    size_t latest_place, pending_place, deep_place;
    bool has_counts;
    uint64_t latest;   /* transactions of the sender in blocks */
    uint64_t pending;  /* and in a row behind them, waiting */
    bool is_overtaken; /* its nonce is used, deep enough, and not by what the node knows of it */
};

struct evm_probe {
    struct rail *rail;
    struct arena *arena; /* of the caller */
    struct arena own;
    struct evm_trace *trace;
    size_t trace_count;
    struct evm_look *look;
    size_t count;
    struct evm_block head;
    struct evm_fees fees;
    uint64_t deep; /* the newest block that counts */
};

/** The end of a payment whose transaction is final. */
void evm_judge_final(struct evm_probe *x, struct evm_look *l, const struct evm_trace *t);
/** Its nonce was used by something else: by what? Ends in a report. */
void evm_judge_overtaken(struct evm_probe *x, struct evm_look *l);
/** It waits, or the node does not know it: in a report, replaced or to be sent again. */
void evm_judge_waiting(struct evm_probe *x, struct evm_look *l, bool is_known);

/** What the token did for one payment, by the logs of its transaction. */
enum evm_moved { EVM_MOVED, EVM_REFUSED, EVM_SILENT };
enum evm_moved evm_moved(const struct evm_sent *sent, const struct evm_receipt *receipt,
                         const struct evm_paid *paid, struct u256 *amount);

#endif
