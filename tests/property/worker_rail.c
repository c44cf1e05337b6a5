/* SPDX-License-Identifier: Apache-2.0
 * Rails in memory. An anchor is paid once, whoever sends its bytes and however often; a number that
 * was used by other bytes refuses these for good. */
#include "worker_rail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CALL_PREPARE, CALL_SEND, CALL_PROBE };
enum { KIND_INVOICE, KIND_KEY, KIND_NONCE };

struct rail {
    struct rail_world *w;
    struct rail_gate gate;
    unsigned kind;
};

/* --- dice --------------------------------------------------------------------------------------*/

static unsigned below(struct rail_world *w, unsigned n)
{
    return (unsigned)rng_below(w->rng, n);
}

static bool happens(struct rail_world *w, enum rail_fault f, unsigned call)
{
    bool now = w->odds > 0 && below(w, w->odds) == 0;
    w->fired[f][call] += now;
    return now;
}

static void broken(struct rail_world *w, const char *what, struct text anchor)
{
    if (!w->broken) {
        snprintf(w->why, sizeof w->why, "%s: %.*s", what, (int)anchor.len, anchor.p);
    }
    w->broken = true;
}

/* --- the truth ---------------------------------------------------------------------------------*/

struct entry *rail_world_find(struct rail_world *w, struct text anchor)
{
    for (size_t i = 0; i < w->count; i++) {
        if (text_is(anchor, w->entry[i].anchor)) {
            return &w->entry[i];
        }
    }
    return NULL;
}

static void pay(struct entry *t)
{
    if (t->state != ENTRY_PAID) {
        t->state = ENTRY_PAID;
        t->paid = t->paid != 0 ? t->paid : t->asked;
    }
}

static bool one_alive(const struct rail_world *w, struct text transfer)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct entry *t = &w->entry[i];
        if (text_is(transfer, t->transfer) && t->state != ENTRY_DEAD && !t->lied) {
            return true;
        }
    }
    return false;
}

/** Bytes that came for the first time. */
static struct entry *take(struct rail_world *w, const struct rail_payment *p)
{
    if (one_alive(w, p->transfer_id)) {
        broken(w, "a second attempt was sent while the first was alive", p->anchor);
    }
    struct entry *t = &w->entry[w->count++];
    METE_ASSERT(w->count < ENTRIES_MAX);
    *t = (struct entry){.attempt = p->attempt, .asked = p->amount, .bodies = p->body_count};
    METE_ASSERT(text_copy(t->anchor, sizeof t->anchor, p->anchor));
    METE_ASSERT(text_copy(t->transfer, sizeof t->transfer, p->transfer_id));
    return t;
}

bool rail_world_tick(struct rail_world *w)
{
    size_t from = w->count > 0 ? rng_below(w->rng, w->count) : 0;
    for (size_t k = 0; k < w->count; k++) {
        struct entry *t = &w->entry[(from + k) % w->count];
        if (t->lies) {
            t->lies = false;
            pay(t);
            return true;
        }
        if (t->state == ENTRY_PENDING && !t->stuck) {
            if (t->fails) {
                t->state = ENTRY_DEAD;
            } else {
                pay(t);
            }
            return true;
        }
    }
    return false;
}

/* --- prepare -----------------------------------------------------------------------------------*/

static bool refused(struct rail *r, struct rail_payment *p)
{
    if (happens(r->w, FAULT_DOWN, CALL_PREPARE)) {
        bool talks = happens(r->w, FAULT_TALK, CALL_PREPARE);
        rail_say(p, RAIL_TRANSIENT, "%s does not answer\xff", talks ? "a@example.org" : "its host");
        return true;
    }
    if (below(r->w, 4) == 0 && happens(r->w, FAULT_BAD_PLACE, CALL_PREPARE)) {
        rail_say(p, RAIL_REJECTED, "there is no such account");
        return true;
    }
    return false;
}

