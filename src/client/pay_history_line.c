/* SPDX-License-Identifier: Apache-2.0
 * One payment as a line of JSON, and back. Unknown members are left alone: a later version may
 * write more. */
#include "client/pay_history.h"

#include "base/arena.h"
#include "base/encode.h"
#include "base/text.h"
#include "wire/json.h"

#include <stdlib.h>
#include <string.h>

#define DECIMALS_MAX 36

static const char *const STATES[] = {
    [METE_CLIENT_STATE_SIGNED] = "signed", [METE_CLIENT_STATE_SENT] = "sent",
    [METE_CLIENT_STATE_PAID] = "paid",     [METE_CLIENT_STATE_UNPAID] = "refused",
    [METE_CLIENT_STATE_OPEN] = "unknown",  [METE_CLIENT_STATE_LAPSED] = "expired",
    [METE_CLIENT_STATE_OWED] = "owed",     [METE_CLIENT_STATE_ABANDONED] = "abandoned",
};

const char *mete_client_state_name(enum mete_client_state state)
{
    return (size_t)state < ARRAY_LEN(STATES) ? STATES[state] : "unknown";
}

void entry_free(struct pay_entry *e)
{
    if (e != NULL) {
        free(e->url);
        free(e->header);
        free(e);
    }
}

bool entry_worth(const struct pay_entry *e, struct u256 *out)
{
    struct u256 v;
    if (e->decimals > ENTRY_SCALE || !u256_parse(text_of(e->amount), &v)) {
        return false;
    }
    for (unsigned i = e->decimals; i < ENTRY_SCALE; i++) {
        if (!u256_mul_small(v, 10, &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

bool entry_is_over(const struct pay_entry *e)
{
    return e->state == METE_CLIENT_STATE_LAPSED || e->state == METE_CLIENT_STATE_ABANDONED ||
           (e->state == METE_CLIENT_STATE_PAID && !e->has_id);
}

/* --- writing -----------------------------------------------------------------------------------*/

static void put_some(struct json_writer *w, const char *key, const char *value)
{
    if (value[0] != '\0') {
        jw_str(w, key, value);
    }
}

static void put_head(struct json_writer *w, const struct pay_entry *e, mete_time at)
{
    char when[TIME_TEXT_MAX];
    (void)time_format(at, when);
    jw_object(w, NULL);
    jw_int(w, "v", 1);
    jw_str(w, "at", when);
    jw_str(w, "id", e->id);
    jw_str(w, "state", mete_client_state_name(e->state));
}

void entry_write(struct buf *out, const struct pay_entry *e)
{
    struct json_writer w;
    char key[2 * SHA256_LEN + 1];
    char asked[2 * SHA256_LEN + 1];
    hash_hex(&e->key, key);
    hash_hex(&e->asked, asked);
    jw_init(&w, out, false);
    put_head(&w, e, e->at);
    jw_str(&w, "key", key);
    jw_bool(&w, "named", e->has_id);
    put_some(&w, "asked", e->has_asked ? asked : "");
    jw_str(&w, "method", e->method);
    jw_str(&w, "url", e->url);
    jw_str(&w, "host", e->host);
    put_some(&w, "asked_host", e->asked_host);
    jw_int(&w, "x402", e->version);
    jw_str(&w, "scheme", e->scheme);
    jw_bool(&w, "permit2", e->is_permit2);
    jw_str(&w, "network", e->network);
    jw_str(&w, "asset", e->asset);
    jw_str(&w, "symbol", e->symbol);
    jw_int(&w, "decimals", e->decimals);
    jw_str(&w, "amount", e->amount);
    jw_str(&w, "pay_to", e->pay_to);
    jw_str(&w, "payer", e->payer);
    jw_str(&w, "nonce", e->nonce);
    jw_int(&w, "valid_until", e->valid_until_s);
    jw_str(&w, "payment", e->header);
    jw_end_object(&w);
    buf_put_u8(out, '\n');
}

void entry_write_change(struct buf *out, const struct pay_entry *e, mete_time now)
{
    struct json_writer w;
    jw_init(&w, out, false);
    put_head(&w, e, now);
    put_some(&w, "charged", e->charged);
    put_some(&w, "transaction", e->transaction);
    put_some(&w, "reason", e->reason);
    jw_end_object(&w);
    buf_put_u8(out, '\n');
}

/* --- reading -----------------------------------------------------------------------------------*/

static struct text text_at(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : TEXT("");
}

/** False: too long for its place. */
static bool take(const struct json *j, const char *name, char *out, size_t size)
{
    return text_copy(out, size, text_at(j, name));
}

static char *copy_of(struct text t)
{
    char *out = strndup(t.p != NULL ? t.p : "", t.len);
    METE_ASSERT(out != NULL);
    return out;
}

static bool state_read(struct text name, enum mete_client_state *out)
{
    for (size_t i = 0; i < ARRAY_LEN(STATES); i++) {
        if (text_is(name, STATES[i])) {
            *out = (enum mete_client_state)i;
            return true;
        }
    }
    return false;
}

static bool change_take(const struct json *j, struct pay_entry *e)
{
    return take(j, "id", e->id, sizeof e->id) && strlen(e->id) == ENTRY_ID_LEN &&
           state_read(text_at(j, "state"), &e->state) &&
           take(j, "charged", e->charged, sizeof e->charged) &&
           take(j, "transaction", e->transaction, sizeof e->transaction) &&
           take(j, "reason", e->reason, sizeof e->reason) &&
           time_parse(text_at(j, "at"), &e->at) == TIME_OK;
}

static bool numbers_take(const struct json *j, struct pay_entry *e)
{
    int64_t version;
    int64_t decimals;
    if (!json_int(json_get(j, "x402"), 1, 2, &version) ||
        !json_int(json_get(j, "decimals"), 0, DECIMALS_MAX, &decimals) ||
        !json_int(json_get(j, "valid_until"), 0, INT64_MAX, &e->valid_until_s)) {
        return false;
    }
    e->version = (int)version;
    e->decimals = (unsigned)decimals;
    e->has_id = json_is_true(json_get(j, "named"));
    e->is_permit2 = json_is_true(json_get(j, "permit2"));
    return true;
}

/** Earlier versions did not write down what a named request was. */
static bool asked_take(const struct json *j, struct pay_entry *e)
{
    e->has_asked = e->has_id && json_get(j, "asked") != NULL;
    return !e->has_asked || hex_decode(e->asked.b, SHA256_LEN, text_at(j, "asked"));
}

static bool signed_take(const struct json *j, struct pay_entry *e)
{
    struct u256 worth;
    return numbers_take(j, e) && hex_decode(e->key.b, SHA256_LEN, text_at(j, "key")) &&
           asked_take(j, e) && take(j, "method", e->method, sizeof e->method) &&
           take(j, "host", e->host, sizeof e->host) &&
           take(j, "asked_host", e->asked_host, sizeof e->asked_host) &&
           take(j, "scheme", e->scheme, sizeof e->scheme) &&
           take(j, "network", e->network, sizeof e->network) &&
           take(j, "asset", e->asset, sizeof e->asset) &&
           take(j, "symbol", e->symbol, sizeof e->symbol) &&
           take(j, "pay_to", e->pay_to, sizeof e->pay_to) &&
           take(j, "payer", e->payer, sizeof e->payer) &&
           take(j, "amount", e->amount, sizeof e->amount) &&
           take(j, "nonce", e->nonce, sizeof e->nonce) && entry_worth(e, &worth) &&
           text_at(j, "url").len > 0 && text_at(j, "payment").len > 0;
}

enum entry_kind entry_read(struct text line, struct pay_entry *out)
{
    struct arena a;
    struct json *j;
    struct mete_err err;
    enum entry_kind kind = LINE_BROKEN;
    while (line.len > 0 && (unsigned char)line.p[line.len - 1] <= ' ') {
        line.len--; /* an editor's line end is no sign of a crash */
    }
    if (line.len == 0 || line.p[line.len - 1] != '}') {
        return LINE_TORN;
    }
    *out = (struct pay_entry){0};
    arena_init(&a, JSON_ARENA_MAX(line.len) + line.len + 4096);
    if (json_parse(&a, line, &j, &err) == METE_OK && change_take(j, out)) {
        const bool is_new = json_get(j, "key") != NULL;
        kind = !is_new ? LINE_CHANGE : signed_take(j, out) ? LINE_SIGNED : LINE_BROKEN;
        if (kind == LINE_SIGNED) {
            out->url = copy_of(text_at(j, "url"));
            out->header = copy_of(text_at(j, "payment"));
        }
    }
    arena_clear(&a);
    return kind;
}
