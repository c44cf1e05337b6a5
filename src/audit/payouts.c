/* SPDX-License-Identifier: Apache-2.0
 * payout.*: what is queued leaves the party's cleared money and stands in mete:payout until a rail
 * has paid it or it is the party's again. Instead of a table of states, what each event needs to be
 * true of the attempts. */
#include "audit/audit.h"

#include <inttypes.h>
#include <string.h>

#include "audit/member.h"
#include "base/buf.h"
#include "base/i128.h"
#include "base/text.h"
#include "crypto/hash.h"

#define BPS_WHOLE      10000
#define PAYOUT_HOUR_US (3600 * TIME_SECOND_US)

void payouts_init(struct payouts *p, struct arena *keep)
{
    *p = (struct payouts){.keep = keep};
    map_init(&p->batch_of, sizeof(void *), 21);
    map_init(&p->transfer_of, sizeof(void *), 22);
    map_init(&p->batch_numbered, sizeof(void *), 23);
    map_init(&p->numbered, sizeof(void *), 24);
    map_init(&p->in_batch, sizeof(void *), 25);
    map_init(&p->anchor_of, sizeof(void *), 26);
    map_init(&p->place_of, sizeof(void *), 27);
    map_init(&p->hold_of, sizeof(void *), 28);
}

void payouts_clear(struct payouts *p)
{
    map_clear(&p->batch_of);
    map_clear(&p->transfer_of);
    map_clear(&p->batch_numbered);
    map_clear(&p->numbered);
    map_clear(&p->in_batch);
    map_clear(&p->anchor_of);
    map_clear(&p->place_of);
    map_clear(&p->hold_of);
}

static void *found(const struct map *map, struct bytes key)
{
    void **slot = map_get(map, key);
    return slot != NULL ? *slot : NULL;
}

/* What stands there, or something new, all zero. */
static void *obtain(struct payouts *p, struct map *map, struct bytes key, size_t size)
{
    bool made;
    void **slot = map_put(map, key, &made);
    if (made) {
        *slot = arena_alloc(p->keep, size);
        memset(*slot, 0, size);
    }
    return *slot;
}

static struct bytes seq_key(const uint64_t *seq)
{
    return (struct bytes){(const uint8_t *)seq, sizeof *seq};
}

static struct bytes party_key(struct moment *m, uint64_t batch, struct text party)
{
    struct buf key = {0};
    buf_put_varint(&key, batch);
    buf_put_sized(&key, party);
    struct bytes kept = text_bytes(arena_text(m->arena, buf_text(&key)));
    buf_clear(&key);
    return kept;
}

/* By what a rail knows an attempt: rail and anchor, each behind its length. */
static void anchor_hash(struct text rail, struct text anchor, uint8_t out[PAYOUT_ANCHOR_LEN])
{
    struct buf both = {0};
    buf_put_sized(&both, rail);
    buf_put_sized(&both, anchor);
    struct hash h = sha256(buf_bytes(&both));
    buf_clear(&both);
    memcpy(out, h.b, PAYOUT_ANCHOR_LEN);
}

/* --- who is paid -------------------------------------------------------------------------------*/

void payout_place_take(struct audit *a, struct moment *m)
{
    struct text party = member_text(m->payload, "party");
    struct payout_place *p =
        obtain(&a->payouts, &a->payouts.place_of, text_bytes(party), sizeof *p);
    struct payout_hold *h = found(&a->payouts.hold_of, text_bytes(party));
    p->holds_from =
        m->booked_at + (p->rail.len > 0 ? (mete_time)a->book.cool_off_hours * PAYOUT_HOUR_US : 0);
    p->rail = member_keep(a->payouts.keep, m->payload, "rail");
    p->set_by = m->seq;
    if (h != NULL && h->why != NULL && strcmp(h->why, "destination") == 0) {
        h->why = NULL;
    }
}

static void hold(struct audit *a, struct moment *m, struct text party, const char *why)
{
    struct payout_hold *h = obtain(&a->payouts, &a->payouts.hold_of, text_bytes(party), sizeof *h);
    if (h->why == NULL || strcmp(why, "supervisor") == 0) {
        h->why = why;
        h->since = m->seq;
    }
}

