/* SPDX-License-Identifier: Apache-2.0
 * Rounds of JSON-RPC over web.h. The first request of every POST is eth_chainId, and a node that
 * has never given the right one is asked for it alone before anything else is sent to it. */
#include "rails/evm/chain.h"

#include "base/text.h"
#include "rails/web.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_MS 20000u

struct node {
    char *url;
    char host[HOST_LEN_MAX + 1]; /* for people; "" when it is an address, which no log may have */
    bool is_known;               /* it has given the right chain id before */
};

struct chain {
    uint64_t id;
    struct node node[CHAIN_NODES_MAX];
    size_t node_count;
    size_t current;
    uint64_t next_id; /* of requests, so that late answers to others are seen */
    struct web *web;
    struct web_answer answer;
};

void chain_open(struct chain **out, const struct chain_options *o)
{
    METE_ASSERT(o->url_count > 0 && o->url_count <= CHAIN_NODES_MAX);
    struct chain *c = calloc(1, sizeof *c);
    METE_ASSERT(c != NULL);
    c->id = o->chain_id;
    c->node_count = o->url_count;
    c->next_id = 1;
    for (size_t i = 0; i < o->url_count; i++) {
        struct url url;
        c->node[i].url = strdup(o->url[i]);
        METE_ASSERT(c->node[i].url != NULL);
        if (url_read(text_of(o->url[i]), &url) == NULL && host_is_domain(url.host)) {
            (void)text_copy(c->node[i].host, sizeof c->node[i].host, url.host);
        }
    }
    web_open(&c->web, &(struct web_options){
                          .total_ms = o->total_ms != 0 ? o->total_ms : TOTAL_MS,
                          .answer_max = CHAIN_ANSWER_MAX,
                          .allow_http = o->allow_http,
                          .keep_alive = true, /* everything asked of a node may be asked twice */
                      });
    *out = c;
}

void chain_close(struct chain *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->node_count; i++) {
        free(c->node[i].url);
    }
    web_answer_clear(&c->answer);
    web_close(c->web);
    free(c);
}

uint64_t chain_id(const struct chain *c)
{
    return c->id;
}

/* --- questions ---------------------------------------------------------------------------------*/

void chain_round_begin(struct chain_round *r, struct chain *c)
{
    *r = (struct chain_round){.chain = c};
}

void chain_round_end(struct chain_round *r)
{
    for (size_t i = 0; i < r->post_count; i++) {
        buf_clear(&r->text[i]);
    }
    free(r->answers);
    r->answers = NULL;
    arena_clear(&r->arena);
}

/** Where the next question is written to. */
static struct rpc_batch *next_batch(struct chain_round *r)
{
    if (r->count % CHAIN_REQUESTS_MAX == 0) {
        METE_ASSERT(r->post_count < CHAIN_POSTS_MAX);
        struct rpc_batch *b = &r->batch[r->post_count];
        rpc_batch_begin(b, &r->text[r->post_count], r->chain->next_id);
        r->post_count++;
        r->chain->next_id += CHAIN_REQUESTS_MAX + 1;
        (void)rpc_request_plain(b, "eth_chainId");
    }
    r->count++;
    return &r->batch[r->post_count - 1];
}

size_t chain_ask(struct chain_round *r, const char *method)
{
    (void)rpc_request_plain(next_batch(r), method);
    return r->count - 1;
}

size_t chain_ask_account(struct chain_round *r, const char *method, const struct evm_address *who,
                         struct rpc_block at)
{
    struct rpc_batch *b = next_batch(r);
    (void)rpc_request_begin(b, method);
    jw_address(&b->w, NULL, who);
    jw_block(&b->w, NULL, at);
    rpc_request_end(b);
    return r->count - 1;
}

size_t chain_ask_call(struct chain_round *r, const char *method, const struct rpc_call *call,
                      struct rpc_block at)
{
    (void)rpc_request_call(next_batch(r), method, call, at);
    return r->count - 1;
}

