/* SPDX-License-Identifier: Apache-2.0
 * What deciding reads. A view that lacks everything at first leads to the same bytes; whatever was
 * booked can be taken back to nothing; and no decision reads or keeps more than its event is worth.
 * covers: F-110 B-047 M-063 M-064 R-014 R-035 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/text.h"

/* --- a view that lacks everything until it was asked for
 * ----------------------------------------------------------------------------------------*/

struct lacking {
    struct world *w;
    struct map asked; /* what was asked for -> whether it is there now */
    struct rng rng;
    bool stubborn; /* asking once is not always enough */
    int only;      /* not 0: only what is asked for as the only-th is not there, and never comes */
    uint64_t lacked;
    uint64_t read[256]; /* by class of key: gets and scans that were answered */
};

static bool lacks(struct lacking *l, uint8_t kind, struct bytes a, struct bytes b)
{
    struct buf key = {0};
    buf_put_u8(&key, kind);
    buf_put_sized(&key, bytes_text(a));
    buf_put(&key, b.p, b.len);
    bool made = false;
    bool *there = map_put(&l->asked, buf_bytes(&key), &made);
    buf_clear(&key);
    if (l->only != 0 && made) {
        *there = l->asked.count != (size_t)l->only;
    }
    bool lacked = !*there;
    if (l->only == 0) {
        *there = *there || !l->stubborn || rng_below(&l->rng, 3) == 0;
    }
    l->lacked += lacked;
    return lacked;
}

static enum view_result lacking_get(void *ctx, struct bytes key, struct bytes *value)
{
    struct lacking *l = ctx;
    if (lacks(l, 'g', key, (struct bytes){0})) {
        return VIEW_MISSING;
    }
    l->read[key.p[0]]++;
    return l->w->plain.get(l->w, key, value);
}

static enum view_result lacking_sums(void *ctx, struct bytes key, i128 sums[STATE_SUMS])
{
    struct lacking *l = ctx;
    return lacks(l, 's', key, (struct bytes){0}) ? VIEW_MISSING : l->w->plain.sums(l->w, key, sums);
}

static enum view_result lacking_scan(void *ctx, struct bytes from, struct bytes until,
                                     view_visit *visit, void *arg)
{
    struct lacking *l = ctx;
    if (lacks(l, 'r', from, until)) {
        return VIEW_MISSING;
    }
    l->read[from.p[0]]++;
    return l->w->plain.scan(l->w, from, until, visit, arg);
}

static enum view_result lacking_decision(void *ctx, uint64_t seq, uint32_t page,
                                         struct bytes *packed)
{
    struct lacking *l = ctx;
    struct key key = key_of(KEY_BOOKED);
    key_add_u64(&key, seq);
    key_add_u32(&key, page);
    return lacks(l, 'd', key_bytes(&key), (struct bytes){0})
               ? VIEW_MISSING
               : l->w->plain.decision(l->w, seq, page, packed);
}

static enum view_result lacking_event(void *ctx, uint64_t seq, struct arena *a, struct event *event,
                                      mete_time *recorded_at)
{
    struct lacking *l = ctx;
    struct key key = key_of(KEY_BOOKED);
    key_add_u64(&key, seq);
    return lacks(l, 'e', key_bytes(&key), (struct bytes){0})
               ? VIEW_MISSING
               : l->w->plain.event(l->w, seq, a, event, recorded_at);
}

static uint64_t lacking_seq_at(void *ctx, mete_time t)
{
    struct lacking *l = ctx;
    return l->w->plain.seq_at(l->w, t);
}

static void lacking_open(struct lacking *l, struct world *w, uint64_t seed)
{
    *l = (struct lacking){.w = w};
    rng_seed(&l->rng, seed);
    map_init(&l->asked, sizeof(bool), 1);
    w->view = (struct view){l,
                            lacking_get,
                            lacking_sums,
                            lacking_scan,
                            lacking_decision,
                            lacking_event,
                            lacking_seq_at,
                            NULL};
}

