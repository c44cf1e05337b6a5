/* SPDX-License-Identifier: Apache-2.0
 * A payout: where its money stands, what each attempt came to, when a worker looks at it again; and
 * what a party's balance has on its way. */
#include "engine/explain_parts.h"

#include "base/text.h"
#include "engine/payouts.h"

#include <inttypes.h>

struct payout {
    struct explain *x;
    uint64_t number;
    struct transfer t;
    struct asset asset;
    struct text party, rail, batch_id;
    struct explain_node *root;
};

static enum mete_code unread(struct explain *x)
{
    return mete_fail(x->err, METE_STORE_FAILED, "", "a payout cannot be read");
}

/** An amount and a sentence about it; nothing when it is 0. */
static void stands(struct payout *p, const char *label, i128 amount, const char *words)
{
    struct explain *x = p->x;
    if (amount == 0) {
        return;
    }
    struct explain_node *n =
        explain_add(x, p->root, label, "%s %s", words_money(x->a, amount, &p->asset).p, words);
    explain_amount(n, amount, &p->asset);
}

static enum mete_code attempt_explain(struct payout *p, uint32_t index)
{
    static const char *const became[] = {
        [ATTEMPT_OPEN] = "may still be paid; until the rail says otherwise no other one is made",
        [ATTEMPT_DEAD] = "failed: the rail has proven that nothing moved",
        [ATTEMPT_PAID] = "was paid",
        [ATTEMPT_RETURNED] = "was paid and came back",
        [ATTEMPT_UNMADE] = "could not be prepared: nothing was sent"};
    struct explain *x = p->x;
    struct attempt t;
    struct bytes value;
    struct key key = key_attempt(p->number, index);
    if (x->view->get(x->view->ctx, key_bytes(&key), &value) != VIEW_FOUND ||
        !attempt_unpack(value, &t)) {
        return unread(x);
    }
    struct explain_node *n =
        explain_add(x, p->root, "attempt", "attempt %" PRIu32 " %s", index, became[t.outcome]);
    explain_fact_i128(x, n, "attempt", index);
    return METE_OK;
}

/** What it is made of, by source. */
static void lines_explain(struct payout *p, const struct payout_whole *whole)
{
    struct explain *x = p->x;
    for (size_t i = 0; i < whole->line_count; i++) {
        const struct payout_line *l = &whole->line[i];
        struct explain_node *n = explain_add(
            x, p->root, "line", "%s of it: %.*s%s%s", words_money(x->a, l->amount, &p->asset).p,
            (int)l->source.len, l->source.p, l->source.len > 0 ? ", " : "", l->what);
        explain_amount(n, l->amount, &p->asset);
        explain_fact(x, n, "source", l->source);
    }
}

/** What was said of it, step by step. */
static void steps_explain(struct payout *p, const struct payout_whole *whole)
{
    struct explain *x = p->x;
    for (size_t i = 0; i < whole->step_count; i++) {
        const struct payout_moment *s = &whole->step[i];
        struct text why = s->reason.len > 0 ? s->reason : s->reference;
        struct explain_node *n =
            explain_add(x, p->root, "step", "%s: %s%s%.*s", words_moment(x->a, s->recorded_at).p,
                        s->event_type, why.len > 0 ? ", " : "", (int)why.len, why.p);
        explain_fact_i128(x, n, "seq", (i128)s->seq);
    }
    struct text mend = payout_remediation(whole);
    if (mend.len > 0) {
        (void)explain_add(x, p->root, "remediation", "%.*s", (int)mend.len, mend.p);
    }
}

static void next_explain(struct payout *p)
{
    struct explain *x = p->x;
    if (p->t.due != TIME_NEVER) {
        struct explain_node *n = explain_add(x, p->root, "due", "a worker looks at it on %s",
                                             words_moment(x->a, p->t.due).p);
        explain_fact(x, n, "due", words_time(x->a, p->t.due));
    }
}

