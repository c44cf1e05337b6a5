/* SPDX-License-Identifier: Apache-2.0
 * Stripe: transfers to connected accounts, or payouts from them. */
#ifndef METE_RAILS_STRIPE_STRIPE_H
#define METE_RAILS_STRIPE_STRIPE_H

#include "rails/rail.h"

extern const struct rail_kind STRIPE_RAIL;

#endif