/* --- a stream
 * -----------------------------------------------------------------------------------*/

#define START ((mete_time)1735689600 * TIME_SECOND_US) /* 2025-01-01 */

#define REMEMBERED 16

struct stream {
    struct rng rng;
    mete_time now;
    int next;
    bool moves;                   /* money also moves between parties: transfers, upheld disputes */
    unsigned revenue[REMEMBERED]; /* the last ones, and the last allocations to be disputed */
    char disputed[REMEMBERED][32];
    struct buf json;
};

static unsigned below(struct stream *s, unsigned n)
{
    return (unsigned)rng_below(&s->rng, n);
}

static void money(struct stream *s, const char *member, unsigned most)
{
    static const char *const ASSET[] = {"SAT", "SAT", "SAT", "JPY"};
    buf_printf(&s->json, "\"%s\":{\"amount\":\"%u\",\"currency\":\"%s\"}", member,
               1 + below(s, most), ASSET[below(s, 4)]);
}

/* Weights that sum to 1, to less, or, one time in twelve, to more. */
static void shares(struct stream *s, unsigned policy)
{
    static const unsigned DEN[] = {1, 2, 3, 4, 6, 7, 10, 24};
    unsigned den = DEN[below(s, 8)];
    unsigned left = below(s, 12) == 0 ? den + 1 : den;
    unsigned count = 1 + below(s, 4);
    for (unsigned i = 0; i < count; i++) {
        unsigned num = i + 1 == count && below(s, 2) == 0 ? left : below(s, left + 1);
        bool nested = policy < 7 && below(s, 3) == 0;
        left -= num;
        buf_put_str(&s->json, i > 0 ? "," : "");
        if (nested) {
            buf_printf(&s->json, "{\"policy\":\"urn:%u\"", policy + 1 + below(s, 7 - policy));
        } else {
            buf_printf(&s->json, "{\"party\":\"%c\"", 'a' + (int)below(s, 6));
        }
        buf_printf(&s->json, ",\"weight\":\"%u/%u\"}", num, den);
    }
}

/* The higher numbers only: the others come when somebody waits for them. */
static void put_policy(struct stream *s)
{
    unsigned policy = below(s, 8);
    if (policy == 7 && below(s, 2) == 0) {
        buf_printf(&s->json,
                   "\"manifest\":{\"id\":\"urn:7\",\"title\":\"t\",\"contributors\":[{\"actor\":{"
                   "\"id\":\"a\"},\"role\":\"r\",\"weight\":0.5,\"temporal_splits\":[{\"version\":"
                   "1,\"conditions\":[\"post-recoup\"],\"weight\":0.%u},{\"version\":2,"
                   "\"conditions\":[\"many\"],\"weight\":1}]},{\"actor\":{\"id\":\"b\"},\"role\":"
                   "\"r\",\"weight\":0.%u}],\"metadata\":{\"recoup_threshold\":{\"amount\":300,"
                   "\"currency\":\"SAT\"},\"ticket_thresholds\":[{\"name\":\"many\",\"condition\":"
                   "\">= 40\"}]}}",
                   1 + below(s, 9), below(s, 6));
        return;
    }
    buf_printf(&s->json, "\"policy\":{\"id\":\"urn:%u\",\"kind\":\"weights\",%s\"shares\":[",
               policy, policy % 3 == 1 ? "\"rounding\":\"carry\"," : "");
    shares(s, policy);
    buf_put_str(&s->json, "]}");
}

static void put_window(struct stream *s)
{
    unsigned day = 1 + below(s, 5);
    buf_printf(
        &s->json,
        "\"window_start\":\"2025-01-%02uT00:00:00Z\",\"window_end\":\"2025-01-%02uT00:00:00Z\"",
        day, day + 1);
}

