/* SPDX-License-Identifier: Apache-2.0
 * Writes the load of the campaigns' benchmark: `setup`, 1,000 funded campaigns of 20 apps with four
 * investors each and 20 users attributed to each; `events N`, invoices that these users paid, a
 * refund for one in fifty. Each invoice has two fees, a creator and four investors. Repeatable. */
#include "base/i128.h"
#include "base/rng.h"
#include "base/text.h"
#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAMPAIGNS 1000u
#define APPS      20u
#define INVESTORS 4u
#define USERS     20u
#define REFUND_OF 50u
#define BEGIN     ((mete_time)1735689600 * TIME_SECOND_US)
#define LAST      ((mete_time)300 * 86400 * TIME_SECOND_US)

static const unsigned RAISED[INVESTORS] = {4000000, 2500000, 2000000, 1500000};

struct line {
    const char *type;
    const char *service; /* NULL: the runtime's facts */
    mete_time at;
    unsigned campaign;
    unsigned long id;
};

/* The envelope up to its payload; what `format` makes stands in its correlation. */
__attribute__((format(printf, 2, 3))) static void begin(const struct line *l, const char *format,
                                                        ...)
{
    char time[TIME_TEXT_MAX];
    va_list args;
    time_format(l->at, time);
    printf("{\"event_id\":\"%s_%lu\",\"event_type\":\"%s\",\"occurred_at\":\"%s\",\"source\":{"
           "\"producer\":\"%s\",\"service\":\"%s\",\"app_id\":\"app_%u\",\"environment\":"
           "\"prod\"},\"correlation\":{",
           l->type, l->id, l->type, time, l->service == NULL ? "runtime" : "control_plane",
           l->service == NULL ? "runtime_shell" : l->service, l->campaign % APPS);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("},\"payload\":");
}

static void step(const char *type, const char *service, unsigned c, const char *payload)
{
    struct line l = {type, service, BEGIN + c, c, c};
    begin(&l, "\"campaign_id\":\"camp_%u\",\"round_id\":\"round_%u\"", c, c);
    printf("%s}\n", payload);
}

static void campaign_step(const char *type, unsigned c, const char *payload)
{
    struct line l = {type, "validationengine", BEGIN + c, c, c};
    begin(&l, "\"campaign_id\":\"camp_%u\"", c);
    printf("%s}\n", payload);
}

static void commitments(unsigned c)
{
    for (unsigned i = 0; i < INVESTORS; i++) {
        struct line l = {"commitment.created", "governance", BEGIN + c, c, c * INVESTORS + i};
        begin(&l,
              "\"campaign_id\":\"camp_%u\",\"round_id\":\"round_%u\",\"commitment_id\":\"co_%lu\"",
              c, c, l.id);
        printf("{\"investor_id\":\"did:bench:%lu\",\"amount_minor\":%u,\"currency\":\"USD\"}}\n",
               l.id * 7919 % 4000, RAISED[i]);
        l.type = "commitment.confirmed";
        l.service = "payment";
        begin(&l,
              "\"campaign_id\":\"camp_%u\",\"round_id\":\"round_%u\",\"commitment_id\":\"co_%lu\"",
              c, c, l.id);
        printf("{\"payment_ref\":\"pi_%lu\"}}\n", l.id);
    }
}

static void funded(unsigned c)
{
    struct line l = {"campaign.created", "validationengine", BEGIN + c, c, c};
    begin(&l, "\"campaign_id\":\"camp_%u\"", c);
    printf("{\"contract\":{\"raise_amount\":\"100000.00\",\"revenue_share_bps\":2000,"
           "\"cap_amount\":\"100000000.00\",\"duration_days\":3650},\"funding_mode\":\"offering\","
           "\"currency\":\"USD\",\"creator\":\"did:bench:creator_%u\"}}\n",
           c);
    campaign_step("campaign.opened_for_funding", c, "{}");
    step("round.created", "governance", c, "{\"requires_moderation\":true}");
    step("round.approved", "governance", c, "{}");
    step("round.opened", "governance", c, "{}");
    commitments(c);
    step("round.closed", "governance", c, "{}");
    campaign_step("campaign.funding_closed", c, "{}");
    campaign_step("campaign.activated", c, "{}");
    for (unsigned u = 0; u < USERS; u++) {
        l = (struct line){"attribution.assigned", NULL, BEGIN + c, c, c * USERS + u};
        begin(&l, "\"user_id\":\"user_%lu\"", l.id);
        printf("{\"user_id\":\"user_%lu\",\"campaign_id\":\"camp_%u\"}}\n", l.id, c);
    }
}

static void setup(void)
{
    for (unsigned a = 0; a < APPS; a++) {
        struct line l = {"app.registered", "payment", BEGIN, a, a};
        begin(&l, "%s", "");
        printf("{\"app_id\":\"app_%u\",\"owner\":\"did:bench:owner_%u\"}}\n", a, a);
    }
    for (unsigned c = 0; c < CAMPAIGNS; c++) {
        funded(c);
    }
}

static void events(unsigned long count)
{
    struct rng r;
    rng_seed(&r, 3);
    for (unsigned long i = 0; i < count; i++) {
        unsigned campaign = (unsigned)rng_below(&r, CAMPAIGNS);
        unsigned long user = campaign * USERS + (unsigned long)rng_below(&r, USERS);
        unsigned long cents = (unsigned long)(100 + rng_below(&r, 500000));
        mete_time at = BEGIN + TIME_SECOND_US * 3600 + LAST / (mete_time)(count + 1) * (mete_time)i;
        struct line l = {"revenue.invoice_paid", "payment", at, campaign, i};
        if (i % REFUND_OF == REFUND_OF - 1) {
            l.type = "revenue.refund_issued";
            begin(&l, "\"transaction_id\":\"txn_%lu\"", i - 1);
            printf("{\"refund_amount_cents\":50,\"currency\":\"usd\",\"provider\":\"stripe\"}}\n");
            continue;
        }
        begin(&l, "\"user_id\":\"user_%lu\",\"transaction_id\":\"txn_%lu\"", user, i);
        printf("{\"gross_amount_cents\":%lu,\"currency\":\"usd\",\"revenue_kind\":\"subscription\","
               "\"provider\":\"stripe\",\"scope\":\"app\",\"plan_id\":\"pro\"}}\n",
               cents);
    }
}

int main(int argc, char **argv)
{
    u128 count = 1000000;
    if (argc > 2 && !u128_parse(text_of(argv[2]), &count)) {
        fprintf(stderr, "not a number: %s\n", argv[2]);
        return 2;
    }
    if (argc > 1 && strcmp(argv[1], "setup") == 0) {
        setup();
    } else if (argc > 1 && strcmp(argv[1], "events") == 0) {
        events((unsigned long)count);
    } else {
        fprintf(stderr, "usage: bench_gen_campaigns setup | events N\n");
        return 2;
    }
    return 0;
}
