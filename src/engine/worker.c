/* SPDX-License-Identifier: Apache-2.0
 * The loop's one turn: a claim, then rail by rail what may have been sent already, then what is
 * new. */
#include "engine/worker_parts.h"

#include "base/text.h"
#include "crypto/seal.h"

#include <stdlib.h>

#define ARENA_MAX ((size_t)1 << 30)
#define IDLE_WAIT TIME_SECOND_US
#define WAIT_MOST (60 * TIME_SECOND_US)
#define DOUBLES   6u

struct worker *worker_new(const struct worker_options *o)
{
    struct worker *w = calloc(1, sizeof *w);
    METE_ASSERT(w != NULL && o->rails <= WORKER_RAILS_MAX);
    w->o = *o;
    char *book = calloc(1, o->book.len + 1);
    METE_ASSERT(book != NULL);
    METE_ASSERT(text_copy(book, o->book.len + 1, o->book));
    w->book = (struct text){book, o->book.len};
    arena_init(&w->arena, ARENA_MAX);
    return w;
}

static void secrets_wipe(struct worker *w)
{
    arena_wipe(&w->arena);
    secret_wipe(w->ask.p, w->ask.cap);
    secret_wipe(w->answer.p, w->answer.cap);
}

void worker_free(struct worker *w)
{
    if (w == NULL) {
        return;
    }
    secrets_wipe(w);
    arena_clear(&w->arena);
    buf_clear(&w->ask);
    buf_clear(&w->answer);
    free((void *)(uintptr_t)w->book.p);
    free(w);
}

bool worker_is_late(struct worker *w)
{
    w->now = w->o.clock != NULL ? w->o.clock(w->o.ctx) : w->now;
    return w->cut || w->now >= w->lease_until;
}

void worker_group(struct job_list jobs)
{
    qsort(jobs.job, jobs.count, sizeof(struct job *), worker_job_order);
}

static bool is_new(const struct job *job)
{
    return job->state == TRANSFER_QUEUED || job->state == TRANSFER_FAILED;
}

/** Each stretch of jobs that go the same way. */
static void jobs_run(struct worker *w, struct job_list jobs)
{
    for (size_t n; jobs.count > 0 && !w->cut; jobs.job += n, jobs.count -= n) {
        for (n = 1; n < jobs.count && jobs.job[n]->rail == jobs.job[0]->rail &&
                    is_new(jobs.job[n]) == is_new(jobs.job[0]);
             n++) {
        }
        const struct job_list some = {jobs.job, n};
        if (is_new(jobs.job[0])) {
            worker_prepare(w, some);
        } else {
            worker_probe(w, some);
        }
    }
}

void worker_run(struct worker *w, mete_time now, struct worker_round *out)
{
    struct job_list jobs;
    *out = (struct worker_round){0};
    w->round = out;
    w->now = now;
    w->cut = false;
    w->counts.rounds++;
    if (worker_claim(w, &jobs)) {
        out->claimed = jobs.count;
        jobs_run(w, jobs);
    } else {
        out->failed = true;
    }
    w->failures = out->failed ? w->failures + 1 : 0;
    unsigned doubles = w->failures > DOUBLES ? DOUBLES : w->failures;
    out->wait = out->failed ? IDLE_WAIT << doubles : out->claimed > 0 ? 0 : IDLE_WAIT;
    out->wait = out->wait < WAIT_MOST ? out->wait : WAIT_MOST;
    secrets_wipe(w);
}

void worker_counts_read(const struct worker *w, struct worker_counts *out)
{
    *out = w->counts;
}

const char *worker_call_name(enum worker_call c)
{
    static const char *const names[] = {
        [WORKER_PREPARE] = "prepare", [WORKER_SEND] = "send", [WORKER_PROBE] = "probe"};
    METE_ASSERT(c < WORKER_CALLS);
    return names[c];
}
