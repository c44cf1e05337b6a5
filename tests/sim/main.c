/* SPDX-License-Identifier: Apache-2.0
 * The command line of the simulator, and a life: steps, drawn by the seed, until so many events are
 * durable. The same seed is the same life. */
#include "sim.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static const char HELP[] =
    "sim --seed N --events M: a whole installation in one process, under one seed.\n"
    "\n"
    "Books with their writers, readers on snapshots, an operator, a clock that jumps and a disk\n"
    "that fails. After every step the books are compared with what the simulator knows of them.\n"
    "\n"
    "  --seed N        the life to live (1)\n"
    "  --events M      until so many events are durable (20000)\n"
    "  --seconds S     one life after the other, seeds N, N+1, ..., until S seconds have passed\n"
    "  --lives L       at least so many of them (1)\n"
    "  --books B       1 to 3 (3)\n"
    "  --until STEP    no step after this one\n"
    "  --auditor FILE  mete-audit, run over the books now and then, and at the end; without it "
    "the\n"
    "                  one beside this program, if there is one\n"
    "  --quiet         say nothing when all is well\n"
    "  --help          this\n"
    "\n"
    "Stores are made in $TMPDIR. Exit status: 0 no difference; 1 something is wrong: what, and "
    "the\n"
    "command that shows it again, are on standard error, and the store stays; 2 usage.\n";

/* How often each step comes. */
static const unsigned SHARE[STEPS] = {
    [STEP_GROUP] = 500,    [STEP_REHEARSAL] = 40,  [STEP_DISPUTE] = 120, [STEP_STOP] = 8,
    [STEP_READER] = 150,   [STEP_STATEMENT] = 40,  [STEP_EXPLAIN] = 40,  [STEP_PROOF] = 60,
    [STEP_CHECKPOINT] = 6, [STEP_QUARANTINE] = 30, [STEP_ERASE] = 4,     [STEP_SIMULATE] = 2,
    [STEP_CLOCK] = 60,     [STEP_FAULT] = 90,      [STEP_REOPEN] = 12,   [STEP_BACKUP] = 2,
    [STEP_COPY_BACK] = 8,  [STEP_VERIFY] = 3,
};

static struct sim s = {.seed = 1, .books = SIM_BOOKS, .events = 20000};
static const char *program;

void sim_again(void)
{
    char line[1024];
    int n = snprintf(line, sizeof line, "     again: %s --seed %llu --events %llu --books %u%s%s",
                     program, (unsigned long long)s.seed, (unsigned long long)s.events, s.books,
                     s.auditor != NULL ? " --auditor " : "", s.auditor != NULL ? s.auditor : "");
    if (n > 0) { /* step 0: at its very beginning */
        int more = snprintf(line + n, sizeof line - (size_t)n, " --until %llu\n",
                            (unsigned long long)s.step);
        (void)!write(STDERR_FILENO, line, (size_t)(n + more));
    }
}

/** A broken invariant of the program itself. */
static void on_crash(int signal_number)
{
    sim_again();
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static enum sim_step step_draw(void)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        all += SHARE[i];
    }
    uint64_t at = rng_below(&s.rng, all);
    unsigned i = 0;
    while (at >= SHARE[i]) {
        at -= SHARE[i++];
    }
    return (enum sim_step)i;
}

static void trace_add(uint64_t v)
{
    s.trace = (s.trace ^ v) * UINT64_C(0x100000001b3);
}

static void step(void)
{
    struct mete_err err = {0};
    s.step++;
    s.counts.steps++;
    s.now = step_draw();
    s.counts.step[s.now]++;
    bool ok = step_run(&s, s.now, &err);
    if (!ok) {
        world_recover(&s, &err);
    } else if (fault_disk_is_dark()) { /* the power went after all that mattered was done */
        world_power_back(&s);
    }
    trace_add((uint64_t)s.now << 1 | ok);
    trace_add(s.durable);
}

