/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402, what they add up to and what is listed, as JSON. */
#ifndef METE_RENDER_X402_H
#define METE_RENDER_X402_H

#include "engine/x402_list.h"
#include "wire/json_values.h"

/** `with_raws`: the signed bytes as well, for who sends them again. */
void x402_payment_json(struct json_writer *w, const char *key, const struct x402_status *p,
                       bool with_raws);

void x402_row_json(struct json_writer *w, const struct x402_revenue_query *q,
                   const struct x402_revenue_row *row);
/** Of those that ended, how many were settled, in hundredths of a percent; -1: none ended. */
int x402_success_bps(const struct x402_revenue *r);
void x402_revenue_json(struct json_writer *w, const struct x402_revenue_query *q,
                       const struct x402_revenue *r);
void x402_policy_json(struct json_writer *w, const struct x402_policy_row *row);

#endif
