/* SPDX-License-Identifier: Apache-2.0
 * camt.052, .053, .054: entries, their details, balances. An entry with details gives one record a
 * detail and none of its own; the first detail waits until it is known whether it is the only one,
 * because then the amount of the entry is its amount. */
#include "base/text.h"
#include "base/time.h"
#include "wire/bank/report_parts.h"

#include <stddef.h>
#include <string.h>

/* The path below the account: "/Ntry/Amt". Empty for the account itself and above. */
static struct text below_account(const struct report *r)
{
    struct text path = bank_xml_path(r->xml);
    unsigned names = 0;
    size_t i = 0;
    for (; i < path.len; i++) {
        names += path.p[i] == '/';
        if (names == 4) {
            break;
        }
    }
    return (struct text){path.p + i, path.len - i};
}

static void account_begin(struct report *r)
{
    r->statement = (struct bank_statement){.message = r->message};
}

static void entry_begin(struct report *r)
{
    r->entry = (struct bank_record){
        .message = r->message, .level = BANK_ENTRY, .booking_day = BANK_DAY_NONE};
    memcpy(r->entry.message_id, r->message_id, sizeof r->message_id);
    memcpy(r->entry.account, r->statement.account, sizeof r->entry.account);
    r->direction_said = false;
    r->details = 0;
    r->blocks = 0;
    r->first_kept = false;
}

/* What a batch says holds for its own block of details alone. */
static void block_begin(struct report *r)
{
    r->blocks++;
    r->entry.original_message[0] = '\0';
    r->entry.original_payment[0] = '\0';
    r->entry.count = 0;
}

static void detail_begin(struct report *r)
{
    r->detail = r->entry;
    r->detail.level = BANK_DETAIL;
    r->detail.amount_known = false;
    r->detail.amount_e5 = 0;
    r->detail.count = 1;
}

bool account_open(struct report *r)
{
    struct text at = below_account(r);
    if (bank_xml_depth(r->xml) == 3 && !text_is(bank_xml_name(r->xml), "GrpHdr")) {
        account_begin(r);
    } else if (text_is(at, "/Ntry")) {
        entry_begin(r);
    } else if (text_is(at, "/Bal")) {
        r->balance_code[0] = '\0';
        r->balance_e5 = 0;
        r->balance_credit = false;
    } else if (text_is(at, "/Ntry/NtryDtls")) {
        block_begin(r);
    } else if (text_is(at, "/Ntry/NtryDtls/TxDtls")) {
        detail_begin(r);
    } else if (text_is(at, "/Ntry/NtryDtls/TxDtls/RtrInf")) {
        r->detail.returned = true;
    }
    return true;
}

/* A field that is copied as it is: where it stands, where it goes. */
struct copied {
    const char *at;
    size_t offset;
    size_t size;
};

#define TO(at, member)                                                                             \
    {                                                                                              \
        at, offsetof(struct bank_record, member), sizeof(((struct bank_record *)0)->member)        \
    }

static const struct copied OF_ENTRY[] = {
    TO("/Ntry/NtryRef", entry_ref),
    TO("/Ntry/AcctSvcrRef", servicer_ref),
    TO("/Ntry/NtryDtls/Btch/MsgId", original_message),
    TO("/Ntry/NtryDtls/Btch/PmtInfId", original_payment),
};

static const struct copied OF_DETAIL[] = {
    TO("/Ntry/NtryDtls/TxDtls/Refs/MsgId", original_message),
    TO("/Ntry/NtryDtls/TxDtls/Refs/PmtInfId", original_payment),
    TO("/Ntry/NtryDtls/TxDtls/Refs/EndToEndId", end_to_end),
    TO("/Ntry/NtryDtls/TxDtls/Refs/UETR", uetr),
    TO("/Ntry/NtryDtls/TxDtls/Refs/AcctSvcrRef", servicer_ref),
    TO("/Ntry/NtryDtls/TxDtls/RtrInf/Rsn/Cd", reason),
    TO("/Ntry/NtryDtls/TxDtls/RtrInf/Rsn/Prtry", reason),
};

