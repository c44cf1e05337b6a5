/* SPDX-License-Identifier: Apache-2.0
 * The keys of a store, kept in memory by their hashes and read again when the store changed. The
 * hash is the key of the map, so comparing takes no time that tells anything about a key. */
#include "http/authority.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/text.h"
#include "crypto/seal.h"
#include "http/signature.h"
#include "store/hash_seed.h"
#include "wire/url.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ARENA_MAX  ((size_t)256 << 20)
#define LOOK_EVERY INT64_C(500000) /* microseconds between looks at the store */
#define KEY_PREFIX "mete_"
#define KEY_RANDOM 24
#define ID_RANDOM  8
#define TOKEN      1000000 /* of the bucket: a millionth a microsecond at one request a second */

struct kept_key {
    struct api_key key; /* its texts are in the arena */
    int64_t tokens;     /* that are left, in millionths */
    mete_time filled_at;
};

struct authority {
    struct authority_options o;
    struct api_keys *store;
    struct hash admin; /* of the admin key */
    bool has_admin;
    pthread_mutex_t lock;
    struct map keys;    /* sha256 -> struct kept_key */
    struct arena arena; /* of the keys' texts */
    mete_time looked_at;
    bool any;
    bool stale; /* the store changed, and could not be read */
    struct kept_key admin_bucket;
    struct signatures *signatures;
};

static const char *const names[] = {
#define X(symbol, name) name,
    SCOPES(X)
#undef X
};

const char *scope_name(enum scope s)
{
    METE_ASSERT((size_t)s < ARRAY_LEN(names));
    return names[s];
}

bool scope_of(struct text name, enum scope *out)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_is(name, names[i])) {
            *out = (enum scope)i;
            return true;
        }
    }
    return false;
}

enum mete_code scopes_parse(struct text list, uint32_t *out, struct mete_err *err)
{
    *out = 0;
    for (size_t i = 0; i < list.len;) {
        size_t len = 0;
        while (i + len < list.len && list.p[i + len] != ',' && list.p[i + len] != ' ') {
            len++;
        }
        enum scope s;
        struct text name = {list.p + i, len};
        if (len > 0 && !scope_of(name, &s)) {
            return mete_fail(err, METE_USAGE, NULL, "there is no scope \"%.*s\"",
                             (int)(len > 64 ? 64 : len), name.p);
        }
        *out |= len > 0 ? UINT32_C(1) << s : 0;
        i += len + 1;
    }
    return *out != 0 ? METE_OK : mete_fail(err, METE_USAGE, NULL, "a key needs a scope");
}

/* What shows or changes more than one party: a key that is bound to a party has none of it. */
#define SCOPES_OF_BOOKS                                                                            \
    (UINT32_C(1) << SCOPE_REVENUE_READ | UINT32_C(1) << SCOPE_POLICY_WRITE |                       \
     UINT32_C(1) << SCOPE_POLICY_READ | UINT32_C(1) << SCOPE_PAYOUT_APPROVE |                      \
     UINT32_C(1) << SCOPE_AUDIT_READ | UINT32_C(1) << SCOPE_FACILITATOR |                          \
     UINT32_C(1) << SCOPE_ADMIN | UINT32_C(1) << SCOPE_PAYOUT_WORK |                               \
     UINT32_C(1) << SCOPE_X402_WORK)

bool principal_may(const struct principal *p, enum scope s)
{
    uint32_t scopes = p->party.len > 0 ? p->scopes & ~SCOPES_OF_BOOKS : p->scopes;
    return s >= SCOPE_COUNT || (scopes >> s & 1) != 0;
}

enum mete_code principal_check(const struct principal *p, enum scope s, struct mete_err *err)
{
    return principal_may(p, s)
               ? METE_OK
               : mete_fail(err, METE_FORBIDDEN, NULL, "this needs the scope %s%s", scope_name(s),
                           p->party.len > 0 ? ", and no key that is bound to a party" : "");
}

/* --- the keys of the store ---------------------------------------------------------------------*/

/** Keys as they are read: they replace those in use when all of them came. */
struct reading {
    const struct map *before; /* whose buckets go on */
    struct map keys;
    struct arena arena;
};

static bool keep(void *arg, const struct api_key *key)
{
    struct reading *r = arg;
    struct bytes sum = {key->sha256.b, sizeof key->sha256.b};
    struct kept_key *kept = map_put(&r->keys, sum, NULL);
    const struct kept_key *before = map_get(r->before, sum);
    *kept = before != NULL ? *before : (struct kept_key){0};
    kept->key = *key;
    struct text *text[] = {&kept->key.key_id,   &kept->key.book,    &kept->key.party,
                           &kept->key.producer, &kept->key.service, &kept->key.note,
                           &kept->key.limits};
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        *text[i] = arena_text(&r->arena, *text[i]);
    }
    return true;
}

