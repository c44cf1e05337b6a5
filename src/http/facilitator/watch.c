/* SPDX-License-Identifier: Apache-2.0
 * One thread looks at the clock; the rest happens on the networks' lines and where the book
 * answers. An item belongs to one of these at a time (is_busy), and is touched under the lock. */
#include "http/facilitator/watch.h"

#include "base/encode.h"
#include "base/map.h"
#include "base/text.h"
#include "http/facilitator/step.h"
#include "http/workers.h"
#include "rails/x402/scheme.h"
#include "store/hash_seed.h"
#include "store/steady.h"
#include "wire/evm/tx.h"
#include "wire/x402/exact.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS     50
#define IDLE_MS     500
#define LOAD_US     INT64_C(5000000) /* between looks at what the book has open */
#define LOAD_PAGE   200u
#define SOON_US     INT64_C(250000) /* between looks at a payment that has just been sent */
#define LATER_US    INT64_C(1000000)
#define LATE_US     INT64_C(5000000)
#define YOUNG_US    INT64_C(5000000)
#define OLD_US      INT64_C(60000000)
#define SEND_US     INT64_C(5000000)  /* after that it is sent again */
#define REPLACE_US  INT64_C(30000000) /* and after that with a higher fee */
#define FOLLOW_US   INT64_C(2000000)  /* between looks at what is mined */
#define PATIENCE_US INT64_C(5000000)  /* when the program is about to end */
#define MISSING_MAX 3u /* looks in which a mined transaction may be away: nodes lag */
#define ARENA_MAX   ((size_t)64 << 20)
#define BODIES      X402_TRANSACTIONS_MAX
#define LOGS_BLOCKS                                                                                \
    5000u /* back from the head, in which a stranger's transaction is looked for                   \
           */

enum stage {
    STAGE_SENT,  /* its bytes are committed; it may have reached a node */
    STAGE_LOST,  /* its transaction was reverted: did somebody else's do it? */
    STAGE_MINED, /* booked, not final */
    STAGE_OVER,
};

/** What a step was that is under way. */
enum saying {
    SAYING_NOTHING,
    SAYING_REPLACE,
    SAYING_SETTLED,
    SAYING_FAILED,
    SAYING_CONFIRMED,
    SAYING_UNDONE
};

struct item {
    struct line_ask ask; /* first: it leads back */
    struct watch *w;
    struct item *next;
    char id[X402_ID_LEN + 1];
    const struct net *net;
    struct arena arena; /* of its texts */
    enum stage stage;
    enum saying saying;
    bool is_busy;
    bool sends;     /* the ask at hand begins with the bytes */
    bool must_send; /* the next one has to */
    bool stranger_paid;
    struct evm_address asset, from, to;
    struct u256 value;
    struct text nonce;
    mete_time until;
    size_t count;
    struct bytes raw[BODIES]; /* the newest first */
    struct hash hash[BODIES];
    bool cancels;
    uint64_t block;   /* that it was mined in */
    uint64_t head;    /* of the network, at the last look */
    struct u256 base; /* its fee */
    unsigned missing; /* looks since it was seen in a block */
    int64_t begun_us, sent_us, replaced_us, next_us;
    struct hash settled_by;
    struct text reason;
    struct watch_waiter *waiters;
    enum mete_code complained; /* of last; METE_OK: nothing yet */
};

struct watch {
    struct desk *d;
    const struct nets *nets;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping;
    int64_t patience_us; /* of whoever waits, by the clock: INT64_MAX, or when all are told */
    struct item *items;
    struct omap by_id; /* id -> struct item * */
    unsigned busy;     /* items, and a load */
    int64_t loaded_us;
    bool is_loading;
    struct work load;
    char load_after[X402_ID_LEN + 1];
    struct watch_stats stats;
    struct histogram settle_time;
};

static int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- who waits ---------------------------------------------------------------------------------*/

static struct watch_waiter *waiters_take(struct item *i)
{
    struct watch_waiter *list = i->waiters;
    i->waiters = NULL;
    return list;
}

static void waiters_tell(struct watch_waiter *list, enum watch_outcome outcome,
                         struct text transaction, struct text reason)
{
    while (list != NULL) {
        struct watch_waiter *next = list->next;
        list->done(list, outcome, transaction, reason);
        list = next;
    }
}

