/* SPDX-License-Identifier: Apache-2.0
 * What a rail says and what the worker does about it: the table of doc/decisions/0014-payouts.md.
 * Invariant: nothing is sent whose `sending` the book did not say to have taken, in this round, by
 * this worker. */
#include "engine/worker_parts.h"

#include "base/text.h"
#include "engine/payout_step.h"

#define ANCHOR_TRIES 8u /* anchors that may be taken, before an attempt is given up */

/* A way of telling the rail: one of the port's three calls. */
typedef void rail_calls(struct rail *r, struct rail_payment **p, size_t count, struct arena *a);

static bool same_group(const struct job *a, const struct job *b)
{
    return a->p.group.len > 0 && text_eq(a->p.group, b->p.group);
}

/** How many of the first go into one call: as many as the rail takes, and no group in two. */
static size_t chunk_of(struct job_list jobs)
{
    size_t max = jobs.job[0]->rail->kind->batch_max;
    max = max == 0 ? 1 : max > STEPS_MAX ? STEPS_MAX : max;
    if (jobs.count <= max) {
        return jobs.count;
    }
    size_t n = max;
    while (n > 0 && same_group(jobs.job[n - 1], jobs.job[n])) {
        n--;
    }
    return n > 0 ? n : max;
}

static struct job_list list_new(struct worker *w, size_t room)
{
    return (struct job_list){.job = arena_array(&w->arena, room + 1, sizeof(struct job *))};
}

static void list_add(struct job_list *list, struct job *job)
{
    list->job[list->count++] = job;
}

/** Asks the rail about all of them. What it leaves unsaid is unknown. */
static void rail_call(struct worker *w, enum worker_call which, struct job_list jobs)
{
    const struct worker_rail *rail = jobs.job[0]->rail;
    rail_calls *const calls[] = {
        [WORKER_PREPARE] = rail->kind->prepare,
        [WORKER_SEND] = rail->kind->send,
        [WORKER_PROBE] = rail->kind->probe,
    };
    struct rail_payment **p = arena_array(&w->arena, jobs.count, sizeof(struct rail_payment *));
    for (size_t i = 0; i < jobs.count; i++) {
        jobs.job[i]->p.report = (struct rail_report){.outcome = RAIL_UNKNOWN};
        jobs.job[i]->p.now = w->now;
        p[i] = &jobs.job[i]->p;
    }
    calls[which](rail->rail, p, jobs.count, &w->arena);
    for (size_t i = 0; i < jobs.count; i++) {
        w->counts.outcome[which][p[i]->report.outcome]++;
    }
}

/* --- what became of it -------------------------------------------------------------------------*/

static struct say say_of(struct job *job, enum event_type type)
{
    return (struct say){.job = job, .type = type};
}

/** The steps that an outcome of send or probe means; 1 or 2. */
static size_t report_steps(struct job *job, struct say *out)
{
    size_t n = 0;
    switch (job->p.report.outcome) {
    case RAIL_PAID:
        out[n++] = say_of(job, EVENT_PAYOUT_TRANSFER_PAID);
        break;
    case RAIL_ACCEPTED:
        out[n++] = say_of(job, EVENT_PAYOUT_TRANSFER_SENT);
        break;
    case RAIL_REJECTED:
    case RAIL_TRANSIENT:
        out[n++] = say_of(job, EVENT_PAYOUT_TRANSFER_FAILED);
        if (job->p.report.outcome == RAIL_REJECTED || job->p.attempt >= ATTEMPTS_MAX_OUT) {
            out[n++] = say_of(job, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT);
        }
        break;
    case RAIL_UNKNOWN:
    case RAIL_ABSENT: /* no answer to `send`: a defect, and nothing is proven */
    case RAIL_REPLACE:
        out[n++] = say_of(job, EVENT_PAYOUT_TRANSFER_UNKNOWN);
        break;
    }
    return n;
}

static void report(struct worker *w, struct job_list jobs)
{
    struct say *s = arena_array(&w->arena, 2 * jobs.count + 1, sizeof *s);
    size_t n = 0;
    for (size_t i = 0; i < jobs.count; i++) {
        n += report_steps(jobs.job[i], s + n);
    }
    worker_say(w, s, n, false);
}

/** What is committed goes out, groups together; and what became of it is said at once. What it does
 *  not come to in time stays `sending`: whoever claims it next finds its bytes. */
