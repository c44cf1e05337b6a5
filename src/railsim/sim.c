/* SPDX-License-Identifier: Apache-2.0
 * Begin, end, clock and routes of the simulator. */
#include "base/text.h"
#include "railsim/server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_MS 50u

int64_t sim_now(const struct sim *s)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * TIME_SECOND_US + t.tv_nsec / 1000 + s->clock_us;
}

struct timespec sim_after(uint32_t ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

bool sim_rest(struct sim *s, uint32_t ms)
{
    struct timespec until = sim_after(ms);
    pthread_mutex_lock(&s->lock);
    int got = 0;
    while (!s->is_ending && got == 0) {
        got = pthread_cond_timedwait(&s->ending, &s->lock, &until);
    }
    bool goes_on = !s->is_ending;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

void sim_tick(struct sim *s)
{
    state_do(s, "BEGIN", "");
    lightning_tick(s);
    stripe_tick(s);
    bank_tick(s);
    state_do(s, "COMMIT", "");
}

static void *work(void *arg)
{
    struct sim *s = arg;
    do {
        pthread_mutex_lock(&s->lock);
        sim_tick(s);
        bank_folder_tick(s);
        pthread_mutex_unlock(&s->lock);
        webhook_deliver(s);
    } while (sim_rest(s, TICK_MS));
    return NULL;
}

enum mete_code sim_start(struct sim **out, const struct sim_options *o, struct mete_err *err)
{
    struct sim *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    METE_ASSERT(s != NULL);
    s->o = *o;
    enum mete_code code = state_open(s, err);
    if (code != METE_OK) {
        free(s);
        return code;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->ending, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!server_open(s)) {
        state_close(s);
        free(s);
        return mete_fail(err, METE_SIM_START, NULL,
                         "the HTTP server did not start: see its "
                         "certificate");
    }
    METE_ASSERT(pthread_create(&s->worker, NULL, work, s) == 0);
    *out = s;
    return METE_OK;
}

void sim_stop(struct sim *s, struct buf *summary)
{
    pthread_mutex_lock(&s->lock);
    s->is_ending = true;
    pthread_cond_broadcast(&s->ending);
    pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->worker, NULL);
    server_close(s);
    buf_printf(summary, "seed %llu; fired: ", (unsigned long long)s->o.seed);
    fault_summary(s, summary);
    state_close(s);
    pthread_cond_destroy(&s->ending);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- routes ------------------------------------------------------------------------------------*/

/** Takes the next segment off, without its slash. */
static struct text segment_next(struct text *path)
{
    struct text t = {path->p, 0};
    if (path->len > 0 && path->p[0] == '/') {
        t.p++;
        const char *end = memchr(t.p, '/', path->len - 1);
        t.len = end != NULL ? (size_t)(end - t.p) : path->len - 1;
    }
    size_t taken = (size_t)(t.p - path->p) + t.len;
    *path = (struct text){path->p + taken, path->len - taken};
    return t;
}

static bool path_fits(struct call *c, const char *pattern)
{
    struct text want = text_of(pattern);
    struct text got = c->path;
    size_t parts = 0;
    while (want.len > 0 && got.len > 0) {
        struct text w = segment_next(&want);
        struct text g = segment_next(&got);
        if (text_is(w, "*") && g.len > 0) {
            METE_ASSERT(parts < CALL_PARTS_MAX);
            c->part[parts++] = g;
        } else if (!text_eq(w, g)) {
            return false;
        }
    }
    return want.len == 0 && got.len == 0;
}

static const struct route *route_in(const struct route *table, struct call *c, bool *path_known)
{
    for (const struct route *r = table; r->method != NULL; r++) {
        bool fits = path_fits(c, r->pattern);
        *path_known |= fits;
        if (fits && text_is(c->method, r->method)) {
            return r;
        }
    }
    return NULL;
}

const struct route *route_of(struct call *c, bool *path_known)
{
    const struct route *found = NULL;
    *path_known = false;
    for (size_t t = 0; sim_routes[t] != NULL && found == NULL; t++) {
        found = route_in(sim_routes[t], c, path_known);
    }
    return found;
}
