/* SPDX-License-Identifier: Apache-2.0
 * Files of payments as a bank reads them: pain.001 of any writer by its element names, NACHA by
 * its columns. What a bank refuses is refused by the codes of ISO 20022. */
#include "railsim/bank.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "wire/bank/field.h"
#include "wire/bank/iban.h"
#include "wire/bank/xml.h"

#include <stdio.h>
#include <string.h>

#define ORDERS_MAX 20000
#define NACHA_LINE 94

/* --- pain.001 ----------------------------------------------------------------------------------*/

struct reading {
    struct arena *a;
    struct bank_file *file;
    struct bank_order now;
    i128 sum_e5, told_e5, amount_e5;
    int64_t told_count;
    bool sum_told, count_told, iban;
};

static bool on_open(void *ctx, struct bank_xml *x)
{
    struct reading *r = ctx;
    struct text value;
    size_t count = 0;
    if (text_is(bank_xml_name(x), "InstdAmt")) {
        (void)bank_xml_attribute(x, &value, &count);
        (void)text_copy(r->now.currency, sizeof r->now.currency, value);
    } else if (text_is(bank_xml_name(x), "CdtTrfTxInf")) {
        struct bank_order fresh = {0};
        memcpy(fresh.block, r->now.block, sizeof fresh.block);
        memcpy(fresh.debtor, r->now.debtor, sizeof fresh.debtor);
        r->now = fresh;
        r->iban = false;
        r->amount_e5 = 0;
    } else if (text_is(bank_xml_name(x), "Document")) {
        struct text ns = bank_xml_namespace(x);
        r->file->version9 = ns.len > 2 && memcmp(ns.p + ns.len - 2, "09", 2) == 0;
    }
    return true;
}

/** Minor units; false when the amount is not a whole number of them, or nothing. */
static bool amount_of(struct reading *r)
{
    i128 unit = 1;
    unsigned decimals = bank_currency_decimals(text_of(r->now.currency));
    for (unsigned i = decimals; i < BANK_DECIMALS_MAX; i++) {
        unit *= 10;
    }
    r->now.amount = (int64_t)(r->amount_e5 / unit);
    return r->amount_e5 > 0 && r->amount_e5 % unit == 0;
}

/** What a bank looks at before it takes a payment. */
static const char *refusal(struct reading *r)
{
    struct iban iban;
    if (!amount_of(r)) {
        return "AM12";
    }
    if (r->iban && iban_parse(text_of(r->now.account), "", &iban, NULL) != METE_OK) {
        return "AC01";
    }
    return r->now.account[0] == '\0' ? "AC01" : r->now.end_to_end[0] == '\0' ? "FF10" : NULL;
}

static void order_take(struct reading *r)
{
    struct bank_file *f = r->file;
    r->now.reason = refusal(r);
    r->sum_e5 += r->amount_e5;
    if (f->count < ORDERS_MAX) {
        f->order[f->count++] = r->now;
    }
}

static bool ends(struct text t, const char *tail)
{
    size_t len = strlen(tail);
    return t.len >= len && memcmp(t.p + t.len - len, tail, len) == 0;
}

static void value_take(struct reading *r, struct text path, struct text v)
{
    struct bank_order *o = &r->now;
    unsigned decimals;
    if (ends(path, "/GrpHdr/MsgId")) {
        (void)text_copy(r->file->message, sizeof r->file->message, v);
    } else if (ends(path, "/GrpHdr/NbOfTxs")) {
        r->count_told = call_number(v, &r->told_count);
    } else if (ends(path, "/GrpHdr/CtrlSum")) {
        r->sum_told = bank_decimal_parse(v, false, &r->told_e5, &decimals);
    } else if (ends(path, "/PmtInf/PmtInfId")) {
        (void)text_copy(o->block, sizeof o->block, v);
    } else if (ends(path, "/DbtrAcct/Id/IBAN") || ends(path, "/DbtrAcct/Id/Othr/Id")) {
        (void)text_copy(o->debtor, sizeof o->debtor, v);
    } else if (ends(path, "/PmtId/EndToEndId")) {
        (void)text_copy(o->end_to_end, sizeof o->end_to_end, v);
    } else if (ends(path, "/Amt/InstdAmt")) {
        if (!bank_decimal_parse(v, false, &r->amount_e5, &decimals)) {
            r->amount_e5 = 0;
        }
    } else if (ends(path, "/CdtTrfTxInf/Cdtr/Nm")) {
        (void)text_copy(o->creditor, sizeof o->creditor, v);
    } else if (ends(path, "/CdtrAcct/Id/IBAN") || ends(path, "/CdtrAcct/Id/Othr/Id")) {
        r->iban = ends(path, "IBAN");
        (void)text_copy(o->account, sizeof o->account, v);
    }
}

