/* SPDX-License-Identifier: Apache-2.0
 * x402.*: a payment is settled once, by transactions of its own account nonce; its revenue is that
 * of the policy which was fixed when settling began, or its payee's, whom the chain has paid. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "audit/reversal.h"
#include "audit/split.h"
#include "base/i128.h"
#include "base/text.h"
#include "crypto/hash.h"

void x402_init(struct x402_book *x, struct arena *keep)
{
    *x = (struct x402_book){.keep = keep};
    map_init(&x->payment_of, sizeof(void *), 51);
    map_init(&x->transaction_of, sizeof(void *), 52);
    map_init(&x->stranger_of, sizeof(void *), 53);
    map_init(&x->account_of, sizeof(struct x402_account), 54);
    map_init(&x->splits_of, sizeof(struct x402_splits), 55);
    map_init(&x->sum_of, sizeof(struct x402_sum), 56);
    map_init(&x->payer_of, sizeof(int64_t), 57);
}

void x402_clear(struct x402_book *x)
{
    map_clear(&x->payment_of);
    map_clear(&x->transaction_of);
    map_clear(&x->stranger_of);
    map_clear(&x->account_of);
    map_clear(&x->splits_of);
    map_clear(&x->sum_of);
    map_clear(&x->payer_of);
}

static bool is(const char *word, const char *other)
{
    return strcmp(word, other) == 0;
}

bool x402_entry_is_open(const struct x402_entry *p)
{
    return is(p->state, "settling") || (is(p->state, "settled") && p->settled_by.len > 0) ||
           (is(p->state, "failed") && !p->failed_for_good);
}

/* --- policies of resources ---------------------------------------------------------------------*/

/* Addresses of EVM chains are kept in lower case. */
static struct text address(struct arena *a, struct text t)
{
    struct text out = arena_text(a, t);
    char *c = (char *)(uintptr_t)out.p;
    for (size_t i = 0; text_starts(t, "0x") && i < out.len; i++) {
        c[i] = (char)(c[i] >= 'A' && c[i] <= 'Z' ? c[i] - 'A' + 'a' : c[i]);
    }
    return out;
}

void x402_policy_take(struct audit *a, struct moment *m)
{
    struct x402_book *x = &a->x402;
    struct text pay_to = address(x->keep, member_text(m->payload, "pay_to"));
    const struct x402_split row = {.resource = member_keep(x->keep, m->payload, "resource"),
                                   .network = member_keep(x->keep, m->payload, "network"),
                                   .policy = member_keep(x->keep, m->payload, "policy")};
    struct x402_splits *all = map_put(&x->splits_of, text_bytes(pay_to), NULL);
    for (uint32_t i = 0; i < all->count; i++) {
        if (text_eq(all->split[i].resource, row.resource) &&
            text_eq(all->split[i].network, row.network)) {
            all->split[i].policy = row.policy;
            return;
        }
    }
    all->split = arena_grow(x->keep, all->split, all->count, &all->capacity, sizeof all->split[0]);
    all->split[all->count++] = row;
}

/* The whole URL, or how it begins; the longest one, exact before a beginning, a network before
 * any. */
static uint64_t rank(const struct x402_split *s, struct text resource, struct text network)
{
    bool begins = s->resource.len > 0 && s->resource.p[s->resource.len - 1] == '*';
    struct text of = {s->resource.p, s->resource.len - begins};
    struct text head = {resource.p, resource.len < of.len ? resource.len : of.len};
    if (s->policy.len == 0 || !text_eq(head, of) || (!begins && resource.len != of.len) ||
        (s->network.len > 0 && !text_eq(s->network, network))) {
        return 0;
    }
    return ((uint64_t)of.len << 2 | (uint64_t)!begins << 1 | (s->network.len > 0)) + 1;
}

static struct text policy_of(struct audit *a, struct moment *m)
{
    struct text to = address(m->arena, member_text(m->payload, "to"));
    const struct x402_splits *all = map_get(&a->x402.splits_of, text_bytes(to));
    struct text best = {0};
    uint64_t most = 0;
    for (uint32_t i = 0; all != NULL && i < all->count; i++) {
        uint64_t has = rank(&all->split[i], member_text(m->payload, "resource"),
                            member_text(m->payload, "network"));
        best = has > most ? all->split[i].policy : best;
        most = has > most ? has : most;
    }
    return best;
}

