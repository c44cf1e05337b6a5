/* SPDX-License-Identifier: Apache-2.0
 * Calls by libcurl, each on a handle of its own; and a bounded memory of policies. */
#include "http/peers.h"

#include "base/map.h"
#include "base/text.h"
#include "crypto/seal.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  ((size_t)16 << 20)
#define CONNECT_MS  2000L
#define CALL_MS     10000L
#define KNOWN_MAX   100000u /* policies that are remembered; then all are forgotten */
#define ASK_AGAIN   (5 * TIME_SECOND_US)
#define ADDRESS_MAX 8192

struct known {
    enum policy_known known;
    mete_time until; /* of POLICY_NOWHERE: it is asked for again; of POLICY_HERE: looked after */
    bool used;       /* since it was looked after */
};

struct peers {
    struct peers_options o;
    char *key; /* under `lock` */
    pthread_mutex_t lock;
    struct map policies; /* book, 0, id -> struct known */
    size_t looked;       /* place in it of the last look for those that are due */
};

static const char *kept(const char *s)
{
    size_t len = s != NULL ? strlen(s) : 0;
    while (len > 0 && s[len - 1] == '/') {
        len--;
    }
    char *copy = len > 0 ? strndup(s, len) : NULL;
    METE_ASSERT(len == 0 || copy != NULL);
    return copy;
}

void peers_open(struct peers **out, const struct peers_options *o)
{
    struct peers *p = calloc(1, sizeof *p);
    uint64_t seed;
    METE_ASSERT(p != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    p->o = (struct peers_options){
        kept(o->registry), kept(o->wallet), kept(o->distribution), kept(o->validation), NULL,
        o->refresh_s};
    METE_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    peers_key_set(p, o->key);
    random_bytes(&seed, sizeof seed);
    map_init(&p->policies, sizeof(struct known), seed);
    *out = p;
}

static void key_forget(char *key)
{
    if (key != NULL) {
        secret_wipe(key, strlen(key));
        free(key);
    }
}

void peers_key_set(struct peers *p, const char *key)
{
    char *copy = key != NULL ? strdup(key) : NULL;
    METE_ASSERT(key == NULL || copy != NULL);
    pthread_mutex_lock(&p->lock);
    char *before = p->key;
    p->key = copy;
    pthread_mutex_unlock(&p->lock);
    key_forget(before);
}

void peers_close(struct peers *p)
{
    if (p == NULL) {
        return;
    }
    const char *const texts[] = {p->o.registry, p->o.wallet, p->o.distribution, p->o.validation};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free((void *)(uintptr_t)texts[i]);
    }
    key_forget(p->key);
    map_clear(&p->policies);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

const struct peers_options *peers_options_of(const struct peers *p)
{
    return &p->o;
}

/* --- calling -----------------------------------------------------------------------------------*/

struct answer {
    struct buf *out;
    size_t len;
};

static size_t answer_take(char *p, size_t size, size_t count, void *arg)
{
    struct answer *a = arg;
    size_t len = size * count;
    if (a->len + len > ANSWER_MAX) {
        return 0; /* curl ends the call */
    }
    a->len += len;
    buf_put(a->out, p, len);
    return len;
}

static struct curl_slist *line_add(struct curl_slist *list, const char *name, struct text value)
{
    struct buf line = {0};
    buf_put_str(&line, name);
    buf_put_text(&line, value);
    buf_put_u8(&line, 0);
    list = curl_slist_append(list, (const char *)line.p);
    METE_ASSERT(list != NULL);
    secret_wipe(line.p, line.len);
    buf_clear(&line);
    return list;
}

static struct curl_slist *headers_make(struct peers *p, bool has_body, struct text known)
{
    struct curl_slist *list = line_add(NULL, "Accept: application/json", (struct text){0});
    if (has_body) {
        list = line_add(list, "Content-Type: application/json", (struct text){0});
    }
    pthread_mutex_lock(&p->lock);
    if (p->key != NULL) {
        list = line_add(list, "Authorization: Bearer ", text_of(p->key));
    }
    pthread_mutex_unlock(&p->lock);
    if (known.len > 0) {
        list = line_add(list, "If-None-Match: ", known);
    }
    return list;
}

/** No redirects, and no path that goes up: an address that is configured is the one that gets the
 *  key, and below it what was asked for, whatever an event calls its policy. */
static void call_set(CURL *c, struct answer *a, const char *url, struct text body,
                     const struct curl_slist *headers)
{
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, CALL_MS);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
    if (body.p != NULL) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.p);
    }
}

/** One header of the answer. */
static size_t etag_take(char *p, size_t size, size_t count, void *arg)
{
    static const char name[] = "etag:";
    char *etag = arg;
    size_t len = size * count;
    if (len >= sizeof name - 1 && strncasecmp(p, name, sizeof name - 1) == 0) {
        struct text value = {p + sizeof name - 1, len - (sizeof name - 1)};
        while (value.len > 0 && strchr(" \t", value.p[0]) != NULL) {
            value.p++;
            value.len--;
        }
        while (value.len > 0 && strchr(" \t\r\n", value.p[value.len - 1]) != NULL) {
            value.len--;
        }
        if (!text_copy(etag, PEERS_ETAG_MAX, value)) {
            etag[0] = '\0';
        }
    }
    return len;
}

