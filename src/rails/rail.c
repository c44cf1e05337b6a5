/* SPDX-License-Identifier: Apache-2.0
 * The list of rails. A new one is a folder and a line here. */
#include "rails/rail.h"

#include "base/text.h"
#include "rails/bank/bank.h"
#include "rails/evm/evm.h"
#include "rails/ledger/ledger.h"
#include "rails/lightning/lightning.h"
#include "rails/stripe/stripe.h"

#include <stdarg.h>
#include <stdio.h>

static const struct rail_kind *const kinds[] = {
    &rail_internal_ledger, &rail_lightning, &RAIL_EVM, &STRIPE_RAIL, &BANK_RAIL,
};

const struct rail_kind *rail_kind_at(size_t i)
{
    return i < ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

static bool has_alias(const struct rail_kind *k, struct text name)
{
    for (const char *const *a = k->alias; a != NULL && *a != NULL; a++) {
        if (text_is(name, *a)) {
            return true;
        }
    }
    return false;
}

const struct rail_kind *rail_kind_of(struct text name)
{
    const struct rail_kind *k;
    for (size_t i = 0; (k = rail_kind_at(i)) != NULL; i++) {
        if (text_is(name, k->name) || has_alias(k, name)) {
            return k;
        }
    }
    return NULL;
}

const char *rail_outcome_name(enum rail_outcome o)
{
    static const char *const names[] = {
        [RAIL_PAID] = "paid",           [RAIL_ACCEPTED] = "accepted", [RAIL_REJECTED] = "rejected",
        [RAIL_TRANSIENT] = "transient", [RAIL_UNKNOWN] = "unknown",   [RAIL_ABSENT] = "absent",
        [RAIL_REPLACE] = "replace"};
    return names[o];
}

void rail_say(struct rail_payment *p, enum rail_outcome o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    p->report.outcome = o;
    (void)vsnprintf(p->report.reason, sizeof p->report.reason, fmt, args);
    va_end(args);
}