/* --- the payment -------------------------------------------------------------------------------*/

static void judge_name(struct moment *m, struct text id)
{
    static const char *const parts[] = {"network", "asset", "from", "nonce"};
    struct buf all = {0};
    char hex[65];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct text part = member_text(m->payload, parts[i]);
        buf_put_str(&all, i > 0 ? "|" : "");
        buf_put_text(&all, i == 1 || i == 2 ? address(m->arena, part) : part);
    }
    struct hash h = sha256(buf_bytes(&all));
    buf_clear(&all);
    hash_hex(&h, hex);
    struct text want = arena_printf(m->arena, "x402-%.40s", hex);
    if (json_get(m->payload, "network") != NULL && !text_eq(want, id)) {
        event_forbidden(m, "its id is not that of network, asset, from and nonce");
    }
}

static struct x402_entry *entry_of(struct audit *a, struct moment *m)
{
    bool made;
    struct text id = member_text(m->payload, "payment");
    struct x402_entry **slot = map_put(&a->x402.payment_of, text_bytes(id), &made);
    if (made) {
        *slot = arena_alloc(a->x402.keep, sizeof **slot);
        **slot = (struct x402_entry){.id = arena_text(a->x402.keep, id), .state = ""};
    }
    return *slot;
}

static void name_take(struct audit *a, struct moment *m, struct x402_entry *p)
{
    struct arena *keep = a->x402.keep;
    p->network = member_keep(keep, m->payload, "network");
    p->asset = address(keep, member_text(m->payload, "asset"));
    p->from = address(keep, member_text(m->payload, "from"));
    p->nonce = member_keep(keep, m->payload, "nonce");
    p->until = member_time(m->payload, "until", false, m->booked_at);
    p->reservation = member_keep(keep, m->payload, "reservation");
}

/* --- its steps ---------------------------------------------------------------------------------*/

static bool held(const struct moment *m, const struct x402_entry *p)
{
    return is(p->state, "reserved") && p->until > m->booked_at;
}

static bool begun(const struct x402_entry *p)
{
    return !is(p->state, "") && !is(p->state, "reserved") && !is(p->state, "released");
}

static void wrong_state(struct moment *m, const struct x402_entry *p)
{
    event_forbidden(m, "the payment is %s", is(p->state, "") ? "not known" : p->state);
}

static void reserved(struct audit *a, struct moment *m, struct x402_entry *p)
{
    if (begun(p) || held(m, p)) {
        wrong_state(m, p);
    }
    name_take(a, m, p);
    p->state = "reserved";
}

static void released(struct audit *a, struct moment *m, struct x402_entry *p)
{
    (void)a;
    if (!is(p->state, "reserved") ||
        !text_eq(member_text(m->payload, "reservation"), p->reservation)) {
        event_forbidden(m, "it gives back a reservation that the payment does not have");
    }
    p->state = "released";
}

/* A transaction of mete's own belongs to one payment. */
static void transaction_take(struct audit *a, struct moment *m, struct x402_entry *p)
{
    struct x402_book *x = &a->x402;
    bool made;
    struct text hash = member_keep(x->keep, m->payload, "transaction");
    struct x402_entry **whose = map_put(&x->transaction_of, text_bytes(hash), &made);
    if (!made || map_get(&x->stranger_of, text_bytes(hash)) != NULL) {
        event_forbidden(m, "a payment has this transaction already");
    }
    *whose = made ? p : *whose;
    p->transaction = arena_grow(x->keep, p->transaction, p->transactions, &p->transaction_capacity,
                                sizeof p->transaction[0]);
    p->transaction[p->transactions++] = hash;
    p->cancels = json_is_true(json_get(m->payload, "cancels"));
}

