/* SPDX-License-Identifier: Apache-2.0
 * The registered keys of each book, read from its state when something may have changed them. What
 * others write into the book (or a group that is rolled back) changes its size: then they are read
 * again. Secrets are opened once and stay in memory, wiped at the end. */
#include "http/signature.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "crypto/sign.h"
#include "http/authority.h"
#include "http/message_signature.h"
#include "store/hash_seed.h"

#include <stdlib.h>
#include <string.h>

#define RING_MEMORY_MAX ((size_t)256 << 20)
#define SECRET_TEXT_MAX 128 /* a secret of 64 bytes in base64 has 88 characters */
#define SECRET_MAX      64
#define SKEW_US         (300 * TIME_SECOND_US) /* that clocks may differ by */

struct secret {
    char text[SECRET_TEXT_MAX];
    size_t len; /* 0: wanted, not found yet */
};

struct ring_key {
    bool active;
    bool is_public;
    uint8_t public_key[ED25519_PUBLIC_LEN];
    struct hash commitment; /* of the secret */
    struct text producer;   /* in the ring's arena; may be empty */
};

/* The keys of one book. */
struct ring {
    bool read;
    uint64_t size;      /* of the log when they were last known to be right */
    uint64_t of;        /* generation of the engine then: another may have another log */
    struct map keys;    /* key id -> struct ring_key */
    struct map secrets; /* commitment -> struct secret */
    size_t wanted;      /* secrets that were not found yet */
    bool runtime_signs; /* a key is registered for this producer */
    bool control_signs;
    struct arena arena;
};

struct signatures {
    unsigned window_s;
    struct map rings; /* name of a book -> struct ring */
};

struct signatures *signatures_new(unsigned window_s)
{
    struct signatures *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL);
    s->window_s = window_s;
    map_init(&s->rings, sizeof(struct ring), hash_seed());
    return s;
}

static void secrets_wipe(struct ring *r)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&r->secrets, &i, &key, &value)) {
        secret_wipe(value, sizeof(struct secret));
    }
}

void signatures_free(struct signatures *s)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    if (s == NULL) {
        return;
    }
    while (map_next(&s->rings, &i, &key, &value)) {
        struct ring *r = value;
        secrets_wipe(r);
        map_clear(&r->keys);
        map_clear(&r->secrets);
        arena_clear(&r->arena);
    }
    map_clear(&s->rings);
    free(s);
}

/* --- the keys of a book ------------------------------------------------------------------------*/

static void secret_want(struct ring *r, const struct ring_key *key)
{
    struct bytes name = {key->commitment.b, sizeof key->commitment.b};
    const struct secret *s = map_put(&r->secrets, name, NULL);
    r->wanted += s->len == 0;
}

static bool key_read(struct ring *r, struct bytes value, struct ring_key *key)
{
    struct reader in = reader_of(value);
    key->active = read_u8(&in) == 1;
    key->is_public = text_is(read_sized(&in), "ed25519");
    struct text material = read_sized(&in);
    (void)read_sized(&in); /* party */
    key->producer = arena_text(&r->arena, read_sized(&in));
    if (!reader_done(&in)) {
        return false;
    }
    if (key->is_public) {
        return hex_decode(key->public_key, sizeof key->public_key, material);
    }
    static const char prefix[] = "commit:";
    return text_starts(material, prefix) &&
           hex_decode(
               key->commitment.b, sizeof key->commitment.b,
               (struct text){material.p + sizeof prefix - 1, material.len - (sizeof prefix - 1)});
}

static bool key_visit(void *arg, struct bytes state_key, struct bytes value, const i128 *sums)
{
    struct ring *r = arg;
    struct ring_key key = {0};
    (void)sums;
    key.active = key_read(r, value, &key) && key.active;
    struct bytes id = {state_key.p + 1, state_key.len - 1}; /* behind the class */
    *(struct ring_key *)map_put(&r->keys, id, NULL) = key;
    if (key.active) {
        r->runtime_signs |= text_is(key.producer, "runtime");
        r->control_signs |= text_is(key.producer, "control_plane");
        if (!key.is_public) {
            secret_want(r, &key);
        }
    }
    return true;
}

struct unsealing {
    struct ring *ring;
    struct engine *e;
};