/** A failing read keeps what is known, and is done again: a key that was revoked must not go on for
 *  a moment's trouble with the store. */
static enum mete_code keys_read(struct authority *a, struct mete_err *err)
{
    struct reading r = {.before = &a->keys};
    map_init(&r.keys, sizeof(struct kept_key), hash_seed());
    arena_init(&r.arena, ARENA_MAX);
    enum mete_code code = api_keys_read(a->store, keep, &r, err);
    a->stale = code != METE_OK;
    if (code == METE_OK) {
        map_clear(&a->keys);
        arena_clear(&a->arena);
        a->keys = r.keys;
        a->arena = r.arena;
        a->any = a->any || a->keys.count > 0;
    } else {
        map_clear(&r.keys);
        arena_clear(&r.arena);
    }
    return code;
}

/** How soon to look again when somebody comes with a key that is not known: made a moment ago,
 *  perhaps. Reading all keys takes a microsecond for each, some; who has a wrong one may make it a
 *  tenth of our time. Whoever made a key and then uses it comes later than that. */
static mete_time soon(const struct authority *a)
{
    return 500 + 10 * (mete_time)a->keys.count;
}

static void look(struct authority *a, mete_time now, mete_time every)
{
    if (now - a->looked_at >= every || now < a->looked_at) {
        a->looked_at = now;
        if (api_keys_changed(a->store) || a->stale) {
            struct mete_err unused;
            (void)!keys_read(a, &unused);
        }
    }
}

/** Only its hash is kept. */
static void admin_set(struct authority *a, const char *key)
{
    a->o.admin_key = NULL;
    a->has_admin = key != NULL;
    a->any = a->any || key != NULL;
    if (key != NULL) {
        a->admin = sha256(text_bytes(text_of(key)));
    }
}

enum mete_code authority_open(struct authority **out, const struct authority_options *o,
                              struct mete_err *err)
{
    struct authority *a = calloc(1, sizeof *a);
    METE_ASSERT(a != NULL);
    a->o = *o;
    enum mete_code code = api_keys_open(&a->store, o->store, false, err);
    if (code != METE_OK) {
        free(a);
        return code;
    }
    map_init(&a->keys, sizeof(struct kept_key), hash_seed());
    arena_init(&a->arena, ARENA_MAX);
    METE_ASSERT(pthread_mutex_init(&a->lock, NULL) == 0);
    admin_set(a, o->admin_key);
    a->signatures = signatures_new(o->replay_window_s);
    (void)api_keys_changed(a->store); /* from here on */
    code = keys_read(a, err);
    if (code != METE_OK) { /* not known to have none is not open */
        authority_close(a);
        return code;
    }
    *out = a;
    return METE_OK;
}

void authority_close(struct authority *a)
{
    if (a != NULL) {
        api_keys_close(a->store);
        map_clear(&a->keys);
        arena_clear(&a->arena);
        signatures_free(a->signatures);
        pthread_mutex_destroy(&a->lock);
        free(a);
    }
}

struct signatures *authority_signatures(struct authority *a)
{
    return a->signatures;
}

void authority_reload(struct authority *a)
{
    struct mete_err unused;
    pthread_mutex_lock(&a->lock);
    (void)!keys_read(a, &unused);
    pthread_mutex_unlock(&a->lock);
}

/* --- asking ------------------------------------------------------------------------------------*/

/** Bearer, or by the names that clients of the sources use. */
static struct text key_given(const struct exchange *x)
{
    struct text bearer = exchange_header(x, "Authorization");
    if (bearer.len > 7 && strncasecmp(bearer.p, "Bearer ", 7) == 0) {
        return (struct text){bearer.p + 7, bearer.len - 7};
    }
    struct text key = exchange_header(x, "X-API-Key");
    return key.len > 0 ? key : exchange_header(x, "X-Mozaiks-Api-Key");
}

bool authority_key_shown(const struct exchange *x)
{
    return key_given(x).len > 0;
}

/** Whole seconds until `missing` millionths of a request have come. */
static unsigned seconds_for(int64_t missing, unsigned rate)
{
    int64_t a_second = (int64_t)rate * TOKEN;
    return (unsigned)((missing + a_second - 1) / a_second);
}

