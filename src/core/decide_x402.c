/* SPDX-License-Identifier: Apache-2.0
 * x402.*: a payment that somebody has signed, one step an event, from its reservation to the block
 * that is final. Which steps there are stands in machine.c; see doc/decisions/0015-x402.md. What a
 * settled payment books may wait for its policy; its state does not. */
#include "core/economy.h"
#include "core/x402.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* A payment as one event finds it and leaves it. */
struct step {
    struct work *w;
    struct x402_number number;
    struct x402_payment was;
    struct x402_payment p;
};

static const struct event_x402 *said(const struct step *s)
{
    return &s->w->event->x402;
}

/* --- finding -----------------------------------------------------------------------------------*/

/** The payment of the event; a name that is said has to be the payment's. */
static enum decided payment_find(struct step *s)
{
    struct work *w = s->w;
    const struct event_x402 *e = said(s);
    if (e->network.len > 0) {
        struct x402_number named = x402_number_of(e->network, e->asset, e->from, e->nonce);
        if (memcmp(named.b, e->number.b, sizeof named.b) != 0) {
            return work_refuse(w, METE_MEMBER_VALUE, "/payload/payment",
                               "this is not the id of network, asset, from and nonce");
        }
    }
    s->number = e->number;
    w->missing |= view_x402(w->view, w->a, &s->number, &s->was) == VIEW_MISSING;
    s->p = s->was;
    s->p.made = s->was.made != 0 ? s->was.made : w->in->seq;
    return w->missing ? DECIDED_NEEDS : DECIDED_APPLIED;
}

static enum decided step_take(struct step *s, unsigned guards)
{
    return work_step(s->w, MACHINE_X402, said(s)->payment, s->p.state, s->w->event->type, guards,
                     &s->p.state);
}

/* --- leaving -----------------------------------------------------------------------------------*/

static void list_put(struct step *s, enum x402_list list, struct text of)
{
    struct buf value = {0};
    struct key key = key_x402_list(list, of);
    key_add_u64(&key, s->p.made);
    buf_put(&value, s->number.b, sizeof s->number.b);
    work_set(s->w, key, &value);
    buf_clear(&value);
}

static void payment_put(struct step *s)
{
    struct work *w = s->w;
    const struct buf none = {0};
    struct buf value = {0};
    bool was_open = x402_is_open(&s->was);
    bool is_open = x402_is_open(&s->p);
    if (s->was.made == 0) {
        list_put(s, X402_LIST_ALL, (struct text){0});
    }
    s->p.steps++;
    s->p.changed_at = w->now;
    x402_payment_pack(&value, &s->p);
    work_set(w, key_x402(&s->number), &value);
    buf_clear(&value);
    if (is_open && !was_open) {
        work_set(w, key_x402_open(&s->number), &none);
    } else if (was_open && !is_open) {
        work_remove(w, key_x402_open(&s->number));
    }
    about_x402(w, said(s)->payment);
}

/* --- reserving ---------------------------------------------------------------------------------*/

static bool same_reservation(const struct step *s)
{
    return s->p.has_reservation && said(s)->has_reservation &&
           hash_eq(&s->p.reservation, &said(s)->reservation);
}

static unsigned reservation_guards(const struct step *s)
{
    return (same_reservation(s) ? GUARD_BIT(GUARD_RESERVATION) : 0) |
           (x402_expired(&s->p, s->w->now) ? GUARD_BIT(GUARD_EXPIRED) : 0);
}

static void name_take(struct step *s)
{
    const struct event_x402 *e = said(s);
    s->p.network = e->network;
    s->p.asset = e->asset;
    s->p.from = e->from;
    s->p.nonce = e->nonce;
    s->p.until = e->until;
    s->p.has_reservation = e->has_reservation;
    s->p.reservation = e->reservation;
}

static enum decided reserved(struct step *s)
{
    enum decided fine = step_take(s, reservation_guards(s) & ~GUARD_BIT(GUARD_RESERVATION));
    if (fine == DECIDED_APPLIED) {
        name_take(s);
    }
    return fine;
}

static enum decided released(struct step *s)
{
    return step_take(s, reservation_guards(s) & GUARD_BIT(GUARD_RESERVATION));
}

/* --- settling ----------------------------------------------------------------------------------*/

