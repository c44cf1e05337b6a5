/* SPDX-License-Identifier: Apache-2.0
 * covers: M-077 M-081 M-082
 * The report of a campaign by hand: each number of a small campaign worked out on paper, and what
 * happens without customers, without spend, after refunds of everything, in two currencies, after
 * corrections and in the past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "engine/campaign_report.h"
#include "engine/engine.h"

struct told {
    struct engine *e;
    struct campaign_report r;
    struct mete_err err;
    unsigned count;
};

static struct told the;

static int set_up(void **state)
{
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 7};
    (void)state;
    the = (struct told){0};
    assert_int_equal(engine_open(&the.e, &o, &the.err), METE_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(the.e);
    campaign_report_clear(&the.r);
    return 0;
}

/* --- telling -----------------------------------------------------------------------------------*/

/** An event of app1, single quotes for double ones; `what` is its correlation and its payload. */
METE_PRINTF(4, 5)
static void tell(enum submit_status wanted, const char *at, const char *type, const char *what, ...)
{
    char members[2000];
    char json[3000];
    struct submit_result r;
    const struct submit_options own = {.own = true};
    va_list args;
    va_start(args, what);
    (void)vsnprintf(members, sizeof members, what, args);
    va_end(args);
    snprintf(json, sizeof json,
             "{'event_id':'e%u','event_type':'%s','occurred_at':'2025-%sZ',"
             "'source':{'app_id':'app1'},%s}",
             the.count++, type, at, members);
    for (char *p = json; *p != 0; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    engine_submit(the.e, text_of(json), strncmp(type, "settlement", 10) == 0 ? &own : NULL, &r);
    if (r.status != wanted) {
        fail_msg("%s: %s: %s at %s", json, submit_status_name(r.status), r.err.text, r.err.pointer);
    }
    assert_int_equal(engine_commit(the.e, &the.err), METE_OK);
}

#define TELL(...) tell(SUBMIT_APPLIED, __VA_ARGS__)

#define C1(payload)         "'correlation':{'campaign_id':'c1'},'payload':{" payload "}"
#define C1_AND(id, payload) "'correlation':{'campaign_id':'c1'," id "},'payload':{" payload "}"
#define WINDOW(day)         "'window_start':'2025-01-" day "','window_end':'2025-01-" day "'"
#define USD(minor)          "'amount_minor':" minor ",'currency':'USD'"

static void fees(void)
{
    TELL("01-01T00:00:00", "fees.scheduled",
         "'payload':{'fees':[{'label':'marketplace_fee','bps':300,'payee':'platform'}]}");
    TELL("01-01T00:00:01", "book.configured", "'payload':{'clear_after_days':0}");
}

static void invoice(const char *at, const char *user, int minor, const char *more)
{
    TELL(at, "revenue.invoice_paid",
         "'correlation':{%s},'payload':{'gross_amount_cents':%d,'currency':'USD'%s}", user, minor,
         more);
}

static void refund(const char *at, const char *type, const char *payment, int minor)
{
    TELL(at, type, "'payload':{'amount_cents':%d,'currency':'USD','stripe_payment_intent_id':'%s'}",
         minor, payment);
}

static void assigned(const char *at, const char *user, const char *campaign, const char *more)
{
    TELL(at, "attribution.assigned", "'payload':{'user_id':'%s','campaign_id':'%s'%s}", user,
         campaign, more);
}

static enum mete_code made(const char *campaign, const char *at)
{
    struct campaign_report_query q = {.campaign_id = text_of(campaign)};
    assert_int_equal(time_parse(text_of(at), &q.at), TIME_OK);
    campaign_report_clear(&the.r);
    return campaign_report_make(the.e, &q, &the.r, &the.err);
}

/* --- comparing ---------------------------------------------------------------------------------*/

#define SAME(a, b) assert_true((i128)(a) == (i128)(b))

static void quota_is(const struct quota *q, i128 num, i128 den, const char *decimal)
{
    char text[QUOTA_TEXT_MAX];
    assert_true(q->set);
    assert_true(q->num == num && q->den == den);
    quota_decimal(q, text);
    assert_string_equal(text, decimal);
}

static void moment_is(mete_time t, const char *wanted)
{
    char text[TIME_TEXT_MAX];
    time_format(t, text);
    assert_string_equal(text, wanted);
}

static void text_is_str(struct text t, const char *wanted)
{
    assert_true(text_eq(t, text_of(wanted)));
}

static void followed_is(const struct report_followed *f, uint64_t users, uint64_t customers,
                        i128 gross, i128 net)
{
    assert_int_equal(f->users, users);
    assert_int_equal(f->customers, customers);
    SAME(f->gross, gross);
    SAME(f->net, net);
}

/* --- one campaign, on paper --------------------------------------------------------------------*/

/** Raises 1,000.00 at 20 %, cap 1.4 times; the royalty comes on: fees are 6 %. */
static void funded(void)
{
    fees();
    TELL("01-02T00:00:00", "campaign.created",
         C1("'creator':'did:creator','currency':'USD','contract':{'raise_amount':'1000.00',"
            "'revenue_share_bps':2000,'cap_multiple':'1.4','duration_days':180,'purpose':'ads',"
            "'attribution_rules':{'days':30}}"));
    TELL("01-02T01:00:00", "campaign.updated", C1("'contract':{'duration_days':150}"));
    TELL("01-03T00:00:00", "campaign.opened_for_funding", C1(""));
    TELL("01-03T00:00:01", "round.created",
         C1_AND("'round_id':'r1'", "'requires_moderation':true"));
    TELL("01-03T00:00:02", "round.approved", "'correlation':{'round_id':'r1'},'payload':{}");
    TELL("01-03T00:00:03", "round.opened", "'correlation':{'round_id':'r1'},'payload':{}");
    TELL("01-03T00:00:04", "commitment.created",
         "'correlation':{'round_id':'r1','commitment_id':'k1'},"
         "'payload':{'investor_id':'did:i1'," USD("60000") "}");
    TELL("01-03T00:00:05", "commitment.created",
         C1_AND("'commitment_id':'k2'", "'investor_id':'did:i2'," USD("40000")));
    TELL("01-03T00:00:06", "commitment.created",
         "'correlation':{'round_id':'r1','commitment_id':'k3'},"
         "'payload':{'investor_id':'did:i3'," USD("5000") "}");
    TELL("01-04T00:00:00", "commitment.cancelled",
         "'correlation':{'commitment_id':'k3'},'payload':{}");
    TELL("01-04T00:00:01", "commitment.confirmed",
         "'correlation':{'commitment_id':'k1'},'payload':{}");
    TELL("01-04T00:00:02", "commitment.confirmed",
         "'correlation':{'commitment_id':'k2'},'payload':{}");
    TELL("01-05T00:00:00", "round.closed", "'correlation':{'round_id':'r1'},'payload':{}");
    TELL("01-05T00:00:01", "campaign.funding_closed", C1(""));
    TELL("01-10T00:00:00", "campaign.activated", C1(""));
}

#define A1 "'allocation_id':'a1'"

static void spent(void)
{
    TELL("01-10T01:00:00", "allocation.created", C1_AND(A1, USD("100000")));
    TELL("01-10T01:00:01", "allocation.deployed", C1_AND(A1, ""));
    TELL("01-10T01:00:02", "spend.authorized", C1_AND(A1, "'platform':'META'," USD("50000")));
    TELL("01-10T01:00:03", "spend.authorized", C1_AND(A1, "'platform':'GOOGLE'," USD("30000")));
    TELL("01-12T00:00:00", "spend.executed",
         "'correlation':{" A1
         "},'payload':{'platform':'META','ad_id':'x1'," WINDOW("11") "," USD("30000") "}");
    TELL("01-12T00:00:01", "spend.executed",
         C1_AND(A1, "'platform':'GOOGLE'," WINDOW("11") "," USD("10000")));
    TELL("01-13T00:00:00", "spend.refunded",
         C1_AND(A1, "'platform':'META'," WINDOW("11") "," USD("2000")));
    TELL("01-13T00:00:01", "spend.executed",
         C1("'platform':'REDDIT'," WINDOW("12") ",'amount':{'amount':'10.00','currency':'EUR'}"));
}

static void kpi(const char *at, const char *platform, const char *more, int impressions, int clicks,
                int conversions, int minor)
{
    TELL(at, "kpi.reported",
         C1("'platform':'%s',%s,'impressions':%d,'clicks':%d,'conversions':%d,'spend_minor':%d,"
            "'currency':'USD'"),
         platform, more, impressions, clicks, conversions, minor);
}

static void performed(void)
{
    kpi("01-12T02:00:00", "META", WINDOW("11"), 1000, 50, 5, 10000);
    kpi("01-12T02:00:01", "META", WINDOW("11") ",'segment':{'country':'US'}", 700, 40, 4, 8000);
    kpi("01-12T02:00:02", "META", WINDOW("11"), 1200, 60, 6, 12000); /* corrects the first */
    kpi("01-12T02:00:03", "GOOGLE", WINDOW("11") ",'segment':'US'", 500, 10, 1, 5000);
    kpi("01-12T02:00:04", "GOOGLE", WINDOW("11") ",'segment':'DE'", 300, 10, 0, 3000);
    kpi("01-14T02:00:00", "META", WINDOW("13") ",'experiment_id':'x','variant_id':'a'", 400, 8, 2,
        4000);
    kpi("01-14T02:00:01", "META", WINDOW("13") ",'experiment_id':'x','variant_id':'b'", 600, 30, 6,
        6000);
    for (int i = 0; i < 2; i++) {
        TELL("01-10T02:00:00", "creative.generated",
             C1("'creative_id':'cr%d','format':'video','hook':'h','cta':'go','offer_framing':'o',"
                "'landing_page_type':'short','experiment_id':'x','variant_id':'%c'"),
             i + 1, 'a' + i);
        TELL("01-11T02:00:00", "creative.launched",
             C1("'creative_id':'cr%d','format':'video','hook':'h2','cta':'go','offer_framing':'o',"
                "'landing_page_type':'short','experiment_id':'x','variant_id':'%c','ad_id':'ad%d'"),
             i + 1, 'a' + i, i + 1);
    }
}

#define SUBSCRIPTION(id) ",'revenue_kind':'subscription','stripe_subscription_id':'" id "'"
#define ONE_TIME(id)     ",'revenue_kind':'one_time','stripe_payment_intent_id':'" id "'"

static void sold(void)
{
    assigned("01-14T00:00:00", "u1", "c1", ",'channel':'paid','ad_id':'ad1'");
    assigned("01-14T00:00:01", "u2", "c1", ",'channel':'paid','ad_id':'ad2'");
    assigned("01-14T00:00:02", "u3", "c1", ",'channel':'email'");
    assigned("01-14T00:00:03", "u4", "c1", ",'channel':'paid'");
    invoice("01-15T00:00:00", "'user_id':'u1'", 10000, SUBSCRIPTION("s1"));
    invoice("01-20T00:00:00", "'user_id':'u2'", 20000, ONE_TIME("p3"));
    invoice("01-25T00:00:00", "'user_id':'u4'", 10000, ONE_TIME("p5"));
    refund("01-28T00:00:00", "revenue.refund_issued", "p5", 1000);
    tell(SUBMIT_WAITING, "01-29T00:00:00", "revenue.invoice_paid",
         "'correlation':{'user_id':'u1'},'payload':{'gross_amount_cents':2000,'currency':'EUR'}");
    invoice("02-03T00:00:00", "'user_id':'u3'", 5000,
            SUBSCRIPTION("s3") ",'stripe_payment_intent_id':'p4'");
    refund("02-10T00:00:00", "revenue.refund_issued", "p3", 5000);
    invoice("02-15T00:00:00", "'user_id':'u1'", 10000, SUBSCRIPTION("s1"));
    TELL("02-20T00:00:00", "revenue.subscription_cancelled",
         "'correlation':{'user_id':'u3'},'payload':{}");
    invoice("03-01T00:00:00", "'campaign_id':'c1'", 3000, "");
    refund("03-05T00:00:00", "revenue.chargeback", "p4", 5000);
    TELL("03-10T00:00:00", "revenue.subscription_cancelled",
         "'correlation':{'user_id':'u1','campaign_id':'c1'},'payload':{'stripe_subscription_id':'"
         "s1'}");
}

/** u4 was another campaign's, with all that was booked. */
static void corrected(void)
{
    TELL("02-01T00:00:00", "campaign.created",
         "'correlation':{'campaign_id':'c2'},'payload':{'creator':'did:other','currency':'USD',"
         "'funding_mode':'self'}");
    TELL("02-01T00:00:01", "campaign.activated", "'correlation':{'campaign_id':'c2'},'payload':{}");
    TELL("02-02T00:00:00", "attribution.updated", "'payload':{'user_id':'u4','campaign_id':'c2'}");
}

static void whole_story(void)
{
    funded();
    spent();
    performed();
    sold();
    corrected();
}

static void whole_story_in_spring(void)
{
    whole_story();
    assert_int_equal(made("c1", "2025-04-10T00:00:00Z"), METE_OK);
}

static void terms_and_funding(void **state)
{
    (void)state;
    whole_story_in_spring();
    const struct campaign_report *r = &the.r;
    text_is_str(r->creator, "did:creator");
    text_is_str(r->purpose, "ads");
    text_is_str(r->attribution_rules, "{\"days\":30}");
    assert_int_equal(r->variants.count, 2);
    text_is_str(((struct report_variant *)r->variants.row[1])->contract, "{\"duration_days\":150}");
    assert_int_equal(r->campaign.duration_days, 150);
    assert_int_equal(r->state, CAMPAIGN_ACTIVE);
    moment_is(r->since, "2025-01-10T00:00:00Z");
    assert_int_equal(r->elapsed_days, 90);
    SAME(r->intended, 100000);
    SAME(r->confirmed, 100000);
    assert_int_equal(r->rounds.count, 2);
    const struct report_round *round = r->rounds.row[0];
    text_is_str(round->round_id, "r1");
    assert_int_equal(round->state, ROUND_CLOSED);
    assert_int_equal(round->commitments, 2);
    SAME(round->intended, 60000);
    SAME(round->cancelled, 5000);
    SAME(((struct report_round *)r->rounds.row[1])->confirmed, 40000);
    assert_true(r->has_cap);
    SAME(r->cap, 140000);
}

static void spend_and_budget(void **state)
{
    (void)state;
    whole_story_in_spring();
    const struct campaign_report *r = &the.r;
    assert_int_equal(r->spend.count, 3);
    const struct report_spend *meta = r->spend.row[1];
    text_is_str(meta->platform, "META");
    SAME(meta->authorized, 50000);
    SAME(meta->executed, 30000);
    SAME(meta->refunded, 2000);
    assert_int_equal(r->spend_total.count, 2);
    const struct report_spend *euros = r->spend_total.row[0];
    assert_string_equal(euros->asset.code, "EUR");
    SAME(euros->executed, 1000);
    SAME(euros->granted, 0);
    const struct report_spend *usd = r->spend_total.row[1];
    SAME(usd->granted, 100000);
    SAME(usd->deployed - usd->of_grants, 62000);
    SAME(r->net_spend, 38000); /* euros are no part of it */
}

static void performance_is_counted_once(void **state)
{
    (void)state;
    whole_story_in_spring();
    const struct campaign_report *r = &the.r;
    assert_int_equal(r->kpi_total.count, 1);
    const struct report_kpi *all = r->kpi_total.row[0];
    SAME(all->impressions, 3000);
    SAME(all->conversions, 15);
    quota_is(&all->ctr, 118, 3000, "0.039333");
    quota_is(&all->cpc, 30000, 118, "254.237288");
    SAME(quota_round(&all->cpc), 254);
    quota_is(&all->cpa, 30000, 15, "2000.000000");
    moment_is(all->from, "2025-01-11T00:00:00Z");
    assert_int_equal(r->kpi_platform.count, 2);
    SAME(((struct report_kpi *)r->kpi_platform.row[0])->impressions, 800);  /* its segments */
    SAME(((struct report_kpi *)r->kpi_platform.row[1])->impressions, 2200); /* without them */
    assert_int_equal(r->kpi_segment.count, 3);
    const struct report_kpi *us = r->kpi_segment.row[2];
    text_is_str(us->segment, "{\"country\":\"US\"}");
    SAME(us->spend, 8000);
}

static void creatives_and_what_followed(void **state)
{
    (void)state;
    whole_story_in_spring();
    const struct campaign_report *r = &the.r;
    assert_int_equal(r->creatives.count, 2);
    const struct report_creative *second = r->creatives.row[1];
    text_is_str(second->hook, "h2");
    moment_is(second->generated_at, "2025-01-10T02:00:00Z");
    text_is_str(*(struct text *)second->ads.row[0], "ad2");
    followed_is(&second->followed, 1, 1, 20000, 15000);
    assert_int_equal(r->trials.count, 2);
    const struct report_trial *a = r->trials.row[0];
    text_is_str(a->variant_id, "a");
    assert_int_equal(a->creatives, 1);
    followed_is(&a->followed, 1, 1, 20000, 20000);
    SAME(((struct report_kpi *)a->kpi.row[0])->conversions, 2);
    assert_int_equal(r->users, 3); /* u4 is another's */
    assert_int_equal(r->channels.count, 2);
    followed_is(&((struct report_channel *)r->channels.row[0])->followed, 1, 1, 5000, 0);
    followed_is(&((struct report_channel *)r->channels.row[1])->followed, 2, 2, 40000, 35000);
}

static void money_by_month(void **state)
{
    (void)state;
    whole_story_in_spring();
    const struct report_money *m = &the.r.money;
    assert_int_equal(m->invoices, 5);
    SAME(m->gross, 48000);
    SAME(m->fees, 2880);
    SAME(m->shareable, 45120);
    SAME(m->pool, 9024);
    SAME(m->creator, 36096);
    SAME(m->refunded, 5000);
    SAME(m->charged_back, 5000);
    SAME(m->net, 38000);
    SAME(m->net_shareable, 35720);
    SAME(m->net_pool, 7144);
    SAME(m->net_creator, 28576);
    SAME(the.r.subscription.gross, 25000);
    SAME(the.r.subscription.net, 20000);
    SAME(the.r.one_time.gross, 20000);
    SAME(the.r.unsaid.gross, 3000);
    assert_int_equal(the.r.months.count, 3);
    const struct report_month *january = the.r.months.row[0];
    const struct report_month *february = the.r.months.row[1];
    const struct report_month *march = the.r.months.row[2];
    assert_int_equal(january->month, 2025 * 12);
    SAME(january->money.gross, 30000);
    SAME(january->money.refunded, 0); /* u4's is another's */
    assert_int_equal(january->new_customers, 2);
    SAME(february->money.gross, 15000);
    SAME(february->money.refunded, 5000);
    assert_int_equal(february->new_customers, 1);
    assert_int_equal(february->repeat_customers, 1);
    SAME(march->money.net, -2000);
    assert_int_equal(march->new_customers + march->repeat_customers, 0);
    assert_int_equal(the.r.waiting.count, 1);
    SAME(((struct report_waits *)the.r.waiting.row[0])->amount, 2000);
}

static void customers_and_rates(void **state)
{
    (void)state;
    whole_story_in_spring();
    const struct campaign_report *r = &the.r;
    assert_int_equal(r->customers, 3);
    assert_int_equal(r->repeat, 1);
    assert_int_equal(r->without_user, 1);
    quota_is(&r->cac, 38000, 3, "12666.666667");
    SAME(quota_round(&r->cac), 12667);
    quota_is(&r->refund_rate, 5000, 48000, "0.104167");
    quota_is(&r->refund_count, 1, 5, "0.200000");
    quota_is(&r->chargeback_count, 1, 5, "0.200000");
    quota_is(&r->progress, 7144, 140000, "0.051029");
    quota_is(&r->returned, 7144, 100000, "0.071440");
    assert_int_equal(r->churn.count, 3);
    const struct report_churn *january = r->churn.row[0];
    const struct report_churn *february = r->churn.row[1];
    quota_is(&january->churn, 0, 1, "0.000000");
    assert_int_equal(february->begun, 1);
    quota_is(&february->churn, 1, 2, "0.500000");
    quota_is(&((struct report_churn *)r->churn.row[2])->churn, 1, 1, "1.000000");
}

static void payback_holds_only_while_it_lasts(void **state)
{
    (void)state;
    whole_story_in_spring();
    assert_int_equal(the.r.payback, PAYBACK_NOT_YET); /* the chargeback took it back */
    quota_is(&the.r.payback_part, 35720, 38000, "0.940000");
    assert_int_equal(made("c1", "2025-03-02T00:00:00Z"), METE_OK);
    assert_int_equal(the.r.payback, PAYBACK_REACHED);
    moment_is(the.r.paid_back_at, "2025-03-01T00:00:00Z");
    assert_int_equal(the.r.payback_days, 50);
    quota_is(&the.r.payback_part, 40420, 38000, "1.063684");
}

static void the_other_campaign_has_it_all(void **state)
{
    (void)state;
    whole_story();
    assert_int_equal(made("c2", "2025-04-10T00:00:00Z"), METE_OK);
    const struct report_money *m = &the.r.money;
    SAME(m->gross, 10000);
    SAME(m->fees, 600);
    SAME(m->refunded, 1000);
    SAME(m->net, 9000);
    SAME(m->net_creator, 8460);
    assert_int_equal(the.r.refunded_invoices, 1);
    assert_int_equal(the.r.users, 1);
    const struct report_month *january = the.r.months.row[0];
    assert_int_equal(the.r.months.count, 1);
    SAME(january->money.refunded, 1000); /* at its own moment, not at that of the correction */
    assert_int_equal(the.r.spend.count, 0);
}

static void as_it_was(void **state)
{
    (void)state;
    whole_story();
    assert_int_equal(made("c1", "2025-01-01T12:00:00Z"), METE_NOT_FOUND);
    assert_int_equal(made("nobody", "2025-04-10T00:00:00Z"), METE_NOT_FOUND);
    assert_int_equal(made("c1", "2025-01-04T00:00:01Z"), METE_OK);
    assert_int_equal(the.r.state, CAMPAIGN_OPEN_FOR_FUNDING);
    SAME(the.r.confirmed, 60000);
    SAME(the.r.intended, 100000);
    assert_int_equal(the.r.elapsed_days, -1);
    SAME(the.r.money.gross, 0);
    assert_int_equal(the.r.users, 0);
    assert_int_equal(made("c1", "2025-01-31T00:00:00Z"), METE_OK);
    SAME(the.r.money.gross, 30000);
    assert_int_equal(the.r.customers, 2);
    assert_int_equal(the.r.churn.count, 1);
}

/* --- edges -------------------------------------------------------------------------------------*/

static void self_funded(void)
{
    fees();
    TELL("01-02T00:00:00", "campaign.created",
         C1("'creator':'did:creator','currency':'USD','funding_mode':'self'"));
    TELL("01-03T00:00:00", "campaign.activated", C1(""));
}

static void nothing_happened(void **state)
{
    (void)state;
    self_funded();
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    const struct campaign_report *r = &the.r;
    assert_false(r->cac.set);
    assert_false(r->refund_rate.set);
    assert_false(r->progress.set);
    assert_false(r->payback_part.set);
    assert_false(r->has_cap);
    assert_int_equal(r->payback, PAYBACK_NO_SPEND);
    assert_int_equal(r->months.count + r->churn.count + r->kpi_total.count + r->waiting.count, 0);
    assert_int_equal(r->steps.count, 2);
}

static void spend_without_customers(void **state)
{
    (void)state;
    self_funded();
    TELL("01-04T00:00:00", "spend.executed", C1("'platform':'META'," WINDOW("03") "," USD("500")));
    TELL("01-04T00:00:01", "spend.executed",
         C1("'platform':'META'," WINDOW("03") ",'amount_minor':5,'currency':'XYZ'"));
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    assert_false(the.r.cac.set);
    assert_int_equal(the.r.payback, PAYBACK_NOT_YET);
    quota_is(&the.r.payback_part, 0, 500, "0.000000");
    assert_int_equal(the.r.left_out, 1);
}

static void customers_without_spend(void **state)
{
    (void)state;
    self_funded();
    assigned("01-04T00:00:00", "u1", "c1", "");
    invoice("01-05T00:00:00", "'user_id':'u1'", 100, "");
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    quota_is(&the.r.cac, 0, 1, "0.000000");
    assert_int_equal(the.r.payback, PAYBACK_NO_SPEND);
    SAME(the.r.money.net_creator, 97);
    assert_int_equal(the.r.channels.count, 1);
}

static void all_refunded(void **state)
{
    (void)state;
    self_funded();
    TELL("01-04T00:00:00", "spend.executed", C1("'platform':'META'," WINDOW("03") "," USD("500")));
    assigned("01-04T00:00:00", "u1", "c1", "");
    invoice("01-05T00:00:00", "'user_id':'u1'", 10000, ONE_TIME("p"));
    refund("01-06T00:00:00", "revenue.refund_issued", "p", 3333);
    refund("01-07T00:00:00", "revenue.refund_issued", "p", 6667);
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    const struct campaign_report *r = &the.r;
    assert_int_equal(r->money.refunds, 2);
    quota_is(&r->refund_rate, 10000, 10000, "1.000000");
    quota_is(&r->refund_count, 1, 1, "1.000000");
    SAME(r->money.net, 0);
    SAME(r->money.net_creator, 0);
    assert_int_equal(r->customers, 1); /* acquired all the same */
    quota_is(&r->cac, 500, 1, "500.000000");
    assert_int_equal(r->payback, PAYBACK_NOT_YET);
    assert_int_equal(made("c1", "2025-01-06T12:00:00Z"), METE_OK);
    assert_int_equal(the.r.payback, PAYBACK_REACHED);
    assert_int_equal(the.r.payback_days, 2);
}

static void facts_before_the_campaign(void **state)
{
    (void)state;
    TELL("01-01T00:00:00", "spend.executed", C1("'platform':'META'," WINDOW("01") "," USD("500")));
    TELL("01-01T00:00:01", "revenue.subscription_cancelled",
         "'correlation':{'user_id':'u1'},'payload':{}"); /* before it began: ends nothing */
    self_funded();
    invoice("01-05T00:00:00", "'user_id':'u1','campaign_id':'c1'", 100, SUBSCRIPTION("s"));
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    SAME(the.r.net_spend, 500);
    assert_int_equal(the.r.churn.count, 1);
    assert_int_equal(((struct report_churn *)the.r.churn.row[0])->cancelled, 0);
    assert_int_equal(the.r.customers, 1);
    assert_int_equal(the.r.users, 0); /* the invoice said it, no attribution */
}

static void the_cap_and_the_clock(void **state)
{
    (void)state;
    funded();
    invoice("02-01T00:00:00", "'campaign_id':'c1'", 1000000, "");
    assert_int_equal(made("c1", "2025-02-02T00:00:00Z"), METE_OK);
    const struct report_step *last = the.r.steps.row[the.r.steps.count - 1];
    assert_int_equal(the.r.state, CAMPAIGN_COMPLETED);
    assert_int_equal(last->event_id.len, 0);
    moment_is(last->occurred_at, "2025-02-01T00:00:00Z");
    quota_is(&the.r.progress, 140000, 140000, "1.000000");
    assert_int_equal(the.r.elapsed_days, 22);
    assert_int_equal(made("c1", "2025-01-31T00:00:00Z"), METE_OK);
    assert_int_equal(the.r.state, CAMPAIGN_ACTIVE);
}

static void days_are_over(void **state)
{
    (void)state;
    funded();
    assert_int_equal(made("c1", "2025-12-31T00:00:00Z"), METE_OK);
    assert_int_equal(the.r.state, CAMPAIGN_CLOSED); /* nobody has anything to be paid */
    moment_is(the.r.since, "2025-06-09T00:00:00Z");
    assert_int_equal(the.r.elapsed_days, 150);
}

static void settled(void **state)
{
    (void)state;
    self_funded();
    invoice("01-05T00:00:00", "'campaign_id':'c1'", 10000, "");
    TELL("01-06T00:00:00", "settlement.initiated",
         C1("'settlement_id':'s1','beneficiary_id':'did:creator','amount':{'amount':'40.00',"
            "'currency':'USD'}"));
    TELL("01-07T00:00:00", "settlement.paid", "'payload':{'settlement_id':'s1'}");
    TELL("01-08T00:00:00", "settlement.initiated",
         C1("'settlement_id':'s2','beneficiary_id':'did:creator','amount':{'amount':'7.00',"
            "'currency':'USD'}"));
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    assert_int_equal(the.r.paid.count, 1);
    SAME(the.r.paid.amount, 4000);
    SAME(the.r.initiated.amount, 700);
    assert_int_equal(the.r.failed.count, 0);
    assert_int_equal(the.r.parties.count, 1);
    const struct report_party *creator = the.r.parties.row[0];
    SAME(creator->paid, 4000);
    SAME(creator->payable, 9700 - 4000 - 700);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    self_funded();
    const struct campaign_report_query q = {
        .campaign_id = TEXT("c1"), .at = TIME_MAX, .memory_max = 1000};
    for (int i = 0; i < 20; i++) {
        char user[64];
        snprintf(user, sizeof user, "'user_id':'u%d','campaign_id':'c1'", i);
        invoice("01-05T00:00:00", user, 100, "");
    }
    assert_int_equal(made("c1", "2025-02-01T00:00:00Z"), METE_OK);
    assert_int_equal(the.r.customers, 20);
    campaign_report_clear(&the.r);
    assert_int_equal(campaign_report_make(the.e, &q, &the.r, &the.err), METE_LIMIT);
}

static void decimals(void **state)
{
    (void)state;
    static const struct {
        i128 num, den;
        const char *decimal;
        int64_t rounded;
    } cases[] = {{1, 3, "0.333333", 0},        {2, 3, "0.666667", 1},
                 {1, 2, "0.500000", 1},        {-1, 2, "-0.500000", -1},
                 {-1, 3, "-0.333333", 0},      {19999999, 10000000, "2.000000", 2},
                 {1, 2000000, "0.000001", 0},  {1, 2000001, "0.000000", 0},
                 {-1, 9999999, "0.000000", 0}, {0, 7, "0.000000", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct quota q = {true, cases[i].num, cases[i].den};
        quota_is(&q, cases[i].num, cases[i].den, cases[i].decimal);
        SAME(quota_round(&q), cases[i].rounded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals),
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(terms_and_funding),
        T(spend_and_budget),
        T(performance_is_counted_once),
        T(creatives_and_what_followed),
        T(money_by_month),
        T(customers_and_rates),
        T(payback_holds_only_while_it_lasts),
        T(the_other_campaign_has_it_all),
        T(as_it_was),
        T(nothing_happened),
        T(spend_without_customers),
        T(customers_without_spend),
        T(all_refunded),
        T(facts_before_the_campaign),
        T(the_cap_and_the_clock),
        T(days_are_over),
        T(settled),
        T(too_much_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
