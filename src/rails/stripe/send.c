/* SPDX-License-Identifier: Apache-2.0
 * Sending an attempt to Stripe, and what each answer proves. Invariant: "nothing moved, nothing
 * will" is only said of a refusal that Stripe keeps under the attempt's key, because a later call
 * may send the same bytes; and after Stripe's own list does not have the attempt, because an
 * earlier one may have. */
#include "rails/stripe/stripe_parts.h"

#include "base/text.h"

#include <stdio.h>

#define WAIT_BALANCE_S 3600 /* for money to arrive on the platform's balance */
#define WAIT_BUSY_S    5

enum verdict {
    VERDICT_DONE,  /* the answer is the payment */
    VERDICT_AGAIN, /* it proves nothing: the same bytes, later */
    VERDICT_DEAD,  /* it is the end of this attempt */
    VERDICT_FINAL  /* and of every other */
};

/* Errors that the party has to mend. X(code, what it can do). Source: Stripe, Error codes. */
#define FINAL_ERRORS(X)                                                                            \
    X("account_closed", "The connected account is closed: give another one.")                      \
    X("account_country_invalid_address", "Correct the country of the connected account.")          \
    X("account_invalid", "Connect the Stripe account to this platform again.")                     \
    X("account_number_invalid", "Correct the number of the bank account at Stripe.")               \
    X("insufficient_capabilities_for_transfer",                                                    \
      "Finish the registration at Stripe: the account may not get transfers yet.")                 \
    X("payouts_not_allowed", "Finish the registration at Stripe: payouts are not allowed yet.")    \
    X("resource_missing", "There is no such connected account: give another one.")                 \
    X("transfers_not_allowed", "Finish the registration at Stripe: transfers are not allowed.")