static struct text hash_text(struct arena *a, const struct hash *h)
{
    char *p = arena_alloc(a, 2 * sizeof h->b + 3);
    memcpy(p, "0x", 2);
    hex_encode(p + 2, (struct bytes){h->b, sizeof h->b});
    return (struct text){p, 2 * sizeof h->b + 2};
}

/* --- looking at a node -------------------------------------------------------------------------*/

static const struct rpc_block LATEST = {.tag = RPC_LATEST};

static void hash_ask(struct rpc_batch *b, const char *method, const struct hash *h)
{
    (void)rpc_request_begin(b, method);
    jw_data(&b->w, NULL, (struct bytes){h->b, sizeof h->b});
    rpc_request_end(b);
}

static void look_write(struct line_ask *q, struct rpc_batch *b)
{
    const struct item *i = (const struct item *)q;
    if (i->sends) {
        (void)rpc_request_begin(b, "eth_sendRawTransaction");
        jw_data(&b->w, NULL, i->raw[0]);
        rpc_request_end(b);
    }
    (void)rpc_request_begin(b, "eth_getBlockByNumber");
    jw_block(&b->w, NULL, LATEST);
    jw_bool(&b->w, NULL, false);
    rpc_request_end(b);
    for (size_t k = 0; k < i->count; k++) {
        hash_ask(b, "eth_getTransactionReceipt", &i->hash[k]);
    }
}

static void look_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                      const struct mete_err *err);

static void look(struct item *i, bool sends)
{
    i->is_busy = true;
    i->sends = sends;
    if (sends) {
        *(i->sent_us == 0 ? &i->w->stats.sent : &i->w->stats.sent_again) += 1;
        i->sent_us = clock_us();
    }
    i->ask =
        (struct line_ask){.count = 1u + sends + i->count, .write = look_write, .done = look_done};
    i->w->busy++;
    line_put(i->net->line, &i->ask);
}

/** The item is nobody's again. */
static void rest(struct item *i, int64_t pause_us)
{
    i->is_busy = false;
    i->next_us = clock_us() + pause_us;
    i->w->busy--;
    pthread_cond_broadcast(&i->w->changed);
}

static int64_t pause_of(const struct item *i)
{
    const int64_t age = clock_us() - i->begun_us;
    return i->stage == STAGE_MINED ? FOLLOW_US
           : age < YOUNG_US        ? SOON_US
           : age < OLD_US          ? LATER_US
                                   : LATE_US;
}

/* --- saying what was seen ----------------------------------------------------------------------*/

static void said(void *ctx, enum mete_code code, const struct x402_step_result *result);

/** Says a step of the item to the book. With the lock; the item stays busy. */
static void say(struct item *i, enum saying saying, struct x402_step *step)
{
    i->saying = saying;
    step->id = text_of(i->id);
    step_say(i->w->d, step, i->id, said, i);
}

static void say_settled(struct item *i, const struct evm_receipt *r, const struct evm_block *head)
{
    char price[U256_TEXT_MAX];
    const size_t len = u256_format(r->gas_price, price);
    struct x402_step s = {
        .kind = X402_STEP_SETTLED,
        .transaction = hash_text(&i->arena, &r->tx),
        .block = r->block_number,
        .block_time = head->number == r->block_number ? (mete_time)head->time * TIME_SECOND_US : 0,
        .gas_used = r->gas_used,
        .gas_price = {price, len}};
    i->settled_by = r->tx;
    i->block = r->block_number;
    say(i, SAYING_SETTLED, &s);
}

static void say_failed(struct item *i, const char *reason)
{
    struct x402_step s = {.kind = X402_STEP_FAILED,
                          .transaction = hash_text(&i->arena, &i->settled_by),
                          .reason = text_of(reason),
                          .block = i->block};
    i->reason = s.reason;
    say(i, SAYING_FAILED, &s);
}

static void say_plain(struct item *i, enum saying saying, enum x402_step_kind kind)
{
    struct x402_step s = {.kind = kind};
    say(i, saying, &s);
}

/** An eighth more than the newest, and at least what a new one would offer. False: no higher one
 *  can be made or paid. */
