/* SPDX-License-Identifier: Apache-2.0
 * Numbers of an operator's own at GET /metrics: events counted by type, or a member of them summed,
 * with labels that are other members. They are counted when the event is durable, by the process
 * that has written it, since its start. A metric has a bounded number of series: what comes beyond
 * is counted together, as "other". Sums are exact decimals; nothing is ever a float. */
#ifndef METE_HTTP_CUSTOM_METRICS_H
#define METE_HTTP_CUSTOM_METRICS_H

#include "base/text.h"
#include "http/exposition.h"
#include "mete/error.h"
#include "store/store.h"

#define CUSTOM_FILE_MAX    ((size_t)1 << 20) /* bytes of the file that names them */
#define CUSTOM_METRICS_MAX 64
#define CUSTOM_LABELS_MAX  4
#define CUSTOM_SERIES      100  /* of a metric, unless it says series_max */
#define CUSTOM_SERIES_MAX  1000 /* that it may say */
#define CUSTOM_VALUE_MAX   64   /* bytes of a label's value; a longer one is "other" */

struct custom_metrics;

/** Reads {"metrics":[{"name", "help", "event", "value"?, "labels"?, "series_max"?}]}, see
 *  mete.conf(5). Errors: METE_USAGE with the member's pointer and what is asked for; what
 *  json_parse says. Free with custom_metrics_free. */
enum mete_code custom_metrics_read(struct custom_metrics **out, struct text document,
                                   struct mete_err *err) METE_MUST_CHECK;
/** `m` may be NULL. */
void custom_metrics_free(struct custom_metrics *m);

/** Counts the rows from..until-1 of a book's log, which are durable. Returns where to go on:
 *  `until`, or the first row that the store did not give. One thread at a time; `m` may be NULL. */
uint64_t custom_metrics_count(struct custom_metrics *m, const char *name, struct book *book,
                              uint64_t from, uint64_t until) METE_MUST_CHECK;

/** Writes them. `book`: of this one alone; NULL: of all. On any thread; `m` may be NULL. */
void custom_metrics_write(struct custom_metrics *m, const char *book, struct exposition *e);

#endif
