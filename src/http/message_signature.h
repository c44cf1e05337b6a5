/* SPDX-License-Identifier: Apache-2.0
 * HTTP Message Signatures (RFC 9421) of a request, with Content-Digest (RFC 9530): what they say
 * and which bytes they are over. Here nobody knows a key: http/signature.h verifies. */
#ifndef METE_HTTP_MESSAGE_SIGNATURE_H
#define METE_HTTP_MESSAGE_SIGNATURE_H

#include "http/exchange.h"

#define MESSAGE_SIGNATURES_MAX    4  /* of one request; further ones are not looked at */
#define MESSAGE_SIGNATURE_LEN_MAX 64 /* Ed25519; HMAC-SHA256 has 32 */
#define MESSAGE_COMPONENTS_MAX    32

struct message_signature {
    struct text key_id;
    struct text alg;   /* empty: the key says */
    mete_time created; /* TIME_NEVER: it does not say */
    mete_time expires; /* TIME_NEVER: never */
    struct text base;  /* the bytes that are signed */
    struct text other; /* the same with the other scheme in @target-uri: a proxy may have had TLS;
                          p NULL when that is not in it */
    uint8_t value[MESSAGE_SIGNATURE_LEN_MAX];
    size_t len;
    const char *lacks; /* a component that it must cover and does not; NULL: none */
    int verdict;       /* of whoever verified it: 1, -1; 0: nobody did */
};

struct message_signatures {
    struct message_signature one[MESSAGE_SIGNATURES_MAX];
    size_t count;
    const char *broken; /* why none of them can be used; NULL */
};

/** In the exchange's arena; NULL when the request has none. Hashes the body. */
struct message_signatures *message_signatures_read(struct exchange *x);

#endif
