/* SPDX-License-Identifier: Apache-2.0
 * A seller: its offers as far as the facilitator takes them, the 402 that it answers with, and the
 * way to the facilitator. No redirects: what follows one may be anybody's. */
#include "client/server_parts.h"

#include "base/text.h"
#include "wire/url.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX  ((size_t)16 << 20)
#define TIMEOUT_MS 90000u

/* --- the facilitator ---------------------------------------------------------------------------*/

static CURL *handle_take(const struct mete_x402 *s)
{
    pthread_mutex_lock(s->lock);
    CURL *c = *s->handle_count > 0 ? s->handle[--*s->handle_count] : NULL;
    pthread_mutex_unlock(s->lock);
    c = c != NULL ? c : curl_easy_init();
    METE_ASSERT(c != NULL);
    return c;
}

static void handle_give(const struct mete_x402 *s, CURL *c)
{
    curl_easy_reset(c); /* its connection stays */
    pthread_mutex_lock(s->lock);
    bool room = *s->handle_count < SERVER_HANDLES_MAX;
    if (room) {
        s->handle[(*s->handle_count)++] = c;
    }
    pthread_mutex_unlock(s->lock);
    if (!room) {
        curl_easy_cleanup(c);
    }
}

static size_t answer_take(char *p, size_t size, size_t count, void *arg)
{
    struct buf *out = arg;
    if (out->len + size * count > X402_BODY_MAX) {
        return 0;
    }
    buf_put(out, p, size * count);
    return size * count;
}

static struct curl_slist *headers_of(const struct mete_x402 *s, bool has_body)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Accept: application/json");
    if (has_body) {
        headers = curl_slist_append(headers, "Content-Type: application/json");
    }
    if (s->key.len > 0) {
        struct buf line = {0};
        buf_printf(&line, "Authorization: Bearer %s", s->key.p);
        buf_put_u8(&line, 0);
        headers = curl_slist_append(headers, (const char *)line.p);
        buf_clear(&line);
    }
    return headers;
}

long server_ask(const struct mete_x402 *s, const char *path, struct text body, struct buf *out)
{
    struct buf url = {0};
    long status = 0;
    CURL *c = handle_take(s);
    struct curl_slist *headers = headers_of(s, body.len > 0);
    buf_put_text(&url, s->facilitator);
    buf_put_str(&url, path);
    buf_put_u8(&url, 0);
    curl_easy_setopt(c, CURLOPT_URL, (const char *)url.p);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, s->allow_http ? "http,https" : "https");
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "libmete/" METE_VERSION);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    if (body.len > 0) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.p);
    }
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, out);
    if (curl_easy_perform(c) == CURLE_OK) {
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    buf_clear(&url);
    handle_give(s, c);
    return status;
}

/* --- opening -----------------------------------------------------------------------------------*/

static enum mete_code facilitator_set(struct mete_x402 *s, const struct mete_x402_options *o,
                                      struct mete_err *err)
{
    struct url url;
    struct text t = text_of(o->facilitator);
    const char *wrong = url_read(t, &url);
    if (wrong != NULL || url.has_query || url.fragment.len > 0) {
        return mete_fail(err, METE_USAGE, NULL, "the facilitator's URL: %s",
                         wrong != NULL ? wrong : "it has a query");
    }
    if (!url.is_https && !o->allow_http && !host_is_loopback(url.host)) {
        return mete_fail(err, METE_USAGE, NULL,
                         "the facilitator is not on this machine: use https, or allow_http");
    }
    while (t.len > 0 && t.p[t.len - 1] == '/') {
        t.len--;
    }
    s->facilitator = arena_text(&s->arena, t);
    s->allow_http = !url.is_https;
    s->key = arena_text(&s->arena, text_of(o->facilitator_key));
    s->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : TIMEOUT_MS;
    return METE_OK;
}

static struct text address_of_upto(struct arena *a, const struct x402_kind *kind)
{
    struct json *extra;
    if (kind == NULL || kind->extra.len == 0 ||
        json_parse(a, kind->extra, &extra, NULL) != METE_OK) {
        return (struct text){0};
    }
    const struct json *address = json_get(extra, "facilitatorAddress");
    return address != NULL && address->type == JSON_STRING ? address->text : (struct text){0};
}

/** False: the facilitator does not take it. */
static bool offer_allow(struct mete_x402 *s, struct server_offer *o,
                        const struct x402_supported *all)
{
    const char *v1 = x402_network_v1_name(o->offer.network);
    const struct x402_kind *v2 = x402_supported_find(all, 2, o->offer.scheme, o->offer.network);
    struct buf out = {0};
    struct json *parsed;
    o->has_v2 = v2 != NULL;
    o->has_v1 = v1 != NULL && x402_offer_has_v1(&o->offer) &&
                x402_supported_find(all, 1, o->offer.scheme, text_of(v1)) != NULL;
    if (o->is_upto) {
        struct text address = address_of_upto(&s->arena, v2);
        if (address.len == 0) {
            return false;
        }
        buf_put(&out, o->offer.extra.p, o->offer.extra.len - 1);
        buf_put_str(&out, ",\"facilitatorAddress\":");
        json_put_string(&out, address);
        buf_put_u8(&out, '}');
        o->offer.extra = arena_text(&s->arena, buf_text(&out));
        buf_reset(&out);
    }
    x402_offer_write_v2(&out, &o->offer);
    o->json = arena_text(&s->arena, buf_text(&out));
    METE_ASSERT(json_parse(&s->arena, o->json, &parsed, NULL) == METE_OK);
    o->parsed = parsed;
    buf_clear(&out);
    return o->has_v1 || o->has_v2;
}

