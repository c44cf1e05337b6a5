/* SPDX-License-Identifier: Apache-2.0
 * Rows that are events: one for each event of the economic protocol, in the order of the log,
 * however it was decided later. */
#include "engine/export_dataset.h"

#include "base/text.h"
#include "wire/envelope.h"

static enum dataset_family family_of(enum event_type type)
{
    if (type >= EVENT_CAMPAIGN_CREATED && type <= EVENT_CAMPAIGN_CANCELLED) {
        return FAMILY_CAMPAIGNS;
    }
    if (type >= EVENT_ROUND_CREATED && type <= EVENT_ROUND_CANCELLED) {
        return FAMILY_ROUNDS;
    }
    if (type >= EVENT_COMMITMENT_CREATED && type <= EVENT_COMMITMENT_CANCELLED) {
        return FAMILY_COMMITMENTS;
    }
    if (type >= EVENT_SPEND_GRANT_CREATED && type <= EVENT_SPEND_REFUNDED) {
        return FAMILY_SPEND;
    }
    if (type >= EVENT_INVOICE_PAID && type <= EVENT_SUBSCRIPTION_CANCELLED) {
        return FAMILY_REVENUE;
    }
    if (type == EVENT_APP_REGISTERED ||
        (type >= EVENT_TERMS_SET && type <= EVENT_ROYALTY_DISABLED)) {
        return FAMILY_APPS;
    }
    if (type >= EVENT_SETTLEMENT_INITIATED && type <= EVENT_SETTLEMENT_FAILED) {
        return FAMILY_SETTLEMENTS;
    }
    if (type == EVENT_ATTRIBUTION_ASSIGNED || type == EVENT_ATTRIBUTION_UPDATED) {
        return FAMILY_ATTRIBUTIONS;
    }
    if (type == EVENT_CREATIVE_GENERATED || type == EVENT_CREATIVE_LAUNCHED) {
        return FAMILY_CREATIVES;
    }
    return type == EVENT_KPI_REPORTED ? FAMILY_KPIS : FAMILY_COUNT;
}

/* --- what the book knows besides ---------------------------------------------------------------*/

/* Rounds, commitments and grants all begin with their state and their campaign. */
struct known {
    bool found;
    uint32_t campaign;
    uint32_t party; /* commitments, settlements */
    uint32_t asset;
    i128 amount;
};

static struct known known_of(struct dataset *d, enum key_class class, struct text id)
{
    struct known k = {false, 0, 0, 0, 0};
    struct bytes value;
    if (id.len == 0 || id.len > STATE_KEY_MAX - 1) {
        return k;
    }
    struct key key = key_text(class, id);
    const struct view *v = engine_view(d->e);
    if (v->get(v->ctx, key_bytes(&key), &value) != VIEW_FOUND) {
        return k;
    }
    struct reader r = reader_of(value);
    (void)read_u8(&r); /* state */
    k.found = true;
    if (class == KEY_SETTLEMENT) {
        k.party = (uint32_t)read_varint(&r);
        k.asset = (uint32_t)read_varint(&r);
        k.amount = read_zigzag(&r);
        return k;
    }
    k.campaign = (uint32_t)read_varint(&r);
    if (class == KEY_COMMITMENT) {
        k.party = (uint32_t)read_varint(&r);
        k.amount = read_zigzag(&r);
    }
    return k;
}

/** The campaign: the decision's, else what the event says, else that of what it is about. */
static struct text campaign_of(struct dataset *d, const struct walk_item *item,
                               const struct event *e)
{
    uint32_t booked = dataset_campaign_of(d, item);
    if (booked != 0) {
        return dataset_campaign(d, booked);
    }
    struct text said = e->type == EVENT_ATTRIBUTION_ASSIGNED || e->type == EVENT_ATTRIBUTION_UPDATED
                           ? e->attribution.campaign_id
                           : e->correlation.campaign_id;
    if (said.len > 0) {
        return said;
    }
    struct known k = known_of(d, KEY_ROUND, e->correlation.round_id);
    k = k.found ? k : known_of(d, KEY_COMMITMENT, e->correlation.commitment_id);
    k = k.found ? k : known_of(d, KEY_GRANT, e->correlation.allocation_id);
    return k.found ? dataset_campaign(d, k.campaign) : (struct text){0};
}

/* --- amounts -----------------------------------------------------------------------------------*/

static const struct money *money_of(const struct event *e, enum dataset_family family)
{
    if (family == FAMILY_SPEND) {
        bool is_grant =
            e->type == EVENT_SPEND_GRANT_CREATED || e->type == EVENT_SPEND_GRANT_DEPLOYED;
        return is_grant ? &e->grant.amount : &e->spend.amount;
    }
    if (family == FAMILY_KPIS) {
        return &e->kpi.spend;
    }
    if (family == FAMILY_REVENUE) {
        bool is_refund = e->type == EVENT_REFUND_ISSUED || e->type == EVENT_CHARGEBACK;
        return e->type == EVENT_INVOICE_PAID ? &e->invoice.gross
               : is_refund                   ? &e->reversal.amount
                                             : NULL;
    }
    return NULL;
}

