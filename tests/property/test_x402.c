/* SPDX-License-Identifier: Apache-2.0
 * covers: V-049 V-054 V-081
 * Random worlds of payments by x402: three facilitators reserve, settle, replace and report the
 * same payments in any order, with stale facts, strangers' transactions and blocks that go away;
 * some of what they do is lost before its commit. Beside them a naive model says what each step
 * must come to and where the money is. No payment is settled twice, no two have one account nonce
 * or one transaction, and what is asked again is answered again. test_x402 [--seed N] [--runs R]
 * [--steps S] */
#include "base/rng.h"
#include "engine/query.h"
#include "engine/verify.h"
#include "engine/x402_list.h"
#include "oracle/scene.h"
#include "unit/x402_case.h"
#include "worlds.h"

#define PAYMENTS     14
#define FACILITATORS 3
#define HASHES_MAX   (X402_TRANSACTIONS_MAX + 1)
#define AUDIT_EVERY  10
#define HASH_TEXT    67
#define START        ((mete_time)1735689600 * TIME_SECOND_US)

static const char *const STRANGER = "0x57a4";

struct m_payment {
    enum x402_state state;
    int holder; /* facilitator whose token it is; -1: none */
    mete_time until;
    int variant;     /* of the request that settling began with */
    bool has_policy; /* "urn:split" was fixed */
    char hash[HASHES_MAX][HASH_TEXT];
    unsigned hashes;
    uint64_t nonce;
    bool has_nonce;
    char settled_by[HASH_TEXT];
    uint64_t block;
    bool is_final; /* its failure */
    int64_t value;
};

struct world {
    struct scene s;
    struct rng rng;
    struct m_payment p[PAYMENTS];
    mete_time now;
    bool has_row;   /* the resource has the policy */
    bool published; /* the policy is there */
    uint64_t next_nonce;
    uint64_t block;
    unsigned told;
    bool fine;
};

static struct {
    uint64_t steps, lost, audited, strangers, expired, stale, waited, undone_waiting, zero,
        given_up;
    uint64_t said[X402_STEP_UNDONE + 1][X402_STEP_REFUSED + 1];
    uint64_t states[X402_STATE_COUNT];
} seen;

static unsigned below(struct world *w, unsigned n)
{
    return (unsigned)rng_below(&w->rng, n);
}

#define wrong(w, ...) world_wrong(&(w)->fine, __VA_ARGS__)

/* --- the model ---------------------------------------------------------------------------------*/

static bool model_begun(const struct m_payment *p)
{
    return p->state >= X402_SETTLING;
}

static bool model_held(const struct world *w, const struct m_payment *p)
{
    return p->state == X402_RESERVED && p->until > w->now;
}

/** What a facilitator wants: filled in beside the step, so that the model needs not read it back.
 */
struct wish {
    enum x402_step_kind kind;
    int payment, who, variant;
    bool shows;       /* its token */
    bool fails;       /* it speaks of a failure */
    const char *hash; /* that it speaks of */
    uint64_t block;
    const char *fee;
    bool asks_policy;
};

static bool model_same_place(const struct m_payment *p, const struct wish *x)
{
    return (x->hash[0] == '\0' || strcmp(x->hash, p->settled_by) == 0) &&
           (x->block == 0 || x->block == p->block);
}

static bool model_is_own(const struct m_payment *p, const char *hash)
{
    for (unsigned i = 0; i < p->hashes; i++) {
        if (strcmp(p->hash[i], hash) == 0) {
            return true;
        }
    }
    return false;
}

static bool model_of_another(const struct world *w, const struct m_payment *p, const char *hash)
{
    for (int i = 0; i < PAYMENTS; i++) {
        if (&w->p[i] != p && model_is_own(&w->p[i], hash)) {
            return true;
        }
    }
    return false;
}

