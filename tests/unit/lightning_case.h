/* SPDX-License-Identifier: Apache-2.0
 * What the tests of the Lightning rail share: answers by script instead of a network, invoices of a
 * payee with a key of its own, and the words in which each kind of node says the same things. */
#ifndef METE_TESTS_LIGHTNING_CASE_H
#define METE_TESTS_LIGHTNING_CASE_H

#include "json_doc.h"

#include "base/encode.h"
#include "rails/lightning/lightning.h"
#include "rails/rail.h"
#include "wire/lightning/bolt11.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_S      ((int64_t)1738323296) /* 2025-01-31T11:34:56Z */
#define NOW        (NOW_S * TIME_SECOND_US)
#define EXPIRY_S   3600
#define METADATA   "[[\"text/plain\",\"x\"],[\"text/identifier\",\"bob@pay.example\"]]"
#define OUR_NODE   "02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619"
#define RULES_MAX  12
#define ASKED_MAX  32
#define PREIMAGE_B 0x2a

/* One answer: to the first questions that contain `match`, as often as said; 0: always. */
struct rule {
    enum lightning_peer to;
    const char *match; /* in "METHOD url" */
    unsigned times;
    enum web_outcome outcome;
    unsigned status;
    const char *body; /* with @H hash, @P preimage, @I invoice, @M metadata as a JSON string,
                       * @' an apostrophe; other apostrophes are quotation marks */
};

struct world {
    struct rule rule[RULES_MAX];
    size_t rule_count;
    unsigned used[RULES_MAX];
    char *asked[ASKED_MAX]; /* "METHOD url headers body" */
    enum lightning_peer peer[ASKED_MAX];
    size_t asked_count;
    struct buf invoice;
    char hash[65];
    char preimage[65];
};

/* --- the payee's invoice -----------------------------------------------------------------------*/

static inline struct bolt11 invoice_terms(uint64_t msat)
{
    uint8_t preimage[32];
    memset(preimage, PREIMAGE_B, sizeof preimage);
    struct bolt11 i = {.network = BOLT11_BITCOIN,
                       .has_amount = true,
                       .has_description_hash = true,
                       .amount_msat = msat,
                       .timestamp_s = NOW_S,
                       .expiry_s = EXPIRY_S,
                       .cltv = BOLT11_CLTV_DEFAULT};
    i.payment_hash = sha256((struct bytes){preimage, sizeof preimage});
    i.description_hash = sha256(text_bytes(TEXT(METADATA)));
    memset(i.payment_secret, 7, sizeof i.payment_secret);
    return i;
}

static inline void world_invoice(struct world *w, const struct bolt11 *i)
{
    uint8_t secret[32];
    uint8_t preimage[32];
    memset(secret, 0x11, sizeof secret);
    memset(preimage, PREIMAGE_B, sizeof preimage);
    buf_reset(&w->invoice);
    assert_true(bolt11_write(&w->invoice, i, secret));
    hash_hex(&i->payment_hash, w->hash);
    hex_encode(w->preimage, (struct bytes){preimage, sizeof preimage});
}

/* --- answers -----------------------------------------------------------------------------------*/

static inline void put_json_string(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '"')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*s);
    }
}

static inline void answer_fill(const struct world *w, const char *body, struct buf *out)
{
    for (; *body != '\0'; body++) {
        const char *value = body[0] != '@'   ? NULL
                            : body[1] == 'H' ? w->hash
                            : body[1] == 'P' ? w->preimage
                                             : NULL;
        if (value != NULL)
            buf_put_str(out, value);
        else if (body[0] == '@' && body[1] == 'I')
            buf_put_text(out, buf_text(&w->invoice));
        else if (body[0] == '@' && body[1] == 'M')
            put_json_string(out, METADATA);
        else if (body[0] == '@' && body[1] == '\'')
            buf_put_u8(out, '\'');
        else {
            buf_put_u8(out, *body == '\'' ? '"' : (uint8_t)*body);
            continue;
        }
        body++;
    }
}

