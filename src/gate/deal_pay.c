/* SPDX-License-Identifier: Apache-2.0
 * What the facilitator is asked for a payment. A settlement that may have happened is asked for
 * again with the same bytes, and its payer is never asked for another payment. */
#include "base/text.h"
#include "gate/deal.h"
#include "store/steady.h"
#include "wire/x402/price.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 << 10)
#define PAUSE_US   (700 * INT64_C(1000)) /* and twice as long each time */
#define KEPT_MIN_S 600                   /* a payment is remembered for so long at least */

static size_t answer_take(char *p, size_t size, size_t count, void *arg)
{
    struct deal *d = arg;
    size_t len = size * count;
    if (d->ask_answer.len + len > ANSWER_MAX) {
        return 0;
    }
    buf_put(&d->ask_answer, p, len);
    return len;
}

void pay_ask_end(struct deal *d)
{
    loop_end(d->loop, &d->ask);
    curl_slist_free_all(d->ask_headers);
    d->ask_headers = NULL;
}

static void ask(struct deal *d, const char *path, const struct x402_asking *asking)
{
    pay_ask_end(d);
    buf_reset(&d->ask_body);
    buf_reset(&d->ask_answer);
    x402_request_write(&d->ask_body, asking);
    if (d->route->policy.len > 0) { /* mete's own: whose revenue it is */
        METE_ASSERT(d->ask_body.p[d->ask_body.len - 1] == '}');
        d->ask_body.len--;
        buf_put_str(&d->ask_body, ",\"policy\":");
        json_put_string(&d->ask_body, d->route->policy);
        buf_put_u8(&d->ask_body, '}');
    }
    CURL *c = loop_handle(d->loop);
    d->ask.curl = c;
    d->ask_headers = gate_ask(d->g, c, path, &d->ask_body, d->request_id);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    loop_begin(d->loop, &d->ask);
}

static long ask_status(const struct deal *d)
{
    long status = 0;
    if (d->ask.code == CURLE_OK) {
        curl_easy_getinfo(d->ask.curl, CURLINFO_RESPONSE_CODE, &status);
    }
    return status;
}

/* --- the end of a payment's stay in memory -----------------------------------------------------*/

void pay_identifier_end(struct deal *d)
{
    if (d->pay.identifier.len > 0) {
        replay_end(d->g->replay, d->pay.identifier, gate_clock(), NULL);
        d->pay.identifier = (struct text){0};
    }
}

static void begun_forget(struct deal *d)
{
    if (d->pay.is_begun) {
        once_forget(d->g->once, &d->pay.key);
        d->pay.is_begun = false;
    }
    pay_identifier_end(d);
}

static int64_t kept_until(const struct deal *d)
{
    int64_t least = gate_clock() + KEPT_MIN_S;
    return d->pay.until > least ? d->pay.until : least;
}

static struct once_note note_of(const struct payment *p)
{
    struct once_note note = {.is_told = p->is_told};
    (void)text_copy(note.transaction, sizeof note.transaction, p->pending);
    (void)text_copy(note.reservation, sizeof note.reservation, p->reservation);
    (void)text_copy(note.amount, sizeof note.amount,
                    p->is_overridden ? p->amount : (struct text){0});
    return note;
}

static void begun_keep(struct deal *d, bool is_served)
{
    const struct payment *p = &d->pay;
    const struct once_note note = note_of(p);
    METE_ASSERT(p->is_begun);
    (is_served ? once_served : once_pending)(d->g->once, &p->key, kept_until(d), &note);
    d->pay.is_begun = false;
    if (!is_served) { /* it may be brought again under the same identifier */
        pay_identifier_end(d);
    }
}

void pay_served(struct deal *d, bool is_served)
{
    if (d->pay.is_begun && d->pay.is_settled) {
        begun_keep(d, is_served);
        if (is_served && d->pay.is_unserved) {
            const struct stats_payment p = {.route = d->route,
                                            .offer = d->pay.offer->of,
                                            .transaction = d->pay.pending,
                                            .request_id = d->request_id};
            stats_served(d->g->stats, &p);
        }
    }
}

/* --- verifying ---------------------------------------------------------------------------------*/

void pay_verify(struct deal *d)
{
    const struct x402_asking asking = {.version = d->pay.version,
                                       .payload = d->pay.payload,
                                       .requirements = d->pay.requirements,
                                       .reserve = true};
    ask(d, "/verify", &asking);
}

static void refuse(struct deal *d, enum gate_outcome outcome, struct text reason)
{
    begun_forget(d);
    answer_refused(d, outcome, reason);
    d->step = DEAL_DELIVER;
}

static void unavailable(struct deal *d, const char *why)
{
    begun_forget(d);
    d->tale.reason = why;
    answer_problem(d, GATE_UNAVAILABLE, 503, "facilitator_unavailable",
                   "The payment cannot be judged now; nothing was charged. Try again with the same "
                   "payment.");
    d->step = DEAL_DELIVER;
}

