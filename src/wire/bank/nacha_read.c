/* SPDX-License-Identifier: Apache-2.0
 * The reader of NACHA files: our own, and the returns and changes that banks send. Shares no sums
 * with the writer. */
#include "base/text.h"
#include "wire/bank/nacha.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 94
#define BLOCK   10
#define HASH    10000000000u

/** What may come next: the order of records is 1 (5 (6 7*)+ 8)+ 9 9*. */
enum place { AT_START, IN_FILE, IN_BATCH, AT_END };

struct nacha_reading {
    enum place place;
    uint32_t line; /* from 1 */
    const char *p; /* its 94 columns */
    bool (*each)(void *ctx, const struct nacha_record *r);
    void *ctx;
    struct mete_err *err;
    uint32_t batches;
    struct nacha_totals batch, file;
    uint32_t batch_entries;
    char service[4], sec[4], company[11], odfi[9], number[8];
    char last_trace[NACHA_TRACE_LEN + 1];
    struct nacha_record entry; /* the last entry, until its addenda have come */
    bool entry_waits;
    bool addenda_due;   /* its indicator says so, and none has come */
    bool addenda_taken; /* at least one has */
};

static enum mete_code broken(const struct nacha_reading *r, const char *why)
{
    char pointer[16];
    snprintf(pointer, sizeof pointer, "/%u", r->line);
    return mete_fail(r->err, METE_BANK_FILE, pointer, "Line %u: %s.", r->line, why);
}

static struct text columns(const struct nacha_reading *r, unsigned first, unsigned last)
{
    return (struct text){r->p + first - 1, last - first + 1};
}

/* Without the spaces at both ends. */
static void take(const struct nacha_reading *r, unsigned first, unsigned last, char *out,
                 size_t size)
{
    struct text t = columns(r, first, last);
    while (t.len > 0 && t.p[t.len - 1] == ' ') {
        t.len--;
    }
    while (t.len > 0 && t.p[0] == ' ') {
        t.p++;
        t.len--;
    }
    METE_ASSERT(text_copy(out, size, t));
}

/* Digits only; at most 15 columns. */
static bool number(const struct nacha_reading *r, unsigned first, unsigned last, uint64_t *out)
{
    struct text t = columns(r, first, last);
    uint64_t v = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.p[i] < '0' || t.p[i] > '9') {
            return false;
        }
        v = v * 10 + (uint64_t)(t.p[i] - '0');
    }
    *out = v;
    return true;
}

static enum mete_code entry_give(struct nacha_reading *r)
{
    if (!r->entry_waits) {
        return METE_OK;
    }
    if (r->addenda_due && !r->addenda_taken) {
        return broken(r, "the entry before says that an addenda follows");
    }
    r->entry_waits = false;
    return r->each == NULL || r->each(r->ctx, &r->entry)
               ? METE_OK
               : broken(r, "the receiver of the entries stopped");
}

static enum mete_code file_header(struct nacha_reading *r)
{
    if (r->place != AT_START) {
        return broken(r, "a file has one header");
    }
    if (!text_is(columns(r, 35, 40), "094101")) {
        return broken(r, "not 94 columns, ten records a block, format 1");
    }
    r->place = IN_FILE;
    return METE_OK;
}

static enum mete_code batch_header(struct nacha_reading *r)
{
    if (r->place != IN_FILE) {
        return broken(r, "a batch begins inside another, or outside the file");
    }
    take(r, 2, 4, r->service, sizeof r->service);
    take(r, 51, 53, r->sec, sizeof r->sec);
    take(r, 41, 50, r->company, sizeof r->company);
    take(r, 80, 87, r->odfi, sizeof r->odfi);
    take(r, 88, 94, r->number, sizeof r->number);
    if (!text_is(columns(r, 2, 4), "200") && !text_is(columns(r, 2, 4), "220") &&
        !text_is(columns(r, 2, 4), "225")) {
        return broken(r, "the service class is 200, 220 or 225");
    }
    r->place = IN_BATCH;
    r->batch = (struct nacha_totals){0};
    r->batch_entries = 0;
    r->last_trace[0] = '\0';
    return METE_OK;
}

