/* SPDX-License-Identifier: Apache-2.0
 * What the readers of pain.002 and camt share; for report*.c alone. */
#ifndef METE_WIRE_BANK_REPORT_PARTS_H
#define METE_WIRE_BANK_REPORT_PARTS_H

#include "wire/bank/report.h"
#include "wire/bank/xml.h"

/** A file that is being read. `base` holds what is said above a record and is inherited by it. */
struct report {
    struct bank_xml *xml;
    struct bank_report_sink sink;
    enum bank_message message;
    char message_id[BANK_REF_MAX + 1];
    /* pain.002: one record a level, each a copy of the one above when it opens */
    struct bank_record group, payment, transfer;
    /* camt */
    struct bank_statement statement;
    struct bank_record entry, detail;
    unsigned details;    /* TxDtls of the entry */
    bool direction_said; /* of the entry */
    unsigned blocks;     /* NtryDtls of the entry */
    bool first_kept; /* `first` waits: whether its amount is that of the entry is not known yet */
    struct bank_record first;
    /* the balance that is being read */
    bool balance_credit;
    i128 balance_e5;
    char balance_code[5];
    char currency[BANK_CURRENCY_LEN + 1]; /* @Ccy of the amount that is being read */
};

/** True when the path of the element ends with `tail` ("/TxDtls/Refs/EndToEndId"). */
bool report_at(const struct report *r, const char *tail);
/** Copies the value; false (and said) when it is longer than `size - 1` bytes or not UTF-8. */
bool report_keep(struct report *r, char *out, size_t size);
/** Reads the value as an amount. */
bool report_amount(struct report *r, i128 *e5);
/** Reads the value as CRDT or DBIT. */
bool report_direction(struct report *r, bool *credit);
/** Gives a record out; false stops. */
bool report_give(struct report *r, const struct bank_record *record);

bool status_open(struct report *r);
bool status_close(struct report *r);
bool account_open(struct report *r);
bool account_close(struct report *r);

#endif
