/* SPDX-License-Identifier: Apache-2.0
 * pain.001: a file by hand, every rule of its writer and its checker, and random batches read back
 * by expat alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <expat.h>

#include "base/i128.h"
#include "base/rng.h"
#include "base/text.h"
#include "wire/bank/pain001.h"

#define CREATED ((mete_time)1738323296123456) /* 2025-01-31T11:34:56.123456Z */
#define DAY     20120                         /* 2025-02-01 */

/* In the place of libc's, by which expat would draw what its tables are salted with: here that is
 * the caller's. */
static unsigned drawn;

void arc4random_buf(void *out, size_t len);
ssize_t getrandom(void *out, size_t len, unsigned flags);

void arc4random_buf(void *out, size_t len)
{
    drawn++;
    memset(out, 4, len);
}

ssize_t getrandom(void *out, size_t len, unsigned flags)
{
    (void)flags;
    arc4random_buf(out, len);
    return (ssize_t)len;
}

static struct iban iban_of(const char *s)
{
    struct iban out;
    assert_int_equal(iban_parse(text_of(s), "", &out, NULL), METE_OK);
    return out;
}

static struct pain001_batch batch_by_hand(enum pain001_version version)
{
    return (struct pain001_batch){
        .version = version,
        .sepa = true,
        .id = TEXT("B-2025-01-31/1"),
        .created = CREATED,
        .initiator = TEXT("Müller & Söhne"),
        .debtor = TEXT("Müller & Söhne"),
        .debtor_iban = iban_of("DE89370400440532013000"),
        .debtor_bic = {"COBADEFFXXX"},
        .execution_day = DAY,
    };
}

static struct pain001_transfer transfer_by_hand(void)
{
    return (struct pain001_transfer){
        .id = TEXT("tr-0001"),
        .amount = 84750,
        .scale = 2,
        .currency = TEXT("EUR"),
        .creditor = TEXT("Ærøskøbing <Ltd>"),
        .iban = iban_of("NL91ABNA0417164300"),
        .bic = {"ABNANL2A"},
        .town = TEXT("Amsterdam"),
        .country = TEXT("NL"),
        .note = TEXT("Payout January"),
    };
}

/* Both passes over `count` transfers; the bytes in `out`. */
static enum mete_code write_all(const struct pain001_batch *b, const struct pain001_transfer *t,
                                size_t count, struct buf *out, struct mete_err *err)
{
    struct pain001_totals totals = {0};
    struct pain001_writer w;
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = pain001_count(b, &t[i], &totals, err);
    }
    code = code == METE_OK ? pain001_begin(&w, b, &totals, out, err) : code;
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = pain001_transfer(&w, &t[i], out, err);
    }
    return code == METE_OK ? pain001_end(&w, out, err) : code;
}

static const char BY_HAND_03[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.03\"><CstmrCdtTrfInitn><GrpHdr>"
    "<MsgId>B-2025-01-31/1</MsgId><CreDtTm>2025-01-31T11:34:56Z</CreDtTm><NbOfTxs>1</NbOfTxs>"
    "<CtrlSum>847.50</CtrlSum><InitgPty><Nm>Muller + Sohne</Nm></InitgPty></GrpHdr>\n"
    "<PmtInf><PmtInfId>B-2025-01-31/1</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>true</BtchBookg>"
    "<NbOfTxs>1</NbOfTxs><CtrlSum>847.50</CtrlSum><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl>"
    "</PmtTpInf><ReqdExctnDt>2025-02-01</ReqdExctnDt><Dbtr><Nm>Muller + Sohne</Nm></Dbtr>"
    "<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId>"
    "<BIC>COBADEFFXXX</BIC></FinInstnId></DbtrAgt><ChrgBr>SLEV</ChrgBr>\n"
    "<CdtTrfTxInf><PmtId><EndToEndId>tr-0001</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"EUR\">847.50"
    "</InstdAmt></Amt><CdtrAgt><FinInstnId><BIC>ABNANL2A</BIC></FinInstnId></CdtrAgt><Cdtr>"
    "<Nm>AEroskobing (Ltd)</Nm><PstlAdr><TwnNm>Amsterdam</TwnNm><Ctry>NL</Ctry></PstlAdr></Cdtr>"
    "<CdtrAcct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></CdtrAcct><RmtInf><Ustrd>Payout January"
    "</Ustrd></RmtInf></CdtTrfTxInf>\n"
    "</PmtInf></CstmrCdtTrfInitn></Document>\n";

static void test_reading_draws_no_chance(void **state)
{
    struct pain001_seen seen;
    (void)state;
    drawn = 0;
    assert_int_equal(
        pain001_check((struct bytes){(const uint8_t *)BY_HAND_03, sizeof BY_HAND_03 - 1}, false, 7u,
                      &seen, NULL),
        METE_OK);
    assert_int_equal(drawn, 0);
}

static void test_the_file_of_version_03_by_hand(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_03);
    struct pain001_transfer t = transfer_by_hand();
    struct buf out = {0};
    struct pain001_seen seen;
    (void)state;
    assert_int_equal(write_all(&b, &t, 1, &out, NULL), METE_OK);
    assert_int_equal(out.len, sizeof BY_HAND_03 - 1);
    assert_memory_equal(out.p, BY_HAND_03, out.len);
    assert_int_equal(pain001_check(buf_bytes(&out), false, 7u, &seen, NULL), METE_OK);
    assert_int_equal(seen.version, PAIN001_03);
    assert_true(seen.sepa && seen.count == 1 && seen.sum_e5 == 84750000);
    assert_string_equal(seen.id, "B-2025-01-31/1");
    assert_string_equal(seen.debtor_iban, "DE89370400440532013000");
    assert_int_equal(seen.execution_day, DAY);
    buf_clear(&out);
}

