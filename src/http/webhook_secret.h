/* SPDX-License-Identifier: Apache-2.0
 * Whether a webhook is signed by who has the secret. Secrets: one file a provider, read when a
 * webhook comes, so that a new one takes effect at once. Two lines hold the old and the new one
 * while the provider changes them. */
#ifndef METE_HTTP_WEBHOOK_SECRET_H
#define METE_HTTP_WEBHOOK_SECRET_H

#include "http/exchange.h"
#include "wire/webhook.h"

/** What one secret makes of the request. */
typedef enum webhook_verdict webhook_judge(const struct exchange *x, struct text secret);

struct webhook_door {
    const char *path;    /* of the file; NULL: none is set up */
    const char *missing; /* what is said when it cannot be used */
    const char *window;  /* how old a signature may be, in words */
    webhook_judge *judge;
};

/** True: one of the secrets fits. False: the answer says why not. */
bool webhook_is_signed(struct exchange *x, const struct webhook_door *door) METE_MUST_CHECK;

#endif
