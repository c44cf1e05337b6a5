/* SPDX-License-Identifier: Apache-2.0
 * Recording a settlement: which events a request adds to what is known of it. Whether money and
 * state allow them is core's to say, of the events themselves. */
#include "engine/settlements.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "engine/internal.h"
#include "engine/own_event.h"

#include <string.h>

#define ID_HEX 32

static enum event_type type_of(enum settlement_state outcome)
{
    return outcome == SETTLEMENT_PAID     ? EVENT_SETTLEMENT_PAID
           : outcome == SETTLEMENT_FAILED ? EVENT_SETTLEMENT_FAILED
                                          : EVENT_SETTLEMENT_INITIATED;
}

/* --- ids ---------------------------------------------------------------------------------------*/

/** The same transfer to the same party is the same settlement, whoever tells of it. */
static struct text id_of(struct arena *a, const struct settlement_request *q)
{
    static const struct bytes stop = {(const uint8_t *)"", 1};
    char hex[65];
    if (q->settlement_id.len > 0 || q->provider_ref.len == 0 || q->provider.len == 0 ||
        q->beneficiary.len == 0) {
        return q->settlement_id;
    }
    const struct bytes parts[] = {text_bytes(q->provider), stop, text_bytes(q->provider_ref), stop,
                                  text_bytes(q->beneficiary)};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    hash_hex(&h, hex);
    return arena_printf(a, "settlement:%.*s", ID_HEX, hex);
}

static struct text event_id_of(struct arena *a, struct text id, enum event_type type)
{
    return arena_printf(a, "%s:%.*s", event_type_name(type), (int)id.len, id.p);
}

struct text settlement_event_id(struct arena *a, const struct settlement_request *q)
{
    return event_id_of(a, id_of(a, q), type_of(q->outcome));
}

/* --- events ------------------------------------------------------------------------------------*/

static void member_write(struct json_writer *w, const char *name, struct text value)
{
    if (value.len > 0) {
        jw_text(w, name, value);
    }
}

static void payload_write(struct json_writer *w, const struct settlement_request *q, struct text id,
                          enum event_type type)
{
    jw_text(w, "settlement_id", id);
    if (type == EVENT_SETTLEMENT_INITIATED) {
        jw_text(w, "beneficiary_id", q->beneficiary);
        jw_raw(w, "amount", q->amount);
        member_write(w, "batch_id", q->batch_id);
        member_write(w, "provider", q->provider);
    }
    member_write(w, "provider_ref", q->provider_ref);
    if (type == EVENT_SETTLEMENT_FAILED) {
        member_write(w, "failure_reason", q->failure_reason);
    }
    member_write(w, "reason", q->reason);
}

/** What is wrong with an event is told of the request that it was made of. */
static void pointer_mend(struct mete_err *err)
{
    static const struct {
        const char *of_event, *of_request;
    } names[] = {{"/payload/", "/"},
                 {"/correlation/", "/"},
                 {"/event_type", "/outcome"},
                 {"/event_id", "/settlement_id"}};
    char out[sizeof err->pointer];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i].of_event);
        if (strncmp(err->pointer, names[i].of_event, len) == 0) {
            size_t put = strlen(names[i].of_request);
            memcpy(out, names[i].of_request, put);
            (void)text_copy(out + put, sizeof out - put, text_of(err->pointer + len));
            memcpy(err->pointer, out, sizeof out);
            return;
        }
    }
}

/* --- all of it or nothing ----------------------------------------------------------------------*/

struct batch {
    struct prepared *p[SETTLEMENT_STEPS];
    size_t count;
};

static enum mete_code batch_add(struct engine *e, struct batch *b,
                                const struct settlement_request *q, struct text id,
                                enum event_type type, struct mete_err *err)
{
    struct prepared *p = prepared_new();
    struct own_event event;
    b->p[b->count++] = p;
    const struct own_head head = {.id = event_id_of(&p->arena, id, type),
                                  .type = type,
                                  .occurred_at = q->occurred_at,
                                  .actor = q->actor,
                                  .service = "payment",
                                  .campaign_id = q->campaign_id};
    own_event_begin(&event, e, &head);
    payload_write(&event.w, q, id, type);
    own_event_prepare(&event, p);
    if (p->code != METE_OK) {
        *err = p->err;
        return p->code;
    }
    uint64_t seq = engine_seq_of(e, p->env.event.id);
    return seq == 0
               ? METE_OK
               : mete_fail(err, METE_CONFLICT, "/event_id",
                           "entry %llu of the log has the id \"%.*s\" already",
                           (unsigned long long)seq, (int)p->env.event.id.len, p->env.event.id.p);
}

static enum mete_code batch_run(struct engine *e, const struct batch *b, struct mete_err *err)
{
    for (size_t i = 0; i < b->count; i++) {
        struct submit_result r;
        engine_submit_prepared(e, b->p[i], &r);
        if (r.status == SUBMIT_APPLIED) {
            continue;
        }
        *err = r.err;
        if (i >
            0) { /* the sums of an account are at their end: the first one must not stay alone */
            e->failed = true;
            e->err = r.err;
        }
        return r.err.code;
    }
    return METE_OK;
}

static void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        prepared_free(b->p[i]);
    }
}

/* --- what is known already ---------------------------------------------------------------------*/

static enum mete_code differs(struct mete_err *err, const char *pointer, struct text id)
{
    return mete_fail(err, METE_CONFLICT, pointer,
                     "settlement \"%.*s\" is recorded, and says something else here", (int)id.len,
                     id.p);
}

static bool contradicts(struct text given, struct text known)
{
    return given.len > 0 && !text_eq(given, known);
}

