/* SPDX-License-Identifier: Apache-2.0
 * Payloads of x402.*: the steps of a payment, which mete makes itself; policies of resources; what
 * is listed for discovery. Addresses of EVM chains are kept in lower case. */
#include "wire/payload_parts.h"

#include "base/encode.h"
#include "core/x402.h"

#include <string.h>

#define ADDRESS_LEN_MAX 120
#define NONCE_LEN_MAX   80
#define VALUE_LEN_MAX   40

/* --- single values -----------------------------------------------------------------------------*/

static enum mete_code field_payment(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    struct event_x402 *x = out;
    (void)f;
    if (j->type != JSON_STRING || !x402_number_parse(j->text, &x->number)) {
        return form_fail(in, j, METE_MEMBER_VALUE, "\"x402-\" and 40 hexadecimal digits");
    }
    x->payment = j->text;
    return METE_OK;
}

static bool is_one_of(char c, const char *more)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(more, c) != NULL;
}

/** CAIP-2: a namespace and a chain. A party is named by it, so none of mete's own. */
static bool network_valid(struct text t)
{
    const char *colon = t.len > 0 ? memchr(t.p, ':', t.len) : NULL;
    size_t space = colon != NULL ? (size_t)(colon - t.p) : 0;
    if (space < 3 || space > 8 || t.len - space - 1 < 1 || t.len - space - 1 > 32) {
        return false;
    }
    for (size_t i = 0; i < t.len; i++) {
        bool upper = t.p[i] >= 'A' && t.p[i] <= 'Z' && i > space;
        if (i != space &&
            (t.p[i] == '\0' || !(upper || is_one_of(t.p[i], i < space ? "-" : "-_")))) {
            return false;
        }
    }
    return party_judge(t) == METE_OK;
}

static enum mete_code field_network(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    (void)f;
    if (j->type != JSON_STRING || !network_valid(j->text)) {
        return form_fail(in, j, METE_MEMBER_VALUE, "a network as CAIP-2, such as eip155:8453");
    }
    *(struct text *)out = j->text;
    return METE_OK;
}

/** An address or another id of a chain; those that begin with 0x in lower case. */
static enum mete_code field_address(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    struct text t;
    enum mete_code code = form_id(in, j, &t);
    (void)f;
    if (code == METE_OK && t.len > ADDRESS_LEN_MAX) {
        return form_fail(in, j, METE_TEXT_LENGTH, "at most %d characters", ADDRESS_LEN_MAX);
    }
    if (code != METE_OK || t.len < 2 || t.p[0] != '0' || t.p[1] != 'x') {
        *(struct text *)out = code == METE_OK ? t : *(struct text *)out;
        return code;
    }
    char *lower = arena_alloc(in->arena, t.len);
    for (size_t i = 0; i < t.len; i++) {
        lower[i] = (char)(t.p[i] >= 'A' && t.p[i] <= 'Z' ? t.p[i] | 0x20 : t.p[i]);
    }
    *(struct text *)out = (struct text){lower, t.len};
    return METE_OK;
}

static enum mete_code hash_read(const struct form_in *in, const struct json *j, struct hash *out)
{
    if (j->type != JSON_STRING || !hex_decode(out->b, sizeof out->b, j->text)) {
        return form_fail(in, j, METE_MEMBER_VALUE, "64 hexadecimal digits");
    }
    return METE_OK;
}

static enum mete_code field_request(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    (void)f;
    return hash_read(in, j, out);
}

static enum mete_code field_reservation(const struct form_in *in, const struct field *f,
                                        const struct json *j, void *out)
{
    struct event_x402 *x = out;
    (void)f;
    x->has_reservation = true;
    return hash_read(in, j, &x->reservation);
}

/** Decimal digits. */
static enum mete_code field_digits(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    enum mete_code code = form_line(in, j, 1, (size_t)f->max, out);
    for (size_t i = 0; code == METE_OK && i < j->text.len; i++) {
        if (j->text.p[i] < '0' || j->text.p[i] > '9') {
            return form_fail(in, j, METE_MEMBER_VALUE, "decimal digits alone");
        }
    }
    return code;
}

