/* SPDX-License-Identifier: Apache-2.0
 * Where a payout goes, on the side of the server: the value that stands sealed beside the log, for
 * holders of the scope payout:work alone. The worker's side is worker_destination (worker_parts.h).
 * What comes out is a secret: wipe it. */
#ifndef METE_ENGINE_PAYOUT_DESTINATION_H
#define METE_ENGINE_PAYOUT_DESTINATION_H

#include "core/payout.h"
#include "engine/engine.h"

/** The destination of a party on a rail, as a claim hands it out; in `a`. `p` NULL: it has none
 *  there, or it was erased. METE_SEAL_KEY, METE_STORE_FAILED. */
enum mete_code payout_destination_read(struct engine *e, uint32_t party, struct text rail,
                                       struct arena *a, struct text *out,
                                       struct mete_err *err) METE_MUST_CHECK;

#endif
