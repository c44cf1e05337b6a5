/* SPDX-License-Identifier: Apache-2.0
 * A stream of any length through the one door, in constant memory. Two threads: the caller's reads,
 * cuts and prepares; another decides and commits in groups. They hand batches to one another. */
#include "engine/internal.h"

#include "store/steady.h"
#include "wire/stream.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK_SIZE      ((size_t)1 << 20)
#define GROUP_MAX       4096u
#define GROUP_BYTES_MAX ((size_t)16 << 20)
#define BATCH_MAX       64u
#define BATCHES         8u
#define BATCH_BYTES_MAX ((size_t)4 << 20) /* a batch of large events is handed on earlier */
#define EXPECT_AHEAD    2u                /* events whose ids are looked for in memory beforehand */
#define IDLE_MS         20 /* nothing came for this long: what is decided is committed */

struct batch {
    struct prepared *item[BATCH_MAX];
    size_t count;
    size_t bytes;
    uint64_t stream_bytes; /* read so far, for the progress line */
};

struct pump {
    struct engine *e;
    const struct ingest *in;
    struct ingest_counts *counts;
    size_t group_max;
    struct mete_err *err;
    enum mete_code code; /* the decider's: not METE_OK ends everything */

    struct stream *stream;
    uint64_t stream_bytes;
    struct submit_options options;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch batch[BATCHES];
    uint64_t filled;  /* batches handed on so far */
    uint64_t emptied; /* batches decided so far */
    bool end;         /* no further batch will come */
    bool failed;      /* the decider has stopped */
    bool starved;     /* the decider waits for a batch */
    bool stuffed;     /* the reader waits until half of the batches are free: waking is dear */
};

static bool is_stopped(const struct pump *p)
{
    return p->in->stop != NULL && *p->in->stop != 0;
}

/* --- deciding
 * -----------------------------------------------------------------------------------*/

static void count(struct ingest_counts *c, enum submit_status status)
{
    uint64_t *const counter[] = {&c->applied, &c->duplicate, &c->waiting, &c->refused,
                                 &c->conflict};
    if ((size_t)status < ARRAY_LEN(counter)) {
        (*counter[status])++;
    }
}

static void tell(const struct pump *p, const struct submit_result *r)
{
    if (p->in->tell != NULL) {
        p->in->tell(p->in->tell_ctx, r, p->counts);
    }
}

static enum mete_code commit(struct pump *p)
{
    if (p->in->dry_run || engine_queued(p->e) == 0) {
        return METE_OK;
    }
    enum mete_code code = engine_commit(p->e, p->err);
    if (code == METE_OK) {
        tell(p, NULL);
    }
    return code;
}

static enum mete_code item_decide(struct pump *p, struct prepared *item)
{
    struct submit_result r;
    engine_submit_prepared(p->e, item, &r);
    if (r.status == SUBMIT_FAILED) {
        *p->err = r.err;
        return r.err.code;
    }
    count(p->counts, r.status);
    tell(p, &r);
    bool full = engine_queued(p->e) >= p->group_max || engine_queued_bytes(p->e) >= GROUP_BYTES_MAX;
    return full ? commit(p) : METE_OK;
}

/** The next batch, or NULL at the end. Commits when none comes for a while. */
static struct batch *batch_take(struct pump *p)
{
    struct batch *b = NULL;
    pthread_mutex_lock(&p->lock);
    while (p->filled == p->emptied && !p->end) {
        const struct timespec until = steady_after(IDLE_MS);
        p->starved = true;
        int waited = pthread_cond_timedwait(&p->changed, &p->lock, &until);
        p->starved = false;
        if (waited != 0 && p->filled == p->emptied && engine_queued(p->e) > 0) {
            pthread_mutex_unlock(&p->lock);
            p->code = commit(p);
            pthread_mutex_lock(&p->lock);
            if (p->code != METE_OK) {
                break;
            }
        }
    }
    if (p->code == METE_OK && p->filled != p->emptied) {
        b = &p->batch[p->emptied % BATCHES];
    }
    pthread_mutex_unlock(&p->lock);
    return b;
}

