/* SPDX-License-Identifier: Apache-2.0
 * Building a decision: names, puts, groups, lines, refusals and waiting. */
#include "core/work.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void work_begin(struct work *w, struct arena *a, const struct decide_in *in, struct decision *out,
                struct mete_err *err)
{
    *w = (struct work){.a = a,
                       .in = in,
                       .view = in->view,
                       .event = in->event,
                       .out = out,
                       .err = err,
                       .now = in->recorded_at,
                       .log_size = in->seq};
    *out = (struct decision){.rules_version = RULES_VERSION, .pages = 1};
    map_init(&w->party, sizeof(uint32_t), 1);
    map_init(&w->in_force, sizeof(void *), 4);
    omap_init(&w->residue, sizeof(struct residue), 2);
    if (view_book(w->view, &w->book) == VIEW_MISSING) {
        w->missing = true;
    }
    out->rules_version = w->book.rules_version;
}

void work_end(struct work *w)
{
    map_clear(&w->party);
    map_clear(&w->in_force);
    omap_clear(&w->residue);
}

enum decided work_refuse(struct work *w, enum mete_code code, const char *pointer, const char *fmt,
                         ...)
{
    if (w->err != NULL) {
        va_list args;
        va_start(args, fmt);
        (void)mete_fail_args(w->err, code, pointer, fmt, args);
        va_end(args);
    }
    return DECIDED_REFUSED;
}

enum decided work_wait(struct work *w, enum mete_code code, struct key key, const char *pointer)
{
    w->wait_code = (uint32_t)code;
    w->wait_key = key;
    text_copy(w->wait_pointer, sizeof w->wait_pointer, text_of(pointer));
    return DECIDED_WAITING;
}

static struct key wait_key_of(enum waiting kind)
{
    struct key key = key_of(KEY_WAITING);
    key_add_u8(&key, (uint8_t)kind);
    return key;
}

struct key wait_policy_key(uint32_t policy)
{
    struct key key = wait_key_of(WAIT_POLICY);
    key_add_u32(&key, policy);
    return key;
}

struct key wait_cycle_key(uint32_t policy)
{
    struct key key = wait_key_of(WAIT_CYCLE);
    key_add_u32(&key, policy);
    return key;
}

struct key wait_below_key(uint32_t policy)
{
    return key_u32(KEY_BELOW, policy);
}

struct key wait_way_key(uint64_t seq)
{
    struct key key = wait_below_key(0);
    key_add_u64(&key, seq);
    return key;
}

struct key wait_event_key(struct text event_id)
{
    struct key key = wait_key_of(WAIT_EVENT);
    struct key hashed = key_event_id(event_id);
    memcpy(key.b + key.len, hashed.b + 1, hashed.len - 1);
    key.len += hashed.len - 1;
    return key;
}

/* --- growing lists
 * ------------------------------------------------------------------------------*/

/** Room for one more item in an arena array that doubles. */
static void *grow(struct arena *a, void *items, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap) {
        return items;
    }
    *cap = *cap == 0 ? 8 : *cap * 2;
    void *more = arena_array(a, *cap, size);
    if (count > 0) {
        memcpy(more, items, count * size);
    }
    return more;
}

/** Lists of lines and nodes have no room of their own to note a capacity: they grow at powers of
 *  two, from 8 on. */
static void *grow_pow2(struct arena *a, void *items, uint32_t count, size_t size)
{
    bool full = count == 0 || (count >= 8 && (count & (count - 1)) == 0);
    uint32_t cap = full ? count : UINT32_MAX;
    return grow(a, items, count, &cap, size);
}

struct line *group_line(struct arena *a, struct group *g)
{
    g->line = grow_pow2(a, g->line, g->line_count, sizeof *g->line);
    struct line *line = &g->line[g->line_count++];
    *line = (struct line){.node = NODE_NONE};
    return line;
}

void group_move(struct work *w, struct group *g, uint32_t party, i128 amount)
{
    struct line *line = group_line(w->a, g);
    line->kind = LINE_TRANSFER;
    line->party = party;
    line->amount = amount;
}

struct node *group_node(struct arena *a, struct group *g, uint32_t *index)
{
    g->node = grow_pow2(a, g->node, g->node_count, sizeof *g->node);
    *index = g->node_count;
    struct node *node = &g->node[g->node_count++];
    *node = (struct node){.parent = NODE_NONE, .counted = true};
    return node;
}

struct group *work_group(struct work *w, enum group_kind kind, uint32_t asset)
{
    struct decision *d = w->out;
    d->group = grow(w->a, d->group, d->group_count, &w->group_cap, sizeof *d->group);
    struct group *g = &d->group[d->group_count++];
    *g = (struct group){.kind = (uint8_t)kind, .asset = asset, .source = PARTY_CLEARING};
    return g;
}

struct group *work_revenue_group(struct work *w, uint32_t asset, i128 gross)
{
    struct group *g = work_group(w, GROUP_REVENUE, asset);
    g->gross = gross;
    mete_time from = w->event->occurred_at > w->now ? w->event->occurred_at : w->now;
    g->clears_at = from + w->book.clear_after_days * TIME_DAY_US;
    if (w->released) {
        g->source = PARTY_SUSPENSE;
        g->source_seq = w->in->seq;
    }
    return g;
}

