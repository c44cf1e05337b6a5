/* SPDX-License-Identifier: Apache-2.0
 * Batches: opened once by their id, filled page by page, closed when nobody is left. What was begun
 * and not closed is gone on with by whoever looks next: who was queued already stays as he is. */
#include "engine/payout_parts.h"

#include "base/text.h"
#include "engine/walk.h"

#include <string.h>

#define ARENA_MAX ((size_t)256 << 20)

/* --- opening -----------------------------------------------------------------------------------*/

/* What a request comes to. */
struct opening {
    struct text id;
    struct text asset;
    struct text rail;
    struct text schedule;
    struct text period;
    mete_time cutoff_at;
    bool on_demand;
    struct payout_bounds bounds;
    uint8_t scale; /* of the bounds */
};

static enum mete_code period_find(struct engine *e, const struct batch_request *q,
                                  const struct schedule *s, struct period *p, struct mete_err *err)
{
    mete_time now = engine_now(e);
    if (q->period.len == 0) {
        schedule_period(s, now, p);
    } else if (!schedule_period_named(s, q->period, p)) {
        return mete_fail(err, METE_REQUEST_INVALID, "/period",
                         "%.*s runs every %s, so its periods are named like %s", (int)s->id.len,
                         s->id.p, schedule_every_name(s->every),
                         s->every == EVERY_MONTH  ? "2026-11"
                         : s->every == EVERY_WEEK ? "2026-W48"
                                                  : "2026-11-30");
    }
    bool on_demand = s->every == EVERY_DEMAND;
    if (on_demand && !q->even_unfinished) {
        return mete_fail(err, METE_REQUEST_INVALID, "/schedule",
                         "%.*s is on demand: its parties ask, with POST /v1/payouts/request",
                         (int)s->id.len, s->id.p);
    }
    return !on_demand && p->until > now
               ? mete_fail(err, METE_REQUEST_INVALID, "/period", "%s is not over yet", p->name)
               : METE_OK;
}

static enum mete_code scheduled(struct engine *e, const struct batch_request *q, struct arena *a,
                                struct opening *o, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct schedule s;
    struct asset asset;
    struct period p;
    if (view_schedule(v, a, q->schedule, &s) != VIEW_FOUND) {
        return mete_fail(err, METE_SCHEDULE_UNKNOWN, "/schedule", "there is no schedule \"%.*s\"",
                         (int)q->schedule.len, q->schedule.p);
    }
    enum mete_code code = period_find(e, q, &s, &p, err);
    if (code != METE_OK) {
        return code;
    }
    if (view_asset_number(v, s.asset, &asset) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_FAILED, "", "the schedule's asset cannot be read");
    }
    o->schedule = s.id;
    o->period = arena_text(a, text_of(p.name));
    o->id = arena_printf(a, "%.*s/%s", (int)s.id.len, s.id.p, p.name);
    o->asset = arena_text(a, text_of(asset.code));
    o->rail = s.rail;
    o->cutoff_at = p.until - 1;
    o->on_demand = s.every == EVERY_DEMAND;
    o->bounds = schedule_bounds(&s);
    o->scale = asset.scale;
    return METE_OK;
}

static enum mete_code own(struct engine *e, const struct batch_request *q, struct opening *o,
                          struct mete_err *err)
{
    const struct {
        struct text value;
        const char *pointer;
    } wanted[] = {{q->batch_id, "/batch_id"}, {q->asset, "/asset"}, {q->rail, "/rail"}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (wanted[i].value.len == 0) {
            return mete_fail(err, METE_MEMBER_MISSING, wanted[i].pointer,
                             "say the schedule, or batch_id, asset and rail");
        }
    }
    o->id = q->batch_id;
    o->asset = q->asset;
    o->rail = q->rail;
    o->cutoff_at = q->cutoff.set ? q->cutoff.at : payout_cutoff(engine_now(e));
    return METE_OK;
}

/** What stands under the id already has to be this batch. */
static enum mete_code known_check(struct engine *e, uint64_t number, const struct opening *o,
                                  struct arena *a, struct mete_err *err)
{
    struct batch b;
    struct asset asset;
    const struct view *v = engine_view(e);
    bool same = view_batch(v, a, number, &b) == VIEW_FOUND &&
                view_asset_number(v, b.asset, &asset) == VIEW_FOUND &&
                text_is(o->asset, asset.code) && text_eq(o->rail, b.rail) &&
                o->on_demand == b.on_demand;
    return same ? METE_OK
                : mete_fail(err, METE_CONFLICT, "/batch_id",
                            "entry %llu of the log has this id and is another batch, or none",
                            (unsigned long long)number);
}

