/* SPDX-License-Identifier: Apache-2.0
 * Rows of what was decided: for each booking of an invoice, and for each time that some of it went
 * back, one row of what it came to and one for everybody's account. */
#include "engine/export_dataset.h"

#include "base/text.h"

#define MARKETPLACE_FEE "marketplace_fee"
#define ROYALTY_FEE     "offering_royalty_fee"

struct text dataset_campaign(struct dataset *d, uint32_t number)
{
    struct text id = {0};
    const size_t skip = sizeof CAMPAIGN_POLICY_PREFIX - 1;
    if (number == 0 || view_policy_id(engine_view(d->e), number, &id) != VIEW_FOUND ||
        !text_starts(id, CAMPAIGN_POLICY_PREFIX)) {
        return (struct text){0};
    }
    return arena_text(&d->a, (struct text){id.p + skip, id.len - skip});
}

/** One booking: the group itself and the revenue whose lines it is about, which are one and the
 *  same unless money goes back. */
struct booking {
    const struct walk_item *item;
    const struct group *group;
    uint32_t index;
    const struct group *revenue;
    struct text source; /* event id of the invoice */
    struct fee_schedule fees;
};

/** Whether a group is revenue that a campaign, or the owner of an app, has. */
static bool is_contract(const struct group *g)
{
    return g->kind == GROUP_REVENUE && g->node_count > 0 && g->node[0].rounding == NODE_CONTRACT;
}

/** Finds what a group takes back: in the same decision, or where it was booked. */
static bool original_find(struct dataset *d, struct booking *b, struct text event_id)
{
    const struct group *g = b->group;
    const struct decision *here = &b->item->decision;
    b->source = event_id;
    if (g->target_seq == b->item->seq && g->target_page == b->item->page) {
        b->revenue = g->target_group < here->group_count ? &here->group[g->target_group] : NULL;
    } else if (lines_origin_load(&d->origin, g->target_seq, g->target_page)) {
        const struct decision *there = &d->origin.item.decision;
        b->revenue = g->target_group < there->group_count ? &there->group[g->target_group] : NULL;
        b->source = d->origin.head.event_id;
    }
    return b->revenue != NULL && is_contract(b->revenue);
}

static bool booking_find(struct dataset *d, const struct walk_item *item, uint32_t index,
                         struct text event_id, struct booking *out)
{
    const struct group *g = &item->decision.group[index];
    *out = (struct booking){.item = item, .group = g, .index = index, .source = event_id};
    if (g->kind == GROUP_REVERSAL) {
        return original_find(d, out, event_id);
    }
    out->revenue = g;
    return is_contract(g);
}

uint32_t dataset_campaign_of(struct dataset *d, const struct walk_item *item)
{
    struct booking b;
    for (uint32_t i = 0; i < item->decision.group_count; i++) {
        if (booking_find(d, item, i, (struct text){0}, &b) && b.revenue->node[0].policy != 0) {
            return b.revenue->node[0].policy;
        }
    }
    return 0;
}

/* --- lines -------------------------------------------------------------------------------------*/

enum beneficiary { TO_PLATFORM, TO_CREATOR, TO_INVESTOR, TO_OWNER, TO_OTHER };

/** The line of the revenue that a line is, or takes back. */
static const struct line *line_of(const struct booking *b, uint32_t i)
{
    const struct line *l = &b->group->line[i];
    if (b->group == b->revenue) {
        return l;
    }
    return l->share < b->revenue->line_count ? &b->revenue->line[l->share] : NULL;
}

static enum beneficiary beneficiary_of(const struct booking *b, uint32_t i)
{
    const struct line *l = line_of(b, i);
    if (l == NULL) {
        return TO_OTHER;
    }
    if (l->kind == LINE_FEE) {
        return TO_PLATFORM;
    }
    if (l->node != 0) {
        return l->node == NODE_NONE ? TO_OTHER : TO_INVESTOR;
    }
    return b->revenue->node[0].policy == 0 ? TO_OWNER : TO_CREATOR;
}

static bool is_fee(const struct booking *b, uint32_t i, const char *label)
{
    const struct line *l = line_of(b, i);
    return l != NULL && l->kind == LINE_FEE && l->share < b->fees.fee_count &&
           text_is(b->fees.fee[l->share].label, label);
}

static i128 sum_of(const struct booking *b, enum beneficiary who)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < b->group->line_count; i++) {
        sum += beneficiary_of(b, i) == who ? b->group->line[i].amount : 0;
    }
    return sum;
}

static i128 fee_of(const struct booking *b, const char *label)
{
    i128 sum = 0;
    for (uint32_t i = 0; i < b->group->line_count; i++) {
        sum += is_fee(b, i, label) ? b->group->line[i].amount : 0;
    }
    return sum;
}

