/* SPDX-License-Identifier: Apache-2.0
 * Events that wait, and their release: when what they waited for comes, they are decided anew, in
 * their order, each as a page of the event that opened the release, before any later event. */
#include "core/economy.h"

#include "base/text.h"

#include <string.h>

struct first {
    uint64_t seq;
    uint64_t limit;
};

static bool first_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    struct first *first = arg;
    uint64_t seq = key_read_u64(key, key.len - 8);
    first->seq = seq <= first->limit ? seq : 0;
    return false;
}

static uint64_t first_under(struct work *w, struct key key, uint64_t cursor, uint64_t limit)
{
    struct key from = key;
    key_add_u64(&from, cursor + 1);
    struct key until = key_prefix_end(key);
    struct first first = {.limit = limit};
    enum view_result found =
        w->view->scan(w->view->ctx, key_bytes(&from), key_bytes(&until), first_visit, &first);
    w->missing |= found == VIEW_MISSING;
    return first.seq;
}

uint64_t work_first_waiting(struct work *w, struct key key, uint64_t cursor, uint64_t limit)
{
    uint64_t first = first_under(w, key, cursor, limit);
    if (key.b[0] != KEY_WAITING || key.b[1] != WAIT_POLICY) {
        return first;
    }
    struct key below = wait_below_key(key_read_u32(key_bytes(&key), 2));
    uint64_t other = first_under(w, below, cursor, first != 0 ? first : limit);
    return other != 0 ? other : first;
}

void work_release(struct work *w, struct key key)
{
    uint64_t limit = w->log_size - 1; /* not the event itself: a cycle may wait with the others */
    if (work_first_waiting(w, key, 0, limit) == 0) {
        return;
    }
    if (w->release_count == w->release_cap) {
        uint32_t cap = w->release_cap == 0 ? 4 : w->release_cap * 2;
        struct release_item *more = arena_array(w->a, cap, sizeof *more);
        if (w->release_count > 0) {
            memcpy(more, w->release, w->release_count * sizeof *more);
        }
        w->release = more;
        w->release_cap = cap;
    }
    w->release[w->release_count++] = (struct release_item){key, 0, limit};
}

static void item_pack(struct buf *out, const struct release_item *item)
{
    buf_put_sized(out, bytes_text(key_bytes(&item->key)));
    buf_put_varint(out, item->cursor);
    buf_put_varint(out, item->limit);
}

void work_queue(struct work *w, const struct release_item *items, size_t count)
{
    if (count + w->release_count == 0) {
        work_remove(w, key_of(KEY_QUEUE));
        return;
    }
    struct buf value = {0};
    buf_put_varint(&value, count + w->release_count);
    for (uint32_t i = 0; i < w->release_count; i++) {
        item_pack(&value, &w->release[i]);
    }
    for (size_t i = 0; i < count; i++) {
        item_pack(&value, &items[i]);
    }
    work_set(w, key_of(KEY_QUEUE), &value);
    buf_clear(&value);
}

static enum view_result queue_load(const struct view *v, struct arena *a,
                                   struct release_item **items, size_t *count)
{
    struct bytes value;
    struct key key = key_of(KEY_QUEUE);
    *count = 0;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    if (found != VIEW_FOUND) {
        return found;
    }
    struct reader r = reader_of(value);
    *count = read_varint(&r);
    *items = arena_array(a, *count, sizeof **items);
    for (size_t i = 0; i < *count; i++) {
        struct text k = read_sized(&r);
        METE_ASSERT(k.len <= STATE_KEY_MAX);
        memcpy((*items)[i].key.b, k.p, k.len);
        (*items)[i].key.len = k.len;
        (*items)[i].cursor = read_varint(&r);
        (*items)[i].limit = read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return VIEW_FOUND;
}

enum view_result release_pending(const struct view *view, bool *pending)
{
    struct bytes value;
    struct key key = key_of(KEY_QUEUE);
    enum view_result found = view->get(view->ctx, key_bytes(&key), &value);
    *pending = found == VIEW_FOUND;
    return found == VIEW_MISSING ? VIEW_MISSING : VIEW_FOUND;
}

/** The way that the event had waited on; its length, 0 when it was on one list only. */
static uint32_t way_load(struct work *w, uint64_t seq, uint32_t way[WAIT_WAY_MAX])
{
    struct key key = wait_way_key(seq);
    struct bytes value;
    uint32_t count = 0;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found != VIEW_FOUND) {
        return 0;
    }
    struct reader r = reader_of(value);
    while (count < WAIT_WAY_MAX && !reader_done(&r)) {
        way[count++] = (uint32_t)read_varint(&r);
    }
    METE_ASSERT(reader_done(&r));
    return count;
}

