/* SPDX-License-Identifier: Apache-2.0
 * Nanoseconds per event for reading an envelope and for its canonical bytes: the median of several
 * rounds, and the best one. Arena and buffer are reused, as a server does. "same" repeats one
 * envelope, which the branch predictor learns by heart; "varied" has values of random length. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "wire/json.h"

#define ROUNDS         15
#define EVENTS_A_ROUND 100000
#define VARIANTS       256

/* Each %.*s is a piece of an identifier. */
static const char ENVELOPE[] =
    "{\"schema_version\":\"1.0\",\"event_id\":\"0f8fad5b-d9cb-469f-a165-%.*s\","
    "\"event_type\":\"revenue.%.*s\",\"event_version\":1,"
    "\"occurred_at\":\"2025-12-22T12:34:56.123Z\","
    "\"source\":{\"producer\":\"control_plane\",\"service\":\"payment\",\"app_id\":\"app_%.*s\","
    "\"environment\":\"prod\",\"request_id\":\"4bf92f3577b34da6a3ce%.*s\","
    "\"ip\":\"203.0.113.7\"},"
    "\"actor\":{\"actor_type\":\"user\",\"actor_id\":\"user_%.*s\"},"
    "\"correlation\":{\"campaign_id\":\"camp_%.*s\",\"round_id\":\"round_%.*s\","
    "\"commitment_id\":\"comm_222\",\"allocation_id\":\"alloc_%.*s\","
    "\"transaction_id\":\"txn_1MqqbKLt%.*s\",\"user_id\":\"enduser_%.*s\"},"
    "\"payload\":{\"invoice_id\":\"in_1MtHbELkdIwHu%.*s\",\"gross_amount\":\"1500.00\","
    "\"currency\":\"USD\",\"fee_minor\":4380,\"tax_minor\":0,\"net_minor\":145620,"
    "\"period\":{\"start\":\"2025-12-01\",\"end\":\"2025-12-31\"},"
    "\"source_ref\":\"pi_3MtwBwLkdIwHu%.*s\",\"quantity\":3,\"recurring\":true,"
    "\"conditions\":[\"early-bird\"],\"customer\":\"cus_%.*s\","
    "\"memo\":\"December seats, paid by card for the team\"}}";

#define PIECES 13
static const char LETTERS[] = "7ixl4OzzPMv28a3tqPaNff";

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void require(enum mete_code code)
{
    if (code != METE_OK) {
        fprintf(stderr, "bench_json: %s\n", mete_code_name(code));
        exit(1);
    }
}

struct bench {
    struct text input[VARIANTS];
    struct json *root[VARIANTS];
    struct arena arena; /* of one event */
    struct buf out;
    uint64_t sink; /* keeps the work from being dropped */
};

static struct text envelope_make(struct arena *a, struct rng *r, bool varied)
{
    int n[PIECES];
    for (size_t i = 0; i < PIECES; i++)
        n[i] = varied ? (int)rng_below(r, sizeof LETTERS) : (int)sizeof LETTERS / 2;
    const char *s = LETTERS;
    return arena_printf(a, ENVELOPE, n[0], s, n[1], s, n[2], s, n[3], s, n[4], s, n[5], s, n[6], s,
                        n[7], s, n[8], s, n[9], s, n[10], s, n[11], s, n[12], s);
}

static void parse_once(struct bench *b, size_t i)
{
    struct json *root = NULL;
    arena_reset(&b->arena);
    require(json_parse(&b->arena, b->input[i], &root, NULL));
    b->sink += root->count;
}

static void canonical_once(struct bench *b, size_t i)
{
    buf_reset(&b->out);
    require(json_canonical(b->root[i], &b->out, NULL));
    b->sink += b->out.len;
}

static int double_cmp(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct bench *b, const char *name, void (*once)(struct bench *, size_t))
{
    double ns[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (size_t i = 0; i < EVENTS_A_ROUND; i++)
            once(b, i % VARIANTS);
        ns[round] = (now_ns() - start) / EVENTS_A_ROUND;
    }
    qsort(ns, ROUNDS, sizeof ns[0], double_cmp);
    printf("  %-10s median %7.1f ns/event   best %7.1f\n", name, ns[ROUNDS / 2], ns[0]);
}

static size_t members(const struct json *j)
{
    size_t count = j->type == JSON_OBJECT ? j->count : 0;
    for (const struct json *c = j->child; c != NULL; c = c->next)
        count += members(c);
    return count;
}

static void run(bool varied)
{
    static struct bench b;
    struct arena kept;
    struct rng r;
    size_t total = 0;
    b = (struct bench){0};
    arena_init(&kept, (size_t)1 << 26);
    arena_init(&b.arena, JSON_ARENA_MAX(4096));
    rng_seed(&r, 1);
    for (size_t i = 0; i < VARIANTS; i++) {
        b.input[i] = envelope_make(&kept, &r, varied);
        total += b.input[i].len;
        require(json_parse(&kept, b.input[i], &b.root[i], NULL));
    }
    printf("%s: %zu bytes, %zu members\n", varied ? "varied" : "same", total / VARIANTS,
           members(b.root[0]));
    measure(&b, "parse", parse_once);
    measure(&b, "canonical", canonical_once);
    fprintf(stderr, "(%" PRIu64 ")\n", b.sink);
    arena_clear(&b.arena);
    arena_clear(&kept);
    buf_clear(&b.out);
}

int main(void)
{
    run(false);
    run(true);
    return 0;
}
