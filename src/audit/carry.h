/* SPDX-License-Identifier: Apache-2.0
 * Rounding `carry`: what each payee of a policy is entitled to, in all and exactly, less what it
 * was credited. A party is credited the floor; for a nested policy reversals may leave more. */
#ifndef METE_AUDIT_CARRY_H
#define METE_AUDIT_CARRY_H

#include "audit/book.h"
#include "audit/fraction.h"
#include "base/map.h"

enum payee_kind { PAYEE_PARTY, PAYEE_POLICY, PAYEE_NOBODY };

struct payee {
    const struct asset *asset;
    struct text policy; /* the one that splits */
    enum payee_kind kind;
    struct text id; /* empty for nobody */
};

struct carry {
    struct arena *keep;
    struct map left; /* key of a payee -> struct carried * */
};

struct carried {
    struct frac left; /* entitled less credited */
    bool exported;
};

void carry_init(struct carry *c, struct arena *keep);
void carry_clear(struct carry *c);

/** NULL when nothing was ever carried for it. */
struct carried *carry_find(const struct carry *c, const struct payee *payee);

/** `input` * `weight` more entitlement; *credit is what is credited now, never below zero.
 *  False when the fraction would need more bits than fit; nothing is changed then. */
bool carry_credit(struct carry *c, const struct payee *payee, i128 input, const struct frac *weight,
                  i128 *credit) METE_MUST_CHECK;
/** `amount` * `weight` less; *posted (zero or negative) is the change of the floor. */
bool carry_reverse(struct carry *c, const struct payee *payee, i128 amount,
                   const struct frac *weight, i128 *posted) METE_MUST_CHECK;
/** `amount` * `weight` less, of which `given` whole units were given back already. */
bool carry_give(struct carry *c, const struct payee *payee, i128 amount, const struct frac *weight,
                i128 given) METE_MUST_CHECK;

#endif