/* 1 copied, 0 not one of these, -1 broken. */
static int copied_field(struct report *r, const struct copied *of, size_t count,
                        struct bank_record *to)
{
    struct text at = below_account(r);
    for (size_t i = 0; i < count; i++) {
        if (text_is(at, of[i].at)) {
            return report_keep(r, (char *)to + of[i].offset, of[i].size) ? 1 : -1;
        }
    }
    return 0;
}

static bool count_field(struct report *r)
{
    struct text v = bank_xml_trimmed(r->xml);
    uint32_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        if (v.p[i] < '0' || v.p[i] > '9' || n > 99999999) {
            return bank_xml_fail(r->xml, METE_BANK_FILE, "not a count below a billion");
        }
        n = n * 10 + (uint32_t)(v.p[i] - '0');
    }
    r->entry.count = n;
    return true;
}

/* A date, or the date of a time: as the bank sees it, zone or not. */
static bool day_field(struct report *r)
{
    struct text v = bank_xml_trimmed(r->xml);
    v.len = v.len > 10 ? 10 : v.len;
    return time_parse_day(v, &r->entry.booking_day) ||
           bank_xml_fail(r->xml, METE_BANK_FILE, "not a date");
}

static bool entry_amount(struct report *r)
{
    r->entry.amount_known = true;
    memcpy(r->entry.currency, r->currency, sizeof r->currency);
    return report_amount(r, &r->entry.amount_e5);
}

static bool entry_field(struct report *r)
{
    struct text at = below_account(r);
    if (text_is(at, "/Ntry/Amt")) {
        return entry_amount(r);
    }
    if (text_is(at, "/Ntry/CdtDbtInd")) {
        r->direction_said = true;
        return report_direction(r, &r->entry.credit);
    }
    if (text_is(at, "/Ntry/RvslInd")) {
        struct text v = bank_xml_trimmed(r->xml);
        r->entry.reversal = text_is(v, "true") || text_is(v, "1");
        return true;
    }
    /* version .02 writes BOOK into Sts itself, later ones into Sts/Cd */
    if (text_is(at, "/Ntry/Sts/Cd") || (text_is(at, "/Ntry/Sts") && bank_xml_is_leaf(r->xml))) {
        return report_keep(r, r->entry.status, sizeof r->entry.status);
    }
    if (text_is(at, "/Ntry/BookgDt/Dt") || text_is(at, "/Ntry/BookgDt/DtTm")) {
        return day_field(r);
    }
    if (text_is(at, "/Ntry/NtryDtls/Btch/NbOfTxs")) {
        return count_field(r);
    }
    return copied_field(r, OF_ENTRY, ARRAY_LEN(OF_ENTRY), &r->entry) >= 0;
}

/* TxDtls/Amt of later versions comes before AmtDtls and is kept. */
static bool detail_amount(struct report *r)
{
    if (r->detail.amount_known) {
        return true;
    }
    r->detail.amount_known = true;
    memcpy(r->detail.currency, r->currency, sizeof r->currency);
    return report_amount(r, &r->detail.amount_e5);
}

static bool detail_end(struct report *r)
{
    if (++r->details == 1) {
        r->first = r->detail;
        r->first_kept = true;
        return true;
    }
    if (r->first_kept) {
        r->first_kept = false;
        if (!report_give(r, &r->first)) {
            return false;
        }
    }
    return report_give(r, &r->detail);
}

static bool detail_field(struct report *r)
{
    struct text at = below_account(r);
    if (text_is(at, "/Ntry/NtryDtls/TxDtls/Amt") ||
        text_is(at, "/Ntry/NtryDtls/TxDtls/AmtDtls/TxAmt/Amt")) {
        return detail_amount(r);
    }
    if (text_is(at, "/Ntry/NtryDtls/TxDtls/CdtDbtInd")) {
        return report_direction(r, &r->detail.credit);
    }
    return copied_field(r, OF_DETAIL, ARRAY_LEN(OF_DETAIL), &r->detail) >= 0;
}

static bool entry_give(struct report *r)
{
    if (r->first_kept) {
        if (!r->first.amount_known) {
            r->first.amount_known = true;
            r->first.amount_e5 = r->entry.amount_e5;
        }
        return report_give(r, &r->first);
    }
    if (r->details > 0) {
        return true;
    }
    if (r->blocks > 1) { /* several batches in one amount: it is not the amount of the last */
        block_begin(r);
    }
    return report_give(r, &r->entry);
}

