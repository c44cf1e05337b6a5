/* SPDX-License-Identifier: Apache-2.0
 * Payments by x402, policies of resources and listings in and out of a book's state. */
#include "core/x402.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/amount.h"

#include <string.h>

#define X402_FORMAT 1

/* --- payments ----------------------------------------------------------------------------------*/

static void name_pack(struct buf *out, const struct x402_payment *p)
{
    buf_put_sized(out, p->network);
    buf_put_sized(out, p->asset);
    buf_put_sized(out, p->from);
    buf_put_sized(out, p->nonce);
    buf_put_u8(out, p->has_reservation);
    buf_put(out, p->reservation.b, p->has_reservation ? sizeof p->reservation.b : 0);
    buf_put_zigzag(out, p->until);
}

static void name_unpack(struct reader *r, struct x402_payment *out)
{
    out->network = read_sized(r);
    out->asset = read_sized(r);
    out->from = read_sized(r);
    out->nonce = read_sized(r);
    out->has_reservation = read_u8(r) != 0;
    struct bytes hash = read_bytes(r, out->has_reservation ? sizeof out->reservation.b : 0);
    if (!r->failed && hash.len > 0) {
        memcpy(out->reservation.b, hash.p, sizeof out->reservation.b);
    }
    out->until = (mete_time)read_zigzag(r);
}

static void settling_pack(struct buf *out, const struct x402_payment *p)
{
    buf_put_zigzag(out, p->begun_at);
    buf_put(out, p->request.b, sizeof p->request.b);
    buf_put_sized(out, p->scheme);
    buf_put_sized(out, p->to);
    buf_put_sized(out, p->value);
    buf_put_sized(out, p->resource);
    buf_put_sized(out, p->policy);
    buf_put_varint(out, p->asset_number);
    buf_put_zigzag(out, p->amount);
    buf_put_sized(out, p->signer);
    buf_put_varint(out, p->account_nonce);
    buf_put_u8(out, p->cancels);
    buf_put_varint(out, p->transaction_count);
    for (uint32_t i = 0; i < p->transaction_count; i++) {
        buf_put_sized(out, p->transaction[i]);
        buf_put_varint(out, p->body[i]);
    }
}

static void settling_unpack(struct reader *r, struct x402_payment *out)
{
    out->begun_at = (mete_time)read_zigzag(r);
    struct bytes request = read_bytes(r, sizeof out->request.b);
    if (!r->failed) {
        memcpy(out->request.b, request.p, sizeof out->request.b);
    }
    out->scheme = read_sized(r);
    out->to = read_sized(r);
    out->value = read_sized(r);
    out->resource = read_sized(r);
    out->policy = read_sized(r);
    out->asset_number = (uint32_t)read_varint(r);
    out->amount = read_zigzag(r);
    out->signer = read_sized(r);
    out->account_nonce = read_varint(r);
    out->cancels = read_u8(r) != 0;
    uint64_t count = read_varint(r);
    r->failed |= count > X402_TRANSACTIONS_MAX;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        out->transaction[i] = read_sized(r);
        out->body[i] = read_varint(r);
        out->transaction_count = i + 1;
    }
}

static void outcome_pack(struct buf *out, const struct x402_payment *p)
{
    buf_put_sized(out, p->outcome);
    buf_put_sized(out, p->settled_by);
    buf_put_varint(out, p->block);
    buf_put_sized(out, p->reason);
    buf_put_zigzag(out, p->day);
    buf_put_varint(out, p->gas_used);
    buf_put_zigzag(out, p->gas_cost);
}

static void outcome_unpack(struct reader *r, struct x402_payment *out)
{
    out->outcome = read_sized(r);
    out->settled_by = read_sized(r);
    out->block = read_varint(r);
    out->reason = read_sized(r);
    out->day = (int32_t)read_zigzag(r);
    out->gas_used = read_varint(r);
    out->gas_cost = read_zigzag(r);
}

static bool has_outcome(uint8_t state)
{
    return state == X402_SETTLED || state == X402_FAILED || state == X402_CONFIRMED;
}

static bool has_begun(uint8_t state)
{
    return state == X402_SETTLING || has_outcome(state);
}