static void put_target(struct stream *s)
{
    switch (below(s, 8)) {
    case 0:
        buf_printf(&s->json, "\"party\":\"%c\"", 'a' + (int)below(s, 6));
        return;
    case 1:
        buf_printf(&s->json, "\"content_item_id\":\"i%u\"", below(s, 3));
        return;
    default:
        buf_printf(&s->json, "\"policy\":\"urn:%u\"", below(s, 8));
    }
}

/* Events about the money of earlier events name one of the last revenues, mostly. */
static unsigned an_earlier_one(struct stream *s)
{
    return below(s, 6) == 0 ? below(s, (unsigned)s->next + 2) : s->revenue[below(s, REMEMBERED)];
}

static const char *put_dispute(struct stream *s)
{
    static const char *const PATH[] = {"1", "1", "2", "1.1", "2.1", "2.2"};
    static const char *const SAID[] = {"allocation.escalated", "allocation.overridden",
                                       "allocation.evidence_added", "allocation.upheld"};
    char *place = s->disputed[below(s, REMEMBERED)];
    bool opens = below(s, 2) == 0;
    if (opens) {
        snprintf(place, sizeof s->disputed[0], "e%u/%s", an_earlier_one(s), PATH[below(s, 6)]);
    }
    buf_printf(&s->json, "\"reason\":\"r\",\"allocation_id\":\"%s\"",
               place[0] != 0 ? place : "e0/1");
    /* An upheld share of a carry split changes hands, its fractions do not. */
    return opens ? "allocation.disputed" : SAID[below(s, s->moves ? 4 : 3)];
}

static const char *put_payload(struct stream *s)
{
    static const char *const ROLE[] = {"author", "editor", "curator"};
    struct buf *j = &s->json;
    switch (below(s, s->moves ? 21 : 20)) {
    case 0:
    case 1:
        put_policy(s);
        return "policy.published";
    case 2:
        buf_printf(j,
                   "\"fees\":[{\"label\":\"l\",\"bps\":%u,\"payee\":\"f\",\"children\":[{\"label\":"
                   "\"c\",\"share_bps\":3333,\"payee\":\"g\"}]}]",
                   below(s, 900));
        return "fees.scheduled";
    case 3:
        buf_printf(j, "\"content_item_id\":\"i%u\",\"party\":\"%c\",\"role\":\"%s\",\"weight\":%u",
                   below(s, 3), 'a' + (int)below(s, 6), ROLE[below(s, 3)], 1 + below(s, 5));
        return "contribution.recorded";
    case 4:
        buf_printf(j, "\"platform_id\":\"f\",\"provider\":\"%c\",\"calls\":%u,",
                   'a' + (int)below(s, 6), below(s, 9));
        put_window(s);
        return "usage.reported";
    case 5:
        buf_put_str(j, "\"policy\":\"urn:usage\",");
        put_window(s);
        buf_put_u8(j, ',');
        money(s, "pool", 50);
        return "cycle.closed";
    case 6:
        buf_printf(j,
                   "\"policy\":\"urn:%u\",\"endpoint\":\"/\",\"customer_wallet\":\"%c\",\"cost\":{"
                   "\"amount\":\"%u.%u\",\"currency\":\"SAT\"}",
                   below(s, 8), 'a' + (int)below(s, 3), below(s, 9), below(s, 10));
        return "usage.metered";
    case 7:
        buf_printf(j, "\"policy\":\"urn:%u\",\"day\":\"2025-02-01\"", below(s, 8));
        return "metering.closed";
    case 8:
        buf_printf(j, "\"policy\":\"urn:7\",\"condition\":\"%s\",\"active\":%s",
                   below(s, 2) == 0 ? "many" : "post-recoup", below(s, 2) == 0 ? "true" : "false");
        return "condition.changed";
    case 9:
    case 10:
        buf_printf(j, "\"reverses\":\"e%u\"", an_earlier_one(s));
        if (below(s, 4) > 0) {
            buf_put_u8(j, ',');
            money(s, "amount", 40);
        }
        return "revenue.reversed";
    case 11:
    case 12:
        return put_dispute(s);
    case 20:
        buf_printf(j, "\"from\":\"%c\",\"to\":\"f\",", 'a' + (int)below(s, 6));
        money(s, "amount", 30);
        return "wallet.transferred";
    default:
        put_target(s);
        buf_printf(j, ",\"quantity\":%u,", below(s, 3));
        money(s, "amount", 200);
        s->revenue[below(s, REMEMBERED)] = (unsigned)s->next;
        return "revenue.received";
    }
}

