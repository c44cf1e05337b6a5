/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an invoice, as the fields of one whose checksum and signature are right, as a
 * Lightning address, lnurl1..., URL and answers of an LNURL service. What is read keeps its bounds
 * and comes back the same when it is written. The first byte chooses. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/bech32.h"
#include "wire/lightning/bolt11_parts.h"
#include "wire/lightning/lnurl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t SECRET[SECP_SECRET_LEN] = {1, 2, 3};

static void check_same(const struct bolt11 *a, const struct bolt11 *b)
{
    METE_ASSERT(a->network == b->network && a->has_amount == b->has_amount);
    METE_ASSERT(a->amount_msat == b->amount_msat && a->timestamp_s == b->timestamp_s);
    METE_ASSERT(a->expiry_s == b->expiry_s && a->cltv == b->cltv);
    METE_ASSERT(hash_eq(&a->payment_hash, &b->payment_hash));
    METE_ASSERT(memcmp(a->payment_secret, b->payment_secret, BOLT11_SECRET_LEN) == 0);
    METE_ASSERT(a->has_description == b->has_description);
    METE_ASSERT(text_eq(a->description, b->description));
    METE_ASSERT(a->has_description_hash == b->has_description_hash);
    METE_ASSERT(hash_eq(&a->description_hash, &b->description_hash));
    METE_ASSERT(a->has_metadata == b->has_metadata && bytes_cmp(a->metadata, b->metadata) == 0);
    METE_ASSERT(bytes_cmp(a->features, b->features) == 0 && a->has_payee == b->has_payee);
}

static void check_rules(const struct bolt11 *i)
{
    METE_ASSERT(i->hash_count >= 1 && i->secret_count >= 1);
    METE_ASSERT(i->has_description != i->has_description_hash);
    METE_ASSERT(i->has_amount == (i->amount_msat > 0));
    METE_ASSERT(i->timestamp_s >= 0 && i->timestamp_s >> 35 == 0);
    METE_ASSERT(bolt11_expires_at(i) >= i->timestamp_s);
    METE_ASSERT(text_is_utf8(i->description) && i->description.len <= BOLT11_FIELD_BYTES_MAX);
    METE_ASSERT(secp_public_ok((struct bytes){i->payee, sizeof(i->payee)}));
    const struct bolt11_terms t = {.network = i->network,
                                   .amount_msat = i->amount_msat,
                                   .now_s = i->timestamp_s,
                                   .takes_any_description = true,
                                   .own_node = i->payee};
    METE_ASSERT(bolt11_check_payout(i, &t, NULL) == METE_INVOICE_REFUSED);
}

static void check_invoice(struct text in)
{
    struct arena a, b;
    struct bolt11 i, again;
    struct mete_err err = {0};
    arena_init(&a, BOLT11_ARENA_MAX);
    arena_init(&b, BOLT11_ARENA_MAX);
    enum mete_code code = bolt11_read(&a, in, &i, &err);
    METE_ASSERT(code == err.code && (code == METE_OK || err.text[0] != '\0'));
    if (code == METE_OK) {
        struct buf out = {0};
        check_rules(&i);
        METE_ASSERT(bolt11_write(&out, &i, SECRET));
        METE_ASSERT(bolt11_read(&b, buf_text(&out), &again, &err) == METE_OK);
        check_same(&i, &again);
        buf_clear(&out);
    }
    arena_clear(&a);
    arena_clear(&b);
}

/* The prefix up to the first byte 0, then symbols; signed and with their checksum. */
static void check_signed(struct bytes in)
{
    const uint8_t *zero = in.len == 0 ? NULL : memchr(in.p, 0, in.len);
    size_t len = zero == NULL ? 0 : (size_t)(zero - in.p);
    struct buf prefix = {0}, symbols = {0}, out = {0};
    buf_put_str(&prefix, "ln");
    for (size_t k = 0; k < len; k++) {
        bool is_plain = in.p[k] > ' ' && in.p[k] < 0x7f && !(in.p[k] >= 'A' && in.p[k] <= 'Z');
        buf_put_u8(&prefix, is_plain ? in.p[k] : 'b');
    }
    for (size_t k = len; k < in.len; k++) {
        buf_put_u8(&symbols, in.p[k] & 31);
    }
    struct hash h = bolt11_signed_hash(buf_text(&prefix), buf_bytes(&symbols));
    struct secp_signature signature;
    METE_ASSERT(secp_sign(&signature, SECRET, &h));
    uint8_t last[SECP_RS_LEN + 1];
    memcpy(last, signature.rs, SECP_RS_LEN);
    last[SECP_RS_LEN] = signature.recovery;
    symbols_of_bytes(&symbols, (struct bytes){last, sizeof(last)});
    bech32_encode(&out, buf_text(&prefix), buf_bytes(&symbols));
    check_invoice(buf_text(&out));
    buf_clear(&prefix);
    buf_clear(&symbols);
    buf_clear(&out);
}

