/* SPDX-License-Identifier: Apache-2.0
 * A campaign from its first word to what was paid to its creator, by hand, and the same with one
 * lie in it. c1 raises 1,000.00 at 20 %, up to 30.00; i1 has three quarters of what was raised. */
#include "scenes.h"

#include "mete/error.h"

#define APP      "\"source\":{\"app_id\":\"app1\"},"
#define ABOUT(x) APP "\"correlation\":{" x "},"
#define C1       "\"campaign_id\":\"c1\""
#define APP_FEES ((uint32_t)1 << 30)
#define PLATFORM 16u
#define OWNER    17u
#define CREATOR  18u
#define I1       19u
#define I2       20u
#define OTHER    21u
#define CONTRACT 1u
#define RAISED   100000u

static const char paid_pa[] = "{\"gross_amount_cents\":10000,\"currency\":\"usd\","
                              "\"stripe_payment_intent_id\":\"pa\"}";
static const char paid[] = "{\"gross_amount_cents\":10000,\"currency\":\"usd\"}";

static struct found_decision *told(struct scene *s, unsigned day, const char *id, const char *type,
                                   const char *about, const char *payload)
{
    return scene_told(s, day, id, type, about, payload);
}

/* --- the money ---------------------------------------------------------------------------------*/

static void take(struct scene *s, struct found_group *g, unsigned kind, uint32_t party,
                 uint32_t line, u128 left, i128 amount)
{
    struct found_line *l = scene_line(s, g, kind, party, -amount);
    l->share = line;
    l->weight = left;
}

static struct found_group *take_back(struct scene *s, struct found_decision *d, i128 amount,
                                     uint64_t seq, u128 left, unsigned due)
{
    struct found_group *g = scene_group(s, d, FOUND_REVERSAL, -amount, scene_day(due));
    g->target_seq = seq;
    g->den = left;
    return g;
}

/* 100.00 less 3 % and 3 %: 94.00 */
static struct found_group *invoice(struct scene *s, struct found_decision *d, unsigned due,
                                   uint32_t policy, uint32_t version, i128 accrued)
{
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 10000, scene_day(due));
    g->fee_version = APP_FEES;
    g->accrued = accrued;
    scene_line(s, g, FOUND_FEE, PLATFORM, 300);
    scene_line(s, g, FOUND_FEE, PLATFORM, 300)->share = 1;
    struct found_node *n = scene_node(s, g, policy, BY_CONTRACT, 10000, 9400);
    n->version = version;
    n->counted = 1;
    return g;
}

static void drop_royalty(struct found_group *g)
{
    g->fee_version = 1;
    g->line_count = 1;
    g->node[0].input = 9700;
}

static void pool(struct scene *s, struct found_group *g, i128 amount, i128 floor, i128 i1)
{
    struct found_node *n = scene_node(s, g, CONTRACT, BY_LARGEST, RAISED, amount);
    n->parent = 0;
    n->share = 1;
    n->weight = 2000;
    n->extra = amount - floor;
    n->counted = 0;
    scene_share(s, g, 0, 0, CREATOR, 8000, g->node[0].input - amount);
    scene_share(s, g, 1, 0, I1, 75000, i1);
    scene_share(s, g, 1, 1, I2, 25000, amount - i1);
}

static void all_to(struct scene *s, struct found_group *g, uint32_t party)
{
    scene_share(s, g, 0, 0, party, 10000, g->node[0].input);
}

/* --- until it runs -----------------------------------------------------------------------------*/

static void beginning(struct scene *s)
{
    struct found_decision *d = told(s, 1, "fees", "fees.scheduled", "",
                                    "{\"fees\":[{\"label\":\"marketplace_fee\",\"bps\":300,"
                                    "\"payee\":\"platform\"}]}");
    scene_party(s, d, "platform");
    d = told(s, 1, "app", "app.registered", "", "{\"app_id\":\"app1\",\"owner\":\"did:owner\"}");
    scene_party(s, d, "did:owner");
    d = told(s, 1, "created", "campaign.created", ABOUT(C1),
             "{\"creator\":\"did:creator\",\"contract\":{\"raise_amount\":\"1000.00\","
             "\"revenue_share_bps\":2000,\"cap_amount\":\"30.00\",\"off_ramps\":[\"sold\"]}}");
    scene_policy(s, d, "mete:campaign:c1");
    scene_party(s, d, "did:creator");
    told(s, 1, "opened", "campaign.opened_for_funding", ABOUT(C1), "{}");
}

