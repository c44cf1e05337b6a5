/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402 in the export for the auditor: payments, which of them are open, the
 * account nonces that are given, the policies of resources, and what it all adds up to. */
#include "engine/export_parts.h"

#include "base/encode.h"
#include "base/text.h"
#include "core/x402.h"
#include "wire/json_values.h"

#include <string.h>

#define BATCH_KEYS 256u
#define ARENA_MAX  ((size_t)1 << 30)

static void line_begin(struct json_writer *w, struct buf *out, const char *kind)
{
    jw_init(w, out, false);
    jw_object(w, NULL);
    jw_str(w, "kind", kind);
}

static void line_end(struct json_writer *w, struct buf *out, uint64_t *lines)
{
    jw_end_object(w);
    buf_put_str(out, "\n");
    ++*lines;
}

/** 64 digits; nothing is the empty text. */
static void hash_put(struct json_writer *w, const char *name, const struct hash *h)
{
    char hex[65] = "";
    if (h != NULL) {
        hash_hex(h, hex);
    }
    jw_str(w, name, hex);
}

static void number_put(struct json_writer *w, struct bytes key)
{
    struct x402_number number;
    char id[X402_ID_SIZE];
    memcpy(number.b, key.p + 1, sizeof number.b);
    x402_number_text(&number, id);
    jw_str(w, "payment", id);
}

static void payment_members(struct json_writer *w, const struct x402_payment *p)
{
    jw_str(w, "state", machine_of(MACHINE_X402)->state[p->state]);
    jw_i128(w, "steps", p->steps);
    jw_text(w, "network", p->network);
    jw_text(w, "asset", p->asset);
    jw_text(w, "from", p->from);
    jw_text(w, "nonce", p->nonce);
    jw_time(w, "until", p->until);
    hash_put(w, "reservation", p->has_reservation ? &p->reservation : NULL);
    jw_text(w, "scheme", p->scheme);
    jw_text(w, "to", p->to);
    jw_text(w, "value", p->value);
    jw_text(w, "resource", p->resource);
    jw_text(w, "policy", p->policy);
    hash_put(w, "request", p->state >= X402_SETTLING ? &p->request : NULL);
    jw_text(w, "signer", p->signer);
    jw_i128(w, "account_nonce", (i128)p->account_nonce);
    jw_bool(w, "cancels", p->cancels);
    jw_text(w, "settled_by", p->settled_by);
    jw_i128(w, "block", (i128)p->block);
    jw_text(w, "reason", p->reason);
    jw_text(w, "outcome", p->outcome);
    jw_array(w, "transactions");
    for (uint32_t i = 0; i < p->transaction_count; i++) {
        jw_text(w, NULL, p->transaction[i]);
    }
    jw_end_array(w);
}

static bool payment_put(struct buf *out, struct bytes key, struct bytes value, uint64_t *lines)
{
    struct json_writer w;
    struct x402_payment p = {0};
    bool is_payment = key.p[0] == KEY_X402;
    if (key.len != 1 + X402_NUMBER_LEN || (is_payment && !x402_payment_unpack(value, &p))) {
        return false;
    }
    line_begin(&w, out, is_payment ? "x402" : "x402_open");
    number_put(&w, key);
    if (is_payment) {
        payment_members(&w, &p);
    }
    line_end(&w, out, lines);
    return true;
}