/** Notes a transaction of the payment: its hash is mete's own, of no other payment. */
static enum decided transaction_take(struct step *s)
{
    struct work *w = s->w;
    const struct event_x402 *e = said(s);
    struct x402_number other;
    bool is_own;
    enum view_result found = view_x402_transaction(w->view, e->transaction, &other, &is_own);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        return work_refuse(w, METE_TRANSACTION_USED, "/payload/transaction",
                           "a payment has this transaction already");
    }
    if (s->p.transaction_count == X402_TRANSACTIONS_MAX) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/transaction",
                           "a payment has at most %u transactions", X402_TRANSACTIONS_MAX);
    }
    s->p.transaction[s->p.transaction_count] = e->transaction;
    s->p.body[s->p.transaction_count++] = w->in->seq;
    s->p.cancels = e->cancels;
    struct buf value = {0};
    buf_put(&value, s->number.b, sizeof s->number.b);
    buf_put_u8(&value, 1);
    work_set(w, key_x402_transaction(e->transaction), &value);
    buf_clear(&value);
    return DECIDED_APPLIED;
}

/** Account nonces are given in the order of the log, each once. */
static enum decided account_take(struct step *s)
{
    struct work *w = s->w;
    const struct event_x402 *e = said(s);
    uint64_t next;
    w->missing |= view_x402_account(w->view, e->network, e->signer, &next) == VIEW_MISSING;
    if (e->account_nonce < next) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/account_nonce",
                           "the account's nonces below %" PRIu64 " are given", next);
    }
    s->p.account_nonce = e->account_nonce;
    struct buf value = {0};
    buf_put_varint(&value, e->account_nonce + 1);
    work_set(w, key_x402_account(e->network, e->signer), &value);
    buf_clear(&value);
    return transaction_take(s);
}

/** What the value is in the asset's own units, which are those of its code. */
static enum decided value_take(struct step *s)
{
    struct work *w = s->w;
    const struct event_x402 *e = said(s);
    struct asset asset;
    i128 value;
    enum mete_code code = x402_value_parse(e->value, &value);
    if (code != METE_OK) {
        return work_refuse(w, code, "/payload/value",
                           "a payment moves less than 2^%d of the token's smallest units",
                           X402_VALUE_BITS_MAX);
    }
    enum decided fine = work_money(w, &e->amount, "/payload/amount", &asset, &s->p.amount);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    if (value != s->p.amount) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/value",
                           "the amount in the token's smallest units");
    }
    if ((value > 0) != (e->signer.len > 0)) {
        return work_refuse(w, METE_MEMBER_VALUE, "/payload/signer",
                           "a value above zero is moved by a transaction, no value by none");
    }
    s->p.asset_number = asset.number;
    return DECIDED_APPLIED;
}

/** The policy is the request's, or the one that its resource has now. */
static enum decided policy_take(struct step *s)
{
    struct work *w = s->w;
    const struct event_x402 *e = said(s);
    struct text has = {0};
    s->p.policy = e->policy;
    if (e->policy_asked) {
        return DECIDED_APPLIED;
    }
    enum view_result found = view_x402_policy(w->view, w->a, e->to, e->resource, e->network, &has);
    w->missing |= found == VIEW_MISSING;
    return w->missing || text_eq(has, e->policy)
               ? DECIDED_APPLIED
               : work_refuse(w, METE_MEMBER_VALUE, "/payload/policy",
                             "this resource has another policy");
}

static void request_take(struct step *s)
{
    const struct event_x402 *e = said(s);
    s->p.begun_at = s->w->now;
    s->p.request = e->request;
    s->p.scheme = e->scheme;
    s->p.to = e->to;
    s->p.value = e->value;
    s->p.resource = e->resource;
    s->p.signer = e->signer;
}

/** Who shows a reservation must be who has it, whether it has run out or not. */
static bool shows_another(const struct step *s)
{
    return said(s)->has_reservation && (s->p.state != X402_RESERVED || !same_reservation(s));
}

static void lists_put(struct step *s)
{
    if (s->p.resource.len > 0) {
        list_put(s, X402_LIST_RESOURCE, s->p.resource);
    }
    list_put(s, X402_LIST_FROM, s->p.from);
    list_put(s, X402_LIST_TO, s->p.to);
}

static enum decided settling(struct step *s)
{
    if (shows_another(s)) {
        return work_refuse(s->w, METE_PAYMENT_RESERVED, "/payload/reservation",
                           "the payment does not have this reservation");
    }
    enum decided fine = step_take(s, reservation_guards(s));
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    name_take(s);
    request_take(s);
    fine = value_take(s);
    fine = fine == DECIDED_APPLIED ? policy_take(s) : fine;
    if (fine == DECIDED_APPLIED && said(s)->signer.len > 0) {
        fine = account_take(s);
    }
    if (fine == DECIDED_APPLIED) {
        lists_put(s);
    }
    return fine;
}

