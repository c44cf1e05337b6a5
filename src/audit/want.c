/* SPDX-License-Identifier: Apache-2.0
 * Building wanted decisions. */
#include "audit/want.h"

#include "audit/member.h"

void want_waits(struct moment *m, struct want *w, uint32_t code, struct text on)
{
    want_waits_on(m, w, code, LIST_POLICY, on);
}

void want_waits_on(struct moment *m, struct want *w, uint32_t code, enum wait_list list,
                   struct text on)
{
    w->wait = arena_grow(m->arena, w->wait, w->wait_count, &w->wait_capacity, sizeof w->wait[0]);
    w->wait[w->wait_count++] = (struct want_wait){.code = code, .list = list, .on = on};
}

struct want_group *want_group(struct moment *m, struct want *w, enum found_group_kind kind,
                              struct asset *asset, i128 gross)
{
    w->group =
        arena_grow(m->arena, w->group, w->group_count, &w->group_capacity, sizeof w->group[0]);
    struct want_group *g = &w->group[w->group_count++];
    *g = (struct want_group){.kind = (uint8_t)kind, .asset = asset, .gross = gross};
    g->source_seq = m->source_seq;
    g->source = m->source_seq != 0 ? OWN_SUSPENSE : OWN_CLEARING;
    return g;
}

uint32_t want_node(struct moment *m, struct want_group *g, struct want_node node)
{
    g->node = arena_grow(m->arena, g->node, g->node_count, &g->node_capacity, sizeof g->node[0]);
    g->node[g->node_count] = node;
    return g->node_count++;
}

struct want_line *want_line(struct moment *m, struct want_group *g, enum found_line_kind kind,
                            struct text party, i128 amount)
{
    g->line = arena_grow(m->arena, g->line, g->line_count, &g->line_capacity, sizeof g->line[0]);
    struct want_line *l = &g->line[g->line_count++];
    *l = (struct want_line){.kind = (uint8_t)kind, .name = party, .amount = amount};
    l->party = names_number(&m->book->parties, party);
    l->node = NONE_U32;
    l->share = l->share_too = l->entry = ANY_U32;
    return l;
}

struct want_line *want_own_line(struct moment *m, struct want_group *g, enum found_line_kind kind,
                                enum own_party party, i128 amount)
{
    struct text name = names_id(&m->book->parties, (uint32_t)party);
    struct want_line *l = want_line(m, g, kind, name, amount);
    l->party = (uint32_t)party;
    return l;
}

struct want_line *want_unallocated(struct moment *m, struct want_group *g, uint32_t node,
                                   i128 amount)
{
    if (amount == 0) {
        return NULL;
    }
    struct text to = m->book->unallocated;
    struct want_line *l = to.len > 0
                              ? want_line(m, g, FOUND_UNALLOCATED, to, amount)
                              : want_own_line(m, g, FOUND_UNALLOCATED, OWN_UNALLOCATED, amount);
    l->node = node;
    return l;
}

mete_time want_clears_at(const struct moment *m)
{
    mete_time from = m->occurred_at > m->booked_at ? m->occurred_at : m->booked_at;
    return from + (mete_time)m->book->clear_after_days * TIME_DAY_US;
}
