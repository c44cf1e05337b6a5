/* SPDX-License-Identifier: Apache-2.0
 * The crash-safe protocol of a Lightning payout. Invariant: a payment is only called dead when the
 * node, the one it was committed for, has no payment of its hash or has failed it, and the invoice
 * has expired, so that nobody who repeats its bytes late can still pay it. Until then the same
 * invoice is sent again, which the node itself does at most once. */
#include "rails/lightning/parts.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A payment of LND lists every try of every part. */
#define NODE_ANSWER_MAX ((size_t)8 << 20)
#define WORK_MAX        (JSON_ARENA_MAX(NODE_ANSWER_MAX) + 2 * NODE_ANSWER_MAX)
_Static_assert(WORK_MAX > 2 * LNURL_ARENA_MAX(LNURL_PAY_SIZE_MAX) + 8 * BOLT11_ARENA_MAX,
               "what hosts of payees may answer fits too");

/* --- opening -----------------------------------------------------------------------------------*/

static void ask_by_web(void *ctx, enum lightning_peer to, const struct web_request *q,
                       struct web_answer *out)
{
    struct rail *r = ctx;
    struct web *const webs[] = {
        [LIGHTNING_NODE] = r->node, [LIGHTNING_PAYEE] = r->payee, [LIGHTNING_ONION] = r->onion};
    METE_ASSERT(webs[to] != NULL);
    web_do(webs[to], q, out);
}

static void webs_open(struct rail *r)
{
    const struct lightning_settings *s = &r->s;
    web_open(&r->node, &(struct web_options){.allow_http = strncmp(s->url, "http:", 5) == 0,
                                             .answer_max = NODE_ANSWER_MAX,
                                             .total_ms = 10000,
                                             .pinned = s->certificate});
    web_open(&r->payee, &(struct web_options){.public_only = s->public_only,
                                              .allow_http = !s->public_only,
                                              .answer_max = LNURL_PAY_SIZE_MAX,
                                              .total_ms = 15000,
                                              .connect_to = s->resolve_to,
                                              .ca_file = s->resolve_ca});
    if (s->onion_proxy != NULL) {
        web_open(&r->onion, &(struct web_options){.proxy = s->onion_proxy,
                                                  .allow_http = true,
                                                  .answer_max = LNURL_PAY_SIZE_MAX,
                                                  .connect_ms = 20000,
                                                  .total_ms = 40000});
    }
}

static void rail_close(struct rail *r)
{
    if (r == NULL) {
        return;
    }
    web_close(r->node);
    web_close(r->payee);
    web_close(r->onion);
    web_answer_clear(&r->answer);
    lightning_settings_clear(&r->s);
    arena_clear(&r->work);
    free(r);
}

enum mete_code lightning_open(struct rail **out, const struct rail_config *config,
                              const struct lightning_transport *t, struct mete_err *err)
{
    struct rail *r = calloc(1, sizeof *r);
    METE_ASSERT(r != NULL);
    arena_init(&r->work, WORK_MAX);
    enum mete_code code = lightning_settings_read(&r->s, config, err);
    if (code != METE_OK) {
        rail_close(r);
        return code;
    }
    if (t == NULL) {
        webs_open(r);
    }
    r->t = t != NULL ? *t : (struct lightning_transport){ask_by_web, r};
    *out = r;
    return METE_OK;
}

static enum mete_code rail_open(struct rail **out, const struct rail_config *config,
                                struct mete_err *err)
{
    return lightning_open(out, config, NULL, err);
}

/* --- before a payment --------------------------------------------------------------------------*/

static uint64_t fee_cap(const struct rail *r, const struct rail_payment *p, uint64_t msat)
{
    if (p->fee_max >= 0) {
        const u128 unit = lightning_unit_msat(&p->asset);
        const u128 cap =
            (u128)p->fee_max > LIGHTNING_MSAT_MAX ? LIGHTNING_MSAT_MAX : (u128)p->fee_max * unit;
        return cap > LIGHTNING_MSAT_MAX ? LIGHTNING_MSAT_MAX : (uint64_t)cap;
    }
    return r->s.fee_base_msat + (uint64_t)((u128)msat * r->s.fee_ppm / 1000000);
}

