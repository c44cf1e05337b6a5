/* SPDX-License-Identifier: Apache-2.0
 * What banks send back: pain.002 and camt, in old and new forms, broken and hostile; beside what
 * other programs read of the same files (tests/data/bank). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/bank/iban.h"
#include "wire/bank/pain001.h"
#include "wire/bank/report.h"
#include "wire/json.h"

#define ROWS 32

struct rows {
    struct bank_record r[ROWS];
    size_t count;
    struct bank_statement s[4];
    size_t statements;
};

static bool keep_record(void *ctx, const struct bank_record *r)
{
    struct rows *rows = ctx;
    assert_true(rows->count < ROWS);
    rows->r[rows->count++] = *r;
    return true;
}

static bool keep_statement(void *ctx, const struct bank_statement *s)
{
    struct rows *rows = ctx;
    assert_true(rows->statements < 4);
    rows->s[rows->statements++] = *s;
    return true;
}

static enum mete_code read_text(struct text xml, struct rows *rows, struct mete_err *err)
{
    struct bank_report_sink sink = {rows, keep_record, keep_statement};
    memset(rows, 0, sizeof *rows);
    return bank_report_read(text_bytes(xml), &sink, 7u, err);
}

/* A file of tests/data/bank, whole. */
static struct buf data(const char *name)
{
    char path[1024];
    struct buf b = {0};
    const char *root = getenv("METE_TEST_DATA");
    snprintf(path, sizeof path, "%s/bank/%s", root == NULL ? "tests/data" : root, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("%s", path);
    }
    for (size_t n = 1; n > 0;) {
        buf_reserve(&b, 4096);
        n = fread(b.p + b.len, 1, 4096, f);
        b.len += n;
    }
    fclose(f);
    return b;
}

/* The file with one piece replaced. */
static struct buf data_with(const char *name, const char *from, const char *to)
{
    struct buf in = data(name), out = {0};
    const uint8_t *at = memmem(in.p, in.len, from, strlen(from));
    assert_non_null(at);
    size_t before = (size_t)(at - in.p), skip = before + strlen(from);
    buf_put(&out, in.p, before);
    buf_put_str(&out, to);
    buf_put(&out, in.p + skip, in.len - skip);
    buf_clear(&in);
    return out;
}

static void is_record(const struct bank_record *r, enum bank_level level, const char *end_to_end,
                      const char *status, enum bank_outcome outcome)
{
    assert_int_equal(r->level, level);
    assert_string_equal(r->end_to_end, end_to_end);
    assert_string_equal(r->status, status);
    assert_int_equal(bank_record_outcome(r), outcome);
}

static void test_a_status_report_gives_its_three_levels(void **state)
{
    struct buf xml = data("pain002.xml");
    static struct rows rows;
    (void)state;
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 5);
    is_record(&rows.r[0], BANK_GROUP, "", "ACTC", BANK_PENDING);
    is_record(&rows.r[1], BANK_TRANSFER, "tr-0001", "ACSC", BANK_SETTLED);
    is_record(&rows.r[2], BANK_TRANSFER, "tr-0002", "RJCT", BANK_FAILED);
    is_record(&rows.r[3], BANK_TRANSFER, "tr-0003", "ACSP", BANK_PENDING);
    is_record(&rows.r[4], BANK_PAYMENT, "", "ACCP", BANK_PENDING);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(rows.r[i].message_id, "BANK-STS-17");
        assert_string_equal(rows.r[i].original_message, "B-2025-01-31/1");
        assert_string_equal(rows.r[i].original_payment, i == 0 ? "" : "B-2025-01-31/1");
        assert_string_equal(rows.r[i].reason, i == 2 ? "AC04" : "");
    }
    assert_true(rows.r[1].amount_known && rows.r[1].amount_e5 == 84750000);
    assert_string_equal(rows.r[1].currency, "EUR");
    assert_string_equal(rows.r[1].servicer_ref, "REF0001");
    buf_clear(&xml);
}

static enum bank_outcome outcome_of(const char *status)
{
    struct bank_record r = {.message = BANK_PAIN_002, .level = BANK_TRANSFER};
    assert_true(text_copy(r.status, sizeof r.status, text_of(status)));
    return bank_record_outcome(&r);
}