void explain_hold(struct explain *x, struct explain_node *parent, uint32_t party)
{
    enum hold_kind held;
    if (view_hold(x->view, party, &held) != VIEW_FOUND) {
        return;
    }
    (void)explain_add(x, parent, "hold", "nothing is paid out to the party until %s",
                      held == HOLD_SUPERVISOR ? "a supervisor releases the hold"
                                              : "its destination changes: a payout failed for "
                                                "good, or came back");
}

static enum mete_code payout_load(struct payout *p)
{
    struct explain *x = p->x;
    struct batch batch;
    struct envelope *event = arena_alloc(x->a, sizeof *event);
    mete_time unused;
    if (view_batch(x->view, x->a, p->t.batch, &batch) != VIEW_FOUND ||
        view_asset_number(x->view, p->t.asset, &p->asset) != VIEW_FOUND) {
        return unread(x);
    }
    p->rail = batch.rail;
    p->party = arena_text(x->a, names_party(&x->names, p->t.party));
    enum mete_code code = engine_event(x->e, p->number, x->a, event, &unused, x->err);
    p->batch_id = code == METE_OK ? event->event.payout.batch_id : (struct text){0};
    return code;
}

static void title(struct payout *p, struct text id)
{
    struct explain *x = p->x;
    const char *state = machine_of(MACHINE_TRANSFER)->state[p->t.state];
    p->root = explain_add(x, NULL, "payout", "%.*s: %s to %.*s over %.*s, %s", (int)id.len, id.p,
                          words_money(x->a, p->t.amount, &p->asset).p, (int)p->party.len,
                          p->party.p, (int)p->rail.len, p->rail.p, state);
    explain_amount(p->root, p->t.amount, &p->asset);
    explain_fact(x, p->root, "id", id);
    explain_fact(x, p->root, "party", p->party);
    explain_fact(x, p->root, "rail", p->rail);
    explain_fact(x, p->root, "batch_id", p->batch_id);
    explain_fact(x, p->root, "state", text_of(state));
}

enum mete_code explain_payout(struct explain *x, uint64_t number, const struct transfer *t,
                              struct text id, struct explain_node **out)
{
    struct payout p = {.x = x, .number = number, .t = *t};
    enum mete_code code = payout_load(&p);
    if (code != METE_OK) {
        return code;
    }
    i128 back = t->amount - t->held - t->paid;
    title(&p, id);
    (void)explain_add(x, p.root, "batch", "of batch %.*s", (int)p.batch_id.len, p.batch_id.p);
    stands(&p, "held", t->held, "are in mete:payout, put aside for it");
    stands(&p, "paid", t->paid, "were paid by the rail");
    stands(&p, "returned", t->returned, "of that came back, and are the party's again");
    stands(&p, "given_back", back > 0 ? back : 0, "were not paid, and are the party's again");
    stands(&p, "owed", back < 0 ? -back : 0, "were paid beyond it, and taken from the party");
    for (uint32_t i = 1; i <= t->attempts && code == METE_OK; i++) {
        code = attempt_explain(&p, i);
    }
    struct payout_whole *whole = arena_alloc(x->a, sizeof *whole);
    code = code == METE_OK ? payout_show(x->e, id, x->a, whole, x->err) : code;
    if (code != METE_OK) {
        return code;
    }
    lines_explain(&p, whole);
    steps_explain(&p, whole);
    next_explain(&p);
    explain_hold(x, p.root, t->party);
    *out = p.root;
    return code;
}

void explain_leaving(struct explain *x, struct explain_node *account, const struct balance *b,
                     const struct asset *asset)
{
    if (b->leaving != 0) {
        struct explain_node *n =
            explain_add(x, account, "leaving", "besides, %s are on their way out",
                        words_money(x->a, b->leaving, asset).p);
        explain_amount(n, b->leaving, asset);
    }
    if (b->paid != 0) {
        struct explain_node *n = explain_add(x, account, "paid", "%s were paid out so far",
                                             words_money(x->a, b->paid, asset).p);
        explain_amount(n, b->paid, asset);
    }
}
