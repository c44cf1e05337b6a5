/* SPDX-License-Identifier: Apache-2.0
 * The one table of a step's members, read and written by it, and results in both directions. */
#include "http/x402_door.h"

#include "base/encode.h"
#include "base/i128.h"
#include "base/limits.h"
#include "base/text.h"
#include "render/x402.h"
#include "wire/json_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const KINDS[] = {
    [X402_STEP_RESERVE] = "reserve",     [X402_STEP_RELEASE] = "release",
    [X402_STEP_SETTLE] = "settle",       [X402_STEP_REPLACE] = "replace",
    [X402_STEP_SETTLED] = "settled",     [X402_STEP_FAILED] = "failed",
    [X402_STEP_CONFIRMED] = "confirmed", [X402_STEP_UNDONE] = "undone",
};
static const char *const STATUSES[] = {
    [X402_STEP_TAKEN] = "taken", [X402_STEP_KNOWN] = "known", [X402_STEP_REFUSED] = "refused"};

/* A member of a step, by its place in struct x402_step. */
enum member_type { MEMBER_TEXT, MEMBER_U64, MEMBER_U8, MEMBER_TIME, MEMBER_HASH, MEMBER_BOOL };

static const struct member {
    const char *name;
    enum member_type type;
    size_t at;
    uint64_t max; /* of a number, or the bytes of a text */
} MEMBERS[] = {
#define AT(member) offsetof(struct x402_step, member)
    {"id", MEMBER_TEXT, AT(id), 64},
    {"network", MEMBER_TEXT, AT(name.network), 64},
    {"asset", MEMBER_TEXT, AT(name.asset), 200},
    {"from", MEMBER_TEXT, AT(name.from), 200},
    {"nonce", MEMBER_TEXT, AT(name.nonce), 200},
    {"reservation", MEMBER_TEXT, AT(reservation), 200},
    {"until", MEMBER_TIME, AT(until), 0},
    {"request", MEMBER_HASH, AT(request), 0},
    {"scheme", MEMBER_TEXT, AT(scheme), 200},
    {"to", MEMBER_TEXT, AT(to), 200},
    {"value", MEMBER_TEXT, AT(value), 80},
    {"resource", MEMBER_TEXT, AT(resource), 4096},
    {"policy", MEMBER_TEXT, AT(policy), 200},
    {"code", MEMBER_TEXT, AT(code), 64},
    {"scale", MEMBER_U8, AT(scale), SCALE_MAX},
    {"unlisted", MEMBER_BOOL, AT(is_unlisted), 0},
    {"counted", MEMBER_U64, AT(counted), INT64_MAX},
    {"call_to", MEMBER_TEXT, AT(call.to), 200},
    {"call_data", MEMBER_TEXT, AT(call.data), X402_RAW_LEN_MAX},
    {"gas", MEMBER_U64, AT(call.gas), INT64_MAX},
    {"fee_max", MEMBER_TEXT, AT(call.fee_max), 80},
    {"tip_max", MEMBER_TEXT, AT(call.tip_max), 80},
    {"cancels", MEMBER_BOOL, AT(cancels), 0},
    {"transaction", MEMBER_TEXT, AT(transaction), 200},
    {"reason", MEMBER_TEXT, AT(reason), 4096},
    {"block", MEMBER_U64, AT(block), INT64_MAX},
    {"block_time", MEMBER_TIME, AT(block_time), 0},
    {"gas_used", MEMBER_U64, AT(gas_used), INT64_MAX},
    {"gas_price", MEMBER_TEXT, AT(gas_price), 80},
#undef AT
};

/* --- steps -------------------------------------------------------------------------------------*/

static void number_write(struct json_writer *w, const char *name, uint64_t number)
{
    if (number != 0) {
        jw_int(w, name, (int64_t)(number & INT64_MAX));
    }
}

static void member_write(struct json_writer *w, const struct member *m, const void *at)
{
    static const struct hash none;
    switch (m->type) {
    case MEMBER_TEXT:
        if (((const struct text *)at)->len > 0) {
            jw_text(w, m->name, *(const struct text *)at);
        }
        break;
    case MEMBER_U64:
        number_write(w, m->name, *(const uint64_t *)at);
        break;
    case MEMBER_U8:
        number_write(w, m->name, *(const uint8_t *)at);
        break;
    case MEMBER_TIME:
        if (*(const mete_time *)at > 0) {
            mete_time t = *(const mete_time *)at;
            jw_time(w, m->name, t < TIME_MAX ? t : TIME_MAX);
        }
        break;
    case MEMBER_HASH:
        if (!hash_eq(at, &none)) {
            jw_hash(w, m->name, at);
        }
        break;
    case MEMBER_BOOL:
        if (*(const bool *)at) {
            jw_bool(w, m->name, true);
        }
        break;
    }
}

