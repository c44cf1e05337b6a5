/* SPDX-License-Identifier: Apache-2.0
 * NACHA files (ACH): credits to accounts in the United States written, returns and notifications of
 * change read. 94 ASCII columns a record, ten records a block. Nobody confirms a file: silence is
 * presumed success, a return may still come. */
#ifndef METE_WIRE_BANK_NACHA_H
#define METE_WIRE_BANK_NACHA_H

#include "base/buf.h"
#include "base/time.h"
#include "mete/error.h"
#include "wire/bank/iban.h"

#define NACHA_AMOUNT_MAX  9999999999u              /* cents of one entry */
#define NACHA_TOTAL_MAX   ((uint64_t)999999999999) /* cents of a batch or file */
#define NACHA_ACCOUNT_MAX 17
#define NACHA_ID_MAX      15 /* of the payee, column 40 */
#define NACHA_NAME_MAX    22
#define NACHA_NOTE_MAX    80
#define NACHA_TRACE_LEN   15
#define NACHA_FILE_MAX    ((size_t)64 << 20)
#define NACHA_ENTRIES_MAX 500000 /* entries and addenda of one file: six digits count them */

/** The header of a file. Texts belong to the caller; they are written in capitals. */
struct nacha_file {
    struct routing destination;   /* of the bank that gets the file */
    struct text origin;           /* 1 to 10 digits or capitals that the bank assigned */
    mete_time created;            /* UTC */
    char modifier;                /* A-Z, 0-9: distinct among the files of a day */
    struct text destination_name; /* at most 23 */
    struct text origin_name;      /* at most 23 */
    struct text reference;        /* at most 8 */
    bool crlf;                    /* CR LF, else LF */
};

/** One batch: credits only. */
struct nacha_batch {
    bool business;                   /* CCD, to companies; else PPD, to people */
    struct text company;             /* 1 to 16 */
    struct text company_id;          /* 1 to 10 */
    struct text description;         /* 1 to 10, what the payee reads: PAYOUT */
    int32_t effective_day;           /* a banking day: calendar_us */
    char odfi[ROUTING_BANK_LEN + 1]; /* first eight digits of the bank that sends */
    uint32_t number;                 /* 1 to 9999999, ascending in the file */
};

/** One credit. */
struct nacha_entry {
    bool savings; /* 32, else 22 (checking) */
    bool prenote; /* 33 or 23: no money, a test of the account */
    struct routing bank;
    struct text account; /* 1 to 17: digits, letters, hyphens, inner spaces */
    uint64_t cents;      /* 1 to 9,999,999,999; 0 for a prenote */
    struct text id;      /* our short reference, at most 15 */
    struct text name;    /* 1 or more; written to 22: ACH does not match names */
    struct text note;    /* empty, or one addenda 05 of at most 80 */
    uint32_t sequence;   /* 1 to 9999999, ascending: with the ODFI it is the trace number, which
                            returns name; keep it before writing */
};

/** Sums of a batch or file. */
struct nacha_totals {
    uint32_t count;   /* entries and addenda */
    uint64_t hash;    /* sum of the banks' eight digits, mod 10^10 when written */
    uint64_t debits;  /* cents */
    uint64_t credits; /* cents */
};

struct nacha_writer {
    bool crlf;
    bool in_batch;
    uint32_t lines, batches;
    uint32_t last_sequence, last_batch;
    struct nacha_batch batch; /* its texts are used until nacha_batch_end */
    struct nacha_totals batch_totals, totals;
};

/** All four append whole records to `out`, which the caller may empty in between.
 *  Errors: METE_BANK_FIELD (a text that is empty, too long or has nothing in ASCII, a number out of
 * range, an order that does not ascend), METE_BANK_AMOUNT; *out is untouched then. */
enum mete_code nacha_begin(struct nacha_writer *w, const struct nacha_file *f, struct buf *out,
                           struct mete_err *err) METE_MUST_CHECK;
enum mete_code nacha_batch_begin(struct nacha_writer *w, const struct nacha_batch *b,
                                 struct buf *out, struct mete_err *err) METE_MUST_CHECK;
enum mete_code nacha_entry(struct nacha_writer *w, const struct nacha_entry *e, struct buf *out,
                           struct mete_err *err) METE_MUST_CHECK;
/** Errors: METE_BANK_FILE when the batch is empty. */
enum mete_code nacha_batch_end(struct nacha_writer *w, struct buf *out,
                               struct mete_err *err) METE_MUST_CHECK;
/** The file control, and lines of nines up to a whole block. Errors: METE_BANK_FILE without a
 *  batch. */
enum mete_code nacha_end(struct nacha_writer *w, struct buf *out,
                         struct mete_err *err) METE_MUST_CHECK;

enum nacha_kind {
    NACHA_PLAIN,  /* an entry as it was sent, perhaps with a note */
    NACHA_CHANGE, /* addenda 98: the data was right enough, correct it before the next entry */
    NACHA_RETURN, /* addenda 99: the money comes back */
};

/** One entry of a file with what its addenda says. Texts are NUL-terminated, without padding. */
struct nacha_record {
    enum nacha_kind kind;
    char sec[4];  /* PPD, CCD, COR, ... */
    uint8_t code; /* transaction code: 22, 32, 21, ... */
    bool credit;  /* by its code */
    struct routing bank;
    char account[NACHA_ACCOUNT_MAX + 1];
    uint64_t cents;
    char id[NACHA_ID_MAX + 1];
    char name[NACHA_NAME_MAX + 1];
    char trace[NACHA_TRACE_LEN + 1];
    char note[NACHA_NOTE_MAX + 1];            /* addenda 05 */
    char reason[4];                           /* R01 .. or C01 .. */
    char original_trace[NACHA_TRACE_LEN + 1]; /* of the entry that returns or changes */
    char corrected[30];                       /* addenda 98, columns 36 to 64 */
};

/** Reads a file whole: 94 columns a line, LF or CR LF, whole blocks, one header and control each,
 *  every count, hash and total computed anew, check digits of the banks, traces ascending within a
 *  batch. `each` gets the entries in their order; false stops.
 *  Errors: METE_BANK_FILE; the pointer is the line ("/17"). What was delivered before an error
 *  counts for nothing. */
enum mete_code nacha_read(struct bytes file, bool (*each)(void *ctx, const struct nacha_record *r),
                          void *ctx, struct mete_err *err) METE_MUST_CHECK;

#endif
