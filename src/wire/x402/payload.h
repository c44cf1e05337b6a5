/* SPDX-License-Identifier: Apache-2.0
 * What a client pays with: the envelope of a payment in versions 1 and 2. The scheme's own part is
 * read in exact.h. Whether the payment fits an offer is x402_requirements_match (match.h). */
#ifndef METE_WIRE_X402_PAYLOAD_H
#define METE_WIRE_X402_PAYLOAD_H

#include "wire/x402/header.h"

struct x402_payload {
    int version;        /* 1 or 2 */
    struct text scheme; /* of version 2: accepted.scheme. Empty where accepted is no object. */
    struct text network;
    const struct json *accepted;   /* version 2: an object, or NULL: fits no offer */
    const struct json *resource;   /* version 2: an object, or NULL; the client's echo */
    const struct json *payload;    /* the scheme's: an object */
    const struct json *extensions; /* version 2: an object, or NULL */
    const struct json *json;       /* the whole, as it came: what is settled again */
};

/** Reads a payment. `at` is its JSON pointer in what was sent.
 *  Errors: METE_X402_VERSION when x402Version is not the number 1 or 2; METE_MEMBER_MISSING, _TYPE,
 *          METE_TEXT_LENGTH. */
enum mete_code x402_payload_read(struct arena *a, const struct json *j, const char *at,
                                 struct x402_payload *out, struct mete_err *err) METE_MUST_CHECK;
/** Reads the value of PAYMENT-SIGNATURE or X-PAYMENT. The version is what the JSON says, whichever
 *  header carried it. Errors: METE_X402_HEADER too. */
enum mete_code x402_payload_read_header(struct arena *a, struct text value,
                                        struct x402_payload *out,
                                        struct mete_err *err) METE_MUST_CHECK;

/** A payment to write. What is echoed is the bytes of the server, as JSON. */
struct x402_paying {
    int version;
    struct text scheme;     /* version 1 */
    struct text network;    /* version 1 */
    struct text accepted;   /* version 2: the chosen offer */
    struct text resource;   /* version 2; empty: left out */
    struct text payload;    /* of x402_authorization_write, x402_permit2_write */
    struct text extensions; /* version 2; empty: left out */
};

/** Appends the JSON of a payment: x402_header_write makes it the value of x402_payment_header. */
void x402_payload_write(struct buf *out, const struct x402_paying *p);
/** The name of the header that carries a payment of `version`, and of the one that answers it. */
const char *x402_payment_header(int version);
const char *x402_response_header(int version);

#endif