/** Brings a bucket up to `now`; how much it holds at most. */
static int64_t bucket_fill(const struct authority *a, struct kept_key *k, mete_time now)
{
    unsigned rate = a->o.rate;
    int64_t full = (int64_t)a->o.burst * TOKEN;
    int64_t since = k->filled_at == 0 || now < k->filled_at ? full : now - k->filled_at;
    int64_t more = since >= full / rate + 1 ? full : since * (int64_t)rate;
    k->tokens = k->tokens + more > full ? full : k->tokens + more;
    k->filled_at = now;
    return full;
}

/** Takes a request out of a key's bucket. False: it is empty, and x->retry_after_s says for how
 *  long. */
static bool bucket_take(const struct authority *a, struct exchange *x, struct kept_key *k,
                        mete_time now)
{
    unsigned rate = a->o.rate;
    if (rate == 0) {
        return true;
    }
    int64_t full = bucket_fill(a, k, now);
    bool taken = k->tokens >= TOKEN;
    k->tokens -= taken ? TOKEN : 0;
    x->retry_after_s = taken ? 0 : seconds_for(TOKEN - k->tokens, rate);
    x->who->limit = a->o.burst;
    x->who->remaining = k->tokens > 0 ? (unsigned)(k->tokens / TOKEN) : 0;
    x->who->reset_s = seconds_for(full - k->tokens, rate);
    return taken;
}

static void principal_fill(struct exchange *x, const struct api_key *key)
{
    struct principal *p = x->who;
    p->key_id = arena_text(&x->arena, key->key_id);
    p->book = arena_text(&x->arena, key->book).p;
    p->scopes = key->scopes;
    p->party = arena_text(&x->arena, key->party);
    p->producer = arena_text(&x->arena, key->producer);
    p->service = arena_text(&x->arena, key->service);
    p->limits = arena_text(&x->arena, key->limits);
}

static struct kept_key *key_find(struct authority *a, const struct hash *h, mete_time now)
{
    struct bytes sum = {h->b, sizeof h->b};
    struct kept_key *k = map_get(&a->keys, sum);
    if (k == NULL) {
        look(a, now, soon(a));
        k = map_get(&a->keys, sum);
    }
    return k;
}

static enum mete_code key_check(struct authority *a, struct exchange *x, struct text given,
                                mete_time now, struct mete_err *err)
{
    struct hash h = sha256(text_bytes(given));
    struct kept_key *k = key_find(a, &h, now);
    if (a->has_admin && hash_eq(&h, &a->admin)) {
        x->who->key_id = text_of("API_KEY");
        x->who->scopes = SCOPES_ALL;
        k = &a->admin_bucket;
    } else if (k == NULL) {
        return mete_fail(err, METE_UNAUTHORIZED, NULL, "the key is not known");
    } else if (k->key.revoked_at <= now || k->key.expires_at <= now) {
        return mete_fail(err, METE_UNAUTHORIZED, NULL, "the key has ended");
    } else {
        principal_fill(x, &k->key);
    }
    return bucket_take(a, x, k, now) ? METE_OK
                                     : mete_fail(err, METE_RATE_LIMITED, NULL,
                                                 "more than %u requests a second", a->o.rate);
}

void authority_adjust(struct authority *a, const struct authority_options *o)
{
    pthread_mutex_lock(&a->lock);
    a->o.rate = o->rate;
    a->o.burst = o->burst;
    admin_set(a, o->admin_key);
    pthread_mutex_unlock(&a->lock);
}

static bool is_open(const struct authority *a)
{
    return a->o.loopback && !a->any && !a->stale;
}

/** While everything is open each request looks, so that the first key closes the door at once. */
static bool still_open(struct authority *a, mete_time now)
{
    look(a, now, a->any ? LOOK_EVERY : 0);
    return is_open(a);
}

bool authority_is_open(struct authority *a, mete_time now)
{
    pthread_mutex_lock(&a->lock);
    bool open = still_open(a, now);
    pthread_mutex_unlock(&a->lock);
    return open;
}

/** This machine, or a name without a dot: no name of the internet. */
static bool is_near(struct text host)
{
    return host_is_loopback(host) || host.len == 0 || memchr(host.p, '.', host.len) == NULL;
}

/** A browser on this machine runs pages of others. It names the page's site in Origin, and in Host
 *  the name under which the page has it find us: a name that its owner points here is no name of
 *  ours. Programs send no Origin, and an address as Host. */