struct call {
    const char *base;
    struct text path;
    struct text body;  /* p NULL: GET */
    struct text known; /* etag */
};

static enum mete_code call_do(struct peers *p, const struct call *call, struct buf *out,
                              struct peers_answer *answer, struct mete_err *err)
{
    char url[ADDRESS_MAX];
    size_t len = strlen(call->base);
    struct answer a = {.out = out};
    long code = 0;
    if (len + call->path.len + 1 > sizeof url) {
        return mete_fail(err, METE_UPSTREAM, NULL, "the address is too long");
    }
    memcpy(url, call->base, len);
    memcpy(url + len, call->path.p, call->path.len);
    url[len + call->path.len] = '\0';
    CURL *c = curl_easy_init();
    METE_ASSERT(c != NULL);
    struct curl_slist *headers = headers_make(p, call->body.p != NULL, call->known);
    call_set(c, &a, url, call->body, headers);
    answer->etag[0] = '\0';
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, etag_take);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, answer->etag);
    CURLcode failed = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    answer->status = (unsigned)code;
    return failed == CURLE_OK ? METE_OK
                              : mete_fail(err, METE_UPSTREAM, NULL, "%s: %s", call->base,
                                          curl_easy_strerror(failed));
}

enum mete_code peers_call(struct peers *p, const char *base, struct text path, struct text body,
                          struct buf *out, unsigned *status, struct mete_err *err)
{
    struct peers_answer answer = {.status = 0};
    const struct call call = {.base = base, .path = path, .body = body};
    enum mete_code code = call_do(p, &call, out, &answer, err);
    *status = answer.status;
    return code;
}

enum mete_code peers_get(struct peers *p, const char *base, struct text path, struct text known,
                         struct peers_answer *answer, struct mete_err *err)
{
    const struct call call = {.base = base, .path = path, .known = known};
    return call_do(p, &call, &answer->body, answer, err);
}

/* --- what is known -----------------------------------------------------------------------------*/

static struct buf policy_key(struct text book, struct text id)
{
    struct buf key = {0};
    buf_put_text(&key, book);
    buf_put_u8(&key, 0);
    buf_put_text(&key, id);
    return key;
}

enum policy_known peers_policy(struct peers *p, struct text book, struct text id, mete_time now)
{
    struct buf key = policy_key(book, id);
    pthread_mutex_lock(&p->lock);
    struct known *k = map_get(&p->policies, buf_bytes(&key));
    enum policy_known known = k != NULL ? k->known : POLICY_UNASKED;
    if (k != NULL) {
        k->used = true;
    }
    if (known == POLICY_NOWHERE && k->until <= now) {
        known = POLICY_UNASKED;
    }
    pthread_mutex_unlock(&p->lock);
    buf_clear(&key);
    return known;
}

void peers_policy_note(struct peers *p, struct text book, struct text id, enum policy_known known,
                       mete_time now)
{
    struct buf key = policy_key(book, id);
    pthread_mutex_lock(&p->lock);
    if (p->policies.count >= KNOWN_MAX) {
        map_clear(&p->policies);
    }
    struct known *k = map_put(&p->policies, buf_bytes(&key), NULL);
    /* what was met just now is looked after at once: it may be old */
    *k = (struct known){known, known == POLICY_NOWHERE ? now + ASK_AGAIN : now, true};
    pthread_mutex_unlock(&p->lock);
    buf_clear(&key);
}

static struct policy_due due_of(struct arena *a, struct bytes key)
{
    struct text t = arena_text(a, bytes_text(key));
    size_t len = strlen(t.p); /* of the book's name: no book has a zero byte in it */
    return (struct policy_due){{t.p, len}, {t.p + len + 1, t.len - len - 1}};
}

size_t peers_policies_due(struct peers *p, mete_time now, struct arena *a, struct policy_due *out,
                          size_t max)
{
    size_t count = 0;
    struct bytes key;
    void *value;
    pthread_mutex_lock(&p->lock);
    while (count < max && map_next(&p->policies, &p->looked, &key, &value)) {
        const struct known *k = value;
        if (k->known == POLICY_HERE && k->used && k->until <= now) {
            out[count++] = due_of(a, key);
        }
    }
    if (count < max) {
        p->looked = 0;
    }
    pthread_mutex_unlock(&p->lock);
    return count;
}

void peers_policy_checked(struct peers *p, const struct policy_due *due, mete_time now)
{
    struct buf key = policy_key(due->book, due->id);
    pthread_mutex_lock(&p->lock);
    struct known *k = map_get(&p->policies, buf_bytes(&key));
    if (k != NULL) {
        k->used = false;
        k->until = now + (mete_time)p->o.refresh_s * TIME_SECOND_US;
    }
    pthread_mutex_unlock(&p->lock);
    buf_clear(&key);
}