void x402_step_write(struct json_writer *w, const struct x402_step *s)
{
    jw_object(w, NULL);
    jw_str(w, "step", KINDS[s->kind]);
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++) {
        member_write(w, &MEMBERS[i], (const char *)s + MEMBERS[i].at);
    }
    jw_end_object(w);
    jw_spill(w);
}

static bool number_read(const struct json *j, uint64_t max, uint64_t *out)
{
    u128 number = 0;
    if (j->type != JSON_NUMBER || !u128_parse(j->text, &number) || number > max) {
        return false;
    }
    *out = (uint64_t)number;
    return true;
}

static bool member_read(const struct json *j, const struct member *m, void *at)
{
    uint64_t number = 0;
    switch (m->type) {
    case MEMBER_TEXT:
        *(struct text *)at = j->text;
        return j->type == JSON_STRING && j->text.len <= m->max;
    case MEMBER_U64:
        return number_read(j, m->max, at);
    case MEMBER_U8:
        if (!number_read(j, m->max, &number)) {
            return false;
        }
        *(uint8_t *)at = (uint8_t)number;
        return true;
    case MEMBER_TIME:
        return j->type == JSON_STRING && time_parse(j->text, at) == TIME_OK;
    case MEMBER_HASH:
        return j->type == JSON_STRING && hex_decode(((struct hash *)at)->b, SHA256_LEN, j->text);
    case MEMBER_BOOL:
        *(bool *)at = json_is_true(j);
        return j->type == JSON_TRUE || j->type == JSON_FALSE;
    }
    return false;
}

static enum mete_code wrong(struct mete_err *err, size_t index, struct text member,
                            const char *what)
{
    char pointer[96];
    int len = (int)(member.len < 40 ? member.len : 40);
    snprintf(pointer, sizeof pointer, "/steps/%zu%s%.*s", index, len > 0 ? "/" : "", len,
             member.p != NULL ? member.p : "");
    return mete_fail(err, METE_REQUEST_INVALID, pointer, "%s", what);
}

static bool kind_read(const struct json *j, enum x402_step_kind *out)
{
    for (size_t i = 0; j->type == JSON_STRING && i < ARRAY_LEN(KINDS); i++) {
        if (text_is(j->text, KINDS[i])) {
            *out = (enum x402_step_kind)i;
            return true;
        }
    }
    return false;
}

static const struct member *member_of(struct text name)
{
    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++) {
        if (text_is(name, MEMBERS[i].name)) {
            return &MEMBERS[i];
        }
    }
    return NULL;
}

enum mete_code x402_step_read(const struct json *j, size_t index, struct x402_step *out,
                              struct mete_err *err)
{
    *out = (struct x402_step){0};
    if (j->type != JSON_OBJECT) {
        return wrong(err, index, (struct text){0}, "a step is an object");
    }
    const struct json *step = json_get(j, "step");
    if (step == NULL || !kind_read(step, &out->kind)) {
        return wrong(err, index, TEXT("step"),
                     "step is reserve, release, settle, replace, settled, failed, confirmed or "
                     "undone");
    }
    for (const struct json *m = j->child; m != NULL; m = m->next) {
        const struct member *member = member_of(m->key);
        if (m == step || m->type == JSON_NULL) {
            continue;
        }
        if (member == NULL) {
            return wrong(err, index, m->key, "a step has a member that nobody knows");
        }
        if (!member_read(m, member, (char *)out + member->at)) {
            return wrong(err, index, m->key, "this is of another type, too large or too long");
        }
    }
    bool has_name = out->name.network.len > 0 && out->name.asset.len > 0 &&
                    out->name.from.len > 0 && out->name.nonce.len > 0;
    return has_name || out->id.len > 0
               ? METE_OK
               : wrong(err, index, (struct text){0},
                       "a step has an id, or network, asset, from and nonce");
}

/* --- results -----------------------------------------------------------------------------------*/