static bool fees_raise(const struct item *i, struct evm_tx *tx)
{
    const u128 most = i->net->fee_max;
    const u128 tip = tx->tip_max.lo + tx->tip_max.lo / 8 + 1;
    u128 max = tx->fee_max.lo + tx->fee_max.lo / 8 + 1;
    const u128 wanted = i->base.hi == 0 && i->base.lo < most ? 2 * i->base.lo + tip : most;
    max = wanted > max ? wanted : max;
    max = max < most ? max : most;
    if (max < tx->fee_max.lo + tx->fee_max.lo / 8 + 1) {
        return false;
    }
    tx->tip_max = u256_of(tip < max ? tip : max);
    tx->fee_max = u256_of(max);
    return true;
}

static struct text number_text(struct arena *a, struct u256 v)
{
    char text[U256_TEXT_MAX];
    const size_t len = u256_format(v, text);
    return arena_text(a, (struct text){text, len});
}

static struct text hex_text(struct arena *a, struct bytes b)
{
    char *p = arena_alloc(a, 2 * b.len + 3);
    memcpy(p, "0x", 2);
    hex_encode(p + 2, b);
    return (struct text){p, 2 * b.len + 2};
}

/** The same call with a higher fee; when the payment's time is over, nothing in its place. */
static bool say_replace(struct item *i)
{
    struct evm_tx tx;
    struct arena *a = &i->arena;
    char to[EVM_ADDRESS_TEXT_LEN + 1];
    if (i->count == BODIES || evm_tx_decode(a, i->raw[0], &tx, NULL) != METE_OK ||
        !fees_raise(i, &tx)) {
        return false;
    }
    evm_address_format(&tx.to, to);
    struct x402_step s = {.kind = X402_STEP_REPLACE,
                          .cancels = i->cancels || i->until < desk_now(),
                          .call = {.network = i->net->id,
                                   .to = text_of(to),
                                   .data = hex_text(a, tx.data),
                                   .gas = tx.gas,
                                   .fee_max = number_text(a, tx.fee_max),
                                   .tip_max = number_text(a, tx.tip_max)}};
    say(i, SAYING_REPLACE, &s);
    return true;
}

/* --- a stranger's transaction ------------------------------------------------------------------*/

static void stranger_write(struct line_ask *q, struct rpc_batch *b)
{
    static const char ZEROS[] = "000000000000000000000000";
    const struct item *i = (const struct item *)q;
    char who[2 * EVM_ADDRESS_LEN + 1];
    char topic[sizeof "0x" + sizeof ZEROS + sizeof who];
    hex_encode(who, (struct bytes){i->from.b, sizeof i->from.b});
    who[2 * EVM_ADDRESS_LEN] = '\0';
    (void)snprintf(topic, sizeof topic, "0x%s%s", ZEROS, who);
    (void)rpc_request_begin(b, "eth_getLogs");
    jw_object(&b->w, NULL);
    jw_quantity(&b->w, "fromBlock", u256_of(i->head > LOGS_BLOCKS ? i->head - LOGS_BLOCKS : 0));
    jw_str(&b->w, "toBlock", "latest");
    jw_address(&b->w, "address", &i->asset);
    jw_array(&b->w, "topics");
    jw_data(&b->w, NULL,
            (struct bytes){EVM_TOPIC_AUTHORIZATION_USED.b, sizeof EVM_TOPIC_AUTHORIZATION_USED.b});
    jw_str(&b->w, NULL, topic);
    jw_text(&b->w, NULL, i->nonce);
    jw_end_array(&b->w);
    jw_end_object(&b->w);
    rpc_request_end(b);
}

static void stranger_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                          const struct mete_err *err)
{
    struct item *i = (struct item *)q;
    struct watch *w = i->w;
    struct hash h;
    (void)err;
    pthread_mutex_lock(&w->lock);
    if (code != METE_OK || answers[0].is_error || answers[0].result == NULL ||
        answers[0].result->type != JSON_ARRAY) {
        rest(i, LATER_US);
    } else if (answers[0].result->child != NULL && i->count < BODIES &&
               rpc_hash(json_get(answers[0].result->child, "transactionHash"), &h)) {
        i->hash[i->count] = h; /* its receipt decides, like ours */
        i->raw[i->count] = (struct bytes){0};
        i->count++;
        i->stranger_paid = true;
        i->stage = STAGE_SENT;
        rest(i, 0);
    } else {
        say_failed(i, x402_reason_text(X402_REASON_EVM_TRANSACTION));
    }
    pthread_mutex_unlock(&w->lock);
}

