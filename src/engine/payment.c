/* SPDX-License-Identifier: Apache-2.0
 * Payments of providers. Invariant: a payment is revenue once, however many events tell of it. */
#include "engine/payment.h"

#include "base/text.h"
#include "engine/insights.h"
#include "engine/internal.h"
#include "engine/own_event.h"
#include "wire/json.h"

static const char *const state_names[] = {
#define X(symbol, name) name,
    PAYMENT_STATES(X)
#undef X
};

const char *payment_state_name(enum payment_state s)
{
    return state_names[s];
}

bool payment_state_of(struct text name, enum payment_state *out)
{
    for (size_t i = PAYMENT_PENDING; i < ARRAY_LEN(state_names); i++) {
        if (text_is(name, state_names[i])) {
            *out = (enum payment_state)i;
            return true;
        }
    }
    return false;
}

/* Source: RFC 0003 of the source's repository; a first word may be any but `consumed`, since what
 * came before it may never have been told. */
static bool may_become(enum payment_state from, enum payment_state to)
{
    static const struct {
        enum payment_state from, to;
    } edges[] = {{PAYMENT_NONE, PAYMENT_PENDING},   {PAYMENT_NONE, PAYMENT_PAID},
                 {PAYMENT_NONE, PAYMENT_EXPIRED},   {PAYMENT_NONE, PAYMENT_FAILED},
                 {PAYMENT_PENDING, PAYMENT_PAID},   {PAYMENT_PENDING, PAYMENT_EXPIRED},
                 {PAYMENT_PENDING, PAYMENT_FAILED}, {PAYMENT_PAID, PAYMENT_CONSUMED}};
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        if (edges[i].from == from && edges[i].to == to) {
            return true;
        }
    }
    return false;
}

/* --- what is kept beside the log ---------------------------------------------------------------*/

static struct insight row_of(const struct payment_notice *n, struct arena *a, const char *kind,
                             struct text id, struct text data)
{
    return (struct insight){
        .kind = INSIGHT_EVENT,
        .app = arena_printf(a, "mete:payment:%.*s", (int)n->provider.len, n->provider.p),
        .id = arena_printf(a, "%s:%.*s", kind, (int)id.len, id.p),
        .t = n->occurred_at,
        .type = arena_printf(a, "payment.%s", kind),
        .data = data};
}

enum kept { KEPT_NOT, KEPT_SAME, KEPT_OTHER, KEPT_UNREAD };

static enum kept row_find(struct engine *e, struct insight row, struct mete_err *err)
{
    struct insight found;
    if (book_insight_find(e->book, &row, 1, &found, err) != STORE_OK) {
        return KEPT_UNREAD;
    }
    if (found.received_at == TIME_NEVER) {
        return KEPT_NOT;
    }
    row.t = found.t; /* a second delivery may be of another moment */
    const struct hash sum = insight_sum(&row);
    return hash_eq(&sum, &found.sha256) ? KEPT_SAME : KEPT_OTHER;
}

static bool row_put(struct engine *e, struct insight row, struct mete_err *err)
{
    row.received_at = engine_now(e);
    row.sha256 = insight_sum(&row);
    return book_insight_put(e->book, &row, 1, err) == STORE_OK;
}

static struct text event_id_of(const struct payment_notice *n, struct arena *a)
{
    return arena_printf(a, "payment:%.*s:%.*s", (int)n->provider.len, n->provider.p,
                        (int)n->payment_id.len, n->payment_id.p);
}

/** False: the store failed. */
static bool state_find(struct engine *e, const struct payment_notice *n, struct arena *a,
                       enum payment_state *out, struct mete_err *err)
{
    static const enum payment_state kept[] = {PAYMENT_CONSUMED, PAYMENT_PAID, PAYMENT_FAILED,
                                              PAYMENT_EXPIRED, PAYMENT_PENDING};
    *out = PAYMENT_NONE;
    for (size_t i = 0; i < ARRAY_LEN(kept) && *out == PAYMENT_NONE; i++) {
        if (kept[i] == PAYMENT_PAID) {
            *out = engine_seq_of(e, event_id_of(n, a)) != 0 ? PAYMENT_PAID : PAYMENT_NONE;
            continue;
        }
        enum kept there =
            row_find(e, row_of(n, a, state_names[kept[i]], n->payment_id, (struct text){0}), err);
        if (there == KEPT_UNREAD) {
            return false;
        }
        *out = there != KEPT_NOT ? kept[i] : PAYMENT_NONE;
    }
    return true;
}

/* --- the money ---------------------------------------------------------------------------------*/

/** What the log has already, its moment included, so that the same payment is the same bytes. */
static mete_time moment_of(struct engine *e, const struct payment_notice *n, struct arena *a,
                           struct text id)
{
    mete_time at = n->occurred_at;
    struct text unused;
    (void)!own_event_recall(e, id, a, &at, &unused);
    return at;
}