static unsigned chain_guard(const struct x402_payment *p)
{
    return p->transaction_count > 0 ? GUARD_BIT(GUARD_ON_CHAIN) : 0;
}

static enum decided replaced(struct step *s)
{
    enum decided fine = step_take(s, chain_guard(&s->p));
    if (fine == DECIDED_APPLIED && said(s)->account_nonce != s->p.account_nonce) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/account_nonce",
                           "what replaces a transaction has its account nonce");
    }
    return fine == DECIDED_APPLIED ? transaction_take(s) : fine;
}

/* --- what it adds up to ------------------------------------------------------------------------*/

/** The sums of the payment's asset and network. */
static void sums_complete(const struct step *s, struct key *sums)
{
    key_add_u32(sums, s->p.asset_number);
    for (size_t i = 0; i < s->p.network.len; i++) {
        key_add_u8(sums, (uint8_t)s->p.network.p[i]);
    }
}

/** Counts a payer of these sums, once; what that changes. */
static i128 payer_count(struct step *s, const struct key *sums, int by)
{
    struct work *w = s->w;
    struct key key = key_x402_payer(*sums, s->p.from);
    struct bytes value;
    uint64_t count = 0;
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        struct reader r = reader_of(value);
        count = read_varint(&r);
    }
    uint64_t left = by > 0 ? count + 1 : count > 0 ? count - 1 : 0;
    struct buf packed = {0};
    buf_put_varint(&packed, left);
    if (left > 0) {
        work_set(w, key, &packed);
    } else {
        work_remove(w, key);
    }
    buf_clear(&packed);
    return (left > 0) - (count > 0);
}

/** Adds (by 1) or takes away (by -1) an outcome of the payment. */
static void outcome_count(struct step *s, bool is_settled, int by)
{
    static const uint8_t every[X402_HASH_LEN];
    uint8_t resource[X402_HASH_LEN];
    x402_hash(s->p.resource, resource);
    struct key of[] = {key_x402_sums(X402_OF_DAY, s->p.day, every),
                       key_x402_sums(X402_OF_DAY_RESOURCE, s->p.day, resource),
                       key_x402_sums(X402_OF_RESOURCE, 0, resource)};
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        sums_complete(s, &of[i]);
        i128 what[STATE_SUMS] = {0};
        what[X402_SUM_COUNT] = is_settled ? by : 0;
        what[X402_SUM_VALUE] = is_settled ? by * s->p.amount : 0;
        what[X402_SUM_FAILED] = is_settled ? 0 : by;
        what[X402_SUM_PAYERS] = is_settled ? payer_count(s, &of[i], by) : 0;
        work_add(s->w, of[i], what[0], what[1], what[2], what[3]);
    }
    if (s->p.gas_used > 0) {
        work_add(s->w, key_x402_gas(s->p.day, s->p.network), by, by * (i128)s->p.gas_used,
                 by * s->p.gas_cost, 0);
    }
}

static void resource_put(struct step *s)
{
    struct work *w = s->w;
    uint8_t hash[X402_HASH_LEN];
    struct x402_known_resource r = {.resource = s->p.resource, .last_day = INT32_MIN};
    struct bytes value;
    x402_hash(s->p.resource, hash);
    struct key key = key_x402_resource(hash);
    enum view_result found = w->view->get(w->view->ctx, key_bytes(&key), &value);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND) {
        value = text_bytes(arena_text(w->a, bytes_text(value)));
        METE_ASSERT(x402_resource_unpack(value, &r));
    }
    if (s->p.state == X402_SETTLED) {
        r.days += s->p.day > r.last_day;
        r.last_day = s->p.day > r.last_day ? s->p.day : r.last_day;
        r.last_settled_at =
            w->event->occurred_at > r.last_settled_at ? w->event->occurred_at : r.last_settled_at;
    }
    struct buf packed = {0};
    x402_resource_pack(&packed, &r);
    work_set(w, key, &packed);
    buf_clear(&packed);
}

/* --- what became of it -------------------------------------------------------------------------*/

