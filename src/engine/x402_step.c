/* SPDX-License-Identifier: Apache-2.0
 * Steps of payments by x402, as events. Everything is looked at and said on the thread that writes
 * the book, so what was looked at still holds when it is said: that is why the account nonce is
 * taken, and the transaction signed, here. What is asked again is answered from the book. */
#include "engine/x402_parts.h"

#include "base/limits.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "engine/own_event.h"

#include <inttypes.h>
#include <string.h>

/* One step, and the payment that it finds. Texts of `p` are in `a`. */
struct taking {
    struct engine *e;
    const struct x402_signer *signer;
    const struct x402_step *s;
    struct arena *a;
    struct x402_step_result *r;
    struct x402_number number;
    struct text id;
    struct x402_payment p;
    bool is_known;          /* the book has heard of it */
    uint8_t scale;          /* of the asset that is settled */
    uint64_t account_nonce; /* of what is signed now */
    struct text account, raw, transaction;
};

static enum mete_code refuse(struct taking *t, enum mete_code code, const char *text)
{
    t->r->status = X402_STEP_REFUSED;
    (void)mete_fail(&t->r->err, code, "", "%s", text);
    return METE_OK;
}

static enum mete_code known(struct taking *t)
{
    t->r->status = X402_STEP_KNOWN;
    return METE_OK;
}

static enum mete_code state_refuse(struct taking *t)
{
    t->r->status = X402_STEP_REFUSED;
    (void)mete_fail(&t->r->err, METE_PAYMENT_STATE, "", "the payment is %s",
                    t->is_known ? machine_of(MACHINE_X402)->state[t->p.state] : "not known");
    return METE_OK;
}

/* --- the event ---------------------------------------------------------------------------------*/

static void say_begin(struct own_event *y, struct taking *t, enum event_type type, mete_time at)
{
    const struct own_head head = {.id = arena_printf(t->a, "%.*s.%" PRIu32 ".%s", (int)t->id.len,
                                                     t->id.p, t->p.steps + 1,
                                                     strchr(event_type_name(type), '.') + 1),
                                  .type = type,
                                  .occurred_at = {true, at}};
    own_event_begin(y, t->e, &head);
    jw_text(&y->w, "payment", t->id);
}

static enum mete_code say_end(struct own_event *y, struct taking *t)
{
    struct submit_result r;
    own_event_end(y, &r);
    bool taken = r.status == SUBMIT_APPLIED || r.status == SUBMIT_WAITING;
    t->r->status = taken ? X402_STEP_TAKEN : X402_STEP_REFUSED;
    if (!taken) {
        t->r->err = r.err;
    }
    return r.status == SUBMIT_FAILED ? r.err.code : METE_OK;
}

static void text_if(struct json_writer *w, const char *name, struct text t)
{
    if (t.len > 0) {
        jw_text(w, name, t);
    }
}

static void name_write(struct json_writer *w, const struct x402_name *n)
{
    jw_text(w, "network", n->network);
    jw_text(w, "asset", n->asset);
    jw_text(w, "from", n->from);
    jw_text(w, "nonce", n->nonce);
}

static void reservation_write(struct json_writer *w, struct text token)
{
    if (token.len > 0) {
        struct hash h = sha256(text_bytes(token));
        jw_hash(w, "reservation", &h);
    }
}

/* --- looking -----------------------------------------------------------------------------------*/

/** The payment as the book knows it; its texts move to `a`, since state changes under them. */
static bool look(struct taking *t)
{
    const struct x402_step *s = t->s;
    char id[X402_ID_LEN + 1];
    if (s->id.len == 0) {
        t->number = x402_number_of(s->name.network, s->name.asset, s->name.from, s->name.nonce);
    } else if (!x402_number_parse(s->id, &t->number)) {
        return false;
    }
    x402_number_text(&t->number, id);
    t->id = arena_text(t->a, text_of(id));
    t->is_known = view_x402(engine_view(t->e), t->a, &t->number, &t->p) == VIEW_FOUND;
    return true;
}

static bool token_fits(const struct taking *t)
{
    struct hash h = sha256(text_bytes(t->s->reservation));
    return t->p.has_reservation && hash_eq(&h, &t->p.reservation);
}

static bool has_begun(const struct x402_payment *p)
{
    return p->state >= X402_SETTLING;
}

/* --- reservations ------------------------------------------------------------------------------*/

