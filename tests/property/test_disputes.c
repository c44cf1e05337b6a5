/* SPDX-License-Identifier: Apache-2.0
 * covers: R-015 R-016 R-017 R-018
 * Nothing disputed is ever paid. Random worlds of sales, disputes at every stage, reversals, days
 * that pass, settings that change, and all ways by which money leaves a party: transfers,
 * settlements, payouts that are paid, fail and come back. Beside them a naive model that knows of
 * each share what is left of it, who holds it, and whether it is pending, disputed or clear at this
 * moment. After every step they agree on every balance; whatever leaves, leaves what is pending or
 * disputed untouched.
 *   test_disputes [--seed N] [--runs R] [--steps S] */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/balance.h"
#include "core/dispute.h"
#include "core/payout.h"
#include "engine/verify.h"
#include "oracle/scene.h"
#include "worlds.h"

#define PARTIES    5
#define SHARES_MAX 600
#define OUT_MAX    400
#define VERIFY_AT  16 /* every so many worlds */

static const int32_t CLEAR_DAYS[] = {0, 1, 7, 7, 7, 10};
static const int32_t DISPUTE_DAYS[] = {0, 3, 14, 14};

struct m_share {
    char sale[16];
    unsigned line; /* in its sale, from 1 */
    unsigned lines;
    int holder; /* -1: nobody */
    int64_t left;
    mete_time clears_at;
    enum dispute_state state;
    mete_time auto_at;
};

enum out_kind { OUT_PAYOUT, OUT_SETTLEMENT };

/* Money on its way out. */
struct out {
    enum out_kind kind;
    char id[16];
    int party;
    int64_t amount;
    enum transfer_state state; /* of a settlement: SENDING until it has ended */
};

struct world {
    struct scene s;
    struct rng rng;
    mete_time now;
    unsigned told;
    int32_t clear_days, dispute_days;
    int64_t moved[PARTIES]; /* net of transfers between parties and of what left or came back */
    struct m_share share[SHARES_MAX];
    int shares;
    struct out out[OUT_MAX];
    int outs;
    bool fine;
};

enum tried { TRY_TRANSFER, TRY_SETTLEMENT, TRY_PAYOUT, TRY_KINDS };

static struct {
    uint64_t applied[EVENT_TYPE_COUNT];
    uint64_t refused[EVENT_TYPE_COUNT];
    uint64_t left[TRY_KINDS];   /* times that money left */
    uint64_t held[TRY_KINDS];   /* times that it did not, because of a dispute alone */
    uint64_t beside[TRY_KINDS]; /* it left while something of the party was disputed */
    uint64_t lapsed, escalated_late, reversed_disputed, returned, steps, verified;
} seen;

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)rng_below(&w->rng, n);
}

#define wrong(w, ...) world_wrong(&(w)->fine, __VA_ARGS__)

/* --- saying ------------------------------------------------------------------------------------*/

