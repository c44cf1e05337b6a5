/* SPDX-License-Identifier: Apache-2.0
 * The euro foreign exchange reference rates of the European Central Bank: the XML of a day, of 90
 * days, or of all days (eurofxref-daily.xml, eurofxref-hist-90d.xml, eurofxref-hist.xml). */
#ifndef METE_WIRE_BANK_ECB_H
#define METE_WIRE_BANK_ECB_H

#include "base/arena.h"
#include "base/time.h"
#include "mete/error.h"

#define ECB_SIZE_MAX ((size_t)64 << 20)

/** Units of `currency` for one euro on a day. */
struct ecb_rate {
    struct text day;      /* "2026-11-20" */
    struct text currency; /* three letters */
    struct text rate;     /* plain decimal above 0, as it was written */
    mete_time as_of;      /* 15:00 UTC of that day: they are published around 16:00 CET */
};

/** All rates of a file, oldest day first, by currency within a day; in `a`. Nothing is left
 *  out: a rate that cannot be read refuses the whole file. `salt` as of bank_xml_new.
 *  Errors: METE_BANK_FILE, with the line. */
enum mete_code ecb_rates_read(struct arena *a, struct bytes file, uint64_t salt,
                              struct ecb_rate **out, size_t *count,
                              struct mete_err *err) METE_MUST_CHECK;

#endif