static bool entry_end(struct report *r)
{
    const struct bank_record *e = &r->entry;
    if (!e->amount_known || !r->direction_said || e->currency[0] == '\0' || e->status[0] == '\0') {
        return bank_xml_fail(r->xml, METE_BANK_FILE, "an entry needs Amt, Ccy, CdtDbtInd and Sts");
    }
    r->statement.entries++;
    if (strcmp(e->status, "BOOK") == 0) {
        r->statement.booked_e5 += e->credit ? e->amount_e5 : -e->amount_e5;
    }
    return entry_give(r);
}

static void balance_end(struct report *r)
{
    struct bank_statement *s = &r->statement;
    i128 v = r->balance_credit ? r->balance_e5 : -r->balance_e5;
    bool opening = strcmp(r->balance_code, "OPBD") == 0;
    /* PRCD, the closing balance of before, stands for an opening that is not given */
    if (opening || (strcmp(r->balance_code, "PRCD") == 0 && !s->opening_known)) {
        s->opening_known = true;
        s->opening_e5 = v;
    } else if (strcmp(r->balance_code, "CLBD") == 0) {
        s->closing_known = true;
        s->closing_e5 = v;
    }
}

static bool balance_field(struct report *r)
{
    struct text at = below_account(r);
    if (text_is(at, "/Bal/Tp/CdOrPrtry/Cd")) {
        return report_keep(r, r->balance_code, sizeof r->balance_code);
    }
    if (text_is(at, "/Bal/Amt")) {
        return report_amount(r, &r->balance_e5);
    }
    if (text_is(at, "/Bal/CdtDbtInd")) {
        return report_direction(r, &r->balance_credit);
    }
    if (text_is(at, "/Bal")) {
        balance_end(r);
    }
    return true;
}

static bool sequence_field(struct report *r)
{
    struct text v = bank_xml_trimmed(r->xml);
    uint64_t n = 0;
    for (size_t i = 0; i < v.len; i++) {
        if (v.len > 18 || v.p[i] < '0' || v.p[i] > '9') {
            return bank_xml_fail(r->xml, METE_BANK_FILE, "not a number of at most 18 digits");
        }
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    r->statement.sequence = n;
    return true;
}

static bool head_field(struct report *r)
{
    struct text at = below_account(r);
    struct bank_statement *s = &r->statement;
    if (text_is(at, "/Id")) {
        return report_keep(r, s->id, sizeof s->id);
    }
    if (text_is(at, "/ElctrncSeqNb")) {
        return sequence_field(r);
    }
    if (text_is(at, "/Acct/Id/IBAN") || text_is(at, "/Acct/Id/Othr/Id")) {
        return report_keep(r, s->account, sizeof s->account);
    }
    return true;
}

static bool account_end(struct report *r)
{
    const struct bank_statement *s = &r->statement;
    if (s->message == BANK_CAMT_053 && s->opening_known && s->closing_known &&
        s->opening_e5 + s->booked_e5 != s->closing_e5) {
        return bank_xml_fail(r->xml, METE_BANK_BALANCE,
                             "opening balance and %u entries do not give the closing balance",
                             s->entries);
    }
    return r->sink.statement == NULL || r->sink.statement(r->sink.ctx, s) ||
           bank_xml_fail(r->xml, METE_BANK_FILE, "the receiver of the statements stopped");
}

bool account_close(struct report *r)
{
    struct text at = below_account(r);
    if (bank_xml_depth(r->xml) == 3) {
        return text_is(bank_xml_name(r->xml), "GrpHdr") || account_end(r);
    }
    if (text_starts(at, "/Bal")) {
        return balance_field(r);
    }
    if (!text_starts(at, "/Ntry")) {
        return head_field(r);
    }
    if (text_is(at, "/Ntry")) {
        return entry_end(r);
    }
    if (text_is(at, "/Ntry/NtryDtls/TxDtls")) {
        return detail_end(r);
    }
    return text_starts(at, "/Ntry/NtryDtls/TxDtls/") ? detail_field(r) : entry_field(r);
}
