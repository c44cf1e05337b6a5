/* SPDX-License-Identifier: Apache-2.0
 * Whether somebody else brought a payment to its end: an authorization, and a permit for "exact",
 * may be brought to the chain by anybody who has seen it. The money has then moved all the same. A
 * transaction that is found is looked at like those of the account: its receipt decides. */
#include "http/facilitator/watch_parts.h"

#include "base/text.h"

#include <string.h>

#define SEARCH_BLOCKS     UINT64_C(5000)
#define SEARCH_BLOCKS_MIN UINT64_C(64) /* where nodes answer for no more */

static void found(struct item *i, const struct hash *h)
{
    i->is_searched = true;
    i->has_stranger = true;
    i->stranger = *h;
    item_rest(i, STAGE_SENT, 0);
}

static void not_found(struct item *i)
{
    i->is_searched = true;
    item_say_failed(i, i->excuse);
}

/* --- permits: by what was called ---------------------------------------------------------------*/

static void call_write(struct line_ask *q, struct rpc_batch *b)
{
    const struct item *i = (const struct item *)q;
    for (size_t k = 0; k < i->candidate_count; k++) {
        (void)rpc_request_begin(b, "eth_getTransactionByHash");
        jw_data(&b->w, NULL, (struct bytes){i->candidate[k].b, sizeof i->candidate[k].b});
        rpc_request_end(b);
    }
}

/** The nonce of a permit is random: who has it in his call has brought the permit. */
static bool call_has_nonce(struct arena *a, const struct item *i, const struct rpc_answer *answer)
{
    struct u256 nonce;
    uint8_t word[U256_LEN];
    struct bytes input;
    if (answer->is_error || answer->result == NULL || answer->result->type != JSON_OBJECT ||
        !rpc_data(a, json_get(answer->result, "input"), &input) || !u256_parse(i->nonce, &nonce)) {
        return false;
    }
    u256_to_be(nonce, word);
    return memmem(input.p, input.len, word, sizeof word) != NULL;
}

static void call_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                      const struct mete_err *err)
{
    struct item *i = (struct item *)q;
    struct arena a;
    (void)err;
    if (code != METE_OK) {
        item_rest(i, STAGE_SENT, LATER_US);
        return;
    }
    arena_init(&a, ITEM_ARENA);
    size_t k = 0;
    while (k < i->candidate_count && !call_has_nonce(&a, i, &answers[k])) {
        k++;
    }
    arena_clear(&a);
    if (k < i->candidate_count) {
        found(i, &i->candidate[k]);
    } else {
        not_found(i);
    }
}

/* --- authorizations: by what the token has said ------------------------------------------------*/

static bool is_authorization(const struct item *i)
{
    return text_starts(i->nonce, "0x");
}

static void topic_address(struct rpc_batch *b, const struct evm_address *who)
{
    uint8_t word[U256_LEN] = {0};
    memcpy(word + U256_LEN - sizeof who->b, who->b, sizeof who->b);
    jw_data(&b->w, NULL, (struct bytes){word, sizeof word});
}

static void logs_write(struct line_ask *q, struct rpc_batch *b)
{
    const struct item *i = (const struct item *)q;
    const struct hash *topic =
        is_authorization(i) ? &EVM_TOPIC_AUTHORIZATION_USED : &EVM_TOPIC_TRANSFER;
    const uint64_t first = i->head > i->search_blocks ? i->head - i->search_blocks : 0;
    (void)rpc_request_begin(b, "eth_getLogs");
    jw_object(&b->w, NULL);
    jw_quantity(&b->w, "fromBlock", u256_of(first));
    jw_str(&b->w, "toBlock", "latest");
    jw_address(&b->w, "address", &i->asset);
    jw_array(&b->w, "topics");
    jw_data(&b->w, NULL, (struct bytes){topic->b, sizeof topic->b});
    topic_address(b, &i->from);
    if (is_authorization(i)) {
        jw_text(&b->w, NULL, i->nonce);
    } else {
        topic_address(b, &i->to);
    }
    jw_end_array(&b->w);
    jw_end_object(&b->w);
    rpc_request_end(b);
}

/** The newest ones. */
static void candidates_take(struct item *i, const struct json *logs)
{
    i->candidate_count = 0;
    for (const struct json *j = logs->child; j != NULL; j = j->next) {
        struct hash h;
        if (!rpc_hash(json_get(j, "transactionHash"), &h)) {
            continue;
        }
        if (i->candidate_count == STRANGERS) {
            memmove(i->candidate, i->candidate + 1, (STRANGERS - 1) * sizeof i->candidate[0]);
            i->candidate_count--;
        }
        i->candidate[i->candidate_count++] = h;
    }
}

static void logs_done(struct line_ask *q, enum mete_code code, const struct rpc_answer *answers,
                      const struct mete_err *err)
{
    struct item *i = (struct item *)q;
    (void)err;
    if (code != METE_OK || answers[0].is_error || answers[0].result == NULL ||
        answers[0].result->type != JSON_ARRAY) {
        if (i->search_blocks > SEARCH_BLOCKS_MIN) { /* it may have been too much for the node */
            i->search_blocks /= 2;
        }
        item_rest(i, STAGE_SENT, LATER_US);
        return;
    }
    candidates_take(i, answers[0].result);
    if (i->candidate_count == 0) {
        not_found(i);
    } else if (is_authorization(i)) {
        found(i, &i->candidate[i->candidate_count - 1]);
    } else {
        i->ask =
            (struct line_ask){.count = i->candidate_count, .write = call_write, .done = call_done};
        line_put(i->net->line, &i->ask);
    }
}

void item_search(struct item *i, const char *reason)
{
    i->excuse = reason;
    if (i->is_searched) {
        not_found(i);
        return;
    }
    i->search_blocks = i->search_blocks > 0 ? i->search_blocks : SEARCH_BLOCKS;
    i->ask = (struct line_ask){.count = 1, .write = logs_write, .done = logs_done};
    line_put(i->net->line, &i->ask);
}
