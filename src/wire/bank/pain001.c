/* SPDX-License-Identifier: Apache-2.0
 * The writer of pain.001. The order of elements is that of the xs:sequences of the schema; a
 * transfer is made whole in a buffer of its own length before anything is appended, by truncating
 * back on error. */
#include "wire/bank/pain001.h"

#include "base/i128.h"
#include "base/markup.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <string.h>

/* False: what XML cannot carry at all. */
static bool escaped_put(struct buf *out, struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        if ((unsigned char)t.p[i] < 0x20 || t.p[i] == 0x7f) {
            return false;
        }
    }
    markup_put(out, t);
    return true;
}

static size_t characters_of(struct text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        n += ((unsigned char)t.p[i] & 0xc0) != 0x80;
    }
    return n;
}

/* U+FFFE and U+FFFF are UTF-8 and yet not characters of XML. */
static bool has_noncharacter(struct text t)
{
    for (size_t i = 0; i + 2 < t.len; i++) {
        if (memcmp(t.p + i, "\xef\xbf\xbe", 3) == 0 || memcmp(t.p + i, "\xef\xbf\xbf", 3) == 0) {
            return true;
        }
    }
    return false;
}

static enum mete_code unicode_put(struct buf *out, struct text t, size_t max, const char *pointer,
                                  struct mete_err *err)
{
    size_t start = out->len;
    if (t.len == 0 || characters_of(t) > max || t.p[0] == ' ' || t.p[t.len - 1] == ' ') {
        return mete_fail(err, METE_BANK_FIELD, pointer,
                         "1 to %zu characters, without spaces at the ends.", max);
    }
    if (!text_is_utf8(t) || has_noncharacter(t) || !escaped_put(out, t)) {
        out->len = start;
        return mete_fail(err, METE_BANK_FIELD, pointer,
                         "Not UTF-8, or it has a control character.");
    }
    return METE_OK;
}

/* A free text of the file: its element, the most characters, and the member it comes from. */
struct spot {
    const char *element;
    size_t max;
    const char *pointer;
};

static const struct spot INITIATOR = {"Nm", BANK_NAME_MAX, "/initiator"};
static const struct spot DEBTOR = {"Nm", BANK_NAME_MAX, "/debtor"};
static const struct spot CREDITOR = {"Nm", BANK_NAME_MAX, "/creditor"};
static const struct spot TOWN = {"TwnNm", BANK_TOWN_MAX, "/town"};
static const struct spot NOTE = {"Ustrd", BANK_NOTE_MAX, "/note"};

static enum mete_code spot_put(const struct pain001_batch *b, struct buf *out,
                               const struct spot *spot, struct text t, struct mete_err *err)
{
    size_t start = out->len;
    buf_printf(out, "<%s>", spot->element);
    enum mete_code code = b->unicode ? unicode_put(out, t, spot->max, spot->pointer, err)
                                     : bank_letters_put(out, t, spot->max, spot->pointer, err);
    if (code != METE_OK) {
        out->len = start;
        return code;
    }
    buf_printf(out, "</%s>", spot->element);
    return METE_OK;
}

static void agent_put(const struct pain001_batch *b, struct buf *out, const char *element,
                      const struct bic *bic)
{
    const char *tag = b->version == PAIN001_09 ? "BICFI" : "BIC";
    if (bic->text[0] == '\0') {
        buf_printf(out, "<%s><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></%s>",
                   element, element);
    } else {
        buf_printf(out, "<%s><FinInstnId><%s>%s</%s></FinInstnId></%s>", element, tag, bic->text,
                   tag, element);
    }
}

void pain001_uetr(struct text id, char out[UETR_TEXT_MAX])
{
    static const char label[] = "mete uetr"; /* with its NUL */
    struct bytes parts[2] = {{(const uint8_t *)label, sizeof label}, text_bytes(id)};
    struct hash h = sha256_parts(parts, 2);
    /* RFC 9562: the version in the high half of byte 6, the variant in the top bits of byte 8 */
    h.b[6] = (uint8_t)((h.b[6] & 0x0f) | 0x40);
    h.b[8] = (uint8_t)((h.b[8] & 0x3f) | 0x80);
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[n++] = '-';
        }
        out[n++] = digits[h.b[i] >> 4];
        out[n++] = digits[h.b[i] & 15];
    }
    out[n] = '\0';
}

/* The amount in units of 10^-5; *decimals is how many the currency has. */
static enum mete_code amount_of(const struct pain001_batch *b, const struct pain001_transfer *t,
                                i128 *e5, unsigned *decimals, struct mete_err *err)
{
    if (!bank_currency_valid(t->currency)) {
        return mete_fail(err, METE_BANK_FIELD, "/currency", "A currency is three capitals.");
    }
    if (b->sepa && !text_is(t->currency, "EUR")) {
        return mete_fail(err, METE_BANK_FIELD, "/currency", "SEPA transfers are in EUR alone.");
    }
    i128 made = 0;
    *decimals = bank_currency_decimals(t->currency);
    enum mete_code code = bank_amount_scale(t->amount, t->scale, *decimals, "/amount", &made, err);
    if (code != METE_OK) {
        return code;
    }
    if (b->sepa && made > SEPA_AMOUNT_MAX_E5) {
        return mete_fail(err, METE_BANK_AMOUNT, "/amount",
                         "A SEPA transfer is at most 999,999,999.99 EUR.");
    }
    *e5 = made;
    return METE_OK;
}