static const char *stream_next(struct stream *s)
{
    char time[TIME_TEXT_MAX];
    s->now += (mete_time)below(s, 7200) * TIME_SECOND_US;
    time_format(s->now, time);
    buf_reset(&s->json);
    buf_put_str(&s->json, "{\"payload\":{");
    const char *type = put_payload(s);
    buf_printf(&s->json, "},\"event_id\":\"e%d\",\"event_type\":\"%s\",\"occurred_at\":\"%s\"}",
               s->next++, type, time);
    buf_put_u8(&s->json, 0);
    return (const char *)s->json.p;
}

static void stream_begin(struct stream *s, uint64_t seed)
{
    *s = (struct stream){.now = START};
    rng_seed(&s->rng, seed);
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    world_open(w);
    assert_int_equal(
        world_submit(w, START,
                     "{\"event_id\":\"usage\",\"event_type\":\"policy.published\",\"occurred_at\":"
                     "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:usage\","
                     "\"kind\":\"usage\",\"rounding\":\"carry\",\"kib_weight\":\"1/3\"}}}"),
        DECIDED_APPLIED);
    return w;
}

static void world_free(struct world *w)
{
    world_close(w);
    free(w);
}

/* --- lacking views
 * ------------------------------------------------------------------------------*/

static bool same_row(const struct world_row *a, const struct world_row *b)
{
    bool same = a->pages == b->pages;
    for (uint32_t i = 0; i < a->pages && same; i++) {
        same = bytes_cmp(a->page[i], b->page[i]) == 0;
    }
    return same;
}

static void compare_streams(uint64_t seed, bool stubborn)
{
    struct stream s;
    struct lacking lacking;
    struct world *plain = world_new();
    struct world *poor = world_new();
    unsigned count[4] = {0};
    stream_begin(&s, seed);
    s.moves = true;
    lacking_open(&lacking, poor, seed);
    lacking.stubborn = stubborn;
    for (int i = 0; i < 1200; i++) {
        const char *json = stream_next(&s);
        enum decided outcome = world_submit(plain, 0, json);
        map_reset(&lacking.asked);
        enum decided again = world_submit(poor, 0, json);
        bool same = outcome == again && plain->size == poor->size &&
                    (outcome != DECIDED_REFUSED || plain->err.code == poor->err.code) &&
                    same_row(&plain->row[plain->size], &poor->row[poor->size]);
        if (!same) {
            print_message("seed %llu, event %d: %d or %d, %s or %s\n%s\n", (unsigned long long)seed,
                          i, (int)outcome, (int)again, plain->err.text, poor->err.text, json);
        }
        assert_true(same);
        count[outcome]++;
    }
    assert_true(lacking.lacked > 5000 && count[DECIDED_WAITING] > 30 &&
                count[DECIDED_APPLIED] > 500 && count[DECIDED_REFUSED] > 50);
    map_clear(&lacking.asked);
    buf_clear(&s.json);
    world_free(plain);
    world_free(poor);
}

static void test_a_view_that_lacks_everything_at_first_leads_to_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        compare_streams(seed, seed % 2 == 0);
    }
}

