/* SPDX-License-Identifier: Apache-2.0
 * Plans are made by looking at every account once, in pages; queueing asks core about each of them
 * again. A page costs by the accounts in it, wherever it begins. */
#include "engine/payout_parts.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "engine/payout_beside.h"
#include "engine/walk.h"

#include <string.h>

#define BATCH_KEYS 2048u
#define ARENA_MAX  ((size_t)4 << 30)

void transfer_id_make(char out[TRANSFER_ID_LEN + 1], struct text book, struct text batch_id,
                      struct text party)
{
    struct buf all = {0};
    buf_put_sized(&all, book);
    buf_put_sized(&all, batch_id);
    buf_put_sized(&all, party);
    const struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    memcpy(out, "po_", 3);
    hex_encode(out + 3, (struct bytes){h.b, 16});
}

mete_time payout_cutoff(mete_time t)
{
    return time_of_day(time_day(t)) - 1;
}

/* --- the plan ----------------------------------------------------------------------------------*/

struct plan {
    struct engine *e;
    const struct view *view;
    const struct payout_query *q;
    struct asset asset;
    i128 minimum;
    payout_visit *visit;
    void *arg;
    struct mete_err *err;
    mete_time now; /* the later of now and the plan's moment: destinations and their waits */
    size_t left;   /* accounts that may be looked at */
    struct payout_place last; /* the account that was */
    bool over;                /* no account is behind it */
    bool pays;                /* rows that are not paid are counted, not shown */
    uint64_t skipped;
    struct page_beside beside;
    struct arena keys;    /* of one batch */
    struct arena scratch; /* of one account */
};

static enum mete_code unread(const struct plan *p)
{
    return mete_fail(p->err, METE_STORE_FAILED, "", "an account cannot be read");
}

/** METE_OK, or why nothing leaves for the party now; METE_STORE_FAILED. */
static enum mete_code destination_code(struct plan *p, uint32_t party)
{
    struct bytes value;
    struct destination d;
    enum view_result found = beside_value(p->view, &p->beside.hold, party, &value);
    if (found != VIEW_ABSENT) {
        return found == VIEW_FOUND ? METE_PARTY_HELD : unread(p);
    }
    found = beside_value(p->view, &p->beside.destination, party, &value);
    if (found != VIEW_FOUND) {
        return found == VIEW_ABSENT ? METE_DESTINATION_MISSING : unread(p);
    }
    METE_ASSERT(destination_unpack(value, &d));
    return !text_eq(d.rail, p->q->rail) ? METE_DESTINATION_MISSING
           : p->now < d.holds_from      ? METE_DESTINATION_COOLING
                                        : METE_OK;
}

/** Why this amount is not paid, whoever gets it. */
static enum mete_code amount_code(const struct plan *p, const struct payout_row *row, i128 cleared)
{
    if (cleared == 0) {
        return METE_INSUFFICIENT_FUNDS; /* in debt, or all of it is disputed */
    }
    if (cleared <= p->minimum) {
        return METE_BELOW_MINIMUM;
    }
    return p->q->bounds != NULL ? bounds_judge(p->q->bounds, row->amount) : METE_OK;
}

static enum mete_code name_find(struct plan *p, uint32_t party, struct text *name)
{
    struct bytes value;
    if (beside_value(p->view, &p->beside.name, party, &value) != VIEW_FOUND) {
        return unread(p);
    }
    struct reader r = reader_of(value);
    *name = arena_text(&p->scratch, read_sized(&r));
    return METE_OK;
}

