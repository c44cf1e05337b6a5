/* SPDX-License-Identifier: Apache-2.0
 * Throwing old points and insight events away: in small steps, from one series to the next, of
 * which the oldest row comes first. Nothing is looked at but what goes, and one row of each series.
 */
#include "base/text.h"
#include "engine/insights_parts.h"
#include "engine/internal.h"

#define STEP_SERIES    64u /* series, or apps, that one step of a sweep looks at */
#define ARENA_SIZE_MAX ((size_t)1 << 30)

static const struct kpi_point POINTS_BEGIN = {.t = TIME_ALWAYS};
static const struct kpi_point POINTS_END = {.app = {"\xff", 1}};
static const struct insight EVENTS_BEGIN = {.kind = INSIGHT_EVENT, .t = TIME_ALWAYS};
static const struct insight EVENTS_END = {.kind = INSIGHT_BATCH, .app = {"\xff", 1}};

/* --- rows that shall go ------------------------------------------------------------------------*/

struct point_names {
    struct arena *a;
    struct kpi_point *p;
    size_t count;
};

static bool point_collect(void *arg, const struct kpi_point *p)
{
    struct point_names *n = arg;
    n->p[n->count++] = kpi_name_copy(n->a, p);
    return true;
}

struct event_names {
    struct arena *a;
    struct insight *i;
    size_t count;
};

static bool event_collect(void *arg, const struct insight *i)
{
    struct event_names *n = arg;
    n->i[n->count++] = insight_name_copy(n->a, i);
    return true;
}

/** Removes at most `rows` points of a series that are before a moment. */
static enum mete_code series_cut(struct engine *e, struct arena *a, const struct kpi_point *first,
                                 mete_time before, size_t rows, size_t *removed,
                                 struct mete_err *err)
{
    struct kpi_point until = *first;
    struct point_names names = {.a = a, .p = arena_array(a, rows, sizeof *names.p)};
    until.t = before;
    if (book_kpi_scan(e->book, first, &until, rows, point_collect, &names, err) != STORE_OK ||
        book_kpi_remove(e->book, names.p, names.count, err) != STORE_OK) {
        return err->code;
    }
    *removed = names.count;
    return METE_OK;
}

static enum mete_code app_cut(struct engine *e, struct arena *a, const struct insight *first,
                              mete_time before, size_t rows, size_t *removed, struct mete_err *err)
{
    const struct insight until = {.kind = first->kind, .app = first->app, .t = before};
    struct event_names names = {.a = a, .i = arena_array(a, rows, sizeof *names.i)};
    if (book_insight_scan(e->book, first, &until, rows, event_collect, &names, err) != STORE_OK ||
        book_insight_remove(e->book, names.i, names.count, err) != STORE_OK) {
        return err->code;
    }
    *removed = names.count;
    return METE_OK;
}

/* --- sweeping ----------------------------------------------------------------------------------*/

struct step {
    struct engine *e;
    struct insights_sweep *s;
    struct arena a;
    mete_time before;
    size_t rows; /* that may still go */
    bool done;
    struct mete_err *err;
};

/* A place is the name of a row, without its time: the next look begins after all of that name. */

static void place_put(struct insights_sweep *s, const struct text *part, size_t count)
{
    buf_reset(&s->place);
    for (size_t i = 0; i < count; i++) {
        buf_put_sized(&s->place, part[i]);
    }
}

static struct kpi_point point_place(const struct insights_sweep *s, struct arena *a)
{
    if (s->place.len == 0) {
        return POINTS_BEGIN;
    }
    struct text all = arena_text(a, buf_text(&s->place));
    struct reader r = reader_of(text_bytes(all));
    struct kpi_point p = {.t = TIME_NEVER};
    p.app = read_sized(&r);
    p.metric = read_sized(&r);
    p.bucket = read_sized(&r);
    p.env = read_sized(&r);
    p.tags = read_sized(&r);
    METE_ASSERT(reader_done(&r));
    return p;
}

static struct insight event_place(const struct insights_sweep *s, struct arena *a)
{
    if (s->place.len == 0) {
        return EVENTS_BEGIN;
    }
    struct text all = arena_text(a, buf_text(&s->place));
    struct insight i = {.kind = all.p[0] == '1' ? INSIGHT_EVENT : INSIGHT_BATCH,
                        .app = {all.p + 1, all.len - 1},
                        .t = TIME_NEVER};
    return i;
}

/** One series: what is old goes; *more: there was too much for this step. */
static enum mete_code points_step(struct step *step, bool *more)
{
    struct kpi_point first;
    bool found;
    size_t removed = 0;
    struct kpi_point at = point_place(step->s, &step->a);
    enum mete_code code = kpi_first(step->e, &at, &POINTS_END, &step->a, &first, &found, step->err);
    if (code != METE_OK || !found) {
        step->s->events = code == METE_OK;
        buf_reset(&step->s->place);
        return code;
    }
    if (first.t < step->before) {
        code = series_cut(step->e, &step->a, &first, step->before, step->rows, &removed, step->err);
    }
    *more = removed == step->rows;
    step->rows -= removed;
    if (code == METE_OK && !*more) {
        const struct text part[] = {first.app, first.metric, first.bucket, first.env, first.tags};
        place_put(step->s, part, ARRAY_LEN(part));
    }
    return code;
}

static enum mete_code events_step(struct step *step, bool *more)
{
    struct insight first;
    bool found;
    size_t removed = 0;
    struct insight at = event_place(step->s, &step->a);
    enum mete_code code =
        insight_first(step->e, &at, &EVENTS_END, &step->a, &first, &found, step->err);
    if (code != METE_OK || !found) {
        step->done = code == METE_OK;
        step->s->events = false;
        buf_reset(&step->s->place);
        return code;
    }
    if (first.t < step->before) {
        code = app_cut(step->e, &step->a, &first, step->before, step->rows, &removed, step->err);
    }
    *more = removed == step->rows;
    step->rows -= removed;
    if (code == METE_OK && !*more) {
        buf_reset(&step->s->place);
        buf_put_u8(&step->s->place, first.kind == INSIGHT_EVENT ? '1' : '2');
        buf_put_text(&step->s->place, first.app);
    }
    return code;
}

enum mete_code insights_sweep(struct engine *e, struct insights_sweep *s, mete_time before,
                              size_t rows, uint64_t *removed, bool *done, struct mete_err *err)
{
    struct step step = {.e = e, .s = s, .before = before, .rows = rows, .err = err};
    enum mete_code code = METE_OK;
    bool more = false;
    METE_ASSERT(rows > 0);
    arena_init(&step.a, ARENA_SIZE_MAX);
    for (unsigned i = 0; i < STEP_SERIES && code == METE_OK && !more && !step.done; i++) {
        code = s->events ? events_step(&step, &more) : points_step(&step, &more);
    }
    arena_clear(&step.a);
    *removed = rows - step.rows;
    *done = step.done;
    return code;
}

void insights_sweep_clear(struct insights_sweep *s)
{
    buf_clear(&s->place);
}