static bool on_close(void *ctx, struct bank_xml *x)
{
    struct reading *r = ctx;
    if (text_is(bank_xml_name(x), "CdtTrfTxInf")) {
        order_take(r);
    } else if (bank_xml_is_leaf(x)) {
        value_take(r, bank_xml_path(x), bank_xml_trimmed(x));
    }
    return true;
}

static bool pain_read(struct arena *a, struct bytes in, struct bank_file *f, char why[200])
{
    struct mete_err err = {.text = ""};
    struct reading r = {.a = a, .file = f};
    const struct bank_xml_steps steps = {&r, on_open, on_close};
    uint64_t salt;
    random_bytes(&salt, sizeof salt);
    struct bank_xml *x = bank_xml_new(&steps, salt, &err);
    bool good = bank_xml_feed(x, in, true) == METE_OK;
    bank_xml_free(x);
    if (!good || f->message[0] == '\0' || f->count == 0) {
        (void)snprintf(why, 200, "not a pain.001: %.150s",
                       good ? "it has no MsgId or no payment" : err.text);
        return false;
    }
    if (r.count_told && r.told_count != (int64_t)f->count) {
        f->reason = "AM18";
    } else if (r.sum_told && r.told_e5 != r.sum_e5) {
        f->reason = "AM10";
    }
    return true;
}

/* --- NACHA -------------------------------------------------------------------------------------*/

/** Columns count from 1; spaces at the end are left out. */
static void columns(const char *line, unsigned first, unsigned last, char *out)
{
    size_t len = last - first + 1;
    while (len > 0 && line[first - 1 + len - 1] == ' ') {
        len--;
    }
    memcpy(out, line + first - 1, len);
    out[len] = '\0';
}

static bool entry_take(const char *line, struct bank_file *f, const char *header, const char *batch)
{
    char amount[11];
    struct bank_order o = {.currency = "USD"};
    columns(line, 30, 39, amount);
    columns(line, 80, 94, o.end_to_end);
    columns(line, 55, 76, o.creditor);
    columns(line, 13, 29, o.account);
    memcpy(o.block, batch, NACHA_LINE);
    memcpy(o.debtor, header, NACHA_LINE);
    memcpy(o.reference, line, NACHA_LINE);
    if (f->count == ORDERS_MAX || !call_number(text_of(amount), &o.amount)) {
        return false;
    }
    f->order[f->count++] = o;
    return true;
}

static bool nacha_read(struct text in, struct bank_file *f, char why[200])
{
    const char *header = in.p;
    const char *batch = NULL;
    const char *end = in.p + in.len;
    bool good = in.len >= NACHA_LINE;
    f->nacha = true;
    for (const char *line = in.p; good && line + NACHA_LINE <= end;) {
        if (line[0] == '5') {
            batch = line;
        } else if (line[0] == '6') {
            good = batch != NULL && entry_take(line, f, header, batch);
        }
        line += NACHA_LINE;
        while (line < end && (*line == '\r' || *line == '\n')) {
            line++;
        }
    }
    if (!good || f->count == 0) {
        (void)snprintf(why, 200,
                       "not a NACHA file: records have 94 columns, entries stand in "
                       "batches, amounts are digits");
        return false;
    }
    /* origin, date, time and modifier name a file */
    columns(header, 14, 34, f->message);
    return true;
}

bool bank_file_read(struct arena *a, struct bytes file, struct bank_file *out, char why[200])
{
    *out = (struct bank_file){.order = arena_array(a, ORDERS_MAX, sizeof *out->order)};
    struct text t = bytes_text(file);
    return text_starts(t, "101") ? nacha_read(t, out, why) : pain_read(a, file, out, why);
}
