/* SPDX-License-Identifier: Apache-2.0
 * A book that is filled with made-up events, and a model of its log to compare it with. Everything
 * follows from sequence numbers and a fixed seed, so two fixtures that do the same are the same. */
#ifndef METE_TESTS_STORE_FIXTURE_H
#define METE_TESTS_STORE_FIXTURE_H

#include "base/arena.h"
#include "base/rng.h"
#include "base/text.h"
#include "core/decision.h"
#include "core/view.h"
#include "crypto/merkle.h"
#include "store/insight.h"
#include "store/state/stats.h"
#include "store/store.h"
#include "store_database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURE_ROWS 100000
#define FIXTURE_TIME ((mete_time)1750000000 * TIME_SECOND_US)

/* The leaves of the log; the rows follow from their numbers. */
struct model {
    struct hash *leaf;
    uint64_t size;
};

struct fixture {
    char dir[64]; /* of the file; empty: memory or a database */
    char url[256];
    bool stays; /* the store outlives its closing */
    struct store_options options;
    struct store *store;
    struct book *book;
    struct rng rng;
    struct model model;
    struct buf event;
    struct buf packed;
};

/** Several events share a moment. */
static inline mete_time fixture_time(uint64_t seq)
{
    return FIXTURE_TIME + (mete_time)(seq / 3) * 20 * 60 * TIME_SECOND_US;
}

static inline struct text fixture_event_id(uint64_t seq, char out[64])
{
    /* one in eight needs escapes in JSON */
    int n = snprintf(out, 64, seq % 8 == 0 ? "id \"%llu\"\n" : "evt-%llu", (unsigned long long)seq);
    return (struct text){out, (size_t)n};
}

static inline void fixture_event(uint64_t seq, struct buf *out)
{
    buf_reset(out);
    buf_printf(out, "{\"a\":{\"event_id\":\"inner\"},\"event_id\":\"");
    buf_printf(out, seq % 8 == 0 ? "id \\\"%llu\\\"\\n" : "evt-%llu", (unsigned long long)seq);
    buf_printf(out, "\",\"payload\":\"");
    for (uint64_t i = 0; i < seq % 37; i++) {
        buf_put_str(out, "some text ");
    }
    buf_put_str(out, "\"}");
}

/* Parties, money and puts that depend on nothing but the numbers. */
struct fixture_decision {
    struct decision d;
    struct group group;
    struct node node;
    struct line line[4];
    struct put put[4];
    struct key key[4];
    struct text party[1];
    char name[64];
};

static inline void fixture_decide(uint64_t seq, uint32_t page, struct fixture_decision *f)
{
    static const uint8_t order[] = "one value after the other, each of its own length";
    struct rng r;
    memset(f, 0, sizeof *f);
    rng_seed(&r, seq * 1000 + page);
    f->node = (struct node){
        .policy = 1 + (uint32_t)rng_below(&r, 5), .parent = NODE_NONE, .den = 4, .counted = true};
    for (unsigned i = 0; i < 4; i++) {
        f->line[i] = (struct line){.kind = LINE_ALLOCATION,
                                   .party = 16 + (uint32_t)rng_below(&r, 300),
                                   .share = i,
                                   .weight = 1,
                                   .amount = (i128)rng_below(&r, 1000) * (seq % 9 == 0 ? -1 : 1)};
        f->group.gross += f->line[i].amount;
    }
    f->node.input = f->group.gross;
    f->group.kind = GROUP_REVENUE;
    f->group.asset = 1 + (uint32_t)rng_below(&r, 3);
    f->group.source = PARTY_CLEARING;
    f->group.clears_at = fixture_time(seq) + (mete_time)rng_below(&r, 10) * TIME_DAY_US;
    f->group.node = &f->node;
    f->group.node_count = 1;
    f->group.line = f->line;
    f->group.line_count = 4;
    /* a key that all set, one that comes and goes, sums that are added to and taken away */
    f->key[0] = key_of(KEY_BOOK);
    f->put[0] = (struct put){.op = PUT_SET, .value = {order, 1 + (seq * 7 + page) % 40}};
    f->key[1] = key_u32(KEY_QUEUE, (uint32_t)rng_below(&r, 50));
    f->put[1] = (struct put){.op = rng_below(&r, 2) == 0 ? PUT_SET : PUT_DELETE,
                             .value = {order, (size_t)rng_below(&r, 30)}};
    f->key[2] = key_u32x2(KEY_USAGE, (uint32_t)rng_below(&r, 20), (uint32_t)rng_below(&r, 4));
    f->put[2] = (struct put){.op = rng_below(&r, 4) == 0 ? PUT_DELETE : PUT_ADD,
                             .sums = {1, (i128)seq << 70, -(i128)page, 0}};
    f->key[3] = key_u32(KEY_POLICY_VERSION, (uint32_t)seq);
    f->put[3] = (struct put){.op = PUT_SET, .value = {order, 20}};
    for (unsigned i = 0; i < 4; i++) {
        f->put[i].key = key_bytes(&f->key[i]);
    }
    snprintf(f->name, sizeof f->name, "did:x:%llu:%u", (unsigned long long)seq, page);
    f->party[0] = text_of(f->name);
    f->d = (struct decision){.rules_version = 1,
                             .pages = 1,
                             .party = f->party,
                             .party_count = seq % 5 == 0,
                             .party_first = 16 + (uint32_t)seq,
                             .group = &f->group,
                             .group_count = 1,
                             .put = f->put,
                             .put_count = 4};
}