/** Nodes that take no cap have to say what they take. False with words: more than may be paid. */
static bool fee_fits(struct rail *r, const struct node_payment *pay, char words[RAIL_TEXT_MAX])
{
    uint64_t msat = 0;
    if (r->s.node->fee_needed == NULL) {
        return true;
    }
    if (!r->s.node->fee_needed(r, pay, &msat, words)) {
        return false;
    }
    if (msat > pay->fee_max_msat) {
        snprintf(words, RAIL_TEXT_MAX,
                 "%s may take %llu msat for it, and at most %llu are allowed: see fee_percent and "
                 "fee_base_sat of [lightning], and the fee cap of the schedule",
                 r->s.node->name, (unsigned long long)msat, (unsigned long long)pay->fee_max_msat);
        return false;
    }
    return true;
}

/** What the node says of an invoice that nobody has paid yet for this attempt. */
enum seen { SEEN_NEW, SEEN_UNSURE, SEEN_KNOWN };

static enum seen see(struct rail *r, const struct node_payment *pay, char words[RAIL_TEXT_MAX])
{
    struct node_answer n = {0};
    r->s.node->look(r, pay, &n);
    snprintf(words, RAIL_TEXT_MAX, "%s",
             n.words[0] != '\0' ? n.words : "the node's answer says nothing");
    return n.state == NODE_ABSENT ? SEEN_NEW : n.state == NODE_UNSURE ? SEEN_UNSURE : SEEN_KNOWN;
}

/** It is of another payment, in another book or by somebody else. */
static void known_say(struct rail_payment *p)
{
    rail_say(p, RAIL_TRANSIENT,
             "the invoice is not new: the node has a payment of its hash already");
}

static bool asset_check(struct rail_payment *p)
{
    uint64_t msat = 0;
    if (lightning_unit_msat(&p->asset) == 0) {
        rail_say(p, RAIL_REJECTED,
                 "%s with %u decimals cannot go over Lightning: only SAT/0, MSAT/0, BTC/8 and "
                 "BTC/11 can",
                 p->asset.code, p->asset.scale);
    } else if (!lightning_msat_of(&p->asset, p->amount, &msat)) {
        rail_say(p, RAIL_REJECTED, "no Lightning payment can have this amount");
    } else {
        return true;
    }
    snprintf(p->report.remediation, sizeof p->report.remediation,
             "Set a destination on a rail that pays this asset.");
    return false;
}

static void commit(struct rail *r, struct rail_payment *p, const struct node_payment *pay,
                   const struct node_info *info, bool is_new, struct arena *a)
{
    struct buf body = {0};
    lightning_body_write(&body, r, pay, info, p->now, is_new);
    p->anchor = arena_text(a, text_of(pay->hash));
    p->body[0] = arena_text(a, buf_text(&body));
    p->body_count = 1;
    p->group = (struct text){"", 0};
    p->report.reference = p->anchor;
    buf_clear(&body);
    rail_say(p, RAIL_ACCEPTED, "%s", "");
}

static void prepare_one(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct node_info info = {0};
    struct node_payment pay = {0};
    char words[RAIL_TEXT_MAX] = "";
    if (!asset_check(p)) {
        return;
    }
    r->s.node->info(r, &info);
    if (info.has_network && info.network != r->s.network) {
        rail_say(p, RAIL_TRANSIENT, "the node is on %s, and [lightning] network is %s",
                 bolt11_network_name(info.network), bolt11_network_name(r->s.network));
        return;
    }
    if (!lightning_resolve(r, p, &info, &pay)) {
        return;
    }
    pay.fee_max_msat = fee_cap(r, p, pay.i.amount_msat);
    pay.max_delay = r->s.max_delay;
    pay.pay_s = r->s.pay_s;
    const enum seen seen = info.is_known ? see(r, &pay, words) : SEEN_UNSURE;
    if (seen == SEEN_KNOWN) {
        known_say(p);
        return;
    }
    if (info.is_known && !fee_fits(r, &pay, words)) {
        rail_say(p, RAIL_TRANSIENT, "%s", words);
        return;
    }
    commit(r, p, &pay, &info, seen == SEEN_NEW, a);
}

