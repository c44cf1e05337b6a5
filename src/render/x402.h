/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402, what they add up to and what is listed, as JSON. */
#ifndef METE_RENDER_X402_H
#define METE_RENDER_X402_H

#include "engine/x402.h"
#include "wire/json_values.h"

/** `with_raws`: the signed bytes as well, for who sends them again. */
void x402_payment_json(struct json_writer *w, const char *key, const struct x402_status *p,
                       bool with_raws);

#endif