/* True when the event could not be read, or everything was there. */
static bool decides_without(struct lacking *l, struct arena *a, const char *json, int only)
{
    struct envelope e;
    struct decision d;
    struct mete_err err;
    const struct envelope_options o = {.now = TIME_NEVER};
    arena_reset(a);
    if (envelope_read(a, text_of(json), &o, &e, &err) != METE_OK) {
        return true;
    }
    map_reset(&l->asked);
    l->only = only;
    l->lacked = 0;
    struct decide_in in = {&l->w->view, &e.event, l->w->size + 1, e.event.occurred_at};
    enum decided outcome = decide(a, &in, &d, &err);
    if (l->lacked > 0 && outcome != DECIDED_NEEDS) {
        print_message("without the key asked for as number %d: %s\n", only, json);
    }
    assert_true(l->lacked == 0 || outcome == DECIDED_NEEDS);
    assert_int_equal(need(a, &in), l->lacked == 0 ? DECIDED_APPLIED : DECIDED_NEEDS);
    return l->lacked == 0;
}

static void test_whatever_single_thing_is_lacking_the_event_is_not_decided(void **state)
{
    (void)state;
    struct stream s;
    struct lacking l;
    struct arena a;
    struct world *w = world_new();
    arena_init(&a, (size_t)1 << 30);
    stream_begin(&s, 11);
    s.moves = true;
    lacking_open(&l, w, 11);
    for (int i = 0; i < 700; i++) {
        const char *json = stream_next(&s);
        for (int only = 1; !decides_without(&l, &a, json, only); only++) {
        }
        l.only = 0;
        map_reset(&l.asked);
        (void)world_submit(w, 0, json);
    }
    map_clear(&l.asked);
    arena_clear(&a);
    buf_clear(&s.json);
    world_free(w);
}

/* --- taking back
 * --------------------------------------------------------------------------------*/

static bool visit_zero(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    uint32_t party = key.p[0] == KEY_ACCOUNT ? key_read_u32(key, 1) : 0;
    i128 left = key.p[0] == KEY_ACCOUNT ? sums[1] - sums[0] + sums[3] - sums[2] : sums[0];
    (void)value;
    if (left != 0 && party != PARTY_CLEARING && party != PARTY_SUSPENSE) {
        char text[I128_TEXT_MAX];
        i128_format(left, text);
        print_message("class %c, party %u: %s is left\n", key.p[0], party, text);
        *(bool *)arg = false;
    }
    return true;
}

static bool all_zero(const struct world *w, enum key_class class)
{
    bool zero = true;
    struct key from = key_of(class);
    struct key until = key_prefix_end(from);
    (void)w->plain.scan((void *)(uintptr_t)w, key_bytes(&from), key_bytes(&until), visit_zero,
                        &zero);
    return zero;
}

static bool visit_residue(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct reader r = reader_of(value);
    (void)key;
    (void)sums;
    (void)read_u8(&r);
    *(bool *)arg &= read_zigzag(&r) == 0 && read_varint128(&r) == 0;
    return true;
}

/* In three pieces, each of which may be too large, and then what is left. */
static void take_back(struct world *w, struct stream *s, int event)
{
    for (int i = 0; i < 4; i++) {
        char time[TIME_TEXT_MAX];
        time_format(s->now, time);
        buf_reset(&s->json);
        buf_printf(&s->json,
                   "{\"event_id\":\"b%d-%d\",\"event_type\":\"revenue.reversed\",\"occurred_at\":"
                   "\"%s\",\"payload\":{\"reverses\":\"e%d\"",
                   event, i, time, event);
        if (i < 3) {
            buf_put_u8(&s->json, ',');
            money(s, "amount", 60);
        }
        buf_put_str(&s->json, "}}");
        buf_put_u8(&s->json, 0);
        (void)world_submit(w, 0, (const char *)s->json.p);
    }
}