size_t chain_ask_hash(struct chain_round *r, const char *method, const struct hash *h)
{
    struct rpc_batch *b = next_batch(r);
    (void)rpc_request_begin(b, method);
    jw_data(&b->w, NULL, (struct bytes){h->b, sizeof h->b});
    rpc_request_end(b);
    return r->count - 1;
}

size_t chain_ask_block(struct chain_round *r, struct rpc_block at, bool whole)
{
    struct rpc_batch *b = next_batch(r);
    (void)rpc_request_begin(b, "eth_getBlockByNumber");
    jw_block(&b->w, NULL, at);
    jw_bool(&b->w, NULL, whole);
    rpc_request_end(b);
    return r->count - 1;
}

size_t chain_ask_send(struct chain_round *r, struct bytes raw)
{
    struct rpc_batch *b = next_batch(r);
    (void)rpc_request_begin(b, "eth_sendRawTransaction");
    jw_data(&b->w, NULL, raw);
    rpc_request_end(b);
    return r->count - 1;
}

/* --- the round trip ----------------------------------------------------------------------------*/

static enum mete_code failed(const struct chain *c, const struct node *n, enum mete_code code,
                             struct mete_err *err, const char *what)
{
    return mete_fail(err, code, "", "node %zu of %zu%s%s%s: %s", (size_t)(n - c->node) + 1,
                     c->node_count, n->host[0] != '\0' ? " (" : "", n->host,
                     n->host[0] != '\0' ? ")" : "", what);
}

/** Why no answer came, without the addresses that libcurl likes to tell: a book refuses reasons in
 *  which there are some. */
static const char *broken_words(const struct web_answer *a)
{
    for (const char *p = a->error; *p != '\0'; p++) {
        if ((p[0] >= '0' && p[0] <= '9' && p[1] == '.') || (p[0] == ':' && p[1] == ':')) {
            return a->outcome == WEB_BROKEN ? "it gave no whole answer" : "it cannot be reached";
        }
    }
    return a->error;
}

/** One POST; the answer's text is in c->answer. */
static enum mete_code post(struct chain *c, const struct node *n, struct bytes body,
                           struct mete_err *err)
{
    struct web_request q = {.method = "POST", .url = n->url, .body = body};
    q.header[0] = "Content-Type: application/json";
    web_do(c->web, &q, &c->answer);
    if (c->answer.outcome != WEB_ANSWERED) {
        return failed(c, n, METE_CHAIN_UNREACHABLE, err, broken_words(&c->answer));
    }
    if (c->answer.status != 200) {
        char what[40];
        (void)snprintf(what, sizeof what, "HTTP status %u", c->answer.status);
        return failed(c, n, METE_CHAIN_UNREACHABLE, err, what);
    }
    return METE_OK;
}

/** Reads the answers to one POST, of which the first is the chain id. `a` keeps them. */
static enum mete_code answers_take(struct chain *c, struct node *n, const struct rpc_batch *b,
                                   struct rpc_answer *out, struct arena *a, struct mete_err *err)
{
    struct mete_err wrong;
    uint64_t id = 0;
    const struct text said = arena_text(a, buf_text(&c->answer.body));
    enum mete_code code = rpc_answers_read(a, said, b->first_id, out, b->count, &wrong);
    if (code != METE_OK) {
        url_hide(wrong.text, strlen(wrong.text), n->url);
        return failed(c, n, code, err, wrong.text);
    }
    rpc_answers_hide(a, out, b->count, n->url);
    if (out[0].is_error || !rpc_u64(out[0].result, &id)) {
        return failed(c, n, METE_RPC_ANSWER, err, "it does not say which chain it is of");
    }
    if (id != c->id) {
        char what[80];
        (void)snprintf(what, sizeof what, "it is of chain %llu, not %llu", (unsigned long long)id,
                       (unsigned long long)c->id);
        n->is_known = false;
        return failed(c, n, METE_CHAIN_OTHER, err, what);
    }
    n->is_known = true;
    return METE_OK;
}

