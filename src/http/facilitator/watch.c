/* SPDX-License-Identifier: Apache-2.0
 * The clock of the watch: one thread takes up what the book has open, and says which payment is
 * looked at when. The looking and what follows from it happens on the networks' lines and where the
 * book answers: watch_look.c, watch_stranger.c, watch_say.c. */
#include "http/facilitator/watch_parts.h"

#include "base/text.h"
#include "store/hash_seed.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS     5
#define IDLE_MS     500
#define LOAD_US     INT64_C(5000000) /* between looks at what the book has open */
#define LOAD_PAGE   200u
#define SEND_US     INT64_C(5000000) /* after that the bytes are sent again */
#define PATIENCE_US INT64_C(5000000) /* when the program is about to end */

/* --- taking payments up ------------------------------------------------------------------------*/

static struct item *item_find(struct watch *w, const char *id)
{
    struct item **at = omap_get(&w->by_id, text_bytes(text_of(id)));
    return at != NULL ? *at : NULL;
}

void watch_add(struct watch *w, const char *id, const struct x402_status *status,
               struct watch_waiter *waiter)
{
    enum watch_outcome outcome = WATCH_PENDING;
    struct arena a;
    struct text transaction = {0};
    struct text reason = {0};
    arena_init(&a, ITEM_ARENA);
    pthread_mutex_lock(&w->lock);
    struct item *i = item_find(w, id);
    if (i == NULL && !w->is_stopping) {
        i = item_make(w, id, status);
    }
    if (i != NULL && i->stage == STAGE_SENT && !w->is_stopping && waiter != NULL) {
        waiter->next = i->waiters;
        i->waiters = waiter;
        waiter = NULL;
    } else if (i != NULL && i->stage != STAGE_SENT) { /* it was quicker than who asks */
        outcome = i->reason.len > 0 ? WATCH_FAILED : WATCH_SETTLED;
        transaction = item_hash_text(&a, &i->settled_by);
        reason = arena_text(&a, i->reason);
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (waiter != NULL) {
        waiter->done(waiter, outcome, transaction, reason);
    }
    arena_clear(&a);
}

/* --- what the book has open --------------------------------------------------------------------*/

static void load_run(struct work *work, struct engine *e, const struct mete_err *why)
{
    struct watch *w = (struct watch *)(void *)((char *)work - offsetof(struct watch, load));
    char last[X402_ID_LEN + 1];
    struct text after = {0};
    struct text *ids;
    size_t count = LOAD_PAGE;
    struct mete_err err;
    (void)why;
    while (e != NULL && count == LOAD_PAGE) {
        struct arena a;
        arena_init(&a, ITEM_ARENA);
        if (x402_open_ids(e, after, LOAD_PAGE, &a, &ids, &count, &err) != METE_OK) {
            count = 0;
        }
        for (size_t k = 0; k < count; k++) {
            struct x402_status s;
            pthread_mutex_lock(&w->lock);
            const bool is_new = item_find(w, ids[k].p) == NULL;
            pthread_mutex_unlock(&w->lock);
            if (is_new && x402_find(e, ids[k], &a, &s, &err) == METE_OK) {
                watch_add(w, ids[k].p, &s, NULL);
            }
        }
        (void)text_copy(last, sizeof last, count > 0 ? ids[count - 1] : (struct text){0});
        after = text_of(last);
        arena_clear(&a);
    }
}

static void load_done(struct work *work, enum mete_code code, const struct mete_err *err)
{
    struct watch *w = (struct watch *)(void *)((char *)work - offsetof(struct watch, load));
    (void)code;
    (void)err;
    pthread_mutex_lock(&w->lock);
    w->is_loading = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/** With the lock. */
static void load_begin(struct watch *w)
{
    w->load = (struct work){.book = w->d->o.book, .run = load_run, .done = load_done};
    w->loaded_us = steady_now();
    w->is_loading = true;
    if (!workers_put(w->d->workers, &w->load)) {
        w->is_loading = false;
    }
}

/* --- the thread --------------------------------------------------------------------------------*/

/** Those who have waited too long; with the lock. */
static struct watch_waiter *impatient_take(struct item *i, int64_t now)
{
    struct watch_waiter *out = NULL;
    struct watch_waiter **at = &i->waiters;
    while (*at != NULL) {
        struct watch_waiter *one = *at;
        if (one->until_us <= now || i->w->patience_us <= now || i->w->is_stopping) {
            *at = one->next;
            memcpy(one->refusal, i->refusal, sizeof one->refusal);
            one->next = out;
            out = one;
        } else {
            at = &one->next;
        }
    }
    return out;
}

/** Whether it is looked at now; with the lock. It is busy then. */
static bool item_is_due(struct item *i, int64_t now)
{
    struct watch *w = i->w;
    if (w->is_stopping || i->is_busy || i->next_us > now || i->stage == STAGE_OVER) {
        return false;
    }
    i->is_busy = true;
    w->busy++;
    return true;
}

/** Only who has the item knows when it was sent. */
static void item_go(struct item *i, int64_t now)
{
    const bool sends = i->stage == STAGE_SENT && (i->must_send || now - i->sent_us >= SEND_US);
    i->must_send = false;
    item_look(i, sends);
}

/* What a round has found to do, without the lock. */
struct round {
    struct watch_waiter *impatient;
    struct item *due; /* by ask.next, which is nobody's before it is asked */
    int64_t next;
};

static void impatient_move(struct round *r, struct item *i, int64_t now)
{
    struct watch_waiter *list = impatient_take(i, now);
    while (list != NULL) {
        struct watch_waiter *one = list;
        list = one->next;
        one->next = r->impatient;
        r->impatient = one;
    }
}

/** One round over all; with the lock. */
static void round_look(struct watch *w, int64_t now, struct round *r)
{
    for (struct item **at = &w->items; *at != NULL;) {
        struct item *i = *at;
        impatient_move(r, i, now);
        if (i->stage == STAGE_OVER && !i->is_busy && i->waiters == NULL) {
            (void)omap_remove(&w->by_id, text_bytes(text_of(i->id)));
            *at = i->next;
            item_free(i);
            continue;
        }
        if (item_is_due(i, now)) {
            i->ask.next = (struct line_ask *)r->due;
            r->due = i;
        } else if (!i->is_busy && i->stage != STAGE_OVER && i->next_us < r->next) {
            r->next = i->next_us;
        }
        at = &i->next;
    }
}

/** With the lock, which is let go meanwhile. Returns how long nothing has to be done, in
 *  milliseconds. */
static int64_t round_go(struct watch *w)
{
    const int64_t now = steady_now();
    struct round r = {.next = now + IDLE_MS * 1000};
    round_look(w, now, &r);
    if (!w->is_loading && !w->is_stopping && now - w->loaded_us >= LOAD_US) {
        load_begin(w);
    }
    pthread_mutex_unlock(&w->lock);
    while (r.due != NULL) {
        struct item *i = r.due;
        r.due = (struct item *)i->ask.next;
        item_go(i, now);
    }
    waiters_tell(r.impatient, WATCH_PENDING, (struct text){0}, (struct text){0});
    pthread_mutex_lock(&w->lock);
    return r.next > now ? (r.next - now) / 1000 + 1 : 0;
}

static void *watch_run(void *arg)
{
    struct watch *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->is_stopping) {
        const int64_t pause = round_go(w);
        const struct timespec until = steady_after(pause < TICK_MS ? TICK_MS : pause);
        if (!w->is_stopping && pause > 0) {
            (void)pthread_cond_timedwait(&w->changed, &w->lock, &until);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void watch_start(struct watch **out, struct desk *d, const struct nets *nets, unsigned replace_s)
{
    struct watch *w = calloc(1, sizeof *w);
    METE_ASSERT(w != NULL);
    w->d = d;
    w->nets = nets;
    w->replace_us = (int64_t)replace_s * 1000000;
    w->loaded_us = -LOAD_US;
    w->patience_us = INT64_MAX;
    w->settle_time.bounds = &histogram_of_time;
    omap_init(&w->by_id, sizeof(struct item *), hash_seed());
    pthread_mutex_init(&w->lock, NULL);
    steady_cond_init(&w->changed);
    METE_ASSERT(pthread_create(&w->thread, NULL, watch_run, w) == 0);
    *out = w;
}

void watch_quiesce(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->patience_us = steady_now() + PATIENCE_US;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void watch_stop(struct watch *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_lock(&w->lock);
    (void)round_go(w); /* whoever waits is told */
    while (w->busy > 0 || w->is_loading) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    while (w->items != NULL) {
        struct item *i = w->items;
        w->items = i->next;
        item_free(i);
    }
    omap_clear(&w->by_id);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

void watch_stats(struct watch *w, struct watch_stats *out)
{
    const int64_t now = steady_now();
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    out->settle_time = &w->settle_time;
    for (const struct item *i = w->items; i != NULL; i = i->next) {
        if (i->stage == STAGE_MINED || i->stage == STAGE_LOST) {
            out->followed++;
        } else if (i->stage != STAGE_OVER) {
            out->open++;
            out->oldest_us =
                now - i->begun_us > out->oldest_us ? now - i->begun_us : out->oldest_us;
        }
    }
    pthread_mutex_unlock(&w->lock);
}
