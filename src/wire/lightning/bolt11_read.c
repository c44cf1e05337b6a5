/* SPDX-License-Identifier: Apache-2.0
 * Reading an invoice, from the outside in: checksum, prefix, fields, features, signature. Nothing
 * of it is trusted by anybody before the last step has passed. */
#include <string.h>

#include "base/i128.h"
#include "base/text.h"
#include "wire/bech32.h"
#include "wire/lightning/bolt11_parts.h"

struct bolt11_reading {
    struct arena *arena;
    struct bolt11 *out;
    struct mete_err *err;
    bool has_expiry;
    bool has_cltv;
    bool has_features;
};

static enum mete_code invalid(const struct bolt11_reading *r, const char *why)
{
    return mete_fail(r->err, METE_INVOICE_INVALID, "", "%s", why);
}

/* The prefix: network and amount */

static enum mete_code read_digits(const struct bolt11_reading *r, struct text digits,
                                  uint64_t tenths)
{
    u128 count = 0;
    if (!u128_parse(digits, &count)) {
        return invalid(r, "its amount is no number, or far too large");
    }
    if (digits.p[0] == '0') {
        return invalid(r, "its amount begins with 0");
    }
    if (count > (u128)UINT64_MAX * 10 / tenths) {
        return invalid(r, "its amount is beyond 64 bits of millisatoshi");
    }
    u128 all = count * tenths;
    if (all % 10 != 0) {
        return invalid(r, "its amount has a part of a millisatoshi");
    }
    r->out->has_amount = true;
    r->out->amount_msat = (uint64_t)(all / 10);
    return METE_OK;
}

static enum mete_code read_amount(const struct bolt11_reading *r, struct text t)
{
    if (t.len == 0) {
        return METE_OK;
    }
    char last = t.p[t.len - 1];
    if (last >= '0' && last <= '9') {
        return read_digits(r, t, bolt11_units[0].tenths);
    }
    for (size_t i = 1; i < BOLT11_UNIT_COUNT; i++) {
        if (bolt11_units[i].letter == last) {
            return read_digits(r, (struct text){t.p, t.len - 1}, bolt11_units[i].tenths);
        }
    }
    return invalid(r, "its amount has an unknown multiplier");
}

static enum mete_code read_prefix(const struct bolt11_reading *r, struct text prefix)
{
    if (!text_starts(prefix, "ln")) {
        return invalid(r, "it does not begin with ln");
    }
    struct text rest = {prefix.p + 2, prefix.len - 2};
    for (size_t i = 0; i < BOLT11_PREFIX_COUNT; i++) {
        size_t len = strlen(bolt11_prefixes[i].text);
        if (text_starts(rest, bolt11_prefixes[i].text)) {
            r->out->network = bolt11_prefixes[i].network;
            return read_amount(r, (struct text){rest.p + len, rest.len - len});
        }
    }
    return invalid(r, "it is for an unknown network");
}

/* Fields */

static enum mete_code field_bytes(const struct bolt11_reading *r, struct bytes symbols,
                                  struct bytes *out)
{
    struct buf b = {0};
    if (!symbols_to_bytes(&b, symbols)) {
        buf_clear(&b);
        return invalid(r, "a field is not filled up with zero bits");
    }
    struct text copy = arena_text(r->arena, buf_text(&b));
    *out = text_bytes(copy);
    buf_clear(&b);
    return METE_OK;
}

/* A field of fixed length: the first one counts, those of another length are not there. */
static enum mete_code field_fixed(const struct bolt11_reading *r, struct bytes symbols,
                                  size_t symbols_len, uint8_t *out, uint32_t *count)
{
    if (symbols.len != symbols_len) {
        return METE_OK;
    }
    struct bytes b;
    enum mete_code code = field_bytes(r, symbols, &b);
    if (code == METE_OK && (*count)++ == 0) {
        memcpy(out, b.p, b.len);
    }
    return code;
}

static enum mete_code field_number(const struct bolt11_reading *r, struct bytes symbols, bool *has,
                                   uint64_t *out)
{
    uint64_t v;
    if (symbols.len > 0 && symbols.p[0] == 0) {
        return invalid(r, "a number (x or c) begins with zeros");
    }
    if (!symbols_number(symbols, &v)) {
        return invalid(r, "a number (x or c) is beyond 64 bits");
    }
    if (!*has) {
        *has = true;
        *out = v;
    }
    return METE_OK;
}

