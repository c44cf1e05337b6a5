/* SPDX-License-Identifier: Apache-2.0
 * Events that wait, and the queue of those that may try again. An event that is tried and still
 * waits may or may not have a page that says so; one that can be booked must have one. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/text.h"

/* --- lists of the economy ----------------------------------------------------------------------*/

static struct text list_key(struct arena *a, enum wait_list list, struct text on)
{
    return arena_printf(a, "%c%.*s", 'A' + (int)list, (int)on.len, on.len > 0 ? on.p : "");
}

/* By seq, once each. */
static void list_insert(struct audit *a, struct waiters *l, struct waiter *waiter)
{
    uint32_t at = l->count;
    while (at > 0 && l->waiter[at - 1]->seq > waiter->seq) {
        at--;
    }
    if (at > 0 && l->waiter[at - 1] == waiter) {
        return;
    }
    l->waiter =
        arena_grow(&a->book.keep, l->waiter, l->count, &l->capacity, sizeof(struct waiter *));
    memmove(&l->waiter[at + 1], &l->waiter[at], (l->count++ - at) * sizeof(struct waiter *));
    l->waiter[at] = waiter;
}

void waiting_refresh(struct audit *a, struct waiter *waiter, const struct want *w)
{
    struct arena *keep = &a->book.keep;
    waiter->wait_count = w->wait_count;
    waiter->wait = arena_array(keep, w->wait_count, sizeof waiter->wait[0]);
    for (uint32_t i = 0; i < w->wait_count; i++) {
        waiter->wait[i] = w->wait[i];
        waiter->wait[i].on = arena_text(keep, w->wait[i].on);
        if (w->wait[i].list != LIST_POLICY) {
            struct text key = list_key(keep, w->wait[i].list, w->wait[i].on);
            list_insert(a, map_put(&a->waiting.list_of, text_bytes(key), NULL), waiter);
        }
    }
}

static bool is_reversal(const struct waiter *waiter)
{
    return waiter->kind == EVENT_REVERSAL || waiter->kind == EVENT_REFUND ||
           waiter->kind == EVENT_PAYMENT_UNDONE;
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
    for (uint32_t i = 0; is_reversal(waiter) && i < w->wait_count; i++) {
        (void)map_put(&all->originals, text_bytes(w->wait[i].on), NULL);
    }
    return waiter;
}

/* What a decision lets try again comes before all that was queued by those before it. Nobody minds
 * that a waiter stands in the queue twice. */
static void enqueue(struct audit *a, struct waiter *waiter)
{
    struct waiting *all = &a->waiting;
    uint32_t at = all->insert_at++;
    all->queue = arena_grow(&a->book.keep, all->queue, all->queue_count, &all->queue_capacity,
                            sizeof(struct waiter *));
    memmove(&all->queue[at + 1], &all->queue[at],
            (all->queue_count++ - at) * sizeof(struct waiter *));
    all->queue[at] = waiter;
}

static struct waiter *dequeue(struct waiting *all)
{
    return all->queue[all->queue_first++];
}

static bool waits_on(const struct waiter *waiter, enum wait_list list, struct text on,
                     bool for_usage)
{
    for (uint32_t i = 0; i < waiter->wait_count; i++) {
        if ((waiter->wait[i].code == METE_USAGE_NONE) == for_usage &&
            waiter->wait[i].list == list && text_eq(waiter->wait[i].on, on)) {
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
        if (!is_reversal(w) && waits_on(w, LIST_POLICY, policy, false)) {
            enqueue(a, w);
        }
    }
}

void waiting_open_cycle(struct audit *a, struct text policy, uint64_t before_seq)
{
    for (uint32_t i = 0; i < a->waiting.count; i++) {
        struct waiter *w = a->waiting.waiter[i];
        if (!w->booked && w->seq < before_seq && waits_on(w, LIST_POLICY, policy, true)) {
            enqueue(a, w);
        }
    }
}

void waiting_open_original(struct audit *a, struct text event_id)
{
    if (map_get(&a->waiting.originals, text_bytes(event_id)) == NULL) {
        return;
    }
    for (uint32_t i = 0; i < a->waiting.count; i++) {
        struct waiter *w = a->waiting.waiter[i];
        if (!w->booked && is_reversal(w) && waits_on(w, LIST_POLICY, event_id, false)) {
            enqueue(a, w);
        }
    }
}

void waiting_open(struct audit *a, enum wait_list list, struct text on)
{
    struct text key = list_key(&a->decision, list, on);
    struct waiters *l = map_get(&a->waiting.list_of, text_bytes(key));
    uint32_t kept = 0;
    for (uint32_t i = 0; l != NULL && i < l->count; i++) {
        struct waiter *w = l->waiter[i];
        if (!w->booked && waits_on(w, list, on, false)) {
            l->waiter[kept++] = w;
            enqueue(a, w);
        }
    }
    if (l != NULL) {
        l->count = kept;
    }
}

struct waiter *waiting_rebook(struct audit *a, uint64_t seq, struct text raw)
{
    struct waiter *waiter = arena_alloc(&a->book.keep, sizeof *waiter);
    waiter->seq = seq;
    waiter->kind = EVENT_INVOICE;
    waiter->raw = arena_text(&a->book.keep, raw);
    waiter->rebook = true;
    return waiter;
}

void waiting_again(struct audit *a, struct waiter *invoice)
{
    enqueue(a, invoice);
}

/* An invoice that is booked was right to be passed over while it belongs where it is. */
static void judge_unmoved(struct audit *a, const struct waiter *waiter)
{
    struct text id = a->report->event;
    const struct record *r = journal_at(&a->journal, waiter->seq);
    if (r != NULL && invoice_moved(a, waiter->seq)) {
        a->report->event = r->id;
        report_difference(a->report, "it belongs to another campaign now, but was not booked anew");
        a->report->event = id;
    }
}

/* Passed over in the queue: right only while it still has to wait. */
static void judge_passed(struct audit *a, struct waiter *waiter)
{
    struct json *event;
    struct want w = {0};
    if (waiter->rebook) {
        judge_unmoved(a, waiter);
    }
    if (waiter->booked || waiter->rebook) {
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
    all->queue_first = all->queue_count = all->insert_at = 0;
}
