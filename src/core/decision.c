/* SPDX-License-Identifier: Apache-2.0
 * The packed form of decisions (doc/format.md), their balance check, and cutting them into pages.
 */
#include "core/decision.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/amount.h"
#include "core/view.h"

#define DECISION_FORMAT 1u
/* Smallest packed sizes: bound the counts that a damaged decision may claim. */
#define NODE_PACKED_MIN  11u
#define LINE_PACKED_MIN  8u
#define GROUP_PACKED_MIN 12u
#define PUT_PACKED_MIN   3u
#define TEXT_PACKED_MIN  1u

enum line_flags { LINE_HELD = 1 };

static void node_pack(struct buf *out, const struct node *n)
{
    buf_put_varint(out, n->policy);
    buf_put_varint(out, n->version);
    buf_put_varint(out, n->parent == NODE_NONE ? 0 : (uint64_t)n->parent + 1);
    buf_put_varint(out, n->share);
    buf_put_u8(out, n->rounding);
    buf_put_varint(out, n->conditions);
    buf_put_varint128(out, n->weight);
    buf_put_varint128(out, n->den);
    buf_put_zigzag(out, n->input);
    buf_put_zigzag(out, n->extra);
    buf_put_u8(out, n->counted ? 1 : 0);
}

static void node_unpack(struct reader *r, struct node *n)
{
    n->policy = (uint32_t)read_varint(r);
    n->version = (uint32_t)read_varint(r);
    uint64_t parent = read_varint(r);
    n->parent = parent == 0 ? NODE_NONE : (uint32_t)(parent - 1);
    n->share = (uint32_t)read_varint(r);
    n->rounding = read_u8(r);
    n->conditions = read_varint(r);
    n->weight = read_varint128(r);
    n->den = read_varint128(r);
    n->input = read_zigzag(r);
    n->extra = read_zigzag(r);
    n->counted = read_u8(r) != 0;
}

static void line_pack(struct buf *out, const struct line *l)
{
    buf_put_u8(out, (uint8_t)(l->kind | (l->held ? LINE_HELD << 4 : 0)));
    buf_put_varint(out, l->party);
    buf_put_varint(out, l->node == NODE_NONE ? 0 : (uint64_t)l->node + 1);
    buf_put_varint(out, l->share == FEE_PAYLOAD ? 0 : (uint64_t)l->share + 1);
    buf_put_varint(out, l->entry);
    buf_put_varint128(out, l->weight);
    buf_put_zigzag(out, l->amount);
    buf_put_zigzag(out, l->extra);
}

static void line_unpack(struct reader *r, struct line *l)
{
    uint8_t head = read_u8(r);
    l->kind = head & 15;
    l->held = ((head >> 4) & LINE_HELD) != 0;
    l->party = (uint32_t)read_varint(r);
    uint64_t node = read_varint(r);
    l->node = node == 0 ? NODE_NONE : (uint32_t)(node - 1);
    uint64_t share = read_varint(r);
    l->share = share == 0 ? FEE_PAYLOAD : (uint32_t)(share - 1);
    l->entry = (uint32_t)read_varint(r);
    l->weight = read_varint128(r);
    l->amount = read_zigzag(r);
    l->extra = read_zigzag(r);
    r->failed |= l->kind < LINE_FEE || l->kind > LINE_TRANSFER || !amount_in_range(l->amount);
}

/** A campaign's money begins with its node. */
static bool is_campaign(const struct group *g)
{
    return g->node_count > 0 && g->node[0].rounding == NODE_CONTRACT;
}

static void group_pack(struct buf *out, const struct group *g)
{
    buf_put_u8(out, g->kind);
    buf_put_varint(out, g->source_seq);
    buf_put_varint(out, g->asset);
    buf_put_zigzag(out, g->gross);
    buf_put_varint(out, g->source);
    buf_put_varint(out, g->fee_version);
    buf_put_varint(out, g->quantity);
    buf_put_varint(out, g->customer);
    buf_put_zigzag(out, g->clears_at);
    buf_put_varint(out, g->target_seq);
    if (g->target_seq != 0) {
        buf_put_varint(out, g->target_page);
        buf_put_varint(out, g->target_group);
        buf_put_varint128(out, g->den);
    }
    buf_put_varint(out, g->node_count);
    for (uint32_t i = 0; i < g->node_count; i++) {
        node_pack(out, &g->node[i]);
    }
    if (is_campaign(g)) {
        buf_put_zigzag(out, g->accrued);
    }
    buf_put_varint(out, g->line_count);
    for (uint32_t i = 0; i < g->line_count; i++) {
        line_pack(out, &g->line[i]);
    }
}

