/* SPDX-License-Identifier: Apache-2.0
 * What goes back: a whole reversal, or parts of it in any portions, undoes every line exactly;
 * carry keeps everybody within one minor unit of what is exactly due, also while money goes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/i128.h"
#include "base/map.h"
#include "base/text.h"
#include "oracle/frac.h"
#include "property/flow.h"

#define FLOWS  24
#define EVENTS 500

/* --- what a decision posted, by account
 * --------------------------------------------------------*/

struct posted {
    struct map net; /* party, asset -> i128 */
    i128 gross;     /* of its revenues, the first currency only */
    uint32_t asset;
    bool revenue;
    bool evened; /* a carry split of nothing credited something: it evens out earlier reversals */
};

static void posted_begin(struct posted *p)
{
    memset(p, 0, sizeof *p);
    map_init(&p->net, sizeof(i128), 7);
}

static bool below_empty_carry(const struct group *g, uint32_t node)
{
    for (uint32_t i = node; i != NODE_NONE; i = g->node[i].parent) {
        if (g->node[i].rounding == ROUNDING_CARRY && g->node[i].input == 0)
            return true;
    }
    return false;
}

static void posted_group(struct posted *p, const struct group *g)
{
    bool came = g->kind == GROUP_REVENUE;
    p->revenue |= came;
    if (came && p->gross == 0)
        p->asset = g->asset;
    if (came && g->asset == p->asset)
        p->gross += g->gross;
    for (uint32_t i = 0; i < g->line_count; i++) {
        const struct line *l = &g->line[i];
        uint32_t account[2] = {l->party, g->asset};
        struct bytes key = {(const uint8_t *)account, sizeof account};
        *(i128 *)map_put(&p->net, key, NULL) += l->amount;
        p->evened |=
            came && l->amount != 0 && l->node != NODE_NONE && below_empty_carry(g, l->node);
    }
}

static void posted_add(struct scene *s, uint64_t seq, struct posted *p)
{
    struct decision d;
    struct mete_err err;
    uint64_t at;
    uint32_t page;
    arena_reset(&s->arena);
    assert_int_equal(engine_decision(s->engine, seq, &s->arena, &d, &at, &page, &err), METE_OK);
    for (uint32_t i = 0; i < d.group_count && d.wait_code == 0; i++)
        posted_group(p, &d.group[i]);
}

static bool posted_zero(const struct posted *p)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&p->net, &i, &key, &value)) {
        if (*(i128 *)value != 0)
            return false;
    }
    return true;
}

/* --- one revenue goes back
 * ----------------------------------------------------------------------*/

static void amount_text(char out[AMOUNT_TEXT_MAX], struct scene *s, uint32_t asset, i128 amount,
                        char code[ASSET_CODE_LEN_MAX + 1])
{
    struct asset a;
    assert_int_equal(view_asset_number(engine_view(s->engine), asset, &a), VIEW_FOUND);
    amount_format(amount, a.scale, out);
    snprintf(code, ASSET_CODE_LEN_MAX + 1, "%s", a.code);
}

static void send_back(struct scene *s, int number, const char *id, const struct posted *p,
                      i128 amount)
{
    char digits[AMOUNT_TEXT_MAX];
    char code[ASSET_CODE_LEN_MAX + 1];
    char part[160] = "";
    if (amount > 0) {
        amount_text(digits, s, p->asset, amount, code);
        snprintf(part, sizeof part, ",'amount':{'amount':'%s','currency':'%s'}", digits, code);
    }
    scene_apply(s,
                "{'event_id':'back-%d','event_type':'revenue.reversed','occurred_at':"
                "'2025-03-01T00:00:00Z','payload':{'reverses':'%s'%s}}",
                number, id, part);
}

/* In random portions, or at once; the last one says no amount. */
static size_t all_back(struct scene *s, struct rng *r, int *number, const char *id,
                       struct posted *p)
{
    i128 left = p->gross;
    size_t parts = 0;
    while (left > 1 && rng_below(r, 6) != 0 && parts < 12) {
        i128 most = left >> 62 != 0 ? (i128)1 << 62 : left;
        i128 amount = 1 + (i128)rng_below(r, (uint64_t)most);
        if (amount >= left)
            break;
        send_back(s, (*number)++, id, p, amount);
        posted_add(s, s->last.seq, p);
        left -= amount;
        parts++;
    }
    send_back(s, (*number)++, id, p, 0);
    posted_add(s, s->last.seq, p);
    return parts + 1;
}

