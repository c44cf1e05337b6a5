/* SPDX-License-Identifier: Apache-2.0
 * Bank transfers by files: ISO 20022 pain.001, or NACHA. */
#ifndef METE_RAILS_BANK_BANK_H
#define METE_RAILS_BANK_BANK_H

#include "rails/rail.h"

extern const struct rail_kind BANK_RAIL;

#define BANK_E2E_LEN 35u /* of an end-to-end id: what ISO 20022 allows */
#define BANK_ACH_LEN 15u /* of the id of a NACHA entry */

/** The id that a bank knows an attempt by, and gives back: "po", the attempt as one of 1-9 a-z, and
 *  the 32 digits of the transfer's id, whose '_' no bank takes. False: the id is not "po_" and 32
 *  hexadecimal digits, or the attempt is above 35. */
bool bank_e2e_make(char out[BANK_E2E_LEN + 1], struct text transfer_id,
                   uint32_t attempt) METE_MUST_CHECK;
/** The way back; `transfer_id` has room for 36 bytes. False: it is none of ours. */
bool bank_e2e_read(struct text e2e, char transfer_id[BANK_E2E_LEN + 1],
                   uint32_t *attempt) METE_MUST_CHECK;
/** The same for a NACHA entry, which has room for the attempt and the first 14 digits only. */
void bank_ach_make(char out[BANK_ACH_LEN + 1], const char e2e[BANK_E2E_LEN + 1]);

#endif