static void bound_write(struct json_writer *w, const char *name, i128 amount, uint8_t scale)
{
    char text[AMOUNT_TEXT_MAX];
    if (amount > 0) {
        amount_format(amount, scale, text);
        jw_str(w, name, text);
    }
}

/** All that decides who is paid, for schedules change while batches are open. */
static enum mete_code opened_submit(struct engine *e, const struct opening *o, struct text actor,
                                    struct mete_err *err)
{
    struct own_event event;
    const struct own_head head = {.id = o->id, .type = EVENT_PAYOUT_BATCH_OPENED, .actor = actor};
    own_event_begin(&event, e, &head);
    jw_text(&event.w, "asset", o->asset);
    jw_text(&event.w, "rail", o->rail);
    if (o->schedule.len > 0) {
        jw_text(&event.w, "schedule", o->schedule);
        jw_text(&event.w, "period", o->period);
    }
    if (o->on_demand) {
        jw_bool(&event.w, "on_demand", true);
    }
    bound_write(&event.w, "minimum", o->bounds.minimum, o->scale);
    bound_write(&event.w, "fee", o->bounds.fee, o->scale);
    if (o->bounds.fee_cap_bps > 0) {
        jw_int(&event.w, "fee_cap_bps", o->bounds.fee_cap_bps);
    }
    jw_time(&event.w, "cutoff_at", o->cutoff_at);
    return own_event_submit(&event, NULL, err);
}

enum mete_code payout_batch_open(struct engine *e, const struct batch_request *q, struct arena *a,
                                 struct text *batch_id, bool *is_new, struct mete_err *err)
{
    struct opening o = {.cutoff_at = 0};
    enum mete_code code = q->schedule.len > 0 ? scheduled(e, q, a, &o, err) : own(e, q, &o, err);
    *is_new = false;
    if (code != METE_OK) {
        return engine_sound(e, code, err);
    }
    *batch_id = o.id;
    uint64_t number = engine_seq_of(e, o.id);
    if (number != 0) {
        code = known_check(e, number, &o, a, err);
    } else {
        code = opened_submit(e, &o, q->actor, err);
        *is_new = code == METE_OK;
    }
    return engine_sound(e, code, err);
}

/* --- how they stand ----------------------------------------------------------------------------*/

const char *batch_status(const struct batch_row *row)
{
    return !row->batch.is_closed                                    ? "queueing"
           : row->sums[BATCH_RESTING] != row->sums[BATCH_TRANSFERS] ? "under way"
                                                                    : "done";
}

static enum mete_code batch_fill(struct engine *e, uint64_t number, struct arena *a,
                                 struct batch_row *row, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct envelope *event = arena_alloc(a, sizeof *event);
    struct key sums = key_batch_number(number);
    sums.b[0] = KEY_BATCH_SUMS;
    *row = (struct batch_row){.number = number};
    bool read = view_batch(v, a, number, &row->batch) == VIEW_FOUND &&
                view_asset_number(v, row->batch.asset, &row->asset) == VIEW_FOUND &&
                v->sums(v->ctx, key_bytes(&sums), row->sums) != VIEW_MISSING;
    for (uint8_t s = 0; s < TRANSFER_STATE_COUNT && read; s++) {
        i128 of_state[STATE_SUMS] = {0};
        struct key key = key_batch_state(number, s);
        read = v->sums(v->ctx, key_bytes(&key), of_state) != VIEW_MISSING;
        row->count[s] = of_state[0];
        row->amount[s] = of_state[1];
    }
    if (!read) {
        return mete_fail(err, METE_STORE_FAILED, "", "a batch cannot be read");
    }
    enum mete_code code = engine_event(e, number, a, event, &row->opened_at, err);
    if (code == METE_OK) {
        const struct json *payload = json_get(event->tree, "payload");
        row->id = event->event.id;
        row->schedule = payload_text(payload, "schedule");
        row->period = payload_text(payload, "period");
    }
    return code;
}

enum mete_code payout_batch_find(struct engine *e, struct text id, struct arena *a,
                                 struct batch_row *row, struct mete_err *err)
{
    struct batch b;
    uint64_t number = engine_seq_of(e, id);
    enum mete_code code = number == 0 || view_batch(engine_view(e), a, number, &b) != VIEW_FOUND
                              ? mete_fail(err, METE_BATCH_UNKNOWN, "", "there is no batch \"%.*s\"",
                                          (int)id.len, id.p)
                              : batch_fill(e, number, a, row, err);
    return engine_sound(e, code, err);
}