static void pledge(struct scene *s, const char *id, const char *about, const char *payload,
                   const char *party)
{
    struct found_decision *d = told(s, 2, id, "commitment.created", about, payload);
    scene_party(s, d, party);
}

static void funding(struct scene *s, enum campaign_lie lie)
{
    static const char round[] = ABOUT(C1 ",\"round_id\":\"r1\"");
    told(s, 1, "round", "round.created", round, "{\"requires_moderation\":true}");
    told(s, 1, "approved", "round.approved", round, "{}");
    if (lie != ROUND_NOT_OPEN)
        told(s, 1, "open", "round.opened", round, "{}");
    if (lie == ROUND_OF_ANOTHER) {
        told(s, 1, "other", "campaign.created", ABOUT("\"campaign_id\":\"c8\""),
             "{\"creator\":\"did:creator\",\"funding_mode\":\"offering\"}");
        told(s, 1, "others", "campaign.opened_for_funding", ABOUT("\"campaign_id\":\"c8\""), "{}");
        told(s, 2, "lie", "commitment.created",
             ABOUT("\"campaign_id\":\"c8\",\"commitment_id\":\"k8\",\"round_id\":\"r1\""),
             "{\"investor_id\":\"did:creator\",\"amount_minor\":1,\"currency\":\"USD\"}");
    }
    pledge(s, "pledge1", ABOUT("\"commitment_id\":\"k1\",\"round_id\":\"r1\""),
           "{\"investor_id\":\"i1\",\"amount_minor\":75000,\"currency\":\"USD\"}", "i1");
    pledge(s, "pledge2", ABOUT(C1 ",\"commitment_id\":\"k2\""),
           "{\"investor_id\":\"i2\",\"amount\":{\"amount\":\"250\",\"currency\":\"USD\"}}", "i2");
    told(s, 2, "confirm2", "commitment.confirmed", ABOUT("\"commitment_id\":\"k2\""), "{}");
    if (lie == CLOSED_BEFORE_RAISED)
        told(s, 2, "closed", "campaign.funding_closed", ABOUT(C1), "{}");
    told(s, 2, "confirm1", "commitment.confirmed", ABOUT("\"commitment_id\":\"k1\""), "{}");
    if (lie != CLOSED_BEFORE_RAISED)
        told(s, 2, "closed", "campaign.funding_closed", ABOUT(C1), "{}");
    told(s, 2, "activated", "campaign.activated", ABOUT(C1), "{}");
}

static void forbidden(struct scene *s, enum campaign_lie lie)
{
    if (lie == ACTIVE_TWICE)
        told(s, 3, "lie", "campaign.activated", ABOUT(C1), "{}");
    if (lie == PLEDGED_AFTER_FUNDING)
        told(s, 3, "lie", "commitment.created", ABOUT(C1 ",\"commitment_id\":\"k3\""),
             "{\"investor_id\":\"i1\",\"amount_minor\":5,\"currency\":\"USD\"}");
    if (lie == CONFIRMED_TWICE)
        told(s, 3, "lie", "commitment.confirmed", ABOUT("\"commitment_id\":\"k1\""), "{}");
    if (lie == CORRECTED_THOUGH_OFF) {
        told(s, 3, "off", "book.configured", "", "{\"attribution_corrections\":false}");
        told(s, 3, "lie", "attribution.updated", APP,
             "{\"user_id\":\"u9\",\"campaign_id\":\"c1\"}");
    }
    if (lie == RAW_THOUGH_OFF) {
        told(s, 3, "on", "book.configured", "", "{\"tier3\":true}");
        told(s, 3, "kept", "attribution.assigned", APP,
             "{\"user_id\":\"u9\",\"campaign_id\":\"c1\",\"clickstream\":[1]}");
        told(s, 3, "off", "book.configured", "", "{\"tier3\":false}");
        told(s, 3, "empty", "attribution.assigned", APP,
             "{\"user_id\":\"u8\",\"campaign_id\":\"c1\",\"clickstream\":null}");
        told(s, 3, "lie", "attribution.assigned", APP,
             "{\"user_id\":\"u9\",\"campaign_id\":\"c1\",\"x\":{\"SessionTraces\":{}}}");
    }
    if (lie == ROYALTY_OFF_UNFORCED)
        told(s, 3, "lie", "app.royalty_disabled", APP, "{}");
    if (lie == UPDATED_WHILE_ACTIVE)
        told(s, 3, "lie", "campaign.updated", ABOUT(C1),
             "{\"contract\":{\"revenue_share_bps\":1}}");
    if (lie == COMPLETED_BY_CAP_FROM_OUTSIDE)
        told(s, 3, "lie", "campaign.completed", ABOUT(C1), "{\"reason\":\"cap_reached\"}");
}

