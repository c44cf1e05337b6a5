/* SPDX-License-Identifier: Apache-2.0
 * ISO 20022 credit transfers (pain.001.001.03 and .09): written piece by piece, and checked by a
 * reader that shares no arithmetic with the writer. One file is one batch: one debtor account, one
 * date. The same batch and transfers always give the same bytes.
 *
 * Two passes keep memory bounded, because the totals stand before the transfers:
 *   pain001_count for every transfer; then pain001_begin, pain001_transfer for every one in the
 * same order, pain001_end. The caller may empty `out` between any two calls. */
#ifndef METE_WIRE_BANK_PAIN001_H
#define METE_WIRE_BANK_PAIN001_H

#include "base/buf.h"
#include "base/time.h"
#include "mete/error.h"
#include "wire/bank/field.h"
#include "wire/bank/iban.h"

#define PAIN001_TRANSFERS_MAX 1000000
#define UETR_TEXT_MAX         37

enum pain001_version {
    PAIN001_03 = 3, /* pain.001.001.03 */
    PAIN001_09 = 9, /* pain.001.001.09: BICFI, ReqdExctnDt/Dt, UETR */
};

/** What the file says once. Texts belong to the caller and live until pain001_end. */
struct pain001_batch {
    enum pain001_version version;
    bool sepa;             /* SvcLvl SEPA, SLEV, EUR only, at most 999,999,999.99 each */
    bool unicode;          /* names and notes as they are; only where the bank says it reads them */
    struct text id;        /* MsgId and PmtInfId: durable, never used for other transfers */
    mete_time created;     /* CreDtTm */
    struct text initiator; /* name, as `debtor` */
    struct text debtor;    /* name: at most 70 characters as written */
    struct iban debtor_iban;
    struct bic debtor_bic; /* empty: NOTPROVIDED */
    int32_t execution_day; /* ReqdExctnDt, days since 1970 */
    bool single_booking;   /* BtchBookg false: the bank books each transfer by itself */
};

/** One transfer. Texts belong to the caller and live until the call returns. */
struct pain001_transfer {
    struct text id; /* EndToEndId: 1 to 35 characters, unique for ever, comes back in returns */
    i128 amount;    /* minor units, above zero */
    unsigned scale; /* decimals of `amount`, 0..30; must fit those of the currency */
    struct text currency; /* three capitals */
    struct text creditor; /* name: at most 70 characters as written */
    struct iban iban;
    struct bic bic;      /* empty: left out */
    struct text town;    /* empty: left out; at most 35 */
    struct text country; /* empty: left out; two capitals; needed when there is a town */
    struct text note;    /* empty: left out; Ustrd, at most 140 characters as written */
};

struct pain001_totals {
    uint32_t count;
    i128 sum_e5; /* units of 10^-5, whatever the currency: CtrlSum */
};

/** First pass: checks the transfer whole, as pain001_transfer would write it, and adds it up.
 *  Errors: METE_BANK_FIELD, METE_BANK_AMOUNT; *totals is untouched then. */
enum mete_code pain001_count(const struct pain001_batch *b, const struct pain001_transfer *t,
                             struct pain001_totals *totals, struct mete_err *err) METE_MUST_CHECK;

struct pain001_writer {
    struct pain001_batch batch;
    struct pain001_totals told;    /* at the beginning */
    struct pain001_totals written; /* up to now */
};

/** Second pass: header and payment block.
 *  Errors: METE_BANK_FIELD (ids, names, times), METE_BANK_AMOUNT (the sum has more than 18 digits);
 *  METE_BANK_FILE (no transfers or too many). *out is untouched then. */
enum mete_code pain001_begin(struct pain001_writer *w, const struct pain001_batch *b,
                             const struct pain001_totals *totals, struct buf *out,
                             struct mete_err *err) METE_MUST_CHECK;
/** One transfer. Errors: as pain001_count; *out is untouched then. */
enum mete_code pain001_transfer(struct pain001_writer *w, const struct pain001_transfer *t,
                                struct buf *out, struct mete_err *err) METE_MUST_CHECK;
/** The end. Errors: METE_BANK_FILE when the transfers were not those that were counted: throw the
 *  bytes away then. */
enum mete_code pain001_end(struct pain001_writer *w, struct buf *out,
                           struct mete_err *err) METE_MUST_CHECK;

/** The UETR of a transfer: 16 bytes of SHA-256("mete uetr" 00 id) in the form of a UUID version 4,
 *  lower case. The same id always has the same. */
void pain001_uetr(struct text id, char out[UETR_TEXT_MAX]);

/** What a file says, as pain001_check found it. */
struct pain001_seen {
    enum pain001_version version;
    bool sepa;
    char id[BANK_ID_MAX + 1];
    char debtor_iban[IBAN_LEN_MAX + 1];
    int32_t execution_day;
    uint32_t count;
    i128 sum_e5;
};

/** One transfer of a file; texts live until the callback returns. */
struct pain001_read {
    struct text id;
    i128 amount_e5;
    struct text currency;
    struct text creditor;
    struct text iban;
    struct text bic;
    struct text note;
};

struct pain001_checker;

/** Checks a file piece by piece: only the elements that pain001_begin .. pain001_end write, each in
 *  its place and number of times, in the namespace of its version; counts, sums, check digits,
 * dates, characters (basic ones, unless `unicode`), lengths and bounds computed anew; no id twice.
 * `each` (may be NULL) gets every transfer, so that the caller can compare it with what it meant;
 * false from it stops with METE_BANK_FILE. Memory grows by some 100 bytes a transfer (the ids).
 * `salt` as of bank_xml_new. `err` may be NULL, and outlives the checker. */
struct pain001_checker *pain001_check_new(bool unicode, uint64_t salt,
                                          bool (*each)(void *ctx, const struct pain001_read *t),
                                          void *ctx, struct mete_err *err);
/** Errors: METE_BANK_FILE; the pointer is the path of the element. */
enum mete_code pain001_check_feed(struct pain001_checker *c, struct bytes in) METE_MUST_CHECK;
/** The end of the file; frees the checker. *seen is filled when all is well. */
enum mete_code pain001_check_end(struct pain001_checker *c,
                                 struct pain001_seen *seen) METE_MUST_CHECK;
/** Gives a checker back that did not reach its end. */
void pain001_check_drop(struct pain001_checker *c);

/** All of it over bytes that are there at once. */
enum mete_code pain001_check(struct bytes file, bool unicode, uint64_t salt,
                             struct pain001_seen *seen, struct mete_err *err) METE_MUST_CHECK;

#endif
