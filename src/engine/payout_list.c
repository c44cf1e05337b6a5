/* SPDX-License-Identifier: Apache-2.0
 * Lists of payouts, through the index that names the fewest: a batch's, a party's, or all. */
#include "engine/payouts.h"

#include "base/text.h"
#include "engine/walk.h"

#define ARENA_MAX ((size_t)1 << 30)

/* Where a key of the index has the payout's number, and what a page goes on behind. */
enum index { INDEX_ALL, INDEX_BATCH, INDEX_PARTY };

struct listing {
    struct engine *e;
    enum index index;
    struct key from;
    struct key until;
    uint32_t party; /* 0: any */
    int state;      /* -1: any */
    size_t left;
    uint64_t last; /* of the keys that were looked at: where it goes on */
    bool full;
    payouts_visit *visit;
    void *arg;
    struct arena row;
    struct mete_err *err;
};

static enum mete_code state_find(struct text name, int *state, struct mete_err *err)
{
    *state = -1;
    for (int i = 1; name.len > 0 && i < TRANSFER_STATE_COUNT; i++) {
        if (text_is(name, machine_of(MACHINE_TRANSFER)->state[i])) {
            *state = i;
        }
    }
    return name.len == 0 || *state >= 0
               ? METE_OK
               : mete_fail(err, METE_REQUEST_INVALID, "/state",
                           "state is queued, sending, sent, unknown, paid, failed, "
                           "failed_permanent, returned or cancelled");
}

static enum mete_code batch_range(struct listing *l, const struct payouts_query *q)
{
    struct batch_row row;
    enum mete_code code = payout_batch_find(l->e, q->batch, &l->row, &row, l->err);
    if (code == METE_OK) {
        l->index = INDEX_BATCH;
        l->from = key_batch_party(row.number, (uint32_t)q->after + 1);
        l->until = key_batch_number(row.number);
        l->until.b[0] = KEY_BATCH_PARTY;
        l->until = key_prefix_end(l->until);
    }
    return code;
}

static enum mete_code range_find(struct listing *l, const struct payouts_query *q)
{
    enum mete_code code = state_find(q->state, &l->state, l->err);
    bool known =
        q->party.len == 0 || view_party(engine_view(l->e), q->party, &l->party) == VIEW_FOUND;
    l->from = key_transfer(q->after + 1);
    l->until = key_prefix_end(key_of(KEY_TRANSFER));
    if (code == METE_OK && q->batch.len > 0) {
        code = batch_range(l, q);
    } else if (l->party != 0) {
        l->index = INDEX_PARTY;
        l->from = key_party_transfer(l->party, q->after + 1);
        l->until = key_prefix_end(key_u32(KEY_PARTY_TRANSFER, l->party));
    }
    if (!known) {
        l->until = l->from; /* nobody has none */
    }
    return code;
}

static uint64_t number_of(const struct listing *l, struct bytes key, struct bytes value)
{
    struct reader r = reader_of(value);
    return l->index == INDEX_ALL     ? key_read_u64(key, 1)
           : l->index == INDEX_PARTY ? key_read_u64(key, 5)
                                     : read_varint(&r);
}

static enum mete_code key_look(struct listing *l, struct bytes key, struct bytes value)
{
    uint64_t number = number_of(l, key, value);
    struct transfer t;
    struct payout_due row;
    if (view_transfer(engine_view(l->e), number, &t) != VIEW_FOUND) {
        return mete_fail(l->err, METE_STORE_FAILED, "", "a payout cannot be read");
    }
    bool fits = (l->party == 0 || t.party == l->party) && (l->state < 0 || t.state == l->state);
    if (fits && l->left == 0) {
        l->full = true;
        return METE_OK;
    }
    l->last = l->index == INDEX_BATCH ? key_read_u32(key, 9) : number;
    if (!fits) {
        return METE_OK;
    }
    l->left--;
    arena_reset(&l->row);
    enum mete_code code = payout_read(l->e, &l->row, number, &row, l->err);
    l->full = code == METE_OK && !l->visit(l->arg, &row);
    return code;
}

static enum mete_code key_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct listing *l = arg;
    enum mete_code code = key_look(l, k->key, k->value);
    *go_on = !l->full;
    return code;
}

enum mete_code payouts_list(struct engine *e, const struct payouts_query *q, payouts_visit *visit,
                            void *arg, uint64_t *next, struct mete_err *err)
{
    struct listing l = {.e = e, .left = q->limit, .visit = visit, .arg = arg, .err = err};
    arena_init(&l.row, ARENA_MAX);
    enum mete_code code = range_find(&l, q);
    code = code == METE_OK ? walk_each_key(e, &l.from, &l.until, key_visit, &l, err) : code;
    *next = code == METE_OK && l.full ? l.last : 0;
    arena_clear(&l.row);
    return engine_sound(e, code, err);
}
