/* SPDX-License-Identifier: Apache-2.0
 * Reading packed decisions strictly: shortest varints, no byte left over, every number in range. */
#include "audit/decision_read.h"

#include <string.h>

#include "base/buf.h"
#include "base/i128.h"
#include "base/limits.h"

/* `least` is the size of the smallest item: a larger count is damage, not a request for memory. */
static uint32_t read_count(struct reader *r, unsigned least)
{
    uint64_t n = read_varint(r);
    if (n > (uint64_t)(r->end - r->p) / least) {
        r->failed = true;
        return 0;
    }
    return (uint32_t)n;
}

static uint32_t read_u32(struct reader *r)
{
    uint64_t v = read_varint(r);
    if (v >= UINT32_MAX) {
        r->failed = true;
    }
    return (uint32_t)v;
}

/* n + 1 is stored, 0 stands for none. */
static uint32_t read_optional(struct reader *r)
{
    uint32_t v = read_u32(r);
    return v == 0 ? NONE_U32 : v - 1;
}

static mete_time read_moment(struct reader *r)
{
    i128 v = read_zigzag(r);
    if (v < INT64_MIN || v > INT64_MAX) {
        r->failed = true;
    }
    return (mete_time)v;
}

static i128 read_amount(struct reader *r)
{
    i128 v = read_zigzag(r);
    i128 bound = (i128)1 << AMOUNT_BITS_MAX;
    if (v >= bound || v <= -bound) {
        r->failed = true;
    }
    return v;
}

static void read_names(struct arena *a, struct reader *r, struct found_names *names)
{
    names->count = read_count(r, 1);
    if (names->count == 0) {
        return;
    }
    names->first = read_u32(r);
    names->id = arena_array(a, names->count, sizeof names->id[0]);
    for (uint32_t i = 0; i < names->count && !r->failed; i++) {
        names->id[i] = read_sized(r);
    }
}

static void read_node(struct reader *r, struct found_node *n)
{
    n->policy = read_u32(r);
    n->version = read_u32(r);
    n->parent = read_optional(r);
    n->share = read_u32(r);
    n->rounding = read_u8(r);
    n->conditions = read_varint(r);
    n->weight = read_varint128(r);
    n->den = read_varint128(r);
    n->input = read_amount(r);
    n->extra = read_amount(r);
    n->counted = read_u8(r);
}

static void read_line(struct reader *r, struct found_line *l)
{
    uint8_t head = read_u8(r);
    l->kind = head & 15u;
    l->flags = head >> 4;
    l->party = read_u32(r);
    l->node = read_optional(r);
    l->share = read_optional(r);
    l->entry = read_u32(r);
    l->weight = read_varint128(r);
    l->amount = read_amount(r);
    l->extra = read_amount(r);
}

static void read_target(struct reader *r, struct found_group *g)
{
    g->target_seq = read_varint(r);
    if (g->target_seq == 0) {
        return;
    }
    g->target_page = read_u32(r);
    g->target_group = read_u32(r);
    g->den = read_varint128(r);
}

static void read_group(struct arena *a, struct reader *r, struct found_group *g)
{
    g->kind = read_u8(r);
    g->source_seq = read_varint(r);
    g->asset = read_u32(r);
    g->gross = read_amount(r);
    g->source = read_u32(r);
    g->fee_version = read_u32(r);
    g->quantity = read_varint(r);
    g->customer = read_u32(r);
    g->clears_at = read_moment(r);
    read_target(r, g);
    g->node_count = read_count(r, 11);
    g->node = arena_array(a, g->node_count, sizeof g->node[0]);
    for (uint32_t i = 0; i < g->node_count && !r->failed; i++) {
        read_node(r, &g->node[i]);
    }
    if (g->node_count > 0 && g->node[0].rounding == BY_CONTRACT) {
        g->accrued = read_amount(r);
    }
    g->line_count = read_count(r, 8);
    g->line = arena_array(a, g->line_count, sizeof g->line[0]);
    for (uint32_t i = 0; i < g->line_count && !r->failed; i++) {
        read_line(r, &g->line[i]);
    }
}

/* Parents come before their children, so that climbing always ends. */
static const char *check_group(const struct found_group *g)
{
    if (g->kind < FOUND_REVENUE || g->kind > FOUND_MORE) {
        return "a group of an unknown kind";
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct found_node *n = &g->node[i];
        if (n->parent != NONE_U32 && n->parent >= i) {
            return "a node that stands before its parent";
        }
        if (n->counted > 1) {
            return "a node that is counted neither 0 nor 1";
        }
    }
    for (uint32_t i = 0; i < g->line_count; i++) {
        if (g->line[i].kind < FOUND_FEE || g->line[i].kind > FOUND_MOVED) {
            return "a line of an unknown kind";
        }
        if (g->line[i].flags > FLAG_HELD) {
            return "a line with an unknown flag";
        }
        /* lines of a continued group refer to the nodes of the page before */
        if (g->kind != FOUND_MORE && g->line[i].node != NONE_U32 &&
            g->line[i].node >= g->node_count) {
            return "a line of a node that is not there";
        }
    }
    return NULL;
}

static const char *read_all_groups(struct arena *a, struct reader *r, struct found_group **group,
                                   uint32_t *count)
{
    *count = read_count(r, 11);
    *group = arena_array(a, *count, sizeof **group);
    for (uint32_t i = 0; i < *count && !r->failed; i++) {
        read_group(a, r, &(*group)[i]);
        const char *flaw = r->failed ? NULL : check_group(&(*group)[i]);
        if (flaw != NULL) {
            return flaw;
        }
    }
    return r->failed ? "a group that ends too early" : NULL;
}

const char *decision_read_groups(struct arena *a, struct bytes packed, struct found_group **group,
                                 uint32_t *count)
{
    struct reader r = reader_of(packed);
    return read_all_groups(a, &r, group, count);
}

static void read_put(struct reader *r)
{
    uint8_t op = read_u8(r);
    (void)read_sized(r);
    if (op == 1) {
        (void)read_sized(r);
    } else if (op == 2) {
        for (unsigned i = 0; i < 4; i++) {
            (void)read_zigzag(r);
        }
    } else if (op != 3) {
        r->failed = true;
    }
}

static void read_head(struct arena *a, struct reader *r, struct found_decision *d)
{
    d->rules_version = read_varint(r);
    d->wait_code = read_u32(r);
    d->about = read_varint(r);
    d->pages = read_u32(r);
    if (d->pages > 1) {
        struct bytes rest = read_bytes(r, SHA256_LEN);
        if (!r->failed) {
            memcpy(d->rest.b, rest.p, SHA256_LEN);
        }
    }
    read_names(a, r, &d->parties);
    read_names(a, r, &d->policies);
}

const char *decision_read(struct arena *a, struct bytes packed, struct found_decision *out)
{
    memset(out, 0, sizeof *out);
    struct reader r = reader_of(packed);
    if (read_u8(&r) != 1) {
        return "a format that is not 1";
    }
    read_head(a, &r, out);
    if (r.failed) {
        return "a head that ends too early";
    }
    const uint8_t *from = r.p;
    const char *flaw = read_all_groups(a, &r, &out->group, &out->group_count);
    if (flaw != NULL) {
        return flaw;
    }
    out->groups = (struct bytes){from, (size_t)(r.p - from)};
    uint32_t puts = read_count(&r, 2);
    for (uint32_t i = 0; i < puts && !r.failed; i++) {
        read_put(&r);
    }
    if (r.failed) {
        return "a state change that ends too early";
    }
    return reader_done(&r) ? NULL : "bytes left over at its end";
}