static enum x402_step_status model_settle(const struct world *w, const struct m_payment *p,
                                          const struct wish *x)
{
    if (model_begun(p)) {
        bool same = x->shows ? p->holder == x->who : p->holder < 0;
        return p->variant == x->variant && same ? X402_STEP_KNOWN : X402_STEP_REFUSED;
    }
    bool may = x->shows ? p->state == X402_RESERVED && p->holder == x->who : !model_held(w, p);
    return may ? X402_STEP_TAKEN : X402_STEP_REFUSED;
}

static enum x402_step_status model_outcome(const struct world *w, const struct m_payment *p,
                                           const struct wish *x)
{
    bool settled = x->kind == X402_STEP_SETTLED;
    bool is_it =
        settled ? p->state == X402_SETTLED || p->state == X402_CONFIRMED : p->state == X402_FAILED;
    if (is_it) {
        return model_same_place(p, x) ? X402_STEP_KNOWN : X402_STEP_REFUSED;
    }
    return p->state == X402_SETTLING && !model_of_another(w, p, x->hash) ? X402_STEP_TAKEN
                                                                         : X402_STEP_REFUSED;
}

/** What the step must come to. */
static enum x402_step_status model_says(const struct world *w, const struct wish *x)
{
    const struct m_payment *p = &w->p[x->payment];
    bool own = p->holder == x->who;
    switch (x->kind) {
    case X402_STEP_RESERVE:
        return model_begun(p)        ? X402_STEP_REFUSED
               : !model_held(w, p)   ? X402_STEP_TAKEN
               : p->holder == x->who ? X402_STEP_KNOWN
                                     : X402_STEP_REFUSED;
    case X402_STEP_RELEASE:
        return p->state == X402_RESERVED && own   ? X402_STEP_TAKEN
               : p->state == X402_RELEASED && own ? X402_STEP_KNOWN
                                                  : X402_STEP_REFUSED;
    case X402_STEP_SETTLE:
        return model_settle(w, p, x);
    case X402_STEP_REPLACE:
        return p->state == X402_SETTLING && p->hashes > 0 ? X402_STEP_TAKEN : X402_STEP_REFUSED;
    case X402_STEP_SETTLED:
    case X402_STEP_FAILED:
        return model_outcome(w, p, x);
    case X402_STEP_CONFIRMED:
        return !model_same_place(p, x) || p->hashes == 0 ? X402_STEP_REFUSED
               : x->fails && p->state != X402_FAILED     ? X402_STEP_REFUSED
               : x->fails && p->is_final                 ? X402_STEP_KNOWN
               : x->fails                                ? X402_STEP_TAKEN
               : p->state == X402_CONFIRMED              ? X402_STEP_KNOWN
               : p->state == X402_SETTLED                ? X402_STEP_TAKEN
                                                         : X402_STEP_REFUSED;
    case X402_STEP_UNDONE:
        return p->state == X402_SETTLING ? X402_STEP_KNOWN
               : (p->state == X402_FAILED ? !p->is_final : p->state == X402_SETTLED && !x->fails) &&
                       p->hashes > 0 && model_same_place(p, x)
                   ? X402_STEP_TAKEN
                   : X402_STEP_REFUSED;
    }
    return X402_STEP_REFUSED;
}

static void model_begin(struct world *w, struct m_payment *p, const struct wish *x)
{
    p->state = x->variant == 2 ? X402_SETTLED : X402_SETTLING;
    p->holder = x->shows ? x->who : -1;
    p->variant = x->variant;
    p->value = x->variant == 2 ? 0 : 10000 + x->variant;
    p->has_policy = x->asks_policy || w->has_row;
    p->has_nonce = x->variant != 2;
}