static enum mete_code supported_ask(struct mete_x402 *s, struct mete_err *err)
{
    struct buf answer = {0};
    struct x402_supported all;
    long status = server_ask(s, "/supported", (struct text){0}, &answer);
    struct text text = arena_text(&s->arena, buf_text(&answer));
    size_t kept = 0;
    buf_clear(&answer);
    if (status != 200 || x402_supported_read(&s->arena, text, &all, NULL) != METE_OK) {
        return mete_fail(err, METE_UPSTREAM, NULL,
                         "the facilitator does not say what it takes: %.*s/supported %s%s",
                         (int)s->facilitator.len, s->facilitator.p,
                         status > 0 ? "answers with " : "does not answer",
                         status > 0 ? arena_printf(&s->arena, "%ld", status).p : "");
    }
    for (size_t i = 0; i < s->count; i++) {
        if (offer_allow(s, &s->offer[i], &all)) {
            s->offer[kept++] = s->offer[i];
        }
    }
    s->count = kept;
    return kept > 0
               ? METE_OK
               : mete_fail(err, METE_UPSTREAM, NULL, "the facilitator takes none of the offers");
}

static void seller_init(struct mete_x402 *s)
{
    arena_init(&s->arena, ARENA_MAX);
    s->lock = arena_alloc(&s->arena, sizeof *s->lock);
    s->handle = arena_array(&s->arena, SERVER_HANDLES_MAX, sizeof *s->handle);
    s->handle_count = arena_alloc(&s->arena, sizeof *s->handle_count);
    METE_ASSERT(pthread_mutex_init(s->lock, NULL) == 0);
}

enum mete_code mete_x402_open(struct mete_x402 **out, const struct mete_x402_options *o,
                              struct mete_err *err)
{
    struct mete_x402 *s = calloc(1, sizeof *s);
    *out = NULL;
    METE_ASSERT(s != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    seller_init(s);
    enum mete_code code = METE_OK;
    if (o->facilitator == NULL || o->offer_count == 0 || o->offer_count > SERVER_OFFERS_MAX) {
        code = mete_fail(err, METE_USAGE, NULL, "a facilitator and 1 to %d offers are needed",
                         SERVER_OFFERS_MAX);
    }
    code = code == METE_OK ? facilitator_set(s, o, err) : code;
    for (size_t i = 0; i < o->offer_count && code == METE_OK; i++) {
        code = server_offer_read(&s->arena, &o->offers[i], &s->offer[s->count], err);
        s->count += code == METE_OK;
    }
    s->description = arena_text(&s->arena, text_of(o->description));
    s->mime_type = arena_text(&s->arena, text_of(o->mime_type));
    code = code == METE_OK ? supported_ask(s, err) : code;
    if (code != METE_OK) {
        mete_x402_close(s);
        return code;
    }
    *out = s;
    return METE_OK;
}

void mete_x402_close(struct mete_x402 *s)
{
    if (s != NULL) {
        for (size_t i = 0; i < *s->handle_count; i++) {
            curl_easy_cleanup(s->handle[i]);
        }
        pthread_mutex_destroy(s->lock);
        arena_clear(&s->arena);
        free(s);
    }
}

/* --- asking for pay ----------------------------------------------------------------------------*/

void server_priced(const struct mete_x402 *s, int version, struct text url, struct text why,
                   struct x402_offer offers[SERVER_OFFERS_MAX], struct x402_priced *out)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (version == 1 ? s->offer[i].has_v1 : s->offer[i].has_v2) {
            offers[count++] = s->offer[i].offer;
        }
    }
    *out = (struct x402_priced){
        .resource = {.url = url, .description = s->description, .mime_type = s->mime_type},
        .offers = offers,
        .offer_count = count,
        .error = why};
}

static char *kept(struct buf *b)
{
    char *p = malloc(b->len + 1);
    METE_ASSERT(p != NULL);
    memcpy(p, b->p, b->len);
    p[b->len] = '\0';
    buf_clear(b);
    return p;
}

void mete_x402_required(const struct mete_x402 *s, const char *url, const char *why,
                        struct mete_x402_required *out)
{
    struct x402_offer offers[SERVER_OFFERS_MAX];
    struct x402_priced p;
    struct buf json = {0};
    struct buf header = {0};
    struct buf body = {0};
    out->header = NULL;
    server_priced(s, 2, text_of(url), text_of(why), offers, &p);
    if (p.offer_count > 0) {
        x402_required_write_v2(&json, &p);
        x402_header_write(&header, buf_text(&json));
        out->header = kept(&header);
    }
    server_priced(s, 1, text_of(url), text_of(why), offers, &p);
    x402_required_write_v1(&body, &p);
    out->body = kept(&body);
    buf_clear(&json);
}

void mete_x402_required_clear(struct mete_x402_required *r)
{
    free(r->header);
    free(r->body);
    *r = (struct mete_x402_required){0};
}