/** Takes the event off the lists of the policies above the one it had waited for, except those that
 *  it is on again. */
static void way_leave(struct work *w, uint64_t seq, const uint32_t *way, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        bool again = false;
        for (uint32_t k = 1; k < w->wait_way_count; k++) {
            again |= w->wait_way[k] == way[i];
        }
        if (!again) {
            struct key key = wait_below_key(way[i]);
            key_add_u64(&key, seq);
            work_remove(w, key);
        }
    }
    if (count > 0 && w->wait_way_count < 2) {
        work_remove(w, wait_way_key(seq));
    }
}

/** An invoice may wait for its user beside what it is found under: off that list too. Returns the
 *  other one. */
static struct key user_leave(struct work *w, struct key key, uint64_t seq, bool waits)
{
    const struct event *e = w->event;
    struct bytes value;
    struct key other = key;
    if (e->type != EVENT_INVOICE_PAID || e->correlation.user_id.len == 0) {
        return key;
    }
    struct key user = wait_user_key(e->app_id, e->correlation.user_id);
    key_add_u64(&user, seq);
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&user), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND && key.b[0] == KEY_WAIT_USER) {
        METE_ASSERT(value.len <= sizeof other.b);
        memcpy(other.b, value.p, value.len);
        other.len = value.len;
    }
    if (found == VIEW_FOUND && !waits) {
        work_remove(w, user);
    }
    return other;
}

/** Takes the event off the lists it stood on; `key` is the one it was found under. What it waits
 * for now was put before. */
static void unwait(struct work *w, struct key key, uint64_t seq, bool waits)
{
    uint32_t way[WAIT_WAY_MAX];
    key = user_leave(w, key, seq, waits);
    uint32_t count = key.b[1] == WAIT_POLICY ? way_load(w, seq, way) : 0;
    bool for_event = key.b[1] == WAIT_EVENT;
    if (count > 0) {
        key = wait_policy_key(way[0]);
    }
    way_leave(w, seq, way, count);
    if (waits && bytes_cmp(key_bytes(&key), key_bytes(&w->wait_key)) == 0) {
        return;
    }
    key_add_u64(&key, seq);
    work_remove(w, key);
    if (for_event) {
        work_add(w, key_of(KEY_COUNTER), 0, 0, 0, -1);
    }
}

/** Where the event's booking can be found from now on. */
static void booked_at(struct work *w, uint64_t seq, uint64_t at, uint32_t page)
{
    struct key key = key_of(KEY_BOOKED);
    key_add_u64(&key, seq);
    struct buf value = {0};
    buf_put_varint(&value, at);
    buf_put_varint(&value, page);
    work_set(w, key, &value);
    buf_clear(&value);
}

/** Decides the event at `seq` anew. */
static enum decided redecide(struct work *w, struct decide_in *in, uint64_t seq,
                             struct event *event)
{
    mete_time recorded;
    const struct view *v = in->view;
    enum view_result found = v->event(v->ctx, seq, w->a, event, &recorded);
    if (found != VIEW_FOUND) {
        METE_ASSERT(found == VIEW_MISSING);
        w->missing = true;
        return DECIDED_NEEDS;
    }
    in->event = event;
    in->seq = seq;
    w->event = event;
    w->released = true;
    w->out->about = seq;
    return work_decide(w);
}