/** A count that the bytes left can hold; fails the reader otherwise. */
static uint32_t read_count(struct reader *r, size_t item_size_min)
{
    uint64_t count = read_varint(r);
    if (r->failed || count > (size_t)(r->end - r->p) / item_size_min) {
        r->failed = true;
        return 0;
    }
    return (uint32_t)count;
}

static void group_unpack(struct arena *a, struct reader *r, struct group *g)
{
    g->kind = read_u8(r);
    g->source_seq = read_varint(r);
    g->asset = (uint32_t)read_varint(r);
    g->gross = read_zigzag(r);
    r->failed |= g->kind < GROUP_REVENUE || g->kind > GROUP_MORE || !amount_in_range(g->gross);
    g->source = (uint32_t)read_varint(r);
    g->fee_version = (uint32_t)read_varint(r);
    g->quantity = read_varint(r);
    g->customer = (uint32_t)read_varint(r);
    g->clears_at = (mete_time)read_zigzag(r);
    g->target_seq = read_varint(r);
    if (g->target_seq != 0) {
        g->target_page = (uint32_t)read_varint(r);
        g->target_group = (uint32_t)read_varint(r);
        g->den = read_varint128(r);
    }
    g->node_count = read_count(r, NODE_PACKED_MIN);
    g->node = arena_array(a, g->node_count, sizeof *g->node);
    for (uint32_t i = 0; i < g->node_count; i++) {
        node_unpack(r, &g->node[i]);
        if (g->node[i].parent != NODE_NONE && g->node[i].parent >= i) {
            r->failed = true;
        }
    }
    g->accrued = is_campaign(g) ? read_zigzag(r) : 0;
    g->line_count = read_count(r, LINE_PACKED_MIN);
    g->line = arena_array(a, g->line_count, sizeof *g->line);
    for (uint32_t i = 0; i < g->line_count; i++) {
        line_unpack(r, &g->line[i]);
        if (g->kind != GROUP_MORE && g->line[i].node != NODE_NONE &&
            g->line[i].node >= g->node_count) {
            r->failed = true;
        }
    }
}

static void put_pack(struct buf *out, const struct put *p)
{
    buf_put_u8(out, p->op);
    buf_put_sized(out, bytes_text(p->key));
    if (p->op == PUT_SET) {
        buf_put_sized(out, bytes_text(p->value));
    } else if (p->op == PUT_ADD) {
        for (size_t i = 0; i < STATE_SUMS; i++) {
            buf_put_zigzag(out, p->sums[i]);
        }
    }
}

static void put_unpack(struct reader *r, struct put *p)
{
    p->op = read_u8(r);
    p->key = text_bytes(read_sized(r));
    if (p->op == PUT_SET) {
        p->value = text_bytes(read_sized(r));
    } else if (p->op == PUT_ADD) {
        for (size_t i = 0; i < STATE_SUMS; i++) {
            p->sums[i] = read_zigzag(r);
        }
    } else if (p->op != PUT_DELETE) {
        r->failed = true;
    }
    r->failed |= p->key.len == 0 || p->key.len > STATE_KEY_MAX;
}

static void names_pack(struct buf *out, uint32_t first, const struct text *name, uint32_t count)
{
    buf_put_varint(out, count);
    if (count != 0) {
        buf_put_varint(out, first);
    }
    for (uint32_t i = 0; i < count; i++) {
        buf_put_sized(out, name[i]);
    }
}

static void names_unpack(struct arena *a, struct reader *r, uint32_t *first, struct text **name,
                         uint32_t *count)
{
    *count = read_count(r, TEXT_PACKED_MIN);
    *first = *count != 0 ? (uint32_t)read_varint(r) : 0;
    *name = arena_array(a, *count, sizeof **name);
    for (uint32_t i = 0; i < *count; i++) {
        (*name)[i] = read_sized(r);
        r->failed |= (*name)[i].len == 0 || (*name)[i].len > PARTY_ID_LEN_MAX;
    }
}

const char *decision_wait_pointer(const struct decision *d)
{
    static const char *const POINTERS[] = {"/payload/policy", "/payload/reverses",
                                           "/payload/window_start"};
    for (uint32_t i = 0; i < d->put_count && d->wait_code != 0; i++) {
        if (d->put[i].key.len == 0 || d->put[i].key.p[0] != KEY_WAITING) {
            continue;
        }
        struct reader r = reader_of(d->put[i].value);
        (void)read_varint(&r);
        struct text pointer = read_sized(&r);
        for (size_t k = 0; k < ARRAY_LEN(POINTERS); k++) {
            if (text_is(pointer, POINTERS[k])) {
                return POINTERS[k];
            }
        }
    }
    return "";
}

