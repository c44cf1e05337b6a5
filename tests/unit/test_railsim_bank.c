/* SPDX-License-Identifier: Apache-2.0
 * The simulated bank beside mete's own readers and writers: it reads what mete writes, and mete
 * reads what it answers. Two programs that were written apart from the same facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "railsim/bank.h"
#include "wire/bank/nacha.h"
#include "wire/bank/pain001.h"
#include "wire/bank/report.h"

#define ARENA_MAX ((size_t)512 << 20)
#define NOW_US    ((int64_t)1767312000 * TIME_SECOND_US) /* 2026-01-02T00:00:00Z */

struct seen {
    struct bank_record r[16];
    size_t count;
    struct bank_statement s;
    size_t statements;
    struct nacha_record n[8];
    size_t entries;
};

static bool see_record(void *ctx, const struct bank_record *r)
{
    struct seen *seen = ctx;
    assert_true(seen->count < 16);
    seen->r[seen->count++] = *r;
    return true;
}

static bool see_statement(void *ctx, const struct bank_statement *s)
{
    struct seen *seen = ctx;
    seen->s = *s;
    seen->statements++;
    return true;
}

static bool see_entry(void *ctx, const struct nacha_record *r)
{
    struct seen *seen = ctx;
    assert_true(seen->entries < 8);
    seen->n[seen->entries++] = *r;
    return true;
}

static void report_read(const struct buf *b, struct seen *seen)
{
    struct mete_err err = {.text = ""};
    const struct bank_report_sink sink = {seen, see_record, see_statement};
    memset(seen, 0, sizeof *seen);
    if (bank_report_read(buf_bytes(b), &sink, 7u, &err) != METE_OK) {
        fail_msg("%s at %s", err.text, err.pointer);
    }
}

/* --- pain.001 that mete writes -----------------------------------------------------------------*/

static struct iban iban_of(const char *text)
{
    struct iban i;
    assert_int_equal(iban_parse(text_of(text), "", &i, NULL), METE_OK);
    return i;
}

static void pain_write(struct buf *out, enum pain001_version version)
{
    const struct pain001_batch b = {.version = version,
                                    .sepa = true,
                                    .id = TEXT("BATCH-1"),
                                    .created = NOW_US,
                                    .initiator = TEXT("Mueller Inc"),
                                    .debtor = TEXT("Mueller Inc"),
                                    .debtor_iban = iban_of("DE89370400440532013000"),
                                    .execution_day = time_day(NOW_US)};
    struct pain001_transfer t[2] = {{.id = TEXT("po-1"),
                                     .amount = 1234,
                                     .scale = 2,
                                     .currency = TEXT("EUR"),
                                     .creditor = TEXT("Jane & Sons"),
                                     .iban = iban_of("FR1420041010050500013M02606")}};
    struct pain001_totals totals = {0};
    struct pain001_writer w = {0};
    t[1] = t[0];
    t[1].id = TEXT("po-2");
    t[1].amount = 99999999999;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pain001_count(&b, &t[i], &totals, NULL), METE_OK);
    }
    assert_int_equal(pain001_begin(&w, &b, &totals, out, NULL), METE_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pain001_transfer(&w, &t[i], out, NULL), METE_OK);
    }
    assert_int_equal(pain001_end(&w, out, NULL), METE_OK);
}

static void test_it_reads_the_files_that_mete_writes(void **state)
{
    static const enum pain001_version versions[] = {PAIN001_03, PAIN001_09};
    (void)state;
    for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
        struct arena a;
        struct bank_file f;
        struct buf out = {0};
        char why[200];
        arena_init(&a, ARENA_MAX);
        pain_write(&out, versions[v]);
        assert_true(bank_file_read(&a, buf_bytes(&out), &f, why));
        assert_true(!f.nacha && f.reason == NULL && f.count == 2);
        assert_int_equal(f.version9, versions[v] == PAIN001_09);
        assert_string_equal(f.message, "BATCH-1");
        assert_string_equal(f.order[0].end_to_end, "po-1");
        assert_string_equal(f.order[0].creditor, "Jane + Sons");
        assert_string_equal(f.order[1].account, "FR1420041010050500013M02606");
        assert_string_equal(f.order[1].debtor, "DE89370400440532013000");
        assert_true(f.order[0].amount == 1234 && f.order[1].amount == 99999999999);
        assert_true(f.order[0].reason == NULL && f.order[1].reason == NULL);
        buf_clear(&out);
        arena_clear(&a);
    }
}