static void test_only_rjct_fails_and_only_acsc_and_accc_settle(void **state)
{
    static const char *const pending[] = {"RCVD", "ACTC", "ACCP", "ACSP", "ACWC", "PDNG", "PART"};
    static const char *const unclear[] = {"CANC", "XXXX", "", "AC", "CSC", "ACSC ", "rjct"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pending); i++) {
        assert_int_equal(outcome_of(pending[i]), BANK_PENDING);
    }
    for (size_t i = 0; i < ARRAY_LEN(unclear); i++) {
        char four[5] = "";
        snprintf(four, sizeof four, "%.4s", unclear[i]);
        assert_int_equal(outcome_of(four), strcmp(four, "ACSC") == 0 ? BANK_SETTLED : BANK_UNCLEAR);
    }
    assert_int_equal(outcome_of("ACSC"), BANK_SETTLED);
    assert_int_equal(outcome_of("ACCC"), BANK_SETTLED);
    assert_int_equal(outcome_of("RJCT"), BANK_FAILED);
}

static void test_a_statement_gives_entries_details_and_its_balance(void **state)
{
    struct buf xml = data("camt053.xml");
    static struct rows rows;
    (void)state;
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 4);
    is_record(&rows.r[0], BANK_DETAIL, "tr-0001", "BOOK", BANK_SETTLED);
    is_record(&rows.r[1], BANK_DETAIL, "tr-0004", "BOOK", BANK_SETTLED);
    is_record(&rows.r[2], BANK_DETAIL, "tr-0005", "BOOK", BANK_SETTLED);
    is_record(&rows.r[3], BANK_DETAIL, "tr-0000", "BOOK", BANK_RETURNED);
    static const int64_t cents[] = {84750, 7000, 5000, 3500};
    static const char *const payment[] = {"B-2025-01-31/1", "B-2025-01-31/2", "B-2025-01-31/2", ""};
    for (size_t i = 0; i < 4; i++) {
        assert_true(rows.r[i].amount_known && rows.r[i].amount_e5 == cents[i] * 1000);
        assert_string_equal(rows.r[i].original_payment, payment[i]);
        assert_string_equal(rows.r[i].account, "DE89370400440532013000");
        assert_int_equal(rows.r[i].booking_day, 20122);
        assert_true(rows.r[i].servicer_ref[0] == 'R' && rows.r[i].entry_ref[0] != '\0');
    }
    assert_true(rows.r[3].reversal && rows.r[3].returned && rows.r[3].credit);
    assert_string_equal(rows.r[3].reason, "AC04");
    assert_int_equal(rows.statements, 1);
    const struct bank_statement *s = &rows.s[0];
    assert_true(s->opening_known && s->closing_known && s->entries == 3 && s->sequence == 33);
    assert_true(s->opening_e5 == 500000000 && s->closing_e5 == 406750000);
    assert_true(s->booked_e5 == -93250000);
    buf_clear(&xml);
}

static void test_a_statement_that_does_not_balance_is_refused(void **state)
{
    static const char *const planted[][2] = {
        {"4067.50", "4067.51"},   {"5000.00", "500.00"},
        {">847.50<", ">847.49<"}, {"<CdtDbtInd>DBIT", "<CdtDbtInd>CRDT"},
        {">35.00<", ">53.00<"},   {"<Sts>BOOK", "<Sts>PDNG"},
    };
    static struct rows rows;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(planted); i++) {
        struct mete_err err;
        struct buf xml = data_with("camt053.xml", planted[i][0], planted[i][1]);
        assert_int_equal(read_text(buf_text(&xml), &rows, &err), METE_BANK_BALANCE);
        assert_string_equal(err.pointer, "/Document/BkToCstmrStmt/Stmt");
        assert_int_equal(rows.statements, 0);
        buf_clear(&xml);
    }
    /* PRCD stands for an opening that is not given; without either there is nothing to check */
    struct buf xml = data_with("camt053.xml", "OPBD", "PRCD");
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK);
    assert_true(rows.s[0].opening_known && rows.s[0].opening_e5 == 500000000);
    buf_clear(&xml);
    xml = data_with("camt053.xml", "<Ntry>",
                    "<Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">1.00</Amt>"
                    "<CdtDbtInd>CRDT</CdtDbtInd></Bal><Ntry>");
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK); /* OPBD came before */
    buf_clear(&xml);
    xml = data_with("camt053.xml", "OPBD", "ITAV");
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK);
    assert_false(rows.s[0].opening_known);
    buf_clear(&xml);
}