static void spending(struct scene *s, enum campaign_lie lie)
{
    static const char grant[] = ABOUT(C1 ",\"allocation_id\":\"g1\"");
    told(s, 3, "grant", "allocation.created", grant,
         "{\"amount_minor\":1000,\"currency\":\"USD\"}");
    told(s, 3, "deployed", "allocation.deployed", grant, "{}");
    told(s, 3, "authorized", "spend.authorized", grant,
         lie == SPENT_BEYOND_GRANT
             ? "{\"amount_minor\":1001,\"currency\":\"USD\",\"platform\":\"META\"}"
             : "{\"amount_minor\":1000,\"currency\":\"USD\",\"platform\":\"META\"}");
}

/* --- revenue -----------------------------------------------------------------------------------*/

/* 94.00: 18.80 to the pool, of which 14.10 and 4.70. Half of it goes back. */
static void first_invoice(struct scene *s, enum campaign_lie lie)
{
    told(s, 4, "user1", "attribution.assigned", APP, "{\"user_id\":\"u1\",\"campaign_id\":\"c1\"}");
    struct found_decision *d =
        told(s, 4, "a", "revenue.invoice_paid", ABOUT("\"user_id\":\"u1\""), paid_pa);
    uint64_t seq = s->events;
    struct found_group *g = invoice(s, d, 11, CONTRACT, 1, 0);
    if (lie == ROYALTY_FORGOTTEN)
        drop_royalty(g);
    if (lie == POOL_OF_GROSS)
        pool(s, g, 2000, 2000, 1500);
    else if (lie == ROYALTY_FORGOTTEN)
        pool(s, g, 1940, 1940, 1455);
    else
        pool(s, g, 1880, 1880, 1410);
    if (lie == INVESTORS_BY_CONFIRMED) {
        g->line[3].party = I2;
        g->line[3].weight = 25000;
        g->line[3].amount = 470;
        g->line[4].party = I1;
        g->line[4].weight = 75000;
        g->line[4].amount = 1410;
    }
    d = told(s, 5, "back", "revenue.refund_issued", APP,
             "{\"refund_amount_cents\":5000,\"currency\":\"usd\","
             "\"stripe_payment_intent_id\":\"pa\"}");
    g = take_back(s, d, 5000, seq, 10000, 11);
    if (lie == REFUND_OF_CREATOR_ALONE) {
        take(s, g, FOUND_ALLOCATION, CREATOR, 2, 7520, 5000);
        return;
    }
    take(s, g, FOUND_FEE, PLATFORM, 0, 300, 150);
    take(s, g, FOUND_FEE, PLATFORM, 1, 300, 150);
    take(s, g, FOUND_ALLOCATION, CREATOR, 2, 7520, 3760);
    take(s, g, FOUND_ALLOCATION, I1, 3, 1410, 705);
    take(s, g, FOUND_ALLOCATION, I2, 4, 470, 235);
}

