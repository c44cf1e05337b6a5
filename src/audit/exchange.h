/* SPDX-License-Identifier: Apache-2.0
 * Rates of exchange as fx.rate_set tells them, and what conversions by them must have moved. */
#ifndef METE_AUDIT_EXCHANGE_H
#define METE_AUDIT_EXCHANGE_H

#include "audit/ledger.h"
#include "audit/want.h"

/** fx.rate_set: the last one of a pair holds. */
void rate_note(const struct moment *m);
/** fx.converted: the party must have had that much cleared, and gets what the rates make of it,
 *  rounded down. */
void conversion_take(const struct ledger *l, struct moment *m, struct want *w);

#endif