static void judge_hold(struct audit *a, struct moment *m)
{
    struct text party = member_text(m->payload, "party");
    struct payout_hold *h = found(&a->payouts.hold_of, text_bytes(party));
    if (text_is(event_kind_of(m), "payout.hold_placed")) {
        hold(a, m, party, "supervisor");
    } else if (h == NULL || h->why == NULL) {
        event_forbidden(m, "the party is not held");
    } else {
        h->why = NULL;
    }
}

/* Nothing new leaves for a party that is held, or whose destination does not hold yet. */
static void judge_payable(struct audit *a, struct moment *m, struct text party, struct text rail)
{
    const struct payout_hold *h = found(&a->payouts.hold_of, text_bytes(party));
    const struct payout_place *p = found(&a->payouts.place_of, text_bytes(party));
    if (h != NULL && h->why != NULL) {
        event_forbidden(m, "the party is held");
    }
    if (p == NULL || !text_eq(p->rail, rail)) {
        event_forbidden(m, "the party has no destination on the rail");
    } else if (m->booked_at < p->holds_from) {
        event_forbidden(m, "the party's destination is cooling off");
    }
}

static i128 minimum_of(const struct book *b, const struct asset *asset)
{
    return b->payout_asset == asset ? b->payout_minimum : text_is(asset->code, "SAT") ? 500 : 0;
}

/* --- money -------------------------------------------------------------------------------------*/

/* The lines of an event, in one group that is there when there is a line. */
struct moving {
    struct audit *a;
    struct moment *m;
    struct want *w;
    struct want_group *g;
    struct payout *t;
};

static struct want_group *group(struct moving *v)
{
    v->g = v->g != NULL ? v->g : want_group(v->m, v->w, FOUND_TRANSFER, v->t->batch->asset, 0);
    return v->g;
}

static void own(struct moving *v, enum own_party party, i128 amount)
{
    if (amount != 0) {
        (void)want_own_line(v->m, group(v), FOUND_MOVED, party, amount);
    }
}

static void theirs(struct moving *v, i128 amount)
{
    if (amount != 0) {
        (void)want_line(v->m, group(v), FOUND_MOVED, v->t->party, amount);
    }
}

static void count(struct moving *v, i128 paid, i128 leaving)
{
    uint32_t party = names_number(&v->m->book->parties, v->t->party);
    struct account *x = ledger_obtain(&v->a->ledger, party, v->t->batch->asset->number);
    x->paid = i128_plus(x->paid, paid);
    x->leaving = i128_plus(x->leaving, leaving);
}

static void give_back(struct moving *v)
{
    own(v, OWN_PAYOUT, -v->t->held);
    theirs(v, v->t->held);
    count(v, 0, -v->t->held);
    v->t->held = 0;
}

/* A member's amount in the payout's currency. */
static i128 amount_of(struct moving *v, const char *key, i128 otherwise)
{
    struct asset *asset;
    i128 amount;
    const struct json *given = json_get(v->m->payload, key);
    if (given == NULL) {
        return otherwise;
    }
    if (!book_money(v->m->book, given, &asset, &amount) || asset != v->t->batch->asset) {
        event_forbidden(v->m, "its %s is not of the payout's currency", key);
        return otherwise;
    }
    return amount;
}

/* --- batches -----------------------------------------------------------------------------------*/

/** A decimal of the batch's asset; absent: 0. */
static i128 bound_of(struct moment *m, const struct payout_batch *b, const char *key)
{
    struct frac major;
    i128 minor = 0;
    if (json_get(m->payload, key) != NULL &&
        (b->asset == NULL || !member_frac(m->payload, key, &major) || major.negative ||
         !asset_minor(b->asset, &major, &minor))) {
        event_forbidden(m, "its %s is no amount of its asset", key);
        return 0;
    }
    return minor;
}

