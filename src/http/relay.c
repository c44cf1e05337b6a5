/* SPDX-License-Identifier: Apache-2.0
 * The relay's thread, which does both sides of the inbox in turn, and what both sides need. */
#include "http/relay_parts.h"

#include "base/text.h"
#include "store/steady.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUSY_MS   2 /* between looks when there is something to wait for */
#define IDLE_MS   20
#define FAILED_MS 100 /* after the database gave no answer */
#define AWAY_MS   250 /* a book that was another's is not asked for again so soon */
#define BEAT_MS   100

int64_t relay_now_ms(void)
{
    return steady_now() / 1000;
}

/* --- sealing -----------------------------------------------------------------------------------*/

static void context_of(const struct inbox_item *item, struct buf *out)
{
    buf_put_str(out, "mete-inbox-v1");
    buf_put(out, item->id.b, sizeof item->id.b);
}

void relay_seal(const struct relay *r, const struct inbox_item *item, const struct buf *plain,
                struct buf *out)
{
    uint8_t nonce[SEAL_NONCE_LEN];
    struct buf context = {0};
    random_bytes(nonce, sizeof nonce);
    context_of(item, &context);
    seal(out, r->o.key, nonce, buf_bytes(&context), buf_bytes(plain));
    buf_clear(&context);
}

bool relay_unseal(const struct relay *r, const struct inbox_item *item, struct bytes sealed,
                  struct buf *plain)
{
    struct buf context = {0};
    context_of(item, &context);
    bool opened = seal_open(plain, r->o.key, buf_bytes(&context), sealed);
    buf_clear(&context);
    return opened;
}

/* --- whose book it is --------------------------------------------------------------------------*/

bool relay_is_away(struct relay *r, const char *book)
{
    bool is_away = false;
    int64_t now = relay_now_ms();
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < AWAY_MAX && !is_away; i++) {
        is_away = r->away[i].until_ms > now && strcmp(r->away[i].name, book) == 0;
    }
    pthread_mutex_unlock(&r->lock);
    return is_away;
}

void relay_note_away(struct relay *r, const char *book)
{
    size_t oldest = 0;
    if (strlen(book) >= NAME_LEN) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < AWAY_MAX; i++) {
        if (strcmp(r->away[i].name, book) == 0) {
            oldest = i;
            break;
        }
        oldest = r->away[i].until_ms < r->away[oldest].until_ms ? i : oldest;
    }
    memcpy(r->away[oldest].name, book, strlen(book) + 1);
    r->away[oldest].until_ms = relay_now_ms() + AWAY_MS;
    pthread_mutex_unlock(&r->lock);
}

/* --- the thread --------------------------------------------------------------------------------*/

static void wait_a_while(struct relay *r)
{
    int64_t ms = r->failed                                                   ? FAILED_MS
                 : r->waiting != NULL || relay_now_ms() < r->active_until_ms ? BUSY_MS
                                                                             : IDLE_MS;
    const struct timespec until = steady_after(ms);
    pthread_mutex_lock(&r->lock);
    bool nothing = r->failed || (r->fresh == NULL && r->answers == NULL);
    if (!r->stopping && nothing) {
        (void)pthread_cond_timedwait(&r->changed, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
}

static void beat(struct relay *r)
{
    int64_t now = relay_now_ms();
    if (now - r->beat_ms >= BEAT_MS) {
        r->beat_ms = now;
        r->o.beat(r->o.ctx);
    }
}

static bool is_stopping(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    bool stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return stopping;
}

static void failure_note(struct relay *r)
{
    int64_t since = r->failed_since_ms != 0 ? r->failed_since_ms : relay_now_ms();
    r->failed_since_ms = r->failed ? since : 0;
}

static void *relay_run(void *arg)
{
    struct relay *r = arg;
    while (!is_stopping(r)) {
        r->failed = false;
        relay_ask_round(r);
        relay_decide_round(r);
        failure_note(r);
        beat(r);
        wait_a_while(r);
    }
    relay_ask_end(r);
    return NULL;
}

void relay_start(struct relay **out, const struct relay_options *o)
{
    struct relay *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    r->o = *o;
    r->inbox = inbox_new(o->store);
    (void)text_copy(r->node, sizeof r->node, text_of(o->node));
    METE_ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
    steady_cond_init(&r->changed);
    *out = r; /* what arrives is answered by it */
    METE_ASSERT(pthread_create(&r->thread, NULL, relay_run, r) == 0);
}

void relay_stop(struct relay *r)
{
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
}

void relay_free(struct relay *r)
{
    if (r == NULL) {
        return;
    }
    relay_decide_end(r); /* of what was still at work */
    inbox_free(r->inbox);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    secret_wipe(r->o.key, sizeof r->o.key);
    free(r);
}
