/* SPDX-License-Identifier: Apache-2.0
 * Taking in points and insight events: the one place that says which of two values holds. */
#include "engine/insights.h"

#include "base/map.h"
#include "base/text.h"
#include "engine/internal.h"
#include "store/hash_seed.h"

#include <string.h>

/* --- points ------------------------------------------------------------------------------------*/

static void name_pack(struct buf *b, const struct kpi_point *p)
{
    buf_reset(b);
    buf_put_be64(b, (uint64_t)p->t);
    buf_put_text(b, p->metric);
}

static bool says_same(const struct kpi_point *a, const struct kpi_point *b)
{
    return text_eq(a->v, b->v) && text_eq(a->unit, b->unit);
}

/** Points as the store has them, each name once: of those that a body says twice the last holds. */
static size_t points_make(const struct insight_body *body, mete_time now, struct kpi_point *out,
                          struct kpi_counts *counts)
{
    struct map place;
    struct buf name = {0};
    size_t count = 0;
    map_init(&place, sizeof(size_t), hash_seed());
    for (size_t i = 0; i < body->count; i++) {
        const struct kpi_point p = {
            .app = body->app,
            .metric = body->point[i].metric,
            .bucket = body->bucket,
            .env = body->env,
            .tags = body->tags,
            .t = body->point[i].t,
            .v = body->point[i].v,
            .unit = body->point[i].unit,
            .sent_at = body->sent_at != TIME_ALWAYS ? body->sent_at : now,
            .received_at = now,
        };
        bool made;
        name_pack(&name, &p);
        size_t *at = map_put(&place, buf_bytes(&name), &made);
        if (made) {
            *at = count++;
        } else {
            counts->duplicates += says_same(&out[*at], &p);
            counts->updated += !says_same(&out[*at], &p);
        }
        out[*at] = p;
    }
    buf_clear(&name);
    map_clear(&place);
    return count;
}

/** True when the point is to be written. */
static bool point_judge(const struct kpi_point *stands, const struct kpi_point *p,
                        struct kpi_counts *counts)
{
    bool later = p->sent_at >= stands->sent_at;
    if (stands->v.len == 0) {
        counts->inserted++;
        return true;
    }
    if (says_same(stands, p)) { /* said again: what was sent in between does not hold either */
        counts->duplicates++;
        return p->sent_at > stands->sent_at;
    }
    counts->updated += later;
    counts->stale += !later;
    return later;
}

static enum mete_code points_write(struct engine *e, struct kpi_point *p, size_t count,
                                   struct arena *a, struct kpi_counts *counts, struct mete_err *err)
{
    struct kpi_point *stands = arena_array(a, count, sizeof *stands);
    size_t kept = 0;
    if (book_kpi_find(e->book, p, count, a, stands, err) != STORE_OK) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        if (point_judge(&stands[i], &p[i], counts)) {
            p[kept++] = p[i];
        }
    }
    return kept == 0 || book_kpi_put(e->book, p, kept, err) == STORE_OK ? METE_OK : err->code;
}

/** What a batch says, whenever it was sent. */
static struct hash batch_sum(const struct insight_body *body)
{
    struct buf b = {0};
    buf_put_sized(&b, body->bucket);
    buf_put_sized(&b, body->tags);
    for (size_t i = 0; i < body->count; i++) {
        buf_put_sized(&b, body->point[i].metric);
        buf_put_be64(&b, (uint64_t)body->point[i].t);
        buf_put_sized(&b, body->point[i].v);
        buf_put_sized(&b, body->point[i].unit);
    }
    struct hash h = sha256(buf_bytes(&b));
    buf_clear(&b);
    return h;
}

