/* SPDX-License-Identifier: Apache-2.0
 * What payments say about the resources that they pay for (extension "bazaar") goes into the
 * catalogue, beside the payment: nobody waits for it. An entry stays in the log for good, so one
 * costs a payment that a transaction has settled: what is only verified costs whoever asks nothing.
 */
#ifndef METE_HTTP_FACILITATOR_CATALOG_H
#define METE_HTTP_FACILITATOR_CATALOG_H

#include "http/facilitator/facilitator.h"

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *c);

/** Of a payment that is valid, or settled. Adds the header EXTENSION-RESPONSES, by which a server
 *  sees what became of it, or will when it is settled; nothing when the payment does not speak of
 *  it. `is_paid`: it is this request by which it was settled; listed is what such ones say. */
void catalog_take(struct catalog *c, struct judging *j, bool is_paid);

#endif
