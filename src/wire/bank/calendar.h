/* SPDX-License-Identifier: Apache-2.0
 * On which days banks settle. Days count from 1970-01-01 (base/time.h); nothing here asks for
 * today. */
#ifndef METE_WIRE_BANK_CALENDAR_H
#define METE_WIRE_BANK_CALENDAR_H

#include "base/types.h"

/** The first day from `day` (0 = 1970-01-01) on that is neither a weekend nor a holiday of the
 *  Federal Reserve: ACH. A holiday on a Sunday is kept on the Monday, one on a Saturday not at all.
 *  Source: 5 U.S.C. 6103; holiday schedule of the Federal Reserve Banks. */
int32_t calendar_us(int32_t day);

/** The same for TARGET: weekends, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.
 *  Source: TARGET closing days. */
int32_t calendar_target(int32_t day);

#endif