static inline void fixture_sink_set(void *ctx, struct bytes key, struct bytes value)
{
    book_set(ctx, key, value);
}

static inline void fixture_sink_add(void *ctx, struct bytes key, const i128 sums[STATE_SUMS])
{
    book_add(ctx, key, sums);
}

static inline void fixture_sink_remove(void *ctx, struct bytes key)
{
    book_remove(ctx, key);
}

static inline void fixture_apply(struct fixture *f, const struct decision *d, uint64_t seq,
                                 uint32_t page, mete_time at)
{
    const struct state_sink sink = {f->book, fixture_sink_set, fixture_sink_add,
                                    fixture_sink_remove, true};
    decision_apply(d, seq, page, at, &sink);
}

/** The row of event `seq`; its bytes are the fixture's until the next call. */
static inline struct log_row fixture_row(struct fixture *f, uint64_t seq,
                                         struct fixture_decision *fd)
{
    static const char signature[] = "{\"alg\":\"ed25519\"}";
    fixture_decide(seq, 0, fd);
    fixture_event(seq, &f->event);
    buf_reset(&f->packed);
    decision_pack(&f->packed, &fd->d);
    struct log_row row = {
        .seq = seq,
        .recorded_at = fixture_time(seq),
        .event = buf_bytes(&f->event),
        .signature = {(const uint8_t *)signature, seq % 4 == 0 ? sizeof signature - 1 : 0},
        .decision = buf_bytes(&f->packed)};
    row.leaf = log_row_leaf(&row);
    return row;
}

/** A row whose decision changes nothing: for large trees. */
static inline struct log_row fixture_bare_row(struct fixture *f, uint64_t seq)
{
    const struct decision nothing = {.rules_version = 1, .pages = 1};
    buf_reset(&f->event);
    buf_printf(&f->event, "{\"event_id\":\"%llu\"}", (unsigned long long)seq);
    buf_reset(&f->packed);
    decision_pack(&f->packed, &nothing);
    struct log_row row = {.seq = seq,
                          .recorded_at = FIXTURE_TIME,
                          .event = buf_bytes(&f->event),
                          .decision = buf_bytes(&f->packed)};
    row.leaf = log_row_leaf(&row);
    return row;
}

/** Queues the next event, without committing it. */
static inline void fixture_queue(struct fixture *f)
{
    struct fixture_decision fd;
    struct mete_err err;
    char id[64];
    uint64_t seq = book_size(f->book) + 1;
    struct log_row row = fixture_row(f, seq, &fd);
    assert_true(seq <= FIXTURE_ROWS);
    f->model.leaf[seq - 1] = row.leaf;
    f->model.size = seq;
    if (seq % 2 == 0) { /* the store may be told the id, or find it */
        row.event_id = fixture_event_id(seq, id);
    }
    assert_int_equal(book_append(f->book, &row, &err), STORE_OK);
    fixture_apply(f, &fd.d, seq, 0, row.recorded_at);
}

/** Queues a page of the decision on event `seq`. */
static inline void fixture_page(struct fixture *f, uint64_t seq, uint32_t page)
{
    struct fixture_decision fd;
    struct mete_err err;
    mete_time at = fixture_time(book_size(f->book));
    fixture_decide(seq, page, &fd);
    fd.d.about = 1;
    buf_reset(&f->packed);
    decision_pack(&f->packed, &fd.d);
    assert_int_equal(book_append_page(f->book, seq, page, buf_bytes(&f->packed), at, &err),
                     STORE_OK);
    fixture_apply(f, &fd.d, seq, page, at);
}

/** Appends events in groups. */
static inline void fixture_append(struct fixture *f, unsigned count, unsigned group)
{
    struct mete_err err;
    for (unsigned i = 1; i <= count; i++) {
        fixture_queue(f);
        if (i % group == 0 || i == count) {
            if (book_commit(f->book, &err) != STORE_OK) {
                fail_msg("%s", err.text);
            }
        }
    }
}

