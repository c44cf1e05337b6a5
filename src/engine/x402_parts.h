/* SPDX-License-Identifier: Apache-2.0
 * What the files about payments by x402 share. Private to src/engine. */
#ifndef METE_ENGINE_X402_PARTS_H
#define METE_ENGINE_X402_PARTS_H

#include "core/x402.h"
#include "engine/x402.h"

/** What is said of a payment, without its signed bytes; all in `a`. */
void x402_status_of(struct engine *e, const struct x402_payment *p, struct arena *a,
                    struct x402_status *out);

/** An address or a hash as the book has it: what begins with 0x in lower case, in `a`. */
struct text x402_address(struct arena *a, struct text t);

#endif
