/* SPDX-License-Identifier: Apache-2.0
 * covers: F-048 M-071
 * The way back from a bank: transfers of a book that went out in one file, and every kind of record
 * that tells what became of them, early, late, twice and wrong. */
#include "base/text.h"
#include "core/balance.h"
#include "engine/bank_import.h"
#include "engine/payout_step.h"
#include "engine/quarantine.h"
#include "engine/query.h"
#include "rails/bank/bank.h"
#include "wire/bank/nacha.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRANSFERS 3
#define MESSAGE   "mete-0123456789abcdef0123456789abcd"

static struct engine *e;
static struct arena arena;
static unsigned told;
static char id[TRANSFERS][40];
static char e2e[TRANSFERS][40];
static struct bank_import_counts counts;

METE_PRINTF(3, 4)
static void say(const char *name, const char *type, const char *payload, ...)
{
    const struct submit_options o = {.own = true};
    struct submit_result r;
    struct buf b = {0};
    char text[1000];
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    buf_printf(&b,
               "{\"event_id\":\"%s%u\",\"event_type\":\"%s\",\"occurred_at\":"
               "\"2025-01-01T00:00:00Z\",\"payload\":{%s}}",
               name, strcmp(name, "batch") == 0 ? 0 : told++, type, text);
    engine_submit(e, buf_text(&b), &o, &r);
    if (r.status != SUBMIT_APPLIED) {
        fail_msg("%s is %s: %s", type, submit_status_name(r.status), r.err.text);
    }
    buf_clear(&b);
}

static void commit(void)
{
    struct mete_err err;
    assert_int_equal(engine_commit(e, &err), METE_OK);
}

static void step(const struct payout_step *s)
{
    struct submit_result r;
    payout_steps_take(e, engine_now(e), s, 1, false, &arena, &r);
    if (r.status != SUBMIT_APPLIED) {
        fail_msg("%s is %s: %s", payout_step_name(s->type), submit_status_name(r.status),
                 r.err.text);
    }
}

static void take_attempt(size_t i, uint32_t attempt, enum event_type type)
{
    char name[BANK_E2E_LEN + 1];
    assert_true(bank_e2e_make(name, text_of(id[i]), attempt));
    const struct payout_step s = {
        .type = type,
        .transfer_id = text_of(id[i]),
        .attempt = attempt,
        .anchor = type == EVENT_PAYOUT_TRANSFER_SENDING ? arena_printf(&arena, MESSAGE "#%s", name)
                                                        : (struct text){0},
        .group = type == EVENT_PAYOUT_TRANSFER_SENDING ? TEXT(MESSAGE) : (struct text){0},
        .has_body = type == EVENT_PAYOUT_TRANSFER_SENDING,
        .body = TEXT("file"),
        .reason = type == EVENT_PAYOUT_TRANSFER_FAILED ? TEXT("rejected") : (struct text){0}};
    step(&s);
}

static void take(size_t i, enum event_type type)
{
    take_attempt(i, 1, type);
}

/* Parties p0 to p2 have 10.00, 11.00 and 12.00; all three are out in one file. */
static int set_up_in(const char *currency)
{
    struct mete_err err;
    const struct engine_options o = {.store = "memory:",
                                     .book = "main",
                                     .create_store = true,
                                     .create_book = true,
                                     .clock = CLOCK_EVENT,
                                     .salt_seed = 1};
    struct payout_batch_progress done;
    told = 0;
    arena_init(&arena, (size_t)1 << 28);
    if (engine_open(&e, &o, &err) != METE_OK) {
        return -1;
    }
    say("e", "book.configured", "\"clear_after_days\":0");
    for (unsigned i = 0; i < TRANSFERS; i++) {
        say("e", "revenue.received",
            "\"party\":\"p%u\",\"amount\":{\"amount\":\"%u.00\",\"currency\":\"%s\"}", i, 10 + i,
            currency);
        say("e", "party.destination_set",
            "\"party\":\"p%u\",\"rail\":\"bank\",\"destination\":\"x%u\"", i, i);
    }
    say("batch", "payout.batch_opened", "\"asset\":\"%s\",\"rail\":\"bank\"", currency);
    const struct payout_query q = {
        .asset = text_of(currency), .rail = TEXT("bank"), .at = engine_now(e)};
    assert_int_equal(payout_queue(e, TEXT("batch0"), &q, 10, &done, &err), METE_OK);
    assert_int_equal(done.queued, TRANSFERS);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        char party[8];
        snprintf(party, sizeof party, "p%u", i);
        transfer_id_make(id[i], TEXT("main"), TEXT("batch0"), text_of(party));
        assert_true(bank_e2e_make(e2e[i], text_of(id[i]), 1));
        take(i, EVENT_PAYOUT_TRANSFER_SENDING);
        take(i, EVENT_PAYOUT_TRANSFER_SENT);
    }
    commit();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_in("EUR");
}