/** Ours was reverted. By EIP-3009 anybody may have brought the same authorization. */
static void lost(struct item *i, const struct evm_receipt *r)
{
    i->settled_by = r->tx;
    i->block = r->block_number;
    if (!text_starts(i->nonce, "0x") || i->stranger_paid || i->cancels) {
        say_failed(i, x402_reason_text(X402_REASON_EVM_TRANSACTION));
        return;
    }
    i->stage = STAGE_LOST;
    i->ask = (struct line_ask){.count = 1, .write = stranger_write, .done = stranger_done};
    line_put(i->net->line, &i->ask);
}

/* --- hearing a node ----------------------------------------------------------------------------*/

/** The receipt of whichever of its transactions was mined. A transfer that paid counts before one
 *  that was reverted: the second may be ours, the first a stranger's. */
static bool receipt_find(struct arena *a, const struct item *i, const struct rpc_answer *answers,
                         struct evm_receipt *out, struct x402_mined *mined)
{
    bool found = false;
    for (size_t k = 0; k < i->count; k++) {
        struct evm_receipt r;
        const struct json *j = answers[k].result;
        if (answers[k].is_error || j == NULL || j->type != JSON_OBJECT ||
            rpc_receipt_read(a, j, &r, NULL) != METE_OK) {
            continue;
        }
        const struct x402_mined m = x402_mined_of(&r, &i->asset, &i->from, &i->to, i->value);
        if (!found || (m.has_paid && !mined->has_paid)) {
            *out = r;
            *mined = m;
        }
        found = true;
    }
    return found;
}

static void heard_mined(struct item *i, bool found, const struct evm_receipt *r,
                        const struct x402_mined *m)
{
    if (!found || !m->has_paid) {
        i->missing++;
        if (i->missing >= MISSING_MAX) {
            say_plain(i, SAYING_UNDONE, X402_STEP_UNDONE);
        } else {
            rest(i, FOLLOW_US);
        }
        return;
    }
    i->missing = 0;
    i->block = r->block_number;
    if (i->head + 1 >= i->block + i->net->confirmations) {
        say_plain(i, SAYING_CONFIRMED, X402_STEP_CONFIRMED);
    } else {
        rest(i, FOLLOW_US);
    }
}

static void heard_sent(struct item *i, bool found, const struct evm_receipt *r,
                       const struct x402_mined *m, const struct evm_block *head)
{
    const int64_t now = clock_us();
    if (found && m->has_paid) {
        say_settled(i, r, head);
    } else if (found && !m->is_ok) {
        lost(i, r);
    } else if (found && i->cancels) {
        i->settled_by = r->tx;
        say_failed(i, x402_reason_text(X402_REASON_PAYMENT_EXPIRED));
    } else if (found) {
        i->settled_by = r->tx;
        i->block = r->block_number;
        say_failed(i, x402_reason_text(X402_REASON_EVM_TRANSFER_EVENT));
    } else if (now - i->replaced_us < REPLACE_US || !say_replace(i)) {
        rest(i, pause_of(i));
    }
}

static void look_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                      const struct mete_err *err)
{
    struct item *i = (struct item *)q;
    struct watch *w = i->w;
    struct arena a;
    struct evm_receipt r;
    struct x402_mined m = {0};
    struct evm_block head = {0};
    (void)err;
    pthread_mutex_lock(&w->lock);
    const struct rpc_answer *at = answers != NULL ? answers + i->sends : NULL;
    if (code != METE_OK || at[0].result == NULL || at[0].result->type != JSON_OBJECT ||
        rpc_block_read(at[0].result, &head, NULL) != METE_OK) {
        rest(i, LATER_US);
        pthread_mutex_unlock(&w->lock);
        return;
    }
    arena_init(&a, ARENA_MAX);
    i->head = head.number;
    i->base = head.base_fee;
    const bool found = receipt_find(&a, i, at + 1, &r, &m);
    if (i->stage == STAGE_MINED) {
        heard_mined(i, found, &r, &m);
    } else {
        heard_sent(i, found, &r, &m, &head);
    }
    arena_clear(&a);
    pthread_mutex_unlock(&w->lock);
}

/* --- what the book said ------------------------------------------------------------------------*/

