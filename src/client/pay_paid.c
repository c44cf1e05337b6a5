/* SPDX-License-Identifier: Apache-2.0
 * What becomes of a payment that was sent. Invariant: once there is one, the request never signs
 * another, unless the chain has proven, or the caller has said, that the first one is dead. */
#include "client/pay_parts.h"

#include "base/text.h"
#include "wire/x402/price.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_ALLOWANCE 412
#define EXPIRED_MARGIN_S 60 /* clocks differ, and the last blocks of a chain may change */

/* --- what is noted -----------------------------------------------------------------------------*/

static void price_show(const struct pay_entry *e, struct mete_client_payment *p)
{
    char number[X402_PRICE_TEXT_MAX + X402_DECIMALS_MAX];
    struct u256 units;
    if (u256_parse(text_of(e->amount), &units)) {
        (void)x402_price_format(units, e->decimals, 0, number);
        snprintf(p->price, sizeof p->price, "%.60s %.15s", number, e->symbol);
    }
}

static void payment_show(const struct pay_entry *e, struct mete_client_payment *p)
{
    memcpy(p->scheme, e->scheme, sizeof p->scheme);
    memcpy(p->network, e->network, sizeof p->network);
    memcpy(p->asset, e->asset, sizeof p->asset);
    memcpy(p->symbol, e->symbol, sizeof p->symbol);
    memcpy(p->pay_to, e->pay_to, sizeof p->pay_to);
    memcpy(p->amount, e->amount, sizeof p->amount);
    memcpy(p->charged, e->charged, sizeof p->charged);
    memcpy(p->transaction, e->transaction, sizeof p->transaction);
    memcpy(p->reason, e->reason, sizeof p->reason);
    (void)text_copy(p->id, sizeof p->id, text_of(e->id));
    p->decimals = e->decimals;
    p->version = e->version;
    price_show(e, p);
}

static void keep(pay_text to, const pay_text from)
{
    if (from[0] != '\0') {
        memcpy(to, from, METE_CLIENT_TEXT_MAX);
    }
}

void paid_note(struct mete_client_request *r, enum mete_client_state state,
               enum mete_client_money money)
{
    struct pay_entry *e = r->entry;
    const bool is_new = e->state != state || r->receipt.kind != RECEIPT_NONE;
    keep(e->transaction, r->receipt.transaction);
    keep(e->charged, r->receipt.charged);
    keep(e->reason, r->receipt.reason);
    e->state = state;
    if (is_new) {
        history_change(r->client->history, e, pay_now());
    }
    r->result.money = money;
    payment_show(e, &r->result.payment);
}

/* --- receipts ----------------------------------------------------------------------------------*/

/** Also without what ends a line of the history: a torn one has to look torn. */
static void printable(pay_text out, struct text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len && n + 1 < METE_CLIENT_TEXT_MAX; i++) {
        out[n++] = t.p[i] > ' ' && t.p[i] < 127 && t.p[i] != '}' ? t.p[i] : '_';
    }
    out[n] = '\0';
}

static bool is_permitted(const struct pay_entry *e, struct text charged)
{
    struct u256 most;
    struct u256 taken;
    struct u256 left;
    return u256_parse(charged, &taken) && u256_parse(text_of(e->amount), &most) &&
           u256_sub(most, taken, &left);
}

static void receipt_take(struct mete_client_request *r, const struct x402_settled *s)
{
    struct pay_receipt *out = &r->receipt;
    *out = (struct pay_receipt){.kind = s->success                   ? RECEIPT_PAID
                                        : x402_settled_is_pending(s) ? RECEIPT_PENDING
                                                                     : RECEIPT_FAILED};
    printable(out->transaction, s->transaction);
    printable(out->reason, s->reason);
    if (is_permitted(r->entry, s->amount)) {
        printable(out->charged, s->amount);
    }
}

/** PAYMENT-RESPONSE, or X-PAYMENT-RESPONSE. One that cannot be read is none. */
static void receipt_read(struct mete_client_request *r)
{
    char *value;
    struct arena a;
    struct mete_err err;
    struct x402_settled s;
    r->receipt.kind = RECEIPT_NONE;
    if (!r->carries || (!answer_header(&r->answer, X402_HEADER_RESPONSE, &value) &&
                        !answer_header(&r->answer, X402_HEADER_V1_RESPONSE, &value))) {
        return;
    }
    const size_t len = strlen(value);
    if (len <= X402_HEADER_MAX) {
        arena_init(&a, X402_ARENA_MAX(len));
        if (x402_settled_read_header(&a, text_of(value), &s, &err) == METE_OK) {
            receipt_take(r, &s);
        }
        arena_clear(&a);
    }
    free(value);
}