static int set_up_dollars(void **state)
{
    (void)state;
    return set_up_in("USD");
}

static int tear_down(void **state)
{
    (void)state;
    engine_close(e);
    arena_clear(&arena);
    return 0;
}

/* --- looking -----------------------------------------------------------------------------------*/

static void expect_state(size_t i, enum transfer_state wanted)
{
    struct payout_due row;
    struct mete_err err;
    assert_int_equal(payout_find(e, text_of(id[i]), &arena, &row, &err), METE_OK);
    if (row.transfer.state != wanted) {
        fail_msg("transfer %zu is in state %d, not %d", i, row.transfer.state, wanted);
    }
}

static bool one_more(void *arg, const struct quarantined *q)
{
    unsigned *n = arg;
    (void)q;
    (*n)++;
    return true;
}

static unsigned quarantined(void)
{
    unsigned n = 0;
    struct mete_err err;
    assert_int_equal(quarantine_list(e, 0, one_more, &n, &err), METE_OK);
    return n;
}

static enum mete_code import(const char *file)
{
    struct mete_err err;
    enum mete_code code = bank_import(e, text_bytes(text_of(file)), NULL, NULL, &counts, &err);
    if (code == METE_OK) {
        commit();
    } else {
        engine_rollback(e);
    }
    return code;
}

static void expect_count(enum bank_import_end end, size_t wanted)
{
    if (counts.end[end] != wanted) {
        fail_msg("%zu records are %s, not %zu", counts.end[end], bank_import_end_name(end), wanted);
    }
}

/* --- files -------------------------------------------------------------------------------------*/

static struct buf file;

static const char *done(void)
{
    buf_put_u8(&file, 0);
    return (const char *)file.p;
}

/** One pain.002: `group` is what stands behind the original message id. */
static void status_begin(const char *report, const char *group)
{
    buf_reset(&file);
    buf_printf(&file,
               "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">"
               "<CstmrPmtStsRpt><GrpHdr><MsgId>%s</MsgId></GrpHdr><OrgnlGrpInfAndSts>"
               "<OrgnlMsgId>" MESSAGE "</OrgnlMsgId>%s</OrgnlGrpInfAndSts>",
               report, group);
}

static void status_add(const char *name, const char *status, const char *reason)
{
    buf_printf(&file,
               "<OrgnlPmtInfAndSts><OrgnlPmtInfId>" MESSAGE "</OrgnlPmtInfId><TxInfAndSts>"
               "<OrgnlEndToEndId>%s</OrgnlEndToEndId><TxSts>%s</TxSts>%s%s%s</TxInfAndSts>"
               "</OrgnlPmtInfAndSts>",
               name, status, reason[0] != '\0' ? "<StsRsnInf><Rsn><Cd>" : "", reason,
               reason[0] != '\0' ? "</Cd></Rsn></StsRsnInf>" : "");
}

static const char *status_end(void)
{
    buf_put_str(&file, "</CstmrPmtStsRpt></Document>");
    return done();
}

static int cents;

static void statement_begin(void)
{
    buf_reset(&file);
    cents = 0;
    buf_put_str(&file, "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">"
                       "<BkToCstmrStmt><GrpHdr><MsgId>S1</MsgId></GrpHdr><Stmt><Id>1</Id><Acct><Id>"
                       "<IBAN>DE89370400440532013000</IBAN></Id></Acct><Bal><Tp><CdOrPrtry><Cd>OPBD"
                       "</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">1000.00</Amt><CdtDbtInd>CRDT"
                       "</CdtDbtInd></Bal>");
}

/** One entry; `details` stand in its NtryDtls. */
static void entry_add(const char *ref, int amount, bool credit, const char *details)
{
    cents += credit ? amount : -amount;
    buf_printf(&file,
               "<Ntry><Amt Ccy=\"EUR\">%d.%02d</Amt><CdtDbtInd>%s</CdtDbtInd><Sts><Cd>BOOK</Cd>"
               "</Sts><BookgDt><Dt>2025-01-03</Dt></BookgDt><AcctSvcrRef>%s</AcctSvcrRef>%s</Ntry>",
               amount / 100, amount % 100, credit ? "CRDT" : "DBIT", ref, details);
}