/** Something of everything that stands beside the log. */
static inline void fixture_side(struct fixture *f, unsigned n)
{
    char text[64];
    snprintf(text, sizeof text, "did:x:%u", n);
    const struct sealed_value v = {.seq = n,
                                   .pointer = TEXT("/payload/display_name"),
                                   .party = text_of(text),
                                   .sealed = text_bytes(TEXT("sealed"))};
    assert_int_equal(book_seal_add(f->book, &v, NULL), STORE_OK);
    const struct quarantined q = {.code = METE_CONFLICT, .body = text_of(text)};
    assert_int_equal(book_quarantine_add(f->book, &q, 100, NULL), STORE_OK);
    const struct checkpoint c = {.size = n, .note = text_of(text)};
    assert_int_equal(book_checkpoint_add(f->book, &c, NULL), STORE_OK);
    assert_int_equal(book_meta_set(f->book, "n", text_of(text), NULL), STORE_OK);
    const struct kpi_point p = {.app = text_of(text), .t = n, .v = TEXT("1")};
    assert_int_equal(book_kpi_put(f->book, &p, 1, NULL), STORE_OK);
    const struct insight i = {.kind = INSIGHT_EVENT, .id = text_of(text), .t = n};
    assert_int_equal(book_insight_put(f->book, &i, 1, NULL), STORE_OK);
}

static inline void fixture_check_rows(struct fixture *f)
{
    struct fixture_decision fd;
    struct mete_err err;
    char id[64];
    assert_int_equal(book_size(f->book), f->model.size);
    struct log_head head = book_head(f->book);
    assert_int_equal(head.size, f->model.size);
    assert_int_equal(head.recorded_at, fixture_time(f->model.size));
    for (uint64_t seq = 1; seq <= f->model.size; seq++) {
        struct log_row have;
        struct log_row want = fixture_row(f, seq, &fd);
        assert_int_equal(book_row(f->book, seq, &have, &err), STORE_OK);
        assert_int_equal(have.seq, seq);
        assert_int_equal(have.recorded_at, want.recorded_at);
        assert_true(text_eq(bytes_text(have.event), bytes_text(want.event)));
        assert_true(text_eq(bytes_text(have.signature), bytes_text(want.signature)));
        assert_true(text_eq(bytes_text(have.decision), bytes_text(want.decision)));
        assert_true(text_eq(have.event_id, fixture_event_id(seq, id)));
        assert_true(hash_eq(&have.leaf, &f->model.leaf[seq - 1]));
    }
}

/* --- one hash of everything --------------------------------------------------------------------*/

static inline bool fixture_digest_state(void *arg, struct bytes key, struct bytes value,
                                        const i128 *sums)
{
    struct buf *b = arg;
    buf_put_sized(b, bytes_text(key));
    buf_put_sized(b, bytes_text(value));
    for (unsigned i = 0; sums != NULL && i < STATE_SUMS; i++) {
        buf_put_zigzag(b, sums[i]);
    }
    return true;
}

static inline bool fixture_digest_seal(void *arg, const struct sealed_value *v)
{
    buf_put_varint(arg, v->seq);
    buf_put_sized(arg, v->party);
    return true;
}

static inline bool fixture_digest_refused(void *arg, const struct quarantined *q)
{
    buf_put_varint(arg, q->id);
    buf_put_varint(arg, q->attempts);
    buf_put_sized(arg, q->body);
    return true;
}

static inline bool fixture_digest_checkpoint(void *arg, const struct checkpoint *c)
{
    buf_put_sized(arg, c->note);
    return true;
}

static inline bool fixture_digest_point(void *arg, const struct kpi_point *p)
{
    buf_put_sized(arg, p->app);
    buf_put_sized(arg, p->v);
    return true;
}

static inline bool fixture_digest_insight(void *arg, const struct insight *i)
{
    buf_put_sized(arg, i->id);
    return true;
}

/** What apps report of themselves. */
static inline void fixture_digest_insights(struct book *book, struct buf *b)
{
    const struct kpi_point first = {.t = TIME_ALWAYS};
    const struct kpi_point last = {.app = INSIGHT_APP_END};
    const struct insight from = {.kind = INSIGHT_EVENT, .t = TIME_ALWAYS};
    const struct insight until = {.kind = INSIGHT_BATCH, .app = INSIGHT_APP_END};
    assert_int_equal(book_kpi_scan(book, &first, &last, 1000, fixture_digest_point, b, NULL),
                     STORE_OK);
    assert_int_equal(book_insight_scan(book, &from, &until, 1000, fixture_digest_insight, b, NULL),
                     STORE_OK);
}

