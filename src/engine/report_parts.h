/* SPDX-License-Identifier: Apache-2.0
 * Sections of a report that come from state rather than from the log. Private to src/engine. */
#ifndef METE_ENGINE_REPORT_PARTS_H
#define METE_ENGINE_REPORT_PARTS_H

#include "engine/query.h"
#include "engine/words.h"

/** Usage reported for windows that begin in the period, by provider. */
enum mete_code report_usage_add(struct engine *e, const struct report_query *q, struct arena *a,
                                struct names *names, struct report *out,
                                struct mete_err *err) METE_MUST_CHECK;
/** Money that waits to be booked. */
enum mete_code report_waiting_add(struct engine *e, struct arena *a, struct names *names,
                                  struct report *out, struct mete_err *err) METE_MUST_CHECK;

#endif