static inline void world_ask(void *ctx, enum lightning_peer to, const struct web_request *q,
                             struct web_answer *out)
{
    struct world *w = ctx;
    struct buf asked = {0};
    buf_printf(&asked, "%s %s", q->method, q->url);
    for (size_t i = 0; i < WEB_HEADERS_MAX && q->header[i] != NULL; i++)
        buf_printf(&asked, " [%s]", q->header[i]);
    buf_printf(&asked, " %.*s", (int)q->body.len, (const char *)q->body.p);
    buf_put_u8(&asked, 0);
    assert_true(w->asked_count < ASKED_MAX);
    w->peer[w->asked_count] = to;
    w->asked[w->asked_count++] = (char *)asked.p;
    const struct buf body = out->body;
    *out = (struct web_answer){.body = body, .outcome = WEB_NOT_SENT};
    buf_reset(&out->body);
    snprintf(out->error, sizeof out->error, "nobody listens");
    for (size_t i = 0; i < w->rule_count; i++) {
        const struct rule *r = &w->rule[i];
        if (r->to != to || strstr((char *)asked.p, r->match) == NULL ||
            (r->times > 0 && w->used[i] >= r->times))
            continue;
        w->used[i]++;
        out->outcome = r->outcome;
        out->status = r->status;
        if (r->body != NULL)
            answer_fill(w, r->body, &out->body);
        return;
    }
}

static inline void world_rule(struct world *w, struct rule r)
{
    assert_true(w->rule_count < RULES_MAX);
    w->rule[w->rule_count++] = r;
}

/** The only question that contains `match`; NULL: none. */
static inline const char *world_asked(const struct world *w, const char *match)
{
    const char *found = NULL;
    for (size_t i = 0; i < w->asked_count; i++) {
        if (strstr(w->asked[i], match) != NULL) {
            assert_null(found);
            found = w->asked[i];
        }
    }
    return found;
}

static inline void world_forget(struct world *w)
{
    for (size_t i = 0; i < w->asked_count; i++)
        free(w->asked[i]);
    w->asked_count = 0;
    w->rule_count = 0;
    memset(w->used, 0, sizeof w->used);
}

static inline void world_clear(struct world *w)
{
    world_forget(w);
    buf_clear(&w->invoice);
}

/* --- settings ----------------------------------------------------------------------------------*/

struct pair {
    const char *name;
    const char *value;
};

static inline const char *pair_get(void *ctx, const char *name)
{
    for (const struct pair *p = ctx; p->name != NULL; p++) {
        if (strcmp(p->name, name) == 0)
            return p->value;
    }
    return NULL;
}

/** A file of its own, removed by the caller; malloc'ed name. */
static inline char *key_file(const char *content, mode_t mode)
{
    char name[] = "/tmp/mete-lightning-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return strdup(name);
}

/* --- what nodes say ----------------------------------------------------------------------------*/

struct said {
    unsigned status;
    const char *body;
};

struct node_words {
    const char *name;
    const char *key_setting;
    const char *key;
    const char *header; /* that it becomes */
    const char *info_at, *pay_at, *look_at;
    struct said info, other_node, not_synced, other_network;
    struct said pay_paid, pay_refused; /* paid: with its fee, or of those that cannot say so NULL */
    struct said paid, paid_other_preimage, paid_bare, pending, failed, absent, foreign,
        unknown_path;
};

