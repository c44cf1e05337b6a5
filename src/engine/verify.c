/* SPDX-License-Identifier: Apache-2.0
 * Checking a book from inside, with its keys: what the separate auditor cannot see is that the
 * sealed values open and are the ones that the log committed to. */
#include "engine/verify.h"

#include "base/encode.h"
#include "base/text.h"
#include "engine/destination.h"
#include "engine/sealed.h"
#include "engine/walk.h"

#include <string.h>

#define VERIFY_ARENA_MAX ((size_t)4 << 30)

struct seals {
    struct engine *e;
    struct mete_err *err;
    enum mete_code code;
    struct arena arena;
    uint64_t seq;
    const struct json *tree; /* of the event */
    uint64_t of_event;       /* values of this event that are there */
    uint64_t opened;
    uint64_t commitments;
};

/* --- sealed values -----------------------------------------------------------------------------*/

static uint64_t commitments_count(const struct json *j)
{
    struct hash unused;
    uint64_t count = j->type == JSON_STRING && commitment_read(j->text, &unused);
    for (const struct json *k = j->child; k != NULL; k = k->next) {
        count += commitments_count(k); /* at most JSON_DEPTH_MAX deep */
    }
    return count;
}

static const char *seal_judge(struct seals *s, const struct sealed_value *v)
{
    const struct json *at = sealed_place(s->tree, v->pointer);
    struct hash written;
    if (at == NULL || !commitment_read(at->text, &written)) {
        return "stands for no commitment of the log";
    }
    struct buf plain = {0};
    const char *flaw = NULL;
    if (!s->e->has_keys && !s->e->in_memory) {
        flaw = hash_eq(&v->commitment, &written) ? NULL : "is not the one that the log speaks of";
    } else if (!sealed_open(s->e, v, &plain)) {
        flaw = "does not open with this book's key";
    } else {
        const struct bytes value = {plain.p + SALT_LEN, plain.len - SALT_LEN};
        struct destination_box unused;
        bool boxed = destination_is_at(v->pointer) && destination_box_read(value, &unused);
        const struct hash h =
            boxed ? written : commitment(plain.p, value); /* the worker's to open */
        flaw = hash_eq(&h, &v->commitment) && hash_eq(&h, &written)
                   ? NULL
                   : "is not what the log committed to";
    }
    secret_wipe(plain.p, plain.len);
    buf_clear(&plain);
    return flaw;
}

static bool seal_visit(void *arg, const struct sealed_value *v)
{
    struct seals *s = arg;
    const char *flaw = seal_judge(s, v);
    if (flaw != NULL) {
        s->code =
            mete_fail(s->err, METE_PROOF_FAILED, "", "the sealed value at %.*s of entry %llu %s",
                      (int)v->pointer.len, v->pointer.p, (unsigned long long)v->seq, flaw);
        return false;
    }
    s->opened++;
    return true;
}

/** Only events that hold a commitment are looked at more closely. */
static enum mete_code event_seals(struct seals *s, uint64_t seq)
{
    struct log_row row;
    struct json *tree;
    if (book_row(s->e->book, seq, &row, s->err) != STORE_OK) {
        return METE_STORE_FAILED;
    }
    if (row.event.len == 0 || memmem(row.event.p, row.event.len, COMMITMENT_PREFIX,
                                     sizeof COMMITMENT_PREFIX - 1) == NULL) {
        return METE_OK;
    }
    arena_reset(&s->arena);
    struct text event = arena_text(&s->arena, bytes_text(row.event));
    enum mete_code code = json_parse(&s->arena, event, &tree, s->err);
    if (code != METE_OK) {
        return code;
    }
    s->tree = tree;
    s->commitments += commitments_count(tree);
    if (book_seals(s->e->book, seq, (struct text){0}, seal_visit, s, s->err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    return s->code;
}

static bool count_visit(void *arg, const struct sealed_value *v)
{
    (void)v;
    ++*(uint64_t *)arg;
    return true;
}

static enum mete_code seals_verify(struct engine *e, struct verify_report *out,
                                   struct mete_err *err)
{
    struct seals s = {.e = e, .err = err, .code = METE_OK};
    enum mete_code code = METE_OK;
    uint64_t size = book_size(e->book);
    uint64_t all = 0;
    arena_init(&s.arena, VERIFY_ARENA_MAX);
    for (uint64_t seq = 1; seq <= size && code == METE_OK; seq++) {
        code = event_seals(&s, seq);
    }
    arena_clear(&s.arena);
    out->sealed = s.opened;
    out->erased = s.commitments - s.opened;
    if (code == METE_OK &&
        book_seals(e->book, 0, (struct text){0}, count_visit, &all, err) == STORE_FAILED) {
        code = METE_STORE_FAILED;
    }
    if (code == METE_OK && all != s.opened) {
        code = mete_fail(err, METE_PROOF_FAILED, "",
                         "%llu sealed values belong to no event of the log",
                         (unsigned long long)(all - s.opened));
    }
    return code;
}

/* --- quarantine --------------------------------------------------------------------------------*/

struct quarantine_check {
    struct mete_err *err;
    enum mete_code code;
    uint64_t last_id;
    uint64_t count;
};

static bool quarantine_visit_row(void *arg, const struct quarantined *q)
{
    struct quarantine_check *c = arg;
    bool known = strcmp(mete_code_name(q->code), "unknown") != 0 && q->code != METE_OK;
    if (q->id <= c->last_id || !known || q->attempts == 0) {
        c->code = mete_fail(c->err, METE_PROOF_FAILED, "", "row %llu of the quarantine is damaged",
                            (unsigned long long)q->id);
        return false;
    }
    c->last_id = q->id;
    c->count++;
    return true;
}

static enum mete_code quarantine_verify(struct engine *e, struct verify_report *out,
                                        struct mete_err *err)
{
    struct quarantine_check c = {.err = err, .code = METE_OK};
    if (book_quarantine(e->book, 0, quarantine_visit_row, &c, err) == STORE_FAILED) {
        return METE_STORE_FAILED;
    }
    out->quarantined = c.count;
    return c.code;
}

enum mete_code book_verify(struct engine *e, struct verify_report *out, struct mete_err *err)
{
    *out = (struct verify_report){0};
    enum mete_code code = log_verify(e, &out->log, err);
    code = code == METE_OK ? state_verify(e, out, err) : code;
    code = code == METE_OK ? seals_verify(e, out, err) : code;
    return code == METE_OK ? quarantine_verify(e, out, err) : code;
}
