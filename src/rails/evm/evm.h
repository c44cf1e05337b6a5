/* SPDX-License-Identifier: Apache-2.0
 * The kind "evm": payouts in coins and ERC-20 tokens of one chain from one account. The anchor is
 * "eip155:CHAIN:SENDER:NONCE", with "#i" behind it for all but the first payment of a transaction;
 * the body is the signed transaction in hexadecimal digits, from which everything else is read. See
 * doc/rails-evm.md. */
#ifndef METE_RAILS_EVM_EVM_H
#define METE_RAILS_EVM_EVM_H

#include "rails/rail.h"

extern const struct rail_kind RAIL_EVM;

#endif
