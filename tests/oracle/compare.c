/* SPDX-License-Identifier: Apache-2.0
 * Outcome, lines of everything booked, balances of everybody, sums that conditions read. */
#include "oracle/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i128.h"
#include "base/text.h"
#include "core/decision.h"

#define ARENA_MAX ((size_t)64 << 20)

struct engine *compare_engine(void)
{
    struct engine *e = NULL;
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    if (engine_open(&e, &o, &err) != METE_OK) {
        fprintf(stderr, "engine_open: %s\n", err.text);
        abort();
    }
    return e;
}

void compare_begin(struct compare *c, uint64_t seed, uint64_t *seen)
{
    memset(c, 0, sizeof *c);
    c->seed = seed;
    c->engine = compare_engine();
    c->oracle = oracle_new(seen);
    gen_begin(&c->gen, seed);
    arena_init(&c->arena, ARENA_MAX);
}

void compare_end(struct compare *c)
{
    gen_end(&c->gen);
    oracle_free(c->oracle);
    engine_close(c->engine);
    arena_clear(&c->arena);
    buf_clear(&c->item.json);
}

/* --- what the engine says
 * -----------------------------------------------------------------------*/

static bool asset_number(struct engine *e, int asset, uint32_t *number)
{
    struct asset a;
    if (view_asset(engine_view(e), text_of(script_asset[asset]), &a) != VIEW_FOUND)
        return false;
    *number = a.number;
    return true;
}

static bool party_number(struct engine *e, int party, uint32_t *number)
{
    static const uint32_t fixed[] = {PARTY_CLEARING, PARTY_UNALLOCATED, PARTY_CARRY,
                                     PARTY_SUSPENSE};
    char name[32];
    if (party >= CLEARING) {
        *number = fixed[party - CLEARING];
        return true;
    }
    script_party_name(party, name);
    return view_party(engine_view(e), text_of(name), number) == VIEW_FOUND;
}

i128 engine_net(struct engine *e, int party, int asset)
{
    uint32_t p;
    uint32_t a;
    i128 sums[STATE_SUMS];
    if (!asset_number(e, asset, &a) || !party_number(e, party, &p))
        return 0;
    struct key key = key_account(p, a);
    const struct view *v = engine_view(e);
    if (v->sums(v->ctx, key_bytes(&key), sums) != VIEW_FOUND)
        return 0;
    return sums[1] - sums[0] + sums[3] - sums[2];
}

static i128 engine_policy_sum(struct engine *e, int policy, int asset)
{
    char name[32];
    uint32_t number;
    uint32_t a = 0;
    struct version *versions;
    size_t count;
    i128 sums[STATE_SUMS];
    struct arena scratch;
    script_policy_name(policy, name);
    arena_init(&scratch, ARENA_MAX);
    const struct view *v = engine_view(e);
    enum view_result r = view_policy(v, &scratch, text_of(name), &number, &versions, &count);
    arena_clear(&scratch);
    if (r != VIEW_FOUND || (asset != NONE && !asset_number(e, asset, &a)))
        return 0;
    struct key key = asset != NONE ? key_u32x2(KEY_NET, number, a) : key_u32(KEY_QUANTITY, number);
    return v->sums(v->ctx, key_bytes(&key), sums) == VIEW_FOUND ? sums[0] : 0;
}

/* --- differences
 * --------------------------------------------------------------------------------*/

static const char *status_text(enum oracle_status s)
{
    static const char *const name[] = {"applied", "duplicate", "waiting", "refused", "conflict"};
    return name[s];
}

static void put_amount(struct buf *b, i128 v)
{
    char digits[I128_TEXT_MAX];
    i128_format(v, digits);
    buf_put_str(b, digits);
}

static bool differs(struct compare *c, const char *what, struct text engine, struct text oracle)
{
    if (!c->quiet)
        fprintf(stderr,
                "seed %llu, step %llu: %s differs\n  event:  %.*s\n  engine: %.*s\n  oracle: "
                "%.*s\n",
                (unsigned long long)c->seed, (unsigned long long)c->step, what,
                (int)c->item.json.len, (const char *)c->item.json.p, (int)engine.len, engine.p,
                (int)oracle.len, oracle.p);
    return false;
}

