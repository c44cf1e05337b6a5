/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the double of a bank share: reading files of payments (bank_read.c), keeping
 * them (bank.c), writing reports (bank_write.c). */
#ifndef METE_RAILSIM_BANK_H
#define METE_RAILSIM_BANK_H

#include "railsim/parts.h"

#define BANK_TEXT_MAX 141

/** One payment of a file. Texts are NUL-terminated. */
struct bank_order {
    char block[BANK_TEXT_MAX]; /* PmtInfId; NACHA: the batch header */
    char end_to_end[BANK_TEXT_MAX];
    char creditor[BANK_TEXT_MAX];
    char account[BANK_TEXT_MAX];
    char debtor[BANK_TEXT_MAX];    /* account; NACHA: the file header */
    char reference[BANK_TEXT_MAX]; /* NACHA: the entry */
    char currency[4];
    int64_t amount;     /* minor units */
    const char *reason; /* code by which the bank refuses it; NULL: it does not */
};

/** What a file says of itself. */
struct bank_file {
    bool nacha;
    bool version9; /* of pain.001 */
    char message[BANK_TEXT_MAX];
    const char *reason; /* code by which the whole file is refused; NULL: it is not */
    struct bank_order *order;
    size_t count;
};

/** Reads pain.001 or NACHA with orders in the arena. False: neither, `why` says so. */
bool bank_file_read(struct arena *a, struct bytes file, struct bank_file *out, char why[200]);

/** A payment in the state. */
struct bank_payment {
    int64_t seq, amount;
    struct text message, block, end_to_end, creditor, account, debtor, currency, status, reason,
        reference;
};

/** Appends a report of status: the whole group has `status`, or PART with each payment's own. */
void bank_status_write(struct buf *out, const char *id, int64_t now_us, struct text message,
                       const struct bank_payment *p, size_t count);

struct bank_statement_head {
    const char *id;
    int64_t sequence, now_us, opening, closing;
    struct text account, currency;
};

struct bank_entry {
    int64_t seq, amount;
    bool credit;
    struct text reason;
    struct bank_payment payment;
};

void bank_statement_begin(struct buf *out, const struct bank_statement_head *h);
void bank_statement_entry(struct buf *out, const struct bank_statement_head *h,
                          const struct bank_entry *e);
void bank_statement_end(struct buf *out);

/** A NACHA file that returns one entry. */
void bank_return_write(struct buf *out, int64_t now_us, const struct bank_payment *p,
                       const char *reason);

#endif