/** An amount in whatever form, by the number of units that it comes to. */
static bool same_amount(struct engine *e, const struct settlement_request *q, struct arena *a,
                        const struct settlement_row *row)
{
    struct batch b = {0};
    struct mete_err unused;
    struct asset asset;
    i128 amount = 0;
    struct settlement_request like = *q;
    like.beneficiary = row->beneficiary;
    like.provider = (struct text){0};
    (void)!batch_add(e, &b, &like, arena_printf(a, "%s", "-"), EVENT_SETTLEMENT_INITIATED, &unused);
    const struct money *m = &b.p[0]->env.event.settlement.amount;
    bool same = b.p[0]->code == METE_OK &&
                view_asset(engine_view(e), m->currency, &asset) == VIEW_FOUND &&
                asset.number == row->asset.number &&
                amount_parse(m->amount, asset.scale, &amount) == METE_OK && amount == row->amount;
    batch_clear(&b);
    return same;
}

static const struct settlement_step *step_of(const struct settlement_row *row,
                                             enum settlement_state state)
{
    for (size_t i = 0; i < row->step_count; i++) {
        if (row->step[i].state == state) {
            return &row->step[i];
        }
    }
    return NULL;
}

/** May the request be said of this settlement? `step`: the one that it says again; NULL: it says
 *  something new. */
static enum mete_code agrees(struct engine *e, const struct settlement_request *q, struct arena *a,
                             const struct settlement_row *row, const struct settlement_step *step,
                             struct mete_err *err)
{
    if (contradicts(q->beneficiary, row->beneficiary)) {
        return differs(err, "/beneficiary_id", row->id);
    }
    if (contradicts(q->campaign_id, row->campaign_id)) {
        return differs(err, "/campaign_id", row->id);
    }
    if (contradicts(q->batch_id, row->batch_id)) {
        return differs(err, "/batch_id", row->id);
    }
    if (contradicts(q->provider, row->step[0].provider)) {
        return differs(err, "/provider", row->id);
    }
    if (q->amount.len > 0 && !same_amount(e, q, a, row)) {
        return differs(err, "/amount", row->id);
    }
    if (step == NULL) {
        return METE_OK;
    }
    if (contradicts(q->provider_ref, step->provider_ref)) {
        return differs(err, "/provider_ref", row->id);
    }
    if (contradicts(q->reason, step->reason)) {
        return differs(err, "/reason", row->id);
    }
    if (q->outcome == SETTLEMENT_FAILED && contradicts(q->failure_reason, step->failure_reason)) {
        return differs(err, "/failure_reason", row->id);
    }
    return q->occurred_at.set && q->occurred_at.at != step->occurred_at
               ? differs(err, "/occurred_at", row->id)
               : METE_OK;
}

/** What a settlement has to say when it begins. */
static enum mete_code complete(const struct settlement_request *q, struct mete_err *err)
{
    const struct {
        struct text value;
        const char *pointer;
    } wanted[] = {{q->beneficiary, "/beneficiary_id"},
                  {q->amount, "/amount"},
                  {q->provider, "/provider"},
                  {q->provider_ref, "/provider_ref"}};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (wanted[i].value.len == 0) {
            return mete_fail(err, METE_MEMBER_MISSING, wanted[i].pointer,
                             "a settlement that is not recorded yet says this");
        }
    }
    return METE_OK;
}

/* --- recording ---------------------------------------------------------------------------------*/

static enum mete_code id_check(struct text id, struct mete_err *err)
{
    if (id.len == 0) {
        return mete_fail(err, METE_MEMBER_MISSING, "/settlement_id",
                         "say settlement_id, or provider, provider_ref and beneficiary_id");
    }
    return id.len <= SETTLEMENT_ID_MAX
               ? METE_OK
               : mete_fail(err, METE_TEXT_LENGTH, "/settlement_id",
                           "a settlement's id has at most %d bytes", SETTLEMENT_ID_MAX);
}

/** Fills `b` with what the request adds. */
static enum mete_code plan(struct engine *e, const struct settlement_request *q, struct arena *a,
                           struct settlement_recorded *out, struct batch *b, struct mete_err *err)
{
    struct settlement_row row;
    const struct settlement_step *step = NULL;
    enum mete_code code = settlement_find(e, out->id, a, &row, err);
    out->is_new = code == METE_NOT_FOUND;
    if (code == METE_OK) {
        step = step_of(&row, q->outcome);
        code = agrees(e, q, a, &row, step, err);
    } else if (out->is_new) {
        code = complete(q, err);
    }
    struct settlement_request whole = *q;
    if (code == METE_OK && !out->is_new) {
        whole.campaign_id = row.campaign_id;
    }
    if (code == METE_OK && out->is_new) {
        code = batch_add(e, b, &whole, out->id, EVENT_SETTLEMENT_INITIATED, err);
    }
    bool ends = q->outcome != SETTLEMENT_INITIATED && step == NULL;
    if (code == METE_OK && ends) {
        code = batch_add(e, b, &whole, out->id, type_of(q->outcome), err);
    }
    return code;
}

enum mete_code settlement_record(struct engine *e, const struct settlement_request *q,
                                 struct arena *a, struct settlement_recorded *out,
                                 struct mete_err *err)
{
    struct batch b = {0};
    struct settlement_request dated = *q;
    *out = (struct settlement_recorded){.id = id_of(a, q)};
    dated.occurred_at.at = q->occurred_at.set ? q->occurred_at.at : engine_now(e);
    enum mete_code code = id_check(out->id, err);
    code = code == METE_OK ? plan(e, &dated, a, out, &b, err) : code;
    out->moved = b.count > 0;
    code = code == METE_OK ? batch_run(e, &b, err) : code;
    batch_clear(&b);
    if (code != METE_OK) {
        pointer_mend(err);
    }
    out->head = book_head(e->book);
    return engine_sound(e, code, err);
}