/* The owner's 94.00, of which 9.40 go back. */
static uint64_t second_invoice(struct scene *s)
{
    struct found_decision *d = told(s, 6, "b", "revenue.invoice_paid",
                                    ABOUT("\"user_id\":\"u2\",\"transaction_id\":\"tb\""), paid);
    uint64_t seq = s->events;
    struct found_group *g = invoice(s, d, 13, 0, 0, 0);
    all_to(s, g, OWNER);
    d = told(s, 6, "charged", "revenue.chargeback", ABOUT("\"transaction_id\":\"tb\""),
             "{\"chargeback_amount_cents\":1000,\"currency\":\"USD\"}");
    g = take_back(s, d, 1000, seq, 10000, 13);
    take(s, g, FOUND_FEE, PLATFORM, 0, 300, 30);
    take(s, g, FOUND_FEE, PLATFORM, 1, 300, 30);
    take(s, g, FOUND_ALLOCATION, OWNER, 2, 9400, 940);
    return seq;
}

/* It was c1's: 90.00 go back, 100.00 come anew, and 10.00 of them go back again. */
static void second_anew(struct scene *s, enum campaign_lie lie, uint64_t seq)
{
    told(s, 7, "user2", "attribution.assigned", APP, "{\"user_id\":\"u2\",\"campaign_id\":\"c1\"}");
    if (lie == REBOOKING_MISSING)
        return;
    struct found_decision *d = scene_page(s, 7, seq, "b");
    struct found_group *g = take_back(s, d, 9000, seq, 9000, 13);
    take(s, g, FOUND_FEE, PLATFORM, 0, 270, 270);
    take(s, g, FOUND_FEE, PLATFORM, 1, 270, 270);
    take(s, g, FOUND_ALLOCATION, OWNER, 2, 8460, 8460);
    g = invoice(s, d, 14, CONTRACT, 1, 940);
    if (lie == REBOOKED_UNDER_BOOK_FEES)
        drop_royalty(g);
    if (lie == REBOOKED_UNDER_BOOK_FEES)
        pool(s, g, 1940, 1940, 1455);
    else
        pool(s, g, 1880, 1880, 1410);
    if (lie == REBOOKED_WITHOUT_REFUND)
        return;
    g = take_back(s, d, 1000, s->events, 10000, 14);
    g->target_page = 1;
    g->target_group = 1;
    take(s, g, FOUND_FEE, PLATFORM, 0, 300, 30);
    take(s, g, FOUND_FEE, PLATFORM, 1, 300, 30);
    take(s, g, FOUND_ALLOCATION, CREATOR, 2, 7520, 752);
    take(s, g, FOUND_ALLOCATION, I1, 3, 1410, 141);
    take(s, g, FOUND_ALLOCATION, I2, 4, 470, 47);
}

/* 9.40 and 16.92 have accrued: 3.68 are left below the cap; then all is the creator's. */
static void cap(struct scene *s, enum campaign_lie lie)
{
    struct found_decision *d =
        told(s, 8, "c", "revenue.invoice_paid", ABOUT("\"user_id\":\"u2\""), paid);
    bool ignored = lie == LATE_ATTRIBUTION_IGNORED;
    struct found_group *g =
        invoice(s, d, 15, ignored ? 0 : CONTRACT, ignored ? 0 : 1, ignored ? 0 : 2632);
    if (ignored)
        all_to(s, g, OWNER);
    else
        pool(s, g, lie == CAP_OVERRUN ? 369 : 368, 1880, 276);
    d = told(s, 9, "d", "revenue.invoice_paid", ABOUT("\"user_id\":\"u1\""), paid);
    g = invoice(s, d, 16, CONTRACT, lie == EARNS_AFTER_CAP ? 1 : 0, 3000);
    if (lie == EARNS_AFTER_CAP)
        pool(s, g, 1880, 1880, 1410);
    else
        all_to(s, g, CREATOR);
}

