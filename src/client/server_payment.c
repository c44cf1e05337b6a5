/* SPDX-License-Identifier: Apache-2.0
 * A payment that came to a seller. Toward the facilitator goes the seller's own offer, never what
 * the client has sent back of it. */
#include "client/server_parts.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "wire/x402/exact.h"
#include "wire/x402/match.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)32 << 20)

struct mete_x402_payment {
    struct arena arena;
    int version;
    struct text payload;
    struct text requirements;
    const struct server_offer *offer;
    struct text reservation;
    char key[65];
    struct text reason, payer, transaction, response;
};

static const struct server_offer *chosen(const struct mete_x402 *s, const struct x402_payload *p)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct server_offer *o = &s->offer[i];
        const char *v1 = x402_network_v1_name(o->offer.network);
        bool fits = p->version == 2 ? o->has_v2 && x402_requirements_match(o->parsed, p->accepted)
                                    : o->has_v1 && text_eq(p->scheme, o->offer.scheme) &&
                                          v1 != NULL && text_is(p->network, v1);
        if (fits) {
            return o;
        }
    }
    return NULL;
}

static void key_set(struct mete_x402_payment *p, const struct x402_evm_payment *e)
{
    bool is_permit2 = e->method == X402_PERMIT2;
    struct evm_address asset = {0};
    uint8_t nonce[U256_LEN];
    METE_ASSERT(x402_address_read(p->offer->offer.asset, &asset));
    if (is_permit2) {
        u256_to_be(e->permit2.nonce, nonce);
    } else {
        memcpy(nonce, e->authorization.nonce.b, sizeof nonce);
    }
    /* Permit2 has one row of nonces for all tokens */
    const struct bytes parts[] = {text_bytes(p->offer->offer.network),
                                  is_permit2 ? (struct bytes){(const uint8_t *)"|permit2|", 9}
                                             : (struct bytes){asset.b, sizeof asset.b},
                                  {e->from.b, sizeof e->from.b},
                                  {nonce, sizeof nonce}};
    const struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    hash_hex(&h, p->key);
}

static void requirements_set(const struct mete_x402 *s, struct mete_x402_payment *p,
                             const struct x402_offer *charged, const char *url)
{
    struct x402_offer offers[SERVER_OFFERS_MAX];
    struct x402_priced priced;
    struct buf out = {0};
    if (p->version == 2) {
        x402_offer_write_v2(&out, charged);
    } else {
        server_priced(s, 1, text_of(url), (struct text){0}, offers, &priced);
        x402_offer_write_v1(&out, &priced, charged);
    }
    p->requirements = arena_text(&p->arena, buf_text(&out));
    buf_clear(&out);
}

static enum mete_code read(const struct mete_x402 *s, const char *url, const char *header,
                           struct mete_x402_payment *p, struct mete_err *err)
{
    struct x402_payload payload;
    struct x402_evm_payment evm;
    enum mete_code code =
        x402_payload_read_header(&p->arena, arena_text(&p->arena, text_of(header)), &payload, err);
    if (code != METE_OK) {
        return code;
    }
    p->version = payload.version;
    p->payload = payload.json->raw;
    p->offer = chosen(s, &payload);
    if (p->offer == NULL) {
        return mete_fail(err, METE_X402_SCHEME, NULL, "No matching payment requirements");
    }
    code = x402_evm_payment_read(&p->arena, &payload, "", &evm, err);
    if (code == METE_OK) {
        key_set(p, &evm);
        requirements_set(s, p, &p->offer->offer, url);
    }
    return code;
}

enum mete_code mete_x402_read(const struct mete_x402 *s, const char *url, const char *header,
                              struct mete_x402_payment **out, struct mete_err *err)
{
    struct mete_x402_payment *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    arena_init(&p->arena, ARENA_MAX);
    enum mete_code code = read(s, url, header, p, err);
    if (code != METE_OK) {
        mete_x402_payment_free(p);
        p = NULL;
    }
    *out = p;
    return code;
}

void mete_x402_payment_free(struct mete_x402_payment *p)
{
    if (p != NULL) {
        arena_clear(&p->arena);
        free(p);
    }
}

/* --- asking ------------------------------------------------------------------------------------*/

