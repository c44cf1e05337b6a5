/* SPDX-License-Identifier: Apache-2.0
 * Opening a book: the store behind it, the view that core sees, the sink that decisions go to. */
#include "engine/internal.h"
#include "store/wall.h"

#include "base/text.h"
#include "core/decision.h"
#include "wire/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARENA_SIZE_MAX     ((size_t)4 << 30) /* far above what the bounds of one event can need */
#define QUARANTINE_MAX     100000u
#define POLICY_CACHE_SHARE 8 /* of the cache: unpacked policies */
#define CACHE_SIZE_DEFAULT ((size_t)64 << 20)

/* --- the view
 * -----------------------------------------------------------------------------------*/

/** A failing store must not look like an empty one: the engine notes it, core takes what it asked
 *  for as not loaded, and nothing that was decided on it is stored. */
static enum view_result seen(struct engine *e, enum store_result r)
{
    if (r == STORE_FAILED) {
        e->failed = true;
        return VIEW_MISSING;
    }
    return r == STORE_OK ? VIEW_FOUND : VIEW_ABSENT;
}

static enum view_result view_get(void *ctx, struct bytes key, struct bytes *value)
{
    struct engine *e = ctx;
    return seen(e, book_get(e->book, key, value, &e->err));
}

static enum view_result view_sums(void *ctx, struct bytes key, i128 sums[STATE_SUMS])
{
    struct engine *e = ctx;
    return seen(e, book_sums(e->book, key, sums, &e->err));
}

static enum view_result view_scan(void *ctx, struct bytes from, struct bytes until,
                                  view_visit *visit, void *arg)
{
    struct engine *e = ctx;
    uint8_t class_byte = from.len > 0 ? from.p[0] : 0;
    if (!e->entries && (class_byte == KEY_ENTRY || class_byte == KEY_PENDING)) {
        engine_entries_begin(e);
    }
    enum store_result r = book_scan_state(e->book, from, until, visit, arg, &e->err);
    return seen(e, r) == VIEW_MISSING ? VIEW_MISSING : VIEW_FOUND;
}

static enum view_result view_decision(void *ctx, uint64_t seq, uint32_t page, struct bytes *packed)
{
    struct engine *e = ctx;
    if (page > 0) {
        mete_time unused;
        return seen(e, book_page(e->book, seq, page, packed, &unused, &e->err));
    }
    struct log_row row = {0};
    enum view_result found = seen(e, book_row(e->book, seq, &row, &e->err));
    *packed = row.decision;
    return found;
}

static enum view_result view_event(void *ctx, uint64_t seq, struct arena *a, struct event *event,
                                   mete_time *recorded_at)
{
    struct engine *e = ctx;
    struct envelope *envelope = arena_alloc(a, sizeof *envelope);
    enum mete_code code = engine_event(e, seq, a, envelope, recorded_at, &e->err);
    if (code != METE_OK) { /* only events that stand in the log are asked for */
        e->failed = true;
        return VIEW_MISSING;
    }
    *event = envelope->event;
    return VIEW_FOUND;
}

static uint64_t view_seq_at(void *ctx, mete_time t)
{
    struct engine *e = ctx;
    return e->clock == CLOCK_EVENT ? 1 : book_seq_at(e->book, t);
}

/* --- the sink
 * -----------------------------------------------------------------------------------*/

static void sink_set(void *ctx, struct bytes key, struct bytes value)
{
    struct engine *e = ctx;
    e->waits.moved |= key.p[0] == KEY_WAITING;
    book_set(e->book, key, value);
}

static void sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    book_add(((struct engine *)ctx)->book, key, sums);
}

static void sink_remove(void *ctx, struct bytes key)
{
    struct engine *e = ctx;
    e->waits.moved |= key.p[0] == KEY_WAITING;
    book_remove(e->book, key);
}

/* Entries alone, for a book that kept none so far. */
static void entries_set(void *ctx, struct bytes key, struct bytes value)
{
    if (key.p[0] == KEY_ENTRY) {
        sink_set(ctx, key, value);
    }
}

static void entries_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    if (key.p[0] == KEY_PENDING) {
        sink_add(ctx, key, sums);
    }
}

static void entries_remove(void *ctx, struct bytes key)
{
    (void)ctx;
    (void)key;
}

static void entries_apply(struct engine *e, struct arena *a, uint64_t seq, uint32_t page,
                          struct bytes packed, mete_time recorded_at)
{
    const struct state_sink only = {e, entries_set, entries_add, entries_remove, true};
    struct decision d;
    arena_reset(a);
    METE_ASSERT(decision_unpack(a, packed, &d));
    decision_apply(&d, seq, page, recorded_at, &only);
}

