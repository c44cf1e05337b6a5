/* SPDX-License-Identifier: Apache-2.0
 * The networks on which mete pays out by name: those of wire/evm/network.h whose coin and depth are
 * recorded. Others are used by their chain id alone, with settings. */
#ifndef METE_RAILS_EVM_NETWORK_H
#define METE_RAILS_EVM_NETWORK_H

#include "wire/evm/network.h"

/** The i-th, NULL past the end. */
const struct network *network_at(size_t i);
const struct network *network_by_id(uint64_t chain_id);
const struct network *network_by_name(struct text name);

#endif