static bool policies_put(struct buf *out, struct arena *a, struct bytes value, uint64_t *lines)
{
    struct json_writer w;
    struct x402_row *row;
    struct text pay_to;
    size_t count;
    if (!x402_rows_unpack(a, value, &pay_to, &row, &count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        line_begin(&w, out, "x402_policy");
        jw_text(&w, "pay_to", pay_to);
        jw_text(&w, "resource", row[i].resource);
        jw_text(&w, "network", row[i].network);
        jw_text(&w, "policy", row[i].policy);
        line_end(&w, out, lines);
    }
    return true;
}

static void hex_put(struct json_writer *w, const char *name, const uint8_t *p)
{
    char hex[2 * X402_HASH_LEN + 1];
    hex_encode(hex, (struct bytes){p, X402_HASH_LEN});
    jw_text(w, name, (struct text){hex, sizeof hex - 1});
}

/** An account goes by the hash that its key has. */
static bool account_put(struct buf *out, struct bytes key, struct bytes value, uint64_t *lines)
{
    struct json_writer w;
    struct reader r = reader_of(value);
    uint64_t next = read_varint(&r);
    if (key.len != 1 + X402_HASH_LEN || !reader_done(&r)) {
        return false;
    }
    line_begin(&w, out, "x402_account");
    hex_put(&w, "account", key.p + 1);
    jw_i128(&w, "next", (i128)next);
    line_end(&w, out, lines);
    return true;
}

static void network_put(struct json_writer *w, struct bytes key, size_t at)
{
    jw_text(w, "network", bytes_text((struct bytes){key.p + at, key.len - at}));
}

static bool sums_put(struct engine *e, struct buf *out, struct bytes key, const i128 *sums,
                     uint64_t *lines)
{
    struct json_writer w;
    struct asset asset;
    uint32_t number = key_read_u32(key, X402_SUMS_ASSET_AT);
    if (view_asset_number(engine_view(e), number, &asset) != VIEW_FOUND) {
        return false;
    }
    line_begin(&w, out, "x402_sums");
    jw_i128(&w, "of", key.p[1]);
    jw_i128(&w, "day", (int32_t)key_read_u32(key, X402_SUMS_DAY_AT));
    hex_put(&w, "resource", key.p + X402_SUMS_RESOURCE_AT);
    jw_asset(&w, &asset);
    network_put(&w, key, X402_SUMS_NETWORK_AT);
    jw_i128(&w, "settled", sums[X402_SUM_COUNT]);
    jw_i128(&w, "value", sums[X402_SUM_VALUE]);
    jw_i128(&w, "failed", sums[X402_SUM_FAILED]);
    jw_i128(&w, "payers", sums[X402_SUM_PAYERS]);
    line_end(&w, out, lines);
    return true;
}

static bool gas_put(struct buf *out, struct bytes key, const i128 *sums, uint64_t *lines)
{
    struct json_writer w;
    line_begin(&w, out, "x402_gas");
    jw_i128(&w, "day", (int32_t)key_read_u32(key, 1));
    network_put(&w, key, 5);
    jw_i128(&w, "transactions", sums[X402_GAS_TRANSACTIONS]);
    jw_i128(&w, "used", sums[X402_GAS_USED]);
    jw_i128(&w, "cost", sums[X402_GAS_COST]);
    line_end(&w, out, lines);
    return true;
}

/** The lines of one key. */
static bool key_put(struct engine *e, struct buf *out, struct arena *a,
                    const struct walk_keys *keys, size_t i, uint64_t *lines)
{
    struct bytes key = keys->key[i];
    switch (key.p[0]) {
    case KEY_X402_POLICIES:
        return policies_put(out, a, keys->value[i], lines);
    case KEY_X402_ACCOUNT:
        return account_put(out, key, keys->value[i], lines);
    case KEY_X402_SUMS:
        return sums_put(e, out, key, keys->sums[i], lines);
    case KEY_X402_GAS:
        return gas_put(out, key, keys->sums[i], lines);
    default:
        return payment_put(out, key, keys->value[i], lines);
    }
}

static enum mete_code class_put(struct engine *e, const struct export_query *q, struct buf *out,
                                uint64_t *lines, enum key_class class, struct mete_err *err)
{
    struct key from = key_of(class);
    struct key until = key_prefix_end(from);
    struct walk_keys keys = {.more = true};
    struct arena a;
    enum mete_code code = METE_OK;
    arena_init(&a, ARENA_MAX);
    while (code == METE_OK && keys.more) {
        arena_reset(&a);
        code = walk_keys(e, &a, key_bytes(&from), key_bytes(&until), BATCH_KEYS, &keys, err);
        for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
            from = walk_key_after(keys.key[i]);
            if (!key_put(e, out, &a, &keys, i, lines)) {
                code = mete_fail(err, METE_STORE_CORRUPT, "", "a payment cannot be read");
            } else if (!export_spill(q, out)) {
                code = export_stopped(err);
            }
        }
    }
    arena_clear(&a);
    return code;
}

enum mete_code export_x402(struct engine *e, const struct export_query *q, struct buf *out,
                           uint64_t *lines, struct mete_err *err)
{
    static const enum key_class classes[] = {KEY_X402,          KEY_X402_OPEN, KEY_X402_ACCOUNT,
                                             KEY_X402_POLICIES, KEY_X402_SUMS, KEY_X402_GAS};
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < ARRAY_LEN(classes) && code == METE_OK; i++) {
        code = class_put(e, q, out, lines, classes[i], err);
    }
    return code;
}