void engine_entries_begin(struct engine *e)
{
    struct arena a;
    struct mete_err err;
    arena_init(&a, ARENA_SIZE_MAX);
    book_keep_entries(e->book);
    uint64_t size = book_size(e->book);
    for (uint64_t seq = 1; seq <= size; seq++) {
        struct log_row row;
        METE_ASSERT(book_row(e->book, seq, &row, &err) == STORE_OK);
        entries_apply(e, &a, seq, 0, row.decision, row.recorded_at);
        for (uint32_t page = 1; page <= book_page_count(e->book, seq); page++) {
            struct bytes packed;
            mete_time at;
            METE_ASSERT(book_page(e->book, seq, page, &packed, &at, &err) == STORE_OK);
            entries_apply(e, &a, seq, page, packed, at);
        }
    }
    arena_clear(&a);
    e->entries = true;
    e->sink.wants_entries = true;
}

/* --- opening
 * ------------------------------------------------------------------------------------*/

mete_time engine_now(const struct engine *e)
{
    if (e->clock == CLOCK_EVENT) {
        return e->clock_last;
    }
    mete_time now = wall_now();
    return now > e->clock_last ? now : e->clock_last;
}

uint64_t engine_generation_next(void)
{
    static _Atomic uint64_t last;
    return ++last;
}

uint64_t engine_generation(const struct engine *e)
{
    return e->generation;
}

static void wire_up(struct engine *e, const struct engine_options *o)
{
    size_t cache = o->cache_size != 0 ? o->cache_size : CACHE_SIZE_DEFAULT;
    e->clock = o->clock;
    e->prepared = prepared_new();
    e->generation = engine_generation_next();
    e->read_only = o->read_only;
    e->salt_seed = o->salt_seed;
    e->quarantine_max = o->quarantine_max != 0 ? o->quarantine_max : QUARANTINE_MAX;
    e->entries = !o->no_entries;
    e->policies = policy_cache_new(cache / POLICY_CACHE_SHARE);
    e->view = (struct view){e,          view_get,    view_sums,  view_scan, view_decision,
                            view_event, view_seq_at, e->policies};
    e->sink = (struct state_sink){e, sink_set, sink_add, sink_remove, !o->no_entries};
    e->waits.moved = true; /* nobody has looked yet */
    arena_init(&e->arena, ARENA_SIZE_MAX);
    arena_init(&e->parse, ARENA_SIZE_MAX);
    snprintf(e->name, sizeof e->name, "%s", o->book != NULL ? o->book : "main");
}

static enum mete_code book_begin(struct engine *e, const struct engine_options *o,
                                 struct mete_err *err)
{
    const char *url = o->store != NULL ? o->store : "mete.db";
    struct store_options so = {.create = o->create_store,
                               .read_only = o->read_only,
                               .untouched = o->untouched,
                               .cache_size = o->cache_size,
                               .strict_cache = o->strict_cache,
                               .no_entries = o->no_entries,
                               .now = engine_now(e)};
    enum mete_code code = METE_OK;
    if (o->in_store != NULL) {
        e->store = o->in_store;
        e->shares_store = true;
    } else {
        code = store_open(&e->store, url, &so, err);
    }
    if (code != METE_OK) {
        return code;
    }
    code = book_open(&e->book, e->store, text_of(e->name), o->create_book, err);
    if (code != METE_OK) {
        return code;
    }
    e->clock_last = book_head(e->book).recorded_at;
    e->in_memory = text_starts(text_of(url), "memory:");
    if (e->in_memory) {
        return METE_OK;
    }
    struct buf path = {0};
    engine_key_file(url, o->key_file, &path);
    /* Of several that start together on a new database one makes the store, and any one the keys.
     */
    bool is_unpinned = !o->read_only && store_is_remote(url) && !engine_keys_pinned(e);
    code = engine_keys_load(e, buf_text(&path).p,
                            o->create_store || o->in_store != NULL || is_unpinned, err);
    buf_clear(&path);
    return code == METE_OK && store_is_remote(url) ? engine_keys_pin(e, err) : code;
}

enum mete_code engine_open(struct engine **out, const struct engine_options *options,
                           struct mete_err *err)
{
    struct engine *e = calloc(1, sizeof *e);
    METE_ASSERT(e != NULL);
    wire_up(e, options);
    e->clock_last = options->clock == CLOCK_EVENT ? options->now : 0;
    enum mete_code code = book_begin(e, options, err);
    if (code != METE_OK) {
        engine_close(e);
        return code;
    }
    *out = e;
    return METE_OK;
}

void engine_close(struct engine *e)
{
    if (e == NULL) {
        return;
    }
    if (e->book != NULL) {
        engine_rollback(e);
        book_close(e->book);
    }
    if (e->store != NULL && !e->shares_store) {
        store_close(e->store);
    }
    policy_cache_free(e->policies);
    arena_clear(&e->arena);
    arena_clear(&e->parse);
    buf_clear(&e->packed);
    buf_clear(&e->sealed);
    prepared_free(e->prepared);
    secret_wipe(e->log_seed, sizeof e->log_seed);
    secret_wipe(e->seal_key, sizeof e->seal_key);
    free(e);
}

bool engine_rest(struct engine *e)
{
    return e->read_only && !e->failed && book_rest(e->book);
}

enum mete_code engine_wake(struct engine *e, struct mete_err *err)
{
    enum mete_code code = book_wake(e->book, err);
    if (code == METE_OK) {
        e->clock_last = book_head(e->book).recorded_at;
        if (policy_cache_full(e->policies)) {
            policy_cache_forget(e->policies);
        }
    }
    return code;
}