static void batch_open(struct audit *a, struct moment *m)
{
    struct payout_batch *b =
        obtain(&a->payouts, &a->payouts.batch_of, text_bytes(m->event_id), sizeof *b);
    b->seq = m->seq;
    b->asset = book_asset(&a->book, member_text(m->payload, "asset"));
    b->rail = member_keep(a->payouts.keep, m->payload, "rail");
    b->cutoff_at = member_time(m->payload, "cutoff_at", false, m->booked_at);
    b->on_demand = json_is_true(json_get(m->payload, "on_demand"));
    b->minimum = bound_of(m, b, "minimum");
    b->fee = bound_of(m, b, "fee");
    b->fee_cap_bps = member_u64(m->payload, "fee_cap_bps", 0);
    if (b->asset == NULL) {
        event_forbidden(m, "its asset is none");
    }
    if (b->fee_cap_bps > BPS_WHOLE) {
        event_forbidden(m, "its fee_cap_bps is more than the whole");
        b->fee_cap_bps = 0;
    }
    *(void **)map_put(&a->payouts.batch_numbered, seq_key(&b->seq), NULL) = b;
}

static struct payout_batch *batch_known(struct audit *a, struct moment *m)
{
    struct payout_batch *b =
        found(&a->payouts.batch_of, text_bytes(member_text(m->payload, "batch_id")));
    if (b == NULL || b->asset == NULL) {
        event_forbidden(m, "there is no such batch");
        return NULL;
    }
    if (b->is_closed) {
        event_forbidden(m, "the batch is closed");
    }
    return b;
}

static void batch_close(struct audit *a, struct moment *m)
{
    struct payout_batch *b = batch_known(a, m);
    if (b != NULL) {
        b->is_closed = true;
    }
}

static void judge_bounds(struct moving *v)
{
    const struct payout_batch *b = v->t->batch;
    i128 cap = (i128)b->fee_cap_bps;
    if (v->t->amount < b->minimum) {
        char least[I128_TEXT_MAX];
        (void)i128_format(b->minimum, least);
        event_forbidden(v->m, "the batch pays no less than %s", least);
    }
    /* By parts, which stay in 128 bits; rounded down. */
    i128 most = v->t->amount / BPS_WHOLE * cap + v->t->amount % BPS_WHOLE * cap / BPS_WHOLE;
    if (cap > 0 && b->fee > most) {
        event_forbidden(v->m, "the batch's fee is more than it lets it be");
    }
}

static void judge_balance(struct moving *v)
{
    uint32_t party = names_number(&v->m->book->parties, v->t->party);
    const struct asset *asset = v->t->batch->asset;
    const struct account *x = ledger_find(&v->a->ledger, party, asset->number);
    mete_time cutoff = v->t->batch->cutoff_at;
    mete_time at = cutoff < v->m->booked_at ? cutoff : v->m->booked_at;
    struct balance b = x != NULL ? account_balance(x, at) : (struct balance){0};
    if (b.cleared < v->t->amount || b.cleared <= minimum_of(v->m->book, asset)) {
        char has[I128_TEXT_MAX];
        (void)i128_format(b.cleared, has);
        event_forbidden(v->m, "no more than %s is cleared", has);
    }
}

static void queue(struct moving *v)
{
    struct payouts *p = &v->a->payouts;
    struct moment *m = v->m;
    struct payout_batch *b = batch_known(v->a, m);
    if (b == NULL) {
        return;
    }
    struct payout *t = obtain(p, &p->transfer_of, text_bytes(m->event_id), sizeof *t);
    *t = (struct payout){.seq = m->seq, .batch = b, .state = "queued", .due = m->booked_at};
    v->t = t;
    t->party = member_keep(p->keep, m->payload, "party");
    t->amount = t->held = amount_of(v, "amount", 0);
    if (t->amount <= 0) {
        event_forbidden(m, "its amount is none");
    }
    struct payout **other = map_put(&p->in_batch, party_key(m, b->seq, t->party), NULL);
    if (*other != NULL) {
        event_forbidden(m, "the batch has a payout to the party already");
    }
    *other = t;
    *(void **)map_put(&p->numbered, seq_key(&t->seq), NULL) = t;
    judge_payable(v->a, m, t->party, b->rail);
    judge_bounds(v);
    judge_balance(v);
    theirs(v, -t->amount);
    own(v, OWN_PAYOUT, t->amount);
    count(v, 0, t->amount);
    b->count++;
    b->amount = i128_plus(b->amount, t->amount);
}