static bool has(const struct buf *out, const char *part)
{
    return memmem(out->p, out->len, part, strlen(part)) != NULL;
}

static void test_what_version_09_has_otherwise(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_09);
    struct pain001_transfer t = transfer_by_hand();
    struct buf out = {0};
    char uetr[UETR_TEXT_MAX], wanted[64], other[UETR_TEXT_MAX];
    struct pain001_seen seen;
    (void)state;
    b.debtor_bic.text[0] = '\0';
    assert_int_equal(write_all(&b, &t, 1, &out, NULL), METE_OK);
    assert_true(has(&out, "pain.001.001.09\">"));
    assert_true(has(&out, "<ReqdExctnDt><Dt>2025-02-01</Dt></ReqdExctnDt>"));
    assert_true(has(&out, "<BICFI>ABNANL2A</BICFI>") && !has(&out, "<BIC>"));
    assert_true(has(&out, "<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>"));
    pain001_uetr(t.id, uetr);
    snprintf(wanted, sizeof wanted, "</EndToEndId><UETR>%s</UETR>", uetr);
    assert_true(has(&out, wanted));
    assert_int_equal(strlen(uetr), 36);
    assert_true(uetr[14] == '4' && strchr("89ab", uetr[19]) != NULL);
    pain001_uetr(TEXT("tr-0002"), other);
    assert_string_not_equal(uetr, other);
    assert_int_equal(pain001_check(buf_bytes(&out), false, 7u, &seen, NULL), METE_OK);
    assert_int_equal(seen.version, PAIN001_09);
    buf_clear(&out);
}

/* UETRs are sent to banks and must stay what they were: this one is pinned. */
static void test_the_uetr_of_an_id_never_changes(void **state)
{
    char uetr[UETR_TEXT_MAX];
    (void)state;
    pain001_uetr(TEXT("tr-0001"), uetr);
    assert_string_equal(uetr, "c6081374-b7ec-49d4-8fd0-8eddf4883a88");
}

static void test_other_currencies_are_written_without_sepa(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_03);
    struct pain001_transfer t[3] = {transfer_by_hand(), transfer_by_hand(), transfer_by_hand()};
    struct buf out = {0};
    struct pain001_seen seen;
    (void)state;
    b.sepa = false;
    b.unicode = true;
    t[0].currency = TEXT("JPY");
    t[0].amount = 1500;
    t[0].scale = 0;
    t[1].id = TEXT("tr-2");
    t[1].currency = TEXT("BHD");
    t[1].amount = 1001;
    t[1].scale = 3;
    t[2].id = TEXT("tr-3");
    t[2].amount = (i128)(84750 * u128_pow10(16)); /* the same in 18 decimals */
    t[2].scale = 18;
    assert_int_equal(write_all(&b, t, 3, &out, NULL), METE_OK);
    assert_true(has(&out, "<InstdAmt Ccy=\"JPY\">1500</InstdAmt>"));
    assert_true(has(&out, "<InstdAmt Ccy=\"BHD\">1.001</InstdAmt>"));
    assert_true(has(&out, "<InstdAmt Ccy=\"EUR\">847.50</InstdAmt>"));
    assert_true(has(&out, "<CtrlSum>2348.501</CtrlSum>"));
    assert_true(has(&out, "<ChrgBr>SHAR</ChrgBr>") && !has(&out, "SEPA"));
    assert_true(has(&out, "<Nm>Ærøskøbing &lt;Ltd&gt;</Nm>"));
    assert_true(has(&out, "<Nm>Müller &amp; Söhne</Nm>"));
    assert_int_equal(pain001_check(buf_bytes(&out), true, 7u, &seen, NULL), METE_OK);
    assert_true(seen.sum_e5 == 234850100 && !seen.sepa);
    assert_int_equal(pain001_check(buf_bytes(&out), false, 7u, &seen, NULL), METE_BANK_FILE);
    buf_clear(&out);
}

/* One member of the transfer that is not right, and what is said of it. */
struct refusal {
    void (*spoil)(struct pain001_transfer *t);
    enum mete_code code;
    const char *pointer;
};

#define SPOIL(name, what)                                                                          \
    static void name(struct pain001_transfer *t)                                                   \
    {                                                                                              \
        what;                                                                                      \
    }
