/* SPDX-License-Identifier: Apache-2.0
 * A dictionary by the hash of who asks and the key, and a list in order of age. Entries at work
 * stay until their request ends; of the others the oldest make room. */
#include "http/idempotency.h"

#include "base/map.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "http/authority.h"
#include "http/reply.h"
#include "store/hash_seed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    struct hash name;    /* who asks, and the key */
    struct hash request; /* method, path, query, body */
    mete_time at;
    bool done;
    bool secret; /* then nothing of the answer is here */
    unsigned status;
    const char *type;
    struct buf body;
    struct buf headers;         /* sized names and values */
    struct kept *older, *newer; /* of those that are done */
};

struct idempotency {
    pthread_mutex_t lock;
    struct omap kept; /* name -> struct kept * */
    struct kept *oldest, *newest;
    size_t bytes;
    uint64_t hits;
};

struct idempotency *idempotency_new(void)
{
    struct idempotency *m = calloc(1, sizeof *m);
    METE_ASSERT(m != NULL);
    METE_ASSERT(pthread_mutex_init(&m->lock, NULL) == 0);
    omap_init(&m->kept, sizeof(struct kept *), hash_seed());
    return m;
}

static size_t kept_bytes(const struct kept *k)
{
    return sizeof *k + k->body.len + k->headers.len;
}

static void unlink_done(struct idempotency *m, struct kept *k)
{
    *(k->older != NULL ? &k->older->newer : &m->oldest) = k->newer;
    *(k->newer != NULL ? &k->newer->older : &m->newest) = k->older;
    m->bytes -= kept_bytes(k);
}

static void forget(struct idempotency *m, struct kept *k)
{
    if (k->done) {
        unlink_done(m, k);
    }
    METE_ASSERT(omap_remove(&m->kept, (struct bytes){k->name.b, sizeof k->name.b}));
    buf_clear(&k->body);
    buf_clear(&k->headers);
    free(k);
}