/* 5.00 of a campaign that nobody has created wait; it funds itself, and has 4.70. */
static void waiting(struct scene *s, enum campaign_lie lie)
{
    static const char five[] = "{\"amount\":{\"amount\":\"5.00\",\"currency\":\"USD\"}}";
    static const char about[] = ABOUT("\"campaign_id\":\"c9\",\"user_id\":\"u3\"");
    struct found_decision *d = told(s, 10, "w", "revenue.invoice_paid", about, five);
    uint64_t seq = s->events;
    scene_policy(s, d, "mete:campaign:c9");
    if (lie == UNKNOWN_CAMPAIGN_BOOKED) {
        all_to(s, invoice(s, d, 17, 0, 0, 0), OWNER);
        return;
    }
    d->wait_code = METE_CAMPAIGN_UNKNOWN;
    struct found_group *g = scene_group(s, d, FOUND_SUSPENSE, 500, 0);
    scene_line(s, g, FOUND_SUSPENDED, OWN_SUSPENSE, 500);
    d = told(s, 11, "late", "campaign.created", ABOUT("\"campaign_id\":\"c9\""),
             "{\"creator\":\"did:other\"}");
    scene_party(s, d, "did:other");
    if (lie == RELEASE_MISSING)
        return;
    d = scene_page(s, 11, seq, "w");
    g = scene_group(s, d, FOUND_REVENUE, 500, scene_day(18));
    g->source = OWN_SUSPENSE;
    g->source_seq = seq;
    g->fee_version = APP_FEES;
    scene_line(s, g, FOUND_FEE, PLATFORM, 15);
    scene_line(s, g, FOUND_FEE, PLATFORM, 15)->share = 1;
    struct found_node *n = scene_node(s, g, 2, BY_CONTRACT, 10000, 470);
    n->version = 0;
    all_to(s, g, OTHER);
}

static void move(struct scene *s, struct found_decision *d, uint32_t from, uint32_t to, i128 amount)
{
    struct found_group *g = scene_group(s, d, FOUND_TRANSFER, 0, 0);
    scene_line(s, g, FOUND_MOVED, from, -amount);
    scene_line(s, g, FOUND_MOVED, to, amount);
}

/* On the 20th all of it is clear: of the creator's 289.60 100.00 are paid, 1.00 fails. */
static void settled(struct scene *s, enum campaign_lie lie)
{
    bool beyond = lie == SETTLED_BEYOND_BALANCE;
    struct found_decision *d =
        told(s, 20, "s1", "settlement.initiated", "",
             beyond ? "{\"settlement_id\":\"x1\",\"beneficiary_id\":\"did:creator\","
                      "\"amount\":{\"amount\":\"289.61\",\"currency\":\"USD\"}}"
                    : "{\"settlement_id\":\"x1\",\"beneficiary_id\":\"did:creator\","
                      "\"amount\":{\"amount\":\"100.00\",\"currency\":\"USD\"}}");
    move(s, d, CREATOR, OWN_PAYOUT, beyond ? 28961 : 10000);
    d = told(s, 20, "s2", "settlement.paid", "", "{\"settlement_id\":\"x1\"}");
    move(s, d, OWN_PAYOUT, OWN_CLEARING, beyond ? 28961 : 10000);
    if (lie == SETTLED_TWICE) {
        d = told(s, 20, "lie", "settlement.paid", "", "{\"settlement_id\":\"x1\"}");
        move(s, d, OWN_PAYOUT, OWN_CLEARING, 10000);
    }
    d = told(s, 20, "s3", "settlement.initiated", "",
             "{\"settlement_id\":\"x2\",\"beneficiary_id\":\"did:other\","
             "\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}");
    move(s, d, OTHER, OWN_PAYOUT, 100);
    d = told(s, 20, "s4", "settlement.failed", "", "{\"settlement_id\":\"x2\"}");
    move(s, d, OWN_PAYOUT, OTHER, 100);
}

/* --- rows --------------------------------------------------------------------------------------*/

