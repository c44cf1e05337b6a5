/* SPDX-License-Identifier: Apache-2.0
 * The installation: opening, dying, coming back, and the comparison with the shadows. */
#include "sim.h"

#include "base/text.h"
#include "store/book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE       ((size_t)256 << 10)
#define FLOW_EVENTS 1500u

/* --- the open group ----------------------------------------------------------------------------*/

void world_queued(struct sim_book *b, struct text json)
{
    b->queued = realloc(b->queued, (b->queued_count + 1) * sizeof *b->queued);
    METE_ASSERT(b->queued != NULL);
    struct sim_queued *q = &b->queued[b->queued_count++];
    q->json = malloc(json.len + 1);
    METE_ASSERT(q->json != NULL);
    memcpy(q->json, json.p, json.len);
    q->len = json.len;
}

void world_forget(struct sim_book *b)
{
    for (size_t i = 0; i < b->queued_count; i++) {
        free(b->queued[i].json);
    }
    b->queued_count = 0;
    b->acknowledged = false;
    map_reset(&b->fresh);
}

static uint64_t shadow_size(struct sim_book *b)
{
    return book_head(engine_book(b->shadow.engine)).size;
}

/** The real row says when it was recorded; all else the shadow must find by itself. */
static void shadow_tell(struct sim *s, struct sim_book *b, const struct sim_queued *q)
{
    struct log_row row;
    struct log_row own;
    struct mete_err err = {0};
    uint64_t seq = shadow_size(b) + 1;
    if (book_row(engine_book(b->real.engine), seq, &row, &err) != STORE_OK) {
        sim_die(s, "row %llu of %s cannot be read: %s", (unsigned long long)seq, b->name, err.text);
    }
    SIM_CHECK(s, row.recorded_at >= b->last);
    b->last = row.recorded_at;
    struct hash leaf = row.leaf;
    const struct submit_options o = {.recorded_at = row.recorded_at, .no_quarantine = true};
    struct submit_result r;
    engine_submit(b->shadow.engine, (struct text){q->json, q->len}, &o, &r);
    if (r.status != SUBMIT_APPLIED && r.status != SUBMIT_WAITING) {
        sim_die(s, "%s: the shadow says %s to event %llu: %s", b->name,
                submit_status_name(r.status), (unsigned long long)seq, r.err.text);
    }
    SIM_CHECK(s, book_row(engine_book(b->shadow.engine), seq, &own, &err) == STORE_OK);
    SIM_CHECK(s, hash_eq(&leaf, &own.leaf));
    const char *wrong =
        model_follow(&b->model, b->real.engine, seq, (struct text){q->json, q->len});
    if (wrong != NULL) {
        sim_die(s, "%s, event %llu: %s", b->name, (unsigned long long)seq, wrong);
    }
    sim_checked(s, CHECK_MONEY);
    s->counts.durable++;
    s->durable++;
}

static void head_remember(struct sim *s, struct sim_book *b, const struct log_head *head)
{
    size_t at = b->heads < SIM_HEADS ? b->heads++ : rng_below(&s->rng, SIM_HEADS);
    b->head[at] = (struct sim_head){head->size, head->root};
}

/** What everybody has at a moment between now and three weeks from now. */
static void compare_model(struct sim *s, struct sim_book *b)
{
    struct buf found = {0};
    struct buf expected = {0};
    struct mete_err err = {0};
    mete_time at = b->last + (mete_time)rng_below(&s->rng, 20 * TIME_DAY_US);
    model_balances(&b->model, b->real.engine, at, &expected);
    if (!engine_balances(b->real.engine, at, &found, &err)) {
        sim_die(s, "%s: the balances cannot be read: %s", b->name, err.text);
    }
    if (!text_eq(buf_text(&found), buf_text(&expected))) {
        sim_die(s, "%s: party asset net pending disputed\n%.*s\n     and by adding up\n%.*s",
                b->name, (int)found.len, (const char *)found.p, (int)expected.len,
                (const char *)expected.p);
    }
    buf_clear(&found);
    buf_clear(&expected);
    sim_checked(s, CHECK_BALANCES);
}

