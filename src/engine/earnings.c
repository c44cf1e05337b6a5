/* SPDX-License-Identifier: Apache-2.0
 * Earnings are put together of what others know: accounts, the statement, the plan of payouts, and
 * the list of a party's payouts. Nothing is decided here. */
#include "engine/earnings.h"

#include "base/text.h"
#include "engine/payouts.h"
#include "engine/walk.h"

#include <string.h>

#define PAYOUTS_MAX 100000u /* of one party; older ones are not looked at */

struct gathering {
    struct engine *e;
    const struct earnings_query *q;
    struct arena *a;
    struct earnings *x;
    uint32_t number; /* of the party */
    size_t cap;      /* of x->account, x->line */
    struct mete_err *err;
};

/* --- accounts ----------------------------------------------------------------------------------*/

static bool account_add(void *arg, const struct party_row *row)
{
    struct gathering *g = arg;
    struct earnings *x = g->x;
    if (x->account_count == g->cap) {
        size_t cap = g->cap == 0 ? 4 : 2 * g->cap;
        struct earnings_account *more = arena_array(g->a, cap, sizeof *more);
        if (x->account_count > 0) {
            memcpy(more, x->account, x->account_count * sizeof *more);
        }
        x->account = more;
        g->cap = cap;
    }
    x->account[x->account_count++] = (struct earnings_account){row->asset, row->balance};
    return true;
}

static void main_choose(struct earnings *x, struct text wanted)
{
    x->main = x->account_count > 0 && wanted.len == 0 ? &x->account[0] : NULL;
    for (size_t i = 0; i < x->account_count; i++) {
        struct text code = text_of(x->account[i].asset.code);
        if (wanted.len > 0 ? text_eq(code, wanted) : text_is(code, "SAT")) {
            x->main = &x->account[i];
        }
    }
}

static enum mete_code accounts_read(struct gathering *g)
{
    const struct parties_query q = {.at = g->q->at, .party = g->q->party};
    enum mete_code code = parties_list(g->e, &q, account_add, g, NULL, NULL, NULL, g->err);
    main_choose(g->x, g->q->asset);
    return code;
}

/* --- the year so far, and the history ----------------------------------------------------------*/

static bool is_of(const char *type, const char *noun)
{
    return strncmp(type, noun, strlen(noun)) == 0;
}

static void year_line(void *ctx, const struct statement_line *line)
{
    struct earnings *x = ctx;
    if (is_of(line->event_type, "payout.") || is_of(line->event_type, "settlement.")) {
        x->sent -= line->amount;
    } else if (!line->is_move) {
        x->earned += line->amount;
    }
}

static void account_ignore(void *ctx, const struct statement_account *account)
{
    (void)ctx;
    (void)account;
}

static void history_line(void *ctx, const struct statement_line *line)
{
    struct gathering *g = ctx;
    struct earnings *x = g->x;
    if (x->line_count == g->cap) { /* the newest ones come last */
        memmove(x->line, x->line + 1, --x->line_count * sizeof *x->line);
    }
    struct statement_line *kept = &x->line[x->line_count++];
    *kept = *line;
    kept->event_id = arena_text(g->a, line->event_id);
    kept->id = arena_text(g->a, line->id);
}

static void lines_turn(struct earnings *x)
{
    for (size_t i = 0; i < x->line_count / 2; i++) {
        struct statement_line first = x->line[i];
        x->line[i] = x->line[x->line_count - 1 - i];
        x->line[x->line_count - 1 - i] = first;
    }
}

