/* SPDX-License-Identifier: Apache-2.0
 * Notes of a bank into facts about payouts, one by one. Invariant: what nobody could place stands
 * in the quarantine, and its row here. */
#include "engine/bank_import_parts.h"

#include "base/text.h"
#include "rails/bank/bank.h"
#include "wire/bank/reason.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

#define NOTES_ARENA ((size_t)4 << 30)
#define NOTE_ARENA  ((size_t)64 << 20)

static const char *const end_names[] = {
#define X(symbol, name) name,
    BANK_IMPORT_ENDS(X)
#undef X
};

const char *bank_import_end_name(enum bank_import_end end)
{
    return end_names[end];
}

struct importing {
    struct engine *e;
    struct bank_index *index;
    struct arena note; /* of the note at hand */
    bank_import_visit *visit;
    void *arg;
    struct bank_import_counts *out;
    struct mete_err *err;
    bool stopped;
};

/* --- telling -----------------------------------------------------------------------------------*/

static struct text amount_text(struct arena *a, const struct bank_note *n)
{
    struct buf text = {0};
    if (!n->has_amount) {
        return (struct text){0};
    }
    bank_decimal_put(&text, n->amount_e5, bank_currency_decimals(n->currency));
    struct text out = arena_text(a, buf_text(&text));
    buf_clear(&text);
    return out;
}

static struct text name_of(const struct bank_note *n)
{
    return n->e2e.len > 0                      ? n->e2e
           : n->ach.len > 0                    ? n->ach
           : n->is_group && n->message.len > 0 ? n->message
                                               : n->reference;
}

static const char *words_of(const struct bank_note *n)
{
    return n->code.len == 4 || n->code.len == 3 ? reason_of(n->code)->words : "";
}

static void tell(struct importing *m, const struct bank_note *n, enum bank_import_end end,
                 struct text transfer_id, const char *reason)
{
    const struct bank_import_row row = {.end = end,
                                        .transfer_id = transfer_id,
                                        .reference = name_of(n),
                                        .code = n->code,
                                        .reason = text_of(reason),
                                        .amount = amount_text(&m->note, n),
                                        .currency = n->currency};
    m->out->end[end]++;
    m->stopped |= m->visit != NULL && !m->visit(m->arg, &row);
}

/** Into the quarantine, without account numbers. The same record has the same bytes, and the
 *  quarantine keeps those once. */
static void keep(struct importing *m, const struct bank_note *n, const char *why)
{
    struct mete_err reason;
    struct json_writer w;
    struct buf body = {0};
    (void)mete_fail(&reason, METE_BANK_UNMATCHED, "", "%s", why);
    jw_init(&w, &body, false);
    jw_object(&w, NULL);
    jw_object(&w, "bank_record");
    jw_text(&w, "source", n->source);
    jw_text(&w, "reference", n->reference);
    jw_text(&w, "named", name_of(n));
    jw_text(&w, "code", n->code);
    jw_text(&w, "amount", amount_text(&m->note, n));
    jw_text(&w, "currency", n->currency);
    jw_end_object(&w);
    jw_end_object(&w);
    engine_refuse(m->e, buf_text(&body), &reason);
    buf_clear(&body);
}

static enum mete_code unplaced(struct importing *m, const struct bank_note *n,
                               enum bank_import_end end, struct text transfer_id, const char *why)
{
    tell(m, n, end, transfer_id, why);
    keep(m, n, why);
    return METE_OK;
}

/* --- one payment -------------------------------------------------------------------------------*/

/** The bank's amount in minor units of the payout's asset. False: another currency. */
static bool amount_convert(const struct bank_note *n, const struct asset *asset, i128 *out)
{
    i128 unit = 1;
    for (unsigned i = asset->scale; i < BANK_DECIMALS_MAX; i++) {
        unit *= 10;
    }
    if (asset->scale > BANK_DECIMALS_MAX || !text_is(n->currency, asset->code) ||
        n->amount_e5 % unit != 0) {
        return false;
    }
    *out = n->amount_e5 / unit;
    return true;
}

