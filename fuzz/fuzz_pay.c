/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the 402 of a server, and as a line of the history. What is judged fine is signed,
 * and reads back as a payment of exactly that offer; a line that is read is written the same. */
#include "base/text.h"
#include "client/pay_sign.h"
#include "wire/x402/match.h"
#include "wire/x402/payload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)64 << 10)

static struct pay_key *key;
static struct pay_rules rules;

static void start(void)
{
    char why[METE_CLIENT_ERROR_MAX];
    uint8_t secret[METE_CLIENT_KEY_LEN];
    memset(secret, 7, sizeof secret);
    const struct mete_client_options o = {.key = secret};
    const struct mete_client_options more = {.max_amount = "$1000000"};
    METE_ASSERT(pay_key_open(&o, &key, why) == METE_CLIENT_OK && key != NULL);
    METE_ASSERT(pay_rules_read(&rules, &more, why) == METE_CLIENT_OK);
}

/** What was signed is what was offered: all of it, and nothing else. */
static void check_payment(const struct pay_offer *p, const struct pay_entry *e)
{
    struct arena a;
    struct x402_payload payload;
    struct x402_evm_payment payment;
    struct mete_err err;
    arena_init(&a, 2 * X402_ARENA_MAX(strlen(e->header)));
    METE_ASSERT(x402_payload_read_header(&a, text_of(e->header), &payload, &err) == METE_OK);
    METE_ASSERT(x402_evm_payment_read(&a, &payload, "", &payment, &err) == METE_OK);
    METE_ASSERT(payload.version == p->r.version && text_eq(payload.scheme, p->r.scheme) &&
                text_eq(payload.network, p->r.network));
    METE_ASSERT(payload.version == 1 || x402_requirements_match(p->r.json, payload.accepted));
    const bool is_permit2 = payment.method == X402_PERMIT2;
    METE_ASSERT(
        u256_eq(is_permit2 ? payment.permit2.amount : payment.authorization.value, p->r.amount));
    METE_ASSERT(evm_address_eq(is_permit2 ? &payment.permit2.to : &payment.authorization.to,
                               &p->terms.pay_to));
    METE_ASSERT(evm_address_eq(&payment.from, pay_key_address(key)));
    arena_clear(&a);
}

static void check_sign(const struct pay_offers *o, size_t pick)
{
    const struct pay_signing s = {
        .offers = o, .pick = pick, .now = TIME_DAY_US * 20000, .validity_max_s = 3600};
    struct pay_entry *e = calloc(1, sizeof *e);
    METE_ASSERT(e != NULL);
    METE_ASSERT(pay_limit_allows(&rules.request, u256_of(0), o->offer[pick].worth, ""));
    if (pay_sign(key, &s, e)) {
        check_payment(&o->offer[pick], e);
    }
    entry_free(e);
}

static void check_required(const char *header, struct text body)
{
    char why[METE_CLIENT_ERROR_MAX] = "";
    enum mete_client_error error = METE_CLIENT_OK;
    struct pay_offers o;
    if (pay_offers_read(&o, header, body, why) == METE_CLIENT_OK) {
        METE_ASSERT(o.count > 0 && o.version == (header != NULL ? 2 : 1));
        pay_offers_judge(&o, &rules, &rules.request);
        const int pick = pay_offers_choose(&o, &rules, &error, why);
        METE_ASSERT((pick < 0) == (error != METE_CLIENT_OK));
        if (pick >= 0) {
            check_sign(&o, (size_t)pick);
        }
    } else {
        METE_ASSERT(why[0] != '\0');
    }
    pay_offers_clear(&o);
}

static void check_line(struct text line)
{
    struct pay_entry e, again;
    struct buf out = {0};
    const enum entry_kind kind = entry_read(line, &e);
    if (kind == LINE_SIGNED) {
        entry_write(&out, &e);
        METE_ASSERT(entry_read((struct text){(char *)out.p, out.len - 1}, &again) == LINE_SIGNED);
        METE_ASSERT(strcmp(again.id, e.id) == 0 && hash_eq(&again.key, &e.key) &&
                    again.at == e.at && strcmp(again.header, e.header) == 0 &&
                    strcmp(again.url, e.url) == 0 && strcmp(again.amount, e.amount) == 0);
        free(again.url);
        free(again.header);
        free(e.url);
        free(e.header);
    }
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (key == NULL) {
        start();
    }
    if (size < 1 || size > INPUT_MAX) {
        return 0;
    }
    const struct text rest = {(const char *)data + 1, size - 1};
    struct buf header = {0};
    switch (data[0] % 4) {
    case 0:
        check_required(NULL, rest);
        break;
    case 1: /* JSON in base64, so that the fuzzer need not find it */
        x402_header_write(&header, rest);
        buf_put_u8(&header, 0);
        check_required((const char *)header.p, TEXT(""));
        break;
    case 2:
        buf_put(&header, rest.p, rest.len);
        buf_put_u8(&header, 0);
        check_required((const char *)header.p, TEXT(""));
        break;
    default:
        check_line(rest);
    }
    buf_clear(&header);
    return 0;
}
