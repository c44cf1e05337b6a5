/* SPDX-License-Identifier: Apache-2.0
 * One scene a rule. Dates are days of January 2025 at noon; allocations clear after seven days. */
#include "scenes.h"

#include <stdio.h>

#include "base/text.h"

#define PUBLISH "policy.published"
#define REVENUE "revenue.received"
#define REVERSE "revenue.reversed"

static void fee_schedule(struct scene *s)
{
    struct found_decision *d =
        scene_event(s, 1, "fees", "fees.scheduled",
                    "{\"fees\":[{\"label\":\"infrastructure\",\"bps\":200,"
                    "\"payee\":\"did:fair:foundation\",\"children\":[{\"label\":\"pattern\","
                    "\"share_bps\":2500,\"payee\":\"did:ethr:0xWeR1Protocol\"}]}]}");
    scene_party(s, d, "did:fair:foundation");
    scene_party(s, d, "did:ethr:0xWeR1Protocol");
}

static struct found_line *fee(struct scene *s, struct found_group *g, uint32_t party,
                              uint32_t entry, i128 amount)
{
    struct found_line *l = scene_line(s, g, FOUND_FEE, party, amount);
    l->entry = entry;
    return l;
}

static void two_to_three(struct scene *s)
{
    struct found_decision *d =
        scene_event(s, 2, "publish", PUBLISH,
                    "{\"manifest\":{\"id\":\"urn:m\",\"title\":\"T\",\"contributors\":["
                    "{\"actor\":{\"id\":\"did:a\",\"name\":\"A\"},\"role\":\"x\",\"weight\":0.6},"
                    "{\"actor\":{\"id\":\"did:b\",\"name\":\"B\"},\"role\":\"y\",\"weight\":0.4}],"
                    "\"created_by\":\"did:a\",\"created_at\":\"2025-01-01T00:00:00Z\"}}");
    scene_policy(s, d, "urn:m");
    scene_party(s, d, "did:a");
    scene_party(s, d, "did:b");
}

/* 1500.00: fee 2 % = 3000, a quarter of it 750; of 147000 six tenths are 88200. */
static struct found_group *sale(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 3, "sale", REVENUE,
        "{\"amount\":{\"amount\":\"1500.00\",\"currency\":\"USD\"},\"policy\":\"urn:m\"}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 150000, scene_day(10));
    g->fee_version = 1;
    fee(s, g, 16, 0, 2250);
    fee(s, g, 17, 1, 750);
    scene_node(s, g, 1, BY_LARGEST, 10, 147000);
    scene_share(s, g, 0, 0, 18, 6, 88200);
    scene_share(s, g, 0, 1, 19, 4, 58800);
    return g;
}

static void weights_and_fee(struct scene *s)
{
    fee_schedule(s);
    two_to_three(s);
    (void)sale(s);
    scene_row(s,
              "{\"kind\":\"net\",\"policy\":\"urn:m\",\"asset\":\"USD/2\",\"amount\":\"147000\"}");
}

static void take(struct scene *s, struct found_group *g, unsigned kind, uint32_t party,
                 uint32_t line, u128 left, i128 amount)
{
    struct found_line *l = scene_line(s, g, kind, party, amount);
    l->share = line;
    l->weight = left;
}

static struct found_group *take_back(struct scene *s, struct found_decision *d, i128 amount,
                                     uint64_t seq, u128 left, mete_time clears_at)
{
    struct found_group *g = scene_group(s, d, FOUND_REVERSAL, -amount, clears_at);
    g->target_seq = seq;
    g->den = left;
    return g;
}

/* 1.00 of 2250 + 750 + 88200 + 58800 = 150000: exact 1.5, 0.5, 58.8, 39.2; the two odd units go to
 * 0.8 and to the first 0.5. Of the policy's 147000 floor(147000 / 1500) = 98 go. Then 2.00 more of
 * 2248, 750, 88141 and 58761: exact 2.999, 1.001, 117.600, 78.400; three taken back are
 * floor(147000 * 300 / 150000) = 294 of the policy's. */
static void reversal(struct scene *s)
{
    fee_schedule(s);
    two_to_three(s);
    (void)sale(s);
    struct found_decision *d = scene_event(
        s, 4, "back", REVERSE,
        "{\"reverses\":\"sale\",\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}");
    struct found_group *g = take_back(s, d, 100, 3, 150000, scene_day(10));
    take(s, g, FOUND_FEE, 16, 0, 2250, -2);
    take(s, g, FOUND_ALLOCATION, 18, 2, 88200, -59);
    take(s, g, FOUND_ALLOCATION, 19, 3, 58800, -39);
    d = scene_event(
        s, 5, "more", REVERSE,
        "{\"reverses\":\"sale\",\"amount\":{\"amount\":\"2.00\",\"currency\":\"USD\"}}");
    g = take_back(s, d, 200, 3, 149900, scene_day(10));
    take(s, g, FOUND_FEE, 16, 0, 2248, -3);
    take(s, g, FOUND_FEE, 17, 1, 750, -1);
    take(s, g, FOUND_ALLOCATION, 18, 2, 88141, -118);
    take(s, g, FOUND_ALLOCATION, 19, 3, 58761, -78);
    scene_row(s,
              "{\"kind\":\"net\",\"policy\":\"urn:m\",\"asset\":\"USD/2\",\"amount\":\"146706\"}");
}

