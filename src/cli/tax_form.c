/* SPDX-License-Identifier: Apache-2.0
 * 1099: the columns of the CSV templates of IRS IRIS (Publication 5717), one row a recipient; what
 * the tables call by the same name is copied. VAT: a row a supplier, asset and period. Sources of
 * thresholds: 26 USC 6041(a), 6041A(a)(2), 6050N; Public Law 119-21, section 70433. */
#include "cli/tax_form.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/text.h"
#include "core/amount.h"
#include "core/ratio.h"
#include "crypto/hash.h"
#include "store/hash_seed.h"

#include <string.h>

#define ACCOUNT_MAX   20 /* characters of "Form Account Number" */
#define THRESHOLD_OLD 60000
#define THRESHOLD_NEW 200000 /* payments after 31 December 2025 */
#define ROYALTIES     1000
#define RATE_MAX      100u

#define TAX_COMMON                                                                                 \
    "Form Type", "Tax Year", "Payer TIN Type", "Payer Taxpayer ID Number", "Payer Name Type",      \
        "Payer Business or Entity Name Line 1", "Payer Business or Entity Name Line 2",            \
        "Payer First Name", "Payer Middle Name", "Payer Last Name (Surname)", "Payer Suffix",      \
        "Payer Country", "Payer Address Line 1", "Payer Address Line 2", "Payer City/Town",        \
        "Payer State/Province/Territory", "Payer ZIP/Postal Code", "Payer Phone Type",             \
        "Payer Phone", "Payer Email Address", "Recipient TIN Type",                                \
        "Recipient Taxpayer ID Number", "Recipient Name Type",                                     \
        "Recipient Business or Entity Name Line 1", "Recipient Business or Entity Name Line 2",    \
        "Recipient First Name", "Recipient Middle Name", "Recipient Last Name (Surname)",          \
        "Recipient Suffix", "Recipient Country", "Recipient Address Line 1",                       \
        "Recipient Address Line 2", "Recipient City/Town", "Recipient State/Province/Territory",   \
        "Recipient ZIP/Postal Code", "Office Code", "Form Account Number"

#define TAX_STATES                                                                                 \
    "Combined Federal/State Filing", "State 1", "State 1 - State Tax Withheld",                    \
        "State 1 - State/Payer state number", "State 1 - State income",                            \
        "State 1 - Local income tax withheld", "State 1 - Special Data Entries", "State 2",        \
        "State 2 - State Tax Withheld", "State 2 - State/Payer state number",                      \
        "State 2 - State income", "State 2 - Local income tax withheld",                           \
        "State 2 - Special Data Entries"

#define BOX_NEC       "Box 1 - Nonemployee Compensation"
#define BOX_RENTS     "Box 1 - Rents"
#define BOX_ROYALTIES "Box 2 - Royalties"
#define BOX_OTHER     "Box 3 - Other Income"

static const char SALES[] =
    "Box 2 - Payer made direct sales totaling $5000 or more of consumer products to a recipient "
    "for resale";

static const char *const NEC[] = {
    TAX_COMMON, "2nd TIN Notice", BOX_NEC, SALES, "Box 4 - Federal income tax withheld", TAX_STATES,
    NULL};

/* Box 8 is spelt as the template spells it: columns are found by their names. */
static const char *const MISC[] = {
    TAX_COMMON,
    "FATCA Filing Requirements",
    "2nd TIN Notice",
    BOX_RENTS,
    BOX_ROYALTIES,
    BOX_OTHER,
    "Box 4 - Federal income tax withheld",
    "Box 5 - Fishing boat proceeds",
    "Box 6 - Medical and health care payments",
    "Box 7 - Direct sales of $5000 or more of consumer products to a recipient for resale",
    "Box 8 - Subtitute payments in lieu of dividends or interest",
    "Box 9 - Crop insurance proceeds",
    "Box 10 - Gross proceeds paid to an attorney",
    "Box 11 - Fish purchased for resale",
    "Box 12 - Section 409A deferrals",
    "Box 14 - Excess golden parachute payments",
    "Box 15 - Nonqualified deferred compensation",
    TAX_STATES,
    NULL};

static const char *const VAT[] = {"Period",     "Party",        "Supplier Name",  "Supplier VAT ID",
                                  "Country",    "Currency",     "Taxable Amount", "VAT Rate %",
                                  "VAT Amount", "Gross Amount", "Treatment",      NULL};

/* --- names and thresholds ----------------------------------------------------------------------*/

bool tax_form_of(struct text name, enum tax_form *out)
{
    static const char *const names[] = {"1099-nec", "1099-misc", "vat"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (text_is(name, names[i])) {
            *out = (enum tax_form)i;
            return true;
        }
    }
    return false;
}

