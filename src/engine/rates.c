/* SPDX-License-Identifier: Apache-2.0
 * Published rates become events with ids of their own (source, day, currency), so that a file that
 * is taken over again sets nothing anew. An older rate never takes the place of a newer one. */
#include "engine/rates.h"

#include "engine/internal.h"
#include "engine/walk.h"

#include "base/text.h"
#include "core/amount.h"
#include "crypto/seal.h"
#include "wire/bank/ecb.h"
#include "wire/json.h"

#include <stdio.h>
#include <string.h>

#define PROVIDER   "ECB"
#define PAIRS_PAGE 256u

/* --- taking over -------------------------------------------------------------------------------*/

static void event_write(struct buf *out, const struct ecb_rate *r, mete_time now)
{
    struct json_writer w;
    char id[40];
    char at[TIME_TEXT_MAX];
    buf_reset(out);
    (void)snprintf(id, sizeof id, "ecb:%.*s:%.*s", (int)r->day.len, r->day.p, (int)r->currency.len,
                   r->currency.p);
    jw_init(&w, out, false);
    jw_object(&w, NULL);
    jw_str(&w, "event_id", id);
    jw_str(&w, "event_type", event_type_name(EVENT_FX_RATE_SET));
    time_format(now, at);
    jw_str(&w, "occurred_at", at);
    jw_object(&w, "payload");
    jw_str(&w, "base", "EUR");
    jw_text(&w, "quote", r->currency);
    jw_text(&w, "rate", r->rate);
    jw_str(&w, "provider", PROVIDER);
    time_format(r->as_of, at);
    jw_str(&w, "as_of", at);
    jw_end_object(&w);
    jw_end_object(&w);
    jw_spill(&w);
}

/** Whether the book has this one, or a newer one. */
static enum view_result stands(struct engine *e, const struct ecb_rate *r, bool *known)
{
    struct rate have;
    enum view_result found = view_rate(engine_view(e), TEXT("EUR"), r->currency, &have);
    *known = found == VIEW_FOUND && have.as_of >= r->as_of;
    return found;
}

static enum mete_code rate_take(struct engine *e, const struct ecb_rate *r, struct buf *event,
                                struct rates_imported *out, struct mete_err *err)
{
    const struct submit_options o = {.no_quarantine = true};
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
    event_write(event, r, engine_now(e));
    engine_submit(e, buf_text(event), &o, &result);
    out->set += result.status == SUBMIT_APPLIED;
    out->known += result.status == SUBMIT_DUPLICATE || result.status == SUBMIT_CONFLICT;
    if (result.status == SUBMIT_REFUSED || result.status == SUBMIT_FAILED) {
        *err = result.err;
        return result.err.code;
    }
    return METE_OK;
}

enum mete_code rates_import(struct engine *e, struct bytes file, struct rates_imported *out,
                            struct mete_err *err)
{
    struct ecb_rate *rate;
    size_t count;
    uint64_t salt;
    struct arena a;
    struct buf event = {0};
    *out = (struct rates_imported){0};
    arena_init(&a, (size_t)1 << 30);
    random_bytes(&salt, sizeof salt);
    enum mete_code code = ecb_rates_read(&a, file, salt, &rate, &count, err);
    for (size_t i = 0; i < count && code == METE_OK; i++) {
        code = rate_take(e, &rate[i], &event, out, err);
    }
    if (count > 0) {
        METE_ASSERT(text_copy(out->day, sizeof out->day, rate[count - 1].day));
    }
    buf_clear(&event);
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

static bool pair_visit(struct listing *l, struct bytes key)
{
    struct rate_row row;
    if (!pair_of(key, &row.base, &row.quote) || (l->base.len > 0 && !text_eq(l->base, row.base)) ||
        (l->quote.len > 0 && !text_eq(l->quote, row.quote)) ||
        view_rate(engine_view(l->e), row.base, row.quote, &row.rate) != VIEW_FOUND) {
        return true;
    }
    row.is_old = engine_now(l->e) - row.rate.as_of > RATE_AGE_MAX;
    return l->visit(l->arg, &row);
}

enum mete_code rates_list(struct engine *e, struct text base, struct text quote, rate_visit *visit,
                          void *arg, struct mete_err *err)
{
    struct listing l = {e, base, quote, visit, arg};
    struct key from = key_of(KEY_RATE);
    const struct key until = key_prefix_end(key_of(KEY_RATE));
    struct walk_keys keys = {.more = true};
    struct arena a;
    arena_init(&a, (size_t)1 << 24);
    enum mete_code code = METE_OK;
    for (bool go = true; go && keys.more && code == METE_OK;) {
        arena_reset(&a);
        code = walk_keys(e, &a, key_bytes(&from), key_bytes(&until), PAIRS_PAGE, &keys, err);
        for (size_t i = 0; i < keys.count && go && code == METE_OK; i++) {
            go = pair_visit(&l, keys.key[i]);
        }
        if (code == METE_OK && keys.count > 0) { /* behind the last one */
            const struct bytes last = keys.key[keys.count - 1];
            memcpy(from.b, last.p, last.len);
            from.b[last.len] = 0;
            from.len = last.len + 1;
        }
    }
    arena_clear(&a);
    return engine_sound(e, code, err);
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