/* --- reports that mete reads -------------------------------------------------------------------*/

static struct bank_payment payment_of(const char *id, const char *status, const char *reason)
{
    return (struct bank_payment){.amount = 1234,
                                 .message = TEXT("BATCH-1"),
                                 .block = TEXT("BATCH-1"),
                                 .end_to_end = text_of(id),
                                 .creditor = TEXT("A & <B>"),
                                 .account = TEXT("FR1420041010050500013M02606"),
                                 .debtor = TEXT("DE89370400440532013000"),
                                 .currency = TEXT("EUR"),
                                 .status = text_of(status),
                                 .reason = text_of(reason),
                                 .reference = TEXT("")};
}

static void test_its_reports_of_status_are_read(void **state)
{
    struct seen seen;
    struct buf out = {0};
    struct bank_payment p[2] = {payment_of("po-1", "RJCT", "AC04"), payment_of("po-2", "ACCP", "")};
    (void)state;
    bank_status_write(&out, "PS1", NOW_US, TEXT("BATCH-1"), p, 2);
    report_read(&out, &seen);
    size_t transfers = 0;
    for (size_t i = 0; i < seen.count; i++) {
        const struct bank_record *r = &seen.r[i];
        assert_true(r->message == BANK_PAIN_002);
        assert_string_equal(r->original_message, "BATCH-1");
        if (r->level == BANK_TRANSFER) {
            bool rejected = strcmp(r->end_to_end, "po-1") == 0;
            assert_string_equal(r->reason, rejected ? "AC04" : "");
            assert_int_equal(bank_record_outcome(r), rejected ? BANK_FAILED : BANK_PENDING);
            transfers++;
        }
    }
    assert_int_equal(transfers, 2);
    buf_clear(&out);
}

