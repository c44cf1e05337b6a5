/* SPDX-License-Identifier: Apache-2.0
 * What banks send back, as flat records: pain.002 (status of transfers), camt.052, .053 and .054
 * (account reports, statements, notifications), in every version, by local names.
 *
 * Nothing may be booked before the whole file was read without error: a statement that does not
 * balance is known only at its end. Reports come late, in any order, several for one file, and the
 * same movement stands in .052, .053 and .054: see bank_movement_key. */
#ifndef METE_WIRE_BANK_REPORT_H
#define METE_WIRE_BANK_REPORT_H

#include "base/types.h"
#include "crypto/hash.h"
#include "mete/error.h"
#include "wire/bank/field.h"

#define BANK_REPORT_SIZE_MAX ((size_t)64 << 20)
#define BANK_REF_MAX         140 /* bytes: 35 characters of UTF-8 */
#define BANK_ACCOUNT_MAX     34  /* IBAN, or the bank's own number */
#define BANK_DAY_NONE        INT32_MIN

enum bank_message {
    BANK_PAIN_002,
    BANK_CAMT_052,
    BANK_CAMT_053,
    BANK_CAMT_054,
};

/** What a record speaks about. For a status the lowest level wins: a group or payment that is
 *  accepted says nothing of a transfer that is rejected below it. */
enum bank_level {
    BANK_GROUP,    /* pain.002: the whole file */
    BANK_PAYMENT,  /* pain.002: one PmtInf */
    BANK_TRANSFER, /* pain.002: one transfer */
    BANK_ENTRY,    /* camt: an entry without details; `count` movements in one amount */
    BANK_DETAIL,   /* camt: one movement of an entry */
};

/** One record. Texts are NUL-terminated; empty when the file does not say. */
struct bank_record {
    enum bank_message message;
    enum bank_level level;
    char message_id[BANK_REF_MAX + 1]; /* of the report itself */
    char original_message[BANK_REF_MAX + 1];
    char original_payment[BANK_REF_MAX + 1];
    char end_to_end[BANK_REF_MAX + 1];
    char uetr[37];
    char status[5];                /* RJCT, ACSC, ...; of an entry BOOK, PDNG, INFO or FUTR */
    char reason[BANK_REF_MAX + 1]; /* of a rejection or return: AC04, or the bank's own words */
    char account[BANK_ACCOUNT_MAX + 1];
    char entry_ref[BANK_REF_MAX + 1];    /* NtryRef */
    char servicer_ref[BANK_REF_MAX + 1]; /* AcctSvcrRef */
    bool amount_known;                   /* else amount_e5 is 0 */
    i128 amount_e5;                      /* units of 10^-5, never negative */
    char currency[BANK_CURRENCY_LEN + 1];
    bool credit;         /* of the account: money came in */
    bool reversal;       /* RvslInd */
    bool returned;       /* RtrInf stands there */
    uint32_t count;      /* movements the record stands for; 0: not said */
    int32_t booking_day; /* days since 1970, or BANK_DAY_NONE */
};

/** One account in a camt file, at its end. Balances are negative when in debit. */
struct bank_statement {
    enum bank_message message;
    char id[BANK_REF_MAX + 1];
    char account[BANK_ACCOUNT_MAX + 1];
    uint64_t sequence; /* ElctrncSeqNb; 0: not said. A gap is a statement that is missing */
    bool opening_known, closing_known;
    i128 opening_e5, closing_e5;
    i128 booked_e5; /* credits less debits of the booked entries */
    uint32_t entries;
};

/** Who gets the records. Either may be NULL; false stops with METE_BANK_FILE. */
struct bank_report_sink {
    void *ctx;
    bool (*record)(void *ctx, const struct bank_record *r);
    bool (*statement)(void *ctx, const struct bank_statement *s);
};

/** Reads a file whole and gives its records in their order.
 *  `salt` as of bank_xml_new.
 *  Errors: METE_BANK_FILE (not XML, a document type, none of the four messages, larger than 64 MiB,
 *  a field that is broken or too long; the pointer is the path); METE_BANK_BALANCE when in a
 * camt.053 OPBD (or PRCD) and booked entries do not give CLBD. What was delivered before an error
 * counts for nothing. */
enum mete_code bank_report_read(struct bytes file, const struct bank_report_sink *sink,
                                uint64_t salt, struct mete_err *err) METE_MUST_CHECK;

/** What a record means for the transfer that it names. */
enum bank_outcome {
    BANK_UNCLEAR,  /* no news of a transfer, or a code that is not known: ask the bank */
    BANK_PENDING,  /* on its way: RCVD ACTC ACCP ACSP ACWC PDNG PART, an entry not booked yet */
    BANK_SETTLED,  /* ACSC, ACCC, a booked debit; may still be returned */
    BANK_FAILED,   /* RJCT: nothing was booked */
    BANK_RETURNED, /* a booked credit that is a reversal or a return: the money is back */
};

/** CANC is unclear on purpose: only RJCT says for certain that nothing was booked. */
enum bank_outcome bank_record_outcome(const struct bank_record *r);

/** The key of a movement: the same in .052, .053 and .054 when they say the same of it. A hash over
 *  account, AcctSvcrRef (else NtryRef), end-to-end id, amount, currency, direction and booking day;
 *  the end-to-end id, because all details of one entry share its reference. False, and *key
 *  untouched, when the record has no reference at all: then it cannot be told from another. */
bool bank_movement_key(const struct bank_record *r, struct hash *key) METE_MUST_CHECK;

#endif