static bool seal_visit(void *arg, const struct sealed_value *v)
{
    struct unsealing *u = arg;
    struct secret *s =
        map_get(&u->ring->secrets, (struct bytes){v->commitment.b, sizeof v->commitment.b});
    struct buf plain = {0};
    if (s == NULL || s->len > 0) {
        return true;
    }
    if (engine_unseal(u->e, v, &plain) && plain.len - SALT_LEN <= sizeof s->text) {
        s->len = plain.len - SALT_LEN;
        memcpy(s->text, plain.p + SALT_LEN, s->len);
        u->ring->wanted -= s->len > 0;
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return u->ring->wanted > 0;
}

static enum mete_code ring_read(struct ring *r, struct engine *e, struct mete_err *err)
{
    static const uint8_t from[] = {KEY_KEY};
    static const uint8_t until[] = {KEY_KEY + 1};
    struct book *b = engine_book(e);
    if (!r->read) {
        map_init(&r->secrets, sizeof(struct secret), hash_seed());
        map_init(&r->keys, sizeof(struct ring_key), hash_seed());
        arena_init(&r->arena, RING_MEMORY_MAX);
    }
    map_reset(&r->keys);
    arena_reset(&r->arena);
    r->wanted = 0;
    r->runtime_signs = r->control_signs = false;
    r->read = true;
    r->size = UINT64_MAX; /* until all went well */
    if (book_scan_state(b, (struct bytes){from, 1}, (struct bytes){until, 1}, key_visit, r, err) ==
        STORE_FAILED) {
        return err->code;
    }
    struct unsealing u = {r, e};
    if (r->wanted > 0 && book_seals(b, 0, (struct text){0}, seal_visit, &u, err) == STORE_FAILED) {
        return err->code;
    }
    r->size = book_size(b);
    r->of = engine_generation(e);
    return METE_OK;
}

static struct ring *ring_of(struct signatures *s, struct engine *e)
{
    return map_put(&s->rings, text_bytes(text_of(engine_book_name(e))), NULL);
}

void signature_note(struct signatures *s, struct engine *e, enum event_type type)
{
    struct ring *r = ring_of(s, e);
    bool changed = type == EVENT_KEY_REGISTERED || type == EVENT_KEY_REVOKED;
    bool known = r->read && !changed && r->of == engine_generation(e);
    r->size = known ? book_size(engine_book(e)) : UINT64_MAX;
}

/* --- verifying ---------------------------------------------------------------------------------*/

struct text signature_message(struct arena *a, struct text event, const struct submit_options *o)
{
    struct arena own;
    struct envelope envelope;
    struct mete_err unused;
    struct buf canonical = {0};
    struct text message = {0};
    const struct envelope_options eo = {
        .now = TIME_NEVER, .app_id = o->app_id, .environment = o->environment};
    arena_init(&own, ENVELOPE_ARENA_MAX(EVENT_SIZE_MAX));
    if (envelope_read(&own, event, &eo, &envelope, &unused) == METE_OK &&
        envelope_canonical(&envelope, &canonical, &unused) == METE_OK) {
        message = arena_text(a, buf_text(&canonical));
    }
    secret_wipe(canonical.p, canonical.len); /* it may hold a secret that is registered */
    buf_clear(&canonical);
    arena_clear(&own);
    return message;
}

/** A comparison that stops at the first difference would tell a forger how far he has got. */
static bool mac_holds(struct bytes key, struct bytes message, const uint8_t *mac, size_t len)
{
    struct hash wanted = hmac_sha256(key, message);
    return len == sizeof wanted.b && secret_eq(wanted.b, mac, len);
}

/** A secret is its characters, or what they mean in base64: producers do either. */
static bool secret_holds(const struct ring *r, const struct ring_key *key, struct bytes message,
                         const uint8_t *mac, size_t len)
{
    const struct secret *s =
        map_get(&r->secrets, (struct bytes){key->commitment.b, sizeof key->commitment.b});
    uint8_t raw[SECRET_MAX];
    size_t raw_len = 0;
    if (s == NULL || s->len == 0) {
        return false;
    }
    struct text text = {s->text, s->len};
    bool holds = mac_holds(text_bytes(text), message, mac, len);
    if (!holds && base64_decode(raw, sizeof raw, &raw_len, text)) {
        holds = mac_holds((struct bytes){raw, raw_len}, message, mac, len);
    }
    secret_wipe(raw, sizeof raw);
    return holds;
}

static enum mete_code verify(const struct ring *r, const struct ring_key *key,
                             const struct signed_event *event, struct mete_err *err)
{
    const struct envelope *env = event->envelope;
    uint8_t value[ED25519_SIGNATURE_LEN];
    size_t len = 0;
    struct bytes message = text_bytes(event->message);
    if (!text_is(env->alg, key->is_public ? "ed25519" : "hmac-sha256")) {
        return mete_fail(err, METE_SIGNATURE_INVALID, "/signature/alg",
                         "this key is registered for %s",
                         key->is_public ? "ed25519" : "hmac-sha256");
    }
    bool holds =
        event->message.p != NULL && base64url_decode(value, sizeof value, &len, env->signature) &&
        (key->is_public ? len == sizeof value && ed25519_verify(value, key->public_key, message)
                        : secret_holds(r, key, message, value, len));
    return holds ? METE_OK
                 : mete_fail(err, METE_SIGNATURE_INVALID, "/signature/value",
                             "the signature does not fit this event and key");
}

static enum mete_code window_check(const struct signatures *s, struct engine *e,
                                   const struct event *event, struct mete_err *err)
{
    if (s->window_s == 0 ||
        engine_now(e) - event->occurred_at <= (mete_time)s->window_s * TIME_SECOND_US) {
        return METE_OK;
    }
    return mete_fail(err, METE_SIGNATURE_INVALID, "/occurred_at",
                     "signed events are taken for %u seconds after they occurred; the operator "
                     "can lengthen that (--replay-window)",
                     s->window_s);
}

/** The key of who speaks; of any producer when nobody is said to. */
static bool key_fits(const struct ring_key *key, const struct signed_event *event)
{
    return event->producer.len > 0 ? text_eq(key->producer, event->producer)
                                   : key->producer.len > 0;
}

static enum mete_code signed_check(const struct signatures *s, struct engine *e,
                                   const struct ring *r, const struct signed_event *event,
                                   bool required, struct mete_err *err)
{
    const struct envelope *env = event->envelope;
    const struct ring_key *key = map_get(&r->keys, text_bytes(env->key_id));
    if (key == NULL && !required) {
        return METE_OK; /* nobody can say what it is worth: it is kept as it came */
    }
    if (key == NULL || !key->active) {
        return mete_fail(err, METE_KEY_UNKNOWN, "/signature/key_id",
                         key == NULL ? "no key of this id is registered" : "the key is revoked");
    }
    if (required && !key_fits(key, event)) {
        return mete_fail(err, METE_KEY_UNKNOWN, "/signature/key_id",
                         "the key is not registered for the producer %.*s",
                         (int)event->producer.len, event->producer.p);
    }
    enum mete_code code = verify(r, key, event, err);
    return code == METE_OK ? window_check(s, e, &env->event, err) : code;
}

/* --- a signed request --------------------------------------------------------------------------*/

/** The first signature by a key that is registered; NULL: none is. */
static struct message_signature *request_pick(const struct ring *r, struct message_signatures *all,
                                              const struct ring_key **key)
{
    for (size_t i = 0; i < all->count; i++) {
        *key = map_get(&r->keys, text_bytes(all->one[i].key_id));
        if (*key != NULL) {
            return &all->one[i];
        }
    }
    return NULL;
}

static bool base_holds(const struct ring *r, const struct ring_key *key,
                       const struct message_signature *m, struct text base)
{
    return base.p != NULL &&
           (key->is_public ? m->len == ED25519_SIGNATURE_LEN &&
                                 ed25519_verify(m->value, key->public_key, text_bytes(base))
                           : secret_holds(r, key, text_bytes(base), m->value, m->len));
}

static enum mete_code request_verify(const struct ring *r, const struct ring_key *key,
                                     struct message_signature *m, struct mete_err *err)
{
    if (m->alg.len > 0 && !text_is(m->alg, key->is_public ? "ed25519" : "hmac-sha256")) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL, "this key is registered for %s",
                         key->is_public ? "ed25519" : "hmac-sha256");
    }
    if (m->lacks != NULL) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL,
                         "the request's signature does not cover %s", m->lacks);
    }
    if (m->verdict == 0) {
        m->verdict = base_holds(r, key, m, m->base) || base_holds(r, key, m, m->other) ? 1 : -1;
    }
    return m->verdict > 0 ? METE_OK
                          : mete_fail(err, METE_SIGNATURE_INVALID, NULL,
                                      "the request's signature does not fit it and the key");
}

