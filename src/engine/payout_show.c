/* SPDX-License-Identifier: Apache-2.0
 * One payout whole. Its lines are what cleared for the party between its last payout in the asset
 * and this one, added up by source; whatever else makes up the amount stands in a line of its own,
 * so that the lines always come to it. */
#include "engine/payout_parts.h"

#include "base/text.h"
#include "engine/destination.h"
#include "engine/lines.h"
#include "engine/query.h"
#include "engine/sealed.h"

#include <string.h>

#define ARENA_MAX ((size_t)1 << 30)
#define LINES_MAX 1024u /* sources of one payout; what is beyond is added to the last */

/* --- lines by source ---------------------------------------------------------------------------*/

struct summing {
    struct engine *e;
    const struct view *view;
    const struct transfer *t;
    uint64_t number;
    mete_time cutoff; /* of this payout's batch */
    uint64_t before;  /* number of the payout before; 0: none */
    mete_time before_cutoff;
    struct arena *keep;
    struct arena item;
    struct lines_origin origin;
    struct payout_line *line;
    size_t count;
    i128 sum;
    struct mete_err *err;
};

static void line_add(struct summing *s, struct text source, const char *what, i128 amount)
{
    size_t i = 0;
    s->sum += amount;
    while (i < s->count &&
           (!text_eq(s->line[i].source, source) || strcmp(s->line[i].what, what) != 0)) {
        i++;
    }
    if (i == s->count && s->count == LINES_MAX) {
        i--;
    } else if (i == s->count) {
        s->line[s->count++] = (struct payout_line){arena_text(s->keep, source), what, 0, 0};
    }
    s->line[i].amount += amount;
    s->line[i].count++;
}

/** The name that the sources give it in a payout, whichever of its names it came by. */
static struct text payout_source(struct text source)
{
    static const char *const names[][2] = {{"streaming", "music_streaming"},
                                           {"api_calls", "cli_usage"},
                                           {"ticket_sales", "event_revenue"}};
    struct text known = report_source(source);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_is(known, names[i][0])) {
            return text_of(names[i][1]);
        }
    }
    return known;
}

static struct text source_of(const struct walk_head *head)
{
    const struct json *payload = json_get(head->tree, "payload");
    return head->type == EVENT_METERING_CLOSED ? TEXT("cli_usage")
           : head->type == EVENT_CYCLE_CLOSED  ? TEXT("usage")
                                               : payout_source(payload_text(payload, "source"));
}

/** The source of a posting; of a reversal that of what it takes back. */
static struct text spot_source(struct summing *s, const struct walk_item *item,
                               const struct walk_head *head, const struct lines_spot *spot)
{
    const struct group *g = &item->decision.group[spot->group];
    if (g->kind == GROUP_REVERSAL && lines_origin_load(&s->origin, g->target_seq, g->target_page)) {
        return source_of(&s->origin.head);
    }
    return source_of(head);
}

static const char *spot_what(const struct group *g)
{
    return g->kind == GROUP_REVENUE || g->kind == GROUP_UPHELD ? "earned"
           : g->kind == GROUP_REVERSAL                         ? "reversed"
           : g->kind == GROUP_TRANSFER                         ? "payouts that came back"
                                                               : "moved";
}

/** What clears at once had cleared when it was booked, even behind the cut-off: so a balance counts
 *  it, too. */
static bool is_cleared(struct summing *s, const struct walk_item *item,
                       const struct lines_spot *spot, mete_time at)
{
    mete_time unused;
    mete_time later = at > item->recorded_at ? at : item->recorded_at;
    return strcmp(lines_state(s->view, item, spot, later, &unused), "cleared") == 0;
}

static void spot_add(struct summing *s, const struct walk_item *item, const struct walk_head *head,
                     const struct lines_spot *spot)
{
    const struct group *g = &item->decision.group[spot->group];
    bool counted_before =
        s->before != 0 && item->seq <= s->before && is_cleared(s, item, spot, s->before_cutoff);
    /* What queued this payout and those before it stands on the other side. */
    bool is_payout = g->kind == GROUP_TRANSFER && head->type == EVENT_PAYOUT_TRANSFER_QUEUED;
    if (!counted_before && !is_payout && is_cleared(s, item, spot, s->cutoff)) {
        line_add(s, spot_source(s, item, head, spot), spot_what(g), spot->amount);
    }
}

struct summing_entries {
    struct summing *s;
    uint64_t last; /* the decision that was counted */
    uint32_t last_page;
};