/* --- what became of it -------------------------------------------------------------------------*/

/** Whether the node that answers is the one that the attempt was committed for. */
static bool node_is_same(struct rail *r, const struct lightning_body *b, struct node_info *info,
                         char words[RAIL_TEXT_MAX])
{
    *info = (struct node_info){0};
    if (!text_is(b->node, r->s.node->name)) {
        snprintf(words, RAIL_TEXT_MAX,
                 "it was committed for a node of another kind: set [lightning] node back until all "
                 "its payments have ended");
        return false;
    }
    r->s.node->info(r, info);
    if (!info->is_known) {
        snprintf(words, RAIL_TEXT_MAX, "%s",
                 info->words[0] != '\0' ? info->words : "the node does not say who it is");
        return false;
    }
    const bool has_keys = b->node_key.len > 0 && info->key[0] != '\0';
    if (has_keys ? !text_is(b->node_key, info->key) : !text_is(b->node_url, r->s.url)) {
        snprintf(words, RAIL_TEXT_MAX,
                 "it was committed for another node: set [lightning] url back until all its "
                 "payments have ended");
        return false;
    }
    if (!info->is_synced) {
        snprintf(words, RAIL_TEXT_MAX, "the node is not yet synced, so what it says may be old");
    }
    return info->is_synced;
}

/* One attempt that may have been sent. */
struct ended {
    struct rail *r;
    struct rail_payment *p;
    struct arena *a;
    struct lightning_body b;
    struct node_info info; /* of the node, by now */
    bool is_probe;
};

static void paid(const struct ended *e, const struct node_answer *n)
{
    const struct asset *asset = &e->p->asset;
    struct rail_report *out = &e->p->report;
    out->reference = arena_text(e->a, text_of(e->b.pay.hash));
    out->proof = arena_text(e->a, text_of(n->preimage));
    out->has_fee = n->has_fee;
    out->fee = n->has_fee ? lightning_amount_of(asset, n->fee_msat) : 0;
    out->has_amount = n->has_amount && n->amount_msat != e->b.pay.i.amount_msat;
    out->amount = out->has_amount ? lightning_amount_of(asset, n->amount_msat) : 0;
    rail_say(e->p, RAIL_PAID, "%s", "");
}

/** The node has no payment, or none that lives: is the invoice itself dead too? */
static void unpaid(const struct ended *e, const struct node_answer *n, const char *why)
{
    struct rail_payment *p = e->p;
    const mete_time dead_at = e->b.expires_at + LIGHTNING_DEAD_S * TIME_SECOND_US;
    const char *state =
        n->state == NODE_ABSENT ? "the node has no such payment" : "the node could not pay it";
    const char *colon = why[0] != '\0' ? ": " : "";
    if (p->now >= dead_at) {
        rail_say(p, RAIL_TRANSIENT, "%s, and its invoice has expired%s%s", state, colon, why);
    } else if (p->now + LIGHTNING_RESEND_S * TIME_SECOND_US >= e->b.expires_at) {
        p->report.retry_at = dead_at;
        rail_say(p, RAIL_UNKNOWN, "%s; its invoice may be taken for a last while%s%s", state, colon,
                 why);
    } else {
        rail_say(p, e->is_probe ? RAIL_ABSENT : RAIL_UNKNOWN,
                 "%s; the same invoice is sent again%s%s", state, colon, why);
    }
}

/** What the node says of the hash is what happened; `why` is what it said before, if anything. */
static void look(const struct ended *e, const char *why)
{
    struct node_answer n = {0};
    e->r->s.node->look(e->r, &e->b.pay, &n);
    switch (n.state) {
    case NODE_PAID:
        paid(e, &n);
        break;
    case NODE_PENDING:
        e->p->report.reference = arena_text(e->a, e->p->anchor);
        rail_say(e->p, RAIL_ACCEPTED, "it is on its way");
        break;
    case NODE_ABSENT:
    case NODE_FAILED:
        unpaid(e, &n, why[0] != '\0' ? why : n.words);
        break;
    case NODE_UNSURE:
        rail_say(e->p, RAIL_UNKNOWN, "%s",
                 n.words[0] != '\0' ? n.words : "the node's answer says nothing");
        break;
    }
}

