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
    for (uint32_t i = 0; kind == EVENT_REVERSAL && i < w->wait_count; i++) {
        (void)map_put(&all->originals, text_bytes(w->wait[i].on), NULL);
    }
    return waiter;
}

/* Puts a waiter at place `at` of the queue; false when it stands there already. */
static bool enqueue(struct audit *a, struct waiter *waiter, uint32_t at)
{
    struct waiting *all = &a->waiting;
    if (waiter->queued) {
        return false;
    }
    all->queue = arena_grow(&a->book.keep, all->queue, all->queue_count, &all->queue_capacity,
                            sizeof(struct waiter *));
    memmove(&all->queue[at + 1], &all->queue[at],
            (all->queue_count++ - at) * sizeof(struct waiter *));
    all->queue[at] = waiter;
    waiter->queued = true;
    return true;
}

static struct waiter *dequeue(struct waiting *all)
{
    struct waiter *waiter = all->queue[all->queue_first++];
    waiter->queued = false;
    return waiter;
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

/* An original that was released lets its reversals try at once, before all others in the queue. */
void waiting_open_original(struct audit *a, struct text event_id, bool at_once)
{
    if (map_get(&a->waiting.originals, text_bytes(event_id)) == NULL) {
        return;
    }
    uint32_t at = at_once ? a->waiting.queue_first : a->waiting.queue_count;
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
    a->report->event = id;
}

static struct waiter *find_waiter(const struct waiting *all, uint64_t seq)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->waiter[i]->seq == seq && !all->waiter[i]->booked) {
            return all->waiter[i];
        }
    }
    return NULL;
}

struct waiter *waiting_next(struct audit *a, uint64_t about, bool *due)
{
    struct waiting *all = &a->waiting;
    uint32_t at = all->queue_first;
    while (at < all->queue_count && all->queue[at]->seq != about) {
        at++;
    }
    *due = at < all->queue_count;
    if (!*due) {
        return find_waiter(all, about);
    }
    while (all->queue_first < at) {
        judge_passed(a, dequeue(all));
    }
    return dequeue(all);
}

void waiting_settle(struct audit *a)
{
    struct waiting *all = &a->waiting;
    while (all->queue_first < all->queue_count) {
        judge_passed(a, dequeue(all));
    }
    all->queue_first = all->queue_count = 0;
}
