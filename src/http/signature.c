/* SPDX-License-Identifier: Apache-2.0
 * The ring of each book is read anew when something may have changed it. What others write into the
 * book (or a group that is rolled back) changes its size: then, too. Signatures are verified by the
 * thread that read the event, with the ring of that moment; the keeper's thread says which key it
 * had to be, and verifies itself only when that was another one. */
#include "http/signature.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "http/authority.h"
#include "http/key_ring.h"
#include "http/message_signature.h"
#include "store/hash_seed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SKEW_US (300 * TIME_SECOND_US) /* that clocks may differ by */

/* The keys of one book. The size is the keeper's thread's alone. */
struct ring {
    struct key_ring *keys; /* under the lock, but for the thread that changes it; NULL: not read */
    uint64_t size;         /* of the log when they were last known to be right */
    uint64_t of;           /* generation of the engine then: another may have another log */
};

struct signatures {
    unsigned window_s;
    pthread_mutex_t lock;
    struct map rings; /* name of a book -> struct ring *; only grows */
};

struct signatures *signatures_new(unsigned window_s)
{
    struct signatures *s = calloc(1, sizeof *s);
    METE_ASSERT(s != NULL && pthread_mutex_init(&s->lock, NULL) == 0);
    s->window_s = window_s;
    map_init(&s->rings, sizeof(struct ring *), hash_seed());
    return s;
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
        struct ring *r = *(struct ring **)value;
        key_ring_release(r->keys);
        free(r);
    }
    map_clear(&s->rings);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- the keys of a book ------------------------------------------------------------------------*/

static struct ring *ring_of(struct signatures *s, struct engine *e)
{
    struct bytes name = text_bytes(text_of(engine_book_name(e)));
    pthread_mutex_lock(&s->lock);
    struct ring **r = map_put(&s->rings, name, NULL);
    if (*r == NULL) {
        *r = calloc(1, sizeof **r);
        METE_ASSERT(*r != NULL);
    }
    pthread_mutex_unlock(&s->lock);
    return *r;
}

/** The keys as they were last read, to be released; NULL: they never were. Any thread. */
static struct key_ring *ring_borrow(struct signatures *s, const char *book)
{
    pthread_mutex_lock(&s->lock);
    struct ring *const *r = map_get(&s->rings, text_bytes(text_of(book)));
    struct key_ring *keys = r != NULL && (*r)->keys != NULL ? key_ring_take((*r)->keys) : NULL;
    pthread_mutex_unlock(&s->lock);
    return keys;
}

static enum mete_code ring_read(struct signatures *s, struct ring *r, struct engine *e,
                                struct mete_err *err)
{
    struct key_ring *before = r->keys;
    struct key_ring *now = NULL;
    enum mete_code code = key_ring_read(&now, before, e, err);
    if (code != METE_OK) {
        r->size = UINT64_MAX;
        return code;
    }
    pthread_mutex_lock(&s->lock);
    r->keys = now;
    pthread_mutex_unlock(&s->lock);
    key_ring_release(before);
    r->size = book_size(engine_book(e));
    r->of = engine_generation(e);
    return METE_OK;
}

