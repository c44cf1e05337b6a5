/* SPDX-License-Identifier: Apache-2.0
 * Disputes about single allocations, and transfers between parties. */
#ifndef METE_AUDIT_DISPUTE_H
#define METE_AUDIT_DISPUTE_H

#include "audit/journal.h"
#include "audit/ledger.h"
#include "audit/want.h"

enum dispute_event { SAID_DISPUTED, SAID_EVIDENCE, SAID_ESCALATED, SAID_OVERRIDDEN, SAID_UPHELD };

/** Judges that the allocation's state allows the event, changes it, and wants the group of an
 *  upheld dispute. */
void dispute_take(struct journal *j, struct ledger *l, struct moment *m, struct want *w,
                  enum dispute_event said);

/** allocation.cleared_through: goes forward, and not ahead of the log. */
void clearing_take(struct moment *m);

/** wallet.transferred: `from` must have had as much cleared money at that moment. */
void transfer_take(struct ledger *l, struct moment *m, struct want *w);

#endif
