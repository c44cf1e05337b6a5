/* SPDX-License-Identifier: Apache-2.0
 * What the bank answers: pain.002.001.03, camt.053.001.02, and NACHA returns. */
#include "railsim/bank.h"

#include "base/markup.h"
#include "base/text.h"
#include "wire/bank/field.h"
#include "wire/bank/iban.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 94

static void element(struct buf *out, const char *name, struct text value)
{
    buf_printf(out, "<%s>", name);
    markup_put(out, value);
    buf_printf(out, "</%s>", name);
}

static void amount_put(struct buf *out, int64_t amount, struct text currency)
{
    i128 e5 = amount;
    unsigned decimals = bank_currency_decimals(currency);
    for (unsigned i = decimals; i < BANK_DECIMALS_MAX; i++) {
        e5 *= 10;
    }
    buf_printf(out, "<Amt Ccy=\"%.*s\">", (int)currency.len, currency.p);
    bank_decimal_put(out, e5, decimals);
    buf_put_str(out, "</Amt>");
}

/* --- pain.002 ----------------------------------------------------------------------------------*/

static void transaction_put(struct buf *out, const struct bank_payment *p)
{
    buf_put_str(out, "<TxInfAndSts>");
    element(out, "OrgnlEndToEndId", p->end_to_end);
    element(out, "TxSts", p->status);
    if (p->reason.len > 0) {
        buf_put_str(out, "<StsRsnInf><Rsn>");
        element(out, "Cd", p->reason);
        buf_put_str(out, "</Rsn></StsRsnInf>");
    }
    buf_put_str(out, "</TxInfAndSts>");
}

/** The one status that all have, else PART. */
static struct text group_status(const struct bank_payment *p, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (!text_eq(p[i].status, p[0].status)) {
            return TEXT("PART");
        }
    }
    return p[0].status;
}

void bank_status_write(struct buf *out, const char *id, int64_t now_us, struct text message,
                       const struct bank_payment *p, size_t count)
{
    char when[TIME_TEXT_MAX];
    (void)time_format(now_us - now_us % TIME_SECOND_US, when);
    buf_put_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03\">"
                     "<CstmrPmtStsRpt><GrpHdr>");
    element(out, "MsgId", text_of(id));
    element(out, "CreDtTm", text_of(when));
    buf_put_str(out, "</GrpHdr><OrgnlGrpInfAndSts>");
    element(out, "OrgnlMsgId", message);
    element(out, "OrgnlMsgNmId", TEXT("pain.001"));
    element(out, "GrpSts", group_status(p, count));
    buf_put_str(out, "</OrgnlGrpInfAndSts>");
    for (size_t i = 0; i < count; i++) {
        bool opens = i == 0 || !text_eq(p[i].block, p[i - 1].block);
        if (opens) {
            buf_put_str(out,
                        i > 0 ? "</OrgnlPmtInfAndSts><OrgnlPmtInfAndSts>" : "<OrgnlPmtInfAndSts>");
            element(out, "OrgnlPmtInfId", p[i].block);
        }
        transaction_put(out, &p[i]);
    }
    buf_put_str(out, "</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n");
}

/* --- camt.053 ----------------------------------------------------------------------------------*/

static void balance_put(struct buf *out, const struct bank_statement_head *h, const char *code,
                        int64_t amount)
{
    char day[11];
    time_format_day(time_day(h->now_us), day);
    buf_printf(out, "<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp>", code);
    amount_put(out, amount < 0 ? -amount : amount, h->currency);
    buf_printf(out, "<CdtDbtInd>%s</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>",
               amount < 0 ? "DBIT" : "CRDT", day);
}

void bank_statement_begin(struct buf *out, const struct bank_statement_head *h)
{
    char when[TIME_TEXT_MAX];
    (void)time_format(h->now_us - h->now_us % TIME_SECOND_US, when);
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\">"
               "<BkToCstmrStmt><GrpHdr><MsgId>%s</MsgId><CreDtTm>%s</CreDtTm></GrpHdr><Stmt>"
               "<Id>%s</Id><ElctrncSeqNb>%lld</ElctrncSeqNb><CreDtTm>%s</CreDtTm><Acct><Id>",
               h->id, when, h->id, (long long)h->sequence, when);
    element(out, "IBAN", h->account);
    buf_put_str(out, "</Id>");
    element(out, "Ccy", h->currency);
    buf_put_str(out, "</Acct>");
    balance_put(out, h, "OPBD", h->opening);
    balance_put(out, h, "CLBD", h->closing);
}

