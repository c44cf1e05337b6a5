/* SPDX-License-Identifier: Apache-2.0
 * What people do with payouts: cancel, hold, release, ask for. Each is one event, or a batch and
 * one; whether money and state allow it is core's to say. */
#include "engine/payout_parts.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "engine/payout_step.h"

#include <inttypes.h>
#include <stdio.h>

#define ARENA_MAX ((size_t)64 << 20)

/* --- events ------------------------------------------------------------------------------------*/

struct text payload_text(const struct json *payload, const char *member)
{
    const struct json *j = json_get(payload, member);
    return j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
}

/* --- cancel, hold, release ---------------------------------------------------------------------*/

static enum mete_code reason_check(const struct payout_act *act, struct mete_err *err)
{
    return act->reason.len > 0
               ? METE_OK
               : mete_fail(err, METE_MEMBER_MISSING, "/reason", "say why: it stands in the log");
}

enum mete_code payout_cancel(struct engine *e, const struct payout_act *act, struct mete_err *err)
{
    struct arena a;
    struct payout_due row;
    struct submit_result r;
    const struct payout_step step = {.type = EVENT_PAYOUT_TRANSFER_CANCELLED,
                                     .transfer_id = act->id,
                                     .reason = act->reason,
                                     .actor = act->actor};
    arena_init(&a, ARENA_MAX);
    enum mete_code code = reason_check(act, err);
    code = code == METE_OK ? payout_find(e, act->id, &a, &row, err) : code;
    if (code == METE_OK && row.transfer.state != TRANSFER_CANCELLED) {
        payout_steps_take(e, engine_now(e), &step, 1, false, &a, &r);
        *err = r.err;
        code = r.status == SUBMIT_APPLIED || r.status == SUBMIT_DUPLICATE ? METE_OK : r.err.code;
    }
    arena_clear(&a);
    return engine_sound(e, code, err);
}

/** Holds come and go, so the moment is part of their ids; and the reason, which is another hold. */
static enum mete_code hold_say(struct engine *e, const struct payout_act *act, enum event_type type,
                               struct mete_err *err)
{
    struct own_event event;
    char hex[65];
    char id[128];
    static const struct bytes stop = {(const uint8_t *)"", 1};
    const struct bytes parts[] = {text_bytes(act->party), stop, text_bytes(act->reason)};
    struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    hash_hex(&h, hex);
    snprintf(id, sizeof id, "%s:%.32s:%" PRId64, event_type_name(type), hex, engine_now(e));
    const struct own_head head = {.id = text_of(id), .type = type, .actor = act->actor};
    own_event_begin(&event, e, &head);
    jw_text(&event.w, "party", act->party);
    jw_text(&event.w, "reason", act->reason);
    return own_event_submit(&event, NULL, err);
}

static enum mete_code party_known(struct engine *e, struct text party, struct mete_err *err)
{
    uint32_t number;
    return view_party(engine_view(e), party, &number) == VIEW_FOUND
               ? METE_OK
               : mete_fail(err, METE_NOT_FOUND, "/party", "the log does not name this party");
}

enum mete_code payout_hold(struct engine *e, const struct payout_act *act, struct mete_err *err)
{
    enum mete_code code = reason_check(act, err);
    code = code == METE_OK ? party_known(e, act->party, err) : code;
    code = code == METE_OK ? hold_say(e, act, EVENT_PAYOUT_HOLD_PLACED, err) : code;
    return engine_sound(e, code, err);
}

enum mete_code payout_release(struct engine *e, const struct payout_act *act, struct mete_err *err)
{
    struct arena a;
    struct payout_due row;
    struct payout_act of_party = *act;
    arena_init(&a, ARENA_MAX);
    enum mete_code code = reason_check(act, err);
    if (code == METE_OK && act->party.len == 0) {
        code = payout_find(e, act->id, &a, &row, err);
        of_party.party = code == METE_OK ? row.party : (struct text){0};
    } else if (code == METE_OK) {
        code = party_known(e, act->party, err);
    }
    code = code == METE_OK ? hold_say(e, &of_party, EVENT_PAYOUT_HOLD_RELEASED, err) : code;
    arena_clear(&a);
    return engine_sound(e, code, err);
}

/* --- on demand ---------------------------------------------------------------------------------*/

/* What a party asks for, as its schedule and its account stand. */
struct asking {
    struct engine *e;
    const struct payout_ask *ask;
    struct arena *a;
    struct payout_period period;
    struct payout_row row;
    bool seen;
    struct mete_err *err;
};

static bool row_take(void *arg, const struct payout_row *row)
{
    struct asking *k = arg;
    k->row = *row;
    k->row.party = k->ask->party;
    k->seen = true;
    return false;
}

static enum mete_code period_take(struct asking *k)
{
    struct text id = k->ask->schedule;
    enum mete_code code = payout_period_find(k->e, id, (struct text){0}, k->a, &k->period, k->err);
    return code != METE_OK || k->period.on_demand
               ? code
               : mete_fail(k->err, METE_SCHEDULE_UNKNOWN, "/schedule",
                           "there is no schedule on demand \"%.*s\"", (int)id.len, id.p);
}