/* --- attempts ----------------------------------------------------------------------------------*/

static bool is(const char *word, const char *other)
{
    return strcmp(word, other) == 0;
}

bool payout_rests(const struct payout *t)
{
    return is(t->state, "paid") || is(t->state, "returned") || is(t->state, "cancelled") ||
           is(t->state, "failed_permanent");
}

static bool in_flight(const struct payout *t)
{
    return is(t->state, "sending") || is(t->state, "sent") || is(t->state, "unknown");
}

/* Nothing of it can be at the rail. */
static bool at_hand(const struct payout *t)
{
    return is(t->state, "queued") || is(t->state, "failed");
}

static bool one_open(const struct payout *t)
{
    return t->attempts > 0 && is(t->attempt[t->attempts].outcome, "open");
}

static bool any_is(const struct payout *t, const char *outcome)
{
    for (uint32_t i = 1; i <= t->attempts; i++) {
        if (is(t->attempt[i].outcome, outcome)) {
            return true;
        }
    }
    return false;
}

/* Once none of its attempts may still pay. */
static const char *came_to(const struct payout *t)
{
    return any_is(t, "paid") ? "paid" : any_is(t, "returned") ? "returned" : "failed";
}

static struct payout_attempt *attempt_known(struct moving *v, uint64_t number)
{
    if (number == 0 || number > v->t->attempts) {
        event_forbidden(v->m, "attempt %" PRIu64 " was never made", number);
        return NULL;
    }
    return &v->t->attempt[number];
}

static void attempt_add(struct moving *v, const char *outcome)
{
    struct payout *t = v->t;
    t->attempts++;
    t->looks = 0;
    t->attempt[t->attempts].outcome = outcome;
    t->attempt[t->attempts].made = v->m->seq;
}

static void attempt_anew(struct moving *v, uint64_t number, const uint8_t *anchor)
{
    struct payout *t = v->t;
    if (!at_hand(t)) {
        event_forbidden(v->m, "the payout is %s, and an earlier attempt may still pay", t->state);
    }
    if (number != t->attempts + 1 || number > PAYOUT_ATTEMPTS_MAX) {
        event_forbidden(v->m, "attempt %" PRIu64 " is not the next one", number);
        return;
    }
    judge_payable(v->a, v->m, t->party, t->batch->rail);
    attempt_add(v, "open");
    memcpy(t->attempt[t->attempts].anchor, anchor, PAYOUT_ANCHOR_LEN);
}

/* What is sent stands beside the log; here, that there is something. */
static void body_take(struct moving *v)
{
    struct payout *t = v->t;
    struct payout_attempt *x = &t->attempt[t->attempts];
    struct text party = member_text(v->m->payload, "party");
    if (party.len > 0 && !text_eq(party, t->party)) {
        event_forbidden(v->m, "the payout is to another party");
    }
    if (json_get(v->m->payload, "body") == NULL) {
        return;
    }
    if (x->bodies == PAYOUT_BODIES_MAX) {
        event_forbidden(v->m, "the attempt has more than %u bodies", PAYOUT_BODIES_MAX);
        return;
    }
    x->body[x->bodies++] = v->m->seq;
}

static void sending(struct moving *v)
{
    struct payout *t = v->t;
    uint64_t number = member_u64(v->m->payload, "attempt", 0);
    uint8_t anchor[PAYOUT_ANCHOR_LEN];
    bool made;
    anchor_hash(t->batch->rail, member_text(v->m->payload, "anchor"), anchor);
    struct payout **whose =
        map_put(&v->a->payouts.anchor_of, (struct bytes){anchor, sizeof anchor}, &made);
    bool same = number > 0 && number == t->attempts &&
                memcmp(t->attempt[number].anchor, anchor, sizeof anchor) == 0;
    if (made) {
        *whose = t;
        attempt_anew(v, number, anchor);
    } else if (!same) {
        event_forbidden(v->m, "another attempt has this anchor");
    } else if (!in_flight(t)) {
        event_forbidden(v->m, "the payout is %s", t->state);
    } else {
        t->looks++;
    }
    body_take(v);
    t->state = "sending";
}

