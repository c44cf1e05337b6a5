/* SPDX-License-Identifier: Apache-2.0
 * Balances at a moment. Whole days come from sums; the one day that the moment falls into is
 * decided posting by posting, so that the answer is exact to the microsecond. */
#include "core/balance.h"

#include "base/text.h"
#include "core/decision.h"
#include "core/dispute.h"
#include "core/funding.h"

struct pending {
    const struct view *v;
    struct arena *a;
    uint32_t party;
    uint32_t asset;
    mete_time at;
    i128 later;     /* due on later days */
    bool today;     /* something is due on the day of `at`: needs a closer look */
    i128 today_due; /* of that, due after `at` */
    uint64_t seq;   /* the decision looked at last, and its pages */
    uint32_t first, pages;
    bool missing;
};

static bool day_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    struct pending *p = arg;
    struct key today = key_pending(p->party, p->asset, time_day(p->at));
    if (bytes_cmp(key, key_bytes(&today)) == 0) {
        p->today = true;
    } else {
        p->later += sums[0];
    }
    return true;
}

/** True when the line was taken out of its due day by a dispute; so is what was reversed of it
 *  before. What is reversed of it later was never due. */
static bool line_disputed(struct pending *p, const struct group *g, uint32_t group, uint32_t line)
{
    struct dispute unused;
    bool original = g->kind == GROUP_REVENUE;
    enum view_result found = original ? dispute_of(p->v, p->seq, p->first, group, line, &unused)
                                      : dispute_of(p->v, g->target_seq, g->target_page,
                                                   g->target_group, g->line[line].share, &unused);
    p->missing |= found == VIEW_MISSING;
    return found == VIEW_FOUND;
}

/** Adds what one decision posted to the account and is due later today. */
static void lines_add(struct pending *p, const struct decision *d)
{
    for (uint32_t i = 0; i < d->group_count; i++) {
        const struct group *g = &d->group[i];
        if (g->asset != p->asset || g->clears_at <= p->at ||
            time_day(g->clears_at) != time_day(p->at)) {
            continue;
        }
        for (uint32_t k = 0; k < g->line_count; k++) {
            const struct line *l = &g->line[k];
            if (l->party == p->party && l->kind == LINE_ALLOCATION && !l->held &&
                !line_disputed(p, g, i, k)) {
                p->today_due += l->amount;
            }
        }
    }
}

static bool page_load(struct pending *p, uint64_t seq, uint32_t page, struct decision *d)
{
    struct bytes packed;
    if (p->v->decision(p->v->ctx, seq, page, &packed) != VIEW_FOUND) {
        p->missing = true;
        return false;
    }
    METE_ASSERT(decision_unpack(p->a, text_bytes(arena_text(p->a, bytes_text(packed))), d));
    return true;
}

/** The whole decision that a page belongs to: disputes count lines over all pages. Pages after the
 *  first of a decision are about nothing, those of a release are about the event released. */
static bool decision_load(struct pending *p, uint64_t seq, uint32_t page, struct decision *d)
{
    if (!page_load(p, seq, page, d)) {
        return false;
    }
    while (page > 0 && d->about == 0) {
        if (!page_load(p, seq, --page, d)) {
            return false;
        }
    }
    struct decision *more = arena_array(p->a, d->pages - 1, sizeof *more);
    for (uint32_t i = 1; i < d->pages; i++) {
        if (!page_load(p, seq, page + i, &more[i - 1])) {
            return false;
        }
    }
    decision_join(p->a, d, more, d->pages - 1);
    p->seq = seq;
    p->first = page;
    p->pages = d->pages;
    return true;
}

static bool entry_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)value;
    (void)sums;
    struct pending *p = arg;
    uint64_t seq = key_read_u64(key, 9);
    uint32_t page = key_read_u32(key, 17);
    if (seq == p->seq && page - p->first < p->pages) {
        return true; /* a further page of the same decision */
    }
    struct decision d;
    arena_reset(p->a);
    if (!decision_load(p, seq, page, &d)) {
        return false;
    }
    lines_add(p, &d);
    return true;
}