static enum mete_code year_read(struct gathering *g)
{
    char text[TIME_TEXT_MAX];
    mete_time from, until;
    struct statement_pages pages;
    time_format(g->q->at, text);
    METE_ASSERT(time_parse_period((struct text){text, 4}, &from, &until));
    g->x->year =
        (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    const struct statement_query q = {.party = g->q->party,
                                      .asset = text_of(g->x->main->asset.code),
                                      .from = from,
                                      .until = until,
                                      .at = g->q->at,
                                      .no_last = true};
    const struct statement_sink sink = {g->x, account_ignore, year_line, account_ignore};
    return statement_read(g->e, &q, &sink, &pages, g->err);
}

static enum mete_code history_read(struct gathering *g)
{
    struct statement_pages pages;
    const struct statement_query q = {.party = g->q->party,
                                      .asset = text_of(g->x->main->asset.code),
                                      .from = TIME_ALWAYS,
                                      .until = TIME_NEVER,
                                      .at = g->q->at,
                                      .newest = g->q->lines,
                                      .no_last = true};
    const struct statement_sink sink = {g, account_ignore, history_line, account_ignore};
    g->cap = g->q->lines; /* a booking may have several lines of the account */
    g->x->line = arena_array(g->a, g->cap, sizeof *g->x->line);
    enum mete_code code = statement_read(g->e, &q, &sink, &pages, g->err);
    lines_turn(g->x);
    return code;
}

/* --- payouts -----------------------------------------------------------------------------------*/

static bool has_failed(uint8_t state)
{
    return state == TRANSFER_FAILED_PERMANENT || state == TRANSFER_RETURNED;
}

/** The last step of those that ended it. */
static enum mete_code end_find(struct gathering *g, struct earnings_payout *p)
{
    struct payout_moment *step;
    size_t count;
    enum mete_code code = payout_steps(g->e, p->transfer_id, g->a, &step, &count, g->err);
    for (size_t i = 0; code == METE_OK && i < count; i++) {
        if (strcmp(step[i].event_type, "payout.transfer_failed_permanent") == 0 ||
            strcmp(step[i].event_type, "payout.transfer_returned") == 0) {
            p->ended_at = step[i].recorded_at;
            p->reason = step[i].reason;
            p->remediation = step[i].remediation;
        }
    }
    return code;
}

static enum mete_code transfer_read(struct gathering *g, uint64_t number, struct earnings_payout *p)
{
    const struct view *v = engine_view(g->e);
    struct transfer t;
    struct batch batch;
    struct envelope event;
    *p = (struct earnings_payout){.ended_at = TIME_NEVER};
    if (view_transfer(v, number, &t) != VIEW_FOUND ||
        view_batch(v, g->a, t.batch, &batch) != VIEW_FOUND ||
        view_asset_number(v, t.asset, &p->asset) != VIEW_FOUND) {
        return mete_fail(g->err, METE_STORE_FAILED, NULL, "a payout cannot be read");
    }
    enum mete_code code = engine_event(g->e, number, g->a, &event, &p->queued_at, g->err);
    if (code != METE_OK) {
        return code;
    }
    p->transfer_id = arena_text(g->a, event.event.id);
    p->batch_id = arena_text(g->a, event.event.payout.batch_id);
    p->rail = arena_text(g->a, batch.rail);
    p->state = t.state;
    p->attempts = t.attempts;
    p->amount = t.amount;
    p->paid = t.paid;
    p->returned = t.returned;
    return has_failed(t.state) ? end_find(g, p) : METE_OK;
}

static enum mete_code payouts_read(struct gathering *g)
{
    struct arena a;
    struct walk_keys keys;
    struct earnings *x = g->x;
    struct key from = key_u32(KEY_PARTY_TRANSFER, g->number);
    struct key until = key_prefix_end(from);
    arena_init(&a, (size_t)256 << 20);
    enum mete_code code =
        walk_keys(g->e, &a, key_bytes(&from), key_bytes(&until), PAYOUTS_MAX, &keys, g->err);
    x->payout = arena_array(g->a, EARNINGS_PAYOUTS, sizeof *x->payout);
    for (size_t i = keys.count; code == METE_OK && i-- > 0 && x->payout_count < EARNINGS_PAYOUTS;) {
        code = transfer_read(g, key_read_u64(keys.key[i], 5), &x->payout[x->payout_count++]);
    }
    for (size_t i = 0; x->hold == HOLD_DESTINATION && i < x->payout_count; i++) {
        if (x->failed == NULL && has_failed(x->payout[i].state)) {
            x->failed = &x->payout[i];
        }
    }
    arena_clear(&a);
    return code;
}

/* --- what comes next ---------------------------------------------------------------------------*/

static bool next_look(void *arg, const struct payout_row *row)
{
    struct earnings *x = arg;
    x->next = row->amount;
    x->next_code = row->code;
    return false;
}

/** When a schedule is run for the first time after `at`. */
static mete_time run_after(const struct schedule *s, mete_time at)
{
    static const int32_t days[EVERY_COUNT] = {
        [EVERY_DAY] = 1, [EVERY_WEEK] = 7, [EVERY_MONTH] = 31};
    struct period p;
    schedule_period(s, at, &p);
    schedule_period(s, p.due + days[s->every] * TIME_DAY_US, &p);
    return p.due;
}

static void schedules_look(struct gathering *g)
{
    struct schedule *list;
    size_t count = 0;
    struct earnings *x = g->x;
    (void)view_schedules(engine_view(g->e), g->a, &list, &count);
    for (size_t i = 0; i < count; i++) {
        const struct schedule *s = &list[i];
        if (s->asset != x->main->asset.number || !text_eq(s->rail, x->rail)) {
            continue;
        }
        mete_time at = schedule_on_demand(s) ? TIME_NEVER : run_after(s, x->at);
        x->on_demand |= schedule_on_demand(s);
        x->next_at = at < x->next_at ? at : x->next_at;
    }
}

static enum mete_code next_read(struct gathering *g)
{
    struct earnings *x = g->x;
    const struct view *v = engine_view(g->e);
    struct destination d;
    struct book_config book;
    x->has_destination = view_destination(v, g->number, &d) == VIEW_FOUND;
    x->rail = x->has_destination ? arena_text(g->a, d.rail) : (struct text){0};
    x->holds_from = x->has_destination ? d.holds_from : TIME_NEVER;
    (void)view_hold(v, g->number, &x->hold);
    (void)view_book(v, &book);
    x->next_code = METE_BELOW_MINIMUM;
    if (x->main == NULL) {
        return METE_OK;
    }
    const struct payout_query q = {.asset = text_of(x->main->asset.code),
                                   .rail = x->rail,
                                   .at = g->q->at,
                                   .party = g->q->party};
    x->minimum = payout_minimum(&book, &x->main->asset);
    schedules_look(g);
    return payout_plan(g->e, &q, next_look, x, g->err);
}

enum mete_code earnings_read(struct engine *e, const struct earnings_query *q, struct arena *a,
                             struct earnings *out, struct mete_err *err)
{
    struct gathering g = {.e = e, .q = q, .a = a, .x = out, .err = err};
    *out = (struct earnings){.party = arena_text(a, q->party),
                             .at = q->at,
                             .holds_from = TIME_NEVER,
                             .next_at = TIME_NEVER,
                             .next_code = METE_BELOW_MINIMUM};
    struct asset unused;
    if (q->asset.len > 0 && view_asset(engine_view(e), q->asset, &unused) != VIEW_FOUND) {
        return mete_fail(err, METE_CURRENCY_UNKNOWN, NULL, "this book does not know the asset %.*s",
                         (int)q->asset.len, q->asset.p);
    }
    if (view_party(engine_view(e), q->party, &g.number) != VIEW_FOUND) {
        return engine_sound(e, METE_OK, err); /* nothing was ever said of it */
    }
    enum mete_code code = accounts_read(&g);
    code = code == METE_OK ? next_read(&g) : code;
    code = code == METE_OK ? payouts_read(&g) : code;
    code = code == METE_OK && out->main != NULL ? year_read(&g) : code;
    code = code == METE_OK && out->main != NULL && q->lines > 0 ? history_read(&g) : code;
    return engine_sound(e, code, err);
}

const char *earnings_status(const struct earnings *x, struct text *remediation)
{
    static const struct text SUPERVISOR =
        TEXT("A supervisor holds payouts to you; ask why. What you earn goes on being credited.");
    static const struct text DESTINATION =
        TEXT("Set a destination that can be paid (party.destination_set), or let a supervisor "
             "release the hold. The amount is back in your balance and comes with a later payout.");
    *remediation = (struct text){0};
    if (x->hold == HOLD_SUPERVISOR) {
        *remediation = SUPERVISOR;
        return "PAYOUT_HELD";
    }
    if (x->hold == HOLD_NONE) {
        return "OK";
    }
    bool told = x->failed != NULL && x->failed->remediation.len > 0;
    *remediation = told ? x->failed->remediation : DESTINATION;
    return x->failed != NULL && x->failed->state == TRANSFER_RETURNED ? "PAYOUT_RETURNED"
                                                                      : "PAYOUT_FAILED_PERMANENT";
}