static void noted(struct moving *v, const char *state)
{
    struct payout *t = v->t;
    if (!in_flight(t) || member_u64(v->m->payload, "attempt", 0) != t->attempts) {
        event_forbidden(v->m, "the payout is %s, after %" PRIu32 " attempts", t->state,
                        t->attempts);
    }
    t->looks++;
    t->state = state;
}

static void paid(struct moving *v)
{
    struct payout *t = v->t;
    struct payout_attempt *x = attempt_known(v, member_u64(v->m->payload, "attempt", 0));
    i128 amount = amount_of(v, "amount", t->amount);
    i128 fee = amount_of(v, "fee", 0);
    if (x == NULL) {
        return;
    }
    if (is(x->outcome, "paid") || is(x->outcome, "returned")) {
        event_forbidden(v->m, "this attempt was booked already");
    }
    if (is(x->outcome, "unmade")) {
        event_forbidden(v->m, "nothing of this attempt was ever sent");
    }
    own(v, OWN_PAYOUT, -t->held);
    theirs(v, t->held - amount);
    own(v, OWN_CLEARING, amount);
    own(v, OWN_RAIL_FEES, -fee);
    own(v, OWN_CLEARING, fee);
    count(v, amount, -t->held);
    t->held = 0;
    t->paid = i128_plus(t->paid, amount);
    x->paid = amount;
    x->outcome = "paid";
    t->state = one_open(t) ? t->state : "paid";
}

/* An attempt that never had an anchor, so nothing of the payout may be on its way. */
static void unprepared(struct moving *v, uint64_t number)
{
    struct payout *t = v->t;
    if (!at_hand(t) || number != t->attempts + 1 || number > PAYOUT_ATTEMPTS_MAX) {
        event_forbidden(v->m, "the payout is %s, after %" PRIu32 " attempts", t->state,
                        t->attempts);
        return;
    }
    attempt_add(v, "unmade");
    t->state = "failed";
}

static void failed(struct moving *v)
{
    struct payout *t = v->t;
    uint64_t number = member_u64(v->m->payload, "attempt", 0);
    if (json_is_true(json_get(v->m->payload, "unprepared"))) {
        unprepared(v, number);
        return;
    }
    struct payout_attempt *x = attempt_known(v, number);
    if (x == NULL) {
        return;
    }
    if (number != t->attempts || !is(x->outcome, "open")) {
        event_forbidden(v->m, "what became of this attempt is known");
    }
    x->outcome = "dead";
    t->state = came_to(t);
}

/* The attempt that came back: as the event says, else what is sent, else what was paid last. */
static uint64_t which_returned(const struct moving *v)
{
    const struct payout *t = v->t;
    uint64_t number = member_u64(v->m->payload, "attempt", 0);
    if (number != 0 || is(t->state, "sent")) {
        return number != 0 ? number : t->attempts;
    }
    for (number = t->attempts; number > 1 && !is(t->attempt[number].outcome, "paid"); number--) {
    }
    return number;
}

/* It comes back before anybody said that it was paid: it was both. */
static void returned_early(struct moving *v, struct payout_attempt *x, i128 amount)
{
    struct payout *t = v->t;
    if (!is(t->state, "sent") || amount > t->amount || amount < t->held) {
        event_forbidden(v->m, "the payout is %s", t->state);
    }
    give_back(v);
    x->paid = amount;
    t->paid = i128_plus(t->paid, amount);
}

static void returned_late(struct moving *v, const struct payout_attempt *x, i128 amount)
{
    if (amount > x->paid) {
        event_forbidden(v->m, "this attempt paid less than came back");
    }
    own(v, OWN_CLEARING, -amount);
    theirs(v, amount);
    count(v, -amount, 0);
}