#define LONG71 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg1"
SPOIL(zero, t->amount = 0)
SPOIL(negative, t->amount = -1)
SPOIL(too_fine, t->scale = 3; t->amount = 1)
SPOIL(too_much, t->amount = 100000000000)
SPOIL(dollars, t->currency = TEXT("USD"))
SPOIL(no_currency, t->currency = TEXT("eur"))
SPOIL(no_id, t->id = TEXT(""))
SPOIL(long_id, t->id = TEXT("123456789012345678901234567890123456"))
SPOIL(slash_first, t->id = TEXT("/a"))
SPOIL(slash_last, t->id = TEXT("a/"))
SPOIL(slashes, t->id = TEXT("a//b"))
SPOIL(umlaut_id, t->id = TEXT("tr-ä"))
SPOIL(no_name, t->creditor = TEXT(""))
SPOIL(long_name, t->creditor = TEXT(LONG71))
SPOIL(no_letters, t->creditor = TEXT("鈴木"))
SPOIL(long_town, t->town = TEXT("123456789012345678901234567890123456"))
SPOIL(no_country, t->country = TEXT(""))
SPOIL(small_country, t->country = TEXT("nl"))
SPOIL(long_note, t->note = TEXT(LONG71 LONG71))
SPOIL(no_iban, t->iban.text[0] = '\0')

static const struct refusal REFUSALS[] = {
    {zero, METE_BANK_AMOUNT, "/amount"},
    {negative, METE_BANK_AMOUNT, "/amount"},
    {too_fine, METE_BANK_AMOUNT, "/amount"},
    {too_much, METE_BANK_AMOUNT, "/amount"},
    {dollars, METE_BANK_FIELD, "/currency"},
    {no_currency, METE_BANK_FIELD, "/currency"},
    {no_id, METE_BANK_FIELD, "/id"},
    {long_id, METE_BANK_FIELD, "/id"},
    {slash_first, METE_BANK_FIELD, "/id"},
    {slash_last, METE_BANK_FIELD, "/id"},
    {slashes, METE_BANK_FIELD, "/id"},
    {umlaut_id, METE_BANK_FIELD, "/id"},
    {no_name, METE_BANK_FIELD, "/creditor"},
    {long_name, METE_BANK_FIELD, "/creditor"},
    {no_letters, METE_BANK_FIELD, "/creditor"},
    {long_town, METE_BANK_FIELD, "/town"},
    {no_country, METE_BANK_FIELD, "/country"},
    {small_country, METE_BANK_FIELD, "/country"},
    {long_note, METE_BANK_FIELD, "/note"},
    {no_iban, METE_BANK_FIELD, "/iban"},
};

static void test_a_transfer_that_no_bank_takes_is_refused_in_both_passes(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_03);
    struct pain001_totals told = {1, 84750000};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        struct pain001_transfer t = transfer_by_hand();
        struct pain001_totals totals = {7, 7};
        struct pain001_writer w;
        struct buf out = {0};
        struct mete_err err;
        REFUSALS[i].spoil(&t);
        assert_int_equal(pain001_count(&b, &t, &totals, &err), REFUSALS[i].code);
        assert_string_equal(err.pointer, REFUSALS[i].pointer);
        assert_true(totals.count == 7 && totals.sum_e5 == 7);
        assert_int_equal(pain001_begin(&w, &b, &told, &out, NULL), METE_OK);
        size_t len = out.len;
        assert_int_equal(pain001_transfer(&w, &t, &out, NULL), REFUSALS[i].code);
        assert_int_equal(out.len, len);
        assert_int_equal(pain001_end(&w, &out, NULL), METE_BANK_FILE);
        buf_clear(&out);
    }
}

static void test_the_largest_sepa_transfer_and_the_longest_texts_are_written(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_03);
    struct pain001_transfer t = transfer_by_hand();
    struct buf out = {0};
    struct pain001_seen seen;
    (void)state;
    t.amount = 99999999999;
    t.id = TEXT("12345678901234567890123456789012345");
    t.creditor = (struct text){LONG71, 70};
    t.note = (struct text){LONG71 LONG71, 140};
    t.town = (struct text){LONG71, 35};
    t.bic.text[0] = '\0';
    assert_int_equal(write_all(&b, &t, 1, &out, NULL), METE_OK);
    assert_true(has(&out, "<CtrlSum>999999999.99</CtrlSum>") && !has(&out, "CdtrAgt"));
    assert_int_equal(pain001_check(buf_bytes(&out), false, 7u, &seen, NULL), METE_OK);
    buf_clear(&out);
}

static void test_a_batch_that_no_bank_takes_is_refused(void **state)
{
    struct pain001_totals one = {1, 100}, none = {0, 0}, huge = {1, (i128)u128_pow10(18)};
    struct pain001_writer w;
    struct buf out = {0};
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct pain001_batch b = batch_by_hand(PAIN001_03);
        b.id = i == 0 ? TEXT("a//b") : b.id;
        b.created = i == 1 ? TIME_NEVER : b.created;
        b.execution_day = i == 2 ? -1 : b.execution_day;
        b.debtor = i == 3 ? TEXT("") : b.debtor;
        b.initiator = i == 4 ? TEXT(LONG71) : b.initiator;
        b.debtor_iban.text[0] = i == 5 ? '\0' : 'D';
        const struct pain001_totals *totals = i == 6 ? &none : i == 7 ? &huge : &one;
        assert_int_equal(pain001_begin(&w, &b, totals, &out, NULL), i == 6   ? METE_BANK_FILE
                                                                    : i == 7 ? METE_BANK_AMOUNT
                                                                             : METE_BANK_FIELD);
        assert_int_equal(out.len, 0);
    }
    buf_clear(&out);
}

