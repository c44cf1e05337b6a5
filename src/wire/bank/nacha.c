/* SPDX-License-Identifier: Apache-2.0
 * The writer of NACHA files. A record is made in an array of 94 columns, numbered from 1 as the
 * rules number them; texts stand left with spaces, numbers right with zeros. */
#include "wire/bank/nacha.h"

#include "base/text.h"
#include "wire/bank/field.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 94
#define BLOCK   10

struct line {
    char c[COLUMNS];
};

static struct line line_of(char type)
{
    struct line l;
    memset(l.c, ' ', COLUMNS);
    l.c[0] = type;
    return l;
}

static void put(struct line *l, unsigned column, struct text t)
{
    memcpy(l->c + column - 1, t.p, t.len);
}

static void put_number(struct line *l, unsigned column, unsigned width, uint64_t v)
{
    for (unsigned i = width; i > 0; i--) {
        l->c[column - 1 + i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
    METE_ASSERT(v == 0);
}

static void line_put(struct nacha_writer *w, const struct line *l, struct buf *out)
{
    buf_put(out, l->c, COLUMNS);
    buf_put_str(out, w->crlf ? "\r\n" : "\n");
    w->lines++;
}

/* Where a text goes. */
struct column {
    unsigned first, width;
    const char *pointer;
    bool cut; /* a longer one is cut, else refused */
};

static char capital(uint8_t c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* A text in the letters of banks and in capitals; an empty one leaves its columns blank. */
static enum mete_code put_text(struct line *l, const struct column *at, struct text t,
                               struct mete_err *err)
{
    if (t.len == 0) {
        return METE_OK;
    }
    struct buf b = {0};
    enum mete_code code = bank_letters_put(&b, t, at->cut ? SIZE_MAX : at->width, at->pointer, err);
    size_t len = b.len < at->width ? b.len : at->width;
    for (size_t i = 0; code == METE_OK && i < len; i++) {
        l->c[at->first - 1 + i] = capital(b.p[i]);
    }
    buf_clear(&b);
    return code;
}

static enum mete_code put_needed(struct line *l, const struct column *at, struct text t,
                                 struct mete_err *err)
{
    if (t.len == 0) {
        return mete_fail(err, METE_BANK_FIELD, at->pointer, "At least one character is needed.");
    }
    return put_text(l, at, t, err);
}

/* YYMMDD of a day. */
static void put_day(struct line *l, unsigned column, int32_t day)
{
    char t[11];
    time_format_day(day, t);
    const char yymmdd[6] = {t[2], t[3], t[5], t[6], t[8], t[9]};
    put(l, column, (struct text){yymmdd, sizeof yymmdd});
}

static bool is_modifier(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

enum mete_code nacha_begin(struct nacha_writer *w, const struct nacha_file *f, struct buf *out,
                           struct mete_err *err)
{
    static const struct column origin = {14, 10, "/origin", false};
    static const struct column to = {41, 23, "/destination_name", false};
    static const struct column from = {64, 23, "/origin_name", false};
    static const struct column reference = {87, 8, "/reference", false};
    struct line l = line_of('1');
    if (!is_modifier(f->modifier) || f->created < TIME_MIN || f->created > TIME_MAX) {
        return mete_fail(err, METE_BANK_FIELD, "/modifier",
                         "The modifier is A-Z or 0-9, the time from 1970 to 9999.");
    }
    put(&l, 2, TEXT("01"));
    put(&l, 5, text_of(f->destination.text)); /* a blank, then nine digits */
    enum mete_code code = put_needed(&l, &origin, f->origin, err);
    code = code == METE_OK ? put_text(&l, &to, f->destination_name, err) : code;
    code = code == METE_OK ? put_text(&l, &from, f->origin_name, err) : code;
    code = code == METE_OK ? put_text(&l, &reference, f->reference, err) : code;
    if (code != METE_OK) {
        return code;
    }
    mete_time minute = f->created % TIME_DAY_US / (60 * TIME_SECOND_US);
    put_day(&l, 24, time_day(f->created));
    put_number(&l, 30, 2, (uint64_t)(minute / 60));
    put_number(&l, 32, 2, (uint64_t)(minute % 60));
    l.c[33] = f->modifier;
    put(&l, 35, TEXT("094101")); /* record size, blocking factor, format code */
    *w = (struct nacha_writer){.crlf = f->crlf};
    line_put(w, &l, out);
    return METE_OK;
}

static bool is_odfi(const char *odfi)
{
    return strlen(odfi) == ROUTING_BANK_LEN && strspn(odfi, "0123456789") == ROUTING_BANK_LEN;
}

static enum mete_code batch_check(const struct nacha_writer *w, const struct nacha_batch *b,
                                  struct mete_err *err)
{
    METE_ASSERT(!w->in_batch);
    if (!is_odfi(b->odfi)) {
        return mete_fail(err, METE_BANK_FIELD, "/odfi", "Eight digits of the bank that sends.");
    }
    if (b->number <= w->last_batch || b->number > 9999999) {
        return mete_fail(err, METE_BANK_FIELD, "/number",
                         "Batch numbers ascend from 1 to 9999999; %u came before.", w->last_batch);
    }
    if (b->effective_day < 0 || b->effective_day > time_day(TIME_MAX)) {
        return mete_fail(err, METE_BANK_FIELD, "/effective_day",
                         "A day before 1970 or after 9999.");
    }
    return METE_OK;
}

static const struct column COMPANY_ID_HEAD = {41, 10, "/company_id", false};
static const struct column COMPANY_ID_TAIL = {45, 10, "/company_id", false};

enum mete_code nacha_batch_begin(struct nacha_writer *w, const struct nacha_batch *b,
                                 struct buf *out, struct mete_err *err)
{
    static const struct column company = {5, 16, "/company", false};
    static const struct column description = {54, 10, "/description", false};
    struct line l = line_of('5');
    enum mete_code code = batch_check(w, b, err);
    code = code == METE_OK ? put_needed(&l, &company, b->company, err) : code;
    code = code == METE_OK ? put_needed(&l, &COMPANY_ID_HEAD, b->company_id, err) : code;
    code = code == METE_OK ? put_needed(&l, &description, b->description, err) : code;
    if (code != METE_OK) {
        return code;
    }
    put(&l, 2, TEXT("220")); /* credits only */
    put(&l, 51, b->business ? TEXT("CCD") : TEXT("PPD"));
    put_day(&l, 70, b->effective_day);
    l.c[78] = '1';
    put(&l, 80, text_of(b->odfi));
    put_number(&l, 88, 7, b->number);
    w->batch = *b;
    w->in_batch = true;
    w->last_batch = b->number;
    w->last_sequence = 0;
    w->batch_totals = (struct nacha_totals){0};
    line_put(w, &l, out);
    return METE_OK;
}

static bool is_account(struct text t)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.p[i];
        bool inner = c == ' ' && i > 0 && i + 1 < t.len;
        if (!is_modifier(capital((uint8_t)c)) && c != '-' && !inner) {
            return false;
        }
    }
    return t.len > 0 && t.len <= NACHA_ACCOUNT_MAX;
}

static enum mete_code entry_check(const struct nacha_writer *w, const struct nacha_entry *e,
                                  struct mete_err *err)
{
    METE_ASSERT(w->in_batch);
    if (e->cents > NACHA_AMOUNT_MAX || e->prenote != (e->cents == 0)) {
        return mete_fail(err, METE_BANK_AMOUNT, "/cents",
                         "An entry is at most 99,999,999.99 USD, a prenote 0, others above 0.");
    }
    if (w->totals.credits + w->batch_totals.credits + e->cents > NACHA_TOTAL_MAX) {
        return mete_fail(err, METE_BANK_AMOUNT, "/cents",
                         "One file is at most 9,999,999,999.99 USD; begin another.");
    }
    if (w->totals.count + w->batch_totals.count + 2 > NACHA_ENTRIES_MAX) {
        return mete_fail(err, METE_BANK_FIELD, "", "One file has at most %d entries and addenda.",
                         NACHA_ENTRIES_MAX);
    }
    if (!is_account(e->account)) {
        return mete_fail(err, METE_BANK_FIELD, "/account",
                         "An account is 1 to %d digits, letters and hyphens.", NACHA_ACCOUNT_MAX);
    }
    if (e->bank.text[0] == '\0') {
        return mete_fail(err, METE_BANK_FIELD, "/bank", "A routing number is needed.");
    }
    if (e->sequence <= w->last_sequence || e->sequence > 9999999) {
        return mete_fail(err, METE_BANK_FIELD, "/sequence",
                         "Sequences ascend from 1 to 9999999 in a batch; %u came before.",
                         w->last_sequence);
    }
    return METE_OK;
}

static enum mete_code entry_line(const struct nacha_writer *w, const struct nacha_entry *e,
                                 struct line *l, struct mete_err *err)
{
    static const struct column id = {40, NACHA_ID_MAX, "/id", false};
    static const struct column name = {55, NACHA_NAME_MAX, "/name", true};
    enum mete_code code = put_text(l, &id, e->id, err);
    code = code == METE_OK ? put_needed(l, &name, e->name, err) : code;
    if (code != METE_OK) {
        return code;
    }
    put_number(l, 2, 2, (e->savings ? 32u : 22u) + (e->prenote ? 1u : 0u));
    put(l, 4, text_of(e->bank.text)); /* eight digits and the check digit */
    put(l, 13, e->account);
    put_number(l, 30, 10, e->cents);
    l->c[78] = e->note.len > 0 ? '1' : '0';
    put(l, 80, text_of(w->batch.odfi));
    put_number(l, 88, 7, e->sequence);
    return METE_OK;
}

static enum mete_code addenda_line(const struct nacha_entry *e, struct line *l,
                                   struct mete_err *err)
{
    static const struct column note = {4, NACHA_NOTE_MAX, "/note", false};
    put(l, 2, TEXT("05"));
    put_number(l, 84, 4, 1);
    put_number(l, 88, 7, e->sequence);
    return put_text(l, &note, e->note, err);
}

static uint64_t bank_number(const char *digits)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < ROUTING_BANK_LEN; i++) {
        v = v * 10 + (uint64_t)(digits[i] - '0');
    }
    return v;
}

