/* SPDX-License-Identifier: Apache-2.0
 * What a bank sends back (pain.002, camt.052, .053, .054, NACHA returns) into facts about payouts.
 * A file is read whole before anything of it is booked; the same file again changes nothing. What
 * fits no payout is shown and kept in the quarantine, once. */
#ifndef METE_ENGINE_BANK_IMPORT_H
#define METE_ENGINE_BANK_IMPORT_H

#include "engine/payout_fact.h"

#define BANK_IMPORT_MAX ((size_t)64 << 20) /* bytes of a file */

/* X(symbol, what it is called) */
#define BANK_IMPORT_ENDS(X)                                                                        \
    X(PAID, "paid")                                                                                \
    X(REJECTED, "rejected")                                                                        \
    X(RETURNED, "returned")                                                                        \
    X(KNOWN, "known")         /* it stands in the book already */                                  \
    X(PENDING, "pending")     /* on its way: no news for the book */                               \
    X(UNMATCHED, "unmatched") /* fits no payout */                                                 \
    X(REFUSED, "refused")     /* contradicts the book, or proves nothing: somebody has to look */

enum bank_import_end {
#define X(symbol, name) BANK_IMPORT_##symbol,
    BANK_IMPORT_ENDS(X)
#undef X
        BANK_IMPORT_END_COUNT
};
const char *bank_import_end_name(enum bank_import_end end);

/* One record of the file. Texts live until the visit returns. */
struct bank_import_row {
    enum bank_import_end end;
    struct text transfer_id; /* "": none */
    struct text reference;   /* end-to-end id, or what else the bank names it by */
    struct text code;        /* status or reason, as the bank says it */
    struct text reason;      /* in words */
    struct text amount;      /* plain decimal; "" unknown */
    struct text currency;
};
typedef bool bank_import_visit(void *arg, const struct bank_import_row *row);

struct bank_import_counts {
    size_t end[BANK_IMPORT_END_COUNT];
    size_t records;
};

/** In the group at hand. METE_BANK_FILE, METE_BANK_BALANCE: nothing of it was booked. */
enum mete_code bank_import(struct engine *e, struct bytes file, bank_import_visit *visit, void *arg,
                           struct bank_import_counts *out, struct mete_err *err) METE_MUST_CHECK;

#endif
