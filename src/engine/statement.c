/* SPDX-License-Identifier: Apache-2.0
 * One party's lines, read through the index of account entries: a page costs what it shows,
 * wherever it stands in the log. A cursor carries the running balance with it. */
#include "engine/query.h"

#include "base/encode.h"
#include "base/text.h"
#include "core/dispute.h"
#include "engine/lines.h"

#include <string.h>

#define ARENA_MAX      ((size_t)4 << 30)
#define CURSOR_FORMAT  1u
#define CURSOR_BYTES   96u
#define PARTY_MARK_LEN 4u
#define LAST_MAX       10000u /* lines of a page whose last one is looked for */

/* Where reading goes on: a line inside a decision, or the beginning of an account. */
struct place {
    uint32_t asset;
    bool fresh; /* the account's beginning: its opening balance is still to be found */
    uint64_t seq;
    uint32_t page;
    uint64_t ordinal; /* lines of the account in that decision that were shown */
    i128 balance;
};

struct reading {
    struct engine *e;
    const struct view *view;
    const struct statement_query *q;
    const struct statement_sink *sink;
    uint32_t party;
    uint64_t seq_from;
    uint64_t seq_until;
    uint64_t shown;
    bool full; /* the limit was reached: `place` is where the next page begins */
    struct place place;
    struct statement_account account;
    struct arena item;
    struct lines_origin origin;
    struct mete_err *err;
};

/* --- cursors
 * ------------------------------------------------------------------------------------*/

static void cursor_write(const struct reading *r, const struct place *p,
                         char out[STATEMENT_CURSOR_MAX])
{
    struct hash party = sha256(text_bytes(r->q->party));
    struct buf b = {0};
    buf_put_u8(&b, CURSOR_FORMAT);
    buf_put(&b, party.b, PARTY_MARK_LEN);
    buf_put_u8(&b, p->fresh);
    buf_put_varint(&b, p->asset);
    buf_put_varint(&b, p->seq);
    buf_put_varint(&b, p->page);
    buf_put_varint(&b, p->ordinal);
    buf_put_zigzag(&b, p->balance);
    METE_ASSERT(BASE64_TEXT_MAX(b.len) <= STATEMENT_CURSOR_MAX);
    base64url_encode(out, buf_bytes(&b));
    buf_clear(&b);
}

static enum mete_code cursor_read(struct reading *r)
{
    uint8_t bytes[CURSOR_BYTES];
    size_t len = 0;
    struct hash party = sha256(text_bytes(r->q->party));
    struct place *p = &r->place;
    if (!base64url_decode(bytes, sizeof bytes, &len, r->q->after)) {
        return mete_fail(r->err, METE_MEMBER_VALUE, "/after", "that is no cursor of a statement");
    }
    struct reader in = reader_of((struct bytes){bytes, len});
    bool known = read_u8(&in) == CURSOR_FORMAT;
    struct bytes mark = read_bytes(&in, PARTY_MARK_LEN);
    known = known && !in.failed && memcmp(mark.p, party.b, PARTY_MARK_LEN) == 0;
    p->fresh = read_u8(&in) != 0;
    p->asset = (uint32_t)read_varint(&in);
    p->seq = read_varint(&in);
    p->page = (uint32_t)read_varint(&in);
    p->ordinal = read_varint(&in);
    p->balance = read_zigzag(&in);
    known = known && amount_in_range(p->balance); /* else a line could take it out of an i128 */
    return known && reader_done(&in) ? METE_OK
                                     : mete_fail(r->err, METE_MEMBER_VALUE, "/after",
                                                 "the cursor is not one of this party's statement");
}

/* --- the lines of one decision
 * ------------------------------------------------------------------*/

static void line_show(struct reading *r, const struct walk_item *item, const struct lines_spot *s,
                      const struct walk_head *head)
{
    struct statement_line line = {.seq = item->seq,
                                  .recorded_at = item->recorded_at,
                                  .occurred_at = head->occurred_at,
                                  .event_id = head->event_id,
                                  .event_type = event_type_name(head->type),
                                  .is_move = item->decision.group[s->group].kind == GROUP_TRANSFER,
                                  .what = lines_what(item, s),
                                  .id = lines_id(&r->origin, &r->item, item, head, s),
                                  .amount = s->amount,
                                  .balance = r->account.closing};
    line.state = lines_state(r->view, item, s, r->q->at, &line.clears_at);
    r->sink->line(r->sink->ctx, &line);
}

static bool is_enough(const struct reading *r)
{
    return (r->q->limit != 0 && r->shown == r->q->limit) || (r->q->stop != NULL && *r->q->stop);
}

