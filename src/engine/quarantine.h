/* SPDX-License-Identifier: Apache-2.0
 * What was refused and kept: looked at, tried again, dropped. It never occupied its id. */
#ifndef METE_ENGINE_QUARANTINE_H
#define METE_ENGINE_QUARANTINE_H

#include "engine/engine.h"

/** Those after the id `after`, in order of id. */
enum mete_code quarantine_list(struct engine *e, uint64_t after, quarantine_visit *visit, void *arg,
                               struct mete_err *err) METE_MUST_CHECK;
/** The row `id`; its texts live in `a`. METE_NOT_FOUND. */
enum mete_code quarantine_get(struct engine *e, uint64_t id, struct arena *a,
                              struct quarantined *out, struct mete_err *err) METE_MUST_CHECK;

/** Submits a row again; what is in the log then leaves the quarantine, durably. METE_NOT_FOUND;
 *  METE_EVENT_TOO_LARGE when its bytes were cut. `r` tells how it went. */
enum mete_code quarantine_replay(struct engine *e, uint64_t id, struct submit_result *r,
                                 struct mete_err *err) METE_MUST_CHECK;
/** METE_NOT_FOUND. */
enum mete_code quarantine_drop(struct engine *e, uint64_t id, struct mete_err *err) METE_MUST_CHECK;

#endif