#define DOC(body)                                                                                  \
    "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">" body "</Document>"
#define NOTICE(body)                                                                               \
    DOC("<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N</MsgId></GrpHdr><Ntfctn><Id>1</Id>"               \
        "<Acct><Id><Othr><Id>0532013000</Id></Othr></Id></Acct>" body                              \
        "</Ntfctn></BkToCstmrDbtCdtNtfctn>")
#define HEAD   "<Amt Ccy=\"EUR\">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>"
#define BOOKED "<Sts><Cd>BOOK</Cd></Sts>"

/* Version .08: Sts/Cd, Amt and CdtDbtInd in TxDtls, DtTm, UETR. */
static void test_later_versions_say_it_in_other_places(void **state)
{
    static struct rows rows;
    (void)state;
    struct text xml = TEXT(NOTICE(
        "<Ntry>" HEAD BOOKED "<BookgDt><DtTm>2025-02-03T23:30:00+01:00</DtTm></BookgDt>"
        "<NtryDtls><TxDtls><Refs><AcctSvcrRef>D1</AcctSvcrRef><EndToEndId>a</EndToEndId>"
        "<UETR>6fe35dc0-ad54-4a4d-b1ac-2a2f3b6e3d4f</UETR></Refs><Amt Ccy=\"USD\">4.5</Amt>"
        "<CdtDbtInd>DBIT</CdtDbtInd><AmtDtls><TxAmt><Amt Ccy=\"EUR\">9</Amt></TxAmt></AmtDtls>"
        "</TxDtls></NtryDtls></Ntry>"));
    assert_int_equal(read_text(xml, &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 1);
    is_record(&rows.r[0], BANK_DETAIL, "a", "BOOK", BANK_SETTLED);
    assert_int_equal(rows.r[0].message, BANK_CAMT_054);
    assert_true(rows.r[0].amount_e5 == 450000);
    assert_string_equal(rows.r[0].currency, "USD");
    assert_string_equal(rows.r[0].uetr, "6fe35dc0-ad54-4a4d-b1ac-2a2f3b6e3d4f");
    assert_string_equal(rows.r[0].servicer_ref, "D1");
    assert_string_equal(rows.r[0].account, "0532013000");
    assert_int_equal(rows.r[0].booking_day, 20122);
}

static void test_an_entry_without_details_stands_for_its_batch(void **state)
{
    static struct rows rows;
    (void)state;
    struct text one = TEXT(NOTICE("<Ntry>" HEAD BOOKED
                                  "<NtryDtls><Btch><PmtInfId>P</PmtInfId><NbOfTxs>250</NbOfTxs>"
                                  "</Btch></NtryDtls></Ntry>"));
    assert_int_equal(read_text(one, &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 1);
    is_record(&rows.r[0], BANK_ENTRY, "", "BOOK", BANK_SETTLED);
    assert_string_equal(rows.r[0].original_payment, "P");
    assert_int_equal(rows.r[0].count, 250);
    assert_int_equal(rows.r[0].booking_day, BANK_DAY_NONE);
    /* two batches in one amount: it belongs to neither alone */
    struct text two =
        TEXT(NOTICE("<Ntry>" HEAD BOOKED "<NtryDtls><Btch><PmtInfId>P</PmtInfId></Btch></NtryDtls>"
                    "<NtryDtls><Btch><PmtInfId>Q</PmtInfId></Btch></NtryDtls></Ntry>"));
    assert_int_equal(read_text(two, &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 1);
    assert_string_equal(rows.r[0].original_payment, "");
}

/* Without amounts of their own several details share what only the entry knows. */
static void test_details_without_amounts(void **state)
{
    static struct rows rows;
    (void)state;
    struct text xml = TEXT(NOTICE(
        "<Ntry>" HEAD BOOKED "<NtryDtls><TxDtls><Refs><EndToEndId>a</EndToEndId></Refs></TxDtls>"
        "<TxDtls><Refs><EndToEndId>b</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"));
    assert_int_equal(read_text(xml, &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 2);
    assert_true(!rows.r[0].amount_known && !rows.r[1].amount_known && rows.r[0].amount_e5 == 0);
    assert_string_equal(rows.r[0].end_to_end, "a");
    assert_string_equal(rows.r[1].end_to_end, "b");
}

static void test_what_an_entry_means_for_a_payout(void **state)
{
    static const struct {
        bool credit, reversal, returned;
        const char *status;
        enum bank_outcome outcome;
    } rows[] = {
        {false, false, false, "BOOK", BANK_SETTLED}, {false, false, false, "PDNG", BANK_PENDING},
        {true, true, false, "BOOK", BANK_RETURNED},  {true, false, true, "BOOK", BANK_RETURNED},
        {true, true, true, "PDNG", BANK_PENDING},    {true, false, false, "BOOK", BANK_UNCLEAR},
        {false, true, false, "BOOK", BANK_UNCLEAR},  {false, false, false, "INFO", BANK_UNCLEAR},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bank_record r = {.message = BANK_CAMT_053,
                                .level = BANK_DETAIL,
                                .credit = rows[i].credit,
                                .reversal = rows[i].reversal,
                                .returned = rows[i].returned};
        assert_true(text_copy(r.status, sizeof r.status, text_of(rows[i].status)));
        assert_int_equal(bank_record_outcome(&r), rows[i].outcome);
    }
}

static void test_the_key_of_a_movement_is_of_what_tells_it_apart(void **state)
{
    struct bank_record r = {.message = BANK_CAMT_053, .amount_e5 = 100000, .booking_day = 20122};
    struct bank_record other = r;
    struct hash a, b;
    (void)state;
    assert_false(bank_movement_key(&r, &a));
    memcpy(r.servicer_ref, "R1", 3);
    memcpy(r.end_to_end, "e1", 3);
    memcpy(r.account, "A", 2);
    assert_true(bank_movement_key(&r, &a));
    other = r;
    other.message = BANK_CAMT_054;
    memcpy(other.entry_ref, "7", 2); /* of the file, not of the movement */
    memcpy(other.message_id, "M", 2);
    assert_true(bank_movement_key(&other, &b) && hash_eq(&a, &b));
    for (unsigned i = 0; i < 7; i++) {
        other = r;
        other.account[0] = (char)(other.account[0] + (i == 0));
        other.servicer_ref[1] = (char)(other.servicer_ref[1] + (i == 1));
        other.end_to_end[1] = (char)(other.end_to_end[1] + (i == 2));
        other.amount_e5 += i == 3;
        other.currency[0] = i == 4 ? 'E' : '\0';
        other.credit = i == 5;
        other.booking_day += i == 6;
        assert_true(bank_movement_key(&other, &b) && !hash_eq(&a, &b));
    }
}

#define STATUS(body)                                                                               \
    "<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts>" body "</OrgnlGrpInfAndSts></CstmrPmtStsRpt>"   \
    "</Document>"

/* What a group says is its own: no transfer is rejected because the group has a status. */
static void test_a_status_is_not_inherited(void **state)
{
    static struct rows rows;
    (void)state;
    struct text xml = TEXT(
        "<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>B</OrgnlMsgId>"
        "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Prtry>own words</Prtry></Rsn></StsRsnInf>"
        "<StsRsnInf><Rsn><Cd>AM05</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>"
        "<OrgnlPmtInfId>P</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>a</OrgnlEndToEndId>"
        "</TxInfAndSts><TxInfAndSts><OrgnlEndToEndId>b</OrgnlEndToEndId><TxSts>ACSP</TxSts>"
        "</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>");
    assert_int_equal(read_text(xml, &rows, NULL), METE_OK);
    assert_int_equal(rows.count, 2);
    is_record(&rows.r[0], BANK_GROUP, "", "RJCT", BANK_FAILED);
    assert_string_equal(rows.r[0].reason, "own words");
    is_record(&rows.r[1], BANK_TRANSFER, "b", "ACSP", BANK_PENDING);
    assert_string_equal(rows.r[1].reason, "");
}

#define TEN     "1234567890"
#define LONG141 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "1"

static void test_what_is_broken_or_hostile_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "<Document/>extra",
        "<Other/>",
        "<Document><CstmrCdtTrfInitn/></Document>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><Document><CstmrPmtStsRpt/></Document>",
        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><Document><CstmrPmtStsRpt/></Document>",
        STATUS("<OrgnlMsgId>&a;</OrgnlMsgId>"),
        STATUS("<OrgnlMsgId>" LONG141 "</OrgnlMsgId>"),
        STATUS("<GrpSts>RJCTX</GrpSts>"),
        STATUS("<GrpSts>RJCT</GrpSts"),
        NOTICE("<Ntry><Amt Ccy=\"EUR\">1e3</Amt><CdtDbtInd>DBIT</CdtDbtInd>" BOOKED "</Ntry>"),
        NOTICE("<Ntry><Amt Ccy=\"EURO\">1</Amt><CdtDbtInd>DBIT</CdtDbtInd>" BOOKED "</Ntry>"),
        NOTICE("<Ntry><Amt>1</Amt><CdtDbtInd>DBIT</CdtDbtInd>" BOOKED "</Ntry>"),
        NOTICE("<Ntry><Amt Ccy=\"EUR\">-1</Amt><CdtDbtInd>DBIT</CdtDbtInd>" BOOKED "</Ntry>"),
        NOTICE("<Ntry>" HEAD "</Ntry>"),
        NOTICE("<Ntry><Amt Ccy=\"EUR\">1</Amt>" BOOKED "</Ntry>"),
        NOTICE("<Ntry>" BOOKED "</Ntry>"),
        NOTICE("<Ntry><Amt Ccy=\"EUR\">1</Amt><CdtDbtInd>BOTH</CdtDbtInd>" BOOKED "</Ntry>"),
        NOTICE("<Ntry>" HEAD BOOKED "<BookgDt><Dt>2025-13-01</Dt></BookgDt></Ntry>"),
        NOTICE("<Ntry>" HEAD BOOKED
               "<NtryDtls><Btch><NbOfTxs>12345678901</NbOfTxs></Btch></NtryDtls></Ntry>"),
        NOTICE("<ElctrncSeqNb>x</ElctrncSeqNb>"),
        NOTICE("<Bal><Amt Ccy=\"EUR\">x</Amt></Bal>"),
    };
    static struct rows rows;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct mete_err err = {0};
        if (read_text(text_of(bad[i]), &rows, &err) != METE_BANK_FILE) {
            fail_msg("%s", bad[i]);
        }
        assert_true(err.code == METE_BANK_FILE && err.text[0] != '\0');
        assert_null(strstr(err.text, "aborted")); /* whoever stops says why */
    }
}

static void test_depth_and_size_are_bounded(void **state)
{
    struct buf b = {0};
    static struct rows rows;
    struct mete_err err;
    (void)state;
    buf_put_str(&b, "<Document><CstmrPmtStsRpt>");
    for (unsigned i = 0; i < 31; i++) {
        buf_put_str(&b, "<a>");
    }
    assert_int_equal(read_text(buf_text(&b), &rows, &err), METE_BANK_FILE);
    assert_non_null(strstr(err.text, "deep"));
    buf_reset(&b);
    buf_put_str(&b, "<Document><CstmrPmtStsRpt><");
    for (unsigned i = 0; i < 65; i++) {
        buf_put_str(&b, "n");
    }
    buf_put_str(&b, "/></CstmrPmtStsRpt></Document>");
    assert_int_equal(read_text(buf_text(&b), &rows, &err), METE_BANK_FILE);
    assert_non_null(strstr(err.text, "name"));
    assert_int_equal(read_text((struct text){"<", BANK_REPORT_SIZE_MAX + 1}, &rows, &err),
                     METE_BANK_FILE);
    assert_non_null(strstr(err.text, "at most"));
    buf_clear(&b);
}

static bool stop(void *ctx, const struct bank_record *r)
{
    (void)ctx;
    (void)r;
    return false;
}

static void test_the_receiver_may_stop(void **state)
{
    struct buf xml = data("camt053.xml");
    struct bank_report_sink none = {NULL, NULL, NULL}, stopping = {NULL, stop, NULL};
    (void)state;
    assert_int_equal(bank_report_read(buf_bytes(&xml), &none, 7u, NULL), METE_OK);
    assert_int_equal(bank_report_read(buf_bytes(&xml), &stopping, 7u, NULL), METE_BANK_FILE);
    buf_clear(&xml);
}

/* --- beside other programs ------------------------------------------------------------------ */

static const struct json *peer(struct arena *a, const char *name)
{
    struct buf file = data(name);
    struct json *doc = NULL;
    arena_init(a, JSON_ARENA_MAX(file.len) + 2 * file.len + 4096);
    struct text kept = arena_text(a, buf_text(&file));
    assert_int_equal(json_parse(a, kept, &doc, NULL), METE_OK);
    buf_clear(&file);
    return doc;
}

static size_t all_ibans(const struct json *list, bool good)
{
    size_t n = 0;
    for (const struct json *j = list->child; j != NULL; j = j->next, n++) {
        struct iban iban;
        if ((iban_parse(j->text, "", &iban, NULL) == METE_OK) != good) {
            fail_msg("%.*s", (int)j->text.len, j->text.p);
        }
    }
    return n;
}

static size_t all_bics(const struct json *list, bool good)
{
    size_t n = 0;
    for (const struct json *j = list->child; j != NULL; j = j->next, n++) {
        struct bic bic;
        assert_int_equal(bic_parse(j->text, "", &bic, NULL) == METE_OK, good);
    }
    return n;
}

static void test_accounts_of_ibantools_are_judged_alike(void **state)
{
    struct arena a;
    (void)state;
    const struct json *doc = peer(&a, "ibans.json");
    size_t good = all_ibans(json_get(doc, "good"), true);
    size_t bad = all_ibans(json_get(doc, "bad"), false);
    assert_true(good > 60 && bad > 60);
    print_message("# %zu accounts taken and %zu refused, as by ibantools\n", good, bad);
    arena_clear(&a);
    doc = peer(&a, "bics.json");
    assert_true(all_bics(json_get(doc, "good"), true) + all_bics(json_get(doc, "bad"), false) > 10);
    arena_clear(&a);
}

static const char *level_name(enum bank_level level)
{
    return level == BANK_GROUP ? "group" : level == BANK_PAYMENT ? "payment" : "transaction";
}

/* The peer sorts by level; every record of ours must be among its own, and as many. */
static void test_iso20022_js_reads_the_same_of_a_status_report(void **state)
{
    struct buf xml = data("pain002.xml");
    struct arena a;
    static struct rows rows;
    (void)state;
    const struct json *doc = peer(&a, "pain002.json");
    const struct json *list = json_get(doc, "statusInformations");
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK);
    assert_int_equal(list->count, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        const struct bank_record *r = &rows.r[i];
        size_t same = 0;
        for (const struct json *j = list->child; j != NULL; j = j->next) {
            const struct json *id = json_get(j, "originalEndToEndId");
            const struct json *why = json_get(json_get(j, "reason"), "code");
            same += text_is(json_get(j, "type")->text, level_name(r->level)) &&
                    text_is(json_get(j, "status")->text, r->status) &&
                    text_is(id == NULL ? TEXT("") : id->text, r->end_to_end) &&
                    text_is(why == NULL ? TEXT("") : why->text, r->reason);
        }
        assert_int_equal(same, 1);
    }
    assert_true(text_is(json_get(doc, "messageId")->text, rows.r[0].message_id));
    assert_true(text_is(json_get(doc, "originalMessageId")->text, rows.r[0].original_message));
    arena_clear(&a);
    buf_clear(&xml);
}

