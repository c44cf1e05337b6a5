/* SPDX-License-Identifier: Apache-2.0
 * A secret is opened once: the next ring takes it over from the one before. */
#include "http/key_ring.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "store/hash_seed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RING_MEMORY_MAX ((size_t)256 << 20)
#define SECRET_TEXT_MAX 128 /* a secret of 64 bytes in base64 has 88 characters */
#define SECRET_MAX      64

/* A secret is its characters, or what they mean in base64: producers do either. */
struct secret {
    char text[SECRET_TEXT_MAX];
    size_t len; /* 0: wanted, not found yet */
    uint8_t raw[SECRET_MAX];
    size_t raw_len; /* 0: it is no base64 */
};

struct key_ring {
    _Atomic unsigned uses;
    struct map keys;    /* key id -> struct ring_key */
    struct map secrets; /* commitment -> struct secret */
    size_t wanted;      /* secrets that were not found yet */
    bool runtime_signs;
    bool control_signs;
    struct arena arena;
};

static struct bytes hash_bytes(const struct hash *h)
{
    return (struct bytes){h->b, sizeof h->b};
}

/* --- its life ----------------------------------------------------------------------------------*/

static struct key_ring *ring_new(void)
{
    struct key_ring *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    atomic_init(&r->uses, 1);
    map_init(&r->secrets, sizeof(struct secret), hash_seed());
    map_init(&r->keys, sizeof(struct ring_key), hash_seed());
    arena_init(&r->arena, RING_MEMORY_MAX);
    return r;
}

struct key_ring *key_ring_take(struct key_ring *r)
{
    atomic_fetch_add(&r->uses, 1);
    return r;
}

void key_ring_release(struct key_ring *r)
{
    size_t i = 0;
    struct bytes name;
    void *secret;
    if (r == NULL || atomic_fetch_sub(&r->uses, 1) > 1) {
        return;
    }
    while (map_next(&r->secrets, &i, &name, &secret)) {
        secret_wipe(secret, sizeof(struct secret));
    }
    map_clear(&r->keys);
    map_clear(&r->secrets);
    arena_clear(&r->arena);
    free(r);
}

/* --- reading -----------------------------------------------------------------------------------*/

static bool commitment_read(struct text material, struct hash *out)
{
    static const char prefix[] = "commit:";
    struct text hex = {material.p + sizeof prefix - 1, material.len - (sizeof prefix - 1)};
    return text_starts(material, prefix) && hex_decode(out->b, sizeof out->b, hex);
}

static bool key_read(struct key_ring *r, struct bytes value, struct ring_key *key)
{
    _Static_assert(ED25519_PUBLIC_LEN == sizeof key->material.b, "a public key is as long");
    struct reader in = reader_of(value);
    key->active = read_u8(&in) == 1;
    key->is_public = text_is(read_sized(&in), "ed25519");
    struct text material = read_sized(&in);
    (void)read_sized(&in); /* party */
    key->producer = arena_text(&r->arena, read_sized(&in));
    if (!reader_done(&in)) {
        return false;
    }
    return key->is_public ? hex_decode(key->material.b, sizeof key->material.b, material)
                          : commitment_read(material, &key->material);
}

static bool key_visit(void *arg, struct bytes state_key, struct bytes value, const i128 *sums)
{
    struct key_ring *r = arg;
    struct ring_key key = {0};
    (void)sums;
    key.active = key_read(r, value, &key) && key.active;
    struct bytes id = {state_key.p + 1, state_key.len - 1}; /* behind the class */
    *(struct ring_key *)map_put(&r->keys, id, NULL) = key;
    if (!key.active) {
        return true;
    }
    r->runtime_signs |= text_is(key.producer, "runtime");
    r->control_signs |= text_is(key.producer, "control_plane");
    if (!key.is_public) {
        (void)map_put(&r->secrets, hash_bytes(&key.material), NULL);
    }
    return true;
}