static void model_take(struct world *w, const struct wish *x)
{
    struct m_payment *p = &w->p[x->payment];
    switch (x->kind) {
    case X402_STEP_RESERVE:
        seen.expired += p->state == X402_RESERVED;
        p->state = X402_RESERVED;
        p->holder = x->who;
        p->until = w->now + (mete_time)(60 + x->variant) * TIME_SECOND_US;
        break;
    case X402_STEP_RELEASE:
        p->state = X402_RELEASED;
        break;
    case X402_STEP_SETTLE:
        model_begin(w, p, x);
        break;
    case X402_STEP_REPLACE:
        break;
    case X402_STEP_SETTLED:
    case X402_STEP_FAILED:
        p->state = x->kind == X402_STEP_SETTLED ? X402_SETTLED : X402_FAILED;
        p->block = x->block;
        seen.strangers += strcmp(x->hash, STRANGER) == 0;
        snprintf(p->settled_by, sizeof p->settled_by, "%s", x->hash);
        break;
    case X402_STEP_CONFIRMED:
        seen.given_up += p->state == X402_FAILED;
        p->is_final = p->state == X402_FAILED;
        p->state = p->is_final ? X402_FAILED : X402_CONFIRMED;
        break;
    case X402_STEP_UNDONE:
        seen.undone_waiting += p->state == X402_SETTLED && p->has_policy && !w->published;
        p->state = X402_SETTLING;
        p->settled_by[0] = '\0';
        p->block = 0;
        break;
    }
}

/* --- what the book answers ---------------------------------------------------------------------*/

static void hash_note(struct world *w, struct m_payment *p, const struct x402_status *now)
{
    for (size_t i = now->transaction_count; i-- > 0;) {
        char hash[HASH_TEXT];
        METE_ASSERT(text_copy(hash, sizeof hash, now->transactions[i]));
        if (model_is_own(p, hash)) {
            continue;
        }
        if (model_of_another(w, p, hash)) {
            wrong(w, "two payments have the transaction %s", hash);
        }
        METE_ASSERT(p->hashes < HASHES_MAX);
        memcpy(p->hash[p->hashes++], hash, sizeof hash);
    }
}

static void nonce_note(struct world *w, struct m_payment *p, const struct x402_status *now,
                       bool begins)
{
    if (!p->has_nonce) {
        return;
    }
    if (!begins && now->account_nonce != p->nonce) {
        wrong(w, "the account nonce of a payment changed");
    }
    if (begins && now->account_nonce < w->next_nonce) {
        wrong(w, "account nonce %llu was given before", (unsigned long long)now->account_nonce);
    }
    p->nonce = now->account_nonce;
    w->next_nonce = begins ? p->nonce + 1 : w->next_nonce;
}

static void answer_check(struct world *w, const struct wish *x, const struct x402_step_result *r)
{
    struct m_payment *p = &w->p[x->payment];
    enum x402_step_status must = model_says(w, x);
    bool again = x->kind == X402_STEP_REPLACE && must == X402_STEP_TAKEN &&
                 r->status == X402_STEP_KNOWN; /* the same bytes */
    bool full = x->kind == X402_STEP_REPLACE && p->hashes >= X402_TRANSACTIONS_MAX;
    seen.said[x->kind][r->status]++;
    if (r->status != must && !again && !full) {
        wrong(w, "%d of payment %d in state %d by %d: should be %d, is %d: %s", (int)x->kind,
              x->payment, (int)p->state, x->who, (int)must, (int)r->status, r->err.text);
    }
    if (r->status == X402_STEP_TAKEN) {
        model_take(w, x);
    }
    if (r->now.name.network.len > 0) {
        enum x402_state shown =
            p->state == X402_RESERVED && p->until <= w->now ? X402_NONE : p->state;
        hash_note(w, p, &r->now);
        nonce_note(w, p, &r->now, x->kind == X402_STEP_SETTLE && r->status == X402_STEP_TAKEN);
        if (r->now.state != shown) {
            wrong(w, "payment %d is %d, should be %d", x->payment, (int)r->now.state, (int)shown);
        }
    }
}

/* --- steps -------------------------------------------------------------------------------------*/

