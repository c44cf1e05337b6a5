/* SPDX-License-Identifier: Apache-2.0
 * What can happen next: writers, readers, operators, the clock and the disk. */
#include "sim.h"

#include "base/text.h"
#include "engine/erase.h"
#include "engine/log.h"
#include "engine/quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const STEP_NAME[STEPS] = {
    "group",   "rehearsal", "dispute",    "stop",       "reader",    "statement",
    "explain", "proof",     "checkpoint", "quarantine", "erase",     "simulate",
    "clock",   "fault",     "reopen",     "backup",     "copy back", "verify"};

/* --- operators ---------------------------------------------------------------------------------*/

static bool checkpoint(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct arena a;
    struct checkpoint c;
    uint64_t size = book_head(engine_book(b->real.engine)).size;
    (void)s;
    if (size == 0) {
        return true;
    }
    arena_init(&a, 1 << 20);
    bool ok = log_checkpoint(b->real.engine, &a, size, &c, err) == METE_OK &&
              log_checkpoint_keep(b->real.engine, &c, err) == METE_OK;
    arena_clear(&a);
    return ok;
}

struct some_row {
    struct sim *s;
    uint64_t seen;
    uint64_t id;
    struct buf body;
};

static bool row_some(void *arg, const struct quarantined *q)
{
    struct some_row *r = arg;
    if (rng_below(&r->s->rng, ++r->seen) == 0 && !q->cut) {
        r->id = q->id;
        buf_reset(&r->body);
        buf_put_text(&r->body, q->body);
    }
    return true;
}

static bool quarantine(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct some_row row = {.s = s};
    struct submit_result r = {0};
    bool ok = quarantine_list(b->real.engine, 0, row_some, &row, err) == METE_OK;
    if (ok && row.id != 0) {
        world_queued(b, buf_text(&row.body)); /* in case that it becomes an event */
        ok = quarantine_replay(b->real.engine, row.id, &r, err) == METE_OK;
        s->counts.replayed += ok;
        if (ok && r.status != SUBMIT_APPLIED && r.status != SUBMIT_WAITING) {
            world_forget(b);
        }
        if (ok) {
            world_durable(s, b);
        }
    }
    buf_clear(&row.body);
    return ok;
}

static bool erase(struct sim *s, struct sim_book *b, struct mete_err *err)
{
    struct text party;
    struct erased gone;
    char name[256];
    uint32_t number = PARTY_FIRST + (uint32_t)rng_below(&s->rng, 30);
    if (view_party_id(engine_view(b->real.engine), number, &party) != VIEW_FOUND ||
        party.len >= sizeof name) {
        return true;
    }
    memcpy(name, party.p, party.len);
    if (party_erase(b->real.engine, (struct text){name, party.len}, &gone, err) != METE_OK) {
        return false;
    }
    s->counts.erased += gone.values;
    world_compare(s, b, true);
    return true;
}

/* --- the clock and the disk --------------------------------------------------------------------*/

static void clock_step(struct sim *s)
{
    static const mete_time spans[] = {TIME_SECOND_US, 3600 * TIME_SECOND_US, TIME_DAY_US,
                                      30 * TIME_DAY_US};
    mete_time by = (mete_time)rng_below(&s->rng, (uint64_t)spans[rng_below(&s->rng, 4)]);
    bool back = rng_below(&s->rng, 3) == 0;
    s->counts.jumps_back += back;
    sim_clock_set(sim_clock() + (back ? -by : by));
}

static void fault_step(struct sim *s)
{
    /* how many operations of each kind a few groups have, about */
    static const uint64_t within[DISK_FAULTS] = {60, 60, 60, 6, 30, 80};
    if (s->armed && fault_disk_fired()) { /* it broke something that can do without */
        s->counts.fault[s->fault]++;
        s->counts.absorbed++;
        s->wounded = true;
    }
    s->fault = (enum disk_fault)rng_below(&s->rng, DISK_FAULTS);
    fault_disk_arm(s->fault, 1 + rng_below(&s->rng, within[s->fault]));
    s->armed = true;
}

static void reopen(struct sim *s)
{
    world_close(s);
    world_open(s);
}

bool step_run(struct sim *s, enum sim_step step, struct mete_err *err)
{
    struct sim_book *b = &s->book[rng_below(&s->rng, s->books)];
    switch (step) {
    case STEP_GROUP:
        return group_step(s, b, err);
    case STEP_REHEARSAL:
        return group_rehearse(s, b, err);
    case STEP_DISPUTE:
        return group_dispute(s, b, err);
    case STEP_STOP:
        return group_stop(s, b, err);
    case STEP_READER:
        return readers_step(s, err);
    case STEP_STATEMENT:
        return reading_statement(s, b, err);
    case STEP_EXPLAIN:
        return reading_explain(s, b, err);
    case STEP_PROOF:
        return reading_proof(s, b, err);
    case STEP_CHECKPOINT:
        return checkpoint(s, b, err);
    case STEP_QUARANTINE:
        return quarantine(s, b, err);
    case STEP_ERASE:
        return erase(s, b, err);
    case STEP_SIMULATE:
        return reading_simulate(s, b, err);
    case STEP_BACKUP:
        return reading_backup(s, b, err);
    case STEP_COPY_BACK:
        return reading_copy_back(s, err);
    case STEP_VERIFY:
        return reading_verify(s, b, rng_below(&s->rng, 3) == 0, err);
    case STEP_CLOCK:
        clock_step(s);
        return true;
    case STEP_FAULT:
        fault_step(s);
        return true;
    case STEP_REOPEN:
        reopen(s);
        return true;
    case STEPS:
        break;
    }
    METE_ASSERT(false);
}
