/* SPDX-License-Identifier: Apache-2.0
 * The register of entitlements, as the difference to what was credited. */
#include "audit/carry.h"

#include "base/buf.h"
#include "base/text.h"

void carry_init(struct carry *c, struct arena *keep)
{
    c->keep = keep;
    map_init(&c->left, sizeof(struct carried *), 7);
}

void carry_clear(struct carry *c)
{
    map_clear(&c->left);
}

/* Sizes in front, so that no two payees share a key. */
static void write_key(struct buf *key, const struct payee *payee)
{
    buf_put_sized(key, payee->policy);
    buf_put_sized(key, payee->asset->code);
    buf_put_u8(key, (uint8_t)payee->kind);
    buf_put_text(key, payee->id);
}

struct carried *carry_find(const struct carry *c, const struct payee *payee)
{
    struct buf key = {0};
    write_key(&key, payee);
    struct carried **slot = map_get(&c->left, buf_bytes(&key));
    buf_clear(&key);
    return slot != NULL ? *slot : NULL;
}

static struct carried *obtain(struct carry *c, const struct payee *payee)
{
    struct buf key = {0};
    bool made;
    write_key(&key, payee);
    struct carried **slot = map_put(&c->left, buf_bytes(&key), &made);
    buf_clear(&key);
    if (made) {
        *slot = arena_alloc(c->keep, sizeof **slot);
        (*slot)->left = frac_int(0);
    }
    return *slot;
}

/* left + or - amount * weight */
static bool changed(struct frac *out, const struct frac *left, i128 amount,
                    const struct frac *weight, bool less)
{
    struct frac whole = frac_int(amount), exact;
    if (!frac_mul(&exact, &whole, weight)) {
        return false;
    }
    return less ? frac_sub(out, left, &exact) : frac_add(out, left, &exact);
}

bool carry_credit(struct carry *c, const struct payee *payee, i128 input, const struct frac *weight,
                  i128 *credit)
{
    struct carried *carried = obtain(c, payee);
    struct frac left, whole;
    if (!changed(&left, &carried->left, input, weight, false) || !frac_floor(&left, credit)) {
        return false;
    }
    if (*credit < 0) {
        *credit = 0;
    }
    whole = frac_int(*credit);
    return frac_sub(&carried->left, &left, &whole);
}

bool carry_reverse(struct carry *c, const struct payee *payee, i128 amount,
                   const struct frac *weight, i128 *posted)
{
    struct carried *carried = obtain(c, payee);
    struct frac left, whole;
    if (!changed(&left, &carried->left, amount, weight, true) || !frac_floor(&left, posted)) {
        return false;
    }
    whole = frac_int(*posted);
    return frac_sub(&carried->left, &left, &whole);
}

bool carry_give(struct carry *c, const struct payee *payee, i128 amount, const struct frac *weight,
                i128 given)
{
    struct carried *carried = obtain(c, payee);
    struct frac left, back = frac_int(given);
    return changed(&left, &carried->left, amount, weight, true) &&
           frac_add(&carried->left, &left, &back);
}
