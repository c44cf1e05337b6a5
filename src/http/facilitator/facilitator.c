/* SPDX-License-Identifier: Apache-2.0
 * Opening and closing, who may, and asking the book. */
#include "http/facilitator/facilitator.h"

#include "base/text.h"
#include "http/facilitator/catalog.h"
#include "http/facilitator/rate.h"
#include "http/facilitator/sign.h"
#include "http/facilitator/told.h"
#include "http/facilitator/watch.h"
#include "http/reply.h"
#include "http/routes.h"
#include "wire/evm/fees.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_S    60u
#define REPLACE_S 30u

struct facilitator {
    struct desk *d;
    struct nets *nets;
    bool is_public;
    unsigned wait_s;
    unsigned replace_s;
    struct facilitator_counts counts;
    _Atomic int64_t *coins; /* of each network's account */
    struct x402_signer signer;
    struct catalog *catalog;
    struct rate *rate;   /* NULL: no bound */
    struct watch *watch; /* NULL: there is no network, or it has not begun */
    struct told *told;   /* NULL: whoever asks again is answered */
};

void facilitator_start(struct facilitator **out, struct desk *d,
                       const struct facilitator_options *o)
{
    struct facilitator *f = calloc(1, sizeof *f);
    METE_ASSERT(f != NULL);
    f->d = d;
    f->nets = o->nets != NULL ? o->nets : calloc(1, sizeof *f->nets);
    METE_ASSERT(f->nets != NULL);
    f->signer = facilitator_signer(f->nets);
    f->catalog = catalog_new();
    f->rate = o->rate > 0 ? rate_new(o->rate) : NULL;
    f->is_public = o->is_public;
    f->wait_s = o->wait_s != 0 ? o->wait_s : WAIT_S;
    if (o->refuses_repeats) {
        told_open(&f->told);
    }
    f->coins = calloc(f->nets->count + 1, sizeof *f->coins);
    METE_ASSERT(f->coins != NULL);
    for (size_t i = 0; i < f->nets->count; i++) {
        atomic_store(&f->coins[i], -1);
    }
    nets_connect(f->nets);
    f->replace_s = o->replace_s != 0 ? o->replace_s : REPLACE_S;
    *out = f;
}

/** What an operator wants to see before the first payment: where it settles, and who pays for it.
 */
static void networks_say(struct facilitator *f)
{
    for (size_t i = 0; i < f->nets->count; i++) {
        const struct net *n = &f->nets->net[i];
        char account[EVM_ADDRESS_TEXT_LEN + 1];
        if (n->account != NULL) {
            evm_address_format(evm_signer_address(n->account), account);
            desk_say(f->d, "x402: %s, settled by %s, which pays for the gas", n->id, account);
        } else {
            desk_say(f->d, "x402: %s, verified alone: it has no account to settle with", n->id);
        }
    }
    if (f->nets->count > 0 && f->is_public && f->rate == NULL) {
        desk_say(f->d, "x402: anybody may ask, and as often as he likes: set rate_per_minute");
    }
}

void facilitator_begin(struct facilitator *f)
{
    networks_say(f);
    if (f->nets->count > 0) {
        watch_start(&f->watch, f->d, f->nets, f->replace_s);
    }
}

void facilitator_quiesce(struct facilitator *f)
{
    if (f != NULL && f->watch != NULL) {
        watch_quiesce(f->watch);
    }
}

void facilitator_stop(struct facilitator *f)
{
    if (f != NULL) {
        watch_stop(f->watch);
        nets_close(f->nets);
        catalog_free(f->catalog);
        rate_free(f->rate);
        told_close(f->told);
        free(f->coins);
        free(f);
    }
}

struct nets *facilitator_nets(struct facilitator *f)
{
    return f->nets;
}

struct rate *facilitator_rate(struct facilitator *f)
{
    return f->rate;
}

struct catalog *facilitator_catalog(struct facilitator *f)
{
    return f->catalog;
}

struct watch *facilitator_watch(struct facilitator *f)
{
    return f->watch;
}

int64_t facilitator_coins(const struct facilitator *f, const struct net *n)
{
    return atomic_load(&f->coins[n - f->nets->net]);
}

void facilitator_coins_note(struct facilitator *f, const struct net *n, struct u256 coins)
{
    i128 whole;
    const u128 gwei = u256_to_i128(coins, &whole) ? (u128)whole / EVM_GWEI : INT64_MAX;
    atomic_store(&f->coins[n - f->nets->net], gwei < INT64_MAX ? (int64_t)gwei : INT64_MAX);
}

const struct x402_signer *facilitator_signs(const struct facilitator *f)
{
    return &f->signer;
}

bool facilitator_tells(struct facilitator *f, struct text id, bool is_old)
{
    return f->told == NULL || (told_first(f->told, id) && !is_old);
}

unsigned facilitator_wait_s(const struct facilitator *f)
{
    return f->wait_s;
}

bool facilitator_may(struct facilitator *f, struct exchange *x)
{
    if (f->is_public || principal_may(x->who, SCOPE_FACILITATOR) ||
        (!authority_key_shown(x) && authority_is_open_to(f->d->authority, x))) {
        return true;
    }
    struct mete_err err;
    enum mete_code code = authority_key_shown(x)
                              ? principal_check(x->who, SCOPE_FACILITATOR, &err)
                              : mete_fail(&err, METE_UNAUTHORIZED, NULL, "this needs a key");
    METE_ASSERT(code != METE_OK);
    reply_problem(x, &err);
    if (code == METE_UNAUTHORIZED) {
        reply_header(x, "WWW-Authenticate", TEXT("Bearer"));
    }
    return false;
}

/* --- numbers -----------------------------------------------------------------------------------*/

struct facilitator_counts *facilitator_counts(struct facilitator *f)
{
    return &f->counts;
}

void facilitator_count(struct facilitator *f, enum facilitator_act act, enum x402_reason reason)
{
    if (reason == X402_REASON_NONE) {
        atomic_fetch_add(&f->counts.good[act], 1);
    } else {
        atomic_fetch_add(&f->counts.bad[act][reason], 1);
    }
}