static const struct node_words nodes_said[] = {
    {.name = "cln",
     .key_setting = "rune_file",
     .key = "abcDEF_-==\n",
     .header = "[Rune: abcDEF_-==]",
     .info_at = "POST https://node.example:3010/v1/getinfo",
     .pay_at = "POST https://node.example:3010/v1/xpay",
     .look_at = "POST https://node.example:3010/v1/listpays",
     .info = {201, "{'id':'" OUR_NODE "','network':'bitcoin'}"},
     .other_node = {201, "{'id':'03aa','network':'bitcoin'}"},
     .not_synced = {201, "{'id':'" OUR_NODE "','network':'bitcoin','warning_lightningd_sync':'x'}"},
     .other_network = {201, "{'id':'" OUR_NODE "','network':'regtest'}"},
     .pay_paid = {201, "{'payment_preimage':'@P','failed_parts':0,'successful_parts':1,"
                       "'amount_msat':12345000,'amount_sent_msat':12346001}"},
     .pay_refused = {500, "{'code':-3,'message':'Unexpected injectpaymentonion error 200'}"},
     .paid = {201, "{'pays':[{'payment_hash':'@H','status':'failed'},{'payment_hash':'@H',"
                   "'status':'complete','preimage':'@P','amount_msat':12345000,"
                   "'amount_sent_msat':12346001,'groupid':18446744073709551615}]}"},
     .paid_other_preimage = {201, "{'pays':[{'payment_hash':'@H','status':'complete','preimage':"
                                  "'00000000000000000000000000000000000000000000000000000000000000"
                                  "00'}]}"},
     .paid_bare = {201, "{'pays':[{'payment_hash':'@H','status':'complete'}]}"},
     .pending = {201, "{'pays':[{'payment_hash':'@H','status':'failed'},{'payment_hash':'@H',"
                      "'status':'pending'}]}"},
     .failed = {201, "{'pays':[{'payment_hash':'@H','status':'failed'}]}"},
     .absent = {201, "{'pays':[]}"},
     .foreign = {201, "{'pays':[{'payment_hash':'00','status':'failed'}]}"},
     .unknown_path = {404, "{'code':-32601,'message':'Unknown command'}"}},
    {.name = "lnd",
     .key_setting = "macaroon_file",
     .key = "0201036c6e64\n",
     .header = "[Grpc-Metadata-macaroon: 0201036c6e64]",
     .info_at = "GET https://node.example:3010/v1/getinfo",
     .pay_at = "POST https://node.example:3010/v2/router/send",
     .look_at = "GET https://node.example:3010/v2/router/track/",
     .info = {200, "{'identity_pubkey':'" OUR_NODE "','synced_to_chain':true,'chains':[{'chain':"
                   "'bitcoin','network':'mainnet'}]}"},
     .other_node = {200, "{'identity_pubkey':'03aa','synced_to_chain':true}"},
     .not_synced = {200, "{'identity_pubkey':'" OUR_NODE "','synced_to_chain':false}"},
     .other_network = {200, "{'identity_pubkey':'" OUR_NODE "','synced_to_chain':true,'chains':[{"
                            "'chain':'bitcoin','network':'regtest'}]}"},
     .pay_paid = {200, "{'result':{'payment_hash':'@H','status':'SUCCEEDED','payment_preimage':"
                       "'@P','fee_msat':'1001','value_msat':'12345000'}}"},
     .pay_refused = {409, "{'error':{'code':6,'message':'payment is in transition'}}"},
     .paid = {200, "{'result':{'payment_hash':'@H','status':'SUCCEEDED','payment_preimage':'@P',"
                   "'fee_msat':'1001','value_msat':'12345000'}}"},
     .paid_other_preimage = {200, "{'result':{'payment_hash':'@H','status':'SUCCEEDED',"
                                  "'payment_preimage':'000000000000000000000000000000000000000000"
                                  "0000000000000000000000'}}"},
     .paid_bare = {200, "{'result':{'payment_hash':'@H','status':'SUCCEEDED'}}"},
     .pending = {200, "{'result':{'payment_hash':'@H','status':'IN_FLIGHT','failure_reason':"
                      "'FAILURE_REASON_TIMEOUT'}}"},
     .failed = {200, "{'result':{'payment_hash':'@H','status':'FAILED','failure_reason':"
                     "'FAILURE_REASON_NO_ROUTE'}}"},
     .absent = {404, "{'error':{'code':5,'message':'payment isn@'t initiated','details':[]}}"},
     .foreign = {200, "{'result':{'payment_hash':'00','status':'FAILED'}}"},
     .unknown_path = {404, "{'code':5,'message':'Not Found','details':[]}"}},
    {.name = "phoenixd",
     .key_setting = "password_file",
     .key = "s3cret\n",
     .header = "[Authorization: Basic OnMzY3JldA==]",
     .info_at = "GET https://node.example:3010/getinfo",
     .pay_at = "POST https://node.example:3010/payinvoice",
     .look_at = "GET https://node.example:3010/payments/outgoingbyhash/",
     .info = {200, "{'nodeId':'" OUR_NODE "','chain':'mainnet','channels':[],'version':'0.8.0'}"},
     .other_node = {200, "{'nodeId':'03aa','chain':'mainnet'}"},
     .not_synced = {503, "starting"},
     .other_network = {200, "{'nodeId':'" OUR_NODE "','chain':'regtest'}"},
     .pay_paid = {0, NULL},
     .pay_refused = {200, "{'paymentHash':'@H','reason':'this invoice has already been paid'}"},
     .paid = {200, "{'paymentHash':'@H','preimage':'@P','isPaid':true,'sent':12347,'fees':1001,"
                   "'completedAt':1738323297000,'createdAt':1738323296000}"},
     .paid_other_preimage = {200, "{'paymentHash':'@H','isPaid':true,'completedAt':1,'preimage':"
                                  "'00000000000000000000000000000000000000000000000000000000000000"
                                  "00'}"},
     .paid_bare = {200, "{'paymentHash':'@H','isPaid':true,'completedAt':1738323297000}"},
     .pending = {200, "{'paymentHash':'@H','isPaid':false,'completedAt':null}"},
     .failed = {200, "{'paymentHash':'@H','isPaid':false,'completedAt':1738323297000}"},
     .absent = {404, "Not found"},
     .foreign = {200, "{'paymentHash':'00','isPaid':false,'completedAt':1738323297000}"},
     .unknown_path = {404, "Unknown endpoint (check api doc)"}},
    {.name = "lnbits",
     .key_setting = "key_file",
     .key = "b1c2d3\n",
     .header = "[X-Api-Key: b1c2d3]",
     .info_at = "GET https://node.example:3010/api/v1/wallet",
     .pay_at = "POST https://node.example:3010/api/v1/payments",
     .look_at = "GET https://node.example:3010/api/v1/payments/",
     .info = {200, "{'name':'w','balance':99000000,'id':'5f1d'}"},
     .other_node = {200, "{'name':'w','balance':99000000,'id':'0000'}"},
     .not_synced = {503, "{'detail':'starting'}"},
     .other_network = {0, NULL},
     .pay_paid = {0, NULL},
     .pay_refused = {520, "{'detail':'Payment is still pending.','status':'pending'}"},
     .paid = {200, "{'paid':true,'preimage':'@P','details':{'payment_hash':'@H','status':'success',"
                   "'amount':-12345000,'fee':-1001,'checking_id':'@H'}}"},
     .paid_other_preimage = {200, "{'paid':true,'preimage':'00','details':{'payment_hash':'@H',"
                                  "'status':'success','amount':-12345000,'fee':0,'checking_id':"
                                  "'@H'}}"},
     .paid_bare = {200, "{'paid':true,'preimage':null,'details':{'payment_hash':'@H','status':"
                        "'success','amount':-12345000,'fee':0,'checking_id':'external_@H'}}"},
     .pending = {200, "{'paid':false,'status':'pending','details':{'payment_hash':'@H','status':"
                      "'pending','amount':-12345000}}"},
     .failed = {200, "{'paid':false,'status':'failed','details':{'payment_hash':'@H','status':"
                     "'failed','amount':-12345000}}"},
     .absent = {404, "{'detail':'Payment does not exist.'}"},
     .foreign = {200, "{'paid':false,'status':'failed','details':{'payment_hash':'00','status':"
                      "'failed','amount':-12345000}}"},
     .unknown_path = {404, "{'detail':'Not Found'}"}},
};