static bool is_within(struct text part, struct text whole)
{
    return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static void check_url(struct text in)
{
    struct url u;
    if (url_read(in, &u) == NULL) {
        METE_ASSERT(is_within(u.host, in) && is_within(u.path, in) && is_within(u.query, in));
        METE_ASSERT(is_within(u.fragment, in) && u.host.len > 0 && u.port > 0);
        METE_ASSERT(u.path.len == 0 || u.path.p[0] == '/');
        METE_ASSERT(!host_is_onion(u.host) || host_is_domain(u.host));
        METE_ASSERT(!host_is_domain(u.host) || host_is_name(u.host));
    }
    METE_ASSERT(is_within(lnurl_find(in), in));
}

static void check_address(struct text in, unsigned switches)
{
    struct lightning_address address;
    struct url u;
    struct buf url = {0};
    if (lightning_address_read(in, switches, &address, NULL) == METE_OK) {
        lightning_address_url(&url, &address, switches);
        METE_ASSERT(url_read(buf_text(&url), &u) == NULL && !u.has_query && u.fragment.len == 0);
        METE_ASSERT(is_within(u.host, buf_text(&url)) && address.host.len >= u.host.len);
        METE_ASSERT(memcmp(u.host.p, address.host.p, u.host.len) == 0);
    }
    buf_clear(&url);
}

static void check_lnurl(struct text in, unsigned switches)
{
    struct arena a;
    struct text url;
    struct buf again = {0};
    arena_init(&a, (size_t)4 * LNURL_TEXT_MAX);
    if (lnurl_read(&a, in, switches, &url, NULL) == METE_OK) {
        lnurl_write(&again, url);
        METE_ASSERT(host_eq(buf_text(&again), in));
    }
    buf_clear(&again);
    arena_clear(&a);
}

static void check_pay(struct text body, unsigned switches)
{
    static const struct lightning_address WHO = {TEXT("a"), TEXT("b.c")};
    struct arena a;
    struct lnurl_pay pay;
    struct mete_err err = {0};
    struct buf url = {0};
    struct url u;
    arena_init(&a, LNURL_ARENA_MAX(body.len));
    enum mete_code code = lnurl_pay_read(&a, body, &WHO, switches, &pay, &err);
    METE_ASSERT(code == err.code && text_is_utf8(text_of(err.text)));
    if (code == METE_OK) {
        METE_ASSERT(pay.min_msat >= 1 && pay.min_msat <= pay.max_msat);
        METE_ASSERT(lnurl_pay_check_amount(&pay, pay.min_msat, NULL) == METE_OK);
        METE_ASSERT(lnurl_callback_write(&url, &pay, pay.min_msat, TEXT("")));
        const char *flaw = url_read(buf_text(&url), &u);
        METE_ASSERT(flaw == NULL || url.len > URL_LEN_MAX);
        METE_ASSERT(flaw != NULL || (text_eq(u.host, pay.callback.host) && u.fragment.len == 0));
    }
    buf_clear(&url);
    arena_clear(&a);
}

static void check_answer(struct text body, unsigned switches)
{
    struct arena a;
    struct lnurl_pay pay = {.callback = {.host = TEXT("b.c")}};
    struct lnurl_invoice i;
    struct hash h = {{0}};
    bool is_settled;
    arena_init(&a, 2 * LNURL_ARENA_MAX(body.len));
    if (lnurl_invoice_read(&a, body, &pay, switches, &i, NULL) == METE_OK) {
        METE_ASSERT(i.invoice.len > 0 && i.invoice.len <= BOLT11_LEN_MAX);
        check_invoice(i.invoice);
    }
    METE_ASSERT(lnurl_verify_read(&a, body, TEXT("x"), &h, &is_settled, NULL) != METE_OK ||
                !is_settled);
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes in = {data + 1, size - 1};
    unsigned switches = data[0] >> 4 & 3;
    switch (data[0] & 7) {
    case 0:
        check_invoice(bytes_text(in));
        break;
    case 1:
        check_signed(in);
        break;
    case 2:
        check_url(bytes_text(in));
        break;
    case 3:
        check_address(bytes_text(in), switches);
        break;
    case 4:
        check_lnurl(bytes_text(in), switches);
        break;
    case 5:
        check_pay(bytes_text(in), switches);
        break;
    default:
        check_answer(bytes_text(in), switches);
        break;
    }
    return 0;
}
