/* SPDX-License-Identifier: Apache-2.0
 * What must hold for the answers about any book: they are compared with each other and with the
 * ledger. Each check prints the first thing that does not hold and returns false. */
#ifndef METE_TESTS_QUERY_CHECK_H
#define METE_TESTS_QUERY_CHECK_H

#include "engine/query.h"

/** Every account's statement, whole and in pages, against the ledger. */
bool check_statements(struct engine *e);
/** Reports by party against the ledger; the other reports against each other. */
bool check_reports(struct engine *e);
/** Every event, every line and every party can be explained, and the numbers are those booked. */
bool check_explanations(struct engine *e);
/** The rows of the CSV export sum to zero by decision and to the ledger by account. */
bool check_csv(struct engine *e);
/** The lines of the audit export are there and in order. */
bool check_audit(struct engine *e);
/** Without a draft everybody has what they have. */
bool check_simulation(struct engine *e);
bool check_all(struct engine *e);

/** Fills `json` with the book's events one a line, as they stand in the log. */
void check_log(struct engine *e, struct buf *json);

/** The first node with this label below `n` (or n itself), depth first; NULL when there is none. */
const struct explain_node *explain_find(const struct explain_node *n, const char *label);
/** The value of a fact, or "". */
struct text explain_value(const struct explain_node *n, const char *name);

#endif