/** Why a server says no: by its receipt, or by the 402 itself. */
static void reason_read(struct mete_client_request *r)
{
    char why[METE_CLIENT_ERROR_MAX];
    char *value = NULL;
    struct pay_offers o;
    if (r->receipt.reason[0] != '\0') {
        return;
    }
    (void)answer_header(&r->answer, X402_HEADER_REQUIRED, &value);
    if (pay_offers_read(&o, value, buf_text(&r->answer.body), why) == METE_CLIENT_OK) {
        printable(r->receipt.reason, o.error);
    }
    pay_offers_clear(&o);
    free(value);
}

static bool says_used(const struct mete_client_request *r)
{
    const char *reason = r->receipt.reason;
    return strcmp(reason, "invalid_exact_evm_nonce_already_used") == 0 ||
           strcmp(reason, "permit2_invalid_nonce") == 0;
}

/* --- the end of a payment ----------------------------------------------------------------------*/

static bool is_expired(const struct pay_entry *e, int64_t margin_s)
{
    return pay_now() / TIME_SECOND_US > e->valid_until_s + margin_s;
}

static const char *reason_or(const struct mete_client_request *r, const char *otherwise)
{
    return r->receipt.reason[0] != '\0' ? r->receipt.reason : otherwise;
}

/** What was signed stays as it is in the history; the price that was just named is paid anew. */
static void pay_anew(struct mete_client_request *r)
{
    if (history_lock(r->client->history)) {
        history_release(r->client->history, r->entry);
        history_unlock(r->client->history);
    }
    r->entry = NULL;
    r->is_adopted = false;
    r->is_out = false;
    r->was_paid = false;
    r->was_unknown = false;
    r->is_node_asked = false;
    r->carries = false;
    r->receipt = (struct pay_receipt){0};
    r->result.is_resent = false;
    r->result.money = METE_CLIENT_MONEY_NONE;
    r->result.payment = (struct mete_client_payment){0};
    judge_required(r);
}

/** Who breaks it off wants no new payment. */
static bool may_pay_anew(const struct mete_client_request *r)
{
    return !r->is_stopping && r->is_adopted && r->answer.status == STATUS_PRICE &&
           r->result.signatures == 0;
}

/** The caller has said so. A name is paid once, ever. */
static bool is_given_up(const struct mete_client_request *r)
{
    return r->client->o.pay_again && may_pay_anew(r) && !r->entry->has_id;
}

/** What came instead of what was paid for. */
static void came_write(const struct mete_client_request *r, pay_text out)
{
    const struct pay_answer *a = &r->answer;
    if (a->is_answered) {
        snprintf(out, METE_CLIENT_TEXT_MAX, "is %u", a->status);
    } else {
        snprintf(out, METE_CLIENT_TEXT_MAX, "%s",
                 a->is_stopped     ? "could not be kept"
                 : a->is_too_large ? "is larger than is allowed"
                                   : "did not come whole");
    }
}

/** What was served once, under its name, is owed no more. */
static enum mete_client_state owed_or_served(const struct mete_client_request *r)
{
    return r->entry->state == METE_CLIENT_STATE_PAID ? METE_CLIENT_STATE_PAID
                                                     : METE_CLIENT_STATE_OWED;
}

/** Owed: the next same request sends it again, until something comes. */
static void not_delivered(struct mete_client_request *r)
{
    if (is_given_up(r)) {
        paid_note(r, METE_CLIENT_STATE_PAID, METE_CLIENT_MONEY_PAID);
        pay_anew(r);
        return;
    }
    char came[METE_CLIENT_TEXT_MAX];
    came_write(r, came);
    const enum mete_client_state state = owed_or_served(r);
    paid_note(r, state, METE_CLIENT_MONEY_PAID);
    flow_finish(r, METE_CLIENT_NOT_DELIVERED, "%s was paid (%s)%s, and the answer %s%s%s",
                r->result.payment.price,
                r->entry->transaction[0] != '\0' ? r->entry->transaction : "no transaction told",
                state == METE_CLIENT_STATE_PAID ? " and served under this id before" : "", came,
                r->receipt.reason[0] != '\0' ? ": " : "", r->receipt.reason);
}

