/* SPDX-License-Identifier: Apache-2.0
 * What GET /metrics says of the facilitator: how payments were judged and settled, how long it
 * took, and how the nodes of the networks do. */
#include "http/facilitator/numbers.h"
#include "base/text.h"
#include "http/facilitator/facilitator.h"
#include "http/facilitator/watch.h"

#include <stdio.h>

static void act_write(struct exposition *e, const struct facilitator_counts *c,
                      enum facilitator_act act, const char *name, const char *help)
{
    exposition_family(e, name, "counter", UNIT_NONE, help);
    const struct label good = {"outcome", TEXT("none")};
    exposition_sample(e, &good, 1, (int64_t)atomic_load(&c->good[act]));
    for (size_t i = 1; i < X402_REASON_COUNT; i++) {
        const uint64_t count = atomic_load(&c->bad[act][i]);
        const struct label bad = {"outcome", text_of(x402_reason_text((enum x402_reason)i))};
        if (count > 0) {
            exposition_sample(e, &bad, 1, (int64_t)count);
        }
    }
}

static void watch_write(struct exposition *e, struct watch *w)
{
    struct watch_stats s;
    watch_stats(w, &s);
    const struct metric list[] = {
        {"mete_x402_settling", "gauge", UNIT_NONE, "Settlements that are not in a block yet.",
         s.open},
        {"mete_x402_settling_oldest_seconds", "gauge", UNIT_SECONDS,
         "How long the oldest of them has waited.", s.oldest_us},
        {"mete_x402_followed", "gauge", UNIT_NONE,
         "Settlements in a block that are followed until they are final.", s.followed},
        {"mete_x402_sent_total", "counter", UNIT_NONE, "Transactions that were sent.",
         (int64_t)s.sent},
        {"mete_x402_sent_again_total", "counter", UNIT_NONE,
         "Times that a transaction was sent again, the same bytes.", (int64_t)s.sent_again},
        {"mete_x402_replaced_total", "counter", UNIT_NONE,
         "Transactions that were replaced by one with a higher fee.", (int64_t)s.replaced},
        {"mete_x402_reverted_total", "counter", UNIT_NONE, "Settlements that the chain refused.",
         (int64_t)s.failed},
        {"mete_x402_confirmed_total", "counter", UNIT_NONE, "Settlements that became final.",
         (int64_t)s.confirmed},
        {"mete_x402_undone_total", "counter", UNIT_NONE,
         "Settlements whose block went away; their revenue was taken back.", (int64_t)s.undone}};
    exposition_list(e, list, ARRAY_LEN(list));
    exposition_family(e, "mete_x402_settle_seconds", "histogram", UNIT_SECONDS,
                      "From the bytes that were committed to the receipt that was booked.");
    exposition_histogram(e, NULL, 0, s.settle_time);
}

/** One number of each network's line. */
static void line_write(struct exposition *e, const struct nets *nets, const char *name,
                       const char *type, const char *help, size_t at)
{
    exposition_family(e, name, type, UNIT_NONE, help);
    for (size_t i = 0; i < nets->count; i++) {
        struct line_stats s;
        line_stats(nets->net[i].line, &s);
        const uint64_t numbers[] = {s.requests, s.posts, s.failed_posts, s.waiting};
        const struct label of = {"network", text_of(nets->net[i].id)};
        exposition_sample(e, &of, 1, (int64_t)numbers[at]);
    }
}

static void nets_write(struct exposition *e, const struct nets *nets)
{
    line_write(e, nets, "mete_x402_rpc_requests_total", "counter",
               "JSON-RPC requests to the nodes of a network.", 0);
    line_write(e, nets, "mete_x402_rpc_posts_total", "counter", "HTTP requests that carried them.",
               1);
    line_write(e, nets, "mete_x402_rpc_failures_total", "counter",
               "Of those, without a good answer.", 2);
    line_write(e, nets, "mete_x402_rpc_waiting", "gauge",
               "Payments that wait for an answer of a node.", 3);
    exposition_family(e, "mete_x402_rpc_seconds_total", "counter", UNIT_SECONDS,
                      "Time that these HTTP requests took, all together.");
    for (size_t i = 0; i < nets->count; i++) {
        struct line_stats s;
        line_stats(nets->net[i].line, &s);
        const struct label of = {"network", text_of(nets->net[i].id)};
        exposition_sample(e, &of, 1, (int64_t)s.post_us);
    }
}

static void coins_write(struct exposition *e, const struct facilitator *f, const struct nets *nets)
{
    exposition_family(e, "mete_x402_account_coins_gwei", "gauge", UNIT_NONE,
                      "What the account that settles on a network had for gas, when something was "
                      "last to be settled there.");
    for (size_t i = 0; i < nets->count; i++) {
        const int64_t coins = facilitator_coins(f, &nets->net[i]);
        const struct label of = {"network", text_of(nets->net[i].id)};
        if (coins >= 0) {
            exposition_sample(e, &of, 1, coins);
        }
    }
}

void facilitator_numbers(struct facilitator *f, struct exposition *e)
{
    const struct nets *nets = facilitator_nets(f);
    if (nets->count == 0) {
        return;
    }
    act_write(e, facilitator_counts(f), ACT_VERIFY, "mete_x402_verifications_total",
              "Answers of /verify, by what was wrong; none: the payment was valid.");
    act_write(e, facilitator_counts(f), ACT_SETTLE, "mete_x402_settlements_total",
              "Answers of /settle, by what was wrong; none: the payment was settled.");
    watch_write(e, facilitator_watch(f));
    coins_write(e, f, nets);
    nets_write(e, nets);
}
