/* SPDX-License-Identifier: Apache-2.0
 * The extension "payment-identifier": a client's own id for a payment, by which a server knows a
 * resend. Scope and binding to the exact payload are the server's business. */
#ifndef METE_WIRE_X402_IDENTIFIER_H
#define METE_WIRE_X402_IDENTIFIER_H

#include "wire/x402/payload.h"

#define X402_EXTENSION_IDENTIFIER "payment-identifier"
#define X402_IDENTIFIER_MIN       16
#define X402_IDENTIFIER_MAX       128

/** 16 to 128 of A-Z a-z 0-9 _ -. */
bool x402_identifier_ok(struct text id);

/** The id that a payment carries; the empty text when it carries none.
 *  Errors: METE_MEMBER_TYPE, METE_MEMBER_VALUE for an id that is none; `at` is p->json's pointer.
 */
enum mete_code x402_identifier_read(const struct x402_payload *p, const char *at, struct text *id,
                                    struct mete_err *err) METE_MUST_CHECK;
/** Whether a server knows the extension: `extensions` is that of a 402, or NULL. */
bool x402_identifier_advertised(const struct json *extensions);

/** Append what a server advertises, and what a client answers with; each is the extension's object.
 *  `advertised` is the server's, whose members are kept. */
void x402_identifier_advertise(struct buf *out, bool is_required);
void x402_identifier_write(struct buf *out, const struct json *advertised, struct text id);

#endif
