/* SPDX-License-Identifier: Apache-2.0
 * What the files of the import share. Private to src/engine. */
#ifndef METE_ENGINE_BANK_IMPORT_PARTS_H
#define METE_ENGINE_BANK_IMPORT_PARTS_H

#include "engine/bank_import.h"
#include "wire/bank/nacha.h"
#include "wire/bank/report.h"

/* One record of either kind of file, in the words of both. Texts in the arena. */
struct bank_note {
    enum bank_outcome outcome;
    bool is_group;       /* about all payments of `message` */
    bool is_status;      /* of a report about a file, not of an account: no money moved by it */
    struct text e2e;     /* end-to-end id of ISO 20022; "" */
    struct text ach;     /* id of a NACHA entry; "" */
    struct text message; /* message id of the file that went out; "" */
    struct text code;
    struct text source;    /* "camt.053 STMT-1": for the proof */
    struct text reference; /* by which the bank finds it */
    bool has_amount;
    i128 amount_e5;
    struct text currency;
    uint32_t count; /* movements it stands for; 0: not said */
    struct bank_note *next;
};

struct bank_notes {
    struct arena *a;
    struct bank_note *first;
    struct bank_note **last;
    size_t count;
};

/** Reads a whole file of either kind. */
enum mete_code bank_notes_read(struct bytes file, struct bank_notes *out,
                               struct mete_err *err) METE_MUST_CHECK;

/* The payouts that a note may be about, beyond an id that says it: gathered when first needed. */
struct bank_index;
struct bank_index *bank_index_new(void);
void bank_index_free(struct bank_index *x);
/** The end-to-end id that a NACHA entry's id stands for; `p` NULL: none, or several. */
struct text bank_index_ach(struct bank_index *x, struct engine *e, struct text ach,
                           struct mete_err *err);
/** The end-to-end ids of the payments under way in a file that went out; in `a`. */
enum mete_code bank_index_group(struct bank_index *x, struct engine *e, struct text message,
                                struct arena *a, struct text **e2e, i128 *sum_e5, size_t *count,
                                struct mete_err *err) METE_MUST_CHECK;

#endif