static struct text event_write(struct engine *e, const struct payment_notice *n, struct arena *a)
{
    struct text id = event_id_of(n, a);
    struct json_writer w;
    struct buf out = {0};
    char at[TIME_TEXT_MAX];
    time_format(moment_of(e, n, a, id), at);
    jw_init(&w, &out, false);
    jw_object(&w, NULL);
    jw_text(&w, "event_id", id);
    jw_str(&w, "event_type", event_type_name(EVENT_REVENUE_RECEIVED));
    jw_str(&w, "occurred_at", at);
    jw_raw(&w, "payload", n->payload);
    jw_end_object(&w);
    struct text event = arena_text(a, buf_text(&out));
    buf_clear(&out);
    return event;
}

static enum mete_code paid_take(struct engine *e, const struct payment_notice *n, struct arena *a,
                                struct payment_told *out, struct mete_err *err)
{
    struct submit_result *r = &out->result;
    engine_submit(e, event_write(e, n, a), NULL, r);
    r->event_id = arena_text(a, r->event_id);
    if (r->status == SUBMIT_APPLIED || r->status == SUBMIT_DUPLICATE ||
        r->status == SUBMIT_WAITING) {
        out->is_duplicate = r->status == SUBMIT_DUPLICATE;
        return METE_OK;
    }
    *err = r->err;
    return err->code;
}

/* --- a notice ----------------------------------------------------------------------------------*/

static enum mete_code refuse(struct engine *e, const struct payment_notice *n,
                             enum payment_state from, struct arena *a, struct mete_err *err)
{
    (void)mete_fail(err, METE_PAYMENT_STATE, "/status", "the payment is %s, and then not %s",
                    state_names[from], state_names[n->state]);
    struct buf body = {0};
    struct json_writer w;
    jw_init(&w, &body, false);
    jw_object(&w, NULL);
    jw_object(&w, "payment");
    jw_text(&w, "provider", n->provider);
    jw_text(&w, "provider_event", n->event_id);
    jw_text(&w, "payment_id", n->payment_id);
    jw_str(&w, "status", state_names[n->state]);
    if (n->payload.len > 0) {
        jw_raw(&w, "payload", n->payload);
    }
    jw_end_object(&w);
    jw_end_object(&w);
    engine_refuse(e, arena_text(a, buf_text(&body)), err);
    buf_clear(&body);
    return err->code;
}

/** What an event id of the provider stood for: payment, state, and what the payload says. */
static struct text event_data(const struct payment_notice *n, struct arena *a)
{
    const struct bytes parts[] = {text_bytes(n->payment_id), text_bytes(TEXT("\n")),
                                  text_bytes(text_of(state_names[n->state])),
                                  text_bytes(TEXT("\n")), text_bytes(n->payload)};
    const struct hash h = sha256_parts(parts, ARRAY_LEN(parts));
    char hex[65];
    hash_hex(&h, hex);
    return arena_printf(a, "\"%s\"", hex);
}

static enum mete_code step(struct engine *e, const struct payment_notice *n, struct arena *a,
                           struct payment_told *out, struct mete_err *err)
{
    enum payment_state from;
    if (!state_find(e, n, a, &from, err)) {
        return METE_STORE_FAILED;
    }
    out->state = from;
    bool again = n->state == from || (from == PAYMENT_CONSUMED && n->state == PAYMENT_PAID);
    if (n->state == PAYMENT_PAID && (again || may_become(from, n->state))) {
        enum mete_code code = paid_take(e, n, a, out, err);
        out->state = code == METE_OK && !again ? PAYMENT_PAID : from;
        return code;
    }
    if (again) {
        out->is_duplicate = true;
        return METE_OK;
    }
    if (!may_become(from, n->state)) {
        return refuse(e, n, from, a, err);
    }
    out->state = n->state;
    return row_put(e, row_of(n, a, state_names[n->state], n->payment_id, (struct text){0}), err)
               ? METE_OK
               : METE_STORE_FAILED;
}

enum mete_code payment_take(struct engine *e, const struct payment_notice *n, struct arena *a,
                            struct payment_told *out, struct mete_err *err)
{
    const struct insight seen = row_of(n, a, "event", n->event_id, event_data(n, a));
    *out = (struct payment_told){0};
    switch (row_find(e, seen, err)) {
    case KEPT_UNREAD:
        return METE_STORE_FAILED;
    case KEPT_OTHER:
        return mete_fail(err, METE_CONFLICT, "/event_id",
                         "this event of the provider told of something else before");
    case KEPT_SAME:
        out->is_duplicate = true;
        return state_find(e, n, a, &out->state, err) ? METE_OK : METE_STORE_FAILED;
    case KEPT_NOT:
        break;
    }
    enum mete_code code = step(e, n, a, out, err);
    if (code == METE_OK && !row_put(e, seen, err)) {
        code = METE_STORE_FAILED;
    }
    return code;
}