static int64_t cents_of(const struct json *j)
{
    int64_t v = 0;
    assert_true(json_int(json_get(j, "amount"), 0, INT64_MAX, &v));
    return v;
}

static bool is_credit(const struct json *j)
{
    return text_is(json_get(j, "direction")->text, "credit");
}

static void same_transaction(const struct json *t, const struct bank_record *r, bool batch)
{
    if (!batch) { /* of a batch the peer repeats nothing in its transactions */
        assert_true(text_is(json_get(t, "messageId")->text, r->original_message));
        assert_true(text_is(json_get(t, "paymentInformationId")->text, r->original_payment));
    }
    assert_true(text_is(json_get(t, "returnReason")->text, r->reason));
}

static void test_iso20022_js_reads_the_same_of_a_statement(void **state)
{
    struct buf xml = data("camt053.xml");
    struct arena a;
    static struct rows rows;
    size_t at = 0;
    (void)state;
    const struct json *s = peer(&a, "camt053.json")->child;
    assert_int_equal(read_text(buf_text(&xml), &rows, NULL), METE_OK);
    assert_true(text_is(json_get(s, "id")->text, rows.s[0].id));
    assert_true(text_is(json_get(s, "account")->text, rows.s[0].account));
    assert_true(cents_of(json_get(s, "balances")->child) * 1000 == rows.s[0].opening_e5);
    assert_true(cents_of(json_get(s, "balances")->last) * 1000 == rows.s[0].closing_e5);
    for (const struct json *e = json_get(s, "entries")->child; e != NULL; e = e->next) {
        const struct json *list = json_get(e, "transactions");
        i128 sum = 0;
        for (const struct json *t = list->child; t != NULL; t = t->next, at++) {
            assert_true(at < rows.count && is_credit(e) == rows.r[at].credit);
            assert_true(text_is(json_get(e, "reference")->text, rows.r[at].entry_ref));
            assert_true(text_is(json_get(e, "currency")->text, rows.r[at].currency));
            same_transaction(t, &rows.r[at], list->count > 1);
            sum += rows.r[at].amount_e5;
        }
        assert_true(sum == (i128)cents_of(e) * 1000);
    }
    assert_int_equal(at, rows.count);
    arena_clear(&a);
    buf_clear(&xml);
}