static enum mete_code entry_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct summing_entries *n = arg;
    struct summing *s = n->s;
    struct walk_item item;
    struct walk_head head;
    struct lines_spot spot;
    (void)go_on;
    arena_reset(&s->item);
    enum mete_code code =
        walk_one(s->e, &s->item, key_read_u64(k->key, 9), key_read_u32(k->key, 17), &item, s->err);
    if (code != METE_OK || (item.seq == n->last && item.page == n->last_page)) {
        return code; /* a further page of a decision that was counted whole */
    }
    n->last = item.seq;
    n->last_page = item.page;
    code = walk_head_of(&s->item, item.bytes, &head, s->err);
    struct lines_cursor c = lines_of(&item, s->t->party, s->t->asset);
    while (code == METE_OK && lines_next(&c, &spot)) {
        spot_add(s, &item, &head, &spot);
    }
    return code;
}

/** What was pending at the payout before may have been recorded the longest window before that. */
static uint64_t first_seq(const struct summing *s)
{
    struct book_config book;
    if (s->before == 0 || view_book(s->view, &book) == VIEW_MISSING) {
        return 0;
    }
    mete_time from = s->before_cutoff - (book.clear_after_days_max + 1) * TIME_DAY_US;
    return s->view->seq_at(s->view->ctx, from < 0 ? 0 : from);
}

static enum mete_code entries_add(struct summing *s)
{
    const struct key from = key_entry(s->t->party, s->t->asset, first_seq(s), 0);
    const struct key until = key_entry(s->t->party, s->t->asset, s->number, 0);
    struct summing_entries n = {.s = s};
    return walk_each_key(s->e, &from, &until, entry_visit, &n, s->err);
}

static mete_time cutoff_of(struct engine *e, struct arena *a, uint64_t number, uint64_t batch)
{
    struct batch b;
    struct envelope *unused = arena_alloc(a, sizeof *unused);
    struct mete_err err;
    mete_time queued_at = 0;
    (void)!engine_event(e, number, a, unused, &queued_at, &err);
    bool found = view_batch(engine_view(e), a, batch, &b) == VIEW_FOUND;
    return found && b.cutoff_at < queued_at ? b.cutoff_at : queued_at;
}

static enum mete_code before_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct summing *s = arg;
    struct reader r = reader_of(k->value);
    bool same = read_varint(&r) == s->t->asset;
    (void)go_on;
    s->before = same ? key_read_u64(k->key, 5) : s->before;
    return METE_OK;
}

/** The party's payout before this one in the asset. */
static enum mete_code before_find(struct summing *s, struct arena *a)
{
    const struct key from = key_party_transfer(s->t->party, 0);
    const struct key until = key_party_transfer(s->t->party, s->number);
    struct transfer before;
    enum mete_code code = walk_each_key(s->e, &from, &until, before_visit, s, s->err);
    if (code == METE_OK && s->before != 0) {
        if (view_transfer(s->view, s->before, &before) != VIEW_FOUND) {
            return mete_fail(s->err, METE_STORE_FAILED, "", "a payout cannot be read");
        }
        s->before_cutoff = cutoff_of(s->e, a, s->before, before.batch);
    }
    return code;
}

static enum mete_code lines_make(struct engine *e, struct arena *a, struct payout_whole *out,
                                 struct mete_err *err)
{
    struct summing s = {.e = e,
                        .view = engine_view(e),
                        .t = &out->due.transfer,
                        .number = out->due.number,
                        .keep = a,
                        .err = err};
    s.line = arena_array(a, LINES_MAX + 1, sizeof *s.line);
    s.cutoff = cutoff_of(e, a, s.number, s.t->batch);
    arena_init(&s.item, ARENA_MAX);
    lines_origin_init(&s.origin, e);
    enum mete_code code = before_find(&s, a);
    code = code == METE_OK ? entries_add(&s) : code;
    i128 rest = s.t->amount - s.sum;
    if (rest != 0) {
        line_add(&s, (struct text){0}, rest > 0 ? "carried on from before" : "stays for the next",
                 rest);
    }
    arena_clear(&s.item);
    lines_origin_clear(&s.origin);
    out->line = s.line;
    out->line_count = s.count;
    return code;
}

/* --- steps -------------------------------------------------------------------------------------*/

struct stepping {
    struct engine *e;
    struct arena *a;
    struct payout_moment *step;
    size_t count, cap;
    struct mete_err *err;
    enum mete_code code;
};

