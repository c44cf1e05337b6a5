/* SPDX-License-Identifier: Apache-2.0
 * Records, bookings, and the names of lines. */
#include "audit/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

void journal_init(struct journal *j, struct arena *keep)
{
    memset(j, 0, sizeof *j);
    j->keep = keep;
    map_init(&j->seq_of, sizeof(uint64_t), 11);
}

void journal_clear(struct journal *j)
{
    free(j->record);
    map_clear(&j->seq_of);
}

struct record *journal_add(struct journal *j, struct text id, bool *known)
{
    if (j->count == j->capacity) {
        j->capacity = j->capacity == 0 ? 1024 : j->capacity * 2;
        j->record = realloc(j->record, j->capacity * sizeof j->record[0]);
        METE_ASSERT(j->record != NULL);
    }
    struct record *r = &j->record[j->count++];
    memset(r, 0, sizeof *r);
    r->id = arena_text(j->keep, id);
    bool made;
    uint64_t *seq = map_put(&j->seq_of, text_bytes(id), &made);
    if (made) {
        *seq = j->count;
    }
    *known = !made;
    return r;
}

struct record *journal_find(struct journal *j, struct text id, uint64_t *seq)
{
    const uint64_t *found = map_get(&j->seq_of, text_bytes(id));
    if (found == NULL) {
        return NULL;
    }
    *seq = *found;
    return journal_at(j, *found);
}

struct record *journal_at(struct journal *j, uint64_t seq)
{
    return seq >= 1 && seq <= j->count ? &j->record[seq - 1] : NULL;
}

static void append(struct arena *a, void **items, uint32_t *count, const void *more,
                   uint32_t more_count, size_t size)
{
    uint8_t *joined = arena_array(a, (size_t)*count + more_count, size);
    if (*count > 0) {
        memcpy(joined, *items, *count * size);
    }
    if (more_count > 0) {
        memcpy(joined + *count * size, more, more_count * size);
    }
    *items = joined;
    *count += more_count;
}

static const char *continue_group(struct arena *a, struct found_group *g,
                                  const struct found_group *more)
{
    const struct found_line *last = g->line_count > 0 ? &g->line[g->line_count - 1] : NULL;
    if (last == NULL || last->kind != FOUND_SUSPENDED || last->party != OWN_SUSPENSE ||
        last->amount != more->gross) {
        return "a page continues with another amount than was left in suspense";
    }
    if (more->source != OWN_SUSPENSE || more->asset != g->asset) {
        return "a page continues with money that does not come from suspense";
    }
    if (more->clears_at != g->clears_at) {
        return "a page continues with another clears_at";
    }
    g->line_count--;
    append(a, (void **)&g->line, &g->line_count, more->line, more->line_count, sizeof g->line[0]);
    append(a, (void **)&g->node, &g->node_count, more->node, more->node_count, sizeof g->node[0]);
    for (uint32_t i = 0; i < g->line_count; i++) {
        if (g->line[i].node != NONE_U32 && g->line[i].node >= g->node_count) {
            return "a line of a continued page refers to a node that is not there";
        }
    }
    return NULL;
}

const char *pages_join(struct arena *a, struct found_group **group, uint32_t *count,
                       const struct found_group *more, uint32_t more_count)
{
    uint32_t from = 0;
    if (more_count > 0 && more[0].kind == FOUND_MORE) {
        if (*count == 0) {
            return "a page continues a group that is not there";
        }
        const char *flaw = continue_group(a, &(*group)[*count - 1], &more[0]);
        if (flaw != NULL) {
            return flaw;
        }
        from = 1;
    }
    append(a, (void **)group, count, more + from, more_count - from, sizeof **group);
    return NULL;
}

struct booking *booking_keep(struct journal *j, uint64_t seq, uint32_t page,
                             const struct bytes *packed, uint32_t packed_count,
                             uint32_t group_count)
{
    struct booking *b = arena_alloc(j->keep, sizeof *b);
    *b = (struct booking){.seq = seq, .page = page, .group_count = group_count};
    b->packed_count = packed_count;
    b->packed = arena_array(j->keep, packed_count, sizeof b->packed[0]);
    for (uint32_t i = 0; i < packed_count; i++) {
        b->packed[i] = text_bytes(arena_text(j->keep, bytes_text(packed[i])));
    }
    return b;
}