/* What an account's row is named by. */
static void account_name(const struct x402_entry *p, char out[33])
{
    struct buf both = {0};
    char hex[65];
    buf_put_sized(&both, p->network);
    buf_put_sized(&both, p->signer);
    struct hash h = sha256(buf_bytes(&both));
    buf_clear(&both);
    hash_hex(&h, hex);
    memcpy(out, hex, 32);
    out[32] = '\0';
}

static void account_take(struct audit *a, struct moment *m, struct x402_entry *p)
{
    bool made;
    struct text key = arena_printf(m->arena, "%.*s%c%.*s", (int)p->network.len, p->network.p, 0,
                                   (int)p->signer.len, p->signer.p);
    struct x402_account *account = map_put(&a->x402.account_of, text_bytes(key), &made);
    if (made) {
        *account = (struct x402_account){.next = 0};
        account_name(p, account->id);
    }
    p->account_nonce = member_u64(m->payload, "account_nonce", 0);
    if (p->account_nonce < account->next) {
        event_forbidden(m, "account nonce %" PRIu64 " was given before", p->account_nonce);
    }
    account->next = p->account_nonce + 1;
}

/* Who shows a reservation has it; who shows none finds the payment free. */
static void judge_reservation(struct moment *m, const struct x402_entry *p)
{
    struct text shown = member_text(m->payload, "reservation");
    bool own = is(p->state, "reserved") && text_eq(shown, p->reservation);
    if (shown.len > 0 ? !own : held(m, p)) {
        event_forbidden(m, "the payment is reserved by somebody else, or not at all");
    }
}

static void judge_amount(struct moment *m, struct x402_entry *p)
{
    u128 value;
    p->unit = NULL;
    p->amount = 0;
    if (!book_money(m->book, json_get(m->payload, "amount"), &p->unit, &p->amount) ||
        !u128_parse(member_text(m->payload, "value"), &value) || (i128)value != p->amount) {
        event_forbidden(m, "its amount is not its value");
    } else if (value >> 96 != 0) {
        event_forbidden(m, "a payment moves less than 2^96 of the smallest units");
    }
}

static bool is_zero(struct text value)
{
    u128 number = 0;
    return u128_parse(value, &number) && number == 0;
}

/* CAIP-10. */
static struct text payee(struct arena *a, struct text network, struct text to)
{
    return arena_printf(a, "%.*s:%.*s", (int)network.len, network.p, (int)to.len, to.p);
}

static void settling(struct audit *a, struct moment *m, struct x402_entry *p)
{
    struct arena *keep = a->x402.keep;
    struct text fixed = member_text(m->payload, "policy");
    if (begun(p)) {
        wrong_state(m, p);
    }
    judge_reservation(m, p);
    judge_amount(m, p);
    name_take(a, m, p);
    p->scheme = member_keep(keep, m->payload, "scheme");
    p->to = address(keep, member_text(m->payload, "to"));
    p->value = member_keep(keep, m->payload, "value");
    p->resource = member_keep(keep, m->payload, "resource");
    p->policy = arena_text(keep, fixed);
    p->request = member_keep(keep, m->payload, "request");
    p->signer = address(keep, member_text(m->payload, "signer"));
    if (!json_is_true(json_get(m->payload, "policy_asked")) && !text_eq(fixed, policy_of(a, m))) {
        event_forbidden(m, "its policy is not that of its resource");
    }
    if ((p->signer.len == 0) != is_zero(p->value)) {
        event_forbidden(m, "a value moves by a transaction, and none without");
    }
    if (p->signer.len > 0) {
        account_take(a, m, p);
        transaction_take(a, m, p);
    }
    if (p->policy.len == 0) {
        book_mention(&a->book, payee(keep, p->network, p->to));
    }
    p->state = "settling";
}

static void replaced(struct audit *a, struct moment *m, struct x402_entry *p)
{
    if (!is(p->state, "settling") || p->transactions == 0) {
        wrong_state(m, p);
    }
    if (member_u64(m->payload, "account_nonce", UINT64_MAX) != p->account_nonce) {
        event_forbidden(m, "a replacement has the account nonce of what it replaces");
    }
    transaction_take(a, m, p);
}

