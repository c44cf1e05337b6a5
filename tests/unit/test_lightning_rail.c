/* SPDX-License-Identifier: Apache-2.0
 * Lightning payments against nodes by script: each thing that each kind of node can say, and that
 * no second invoice is ever allowed while the first may be paid. covers: R-022 R-032 */
#include "lightning_case.h"

#include "base/text.h"
#include "rails/lightning/parts.h"

/* --- sending -----------------------------------------------------------------------------------*/

static void check_paid(struct bench *b, const struct node_words *n)
{
    says_reserve(b);
    says(b, n->info_at, &n->info);
    if (n->pay_paid.body != NULL)
        says(b, n->pay_at, &n->pay_paid);
    else
        says(b, n->pay_at, &(struct said){201, "{'paymentHash':'@H'}"});
    says(b, n->look_at, &n->paid);
    (void)run(b, rail_lightning.send);
    assert_outcome(b, RAIL_PAID, "");
    assert_text(b->p.report.proof, b->w.preimage);
    assert_text(b->p.report.reference, b->w.hash);
    assert_true(b->p.report.has_fee && b->p.report.fee == 2); /* 1,001 msat, rounded up */
    assert_false(b->p.report.has_amount);
    const char *asked = world_asked(&b->w, n->pay_at);
    assert_non_null(asked);
    char invoice[2000];
    snprintf(invoice, sizeof invoice, "%.*s", (int)b->w.invoice.len, (const char *)b->w.invoice.p);
    assert_non_null(strstr(asked, invoice));
    assert_null(strstr(asked, "amount")); /* it is the invoice's */
}

static void test_paid_with_proof_and_fee(void **state)
{
    (void)state;
    each_node(check_paid);
}

static void test_what_is_sent_to_each_node(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "\"maxfee\":133450,\"retry_for\":30,\"maxdelay\":1008}",
        "\"timeout_seconds\":30,\"fee_limit_msat\":\"133450\",\"cltv_limit\":1008,\"max_parts\":16,"
        "\"no_inflight_updates\":true}",
        " invoice=lnbc", "{\"out\":true,\"bolt11\":\"lnbc"};
    for (size_t i = 0; i < ARRAY_LEN(nodes_said); i++) {
        struct bench b;
        bench_prepared(&b, &nodes_said[i]);
        says_reserve(&b);
        says(&b, nodes_said[i].info_at, &nodes_said[i].info);
        (void)run(&b, rail_lightning.send);
        const char *asked = world_asked(&b.w, nodes_said[i].pay_at);
        assert_non_null(asked);
        if (strstr(asked, wanted[i]) == NULL)
            fail_msg("'%s' has no '%s'", asked, wanted[i]);
        bench_close(&b);
    }
}

/* Whatever the answer to paying is, the look-up by hash decides; and no answer is a failure. */
static void check_refusals(struct bench *b, const struct node_words *n)
{
    static const enum web_outcome broken[] = {WEB_NOT_SENT, WEB_BROKEN, WEB_REFUSED};
    const struct said *answers[] = {&n->pay_refused, &(struct said){500, "oops"},
                                    &(struct said){401, "{}"}};
    const struct {
        const struct said *look;
        enum rail_outcome outcome;
    } looks[] = {{&n->paid, RAIL_PAID},       {&n->pending, RAIL_ACCEPTED},
                 {&n->failed, RAIL_UNKNOWN},  {&n->absent, RAIL_UNKNOWN},
                 {&n->foreign, RAIL_UNKNOWN}, {&n->unknown_path, RAIL_UNKNOWN}};
    for (size_t i = 0; i < ARRAY_LEN(broken) + ARRAY_LEN(answers); i++) {
        for (size_t k = 0; k < ARRAY_LEN(looks); k++) {
            world_forget(&b->w);
            says_reserve(b);
            says(b, n->info_at, &n->info);
            if (i < ARRAY_LEN(broken))
                world_rule(&b->w, (struct rule){LIGHTNING_NODE, n->pay_at, 0, broken[i], 0, NULL});
            else
                says(b, n->pay_at, answers[i - ARRAY_LEN(broken)]);
            says(b, n->look_at, looks[k].look);
            (void)run(b, rail_lightning.send);
            assert_outcome(b, looks[k].outcome, "");
        }
    }
}

static void test_every_refusal_of_every_node(void **state)
{
    (void)state;
    each_node(check_refusals);
}