static void send(struct worker *w, struct job_list jobs)
{
    while (jobs.count > 0 && !worker_is_late(w)) {
        struct job_list some = {jobs.job, chunk_of(jobs)};
        rail_call(w, WORKER_SEND, some);
        report(w, some);
        jobs.job += some.count;
        jobs.count -= some.count;
    }
}

/* --- committing --------------------------------------------------------------------------------*/

struct committing {
    struct job_list sent;    /* taken: may be sent */
    struct job_list again;   /* to be prepared once more */
    struct job_list refused; /* the book pays nothing there for now: to be cancelled */
    const char *why[STEPS_MAX];
};

static const char *refusal_words(enum mete_code code)
{
    return code == METE_PARTY_HELD            ? "payouts to the party are held"
           : code == METE_DESTINATION_MISSING ? "the party has no destination on this rail"
           : code == METE_DESTINATION_COOLING ? "the party's destination was changed, and does not "
                                                "hold yet"
                                              : NULL;
}

static void commit_sort(struct worker *w, struct committing *c, const struct say *s)
{
    struct job *job = s->job;
    if (s->said == SAID_TAKEN) {
        job->p.sending_at = s->is_new ? w->now : job->p.sending_at;
        list_add(&c->sent, job);
    } else if (s->said == SAID_UNHEARD) {
        return; /* whoever claims it next finds out */
    } else if (s->code == METE_ANCHOR_USED && s->is_new) {
        job->anchors_taken++;
        list_add(&c->again, job);
    } else if (s->code == METE_STEP_LEFT_OUT && s->is_new) {
        list_add(&c->again, job);
    } else if (refusal_words(s->code) != NULL) {
        c->why[c->refused.count] = refusal_words(s->code);
        list_add(&c->refused, job);
    } /* else another worker is about it */
}

/** Says `sending` of jobs: a group in a request of its own, all or none. */
static void commit(struct worker *w, struct job_list jobs, bool is_new, struct committing *c)
{
    struct say *s = arena_array(&w->arena, jobs.count + 1, sizeof *s);
    c->sent = list_new(w, jobs.count);
    c->again = list_new(w, jobs.count);
    c->refused = list_new(w, jobs.count);
    for (size_t i = 0; i < jobs.count; i++) {
        struct job *job = jobs.job[i];
        s[i] = say_of(job, EVENT_PAYOUT_TRANSFER_SENDING);
        s[i].is_new = is_new;
        s[i].has_body = job->p.body_count > 0 && (is_new || job->p.report.outcome == RAIL_REPLACE);
    }
    for (size_t i = 0, n; i < jobs.count && !w->cut; i += n) {
        bool grouped = jobs.job[i]->p.group.len > 0;
        for (n = 1; i + n < jobs.count && (grouped ? same_group(jobs.job[i], jobs.job[i + n])
                                                   : jobs.job[i + n]->p.group.len == 0);
             n++) {
        }
        worker_say(w, s + i, n, grouped);
        for (size_t k = i; k < i + n; k++) {
            commit_sort(w, c, &s[k]);
        }
    }
}

static void cancel(struct worker *w, const struct committing *c)
{
    struct say *s = arena_array(&w->arena, c->refused.count + 1, sizeof *s);
    for (size_t i = 0; i < c->refused.count; i++) {
        s[i] = say_of(c->refused.job[i], EVENT_PAYOUT_TRANSFER_CANCELLED);
        s[i].words = text_of(c->why[i]);
    }
    worker_say(w, s, c->refused.count, false);
}

/* --- what is new -------------------------------------------------------------------------------*/

/** The steps of what could not be prepared; 1 or 2. */
static size_t unprepared_steps(struct job *job, struct text words, struct say *out)
{
    size_t n = 0;
    if (job->p.report.outcome != RAIL_REJECTED) {
        out[n] = say_of(job, EVENT_PAYOUT_TRANSFER_FAILED);
        out[n].words = words;
        out[n++].unprepared = true;
    }
    if (job->p.report.outcome == RAIL_REJECTED || job->p.attempt >= ATTEMPTS_MAX_OUT) {
        out[n] = say_of(job, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT);
        out[n++].words = words;
    }
    return n;
}

