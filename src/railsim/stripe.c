/* SPDX-License-Identifier: Apache-2.0
 * Stripe's manner: keys, versions, request ids, errors, and keys of idempotency, which keep the
 * answer of whatever began to be executed for 24 hours, errors included. */
#include "railsim/stripe.h"

#include "base/encode.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX      255
#define KEY_LIVES_US TIME_DAY_US

void stripe_fail(struct call *c, const struct stripe_error *e)
{
    struct json_writer w;
    call_json(c, e->status, &w);
    jw_object(&w, NULL);
    jw_object(&w, "error");
    if (e->code != NULL) {
        jw_str(&w, "code", e->code);
        jw_text(&w, "doc_url",
                arena_printf(&c->arena, "https://stripe.com/docs/error-codes/%s", e->code));
    }
    jw_str(&w, "message", e->message);
    if (e->param != NULL) {
        jw_str(&w, "param", e->param);
    }
    jw_str(&w, "type", e->type);
    jw_end_object(&w);
    jw_end_object(&w);
}

static void refuse(struct call *c, const char *code, const char *param, const char *message)
{
    const struct stripe_error e = {400, "invalid_request_error", code, param, message};
    stripe_fail(c, &e);
}

bool stripe_known(struct call *c, const char *const *names)
{
    for (size_t i = 0; i < c->arg_count; i++) {
        struct text name = c->arg[i].name;
        const char *bracket = name.len > 0 ? memchr(name.p, '[', name.len) : NULL;
        struct text stem = {name.p, bracket != NULL ? (size_t)(bracket - name.p) : name.len};
        bool known = text_is(stem, "expand");
        for (size_t n = 0; names[n] != NULL; n++) {
            known = known || text_is(stem, names[n]);
        }
        if (!known) {
            struct text said =
                arena_printf(&c->arena, "Received unknown parameter: %.*s", (int)name.len, name.p);
            refuse(c, "parameter_unknown", arena_text(&c->arena, name).p, said.p);
            return false;
        }
    }
    return true;
}

bool stripe_needs(struct call *c, const char *name, struct text *out)
{
    *out = call_arg(c, name);
    if (out->len == 0) {
        refuse(c, "parameter_missing", name,
               arena_printf(&c->arena, "Missing required param: %s.", name).p);
        return false;
    }
    return true;
}

bool stripe_amount(struct call *c, const char *name, int64_t *out)
{
    struct text t;
    if (!stripe_needs(c, name, &t)) {
        return false;
    }
    if (!call_number(t, out)) {
        refuse(c, "parameter_invalid_integer", name,
               arena_printf(&c->arena, "Invalid integer: %.*s", (int)t.len, t.p).p);
        return false;
    }
    if (*out < 1) {
        refuse(c, "parameter_invalid_integer", name,
               "This value must be greater than or equal to 1.");
        return false;
    }
    return true;
}

struct text stripe_account(const struct call *c)
{
    return call_header(c, "Stripe-Account");
}

/* --- keys of the API ---------------------------------------------------------------------------*/

/** Bearer, or the user name of Basic. */
static struct text key_given(struct call *c)
{
    struct text given = call_header(c, "Authorization");
    size_t len = 0;
    if (text_starts(given, "Bearer ")) {
        return (struct text){given.p + 7, given.len - 7};
    }
    if (text_starts(given, "Basic ")) {
        uint8_t *plain = arena_alloc(&c->arena, given.len);
        if (base64_decode(plain, given.len, &len, (struct text){given.p + 6, given.len - 6})) {
            const uint8_t *colon = memchr(plain, ':', len);
            return (struct text){(char *)plain, colon != NULL ? (size_t)(colon - plain) : len};
        }
    }
    return (struct text){0};
}

static bool allowed(struct call *c)
{
    struct text key = key_given(c);
    struct text want = arena_printf(&c->arena, "sk_test_%s", c->s->o.secret);
    struct stripe_error e = {401, "invalid_request_error", NULL, NULL,
                             "You did not provide an API key."};
    if (text_eq(key, want)) {
        return true;
    }
    if (key.len > 4) {
        e.message =
            arena_printf(&c->arena, "Invalid API Key provided: *****%.*s", 4, key.p + key.len - 4)
                .p;
    }
    stripe_fail(c, &e);
    return false;
}

/** "2026-10-28" or "2026-10-28.endive". */
static bool version_ok(struct call *c)
{
    int32_t day;
    struct text v = call_header(c, "Stripe-Version");
    if (v.p == NULL) {
        call_add_header(c, "Stripe-Version", TEXT(STRIPE_VERSION));
        return true;
    }
    if (v.len >= 10 && (v.len == 10 || v.p[10] == '.') &&
        time_parse_day((struct text){v.p, 10}, &day)) {
        call_add_header(c, "Stripe-Version", v);
        return true;
    }
    refuse(c, NULL, NULL, "Invalid Stripe API version.");
    return false;
}

/* --- keys of idempotency -----------------------------------------------------------------------*/

static int arg_order(const void *a, const void *b)
{
    const struct pair_text *x = a;
    const struct pair_text *y = b;
    int names = text_cmp(x->name, y->name);
    return names != 0 ? names : text_cmp(x->value, y->value);
}