/** Why nobody knows what became of a payment. */
static void silence_write(const struct mete_client_request *r, char out[METE_CLIENT_ERROR_MAX])
{
    const struct pay_answer *a = &r->answer;
    if (r->receipt.reason[0] != '\0' || a->why[0] != '\0') {
        snprintf(out, METE_CLIENT_ERROR_MAX, "%s", reason_or(r, a->why));
    } else if (a->is_answered) {
        snprintf(out, METE_CLIENT_ERROR_MAX, "the answer is %u, and does not say so", a->status);
    } else {
        snprintf(out, METE_CLIENT_ERROR_MAX, "no answer said so");
    }
}

static void unknown(struct mete_client_request *r)
{
    char why[METE_CLIENT_ERROR_MAX];
    char until[TIME_TEXT_MAX];
    (void)time_format(r->entry->valid_until_s * TIME_SECOND_US, until);
    paid_note(r, METE_CLIENT_STATE_OPEN, METE_CLIENT_MONEY_UNKNOWN);
    silence_write(r, why);
    flow_finish(r, METE_CLIENT_UNKNOWN, "%s may have been paid: %s; %s %s", r->result.payment.price,
                why,
                is_expired(r->entry, 0)
                    ? "only a node (rpc, --rpc), or pay_again (--pay-again), goes on from here: it "
                      "ran out at"
                    : "the same payment is sent again by the same request, it is valid until",
                until);
}

static bool is_refusal(unsigned status)
{
    return status == STATUS_PRICE || status == STATUS_ALLOWANCE;
}

/** By the server's word: of the payment, or of the program behind it, whose failures are not
 *  charged by the protocol. */
static void refused(struct mete_client_request *r)
{
    paid_note(r, METE_CLIENT_STATE_UNPAID, METE_CLIENT_MONEY_UNPAID);
    if (!is_refusal(r->answer.status)) {
        flow_finish(r, METE_CLIENT_OK, "%s", "the server answered without taking the payment");
        return;
    }
    flow_finish(r, METE_CLIENT_REFUSED, "the payment of %s was refused: %s%s",
                r->result.payment.price, reason_or(r, "no reason told"),
                r->answer.status == STATUS_ALLOWANCE
                    ? " (the token has to be approved for Permit2 once)"
                    : "");
}

/** The payment is dead. When the server has just named its price again, it can be paid anew. */
static void lapsed(struct mete_client_request *r)
{
    paid_note(r, METE_CLIENT_STATE_LAPSED, METE_CLIENT_MONEY_UNPAID);
    if (may_pay_anew(r)) {
        pay_anew(r);
    } else {
        flow_finish(r, METE_CLIENT_EXPIRED, "the payment of %s was not taken while it was valid",
                    r->result.payment.price);
    }
}

/** Nobody will say more than is known now. */
static void settle_unasked(struct mete_client_request *r)
{
    if (r->was_paid || r->receipt.kind == RECEIPT_PAID || (r->was_unknown && says_used(r))) {
        not_delivered(r);
    } else if (!r->was_unknown) {
        refused(r);
    } else if (is_given_up(r) && is_expired(r->entry, EXPIRED_MARGIN_S)) {
        paid_note(r, METE_CLIENT_STATE_ABANDONED, METE_CLIENT_MONEY_UNKNOWN);
        pay_anew(r);
    } else {
        unknown(r);
    }
}

/** The chain itself is past the end of the payment: no block to come can take it. */
static bool is_past(const struct pay_entry *e, uint64_t time_s)
{
    return time_s <= INT64_MAX && (int64_t)time_s - EXPIRED_MARGIN_S > e->valid_until_s;
}

void paid_told(struct mete_client_request *r, bool is_known, bool is_used, uint64_t time_s)
{
    if (is_known && is_used) {
        not_delivered(r);
    } else if (is_known && is_past(r->entry, time_s)) {
        lapsed(r);
    } else {
        settle_unasked(r);
    }
}

/** It never left this process, and never will. */
static void never_sent(struct mete_client_request *r)
{
    (void)text_copy(r->receipt.reason, sizeof r->receipt.reason, TEXT("not_sent"));
    paid_note(r, METE_CLIENT_STATE_LAPSED, METE_CLIENT_MONEY_UNPAID);
    flow_finish(r, r->answer.is_refused ? METE_CLIENT_URL_REFUSED : METE_CLIENT_NOT_SENT,
                "the payment of %s was signed and not sent: %s", r->result.payment.price,
                r->answer.why[0] != '\0' ? r->answer.why : "no connection");
}

