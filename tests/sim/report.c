/* SPDX-License-Identifier: Apache-2.0
 * What a run says of itself: what is wrong and how to see it again; at its end, what it did. */
#include "sim.h"

#include "base/encode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sim_checked(struct sim *s, enum sim_check check)
{
    s->counts.check[check]++;
}

void sim_die(const struct sim *s, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "sim: seed %llu step %llu, %llu events durable (%s, last fault %s): ",
            (unsigned long long)s->seed, (unsigned long long)s->step,
            (unsigned long long)s->durable, STEP_NAME[s->now],
            s->fault < DISK_FAULTS ? DISK_FAULT_NAME[s->fault] : "none");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n     the store stays at %s\n", s->file);
    sim_again();
    exit(1);
}

void report_heads(const struct sim *s)
{
    for (unsigned i = 0; i < s->books; i++) {
        const struct sim_book *b = &s->book[i];
        struct log_head h = book_head(engine_book(b->shadow.engine));
        printf("# seed %llu, %s: %llu events, head ", (unsigned long long)s->seed, b->name,
               (unsigned long long)h.size);
        for (size_t k = 0; k < sizeof h.root.b; k++) {
            printf("%02x", h.root.b[k]);
        }
        printf("\n");
    }
    printf("# seed %llu: trace %016llx\n", (unsigned long long)s->seed,
           (unsigned long long)s->trace);
}

static void list(const char *title, const char *const *names, const uint64_t *counts, size_t n)
{
    printf("# %s:", title);
    for (size_t i = 0; i < n; i++) {
        printf(" %s %llu%s", names[i], (unsigned long long)counts[i], i + 1 < n ? "," : "\n");
    }
}

static void report_world(const struct sim *s)
{
    const struct sim_counts *c = &s->counts;
    printf("# faults broke %llu steps and %llu openings, broke %llu books until they were opened "
           "again, were absorbed %llu times; %llu groups were there although nobody had been told; "
           "opened %llu times, %llu times with a group given up in its midst\n",
           (unsigned long long)c->failed_steps, (unsigned long long)c->at_opening,
           (unsigned long long)c->broken, (unsigned long long)c->absorbed,
           (unsigned long long)c->unknown_groups, (unsigned long long)c->reopened,
           (unsigned long long)c->stopped);
    printf("# writes on their way at a power cut: kept %llu, lost %llu, torn %llu; the clock went "
           "back %llu times; the write-ahead log was copied back %llu times\n",
           (unsigned long long)s->loss.kept, (unsigned long long)s->loss.lost,
           (unsigned long long)s->loss.torn, (unsigned long long)c->jumps_back,
           (unsigned long long)c->copied_back);
    printf("# snapshots taken %llu, pages of statements %llu, lines %llu, disputes taken %llu, "
           "refused %llu, replayed from the quarantine %llu, values erased %llu\n",
           (unsigned long long)c->snapshots, (unsigned long long)c->pages,
           (unsigned long long)c->lines, (unsigned long long)c->disputed,
           (unsigned long long)c->undisputed, (unsigned long long)c->replayed,
           (unsigned long long)c->erased);
}

void report_counts(const struct sim *s, double seconds)
{
    static const char *const checks[] = {
#define X(symbol, what) what,
        SIM_CHECKS(X)
#undef X
    };
    static const char *const outcomes[] = {"applied", "duplicate", "waiting",
                                           "refused", "conflict",  "failed"};
    const struct sim_counts *c = &s->counts;
    uint64_t all = 0;
    uint64_t faults = 0;
    for (unsigned i = 0; i < CHECKS; i++) {
        all += c->check[i];
    }
    for (unsigned i = 0; i < DISK_FAULTS; i++) {
        faults += c->fault[i];
    }
    list("steps", STEP_NAME, c->step, STEPS);
    list("submitted", outcomes, c->status, SUBMIT_FAILED + 1);
    list("faults that came", DISK_FAULT_NAME, c->fault, DISK_FAULTS);
    report_world(s);
    list("checks", checks, c->check, CHECKS);
    printf("# %llu seeds, %llu steps, %llu events durable in %u books, %.1f s, %.0f events/s, "
           "%llu faults, %llu checks: no difference\n",
           (unsigned long long)c->seeds, (unsigned long long)c->steps,
           (unsigned long long)c->durable, s->books, seconds, (double)c->durable / seconds,
           (unsigned long long)faults, (unsigned long long)all);
}