static enum mete_code reserve(struct taking *t)
{
    struct own_event y;
    const struct x402_step *s = t->s;
    bool holds = t->p.state == X402_RESERVED && !x402_expired(&t->p, engine_now(t->e));
    if (has_begun(&t->p)) {
        return state_refuse(t);
    }
    if (holds) {
        return token_fits(t)
                   ? known(t)
                   : refuse(t, METE_PAYMENT_RESERVED, "somebody else has reserved the payment");
    }
    if (s->id.len > 0 || s->reservation.len == 0) {
        return refuse(t, METE_REQUEST_INVALID, "a reservation has a name and a token");
    }
    say_begin(&y, t, EVENT_X402_RESERVED, engine_now(t->e));
    name_write(&y.w, &s->name);
    jw_time(&y.w, "until", s->until);
    reservation_write(&y.w, s->reservation);
    return say_end(&y, t);
}

static enum mete_code release(struct taking *t)
{
    struct own_event y;
    if (t->p.state != X402_RESERVED && t->p.state != X402_RELEASED) {
        return state_refuse(t);
    }
    if (!token_fits(t)) {
        return refuse(t, METE_PAYMENT_RESERVED, "somebody else has reserved the payment");
    }
    if (t->p.state == X402_RELEASED) {
        return known(t);
    }
    say_begin(&y, t, EVENT_X402_RELEASED, engine_now(t->e));
    reservation_write(&y.w, t->s->reservation);
    return say_end(&y, t);
}

/* --- settling ----------------------------------------------------------------------------------*/

/** Signs with the account nonce that is next; METE_NO_SIGNER is the answer when nobody here can. */
static bool sign(struct taking *t, uint64_t nonce, struct text network)
{
    struct x402_signing call = t->s->call;
    char name[72];
    if (!text_copy(name, sizeof name, network)) {
        (void)refuse(t, METE_REQUEST_INVALID, "no network has such a name");
        return false;
    }
    call.network = name;
    call.account_nonce = nonce;
    if (t->s->kind == X402_STEP_REPLACE && t->s->cancels) {
        call.to = t->account;
        call.data = TEXT("0x");
    }
    if (!t->signer->sign(t->signer->ctx, t->a, &call, &t->raw, &t->transaction)) {
        (void)refuse(t, METE_NO_SIGNER, "the transaction could not be signed");
        return false;
    }
    t->account_nonce = nonce;
    return true;
}

static bool account_find(struct taking *t, struct text network)
{
    bool found = t->signer != NULL && t->signer->account(t->signer->ctx, network, &t->account);
    if (!found) {
        (void)refuse(t, METE_NO_SIGNER, "this process has no key for the network");
    }
    return found;
}

/** Max of what the book has given and what the chain has counted. */
static bool settle_sign(struct taking *t)
{
    struct text network = t->s->name.network;
    uint64_t next;
    if (!account_find(t, network)) {
        return false;
    }
    (void)view_x402_account(engine_view(t->e), network, t->account, &next);
    return sign(t, next > t->s->counted ? next : t->s->counted, network);
}

/** Assets are numbered one by one, whoever defines them. What strangers' tokens take leaves room
 *  for the book's own. */
static bool assets_are_many(struct taking *t)
{
    struct asset unused;
    return view_asset_number(engine_view(t->e), ASSET_DEFINED_FIRST + X402_ASSETS_MAX - 1,
                             &unused) == VIEW_FOUND;
}

static enum mete_code asset_define(struct taking *t, bool *fine)
{
    struct own_event y;
    if (assets_are_many(t)) {
        return refuse(t, METE_LIMIT,
                      "the book has as many assets of its own as payments may add to: say "
                      "asset.defined first");
    }
    const struct own_head head = {
        .id = arena_printf(t->a, "x402.asset.%.*s", (int)t->s->code.len, t->s->code.p),
        .type = EVENT_ASSET_DEFINED};
    own_event_begin(&y, t->e, &head);
    jw_text(&y.w, "code", t->s->code);
    jw_int(&y.w, "scale", t->s->scale);
    enum mete_code code = say_end(&y, t);
    *fine = code == METE_OK && t->r->status == X402_STEP_TAKEN;
    return code;
}

static enum mete_code nothing_refuse(struct mete_err *err)
{
    return mete_fail(err, METE_MEMBER_VALUE, "",
                     "nothing is charged, in a token that the book does not know: the list of "
                     "assets of its network has to name it");
}

/** A code that nobody has used is defined, as an event of its own. Not fine: it is another asset,
 *  or one of which only the token could tell, and nobody has asked it. */