/** Single quotes become double ones. `id` NULL: one of its own. */
METE_PRINTF(4, 5)
static bool say(struct world *w, const char *id, enum event_type type, const char *payload, ...)
{
    const struct submit_options o = {.own = true, .no_quarantine = true};
    char text[400], all[700], at[TIME_TEXT_MAX], own[16];
    va_list args;
    va_start(args, payload);
    (void)vsnprintf(text, sizeof text, payload, args);
    va_end(args);
    snprintf(own, sizeof own, "e%u", w->told++);
    time_format(w->now, at);
    snprintf(all, sizeof all,
             "{'event_id':'%s','event_type':'%s','occurred_at':'%s','payload':{%s}}",
             id != NULL ? id : own, event_type_name(type), at, text);
    for (char *c = all; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    engine_submit(w->s.engine, text_of(all), &o, &w->s.last);
    bool applied = w->s.last.status == SUBMIT_APPLIED;
    seen.applied[type] += applied;
    seen.refused[type] += !applied;
    if (!applied && w->s.last.status != SUBMIT_REFUSED)
        wrong(w, "%s: %s %s", all, submit_status_name(w->s.last.status), w->s.last.err.text);
    if (getenv("METE_TEST_SHOW") != NULL)
        printf("# %s %s\n", applied ? "applied" : w->s.last.err.text, all);
    return applied;
}

/** What happened has to be what may happen. */
static bool agreed(struct world *w, const char *what, bool applied, bool may)
{
    if (applied != may)
        wrong(w, "%s was %s: %s", what, applied ? "applied" : "refused",
              applied ? "it may not be" : w->s.last.err.text);
    return applied && may;
}

static const char *usd(int64_t minor)
{
    static char text[64];
    snprintf(text, sizeof text, "{'amount':'%lld.%02lld','currency':'USD'}",
             (long long)(minor / 100), (long long)(minor % 100));
    return text;
}

/* --- the model ---------------------------------------------------------------------------------*/

static enum allocation_state state_of(const struct world *w, const struct m_share *s)
{
    switch (s->state) {
    case DISPUTE_NONE:
        return s->clears_at <= w->now ? ALLOCATION_CLEARED : ALLOCATION_PENDING;
    case DISPUTE_DISPUTED:
        return w->now > s->auto_at ? ALLOCATION_CLEARED : ALLOCATION_DISPUTED;
    case DISPUTE_ESCALATED:
        return ALLOCATION_DISPUTED;
    case DISPUTE_OVERRIDDEN:
    case DISPUTE_UPHELD:
        break;
    }
    return ALLOCATION_CLEARED;
}

struct sums {
    int64_t net, pending, disputed;
};

static struct sums sums_of(const struct world *w, int party)
{
    struct sums all = {.net = w->moved[party]};
    for (int i = 0; i < w->shares; i++) {
        const struct m_share *s = &w->share[i];
        if (s->holder != party)
            continue;
        enum allocation_state state = state_of(w, s);
        all.net += s->left;
        all.pending += state == ALLOCATION_PENDING ? s->left : 0;
        all.disputed += state == ALLOCATION_DISPUTED ? s->left : 0;
    }
    return all;
}

/* --- what happens ------------------------------------------------------------------------------*/

static void share_add(struct world *w, const char *sale, unsigned line, unsigned lines, int party,
                      int64_t amount)
{
    struct m_share *s = &w->share[w->shares++];
    *s = (struct m_share){.line = line,
                          .lines = lines,
                          .holder = party,
                          .left = amount,
                          .clears_at = w->now + w->clear_days * TIME_DAY_US};
    snprintf(s->sale, sizeof s->sale, "%s", sale);
}

static void sell(struct world *w)
{
    char id[16];
    int party = (int)below(w, PARTIES);
    int64_t amount = 5 * (1 + (int64_t)below(w, 2000));
    if (w->shares + 2 > SHARES_MAX)
        return;
    snprintf(id, sizeof id, "s%u", w->told);
    if (below(w, 3) > 0) {
        if (say(w, id, EVENT_REVENUE_RECEIVED, "'party':'p%d','amount':%s", party, usd(amount)))
            share_add(w, id, 1, 1, party, amount);
    } else if (say(w, id, EVENT_REVENUE_RECEIVED, "'policy':'urn:p','amount':%s", usd(amount))) {
        share_add(w, id, 1, 2, 0, amount / 5 * 3); /* as urn:p has it */
        share_add(w, id, 2, 2, 1, amount / 5 * 2);
    }
}

static void reverse(struct world *w)
{
    if (w->shares == 0)
        return;
    struct m_share *s = &w->share[below(w, (unsigned)w->shares)];
    bool disputed = state_of(w, s) == ALLOCATION_DISPUTED;
    if (s->lines == 2) { /* whole: rounding is tested elsewhere */
        struct m_share *first = s->line == 1 ? s : s - 1;
        if (first[0].left + first[1].left > 0 &&
            agreed(w, "a reversal",
                   say(w, NULL, EVENT_REVENUE_REVERSED, "'reverses':'%s'", s->sale), true)) {
            seen.reversed_disputed += disputed;
            first[0].left = first[1].left = 0;
        }
        return;
    }
    int64_t amount = 1 + (int64_t)below(w, (unsigned)(s->left + s->left / 4 + 1));
    bool applied =
        say(w, NULL, EVENT_REVENUE_REVERSED, "'reverses':'%s','amount':%s", s->sale, usd(amount));
    if (agreed(w, "a reversal", applied, amount <= s->left)) {
        seen.reversed_disputed += disputed;
        s->left -= amount;
    }
}

static void uphold(struct world *w, struct m_share *s, bool open)
{
    char to[32] = "";
    int heir = (int)below(w, PARTIES + 1) - 1;
    if (heir >= 0)
        snprintf(to, sizeof to, ",'reallocate_to':'p%d'", heir);
    bool applied = say(w, NULL, EVENT_ALLOCATION_UPHELD, "'allocation_id':'%s/%u','reason':'r'%s",
                       s->sale, s->line, to);
    if (agreed(w, "upholding", applied, open)) {
        s->state = DISPUTE_UPHELD;
        s->holder = heir;
    }
}

static void dispute_open(struct world *w, struct m_share *s)
{
    mete_time after = w->now + w->dispute_days * TIME_DAY_US;
    bool may = s->state == DISPUTE_NONE && s->clears_at > w->now;
    bool applied = say(w, NULL, EVENT_ALLOCATION_DISPUTED, "'allocation_id':'%s/%u','reason':'r'",
                       s->sale, s->line);
    if (agreed(w, "disputing", applied, may)) {
        s->state = DISPUTE_DISPUTED;
        s->auto_at = s->clears_at > after ? s->clears_at - 1 : after;
    }
}

static void judge(struct world *w)
{
    if (w->shares == 0)
        return;
    struct m_share *s =
        &w->share[w->shares - 1 - (int)below(w, (unsigned)w->shares) * (int)below(w, 2)];
    bool open = state_of(w, s) == ALLOCATION_DISPUTED;
    seen.lapsed += s->state == DISPUTE_DISPUTED && !open;
    switch (below(w, 8)) {
    case 0:
        uphold(w, s, open);
        return;
    case 1:
        if (agreed(w, "escalating",
                   say(w, NULL, EVENT_ALLOCATION_ESCALATED, "'allocation_id':'%s/%u','reason':'r'",
                       s->sale, s->line),
                   open))
            s->state = DISPUTE_ESCALATED;
        return;
    case 2:
        if (agreed(w, "overriding",
                   say(w, NULL, EVENT_ALLOCATION_OVERRIDDEN, "'allocation_id':'%s/%u','reason':'r'",
                       s->sale, s->line),
                   open))
            s->state = DISPUTE_OVERRIDDEN;
        return;
    case 3:
        (void)agreed(w, "evidence",
                     say(w, NULL, EVENT_ALLOCATION_EVIDENCE_ADDED,
                         "'allocation_id':'%s/%u','reason':'r'", s->sale, s->line),
                     s->state != DISPUTE_NONE);
        return;
    default:
        dispute_open(w, s);
    }
}

static void configure(struct world *w)
{
    int32_t clear = CLEAR_DAYS[below(w, ARRAY_LEN(CLEAR_DAYS))];
    int32_t dispute = DISPUTE_DAYS[below(w, ARRAY_LEN(DISPUTE_DAYS))];
    if (say(w, NULL, EVENT_BOOK_CONFIGURED, "'clear_after_days':%d,'dispute_auto_clear_days':%d",
            clear, dispute)) {
        w->clear_days = clear;
        w->dispute_days = dispute;
    }
}

/* --- money leaves ------------------------------------------------------------------------------*/

/** An amount that is interesting: about what is clear, or what would be without disputes. */
static int64_t some_amount(struct world *w, const struct sums *have)
{
    int64_t clear = have->net - have->pending - have->disputed;
    int64_t all[] = {clear, clear + 1, clear + have->disputed, have->net, clear / 2, 1};
    int64_t amount = all[below(w, ARRAY_LEN(all))];
    return amount > 0 ? amount : 1;
}

/** Told after money left, or did not: nothing that is locked may have gone. */
static void left(struct world *w, enum tried how, const struct sums *before, int64_t amount,
                 bool applied)
{
    int64_t clear = before->net - before->pending - before->disputed;
    seen.left[how] += applied;
    seen.beside[how] += applied && before->disputed > 0;
    seen.held[how] += !applied && amount > clear && amount <= clear + before->disputed;
    if (applied && amount > clear)
        wrong(w, "%lld left of %lld, of which %lld are pending and %lld disputed",
              (long long)amount, (long long)before->net, (long long)before->pending,
              (long long)before->disputed);
}

static void transfer(struct world *w)
{
    int from = (int)below(w, PARTIES), to = (int)below(w, PARTIES);
    const struct sums before = sums_of(w, from);
    int64_t amount = some_amount(w, &before);
    if (from == to)
        return;
    bool applied = say(w, NULL, EVENT_WALLET_TRANSFERRED, "'from':'p%d','to':'p%d','amount':%s",
                       from, to, usd(amount));
    left(w, TRY_TRANSFER, &before, amount, applied);
    if (agreed(w, "a transfer", applied, amount <= before.net - before.pending - before.disputed)) {
        w->moved[from] -= amount;
        w->moved[to] += amount;
    }
}

static void out_add(struct world *w, enum out_kind kind, const char *id, int party, int64_t amount)
{
    struct out *o = &w->out[w->outs++];
    *o = (struct out){.kind = kind, .party = party, .amount = amount};
    o->state = kind == OUT_PAYOUT ? TRANSFER_QUEUED : TRANSFER_SENDING;
    snprintf(o->id, sizeof o->id, "%s", id);
    w->moved[party] -= amount;
}

static void settle(struct world *w)
{
    char id[16];
    int party = (int)below(w, PARTIES);
    const struct sums before = sums_of(w, party);
    int64_t amount = some_amount(w, &before);
    if (w->outs == OUT_MAX)
        return;
    snprintf(id, sizeof id, "o%u", w->told);
    bool applied =
        say(w, NULL, EVENT_SETTLEMENT_INITIATED,
            "'settlement_id':'%s','beneficiary_id':'p%d','amount':%s", id, party, usd(amount));
    left(w, TRY_SETTLEMENT, &before, amount, applied);
    if (agreed(w, "a settlement", applied, amount <= before.net - before.pending - before.disputed))
        out_add(w, OUT_SETTLEMENT, id, party, amount);
}

/** A batch of one, sometimes with a cut-off that lies back; so it may be refused though there is
 *  enough by now, but never the other way round. */
static void pay_out(struct world *w)
{
    char batch[16], id[16], cutoff[64] = "", at[TIME_TEXT_MAX];
    int party = (int)below(w, PARTIES);
    const struct sums before = sums_of(w, party);
    int64_t amount = some_amount(w, &before);
    bool back = below(w, 2) == 0;
    if (w->outs == OUT_MAX)
        return;
    if (back) {
        time_format(w->now - (mete_time)below(w, 9 * 24) * TIME_DAY_US / 24, at);
        snprintf(cutoff, sizeof cutoff, ",'cutoff_at':'%s'", at);
    }
    snprintf(batch, sizeof batch, "b%u", w->told);
    snprintf(id, sizeof id, "t%u", w->told);
    if (!say(w, batch, EVENT_PAYOUT_BATCH_OPENED, "'asset':'USD','rail':'bank'%s", cutoff)) {
        wrong(w, "a batch was not opened: %s", w->s.last.err.text);
        return;
    }
    bool applied = say(w, id, EVENT_PAYOUT_TRANSFER_QUEUED,
                       "'batch_id':'%s','party':'p%d','amount':%s", batch, party, usd(amount));
    left(w, TRY_PAYOUT, &before, amount, applied);
    if (!back && !applied && amount <= before.net - before.pending - before.disputed)
        (void)(w->s.last.err.code == METE_PARTY_HELD ||
               (wrong(w, "a payout was refused: %s", w->s.last.err.text), true));
    if (applied)
        out_add(w, OUT_PAYOUT, id, party, amount);
}

static void back_to_party(struct world *w, struct out *o, enum transfer_state state)
{
    o->state = state;
    w->moved[o->party] += o->amount;
    seen.returned++;
}

static void settlement_end(struct world *w, struct out *o)
{
    bool paid = below(w, 2) == 0;
    if (o->state != TRANSFER_SENDING)
        return;
    if (agreed(w, "the end of a settlement",
               say(w, NULL, paid ? EVENT_SETTLEMENT_PAID : EVENT_SETTLEMENT_FAILED,
                   "'settlement_id':'%s'", o->id),
               true)) {
        if (paid)
            o->state = TRANSFER_PAID;
        else
            back_to_party(w, o, TRANSFER_RETURNED);
    }
}

static void payout_step(struct world *w, struct out *o)
{
    switch ((int)o->state) {
    case TRANSFER_QUEUED:
        if (below(w, 4) == 0) {
            if (say(w, NULL, EVENT_PAYOUT_TRANSFER_CANCELLED, "'transfer_id':'%s','reason':'r'",
                    o->id))
                back_to_party(w, o, TRANSFER_CANCELLED);
        } else if (say(w, NULL, EVENT_PAYOUT_TRANSFER_SENDING,
                       "'transfer_id':'%s','attempt':1,'anchor':'a%s'", o->id, o->id)) {
            o->state = TRANSFER_SENDING;
        }
        return;
    case TRANSFER_SENDING:
        if (below(w, 2) == 0) {
            if (say(w, NULL, EVENT_PAYOUT_TRANSFER_PAID, "'transfer_id':'%s','attempt':1", o->id))
                o->state = TRANSFER_PAID;
        } else if (say(w, NULL, EVENT_PAYOUT_TRANSFER_FAILED,
                       "'transfer_id':'%s','attempt':1,'reason':'r'", o->id)) {
            o->state = TRANSFER_FAILED;
        }
        return;
    case TRANSFER_FAILED:
        if (say(w, NULL, EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT, "'transfer_id':'%s','reason':'r'",
                o->id))
            back_to_party(w, o, TRANSFER_FAILED_PERMANENT);
        return;
    case TRANSFER_PAID:
        if (below(w, 4) == 0 && say(w, NULL, EVENT_PAYOUT_TRANSFER_RETURNED,
                                    "'transfer_id':'%s','attempt':1,'reason':'r'", o->id))
            back_to_party(w, o, TRANSFER_RETURNED);
        return;
    default:
        return;
    }
}

static void go_on(struct world *w)
{
    if (w->outs == 0)
        return;
    struct out *o = &w->out[below(w, (unsigned)w->outs)];
    if (o->kind == OUT_SETTLEMENT)
        settlement_end(w, o);
    else
        payout_step(w, o);
    if (below(w, 3) == 0)
        (void)say(w, NULL, EVENT_PAYOUT_HOLD_RELEASED, "'party':'p%d','reason':'r'", o->party);
}

/* --- what must hold ----------------------------------------------------------------------------*/

static void check_party(struct world *w, int party, const struct asset *asset)
{
    const struct view *v = engine_view(w->s.engine);
    const struct sums want = sums_of(w, party);
    struct balance b;
    struct arena a;
    uint32_t number;
    char id[16];
    snprintf(id, sizeof id, "p%d", party);
    if (view_party(v, text_of(id), &number) != VIEW_FOUND)
        return;
    arena_init(&a, (size_t)1 << 26);
    (void)!balance_at(v, &a, number, asset->number, w->now, &b);
    arena_clear(&a);
    int64_t net = (int64_t)(b.cleared - b.debt + b.pending + b.disputed);
    if (b.pending != want.pending || b.disputed != want.disputed || net != want.net)
        wrong(w, "%s: pending %lld, disputed %lld, net %lld; should be %lld, %lld, %lld", id,
              (long long)b.pending, (long long)b.disputed, (long long)net, (long long)want.pending,
              (long long)want.disputed, (long long)want.net);
}

static void check(struct world *w)
{
    struct asset asset;
    METE_ASSERT(view_asset(engine_view(w->s.engine), TEXT("USD"), &asset) == VIEW_FOUND);
    for (int i = 0; i < PARTIES; i++)
        check_party(w, i, &asset);
    if (!scene_balanced(&w->s))
        wrong(w, "money is not conserved");
    for (int i = 0; i < w->shares; i++)
        seen.escalated_late +=
            w->share[i].state == DISPUTE_ESCALATED && w->now > w->share[i].auto_at && w->fine;
}

/* --- worlds ------------------------------------------------------------------------------------*/

static void step(struct world *w)
{
    static void (*const action[])(struct world *) = {
        sell, sell, judge, judge, judge, reverse, transfer, settle, pay_out, pay_out, go_on, go_on};
    if (below(w, 4) == 0)
        w->now += (mete_time)below(w, 6 * 24) * TIME_DAY_US / 24;
    w->now += 1 + (mete_time)below(w, 1000);
    action[below(w, ARRAY_LEN(action))](w);
    if (below(w, 60) == 0)
        configure(w);
    check(w);
    seen.steps++;
}

static bool live(uint64_t seed, unsigned steps, bool verify)
{
    struct world *w = calloc(1, sizeof *w);
    struct mete_err err = {0};
    METE_ASSERT(w != NULL);
    scene_open(&w->s);
    rng_seed(&w->rng, seed);
    w->now = INT64_C(1735689600) * TIME_SECOND_US;
    w->fine = true;
    w->clear_days = 7;
    w->dispute_days = 14;
    (void)say(w, NULL, EVENT_BOOK_CONFIGURED, "'clear_after_days':7,'dispute_auto_clear_days':14");
    (void)say(w, NULL, EVENT_POLICY_PUBLISHED,
              "'policy':{'id':'urn:p','kind':'weights','shares':[{'party':'p0','weight':'0.6'},"
              "{'party':'p1','weight':'0.4'}]}");
    for (int i = 0; i < PARTIES; i++)
        (void)say(w, NULL, EVENT_PARTY_DESTINATION_SET,
                  "'party':'p%d','rail':'bank','destination':'d%d'", i, i);
    for (unsigned i = 0; i < steps && w->fine; i++)
        step(w);
    scene_commit(&w->s);
    if (verify && w->fine) {
        struct verify_report unused;
        if (book_verify(w->s.engine, &unused, &err) != METE_OK)
            wrong(w, "a replay of the log is another book: %s", err.text);
        seen.verified++;
    }
    bool fine = w->fine;
    scene_close(&w->s);
    free(w);
    return fine;
}

/* --- the end -----------------------------------------------------------------------------------*/

static bool seen_at_all(const char *what, uint64_t count)
{
    printf("# %-58s %10llu\n", what, (unsigned long long)count);
    return count > 0;
}

/** False when something that should be tested never happened. */
static bool print_seen(void)
{
    static const enum event_type types[] = {
        EVENT_REVENUE_RECEIVED,         EVENT_REVENUE_REVERSED,
        EVENT_ALLOCATION_DISPUTED,      EVENT_ALLOCATION_EVIDENCE_ADDED,
        EVENT_ALLOCATION_ESCALATED,     EVENT_ALLOCATION_OVERRIDDEN,
        EVENT_ALLOCATION_UPHELD,        EVENT_WALLET_TRANSFERRED,
        EVENT_SETTLEMENT_INITIATED,     EVENT_PAYOUT_TRANSFER_QUEUED,
        EVENT_PAYOUT_TRANSFER_PAID,     EVENT_PAYOUT_TRANSFER_FAILED_PERMANENT,
        EVENT_PAYOUT_TRANSFER_RETURNED, EVENT_BOOK_CONFIGURED};
    static const char *const how[TRY_KINDS] = {"transfer", "settlement", "payout"};
    bool all = true;
    char what[80];
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        snprintf(what, sizeof what, "%s applied", event_type_name(types[i]));
        all &= seen_at_all(what, seen.applied[types[i]]);
    }
    for (size_t i = 0; i < TRY_KINDS; i++) {
        snprintf(what, sizeof what, "money left by %s", how[i]);
        all &= seen_at_all(what, seen.left[i]);
        snprintf(what, sizeof what, "... while something of the party was disputed");
        all &= seen_at_all(what, seen.beside[i]);
        snprintf(what, sizeof what, "... or was refused because of what is disputed alone");
        all &= seen_at_all(what, seen.held[i]);
    }
    all &= seen_at_all("looks at disputes that had lapsed", seen.lapsed);
    all &= seen_at_all("looks at escalated ones beyond their days", seen.escalated_late);
    all &= seen_at_all("reversals of what is disputed", seen.reversed_disputed);
    all &= seen_at_all("money that came back to the party", seen.returned);
    all &= seen_at_all("worlds replayed", seen.verified);
    (void)seen_at_all("steps", seen.steps);
    return all;
}

int main(int argc, char **argv)
{
    const struct worlds w =
        worlds_asked(argc, argv, (struct worlds){.seed = 20261121, .runs = 400, .steps = 400});
    uint64_t done = 0;
    bool fine = true;
    printf("1..2\n# seed %llu\n", (unsigned long long)w.seed);
    for (; done < w.runs && fine; done++) {
        fine = live(w.seed + done, (unsigned)w.steps, done % VERIFY_AT == 0);
        if (!fine)
            printf("# this world: --seed %llu --runs 1 --steps %llu\n",
                   (unsigned long long)(w.seed + done), (unsigned long long)w.steps);
    }
    bool happened = print_seen();
    printf("%sok 1 - %llu worlds of %llu steps: nothing disputed is ever paid\n",
           fine ? "" : "not ", (unsigned long long)done, (unsigned long long)w.steps);
    printf("%sok 2 - all of it happened\n", happened ? "" : "not ");
    return fine && happened ? 0 : 1;
}
