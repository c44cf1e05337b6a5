/* SPDX-License-Identifier: Apache-2.0
 * An allocation with a dispute record is an exception: it is out of its due day for good, and the
 * record says whether its money is held back, cleared, or somebody else's. */
#include "audit/dispute.h"

#include <stdio.h>

#include "audit/member.h"
#include "base/i128.h"
#include "base/text.h"

/* An allocation by its id, event id / path. */
struct found_allocation {
    struct booking *booking;
    const struct found_group *g;
    uint32_t group, line;
};

static bool find_in(struct arena *a, struct booking *b, struct text path,
                    struct found_allocation *out)
{
    const struct found_group *group = booking_open(a, b);
    for (uint32_t i = 0; i < b->group_count; i++) {
        for (uint32_t k = 0; k < group[i].line_count; k++) {
            char text[LINE_PATH_MAX];
            if (group[i].kind != FOUND_REVENUE || group[i].line[k].kind != FOUND_ALLOCATION) {
                continue;
            }
            found_path(&group[i], i, k, text);
            if (text_is(path, text)) {
                *out = (struct found_allocation){b, &group[i], i, k};
                return true;
            }
        }
    }
    return false;
}

static bool find_allocation(struct journal *j, struct arena *a, struct text id,
                            struct found_allocation *out)
{
    size_t at = id.len;
    while (at > 0 && id.p[at - 1] != '/') {
        at--;
    }
    if (at == 0) {
        return false;
    }
    struct text path = {id.p + at, id.len - at};
    uint64_t seq;
    struct record *r = journal_find(j, (struct text){id.p, at - 1}, &seq);
    return r != NULL && r->booking != NULL && find_in(a, r->booking, path, out);
}

/* A dispute may last the book's days, the last moment included, and does not make an allocation
 * clear that would not be clear without it. */
static mete_time clear_from(const struct moment *m, const struct found_group *g, bool held)
{
    mete_time over = m->booked_at + (mete_time)m->book->dispute_days * TIME_DAY_US + 1;
    if (held) {
        return TIME_NEVER;
    }
    return g->clears_at > over ? g->clears_at : over;
}

/* Opens the record of an allocation, which takes it out of its due day. */
static struct dispute *open_record(struct journal *j, struct ledger *l, const struct moment *m,
                                   const struct found_allocation *x, struct undo *undo)
{
    const struct found_line *line = &x->g->line[x->line];
    struct dispute *d = arena_alloc(j->keep, sizeof *d);
    struct account *a = ledger_obtain(l, line->party, x->g->asset);
    d->clear_from = clear_from(m, x->g, (line->flags & FLAG_HELD) != 0);
    d->holder = line->party;
    d->left = &undo->line_left[x->line];
    d->next = a->disputes;
    a->disputes = d;
    undo->dispute[x->line] = d;
    ledger_withdraw(l, x->g, line, *d->left, m->booked_at);
    return d;
}

static void forbidden(struct moment *m, const char *why)
{
    report_difference(m->book->report, "the book took it although %s", why);
}

static void uphold(struct moment *m, struct want *w, const struct found_allocation *x,
                   struct dispute *d)
{
    struct text to = member_text(m->payload, "reallocate_to");
    if (to.len == 0) {
        to = m->book->unallocated;
    }
    struct text holder = names_id(&m->book->parties, d->holder);
    d->state = DISPUTE_UPHELD;
    if (*d->left <= 0) {
        return;
    }
    struct asset *asset = book_asset_numbered(m->book, x->g->asset);
    struct want_group *g = want_group(m, w, FOUND_UPHELD, asset, 0);
    g->target_seq = x->booking->seq;
    g->target_page = x->booking->page;
    g->target_group = x->group;
    want_line(m, g, FOUND_MOVED, holder, -*d->left)->party = d->holder;
    struct want_line *credit = to.len > 0
                                   ? want_line(m, g, FOUND_MOVED, to, *d->left)
                                   : want_own_line(m, g, FOUND_MOVED, OWN_UNALLOCATED, *d->left);
    d->holder = credit->party;
}

static void dispute_begin(struct journal *j, struct ledger *l, struct moment *m,
                          const struct found_allocation *x, struct undo *undo)
{
    bool held = (x->g->line[x->line].flags & FLAG_HELD) != 0;
    if (undo->dispute[x->line] != NULL) {
        forbidden(m, "the allocation was disputed or overridden before");
    } else if (!held && x->g->clears_at <= m->booked_at) {
        forbidden(m, "the allocation is clear already");
    } else {
        open_record(j, l, m, x, undo)->state = DISPUTE_OPEN;
    }
}

void dispute_take(struct journal *j, struct ledger *l, struct moment *m, struct want *w,
                  enum dispute_event said)
{
    struct found_allocation x;
    if (!find_allocation(j, m->arena, member_text(m->payload, "allocation_id"), &x)) {
        forbidden(m, "there is no such allocation");
        return;
    }
    struct undo *undo = booking_undo(j, x.booking, x.group, x.g);
    struct dispute *d = undo->dispute[x.line];
    bool open = d != NULL && dispute_is_open(d, m->booked_at);
    if (said == SAID_DISPUTED) {
        dispute_begin(j, l, m, &x, undo);
    } else if (said == SAID_OVERRIDDEN) {
        if (d == NULL) {
            d = open_record(j, l, m, &x, undo);
        } else if (!open) {
            forbidden(m, "the dispute is over");
        }
        d->state = DISPUTE_CLEARED;
    } else if (said == SAID_EVIDENCE) {
        return; /* words, at any time */
    } else if (!open) {
        forbidden(m, "no dispute is open");
    } else if (said == SAID_ESCALATED) {
        d->state = DISPUTE_ESCALATED;
    } else if (said == SAID_UPHELD) {
        uphold(m, w, &x, d);
    }
}

void clearing_take(struct moment *m)
{
    mete_time through = member_time(m->payload, "through", false, TIME_NEVER);
    if (through > m->booked_at) {
        forbidden(m, "the moment through which it clears had not come");
    } else if (through <= m->book->cleared_through) {
        forbidden(m, "the book had cleared through that moment");
    } else {
        m->book->cleared_through = through;
    }
}

void transfer_take(struct ledger *l, struct moment *m, struct want *w)
{
    struct asset *asset;
    i128 amount;
    if (!book_money(m->book, json_get(m->payload, "amount"), &asset, &amount)) {
        report_difference(m->book->report, "its amount cannot be read");
        return;
    }
    struct want_group *g = want_group(m, w, FOUND_TRANSFER, asset, 0);
    struct want_line *from = want_line(m, g, FOUND_MOVED, member_text(m->payload, "from"), -amount);
    uint32_t party = from->party;
    (void)want_line(m, g, FOUND_MOVED, member_text(m->payload, "to"), amount);
    const struct account *a = ledger_find(l, party, asset->number);
    struct balance b = a != NULL ? account_balance(a, m->booked_at) : (struct balance){0};
    if (b.cleared < amount) {
        char has[I128_TEXT_MAX];
        (void)i128_format(b.cleared, has);
        report_difference(m->book->report, "the book let it move more than is cleared: %s", has);
    }
}
