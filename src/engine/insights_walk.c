/* SPDX-License-Identifier: Apache-2.0
 * Looking at every point and insight event of a book, page by page: whether they are what was
 * written, and whether they name a party. */
#include "base/text.h"
#include "engine/insights_parts.h"
#include "engine/internal.h"
#include "wire/json.h"

#include <string.h>

#define PAGE           500u
#define ARENA_SIZE_MAX ((size_t)1 << 30)

static const struct kpi_point POINTS_BEGIN = {.t = TIME_ALWAYS};
static const struct kpi_point POINTS_END = {.app = {"\xff", 1}};
static const struct insight EVENTS_BEGIN = {.kind = INSIGHT_EVENT, .t = TIME_ALWAYS};
static const struct insight EVENTS_END = {.kind = INSIGHT_BATCH, .app = {"\xff", 1}};

struct walk;
typedef void look_at_point(struct walk *w, const struct kpi_point *p);
typedef void look_at_event(struct walk *w, const struct insight *i);

struct walk {
    struct engine *e;
    look_at_point *point;
    look_at_event *event;
    struct arena room[2]; /* of the page at hand, and of the one before */
    struct arena *a;      /* of the page at hand */
    struct kpi_point last_point;
    struct insight last_event;
    size_t seen; /* rows of the page */
    bool damaged;
    struct insights_held *held; /* who counts */
    struct text party;          /* who searches */
    bool remove;
    uint64_t named;
    struct kpi_point *go_point; /* of the page, what shall go */
    struct insight *go_event;
    size_t go;
    struct mete_err *err;
};

static bool point_visit(void *arg, const struct kpi_point *p)
{
    struct walk *w = arg;
    struct kpi_point before = w->last_point;
    w->seen++;
    w->last_point = kpi_name_copy(w->a, p);
    if (w->held != NULL) { /* the end of a series is where the name changes */
        before.t = w->last_point.t;
        w->held->series += kpi_point_cmp(&before, &w->last_point) != 0;
    }
    w->point(w, p);
    return !w->damaged;
}

static bool event_visit(void *arg, const struct insight *i)
{
    struct walk *w = arg;
    w->seen++;
    w->last_event = insight_name_copy(w->a, i);
    w->event(w, i);
    return !w->damaged;
}

/** A new page: names of the one before stay for now. */
static void page_begin(struct walk *w)
{
    w->a = &w->room[w->a == &w->room[0]];
    arena_reset(w->a);
    w->go_point = arena_array(w->a, PAGE, sizeof *w->go_point);
    w->go_event = arena_array(w->a, PAGE, sizeof *w->go_event);
    w->seen = w->go = 0;
}

static enum mete_code page_end(struct walk *w, enum store_result r)
{
    if (r == STORE_OK && w->damaged) {
        return mete_fail(w->err, METE_STORE_CORRUPT, NULL,
                         "what an app has reported is not what was written");
    }
    return r == STORE_OK ? METE_OK : w->err->code;
}

static enum mete_code walk_points(struct walk *w)
{
    enum mete_code code;
    struct kpi_point from = POINTS_BEGIN;
    w->last_point = (struct kpi_point){0};
    do {
        page_begin(w);
        code = page_end(
            w, book_kpi_scan(w->e->book, &from, &POINTS_END, PAGE, point_visit, w, w->err));
        if (code == METE_OK && w->go > 0 &&
            book_kpi_remove(w->e->book, w->go_point, w->go, w->err) != STORE_OK) {
            code = w->err->code;
        }
        from = w->last_point;
        from.t++; /* never the last moment there is */
    } while (code == METE_OK && w->seen == PAGE);
    return code;
}

static enum mete_code walk_events(struct walk *w)
{
    enum mete_code code;
    struct insight from = EVENTS_BEGIN;
    do {
        page_begin(w);
        code = page_end(
            w, book_insight_scan(w->e->book, &from, &EVENTS_END, PAGE, event_visit, w, w->err));
        if (code == METE_OK && w->go > 0 &&
            book_insight_remove(w->e->book, w->go_event, w->go, w->err) != STORE_OK) {
            code = w->err->code;
        }
        from = w->last_event;
        from.id.len++; /* the zero byte behind it: right after this name */
    } while (code == METE_OK && w->seen == PAGE);
    return code;
}

