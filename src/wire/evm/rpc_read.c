/* SPDX-License-Identifier: Apache-2.0
 * Answers of nodes: whole batches, receipts with their logs, blocks. */
#include "base/text.h"
#include "wire/evm/rpc.h"
#include "wire/url.h"

#include <stdio.h>
#include <string.h>

#define POINTER_MAX  64
#define SAID_MAX     sizeof(((struct mete_err *)NULL)->text)
#define SHOWN_MAX    ((size_t)512)
#define ERROR_REVERT 3  /* geth's code for it */
#define LOG_LEN_MIN  64 /* characters of a log, so that [0,0,0] takes no memory */

static enum mete_code refuse(struct mete_err *err, size_t i, const char *what)
{
    char pointer[POINTER_MAX];
    (void)snprintf(pointer, sizeof(pointer), "/%zu", i);
    return mete_fail(err, METE_RPC_ANSWER, pointer, "%s", what);
}

static bool error_read(const struct json *error, struct rpc_answer *out)
{
    const struct json *message = json_get(error, "message");
    if (error->type != JSON_OBJECT || message == NULL || message->type != JSON_STRING ||
        !json_int(json_get(error, "code"), INT64_MIN, INT64_MAX, &out->error_code)) {
        return false;
    }
    out->is_error = true;
    out->error_text = message->text;
    out->error_data = json_get(error, "data");
    return true;
}

/* One element of the array, as the answer to request `*place`; what is wrong with it, or NULL. */
static const char *answer_read(const struct json *j, uint64_t first_id, size_t count,
                               struct rpc_answer *out, size_t *place)
{
    const struct json *version = json_get(j, "jsonrpc"), *error = json_get(j, "error");
    int64_t id = 0;
    *out = (struct rpc_answer){.result = json_get(j, "result")};
    if (j->type != JSON_OBJECT || version == NULL || version->type != JSON_STRING ||
        !text_is(version->text, "2.0")) {
        return "this is no answer of JSON-RPC 2.0";
    }
    if ((out->result == NULL) == (error == NULL)) {
        return "an answer has either a result or an error";
    }
    if (error != NULL && !error_read(error, out)) {
        return "an error has a code and a message";
    }
    if (count == 0 ||
        !json_int(json_get(j, "id"), (int64_t)first_id, (int64_t)(first_id + count - 1), &id)) {
        return "nothing was asked with this id";
    }
    *place = (size_t)((uint64_t)id - first_id);
    return NULL;
}

/* A node that takes no part of a batch answers with one object. */
static enum mete_code whole_refuse(const struct json *root, struct mete_err *err)
{
    struct rpc_answer answer = {0};
    const struct json *error = json_get(root, "error");
    if (error == NULL || !error_read(error, &answer)) {
        return mete_fail(err, METE_RPC_ANSWER, "", "the answer to a batch is an array");
    }
    struct text said = answer.error_text; /* cut by mete_fail, between characters */
    return mete_fail(err, METE_RPC_ANSWER, "/error", "the node refused the batch: %lld %.*s",
                     (long long)answer.error_code, (int)(said.len < SAID_MAX ? said.len : SAID_MAX),
                     said.p);
}

enum mete_code rpc_answers_read(struct arena *a, struct text input, uint64_t first_id,
                                struct rpc_answer *answers, size_t count, struct mete_err *err)
{
    struct json *root = NULL;
    struct mete_err json_err;
    if (json_parse(a, input, &root, &json_err) != METE_OK) {
        return mete_fail(err, METE_RPC_ANSWER, json_err.pointer, "%s", json_err.text);
    }
    if (root->type != JSON_ARRAY) {
        return whole_refuse(root, err);
    }
    for (size_t i = 0; i < count; i++) {
        answers[i] = (struct rpc_answer){0};
    }
    size_t i = 0;
    for (const struct json *j = root->child; j != NULL; j = j->next, i++) {
        struct rpc_answer answer;
        size_t place = 0;
        const char *wrong = answer_read(j, first_id, count, &answer, &place);
        if (wrong == NULL && (answers[place].result != NULL || answers[place].is_error)) {
            wrong = "this request was answered before";
        }
        if (wrong != NULL) {
            return refuse(err, i, wrong);
        }
        answers[place] = answer;
    }
    return i == count
               ? METE_OK
               : mete_fail(err, METE_RPC_ANSWER, "", "%zu answers to %zu requests", i, count);
}

void rpc_answers_hide(struct arena *a, struct rpc_answer *answers, size_t count, const char *url)
{
    for (size_t i = 0; i < count; i++) {
        struct text *said = &answers[i].error_text;
        if (answers[i].is_error && said->len > 0) {
            char *copy = arena_alloc(a, said->len);
            memcpy(copy, said->p, said->len);
            url_hide(copy, said->len < SHOWN_MAX ? said->len : SHOWN_MAX, url);
            said->p = copy;
        }
    }
}

bool rpc_is_revert(const struct rpc_answer *answer)
{
    return answer->is_error && (answer->error_code == ERROR_REVERT ||
                                memmem(answer->error_text.p, answer->error_text.len, "revert",
                                       strlen("revert")) != NULL);
}