static bool is_country(struct text t)
{
    return t.len == 2 && t.p[0] >= 'A' && t.p[0] <= 'Z' && t.p[1] >= 'A' && t.p[1] <= 'Z';
}

static enum mete_code address_put(const struct pain001_batch *b, const struct pain001_transfer *t,
                                  struct buf *out, struct mete_err *err)
{
    if (t->country.len == 0 && t->town.len == 0) {
        return METE_OK;
    }
    if (!is_country(t->country)) {
        return mete_fail(err, METE_BANK_FIELD, "/country",
                         "A country is two capitals, and a town needs one.");
    }
    buf_put_str(out, "<PstlAdr>");
    if (t->town.len > 0) {
        enum mete_code code = spot_put(b, out, &TOWN, t->town, err);
        if (code != METE_OK) {
            return code;
        }
    }
    buf_printf(out, "<Ctry>%.2s</Ctry></PstlAdr>", t->country.p);
    return METE_OK;
}

static enum mete_code creditor_put(const struct pain001_batch *b, const struct pain001_transfer *t,
                                   struct buf *out, struct mete_err *err)
{
    if (t->iban.text[0] == '\0') {
        return mete_fail(err, METE_BANK_FIELD, "/iban", "A transfer needs an account.");
    }
    if (t->bic.text[0] != '\0') {
        agent_put(b, out, "CdtrAgt", &t->bic);
    }
    buf_put_str(out, "<Cdtr>");
    enum mete_code code = spot_put(b, out, &CREDITOR, t->creditor, err);
    if (code == METE_OK) {
        code = address_put(b, t, out, err);
    }
    buf_printf(out, "</Cdtr><CdtrAcct><Id><IBAN>%s</IBAN></Id></CdtrAcct>", t->iban.text);
    return code;
}

static enum mete_code transfer_put(const struct pain001_batch *b, const struct pain001_transfer *t,
                                   struct buf *out, i128 *e5, struct mete_err *err)
{
    unsigned decimals = 0;
    enum mete_code code = bank_id_check(t->id, "/id", err);
    if (code == METE_OK) {
        code = amount_of(b, t, e5, &decimals, err);
    }
    if (code != METE_OK) {
        return code;
    }
    buf_put_str(out, "<CdtTrfTxInf><PmtId><EndToEndId>");
    buf_put_text(out, t->id);
    buf_put_str(out, "</EndToEndId>");
    if (b->version == PAIN001_09) {
        char uetr[UETR_TEXT_MAX];
        pain001_uetr(t->id, uetr);
        buf_printf(out, "<UETR>%s</UETR>", uetr);
    }
    buf_printf(out, "</PmtId><Amt><InstdAmt Ccy=\"%.3s\">", t->currency.p);
    bank_decimal_put(out, *e5, decimals > 3 ? 2 : decimals);
    buf_put_str(out, "</InstdAmt></Amt>");
    code = creditor_put(b, t, out, err);
    if (code == METE_OK && t->note.len > 0) {
        buf_put_str(out, "<RmtInf>");
        code = spot_put(b, out, &NOTE, t->note, err);
        buf_put_str(out, "</RmtInf>");
    }
    buf_put_str(out, "</CdtTrfTxInf>\n");
    return code;
}

static enum mete_code totals_add(struct pain001_totals *totals, i128 e5, struct mete_err *err)
{
    if (totals->count >= PAIN001_TRANSFERS_MAX) {
        return mete_fail(err, METE_BANK_FILE, "", "One file has at most %d transfers.",
                         PAIN001_TRANSFERS_MAX);
    }
    totals->count++;
    totals->sum_e5 += e5; /* at most 10^6 times 10^23 */
    return METE_OK;
}

enum mete_code pain001_count(const struct pain001_batch *b, const struct pain001_transfer *t,
                             struct pain001_totals *totals, struct mete_err *err)
{
    struct buf scratch = {0};
    i128 e5 = 0;
    enum mete_code code = transfer_put(b, t, &scratch, &e5, err);
    buf_clear(&scratch);
    return code != METE_OK ? code : totals_add(totals, e5, err);
}