static long ask(const struct mete_x402 *s, struct mete_x402_payment *p, const char *path,
                bool reserve, struct text *answer)
{
    struct buf body = {0};
    struct buf out = {0};
    const struct x402_asking asking = {.version = p->version,
                                       .payload = p->payload,
                                       .requirements = p->requirements,
                                       .reserve = reserve,
                                       .reservation = p->reservation};
    x402_request_write(&body, &asking);
    long status = server_ask(s, path, buf_text(&body), &out);
    *answer = arena_text(&p->arena, buf_text(&out));
    buf_clear(&body);
    buf_clear(&out);
    return status;
}

enum mete_x402_outcome mete_x402_verify(const struct mete_x402 *s, struct mete_x402_payment *p)
{
    struct text answer;
    struct x402_verified v;
    long status = ask(s, p, "/verify", true, &answer);
    if (status == 0 || x402_verified_read(&p->arena, answer, &v, NULL) != METE_OK ||
        (v.is_valid && status != 200) ||
        x402_reservation_read(&p->arena, &v, &p->reservation, NULL) != METE_OK) {
        p->reason = TEXT("unexpected_verify_error");
        return METE_X402_NOBODY;
    }
    p->payer = arena_text(&p->arena, v.payer);
    p->reason = arena_text(&p->arena, v.reason);
    return v.is_valid ? METE_X402_YES : METE_X402_NO;
}

static bool amount_set(struct mete_x402_payment *p, const char *amount)
{
    struct x402_offer charged = p->offer->offer;
    if (!p->offer->is_upto || !u256_parse(text_of(amount), &charged.amount) ||
        u256_cmp(charged.amount, p->offer->offer.amount) > 0) {
        return false;
    }
    requirements_set(NULL, p, &charged, "");
    return true;
}

enum mete_x402_outcome mete_x402_settle(const struct mete_x402 *s, struct mete_x402_payment *p,
                                        const char *amount)
{
    struct text answer;
    struct x402_settled r;
    struct buf header = {0};
    if (amount != NULL && !amount_set(p, amount)) {
        p->reason = TEXT("invalid_payment_requirements");
        return METE_X402_NO;
    }
    long status = ask(s, p, "/settle", false, &answer);
    if (status == 0 || x402_settled_read(&p->arena, answer, &r, NULL) != METE_OK) {
        p->reason = TEXT("settlement_pending");
        return METE_X402_PENDING;
    }
    x402_settled_write_header(&header, &r);
    p->response = arena_text(&p->arena, buf_text(&header));
    p->reason = arena_text(&p->arena, r.reason);
    p->transaction = arena_text(&p->arena, r.transaction);
    p->payer = r.payer.len > 0 ? arena_text(&p->arena, r.payer) : p->payer;
    buf_clear(&header);
    if (r.success && status == 200) {
        return METE_X402_YES;
    }
    return r.success || status >= 500 || x402_settled_is_pending(&r) ? METE_X402_PENDING
                                                                     : METE_X402_NO;
}

void mete_x402_release(const struct mete_x402 *s, struct mete_x402_payment *p)
{
    struct text answer;
    if (p->reservation.len > 0) {
        (void)ask(s, p, "/release", false, &answer); /* others than mete do not know it */
        p->reservation = (struct text){0};
    }
}

/* --- what is known -----------------------------------------------------------------------------*/

static const char *shown(struct text t)
{
    return t.len > 0 ? t.p : "";
}

const char *mete_x402_key(const struct mete_x402_payment *p)
{
    return p->key;
}

int mete_x402_version(const struct mete_x402_payment *p)
{
    return p->version;
}

const char *mete_x402_reason(const struct mete_x402_payment *p)
{
    return shown(p->reason);
}

const char *mete_x402_payer(const struct mete_x402_payment *p)
{
    return shown(p->payer);
}

const char *mete_x402_transaction(const struct mete_x402_payment *p)
{
    return shown(p->transaction);
}

const char *mete_x402_response_name(const struct mete_x402_payment *p)
{
    return x402_response_header(p->version);
}

const char *mete_x402_response_value(const struct mete_x402_payment *p)
{
    return shown(p->response);
}