static void amount_put(struct dataset *d, struct dataset_row *r, i128 amount, struct text currency)
{
    r->value[VALUE_AMOUNT] = dataset_integer(d, amount);
    r->value[VALUE_CURRENCY] = currency;
}

/** In minor units; the event as it stands in the log was read before, so it can be read. */
static void money_put(struct dataset *d, struct dataset_row *r, const struct money *m)
{
    struct asset asset;
    i128 amount = 0;
    if (m == NULL || m->amount.len == 0 ||
        view_asset(engine_view(d->e), m->currency, &asset) != VIEW_FOUND ||
        amount_parse(m->amount, m->is_minor ? 0 : asset.scale, &amount) != METE_OK) {
        return;
    }
    amount_put(d, r, amount, m->currency);
}

/** A commitment is confirmed or cancelled as it was made; a settlement likewise. */
static void known_put(struct dataset *d, struct dataset_row *r, const struct event *e,
                      enum dataset_family family)
{
    struct campaign c;
    struct known k = family == FAMILY_COMMITMENTS
                         ? known_of(d, KEY_COMMITMENT, e->correlation.commitment_id)
                         : known_of(d, KEY_SETTLEMENT, e->settlement.settlement_id);
    if (!k.found) {
        return;
    }
    if (family == FAMILY_COMMITMENTS) {
        if (view_campaign(engine_view(d->e), &d->a, k.campaign, &c) != VIEW_FOUND) {
            return;
        }
        k.asset = c.asset;
    }
    r->value[VALUE_PARTY] = dataset_pseudonym(d, names_party(&d->names, k.party));
    amount_put(d, r, k.amount, text_of(names_asset(&d->names, k.asset)->code));
}

/* --- the row -----------------------------------------------------------------------------------*/

static struct text status_of(const struct walk_item *item)
{
    uint32_t wait = item->decision.wait_code;
    return wait == 0 ? TEXT("applied") : text_of(mete_code_name((enum mete_code)wait));
}

static void people_put(struct dataset *d, struct dataset_row *r, const struct event *e,
                       enum dataset_family family)
{
    struct text user =
        family == FAMILY_ATTRIBUTIONS ? e->attribution.user_id : e->correlation.user_id;
    r->value[VALUE_USER] = dataset_pseudonym(d, user);
    if (e->type == EVENT_CAMPAIGN_CREATED || e->type == EVENT_CAMPAIGN_UPDATED) {
        r->value[VALUE_PARTY] = dataset_pseudonym(d, e->campaign.creator);
    } else if (e->type == EVENT_APP_REGISTERED) {
        r->value[VALUE_PARTY] = dataset_pseudonym(d, e->app.owner);
    } else if (family == FAMILY_COMMITMENTS || family == FAMILY_SETTLEMENTS) {
        known_put(d, r, e, family);
    }
}

static void fact_put(struct dataset *d, const struct walk_item *item, const struct json *tree,
                     const struct event *e, enum dataset_family family)
{
    struct dataset_row r = {.event = tree};
    r.value[VALUE_SEQ] = dataset_integer(d, (i128)item->seq);
    r.value[VALUE_EVENT_ID] = e->id;
    r.value[VALUE_EVENT_TYPE] = text_of(event_type_name(e->type));
    r.value[VALUE_OCCURRED_AT] = dataset_moment(d, e->occurred_at);
    r.value[VALUE_RECORDED_AT] = dataset_moment(d, item->recorded_at);
    r.value[VALUE_APP] = dataset_given(e->type == EVENT_APP_REGISTERED ? e->app.app_id : e->app_id);
    r.value[VALUE_CAMPAIGN] = dataset_given(campaign_of(d, item, e));
    r.value[VALUE_STATUS] = status_of(item);
    people_put(d, &r, e, family);
    money_put(d, &r, money_of(e, family));
    dataset_row_put(d, family, &r);
}

void dataset_fact(struct dataset *d, const struct walk_item *item, const struct walk_head *head)
{
    enum dataset_family family = family_of(head->type);
    const struct envelope_options stored = {.stored = true, .now = TIME_NEVER};
    struct envelope env;
    if (item->page != 0 || family == FAMILY_COUNT) {
        return;
    }
    d->code = envelope_read_tree(&d->a, head->tree, &stored, &env, d->err);
    if (d->code == METE_OK) {
        fact_put(d, item, head->tree, &env.event, family);
    }
}