/** A transaction that somebody may speak of: its own, a stranger's, another payment's, or none. */
static const char *some_hash(struct world *w, const struct m_payment *p)
{
    const struct m_payment *other = &w->p[below(w, PAYMENTS)];
    unsigned dice = below(w, 10);
    return dice == 0                        ? STRANGER
           : dice == 1 && other->hashes > 0 ? other->hash[below(w, other->hashes)]
           : p->hashes > 0                  ? p->hash[below(w, p->hashes)]
                                            : STRANGER;
}

static void wish_draw(struct world *w, struct wish *x)
{
    static const char *const fees[] = {"1000000000", "2000000000", "3000000000"};
    const struct m_payment *p;
    *x = (struct wish){.kind = (enum x402_step_kind)below(w, X402_STEP_UNDONE + 1),
                       .payment = (int)below(w, PAYMENTS),
                       .who = (int)below(w, FACILITATORS),
                       .variant = below(w, 12) == 0 ? 2 : below(w, 6) == 0,
                       .shows = below(w, 2) == 0,
                       .fee = fees[below(w, 3)],
                       .asks_policy = below(w, 4) == 0,
                       .hash = ""};
    if (x->kind >= X402_STEP_SETTLED) {
        p = &w->p[x->payment];
        x->fails = x->kind >= X402_STEP_CONFIRMED && below(w, 4) == (p->state != X402_FAILED);
        x->hash = p->state >= X402_SETTLED && below(w, 4) > 0 ? p->settled_by : some_hash(w, p);
        x->block = p->state >= X402_SETTLED && below(w, 5) > 0 ? p->block : ++w->block;
        if (p->state == X402_SETTLED && x->block != p->block) {
            seen.stale++;
        }
    }
}

static struct x402_step step_make(struct world *w, const struct wish *x)
{
    static const char *const value[] = {"10000", "10001", "0"};
    static const char *const token[] = {"token-a", "token-b", "token-c"};
    struct arena *a = &w->s.arena;
    struct x402_step s = case_step(a, x->kind, (unsigned)x->payment, value[x->variant]);
    bool shows = x->kind == X402_STEP_RESERVE || x->kind == X402_STEP_RELEASE || x->shows;
    s.until = w->now + (mete_time)(60 + x->variant) * TIME_SECOND_US;
    s.reservation = shows ? text_of(token[x->who]) : (struct text){0};
    s.policy = x->asks_policy ? TEXT("urn:split") : (struct text){0};
    s.counted = below(w, 6) == 0 ? w->next_nonce + below(w, 3) : 0;
    s.call.fee_max = text_of(x->fee);
    s.cancels = x->kind == X402_STEP_REPLACE && below(w, 4) == 0;
    s.transaction = text_of(x->hash);
    s.block = x->block;
    s.block_time = w->now;
    s.gas_used = 50000;
    s.gas_price = TEXT("7");
    s.reason = x->kind == X402_STEP_FAILED || x->fails
                   ? TEXT("invalid_exact_evm_transaction_failed")
                   : (struct text){0};
    return s;
}

static void facilitate(struct world *w)
{
    struct wish x;
    struct x402_step_result r;
    struct mete_err err;
    wish_draw(w, &x);
    const struct x402_step s = step_make(w, &x);
    seen.steps++;
    if (x402_steps_take(w->s.engine, &case_signer, &s, 1, &w->s.arena, &r, &err) != METE_OK) {
        wrong(w, "%s", err.text);
        return;
    }
    seen.zero += x.kind == X402_STEP_SETTLE && x.variant == 2 && r.status == X402_STEP_TAKEN;
    seen.waited += x.kind == X402_STEP_SETTLED && r.status == X402_STEP_TAKEN &&
                   w->p[x.payment].has_policy && !w->published;
    answer_check(w, &x, &r);
}