void bank_statement_entry(struct buf *out, const struct bank_statement_head *h,
                          const struct bank_entry *e)
{
    char day[11];
    time_format_day(time_day(h->now_us), day);
    buf_put_str(out, "<Ntry>");
    buf_printf(out, "<NtryRef>%lld</NtryRef>", (long long)e->seq);
    amount_put(out, e->amount, h->currency);
    buf_printf(out, "<CdtDbtInd>%s</CdtDbtInd>", e->credit ? "CRDT" : "DBIT");
    if (e->credit) {
        buf_put_str(out, "<RvslInd>true</RvslInd>");
    }
    buf_printf(out,
               "<Sts>BOOK</Sts><BookgDt><Dt>%s</Dt></BookgDt><ValDt><Dt>%s</Dt></ValDt>"
               "<AcctSvcrRef>RS%010lld</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>%s</Cd>"
               "<SubFmlyCd>%s</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs>",
               day, day, (long long)e->seq, e->credit ? "RCDT" : "ICDT",
               e->credit ? "RRTN" : "ESCT");
    element(out, "MsgId", e->payment.message);
    element(out, "PmtInfId", e->payment.block);
    element(out, "EndToEndId", e->payment.end_to_end);
    buf_put_str(out, "</Refs><AmtDtls><TxAmt>");
    amount_put(out, e->amount, h->currency);
    buf_put_str(out, "</TxAmt></AmtDtls><RltdPties><Cdtr>");
    element(out, "Nm", e->payment.creditor);
    buf_put_str(out, "</Cdtr></RltdPties>");
    if (e->credit) {
        buf_put_str(out, "<RtrInf><Rsn>");
        element(out, "Cd", e->reason);
        buf_put_str(out, "</Rsn></RtrInf>");
    }
    buf_put_str(out, "</TxDtls></NtryDtls></Ntry>");
}

void bank_statement_end(struct buf *out)
{
    buf_put_str(out, "</Stmt></BkToCstmrStmt></Document>\n");
}

/* --- NACHA -------------------------------------------------------------------------------------*/

/** A line ends after 94 columns. */
static void line_end(struct buf *out, size_t began)
{
    METE_ASSERT(out->len - began == LINE);
    buf_put_str(out, "\n");
}

static const char *at(struct text line, unsigned column)
{
    METE_ASSERT(line.len == LINE);
    return line.p + column - 1;
}

static void header_put(struct buf *out, struct text header, int64_t now_us)
{
    char when[TIME_TEXT_MAX];
    size_t began = out->len;
    (void)time_format(now_us - now_us % TIME_SECOND_US, when);
    /* who sent it is who gets it now */
    buf_printf(out, "101%.10s%.10s%.2s%.2s%.2s%.2s%.2sR094101%.23s%.23s%8s", at(header, 14),
               at(header, 4), when + 2, when + 5, when + 8, when + 11, when + 14, at(header, 64),
               at(header, 41), "");
    line_end(out, began);
}

void bank_return_write(struct buf *out, int64_t now_us, const struct bank_payment *p,
                       const char *reason)
{
    char home[ROUTING_LEN + 1];
    char trace[32];
    size_t began;
    const char *entry = at(p->reference, 1);
    const char *batch = at(p->block, 1);
    (void)snprintf(home, sizeof home, "%.8s%c", p->end_to_end.p,
                   routing_check_digit(p->end_to_end.p));
    (void)snprintf(trace, sizeof trace, "%.8s%07lld", entry + 3, (long long)(p->seq % 10000000));
    header_put(out, p->debtor, now_us);
    began = out->len;
    buf_printf(out, "5220%.74s1%.8s0000001", batch + 4, entry + 3);
    line_end(out, began);
    began = out->len;
    buf_printf(out, "6%d1%.9s%.17s%.10s%.15s%.22s  1%s", entry[1] == '3' ? 3 : 2, home, entry + 12,
               entry + 29, entry + 39, entry + 54, trace);
    line_end(out, began);
    began = out->len;
    buf_printf(out, "799%.3s%.15s%6s%.8s%44s%s", reason, p->end_to_end.p, "", entry + 3, "", trace);
    line_end(out, began);
    began = out->len;
    buf_printf(out, "822000000200%.8s%012d00%.10s%.10s%25s%.8s0000001", home, 0, entry + 29,
               batch + 40, "", entry + 3);
    line_end(out, began);
    began = out->len;
    buf_printf(out, "90000010000010000000200%.8s%012d00%.10s%39s", home, 0, entry + 29, "");
    line_end(out, began);
    for (unsigned i = 6; i < 10; i++) {
        began = out->len;
        for (unsigned k = 0; k < LINE; k++) {
            buf_put_str(out, "9");
        }
        line_end(out, began);
    }
}
