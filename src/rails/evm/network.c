/* SPDX-License-Identifier: Apache-2.0
 * What cannot be paid out on by its name alone is left out. */
#include "rails/evm/network.h"

static const struct network *payable(const struct network *n)
{
    return n != NULL && n->confirmations > 0 && !n->is_retired ? n : NULL;
}

const struct network *network_at(size_t i)
{
    return payable(evm_network_at(i));
}

const struct network *network_by_id(uint64_t chain_id)
{
    return payable(evm_network_by_id(chain_id));
}

const struct network *network_by_name(struct text name)
{
    return payable(evm_network_by_name(name));
}