static void compare(struct sim *s, struct sim_book *b, bool balances)
{
    struct log_head real = book_head(engine_book(b->real.engine));
    struct log_head shadow = book_head(engine_book(b->shadow.engine));
    if (real.size != shadow.size || !hash_eq(&real.root, &shadow.root)) {
        sim_die(s, "%s has %llu events, its shadow %llu, or another head", b->name,
                (unsigned long long)real.size, (unsigned long long)shadow.size);
    }
    sim_checked(s, CHECK_HEADS);
    head_remember(s, b, &real);
    if (!balances) {
        return;
    }
    struct buf found = {0};
    struct buf expected = {0};
    scene_balances(&b->real, &found);
    scene_balances(&b->shadow, &expected);
    bool same = text_eq(buf_text(&found), buf_text(&expected));
    bool sound = scene_balanced(&b->real);
    buf_clear(&found);
    buf_clear(&expected);
    SIM_CHECK(s, same);
    SIM_CHECK(s, sound);
    sim_checked(s, CHECK_SHADOWS);
    compare_model(s, b);
}

void world_compare(struct sim *s, struct sim_book *b, bool balances)
{
    fault_disk_pause(true);
    if (!fault_disk_is_dark()) {
        compare(s, b, balances);
    }
    fault_disk_pause(false);
}

static void shadow_tell_all(struct sim *s, struct sim_book *b)
{
    for (size_t i = 0; i < b->queued_count; i++) {
        shadow_tell(s, b, &b->queued[i]);
    }
    world_forget(b);
    compare(s, b, rng_below(&s->rng, 16) == 0);
}

void world_durable(struct sim *s, struct sim_book *b)
{
    fault_disk_pause(true);
    if (fault_disk_is_dark()) {
        b->acknowledged = true;
    } else {
        shadow_tell_all(s, b);
    }
    fault_disk_pause(false);
}

/* --- streams -----------------------------------------------------------------------------------*/

void world_more(struct sim *s, struct sim_book *b)
{
    size_t begun = b->flow.item != NULL;
    struct flow more;
    uint64_t seed = rng_next(&s->rng);
    if (begun) {
        flow_free(&b->flow);
    }
    if (begun) { /* ids of its own; what it says of policies goes on from what stands */
        flow_make_from(&more, seed, FLOW_EVENTS, (int)(1 + b->flows++ % 2000) * 1000000);
    } else {
        flow_make(&more, seed, FLOW_EVENTS, true);
    }
    b->flow = more;
    b->at = 0;
}

/* --- opening -----------------------------------------------------------------------------------*/

static enum mete_code book_try(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct engine_options o = {.store = s->file,
                               .in_store = s->store,
                               .book = b->name,
                               .cache_size = CACHE,
                               .strict_cache = true,
                               .salt_seed = 1};
    struct engine *e = NULL;
    enum mete_code code = engine_open(&e, &o, err);
    if (code == METE_STORE_MISSING) {
        o.create_book = true;
        code = engine_open(&e, &o, err);
    }
    if (code == METE_OK) {
        memset(&b->real, 0, sizeof b->real);
        b->real.engine = e;
        engine_book(e)->state.segment_blocks = 2; /* merges last over several groups */
        arena_init(&b->real.arena, (size_t)1 << 30);
    }
    return code;
}

static enum mete_code world_try(struct sim *s, struct mete_err *err)
{
    const struct store_options so = {
        .create = true, .cache_size = CACHE, .strict_cache = true, .now = sim_clock()};
    enum mete_code code = store_open(&s->store, s->file, &so, err);
    if (code != METE_OK) {
        s->store = NULL;
        return code;
    }
    s->is_open = true;
    for (unsigned i = 0; i < s->books && code == METE_OK; i++) {
        code = book_try(s, &s->book[i], err);
    }
    if (code != METE_OK) {
        world_close(s);
    }
    return code;
}

void world_close(struct sim *s)
{
    for (unsigned i = 0; i < s->books; i++) {
        if (s->book[i].real.engine != NULL) {
            scene_close(&s->book[i].real);
            s->book[i].real.engine = NULL;
        }
    }
    if (s->store != NULL) {
        store_close(s->store);
        s->store = NULL;
    }
    s->is_open = false;
}