/** "0x" and hexadecimal digits. */
static enum mete_code field_raw(const struct form_in *in, const struct field *f,
                                const struct json *j, void *out)
{
    enum mete_code code = form_line(in, j, 4, X402_RAW_LEN_MAX, out);
    bool fine = code == METE_OK && text_starts(j->text, "0x") && j->text.len % 2 == 0;
    for (size_t i = 2; fine && i < j->text.len; i++) {
        fine = (j->text.p[i] >= '0' && j->text.p[i] <= '9') ||
               (j->text.p[i] >= 'a' && j->text.p[i] <= 'f');
    }
    (void)f;
    return code != METE_OK || fine
               ? code
               : form_fail(in, j, METE_MEMBER_VALUE, "0x and hexadecimal digits in lower case");
}

/* --- the steps of a payment --------------------------------------------------------------------*/

#define PAYMENT                                                                                    \
    {                                                                                              \
        TEXT("payment"), field_payment, true, AT(x402), 0, 0, NULL                                 \
    }
#define NAME                                                                                       \
    {TEXT("network"), field_network, true, AT(x402.network), 0, 0, NULL},                          \
        {TEXT("asset"), field_address, true, AT(x402.asset), 0, 0, NULL},                          \
        {TEXT("from"), field_address, true, AT(x402.from), 0, 0, NULL},                            \
    {                                                                                              \
        TEXT("nonce"), field_line, true, AT(x402.nonce), 1, NONCE_LEN_MAX, NULL                    \
    }
#define UNTIL                                                                                      \
    {                                                                                              \
        TEXT("until"), field_time, true, AT(x402.until), 0, 0, NULL                                \
    }
#define RESERVATION(needed)                                                                        \
    {                                                                                              \
        TEXT("reservation"), field_reservation, needed, AT(x402), 0, 0, NULL                       \
    }
#define TRANSACTION(needed)                                                                        \
    {                                                                                              \
        TEXT("transaction"), field_line, needed, AT(x402.transaction), 1, ADDRESS_LEN_MAX, NULL    \
    }
#define BLOCK                                                                                      \
    {                                                                                              \
        TEXT("block"), field_u64, false, AT(x402.block), 0, FORM_INTEGER_MAX, NULL                 \
    }
#define GAS                                                                                        \
    {TEXT("gas_used"), field_u64, false, AT(x402.gas_used), 0, FORM_INTEGER_MAX, NULL},            \
    {                                                                                              \
        TEXT("gas_price"), field_u64, false, AT(x402.gas_price), 0, FORM_INTEGER_MAX, NULL         \
    }

static const struct field reserved_fields[] = {PAYMENT, NAME, UNTIL, RESERVATION(true)};
FORM(reserved_form, reserved_fields);

static const struct field released_fields[] = {PAYMENT, RESERVATION(true)};
FORM(released_form, released_fields);

static const struct field settling_fields[] = {
    PAYMENT,
    NAME,
    UNTIL,
    RESERVATION(false),
    TRANSACTION(false),
    {TEXT("scheme"), field_id, true, AT(x402.scheme), 0, 0, NULL},
    {TEXT("to"), field_address, true, AT(x402.to), 0, 0, NULL},
    {TEXT("value"), field_digits, true, AT(x402.value), 0, VALUE_LEN_MAX, NULL},
    {TEXT("amount"), field_money, true, AT(x402.amount), 0, 0, NULL},
    {TEXT("resource"), field_line, false, AT(x402.resource), 0, X402_RESOURCE_LEN_MAX, NULL},
    {TEXT("policy"), field_id, false, AT(x402.policy), 0, 0, NULL},
    {TEXT("policy_asked"), field_bool, false, AT(x402.policy_asked), 0, 0, NULL},
    {TEXT("request"), field_request, true, AT(x402.request), 0, 0, NULL},
    {TEXT("signer"), field_address, false, AT(x402.signer), 0, 0, NULL},
    {TEXT("account_nonce"), field_u64, false, AT(x402.account_nonce), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("raw"), field_raw, false, AT(x402.raw), 0, 0, NULL}};