static enum mete_code field_description(const struct bolt11_reading *r, struct bytes symbols)
{
    struct bytes b;
    enum mete_code code = field_bytes(r, symbols, &b);
    if (code != METE_OK) {
        return code;
    }
    if (!text_is_utf8(bytes_text(b))) {
        return invalid(r, "its description is not UTF-8");
    }
    if (!r->out->has_description) {
        r->out->has_description = true;
        r->out->description = bytes_text(b);
    }
    return METE_OK;
}

static enum mete_code field_metadata(const struct bolt11_reading *r, struct bytes symbols)
{
    struct bytes b;
    enum mete_code code = field_bytes(r, symbols, &b);
    if (code == METE_OK && !r->out->has_metadata) {
        r->out->has_metadata = true;
        r->out->metadata = b;
    }
    return code;
}

static enum mete_code field_features(struct bolt11_reading *r, struct bytes symbols)
{
    if (symbols.len > 0 && symbols.p[0] == 0) {
        return invalid(r, "its features begin with zeros");
    }
    if (!r->has_features) {
        r->has_features = true;
        r->out->features = symbols;
    }
    return METE_OK;
}

/* Entries of 51 bytes: key 33, short channel id 8, base fee 4, proportional fee 4, cltv delta 2. */
static enum mete_code field_route(const struct bolt11_reading *r, struct bytes symbols)
{
    struct bytes b;
    enum mete_code code = field_bytes(r, symbols, &b);
    if (code != METE_OK) {
        return code;
    }
    if (b.len == 0 || b.len % 51 != 0) {
        return invalid(r, "a route hint (r) is not made of entries of 51 bytes");
    }
    r->out->route_hint_count++;
    return METE_OK;
}

static enum mete_code read_field(struct bolt11_reading *r, uint8_t type, struct bytes symbols)
{
    struct bolt11 *o = r->out;
    switch (type) {
    case BOLT11_PAYMENT_HASH:
        return field_fixed(r, symbols, BOLT11_HASH_LEN, o->payment_hash.b, &o->hash_count);
    case BOLT11_PAYMENT_SECRET:
        return field_fixed(r, symbols, BOLT11_HASH_LEN, o->payment_secret, &o->secret_count);
    case BOLT11_DESCRIPTION_HASH:
        return field_fixed(r, symbols, BOLT11_HASH_LEN, o->description_hash.b,
                           &o->description_hash_count);
    case BOLT11_PAYEE:
        return field_fixed(r, symbols, BOLT11_KEY_LEN, o->payee, &o->payee_count);
    case BOLT11_DESCRIPTION:
        return field_description(r, symbols);
    case BOLT11_METADATA:
        return field_metadata(r, symbols);
    case BOLT11_EXPIRY:
        return field_number(r, symbols, &r->has_expiry, &o->expiry_s);
    case BOLT11_CLTV:
        return field_number(r, symbols, &r->has_cltv, &o->cltv);
    case BOLT11_FEATURES:
        return field_features(r, symbols);
    case BOLT11_ROUTE:
        return field_route(r, symbols);
    default: /* fallback addresses, and what is not known yet */
        return METE_OK;
    }
}

static enum mete_code read_fields(struct bolt11_reading *r, struct bytes symbols)
{
    size_t at = 0;
    enum mete_code code = METE_OK;
    while (code == METE_OK && at < symbols.len) {
        if (symbols.len - at < 3) {
            return invalid(r, "its last field is cut off");
        }
        size_t len = (size_t)symbols.p[at + 1] << 5 | symbols.p[at + 2];
        uint8_t type = symbols.p[at];
        at += 3;
        if (symbols.len - at < len) {
            return invalid(r, "its last field is cut off");
        }
        code = read_field(r, type, (struct bytes){symbols.p + at, len});
        at += len;
    }
    return code;
}

static enum mete_code check_fields(const struct bolt11_reading *r)
{
    struct bolt11 *o = r->out;
    o->has_description_hash = o->description_hash_count > 0;
    o->has_payee = o->payee_count > 0;
    if (o->hash_count == 0) {
        return invalid(r, "it has no payment hash (p)");
    }
    if (o->secret_count == 0) {
        return invalid(r, "it has no payment secret (s)");
    }
    if (o->has_description && o->has_description_hash) {
        return invalid(r, "it has both a description (d) and the hash of one (h)");
    }
    if (!o->has_description && !o->has_description_hash) {
        return invalid(r, "it has neither a description (d) nor the hash of one (h)");
    }
    return METE_OK;
}

/* Features: the even ones that an ordinary payment by a node meets. AMP (30) and trampoline are not
 * among them: they are paid otherwise than by the payment hash. Source: BOLT 9, context 9. */

