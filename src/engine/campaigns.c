/* SPDX-License-Identifier: Apache-2.0
 * From a campaign's record and sums to the row that is shown. CLOSED is not remembered: a completed
 * campaign is closed while its creator and its investors have nothing left to be paid, and nothing
 * is on its way to them. */
#include "engine/campaigns.h"

#include "core/balance.h"

#include <string.h>

#define SCRATCH_MAX ((size_t)1 << 30)

struct rows {
    const struct view *v;
    struct arena *a;
    struct campaign_row *row;
    size_t count, cap;
};

static bool row_visit(void *arg, struct bytes key, struct bytes value, const i128 *sums)
{
    struct rows *r = arg;
    (void)sums;
    if (r->count == r->cap) {
        r->cap = r->cap == 0 ? 16 : r->cap * 2;
        struct campaign_row *more = arena_array(r->a, r->cap, sizeof *more);
        if (r->count > 0) {
            memcpy(more, r->row, r->count * sizeof *more);
        }
        r->row = more;
    }
    struct campaign_row *row = &r->row[r->count++];
    *row = (struct campaign_row){.number = key_read_u32(key, 1)};
    METE_ASSERT(campaign_unpack(r->a, value, &row->campaign));
    return true;
}

static enum view_result has_payable(const struct view *v, struct arena *scratch, uint32_t party,
                                    uint32_t asset, mete_time at, bool *out)
{
    struct balance b;
    enum view_result found = balance_at(v, scratch, party, asset, at, &b);
    *out |= found != VIEW_MISSING && b.pending + b.disputed + b.cleared + b.leaving > 0;
    return found;
}

static enum view_result payable_left(const struct view *v, struct arena *a,
                                     const struct campaign_row *row, mete_time at, bool *left)
{
    struct investment *list;
    size_t count;
    struct arena scratch; /* a balance leaves nothing in its arena, rows stay in theirs */
    enum view_result found = view_investments(v, a, row->number, &list, &count);
    *left = false;
    arena_init(&scratch, SCRATCH_MAX);
    if (found != VIEW_MISSING) {
        found = has_payable(v, &scratch, row->campaign.creator, row->campaign.asset, at, left);
    }
    for (size_t i = 0; i < count && !*left && found != VIEW_MISSING; i++) {
        found = has_payable(v, &scratch, list[i].party, row->campaign.asset, at, left);
    }
    arena_clear(&scratch);
    return found;
}

static enum view_result row_fill(const struct view *v, struct arena *a, struct campaign_row *row,
                                 mete_time at)
{
    i128 sums[STATE_SUMS];
    bool left = true;
    const struct campaign *c = &row->campaign;
    if (view_campaign_sums(v, row->number, sums) == VIEW_MISSING ||
        view_asset_number(v, c->asset, &row->asset) != VIEW_FOUND ||
        view_party_id(v, c->creator, &row->creator) != VIEW_FOUND) {
        return VIEW_MISSING;
    }
    row->creator = arena_text(a, row->creator);
    row->confirmed = sums[CAMPAIGN_CONFIRMED];
    row->accrued = sums[CAMPAIGN_ACCRUED];
    row->creators = sums[CAMPAIGN_CREATORS];
    row->reversed = sums[CAMPAIGN_REVERSED];
    row->has_cap = campaign_cap(c, row->confirmed, &row->cap);
    row->state = campaign_state_at(c, at);
    if (row->state == CAMPAIGN_COMPLETED && payable_left(v, a, row, at, &left) == VIEW_MISSING) {
        return VIEW_MISSING;
    }
    row->state = left ? row->state : CAMPAIGN_CLOSED;
    return VIEW_FOUND;
}

enum view_result campaign_at(const struct view *v, struct arena *a, uint32_t number, mete_time at,
                             struct campaign_row *row)
{
    *row = (struct campaign_row){.number = number};
    enum view_result found = view_campaign(v, a, number, &row->campaign);
    return found == VIEW_FOUND ? row_fill(v, a, row, at) : found;
}

enum view_result campaigns_at(const struct view *v, struct arena *a, mete_time at,
                              struct campaign_row **rows, size_t *count)
{
    struct key from = key_of(KEY_CAMPAIGN);
    struct key until = key_prefix_end(from);
    struct rows r = {.v = v, .a = a};
    enum view_result found = v->scan(v->ctx, key_bytes(&from), key_bytes(&until), row_visit, &r);
    for (size_t i = 0; i < r.count && found != VIEW_MISSING; i++) {
        found = row_fill(v, a, &r.row[i], at);
    }
    *rows = r.row;
    *count = r.count;
    return found;
}

enum view_result campaign_is_closed(const struct view *v, struct arena *a, uint32_t number,
                                    const struct campaign *c, mete_time at, bool *closed)
{
    const struct campaign_row row = {.number = number, .campaign = *c};
    bool left = true;
    enum view_result found = payable_left(v, a, &row, at, &left);
    *closed = found != VIEW_MISSING && !left;
    return found;
}