/* The last event let nothing else go on, such as a reversal that waited for it. */
static bool is_alone(struct scene *s)
{
    return book_page_count(engine_book(s->engine), s->last.seq) == 0;
}

/* Right after it came: nothing else stands between. */
static void test_what_came_goes_back_exactly(void **state)
{
    uint64_t seed = test_seed(5000);
    size_t revenues = 0;
    size_t parts = 0;
    int number = 0;
    struct rng r;
    (void)state;
    rng_seed(&r, seed);
    for (uint64_t k = 0; k < FLOWS; k++) {
        struct flow f;
        struct scene s;
        flow_make(&f, seed + k, EVENTS, false);
        scene_open(&s);
        for (size_t i = 0; i < f.count; i++) {
            struct posted p;
            if (scene_submit(&s, flow_text(&f, i)) != SUBMIT_APPLIED)
                continue;
            posted_begin(&p);
            posted_add(&s, s.last.seq, &p);
            struct text id = arena_text(&s.arena, s.last.event_id);
            if (p.revenue && !p.evened && is_alone(&s) && rng_below(&r, 2) == 0) {
                char name[64];
                snprintf(name, sizeof name, "%.*s", (int)id.len, id.p);
                size_t before = parts;
                parts += all_back(&s, &r, &number, name, &p);
                revenues += parts > before;
                if (!posted_zero(&p))
                    fail_msg("seed %llu: %s did not go back exactly",
                             (unsigned long long)(seed + k), name);
            }
            map_clear(&p.net);
        }
        assert_true(scene_balanced(&s));
        scene_close(&s);
        flow_free(&f);
    }
    printf("# %zu revenues went back in %zu parts\n", revenues, parts);
    assert_true(revenues > 500 && parts > 2 * revenues);
}

/* --- everything goes back
 * ------------------------------------------------------------------------*/

struct booked {
    char id[64];
    uint32_t asset;
    i128 gross;
};

static size_t booked_list(struct scene *s, struct booked *list, size_t max, bool *evened)
{
    uint64_t size = book_head(engine_book(s->engine)).size;
    size_t count = 0;
    *evened = false;
    for (uint64_t seq = 1; seq <= size && count < max; seq++) {
        struct posted p;
        struct log_row row;
        struct mete_err err;
        posted_begin(&p);
        posted_add(s, seq, &p);
        *evened |= p.evened;
        assert_int_equal(book_row(engine_book(s->engine), seq, &row, &err), STORE_OK);
        if (p.revenue) {
            snprintf(list[count].id, sizeof list[count].id, "%.*s", (int)row.event_id.len,
                     row.event_id.p);
            list[count].asset = p.asset;
            list[count++].gross = p.gross;
        }
        map_clear(&p.net);
    }
    return count;
}

static void shuffle(struct rng *r, struct booked *list, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = rng_below(r, i);
        struct booked b = list[i - 1];
        list[i - 1] = list[k];
        list[k] = b;
    }
}

/* Some of many revenues first, all mixed up; what is too much is refused. */
static size_t some_back(struct scene *s, struct rng *r, const struct booked *list, size_t count)
{
    size_t parts = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        const struct booked *b = &list[rng_below(r, count)];
        char digits[AMOUNT_TEXT_MAX];
        char code[ASSET_CODE_LEN_MAX + 1];
        i128 most = b->gross >> 62 != 0 ? (i128)1 << 62 : b->gross;
        i128 amount = 1 + (i128)rng_below(r, (uint64_t)(most / 2 + 1));
        amount_text(digits, s, b->asset, amount, code);
        enum submit_status status =
            scene_send(s,
                       "{'event_id':'some-%zu','event_type':'revenue.reversed','occurred_at':"
                       "'2025-03-01T00:00:00Z','payload':{'reverses':'%s','amount':{'amount':'%s',"
                       "'currency':'%s'}}}",
                       i, b->id, digits, code);
        assert_true(status == SUBMIT_APPLIED || s->last.err.code == METE_REVERSAL_EXCEEDS);
        parts += status == SUBMIT_APPLIED;
    }
    return parts;
}

