/* SPDX-License-Identifier: Apache-2.0
 * Rates of exchange: taking over published ones, listing those that hold, and what a conversion
 * would come to. */
#ifndef METE_ENGINE_RATES_H
#define METE_ENGINE_RATES_H

#include "core/fx.h"
#include "engine/engine.h"

struct rates_imported {
    size_t set;     /* new ones */
    size_t known;   /* stand in the book already, or a newer one does */
    size_t unknown; /* currencies that the book does not know */
    char day[11];   /* the newest of the file */
};

/** The ECB's XML (wire/bank/ecb.h): an fx.rate_set for each rate that is newer than the book's, in
 *  the group at hand. The same file again sets nothing. A file is taken over as a
 *  whole: on any failure but that of the store nothing was queued. METE_BANK_FILE, and what an
 * event may be refused for. */
enum mete_code rates_import(struct engine *e, struct bytes file, struct rates_imported *out,
                            struct mete_err *err) METE_MUST_CHECK;

struct rate_row {
    struct text base;
    struct text quote;
    struct rate rate;
    bool is_old; /* converts nothing any more */
};

/** False: enough. Texts live until it returns. */
typedef bool rate_visit(void *arg, const struct rate_row *row);

/** The last rate of each pair, by base and quote. `base`, `quote` "": all. */
enum mete_code rates_list(struct engine *e, struct text base, struct text quote, rate_visit *visit,
                          void *arg, struct mete_err *err) METE_MUST_CHECK;

struct rates_quote {
    struct asset from, to;
    i128 amount; /* minor units of `from` */
    i128 made;   /* of `to` */
    struct fx fx;
    struct rate first, second; /* the rates behind it; the same unless it is crossed */
    struct text first_base, first_quote, second_base, second_quote;
};

/** What a conversion would come to now; changes nothing. Texts in `a`. METE_CURRENCY_UNKNOWN,
 *  METE_AMOUNT_INVALID and others of amounts, METE_RATE_MISSING, METE_RATE_OLD. Pointers: /amount,
 *  /from, /to. */
enum mete_code rates_quote(struct engine *e, struct arena *a, struct text amount, struct text from,
                           struct text to, struct rates_quote *out,
                           struct mete_err *err) METE_MUST_CHECK;

#endif