static void full_reversal_after_clearing(struct scene *s)
{
    fee_schedule(s);
    two_to_three(s);
    (void)sale(s);
    struct found_decision *d = scene_event(s, 20, "back", REVERSE, "{\"reverses\":\"sale\"}");
    struct found_group *g = take_back(s, d, 150000, 3, 150000, scene_day(10));
    take(s, g, FOUND_FEE, 16, 0, 2250, -2250);
    take(s, g, FOUND_FEE, 17, 1, 750, -750);
    take(s, g, FOUND_ALLOCATION, 18, 2, 88200, -88200);
    take(s, g, FOUND_ALLOCATION, 19, 3, 58800, -58800);
}

/* 100.01: x 0.5 and leaf 0.3, 0.2 is nobody's: exact 5000.5, 3000.3, 2000.2; the odd unit is x's.
 * Of the leaf's 3000, 0.333 are 999 each and 1002 are left: 3002 unallocated in all. */
static void nested(struct scene *s)
{
    struct found_decision *d =
        scene_event(s, 1, "leaf", PUBLISH,
                    "{\"policy\":{\"id\":\"urn:leaf\",\"kind\":\"weights\",\"shares\":["
                    "{\"party\":\"did:y\",\"weight\":\"0.333\"},{\"party\":\"did:z\",\"weight\":"
                    "\"333/1000\"}]}}");
    scene_policy(s, d, "urn:leaf");
    scene_party(s, d, "did:y");
    scene_party(s, d, "did:z");
    d = scene_event(s, 1, "root", PUBLISH,
                    "{\"policy\":{\"id\":\"urn:root\",\"kind\":\"weights\",\"shares\":["
                    "{\"party\":\"did:x\",\"weight\":\"0.5\"},"
                    "{\"policy\":\"urn:leaf\",\"weight\":\"3/10\"}]}}");
    scene_policy(s, d, "urn:root");
    scene_party(s, d, "did:x");
    d = scene_event(
        s, 2, "sale", REVENUE,
        "{\"amount\":{\"amount\":\"100.01\",\"currency\":\"USD\"},\"policy\":\"urn:root\","
        "\"quantity\":3}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 10001, scene_day(9));
    g->quantity = 3;
    scene_node(s, g, 2, BY_LARGEST, 10, 10001);
    struct found_node *leaf = scene_node(s, g, 1, BY_LARGEST, 1000, 3000);
    leaf->parent = 0;
    leaf->share = 1;
    leaf->weight = 3;
    scene_share(s, g, 0, 0, 18, 5, 5001);
    scene_share(s, g, 1, 0, 16, 333, 999);
    scene_share(s, g, 1, 1, 17, 333, 999);
    scene_line(s, g, FOUND_UNALLOCATED, OWN_UNALLOCATED, 3002);
    scene_row(
        s, "{\"kind\":\"net\",\"policy\":\"urn:root\",\"asset\":\"USD/2\",\"amount\":\"10001\"}");
    scene_row(s,
              "{\"kind\":\"net\",\"policy\":\"urn:leaf\",\"asset\":\"USD/2\",\"amount\":\"3000\"}");
    scene_row(s, "{\"kind\":\"quantity\",\"policy\":\"urn:root\",\"quantity\":\"3\"}");
    scene_row(s, "{\"kind\":\"quantity\",\"policy\":\"urn:leaf\",\"quantity\":\"3\"}");
}

static void temporal_sale(struct scene *s, unsigned day, const char *id, const char *amount,
                          i128 gross, uint32_t entry, u128 producer, i128 to_producer, u128 artist,
                          i128 to_artist)
{
    char payload[200];
    (void)snprintf(payload, sizeof payload,
                   "{\"amount\":{\"amount\":\"%s\",\"currency\":\"USD\"},\"policy\":\"urn:music\"}",
                   amount);
    struct found_decision *d = scene_event(s, day, id, REVENUE, payload);
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, gross, scene_day(day + 7));
    scene_node(s, g, 1, BY_LARGEST, 10, gross)->conditions = entry;
    scene_share(s, g, 0, 0, 16, producer, to_producer)->entry = entry;
    scene_share(s, g, 0, 1, 17, artist, to_artist)->entry = entry;
}

/* Half and half until 5000 USD are recouped; the sale that recoups them is not split itself. */
static void temporal(struct scene *s)
{
#define SPLIT(pre, post)                                                                           \
    "\"temporal_splits\":[{\"version\":1,\"effective_from\":\"2025-01-01\",\"conditions\":["       \
    "\"pre-recoup\"],\"weight\":" pre "},{\"version\":2,\"effective_from\":\"2025-01-01\","        \
    "\"conditions\":[\"post-recoup\"],\"weight\":" post "}]"
    struct found_decision *d =
        scene_event(s, 1, "publish", PUBLISH,
                    "{\"manifest\":{\"id\":\"urn:music\",\"title\":\"T\",\"contributors\":["
                    "{\"actor\":{\"id\":\"did:p\"},\"role\":\"p\"," SPLIT(
                        "0.5", "0.2") "},"
                                      "{\"actor\":{\"id\":\"did:q\"},\"role\":\"q\"," SPLIT(
                                          "0.5", "0.8") "}],"
                                                        "\"metadata\":{\"recoup_threshold\":{"
                                                        "\"amount\":5000,\"currency\":\"USD\"},"
                                                        "\"default_condition\":\"pre-recoup\"}}}");
#undef SPLIT
    scene_policy(s, d, "urn:music");
    scene_party(s, d, "did:p");
    scene_party(s, d, "did:q");
    temporal_sale(s, 2, "first", "4999.99", 499999, 1, 5, 250000, 5, 249999);
    temporal_sale(s, 3, "second", "1000.00", 100000, 1, 5, 50000, 5, 50000);
    temporal_sale(s, 4, "third", "100.00", 10000, 2, 2, 2000, 8, 8000);
    scene_row(
        s, "{\"kind\":\"net\",\"policy\":\"urn:music\",\"asset\":\"USD/2\",\"amount\":\"609999\"}");
}