/* --- one payment -------------------------------------------------------------------------------*/

#define AMOUNT_MSAT UINT64_C(12345000)
#define EXPIRES     (NOW + EXPIRY_S * TIME_SECOND_US)
#define MINUTE      (60 * TIME_SECOND_US)

#define ASK_AT  "GET https://pay.example/.well-known/lnurlp/bob "
#define CALL_AT "GET https://cb.example/pay?k=1&amount=12345000 "
#define FIRST                                                                                      \
    "{'tag':'payRequest','callback':'https://cb.example/pay?k=1','minSendable':1000,"              \
    "'maxSendable':100000000,'metadata':'@M'}"
#define SECOND "{'pr':'@I','routes':[]}"

struct bench {
    struct world w;
    struct rail *rail;
    struct arena a;
    struct rail_payment p;
    const struct node_words *n;
};

static inline void bench_open(struct bench *b, const struct node_words *n, const struct pair *more)
{
    struct pair pairs[16] = {{"node", n->name}, {"url", "https://node.example:3010/"}};
    struct mete_err err = {0};
    char *file = key_file(n->key, 0600);
    *b = (struct bench){.n = n};
    pairs[2] = (struct pair){n->key_setting, file};
    for (size_t i = 0; more != NULL && more[i].name != NULL; i++)
        pairs[3 + i] = more[i];
    const struct rail_config config = {pair_get, pairs};
    const struct lightning_transport t = {world_ask, &b->w};
    if (lightning_open(&b->rail, &config, &t, &err) != METE_OK)
        fail_msg("%s: %s", n->name, err.text);
    unlink(file);
    free(file);
    arena_init(&b->a, 1 << 20);
    const struct bolt11 i = invoice_terms(AMOUNT_MSAT);
    world_invoice(&b->w, &i);
    b->p = (struct rail_payment){.book = TEXT("main"),
                                 .transfer_id = TEXT("po_00000000000000000000000000000001"),
                                 .party = TEXT("bob"),
                                 .attempt = 1,
                                 .asset = {.code = "SAT"},
                                 .amount = 12345,
                                 .fee_max = -1,
                                 .destination = TEXT("bob@pay.example"),
                                 .now = NOW};
}