/** The postings that can be due today were recorded at most the longest window ago. */
static enum view_result today_scan(struct pending *p)
{
    struct book_config book;
    if (view_book(p->v, &book) == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    mete_time from = time_of_day(time_day(p->at)) - (book.clear_after_days_max + 1) * TIME_DAY_US;
    uint64_t seq = p->v->seq_at(p->v->ctx, from < 0 ? 0 : from);
    struct key begin = key_entry(p->party, p->asset, seq, 0);
    struct key end = key_prefix_end(key_u32x2(KEY_ENTRY, p->party, p->asset));
    enum view_result scanned =
        p->v->scan(p->v->ctx, key_bytes(&begin), key_bytes(&end), entry_visit, p);
    return p->missing ? VIEW_MISSING : scanned;
}

/** Nothing is due on the day of `at` after its last microsecond: a cut-off there costs no look at
 *  single postings. */
static bool is_end_of_day(mete_time at)
{
    return time_day(at + 1) != time_day(at);
}

static enum view_result pending_at(struct pending *p, i128 *pending)
{
    struct key begin = key_pending(p->party, p->asset, time_day(p->at));
    struct key end = key_prefix_end(key_u32x2(KEY_PENDING, p->party, p->asset));
    if (p->v->scan(p->v->ctx, key_bytes(&begin), key_bytes(&end), day_visit, p) == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    if (p->today && !is_end_of_day(p->at) && today_scan(p) == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    *pending = p->later + p->today_due;
    return VIEW_FOUND;
}

static bool disputed_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    (void)key;
    (void)value;
    *(i128 *)arg += sums[0];
    return true;
}

static enum view_result disputed_at(const struct pending *p, i128 *disputed)
{
    struct key begin = key_u32x2(KEY_DISPUTED, p->party, p->asset);
    struct key end = key_prefix_end(begin);
    key_add_time(&begin, p->at); /* a dispute clears by itself after its moment, not at it */
    *disputed = 0;
    return p->v->scan(p->v->ctx, key_bytes(&begin), key_bytes(&end), disputed_visit, disputed);
}

enum view_result balance_of(const struct view *v, struct arena *a, const struct account_at *of,
                            struct balance *out)
{
    struct pending p = {.v = v, .a = a, .party = of->party, .asset = of->asset, .at = of->at};
    *out = (struct balance){0};
    if (of->ever_pending && (pending_at(&p, &out->pending) == VIEW_MISSING ||
                             disputed_at(&p, &out->disputed) == VIEW_MISSING)) {
        return VIEW_MISSING;
    }
    i128 free = of->net - out->pending - out->disputed;
    out->cleared = free > 0 ? free : 0;
    out->debt = free < 0 ? -free : 0;
    return VIEW_FOUND;
}

struct account_at account_at_make(uint32_t party, uint32_t asset, mete_time at,
                                  const i128 total[STATE_SUMS])
{
    return (struct account_at){.party = party,
                               .asset = asset,
                               .at = at,
                               .net = total[1] - total[0] + total[3] - total[2],
                               .ever_pending = total[2] != 0 || total[3] != 0};
}

enum view_result balance_at(const struct view *v, struct arena *a, uint32_t party, uint32_t asset,
                            mete_time at, struct balance *out)
{
    struct key account = key_account(party, asset);
    struct key paid = paid_key(party, asset);
    i128 gone[STATE_SUMS] = {0};
    i128 total[STATE_SUMS] = {0};
    enum view_result known = v->sums(v->ctx, key_bytes(&account), total);
    const struct account_at of = account_at_make(party, asset, at, total);
    *out = (struct balance){0};
    if (known == VIEW_MISSING || v->sums(v->ctx, key_bytes(&paid), gone) == VIEW_MISSING ||
        balance_of(v, a, &of, out) == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    out->paid = gone[PAID_OUT];
    out->leaving = gone[PAID_LEAVING];
    return known;
}
