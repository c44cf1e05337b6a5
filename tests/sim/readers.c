/* SPDX-License-Identifier: Apache-2.0
 * Readers that hold a snapshot while writers, erasures, merges and power cuts go on. Invariant: a
 * snapshot says at its end what it said at its beginning, and that is what the model said then. */
#include "sim.h"

#include "base/text.h"

#include <string.h>

static void reader_close(struct sim_reader *r)
{
    engine_close(r->engine);
    buf_clear(&r->balances);
    *r = (struct sim_reader){0};
}

void readers_close(struct sim *s)
{
    for (unsigned i = 0; i < SIM_READERS; i++) {
        reader_close(&s->reader[i]);
    }
}

static uint64_t faults_so_far(const struct sim *s)
{
    uint64_t all = s->armed && fault_disk_fired();
    for (unsigned i = 0; i < DISK_FAULTS; i++) {
        all += s->counts.fault[i];
    }
    return all;
}

/** It sees all that was acknowledged, and not a bit more. */
static void reader_begin(struct sim *s, struct sim_reader *r)
{
    struct log_head h = book_head(engine_book(r->engine));
    if (h.size != r->book->model.size) {
        sim_die(s, "%s: a snapshot has %llu events, %zu are durable", r->book->name,
                (unsigned long long)h.size, r->book->model.size);
    }
    sim_checked(s, CHECK_WATERMARKS);
    r->head = (struct sim_head){h.size, h.root};
    r->at = r->book->last + (mete_time)rng_below(&s->rng, 20 * TIME_DAY_US);
    r->drawn = false;
    buf_reset(&r->balances);
    fault_disk_pause(true);
    model_balances(&r->book->model, r->book->real.engine, r->at, &r->balances);
    fault_disk_pause(false);
    s->counts.snapshots++;
}

static bool reader_open(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    uint64_t before = faults_so_far(s);
    r->book = &s->book[rng_below(&s->rng, s->books)];
    const struct engine_options o = {.store = s->file,
                                     .book = r->book->name,
                                     .read_only = true,
                                     .cache_size = (size_t)128 << 10,
                                     .strict_cache = true};
    if (engine_open(&r->engine, &o, err) != METE_OK) {
        r->engine = NULL;
        return false;
    }
    r->faults = before;
    reader_begin(s, r);
    return true;
}

static bool reader_wake(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    if (!engine_rest(r->engine)) { /* once something failed in it, it is closed */
        SIM_CHECK(s, faults_so_far(s) > r->faults);
        reader_close(r);
        return true;
    }
    if (engine_wake(r->engine, err) != METE_OK) {
        return false;
    }
    reader_begin(s, r);
    return true;
}

/* --- what it asks ------------------------------------------------------------------------------*/

static bool read_balances(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    struct buf found = {0};
    struct log_head h = book_head(engine_book(r->engine));
    bool ok = engine_balances(r->engine, r->at, &found, err);
    if (ok && (h.size != r->head.size || !hash_eq(&h.root, &r->head.root) ||
               !text_eq(buf_text(&found), buf_text(&r->balances)))) {
        sim_die(s, "%s: a snapshot of %llu events says\n%.*s\n     and the model\n%.*s",
                r->book->name, (unsigned long long)r->head.size, (int)found.len,
                (const char *)found.p, (int)r->balances.len, (const char *)r->balances.p);
    }
    buf_clear(&found);
    if (ok) {
        sim_checked(s, CHECK_SNAPSHOTS);
    }
    return ok;
}

static void nothing(void *ctx, const struct statement_account *a)
{
    (void)ctx;
    (void)a;
}

static void line_add(void *ctx, const struct statement_line *line)
{
    ((struct sim_reader *)ctx)->sum += line->amount;
}

/** Whose statement this reader pages from now on; false: there is nobody. */
static bool account_draw(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    uint32_t asset;
    r->cursor[0] = '\0';
    r->sum = 0;
    r->drawn = model_account(&r->book->model, &s->rng, r->head.size, &r->party, &asset);
    if (r->drawn && view_asset_number(engine_view(r->engine), asset, &r->asset) != VIEW_FOUND) {
        return mete_fail(err, METE_STORE_FAILED, NULL, "an asset is gone") == METE_OK;
    }
    return true;
}

/** One page; whatever was written between two of them, their lines are those of the snapshot. */
static bool read_page(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    struct statement_pages at;
    const struct statement_sink sink = {r, nothing, line_add, nothing};
    if (!r->drawn && (!account_draw(s, r, err) || !r->drawn)) {
        return !r->drawn && err->code == METE_OK;
    }
    const struct statement_query q = {.party = r->party,
                                      .asset = text_of(r->asset.code),
                                      .from = TIME_ALWAYS,
                                      .until = TIME_NEVER,
                                      .at = TIME_NEVER,
                                      .after = text_of(r->cursor),
                                      .limit = 1 + rng_below(&s->rng, 200)};
    if (statement_read(r->engine, &q, &sink, &at, err) != METE_OK) {
        return false;
    }
    s->counts.pages++;
    memcpy(r->cursor, at.next, sizeof r->cursor);
    if (r->cursor[0] == '\0') {
        SIM_CHECK(s, r->sum == model_net(&r->book->model, r->party, r->asset.number, r->head.size));
        sim_checked(s, CHECK_STATEMENTS);
        r->drawn = false;
    }
    return true;
}

struct stream {
    struct sim *s;
    const struct model *m;
    uint64_t next;
};

static bool row_seen(void *arg, const struct log_row *row)
{
    struct stream *t = arg;
    SIM_CHECK(t->s, row->seq == t->next && row->seq <= t->m->size);
    SIM_CHECK(t->s, text_eq(row->event_id, t->m->event_id[row->seq - 1]));
    t->next++;
    return true;
}

/** A part of the log as a stream: no gap, no repetition, nothing beyond the snapshot. */
static bool read_stream(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    uint64_t from = 1 + rng_below(&s->rng, r->head.size + 1);
    struct stream t = {s, &r->book->model, from};
    if (book_scan_log(engine_book(r->engine), from, UINT64_MAX, row_seen, &t, err) != STORE_OK) {
        return false;
    }
    SIM_CHECK(s, t.next == r->head.size + 1);
    sim_checked(s, CHECK_SNAPSHOTS);
    return true;
}

static bool read_explain(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    struct arena a;
    struct explain_node *tree;
    if (r->head.size == 0) {
        return true;
    }
    uint64_t seq = 1 + rng_below(&s->rng, r->head.size);
    arena_init(&a, (size_t)64 << 20);
    struct text id = r->book->model.event_id[seq - 1];
    bool ok = explain_id(r->engine, id, r->at, &a, &tree, err) == METE_OK;
    SIM_CHECK(s, !ok || engine_seq_of(r->engine, id) == seq || fault_disk_fired());
    arena_clear(&a);
    return ok;
}

static bool reader_use(struct sim *s, struct sim_reader *r, struct mete_err *err)
{
    switch (rng_below(&s->rng, 8)) {
    case 0:
        return reader_wake(s, r, err);
    case 1:
        reader_close(r);
        return true;
    case 2:
    case 3:
        return read_balances(s, r, err);
    case 4:
        return read_stream(s, r, err);
    case 5:
        return read_explain(s, r, err);
    default:
        return read_page(s, r, err);
    }
}

bool readers_step(struct sim *s, struct mete_err *err)
{
    struct sim_reader *r = &s->reader[rng_below(&s->rng, SIM_READERS)];
    bool ok = r->engine == NULL ? reader_open(s, r, err) : reader_use(s, r, err);
    if (!ok) {
        reader_close(r);
    }
    return ok;
}
