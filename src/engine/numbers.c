/* SPDX-License-Identifier: Apache-2.0
 * Counting, and reading what waits: all keys of class WAITING, from which the oldest of each reason
 * is found. */
#include "engine/internal.h"

#include "core/payout.h"
#include "core/work.h"
#include "store/state/stats.h"
#include "store/steady.h"

#include <time.h>

#define COST_FREE  1000 /* microseconds: so much is read whenever it is asked for */
#define COST_SHARE 100  /* of the time: one part in so many */

static const char *const REASON[WAIT_REASONS] = {"policy", "event", "usage", "stuck"};

const char *wait_reason_name(enum wait_reason r)
{
    METE_ASSERT(r < WAIT_REASONS);
    return REASON[r];
}

/* --- counting ----------------------------------------------------------------------------------*/

void numbers_outcome(struct engine *e, enum submit_status status)
{
    if (status < SUBMIT_FAILED) {
        e->counting.outcome[status]++;
    }
}

void numbers_decision(struct engine *e, const struct decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        for (uint32_t k = 0; g->kind == GROUP_REVENUE && k < g->line_count; k++) {
            e->counting.allocations += g->line[k].kind == LINE_ALLOCATION;
        }
    }
}

void numbers_settle(struct engine *e, bool durable)
{
    for (size_t i = 0; durable && i < SUBMIT_FAILED; i++) {
        e->counts.outcome[i] += e->counting.outcome[i];
    }
    e->counts.allocations += durable ? e->counting.allocations : 0;
    e->waits.moved |= !durable;
    e->counting = (struct engine_counts){0};
}

const struct engine_counts *engine_counts_of(const struct engine *e)
{
    return &e->counts;
}

/* --- what waits --------------------------------------------------------------------------------*/

static int64_t thread_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/** A key: class, kind, what it waits for, and the seq of the event in its last eight bytes. */
static bool wait_add(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct waits *w = arg;
    unsigned kind = key.len >= 2 + sizeof(uint64_t) ? key.p[1] : 0;
    (void)value;
    (void)sums;
    if (kind >= WAIT_POLICY && kind <= WAIT_STUCK) {
        unsigned reason = kind - WAIT_POLICY;
        uint64_t seq = key_read_u64(key, key.len - sizeof(uint64_t));
        w->count[reason]++;
        if (w->oldest[reason] == 0 || seq < w->oldest[reason]) {
            w->oldest[reason] = seq;
        }
    }
    return true;
}

static enum mete_code waits_scan(struct engine *e, struct waits *w, struct mete_err *err)
{
    struct key from = key_of(KEY_WAITING);
    struct key until = key_prefix_end(from);
    enum store_result r =
        book_scan_state(e->book, key_bytes(&from), key_bytes(&until), wait_add, w, err);
    for (size_t i = 0; r == STORE_OK && i < WAIT_REASONS; i++) {
        struct log_row row;
        if (w->oldest[i] != 0) {
            r = book_row(e->book, w->oldest[i], &row, err);
            w->oldest_at[i] = r == STORE_OK ? row.recorded_at : 0;
        }
    }
    return r == STORE_OK ? METE_OK : METE_STORE_FAILED;
}

static enum mete_code waits_read(struct engine *e, struct mete_err *err)
{
    int64_t now = steady_now();
    bool soon = e->waits.cost > COST_FREE && now - e->waits.read_at < COST_SHARE * e->waits.cost;
    struct waits found = {.read_at = now};
    if (!e->waits.moved || soon) {
        return METE_OK;
    }
    int64_t begin = thread_us();
    enum mete_code code = waits_scan(e, &found, err);
    found.cost = thread_us() - begin;
    if (code == METE_OK) {
        e->waits = found;
    }
    return code;
}

/* --- payouts -----------------------------------------------------------------------------------*/

static bool first_due(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    *(mete_time *)arg = key_read_time(key, 1);
    return false;
}

static enum mete_code payouts_read(struct engine *e, struct book_numbers *out, struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct key from = key_of(KEY_OUTBOX);
    struct key until = key_prefix_end(from);
    for (unsigned s = 0; s < TRANSFER_STATE_COUNT; s++) {
        i128 sums[STATE_SUMS] = {0};
        struct key key = key_batch_state(BATCH_ALL, (uint8_t)s);
        if (v->sums(v->ctx, key_bytes(&key), sums) == VIEW_MISSING) {
            return METE_STORE_FAILED;
        }
        out->payouts[s] = (uint64_t)sums[0];
    }
    out->payout_due = 0;
    enum store_result r = book_scan_state(e->book, key_bytes(&from), key_bytes(&until), first_due,
                                          &out->payout_due, err);
    return r == STORE_FAILED ? METE_STORE_FAILED : METE_OK;
}

enum mete_code book_numbers_read(struct engine *e, struct book_numbers *out, struct mete_err *err)
{
    enum mete_code code = waits_read(e, err);
    code = code == METE_OK ? payouts_read(e, out, err) : code;
    if (code != METE_OK || book_quarantine_count(e->book, &out->quarantined, err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    const struct state_stats *state = book_stats(e->book);
    out->counts = e->counts;
    out->size = book_size(e->book);
    out->recorded_at = out->size > 0 ? book_head(e->book).recorded_at : 0;
    out->quarantine_max = e->quarantine_max;
    out->waits = e->waits;
    out->state_memory = state->memory;
    out->state_runs = state->runs;
    return METE_OK;
}