/** *shown: it goes to the visitor. */
static enum mete_code row_make(struct plan *p, const struct account_at *account,
                               struct payout_row *row, bool *shown)
{
    struct balance b;
    *shown = false;
    if (p->pays && account->net <= p->minimum) {
        p->skipped++;
        return METE_OK;
    }
    arena_reset(&p->scratch);
    if (beside_balance(p->view, &p->scratch, &p->beside, account, &b) == VIEW_MISSING) {
        return unread(p);
    }
    if (b.cleared == 0 && b.disputed == 0 && b.debt == 0) {
        return METE_OK;
    }
    *row = (struct payout_row){.amount = b.cleared, .disputed = b.disputed, .debt = b.debt};
    if (p->q->most > 0 && row->amount > p->q->most) {
        row->amount = p->q->most;
    }
    row->code = amount_code(p, row, b.cleared);
    row->code = row->code == METE_OK ? destination_code(p, account->party) : row->code;
    if (row->code == METE_STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    *shown = !p->pays || row->code == METE_OK;
    p->skipped += !*shown;
    return *shown ? name_find(p, account->party, &row->party) : METE_OK;
}

static enum mete_code account_look(struct plan *p, struct bytes key, const i128 *sums, bool *go_on)
{
    const struct account_at account =
        account_at_make(key_read_u32(key, 1), key_read_u32(key, 5), p->q->at, sums);
    struct payout_row row;
    bool shown;
    if (account.asset != p->asset.number || account.net == 0) {
        return METE_OK;
    }
    enum mete_code code = row_make(p, &account, &row, &shown);
    if (code == METE_OK && shown) {
        *go_on = p->visit(p->arg, &row);
    }
    return code;
}

/** The accounts that are asked for: all, those behind a place, or one party's. */
static enum mete_code range_of(const struct plan *p, struct key *from, struct key *until)
{
    struct text named = p->q->party.len > 0 ? p->q->party : p->q->after;
    uint32_t number = 0;
    *from = key_u32(KEY_ACCOUNT, PARTY_FIRST);
    *until = key_prefix_end(key_of(KEY_ACCOUNT));
    if (named.len == 0) {
        const struct payout_place at = p->q->behind;
        *from = at.party == 0 ? *from : key_prefix_end(key_account(at.party, at.asset));
        return METE_OK;
    }
    enum view_result found = view_party(p->view, named, &number);
    if (found != VIEW_FOUND) {
        return found == VIEW_MISSING
                   ? unread(p)
                   : mete_fail(p->err, METE_NOT_FOUND, "", "the log does not name this party");
    }
    *from = key_u32(KEY_ACCOUNT, number);
    if (p->q->party.len > 0) {
        *until = key_prefix_end(*from);
    } else {
        *from = key_prefix_end(*from);
    }
    return METE_OK;
}

static enum mete_code accounts_walk(struct plan *p)
{
    struct key from;
    struct key until;
    bool go_on = true;
    enum mete_code code = range_of(p, &from, &until);
    while (code == METE_OK && go_on && p->left > 0) {
        struct walk_keys keys;
        size_t max = p->left < BATCH_KEYS ? p->left : BATCH_KEYS;
        arena_reset(&p->keys);
        code = walk_keys(p->e, &p->keys, key_bytes(&from), key_bytes(&until), max, &keys, p->err);
        if (code == METE_OK && keys.count > 0) {
            code = beside_read(p->e, &p->keys, key_read_u32(keys.key[0], 1),
                               key_read_u32(keys.key[keys.count - 1], 1), &p->beside, p->err);
        }
        for (size_t i = 0; i < keys.count && code == METE_OK && go_on; i++) {
            p->left--;
            p->last =
                (struct payout_place){key_read_u32(keys.key[i], 1), key_read_u32(keys.key[i], 5)};
            code = account_look(p, keys.key[i], keys.sums[i], &go_on);
            from = walk_key_after(keys.key[i]);
        }
        p->over = code == METE_OK && go_on && !keys.more;
        go_on = go_on && keys.more;
    }
    return code;
}

static enum mete_code plan_run(struct plan *p)
{
    struct book_config book;
    if (view_asset(p->view, p->q->asset, &p->asset) != VIEW_FOUND) {
        return mete_fail(p->err, METE_CURRENCY_UNKNOWN, "",
                         "this book does not know the asset %.*s", (int)p->q->asset.len,
                         p->q->asset.p);
    }
    if (view_book(p->view, &book) == VIEW_MISSING) {
        return mete_fail(p->err, METE_STORE_FAILED, "", "the book's settings cannot be read");
    }
    p->minimum = payout_minimum(&book, &p->asset);
    p->now = engine_now(p->e) > p->q->at ? engine_now(p->e) : p->q->at;
    arena_init(&p->keys, ARENA_MAX);
    arena_init(&p->scratch, ARENA_MAX);
    enum mete_code code = accounts_walk(p);
    arena_clear(&p->keys);
    arena_clear(&p->scratch);
    return code;
}

enum mete_code payout_plan(struct engine *e, const struct payout_query *q, payout_visit *visit,
                           void *arg, struct mete_err *err)
{
    struct plan p = {.e = e,
                     .view = engine_view(e),
                     .q = q,
                     .visit = visit,
                     .arg = arg,
                     .err = err,
                     .left = SIZE_MAX};
    return engine_sound(e, plan_run(&p), err);
}

/* --- in words ----------------------------------------------------------------------------------*/

static const char *reason_words(enum mete_code code)
{
    static const struct {
        enum mete_code code;
        const char *words;
    } reasons[] = {
        {METE_BELOW_MINIMUM, "is carried on: it does not reach the minimum yet"},
        {METE_FEE_ABOVE_CAP, "is carried on: the rail's fee would be too large a part of it"},
        {METE_PARTY_HELD,
         "waits: payouts to this party are held; mend what the hold says, then release it"},
        {METE_DESTINATION_MISSING, "waits: the party has no destination on this rail"},
        {METE_DESTINATION_COOLING, "waits: the destination was changed a short time ago"}};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].code == code) {
            return reasons[i].words;
        }
    }
    return "is not paid";
}

