/* SPDX-License-Identifier: Apache-2.0
 * The headers of x402 and how JSON travels in them: base64 of UTF-8. What stands in the JSON is for
 * requirements.h, payload.h and facilitator.h. Nothing here trusts a length. */
#ifndef METE_WIRE_X402_HEADER_H
#define METE_WIRE_X402_HEADER_H

#include "base/arena.h"
#include "base/buf.h"
#include "mete/error.h"
#include "wire/json.h"

/* Names of headers; HTTP ignores their case. */
#define X402_HEADER_REQUIRED    "PAYMENT-REQUIRED"  /* v2, to the client, of a 402 */
#define X402_HEADER_SIGNATURE   "PAYMENT-SIGNATURE" /* v2, to the server */
#define X402_HEADER_RESPONSE    "PAYMENT-RESPONSE"  /* v2, to the client, once settled or refused */
#define X402_HEADER_V1_PAYMENT  "X-PAYMENT"         /* v1, to the server */
#define X402_HEADER_V1_RESPONSE "X-PAYMENT-RESPONSE" /* v1, to the client */
#define X402_HEADER_EXTENSIONS                                                                     \
    "EXTENSION-RESPONSES" /* facilitator to server, never to the client */
#define X402_HEADER_OVERRIDES "Settlement-Overrides" /* handler to gate: never to the client */

#define X402_HEADER_MAX (64u << 10)  /* characters of a value */
#define X402_BODY_MAX   (256u << 10) /* bytes of a request or an answer that is JSON */
/** What an arena must have for reading a header or a body of `len` bytes with the functions of
 *  wire/x402. */
#define X402_ARENA_MAX(len) (JSON_ARENA_MAX(len) + 8 * (size_t)(len) + 131072)

/** The bytes of a header's value, in `a`: the standard alphabet, padding where it belongs or left
 *  out as the official decoders allow, no white space, no stray bits.
 *  Errors: METE_X402_HEADER; err->pointer is "". */
enum mete_code x402_header_decode(struct arena *a, struct text value, struct text *out,
                                  struct mete_err *err) METE_MUST_CHECK;
/** The same, read as one JSON object.
 *  Errors: METE_X402_HEADER, METE_MEMBER_TYPE, those of json_parse. */
enum mete_code x402_header_read(struct arena *a, struct text value, struct json **out,
                                struct mete_err *err) METE_MUST_CHECK;
/** Appends `json` as a header's value. */
void x402_header_write(struct buf *out, struct text json);

/** Reads a body as one JSON object; bounded by X402_BODY_MAX.
 *  Errors: METE_BODY_TOO_LARGE, METE_MEMBER_TYPE, those of json_parse. */
enum mete_code x402_body_read(struct arena *a, struct text body, struct json **out,
                              struct mete_err *err) METE_MUST_CHECK;

#endif
