/* SPDX-License-Identifier: Apache-2.0
 * Secrets of webhooks: one file a provider, read when a webhook comes, so that a new one takes
 * effect at once. Two lines hold the old and the new one while the provider changes them. */
#ifndef METE_HTTP_WEBHOOK_SECRET_H
#define METE_HTTP_WEBHOOK_SECRET_H

#include "http/exchange.h"

#define WEBHOOK_SECRETS_MAX 2

struct webhook_secrets {
    struct text secret[WEBHOOK_SECRETS_MAX]; /* in `room` */
    size_t count;
    char room[1024];
};

/** False: there is no such file, others may read it, or it holds no secret. Wipe it afterwards. */
bool webhook_secrets_read(const char *path, struct webhook_secrets *out) METE_MUST_CHECK;
void webhook_secrets_wipe(struct webhook_secrets *s);

#endif