static bool step_take(void *arg, const struct walk_item *item)
{
    struct stepping *s = arg;
    struct walk_head head;
    s->code = walk_head_of(s->a, item->bytes, &head, s->err);
    if (s->code != METE_OK) {
        return false;
    }
    if (s->count == s->cap) {
        s->cap = s->cap == 0 ? 8 : s->cap * 2;
        struct payout_moment *more = arena_array(s->a, s->cap, sizeof *more);
        if (s->count > 0) {
            memcpy(more, s->step, s->count * sizeof *more);
        }
        s->step = more;
    }
    const struct json *payload = json_get(head.tree, "payload");
    const struct json *attempt = json_get(payload, "attempt");
    u128 number = 0;
    if (attempt != NULL && !u128_parse(attempt->raw, &number)) {
        number = 0;
    }
    s->step[s->count++] = (struct payout_moment){
        .seq = item->seq,
        .recorded_at = item->recorded_at,
        .event_type = event_type_name(head.type),
        .attempt = (uint32_t)number,
        .reason = arena_text(s->a, payload_text(payload, "reason")),
        .reference = arena_text(s->a, payload_text(payload, "reference")),
        .remediation = arena_text(s->a, payload_text(payload, "remediation"))};
    return true;
}

enum mete_code payout_steps(struct engine *e, struct text id, struct arena *a,
                            struct payout_moment **step, size_t *count, struct mete_err *err)
{
    struct stepping s = {.e = e, .a = a, .err = err};
    struct walk_range range = {.from = key_about_payout(id), .seq_at = KEY_ABOUT_SEQ_AT};
    range.until = key_prefix_end(range.from);
    const struct walk_places places = {&range, 1};
    enum mete_code code = walk_at(e, &places, step_take, &s, err);
    *step = s.step;
    *count = s.count;
    return code == METE_OK ? s.code : code;
}

struct text payout_remediation(const struct payout_whole *p)
{
    uint8_t state = p->due.transfer.state;
    for (size_t i = p->step_count; i > 0; i--) {
        if (p->step[i - 1].remediation.len > 0) {
            return p->step[i - 1].remediation;
        }
    }
    bool is_over = state == TRANSFER_FAILED_PERMANENT || state == TRANSFER_RETURNED;
    return !is_over                      ? (struct text){0}
           : p->hold == HOLD_DESTINATION ? TEXT("Set another destination: that ends the hold, and "
                                                "the next batch pays what was given back.")
           : p->hold == HOLD_SUPERVISOR  ? TEXT("A supervisor has to release the hold.")
                                         : TEXT("The next batch pays what was given back.");
}

/* --- the destination ---------------------------------------------------------------------------*/

struct opening {
    struct engine *e;
    struct arena *a;
    struct text masked;
};

static bool destination_open(void *arg, const struct sealed_value *v)
{
    struct opening *o = arg;
    struct buf plain = {0};
    if (destination_is_at(v->pointer) && engine_has_keys(o->e) && engine_unseal(o->e, v, &plain) &&
        plain.len > SALT_LEN) {
        struct bytes value = {plain.p + SALT_LEN, plain.len - SALT_LEN};
        struct destination_box box;
        o->masked = destination_box_read(value, &box) ? arena_text(o->a, box.masked)
                                                      : destination_mask(o->a, bytes_text(value));
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return true;
}

/** What cannot be opened here is not shown. */
static struct text masked_of(struct engine *e, struct arena *a, uint32_t party)
{
    struct destination d;
    struct mete_err unused;
    struct opening o = {.e = e, .a = a};
    if (view_destination(engine_view(e), party, &d) == VIEW_FOUND) {
        (void)!book_seals(engine_book(e), d.seq, (struct text){0}, destination_open, &o, &unused);
    }
    return o.masked;
}

/* --- whole -------------------------------------------------------------------------------------*/

enum mete_code payout_show(struct engine *e, struct text id, struct arena *a,
                           struct payout_whole *out, struct mete_err *err)
{
    struct envelope *unused = arena_alloc(a, sizeof *unused);
    *out = (struct payout_whole){.hold = HOLD_NONE};
    enum mete_code code = payout_find(e, id, a, &out->due, err);
    code =
        code == METE_OK ? engine_event(e, out->due.number, a, unused, &out->queued_at, err) : code;
    code = code == METE_OK ? lines_make(e, a, out, err) : code;
    code = code == METE_OK ? payout_steps(e, id, a, &out->step, &out->step_count, err) : code;
    if (code == METE_OK) {
        (void)view_hold(engine_view(e), out->due.transfer.party, &out->hold);
        out->masked = masked_of(e, a, out->due.transfer.party);
    }
    return engine_sound(e, code, err);
}