static void contribute(struct scene *s, const char *id, const char *payload, const char *party)
{
    struct found_decision *d = scene_event(s, 1, id, "contribution.recorded", payload);
    scene_party(s, d, party);
}

static uint32_t pot(struct scene *s, struct found_group *g, uint32_t role, u128 bps, u128 weights,
                    i128 input)
{
    struct found_node *n = scene_node(s, g, 0, BY_ROLE_POT, weights, input);
    n->parent = 0;
    n->share = role;
    n->weight = bps;
    return g->node_count - 1;
}

/* 1.01 by 70/10/20 without a distributor: pots 70 and 10. Of 70, weights 2 and 1 give 46 and 23;
 * all that is left, 101 - 46 - 23 - 10 = 22, is the first author's. */
static void roles(struct scene *s)
{
    contribute(s, "c1",
               "{\"content_item_id\":\"i\",\"party\":\"did:ed\",\"role\":\"editor\",\"weight\":1}",
               "did:ed");
    contribute(s, "c2",
               "{\"content_item_id\":\"i\",\"party\":\"did:au\",\"role\":\"author\",\"weight\":2}",
               "did:au");
    contribute(s, "c3",
               "{\"content_item_id\":\"i\",\"party\":\"did:av\",\"role\":\"author\",\"weight\":1}",
               "did:av");
    struct found_decision *d = scene_event(
        s, 2, "sale", REVENUE,
        "{\"amount\":{\"amount\":\"1.01\",\"currency\":\"USD\"},\"content_item_id\":\"i\"}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 101, scene_day(9));
    scene_node(s, g, 0, BY_AUTHOR, 10000, 101);
    uint32_t authors = pot(s, g, 0, 7000, 3, 70), editors = pot(s, g, 1, 1000, 1, 10);
    scene_share(s, g, authors, 1, 17, 2, 68);
    scene_share(s, g, authors, 2, 18, 1, 23);
    scene_share(s, g, editors, 0, 16, 1, 10);
}

static void carry_sale(struct scene *s, unsigned day, const char *id, i128 each, i128 carry)
{
    struct found_decision *d =
        scene_event(s, day, id, REVENUE,
                    "{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"policy\":\"urn:c\"}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 100, scene_day(day + 7));
    scene_node(s, g, 1, BY_CARRY, 3, 100);
    for (uint32_t i = 0; i < 3; i++)
        scene_share(s, g, 0, i, 16 + i, 1, each);
    scene_line(s, g, FOUND_CARRY, OWN_CARRY, carry)->node = 0;
}

/* Thirds of 1.00, three times: entitled 33.33, 66.67, 100; credited 33, 66, 100. */
static void carry(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "publish", PUBLISH,
        "{\"policy\":{\"id\":\"urn:c\",\"kind\":\"weights\",\"rounding\":\"carry\",\"shares\":["
        "{\"party\":\"did:1\",\"weight\":\"1/3\"},{\"party\":\"did:2\",\"weight\":\"1/3\"},"
        "{\"party\":\"did:3\",\"weight\":\"1/3\"}]}}");
    scene_policy(s, d, "urn:c");
    scene_party(s, d, "did:1");
    scene_party(s, d, "did:2");
    scene_party(s, d, "did:3");
    carry_sale(s, 2, "s1", 33, 1);
    carry_sale(s, 3, "s2", 33, 1);
    carry_sale(s, 4, "s3", 34, -2);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:c\",\"asset\":\"USD/2\",\"amount\":\"300\"}");
}

/* 0.50 of the second sale: each is entitled to 100 - 16.67 = 83.33 now, credited 83: 17 less each,
 * 51 for 50 taken back, so one unit goes to the carry account. */
static void carry_reversal(struct scene *s)
{
    carry(s);
    struct found_decision *d =
        scene_event(s, 5, "back", REVERSE,
                    "{\"reverses\":\"s2\",\"amount\":{\"amount\":\"0.50\",\"currency\":\"USD\"}}");
    struct found_group *g = take_back(s, d, 50, 3, 100, scene_day(10));
    for (uint32_t i = 0; i < 3; i++)
        take(s, g, FOUND_ALLOCATION, 16 + i, i, 33, -17);
    take(s, g, FOUND_CARRY, OWN_CARRY, 3, 1, 1);
    s->rows.len = 0;
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:c\",\"asset\":\"USD/2\",\"amount\":\"250\"}");
    for (unsigned i = 1; i <= 3; i++) {
        char row[200];
        (void)snprintf(
            row, sizeof row,
            "{\"kind\":\"residue\",\"policy\":\"urn:c\",\"asset\":\"USD/2\",\"payee\":"
            "\"did:%u\",\"payee_kind\":\"party\",\"whole\":\"0\",\"num\":\"1\",\"den\":\"3\"}",
            i);
        scene_row(s, row);
    }
}