static void returned(struct moving *v)
{
    struct payout *t = v->t;
    struct payout_attempt *x = attempt_known(v, which_returned(v));
    if (x == NULL) {
        return;
    }
    bool was_paid = is(x->outcome, "paid");
    i128 amount = amount_of(v, "amount", was_paid ? x->paid : t->amount);
    if (was_paid) {
        returned_late(v, x, amount);
    } else {
        if (!is(x->outcome, "open")) {
            event_forbidden(v->m, "this attempt was not paid, or came back already");
        }
        returned_early(v, x, amount);
    }
    t->returned = i128_plus(t->returned, amount);
    x->returned = amount;
    x->outcome = "returned";
    t->state = one_open(t) ? t->state : came_to(t);
    hold(v->a, v->m, t->party, "destination");
}

static void ended(struct moving *v, const char *state)
{
    if (!at_hand(v->t)) {
        event_forbidden(v->m, "the payout is %s", v->t->state);
    }
    give_back(v);
    v->t->state = state;
    if (is(state, "failed_permanent")) {
        hold(v->a, v->m, v->t->party, "destination");
    }
}

/* --- when it is looked at next -----------------------------------------------------------------*/

/* 5 s, doubling to an hour; what is being sent 30 s; retries after 1 min, 10 min, 1 h. */
static mete_time due_after(const struct payout *t, const struct moment *m)
{
    static const mete_time retry[] = {60, 60, 600, 3600, 3600};
    static const char *const telling[] = {"payout.transfer_failed", "payout.transfer_sent",
                                          "payout.transfer_unknown"};
    mete_time wait = 5;
    for (size_t i = 0; i < ARRAY_LEN(telling); i++) {
        if (text_is(event_kind_of(m), telling[i]) && json_get(m->payload, "retry_at") != NULL) {
            return member_time(m->payload, "retry_at", false, m->booked_at);
        }
    }
    if (is(t->state, "sending")) {
        return m->booked_at + 30 * TIME_SECOND_US;
    }
    if (is(t->state, "failed")) {
        return m->booked_at + retry[t->attempts] * TIME_SECOND_US;
    }
    for (uint32_t i = 1; i < t->looks && wait < 3600; i++) {
        wait *= 2;
    }
    return m->booked_at + (wait < 3600 ? wait : 3600) * TIME_SECOND_US;
}

static void step(struct moving *v, struct text type)
{
    if (text_is(type, "payout.transfer_sending")) {
        sending(v);
    } else if (text_is(type, "payout.transfer_sent")) {
        noted(v, "sent");
    } else if (text_is(type, "payout.transfer_unknown")) {
        noted(v, "unknown");
    } else if (text_is(type, "payout.transfer_paid")) {
        paid(v);
    } else if (text_is(type, "payout.transfer_failed")) {
        failed(v);
    } else if (text_is(type, "payout.transfer_returned")) {
        returned(v);
    } else {
        ended(v, text_is(type, "payout.transfer_cancelled") ? "cancelled" : "failed_permanent");
    }
}

static void transfer_take(struct moving *v, struct text type)
{
    v->t = found(&v->a->payouts.transfer_of, text_bytes(member_text(v->m->payload, "transfer_id")));
    if (v->t == NULL) {
        event_forbidden(v->m, "there is no such payout");
        return;
    }
    struct payout_batch *b = v->t->batch;
    bool rested = payout_rests(v->t);
    i128 before = v->t->paid - v->t->returned;
    step(v, type);
    v->t->due = payout_rests(v->t) ? TIME_NEVER : due_after(v->t, v->m);
    b->resting += (int)payout_rests(v->t) - (int)rested;
    b->paid = i128_plus(b->paid, v->t->paid - v->t->returned - before);
}

void payout_take(struct audit *a, struct moment *m, struct want *w)
{
    struct text type = event_kind_of(m);
    struct moving v = {.a = a, .m = m, .w = w};
    if (text_is(type, "payout.batch_opened")) {
        batch_open(a, m);
    } else if (text_is(type, "payout.batch_closed")) {
        batch_close(a, m);
    } else if (text_is(type, "payout.transfer_queued")) {
        queue(&v);
    } else if (text_is(type, "payout.hold_placed") || text_is(type, "payout.hold_released")) {
        judge_hold(a, m);
    } else {
        transfer_take(&v, type);
    }
}