static void test_its_statements_are_read(void **state)
{
    struct seen seen;
    struct buf out = {0};
    const struct bank_statement_head h = {.id = "ST1",
                                          .sequence = 7,
                                          .now_us = NOW_US,
                                          .opening = 100,
                                          .closing = -1134,
                                          .account = TEXT("DE89370400440532013000"),
                                          .currency = TEXT("EUR")};
    struct bank_entry e = {.seq = 1, .amount = 2468, .payment = payment_of("po-1", "ACSC", "")};
    struct bank_entry back = {.seq = 2,
                              .amount = 1234,
                              .credit = true,
                              .reason = TEXT("AC04"),
                              .payment = payment_of("po-2", "ACSC", "")};
    (void)state;
    bank_statement_begin(&out, &h);
    bank_statement_entry(&out, &h, &e);
    bank_statement_entry(&out, &h, &back);
    bank_statement_end(&out);
    report_read(&out, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(bank_record_outcome(&seen.r[0]), BANK_SETTLED);
    assert_int_equal(bank_record_outcome(&seen.r[1]), BANK_RETURNED);
    assert_true(seen.r[0].amount_e5 == 2468000 && !seen.r[0].credit && seen.r[1].credit);
    assert_string_equal(seen.r[1].end_to_end, "po-2");
    assert_string_equal(seen.r[1].reason, "AC04");
    assert_int_equal(seen.statements, 1);
    assert_true(seen.s.sequence == 7 && seen.s.opening_known && seen.s.closing_known);
    assert_true(seen.s.opening_e5 == 100000 && seen.s.closing_e5 == -1134000);
    buf_clear(&out);
}

/* --- NACHA -------------------------------------------------------------------------------------*/

static struct routing routing_of(const char *text)
{
    struct routing r;
    assert_int_equal(routing_parse(text_of(text), "", &r, NULL), METE_OK);
    return r;
}

static void nacha_write(struct buf *out)
{
    const struct nacha_file f = {.destination = routing_of("021000021"),
                                 .origin = TEXT("1234567890"),
                                 .created = NOW_US,
                                 .modifier = 'A',
                                 .destination_name = TEXT("Example Bank"),
                                 .origin_name = TEXT("Mueller Inc"),
                                 .reference = TEXT("")};
    const struct nacha_batch b = {.company = TEXT("Mueller Inc"),
                                  .company_id = TEXT("1234567890"),
                                  .description = TEXT("PAYOUT"),
                                  .effective_day = time_day(NOW_US),
                                  .odfi = "02100002",
                                  .number = 1};
    const struct nacha_entry e = {.savings = true,
                                  .bank = routing_of("091000019"),
                                  .account = TEXT("12345-678"),
                                  .cents = 84750,
                                  .id = TEXT("po-1"),
                                  .name = TEXT("Jane Doe"),
                                  .note = TEXT(""),
                                  .sequence = 42};
    struct nacha_writer w;
    assert_int_equal(nacha_begin(&w, &f, out, NULL), METE_OK);
    assert_int_equal(nacha_batch_begin(&w, &b, out, NULL), METE_OK);
    assert_int_equal(nacha_entry(&w, &e, out, NULL), METE_OK);
    assert_int_equal(nacha_batch_end(&w, out, NULL), METE_OK);
    assert_int_equal(nacha_end(&w, out, NULL), METE_OK);
}

static void test_a_returned_entry_comes_back_to_mete(void **state)
{
    struct arena a;
    struct bank_file f;
    struct seen seen = {.entries = 0};
    struct mete_err err = {.text = ""};
    struct buf sent = {0}, back = {0};
    char why[200];
    (void)state;
    arena_init(&a, ARENA_MAX);
    nacha_write(&sent);
    assert_true(bank_file_read(&a, buf_bytes(&sent), &f, why));
    assert_true(f.nacha && f.count == 1 && f.order[0].amount == 84750);
    const struct bank_order *o = &f.order[0];
    assert_string_equal(o->end_to_end, "021000020000042");
    assert_string_equal(o->account, "12345-678");
    const struct bank_payment p = {.seq = 5,
                                   .amount = o->amount,
                                   .block = text_of(o->block),
                                   .end_to_end = text_of(o->end_to_end),
                                   .debtor = text_of(o->debtor),
                                   .reference = text_of(o->reference)};
    bank_return_write(&back, NOW_US, &p, "R03");
    if (nacha_read(buf_bytes(&back), see_entry, &seen, &err) != METE_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(seen.entries, 1);
    assert_true(seen.n[0].kind == NACHA_RETURN && seen.n[0].code == 31);
    assert_string_equal(seen.n[0].reason, "R03");
    assert_string_equal(seen.n[0].original_trace, "021000020000042");
    assert_string_equal(seen.n[0].account, "12345-678");
    assert_true(seen.n[0].cents == 84750);
    buf_clear(&sent);
    buf_clear(&back);
    arena_clear(&a);
}

/* --- what is not a file of payments ------------------------------------------------------------*/

static void test_broken_files_are_told_apart(void **state)
{
    static const char *const broken[] = {
        "",
        "<",
        "<Document/>",
        "hello",
        "101",
        "<a><b></a>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><Document>&x;</Document>"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct arena a;
        struct bank_file f;
        char why[200] = "";
        arena_init(&a, ARENA_MAX);
        assert_false(bank_file_read(&a, text_bytes(text_of(broken[i])), &f, why));
        assert_true(strncmp(why, "not a ", 6) == 0);
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_reads_the_files_that_mete_writes),
        cmocka_unit_test(test_its_reports_of_status_are_read),
        cmocka_unit_test(test_its_statements_are_read),
        cmocka_unit_test(test_a_returned_entry_comes_back_to_mete),
        cmocka_unit_test(test_broken_files_are_told_apart),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