static void wait_in_suspense(struct scene *s, unsigned day, const char *id, const char *payload,
                             i128 gross)
{
    struct found_decision *d = scene_event(s, day, id, REVENUE, payload);
    d->wait_code = 97;
    struct found_group *g = scene_group(s, d, FOUND_SUSPENSE, gross, 0);
    scene_line(s, g, FOUND_SUSPENDED, OWN_SUSPENSE, gross);
}

/* One sale waits for ever, one until its policy comes, and its reversal until then too. */
static void waiting(struct scene *s)
{
    wait_in_suspense(
        s, 1, "never",
        "{\"amount\":{\"amount\":\"0.07\",\"currency\":\"USD\"},\"policy\":\"urn:none\"}", 7);
    wait_in_suspense(
        s, 1, "early",
        "{\"amount\":{\"amount\":\"0.10\",\"currency\":\"USD\"},\"policy\":\"urn:late\"}", 10);
    scene_event(s, 1, "back", REVERSE,
                "{\"reverses\":\"early\",\"amount\":{\"amount\":\"0.04\",\"currency\":\"USD\"}}")
        ->wait_code = 121;
    struct found_decision *d =
        scene_event(s, 2, "publish", PUBLISH,
                    "{\"policy\":{\"id\":\"urn:late\",\"kind\":\"single\",\"party\":\"did:s\"}}");
    scene_policy(s, d, "urn:late");
    uint32_t party = scene_party(s, d, "did:s");
    d = scene_page(s, 2, 2, "early");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 10, scene_day(9));
    g->source_seq = 2;
    g->source = OWN_SUSPENSE;
    scene_node(s, g, 1, BY_LARGEST, 1, 10);
    scene_share(s, g, 0, 0, party, 1, 10);
    d = scene_page(s, 2, 3, "back");
    g = take_back(s, d, 4, 4, 10, scene_day(9));
    g->target_page = 1;
    take(s, g, FOUND_ALLOCATION, party, 0, 10, -4);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:late\",\"asset\":\"USD/2\",\"amount\":\"6\"}");
    scene_row(s, "{\"kind\":\"waiting\",\"seq\":\"1\",\"code\":\"policy_unknown\"}");
}

static void meter(struct scene *s, const char *id, const char *cost)
{
    char payload[200];
    (void)snprintf(payload, sizeof payload,
                   "{\"policy\":\"urn:api\",\"endpoint\":\"/x\",\"cost\":{\"amount\":\"%s\","
                   "\"currency\":\"USD\"},\"customer_wallet\":\"did:cust\"}",
                   cost);
    struct found_decision *d = scene_event(s, 2, id, "usage.metered", payload);
    scene_party(s, d, "did:cust");
}

static void close_day(struct scene *s, unsigned day, const char *id, const char *payload,
                      i128 gross)
{
    struct found_decision *d = scene_event(s, day, id, "metering.closed", payload);
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, gross, scene_day(day + 7));
    g->customer = 17;
    scene_node(s, g, 1, BY_LARGEST, 1, gross);
    scene_share(s, g, 0, 0, 16, 1, gross);
}

/* 0.004 + 0.018 = 0.022: two cents, 0.002 stay; with 0.008 more they are a cent. */
static void metering(struct scene *s)
{
    struct found_decision *d =
        scene_event(s, 1, "publish", PUBLISH,
                    "{\"policy\":{\"id\":\"urn:api\",\"kind\":\"single\",\"party\":\"did:api\"}}");
    scene_policy(s, d, "urn:api");
    scene_party(s, d, "did:api");
    meter(s, "m1", "0.004");
    meter(s, "m2", "0.018");
    close_day(s, 3, "close1", "{\"policy\":\"urn:api\",\"day\":\"2025-01-02\"}", 2);
    meter(s, "m3", "0.008");
    s->step[s->step_count - 1].recorded_at = scene_day(3);
    close_day(s, 4, "close2", "{\"policy\":\"urn:api\",\"day\":\"2025-01-03\"}", 1);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:api\",\"asset\":\"USD/2\",\"amount\":\"3\"}");
}

static struct found_decision *report(struct scene *s, const char *id, const char *batch,
                                     const char *provider, unsigned calls)
{
    char payload[300];
    (void)snprintf(payload, sizeof payload,
                   "{\"platform_id\":\"p\",\"provider\":\"%s\",\"window_start\":"
                   "\"2025-01-01T00:00:00Z\",\"window_end\":\"2025-01-01T01:00:00Z\",\"calls\":%u,"
                   "\"batch_id\":\"%s\"}",
                   provider, calls, batch);
    return scene_event(s, 2, id, "usage.reported", payload);
}

/* 3 and 1 calls, the second provider twice the price: 3/5 and 2/5 of 0.99 are 59.4 and 39.6. A
 * batch that is reported again adds nothing, whatever it says then. */