/** An invoice of which the node had not said that it is new: nobody pays it. When it says so now,
 *  that is committed, so that what it has of the hash later is this payment. */
static void first_look(const struct ended *e)
{
    struct rail_payment *p = e->p;
    struct buf body = {0};
    char words[RAIL_TEXT_MAX];
    const enum seen seen = see(e->r, &e->b.pay, words);
    if (seen == SEEN_KNOWN) {
        known_say(p);
    } else if (seen == SEEN_UNSURE) {
        rail_say(p, RAIL_UNKNOWN, "%s", words);
    } else if (!e->is_probe || p->body_count == RAIL_BODIES_MAX) {
        rail_say(p, RAIL_UNKNOWN,
                 "the node had not said that the invoice is new to it; it does now");
    } else {
        lightning_body_write(&body, e->r, &e->b.pay, &e->info, p->now, true);
        p->body[p->body_count++] = arena_text(e->a, buf_text(&body));
        buf_clear(&body);
        rail_say(p, RAIL_REPLACE, "the node says that the invoice is new to it");
    }
}

/** Reads what was committed, and asks the node who it is; false: said. */
static bool begin(struct ended *e)
{
    char words[RAIL_TEXT_MAX] = "";
    if (!lightning_body_read(e->r, e->p, &e->b, words)) {
        rail_say(e->p, RAIL_UNKNOWN, "%s", words);
        return false;
    }
    if (!e->b.is_new && e->p->now + LIGHTNING_RESEND_S * TIME_SECOND_US >= e->b.expires_at) {
        rail_say(e->p, RAIL_TRANSIENT,
                 "its invoice has expired before the node could say that it is new");
        return false;
    }
    if (!node_is_same(e->r, &e->b, &e->info, words)) {
        rail_say(e->p, RAIL_UNKNOWN, "%s", words);
        return false;
    }
    if (!e->b.is_new) {
        first_look(e);
    }
    return e->b.is_new;
}

static void send_one(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct ended e = {.r = r, .p = p, .a = a};
    struct node_answer n = {0};
    if (!begin(&e)) {
        return;
    }
    if (p->now + LIGHTNING_RESEND_S * TIME_SECOND_US < e.b.expires_at &&
        fee_fits(r, &e.b.pay, n.words)) {
        r->s.node->pay(r, &e.b.pay, &n);
    }
    if (n.state == NODE_PAID && n.has_fee) {
        paid(&e, &n);
    } else {
        look(&e, n.words);
    }
}

static void probe_one(struct rail *r, struct rail_payment *p, struct arena *a)
{
    struct ended e = {.r = r, .p = p, .a = a, .is_probe = true};
    if (begin(&e)) {
        look(&e, "");
    }
}

/* --- the kind ----------------------------------------------------------------------------------*/

static void each(struct rail *r, struct rail_payment **p, size_t count, struct arena *a,
                 void (*step)(struct rail *, struct rail_payment *, struct arena *))
{
    for (size_t i = 0; i < count; i++) {
        p[i]->report = (struct rail_report){.reference = {"", 0}, .proof = {"", 0}};
        step(r, p[i], a);
        arena_reset(&r->work);
    }
}

static void rail_prepare(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    each(r, p, count, a, prepare_one);
}

static void rail_send(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    each(r, p, count, a, send_one);
}

static void rail_probe(struct rail *r, struct rail_payment **p, size_t count, struct arena *a)
{
    each(r, p, count, a, probe_one);
}

static const char *const aliases[] = {"lightning_address", NULL};

const struct rail_kind rail_lightning = {
    .name = "lightning",
    .alias = aliases,
    .batch_max = 1,
    .open = rail_open,
    .close = rail_close,
    .prepare = rail_prepare,
    .send = rail_send,
    .probe = rail_probe,
};