/** Why the facilitator's answer is none, for the operator. */
static const char *why_unread(struct deal *d, const char *path, long status)
{
    const bool wants_key = status == 401 || status == 403;
    if (d->ask.code != CURLE_OK) {
        return curl_easy_strerror(d->ask.code);
    }
    return arena_printf(&d->arena, "its answer to %s, of status %ld, cannot be read%s", path,
                        status, wants_key ? ": it wants a key with the scope facilitator" : "")
        .p;
}

void pay_verified(struct deal *d)
{
    struct x402_verified v;
    struct mete_err err;
    long status = ask_status(d);
    const char *why = why_unread(d, "/verify", status);
    bool is_read =
        status > 0 && x402_verified_read(&d->arena, arena_text(&d->arena, buf_text(&d->ask_answer)),
                                         &v, &err) == METE_OK;
    pay_ask_end(d);
    if (!is_read || (v.is_valid && status != 200)) {
        unavailable(d, why);
        return;
    }
    d->pay.payer = d->tale.payer = v.payer;
    if (!v.is_valid) {
        refuse(d, GATE_REFUSED, v.reason.len > 0 ? v.reason : TEXT("invalid_payment"));
        return;
    }
    if (x402_reservation_read(&d->arena, &v, &d->pay.reservation, &err) != METE_OK) {
        unavailable(d, "its reservation cannot be read");
        return;
    }
    pthread_mutex_lock(&d->lock);
    bool left = d->has_left;
    pthread_mutex_unlock(&d->lock);
    if (left) { /* its reservation is known now, and can be given back */
        deal_left(d);
    } else {
        deal_verified(d);
    }
}

void pay_release(struct deal *d)
{
    if (!d->pay.is_paid || d->pay.is_settled) {
        return;
    }
    if (d->pay.is_begun && d->pay.is_pending && d->pay.settles == 0) {
        begun_keep(d, false); /* it may be settled, and nobody asked: as it was */
        return;
    }
    begun_forget(d);
    if (d->pay.reservation.len > 0) {
        const struct x402_asking asking = {.version = d->pay.version,
                                           .payload = d->pay.payload,
                                           .requirements = d->pay.requirements,
                                           .reservation = d->pay.reservation};
        ask(d, "/release", &asking); /* whatever the answer is */
        d->pay.reservation = (struct text){0};
    }
}

/* --- settling ----------------------------------------------------------------------------------*/

/** What the upstream says that an "upto" costs, in place of the whole. False: it says nonsense. */
static bool amount_override(struct deal *d)
{
    const struct gate_offer *of = d->pay.offer->of;
    struct x402_offer charged = d->pay.offer->offer;
    struct x402_price price;
    struct json *j;
    struct mete_err err;
    struct buf out = {0};
    if (!of->is_upto || d->overrides.len == 0) {
        return true;
    }
    if (json_parse(&d->arena, d->overrides, &j, &err) != METE_OK) {
        return false;
    }
    const struct json *amount = json_get(j, "amount");
    if (amount == NULL) {
        return true;
    }
    if (amount->type != JSON_STRING || x402_price_read(amount->text, &price, &err) != METE_OK ||
        x402_price_charge(&price, d->pay.offer->offer.amount, of->symbol, of->decimals,
                          &charged.amount, &err) != METE_OK) {
        return false;
    }
    x402_offer_write_v2(&out, &charged);
    d->pay.requirements = arena_text(&d->arena, buf_text(&out));
    buf_reset(&out);
    d->pay.amount = u256_text(&d->arena, charged.amount);
    d->pay.is_overridden = true;
    buf_clear(&out);
    return true;
}

void pay_settle(struct deal *d)
{
    if (d->pay.settles == 0 && !amount_override(d)) {
        d->tale.reason = "Settlement-Overrides says no amount that may be charged";
        pay_release(d);
        answer_problem(d, GATE_UPSTREAM, 502, "upstream_failed",
                       "The server behind this gate named an amount that cannot be charged; "
                       "nothing was.");
        d->step = DEAL_DELIVER;
        return;
    }
    const struct x402_asking asking = {.version = d->pay.version,
                                       .payload = d->pay.payload,
                                       .requirements = d->pay.requirements,
                                       .reservation = d->pay.reservation};
    if (d->pay.settles == 0) {
        const struct once_note note = note_of(&d->pay);
        once_settling(d->g->once, &d->pay.key, kept_until(d), &note);
    }
    d->pay.settles++;
    ask(d, "/settle", &asking);
}

static bool settled_note(struct deal *d, const struct x402_settled *s)
{
    pthread_mutex_lock(&d->lock);
    bool has_client = d->x != NULL && (!d->has_left || (d->is_stopped && upstream_is_whole(d)));
    pthread_mutex_unlock(&d->lock);
    const struct stats_payment p = {.route = d->route,
                                    .offer = d->pay.offer->of,
                                    .amount = s->amount.len > 0 ? s->amount : d->pay.amount,
                                    .payer = s->payer.len > 0 ? s->payer : d->pay.payer,
                                    .transaction = s->transaction,
                                    .request_id = d->request_id,
                                    .was_served = has_client && d->upstream.curl != NULL};
    d->pay.is_unserved = d->pay.is_told || !p.was_served;
    if (!d->pay.is_told) { /* an earlier request may have paid already, and got nothing */
        stats_paid(d->g->stats, &p);
        d->pay.is_told = true;
    }
    if (!has_client) {
        atomic_fetch_add(&d->g->meters.settled_unserved, 1);
    }
    return has_client;
}