static struct put *work_put(struct work *w, enum put_op op, struct key key)
{
    struct decision *d = w->out;
    d->put = grow(w->a, d->put, d->put_count, &w->put_cap, sizeof *d->put);
    struct put *put = &d->put[d->put_count++];
    struct bytes bytes = key_bytes(&key);
    *put = (struct put){.op = (uint8_t)op, .key = text_bytes(arena_text(w->a, bytes_text(bytes)))};
    return put;
}

void work_set(struct work *w, struct key key, const struct buf *value)
{
    struct put *put = work_put(w, PUT_SET, key);
    put->value = text_bytes(arena_text(w->a, buf_text(value)));
}

void work_add(struct work *w, struct key key, i128 a, i128 b, i128 c, i128 d)
{
    struct put *put = work_put(w, PUT_ADD, key);
    put->sums[0] = a;
    put->sums[1] = b;
    put->sums[2] = c;
    put->sums[3] = d;
}

void work_remove(struct work *w, struct key key)
{
    (void)work_put(w, PUT_DELETE, key);
}

bool work_sums_fit(struct work *w, struct key key, i128 more, i128 limit)
{
    i128 sums[STATE_SUMS] = {0};
    w->missing |= w->view->sums(w->view->ctx, key_bytes(&key), sums) == VIEW_MISSING;
    bool fits = more < limit;
    for (size_t i = 0; i < STATE_SUMS && fits; i++) {
        fits = sums[i] < limit - more;
    }
    return fits;
}

/* --- names
 * --------------------------------------------------------------------------------------*/

static uint32_t next_number(struct work *w, enum counter which, uint32_t first, uint32_t named)
{
    i128 count = 0;
    if (view_counter(w->view, which, &count) == VIEW_MISSING) {
        w->missing = true;
    }
    return first + (uint32_t)count + named;
}

uint32_t work_party(struct work *w, struct text id)
{
    uint32_t number = 0;
    enum view_result found = view_party(w->view, id, &number);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        return number;
    }
    bool made = false;
    uint32_t *slot = map_put(&w->party, text_bytes(id), &made);
    if (made) {
        struct decision *d = w->out;
        *slot = next_number(w, COUNTER_PARTIES, PARTY_FIRST, d->party_count);
        if (d->party_count == 0) {
            d->party_first = *slot;
        }
        d->party = grow(w->a, d->party, d->party_count, &w->party_cap, sizeof *d->party);
        d->party[d->party_count++] = id;
    }
    return *slot;
}

uint32_t work_policy(struct work *w, struct text id, struct version **versions, size_t *count)
{
    uint32_t number = 0;
    enum view_result found = view_policy(w->view, w->a, id, &number, versions, count);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        return number;
    }
    struct decision *d = w->out;
    for (uint32_t i = 0; i < d->policy_count; i++) {
        if (text_eq(d->policy[i], id)) {
            return d->policy_first + i;
        }
    }
    number = next_number(w, COUNTER_POLICIES, 1, d->policy_count);
    if (d->policy_count == 0) {
        d->policy_first = number;
    }
    d->policy = grow(w->a, d->policy, d->policy_count, &w->policy_cap, sizeof *d->policy);
    d->policy[d->policy_count++] = id;
    return number;
}

/* --- money and residues
 * -------------------------------------------------------------------------*/

enum decided work_money(struct work *w, const struct money *m, const char *at, struct asset *asset,
                        i128 *amount)
{
    char said[64];
    char pointer[96];
    if (m->member.len > 0 && m->member.len < sizeof said - sizeof "/payload/") {
        snprintf(said, sizeof said, "/payload/%.*s", (int)m->member.len, m->member.p);
        at = said;
    }
    enum view_result found = view_asset(w->view, m->currency, asset);
    if (found == VIEW_MISSING) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (found == VIEW_ABSENT) {
        snprintf(pointer, sizeof pointer, "%s/currency", m->is_minor ? "/payload" : at);
        return work_refuse(w, METE_CURRENCY_UNKNOWN, pointer, "currency \"%.*s\" is not known here",
                           (int)(m->currency.len < 40 ? m->currency.len : 40), m->currency.p);
    }
    enum mete_code code = amount_parse(m->amount, m->is_minor ? 0 : asset->scale, amount);
    if (code != METE_OK) {
        snprintf(pointer, sizeof pointer, m->is_minor ? "%s" : "%s/amount", at);
        return work_refuse(w, code, pointer, "\"%.*s\" is no amount of %s, which has %u decimals",
                           (int)(m->amount.len < 60 ? m->amount.len : 60), m->amount.p, asset->code,
                           asset->scale);
    }
    return DECIDED_APPLIED;
}

struct key residue_key(uint32_t policy, uint32_t asset, uint32_t payee_kind, uint32_t payee)
{
    struct key key = key_u32x3(KEY_RESIDUE, policy, asset, payee);
    key_add_u8(&key, (uint8_t)payee_kind);
    return key;
}

struct residue *work_residue(struct work *w, struct key key)
{
    bool made = false;
    struct residue *r = omap_put(&w->residue, key_bytes(&key), &made);
    if (!made) {
        return r;
    }
    *r = RESIDUE_ZERO;
    struct bytes value;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    METE_ASSERT(found != VIEW_FOUND || residue_unpack(value, r));
    return r;
}
