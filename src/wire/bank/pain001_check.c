/* SPDX-License-Identifier: Apache-2.0
 * The reader that trusts nothing of the writer: it walks the table of elements and computes every
 * sum, count and check digit anew. XSD-valid is not correct: a schema sees neither a wrong CtrlSum
 * nor a wrong IBAN. */
#include "base/map.h"
#include "base/text.h"
#include "wire/bank/pain001.h"
#include "wire/bank/pain001_rules.h"
#include "wire/bank/xml.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS 12

static const char SPACE[] = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.0";

/* An element that is open: its rule, and how far its children have come. */
struct level {
    const struct pain001_rule *rule;
    const struct pain001_rule *child; /* the last one seen, or the first of all */
    unsigned children;
    bool child_seen; /* `child` occurred */
};

struct told {
    uint32_t count;
    i128 sum_e5;
    bool given;
};

struct pain001_checker {
    struct bank_xml *xml;
    struct pain001_seen seen;
    struct told told[2]; /* of the header, of the payment */
    struct level level[LEVELS];
    unsigned depth;
    struct map ids;
    bool unicode;
    bool (*each)(void *ctx, const struct pain001_read *t);
    void *ctx;
    char charges[5];
    /* the transfer that is being read */
    struct pain001_read transfer;
    struct buf text; /* its values, end to end */
    char currency[BANK_CURRENCY_LEN + 1];
    size_t at[5]; /* where id, creditor, iban, bic, note begin in `text`; lengths in `transfer` */
};

static bool is_in_version(const struct pain001_checker *c, const struct pain001_rule *r)
{
    return r->version == 0 || r->version == (uint8_t)c->seen.version;
}

/* The root fixes the version, and every element must be in its namespace. */
static bool space_check(struct pain001_checker *c)
{
    struct text s = bank_xml_namespace(c->xml);
    size_t len = sizeof SPACE - 1;
    char digit = s.len == len + 1 && memcmp(s.p, SPACE, len) == 0 ? s.p[len] : '0';
    if (c->seen.version == 0 && (digit == '3' || digit == '9')) {
        c->seen.version = digit == '3' ? PAIN001_03 : PAIN001_09;
    }
    if (digit == '0' || digit - '0' != (int)c->seen.version) {
        return bank_xml_fail(c->xml, METE_BANK_FILE,
                             "not in the namespace of pain.001.001.03 or .09");
    }
    return true;
}

/* Every needed rule from `r` on that was passed over, up to `until` (NULL: the end). */
static bool passed_check(struct pain001_checker *c, const struct pain001_rule *r,
                         const struct pain001_rule *until)
{
    for (; r->name != NULL && r != until; r++) {
        if (r->needed && is_in_version(c, r)) {
            return bank_xml_fail(c->xml, METE_BANK_FILE, "%s is missing", r->name);
        }
    }
    return true;
}

/* The rule of the element that opens, below the level `l`. */
static const struct pain001_rule *rule_find(struct pain001_checker *c, struct level *l)
{
    struct text name = bank_xml_name(c->xml);
    const struct pain001_rule *first = l->child_seen && !l->child->many ? l->child + 1 : l->child;
    for (const struct pain001_rule *r = first; r->name != NULL; r++) {
        if (is_in_version(c, r) && text_is(name, r->name)) {
            const struct pain001_rule *passed = l->child_seen ? l->child + 1 : l->child;
            return r == l->child || passed_check(c, passed, r) ? r : NULL;
        }
    }
    bank_xml_fail(c->xml, METE_BANK_FILE, "it may not stand here, or not twice");
    return NULL;
}

static bool attribute_check(struct pain001_checker *c, const struct pain001_rule *r)
{
    struct text value;
    size_t count = 0;
    struct text name = bank_xml_attribute(c->xml, &value, &count);
    if (r->kind != KIND_AMOUNT) {
        return count == 0 || bank_xml_fail(c->xml, METE_BANK_FILE, "no attribute belongs here");
    }
    if (count != 1 || !text_is(name, "Ccy") || !bank_currency_valid(value)) {
        return bank_xml_fail(c->xml, METE_BANK_FILE, "Ccy must be three capitals");
    }
    if (c->seen.sepa && !text_is(value, "EUR")) {
        return bank_xml_fail(c->xml, METE_BANK_FILE, "SEPA transfers are in EUR alone");
    }
    return text_copy(c->currency, sizeof c->currency, value);
}

