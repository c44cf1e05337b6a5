/* SPDX-License-Identifier: Apache-2.0
 * The outbox is walked from its oldest row on. Rows of other rails and of other workers are passed
 * over, and where one claim had passed over too many the next one begins, so that they never keep
 * others from being found. */
#include "engine/payout_claim.h"

#include "base/map.h"
#include "base/text.h"
#include "core/amount.h"
#include "crypto/seal.h"
#include "engine/payout_destination.h"
#include "engine/sealed.h"
#include "engine/walk.h"
#include "store/hash_seed.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_KEYS    256u
#define LOOKED_MAX   8192u /* rows of the outbox, of one claim */
#define LEASES_SWEEP 4096u /* leases, before those that are over are looked for */
#define PAGE_ARENA   ((size_t)16 << 20)

/* Where the next claim of a book begins. */
struct lease_cursor {
    struct key from; /* len 0: at the beginning */
};

struct payout_leases {
    struct omap until; /* book, NUL, number -> mete_time */
    struct map cursor; /* book -> struct lease_cursor */
    size_t sweep_at;
};

struct payout_leases *payout_leases_new(void)
{
    struct payout_leases *l = calloc(1, sizeof *l);
    METE_ASSERT(l != NULL);
    omap_init(&l->until, sizeof(mete_time), hash_seed());
    map_init(&l->cursor, sizeof(struct lease_cursor), hash_seed());
    l->sweep_at = LEASES_SWEEP;
    return l;
}

void payout_leases_free(struct payout_leases *l)
{
    if (l != NULL) {
        omap_clear(&l->until);
        map_clear(&l->cursor);
        free(l);
    }
}

/* --- leases ------------------------------------------------------------------------------------*/

static struct bytes lease_key(struct engine *e, uint64_t number, struct buf *room)
{
    buf_reset(room);
    buf_put_str(room, engine_book_name(e));
    buf_put_u8(room, 0);
    buf_put_be64(room, number);
    return buf_bytes(room);
}

/** Leases that are over make room when there are many. */
static void leases_sweep(struct payout_leases *l, mete_time now)
{
    struct omap_node *node = omap_seek(&l->until, (struct bytes){0});
    while (node != NULL) {
        struct omap_node *next = omap_next(node);
        if (*(mete_time *)omap_value(node) <= now) {
            (void)omap_remove(&l->until, omap_key(node));
        }
        node = next;
    }
    l->sweep_at = 2 * l->until.count > LEASES_SWEEP ? 2 * l->until.count : LEASES_SWEEP;
}

static bool lease_take(struct payout_leases *l, struct engine *e, uint64_t number,
                       const struct payout_claim_query *q)
{
    struct buf room = {0};
    bool made;
    if (l->until.count >= l->sweep_at) {
        leases_sweep(l, q->now);
    }
    mete_time *until = omap_put(&l->until, lease_key(e, number, &room), &made);
    bool is_free = made || *until <= q->now;
    *until = is_free ? q->lease_until : *until;
    buf_clear(&room);
    return is_free;
}

static void lease_end(struct payout_leases *l, struct engine *e, uint64_t number)
{
    struct buf room = {0};
    (void)omap_remove(&l->until, lease_key(e, number, &room));
    buf_clear(&room);
}

void payout_lease_end(struct payout_leases *l, struct engine *e, struct text transfer_id)
{
    lease_end(l, e, engine_seq_of(e, transfer_id));
}

/* --- one row -----------------------------------------------------------------------------------*/

/** Anchor, group and bodies of the last attempt, from the events that brought them. */
static enum mete_code attempt_read(struct engine *e, struct arena *a, struct payout_claim *c,
                                   struct mete_err *err)
{
    const struct view *v = engine_view(e);
    struct key key = key_attempt(c->due.number, c->due.transfer.attempts);
    struct attempt t;
    struct envelope *event = arena_alloc(a, sizeof *event);
    struct bytes value;
    if (c->due.transfer.attempts == 0) {
        return METE_OK;
    }
    if (v->get(v->ctx, key_bytes(&key), &value) != VIEW_FOUND || !attempt_unpack(value, &t)) {
        return mete_fail(err, METE_STORE_FAILED, "", "an attempt of a payout cannot be read");
    }
    if (t.outcome == ATTEMPT_UNMADE) {
        return METE_OK;
    }
    enum mete_code code = engine_event(e, t.made, a, event, &c->sending_at, err);
    for (; code == METE_OK && c->body_count < t.body_count; c->body_count++) {
        code = sealed_read(e, t.body[c->body_count], TEXT("/payload/body"), a,
                           &c->body[c->body_count], err);
    }
    if (code == METE_OK) {
        const struct json *group = json_get(json_get(event->tree, "payload"), "group");
        c->anchor = event->event.payout.anchor;
        c->group = group != NULL ? group->text : (struct text){0};
    }
    return code;
}

