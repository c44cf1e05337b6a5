/* SPDX-License-Identifier: Apache-2.0
 * What discovery.h is made of. Private to wire/x402. */
#ifndef METE_WIRE_X402_CATALOGUE_H
#define METE_WIRE_X402_CATALOGUE_H

#include "wire/x402/discovery.h"

/** Adds a tag when it may be shown and is not there yet (case aside); false when it was left out.
 */
bool x402_tag_add(struct x402_resource *r, struct text tag);

/** How an HTTP resource of version 1 is called: outputSchema.input as the info of a bazaar, in the
 *  arena; the empty text when it says nothing that is understood, or does not want to be listed. */
struct text x402_v1_info(struct arena *a, const struct json *output_schema);

#endif
