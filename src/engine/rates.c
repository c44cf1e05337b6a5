/* SPDX-License-Identifier: Apache-2.0
 * Published rates become events with ids of their own (source, day, currency), so that a file that
 * is taken over again sets nothing anew. An older rate never takes the place of a newer one. */
#include "engine/rates.h"

#include "engine/internal.h"
#include "engine/own_event.h"
#include "engine/walk.h"

#include "base/text.h"
#include "core/amount.h"
#include "crypto/seal.h"
#include "wire/bank/ecb.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

#define PROVIDER "ECB"

/* --- taking over -------------------------------------------------------------------------------*/

/** `real`: it is set; else it is seen whether it can be. */
static void event_submit(struct engine *e, const struct ecb_rate *r, bool real,
                         struct submit_result *result)
{
    struct own_event event;
    char id[40];
    (void)snprintf(id, sizeof id, "ecb:%.*s:%.*s", (int)r->day.len, r->day.p, (int)r->currency.len,
                   r->currency.p);
    const struct own_head head = {.id = text_of(id), .type = EVENT_FX_RATE_SET};
    own_event_begin(&event, e, &head);
    jw_str(&event.w, "base", "EUR");
    jw_text(&event.w, "quote", r->currency);
    jw_text(&event.w, "rate", r->rate);
    jw_str(&event.w, "provider", PROVIDER);
    jw_time(&event.w, "as_of", r->as_of);
    own_event_prepare(&event, e->prepared);
    (real ? engine_submit_prepared : engine_try_prepared)(e, e->prepared, result);
}

/** Whether the book has this one, or a newer one. */
static enum view_result stands(struct engine *e, const struct ecb_rate *r, bool *known)
{
    struct rate have;
    enum view_result found = view_rate(engine_view(e), TEXT("EUR"), r->currency, &have);
    *known = found == VIEW_FOUND && have.as_of >= r->as_of;
    return found;
}

static enum mete_code rate_take(struct engine *e, const struct ecb_rate *r, bool real,
                                struct rates_imported *out, struct mete_err *err)
{
    struct submit_result result;
    struct asset asset;
    bool known;
    enum view_result found = view_asset(engine_view(e), r->currency, &asset);
    if (found == VIEW_MISSING || stands(e, r, &known) == VIEW_MISSING) {
        return mete_fail(err, METE_STORE_FAILED, "", "a rate cannot be read");
    }
    out->unknown += found == VIEW_ABSENT;
    out->known += found == VIEW_FOUND && known;
    if (found == VIEW_ABSENT || known) {
        return METE_OK;
    }
    event_submit(e, r, real, &result);
    out->set += result.status == SUBMIT_APPLIED;
    out->known += result.status == SUBMIT_DUPLICATE || result.status == SUBMIT_CONFLICT;
    if (result.status == SUBMIT_REFUSED || result.status == SUBMIT_FAILED) {
        *err = result.err;
        return result.err.code;
    }
    return METE_OK;
}

static enum mete_code rates_take(struct engine *e, const struct ecb_rate *rate, size_t count,
                                 bool real, struct rates_imported *out, struct mete_err *err)
{
    enum mete_code code = METE_OK;
    *out = (struct rates_imported){0};
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = rate_take(e, &rate[i], real, out, err);
    }
    return code;
}

enum mete_code rates_import(struct engine *e, struct bytes file, struct rates_imported *out,
                            struct mete_err *err)
{
    struct ecb_rate *rate;
    size_t count;
    uint64_t salt;
    struct arena a;
    *out = (struct rates_imported){0};
    arena_init(&a, (size_t)1 << 30);
    random_bytes(&salt, sizeof salt);
    enum mete_code code = ecb_rates_read(&a, file, salt, &rate, &count, err);
    code = code == METE_OK ? rates_take(e, rate, count, false, out, err) : code;
    code = code == METE_OK ? rates_take(e, rate, count, true, out, err) : code;
    if (count > 0) {
        METE_ASSERT(text_copy(out->day, sizeof out->day, rate[count - 1].day));
    }
    arena_clear(&a);
    return code;
}

/* --- listing -----------------------------------------------------------------------------------*/

/** "EUR/USD" behind the class. */
static bool pair_of(struct bytes key, struct text *base, struct text *quote)
{
    const struct text pair = {(const char *)key.p + 1, key.len - 1};
    const char *slash = memchr(pair.p, '/', pair.len);
    if (slash == NULL) {
        return false;
    }
    *base = (struct text){pair.p, (size_t)(slash - pair.p)};
    *quote = (struct text){slash + 1, pair.len - base->len - 1};
    return true;
}