static struct payout_fact fact_of(struct importing *m, const struct bank_note *n,
                                  struct text transfer_id, uint32_t attempt)
{
    const struct reason *why = reason_of(n->code);
    struct text reason =
        arena_printf(&m->note, "%.*s: %s", (int)n->code.len, n->code.p, why->words);
    return (struct payout_fact){.kind = n->outcome == BANK_SETTLED  ? FACT_PAID
                                        : n->outcome == BANK_FAILED ? FACT_REJECTED
                                                                    : FACT_RETURNED,
                                .transfer_id = transfer_id,
                                .attempt = attempt,
                                .rail = text_of(BANK_RAIL.name),
                                .final = why->side == REASON_PAYEE,
                                .reference = n->reference,
                                .proof = n->source,
                                .reason = reason,
                                .remediation =
                                    why->side == REASON_PAYEE
                                        ? TEXT("Give another account, or correct this one.")
                                        : (struct text){0}};
}

static enum mete_code fact_take(struct importing *m, const struct bank_note *n,
                                const struct payout_fact *f)
{
    static const enum bank_import_end ends[] = {[FACT_PAID] = BANK_IMPORT_PAID,
                                                [FACT_REJECTED] = BANK_IMPORT_REJECTED,
                                                [FACT_RETURNED] = BANK_IMPORT_RETURNED};
    struct mete_err err;
    switch (payout_fact_take(m->e, engine_now(m->e), f, &m->note, &err)) {
    case FACT_BOOKED:
        tell(m, n, ends[f->kind], f->transfer_id, words_of(n));
        return METE_OK;
    case FACT_KNOWN:
        tell(m, n, BANK_IMPORT_KNOWN, f->transfer_id, words_of(n));
        return METE_OK;
    case FACT_FOREIGN:
        return unplaced(m, n, BANK_IMPORT_UNMATCHED, (struct text){0},
                        "no payout of this book has this id");
    case FACT_UNBOOKED:
    case FACT_REFUSED:
        return unplaced(m, n, BANK_IMPORT_REFUSED, f->transfer_id,
                        arena_printf(&m->note, "%s", err.text).p);
    case FACT_FAILED:
        break;
    }
    *m->err = err;
    return err.code;
}

/** What the bank says of one payment that bears our id. */
static enum mete_code payment_take(struct importing *m, const struct bank_note *n, struct text e2e,
                                   bool amount_is_its)
{
    char id[BANK_E2E_LEN + 1];
    uint32_t attempt = 0;
    struct payout_due row;
    struct attempt unused;
    if (!bank_e2e_read(e2e, id, &attempt)) {
        return unplaced(m, n, BANK_IMPORT_UNMATCHED, (struct text){0},
                        "it bears no id of a payout");
    }
    struct payout_fact f = fact_of(m, n, arena_text(&m->note, text_of(id)), attempt);
    bool found = payout_attempt_find(m->e, f.transfer_id, attempt, &m->note, &row, &unused, m->err);
    if (found && amount_is_its && n->has_amount && n->outcome != BANK_FAILED) {
        if (!amount_convert(n, &row.asset, &f.amount)) {
            return unplaced(m, n, BANK_IMPORT_REFUSED, f.transfer_id,
                            "the bank names another currency than the payout's");
        }
        f.has_amount = true;
    }
    return fact_take(m, n, &f);
}

/* --- one note ----------------------------------------------------------------------------------*/

/** What is said of a whole file counts for those of its payments that are still under way. An entry
 *  of an account must have exactly their sum, else nobody knows which of them it holds. */