static void test_the_end_refuses_other_transfers_than_were_counted(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_03);
    struct pain001_transfer t = transfer_by_hand();
    struct pain001_totals fewer = {2, 84750000}, other = {1, 84750001};
    struct pain001_writer w;
    struct buf out = {0};
    (void)state;
    assert_int_equal(pain001_begin(&w, &b, &fewer, &out, NULL), METE_OK);
    assert_int_equal(pain001_transfer(&w, &t, &out, NULL), METE_OK);
    assert_int_equal(pain001_end(&w, &out, NULL), METE_BANK_FILE);
    assert_int_equal(pain001_begin(&w, &b, &other, &out, NULL), METE_OK);
    assert_int_equal(pain001_transfer(&w, &t, &out, NULL), METE_OK);
    assert_int_equal(pain001_end(&w, &out, NULL), METE_BANK_FILE);
    buf_clear(&out);
}

/* --- one corruption at a time ------------------------------------------------------------- */

/* A piece of the file by hand and what stands there instead; the first place is meant unless the
 * piece says more. */
struct planted {
    const char *from, *to;
};

static const struct planted PLANTED[] = {
    {"pain.001.001.03", "pain.001.001.09"},
    {"pain.001.001.03", "pain.001.001.04"},
    {"pain.001.001.03", "pain.002.001.03"},
    {" xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.03\"", ""},
    {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
     "<?xml version=\"1.0\"?><!DOCTYPE Document [<!ENTITY a \"x\">]>"},
    {"<CstmrCdtTrfInitn>", "<CstmrCdtTrfInitn>x"},
    {"<MsgId>B-2025-01-31/1</MsgId>", ""},
    {"<MsgId>B-2025-01-31/1</MsgId>", "<MsgId></MsgId>"},
    {"<MsgId>B-2025-01-31/1", "<MsgId>B-2025-01-31/2"},
    {"<MsgId>B-2025-01-31/1", "<MsgId>B-2025-01-31//1"},
    {"<MsgId>", "<MsgId x=\"1\">"},
    {"<MsgId>B-2025-01-31/1</MsgId>", "<MsgId><a/></MsgId>"},
    {"2025-01-31T11:34:56Z", "2025-01-31 11:34:56Z"},
    {"2025-01-31T11:34:56Z", "2025-02-30T11:34:56Z"},
    {"2025-01-31T11:34:56Z", "2025-01-31T11:34:56.123Z"},
    {"<GrpHdr>", "<GrpHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">"},
    {"<GrpHdr>", "<GrpHdr xmlns=\"\">"},
    {"<NbOfTxs>1<", "<NbOfTxs>2<"},
    {"<NbOfTxs>1<", "<NbOfTxs>0<"},
    {"<NbOfTxs>1<", "<NbOfTxs>1.0<"},
    {"<NbOfTxs>1<", "<NbOfTxs><"},
    {"<NbOfTxs>1</NbOfTxs>", "<NbOfTxs>4294967297</NbOfTxs>"},
    {"<CtrlSum>847.50<", "<CtrlSum>847.51<"},
    {"<CtrlSum>847.50<", "<CtrlSum>8475.0<"},
    {"<CtrlSum>847.50<", "<CtrlSum>-847.50<"},
    {"<CtrlSum>847.50<", "<CtrlSum>8.475e2<"},
    {"<PmtInf><PmtInfId>B-2025-01-31/1", "<PmtInf><PmtInfId>B-2025-01-31/3"},
    {"<PmtMtd>TRF", "<PmtMtd>CHK"},
    {"<BtchBookg>true", "<BtchBookg>yes"},
    {"<BtchBookg>true</BtchBookg><NbOfTxs>1", "<BtchBookg>true</BtchBookg><NbOfTxs>3"},
    {"<NbOfTxs>1</NbOfTxs><CtrlSum>847.50</CtrlSum><PmtTpInf>",
     "<NbOfTxs>1</NbOfTxs><CtrlSum>84.75</CtrlSum><PmtTpInf>"},
    {"<NbOfTxs>1</NbOfTxs><CtrlSum>847.50</CtrlSum><PmtTpInf>",
     "<CtrlSum>847.50</CtrlSum><NbOfTxs>1</NbOfTxs><PmtTpInf>"},
    {"<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>", ""},
    {"<Cd>SEPA", "<Cd>URGP"},
    {"<ReqdExctnDt>2025-02-01", "<ReqdExctnDt>2025-02-29"},
    {"<ReqdExctnDt>2025-02-01", "<ReqdExctnDt><Dt>2025-02-01</Dt>"},
    {"<Dbtr><Nm>Muller + Sohne</Nm></Dbtr>", ""},
    {"<Dbtr><Nm>Muller + Sohne</Nm></Dbtr>", "<Dbtr></Dbtr>"},
    {"<Dbtr><Nm>Muller", "<Dbtr><Nm>M\xc3\xbcller"},
    {"<Dbtr><Nm>Muller", "<Dbtr><Nm>M\xfcller"},
    {"DE89370400440532013000", "DE88370400440532013000"},
    {"DE89370400440532013000", "DE89 3704 0044 0532 0130 00"},
    {"<BIC>COBADEFFXXX</BIC>", ""},
    {"<BIC>COBADEFFXXX</BIC>", "<BIC>COBADEFFXXX</BIC><Othr><Id>NOTPROVIDED</Id></Othr>"},
    {"<BIC>COBADEFFXXX</BIC>", "<BICFI>COBADEFFXXX</BICFI>"},
    {"<BIC>COBADEFFXXX</BIC>", "<BIC>COBADEFFXX</BIC>"},
    {"<BIC>COBADEFFXXX</BIC>", "<Othr><Id>UNKNOWN</Id></Othr>"},
    {"<ChrgBr>SLEV", "<ChrgBr>DEBT"},
    {"<ChrgBr>SLEV</ChrgBr>", ""},
    {"<EndToEndId>tr-0001", "<EndToEndId>/tr-0001"},
    {"<EndToEndId>tr-0001", "<EndToEndId>tr-0001 "},
    {"<EndToEndId>tr-0001", "<EndToEndId>123456789012345678901234567890123456"},
    {"<EndToEndId>tr-0001</EndToEndId>", "<InstrId>1</InstrId>"},
    {"</EndToEndId>", "</EndToEndId><UETR>00000000-0000-4000-8000-000000000000</UETR>"},
    {"Ccy=\"EUR\"", "Ccy=\"USD\""},
    {" Ccy=\"EUR\"", ""},
    {"Ccy=\"EUR\"", "Ccy=\"EUR\" x=\"y\""},
    {"\"EUR\">847.50<", "\"EUR\">847.49<"},
    {"\"EUR\">847.50<", "\"EUR\">847.500<"},
    {"\"EUR\">847.50<", "\"EUR\">0.00<"},
    {"\"EUR\">847.50<", "\"EUR\">1000000000.00<"},
    {"\"EUR\">847.50<", "\"EUR\">847,50<"},
    {"<BIC>ABNANL2A", "<BIC>ABN1NL2A"},
    {"(Ltd)", "&lt;Ltd&gt;"},
    {"(Ltd)", "&amp;"},
    {"<Nm>AEroskobing (Ltd)</Nm>", "<Nm>" LONG71 "</Nm>"},
    {"<Nm>AEroskobing (Ltd)</Nm>", "<Nm/>"},
    {"<Nm>AEroskobing (Ltd)</Nm>", ""},
    {"<TwnNm>Amsterdam</TwnNm><Ctry>NL</Ctry>", "<Ctry>NL</Ctry><TwnNm>Amsterdam</TwnNm>"},
    {"<Ctry>NL</Ctry>", ""},
    {"<Ctry>NL", "<Ctry>NLD"},
    {"NL91ABNA0417164300", "NL91ABNA0417164301"},
    {"NL91ABNA0417164300", "nl91abna0417164300"},
    {"<CdtrAcct><Id><IBAN>NL91ABNA0417164300</IBAN></Id></CdtrAcct>", ""},
    {"<Ustrd>Payout January", "<Ustrd>" LONG71 LONG71},
    {"</Ustrd>", "</Ustrd><Ustrd>more</Ustrd>"},
    {"<Ustrd>Payout January</Ustrd>", ""},
    {"</RmtInf>", "</RmtInf><Purp><Cd>SALA</Cd></Purp>"},
    {"</PmtInf>", "</PmtInf><PmtInf></PmtInf>"},
    {"</PmtInf>", "<!-- --></PmtInf>x"},
    {"</Document>\n", "</Document>\n<Document/>"},
    {"</Document>\n", ""},
    {"</CdtTrfTxInf>", "</CdtTrfTxInf"},
};

/* `from` replaced by `to` in the bytes of `in`; false when it does not stand there. */
static bool plant(const struct buf *in, const struct planted *p, struct buf *out)
{
    const uint8_t *at = memmem(in->p, in->len, p->from, strlen(p->from));
    buf_reset(out);
    if (at == NULL) {
        return false;
    }
    size_t before = (size_t)(at - in->p), skip = before + strlen(p->from);
    buf_put(out, in->p, before);
    buf_put_str(out, p->to);
    buf_put(out, in->p + skip, in->len - skip);
    return true;
}

static void test_each_planted_corruption_is_found(void **state)
{
    struct buf good = {0}, bad = {0};
    (void)state;
    buf_put_str(&good, BY_HAND_03);
    for (size_t i = 0; i < ARRAY_LEN(PLANTED); i++) {
        struct mete_err err = {0};
        struct pain001_seen seen = {.count = 77};
        assert_true(plant(&good, &PLANTED[i], &bad));
        if (pain001_check(buf_bytes(&bad), false, 7u, &seen, &err) != METE_BANK_FILE) {
            fail_msg("not found: %s -> %s", PLANTED[i].from, PLANTED[i].to);
        }
        assert_true(err.code == METE_BANK_FILE && err.text[0] != '\0' && seen.count == 77);
    }
    print_message("# %zu planted corruptions, each found\n", ARRAY_LEN(PLANTED));
    buf_clear(&good);
    buf_clear(&bad);
}

/* The amount changed wherever it stands: the sums hold, and still no bank takes it. */
static void test_amounts_that_agree_and_are_wrong_are_found(void **state)
{
    static const char *const wrong[] = {"0.00", "1000000000.00", "847.500", "00000000000000847.50"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct buf file = {0}, next = {0};
        struct planted p = {">847.50<", NULL};
        char to[32];
        struct pain001_seen seen;
        struct mete_err err;
        snprintf(to, sizeof to, ">%s<", wrong[i]);
        p.to = to;
        buf_put_str(&file, BY_HAND_03);
        for (unsigned n = 0; n < 3; n++) {
            assert_true(plant(&file, &p, &next));
            struct buf swap = file;
            file = next;
            next = swap;
        }
        assert_int_equal(pain001_check(buf_bytes(&file), false, 7u, &seen, &err), METE_BANK_FILE);
        assert_non_null(strstr(err.pointer, i == 3 ? "CtrlSum" : "InstdAmt"));
        buf_clear(&file);
        buf_clear(&next);
    }
}

static void test_a_uetr_of_another_id_is_found(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_09);
    struct pain001_transfer t = transfer_by_hand();
    struct buf good = {0}, bad = {0};
    struct pain001_seen seen;
    (void)state;
    assert_int_equal(write_all(&b, &t, 1, &good, NULL), METE_OK);
    static const struct planted planted[] = {{"<EndToEndId>tr-0001", "<EndToEndId>tr-0002"},
                                             {"<UETR>", "<UETR>0"},
                                             {"</UETR>", " </UETR>"}};
    for (size_t i = 0; i < ARRAY_LEN(planted); i++) {
        assert_true(plant(&good, &planted[i], &bad));
        assert_int_equal(pain001_check(buf_bytes(&bad), false, 7u, &seen, NULL), METE_BANK_FILE);
    }
    buf_clear(&good);
    buf_clear(&bad);
}