static enum mete_code asset_find(struct taking *t, bool moves, bool *fine)
{
    struct asset asset;
    const struct x402_step *s = t->s;
    const bool is_there = view_asset(engine_view(t->e), s->code, &asset) == VIEW_FOUND;
    t->scale = is_there && s->is_unlisted ? asset.scale : s->scale;
    *fine = is_there && asset.scale == t->scale;
    if (is_there) {
        return *fine ? METE_OK
                     : refuse(t, METE_MEMBER_VALUE,
                              "the book knows this code with other decimals than the token has");
    }
    if (moves || !s->is_unlisted) {
        return asset_define(t, fine);
    }
    t->r->status = X402_STEP_REFUSED;
    (void)nothing_refuse(&t->r->err);
    return METE_OK;
}

enum mete_code x402_nothing_check(struct engine *e, struct text code, struct mete_err *err)
{
    struct asset unused;
    const bool is_there = view_asset(engine_view(e), code, &unused) == VIEW_FOUND;
    return engine_sound(e, is_there ? METE_OK : nothing_refuse(err), err);
}

/** False: the answer is that nobody can pay this. */
static bool value_read(struct taking *t, i128 *amount)
{
    enum mete_code code = x402_value_parse(t->s->value, amount);
    if (code != METE_OK) {
        t->r->status = X402_STEP_REFUSED;
        (void)mete_fail(&t->r->err, code, "/value",
                        "a payment is digits, and less than 2^%d of the token's smallest units",
                        X402_VALUE_BITS_MAX);
    }
    return code == METE_OK;
}

static void amount_write(struct json_writer *w, i128 amount, unsigned scale, struct text code)
{
    char text[AMOUNT_TEXT_MAX];
    (void)amount_format(amount, scale, text);
    jw_object(w, "amount");
    jw_str(w, "amount", text);
    jw_text(w, "currency", code);
    jw_end_object(w);
}

static void policy_write(struct taking *t, struct json_writer *w)
{
    const struct x402_step *s = t->s;
    struct text policy = s->policy;
    if (policy.len > 0) {
        jw_text(w, "policy", policy);
        jw_bool(w, "policy_asked", true);
    } else if (view_x402_policy(engine_view(t->e), t->a, x402_address(t->a, s->to), s->resource,
                                s->name.network, &policy) == VIEW_FOUND) {
        jw_text(w, "policy", policy);
    }
}

static enum mete_code settling_say(struct taking *t, i128 amount)
{
    struct own_event y;
    const struct x402_step *s = t->s;
    say_begin(&y, t, EVENT_X402_SETTLING, engine_now(t->e));
    name_write(&y.w, &s->name);
    jw_time(&y.w, "until", s->until);
    reservation_write(&y.w, s->reservation);
    jw_text(&y.w, "scheme", s->scheme);
    jw_text(&y.w, "to", s->to);
    jw_text(&y.w, "value", s->value);
    amount_write(&y.w, amount, t->scale, s->code);
    text_if(&y.w, "resource", s->resource);
    policy_write(t, &y.w);
    jw_hash(&y.w, "request", &s->request);
    if (t->raw.len > 0) {
        jw_text(&y.w, "signer", t->account);
        jw_int(&y.w, "account_nonce", (int64_t)t->account_nonce);
        jw_text(&y.w, "transaction", t->transaction);
        jw_text(&y.w, "raw", t->raw);
    }
    return say_end(&y, t);
}

/** The answer to a payment that was begun before. */
static enum mete_code settle_again(struct taking *t)
{
    if (!hash_eq(&t->p.request, &t->s->request)) {
        return refuse(t, METE_PAYMENT_OTHERWISE, "the payment was settled by another request");
    }
    bool same = t->s->reservation.len > 0 ? token_fits(t) : !t->p.has_reservation;
    return same ? known(t)
                : refuse(t, METE_PAYMENT_RESERVED,
                         "the payment was settled with another reservation, or with none");
}

/** True: who asks may settle it, as far as reservations go. */
static bool may_settle(const struct taking *t)
{
    bool reserved = t->p.state == X402_RESERVED;
    if (t->s->reservation.len > 0) {
        return reserved && token_fits(t);
    }
    return !reserved || x402_expired(&t->p, engine_now(t->e));
}

static enum mete_code settled(struct taking *t);

