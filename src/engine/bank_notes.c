/* SPDX-License-Identifier: Apache-2.0
 * Files of banks as one list of notes. Invariant: nobody sees a note before the reader has found
 * the whole file good. */
#include "engine/bank_import_parts.h"

#include "base/text.h"
#include "crypto/seal.h"

#define NOTES_MAX 1000000u

static struct bank_note *note_add(struct bank_notes *n)
{
    struct bank_note *note = arena_alloc(n->a, sizeof *note);
    *n->last = note;
    n->last = &note->next;
    n->count++;
    return note;
}

static struct text kept(struct bank_notes *n, const char *text)
{
    return arena_text(n->a, text_of(text));
}

/* --- ISO 20022 ---------------------------------------------------------------------------------*/

static const char *const message_name[] = {[BANK_PAIN_002] = "pain.002",
                                           [BANK_CAMT_052] = "camt.052",
                                           [BANK_CAMT_053] = "camt.053",
                                           [BANK_CAMT_054] = "camt.054"};

static bool record_take(void *arg, const struct bank_record *r)
{
    struct bank_notes *n = arg;
    if (n->count == NOTES_MAX) {
        return false;
    }
    struct bank_note *note = note_add(n);
    bool status = r->message == BANK_PAIN_002;
    const char *reference = r->servicer_ref[0] != '\0' ? r->servicer_ref : r->entry_ref;
    *note = (struct bank_note){
        .outcome = bank_record_outcome(r),
        .is_group = r->level == BANK_GROUP || r->level == BANK_PAYMENT || r->level == BANK_ENTRY,
        .is_status = status,
        .e2e = kept(n, r->end_to_end),
        .message =
            kept(n, r->original_message[0] != '\0' ? r->original_message : r->original_payment),
        .code = kept(n, r->reason[0] != '\0' ? r->reason : r->status),
        .source = arena_printf(n->a, "%s %s", message_name[r->message], r->message_id),
        .reference = kept(n, status ? r->message_id : reference),
        .has_amount = r->amount_known,
        .amount_e5 = r->amount_e5,
        .currency = kept(n, r->currency),
        .count = r->count};
    return true;
}

/* --- NACHA -------------------------------------------------------------------------------------*/

static bool entry_take(void *arg, const struct nacha_record *r)
{
    struct bank_notes *n = arg;
    struct bank_note *note = note_add(n);
    *note = (struct bank_note){
        .outcome = r->kind == NACHA_RETURN ? BANK_RETURNED : BANK_UNCLEAR,
        .ach = kept(n, r->id),
        .code = kept(n, r->reason),
        .source = TEXT("NACHA"),
        .reference = kept(n, r->original_trace[0] != '\0' ? r->original_trace : r->trace),
        .has_amount = r->kind == NACHA_RETURN && r->cents > 0,
        .amount_e5 = (i128)r->cents * (BANK_UNIT / 100),
        .currency = TEXT("USD"),
        .count = 1};
    return true;
}

enum mete_code bank_notes_read(struct bytes file, struct bank_notes *out, struct mete_err *err)
{
    const struct bank_report_sink sink = {.ctx = out, .record = record_take};
    uint64_t salt;
    out->last = &out->first;
    if (file.len > 3 && file.p[0] == '1' && file.p[1] == '0' && file.p[2] == '1') {
        return nacha_read(file, entry_take, out, err);
    }
    random_bytes(&salt, sizeof salt);
    return bank_report_read(file, &sink, salt, err);
}