FORM(settling_form, settling_fields);

static const struct field replaced_fields[] = {
    PAYMENT,
    TRANSACTION(true),
    {TEXT("account_nonce"), field_u64, true, AT(x402.account_nonce), 0, FORM_INTEGER_MAX, NULL},
    {TEXT("raw"), field_raw, true, AT(x402.raw), 0, 0, NULL},
    {TEXT("cancels"), field_bool, false, AT(x402.cancels), 0, 0, NULL}};
FORM(replaced_form, replaced_fields);

static const struct field settled_fields[] = {
    PAYMENT,
    NAME,
    TRANSACTION(false),
    BLOCK,
    GAS,
    {TEXT("to"), field_address, true, AT(x402.to), 0, 0, NULL},
    {TEXT("value"), field_digits, true, AT(x402.value), 0, VALUE_LEN_MAX, NULL},
    {TEXT("amount"), field_money, true, AT(x402.amount), 0, 0, NULL},
    {TEXT("resource"), field_line, false, AT(x402.resource), 0, X402_RESOURCE_LEN_MAX, NULL},
    {TEXT("policy"), field_id, false, AT(x402.policy), 0, 0, NULL}};
FORM(settled_form, settled_fields);

static const struct field failed_fields[] = {
    PAYMENT,
    TRANSACTION(false),
    BLOCK,
    GAS,
    {TEXT("reason"), field_line, true, AT(x402.reason), 1, LABEL_LEN_MAX, NULL}};
FORM(failed_form, failed_fields);

static const struct field confirmed_fields[] = {PAYMENT, BLOCK};
FORM(confirmed_form, confirmed_fields);

static const struct field undone_fields[] = {
    PAYMENT, {TEXT("undoes"), field_event_id, true, AT(x402.undoes), 0, 0, NULL}};
FORM(undone_form, undone_fields);

/** What is signed has an account, a nonce and bytes; what is not has none of them. */
static enum mete_code settling_check(const struct payload_in *p)
{
    static const char *const members[] = {"signer", "account_nonce", "transaction", "raw"};
    size_t there = 0;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        there += json_get(p->payload, members[i]) != NULL;
    }
    return there == 0 || there == ARRAY_LEN(members)
               ? METE_OK
               : form_fail(p->form, p->payload, METE_MEMBER_VALUE,
                           "signer, account_nonce, transaction and raw belong together");
}

/* --- policies of resources ---------------------------------------------------------------------*/

/** null takes the row away. */
static enum mete_code field_policy_or_null(const struct form_in *in, const struct field *f,
                                           const struct json *j, void *out)
{
    (void)f;
    return j->type == JSON_NULL ? METE_OK : form_id(in, j, out);
}

static const struct field policy_fields[] = {
    {TEXT("pay_to"), field_address, true, AT(x402_policy.pay_to), 0, 0, NULL},
    {TEXT("resource"), field_line, true, AT(x402_policy.resource), 1, X402_RESOURCE_LEN_MAX, NULL},
    {TEXT("network"), field_network, false, AT(x402_policy.network), 0, 0, NULL},
    {TEXT("policy"), field_policy_or_null, true, AT(x402_policy.policy), 0, 0, NULL}};
FORM_STRICT(policy_form, policy_fields);

static enum mete_code policy_check(const struct payload_in *p)
{
    struct text r = p->event->x402_policy.resource;
    const char *star = memchr(r.p, '*', r.len);
    return star == NULL || star == r.p + r.len - 1
               ? METE_OK
               : form_fail(p->form, json_get(p->payload, "resource"), METE_MEMBER_VALUE,
                           "a * stands at the end alone: all that begins like this");
}

/* --- listings ----------------------------------------------------------------------------------*/

static const char *const listing_types[] = {"http", "mcp", NULL};
static const char *const listing_sources[] = {"registered", "seen", NULL};