/** What was taken is asked once more at once: nothing may come of it. */
static void facilitate_twice(struct world *w)
{
    struct wish x;
    struct x402_step_result r[2];
    struct x402_step s[2];
    struct mete_err err;
    wish_draw(w, &x);
    s[0] = s[1] = step_make(w, &x);
    if (x402_steps_take(w->s.engine, &case_signer, s, 2, &w->s.arena, r, &err) != METE_OK) {
        wrong(w, "%s", err.text);
        return;
    }
    answer_check(w, &x, &r[0]);
    if (r[0].status == X402_STEP_TAKEN && r[1].status != X402_STEP_KNOWN) {
        wrong(w, "%d of payment %d said twice: %d: %s", (int)x.kind, x.payment, (int)r[1].status,
              r[1].err.text);
    }
}

/** The process dies before its commit: all of it has to be as if it had not been. */
static void lost(struct world *w)
{
    static struct world before;
    scene_commit(&w->s);
    before = *w;
    for (unsigned i = below(w, 5) + 1; i > 0; i--) {
        facilitate(w);
    }
    engine_rollback(w->s.engine);
    before.s = w->s;
    before.rng = w->rng;
    before.fine = w->fine;
    before.block = w->block;
    *w = before;
    seen.lost++;
}

static const char *moment(const struct world *w)
{
    static char at[TIME_TEXT_MAX];
    time_format(w->now, at);
    return at;
}

static void row_change(struct world *w)
{
    scene_apply(&w->s,
                "{'event_id':'row%u','event_type':'x402.policy_set','occurred_at':'%s',"
                "'payload':{'pay_to':'" X402_CASE_TO
                "','resource':'https://api.example.org/*','policy':%s}}",
                w->told++, moment(w), w->has_row ? "null" : "'urn:split'");
    w->has_row = !w->has_row;
}

static void publish(struct world *w)
{
    if (!w->published) {
        scene_apply(&w->s,
                    "{'event_id':'split','event_type':'policy.published','occurred_at':'%s',"
                    "'payload':{'policy':{'id':'urn:split','kind':'weights','shares':["
                    "{'party':'ann','weight':'0.7'},{'party':'bob','weight':'0.3'}]}}}",
                    moment(w));
        w->published = true;
    }
}

static void pass_time(struct world *w)
{
    w->now += (mete_time)(1 + below(w, 40)) * TIME_SECOND_US;
    scene_apply(&w->s,
                "{'event_id':'now%u','event_type':'party.registered','occurred_at':'%s','payload':"
                "{'party':'clock'}}",
                w->told++, moment(w));
}

/* --- what must hold ----------------------------------------------------------------------------*/

static i128 paid_to(struct world *w, const char *party)
{
    const struct view *v = engine_view(w->s.engine);
    struct asset asset;
    uint32_t number;
    i128 sums[STATE_SUMS] = {0};
    if (view_party(v, text_of(party), &number) == VIEW_FOUND &&
        view_asset(v, TEXT("USDC-base-sepolia"), &asset) == VIEW_FOUND) {
        struct key key = key_u32x2(KEY_PAID, number, asset.number);
        METE_ASSERT(v->sums(v->ctx, key_bytes(&key), sums) != VIEW_MISSING);
    }
    return sums[0];
}