static bool raw_put(struct item *i, struct text raw, size_t place)
{
    uint8_t *p = arena_alloc(&i->arena, raw.len / 2);
    struct text digits = {raw.p + 2, raw.len - 2};
    if (raw.len < 4 || !text_starts(raw, "0x") || !hex_decode(p, digits.len / 2, digits)) {
        return false;
    }
    i->raw[place] = (struct bytes){p, digits.len / 2};
    i->hash[place] = evm_tx_id(i->raw[place]);
    return true;
}

/** Takes over the bytes that the book has; the newest first. */
static bool raws_take(struct item *i, const struct x402_status *s)
{
    if (s->transaction_count > BODIES) {
        return false;
    }
    for (size_t k = 0; k < s->transaction_count; k++) {
        if (!raw_put(i, s->raws[k], k)) {
            return false;
        }
    }
    i->count = s->transaction_count;
    i->cancels = s->cancels;
    i->replaced_us = clock_us();
    return i->count > 0;
}

static void send_now(struct item *i)
{
    i->must_send = true;
    rest(i, 0);
}

static void over(struct item *i)
{
    i->stage = STAGE_OVER;
    rest(i, 0);
}

/** The step was taken, or had been. */
static void moved(struct item *i, const struct x402_step_result *result)
{
    struct watch *w = i->w;
    switch (i->saying) {
    case SAYING_SETTLED:
        w->stats.settled++;
        histogram_add(&w->settle_time, clock_us() - i->begun_us);
        i->stage = STAGE_MINED;
        i->missing = 0;
        rest(i, 0);
        break;
    case SAYING_REPLACE:
        w->stats.replaced++;
        if (!raws_take(i, &result->now)) {
            rest(i, LATER_US);
        } else {
            send_now(i);
        }
        break;
    case SAYING_UNDONE:
        w->stats.undone++;
        i->stage = STAGE_SENT;
        i->begun_us = clock_us();
        send_now(i);
        break;
    case SAYING_FAILED:
        w->stats.failed++;
        over(i);
        break;
    case SAYING_CONFIRMED:
        w->stats.confirmed++;
        over(i);
        break;
    case SAYING_NOTHING:
        METE_ASSERT(false);
    }
}

/** Once for each thing that goes wrong. */
static void complain(struct item *i, enum mete_code code, const char *why)
{
    if (i->complained != code) {
        i->complained = code;
        desk_say(i->w->d, "x402: payment %s is not booked yet: %s", i->id, why);
    }
}

static void said(void *ctx, enum mete_code code, const struct x402_step_result *result)
{
    struct item *i = ctx;
    struct watch *w = i->w;
    struct arena a;
    struct watch_waiter *waiters = NULL;
    struct text transaction = {0};
    arena_init(&a, ARENA_MAX);
    pthread_mutex_lock(&w->lock);
    const enum saying saying = i->saying;
    const struct text reason = arena_text(&a, i->reason);
    if (code == METE_OK) {
        transaction = hash_text(&a, &i->settled_by);
        waiters = saying == SAYING_SETTLED || saying == SAYING_FAILED ? waiters_take(i) : NULL;
        moved(i, result);
    } else if (result->now.state == X402_CONFIRMED || result->now.state == X402_FAILED) {
        over(i); /* another process was quicker */
    } else {
        complain(i, code, result->err.text);
        rest(i, LATER_US);
    }
    pthread_mutex_unlock(&w->lock);
    waiters_tell(waiters, saying == SAYING_SETTLED ? WATCH_SETTLED : WATCH_FAILED, transaction,
                 saying == SAYING_FAILED ? reason : (struct text){0});
    arena_clear(&a);
}

/* --- taking payments up ------------------------------------------------------------------------*/

static struct item *item_find(struct watch *w, const char *id)
{
    struct item **at = omap_get(&w->by_id, text_bytes(text_of(id)));
    return at != NULL ? *at : NULL;
}

static bool item_fill(struct item *i, const struct x402_status *s)
{
    i->nonce = arena_text(&i->arena, s->name.nonce);
    i->until = s->until;
    return i->net != NULL && x402_address_read(s->name.asset, &i->asset) &&
           x402_address_read(s->name.from, &i->from) && x402_address_read(s->to, &i->to) &&
           u256_parse(s->value, &i->value) && raws_take(i, s);
}

static void item_free(struct item *i)
{
    arena_clear(&i->arena);
    free(i);
}

