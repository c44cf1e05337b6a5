/* SPDX-License-Identifier: Apache-2.0
 * Which message a file is, and the helpers of its readers; what a record means. */
#include "wire/bank/report.h"

#include "base/buf.h"
#include "base/text.h"
#include "wire/bank/report_parts.h"

#include <string.h>

bool report_at(const struct report *r, const char *tail)
{
    struct text path = bank_xml_path(r->xml);
    size_t len = strlen(tail);
    return path.len >= len && memcmp(path.p + path.len - len, tail, len) == 0;
}

bool report_keep(struct report *r, char *out, size_t size)
{
    struct text v = bank_xml_trimmed(r->xml);
    if (v.len >= size) {
        return bank_xml_fail(r->xml, METE_BANK_FILE, "longer than %zu characters", size - 1);
    }
    return text_copy(out, size, v);
}

bool report_amount(struct report *r, i128 *e5)
{
    unsigned decimals = 0;
    return bank_decimal_parse(bank_xml_trimmed(r->xml), false, e5, &decimals) ||
           bank_xml_fail(r->xml, METE_BANK_FILE, "not a plain decimal of at most 18 digits");
}

bool report_direction(struct report *r, bool *credit)
{
    struct text v = bank_xml_trimmed(r->xml);
    *credit = text_is(v, "CRDT");
    return *credit || text_is(v, "DBIT") ||
           bank_xml_fail(r->xml, METE_BANK_FILE, "neither CRDT nor DBIT");
}

bool report_give(struct report *r, const struct bank_record *record)
{
    return r->sink.record == NULL || r->sink.record(r->sink.ctx, record) ||
           bank_xml_fail(r->xml, METE_BANK_FILE, "the receiver of the records stopped");
}

/* The element below Document names the message, whatever the version. */
static bool message_open(struct report *r)
{
    static const struct {
        const char *element;
        enum bank_message message;
    } known[] = {
        {"CstmrPmtStsRpt", BANK_PAIN_002},        {"pain.002.001.02", BANK_PAIN_002},
        {"BkToCstmrAcctRpt", BANK_CAMT_052},      {"BkToCstmrStmt", BANK_CAMT_053},
        {"BkToCstmrDbtCdtNtfctn", BANK_CAMT_054},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (text_is(bank_xml_name(r->xml), known[i].element)) {
            r->message = known[i].message;
            return true;
        }
    }
    return bank_xml_fail(r->xml, METE_BANK_FILE, "neither pain.002 nor camt.052, .053 or .054");
}

static bool step_open(void *ctx, struct bank_xml *x)
{
    struct report *r = ctx;
    unsigned depth = bank_xml_depth(x);
    if (depth == 1) {
        return text_is(bank_xml_name(x), "Document") ||
               bank_xml_fail(x, METE_BANK_FILE, "the root is not Document");
    }
    size_t count = 0;
    struct text value;
    struct text name = bank_xml_attribute(x, &value, &count);
    r->currency[0] = '\0';
    if (text_is(name, "Ccy")) {
        if (!bank_currency_valid(value)) {
            return bank_xml_fail(x, METE_BANK_FILE, "Ccy must be three capitals");
        }
        text_copy(r->currency, sizeof r->currency, value);
    }
    if (depth == 2) {
        return message_open(r);
    }
    return r->message == BANK_PAIN_002 ? status_open(r) : account_open(r);
}

static bool step_close(void *ctx, struct bank_xml *x)
{
    struct report *r = ctx;
    if (bank_xml_depth(x) <= 2) {
        return true;
    }
    if (report_at(r, "/GrpHdr/MsgId")) {
        return report_keep(r, r->message_id, sizeof r->message_id);
    }
    return r->message == BANK_PAIN_002 ? status_close(r) : account_close(r);
}

enum mete_code bank_report_read(struct bytes file, const struct bank_report_sink *sink,
                                uint64_t salt, struct mete_err *err)
{
    if (file.len > BANK_REPORT_SIZE_MAX) {
        return mete_fail(err, METE_BANK_FILE, "", "A report has at most %zu bytes, not %zu.",
                         BANK_REPORT_SIZE_MAX, file.len);
    }
    struct report r = {.sink = *sink};
    struct bank_xml_steps steps = {&r, step_open, step_close};
    r.xml = bank_xml_new(&steps, salt, err);
    enum mete_code code = bank_xml_feed(r.xml, file, true);
    bank_xml_free(r.xml);
    return code;
}

static bool is_one_of(const char *status, const char *list)
{
    size_t len = strlen(status);
    for (const char *p = strstr(list, status); p != NULL && len == 4; p = strstr(p + 1, status)) {
        if (p[4] == ' ' || p[4] == '\0') {
            return true;
        }
    }
    return false;
}

static enum bank_outcome status_outcome(const char *status)
{
    if (is_one_of(status, "ACSC ACCC")) {
        return BANK_SETTLED;
    }
    if (is_one_of(status, "RCVD ACTC ACCP ACSP ACWC PDNG PART")) {
        return BANK_PENDING;
    }
    return strcmp(status, "RJCT") == 0 ? BANK_FAILED : BANK_UNCLEAR;
}

enum bank_outcome bank_record_outcome(const struct bank_record *r)
{
    if (r->message == BANK_PAIN_002) {
        return status_outcome(r->status);
    }
    bool back = r->reversal || r->returned;
    if (r->credit != back) {
        /* income of the account, or the reversal of an income: not about a payout */
        return BANK_UNCLEAR;
    }
    if (strcmp(r->status, "BOOK") != 0) {
        return strcmp(r->status, "PDNG") == 0 ? BANK_PENDING : BANK_UNCLEAR;
    }
    return r->credit ? BANK_RETURNED : BANK_SETTLED;
}

bool bank_movement_key(const struct bank_record *r, struct hash *key)
{
    const char *ref = r->servicer_ref[0] != '\0' ? r->servicer_ref : r->entry_ref;
    if (ref[0] == '\0' && r->end_to_end[0] == '\0') {
        return false;
    }
    struct buf b = {0};
    buf_put_str(&b, "mete movement 1");
    buf_put_sized(&b, text_of(r->account));
    buf_put_sized(&b, text_of(ref));
    buf_put_sized(&b, text_of(r->end_to_end));
    buf_put_zigzag(&b, r->amount_e5);
    buf_put_sized(&b, text_of(r->currency));
    buf_put_u8(&b, r->credit);
    buf_put_zigzag(&b, r->booking_day);
    *key = sha256(buf_bytes(&b));
    buf_clear(&b);
    return true;
}
