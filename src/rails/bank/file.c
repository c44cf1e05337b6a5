/* SPDX-License-Identifier: Apache-2.0
 * The bytes of a file. Invariant: a file is only given out after a reader that shares no arithmetic
 * with its writer has found in it exactly the payments that were meant. */
#include "rails/bank/bank_parts.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "wire/bank/calendar.h"

#include <stdio.h>
#include <string.h>

#define SEQUENCES                                                                                  \
    9000000u /* of traces: the rest of the seven digits is for the lines of a file                 \
              */

/* --- days --------------------------------------------------------------------------------------*/

static int32_t banking_day(const struct bank_settings *s, int32_t day)
{
    return s->format == BANK_NACHA ? calendar_us(day) : calendar_target(day);
}

int32_t bank_days_after(const struct bank_settings *s, int32_t day, unsigned days)
{
    day = banking_day(s, day);
    for (unsigned i = 0; i < days; i++) {
        day = banking_day(s, day + 1);
    }
    return day;
}

int32_t bank_execution_day(const struct bank_settings *s, mete_time now)
{
    return bank_days_after(s, time_day(now), s->days);
}

/* --- pain.001 ----------------------------------------------------------------------------------*/

static struct pain001_batch batch_of(const struct bank_settings *s, const struct bank_file *f)
{
    return (struct pain001_batch){
        .version = s->format == BANK_PAIN001_03 ? PAIN001_03 : PAIN001_09,
        .sepa = s->sepa,
        .unicode = s->unicode,
        .id = text_of(f->message),
        .created = f->now,
        .initiator = text_of(s->debtor),
        .debtor = text_of(s->debtor),
        .debtor_iban = s->iban,
        .debtor_bic = s->bic,
        .execution_day = f->day,
    };
}

static struct pain001_transfer transfer_of(const struct bank_line *l)
{
    const struct rail_payment *p = l->payment;
    return (struct pain001_transfer){
        .id = text_of(l->e2e),
        .amount = p->amount,
        .scale = p->asset.scale,
        .currency = text_of(p->asset.code),
        .creditor = text_of(l->payee.name),
        .iban = l->payee.iban,
        .bic = l->payee.bic,
        .town = text_of(l->payee.town),
        .country = text_of(l->payee.country),
        .note = p->batch_id.len <= BANK_NOTE_MAX ? p->batch_id : (struct text){0},
    };
}

static enum mete_code pain_write(const struct bank_settings *s, struct bank_file *f,
                                 struct mete_err *err)
{
    const struct pain001_batch b = batch_of(s, f);
    struct pain001_totals totals = {0};
    struct pain001_writer w;
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < f->count && code == METE_OK; i++) {
        const struct pain001_transfer t = transfer_of(&f->line[i]);
        code = pain001_count(&b, &t, &totals, err);
    }
    code = code == METE_OK ? pain001_begin(&w, &b, &totals, &f->bytes, err) : code;
    for (size_t i = 0; i < f->count && code == METE_OK; i++) {
        const struct pain001_transfer t = transfer_of(&f->line[i]);
        code = pain001_transfer(&w, &t, &f->bytes, err);
    }
    return code == METE_OK ? pain001_end(&w, &f->bytes, err) : code;
}

struct comparison {
    const struct bank_file *f;
    size_t i;
};

/** Whether the reader has found what was meant. */
static bool transfer_compare(void *arg, const struct pain001_read *t)
{
    struct comparison *c = arg;
    i128 e5;
    if (c->i == c->f->count) {
        return false;
    }
    const struct bank_line *l = &c->f->line[c->i++];
    const struct rail_payment *p = l->payment;
    return bank_amount_scale(p->amount, p->asset.scale, BANK_DECIMALS_MAX, "", &e5, NULL) ==
               METE_OK &&
           e5 == t->amount_e5 && text_is(t->id, l->e2e) && text_is(t->iban, l->payee.iban.text) &&
           text_is(t->currency, p->asset.code);
}

static enum mete_code pain_check(const struct bank_settings *s, const struct bank_file *f,
                                 struct mete_err *err)
{
    struct comparison c = {.f = f};
    struct pain001_seen seen;
    uint64_t salt;
    random_bytes(&salt, sizeof salt);
    struct pain001_checker *checker =
        pain001_check_new(s->unicode, salt, transfer_compare, &c, err);
    if (pain001_check_feed(checker, buf_bytes(&f->bytes)) != METE_OK) {
        pain001_check_drop(checker);
        return METE_BANK_FILE;
    }
    if (pain001_check_end(checker, &seen) != METE_OK) {
        return METE_BANK_FILE;
    }
    return c.i == f->count && strcmp(seen.id, f->message) == 0
               ? METE_OK
               : mete_fail(err, METE_BANK_FILE, "", "the file does not hold what was meant");
}

/* --- NACHA -------------------------------------------------------------------------------------*/

