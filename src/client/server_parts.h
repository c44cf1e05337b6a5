/* SPDX-License-Identifier: Apache-2.0
 * What the files behind include/mete/x402.h share. Private to src/client. */
#ifndef METE_CLIENT_SERVER_PARTS_H
#define METE_CLIENT_SERVER_PARTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "mete/x402.h"
#include "wire/x402/facilitator.h"

#include <curl/curl.h>
#include <pthread.h>

#define SERVER_OFFERS_MAX  16
#define SERVER_HANDLES_MAX 16 /* connections that are kept */

struct server_offer {
    struct x402_offer offer;
    bool is_upto;
    bool has_v1, has_v2; /* the facilitator takes it so */
    struct text json;    /* of version 2 */
    const struct json *parsed;
};

struct mete_x402 {
    struct arena arena;
    struct server_offer offer[SERVER_OFFERS_MAX];
    size_t count;
    struct text description;
    struct text mime_type;
    struct text facilitator; /* without a slash at the end */
    struct text key;         /* empty: none */
    unsigned timeout_ms;
    bool allow_http;
    pthread_mutex_t *lock; /* of the handles */
    CURL **handle;
    size_t *handle_count;
};

/** Reads an offer; METE_OK, or what is wrong with it. */
enum mete_code server_offer_read(struct arena *a, const struct mete_x402_offer *o,
                                 struct server_offer *out, struct mete_err *err) METE_MUST_CHECK;

/** Asks the facilitator; `body` empty: GET. The answer is appended to `out`; 0, or its status. */
long server_ask(const struct mete_x402 *s, const char *path, struct text body, struct buf *out);

/** The offers of one version as a 402 has them; `offers` has room for all. */
void server_priced(const struct mete_x402 *s, int version, struct text url, struct text why,
                   struct x402_offer offers[SERVER_OFFERS_MAX], struct x402_priced *out);

#endif
