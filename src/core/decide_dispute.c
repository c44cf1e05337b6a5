/* SPDX-License-Identifier: Apache-2.0
 * Disputes: an allocation can be held back while it is pending; then it is overridden (cleared
 * now), upheld (it changes hands), or clears by itself after the book's days, though not before it
 * is due, unless it was escalated or waits to be countersigned. */
#include "core/dispute.h"
#include "core/economy.h"

#include "base/text.h"

struct target {
    uint64_t seq;
    uint32_t page;
    uint32_t group;
    uint32_t line;
    const struct group *g;
    const struct line *l;
    struct dispute dispute;
    i128 left; /* not reversed yet */
};

static enum decided unknown(struct work *w)
{
    return work_refuse(w, METE_ALLOCATION_UNKNOWN, "/payload/allocation_id",
                       "no allocation has this id");
}

/** The line whose path is `path`. */
static bool line_find(const struct decision *d, struct text path, struct target *t)
{
    char text[PATH_TEXT_MAX];
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        for (uint32_t k = 0; k < g->line_count; k++) {
            if (g->line[k].kind == LINE_ALLOCATION && g->kind == GROUP_REVENUE &&
                line_path(g, i, k, text) == path.len && text_is(path, text)) {
                t->group = i;
                t->line = k;
                t->g = g;
                t->l = &g->line[k];
                return true;
            }
        }
    }
    return false;
}