/** The next step through a list of events that wait. */
static enum decided wait_step(struct work *w, struct decide_in *in, struct release_item *item,
                              struct event *event)
{
    uint64_t at = in->seq;
    uint64_t waiting = work_first_waiting(w, item->key, item->cursor, item->limit);
    METE_ASSERT(waiting != 0 || w->missing);
    enum decided outcome = w->missing ? DECIDED_NEEDS : redecide(w, in, waiting, event);
    if (outcome == DECIDED_REFUSED) {
        struct key stuck = key_of(KEY_WAITING);
        key_add_u8(&stuck, WAIT_STUCK);
        outcome = work_wait(w, w->err != NULL ? w->err->code : METE_POLICY_INVALID, stuck, "");
    }
    if (outcome != DECIDED_NEEDS && !w->missing) {
        outcome = work_finish(w, outcome);
        unwait(w, item->key, waiting, outcome == DECIDED_WAITING);
        if (outcome == DECIDED_APPLIED) {
            booked_at(w, waiting, at, w->page);
        }
        item->cursor = waiting;
    }
    return outcome;
}

/* --- invoices that belong to somebody else now -------------------------------------------------*/

#define LOOKS_MAX 64 /* of invoices that stay where they are, in one step */

struct invoice {
    struct decision d;
    uint64_t seq; /* where it is booked */
    uint32_t page;
    uint32_t campaign; /* whose it is now */
    uint32_t owner;
};

/** True when the invoice at `seq` is booked for another campaign than the one it belongs to now. */
static bool has_moved(struct work *w, struct decide_in *in, uint64_t seq, struct event *event,
                      struct invoice *i)
{
    mete_time recorded;
    struct campaign c;
    bool booked = false;
    const struct view *v = w->view;
    if (v->event(v->ctx, seq, w->a, event, &recorded) != VIEW_FOUND ||
        original_load(w, seq, &i->d, &i->seq, &i->page, &booked) != VIEW_FOUND) {
        w->missing = true;
        return false;
    }
    in->event = w->event = event;
    in->seq = seq;
    const struct group *g = invoice_group(&i->d);
    if (!booked || g == NULL || invoice_target(w, &i->campaign, &i->owner) != DECIDED_APPLIED ||
        i->campaign == 0 || i->campaign == g->node[0].policy) {
        return false;
    }
    w->missing |= view_campaign(v, w->a, i->campaign, &c) != VIEW_FOUND;
    return !w->missing && c.asset == g->asset;
}

/** The next step through the invoices of a user: books one anew, or finds no more of them. */
static enum decided rebook_step(struct work *w, struct decide_in *in, struct release_item *item,
                                struct event *event)
{
    uint64_t at = in->seq;
    enum decided outcome = DECIDED_APPLIED;
    for (unsigned looks = 0; looks < LOOKS_MAX && outcome == DECIDED_APPLIED; looks++) {
        struct invoice i = {0};
        uint64_t seq = work_first_waiting(w, item->key, item->cursor, item->limit);
        if (seq == 0 || w->missing) {
            break;
        }
        item->cursor = seq;
        if (!has_moved(w, in, seq, event, &i)) {
            continue;
        }
        w->out->about = seq;
        outcome = invoice_rebook(w, i.campaign, i.owner, &i.d, i.seq, i.page);
        booked_at(w, seq, at, w->page);
        break;
    }
    return w->missing ? DECIDED_NEEDS : work_finish(w, outcome);
}

enum decided release_next(struct arena *a, const struct view *view, uint64_t seq, uint32_t page,
                          mete_time recorded_at, struct decision *out, struct mete_err *err)
{
    struct release_item *items;
    size_t count;
    if (queue_load(view, a, &items, &count) != VIEW_FOUND) {
        return DECIDED_NEEDS;
    }
    struct event event;
    struct decide_in in = {.view = view, .seq = seq, .recorded_at = recorded_at};
    struct work w;
    work_begin(&w, a, &in, out, err);
    w.page = page;
    struct release_item *item = &items[0];
    struct key stood = item->key;
    enum decided outcome = stood.b[0] == KEY_USER_REVENUE ? rebook_step(&w, &in, item, &event)
                                                          : wait_step(&w, &in, item, &event);
    if (outcome != DECIDED_NEEDS && !w.missing) {
        bool more = work_first_waiting(&w, stood, item->cursor, item->limit) != 0;
        work_queue(&w, more ? items : items + 1, more ? count : count - 1);
    }
    if (w.missing) {
        outcome = DECIDED_NEEDS;
    }
    work_end(&w);
    return outcome;
}