/* Its own, or a stranger's; never one that mete has made for another payment. */
static void settler_take(struct audit *a, struct moment *m, struct x402_entry *p)
{
    struct x402_book *x = &a->x402;
    bool made;
    struct text hash = member_keep(x->keep, m->payload, "transaction");
    struct x402_entry **own = map_get(&x->transaction_of, text_bytes(hash));
    if (own != NULL && *own != p) {
        event_forbidden(m, "this is the transaction of another payment");
    }
    if (own == NULL && hash.len > 0) {
        struct x402_entry **first = map_put(&x->stranger_of, text_bytes(hash), &made);
        *first = made ? p : *first;
    }
    bool paid_gas = own != NULL && *own == p;
    p->gas_used = paid_gas ? member_u64(m->payload, "gas_used", 0) : 0;
    p->gas_cost = (i128)((u128)p->gas_used * member_u64(m->payload, "gas_price", 0));
    p->day = time_day(m->occurred_at);
    p->settled_by = hash;
    p->block = member_u64(m->payload, "block", 0);
    p->reason = member_keep(x->keep, m->payload, "reason");
    p->outcome = arena_text(x->keep, m->event_id);
}

/* What the chain has paid to somebody without a policy, or has not after all. An asset's number is
 * known from the decision on, so this comes after it. */
static void count_paid(struct audit *a, struct moment *m, struct x402_entry *p, int by)
{
    struct text party = payee(m->arena, p->network, p->to);
    if (p->is_paid) {
        uint32_t number = names_number(&m->book->parties, party);
        struct account *x = ledger_obtain(&a->ledger, number, p->unit->number);
        x->paid = i128_plus(x->paid, by * p->amount);
    }
}

static void settled(struct audit *a, struct moment *m, struct x402_entry *p)
{
    struct text to = address(m->arena, member_text(m->payload, "to"));
    if (!is(p->state, "settling")) {
        wrong_state(m, p);
    }
    judge_amount(m, p);
    if (!text_eq(to, p->to) || !text_eq(member_text(m->payload, "value"), p->value) ||
        !text_eq(member_text(m->payload, "resource"), p->resource) ||
        !text_eq(member_text(m->payload, "policy"), p->policy)) {
        event_forbidden(m, "to, value, resource or policy are not those that settling began with");
    }
    if ((member_text(m->payload, "transaction").len > 0) != (p->transactions > 0)) {
        event_forbidden(m, "a value moves by a transaction, and none without");
    }
    settler_take(a, m, p);
    p->is_paid = p->policy.len == 0 && p->unit != NULL && p->amount != 0;
    count_paid(a, m, p, 1);
    p->state = "settled";
    x402_count(a, m, p, 1);
}

static void failed(struct audit *a, struct moment *m, struct x402_entry *p)
{
    if (!is(p->state, "settling") || p->transactions == 0) {
        wrong_state(m, p);
    }
    settler_take(a, m, p);
    p->state = "failed";
    x402_count(a, m, p, 1);
}

static void confirmed(struct audit *a, struct moment *m, struct x402_entry *p)
{
    (void)a;
    if (is(p->state, "failed") && !p->failed_for_good) {
        p->failed_for_good = true;
        return;
    }
    if (!is(p->state, "settled") || p->transactions == 0) {
        wrong_state(m, p);
    }
    p->state = "confirmed";
}

static void undone(struct audit *a, struct moment *m, struct x402_entry *p)
{
    if ((!is(p->state, "settled") && !is(p->state, "failed")) || p->transactions == 0 ||
        p->failed_for_good) {
        wrong_state(m, p);
    }
    if (!text_eq(member_text(m->payload, "undoes"), p->outcome)) {
        event_forbidden(m, "it undoes another event than the one that ended the payment");
    }
    if (is(p->state, "settled")) {
        count_paid(a, m, p, -1);
    }
    if (p->outcome.len > 0) {
        x402_count(a, m, p, -1);
    }
    p->outcome = p->settled_by = p->reason = (struct text){0};
    p->block = 0;
    p->state = "settling";
}