static void payment_add(const char *ref, int amount, const char *name)
{
    char details[300];
    snprintf(details, sizeof details,
             "<NtryDtls><TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs></TxDtls></NtryDtls>",
             name);
    entry_add(ref, amount, false, details);
}

static void return_add(const char *ref, int amount, const char *name, const char *reason)
{
    char details[400];
    snprintf(details, sizeof details,
             "<NtryDtls><TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs><RtrInf><Rsn><Cd>%s</Cd>"
             "</Rsn></RtrInf></TxDtls></NtryDtls>",
             name, reason);
    entry_add(ref, amount, true, details);
}

static const char *statement_end(int wrong_by)
{
    int closing = 100000 + cents + wrong_by;
    buf_printf(&file,
               "<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">%d.%02d</Amt>"
               "<CdtDbtInd>CRDT</CdtDbtInd></Bal></Stmt></BkToCstmrStmt></Document>",
               closing / 100, closing % 100);
    return done();
}

/* --- tests -------------------------------------------------------------------------------------*/

static void a_statement_pays(void **state)
{
    (void)state;
    statement_begin();
    payment_add("R0", 1000, e2e[0]);
    payment_add("R1", 1100, e2e[1]);
    payment_add("R9", 700, "rent");
    entry_add("R10", 5000, true, "");
    const char *text = statement_end(0);
    assert_int_equal(import(text), METE_OK);
    expect_count(BANK_IMPORT_PAID, 2);
    expect_count(BANK_IMPORT_UNMATCHED, 2);
    expect_state(0, TRANSFER_PAID);
    expect_state(1, TRANSFER_PAID);
    expect_state(2, TRANSFER_SENT);
    assert_int_equal(quarantined(), 2);
    /* The same file again changes nothing, and fills nothing. */
    struct log_head before = book_head(engine_book(e));
    assert_int_equal(import(text), METE_OK);
    struct log_head after = book_head(engine_book(e));
    expect_count(BANK_IMPORT_PAID, 0);
    expect_count(BANK_IMPORT_KNOWN, 2);
    assert_int_equal(quarantined(), 2);
    assert_true(before.size == after.size);
}

static void a_statement_that_does_not_balance_books_nothing(void **state)
{
    (void)state;
    statement_begin();
    payment_add("R0", 1000, e2e[0]);
    assert_int_equal(import(statement_end(1)), METE_BANK_BALANCE);
    expect_state(0, TRANSFER_SENT);
    statement_begin();
    payment_add("R0", 1000, e2e[0]);
    const char *whole = statement_end(0);
    char *cut = strndup(whole, strlen(whole) - 20);
    assert_int_equal(import(cut), METE_BANK_FILE);
    free(cut);
    expect_state(0, TRANSFER_SENT);
    assert_int_equal(quarantined(), 0);
}

static void what_comes_back_is_returned(void **state)
{
    (void)state;
    statement_begin();
    payment_add("R0", 1000, e2e[0]);
    assert_int_equal(import(statement_end(0)), METE_OK);
    statement_begin();
    return_add("R5", 1000, e2e[0], "AC04");
    return_add("R6", 1050, e2e[1], "MD07"); /* paid and back before anybody said so; less a fee */
    const char *text = statement_end(0);
    assert_int_equal(import(text), METE_OK);
    expect_count(BANK_IMPORT_RETURNED, 2);
    expect_state(0, TRANSFER_RETURNED);
    expect_state(1, TRANSFER_RETURNED);
    assert_int_equal(import(text), METE_OK);
    expect_count(BANK_IMPORT_KNOWN, 2);
    /* The statement of the payment comes after that of its return. */
    statement_begin();
    payment_add("R1", 1100, e2e[1]);
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_KNOWN, 1);
}

static i128 cleared(const char *party)
{
    const struct view *v = engine_view(e);
    struct balance b = {0};
    struct asset asset;
    uint32_t number;
    assert_int_equal(view_party(v, text_of(party), &number), VIEW_FOUND);
    assert_int_equal(view_asset(v, TEXT("EUR"), &asset), VIEW_FOUND);
    assert_int_equal(balance_at(v, &arena, number, asset.number, engine_now(e), &b), VIEW_FOUND);
    return b.cleared - b.debt;
}