static void check_not_sent_late(struct bench *b, const struct node_words *n)
{
    static const mete_time late[] = {EXPIRES - 10 * TIME_SECOND_US, EXPIRES, EXPIRES + MINUTE};
    for (size_t i = 0; i < ARRAY_LEN(late); i++) {
        world_forget(&b->w);
        b->p.now = late[i];
        says_reserve(b);
        says(b, n->info_at, &n->info);
        says(b, n->look_at, &n->absent);
        (void)run(b, rail_lightning.send);
        assert_outcome(b, RAIL_UNKNOWN, "last while");
        assert_true(b->p.report.retry_at == EXPIRES + 10 * MINUTE);
        for (size_t k = 0; k < b->w.asked_count; k++)
            assert_null(strstr(b->w.asked[k], "lnbc"));
    }
}

static void test_an_expired_invoice_is_not_sent(void **state)
{
    (void)state;
    each_node(check_not_sent_late);
}

/* --- what is committed -------------------------------------------------------------------------*/

/** Whether the payment was asked for, in whatever form. */
static const char *asked_to_pay(const struct bench *b)
{
    return world_asked(&b->w, b->n->pay_at);
}

/* A worker with other settings sends what was committed, not what it would commit. */
static void test_terms_are_those_that_were_committed(void **state)
{
    (void)state;
    static const struct pair other[] = {
        {"pay_timeout_s", "10"}, {"max_delay_blocks", "500"}, {"fee_percent", "9"}, {NULL, NULL}};
    for (size_t i = 0; i < ARRAY_LEN(nodes_said); i++) {
        const struct node_words *n = &nodes_said[i];
        struct bench first, second;
        bench_prepared(&first, n);
        bench_open(&second, n, other);
        second.p = first.p;
        struct bench *const both[] = {&first, &second};
        for (size_t k = 0; k < ARRAY_LEN(both); k++) {
            says_reserve(both[k]);
            says(both[k], n->info_at, &n->info);
            (void)run(both[k], rail_lightning.send);
            assert_non_null(asked_to_pay(both[k]));
        }
        assert_string_equal(asked_to_pay(&first), asked_to_pay(&second));
        bench_close(&first);
        bench_close(&second);
    }
}

/** Prepared by a node that did not say whether it knows the hash. */
static void bench_unsure(struct bench *b, const struct node_words *n, bool is_away)
{
    bench_open(b, n, NULL);
    says_reserve(b);
    if (!is_away) {
        says(b, n->info_at, &n->info);
        says(b, n->look_at, &(struct said){502, "<html>"});
    }
    host_says(b, ASK_AT, FIRST);
    host_says(b, CALL_AT, SECOND);
    (void)run(b, rail_lightning.prepare);
    assert_outcome(b, RAIL_ACCEPTED, "");
    b->p.sending_at = NOW;
    world_forget(&b->w);
}

static void looks(struct bench *b, const struct said *look, call *step)
{
    world_forget(&b->w);
    says_reserve(b);
    says(b, b->n->info_at, &b->n->info);
    says(b, b->n->look_at, look);
    (void)run(b, step);
}

/* Nobody pays an invoice of which the node has not said that it is new to it; that it has said so
 * is committed, so that what the node has from then on is this payment. */
static void check_unsure(struct bench *b, const struct node_words *n)
{
    static const struct said garbage = {502, "<html>"};
    const struct text first = b->p.body[0];
    looks(b, &n->absent, rail_lightning.send);
    assert_outcome(b, RAIL_UNKNOWN, "");
    assert_null(asked_to_pay(b));
    looks(b, &garbage, rail_lightning.probe);
    assert_outcome(b, RAIL_UNKNOWN, "");
    const struct said *foreign[] = {&n->paid, &n->pending, &n->failed};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        looks(b, foreign[i], rail_lightning.probe);
        assert_outcome(b, RAIL_TRANSIENT, "not new");
        looks(b, foreign[i], rail_lightning.send);
        assert_outcome(b, RAIL_TRANSIENT, "not new");
        assert_null(asked_to_pay(b));
    }
    assert_int_equal(b->p.body_count, 1);
    looks(b, &n->absent, rail_lightning.probe);
    assert_outcome(b, RAIL_REPLACE, "");
    assert_int_equal(b->p.body_count, 2);
    assert_true(text_eq(b->p.body[0], first));
    looks(b, &n->absent, rail_lightning.send);
    assert_non_null(asked_to_pay(b));
    looks(b, &n->paid, rail_lightning.probe);
    assert_outcome(b, RAIL_PAID, "");
}