static void test_a_file_cut_anywhere_is_refused(void **state)
{
    struct pain001_seen seen;
    (void)state;
    for (size_t len = 0; len < sizeof BY_HAND_03 - 2; len++) { /* the last byte is a line end */
        struct bytes cut = {(const uint8_t *)BY_HAND_03, len};
        assert_int_equal(pain001_check(cut, false, 7u, &seen, NULL), METE_BANK_FILE);
    }
}

/* --- random batches, read back by expat ---------------------------------------------------- */

/* What a random transfer was made of, as it must come back. */
struct meant {
    char id[BANK_ID_MAX + 1];
    char creditor[BANK_NAME_MAX + 1];
    char note[BANK_NOTE_MAX + 1];
    char town[BANK_TOWN_MAX + 1];
    char amount[48];
    struct pain001_transfer t;
};

static const char BASIC[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "/-?:().,'+ ";

static void random_text(struct rng *r, char *out, size_t max)
{
    size_t len = 1 + rng_below(r, max);
    for (size_t i = 0; i < len; i++) {
        bool end = i == 0 || i + 1 == len;
        out[i] = BASIC[rng_below(r, end ? 62 : sizeof BASIC - 1)];
    }
    out[len] = '\0';
}

static struct iban random_iban(struct rng *r)
{
    char bban[19];
    struct iban out;
    for (size_t i = 0; i < 18; i++) {
        bban[i] = (char)('0' + rng_below(r, 10));
    }
    bban[18] = '\0';
    assert_int_equal(iban_make(TEXT("DE"), text_of(bban), &out, NULL), METE_OK);
    return out;
}

static void random_transfer(struct rng *r, size_t i, struct meant *m)
{
    /* without floats: cents, written with a point by hand */
    uint64_t cents = 1 + rng_below(r, rng_below(r, 2) == 0 ? 1000 : 99999999999);
    unsigned scale = 2 + (unsigned)rng_below(r, 17);
    snprintf(m->amount, sizeof m->amount, "%llu.%02llu", (unsigned long long)(cents / 100),
             (unsigned long long)(cents % 100));
    snprintf(m->id, sizeof m->id, "t%zu-%llx", i, (unsigned long long)rng_next(r));
    random_text(r, m->creditor, BANK_NAME_MAX);
    random_text(r, m->note, BANK_NOTE_MAX);
    random_text(r, m->town, BANK_TOWN_MAX);
    m->t = (struct pain001_transfer){
        .id = text_of(m->id),
        .amount = (i128)(cents * u128_pow10(scale - 2)),
        .scale = scale,
        .currency = TEXT("EUR"),
        .creditor = text_of(m->creditor),
        .iban = random_iban(r),
        .note = rng_below(r, 3) == 0 ? TEXT("") : text_of(m->note),
        .town = rng_below(r, 2) == 0 ? TEXT("") : text_of(m->town),
        .country = TEXT("FR"),
    };
    if (rng_below(r, 2) == 0) {
        memcpy(m->t.bic.text, "BNPAFRPP", 9);
    }
}

/* What expat sees of one file, transfer by transfer. */
struct back {
    const struct meant *meant;
    size_t next;
    enum pain001_version version;
    char value[512];
    size_t len;
    struct buf seen; /* "Name=value;" of the leaves of a transfer */
    bool leaf;
};

static void XMLCALL back_open(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct back *b = ctx;
    b->len = 0;
    b->leaf = true;
    if (strcmp(name, "CdtTrfTxInf") == 0) {
        buf_reset(&b->seen);
    }
    if (strcmp(name, "InstdAmt") == 0) {
        assert_string_equal(attributes[0], "Ccy");
        assert_string_equal(attributes[1], "EUR");
    }
}

static void XMLCALL back_text(void *ctx, const XML_Char *s, int len)
{
    struct back *b = ctx;
    assert_true(b->len + (size_t)len < sizeof b->value);
    memcpy(b->value + b->len, s, (size_t)len);
    b->len += (size_t)len;
}

static void expected(const struct back *b, const struct meant *m, struct buf *out)
{
    char uetr[UETR_TEXT_MAX];
    buf_printf(out, "EndToEndId=%s;", m->id);
    if (b->version == PAIN001_09) {
        pain001_uetr(m->t.id, uetr);
        buf_printf(out, "UETR=%s;", uetr);
    }
    buf_printf(out, "InstdAmt=%s;", m->amount);
    if (m->t.bic.text[0] != '\0') {
        buf_printf(out, "%s=%s;", b->version == PAIN001_09 ? "BICFI" : "BIC", m->t.bic.text);
    }
    buf_printf(out, "Nm=%s;", m->creditor);
    if (m->t.town.len > 0) {
        buf_printf(out, "TwnNm=%s;", m->town);
    }
    buf_printf(out, "Ctry=FR;IBAN=%s;", m->t.iban.text);
    if (m->t.note.len > 0) {
        buf_printf(out, "Ustrd=%s;", m->note);
    }
}

static void XMLCALL back_close(void *ctx, const XML_Char *name)
{
    struct back *b = ctx;
    if (b->leaf) {
        buf_printf(&b->seen, "%s=%.*s;", name, (int)b->len, b->value);
    }
    b->leaf = false;
    if (strcmp(name, "CdtTrfTxInf") == 0) {
        struct buf want = {0};
        expected(b, &b->meant[b->next++], &want);
        assert_int_equal(want.len, b->seen.len);
        assert_memory_equal(want.p, b->seen.p, want.len);
        buf_clear(&want);
    }
}

static void read_back(const struct buf *file, enum pain001_version version,
                      const struct meant *meant, size_t count)
{
    struct back b = {.meant = meant, .version = version};
    XML_Parser p = XML_ParserCreate(NULL);
    XML_SetUserData(p, &b);
    XML_SetElementHandler(p, back_open, back_close);
    XML_SetCharacterDataHandler(p, back_text);
    assert_int_equal(XML_Parse(p, (const char *)file->p, (int)file->len, 1), XML_STATUS_OK);
    XML_ParserFree(p);
    assert_int_equal(b.next, count);
    buf_clear(&b.seen);
}

/* A digit of an amount, sum, count or account that becomes another one. All others are between
 * tags and of no meaning of their own (ids and names, which only the caller can know). */
static size_t corrupt_digits(const struct buf *file, struct rng *r, struct buf *bad)
{
    static const char *const before[] = {"<IBAN>", "<CtrlSum>", "<NbOfTxs>", "\"EUR\">"};
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        for (size_t at = 0; at + 40 < file->len; at++) {
            size_t n = strlen(before[i]);
            if (memcmp(file->p + at, before[i], n) != 0 || rng_below(r, 4) != 0) {
                continue;
            }
            size_t len = 0, pick = at + n;
            while (file->p[at + n + len] != '<') {
                len++;
            }
            pick += rng_below(r, len);
            buf_reset(bad);
            buf_put(bad, file->p, file->len);
            uint8_t c = bad->p[pick];
            if (c < '0' || c > '9') {
                continue;
            }
            bad->p[pick] = (uint8_t)('0' + (c - '0' + 1 + (int)rng_below(r, 9)) % 10);
            struct pain001_seen seen;
            assert_int_equal(pain001_check(buf_bytes(bad), false, 7u, &seen, NULL), METE_BANK_FILE);
            found++;
        }
    }
    return found;
}

