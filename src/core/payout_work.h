/* SPDX-License-Identifier: Apache-2.0
 * What the files that decide payouts share. Private to core. */
#ifndef METE_CORE_PAYOUT_WORK_H
#define METE_CORE_PAYOUT_WORK_H

#include "core/payout.h"
#include "core/work.h"

/** The seq of the event that made a batch or a transfer, which is its number; 0: there is none. */
uint64_t payout_number(struct work *w, struct text id);
/** Sets the transfer, its row in the outbox and what its batch adds up, all that differs from
 *  `was`. At rest it is due never. */
void transfer_put(struct work *w, uint64_t number, const struct transfer *was, struct transfer *t);
/** Nothing new leaves for a party that is held, has no destination on the rail, or one that is
 *  cooling off. `at`: where the event names the party. */
enum decided payable_check(struct work *w, uint32_t party, struct text rail, const char *at);
void hold_put(struct work *w, uint32_t party, enum hold_kind kind);
/** Takes over the event's schedules, when it has any, or none of them. */
enum decided decide_schedules(struct work *w);

#endif
