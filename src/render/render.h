/* SPDX-License-Identifier: Apache-2.0
 * Results of the engine as JSON, for the command line and the server alike: one place for each
 * shape. Values in, members out: nothing here asks a store or a clock, nothing is computed that the
 * engine has not said. What is one row is a function of its own, so that lists of any length can
 * be written row by row; jw_spill is called between the rows of the lists that are written here. */
#ifndef METE_RENDER_RENDER_H
#define METE_RENDER_RENDER_H

#include "engine/allocations.h"
#include "engine/bank_import.h"
#include "engine/campaign_list.h"
#include "engine/campaign_report.h"
#include "engine/derived.h"
#include "engine/disputes.h"
#include "engine/earnings.h"
#include "engine/insights.h"
#include "engine/log.h"
#include "engine/payouts.h"
#include "engine/publication.h"
#include "engine/quarantine.h"
#include "engine/query.h"
#include "engine/rates.h"
#include "engine/settlements.h"
#include "engine/tax.h"
#include "wire/json_values.h"
#include "wire/policy_problems.h"

/* --- what was sent -----------------------------------------------------------------------------
 */

/** code, pointer, message */
void why_members(struct json_writer *w, const struct mete_err *err);
/** event_id ("" when none could be read), status, and why it was not applied. */
void outcome_members(struct json_writer *w, const struct submit_result *r);
/** All that is wrong with a document; with `remedies` also what mends each. */
void problems_json(struct json_writer *w, const char *key, const struct problem *problem,
                   size_t count, bool remedies);

/* --- statements ------------------------------------------------------------------------------ */

/** "party", "as_of" and "accounts", which statement_json_sink fills; end closes them with the
 *  cursors "next" and "last". */
void statement_json_begin(struct json_writer *w, const struct statement_query *q);
void statement_json_end(struct json_writer *w, const struct statement_pages *pages);
struct statement_sink statement_json_sink(struct json_writer *w);

/* What lines of a statement are, for its totals. */
enum statement_part {
    STATEMENT_SHARES,
    STATEMENT_FEES,
    STATEMENT_REVERSALS,
    STATEMENT_DISPUTES, /* upheld */
    STATEMENT_TRANSFERS,
    STATEMENT_PAYOUTS,
    STATEMENT_BACK, /* of payouts: came to nothing, or came back */
    STATEMENT_PARTS
};
enum statement_part statement_part_of(const struct statement_line *line);

/** A statement as one page of HTML that prints: an account a sheet, heads repeated, no script, and
 *  nothing from elsewhere. */
struct statement_html {
    struct buf *out;
    void (*spill)(void *ctx); /* called between rows; NULL: nobody */
    void *spill_ctx;
    struct asset asset; /* of the account that is shown */
    i128 total[STATEMENT_PARTS];
    uint64_t accounts;
};
void statement_html_begin(struct statement_html *h, const struct statement_query *q);
void statement_html_end(struct statement_html *h, const struct statement_pages *pages);
struct statement_sink statement_html_sink(struct statement_html *h);

/** The members of one line, for lines that stand alone. */
void statement_line_members(struct json_writer *w, const struct statement_line *line);
void statement_pages_members(struct json_writer *w, const struct statement_pages *pages);

/* --- what parties have ------------------------------------------------------------------------ */

/** An account of a party that is named elsewhere. */
void balance_json(struct json_writer *w, const struct party_row *row);
void party_json(struct json_writer *w, const struct party_row *row);
/** "totals", a row an asset. */
void party_totals_json(struct json_writer *w, const struct party_total *total, size_t count);

void allocation_members(struct json_writer *w, const struct allocation_row *row);
void allocation_json(struct json_writer *w, const struct allocation_row *row);
/** A row of a list. */
void dispute_json(struct json_writer *w, const struct dispute_row *row);
/** A share with its history, and its dispute when there was one. */
void share_json(struct json_writer *w, const struct share_history *h);

/** The members of "data": what clients of RFC 0006 look for, and more. */
void earnings_members(struct json_writer *w, const struct earnings *x);

/* --- exchange --------------------------------------------------------------------------------- */

