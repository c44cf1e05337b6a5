/* SPDX-License-Identifier: Apache-2.0
 * The bank rail: files go out, and statements come back by `mete bank import`. A file that is out
 * is accepted, not paid. See doc/rails-fiat.md. */
#include "rails/bank/bank.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "rails/bank/bank_parts.h"
#include "rails/secret_file.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)8 << 20) /* a file that is read back */

/* --- opening -----------------------------------------------------------------------------------*/

static void bank_close(struct rail *r)
{
    if (r == NULL) {
        return;
    }
    char *const texts[] = {
        r->s.debtor, r->s.destination_name, r->s.origin, r->s.company_id, r->folder, r->url,
        r->marks};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
    secret_text_free(r->token);
    web_close(r->web);
    web_answer_clear(&r->answer);
    free(r);
}

static enum mete_code bank_open(struct rail **out, const struct rail_config *c,
                                struct mete_err *err)
{
    struct rail *r = calloc(1, sizeof *r);
    const struct web_options o = {.allow_http = true, /* of this machine alone: rail_url_check */
                                  .answer_max = ANSWER_MAX,
                                  .ca_file = c->get(c->ctx, "ca_file")};
    METE_ASSERT(r != NULL);
    enum mete_code code = bank_settings_read(r, c, err);
    if (code != METE_OK) {
        bank_close(r);
        return code;
    }
    web_open(&r->web, &o);
    *out = r;
    return METE_OK;
}

/* --- a file's payments -------------------------------------------------------------------------*/

/** The message id that stands before the first '#' of an anchor. */
static struct text message_of(const struct rail_payment *p)
{
    const char *end = p->anchor.len > 0 ? memchr(p->anchor.p, '#', p->anchor.len) : NULL;
    return end != NULL ? (struct text){p->anchor.p, (size_t)(end - p->anchor.p)} : (struct text){0};
}

static struct text body_of(const struct rail_payment *p)
{
    return p->body_count > 0 ? p->body[p->body_count - 1] : (struct text){0};
}

/** The bytes of a file among the payments that travel in it; the others name their hash. */
static struct bytes file_find(struct rail_payment **p, size_t count, struct text message,
                              struct arena *a)
{
    struct bytes file = {0};
    char hex[65];
    for (size_t i = 0; i < count; i++) {
        struct text body = body_of(p[i]);
        if (text_eq(message_of(p[i]), message) && !text_starts(body, "file ")) {
            file = text_bytes(body);
        }
    }
    const struct hash h = sha256(file);
    hash_hex(&h, hex);
    const struct text named = arena_printf(a, "file %.*s %s", (int)message.len, message.p, hex);
    for (size_t i = 0; i < count; i++) {
        struct text body = body_of(p[i]);
        bool differs = text_starts(body, "file ") && !text_eq(body, named);
        if (text_eq(message_of(p[i]), message) && differs) {
            return (struct bytes){0};
        }
    }
    return file;
}

static const char *name_of(const struct rail *r, struct text message, struct arena *a)
{
    return arena_printf(a, "%.*s%s", (int)message.len, message.p,
                        r->s.format == BANK_NACHA ? ".ach" : ".xml")
        .p;
}

/** Nobody acknowledges a NACHA file: after some banking days without a return it counts as paid.
 *  They count from when it was committed, or put out, whichever came later. */
static void presume(const struct bank_job *j, struct rail_payment *p)
{
    char day[11];
    const struct bank_settings *s = &j->rail->s;
    const int32_t settled = bank_execution_day(s, j->at > p->sending_at ? j->at : p->sending_at);
    const int32_t until = bank_days_after(s, settled, s->presumed);
    if (s->format == BANK_NACHA && time_day(p->now) > until) {
        time_format_day(until, day);
        rail_say(p, RAIL_PAID, "presumed: no return came until %s", day);
        p->report.proof = arena_printf(j->a, "presumed: no return until %s", day);
    }
}

static void place_say(const struct bank_job *j, struct rail_payment *p, enum bank_place there)
{
    struct text message = message_of(p);
    p->report.reference = arena_text(j->a, message);
    switch (there) {
    case BANK_PLACED:
        rail_say(p, RAIL_ACCEPTED, "the file %.*s is out; the bank has not said what became of it",
                 (int)message.len, message.p);
        presume(j, p);
        break;
    case BANK_ABSENT:
        rail_say(p, RAIL_ABSENT, "the file %.*s is not there", (int)message.len, message.p);
        break;
    case BANK_OTHER:
        rail_say(p, RAIL_UNKNOWN, "another file stands there under the name of %.*s: look at it",
                 (int)message.len, message.p);
        break;
    case BANK_UNTOLD:
        rail_say(p, RAIL_UNKNOWN, "%s", j->why);
        break;
    }
}

/** Puts out, or looks for, each file among the payments once, and says to all of its payments what
 *  came. */
static void each_file(struct rail *r, struct rail_payment **p, size_t count, struct arena *a,
                      bool puts)
{
    bool *done = arena_array(a, count, sizeof *done);
    for (size_t i = 0; i < count; i++) {
        const struct text message = message_of(p[i]);
        struct bank_job j = {
            .rail = r, .now = p[i]->now, .a = a, .why = "the bytes of its file are not known here"};
        enum bank_place there = BANK_UNTOLD;
        if (done[i]) {
            continue;
        }
        j.name = name_of(r, message, a);
        j.file = file_find(p, count, message, a);
        if (message.len > 0 && (j.file.len > 0 || !puts)) {
            there = puts ? bank_place_put(&j) : bank_place_look(&j);
        }
        for (size_t k = i; k < count; k++) {
            if (text_eq(message_of(p[k]), message)) {
                done[k] = true;
                place_say(&j, p[k], there);
            }
        }
    }
}

void bank_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    each_file(r, p, count, a, true);
}

void bank_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    each_file(r, p, count, a, false);
}

static const char *const aliases[] = {"bank_transfer", "sepa", "ach", "iso20022", NULL};
const struct rail_kind BANK_RAIL = {.name = "bank",
                                    .alias = aliases,
                                    .batch_max = BANK_BATCH_MAX,
                                    .open = bank_open,
                                    .close = bank_close,
                                    .prepare = bank_prepare,
                                    .send = bank_send,
                                    .probe = bank_probe};