/* The first was said to be dead, and then both paid 10.00: what comes back is told apart. */
static void two_attempts_come_back_each_for_itself(void **state)
{
    char second[40];
    (void)state;
    take(0, EVENT_PAYOUT_TRANSFER_FAILED);
    assert_true(bank_e2e_make(second, text_of(id[0]), 2));
    take_attempt(0, 2, EVENT_PAYOUT_TRANSFER_SENDING);
    take_attempt(0, 2, EVENT_PAYOUT_TRANSFER_SENT);
    commit();
    statement_begin();
    payment_add("R0", 1000, e2e[0]);
    payment_add("R1", 1000, second);
    return_add("R2", 600, second, "AC04");
    return_add("R3", 1000, e2e[0], "AC04");
    const char *text = statement_end(0);
    assert_int_equal(import(text), METE_OK);
    expect_count(BANK_IMPORT_PAID, 2);
    expect_count(BANK_IMPORT_RETURNED, 2);
    assert_int_equal(cleared("p0"), 600);
    assert_int_equal(import(text), METE_OK);
    expect_count(BANK_IMPORT_KNOWN, 4);
    /* More of the second than the book has of it, and no more than it has of both. */
    statement_begin();
    return_add("R4", 900, second, "AC04");
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_REFUSED, 1);
    assert_int_equal(quarantined(), 1);
    assert_int_equal(cleared("p0"), 600);
}

/* The bank had paid 9.90. 10.00 of that cannot be back, though 10.00 were to be paid. */
static void what_a_return_says_is_what_is_booked(void **state)
{
    (void)state;
    statement_begin();
    payment_add("R0", 990, e2e[0]);
    return_add("R1", 1000, e2e[0], "AC04");
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_PAID, 1);
    expect_count(BANK_IMPORT_REFUSED, 1);
    assert_int_equal(cleared("p0"), 10);
    statement_begin();
    return_add("R2", 990, e2e[0], "AC04");
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_RETURNED, 1);
    assert_int_equal(cleared("p0"), 1000);
}

static void a_rejection_ends_or_is_tried_again(void **state)
{
    (void)state;
    status_begin("P1", "<GrpSts>PART</GrpSts>");
    status_add(e2e[0], "RJCT", "AC04"); /* the payee's */
    status_add(e2e[1], "RJCT", "AM04"); /* ours */
    status_add(e2e[2], "ACSP", "");
    assert_int_equal(import(status_end()), METE_OK);
    expect_count(BANK_IMPORT_REJECTED, 2);
    expect_count(BANK_IMPORT_PENDING, 2);
    expect_state(0, TRANSFER_FAILED_PERMANENT);
    expect_state(1, TRANSFER_FAILED);
    expect_state(2, TRANSFER_SENT);
    /* "We have it already" is no proof that nothing moved. */
    status_begin("P2", "<GrpSts>PART</GrpSts>");
    status_add(e2e[2], "RJCT", "AM05");
    assert_int_equal(import(status_end()), METE_OK);
    expect_count(BANK_IMPORT_REFUSED, 1);
    expect_state(2, TRANSFER_SENT);
    assert_int_equal(quarantined(), 1);
}

/* For good, after the attempt before it had paid after all: nothing is left to be given up. */
static void a_rejection_after_a_payment_leaves_that(void **state)
{
    char second[40];
    (void)state;
    take(0, EVENT_PAYOUT_TRANSFER_FAILED);
    assert_true(bank_e2e_make(second, text_of(id[0]), 2));
    take_attempt(0, 2, EVENT_PAYOUT_TRANSFER_SENDING);
    take_attempt(0, 2, EVENT_PAYOUT_TRANSFER_SENT);
    commit();
    statement_begin();
    payment_add("R0", 1000, e2e[0]);
    assert_int_equal(import(statement_end(0)), METE_OK);
    status_begin("P1", "<GrpSts>PART</GrpSts>");
    status_add(second, "RJCT", "AC04");
    assert_int_equal(import(status_end()), METE_OK);
    expect_count(BANK_IMPORT_REJECTED, 1);
    expect_count(BANK_IMPORT_REFUSED, 0);
    assert_int_equal(quarantined(), 0);
    expect_state(0, TRANSFER_PAID);
    assert_int_equal(cleared("p0"), 0);
}

static void the_lowest_level_wins(void **state)
{
    (void)state;
    status_begin("P1", "<GrpSts>ACSC</GrpSts>");
    status_add(e2e[0], "RJCT", "AM04");
    assert_int_equal(import(status_end()), METE_OK);
    expect_state(0, TRANSFER_FAILED);
    expect_state(1, TRANSFER_PAID);
    expect_state(2, TRANSFER_PAID);
}

