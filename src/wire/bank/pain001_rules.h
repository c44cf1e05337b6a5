/* SPDX-License-Identifier: Apache-2.0
 * The elements of pain.001 that mete writes, as a table: which may follow which, how often, and
 * what stands in them. Knows nothing of sums. */
#ifndef METE_WIRE_BANK_PAIN001_RULES_H
#define METE_WIRE_BANK_PAIN001_RULES_H

#include "base/types.h"

enum pain001_kind {
    KIND_NODE, /* has children, no characters */
    KIND_ID,
    KIND_TIME,
    KIND_DATE,
    KIND_COUNT,
    KIND_SUM,
    KIND_AMOUNT, /* with @Ccy */
    KIND_NAME,
    KIND_TOWN,
    KIND_COUNTRY,
    KIND_NOTE,
    KIND_IBAN,
    KIND_BIC,
    KIND_UETR,
    KIND_BOOLEAN,
    KIND_WORD, /* exactly `word` */
    KIND_CHARGES,
};

/** What a value belongs to, where the kind alone does not tell. */
enum pain001_role {
    ROLE_NONE,
    ROLE_MESSAGE,
    ROLE_PAYMENT,
    ROLE_TRANSFER,
    ROLE_DEBTOR,
    ROLE_CREDITOR,
    ROLE_SEPA,
};

/** One element below its parent, in the order of the parent's children; a NULL name ends them. */
struct pain001_rule {
    const char *name;
    bool needed;
    bool many;
    uint8_t version; /* 3 or 9: only there; 0: in both */
    enum pain001_kind kind;
    enum pain001_role role;
    const char *word;
    const struct pain001_rule *child;
};

/** The one rule of the root. */
extern const struct pain001_rule PAIN001_ROOT[];

#endif