/* Two transfers with one id: the sums still hold. */
static void repeat_id(const struct pain001_batch *b, struct meant *m, size_t count)
{
    struct pain001_transfer t[64];
    struct buf out = {0};
    struct pain001_seen seen;
    struct mete_err err;
    for (size_t i = 0; i < count; i++) {
        t[i] = m[i].t;
    }
    t[count - 1].id = t[0].id;
    assert_int_equal(write_all(b, t, count, &out, NULL), METE_OK);
    assert_int_equal(pain001_check(buf_bytes(&out), false, 7u, &seen, &err), METE_BANK_FILE);
    assert_non_null(strstr(err.text, "twice"));
    buf_clear(&out);
}

static void random_round(struct rng *r, size_t *transfers, size_t *corruptions)
{
    static struct meant meant[64];
    struct pain001_batch b = batch_by_hand(rng_below(r, 2) == 0 ? PAIN001_03 : PAIN001_09);
    struct pain001_transfer t[64];
    struct buf file = {0}, bad = {0};
    struct pain001_seen seen;
    struct mete_err err = {0};
    size_t count = 1 + rng_below(r, 64);
    b.single_booking = rng_below(r, 2) == 0;
    i128 sum = 0;
    for (size_t i = 0; i < count; i++) {
        random_transfer(r, i, &meant[i]);
        t[i] = meant[i].t;
        sum += (i128)((u128)t[i].amount * 100000 / u128_pow10(t[i].scale));
    }
    if (write_all(&b, t, count, &file, &err) != METE_OK ||
        pain001_check(buf_bytes(&file), false, 7u, &seen, &err) != METE_OK) {
        fail_msg("%s %s", err.pointer, err.text);
    }
    assert_true(seen.count == count && seen.sum_e5 == sum);
    read_back(&file, b.version, meant, count);
    *transfers += count;
    *corruptions += corrupt_digits(&file, r, &bad);
    if (count > 1) {
        repeat_id(&b, meant, count);
        *corruptions += 1;
    }
    buf_clear(&file);
    buf_clear(&bad);
}