static bool is_known(unsigned even)
{
    static const unsigned KNOWN[] = {8 /* var_onion_optin */,   14 /* payment_secret */,
                                     16 /* basic_mpp */,        24 /* option_route_blinding */,
                                     36 /* attribution_data */, 48 /* payment_metadata */};
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++) {
        if (KNOWN[i] == even) {
            return true;
        }
    }
    return false;
}

static bool has_either(const struct bolt11 *o, unsigned even)
{
    return bolt11_has_feature(o, even) || bolt11_has_feature(o, even + 1);
}

static enum mete_code check_features(const struct bolt11_reading *r)
{
    const struct bolt11 *o = r->out;
    for (unsigned bit = 0; bit < o->features.len * 5; bit += 2) {
        if (bolt11_has_feature(o, bit) && !is_known(bit)) {
            return mete_fail(r->err, METE_INVOICE_INVALID, "",
                             "it requires feature %u, which is unknown here", bit);
        }
    }
    if ((has_either(o, 16) && !has_either(o, 14)) || (has_either(o, 14) && !has_either(o, 8))) {
        return invalid(r, "a feature lacks one that it needs (16 needs 14, 14 needs 8)");
    }
    return METE_OK;
}

/* The signature */

static enum mete_code check_signature(const struct bolt11_reading *r)
{
    struct bolt11 *o = r->out;
    if (!o->has_payee) {
        return secp_recover(o->payee, &o->signature, &o->signed_hash)
                   ? METE_OK
                   : invalid(r, "no key can be recovered from its signature");
    }
    struct bytes payee = {o->payee, sizeof(o->payee)};
    if (!secp_public_ok(payee)) {
        return invalid(r, "its payee (n) is no public key");
    }
    if (!secp_verify(o->signature.rs, payee, &o->signed_hash)) {
        return invalid(r, secp_low_s(o->signature.rs)
                              ? "its signature is not that of its payee (n)"
                              : "its signature is not canonical (high s) though it names a payee");
    }
    return METE_OK;
}

static enum mete_code read_signature(const struct bolt11_reading *r, struct text prefix,
                                     struct bytes signed_symbols, struct bytes symbols)
{
    struct bytes b;
    enum mete_code code = field_bytes(r, symbols, &b);
    METE_ASSERT(code == METE_OK && b.len == SECP_RS_LEN + 1); /* 520 bits have no padding */
    memcpy(r->out->signature.rs, b.p, SECP_RS_LEN);
    r->out->signature.recovery = b.p[SECP_RS_LEN];
    r->out->signed_hash = bolt11_signed_hash(prefix, signed_symbols);
    return check_signature(r);
}

static enum mete_code read_data(struct bolt11_reading *r, const struct bech32 *b)
{
    if (b->symbols.len < BOLT11_TIMESTAMP_LEN + BOLT11_SIGNATURE_LEN) {
        return invalid(r, "it is too short for a time and a signature");
    }
    struct bytes body = {b->symbols.p, b->symbols.len - BOLT11_SIGNATURE_LEN};
    struct bytes signature = {body.p + body.len, BOLT11_SIGNATURE_LEN};
    uint64_t timestamp = 0;
    METE_ASSERT(symbols_number((struct bytes){body.p, BOLT11_TIMESTAMP_LEN}, &timestamp));
    r->out->timestamp_s = (int64_t)timestamp;
    enum mete_code code = read_fields(
        r, (struct bytes){body.p + BOLT11_TIMESTAMP_LEN, body.len - BOLT11_TIMESTAMP_LEN});
    if (code == METE_OK) {
        code = check_fields(r);
    }
    if (code == METE_OK) {
        code = check_features(r);
    }
    return code == METE_OK ? read_signature(r, b->prefix, body, signature) : code;
}

enum mete_code bolt11_read(struct arena *a, struct text in, struct bolt11 *out,
                           struct mete_err *err)
{
    struct bolt11_reading r = {.arena = a, .out = out, .err = err};
    memset(out, 0, sizeof(*out));
    out->expiry_s = BOLT11_EXPIRY_DEFAULT;
    out->cltv = BOLT11_CLTV_DEFAULT;
    if (in.len > BOLT11_LEN_MAX) {
        return mete_fail(err, METE_INVOICE_INVALID, "", "it is longer than %d characters",
                         BOLT11_LEN_MAX);
    }
    struct bech32 b;
    enum bech32_flaw flaw = bech32_decode(a, in, &b);
    if (flaw != BECH32_OK) {
        return invalid(&r, bech32_flaw_text(flaw));
    }
    enum mete_code code = read_prefix(&r, b.prefix);
    return code == METE_OK ? read_data(&r, &b) : code;
}