static void test_whatever_was_booked_is_taken_back_in_pieces_to_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 106; seed++) {
        struct stream s;
        struct world *w = world_new();
        bool zero = true;
        stream_begin(&s, seed);
        for (int i = 0; i < 600; i++) {
            (void)world_submit(w, 0, stream_next(&s));
        }
        int events = s.next;
        for (int i = 0; i < events; i++) {
            take_back(w, &s, (i * 7 + 3) % events); /* 600 and 7 share no factor */
        }
        struct key from = key_of(KEY_RESIDUE);
        struct key until = key_prefix_end(from);
        (void)w->plain.scan(w, key_bytes(&from), key_bytes(&until), visit_residue, &zero);
        zero =
            zero && all_zero(w, KEY_ACCOUNT) && all_zero(w, KEY_NET) && all_zero(w, KEY_QUANTITY);
        if (!zero) {
            print_message("seed %llu\n", (unsigned long long)seed);
        }
        assert_true(zero);
        buf_clear(&s.json);
        world_free(w);
    }
}

/* --- how much is read
 * ---------------------------------------------------------------------------*/

static void publish(struct world *w, const char *event, const char *id, const char *shares)
{
    struct buf json = {0};
    buf_printf(&json,
               "{\"event_id\":\"%s\",\"event_type\":\"policy.published\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"%s\",\"kind\":"
               "\"weights\",%s}}}",
               event, id, shares);
    buf_put_u8(&json, 0);
    assert_int_equal(world_submit(w, 0, (const char *)json.p), DECIDED_APPLIED);
    buf_clear(&json);
}

/* "shares":[{"policy":"<prefix>0","weight":"1/<count>"},...] */
static void put_shares(struct buf *out, const char *kind, const char *prefix, int first, int count,
                       bool same)
{
    buf_reset(out);
    buf_put_str(out, "\"shares\":[");
    for (int i = 0; i < count; i++) {
        buf_printf(out, "%s{\"%s\":\"%s%d\",\"weight\":\"1/%d\"}", i > 0 ? "," : "", kind, prefix,
                   same ? first : first + i, count);
    }
    buf_put_u8(out, ']');
    buf_put_u8(out, 0);
}

static void test_a_new_version_reads_no_more_of_the_earlier_ones_than_it_must(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct lacking l;
    char event[32];
    for (int i = 0; i < 40; i++) {
        snprintf(event, sizeof event, "v%d", i);
        if (i == 39) {
            lacking_open(&l, w, 1);
        }
        publish(w, event, "urn:v", "\"shares\":[{\"party\":\"a\",\"weight\":\"1/3\"}]");
    }
    assert_true(l.read[KEY_POLICY_VERSION] <= 2);
    map_clear(&l.asked);
    world_free(w);
}

static void test_a_policy_that_stands_often_in_a_tree_is_read_once(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct lacking l;
    struct buf list = {0};
    publish(w, "leaf", "urn:leaf0", "\"shares\":[{\"party\":\"a\",\"weight\":\"1\"}]");
    put_shares(&list, "policy", "urn:leaf", 0, 300, true);
    publish(w, "root", "urn:root", (const char *)list.p);
    lacking_open(&l, w, 1);
    assert_int_equal(
        world_submit(w, 0,
                     "{\"event_id\":\"e\",\"event_type\":\"revenue.received\",\"occurred_at\":"
                     "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":\"urn:root\",\"amount\":{"
                     "\"amount\":\"900\",\"currency\":\"SAT\"}}}"),
        DECIDED_APPLIED);
    w->view = w->plain;
    assert_true(world_net(w, "a", "SAT") == 900);
    /* each attempt reads again what the one before it found */
    assert_true(l.read[KEY_POLICY] < 40 && l.read[KEY_POLICY_VERSION] < 40);
    map_clear(&l.asked);
    buf_clear(&list);
    world_free(w);
}

static void test_what_a_publication_contains_is_walked_once(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct lacking l;
    struct buf list = {0};
    char event[32], id[32];
    put_shares(&list, "policy", "urn:deep", 0, 100, false);
    for (int i = 0; i < 50; i++) {
        snprintf(event, sizeof event, "m%d", i);
        snprintf(id, sizeof id, "urn:mid%d", i);
        publish(w, event, id, (const char *)list.p);
    }
    put_shares(&list, "policy", "urn:mid", 0, 50, false);
    lacking_open(&l, w, 1);
    publish(w, "root", "urn:root", (const char *)list.p);
    uint64_t first = l.read[KEY_CHILD];
    l.read[KEY_CHILD] = 0;
    publish(w, "root2", "urn:root", (const char *)list.p); /* everything is there by now */
    assert_true(first > 0);
    assert_int_equal(l.read[KEY_CHILD], 150);
    map_clear(&l.asked);
    buf_clear(&list);
    world_free(w);
}