enum mete_code nacha_entry(struct nacha_writer *w, const struct nacha_entry *e, struct buf *out,
                           struct mete_err *err)
{
    struct line entry = line_of('6'), addenda = line_of('7');
    enum mete_code code = entry_check(w, e, err);
    code = code == METE_OK ? entry_line(w, e, &entry, err) : code;
    code = code == METE_OK ? addenda_line(e, &addenda, err) : code;
    if (code != METE_OK) {
        return code;
    }
    line_put(w, &entry, out);
    if (e->note.len > 0) {
        line_put(w, &addenda, out);
    }
    w->batch_totals.count += e->note.len > 0 ? 2 : 1;
    w->batch_totals.hash += bank_number(e->bank.text);
    w->batch_totals.credits += e->cents;
    w->last_sequence = e->sequence;
    return METE_OK;
}

enum mete_code nacha_batch_end(struct nacha_writer *w, struct buf *out, struct mete_err *err)
{
    const struct nacha_totals *t = &w->batch_totals;
    struct line l = line_of('8');
    METE_ASSERT(w->in_batch);
    if (t->count == 0) {
        return mete_fail(err, METE_BANK_FILE, "", "A batch without entries is no batch.");
    }
    put(&l, 2, TEXT("220"));
    put_number(&l, 5, 6, t->count);
    put_number(&l, 11, 10, t->hash % 10000000000u);
    put_number(&l, 21, 12, t->debits);
    put_number(&l, 33, 12, t->credits);
    enum mete_code code = put_needed(&l, &COMPANY_ID_TAIL, w->batch.company_id, err);
    if (code != METE_OK) {
        return code;
    }
    put(&l, 80, text_of(w->batch.odfi));
    put_number(&l, 88, 7, w->batch.number);
    line_put(w, &l, out);
    w->in_batch = false;
    w->batches++;
    w->totals.count += t->count;
    w->totals.hash += t->hash % 10000000000u;
    w->totals.credits += t->credits;
    return METE_OK;
}

enum mete_code nacha_end(struct nacha_writer *w, struct buf *out, struct mete_err *err)
{
    struct line l = line_of('9'), nines = line_of('9');
    METE_ASSERT(!w->in_batch);
    if (w->batches == 0) {
        return mete_fail(err, METE_BANK_FILE, "", "A file without batches is no file.");
    }
    put_number(&l, 2, 6, w->batches);
    put_number(&l, 8, 6, (w->lines + 1 + BLOCK - 1) / BLOCK);
    put_number(&l, 14, 8, w->totals.count);
    put_number(&l, 22, 10, w->totals.hash % 10000000000u);
    put_number(&l, 32, 12, w->totals.debits);
    put_number(&l, 44, 12, w->totals.credits);
    line_put(w, &l, out);
    memset(nines.c, '9', COLUMNS);
    while (w->lines % BLOCK != 0) {
        line_put(w, &nines, out);
    }
    return METE_OK;
}
