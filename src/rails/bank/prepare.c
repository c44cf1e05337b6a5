/* SPDX-License-Identifier: Apache-2.0
 * Making the attempts of one file. What cannot be paid is left out with its reason; the others are
 * one group. The first of them keeps the file's bytes, the others say which file it is. */
#include "rails/bank/bank_parts.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/seal.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_HASH_LEN 15u /* bytes, of which a message id has the hexadecimal digits */

static void reject(struct rail_payment *p, const struct mete_err *err)
{
    rail_say(p, RAIL_REJECTED, "%s (%s%s)", mete_code_meaning(err->code),
             err->pointer[0] != '\0' ? err->pointer : "the whole", " of the destination or amount");
    (void)snprintf(p->report.remediation, sizeof p->report.remediation, "%s",
                   mete_code_remediation(err->code));
}

/** Follows from what is paid, so that it stands for nothing else. */
static void message_make(struct bank_file *f)
{
    struct buf all = {0};
    for (size_t i = 0; i < f->count; i++) {
        buf_put_sized(&all, f->line[i].payment->book);
        buf_put_sized(&all, text_of(f->line[i].e2e));
        buf_put_be32(&all, f->line[i].payment->anchors_taken);
    }
    const struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    memcpy(f->message, "mete-", 5);
    hex_encode(f->message + 5, (struct bytes){h.b, MESSAGE_HASH_LEN});
}

/** The lines that can be paid. */
static void lines_make(struct rail *r, struct rail_payment **p, size_t count, struct bank_file *f,
                       struct arena *a)
{
    bool ach = r->s.format == BANK_NACHA;
    f->line = arena_array(a, count, sizeof *f->line);
    for (size_t i = 0; i < count; i++) {
        struct bank_line *l = &f->line[f->count];
        struct mete_err err;
        l->payment = p[i];
        if (!bank_e2e_make(l->e2e, p[i]->transfer_id, p[i]->attempt)) {
            rail_say(p[i], RAIL_TRANSIENT, "no bank id can be made of the transfer's id");
        } else if (payee_read(p[i]->destination, ach, &l->payee, a, &err) != METE_OK ||
                   bank_line_check(&r->s, f, l, &err) != METE_OK) {
            reject(p[i], &err);
        } else {
            f->count++;
        }
    }
}

static void attempts_make(const struct bank_file *f, struct arena *a)
{
    char hex[65];
    const struct hash h = sha256(buf_bytes(&f->bytes));
    hash_hex(&h, hex);
    const struct text group = arena_text(a, text_of(f->message));
    for (size_t i = 0; i < f->count; i++) {
        const struct bank_line *l = &f->line[i];
        struct rail_payment *p = l->payment;
        p->group = group;
        p->anchor = l->trace[0] != '\0' ? arena_printf(a, "%s#%s#%s", f->message, l->e2e, l->trace)
                                        : arena_printf(a, "%s#%s", f->message, l->e2e);
        p->body[0] = i == 0 ? arena_text(a, buf_text(&f->bytes))
                            : arena_printf(a, "file %s %s", f->message, hex);
        p->body_count = 1;
        rail_say(p, RAIL_ACCEPTED, "%s", "");
    }
}

void bank_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    METE_ASSERT(count > 0 && count <= BANK_BATCH_MAX);
    struct bank_file f = {.now = p[0]->now, .day = bank_execution_day(&r->s, p[0]->now)};
    struct mete_err err;
    lines_make(r, p, count, &f, a);
    if (f.count > 0) {
        message_make(&f);
        if (bank_file_write(&r->s, &f, &err) == METE_OK) {
            attempts_make(&f, a);
        } else {
            for (size_t i = 0; i < f.count; i++) {
                rail_say(f.line[i].payment, RAIL_TRANSIENT, "the file cannot be made: %s",
                         err.text);
            }
        }
        secret_wipe(f.bytes.p, f.bytes.cap);
        buf_clear(&f.bytes);
    }
    secret_wipe(f.line, count * sizeof *f.line);
}
