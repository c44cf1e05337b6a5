/* SPDX-License-Identifier: Apache-2.0
 * What the nodes say of a payment: its bytes go to them, and the receipts of all its transactions
 * come back. Receipts alone decide; what a node says of the bytes is for people. */
#include "http/facilitator/watch_parts.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define QUICK_US    INT64_C(10000)  /* the first pause; each is twice the last, ... */
#define SOON_US     INT64_C(250000) /* ... up to this */
#define LATE_US     INT64_C(5000000)
#define YOUNG_US    INT64_C(5000000)
#define OLD_US      INT64_C(60000000)
#define FOLLOW_US   INT64_C(2000000) /* between looks at what is mined */
#define MISSING_MAX 3u               /* looks for which a receipt may be away: nodes lag */

static const struct rpc_block LATEST = {.tag = RPC_LATEST};

/* --- asking ------------------------------------------------------------------------------------*/

static void receipt_ask(struct rpc_batch *b, const struct hash *h)
{
    (void)rpc_request_begin(b, "eth_getTransactionReceipt");
    jw_data(&b->w, NULL, (struct bytes){h->b, sizeof h->b});
    rpc_request_end(b);
}

/** The account's nonce so deep that nothing can undo it. */
static void count_ask(struct rpc_batch *b, const struct item *i)
{
    const uint64_t deep = i->net->confirmations - 1;
    (void)rpc_request_begin(b, "eth_getTransactionCount");
    jw_address(&b->w, NULL, &i->signer);
    jw_block(&b->w, NULL, (struct rpc_block){RPC_NUMBER, i->head > deep ? i->head - deep : 0});
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
        receipt_ask(b, &i->hash[k]);
    }
    if (i->has_stranger) {
        receipt_ask(b, &i->stranger);
    }
    if (i->counts) {
        count_ask(b, i);
    }
}

static void look_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                      const struct mete_err *err);

void item_look(struct item *i, bool sends)
{
    struct watch *w = i->w;
    i->sends = sends;
    /* whose bytes a node does not want has perhaps lost its account nonce to another program */
    i->counts = i->stage == STAGE_SENT && i->refusal[0] != '\0' && i->head > 0;
    if (sends) {
        pthread_mutex_lock(&w->lock);
        *(i->sent_us == 0 ? &w->stats.sent : &w->stats.sent_again) += 1;
        pthread_mutex_unlock(&w->lock);
        i->sent_us = steady_now();
    }
    i->ask = (struct line_ask){.count = 1u + sends + i->count + i->has_stranger + i->counts,
                               .write = look_write,
                               .done = look_done};
    line_put(i->net->line, &i->ask);
}

static int64_t pause_of(struct item *i)
{
    const int64_t age = steady_now() - i->begun_us;
    const int64_t quick = QUICK_US << (i->looks < 5 ? i->looks : 5);
    i->looks++;
    return age >= OLD_US ? LATE_US : age >= YOUNG_US ? LATER_US : quick < SOON_US ? quick : SOON_US;
}

/* --- hearing -----------------------------------------------------------------------------------*/

/* What one look has brought. */
struct heard {
    struct evm_block head;
    bool found;            /* one of its transactions is in a block */
    bool is_stranger_away; /* a stranger's was, and is not seen here */
    struct evm_receipt r;
    struct x402_mined mined;
    bool is_counted;
    uint64_t counted;
};

/** A transfer that paid counts before a transaction that did not: the first may be a stranger's. */
static void receipts_read(struct arena *a, const struct item *i, const struct rpc_answer *answers,
                          struct heard *out)
{
    const size_t count = i->count + i->has_stranger;
    for (size_t k = 0; k < count; k++) {
        struct evm_receipt r;
        const struct hash *tx = k < i->count ? &i->hash[k] : &i->stranger;
        if (!rpc_receipt_of(a, &answers[k], tx, &r)) {
            out->is_stranger_away = k == i->count;
            continue;
        }
        const struct x402_mined m = x402_mined_of(&r, &i->asset, &i->from, &i->to, i->value);
        if (!out->found || (m.has_paid && !out->mined.has_paid)) {
            out->r = r;
            out->mined = m;
        }
        out->found = true;
    }
}

static bool heard_read(struct arena *a, struct item *i, const struct rpc_answer *answers,
                       struct heard *out)
{
    const struct rpc_answer *at = answers + i->sends;
    const struct rpc_answer *count = at + 1 + i->count + i->has_stranger;
    *out = (struct heard){0};
    if (at->result == NULL || at->result->type != JSON_OBJECT ||
        rpc_block_read(at->result, &out->head, NULL) != METE_OK) {
        return false;
    }
    receipts_read(a, i, at + 1, out);
    out->is_counted = i->counts && !count->is_error && rpc_u64(count->result, &out->counted);
    i->head = out->head.number;
    i->body_head = i->body_head != 0 ? i->body_head : i->head;
    i->base = out->head.base_fee;
    return true;
}