/** *came: with the same points; nothing is to be done. */
static enum mete_code batch_note(struct engine *e, const struct insight_body *body, mete_time now,
                                 bool *came, struct mete_err *err)
{
    struct insight found;
    const struct insight batch = {.kind = INSIGHT_BATCH,
                                  .app = body->app,
                                  .env = body->env,
                                  .id = body->dedupe_key,
                                  .t = now,
                                  .sha256 = batch_sum(body),
                                  .received_at = now};
    if (book_insight_find(e->book, &batch, 1, &found, err) != STORE_OK) {
        return err->code;
    }
    *came = found.received_at != TIME_NEVER;
    if (*came && !hash_eq(&found.sha256, &batch.sha256)) {
        return mete_fail(err, METE_CONFLICT, "/dedupeKey",
                         "this dedupeKey came with other points before; a correction needs a new "
                         "one");
    }
    return *came || book_insight_put(e->book, &batch, 1, err) == STORE_OK ? METE_OK : err->code;
}

enum mete_code kpi_add(struct engine *e, const struct insight_body *body, struct arena *a,
                       struct kpi_counts *out, struct mete_err *err)
{
    bool came = false;
    mete_time now = engine_now(e);
    *out = (struct kpi_counts){0};
    enum mete_code code = body->dedupe_key.len > 0 ? batch_note(e, body, now, &came, err) : METE_OK;
    if (code != METE_OK || came) {
        out->duplicates = came && code == METE_OK ? body->count : 0;
        return code;
    }
    struct kpi_point *p = arena_array(a, body->count, sizeof *p);
    size_t count = points_make(body, now, p, out);
    return points_write(e, p, count, a, out, err);
}

/* --- insight events ----------------------------------------------------------------------------*/

struct hash insight_sum(const struct insight *i)
{
    struct buf b = {0};
    buf_put_be64(&b, (uint64_t)i->t);
    buf_put_sized(&b, i->type);
    buf_put_sized(&b, i->severity);
    buf_put_sized(&b, i->message);
    buf_put_sized(&b, i->data);
    struct hash h = sha256(buf_bytes(&b));
    buf_clear(&b);
    return h;
}

static struct insight insight_make(const struct insight_body *body, size_t i, mete_time now)
{
    const struct insight_item *item = &body->event[i];
    struct insight out = {.kind = INSIGHT_EVENT,
                          .app = body->app,
                          .env = body->env,
                          .id = item->id,
                          .t = item->t,
                          .type = item->type,
                          .severity = item->severity,
                          .message = item->message,
                          .data = item->data,
                          .received_at = now};
    out.sha256 = insight_sum(&out);
    return out;
}

static enum insight_outcome insight_judge(const struct hash *stands, const struct hash *said)
{
    return hash_eq(stands, said) ? INSIGHT_DUPLICATE : INSIGHT_CONFLICT;
}

enum mete_code insight_add(struct engine *e, const struct insight_body *body, struct arena *a,
                           enum insight_outcome *outcome, struct mete_err *err)
{
    mete_time now = engine_now(e);
    size_t fresh = 0;
    struct map first; /* of an id in this body: its sum */
    struct insight *in = arena_array(a, body->count, sizeof *in);
    struct insight *found = arena_array(a, body->count, sizeof *found);
    for (size_t i = 0; i < body->count; i++) {
        in[i] = insight_make(body, i, now);
    }
    if (book_insight_find(e->book, in, body->count, found, err) != STORE_OK) {
        return err->code;
    }
    map_init(&first, sizeof(struct hash), hash_seed());
    for (size_t i = 0; i < body->count; i++) {
        bool made;
        struct hash *sum = map_put(&first, text_bytes(in[i].id), &made);
        bool there = found[i].received_at != TIME_NEVER;
        if (made) {
            *sum = there ? found[i].sha256 : in[i].sha256;
        }
        outcome[i] = made && !there ? INSIGHT_INSERTED : insight_judge(sum, &in[i].sha256);
        if (outcome[i] == INSIGHT_INSERTED) {
            in[fresh++] = in[i];
        }
    }
    map_clear(&first);
    return fresh == 0 || book_insight_put(e->book, in, fresh, err) == STORE_OK ? METE_OK
                                                                               : err->code;
}