enum mete_code payout_batches_list(struct engine *e, uint64_t after, size_t limit,
                                   batch_visit *visit, void *arg, uint64_t *next,
                                   struct mete_err *err)
{
    struct key from = key_batch_number(after + 1);
    struct key until = key_prefix_end(key_of(KEY_PAYOUT_BATCH));
    struct walk_keys keys;
    struct arena a;
    *next = 0;
    arena_init(&a, ARENA_MAX);
    enum mete_code code = walk_keys(e, &a, key_bytes(&from), key_bytes(&until), limit, &keys, err);
    for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
        struct batch_row row;
        uint64_t number = key_read_u64(keys.key[i], 1);
        code = batch_fill(e, number, &a, &row, err);
        *next = keys.more && i + 1 == keys.count ? number : 0;
        if (code == METE_OK && !visit(arg, &row)) {
            break;
        }
    }
    arena_clear(&a);
    return engine_sound(e, code, err);
}

/* --- filling -----------------------------------------------------------------------------------*/

static enum mete_code batch_close(struct engine *e, struct text id, struct arena *a,
                                  struct mete_err *err)
{
    struct own_event event;
    struct text event_id =
        arena_printf(a, "%s:%.*s", event_type_name(EVENT_PAYOUT_BATCH_CLOSED), (int)id.len, id.p);
    const struct own_head head = {.id = event_id, .type = EVENT_PAYOUT_BATCH_CLOSED};
    own_event_begin(&event, e, &head);
    jw_text(&event.w, "batch_id", id);
    return own_event_submit(&event, NULL, err);
}

static enum mete_code page_queue(struct engine *e, const struct batch_row *row,
                                 const struct page_of *page, struct mete_err *err)
{
    mete_time now = engine_now(e);
    const struct payout_query q = {.asset = text_of(row->asset.code),
                                   .rail = row->batch.rail,
                                   .at = row->batch.cutoff_at < now ? row->batch.cutoff_at : now,
                                   .behind = page->behind,
                                   .bounds = &row->batch.bounds};
    return payout_queue(e, row->id, &q, page->max, page->done, err);
}

static enum mete_code step(struct engine *e, struct text batch_id, struct arena *a,
                           const struct page_of *page, struct mete_err *err)
{
    struct batch_row row;
    struct payout_batch_progress *done = page->done;
    enum mete_code code = payout_batch_find(e, batch_id, a, &row, err);
    *page->waits = false;
    if (code != METE_OK || row.batch.is_closed) {
        done->is_done = code == METE_OK;
        return code;
    }
    if (row.batch.on_demand) {
        done->is_done = row.batch.cutoff_at < engine_now(e);
        *page->waits = !done->is_done;
    } else {
        code = page_queue(e, &row, page, err);
    }
    return code == METE_OK && done->is_done ? batch_close(e, batch_id, a, err) : code;
}

enum mete_code payout_batch_step(struct engine *e, struct text batch_id, const struct page_of *page,
                                 struct mete_err *err)
{
    struct arena a;
    arena_init(&a, ARENA_MAX);
    *page->done = (struct payout_batch_progress){0};
    enum mete_code code = step(e, batch_id, &a, page, err);
    arena_clear(&a);
    return engine_sound(e, code, err);
}

/* --- by the clock ------------------------------------------------------------------------------*/

/** The newest period that is due, if it came due after the schedule was made and is not there. */
static enum mete_code schedule_run(struct engine *e, const struct schedule *s, mete_time now,
                                   struct arena *a, size_t *opened, struct mete_err *err)
{
    struct period p;
    struct text id;
    bool is_new = false;
    schedule_period(s, now, &p);
    if (s->every == EVERY_DEMAND || p.due < s->since || p.due > now) {
        return METE_OK;
    }
    id = arena_printf(a, "%.*s/%s", (int)s->id.len, s->id.p, p.name);
    if (engine_seq_of(e, id) != 0) {
        return METE_OK;
    }
    const struct batch_request q = {.schedule = s->id, .period = text_of(p.name)};
    enum mete_code code = payout_batch_open(e, &q, a, &id, &is_new, err);
    *opened += is_new;
    return code;
}

enum mete_code payout_schedules_run(struct engine *e, mete_time now, size_t *opened,
                                    struct mete_err *err)
{
    struct arena a;
    struct schedule *s = NULL;
    size_t count;
    enum mete_code code = METE_OK;
    *opened = 0;
    arena_init(&a, ARENA_MAX);
    if (view_schedules(engine_view(e), &a, &s, &count) == VIEW_MISSING) {
        code = mete_fail(err, METE_STORE_FAILED, "", "the schedules cannot be read");
    }
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = schedule_run(e, &s[i], now, &a, opened, err);
    }
    arena_clear(&a);
    return engine_sound(e, code, err);
}