static bool amounts_differ(struct compare *c, const char *what, const char *whose, i128 engine,
                           i128 oracle)
{
    struct buf name = {0};
    struct buf left = {0};
    struct buf right = {0};
    buf_printf(&name, "%s of %s", what, whose);
    buf_put_u8(&name, 0);
    put_amount(&left, engine);
    put_amount(&right, oracle);
    differs(c, (const char *)name.p, buf_text(&left), buf_text(&right));
    buf_clear(&name);
    buf_clear(&left);
    buf_clear(&right);
    return false;
}

/* --- lines
 * --------------------------------------------------------------------------------------*/

static void party_text(struct engine *e, uint32_t number, struct buf *out)
{
    struct text id = {0};
    (void)view_party_id(engine_view(e), number, &id);
    buf_put_text(out, id);
}

struct net_lines {
    i128 amount[PARTIES];
};

static const char *line_kind_text(const struct line *l)
{
    switch (l->kind) {
    case LINE_FEE:
        return "fee";
    case LINE_ALLOCATION:
        return "share";
    case LINE_UNALLOCATED:
        return "rest";
    case LINE_CARRY:
        return "carry";
    case LINE_TRANSFER:
        return "moved";
    default:
        return "suspense";
    }
}

/* Reversals are compared by account: the order of their lines says nothing. */
static void put_net(struct buf *out, const struct net_lines *net)
{
    for (int i = 0; i < PARTIES; i++) {
        char name[32];
        if (net->amount[i] == 0)
            continue;
        script_party_name(i, name);
        buf_printf(out, " | back %s ", name);
        put_amount(out, net->amount[i]);
    }
}

static void engine_reversal(struct engine *e, const struct group *g, struct buf *out)
{
    struct net_lines net = {0};
    for (int i = 0; i < PARTIES; i++) {
        uint32_t number;
        if (!party_number(e, i, &number))
            continue;
        for (uint32_t k = 0; k < g->line_count; k++)
            net.amount[i] += g->line[k].party == number ? g->line[k].amount : 0;
    }
    put_net(out, &net);
}

static void engine_line(struct engine *e, const struct group *g, uint32_t line, struct buf *out)
{
    const struct line *l = &g->line[line];
    char path[PATH_TEXT_MAX];
    if (l->amount == 0 && l->kind != LINE_ALLOCATION)
        return;
    buf_printf(out, " | %s ", line_kind_text(l));
    party_text(e, l->party, out);
    buf_put_u8(out, ' ');
    put_amount(out, l->amount);
    if (l->kind == LINE_FEE || l->kind == LINE_ALLOCATION) {
        line_path(g, 0, line, path);
        buf_printf(out, " %s", path);
    }
}

/* "share p1 50 1.2" a line, in order. Fees and rests of zero say nothing. */
static void engine_lines(struct engine *e, const struct decision *d, struct buf *out)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        if (g->kind == GROUP_SUSPENSE)
            continue;
        buf_put_str(out, "[");
        put_amount(out, g->gross);
        if (g->kind == GROUP_REVERSAL)
            engine_reversal(e, g, out);
        for (uint32_t k = 0; k < g->line_count && g->kind != GROUP_REVERSAL; k++)
            engine_line(e, g, k, out);
        buf_put_str(out, "]");
    }
}

static void oracle_reversal(const struct oracle_group *g, struct buf *out)
{
    struct net_lines net = {0};
    for (int k = 0; k < g->line_count; k++)
        net.amount[g->line[k].party] += g->line[k].amount;
    put_net(out, &net);
}

static void oracle_line(const struct oracle_line *l, struct buf *out)
{
    static const char *const kind[] = {"fee", "share", "rest", "carry", "moved"};
    char party[32];
    if (l->amount == 0 && l->kind != L_ALLOCATION)
        return;
    script_party_name(l->party, party);
    buf_printf(out, " | %s %s ", kind[l->kind], party);
    put_amount(out, l->amount);
    if (l->kind == L_FEE || l->kind == L_ALLOCATION)
        buf_printf(out, " %s", l->path);
}

static void oracle_lines(const struct oracle *o, int id, struct buf *out)
{
    const struct oracle_group *g;
    int count = oracle_groups(o, id, &g);
    for (int i = 0; i < count; i++) {
        buf_put_str(out, "[");
        put_amount(out, g[i].gross);
        if (g[i].gross < 0)
            oracle_reversal(&g[i], out);
        for (int k = 0; k < g[i].line_count && g[i].gross >= 0; k++)
            oracle_line(&g[i].line[k], out);
        buf_put_str(out, "]");
    }
}