static void test_random_batches_come_back_and_single_corruptions_are_found(void **state)
{
    uint64_t seed = 20250131;
    struct rng r;
    size_t transfers = 0, corruptions = 0;
    (void)state;
    rng_seed(&r, seed);
    for (unsigned i = 0; i < 40; i++) {
        random_round(&r, &transfers, &corruptions);
    }
    print_message("# seed %llu: %zu transfers came back, %zu corruptions found\n",
                  (unsigned long long)seed, transfers, corruptions);
    assert_true(corruptions > 500);
}

/* --- a large batch in bounded memory ------------------------------------------------------ */

static bool count_them(void *ctx, const struct pain001_read *t)
{
    size_t *n = ctx;
    char id[32];
    snprintf(id, sizeof id, "t%zu", (*n)++);
    return text_is(t->id, id) && t->amount_e5 > 0 && text_is(t->currency, "EUR") &&
           text_is(t->iban, "NL91ABNA0417164300") && text_is(t->bic, "ABNANL2A") &&
           text_is(t->creditor, "AEroskobing (Ltd)") && text_is(t->note, "Payout January");
}

static void test_a_hundred_thousand_transfers_pass_through_a_small_buffer(void **state)
{
    struct pain001_batch b = batch_by_hand(PAIN001_09);
    struct pain001_transfer t = transfer_by_hand();
    struct pain001_totals totals = {0};
    struct pain001_writer w;
    struct buf out = {0};
    struct pain001_seen seen;
    size_t n = 0, bytes = 0;
    char id[32];
    (void)state;
    for (unsigned pass = 0; pass < 2; pass++) {
        struct pain001_checker *c = pain001_check_new(false, 7u, count_them, &n, NULL);
        if (pass == 1) {
            assert_int_equal(pain001_begin(&w, &b, &totals, &out, NULL), METE_OK);
        }
        for (unsigned i = 0; i < 100000; i++) {
            snprintf(id, sizeof id, "t%u", i);
            t.id = text_of(id);
            t.amount = 1 + i;
            if (pass == 0) {
                assert_int_equal(pain001_count(&b, &t, &totals, NULL), METE_OK);
                continue;
            }
            assert_int_equal(pain001_transfer(&w, &t, &out, NULL), METE_OK);
            assert_int_equal(pain001_check_feed(c, buf_bytes(&out)), METE_OK);
            bytes += out.len;
            buf_reset(&out);
        }
        if (pass == 0) {
            pain001_check_drop(c);
            continue;
        }
        assert_int_equal(pain001_end(&w, &out, NULL), METE_OK);
        assert_int_equal(pain001_check_feed(c, buf_bytes(&out)), METE_OK);
        assert_int_equal(pain001_check_end(c, &seen), METE_OK);
    }
    assert_true(n == 100000 && seen.count == 100000);
    assert_true(seen.sum_e5 == (i128)100000 * 100001 / 2 * 1000);
    assert_true(out.cap < 16384);
    print_message("# %zu bytes in all through %zu\n", bytes, out.cap);
    buf_clear(&out);
}