struct book *engine_book(struct engine *e)
{
    return e->book;
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}

const struct view *engine_view(struct engine *e)
{
    return &e->view;
}

const char *engine_book_name(const struct engine *e)
{
    return e->name;
}

bool engine_has_keys(const struct engine *e)
{
    return e->has_keys;
}

const uint8_t *engine_log_seed(const struct engine *e)
{
    return e->log_seed;
}

const uint8_t *engine_seal_key(const struct engine *e)
{
    return e->seal_key;
}

size_t engine_queued(const struct engine *e)
{
    return e->queued;
}

size_t engine_queued_bytes(const struct engine *e)
{
    return e->queued_bytes;
}

/* --- reading back
 * -------------------------------------------------------------------------------*/

enum mete_code engine_sound(const struct engine *e, enum mete_code code, struct mete_err *err)
{
    if (e->failed) {
        *err = e->err;
    } else if (!book_hid(e->book, err)) {
        return code;
    }
    return err->code;
}

void engine_reading_begin(struct engine *e, uint64_t rows_max)
{
    METE_ASSERT(e->queued == 0);
    book_bound(e->book, rows_max);
}

/** A reader that failed is not used again (engine_rest); a writer goes on. */
enum reading_end engine_reading_end(struct engine *e, struct mete_err *err)
{
    bool met = book_unbound(e->book);
    bool failed = engine_sound(e, METE_OK, err) != METE_OK;
    e->failed = e->failed && e->read_only;
    return met ? READING_LONG : failed ? READING_FAILED : READING_GOOD;
}

enum mete_code engine_event(struct engine *e, uint64_t seq, struct arena *a,
                            struct envelope *envelope, mete_time *recorded_at, struct mete_err *err)
{
    struct log_row row;
    enum store_result found = book_row(e->book, seq, &row, err);
    if (found != STORE_OK) {
        return found == STORE_NONE ? mete_fail(err, METE_NOT_FOUND, "", "no event %llu in the log",
                                               (unsigned long long)seq)
                                   : METE_STORE_FAILED;
    }
    const struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    struct text json = arena_text(a, bytes_text(row.event));
    *recorded_at = row.recorded_at;
    return envelope_read(a, json, &stored, envelope, err);
}

uint64_t engine_seq_of_key(struct engine *e, const struct key *key)
{
    struct bytes value;
    enum store_result found = book_get(e->book, key_bytes(key), &value, &e->err);
    if (found != STORE_OK) {
        e->failed |= found == STORE_FAILED;
        return 0;
    }
    struct reader r = reader_of(value);
    return read_varint(&r);
}

uint64_t engine_seq_of(struct engine *e, struct text event_id)
{
    struct key key = key_event_id(event_id);
    return event_id.len == 0 ? 0 : engine_seq_of_key(e, &key);
}

/** Where a decision stands: its own row, or the page that booked it when it had waited. */
static enum store_result booked_find(struct engine *e, uint64_t seq, uint64_t *booked_seq,
                                     uint32_t *booked_page, struct mete_err *err)
{
    struct key key = key_of(KEY_BOOKED);
    key_add_u64(&key, seq);
    struct bytes value;
    *booked_seq = seq;
    *booked_page = 0;
    enum store_result found = book_get(e->book, key_bytes(&key), &value, err);
    if (found == STORE_OK) {
        struct reader r = reader_of(value);
        *booked_seq = read_varint(&r);
        *booked_page = (uint32_t)read_varint(&r);
    }
    return found;
}

static bool page_unpack(struct engine *e, struct arena *a, uint64_t seq, uint32_t page,
                        struct decision *d)
{
    struct bytes packed;
    if (e->view.decision(e, seq, page, &packed) != VIEW_FOUND) {
        return false;
    }
    return decision_unpack(a, text_bytes(arena_text(a, bytes_text(packed))), d);
}

enum mete_code engine_decision(struct engine *e, uint64_t seq, struct arena *a,
                               struct decision *decision, uint64_t *booked_seq,
                               uint32_t *booked_page, struct mete_err *err)
{
    if (seq == 0 || seq > book_size(e->book)) {
        return mete_fail(err, METE_NOT_FOUND, "", "no event %llu in the log",
                         (unsigned long long)seq);
    }
    if (booked_find(e, seq, booked_seq, booked_page, err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    bool fine = page_unpack(e, a, *booked_seq, *booked_page, decision);
    uint32_t more_count = fine ? decision->pages - 1 : 0;
    struct decision *more = arena_array(a, more_count, sizeof *more);
    for (uint32_t i = 0; i < more_count && fine; i++) {
        fine = page_unpack(e, a, *booked_seq, *booked_page + 1 + i, &more[i]);
    }
    if (!fine) {
        return mete_fail(err, METE_STORE_CORRUPT, "", "the decision of entry %llu cannot be read",
                         (unsigned long long)seq);
    }
    if (more_count > 0) {
        decision_join(a, decision, more, more_count);
    }
    return METE_OK;
}
