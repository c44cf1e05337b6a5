/* SPDX-License-Identifier: Apache-2.0
 * Accounts by (party number, asset number). */
#include "audit/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "audit/member.h"
#include "base/time.h"

struct account_key {
    uint32_t party, asset;
};

struct day_key {
    uint32_t party, asset;
    int32_t day;
};

static struct bytes key_bytes(const void *key, size_t size)
{
    return (struct bytes){key, size};
}

void ledger_init(struct ledger *l, struct arena *keep)
{
    memset(l, 0, sizeof *l);
    l->keep = keep;
    map_init(&l->account_of, sizeof(struct account *), 21);
    map_init(&l->day_of, sizeof(struct due_day), 22);
}

void ledger_clear(struct ledger *l)
{
    size_t i = 0;
    struct bytes key;
    void *value;
    while (map_next(&l->account_of, &i, &key, &value)) {
        free((*(struct account **)value)->due);
    }
    map_clear(&l->account_of);
    map_clear(&l->day_of);
}

struct account *ledger_find(const struct ledger *l, uint32_t party, uint32_t asset)
{
    struct account_key key = {party, asset};
    struct account **slot = map_get(&l->account_of, key_bytes(&key, sizeof key));
    return slot != NULL ? *slot : NULL;
}

struct account *ledger_obtain(struct ledger *l, uint32_t party, uint32_t asset)
{
    struct account_key key = {party, asset};
    bool made;
    struct account **slot = map_put(&l->account_of, key_bytes(&key, sizeof key), &made);
    if (made) {
        *slot = arena_alloc(l->keep, sizeof **slot);
        (*slot)->party = party;
        (*slot)->asset = asset;
    }
    return *slot;
}

struct due_day *ledger_day(const struct ledger *l, uint32_t party, uint32_t asset, int32_t day)
{
    struct day_key key = {party, asset, day};
    return map_get(&l->day_of, key_bytes(&key, sizeof key));
}

static void post_line(struct ledger *l, const struct found_group *g, const struct found_line *line,
                      mete_time booked_at)
{
    struct account *a = ledger_obtain(l, line->party, g->asset);
    bool held = line->kind == FOUND_ALLOCATION && (line->flags & FLAG_HELD) != 0;
    bool pending = held || (line->kind == FOUND_ALLOCATION && g->clears_at > booked_at);
    i128 size = line->amount < 0 ? -line->amount : line->amount;
    unsigned side = line->amount < 0 ? 0 : 1;
    i128 *sum = &a->sum[(pending ? DEBITS_PENDING : DEBITS_POSTED) + side];
    *sum = i128_plus(*sum, size);
    if (pending) {
        struct day_key key = {line->party, g->asset, held ? DAY_NEVER : time_day(g->clears_at)};
        struct due_day *day = map_put(&l->day_of, key_bytes(&key, sizeof key), NULL);
        day->amount = i128_plus(day->amount, line->amount);
    }
    l->lines++;
}

void ledger_post(struct ledger *l, const struct found_group *group, uint32_t count,
                 mete_time booked_at)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct found_group *g = &group[i];
        if (g->gross != 0) {
            struct account *source = ledger_obtain(l, g->source, g->asset);
            i128 *sum = &source->sum[g->gross > 0 ? DEBITS_POSTED : CREDITS_POSTED];
            *sum = i128_plus(*sum, g->gross > 0 ? g->gross : -g->gross);
        }
        for (uint32_t k = 0; k < g->line_count; k++) {
            post_line(l, g, &g->line[k], booked_at);
        }
    }
}

/* Drops what has become clear; moments only move on. */
static void forget_clear(struct account *a, mete_time now)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->due_count; i++) {
        if (a->due[i].at > now) {
            a->due[kept++] = a->due[i];
        }
    }
    a->due_count = kept;
}

static void add_due(struct account *a, struct due due, mete_time now)
{
    if (a->due_count == a->due_capacity) {
        forget_clear(a, now);
    }
    if (a->due_count * 2 >= a->due_capacity) {
        a->due_capacity = a->due_capacity == 0 ? 8 : a->due_capacity * 2;
        a->due = realloc(a->due, a->due_capacity * sizeof a->due[0]);
        METE_ASSERT(a->due != NULL);
    }
    a->due[a->due_count++] = due;
}

void ledger_due(struct ledger *l, uint32_t party, uint32_t asset, i128 amount, mete_time at,
                mete_time booked_at, bool held)
{
    struct account *a = ledger_obtain(l, party, asset);
    if (held) {
        a->held = i128_plus(a->held, amount);
    } else if (at > booked_at && amount != 0) {
        add_due(a, (struct due){at, amount}, booked_at);
    }
}

void ledger_withdraw(struct ledger *l, const struct found_group *g, const struct found_line *line,
                     i128 left, mete_time now)
{
    bool held = (line->flags & FLAG_HELD) != 0;
    int32_t day = held ? DAY_NEVER : time_day(g->clears_at);
    struct due_day *due = ledger_day(l, line->party, g->asset, day);
    if (due != NULL) {
        due->amount = i128_plus(due->amount, -left);
    }
    ledger_due(l, line->party, g->asset, -left, g->clears_at, now, held);
}

bool dispute_is_open(const struct dispute *d, mete_time at)
{
    if (d->state == DISPUTE_ESCALATED) {
        return true;
    }
    return d->state == DISPUTE_OPEN && at < d->clear_from;
}

struct balance account_balance(const struct account *a, mete_time at)
{
    struct balance b = {.pending = a->held};
    for (size_t i = 0; i < a->due_count; i++) {
        if (a->due[i].at > at) {
            b.pending = i128_plus(b.pending, a->due[i].amount);
        }
    }
    for (const struct dispute *d = a->disputes; d != NULL; d = d->next) {
        if (dispute_is_open(d, at)) {
            b.disputed = i128_plus(b.disputed, *d->left);
        }
    }
    i128 credits = i128_plus(a->sum[CREDITS_POSTED], a->sum[CREDITS_PENDING]);
    i128 taken = i128_plus(a->sum[DEBITS_POSTED], a->sum[DEBITS_PENDING]);
    taken = i128_plus(taken, i128_plus(b.pending, b.disputed));
    if (credits >= taken) {
        b.cleared = i128_plus(credits, i128_plus(~taken, 1));
    } else {
        b.debt = i128_plus(taken, i128_plus(~credits, 1));
    }
    return b;
}