static bool same_transfer(void *ctx, const struct pain001_read *t)
{
    const struct json *j = json_get(ctx, "transfers")->child;
    i128 e5 = 0;
    unsigned decimals = 0;
    assert_true(bank_decimal_parse(json_get(j, "amount")->text, false, &e5, &decimals));
    assert_true(e5 == t->amount_e5 && json_is_true(json_get(j, "isIban")));
    assert_true(text_eq(json_get(j, "id")->text, t->id));
    assert_true(text_eq(json_get(j, "currency")->text, t->currency));
    assert_true(text_eq(json_get(j, "creditor")->text, t->creditor));
    assert_true(text_eq(json_get(j, "iban")->text, t->iban));
    assert_true(text_eq(json_get(j, "bic")->text, t->bic));
    assert_true(text_eq(json_get(j, "note")->text, t->note));
    return true;
}

/* What test_bank_pain001.c shows mete to write, as another XML parser reads it. */
static void test_another_parser_reads_the_same_of_a_transfer_file(void **state)
{
    struct buf xml = data("pain001.xml");
    struct arena a;
    struct pain001_seen seen;
    (void)state;
    const struct json *doc = peer(&a, "pain001.json");
    struct pain001_checker *c =
        pain001_check_new(false, 7u, same_transfer, (void *)(uintptr_t)doc, NULL);
    assert_int_equal(pain001_check_feed(c, buf_bytes(&xml)), METE_OK);
    assert_int_equal(pain001_check_end(c, &seen), METE_OK);
    assert_true(text_is(json_get(doc, "id")->text, seen.id));
    assert_true(text_is(json_get(doc, "debtor")->text, seen.debtor_iban));
    assert_true(json_is_true(json_get(doc, "debtorIsIban")) && seen.count == 1);
    assert_true(text_is(json_get(doc, "count")->text, "1"));
    assert_true(text_is(json_get(doc, "sum")->text, "847.50") && seen.sum_e5 == 84750000);
    arena_clear(&a);
    buf_clear(&xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_status_report_gives_its_three_levels),
        cmocka_unit_test(test_only_rjct_fails_and_only_acsc_and_accc_settle),
        cmocka_unit_test(test_a_statement_gives_entries_details_and_its_balance),
        cmocka_unit_test(test_a_statement_that_does_not_balance_is_refused),
        cmocka_unit_test(test_later_versions_say_it_in_other_places),
        cmocka_unit_test(test_an_entry_without_details_stands_for_its_batch),
        cmocka_unit_test(test_details_without_amounts),
        cmocka_unit_test(test_what_an_entry_means_for_a_payout),
        cmocka_unit_test(test_the_key_of_a_movement_is_of_what_tells_it_apart),
        cmocka_unit_test(test_a_status_is_not_inherited),
        cmocka_unit_test(test_what_is_broken_or_hostile_is_refused),
        cmocka_unit_test(test_depth_and_size_are_bounded),
        cmocka_unit_test(test_the_receiver_may_stop),
        cmocka_unit_test(test_accounts_of_ibantools_are_judged_alike),
        cmocka_unit_test(test_iso20022_js_reads_the_same_of_a_status_report),
        cmocka_unit_test(test_iso20022_js_reads_the_same_of_a_statement),
        cmocka_unit_test(test_another_parser_reads_the_same_of_a_transfer_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