/** Each payment that is settled, once: by its policy, or paid by the chain. */
static void money_check(struct world *w)
{
    i128 paid = 0, split = 0;
    for (int i = 0; i < PAYMENTS; i++) {
        const struct m_payment *p = &w->p[i];
        bool counts = p->state == X402_SETTLED || p->state == X402_CONFIRMED;
        paid += counts && !p->has_policy ? p->value : 0;
        split += counts && p->has_policy ? p->value : 0;
    }
    i128 shared =
        scene_net(&w->s, "ann", "USDC-base-sepolia") + scene_net(&w->s, "bob", "USDC-base-sepolia");
    i128 suspended = scene_net(&w->s, "mete:suspense", "USDC-base-sepolia");
    if (paid_to(w, X402_CASE_NETWORK ":" X402_CASE_TO) != paid) {
        wrong(w, "what the chain has paid is not what is settled");
    }
    if (scene_net(&w->s, X402_CASE_NETWORK ":" X402_CASE_TO, "USDC-base-sepolia") != 0) {
        wrong(w, "what the chain has paid still stands in the book");
    }
    /* what waits for the policy may have been undone meanwhile: then it waits too */
    if (w->published ? shared != split || suspended != 0 : shared != 0 || suspended < split) {
        wrong(w, "what is split is not what is settled");
    }
    if (!scene_balanced(&w->s)) {
        wrong(w, "the accounts do not sum to zero");
    }
}

static void revenue_check(struct world *w)
{
    const struct x402_revenue_query q = {.by = X402_BY_DAY, .all_days = true};
    struct x402_revenue r;
    struct mete_err err;
    int64_t settled = 0, failed = 0, own = 0;
    i128 gas = 0;
    for (int i = 0; i < PAYMENTS; i++) {
        const struct m_payment *p = &w->p[i];
        bool ended = p->state >= X402_SETTLED;
        settled += p->state == X402_SETTLED || p->state == X402_CONFIRMED;
        failed += p->state == X402_FAILED;
        own += ended && model_is_own(p, p->settled_by);
    }
    METE_ASSERT(x402_revenue(w->s.engine, &q, &w->s.arena, &r, &err) == METE_OK);
    for (size_t i = 0; i < r.gas_count; i++) {
        gas += r.gas[i].cost;
    }
    if (r.settlements != settled || r.failures != failed || gas != (i128)own * 350000) {
        wrong(w, "the sums are not those of the payments");
    }
}

static void open_check(struct world *w)
{
    struct text *ids;
    struct mete_err err;
    size_t count, open = 0;
    for (int i = 0; i < PAYMENTS; i++) {
        const struct m_payment *p = &w->p[i];
        open += p->state == X402_SETTLING || (p->state == X402_SETTLED && p->hashes > 0) ||
                (p->state == X402_FAILED && !p->is_final);
    }
    METE_ASSERT(x402_open_ids(w->s.engine, (struct text){0}, PAYMENTS + 1, &w->s.arena, &ids,
                              &count, &err) == METE_OK);
    if (count != open) {
        wrong(w, "%zu payments are open, should be %zu", count, open);
    }
}

static void check_replay(struct world *w)
{
    struct verify_report unused;
    struct mete_err err;
    scene_commit(&w->s);
    if (book_verify(w->s.engine, &unused, &err) != METE_OK) {
        wrong(w, "a replay differs: %s", err.text);
    }
}

static void check_audit(struct world *w, uint64_t seed)
{
    bool asked = false;
    if (seed % AUDIT_EVERY == 0 && !scene_audited(&w->s, &asked)) {
        wrong(w, "the auditor differs");
    }
    seen.audited += asked;
}

/* --- a run -------------------------------------------------------------------------------------*/

static void one_step(struct world *w)
{
    unsigned dice = below(w, 100);
    if (dice < 70) {
        facilitate(w);
    } else if (dice < 80) {
        facilitate_twice(w);
    } else if (dice < 86) {
        lost(w);
    } else if (dice < 94) {
        pass_time(w);
    } else if (dice < 97) {
        row_change(w);
    } else if (below(w, 8) == 0) {
        publish(w);
    }
}

