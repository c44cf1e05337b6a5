/* SPDX-License-Identifier: Apache-2.0
 * The accounts of the networks as whoever writes the book uses them: x402.settling takes an account
 * nonce and signs in one go (engine/x402.h). On the keeper's thread alone. */
#ifndef METE_HTTP_FACILITATOR_SIGN_H
#define METE_HTTP_FACILITATOR_SIGN_H

#include "engine/x402.h"
#include "rails/x402/net.h"

/** `nets` must outlive it. */
struct x402_signer facilitator_signer(struct nets *nets);

#endif