static bool is_own(const struct step *s, struct text transaction)
{
    for (uint32_t i = 0; i < s->p.transaction_count; i++) {
        if (text_eq(s->p.transaction[i], transaction)) {
            return true;
        }
    }
    return false;
}

/** A stranger's transaction may have settled several payments; one of mete's own is of one. */
static enum decided settler_check(struct step *s)
{
    struct work *w = s->w;
    struct text transaction = said(s)->transaction;
    struct x402_number other;
    bool own = false;
    if (transaction.len == 0 || is_own(s, transaction)) {
        return DECIDED_APPLIED;
    }
    enum view_result found = view_x402_transaction(w->view, transaction, &other, &own);
    w->missing |= found == VIEW_MISSING;
    if (found == VIEW_FOUND && own) {
        return work_refuse(w, METE_TRANSACTION_USED, "/payload/transaction",
                           "this is the transaction of another payment");
    }
    if (found == VIEW_ABSENT) {
        struct buf value = {0};
        buf_put(&value, s->number.b, sizeof s->number.b);
        buf_put_u8(&value, 0);
        work_set(w, key_x402_transaction(transaction), &value);
        buf_clear(&value);
    }
    return DECIDED_APPLIED;
}

static void outcome_take(struct step *s)
{
    const struct event_x402 *e = said(s);
    bool paid_gas = is_own(s, e->transaction);
    s->p.outcome = s->w->event->id;
    s->p.settled_by = e->transaction;
    s->p.block = e->block;
    s->p.reason = e->reason;
    s->p.day = time_day(s->w->event->occurred_at);
    s->p.gas_used = paid_gas ? e->gas_used : 0;
    s->p.gas_cost = paid_gas ? (i128)e->gas_used * e->gas_price : 0;
}

/** What settles is the payment as it was begun. */
static enum decided settled_check(struct step *s)
{
    const struct event_x402 *e = said(s);
    bool same = text_eq(e->to, s->p.to) && text_eq(e->value, s->p.value) &&
                text_eq(e->policy, s->p.policy) && text_eq(e->resource, s->p.resource);
    if (!same) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload",
                           "to, value, resource and policy stand in x402.settling");
    }
    if ((e->transaction.len > 0) != (s->p.transaction_count > 0)) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/transaction",
                           "a value above zero was moved by a transaction, no value by none");
    }
    return settler_check(s);
}

static enum decided ended(struct step *s)
{
    bool is_settled = s->w->event->type == EVENT_X402_SETTLED;
    enum decided fine = step_take(s, chain_guard(&s->p));
    fine = fine != DECIDED_APPLIED ? fine : is_settled ? settled_check(s) : settler_check(s);
    if (fine == DECIDED_APPLIED) {
        outcome_take(s);
        outcome_count(s, is_settled, 1);
        resource_put(s);
    }
    return fine;
}

static unsigned final_guard(const struct x402_payment *p)
{
    return p->is_final ? 0 : GUARD_BIT(GUARD_NOT_FINAL);
}

static enum decided confirmed(struct step *s)
{
    enum decided fine = step_take(s, chain_guard(&s->p) | final_guard(&s->p));
    s->p.is_final = s->p.state == X402_FAILED;
    return fine;
}

static enum decided undone(struct step *s)
{
    bool was_settled = s->p.state == X402_SETTLED;
    enum decided fine = step_take(s, chain_guard(&s->p) | final_guard(&s->p));
    if (fine == DECIDED_APPLIED && !text_eq(said(s)->undoes, s->p.outcome)) {
        return work_refuse(s->w, METE_MEMBER_VALUE, "/payload/undoes",
                           "the event that said what became of it is \"%.*s\"",
                           (int)s->p.outcome.len, s->p.outcome.p);
    }
    if (fine == DECIDED_APPLIED) {
        outcome_count(s, was_settled, -1);
    }
    return fine;
}

/* --- money -------------------------------------------------------------------------------------*/

static void move(struct work *w, struct group *g, uint32_t party, i128 amount)
{
    struct line *line = group_line(w->a, g);
    line->kind = LINE_TRANSFER;
    line->party = party;
    line->amount = amount;
}

/** The chain has paid the party: what it got is out of the book again. Negative: it has not. */
static void pay(struct work *w, uint32_t party, uint32_t asset, i128 amount)
{
    struct group *g = work_group(w, GROUP_TRANSFER, asset);
    move(w, g, party, -amount);
    move(w, g, PARTY_CLEARING, amount);
    work_add(w, key_u32x2(KEY_PAID, party, asset), amount, 0, 0, 0);
}

