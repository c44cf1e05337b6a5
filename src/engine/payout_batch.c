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

static struct opening period_opening(const struct payout_period *p)
{
    return (struct opening){.id = p->batch_id,
                            .asset = text_of(p->asset.code),
                            .rail = p->schedule.rail,
                            .schedule = p->schedule.id,
                            .period = text_of(p->period.name),
                            .cutoff_at = p->cutoff_at,
                            .on_demand = p->on_demand,
                            .bounds = p->bounds,
                            .scale = p->asset.scale};
}

/** May it be opened by hand? */
static enum mete_code period_check(const struct payout_period *p, mete_time now,
                                   struct mete_err *err)
{
    if (p->on_demand) {
        return mete_fail(err, METE_REQUEST_INVALID, "/schedule",
                         "%.*s is on demand: its parties ask, with POST /v1/payouts/request",
                         (int)p->schedule.id.len, p->schedule.id.p);
    }
    return p->cutoff_at >= now ? mete_fail(err, METE_REQUEST_INVALID, "/period",
                                           "%s is not over yet", p->period.name)
                               : METE_OK;
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

static enum mete_code open_or_find(struct engine *e, const struct opening *o, struct text actor,
                                   struct arena *a, bool *is_new, struct mete_err *err)
{
    uint64_t number = engine_seq_of(e, o->id);
    *is_new = false;
    if (number != 0) {
        return known_check(e, number, o, a, err);
    }
    enum mete_code code = opened_submit(e, o, actor, err);
    *is_new = code == METE_OK;
    return code;
}

enum mete_code payout_period_open(struct engine *e, const struct payout_period *p,
                                  struct text actor, struct arena *a, bool *is_new,
                                  struct mete_err *err)
{
    const struct opening o = period_opening(p);
    return open_or_find(e, &o, actor, a, is_new, err);
}

enum mete_code payout_batch_open(struct engine *e, const struct batch_request *q, struct arena *a,
                                 struct text *batch_id, bool *is_new, struct mete_err *err)
{
    struct opening o = {.cutoff_at = 0};
    struct payout_period p;
    enum mete_code code;
    *is_new = false;
    if (q->schedule.len > 0) {
        code = payout_period_find(e, q->schedule, q->period, a, &p, err);
        code = code == METE_OK ? period_check(&p, engine_now(e), err) : code;
        o = code == METE_OK ? period_opening(&p) : o;
    } else {
        code = own(e, q, &o, err);
    }
    *batch_id = o.id;
    code = code == METE_OK ? open_or_find(e, &o, q->actor, a, is_new, err) : code;
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

enum mete_code payout_schedules_run(struct engine *e, struct mete_err *err)
{
    struct arena a;
    struct payout_period p;
    bool due = true;
    bool unused;
    enum mete_code code = METE_OK;
    arena_init(&a, ARENA_MAX);
    while (code == METE_OK && due) {
        code = payout_period_due(e, &a, &due, &p, err);
        if (code == METE_OK && due) {
            code = payout_period_open(e, &p, (struct text){0}, &a, &unused, err);
        }
    }
    arena_clear(&a);
    return engine_sound(e, code, err);
}