static bool step_open(void *ctx, struct bank_xml *x)
{
    struct pain001_checker *c = ctx;
    (void)x;
    if (!space_check(c)) {
        return false;
    }
    struct level *l = &c->level[c->depth];
    if (l->child == NULL) {
        return bank_xml_fail(c->xml, METE_BANK_FILE, "no element belongs here");
    }
    const struct pain001_rule *r = rule_find(c, l);
    if (r == NULL || !attribute_check(c, r)) {
        return false;
    }
    l->child = r;
    l->child_seen = true;
    l->children++;
    METE_ASSERT(c->depth + 1 < LEVELS); /* the table is not that deep */
    c->level[++c->depth] = (struct level){.rule = r, .child = r->child};
    if (r->role == ROLE_TRANSFER && r->kind == KIND_NODE) {
        c->transfer = (struct pain001_read){0};
        buf_reset(&c->text);
    }
    return true;
}

/* Keeps a value of the transfer until its end; the buffer may move until then. */
static void keep(struct pain001_checker *c, unsigned which, struct text *field, struct text v)
{
    c->at[which] = c->text.len;
    field->len = v.len;
    buf_put_text(&c->text, v);
}

static bool wrong(struct pain001_checker *c, const char *why)
{
    return bank_xml_fail(c->xml, METE_BANK_FILE, "%s", why);
}

static bool id_check(struct pain001_checker *c, enum pain001_role role, struct text v)
{
    if (bank_id_check(v, "", NULL) != METE_OK) {
        return wrong(c, "not an id that banks carry unchanged");
    }
    if (role == ROLE_MESSAGE) {
        return text_copy(c->seen.id, sizeof c->seen.id, v);
    }
    if (role == ROLE_PAYMENT) {
        return text_is(v, c->seen.id) || wrong(c, "PmtInfId is not MsgId");
    }
    bool made = false;
    map_put(&c->ids, text_bytes(v), &made);
    keep(c, 0, &c->transfer.id, v);
    return made || wrong(c, "this EndToEndId stands here twice");
}

static size_t characters_of(struct text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        n += ((unsigned char)t.p[i] & 0xc0) != 0x80;
    }
    return n;
}