static enum mete_code settle(struct taking *t)
{
    i128 amount;
    bool fine = false;
    if (t->s->id.len > 0 && t->s->name.network.len == 0) {
        return refuse(t, METE_REQUEST_INVALID, "what is settled has a name");
    }
    if (has_begun(&t->p)) {
        return settle_again(t);
    }
    if (!may_settle(t)) {
        return refuse(t, METE_PAYMENT_RESERVED, "the payment is reserved, and not by who asks");
    }
    if (!value_read(t, &amount)) {
        return METE_OK;
    }
    const bool moves = amount > 0;
    enum mete_code code = asset_find(t, moves, &fine);
    if (code != METE_OK || !fine || (moves && !settle_sign(t))) {
        return code;
    }
    code = settling_say(t, amount);
    if (code != METE_OK || t->r->status != X402_STEP_TAKEN || moves) {
        return code;
    }
    return look(t) ? settled(t) : METE_OK;
}

/** Two that look after a payment may find at the same moment that it waits too long. */
static bool is_newest(const struct taking *t)
{
    struct text named = t->s->transaction;
    return named.len == 0 || text_eq(named, t->p.transaction[t->p.transaction_count - 1]);
}

static enum mete_code replace(struct taking *t)
{
    struct own_event y;
    if (t->p.state != X402_SETTLING || t->p.transaction_count == 0) {
        return state_refuse(t);
    }
    if (!is_newest(t)) {
        return state_refuse(t);
    }
    if (!account_find(t, t->p.network)) {
        return METE_OK;
    }
    if (!text_eq(t->account, t->p.signer)) {
        return refuse(t, METE_NO_SIGNER, "this process has another key than the one that signed");
    }
    if (!sign(t, t->p.account_nonce, t->p.network)) {
        return METE_OK;
    }
    for (uint32_t i = 0; i < t->p.transaction_count; i++) {
        if (text_eq(t->p.transaction[i], t->transaction)) {
            return known(t);
        }
    }
    say_begin(&y, t, EVENT_X402_REPLACED, engine_now(t->e));
    jw_text(&y.w, "transaction", t->transaction);
    jw_int(&y.w, "account_nonce", (int64_t)t->account_nonce);
    jw_text(&y.w, "raw", t->raw);
    if (t->s->cancels) {
        jw_bool(&y.w, "cancels", true);
    }
    return say_end(&y, t);
}

/* --- what became of it -------------------------------------------------------------------------*/

/** When the chain says; never ahead of the book's clock. */
static mete_time moment_of(const struct taking *t)
{
    mete_time now = engine_now(t->e);
    return t->s->block_time > 0 && t->s->block_time < now ? t->s->block_time : now;
}

/** Prices that no chain has are left out, the fact is not. */
static void chain_write(struct taking *t, struct json_writer *w)
{
    const int64_t most = INT64_C(9007199254740991);
    const struct x402_step *s = t->s;
    i128 price = 0;
    text_if(w, "transaction", s->transaction);
    if (s->transaction.len > 0) {
        jw_int(w, "block", (int64_t)s->block & most);
    }
    bool fine = s->gas_price.len > 0 && amount_parse(s->gas_price, 0, &price) == METE_OK &&
                price <= most && s->gas_used <= (uint64_t)most;
    if (s->gas_used > 0 && fine) {
        jw_int(w, "gas_used", (int64_t)s->gas_used);
        jw_int(w, "gas_price", (int64_t)price);
    }
}

static bool same_place(const struct taking *t)
{
    const struct x402_step *s = t->s;
    return (s->transaction.len == 0 || text_eq(s->transaction, t->p.settled_by)) &&
           (s->block == 0 || s->block == t->p.block);
}

static enum mete_code settled(struct taking *t)
{
    struct own_event y;
    struct asset asset;
    if (t->p.state == X402_SETTLED || t->p.state == X402_CONFIRMED) {
        return same_place(t) ? known(t) : state_refuse(t);
    }
    if (t->p.state != X402_SETTLING) {
        return state_refuse(t);
    }
    const struct x402_name name = {t->p.network, t->p.asset, t->p.from, t->p.nonce};
    if (view_asset_number(engine_view(t->e), t->p.asset_number, &asset) != VIEW_FOUND) {
        return mete_fail(&t->r->err, METE_STORE_FAILED, "", "a payment's asset cannot be read");
    }
    say_begin(&y, t, EVENT_X402_SETTLED, moment_of(t));
    name_write(&y.w, &name);
    jw_text(&y.w, "to", t->p.to);
    jw_text(&y.w, "value", t->p.value);
    amount_write(&y.w, t->p.amount, asset.scale, text_of(asset.code));
    text_if(&y.w, "resource", t->p.resource);
    text_if(&y.w, "policy", t->p.policy);
    if (t->p.transaction_count > 0) {
        chain_write(t, &y.w);
    }
    return say_end(&y, t);
}