static void a_file_is_rejected_as_a_whole(void **state)
{
    (void)state;
    status_begin("P1", "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>");
    assert_int_equal(import(status_end()), METE_OK);
    expect_count(BANK_IMPORT_REJECTED, TRANSFERS);
    for (size_t i = 0; i < TRANSFERS; i++) {
        expect_state(i, TRANSFER_FAILED);
    }
}

static void one_entry_stands_for_a_file(void **state)
{
    (void)state;
    static const char batch[] = "<NtryDtls><Btch><MsgId>" MESSAGE "</MsgId></Btch></NtryDtls>";
    statement_begin();
    entry_add("R0", 3299, false, batch);
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_REFUSED, 1);
    expect_state(0, TRANSFER_SENT);
    statement_begin();
    entry_add("R1", 3300, false, batch);
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_PAID, TRANSFERS);
    for (size_t i = 0; i < TRANSFERS; i++) {
        expect_state(i, TRANSFER_PAID);
    }
    statement_begin();
    entry_add("R1", 3300, false, batch);
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_UNMATCHED, 1); /* nothing of it is under way any more */
}

static void foreign_ids_are_not_ours(void **state)
{
    (void)state;
    char other[40];
    snprintf(other, sizeof other, "%s", e2e[0]);
    other[10] = other[10] == '0' ? '1' : '0';
    char late[40];
    snprintf(late, sizeof late, "%s", e2e[1]);
    late[2] = '2'; /* an attempt that was never made */
    statement_begin();
    payment_add("R0", 1000, other);
    payment_add("R1", 1100, late);
    assert_int_equal(import(statement_end(0)), METE_OK);
    expect_count(BANK_IMPORT_UNMATCHED, 2);
    assert_int_equal(quarantined(), 2);
}

/** A NACHA return of the i-th payment, as its bank sends it: 94 columns, counts and hash right. */
static const char *ach_return(const char *ach, const char *reason)
{
    buf_reset(&file);
    buf_put_str(&file, "101 0210000211234567890250103"
                       "1200A094101"
                       "BANK                   METE                           \n");
    buf_printf(&file, "5220%-16s%-20s1234567890PPD%-10s%-6s250103   1021000020000001\n", "METE", "",
               "PAYOUT", "");
    buf_printf(&file, "621021000021%-17s0000001000%-15s%-22s  1021000020000001\n", "123", ach, "A");
    buf_printf(&file, "799%s021000020000001      02100002%-44s021000020000001\n", reason, "");
    buf_printf(&file, "82200000020002100002%012d%012d1234567890%-19s%-6s021000020000001\n", 0, 1000,
               "", "");
    buf_printf(&file, "9000001000001000000020002100002%012d%012d%-39s\n", 0, 1000, "");
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 94; k++) {
            buf_put_u8(&file, '9');
        }
        buf_put_u8(&file, '\n');
    }
    return done();
}

static void an_ach_return_finds_its_payment(void **state)
{
    char ach[BANK_ACH_LEN + 1];
    struct mete_err err = {0};
    (void)state;
    bank_ach_make(ach, e2e[0]);
    const char *text = ach_return(ach, "R03");
    if (bank_import(e, text_bytes(text_of(text)), NULL, NULL, &counts, &err) != METE_OK) {
        fail_msg("%s: %s", err.pointer, err.text);
    }
    commit();
    expect_count(BANK_IMPORT_RETURNED, 1);
    expect_state(0, TRANSFER_RETURNED);
    assert_int_equal(import(ach_return(ach, "R03")), METE_OK);
    expect_count(BANK_IMPORT_KNOWN, 1);
    assert_int_equal(import(ach_return("1FFFFFFFFFFFFFF", "R03")), METE_OK);
    expect_count(BANK_IMPORT_UNMATCHED, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_statement_pays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_statement_that_does_not_balance_books_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_comes_back_is_returned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_attempts_come_back_each_for_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_return_says_is_what_is_booked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rejection_ends_or_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rejection_after_a_payment_leaves_that, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_lowest_level_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_rejected_as_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_entry_stands_for_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(foreign_ids_are_not_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ach_return_finds_its_payment, set_up_dollars, tear_down),
    };
    int failed = cmocka_run_group_tests_name("bank_import", tests, NULL, NULL);
    buf_clear(&file);
    return failed;
}