void signature_note(struct signatures *s, struct engine *e, enum event_type type)
{
    struct ring *r = ring_of(s, e);
    bool changed = type == EVENT_KEY_REGISTERED || type == EVENT_KEY_REVOKED;
    bool known = r->keys != NULL && !changed && r->of == engine_generation(e);
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

static bool event_holds(const struct ring_key *key, const struct envelope *env, struct text message)
{
    uint8_t value[ED25519_SIGNATURE_LEN];
    size_t len = 0;
    return message.p != NULL && base64url_decode(value, sizeof value, &len, env->signature) &&
           ring_key_holds(key, text_bytes(message), value, len);
}

void signature_try(struct signatures *s, const char *book, const struct envelope *env,
                   struct text message, struct signature_verdict *out)
{
    struct key_ring *keys = ring_borrow(s, book);
    const struct ring_key *key = keys != NULL ? key_ring_find(keys, env->key_id) : NULL;
    *out = (struct signature_verdict){0};
    if (key != NULL && key->active) {
        out->known = true;
        out->is_public = key->is_public;
        out->material = key->material;
        out->holds = event_holds(key, env, message);
    }
    key_ring_release(keys);
}

static enum mete_code verify(const struct ring_key *key, const struct signed_event *event,
                             struct mete_err *err)
{
    const struct envelope *env = event->envelope;
    const struct signature_verdict *v = event->verdict;
    if (!text_is(env->alg, ring_key_alg(key))) {
        return mete_fail(err, METE_SIGNATURE_INVALID, "/signature/alg",
                         "this key is registered for %s", ring_key_alg(key));
    }
    bool tried = v != NULL && v->known && v->is_public == key->is_public &&
                 hash_eq(&v->material, &key->material);
    bool holds = tried ? v->holds : event_holds(key, env, event->message);
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
                                   const struct key_ring *r, const struct signed_event *event,
                                   bool required, struct mete_err *err)
{
    const struct envelope *env = event->envelope;
    const struct ring_key *key = key_ring_find(r, env->key_id);
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
    enum mete_code code = verify(key, event, err);
    return code == METE_OK ? window_check(s, e, &env->event, err) : code;
}

/* --- a signed request --------------------------------------------------------------------------*/

/** The first signature by a key that is registered; NULL: none is. */
static struct message_signature *
request_pick(const struct key_ring *r, struct message_signatures *all, const struct ring_key **key)
{
    for (size_t i = 0; i < all->count; i++) {
        *key = key_ring_find(r, all->one[i].key_id);
        if (*key != NULL) {
            return &all->one[i];
        }
    }
    return NULL;
}

static bool base_holds(const struct ring_key *key, const struct message_signature *m,
                       struct text base)
{
    return base.p != NULL && ring_key_holds(key, text_bytes(base), m->value, m->len);
}

static enum mete_code request_verify(const struct ring_key *key, struct message_signature *m,
                                     struct mete_err *err)
{
    if (m->alg.len > 0 && !text_is(m->alg, ring_key_alg(key))) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL, "this key is registered for %s",
                         ring_key_alg(key));
    }
    if (m->lacks != NULL) {
        return mete_fail(err, METE_SIGNATURE_INVALID, NULL,
                         "the request's signature does not cover %s", m->lacks);
    }
    if (m->verdict == 0) {
        m->verdict = base_holds(key, m, m->base) || base_holds(key, m, m->other) ? 1 : -1;
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
                                    const struct key_ring *r, const struct signed_event *event,
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
    enum mete_code code = request_verify(key, m, err);
    return code == METE_OK ? moment_check(s, engine_now(e), m, err) : code;
}

/* --- who must --------------------------------------------------------------------------------*/

/** Who says of nobody that he speaks must sign what a producer that signs may send; else a
 * signature would be asked of nobody who leaves the producer out. Not what only an admin may send:
 * who holds such a key can register another producer's. */
static bool must_anybody_sign(const struct key_ring *r, enum event_type type)
{
    return strcmp(event_type_scope(type), scope_name(SCOPE_ADMIN)) != 0 &&
           ((key_ring_signs(r, TEXT("runtime")) &&
             event_type_allows(type, TEXT("runtime"), (struct text){0})) ||
            key_ring_signs(r, TEXT("control_plane")));
}

static bool must_sign(const struct key_ring *r, const struct signed_event *event)
{
    if (event->producer.len == 0) {
        return !event->of_party && must_anybody_sign(r, event->envelope->event.type);
    }
    return key_ring_signs(r, event->producer);
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
    struct ring *ring = ring_of(s, e);
    if (ring->keys == NULL || ring->size != book_size(engine_book(e)) ||
        ring->of != engine_generation(e)) {
        enum mete_code code = ring_read(s, ring, e, err);
        if (code != METE_OK) {
            return code;
        }
    }
    const struct key_ring *r = ring->keys;
    bool required = must_sign(r, event);
    bool is_signed = event->envelope->is_signed;
    bool by_request = !is_signed && event->request != NULL;
    if ((!required && ((!is_signed && !by_request) || key_ring_count(r) == 0)) ||
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