static void batch_done(struct pump *p)
{
    pthread_mutex_lock(&p->lock);
    p->emptied++;
    if (p->stuffed && p->filled - p->emptied <= BATCHES / 2) {
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
}

static void *decider(void *arg)
{
    struct pump *p = arg;
    struct batch *b;
    while (p->code == METE_OK && (b = batch_take(p)) != NULL) {
        p->counts->bytes = b->stream_bytes;
        for (size_t i = 0; i < b->count && p->code == METE_OK; i++) {
            if (i + EXPECT_AHEAD < b->count) {
                engine_expect(p->e, b->item[i + EXPECT_AHEAD]);
            }
            p->code = item_decide(p, b->item[i]);
        }
        batch_done(p);
    }
    if (p->code == METE_OK) {
        p->code = commit(p);
    }
    pthread_mutex_lock(&p->lock);
    p->failed = p->code != METE_OK;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* --- reading
 * ------------------------------------------------------------------------------------*/

static struct batch *batch_open(struct pump *p)
{
    return &p->batch[p->filled % BATCHES];
}

/** Hands the open batch on and waits until the next one is free; false when the decider stopped. */
static bool batch_hand_on(struct pump *p)
{
    struct batch *b = batch_open(p);
    bool going = true;
    pthread_mutex_lock(&p->lock);
    if (b->count > 0) {
        b->stream_bytes = p->stream_bytes;
        p->filled++;
        if (p->starved) {
            pthread_cond_signal(&p->changed);
        }
    }
    p->stuffed = p->filled - p->emptied == BATCHES;
    while (p->stuffed && !p->failed) {
        pthread_cond_wait(&p->changed, &p->lock);
        p->stuffed = p->filled - p->emptied > BATCHES / 2;
    }
    going = !p->failed;
    pthread_mutex_unlock(&p->lock);
    if (b->count > 0 && going) {
        batch_open(p)->count = 0;
        batch_open(p)->bytes = 0;
    }
    return going;
}

static struct prepared *item_next(struct batch *b)
{
    if (b->item[b->count] == NULL) {
        b->item[b->count] = prepared_new();
    }
    return b->item[b->count++];
}

/** Cuts what was pushed into events and prepares them; false when the decider stopped. */
static bool items_prepare(struct pump *p)
{
    struct text text;
    uint64_t offset;
    uint64_t line;
    struct mete_err broken;
    while (!is_stopped(p)) {
        enum stream_item kind = stream_next(p->stream, &text, &offset, &line, &broken);
        if (kind == STREAM_MORE) {
            return true;
        }
        struct batch *b = batch_open(p);
        struct prepared *item = item_next(b);
        p->options.app_id = stream_app_id(p->stream);
        p->options.environment = stream_environment(p->stream);
        if (kind == STREAM_BROKEN) {
            engine_prepare_broken(item, text, &broken, &p->options);
        } else {
            engine_prepare(p->e, item, text, &p->options);
        }
        b->bytes += text.len;
        if ((b->count == BATCH_MAX || b->bytes > BATCH_BYTES_MAX) && !batch_hand_on(p)) {
            return false;
        }
    }
    return true;
}

static enum mete_code stream_pump(struct pump *p, uint8_t *chunk)
{
    bool end = false;
    while (!end && !is_stopped(p)) {
        /* reading may block: what is ready goes on first */
        if (!batch_hand_on(p)) {
            break;
        }
        long n = p->in->read(p->in->read_ctx, chunk, CHUNK_SIZE);
        if (is_stopped(p)) {
            break; /* what was not read is not there yet: half an event is no broken event */
        }
        if (n < 0) {
            return mete_fail(p->err, METE_FILE, "", "the stream cannot be read");
        }
        end = n == 0;
        p->stream_bytes += (uint64_t)n;
        stream_push(p->stream, (struct bytes){chunk, (size_t)n}, end);
        if (!items_prepare(p)) {
            break;
        }
    }
    (void)batch_hand_on(p);
    return METE_OK;
}

/** Starts the decider with all signals blocked: they belong to the reading thread. */
static bool decider_start(struct pump *p, pthread_t *thread)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool started = pthread_create(thread, NULL, decider, p) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static void pump_clear(struct pump *p)
{
    for (size_t i = 0; i < BATCHES; i++) {
        for (size_t k = 0; k < BATCH_MAX; k++) {
            prepared_free(p->batch[i].item[k]);
        }
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    stream_free(p->stream);
    free(p);
}

static struct pump *pump_new(struct engine *e, const struct ingest *in,
                             struct ingest_counts *counts, struct mete_err *err)
{
    struct pump *p = calloc(1, sizeof *p);
    METE_ASSERT(p != NULL);
    p->e = e;
    p->in = in;
    p->counts = counts;
    p->err = err;
    p->group_max = in->group_max != 0 ? in->group_max : GROUP_MAX;
    p->options.no_quarantine = in->no_quarantine || in->dry_run;
    p->stream = stream_new();
    METE_ASSERT(pthread_mutex_init(&p->lock, NULL) == 0);
    steady_cond_init(&p->changed);
    return p;
}

enum mete_code ingest_stream(struct engine *e, const struct ingest *in,
                             struct ingest_counts *counts, struct mete_err *err)
{
    struct pump *p = pump_new(e, in, counts, err);
    uint8_t *chunk = malloc(CHUNK_SIZE);
    pthread_t thread;
    METE_ASSERT(chunk != NULL && decider_start(p, &thread));
    enum mete_code code = stream_pump(p, chunk);
    pthread_mutex_lock(&p->lock);
    p->end = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(thread, NULL);
    counts->bytes = p->stream_bytes;
    code = p->code != METE_OK ? p->code : code;
    if (code != METE_OK || in->dry_run) {
        engine_rollback(e);
    }
    pump_clear(p);
    free(chunk);
    return code;
}