static void settled_well(struct deal *d, const struct x402_settled *s)
{
    struct text transaction = arena_text(&d->arena, s->transaction);
    d->pay.is_settled = true;
    d->tale.outcome = GATE_PAID;
    d->tale.payer = s->payer.len > 0 ? s->payer : d->pay.payer;
    d->tale.transaction = transaction;
    buf_reset(&d->pay.settled);
    x402_settled_write_header(&d->pay.settled, s);
    d->pay.pending = transaction;
    bool has_client = settled_note(d, s);
    if (d->upstream.curl != NULL || !has_client) {
        pay_served(d, has_client); /* who had gone may bring it again */
    } else {
        const struct once_note note = note_of(&d->pay);
        once_settling(d->g->once, &d->pay.key, kept_until(d), &note); /* by this transaction */
    }
    deal_settled(d, has_client);
}

/** Nobody knows its end: once more, after a while; in the end the client is told so, and by what
 *  transaction it may be found. */
static void settled_unknown(struct deal *d, const char *why, struct text transaction)
{
    d->tale.reason = why;
    if (transaction.len > 0) {
        d->pay.pending = transaction;
        d->tale.transaction = transaction;
    }
    if (d->pay.settles < DEAL_SETTLES_MAX) {
        d->pause_until = steady_now() + (PAUSE_US << (d->pay.settles - 1));
        d->step = DEAL_PAUSE;
        return;
    }
    begun_keep(d, false);
    answer_pending(d);
    d->step = DEAL_DELIVER;
}

/** What a settlement is answered of which an earlier try was the one that succeeded, by a
 *  facilitator that does not remember it. By itself it says that somebody else was served. */
static bool is_used_up(const struct x402_settled *s)
{
    return text_is(s->reason, x402_reason_text(X402_REASON_DUPLICATE_SETTLEMENT)) ||
           text_is(s->reason, x402_reason_text(X402_REASON_EVM_NONCE_USED)) ||
           text_is(s->reason, x402_reason_text(X402_REASON_PERMIT2_NONCE));
}

/** Nor is its end one: by then an earlier try may have succeeded. Who gives reservations remembers
 *  those, and is believed. */
static bool is_over(const struct deal *d, const struct x402_settled *s)
{
    return d->pay.reservation.len == 0 &&
           (text_is(s->reason, x402_reason_text(X402_REASON_PAYMENT_EXPIRED)) ||
            text_is(s->reason, x402_reason_text(X402_REASON_EVM_VALID_BEFORE)) ||
            text_is(s->reason, x402_reason_text(X402_REASON_PERMIT2_DEADLINE)));
}

void pay_settled_before(struct deal *d)
{
    struct payment *p = &d->pay;
    const char *v1 = x402_network_v1_name(p->offer->offer.network);
    const struct x402_settled s = {
        .success = true,
        .transaction = p->pending,
        .network = p->version == 1 && v1 != NULL ? text_of(v1) : p->offer->offer.network,
        .payer = p->payer,
        .amount = p->offer->of->is_upto ? p->amount : (struct text){0}};
    METE_ASSERT(p->is_pending && p->is_told);
    p->is_settled = p->is_unserved = true;
    d->tale.outcome = GATE_PAID;
    d->tale.payer = p->payer;
    d->tale.transaction = p->pending;
    x402_settled_write_header(&p->settled, &s);
}

void pay_settled(struct deal *d)
{
    struct x402_settled s;
    struct mete_err err;
    long status = ask_status(d);
    const char *why = why_unread(d, "/settle", status);
    bool is_read =
        status > 0 && x402_settled_read(&d->arena, arena_text(&d->arena, buf_text(&d->ask_answer)),
                                        &s, &err) == METE_OK;
    pay_ask_end(d);
    if (!is_read) {
        settled_unknown(d, why, (struct text){0});
    } else if (s.success && status == 200) {
        settled_well(d, &s);
    } else if (s.success || x402_settled_is_pending(&s) || status >= 500) {
        settled_unknown(d, "the settlement is pending", arena_text(&d->arena, s.transaction));
    } else if ((d->pay.settles > 1 || d->pay.is_pending) && (is_used_up(&s) || is_over(d, &s))) {
        settled_unknown(d, "it was used before, or is over, perhaps after an earlier try",
                        arena_text(&d->arena, s.transaction));
    } else {
        d->tale.reason = "the settlement failed";
        x402_settled_write_header(&d->pay.settled, &s);
        pay_release(d);
        answer_refused(d, GATE_UNSETTLED,
                       s.reason.len > 0 ? s.reason : TEXT("unexpected_settle_error"));
        d->step = DEAL_DELIVER;
    }
}