struct found_group *booking_open(struct arena *a, const struct booking *b)
{
    struct found_group *group = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->packed_count; i++) {
        struct found_group *page;
        uint32_t page_count;
        METE_ASSERT(decision_read_groups(a, b->packed[i], &page, &page_count) == NULL);
        METE_ASSERT(pages_join(a, &group, &count, page, page_count) == NULL);
    }
    METE_ASSERT(count == b->group_count);
    return group;
}

struct undo *booking_undo(struct journal *j, struct booking *b, uint32_t index,
                          const struct found_group *g)
{
    if (b->undo == NULL) {
        b->undo = arena_array(j->keep, b->group_count, sizeof(struct undo *));
    }
    if (b->undo[index] != NULL) {
        return b->undo[index];
    }
    struct undo *u = b->undo[index] = arena_alloc(j->keep, sizeof *u);
    u->line_left = arena_array(j->keep, g->line_count, sizeof u->line_left[0]);
    u->node_reversed = arena_array(j->keep, g->node_count, sizeof u->node_reversed[0]);
    u->node_given = arena_array(j->keep, g->node_count, sizeof u->node_given[0]);
    u->dispute = arena_array(j->keep, g->line_count, sizeof(struct dispute *));
    for (uint32_t i = 0; i < g->line_count; i++) {
        u->line_left[i] = g->line[i].amount;
    }
    return u;
}

bool node_is_first(const struct found_group *g, uint32_t node)
{
    for (uint32_t i = 0; i < node; i++) {
        if (g->node[i].policy == g->node[node].policy && g->node[i].counted != 0) {
            return false;
        }
    }
    return true;
}

/* Shares from the root down, joined by dots: written from the end. */
static void share_path(const struct found_group *g, const struct found_line *l, char *out,
                       size_t size)
{
    uint32_t share[POLICY_DEPTH_MAX + 2];
    size_t count = 0;
    share[count++] = l->share;
    for (uint32_t n = l->node; n != NONE_U32 && g->node[n].parent != NONE_U32;
         n = g->node[n].parent) {
        if (count == ARRAY_LEN(share)) {
            break;
        }
        share[count++] = g->node[n].share;
    }
    size_t at = 0;
    while (count-- > 0 && at < size) {
        at += (size_t)snprintf(out + at, size - at, count > 0 ? "%" PRIu64 "." : "%" PRIu64,
                               (uint64_t)share[count] + 1);
    }
}

void found_path(const struct found_group *g, uint32_t group_index, uint32_t line,
                char out[LINE_PATH_MAX])
{
    const struct found_line *l = &g->line[line];
    size_t at = 0;
    out[0] = '\0';
    if (group_index > 0) {
        at = (size_t)snprintf(out, LINE_PATH_MAX, "r%" PRIu64 ".", (uint64_t)group_index + 1);
    }
    char *rest = out + at;
    size_t size = LINE_PATH_MAX - at;
    if (l->kind == FOUND_FEE && l->share == NONE_U32) {
        (void)snprintf(rest, size, "f0");
    } else if (l->kind == FOUND_FEE && l->entry == 0) {
        (void)snprintf(rest, size, "f%" PRIu64, (uint64_t)l->share + 1);
    } else if (l->kind == FOUND_FEE) {
        (void)snprintf(rest, size, "f%" PRIu64 ".%" PRIu32, (uint64_t)l->share + 1, l->entry);
    } else if (l->kind == FOUND_ALLOCATION) {
        share_path(g, l, rest, size);
    } else if (l->kind == FOUND_UNALLOCATED) {
        (void)snprintf(rest, size, "u");
    } else if (l->kind == FOUND_CARRY) {
        (void)snprintf(rest, size, "c%" PRIu64, l->node == NONE_U32 ? 0 : (uint64_t)l->node + 1);
    } else {
        (void)snprintf(rest, size, "s");
    }
}