/** Payment requirements, of which the book looks at who is paid. */
static enum mete_code field_accepts(const struct form_in *in, const struct field *f,
                                    const struct json *j, void *out)
{
    struct event_x402_listing *l = out;
    enum mete_code code = form_type(in, j, JSON_ARRAY);
    if (code != METE_OK) {
        return code;
    }
    if (j->count == 0 || j->count > X402_MERCHANTS_MAX) {
        return form_fail(in, j, METE_MEMBER_VALUE, "1 to %u payment requirements",
                         X402_MERCHANTS_MAX);
    }
    struct text *pay_to = arena_array(in->arena, j->count, sizeof *pay_to);
    for (const struct json *a = j->child; a != NULL && code == METE_OK; a = a->next) {
        code = form_type(in, a, JSON_OBJECT);
        const struct json *to = code == METE_OK ? json_get(a, "payTo") : NULL;
        if (code == METE_OK) {
            code = to == NULL ? form_missing(in, a, TEXT("payTo"))
                              : field_address(in, f, to, &pay_to[l->pay_to_count++]);
        }
    }
    l->pay_to = pay_to;
    return code;
}

static enum mete_code field_object(const struct form_in *in, const struct field *f,
                                   const struct json *j, void *out)
{
    (void)f;
    (void)out;
    return form_type(in, j, JSON_OBJECT);
}

static const struct field unlisted_fields[] = {
    {TEXT("resource"), field_line, true, AT(x402_listing.resource), 1, X402_RESOURCE_LEN_MAX, NULL},
    {TEXT("tool_name"), field_line, false, AT(x402_listing.tool), 1, LABEL_LEN_MAX, NULL}};
FORM(unlisted_form, unlisted_fields);

static const struct field listed_fields[] = {
    {TEXT("resource"), field_line, true, AT(x402_listing.resource), 1, X402_RESOURCE_LEN_MAX, NULL},
    {TEXT("tool_name"), field_line, false, AT(x402_listing.tool), 1, LABEL_LEN_MAX, NULL},
    {TEXT("type"), field_choice, true, AT(x402_listing.kind), 0, 0, listing_types},
    {TEXT("source"), field_choice, false, AT(x402_listing.source), 0, 0, listing_sources},
    {TEXT("x402_version"), field_i32, true, AT(x402_listing.version), 1, 2, NULL},
    {TEXT("accepts"), field_accepts, true, AT(x402_listing), 0, 0, NULL},
    {TEXT("metadata"), field_object, false, 0, 0, 0, NULL},
    {TEXT("extensions"), field_object, false, 0, 0, 0, NULL}};
FORM(listed_form, listed_fields);

static enum mete_code listed_check(const struct payload_in *p)
{
    struct event_x402_listing *l = &p->event->x402_listing;
    l->seen = text_is(l->source, "seen");
    if (p->payload->raw.len > X402_LISTING_LEN_MAX) {
        return form_fail(p->form, p->payload, METE_TEXT_LENGTH, "at most %u bytes",
                         X402_LISTING_LEN_MAX);
    }
    return METE_OK;
}

const struct payload_kind *payload_kind_x402(enum event_type type)
{
    static const struct payload_kind kinds[EVENT_TYPE_COUNT] = {
        [EVENT_X402_RESERVED] = {&reserved_form, NULL, NULL},
        [EVENT_X402_RELEASED] = {&released_form, NULL, NULL},
        [EVENT_X402_SETTLING] = {&settling_form, NULL, settling_check},
        [EVENT_X402_REPLACED] = {&replaced_form, NULL, NULL},
        [EVENT_X402_SETTLED] = {&settled_form, NULL, NULL},
        [EVENT_X402_FAILED] = {&failed_form, NULL, NULL},
        [EVENT_X402_CONFIRMED] = {&confirmed_form, NULL, NULL},
        [EVENT_X402_UNDONE] = {&undone_form, NULL, NULL},
        [EVENT_X402_POLICY_SET] = {&policy_form, NULL, policy_check},
        [EVENT_X402_LISTED] = {&listed_form, NULL, listed_check},
        [EVENT_X402_UNLISTED] = {&unlisted_form, NULL, NULL},
    };
    return kinds[type].form != NULL ? &kinds[type] : NULL;
}