/** Shows the lines of a decision from the `skip`-th on, until the limit. */
static enum mete_code item_show(struct reading *r, const struct walk_item *item, uint64_t skip)
{
    struct lines_cursor c = lines_of(item, r->party, r->account.asset.number);
    struct lines_spot spot;
    struct walk_head head;
    enum mete_code code = walk_head_of(&r->item, item->bytes, &head, r->err);
    for (uint64_t i = 0; code == METE_OK && lines_next(&c, &spot); i++) {
        if (i < skip) {
            continue;
        }
        if (is_enough(r)) {
            r->full = true;
            r->place = (struct place){r->account.asset.number, false, item->seq, item->page, i,
                                      r->account.closing};
            return METE_OK;
        }
        r->account.closing += spot.amount;
        r->account.lines++;
        r->shown++;
        line_show(r, item, &spot, &head);
    }
    return code;
}

/* --- one account
 * --------------------------------------------------------------------------------*/

/* What to do with each decision that touches the account. */
typedef enum mete_code item_use(struct reading *r, const struct walk_item *item, void *arg);

struct sweep {
    uint64_t seq, page; /* where to begin */
    uint64_t until;     /* seq */
    item_use *use;
    void *arg;
};

struct sweeping {
    struct reading *r;
    const struct sweep *s;
    struct place last;
};

static enum mete_code key_use(void *arg, const struct walk_key *k, bool *go_on)
{
    struct sweeping *w = arg;
    struct reading *r = w->r;
    struct walk_item item;
    arena_reset(&r->item);
    enum mete_code code =
        walk_one(r->e, &r->item, key_read_u64(k->key, 9), key_read_u32(k->key, 17), &item, r->err);
    if (code != METE_OK || (item.seq == w->last.seq && item.page == w->last.page)) {
        return code; /* a further page of a decision that was used whole */
    }
    w->last.seq = item.seq;
    w->last.page = item.page;
    code = w->s->use(r, &item, w->s->arg);
    *go_on = !r->full;
    return code;
}

static enum mete_code account_sweep(struct reading *r, const struct sweep *s)
{
    const struct key from = key_entry(r->party, r->account.asset.number, s->seq, (uint32_t)s->page);
    const struct key until = key_entry(r->party, r->account.asset.number, s->until, 0);
    struct sweeping w = {.r = r, .s = s, .last = {.seq = 0}};
    return r->full ? METE_OK : walk_each_key(r->e, &from, &until, key_use, &w, r->err);
}

static enum mete_code item_add(struct reading *r, const struct walk_item *item, void *arg)
{
    i128 *sum = arg;
    struct lines_spot spot;
    struct lines_cursor c = lines_of(item, r->party, r->account.asset.number);
    while (lines_next(&c, &spot)) {
        *sum += spot.amount;
    }
    return METE_OK;
}

/** The account's balance before `seq_from`: summed from the nearer end of the log. */
static enum mete_code opening_find(struct reading *r, uint64_t seq_from, i128 *opening)
{
    uint64_t size = book_size(engine_book(r->e));
    struct key key = key_account(r->party, r->account.asset.number);
    i128 total[STATE_SUMS] = {0};
    i128 sum = 0;
    *opening = 0;
    if (seq_from <= 1) {
        return METE_OK;
    }
    bool forward = seq_from <= size / 2;
    struct sweep s = {.seq = forward ? 0 : seq_from,
                      .until = forward ? seq_from : size + 1,
                      .use = item_add,
                      .arg = &sum};
    enum mete_code code = account_sweep(r, &s);
    if (code != METE_OK || forward) {
        *opening = sum;
        return code;
    }
    (void)r->view->sums(r->view->ctx, key_bytes(&key), total);
    *opening = total[1] - total[0] + total[3] - total[2] - sum;
    return METE_OK;
}

static enum mete_code item_use_show(struct reading *r, const struct walk_item *item, void *arg)
{
    const struct place *start = arg;
    bool resumed = item->seq == start->seq && item->page == start->page;
    return item_show(r, item, resumed ? start->ordinal : 0);
}

/** Where the account is shown from, and its balance there. */
static enum mete_code beginning_find(struct reading *r, struct place *start)
{
    enum mete_code code = METE_OK;
    uint64_t seq = 0;
    uint32_t unused;
    if (r->q->newest != 0) {
        code =
            walk_tail(r->e, r->party, r->account.asset.number, r->q->newest, &seq, &unused, r->err);
        start->seq = seq > start->seq ? seq : start->seq;
    }
    return code == METE_OK ? opening_find(r, start->seq, &start->balance) : code;
}