static void test_an_invoice_is_new_when_the_node_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(nodes_said); i++) {
        struct bench b;
        bench_unsure(&b, &nodes_said[i / 2], i % 2 == 1);
        check_unsure(&b, &nodes_said[i / 2]);
        bench_close(&b);
        /* Its invoice has ended before the node was heard: over, since nobody pays that. */
        bench_unsure(&b, &nodes_said[i / 2], i % 2 == 1);
        b.p.now = EXPIRES - LIGHTNING_RESEND_S * TIME_SECOND_US - 1;
        (void)run(&b, rail_lightning.probe);
        assert_outcome(&b, RAIL_UNKNOWN, "");
        b.p.now++;
        (void)run(&b, rail_lightning.probe);
        assert_outcome(&b, RAIL_TRANSIENT, "expired");
        bench_close(&b);
    }
}

/* --- a second invoice --------------------------------------------------------------------------*/

/** Every answer x every moment x both calls: a new attempt is allowed exactly when the node that it
 *  was committed for, in sync, has no live payment and the invoice is dead. */
static void check_second_invoice(struct bench *b, const struct node_words *n)
{
    static const mete_time times[] = {NOW,
                                      EXPIRES - 11 * TIME_SECOND_US,
                                      EXPIRES,
                                      EXPIRES + 10 * MINUTE - 1,
                                      EXPIRES + 10 * MINUTE,
                                      EXPIRES + 24 * 60 * MINUTE};
    const struct said *infos[] = {&n->info, &n->other_node, &n->not_synced,
                                  &(struct said){401, "{}"}};
    const struct said *looks[] = {&n->failed,
                                  &n->absent,
                                  &n->paid,
                                  &n->pending,
                                  &n->foreign,
                                  &n->paid_other_preimage,
                                  &n->unknown_path,
                                  &n->paid_bare,
                                  &(struct said){200, "{}"},
                                  &(struct said){502, "<html>"}};
    unsigned allowed = 0, all = 0;
    for (size_t i = 0; i < ARRAY_LEN(times) * ARRAY_LEN(infos) * ARRAY_LEN(looks) * 2; i++) {
        const size_t at = i / 2 % ARRAY_LEN(times), k = i / 2 / ARRAY_LEN(times);
        const size_t info = k % ARRAY_LEN(infos), look = k / ARRAY_LEN(infos);
        world_forget(&b->w);
        b->p.now = times[at];
        says_reserve(b);
        says(b, n->info_at, infos[info]);
        world_rule(&b->w, (struct rule){LIGHTNING_NODE, n->pay_at, 0, WEB_BROKEN, 0, NULL});
        says(b, n->look_at, looks[look]);
        const enum rail_outcome o = run(b, i % 2 == 0 ? rail_lightning.probe : rail_lightning.send);
        const bool is_dead = info == 0 && look < 2 && at >= 4;
        if ((o == RAIL_TRANSIENT || o == RAIL_REJECTED) != is_dead)
            fail_msg("%s: info %zu, look %zu, time %zu, %s: %s (%s)", n->name, info, look, at,
                     i % 2 == 0 ? "probe" : "send", rail_outcome_name(o), b->p.report.reason);
        assert_int_equal(o == RAIL_PAID, info == 0 && look == 2);
        assert_int_equal(o == RAIL_ABSENT, i % 2 == 0 && info == 0 && look < 2 && at < 2);
        allowed += is_dead;
        all++;
    }
    print_message("# %s: %u of %u allow a new invoice\n", n->name, allowed, all);
}

static void test_never_a_second_invoice_while_the_first_may_be_paid(void **state)
{
    (void)state;
    each_node(check_second_invoice);
}

static void check_words(struct bench *b, const struct node_words *n)
{
    const struct {
        const struct said *look;
        const char *words;
    } rows[] = {{&n->foreign, ""},
                {&n->paid_other_preimage, "preimage"},
                {&n->paid_bare, "preimage"},
                {&(struct said){401, "{}"}, n->key_setting}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        world_forget(&b->w);
        says(b, n->info_at, &n->info);
        says(b, n->look_at, rows[i].look);
        (void)run(b, rail_lightning.probe);
        assert_outcome(b, RAIL_UNKNOWN, rows[i].words);
    }
    world_forget(&b->w);
    says(b, n->info_at, &n->other_node);
    (void)run(b, rail_lightning.probe);
    assert_outcome(b, RAIL_UNKNOWN, "another node");
}

static void test_what_people_are_told(void **state)
{
    (void)state;
    each_node(check_words);
}