struct text payout_row_words(struct arena *a, const struct payout_row *row,
                             const struct asset *asset)
{
    char amount[AMOUNT_TEXT_MAX];
    char other[AMOUNT_TEXT_MAX];
    amount_format(row->amount, asset->scale, amount);
    amount_format(row->debt > 0 ? row->debt : row->disputed, asset->scale, other);
    if (row->code == METE_OK) {
        return arena_printf(a, "%s %s is paid", amount, asset->code);
    }
    if (row->amount == 0 && row->debt > 0) {
        return arena_printf(a,
                            "nothing is paid: the party owes %s %s, which was reversed after it "
                            "had moved on; what it earns pays that back first",
                            other, asset->code);
    }
    if (row->amount == 0) {
        return arena_printf(a, "nothing is paid: %s %s is disputed", other, asset->code);
    }
    return arena_printf(a, "%s %s %s", amount, asset->code, reason_words(row->code));
}

void payout_tally_add(struct payout_tally *t, const struct payout_row *row)
{
    bool paid = row->code == METE_OK;
    t->paid += paid;
    t->left_out += !paid;
    t->amount += paid ? row->amount : 0;
    t->carried += paid ? 0 : row->amount;
}

/* --- queueing ----------------------------------------------------------------------------------*/

struct queueing {
    struct engine *e;
    struct text batch_id;
    struct text actor;
    const struct asset *asset;
    struct payout_batch_progress *done;
    struct arena a; /* of the rows */
    struct row_kept {
        struct text party;
        i128 amount;
    } * row;
    size_t count, cap;
    struct mete_err *err;
};

/** A page of the plan is kept before the first event of it changes what the plan walks over. */
static bool row_keep(void *arg, const struct payout_row *row)
{
    struct queueing *k = arg;
    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? 64 : k->cap * 2;
        struct row_kept *more = arena_array(&k->a, cap, sizeof *more);
        if (k->count > 0) {
            memcpy(more, k->row, k->count * sizeof *more);
        }
        k->row = more;
        k->cap = cap;
    }
    k->row[k->count++] = (struct row_kept){arena_text(&k->a, row->party), row->amount};
    return true;
}

void payout_new_submit(struct engine *e, const struct payout_new *n, struct submit_result *r)
{
    char id[TRANSFER_ID_LEN + 1];
    struct own_event event;
    transfer_id_make(id, text_of(engine_book_name(e)), n->batch_id, n->party);
    *r = (struct submit_result){.status = SUBMIT_DUPLICATE, .seq = engine_seq_of(e, text_of(id))};
    if (r->seq != 0) {
        return; /* the party may have more by now: that is for another batch */
    }
    const struct own_head head = {
        .id = text_of(id), .type = EVENT_PAYOUT_TRANSFER_QUEUED, .actor = n->actor};
    own_event_begin(&event, e, &head);
    jw_text(&event.w, "batch_id", n->batch_id);
    jw_text(&event.w, "party", n->party);
    jw_money(&event.w, "amount", n->amount, n->asset);
    own_event_end(&event, r);
}

/** What the plan would pay, core is asked to queue; it looks at the party once more. */
static enum mete_code row_submit(struct queueing *k, const struct row_kept *row)
{
    struct submit_result r;
    const struct payout_new n = {.batch_id = k->batch_id,
                                 .party = row->party,
                                 .amount = row->amount,
                                 .asset = k->asset,
                                 .actor = k->actor};
    payout_new_submit(k->e, &n, &r);
    if (r.status == SUBMIT_FAILED) {
        *k->err = r.err;
        return r.err.code;
    }
    k->done->queued += r.status == SUBMIT_APPLIED;
    k->done->known += r.status == SUBMIT_DUPLICATE;
    k->done->left_out += r.status != SUBMIT_APPLIED && r.status != SUBMIT_DUPLICATE;
    return METE_OK;
}

enum mete_code payout_queue(struct engine *e, struct text batch_id, const struct payout_query *q,
                            size_t max, struct payout_batch_progress *done, struct mete_err *err)
{
    struct queueing k = {.e = e, .actor = q->actor, .batch_id = batch_id, .done = done, .err = err};
    struct plan p = {.e = e,
                     .view = engine_view(e),
                     .q = q,
                     .visit = row_keep,
                     .arg = &k,
                     .err = err,
                     .left = max,
                     .pays = true};
    *done = (struct payout_batch_progress){0};
    k.asset = &p.asset;
    arena_init(&k.a, ARENA_MAX);
    enum mete_code code = plan_run(&p);
    done->is_done = code == METE_OK && p.over;
    done->behind = p.last;
    done->left_out = p.skipped;
    for (size_t i = 0; i < k.count && code == METE_OK; i++) {
        code = row_submit(&k, &k.row[i]);
    }
    arena_clear(&k.a);
    return engine_sound(e, code, err);
}