static void test_a_carry_split_of_many_policies_is_taken_back_in_little_memory(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct buf list = {0};
    char event[32], id[32];
    for (int i = 0; i < 300; i++) {
        snprintf(event, sizeof event, "m%d", i);
        snprintf(id, sizeof id, "urn:mid%d", i);
        put_shares(&list, "party", "p", 10 * i, 10, false);
        publish(w, event, id, (const char *)list.p);
    }
    buf_reset(&list);
    buf_put_str(&list, "\"rounding\":\"carry\",\"shares\":[");
    for (int i = 0; i < 300; i++) {
        buf_printf(&list, "%s{\"policy\":\"urn:mid%d\",\"weight\":\"1/300\"}", i > 0 ? "," : "", i);
    }
    buf_put_u8(&list, ']');
    buf_put_u8(&list, 0);
    publish(w, "root", "urn:root", (const char *)list.p);
    assert_int_equal(
        world_submit(w, 0,
                     "{\"event_id\":\"e\",\"event_type\":\"revenue.received\",\"occurred_at\":"
                     "\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":\"urn:root\",\"amount\":{"
                     "\"amount\":\"30001\",\"currency\":\"SAT\"}}}"),
        DECIDED_APPLIED);
    assert_int_equal(
        world_submit(w, 0,
                     "{\"event_id\":\"r\",\"event_type\":\"revenue.reversed\",\"occurred_at\":"
                     "\"2025-01-01T00:00:00Z\",\"payload\":{\"reverses\":\"e\"}}"),
        DECIDED_APPLIED);
    assert_true(w->arena.size < ((size_t)8 << 20));
    assert_true(world_net(w, "p0", "SAT") == 0 && world_net(w, "p2999", "SAT") == 0);
    buf_clear(&list);
    world_free(w);
}

/* With as many temporal entries as a policy may have. */
static void publish_entries(struct world *w, int policy)
{
    struct buf json = {0};
    buf_printf(&json,
               "{\"event_id\":\"m%d\",\"event_type\":\"policy.published\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{\"manifest\":{\"id\":\"urn:e%d\","
               "\"contributors\":[{\"actor\":{\"id\":\"a\"},\"temporal_splits\":[",
               policy, policy);
    for (int i = 0; i < ENTRIES_MAX; i++) {
        buf_printf(&json, "%s{\"version\":%d,\"weight\":1}", i > 0 ? "," : "", i);
    }
    buf_put_str(&json, "]}]}}}");
    buf_put_u8(&json, 0);
    assert_int_equal(world_submit(w, 0, (const char *)json.p), DECIDED_APPLIED);
    buf_clear(&json);
}

static void test_an_event_meets_a_bounded_number_of_temporal_entries(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct buf list = {0};
    for (int i = 0; i < 17; i++) {
        publish_entries(w, i);
    }
    for (int count = 16; count <= 17; count++) {
        char id[32];
        snprintf(id, sizeof id, "urn:of%d", count);
        put_shares(&list, "policy", "urn:e", 0, count, false);
        publish(w, id, id, (const char *)list.p);
        assert_int_equal(world_submitf(w,
                                       "{\"event_id\":\"e%d\",\"event_type\":\"revenue.received\","
                                       "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{"
                                       "\"policy\":\"%s\",\"amount\":{\"amount\":\"34\","
                                       "\"currency\":\"SAT\"}}}",
                                       count, id),
                         count == 16 ? DECIDED_APPLIED : DECIDED_WAITING);
    }
    assert_string_equal(mete_code_name((enum mete_code)w->last.wait_code), "shares_limit");
    buf_clear(&list);
    world_free(w);
}

