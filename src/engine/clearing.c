/* SPDX-License-Identifier: Apache-2.0
 * Saying the watermark. Its event's id is made of the moment, so that two who say the same say it
 * once. */
#include "engine/clearing.h"

#include "base/text.h"
#include "core/clearing.h"
#include "engine/own_event.h"
#include "engine/walk.h"

#include <stdio.h>

static void event_submit(struct engine *e, mete_time through, struct submit_result *r)
{
    char at[TIME_TEXT_MAX];
    char id[TIME_TEXT_MAX + 16];
    struct own_event event;
    time_format(through, at);
    (void)snprintf(id, sizeof id, "cleared_through:%s", at);
    const struct own_head head = {
        .id = text_of(id), .type = EVENT_CLEARED_THROUGH, .occurred_at = {true, through}};
    own_event_begin(&event, e, &head);
    jw_str(&event.w, "through", at);
    own_event_end(&event, r);
}

enum mete_code clearing_say(struct engine *e, mete_time through, struct clearing *out,
                            struct mete_err *err)
{
    struct submit_result r;
    *out = (struct clearing){.before = TIME_ALWAYS};
    if (view_cleared_through(engine_view(e), &out->before) == VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "the watermark cannot be read");
    }
    event_submit(e, through, &r);
    out->moved = r.status == SUBMIT_APPLIED;
    out->seq = r.seq;
    if (r.status == SUBMIT_DUPLICATE) {
        return mete_fail(err, METE_CLEARING_KNOWN, "/payload/through",
                         "entry %llu of the log says so already", (unsigned long long)r.seq);
    }
    if (!out->moved) {
        *err = r.err;
    }
    return out->moved ? METE_OK : r.err.code;
}

/* --- is there anything to say? -----------------------------------------------------------------*/

static bool event_look(void *arg, const struct walk_item *item)
{
    struct walk_head head;
    struct mete_err unused;
    struct arena a;
    bool *others = arg;
    arena_init(&a, (size_t)1 << 30);
    *others = walk_head_of(&a, item->bytes, &head, &unused) != METE_OK ||
              head.type != EVENT_CLEARED_THROUGH;
    arena_clear(&a);
    return !*others;
}

/** What clears between two watermarks was booked or disputed at most the longest window before the
 *  first of them, and at least the book's days before the second: without an entry of another kind
 *  from that time, nothing did. A book that clears at once has nothing to wait for. */
static enum mete_code anything_due(struct engine *e, mete_time before, mete_time through, bool *due,
                                   struct mete_err *err)
{
    struct book_config book;
    const struct view *v = engine_view(e);
    if (view_book(v, &book) == VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "the book's settings cannot be read");
    }
    mete_time days = book.clear_after_days_max + book.dispute_auto_clear_days + 1;
    mete_time from = before == TIME_ALWAYS ? 0 : before - days * TIME_DAY_US;
    mete_time until = through - book.clear_after_days * TIME_DAY_US;
    *due = false;
    return book.clear_after_days == 0 || until < 0
               ? METE_OK
               : walk_log(e, v->seq_at(v->ctx, from < 0 ? 0 : from), v->seq_at(v->ctx, until),
                          event_look, due, err);
}

enum mete_code clearing_tend(struct engine *e, mete_time through, struct clearing *out,
                             struct mete_err *err)
{
    bool due = false;
    *out = (struct clearing){.before = TIME_ALWAYS};
    if (view_cleared_through(engine_view(e), &out->before) == VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "the watermark cannot be read");
    }
    if (through <= out->before) {
        return METE_OK;
    }
    enum mete_code code = anything_due(e, out->before, through, &due, err);
    return code == METE_OK && due ? clearing_say(e, through, out, err) : code;
}