/** The log keeps x402's own words; what else a node may say is cut to a line without addresses of
 *  people. */
static struct text reason_of(struct taking *t)
{
    struct text r = t->s->reason;
    char *line = arena_alloc(t->a, LABEL_LEN_MAX);
    size_t len = r.len < LABEL_LEN_MAX ? r.len : LABEL_LEN_MAX;
    for (size_t i = 0; i < len; i++) {
        line[i] = (char)(r.p[i] > ' ' && r.p[i] <= '~' && r.p[i] != '@' ? r.p[i] : ' ');
    }
    return len > 0 ? (struct text){line, len} : TEXT("unexpected_settle_error");
}

static enum mete_code failed(struct taking *t)
{
    struct own_event y;
    if (t->p.state == X402_FAILED) {
        return same_place(t) ? known(t) : state_refuse(t);
    }
    if (t->p.state != X402_SETTLING) {
        return state_refuse(t);
    }
    say_begin(&y, t, EVENT_X402_FAILED, moment_of(t));
    chain_write(t, &y.w);
    jw_text(&y.w, "reason", reason_of(t));
    return say_end(&y, t);
}

/** Who saw it fail, and not settle. */
static bool speaks_of_failure(const struct taking *t)
{
    return t->s->reason.len > 0;
}

static enum mete_code confirmed(struct taking *t)
{
    struct own_event y;
    bool is_it = speaks_of_failure(t) ? t->p.state == X402_FAILED
                                      : t->p.state == X402_SETTLED || t->p.state == X402_CONFIRMED;
    if (!is_it || !same_place(t)) {
        return state_refuse(t);
    }
    if (t->p.state == X402_CONFIRMED || t->p.is_final) {
        return known(t);
    }
    say_begin(&y, t, EVENT_X402_CONFIRMED, engine_now(t->e));
    jw_int(&y.w, "block", (int64_t)t->p.block);
    return say_end(&y, t);
}

static enum mete_code undone(struct taking *t)
{
    struct own_event y;
    if (t->p.state == X402_SETTLING) {
        return known(t);
    }
    if ((t->p.state != X402_SETTLED && t->p.state != X402_FAILED) || t->p.is_final ||
        (speaks_of_failure(t) && t->p.state != X402_FAILED) || !same_place(t)) {
        return state_refuse(t);
    }
    say_begin(&y, t, EVENT_X402_UNDONE, engine_now(t->e));
    jw_text(&y.w, "undoes", t->p.outcome);
    return say_end(&y, t);
}

/* --- all of them -------------------------------------------------------------------------------*/

typedef enum mete_code take_step(struct taking *t);

static enum mete_code step_take(struct taking *t)
{
    static take_step *const take[] = {
        [X402_STEP_RESERVE] = reserve,     [X402_STEP_RELEASE] = release,
        [X402_STEP_SETTLE] = settle,       [X402_STEP_REPLACE] = replace,
        [X402_STEP_SETTLED] = settled,     [X402_STEP_FAILED] = failed,
        [X402_STEP_CONFIRMED] = confirmed, [X402_STEP_UNDONE] = undone,
    };
    bool makes = t->s->kind == X402_STEP_RESERVE || t->s->kind == X402_STEP_SETTLE;
    *t->r = (struct x402_step_result){.status = X402_STEP_REFUSED};
    if (!look(t) || (!t->is_known && !makes)) {
        return refuse(t, METE_NOT_FOUND, "nobody has heard of this payment");
    }
    return take[t->s->kind](t);
}

/** The payment after it; of one that the book does not know, nothing. */
static enum mete_code now_read(struct taking *t)
{
    struct mete_err unused;
    enum mete_code code =
        t->id.len > 0 ? x402_find(t->e, t->id, t->a, &t->r->now, &unused) : METE_NOT_FOUND;
    if (code != METE_OK) {
        t->r->now = (struct x402_status){0};
    }
    if (code != METE_OK && code != METE_NOT_FOUND) {
        t->r->err = unused;
        return code;
    }
    return METE_OK;
}

enum mete_code x402_steps_take(struct engine *e, const struct x402_signer *signer,
                               const struct x402_step *step, size_t count, struct arena *a,
                               struct x402_step_result *result, struct mete_err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct taking t = {.e = e, .signer = signer, .s = &step[i], .a = a, .r = &result[i]};
        enum mete_code code = step_take(&t);
        code = code == METE_OK ? now_read(&t) : code;
        code = engine_sound(e, code, &result[i].err);
        if (code != METE_OK) {
            *err = result[i].err;
            return code;
        }
    }
    return METE_OK;
}