/** A payment of the book that nobody here looks after yet; NULL: there is nothing to look after. */
static struct item *item_make(struct watch *w, const char *id, const struct x402_status *s)
{
    struct item *i = calloc(1, sizeof *i);
    METE_ASSERT(i != NULL);
    i->w = w;
    i->net = nets_find_id(w->nets, s->name.network);
    arena_init(&i->arena, ARENA_MAX);
    (void)text_copy(i->id, sizeof i->id, text_of(id));
    i->begun_us = clock_us();
    i->stage = s->state == X402_SETTLED ? STAGE_MINED : STAGE_SENT;
    i->must_send = i->stage == STAGE_SENT;
    if (!item_fill(i, s)) { /* of a network that the settings do not name any more */
        item_free(i);
        return NULL;
    }
    if (i->stage == STAGE_MINED) {
        i->block = s->block;
        if (s->settled_by.len == 2 * sizeof i->settled_by.b + 2) {
            METE_ASSERT(hex_decode(i->settled_by.b, sizeof i->settled_by.b,
                                   (struct text){s->settled_by.p + 2, s->settled_by.len - 2}));
        }
    }
    struct item **at = omap_put(&w->by_id, text_bytes(text_of(id)), NULL);
    *at = i;
    i->next = w->items;
    w->items = i;
    return i;
}