static bool has_control(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.p[i] < 0x20 || t.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool free_text_check(struct pain001_checker *c, struct text v, size_t max)
{
    if (v.len == 0 || characters_of(v) > max || v.p[0] == ' ' || v.p[v.len - 1] == ' ') {
        return wrong(c, "empty, too long, or a space at an end");
    }
    if (!c->unicode && !bank_basic(v)) {
        return wrong(c, "a character that is not of the basic set of banks");
    }
    return !has_control(v) || wrong(c, "a control character");
}

static bool time_check(struct pain001_checker *c, struct text v)
{
    mete_time t = 0;
    return (v.len == 20 && time_parse(v, &t) == TIME_OK) ||
           wrong(c, "not a time such as 2025-01-31T12:00:00Z");
}

static bool day_check(struct pain001_checker *c, struct text v)
{
    return time_parse_day(v, &c->seen.execution_day) || wrong(c, "not a date");
}

static struct told *told_now(struct pain001_checker *c)
{
    return &c->told[text_starts(bank_xml_path(c->xml), "/Document/CstmrCdtTrfInitn/PmtInf")];
}

static bool count_check(struct pain001_checker *c, struct text v)
{
    struct told *t = told_now(c);
    for (size_t i = 0; i < v.len; i++) {
        if (v.p[i] < '0' || v.p[i] > '9' || v.len > 15) {
            return wrong(c, "a count is at most 15 digits");
        }
        uint64_t next = (uint64_t)t->count * 10 + (uint64_t)(v.p[i] - '0');
        if (next > PAIN001_TRANSFERS_MAX) {
            return wrong(c, "more transfers than a file may have");
        }
        t->count = (uint32_t)next;
    }
    return v.len > 0 || wrong(c, "a count is missing");
}

static bool sum_check(struct pain001_checker *c, struct text v)
{
    unsigned decimals = 0;
    return bank_decimal_parse(v, false, &told_now(c)->sum_e5, &decimals) ||
           wrong(c, "not a plain decimal of at most 18 digits");
}

static bool amount_check(struct pain001_checker *c, struct text v)
{
    i128 e5 = 0;
    unsigned decimals = 0;
    if (!bank_decimal_parse(v, false, &e5, &decimals) || e5 <= 0) {
        return wrong(c, "not a plain decimal above zero of at most 18 digits");
    }
    if (decimals > bank_currency_decimals(text_of(c->currency))) {
        return wrong(c, "more decimals than the currency has");
    }
    if (c->seen.sepa && e5 > SEPA_AMOUNT_MAX_E5) {
        return wrong(c, "a SEPA transfer is at most 999,999,999.99 EUR");
    }
    c->transfer.amount_e5 = e5;
    c->seen.sum_e5 += e5;
    return true;
}

static bool iban_check(struct pain001_checker *c, enum pain001_role role, struct text v)
{
    struct iban iban;
    if (iban_parse(v, "", &iban, NULL) != METE_OK || !text_is(v, iban.text)) {
        return wrong(c, "not an IBAN in capitals without spaces, or its check digits are wrong");
    }
    if (role == ROLE_DEBTOR) {
        return text_copy(c->seen.debtor_iban, sizeof c->seen.debtor_iban, v);
    }
    keep(c, 2, &c->transfer.iban, v);
    return true;
}

static bool bic_check(struct pain001_checker *c, struct text v)
{
    struct bic bic;
    if (bic_parse(v, "", &bic, NULL) != METE_OK || !text_is(v, bic.text)) {
        return wrong(c, "not a BIC in capitals");
    }
    if (c->charges[0] != '\0') { /* ChrgBr stands between the debtor's bank and the creditors' */
        keep(c, 3, &c->transfer.bic, v);
    }
    return true;
}

static bool uetr_check(struct pain001_checker *c, struct text v)
{
    char want[UETR_TEXT_MAX];
    pain001_uetr((struct text){(const char *)c->text.p + c->at[0], c->transfer.id.len}, want);
    return text_is(v, want) || wrong(c, "not the UETR of this EndToEndId");
}

static bool country_check(struct pain001_checker *c, struct text v)
{
    return (v.len == 2 && v.p[0] >= 'A' && v.p[0] <= 'Z' && v.p[1] >= 'A' && v.p[1] <= 'Z') ||
           wrong(c, "a country is two capitals");
}

static bool charges_check(struct pain001_checker *c, struct text v)
{
    bool right = text_is(v, c->seen.sepa ? "SLEV" : "SHAR");
    return (right && text_copy(c->charges, sizeof c->charges, v)) ||
           wrong(c, "charges are SLEV for SEPA, SHAR otherwise");
}

static bool name_check(struct pain001_checker *c, enum pain001_role role, struct text v)
{
    if (role == ROLE_CREDITOR) {
        keep(c, 1, &c->transfer.creditor, v);
    }
    return free_text_check(c, v, BANK_NAME_MAX);
}

static bool note_check(struct pain001_checker *c, struct text v)
{
    keep(c, 4, &c->transfer.note, v);
    return free_text_check(c, v, BANK_NOTE_MAX);
}

static bool word_check(struct pain001_checker *c, const struct pain001_rule *r, struct text v)
{
    c->seen.sepa |= r->role == ROLE_SEPA;
    return text_is(v, r->word) ||
           bank_xml_fail(c->xml, METE_BANK_FILE, "only %s may stand here", r->word);
}

static bool value_check(struct pain001_checker *c, const struct pain001_rule *r, struct text v)
{
    switch (r->kind) {
    case KIND_NODE:
        return true;
    case KIND_ID:
        return id_check(c, r->role, v);
    case KIND_TIME:
        return time_check(c, v);
    case KIND_DATE:
        return day_check(c, v);
    case KIND_COUNT:
        return count_check(c, v);
    case KIND_SUM:
        return sum_check(c, v);
    case KIND_AMOUNT:
        return amount_check(c, v);
    case KIND_NAME:
        return name_check(c, r->role, v);
    case KIND_TOWN:
        return free_text_check(c, v, BANK_TOWN_MAX);
    case KIND_COUNTRY:
        return country_check(c, v);
    case KIND_NOTE:
        return note_check(c, v);
    case KIND_IBAN:
        return iban_check(c, r->role, v);
    case KIND_BIC:
        return bic_check(c, v);
    case KIND_UETR:
        return uetr_check(c, v);
    case KIND_BOOLEAN:
        return text_is(v, "true") || text_is(v, "false") || wrong(c, "true or false");
    case KIND_WORD:
        return word_check(c, r, v);
    case KIND_CHARGES:
        return charges_check(c, v);
    }
    return false;
}

static bool transfer_end(struct pain001_checker *c)
{
    struct text *field[5] = {&c->transfer.id, &c->transfer.creditor, &c->transfer.iban,
                             &c->transfer.bic, &c->transfer.note};
    for (unsigned i = 0; i < 5; i++) {
        field[i]->p = field[i]->len == 0 ? NULL : (const char *)c->text.p + c->at[i];
    }
    c->transfer.currency = text_of(c->currency);
    c->seen.count++;
    return c->each == NULL || c->each(c->ctx, &c->transfer) ||
           wrong(c, "this transfer is not what was meant");
}

static bool totals_check(struct pain001_checker *c)
{
    for (unsigned i = 0; i < 2; i++) {
        if (c->told[i].count != c->seen.count) {
            return bank_xml_fail(c->xml, METE_BANK_FILE, "NbOfTxs says %u transfers, there are %u",
                                 c->told[i].count, c->seen.count);
        }
        if (c->told[i].sum_e5 != c->seen.sum_e5) {
            return wrong(c, "CtrlSum is not the sum of the amounts");
        }
    }
    return true;
}

/* What holds of an element with children once they are all there. */
static bool node_check(struct pain001_checker *c, const struct level *l)
{
    if (bank_xml_is_mixed(c->xml) || bank_xml_trimmed(c->xml).len > 0) {
        return wrong(c, "no characters belong here");
    }
    const struct pain001_rule *rest = l->child_seen ? l->child + 1 : l->child;
    if (!passed_check(c, rest, NULL)) {
        return false;
    }
    if (text_is(bank_xml_name(c->xml), "FinInstnId") && l->children != 1) {
        return wrong(c, "a bank has a BIC or NOTPROVIDED, one of them");
    }
    if (l->rule->role == ROLE_TRANSFER) {
        return transfer_end(c);
    }
    return text_is(bank_xml_name(c->xml), "PmtInf") ? totals_check(c) : true;
}

static bool step_close(void *ctx, struct bank_xml *x)
{
    struct pain001_checker *c = ctx;
    struct level *l = &c->level[c->depth];
    bool right =
        l->rule->kind == KIND_NODE ? node_check(c, l) : value_check(c, l->rule, bank_xml_value(x));
    c->depth--;
    return right;
}

struct pain001_checker *pain001_check_new(bool unicode, uint64_t salt,
                                          bool (*each)(void *ctx, const struct pain001_read *t),
                                          void *ctx, struct mete_err *err)
{
    struct pain001_checker *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    struct bank_xml_steps steps = {c, step_open, step_close};
    c->xml = bank_xml_new(&steps, salt, err);
    c->unicode = unicode;
    c->each = each;
    c->ctx = ctx;
    c->level[0].child = PAIN001_ROOT;
    map_init(&c->ids, 1, salt);
    return c;
}

enum mete_code pain001_check_feed(struct pain001_checker *c, struct bytes in)
{
    return bank_xml_feed(c->xml, in, false);
}

void pain001_check_drop(struct pain001_checker *c)
{
    bank_xml_free(c->xml);
    map_clear(&c->ids);
    buf_clear(&c->text);
    free(c);
}

enum mete_code pain001_check_end(struct pain001_checker *c, struct pain001_seen *seen)
{
    enum mete_code code = bank_xml_feed(c->xml, (struct bytes){NULL, 0}, true);
    if (code == METE_OK) {
        *seen = c->seen;
    }
    pain001_check_drop(c);
    return code;
}

enum mete_code pain001_check(struct bytes file, bool unicode, uint64_t salt,
                             struct pain001_seen *seen, struct mete_err *err)
{
    struct pain001_checker *c = pain001_check_new(unicode, salt, NULL, NULL, err);
    enum mete_code code = pain001_check_feed(c, file);
    if (code != METE_OK) {
        pain001_check_drop(c);
        return code;
    }
    return pain001_check_end(c, seen);
}