/* --- rows --------------------------------------------------------------------------------------*/

static void booking_row(struct dataset *d, const struct booking *b, const struct walk_head *head,
                        struct dataset_row *r)
{
    const struct json *app = json_get(json_get(head->tree, "source"), "app_id");
    *r = (struct dataset_row){.event = NULL};
    r->value[VALUE_SEQ] = dataset_integer(d, (i128)b->item->seq);
    r->value[VALUE_PAGE] = dataset_integer(d, b->item->page);
    r->value[VALUE_GROUP] = dataset_integer(d, b->index);
    r->value[VALUE_KIND] = b->group == b->revenue ? TEXT("accrued") : TEXT("adjusted");
    r->value[VALUE_SOURCE] = b->source;
    r->value[VALUE_EVENT_ID] = head->event_id;
    r->value[VALUE_EVENT_TYPE] = text_of(event_type_name(head->type));
    r->value[VALUE_OCCURRED_AT] = dataset_moment(d, head->occurred_at);
    r->value[VALUE_RECORDED_AT] = dataset_moment(d, b->item->recorded_at);
    r->value[VALUE_APP] = app != NULL ? dataset_given(app->text) : (struct text){0};
    r->value[VALUE_CAMPAIGN] = dataset_campaign(d, b->revenue->node[0].policy);
    r->value[VALUE_CURRENCY] = text_of(names_asset(&d->names, b->group->asset)->code);
}

static void accrual_put(struct dataset *d, const struct booking *b, struct dataset_row r)
{
    const struct group *g = b->group;
    bool is_accrued = g == b->revenue;
    bool has_pool = b->revenue->node_count > 1;
    i128 fees = sum_of(b, TO_PLATFORM);
    r.value[VALUE_GROSS] = dataset_integer(d, g->gross);
    r.value[VALUE_FEES] = dataset_integer(d, fees);
    r.value[VALUE_MARKETPLACE_FEE] = dataset_integer(d, fee_of(b, MARKETPLACE_FEE));
    r.value[VALUE_ROYALTY_FEE] = dataset_integer(d, fee_of(b, ROYALTY_FEE));
    r.value[VALUE_SHAREABLE] = dataset_integer(d, g->gross - fees);
    r.value[VALUE_INVESTORS] = dataset_integer(d, sum_of(b, TO_INVESTOR));
    r.value[VALUE_CREATOR] = dataset_integer(d, sum_of(b, TO_CREATOR));
    r.value[VALUE_OWNER] = dataset_integer(d, sum_of(b, TO_OWNER));
    r.value[VALUE_VERSION] = dataset_integer(d, b->revenue->node[0].version);
    if (is_accrued) {
        r.value[VALUE_ACCRUED_BEFORE] = dataset_integer(d, g->accrued);
        r.value[VALUE_CUT_BY_CAP] = dataset_integer(d, has_pool ? -g->node[1].extra : 0);
    }
    dataset_row_put(d, FAMILY_ACCRUALS, &r);
}

static void lines_put(struct dataset *d, const struct booking *b, struct dataset_row r)
{
    static const struct text name[] = {[TO_PLATFORM] = {"platform", 8},
                                       [TO_CREATOR] = {"creator", 7},
                                       [TO_INVESTOR] = {"investor", 8},
                                       [TO_OWNER] = {"owner", 5},
                                       [TO_OTHER] = {"other", 5}};
    for (uint32_t i = 0; i < b->group->line_count; i++) {
        const struct line *l = &b->group->line[i];
        r.value[VALUE_LINE] = dataset_integer(d, i);
        r.value[VALUE_STATUS] = name[beneficiary_of(b, i)];
        r.value[VALUE_PARTY] = dataset_pseudonym(d, names_party(&d->names, l->party));
        r.value[VALUE_AMOUNT] = dataset_integer(d, l->amount);
        dataset_row_put(d, FAMILY_LEDGER, &r);
    }
}

void dataset_money(struct dataset *d, const struct walk_item *item, const struct walk_head *head)
{
    struct booking b;
    struct dataset_row r;
    for (uint32_t i = 0; i < item->decision.group_count; i++) {
        if (!booking_find(d, item, i, head->event_id, &b)) {
            continue;
        }
        uint32_t fees = b.revenue->fee_version;
        if (fees != 0 && view_fees_version(engine_view(d->e), &d->a, fees, &b.fees) != VIEW_FOUND) {
            d->code =
                mete_fail(d->err, METE_STORE_CORRUPT, "", "fees of version %u are missing", fees);
            return;
        }
        booking_row(d, &b, head, &r);
        accrual_put(d, &b, r);
        lines_put(d, &b, r);
    }
}