const char *tax_box_of(struct text name)
{
    return text_is(name, "rents")       ? BOX_RENTS
           : text_is(name, "royalties") ? BOX_ROYALTIES
           : text_is(name, "other")     ? BOX_OTHER
                                        : NULL;
}

bool tax_threshold(enum tax_form form, bool royalties, int year, i128 *cents)
{
    if (form == TAX_1099_MISC && royalties) {
        *cents = ROYALTIES;
        return true;
    }
    *cents = year >= 2026 ? THRESHOLD_NEW : THRESHOLD_OLD;
    return year <= 2026; /* from 2027 on it is adjusted each year */
}

/* --- the table of parties ----------------------------------------------------------------------*/

struct writing {
    struct buf *out;
    const struct tax_form_options *o;
    struct tax_form_result *result;
    struct map place; /* party -> row of the table */
    struct mete_err *err;
};

static enum mete_code places_make(struct writing *w)
{
    const struct csv *t = w->o->party;
    size_t column;
    for (size_t i = 0; t != NULL && i < t->rows; i++) {
        bool made = false;
        struct text party = csv_cell(t, i, "party");
        size_t *slot = map_put(&w->place, text_bytes(party), &made);
        if (!made) {
            return mete_fail(w->err, METE_FILE, "", "the party %.*s stands in two rows",
                             (int)(party.len < 100 ? party.len : 100), party.p);
        }
        *slot = i;
    }
    return t == NULL || csv_column(t, "party", &column)
               ? METE_OK
               : mete_fail(w->err, METE_FILE, "", "the table of parties has no column \"party\"");
}

/** NULL: the table does not have it. */
static const size_t *place_of(struct writing *w, struct text party)
{
    const size_t *at = map_get(&w->place, text_bytes(party));
    w->result->unknown += at == NULL;
    return at;
}

/* --- writing -----------------------------------------------------------------------------------*/

static void cell_put(struct writing *w, size_t i, struct text cell)
{
    if (i > 0) {
        buf_put_u8(w->out, ',');
    }
    csv_put(w->out, cell);
}

static void line_end(struct writing *w)
{
    buf_put_str(w->out, "\r\n");
}

static void header_write(struct writing *w, const char *const *columns)
{
    for (size_t i = 0; columns[i] != NULL; i++) {
        cell_put(w, i, text_of(columns[i]));
    }
    line_end(w);
}

static void amount_put(struct writing *w, size_t i, i128 amount, unsigned scale)
{
    char digits[AMOUNT_TEXT_MAX];
    size_t len = amount_format(amount, scale, digits);
    cell_put(w, i, (struct text){digits, len});
}

/* --- 1099 --------------------------------------------------------------------------------------*/