/** Who found an old signed request cannot spend it either. */
static enum mete_code moment_check(const struct signatures *s, mete_time now,
                                   const struct message_signature *m, struct mete_err *err)
{
    if (m->created > now + SKEW_US || m->expires < now) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL, "the request's signature %s",
                         m->expires < now ? "has expired" : "is of the future: look at the clocks");
    }
    if (s->window_s > 0 && now - m->created > (mete_time)s->window_s * TIME_SECOND_US) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL,
                         "signed requests are taken for %u seconds after they were signed; the "
                         "operator can lengthen that (--replay-window)",
                         s->window_s);
    }
    return METE_OK;
}

static enum mete_code request_check(const struct signatures *s, struct engine *e,
                                    const struct ring *r, const struct signed_event *event,
                                    bool required, struct mete_err *err)
{
    const struct ring_key *key = NULL;
    struct message_signature *m = request_pick(r, event->request, &key);
    const char *broken = event->request->broken;
    if (!required && (m == NULL || broken != NULL)) {
        return METE_OK; /* somebody else's: a proxy may have signed it */
    }
    if (broken != NULL) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL, "the request's signature: %s", broken);
    }
    if (m == NULL || !key->active) {
        return mete_fail(err, METE_KEY_UNKNOWN, NULL,
                         m == NULL ? "no key of the id that signed the request is registered"
                                   : "the key that signed the request is revoked");
    }
    if (required && !key_fits(key, event)) {
        return mete_fail(err, METE_KEY_UNKNOWN, NULL,
                         "the key that signed the request is not registered for the producer %.*s",
                         (int)event->producer.len, event->producer.p);
    }
    enum mete_code code = request_verify(r, key, m, err);
    return code == METE_OK ? moment_check(s, engine_now(e), m, err) : code;
}