/* No account is left but what waits, and where it came from. */
static bool waiting_alone(struct text balances)
{
    bool alone = true;
    for (size_t at = 0; at < balances.len;) {
        struct text line = {balances.p + at, 0};
        while (line.p[line.len] != '\n')
            line.len++;
        alone &= text_starts(line, "mete:clearing ") || text_starts(line, "mete:suspense ");
        at += line.len + 1;
    }
    return alone;
}

static void test_everything_back_leaves_nothing(void **state)
{
    uint64_t seed = test_seed(6000);
    size_t zero = 0;
    size_t events = 0;
    size_t parts = 0;
    struct rng r;
    struct booked *list = calloc(EVENTS, sizeof *list);
    (void)state;
    assert_non_null(list);
    rng_seed(&r, seed);
    for (uint64_t k = 0; k < FLOWS; k++) {
        struct flow f;
        struct scene s;
        struct buf balances = {0};
        bool evened;
        flow_make(&f, (seed + k) * 4 + 1, EVENTS, false); /* the kind without transfers */
        scene_open(&s);
        flow_send(&f, &s);
        size_t count = booked_list(&s, list, EVENTS, &evened);
        parts += some_back(&s, &r, list, count);
        shuffle(&r, list, count);
        for (size_t i = 0; i < count; i++) {
            enum submit_status status =
                scene_send(&s,
                           "{'event_id':'all-%zu','event_type':'revenue.reversed','occurred_at':"
                           "'2025-03-01T00:00:00Z','payload':{'reverses':'%s'}}",
                           i, list[i].id);
            assert_true(status == SUBMIT_APPLIED || s.last.err.code == METE_REVERSAL_EXCEEDS);
        }
        events += count;
        scene_balances(&s, &balances);
        assert_true(scene_balanced(&s));
        bool only_waiting = waiting_alone(buf_text(&balances));
        if (!evened && !only_waiting)
            fail_msg("seed %llu: something stayed", (unsigned long long)((seed + k) * 4 + 1));
        zero += only_waiting;
        buf_clear(&balances);
        scene_close(&s);
        flow_free(&f);
    }
    free(list);
    printf("# %zu revenues taken back after %zu parts of them; %zu of %d books end at zero, the "
           "others evened out\n",
           events, parts, zero, FLOWS);
    assert_true(zero > FLOWS / 2);
}

/* --- carry
 * --------------------------------------------------------------------------------------*/

#define PAYEES_MAX 9
#define COMMON     ((i128)5040 * 11)

/* One carry policy in several versions; entitlements over one denominator. */
struct carrying {
    struct scene s;
    struct rng r;
    int payees;
    i128 weight[PAYEES_MAX]; /* over COMMON, of the version in force */
    i128 due[PAYEES_MAX];    /* over COMMON, so far */
    i128 rest_due;
    int number;
    int versions;
    struct {
        i128 left;
        i128 weight[PAYEES_MAX];
    } revenue[400];
    int revenues;
    size_t checks;
};