/** Before the first question to a node. */
static enum mete_code node_check(struct chain *c, struct node *n, struct mete_err *err)
{
    if (n->is_known) {
        return METE_OK;
    }
    struct buf text = {0};
    struct rpc_batch b;
    struct rpc_answer answer;
    struct arena a;
    arena_init(&a, JSON_ARENA_MAX(CHAIN_ANSWER_MAX) + CHAIN_ANSWER_MAX + 64);
    rpc_batch_begin(&b, &text, c->next_id++);
    (void)rpc_request_plain(&b, "eth_chainId");
    rpc_batch_end(&b);
    enum mete_code code = post(c, n, buf_bytes(&text), err);
    if (code == METE_OK) {
        code = answers_take(c, n, &b, &answer, &a, err);
    }
    arena_clear(&a);
    buf_clear(&text);
    return code;
}

static enum mete_code round_of_node(struct chain_round *r, struct node *n, struct mete_err *err)
{
    struct chain *c = r->chain;
    enum mete_code code = node_check(c, n, err);
    arena_clear(&r->arena);
    arena_init(&r->arena,
               r->post_count * (JSON_ARENA_MAX(CHAIN_ANSWER_MAX) + 8 * CHAIN_ANSWER_MAX));
    for (size_t i = 0; code == METE_OK && i < r->post_count; i++) {
        struct rpc_answer got[CHAIN_REQUESTS_MAX + 1];
        code = post(c, n, buf_bytes(&r->text[i]), err);
        if (code == METE_OK) {
            code = answers_take(c, n, &r->batch[i], got, &r->arena, err);
        }
        if (code == METE_OK) {
            memcpy(&r->answers[i * CHAIN_REQUESTS_MAX], got + 1,
                   (r->batch[i].count - 1) * sizeof *got);
        }
    }
    return code;
}

enum mete_code chain_round_go(struct chain_round *r, struct mete_err *err)
{
    struct chain *c = r->chain;
    METE_ASSERT(r->answers == NULL);
    for (size_t i = 0; i < r->post_count; i++) {
        rpc_batch_end(&r->batch[i]);
    }
    r->answers = calloc(r->count + 1, sizeof *r->answers);
    METE_ASSERT(r->answers != NULL);
    enum mete_code code = METE_OK;
    for (size_t i = 0; i < c->node_count; i++) {
        const size_t at = (c->current + i) % c->node_count;
        code = round_of_node(r, &c->node[at], err);
        if (code == METE_OK) {
            c->current = at;
            break;
        }
    }
    return code;
}

/* --- answers -----------------------------------------------------------------------------------*/

const struct rpc_answer *chain_answer(const struct chain_round *r, size_t place)
{
    METE_ASSERT(r->answers != NULL && place < r->count);
    return &r->answers[place];
}

static const struct json *result_of(const struct chain_round *r, size_t place)
{
    const struct rpc_answer *a = chain_answer(r, place);
    return a->is_error ? NULL : a->result;
}

bool chain_answer_u64(const struct chain_round *r, size_t place, uint64_t *out)
{
    return rpc_u64(result_of(r, place), out);
}

bool chain_answer_u256(const struct chain_round *r, size_t place, struct u256 *out)
{
    return rpc_u256(result_of(r, place), out);
}

bool chain_answer_data(struct chain_round *r, size_t place, struct bytes *out)
{
    return rpc_data(&r->arena, result_of(r, place), out);
}

bool chain_answer_block(const struct chain_round *r, size_t place, struct evm_block *out)
{
    const struct json *j = result_of(r, place);
    return j != NULL && j->type == JSON_OBJECT && rpc_block_read(j, out, NULL) == METE_OK;
}