void exchange_rate_json(struct json_writer *w, const struct rate_row *row);
void quote_json(struct json_writer *w, const struct rates_quote *q);

/** One record of a bank's file, and "counts" of all. */
void bank_import_row_json(struct json_writer *w, const struct bank_import_row *row);
void bank_import_counts_json(struct json_writer *w, const struct bank_import_counts *c);

/* --- campaigns, settlements ------------------------------------------------------------------- */

/** A row of a list. */
void campaign_json(struct json_writer *w, const struct campaign_row *row);
/** With its rounds, commitments, spend grants and the versions of its contract. */
void campaign_whole_json(struct json_writer *w, const struct campaign_whole *c);
void settlement_members(struct json_writer *w, const struct settlement_row *row);
void settlement_json(struct json_writer *w, const struct settlement_row *row);

/* --- payouts ---------------------------------------------------------------------------------- */

/** A party of a plan; sentences in `a`. */
void payout_plan_row_json(struct json_writer *w, struct arena *a, const struct payout_row *row,
                          const struct asset *asset);
/** "totals" of a plan. */
void payout_tally_json(struct json_writer *w, const struct payout_tally *t,
                       const struct asset *asset);
/** A batch and how it stands, counted and added up by state. */
void payout_batch_members(struct json_writer *w, const struct batch_row *row);
void payout_batch_json(struct json_writer *w, const struct batch_row *row);
/** A row of a list. */
void payout_json(struct json_writer *w, const struct payout_due *p);
/** With its lines by source, its steps and what mends it. */
void payout_whole_json(struct json_writer *w, const struct payout_whole *p);

/* --- policies --------------------------------------------------------------------------------- */

/** version, versions, kind, title, effective_from (null: from the beginning) */
void publication_members(struct json_writer *w, const struct publication *p);

/* --- totals ----------------------------------------------------------------------------------- */

/** {from, until, by, time, rows, usage, waiting}; `name`: what rows call that by which they were
 *  added up. Counts of usage are sums without a bound, so they are strings. */
void report_json(struct json_writer *w, const struct report *r, const struct report_query *q,
                 const char *name);
/** "totals" of a report by currency, and "usage" of all providers together: nobody's own figures.
 */
void audit_totals_members(struct json_writer *w, const struct report *r);

/** All of it; "currency" is the code, amounts in other currencies say their asset. */
void campaign_report_json(struct json_writer *w, const struct campaign_report *r);

/* --- why -------------------------------------------------------------------------------------- */

/** A sentence, exact facts as further members, and below it what it rests on. */
void explain_json(struct json_writer *w, const struct explain_node *n);

/* --- the quarantine --------------------------------------------------------------------------- */

/** A row of a list; "event_id" is "" when none could be read. */
void quarantined_json(struct json_writer *w, const struct quarantined *q);
/** With the bytes that came, "body": null when they are no UTF-8. */
void quarantined_whole_json(struct json_writer *w, const struct quarantined *q);

/* --- what apps report of themselves ----------------------------------------------------------- */

void kpi_json(struct json_writer *w, const struct kpi_point *p);
void insight_json(struct json_writer *w, const struct insight *i);

/* --- simulations ------------------------------------------------------------------------------ */

void simulation_json(struct json_writer *w, const struct simulation *s);

/* --- the log ---------------------------------------------------------------------------------- */

/** "log": {size, head}. */
void log_head_json(struct json_writer *w, const struct log_head *head);
/** An entry with its event as it was hashed. */
void log_row_json(struct json_writer *w, const struct log_row *row);
/** What follows from an entry, as an entry of its own: "derived" is its place. */
void derived_json(struct json_writer *w, const struct derived *d);
/** Proofs as `mete log verify` reads them: doc/format.md. `checkpoint`: the signed note of the size
 *  that they lead to; may be empty. */
void inclusion_json(struct json_writer *w, const struct log_inclusion *p, struct text event_id,
                    struct text checkpoint);
void consistency_json(struct json_writer *w, const struct log_consistency *p,
                      struct text checkpoint);

/* --- taxes -------------------------------------------------------------------------------------*/

void tax_json(struct json_writer *w, const struct tax_query *q, const struct tax_row *rows,
              size_t count);

#endif