static inline bool fixture_count_refused(void *arg, const struct quarantined *q)
{
    (void)q;
    ++*(uint64_t *)arg;
    return true;
}

/** The store's count of what is refused is that of its list. */
static inline void fixture_check_refused(struct book *book)
{
    uint64_t listed = 0;
    uint64_t counted = UINT64_MAX;
    assert_int_equal(book_quarantine(book, 0, fixture_count_refused, &listed, NULL), STORE_OK);
    assert_int_equal(book_quarantine_count(book, &counted, NULL), STORE_OK);
    assert_int_equal(counted, listed);
}

/** Head, state, and what stands beside the log. */
static inline struct hash fixture_digest(struct book *book)
{
    struct buf b = {0};
    struct arena a;
    struct text value = {0};
    struct mete_err err;
    arena_init(&a, 1 << 20);
    struct log_head head = book_head(book);
    buf_put(&b, head.root.b, sizeof head.root.b);
    buf_put_be64(&b, head.size);
    assert_int_equal(
        book_scan_state(book, (struct bytes){0}, (struct bytes){0}, fixture_digest_state, &b, &err),
        STORE_OK);
    assert_int_equal(book_seals(book, 0, (struct text){0}, fixture_digest_seal, &b, &err),
                     STORE_OK);
    assert_int_equal(book_quarantine(book, 0, fixture_digest_refused, &b, &err), STORE_OK);
    fixture_check_refused(book);
    assert_int_equal(book_checkpoints(book, fixture_digest_checkpoint, &b, &err), STORE_OK);
    (void)!book_meta_get(book, "n", &a, &value, &err);
    buf_put_sized(&b, value);
    fixture_digest_insights(book, &b);
    struct hash h = sha256(buf_bytes(&b));
    arena_clear(&a);
    buf_clear(&b);
    return h;
}

/* --- opening and closing -----------------------------------------------------------------------*/

static inline void fixture_open_with(struct fixture *f, const char *url,
                                     const struct store_options *options)
{
    struct mete_err err;
    memset(f, 0, sizeof *f);
    f->options = *options;
    rng_seed(&f->rng, 20260102);
    f->model.leaf = malloc(FIXTURE_ROWS * sizeof *f->model.leaf);
    assert_non_null(f->model.leaf);
    if (strcmp(url, "memory:") == 0) {
        snprintf(f->url, sizeof f->url, "%s", url);
    } else if (strcmp(url, "postgres:") == 0) {
        database_clear();
        snprintf(f->url, sizeof f->url, "%s", database_url("APP"));
        f->stays = true;
    } else {
        f->stays = true;
        const char *tmp = getenv("TMPDIR");
        snprintf(f->dir, sizeof f->dir, "%.40s/mete-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->url, sizeof f->url, "%s%s/store.db", url, f->dir);
    }
    assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), true, &err), METE_OK);
}

static inline void fixture_open(struct fixture *f, const char *url, size_t cache_size)
{
    const struct store_options o = {
        .create = true, .cache_size = cache_size, .strict_cache = true, .now = FIXTURE_TIME};
    fixture_open_with(f, url, &o);
}

/** Closes and opens again: the store too, unless that would be its end. */
static inline void fixture_reopen(struct fixture *f)
{
    struct mete_err err;
    book_close(f->book);
    if (f->stays) {
        store_close(f->store);
        assert_int_equal(store_open(&f->store, f->url, &f->options, &err), METE_OK);
    }
    assert_int_equal(book_open(&f->book, f->store, TEXT("main"), false, &err), METE_OK);
}

static inline const char *fixture_path(const struct fixture *f)
{
    const char *name = strchr(f->url, ':');
    return f->dir[0] != '\0' && name != NULL ? name + 1 : f->url;
}

static inline void fixture_remove_files(struct fixture *f)
{
    static const char *const suffix[] = {"", "-wal", "-shm", ".lock", ".copy"};
    for (size_t i = 0; i < ARRAY_LEN(suffix); i++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", fixture_path(f), suffix[i]);
        (void)unlink(name);
    }
    (void)rmdir(f->dir);
}

static inline void fixture_close(struct fixture *f)
{
    book_close(f->book);
    store_close(f->store);
    if (f->dir[0] != '\0') {
        fixture_remove_files(f);
    }
    free(f->model.leaf);
    buf_clear(&f->event);
    buf_clear(&f->packed);
}

static inline int fixture_setup(void **state, const char *url, size_t cache_size)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    fixture_open(f, url, cache_size);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

#endif