static void usage(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "publish", PUBLISH,
        "{\"policy\":{\"id\":\"urn:u\",\"kind\":\"usage\",\"tiers\":{\"did:v\":\"2/1\"}}}");
    scene_policy(s, d, "urn:u");
    uint32_t dear = scene_party(s, d, "did:v");
    scene_party(s, report(s, "r1", "b1", "did:w", 3), "did:w");
    report(s, "r2", "b2", "did:v", 1);
    report(s, "again", "b1", "did:x", 700);
    d = scene_event(
        s, 3, "cycle", "cycle.closed",
        "{\"policy\":\"urn:u\",\"window_start\":\"2025-01-01T00:00:00Z\",\"window_end\":"
        "\"2025-01-02T00:00:00Z\",\"pool\":{\"amount\":\"0.99\",\"currency\":\"USD\"}}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 99, scene_day(10));
    scene_node(s, g, 1, BY_LARGEST, 5, 99);
    scene_share(s, g, 0, 0, dear, 2, 40);
    scene_share(s, g, 0, 1, 17, 3, 59);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:u\",\"asset\":\"USD/2\",\"amount\":\"99\"}");
}

static void move(struct scene *s, struct found_group *g, uint32_t from, uint32_t to, i128 amount)
{
    scene_line(s, g, FOUND_MOVED, from, -amount);
    scene_line(s, g, FOUND_MOVED, to, amount);
}

/* b's allocation is disputed and stays so; a's is disputed and goes to did:n, who passes 200.00 on.
 */
static void disputes(struct scene *s)
{
    fee_schedule(s);
    two_to_three(s);
    (void)sale(s);
    scene_event(s, 4, "d1", "allocation.disputed",
                "{\"allocation_id\":\"sale/2\",\"reason\":\"r\"}");
    scene_event(s, 4, "d2", "allocation.disputed",
                "{\"allocation_id\":\"sale/1\",\"reason\":\"r\"}");
    struct found_decision *d =
        scene_event(s, 5, "up", "allocation.upheld",
                    "{\"allocation_id\":\"sale/1\",\"reason\":\"r\",\"reallocate_to\":\"did:n\"}");
    uint32_t heir = scene_party(s, d, "did:n");
    struct found_group *g = scene_group(s, d, FOUND_UPHELD, 0, 0);
    g->target_seq = 3;
    g->den = 88200;
    move(s, g, 18, heir, 88200);
    d = scene_event(s, 6, "pass", "wallet.transferred",
                    "{\"from\":\"did:n\",\"to\":\"did:t\",\"amount\":{\"amount\":\"200.00\","
                    "\"currency\":\"USD\"}}");
    g = scene_group(s, d, FOUND_TRANSFER, 0, 0);
    move(s, g, heir, scene_party(s, d, "did:t"), 20000);
    s->own_balances = true;
#define BALANCE(party, disputed, cleared)                                                          \
    scene_row(s,                                                                                   \
              "{\"kind\":\"balance\",\"party\":\"" party "\",\"asset\":\"USD/2\",\"pending\":"     \
              "\"0\",\"disputed\":\"" disputed "\",\"cleared\":\"" cleared "\",\"debt\":\"0\"}")
    BALANCE("did:fair:foundation", "0", "2250");
    BALANCE("did:ethr:0xWeR1Protocol", "0", "750");
    BALANCE("did:b", "58800", "0");
    BALANCE("did:n", "0", "68200");
    BALANCE("did:t", "0", "20000");
#undef BALANCE
    scene_row(s,
              "{\"kind\":\"net\",\"policy\":\"urn:m\",\"asset\":\"USD/2\",\"amount\":\"147000\"}");
}

/* 10.00: 30 of the payload; 10 % = 100, a third of it 33; 9.00 more take the 870 that are left; the
 * fee in another asset binds nothing, and nothing is left to share. */
static void fees_of_all_kinds(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "fees", "fees.scheduled",
        "{\"fees\":[{\"label\":\"a\",\"bps\":1000,\"payee\":\"did:f1\",\"children\":[{\"label\":"
        "\"b\",\"share_bps\":3333,\"payee\":\"did:c1\"}]},{\"label\":\"c\",\"fixed\":{\"amount\":"
        "\"9.00\",\"currency\":\"USD\"},\"payee\":\"did:f2\"},{\"label\":\"d\",\"fixed\":{"
        "\"amount\":\"5\",\"currency\":\"SAT\"},\"payee\":\"did:f3\"}]}");
    scene_party(s, d, "did:f1");
    scene_party(s, d, "did:c1");
    scene_party(s, d, "did:f2");
    scene_party(s, d, "did:f3");
    d = scene_event(s, 2, "sale", REVENUE,
                    "{\"amount\":{\"amount\":\"10.00\",\"currency\":\"USD\"},\"party\":\"did:s\","
                    "\"fee\":{\"amount\":\"0.30\",\"currency\":\"USD\"}}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 1000, scene_day(9));
    g->fee_version = 1;
    fee(s, g, scene_party(s, d, "external:fee"), 0, 30)->share = NONE_U32;
    fee(s, g, 16, 0, 67);
    fee(s, g, 17, 1, 33);
    fee(s, g, 18, 0, 870)->share = 1;
    fee(s, g, 19, 0, 0)->share = 2;
    scene_node(s, g, 0, BY_LARGEST, 1, 0);
    scene_share(s, g, 0, 0, scene_party(s, d, "did:s"), 1, 0);
}