/** A node that knows the bytes already has taken them. */
static bool is_taken(const struct rpc_answer *a)
{
    return !a->is_error || rpc_is_known(a);
}

/** Keeps what a node said of the bytes, and says it once. */
static void refusal_hear(struct item *i, const struct rpc_answer *a)
{
    char said[sizeof i->refusal] = "";
    const struct text t = a->error_text;
    for (size_t n = 0; !is_taken(a) && n < t.len && n < sizeof said - 1; n++) {
        said[n] = (char)(t.p[n] >= ' ' && t.p[n] < 127 ? t.p[n] : ' ');
    }
    if (!is_taken(a) && said[0] == '\0') {
        (void)snprintf(said, sizeof said, "error %lld", (long long)a->error_code);
    }
    if (said[0] != '\0' && i->refusal[0] == '\0') {
        desk_say(i->w->d, "x402: payment %s: a node does not take its transaction: %s", i->id,
                 said);
    }
    pthread_mutex_lock(&i->w->lock); /* whoever has waited too long is told */
    memcpy(i->refusal, said, sizeof said);
    pthread_mutex_unlock(&i->w->lock);
}

/* --- deciding ----------------------------------------------------------------------------------*/

/** Booked as settled or failed: does what decided it still stand? */
static void heard_decided(struct item *i, const struct heard *h)
{
    const bool stands = i->stage == STAGE_MINED
                            ? h->found && h->mined.has_paid && hash_eq(&h->r.tx, &i->settled_by)
                        : item_hash_is_none(&i->settled_by)
                            ? !h->found
                            : h->found && !h->mined.has_paid && hash_eq(&h->r.tx, &i->settled_by);
    i->missing = stands ? 0 : i->missing + 1;
    if (i->missing >= MISSING_MAX) {
        item_say_undone(i);
        return;
    }
    if (stands && h->found) {
        i->block = h->r.block_number;
    }
    if (!stands || i->head + 1 < i->block + i->net->confirmations) {
        item_rest(i, i->stage, FOLLOW_US);
    } else {
        item_say_confirmed(i);
    }
}

/** A transaction of its own is in a block, and has not paid. */
static void heard_lost(struct item *i, const struct heard *h)
{
    i->settled_by = h->r.tx;
    i->block = h->r.block_number;
    if (h->is_stranger_away && ++i->missing < MISSING_MAX) { /* another node may have it */
        item_rest(i, STAGE_SENT, LATER_US);
        return;
    }
    i->missing = 0;
    item_search(i, x402_reason_text(!h->mined.is_ok ? X402_REASON_EVM_TRANSACTION
                                    : i->cancels    ? X402_REASON_PAYMENT_EXPIRED
                                                    : X402_REASON_EVM_TRANSFER_EVENT));
}

/** It has waited long enough for another transaction to take its place: blocks went by without it,
 *  or its time is over. On a chain that stands still a higher fee buys nothing; it is tried once
 *  all the same. A node may hold bytes, answer that it knows them, and never see that it is their
 *  turn (anvil, of bytes that come while it makes the block before theirs). */
static bool is_passed_by(const struct item *i)
{
    const bool is_over = !i->cancels && i->until < desk_now();
    return steady_now() - i->replaced_us >= i->w->replace_us &&
           (i->head > i->body_head || i->count == 1 || is_over);
}

static void heard_sent(struct item *i, const struct heard *h)
{
    if (h->found && h->mined.has_paid) {
        item_say_settled(i, &h->r, &h->head);
    } else if (h->found) {
        heard_lost(i, h);
    } else if (h->is_counted && h->counted > i->account_nonce) {
        /* another program's transaction has its account nonce: none of these can be mined */
        i->settled_by = (struct hash){0};
        i->block = 0;
        item_search(i, x402_reason_text(X402_REASON_UNEXPECTED_SETTLE));
    } else if (!is_passed_by(i) || !item_say_replaced(i)) {
        item_rest(i, STAGE_SENT, pause_of(i));
    }
}

static void look_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                      const struct mete_err *err)
{
    struct item *i = (struct item *)q;
    struct arena a;
    struct heard h;
    (void)err;
    if (code != METE_OK) { /* whether a node has the bytes is not known */
        i->must_send |= i->sends;
        item_rest(i, i->stage, LATER_US);
        return;
    }
    arena_init(&a, ITEM_ARENA);
    const bool is_read = heard_read(&a, i, answers, &h);
    if (i->sends && !h.found) {
        refusal_hear(i, &answers[0]);
    }
    if (!is_read) {
        item_rest(i, i->stage, LATER_US);
    } else if (i->stage == STAGE_SENT) {
        heard_sent(i, &h);
    } else {
        heard_decided(i, &h);
    }
    arena_clear(&a);
}