static void one_prepare(struct rail *r, struct rail_payment *p, size_t i, struct arena *a)
{
    struct rail_world *w = r->w;
    if (refused(r, p)) {
        return;
    }
    if (p->destination.len == 0) {
        broken(w, "nothing says where to", p->transfer_id);
    }
    if (r->kind == KIND_INVOICE) {
        p->anchor = arena_printf(a, "inv-%u", w->invoices++);
    } else if (r->kind == KIND_KEY) {
        p->anchor =
            arena_printf(a, "%.*s-%u", (int)p->transfer_id.len, p->transfer_id.p, p->attempt);
    } else {
        unsigned nonce = w->nonce + p->anchors_taken;
        p->anchor = arena_printf(a, "n%u-%zu", nonce, i);
        p->group = arena_printf(a, "n%u", nonce);
    }
    p->body[p->body_count++] = arena_printf(a, "pay %.*s to %.*s", (int)p->anchor.len, p->anchor.p,
                                            (int)p->destination.len, p->destination.p);
    rail_say(p, RAIL_ACCEPTED, "ready");
}

static void prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        rail_say(p[i], RAIL_TRANSIENT, "no answer");
    }
    if (!r->gate.pass(r->gate.ctx, CALL_PREPARE, false)) {
        return;
    }
    uint32_t taken = 0; /* all of a group have the same number */
    for (size_t i = 0; i < count; i++) {
        taken = p[i]->anchors_taken > taken ? p[i]->anchors_taken : taken;
    }
    for (size_t i = 0; i < count; i++) {
        p[i]->anchors_taken = taken;
        one_prepare(r, p[i], i, a);
    }
    (void)r->gate.pass(r->gate.ctx, CALL_PREPARE, true);
}

/* --- what is said of an entry ------------------------------------------------------------------*/

static void talk(struct rail *r, struct rail_payment *p, unsigned call)
{
    if (happens(r->w, FAULT_TALK, call)) {
        snprintf(p->report.reason, sizeof p->report.reason, "nobody@example.org is not there");
    }
}

static void entry_say(struct rail *r, struct rail_payment *p, struct entry *t, unsigned call,
                      struct arena *a)
{
    p->report.reference = arena_printf(a, "ref-%s", t->anchor);
    switch (t->state) {
    case ENTRY_PAID:
        rail_say(p, RAIL_PAID, "paid");
        p->report.has_amount = t->paid != t->asked || below(r->w, 2) == 0;
        p->report.amount = t->paid;
        p->report.has_fee = t->fee != 0;
        p->report.fee = t->fee;
        p->report.proof = arena_printf(a, "proof of %s", t->anchor);
        break;
    case ENTRY_DEAD:
        rail_say(p, below(r->w, 4) == 0 ? RAIL_REJECTED : RAIL_TRANSIENT, "it failed");
        break;
    case ENTRY_PENDING:
        rail_say(p, RAIL_ACCEPTED, "under way");
        break;
    }
    talk(r, p, call);
}

/* --- send --------------------------------------------------------------------------------------*/

static struct text last_body(const struct rail_payment *p)
{
    return p->body_count > 0 ? p->body[p->body_count - 1] : (struct text){.p = ""};
}

/** What the rail makes of new bytes; `done`: it pays. */
static void fate(struct rail *r, struct entry *t)
{
    struct rail_world *w = r->w;
    t->state = ENTRY_PENDING;
    if (happens(w, FAULT_FEE, CALL_SEND)) {
        t->fee = 1 + (i128)below(w, 20);
    }
    if (happens(w, FAULT_AMOUNT, CALL_SEND)) {
        t->paid = t->asked - 1 + 2 * (i128)below(w, 2);
        t->paid = t->paid > 0 ? t->paid : t->asked;
    }
    if (r->kind == KIND_NONCE && happens(w, FAULT_FEE_BUMP, CALL_SEND)) {
        t->stuck = true;
    } else if (happens(w, FAULT_REJECTED, CALL_SEND) || happens(w, FAULT_TRANSIENT, CALL_SEND)) {
        t->state = ENTRY_DEAD;
    } else if (happens(w, FAULT_LIE, CALL_SEND)) {
        t->state = ENTRY_DEAD;
        t->lies = t->lied = true;
    } else if (happens(w, FAULT_FAILED_LATER, CALL_SEND)) {
        t->fails = true;
    } else if (!happens(w, FAULT_SLOW, CALL_SEND)) {
        pay(t);
    }
}