/* --- sums that would leave their range
 * ------------------------------------------------------------------------------*/

#define MOST "1329227995784915872903807060280344575" /* 2^120 - 1 */

/* Sends numbered events until one is refused for its amount; returns how many were taken. */
static int taken(struct world *w, const char *type, const char *payload, const char *other)
{
    for (int i = 0; i < 1000; i++) {
        enum decided outcome =
            world_submitf(w,
                          "{\"event_id\":\"%.3s%d\",\"event_type\":\"%s\",\"occurred_at\":"
                          "\"2025-02-01T00:00:00Z\",\"payload\":%s}",
                          type, i, type, i % 2 == 0 ? payload : other);
        if (outcome == DECIDED_REFUSED) {
            assert_string_equal(mete_code_name(w->err.code), "amount_range");
            return i;
        }
    }
    return 1000;
}

static void test_sums_of_accounts_never_leave_their_range(void **state)
{
    (void)state;
    struct world *w = world_new();
#define TO(party)                                                                                  \
    "{\"party\":\"" party "\",\"amount\":{\"amount\":\"" MOST "\",\"currency\":\"SAT\"}}"
#define MOVE(from, to)                                                                             \
    "{\"from\":\"" from "\",\"to\":\"" to "\",\"amount\":{\"amount\":\"" MOST                      \
    "\",\"currency\":\"SAT\"}}"
#define METER(customer)                                                                            \
    "{\"policy\":\"urn:m\",\"endpoint\":\"/\",\"customer_wallet\":\"" customer                     \
    "\",\"cost\":{\"amount\":\"10000000000000000\",\"currency\":\"SAT\"}}"
    assert_int_equal(world_submit(w, START,
                                  "{\"event_id\":\"b\",\"event_type\":\"book.configured\","
                                  "\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{"
                                  "\"clear_after_days\":0}}"),
                     DECIDED_APPLIED);
    assert_in_range(taken(w, "revenue.received", TO("a"), TO("a")), 5, 8);
    assert_in_range(taken(w, "wallet.transferred", MOVE("a", "b"), MOVE("b", "a")), 4, 16);
    assert_in_range(taken(w, "usage.metered", METER("c"), METER("d")), 4, 4);
    /* what is there can still go back, and small amounts can still come */
    assert_int_equal(world_submit(w, START,
                                  "{\"event_id\":\"r\",\"event_type\":\"revenue.reversed\","
                                  "\"occurred_at\":\"2025-02-01T00:00:00Z\",\"payload\":{"
                                  "\"reverses\":\"rev3\"}}"),
                     DECIDED_APPLIED);
    assert_int_equal(world_submit(w, START,
                                  "{\"event_id\":\"s\",\"event_type\":\"revenue.received\","
                                  "\"occurred_at\":\"2025-02-01T00:00:00Z\",\"payload\":{\"party\":"
                                  "\"a\",\"amount\":{\"amount\":\"1\",\"currency\":\"SAT\"}}}"),
                     DECIDED_APPLIED);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_view_that_lacks_everything_at_first_leads_to_the_same_bytes),
        cmocka_unit_test(test_whatever_single_thing_is_lacking_the_event_is_not_decided),
        cmocka_unit_test(test_whatever_was_booked_is_taken_back_in_pieces_to_nothing),
        cmocka_unit_test(test_a_new_version_reads_no_more_of_the_earlier_ones_than_it_must),
        cmocka_unit_test(test_a_policy_that_stands_often_in_a_tree_is_read_once),
        cmocka_unit_test(test_what_a_publication_contains_is_walked_once),
        cmocka_unit_test(test_a_carry_split_of_many_policies_is_taken_back_in_little_memory),
        cmocka_unit_test(test_an_event_meets_a_bounded_number_of_temporal_entries),
        cmocka_unit_test(test_sums_of_accounts_never_leave_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
