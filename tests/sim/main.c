/* SPDX-License-Identifier: Apache-2.0
 * sim --seed N --events M [--books 1..3] [--until STEP] [--auditor mete-audit] [--quiet]:
 * steps, drawn by the seed, until so many events are durable. The same seed is the same life. On a
 * failure it names seed and step; the store stays where it is. */
#include "sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often each step comes. */
static const unsigned SHARE[STEPS] = {
    [STEP_GROUP] = 500,  [STEP_REHEARSAL] = 40, [STEP_STATEMENT] = 60,  [STEP_EXPLAIN] = 60,
    [STEP_PROOF] = 60,   [STEP_CHECKPOINT] = 6, [STEP_QUARANTINE] = 30, [STEP_ERASE] = 4,
    [STEP_SIMULATE] = 2, [STEP_CLOCK] = 60,     [STEP_FAULT] = 90,      [STEP_REOPEN] = 12,
    [STEP_BACKUP] = 2,   [STEP_VERIFY] = 3,
};

static enum sim_step step_draw(struct sim *s)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        all += SHARE[i];
    }
    uint64_t at = rng_below(&s->rng, all);
    unsigned i = 0;
    while (at >= SHARE[i]) {
        at -= SHARE[i++];
    }
    return (enum sim_step)i;
}

static void live(struct sim *s, uint64_t events, uint64_t until)
{
    while (s->counts.durable < events && s->step < until) {
        struct mete_err err = {0};
        s->step++;
        s->now = step_draw(s);
        s->counts.step[s->now]++;
        if (!step_run(s, s->now, &err)) {
            world_recover(s, &err);
        }
    }
    s->now = STEP_VERIFY;
    fault_disk_clear();
    s->armed = false;
    world_close(s);
    world_open(s);
    for (unsigned i = 0; i < s->books; i++) {
        struct mete_err err = {0};
        world_compare(s, &s->book[i], true);
        if (!reading_verify(s, &s->book[i], &err)) {
            sim_die(s, "at the end: %s", err.text);
        }
    }
}

static void print_counts(const struct sim *s, double seconds)
{
    const struct sim_counts *c = &s->counts;
    printf("# seed %llu: %llu steps, %llu events durable in %u books, %.1f s, %.0f events/s\n",
           (unsigned long long)s->seed, (unsigned long long)s->step, (unsigned long long)c->durable,
           s->books, seconds, (double)c->durable / seconds);
    printf("# steps:");
    for (unsigned i = 0; i < STEPS; i++) {
        printf(" %s %llu%s", STEP_NAME[i], (unsigned long long)c->step[i],
               i + 1 < STEPS ? "," : "\n");
    }
    printf("# faults that came:");
    for (unsigned i = 0; i < DISK_FAULTS; i++) {
        printf(" %s %llu%s", DISK_FAULT_NAME[i], (unsigned long long)c->fault[i],
               i + 1 < DISK_FAULTS ? "," : "\n");
    }
    printf("# they broke %llu steps, %llu openings, %llu books, %llu nothing; %llu groups were "
           "there after all; "
           "opened %llu "
           "times; writes on their way kept %llu, lost %llu, torn %llu; the clock went back %llu "
           "times\n",
           (unsigned long long)c->failed_steps, (unsigned long long)c->at_opening,
           (unsigned long long)c->broken, (unsigned long long)c->absorbed,
           (unsigned long long)c->unknown_groups, (unsigned long long)c->reopened,
           (unsigned long long)s->loss.kept, (unsigned long long)s->loss.lost,
           (unsigned long long)s->loss.torn, (unsigned long long)c->jumps_back);
    printf("# submitted %llu: applied %llu, duplicate %llu, waiting %llu, refused %llu, conflict "
           "%llu, failed %llu; replayed %llu; statement lines %llu, proofs %llu, copies %llu, "
           "audits %llu, values erased %llu\n",
           (unsigned long long)c->submitted, (unsigned long long)c->status[SUBMIT_APPLIED],
           (unsigned long long)c->status[SUBMIT_DUPLICATE],
           (unsigned long long)c->status[SUBMIT_WAITING],
           (unsigned long long)c->status[SUBMIT_REFUSED],
           (unsigned long long)c->status[SUBMIT_CONFLICT],
           (unsigned long long)c->status[SUBMIT_FAILED], (unsigned long long)c->replayed,
           (unsigned long long)c->lines, (unsigned long long)c->proofs,
           (unsigned long long)c->backups, (unsigned long long)c->audits,
           (unsigned long long)c->erased);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: sim --seed N --events M [--books 1..%u] [--until STEP] "
            "[--auditor FILE] [--quiet]\n",
            SIM_BOOKS);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"events", required_argument, NULL, 'e'},
                                            {"books", required_argument, NULL, 'b'},
                                            {"until", required_argument, NULL, 'u'},
                                            {"auditor", required_argument, NULL, 'a'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {0}};
    static struct sim s = {.seed = 1, .books = SIM_BOOKS};
    uint64_t events = 20000;
    uint64_t until = UINT64_MAX;
    bool quiet = false;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        uint64_t number = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;
        switch (o) {
        case 's':
            s.seed = number;
            break;
        case 'e':
            events = number;
            break;
        case 'b':
            s.books = (unsigned)number;
            break;
        case 'u':
            until = number;
            break;
        case 'a':
            s.auditor = optarg;
            break;
        case 'q':
            quiet = true;
            break;
        default:
            return usage();
        }
    }
    if (s.books == 0 || s.books > SIM_BOOKS) {
        return usage();
    }
    time_t began = time(NULL);
    fault_disk_install();
    rng_seed(&s.rng, s.seed);
    sim_clock_set((mete_time)1780000000 * TIME_SECOND_US);
    world_begin(&s);
    live(&s, events, until);
    world_end(&s);
    if (!quiet) {
        print_counts(&s, (double)(time(NULL) - began) + 0.5);
    }
    return 0;
}