static enum mete_code group_take(struct importing *m, const struct bank_note *n)
{
    struct text *e2e = NULL;
    size_t count = 0;
    i128 sum_e5 = 0;
    enum mete_code code =
        bank_index_group(m->index, m->e, n->message, &m->note, &e2e, &sum_e5, &count, m->err);
    if (code != METE_OK) {
        return code;
    }
    if (count == 0 && n->is_status) { /* its payments were told of one by one, or are not ours */
        tell(m, n, BANK_IMPORT_PENDING, (struct text){0}, "");
        return METE_OK;
    }
    if (count == 0) {
        return unplaced(m, n, BANK_IMPORT_UNMATCHED, (struct text){0},
                        "no payout under way travels in a file of this id");
    }
    if (n->outcome == BANK_SETTLED && n->has_amount && n->amount_e5 != sum_e5) {
        return unplaced(m, n, BANK_IMPORT_REFUSED, (struct text){0},
                        "the sum is not that of the payouts of this file that are under way");
    }
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = payment_take(m, n, e2e[i], false);
    }
    return code;
}

static enum mete_code ach_take(struct importing *m, const struct bank_note *n)
{
    struct text e2e = bank_index_ach(m->index, m->e, n->ach, m->err);
    if (m->err->code != METE_OK) {
        return m->err->code;
    }
    if (n->outcome != BANK_RETURNED) {
        char id[BANK_E2E_LEN + 1] = "";
        uint32_t unused;
        (void)!bank_e2e_read(e2e, id, &unused);
        return unplaced(m, n, BANK_IMPORT_REFUSED, arena_text(&m->note, text_of(id)),
                        n->code.len > 0 ? words_of(n) : "an entry that is no return");
    }
    return e2e.len > 0 ? payment_take(m, n, e2e, true)
                       : unplaced(m, n, BANK_IMPORT_UNMATCHED, (struct text){0},
                                  "no payout of this book has this id");
}

static enum mete_code note_take(struct importing *m, const struct bank_note *n)
{
    bool duplicate = n->outcome == BANK_FAILED && reason_of(n->code)->side == REASON_DUPLICATE;
    if (n->ach.len > 0) {
        return ach_take(m, n);
    }
    if (n->outcome == BANK_PENDING) {
        tell(m, n, BANK_IMPORT_PENDING, (struct text){0}, "");
        return METE_OK;
    }
    if (n->outcome == BANK_UNCLEAR || duplicate) {
        bool is_group_header = n->is_group && n->code.len == 0;
        if (is_group_header) { /* its payments are told of one by one */
            tell(m, n, BANK_IMPORT_PENDING, (struct text){0}, "");
            return METE_OK;
        }
        return unplaced(m, n, duplicate ? BANK_IMPORT_REFUSED : BANK_IMPORT_UNMATCHED,
                        (struct text){0}, duplicate ? words_of(n) : "it is no news of a payout");
    }
    return n->e2e.len > 0 && !(n->is_group && n->message.len > 0) ? payment_take(m, n, n->e2e, true)
           : n->is_group && n->message.len > 0
               ? group_take(m, n)
               : unplaced(m, n, BANK_IMPORT_UNMATCHED, (struct text){0},
                          "it bears no id of a payout");
}

/** The lowest level wins: what is said of one payment comes before what is said of its file. */
static enum mete_code notes_take(struct importing *m, const struct bank_notes *notes, bool groups)
{
    enum mete_code code = METE_OK;
    for (const struct bank_note *n = notes->first; n != NULL && code == METE_OK && !m->stopped;
         n = n->next) {
        if (n->is_group == groups) {
            arena_reset(&m->note);
            m->out->records++;
            code = note_take(m, n);
        }
    }
    return code;
}

enum mete_code bank_import(struct engine *e, struct bytes file, bank_import_visit *visit, void *arg,
                           struct bank_import_counts *out, struct mete_err *err)
{
    struct arena all;
    struct bank_notes notes = {.a = &all};
    struct importing m = {.e = e, .visit = visit, .arg = arg, .out = out, .err = err};
    *out = (struct bank_import_counts){0};
    arena_init(&all, NOTES_ARENA);
    arena_init(&m.note, NOTE_ARENA);
    m.index = bank_index_new();
    enum mete_code code = bank_notes_read(file, &notes, err);
    code = code == METE_OK ? notes_take(&m, &notes, false) : code;
    code = code == METE_OK ? notes_take(&m, &notes, true) : code;
    bank_index_free(m.index);
    arena_clear(&m.note);
    arena_clear(&all);
    return code;
}