static enum mete_code walk_all(struct walk *w)
{
    arena_init(&w->room[0], ARENA_SIZE_MAX);
    arena_init(&w->room[1], ARENA_SIZE_MAX);
    enum mete_code code = walk_points(w);
    code = code == METE_OK ? walk_events(w) : code;
    arena_clear(&w->room[0]);
    arena_clear(&w->room[1]);
    return code;
}

/* --- are they what was written -----------------------------------------------------------------*/

static void time_note(struct insights_held *h, mete_time t)
{
    h->oldest = t < h->oldest ? t : h->oldest;
}

static void point_verify(struct walk *w, const struct kpi_point *p)
{
    struct text plain;
    w->held->points++;
    time_note(w->held, p->t);
    w->damaged = !decimal_plain(w->a, p->v, &plain) || !text_eq(plain, p->v);
}

static void event_verify(struct walk *w, const struct insight *i)
{
    struct hash sum = insight_sum(i);
    if (i->kind == INSIGHT_EVENT) {
        w->held->events++;
        time_note(w->held, i->t);
        w->damaged = !hash_eq(&sum, &i->sha256);
    }
}

enum mete_code insights_verify(struct engine *e, struct insights_held *out, struct mete_err *err)
{
    struct walk w = {.e = e, .point = point_verify, .event = event_verify, .held = out, .err = err};
    *out = (struct insights_held){.oldest = TIME_NEVER};
    return walk_all(&w);
}

/* --- do they name a party ----------------------------------------------------------------------*/

/** A member's name or a string of the tree is `wanted` as a whole. */
static bool tree_names(const struct json *j, struct text wanted)
{
    if (text_eq(j->key, wanted) || (j->type == JSON_STRING && text_eq(j->text, wanted))) {
        return true;
    }
    for (const struct json *child = j->child; child != NULL; child = child->next) {
        if (tree_names(child, wanted)) {
            return true;
        }
    }
    return false;
}

static bool json_names(struct walk *w, struct text json)
{
    struct json *tree = NULL;
    struct mete_err unused;
    if (json.len == 0) {
        return false;
    }
    w->damaged |= json_parse(w->a, arena_text(w->a, json), &tree, &unused) != METE_OK;
    return tree != NULL && tree_names(tree, w->party);
}

static bool is_alnum(char c)
{
    char lower = (char)(c | 0x20);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z');
}

/** As words of their own: "a" is not in "deploy failed". */
static bool message_names(struct text message, struct text wanted)
{
    struct text rest = message;
    const char *at;
    while (rest.len > 0 && (at = memmem(rest.p, rest.len, wanted.p, wanted.len)) != NULL) {
        const char *end = at + wanted.len;
        bool begins = at == message.p || !is_alnum(at[-1]);
        bool ends = end == message.p + message.len || !is_alnum(*end);
        if (begins && ends) {
            return true;
        }
        rest = (struct text){at + 1, (size_t)(rest.p + rest.len - at - 1)};
    }
    return false;
}

static void point_search(struct walk *w, const struct kpi_point *p)
{
    if (!text_eq(p->app, w->party) && !json_names(w, p->tags)) {
        return;
    }
    w->named++;
    if (w->remove) {
        w->go_point[w->go++] = w->last_point;
    }
}

static void event_search(struct walk *w, const struct insight *i)
{
    if (!text_eq(i->app, w->party) && !text_eq(i->id, w->party) && !json_names(w, i->data) &&
        !message_names(i->message, w->party)) {
        return;
    }
    w->named++;
    if (w->remove) {
        w->go_event[w->go++] = w->last_event;
    }
}

enum mete_code insights_naming(struct engine *e, struct text party, bool remove, uint64_t *count,
                               struct mete_err *err)
{
    struct walk w = {.e = e,
                     .point = point_search,
                     .event = event_search,
                     .party = party,
                     .remove = remove,
                     .err = err};
    enum mete_code code = party.len > 0 ? walk_all(&w) : METE_OK;
    *count = w.named;
    return code;
}
