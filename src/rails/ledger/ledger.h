/* SPDX-License-Identifier: Apache-2.0
 * The internal ledger as a rail: wallets in a file of their own (SQLite), for money that leaves a
 * book but not the house. A destination is the name of a wallet; a payout is credited to it once,
 * whoever sends it and however often. What wallets are spent on is not looked at here. */
#ifndef METE_RAILS_LEDGER_LEDGER_H
#define METE_RAILS_LEDGER_LEDGER_H

#include "rails/rail.h"

extern const struct rail_kind rail_internal_ledger;

#endif
