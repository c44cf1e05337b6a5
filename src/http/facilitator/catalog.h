/* SPDX-License-Identifier: Apache-2.0
 * What payments say about the resources that they pay for (extension "bazaar") goes into the
 * catalogue, beside the payment: nobody waits for it. */
#ifndef METE_HTTP_FACILITATOR_CATALOG_H
#define METE_HTTP_FACILITATOR_CATALOG_H

#include "http/facilitator/facilitator.h"

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *c);

/** Of a payment that is valid, or settled. Adds the header EXTENSION-RESPONSES, by which a server
 *  sees what became of it; nothing when the payment does not speak of it. */
void catalog_take(struct catalog *c, struct judging *j);

#endif