static bool refuse(void *ctx, const struct pain001_read *t)
{
    (void)ctx;
    (void)t;
    return false;
}

static void test_the_caller_may_refuse_a_transfer_it_did_not_mean(void **state)
{
    struct mete_err err;
    struct pain001_checker *c = pain001_check_new(false, 7u, refuse, NULL, &err);
    struct bytes file = {(const uint8_t *)BY_HAND_03, sizeof BY_HAND_03 - 1};
    (void)state;
    assert_int_equal(pain001_check_feed(c, file), METE_BANK_FILE);
    assert_int_equal(pain001_check_feed(c, file), METE_BANK_FILE);
    assert_string_equal(err.pointer, "/Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf");
    pain001_check_drop(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_draws_no_chance),
        cmocka_unit_test(test_the_file_of_version_03_by_hand),
        cmocka_unit_test(test_what_version_09_has_otherwise),
        cmocka_unit_test(test_the_uetr_of_an_id_never_changes),
        cmocka_unit_test(test_other_currencies_are_written_without_sepa),
        cmocka_unit_test(test_a_transfer_that_no_bank_takes_is_refused_in_both_passes),
        cmocka_unit_test(test_the_largest_sepa_transfer_and_the_longest_texts_are_written),
        cmocka_unit_test(test_a_batch_that_no_bank_takes_is_refused),
        cmocka_unit_test(test_the_end_refuses_other_transfers_than_were_counted),
        cmocka_unit_test(test_each_planted_corruption_is_found),
        cmocka_unit_test(test_amounts_that_agree_and_are_wrong_are_found),
        cmocka_unit_test(test_a_uetr_of_another_id_is_found),
        cmocka_unit_test(test_a_file_cut_anywhere_is_refused),
        cmocka_unit_test(test_random_batches_come_back_and_single_corruptions_are_found),
        cmocka_unit_test(test_a_hundred_thousand_transfers_pass_through_a_small_buffer),
        cmocka_unit_test(test_the_caller_may_refuse_a_transfer_it_did_not_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