void watch_add(struct watch *w, const char *id, const struct x402_status *status,
               struct watch_waiter *waiter)
{
    enum watch_outcome outcome = WATCH_PENDING;
    struct arena a;
    struct text transaction = {0};
    struct text reason = {0};
    arena_init(&a, ARENA_MAX);
    pthread_mutex_lock(&w->lock);
    struct item *i = item_find(w, id);
    if (i == NULL && !w->is_stopping) {
        i = item_make(w, id, status);
    }
    if (i != NULL && (i->stage == STAGE_SENT || i->stage == STAGE_LOST) && !w->is_stopping &&
        waiter != NULL) {
        waiter->next = i->waiters;
        i->waiters = waiter;
        waiter = NULL;
    } else if (i != NULL && i->stage >= STAGE_MINED) { /* it was quicker than who asks */
        outcome = i->reason.len > 0 ? WATCH_FAILED : WATCH_SETTLED;
        transaction = hash_text(&a, &i->settled_by);
        reason = arena_text(&a, i->reason);
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (waiter != NULL) {
        waiter->done(waiter, outcome, transaction, reason);
    }
    arena_clear(&a);
}

/* --- what the book has open --------------------------------------------------------------------*/

static void load_run(struct work *work, struct engine *e, const struct mete_err *why)
{
    struct watch *w = (struct watch *)(void *)((char *)work - offsetof(struct watch, load));
    struct text after = {0};
    struct text *ids;
    size_t count = LOAD_PAGE;
    struct mete_err err;
    (void)why;
    while (e != NULL && count == LOAD_PAGE) {
        struct arena a;
        arena_init(&a, ARENA_MAX);
        if (x402_open_ids(e, after, LOAD_PAGE, &a, &ids, &count, &err) != METE_OK) {
            count = 0;
        }
        for (size_t k = 0; k < count; k++) {
            struct x402_status s;
            pthread_mutex_lock(&w->lock);
            const bool is_new = item_find(w, ids[k].p) == NULL;
            pthread_mutex_unlock(&w->lock);
            if (is_new && x402_find(e, ids[k], &a, &s, &err) == METE_OK) {
                watch_add(w, ids[k].p, &s, NULL);
            }
        }
        (void)text_copy(w->load_after, sizeof w->load_after,
                        count > 0 ? ids[count - 1] : (struct text){0});
        after = text_of(w->load_after);
        arena_clear(&a);
    }
}

static void load_done(struct work *work, enum mete_code code, const struct mete_err *err)
{
    struct watch *w = (struct watch *)(void *)((char *)work - offsetof(struct watch, load));
    (void)code;
    (void)err;
    pthread_mutex_lock(&w->lock);
    w->is_loading = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/** With the lock. */
static void load_begin(struct watch *w)
{
    w->load = (struct work){.book = w->d->o.book, .run = load_run, .done = load_done};
    w->loaded_us = clock_us();
    w->is_loading = true;
    if (!workers_put(w->d->workers, &w->load)) {
        w->is_loading = false;
    }
}

/* --- the thread --------------------------------------------------------------------------------*/

/** Those who have waited too long; with the lock. */
static struct watch_waiter *impatient_take(struct item *i, int64_t now)
{
    struct watch_waiter *out = NULL;
    struct watch_waiter **at = &i->waiters;
    while (*at != NULL) {
        struct watch_waiter *one = *at;
        if (one->until_us <= now || i->w->patience_us <= now || i->w->is_stopping) {
            *at = one->next;
            one->next = out;
            out = one;
        } else {
            at = &one->next;
        }
    }
    return out;
}

static void item_tick(struct item *i, int64_t now)
{
    if (!i->is_busy && i->next_us <= now && i->stage != STAGE_OVER) {
        const bool sends = i->stage == STAGE_SENT && (i->must_send || now - i->sent_us >= SEND_US);
        i->must_send = false;
        look(i, sends);
    }
}

/** One round over all; with the lock, which is let go while somebody is told. Returns how long
 *  nothing has to be done, in milliseconds. */
static int64_t round_go(struct watch *w)
{
    const int64_t now = clock_us();
    int64_t next = now + IDLE_MS * 1000;
    struct watch_waiter *impatient = NULL;
    for (struct item **at = &w->items; *at != NULL;) {
        struct item *i = *at;
        struct watch_waiter *list = impatient_take(i, now);
        while (list != NULL) {
            struct watch_waiter *one = list;
            list = one->next;
            one->next = impatient;
            impatient = one;
        }
        if (i->stage == STAGE_OVER && !i->is_busy && i->waiters == NULL) {
            (void)omap_remove(&w->by_id, text_bytes(text_of(i->id)));
            *at = i->next;
            item_free(i);
            continue;
        }
        item_tick(i, now);
        if (!i->is_busy && i->stage != STAGE_OVER && i->next_us < next) {
            next = i->next_us;
        }
        at = &i->next;
    }
    if (!w->is_loading && !w->is_stopping && now - w->loaded_us >= LOAD_US) {
        load_begin(w);
    }
    if (impatient != NULL) {
        pthread_mutex_unlock(&w->lock);
        waiters_tell(impatient, WATCH_PENDING, (struct text){0}, (struct text){0});
        pthread_mutex_lock(&w->lock);
    }
    return next > now ? (next - now) / 1000 + 1 : 0;
}

static void *watch_run(void *arg)
{
    struct watch *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->is_stopping) {
        const int64_t pause = round_go(w);
        const struct timespec until = steady_after(pause < TICK_MS ? TICK_MS : pause);
        if (!w->is_stopping && pause > 0) {
            (void)pthread_cond_timedwait(&w->changed, &w->lock, &until);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

void watch_start(struct watch **out, struct desk *d, const struct nets *nets)
{
    struct watch *w = calloc(1, sizeof *w);
    METE_ASSERT(w != NULL);
    w->d = d;
    w->nets = nets;
    w->loaded_us = -LOAD_US;
    w->patience_us = INT64_MAX;
    w->settle_time.bounds = &histogram_of_time;
    omap_init(&w->by_id, sizeof(struct item *), hash_seed());
    pthread_mutex_init(&w->lock, NULL);
    steady_cond_init(&w->changed);
    METE_ASSERT(pthread_create(&w->thread, NULL, watch_run, w) == 0);
    *out = w;
}

void watch_quiesce(struct watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->patience_us = clock_us() + PATIENCE_US;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void watch_stop(struct watch *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_lock(&w->lock);
    (void)round_go(w); /* whoever waits is told */
    while (w->busy > 0 || w->is_loading) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    while (w->items != NULL) {
        struct item *i = w->items;
        w->items = i->next;
        item_free(i);
    }
    omap_clear(&w->by_id);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    free(w);
}

void watch_stats(struct watch *w, struct watch_stats *out)
{
    const int64_t now = clock_us();
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    out->settle_time = &w->settle_time;
    for (const struct item *i = w->items; i != NULL; i = i->next) {
        if (i->stage == STAGE_MINED) {
            out->followed++;
        } else if (i->stage != STAGE_OVER) {
            out->open++;
            out->oldest_us =
                now - i->begun_us > out->oldest_us ? now - i->begun_us : out->oldest_us;
        }
    }
    pthread_mutex_unlock(&w->lock);
}