static enum mete_code entry_numbers(struct nacha_reading *r, struct nacha_record *e)
{
    uint64_t code = 0, bank = 0;
    if (!number(r, 2, 3, &code) || !number(r, 4, 11, &bank) || !number(r, 30, 39, &e->cents)) {
        return broken(r, "code, bank and amount are digits");
    }
    if (routing_parse(columns(r, 4, 12), "", &e->bank, NULL) != METE_OK) {
        return broken(r, "the check digit of the bank is wrong");
    }
    e->code = (uint8_t)code;
    /* the second digit tells: 1 to 4 credits, 6 to 9 debits, of checking, savings, ledger or loan
     */
    unsigned second = (unsigned)code % 10;
    if (code < 20 || code > 59 || second == 0 || second == 5) {
        return broken(r, "no such transaction code");
    }
    e->credit = second < 5;
    if ((strcmp(r->service, "220") == 0 && !e->credit) ||
        (strcmp(r->service, "225") == 0 && e->credit)) {
        return broken(r, "the service class of the batch does not allow this direction");
    }
    r->batch.hash += bank;
    *(e->credit ? &r->batch.credits : &r->batch.debits) += e->cents;
    return METE_OK;
}

static enum mete_code entry_read(struct nacha_reading *r)
{
    if (r->place != IN_BATCH) {
        return broken(r, "an entry stands outside a batch");
    }
    enum mete_code code = entry_give(r);
    if (code != METE_OK) {
        return code;
    }
    r->entry = (struct nacha_record){.kind = NACHA_PLAIN};
    memcpy(r->entry.sec, r->sec, sizeof r->sec);
    take(r, 13, 29, r->entry.account, sizeof r->entry.account);
    take(r, 40, 54, r->entry.id, sizeof r->entry.id);
    take(r, 55, 76, r->entry.name, sizeof r->entry.name);
    take(r, 80, 94, r->entry.trace, sizeof r->entry.trace);
    uint64_t trace = 0;
    if (!number(r, 80, 94, &trace) || memcmp(r->entry.trace, r->odfi, 8) != 0) {
        return broken(r, "the trace number does not begin with the bank of the batch");
    }
    if (strcmp(r->entry.trace, r->last_trace) <= 0) {
        return broken(r, "trace numbers ascend within a batch");
    }
    memcpy(r->last_trace, r->entry.trace, sizeof r->last_trace);
    char flag = r->p[78];
    if (flag != '0' && flag != '1') {
        return broken(r, "the addenda indicator is 0 or 1");
    }
    r->entry_waits = true;
    r->addenda_due = flag == '1';
    r->addenda_taken = false;
    r->batch.count++;
    r->batch_entries++;
    return entry_numbers(r, &r->entry);
}

static enum mete_code note_read(struct nacha_reading *r)
{
    if (memcmp(r->p + 87, r->entry.trace + 8, 7) != 0) {
        return broken(r, "the addenda belongs to another entry");
    }
    take(r, 4, 83, r->entry.note, sizeof r->entry.note);
    return METE_OK;
}

static enum mete_code change_or_return_read(struct nacha_reading *r, bool change)
{
    struct nacha_record *e = &r->entry;
    uint64_t trace = 0;
    e->kind = change ? NACHA_CHANGE : NACHA_RETURN;
    take(r, 4, 6, e->reason, sizeof e->reason);
    take(r, 7, 21, e->original_trace, sizeof e->original_trace);
    if (e->reason[0] != (change ? 'C' : 'R') || strlen(e->reason) != 3 ||
        strspn(e->reason + 1, "0123456789") != 2 || !number(r, 7, 21, &trace)) {
        return broken(r, change ? "a change has a code C01 .. and the trace of its entry"
                                : "a return has a code R01 .. and the trace of its entry");
    }
    if (change) {
        take(r, 36, 64, e->corrected, sizeof e->corrected);
    }
    return METE_OK;
}

static enum mete_code addenda_read(struct nacha_reading *r)
{
    if (r->place != IN_BATCH || !r->entry_waits || !r->addenda_due) {
        return broken(r, "an addenda follows no entry that announces it");
    }
    if (r->addenda_taken) {
        return broken(r, "one addenda an entry is the most that is read here");
    }
    r->addenda_taken = true;
    r->batch.count++;
    struct text type = columns(r, 2, 3);
    if (text_is(type, "05")) {
        return note_read(r);
    }
    if (text_is(type, "98") || text_is(type, "99")) {
        return change_or_return_read(r, text_is(type, "98"));
    }
    return broken(r, "an addenda is of type 05, 98 or 99");
}