void decision_pack(struct buf *out, const struct decision *d)
{
    buf_put_u8(out, DECISION_FORMAT);
    buf_put_varint(out, d->rules_version);
    buf_put_varint(out, d->wait_code);
    buf_put_varint(out, d->about);
    buf_put_varint(out, d->pages);
    if (d->pages > 1) {
        buf_put(out, d->rest.b, sizeof d->rest.b);
    }
    names_pack(out, d->party_first, d->party, d->party_count);
    names_pack(out, d->policy_first, d->policy, d->policy_count);
    buf_put_varint(out, d->group_count);
    for (uint32_t i = 0; i < d->group_count; i++) {
        group_pack(out, &d->group[i]);
    }
    buf_put_varint(out, d->put_count);
    for (uint32_t i = 0; i < d->put_count; i++) {
        put_pack(out, &d->put[i]);
    }
}

bool decision_unpack(struct arena *a, struct bytes packed, struct decision *d)
{
    struct reader r = reader_of(packed);
    *d = (struct decision){0};
    if (read_u8(&r) != DECISION_FORMAT) {
        return false;
    }
    d->rules_version = (uint32_t)read_varint(&r);
    d->wait_code = (uint32_t)read_varint(&r);
    d->about = read_varint(&r);
    d->pages = (uint32_t)read_varint(&r);
    if (d->pages > 1) {
        struct bytes rest = read_bytes(&r, sizeof d->rest.b);
        for (size_t i = 0; i < rest.len; i++) {
            d->rest.b[i] = rest.p[i];
        }
    }
    names_unpack(a, &r, &d->party_first, &d->party, &d->party_count);
    names_unpack(a, &r, &d->policy_first, &d->policy, &d->policy_count);
    d->group_count = read_count(&r, GROUP_PACKED_MIN);
    d->group = arena_array(a, d->group_count, sizeof *d->group);
    for (uint32_t i = 0; i < d->group_count && !r.failed; i++) {
        group_unpack(a, &r, &d->group[i]);
    }
    d->put_count = read_count(&r, PUT_PACKED_MIN);
    d->put = arena_array(a, d->put_count, sizeof *d->put);
    for (uint32_t i = 0; i < d->put_count && !r.failed; i++) {
        put_unpack(&r, &d->put[i]);
    }
    return reader_done(&r);
}

static void line_check(const struct group *g, const struct line *l)
{
    METE_ASSERT(amount_in_range(l->amount));
    METE_ASSERT(l->party != 0);
    if (g->kind == GROUP_REVENUE && l->kind != LINE_CARRY && l->kind != LINE_SUSPENSE) {
        METE_ASSERT(l->amount >= 0);
    }
}

void decision_check(const struct decision *d)
{
    METE_ASSERT(d->rules_version != 0);
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        METE_ASSERT(amount_in_range(g->gross));
        METE_ASSERT(g->kind >= GROUP_REVENUE && g->kind <= GROUP_MORE);
        i128 sum = 0;
        for (uint32_t k = 0; k < g->line_count; k++) {
            line_check(g, &g->line[k]);
            sum += g->line[k].amount;
        }
        METE_ASSERT(sum == g->gross);
    }
}

bool node_has_quantity(const struct node *n, struct map *seen)
{
    struct key key = key_u32(KEY_POLICY_NUMBER, n->policy);
    bool made = false;
    if (!n->counted || n->policy == 0 || n->rounding == NODE_ROLE) {
        return false;
    }
    (void)map_put(seen, key_bytes(&key), &made);
    return made;
}

/* --- pages
 * --------------------------------------------------------------------------------------*/

/* Where the cutting stands: the next line of the next group. */
struct cut {
    const struct decision *whole;
    uint32_t group;
    uint32_t line;
};

static i128 lines_sum(const struct line *line, uint32_t count)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += line[i].amount;
    }
    return sum;
}

/** The part of one group that fits `room` legs: a first part keeps the head and all nodes, later
 *  ones are GROUP_MORE out of suspense. Returns the legs it takes. */
static uint32_t cut_group(struct arena *a, struct cut *c, uint32_t room, struct group *out)
{
    const struct group *g = &c->whole->group[c->group];
    uint32_t left = g->line_count - c->line;
    uint32_t take = left + 1 <= room ? left : room - 2; /* a source leg, a suspense leg */
    *out = *g;
    if (c->line != 0) {
        out->kind = GROUP_MORE;
        out->source = PARTY_SUSPENSE;
        out->gross = lines_sum(&g->line[c->line], left);
        out->node_count = 0;
        out->quantity = 0;
    }
    out->line = arena_array(a, (size_t)take + 1, sizeof *out->line);
    for (uint32_t i = 0; i < take; i++) {
        out->line[i] = g->line[c->line + i];
    }
    out->line_count = take;
    c->line += take;
    if (take == left) {
        c->group++;
        c->line = 0;
        return take + 1;
    }
    out->line[take] = (struct line){.kind = LINE_SUSPENSE,
                                    .party = PARTY_SUSPENSE,
                                    .node = NODE_NONE,
                                    .amount = lines_sum(&g->line[c->line], left - take)};
    out->line_count = take + 1;
    return take + 2;
}