static enum mete_code batch_check(const struct pain001_batch *b,
                                  const struct pain001_totals *totals, struct mete_err *err)
{
    if (totals->count == 0) {
        return mete_fail(err, METE_BANK_FILE, "", "A file without transfers is no file.");
    }
    if (totals->sum_e5 >= (i128)u128_pow10(BANK_DIGITS_MAX)) {
        /* five decimals are counted, so that the sum fits however it is printed */
        return mete_fail(err, METE_BANK_AMOUNT, "/sum",
                         "The transfers sum to more digits than CtrlSum has; split the batch.");
    }
    if (b->created < TIME_MIN || b->created > TIME_MAX || b->execution_day < 0 ||
        b->execution_day > time_day(TIME_MAX)) {
        return mete_fail(err, METE_BANK_FIELD, "/created", "A time before 1970 or after 9999.");
    }
    if (b->debtor_iban.text[0] == '\0') {
        return mete_fail(err, METE_BANK_FIELD, "/debtor_iban", "A batch needs an account.");
    }
    return bank_id_check(b->id, "/id", err);
}

static void totals_put(const struct pain001_totals *totals, struct buf *out)
{
    buf_printf(out, "<NbOfTxs>%u</NbOfTxs><CtrlSum>", totals->count);
    bank_decimal_put(out, totals->sum_e5, 2);
    buf_put_str(out, "</CtrlSum>");
}

static enum mete_code header_put(const struct pain001_batch *b, const struct pain001_totals *totals,
                                 struct buf *out, struct mete_err *err)
{
    char now[TIME_TEXT_MAX];
    /* whole seconds: not every bank reads a fraction */
    time_format(b->created - b->created % TIME_SECOND_US, now);
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.0%d\">"
               "<CstmrCdtTrfInitn><GrpHdr><MsgId>",
               (int)b->version);
    buf_put_text(out, b->id);
    buf_printf(out, "</MsgId><CreDtTm>%s</CreDtTm>", now);
    totals_put(totals, out);
    buf_put_str(out, "<InitgPty>");
    enum mete_code code = spot_put(b, out, &INITIATOR, b->initiator, err);
    buf_put_str(out, "</InitgPty></GrpHdr>\n");
    return code;
}

static enum mete_code payment_put(const struct pain001_batch *b,
                                  const struct pain001_totals *totals, struct buf *out,
                                  struct mete_err *err)
{
    char day[11];
    time_format_day(b->execution_day, day);
    buf_put_str(out, "<PmtInf><PmtInfId>");
    buf_put_text(out, b->id);
    buf_printf(out, "</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>%s</BtchBookg>",
               b->single_booking ? "false" : "true");
    totals_put(totals, out);
    if (b->sepa) {
        buf_put_str(out, "<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>");
    }
    buf_printf(out,
               b->version == PAIN001_09 ? "<ReqdExctnDt><Dt>%s</Dt></ReqdExctnDt>"
                                        : "<ReqdExctnDt>%s</ReqdExctnDt>",
               day);
    buf_put_str(out, "<Dbtr>");
    enum mete_code code = spot_put(b, out, &DEBTOR, b->debtor, err);
    buf_printf(out, "</Dbtr><DbtrAcct><Id><IBAN>%s</IBAN></Id></DbtrAcct>", b->debtor_iban.text);
    agent_put(b, out, "DbtrAgt", &b->debtor_bic);
    buf_printf(out, "<ChrgBr>%s</ChrgBr>\n", b->sepa ? "SLEV" : "SHAR");
    return code;
}

enum mete_code pain001_begin(struct pain001_writer *w, const struct pain001_batch *b,
                             const struct pain001_totals *totals, struct buf *out,
                             struct mete_err *err)
{
    METE_ASSERT(b->version == PAIN001_03 || b->version == PAIN001_09);
    size_t start = out->len;
    enum mete_code code = batch_check(b, totals, err);
    if (code == METE_OK) {
        code = header_put(b, totals, out, err);
    }
    if (code == METE_OK) {
        code = payment_put(b, totals, out, err);
    }
    if (code != METE_OK) {
        out->len = start;
        return code;
    }
    *w = (struct pain001_writer){.batch = *b, .told = *totals};
    return METE_OK;
}

enum mete_code pain001_transfer(struct pain001_writer *w, const struct pain001_transfer *t,
                                struct buf *out, struct mete_err *err)
{
    size_t start = out->len;
    i128 e5 = 0;
    enum mete_code code = transfer_put(&w->batch, t, out, &e5, err);
    if (code == METE_OK) {
        code = totals_add(&w->written, e5, err);
    }
    if (code != METE_OK) {
        out->len = start;
    }
    return code;
}

enum mete_code pain001_end(struct pain001_writer *w, struct buf *out, struct mete_err *err)
{
    if (w->told.count != w->written.count || w->told.sum_e5 != w->written.sum_e5) {
        return mete_fail(err, METE_BANK_FILE, "",
                         "%u transfers were counted and %u written, or their sums differ.",
                         w->told.count, w->written.count);
    }
    buf_put_str(out, "</PmtInf></CstmrCdtTrfInitn></Document>\n");
    return METE_OK;
}