static enum decided target_find(struct work *w, struct target *t)
{
    struct text id = w->event->allocation.allocation_id;
    size_t slash = id.len;
    while (slash > 0 && id.p[slash - 1] != '/') {
        slash--;
    }
    if (slash < 2) {
        return unknown(w);
    }
    struct key key = key_event_id((struct text){id.p, slash - 1});
    struct bytes value;
    enum view_result known = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= known == VIEW_MISSING;
    if (known != VIEW_FOUND) {
        return unknown(w);
    }
    struct reader r = reader_of(value);
    struct decision *d = arena_alloc(w->a, sizeof *d);
    bool booked = false;
    if (original_load(w, read_varint(&r), d, &t->seq, &t->page, &booked) == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (!booked || !line_find(d, (struct text){id.p + slash, id.len - slash}, t)) {
        return unknown(w);
    }
    struct reversed reversed;
    METE_ASSERT(t->l != NULL && t->g != NULL);
    w->missing |=
        reversed_load(w->view, w->a, t->seq, t->page, t->group, t->g, &reversed) == VIEW_MISSING;
    w->missing |=
        dispute_of(w->view, t->seq, t->page, t->group, t->line, &t->dispute) == VIEW_MISSING;
    t->left = t->l->amount - reversed.line[t->line];
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}

static mete_time target_due(const struct target *t)
{
    METE_ASSERT(t->l != NULL && t->g != NULL);
    return t->l->held ? TIME_NEVER : t->g->clears_at;
}

static enum decided forbidden(struct work *w, const struct target *t, const char *allowed)
{
    enum allocation_state state = allocation_state_at(target_due(t), &t->dispute, w->now);
    return work_refuse(w, METE_STATE_FORBIDS, "/payload/allocation_id", "the allocation is %s; %s",
                       allocation_state_name(state), allowed);
}

static void dispute_put(struct work *w, const struct target *t)
{
    struct buf value = {0};
    dispute_pack(&value, &t->dispute);
    work_set(w, dispute_key(t->seq, t->page, t->group, t->line), &value);
    buf_clear(&value);
}

/** Moves an amount in or out of the disputed money that clears by itself at some moment. */
static void disputed_add(struct work *w, const struct target *t, i128 amount)
{
    struct key key = key_u32x2(KEY_DISPUTED, t->dispute.owner, t->g->asset);
    key_add_time(&key, t->dispute.auto_clear_at);
    work_add(w, key, amount, 0, 0, 0);
}

/** Takes the allocation out of its due day: from now on it is an exception. */
static void due_leave(struct work *w, const struct target *t)
{
    work_add(w, key_pending(t->l->party, t->g->asset, time_day(target_due(t))), -t->left, 0, 0, 0);
}

static bool is_disputed(const struct work *w, const struct target *t)
{
    return allocation_state_at(target_due(t), &t->dispute, w->now) == ALLOCATION_DISPUTED;
}

/** When a dispute that nobody decides is over: not before the allocation is due, never while its
 *  share waits to be countersigned. */
static mete_time auto_clear_at(const struct work *w, const struct target *t)
{
    mete_time due = target_due(t);
    mete_time after = w->now + w->book.dispute_auto_clear_days * TIME_DAY_US;
    if (due == TIME_NEVER) {
        return TIME_NEVER;
    }
    return due > after ? due - 1 : after; /* it clears after this moment, so at the due one */
}

static enum decided dispute_open(struct work *w, struct target *t)
{
    if (t->dispute.state != DISPUTE_NONE || target_due(t) <= w->now) {
        return forbidden(w, t, "only a pending allocation can be disputed");
    }
    due_leave(w, t);
    t->dispute = (struct dispute){.state = DISPUTE_DISPUTED,
                                  .opened_at = w->now,
                                  .auto_clear_at = auto_clear_at(w, t),
                                  .changed_at = w->now,
                                  .amount = t->left,
                                  .owner = t->l->party};
    disputed_add(w, t, t->left);
    dispute_put(w, t);
    return DECIDED_APPLIED;
}

static enum decided dispute_escalate(struct work *w, struct target *t)
{
    if (!is_disputed(w, t)) {
        return forbidden(w, t, "only a disputed allocation can be escalated");
    }
    disputed_add(w, t, -t->dispute.amount);
    t->dispute.state = DISPUTE_ESCALATED;
    t->dispute.auto_clear_at = TIME_NEVER;
    t->dispute.changed_at = w->now;
    disputed_add(w, t, t->dispute.amount);
    dispute_put(w, t);
    return DECIDED_APPLIED;
}

/** Clears a disputed allocation, or one that waited to be countersigned. */
static enum decided dispute_override(struct work *w, struct target *t)
{
    bool held = t->dispute.state == DISPUTE_NONE && t->l->held;
    if (!held && !is_disputed(w, t)) {
        return forbidden(w, t, "only a disputed or held allocation can be overridden");
    }
    if (held) {
        due_leave(w, t);
        t->dispute = (struct dispute){.opened_at = w->now, .owner = t->l->party};
    } else {
        disputed_add(w, t, -t->dispute.amount);
    }
    t->dispute.state = DISPUTE_OVERRIDDEN;
    t->dispute.amount = 0;
    t->dispute.changed_at = w->now;
    dispute_put(w, t);
    return DECIDED_APPLIED;
}

/** Moves what is left of the allocation to its new owner. */
static void hand_over(struct work *w, const struct target *t, uint32_t owner)
{
    struct group *g = work_group(w, GROUP_UPHELD, t->g->asset);
    g->target_seq = t->seq;
    g->target_page = t->page;
    g->target_group = t->group;
    g->den = (u128)t->left;
    const uint32_t party[2] = {t->l->party, owner};
    for (size_t i = 0; i < 2; i++) {
        struct line *line = group_line(w->a, g);
        line->kind = LINE_TRANSFER;
        line->party = party[i];
        line->share = t->line;
        line->amount = i == 0 ? -t->left : t->left;
    }
}

/** The allocation changes hands, to another party or to what nobody gets. */
static enum decided dispute_uphold(struct work *w, struct target *t)
{
    if (!is_disputed(w, t)) {
        return forbidden(w, t, "only a disputed allocation can be upheld");
    }
    struct text to = w->event->allocation.reallocate_to;
    disputed_add(w, t, -t->dispute.amount);
    uint32_t owner = to.len > 0 ? work_party(w, to) : w->book.unallocated;
    if (t->left > 0) {
        hand_over(w, t, owner);
    }
    t->dispute.state = DISPUTE_UPHELD;
    t->dispute.amount = 0;
    t->dispute.owner = owner;
    t->dispute.changed_at = w->now;
    dispute_put(w, t);
    return DECIDED_APPLIED;
}

static enum decided dispute_step(struct work *w, struct target *t)
{
    switch ((int)w->event->type) {
    case EVENT_ALLOCATION_DISPUTED:
        return dispute_open(w, t);
    case EVENT_ALLOCATION_ESCALATED:
        return dispute_escalate(w, t);
    case EVENT_ALLOCATION_OVERRIDDEN:
        return dispute_override(w, t);
    case EVENT_ALLOCATION_UPHELD:
        return dispute_uphold(w, t);
    default: /* evidence: the event itself is the record */
        return t->dispute.state == DISPUTE_NONE ? forbidden(w, t, "evidence belongs to a dispute")
                                                : DECIDED_APPLIED;
    }
}

enum decided decide_dispute(struct work *w)
{
    struct target t = {0};
    enum decided fine = target_find(w, &t);
    fine = fine == DECIDED_APPLIED ? dispute_step(w, &t) : fine;
    if (fine == DECIDED_APPLIED) {
        about_allocation(w, w->event->allocation.allocation_id);
    }
    return fine;
}