static bool one_run(uint64_t seed, uint64_t steps)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    rng_seed(&w.rng, seed);
    w.fine = true;
    w.now = START;
    scene_open_store(&w.s, "memory:", seed % 3 == 0 ? 1 : 0);
    for (int i = 0; i < PAYMENTS; i++) {
        w.p[i].holder = -1;
    }
    scene_apply(&w.s, "{'event_id':'conf','event_type':'book.configured','occurred_at':"
                      "'2025-01-01T00:00:00Z','payload':{'clear_after_days':0}}");
    for (uint64_t i = 0; i < steps && w.fine; i++) {
        one_step(&w);
        money_check(&w);
        revenue_check(&w);
        open_check(&w);
        arena_reset(&w.s.arena);
    }
    for (int i = 0; i < PAYMENTS; i++) {
        seen.states[w.p[i].state]++;
    }
    if (w.fine) {
        check_audit(&w, seed);
        publish(&w);
        money_check(&w);
        check_replay(&w);
        check_audit(&w, seed);
    }
    if (!w.fine) {
        printf("# seed %llu\n", (unsigned long long)seed);
    }
    scene_close(&w.s);
    return w.fine;
}

/* --- another order -----------------------------------------------------------------------------*/

/* What becomes of a payment, whatever becomes of the others. */
static const enum x402_step_kind fates[][5] = {
    {X402_STEP_SETTLE},
    {X402_STEP_SETTLE, X402_STEP_SETTLED},
    {X402_STEP_SETTLE, X402_STEP_FAILED},
    {X402_STEP_SETTLE, X402_STEP_SETTLED, X402_STEP_CONFIRMED},
    {X402_STEP_SETTLE, X402_STEP_SETTLED, X402_STEP_UNDONE},
    {X402_STEP_SETTLE, X402_STEP_SETTLED, X402_STEP_UNDONE, X402_STEP_SETTLED},
    {X402_STEP_SETTLE, X402_STEP_FAILED, X402_STEP_UNDONE, X402_STEP_SETTLED, X402_STEP_CONFIRMED}};
static const unsigned fate_len[ARRAY_LEN(fates)] = {1, 2, 2, 3, 3, 4, 5};

struct fate {
    unsigned which, done;
    char value[12];
    bool has_policy;
};

static void fate_step(struct world *w, struct fate *f, unsigned n)
{
    struct arena *a = &w->s.arena;
    const enum x402_step_kind *all = fates[f->which];
    const bool had_failed = f->done > 0 && all[f->done - 1] == X402_STEP_FAILED;
    const enum x402_step_kind kind = all[f->done++];
    struct x402_step s = case_step(a, kind, n, f->value);
    struct x402_step_result r;
    struct mete_err err;
    s.policy = f->has_policy ? TEXT("urn:split") : (struct text){0};
    s.transaction = kind >= X402_STEP_SETTLED ? TEXT("0x57a4") : (struct text){0};
    s.block = kind >= X402_STEP_SETTLED ? 7 : 0;
    s.block_time = w->now;
    s.reason = kind == X402_STEP_FAILED || had_failed ? TEXT("invalid_exact_evm_transaction_failed")
                                                      : (struct text){0};
    if (x402_steps_take(w->s.engine, &case_signer, &s, 1, a, &r, &err) != METE_OK ||
        r.status != X402_STEP_TAKEN) {
        wrong(w, "%d of payment %u: %s", (int)kind, n, r.err.text);
    }
}

/** Takes the steps of all of them in an order of its own; the policy comes somewhere among them. */
static void fates_live(struct world *w, struct fate *f, uint64_t order, struct buf *balances)
{
    unsigned left = 0, turn = 0;
    memset(w, 0, sizeof *w);
    w->fine = true;
    w->now = START;
    rng_seed(&w->rng, order);
    scene_open(&w->s);
    pass_time(w);
    for (unsigned i = 0; i < PAYMENTS; i++) {
        left += fate_len[f[i].which];
        f[i].done = 0;
    }
    for (unsigned at = below(w, left); left > 0 && w->fine; turn++) {
        unsigned n = below(w, PAYMENTS);
        if (turn == at) {
            publish(w);
        }
        if (f[n].done < fate_len[f[n].which]) {
            fate_step(w, &f[n], n);
            left--;
        }
    }
    publish(w);
    scene_balances(&w->s, balances);
}