/** Endpoint and parameters; their order is no matter. */
static void request_hash(struct call *c, char out[65])
{
    struct buf b = {0};
    struct pair_text *sorted = arena_array(&c->arena, c->arg_count + 1, sizeof *sorted);
    memcpy(sorted, c->arg, c->arg_count * sizeof *sorted);
    qsort(sorted, c->arg_count, sizeof *sorted, arg_order);
    buf_put_sized(&b, c->path);
    for (size_t i = 0; i < c->arg_count; i++) {
        buf_put_sized(&b, sorted[i].name);
        buf_put_sized(&b, sorted[i].value);
    }
    struct hash h = sha256(buf_bytes(&b));
    hash_hex(&h, out);
    buf_clear(&b);
}

static void mismatch(struct call *c, struct text key)
{
    struct text said = arena_printf(
        &c->arena,
        "Keys for idempotent requests can only be used with the same parameters they were first "
        "used with. Try using a key other than '%.*s' if you meant to execute a different "
        "request.",
        (int)key.len, key.p);
    const struct stripe_error e = {400, "idempotency_error", NULL, NULL, said.p};
    stripe_fail(c, &e);
}

/** True: the key was used before, and it is answered. */
static bool replayed(struct call *c, struct text key, const char *hash)
{
    struct text account = stripe_account(c);
    state_do(c->s, "DELETE FROM stripe_key WHERE created_us < ?", "i", c->now_us - KEY_LIVES_US);
    sqlite3_stmt *q = state_ask(c->s,
                                "SELECT hash, status, answer FROM stripe_key WHERE account = ? "
                                "AND key = ?",
                                "tt", account.p != NULL ? account : TEXT(""), key);
    if (!state_next(c->s, q)) {
        return false;
    }
    if (text_is(state_text(&c->arena, q, 0), hash)) {
        struct json_writer w;
        call_json(c, (unsigned)state_int(q, 1), &w);
        buf_put_text(&c->out, state_text(&c->arena, q, 2));
        call_add_header(c, "Idempotent-Replayed", TEXT("true"));
    } else {
        mismatch(c, key);
    }
    state_end(q);
    return true;
}

static void keep(struct call *c, struct text key, const char *hash)
{
    struct text account = stripe_account(c);
    state_do(c->s, "INSERT INTO stripe_key VALUES(?,?,?,?,?,?)", "ttsiti",
             account.p != NULL ? account : TEXT(""), key, hash, (int64_t)c->status,
             buf_text(&c->out), c->now_us);
}

/** A call that began, with its faults: an error that was answered is kept like any other. */
static enum stripe_fate execute(struct call *c, enum stripe_fate (*work)(struct call *c))
{
    const struct stripe_error broken = {500, "api_error", NULL, NULL, "An unknown error occurred."};
    enum stripe_fate fate = STRIPE_KEPT;
    if (fault_take(c, FAULT_ERROR_BEFORE)) {
        stripe_fail(c, &broken);
        return STRIPE_KEPT;
    }
    fate = work(c);
    if (fate == STRIPE_KEPT && c->status < 300 && fault_take(c, FAULT_ERROR_AFTER)) {
        stripe_fail(c, &broken);
    }
    return fate;
}

void stripe_run(struct call *c, enum stripe_fate (*work)(struct call *c))
{
    char id[ID_MAX], hash[65];
    struct text key = call_header(c, "Idempotency-Key");
    bool keyed = key.len > 0 && text_is(c->method, "POST");
    state_id(c->s, "req_", id);
    call_add_header(c, "Request-Id", text_of(id));
    if (!allowed(c) || !version_ok(c)) {
        return;
    }
    if (keyed && key.len > KEY_MAX) {
        refuse(c, NULL, NULL, "Idempotency keys have at most 255 characters.");
        return;
    }
    request_hash(c, hash);
    if (keyed && replayed(c, key, hash)) {
        return;
    }
    if (execute(c, work) == STRIPE_KEPT && keyed) {
        keep(c, key, hash);
    }
}

/* --- calls that are at work --------------------------------------------------------------------*/

struct running {
    struct running *next;
    const struct call *call;
    struct text account, key;
};

static bool is_keyed(const struct call *c)
{
    return text_is(c->method, "POST") && strncmp(c->route->name, "stripe.", 7) == 0 &&
           call_header(c, "Idempotency-Key").len > 0;
}

bool stripe_key_begin(struct call *c)
{
    const struct stripe_error busy = {
        409, "invalid_request_error", "idempotency_key_in_use", NULL,
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through)."};
    if (!is_keyed(c)) {
        return true;
    }
    struct text key = call_header(c, "Idempotency-Key");
    for (const struct running *r = c->s->running; r != NULL; r = r->next) {
        if (text_eq(r->key, key) && text_eq(r->account, stripe_account(c))) {
            stripe_fail(c, &busy);
            call_add_header(c, "Stripe-Should-Retry", TEXT("true"));
            return false;
        }
    }
    struct running *r = arena_alloc(&c->arena, sizeof *r);
    *r = (struct running){c->s->running, c, stripe_account(c), key};
    c->s->running = r;
    return true;
}

void stripe_key_end(struct call *c)
{
    struct running **at = &c->s->running;
    while (*at != NULL && (*at)->call != c) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = (*at)->next;
    }
}