/* c1: 47.00 + 84.60 + 94.00 + 94.00 were split; the creator has 37.60 + 67.68 + 90.32 + 94.00. */
static void campaign_rows(struct scene *s, enum campaign_lie lie)
{
    buf_printf(&s->rows,
               "{\"kind\":\"campaign\",\"campaign_id\":\"c1\",\"state\":\"%s\",\"app_id\":\"app1\","
               "\"funding_mode\":\"offering\",\"creator\":\"did:creator\",\"asset\":\"USD/2\","
               "\"share_bps\":2000,\"raise\":\"100000\",\"cap_amount\":\"3000\","
               "\"duration_days\":0,\"activated_at\":\"2025-01-02T12:00:00Z\","
               "\"completed_at\":\"2025-01-08T12:00:00Z\",\"reason\":\"cap_reached\","
               "\"confirmed\":\"100000\",\"accrued\":\"%s\",\"creators\":\"28960\","
               "\"reversed\":\"6000\"}\n",
               lie == ROW_OF_STATE ? "ACTIVE" : "COMPLETED",
               lie == ROW_OF_ACCRUED ? "3001" : "3000");
    scene_row(s, "{\"kind\":\"investment\",\"campaign_id\":\"c1\",\"created\":\"8\","
                 "\"party\":\"i1\",\"amount\":\"75000\"}");
    if (lie != ROW_OF_INVESTMENT)
        scene_row(s, "{\"kind\":\"investment\",\"campaign_id\":\"c1\",\"created\":\"9\","
                     "\"party\":\"i2\",\"amount\":\"25000\"}");
    scene_row(s, "{\"kind\":\"campaign\",\"campaign_id\":\"c9\",\"state\":\"DRAFT\",\"app_id\":"
                 "\"app1\",\"funding_mode\":\"self\",\"creator\":\"did:other\",\"asset\":"
                 "\"USD/2\",\"share_bps\":0,\"duration_days\":0,\"reason\":\"\",\"confirmed\":"
                 "\"0\",\"accrued\":\"0\",\"creators\":\"470\",\"reversed\":\"0\"}");
}

static void other_rows(struct scene *s, enum campaign_lie lie)
{
    scene_row(s, "{\"kind\":\"app\",\"app_id\":\"app1\",\"owner\":\"did:owner\"}");
    buf_printf(&s->rows,
               "{\"kind\":\"terms\",\"app_id\":\"app1\",\"royalty\":\"%s\",\"fees\":\"1073741824\","
               "\"from\":\"2025-01-02T12:00:00Z\"}\n",
               lie == ROW_OF_TERMS ? "OFF" : "ON");
    scene_row(s, "{\"kind\":\"round\",\"round_id\":\"r1\",\"state\":\"OPEN\","
                 "\"campaign_id\":\"c1\"}");
    if (lie != ROW_MISSING)
        scene_row(s, "{\"kind\":\"commitment\",\"commitment_id\":\"k1\",\"state\":\"CONFIRMED\","
                     "\"campaign_id\":\"c1\",\"party\":\"i1\",\"amount\":\"75000\"}");
    scene_row(s, "{\"kind\":\"commitment\",\"commitment_id\":\"k2\",\"state\":\"CONFIRMED\","
                 "\"campaign_id\":\"c1\",\"party\":\"i2\",\"amount\":\"25000\"}");
    scene_row(s, "{\"kind\":\"grant\",\"allocation_id\":\"g1\",\"state\":\"DEPLOYED\","
                 "\"campaign_id\":\"c1\",\"asset\":\"USD/2\",\"amount\":\"1000\"}");
    scene_row(s, "{\"kind\":\"settlement\",\"settlement_id\":\"x1\",\"state\":\"PAID\","
                 "\"party\":\"did:creator\",\"asset\":\"USD/2\",\"amount\":\"10000\"}");
    scene_row(s, "{\"kind\":\"settlement\",\"settlement_id\":\"x2\",\"state\":\"FAILED\","
                 "\"party\":\"did:other\",\"asset\":\"USD/2\",\"amount\":\"100\"}");
    scene_row(s, "{\"kind\":\"paid\",\"party\":\"did:creator\",\"asset\":\"USD/2\","
                 "\"amount\":\"10000\"}");
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"mete:campaign:c1\",\"asset\":\"USD/2\","
                 "\"amount\":\"31960\"}");
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"mete:campaign:c9\",\"asset\":\"USD/2\","
                 "\"amount\":\"470\"}");
}

void scene_campaign(struct scene *s, enum campaign_lie lie)
{
    beginning(s);
    funding(s, lie);
    forbidden(s, lie);
    spending(s, lie);
    first_invoice(s, lie);
    second_anew(s, lie, second_invoice(s));
    cap(s, lie);
    waiting(s, lie);
    if (lie != UNKNOWN_CAMPAIGN_BOOKED && lie != RELEASE_MISSING)
        settled(s, lie);
    campaign_rows(s, lie);
    other_rows(s, lie);
}