static inline void bench_close(struct bench *b)
{
    rail_lightning.close(b->rail);
    world_clear(&b->w);
    arena_clear(&b->a);
}

static inline void says(struct bench *b, const char *match, const struct said *s)
{
    world_rule(&b->w, (struct rule){LIGHTNING_NODE, match, 0, WEB_ANSWERED, s->status, s->body});
}

/** LNbits is asked for its reserve before it pays. */
static inline void says_reserve(struct bench *b)
{
    const struct said reserve = {200, "{'fee_reserve':100000}"};
    says(b, "payments/fee-reserve?invoice=lnbc", &reserve);
}

static inline void host_says(struct bench *b, const char *match, const char *body)
{
    world_rule(&b->w, (struct rule){LIGHTNING_PAYEE, match, 0, WEB_ANSWERED, 200, body});
}

typedef void call(struct rail *, struct rail_payment **, size_t, struct arena *);

static inline enum rail_outcome run(struct bench *b, call *step)
{
    struct rail_payment *p = &b->p;
    step(b->rail, &p, 1, &b->a);
    return p->report.outcome;
}

static inline void assert_outcome(const struct bench *b, enum rail_outcome wanted,
                                  const char *words)
{
    const struct rail_report *r = &b->p.report;
    if (r->outcome != wanted || strstr(r->reason, words) == NULL)
        fail_msg("%s: %s '%s', not %s '%s'", b->n->name, rail_outcome_name(r->outcome), r->reason,
                 rail_outcome_name(wanted), words);
}

/** A payment that was prepared in the good world; the script is empty again. */
static inline void bench_prepared(struct bench *b, const struct node_words *n)
{
    bench_open(b, n, NULL);
    says_reserve(b);
    says(b, n->info_at, &n->info);
    says(b, n->look_at, &n->absent);
    host_says(b, ASK_AT, FIRST);
    host_says(b, CALL_AT, SECOND);
    (void)run(b, rail_lightning.prepare);
    assert_outcome(b, RAIL_ACCEPTED, "");
    b->p.sending_at = NOW;
    world_forget(&b->w);
}

static inline void each_node(void (*test)(struct bench *, const struct node_words *))
{
    for (size_t i = 0; i < ARRAY_LEN(nodes_said); i++) {
        struct bench b;
        bench_prepared(&b, &nodes_said[i]);
        test(&b, &nodes_said[i]);
        bench_close(&b);
    }
}

#endif