static void nested_carry_sale(struct scene *s, unsigned day, const char *id, i128 to_x,
                              i128 to_leaf, i128 to_y, i128 to_z, i128 to_nobody)
{
    struct found_decision *d =
        scene_event(s, day, id, REVENUE,
                    "{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"policy\":\"urn:r\"}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 100, scene_day(day + 7));
    scene_node(s, g, 2, BY_CARRY, 3, 100);
    struct found_node *leaf = scene_node(s, g, 1, BY_LARGEST, 4, to_leaf);
    leaf->parent = 0;
    leaf->share = 1;
    leaf->weight = 2;
    leaf->extra = to_leaf - 66;
    scene_share(s, g, 0, 0, 18, 1, to_x);
    scene_share(s, g, 1, 0, 16, 2, to_y);
    scene_share(s, g, 1, 1, 17, 1, to_z);
    scene_line(s, g, FOUND_UNALLOCATED, OWN_UNALLOCATED, to_nobody)->node = 1;
    if (to_x + to_leaf != 100)
        scene_line(s, g, FOUND_CARRY, OWN_CARRY, 100 - to_x - to_leaf)->node = 0;
}

/* Carry over a policy: x a third, the leaf two thirds of 1.00. First 33 and 66, with 1/3 and 2/3
 * left over; then 33 and 67, with 2/3 and 1/3. The leaf splits 66 into 33, 16.5, 16.5 and 67
 * into 33.5, 16.75, 16.75. Half of the first goes back: x loses 16.67, that is 16; the leaf gives
 * floor(66 * 50 / 100) = 33, divided over 33, 17 and 16 as 16.5, 8.5 and 8. One unit is missing to
 * 50 and comes from the carry account; nothing is left over of either. */
static void carry_over_a_policy(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "leaf", PUBLISH,
        "{\"policy\":{\"id\":\"urn:l\",\"kind\":\"weights\",\"shares\":[{\"party\":\"did:y\","
        "\"weight\":\"1/2\"},{\"party\":\"did:z\",\"weight\":0.25}]}}");
    scene_policy(s, d, "urn:l");
    scene_party(s, d, "did:y");
    scene_party(s, d, "did:z");
    d = scene_event(s, 1, "root", PUBLISH,
                    "{\"policy\":{\"id\":\"urn:r\",\"kind\":\"weights\",\"rounding\":\"carry\","
                    "\"shares\":[{\"party\":\"did:x\",\"weight\":\"1/3\"},{\"policy\":\"urn:l\","
                    "\"weight\":\"2/3\"}]}}");
    scene_policy(s, d, "urn:r");
    scene_party(s, d, "did:x");
    nested_carry_sale(s, 2, "s1", 33, 66, 33, 17, 16);
    nested_carry_sale(s, 3, "s2", 33, 67, 33, 17, 17);
    d = scene_event(s, 4, "back", REVERSE,
                    "{\"reverses\":\"s1\",\"amount\":{\"amount\":\"0.50\",\"currency\":\"USD\"}}");
    struct found_group *g = take_back(s, d, 50, 3, 100, scene_day(9));
    take(s, g, FOUND_ALLOCATION, 18, 0, 33, -16);
    take(s, g, FOUND_ALLOCATION, 16, 1, 33, -17);
    take(s, g, FOUND_ALLOCATION, 17, 2, 17, -8);
    take(s, g, FOUND_UNALLOCATED, OWN_UNALLOCATED, 3, 16, -8);
    take(s, g, FOUND_CARRY, OWN_CARRY, 4, 1, -1);
    d = scene_event(s, 5, "rest", REVERSE, "{\"reverses\":\"s1\"}");
    g = take_back(s, d, 50, 3, 50, scene_day(9));
    take(s, g, FOUND_ALLOCATION, 18, 0, 17, -17);
    take(s, g, FOUND_ALLOCATION, 16, 1, 16, -16);
    take(s, g, FOUND_ALLOCATION, 17, 2, 9, -9);
    take(s, g, FOUND_UNALLOCATED, OWN_UNALLOCATED, 3, 8, -8);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:r\",\"asset\":\"USD/2\",\"amount\":\"100\"}");
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:l\",\"asset\":\"USD/2\",\"amount\":\"67\"}");
    scene_row(s,
              "{\"kind\":\"residue\",\"policy\":\"urn:r\",\"asset\":\"USD/2\",\"payee\":\"did:x\","
              "\"payee_kind\":\"party\",\"whole\":\"0\",\"num\":\"1\",\"den\":\"3\"}");
    scene_row(s,
              "{\"kind\":\"residue\",\"policy\":\"urn:r\",\"asset\":\"USD/2\",\"payee\":\"urn:l\","
              "\"payee_kind\":\"policy\",\"whole\":\"-1\",\"num\":\"2\",\"den\":\"3\"}");
}

static void attested_sale(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "publish", PUBLISH,
        "{\"manifest\":{\"id\":\"urn:h\",\"type\":\"track\",\"title\":\"T\",\"version\":\"0.4.0\","
        "\"contributors\":[{\"id\":\"did:a\",\"role\":\"artist\",\"weight\":0.5,\"attestation\":{"
        "\"issuer\":\"did:i\",\"subjectSignature\":\"s\"}},{\"id\":\"did:b\",\"role\":\"artist\","
        "\"weight\":0.5,\"attestation\":{\"issuer\":\"did:i\"}}]}}");
    scene_policy(s, d, "urn:h");
    scene_party(s, d, "did:a");
    scene_party(s, d, "did:b");
    d = scene_event(s, 2, "sale", REVENUE,
                    "{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"policy\":\"urn:h\"}");
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 100, scene_day(9));
    scene_node(s, g, 1, BY_LARGEST, 2, 100);
    scene_share(s, g, 0, 0, 16, 1, 50);
    scene_share(s, g, 0, 1, 17, 1, 50)->flags = FLAG_HELD;
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:h\",\"asset\":\"USD/2\",\"amount\":\"100\"}");
}

