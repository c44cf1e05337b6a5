/* SPDX-License-Identifier: Apache-2.0
 * Events that wait, and the queue of those that may try again. An event that is tried and still
 * waits may or may not have a page that says so; one that can be booked must have one. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/text.h"

void waiting_refresh(struct audit *a, struct waiter *waiter, const struct want *w)
{
    struct arena *keep = &a->book.keep;
    waiter->wait_count = w->wait_count;
    waiter->wait = arena_array(keep, w->wait_count, sizeof waiter->wait[0]);
    for (uint32_t i = 0; i < w->wait_count; i++) {
        waiter->wait[i] =
            (struct want_wait){.code = w->wait[i].code, .on = arena_text(keep, w->wait[i].on)};
    }
}

struct waiter *waiting_add(struct audit *a, uint64_t seq, const struct json *event,
                           enum event_kind kind, const struct want *w)
{
    struct arena *keep = &a->book.keep;
    struct waiting *all = &a->waiting;
    struct waiter *waiter = arena_alloc(keep, sizeof *waiter);
    waiter->seq = seq;
    waiter->kind = kind;
    waiter->raw = arena_text(keep, event->raw);
    waiting_refresh(a, waiter, w);
    all->waiter =
        arena_grow(keep, all->waiter, all->count, &all->capacity, sizeof(struct waiter *));
    all->waiter[all->count++] = waiter;
    return waiter;
}

static bool is_queued(const struct waiting *all, const struct waiter *waiter)
{
    for (uint32_t i = all->queue_first; i < all->queue_count; i++) {
        if (all->queue[i] == waiter) {
            return true;
        }
    }
    return false;
}

/* Puts a waiter at place `at` of the queue; false when it stands there already. */
static bool enqueue(struct audit *a, struct waiter *waiter, uint32_t at)
{
    struct waiting *all = &a->waiting;
    if (is_queued(all, waiter)) {
        return false;
    }
    all->queue = arena_grow(&a->book.keep, all->queue, all->queue_count, &all->queue_capacity,
                            sizeof(struct waiter *));
    for (uint32_t i = all->queue_count++; i > at; i--) {
        all->queue[i] = all->queue[i - 1];
    }
    all->queue[at] = waiter;
    return true;
}

static bool waits_on(const struct waiter *waiter, struct text on, bool for_usage)
{
    for (uint32_t i = 0; i < waiter->wait_count; i++) {
        if ((waiter->wait[i].code == METE_USAGE_NONE) == for_usage &&
            text_eq(waiter->wait[i].on, on)) {
            return true;
        }
    }
    return false;
}

/* Those booked stay in the list until it is half empty of others. */
static void drop_booked(struct waiting *all)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        if (!all->waiter[i]->booked) {
            all->waiter[kept++] = all->waiter[i];
        }
    }
    all->count = kept;
}

void waiting_open_policy(struct audit *a, struct text policy)
{
    drop_booked(&a->waiting);
    for (uint32_t i = 0; i < a->waiting.count; i++) {
        struct waiter *w = a->waiting.waiter[i];
        if (w->kind != EVENT_REVERSAL && waits_on(w, policy, false)) {
            (void)enqueue(a, w, a->waiting.queue_count);
        }
    }
}

void waiting_open_cycle(struct audit *a, struct text policy, uint64_t before_seq)
{
    for (uint32_t i = 0; i < a->waiting.count; i++) {
        struct waiter *w = a->waiting.waiter[i];
        if (!w->booked && w->seq < before_seq && waits_on(w, policy, true)) {
            (void)enqueue(a, w, a->waiting.queue_count);
        }
    }
}

/* A booked original lets its reversals try at once, before all others that are queued. */
void waiting_open_original(struct audit *a, struct text event_id)
{
    uint32_t at = a->waiting.queue_first;
    for (uint32_t i = 0; i < a->waiting.count; i++) {
        struct waiter *w = a->waiting.waiter[i];
        if (!w->booked && w->kind == EVENT_REVERSAL && waits_on(w, event_id, false) &&
            enqueue(a, w, at)) {
            at++;
        }
    }
}

/* Passed over in the queue: right only while it still has to wait. */
static void judge_passed(struct audit *a, struct waiter *waiter)
{
    struct json *event;
    struct want w = {0};
    if (waiter->booked) {
        return;
    }
    struct text id = a->report->event;
    if (json_parse(&a->decision, waiter->raw, &event, NULL) != METE_OK) {
        return;
    }
    struct moment m = outcome_moment(a, event, waiter->seq, a->recorded_at);
    outcome_judge(a, &m, waiter->kind, &w);
    a->report->event = m.event_id;
    if (w.wait_count == 0 && !w.unjudged) {
        report_difference(a->report, "what it waited for has come, but it was not decided anew");
    }
    waiting_refresh(a, waiter, &w);
    a->report->event = id;
}

struct waiter *waiting_next(struct audit *a, uint64_t about)
{
    struct waiting *all = &a->waiting;
    uint32_t at = all->queue_first;
    while (at < all->queue_count && all->queue[at]->seq != about) {
        at++;
    }
    if (at == all->queue_count) {
        report_difference(a->report, "the page decides event %" PRIu64 " anew, which was not due",
                          about);
        for (uint32_t i = 0; i < all->count; i++) {
            if (all->waiter[i]->seq == about && !all->waiter[i]->booked) {
                return all->waiter[i];
            }
        }
        return NULL;
    }
    while (all->queue_first < at) {
        judge_passed(a, all->queue[all->queue_first++]);
    }
    return all->queue[all->queue_first++];
}

void waiting_settle(struct audit *a)
{
    struct waiting *all = &a->waiting;
    while (all->queue_first < all->queue_count) {
        judge_passed(a, all->queue[all->queue_first++]);
    }
    all->queue_first = all->queue_count = 0;
}