/** What may be paid at most; 0: all. */
static enum mete_code amount_take(struct asking *k, i128 *most)
{
    i128 asked = 0;
    char bound[AMOUNT_TEXT_MAX];
    struct text given = k->ask->amount;
    *most = k->period.schedule.maximum;
    if (given.len == 0) {
        return METE_OK;
    }
    enum mete_code code = amount_parse(given, k->period.asset.scale, &asked);
    if (code != METE_OK || asked == 0) {
        return mete_fail(k->err, code != METE_OK ? code : METE_MEMBER_VALUE, "/amount",
                         "no amount of %s, which has %u decimals", k->period.asset.code,
                         k->period.asset.scale);
    }
    if (k->period.schedule.maximum > 0 && asked > k->period.schedule.maximum) {
        amount_format(k->period.schedule.maximum, k->period.asset.scale, bound);
        return mete_fail(k->err, METE_PAYOUT_LIMIT, "/amount", "at most %s %s at once", bound,
                         k->period.asset.code);
    }
    *most = asked;
    return METE_OK;
}

/** Of the day's batch, once the first who asked has opened it; else the schedule's. */
static struct payout_bounds bounds_of(struct asking *k)
{
    struct batch b;
    uint64_t number = engine_seq_of(k->e, k->period.batch_id);
    bool there = number != 0 && view_batch(engine_view(k->e), k->a, number, &b) == VIEW_FOUND;
    return there ? b.bounds : k->period.bounds;
}

static enum mete_code row_find(struct asking *k, i128 most)
{
    const struct payout_bounds bounds = bounds_of(k);
    struct payout_query q = payout_period_query(&k->period);
    q.party = k->ask->party;
    q.bounds = &bounds;
    q.most = most;
    enum mete_code code = payout_plan(k->e, &q, row_take, k, k->err);
    if (code != METE_OK) {
        return code;
    }
    if (!k->seen) {
        return mete_fail(k->err, METE_INSUFFICIENT_FUNDS, "", "nothing has cleared");
    }
    if (k->row.code != METE_OK) {
        struct text why = payout_row_words(k->a, &k->row, &k->period.asset);
        return mete_fail(k->err, k->row.code, "", "%.*s", (int)why.len, why.p);
    }
    return k->ask->amount.len == 0 || k->row.amount == most
               ? METE_OK
               : mete_fail(k->err, METE_INSUFFICIENT_FUNDS, "/amount", "no more than %.*s",
                           (int)payout_row_words(k->a, &k->row, &k->period.asset).len,
                           payout_row_words(k->a, &k->row, &k->period.asset).p);
}

static enum mete_code request_queue(struct asking *k, bool *is_new)
{
    struct submit_result r;
    const struct payout_new n = {.batch_id = k->period.batch_id,
                                 .party = k->ask->party,
                                 .amount = k->row.amount,
                                 .asset = &k->period.asset,
                                 .actor = k->ask->actor};
    payout_new_submit(k->e, &n, &r);
    *is_new = r.status == SUBMIT_APPLIED;
    if (!*is_new) {
        *k->err = r.err;
    }
    return *is_new ? METE_OK : r.err.code;
}

static enum mete_code request_run(struct asking *k, struct text *id, bool *is_new)
{
    i128 most;
    bool opened;
    char transfer_id[TRANSFER_ID_LEN + 1];
    enum mete_code code = period_take(k);
    code = code == METE_OK ? party_known(k->e, k->ask->party, k->err) : code;
    code = code == METE_OK ? amount_take(k, &most) : code;
    if (code != METE_OK) {
        return code;
    }
    transfer_id_make(transfer_id, text_of(engine_book_name(k->e)), k->period.batch_id,
                     k->ask->party);
    *id = arena_text(k->a, text_of(transfer_id));
    if (engine_seq_of(k->e, *id) != 0) {
        return mete_fail(k->err, METE_PAYOUT_LIMIT, "",
                         "once a day: %s was asked for today; the next may be asked for tomorrow "
                         "(UTC)",
                         transfer_id);
    }
    code = row_find(k, most);
    if (code == METE_OK && k->ask->allow != NULL) {
        code = k->ask->allow(k->ask->ctx, &k->period.asset, k->row.amount, k->err);
    }
    if (code == METE_OK) {
        code = payout_period_open(k->e, &k->period, k->ask->actor, k->a, &opened, k->err);
    }
    return code == METE_OK ? request_queue(k, is_new) : code;
}

enum mete_code payout_request(struct engine *e, const struct payout_ask *ask, struct arena *a,
                              struct text *id, bool *is_new, struct mete_err *err)
{
    struct asking k = {.e = e, .ask = ask, .a = a, .err = err};
    *is_new = false;
    return engine_sound(e, request_run(&k, id, is_new), err);
}