/* b has not countersigned: pending when a has long been clear. */
static void held(struct scene *s)
{
    attested_sale(s);
    s->at = scene_day(30);
}

/* Until a supervisor says otherwise. */
static void held_and_overridden(struct scene *s)
{
    attested_sale(s);
    scene_event(s, 20, "over", "allocation.overridden",
                "{\"allocation_id\":\"sale/2\",\"reason\":\"r\"}");
    s->own_balances = true;
    scene_row(s, "{\"kind\":\"pending\",\"party\":\"did:a\",\"asset\":\"USD/2\",\"day\":"
                 "\"2025-01-09\",\"amount\":\"50\"}");
#define CLEARED(party)                                                                             \
    scene_row(s, "{\"kind\":\"balance\",\"party\":\"" party "\",\"asset\":\"USD/2\",\"pending\":"  \
                 "\"0\",\"disputed\":\"0\",\"cleared\":\"50\",\"debt\":\"0\"}")
    CLEARED("did:a");
    CLEARED("did:b");
#undef CLEARED
}

static void says_balance(struct scene *s, const char *party, const char *pending,
                         const char *disputed, const char *cleared)
{
    char row[300];
    (void)snprintf(row, sizeof row,
                   "{\"kind\":\"balance\",\"party\":\"%s\",\"asset\":\"USD/2\",\"pending\":\"%s\","
                   "\"disputed\":\"%s\",\"cleared\":\"%s\",\"debt\":\"0\"}",
                   party, pending, disputed, cleared);
    scene_row(s, row);
}

/* A dispute that nobody decides does not countersign. */
static void held_and_disputed(struct scene *s)
{
    attested_sale(s);
    scene_event(s, 4, "d", "allocation.disputed",
                "{\"allocation_id\":\"sale/2\",\"reason\":\"r\"}");
    s->at = scene_day(60);
    s->own_balances = true;
    scene_row(s, "{\"kind\":\"pending\",\"party\":\"did:a\",\"asset\":\"USD/2\",\"day\":"
                 "\"2025-01-09\",\"amount\":\"50\"}");
    says_balance(s, "did:a", "0", "0", "50");
    says_balance(s, "did:b", "0", "50", "0");
}

/* Disputes of one day; what is disputed on the fourth is due on the tenth. */
static void short_dispute(struct scene *s, const char *pending, const char *disputed,
                          const char *a_clear, const char *b_clear)
{
    fee_schedule(s);
    two_to_three(s);
    (void)sale(s);
    scene_event(s, 4, "days", "book.configured", "{\"dispute_auto_clear_days\":1}");
    scene_event(s, 4, "d", "allocation.disputed",
                "{\"allocation_id\":\"sale/2\",\"reason\":\"r\"}");
    s->own_balances = true;
    scene_row(s, "{\"kind\":\"pending\",\"party\":\"did:a\",\"asset\":\"USD/2\",\"day\":"
                 "\"2025-01-10\",\"amount\":\"88200\"}");
    says_balance(s, "did:fair:foundation", "0", "0", "2250");
    says_balance(s, "did:ethr:0xWeR1Protocol", "0", "0", "750");
    says_balance(s, "did:a", pending, "0", a_clear);
    says_balance(s, "did:b", "0", disputed, b_clear);
    scene_row(s,
              "{\"kind\":\"net\",\"policy\":\"urn:m\",\"asset\":\"USD/2\",\"amount\":\"147000\"}");
}

static void disputed_until_due(struct scene *s)
{
    short_dispute(s, "88200", "58800", "0", "0");
    s->at = scene_day(10) - 1;
}

static void disputed_and_due(struct scene *s)
{
    short_dispute(s, "0", "0", "88200", "58800");
    s->at = scene_day(10);
}

static void special_sale(struct scene *s, unsigned day, unsigned booked, const char *id,
                         uint32_t entry, u128 weight, i128 amount)
{
    struct found_decision *d =
        scene_event(s, day, id, REVENUE,
                    "{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"policy\":\"urn:s\"}");
    s->step[s->step_count - 1].recorded_at = scene_day(booked);
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 100, scene_day(booked + 7));
    scene_node(s, g, 1, BY_LARGEST, 10, 100);
    scene_share(s, g, 0, 0, 16, weight, amount)->entry = entry;
    scene_line(s, g, FOUND_UNALLOCATED, OWN_UNALLOCATED, 100 - amount);
}

/* occurred_at chooses conditions: what was switched on the third day is not yet on for a sale of
 * the second that is told on the fourth. */