/** Not within another word: "unknown" is not "known". */
static bool says(const struct rpc_answer *answer, const char *word)
{
    const struct text said = answer->error_text;
    const char *at = memmem(said.p, said.len, word, strlen(word));
    const char before = at != NULL && at > said.p ? (char)(at[-1] | 0x20) : ' ';
    return at != NULL && (before < 'a' || before > 'z');
}

bool rpc_is_known(const struct rpc_answer *answer)
{
    static const char *const WORDS[] = {"already known", "Already Known",     "already imported",
                                        "AlreadyKnown",  "known transaction", "Known transaction"};
    bool is_known = false;
    for (size_t i = 0; answer->is_error && i < ARRAY_LEN(WORDS); i++) {
        is_known |= says(answer, WORDS[i]);
    }
    return is_known;
}

bool rpc_revert_data(struct arena *a, const struct rpc_answer *answer, struct bytes *out)
{
    return answer->is_error && rpc_data(a, answer->error_data, out);
}

static enum mete_code misses(struct mete_err *err, const char *pointer)
{
    return mete_fail(err, METE_RPC_ANSWER, pointer, "the node's answer has no proper %s",
                     pointer + 1);
}

static bool log_read(struct arena *a, const struct json *j, struct evm_log *out)
{
    const struct json *topics = json_get(j, "topics");
    if (!rpc_address(json_get(j, "address"), &out->address) ||
        !rpc_data(a, json_get(j, "data"), &out->data) || topics == NULL ||
        topics->type != JSON_ARRAY || topics->count > EVM_TOPICS_MAX ||
        json_is_true(json_get(j, "removed"))) {
        return false;
    }
    for (const struct json *t = topics->child; t != NULL; t = t->next) {
        if (!rpc_hash(t, &out->topics[out->topic_count++])) {
            return false;
        }
    }
    return true;
}

static enum mete_code logs_read(struct arena *a, const struct json *j, struct evm_receipt *out,
                                struct mete_err *err)
{
    const struct json *logs = json_get(j, "logs");
    if (logs == NULL || logs->type != JSON_ARRAY || logs->count > logs->raw.len / LOG_LEN_MIN) {
        return misses(err, "/logs");
    }
    struct evm_log *log = arena_array(a, logs->count, sizeof(*log));
    size_t i = 0;
    for (const struct json *l = logs->child; l != NULL; l = l->next, i++) {
        if (!log_read(a, l, &log[i])) {
            char pointer[POINTER_MAX];
            (void)snprintf(pointer, sizeof(pointer), "/logs/%zu", i);
            return misses(err, pointer);
        }
    }
    out->logs = log;
    out->log_count = i;
    return METE_OK;
}

enum mete_code rpc_receipt_read(struct arena *a, const struct json *j, struct evm_receipt *out,
                                struct mete_err *err)
{
    struct evm_receipt r = {0};
    uint64_t status = 0;
    const char *wrong = NULL;
    if (!rpc_hash(json_get(j, "transactionHash"), &r.tx)) {
        wrong = "/transactionHash";
    } else if (!rpc_u64(json_get(j, "status"), &status) || status > 1) {
        wrong = "/status";
    } else if (!rpc_u64(json_get(j, "blockNumber"), &r.block_number)) {
        wrong = "/blockNumber";
    } else if (!rpc_hash(json_get(j, "blockHash"), &r.block)) {
        wrong = "/blockHash";
    } else if (!rpc_u64(json_get(j, "gasUsed"), &r.gas_used)) {
        wrong = "/gasUsed";
    } else if (!rpc_u256(json_get(j, "effectiveGasPrice"), &r.gas_price)) {
        wrong = "/effectiveGasPrice";
    } else if (!rpc_address(json_get(j, "from"), &r.from)) {
        wrong = "/from";
    }
    if (wrong != NULL) {
        return misses(err, wrong);
    }
    r.is_ok = status == 1;
    enum mete_code code = logs_read(a, j, &r, err);
    if (code == METE_OK) {
        *out = r;
    }
    return code;
}

bool rpc_receipt_of(struct arena *a, const struct rpc_answer *answer, const struct hash *tx,
                    struct evm_receipt *out)
{
    struct evm_receipt r;
    if (answer->is_error || answer->result == NULL || answer->result->type != JSON_OBJECT ||
        rpc_receipt_read(a, answer->result, &r, NULL) != METE_OK || !hash_eq(&r.tx, tx)) {
        return false;
    }
    *out = r;
    return true;
}

enum mete_code rpc_block_read(const struct json *j, struct evm_block *out, struct mete_err *err)
{
    struct evm_block b = {0};
    const struct json *base_fee = json_get(j, "baseFeePerGas");
    const char *wrong = NULL;
    if (!rpc_u64(json_get(j, "number"), &b.number)) {
        wrong = "/number";
    } else if (!rpc_hash(json_get(j, "hash"), &b.hash)) {
        wrong = "/hash";
    } else if (!rpc_hash(json_get(j, "parentHash"), &b.parent)) {
        wrong = "/parentHash";
    } else if (!rpc_u64(json_get(j, "timestamp"), &b.time)) {
        wrong = "/timestamp";
    } else if (base_fee != NULL && !rpc_u256(base_fee, &b.base_fee)) {
        wrong = "/baseFeePerGas";
    }
    if (wrong != NULL) {
        return misses(err, wrong);
    }
    *out = b;
    return METE_OK;
}