/** One of them arrives. False: it did not. */
static void arrive(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct entry *t = rail_world_find(r->w, p->anchor);
    struct text body = last_body(p);
    char wanted[120];
    snprintf(wanted, sizeof wanted, "pay %.*s to ", (int)p->anchor.len, p->anchor.p);
    if (!text_starts(body, wanted)) {
        broken(r->w, "the bytes are not those of the anchor", p->anchor);
    }
    if (t != NULL) {
        r->w->fired[FAULT_TWICE][CALL_SEND]++;
        t->stuck &= p->body_count <= t->bodies;
        t->bodies = p->body_count > t->bodies ? p->body_count : t->bodies;
    } else {
        t = take(r->w, p);
        fate(r, t);
    }
    entry_say(r, p, t, CALL_SEND, a);
}

static unsigned nonce_of(const struct rail_payment *p)
{
    return (unsigned)strtoul(p->anchor.p + 1, NULL, 10);
}

/** Bytes of a group arrive together. */
static void all_arrive(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        arrive(r, p[i], a);
        if (r->kind == KIND_NONCE && nonce_of(p[i]) >= r->w->nonce) {
            r->w->nonce = nonce_of(p[i]) + 1;
        }
    }
}

static void unheard(struct rail *r, struct rail_payment **p, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        rail_say(p[i], RAIL_UNKNOWN, "%s", why);
        talk(r, p[i], CALL_SEND);
    }
}

static void send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        rail_say(p[i], RAIL_UNKNOWN, "no answer");
    }
    if (!r->gate.pass(r->gate.ctx, CALL_SEND, false)) {
        return;
    }
    if (happens(r->w, FAULT_TIMEOUT_BEFORE, CALL_SEND) || happens(r->w, FAULT_DROPPED, CALL_SEND)) {
        unheard(r, p, count, "time is over");
    } else {
        all_arrive(r, p, count, a);
        if (happens(r->w, FAULT_TIMEOUT_AFTER, CALL_SEND) ||
            happens(r->w, FAULT_ERROR_AFTER, CALL_SEND)) {
            unheard(r, p, count, "500");
        }
    }
    (void)r->gate.pass(r->gate.ctx, CALL_SEND, true);
}

/* --- probe -------------------------------------------------------------------------------------*/

static void one_probe(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct entry *t = rail_world_find(r->w, p->anchor);
    if (happens(r->w, FAULT_SILENT, CALL_PROBE)) {
        rail_say(p, RAIL_UNKNOWN, "no answer");
        talk(r, p, CALL_PROBE);
    } else if (t == NULL) {
        rail_say(p, RAIL_ABSENT, "never seen");
    } else if (t->stuck && p->body_count < RAIL_BODIES_MAX) {
        p->body[p->body_count++] = arena_printf(a, "pay %s to the same for more", t->anchor);
        r->w->fired[FAULT_FEE_BUMP][CALL_PROBE]++;
        rail_say(p, RAIL_REPLACE, "stuck");
    } else {
        entry_say(r, p, t, CALL_PROBE, a);
    }
}

static void probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        rail_say(p[i], RAIL_UNKNOWN, "no answer");
    }
    if (!r->gate.pass(r->gate.ctx, CALL_PROBE, false)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        one_probe(r, p[i], a);
    }
    (void)r->gate.pass(r->gate.ctx, CALL_PROBE, true);
}

/* --- kinds -------------------------------------------------------------------------------------*/

static const char *const OTHER_NAMES[] = {"invoices", NULL};

const struct rail_kind RAIL_DOUBLES[RAIL_KINDS] = {
    {.name = "invoice",
     .alias = OTHER_NAMES,
     .batch_max = 1,
     .prepare = prepare,
     .send = send,
     .probe = probe},
    {.name = "key", .batch_max = 4, .prepare = prepare, .send = send, .probe = probe},
    {.name = "nonce", .batch_max = 4, .prepare = prepare, .send = send, .probe = probe}};

struct rail *rail_double_new(struct rail_world *w, const struct rail_gate *gate, unsigned kind)
{
    struct rail *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL && kind < RAIL_KINDS);
    *r = (struct rail){.w = w, .gate = *gate, .kind = kind};
    return r;
}

void rail_double_free(struct rail *r)
{
    free(r);
}