/* Count, hash and totals in a row of columns, as both controls have them. */
static enum mete_code totals_check(struct nacha_reading *r, unsigned first, unsigned count_width,
                                   const struct nacha_totals *t)
{
    uint64_t count = 0, hash = 0, debits = 0, credits = 0;
    unsigned at = first + count_width;
    if (!number(r, first, at - 1, &count) || !number(r, at, at + 9, &hash) ||
        !number(r, at + 10, at + 21, &debits) || !number(r, at + 22, at + 33, &credits)) {
        return broken(r, "counts and totals are digits");
    }
    if (count != t->count) {
        return broken(r, "the count of entries and addenda is wrong");
    }
    if (hash != t->hash % HASH) {
        return broken(r, "the hash of the banks is wrong");
    }
    if (debits != t->debits || credits != t->credits) {
        return broken(r, "the total of debits or credits is wrong");
    }
    return METE_OK;
}

static enum mete_code batch_control(struct nacha_reading *r)
{
    if (r->place != IN_BATCH || r->batch_entries == 0) {
        return broken(r, "a batch ends that has not begun, or has no entries");
    }
    enum mete_code code = entry_give(r);
    if (code != METE_OK) {
        return code;
    }
    char company[11];
    take(r, 45, 54, company, sizeof company);
    if (!text_is(columns(r, 2, 4), r->service) || strcmp(company, r->company) != 0 ||
        !text_is(columns(r, 80, 87), r->odfi) || !text_is(columns(r, 88, 94), r->number)) {
        return broken(r, "class, company, bank or number differ from the header of the batch");
    }
    code = totals_check(r, 5, 6, &r->batch);
    r->place = IN_FILE;
    r->batches++;
    r->file.count += r->batch.count;
    r->file.hash += r->batch.hash % HASH;
    r->file.debits += r->batch.debits;
    r->file.credits += r->batch.credits;
    return code;
}

static bool is_nines(const struct nacha_reading *r)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        if (r->p[i] != '9') {
            return false;
        }
    }
    return true;
}

static enum mete_code file_control(struct nacha_reading *r)
{
    uint64_t batches = 0, blocks = 0;
    if (r->place == AT_END) {
        return is_nines(r) ? METE_OK : broken(r, "only nines follow the end of the file");
    }
    if (r->place != IN_FILE) {
        return broken(r, "the file ends inside a batch");
    }
    if (!number(r, 2, 7, &batches) || batches != r->batches) {
        return broken(r, "the count of batches is wrong");
    }
    if (!number(r, 8, 13, &blocks) || blocks != (r->line + BLOCK - 1) / BLOCK) {
        return broken(r, "the count of blocks is wrong");
    }
    r->place = AT_END;
    return totals_check(r, 14, 8, &r->file);
}

static enum mete_code line_read(struct nacha_reading *r)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        if (r->p[i] < 0x20 || r->p[i] > 0x7e) {
            return broken(r,
                          "a character that is not printable ASCII, or a line that is too short");
        }
    }
    if (r->place == AT_END && r->p[0] != '9') {
        return broken(r, "only nines follow the end of the file");
    }
    switch (r->p[0]) {
    case '1':
        return file_header(r);
    case '5':
        return batch_header(r);
    case '6':
        return entry_read(r);
    case '7':
        return addenda_read(r);
    case '8':
        return batch_control(r);
    case '9':
        return file_control(r);
    default:
        return broken(r, "no such type of record");
    }
}

/* Takes one line with its end; 0 when it is not 94 columns and LF or CR LF. */
static size_t line_length(const char *p, size_t left)
{
    if (left > COLUMNS && p[COLUMNS] == '\n') {
        return COLUMNS + 1;
    }
    if (left > COLUMNS + 1 && p[COLUMNS] == '\r' && p[COLUMNS + 1] == '\n') {
        return COLUMNS + 2;
    }
    return left == COLUMNS ? COLUMNS : 0; /* the last line may have no end */
}

enum mete_code nacha_read(struct bytes file, bool (*each)(void *ctx, const struct nacha_record *r),
                          void *ctx, struct mete_err *err)
{
    struct nacha_reading r = {.each = each, .ctx = ctx, .err = err};
    if (file.len > NACHA_FILE_MAX) {
        return mete_fail(err, METE_BANK_FILE, "", "A file has at most %zu bytes.", NACHA_FILE_MAX);
    }
    for (size_t i = 0, len = 0; i < file.len; i += len) {
        r.p = (const char *)file.p + i;
        r.line++;
        len = line_length(r.p, file.len - i);
        if (len == 0) {
            return broken(&r, "a record has 94 columns and ends with LF or CR LF");
        }
        enum mete_code code = line_read(&r);
        if (code != METE_OK) {
            return code;
        }
    }
    if (r.place != AT_END || r.line % BLOCK != 0) {
        return broken(&r, "the file ends early, or not with a whole block of ten lines");
    }
    return METE_OK;
}
