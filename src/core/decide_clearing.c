/* SPDX-License-Identifier: Apache-2.0
 * allocation.cleared_through: the watermark of a book. It moves no money, since what is due is
 * clear when its moment has come (core/balance.c); it says so in the log, for whoever follows that.
 * Goes forward alone, and never ahead of the log. */
#include "core/clearing.h"
#include "core/work.h"

struct key key_cleared(mete_time through)
{
    struct key key = key_of(KEY_CLEARED);
    key_add_time(&key, through);
    return key;
}

enum view_result view_cleared_through(const struct view *v, mete_time *through)
{
    struct key key = key_of(KEY_CLEARED);
    struct bytes value;
    enum view_result found = v->get(v->ctx, key_bytes(&key), &value);
    *through = TIME_ALWAYS;
    if (found == VIEW_FOUND) {
        struct reader r = reader_of(value);
        *through = (mete_time)read_zigzag(&r);
        METE_ASSERT(reader_done(&r));
    }
    return found;
}

static void cleared_put(struct work *w, mete_time through)
{
    struct buf value = {0};
    buf_put_zigzag(&value, through);
    work_set(w, key_of(KEY_CLEARED), &value);
    buf_reset(&value);
    buf_put_varint(&value, w->in->seq);
    work_set(w, key_cleared(through), &value);
    buf_clear(&value);
}

enum decided decide_clearing(struct work *w)
{
    mete_time through = w->event->clearing.through;
    mete_time before;
    char text[TIME_TEXT_MAX];
    w->missing |= view_cleared_through(w->view, &before) == VIEW_MISSING;
    if (through > w->now) {
        return work_refuse(w, METE_CLEARING_AHEAD, "/payload/through",
                           "the log is not as far as that yet");
    }
    if (!w->missing && through <= before) {
        time_format(before, text);
        return work_refuse(w, METE_CLEARING_KNOWN, "/payload/through",
                           "this book has said so through %s", text);
    }
    cleared_put(w, through);
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}
