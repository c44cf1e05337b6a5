/* SPDX-License-Identifier: Apache-2.0
 * Stripe's events: made with what they tell of, sent in their order to one URL with a signature,
 * and again until somebody answers 2xx. Order and number are what faults make of them. */
#include "railsim/stripe.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define SEND_S      5L
#define TRIES_MAX   12
#define BACKOFF_US  500000
#define OVERTAKE_US (60 * TIME_SECOND_US) /* an event that waits for the next one waits so long */

void stripe_event(struct sim *s, struct call *c, const char *type, const struct stripe_object *o)
{
    char id[ID_MAX];
    struct arena a;
    struct json_writer w;
    struct buf b = {0};
    int64_t now_us = sim_now(s);
    struct text key = c != NULL ? call_header(c, "Idempotency-Key") : (struct text){0};
    arena_init(&a, (size_t)1 << 20);
    state_id(s, "evt_", id);
    jw_init(&w, &b, false);
    jw_object(&w, NULL);
    jw_str(&w, "id", id);
    jw_str(&w, "object", "event");
    if (o->account.len > 0) {
        jw_text(&w, "account", o->account);
    }
    jw_str(&w, "api_version", STRIPE_VERSION);
    jw_int(&w, "created", now_us / TIME_SECOND_US);
    jw_object(&w, "data");
    stripe_object_write(s, &a, &w, "object", o);
    jw_end_object(&w);
    jw_bool(&w, "livemode", false);
    jw_int(&w, "pending_webhooks", 1);
    jw_object(&w, "request");
    jw_null(&w, "id");
    jw_str(&w, "idempotency_key", key.len > 0 ? arena_text(&a, key).p : NULL);
    jw_end_object(&w);
    jw_str(&w, "type", type);
    jw_end_object(&w);
    bool twice = c != NULL && fault_take(c, FAULT_WEBHOOK_TWICE);
    bool waits = c != NULL && fault_take(c, FAULT_WEBHOOK_ORDER);
    state_do(s,
             "INSERT INTO webhook(id, type, account, body, due_us, tries, sent, waits, twice, "
             "created_us) VALUES(?,?,?,?,?,0,0,?,?,?)",
             "sstti"
             "iii",
             id, type, o->account.p != NULL ? o->account : TEXT(""), buf_text(&b), now_us,
             (int64_t)waits, (int64_t)twice, now_us);
    buf_clear(&b);
    arena_clear(&a);
}

/* --- sending -----------------------------------------------------------------------------------*/

struct delivery {
    int64_t seq, tries;
    struct text body;
    struct text url, secret;
    char signature[100];
};

static size_t nothing(char *p, size_t size, size_t count, void *ctx)
{
    (void)p;
    (void)ctx;
    return size * count;
}

static bool post(const struct delivery *d)
{
    char header[140];
    long status = 0;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return false;
    }
    (void)snprintf(header, sizeof header, "Stripe-Signature: %s", d->signature);
    struct curl_slist *headers = curl_slist_append(NULL, header);
    headers = curl_slist_append(headers, "Content-Type: application/json; charset=utf-8");
    (void)curl_easy_setopt(curl, CURLOPT_URL, d->url.p);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, SEND_S);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, nothing);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)d->body.len);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, d->body.p);
    if (curl_easy_perform(curl) == CURLE_OK) {
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status >= 200 && status < 300;
}

/** t=SECONDS,v1=HMAC-SHA256(secret, "SECONDS.body"). */
static void sign(struct sim *s, struct delivery *d)
{
    char hex[65];
    struct buf b = {0};
    long long now_s = (long long)(sim_now(s) / TIME_SECOND_US);
    buf_printf(&b, "%lld.", now_s);
    buf_put_text(&b, d->body);
    struct hash h = hmac_sha256(text_bytes(d->secret), buf_bytes(&b));
    hash_hex(&h, hex);
    (void)snprintf(d->signature, sizeof d->signature, "t=%lld,v1=%s", now_s, hex);
    buf_clear(&b);
}

static struct text setting(struct sim *s, struct arena *a, const char *key, const char *given)
{
    struct text found = {0};
    sqlite3_stmt *q = state_ask(s, "SELECT value FROM meta WHERE key = ?", "s", key);
    if (state_next(s, q)) {
        found = state_text(a, q, 0);
        state_end(q);
    }
    return found.p != NULL ? found : arena_text(a, text_of(given));
}