void x402_payment_pack(struct buf *out, const struct x402_payment *p)
{
    buf_put_u8(out, X402_FORMAT);
    buf_put_u8(out, p->state);
    buf_put_varint(out, p->made);
    buf_put_varint(out, p->steps);
    buf_put_zigzag(out, p->changed_at);
    name_pack(out, p);
    if (has_begun(p->state)) {
        settling_pack(out, p);
    }
    if (has_outcome(p->state)) {
        outcome_pack(out, p);
    }
    if (p->state == X402_FAILED) {
        buf_put_u8(out, p->is_final);
    }
}

bool x402_payment_unpack(struct bytes packed, struct x402_payment *out)
{
    struct reader r = reader_of(packed);
    *out = (struct x402_payment){0};
    r.failed |= read_u8(&r) != X402_FORMAT;
    out->state = read_u8(&r);
    out->made = read_varint(&r);
    out->steps = (uint32_t)read_varint(&r);
    out->changed_at = (mete_time)read_zigzag(&r);
    name_unpack(&r, out);
    if (has_begun(out->state)) {
        settling_unpack(&r, out);
    }
    if (has_outcome(out->state)) {
        outcome_unpack(&r, out);
    }
    if (out->state == X402_FAILED) {
        out->is_final = read_u8(&r) != 0;
    }
    return reader_done(&r) && out->state < X402_STATE_COUNT;
}

struct x402_number x402_number_of(struct text network, struct text asset, struct text from,
                                  struct text nonce)
{
    const struct bytes parts[] = {
        text_bytes(network), text_bytes(TEXT("|")), text_bytes(asset), text_bytes(TEXT("|")),
        text_bytes(from),    text_bytes(TEXT("|")), text_bytes(nonce)};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    struct x402_number number;
    memcpy(number.b, h.b, sizeof number.b);
    return number;
}

bool x402_number_parse(struct text id, struct x402_number *out)
{
    const size_t prefix = sizeof X402_ID_PREFIX - 1;
    if (id.len != X402_ID_SIZE - 1 || !text_starts(id, X402_ID_PREFIX)) {
        return false;
    }
    for (size_t i = prefix; i < id.len; i++) {
        if (id.p[i] >= 'A' && id.p[i] <= 'F') {
            return false;
        }
    }
    return hex_decode(out->b, sizeof out->b, (struct text){id.p + prefix, id.len - prefix});
}

void x402_number_text(const struct x402_number *number, char out[X402_ID_SIZE])
{
    memcpy(out, X402_ID_PREFIX, sizeof X402_ID_PREFIX - 1);
    hex_encode(out + sizeof X402_ID_PREFIX - 1, (struct bytes){number->b, sizeof number->b});
    out[X402_ID_SIZE - 1] = '\0';
}

enum mete_code x402_value_parse(struct text value, i128 *out)
{
    enum mete_code code = amount_parse(value, 0, out);
    return code == METE_OK && *out >= (i128)1 << X402_VALUE_BITS_MAX ? METE_AMOUNT_RANGE : code;
}

bool x402_expired(const struct x402_payment *p, mete_time now)
{
    return p->state == X402_RESERVED && p->until <= now;
}

bool x402_is_open(const struct x402_payment *p)
{
    return p->state == X402_SETTLING || (p->state == X402_SETTLED && p->settled_by.len > 0) ||
           (p->state == X402_FAILED && !p->is_final);
}

/* --- policies of resources ---------------------------------------------------------------------*/

void x402_rows_pack(struct buf *out, struct text pay_to, const struct x402_row *row, size_t count)
{
    buf_put_sized(out, pay_to);
    buf_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        buf_put_sized(out, row[i].resource);
        buf_put_sized(out, row[i].network);
        buf_put_sized(out, row[i].policy);
    }
}

static struct x402_row row_read(struct reader *r)
{
    struct x402_row row = {.resource = read_sized(r)};
    row.network = read_sized(r);
    row.policy = read_sized(r);
    return row;
}

bool x402_rows_unpack(struct arena *a, struct bytes packed, struct text *pay_to,
                      struct x402_row **row, size_t *count)
{
    struct reader r = reader_of(packed);
    *pay_to = read_sized(&r);
    *count = read_varint(&r);
    if (r.failed || *count > X402_ROWS_MAX) {
        return false;
    }
    *row = arena_array(a, *count, sizeof **row);
    for (size_t i = 0; i < *count; i++) {
        (*row)[i] = row_read(&r);
    }
    return reader_done(&r);
}