static void end(void)
{
    s.now = STEP_VERIFY;
    fault_disk_clear();
    s.armed = false;
    readers_close(&s);
    world_close(&s);
    world_open(&s);
    for (unsigned i = 0; i < s.books; i++) {
        struct mete_err err = {0};
        world_compare(&s, &s.book[i], true);
        if (!reading_verify(&s, &s.book[i], true, &err)) {
            sim_die(&s, "at the end: %s", err.text);
        }
    }
}

static void live(uint64_t until, bool quiet)
{
    /* nothing of the life before is left, but what was counted */
    s = (struct sim){.seed = s.seed,
                     .books = s.books,
                     .events = s.events,
                     .auditor = s.auditor,
                     .loss = s.loss,
                     .counts = s.counts,
                     .trace = UINT64_C(0xcbf29ce484222325)};
    sim_chance(s.seed);
    rng_seed(&s.rng, s.seed);
    sim_clock_set((mete_time)1780000000 * TIME_SECOND_US);
    world_begin(&s);
    while (s.durable < s.events && s.step < until) {
        step();
    }
    end();
    if (!quiet) {
        report_heads(&s);
    }
    world_end(&s);
    s.counts.seeds++;
}

static int usage(const char *why)
{
    fprintf(stderr, "sim: %s; --help tells more\n", why);
    return 2;
}

/** Digits alone. */
static bool number_of(const char *t, uint64_t *out)
{
    *out = 0;
    for (const char *c = t; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || *out > UINT64_MAX / 10 - 1) {
            return false;
        }
        *out = *out * 10 + (uint64_t)(*c - '0');
    }
    return *t != '\0';
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(uint64_t seconds, uint64_t lives, uint64_t until, bool quiet)
{
    double began = now();
    do {
        live(until, quiet);
        fflush(stdout);
        s.seed++;
    } while (s.counts.seeds < lives || now() - began < (double)seconds);
    if (!quiet) {
        report_counts(&s, now() - began);
    }
}

/** The auditor that lies in the directory of this program. */
static void auditor_beside(void)
{
    static char path[512];
    const char *slash = strrchr(program, '/');
    int directory = slash != NULL ? (int)(slash - program) + 1 : 0;
    snprintf(path, sizeof path, "%.*smete-audit", directory, program);
    if (s.auditor == NULL && access(path, X_OK) == 0) {
        s.auditor = path;
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},    {"events", required_argument, NULL, 'e'},
        {"seconds", required_argument, NULL, 't'}, {"lives", required_argument, NULL, 'l'},
        {"books", required_argument, NULL, 'b'},   {"until", required_argument, NULL, 'u'},
        {"auditor", required_argument, NULL, 'a'}, {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {0}};
    uint64_t until = UINT64_MAX;
    uint64_t seconds = 0;
    uint64_t lives = 1;
    uint64_t books = SIM_BOOKS;
    bool quiet = false;
    program = argv[0];
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        uint64_t *to = o == 's'   ? &s.seed
                       : o == 'e' ? &s.events
                       : o == 't' ? &seconds
                       : o == 'l' ? &lives
                       : o == 'b' ? &books
                                  : &until;
        if (o == 'h') {
            fputs(HELP, stdout);
            return 0;
        }
        if (o == 'q') {
            quiet = true;
        } else if (o == 'a') {
            s.auditor = optarg;
        } else if (o == '?' || !number_of(optarg, to)) {
            return usage("an option that there is not, or a value that is no number");
        }
    }
    if (optind < argc || books == 0 || books > SIM_BOOKS) {
        return usage("there are 1 to 3 books, and no arguments but options");
    }
    s.books = (unsigned)books;
    auditor_beside();
    (void)signal(SIGABRT, on_crash);
    (void)signal(SIGSEGV, on_crash);
    fault_disk_install();
    run(seconds, lives, until, quiet);
    return 0;
}
