/* SPDX-License-Identifier: Apache-2.0
 * Points and insights into another store: both sides are read page by page in the one order; what
 * differs is written, what the source has no more is removed. Each page is a group. */
#include "store/copy_insight.h"

#include "base/text.h"
#include "store/insight.h"

#define PAGE           1000u
#define ARENA_SIZE_MAX ((size_t)1 << 30)

static const struct kpi_point POINTS_BEGIN = {.t = TIME_ALWAYS};
static const struct kpi_point POINTS_END = {.app = {"\xff", 1}};
static const struct insight BEGIN = {.kind = INSIGHT_EVENT, .t = TIME_ALWAYS};
static const struct insight END = {.kind = INSIGHT_BATCH, .app = {"\xff", 1}};

struct copying {
    struct book *from;
    struct book *to;
    struct arena room[2]; /* of the page at hand, and of the one before */
    struct arena *a;
    struct kpi_point *point; /* of the page */
    struct kpi_point *point_there;
    struct insight *insight;
    struct insight *insight_there;
    size_t count;
    uint64_t written;
    struct mete_err *err;
};

static void page_begin(struct copying *c)
{
    c->a = &c->room[c->a == &c->room[0]];
    arena_reset(c->a);
    c->point = arena_array(c->a, PAGE, sizeof *c->point);
    c->point_there = arena_array(c->a, PAGE, sizeof *c->point_there);
    c->insight = arena_array(c->a, PAGE, sizeof *c->insight);
    c->insight_there = arena_array(c->a, PAGE, sizeof *c->insight_there);
    c->count = 0;
}

static bool point_keep(void *arg, const struct kpi_point *p)
{
    struct copying *c = arg;
    struct kpi_point *own = &c->point[c->count++];
    *own = *p;
    struct text *text[] = {&own->app,  &own->metric, &own->bucket, &own->env,
                           &own->tags, &own->v,      &own->unit};
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        *text[i] = arena_text(c->a, *text[i]);
    }
    return true;
}

static bool insight_keep(void *arg, const struct insight *i)
{
    struct copying *c = arg;
    struct insight *own = &c->insight[c->count++];
    *own = *i;
    struct text *text[] = {&own->app,      &own->env,     &own->id,  &own->type,
                           &own->severity, &own->message, &own->data};
    for (size_t k = 0; k < ARRAY_LEN(text); k++) {
        *text[k] = arena_text(c->a, *text[k]);
    }
    return true;
}

static bool point_same(const struct kpi_point *a, const struct kpi_point *b)
{
    return text_eq(a->v, b->v) && text_eq(a->unit, b->unit) && a->sent_at == b->sent_at &&
           a->received_at == b->received_at;
}

static bool insight_same(const struct insight *a, const struct insight *b)
{
    return hash_eq(&a->sha256, &b->sha256) && a->t == b->t && a->received_at == b->received_at;
}

/** What of the page the other book lacks (`remove`: what is to go here) moves to its front. */
static bool points_differ(struct copying *c, struct book *other, bool remove, size_t *kept)
{
    *kept = 0;
    if (book_kpi_find(other, c->point, c->count, c->a, c->point_there, c->err) != STORE_OK) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct kpi_point *there = &c->point_there[i];
        if (there->v.len == 0 || (!remove && !point_same(&c->point[i], there))) {
            c->point[(*kept)++] = c->point[i];
        }
    }
    return true;
}

static bool insights_differ(struct copying *c, struct book *other, bool remove, size_t *kept)
{
    *kept = 0;
    if (book_insight_find(other, c->insight, c->count, c->insight_there, c->err) != STORE_OK) {
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct insight *there = &c->insight_there[i];
        if (there->received_at == TIME_NEVER || (!remove && !insight_same(&c->insight[i], there))) {
            c->insight[(*kept)++] = c->insight[i];
        }
    }
    return true;
}

/** Every point of a book: written to the other side, or removed here when that has it no more. */
static bool points_pass(struct copying *c, bool remove)
{
    struct kpi_point from = POINTS_BEGIN;
    struct book *read = remove ? c->to : c->from;
    size_t seen;
    do {
        size_t kept;
        page_begin(c);
        if (book_kpi_scan(read, &from, &POINTS_END, PAGE, point_keep, c, c->err) != STORE_OK) {
            return false;
        }
        seen = c->count;
        if (seen == 0) {
            return true;
        }
        from = c->point[seen - 1];
        from.t++;
        if (!points_differ(c, remove ? c->from : c->to, remove, &kept) ||
            (remove ? book_kpi_remove : book_kpi_put)(c->to, c->point, kept, c->err) != STORE_OK ||
            book_commit(c->to, c->err) != STORE_OK) {
            return false;
        }
        c->written += remove ? 0 : kept;
    } while (seen == PAGE);
    return true;
}

static bool insights_pass(struct copying *c, bool remove)
{
    struct insight from = BEGIN;
    struct book *read = remove ? c->to : c->from;
    size_t seen;
    do {
        size_t kept;
        page_begin(c);
        if (book_insight_scan(read, &from, &END, PAGE, insight_keep, c, c->err) != STORE_OK) {
            return false;
        }
        seen = c->count;
        if (seen == 0) {
            return true;
        }
        from = c->insight[seen - 1];
        from.id.len++; /* the zero byte behind it: right after this name */
        if (!insights_differ(c, remove ? c->from : c->to, remove, &kept) ||
            (remove ? book_insight_remove : book_insight_put)(c->to, c->insight, kept, c->err) !=
                STORE_OK ||
            book_commit(c->to, c->err) != STORE_OK) {
            return false;
        }
        c->written += remove ? 0 : kept;
    } while (seen == PAGE);
    return true;
}

bool copy_insights(struct book *from, struct book *to, uint64_t *written, struct mete_err *err)
{
    struct copying c = {.from = from, .to = to, .err = err};
    arena_init(&c.room[0], ARENA_SIZE_MAX);
    arena_init(&c.room[1], ARENA_SIZE_MAX);
    bool fine = points_pass(&c, true) && points_pass(&c, false) && insights_pass(&c, true) &&
                insights_pass(&c, false);
    arena_clear(&c.room[0]);
    arena_clear(&c.room[1]);
    *written = c.written;
    return fine;
}