/** The party itself when it fits, else what stands for it: the same each year. */
static struct text number_of(struct text party, char out[65])
{
    bool plain = party.len <= ACCOUNT_MAX;
    for (size_t i = 0; i < party.len && plain; i++) {
        char c = party.p[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                (c == '-' && i > 0);
    }
    if (plain) {
        return party;
    }
    struct hash h = sha256(text_bytes(party));
    hash_hex(&h, out);
    return (struct text){out, ACCOUNT_MAX};
}

static struct text form_cell(struct writing *w, const char *column, const size_t *at,
                             struct text account)
{
    const struct tax_form_options *o = w->o;
    if (strcmp(column, "Form Type") == 0) {
        return o->form == TAX_1099_NEC ? TEXT("1099-NEC") : TEXT("1099-MISC");
    }
    if (strcmp(column, "Tax Year") == 0) {
        return o->period;
    }
    if (strncmp(column, "Payer ", 6) == 0) {
        return o->payer != NULL ? csv_cell(o->payer, 0, column) : (struct text){0};
    }
    struct text known = at != NULL ? csv_cell(o->party, *at, column) : (struct text){0};
    return known.len == 0 && strcmp(column, "Form Account Number") == 0 ? account : known;
}

static void form_row(struct writing *w, const char *const *columns, const struct tax_row *row,
                     i128 amount)
{
    char hex[65];
    const size_t *at = place_of(w, row->party);
    struct text account = number_of(row->party, hex);
    for (size_t i = 0; columns[i] != NULL; i++) {
        if (strcmp(columns[i], w->o->box) == 0) {
            amount_put(w, i, amount, 2);
        } else {
            cell_put(w, i, form_cell(w, columns[i], at, account));
        }
    }
    line_end(w);
    w->result->rows++;
    w->result->total += amount;
}

static void forms_write(struct writing *w, const struct tax_row *row, size_t count)
{
    const char *const *columns = w->o->form == TAX_1099_NEC ? NEC : MISC;
    header_write(w, columns);
    for (size_t i = 0; i < count; i++) {
        i128 amount = row[i].paid - row[i].returned;
        bool dollars = strcmp(row[i].asset.code, "USD") == 0 && row[i].asset.scale == 2;
        if (row[i].paid == 0 && row[i].returned == 0) {
            continue;
        }
        w->result->other += !dollars;
        w->result->below += dollars && amount < w->o->threshold;
        if (dollars && amount > 0 && amount >= w->o->threshold) {
            form_row(w, columns, &row[i], amount);
        }
    }
}

/* --- VAT ---------------------------------------------------------------------------------------*/

/** amount * num / den, half away from zero. */
static i128 part_of(i128 amount, u128 num, u128 den)
{
    u128 rest;
    u128 size = amount < 0 ? (u128)-amount : (u128)amount;
    u128 part = u128_mul_div(size, num, den, &rest);
    part += rest >= den - rest;
    return amount < 0 ? -(i128)part : (i128)part;
}

static enum mete_code rate_read(struct writing *w, size_t at, struct ratio *rate)
{
    struct text text = csv_cell(w->o->party, at, "vat_rate");
    if (ratio_parse(text, rate) && rate->num <= RATE_MAX * rate->den && rate->den <= 1000000) {
        return METE_OK;
    }
    return mete_fail(w->err, METE_FILE, "",
                     "row %zu: vat_rate is a percentage such as 19 or 5.5, not \"%.*s\"", at + 2,
                     (int)(text.len < 40 ? text.len : 40), text.p);
}

struct vat {
    i128 net, tax, gross;
};

/** added: the amounts are without VAT; included: with it; reverse: the customer owes it; none: the
 *  supplier is not registered. */
static enum mete_code vat_reckon(struct writing *w, size_t at, i128 amount, struct vat *out)
{
    struct ratio rate;
    struct text how = csv_cell(w->o->party, at, "treatment");
    enum mete_code code = rate_read(w, at, &rate);
    if (code != METE_OK) {
        return code;
    }
    u128 whole = RATE_MAX * rate.den;
    *out = (struct vat){amount, 0, amount};
    if (text_is(how, "added")) {
        out->tax = part_of(amount, rate.num, whole);
        out->gross = amount + out->tax;
    } else if (text_is(how, "included")) {
        out->tax = part_of(amount, rate.num, whole + rate.num);
        out->net = amount - out->tax;
    } else if (!text_is(how, "reverse") && !text_is(how, "none")) {
        return mete_fail(w->err, METE_FILE, "",
                         "row %zu: treatment is added, included, reverse or none", at + 2);
    }
    return METE_OK;
}

static enum mete_code vat_row(struct writing *w, const struct tax_row *row, size_t at, i128 amount)
{
    struct vat v;
    const struct csv *t = w->o->party;
    enum mete_code code = vat_reckon(w, at, amount, &v);
    if (code != METE_OK) {
        return code;
    }
    const struct text text[] = {w->o->period,
                                row->party,
                                csv_cell(t, at, "name"),
                                csv_cell(t, at, "vat_id"),
                                csv_cell(t, at, "country"),
                                text_of(row->asset.code)};
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        cell_put(w, i, text[i]);
    }
    amount_put(w, 6, v.net, row->asset.scale);
    cell_put(w, 7, csv_cell(t, at, "vat_rate"));
    amount_put(w, 8, v.tax, row->asset.scale);
    amount_put(w, 9, v.gross, row->asset.scale);
    cell_put(w, 10, csv_cell(t, at, "treatment"));
    line_end(w);
    w->result->rows++;
    return METE_OK;
}

static enum mete_code vats_write(struct writing *w, const struct tax_row *row, size_t count)
{
    enum mete_code code = METE_OK;
    header_write(w, VAT);
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        i128 amount =
            w->o->by_payment ? row[i].paid - row[i].returned : row[i].earned - row[i].reversed;
        const size_t *at = amount != 0 ? place_of(w, row[i].party) : NULL;
        code = at != NULL ? vat_row(w, &row[i], *at, amount) : METE_OK;
    }
    return code;
}

enum mete_code tax_form_write(struct buf *out, const struct tax_form_options *o,
                              const struct tax_row *row, size_t count,
                              struct tax_form_result *result, struct mete_err *err)
{
    struct writing w = {.out = out, .o = o, .result = result, .err = err};
    *result = (struct tax_form_result){0};
    map_init(&w.place, sizeof(size_t), hash_seed());
    enum mete_code code = places_make(&w);
    if (code == METE_OK && o->form == TAX_VAT) {
        code = vats_write(&w, row, count);
    } else if (code == METE_OK) {
        forms_write(&w, row, count);
    }
    map_clear(&w.place);
    return code;
}