/** Nobody's policy: all of it is who it was paid to, "NETWORK:PAY_TO", at once and without fees. */
static enum decided book_paid(struct work *w, uint32_t asset, i128 amount)
{
    const struct event_x402 *e = &w->event->x402;
    struct text to =
        arena_printf(w->a, "%.*s:%.*s", (int)e->network.len, e->network.p, (int)e->to.len, e->to.p);
    struct group *g = work_revenue_group(w, asset, amount);
    g->clears_at = w->now;
    enum decided fine = split_single(w, g, to, amount);
    if (fine == DECIDED_APPLIED) {
        pay(w, work_party(w, to), asset, amount);
    }
    return fine;
}

/** Splits the revenue as revenue.received of the same policy would be. */
static enum decided book_settled(struct work *w)
{
    const struct event_x402 *e = &w->event->x402;
    const struct event_revenue revenue = {.amount = e->amount, .target_id = e->policy};
    struct asset asset;
    i128 gross = 0, net = 0;
    struct version *versions = NULL;
    size_t count = 0;
    enum decided fine = work_money(w, &e->amount, "/payload/amount", &asset, &gross);
    if (fine != DECIDED_APPLIED || gross == 0) {
        return fine;
    }
    if (e->policy.len == 0) {
        return book_paid(w, asset.number, gross);
    }
    w->money_asset = asset.number;
    w->money = gross;
    struct group *g = work_revenue_group(w, asset.number, gross);
    fine = split_fees(w, g, 0, &net);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    uint32_t policy = work_policy(w, e->policy, &versions, &count);
    return split_by_policy(w, g, policy, net, w->event->occurred_at, &revenue);
}

/** Takes back what the event that is undone has booked, once it has. */
static enum decided book_undone(struct work *w)
{
    const struct event_x402 *e = &w->event->x402;
    struct key key = key_event_id(e->undoes);
    struct decision d;
    uint64_t seq;
    uint32_t page;
    bool booked = false;
    struct bytes value;
    if (w->view->get(w->view->ctx, key_bytes(&key), &value) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    struct reader r = reader_of(value);
    if (original_load(w, read_varint(&r), &d, &seq, &page, &booked) != VIEW_FOUND) {
        w->missing = true;
        return DECIDED_NEEDS;
    }
    if (!booked) {
        return work_wait(w, METE_ORIGINAL_UNKNOWN, wait_event_key(e->undoes), "/payload/undoes");
    }
    reverse_rest(w, &d, seq, page);
    for (uint32_t i = 0; i < d.group_count; i++) {
        const struct group *g = &d.group[i];
        if (g->kind == GROUP_TRANSFER) {
            pay(w, g->line[0].party, g->asset, g->line[0].amount);
        }
    }
    return DECIDED_APPLIED;
}

/* --- the event ---------------------------------------------------------------------------------*/

typedef enum decided step_of(struct step *s);

static enum decided state_decide(struct work *w, uint8_t *was)
{
    static step_of *const steps[EVENT_TYPE_COUNT] = {
        [EVENT_X402_RESERVED] = reserved,   [EVENT_X402_RELEASED] = released,
        [EVENT_X402_SETTLING] = settling,   [EVENT_X402_REPLACED] = replaced,
        [EVENT_X402_SETTLED] = ended,       [EVENT_X402_FAILED] = ended,
        [EVENT_X402_CONFIRMED] = confirmed, [EVENT_X402_UNDONE] = undone,
    };
    struct step s = {.w = w};
    enum decided fine = payment_find(&s);
    *was = s.was.state;
    fine = fine == DECIDED_APPLIED ? steps[w->event->type](&s) : fine;
    if (fine == DECIDED_APPLIED) {
        payment_put(&s);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}

enum decided decide_x402(struct work *w)
{
    enum event_type type = w->event->type;
    uint8_t was = X402_SETTLED;
    /* one that waited has taken its step already: only its money is left */
    enum decided fine = w->released ? DECIDED_APPLIED : state_decide(w, &was);
    if (fine != DECIDED_APPLIED) {
        return fine;
    }
    w->stays = w->out->put_count;
    if (type == EVENT_X402_SETTLED) {
        fine = book_settled(w);
    } else if (type == EVENT_X402_UNDONE && was == X402_SETTLED) {
        fine = book_undone(w);
    }
    return w->missing ? DECIDED_NEEDS : fine;
}