static void secrets_recall(struct key_ring *r, const struct key_ring *before)
{
    size_t i = 0;
    struct bytes name;
    void *secret;
    while (map_next(&r->secrets, &i, &name, &secret)) {
        const struct secret *known = before != NULL ? map_get(&before->secrets, name) : NULL;
        if (known != NULL && known->len > 0) {
            *(struct secret *)secret = *known;
        } else {
            r->wanted++;
        }
    }
}

static void secret_set(struct secret *s, const uint8_t *p, size_t len)
{
    memcpy(s->text, p, len);
    s->len = len;
    if (!base64_decode(s->raw, sizeof s->raw, &s->raw_len, (struct text){s->text, len})) {
        s->raw_len = 0;
    }
}

struct unsealing {
    struct key_ring *ring;
    struct engine *e;
};

static bool seal_visit(void *arg, const struct sealed_value *v)
{
    struct unsealing *u = arg;
    struct secret *s = map_get(&u->ring->secrets, hash_bytes(&v->commitment));
    struct buf plain = {0};
    if (s == NULL || s->len > 0) {
        return true;
    }
    if (engine_unseal(u->e, v, &plain) && plain.len > SALT_LEN &&
        plain.len - SALT_LEN <= sizeof s->text) {
        secret_set(s, plain.p + SALT_LEN, plain.len - SALT_LEN);
        u->ring->wanted--;
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return u->ring->wanted > 0;
}

static void secrets_link(struct key_ring *r)
{
    size_t i = 0;
    struct bytes id;
    void *value;
    while (map_next(&r->keys, &i, &id, &value)) {
        struct ring_key *key = value;
        key->secret = key->is_public ? NULL : map_get(&r->secrets, hash_bytes(&key->material));
    }
}

enum mete_code key_ring_read(struct key_ring **out, const struct key_ring *before, struct engine *e,
                             struct mete_err *err)
{
    static const uint8_t from[] = {KEY_KEY};
    static const uint8_t until[] = {KEY_KEY + 1};
    struct key_ring *r = ring_new();
    struct unsealing u = {r, e};
    struct book *b = engine_book(e);
    bool failed = book_scan_state(b, (struct bytes){from, 1}, (struct bytes){until, 1}, key_visit,
                                  r, err) == STORE_FAILED;
    if (!failed) {
        secrets_recall(r, before);
        failed = r->wanted > 0 &&
                 book_seals(b, 0, (struct text){0}, seal_visit, &u, err) == STORE_FAILED;
    }
    if (failed) {
        key_ring_release(r);
        return err->code;
    }
    secrets_link(r);
    *out = r;
    return METE_OK;
}

/* --- looking -----------------------------------------------------------------------------------*/

const struct ring_key *key_ring_find(const struct key_ring *r, struct text key_id)
{
    return map_get(&r->keys, text_bytes(key_id));
}

size_t key_ring_count(const struct key_ring *r)
{
    return r->keys.count;
}

bool key_ring_signs(const struct key_ring *r, struct text producer)
{
    return text_is(producer, "runtime") ? r->runtime_signs : r->control_signs;
}

const char *ring_key_alg(const struct ring_key *key)
{
    return key->is_public ? "ed25519" : "hmac-sha256";
}

/** A comparison that stops at the first difference would tell a forger how far he has got. */
static bool mac_holds(struct bytes key, struct bytes message, const uint8_t *mac)
{
    struct hash wanted = hmac_sha256(key, message);
    return secret_eq(wanted.b, mac, sizeof wanted.b);
}

static bool secret_holds(const struct secret *s, struct bytes message, const uint8_t *mac,
                         size_t len)
{
    if (s == NULL || s->len == 0 || len != sizeof(struct hash)) {
        return false;
    }
    return mac_holds(text_bytes((struct text){s->text, s->len}), message, mac) ||
           (s->raw_len > 0 && mac_holds((struct bytes){s->raw, s->raw_len}, message, mac));
}

bool ring_key_holds(const struct ring_key *key, struct bytes message, const uint8_t *signature,
                    size_t len)
{
    if (!key->is_public) {
        return secret_holds(key->secret, message, signature, len);
    }
    return len == ED25519_SIGNATURE_LEN && ed25519_verify(signature, key->material.b, message);
}