void idempotency_free(struct idempotency *m)
{
    if (m == NULL) {
        return;
    }
    while (m->oldest != NULL) {
        forget(m, m->oldest);
    }
    METE_ASSERT(m->kept.count == 0); /* every request has ended */
    omap_clear(&m->kept);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* --- names -------------------------------------------------------------------------------------*/

/** Keys of API keys do not meet; who shows none is told apart by his address. */
static struct hash name_of(const struct exchange *x, struct text key)
{
    struct buf b = {0};
    buf_put_sized(&b, text_of(x->who->book));
    buf_put_sized(&b, x->who->key_id);
    buf_put_sized(&b, x->who->key_id.len > 0 ? (struct text){0} : x->peer);
    buf_put_sized(&b, key);
    struct hash h = sha256(buf_bytes(&b));
    buf_clear(&b);
    return h;
}

static struct hash request_of(const struct exchange *x)
{
    struct buf b = {0};
    buf_put_sized(&b, x->method);
    buf_put_sized(&b, x->path);
    for (size_t i = 0; i < x->query_count; i++) {
        buf_put_sized(&b, x->query[i].name);
        buf_put_sized(&b, x->query[i].value);
    }
    const struct bytes parts[] = {buf_bytes(&b), buf_bytes(&x->body)};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    buf_clear(&b);
    return h;
}

/* --- the first half ----------------------------------------------------------------------------*/

static void answer_again(struct exchange *x, const struct kept *k)
{
    struct reader in = reader_of(buf_bytes(&k->headers));
    reply_header(x, "Idempotency-Hit", text_of("true"));
    if (k->secret) {
        reply_fail(x, METE_IDEMPOTENCY_SECRET, NULL,
                   "the first answer had the status %u and held a secret, which is shown once",
                   k->status);
        return;
    }
    reply_body(x, k->status, k->type, buf_text(&k->body));
    while (!reader_done(&in)) {
        struct text name = read_sized(&in);
        struct text value = read_sized(&in);
        METE_ASSERT(!in.failed);
        reply_header(x, arena_text(&x->arena, name).p, value);
    }
}

static void room_make(struct idempotency *m, mete_time now)
{
    while (m->oldest != NULL &&
           (m->kept.count >= IDEMPOTENCY_ENTRIES_MAX || m->bytes > IDEMPOTENCY_BYTES_MAX ||
            now - m->oldest->at > IDEMPOTENCY_AGE_US)) {
        forget(m, m->oldest);
    }
}

static enum mete_code known(struct exchange *x, const struct kept *k, const struct hash *request,
                            struct mete_err *err)
{
    if (!hash_eq(&k->request, request)) {
        return mete_fail(err, METE_IDEMPOTENCY_MISMATCH, NULL,
                         "the first request with this key had another path, query or body");
    }
    if (!k->done) {
        return mete_fail(err, METE_IDEMPOTENCY_RUNNING, NULL,
                         "the first request with this key is still at work");
    }
    answer_again(x, k);
    return METE_OK;
}

static enum mete_code begin(struct idempotency *m, struct exchange *x, const struct hash *name,
                            struct mete_err *err)
{
    struct hash request = request_of(x);
    bool made;
    room_make(m, x->began_at);
    struct kept **at = omap_put(&m->kept, (struct bytes){name->b, sizeof name->b}, &made);
    if (!made) {
        return known(x, *at, &request, err);
    }
    struct kept *k = calloc(1, sizeof *k);
    METE_ASSERT(k != NULL);
    k->name = *name;
    k->request = request;
    k->at = x->began_at;
    *at = k;
    x->promise = k;
    return METE_OK;
}

/** Readings change nothing. */
static bool may_change(struct text method)
{
    return text_is(method, "POST") || text_is(method, "PUT") || text_is(method, "DELETE");
}

enum mete_code idempotency_begin(struct idempotency *m, struct exchange *x, struct mete_err *err)
{
    struct text key = exchange_header(x, "Idempotency-Key");
    if (key.p == NULL || !may_change(x->method)) {
        return METE_OK;
    }
    if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX) {
        return mete_fail(err, METE_REQUEST_INVALID, NULL,
                         "an Idempotency-Key has 1 to %u characters", IDEMPOTENCY_KEY_MAX);
    }
    struct hash name = name_of(x, key);
    pthread_mutex_lock(&m->lock);
    enum mete_code code = begin(m, x, &name, err);
    m->hits += code == METE_OK && x->status != 0;
    pthread_mutex_unlock(&m->lock);
    return code;
}

/* --- the second half ---------------------------------------------------------------------------*/

static bool is_final(const struct exchange *x)
{
    return x->status < 500 && x->status != 429 && x->out.len <= IDEMPOTENCY_ANSWER_MAX;
}

static void answer_keep(struct idempotency *m, struct kept *k, const struct exchange *x)
{
    k->status = x->status;
    k->type = x->type;
    k->secret = reply_is_secret(x);
    if (!k->secret) {
        buf_put_text(&k->body, buf_text(&x->out));
    }
    for (size_t i = 0; i < x->reply_count && !k->secret; i++) {
        buf_put_sized(&k->headers, x->reply[i].name);
        buf_put_sized(&k->headers, x->reply[i].value);
    }
    k->done = true;
    k->older = m->newest;
    *(m->newest != NULL ? &m->newest->newer : &m->oldest) = k;
    m->newest = k;
    m->bytes += kept_bytes(k);
}

void idempotency_end(struct idempotency *m, struct exchange *x)
{
    struct kept *k = x->promise;
    if (k == NULL) {
        return;
    }
    x->promise = NULL;
    pthread_mutex_lock(&m->lock);
    if (is_final(x)) {
        answer_keep(m, k, x);
    } else {
        forget(m, k);
    }
    pthread_mutex_unlock(&m->lock);
}

void idempotency_stats(struct idempotency *m, struct idempotency_stats *out)
{
    pthread_mutex_lock(&m->lock);
    *out = (struct idempotency_stats){m->kept.count, m->bytes, m->hits};
    pthread_mutex_unlock(&m->lock);
}