static enum mete_code account_read(struct reading *r, uint32_t asset)
{
    struct place start = r->place;
    bool resumed = r->q->after.len > 0 && start.asset == asset && !start.fresh;
    r->account = (struct statement_account){0};
    if (view_asset_number(r->view, asset, &r->account.asset) != VIEW_FOUND) {
        return mete_fail(r->err, METE_STORE_CORRUPT, "", "asset %u has no name", asset);
    }
    if (is_enough(r)) {
        r->full = true;
        r->place = (struct place){.asset = asset, .fresh = true};
        return METE_OK;
    }
    if (!resumed) {
        start = (struct place){.seq = r->seq_from};
        enum mete_code code = beginning_find(r, &start);
        if (code != METE_OK) {
            return code;
        }
    }
    r->account.opening = r->account.closing = start.balance;
    r->sink->open(r->sink->ctx, &r->account);
    struct sweep s = {.seq = start.seq,
                      .page = resumed ? start.page : 0,
                      .until = r->seq_until,
                      .use = item_use_show,
                      .arg = &start};
    if (!resumed) {
        start.ordinal = 0;
    }
    enum mete_code code = account_sweep(r, &s);
    if (code == METE_OK) {
        r->sink->close(r->sink->ctx, &r->account);
    }
    return code;
}

/* --- the party
 * ----------------------------------------------------------------------------------*/

static enum mete_code party_find(struct reading *r)
{
    if (!lines_party(r->view, r->q->party, &r->party)) {
        return mete_fail(r->err, METE_NOT_FOUND, "", "no party %.*s in this book",
                         (int)r->q->party.len, r->q->party.p);
    }
    return r->party != PARTY_CLEARING
               ? METE_OK
               : mete_fail(r->err, METE_MEMBER_VALUE, "",
                           "mete:clearing is the world outside and has no statement; "
                           "mete export csv lists its postings");
}

static enum mete_code accounts_read(struct reading *r, uint32_t only, uint32_t *last)
{
    struct key from = key_u32(KEY_ACCOUNT, r->party);
    struct key until = key_prefix_end(from);
    struct walk_keys keys;
    struct arena a;
    arena_init(&a, ARENA_MAX);
    enum mete_code code =
        walk_keys(r->e, &a, key_bytes(&from), key_bytes(&until), ASSETS_ALL, &keys, r->err);
    for (size_t i = 0; i < keys.count && code == METE_OK; i++) {
        uint32_t asset = key_read_u32(keys.key[i], 5);
        *last = only == 0 || asset == only ? asset : *last;
        if (!r->full && (only == 0 || asset == only) &&
            (r->q->after.len == 0 || asset >= r->place.asset)) {
            code = account_read(r, asset);
        }
    }
    arena_clear(&a);
    return code;
}

/** The cursor of the last page: the last bookings of the last account. */
static enum mete_code last_find(struct reading *r, uint32_t asset, char out[STATEMENT_CURSOR_MAX])
{
    struct place last = {.asset = asset};
    uint64_t seq;
    uint32_t unused;
    bool wanted = !r->q->no_last && r->q->limit != 0 && r->q->limit <= LAST_MAX && r->full;
    if (!wanted || view_asset_number(r->view, asset, &r->account.asset) != VIEW_FOUND) {
        return METE_OK;
    }
    enum mete_code code =
        walk_tail(r->e, r->party, asset, (size_t)r->q->limit, &seq, &unused, r->err);
    last.seq = seq;
    last.fresh = seq == 0;
    r->full = false; /* sweeping again, to add up */
    code = code == METE_OK ? opening_find(r, seq, &last.balance) : code;
    r->full = true;
    if (code == METE_OK) {
        cursor_write(r, &last, out);
    }
    return code;
}

enum mete_code statement_read(struct engine *e, const struct statement_query *q,
                              const struct statement_sink *sink, struct statement_pages *pages,
                              struct mete_err *err)
{
    struct reading r = {.e = e, .view = engine_view(e), .q = q, .sink = sink, .err = err};
    struct book *book = engine_book(e);
    struct asset asset = {0};
    uint32_t last = 0;
    *pages = (struct statement_pages){0};
    enum mete_code code = party_find(&r);
    if (code == METE_OK && q->after.len > 0) {
        code = cursor_read(&r);
    }
    if (code == METE_OK && q->asset.len > 0 && view_asset(r.view, q->asset, &asset) != VIEW_FOUND) {
        code = mete_fail(err, METE_CURRENCY_UNKNOWN, "", "this book does not know the asset %.*s",
                         (int)q->asset.len, q->asset.p);
    }
    if (code != METE_OK) {
        return engine_sound(e, code, err);
    }
    r.seq_from = q->from <= TIME_MIN ? 0 : book_seq_at(book, q->from);
    r.seq_until = q->until > TIME_MAX ? book_size(book) + 1 : book_seq_at(book, q->until);
    r.seq_until = q->size > 0 && q->size < r.seq_until ? q->size + 1 : r.seq_until;
    arena_init(&r.item, ARENA_MAX);
    lines_origin_init(&r.origin, e);
    code = accounts_read(&r, asset.number, &last);
    if (code == METE_OK && r.full) {
        cursor_write(&r, &r.place, pages->next);
        code = last_find(&r, last, pages->last);
    }
    arena_clear(&r.item);
    lines_origin_clear(&r.origin);
    return engine_sound(e, code, err);
}
