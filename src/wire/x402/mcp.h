/* SPDX-License-Identifier: Apache-2.0
 * x402 inside the Model Context Protocol: where the objects of the other headers stand in a
 * tools/call and its result. JSON-RPC around them is not looked at. */
#ifndef METE_WIRE_X402_MCP_H
#define METE_WIRE_X402_MCP_H

#include "wire/x402/facilitator.h"

#define X402_MCP_PAYMENT  "x402/payment"          /* member of params._meta */
#define X402_MCP_RESPONSE "x402/payment-response" /* member of result._meta */

/** The payment in the params of a tools/call; *is_there is false when there is none. */
enum mete_code x402_mcp_payment_read(struct arena *a, const struct json *params,
                                     struct x402_payload *out, bool *is_there,
                                     struct mete_err *err) METE_MUST_CHECK;
/** The requirements in a result that is an error; *is_there is false for another result. */
enum mete_code x402_mcp_required_read(struct arena *a, const struct json *result,
                                      struct x402_required *out, bool *is_there,
                                      struct mete_err *err) METE_MUST_CHECK;
/** The settlement in a result; *is_there is false when there is none. */
enum mete_code x402_mcp_settled_read(struct arena *a, const struct json *result,
                                     struct x402_settled *out, bool *is_there,
                                     struct mete_err *err) METE_MUST_CHECK;

/** Appends the result of a tools/call that has to be paid for: isError, structuredContent and the
 *  same as text. `required` is the JSON of a 402, of either version. */
void x402_mcp_required_write(struct buf *out, struct text required);

#endif
