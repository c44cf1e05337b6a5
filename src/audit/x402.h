/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402 as the x402.* events tell of them: who has reserved them, by which transactions
 * they are settled, whose revenue they are. Derived from decision 0015. */
#ifndef METE_AUDIT_X402_H
#define METE_AUDIT_X402_H

#include "audit/book.h"
#include "audit/carry.h"
#include "audit/want.h"

struct audit;
struct export_line;

struct x402_entry {
    struct text id;
    const char *state; /* "": nobody has heard of it */
    uint32_t steps;
    struct text network, asset, from, nonce;
    struct text reservation; /* 64 digits, or empty */
    mete_time until;
    struct text scheme, to, value, resource, policy, request, signer;
    uint64_t account_nonce;
    bool cancels;             /* the newest transaction */
    struct text *transaction; /* oldest first */
    uint32_t transactions, transaction_capacity;
    struct text outcome; /* id of the event that said what became of it */
    struct text settled_by, reason;
    uint64_t block;
    struct asset *unit; /* of the amount; NULL: no asset that the book knows */
    i128 amount;
    bool failed_for_good; /* no block can undo that it has failed */
    bool is_paid;         /* by the chain, since it is nobody's policy's */
    int32_t day;          /* of its outcome */
    uint64_t gas_used;    /* by a transaction of its own */
    i128 gas_cost;
    bool exported, open_exported;
};

struct x402_split {
    struct text resource, network;
    struct text policy; /* "": it was taken away */
    bool exported;
};

/* The resources of one pay_to. */
struct x402_splits {
    struct x402_split *split;
    uint32_t count, capacity;
};

struct x402_account {
    char id[33]; /* 16 bytes of SHA-256(sized network, sized address) */
    uint64_t next;
    bool exported;
};

/* Settled, value, failed, payers; or transactions, gas used, its cost. */
struct x402_sum {
    i128 sum[4];
    bool exported;
};

struct x402_book {
    struct arena *keep;
    struct map payment_of;     /* id -> struct x402_entry * */
    struct map transaction_of; /* hash -> struct x402_entry *: mete's own */
    struct map stranger_of;    /* hash -> struct x402_entry *: of those it settled, the first */
    struct map account_of;     /* network, NUL, signer -> struct x402_account */
    struct map splits_of;      /* pay_to -> struct x402_splits */
    struct map sum_of;         /* what they are of -> struct x402_sum */
    struct map payer_of;       /* the same and who has paid -> how often, an int64_t */
};

void x402_init(struct x402_book *x, struct arena *keep);
void x402_clear(struct x402_book *x);

/** Why what it books must wait, if it must. */
void x402_judge(struct audit *a, struct moment *m, struct want *w);
/** The lines of a payment that is settled, or taken back. `anew`: it had waited. */
void x402_book_lines(struct audit *a, struct moment *m, struct want *w, bool anew);
/** Judges the step when it is told, whether its money waits or not, and remembers it. */
void x402_take(struct audit *a, struct moment *m);
void x402_policy_take(struct audit *a, struct moment *m);
/** What the event undoes; NULL: nothing that moved money. */
struct record *x402_undone(struct audit *a, const struct moment *m, bool anew);

bool x402_entry_is_open(const struct x402_entry *p);

/* x402_sums.c */
/** Adds (by 1) the outcome of the payment, which is settled or failed, or takes it away (by -1). */
void x402_count(struct audit *a, struct moment *m, const struct x402_entry *p, int by);
void x402_check_sums(struct audit *a, const struct json *line);
void x402_check_gas(struct audit *a, const struct json *line);
void x402_missing_sums(struct audit *a);

/* state_x402.c */
/** False when the line is of another kind. */
bool state_check_x402(struct audit *a, const struct export_line *line);
void state_missing_x402(struct audit *a);

#endif