static void unprepared(struct worker *w, struct job_list jobs, struct text words)
{
    struct say *s = arena_array(&w->arena, 2 * jobs.count + 1, sizeof *s);
    size_t n = 0;
    for (size_t i = 0; i < jobs.count; i++) {
        n += unprepared_steps(jobs.job[i], words, s + n);
    }
    worker_say(w, s, n, false);
}

/** Prepared once: anchors, bodies and groups, or why not. The list keeps what can be committed,
 *  groups together. */
static void prepare_once(struct worker *w, struct job_list *jobs)
{
    struct job_list good = list_new(w, jobs->count);
    struct job_list bad = list_new(w, jobs->count);
    for (size_t i = 0; i < jobs->count; i++) {
        struct job *job = jobs->job[i];
        job->p.anchor = job->p.group = (struct text){.p = ""};
        job->p.body_count = 0;
        job->p.attempt = job->attempts + 1;
        job->p.anchors_taken = job->anchors_taken;
        job->p.sending_at = 0;
    }
    rail_call(w, WORKER_PREPARE, *jobs);
    for (size_t i = 0; i < jobs->count; i++) {
        struct job *job = jobs->job[i];
        bool fine = job->p.report.outcome == RAIL_ACCEPTED && job->p.anchor.len > 0 &&
                    job->p.body_count <= RAIL_BODIES_MAX;
        list_add(fine ? &good : &bad, job);
    }
    unprepared(w, bad, (struct text){0});
    *jobs = good;
    worker_group(*jobs);
}

static void prepare_some(struct worker *w, struct job_list jobs)
{
    struct committing *c = arena_alloc(&w->arena, sizeof *c);
    for (unsigned i = 0; jobs.count > 0 && !w->cut; i++) {
        if (i == ANCHOR_TRIES) {
            unprepared(w, jobs, TEXT("no anchor was free"));
            return;
        }
        prepare_once(w, &jobs);
        commit(w, jobs, true, c);
        for (size_t k = 0; k < c->sent.count; k++) {
            c->sent.job[k]->looks = 0;
        }
        send(w, c->sent);
        cancel(w, c);
        jobs = c->again;
    }
}

/** Those that nothing is to be prepared for: no destination, or no attempt left. */
static struct job_list hopeless_end(struct worker *w, struct job_list jobs)
{
    struct job_list rest = list_new(w, jobs.count);
    struct say *s = arena_array(&w->arena, jobs.count + 1, sizeof *s);
    size_t n = 0;
    for (size_t i = 0; i < jobs.count; i++) {
        struct job *job = jobs.job[i];
        if (job->attempts >= ATTEMPTS_MAX_OUT) {
            s[n] = say_of(job, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT);
            s[n++].words = TEXT("the first attempt and three more have failed");
        } else if (job->destination == DESTINATION_NONE) {
            s[n] = say_of(job, EVENT_PAYOUT_TRANSFER_CANCELLED);
            s[n++].words = TEXT("the party has no destination on this rail");
        } else if (job->destination == DESTINATION_OPEN) {
            list_add(&rest, job);
        } /* else it waits for a worker that has its key */
    }
    worker_say(w, s, n, false);
    return rest;
}

void worker_prepare(struct worker *w, struct job_list jobs)
{
    jobs = hopeless_end(w, jobs);
    for (size_t n; jobs.count > 0 && !worker_is_late(w); jobs.job += n, jobs.count -= n) {
        n = chunk_of(jobs);
        prepare_some(w, (struct job_list){jobs.job, n});
    }
}

/* --- what may have been sent -------------------------------------------------------------------*/

static void probe_some(struct worker *w, struct job_list jobs)
{
    struct committing *c = arena_alloc(&w->arena, sizeof *c);
    struct job_list known = list_new(w, jobs.count);
    struct job_list send_again = list_new(w, jobs.count);
    rail_call(w, WORKER_PROBE, jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        enum rail_outcome o = jobs.job[i]->p.report.outcome;
        bool again = o == RAIL_ABSENT || o == RAIL_REPLACE;
        list_add(again ? &send_again : &known, jobs.job[i]);
    }
    report(w, known);
    commit(w, send_again, false, c);
    send(w, c->sent);
}

void worker_probe(struct worker *w, struct job_list jobs)
{
    for (size_t n; jobs.count > 0 && !worker_is_late(w); jobs.job += n, jobs.count -= n) {
        n = chunk_of(jobs);
        probe_some(w, (struct job_list){jobs.job, n});
    }
}