void paid_give_up(struct mete_client_request *r)
{
    if (!r->is_out) {
        never_sent(r);
    } else if (r->was_paid || r->receipt.kind == RECEIPT_PAID || r->is_node_asked ||
               !pay_node_ask(r, ASK_USED)) {
        settle_unasked(r);
    }
}

/* --- answers -----------------------------------------------------------------------------------*/

/** Content came, or what is no price and no failure. */
static void delivered(struct mete_client_request *r)
{
    switch (r->receipt.kind) {
    case RECEIPT_PAID:
        paid_note(r, METE_CLIENT_STATE_PAID, METE_CLIENT_MONEY_PAID);
        break;
    case RECEIPT_FAILED:
        paid_note(r, METE_CLIENT_STATE_UNPAID, METE_CLIENT_MONEY_UNPAID);
        break;
    case RECEIPT_NONE:
    case RECEIPT_PENDING: /* it is served: nothing is sent again for it */
        paid_note(r, METE_CLIENT_STATE_PAID,
                  r->was_paid ? METE_CLIENT_MONEY_PAID : METE_CLIENT_MONEY_UNKNOWN);
        break;
    }
    flow_finish(r, METE_CLIENT_OK, "%s",
                r->result.money == METE_CLIENT_MONEY_UNKNOWN
                    ? "the server served, and said nothing certain of the payment"
                    : "");
}

/** The program behind the price says no: nothing is settled then, unless that was done before. */
static void declined(struct mete_client_request *r)
{
    const bool is_upfront = r->has_offers && r->offers.offer[r->pick].shown.is_upfront;
    r->was_unknown = r->was_unknown || (is_upfront && r->receipt.kind == RECEIPT_NONE);
    paid_give_up(r);
}

/** Taken, and nothing came yet. */
static void owed_note(struct mete_client_request *r)
{
    if (r->receipt.kind == RECEIPT_PAID) { /* also in a redirection, or the head of a cut answer */
        r->was_paid = true;
        paid_note(r, owed_or_served(r), METE_CLIENT_MONEY_PAID);
    }
}

/** Something may have happened to the payment: it is sent again, the same one. */
static void unclear(struct mete_client_request *r)
{
    owed_note(r);
    r->was_unknown = r->was_unknown || (r->answer.is_sent && !r->was_paid);
    if (r->receipt.kind == RECEIPT_PAID && r->answer.is_answered) {
        not_delivered(r); /* a whole answer with a receipt: asking again changes nothing */
        return;
    }
    if ((!r->is_adopted && is_expired(r->entry, 0)) || r->answer.is_refused ||
        r->answer.is_too_large || r->answer.is_stopped || !flow_delay(r)) {
        paid_give_up(r);
        return;
    }
    if (r->was_unknown && !r->was_paid && r->entry->state != METE_CLIENT_STATE_OPEN) {
        paid_note(r, METE_CLIENT_STATE_OPEN, METE_CLIENT_MONEY_UNKNOWN);
    }
}

void paid_stop(struct mete_client_request *r)
{
    r->is_out = r->is_out || (r->carries && r->answer.is_sent);
    receipt_read(r);
    owed_note(r);
    r->was_unknown = r->was_unknown || (r->is_out && !r->was_paid);
    r->is_node_asked = true; /* nobody waits for a node */
    paid_give_up(r);
}

static void priced_again(struct mete_client_request *r)
{
    reason_read(r);
    if (r->receipt.kind == RECEIPT_PENDING) {
        unclear(r);
        return;
    }
    r->was_unknown = r->was_unknown || !r->carries;
    if (r->receipt.kind == RECEIPT_PAID || r->was_paid || r->is_node_asked ||
        !pay_node_ask(r, ASK_USED)) { /* a server may say no and have taken it */
        settle_unasked(r);
    }
}

static bool is_unclear(unsigned status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

/** What was bought has come, if its caller could keep it. */
static void taken(struct mete_client_request *r)
{
    if (flow_hand_over(r)) {
        delivered(r);
    } else {
        unclear(r);
    }
}

void paid_ended(struct mete_client_request *r)
{
    const unsigned status = r->answer.status;
    r->is_out = r->is_out || (r->carries && r->answer.is_sent);
    r->was_unknown = r->was_unknown || (r->carries && r->answer.begun > 1 && !r->was_paid);
    receipt_read(r);
    if (!r->answer.is_answered || is_unclear(status)) {
        unclear(r);
    } else if (is_refusal(status)) {
        priced_again(r);
    } else if (flow_is_redirected(r)) {
        owed_note(r);
        flow_redirected(r);
    } else if (status >= 400) {
        declined(r);
    } else {
        taken(r);
    }
}