static bool is_of_this_machine(const struct exchange *x)
{
    struct text host = exchange_header(x, "Host");
    struct text origin = exchange_header(x, "Origin");
    size_t len = 0;
    while (len < host.len && host.p[len] != ':') {
        len++;
    }
    if (!text_starts(host, "[::1]") && !is_near((struct text){host.p, len})) {
        return false;
    }
    size_t scheme = text_starts(origin, "https://") ? 8 : text_starts(origin, "http://") ? 7 : 0;
    return origin.p == NULL ||
           (scheme > 0 && text_eq((struct text){origin.p + scheme, origin.len - scheme}, host));
}

bool authority_is_open_to(struct authority *a, const struct exchange *x)
{
    return authority_is_open(a, x->began_at) && is_of_this_machine(x);
}

enum mete_code authority_ask(struct authority *a, struct exchange *x, enum scope needed,
                             mete_time now, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    struct text given = key_given(x);
    x->who = arena_alloc(&x->arena, sizeof *x->who);
    *x->who = (struct principal){.book = a->o.book, .signatures = a->signatures};
    if (needed == SCOPE_NONE || (needed == SCOPE_GUEST && given.len == 0)) {
        return METE_OK;
    }
    pthread_mutex_lock(&a->lock);
    bool open = still_open(a, now);
    if (given.len > 0) {
        code = key_check(a, x, given, now, err);
    } else if (open && is_of_this_machine(x)) {
        x->who->scopes = SCOPES_ALL;
    } else if (open) {
        code = mete_fail(err, METE_UNAUTHORIZED, NULL,
                         "without a key this answers programs on this machine, not a page of "
                         "another site (Origin) or under another name (Host)");
    } else {
        code = mete_fail(err, METE_UNAUTHORIZED, NULL, "this needs a key");
    }
    pthread_mutex_unlock(&a->lock);
    return code == METE_OK ? principal_check(x->who, needed, err) : code;
}

/* --- asking again
 * --------------------------------------------------------------------------------*/

struct standing authority_standing(const struct exchange *x, enum scope scope)
{
    struct standing s = {.scope = scope};
    struct text given = key_given(x);
    if (given.len > 0) {
        s.keyed = true;
        s.key = sha256(text_bytes(given));
    }
    return s;
}

static bool key_stands(struct authority *a, const struct standing *s, mete_time now)
{
    const struct kept_key *k = key_find(a, &s->key, now);
    if (a->has_admin && hash_eq(&s->key, &a->admin)) {
        return true;
    }
    if (k == NULL || k->key.revoked_at <= now || k->key.expires_at <= now) {
        return false;
    }
    const struct principal p = {.scopes = k->key.scopes, .party = k->key.party};
    return principal_may(&p, s->scope);
}

bool authority_stands(struct authority *a, const struct standing *s, mete_time now)
{
    pthread_mutex_lock(&a->lock);
    look(a, now, LOOK_EVERY);
    bool stands = s->keyed ? key_stands(a, s, now) : is_open(a);
    pthread_mutex_unlock(&a->lock);
    return stands;
}

int64_t authority_charge(struct authority *a, const struct standing *s, size_t count, mete_time now)
{
    int64_t wait = 0;
    pthread_mutex_lock(&a->lock);
    struct kept_key *k = s->keyed ? key_find(a, &s->key, now) : NULL;
    if (s->keyed && a->has_admin && hash_eq(&s->key, &a->admin)) {
        k = &a->admin_bucket;
    }
    if (k != NULL && a->o.rate > 0) {
        (void)bucket_fill(a, k, now);
        k->tokens -= (int64_t)count * TOKEN;
        wait = k->tokens < 0 ? -k->tokens / (int64_t)a->o.rate : 0;
    }
    pthread_mutex_unlock(&a->lock);
    return wait;
}

bool standing_same_key(const struct standing *a, const struct standing *b)
{
    return a->keyed == b->keyed && (!a->keyed || hash_eq(&a->key, &b->key));
}

/* --- making keys -------------------------------------------------------------------------------*/

void api_key_make(char text[KEY_TEXT_MAX], char key_id[KEY_TEXT_MAX], struct hash *sum)
{
    uint8_t random[KEY_RANDOM];
    uint8_t id[ID_RANDOM];
    random_bytes(random, sizeof random);
    random_bytes(id, sizeof id);
    memcpy(text, KEY_PREFIX, sizeof KEY_PREFIX);
    hex_encode(text + sizeof KEY_PREFIX - 1, (struct bytes){random, sizeof random});
    memcpy(key_id, "key_", 5);
    hex_encode(key_id + 4, (struct bytes){id, sizeof id});
    *sum = sha256(text_bytes(text_of(text)));
}