struct listing {
    struct engine *e;
    struct text base, quote;
    rate_visit *visit;
    void *arg;
};

static enum mete_code pair_visit(void *arg, const struct walk_key *k, bool *go_on)
{
    struct listing *l = arg;
    struct rate_row row;
    if (!pair_of(k->key, &row.base, &row.quote) ||
        (l->base.len > 0 && !text_eq(l->base, row.base)) ||
        (l->quote.len > 0 && !text_eq(l->quote, row.quote)) ||
        view_rate(engine_view(l->e), row.base, row.quote, &row.rate) != VIEW_FOUND) {
        return METE_OK;
    }
    row.is_old = engine_now(l->e) - row.rate.as_of > RATE_AGE_MAX;
    *go_on = l->visit(l->arg, &row);
    return METE_OK;
}

enum mete_code rates_list(struct engine *e, struct text base, struct text quote, rate_visit *visit,
                          void *arg, struct mete_err *err)
{
    struct listing l = {e, base, quote, visit, arg};
    const struct key from = key_of(KEY_RATE);
    const struct key until = key_prefix_end(from);
    return engine_sound(e, walk_each_key(e, &from, &until, pair_visit, &l, err), err);
}

/* --- asking ------------------------------------------------------------------------------------*/

static enum mete_code rate_read(struct engine *e, struct arena *a, uint64_t seq, struct rate *rate,
                                struct text *base, struct text *quote, struct mete_err *err)
{
    struct envelope *set = arena_alloc(a, sizeof *set);
    mete_time unused;
    enum mete_code code = engine_event(e, seq, a, set, &unused, err);
    if (code == METE_OK) {
        const struct event_rate *r = &set->event.rate;
        *rate =
            (struct rate){.text = r->rate, .provider = r->provider, .as_of = r->as_of, .seq = seq};
        *base = r->base;
        *quote = r->quote;
    }
    return code;
}

static enum mete_code asset_find(struct engine *e, struct text code, const char *at,
                                 struct asset *out, struct mete_err *err)
{
    return view_asset(engine_view(e), code, out) == VIEW_FOUND
               ? METE_OK
               : mete_fail(err, METE_CURRENCY_UNKNOWN, at, "this book does not know the asset %.*s",
                           (int)(code.len < 40 ? code.len : 40), code.p);
}

static enum mete_code amount_take(struct text amount, struct rates_quote *q, struct mete_err *err)
{
    enum mete_code code = amount_parse(amount, q->from.scale, &q->amount);
    return code == METE_OK ? METE_OK
                           : mete_fail(err, code, "/amount",
                                       "\"%.*s\" is no amount of %s, which has %u decimals",
                                       (int)(amount.len < 40 ? amount.len : 40), amount.p,
                                       q->from.code, q->from.scale);
}

static enum mete_code quote_compute(struct engine *e, struct rates_quote *q, struct mete_err *err)
{
    enum mete_code code =
        fx_find(engine_view(e), engine_now(e), text_of(q->from.code), text_of(q->to.code), &q->fx);
    if (code != METE_OK) {
        return mete_fail(err, code, "/to", "from %s to %s: %s", q->from.code, q->to.code,
                         code == METE_RATE_OLD ? "the rate is over 7 days old"
                                               : "no rate is recorded, nor over EUR or USD");
    }
    return fx_amount(&q->fx, q->amount, &q->from, &q->to, &q->made)
               ? METE_OK
               : mete_fail(err, METE_AMOUNT_RANGE, "/amount",
                           "in %s this is more than an account holds", q->to.code);
}

enum mete_code rates_quote(struct engine *e, struct arena *a, struct text amount, struct text from,
                           struct text to, struct rates_quote *out, struct mete_err *err)
{
    enum mete_code code = asset_find(e, from, "/from", &out->from, err);
    code = code == METE_OK ? asset_find(e, to, "/to", &out->to, err) : code;
    code = code == METE_OK ? amount_take(amount, out, err) : code;
    code = code == METE_OK ? quote_compute(e, out, err) : code;
    code = code == METE_OK ? rate_read(e, a, out->fx.from_seq, &out->first, &out->first_base,
                                       &out->first_quote, err)
                           : code;
    code = code == METE_OK ? rate_read(e, a, out->fx.to_seq, &out->second, &out->second_base,
                                       &out->second_quote, err)
                           : code;
    return engine_sound(e, code, err);
}