/** How well a row fits: 0 not at all. */
static size_t row_rank(const struct x402_row *row, struct text resource, struct text network)
{
    struct text of = row->resource;
    bool is_prefix = of.len > 0 && of.p[of.len - 1] == '*';
    size_t len = is_prefix ? of.len - 1 : of.len;
    bool fits = resource.len >= len && (is_prefix || resource.len == len) &&
                (len == 0 || memcmp(resource.p, of.p, len) == 0);
    if (!fits || (row->network.len > 0 && !text_eq(row->network, network))) {
        return 0;
    }
    return 1 + 4 * len + (is_prefix ? 0 : 2) + (row->network.len > 0 ? 1 : 0);
}

enum view_result view_x402_policy(const struct view *v, struct arena *a, struct text pay_to,
                                  struct text resource, struct text network, struct text *policy)
{
    struct key key = key_x402_policies(pay_to);
    struct bytes value;
    struct text has = {0};
    size_t best = 0;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    (void)read_sized(&r); /* the pay_to */
    for (uint64_t left = read_varint(&r); left > 0 && !r.failed; left--) {
        struct x402_row row = row_read(&r);
        size_t rank = row_rank(&row, resource, network);
        has = rank > best ? row.policy : has;
        best = rank > best ? rank : best;
    }
    METE_ASSERT(reader_done(&r));
    if (best == 0) {
        return VIEW_ABSENT;
    }
    *policy = arena_text(a, has);
    return VIEW_FOUND;
}

/* --- listings and resources --------------------------------------------------------------------*/

void x402_listing_pack(struct buf *out, const struct x402_listing *l)
{
    buf_put_varint(out, l->made);
    buf_put_varint(out, l->seq);
    buf_put_u8(out, l->seen);
    buf_put_varint(out, l->merchant_count);
    buf_put(out, l->merchant, (size_t)l->merchant_count * X402_HASH_LEN);
}

bool x402_listing_unpack(struct bytes packed, struct x402_listing *out)
{
    struct reader r = reader_of(packed);
    *out = (struct x402_listing){.made = read_varint(&r)};
    out->seq = read_varint(&r);
    out->seen = read_u8(&r) != 0;
    uint64_t count = read_varint(&r);
    if (r.failed || count > X402_MERCHANTS_MAX) {
        return false;
    }
    struct bytes all = read_bytes(&r, (size_t)count * X402_HASH_LEN);
    if (!r.failed && all.len > 0) {
        memcpy(out->merchant, all.p, all.len);
    }
    out->merchant_count = (uint32_t)count;
    return reader_done(&r);
}

void x402_resource_pack(struct buf *out, const struct x402_known_resource *r)
{
    buf_put_sized(out, r->resource);
    buf_put_zigzag(out, r->last_settled_at);
    buf_put_zigzag(out, r->last_day);
    buf_put_varint(out, r->days);
}

bool x402_resource_unpack(struct bytes packed, struct x402_known_resource *out)
{
    struct reader r = reader_of(packed);
    out->resource = read_sized(&r);
    out->last_settled_at = (mete_time)read_zigzag(&r);
    out->last_day = (int32_t)read_zigzag(&r);
    out->days = (uint32_t)read_varint(&r);
    return reader_done(&r);
}

/* --- keys --------------------------------------------------------------------------------------*/

static void add_bytes(struct key *k, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        key_add_u8(k, p[i]);
    }
}

static void add_text(struct key *k, struct text t)
{
    METE_ASSERT(t.len <= 64);
    add_bytes(k, text_bytes(t).p, t.len);
}

void x402_hash(struct text t, uint8_t out[X402_HASH_LEN])
{
    struct hash h = sha256(text_bytes(t));
    memcpy(out, h.b, X402_HASH_LEN);
}

static void add_hash(struct key *k, struct text t)
{
    uint8_t hash[X402_HASH_LEN];
    x402_hash(t, hash);
    add_bytes(k, hash, sizeof hash);
}

/** Two texts as one, whatever they contain. */
static void add_hash_of_both(struct key *k, struct text a, struct text b)
{
    struct key both = key_batch(a, b);
    add_bytes(k, both.b + 1, X402_HASH_LEN);
}

static struct key key_numbered(enum key_class class, const struct x402_number *number)
{
    struct key k = key_of(class);
    add_bytes(&k, number->b, sizeof number->b);
    return k;
}