/** What a group left behind: all of it or nothing. */
static void book_settles(struct sim *s, struct sim_book *b)
{
    uint64_t size = book_head(engine_book(b->real.engine)).size;
    uint64_t before = shadow_size(b);
    if (size == before + b->queued_count && b->queued_count > 0) {
        s->counts.unknown_groups += !b->acknowledged;
        world_durable(s, b);
    } else if (size != before || b->acknowledged) {
        sim_die(s, "%s has %llu events: %llu were durable, %zu in the group%s", b->name,
                (unsigned long long)size, (unsigned long long)before, b->queued_count,
                b->acknowledged ? ", acknowledged" : "");
    }
    world_forget(b);
    world_compare(s, b, true);
}

static void power_on(struct sim *s)
{
    readers_close(s);
    fault_disk_power_on(&s->rng, &s->loss);
    s->armed = false;
}

static bool fault_came(struct sim *s)
{
    bool came = s->armed && fault_disk_fired();
    if (came) {
        s->counts.fault[s->fault]++;
        s->armed = false;
        s->wounded = true;
    }
    return came;
}

void world_open(struct sim *s)
{
    struct mete_err err = {0};
    for (int attempt = 0; world_try(s, &err) != METE_OK; attempt++) {
        bool came = fault_came(s);
        if (attempt > 3 || err.text[0] == '\0' || (attempt == 0 && !came)) {
            sim_die(s, "cannot be opened: %s", err.text);
        }
        s->counts.at_opening++;
        if (fault_disk_is_dark()) {
            power_on(s);
        }
        fault_disk_clear();
    }
    s->wounded = false;
    s->counts.reopened++;
    for (unsigned i = 0; i < s->books; i++) {
        book_settles(s, &s->book[i]);
    }
}

void world_power_back(struct sim *s)
{
    world_close(s);
    power_on(s);
    world_open(s);
}

void world_recover(struct sim *s, const struct mete_err *err)
{
    bool came = fault_came(s);
    s->counts.failed_steps++;
    if ((!came && !s->wounded) || err->text[0] == '\0') {
        sim_die(s, "failed without a fault: %s: %s", mete_code_name(err->code), err->text);
    }
    if (fault_disk_is_dark()) {
        world_power_back(s);
        return;
    }
    fault_disk_clear();
    s->armed = false;
    for (unsigned i = 0; i < s->books; i++) {
        engine_rollback(s->book[i].real.engine);
    }
    if (!came ||
        rng_below(&s->rng, 4) == 0) { /* a book that is broken says so until it is opened */
        world_close(s);
        world_open(s);
        return;
    }
    for (unsigned i = 0; i < s->books; i++) {
        if (book_is_broken(engine_book(s->book[i].real.engine))) {
            s->counts.broken++;
            world_close(s);
            world_open(s);
            return;
        }
    }
    for (unsigned i = 0; i < s->books; i++) {
        book_settles(s, &s->book[i]);
    }
}

/* --- begin and end -----------------------------------------------------------------------------*/

void world_begin(struct sim *s)
{
    const char *parent = getenv("TMPDIR");
    snprintf(s->directory, sizeof s->directory, "%s/mete-sim-XXXXXX",
             parent != NULL ? parent : "/tmp");
    SIM_CHECK(s, mkdtemp(s->directory) != NULL);
    snprintf(s->file, sizeof s->file, "%s/m.db", s->directory);
    s->fault = DISK_FAULTS;
    for (unsigned i = 0; i < s->books; i++) {
        struct sim_book *b = &s->book[i];
        snprintf(b->name, sizeof b->name, "book-%u", i);
        scene_open(&b->shadow);
        model_begin(&b->model);
        map_init(&b->fresh, sizeof(struct hash), 1);
        world_more(s, b);
    }
    world_open(s);
}

void world_end(struct sim *s)
{
    static const char *const endings[] = {"",          "-wal",          "-shm",  ".key",
                                          ".lock",     "-journal",      ".copy", ".copy-wal",
                                          ".copy-shm", ".copy-journal", ".audit"};
    readers_close(s);
    world_close(s);
    for (unsigned i = 0; i < s->books; i++) {
        struct sim_book *b = &s->book[i];
        world_forget(b);
        free(b->queued);
        model_end(&b->model);
        map_clear(&b->fresh);
        scene_close(&b->shadow);
        flow_free(&b->flow);
    }
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[300];
        snprintf(path, sizeof path, "%s%s", s->file, endings[i]);
        (void)unlink(path);
    }
    SIM_CHECK(s, rmdir(s->directory) == 0);
    fault_disk_forget();
}
