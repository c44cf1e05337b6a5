/* SPDX-License-Identifier: Apache-2.0
 * Tax forms as CSV, in the columns that their readers ask for. What mete knows is an amount for a
 * party; who that is comes from the tables that are given, and is kept nowhere. */
#ifndef METE_CLI_TAX_FORM_H
#define METE_CLI_TAX_FORM_H

#include "engine/tax.h"
#include "wire/csv.h"

enum tax_form { TAX_1099_NEC, TAX_1099_MISC, TAX_VAT };

struct tax_form_options {
    enum tax_form form;
    struct text period;      /* "2026" */
    const char *box;         /* 1099-MISC: the column that has the amount */
    i128 threshold;          /* 1099: cents; who was paid less is left out */
    const struct csv *party; /* by party; of vat required */
    const struct csv *payer; /* 1099: one row; NULL: none */
    bool by_payment;         /* vat: of what was paid; else of what was earned */
};

struct tax_form_result {
    uint64_t rows;
    uint64_t below;   /* paid, but less than the threshold */
    uint64_t unknown; /* rows of parties that the table does not have */
    uint64_t other;   /* paid in an asset that the form does not take */
    i128 total;       /* 1099: of the rows, cents */
};

bool tax_form_of(struct text name, enum tax_form *out) METE_MUST_CHECK;
/** The column of 1099-MISC by a short name: rents, royalties, other. NULL: none has it. */
const char *tax_box_of(struct text name);
/** The least that is reported for a year, in cents: statute, not this program, changes it. False:
 *  it is not known. `royalties`: box 2 of 1099-MISC. */
bool tax_threshold(enum tax_form form, bool royalties, int year, i128 *cents) METE_MUST_CHECK;

/** Appends header and rows. METE_FILE: the table lacks what the form needs, and where. */
enum mete_code tax_form_write(struct buf *out, const struct tax_form_options *o,
                              const struct tax_row *row, size_t count,
                              struct tax_form_result *result, struct mete_err *err) METE_MUST_CHECK;

#endif
