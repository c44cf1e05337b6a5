/* SPDX-License-Identifier: Apache-2.0
 * A payment's life at the rail: absent, pending, then paid or dead; dead ones may be paid after
 * all, paid ones may come back, and rather when they were said to be dead. */
#include "payout_rail.h"

#include <stdio.h>
#include <string.h>

#include "mete/error.h"

static bool chance(struct rail *r, unsigned percent)
{
    return !r->honest && rng_below(r->rng, 100) < percent;
}

static bool fires(struct rail *r, enum rail_fault fault, unsigned percent)
{
    bool now = chance(r, percent);
    r->fired[fault] += now;
    return now;
}

void rail_notice_again(struct rail *r, int payment)
{
    METE_ASSERT(r->notices < RAIL_NOTICES_MAX);
    r->notice[r->notices++] = payment;
}

static void tell(struct rail *r, const struct rail_payment *p)
{
    int index = (int)(p - r->payment);
    rail_notice_again(r, index);
    while (fires(r, FAULT_TOLD_TWICE, 20))
        rail_notice_again(r, index);
}

int rail_notice(struct rail *r)
{
    if (r->notices == 0)
        return -1;
    int at = (int)rng_below(r->rng, (unsigned)r->notices);
    int payment = r->notice[at];
    r->notice[at] = r->notice[--r->notices];
    return payment;
}

struct rail_payment *rail_find(struct rail *r, const char *anchor)
{
    for (int i = 0; i < r->count; i++) {
        if (strcmp(r->payment[i].anchor, anchor) == 0)
            return &r->payment[i];
    }
    return NULL;
}

static void pay(struct rail *r, struct rail_payment *p)
{
    METE_ASSERT(p->paid == 0); /* an anchor pays once */
    p->state = RAIL_PAID;
    p->paid = p->asked;
    if (fires(r, FAULT_WRONG_AMOUNT, 8)) {
        int64_t off = 1 + (int64_t)rng_below(r->rng, (uint64_t)p->asked);
        p->paid = rng_below(r->rng, 2) == 0 || off == p->asked ? p->asked + off : p->asked - off;
    }
    if (fires(r, FAULT_FEE, 30))
        p->fee = 1 + (int64_t)rng_below(r->rng, 100);
    if (!fires(r, FAULT_UNTOLD, 15))
        tell(r, p);
}

static void die(struct rail *r, struct rail_payment *p)
{
    p->state = RAIL_DEAD;
    p->was_dead = true;
    p->lies = chance(r, 25);
    tell(r, p);
}

enum rail_state rail_send(struct rail *r, const char *anchor, int transfer, unsigned attempt,
                          int64_t amount)
{
    struct rail_payment *p = rail_find(r, anchor);
    if (p != NULL) {
        r->fired[FAULT_SENT_AGAIN]++;
        return chance(r, 10) ? RAIL_SILENT : p->state;
    }
    if (fires(r, FAULT_TIMEOUT_BEFORE, 8))
        return RAIL_SILENT;
    for (int i = 0; i < r->count; i++)
        r->broken |= r->payment[i].transfer == transfer && !r->payment[i].was_dead;
    METE_ASSERT(r->count < RAIL_PAYMENTS_MAX);
    p = &r->payment[r->count++];
    *p = (struct rail_payment){
        .transfer = transfer, .attempt = attempt, .asked = amount, .state = RAIL_PENDING};
    snprintf(p->anchor, sizeof p->anchor, "%s", anchor);
    /* Every fifth goes to a place that hardly ever takes anything. */
    if (fires(r, FAULT_REJECTED, transfer % 5 == 0 ? 95 : 20))
        die(r, p);
    else if (rng_below(r->rng, 3) == 0)
        pay(r, p);
    return fires(r, FAULT_TIMEOUT_AFTER, 15) ? RAIL_SILENT : p->state;
}

enum rail_state rail_probe(struct rail *r, const char *anchor)
{
    const struct rail_payment *p = rail_find(r, anchor);
    if (fires(r, FAULT_PROBE_SILENT, 15))
        return RAIL_SILENT;
    return p != NULL ? p->state : RAIL_ABSENT;
}

static void come_back(struct rail *r, struct rail_payment *p)
{
    p->state = RAIL_RETURNED;
    p->returned = p->paid;
    r->fired[FAULT_RETURNED]++;
    if (p->paid > 1 && fires(r, FAULT_RETURNED_LESS, 30))
        p->returned -= 1 + (int64_t)rng_below(r->rng, (uint64_t)p->paid - 1);
    tell(r, p);
}

static bool step(struct rail *r, struct rail_payment *p)
{
    if (p->state == RAIL_PENDING) {
        if (fires(r, FAULT_FAILED_LATER, 25))
            die(r, p);
        else
            pay(r, p);
        if (p->state == RAIL_PAID && chance(r, 15))
            come_back(r, p);
    } else if (p->state == RAIL_DEAD && p->lies) {
        r->fired[FAULT_LATE_SUCCESS]++;
        p->lies = false;
        pay(r, p);
    } else if (p->state == RAIL_PAID && chance(r, p->was_dead ? 50 : 5)) {
        come_back(r, p);
    } else {
        return false;
    }
    return true;
}

bool rail_tick(struct rail *r)
{
    int from = r->count > 0 ? (int)rng_below(r->rng, (unsigned)r->count) : 0;
    int tries = r->honest ? r->count : r->count > 3 ? 3 : r->count;
    for (int i = 0; i < tries; i++) {
        if (step(r, &r->payment[(from + i) % r->count]))
            return true;
    }
    return false;
}