static struct nacha_entry entry_of(const struct bank_line *l, uint32_t sequence,
                                   char id[BANK_ACH_LEN + 1])
{
    bank_ach_make(id, l->e2e);
    return (struct nacha_entry){.savings = l->payee.savings,
                                .bank = l->payee.routing,
                                .account = text_of(l->payee.account),
                                .cents = (uint64_t)l->payment->amount,
                                .id = {id, BANK_ACH_LEN},
                                .name = text_of(l->payee.name),
                                .sequence = sequence};
}

/** Traces are told apart over files too, as far as seven digits go: the first follows from the
 *  message id. */
static uint32_t first_sequence(const struct bank_file *f)
{
    const struct hash h = sha256(text_bytes(text_of(f->message)));
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++) {
        v = v << 8 | h.b[i];
    }
    return v % SEQUENCES + 1;
}

static enum mete_code ach_open(const struct bank_settings *s, const struct bank_file *f,
                               struct nacha_writer *w, struct buf *out, struct mete_err *err)
{
    static const char modifiers[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const struct nacha_file file = {
        .destination = s->destination,
        .origin = text_of(s->origin),
        .created = f->now,
        .modifier = modifiers[first_sequence(f) % (sizeof modifiers - 1)],
        .destination_name = text_of(s->destination_name),
        .origin_name = text_of(s->debtor),
        .crlf = s->crlf,
    };
    struct nacha_batch batch = {
        .business = s->business,
        .company = text_of(s->debtor),
        .company_id = text_of(s->company_id),
        .description = TEXT("PAYOUT"),
        .effective_day = f->day,
        .number = 1,
    };
    memcpy(batch.odfi, s->destination.text, ROUTING_BANK_LEN);
    enum mete_code code = nacha_begin(w, &file, out, err);
    return code == METE_OK ? nacha_batch_begin(w, &batch, out, err) : code;
}

static enum mete_code ach_write(const struct bank_settings *s, struct bank_file *f,
                                struct mete_err *err)
{
    struct nacha_writer w;
    uint32_t sequence = first_sequence(f);
    enum mete_code code = ach_open(s, f, &w, &f->bytes, err);
    for (size_t i = 0; i < f->count && code == METE_OK; i++, sequence++) {
        char id[BANK_ACH_LEN + 1];
        const struct nacha_entry e = entry_of(&f->line[i], sequence, id);
        (void)snprintf(f->line[i].trace, sizeof f->line[i].trace, "%.8s%07u", s->destination.text,
                       sequence);
        code = nacha_entry(&w, &e, &f->bytes, err);
    }
    code = code == METE_OK ? nacha_batch_end(&w, &f->bytes, err) : code;
    return code == METE_OK ? nacha_end(&w, &f->bytes, err) : code;
}

static bool entry_compare(void *arg, const struct nacha_record *r)
{
    struct comparison *c = arg;
    char id[BANK_ACH_LEN + 1];
    if (c->i == c->f->count) {
        return false;
    }
    const struct bank_line *l = &c->f->line[c->i++];
    bank_ach_make(id, l->e2e);
    return r->kind == NACHA_PLAIN && r->credit && (i128)r->cents == l->payment->amount &&
           strcmp(r->id, id) == 0 && strcmp(r->trace, l->trace) == 0 &&
           strcmp(r->bank.text, l->payee.routing.text) == 0;
}

static enum mete_code ach_check(const struct bank_file *f, struct mete_err *err)
{
    struct comparison c = {.f = f};
    enum mete_code code = nacha_read(buf_bytes(&f->bytes), entry_compare, &c, err);
    return code != METE_OK   ? code
           : c.i == f->count ? METE_OK
                             : mete_fail(err, METE_BANK_FILE, "", "the file lacks payments");
}

/* --- both --------------------------------------------------------------------------------------*/

enum mete_code bank_line_check(const struct bank_settings *s, const struct bank_file *f,
                               const struct bank_line *line, struct mete_err *err)
{
    struct bank_line one = *line;
    struct bank_file alone = {.now = f->now, .day = f->day, .line = &one, .count = 1};
    if (s->format == BANK_NACHA && (strcmp(line->payment->asset.code, "USD") != 0 ||
                                    line->payment->amount > (i128)NACHA_AMOUNT_MAX)) {
        return mete_fail(err, METE_BANK_AMOUNT, "", "ACH pays US dollars, 99,999,999.99 at most");
    }
    (void)snprintf(alone.message, sizeof alone.message, "%s", "mete-check");
    enum mete_code code = bank_file_write(s, &alone, err);
    buf_clear(&alone.bytes);
    return code;
}

enum mete_code bank_file_write(const struct bank_settings *s, struct bank_file *f,
                               struct mete_err *err)
{
    enum mete_code code = s->format == BANK_NACHA ? ach_write(s, f, err) : pain_write(s, f, err);
    if (code == METE_OK) {
        code = s->format == BANK_NACHA ? ach_check(f, err) : pain_check(s, f, err);
    }
    return code;
}