static const char *final_remedy(const struct stripe_error *e)
{
    static const struct {
        const char *code, *remedy;
    } rows[] = {
#define X(code, remedy) {code, remedy},
        FINAL_ERRORS(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (text_is(e->code, rows[i].code)) {
            return rows[i].remedy;
        }
    }
    return NULL;
}

/** By status and error. 401, 403, 409 and 429 are judged before Stripe looks at the idempotency
 *  key, so they say nothing of an earlier call. */
static enum verdict verdict_of(unsigned status, const struct stripe_error *e)
{
    if (status >= 200 && status < 300) {
        return VERDICT_DONE;
    }
    bool judged = status == 400 || status == 402 || status == 404;
    if (e->type.len == 0 || text_is(e->type, "idempotency_error") ||
        text_is(e->code, "lock_timeout") || text_is(e->code, "rate_limit")) {
        return VERDICT_AGAIN;
    }
    if ((judged || status == 403) && final_remedy(e) != NULL) {
        return VERDICT_FINAL;
    }
    return status == 400 || status == 402 ? VERDICT_DEAD : VERDICT_AGAIN;
}

static void wait_say(struct rail_payment *p, unsigned seconds)
{
    p->report.retry_at = p->now + (mete_time)seconds * TIME_SECOND_US;
}

/** Nobody can say, and why. */
static void again_say(const struct rail *r, struct rail_payment *p, const struct stripe_error *e)
{
    const struct web_answer *w = &r->answer;
    if (w->outcome != WEB_ANSWERED) {
        rail_say(p, RAIL_UNKNOWN, "Stripe did not answer: %s", w->error);
        return;
    }
    rail_say(p, RAIL_UNKNOWN, "Stripe answered %u %.*s%s (request %s)", w->status, (int)e->code.len,
             e->code.p != NULL ? e->code.p : "",
             w->status == 401   ? ": the key is not good"
             : w->status == 403 ? ": the key may not do this"
             : w->status == 409 ? ": the same request is at work"
             : w->status == 429 ? ": too many requests"
             : w->status < 500 && w->status >= 400
                 ? ": it does not keep this answer, so the attempt is not over"
                 : "",
             w->request_id[0] != '\0' ? w->request_id : "without a name");
    if (w->retry_after_s > 0) {
        wait_say(p, w->retry_after_s);
    } else if (w->status == 409 || w->status == 429) {
        wait_say(p, WAIT_BUSY_S);
    }
}

/** The end of the attempt, when Stripe does not have it after all. */
static void dead_say(struct rail *r, struct rail_payment *p, const struct stripe_error *e,
                     enum verdict v, struct arena *a)
{
    unsigned status = r->answer.status;
    if (stripe_look(r, p, a) != STRIPE_NONE) {
        return;
    }
    rail_say(p, v == VERDICT_FINAL ? RAIL_REJECTED : RAIL_TRANSIENT, "Stripe answered %u %.*s",
             status, (int)e->code.len, e->code.p != NULL ? e->code.p : "");
    if (v == VERDICT_FINAL) {
        (void)snprintf(p->report.remediation, sizeof p->report.remediation, "%s", final_remedy(e));
    } else if (text_is(e->code, "balance_insufficient") || text_is(e->code, "insufficient_funds")) {
        rail_say(p, RAIL_TRANSIENT, "the balance at Stripe does not cover it");
        wait_say(p, WAIT_BALANCE_S);
    }
}

/** Stripe has kept a failure of its own under this key for ever: the same bytes would get it again.
 */
static void stored_failure(struct rail *r, struct rail_payment *p, struct arena *a)
{
    unsigned status = r->answer.status;
    if (stripe_look(r, p, a) != STRIPE_NONE) {
        return;
    }
    if (p->now - p->sending_at >= STRIPE_SETTLED_US) {
        rail_say(p, RAIL_TRANSIENT, "Stripe keeps its failure %u for this attempt, and lists none",
                 status);
    } else {
        rail_say(p, RAIL_UNKNOWN, "Stripe keeps its failure %u for this attempt", status);
        p->report.retry_at = p->sending_at + STRIPE_SETTLED_US;
    }
}

/** It was paid by an earlier call of these bytes. */
static void replay_note(const struct web_answer *w, struct rail_payment *p)
{
    if (w->is_replayed && p->report.reason[0] == '\0') {
        (void)snprintf(p->report.reason, sizeof p->report.reason,
                       "Stripe repeats what it had answered before");
    }
}

/* What Stripe has answered to a POST. */
struct said {
    struct json *doc; /* NULL: no whole answer, or no JSON */
    struct stripe_error error;
    bool is_error;
    enum verdict verdict;
};

static struct said said_read(const struct rail *r, struct arena *a)
{
    struct said said = {.verdict = VERDICT_AGAIN};
    struct mete_err unused;
    const struct web_answer *w = &r->answer;
    if (w->outcome != WEB_ANSWERED ||
        json_parse(a, arena_text(a, buf_text(&w->body)), &said.doc, &unused) != METE_OK) {
        said.doc = NULL;
        return said;
    }
    said.is_error = stripe_error_read(said.doc, &said.error);
    said.verdict = verdict_of(w->status, &said.error);
    return said;
}

static bool is_over(const struct said *said)
{
    return said->verdict == VERDICT_DEAD || said->verdict == VERDICT_FINAL;
}

static void answer_judge(struct rail *r, struct rail_payment *p, const struct said *said,
                         struct arena *a)
{
    struct stripe_object o;
    const struct web_answer *w = &r->answer;
    if (said->verdict == VERDICT_DONE && !said->is_error && stripe_object_read(said->doc, &o)) {
        stripe_judge_object(r, p, &o, a);
        replay_note(w, p);
    } else if (is_over(said) && w->is_replayed) {
        dead_say(r, p, &said->error, said->verdict, a);
    } else if (w->outcome == WEB_ANSWERED && w->status >= 500 && w->is_replayed) {
        stored_failure(r, p, a);
    } else {
        again_say(r, p, &said->error);
    }
}

/** A refusal ends the attempt only when Stripe keeps it under the key: then whoever sends these
 *  bytes gets it again, also a worker that sleeps with them now. So it is asked for once more. */
static void post(struct rail *r, struct rail_payment *p, const struct stripe_request *q,
                 struct arena *a)
{
    stripe_post(r, q, a);
    struct said said = said_read(r, a);
    if (is_over(&said) && !r->answer.is_replayed) {
        stripe_post(r, q, a);
        said = said_read(r, a);
    }
    answer_judge(r, p, &said, a);
}

/* --- probing -----------------------------------------------------------------------------------*/

/** What Stripe does not have: it may be sent, or it is too old for that, or it is dead. */
static void none_say(struct rail_payment *p)
{
    mete_time age = p->now - p->sending_at;
    if (age < STRIPE_POST_US) {
        rail_say(p, RAIL_ABSENT, "Stripe does not have it");
    } else if (age < STRIPE_DEAD_US) {
        rail_say(p, RAIL_UNKNOWN, "Stripe does not have it, and it is too old to be sent again");
        p->report.retry_at = p->sending_at + STRIPE_DEAD_US;
    } else {
        rail_say(p, RAIL_TRANSIENT, "Stripe does not have it, and nobody can send it any more");
    }
}

void stripe_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    METE_ASSERT(count == 1);
    if (stripe_look(r, p[0], a) == STRIPE_NONE) {
        none_say(p[0]);
    }
}

void stripe_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    struct stripe_request q;
    METE_ASSERT(count == 1 && p[0]->body_count > 0);
    if (!stripe_request_read(p[0]->body[p[0]->body_count - 1], &q)) {
        rail_say(p[0], RAIL_UNKNOWN, "what was committed for Stripe cannot be read");
        return;
    }
    if (p[0]->now - p[0]->sending_at >= STRIPE_POST_US) {
        stripe_probe(r, p, count, a);
        return;
    }
    post(r, p[0], &q, a);
}
