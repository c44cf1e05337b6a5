/* SPDX-License-Identifier: Apache-2.0
 * The memory is an ordered map from nonce to who was offered it. */
#include "rails/evm/lane.h"

#include "base/map.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "rails/evm/signer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define SKIP_TAKEN_MAX 12 /* doublings end there: 2,047 nonces */

struct offer {
    bool is_used;
    uint32_t taken; /* what the owner had been told when it was offered */
    mete_time at;
    uint64_t owner; /* a hash of its text: a collision costs a nonce that is offered later */
};

struct lane {
    uint64_t chain_id;
    struct evm_signer *account;
    struct omap offers;
};

enum mete_code lane_open(struct lane **out, uint64_t chain_id, const char *key_file,
                         struct mete_err *err)
{
    struct evm_signer *account;
    enum mete_code code = evm_signer_open(&account, key_file, err);
    if (code != METE_OK) {
        return code;
    }
    struct lane *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL);
    l->chain_id = chain_id;
    l->account = account;
    omap_init(&l->offers, sizeof(struct offer), 1);
    *out = l;
    return METE_OK;
}

void lane_close(struct lane *l)
{
    if (l == NULL) {
        return;
    }
    evm_signer_close(l->account);
    omap_clear(&l->offers);
    free(l);
}

const struct evm_address *lane_address(const struct lane *l)
{
    return evm_signer_address(l->account);
}

void lane_sign(struct lane *l, struct evm_tx *tx)
{
    METE_ASSERT(tx->chain_id == l->chain_id);
    evm_signer_sign(l->account, tx);
}

/* --- nonces ------------------------------------------------------------------------------------*/

static struct offer *offer_of(const struct lane *l, uint64_t nonce)
{
    uint64_t key = htobe64(nonce);
    return omap_get(&l->offers, (struct bytes){(const uint8_t *)&key, sizeof key});
}

static struct offer *offer_make(struct lane *l, uint64_t nonce)
{
    uint64_t key = htobe64(nonce);
    return omap_put(&l->offers, (struct bytes){(const uint8_t *)&key, sizeof key}, NULL);
}

/** How many free nonces are passed over: whoever is told again and again that they are taken would
 *  else ask for each of a long row that was committed and never sent. */
static uint64_t skip_of(uint32_t taken)
{
    const uint32_t doublings = taken < SKIP_TAKEN_MAX ? taken : SKIP_TAKEN_MAX;
    return taken > 2 ? (UINT64_C(1) << (doublings - 1)) - 1 : 0;
}

/** Whether an offer may be made again, to `who`. */
static bool is_open(struct offer *o, uint64_t who, uint32_t taken, mete_time now)
{
    if (!o->is_used && o->owner == who && o->taken < taken) {
        o->is_used = true; /* somebody has committed it */
    }
    return !o->is_used && (o->owner == who || now - o->at > LANE_OFFER_US);
}

uint64_t lane_offer(struct lane *l, uint64_t pending, struct text owner, uint32_t taken,
                    mete_time now)
{
    const uint64_t who = bytes_hash(text_bytes(owner), 0);
    uint64_t skip = skip_of(taken);
    uint64_t nonce = pending;
    for (;; nonce++) {
        struct offer *o = offer_of(l, nonce);
        if (o != NULL && !is_open(o, who, taken, now)) {
            continue;
        }
        if (skip == 0 || (o != NULL && o->owner == who)) {
            break;
        }
        skip--;
    }
    *offer_make(l, nonce) = (struct offer){false, taken, now, who};
    return nonce;
}

static bool is_own(const struct lane *l, uint64_t chain_id, const struct evm_address *sender)
{
    return chain_id == l->chain_id && evm_address_eq(sender, lane_address(l));
}

void lane_use(struct lane *l, uint64_t chain_id, const struct evm_address *sender, uint64_t nonce)
{
    if (is_own(l, chain_id, sender)) {
        offer_make(l, nonce)->is_used = true;
    }
}

void lane_forget(struct lane *l, uint64_t chain_id, const struct evm_address *sender,
                 uint64_t count)
{
    struct omap_node *n;
    if (!is_own(l, chain_id, sender)) {
        return;
    }
    while ((n = omap_seek(&l->offers, (struct bytes){0})) != NULL) {
        uint64_t key;
        const struct bytes raw = omap_key(n);
        memcpy(&key, raw.p, sizeof key);
        if (be64toh(key) >= count) {
            return;
        }
        (void)omap_remove(&l->offers, (struct bytes){(const uint8_t *)&key, sizeof key});
    }
}

bool lane_is_left(const struct lane *l, uint64_t nonce, mete_time now)
{
    const struct offer *o = offer_of(l, nonce);
    return o != NULL && !o->is_used && now - o->at > LANE_OFFER_US;
}

bool lane_is_free(const struct lane *l, uint64_t nonce, mete_time now)
{
    return offer_of(l, nonce) == NULL || lane_is_left(l, nonce, now);
}
