/* SPDX-License-Identifier: Apache-2.0
 * Signatures of webhooks that come in: Standard Webhooks, and a plain HMAC over the body. Those of
 * Stripe stand in wire/stripe/. Times in seconds since 1970. */
#ifndef METE_WIRE_WEBHOOK_H
#define METE_WIRE_WEBHOOK_H

#include "base/types.h"

enum webhook_verdict {
    WEBHOOK_GOOD,
    WEBHOOK_HEADER,    /* no header, or one that cannot be read; or the secret is none */
    WEBHOOK_STALE,     /* its moment is too far from now */
    WEBHOOK_SIGNATURE, /* none of its signatures fits the bytes */
};

/* The headers webhook-id, webhook-timestamp, webhook-signature. */
struct webhook_headers {
    struct text id;
    struct text timestamp;
    struct text signature; /* "v1,BASE64", several with spaces between */
};

/** `secret` in base64, with or without "whsec_". *at: the moment of the header.
 *  Source: Standard Webhooks, Signature scheme. */
enum webhook_verdict webhook_standard_check(const struct webhook_headers *h, struct bytes body,
                                            struct text secret, int64_t now, int64_t tolerance_s,
                                            int64_t *at) METE_MUST_CHECK;

/** HMAC-SHA-256 over the body alone, in hexadecimal, with or without "sha256=". The secret is its
 *  own bytes. The body has to say when it was made. */
enum webhook_verdict webhook_plain_check(struct text header, struct bytes body,
                                         struct text secret) METE_MUST_CHECK;

/** Plain digits; false on anything else. */
bool webhook_seconds(struct text t, int64_t *out) METE_MUST_CHECK;

#endif
