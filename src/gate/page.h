/* SPDX-License-Identifier: Apache-2.0
 * The page that browsers get instead of a bare 402, and the element that other pages pay with:
 * paywall.html and x402-pay.js beside this file. */
#ifndef METE_GATE_PAGE_H
#define METE_GATE_PAGE_H

#include "base/types.h"

/* Words in {{double braces}} are filled in. */
extern const struct text page_paywall;
extern const struct text page_pay; /* no words in it */

#endif