static enum mete_code claim_read(struct engine *e, struct arena *a, uint64_t number,
                                 struct payout_claim *c, struct mete_err *err)
{
    *c = (struct payout_claim){0};
    enum mete_code code = payout_read(e, a, number, &c->due, err);
    if (code == METE_OK) {
        code = attempt_read(e, a, c, err);
    }
    if (code == METE_OK) {
        code =
            payout_destination_read(e, c->due.transfer.party, c->due.rail, a, &c->destination, err);
    }
    return code;
}

static void text_wipe(struct text t)
{
    secret_wipe((void *)(uintptr_t)t.p, t.len);
}

void payout_claims_wipe(struct payout_claim *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_wipe(rows[i].destination);
        for (uint32_t k = 0; k < rows[i].body_count; k++) {
            text_wipe(rows[i].body[k]);
        }
    }
}

/* --- claiming ----------------------------------------------------------------------------------*/

struct claiming {
    struct engine *e;
    struct payout_leases *l;
    const struct payout_claim_query *q;
    struct arena *a;
    struct arena page; /* of the keys at hand */
    struct payout_claim *rows;
    size_t count;
    size_t looked;
    struct mete_err *err;
};

static bool rail_wanted(struct claiming *c, uint64_t number, struct batch *b)
{
    const struct view *v = engine_view(c->e);
    struct transfer t;
    if (view_transfer(v, number, &t) != VIEW_FOUND ||
        view_batch(v, &c->page, t.batch, b) != VIEW_FOUND) {
        return false;
    }
    for (size_t i = 0; i < c->q->rails; i++) {
        if (text_eq(b->rail, c->q->rail[i])) {
            return true;
        }
    }
    return false;
}

/** The claim fails, so nobody gets what it has taken: others may at once. */
static void leases_give_back(struct claiming *c, uint64_t number)
{
    lease_end(c->l, c->e, number);
    for (size_t i = 0; i < c->count; i++) {
        lease_end(c->l, c->e, c->rows[i].due.number);
    }
}

static enum mete_code row_take(struct claiming *c, uint64_t number)
{
    struct batch b = {0};
    if (!rail_wanted(c, number, &b) || !lease_take(c->l, c->e, number, c->q)) {
        return METE_OK;
    }
    struct payout_claim *row = &c->rows[c->count];
    enum mete_code code = claim_read(c->e, c->a, number, row, c->err);
    if (code != METE_OK) {
        leases_give_back(c, number);
        return code;
    }
    uint32_t cap_bps = b.bounds.fee_cap_bps;
    row->fee_max = cap_bps > 0 ? amount_bps(row->due.transfer.amount, cap_bps) : -1;
    c->count++;
    return METE_OK;
}

/** The keys of one page. *from: behind the last that was looked at. */
static enum mete_code page_take(struct claiming *c, struct key *from, bool *more)
{
    struct key until = key_of(KEY_OUTBOX);
    struct walk_keys keys;
    key_add_time(&until, c->q->now + 1);
    arena_reset(&c->page);
    enum mete_code code =
        walk_keys(c->e, &c->page, key_bytes(from), key_bytes(&until), PAGE_KEYS, &keys, c->err);
    *more = code == METE_OK && keys.more;
    for (size_t i = 0; code == METE_OK && i < keys.count; i++) {
        if (c->count == c->q->max || c->looked == LOOKED_MAX) {
            *more = true;
            return METE_OK;
        }
        code = row_take(c, key_read_u64(keys.key[i], 9));
        *from = walk_key_after(keys.key[i]);
        c->looked++;
    }
    return code;
}

/** From where the last claim left off when it had to, then from the beginning. */
static enum mete_code walk_outbox(struct claiming *c)
{
    struct bytes book = text_bytes(text_of(engine_book_name(c->e)));
    struct lease_cursor *at = map_put(&c->l->cursor, book, NULL);
    bool from_start = at->from.len == 0;
    struct key from = from_start ? key_of(KEY_OUTBOX) : at->from;
    enum mete_code code = METE_OK;
    bool more = true;
    while (code == METE_OK && c->count < c->q->max && c->looked < LOOKED_MAX && more) {
        code = page_take(c, &from, &more);
        if (code == METE_OK && !more && !from_start) {
            from_start = more = true;
            from = key_of(KEY_OUTBOX);
        }
    }
    at->from = from;
    at->from.len = c->looked == LOOKED_MAX && more ? from.len : 0;
    return code;
}

enum mete_code payouts_claim(struct engine *e, struct payout_leases *l,
                             const struct payout_claim_query *q, struct arena *a,
                             struct payout_claim **rows, size_t *count, struct mete_err *err)
{
    struct claiming c = {.e = e, .l = l, .q = q, .a = a, .err = err};
    METE_ASSERT(q->max > 0 && q->max <= CLAIM_MAX);
    arena_init(&c.page, PAGE_ARENA);
    c.rows = arena_array(a, q->max, sizeof *c.rows);
    enum mete_code code = engine_sound(e, walk_outbox(&c), err);
    arena_clear(&c.page);
    if (code != METE_OK) {
        payout_claims_wipe(c.rows, c.count);
        return code;
    }
    *rows = c.rows;
    *count = c.count;
    return METE_OK;
}