static void switched_condition(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "publish", PUBLISH,
        "{\"manifest\":{\"id\":\"urn:s\",\"title\":\"T\",\"contributors\":[{\"actor\":{\"id\":"
        "\"did:a\"},\"role\":\"x\",\"weight\":0.5,\"temporal_splits\":[{\"version\":1,"
        "\"effective_from\":\"2025-01-01\",\"conditions\":[\"special\"],\"weight\":0.1}]}]}}");
    scene_policy(s, d, "urn:s");
    scene_party(s, d, "did:a");
    scene_event(s, 3, "switch", "condition.changed",
                "{\"policy\":\"urn:s\",\"condition\":\"special\",\"active\":true}");
    special_sale(s, 2, 4, "before", 0, 5, 50);
    special_sale(s, 5, 5, "after", 1, 1, 10);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:s\",\"asset\":\"USD/2\",\"amount\":\"200\"}");
}

/* A computed sibling decides the family, one that is switched off says nothing about the default,
 * one that is switched on decides again. */
static void sibling_switched_off(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "publish", PUBLISH,
        "{\"manifest\":{\"id\":\"urn:s\",\"title\":\"T\",\"contributors\":[{\"actor\":{\"id\":"
        "\"did:a\"},\"role\":\"x\",\"weight\":0.5,\"temporal_splits\":[{\"version\":1,"
        "\"effective_from\":\"2025-01-01\",\"conditions\":[\"tickets-any\"],\"weight\":0.1}]}],"
        "\"metadata\":{\"default_condition\":\"tickets-any\",\"ticket_thresholds\":[{\"name\":"
        "\"tickets-under-5\",\"condition\":\"< 5\"}]}}}");
    scene_policy(s, d, "urn:s");
    scene_party(s, d, "did:a");
    special_sale(s, 2, 2, "computed", 0, 5, 50);
    scene_event(s, 3, "off", "condition.changed",
                "{\"policy\":\"urn:s\",\"condition\":\"tickets-under-5\",\"active\":false}");
    special_sale(s, 4, 4, "default", 1, 1, 10);
    scene_event(s, 5, "on", "condition.changed",
                "{\"policy\":\"urn:s\",\"condition\":\"tickets-under-5\",\"active\":true}");
    special_sale(s, 6, 6, "decided", 0, 5, 50);
    scene_row(s, "{\"kind\":\"net\",\"policy\":\"urn:s\",\"asset\":\"USD/2\",\"amount\":\"300\"}");
}

/* A decision in two pages: what is still to come stands in suspense in between. */
static void cut_in_two(struct scene *s)
{
    struct found_decision *d = scene_event(
        s, 1, "publish", PUBLISH,
        "{\"policy\":{\"id\":\"urn:p\",\"kind\":\"weights\",\"shares\":[{\"party\":\"did:a\","
        "\"weight\":\"0.6\"},{\"party\":\"did:b\",\"weight\":\"0.4\"}]}}");
    scene_policy(s, d, "urn:p");
    scene_party(s, d, "did:a");
    scene_party(s, d, "did:b");
    d = scene_event(s, 2, "sale", REVENUE,
                    "{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"policy\":\"urn:p\"}");
    d->pages = 2;
    struct found_group *g = scene_group(s, d, FOUND_REVENUE, 100, scene_day(9));
    scene_node(s, g, 1, BY_LARGEST, 10, 100);
    scene_share(s, g, 0, 0, 16, 6, 60);
    scene_line(s, g, FOUND_SUSPENDED, OWN_SUSPENSE, 40);
    g = scene_group(s, scene_page(s, 2, 0, "sale"), FOUND_MORE, 40, scene_day(9));
    g->source = OWN_SUSPENSE;
    struct found_line *l = scene_line(s, g, FOUND_ALLOCATION, 17, 40);
    l->node = 0;
    l->share = 1;
    l->weight = 4;
    d = scene_event(s, 3, "back", REVERSE, "{\"reverses\":\"sale\"}");
    g = take_back(s, d, 100, 2, 100, scene_day(9));
    take(s, g, FOUND_ALLOCATION, 16, 0, 60, -60);
    take(s, g, FOUND_ALLOCATION, 17, 1, 40, -40);
}

/* Clear as soon as clears_at has come, and not a microsecond before. */
static void clear_in_time(struct scene *s)
{
    weights_and_fee(s);
    s->at = scene_day(10);
}

static void not_clear_yet(struct scene *s)
{
    weights_and_fee(s);
    s->at = scene_day(10) - 1;
}

static void campaign_told_right(struct scene *s)
{
    scene_campaign(s, TOLD_RIGHT);
}

const struct scene_named scenes[] = {
    {"weights_and_fee", weights_and_fee},
    {"nested", nested},
    {"temporal", temporal},
    {"roles", roles},
    {"carry", carry},
    {"reversal", reversal},
    {"full_reversal_after_clearing", full_reversal_after_clearing},
    {"carry_reversal", carry_reversal},
    {"waiting", waiting},
    {"metering", metering},
    {"usage", usage},
    {"disputes", disputes},
    {"fees_of_all_kinds", fees_of_all_kinds},
    {"carry_over_a_policy", carry_over_a_policy},
    {"held", held},
    {"held_and_overridden", held_and_overridden},
    {"held_and_disputed", held_and_disputed},
    {"disputed_until_due", disputed_until_due},
    {"disputed_and_due", disputed_and_due},
    {"switched_condition", switched_condition},
    {"sibling_switched_off", sibling_switched_off},
    {"cut_in_two", cut_in_two},
    {"clear_in_time", clear_in_time},
    {"not_clear_yet", not_clear_yet},
    {"campaign", campaign_told_right},
};
const size_t scene_count = ARRAY_LEN(scenes);