/** Fills one page's groups. */
static void cut_page(struct arena *a, struct cut *c, struct decision *page)
{
    uint32_t room = LEGS_MAX;
    uint32_t first = c->group;
    uint32_t most = c->whole->group_count - first;
    page->group = arena_array(a, most, sizeof *page->group);
    page->group_count = 0;
    while (c->group < c->whole->group_count && room > 16) {
        room -= cut_group(a, c, room, &page->group[page->group_count]);
        page->group_count++;
    }
}

static size_t legs_count(const struct decision *d)
{
    size_t legs = 0;
    for (uint32_t i = 0; i < d->group_count; i++) {
        legs += (size_t)d->group[i].line_count + 1;
    }
    return legs;
}

uint32_t decision_pack_pages(struct arena *a, struct buf *out, struct decision *d, size_t **sizes)
{
    size_t legs = legs_count(d);
    size_t start = out->len;
    uint32_t most = (uint32_t)(legs / (LEGS_MAX - 18) + 2);
    *sizes = arena_array(a, most, sizeof **sizes);
    if (legs <= LEGS_MAX) {
        d->pages = 1;
        decision_pack(out, d);
        (*sizes)[0] = out->len - start;
        return 1;
    }
    struct cut cut = {.whole = d};
    struct decision page0 = *d;
    cut_page(a, &cut, &page0);
    struct buf rest = {0};
    uint32_t pages = 1;
    while (cut.group < d->group_count) {
        METE_ASSERT(pages < most);
        struct decision page = {.rules_version = d->rules_version, .pages = 1};
        cut_page(a, &cut, &page);
        size_t before = rest.len;
        decision_pack(&rest, &page);
        (*sizes)[pages++] = rest.len - before;
    }
    d->pages = page0.pages = pages;
    d->rest = page0.rest = sha256(buf_bytes(&rest));
    decision_pack(out, &page0);
    (*sizes)[0] = out->len - start;
    buf_put(out, rest.p, rest.len);
    buf_clear(&rest);
    return pages;
}

/** Makes room for `more` further lines behind those of a group. */
static void group_widen(struct arena *a, struct group *g, size_t more)
{
    struct line *line = arena_array(a, g->line_count + more, sizeof *line);
    for (uint32_t i = 0; i < g->line_count; i++) {
        line[i] = g->line[i];
    }
    g->line = line;
}

/** Lines that the pages from `page` on add to the group that the page before it ends with. */
static size_t lines_to_come(const struct decision *more, uint32_t more_count, uint32_t page)
{
    size_t count = 0;
    for (; page < more_count; page++) {
        const struct decision *d = &more[page];
        if (d->group_count == 0 || d->group[0].kind != GROUP_MORE) {
            break;
        }
        count += d->group[0].line_count;
        if (d->group_count > 1) {
            break;
        }
    }
    return count;
}

/** The lines of `more` take the place of what stood in suspense for them. */
static void join_group(struct group *g, const struct group *more)
{
    METE_ASSERT(g->line_count > 0 && g->line[g->line_count - 1].kind == LINE_SUSPENSE);
    uint32_t keep = g->line_count - 1;
    for (uint32_t i = 0; i < more->line_count; i++) {
        g->line[keep + i] = more->line[i];
    }
    g->line_count = keep + more->line_count;
}

void decision_join(struct arena *a, struct decision *page0, const struct decision *more,
                   uint32_t more_count)
{
    size_t most = page0->group_count;
    for (uint32_t i = 0; i < more_count; i++) {
        most += more[i].group_count;
    }
    struct group *group = arena_array(a, most, sizeof *group);
    uint32_t count = 0;
    bool wide = false; /* the last group has room for all that continues it */
    for (uint32_t i = 0; i < page0->group_count; i++) {
        group[count++] = page0->group[i];
    }
    for (uint32_t i = 0; i < more_count; i++) {
        for (uint32_t k = 0; k < more[i].group_count; k++) {
            if (more[i].group[k].kind != GROUP_MORE) {
                group[count++] = more[i].group[k];
                wide = false;
                continue;
            }
            METE_ASSERT(count > 0 && k == 0);
            if (!wide) {
                group_widen(a, &group[count - 1], lines_to_come(more, more_count, i));
                wide = true;
            }
            join_group(&group[count - 1], &more[i].group[k]);
        }
    }
    page0->group = group;
    page0->group_count = count;
}
