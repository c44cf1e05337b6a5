/* SPDX-License-Identifier: Apache-2.0
 * The codes by which banks say why a payment was refused or came back, in words, and whose it is to
 * mend. Source: ISO 20022 external code sets (status and return reasons); Nacha operating rules,
 * appendix four. */
#ifndef METE_WIRE_BANK_REASON_H
#define METE_WIRE_BANK_REASON_H

#include "base/types.h"

enum reason_side {
    REASON_PAYEE,     /* a new attempt to the same account would end the same */
    REASON_PAYER,     /* our account, our file or the moment: a new attempt may succeed */
    REASON_DUPLICATE, /* the bank has it already: proves nothing */
    REASON_UNKNOWN    /* no code that is known here */
};

struct reason {
    const char *code;
    enum reason_side side;
    const char *words;
};

/** By code ("AC04", "R03", "C01"); REASON_UNKNOWN with words of its own when there is none. */
const struct reason *reason_of(struct text code);

#endif
