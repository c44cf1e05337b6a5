/* SPDX-License-Identifier: Apache-2.0
 * Building and reading state keys. Numbers are big-endian, so that keys sort by them; no key of
 * one kind is a prefix of another of its kind, except where a prefix is asked for as a range. */
#include "core/key.h"

#include "base/buf.h"
#include "base/text.h"

#include <string.h>

/* Moving the sign bit makes the byte order of negative times that of their values. */
#define SIGN_BIT    (UINT64_C(1) << 63)
#define DAY_BIT     (UINT32_C(1) << 31)
#define ID_HASH_LEN 16

static const bool class_is_sums[256] = {
#define X(symbol, byte, is_sums, what) [(byte)] = (is_sums) != 0,
    KEY_CLASSES(X)
#undef X
};

bool key_is_sums(uint8_t class_byte)
{
    return class_is_sums[class_byte];
}

struct bytes key_bytes(const struct key *k)
{
    return (struct bytes){k->b, k->len};
}

static void key_add(struct key *k, const void *p, size_t len)
{
    METE_ASSERT(len <= sizeof k->b - k->len);
    memcpy(k->b + k->len, p, len);
    k->len += len;
}

/* The buffer behind `len` is left as it is: a key is built for every posting. */
static void key_begin(struct key *k, enum key_class class)
{
    k->b[0] = (uint8_t) class;
    k->len = 1;
}

struct key key_of(enum key_class class)
{
    struct key k;
    key_begin(&k, class);
    return k;
}

struct key key_text(enum key_class class, struct text t)
{
    struct key k;
    key_begin(&k, class);
    if (t.len > 0) {
        key_add(&k, t.p, t.len);
    }
    return k;
}

struct key key_u32(enum key_class class, uint32_t a)
{
    struct key k;
    key_begin(&k, class);
    key_add_u32(&k, a);
    return k;
}

struct key key_u32x2(enum key_class class, uint32_t a, uint32_t b)
{
    struct key k;
    key_begin(&k, class);
    key_add_u32(&k, a);
    key_add_u32(&k, b);
    return k;
}

struct key key_u32x3(enum key_class class, uint32_t a, uint32_t b, uint32_t c)
{
    struct key k;
    key_begin(&k, class);
    key_add_u32(&k, a);
    key_add_u32(&k, b);
    key_add_u32(&k, c);
    return k;
}

void key_add_u8(struct key *k, uint8_t v)
{
    key_add(k, &v, sizeof v);
}

void key_add_u32(struct key *k, uint32_t v)
{
    v = __builtin_bswap32(v);
    key_add(k, &v, sizeof v);
}

void key_add_u64(struct key *k, uint64_t v)
{
    v = __builtin_bswap64(v);
    key_add(k, &v, sizeof v);
}

void key_add_time(struct key *k, mete_time t)
{
    key_add_u64(k, (uint64_t)t ^ SIGN_BIT);
}

uint32_t key_read_u32(struct bytes key, size_t offset)
{
    uint32_t v;
    METE_ASSERT(offset <= key.len && key.len - offset >= sizeof v);
    memcpy(&v, key.p + offset, sizeof v);
    return __builtin_bswap32(v);
}

uint64_t key_read_u64(struct bytes key, size_t offset)
{
    uint64_t v;
    METE_ASSERT(offset <= key.len && key.len - offset >= sizeof v);
    memcpy(&v, key.p + offset, sizeof v);
    return __builtin_bswap64(v);
}

mete_time key_read_time(struct bytes key, size_t offset)
{
    return (mete_time)(key_read_u64(key, offset) ^ SIGN_BIT);
}

struct key key_prefix_end(struct key k)
{
    while (k.len > 0 && k.b[k.len - 1] == 0xff) {
        k.len--;
    }
    METE_ASSERT(k.len > 0); /* no class byte is 0xff */
    k.b[k.len - 1]++;
    return k;
}

struct key key_event_id(struct text event_id)
{
    struct hash h = sha256(text_bytes(event_id));
    struct key k;
    key_begin(&k, KEY_EVENT_ID);
    key_add(&k, h.b, ID_HASH_LEN);
    return k;
}

struct key key_batch(struct text platform, struct text batch)
{
    struct buf both = {0};
    buf_put_sized(&both, platform);
    buf_put_sized(&both, batch);
    struct hash h = sha256(buf_bytes(&both));
    struct key k;
    buf_clear(&both);
    key_begin(&k, KEY_BATCH);
    key_add(&k, h.b, sizeof h.b);
    return k;
}

enum about {
    ABOUT_CAMPAIGN = 1,
    ABOUT_USER = 2,
    ABOUT_ALLOCATION = 3,
    ABOUT_PAYOUT = 4,
    ABOUT_X402 = 5
};

static struct key key_about(enum about what, const uint8_t *hash)
{
    struct key k;
    key_begin(&k, KEY_ABOUT);
    key_add_u8(&k, (uint8_t)what);
    key_add(&k, hash, ID_HASH_LEN);
    METE_ASSERT(k.len == KEY_ABOUT_SEQ_AT);
    return k;
}

struct key key_about_campaign(struct text campaign_id)
{
    struct hash h = sha256(text_bytes(campaign_id));
    return key_about(ABOUT_CAMPAIGN, h.b);
}

struct key key_about_user(struct text app_id, struct text user_id)
{
    struct key both = key_batch(app_id, user_id);
    return key_about(ABOUT_USER, both.b + 1);
}

struct key key_about_allocation(struct text allocation_id)
{
    struct hash h = sha256(text_bytes(allocation_id));
    return key_about(ABOUT_ALLOCATION, h.b);
}

struct key key_about_payout(struct text transfer_id)
{
    struct hash h = sha256(text_bytes(transfer_id));
    return key_about(ABOUT_PAYOUT, h.b);
}

struct key key_about_x402(struct text payment_id)
{
    struct hash h = sha256(text_bytes(payment_id));
    return key_about(ABOUT_X402, h.b);
}

struct key key_account(uint32_t party, uint32_t asset)
{
    return key_u32x2(KEY_ACCOUNT, party, asset);
}

struct key key_entry(uint32_t party, uint32_t asset, uint64_t seq, uint32_t page)
{
    struct key k = key_u32x2(KEY_ENTRY, party, asset);
    key_add_u64(&k, seq);
    key_add_u32(&k, page);
    return k;
}

struct key key_pending(uint32_t party, uint32_t asset, int32_t day)
{
    return key_u32x3(KEY_PENDING, party, asset, (uint32_t)day ^ DAY_BIT);
}