static bool compare_lines(struct compare *c, int id)
{
    char name[32];
    struct decision d;
    struct mete_err err;
    uint64_t seq;
    uint32_t page;
    struct buf left = {0};
    struct buf right = {0};
    bool same = true;
    script_event_name(id, name);
    arena_reset(&c->arena);
    uint64_t at = engine_seq_of(c->engine, text_of(name));
    if (at == 0 || engine_decision(c->engine, at, &c->arena, &d, &seq, &page, &err) != METE_OK)
        return differs(c, "presence in the log", text_of("absent"), text_of(name));
    if (d.wait_code != 0)
        return differs(c, "booking", text_of("waits"), text_of(name));
    engine_lines(c->engine, &d, &left);
    oracle_lines(c->oracle, id, &right);
    if (!text_eq(buf_text(&left), buf_text(&right)))
        same = differs(c, name, buf_text(&left), buf_text(&right));
    buf_clear(&left);
    buf_clear(&right);
    return same;
}

/* --- everything
 * ---------------------------------------------------------------------------------*/

static bool compare_balances(struct compare *c)
{
    for (int p = 0; p < PARTIES; p++) {
        for (int a = 0; a < ASSETS; a++) {
            i128 engine = engine_net(c->engine, p, a);
            i128 oracle = oracle_balance(c->oracle, p, a);
            if (engine != oracle) {
                char name[32];
                script_party_name(p, name);
                return amounts_differ(c, script_asset[a], name, engine, oracle);
            }
        }
    }
    return true;
}

static bool compare_sums(struct compare *c)
{
    for (int p = 0; p < POLICIES; p++) {
        char name[32];
        script_policy_name(p, name);
        i128 engine = engine_policy_sum(c->engine, p, NONE);
        i128 oracle = (i128)oracle_quantity(c->oracle, p);
        if (engine != oracle)
            return amounts_differ(c, "quantity", name, engine, oracle);
        for (int a = 0; a < ASSETS; a++) {
            engine = engine_policy_sum(c->engine, p, a);
            oracle = oracle_net(c->oracle, p, a);
            if (engine != oracle)
                return amounts_differ(c, "cumulative net", name, engine, oracle);
        }
    }
    return true;
}

static bool compare_outcome(struct compare *c, const struct submit_result *r,
                            const struct oracle_outcome *o)
{
    static const enum submit_status same[] = {SUBMIT_APPLIED, SUBMIT_DUPLICATE, SUBMIT_WAITING,
                                              SUBMIT_REFUSED, SUBMIT_CONFLICT};
    if (r->status != same[o->status] || (r->status != SUBMIT_APPLIED && r->err.code != o->code)) {
        struct buf left = {0};
        struct buf right = {0};
        buf_printf(&left, "%s %s %s: %s", submit_status_name(r->status),
                   mete_code_name(r->err.code), r->err.pointer, r->err.text);
        buf_printf(&right, "%s %s", status_text(o->status), mete_code_name(o->code));
        differs(c, "outcome", buf_text(&left), buf_text(&right));
        buf_clear(&left);
        buf_clear(&right);
        return false;
    }
    return true;
}

static void count(struct compare *c, const struct submit_result *r)
{
    if (c->status_seen != NULL)
        c->status_seen[r->status]++;
    if (c->code_seen != NULL && r->err.code < 200)
        c->code_seen[r->err.code]++;
    if (c->kind_seen != NULL && r->status == SUBMIT_APPLIED && c->item.event != NULL)
        c->kind_seen[c->item.event->kind]++;
}

bool compare_step(struct compare *c)
{
    struct submit_result r;
    struct oracle_outcome o = {.status = O_REFUSED};
    c->step++;
    gen_next(&c->gen, c->oracle, &c->item);
    if (c->item.event != NULL)
        oracle_submit(c->oracle, c->item.event, &o);
    else
        o.code = c->item.broken;
    engine_submit(c->engine, buf_text(&c->item.json), NULL, &r);
    count(c, &r);
    if (oracle_tainted(c->oracle))
        return true;
    if (!compare_outcome(c, &r, &o))
        return false;
    for (int i = 0; i < o.booked_count; i++) {
        if (!compare_lines(c, o.booked[i]))
            return false;
    }
    return compare_balances(c) && compare_sums(c);
}