struct key key_x402(const struct x402_number *number)
{
    return key_numbered(KEY_X402, number);
}

struct key key_x402_open(const struct x402_number *number)
{
    return key_numbered(KEY_X402_OPEN, number);
}

struct key key_x402_transaction(struct text transaction)
{
    struct key k = key_of(KEY_X402_TRANSACTION);
    add_hash(&k, transaction);
    return k;
}

struct key key_x402_account(struct text network, struct text signer)
{
    struct key k = key_of(KEY_X402_ACCOUNT);
    add_hash_of_both(&k, network, signer);
    return k;
}

struct key key_x402_list(enum x402_list list, struct text of)
{
    struct key k = key_of(KEY_X402_LIST);
    key_add_u8(&k, (uint8_t)list);
    if (list != X402_LIST_ALL) {
        add_hash(&k, of);
    }
    return k;
}

struct key key_x402_policies(struct text pay_to)
{
    struct key k = key_of(KEY_X402_POLICIES);
    add_hash(&k, pay_to);
    return k;
}

struct key key_x402_resource(const uint8_t hash[X402_HASH_LEN])
{
    struct key k = key_of(KEY_X402_RESOURCE);
    add_bytes(&k, hash, X402_HASH_LEN);
    return k;
}

struct key key_x402_sums(enum x402_scope scope, int32_t day, const uint8_t resource[X402_HASH_LEN])
{
    struct key k = key_of(KEY_X402_SUMS);
    key_add_u8(&k, (uint8_t)scope);
    key_add_u32(&k, (uint32_t)day);
    add_bytes(&k, resource, X402_HASH_LEN);
    return k;
}

struct key key_x402_payer(struct key sums, struct text from)
{
    struct key k = key_of(KEY_X402_PAYER);
    add_bytes(&k, sums.b + 1, sums.len - 1);
    add_hash(&k, from);
    return k;
}

struct key key_x402_gas(int32_t day, struct text network)
{
    struct key k = key_u32(KEY_X402_GAS, (uint32_t)day);
    add_text(&k, network);
    return k;
}

struct key key_x402_listing(struct text resource, struct text tool)
{
    struct key k = key_of(KEY_X402_LISTING);
    add_hash_of_both(&k, resource, tool);
    return k;
}

struct key key_x402_listed_at(uint64_t made)
{
    struct key k = key_of(KEY_X402_LISTED_AT);
    key_add_u64(&k, made);
    return k;
}

struct key key_x402_merchant(const uint8_t pay_to[X402_HASH_LEN], uint64_t made)
{
    struct key k = key_of(KEY_X402_MERCHANT);
    add_bytes(&k, pay_to, X402_HASH_LEN);
    key_add_u64(&k, made);
    return k;
}

/* --- reading -----------------------------------------------------------------------------------*/

enum view_result view_x402(const struct view *v, struct arena *a, const struct x402_number *number,
                           struct x402_payment *out)
{
    struct key key = key_x402(number);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    *out = (struct x402_payment){0};
    if (found == VIEW_FOUND) {
        value = text_bytes(arena_text(a, bytes_text(value)));
        METE_ASSERT(x402_payment_unpack(value, out));
    }
    return found;
}

enum view_result view_x402_transaction(const struct view *v, struct text transaction,
                                       struct x402_number *number, bool *is_own)
{
    struct key key = key_x402_transaction(transaction);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found == VIEW_FOUND) {
        METE_ASSERT(value.len == sizeof number->b + 1);
        memcpy(number->b, value.p, sizeof number->b);
        *is_own = value.p[sizeof number->b] != 0;
    }
    return found;
}

enum view_result view_x402_account(const struct view *v, struct text network, struct text signer,
                                   uint64_t *next)
{
    struct key key = key_x402_account(network, signer);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    *next = 0;
    if (found == VIEW_FOUND) {
        struct reader r = reader_of(value);
        *next = read_varint(&r);
        METE_ASSERT(reader_done(&r));
    }
    return found;
}

enum view_result view_x402_listing(const struct view *v, struct text resource, struct text tool,
                                   struct x402_listing *out)
{
    struct key key = key_x402_listing(resource, tool);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    METE_ASSERT(found != VIEW_FOUND || x402_listing_unpack(value, out));
    return found;
}