static void test_another_kind_of_node_is_never_asked(void **state)
{
    (void)state;
    struct bench first;
    struct bench second;
    bench_prepared(&first, &nodes_said[0]);
    bench_open(&second, &nodes_said[1], NULL);
    second.p = first.p;
    (void)run(&second, rail_lightning.send);
    assert_outcome(&second, RAIL_UNKNOWN, "another kind");
    assert_int_equal(second.w.asked_count, 0);
    bench_close(&first);
    bench_close(&second);
}

static void test_a_body_that_is_not_ours_is_not_sent(void **state)
{
    (void)state;
    struct bench b;
    bench_prepared(&b, &nodes_said[0]);
    const struct text good = b.p.body[0];
    static const char *const bad[] = {"", "{}", "{\"invoice\":\"lnbc1\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        b.p.body[0] = text_of(bad[i]);
        (void)run(&b, rail_lightning.send);
        assert_outcome(&b, RAIL_UNKNOWN, "committed");
    }
    b.p.body[0] = good;
    b.p.anchor = TEXT("00");
    (void)run(&b, rail_lightning.send);
    assert_outcome(&b, RAIL_UNKNOWN, "anchor");
    assert_int_equal(b.w.asked_count, 0);
    bench_close(&b);
}

/* More arrived than was asked for, by the node's word: it is booked as it was. */
static void test_an_amount_that_differs_is_told(void **state)
{
    (void)state;
    struct bench b;
    const struct node_words *n = &nodes_said[1];
    bench_prepared(&b, n);
    says(&b, n->info_at, &n->info);
    says(&b, n->look_at,
         &(struct said){200, "{'result':{'payment_hash':'@H','status':'SUCCEEDED',"
                             "'payment_preimage':'@P','fee_msat':'0','value_msat':'12346000'}}"});
    (void)run(&b, rail_lightning.probe);
    assert_outcome(&b, RAIL_PAID, "");
    assert_true(b.p.report.has_amount && b.p.report.amount == 12346);
    assert_true(b.p.report.has_fee && b.p.report.fee == 0);
    bench_close(&b);
}

/* Every try of every part of a payment, as LND lists them: long, but an answer. */
static void test_a_payment_with_many_tries(void **state)
{
    (void)state;
    struct bench b;
    struct buf body = {0};
    const struct node_words *n = &nodes_said[1];
    bench_prepared(&b, n);
    buf_put_str(&body, "{'result':{'htlcs':[0");
    for (int i = 0; i < 4000; i++)
        buf_printf(&body, ",{'attempt_id':'%d','route':{'hops':[{'pub_key':'%01800d'}]}}", i, 0);
    buf_put_str(&body, "],'payment_hash':'@H','status':'FAILED'}}");
    buf_put_u8(&body, 0);
    assert_true(body.len > 7 << 20);
    says(&b, n->info_at, &n->info);
    says(&b, n->look_at, &(struct said){200, (const char *)body.p});
    (void)run(&b, rail_lightning.probe);
    assert_outcome(&b, RAIL_ABSENT, "could not pay");
    bench_close(&b);
    buf_clear(&body);
}

static void test_inside_one_lnbits_its_books_are_the_payment(void **state)
{
    (void)state;
    struct bench b;
    const struct node_words *n = &nodes_said[3];
    bench_prepared(&b, n);
    says(&b, n->info_at, &n->info);
    says(&b, n->look_at,
         &(struct said){200, "{'paid':true,'preimage':null,'details':{'payment_hash':'@H','status':"
                             "'success','amount':-12345000,'fee':0,'checking_id':'internal_@H'}}"});
    (void)run(&b, rail_lightning.probe);
    assert_outcome(&b, RAIL_PAID, "");
    assert_int_equal(b.p.report.proof.len, 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paid_with_proof_and_fee),
        cmocka_unit_test(test_what_is_sent_to_each_node),
        cmocka_unit_test(test_every_refusal_of_every_node),
        cmocka_unit_test(test_an_expired_invoice_is_not_sent),
        cmocka_unit_test(test_never_a_second_invoice_while_the_first_may_be_paid),
        cmocka_unit_test(test_terms_are_those_that_were_committed),
        cmocka_unit_test(test_an_invoice_is_new_when_the_node_says_so),
        cmocka_unit_test(test_what_people_are_told),
        cmocka_unit_test(test_another_kind_of_node_is_never_asked),
        cmocka_unit_test(test_a_body_that_is_not_ours_is_not_sent),
        cmocka_unit_test(test_an_amount_that_differs_is_told),
        cmocka_unit_test(test_a_payment_with_many_tries),
        cmocka_unit_test(test_inside_one_lnbits_its_books_are_the_payment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