static void carry_publish(struct carrying *c)
{
    static const int dens[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    struct buf b = {0};
    i128 left = COMMON;
    i128 den = dens[rng_below(&c->r, ARRAY_LEN(dens))];
    bool equal = rng_below(&c->r, 3) == 0 && COMMON % c->payees == 0;
    buf_printf(&b,
               "{'event_id':'v%d','event_type':'policy.published','occurred_at':"
               "'2025-01-01T00:00:00Z','payload':{'policy':{'id':'c','kind':'weights','rounding':"
               "'carry','shares':[",
               c->versions);
    for (int i = 0; i < c->payees; i++) {
        i128 most = left / (COMMON / den);
        i128 num = (i128)rng_below(&c->r, (uint64_t)most + 1);
        c->weight[i] = equal ? COMMON / c->payees : num * (COMMON / den);
        left -= c->weight[i];
        buf_printf(&b, "%s{'party':'q%d','weight':'%lld/%lld'}", i > 0 ? "," : "", i,
                   (long long)c->weight[i], (long long)COMMON);
    }
    buf_put_str(&b, "]}}}");
    scene_apply(&c->s, "%.*s", (int)b.len, (const char *)b.p);
    c->versions++;
    buf_clear(&b);
}

static void carry_move(struct carrying *c, const i128 *weight, i128 amount)
{
    i128 rest = COMMON;
    for (int i = 0; i < c->payees; i++) {
        c->due[i] += weight[i] * amount;
        rest -= weight[i];
    }
    c->rest_due += rest * amount;
}

static void carry_revenue(struct carrying *c)
{
    i128 amount = 1 + (i128)rng_below(&c->r, rng_below(&c->r, 2) == 0 ? 7 : 1000000);
    scene_apply(&c->s,
                "{'event_id':'r%d','event_type':'revenue.received','occurred_at':"
                "'2025-01-02T00:00:00Z','payload':{'amount':{'amount':'%lld','currency':'SAT'},"
                "'policy':'c'}}",
                c->revenues, (long long)amount);
    c->revenue[c->revenues].left = amount;
    memcpy(c->revenue[c->revenues].weight, c->weight, sizeof c->weight);
    c->revenues++;
    carry_move(c, c->weight, amount);
}

static void carry_back(struct carrying *c)
{
    int which = (int)rng_below(&c->r, (uint64_t)c->revenues);
    i128 left = c->revenue[which].left;
    if (left == 0)
        return;
    i128 amount = rng_below(&c->r, 3) == 0 ? left : 1 + (i128)rng_below(&c->r, (uint64_t)left);
    scene_apply(&c->s,
                "{'event_id':'x%d','event_type':'revenue.reversed','occurred_at':"
                "'2025-01-03T00:00:00Z','payload':{'reverses':'r%d','amount':{'amount':'%lld',"
                "'currency':'SAT'}}}",
                c->number++, which, (long long)amount);
    c->revenue[which].left -= amount;
    carry_move(c, c->revenue[which].weight, -amount);
}

/* Everybody has the floor of what is exactly due; the rest stands in mete:carry. */
static void carry_check(struct carrying *c)
{
    i128 carried = c->rest_due % COMMON;
    for (int i = 0; i < c->payees; i++) {
        char party[16];
        snprintf(party, sizeof party, "q%d", i);
        i128 has = scene_net(&c->s, party, "SAT");
        assert_true(has == c->due[i] / COMMON);
        carried += c->due[i] % COMMON;
        c->checks++;
    }
    assert_true(scene_net(&c->s, "mete:unallocated", "SAT") == c->rest_due / COMMON);
    assert_true(carried % COMMON == 0);
    assert_true(scene_net(&c->s, "mete:carry", "SAT") == carried / COMMON);
}

static void test_carry_is_exact_to_one_unit(void **state)
{
    uint64_t seed = test_seed(7000);
    size_t checks = 0;
    size_t versions = 0;
    (void)state;
    for (uint64_t k = 0; k < 12; k++) {
        static struct carrying c;
        memset(&c, 0, sizeof c);
        rng_seed(&c.r, seed + k);
        scene_open(&c.s);
        c.payees = 1 + (int)rng_below(&c.r, PAYEES_MAX);
        carry_publish(&c);
        while (c.revenues < 300) {
            uint64_t what = rng_below(&c.r, 20);
            if (what == 0)
                carry_publish(&c);
            else if (what < 7 && c.revenues > 0)
                carry_back(&c);
            else
                carry_revenue(&c);
            carry_check(&c);
        }
        for (int i = 0; i < 4000; i++)
            carry_back(&c);
        carry_check(&c);
        checks += c.checks;
        versions += (size_t)c.versions;
        scene_close(&c.s);
    }
    printf("# %zu balances exact over %zu versions\n", checks, versions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_came_goes_back_exactly),
        cmocka_unit_test(test_everything_back_leaves_nothing),
        cmocka_unit_test(test_carry_is_exact_to_one_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