/** The same payments in two orders come to the same balances. */
static bool orders_agree(uint64_t seed)
{
    static struct world w;
    struct fate f[PAYMENTS];
    struct buf balances[2] = {{0}, {0}};
    struct rng rng;
    bool fine = true;
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < PAYMENTS; i++) {
        f[i] = (struct fate){.which = (unsigned)rng_below(&rng, ARRAY_LEN(fates)),
                             .has_policy = rng_below(&rng, 3) > 0};
        snprintf(f[i].value, sizeof f[i].value, "%u", 1 + (unsigned)rng_below(&rng, 99999));
    }
    for (unsigned k = 0; k < 2; k++) {
        fates_live(&w, f, 2 * seed + k, &balances[k]);
        fine &= w.fine;
        scene_close(&w.s);
    }
    bool same = balances[0].len > 0 && text_eq(buf_text(&balances[0]), buf_text(&balances[1]));
    if (fine && !same) {
        printf("# seed %llu: %.*s\n# otherwise: %.*s\n", (unsigned long long)seed,
               (int)balances[0].len, (const char *)balances[0].p, (int)balances[1].len,
               (const char *)balances[1].p);
    }
    buf_clear(&balances[0]);
    buf_clear(&balances[1]);
    return fine && same;
}

static bool print_seen(void)
{
    const struct machine *m = machine_of(MACHINE_X402);
    static const char *const kinds[] = {"reserve", "release", "settle",    "replace",
                                        "settled", "failed",  "confirmed", "undone"};
    bool all = true;
    for (int k = 0; k <= X402_STEP_UNDONE; k++) {
        printf("# %-9s %7llu taken %7llu known %7llu refused\n", kinds[k],
               (unsigned long long)seen.said[k][X402_STEP_TAKEN],
               (unsigned long long)seen.said[k][X402_STEP_KNOWN],
               (unsigned long long)seen.said[k][X402_STEP_REFUSED]);
        all &= seen.said[k][0] > 0 && seen.said[k][1] > 0 && seen.said[k][2] > 0;
    }
    for (int i = 1; i < X402_STATE_COUNT; i++) {
        printf("# %8llu  ended as %s\n", (unsigned long long)seen.states[i], m->state[i]);
        all &= seen.states[i] > 0;
    }
    const struct world_fact facts[] = {
        {seen.lost, "process lost before its commit"},
        {seen.strangers, "settled by a stranger's transaction"},
        {seen.expired, "reserved anew after a reservation had run out"},
        {seen.stale, "facts of another block"},
        {seen.waited, "settled while the policy was unknown"},
        {seen.undone_waiting, "undone while it waited"},
        {seen.given_up, "failed for good"},
        {seen.zero, "settled without a value"}};
    all &= world_facts(facts, ARRAY_LEN(facts));
    return world_audits(seen.audited) && all;
}

int main(int argc, char **argv)
{
    const struct worlds w =
        worlds_asked(argc, argv, (struct worlds){.seed = 20261122, .runs = 60, .steps = 300});
    uint64_t done = 0;
    bool fine = true, agree = true;
    printf("1..3\n# seed %llu\n", (unsigned long long)w.seed);
    for (; done < w.runs && fine; done++) {
        fine = one_run(w.seed + done, w.steps);
    }
    bool happened = print_seen();
    for (uint64_t i = 0; i < w.runs && agree; i++) {
        agree = orders_agree(w.seed + i);
    }
    printf("%sok 1 - %llu worlds of %llu steps: as the model says, each payment once\n",
           fine ? "" : "not ", (unsigned long long)done, (unsigned long long)w.steps);
    printf("%sok 2 - every answer was given, every fault fired\n", happened ? "" : "not ");
    printf("%sok 3 - the same payments in another order come to the same balances\n",
           agree ? "" : "not ");
    return fine && happened && agree ? 0 : 1;
}
