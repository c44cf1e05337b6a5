/* SPDX-License-Identifier: Apache-2.0
 * What is to be done without being asked: periods that came due are opened, batches that are open
 * are filled and closed. All of it follows from the book and the clock, so whoever takes over from
 * one that was killed goes on where it was. */
#include "engine/payouts.h"

#include "base/text.h"
#include "engine/walk.h"

#define BATCH_KEYS 64u
#define ARENA_MAX  ((size_t)256 << 20)

/* The batches behind the clerk's place, in order. */
struct search {
    struct engine *e;
    struct payout_clerk *clerk;
    bool unbroken; /* all that were looked at are closed */
    uint64_t found;
    struct mete_err *err;
};

/** A batch on demand is not filled but by those who ask, until its period is over. */
static bool is_waiting(struct engine *e, const struct batch_row *row)
{
    return row->batch.on_demand && row->batch.cutoff_at >= engine_now(e);
}

static bool batch_look(void *arg, const struct batch_row *row)
{
    struct search *s = arg;
    if (row->batch.is_closed) {
        s->clerk->settled = s->unbroken ? row->number : s->clerk->settled;
        return true;
    }
    s->unbroken = false;
    s->found = is_waiting(s->e, row) ? 0 : row->number;
    return s->found == 0;
}

static enum mete_code open_find(struct search *s)
{
    uint64_t next = s->clerk->settled;
    enum mete_code code = METE_OK;
    do {
        code = payout_batches_list(s->e, next, BATCH_KEYS, batch_look, s, &next, s->err);
    } while (code == METE_OK && s->found == 0 && next != 0);
    return code;
}

enum mete_code payout_clerk_look(struct engine *e, struct payout_clerk *clerk, bool *due,
                                 struct mete_err *err)
{
    struct arena a;
    struct search s = {.e = e, .clerk = clerk, .unbroken = true, .err = err};
    struct payout_period unused;
    arena_init(&a, ARENA_MAX);
    enum mete_code code = payout_period_due(e, &a, due, &unused, err);
    if (code == METE_OK && !*due && clerk->batch == 0) {
        code = open_find(&s);
    }
    *due = *due || clerk->batch != 0 || s.found != 0;
    arena_clear(&a);
    return engine_sound(e, code, err);
}

static enum mete_code page_fill(struct engine *e, struct payout_clerk *clerk, size_t max,
                                struct payout_batch_progress *done, struct arena *a,
                                struct mete_err *err)
{
    struct envelope *event = arena_alloc(a, sizeof *event);
    mete_time unused;
    bool waits;
    const struct page_of page = {clerk->behind, max, done, &waits};
    enum mete_code code = engine_event(e, clerk->batch, a, event, &unused, err);
    code = code == METE_OK ? payout_batch_step(e, event->event.id, &page, err) : code;
    if (code != METE_OK || done->is_done || waits) {
        clerk->batch = 0;
        clerk->behind = (struct payout_place){0};
    } else {
        clerk->behind = done->behind;
    }
    return code;
}

enum mete_code payout_clerk_step(struct engine *e, struct payout_clerk *clerk, size_t max,
                                 struct payout_batch_progress *done, struct mete_err *err)
{
    struct arena a;
    struct search s = {.e = e, .clerk = clerk, .unbroken = true, .err = err};
    *done = (struct payout_batch_progress){0};
    arena_init(&a, ARENA_MAX);
    enum mete_code code = payout_schedules_run(e, err);
    if (code == METE_OK && clerk->batch == 0) {
        code = open_find(&s);
        clerk->batch = s.found;
    }
    if (code == METE_OK && clerk->batch != 0) {
        code = page_fill(e, clerk, max, done, &a, err);
    }
    arena_clear(&a);
    return engine_sound(e, code, err);
}