/* --- who must --------------------------------------------------------------------------------*/

/** Who says of nobody that he speaks must sign what a producer that signs may send; else a
 * signature would be asked of nobody who leaves the producer out. Not what only an admin may send:
 * who holds such a key can register another producer's. */
static bool must_anybody_sign(const struct ring *r, enum event_type type)
{
    return strcmp(event_type_scope(type), scope_name(SCOPE_ADMIN)) != 0 &&
           ((r->runtime_signs && event_type_allows(type, TEXT("runtime"), (struct text){0})) ||
            r->control_signs);
}

static bool must_sign(const struct ring *r, const struct signed_event *event)
{
    if (event->producer.len == 0) {
        return !event->of_party && must_anybody_sign(r, event->envelope->event.type);
    }
    return text_is(event->producer, "runtime") ? r->runtime_signs : r->control_signs;
}

static enum mete_code unsigned_fail(const struct signed_event *event, struct mete_err *err)
{
    if (event->producer.len == 0) {
        return mete_fail(err, METE_SIGNATURE_INVALID, "/signature",
                         "this book has keys of producers: events, or the requests that bring them "
                         "(RFC 9421), must be signed by one of them");
    }
    return mete_fail(err, METE_SIGNATURE_INVALID, "/signature",
                     "this book has a key for the producer %.*s: its events, or the requests that "
                     "bring them (RFC 9421), must be signed",
                     (int)event->producer.len, event->producer.p);
}

enum mete_code signature_check(struct signatures *s, struct engine *e,
                               const struct signed_event *event, struct mete_err *err)
{
    struct ring *r = ring_of(s, e);
    if (!r->read || r->size != book_size(engine_book(e)) || r->of != engine_generation(e)) {
        enum mete_code code = ring_read(r, e, err);
        if (code != METE_OK) {
            return code;
        }
    }
    bool required = must_sign(r, event);
    bool is_signed = event->envelope->is_signed;
    bool by_request = !is_signed && event->request != NULL;
    if ((!required && ((!is_signed && !by_request) || r->keys.count == 0)) ||
        engine_seq_of(e, event->envelope->event.id) != 0) {
        return METE_OK;
    }
    if (by_request) {
        return request_check(s, e, r, event, required, err);
    }
    if (!is_signed) {
        return unsigned_fail(event, err);
    }
    return signed_check(s, e, r, event, required, err);
}