void x402_take(struct audit *a, struct moment *m)
{
    static const struct {
        const char *type;
        void (*take)(struct audit *a, struct moment *m, struct x402_entry *p);
    } steps[] = {{"x402.reserved", reserved},   {"x402.released", released},
                 {"x402.settling", settling},   {"x402.replaced", replaced},
                 {"x402.settled", settled},     {"x402.failed", failed},
                 {"x402.confirmed", confirmed}, {"x402.undone", undone}};
    struct x402_entry *p = entry_of(a, m);
    judge_name(m, p->id);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (text_is(event_kind_of(m), steps[i].type)) {
            steps[i].take(a, m, p);
        }
    }
    p->steps++;
}

/* --- money -------------------------------------------------------------------------------------*/

struct record *x402_undone(struct audit *a, const struct moment *m, bool anew)
{
    struct text id = member_text(m->payload, "payment");
    struct x402_entry **p = map_get(&a->x402.payment_of, text_bytes(id));
    uint64_t seq;
    bool moved = anew || (p != NULL && is((*p)->state, "settled"));
    return moved ? journal_find(&a->journal, member_text(m->payload, "undoes"), &seq) : NULL;
}

void x402_judge(struct audit *a, struct moment *m, struct want *w)
{
    struct text policy = member_text(m->payload, "policy");
    if (text_is(event_kind_of(m), "x402.settled")) {
        if (policy.len > 0 && !is_zero(member_text(m->payload, "value"))) {
            split_judge(m, w, policy);
        }
        return;
    }
    const struct record *r = x402_undone(a, m, false);
    if (r != NULL && r->accepted_waiting) {
        want_waits(m, w, METE_ORIGINAL_UNKNOWN, member_text(m->payload, "undoes"));
    }
}

static void book_settled(struct audit *a, struct moment *m, struct want *w)
{
    struct asset *asset;
    i128 gross;
    struct text policy = member_text(m->payload, "policy");
    if (!book_money(m->book, json_get(m->payload, "amount"), &asset, &gross) || gross == 0) {
        return;
    }
    struct want_group *g = want_group(m, w, FOUND_REVENUE, asset, gross);
    g->has_clears_at = true;
    if (policy.len > 0) {
        g->clears_at = want_clears_at(m);
        split_policy(m, &a->carry, g, policy, split_charges(m, g, false, 0));
        return;
    }
    struct text party = payee(m->arena, member_text(m->payload, "network"),
                              address(m->arena, member_text(m->payload, "to")));
    g->clears_at = m->booked_at;
    split_party(m, g, party, gross);
    g = want_group(m, w, FOUND_TRANSFER, asset, 0);
    (void)want_line(m, g, FOUND_MOVED, party, -gross);
    (void)want_own_line(m, g, FOUND_MOVED, OWN_CLEARING, gross);
}

/* Exactly what is left of it goes back; who was paid by the chain has not been. */
static void book_undone(struct audit *a, struct moment *m, struct want *w, bool anew)
{
    struct record *r = x402_undone(a, m, anew);
    struct reversing reversing = {.journal = &a->journal, .carry = &a->carry};
    if (r == NULL || r->booking == NULL) {
        return;
    }
    const struct found_group *was = booking_open(m->arena, r->booking);
    reversal_rest(&reversing, m, w, r->booking);
    for (uint32_t i = 0; i < r->booking->group_count; i++) {
        struct asset *asset = book_asset_numbered(m->book, was[i].asset);
        if (was[i].kind != FOUND_TRANSFER || was[i].line_count == 0 || asset == NULL) {
            continue;
        }
        i128 amount = was[i].line[0].amount;
        struct text party = names_id(&m->book->parties, was[i].line[0].party);
        struct want_group *g = want_group(m, w, FOUND_TRANSFER, asset, 0);
        (void)want_line(m, g, FOUND_MOVED, party, -amount);
        (void)want_own_line(m, g, FOUND_MOVED, OWN_CLEARING, amount);
    }
}

void x402_book_lines(struct audit *a, struct moment *m, struct want *w, bool anew)
{
    if (text_is(event_kind_of(m), "x402.settled")) {
        book_settled(a, m, w);
    } else {
        book_undone(a, m, w, anew);
    }
}
