/* SPDX-License-Identifier: Apache-2.0
 * What everybody earned and was paid in a period: the figures of tax forms, from the log alone.
 * Who somebody is (names, tax numbers) is not known here. */
#ifndef METE_ENGINE_TAX_H
#define METE_ENGINE_TAX_H

#include "engine/query.h"

struct tax_query {
    mete_time from; /* the period; until is its first moment that is not part of it */
    mete_time until;
    bool recorded;     /* by when it was recorded; else by when it occurred */
    struct text party; /* this one alone; empty: all */
};

/** Of a party in an asset, minor units. earned - reversed + moved - paid + returned is by how much
 *  its balance, and what is on its way out, changed by what belongs to the period. */
struct tax_row {
    struct text party;
    struct asset asset;
    i128 earned;   /* shares and fees that were booked to it */
    i128 reversed; /* of such, what was taken back */
    i128 moved; /* from and to other parties: transfers, disputes that were upheld, conversions */
    i128 paid;  /* by the rails' word that it was, and settlements */
    i128 returned; /* payments that came back, in the period in which they did */
    uint64_t payments;
};

/** Rows in the order of party and asset, in `a`; none of mete's own parties. METE_NOT_FOUND for a
 *  party that the log does not name. */
enum mete_code tax_totals(struct engine *e, const struct tax_query *q, struct arena *a,
                          struct tax_row **rows, size_t *count,
                          struct mete_err *err) METE_MUST_CHECK;

/** The bounds of "2026", "2026-Q1", "2026-03" or "2026-03-14" where clocks are `offset_s` seconds
 *  ahead of UTC. */
bool tax_period(struct text period, int32_t offset_s, struct tax_query *out) METE_MUST_CHECK;
/** "+05:30", "-08:00", "Z": seconds ahead of UTC. */
bool tax_offset_parse(struct text t, int32_t *offset_s) METE_MUST_CHECK;

#endif