/** The first event that is due. One that waits is passed by until a later one was sent. */
static bool due(struct sim *s, struct arena *a, struct delivery *d)
{
    int64_t now_us = sim_now(s);
    d->url = setting(s, a, "webhook_url", s->o.webhook_url);
    d->secret = setting(s, a, "webhook_secret", s->o.webhook_secret);
    if (d->url.len == 0) {
        return false;
    }
    sqlite3_stmt *q = state_ask(
        s,
        "SELECT seq, tries, body FROM webhook AS w WHERE due_us <= ?1 AND sent <= twice AND tries "
        "< ?2 AND (waits = 0 OR created_us < ?1 - ?3 OR EXISTS(SELECT 1 FROM webhook WHERE seq > "
        "w.seq AND sent > 0)) ORDER BY seq LIMIT 1",
        "iii", now_us, (int64_t)TRIES_MAX, (int64_t)OVERTAKE_US);
    if (!state_next(s, q)) {
        return false;
    }
    d->seq = state_int(q, 0);
    d->tries = state_int(q, 1);
    d->body = state_text(a, q, 2);
    state_end(q);
    sign(s, d);
    return true;
}

void webhook_deliver(struct sim *s)
{
    struct arena a;
    bool more = true;
    arena_init(&a, (size_t)64 << 20);
    for (unsigned i = 0; more && i < 100; i++) {
        struct delivery d = {0};
        arena_reset(&a);
        pthread_mutex_lock(&s->lock);
        more = !s->is_ending && due(s, &a, &d);
        pthread_mutex_unlock(&s->lock);
        if (more) {
            bool taken = post(&d);
            pthread_mutex_lock(&s->lock);
            state_do(s,
                     "UPDATE webhook SET sent = sent + ?1, tries = CASE WHEN ?1 THEN 0 ELSE tries "
                     "+ 1 END, due_us = ?2 WHERE seq = ?3",
                     "iii", (int64_t)taken,
                     sim_now(s) + (taken ? 0 : BACKOFF_US * ((int64_t)1 << d.tries)), d.seq);
            pthread_mutex_unlock(&s->lock);
        }
    }
    arena_clear(&a);
}

/* --- asking for events -------------------------------------------------------------------------*/

static enum stripe_fate event_list(struct call *c)
{
    static const char *const known[] = {"created", "ending_before", "limit", "starting_after",
                                        "type",    "types",         NULL};
    struct json_writer w;
    int64_t limit = 10, count = 0;
    struct text type = call_arg(c, "type");
    struct text after = call_arg(c, "starting_after");
    if (!stripe_known(c, known)) {
        return STRIPE_NOT_KEPT;
    }
    (void)call_number(call_arg(c, "limit"), &limit);
    limit = limit < 1 ? 1 : limit > 100 ? 100 : limit;
    sqlite3_stmt *q = state_ask(c->s,
                                "SELECT body FROM webhook WHERE (?1 IS NULL OR type = ?1) AND "
                                "(?2 IS NULL OR seq < (SELECT seq FROM webhook WHERE id = ?2)) "
                                "ORDER BY seq DESC",
                                "tt", type, after);
    call_json(c, 200, &w);
    jw_object(&w, NULL);
    jw_str(&w, "object", "list");
    jw_array(&w, "data");
    while (state_next(c->s, q)) {
        if (count++ < limit) {
            jw_raw(&w, NULL, state_text(&c->arena, q, 0));
        }
    }
    jw_end_array(&w);
    jw_bool(&w, "has_more", count > limit);
    jw_str(&w, "url", "/v1/events");
    jw_end_object(&w);
    return STRIPE_NOT_KEPT;
}

static enum stripe_fate event_get(struct call *c)
{
    const struct stripe_error none = {404, "invalid_request_error", "resource_missing", "id",
                                      "No such event."};
    struct json_writer w;
    sqlite3_stmt *q = state_ask(c->s, "SELECT body FROM webhook WHERE id = ?", "t", c->part[0]);
    if (!state_next(c->s, q)) {
        stripe_fail(c, &none);
        return STRIPE_NOT_KEPT;
    }
    call_json(c, 200, &w);
    jw_raw(&w, NULL, state_text(&c->arena, q, 0));
    state_end(q);
    return STRIPE_NOT_KEPT;
}

static void on_event_list(struct call *c)
{
    stripe_run(c, event_list);
}

static void on_event_get(struct call *c)
{
    stripe_run(c, event_get);
}

/** Where events go from now on: url, secret. */
static void webhook_set(struct call *c)
{
    struct text url = call_arg(c, "url");
    struct text secret = call_arg(c, "secret");
    if (secret.len == 0) {
        call_plain(c, 400, "url (empty: nowhere) and secret\n");
        return;
    }
    state_do(c->s, "INSERT OR REPLACE INTO meta VALUES('webhook_url', ?)", "t",
             url.p != NULL ? url : TEXT(""));
    state_do(c->s, "INSERT OR REPLACE INTO meta VALUES('webhook_secret', ?)", "t", secret);
    call_plain(c, 200, "set\n");
}

const struct route webhook_routes[] = {
    {"GET", "/v1/events", "stripe.event.list", DOES_ANSWER | DOES_OWN_ERRORS, on_event_list},
    {"GET", "/v1/events/*", "stripe.event.get", DOES_ANSWER | DOES_OWN_ERRORS, on_event_get},
    {"POST", "/sim/webhook", "sim.webhook", DOES_CONTROL, webhook_set},
    {NULL, NULL, NULL, 0, NULL}};