void x402_result_write(struct json_writer *w, const struct x402_step_result *r)
{
    jw_object(w, NULL);
    jw_str(w, "status", STATUSES[r->status]);
    if (r->status == X402_STEP_REFUSED) {
        jw_str(w, "code", mete_code_name(r->err.code));
        jw_str(w, "detail", r->err.text);
    } else {
        jw_null(w, "code");
        jw_null(w, "detail");
    }
    if (r->now.name.network.len > 0) {
        x402_payment_json(w, "payment", &r->now, true);
    } else {
        jw_null(w, "payment");
    }
    jw_end_object(w);
    jw_spill(w);
}

static struct text string_of(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    return m != NULL && m->type == JSON_STRING ? m->text : (struct text){0};
}

static uint64_t number_of(const struct json *j, const char *name)
{
    const struct json *m = json_get(j, name);
    uint64_t number = 0;
    return m != NULL && number_read(m, INT64_MAX, &number) ? number : 0;
}

static mete_time time_of(const struct json *j, const char *name)
{
    struct text t = string_of(j, name);
    mete_time at = 0;
    return t.len > 0 && time_parse(t, &at) == TIME_OK ? at : 0;
}

static bool state_read(struct text name, enum x402_state *out)
{
    const struct machine *m = machine_of(MACHINE_X402);
    *out = X402_NONE;
    for (uint8_t s = 1; s < m->state_count; s++) {
        if (text_is(name, m->state[s])) {
            *out = (enum x402_state)s;
            return true;
        }
    }
    return text_is(name, "none");
}

static struct text *texts_read(const struct json *list, struct arena *a, size_t count)
{
    struct text *out = arena_array(a, count, sizeof *out);
    const struct json *j = list != NULL && list->type == JSON_ARRAY ? list->child : NULL;
    for (size_t i = 0; i < count; i++) {
        out[i] = j != NULL && j->type == JSON_STRING ? j->text : (struct text){0};
        j = j != NULL ? j->next : NULL;
    }
    return out;
}

static void transactions_read(const struct json *j, struct arena *a, struct x402_status *out)
{
    const struct json *list = json_get(j, "transactions");
    out->transaction_count = list != NULL && list->type == JSON_ARRAY ? list->count : 0;
    out->transactions = texts_read(list, a, out->transaction_count);
    out->raws = texts_read(json_get(j, "raws"), a, out->transaction_count);
    out->cancels = json_is_true(json_get(j, "cancels"));
}

bool x402_status_read(const struct json *j, struct arena *a, struct x402_status *out)
{
    *out = (struct x402_status){0};
    if (j == NULL || j->type != JSON_OBJECT || !state_read(string_of(j, "state"), &out->state)) {
        return false;
    }
    struct text request = string_of(j, "request");
    out->is_reserved = json_is_true(json_get(j, "is_reserved"));
    out->name = (struct x402_name){string_of(j, "network"), string_of(j, "asset"),
                                   string_of(j, "from"), string_of(j, "nonce")};
    out->scheme = string_of(j, "scheme");
    out->to = string_of(j, "to");
    out->value = string_of(j, "value");
    out->resource = string_of(j, "resource");
    out->policy = string_of(j, "policy");
    out->asset_code = string_of(j, "code");
    out->asset_scale = (uint8_t)number_of(j, "scale");
    out->signer = string_of(j, "signer");
    out->account_nonce = number_of(j, "account_nonce");
    out->until = time_of(j, "until");
    out->begun_at = time_of(j, "begun_at");
    out->settled_by = string_of(j, "settled_by");
    out->block = number_of(j, "block");
    out->reason = string_of(j, "reason");
    transactions_read(j, a, out);
    return request.len == 0 || hex_decode(out->request.b, sizeof out->request.b, request);
}

bool x402_result_read(const struct json *j, struct arena *a, struct x402_step_result *out)
{
    const struct json *payment = json_get(j, "payment");
    struct text status = string_of(j, "status");
    struct text code = string_of(j, "code");
    struct text detail = string_of(j, "detail");
    size_t i = 0;
    *out = (struct x402_step_result){0};
    while (i < ARRAY_LEN(STATUSES) && !text_is(status, STATUSES[i])) {
        i++;
    }
    if (i == ARRAY_LEN(STATUSES)) {
        return false;
    }
    out->status = (enum x402_step_status)i;
    if (code.len > 0) {
        enum mete_code known = METE_INTERNAL;
        (void)mete_code_of(code.p, code.len, &known);
        (void)mete_fail(&out->err, known, "", "%.*s", (int)detail.len, detail.p);
    }
    return payment == NULL || payment->type == JSON_NULL || x402_status_read(payment, a, &out->now);
}
